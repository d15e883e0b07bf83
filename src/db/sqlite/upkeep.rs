//! What sweeps look for, and what operators ask for.

use std::path::Path;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, params};

use super::codec::sql_limit;
use super::connection::{create_new_file, open_reader};
use super::load::{all, one, prepare};
use super::reads::programme_versions;
use super::rows::{self, TOKEN};
use crate::clock::Timestamp;
use crate::db::{DbError, Expired, Stale};
use crate::ids::{MemberId, OrgId};
use crate::ledger::{Token, TokenHash};

/// What operators ask for, and the table that holds it.
const FIGURES: &[(&str, &str)] = &[
    ("members", "members"),
    ("cards", "cards"),
    ("passes", "passes"),
    ("entries", "entries"),
    ("ops", "ops"),
    ("registrations", "registrations"),
    ("outbox", "outbox"),
    ("dead_letters", "dead_letters"),
];

/// Tokens that are passed over at once in search of those of an earlier epoch.
const STRIDE: usize = 4_096;

/// Pages to copy at once: all of them, as one snapshot. In parts, each commit of the server would start the copy anew.
const ALL_PAGES: i32 = -1;

pub(super) fn expired_tokens(db: &Connection, now: Timestamp, limit: usize) -> Result<Vec<Expired>, DbError> {
    let sql = "SELECT org, hash, card, voucher FROM tokens WHERE state = 'issued' AND expires_at IS NOT NULL AND expires_at < ?1 \
               ORDER BY expires_at LIMIT ?2";
    all(&mut prepare(db, sql)?, params![now, sql_limit(limit)], |row| {
        Ok(Expired { org: row.get(0)?, token: row.get(1)?, card: row.get(2)?, voucher: row.get(3)? })
    })
}

/// Walks along the primary key in strides: no index is kept for a question that is asked after a restore only. The unary plus keeps the
/// index of a card's open tokens out of it, which is in another order.
pub(super) fn tokens_before_epoch(
    db: &Connection,
    org: OrgId,
    after: Option<TokenHash>,
    limit: usize,
) -> Result<Vec<Token>, DbError> {
    let stride = "SELECT hash FROM tokens WHERE org = ?1 AND hash > ?2 ORDER BY hash LIMIT 1 OFFSET ?3";
    let old = format!(
        "SELECT {TOKEN} FROM tokens WHERE org = ?1 AND hash > ?2 AND hash <= ?3 AND +state = 'issued' AND kind <> 'identify' \
         AND epoch < (SELECT epoch FROM bookkeeping) ORDER BY hash LIMIT ?4"
    );
    let (mut found, mut after) = (Vec::new(), after.map_or(Vec::new(), |hash| hash.to_vec()));
    loop {
        let end: Option<Vec<u8>> = one(&mut prepare(db, stride)?, params![org, after, sql_limit(STRIDE)], |row| row.get(0))?;
        let last = end.clone().unwrap_or_else(|| vec![u8::MAX; 32]);
        found.extend(all(&mut prepare(db, &old)?, params![org, after, last, sql_limit(limit - found.len())], rows::token)?);
        match end {
            Some(end) if found.len() < limit => after = end,
            _ => return Ok(found),
        }
    }
}

/// The cards that wait for a proof have an index of their own; most shops have none.
pub(super) fn never_verified(db: &Connection, before: Timestamp, limit: usize) -> Result<Vec<(OrgId, MemberId)>, DbError> {
    let sql = "SELECT DISTINCT c.org, c.member FROM cards c INDEXED BY cards_unverified \
               WHERE c.verified = 0 AND c.active = 1 AND c.created_at < ?1 AND NOT EXISTS \
               (SELECT 1 FROM cards o WHERE o.org = c.org AND o.member = c.member AND o.active = 1 AND (o.verified = 1 OR EXISTS \
                (SELECT 1 FROM lots l WHERE l.org = o.org AND l.card = o.id))) LIMIT ?2";
    all(&mut prepare(db, sql)?, params![before, sql_limit(limit)], |row| Ok((row.get(0)?, row.get(1)?)))
}

pub(super) fn stale_passes(db: &Connection, limit: usize) -> Result<Option<Stale>, DbError> {
    let sql = "SELECT id FROM passes WHERE org = ?1 AND programme = ?2 AND document_version < ?3 AND state = 'active' LIMIT ?4";
    for (org, programme, version) in programme_versions(db)? {
        let passes = all(&mut prepare(db, sql)?, params![org, programme, version, sql_limit(limit)], rows::pass_id)?;
        if !passes.is_empty() {
            return Ok(Some(Stale { org, programme, passes }));
        }
    }
    Ok(None)
}

pub(super) fn forget_answers(db: &Connection, before: Timestamp, limit: usize) -> Result<usize, DbError> {
    let sql = "UPDATE ops SET answer = NULL WHERE (org, id) IN \
               (SELECT org, id FROM ops WHERE answer IS NOT NULL AND at < ?1 ORDER BY at LIMIT ?2)";
    Ok(prepare(db, sql)?.execute(params![before, sql_limit(limit)])?)
}

pub(super) fn forget_codes(db: &Connection, before: Timestamp, limit: usize) -> Result<usize, DbError> {
    let sql = "DELETE FROM tokens WHERE (org, hash) IN \
               (SELECT org, hash FROM tokens WHERE kind IN ('live', 'typed') AND state NOT IN ('issued', 'captured') \
                AND expires_at < ?1 ORDER BY expires_at LIMIT ?2)";
    Ok(prepare(db, sql)?.execute(params![before, sql_limit(limit)])?)
}

pub(super) fn high_water(db: &Connection) -> Result<(i64, Timestamp), DbError> {
    let epoch = epoch(db)?;
    // Newer operations have their answers, so the index finds the newest one; the table is read only if every answer was forgotten.
    let newest = |sql: &str| -> Result<Option<Timestamp>, DbError> { Ok(prepare(db, sql)?.query_row([], |row| row.get(0))?) };
    let last = match newest("SELECT max(at) FROM ops WHERE answer IS NOT NULL")? {
        Some(at) => Some(at),
        None => newest("SELECT max(at) FROM ops")?,
    };
    Ok((epoch, last.unwrap_or_default()))
}

pub(super) fn epoch(db: &Connection) -> Result<i64, DbError> {
    Ok(prepare(db, "SELECT epoch FROM bookkeeping")?.query_row([], |row| row.get(0))?)
}

pub(super) fn raise_epoch(db: &Connection) -> Result<i64, DbError> {
    Ok(prepare(db, "UPDATE bookkeeping SET epoch = epoch + 1 RETURNING epoch")?.query_row([], |row| row.get(0))?)
}

/// A durable write of no consequence.
pub(super) fn write_something(db: &Connection) -> Result<(), DbError> {
    prepare(db, "UPDATE bookkeeping SET health = health + 1")?.execute([])?;
    Ok(())
}

pub(super) fn read_something(db: &Connection) -> Result<(), DbError> {
    Ok(prepare(db, "SELECT health FROM bookkeeping")?.query_row([], |_| Ok(()))?)
}

pub(super) fn figures(db: &Connection) -> Result<Vec<(&'static str, i64)>, DbError> {
    let count = |table: &str| {
        prepare(db, &format!("SELECT count(*) FROM {table}"))?.query_row([], |row| row.get(0)).map_err(DbError::from)
    };
    FIGURES.iter().map(|(name, table)| Ok((*name, count(table)?))).collect()
}

/// Copies the database at `from` into the new file `to`; a failed copy leaves no file.
pub(super) fn backup(from: &Path, to: &Path) -> Result<(), DbError> {
    create_new_file(to)?;
    let copied = copy(from, to);
    if copied.is_err() {
        let _ = std::fs::remove_file(to);
    }
    copied
}

fn copy(from: &Path, to: &Path) -> Result<(), DbError> {
    let source = open_reader(from)?;
    let mut target = Connection::open(to)?;
    let backup = Backup::new(&source, &mut target)?;
    match backup.step(ALL_PAGES)? {
        StepResult::Done => Ok(()),
        other => Err(DbError::Unavailable(format!("the copy stopped: {other:?}"))),
    }
}
