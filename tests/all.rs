//! All tests, in one binary.

mod contract;
mod support;
mod tidy;
mod vectors;
mod wallet;
//! All tests.

mod wallet {
    mod pass_json;
    mod pass_previews;
    mod pass_templates;
    mod pass_views;
}
#[path = "wallet/phone.rs"]
mod phone;

#[path = "wallet/push.rs"]
mod push;

#[path = "support/sandbox_pki.rs"]
mod sandbox_pki;
