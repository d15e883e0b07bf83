//! The body of a PATCH: everything that we keep up to date, and nothing else.
//!
//! Google merges: a member that is not sent stays as it is, an object is merged member by member, a list is replaced as a whole,
//! `null` clears. So a member that has vanished here is sent as `null`; a balance that became a text clears the number.

use serde_json::{Map, Value};

use crate::google::model::{Managed, Resource};
use crate::google::resource::ResourceKind;

/// The body that brings a resource at Google to what it is here, whatever it was before. Messages, links to other passes that
/// are not named here, and what others wrote stay. The id is in the address, and an object keeps its class.
#[must_use]
pub fn patch_body<R: Resource>(resource: &R) -> Value {
    let Value::Object(mut body) = resource.body() else { return Value::Null };
    body.remove("id");
    body.remove("classId");
    clear_absent(&mut body, R::managed());
    if reviewed(R::KIND) {
        // Whatever Google answered: a class that says anything else is refused.
        body.insert("reviewStatus".to_owned(), Value::from("UNDER_REVIEW"));
    }
    Value::Object(body)
}

/// Whether a resource goes through Google's review.
const fn reviewed(kind: ResourceKind) -> bool {
    matches!(kind, ResourceKind::LoyaltyClass | ResourceKind::OfferClass | ResourceKind::GiftCardClass)
}

fn clear_absent(object: &mut Map<String, Value>, managed: &[Managed]) {
    for member in managed {
        match object.get_mut(member.name) {
            None => drop(object.insert(member.name.to_owned(), Value::Null)),
            Some(Value::Object(inside)) => clear_absent(inside, member.inside),
            Some(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::google::model::shared::HolderShared;
    use crate::google::model::{Balance, LoyaltyObject, LoyaltyPoints, ObjectShared, State};

    fn card(points: Option<i64>) -> LoyaltyObject {
        let id = |suffix: &str| format!("3388000000022141777.{suffix}").parse().unwrap();
        LoyaltyObject {
            shared: ObjectShared::of(id("pass_1"), id("prog_1")),
            holder: HolderShared::in_state(State::Active),
            account_id: Some("4821".to_owned()),
            account_name: None,
            loyalty_points: points.map(|points| LoyaltyPoints {
                label: None,
                localized_label: None,
                balance: Balance::points(points),
            }),
            secondary_loyalty_points: None,
            linked_offer_ids: Vec::new(),
        }
    }

    #[test]
    fn another_kind_of_balance_clears_the_one_before() {
        let small = patch_body(&card(Some(7)));
        assert_eq!(small["loyaltyPoints"]["balance"]["int"], 7);
        for other in ["string", "double", "money"] {
            assert_eq!(small["loyaltyPoints"]["balance"].get(other), Some(&Value::Null), "{other}");
        }
        let large = patch_body(&card(Some(1 << 40)));
        assert_eq!(large["loyaltyPoints"]["balance"]["string"], "1099511627776");
        assert_eq!(large["loyaltyPoints"]["balance"].get("int"), Some(&Value::Null));
    }

    #[test]
    fn what_vanished_is_cleared_and_what_is_not_ours_is_left_alone() {
        let patch = patch_body(&card(None));
        for cleared in ["accountName", "loyaltyPoints", "barcode", "rotatingBarcode", "textModulesData", "linksModuleData"] {
            assert_eq!(patch.get(cleared), Some(&Value::Null), "{cleared}");
        }
        for left in ["id", "classId", "messages", "linkedObjectIds", "notifyPreference", "hasUsers", "reviewStatus"] {
            assert_eq!(patch.get(left), None, "{left}");
        }
        assert_eq!((&patch["state"], &patch["accountId"]), (&Value::from("ACTIVE"), &Value::from("4821")));
    }
}
