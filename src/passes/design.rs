//! How one kind of pass looks, compiled from `card.toml`: texts resolved, colours and places parsed, ready to render.

use crate::passes::card_file::{BarcodeFile, BarcodeFormat, DesignFile, FieldFile, Format, StampsFile, Style};
use crate::passes::contrast::Color;
use crate::passes::extra::{Extra, json_members};
use crate::passes::language::Language;
use crate::passes::placeholder::{Placeholder, ValueKind};
use crate::passes::problem::Findings;
use crate::passes::text::Text;
use crate::passes::view::PassKind;

/// How one kind of pass looks.
#[derive(Debug, Clone)]
pub struct Design {
    /// Of which kind of pass.
    pub kind: PassKind,
    /// Apple's pass style.
    pub style: Style,
    /// Who issues it.
    pub organization_name: Text,
    /// What it is, in words.
    pub description: Text,
    /// The text beside the logo.
    pub logo_text: Option<Text>,
    /// The time at which it is worth showing on the lock screen.
    pub relevant: Option<Placeholder>,
    /// The colours.
    pub colors: Colors,
    /// The code.
    pub barcode: Barcode,
    /// The fields, in order.
    pub fields: Vec<Field>,
    /// The strip drawn per number of stamps.
    pub stamps: Option<StampsDesign>,
    /// Further top-level keys of pass.json.
    pub apple_extra: Extra,
    /// What Google Wallet needs beside the fields.
    pub google: GoogleDesign,
}

/// Three colours.
#[derive(Debug, Clone, Copy)]
pub struct Colors {
    /// Behind everything.
    pub background: Color,
    /// The values.
    pub foreground: Color,
    /// The labels.
    pub label: Color,
}

/// The code.
#[derive(Debug, Clone)]
pub struct Barcode {
    /// The symbology.
    pub format: BarcodeFormat,
    /// What it says.
    pub message: Text,
    /// What stands below it.
    pub alt_text: Option<Text>,
}

/// One field.
#[derive(Debug, Clone)]
pub struct Field {
    /// Its identity.
    pub key: String,
    /// What stands above the value.
    pub label: Option<Text>,
    /// The value.
    pub value: Text,
    /// The value where that has none.
    pub otherwise: Option<Text>,
    /// The field is left out while this is absent or zero.
    pub when: Option<Placeholder>,
    /// What kind of value it is.
    pub format: Format,
    /// The notice when the value changes.
    pub change_message: Option<Text>,
    /// The address that the value leads to.
    pub link: Option<Text>,
    /// Where it stands on an Apple pass.
    pub apple: Option<AppleSlot>,
    /// Where it stands on a Google pass.
    pub google: Option<GoogleSlot>,
    /// Apple's words for alignment and formats, where given.
    pub apple_words: AppleWords,
    /// Further keys of the field in pass.json.
    pub extra: Extra,
}

/// Where a field stands on an Apple pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AppleSlot {
    /// Top right; the only one that shows in a stack of passes.
    Header,
    /// Large, over the strip.
    Primary,
    /// Below the strip.
    Secondary,
    /// Below that.
    Auxiliary,
    /// On the back.
    Back,
}

impl AppleSlot {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "header" => Self::Header,
            "primary" => Self::Primary,
            "secondary" => Self::Secondary,
            "auxiliary" => Self::Auxiliary,
            "back" => Self::Back,
            _ => return None,
        })
    }
}

/// Where a field stands on a Google pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GoogleSlot {
    /// `loyaltyPoints`.
    Points,
    /// `secondaryLoyaltyPoints`.
    SecondaryPoints,
    /// `accountName`.
    AccountName,
    /// `accountId`.
    AccountId,
    /// A text module that the card template shows in a row (1 to 3).
    Row(u8, GooglePlace),
    /// A text module in the details.
    Text,
    /// An entry of the links module; needs `link`.
    Link,
}

/// A place in a row of a Google pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GooglePlace {
    /// First.
    Start,
    /// Between.
    Middle,
    /// Last.
    End,
}

impl GoogleSlot {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "points" => Self::Points,
            "secondary_points" => Self::SecondaryPoints,
            "account_name" => Self::AccountName,
            "account_id" => Self::AccountId,
            "text" => Self::Text,
            "link" => Self::Link,
            other => {
                let (row, place) = other.strip_prefix("row")?.split_once('.')?;
                let row = row.parse().ok().filter(|row| (1..=3).contains(row))?;
                let place = match place {
                    "start" => GooglePlace::Start,
                    "middle" => GooglePlace::Middle,
                    "end" => GooglePlace::End,
                    _ => return None,
                };
                Self::Row(row, place)
            }
        })
    }
}

/// Apple's constants for a field, where the template gives them.
#[derive(Debug, Clone, Default)]
pub struct AppleWords {
    /// `PKTextAlignment…`
    pub alignment: Option<&'static str>,
    /// `PKDateStyle…`
    pub date_style: Option<&'static str>,
    /// `PKDateStyle…`
    pub time_style: Option<&'static str>,
    /// `PKNumberStyle…`
    pub number_style: Option<&'static str>,
    /// `PKDataDetectorType…`
    pub detect: Option<Vec<&'static str>>,
}

/// What Google Wallet needs beside the fields.
#[derive(Debug, Clone)]
pub struct GoogleDesign {
    /// ISO 3166-1 alpha-2.
    pub country_code: Option<String>,
    /// Further keys of the class.
    pub class_extra: Extra,
    /// Further keys of the object.
    pub object_extra: Extra,
}

/// How a strip of stamps is drawn.
#[derive(Debug, Clone)]
pub struct StampsDesign {
    /// How many stamps fit.
    pub slots: u8,
    /// In how many rows.
    pub rows: u8,
    /// SVG path data of the mark in a box of 100 by 100.
    pub mark: String,
    /// The mark in the last place.
    pub last_mark: String,
    /// The disc of a collected stamp.
    pub full: Color,
    /// The mark on it.
    pub full_mark: Color,
    /// The disc of an empty place.
    pub empty: Color,
    /// The mark and ring on it.
    pub empty_mark: Color,
    /// The last disc once everything is collected.
    pub reward: Color,
}

const ALIGNMENTS: &[(&str, &str)] = &[
    ("left", "PKTextAlignmentLeft"),
    ("center", "PKTextAlignmentCenter"),
    ("right", "PKTextAlignmentRight"),
    ("natural", "PKTextAlignmentNatural"),
];
const DATE_STYLES: &[(&str, &str)] = &[
    ("none", "PKDateStyleNone"),
    ("short", "PKDateStyleShort"),
    ("medium", "PKDateStyleMedium"),
    ("long", "PKDateStyleLong"),
    ("full", "PKDateStyleFull"),
];
const NUMBER_STYLES: &[(&str, &str)] = &[
    ("decimal", "PKNumberStyleDecimal"),
    ("percent", "PKNumberStylePercent"),
    ("scientific", "PKNumberStyleScientific"),
    ("spell_out", "PKNumberStyleSpellOut"),
];
const DETECTORS: &[(&str, &str)] = &[
    ("phone", "PKDataDetectorTypePhoneNumber"),
    ("link", "PKDataDetectorTypeLink"),
    ("address", "PKDataDetectorTypeAddress"),
    ("event", "PKDataDetectorTypeCalendarEvent"),
];

/// Compiles the parts of a design and notes what it can't make sense of.
pub struct Compiler<'a> {
    /// Every language of the template.
    pub languages: &'a [Language],
    /// The place of the default one.
    pub default_language: usize,
    /// Where findings go.
    pub findings: &'a mut Findings,
}

impl Compiler<'_> {
    /// Compiles the design of one kind of pass. What can't be read is noted and replaced by something empty, so that one run
    /// finds everything.
    pub fn design(&mut self, kind: PassKind, file: &DesignFile) -> Design {
        let root = kind.as_str();
        let color = |this: &mut Self, name: &str, text: &str| this.color(&format!("{root}.colors.{name}"), text);
        Design {
            kind,
            style: file.style,
            organization_name: self.text(&format!("{root}.organization_name"), &file.organization_name),
            description: self.text(&format!("{root}.description"), &file.description),
            logo_text: file.logo_text.as_ref().map(|text| self.text(&format!("{root}.logo_text"), text)),
            relevant: file
                .relevant
                .as_ref()
                .and_then(|name| self.placeholder(&format!("{root}.relevant"), name, &[ValueKind::Time])),
            colors: Colors {
                background: color(self, "background", &file.colors.background),
                foreground: color(self, "foreground", &file.colors.foreground),
                label: color(self, "label", &file.colors.label),
            },
            barcode: self.barcode(root, &file.barcode),
            fields: file.fields.iter().map(|field| self.field(root, field)).collect(),
            stamps: file.stamps.as_ref().map(|stamps| self.stamps(root, stamps)),
            apple_extra: json_members(&format!("{root}.apple.extra"), &file.apple.extra, self.findings),
            google: GoogleDesign {
                country_code: file.google.country_code.clone(),
                class_extra: json_members(&format!("{root}.google.class_extra"), &file.google.class_extra, self.findings),
                object_extra: json_members(&format!("{root}.google.object_extra"), &file.google.object_extra, self.findings),
            },
        }
    }

    fn barcode(&mut self, root: &str, file: &BarcodeFile) -> Barcode {
        Barcode {
            format: file.format,
            message: self.text(&format!("{root}.barcode.message"), &file.message),
            alt_text: file.alt_text.as_ref().map(|text| self.text(&format!("{root}.barcode.alt_text"), text)),
        }
    }

    fn field(&mut self, root: &str, file: &FieldFile) -> Field {
        let at = |part: &str| format!("{root}.fields.{}.{part}", file.key);
        let optional = |this: &mut Self, part: &str, text: &Option<String>| text.as_ref().map(|text| this.text(&at(part), text));
        let mut word = |part: &str, word: &Option<String>, table| self.word(&at(part), word.as_deref(), table);
        let mut apple_words = AppleWords {
            alignment: word("align", &file.align, ALIGNMENTS),
            date_style: word("date_style", &file.date_style, DATE_STYLES),
            time_style: word("time_style", &file.time_style, DATE_STYLES),
            number_style: word("number_style", &file.number_style, NUMBER_STYLES),
            detect: None,
        };
        apple_words.detect = file
            .detect
            .as_ref()
            .map(|names| names.iter().filter_map(|name| self.word(&at("detect"), Some(name), DETECTORS)).collect());
        let kinds = [ValueKind::Number, ValueKind::Text, ValueKind::Time];
        Field {
            key: file.key.clone(),
            label: optional(self, "label", &file.label),
            value: self.text(&at("value"), &file.value),
            otherwise: optional(self, "otherwise", &file.otherwise),
            when: file.when.as_ref().and_then(|name| self.placeholder(&at("when"), name, &kinds)),
            format: file.format,
            change_message: optional(self, "change_message", &file.change_message),
            link: optional(self, "link", &file.link),
            apple: self.slot(
                &at("apple"),
                file.apple.as_deref(),
                AppleSlot::named,
                "header, primary, secondary, auxiliary or back",
            ),
            google: self.slot(
                &at("google"),
                file.google.as_deref(),
                GoogleSlot::named,
                "points, secondary_points, account_name, account_id, row1.start, row1.middle, row1.end (to row3), text or link",
            ),
            apple_words,
            extra: json_members(&at("extra"), &file.extra, self.findings),
        }
    }

    fn stamps(&mut self, root: &str, file: &StampsFile) -> StampsDesign {
        let mut color = |name: &str, text: &str| self.color(&format!("{root}.stamps.{name}"), text);
        StampsDesign {
            slots: file.slots,
            rows: file.rows,
            mark: file.mark.clone(),
            last_mark: file.last_mark.clone(),
            full: color("full", &file.full),
            full_mark: color("full_mark", &file.full_mark),
            empty: color("empty", &file.empty),
            empty_mark: color("empty_mark", &file.empty_mark),
            reward: color("reward", &file.reward),
        }
    }

    fn text(&mut self, at: &str, raw: &str) -> Text {
        Text::resolve(raw, self.languages, self.default_language).unwrap_or_else(|what| {
            self.findings.at(at).error(what, "Correct the text, or add it to the strings file of every language.");
            Text::Literal(String::new())
        })
    }

    fn color(&mut self, at: &str, text: &str) -> Color {
        Color::parse(text).unwrap_or_else(|| {
            let what = format!("\"{text}\" is not a colour");
            self.findings
                .at(at)
                .error(what, "Write it as # and six hexadecimal digits, such as \"#3b2217\"; wallets ignore names.");
            Color::default()
        })
    }

    fn placeholder(&mut self, at: &str, name: &str, kinds: &[ValueKind]) -> Option<Placeholder> {
        let found = Placeholder::named(name).filter(|placeholder| kinds.contains(&placeholder.kind()));
        if found.is_none() {
            let usable = Placeholder::ALL.iter().filter(|known| kinds.contains(&known.kind())).map(|known| known.name());
            let advice = format!("Use one of {}, without braces.", usable.collect::<Vec<_>>().join(", "));
            self.findings.at(at).error(format!("\"{name}\" is not a placeholder that can stand here"), advice);
        }
        found
    }

    fn word(&mut self, at: &str, word: Option<&str>, table: &[(&str, &'static str)]) -> Option<&'static str> {
        let word = word?;
        let found = table.iter().find(|(name, _)| *name == word).map(|(_, apple)| *apple);
        if found.is_none() {
            let names: Vec<_> = table.iter().map(|(name, _)| *name).collect();
            self.findings.at(at).error(format!("\"{word}\" is not known"), format!("Use one of {}.", names.join(", ")));
        }
        found
    }

    fn slot<T>(&mut self, at: &str, name: Option<&str>, named: fn(&str) -> Option<T>, known: &str) -> Option<T> {
        let name = name?;
        let slot = named(name);
        if slot.is_none() {
            self.findings.at(at).error(format!("\"{name}\" is not a place"), format!("Use {known}."));
        }
        slot
    }
}
