//! The read-only connections. Point reads run where they are asked: they take microseconds from a page cache, less than a hop to
//! another thread. Long ones run on the blocking pool with connections of their own, so that no point read waits behind them.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use rusqlite::Connection;

use super::connection::open_reader;
use crate::db::DbError;

/// Connections for point reads: as many as workers could use at once on a small machine.
const QUICK: usize = 4;

/// Connections for long reads.
const LONG: usize = 2;

type Pool = Vec<Mutex<Connection>>;

/// The pools of read-only connections.
pub(super) struct Readers {
    quick: Pool,
    long: Arc<Pool>,
}

impl Readers {
    pub fn open(path: &Path) -> Result<Self, DbError> {
        let pool = |size: usize| (0..size).map(|_| open_reader(path).map(Mutex::new)).collect::<Result<Pool, _>>();
        Ok(Self { quick: pool(QUICK)?, long: Arc::new(pool(LONG)?) })
    }

    /// Closes the connections, so that the writer's is the last one: only then SQLite copies the write-ahead log back into the file.
    pub fn close(&mut self) {
        self.quick.clear();
        self.long = Arc::default();
    }

    /// A read of a few rows by their keys, here and now.
    pub fn quick<T>(&self, read: impl FnOnce(&Connection) -> Result<T, DbError>) -> Result<T, DbError> {
        with_one(&self.quick, read)
    }

    /// A read that may take long, away from the threads that serve.
    pub async fn long<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, DbError> + Send + 'static,
    ) -> Result<T, DbError> {
        let pool = Arc::clone(&self.long);
        let done = tokio::task::spawn_blocking(move || with_one(&pool, read)).await;
        done.unwrap_or_else(|error| Err(DbError::Unavailable(error.to_string())))
    }
}

/// The first connection that is free; if none is, waits for the first. What it reads is one snapshot.
fn with_one<T>(pool: &Pool, read: impl FnOnce(&Connection) -> Result<T, DbError>) -> Result<T, DbError> {
    for connection in pool {
        match connection.try_lock() {
            Ok(connection) => return read(&connection),
            Err(TryLockError::Poisoned(poisoned)) => return read(&poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => {}
        }
    }
    let Some(first) = pool.first() else { return Err(DbError::Unavailable("no connection".into())) };
    read(&first.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Runs several reads on one snapshot.
pub(super) fn snapshot<T>(db: &Connection, read: impl FnOnce(&Connection) -> Result<T, DbError>) -> Result<T, DbError> {
    let transaction = db.unchecked_transaction()?;
    let result = read(&transaction)?;
    transaction.commit()?;
    Ok(result)
}
