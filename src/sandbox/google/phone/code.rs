//! The code on the card: a rotating one as it is at this moment, or the fixed one.

use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use qrcode::QrCode;
use qrcode::render::svg;
use serde::Serialize;
use serde_json::Value;

use crate::clock::Timestamp;

/// A code, ready to show.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Code {
    /// The picture; none if it is of a kind that the phone can't draw.
    pub svg: Option<String>,
    /// What is encoded.
    pub text: String,
    /// What stands below it.
    pub caption: Option<String>,
    /// When another code takes its place, in milliseconds since 1970.
    pub until: Option<i64>,
    /// How long each code is shown.
    pub period_ms: Option<i64>,
}

/// The code of an object at a moment. A rotating one goes before a fixed one.
pub(super) fn of(object: &Value, now: Timestamp) -> Option<Code> {
    rotating(&object["rotatingBarcode"], now).or_else(|| fixed(object))
}

fn fixed(object: &Value) -> Option<Code> {
    let barcode = &object["barcode"];
    let kind = barcode["type"].as_str()?;
    let text = barcode["value"].as_str().or_else(|| object["accountId"].as_str())?.to_owned();
    let caption = barcode["alternateText"].as_str().or_else(|| object["accountId"].as_str()).map(str::to_owned);
    Some(Code { svg: picture(kind, &text), text, caption, until: None, period_ms: None })
}

fn rotating(barcode: &Value, now: Timestamp) -> Option<Code> {
    let details = &barcode["totpDetails"];
    let period: i64 = details["periodMillis"].as_str()?.parse().ok().filter(|period| *period > 0)?;
    let step = now.millis().div_euclid(period);
    let mut text = barcode["valuePattern"].as_str()?.to_owned();
    for (number, parameter) in details["parameters"].as_array()?.iter().enumerate() {
        let key = bytes(parameter["key"].as_str()?)?;
        let digits = usize::try_from(parameter["valueLength"].as_u64()?).ok()?;
        text = text.replace(&format!("{{totp_value_{number}}}"), &totp(&key, u64::try_from(step).ok()?, digits)?);
    }
    text = text.replace("{totp_timestamp_millis}", &(step * period).to_string());
    text = text.replace("{totp_timestamp_seconds}", &(step * period / 1_000).to_string());
    let caption = barcode["alternateText"].as_str().map(str::to_owned);
    let svg = picture(barcode["type"].as_str()?, &text);
    Some(Code { svg, text, caption, until: Some((step + 1) * period), period_ms: Some(period) })
}

/// RFC 6238 with SHA-1.
fn totp(key: &[u8], step: u64, digits: usize) -> Option<String> {
    let key = PKey::hmac(key).ok()?;
    let mac = Signer::new(MessageDigest::sha1(), &key).ok()?.sign_oneshot_to_vec(&step.to_be_bytes()).ok()?;
    let offset = usize::from(mac.last()? & 0x0f);
    let cut: [u8; 4] = mac.get(offset..offset + 4)?.try_into().ok()?;
    let number = u64::from(u32::from_be_bytes(cut) & 0x7fff_ffff);
    let modulus = 10_u64.checked_pow(u32::try_from(digits).ok()?)?;
    Some(format!("{:0digits$}", number % modulus))
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let pairs = (0..hex.len()).step_by(2).map(|place| u8::from_str_radix(hex.get(place..place + 2)?, 16).ok());
    pairs.collect()
}

fn picture(kind: &str, text: &str) -> Option<String> {
    if kind != "QR_CODE" {
        return None;
    }
    let code = QrCode::new(text).ok()?.render::<svg::Color<'_>>().quiet_zone(true).build();
    Some(code.split_once("?>").map_or(code.clone(), |(_, svg)| svg.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn codes_are_those_of_rfc_6238() {
        let known = [(59, "94287082"), (1_111_111_109, "07081804"), (1_234_567_890, "89005924"), (20_000_000_000, "65353130")];
        for (seconds, code) in known {
            assert_eq!(totp(b"12345678901234567890", seconds / 30, 8).as_deref(), Some(code));
        }
    }

    #[test]
    fn a_rotating_code_says_until_when_it_is_shown() {
        let object = json!({"barcode": {"type": "QR_CODE", "value": "W1"}, "rotatingBarcode": {"type": "QR_CODE",
            "valuePattern": "W3-{totp_timestamp_seconds}-{totp_value_0}", "totpDetails": {"algorithm": "TOTP_SHA1",
            "periodMillis": "30000", "parameters": [{"key": "3132333435363738393031323334353637383930", "valueLength": 8}]}}});
        let code = of(&object, Timestamp::from_millis(59_000)).unwrap();
        assert_eq!((code.text.as_str(), code.until, code.period_ms), ("W3-30-94287082", Some(60_000), Some(30_000)));
        assert!(code.svg.is_some_and(|svg| svg.contains("<svg")));
    }
}
