//! Which organisations' cards can be added to Google Wallet: as configured, asked when links are shown.

use std::collections::HashSet;

use crate::ids::OrgId;

/// Who has an issuer account there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offered {
    /// Whether the house has one for everybody.
    pub to_all: bool,
    /// Organisations with one of their own.
    pub to: HashSet<OrgId>,
}

impl Offered {
    /// Whether an organisation's cards are offered.
    #[must_use]
    pub fn offers(&self, org: OrgId) -> bool {
        self.to_all || self.to.contains(&org)
    }
}
