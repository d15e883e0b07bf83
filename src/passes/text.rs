//! A text of `card.toml`, resolved against the strings files of every language.
//!
//! There are three sorts. *Literal* text stands on every pass as it is. A *phrase* (`"@points"`, no placeholders in it) follows
//! the **phone's** language: pass.json carries it in the template's default language and every `.lproj` folder translates it; a
//! phone in a third language then shows the default language instead of a bare key. A *message* has placeholders and is
//! rendered here, in the **member's** language, since Apple Wallet can't fill in a sentence.

use std::borrow::Cow;

use crate::passes::language::Language;
use crate::passes::message::Message;
use crate::passes::placeholder::{Context, Placeholder, Sentence};

/// A text of `card.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    /// The same on every pass and in every language.
    Literal(String),
    /// The same on every pass, in the phone's language.
    Phrase(Phrase),
    /// Rendered per pass: one message for each language, or one for all.
    Message(Vec<Message>),
}

/// A text without placeholders in every language of the template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phrase {
    /// The text in the default language, which is what wallets look the translation up by.
    pub key: String,
    /// The text in each language, in the template's order.
    pub by_language: Vec<String>,
}

/// A rendered text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Words<'a> {
    /// To be shown in the phone's language.
    Phrase(&'a Phrase),
    /// To be shown as it is.
    Own(Cow<'a, str>),
}

impl Words<'_> {
    /// Whether there is nothing to read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Phrase(phrase) => phrase.key.is_empty(),
            Self::Own(text) => text.is_empty(),
        }
    }
}

impl Text {
    /// Resolves a text: `@key` names a text of the strings files, anything else is the text itself.
    ///
    /// # Errors
    /// What is wrong, in a sentence.
    pub fn resolve(raw: &str, languages: &[Language], default: usize) -> Result<Self, String> {
        let Some(key) = raw.strip_prefix('@') else {
            let sentence = Sentence::parse(raw)?;
            return Ok(match sentence.literal() {
                Some(text) => Self::Literal(text.to_owned()),
                None => Self::Message(vec![Message::of(sentence)]),
            });
        };
        let mut messages = Vec::with_capacity(languages.len());
        for language in languages {
            let message = language.texts.get(key);
            messages.push(message.ok_or_else(|| format!("strings/{}.toml has no text \"{key}\"", language.code))?);
        }
        let literals: Vec<_> = messages.iter().filter_map(|message| message.literal()).map(str::to_owned).collect();
        if literals.is_empty() {
            return Ok(Self::Message(messages.into_iter().cloned().collect()));
        }
        if literals.len() != messages.len() {
            return Err(format!("the text \"{key}\" has placeholders in some languages and none in others"));
        }
        let default = literals.get(default).cloned().unwrap_or_default();
        Ok(Self::Phrase(Phrase { key: default, by_language: literals }))
    }

    /// The text on one pass; none where a value is missing. `place` is the place of the member's language in the template.
    #[must_use]
    pub fn render<'a>(&'a self, place: usize, context: &Context<'a>) -> Option<Words<'a>> {
        match self {
            Self::Literal(text) => Some(Words::Own(Cow::Borrowed(text))),
            Self::Phrase(phrase) => Some(Words::Phrase(phrase)),
            Self::Message(messages) => {
                let mut out = String::new();
                let message = messages.get(place).or_else(|| messages.first())?;
                (message.write(&mut out, context) && !out.is_empty()).then_some(Words::Own(Cow::Owned(out)))
            }
        }
    }

    /// The placeholder, if the text is exactly one placeholder in every language.
    #[must_use]
    pub fn sole_placeholder(&self) -> Option<Placeholder> {
        match self {
            Self::Message(messages) => match messages.as_slice() {
                [only] => only.sole_sentence().and_then(Sentence::sole_placeholder),
                _ => None,
            },
            Self::Literal(_) | Self::Phrase(_) => None,
        }
    }

    /// Every placeholder in any language.
    #[must_use]
    pub fn placeholders(&self) -> Vec<Placeholder> {
        match self {
            Self::Message(messages) => messages.iter().flat_map(Message::placeholders).collect(),
            Self::Literal(_) | Self::Phrase(_) => Vec::new(),
        }
    }

    /// The text in each language, where it is the same on every pass.
    #[must_use]
    pub fn fixed_texts(&self) -> Vec<&str> {
        match self {
            Self::Literal(text) => vec![text],
            Self::Phrase(phrase) => phrase.by_language.iter().map(String::as_str).collect(),
            Self::Message(_) => Vec::new(),
        }
    }
}
