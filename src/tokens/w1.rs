//! W1, the default code: `W1` and 42 Crockford letters of version, kid, 16-byte token id and an 8-byte tag.
//!
//! The tag is HMAC-SHA-256 over `w1`, version, kid, organisation and id. It is a filter against floods, not the security: the 128
//! bits of the id are. The organisation comes from the scanner's own credential and takes no room in the code. Garbage dies here,
//! with no allocation and no look-up.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;

use super::crockford::{self, CrockfordError};
use super::derive::{KeyScope, Purpose, TokenId};
use super::hex;
use super::keyring::{Keyring, Kid, UnknownKid};
use crate::error::Code;
use crate::ids::OrgId;

/// What a W1 begins with.
const PREFIX: &str = "W1";

/// The version byte; another layout or algorithm gets another number.
const VERSION: u8 = 1;

/// Bytes of version, kid, id and tag.
const BODY_BYTES: usize = 26;

/// Bytes before the tag.
const SIGNED_BYTES: usize = 18;

/// Characters of a whole W1.
pub(super) const W1_LETTERS: usize = 44;

/// Why a text is not a token of this organisation. Clients hear one code for all but the last: which filter a forgery failed is nobody's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum TokenError {
    /// It begins like nothing of ours.
    #[error("the text is not a code of this product")]
    NotOurs,
    /// Too long or too short.
    #[error("the code has the wrong length")]
    Length,
    /// A letter outside the alphabet.
    #[error("the code has a letter outside the alphabet")]
    Alphabet,
    /// The unused trailing bits are not zero.
    #[error("the code is not in its one canonical form")]
    NonCanonical,
    /// A version that this program does not know.
    #[error("the code has an unknown version")]
    Version,
    /// The key was never ours, or was retired.
    #[error("the code was made with a key that is not in use")]
    UnknownKid,
    /// The tag is not that of this organisation.
    #[error("the tag of the code is wrong")]
    BadTag,
    /// The check letter of a typed code is wrong.
    #[error("the check letter of the typed code is wrong")]
    CheckLetter,
    /// A format of the product that this gateway does not take.
    #[error("the code has a format that is not supported here")]
    UnsupportedFormat,
}

impl TokenError {
    /// The one public code.
    #[must_use]
    pub const fn code(self) -> Code {
        Code::InvalidCode
    }

    /// The reason for metrics: a stable word.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NotOurs => "not_ours",
            Self::Length => "length",
            Self::Alphabet => "alphabet",
            Self::NonCanonical => "non_canonical",
            Self::Version => "version",
            Self::UnknownKid => "unknown_kid",
            Self::BadTag => "bad_tag",
            Self::CheckLetter => "check_letter",
            Self::UnsupportedFormat => "unsupported_format",
        }
    }
}

impl From<CrockfordError> for TokenError {
    fn from(error: CrockfordError) -> Self {
        match error {
            CrockfordError::Length => Self::Length,
            CrockfordError::Alphabet => Self::Alphabet,
            CrockfordError::NonCanonical => Self::NonCanonical,
        }
    }
}

/// What the database and the gate keep in place of a token: nobody can make the code from it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenHash(pub [u8; 32]);

impl TokenHash {
    /// SHA-256 of a token id or link key.
    #[must_use]
    pub fn of(id: &[u8; 16]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, id).as_ref());
        Self(hash)
    }

    /// All 64 hexadecimal digits.
    #[must_use]
    pub fn to_hex(&self) -> String {
        hex::encode(&self.0)
    }
}

/// The first six digits: enough to follow a token through a log.
impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0[..3]))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenHash({self})")
    }
}

/// A W1 whose tag was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct W1(TokenId);

impl W1 {
    /// Writes the code of a token.
    ///
    /// # Errors
    /// The token's key is not there.
    pub fn mint(keyring: &Keyring, org: OrgId, token: TokenId) -> Result<String, UnknownKid> {
        let mut body = [0; BODY_BYTES];
        body[0] = VERSION;
        body[1] = token.kid.0;
        body[2..SIGNED_BYTES].copy_from_slice(&token.jti);
        let tag = tag(keyring, org, &body)?;
        body[SIGNED_BYTES..].copy_from_slice(&tag);
        Ok(format!("{PREFIX}{}", crockford::encode(&body)))
    }

    /// Reads a code as a scanner delivered it: space around it is cut off, lower case is taken.
    ///
    /// # Errors
    /// Why it is not a token of this organisation.
    pub fn parse(text: &str, org: OrgId, keyring: &Keyring) -> Result<Self, TokenError> {
        let text = trim(text);
        let letters = match text.split_at_checked(PREFIX.len()) {
            Some((prefix, letters)) if prefix.eq_ignore_ascii_case(PREFIX.as_bytes()) => letters,
            _ => return Err(TokenError::NotOurs),
        };
        let mut body = [0; BODY_BYTES];
        crockford::decode(letters, &mut body)?;
        if body[0] != VERSION {
            return Err(TokenError::Version);
        }
        let expected = tag(keyring, org, &body).map_err(|_| TokenError::UnknownKid)?;
        verify_slices_are_equal(&expected, &body[SIGNED_BYTES..]).map_err(|_| TokenError::BadTag)?;
        let jti = std::array::from_fn(|place| body[2 + place]);
        Ok(Self(TokenId { kid: Kid(body[1]), jti }))
    }

    /// The token's id.
    #[must_use]
    pub const fn id(&self) -> TokenId {
        self.0
    }

    /// What the database looks up.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        self.0.hash()
    }
}

/// Cuts off what keyboard wedges and people add around a code.
pub(super) fn trim(text: &str) -> &[u8] {
    text.trim_matches(|letter: char| letter.is_whitespace() || letter.is_ascii_control()).as_bytes()
}

/// The tag over version, kid and id of a body, bound to the organisation.
fn tag(keyring: &Keyring, org: OrgId, body: &[u8; BODY_BYTES]) -> Result<[u8; BODY_BYTES - SIGNED_BYTES], UnknownKid> {
    let scope = KeyScope { org, kid: Kid(body[1]) };
    let mut context = hmac::Context::with_key(&keyring.purpose_key(scope, Purpose::W1Tag)?);
    context.update(b"w1");
    context.update(&body[..2]);
    context.update(&org.0);
    context.update(&body[2..SIGNED_BYTES]);
    let whole = context.sign();
    Ok(std::array::from_fn(|place| whole.as_ref()[place]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::keyring::tests::vector_keyring;
    use super::*;

    const ORG: OrgId = OrgId([0x11; 16]);
    const OTHER: OrgId = OrgId([0x22; 16]);

    fn minted(jti: [u8; 16]) -> (Keyring, String) {
        let keyring = vector_keyring();
        let code = W1::mint(&keyring, ORG, TokenId { kid: Kid(1), jti }).unwrap();
        (keyring, code)
    }

    #[test]
    fn a_code_is_44_letters_that_a_qr_takes_as_alphanumeric() {
        let (_, code) = minted([9; 16]);
        assert_eq!(code.len(), W1_LETTERS);
        assert!(code.bytes().all(|letter| letter.is_ascii_digit() || letter.is_ascii_uppercase()));
    }

    #[test]
    fn what_scanners_add_is_cut_off_and_case_is_folded() {
        let (keyring, code) = minted([9; 16]);
        let plain = W1::parse(&code, ORG, &keyring).unwrap();
        assert_eq!(plain.id().jti, [9; 16]);
        for text in [format!("{code}\r\n"), format!("\t {}", code.to_lowercase()), format!("\u{2}{code}\u{3}")] {
            assert_eq!(W1::parse(&text, ORG, &keyring), Ok(plain));
        }
        let folded = code.replace('0', "O").replace("1", "l").replacen('l', "1", 1);
        assert_eq!(W1::parse(&folded, ORG, &keyring), Ok(plain), "O read as 0 and l as 1");
    }

    #[test]
    fn every_reason_is_named() {
        let (keyring, code) = minted([9; 16]);
        let parse = |text: &str| W1::parse(text, ORG, &keyring).unwrap_err();
        assert_eq!(parse(""), TokenError::NotOurs);
        assert_eq!(parse("https://example.com/W1"), TokenError::NotOurs);
        assert_eq!(parse("W"), TokenError::NotOurs);
        assert_eq!(parse("é1"), TokenError::NotOurs);
        assert_eq!(parse(&code[..43]), TokenError::Length);
        assert_eq!(parse(&format!("{code}0")), TokenError::Length);
        assert_eq!(parse(&format!("{}U", &code[..43])), TokenError::Alphabet);
        assert_eq!(parse(&format!("{}é", &code[..42])), TokenError::Alphabet);
        let last = crockford::value(code.as_bytes()[43]).unwrap();
        assert_eq!(parse(&format!("{}{}", &code[..43], crockford::letter(u32::from(last | 1)))), TokenError::NonCanonical);
        assert_eq!(parse(&format!("W1{}", crockford::encode(&[0; 26]))), TokenError::Version);
        let mut body = [0; 26];
        body[..2].copy_from_slice(&[1, 200]);
        assert_eq!(parse(&format!("W1{}", crockford::encode(&body))), TokenError::UnknownKid);
        body[1] = 1;
        assert_eq!(parse(&format!("W1{}", crockford::encode(&body))), TokenError::BadTag);
        assert_eq!(W1::parse(&code, OTHER, &keyring), Err(TokenError::BadTag), "another organisation's token");
    }

    #[test]
    fn every_other_letter_at_every_place_is_refused() {
        let (keyring, code) = minted(*b"\x8f\x00\xff0123456789abc");
        let mut tried = 0;
        for place in 0..code.len() {
            for letter in 0..=127_u8 {
                let mut changed = code.clone().into_bytes();
                let same = crockford::value(letter).is_some_and(|value| Some(value) == crockford::value(changed[place]));
                if letter.eq_ignore_ascii_case(&changed[place]) || (place >= PREFIX.len() && same) {
                    continue;
                }
                changed[place] = letter;
                let changed = String::from_utf8(changed).unwrap();
                if trim(&changed).len() == code.len() {
                    assert!(W1::parse(&changed, ORG, &keyring).is_err(), "{changed} was taken for {code}");
                    tried += 1;
                }
            }
        }
        assert!(tried > 44 * 120, "only {tried} changes were tried");
    }

    proptest! {
        #[test]
        fn minted_codes_are_read_back(jti: [u8; 16], org: [u8; 16], other: [u8; 16]) {
            let keyring = vector_keyring();
            let token = TokenId { kid: Kid(1), jti };
            let code = W1::mint(&keyring, OrgId(org), token).unwrap();
            prop_assert_eq!(W1::parse(&code, OrgId(org), &keyring).map(|read| read.id()), Ok(token));
            if other != org {
                prop_assert_eq!(W1::parse(&code, OrgId(other), &keyring), Err(TokenError::BadTag));
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,80}", tail in "[0-9A-Z]{40,46}") {
            let keyring = vector_keyring();
            prop_assert!(W1::parse(&text, ORG, &keyring).is_err());
            let shaped = format!("W1{tail}");
            prop_assert!(W1::parse(&shaped, ORG, &keyring).is_err());
        }

        #[test]
        fn a_flipped_bit_anywhere_is_refused(jti: [u8; 16], bit in 0_usize..208) {
            let (keyring, code) = minted(jti);
            let mut body = [0; BODY_BYTES];
            crockford::decode(&code.as_bytes()[2..], &mut body).unwrap();
            body[bit / 8] ^= 1 << (bit % 8);
            let flipped = format!("W1{}", crockford::encode(&body));
            prop_assert!(W1::parse(&flipped, ORG, &keyring).is_err());
        }
    }

    #[test]
    fn logs_show_six_digits_of_the_hash() {
        let (keyring, code) = minted([9; 16]);
        let shown = format!("{:?}", W1::parse(&code, ORG, &keyring).unwrap());
        assert!(shown.contains(&TokenHash::of(&[9; 16]).to_hex()[..6]));
        assert!(!shown.contains("9, 9"), "{shown} shows the id");
    }
}
