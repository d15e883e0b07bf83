//! Money and points. No floating point anywhere: money is a decimal with an ISO 4217 currency, points are whole.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The largest amount of one sale, in minor units: 10^13, so that sums of a million of them stay within 64 bits.
pub const MAX_MINOR_UNITS: i64 = 10_000_000_000_000;

/// The largest number of points in one operation.
pub const MAX_POINTS: i64 = 1_000_000_000_000;

/// Why an amount is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not three capital letters of ISO 4217 that Walaa knows.
    #[error("\"{0}\" is not an ISO 4217 currency code")]
    UnknownCurrency(String),
    /// Not a plain decimal number.
    #[error("\"{0}\" is not a decimal number such as \"12.50\"")]
    NotANumber(String),
    /// More decimals than the currency has.
    #[error("{currency} has {digits} decimals; \"{amount}\" has more")]
    TooManyDecimals {
        /// The currency.
        currency: Currency,
        /// How many decimals it has.
        digits: u32,
        /// What was given.
        amount: String,
    },
    /// Below zero or beyond [`MAX_MINOR_UNITS`].
    #[error("the amount is out of range")]
    OutOfRange,
}

/// An ISO 4217 currency code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

/// Currencies without minor units and with three; every other known one has two (ISO 4217, list one).
const NO_DECIMALS: &[&str] =
    &["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"];
const THREE_DECIMALS: &[&str] = &["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];
const TWO_DECIMALS: &[&str] = &[
    "AED", "AFN", "ALL", "AMD", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BGN", "BMD", "BND", "BOB", "BRL", "BSD",
    "BTN", "BWP", "BYN", "BZD", "CAD", "CDF", "CHF", "CNY", "COP", "CRC", "CUP", "CVE", "CZK", "DKK", "DOP", "DZD", "EGP", "ERN",
    "ETB", "EUR", "FJD", "FKP", "GBP", "GEL", "GHS", "GIP", "GMD", "GTQ", "GYD", "HKD", "HNL", "HTG", "HUF", "IDR", "ILS", "INR",
    "IRR", "JMD", "KES", "KGS", "KHR", "KPW", "KYD", "KZT", "LAK", "LBP", "LKR", "LRD", "LSL", "MAD", "MDL", "MGA", "MKD", "MMK",
    "MNT", "MOP", "MRU", "MUR", "MVR", "MWK", "MXN", "MYR", "MZN", "NAD", "NGN", "NIO", "NOK", "NPR", "NZD", "PAB", "PEN", "PGK",
    "PHP", "PKR", "PLN", "QAR", "RON", "RSD", "RUB", "SAR", "SBD", "SCR", "SDG", "SEK", "SGD", "SHP", "SLE", "SOS", "SRD", "SSP",
    "STN", "SVC", "SYP", "SZL", "THB", "TJS", "TMT", "TOP", "TRY", "TTD", "TWD", "TZS", "UAH", "USD", "UYU", "UZS", "VES", "WST",
    "XCD", "YER", "ZAR", "ZMW",
];

impl Currency {
    /// How many decimals the currency has: 0, 2 or 3.
    #[must_use]
    pub fn digits(self) -> u32 {
        let code = self.as_str();
        if NO_DECIMALS.contains(&code) {
            0
        } else if THREE_DECIMALS.contains(&code) {
            3
        } else {
            2
        }
    }

    /// The three letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }
}

impl FromStr for Currency {
    type Err = MoneyError;
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let known = [NO_DECIMALS, TWO_DECIMALS, THREE_DECIMALS].iter().any(|list| list.contains(&text));
        match text.as_bytes() {
            [a, b, c] if known => Ok(Self([*a, *b, *c])),
            _ => Err(MoneyError::UnknownCurrency(text.chars().take(12).collect())),
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// An amount that is not negative, in whole minor units of its currency; `{"amount":"12.500","currency":"KWD"}` in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    minor_units: i64,
    currency: Currency,
}

impl Money {
    /// An amount in minor units (fils, cents).
    ///
    /// # Errors
    /// [`MoneyError::OutOfRange`] below zero or beyond [`MAX_MINOR_UNITS`].
    pub const fn from_minor_units(minor_units: i64, currency: Currency) -> Result<Self, MoneyError> {
        if minor_units < 0 || minor_units > MAX_MINOR_UNITS {
            return Err(MoneyError::OutOfRange);
        }
        Ok(Self { minor_units, currency })
    }

    /// Reads a plain decimal number of the currency: no sign, no exponent, no more decimals than the currency has.
    ///
    /// # Errors
    /// One [`MoneyError`] for each way in which it is not that.
    pub fn parse(amount: &str, currency: Currency) -> Result<Self, MoneyError> {
        let plain = !amount.is_empty()
            && amount.len() <= 20
            && amount.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
            && amount.bytes().next().is_some_and(|byte| byte.is_ascii_digit())
            && !amount.ends_with('.');
        let not_a_number = || MoneyError::NotANumber(amount.chars().take(24).collect());
        if !plain {
            return Err(not_a_number());
        }
        let value: Decimal = amount.parse().map_err(|_| not_a_number())?;
        let digits = currency.digits();
        if value.scale() > digits && value.normalize().scale() > digits {
            return Err(MoneyError::TooManyDecimals { currency, digits, amount: amount.to_owned() });
        }
        let minor = value.checked_mul(Decimal::from(10_i64.pow(digits))).ok_or(MoneyError::OutOfRange)?;
        let minor = i64::try_from(minor.normalize()).map_err(|_| MoneyError::OutOfRange)?;
        Self::from_minor_units(minor, currency)
    }

    /// Whole minor units.
    #[must_use]
    pub const fn minor_units(self) -> i64 {
        self.minor_units
    }

    /// The currency.
    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The amount in major units.
    #[must_use]
    pub fn decimal(self) -> Decimal {
        Decimal::new(self.minor_units, self.currency.digits())
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.decimal(), self.currency)
    }
}

/// How [`Money`] stands in JSON.
#[derive(Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Money)]
struct MoneyText {
    /// A decimal number as text, with at most the currency's decimals.
    #[schema(example = "12.500", pattern = r"^[0-9]+(\.[0-9]+)?$")]
    amount: String,
    /// An ISO 4217 code.
    #[schema(value_type = String, example = "KWD", pattern = "^[A-Z]{3}$")]
    currency: Currency,
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        MoneyText { amount: self.decimal().to_string(), currency: self.currency }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = MoneyText::deserialize(deserializer)?;
        Self::parse(&text.amount, text.currency).map_err(serde::de::Error::custom)
    }
}

impl utoipa::PartialSchema for Money {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        <MoneyText as utoipa::PartialSchema>::schema()
    }
}

impl utoipa::ToSchema for Money {}

/// Whole points; arithmetic is checked, so a sum can't wrap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
pub struct Points(pub i64);

impl Points {
    /// No points.
    pub const ZERO: Self = Self(0);

    /// The sum, unless it leaves 64 bits.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, unless it leaves 64 bits.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// So many times as much, unless it leaves 64 bits.
    #[must_use]
    pub fn checked_mul(self, factor: i64) -> Option<Self> {
        self.0.checked_mul(factor).map(Self)
    }
}

impl fmt::Display for Points {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(amount: &str, currency: &str) -> Result<i64, MoneyError> {
        Money::parse(amount, currency.parse()?).map(Money::minor_units)
    }

    #[test]
    fn reads_amounts_in_the_currency_s_own_decimals() {
        assert_eq!(money("12.500", "KWD"), Ok(12_500));
        assert_eq!(money("12.5", "USD"), Ok(1_250));
        assert_eq!(money("12.50000", "USD"), Ok(1_250), "trailing zeros say nothing");
        assert_eq!(money("7", "JPY"), Ok(7));
    }

    #[test]
    fn refuses_what_is_not_an_amount() {
        assert!(matches!(money("12.505", "USD"), Err(MoneyError::TooManyDecimals { .. })));
        assert!(matches!(money("1", "BTC"), Err(MoneyError::UnknownCurrency(_))));
        for bad in ["-1", "+1", "1e3", "", ".", "1.", ".5", "1,5", " 1", "NaN", "١٢"] {
            assert!(matches!(money(bad, "USD"), Err(MoneyError::NotANumber(_))), "{bad}");
        }
        assert_eq!(money("99999999999999999999", "USD"), Err(MoneyError::OutOfRange));
    }
}
