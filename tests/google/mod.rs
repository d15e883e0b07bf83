//! Google Wallet, from the outside.

mod sandbox;
mod sandbox_callbacks;
mod sandbox_client;
mod sandbox_faults;
mod sandbox_phone;
mod sandbox_world;
//! Google Wallet on the wire: tokens, the REST client, callbacks; against a server whose every answer the test writes. And the whole
//! gateway beside the strict stand-in.
//! Google Wallet: what it gets (classes, objects, patches, pictures, save links), checked against what Google says itself; and
//! the wire (tokens, the REST client, callbacks), against a server whose every answer the test writes.

mod callback_service;
mod callbacks;
mod client;
mod forge;
mod images;
mod key_cache;
mod model;
mod oauth;
mod reading;
mod refusals;
mod samples;
mod save_link;
mod schema;
mod templates;
mod wire;

mod both_wallets;
mod deliveries;
mod sync;
mod turning;
mod world;
