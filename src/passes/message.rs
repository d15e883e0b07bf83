//! One text of a strings file, with its plural forms.

use serde::Deserialize;

use crate::passes::placeholder::{Context, Placeholder, Sentence, Value, ValueKind};

/// The longest text, in bytes; a page of terms fits.
const MAX_TEXT_BYTES: usize = 4000;

/// One text of a strings file: a sentence, or one sentence for each plural form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    other: Sentence,
    plural: Option<Box<Plural>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Plural {
    count: Placeholder,
    /// In the order of [`PluralForm`], without `other`.
    forms: [Option<Sentence>; 5],
}

impl Message {
    /// A message of one sentence.
    #[must_use]
    pub const fn of(sentence: Sentence) -> Self {
        Self { other: sentence, plural: None }
    }

    /// Reads a text.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(file: &MessageFile) -> Result<Self, String> {
        let file = match file {
            MessageFile::One(text) => return Ok(Self::of(sentence(text)?)),
            MessageFile::Plural(file) => file,
        };
        let count = Placeholder::named(&file.count)
            .filter(|placeholder| placeholder.kind() == ValueKind::Number)
            .ok_or_else(|| format!("count = \"{}\" is not a placeholder that stands for a number", file.count))?;
        let mut forms = [const { None }; 5];
        for (form, text) in forms.iter_mut().zip([&file.zero, &file.one, &file.two, &file.few, &file.many]) {
            *form = text.as_deref().map(sentence).transpose()?;
        }
        Ok(Self { other: sentence(&file.other)?, plural: Some(Box::new(Plural { count, forms })) })
    }

    /// The text itself, if it is the same on every pass.
    #[must_use]
    pub fn literal(&self) -> Option<&str> {
        if self.plural.is_some() { None } else { self.other.literal() }
    }

    /// Its one sentence; none if it has plural forms.
    #[must_use]
    pub fn sole_sentence(&self) -> Option<&Sentence> {
        if self.plural.is_some() { None } else { Some(&self.other) }
    }

    /// Every placeholder in it.
    #[must_use]
    pub fn placeholders(&self) -> Vec<Placeholder> {
        let mut all: Vec<_> = self.other.placeholders().collect();
        if let Some(plural) = &self.plural {
            all.push(plural.count);
            all.extend(plural.forms.iter().flatten().flat_map(Sentence::placeholders));
        }
        all
    }

    /// Appends the rendered text; false where a value is missing.
    pub fn write(&self, out: &mut String, context: &Context<'_>) -> bool {
        let Some(plural) = &self.plural else {
            return self.other.write(out, context);
        };
        let Some(Value::Number(count)) = context.value(plural.count) else {
            return false;
        };
        let form = PluralForm::of(&context.language.code, count.unsigned_abs());
        let sentence = plural.forms.get(form as usize).and_then(Option::as_ref).unwrap_or(&self.other);
        sentence.write(out, context)
    }
}

fn sentence(text: &str) -> Result<Sentence, String> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(format!("is longer than {MAX_TEXT_BYTES} bytes"));
    }
    Sentence::parse(text)
}

/// The plural forms of CLDR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PluralForm {
    Zero,
    One,
    Two,
    Few,
    Many,
    Other,
}

impl PluralForm {
    /// CLDR's rules for whole numbers, for Arabic and for the many languages that tell one from the rest; a language without
    /// plural forms gives `other` only and needs no rule.
    fn of(language: &str, count: u64) -> Self {
        let arabic = language == "ar" || language.starts_with("ar-");
        match (arabic, count, count % 100) {
            (true, 0, _) => Self::Zero,
            (_, 1, _) => Self::One,
            (true, 2, _) => Self::Two,
            (true, _, 3..=10) => Self::Few,
            (true, _, 11..=99) => Self::Many,
            _ => Self::Other,
        }
    }
}

/// A text as it stands in a strings file.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a text, or a table with count, other and further plural forms")]
pub enum MessageFile {
    /// One sentence.
    One(String),
    /// One sentence for each plural form.
    Plural(PluralFile),
}

/// Plural forms as they stand in a strings file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PluralFile {
    count: String,
    zero: Option<String>,
    one: Option<String>,
    two: Option<String>,
    few: Option<String>,
    many: Option<String>,
    other: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arabic_has_six_plural_forms_and_english_two() {
        use PluralForm::{Few, Many, One, Other, Two, Zero};
        let forms = |language, counts: &[u64]| counts.iter().map(|count| PluralForm::of(language, *count)).collect::<Vec<_>>();
        assert_eq!(forms("ar", &[0, 1, 2, 3, 10, 11, 99, 100, 103]), [Zero, One, Two, Few, Few, Many, Many, Other, Few]);
        assert_eq!(forms("en", &[0, 1, 2, 3, 101]), [Other, One, Other, Other, Other]);
    }
}
