//! Apple Wallet: pass.json, the signed package, the web service, pushes.

mod json;
pub mod pass;
