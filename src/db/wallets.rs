//! What the database keeps of Google Wallet: how each object was last written, what was heard of it, which classes are there.

use crate::clock::Timestamp;
use crate::ids::{OrgId, PassId};

/// Notices of one pass within a day that are remembered: Google allows three.
pub const MAX_NOTICES: usize = 3;

/// A pass as an object in Google Wallet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoogleObject {
    /// The pass's organisation.
    pub org: OrgId,
    /// The pass.
    pub pass: PassId,
    /// The object's whole id, issuer included.
    pub object: String,
    /// The version of the pass that was written last.
    pub version: i64,
    /// SHA-256 of what was written, so that an unchanged object costs no request.
    pub digest: [u8; 32],
    /// When it was written.
    pub written_at: Timestamp,
    /// When notices went out, newest last, at most [`MAX_NOTICES`].
    pub notices: Vec<Timestamp>,
    /// Whether somebody has it in a wallet, as far as is known; `None` before anything was heard.
    pub saved: Option<bool>,
    /// When that was heard.
    pub saved_at: Option<Timestamp>,
    /// When Google was last asked.
    pub checked_at: Option<Timestamp>,
}

/// What a callback said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GoogleEventKind {
    /// Somebody saved it.
    Saved,
    /// Somebody removed it.
    Removed,
}

impl GoogleEventKind {
    /// The word in SQL and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Saved => "saved",
            Self::Removed => "removed",
        }
    }
}

/// A verified callback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoogleEvent {
    /// Unique for ever: the same callback comes again and again.
    pub nonce: String,
    /// The organisation whose address it came to.
    pub org: OrgId,
    /// The pass that its object shows, if it is one of that organisation.
    pub pass: Option<PassId>,
    /// The object's id.
    pub object: String,
    /// What happened.
    pub kind: GoogleEventKind,
    /// When we heard.
    pub at: Timestamp,
    /// Until when Google calls the message valid; orders `save` and `del`, which may swap on the way.
    pub expires_at: Timestamp,
}

/// What became of a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Noted.
    New,
    /// It was noted before.
    Again,
}

/// A class as it was last written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoogleClass {
    /// The organisation.
    pub org: OrgId,
    /// The class's whole id.
    pub class: String,
    /// SHA-256 of what was written.
    pub digest: [u8; 32],
    /// When.
    pub written_at: Timestamp,
}
