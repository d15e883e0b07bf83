//! What a design may not do, because a wallet would refuse the pass or drop part of it without a word.

use std::collections::HashSet;

use crate::passes::card_file::{Format, Style};
use crate::passes::design::{AppleSlot, Design, Field, GoogleSlot};
use crate::passes::google_check::check_google_places;
use crate::passes::placeholder::{Placeholder, ValueKind};
use crate::passes::problem::Findings;
use crate::passes::raster::Path;
use crate::passes::text::Text;
use crate::passes::view::PassKind;

/// How many fields of a place Apple Wallet draws; the surplus is dropped without a word. Secondary and auxiliary share a limit
/// on the styles with a strip, and on a generic pass with a square code.
const MAX_HEADER: usize = 3;
const MAX_PRIMARY: usize = 1;
const MAX_SECONDARY_AND_AUXILIARY: usize = 4;

/// Contrast that text needs: WCAG AA, and AA for large text.
const READABLE: f64 = 4.5;
const READABLE_LARGE: f64 = 3.0;

/// The most places that Apple Wallet watches for one pass.
const MAX_LOCATIONS: usize = 10;

/// How many stamps and rows can still be told apart on a strip.
const STAMP_SLOTS: std::ops::RangeInclusive<u8> = 2..=20;
const STAMP_ROWS: std::ops::RangeInclusive<u8> = 1..=3;

/// Top-level keys of pass.json that Walaa writes itself.
const OWN_KEYS: &[&str] = &[
    "authenticationToken",
    "backgroundColor",
    "barcode",
    "barcodes",
    "boardingPass",
    "coupon",
    "description",
    "eventTicket",
    "expirationDate",
    "foregroundColor",
    "formatVersion",
    "generic",
    "labelColor",
    "logoText",
    "organizationName",
    "passTypeIdentifier",
    "relevantDates",
    "serialNumber",
    "storeCard",
    "teamIdentifier",
    "voided",
    "webServiceURL",
];

/// Keys of a field that Walaa writes itself.
const OWN_FIELD_KEYS: &[&str] = &[
    "attributedValue",
    "changeMessage",
    "dataDetectorTypes",
    "dateStyle",
    "ignoresTimeZone",
    "key",
    "label",
    "numberStyle",
    "textAlignment",
    "timeStyle",
    "value",
];

/// Notes everything that is wrong with a design.
pub fn check_design(design: &Design, findings: &mut Findings) {
    let root = design.kind.as_str();
    for (name, text) in [("organization_name", &design.organization_name), ("description", &design.description)] {
        check_text(&format!("{root}.{name}"), text, design.kind, findings);
        if text.fixed_texts().iter().any(|text| text.is_empty()) {
            findings.at(format!("{root}.{name}")).error("is empty", "Write a text: Apple Wallet refuses a pass without it.");
        }
    }
    if let Some(text) = &design.logo_text {
        check_text(&format!("{root}.logo_text"), text, design.kind, findings);
    }
    check_colors(design, findings);
    check_barcode(design, findings);
    check_counts(design, findings);
    check_google_places(design, findings);
    check_extra(design, findings);
    check_stamps(design, findings);
    let mut keys = HashSet::new();
    for field in &design.fields {
        let at = format!("{root}.fields.{}", field.key);
        if !keys.insert(field.key.as_str()) {
            findings
                .at(&at)
                .error("two fields have this key", "Give each field its own key: the wallet tells fields apart by it.");
        }
        check_field(&at, field, design.kind, findings);
    }
}

fn check_colors(design: &Design, findings: &mut Findings) {
    let colors = design.colors;
    for (name, color, least) in [("foreground", colors.foreground, READABLE), ("label", colors.label, READABLE_LARGE)] {
        let contrast = color.contrast(colors.background);
        if contrast < least {
            findings.at(format!("{}.colors.{name}", design.kind.as_str())).warning(
                format!("has a contrast of only {contrast:.1} with the background"),
                format!("Choose a lighter or darker colour: {least} is what people need to read it."),
            );
        }
    }
}

fn check_barcode(design: &Design, findings: &mut Findings) {
    let at = format!("{}.barcode", design.kind.as_str());
    if !design.barcode.message.placeholders().contains(&Placeholder::Code) {
        findings
            .at(format!("{at}.message"))
            .error("does not hold {{ code }}", "Without it every pass shows the same code; write message = \"{{ code }}\".");
    }
    match &design.barcode.alt_text {
        Some(text) => check_text(&format!("{at}.alt_text"), text, design.kind, findings),
        None => findings
            .at(at)
            .warning("has no alt_text", "Staff need something to type when a scanner fails: alt_text = \"{{ member_number }}\"."),
    }
}

fn check_counts(design: &Design, findings: &mut Findings) {
    let count = |slot| design.fields.iter().filter(|field| field.apple == Some(slot)).count();
    let below = count(AppleSlot::Secondary) + count(AppleSlot::Auxiliary);
    let limits = [
        ("header", count(AppleSlot::Header), MAX_HEADER),
        ("primary", count(AppleSlot::Primary), MAX_PRIMARY),
        ("secondary and auxiliary together", below, below_limit(design.style)),
    ];
    for (place, found, most) in limits {
        if found > most {
            findings.at(format!("{}.fields", design.kind.as_str())).error(
                format!("{found} fields stand in {place}; Apple Wallet draws {most} and drops the rest without a word"),
                "Move the surplus to the back or leave it out.",
            );
        }
    }
    let notices = design.fields.iter().filter(|field| field.change_message.is_some()).count();
    if notices > 1 {
        findings.at(format!("{}.fields", design.kind.as_str())).warning(
            format!("{notices} fields have a change_message"),
            "When two of them change at once the phone only says that the pass changed; keep one.",
        );
    }
}

const fn below_limit(style: Style) -> usize {
    match style {
        Style::StoreCard | Style::Coupon | Style::Generic => MAX_SECONDARY_AND_AUXILIARY,
        Style::EventTicket => 2 * MAX_SECONDARY_AND_AUXILIARY,
    }
}

fn check_field(at: &str, field: &Field, kind: PassKind, findings: &mut Findings) {
    let plain_key = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if field.key.is_empty() || field.key.len() > 64 || !field.key.bytes().all(plain_key) {
        findings.at(at).error("the key is not 1 to 64 letters, digits, - or _", "Rename it; Google allows nothing else.");
    }
    for text in [Some(&field.value), field.label.as_ref(), field.otherwise.as_ref(), field.link.as_ref()].into_iter().flatten() {
        check_text(at, text, kind, findings);
    }
    check_format(at, field, findings);
    if field.apple.is_none() && field.google.is_none() {
        findings.at(at).error("stands in no wallet", "Say where: apple = \"…\", google = \"…\", or both; or remove the field.");
    }
    let back = field.apple == Some(AppleSlot::Back);
    if field.apple_words.alignment.is_some() && (back || field.apple == Some(AppleSlot::Primary)) {
        findings.at(at).error("align can't be used on primary and back fields", "Remove align.");
    }
    if field.apple_words.detect.is_some() && !back {
        findings.at(at).error("detect can be used on back fields only", "Remove detect, or move the field to the back.");
    }
    if field.link.is_some() && field.apple.is_some() && !back {
        findings.at(at).error("only back fields can be links on an Apple pass", "Move the field to the back, or remove link.");
    }
    if field.google == Some(GoogleSlot::Link) && field.link.is_none() {
        findings.at(at).error("stands among the links but has no link", "Add link = \"…\".");
    }
    if let Some(message) = &field.change_message {
        check_change_message(at, message, findings);
    }
    for (name, _) in &field.extra {
        if OWN_FIELD_KEYS.contains(&name.as_str()) {
            findings.at(format!("{at}.extra.{name}")).error("is a key that Walaa writes itself", "Use the field's own setting.");
        }
    }
}

fn check_change_message(at: &str, message: &Text, findings: &mut Findings) {
    let texts = message.fixed_texts();
    if texts.is_empty() {
        findings
            .at(at)
            .error("change_message has placeholders", "Use %@ for the new value: the phone fills it in, in its own digits.");
    } else if texts.iter().any(|text| !text.contains("%@")) {
        findings
            .at(at)
            .error("change_message lacks %@", "Put %@ where the new value goes, in every language; else no notice is shown.");
    }
}

fn check_format(at: &str, field: &Field, findings: &mut Findings) {
    let words = &field.apple_words;
    let sole = field.value.sole_placeholder().map(Placeholder::kind);
    let wanted = match field.format {
        Format::Text => None,
        Format::Number => Some(ValueKind::Number),
        Format::Date | Format::DateTime => Some(ValueKind::Time),
    };
    if wanted.is_some() && sole != wanted {
        let advice = "Write exactly one placeholder of that kind without a filter, or leave format out; a wallet drops a number or date that is text.";
        findings.at(at).error("the value does not fit its format", advice);
    }
    if wanted != Some(ValueKind::Time) && (words.date_style.is_some() || words.time_style.is_some()) {
        findings.at(at).error("date_style and time_style need format date or datetime", "Set the format or remove the style.");
    }
    if wanted != Some(ValueKind::Number) && words.number_style.is_some() {
        findings.at(at).error("number_style needs format number", "Set the format or remove the style.");
    }
}

/// Notes placeholders that have no place in a text of this kind of pass.
fn check_text(at: &str, text: &Text, kind: PassKind, findings: &mut Findings) {
    let placeholders: HashSet<_> = text.placeholders().into_iter().collect();
    for placeholder in placeholders {
        let name = placeholder.name();
        match placeholder {
            Placeholder::Code => findings.at(at).error(
                "shows {{ code }} as text",
                "The code is a secret that spends points: only barcode.message may hold it. Use {{ member_number }} here.",
            ),
            Placeholder::RewardName | Placeholder::RewardPoints => findings
                .at(at)
                .error(format!("{{{{ {name} }}}} has a value only in the text reward_line"), "Use {{ rewards }} for the list."),
            Placeholder::VoucherReward | Placeholder::VoucherPoints | Placeholder::VoucherExpires if kind == PassKind::Card => {
                findings
                    .at(at)
                    .error(format!("{{{{ {name} }}}} never has a value on a card"), "Use it in the voucher section only.");
            }
            _ => {}
        }
    }
}

fn check_extra(design: &Design, findings: &mut Findings) {
    let at = format!("{}.apple.extra", design.kind.as_str());
    for (name, value) in &design.apple_extra {
        if OWN_KEYS.contains(&name.as_str()) {
            findings
                .at(format!("{at}.{name}"))
                .error("is a key that Walaa writes itself", "Use the template's own setting for it.");
        }
        let value: serde_json::Value = serde_json::from_str(value).unwrap_or_default();
        if name == "maxDistance" && !value.is_number() {
            findings
                .at(format!("{at}.{name}"))
                .error("is not a number; Apple Wallet drops it without a word", "Remove the quotes.");
        }
        if name == "locations" {
            let places = value.as_array().map_or(&[][..], Vec::as_slice);
            let located = |place: &serde_json::Value| place["latitude"].is_number() && place["longitude"].is_number();
            if places.is_empty() || places.len() > MAX_LOCATIONS || !places.iter().all(located) {
                let advice = format!("Write 1 to {MAX_LOCATIONS} tables with latitude and longitude as numbers.");
                findings.at(format!("{at}.{name}")).error("is not a list of places that Apple Wallet accepts", advice);
            }
        }
    }
}

fn check_stamps(design: &Design, findings: &mut Findings) {
    let Some(stamps) = &design.stamps else { return };
    let at = format!("{}.stamps", design.kind.as_str());
    if !STAMP_SLOTS.contains(&stamps.slots) || !STAMP_ROWS.contains(&stamps.rows) || stamps.slots < stamps.rows {
        let advice = format!("Use {STAMP_SLOTS:?} slots in {STAMP_ROWS:?} rows.");
        findings.at(&at).error(format!("{} stamps in {} rows can't be drawn", stamps.slots, stamps.rows), advice);
    }
    for (name, path) in [("mark", &stamps.mark), ("last_mark", &stamps.last_mark)] {
        if let Err(what) = Path::parse(path) {
            findings
                .at(format!("{at}.{name}"))
                .error(what, "Write SVG path data with the commands M L H V C Q Z in a box of 100 by 100.");
        }
    }
    if design.fields.iter().any(|field| field.apple == Some(AppleSlot::Primary)) {
        findings.at(at).error("a primary field would be written over the stamps", "Move the primary field elsewhere.");
    }
}
