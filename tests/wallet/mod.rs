//! What the wallets get: views, packages, signatures, certificates, the web service, pushes, deliveries.
//! What the wallets get: packages, signatures, certificates, pushes.

mod certificates;
mod delivery;
mod forge;
mod genuine;
mod package;
mod pass_json;
mod pass_previews;
mod pass_templates;
pub mod pass_views;
mod phone;
mod push;
mod station;
pub mod tools;
mod upkeep;
mod verify;
mod web_service;
