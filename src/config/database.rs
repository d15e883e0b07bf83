//! The settings of the database: which one, who changes its schema, where the mark of the last operation is.

use std::path::PathBuf;

use serde::Deserialize;

use super::{SecretText, beside};
use crate::db::postgres::PostgresConfig;

/// Where the ledger is.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// `sqlite:PATH`, `postgres://…` or `memory:`.
    pub url: SecretText,
    /// A file that holds the address.
    pub url_file: Option<PathBuf>,
    /// PostgreSQL: the address with the user that may change the schema, if that is another one.
    pub owner_url: Option<SecretText>,
    /// A file that holds it.
    pub owner_url_file: Option<PathBuf>,
    /// PostgreSQL: whom to trust for TLS.
    pub ca_file: Option<PathBuf>,
    /// PostgreSQL: connections of one node, beside the two for decisions.
    pub connections: usize,
    /// Where the mark of the last operation is kept.
    pub high_water_file: Option<PathBuf>,
}

impl Default for Database {
    fn default() -> Self {
        Self {
            url: SecretText::new("sqlite:walaa-data/walaa.db"),
            url_file: None,
            owner_url: None,
            owner_url_file: None,
            ca_file: None,
            connections: PostgresConfig::CONNECTIONS,
            high_water_file: None,
        }
    }
}

/// The kinds of databases that there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// In this process's memory.
    Memory,
    /// A file.
    Sqlite(PathBuf),
    /// A server.
    Postgres,
}

impl Database {
    /// What the address says.
    ///
    /// # Errors
    /// A sentence, when it names no database that there is.
    pub fn parsed(&self) -> Result<DatabaseUrl, String> {
        let url = self.url.expose();
        if url == "memory:" {
            return Ok(DatabaseUrl::Memory);
        }
        if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            return Ok(DatabaseUrl::Postgres);
        }
        match url.strip_prefix("sqlite:") {
            Some("") | None => Err("is neither sqlite:PATH nor postgres://user@host/database nor memory:".to_owned()),
            Some(path) => Ok(DatabaseUrl::Sqlite(PathBuf::from(path.strip_prefix("//").unwrap_or(path)))),
        }
    }

    /// How to reach PostgreSQL, as the user who serves.
    #[must_use]
    pub fn postgres(&self) -> PostgresConfig {
        let url = self.url.expose().to_owned();
        PostgresConfig { url, ca_file: self.ca_file.clone(), connections: self.connections }
    }

    /// How to reach PostgreSQL as the user who may change the schema, if that is another one.
    #[must_use]
    pub fn postgres_owner(&self) -> Option<PostgresConfig> {
        let url = self.owner_url.as_ref()?.expose().to_owned();
        Some(PostgresConfig { url, ..self.postgres() })
    }

    /// Where the mark of the last operation is kept; none for a database that forgets.
    #[must_use]
    pub fn high_water_path(&self) -> Option<PathBuf> {
        match self.parsed() {
            Ok(DatabaseUrl::Postgres) => self.high_water_file.clone(),
            Ok(DatabaseUrl::Sqlite(path)) => Some(self.high_water_file.clone().unwrap_or_else(|| beside(&path, ".high-water"))),
            _ => None,
        }
    }
}
