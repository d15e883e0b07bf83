//! Google Wallet on the wire: tokens, the REST client, callbacks; against a server whose every answer the test writes.

mod callback_service;
mod callbacks;
mod client;
mod forge;
mod key_cache;
mod oauth;
mod refusals;
mod wire;
