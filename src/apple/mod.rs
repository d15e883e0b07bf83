//! Apple Wallet: pass.json, the signed package, the web service, pushes.

pub mod push;
