//! Google Wallet: resources, what a card looks like there, save links, the REST client, callbacks. It knows no rule on points.

pub mod resource;

pub mod model;
pub mod naming;
pub mod patch;
pub mod rules;

pub mod card;
pub mod voucher;

pub mod images;

pub mod save_link;

pub mod account;
pub mod budget;
pub mod client;
pub mod error;
pub mod oauth;

pub mod callbacks;

pub mod compose;
pub mod difference;
pub mod issuers;
pub mod writer;

mod batch;
mod face;
mod transport;

pub use issuers::{Google, GoogleIssuer};
pub use writer::{GoogleWriter, WriteError};
