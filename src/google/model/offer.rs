//! A reward as a coupon, and the vouchers of it.

use serde::{Deserialize, Serialize};

use crate::google::model::modules::Uri;
use crate::google::model::names::names;
use crate::google::model::shared::{
    BARCODE, Branding, ClassShared, HolderShared, IMAGE, INTERVAL, LAYOUT, LINK, LOCALIZED, ObjectShared, ROTATING, id_text,
};
use crate::google::model::text::{Image, LocalizedString};
use crate::google::model::{Managed, Resource};
use crate::google::resource::{ResourceId, ResourceKind};

names! {
    /// Where an offer is taken up.
    RedemptionChannel {
        /// In a shop.
        Instore = "INSTORE" | "instore",
        /// On the web.
        Online = "ONLINE" | "online",
        /// Both.
        Both = "BOTH" | "both",
        /// A lower price for a while.
        TemporaryPriceReduction = "TEMPORARY_PRICE_REDUCTION" | "temporaryPriceReduction",
    }
}

/// A reward.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfferClass {
    /// Its id, for ever.
    #[serde(with = "id_text")]
    pub id: ResourceId,
    /// Who issues it.
    #[serde(flatten)]
    pub branding: Branding,
    /// Who gives it; twelve letters are shown for certain.
    pub provider: String,
    /// That in several languages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub localized_provider: Option<LocalizedString>,
    /// Where it is taken up.
    pub redemption_channel: RedemptionChannel,
    /// What it is.
    pub title: String,
    /// That in several languages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub localized_title: Option<LocalizedString>,
    /// What it is, in a word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub short_title: Option<String>,
    /// That in several languages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub localized_short_title: Option<LocalizedString>,
    /// The round logo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title_image: Option<Image>,
    /// A wide logo instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wide_title_image: Option<Image>,
    /// More about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
    /// That in several languages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub localized_details: Option<LocalizedString>,
    /// The terms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fine_print: Option<String>,
    /// That in several languages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub localized_fine_print: Option<LocalizedString>,
    /// Where help is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help_uri: Option<Uri>,
    /// What any class has.
    #[serde(flatten)]
    pub shared: ClassShared,
}

impl Resource for OfferClass {
    const KIND: ResourceKind = ResourceKind::OfferClass;

    fn id(&self) -> &ResourceId {
        &self.id
    }

    fn managed() -> &'static [Managed] {
        const ALL: &[Managed] = &[
            Managed::whole("issuerName"),
            Managed::object("localizedIssuerName", LOCALIZED),
            Managed::whole("provider"),
            Managed::object("localizedProvider", LOCALIZED),
            Managed::whole("redemptionChannel"),
            Managed::whole("title"),
            Managed::object("localizedTitle", LOCALIZED),
            Managed::object("titleImage", IMAGE),
            Managed::object("heroImage", IMAGE),
            Managed::whole("finePrint"),
            Managed::object("localizedFinePrint", LOCALIZED),
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

/// A voucher.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfferObject {
    /// What any object has.
    #[serde(flatten)]
    pub shared: ObjectShared,
    /// Its state.
    #[serde(flatten)]
    pub holder: HolderShared,
}

impl Resource for OfferObject {
    const KIND: ResourceKind = ResourceKind::OfferObject;

    fn id(&self) -> &ResourceId {
        &self.shared.id
    }

    fn managed() -> &'static [Managed] {
        const ALL: &[Managed] = &[
            Managed::whole("state"),
            Managed::object("barcode", BARCODE),
            Managed::object("rotatingBarcode", ROTATING),
            Managed::whole("textModulesData"),
            Managed::whole("linksModuleData"),
            Managed::object("validTimeInterval", INTERVAL),
        ];
        ALL
    }
}
