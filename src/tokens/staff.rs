//! What staff sign in with: the PIN that we make for each of them, the pepper of its hash, the secret of an open shift.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use zeroize::Zeroizing;

use super::derive::{KeyScope, Purpose, bytes_32, first_16, owned_mac};
use super::keyring::{Keyring, UnknownKid};
use super::typed::eastern_digit;
use crate::ids::{ShiftId, StaffId, encode};

/// Digits of a PIN.
const PIN_DIGITS: usize = 6;

/// How many PINs there are.
const PINS: u32 = 1_000_000;

/// The largest multiple of [`PINS`] that 32 bits hold: words from it on are passed over, so that every PIN is equally likely.
const EVEN: u32 = u32::MAX / PINS * PINS;

/// A PIN: six digits.
#[derive(Clone)]
pub struct Pin(Zeroizing<String>);

impl Pin {
    /// Reads what a person typed; Arabic and Persian digits too.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut digits = Zeroizing::new(String::with_capacity(PIN_DIGITS));
        for letter in text.trim().chars() {
            let digit = eastern_digit(letter).map_or(letter, |digit| char::from(b'0' + digit));
            if !digit.is_ascii_digit() || digits.len() == PIN_DIGITS {
                return None;
            }
            digits.push(digit);
        }
        (digits.len() == PIN_DIGITS).then_some(Self(digits))
    }

    /// The digits, for the one whose PIN it is.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(***)")
    }
}

/// The secret of an open shift: 128 bits in letters, for one browser alone.
#[derive(Clone)]
pub struct ShiftSecret(Zeroizing<String>);

impl ShiftSecret {
    /// The letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a browser sent this secret; the time taken says nothing about where the texts differ.
    #[must_use]
    pub fn matches(&self, sent: &str) -> bool {
        verify_slices_are_equal(self.0.as_bytes(), sent.as_bytes()).is_ok()
    }
}

impl fmt::Debug for ShiftSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ShiftSecret(***)")
    }
}

impl Keyring {
    /// The PIN of one of the staff; a higher generation is a new PIN.
    ///
    /// # Errors
    /// The key is not there.
    pub fn staff_pin(&self, scope: KeyScope, staff: StaffId, generation: u64) -> Result<Pin, UnknownKid> {
        let key = self.purpose_key(scope, Purpose::StaffPin)?;
        let mut words = (0..=u8::MAX).flat_map(|round| {
            let mac = bytes_32(&owned_mac(&key, round, &staff.0, generation));
            std::array::from_fn::<u32, 8, _>(|word| u32::from_be_bytes(std::array::from_fn(|byte| mac[word * 4 + byte])))
        });
        let word = words.find(|word| *word < EVEN).expect("2048 words in a row are not all among the last 0.03 %");
        Ok(Pin(Zeroizing::new(format!("{:06}", word % PINS))))
    }

    /// What is mixed into the hashes of an organisation's PINs: a million PINs are soon tried against a stolen database, but not without it.
    ///
    /// # Errors
    /// The key is not there.
    pub fn pin_pepper(&self, scope: KeyScope) -> Result<Zeroizing<[u8; 32]>, UnknownKid> {
        self.purpose_bytes(scope, Purpose::PinPepper)
    }

    /// The secret of a shift.
    ///
    /// # Errors
    /// The key is not there.
    pub fn shift_secret(&self, scope: KeyScope, shift: ShiftId) -> Result<ShiftSecret, UnknownKid> {
        let key = self.purpose_key(scope, Purpose::ShiftSecret)?;
        Ok(ShiftSecret(Zeroizing::new(encode(&first_16(&owned_mac(&key, 0, &shift.0, 0))))))
    }
}

#[cfg(test)]
mod tests {
    use super::super::keyring::tests::vector_keyring;
    use super::*;
    use crate::ids::OrgId;

    #[test]
    fn pins_are_typed_in_either_script_and_are_six_digits() {
        assert_eq!(Pin::parse(" 012345 ").unwrap().as_str(), "012345");
        assert_eq!(Pin::parse("٠١٢٣٤٥").unwrap().as_str(), "012345");
        assert_eq!(Pin::parse("۰۱۲۳۴۵").unwrap().as_str(), "012345");
        for wrong in ["", "12345", "1234567", "12345a", "12 345", "１２３４５６", "-12345"] {
            assert!(Pin::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_pin_is_the_same_for_the_same_generation_and_no_digit_is_rare() {
        let keyring = vector_keyring();
        let scope = keyring.scope(OrgId([1; 16]));
        let pin = |staff: u16, generation| {
            let mut id = [7; 16];
            id[..2].copy_from_slice(&staff.to_be_bytes());
            keyring.staff_pin(scope, StaffId(id), generation).unwrap().as_str().to_owned()
        };
        assert_eq!(pin(1, 1), pin(1, 1));
        assert_ne!(pin(1, 1), pin(1, 2));
        assert_ne!(pin(1, 1), pin(2, 1));
        let mut counts = [[0_u32; 10]; PIN_DIGITS];
        for staff in 0..5_000 {
            for (place, digit) in pin(staff, 1).bytes().enumerate() {
                counts[place][usize::from(digit - b'0')] += 1;
            }
        }
        assert!(counts.iter().flatten().all(|count| (400..600).contains(count)), "{counts:?}");
    }

    #[test]
    fn secrets_belong_to_one_shift_one_organisation_and_one_key() {
        let keyring = vector_keyring();
        let secret = |org, shift| keyring.shift_secret(keyring.scope(OrgId([org; 16])), ShiftId([shift; 16])).unwrap();
        assert!(secret(1, 1).matches(secret(1, 1).as_str()));
        assert!(!secret(1, 1).matches(secret(1, 2).as_str()) && !secret(1, 1).matches(secret(2, 1).as_str()));
        assert_eq!(format!("{:?}{:?}", secret(1, 1), Pin::parse("123456")), "ShiftSecret(***)Some(Pin(***))");
        assert_ne!(
            *keyring.pin_pepper(keyring.scope(OrgId([1; 16]))).unwrap(),
            *keyring.pin_pepper(keyring.scope(OrgId([2; 16]))).unwrap()
        );
    }
}
