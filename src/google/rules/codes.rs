//! Barcodes, balances, colours.

use serde_json::Value;

use super::Findings;
use super::walk::entries;

/// Digits of a time-based code: the truncated hash has ten, and the first of those can only be 0, 1 or 2.
const TOTP_DIGITS: std::ops::RangeInclusive<i64> = 1..=9;

pub(super) fn check(body: &Value, findings: &mut Findings) {
    barcode(&body["barcode"], findings);
    rotating(&body["rotatingBarcode"], findings);
    for name in ["loyaltyPoints", "secondaryLoyaltyPoints"] {
        balance(name, &body[name]["balance"], findings);
    }
    money("balance", &body["balance"], findings);
    let color = body["hexBackgroundColor"].as_str();
    if color.is_some_and(|color| !is_color(color)) {
        findings.refused("hexBackgroundColor", "is not #rrggbb or #rgb");
    }
    if body["smartTapRedemptionValue"].as_str().is_some_and(|value| !value.is_ascii()) {
        findings.refused("smartTapRedemptionValue", "is not ASCII");
    }
    let country = body["countryCode"].as_str();
    if country.is_some_and(|code| code.len() != 2 || !code.bytes().all(|byte| byte.is_ascii_uppercase())) {
        findings.refused("countryCode", "is not two capital letters of ISO 3166-1");
    }
}

fn is_color(text: &str) -> bool {
    text.strip_prefix('#').is_some_and(|digits| [3, 6].contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn barcode(barcode: &Value, findings: &mut Findings) {
    if barcode.is_null() {
        return;
    }
    let kind = barcode["type"].as_str();
    if kind.is_none() {
        findings.refused("barcode.type", "is missing");
    }
    if kind == Some("TEXT_ONLY") && !barcode["alternateText"].is_null() {
        findings.refused("barcode.alternateText", "can't stand with TEXT_ONLY");
    }
    if kind != Some("QR_CODE") && !barcode["renderEncoding"].is_null() {
        findings.refused("barcode.renderEncoding", "can stand with QR_CODE only");
    }
    if barcode["value"].as_str().is_none_or(str::is_empty) {
        findings.refused("barcode.value", "is missing: Google would show the member's number as the code");
    }
}

fn rotating(barcode: &Value, findings: &mut Findings) {
    if barcode.is_null() {
        return;
    }
    if !["QR_CODE", "PDF_417"].iter().any(|kind| barcode["type"] == *kind) {
        findings.refused("rotatingBarcode.type", "can be QR_CODE or PDF_417 only");
    }
    let details = &barcode["totpDetails"];
    if details["algorithm"] != "TOTP_SHA1" {
        findings.refused("rotatingBarcode.totpDetails.algorithm", "can be TOTP_SHA1 only");
    }
    let period = details["periodMillis"].as_str().and_then(|text| text.parse::<i64>().ok());
    if period.is_none_or(|period| period <= 0) {
        findings.refused("rotatingBarcode.totpDetails.periodMillis", "is not a positive number as text");
    }
    let mut count = 0;
    for (place, parameter) in entries(&details["parameters"]) {
        let at = format!("rotatingBarcode.totpDetails.parameters[{place}]");
        let key = parameter["key"].as_str().unwrap_or_default();
        if key.is_empty() || key.len() % 2 == 1 || !key.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            findings.refused(format!("{at}.key"), "is not hexadecimal");
        }
        if !parameter["valueLength"].as_i64().is_some_and(|length| TOTP_DIGITS.contains(&length)) {
            findings.refused(format!("{at}.valueLength"), "is not from 1 to 9");
        }
        count = place + 1;
    }
    pattern(barcode["valuePattern"].as_str().unwrap_or_default(), count, findings);
}

fn pattern(pattern: &str, values: usize, findings: &mut Findings) {
    let at = "rotatingBarcode.valuePattern";
    let mut used = 0;
    for place in pattern.split('{').skip(1) {
        let Some((name, _)) = place.split_once('}') else {
            findings.refused(at, "has a brace that is never closed");
            continue;
        };
        let value = name.strip_prefix("totp_value_").and_then(|number| number.parse::<usize>().ok());
        match (name, value) {
            ("totp_timestamp_millis" | "totp_timestamp_seconds", _) => {}
            (_, Some(number)) if number < values => used += 1,
            _ => findings.refused(at, format!("names {{{name}}}, which stands for nothing")),
        }
    }
    if used == 0 {
        findings.refused(at, "holds no {totp_value_0}: the code would not change");
    }
}

fn balance(name: &str, balance: &Value, findings: &mut Findings) {
    let Some(kinds) = balance.as_object() else { return };
    let at = format!("{name}.balance");
    let set: Vec<_> = kinds.iter().filter(|(_, value)| !value.is_null()).map(|(kind, _)| kind.as_str()).collect();
    if set.len() != 1 {
        findings.refused(&at, format!("has {} kinds of value; it must have exactly one", set.len()));
    }
    let number = &balance["int"];
    if !number.is_null() && number.as_i64().is_none_or(|number| i32::try_from(number).is_err()) {
        findings.refused(format!("{at}.int"), "does not fit into 32 bits");
    }
    money(&format!("{at}.money"), &balance["money"], findings);
}

fn money(at: &str, money: &Value, findings: &mut Findings) {
    if !money.is_object() {
        return;
    }
    if money["micros"].as_str().is_none_or(|text| text.parse::<i64>().is_err()) {
        findings.refused(format!("{at}.micros"), "is not a whole number as text");
    }
    let code = money["currencyCode"].as_str().unwrap_or_default();
    if code.len() != 3 || !code.bytes().all(|byte| byte.is_ascii_uppercase()) {
        findings.refused(format!("{at}.currencyCode"), "is not three capital letters of ISO 4217");
    }
}
