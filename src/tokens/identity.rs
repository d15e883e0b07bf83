//! E-mail addresses and phone numbers as identities: one spelling each, so that one person is found once.
//!
//! E-mail: the whole address is folded to lower case (no provider that matters tells case apart, people's phones capitalise at
//! will), the domain's trailing dot is cut. `+tag` and dots in the local part are kept: whether they name the same mailbox is the
//! provider's affair, and folding them would hand one person's card to another. Phone: E.164; Arabic and Persian digits are folded,
//! `00` is read as `+`, punctuation is dropped; a number without a country is refused, not guessed.

use std::fmt;

use super::typed::{eastern_digit, is_direction_mark};

/// Bytes of an address, as mail servers limit it.
const LONGEST_EMAIL: usize = 254;

/// Bytes before the @, as mail servers limit it.
const LONGEST_LOCAL_PART: usize = 64;

/// Digits of the shortest number that is taken: country and subscriber.
const FEWEST_DIGITS: usize = 8;

/// Digits of the longest number of E.164.
const MOST_DIGITS: usize = 15;

/// Bytes of a phone number as typed, all punctuation included.
const LONGEST_PHONE_TEXT: usize = 64;

/// Why a text is not an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// Not an e-mail address.
    #[error("not an e-mail address such as name@example.com")]
    Email,
    /// Not a phone number with its country.
    #[error("not a phone number with its country code, such as +965 5000 0000")]
    Phone,
}

/// An e-mail address in its one spelling.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

impl Email {
    /// Reads an address and folds its spelling.
    ///
    /// # Errors
    /// It is no address: no or two @, nothing before it, no dot after it, spaces, quotes, too long.
    pub fn parse(text: &str) -> Result<Self, IdentityError> {
        let text = text.trim_matches(|letter: char| letter.is_whitespace() || is_direction_mark(letter));
        if text.len() > LONGEST_EMAIL {
            return Err(IdentityError::Email);
        }
        let address = text.to_lowercase();
        let (local, domain) = address.split_once('@').ok_or(IdentityError::Email)?;
        let domain = domain.strip_suffix('.').unwrap_or(domain);
        if !is_local_part(local) || !is_domain(domain) {
            return Err(IdentityError::Email);
        }
        Ok(Self(format!("{local}@{domain}")))
    }

    /// The folded address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(***)")
    }
}

/// A phone number in E.164.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Phone(String);

impl Phone {
    /// Reads a number with its country code and drops the punctuation.
    ///
    /// # Errors
    /// No country code, letters, fewer than 8 or more than 15 digits.
    pub fn parse(text: &str) -> Result<Self, IdentityError> {
        if text.len() > LONGEST_PHONE_TEXT {
            return Err(IdentityError::Phone);
        }
        let mut number = String::with_capacity(1 + MOST_DIGITS);
        for letter in text.chars().filter(|letter| !is_phone_punctuation(*letter)) {
            match letter {
                '+' | '＋' if number.is_empty() => number.push('+'),
                '0'..='9' => number.push(letter),
                _ => number.push(char::from(b'0' + eastern_digit(letter).ok_or(IdentityError::Phone)?)),
            }
        }
        let digits = number.strip_prefix('+').or_else(|| number.strip_prefix("00")).ok_or(IdentityError::Phone)?;
        if digits.starts_with('0') || !(FEWEST_DIGITS..=MOST_DIGITS).contains(&digits.len()) {
            return Err(IdentityError::Phone);
        }
        Ok(Self(format!("+{digits}")))
    }

    /// The number, with its plus.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phone(***)")
    }
}

/// What a member is known by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Identity {
    /// An e-mail address.
    Email(Email),
    /// A phone number.
    Phone(Phone),
}

impl Identity {
    /// The folded text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Email(email) => email.as_str(),
            Self::Phone(phone) => phone.as_str(),
        }
    }

    /// The number of the kind in the keyed hash; for ever.
    pub(super) const fn kind_byte(&self) -> u8 {
        match self {
            Self::Email(_) => 1,
            Self::Phone(_) => 2,
        }
    }
}

/// The keyed hash of an identity: what is stored and looked up in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IdentityHash(pub [u8; 32]);

fn is_local_part(local: &str) -> bool {
    let allowed = |letter: char| !letter.is_whitespace() && !letter.is_control() && !"\"(),:;<>[\\]".contains(letter);
    let dots = !local.starts_with('.') && !local.ends_with('.') && !local.contains("..");
    !local.is_empty() && local.len() <= LONGEST_LOCAL_PART && dots && local.chars().all(allowed)
}

fn is_domain(domain: &str) -> bool {
    let label = |label: &str| {
        let letters = label.chars().all(|letter| letter.is_alphanumeric() || letter == '-');
        !label.is_empty() && label.len() <= 63 && letters && !label.starts_with('-') && !label.ends_with('-')
    };
    domain.contains('.') && domain.split('.').all(label)
}

fn is_phone_punctuation(letter: char) -> bool {
    letter.is_whitespace() || is_direction_mark(letter) || matches!(letter, '-' | '\u{2010}'..='\u{2015}' | '(' | ')' | '.' | '/')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_address_has_one_spelling() {
        for text in ["name@example.com", " Name@Example.COM ", "NAME@example.com.", "\u{200e}name@example.com"] {
            assert_eq!(Email::parse(text).unwrap().as_str(), "name@example.com", "{text}");
        }
        assert_eq!(Email::parse("A.b+cafe@x.example").unwrap().as_str(), "a.b+cafe@x.example", "tag and dots stay");
        assert_eq!(Email::parse("سارة@مثال.example").unwrap().as_str(), "سارة@مثال.example");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@example.com", "a".repeat(65));
        let texts =
            ["", "@", "name", "name@", "@example.com", "a@b", "a@b@c.com", "a b@c.com", "a@c..com", "a@-c.com", "a@c_d.com"];
        for text in texts.into_iter().chain([".a@c.com", "a..b@c.com", "\"a\"@c.com", "a@c.com\0", "a@[1.2.3.4]", &long]) {
            assert_eq!(Email::parse(text), Err(IdentityError::Email), "{text}");
        }
    }

    #[test]
    fn one_number_has_one_spelling() {
        for text in ["+96550001234", "+965 5000-1234", "00965 (5000) 1234", "٠٠٩٦٥٥٠٠٠١٢٣٤", "\u{202a}+۹۶۵ ۵۰۰۰ ۱۲۳۴\u{202c}"]
        {
            assert_eq!(Phone::parse(text).unwrap().as_str(), "+96550001234", "{text}");
        }
    }

    #[test]
    fn what_is_no_number_with_its_country_is_refused() {
        for text in
            ["", "+", "50001234", "0501234567", "+0965500012", "+9655000", "+1234567890123456", "+965 5000 123x", "++96550001234"]
        {
            assert_eq!(Phone::parse(text), Err(IdentityError::Phone), "{text}");
        }
        assert_eq!(Phone::parse(&"-".repeat(100)), Err(IdentityError::Phone));
    }

    #[test]
    fn debug_shows_nobody() {
        let shown = format!("{:?} {:?}", Email::parse("a@example.com").unwrap(), Phone::parse("+96550001234").unwrap());
        assert_eq!(shown, "Email(***) Phone(***)");
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing(email in "\\PC{1,12}@[a-zA-Z]{1,9}\\.[a-z]{2,4}", phone in "(\\+|00)[1-9][0-9 -]{7,18}") {
            if let Ok(read) = Email::parse(&email) {
                prop_assert_eq!(Email::parse(read.as_str()), Ok(read));
            }
            if let Ok(read) = Phone::parse(&phone) {
                prop_assert_eq!(Phone::parse(read.as_str()), Ok(read));
            }
        }
    }
}
