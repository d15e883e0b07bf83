//! W3, the code that turns: `W3`, the pass, the seconds and eight digits, as Google Wallet's rotating barcode writes it.
//!
//! The digits are TOTP (RFC 6238, HMAC-SHA-1: the only algorithm that Google offers) of a 160-bit key of the pass. The key is derived
//! from the master keys like every other secret, so none is stored. The step comes from the seconds in the code; whether that is
//! near enough to now is the caller's question, and whether it was used the ledger's.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{Context, SHA256};
use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use super::derive::{KeyScope, Purpose, owned_mac};
use super::keyring::{Keyring, Kid, UnknownKid};
use super::w1::{TokenError, TokenHash, trim};
use super::{crockford, hex};
use crate::ids::{self, OrgId, PassId};

/// How long one code stands.
pub const PERIOD_SECONDS: i64 = 30;

/// Digits of the TOTP value.
pub const DIGITS: u32 = 8;

/// What a W3 begins with.
const PREFIX: &str = "W3";

/// Letters of the pass in it.
const PASS_LETTERS: usize = 26;

/// Digits of the seconds at most: until the year 5138.
const MOST_SECONDS_DIGITS: usize = 11;

/// The key of a pass's turning code: 160 bits, as RFC 4226 recommends.
pub struct RotatingKey(Zeroizing<[u8; 20]>);

impl RotatingKey {
    /// In base 16, as Google's `totpDetails.parameters[].key` wants it.
    #[must_use]
    pub fn to_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(self.0.as_ref()))
    }

    /// The digits of a step (RFC 4226 section 5.3), with leading zeros.
    #[must_use]
    pub fn digits(&self, step: i64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.0.as_ref());
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let bytes = tag.as_ref();
        let offset = usize::from(bytes[bytes.len() - 1] & 15);
        let word: [u8; 4] = std::array::from_fn(|place| bytes[offset + place]);
        let number = u32::from_be_bytes(word) & 0x7fff_ffff;
        format!("{:0width$}", number % 10_u32.pow(DIGITS), width = DIGITS as usize)
    }
}

impl fmt::Debug for RotatingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RotatingKey")
    }
}

/// A turning code whose digits were checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct W3 {
    /// The pass that shows it.
    pub pass: PassId,
    /// Which period since 1970: used for value at most once.
    pub step: i64,
}

impl W3 {
    /// What Google's `rotatingBarcode.valuePattern` says for a pass.
    #[must_use]
    pub fn value_pattern(pass: PassId) -> String {
        format!("{PREFIX}{}-{{totp_timestamp_seconds}}-{{totp_value_0}}", ids::encode(&pass.0).to_uppercase())
    }

    /// The code of a pass at a time, as a wallet would show it.
    #[must_use]
    pub fn write(pass: PassId, key: &RotatingKey, seconds: i64) -> String {
        let letters = ids::encode(&pass.0).to_uppercase();
        format!("{PREFIX}{letters}-{seconds}-{}", key.digits(seconds.div_euclid(PERIOD_SECONDS)))
    }

    /// Reads a code and checks its digits under every key of the ring; no I/O.
    ///
    /// # Errors
    /// Why it is not a code of this organisation.
    pub fn parse(text: &str, org: OrgId, keyring: &Keyring) -> Result<Self, TokenError> {
        let text = std::str::from_utf8(trim(text)).map_err(|_| TokenError::Alphabet)?;
        let rest = text.get(PREFIX.len()..).filter(|_| text[..PREFIX.len()].eq_ignore_ascii_case(PREFIX));
        let mut parts = rest.ok_or(TokenError::NotOurs)?.split('-');
        let (Some(letters), Some(seconds), Some(digits), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return Err(TokenError::Length);
        };
        if letters.len() != PASS_LETTERS || seconds.len() > MOST_SECONDS_DIGITS || digits.len() != DIGITS as usize {
            return Err(TokenError::Length);
        }
        let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !letters.bytes().all(|letter| crockford::value(letter).is_some()) || !all_digits(seconds) || !all_digits(digits) {
            return Err(TokenError::Alphabet);
        }
        let pass = PassId(ids::decode(&letters.to_ascii_lowercase()).ok_or(TokenError::NonCanonical)?);
        let step = seconds.parse::<i64>().map_err(|_| TokenError::Length)? / PERIOD_SECONDS;
        let right = |kid: Kid| {
            let key = keyring.rotating_key(KeyScope { org, kid }, pass);
            key.is_ok_and(|key| verify_slices_are_equal(key.digits(step).as_bytes(), digits.as_bytes()).is_ok())
        };
        if keyring.kids().any(right) { Ok(Self { pass, step }) } else { Err(TokenError::BadTag) }
    }

    /// Under what the ledger keeps this pass and step once it was used.
    #[must_use]
    pub fn hash(&self, org: OrgId) -> TokenHash {
        let mut context = Context::new(&SHA256);
        context.update(PREFIX.as_bytes());
        context.update(&org.0);
        context.update(&self.pass.0);
        context.update(&self.step.to_be_bytes());
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        TokenHash(hash)
    }
}

impl Keyring {
    /// The key of a pass's turning code.
    ///
    /// # Errors
    /// The key is not there.
    pub fn rotating_key(&self, scope: KeyScope, pass: PassId) -> Result<RotatingKey, UnknownKid> {
        let mac = owned_mac(&self.purpose_key(scope, Purpose::RotatingCode)?, 0, &pass.0, 0);
        Ok(RotatingKey(Zeroizing::new(std::array::from_fn(|place| mac.as_ref()[place]))))
    }
}

#[cfg(test)]
mod tests {
    use super::super::keyring::tests::vector_keyring;
    use super::*;

    const ORG: OrgId = OrgId([3; 16]);
    const PASS: PassId = PassId([7; 16]);

    #[test]
    fn the_digits_are_those_of_rfc_6238() {
        let key = RotatingKey(Zeroizing::new(*b"12345678901234567890"));
        let vectors = [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ];
        for (seconds, digits) in vectors {
            assert_eq!(key.digits(seconds / PERIOD_SECONDS), digits, "{seconds}");
        }
    }

    #[test]
    fn a_code_is_read_back_under_every_key_and_by_its_own_organisation_alone() {
        let mut keyring = vector_keyring();
        let key = keyring.rotating_key(keyring.scope(ORG), PASS).unwrap();
        let code = W3::write(PASS, &key, 1_700_000_015);
        assert_eq!(code.len(), 48);
        keyring.rotate(std::array::from_fn(|place| 200 - place as u8)).unwrap();
        let read = W3::parse(&format!(" {}\r\n", code.to_lowercase()), ORG, &keyring).unwrap();
        assert_eq!(read, W3 { pass: PASS, step: 1_700_000_015 / 30 });
        assert_eq!(W3::parse(&code, OrgId([4; 16]), &keyring), Err(TokenError::BadTag));
        assert_ne!(read.hash(ORG), read.hash(OrgId([4; 16])));
        assert_ne!(read.hash(ORG), W3 { step: read.step + 1, ..read }.hash(ORG));
    }

    #[test]
    fn the_pattern_becomes_the_code() {
        let keyring = vector_keyring();
        let key = keyring.rotating_key(keyring.scope(ORG), PASS).unwrap();
        let shown = W3::value_pattern(PASS).replace("{totp_timestamp_seconds}", "1700000015");
        let shown = shown.replace("{totp_value_0}", &key.digits(1_700_000_015 / 30));
        assert_eq!(shown, W3::write(PASS, &key, 1_700_000_015));
    }

    #[test]
    fn anything_else_is_refused_with_a_reason() {
        let keyring = vector_keyring();
        let pass = ids::encode(&PASS.0).to_uppercase();
        let cases = [
            (format!("W3{pass}-1700000015"), TokenError::Length),
            (format!("W3{pass}-1700000015-1234567"), TokenError::Length),
            (format!("W3{pass}-170000001500-12345678"), TokenError::Length),
            (format!("W3{pass}-1700000015-12345678-1"), TokenError::Length),
            (format!("W3{pass}-17000000x5-12345678"), TokenError::Alphabet),
            (format!("W3{pass}--12345678"), TokenError::Alphabet),
            (format!("W3{}U-1700000015-12345678", &pass[..25]), TokenError::Alphabet),
            (format!("W3{pass}-1700000015-12345678"), TokenError::BadTag),
            (format!("W4{pass}-1700000015-12345678"), TokenError::NotOurs),
            ("W3é".to_owned(), TokenError::Length),
        ];
        for (text, expected) in cases {
            assert_eq!(W3::parse(&text, ORG, &keyring), Err(expected), "{text}");
        }
    }
}
