//! Crockford Base32 in upper case for any number of bytes, as tokens are written. (Ids have their own codec in `ids`.)
//!
//! Reading is kind to people and strict with bits: either case, `O` read as 0, `I` and `L` as 1, never `U`; but the length must be
//! exact and the unused trailing bits zero, so that one value has one canonical text and nothing can be hidden in the rest.

/// The alphabet: digits and capital letters without I, L, O, U.
pub(super) const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Bits that one letter carries.
const LETTER_BITS: u32 = 5;

/// What a table entry says of a byte that is no letter of the alphabet.
const NO_LETTER: u8 = 255;

/// The value of every byte as a letter, folded; a table, because refusing garbage must cost nothing.
const VALUES: [u8; 256] = values();

/// Why a text is not Crockford Base32 of the wanted number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CrockfordError {
    /// The text is longer or shorter than those bytes are.
    #[error("the text has the wrong length")]
    Length,
    /// A letter is outside the alphabet.
    #[error("a letter is outside the Crockford alphabet")]
    Alphabet,
    /// The unused trailing bits are not zero.
    #[error("the unused trailing bits are not zero")]
    NonCanonical,
}

/// How many letters that many bytes take.
#[must_use]
pub const fn letters_for(bytes: usize) -> usize {
    (bytes * 8).div_ceil(LETTER_BITS as usize)
}

/// Writes bytes in upper case, the unused trailing bits zero.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(letters_for(bytes.len()));
    let mut held: u32 = 0;
    let mut held_bits = 0;
    for byte in bytes {
        held = (held << 8) | u32::from(*byte);
        held_bits += 8;
        while held_bits >= LETTER_BITS {
            held_bits -= LETTER_BITS;
            text.push(letter(held >> held_bits));
        }
    }
    if held_bits > 0 {
        text.push(letter(held << (LETTER_BITS - held_bits)));
    }
    text
}

/// Reads exactly `out.len()` bytes; allocates nothing.
///
/// # Errors
/// Another length, a letter outside the alphabet, trailing bits that are not zero.
pub fn decode(text: &[u8], out: &mut [u8]) -> Result<(), CrockfordError> {
    if text.len() != letters_for(out.len()) {
        return Err(CrockfordError::Length);
    }
    let mut held: u32 = 0;
    let mut held_bits = 0;
    let mut places = out.iter_mut();
    for byte in text {
        held = (held << LETTER_BITS) | u32::from(value(*byte).ok_or(CrockfordError::Alphabet)?);
        held_bits += LETTER_BITS;
        if held_bits >= 8 {
            held_bits -= 8;
            if let Some(place) = places.next() {
                *place = (held >> held_bits) as u8;
            }
        }
    }
    if held & ((1 << held_bits) - 1) != 0 { Err(CrockfordError::NonCanonical) } else { Ok(()) }
}

/// The value of one letter: either case, `O`, `I` and `L` folded.
#[must_use]
pub(super) fn value(letter: u8) -> Option<u8> {
    match VALUES[usize::from(letter)] {
        NO_LETTER => None,
        value => Some(value),
    }
}

/// The letter of the lowest five bits.
#[must_use]
pub(super) fn letter(value: u32) -> char {
    char::from(ALPHABET[(value & 31) as usize])
}

const fn values() -> [u8; 256] {
    let mut table = [NO_LETTER; 256];
    let mut place = 0;
    while place < ALPHABET.len() {
        let letter = ALPHABET[place];
        table[letter as usize] = place as u8;
        table[letter.to_ascii_lowercase() as usize] = place as u8;
        place += 1;
    }
    table[b'O' as usize] = 0;
    table[b'o' as usize] = 0;
    table[b'I' as usize] = 1;
    table[b'i' as usize] = 1;
    table[b'L' as usize] = 1;
    table[b'l' as usize] = 1;
    table
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str, bytes: usize) -> Result<Vec<u8>, CrockfordError> {
        let mut out = vec![0; bytes];
        decode(text.as_bytes(), &mut out).map(|()| out)
    }

    #[test]
    fn known_texts() {
        assert_eq!(encode(b""), "");
        assert_eq!(encode(b"f"), "CR");
        assert_eq!(encode(b"foobar"), "CSQPYRK1E8");
        assert_eq!(encode(&[255; 5]), "ZZZZZZZZ");
        assert_eq!(read("csqpyrkle8", 6), Ok(b"foobar".to_vec()), "lower case, and l read as 1");
        assert_eq!(read("OO", 1), Ok(vec![0]));
    }

    #[test]
    fn what_is_not_canonical_is_refused() {
        assert_eq!(read("CS", 1), Err(CrockfordError::NonCanonical));
        assert_eq!(read("CR0", 1), Err(CrockfordError::Length));
        assert_eq!(read("C", 1), Err(CrockfordError::Length));
        assert_eq!(read("CU", 1), Err(CrockfordError::Alphabet), "U is not in the alphabet");
        assert_eq!(read("C ", 1), Err(CrockfordError::Alphabet));
    }

    proptest! {
        #[test]
        fn any_bytes_round_trip(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let text = encode(&bytes);
            prop_assert_eq!(read(&text, bytes.len()), Ok(bytes.clone()));
            prop_assert_eq!(read(&text.to_lowercase(), bytes.len()), Ok(bytes));
        }

        #[test]
        fn an_accepted_text_is_the_canonical_one(text in "[0-9A-HJKMNP-TV-Z]{8}", bytes in 4_usize..6) {
            if let Ok(read) = read(&text, bytes) {
                prop_assert_eq!(encode(&read), text);
            }
        }
    }
}
