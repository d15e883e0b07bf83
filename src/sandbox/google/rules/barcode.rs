//! Barcodes: what may stand in a fixed one, and how a rotating one is described.

use serde_json::Value;

use super::{Members, Verdict, filled, needs, no_unspecified};

/// Digits of a time-based code at most: truncation gives 31 bits.
const MAX_DIGITS: i64 = 10;

/// A `Barcode`.
pub(super) fn fixed(members: &Members) -> Verdict {
    let kind = kind(members)?;
    if kind == "TEXT_ONLY" && members.contains_key("alternateText") {
        return Err("TEXT_ONLY has no alternateText".to_owned());
    }
    encoding(members, kind)
}

/// A `RotatingBarcode`.
pub(super) fn rotating(members: &Members) -> Verdict {
    let kind = kind(members)?;
    if !matches!(kind, "QR_CODE" | "PDF_417") {
        return Err(format!("a rotating barcode is QR_CODE or PDF_417, not {kind}"));
    }
    encoding(members, kind)?;
    if members.contains_key("initialRotatingBarcodeValues") {
        return Err("initialRotatingBarcodeValues are for transit passes".to_owned());
    }
    needs(members, &["valuePattern", "totpDetails"])?;
    let parameters = members.get("totpDetails").and_then(|details| details["parameters"].as_array()).map_or(0, Vec::len);
    pattern(members.get("valuePattern").and_then(Value::as_str).unwrap_or_default(), parameters)
}

/// Each placeholder must be one that is known, and at least one must change with time.
fn pattern(text: &str, parameters: usize) -> Verdict {
    let placeholders: Vec<&str> = text.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name)).collect();
    if placeholders.len() + 1 != text.split('{').count() {
        return Err("valuePattern has a brace that is not closed".to_owned());
    }
    for name in &placeholders {
        let number = name.strip_prefix("totp_value_").and_then(|number| number.parse::<usize>().ok());
        let known = matches!(*name, "totp_timestamp_millis" | "totp_timestamp_seconds");
        if !known && number.is_none_or(|number| number >= parameters) {
            return Err(format!("valuePattern has {{{name}}}, for which there is no parameter"));
        }
    }
    if placeholders.is_empty() { Err("valuePattern does not change".to_owned()) } else { Ok(()) }
}

/// `TotpDetails`.
pub(super) fn totp(members: &Members) -> Verdict {
    needs(members, &["algorithm", "periodMillis"])?;
    no_unspecified(members, &["algorithm"])?;
    let period = members.get("periodMillis").and_then(Value::as_str).and_then(|text| text.parse::<i64>().ok());
    if period.is_none_or(|millis| millis <= 0) {
        return Err("periodMillis must be more than 0".to_owned());
    }
    filled(members, "parameters")
}

/// One of the keys.
pub(super) fn parameter(members: &Members) -> Verdict {
    let key = members.get("key").and_then(Value::as_str).unwrap_or_default();
    if key.is_empty() || !key.len().is_multiple_of(2) || !key.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err("key is not of hexadecimal digits".to_owned());
    }
    let digits = members.get("valueLength").and_then(Value::as_i64).unwrap_or_default();
    if (1..=MAX_DIGITS).contains(&digits) { Ok(()) } else { Err(format!("valueLength must be from 1 to {MAX_DIGITS}")) }
}

fn kind(members: &Members) -> Result<&str, String> {
    needs(members, &["type"])?;
    no_unspecified(members, &["type"])?;
    Ok(members.get("type").and_then(Value::as_str).unwrap_or_default())
}

fn encoding(members: &Members, kind: &str) -> Verdict {
    let stated = members.get("renderEncoding").is_some_and(|encoding| encoding == "UTF_8");
    if stated && kind != "QR_CODE" { Err(format!("renderEncoding is for QR_CODE, not for {kind}")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::sandbox::google::rules::check;

    fn rotating(field: &str, value: Value) -> bool {
        let mut barcode = json!({"type": "QR_CODE", "valuePattern": "W3-{totp_timestamp_seconds}-{totp_value_0}", "totpDetails": {
            "algorithm": "TOTP_SHA1", "periodMillis": "30000", "parameters": [{"key": "3132333435363738393031323334353637383930", "valueLength": 8}]}});
        if !field.is_empty() {
            *barcode.pointer_mut(field).unwrap() = value;
        }
        check("LoyaltyObject", &json!({"rotatingBarcode": barcode})).is_ok()
    }

    #[test]
    fn a_rotating_code_has_a_key_a_period_and_a_pattern_that_fit() {
        assert!(rotating("", Value::Null));
        let wrong = [
            ("/type", json!("AZTEC")),
            ("/valuePattern", json!("W3-{totp_value_1}")),
            ("/valuePattern", json!("W3-{totp_valeu_0}")),
            ("/valuePattern", json!("W3-{totp_value_0")),
            ("/valuePattern", json!("W3")),
            ("/totpDetails/algorithm", json!("TOTP_ALGORITHM_UNSPECIFIED")),
            ("/totpDetails/periodMillis", json!("0")),
            ("/totpDetails/parameters", json!([])),
            ("/totpDetails/parameters/0/key", json!("JBSWY3DPEHPK3PXP")),
            ("/totpDetails/parameters/0/key", json!("313")),
            ("/totpDetails/parameters/0/valueLength", json!(0)),
        ];
        for (field, value) in wrong {
            assert!(!rotating(field, value.clone()), "{field} {value}");
        }
    }

    #[test]
    fn a_fixed_code_says_what_it_is() {
        let fixed = |barcode: Value| check("LoyaltyObject", &json!({"barcode": barcode})).is_ok();
        assert!(fixed(json!({"type": "QR_CODE", "value": "W1", "renderEncoding": "UTF_8", "alternateText": "1"})));
        assert!(!fixed(json!({"value": "W1"})));
        assert!(!fixed(json!({"type": "BARCODE_TYPE_UNSPECIFIED", "value": "W1"})));
        assert!(!fixed(json!({"type": "TEXT_ONLY", "value": "W1", "alternateText": "1"})));
        assert!(!fixed(json!({"type": "PDF_417", "value": "W1", "renderEncoding": "UTF_8"})));
    }
}
