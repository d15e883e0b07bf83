//! What is owed to wallets: one row per pass and channel, claimed under a lease.
//!
//! Who locks several rows takes them in the order of their keys; who only looks for work passes over rows that somebody else holds.

use futures_util::future::try_join_all;

use super::codec::sql_limit;
use super::connection::{Client, all, execute, one};
use super::rows::{self, DEAD_LETTER, OUTBOX};
use crate::clock::Timestamp;
use crate::db::{Channel, DbError, DeadLetter, OutboxItem, OutboxResult};
use crate::ids::{DeadLetterId, OrgId, PassId};

/// Owing begins with this. What is selected after it is [`OWED`].
const OWE: &str =
    "INSERT INTO outbox (org, pass, channel, version, due_at, tries, stage, since, last_error, ready_at, leased) SELECT";

/// A pass under the name `p`, its channel as `$3`, due at `$4`.
const OWED: &str = "p.org, p.id, $3::text, p.version, $4::bigint, 0, 0, $4::bigint, NULL, $4::bigint, FALSE FROM passes p";

/// What happens to a row that is owed already: the newest version, due at once, tried from the beginning; a lease stays.
const AGAIN: &str = "ON CONFLICT (org, pass, channel) DO UPDATE SET version = GREATEST(outbox.version, excluded.version), \
    due_at = excluded.due_at, tries = 0, stage = 0, last_error = NULL, \
    ready_at = CASE WHEN outbox.leased THEN GREATEST(outbox.ready_at, excluded.due_at) ELSE excluded.due_at END";

/// Owes a pass to the phones that hold it, at its present version, due at `now`; says whether there are any, as 1 or 0.
/// In a transaction that has locked the pass: a registration or a change that comes at the same time is not missed.
pub(super) async fn owe_to_phones(db: &Client, (org, pass): (OrgId, PassId), now: Timestamp) -> Result<usize, DbError> {
    let sql = format!(
        "{OWE} {OWED} WHERE p.org = $1 AND p.id = $2 \
         AND EXISTS (SELECT 1 FROM registrations r WHERE r.org = p.org AND r.pass = p.id) {AGAIN}"
    );
    execute(db, &sql, &[&org, &pass, &Channel::Apple, &now]).await
}

/// Owes passes to the wallets that hold them, at their present version, due at `now`; says how many rows that makes. No pass is named
/// twice. In a transaction that has locked the passes.
pub(super) async fn owe_all(db: &Client, (orgs, passes): (&[OrgId], &[PassId]), now: Timestamp) -> Result<usize, DbError> {
    let sql = format!(
        "{OWE} p.org, p.id, c.channel, p.version, $5::bigint, 0, 0, $5::bigint, NULL, $5::bigint, FALSE \
         FROM unnest($1::bytea[], $2::bytea[]) AS w (org, pass) JOIN passes p ON p.org = w.org AND p.id = w.pass \
         CROSS JOIN (VALUES ($3::text), ($4::text)) AS c (channel) \
         WHERE CASE c.channel WHEN $4::text THEN p.on_google \
         ELSE EXISTS (SELECT 1 FROM registrations r WHERE r.org = p.org AND r.pass = p.id) END \
         ORDER BY p.org, p.id, c.channel {AGAIN}"
    );
    execute(db, &sql, &[&orgs, &passes, &Channel::Apple, &Channel::Google, &now]).await
}

/// What a worker wants.
#[derive(Clone, Copy)]
pub(super) struct Claim {
    pub channel: Channel,
    pub limit: usize,
    pub now: Timestamp,
    pub until: Timestamp,
}

/// One statement, which writes nothing when nothing is due. Two nodes that claim at once get different rows.
pub(super) async fn claim(db: &Client, claim: Claim) -> Result<Vec<OutboxItem>, DbError> {
    let sql = format!(
        "WITH due (of_org, of_pass, of_channel) AS MATERIALIZED (SELECT org, pass, channel FROM outbox \
         WHERE channel = $1 AND ready_at <= $2 ORDER BY ready_at LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED) \
         UPDATE outbox SET leased = TRUE, ready_at = $4 FROM due \
         WHERE org = of_org AND pass = of_pass AND channel = of_channel RETURNING {OUTBOX}"
    );
    let mut items = all(db, &sql, &[&claim.channel, &claim.now, &sql_limit(claim.limit), &claim.until], rows::outbox).await?;
    items.sort_by_key(|item| (item.due_at, item.org, item.pass));
    Ok(items)
}

/// Ends a claim. A row that was owed again at a newer version since the claim stays as that made it, and is due at once. Each statement
/// is whole by itself: what is lost between them is only the early end of a lease.
pub(super) async fn settle(db: &Client, item: &OutboxItem, result: &OutboxResult) -> Result<(), DbError> {
    let key = (&item.org, &item.pass, &item.channel);
    let settled = match result {
        OutboxResult::Done { version } => {
            let sql = "DELETE FROM outbox WHERE org = $1 AND pass = $2 AND channel = $3 AND version <= $4";
            execute(db, sql, &[key.0, key.1, key.2, version]).await?
        }
        OutboxResult::Later { due_at, tries, stage, error } => {
            let sql = "UPDATE outbox SET due_at = $5, ready_at = $5, tries = $6, stage = $7, last_error = $8, leased = FALSE \
                       WHERE org = $1 AND pass = $2 AND channel = $3 AND version = $4";
            execute(db, sql, &[key.0, key.1, key.2, &item.version, due_at, tries, stage, error]).await?
        }
        OutboxResult::Dead { id, at, error } => bury(db, item, (*id, *at, error)).await?,
    };
    if settled == 0 {
        let sql = "UPDATE outbox SET leased = FALSE, ready_at = due_at WHERE org = $1 AND pass = $2 AND channel = $3";
        execute(db, sql, &[key.0, key.1, key.2]).await?;
    }
    Ok(())
}

/// Makes a dead letter of what is owed, unless it is owed at another version by now; says whether it did, as 1 or 0.
async fn bury(db: &Client, item: &OutboxItem, (id, at, error): (DeadLetterId, Timestamp, &str)) -> Result<usize, DbError> {
    let sql = "WITH given_up AS (DELETE FROM outbox WHERE org = $1 AND pass = $3 AND channel = $4 AND version = $5 RETURNING org, pass) \
               INSERT INTO dead_letters (org, id, pass, channel, version, due_at, tries, stage, since, last_error, died_at) \
               SELECT g.org, $2::bytea, g.pass, $4::text, $5::bigint, $6::bigint, $7::bigint, $8::bigint, $9::bigint, $10::text, \
               $11::bigint FROM given_up g";
    let OutboxItem { org, pass, channel, version, due_at, tries, stage, since, .. } = item;
    execute(db, sql, &[org, &id, pass, channel, version, due_at, tries, stage, since, &error, &at]).await
}

/// Ends several claims. In a transaction: all or none. The rows are locked in the order of their keys, then settled side by side.
pub(super) async fn settle_all(db: &Client, settled: &[(OutboxItem, OutboxResult)]) -> Result<(), DbError> {
    let orgs: Vec<OrgId> = settled.iter().map(|(item, _)| item.org).collect();
    let passes: Vec<PassId> = settled.iter().map(|(item, _)| item.pass).collect();
    let channels: Vec<Channel> = settled.iter().map(|(item, _)| item.channel).collect();
    let sql = "SELECT 1 FROM unnest($1::bytea[], $2::bytea[], $3::text[]) AS w (org, pass, channel) \
               JOIN outbox o ON o.org = w.org AND o.pass = w.pass AND o.channel = w.channel \
               ORDER BY o.org, o.pass, o.channel FOR UPDATE OF o";
    execute(db, sql, &[&orgs, &passes, &channels]).await?;
    try_join_all(settled.iter().map(|(item, result)| settle(db, item, result))).await?;
    Ok(())
}

pub(super) async fn next_due(db: &Client, channel: Channel) -> Result<Option<Timestamp>, DbError> {
    let due = one(db, "SELECT min(ready_at) FROM outbox WHERE channel = $1", &[&channel], |row| Ok(row.try_get(0)?)).await?;
    Ok(due.flatten())
}

pub(super) async fn dead_letters(db: &Client, org: OrgId, limit: usize) -> Result<Vec<DeadLetter>, DbError> {
    let sql = format!("SELECT {DEAD_LETTER} FROM dead_letters WHERE org = $1 ORDER BY died_at DESC, id DESC LIMIT $2");
    all(db, &sql, &[&org, &sql_limit(limit)], rows::dead_letter).await
}

/// Owes a dead letter again, from the beginning, at the pass's present version. In a transaction.
pub(super) async fn replay(db: &Client, org: OrgId, id: DeadLetterId, now: Timestamp) -> Result<bool, DbError> {
    let sql = "DELETE FROM dead_letters WHERE org = $1 AND id = $2 RETURNING pass, channel";
    let found: Option<(PassId, Channel)> = one(db, sql, &[&org, &id], |row| Ok((row.try_get(0)?, row.try_get(1)?))).await?;
    let Some((pass, channel)) = found else { return Ok(false) };
    let sql = format!("{OWE} {OWED} WHERE p.org = $1 AND p.id = $2 {AGAIN}");
    execute(db, &sql, &[&org, &pass, &channel, &now]).await?;
    Ok(true)
}

pub(super) async fn drop_dead_letter(db: &Client, org: OrgId, id: DeadLetterId) -> Result<bool, DbError> {
    Ok(execute(db, "DELETE FROM dead_letters WHERE org = $1 AND id = $2", &[&org, &id]).await? > 0)
}

/// What is owed for a pass.
pub(super) async fn owed(db: &Client, org: OrgId, pass: PassId) -> Result<Vec<OutboxItem>, DbError> {
    let sql = format!("SELECT {OUTBOX} FROM outbox WHERE org = $1 AND pass = $2 ORDER BY channel");
    all(db, &sql, &[&org, &pass], rows::outbox).await
}

/// Owes nothing to phones for passes that none holds any more. In a transaction that has locked the passes.
pub(super) async fn forget_if_unheld(db: &Client, (orgs, passes): (&[OrgId], &[PassId])) -> Result<(), DbError> {
    let sql = "WITH unheld AS MATERIALIZED (SELECT o.org, o.pass, o.channel FROM unnest($1::bytea[], $2::bytea[]) AS w (org, pass) \
               JOIN outbox o ON o.org = w.org AND o.pass = w.pass AND o.channel = $3 \
               WHERE NOT EXISTS (SELECT 1 FROM registrations r WHERE r.org = o.org AND r.pass = o.pass) \
               ORDER BY o.org, o.pass, o.channel FOR UPDATE OF o) \
               DELETE FROM outbox o USING unheld u WHERE o.org = u.org AND o.pass = u.pass AND o.channel = u.channel";
    execute(db, sql, &[&orgs, &passes, &Channel::Apple]).await?;
    Ok(())
}
