//! What Google calls things: the verticals' paths, issuers, and ids of classes and objects.
//!
//! Ids are `<issuer>.<suffix>`. They can never be deleted or used again, so suffixes are made of our own random ids and never of
//! anything about a person. (Source: Google's discovery document `walletobjects:v1`, descriptions of `id`.)

use std::fmt;
use std::str::FromStr;

/// Letters of a suffix at most; Google publishes no limit, so ours is low.
pub const MAX_SUFFIX: usize = 64;

/// Which collection of the REST API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ResourceKind {
    /// A programme, in words and colours.
    LoyaltyClass,
    /// A card.
    LoyaltyObject,
    /// A reward as a coupon.
    OfferClass,
    /// A voucher.
    OfferObject,
    /// A gift card programme.
    GiftCardClass,
    /// A gift card.
    GiftCardObject,
    /// Any other pass.
    GenericClass,
    /// A holder's copy of it.
    GenericObject,
}

impl ResourceKind {
    /// Every kind that is used.
    pub const ALL: [Self; 8] = [
        Self::LoyaltyClass,
        Self::LoyaltyObject,
        Self::OfferClass,
        Self::OfferObject,
        Self::GiftCardClass,
        Self::GiftCardObject,
        Self::GenericClass,
        Self::GenericObject,
    ];

    /// The collection's name in a path: `/walletobjects/v1/<path>`.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::LoyaltyClass => "loyaltyClass",
            Self::LoyaltyObject => "loyaltyObject",
            Self::OfferClass => "offerClass",
            Self::OfferObject => "offerObject",
            Self::GiftCardClass => "giftCardClass",
            Self::GiftCardObject => "giftCardObject",
            Self::GenericClass => "genericClass",
            Self::GenericObject => "genericObject",
        }
    }

    /// Whether it is somebody's copy rather than what all have in common.
    #[must_use]
    pub const fn is_object(self) -> bool {
        matches!(self, Self::LoyaltyObject | Self::OfferObject | Self::GiftCardObject | Self::GenericObject)
    }

    /// The name of the array in a save link's payload.
    #[must_use]
    pub const fn array(self) -> &'static str {
        match self {
            Self::LoyaltyClass => "loyaltyClasses",
            Self::LoyaltyObject => "loyaltyObjects",
            Self::OfferClass => "offerClasses",
            Self::OfferObject => "offerObjects",
            Self::GiftCardClass => "giftCardClasses",
            Self::GiftCardObject => "giftCardObjects",
            Self::GenericClass => "genericClasses",
            Self::GenericObject => "genericObjects",
        }
    }
}

/// A Google Wallet issuer's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IssuerId(u64);

/// A text is no issuer's number or no resource's id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResourceIdError {
    /// Not 10 to 20 digits, or more than an int64 holds.
    #[error("an issuer id is 10 to 19 digits, as the Google Pay & Wallet console shows it")]
    Issuer,
    /// No issuer before the first dot, or letters that can't stand in a suffix, or too many of them.
    #[error("an id is the issuer's number, a dot, and at most {MAX_SUFFIX} letters, digits, dots, hyphens or underscores")]
    Id,
}

impl FromStr for IssuerId {
    type Err = ResourceIdError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = (10..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse::<u64>().ok().filter(|number| digits && i64::try_from(*number).is_ok());
        number.filter(|number| number.to_string() == text).map(Self).ok_or(ResourceIdError::Issuer)
    }
}

impl fmt::Display for IssuerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The id of a class or an object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceId {
    issuer: IssuerId,
    suffix: String,
}

impl ResourceId {
    /// An id under an issuer.
    ///
    /// # Errors
    /// The suffix is empty, too long, or has letters that Google refuses.
    pub fn new(issuer: IssuerId, suffix: &str) -> Result<Self, ResourceIdError> {
        let right = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if suffix.is_empty() || suffix.len() > MAX_SUFFIX || !suffix.bytes().all(right) {
            return Err(ResourceIdError::Id);
        }
        Ok(Self { issuer, suffix: suffix.to_owned() })
    }

    /// Whose it is.
    #[must_use]
    pub const fn issuer(&self) -> IssuerId {
        self.issuer
    }

    /// What stands after the first dot.
    #[must_use]
    pub fn suffix(&self) -> &str {
        &self.suffix
    }
}

impl FromStr for ResourceId {
    type Err = ResourceIdError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // Suffixes may have dots themselves: only the first one divides.
        let (issuer, suffix) = text.split_once('.').ok_or(ResourceIdError::Id)?;
        Self::new(issuer.parse().map_err(|_| ResourceIdError::Id)?, suffix)
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.issuer, self.suffix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_digits_only() {
        assert_eq!("3388000000022141777".parse::<IssuerId>().unwrap().to_string(), "3388000000022141777");
        for wrong in ["", "123456789", "33880000000221417771", "3388x00000022141777", "+388000000022141777", "0000000000000"] {
            assert_eq!(wrong.parse::<IssuerId>(), Err(ResourceIdError::Issuer), "{wrong}");
        }
    }

    #[test]
    fn only_the_first_dot_divides_an_id() {
        let id: ResourceId = "3388000000022141777.lib.edutap.eu".parse().unwrap();
        assert_eq!((id.suffix(), id.to_string().as_str()), ("lib.edutap.eu", "3388000000022141777.lib.edutap.eu"));
        for wrong in ["3388000000022141777", "3388000000022141777.", "x.y", "3388000000022141777.a b", "3388000000022141777.a@b"]
        {
            assert_eq!(wrong.parse::<ResourceId>(), Err(ResourceIdError::Id), "{wrong}");
        }
        let long = format!("3388000000022141777.{}", "a".repeat(65));
        assert_eq!(long.parse::<ResourceId>(), Err(ResourceIdError::Id));
    }
}
