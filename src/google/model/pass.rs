//! How a pass behaves in the wallet: groups, constraints, who may save it, whether it rings.

use serde::{Deserialize, Serialize};

use crate::google::model::modules::Uri;
use crate::google::model::names::names;

names! {
    /// How many people and phones may hold one object.
    HoldersAllowed {
        /// Any number.
        MultipleHolders = "MULTIPLE_HOLDERS" | "multipleHolders",
        /// One person, on all their phones.
        OneUserAllDevices = "ONE_USER_ALL_DEVICES" | "oneUserAllDevices",
        /// One person on one phone; for chosen partners.
        OneUserOneDevice = "ONE_USER_ONE_DEVICE" | "oneUserOneDevice",
    }
}

names! {
    /// Whether the phone must be unlocked.
    ViewUnlock {
        /// No.
        NotRequired = "UNLOCK_NOT_REQUIRED" | "unlockNotRequired",
        /// To look at the pass.
        RequiredToView = "UNLOCK_REQUIRED_TO_VIEW" | "unlockRequiredToView",
    }
}

names! {
    /// Whether an update makes the phone ring; said anew with each update.
    NotifyPreference {
        /// It does, if what changed is worth it.
        NotifyOnUpdate = "NOTIFY_ON_UPDATE" | "notifyOnUpdate",
    }
}

names! {
    /// What moves on the pass.
    AnimationType {
        /// A shimmer, which a photograph lacks.
        FoilShimmer = "FOIL_SHIMMER" | "foilShimmer",
    }
}

names! {
    /// Whether the pass may be photographed.
    ScreenshotEligibility {
        /// Yes.
        Eligible = "ELIGIBLE",
        /// No.
        Ineligible = "INELIGIBLE",
    }
}

names! {
    /// What NFC does not pass on while the pass is open.
    NfcConstraint {
        /// Payment cards.
        BlockPayment = "BLOCK_PAYMENT",
        /// Transit cards.
        BlockClosedLoopTransit = "BLOCK_CLOSED_LOOP_TRANSIT",
    }
}

names! {
    /// Who finds a programme in the wallet.
    DiscoverableState {
        /// Testers.
        TrustedTesters = "TRUSTED_TESTERS" | "trustedTesters",
        /// Everybody.
        Live = "LIVE" | "live",
        /// Nobody.
        Disabled = "DISABLED" | "disabled",
    }
}

names! {
    /// What the wallet may tell the page where people join.
    SharedDataType {
        /// First name.
        FirstName = "FIRST_NAME",
        /// Last name.
        LastName = "LAST_NAME",
        /// Street.
        StreetAddress = "STREET_ADDRESS",
        /// Second line.
        AddressLine1 = "ADDRESS_LINE_1",
        /// Third line.
        AddressLine2 = "ADDRESS_LINE_2",
        /// Fourth line.
        AddressLine3 = "ADDRESS_LINE_3",
        /// City.
        City = "CITY",
        /// State.
        State = "STATE",
        /// Postal code.
        Zipcode = "ZIPCODE",
        /// Country.
        Country = "COUNTRY",
        /// Mail address.
        Email = "EMAIL",
        /// Telephone.
        Phone = "PHONE",
    }
}

/// What moves on the pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecurityAnimation {
    /// What.
    pub animation_type: AnimationType,
}

/// Which passes stand together, and in which order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GroupingInfo {
    /// The group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grouping_id: Option<String>,
    /// The place in it: lower numbers first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort_index: Option<i32>,
}

/// What may be done with the pass on the phone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PassConstraints {
    /// Photographs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub screenshot_eligibility: Option<ScreenshotEligibility>,
    /// NFC.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nfc_constraint: Vec<NfcConstraint>,
}

/// Who may save the pass.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SaveRestrictions {
    /// SHA-256 of a mail address, in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restrict_to_email_sha256: Option<String>,
}

/// The programme's entry in the wallet.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DiscoverableProgram {
    /// Who finds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<DiscoverableState>,
    /// Where members sign in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merchant_signin_info: Option<SigninInfo>,
    /// Where people join.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merchant_signup_info: Option<SignupInfo>,
}

/// Where members sign in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SigninInfo {
    /// The page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signin_website: Option<Uri>,
}

/// Where people join.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SignupInfo {
    /// The page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signup_website: Option<Uri>,
    /// What the wallet tells it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub signup_shared_datas: Vec<SharedDataType>,
}
