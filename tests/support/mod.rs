//! What tests stand on.

pub mod ledger;
pub mod redis;
