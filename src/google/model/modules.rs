//! What stands in the details: texts, links, pictures, messages, places, buttons.

use serde::{Deserialize, Serialize};

use crate::google::model::names::names;
use crate::google::model::text::{Image, LocalizedString, TimeInterval};

/// A text with a heading.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TextModuleData {
    /// Letters, digits, `_` and `-`: a dot would cut a template's path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The heading.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// The text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The heading in several languages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub localized_header: Option<LocalizedString>,
    /// The text in several languages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub localized_body: Option<LocalizedString>,
}

/// A link.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Uri {
    /// Its identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The address: http, https, tel, mailto or geo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// What it says instead of the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// That in several languages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub localized_description: Option<LocalizedString>,
}

/// Links.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LinksModuleData {
    /// The links.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub uris: Vec<Uri>,
}

/// A picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageModuleData {
    /// Its identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The picture.
    pub main_image: Image,
}

names! {
    /// Whether a message makes the phone ring.
    MessageType {
        /// It does not.
        Text = "TEXT" | "text",
        /// It does; three a day.
        TextAndNotify = "TEXT_AND_NOTIFY" | "textAndNotify",
        /// Made by Google.
        ExpirationNotification = "EXPIRATION_NOTIFICATION" | "expirationNotification",
    }
}

/// A message on the pass.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Message {
    /// Its identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The heading.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// The text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The heading in several languages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub localized_header: Option<LocalizedString>,
    /// The text in several languages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub localized_body: Option<LocalizedString>,
    /// When it is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_interval: Option<TimeInterval>,
    /// Whether the phone rings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_type: Option<MessageType>,
}

/// A shop near which the phone shows the pass.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MerchantLocation {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
}

/// The button on the front.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AppLinkData {
    /// What stands on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_text: Option<LocalizedString>,
    /// The Android app.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub android_app_link_info: Option<AppLinkInfo>,
    /// The web page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub web_app_link_info: Option<AppLinkInfo>,
}

/// Where a button leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppLinkInfo {
    /// The target.
    pub app_target: AppTarget,
}

/// An app or an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AppTarget {
    /// An Android app.
    PackageName(String),
    /// An address.
    TargetUri(Uri),
}

/// A box with a picture, a text and an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ValueAddedModuleData {
    /// The heading.
    pub header: LocalizedString,
    /// The text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<LocalizedString>,
    /// A square picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
    /// Where it leads.
    pub uri: String,
    /// Its place: lower numbers first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort_index: Option<i32>,
    /// When it is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view_constraints: Option<ViewConstraints>,
}

/// When something is shown.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ViewConstraints {
    /// From when to when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_interval: Option<TimeInterval>,
}
