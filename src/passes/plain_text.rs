//! Text that strangers wrote, made fit to stand on a pass: one line, bounded, and unable to turn its surroundings round.
//!
//! A name may hold control characters (a strings file or a log would break), bidirectional overrides (the balance could be made
//! to read backwards), invisible characters (two members could look alike) or a tower of accents. All of that goes; everything
//! that people write, in any script, stays.

use std::borrow::Cow;

/// The longest text, in characters, that a view may put on a pass; a wallet shrinks or cuts what is longer anyway.
pub const MAX_SHOWN_CHARS: usize = 80;

/// How many combining marks may stand on one letter; no living script needs more.
const MAX_MARKS: usize = 4;

/// The text without anything that could harm, with single spaces, cut with an ellipsis after `max_chars`.
#[must_use]
pub fn plain(text: &str, max_chars: usize) -> Cow<'_, str> {
    // Plain Latin and Arabic letters, which most names are made of, need no copy.
    let usual = |letter| matches!(letter, ' '..='~' | '\u{620}'..='\u{64a}' | '\u{660}'..='\u{669}');
    let harmless = text.chars().all(usual)
        && !text.starts_with(' ')
        && !text.ends_with(' ')
        && !text.contains("  ")
        && (text.len() <= max_chars || text.chars().count() <= max_chars);
    if harmless { Cow::Borrowed(text) } else { Cow::Owned(cleaned(text, max_chars)) }
}

fn cleaned(text: &str, max_chars: usize) -> String {
    let mut out = String::with_capacity(text.len().min(max_chars * 4));
    let (mut length, mut marks, mut gap) = (0, 0, false);
    for letter in text.chars() {
        if letter.is_whitespace() {
            gap = !out.is_empty();
            continue;
        }
        marks = if is_mark(letter) { marks + 1 } else { 0 };
        if is_harmful(letter) || marks > MAX_MARKS {
            continue;
        }
        let needed = 1 + usize::from(gap);
        if length + needed > max_chars {
            while length >= max_chars && out.pop().is_some() {
                length -= 1;
            }
            out.push('…');
            return out;
        }
        if gap {
            out.push(' ');
            gap = false;
        }
        out.push(letter);
        length += needed;
    }
    out
}

/// Controls, bidirectional controls, invisible fillers, tags and noncharacters. The two joiners stay: Persian and emoji need them.
const fn is_harmful(letter: char) -> bool {
    matches!(letter,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{fdd0}'..='\u{fdef}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{e0fff}' | '\u{f0000}'..='\u{10ffff}')
}

const fn is_mark(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}'
        | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

/// The text with the characters that mean something in HTML written as entities; also fit for a quoted attribute.
#[must_use]
pub fn escape_html(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| matches!(byte, b'&' | b'<' | b'>' | b'"' | b'\'')) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    Cow::Owned(out)
}

/// Whether the text holds a letter that is written from right to left.
#[must_use]
pub fn has_right_to_left(text: &str) -> bool {
    text.chars().any(is_right_to_left)
}

/// Whether the text holds a letter that is written from left to right.
#[must_use]
pub fn has_left_to_right(text: &str) -> bool {
    text.chars().any(|letter| !is_right_to_left(letter) && letter.is_alphabetic())
}

const fn is_right_to_left(letter: char) -> bool {
    matches!(letter, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_stay_as_they_are() {
        for name in ["Mona Haddad", "منى الحداد", "Zoë O'Neil-Nguyễn", "林小明", "میں\u{200c}ها", "👩\u{200d}🍳 Chef"]
        {
            assert_eq!(plain(name, MAX_SHOWN_CHARS), name);
        }
        for usual in ["Mona Haddad", "منى الحداد"] {
            assert!(matches!(plain(usual, 80), Cow::Borrowed(_)), "no copy for the usual case");
        }
    }

    #[test]
    fn what_could_harm_goes() {
        assert_eq!(plain("Mo\u{202e}na\u{2066} \u{0}\nH\u{200b}addad\u{feff} ", 80), "Mona Haddad");
        assert_eq!(plain("  a \t\r\n  b  ", 80), "a b");
        assert_eq!(plain("\u{2060}\u{200f}", 80), "");
        let tower = format!("z{}", "\u{301}".repeat(50));
        assert_eq!(plain(&tower, 80).chars().count(), 1 + MAX_MARKS);
    }

    #[test]
    fn long_texts_are_cut_to_the_bound_and_not_inside_a_letter() {
        assert_eq!(plain(&"x".repeat(200), 10), "xxxxxxxxx…");
        assert_eq!(plain(&"ب".repeat(200), 10).chars().count(), 10);
        assert_eq!(plain("1234567890", 10), "1234567890");
        assert_eq!(plain("123456789 0", 10), "123456789…");
    }

    #[test]
    fn html_is_escaped_for_text_and_attribute() {
        assert_eq!(escape_html("<a href='x'>&\"</a>"), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;&lt;/a&gt;");
        assert!(matches!(escape_html("plain"), Cow::Borrowed(_)));
    }

    #[test]
    fn directions_are_told_apart() {
        assert!(has_right_to_left("a قهوة"));
        assert!(!has_right_to_left("Qahwa 12"));
        assert!(has_left_to_right("قهوة b"));
        assert!(!has_left_to_right("قهوة ١٢"));
    }
}
