//! The database on PostgreSQL: many nodes on one server, and on its standbys when it fails.

mod check;
mod codec;
mod connection;
mod google;
mod journal;
mod outbox;
mod phones;
mod reads;
mod rows;
mod upkeep;

pub use connection::PostgresConfig;
