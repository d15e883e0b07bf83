//! A loyalty programme and its cards.

use serde::{Deserialize, Serialize};

use crate::google::model::pass::DiscoverableProgram;
use crate::google::model::points::LoyaltyPoints;
use crate::google::model::shared::{
    BARCODE, Branding, ClassShared, HolderShared, IMAGE, INTERVAL, LAYOUT, LINK, LOCALIZED, ObjectShared, POINTS, ROTATING,
    id_text,
};
use crate::google::model::text::{Image, LocalizedString};
use crate::google::model::{Managed, Resource};
use crate::google::resource::{ResourceId, ResourceKind};

/// A programme.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoyaltyClass {
    /// Its id, for ever.
    #[serde(with = "id_text")]
    pub id: ResourceId,
    /// Who issues it.
    #[serde(flatten)]
    pub branding: Branding,
    /// The programme's name.
    pub program_name: String,
    /// The name in several languages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub localized_program_name: Option<LocalizedString>,
    /// The round logo.
    pub program_logo: Image,
    /// A wide logo instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wide_program_logo: Option<Image>,
    /// What stands above the member's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id_label: Option<String>,
    /// That in several languages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub localized_account_id_label: Option<LocalizedString>,
    /// What stands above the member's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_name_label: Option<String>,
    /// That in several languages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub localized_account_name_label: Option<LocalizedString>,
    /// What stands above the tier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rewards_tier_label: Option<String>,
    /// That in several languages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub localized_rewards_tier_label: Option<LocalizedString>,
    /// The tier of everybody in this class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rewards_tier: Option<String>,
    /// That in several languages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub localized_rewards_tier: Option<LocalizedString>,
    /// What stands above the second tier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secondary_rewards_tier_label: Option<String>,
    /// That in several languages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub localized_secondary_rewards_tier_label: Option<LocalizedString>,
    /// A second tier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secondary_rewards_tier: Option<String>,
    /// That in several languages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub localized_secondary_rewards_tier: Option<LocalizedString>,
    /// The programme's entry in the wallet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discoverable_program: Option<DiscoverableProgram>,
    /// What any class has.
    #[serde(flatten)]
    pub shared: ClassShared,
}

impl Resource for LoyaltyClass {
    const KIND: ResourceKind = ResourceKind::LoyaltyClass;

    fn id(&self) -> &ResourceId {
        &self.id
    }

    fn managed() -> &'static [Managed] {
        const ALL: &[Managed] = &[
            Managed::whole("issuerName"),
            Managed::object("localizedIssuerName", LOCALIZED),
            Managed::whole("programName"),
            Managed::object("localizedProgramName", LOCALIZED),
            Managed::object("programLogo", IMAGE),
            Managed::object("heroImage", IMAGE),
            Managed::whole("hexBackgroundColor"),
            Managed::whole("countryCode"),
            Managed::object("homepageUri", LINK),
            Managed::whole("accountIdLabel"),
            Managed::object("localizedAccountIdLabel", LOCALIZED),
            Managed::whole("accountNameLabel"),
            Managed::object("localizedAccountNameLabel", LOCALIZED),
            Managed::whole("rewardsTierLabel"),
            Managed::object("localizedRewardsTierLabel", LOCALIZED),
            Managed::whole("rewardsTier"),
            Managed::object("localizedRewardsTier", LOCALIZED),
            Managed::whole("textModulesData"),
            Managed::whole("callbackOptions"),
            Managed::object("classTemplateInfo", LAYOUT),
            Managed::whole("multipleDevicesAndHoldersAllowedStatus"),
        ];
        ALL
    }
}

/// A card.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoyaltyObject {
    /// What any object has.
    #[serde(flatten)]
    pub shared: ObjectShared,
    /// Its state.
    #[serde(flatten)]
    pub holder: HolderShared,
    /// The member's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// The member's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_name: Option<String>,
    /// The balance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loyalty_points: Option<LoyaltyPoints>,
    /// Another balance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secondary_loyalty_points: Option<LoyaltyPoints>,
    /// Offers, by an older way of linking.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub linked_offer_ids: Vec<String>,
}

impl Resource for LoyaltyObject {
    const KIND: ResourceKind = ResourceKind::LoyaltyObject;

    fn id(&self) -> &ResourceId {
        &self.shared.id
    }

    fn managed() -> &'static [Managed] {
        const ALL: &[Managed] = &[
            Managed::whole("state"),
            Managed::whole("accountId"),
            Managed::whole("accountName"),
            Managed::object("loyaltyPoints", POINTS),
            Managed::object("secondaryLoyaltyPoints", POINTS),
            Managed::object("barcode", BARCODE),
            Managed::object("rotatingBarcode", ROTATING),
            Managed::whole("textModulesData"),
            Managed::whole("linksModuleData"),
            Managed::object("heroImage", IMAGE),
            Managed::object("validTimeInterval", INTERVAL),
        ];
        ALL
    }
}
