//! Google's own schema, as a judge of what we send.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Value, json};
use walaa::google::resource::ResourceKind;

/// The schema made from Google's discovery document by `discovery.py`.
pub static SCHEMA: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../src/sandbox/google/walletobjects.schema.json")).expect("is JSON"));

static WHOLE: LazyLock<BTreeMap<&'static str, Validator>> = LazyLock::new(|| validators(&SCHEMA["$defs"]));

/// As above, but with nothing required: a PATCH names what changes.
static PARTIAL: LazyLock<BTreeMap<&'static str, Validator>> = LazyLock::new(|| {
    let mut defs = SCHEMA["$defs"].clone();
    for kind in ResourceKind::ALL {
        defs[def(kind)].as_object_mut().expect("is an object").remove("required");
    }
    validators(&defs)
});

fn validators(defs: &Value) -> BTreeMap<&'static str, Validator> {
    let of = |kind| {
        let schema = json!({"$schema": SCHEMA["$schema"], "$ref": format!("#/$defs/{}", def(kind)), "$defs": defs});
        (def(kind), jsonschema::validator_for(&schema).expect("is a schema"))
    };
    ResourceKind::ALL.map(of).into()
}

/// The schema's name of a kind.
pub const fn def(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::LoyaltyClass => "LoyaltyClass",
        ResourceKind::LoyaltyObject => "LoyaltyObject",
        ResourceKind::OfferClass => "OfferClass",
        ResourceKind::OfferObject => "OfferObject",
        ResourceKind::GiftCardClass => "GiftCardClass",
        ResourceKind::GiftCardObject => "GiftCardObject",
        ResourceKind::GenericClass => "GenericClass",
        ResourceKind::GenericObject => "GenericObject",
    }
}

/// Everything that Google's schema has against a body that is inserted.
pub fn faults(kind: ResourceKind, body: &Value) -> Vec<String> {
    let mut faults = errors(&WHOLE[def(kind)], body);
    not_for_writing(def(kind), body, "", &mut faults);
    faults
}

/// Everything that Google's schema has against a body that is patched in.
pub fn patch_faults(kind: ResourceKind, body: &Value) -> Vec<String> {
    let body = without_nulls(body);
    let mut faults = errors(&PARTIAL[def(kind)], &body);
    not_for_writing(def(kind), &body, "", &mut faults);
    faults
}

fn errors(validator: &Validator, body: &Value) -> Vec<String> {
    validator.iter_errors(body).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// Members that are deprecated or Google's own to set.
fn not_for_writing(def: &str, body: &Value, at: &str, faults: &mut Vec<String>) {
    let properties = &SCHEMA["$defs"][def]["properties"];
    for (name, value) in body.as_object().into_iter().flatten() {
        let property = &properties[name];
        if property["readOnly"] == true || property["deprecated"] == true {
            faults.push(format!("{at}.{name} is not for writing"));
        }
        let inside = property["$ref"].as_str().or_else(|| property["items"]["$ref"].as_str());
        let Some(inside) = inside.and_then(|path| path.strip_prefix("#/$defs/")) else { continue };
        let values = value.as_array().map_or_else(|| vec![value], |list| list.iter().collect());
        values.into_iter().for_each(|value| not_for_writing(inside, value, &format!("{at}.{name}"), faults));
    }
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), without_nulls(value)))
            .collect(),
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

#[test]
fn the_judge_finds_what_is_wrong() {
    let right = json!({"id": "1.a", "classId": "1.b", "state": "ACTIVE"});
    assert_eq!(faults(ResourceKind::LoyaltyObject, &right), Vec::<String>::new());
    for (member, value) in [
        ("state", json!("active")),
        ("points", json!(1)),
        ("loyaltyPoints", json!({"balance": {"int": 1_i64 << 31}})),
        ("hasUsers", json!(true)),
        ("version", json!("1")),
        ("textModulesData", json!([{"id": 7}])),
    ] {
        let mut body = right.clone();
        body[member] = value;
        assert!(!faults(ResourceKind::LoyaltyObject, &body).is_empty(), "{member}");
    }
    let part = json!({"state": "ACTIVE", "accountName": null});
    assert!(
        !faults(ResourceKind::LoyaltyObject, &part).is_empty() && patch_faults(ResourceKind::LoyaltyObject, &part).is_empty()
    );
}
