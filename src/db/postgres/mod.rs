//! The database on PostgreSQL: many nodes on one server, and on its standbys when it fails.

mod codec;
mod connection;
mod rows;

pub use connection::PostgresConfig;
