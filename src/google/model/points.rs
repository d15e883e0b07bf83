//! Balances and money.

use serde::{Deserialize, Serialize};

use crate::google::model::text::{Int64, LocalizedString};

/// A balance with its label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoyaltyPoints {
    /// What stands above it; nine letters are shown for certain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The label in several languages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub localized_label: Option<LocalizedString>,
    /// The balance.
    pub balance: Balance,
}

/// A balance: exactly one kind of value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Balance {
    /// A text.
    #[serde(rename = "string")]
    Text(String),
    /// A number, of 32 bits only.
    #[serde(rename = "int")]
    Int(i32),
    /// A number with a fraction.
    #[serde(rename = "double")]
    Double(f64),
    /// Money.
    #[serde(rename = "money")]
    Money(Money),
}

impl Balance {
    /// Points: a number while 32 bits hold it, else a text.
    #[must_use]
    pub fn points(points: i64) -> Self {
        i32::try_from(points).map_or_else(|_| Self::Text(points.to_string()), Self::Int)
    }
}

/// An amount of money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Money {
    /// Millionths of the currency's unit.
    pub micros: Int64,
    /// ISO 4217.
    pub currency_code: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_beyond_32_bits_become_text() {
        let written = |points| serde_json::to_string(&Balance::points(points)).unwrap();
        assert_eq!(written(0), r#"{"int":0}"#);
        assert_eq!(written(i64::from(i32::MAX)), r#"{"int":2147483647}"#);
        assert_eq!(written(i64::from(i32::MAX) + 1), r#"{"string":"2147483648"}"#);
        assert_eq!(written(i64::MIN), r#"{"string":"-9223372036854775808"}"#);
    }

    #[test]
    fn a_balance_of_two_kinds_is_not_understood() {
        assert!(serde_json::from_str::<Balance>(r#"{"int":1,"string":"1"}"#).is_err());
        assert!(serde_json::from_str::<Balance>("{}").is_err());
    }
}
