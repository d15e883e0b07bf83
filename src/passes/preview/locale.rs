//! How a phone in one language writes numbers and dates, near enough for a picture.

use chrono::{DateTime, Datelike, FixedOffset, Timelike};
use serde_json::{Number, Value};

const ENGLISH_MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const ARABIC_MONTHS: [&str; 12] =
    ["يناير", "فبراير", "مارس", "أبريل", "مايو", "يونيو", "يوليو", "أغسطس", "سبتمبر", "أكتوبر", "نوفمبر", "ديسمبر"];

/// A phone's language, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Locale {
    /// English, and whatever else is written from left to right.
    English,
    /// Arabic.
    Arabic,
    /// Another language that is written from right to left.
    OtherRightToLeft,
}

impl Locale {
    /// That of a language tag.
    pub fn of(language: &str) -> Self {
        match language.split('-').next() {
            Some("ar") => Self::Arabic,
            Some("fa" | "he" | "ur" | "ckb" | "ps" | "dv" | "yi") => Self::OtherRightToLeft,
            _ => Self::English,
        }
    }

    /// The direction of writing, for HTML.
    pub const fn direction(self) -> &'static str {
        match self {
            Self::English => "ltr",
            Self::Arabic | Self::OtherRightToLeft => "rtl",
        }
    }

    /// One of two words of the picture itself.
    pub const fn word(self, english: &'static str, arabic: &'static str) -> &'static str {
        match self {
            Self::Arabic => arabic,
            Self::English | Self::OtherRightToLeft => english,
        }
    }

    /// A number in a field's style.
    pub fn number(self, field: &Value, number: &Number) -> String {
        if let Some(currency) = field["currencyCode"].as_str() {
            return format!("{currency} {}", self.digits(&grouped(&number.to_string())));
        }
        match field["numberStyle"].as_str() {
            None => self.digits(&number.to_string()),
            Some("PKNumberStylePercent") => self.digits(&format!("{}%", number.as_f64().unwrap_or_default() * 100.0)),
            Some(_) => self.digits(&grouped(&number.to_string())),
        }
    }

    /// A date in a field's style; none if the field is not a date.
    pub fn date(self, field: &Value, text: &str) -> Option<String> {
        let style = |key: &str| field[key].as_str().filter(|style| *style != "PKDateStyleNone");
        let (day, time) = (style("dateStyle"), style("timeStyle"));
        if day.is_none() && time.is_none() {
            return None;
        }
        let moment = DateTime::parse_from_rfc3339(text).ok()?;
        let parts = [day.map(|_| self.day(&moment)), time.map(|_| self.time(&moment))];
        Some(parts.into_iter().flatten().collect::<Vec<_>>().join(self.word(", ", "، ")))
    }

    fn day(self, moment: &DateTime<FixedOffset>) -> String {
        let (day, month, year) = (moment.day(), moment.month0() as usize, moment.year());
        match self {
            Self::Arabic => self.digits(&format!("{day} {} {year}", ARABIC_MONTHS[month])),
            Self::English | Self::OtherRightToLeft => format!("{} {day}, {year}", ENGLISH_MONTHS[month]),
        }
    }

    fn time(self, moment: &DateTime<FixedOffset>) -> String {
        let (afternoon, hour) = moment.hour12();
        let half = match afternoon {
            true => self.word("PM", "م"),
            false => self.word("AM", "ص"),
        };
        self.digits(&format!("{hour}:{:02} {half}", moment.minute()))
    }

    /// The text in the phone's digits.
    fn digits(self, text: &str) -> String {
        if self != Self::Arabic {
            return text.to_owned();
        }
        let digit = |letter: char| match letter {
            '0'..='9' => char::from_u32(u32::from('٠') + u32::from(letter) - u32::from('0')).unwrap_or(letter),
            ',' => '٬',
            '.' => '٫',
            '%' => '٪',
            other => other,
        };
        text.chars().map(digit).collect()
    }
}

fn grouped(number: &str) -> String {
    let (whole, rest) = number.split_at(number.find('.').unwrap_or(number.len()));
    let (sign, whole) = whole.split_at(usize::from(whole.starts_with('-')));
    let mut out = sign.to_owned();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_and_dates_read_as_on_a_phone() {
        let decimal = json!({ "numberStyle": "PKNumberStyleDecimal" });
        let number = |locale: Locale, value: i64| locale.number(&decimal, &Number::from(value));
        assert_eq!(number(Locale::English, -1_234_567), "-1,234,567");
        assert_eq!(number(Locale::Arabic, 1_250), "١٬٢٥٠");
        assert_eq!(Locale::English.number(&json!({}), &Number::from(1_250)), "1250");
        let date = json!({ "dateStyle": "PKDateStyleMedium", "timeStyle": "PKDateStyleNone" });
        assert_eq!(Locale::of("en-GB").date(&date, "2026-04-14T23:59:59+03:00").as_deref(), Some("Apr 14, 2026"));
        assert_eq!(Locale::of("ar").date(&date, "2026-04-14T23:59:59+03:00").as_deref(), Some("١٤ أبريل ٢٠٢٦"));
        let both = json!({ "dateStyle": "PKDateStyleMedium", "timeStyle": "PKDateStyleShort" });
        assert_eq!(Locale::English.date(&both, "2026-04-14T12:05:00Z").as_deref(), Some("Apr 14, 2026, 12:05 PM"));
        assert_eq!(Locale::English.date(&json!({}), "2026-04-14T12:05:00Z"), None, "a text that looks like a date");
    }
}
