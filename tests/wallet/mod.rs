//! What the wallets get: packages, signatures, certificates.

mod certificates;
mod forge;
mod package;
mod pass_json;
mod pass_previews;
mod pass_templates;
mod pass_views;
mod tools;
mod verify;
