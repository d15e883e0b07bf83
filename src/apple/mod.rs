//! Apple Wallet: pass.json, the signed package, the web service, pushes.

pub mod pass;

pub mod package;
pub mod signer;

pub mod certificates;

pub mod push;

mod der;
