//! All tests.

mod contract;
mod support;
mod vectors;
mod wallet;

#[path = "wallet/phone.rs"]
mod phone;

#[path = "wallet/push.rs"]
mod push;

#[path = "support/sandbox_pki.rs"]
mod sandbox_pki;
