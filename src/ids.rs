//! Typed ids: sixteen bytes inside, `prefix_` and 26 Crockford Base32 letters outside.
//!
//! A newcomer sees in a log what kind of thing an id names, and the compiler refuses to mix two kinds up.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::clock::Timestamp;

/// The Crockford alphabet in lower case, as ids are written.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Why a text is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}_ and 26 letters of the Crockford alphabet")]
pub struct IdError {
    /// The prefix that the id should have had.
    pub expected: &'static str,
}

/// Writes sixteen bytes as 26 letters.
#[must_use]
pub fn encode(bytes: &[u8; 16]) -> String {
    let value = u128::from_be_bytes(*bytes);
    (0..26)
        .map(|place| {
            let shift = 125 - place * 5;
            ALPHABET[(value >> shift) as usize & 31] as char
        })
        .collect()
}

/// Reads what [`encode`] wrote; other lengths, letters and values over 128 bits are refused.
#[must_use]
pub fn decode(text: &str) -> Option<[u8; 16]> {
    let text = text.as_bytes();
    if text.len() != 26 {
        return None;
    }
    let mut value: u128 = 0;
    for (place, letter) in text.iter().enumerate() {
        let digit = ALPHABET.iter().position(|known| known == letter)? as u128;
        if place == 0 && digit > 7 {
            return None;
        }
        value = (value << 5) | digit;
    }
    Some(value.to_be_bytes())
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub [u8; 16]);

        impl $name {
            /// What stands before the underscore.
            pub const PREFIX: &'static str = $prefix;
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}_{}", $prefix, encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(decode)
                    .map(Self)
                    .ok_or(IdError { expected: $prefix })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .pattern(Some(concat!("^", $prefix, "_[0-9a-hjkmnp-tv-z]{26}$")))
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}
    };
}

id!(/// An organisation: the boundary of isolation.
    OrgId, "org");
id!(/// A programme of an organisation.
    ProgrammeId, "prg");
id!(/// A shop.
    StoreId, "sto");
id!(/// A till or scanner in a shop.
    TerminalId, "trm");
id!(/// One of the staff, who signs in at tills.
    StaffId, "staff");
id!(/// A shift of one of the staff at a till; the same sixteen bytes as the operation that opened it.
    ShiftId, "shift");
id!(/// An API key of an integration or a person.
    KeyId, "key");
id!(/// A person known to an organisation.
    MemberId, "mem");
id!(/// A member's account in a programme.
    CardId, "card");
id!(/// One installable thing; wholly random, since its letters are the wallet's serial number.
    PassId, "pass");
id!(/// An operation as the ledger keeps it.
    OpId, "op");
id!(/// A sale that earned points; the same sixteen bytes as its operation.
    EarningId, "ern");
id!(/// A return of a sale or of a part of it; the same sixteen bytes as its operation.
    ReturnId, "ret");
id!(/// A redemption; the same sixteen bytes as its operation.
    RedemptionId, "rdm");
id!(/// An issued reward; the same sixteen bytes as its operation.
    VoucherId, "vch");
id!(/// A dead letter of the outbox.
    DeadLetterId, "dead");

/// Where new ids come from: an argument, so that a simulation can replay them.
pub trait Ids: Send + Sync {
    /// Sixteen wholly random bytes, for what must not be guessed.
    fn random(&self) -> [u8; 16];

    /// Sixteen bytes that sort by time (48 bits of milliseconds, 80 random bits, as UUIDv7 does), for what is stored in order.
    fn ordered(&self, now: Timestamp) -> [u8; 16] {
        let mut id = self.random();
        let millis = u64::try_from(now.millis()).unwrap_or(0).to_be_bytes();
        id[..6].copy_from_slice(&millis[2..]);
        id
    }
}

/// Ids from the operating system's random source.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemIds;

impl Ids for SystemIds {
    fn random(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        aws_lc_rs::rand::fill(&mut bytes).expect("the operating system's random source never fails after start");
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips_and_is_canonical() {
        for bytes in [[0; 16], [255; 16], *b"sixteen bytes !!"] {
            let id = CardId(bytes);
            assert_eq!(id.to_string().parse::<CardId>(), Ok(id));
        }
        assert!("card_80000000000000000000000000".parse::<CardId>().is_err(), "over 128 bits");
        assert!("mem_00000000000000000000000000".parse::<CardId>().is_err(), "another kind");
        assert!("card_0000000000000000000000000U".parse::<CardId>().is_err(), "a letter outside the alphabet");
    }

    #[test]
    fn ordered_ids_sort_by_time() {
        let early = SystemIds.ordered(Timestamp::from_millis(1_000));
        let late = SystemIds.ordered(Timestamp::from_millis(2_000));
        assert!(early < late);
    }
}
