//! The journal: the sequencer's one transaction, and reading what it sealed.

use std::collections::HashMap;

use rusqlite::{Connection, params};

use super::codec::sql_limit;
use super::load::{all, one, prepare};
use super::outbox;
use super::rows::{self, JOURNAL};
use crate::clock::Timestamp;
use crate::db::{DbError, JournalRecord, Sequenced};
use crate::ids::{OrgId, PassId};
use crate::ledger::{JournalRow, chain};

/// Numbers the next rows, extends the chains, gives each changed pass its `seq` and owes it.
pub(super) fn sequence(db: &Connection, limit: usize, now: Timestamp) -> Result<Sequenced, DbError> {
    let sql = "SELECT sealed_position, last_seq FROM bookkeeping";
    let (sealed, mut seq): (i64, i64) = prepare(db, sql)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let sql = format!("SELECT {JOURNAL}, j.position FROM journal j WHERE j.position > ?1 ORDER BY j.position LIMIT ?2");
    let rows: Vec<(JournalRow, i64)> =
        all(&mut prepare(db, &sql)?, params![sealed, sql_limit(limit)], |row| Ok((rows::journal(row)?, row.get(7)?)))?;
    let Some((_, last)) = rows.last() else { return Ok(Sequenced { newest: seq, ..Sequenced::default() }) };
    let last = *last;
    seal(db, &rows)?;
    let mut owed = 0;
    for (org, pass) in changed_passes(&rows) {
        seq = (seq + 1).max(now.millis());
        prepare(db, "UPDATE passes SET seq = ?3 WHERE org = ?1 AND id = ?2")?.execute(params![org, pass, seq])?;
        owed += outbox::owe_to_phones(db, (org, pass), now)?;
        owed += outbox::owe_to_google(db, (org, pass), now)?;
    }
    prepare(db, "UPDATE bookkeeping SET sealed_position = ?1, last_seq = ?2")?.execute(params![last, seq])?;
    Ok(Sequenced { rows: rows.len(), owed, newest: seq })
}

fn seal(db: &Connection, rows: &[(JournalRow, i64)]) -> Result<(), DbError> {
    let mut heads: HashMap<OrgId, (i64, [u8; 32])> = HashMap::new();
    for (row, position) in rows {
        let (number, previous) = match heads.get(&row.org) {
            Some(head) => *head,
            None => head(db, row.org)?,
        };
        let number = number + 1;
        let hash = chain::link(&previous, number, row);
        let sql = "INSERT INTO journal_seals (org, number, position, previous, hash) VALUES (?1, ?2, ?3, ?4, ?5)";
        prepare(db, sql)?.execute(params![row.org, number, position, previous, hash])?;
        heads.insert(row.org, (number, hash));
    }
    Ok(())
}

fn head(db: &Connection, org: OrgId) -> Result<(i64, [u8; 32]), DbError> {
    let sql = "SELECT number, hash FROM journal_seals WHERE org = ?1 ORDER BY number DESC LIMIT 1";
    let head = one(&mut prepare(db, sql)?, params![org], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(head.unwrap_or((0, chain::GENESIS)))
}

/// Each changed pass once, in the order of the first change.
fn changed_passes(rows: &[(JournalRow, i64)]) -> Vec<(OrgId, PassId)> {
    let mut seen = std::collections::HashSet::new();
    let changed = rows.iter().flat_map(|(row, _)| row.passes.iter().map(|pass| (row.org, *pass)));
    changed.filter(|key| seen.insert(*key)).collect()
}

pub(super) fn read(db: &Connection, org: OrgId, after: i64, limit: usize) -> Result<Vec<JournalRecord>, DbError> {
    let sql = format!(
        "SELECT {JOURNAL}, s.number, s.previous, s.hash FROM journal_seals s JOIN journal j ON j.position = s.position \
         WHERE s.org = ?1 AND s.number > ?2 ORDER BY s.number LIMIT ?3"
    );
    all(&mut prepare(db, &sql)?, params![org, after, sql_limit(limit)], |row| {
        Ok(JournalRecord { row: rows::journal(row)?, number: row.get(7)?, previous: row.get(8)?, hash: row.get(9)? })
    })
}

/// How many rows are not numbered yet, and the largest `seq`. Positions have no gaps: no row is ever deleted.
pub(super) fn standing(db: &Connection) -> Result<(usize, i64), DbError> {
    let sql = "SELECT (SELECT coalesce(max(position), 0) FROM journal) - sealed_position, last_seq FROM bookkeeping";
    let (rows, newest): (i64, i64) = prepare(db, sql)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok((usize::try_from(rows).unwrap_or(0), newest))
}
