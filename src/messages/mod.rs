//! Messages to members, by mail and by short message: written in the member's language, queued, sent, tried again. A contact, a code or a
//! link never gets into a log.
//!
//! The queue is in memory: what a stopped process had not sent is lost, and whoever waits for it asks again. Who may be written to, and how
//! often, is decided by whoever hands a message in.

mod compose;
mod mail;
mod post;
mod sms;
mod texts;

use std::time::Duration;

use crate::clock::Timestamp;

pub use mail::{MailConfig, MailError, MailTls, probe as probe_mail};
pub use post::{Post, PostError};
pub use sms::{SmsConfig, SmsError, probe as probe_sms, signature};

/// How long one try may take, the connection with it.
const TIMEOUT: Duration = Duration::from_secs(15);

/// The kinds of contacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Medium {
    /// A mail address.
    Mail,
    /// A phone number.
    Sms,
}

impl Medium {
    /// The word in metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Sms => "sms",
        }
    }
}

/// Whom a message is for. Printing it shows the kind alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient {
    /// By what.
    pub medium: Medium,
    /// The address or number.
    pub contact: String,
}

impl std::fmt::Debug for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Recipient({})", self.medium.as_str())
    }
}

/// What a message says.
#[derive(Clone, PartialEq, Eq)]
pub enum Content {
    /// The code that proves a contact, and a link that does so in one press, where one does.
    Code {
        /// Six digits.
        code: String,
        /// The link.
        link: Option<String>,
        /// How long they can be used.
        minutes: i64,
    },
    /// The way to a card, for a member who joined again.
    CardLink {
        /// The card's page.
        link: String,
    },
}

impl Content {
    /// The word for it in webhooks and metrics.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Code { .. } => "code",
            Self::CardLink { .. } => "card_link",
        }
    }

    /// How long it is of use: a code that comes too late only confuses.
    const fn lives(&self) -> Duration {
        match self {
            Self::Code { .. } => Duration::from_secs(8 * 60),
            Self::CardLink { .. } => Duration::from_secs(3_600),
        }
    }
}

/// A message in the making.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Its id: the same at each try, so that a receiver can tell a repetition.
    pub id: [u8; 16],
    /// For whom.
    pub to: Recipient,
    /// `en` or `ar`.
    pub language: String,
    /// The programme's name in that language.
    pub brand: String,
    /// What it says.
    pub content: Content,
    /// When it was handed in.
    pub at: Timestamp,
}

/// There is no way to that kind of contact, or too much is on its way already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// Nothing is set up for such contacts.
    #[error("nothing is set up that sends there")]
    NoWay,
    /// The queue is full.
    #[error("too many messages are on their way")]
    Full,
}

/// Takes messages and sends them in its own time.
pub trait Messenger: Send + Sync {
    /// Whether it can write to a kind of contact.
    fn reaches(&self, medium: Medium) -> bool;

    /// Takes a message to send; who handed it in hears nothing of how that went.
    ///
    /// # Errors
    /// It was not taken.
    fn send(&self, message: Message) -> Result<(), NotTaken>;
}
