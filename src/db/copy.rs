//! Moves a whole ledger from SQLite to PostgreSQL: every row as it is, then a check of what arrived. The target counts as a ledger only
//! when it was found right: until then it has no epoch, and no gateway opens it.

use std::path::Path;
use std::pin::pin;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use tokio_postgres::Transaction;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};

use super::DbError;
use super::postgres::{PostgresConfig, connect_patiently};

/// Every table that both have, parents before children, with its columns.
const TABLES: &[(&str, &str)] = &[
    ("documents", "org, kind, id, version, body, at, actor"),
    ("members", "org, id, language, data_key, profile, active, created_at"),
    ("identities", "org, hash, member"),
    ("verifications", "org, member, number, code, made_at, tries, sent, claimed"),
    (
        "cards",
        "org, id, programme, member, number, held, debt, pass, code_generation, open_vouchers, active, created_at, verified",
    ),
    ("lots", "org, card, number, expires_on, available_from, available, held"),
    (
        "passes",
        "org, id, kind, card, programme, voucher, auth_kid, kid, generation, link_generation, version, last_modified, seq, state, \
         document_version, change_kind, change_points, change_at, fetched_version, fetched_at, on_google",
    ),
    ("vouchers", "org, id, card, programme, pass, reward, points, state, token, issued_at, expires_at, programme_version"),
    ("tokens", "org, hash, kid, kind, generation, card, pass, voucher, state, issued_at, expires_at, captured_by, epoch"),
    ("redemptions", "org, id, card, programme, token, voucher, lines, points, place, receipt, principal, at, state"),
    (
        "earnings",
        "org, id, programme, card, store, place, receipt, total, currency, returned, points, returned_points, programme_version, \
         occurred_at, recorded_at, lines",
    ),
    ("ops", "org, id, principal, key, fingerprint, kind, outcome, status, answer, at"),
    ("journal", "position, org, op, kind, actor, at, body, passes"),
    ("journal_seals", "org, number, position, previous, hash"),
    (
        "entries",
        "org, card, position, place, op, programme, lot, kind, debit, credit, amount, resolves_op, resolves_place, reverses_op, \
         reverses_place, at",
    ),
    ("counters", "org, card, metric, day, value"),
    ("presence", "org, card, totp_step, at"),
    ("registrations", "org, pass, device, pass_type, push_token, registered_at, pushed_at, pushed_version, listed_at"),
    ("device_logs", "at, org, pass, text"),
    ("outbox", "org, pass, channel, version, due_at, tries, stage, since, last_error, ready_at, leased"),
    ("dead_letters", "org, id, pass, channel, version, due_at, tries, stage, since, last_error, died_at"),
    ("google_objects", "org, pass, object, version, digest, written_at, notices, saved, saved_at, heard, checked_at, ask_at"),
    ("google_events", "nonce, org, pass, object, kind, at, expires_at"),
    ("google_classes", "org, class, digest, written_at"),
];

/// Sums that must be the same on both sides, beside the numbers of rows.
const SUMS: &[&str] = &[
    "SELECT CAST(coalesce(sum(amount), 0) AS BIGINT) FROM entries",
    "SELECT CAST(coalesce(sum(available), 0) AS BIGINT) FROM lots",
    "SELECT CAST(coalesce(sum(held), 0) AS BIGINT) FROM lots",
    "SELECT CAST(coalesce(sum(debt), 0) AS BIGINT) FROM cards",
    "SELECT CAST(coalesce(sum(value), 0) AS BIGINT) FROM counters",
];

/// What was moved.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Copied {
    /// Rows of each table.
    pub rows: Vec<(&'static str, i64)>,
}

/// Why nothing was copied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CopyError {
    /// The target has rows already, perhaps those of a copy that was broken off; names a table.
    #[error("the database that is copied to is not empty, {0} has rows: give it a new one")]
    NotEmpty(&'static str),
    /// A number or a sum is not the same on both sides.
    #[error("what arrived is not what was sent: the file says {here} and the server says {there} for: {question}")]
    Differs {
        /// What was counted, in SQL.
        question: String,
        /// By the file.
        here: i64,
        /// By the server.
        there: i64,
    },
    /// Either database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<rusqlite::Error> for CopyError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Db(error.into())
    }
}

impl From<tokio_postgres::Error> for CopyError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Db(error.into())
    }
}

/// Copies every row into an empty database at the newest schema, in one transaction. What arrives is no ledger before [`finish`].
///
/// The file must not be served meanwhile, and be at the newest schema (opening it once brings it there).
///
/// # Errors
/// See [`CopyError`]; nothing was copied then.
pub async fn fill(from: &Path, to: &PostgresConfig) -> Result<Copied, CopyError> {
    let source = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    source.execute_batch("BEGIN")?;
    let mut client = connect_patiently(to).await?;
    let target = client.transaction().await?;
    target.batch_execute("LOCK TABLE bookkeeping IN EXCLUSIVE MODE").await?;
    refuse_filled(&target).await?;
    target.batch_execute("DELETE FROM bookkeeping").await?;
    let mut copied = Copied::default();
    for (table, columns) in TABLES {
        copied.rows.push((table, copy_table(&source, &target, (table, columns)).await?));
    }
    copy_counts(&source, &target).await?;
    for (table, rows) in &copied.rows {
        same(&source, &target, &format!("SELECT count(*) FROM {table}"), Some(*rows)).await?;
    }
    for sum in SUMS {
        same(&source, &target, sum, None).await?;
    }
    target.commit().await?;
    // Fresh tables have no statistics; the first hours would be planned without.
    client.batch_execute("ANALYZE").await?;
    Ok(copied)
}

/// Makes a ledger of what [`fill`] brought, once it was checked.
///
/// # Errors
/// Either database fails.
pub async fn finish(from: &Path, to: &PostgresConfig) -> Result<(), DbError> {
    let source = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    let epoch: i64 = source.query_row("SELECT epoch FROM bookkeeping", [], |row| row.get(0))?;
    let client = connect_patiently(to).await?;
    client.execute("INSERT INTO bookkeeping (id, epoch, health) VALUES (1, $1, 0)", &[&epoch]).await?;
    Ok(())
}

async fn refuse_filled(target: &Transaction<'_>) -> Result<(), CopyError> {
    for (table, _) in TABLES {
        let found = target.query_opt(&format!("SELECT 1 FROM {table} LIMIT 1"), &[]).await?;
        if found.is_some() {
            return Err(CopyError::NotEmpty(table));
        }
    }
    Ok(())
}

async fn copy_table(source: &Connection, target: &Transaction<'_>, (table, columns): (&str, &str)) -> Result<i64, DbError> {
    let statement = target.prepare(&format!("SELECT {columns} FROM {table}")).await?;
    let types: Vec<Type> = statement.columns().iter().map(|column| column.type_().clone()).collect();
    let sink = target.copy_in(&format!("COPY {table} ({columns}) FROM STDIN BINARY")).await?;
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &types));
    let mut select = source.prepare(&format!("SELECT {columns} FROM {table}"))?;
    let mut rows = select.query([])?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        let mut values: Vec<Box<dyn ToSql + Sync>> = Vec::with_capacity(types.len());
        for (place, kind) in types.iter().enumerate() {
            values.push(value(row.get_ref(place)?, kind)?);
        }
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| &**value).collect();
        writer.as_mut().write(&values).await?;
        count += 1;
    }
    writer.finish().await?;
    Ok(count)
}

/// A value as the target's column has it. Truth is 0 or 1 in SQLite.
fn value(value: ValueRef<'_>, kind: &Type) -> Result<Box<dyn ToSql + Sync>, DbError> {
    let wrong = || DbError::Corrupt(format!("a value of the file does not fit a column of type {kind}"));
    Ok(match (value, kind) {
        (ValueRef::Null, &Type::BYTEA) => Box::new(None::<Vec<u8>>),
        (ValueRef::Null, &Type::TEXT) => Box::new(None::<String>),
        (ValueRef::Null, &Type::INT8) => Box::new(None::<i64>),
        (ValueRef::Null, &Type::BOOL) => Box::new(None::<bool>),
        (ValueRef::Integer(number), &Type::INT8) => Box::new(number),
        (ValueRef::Integer(number), &Type::INT4) => Box::new(i32::try_from(number).map_err(|_| wrong())?),
        (ValueRef::Integer(number), &Type::INT2) => Box::new(i16::try_from(number).map_err(|_| wrong())?),
        (ValueRef::Integer(number @ (0 | 1)), &Type::BOOL) => Box::new(number == 1),
        (ValueRef::Text(text), &Type::TEXT) => Box::new(std::str::from_utf8(text).map_err(|_| wrong())?.to_owned()),
        (ValueRef::Blob(bytes), &Type::BYTEA) => Box::new(bytes.to_vec()),
        _ => return Err(wrong()),
    })
}

/// What each database counts in its own way: the newest seq, what is numbered, where positions go on.
async fn copy_counts(source: &Connection, target: &Transaction<'_>) -> Result<(), DbError> {
    let sql = "SELECT last_seq, sealed_position FROM bookkeeping";
    let (last_seq, sealed): (i64, i64) = source.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    target.execute("UPDATE sequencer SET last_seq = $1", &[&last_seq]).await?;
    target.execute("INSERT INTO journal_unsealed SELECT position FROM journal WHERE position > $1", &[&sealed]).await?;
    target.batch_execute("SELECT setval('journal_positions', (SELECT coalesce(max(position), 0) + 1 FROM journal))").await?;
    Ok(())
}

async fn same(source: &Connection, target: &Transaction<'_>, sql: &str, expected: Option<i64>) -> Result<(), CopyError> {
    let here: i64 = source.query_row(sql, [], |row| row.get(0))?;
    let there: i64 = target.query_one(sql, &[]).await?.try_get(0)?;
    if here == there && expected.is_none_or(|expected| expected == here) {
        return Ok(());
    }
    Err(CopyError::Differs { question: sql.to_owned(), here, there })
}
