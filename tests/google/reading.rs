//! The types know every member that Google's discovery document names, and both spellings of its constants.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use walaa::google::model::{
    GenericClass, GenericObject, GiftCardClass, GiftCardObject, LoyaltyClass, LoyaltyObject, OfferClass, OfferObject, Resource,
};

use super::schema::{SCHEMA, def, faults};

/// Members that stand for another one: only one of a group may be there. And what only trains and planes have.
const LEFT_OUT: &[&str] = &[
    "Image.privateImageId",
    "LoyaltyPointsBalance.string",
    "LoyaltyPointsBalance.double",
    "LoyaltyPointsBalance.money",
    "CardRowTemplateInfo.oneItem",
    "CardRowTemplateInfo.threeItems",
    "AppLinkDataAppLinkInfoAppTarget.packageName",
    "FirstRowOption.transitOption",
    "TemplateItem.predefinedItem",
    "RotatingBarcode.initialRotatingBarcodeValues",
    // Deprecated on every other kind, and without effect.
    "OfferObject.locations",
];

/// Members that only Google sets but that are not said to be so; they are no business of ours.
const GOOGLE_S_OWN: &[&str] = &["review"];

/// A value of a definition with every member that is for writing; `chosen` replaces one constant.
fn full(name: &str, chosen: Option<(&str, &str)>) -> Value {
    let mut members = Map::new();
    for (member, schema) in SCHEMA["$defs"][name]["properties"].as_object().expect("is an object") {
        let path = format!("{name}.{member}");
        let skipped = schema["readOnly"] == true || schema["deprecated"] == true;
        if !skipped && !LEFT_OUT.contains(&path.as_str()) && !GOOGLE_S_OWN.contains(&member.as_str()) {
            members.insert(member.clone(), value(&path, schema, chosen));
        }
    }
    Value::Object(members)
}

fn value(path: &str, schema: &Value, chosen: Option<(&str, &str)>) -> Value {
    if let Some(name) = schema["$ref"].as_str().and_then(|name| name.strip_prefix("#/$defs/")) {
        return full(name, chosen);
    }
    if schema["type"] == "array" {
        return json!([value(path, &schema["items"], chosen)]);
    }
    if let Some((_, value)) = chosen.filter(|(wanted, _)| *wanted == path) {
        return json!(value);
    }
    if let Some(names) = schema["enum"].as_array() {
        return names
            .iter()
            .find(|name| !name.as_str().unwrap_or_default().ends_with("UNSPECIFIED"))
            .cloned()
            .unwrap_or_default();
    }
    match schema["type"].as_str() {
        Some("boolean") => json!(true),
        Some("integer") => json!(8),
        Some("number") => json!(29.5),
        _ if path.ends_with(".id") || path.ends_with(".classId") => json!("3388000000022141777.x"),
        _ if !schema["pattern"].is_null() => json!("30000"),
        _ => json!("text"),
    }
}

fn reads_and_writes_all<R: Resource + DeserializeOwned>() {
    let name = def(R::KIND);
    let sample = full(name, None);
    assert_eq!(faults(R::KIND, &sample), Vec::<String>::new(), "the sample is right itself");
    let read: R = serde_json::from_value(sample.clone()).unwrap_or_else(|error| panic!("{name}: {error}\n{sample:#}"));
    let written = read.body();
    let lost = sample.as_object().into_iter().flatten().filter(|(member, value)| written[*member] != **value);
    assert_eq!(lost.map(|(member, _)| member).collect::<Vec<_>>(), Vec::<&String>::new(), "{name} loses these");
    assert_eq!(written, sample, "{name}");
    for (path, spelling) in spellings() {
        let sample = full(name, Some((&path, &spelling)));
        let read: R = serde_json::from_value(sample).unwrap_or_else(|error| panic!("{name} with {path} {spelling}: {error}"));
        assert_eq!(faults(R::KIND, &read.body()), Vec::<String>::new(), "{path} {spelling} is written in capitals");
    }
}

/// Every constant in every spelling.
fn spellings() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (name, schema) in SCHEMA["$defs"].as_object().expect("is an object") {
        for (member, schema) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{name}.{member}");
            let names = schema["enum"].as_array().or_else(|| schema["items"]["enum"].as_array()).into_iter().flatten();
            let old = SCHEMA["x-old-enum-values"][&path].as_array().into_iter().flatten();
            let spelled = names.chain(old).filter_map(Value::as_str).filter(|name| !name.to_uppercase().ends_with("UNSPECIFIED"));
            all.extend(spelled.map(|spelling| (path.clone(), spelling.to_owned())));
        }
    }
    assert!(all.len() > 80, "{} spellings", all.len());
    all
}

#[test]
fn every_member_and_constant_of_the_discovery_document_is_read_and_written() {
    reads_and_writes_all::<LoyaltyClass>();
    reads_and_writes_all::<LoyaltyObject>();
    reads_and_writes_all::<OfferClass>();
    reads_and_writes_all::<OfferObject>();
    reads_and_writes_all::<GiftCardClass>();
    reads_and_writes_all::<GiftCardObject>();
    reads_and_writes_all::<GenericClass>();
    reads_and_writes_all::<GenericObject>();
}

#[test]
fn what_google_adds_by_itself_is_understood_and_never_sent_back() {
    let answer = json!({"id": "3388000000022141777.pass_1", "classId": "3388000000022141777.prog_1", "state": "active",
        "kind": "walletobjects#loyaltyObject", "version": "3", "hasUsers": true, "hasLinkedDevice": false,
        "classReference": {"id": "3388000000022141777.prog_1"}, "somethingNew": [1]});
    let read: LoyaltyObject = serde_json::from_value(answer).expect("is understood");
    assert_eq!((read.shared.has_users, read.holder.has_linked_device), (Some(true), Some(false)));
    let expected = json!({"id": "3388000000022141777.pass_1", "classId": "3388000000022141777.prog_1", "state": "ACTIVE"});
    assert_eq!(read.body(), expected);
}
