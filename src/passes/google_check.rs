//! What a design may not do because Google Wallet would drop, cut off or blank it.

use std::collections::HashSet;

use crate::passes::card_file::BarcodeFormat;
use crate::passes::design::{Design, Field, GooglePlace, GoogleSlot};
use crate::passes::extra::Extra;
use crate::passes::google_layout::{GoogleLayout, MAX_ROWS};
use crate::passes::problem::Findings;
use crate::passes::text::Text;
use crate::passes::view::PassKind;

/// Text modules that Google shows of a class, and of an object; the surplus is dropped without a word.
const MAX_TEXTS: usize = 10;

/// Letters that Google shows for certain, on a small phone.
const POINTS_LABEL: usize = 9;
const ACCOUNT_LABEL: usize = 15;
const HEADER: usize = 35;
const BODY: usize = 500;
const LINK: usize = 20;

/// Members of a class that Walaa writes itself, or that may not be written at all.
pub const OWN_CLASS_KEYS: &[&str] = &[
    "accountIdLabel",
    "accountNameLabel",
    "allowMultipleUsersPerObject",
    "callbackOptions",
    "classTemplateInfo",
    "countryCode",
    "finePrint",
    "heroImage",
    "hexBackgroundColor",
    "homepageUri",
    "id",
    "infoModuleData",
    "issuerName",
    "kind",
    "localizedAccountIdLabel",
    "localizedAccountNameLabel",
    "localizedFinePrint",
    "localizedIssuerName",
    "localizedProgramName",
    "localizedProvider",
    "localizedRewardsTier",
    "localizedRewardsTierLabel",
    "localizedTitle",
    "locations",
    "multipleDevicesAndHoldersAllowedStatus",
    "programLogo",
    "programName",
    "provider",
    "redemptionChannel",
    "review",
    "reviewStatus",
    "rewardsTier",
    "rewardsTierLabel",
    "textModulesData",
    "title",
    "titleImage",
    "version",
    "wordMark",
];

/// Members of an object that Walaa writes itself, or that may not be written at all.
pub const OWN_OBJECT_KEYS: &[&str] = &[
    "accountId",
    "accountName",
    "barcode",
    "classId",
    "classReference",
    "hasLinkedDevice",
    "hasUsers",
    "heroImage",
    "id",
    "infoModuleData",
    "kind",
    "linkedObjectIds",
    "linksModuleData",
    "locations",
    "loyaltyPoints",
    "messages",
    "notifyPreference",
    "rotatingBarcode",
    "secondaryLoyaltyPoints",
    "state",
    "textModulesData",
    "validTimeInterval",
    "version",
];

/// Notes what is wrong with the places, whether or not Google Wallet is offered.
pub fn check_google_places(design: &Design, findings: &mut Findings) {
    let at = format!("{}.fields", design.kind.as_str());
    let mut taken = HashSet::new();
    for slot in design.fields.iter().filter_map(|field| field.google) {
        if !matches!(slot, GoogleSlot::Text | GoogleSlot::Link) && !taken.insert(slot) {
            findings.at(&at).error(format!("two fields stand in Google's place {slot:?}"), "Give each its own place.");
        }
    }
    for row in 1..=3 {
        let has = |place| taken.contains(&GoogleSlot::Row(row, place));
        let (start, middle, end) = (has(GooglePlace::Start), has(GooglePlace::Middle), has(GooglePlace::End));
        if (end && !start) || (middle && !end) {
            findings
                .at(&at)
                .error(format!("Google's row {row} has a gap"), "A row holds start; or start and end; or start, middle and end.");
        }
    }
    let country = design.google.country_code.as_deref();
    if country.is_some_and(|code| code.len() != 2 || !code.bytes().all(|byte| byte.is_ascii_uppercase())) {
        findings
            .at(format!("{}.google.country_code", design.kind.as_str()))
            .error("is not two capital letters", "Write the code of ISO 3166-1, such as \"KW\".");
    }
    extra(design, "class_extra", &design.google.class_extra, OWN_CLASS_KEYS, findings);
    extra(design, "object_extra", &design.google.object_extra, OWN_OBJECT_KEYS, findings);
}

fn extra(design: &Design, table: &str, extra: &Extra, own: &[&str], findings: &mut Findings) {
    for (name, _) in extra.iter().filter(|(name, _)| own.contains(&name.as_str())) {
        findings
            .at(format!("{}.google.{table}.{name}", design.kind.as_str()))
            .error("is a key that Walaa writes itself", "Use the template's own setting for it, or leave it out.");
    }
}

/// Notes what Google Wallet would drop or cut off of a design that is offered there.
pub fn check_google(design: &Design, findings: &mut Findings) {
    let at = format!("{}.fields", design.kind.as_str());
    let layout = GoogleLayout::of(design);
    check_kind(design, findings.at(&at));
    if layout.rows.len() > MAX_ROWS {
        let lead = if design.kind == PassKind::Card { ", of which points and name take the first" } else { "" };
        findings.at(&at).error(
            format!("{} rows stand on Google's front, which has {MAX_ROWS}{lead}", layout.rows.len()),
            "Move a row's fields to google = \"text\".",
        );
    }
    for (whose, texts) in [("every pass", &layout.class_texts), ("the single pass", &layout.pass_texts)] {
        if texts.len() > MAX_TEXTS {
            let what = format!("{} texts of {whose}; Google shows {MAX_TEXTS} and drops the rest without a word", texts.len());
            findings.at(&at).error(what, "Leave some out: remove their google setting.");
        }
    }
    if !matches!(design.barcode.format, BarcodeFormat::Qr | BarcodeFormat::Pdf417) && design.kind == PassKind::Card {
        findings.at(format!("{}.barcode", design.kind.as_str())).warning(
            "Google's changing code can be a QR code or PDF417 only",
            "Choose one of them, or the changing code is a QR code in spite of it.",
        );
    }
    for field in &design.fields {
        check_lengths(&format!("{at}.{}", field.key), field, findings);
    }
}

fn check_kind(design: &Design, findings: &mut Findings) {
    let count = |wanted: &[GoogleSlot]| {
        design.fields.iter().filter(|field| field.google.is_some_and(|slot| wanted.contains(&slot))).count()
    };
    match design.kind {
        PassKind::Card if count(&[GoogleSlot::Points]) == 0 => {
            findings.error(
                "no field stands in Google's points",
                "Give one google = \"points\": it is what the front shows largest and what a notice is about.",
            );
        }
        PassKind::Voucher => {
            let card_only = [GoogleSlot::Points, GoogleSlot::SecondaryPoints, GoogleSlot::AccountName, GoogleSlot::AccountId];
            if count(&card_only) > 0 {
                let advice = "Use a row or google = \"text\" instead.";
                findings.error("Google's offers have no points and no account: the field would be dropped", advice);
            }
            if design.fields.iter().all(|field| field.google.is_none()) {
                findings.error("no field stands on a Google pass", "Give the fields a google setting; the title is the reward.");
            }
        }
        PassKind::Card => {}
    }
}

fn check_lengths(at: &str, field: &Field, findings: &mut Findings) {
    let Some(slot) = field.google else { return };
    let (label, value) = match slot {
        GoogleSlot::Points | GoogleSlot::SecondaryPoints => (POINTS_LABEL, usize::MAX),
        GoogleSlot::AccountName | GoogleSlot::AccountId => (ACCOUNT_LABEL, usize::MAX),
        GoogleSlot::Row(..) | GoogleSlot::Text => (HEADER, BODY),
        GoogleSlot::Link => (usize::MAX, LINK),
    };
    let mut check = |what: &str, text: Option<&Text>, most: usize| {
        let longest = text.map(Text::fixed_texts).unwrap_or_default().iter().map(|text| text.chars().count()).max();
        if let Some(length) = longest.filter(|length| *length > most) {
            findings
                .at(at)
                .warning(format!("the {what} has {length} letters; Google shows {most} for certain"), "Write a shorter one.");
        }
    };
    check("label", field.label.as_ref(), label);
    check("value", Some(&field.value), value);
}
