//! What Google Wallet gets: classes, objects, patches, pictures, save links, checked against what Google says itself.

mod images;
mod model;
mod reading;
mod samples;
mod save_link;
mod schema;
//! Google Wallet on the wire: tokens, the REST client, callbacks; against a server whose every answer the test writes.

mod callback_service;
mod callbacks;
mod client;
mod forge;
mod key_cache;
mod oauth;
mod refusals;
mod wire;
