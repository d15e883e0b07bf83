//! What tests stand on.

pub mod app;
pub mod chance;
pub mod described;
pub mod ground;
pub mod ledger;
pub mod phone_world;
pub mod postgres;
pub mod process;
pub mod proxy;
pub mod redis;
pub mod sandbox_pki;
