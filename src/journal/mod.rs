//! The journal: what happened, in order. The sequencer numbers what was committed and wakes those who wait for it; the check
//! recomputes the hash chain.
//!
//! The numbering itself, in one transaction, is the database's (`Db::sequence`); the rows' hashes are `ledger::chain`'s.

mod sequencer;
mod verify;

pub use sequencer::Sequencer;
pub use verify::{BadRow, Verified, verify};
