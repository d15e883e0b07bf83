//! Keys that a template passes through to a wallet as they are, written as JSON once when the template is loaded.

use std::collections::BTreeMap;

use serde_json::{Number, Value};

use crate::passes::problem::Findings;

/// Members of a JSON object in the order of their names: the name and the value as JSON text.
pub type Extra = Vec<(String, String)>;

/// Writes TOML values as JSON members.
pub fn json_members(at: &str, table: &BTreeMap<String, toml::Value>, findings: &mut Findings) -> Extra {
    let mut members = Vec::with_capacity(table.len());
    for (name, value) in table {
        match json_of(value) {
            Some(value) => members.push((name.clone(), value.to_string())),
            None => {
                findings.at(format!("{at}.{name}")).error("holds a number that JSON has no form for", "Write a finite number.");
            }
        }
    }
    members
}

fn json_of(value: &toml::Value) -> Option<Value> {
    Some(match value {
        toml::Value::String(text) => Value::String(text.clone()),
        toml::Value::Integer(number) => Value::from(*number),
        toml::Value::Float(number) => Value::Number(Number::from_f64(*number)?),
        toml::Value::Boolean(truth) => Value::Bool(*truth),
        toml::Value::Datetime(time) => Value::String(time.to_string()),
        toml::Value::Array(items) => Value::Array(items.iter().map(json_of).collect::<Option<_>>()?),
        toml::Value::Table(table) => Value::Object(
            table.iter().map(|(name, value)| json_of(value).map(|value| (name.clone(), value))).collect::<Option<_>>()?,
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn toml_becomes_the_same_json() {
        let table: BTreeMap<String, toml::Value> =
            toml::from_str("b = 1.5\na = [1, 'x', true]\nc = { d = 2026-01-01T00:00:00Z }\ne = nan").expect("is TOML");
        let mut findings = Findings::default();
        let members = json_members("card.apple.extra", &table, &mut findings);
        let written: Vec<_> = members.iter().map(|(name, value)| format!("{name}:{value}")).collect();
        assert_eq!(written, ["a:[1,\"x\",true]", "b:1.5", "c:{\"d\":\"2026-01-01T00:00:00Z\"}"]);
        assert_eq!(findings.list.len(), 1, "not a number is no JSON");
    }
}
