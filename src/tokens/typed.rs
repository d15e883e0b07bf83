//! The typed code, for when a camera won't read: ten Crockford letters (50 bits) and a check letter, good for a few minutes.
//!
//! The check letter is a weighted sum over GF(2^5) (x^5 + x^2 + 1): with a the field's generator, c = a·d1 + a²·d2 + … + a¹⁰·d10. All
//! weights differ and none is zero, so **every** single wrong letter and **every** swap of two different letters is noticed, and the
//! check letter is one of the 32 that people know (Crockford's own modulo 37 needs `*~$=U`, which keyboards hide). Eleven letters,
//! written 4-4-3. What is stored and looked up is a keyed hash: 50 bits alone could be tried out against a stolen database.

use std::fmt;

use aws_lc_rs::hmac;

use super::crockford;
use super::derive::{KeyScope, Purpose, bytes_32, owned_mac};
use super::keyring::{Keyring, UnknownKid};
use super::w1::{TokenError, TokenHash, trim};
use crate::ids::{CardId, OrgId};

/// Letters that carry the code.
const CODE_LETTERS: usize = 10;

/// Letters with the check letter.
const ALL_LETTERS: usize = CODE_LETTERS + 1;

/// Separators that a person may type are bounded: more than this many bytes is no typed code.
const LONGEST_TEXT_BYTES: usize = 48;

/// Kind byte under which typed codes are derived; beyond those of `TokenKind`.
const TYPED_KIND: u8 = 5;

/// x^5 + x^2 + 1 without its highest term: what x^5 is replaced by.
const REDUCTION: u8 = 0b0_0101;

/// A typed code whose check letter is right.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TypedCode([u8; CODE_LETTERS]);

impl TypedCode {
    /// Reads what a person typed: either case, dashes and spaces anywhere, O, I and L folded, Arabic and Persian digits too.
    ///
    /// # Errors
    /// Another number of letters, a foreign letter, a wrong check letter.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let text = std::str::from_utf8(trim(text)).map_err(|_| TokenError::Alphabet)?;
        if text.len() > LONGEST_TEXT_BYTES {
            return Err(TokenError::Length);
        }
        let mut values = [0; ALL_LETTERS];
        let mut count = 0;
        for letter in text.chars().filter(|letter| !is_separator(*letter)) {
            let place = values.get_mut(count).ok_or(TokenError::Length)?;
            *place = value(letter).ok_or(TokenError::Alphabet)?;
            count += 1;
        }
        if count != ALL_LETTERS {
            return Err(TokenError::Length);
        }
        let code = Self(std::array::from_fn(|place| values[place]));
        if code.check() == values[CODE_LETTERS] { Ok(code) } else { Err(TokenError::CheckLetter) }
    }

    /// The code in groups, as the card page shows it: `7K3Q-DM9X-TA4`.
    #[must_use]
    pub fn grouped(&self) -> String {
        let text = self.to_text();
        format!("{}-{}-{}", &text[..4], &text[4..8], &text[8..])
    }

    /// The eleven letters without separators.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.0.iter().chain([&self.check()]).map(|value| crockford::letter(u32::from(*value))).collect()
    }

    /// The code that the first fifty bits of a tag are.
    pub(super) fn of(mac: &hmac::Tag) -> Self {
        let bits = mac.as_ref().iter().take(8).fold(0_u64, |bits, byte| (bits << 8) | u64::from(*byte));
        Self(std::array::from_fn(|place| (bits >> (59 - 5 * place)) as u8 & 31))
    }

    /// The values of the letters, without the check letter.
    pub(super) const fn values(&self) -> &[u8; CODE_LETTERS] {
        &self.0
    }

    fn check(&self) -> u8 {
        let mut weight = 1;
        self.0.iter().fold(0, |sum, value| {
            weight = times(weight, 2);
            sum ^ times(weight, *value)
        })
    }
}

impl fmt::Debug for TypedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TypedCode(***)")
    }
}

impl Keyring {
    /// The typed code of a card and generation.
    ///
    /// # Errors
    /// The key is not there.
    pub fn typed_code(&self, scope: KeyScope, card: CardId, generation: u64) -> Result<TypedCode, UnknownKid> {
        let mac = owned_mac(&self.purpose_key(scope, Purpose::TypedCode)?, TYPED_KIND, &card.0, generation);
        Ok(TypedCode::of(&mac))
    }

    /// What the database keeps in place of a typed code.
    ///
    /// # Errors
    /// The key is not there.
    pub fn typed_hash(&self, scope: KeyScope, code: &TypedCode) -> Result<TokenHash, UnknownKid> {
        let key = self.purpose_key(scope, Purpose::TypedLookup)?;
        Ok(TokenHash(bytes_32(&hmac::sign(&key, &code.0))))
    }

    /// What the database looks up for a typed code: a hash for each key, the current one first.
    #[must_use]
    pub fn typed_hashes(&self, org: OrgId, code: &TypedCode) -> Vec<TokenHash> {
        self.kids().filter_map(|kid| self.typed_hash(KeyScope { org, kid }, code).ok()).collect()
    }
}

fn is_separator(letter: char) -> bool {
    matches!(letter, '-' | '\u{2010}'..='\u{2015}' | '_' | '.') || letter.is_whitespace() || is_direction_mark(letter)
}

/// Invisible marks that come along when a code is copied out of right-to-left text.
pub(super) const fn is_direction_mark(letter: char) -> bool {
    matches!(letter, '\u{200E}' | '\u{200F}' | '\u{061C}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// The value of Arabic-Indic (٠-٩) and Persian (۰-۹) digits.
pub(super) fn eastern_digit(letter: char) -> Option<u8> {
    let zero = match letter {
        '\u{0660}'..='\u{0669}' => 0x0660,
        '\u{06F0}'..='\u{06F9}' => 0x06F0,
        _ => return None,
    };
    u8::try_from(u32::from(letter) - zero).ok()
}

fn value(letter: char) -> Option<u8> {
    eastern_digit(letter).or_else(|| u8::try_from(letter).ok().and_then(crockford::value))
}

/// The product of two elements of GF(2^5).
fn times(mut left: u8, mut right: u8) -> u8 {
    let mut product = 0;
    while right != 0 {
        if right & 1 == 1 {
            product ^= left;
        }
        right >>= 1;
        left <<= 1;
        if left & 0b10_0000 != 0 {
            left = (left & 31) ^ REDUCTION;
        }
    }
    product
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::keyring::tests::vector_keyring;
    use super::*;

    #[test]
    fn the_generator_reaches_every_element_so_all_weights_differ() {
        let powers: std::collections::BTreeSet<u8> = (0..31)
            .scan(1, |power, _| {
                *power = times(*power, 2);
                Some(*power)
            })
            .collect();
        assert_eq!(powers.len(), 31);
    }

    #[test]
    fn every_wrong_letter_and_every_swap_is_noticed() {
        let code = TypedCode([7, 19, 3, 22, 13, 20, 9, 29, 26, 10]);
        let letters = code.to_text().into_bytes();
        for place in 0..letters.len() {
            for other in crockford::ALPHABET.iter().filter(|other| **other != letters[place]) {
                let mut wrong = letters.clone();
                wrong[place] = *other;
                assert_eq!(TypedCode::parse(std::str::from_utf8(&wrong).unwrap()), Err(TokenError::CheckLetter));
            }
            for second in place + 1..letters.len() {
                let mut swapped = letters.clone();
                swapped.swap(place, second);
                if swapped != letters {
                    assert_eq!(TypedCode::parse(std::str::from_utf8(&swapped).unwrap()), Err(TokenError::CheckLetter));
                }
            }
        }
    }

    #[test]
    fn people_may_type_it_their_way() {
        let code = TypedCode([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(&code.to_text()[..10], "0123456789");
        let check = &code.to_text()[10..];
        for digits in ["0123-4567-89", "o1 23 4567 89", "OI23456789", "٠١٢٣-٤٥٦٧-٨٩", "۰۱۲۳۴۵۶۷۸۹", "\u{200f}0123–4567–89"]
        {
            assert_eq!(TypedCode::parse(&format!(" {digits}{check}\n")), Ok(code), "{digits}");
        }
        assert_eq!(TypedCode::parse(&code.grouped()), Ok(code));
    }

    #[test]
    fn what_is_no_typed_code_is_refused() {
        assert_eq!(TypedCode::parse(""), Err(TokenError::Length));
        assert_eq!(TypedCode::parse("0123456789"), Err(TokenError::Length));
        assert_eq!(TypedCode::parse("012345678901"), Err(TokenError::Length));
        assert_eq!(TypedCode::parse(&"-".repeat(60)), Err(TokenError::Length));
        assert_eq!(TypedCode::parse("U123456789A"), Err(TokenError::Alphabet));
        assert_eq!(TypedCode::parse("ب123456789A"), Err(TokenError::Alphabet));
    }

    proptest! {
        #[test]
        fn codes_round_trip_and_differ_by_generation(card: [u8; 16], generation: u32) {
            let keyring = vector_keyring();
            let scope = keyring.scope(OrgId([1; 16]));
            let code = keyring.typed_code(scope, CardId(card), generation.into()).unwrap();
            prop_assert_eq!(TypedCode::parse(&code.grouped()), Ok(code));
            let next = keyring.typed_code(scope, CardId(card), u64::from(generation) + 1).unwrap();
            prop_assert_ne!(code, next);
            prop_assert_eq!(keyring.typed_hashes(scope.org, &code), vec![keyring.typed_hash(scope, &code).unwrap()]);
        }
    }
}
