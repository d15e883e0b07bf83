//! A gift card programme and its cards.

use serde::{Deserialize, Serialize};

use crate::google::model::points::Money;
use crate::google::model::shared::{
    BARCODE, Branding, ClassShared, HolderShared, IMAGE, INTERVAL, LAYOUT, LINK, LOCALIZED, ObjectShared, id_text,
};
use crate::google::model::text::{DateTime, Image, LocalizedString};
use crate::google::model::{Managed, Resource};
use crate::google::resource::{ResourceId, ResourceKind};

/// A gift card programme.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GiftCardClass {
    /// Its id, for ever.
    #[serde(with = "id_text")]
    pub id: ResourceId,
    /// Who issues it.
    #[serde(flatten)]
    pub branding: Branding,
    /// Where it is good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merchant_name: Option<String>,
    /// That in several languages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub localized_merchant_name: Option<LocalizedString>,
    /// The round logo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program_logo: Option<Image>,
    /// A wide logo instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wide_program_logo: Option<Image>,
    /// What stands above the card's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card_number_label: Option<String>,
    /// That in several languages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub localized_card_number_label: Option<LocalizedString>,
    /// What stands above the PIN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pin_label: Option<String>,
    /// That in several languages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub localized_pin_label: Option<LocalizedString>,
    /// What stands above the event's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_number_label: Option<String>,
    /// That in several languages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub localized_event_number_label: Option<LocalizedString>,
    /// Whether the code is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_barcode_redemption: Option<bool>,
    /// What any class has.
    #[serde(flatten)]
    pub shared: ClassShared,
}

impl Resource for GiftCardClass {
    const KIND: ResourceKind = ResourceKind::GiftCardClass;

    fn id(&self) -> &ResourceId {
        &self.id
    }

    fn managed() -> &'static [Managed] {
        const ALL: &[Managed] = &[
            Managed::whole("issuerName"),
            Managed::object("localizedIssuerName", LOCALIZED),
            Managed::whole("merchantName"),
            Managed::object("localizedMerchantName", LOCALIZED),
            Managed::object("programLogo", IMAGE),
            Managed::object("heroImage", IMAGE),
            Managed::whole("hexBackgroundColor"),
            Managed::whole("countryCode"),
            Managed::object("homepageUri", LINK),
            Managed::whole("textModulesData"),
            Managed::whole("callbackOptions"),
            Managed::object("classTemplateInfo", LAYOUT),
            Managed::whole("multipleDevicesAndHoldersAllowedStatus"),
        ];
        ALL
    }
}

/// A gift card.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GiftCardObject {
    /// What any object has.
    #[serde(flatten)]
    pub shared: ObjectShared,
    /// Its state.
    #[serde(flatten)]
    pub holder: HolderShared,
    /// The card's number.
    pub card_number: String,
    /// Its PIN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pin: Option<String>,
    /// What is left on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balance: Option<Money>,
    /// As of when; with an offset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balance_update_time: Option<DateTime>,
    /// A second number that some terminals want.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_number: Option<String>,
}

impl Resource for GiftCardObject {
    const KIND: ResourceKind = ResourceKind::GiftCardObject;

    fn id(&self) -> &ResourceId {
        &self.shared.id
    }

    fn managed() -> &'static [Managed] {
        const ALL: &[Managed] = &[
            Managed::whole("state"),
            Managed::whole("cardNumber"),
            Managed::whole("pin"),
            Managed::whole("balance"),
            Managed::whole("balanceUpdateTime"),
            Managed::object("barcode", BARCODE),
            Managed::whole("textModulesData"),
            Managed::whole("linksModuleData"),
            Managed::object("validTimeInterval", INTERVAL),
        ];
        ALL
    }
}
