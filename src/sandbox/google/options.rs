//! How a stand-in is set up, and what it is told to say.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::fault::Forgery;
use super::review::Review;
use crate::clock::Clock;
use crate::ids::Ids;

/// Requests within a second that are answered: Google's one published number.
const REQUESTS_PER_SECOND: u32 = 20;

/// How a stand-in is set up.
pub struct GoogleOptions {
    /// Where to listen; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Rules that Google does not publish, or that tests need otherwise.
    pub rules: GoogleRules,
    /// Roots (PEM) that callbacks' addresses may have besides the machine's.
    pub callback_roots_pem: Vec<u8>,
    /// Waits before a callback that was not taken is sent again.
    pub callback_retries: Vec<Duration>,
    /// Who may show the phone's page within a page, as `frame-ancestors` has it.
    pub frame_ancestors: String,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where its ids come from.
    pub ids: Arc<dyn Ids>,
}

impl GoogleOptions {
    /// As strict as Google, on a free port of this machine.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            rules: GoogleRules::default(),
            callback_roots_pem: Vec::new(),
            callback_retries: [1, 5, 30].map(Duration::from_secs).to_vec(),
            frame_ancestors: "'self'".to_owned(),
            clock,
            ids,
        }
    }
}

/// What may be set otherwise, also while it runs.
#[derive(Debug, Clone, Copy)]
pub struct GoogleRules {
    /// Requests within a second; any number if absent.
    pub rate_per_second: Option<u32>,
    /// What becomes of classes under review.
    pub review: Review,
    /// Whether an object may move to another class of its kind; not documented.
    pub class_change: ClassChange,
    /// The status of a `QuotaExceededException`; not documented: 429 or 403.
    pub notify_quota_status: u16,
    /// Whether pictures must be there.
    pub images: ImageCheck,
}

impl Default for GoogleRules {
    fn default() -> Self {
        Self {
            rate_per_second: Some(REQUESTS_PER_SECOND),
            review: Review::Approve,
            class_change: ClassChange::Allowed,
            notify_quota_status: 429,
            images: ImageCheck::Trust,
        }
    }
}

/// What is done about pictures that resources name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageCheck {
    /// Nothing.
    Trust,
    /// They are fetched; what is no picture refuses the request.
    Fetch,
}

/// Whether `classId` of an object may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClassChange {
    /// It may.
    Allowed,
    /// It is refused.
    Refused,
}

/// Whether a service account is a user of an issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// It is.
    Granted,
    /// It is not: 403 for everything.
    Revoked,
}

/// What a callback says.
#[derive(Debug, Clone, Copy)]
pub struct CallbackMessage<'m> {
    /// What happened.
    pub event: CallbackEvent,
    /// To which object.
    pub object_id: &'m str,
    /// Of which class.
    pub class_id: &'m str,
    /// How it is forged, if it is.
    pub forgery: Option<Forgery>,
}

/// What users do with passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallbackEvent {
    /// Into the wallet.
    Save,
    /// Out of it.
    Delete,
}

impl CallbackEvent {
    /// As Google writes it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Save => "save",
            Self::Delete => "del",
        }
    }
}
