//! What the wallets get: packages, signatures, certificates, the web service, deliveries.

mod certificates;
mod forge;
mod package;
mod station;
mod tools;
mod verify;
mod web_service;
