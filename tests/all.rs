//! All tests.

mod tidy;
mod vectors;

#[path = "wallet/push.rs"]
mod push;

#[path = "support/sandbox_pki.rs"]
mod sandbox_pki;
