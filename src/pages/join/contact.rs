//! A contact as people type it: in whatever digits, with or without the country's code.

/// What was typed, as a phone number or a mail address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contact {
    /// In international form, as far as that could be told.
    Phone(String),
    /// As typed.
    Email(String),
}

impl Contact {
    /// Reads what was typed; a number without a country's code gets the programme's.
    #[must_use]
    pub fn read(text: &str, prefix: Option<&str>) -> Self {
        if text.contains('@') {
            return Self::Email(text.to_owned());
        }
        let latin: String = text.chars().map(latin).filter(|letter| !is_separator(*letter)).collect();
        let number = match (latin.strip_prefix("00"), prefix) {
            (Some(international), _) => format!("+{international}"),
            (None, Some(prefix)) if !latin.starts_with('+') => format!("{prefix}{}", latin.trim_start_matches('0')),
            _ => latin,
        };
        Self::Phone(number)
    }
}

/// Arabic-Indic and Persian digits as ASCII.
fn latin(letter: char) -> char {
    let digit = match letter {
        '\u{660}'..='\u{669}' => u32::from(letter) - 0x660,
        '\u{6f0}'..='\u{6f9}' => u32::from(letter) - 0x6f0,
        _ => return letter,
    };
    char::from_digit(digit, 10).unwrap_or(letter)
}

fn is_separator(letter: char) -> bool {
    letter.is_whitespace()
        || matches!(letter, '-' | '.' | '(' | ')' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_any_digits() {
        let phone = |text: &str| Contact::Phone(text.to_owned());
        assert_eq!(Contact::read("٥٠٠٠ ١٢٣٤", Some("+965")), phone("+96550001234"));
        assert_eq!(Contact::read("00965 5000-1234", Some("+965")), phone("+96550001234"));
        assert_eq!(Contact::read("+44 20 7946 0000", Some("+965")), phone("+442079460000"));
        assert_eq!(Contact::read("0500012345", Some("+966")), phone("+966500012345"));
        assert_eq!(Contact::read("50001234", None), phone("50001234"));
        assert_eq!(Contact::read("a@example.com", Some("+965")), Contact::Email("a@example.com".to_owned()));
    }
}
