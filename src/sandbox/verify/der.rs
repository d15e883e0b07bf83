//! Reading DER, strictly: only what a signature's own structure and a certificate's extensions need.

/// INTEGER.
pub const INTEGER: u8 = 0x02;
/// OCTET STRING.
pub const OCTET_STRING: u8 = 0x04;
/// OBJECT IDENTIFIER.
pub const OBJECT_IDENTIFIER: u8 = 0x06;
/// UTCTime.
pub const UTC_TIME: u8 = 0x17;
/// GeneralizedTime.
pub const GENERALIZED_TIME: u8 = 0x18;
/// SEQUENCE.
pub const SEQUENCE: u8 = 0x30;
/// SET.
pub const SET: u8 = 0x31;

/// What was expected and not found.
pub type Unexpected = &'static str;

/// One element.
#[derive(Debug, Clone, Copy)]
pub struct Element<'a> {
    /// Its tag.
    pub tag: u8,
    /// Its content.
    pub content: &'a [u8],
    /// Tag, length and content.
    pub whole: &'a [u8],
}

/// Elements one after the other.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// The next element, if there is one.
    pub fn next_any(&mut self) -> Result<Option<Element<'a>>, Unexpected> {
        let [tag, first, rest @ ..] = self.0 else {
            return if self.0.is_empty() { Ok(None) } else { Err("a whole element") };
        };
        if tag & 0x1f == 0x1f {
            return Err("a short tag");
        }
        let (length, header) = match first {
            0..=0x7f => (usize::from(*first), 2),
            0x81..=0x84 => {
                let count = usize::from(first & 0x7f);
                let digits = rest.get(..count).ok_or("a whole length")?;
                let length = digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit));
                if digits[0] == 0 || length < 0x80 {
                    return Err("a length in its shortest form");
                }
                (length, 2 + count)
            }
            _ => return Err("a definite length"),
        };
        let whole = self.0.get(..header + length).ok_or("an element within its parent")?;
        self.0 = &self.0[whole.len()..];
        Ok(Some(Element { tag: *tag, content: &whole[header..], whole }))
    }

    /// The next element, which must have this tag.
    pub fn next(&mut self, tag: u8, what: Unexpected) -> Result<Element<'a>, Unexpected> {
        match self.next_any()? {
            Some(element) if element.tag == tag => Ok(element),
            _ => Err(what),
        }
    }

    /// The next element if it has this tag; another one is left.
    pub fn optional(&mut self, tag: u8) -> Result<Option<Element<'a>>, Unexpected> {
        if self.0.first() == Some(&tag) { self.next_any() } else { Ok(None) }
    }

    /// Nothing may follow.
    pub fn end(self) -> Result<(), Unexpected> {
        if self.0.is_empty() { Ok(()) } else { Err("nothing more") }
    }

    /// All that is left.
    pub fn all(mut self) -> Result<Vec<Element<'a>>, Unexpected> {
        let mut elements = Vec::new();
        while let Some(element) = self.next_any()? {
            elements.push(element);
        }
        Ok(elements)
    }
}

impl<'a> Element<'a> {
    /// What is inside.
    pub fn inside(&self) -> Reader<'a> {
        Reader(self.content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_der_is_refused() {
        let broken: [&[u8]; 7] = [
            &[0x30],
            &[0x30, 0x80, 0, 0],
            &[0x30, 2, 0],
            &[0x30, 0x81, 5, 0],
            &[0x30, 0x82, 0, 0x80],
            &[0x30, 0x85, 1],
            &[0x1f, 1, 1],
        ];
        for bytes in broken {
            assert!(Reader(bytes).next_any().is_err(), "{bytes:x?}");
        }
    }

    #[test]
    fn elements_are_read_one_after_the_other() {
        let mut reader = Reader(&[0x02, 1, 7, 0x30, 2, 0x05, 0]);
        assert_eq!(reader.next(INTEGER, "a number").expect("read").content, [7]);
        assert!(reader.optional(SET).expect("not there").is_none());
        let inside = reader.next(SEQUENCE, "a sequence").expect("read").inside();
        assert_eq!(inside.all().expect("read").len(), 1);
        reader.end().expect("at the end");
    }
}
