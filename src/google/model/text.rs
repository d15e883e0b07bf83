//! Texts in several languages, pictures, instants.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::clock::Timestamp;

/// A text in several languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LocalizedString {
    /// What is shown where no other language fits.
    pub default_value: TranslatedString,
    /// The other languages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub translated_values: Vec<TranslatedString>,
}

/// A text in one language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TranslatedString {
    /// BCP 47.
    pub language: String,
    /// The text.
    pub value: String,
}

impl LocalizedString {
    /// A text in one language.
    #[must_use]
    pub fn one(language: &str, value: &str) -> Self {
        Self { default_value: TranslatedString::new(language, value), translated_values: Vec::new() }
    }

    /// The texts by language, of which one stands first; none if there is none at all.
    #[must_use]
    pub fn of(texts: &BTreeMap<String, String>, first: &str) -> Option<Self> {
        let chosen = [first, "en"].into_iter().find_map(|language| texts.get_key_value(language));
        let (language, text) = chosen.or_else(|| texts.first_key_value())?;
        let others = texts.iter().filter(|(other, _)| *other != language);
        Some(Self {
            default_value: TranslatedString::new(language, text),
            translated_values: others.map(|(language, text)| TranslatedString::new(language, text)).collect(),
        })
    }

    /// Every language's text.
    pub fn all(&self) -> impl Iterator<Item = &TranslatedString> {
        std::iter::once(&self.default_value).chain(&self.translated_values)
    }

    /// The text that a phone in a language shows.
    #[must_use]
    pub fn on_phone(&self, language: &str) -> &str {
        let primary = language.split('-').next().unwrap_or(language);
        let find = |wanted: &str| self.all().find(|text| text.language.eq_ignore_ascii_case(wanted));
        &find(language).or_else(|| find(primary)).unwrap_or(&self.default_value).value
    }
}

impl TranslatedString {
    fn new(language: &str, value: &str) -> Self {
        Self { language: language.to_owned(), value: value.to_owned() }
    }
}

/// A picture. Google copies it once and does not notice when the bytes behind the address change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    /// Where it is: exactly one of two ways.
    #[serde(flatten)]
    pub source: ImageSource,
    /// What it shows, for people who listen to the screen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_description: Option<LocalizedString>,
}

/// Where a picture is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ImageSource {
    /// At a public address.
    SourceUri(ImageUri),
    /// Uploaded to Google, which has to allow it first.
    PrivateImageId(String),
}

/// A picture's address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageUri {
    /// Absolute, and reachable for Google.
    pub uri: String,
}

impl Image {
    /// A picture at an address.
    #[must_use]
    pub const fn at(uri: String) -> Self {
        Self { source: ImageSource::SourceUri(ImageUri { uri }), content_description: None }
    }

    /// Its address, if it has one.
    #[must_use]
    pub fn uri(&self) -> Option<&str> {
        match &self.source {
            ImageSource::SourceUri(source) => Some(&source.uri),
            ImageSource::PrivateImageId(_) => None,
        }
    }
}

/// An instant, or a local time where it has no offset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DateTime {
    /// ISO 8601.
    pub date: String,
}

impl From<Timestamp> for DateTime {
    fn from(time: Timestamp) -> Self {
        Self { date: time.to_utc().format("%Y-%m-%dT%H:%M:%SZ").to_string() }
    }
}

/// From when to when; either side may be open.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TimeInterval {
    /// From.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<DateTime>,
    /// To.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<DateTime>,
}

/// A 64-bit number, which Google's JSON writes as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Int64(pub i64);

impl Serialize for Int64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Int64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Int64Visitor)
    }
}

struct Int64Visitor;

impl serde::de::Visitor<'_> for Int64Visitor {
    type Value = Int64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number, as text or as a number")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Int64, E> {
        text.parse().map(Int64).map_err(|_| E::invalid_value(serde::de::Unexpected::Str(text), &self))
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Int64, E> {
        Ok(Int64(number))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Int64, E> {
        i64::try_from(number).map(Int64).map_err(|_| E::invalid_value(serde::de::Unexpected::Unsigned(number), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_64_bits_are_written_as_text_and_read_from_both() {
        assert_eq!(serde_json::to_string(&Int64(i64::MIN)).unwrap(), "\"-9223372036854775808\"");
        for text in ["\"30000\"", "30000"] {
            assert_eq!(serde_json::from_str::<Int64>(text).unwrap(), Int64(30_000));
        }
        assert!(serde_json::from_str::<Int64>("\"3x\"").is_err());
    }

    #[test]
    fn a_picture_is_in_exactly_one_place() {
        let image = Image::at("https://wallet.example/a.png".to_owned());
        assert_eq!(serde_json::to_string(&image).unwrap(), r#"{"sourceUri":{"uri":"https://wallet.example/a.png"}}"#);
        assert!(serde_json::from_str::<Image>("{}").is_err());
        let private: Image = serde_json::from_str(r#"{"privateImageId":"i1"}"#).unwrap();
        assert_eq!(private.uri(), None);
    }

    #[test]
    fn the_phone_s_language_then_its_relatives_then_the_default() {
        let texts = BTreeMap::from([("ar".to_owned(), "نقاط".to_owned()), ("en".to_owned(), "Points".to_owned())]);
        let text = LocalizedString::of(&texts, "en").unwrap();
        assert_eq!((text.on_phone("ar-KW"), text.on_phone("fr")), ("نقاط", "Points"));
        assert_eq!(LocalizedString::of(&texts, "fr").unwrap().default_value.language, "en");
        assert_eq!(LocalizedString::of(&BTreeMap::new(), "en"), None);
    }
}
