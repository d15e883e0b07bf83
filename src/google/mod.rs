//! Google Wallet: resources, what a card looks like there, save links, the REST client, callbacks. It knows no rule on points.

pub mod resource;
