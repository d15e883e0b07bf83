//! Under which issuer an organisation's passes are objects in Google Wallet, and with what its requests and links are signed.
//!
//! An organisation has an account of its own or shares the house's. An object stays with the issuer that it was made under; after a
//! change of issuer each pass becomes a new object.

use std::collections::HashMap;
use std::sync::Arc;

use super::client::{GoogleClient, LONGEST_PATIENCE};
use super::resource::{IssuerId, ResourceId, ResourceKind};
use super::save_link::{SaveLink, SaveLinkError};
use crate::clock::Timestamp;
use crate::ids::OrgId;

/// One issuer account.
pub struct GoogleIssuer {
    /// Sends requests.
    pub client: GoogleClient,
    /// What stands before the token of a save link, without a slash at the end.
    pub save_url: String,
    /// Web origins that may render Google's own button.
    pub origins: Vec<String>,
}

impl GoogleIssuer {
    /// The issuer's number.
    #[must_use]
    pub const fn id(&self) -> IssuerId {
        self.client.issuer()
    }

    /// The same account for somebody who waits for the answer, two seconds at most for the budget.
    #[must_use]
    pub fn patient(&self) -> Self {
        Self { client: self.client.patient(LONGEST_PATIENCE), save_url: self.save_url.clone(), origins: self.origins.clone() }
    }

    /// A link that puts objects into the wallet of whoever opens it first.
    ///
    /// # Errors
    /// It would be too long, or the key can't sign.
    pub fn save_link(&self, objects: &[(ResourceKind, ResourceId)], now: Timestamp) -> Result<String, SaveLinkError> {
        let link = SaveLink { objects, origins: &self.origins, now };
        self.client.account().link_signer().link_at(&format!("{}/", self.save_url), &link)
    }
}

/// All issuer accounts of the gateway.
#[derive(Default)]
pub struct Google {
    default: Option<Arc<GoogleIssuer>>,
    own: HashMap<OrgId, Arc<GoogleIssuer>>,
}

impl Google {
    /// The default account, if there is one, and the accounts of organisations that have their own.
    #[must_use]
    pub fn new(default: Option<Arc<GoogleIssuer>>, own: HashMap<OrgId, Arc<GoogleIssuer>>) -> Self {
        Self { default, own }
    }

    /// The account of an organisation.
    #[must_use]
    pub fn issuer_for(&self, org: OrgId) -> Option<&Arc<GoogleIssuer>> {
        self.own.get(&org).or(self.default.as_ref())
    }

    /// Every account, the default one first.
    pub fn issuers(&self) -> impl Iterator<Item = &Arc<GoogleIssuer>> {
        self.default.iter().chain(self.own.values())
    }

    /// Whether there is no account at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.default.is_none() && self.own.is_empty()
    }
}
