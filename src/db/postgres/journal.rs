//! The journal: the sequencer's one transaction, and reading what it sealed.
//!
//! Many nodes write, one at a time numbers. Its few statements take a batch whatever its size; passes are locked last, and shortly.

use std::collections::{HashMap, HashSet};

use tokio_postgres::Row;

use super::codec::{hash, sql_limit};
use super::connection::{Client, all, execute, one};
use super::outbox;
use super::rows::{self, JOURNAL};
use crate::clock::Timestamp;
use crate::db::{DbError, JournalRecord, Sequenced};
use crate::ids::{OrgId, PassId};
use crate::ledger::{JournalRow, chain};

/// The advisory lock that makes a node the sequencer for one transaction: "walaaseq".
const SEQUENCER: i64 = i64::from_be_bytes(*b"walaaseq");

/// The most waiting rows that are counted: there is an alarm long before.
const MAX_COUNTED: usize = 100_000;

/// The last number and hash of an organisation's chain.
type Head = (i64, [u8; 32]);

/// A row that is to be numbered.
struct Taken {
    row: JournalRow,
    position: i64,
    /// The head of its organisation's chain before this batch.
    head: Head,
}

/// Whether [`sequence`] would find anything, which spares an idle node the transaction; and the largest `seq`.
pub(super) async fn standing(db: &Client) -> Result<(bool, i64), DbError> {
    let sql = "SELECT (SELECT position FROM journal_unsealed ORDER BY position LIMIT 1), last_seq FROM sequencer";
    let read = |row: &Row| Ok((row.try_get::<_, Option<i64>>(0)?.is_some(), row.try_get(1)?));
    one(db, sql, &[], read).await?.ok_or_else(no_sequencer)
}

fn no_sequencer() -> DbError {
    DbError::Corrupt("the table sequencer is empty".into())
}

/// Numbers the next rows, extends the chains, gives each changed pass its `seq` and owes it. In a transaction. Does nothing while another
/// node is the sequencer; `newest` is the largest `seq` before.
pub(super) async fn sequence(db: &Client, newest: i64, limit: usize, now: Timestamp) -> Result<Sequenced, DbError> {
    let idle = Sequenced { newest, ..Sequenced::default() };
    // A statement of its own: what the ones after it read is of after the lock was taken.
    let locked = one(db, "SELECT pg_try_advisory_xact_lock($1)", &[&SEQUENCER], |row| Ok(row.try_get(0)?)).await?;
    if locked != Some(true) {
        return Ok(idle);
    }
    let taken = take(db, limit).await?;
    if taken.is_empty() {
        return Ok(idle);
    }
    seal(db, &taken).await?;
    let (orgs, passes): (Vec<OrgId>, Vec<PassId>) = changed_passes(&taken).into_iter().unzip();
    let (owed, newest) = if passes.is_empty() { (0, newest) } else { renumber(db, (&orgs, &passes), now).await? };
    Ok(Sequenced { rows: taken.len(), owed, newest })
}

/// The rows with the lowest positions that wait, which then wait no more.
async fn take(db: &Client, limit: usize) -> Result<Vec<Taken>, DbError> {
    let sql = format!(
        "WITH taken AS (DELETE FROM journal_unsealed WHERE position = ANY (ARRAY(SELECT position FROM journal_unsealed \
         ORDER BY position LIMIT $1)) RETURNING position), \
         waiting AS MATERIALIZED (SELECT j.* FROM taken t JOIN journal j ON j.position = t.position), \
         heads AS (SELECT s.org, s.number, s.hash FROM (SELECT DISTINCT org FROM waiting) o CROSS JOIN LATERAL \
         (SELECT org, number, hash FROM journal_seals WHERE org = o.org ORDER BY number DESC LIMIT 1) s) \
         SELECT {JOURNAL}, j.position, coalesce(h.number, 0), h.hash FROM waiting j LEFT JOIN heads h ON h.org = j.org \
         ORDER BY j.position"
    );
    all(db, &sql, &[&sql_limit(limit)], |row| {
        let number: i64 = row.try_get(8)?;
        let last = if number == 0 { chain::GENESIS } else { hash(row, 9)? };
        Ok(Taken { row: rows::journal(row)?, position: row.try_get(7)?, head: (number, last) })
    })
    .await
}

async fn seal(db: &Client, taken: &[Taken]) -> Result<(), DbError> {
    let mut heads: HashMap<OrgId, Head> = HashMap::new();
    let (mut orgs, mut positions) = (Vec::with_capacity(taken.len()), Vec::with_capacity(taken.len()));
    let (mut numbers, mut previous, mut hashes) = (Vec::new(), Vec::<Vec<u8>>::new(), Vec::<Vec<u8>>::new());
    for Taken { row, position, head } in taken {
        let (number, last) = heads.get(&row.org).copied().unwrap_or(*head);
        let number = number + 1;
        let hash = chain::link(&last, number, row);
        orgs.push(row.org);
        positions.push(*position);
        numbers.push(number);
        previous.push(last.to_vec());
        hashes.push(hash.to_vec());
        heads.insert(row.org, (number, hash));
    }
    let sql = "INSERT INTO journal_seals (org, number, position, previous, hash) \
               SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[])";
    execute(db, sql, &[&orgs, &numbers, &positions, &previous, &hashes]).await?;
    Ok(())
}

/// Each changed pass once, in the order of the first change.
fn changed_passes(taken: &[Taken]) -> Vec<(OrgId, PassId)> {
    let mut seen = HashSet::new();
    let changed = taken.iter().flat_map(|taken| taken.row.passes.iter().map(|pass| (taken.row.org, *pass)));
    changed.filter(|key| seen.insert(*key)).collect()
}

/// Gives passes their `seq` in the order given and owes them; says how many wallets are owed, and the last number.
async fn renumber(db: &Client, keys: (&[OrgId], &[PassId]), now: Timestamp) -> Result<(usize, i64), DbError> {
    let (orgs, passes) = keys;
    let count = sql_limit(passes.len());
    let sql = "UPDATE sequencer SET last_seq = GREATEST(last_seq + 1, $1::bigint) + $2::bigint - 1 RETURNING last_seq";
    let last: Option<i64> = one(db, sql, &[&now, &count], |row| Ok(row.try_get(0)?)).await?;
    let last = last.ok_or_else(no_sequencer)?;
    let seqs: Vec<i64> = (last - count + 1..=last).collect();
    let sql = "SELECT 1 FROM unnest($1::bytea[], $2::bytea[]) AS w (org, pass) JOIN passes p ON p.org = w.org AND p.id = w.pass \
               ORDER BY p.org, p.id FOR NO KEY UPDATE OF p";
    execute(db, sql, &[&orgs, &passes]).await?;
    let sql = "UPDATE passes p SET seq = w.seq FROM unnest($1::bytea[], $2::bytea[], $3::bigint[]) AS w (org, pass, seq) \
               WHERE p.org = w.org AND p.id = w.pass";
    // Begun after the locks are held, so that both see what was written before; the two don't touch each other's rows.
    let numbered = async { execute(db, sql, &[&orgs, &passes, &seqs]).await };
    let (_, owed) = tokio::try_join!(numbered, outbox::owe_all(db, keys, now))?;
    Ok((owed, last))
}

pub(super) async fn read(db: &Client, org: OrgId, after: i64, limit: usize) -> Result<Vec<JournalRecord>, DbError> {
    let sql = format!(
        "SELECT {JOURNAL}, s.number, s.previous, s.hash FROM journal_seals s JOIN journal j ON j.position = s.position \
         WHERE s.org = $1 AND s.number > $2 ORDER BY s.number LIMIT $3"
    );
    all(db, &sql, &[&org, &after, &sql_limit(limit)], |row| {
        Ok(JournalRecord { row: rows::journal(row)?, number: row.try_get(7)?, previous: hash(row, 8)?, hash: hash(row, 9)? })
    })
    .await
}

/// Rows that are committed and not numbered yet, as far as they are counted.
pub(super) async fn unsealed(db: &Client) -> Result<usize, DbError> {
    let sql = "SELECT count(*) FROM (SELECT 1 FROM journal_unsealed LIMIT $1) u";
    let rows: Option<i64> = one(db, sql, &[&sql_limit(MAX_COUNTED)], |row| Ok(row.try_get(0)?)).await?;
    Ok(rows.and_then(|rows| usize::try_from(rows).ok()).unwrap_or_default())
}
