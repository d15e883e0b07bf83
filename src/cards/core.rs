//! What every part that serves requests holds.

use std::sync::Arc;

use crate::clock::Clock;
use crate::db::Db;
use crate::db::batcher::Batcher;
use crate::gate::Gate;
use crate::ids::Ids;
use crate::tokens::Keyring;

/// The gateway's working parts, as handed to handlers and workers.
#[derive(Clone)]
pub struct Core {
    /// The database, for reading.
    pub db: Arc<dyn Db>,
    /// The way to the ledger, for every change.
    pub batcher: Batcher,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub ids: Arc<dyn Ids>,
    /// The master keys.
    pub keyring: Arc<Keyring>,
    /// The replay and rate gate.
    pub gate: Arc<dyn Gate>,
    /// Where clients and phones reach us: `https://host[:port]`, without a slash at the end.
    pub public_url: Arc<str>,
}
