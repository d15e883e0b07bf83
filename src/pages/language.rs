//! Which language a page speaks: asked for, remembered, the member's, or the browser's, in this order.

use super::figures::Digits;

/// A language that there are texts for.
#[derive(Debug, PartialEq, Eq)]
pub struct Language {
    /// Its BCP 47 tag.
    pub code: &'static str,
    /// What it calls itself.
    pub name: &'static str,
    /// Which way it is written: `ltr` or `rtl`.
    pub direction: &'static str,
    /// How it writes numbers.
    pub digits: Digits,
    /// Its texts.
    pub source: &'static str,
}

/// Every language; the first one is for whoever speaks none of them. One more is one more entry and one more file.
pub static LANGUAGES: &[Language] = &[
    Language {
        code: "en",
        name: "English",
        direction: "ltr",
        digits: Digits::LATIN,
        source: include_str!("../../locales/en.ftl"),
    },
    Language {
        code: "ar",
        name: "العربية",
        direction: "rtl",
        digits: Digits::ARABIC,
        source: include_str!("../../locales/ar.ftl"),
    },
];

/// A reference to one of [`LANGUAGES`].
pub type Lang = &'static Language;

/// The language of a tag such as `ar` or `ar-KW`.
#[must_use]
pub fn named(tag: &str) -> Option<Lang> {
    let primary = tag.split(['-', '_']).next().unwrap_or(tag);
    LANGUAGES.iter().find(|language| language.code.eq_ignore_ascii_case(primary))
}

/// The language that a browser likes best, by its `Accept-Language`.
#[must_use]
pub fn accepted(header: &str) -> Option<Lang> {
    let weighed = header.split(',').take(MOST_TAGS).filter_map(|part| {
        let (tag, weight) = part.split_once(';').unwrap_or((part, "q=1"));
        let weight = thousandths(weight.trim().strip_prefix("q=")?)?;
        Some((named(tag.trim())?, weight)).filter(|(_, weight)| *weight > 0)
    });
    // The first of those that are liked equally.
    weighed.reduce(|best, next| if next.1 > best.1 { next } else { best }).map(|(language, _)| language)
}

/// Languages of the header that are looked at.
const MOST_TAGS: usize = 20;

/// A weight such as `0.8`, in thousandths.
fn thousandths(text: &str) -> Option<u32> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let part: u32 = if part.is_empty() { 0 } else { format!("{part:0<3}").get(..3)?.parse().ok()? };
    Some(whole.parse::<u32>().ok()?.min(1) * 1_000 + part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(header: &str) -> Option<&'static str> {
        accepted(header).map(|language| language.code)
    }

    #[test]
    fn the_best_liked_language_that_there_is_wins() {
        assert_eq!(code("ar-KW,ar;q=0.9,en;q=0.8"), Some("ar"));
        assert_eq!(code("fr,en-GB;q=0.3,ar;q=0.7"), Some("ar"));
        assert_eq!(code("en, ar"), Some("en"));
        assert_eq!(code("fr, de"), None);
        assert_eq!(code("ar;q=0, en;q=0.1"), Some("en"));
        for junk in ["", ";;;", "q=1", "ar;q=x", "\u{0}", "ar;q=0.é"] {
            assert!(code(junk).is_none(), "{junk}");
        }
    }
}
