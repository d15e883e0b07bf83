//! Google Wallet's resources as types: what is written is what Google's discovery document `walletobjects:v1` names.
//!
//! Names in capitals are written; the older camelCase ones are only understood. Deprecated fields have no member here, so they
//! can't be written; what only Google sets (`hasUsers`) is read and never written. What the types can't say is in
//! [`crate::google::rules`].

mod names;

pub mod barcode;
pub mod gift_card;
pub mod layout;
pub mod loyalty;
pub mod modules;
pub mod offer;
pub mod pass;
pub mod points;
pub mod shared;
pub mod text;

pub mod generic;

use serde::Serialize;
use serde_json::Value;

use crate::google::resource::{ResourceId, ResourceKind};

pub use barcode::{Barcode, BarcodeType, RotatingBarcode, TotpDetails, TotpParameter};
pub use generic::{GenericClass, GenericObject};
pub use gift_card::{GiftCardClass, GiftCardObject};
pub use layout::ClassTemplateInfo;
pub use loyalty::{LoyaltyClass, LoyaltyObject};
pub use modules::{LinksModuleData, Message, TextModuleData, Uri};
pub use offer::{OfferClass, OfferObject, RedemptionChannel};
pub use points::{Balance, LoyaltyPoints, Money};
pub use shared::{Branding, ClassShared, ObjectShared, ReviewStatus, State};
pub use text::{DateTime, Image, LocalizedString, TimeInterval};

/// A class or an object.
pub trait Resource: Serialize {
    /// In which collection it is.
    const KIND: ResourceKind;

    /// Its id.
    fn id(&self) -> &ResourceId;

    /// The members that Walaa keeps up to date, and what may stand in them. One that is absent from a resource is to be
    /// cleared at Google.
    fn managed() -> &'static [Managed];

    /// The whole resource, as it is inserted.
    fn body(&self) -> Value {
        // These types hold texts, numbers, lists and maps with text keys: nothing that JSON has no form for.
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// A member that Walaa keeps up to date.
#[derive(Debug, Clone, Copy)]
pub struct Managed {
    /// Its name.
    pub name: &'static str,
    /// What may stand in it, if it is an object: Google merges objects, so what is absent there must be cleared by name, too.
    pub inside: &'static [Managed],
}

impl Managed {
    /// A text, number, list or anything else that is replaced as a whole.
    #[must_use]
    pub const fn whole(name: &'static str) -> Self {
        Self { name, inside: &[] }
    }

    /// An object.
    #[must_use]
    pub const fn object(name: &'static str, inside: &'static [Self]) -> Self {
        Self { name, inside }
    }
}
