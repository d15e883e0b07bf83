//! The `{{ placeholder | filter }}` language of template texts: parsed once when a template is loaded, rendered per pass.
//!
//! There are no conditions and no loops. A text that needs a value which the view lacks renders to nothing, and the field that
//! holds it is left out; that is the only logic.

use std::borrow::Cow;

use crate::clock::Timestamp;
use crate::passes::language::Language;
use crate::passes::plain_text::{MAX_SHOWN_CHARS, has_left_to_right, has_right_to_left, plain};
use crate::passes::view::{PassView, RewardLine};

/// How many rewards the list of rewards shows; a back field that goes on for ever is read by nobody.
pub const MAX_REWARDS_SHOWN: usize = 20;

/// First strong isolate and its end: they keep a Latin name inside an Arabic sentence (or the reverse) from moving its
/// neighbours about.
const ISOLATE: char = '\u{2068}';
const ISOLATE_END: char = '\u{2069}';

/// What kind of value a placeholder stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    /// A whole number.
    Number,
    /// A text.
    Text,
    /// An instant.
    Time,
}

macro_rules! placeholders {
    ($($variant:ident $name:literal $kind:ident;)*) => {
        /// A value of the view that a template text can name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Placeholder {
            $(#[doc = $name] $variant,)*
        }

        impl Placeholder {
            /// Every placeholder, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name in a template.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it stands for.
            #[must_use]
            pub const fn kind(self) -> ValueKind {
                match self { $(Self::$variant => ValueKind::$kind,)* }
            }
        }
    };
}

placeholders! {
    Organisation "organisation" Text;
    Programme "programme" Text;
    Member "member" Text;
    MemberNumber "member_number" Text;
    Points "points" Number;
    Held "held" Number;
    Debt "debt" Number;
    NextName "next.name" Text;
    NextPoints "next.points" Number;
    NextMissing "next.missing" Number;
    Rewards "rewards" Text;
    RewardName "reward.name" Text;
    RewardPoints "reward.points" Number;
    StampsCount "stamps.count" Number;
    StampsTarget "stamps.target" Number;
    StampsMissing "stamps.missing" Number;
    Code "code" Text;
    CardPage "card_page" Text;
    LastChange "last_change" Text;
    ChangePoints "change.points" Number;
    ChangeTime "change.time" Time;
    VoucherReward "voucher.reward" Text;
    VoucherPoints "voucher.points" Number;
    VoucherExpires "voucher.expires" Time;
    Currency "currency" Text;
    Expires "expires" Time;
}

impl Placeholder {
    /// The placeholder of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.name() == name)
    }
}

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Filter {
    /// As the kind of value is written in the language: grouped digits, a date, or the text itself.
    Usual,
    /// A number in plain ASCII digits.
    Plain,
    /// A number with its sign, also when positive.
    Signed,
    /// A number without its sign.
    Absolute,
    /// A date and a time of day.
    DateTime,
}

impl Filter {
    fn named(name: &str, kind: ValueKind) -> Option<Self> {
        match (name, kind) {
            ("number", ValueKind::Number) | ("date", ValueKind::Time) => Some(Self::Usual),
            ("plain", ValueKind::Number) => Some(Self::Plain),
            ("signed", ValueKind::Number) => Some(Self::Signed),
            ("absolute", ValueKind::Number) => Some(Self::Absolute),
            ("datetime", ValueKind::Time) => Some(Self::DateTime),
            _ => None,
        }
    }
}

/// A value taken from a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// A whole number.
    Number(i64),
    /// A cleaned text.
    Text(Cow<'a, str>),
    /// An instant.
    Time(Timestamp),
}

/// What a sentence is rendered from.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The view.
    pub view: &'a PassView,
    /// The member's language.
    pub language: &'a Language,
    /// Inside the list of rewards: the one of this line.
    pub reward: Option<&'a RewardLine>,
}

impl<'a> Context<'a> {
    /// The value that a placeholder stands for; none where the view has none.
    #[must_use]
    pub fn value(&self, placeholder: Placeholder) -> Option<Value<'a>> {
        let view = self.view;
        match placeholder {
            Placeholder::Organisation => text(&view.organisation),
            Placeholder::Programme => text(&view.programme),
            Placeholder::Member => view.member_name.as_deref().and_then(text),
            Placeholder::MemberNumber => text(&view.member_number),
            Placeholder::Points => Some(Value::Number(view.points.0)),
            Placeholder::Held => Some(Value::Number(view.held.0)),
            Placeholder::Debt => Some(Value::Number(view.debt.0)),
            Placeholder::NextName => view.next_reward.as_ref().and_then(|next| text(&next.name)),
            Placeholder::NextPoints => view.next_reward.as_ref().map(|next| Value::Number(next.points.0)),
            Placeholder::NextMissing => view.next_reward.as_ref().map(|next| Value::Number(next.missing.0)),
            Placeholder::Rewards => self.rewards(),
            Placeholder::RewardName => self.reward.and_then(|reward| text(&reward.name)),
            Placeholder::RewardPoints => self.reward.map(|reward| Value::Number(reward.points.0)),
            Placeholder::StampsCount => view.stamps.map(|stamps| Value::Number(i64::from(stamps.count))),
            Placeholder::StampsTarget => view.stamps.map(|stamps| Value::Number(i64::from(stamps.target))),
            Placeholder::StampsMissing => {
                view.stamps.map(|stamps| Value::Number(i64::from(stamps.target.saturating_sub(stamps.count))))
            }
            Placeholder::Code => view.code.as_deref().map(|code| Value::Text(Cow::Borrowed(code))),
            Placeholder::CardPage => view.card_page.as_deref().map(|page| Value::Text(Cow::Borrowed(page))),
            Placeholder::LastChange => self.last_change(),
            Placeholder::ChangePoints => view.last_change.map(|change| Value::Number(change.points.0)),
            Placeholder::ChangeTime => view.last_change.map(|change| Value::Time(change.at)),
            Placeholder::VoucherReward => view.voucher.as_ref().and_then(|voucher| text(&voucher.reward)),
            Placeholder::VoucherPoints => view.voucher.as_ref().map(|voucher| Value::Number(voucher.points.0)),
            Placeholder::VoucherExpires => view.voucher.as_ref().and_then(|voucher| voucher.expires).map(Value::Time),
            Placeholder::Currency => Some(Value::Text(Cow::Owned(view.currency.as_str().to_owned()))),
            Placeholder::Expires => view.expires.map(Value::Time),
        }
    }

    fn rewards(&self) -> Option<Value<'a>> {
        let line = self.language.reward_line.as_ref()?;
        let mut out = String::new();
        for reward in self.view.rewards.iter().take(MAX_REWARDS_SHOWN) {
            if !out.is_empty() {
                out.push('\n');
            }
            line.write(&mut out, &Context { reward: Some(reward), ..*self });
        }
        (!out.is_empty()).then_some(Value::Text(Cow::Owned(out)))
    }

    fn last_change(&self) -> Option<Value<'a>> {
        let kind = self.view.last_change?.kind;
        let sentence = self.language.changes.get(kind.index())?.as_ref()?;
        let mut out = String::new();
        sentence.write(&mut out, self).then_some(Value::Text(Cow::Owned(out)))
    }
}

fn text(text: &str) -> Option<Value<'_>> {
    let text = plain(text, MAX_SHOWN_CHARS);
    (!text.is_empty()).then_some(Value::Text(text))
}

/// Literal text and placeholders in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Insert(Placeholder, Filter),
}

impl Sentence {
    /// Reads a text with placeholders.
    ///
    /// # Errors
    /// A sentence that says what is wrong and what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find("{{") {
            let (literal, after) = rest.split_at(start);
            let Some(end) = after.find("}}") else {
                return Err(format!("\"{{{{\" is never closed in \"{text}\""));
            };
            if !literal.is_empty() {
                parts.push(Part::Literal(literal.to_owned()));
            }
            parts.push(insert(&after[2..end])?);
            rest = &after[end + 2..];
        }
        if rest.contains("}}") {
            return Err(format!("\"}}}}\" without \"{{{{\" in \"{text}\""));
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.to_owned()));
        }
        Ok(Self(parts))
    }

    /// The text itself, if it holds no placeholder.
    #[must_use]
    pub fn literal(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// The placeholder, if the text is one placeholder without a filter and nothing else.
    #[must_use]
    pub fn sole_placeholder(&self) -> Option<Placeholder> {
        match self.0.as_slice() {
            [Part::Insert(placeholder, Filter::Usual)] => Some(*placeholder),
            _ => None,
        }
    }

    /// Every placeholder in it.
    pub fn placeholders(&self) -> impl Iterator<Item = Placeholder> + '_ {
        self.0.iter().filter_map(|part| match part {
            Part::Insert(placeholder, _) => Some(*placeholder),
            Part::Literal(_) => None,
        })
    }

    /// Appends the rendered text; false (and nothing useful appended) where a value is missing.
    pub fn write(&self, out: &mut String, context: &Context<'_>) -> bool {
        let alone = self.0.len() == 1;
        for part in &self.0 {
            match part {
                Part::Literal(text) => out.push_str(text),
                Part::Insert(placeholder, filter) => match context.value(*placeholder) {
                    Some(value) => write_value(out, &value, *filter, context, alone),
                    None => return false,
                },
            }
        }
        true
    }
}

fn insert(inside: &str) -> Result<Part, String> {
    let (name, filter) = match inside.split_once('|') {
        Some((name, filter)) => (name.trim(), Some(filter.trim())),
        None => (inside.trim(), None),
    };
    let placeholder = Placeholder::named(name).ok_or_else(|| {
        let known: Vec<_> = Placeholder::ALL.iter().map(|known| known.name()).collect();
        format!("\"{name}\" is not a placeholder; the known ones are {}", known.join(", "))
    })?;
    let filter = match filter {
        None => Filter::Usual,
        Some(filter) => Filter::named(filter, placeholder.kind()).ok_or_else(|| {
            format!("\"{name}\" can't take the filter \"{filter}\": numbers take number, plain, signed, absolute; times take date, datetime")
        })?,
    };
    Ok(Part::Insert(placeholder, filter))
}

fn write_value(out: &mut String, value: &Value<'_>, filter: Filter, context: &Context<'_>, alone: bool) {
    let language = context.language;
    match value {
        Value::Number(number) => match filter {
            Filter::Plain => out.push_str(&number.to_string()),
            Filter::Signed => language.write_signed(out, *number),
            Filter::Absolute => language.write_number(out, number.saturating_abs()),
            Filter::Usual | Filter::DateTime => language.write_number(out, *number),
        },
        Value::Time(time) => {
            let local = time.to_utc().with_timezone(&context.view.time_zone);
            match filter {
                Filter::DateTime => language.write_date_and_time(out, &local),
                Filter::Usual | Filter::Plain | Filter::Signed | Filter::Absolute => language.write_date(out, &local),
            }
        }
        Value::Text(text) => {
            let foreign = if language.right_to_left { has_left_to_right(text) } else { has_right_to_left(text) };
            if alone || !foreign || text.contains('\n') {
                out.push_str(text);
            } else {
                out.push(ISOLATE);
                out.push_str(text);
                out.push(ISOLATE_END);
            }
        }
    }
}
