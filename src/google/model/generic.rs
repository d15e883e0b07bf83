//! Any other pass: its class is bare, its object carries the words and pictures.

use serde::{Deserialize, Serialize};

use crate::google::model::names::names;
use crate::google::model::shared::{
    BARCODE, ClassShared, IMAGE, INTERVAL, LAYOUT, LOCALIZED, ObjectShared, ROTATING, State, id_text,
};
use crate::google::model::text::{Image, LocalizedString};
use crate::google::model::{Managed, Resource};
use crate::google::resource::{ResourceId, ResourceKind};

names! {
    /// What sort of pass it is.
    GenericType {
        /// A season ticket.
        SeasonPass = "GENERIC_SEASON_PASS",
        /// A bill.
        UtilityBills = "GENERIC_UTILITY_BILLS",
        /// Parking.
        ParkingPass = "GENERIC_PARKING_PASS",
        /// A voucher.
        Voucher = "GENERIC_VOUCHER",
        /// A gym.
        GymMembership = "GENERIC_GYM_MEMBERSHIP",
        /// A library.
        LibraryMembership = "GENERIC_LIBRARY_MEMBERSHIP",
        /// A reservation.
        Reservations = "GENERIC_RESERVATIONS",
        /// Car insurance.
        AutoInsurance = "GENERIC_AUTO_INSURANCE",
        /// Home insurance.
        HomeInsurance = "GENERIC_HOME_INSURANCE",
        /// A ticket.
        EntryTicket = "GENERIC_ENTRY_TICKET",
        /// A receipt.
        Receipt = "GENERIC_RECEIPT",
        /// A loyalty card.
        LoyaltyCard = "GENERIC_LOYALTY_CARD",
        /// A business card.
        BusinessCard = "GENERIC_BUSINESS_CARD",
        /// A code.
        BarcodePass = "GENERIC_BARCODE_PASS",
        /// A membership.
        MembershipCard = "GENERIC_MEMBERSHIP_CARD",
        /// A student's card.
        StudentCard = "GENERIC_STUDENT_CARD",
        /// Public transport.
        TransitPass = "GENERIC_TRANSIT_PASS",
        /// A vehicle's papers.
        VehicleRegistration = "GENERIC_VEHICLE_REGISTRATION",
        /// Anything else.
        Other = "GENERIC_OTHER",
    }
}

/// What such passes have in common.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GenericClass {
    /// Its id, for ever.
    #[serde(with = "id_text")]
    pub id: ResourceId,
    /// What any class has.
    #[serde(flatten)]
    pub shared: ClassShared,
}

impl Resource for GenericClass {
    const KIND: ResourceKind = ResourceKind::GenericClass;

    fn id(&self) -> &ResourceId {
        &self.id
    }

    fn managed() -> &'static [Managed] {
        const ALL: &[Managed] = &[
            Managed::whole("textModulesData"),
            Managed::whole("callbackOptions"),
            Managed::object("classTemplateInfo", LAYOUT),
            Managed::whole("multipleDevicesAndHoldersAllowedStatus"),
        ];
        ALL
    }
}

/// A pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GenericObject {
    /// What any object has.
    #[serde(flatten)]
    pub shared: ObjectShared,
    /// Its state; active where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// Who issues it.
    pub card_title: LocalizedString,
    /// What it is.
    pub header: LocalizedString,
    /// What stands above that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subheader: Option<LocalizedString>,
    /// The round logo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo: Option<Image>,
    /// A wide logo instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wide_logo: Option<Image>,
    /// The ground, as `#rrggbb`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hex_background_color: Option<String>,
    /// What sort of pass it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generic_type: Option<GenericType>,
    /// When the phone says something by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notifications: Option<Notifications>,
}

/// When the phone says something by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Notifications {
    /// Two days before the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiry_notification: Option<Notification>,
    /// A day before the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upcoming_notification: Option<Notification>,
}

/// Whether the phone says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Notification {
    /// Whether.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_notification: Option<bool>,
}

impl Resource for GenericObject {
    const KIND: ResourceKind = ResourceKind::GenericObject;

    fn id(&self) -> &ResourceId {
        &self.shared.id
    }

    fn managed() -> &'static [Managed] {
        const ALL: &[Managed] = &[
            Managed::whole("state"),
            Managed::object("cardTitle", LOCALIZED),
            Managed::object("header", LOCALIZED),
            Managed::object("subheader", LOCALIZED),
            Managed::object("logo", IMAGE),
            Managed::object("heroImage", IMAGE),
            Managed::whole("hexBackgroundColor"),
            Managed::object("barcode", BARCODE),
            Managed::object("rotatingBarcode", ROTATING),
            Managed::whole("textModulesData"),
            Managed::whole("linksModuleData"),
            Managed::object("validTimeInterval", INTERVAL),
        ];
        ALL
    }
}
