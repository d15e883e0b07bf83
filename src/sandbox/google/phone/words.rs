//! How a phone puts Google's values into words: localised texts, balances, money, dates.

use chrono::{Datelike, NaiveDate};
use rust_decimal::Decimal;
use serde_json::Value;

use crate::sandbox::phone::locale::Language;

/// Micros of a unit of money.
const MICROS: i64 = 1_000_000;

const MONTHS_EN: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const MONTHS_AR: [&str; 12] =
    ["يناير", "فبراير", "مارس", "أبريل", "مايو", "يونيو", "يوليو", "أغسطس", "سبتمبر", "أكتوبر", "نوفمبر", "ديسمبر"];

/// A `LocalizedString` in a language: that one, else one of its family, else the default.
pub(super) fn localised(text: &Value, language: Language) -> Option<String> {
    let spoken = |entry: &Value| entry["language"].as_str().and_then(|tag| tag.split('-').next()) == Some(language.code());
    let translated = text["translatedValues"].as_array().into_iter().flatten().find(|entry| spoken(entry));
    let chosen = translated.unwrap_or(&text["defaultValue"]);
    chosen["value"].as_str().filter(|value| !value.is_empty()).map(str::to_owned)
}

/// The field of this name, or its `localized` twin.
pub(super) fn text(of: &Value, name: &str, language: Language) -> Option<String> {
    let mut letters = name.chars();
    let first = letters.next()?.to_ascii_uppercase();
    let twin = format!("localized{first}{}", letters.as_str());
    let plain = || of[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    localised(&of[twin], language).or_else(|| localised(&of[name], language)).or_else(plain)
}

/// A value of any kind that can stand in a row.
pub(super) fn value(value: &Value, language: Language) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.as_i64().map_or_else(|| number.to_string(), grouped)),
        Value::Object(members) if members.contains_key("date") => date(value["date"].as_str()?, language),
        Value::Object(members) if members.contains_key("micros") => money(value),
        Value::Object(members) if members.contains_key("defaultValue") => localised(value, language),
        Value::Object(_) => balance(value),
        _ => None,
    }
}

/// A `LoyaltyPointsBalance`.
pub(super) fn balance(of: &Value) -> Option<String> {
    let double = || of["double"].as_f64().map(|number| number.to_string());
    let text = || of["string"].as_str().map(str::to_owned);
    of["int"].as_i64().map(grouped).or_else(text).or_else(double).or_else(|| money(&of["money"]))
}

fn money(of: &Value) -> Option<String> {
    let micros: i64 = of["micros"].as_str()?.parse().ok()?;
    let amount = (Decimal::from(micros) / Decimal::from(MICROS)).normalize();
    Some(format!("{amount} {}", of["currencyCode"].as_str()?))
}

/// A whole number with commas, in the digits that both languages' readers on the Gulf know.
fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if number < 0 { format!("-{out}") } else { out }
}

/// The day of a date as a phone writes it.
fn date(text: &str, language: Language) -> Option<String> {
    let day = NaiveDate::parse_from_str(text.get(..10)?, "%Y-%m-%d").ok()?;
    let month = usize::try_from(day.month0()).ok()?;
    Some(match language {
        Language::English => format!("{} {}, {}", MONTHS_EN[month], day.day(), day.year()),
        Language::Arabic => format!("{} {} {}", day.day(), MONTHS_AR[month], day.year()),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_written_as_people_read_them() {
        let english = |of: Value| value(&of, Language::English);
        assert_eq!(english(json!({"int": 1_234_567})).as_deref(), Some("1,234,567"));
        assert_eq!(english(json!({"string": "9999999999"})).as_deref(), Some("9999999999"));
        assert_eq!(english(json!({"money": {"micros": "12500000", "currencyCode": "KWD"}})).as_deref(), Some("12.5 KWD"));
        assert_eq!(english(json!({"date": "2026-12-31T23:59:59Z"})).as_deref(), Some("Dec 31, 2026"));
        assert_eq!(value(&json!({"date": "2026-12-31"}), Language::Arabic).as_deref(), Some("31 ديسمبر 2026"));
    }

    #[test]
    fn a_text_is_in_the_readers_language_if_there_is_one() {
        let card = json!({"programName": "Beans", "localizedProgramName": {
            "defaultValue": {"language": "en", "value": "Beans!"}, "translatedValues": [{"language": "ar-KW", "value": "حبوب"}]}});
        assert_eq!(text(&card, "programName", Language::Arabic).as_deref(), Some("حبوب"));
        assert_eq!(text(&card, "programName", Language::English).as_deref(), Some("Beans!"));
        assert_eq!(text(&json!({"programName": "Beans"}), "programName", Language::Arabic).as_deref(), Some("Beans"));
    }
}
