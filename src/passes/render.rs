//! One pass rendered: which fields show and what stands in each, the same for every wallet.

use std::borrow::Cow;

use crate::clock::Timestamp;
use crate::passes::card_file::Format;
use crate::passes::design::{Design, Field};
use crate::passes::language::Language;
use crate::passes::placeholder::{Context, Value};
use crate::passes::template::Template;
use crate::passes::text::{Phrase, Text, Words};
use crate::passes::view::PassView;

/// One view on one template.
#[derive(Clone, Copy)]
pub struct Rendering<'a> {
    /// The design of the view's kind of pass.
    pub design: &'a Design,
    place: usize,
    context: Context<'a>,
}

/// A field that shows.
#[derive(Debug)]
pub struct ShownField<'a> {
    /// The field of the template.
    pub field: &'a Field,
    /// What stands above the value.
    pub label: Option<Words<'a>>,
    /// The value.
    pub value: Shown<'a>,
    /// The address that the value leads to: https, http, tel or mailto.
    pub link: Option<Cow<'a, str>>,
}

/// A value that shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown<'a> {
    /// A number, which the phone writes in its own digits.
    Number(i64),
    /// An instant, which the phone writes in its own way.
    Time(Timestamp),
    /// A text.
    Words(Words<'a>),
}

impl<'a> Rendering<'a> {
    /// Looks at a view through a template.
    #[must_use]
    pub fn new(template: &'a Template, view: &'a PassView) -> Self {
        let place = template.language_place(&view.language);
        let context = Context { view, language: template.language(place), reward: None };
        Self { design: template.design(view.kind), place, context }
    }

    /// The member's language, or the template's default.
    #[must_use]
    pub fn language(&self) -> &'a Language {
        self.context.language
    }

    /// The programme's time zone.
    #[must_use]
    pub const fn time_zone(&self) -> chrono_tz::Tz {
        self.context.view.time_zone
    }

    /// A text of the template on this pass.
    #[must_use]
    pub fn text(&self, text: &'a Text) -> Option<Words<'a>> {
        text.render(self.place, &self.context)
    }

    /// A text of the template as the member reads it, phrases in the member's language.
    #[must_use]
    pub fn member_text(&self, text: &'a Text) -> Option<Cow<'a, str>> {
        self.text(text).map(|words| self.spoken(words))
    }

    /// Words as the member reads them.
    #[must_use]
    pub fn spoken(&self, words: Words<'a>) -> Cow<'a, str> {
        match words {
            Words::Own(text) => text,
            Words::Phrase(Phrase { key, by_language }) => Cow::Borrowed(by_language.get(self.place).unwrap_or(key)),
        }
    }

    /// The instant at which the pass is worth showing on the lock screen.
    #[must_use]
    pub fn relevant(&self) -> Option<Timestamp> {
        match self.context.value(self.design.relevant?) {
            Some(Value::Time(time)) => Some(time),
            _ => None,
        }
    }

    /// The fields that show, in the template's order.
    pub fn fields(&self) -> impl Iterator<Item = ShownField<'a>> + '_ {
        self.design.fields.iter().filter_map(|field| self.field(field))
    }

    fn field(&self, field: &'a Field) -> Option<ShownField<'a>> {
        if let Some(condition) = field.when {
            match self.context.value(condition) {
                None | Some(Value::Number(0)) => return None,
                Some(_) => {}
            }
        }
        let value = self.value(field).or_else(|| self.words(field.otherwise.as_ref()?))?;
        let link = match &field.link {
            Some(link) => Some(self.member_text(link).filter(|address| is_address(address))?),
            None => None,
        };
        Some(ShownField { field, label: field.label.as_ref().and_then(|label| self.text(label)), value, link })
    }

    fn value(&self, field: &'a Field) -> Option<Shown<'a>> {
        if field.format == Format::Text {
            return self.words(&field.value);
        }
        match self.context.value(field.value.sole_placeholder()?)? {
            Value::Number(number) => Some(Shown::Number(number)),
            Value::Time(time) => Some(Shown::Time(time)),
            Value::Text(text) => Some(Shown::Words(Words::Own(text))),
        }
    }

    fn words(&self, text: &'a Text) -> Option<Shown<'a>> {
        self.text(text).filter(|words| !words.is_empty()).map(Shown::Words)
    }
}

/// Whether a wallet may open it: nothing but the web, a telephone number or a mail address.
fn is_address(text: &str) -> bool {
    ["https://", "http://", "tel:", "mailto:"].iter().any(|scheme| text.starts_with(scheme))
        && !text.contains(char::is_whitespace)
}
