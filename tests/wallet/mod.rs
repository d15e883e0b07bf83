//! What the wallets get: packages, signatures, certificates, pushes.
//! What the wallets get: views, packages, signatures, certificates, the web service, deliveries.

mod certificates;
mod forge;
mod package;
mod phone;
mod push;
mod pass_json;
mod pass_previews;
mod pass_templates;
mod pass_views;
mod station;
mod tools;
mod verify;
mod web_service;
