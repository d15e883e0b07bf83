//! What is owed to wallets, delivered: claims, retries, breakers, re-pushes, dead letters; and the sweeps that make things owed.
//!
//! One worker a channel. The worker knows when and how often; a [`ChannelSender`] knows one wallet's ways. All time comes from
//! the clock that is handed in, so that a test moves it by hand and calls [`OutboxWorker::run_once`].

mod apple;
mod google;
mod google_asker;
mod lanes;
mod paces;
mod retry;
mod sweeper;
mod worker;

use std::time::Duration;

use async_trait::async_trait;

pub use apple::AppleSender;
pub use google::GoogleSender;
pub use google_asker::GoogleAsker;
pub use sweeper::{Sweep, SweepStatus, Sweeper};
pub use worker::{OutboxWorker, Stats};

use crate::clock::Timestamp;
use crate::db::{Channel, DbError, OutboxItem};

/// What fails together: everything that is sent with one credential to one place, such as a pass type or an issuer. One lane's
/// trouble never delays another.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lane(pub String);

/// What came of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is owed any more: the wallet has this version, or nobody holds the pass.
    Current,
    /// Sent, and to be looked at again until it was fetched.
    Sent,
    /// The wallet took this version and keeps it: nothing is owed any more.
    Delivered {
        /// The version of the pass, not older than the one that was owed.
        version: i64,
    },
    /// Nothing was tried: too soon for this phone.
    Wait {
        /// When it may be tried.
        until: Timestamp,
    },
    /// Tried and failed.
    Failed(Failure),
    /// Will never work: a bug of ours or a thing that is not there.
    Refused {
        /// What the wallet said.
        error: String,
    },
}

/// A failure that may pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Whose fault it is.
    pub fault: Fault,
    /// What happened, without secrets.
    pub error: String,
    /// How long we were asked to wait at least.
    pub after: Option<Duration>,
}

/// Whose fault a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The item's: others get through. Twelve of these and it is a dead letter.
    Item,
    /// The way there: the other side or the line. Enough of these in a row stop the lane for a while; no item dies of it soon.
    Lane,
    /// Our credential: the lane stops at once and the operator is alarmed; the queue is kept.
    Credential,
}

/// Delivers to one wallet.
#[async_trait]
pub trait ChannelSender: Send + Sync {
    /// Which wallet.
    fn channel(&self) -> Channel;

    /// With which credential an item goes.
    fn lane(&self, item: &OutboxItem) -> Lane;

    /// Delivers an item as far as it is not delivered yet. Repeatable: a duplicate is harmless.
    ///
    /// # Errors
    /// Our own database's; the item is tried again when its lease is over.
    async fn deliver(&self, item: &OutboxItem, now: Timestamp) -> Result<Verdict, DbError>;

    /// How many items are delivered at best in one request; 1 for a wallet that takes one at a time.
    fn together(&self) -> usize {
        1
    }

    /// Delivers several items of one lane, at most [`Self::together`]; what came of each, in their order.
    async fn deliver_together(&self, items: &[OutboxItem], now: Timestamp) -> Vec<Result<Verdict, DbError>> {
        let mut verdicts = Vec::with_capacity(items.len());
        for item in items {
            verdicts.push(self.deliver(item, now).await);
        }
        verdicts
    }

    /// Is told that nothing more will be sent for an item, delivered or given up.
    ///
    /// # Errors
    /// Our own database's.
    async fn finished(&self, item: &OutboxItem) -> Result<(), DbError>;
}
