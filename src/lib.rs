//! Walaa: a mobile wallet pass and QR redemption gateway. ARCHITECTURE.md is the map.
//!
//! The modules stand in the order of who may know whom: each one knows only those below it (`tests/tidy.rs` holds that).

pub mod cli;

pub mod app;
pub mod config;

pub mod sandbox;

pub mod http;
pub mod journal;
pub mod outbox;
pub mod pages;

pub mod apple;
pub mod cards;
pub mod documents;
pub mod google;
pub mod redemption;

pub mod db;
pub mod gate;
pub mod messages;

pub mod ledger;
pub mod passes;
pub mod programme;
pub mod tokens;

pub mod clock;
pub mod error;
pub mod ids;
pub mod key_file;
pub mod money;
pub mod strict_json;
