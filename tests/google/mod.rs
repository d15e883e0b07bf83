//! Google Wallet: what it gets (classes, objects, patches, pictures, save links), checked against what Google says itself; the wire
//! (tokens, the REST client, callbacks), against a server whose every answer the test writes; and the whole gateway beside the strict
//! stand-in, which Google's own Python client has tried.

mod both_wallets;
mod callback_service;
mod callbacks;
mod client;
mod deliveries;
mod images;
mod key_cache;
mod model;
mod oauth;
mod reading;
mod refusals;
mod samples;
mod sandbox;
mod sandbox_callbacks;
mod sandbox_client;
mod sandbox_faults;
mod sandbox_phone;
mod sandbox_world;
mod save_link;
mod schema;
mod sync;
mod templates;
mod texts;
mod turning;
mod wire;
mod world;
