//! What is owed to wallets: one row per pass and channel, claimed under a lease.

use rusqlite::{Connection, params};

use super::codec::sql_limit;
use super::load::{all, prepare};
use super::rows::{self, DEAD_LETTER, OUTBOX};
use crate::clock::Timestamp;
use crate::db::{Channel, DbError, DeadLetter, OutboxItem, OutboxResult};
use crate::ids::{DeadLetterId, OrgId, PassId};

/// What happens to a row that is owed already: the newest version, due at once, tried from the beginning; a lease stays.
const AGAIN: &str = "ON CONFLICT (org, pass, channel) DO UPDATE SET version = max(version, excluded.version), \
    due_at = excluded.due_at, tries = 0, stage = 0, last_error = NULL, \
    ready_at = CASE leased WHEN 1 THEN max(ready_at, excluded.due_at) ELSE excluded.due_at END";

/// Owes a pass to the phones that hold it, at its present version, due at `now`; says whether there are any, as 1 or 0.
pub(super) fn owe_to_phones(db: &Connection, (org, pass): (OrgId, PassId), now: Timestamp) -> Result<usize, DbError> {
    let sql = format!(
        "INSERT INTO outbox (org, pass, channel, version, due_at, tries, stage, since, last_error, ready_at, leased) \
         SELECT p.org, p.id, ?3, p.version, ?4, 0, 0, ?4, NULL, ?4, 0 FROM passes p WHERE p.org = ?1 AND p.id = ?2 \
         AND EXISTS (SELECT 1 FROM registrations r WHERE r.org = p.org AND r.pass = p.id) {AGAIN}"
    );
    Ok(prepare(db, &sql)?.execute(params![org, pass, Channel::Apple, now])?)
}

/// Owes a pass to Google Wallet, at its present version, due at `now`; says whether it is there, as 1 or 0.
pub(super) fn owe_to_google(db: &Connection, (org, pass): (OrgId, PassId), now: Timestamp) -> Result<usize, DbError> {
    let sql = format!(
        "INSERT INTO outbox (org, pass, channel, version, due_at, tries, stage, since, last_error, ready_at, leased) \
         SELECT p.org, p.id, ?3, p.version, ?4, 0, 0, ?4, NULL, ?4, 0 FROM passes p WHERE p.org = ?1 AND p.id = ?2 \
         AND p.on_google = 1 {AGAIN}"
    );
    Ok(prepare(db, &sql)?.execute(params![org, pass, Channel::Google, now])?)
}

/// Whether a claim would find anything: spares an idle worker the write.
pub(super) fn is_due(db: &Connection, channel: Channel, now: Timestamp) -> Result<bool, DbError> {
    Ok(next_due(db, channel)?.is_some_and(|due| due <= now))
}

/// What a worker wants.
#[derive(Clone, Copy)]
pub(super) struct Claim {
    pub channel: Channel,
    pub limit: usize,
    pub now: Timestamp,
    pub until: Timestamp,
}

pub(super) fn claim(db: &Connection, claim: Claim) -> Result<Vec<OutboxItem>, DbError> {
    let sql = format!(
        "UPDATE outbox SET leased = 1, ready_at = ?4 WHERE (org, pass, channel) IN (SELECT org, pass, channel FROM outbox \
         WHERE channel = ?1 AND ready_at <= ?2 ORDER BY ready_at LIMIT ?3) RETURNING {OUTBOX}"
    );
    let params = params![claim.channel, claim.now, sql_limit(claim.limit), claim.until];
    let mut items = all(&mut prepare(db, &sql)?, params, rows::outbox)?;
    items.sort_by_key(|item| (item.due_at, item.org, item.pass));
    Ok(items)
}

/// Ends a claim. A row that was owed again at a newer version since the claim stays as that made it, and is due at once.
pub(super) fn settle(db: &Connection, item: &OutboxItem, result: &OutboxResult) -> Result<(), DbError> {
    let key = (item.org, item.pass, item.channel);
    let settled = match result {
        OutboxResult::Done { version } => {
            let sql = "DELETE FROM outbox WHERE org = ?1 AND pass = ?2 AND channel = ?3 AND version <= ?4";
            prepare(db, sql)?.execute(params![key.0, key.1, key.2, version])?
        }
        OutboxResult::Later { due_at, tries, stage, error } => {
            let sql = "UPDATE outbox SET due_at = ?5, ready_at = ?5, tries = ?6, stage = ?7, last_error = ?8, leased = 0 \
                       WHERE org = ?1 AND pass = ?2 AND channel = ?3 AND version = ?4";
            prepare(db, sql)?.execute(params![key.0, key.1, key.2, item.version, due_at, tries, stage, error])?
        }
        OutboxResult::Dead { id, at, error } => {
            let sql = "DELETE FROM outbox WHERE org = ?1 AND pass = ?2 AND channel = ?3 AND version = ?4";
            let given_up = prepare(db, sql)?.execute(params![key.0, key.1, key.2, item.version])?;
            if given_up > 0 {
                bury(db, item, (*id, *at, error))?;
            }
            given_up
        }
    };
    if settled == 0 {
        let sql = "UPDATE outbox SET leased = 0, ready_at = due_at WHERE org = ?1 AND pass = ?2 AND channel = ?3";
        prepare(db, sql)?.execute(params![key.0, key.1, key.2])?;
    }
    Ok(())
}

fn bury(db: &Connection, item: &OutboxItem, (id, at, error): (DeadLetterId, Timestamp, &str)) -> Result<(), DbError> {
    let sql = "INSERT INTO dead_letters (org, id, pass, channel, version, due_at, tries, stage, since, last_error, died_at) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    prepare(db, sql)?.execute(params![
        item.org,
        id,
        item.pass,
        item.channel,
        item.version,
        item.due_at,
        item.tries,
        item.stage,
        item.since,
        error,
        at
    ])?;
    Ok(())
}

pub(super) fn next_due(db: &Connection, channel: Channel) -> Result<Option<Timestamp>, DbError> {
    Ok(prepare(db, "SELECT min(ready_at) FROM outbox WHERE channel = ?1")?.query_row(params![channel], |row| row.get(0))?)
}

pub(super) fn dead_letters(db: &Connection, org: OrgId, limit: usize) -> Result<Vec<DeadLetter>, DbError> {
    let sql = format!("SELECT {DEAD_LETTER} FROM dead_letters WHERE org = ?1 ORDER BY died_at DESC, id DESC LIMIT ?2");
    all(&mut prepare(db, &sql)?, params![org, sql_limit(limit)], rows::dead_letter)
}

/// Owes a dead letter again, from the beginning, at the pass's present version.
pub(super) fn replay(db: &Connection, org: OrgId, id: DeadLetterId, now: Timestamp) -> Result<bool, DbError> {
    let sql = "DELETE FROM dead_letters WHERE org = ?1 AND id = ?2 RETURNING pass, channel";
    let found: Option<(PassId, Channel)> =
        all(&mut prepare(db, sql)?, params![org, id], |row| Ok((row.get(0)?, row.get(1)?)))?.pop();
    let Some((pass, channel)) = found else { return Ok(false) };
    let sql = format!(
        "INSERT INTO outbox (org, pass, channel, version, due_at, tries, stage, since, last_error, ready_at, leased) \
         SELECT org, id, ?3, version, ?4, 0, 0, ?4, NULL, ?4, 0 FROM passes WHERE org = ?1 AND id = ?2 {AGAIN}"
    );
    prepare(db, &sql)?.execute(params![org, pass, channel, now])?;
    Ok(true)
}

pub(super) fn drop_dead_letter(db: &Connection, org: OrgId, id: DeadLetterId) -> Result<bool, DbError> {
    Ok(prepare(db, "DELETE FROM dead_letters WHERE org = ?1 AND id = ?2")?.execute(params![org, id])? > 0)
}

/// What is owed for a pass.
pub(super) fn owed(db: &Connection, org: OrgId, pass: PassId) -> Result<Vec<OutboxItem>, DbError> {
    let sql = format!("SELECT {OUTBOX} FROM outbox WHERE org = ?1 AND pass = ?2 ORDER BY channel");
    all(&mut prepare(db, &sql)?, params![org, pass], rows::outbox)
}

/// Owes nothing to phones for passes that none holds any more.
pub(super) fn forget_if_unheld(db: &Connection, passes: &[(OrgId, PassId)]) -> Result<(), DbError> {
    let sql = "DELETE FROM outbox WHERE org = ?1 AND pass = ?2 AND channel = ?3 \
               AND NOT EXISTS (SELECT 1 FROM registrations r WHERE r.org = ?1 AND r.pass = ?2)";
    for (org, pass) in passes {
        prepare(db, sql)?.execute(params![org, pass, Channel::Apple])?;
    }
    Ok(())
}
