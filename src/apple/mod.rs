//! Apple Wallet: pass.json, the signed package, the web service, pushes.

pub mod push;
pub mod package;
pub mod signer;

pub mod certificates;

mod der;
