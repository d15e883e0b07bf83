//! All tests.

#[path = "wallet/phone.rs"]
mod phone;

#[path = "wallet/push.rs"]
mod push;

#[path = "support/sandbox_pki.rs"]
mod sandbox_pki;
