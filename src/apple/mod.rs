//! Apple Wallet: pass.json, the signed package, the web service, pushes.

pub mod account;
pub mod build;
pub mod web_service;

pub mod pass;

pub mod package;
pub mod signer;

pub mod certificates;

pub mod push;

mod cache;
mod der;
mod json;

pub use account::{Apple, AppleAccount, Pusher};
pub use build::{BuildError, BuiltPass, PassBuilder};
