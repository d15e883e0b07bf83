//! Keys of the API and of terminals: `wk_live_` or `wt_live_` (`_test_` too), the 26 letters of the id, `_`, 43 letters of the 32
//! secret bytes and 6 letters of a CRC-32, both base62.
//!
//! The prefix and the checksum let scanners find a leaked key and tell it from noise; a mistyped key is refused with no look-up.
//! Only the SHA-256 of the secret is stored: 256 random bits need no slow hash.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use zeroize::Zeroizing;

use super::hex;
use super::secret::Secret;
use crate::ids::{self, KeyId, TerminalId};

/// The pattern of every key of ours, for leak scanners (gitleaks, secret scanning).
pub const LEAK_PATTERN: &str = r"\bw[kt]_(?:live|test)_[0-7][0-9a-hjkmnp-tv-z]{25}_[0-9A-Za-z]{49}\b";

/// Digits, capitals, small letters.
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Letters of an id.
const ID_LETTERS: usize = 26;

/// Base62 letters that 32 bytes take.
const SECRET_LETTERS: usize = 43;

/// Base62 letters that a CRC-32 takes.
const CHECKSUM_LETTERS: usize = 6;

/// Letters of `wk_live_`.
const PREFIX_LETTERS: usize = 8;

/// Letters of a whole key.
const KEY_LETTERS: usize = PREFIX_LETTERS + ID_LETTERS + 1 + SECRET_LETTERS + CHECKSUM_LETTERS;

/// Whether a key works on real programmes or only on sandboxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Environment {
    /// Real value.
    Live,
    /// A sandbox.
    Test,
}

/// Whom a key belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyHolder {
    /// An integration or a person: `wk_`.
    Key(KeyId),
    /// A till or scanner: `wt_`.
    Terminal(TerminalId),
}

/// Why a text is not a key. Clients hear 401 `unauthorized` for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// Another shape altogether.
    #[error("the text is not shaped like a key")]
    Shape,
    /// The shape is right, the checksum is not: mistyped or cut.
    #[error("the checksum of the key is wrong")]
    Checksum,
}

/// A whole key, as its holder sends it.
#[derive(Clone)]
pub struct Credential {
    /// Live or test.
    pub environment: Environment,
    /// Whom it belongs to.
    pub holder: KeyHolder,
    /// The secret.
    pub secret: Secret,
}

impl Credential {
    /// The text for its holder: shown once, never logged.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(KEY_LETTERS));
        let id = match self.holder {
            KeyHolder::Key(id) => id.0,
            KeyHolder::Terminal(id) => id.0,
        };
        text.push_str(prefix(self.holder, self.environment));
        text.push_str(&ids::encode(&id));
        text.push('_');
        push_base62(&mut text, self.secret.bytes(), SECRET_LETTERS);
        let checksum = crc32(text.as_bytes());
        push_base62(&mut text, &checksum.to_be_bytes(), CHECKSUM_LETTERS);
        text
    }

    /// Reads a key and checks its checksum.
    ///
    /// # Errors
    /// Another shape, or a wrong checksum.
    pub fn parse(text: &str) -> Result<Self, CredentialError> {
        if text.len() != KEY_LETTERS || !text.is_ascii() {
            return Err(CredentialError::Shape);
        }
        let (start, rest) = text.split_at(PREFIX_LETTERS);
        let (id, rest) = rest.split_at(ID_LETTERS);
        let (secret, checksum) = rest.strip_prefix('_').ok_or(CredentialError::Shape)?.split_at(SECRET_LETTERS);
        let id = ids::decode(id).ok_or(CredentialError::Shape)?;
        let (holder, environment) = match start {
            "wk_live_" => (KeyHolder::Key(KeyId(id)), Environment::Live),
            "wk_test_" => (KeyHolder::Key(KeyId(id)), Environment::Test),
            "wt_live_" => (KeyHolder::Terminal(TerminalId(id)), Environment::Live),
            "wt_test_" => (KeyHolder::Terminal(TerminalId(id)), Environment::Test),
            _ => return Err(CredentialError::Shape),
        };
        let bytes = Zeroizing::new(read_base62::<32>(secret).ok_or(CredentialError::Shape)?);
        let checksum = read_base62::<4>(checksum).ok_or(CredentialError::Shape)?;
        if u32::from_be_bytes(checksum) != crc32(&text.as_bytes()[..KEY_LETTERS - CHECKSUM_LETTERS]) {
            return Err(CredentialError::Checksum);
        }
        Ok(Self { environment, holder, secret: Secret::new(*bytes) })
    }

    /// Whether the secret is the one whose hash is stored.
    #[must_use]
    pub fn verify(&self, stored: &SecretHash) -> bool {
        stored.matches(&self.secret)
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("environment", &self.environment).field("holder", &self.holder).finish_non_exhaustive()
    }
}

/// SHA-256 of a key's secret, as it is stored.
#[derive(Clone, Copy)]
pub struct SecretHash(pub [u8; 32]);

impl SecretHash {
    /// Whether this is the hash of that secret; the time taken says nothing.
    #[must_use]
    pub fn matches(&self, secret: &Secret) -> bool {
        verify_slices_are_equal(&self.0, &secret.hash().0).is_ok()
    }

    /// All 64 hexadecimal digits, for documents.
    #[must_use]
    pub fn to_hex(&self) -> String {
        hex::encode(&self.0)
    }

    /// Reads what [`SecretHash::to_hex`] wrote.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_into(text, &mut bytes).map(|()| Self(bytes))
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(***)")
    }
}

const fn prefix(holder: KeyHolder, environment: Environment) -> &'static str {
    match (holder, environment) {
        (KeyHolder::Key(_), Environment::Live) => "wk_live_",
        (KeyHolder::Key(_), Environment::Test) => "wk_test_",
        (KeyHolder::Terminal(_), Environment::Live) => "wt_live_",
        (KeyHolder::Terminal(_), Environment::Test) => "wt_test_",
    }
}

/// Writes a big-endian number in exactly `letters` base62 letters.
fn push_base62(text: &mut String, number: &[u8], letters: usize) {
    let mut rest = Zeroizing::new(number.to_vec());
    let mut reversed = Zeroizing::new(Vec::with_capacity(letters));
    for _ in 0..letters {
        let remainder = rest.iter_mut().fold(0_u32, |carry, byte| {
            let value = (carry << 8) | u32::from(*byte);
            *byte = (value / 62) as u8;
            value % 62
        });
        reversed.push(BASE62[remainder as usize]);
    }
    text.extend(reversed.iter().rev().map(|letter| char::from(*letter)));
}

/// Reads a number of exactly `N` bytes; one that needs more is refused, so that each number has one text.
fn read_base62<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut number = [0; N];
    for letter in text.bytes() {
        let mut carry = BASE62.iter().position(|known| *known == letter)? as u32;
        for byte in number.iter_mut().rev() {
            let value = u32::from(*byte) * 62 + carry;
            *byte = value as u8;
            carry = value >> 8;
        }
        if carry != 0 {
            return None;
        }
    }
    Some(number)
}

/// CRC-32 as zip and PNG use it (IEEE 802.3, reflected); short texts only, so no table.
fn crc32(bytes: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0xEDB8_8320;
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ POLYNOMIAL } else { crc >> 1 })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn credential(holder: KeyHolder) -> Credential {
        Credential { environment: Environment::Live, holder, secret: Secret::new(std::array::from_fn(|place| place as u8)) }
    }

    #[test]
    fn the_checksum_is_the_usual_crc32() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn base62_holds_the_largest_numbers_and_no_larger() {
        let mut text = String::new();
        push_base62(&mut text, &[255; 32], SECRET_LETTERS);
        assert_eq!(text.len(), SECRET_LETTERS);
        assert_eq!(read_base62::<32>(&text), Some([255; 32]));
        assert_eq!(read_base62::<32>(&"z".repeat(SECRET_LETTERS)), None, "over 256 bits");
        assert_eq!(read_base62::<4>("zzzzzz"), None, "over 32 bits");
        assert_eq!(read_base62::<4>("00000-"), None);
    }

    #[test]
    fn a_key_is_84_letters_and_verifies_against_its_hash_only() {
        let key = credential(KeyHolder::Key(KeyId([5; 16])));
        assert_eq!(key.to_text().len(), 84);
        let read = Credential::parse(&key.to_text()).unwrap();
        assert_eq!(read.holder, key.holder);
        assert!(read.verify(&key.secret.hash()));
        assert!(!read.verify(&Secret::new([1; 32]).hash()));
        let stored = SecretHash::from_hex(&key.secret.hash().to_hex()).unwrap();
        assert!(read.verify(&stored));
    }

    #[test]
    fn debug_shows_whose_key_it_is_and_no_secret() {
        let shown = format!("{:?} {:?}", credential(KeyHolder::Key(KeyId([5; 16]))), SecretHash([1; 32]));
        assert!(shown.contains("key_"));
        assert!(!shown.contains("1, 2") && !shown.contains("1, 1"), "{shown}");
    }

    #[test]
    fn every_changed_letter_is_refused() {
        let text = credential(KeyHolder::Terminal(TerminalId([5; 16]))).to_text();
        for place in 0..text.len() {
            for letter in 32..127_u8 {
                let mut changed = text.as_bytes().to_vec();
                if changed[place] != letter {
                    changed[place] = letter;
                    let changed = String::from_utf8(changed).unwrap();
                    assert!(Credential::parse(&changed).is_err(), "{changed}");
                }
            }
        }
    }

    #[test]
    fn other_shapes_are_refused() {
        let text = credential(KeyHolder::Key(KeyId([5; 16]))).to_text();
        let long = format!("{}0", *text);
        let accented = format!("{}é", &text[..82]);
        for wrong in ["", "wk_live_", &text[..83], &long, &accented, &text.to_uppercase()] {
            assert_eq!(Credential::parse(wrong).unwrap_err(), CredentialError::Shape, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_key_round_trips(id: [u8; 16], secret: [u8; 32], terminal: bool, live: bool) {
            let holder = if terminal { KeyHolder::Terminal(TerminalId(id)) } else { KeyHolder::Key(KeyId(id)) };
            let environment = if live { Environment::Live } else { Environment::Test };
            let key = Credential { environment, holder, secret: Secret::new(secret) };
            let read = Credential::parse(&key.to_text()).unwrap();
            prop_assert_eq!(read.environment, environment);
            prop_assert_eq!(read.holder, holder);
            prop_assert_eq!(read.secret.bytes(), &secret);
        }
    }
}
