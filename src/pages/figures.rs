//! Numbers, sums of money, days and times as a language writes them.

use chrono::{Datelike, NaiveDate, Timelike};
use chrono_tz::Tz;
use rust_decimal::Decimal;

use crate::clock::Timestamp;

/// How a language writes numbers.
#[derive(Debug, PartialEq, Eq)]
pub struct Digits {
    /// From 0 to 9.
    pub digits: [char; 10],
    /// Between groups of three.
    pub group: char,
    /// Before decimals.
    pub point: char,
}

impl Digits {
    /// 1,234.5
    pub const LATIN: Self = Self { digits: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'], group: ',', point: '.' };

    /// ١٬٢٣٤٫٥
    pub const ARABIC: Self =
        Self { digits: ['٠', '١', '٢', '٣', '٤', '٥', '٦', '٧', '٨', '٩'], group: '٬', point: '٫' };

    /// A text with its ASCII digits as this language writes them; all else stays.
    #[must_use]
    pub fn plain(&self, text: &str) -> String {
        text.chars().map(|letter| self.digit(letter).unwrap_or(letter)).collect()
    }

    /// A whole number in groups of three.
    #[must_use]
    pub fn whole(&self, number: i64) -> String {
        let ascii = number.unsigned_abs().to_string();
        let mut text = String::with_capacity(ascii.len() * 2);
        if number < 0 {
            text.push('\u{2212}');
        }
        for (place, letter) in ascii.chars().enumerate() {
            if place > 0 && (ascii.len() - place).is_multiple_of(3) {
                text.push(self.group);
            }
            text.push(self.digit(letter).unwrap_or(letter));
        }
        text
    }

    /// A decimal number.
    #[must_use]
    pub fn decimal(&self, number: Decimal) -> String {
        let text = number.abs().to_string();
        let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
        let mut written = whole.parse().map_or_else(|_| self.plain(whole), |whole| self.whole(whole));
        if !part.is_empty() {
            written.push(self.point);
            written.push_str(&self.plain(part));
        }
        written
    }

    fn digit(&self, letter: char) -> Option<char> {
        letter.to_digit(10).map(|digit| self.digits[digit as usize])
    }
}

/// A day, in the pieces that a text puts together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day {
    /// 1 to 31.
    pub day: String,
    /// 1 to 12; the texts know the names.
    pub month: i64,
    /// The year.
    pub year: String,
}

impl Day {
    /// A calendar day.
    #[must_use]
    pub fn of(date: NaiveDate, digits: &Digits) -> Self {
        Self {
            day: digits.plain(&date.day().to_string()),
            month: i64::from(date.month()),
            year: digits.plain(&date.year().to_string()),
        }
    }
}

/// The time of day in a zone, as hours and minutes of 24.
#[must_use]
pub fn time_of_day(at: Timestamp, zone: Tz, digits: &Digits) -> String {
    let local = at.to_utc().with_timezone(&zone);
    digits.plain(&format!("{}:{:02}", local.hour(), local.minute()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_language_does() {
        assert_eq!(Digits::LATIN.whole(1_234_567), "1,234,567");
        assert_eq!(Digits::ARABIC.whole(1_250), "١٬٢٥٠");
        assert_eq!(Digits::LATIN.whole(-50), "\u{2212}50");
        assert_eq!(Digits::ARABIC.decimal("1234.500".parse().unwrap()), "١٬٢٣٤٫٥٠٠");
        assert_eq!(Digits::LATIN.decimal("0.5".parse().unwrap()), "0.5");
        assert_eq!(Digits::LATIN.whole(i64::MIN), "\u{2212}9,223,372,036,854,775,808");
    }

    #[test]
    fn days_and_times_are_those_of_the_zone() {
        let at = Timestamp::parse("2026-11-21T21:05:00Z").unwrap();
        let zone: Tz = "Asia/Kuwait".parse().unwrap();
        assert_eq!(time_of_day(at, zone, &Digits::LATIN), "0:05");
        let day = Day::of(at.local_day(zone), &Digits::ARABIC);
        assert_eq!((day.day.as_str(), day.month, day.year.as_str()), ("٢٢", 11, "٢٠٢٦"));
    }
}
