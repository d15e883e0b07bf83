//! Google Wallet: resources, what a card looks like there, save links, the REST client, callbacks. It knows no rule on points.

pub mod resource;

pub mod account;
pub mod budget;
pub mod client;
pub mod error;
pub mod oauth;

pub mod callbacks;

mod batch;
mod transport;
