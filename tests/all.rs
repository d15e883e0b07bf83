//! All tests.

#[path = "support/draw_pass.rs"]
mod draw_pass;

#[path = "wallet/phone.rs"]
mod phone;

#[path = "support/phone_world.rs"]
mod phone_world;

#[path = "wallet/push.rs"]
mod push;

#[path = "support/sandbox_pki.rs"]
mod sandbox_pki;
