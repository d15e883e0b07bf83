//! One language of a template: its strings file, and how it writes numbers and dates.
//!
//! Everything but the plural rules (`message`) stands in `strings/<language>.toml`, so a new language is a new file.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Timelike};
use chrono_tz::Tz;
use serde::Deserialize;

use crate::passes::message::{Message, MessageFile};
use crate::passes::view::ChangeKind;

/// The most texts that a strings file may hold.
const MAX_TEXTS: usize = 300;

/// The key of the sentence that writes one line of the list of rewards.
pub const REWARD_LINE_KEY: &str = "reward_line";

/// Arabic letter mark and left-to-right mark: as CLDR has it, they stand before a sign so that it stays on its side.
const ARABIC_LETTER_MARK: char = '\u{61c}';
const LEFT_TO_RIGHT_MARK: char = '\u{200e}';

/// One language of a template.
#[derive(Debug, Clone)]
pub struct Language {
    /// The BCP 47 tag, as in the name of the strings file and of Apple's `.lproj` folder.
    pub code: String,
    /// Whether it is written from right to left.
    pub right_to_left: bool,
    digits: [char; 10],
    group: String,
    months: Vec<String>,
    date: String,
    /// What stands before and between and after `{date}` and `{time}`.
    datetime: String,
    /// The texts by key.
    pub texts: BTreeMap<String, Message>,
    /// How one reward of the list is written.
    pub reward_line: Option<Message>,
    /// How each kind of change is written, in the order of [`ChangeKind::ALL`].
    pub changes: Vec<Option<Message>>,
}

/// What a strings file holds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StringsFile {
    format: FormatFile,
    text: BTreeMap<String, MessageFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FormatFile {
    direction: Direction,
    digits: String,
    group: String,
    months: Vec<String>,
    date: String,
    datetime: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Direction {
    Ltr,
    Rtl,
}

/// What is wrong in a strings file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LanguageProblem {
    /// Which text, or the line.
    pub at: String,
    /// What is wrong.
    pub what: String,
}

impl Language {
    /// Reads a strings file.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(code: &str, toml: &str) -> Result<Self, Vec<LanguageProblem>> {
        let file: StringsFile = toml::from_str(toml)
            .map_err(|error| vec![LanguageProblem { at: line_of(toml, error.span()), what: error.message().to_owned() }])?;
        let mut problems = Vec::new();
        let format = file.format;
        let digits: Vec<char> = format.digits.chars().collect();
        let digits = <[char; 10]>::try_from(digits).unwrap_or_else(|_| {
            problems.push(problem("format.digits", "must be the ten digits from zero to nine, such as \"0123456789\""));
            ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']
        });
        if format.months.len() != 12 {
            problems.push(problem("format.months", "must be the twelve names of the months"));
        }
        if !["{day}", "{month}", "{year}"].iter().all(|part| format.date.contains(part)) {
            problems.push(problem("format.date", "must hold {day}, {month} and {year}"));
        }
        if !["{date}", "{time}"].iter().all(|part| format.datetime.contains(part)) {
            problems.push(problem("format.datetime", "must hold {date} and {time}"));
        }
        if file.text.len() > MAX_TEXTS {
            problems.push(problem("text", &format!("holds more than {MAX_TEXTS} texts")));
        }
        let mut texts = BTreeMap::new();
        for (key, message) in file.text {
            match Message::read(&message) {
                Ok(message) => drop(texts.insert(key, message)),
                Err(what) => problems.push(problem(&format!("text.{key}"), &what)),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            code: code.to_owned(),
            right_to_left: matches!(format.direction, Direction::Rtl),
            digits,
            group: format.group,
            months: format.months,
            date: format.date,
            datetime: format.datetime,
            reward_line: texts.get(REWARD_LINE_KEY).cloned(),
            changes: ChangeKind::ALL.iter().map(|kind| texts.get(kind.sentence_key()).cloned()).collect(),
            texts,
        })
    }

    /// Appends a number in the language's digits, in groups of three.
    pub fn write_number(&self, out: &mut String, number: i64) {
        if number < 0 {
            self.write_sign(out, '-');
        }
        self.write_digits(out, number.unsigned_abs(), &self.group);
    }

    /// Appends a number with its sign; zero has none.
    pub fn write_signed(&self, out: &mut String, number: i64) {
        if number > 0 {
            self.write_sign(out, '+');
        }
        self.write_number(out, number);
    }

    /// Appends a date.
    pub fn write_date(&self, out: &mut String, time: &DateTime<Tz>) {
        fill(out, &self.date, |out, part| match part {
            "{day}" => self.write_digits(out, u64::from(time.day()), ""),
            "{month}" => out.push_str(self.months.get(time.month0() as usize).map_or("", String::as_str)),
            "{year}" => self.write_digits(out, u64::from(time.year().unsigned_abs()), ""),
            other => out.push_str(other),
        });
    }

    /// Appends a date and the time of day as hours and minutes of 24.
    pub fn write_date_and_time(&self, out: &mut String, time: &DateTime<Tz>) {
        fill(out, &self.datetime, |out, part| match part {
            "{date}" => self.write_date(out, time),
            "{time}" => {
                self.write_two(out, time.hour());
                out.push(':');
                self.write_two(out, time.minute());
            }
            other => out.push_str(other),
        });
    }

    fn write_two(&self, out: &mut String, number: u32) {
        out.push(self.digits[(number / 10 % 10) as usize]);
        out.push(self.digits[(number % 10) as usize]);
    }

    fn write_sign(&self, out: &mut String, sign: char) {
        if self.right_to_left {
            out.push(if self.digits[0] == '0' { LEFT_TO_RIGHT_MARK } else { ARABIC_LETTER_MARK });
        }
        out.push(sign);
    }

    fn write_digits(&self, out: &mut String, number: u64, group: &str) {
        let ascii = number.to_string();
        let length = ascii.len();
        for (place, digit) in ascii.bytes().enumerate() {
            if place > 0 && (length - place).is_multiple_of(3) {
                out.push_str(group);
            }
            out.push(self.digits[usize::from(digit - b'0')]);
        }
    }
}

/// Copies a pattern and lets `write` fill in what stands in braces.
fn fill(out: &mut String, pattern: &str, write: impl Fn(&mut String, &str)) {
    let mut rest = pattern;
    while let Some(start) = rest.find('{') {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = rest.find('}').map_or(rest.len(), |end| end + 1);
        write(out, &rest[..end]);
        rest = &rest[end..];
    }
    out.push_str(rest);
}

fn problem(at: &str, what: &str) -> LanguageProblem {
    LanguageProblem { at: at.to_owned(), what: what.to_owned() }
}

/// The line of a TOML error, for people.
#[must_use]
pub fn line_of(toml: &str, span: Option<std::ops::Range<usize>>) -> String {
    let start = span.map_or(0, |span| span.start.min(toml.len()));
    let line = toml.as_bytes()[..start].iter().filter(|byte| **byte == b'\n').count() + 1;
    format!("line {line}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    const ARABIC: &str = r#"
        [format]
        direction = "rtl"
        digits = "٠١٢٣٤٥٦٧٨٩"
        group = "٬"
        months = ["يناير", "فبراير", "مارس", "أبريل", "مايو", "يونيو", "يوليو", "أغسطس", "سبتمبر", "أكتوبر", "نوفمبر", "ديسمبر"]
        date = "{day} {month} {year}"
        datetime = "{date}، {time}"
        [text]
        points = "نقاط"
    "#;

    fn written(write: impl Fn(&mut String)) -> String {
        let mut out = String::new();
        write(&mut out);
        out
    }

    #[test]
    fn numbers_and_dates_are_written_in_the_language_s_digits() {
        let arabic = Language::parse("ar", ARABIC).expect("is right");
        assert_eq!(written(|out| arabic.write_number(out, 1_234_567)), "١٬٢٣٤٬٥٦٧");
        assert_eq!(written(|out| arabic.write_number(out, i64::MIN)), "\u{61c}-٩٬٢٢٣٬٣٧٢٬٠٣٦٬٨٥٤٬٧٧٥٬٨٠٨");
        assert_eq!(written(|out| arabic.write_signed(out, 12)), "\u{61c}+١٢");
        assert_eq!(written(|out| arabic.write_signed(out, 0)), "٠");
        let evening = Timestamp::parse("2026-03-01T21:05:00Z").expect("a time").to_utc().with_timezone(&chrono_tz::Asia::Kuwait);
        assert_eq!(written(|out| arabic.write_date(out, &evening)), "٢ مارس ٢٠٢٦");
        assert_eq!(written(|out| arabic.write_date_and_time(out, &evening)), "٢ مارس ٢٠٢٦، ٠٠:٠٥");
    }

    #[test]
    fn says_what_is_wrong_with_a_strings_file() {
        let at = |toml: &str| Language::parse("ar", toml).expect_err("is wrong").remove(0).at;
        assert_eq!(at(&ARABIC.replace("٠١", "٠")), "format.digits");
        assert_eq!(at(&ARABIC.replace("\"يناير\", ", "")), "format.months");
        assert_eq!(at(&ARABIC.replace("{day}", "")), "format.date");
        assert_eq!(at(&ARABIC.replace("{time}", "")), "format.datetime");
        assert_eq!(at(&ARABIC.replace("نقاط", "{{ nobody }}")), "text.points");
        assert_eq!(at(&ARABIC.replace("points =", "points = 3 #")), "line 10");
    }
}
