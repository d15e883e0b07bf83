//! Google's discovery document as it checks what comes in: types, unknown names, required fields, old and read-only ones.
//!
//! The file is made by tests/google/discovery.py. What the document says in prose only is `rules`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jsonschema::Validator;
use jsonschema::error::ValidationErrorKind;
use serde_json::{Map, Value, json};

use super::refusal::Refusal;

const TEXT: &str = include_str!("walletobjects.schema.json");

/// The messages that are checked as a whole.
const CHECKED: [&str; 11] = [
    "LoyaltyClass",
    "LoyaltyObject",
    "OfferClass",
    "OfferObject",
    "GiftCardClass",
    "GiftCardObject",
    "GenericClass",
    "GenericObject",
    "AddMessageRequest",
    "JwtResource",
    "JwtValidateRequest",
];

static SCHEMA: LazyLock<Schema> = LazyLock::new(Schema::load);

/// The one schema.
pub(super) fn schema() -> &'static Schema {
    &SCHEMA
}

/// What the discovery document says, ready to check.
pub(super) struct Schema {
    document: Value,
    validators: BTreeMap<&'static str, Validator>,
}

impl Schema {
    fn load() -> Self {
        let document: Value = serde_json::from_str(TEXT).expect("the schema is a file of the repository, and is tested");
        let of = |name: &'static str| {
            let schema = json!({"$ref": format!("#/$defs/{name}"), "$defs": document["$defs"]});
            (name, jsonschema::draft202012::new(&schema).expect("the schema is a file of the repository, and is tested"))
        };
        let validators = CHECKED.into_iter().map(of).collect();
        Self { validators, document }
    }

    /// Checks a whole message. Nulls must have been taken out.
    pub(super) fn check(&self, name: &str, value: &Value) -> Result<(), Refusal> {
        let Some(validator) = self.validators.get(name) else { return Err(Refusal::no_method()) };
        let first = validator.iter_errors(value).next();
        first.map_or(Ok(()), |error| {
            let place = error.instance_path().as_str().trim_start_matches('/').replace('/', ".");
            Err(Refusal::invalid(match error.kind() {
                ValidationErrorKind::AdditionalProperties { unexpected } => unknown_name(&unexpected.join("\", \""), &place),
                ValidationErrorKind::Required { property } => format!("Missing required field: {property} {place}"),
                _ => format!("Invalid value at '{place}': {error}"),
            }))
        })
    }

    /// The fields of a message.
    pub(super) fn fields(&self, name: &str) -> Option<&Map<String, Value>> {
        self.document["$defs"][name]["properties"].as_object()
    }

    /// A method's parameters of the query, and those that all methods take.
    pub(super) fn takes_parameter(&self, method: &str, parameter: &str) -> bool {
        let of_all = self.document["x-query"].as_array().is_some_and(|names| names.iter().any(|name| name == parameter));
        of_all || self.document["x-methods"][method]["parameters"][parameter]["in"] == "query"
    }

    /// A resource without nulls (which say that there is nothing) and without what is Google's to set; says what was left out.
    ///
    /// # Errors
    /// A null or a field that is left out has a name that Google does not know, or a field is deprecated.
    pub(super) fn cleaned(&self, name: &str, value: &Value) -> Result<(Value, Vec<String>), Refusal> {
        let mut ignored = Vec::new();
        let cleaned = self.clean(name, value, "", &mut ignored)?;
        Ok((cleaned, ignored))
    }

    fn clean(&self, name: &str, value: &Value, path: &str, ignored: &mut Vec<String>) -> Result<Value, Refusal> {
        let (Some(members), Some(fields)) = (value.as_object(), self.fields(name)) else { return Ok(value.clone()) };
        let mut made = Map::new();
        for (key, inner) in members {
            let place = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            let Some(field) = fields.get(key) else { return Err(Refusal::invalid(unknown_name(key, path))) };
            if field["deprecated"] == true {
                return Err(Refusal::invalid(format!("Field '{place}' is deprecated")));
            }
            if field["readOnly"] == true {
                ignored.push(place);
            } else if let Some(items) = inner.as_array() {
                let message = referred(&field["items"]);
                let cleaned =
                    items.iter().map(|item| message.map_or(Ok(item.clone()), |of| self.clean(of, item, &place, ignored)));
                made.insert(key.clone(), cleaned.collect::<Result<Vec<_>, _>>()?.into());
            } else if !inner.is_null() {
                let cleaned = referred(field).map_or(Ok(inner.clone()), |of| self.clean(of, inner, &place, ignored))?;
                made.insert(key.clone(), cleaned);
            }
        }
        Ok(Value::Object(made))
    }

    /// Calls `visit` with the name, the place and the members of each message in a resource, the outer ones first.
    pub(super) fn walk<'v, F>(&self, (name, path): (&str, &str), value: &'v Value, visit: &mut F) -> Result<(), Refusal>
    where
        F: FnMut(&str, &str, &'v Map<String, Value>) -> Result<(), Refusal>,
    {
        let (Some(members), Some(fields)) = (value.as_object(), self.fields(name)) else { return Ok(()) };
        visit(name, path, members)?;
        for (key, inner) in members {
            let place = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            let field = &fields.get(key).unwrap_or(&Value::Null);
            if let Some(message) = referred(field) {
                self.walk((message, &place), inner, visit)?;
            } else if let (Some(message), Some(items)) = (referred(&field["items"]), inner.as_array()) {
                for (number, item) in items.iter().enumerate() {
                    self.walk((message, &format!("{place}[{number}]")), item, visit)?;
                }
            }
        }
        Ok(())
    }
}

/// Which message a field refers to.
fn referred(field: &Value) -> Option<&str> {
    field["$ref"].as_str()?.strip_prefix("#/$defs/")
}

fn unknown_name(name: &str, place: &str) -> String {
    let at = if place.is_empty() { String::new() } else { format!(" at '{place}'") };
    format!("Invalid JSON payload received. Unknown name \"{name}\"{at}: Cannot find field.")
}

/// A PATCH: what it brings replaces, objects merge, lists are replaced as a whole, null clears.
pub(super) fn merge(target: &mut Value, patch: &Value) {
    let Some(members) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(into) = target.as_object_mut() else { return };
    for (key, value) in members {
        if value.is_null() {
            into.remove(key);
        } else {
            merge(into.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

/// Takes out what says that there is nothing.
pub(super) fn strip_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(strip_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(strip_nulls),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_merges_objects_replaces_lists_and_clears_by_null() {
        let mut card =
            json!({"loyaltyPoints": {"label": "Points", "balance": {"int": 1}}, "messages": [{"id": "a"}], "accountId": "x"});
        merge(
            &mut card,
            &json!({"loyaltyPoints": {"balance": {"int": null, "string": "2"}}, "messages": [{"id": "b"}], "accountId": null}),
        );
        assert_eq!(card, json!({"loyaltyPoints": {"label": "Points", "balance": {"string": "2"}}, "messages": [{"id": "b"}]}));
    }

    #[test]
    fn what_the_document_says_is_checked() {
        let schema = schema();
        let right = json!({"id": "3388000000000000001.a", "classId": "3388000000000000001.c", "state": "ACTIVE"});
        assert_eq!(schema.check("LoyaltyObject", &right), Ok(()));
        let wrong = [
            ("state", json!("active")),
            ("points", json!(1)),
            ("loyaltyPoints", json!({"balance": {"int": 2_147_483_648_i64}})),
            ("loyaltyPoints", json!({"balance": {"money": {"micros": 1_000_000}}})),
            ("messages", json!({"id": "a"})),
        ];
        for (field, value) in wrong {
            let mut card = right.clone();
            card[field] = value;
            assert!(schema.check("LoyaltyObject", &card).is_err(), "{card}");
        }
        assert!(schema.check("LoyaltyObject", &json!({"id": "x"})).is_err(), "required fields");
    }

    #[test]
    fn nulls_and_googles_own_fields_are_left_out_and_old_ones_refused() {
        let (cleaned, ignored) =
            schema().cleaned("LoyaltyObject", &json!({"hasUsers": true, "accountId": null, "id": "x"})).unwrap();
        assert_eq!((cleaned, ignored), (json!({"id": "x"}), vec!["hasUsers".to_owned()]));
        assert!(schema().cleaned("LoyaltyObject", &json!({"nonsense": null})).is_err());
        assert!(schema().cleaned("LoyaltyObject", &json!({"barcode": {"kind": "x"}})).is_err());
    }
}
