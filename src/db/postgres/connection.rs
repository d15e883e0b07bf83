//! Reaching the server: its address, TLS, what every session is set to, the pool.
//!
//! Only a server that takes writes is taken: a standby is passed over, so that no decision and no answer is read from the past.

use std::ops::Deref;
use std::path::PathBuf;
use std::time::Duration;

use deadpool_postgres::{ClientWrapper, Manager, ManagerConfig, Object, PoolError, RecyclingMethod, Runtime};
use openssl::ssl::{SslConnector, SslMethod};
use postgres_openssl::MakeTlsConnector;
use tokio_postgres::config::{SslMode, TargetSessionAttrs};
use tokio_postgres::{Config, Row};

use super::codec::Param;
use crate::db::DbError;

/// A connection that remembers its prepared statements.
pub(super) type Client = ClientWrapper;

/// Time to connect, TLS and sign-in included.
const CONNECT: Duration = Duration::from_secs(3);

/// How long a request waits for a free connection.
const WAIT: Duration = Duration::from_secs(2);

/// What every session is set to. A commit is durable before it is answered, whatever the server's default is; what waits or hangs is
/// bounded, and so is a transaction whose client is gone.
const SESSION: &str = "-c synchronous_commit=on -c default_transaction_isolation=read\\ committed -c timezone=UTC \
    -c lock_timeout=2s -c statement_timeout=10s -c idle_in_transaction_session_timeout=5s -c client_min_messages=warning";

/// Requests look up keys by an index, whatever the statistics of a young table say: a plan that was made while it was empty stays.
const PLANS: &str = "-c enable_seqscan=off -c jit=off";

/// Reading whole tables for a check or a figure may take as long as it takes.
const LONG: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 0; SET LOCAL enable_seqscan = on; \
    SET LOCAL idle_in_transaction_session_timeout = 0";

/// How to reach the database.
#[derive(Clone)]
pub struct PostgresConfig {
    /// `postgres://user:password@host:port/database`, several hosts allowed; `sslmode=require` for TLS, whose certificate is always checked.
    pub url: String,
    /// Whom to trust for TLS; the system's roots without it.
    pub ca_file: Option<PathBuf>,
    /// Connections for everything but decisions, which have their own.
    pub connections: usize,
}

impl PostgresConfig {
    /// Connections unless the operator says otherwise: reads are short, and the server pays for each.
    pub const CONNECTIONS: usize = 16;

    /// The usual settings for an address.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), ca_file: None, connections: Self::CONNECTIONS }
    }
}

impl std::fmt::Debug for PostgresConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresConfig")
            .field("ca_file", &self.ca_file)
            .field("connections", &self.connections)
            .finish_non_exhaustive()
    }
}

/// An address as the driver wants it, with what sessions are set to.
///
/// # Errors
/// [`DbError::Unavailable`] with what is wrong with it; its password is not in the words.
pub(super) fn address(config: &PostgresConfig, more_options: &str) -> Result<Config, DbError> {
    let mut address: Config = config.url.parse().map_err(|error: tokio_postgres::Error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        DbError::Unavailable(format!("the address of the database can't be used: {cause}"))
    })?;
    address
        .options(format!("{SESSION} {more_options}"))
        .connect_timeout(CONNECT)
        .keepalives_idle(Duration::from_secs(30))
        .application_name("walaa")
        .target_session_attrs(TargetSessionAttrs::ReadWrite);
    if address.get_ssl_mode() == SslMode::Prefer {
        // "Prefer" would go on in the clear when somebody on the way says no.
        address.ssl_mode(SslMode::Disable);
    }
    Ok(address)
}

/// TLS that checks the server's certificate and name.
///
/// # Errors
/// [`DbError::Unavailable`] when the file of trusted roots can't be read.
pub(super) fn tls(config: &PostgresConfig) -> Result<MakeTlsConnector, DbError> {
    let failed = |error: openssl::error::ErrorStack| DbError::Unavailable(format!("TLS to the database: {error}"));
    let mut builder = SslConnector::builder(SslMethod::tls_client()).map_err(failed)?;
    if let Some(path) = &config.ca_file {
        builder
            .set_ca_file(path)
            .map_err(|error| DbError::Unavailable(format!("{}: no certificates to trust: {error}", path.display())))?;
    }
    Ok(MakeTlsConnector::new(builder.build()))
}

/// The connections that requests share.
#[derive(Clone)]
pub(super) struct Pool(deadpool_postgres::Pool);

impl Pool {
    /// Makes the pool; connects when it is first used.
    pub fn new(config: &PostgresConfig) -> Result<Self, DbError> {
        let settings = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(address(config, PLANS)?, tls(config)?, settings);
        let pool = deadpool_postgres::Pool::builder(manager)
            .max_size(config.connections.max(2))
            .wait_timeout(Some(WAIT))
            .create_timeout(Some(CONNECT))
            .runtime(Runtime::Tokio1)
            .build();
        Ok(Self(pool.map_err(|error| DbError::Unavailable(error.to_string()))?))
    }

    /// A connection, outside any transaction: each statement is one of its own.
    pub async fn get(&self) -> Result<Object, DbError> {
        self.0.get().await.map_err(|error| match error {
            PoolError::Backend(error) => error.into(),
            PoolError::Timeout(_) => DbError::Unavailable("no connection is free".into()),
            other => DbError::Unavailable(other.to_string()),
        })
    }

    /// A transaction that writes.
    pub async fn begin(&self) -> Result<Transaction, DbError> {
        self.start("BEGIN").await
    }

    /// A snapshot for long reads.
    pub async fn snapshot(&self) -> Result<Transaction, DbError> {
        self.start(LONG).await
    }

    async fn start(&self, how: &str) -> Result<Transaction, DbError> {
        // Guarded before it is begun: whoever asked may go away at any moment, and an open transaction must not come back to the pool.
        let transaction = Transaction { client: Some(self.get().await?) };
        transaction.batch_execute(how).await?;
        Ok(transaction)
    }
}

/// An open transaction. Dropped without [`Self::commit`], it is rolled back with its connection.
pub(super) struct Transaction {
    client: Option<Object>,
}

impl Transaction {
    /// Makes durable what was done.
    ///
    /// # Errors
    /// [`DbError::Unavailable`]: it may have been done all the same.
    pub async fn commit(mut self) -> Result<(), DbError> {
        let Some(client) = self.client.take() else { return Ok(()) };
        let committed = client.batch_execute("COMMIT").await;
        if committed.is_err() {
            drop(Object::take(client));
        }
        Ok(committed?)
    }
}

impl Deref for Transaction {
    type Target = Client;

    fn deref(&self) -> &Client {
        self.client.as_ref().expect("only a commit takes it, and the transaction with it")
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            drop(Object::take(client));
        }
    }
}

/// The first row, if there is one.
pub(super) async fn one<T>(
    db: &Client,
    sql: &str,
    params: &[Param<'_>],
    read: impl FnOnce(&Row) -> Result<T, DbError>,
) -> Result<Option<T>, DbError> {
    let statement = db.prepare_cached(sql).await?;
    let rows = db.query(&statement, params).await?;
    rows.first().map(read).transpose()
}

/// Every row.
pub(super) async fn all<T>(
    db: &Client,
    sql: &str,
    params: &[Param<'_>],
    read: impl FnMut(&Row) -> Result<T, DbError>,
) -> Result<Vec<T>, DbError> {
    let statement = db.prepare_cached(sql).await?;
    let rows = db.query(&statement, params).await?;
    rows.iter().map(read).collect()
}

/// Writes; says how many rows it touched.
pub(super) async fn execute(db: &Client, sql: &str, params: &[Param<'_>]) -> Result<usize, DbError> {
    let statement = db.prepare_cached(sql).await?;
    let rows = db.execute(&statement, params).await?;
    Ok(usize::try_from(rows).unwrap_or(usize::MAX))
}
