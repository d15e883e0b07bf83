//! Google Wallet on the wire: tokens, the REST client, callbacks; against a server whose every answer the test writes. And the whole
//! gateway beside the strict stand-in.

mod callback_service;
mod callbacks;
mod client;
mod forge;
mod key_cache;
mod oauth;
mod refusals;
mod wire;

mod both_wallets;
mod deliveries;
mod sync;
mod turning;
mod world;
