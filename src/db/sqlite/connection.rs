//! Opening the file: permissions, pragmas, migrations. Forward only; a file of a newer Walaa is refused.

use std::fs::OpenOptions;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::db::DbError;

/// Marks the file as Walaa's own, so that another program's database is not taken for an empty one: "WALA".
const APPLICATION_ID: i64 = 0x5741_4c41;

/// What brings the schema from each version to the next.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_ledger.sql"),
    include_str!("migrations/0002_forgetting.sql"),
    include_str!("migrations/0003_google.sql"),
    include_str!("migrations/0004_verification.sql"),
];

/// How long a connection waits for another process that holds the write lock, such as a command line at work.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Statements that a connection keeps prepared: more than there are.
const STATEMENTS: usize = 256;

/// Only the owner reads the ledger.
const FILE_MODE: u32 = 0o600;

/// For connections that write. The cache is counted in KiB when negative. The log is copied back by [`super::checkpoint`], not at commits.
/// What is deleted is overwritten, so that an erased profile does not go on living in a free page.
const WRITER_PRAGMAS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
    PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 67108864; \
    PRAGMA secure_delete = ON;";

const READER_PRAGMAS: &str = "PRAGMA query_only = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -4096;";

/// Opens the file for writing, made with mode 0600 when there is none, at the newest schema.
pub(super) fn open_writer(path: &Path) -> Result<Connection, DbError> {
    own_file(path, OpenOptions::new().write(true).create(true).truncate(false))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut db = Connection::open_with_flags(path, flags)?;
    prepare(&db, WRITER_PRAGMAS)?;
    migrate(&mut db)?;
    Ok(db)
}

/// Opens the file for reading; the writer has opened it before.
pub(super) fn open_reader(path: &Path) -> Result<Connection, DbError> {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    prepare(&db, READER_PRAGMAS)?;
    Ok(db)
}

/// Makes a new, empty file with mode 0600; refuses one that exists.
pub(super) fn create_new_file(path: &Path) -> Result<(), DbError> {
    own_file(path, OpenOptions::new().write(true).create_new(true))
}

fn own_file(path: &Path, options: &mut OpenOptions) -> Result<(), DbError> {
    let failed = |error: std::io::Error| DbError::Unavailable(format!("{}: {error}", path.display()));
    let file = options.mode(FILE_MODE).open(path).map_err(failed)?;
    let permissions = file.metadata().map_err(failed)?.permissions();
    if permissions.mode() & 0o077 != 0 {
        file.set_permissions(std::fs::Permissions::from_mode(FILE_MODE)).map_err(failed)?;
    }
    Ok(())
}

fn prepare(db: &Connection, pragmas: &str) -> Result<(), DbError> {
    db.busy_timeout(BUSY_TIMEOUT)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    db.execute_batch(pragmas)?;
    Ok(())
}

fn migrate(db: &mut Connection) -> Result<(), DbError> {
    let transaction = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let number = |pragma: &str| transaction.query_row(pragma, [], |row| row.get::<_, i64>(0));
    let version = number("PRAGMA user_version")?;
    let owner = number("PRAGMA application_id")?;
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    if owner != APPLICATION_ID && (owner != 0 || tables > 0) {
        return Err(DbError::Corrupt("the file is another program's database".into()));
    }
    let known = i64::try_from(MIGRATIONS.len()).expect("a handful of migrations");
    let Some(ahead) = usize::try_from(version).ok().and_then(|done| MIGRATIONS.get(done..)) else {
        return Err(DbError::Corrupt(format!(
            "the file has schema {version} and this Walaa knows up to {known}: use a newer one"
        )));
    };
    if ahead.is_empty() {
        return Ok(());
    }
    for migration in ahead {
        transaction.execute_batch(migration)?;
    }
    transaction.execute_batch(&format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {known};"))?;
    transaction.commit()?;
    tracing::info!(from = version, to = known, "The database has a new schema.");
    Ok(())
}
