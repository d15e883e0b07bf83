//! Writing DER: the few shapes that a pass signature and the sandbox's certificates need. Nothing here reads DER.

use crate::clock::Timestamp;

/// INTEGER.
pub(crate) const INTEGER: u8 = 0x02;
/// OCTET STRING.
pub(crate) const OCTET_STRING: u8 = 0x04;
/// UTF8String.
pub(crate) const UTF8_STRING: u8 = 0x0c;
/// UTCTime.
const UTC_TIME: u8 = 0x17;
/// GeneralizedTime.
const GENERALIZED_TIME: u8 = 0x18;
/// SEQUENCE.
pub(crate) const SEQUENCE: u8 = 0x30;
/// SET.
pub(crate) const SET: u8 = 0x31;
/// `[0]`, constructed.
pub(crate) const CONTEXT_0: u8 = 0xa0;

/// The first year that a UTCTime can't write: 50 means 1950.
const UTC_TIME_ENDS: i32 = 2050;
/// The first year that a UTCTime can write.
const UTC_TIME_BEGINS: i32 = 1950;

/// One element: the tag, the length, and the parts one after the other.
pub(crate) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = Vec::with_capacity(length + 6);
    out.push(tag);
    if length < 0x80 {
        out.push(length as u8);
    } else {
        let bytes = length.to_be_bytes();
        let significant = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
        out.push(0x80 | significant.len() as u8);
        out.extend_from_slice(significant);
    }
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

/// A SET OF under any tag: DER wants its members sorted by their encodings.
pub(crate) fn set_of(tag: u8, members: &[&[u8]]) -> Vec<u8> {
    let mut sorted = members.to_vec();
    sorted.sort_unstable();
    element(tag, &sorted)
}

/// An INTEGER that is not negative, from its bytes, most significant first.
pub(crate) fn unsigned_integer(big_endian: &[u8]) -> Vec<u8> {
    let digits = &big_endian[big_endian.iter().take_while(|byte| **byte == 0).count()..];
    let padding: &[u8] = match digits.first() {
        Some(first) if *first < 0x80 => &[],
        _ => &[0],
    };
    element(INTEGER, &[padding, digits])
}

/// A point in time in whole seconds, as X.509 and CMS want it: UTCTime for 1950 to 2049, GeneralizedTime beyond.
pub(crate) fn time(at: Timestamp) -> Vec<u8> {
    use chrono::Datelike;
    let at = at.to_utc();
    if (UTC_TIME_BEGINS..UTC_TIME_ENDS).contains(&at.year()) {
        element(UTC_TIME, &[at.format("%y%m%d%H%M%SZ").to_string().as_bytes()])
    } else {
        element(GENERALIZED_TIME, &[at.format("%Y%m%d%H%M%SZ").to_string().as_bytes()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_the_short_form_while_they_can() {
        assert_eq!(element(OCTET_STRING, &[]), [0x04, 0]);
        assert_eq!(element(OCTET_STRING, &[&[7; 127]])[..2], [0x04, 0x7f]);
        assert_eq!(element(OCTET_STRING, &[&[7; 128]])[..3], [0x04, 0x81, 0x80]);
        assert_eq!(element(OCTET_STRING, &[&[7; 200], &[8; 100]])[..4], [0x04, 0x82, 0x01, 0x2c]);
    }

    #[test]
    fn integers_are_minimal_and_never_turn_negative() {
        assert_eq!(unsigned_integer(&[]), [0x02, 1, 0]);
        assert_eq!(unsigned_integer(&[0, 0, 5]), [0x02, 1, 5]);
        assert_eq!(unsigned_integer(&[0x80]), [0x02, 2, 0, 0x80]);
    }

    #[test]
    fn sets_are_sorted() {
        assert_eq!(set_of(SET, &[&[0x04, 1, 9], &[0x04, 1, 3]]), [0x31, 6, 0x04, 1, 3, 0x04, 1, 9]);
    }

    #[test]
    fn the_time_form_changes_with_2050() {
        let written = |text: &str| time(Timestamp::parse(text).expect("a time"));
        assert_eq!(written("2049-12-31T23:59:59.999Z"), [&[0x17, 13], b"491231235959Z".as_slice()].concat());
        assert_eq!(written("2050-01-01T00:00:00Z"), [&[0x18, 15], b"20500101000000Z".as_slice()].concat());
        assert_eq!(written("1949-12-31T23:59:59Z"), [&[0x18, 15], b"19491231235959Z".as_slice()].concat());
    }
}
