//! How much of a text Google promises to show on a small phone.

use serde_json::Value;

use super::Findings;
use super::walk::entries;
use crate::google::resource::ResourceKind;

/// Letters of a member of a class or object that are shown for certain; its `localized` twin has the same.
const LETTERS: &[(&str, usize)] = &[
    ("issuerName", 20),
    ("programName", 20),
    ("accountId", 20),
    ("accountName", 20),
    ("accountIdLabel", 15),
    ("accountNameLabel", 15),
    ("rewardsTierLabel", 9),
    ("rewardsTier", 7),
    ("secondaryRewardsTierLabel", 9),
    ("secondaryRewardsTier", 7),
    ("provider", 12),
    ("title", 60),
    ("shortTitle", 20),
];
const POINTS_LABEL: usize = 9;
const POINTS_VALUE: usize = 7;
const MODULE_HEADER: usize = 35;
const MODULE_BODY: usize = 500;
const LINK: usize = 20;
const BUTTON: usize = 30;
const BOX_HEADER: usize = 60;
const BOX_BODY: usize = 50;

pub(super) fn check(kind: ResourceKind, body: &Value, findings: &mut Findings) {
    for (name, most) in LETTERS {
        twins("", body, name, *most, findings);
    }
    for name in ["loyaltyPoints", "secondaryLoyaltyPoints"] {
        twins(&format!("{name}."), &body[name], "label", POINTS_LABEL, findings);
        let balance = &body[name]["balance"];
        let shown = balance["string"].as_str().map(str::to_owned).or_else(|| balance["int"].as_i64().map(|int| int.to_string()));
        one(&format!("{name}.balance"), shown.as_deref(), POINTS_VALUE, findings);
    }
    for (place, module) in entries(&body["textModulesData"]) {
        let at = format!("textModulesData[{place}].");
        twins(&at, module, "header", MODULE_HEADER, findings);
        twins(&at, module, "body", MODULE_BODY, findings);
    }
    for (place, link) in entries(&body["linksModuleData"]["uris"]) {
        twins(&format!("linksModuleData.uris[{place}]."), link, "description", LINK, findings);
    }
    for (place, module) in entries(&body["valueAddedModuleData"]) {
        let at = format!("valueAddedModuleData[{place}].");
        localized(&format!("{at}header"), &module["header"], BOX_HEADER, findings);
        localized(&format!("{at}body"), &module["body"], BOX_BODY, findings);
    }
    localized("appLinkData.displayText", &body["appLinkData"]["displayText"], BUTTON, findings);
    if matches!(kind, ResourceKind::GenericObject) {
        localized("cardTitle", &body["cardTitle"], 20, findings);
    }
}

/// A plain text and its twin in several languages.
fn twins(at: &str, value: &Value, name: &str, most: usize, findings: &mut Findings) {
    one(&format!("{at}{name}"), value[name].as_str(), most, findings);
    let mut letters = name.chars();
    let twin: String = "localized".chars().chain(letters.next().map(|first| first.to_ascii_uppercase())).chain(letters).collect();
    localized(&format!("{at}{twin}"), &value[twin.as_str()], most, findings);
}

fn localized(at: &str, value: &Value, most: usize, findings: &mut Findings) {
    let default = std::iter::once(&value["defaultValue"]);
    for text in default.chain(value["translatedValues"].as_array().into_iter().flatten()) {
        let language = text["language"].as_str().unwrap_or_default();
        one(&format!("{at}.{language}"), text["value"].as_str(), most, findings);
    }
}

fn one(at: &str, text: Option<&str>, most: usize, findings: &mut Findings) {
    let length = text.map_or(0, |text| text.chars().count());
    if length > most {
        findings.shortened(at, format!("has {length} letters; {most} are shown for certain"));
    }
}
