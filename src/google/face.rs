//! From a template's texts to Google's: plain, and in every language where the template knows them all.

use serde_json::{Map, Value};

use crate::google::model::layout::{CardRow, CardTemplateOverride, TemplateItem};
use crate::google::model::shared::Branding;
use crate::google::model::{Barcode, BarcodeType, ClassTemplateInfo, LinksModuleData, LocalizedString, TextModuleData, Uri};
use crate::passes::card_file::{BarcodeFormat, Format};
use crate::passes::design::{Design, Field, GoogleSlot};
use crate::passes::extra::Extra;
use crate::passes::google_layout::GoogleLayout;
use crate::passes::language::Language;
use crate::passes::render::{Rendering, Shown, ShownField};
use crate::passes::text::{Phrase, Text, Words};
use crate::passes::{PassKind, Template};
use crate::programme::Localised;

/// A text as it stands in a resource: the plain one, and its twin in several languages.
pub(super) struct Said {
    pub(super) plain: String,
    pub(super) localized: Option<LocalizedString>,
}

impl Said {
    /// A text in one language only.
    const fn own(plain: String) -> Self {
        Self { plain, localized: None }
    }

    /// A text by language.
    fn by_language(texts: LocalizedString) -> Self {
        Self { plain: texts.default_value.value.clone(), localized: Some(texts) }
    }
}

/// A name of a document; the plain text is the one in the template's default language. None if there is no name at all.
pub(super) fn name(names: &Localised, template: &Template) -> Option<Said> {
    LocalizedString::of(names, &template.default_language().code).map(Said::by_language)
}

/// A text that each language writes in its own way.
fn each_language(template: &Template, write: impl Fn(&mut String, &Language)) -> Said {
    let texts = template.languages().iter().map(|language| {
        let mut text = String::new();
        write(&mut text, language);
        (language.code.clone(), text)
    });
    let texts: Localised = texts.collect();
    LocalizedString::of(&texts, &template.default_language().code).map_or_else(|| Said::own(String::new()), Said::by_language)
}

fn phrase(phrase: &Phrase, template: &Template) -> Said {
    let codes = template.languages().iter().map(|language| language.code.clone());
    let texts: Localised = codes.zip(phrase.by_language.iter().cloned()).collect();
    LocalizedString::of(&texts, &template.default_language().code)
        .map_or_else(|| Said::own(phrase.key.clone()), Said::by_language)
}

fn words(said: &Words<'_>, template: &Template) -> Said {
    match said {
        Words::Phrase(text) => phrase(text, template),
        Words::Own(text) => Said::own(text.clone().into_owned()),
    }
}

/// A text of the template that is the same on every pass; none if it is written anew on each.
pub(super) fn fixed(text: &Text, template: &Template) -> Option<Said> {
    match text {
        Text::Literal(text) => Some(Said::own(text.clone())),
        Text::Phrase(text) => Some(phrase(text, template)),
        Text::Message(_) => None,
    }
}

/// What a field's value reads as.
pub(super) fn value(shown: &ShownField<'_>, rendering: &Rendering<'_>, template: &Template) -> Said {
    match &shown.value {
        Shown::Number(number) => each_language(template, |out, language| language.write_number(out, *number)),
        Shown::Time(time) => {
            let local = time.to_utc().with_timezone(&rendering.time_zone());
            each_language(template, |out, language| match shown.field.format {
                Format::DateTime => language.write_date_and_time(out, &local),
                _ => language.write_date(out, &local),
            })
        }
        Shown::Words(said) => words(said, template),
    }
}

/// A field's label.
pub(super) fn label(shown: &ShownField<'_>, template: &Template) -> Option<Said> {
    shown.label.as_ref().map(|label| words(label, template)).filter(|label| !label.plain.is_empty())
}

/// The text modules of one pass.
pub(super) fn pass_texts(rendering: &Rendering<'_>, template: &Template) -> Vec<TextModuleData> {
    let layout = GoogleLayout::of(rendering.design);
    let stands = |shown: &ShownField<'_>| layout.pass_texts.iter().any(|field| field.key == shown.field.key);
    let shown = rendering.fields().filter(stands);
    shown.map(|shown| module(&shown.field.key, label(&shown, template), value(&shown, rendering, template))).collect()
}

/// The text modules that are the same on every pass of a kind.
pub(super) fn class_texts(design: &Design, template: &Template) -> Vec<TextModuleData> {
    let layout = GoogleLayout::of(design);
    let texts = layout.class_texts.iter().filter_map(|field| {
        let label = field.label.as_ref().and_then(|label| fixed(label, template));
        let value = fixed(&field.value, template).filter(|value| !value.plain.is_empty())?;
        Some(module(&field.key, label, value))
    });
    texts.collect()
}

fn module(key: &str, label: Option<Said>, value: Said) -> TextModuleData {
    let (header, localized_header) = label.map_or((None, None), |label| (Some(label.plain), label.localized));
    TextModuleData {
        id: Some(key.to_owned()),
        header,
        body: Some(value.plain),
        localized_header,
        localized_body: value.localized,
    }
}

/// The links of one pass; none if there is none.
pub(super) fn links(rendering: &Rendering<'_>, template: &Template) -> Option<LinksModuleData> {
    let shown = rendering.fields().filter(|shown| shown.field.google == Some(GoogleSlot::Link));
    let uris: Vec<_> = shown
        .filter_map(|shown| {
            let uri = shown.link.as_deref()?.to_owned();
            let said = value(&shown, rendering, template);
            Some(Uri {
                id: Some(shown.field.key.clone()),
                uri: Some(uri),
                description: Some(said.plain),
                localized_description: said.localized,
            })
        })
        .collect();
    (!uris.is_empty()).then_some(LinksModuleData { uris })
}

/// The layout of the front.
pub(super) fn rows(design: &Design) -> Option<ClassTemplateInfo> {
    let layout = GoogleLayout::of(design);
    let rows = layout.rows.iter().filter_map(|fields| CardRow::of(fields.iter().map(|field| item(field)).collect()));
    let card_row_template_infos: Vec<_> = rows.collect();
    let front = CardTemplateOverride { card_row_template_infos };
    (!front.card_row_template_infos.is_empty())
        .then(|| ClassTemplateInfo { card_template_override: Some(front), ..ClassTemplateInfo::default() })
}

fn item(field: &Field) -> TemplateItem {
    TemplateItem::at(match field.google {
        Some(GoogleSlot::Points) => "object.loyaltyPoints.balance".to_owned(),
        Some(GoogleSlot::SecondaryPoints) => "object.secondaryLoyaltyPoints.balance".to_owned(),
        Some(GoogleSlot::AccountName) => "object.accountName".to_owned(),
        _ => format!("object.textModulesData['{}']", field.key),
    })
}

/// A fixed code with a text, as the template draws codes.
pub(super) fn barcode(rendering: &Rendering<'_>, value: String) -> Barcode {
    // A text outside of Latin needs to be said so, and only a QR code can hold it.
    let kind = symbology(rendering.design.barcode.format);
    let render_encoding =
        (kind == BarcodeType::QrCode && !value.is_ascii()).then_some(crate::google::model::barcode::RenderEncoding::Utf8);
    Barcode { kind, value: Some(value), alternate_text: alternate_text(rendering), render_encoding, show_code_text: None }
}

/// What stands below a code.
pub(super) fn alternate_text(rendering: &Rendering<'_>) -> Option<String> {
    let text = rendering.design.barcode.alt_text.as_ref()?;
    rendering.member_text(text).map(std::borrow::Cow::into_owned)
}

/// The symbology of a template.
pub(super) const fn symbology(format: BarcodeFormat) -> BarcodeType {
    match format {
        BarcodeFormat::Qr => BarcodeType::QrCode,
        BarcodeFormat::Pdf417 => BarcodeType::Pdf417,
        BarcodeFormat::Aztec => BarcodeType::Aztec,
        BarcodeFormat::Code128 => BarcodeType::Code128,
    }
}

/// Who issues passes, in the colours of a design.
pub(super) fn branding(organisation: &Localised, template: &Template, kind: PassKind) -> Branding {
    let design = template.design(kind);
    let issuer = name(organisation, template).unwrap_or_else(|| Said::own(String::new()));
    // A voucher without a country of its own is of the card's.
    let card = template.design(PassKind::Card);
    Branding {
        hex_background_color: Some(design.colors.background.hex()),
        country_code: design.google.country_code.clone().or_else(|| card.google.country_code.clone()),
        ..Branding::of(issuer.plain, issuer.localized)
    }
}

/// The home page as a link.
pub(super) fn homepage(address: &str, said: &Said) -> Uri {
    Uri {
        id: Some("homepage".to_owned()),
        uri: Some(address.to_owned()),
        description: Some(said.plain.clone()),
        localized_description: said.localized.clone(),
    }
}

/// Members that a template passes through.
pub(super) fn extra(members: &Extra) -> Map<String, Value> {
    // They were written as JSON when the template was loaded, and what we write ourselves was refused then.
    members.iter().filter_map(|(name, json)| Some((name.clone(), serde_json::from_str(json).ok()?))).collect()
}
