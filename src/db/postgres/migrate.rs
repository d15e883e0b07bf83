//! The schema: forward only, under an advisory lock, so that nodes that start together change it once. A database of a newer Walaa is
//! refused. The user that serves needs no right to change the schema; the one that owns it does this.

use tokio_postgres::{Client, SimpleQueryMessage};

use super::connection::{PostgresConfig, address, tls};
use crate::db::DbError;

/// What brings the schema from each version to the next.
const MIGRATIONS: &[&str] = &[include_str!("migrations/0001_ledger.sql")];

/// The number of the lock that is held while the schema changes: "WALAmig".
const LOCK: i64 = 0x57_414c_416d_6967;

/// A change of the schema may take long on a large table.
const PATIENT: &str = "-c statement_timeout=0 -c lock_timeout=60s -c idle_in_transaction_session_timeout=0";

/// Tables of which rows are only ever added.
const ADDED_TO: &str = "documents, entries, journal, journal_seals";

/// Tables of which rows also change or go.
const CHANGED: &str = "bookkeeping, sequencer, members, identities, cards, lots, passes, vouchers, tokens, redemptions, earnings, ops, \
    journal_unsealed, counters, presence, registrations, device_logs, outbox, dead_letters, google_objects, google_events, google_classes, \
    verifications";

/// What was found and done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migrated {
    /// The version before; 0 for an empty database.
    pub from: usize,
    /// The version now.
    pub to: usize,
}

/// Brings the database to the newest schema.
///
/// # Errors
/// [`DbError::Unavailable`] when it can't be reached or the user may not; [`DbError::Corrupt`] when it is another program's database or
/// of a newer Walaa.
pub async fn migrate(config: &PostgresConfig) -> Result<Migrated, DbError> {
    let client = connect(config).await?;
    client.batch_execute(&format!("SELECT pg_advisory_lock({LOCK})")).await?;
    let from = version(&client).await?;
    for (at, migration) in MIGRATIONS.iter().enumerate().skip(from) {
        let number = at + 1;
        let script = format!(
            "BEGIN; {migration}; CREATE TABLE IF NOT EXISTS walaa_schema (version BIGINT PRIMARY KEY); \
             INSERT INTO walaa_schema VALUES ({number}); COMMIT"
        );
        client.batch_execute(&script).await.map_err(|error| {
            if error.code() == Some(&tokio_postgres::error::SqlState::INSUFFICIENT_PRIVILEGE) {
                return DbError::Unavailable(format!("schema {number} is needed and this user may not make it: {MAY_NOT}"));
            }
            error.into()
        })?;
        tracing::info!(schema = number, "The database has a new schema.");
    }
    Ok(Migrated { from, to: MIGRATIONS.len() })
}

const MAY_NOT: &str = "run `walaa db migrate` with the owner's address in database.owner_url";

/// Gives a user the rights to serve, and no more.
///
/// # Errors
/// As [`migrate`]; there is no such user.
pub async fn grant(config: &PostgresConfig, user: &str) -> Result<(), DbError> {
    let client = connect(config).await?;
    let user = format!("\"{}\"", user.replace('"', "\"\""));
    let script = format!(
        "BEGIN; GRANT SELECT, INSERT ON {ADDED_TO} TO {user}; GRANT SELECT, INSERT, UPDATE, DELETE ON {CHANGED} TO {user}; \
         GRANT SELECT ON walaa_schema TO {user}; GRANT USAGE ON SEQUENCE journal_positions TO {user}; COMMIT"
    );
    Ok(client.batch_execute(&script).await?)
}

/// Brings the database to the newest schema if this user may; else refuses one that is not there yet.
///
/// # Errors
/// As [`migrate`].
pub async fn migrate_or_check(config: &PostgresConfig) -> Result<(), DbError> {
    let found = version(&connect(config).await?).await?;
    if found < MIGRATIONS.len() {
        migrate(config).await?;
    }
    Ok(())
}

/// A connection whose statements may take as long as they take.
///
/// # Errors
/// It can't be made.
pub(in crate::db) async fn connect(config: &PostgresConfig) -> Result<Client, DbError> {
    let (client, connection) = address(config, PATIENT)?.connect(tls(config)?).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection has ended");
        }
    });
    Ok(client)
}

async fn version(client: &Client) -> Result<usize, DbError> {
    let known =
        number(client, "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'walaa_schema'")
            .await?;
    if known == 0 {
        let others = number(client, "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()").await?;
        let foreign = DbError::Corrupt("there are another program's tables in the database; give Walaa one of its own".into());
        return if others == 0 { Ok(0) } else { Err(foreign) };
    }
    let version = number(client, "SELECT coalesce(max(version), 0) FROM walaa_schema").await?;
    let newest = MIGRATIONS.len();
    if version > newest {
        return Err(DbError::Corrupt(format!(
            "the database has schema {version} and this Walaa knows up to {newest}: use a newer one"
        )));
    }
    Ok(version)
}

async fn number(client: &Client, sql: &str) -> Result<usize, DbError> {
    let rows = client.simple_query(sql).await?;
    let first = rows.iter().find_map(|row| match row {
        SimpleQueryMessage::Row(row) => row.get(0)?.parse().ok(),
        _ => None,
    });
    first.ok_or_else(|| DbError::Corrupt("no number where one is".into()))
}
