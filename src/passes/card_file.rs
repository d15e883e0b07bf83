//! `card.toml` as it is written: plain data for serde. What it means is in `design`, what is allowed is in `check`.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The newest format of `card.toml` that this version reads.
pub const FORMAT: u32 = 1;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardFile {
    /// The format's version: [`FORMAT`].
    pub format: u32,
    /// The language of a member or phone whose own language is not among `languages`.
    pub default_language: String,
    /// Every language; each has a strings file.
    pub languages: Vec<String>,
    /// The card.
    pub card: DesignFile,
    /// The pass of an issued reward.
    pub voucher: DesignFile,
}

/// How one kind of pass looks.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DesignFile {
    /// Apple's pass style.
    pub style: Style,
    /// Who issues it; shown on the lock screen.
    pub organization_name: String,
    /// What it is, for people who listen to the screen.
    pub description: String,
    /// The text beside the logo.
    pub logo_text: Option<String>,
    /// A time placeholder at which the pass is worth showing on the lock screen.
    pub relevant: Option<String>,
    /// The colours.
    pub colors: ColorsFile,
    /// The code.
    pub barcode: BarcodeFile,
    /// The fields, in the order in which they stand.
    pub fields: Vec<FieldFile>,
    /// The strip picture drawn per number of stamps.
    pub stamps: Option<StampsFile>,
    /// What only Apple Wallet needs.
    #[serde(default)]
    pub apple: AppleFile,
    /// What only Google Wallet needs.
    #[serde(default)]
    pub google: GoogleFile,
}

/// Apple's pass styles that a loyalty programme can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Style {
    /// A store card.
    #[serde(rename = "storeCard")]
    StoreCard,
    /// A coupon.
    #[serde(rename = "coupon")]
    Coupon,
    /// A generic pass.
    #[serde(rename = "generic")]
    Generic,
    /// An event ticket.
    #[serde(rename = "eventTicket")]
    EventTicket,
}

/// Three colours as `#rrggbb`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColorsFile {
    /// Behind everything.
    pub background: String,
    /// The values.
    pub foreground: String,
    /// The labels.
    pub label: String,
}

/// The code.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BarcodeFile {
    /// The symbology.
    pub format: BarcodeFormat,
    /// What it says; usually `{{ code }}`.
    pub message: String,
    /// What stands below it.
    pub alt_text: Option<String>,
}

/// The symbologies that both wallets draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BarcodeFormat {
    /// QR code.
    Qr,
    /// PDF417.
    Pdf417,
    /// Aztec.
    Aztec,
    /// Code 128.
    Code128,
}

/// One field.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldFile {
    /// Its identity: unique in the pass and the same for ever, since the wallet compares values by it.
    pub key: String,
    /// What stands above the value.
    pub label: Option<String>,
    /// The value.
    pub value: String,
    /// The value when a placeholder of `value` has none; without it the field is left out.
    pub otherwise: Option<String>,
    /// A placeholder; the field is left out while it is absent or zero.
    pub when: Option<String>,
    /// What kind of value it is.
    #[serde(default)]
    pub format: Format,
    /// The notice on the lock screen when the value changes; `%@` is the new value.
    pub change_message: Option<String>,
    /// An address that the value leads to; on the back only.
    pub link: Option<String>,
    /// Where it stands on an Apple pass: header, primary, secondary, auxiliary, back.
    pub apple: Option<String>,
    /// Where it stands on a Google pass: points, `secondary_points`, `account_name`, `account_id`, `row1.start`, text, …
    pub google: Option<String>,
    /// left, center, right or natural.
    pub align: Option<String>,
    /// none, short, medium, long or full; with the formats date and datetime.
    pub date_style: Option<String>,
    /// As `date_style`.
    pub time_style: Option<String>,
    /// decimal, percent, scientific or `spell_out`; with the format number.
    pub number_style: Option<String>,
    /// What in the value of a back field becomes a link by itself: phone, link, address, event.
    pub detect: Option<Vec<String>>,
    /// Further keys of pass.json's field, as they are.
    #[serde(default)]
    pub extra: BTreeMap<String, toml::Value>,
}

/// What kind of value a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Text.
    #[default]
    Text,
    /// A number that the phone writes in its own digits.
    Number,
    /// A date that the phone writes in its own way.
    Date,
    /// A date with a time of day.
    DateTime,
}

/// How a strip of stamps is drawn.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StampsFile {
    /// How many stamps fit on the strip.
    pub slots: u8,
    /// How many rows they stand in.
    pub rows: u8,
    /// The mark in a stamp: SVG path data in a box of 100 by 100.
    pub mark: String,
    /// The mark in the last place.
    pub last_mark: String,
    /// The disc of a collected stamp.
    pub full: String,
    /// The mark on it.
    pub full_mark: String,
    /// The disc of a place that is still empty.
    pub empty: String,
    /// The mark and the ring on it.
    pub empty_mark: String,
    /// The last disc once everything is collected.
    pub reward: String,
}

/// What only Apple Wallet needs.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppleFile {
    /// Further top-level keys of pass.json, as they are: whatever Apple adds can be used without a new version of Walaa.
    #[serde(default)]
    pub extra: BTreeMap<String, toml::Value>,
}

/// What only Google Wallet needs.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoogleFile {
    /// ISO 3166-1 alpha-2.
    pub country_code: Option<String>,
    /// Further keys of the class, as they are.
    #[serde(default)]
    pub class_extra: BTreeMap<String, toml::Value>,
    /// Further keys of the object, as they are.
    #[serde(default)]
    pub object_extra: BTreeMap<String, toml::Value>,
}
