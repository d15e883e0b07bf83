//! What classes of every vertical have in common, and what objects have in common.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::google::model::Managed;
use crate::google::model::barcode::{Barcode, RotatingBarcode};
use crate::google::model::layout::ClassTemplateInfo;
use crate::google::model::modules::{
    AppLinkData, ImageModuleData, LinksModuleData, MerchantLocation, Message, TextModuleData, Uri, ValueAddedModuleData,
};
use crate::google::model::names::names;
use crate::google::model::pass::{
    GroupingInfo, HoldersAllowed, NotifyPreference, PassConstraints, SaveRestrictions, SecurityAnimation, ViewUnlock,
};
use crate::google::model::text::{Image, Int64, LocalizedString, TimeInterval};
use crate::google::resource::ResourceId;

names! {
    /// Whether an object is worth showing.
    State {
        /// It is.
        Active = "ACTIVE" | "active",
        /// It was used.
        Completed = "COMPLETED" | "completed",
        /// Its time is over.
        Expired = "EXPIRED" | "expired",
        /// It was withdrawn.
        Inactive = "INACTIVE" | "inactive",
    }
}

names! {
    /// How far Google's review of a class is.
    ReviewStatus {
        /// Not to be reviewed; has no objects.
        Draft = "DRAFT" | "draft",
        /// To be reviewed: what every change of a class says.
        UnderReview = "UNDER_REVIEW" | "underReview",
        /// Said by Google only.
        Approved = "APPROVED" | "approved",
        /// Said by Google only.
        Rejected = "REJECTED" | "rejected",
    }
}

/// What a class of any vertical may have.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClassShared {
    /// Where Google says that a pass was saved or deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_options: Option<CallbackOptions>,
    /// The layout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_template_info: Option<ClassTemplateInfo>,
    /// How many may hold an object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multiple_devices_and_holders_allowed_status: Option<HoldersAllowed>,
    /// Whether the phone must be unlocked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub view_unlock_requirement: Option<ViewUnlock>,
    /// Messages to all holders; ten at most.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<Message>,
    /// Texts; ten are shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub text_modules_data: Vec<TextModuleData>,
    /// Pictures; one is shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub image_modules_data: Vec<ImageModuleData>,
    /// Links.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub links_module_data: Option<LinksModuleData>,
    /// The button on the front.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_link_data: Option<AppLinkData>,
    /// Boxes; fifteen at most.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub value_added_module_data: Vec<ValueAddedModuleData>,
    /// Shops; ten at most.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub merchant_locations: Vec<MerchantLocation>,
    /// Whether NFC terminals may ask for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_smart_tap: Option<bool>,
    /// Whose NFC terminals.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub redemption_issuers: Vec<Int64>,
    /// What moves on the pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_animation: Option<SecurityAnimation>,
    /// Further members that the template gives; written, never read.
    #[serde(flatten, skip_deserializing)]
    pub extra: Map<String, Value>,
}

/// Where Google says that a pass was saved or deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallbackOptions {
    /// An https address that `robots.txt` leaves open to Googlebot.
    pub url: String,
}

/// What the classes of loyalty cards, offers and gift cards say about who issues them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Branding {
    /// Who issues it.
    pub issuer_name: String,
    /// Who, in several languages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub localized_issuer_name: Option<LocalizedString>,
    /// How far the review is.
    pub review_status: ReviewStatus,
    /// The banner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hero_image: Option<Image>,
    /// The ground, as `#rrggbb`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hex_background_color: Option<String>,
    /// ISO 3166-1 alpha-2; also the country whose language is used where no other fits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country_code: Option<String>,
    /// The home page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub homepage_uri: Option<Uri>,
    /// Whether this update makes phones ring.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notify_preference: Option<NotifyPreference>,
}

impl Branding {
    /// As somebody who wants it reviewed.
    #[must_use]
    pub const fn of(issuer_name: String, localized_issuer_name: Option<LocalizedString>) -> Self {
        Self {
            issuer_name,
            localized_issuer_name,
            review_status: ReviewStatus::UnderReview,
            hero_image: None,
            hex_background_color: None,
            country_code: None,
            homepage_uri: None,
            notify_preference: None,
        }
    }
}

/// What an object of any vertical may have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectShared {
    /// Its id, for ever.
    #[serde(with = "id_text")]
    pub id: ResourceId,
    /// Its class.
    #[serde(with = "id_text")]
    pub class_id: ResourceId,
    /// The fixed code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub barcode: Option<Barcode>,
    /// The code that the phone renews.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotating_barcode: Option<RotatingBarcode>,
    /// What NFC terminals get.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smart_tap_redemption_value: Option<String>,
    /// The banner; wins over the class's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hero_image: Option<Image>,
    /// Messages to the holder; ten at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<Message>,
    /// Texts; ten are shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub text_modules_data: Vec<TextModuleData>,
    /// Pictures; one is shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub image_modules_data: Vec<ImageModuleData>,
    /// Links.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub links_module_data: Option<LinksModuleData>,
    /// The button on the front; wins over the class's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_link_data: Option<AppLinkData>,
    /// Boxes; fifteen at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub value_added_module_data: Vec<ValueAddedModuleData>,
    /// Shops; ten at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub merchant_locations: Vec<MerchantLocation>,
    /// Passes that come with this one; fifty at most, and never taken away again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub linked_object_ids: Vec<String>,
    /// When it is good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_time_interval: Option<TimeInterval>,
    /// With which passes it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grouping_info: Option<GroupingInfo>,
    /// What may be done with it on the phone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pass_constraints: Option<PassConstraints>,
    /// Who may save it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub save_restrictions: Option<SaveRestrictions>,
    /// Whether anybody has saved it; said by Google only.
    #[serde(default, skip_serializing)]
    pub has_users: Option<bool>,
    /// Further members that the template gives; written, never read.
    #[serde(flatten, skip_deserializing)]
    pub extra: Map<String, Value>,
}

impl ObjectShared {
    /// An object with nothing on it yet.
    #[must_use]
    pub fn of(id: ResourceId, class_id: ResourceId) -> Self {
        Self {
            id,
            class_id,
            barcode: None,
            rotating_barcode: None,
            smart_tap_redemption_value: None,
            hero_image: None,
            messages: Vec::new(),
            text_modules_data: Vec::new(),
            image_modules_data: Vec::new(),
            links_module_data: None,
            app_link_data: None,
            value_added_module_data: Vec::new(),
            merchant_locations: Vec::new(),
            linked_object_ids: Vec::new(),
            valid_time_interval: None,
            grouping_info: None,
            pass_constraints: None,
            save_restrictions: None,
            has_users: None,
            extra: Map::new(),
        }
    }
}

/// What the objects of loyalty cards, offers and gift cards have beside that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HolderShared {
    /// Whether it is worth showing.
    pub state: State,
    /// Whether this update makes the phone ring.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notify_preference: Option<NotifyPreference>,
    /// Whether Google keeps silent when it ends; for offers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_expiration_notification: Option<bool>,
    /// Whether it is on a phone right now; said by Google only.
    #[serde(default, skip_serializing)]
    pub has_linked_device: Option<bool>,
}

impl HolderShared {
    /// In a state.
    #[must_use]
    pub const fn in_state(state: State) -> Self {
        Self { state, notify_preference: None, disable_expiration_notification: None, has_linked_device: None }
    }
}

/// A text in several languages: its list goes when there is only one.
pub(super) const LOCALIZED: &[Managed] = &[Managed::whole("defaultValue"), Managed::whole("translatedValues")];

/// A picture.
pub(super) const IMAGE: &[Managed] =
    &[Managed::whole("sourceUri"), Managed::whole("privateImageId"), Managed::object("contentDescription", LOCALIZED)];

/// A balance with its label: exactly one kind of value may stand, so the others are cleared each time.
pub(super) const POINTS: &[Managed] = &[
    Managed::whole("label"),
    Managed::object("localizedLabel", LOCALIZED),
    Managed::object(
        "balance",
        &[Managed::whole("int"), Managed::whole("string"), Managed::whole("double"), Managed::whole("money")],
    ),
];

/// A fixed code.
pub(super) const BARCODE: &[Managed] = &[
    Managed::whole("type"),
    Managed::whole("value"),
    Managed::whole("alternateText"),
    Managed::whole("renderEncoding"),
    Managed::whole("showCodeText"),
];

/// A code that the phone renews.
pub(super) const ROTATING: &[Managed] = &[
    Managed::whole("type"),
    Managed::whole("valuePattern"),
    Managed::object("totpDetails", &[Managed::whole("algorithm"), Managed::whole("periodMillis"), Managed::whole("parameters")]),
    Managed::whole("alternateText"),
    Managed::whole("renderEncoding"),
    Managed::whole("showCodeText"),
];

/// A link.
pub(super) const LINK: &[Managed] = &[
    Managed::whole("id"),
    Managed::whole("uri"),
    Managed::whole("description"),
    Managed::object("localizedDescription", LOCALIZED),
];

/// From when to when.
pub(super) const INTERVAL: &[Managed] = &[Managed::whole("start"), Managed::whole("end")];

/// The layout.
pub(super) const LAYOUT: &[Managed] = &[Managed::object("cardTemplateOverride", &[Managed::whole("cardRowTemplateInfos")])];

/// Ids as text.
pub(super) mod id_text {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::google::resource::ResourceId;

    pub(in crate::google::model) fn serialize<S: Serializer>(id: &ResourceId, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(id)
    }

    pub(in crate::google::model) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ResourceId, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
