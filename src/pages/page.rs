//! What every template takes: texts, numbers, addresses of files, the parts of forms.

use std::borrow::Cow;
use std::fmt::Display;
use std::sync::Arc;

use chrono::NaiveDate;
use chrono_tz::Tz;
use fluent_bundle::{FluentArgs, FluentValue};
use rust_decimal::Decimal;

use super::brand::{Brand, Counts};
use super::figures::{Day, time_of_day};
use super::language::{LANGUAGES, Lang};
use super::{assets, texts};
use crate::clock::Timestamp;
use crate::money::Money;
use crate::programme::Localised;

/// One page in one language.
#[derive(Debug, Clone)]
pub struct Page {
    /// The language.
    pub language: Lang,
    /// The look.
    pub brand: Arc<Brand>,
    /// The nonce of inline elements.
    pub nonce: String,
    /// Its own address, without a query.
    pub path: String,
    /// Proves that a form is ours.
    pub token: String,
    /// Makes a second press of a form harmless.
    pub op: String,
}

impl Page {
    /// A text.
    #[must_use]
    pub fn text(&self, key: &str) -> String {
        texts::text(self.language, &self.own(key), None)
    }

    /// The key as this programme's pages say it: of stamps, where a point is one.
    fn own<'a>(&self, key: &'a str) -> Cow<'a, str> {
        let stamped = if self.brand.counts == Counts::Stamps { texts::stamped(self.language, key) } else { None };
        stamped.map_or(Cow::Borrowed(key), Cow::Owned)
    }

    /// A text with a number that its plural follows: `$count`.
    #[must_use]
    pub fn count(&self, key: &str, count: &i64) -> String {
        self.filled(key, [("count", FluentValue::from(*count))])
    }

    /// A text with another text in it: `$value`.
    #[must_use]
    pub fn with(&self, key: &str, value: &impl Display) -> String {
        self.filled(key, [("value", FluentValue::from(value.to_string()))])
    }

    /// A text with a number that its plural follows and another text: `$count` and `$value`.
    #[must_use]
    pub fn count_with(&self, key: &str, count: &i64, value: &impl Display) -> String {
        self.filled(key, [("count", FluentValue::from(*count)), ("value", FluentValue::from(value.to_string()))])
    }

    fn filled<'a, const N: usize>(&self, key: &str, values: [(&'a str, FluentValue<'a>); N]) -> String {
        let mut arguments = FluentArgs::with_capacity(N);
        for (name, value) in values {
            arguments.set(name, value);
        }
        texts::text(self.language, &self.own(key), Some(&arguments))
    }

    /// A whole number.
    #[must_use]
    pub fn number(&self, number: &i64) -> String {
        self.language.digits.whole(*number)
    }

    /// A change of points, always with its sign.
    #[must_use]
    pub fn signed(&self, number: &i64) -> String {
        if *number > 0 { format!("+{}", self.number(number)) } else { self.number(number) }
    }

    /// A decimal number.
    #[must_use]
    pub fn decimal(&self, number: Decimal) -> String {
        self.language.digits.decimal(number)
    }

    /// A sum of money.
    #[must_use]
    pub fn money(&self, money: Money) -> String {
        self.sum(self.decimal(money.decimal()), money.currency().as_str())
    }

    /// An amount that is written already, with its currency.
    #[must_use]
    pub fn sum(&self, amount: String, currency: &str) -> String {
        self.filled("money", [("amount", FluentValue::from(amount)), ("currency", FluentValue::from(currency.to_owned()))])
    }

    /// A day.
    #[must_use]
    pub fn day(&self, date: NaiveDate) -> String {
        let Day { day, month, year } = Day::of(date, &self.language.digits);
        self.filled("day", [("day", day.into()), ("month", month.into()), ("year", year.into())])
    }

    /// A day and the time of day.
    #[must_use]
    pub fn moment(&self, at: Timestamp, zone: Tz) -> String {
        let (day, time) = (self.day(at.local_day(zone)), self.time(at, zone));
        self.filled("moment", [("day", day.into()), ("time", time.into())])
    }

    /// The time of day.
    #[must_use]
    pub fn time(&self, at: Timestamp, zone: Tz) -> String {
        time_of_day(at, zone, &self.language.digits)
    }

    /// A text of a document in this language, else in English, else in any.
    #[must_use]
    pub fn localised(&self, text: &Localised) -> String {
        let found = text.get(self.language.code).or_else(|| text.get("en")).or_else(|| text.values().next());
        found.cloned().unwrap_or_default()
    }

    /// The address of a style, script or font.
    #[must_use]
    pub fn asset(&self, name: &str) -> String {
        assets::address(name)
    }

    /// The other languages.
    #[must_use]
    pub fn other_languages(&self) -> Vec<Lang> {
        LANGUAGES.iter().filter(|language| language.code != self.language.code).collect()
    }

    /// The ten digits, for scripts that count.
    #[must_use]
    pub fn digits(&self) -> String {
        self.language.digits.digits.iter().collect()
    }
}
