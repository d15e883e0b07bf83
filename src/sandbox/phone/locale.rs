//! How a phone turns what is in a pass into what its owner reads: `pass.strings`, numbers, money, dates.
//!
//! Written against Apple's rules and not against our own builder, so that the builder's mistakes show.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::str::FromStr;

use chrono::{DateTime, Datelike, FixedOffset, Timelike};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::money::Currency;

/// The languages that the sandbox phone can be set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Language {
    /// English.
    #[serde(rename = "en")]
    English,
    /// Arabic.
    #[serde(rename = "ar")]
    Arabic,
}

/// Keys whose texts Wallet looks up in `pass.strings`.
const LOOKED_UP: &[&str] = &[
    "altText",
    "attributedValue",
    "changeMessage",
    "description",
    "label",
    "logoText",
    "organizationName",
    "relevantText",
    "value",
];

/// Beyond this depth a pass holds nothing that is shown.
const MAX_DEPTH: usize = 16;

impl Language {
    /// Every language of the phone.
    pub const ALL: [Self; 2] = [Self::English, Self::Arabic];

    /// The code as folders and HTML have it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Arabic => "ar",
        }
    }

    /// Reads a code such as `ar` or `ar-KW`; anything unknown is English.
    #[must_use]
    pub fn parse(code: &str) -> Self {
        if code.split('-').next() == Some("ar") { Self::Arabic } else { Self::English }
    }
}

/// The pass with its texts in a language, and the files with the images of that language.
#[must_use]
pub fn localise<'a>(
    pass: &Value,
    files: &'a BTreeMap<String, Vec<u8>>,
    language: Language,
) -> (Value, Cow<'a, BTreeMap<String, Vec<u8>>>) {
    let folder = format!("{}.lproj/", language.code());
    let mut pass = pass.clone();
    if let Some(strings) = files.get(&format!("{folder}pass.strings")).and_then(|bytes| parse_strings(bytes)) {
        translate(&mut pass, &strings, 0);
    }
    let images: Vec<(&String, &Vec<u8>)> =
        files.iter().filter(|(name, _)| name.starts_with(&folder) && has_extension(name, "png")).collect();
    let mut localised = Cow::Borrowed(files);
    for (name, bytes) in images {
        // A picture of the same name at the root wins: that is how bundles look things up.
        let plain = &name[folder.len()..];
        if !files.contains_key(plain) {
            localised.to_mut().insert(plain.to_owned(), bytes.clone());
        }
    }
    (pass, localised)
}

fn has_extension(name: &str, wanted: &str) -> bool {
    std::path::Path::new(name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case(wanted))
}

fn translate(value: &mut Value, strings: &BTreeMap<String, String>, depth: usize) {
    if depth > MAX_DEPTH {
        return;
    }
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| translate(item, strings, depth + 1)),
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                match member {
                    Value::String(text) if LOOKED_UP.contains(&name.as_str()) => {
                        if let Some(translation) = strings.get(text.as_str()) {
                            translation.clone_into(text);
                        }
                    }
                    Value::Array(_) | Value::Object(_) if name != "userInfo" => translate(member, strings, depth + 1),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

/// Reads `"key" = "text";` lines in UTF-8 or, with a byte order mark, UTF-16. `None` if the file is malformed.
fn parse_strings(bytes: &[u8]) -> Option<BTreeMap<String, String>> {
    let text = decode(bytes)?;
    let mut rest = skip_blank(&text)?;
    let mut strings = BTreeMap::new();
    while !rest.is_empty() {
        let (key, after) = quoted(rest)?;
        let after = skip_blank(after)?.strip_prefix('=')?;
        let (translation, after) = quoted(skip_blank(after)?)?;
        strings.insert(key, translation);
        rest = skip_blank(skip_blank(after)?.strip_prefix(';')?)?;
    }
    Some(strings)
}

fn decode(bytes: &[u8]) -> Option<String> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.as_chunks().0.iter().copied().map(unit).collect();
        String::from_utf16(&units).ok()
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] | rest => String::from_utf8(rest.to_vec()).ok(),
    }
}

/// Skips white space and comments; `None` for a comment without an end.
fn skip_blank(mut text: &str) -> Option<&str> {
    loop {
        text = text.trim_start();
        if let Some(comment) = text.strip_prefix("/*") {
            text = &comment[comment.find("*/")? + 2..];
        } else if let Some(comment) = text.strip_prefix("//") {
            text = comment.find('\n').map_or("", |end| &comment[end..]);
        } else {
            return Some(text);
        }
    }
}

fn quoted(text: &str) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut letters = text.strip_prefix('"')?.char_indices();
    let body = &text[1..];
    while let Some((place, letter)) = letters.next() {
        match letter {
            '"' => return Some((out, &body[place + 1..])),
            '\\' => match letters.next()?.1 {
                'n' => out.push('\n'),
                'r' => out.push('\r'),
                't' => out.push('\t'),
                other => out.push(other),
            },
            other => out.push(other),
        }
    }
    None
}

/// A field's value as the phone writes it.
#[must_use]
pub fn display(field: &Value, language: Language) -> String {
    match &field["value"] {
        Value::String(text) => styled_date(field, text, language).unwrap_or_else(|| text.clone()),
        Value::Number(number) => {
            let number = number.to_string();
            let Ok(decimal) = Decimal::from_str(&number).or_else(|_| Decimal::from_scientific(&number)) else { return number };
            match (field["currencyCode"].as_str(), field["numberStyle"].as_str()) {
                (Some(code), _) => money(decimal, code, language),
                (None, Some("PKNumberStylePercent")) => {
                    format!("{}%", grouped(&(decimal * Decimal::ONE_HUNDRED).normalize().to_string()))
                }
                (None, Some(_)) => grouped(&decimal.normalize().to_string()),
                (None, None) => number,
            }
        }
        _ => String::new(),
    }
}

fn money(amount: Decimal, code: &str, language: Language) -> String {
    let digits = code.parse::<Currency>().map_or(2, Currency::digits);
    let number = grouped(&format!("{amount:.0$}", digits as usize));
    match (language, code) {
        (Language::English, "USD") => format!("${number}"),
        (Language::English, "EUR") => format!("€{number}"),
        (Language::English, "GBP") => format!("£{number}"),
        (Language::English, _) => format!("{code}\u{a0}{number}"),
        (Language::Arabic, _) => {
            let name = match code {
                "KWD" => "د.ك",
                "SAR" => "ر.س",
                "AED" => "د.إ",
                "QAR" => "ر.ق",
                "BHD" => "د.ب",
                "OMR" => "ر.ع",
                "EGP" => "ج.م",
                other => other,
            };
            format!("{number}\u{a0}{name}")
        }
    }
}

/// Puts commas between thousands.
fn grouped(number: &str) -> String {
    let (sign, unsigned) = number.strip_prefix('-').map_or(("", number), |rest| ("-", rest));
    let (whole, fraction) = unsigned.split_once('.').map_or((unsigned, None), |(whole, fraction)| (whole, Some(fraction)));
    let mut out = String::from(sign);
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// A date in the styles that the field asks for; `None` if it asks for none or holds no date.
fn styled_date(field: &Value, text: &str, language: Language) -> Option<String> {
    let style = |name: &str| field[name].as_str().map(|style| style.trim_start_matches("PKDateStyle"));
    let (date_style, time_style) = (style("dateStyle"), style("timeStyle"));
    if date_style.is_none() && time_style.is_none() {
        return None;
    }
    let instant = parse_date(text)?;
    let date = date_style.filter(|style| *style != "None").map(|style| date_text(&instant, style, language));
    let time = time_style.filter(|style| *style != "None").map(|_| time_text(&instant, language));
    match (date, time, language) {
        (Some(date), Some(time), Language::English) => Some(format!("{date} at {time}")),
        (Some(date), Some(time), Language::Arabic) => Some(format!("{date}، {time}")),
        (date, time, _) => date.or(time),
    }
}

/// Apple's form of RFC 3339: seconds may be missing.
fn parse_date(text: &str) -> Option<DateTime<FixedOffset>> {
    DateTime::parse_from_rfc3339(text).or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M%:z")).ok().or_else(|| {
        let zoned = format!("{}+00:00", text.strip_suffix('Z')?);
        DateTime::parse_from_str(&zoned, "%Y-%m-%dT%H:%M%:z").ok()
    })
}

fn date_text(date: &DateTime<FixedOffset>, style: &str, language: Language) -> String {
    const MONTHS: [&str; 12] =
        ["يناير", "فبراير", "مارس", "أبريل", "مايو", "يونيو", "يوليو", "أغسطس", "سبتمبر", "أكتوبر", "نوفمبر", "ديسمبر"];
    const DAYS: [&str; 7] = ["الأحد", "الاثنين", "الثلاثاء", "الأربعاء", "الخميس", "الجمعة", "السبت"];
    if language == Language::English {
        let form = match style {
            "Short" => "%-m/%-d/%y",
            "Medium" => "%b %-d, %Y",
            "Full" => "%A, %B %-d, %Y",
            _ => "%B %-d, %Y",
        };
        return date.format(form).to_string();
    }
    let (day, month, year) = (date.day(), MONTHS[date.month0() as usize], date.year());
    match style {
        "Short" => format!("{day}/{}/{year}", date.month()),
        "Full" => format!("{}، {day} {month} {year}", DAYS[date.weekday().num_days_from_sunday() as usize]),
        _ => format!("{day} {month} {year}"),
    }
}

fn time_text(time: &DateTime<FixedOffset>, language: Language) -> String {
    let (afternoon, hour) = time.hour12();
    let half = match (language, afternoon) {
        (Language::English, true) => "PM",
        (Language::English, false) => "AM",
        (Language::Arabic, true) => "م",
        (Language::Arabic, false) => "ص",
    };
    let mut out = String::new();
    // Writing to a String never fails.
    let _ = write!(out, "{hour}:{:02} {half}", time.minute());
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn strings_files_are_read_in_every_encoding_and_refused_when_malformed() {
        let text = "/* a note */\n\"points\" = \"نقاط\";\n// another\n\"say \\\"hi\\\"\" = \"line\\nbreak\";\n";
        let mut expected = BTreeMap::new();
        expected.insert("points".to_owned(), "نقاط".to_owned());
        expected.insert("say \"hi\"".to_owned(), "line\nbreak".to_owned());
        assert_eq!(parse_strings(text.as_bytes()).unwrap(), expected);
        let mut little = vec![0xff, 0xfe];
        let mut big = vec![0xfe, 0xff];
        for unit in text.encode_utf16() {
            little.extend(unit.to_le_bytes());
            big.extend(unit.to_be_bytes());
        }
        assert_eq!(parse_strings(&little).unwrap(), expected);
        assert_eq!(parse_strings(&big).unwrap(), expected);
        for malformed in ["\"a\" = \"b\"", "\"a\" \"b\";", "/* open", "\"a\" = \"b", "a = b;"] {
            assert!(parse_strings(malformed.as_bytes()).is_none(), "{malformed}");
        }
    }

    #[test]
    fn a_pass_is_shown_in_the_language_of_the_phone() {
        let pass = json!({"description": "card", "serialNumber": "card", "storeCard": {"headerFields": [{"key": "points", "label": "Points", "value": 5}]}});
        let files = BTreeMap::from([
            ("ar.lproj/pass.strings".to_owned(), "\"Points\" = \"النقاط\"; \"card\" = \"بطاقة\";".as_bytes().to_vec()),
            ("ar.lproj/strip.png".to_owned(), vec![1]),
            ("ar.lproj/logo.png".to_owned(), vec![2]),
            ("logo.png".to_owned(), vec![3]),
        ]);
        let (arabic, pictures) = localise(&pass, &files, Language::Arabic);
        assert_eq!(arabic["storeCard"]["headerFields"][0]["label"], "النقاط");
        assert_eq!(arabic["description"], "بطاقة");
        assert_eq!(arabic["serialNumber"], "card", "not a text that Wallet looks up");
        assert_eq!(pictures["strip.png"], [1]);
        assert_eq!(pictures["logo.png"], [3], "the root copy wins");
        let (english, _) = localise(&pass, &files, Language::English);
        assert_eq!(english, pass);
    }

    #[test]
    fn values_are_written_as_a_phone_writes_them() {
        let english = |field: Value| display(&field, Language::English);
        let arabic = |field: Value| display(&field, Language::Arabic);
        assert_eq!(english(json!({"value": 1234})), "1234");
        assert_eq!(english(json!({"value": 1_234_567, "numberStyle": "PKNumberStyleDecimal"})), "1,234,567");
        assert_eq!(english(json!({"value": -1234.5, "numberStyle": "PKNumberStyleDecimal"})), "-1,234.5");
        assert_eq!(english(json!({"value": 0.25, "numberStyle": "PKNumberStylePercent"})), "25%");
        assert_eq!(english(json!({"value": 12.5, "currencyCode": "KWD"})), "KWD\u{a0}12.500");
        assert_eq!(english(json!({"value": 1250, "currencyCode": "USD"})), "$1,250.00");
        assert_eq!(arabic(json!({"value": 12.5, "currencyCode": "KWD"})), "12.500\u{a0}د.ك");
        assert_eq!(english(json!({"value": "Gold"})), "Gold");
        let date = |style: &str| json!({"value": "2026-11-21T19:41+03:00", "dateStyle": style});
        assert_eq!(english(date("PKDateStyleShort")), "11/21/26");
        assert_eq!(english(date("PKDateStyleMedium")), "Nov 21, 2026");
        assert_eq!(english(date("PKDateStyleFull")), "Saturday, November 21, 2026");
        assert_eq!(arabic(date("PKDateStyleFull")), "السبت، 21 نوفمبر 2026");
        assert_eq!(
            english(json!({"value": "2026-11-21T19:41:00Z", "dateStyle": "PKDateStyleMedium", "timeStyle": "PKDateStyleShort"})),
            "Nov 21, 2026 at 7:41 PM"
        );
        assert_eq!(english(json!({"value": "soon", "dateStyle": "PKDateStyleMedium"})), "soon");
    }
}
