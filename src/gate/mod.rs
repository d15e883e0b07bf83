//! The fast replay and rate gate. It may refuse early or not know; it never says yes: the row lock and the op index in the
//! database decide. It remembers captures (`S:` markers, authenticated), holds rate limits (GCRA) and pace rules.
//!
//! A request meets the gate twice at most, each time in one round trip:
//! 1. **at the door**, before the body is parsed: limits of address, key or terminal, organisation;
//! 2. **with the token resolved** (the tag checked, the card found over an immutable mapping): the token's marker and limit, the
//!    card's limit, the pace rules.
//!
//! Every part of a check lives under **one key of its own** and is decided by one single-key script (or one GET), so the gate works
//! unchanged on a Redis Cluster; the parts of a check travel side by side. Hence parts are independent: an attempt that one part
//! refuses still counts in the *rate* limits of the others (an attempt is an attempt), while its *pace* mark is taken back. The
//! rules of one limit (3 a minute and 10 a day) share a key and are charged all or none.
//!
//! A pace rule remembers *operations*, not calls: a till that repeats an operation because the answer got lost is neither
//! counted twice nor refused, so that it always hears its final answer.

mod bounded;
mod limit;
mod memory;
mod pace;
mod redis;
mod request;
mod rules;
mod verdict;

use async_trait::async_trait;

pub use limit::{Charge, Limit, RateRule, Scope};
pub use memory::MemoryGate;
pub use pace::{LocalDay, OpMark, PaceKind, PaceRule};
pub use redis::{GateTime, OnDown, RedisAddress, RedisGate, RedisGateConfig, RedisProbe, probe as probe_redis};
pub use request::{Capture, GateRequest};
pub use verdict::{GateError, GateHealth, GateVerdict, Refusal};

use crate::clock::Timestamp;
use crate::ids::{OrgId, RedemptionId};
use crate::tokens::TokenHash;

/// Tokens that are asked about in one round trip.
pub const MOST_REMEMBERED: usize = 256;

/// How far a ledger has come: its epoch, then the time of its last operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LedgerMark {
    /// One more with each restore.
    pub epoch: i64,
    /// The last operation.
    pub last_op: Timestamp,
}

/// A gate.
#[async_trait]
pub trait Gate: Send + Sync {
    /// Looks up the marker, charges the limits, marks the paces; within the gate's time-out, whatever happens.
    ///
    /// # Errors
    /// The gate can't be reached and the operator chose to refuse then; or the request has too many parts.
    async fn check(&self, request: &GateRequest, now: Timestamp) -> Result<GateVerdict, GateError>;

    /// Remembers a capture, after its commit was durable and never before. May be lost: the ledger knows.
    async fn mark_captured(&self, capture: &Capture, now: Timestamp);

    /// Takes the operation's marks back out of the pace rules, when the ledger refused what the gate had let through.
    async fn take_back(&self, request: &GateRequest);

    /// Which redemption used each of these tokens, as far as the gate remembers: at most [`MOST_REMEMBERED`]. None when it can't be asked.
    async fn remembered(&self, org: OrgId, tokens: &[TokenHash], now: Timestamp) -> Option<Vec<Option<RedemptionId>>>;

    /// How far the ledger had come when a node last told the gate; none from a gate that forgets, is out of reach, or was never told.
    async fn ledger_mark(&self) -> Option<LedgerMark>;

    /// Remembers how far the ledger has come. May be lost. The caller sees to it that it only rises.
    async fn note_ledger_mark(&self, mark: LedgerMark);

    /// Whether the gate is there, for `/readyz` and metrics.
    async fn health(&self) -> GateHealth;
}
