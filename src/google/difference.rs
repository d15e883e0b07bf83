//! What a patch would change of what Google has: for people who look before they leap, and for tests.

use serde_json::Value;

/// Google decides it; a patch always says `UNDER_REVIEW`.
const REVIEW_STATUS: &str = "reviewStatus";

/// The members that a patch would change, as paths such as `programLogo.sourceUri.uri`, in their order. What Google has beyond the
/// patch is its own business.
#[must_use]
pub fn difference(patch: &Value, present: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare(patch, present, "", &mut found);
    found
}

fn compare(wanted: &Value, present: &Value, path: &str, found: &mut Vec<String>) {
    match (wanted, present) {
        (Value::Object(members), Value::Object(_)) => {
            for (name, wanted) in members.iter().filter(|(name, _)| *name != REVIEW_STATUS) {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                compare(wanted, &present[name.as_str()], &path, found);
            }
        }
        (Value::Object(members), Value::Null) if members.values().all(Value::is_null) => {}
        (Value::Array(wanted), Value::Array(present)) if wanted.len() == present.len() => {
            for (place, (wanted, present)) in wanted.iter().zip(present).enumerate() {
                compare(wanted, present, &format!("{path}[{place}]"), found);
            }
        }
        (Value::Array(wanted), Value::Null) if wanted.is_empty() => {}
        (wanted, present) if wanted == present => {}
        _ => found.push(path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_would_change_is_named() {
        let present = json!({"a": 1, "b": {"c": "x", "mine": true}, "list": [{"d": 1, "kind": "k"}], "reviewStatus": "APPROVED"});
        let same = json!({"a": 1, "b": {"c": "x", "gone": null}, "list": [{"d": 1}], "none": null, "empty": [], "reviewStatus": "UNDER_REVIEW"});
        assert_eq!(difference(&same, &present), [""; 0]);
        let other = json!({"a": 2, "b": {"c": "y", "mine": null}, "list": [{"d": 2}], "new": {"e": 1}});
        assert_eq!(difference(&other, &present), ["a", "b.c", "b.mine", "list[0].d", "new"]);
        assert_eq!(difference(&json!({"list": []}), &present), ["list"]);
    }
}
