//! The other configuration documents: organisation, store, terminal, key. Roles and scopes live with the keys.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::error::Problem;
use crate::ids::{ProgrammeId, StoreId, TerminalId};
use crate::programme::document::check_name;
use crate::programme::{Findings, Localised, Status, parse};

/// What a person or machine is; a role is a bundle of scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything.
    Owner,
    /// Runs the programme and the shops; reverses without time limit.
    Manager,
    /// A till or web shop: scans, earns, redeems, reverses its own.
    Pos,
    /// A scanner in a shop, enrolled by a one-time code.
    Terminal,
    /// Reads everything, changes nothing.
    Auditor,
}

/// One right. A route asks for exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
pub enum Scope {
    /// List and get members, cards, passes, links.
    #[serde(rename = "members:read")]
    MembersRead,
    /// Enrol members and cards, issue codes, re-issue passes.
    #[serde(rename = "members:write")]
    MembersWrite,
    /// Export and erase members.
    #[serde(rename = "members:erase")]
    MembersErase,
    /// Scan codes.
    #[serde(rename = "scan")]
    Scan,
    /// Post sales and returns.
    #[serde(rename = "earn")]
    Earn,
    /// Redeem, issue and cancel vouchers.
    #[serde(rename = "redeem")]
    Redeem,
    /// Reverse redemptions.
    #[serde(rename = "redeem:reverse")]
    Reverse,
    /// Correct balances.
    #[serde(rename = "adjust")]
    Adjust,
    /// Read statements, journal, deliveries.
    #[serde(rename = "audit")]
    Audit,
    /// Read configuration.
    #[serde(rename = "config:read")]
    ConfigRead,
    /// Change programmes, stores, terminals.
    #[serde(rename = "config:write")]
    ConfigWrite,
    /// Make and revoke keys.
    #[serde(rename = "keys")]
    Keys,
    /// Replay and drop dead letters.
    #[serde(rename = "operate")]
    Operate,
}

impl Role {
    /// The scopes of the role.
    #[must_use]
    pub const fn scopes(self) -> &'static [Scope] {
        use Scope::{
            Adjust, Audit, ConfigRead, ConfigWrite, Earn, Keys, MembersErase, MembersRead, MembersWrite, Operate, Redeem,
            Reverse, Scan,
        };
        match self {
            Self::Owner => &[
                MembersRead,
                MembersWrite,
                MembersErase,
                Scan,
                Earn,
                Redeem,
                Reverse,
                Adjust,
                Audit,
                ConfigRead,
                ConfigWrite,
                Keys,
                Operate,
            ],
            Self::Manager => &[MembersRead, MembersWrite, Scan, Earn, Redeem, Reverse, Adjust, Audit, ConfigRead, ConfigWrite],
            Self::Pos => &[MembersRead, MembersWrite, Scan, Earn, Redeem, Reverse],
            Self::Terminal => &[Scan, Earn, Redeem, Reverse],
            Self::Auditor => &[MembersRead, Audit, ConfigRead],
        }
    }

    /// Whether limits meant for clerks are waived.
    #[must_use]
    pub const fn is_manager(self) -> bool {
        matches!(self, Self::Owner | Self::Manager)
    }
}

/// An organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrganisationDocument {
    /// Its name by language.
    pub name: Localised,
}

/// A shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StoreDocument {
    /// Its name by language.
    pub name: Localised,
    /// The kill switch.
    #[serde(default)]
    pub status: Status,
}

/// A till or scanner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TerminalDocument {
    /// What staff call it, 1 to 40 characters.
    pub name: String,
    /// The shop it stands in.
    pub store: StoreId,
    /// The kill switch.
    #[serde(default)]
    pub status: Status,
    /// The programmes it may work in; empty for all.
    #[serde(default)]
    pub programmes: BTreeSet<ProgrammeId>,
    /// Until when the one-time code is good; `None` once it was used.
    #[serde(default)]
    pub enrolment_expires_at: Option<Timestamp>,
    /// Counts one-time codes: only the newest is good.
    #[serde(default)]
    pub enrolment_generation: i64,
    /// Which master key the one-time code is derived from.
    #[serde(default)]
    pub enrolment_kid: u8,
    /// SHA-256 of the key's secret in hex, once enrolled.
    #[serde(default)]
    pub secret_hash: Option<String>,
    /// Counts enrolments, so that each key is derived anew.
    #[serde(default)]
    pub secret_generation: i64,
    /// Which master key the secret is derived from.
    #[serde(default)]
    pub secret_kid: u8,
}

/// What a one-time enrolment code stands for; the document's id is the keyed hash of the code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrolmentDocument {
    /// The terminal that the code enrols.
    pub terminal: TerminalId,
    /// Which code of the terminal it is.
    pub generation: i64,
}

/// An API key. Two generations may live at once, so that a key is rotated without a gap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyDocument {
    /// What it is for, 1 to 60 characters.
    pub name: String,
    /// What its holder is.
    pub role: Role,
    /// Fewer scopes than the role has; empty for all of the role's.
    #[serde(default)]
    pub scopes: BTreeSet<Scope>,
    /// The programmes it may see; empty for all.
    #[serde(default)]
    pub programmes: BTreeSet<ProgrammeId>,
    /// The shop that its sales are in.
    #[serde(default)]
    pub store: Option<StoreId>,
    /// When it stops.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// Whether it was revoked.
    #[serde(default)]
    pub revoked: bool,
    /// SHA-256 of the live secrets in hex, newest first; at most two.
    pub secret_hashes: Vec<String>,
    /// Counts secrets.
    pub secret_generation: i64,
    /// Which master key the newest secret is derived from.
    #[serde(default)]
    pub secret_kid: u8,
}

impl KeyDocument {
    /// Whether the holder has a right.
    #[must_use]
    pub fn allows(&self, scope: Scope) -> bool {
        self.role.scopes().contains(&scope) && (self.scopes.is_empty() || self.scopes.contains(&scope))
    }
}

macro_rules! document {
    ($type:ident, |$self:ident, $findings:ident| $check:block) => {
        impl $type {
            /// Reads and checks a document.
            ///
            /// # Errors
            /// [`crate::error::Code::DocumentInvalid`] with every finding.
            pub fn parse(text: &str) -> Result<Self, Problem> {
                let $self: Self = parse(text)?;
                let mut $findings = Findings::default();
                $check
                $findings.into_result()?;
                Ok($self)
            }
        }
    };
}

document!(OrganisationDocument, |document, findings| {
    check_name(&mut findings, "name", &document.name, 40);
});

document!(StoreDocument, |document, findings| {
    check_name(&mut findings, "name", &document.name, 40);
});

document!(TerminalDocument, |document, findings| {
    let length = document.name.chars().count();
    findings.expect((1..=40).contains(&length), "name", "is not 1 to 40 characters long");
});

document!(EnrolmentDocument, |document, findings| {
    findings.expect(document.generation > 0, "generation", "is not over 0");
});

document!(KeyDocument, |document, findings| {
    let length = document.name.chars().count();
    findings.expect((1..=60).contains(&length), "name", "is not 1 to 60 characters long");
    findings.expect(document.secret_hashes.len() <= 2, "secret_hashes", "holds more than two");
    for scope in &document.scopes {
        findings.expect(document.role.scopes().contains(scope), "scopes", format!("{scope:?} is not a right of this role"));
    }
});
