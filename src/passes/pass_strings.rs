//! Apple's `pass.strings` files: `"key" = "text";` lines in UTF-8 without a byte order mark.
//!
//! The texts of pass.json are the keys, so a phrase and a member's own text could meet: somebody called "Points" would be
//! translated on an Arabic phone. [`Phrases::guard`] prevents it: a rendered text that equals a phrase gets an invisible word
//! joiner at its end, which no cleaned text can hold, and is then looked up in vain.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::passes::text::Phrase;

const WORD_JOINER: char = '\u{2060}';

/// The phrases of one design.
#[derive(Debug, Clone, Default)]
pub struct Phrases(BTreeMap<String, Vec<String>>);

impl Phrases {
    /// Adds a phrase.
    ///
    /// # Errors
    /// Another phrase with the same text in the default language is translated differently: the wallet can't tell them apart.
    pub fn add(&mut self, phrase: &Phrase) -> Result<(), String> {
        match self.0.get(&phrase.key) {
            Some(known) if *known != phrase.by_language => {
                Err(format!("two texts read \"{}\" in the default language but differ in another", phrase.key))
            }
            Some(_) => Ok(()),
            None => {
                self.0.insert(phrase.key.clone(), phrase.by_language.clone());
                Ok(())
            }
        }
    }

    /// The strings file of the language at `place`; empty if there is no phrase.
    #[must_use]
    pub fn file(&self, place: usize) -> String {
        let mut out = String::new();
        for (key, texts) in &self.0 {
            let text = texts.get(place).unwrap_or(key);
            out.push_str(&format!("\"{}\" = \"{}\";\n", escaped(key), escaped(text)));
        }
        out
    }

    /// The text, made different from every phrase.
    #[must_use]
    pub fn guard<'a>(&self, text: Cow<'a, str>) -> Cow<'a, str> {
        if !self.0.contains_key(text.as_ref()) {
            return text;
        }
        let mut text = text.into_owned();
        text.push(WORD_JOINER);
        Cow::Owned(text)
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Reads a strings file as Wallet does; none if it is malformed, which would make the pass unopenable.
#[must_use]
pub fn parse(file: &str) -> Option<BTreeMap<String, String>> {
    let mut entries = BTreeMap::new();
    let mut rest = skip_comments(file)?;
    while !rest.is_empty() {
        let (key, after) = quoted(rest)?;
        let after = skip_comments(after)?.strip_prefix('=')?;
        let (text, after) = quoted(skip_comments(after)?)?;
        rest = skip_comments(skip_comments(after)?.strip_prefix(';')?)?;
        entries.insert(key, text);
    }
    Some(entries)
}

fn skip_comments(text: &str) -> Option<&str> {
    let mut rest = text.trim_start();
    while let Some(comment) = rest.strip_prefix("/*") {
        rest = comment.split_once("*/")?.1.trim_start();
    }
    Some(rest)
}

fn quoted(text: &str) -> Option<(String, &str)> {
    let inside = text.strip_prefix('"')?;
    let mut out = String::new();
    let mut letters = inside.char_indices();
    while let Some((place, letter)) = letters.next() {
        match letter {
            '"' => return Some((out, &inside[place + 1..])),
            '\\' => out.push(match letters.next()?.1 {
                'n' => '\n',
                't' => '\t',
                other => other,
            }),
            other => out.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phrase(english: &str, arabic: &str) -> Phrase {
        Phrase { key: english.to_owned(), by_language: vec![english.to_owned(), arabic.to_owned()] }
    }

    #[test]
    fn what_is_written_reads_back_the_same() {
        let mut phrases = Phrases::default();
        let awkward = "A \"quoted\" \\ text; with = signs,\nand /* no */ comment";
        phrases.add(&phrase(awkward, "نص \"مقتبس\"")).expect("is new");
        phrases.add(&phrase("Points", "نقاط")).expect("is new");
        phrases.add(&phrase("Points", "نقاط")).expect("is the same");
        let arabic = parse(&phrases.file(1)).expect("is well formed");
        assert_eq!(arabic.get(awkward).map(String::as_str), Some("نص \"مقتبس\""));
        assert_eq!(arabic.get("Points").map(String::as_str), Some("نقاط"));
        assert_eq!(parse(&phrases.file(0)).expect("is well formed").get(awkward).map(String::as_str), Some(awkward));
    }

    #[test]
    fn one_key_with_two_translations_is_refused() {
        let mut phrases = Phrases::default();
        phrases.add(&phrase("Points", "نقاط")).expect("is new");
        assert!(phrases.add(&phrase("Points", "رصيد")).is_err());
    }

    #[test]
    fn a_member_called_like_a_phrase_is_not_translated() {
        let mut phrases = Phrases::default();
        phrases.add(&phrase("Points", "نقاط")).expect("is new");
        let guarded = phrases.guard(Cow::Borrowed("Points"));
        assert_ne!(guarded, "Points");
        assert!(!parse(&phrases.file(1)).expect("is well formed").contains_key(guarded.as_ref()));
        assert!(matches!(phrases.guard(Cow::Borrowed("Mona")), Cow::Borrowed("Mona")));
    }

    #[test]
    fn malformed_files_are_told_apart() {
        assert!(parse("/* empty */ \n").expect("is well formed").is_empty());
        for bad in ["\"a\" = \"b\"", "\"a\" \"b\";", "\"a\" = b;", "\"a = \"b\";", "\"a\" = \"b", "/* open"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
