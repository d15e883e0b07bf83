//! How classes are reviewed: what their makers may say of it, and what Google makes of that.

use serde_json::{Value, json};

use super::refusal::Refusal;
use crate::google::resource::ResourceKind;

/// What becomes of classes that are put under review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Review {
    /// Approved at once, as Google does in practice.
    #[default]
    Approve,
    /// Nobody looks at them yet.
    Wait,
    /// Rejected.
    Reject,
}

/// Decides what review status a class has after a change.
pub(super) fn decide(
    kind: ResourceKind,
    before: Option<&Value>,
    brought: &Value,
    after: &mut Value,
    review: Review,
) -> Result<(), Refusal> {
    if kind == ResourceKind::GenericClass {
        return Ok(());
    }
    let was = before.map_or("DRAFT", |class| class["reviewStatus"].as_str().unwrap_or("DRAFT"));
    match (was, brought["reviewStatus"].as_str()) {
        ("DRAFT", None | Some("DRAFT")) => Ok(()),
        (_, Some("UNDER_REVIEW")) => {
            let (status, comments) = match review {
                Review::Approve => ("APPROVED", None),
                Review::Wait => ("UNDER_REVIEW", None),
                Review::Reject => ("REJECTED", Some("Rejected by the stand-in, as it was told to")),
            };
            after["reviewStatus"] = json!(status);
            after.as_object_mut().and_then(|class| class.remove("review"));
            if let Some(comments) = comments {
                after["review"] = json!({"comments": comments});
            }
            Ok(())
        }
        (_, Some("DRAFT")) => Err(Refusal::invalid("Invalid review status: a class can't go back to DRAFT")),
        (_, None) => Err(Refusal::invalid("Invalid review status: a change of a class must set UNDER_REVIEW")),
        (_, Some(other)) => Err(Refusal::invalid(format!("Invalid review status: {other} can't be set"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(before: Option<&str>, sent: Option<&str>) -> Option<String> {
        let before = before.map(|status| json!({"reviewStatus": status}));
        let brought = sent.map_or(json!({}), |status| json!({"reviewStatus": status}));
        let mut after = before.clone().unwrap_or_else(|| brought.clone());
        decide(ResourceKind::LoyaltyClass, before.as_ref(), &brought, &mut after, Review::Approve).ok()?;
        after["reviewStatus"].as_str().map(str::to_owned)
    }

    #[test]
    fn google_alone_approves_and_every_change_goes_through_review() {
        assert_eq!(status(None, Some("UNDER_REVIEW")).as_deref(), Some("APPROVED"));
        assert_eq!(status(None, Some("DRAFT")).as_deref(), Some("DRAFT"));
        assert_eq!(status(Some("DRAFT"), Some("UNDER_REVIEW")).as_deref(), Some("APPROVED"));
        assert_eq!(status(Some("APPROVED"), Some("UNDER_REVIEW")).as_deref(), Some("APPROVED"));
        for (was, sent) in
            [(None, "APPROVED"), (Some("APPROVED"), "APPROVED"), (Some("APPROVED"), "DRAFT"), (Some("DRAFT"), "REJECTED")]
        {
            assert_eq!(status(was, Some(sent)), None, "{was:?} {sent}");
        }
        assert_eq!(status(Some("APPROVED"), None), None);
    }
}
