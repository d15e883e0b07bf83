//! Registrations of phones, what they fetched, what they were pushed and what they logged.
//!
//! Who makes or ends a registration locks its pass first. The sequencer does the same before it looks who holds a pass, and so does a
//! change of the pass by being written: of a change and a registration at the same moment, the later one sees the earlier one.

use super::codec::sql_limit;
use super::connection::{Client, all, execute, one};
use super::google;
use super::outbox::{self, forget_if_unheld, owe_to_phones};
use super::rows::{self, PASS, REGISTRATION};
use crate::clock::Timestamp;
use crate::db::{
    ChangedPasses, DbError, Delivery, DeviceLog, MAX_DEVICE_LOGS, MAX_REGISTRATIONS_PER_PASS, Registered, Registration,
};
use crate::ids::{OrgId, PassId};

/// Registers or renews; owes the pass if it has changed since it was last fetched. In a transaction.
pub(super) async fn register(db: &Client, registration: &Registration) -> Result<Registered, DbError> {
    let Registration { org, pass, device, pass_type, push_token, registered_at, pushed_at, pushed_version, listed_at } =
        registration;
    let sql = "SELECT version > fetched_version FROM passes WHERE org = $1 AND id = $2 FOR NO KEY UPDATE";
    let changed: Option<bool> = one(db, sql, &[org, pass], |row| Ok(row.try_get(0)?)).await?;
    // A row that was there has been locked by this statement, which its xmax says; a new one has none.
    let sql = format!(
        "INSERT INTO registrations ({REGISTRATION}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
         ON CONFLICT (org, pass, device) DO UPDATE SET pass_type = excluded.pass_type, push_token = excluded.push_token, \
         registered_at = excluded.registered_at RETURNING xmax = 0"
    );
    let values: [super::codec::Param<'_>; 9] =
        [org, pass, device, pass_type, push_token, registered_at, pushed_at, pushed_version, listed_at];
    let new = one(db, &sql, &values, |row| Ok(row.try_get(0)?)).await? == Some(true);
    if new {
        drop_the_most_silent(db, registration).await?;
    }
    if changed == Some(true) {
        owe_to_phones(db, (*org, *pass), *registered_at).await?;
    }
    Ok(if new { Registered::New } else { Registered::Known })
}

/// Keeps a pass's registrations within their bound; never drops the one that was just made.
async fn drop_the_most_silent(db: &Client, newest: &Registration) -> Result<(), DbError> {
    let sql = "DELETE FROM registrations WHERE org = $1 AND pass = $2 AND device = ANY (ARRAY(SELECT device FROM registrations \
               WHERE org = $1 AND pass = $2 AND device <> $3 \
               ORDER BY GREATEST(registered_at, coalesce(listed_at, 0)) DESC, device COLLATE \"C\" OFFSET $4))";
    let others = sql_limit(MAX_REGISTRATIONS_PER_PASS - 1);
    execute(db, sql, &[&newest.org, &newest.pass, &newest.device, &others]).await?;
    Ok(())
}

/// Ends a registration. In a transaction.
pub(super) async fn unregister(db: &Client, pass_type: &str, device: &str, pass: PassId) -> Result<(), DbError> {
    let Some(org) = lock_pass(db, pass).await? else { return Ok(()) };
    let sql = "DELETE FROM registrations WHERE org = $1 AND pass = $2 AND device = $3 AND pass_type = $4";
    if execute(db, sql, &[&org, &pass, &device, &pass_type]).await? > 0 {
        forget_if_unheld(db, (&[org], &[pass])).await?;
    }
    Ok(())
}

/// Locks a pass against registrations and changes; says whose it is.
async fn lock_pass(db: &Client, pass: PassId) -> Result<Option<OrgId>, DbError> {
    one(db, "SELECT org FROM passes WHERE id = $1 FOR NO KEY UPDATE", &[&pass], |row| Ok(row.try_get(0)?)).await
}

/// The passes of a device beyond a tag; `None` when the device holds none at all. One statement: numbers and passes are of one snapshot.
pub(super) async fn changed_passes(
    db: &Client,
    (pass_type, device): (&str, &str),
    since: Option<i64>,
) -> Result<Option<ChangedPasses>, DbError> {
    let sql = "SELECT p.id, p.seq FROM registrations r JOIN passes p ON p.org = r.org AND p.id = r.pass \
               WHERE r.device = $1 AND r.pass_type = $2 ORDER BY p.seq, p.id";
    let held: Vec<(PassId, i64)> = all(db, sql, &[&device, &pass_type], |row| Ok((row.try_get(0)?, row.try_get(1)?))).await?;
    if held.is_empty() {
        return Ok(None);
    }
    let changed: Vec<_> = held.into_iter().filter(|(_, seq)| since.is_none_or(|tag| *seq > tag)).collect();
    let tag = changed.last().map_or(0, |(_, seq)| *seq);
    Ok(Some(ChangedPasses { passes: changed.into_iter().map(|(pass, _)| pass).collect(), tag, known: true }))
}

/// Notes that a phone asked what changed. One statement, in the order of the keys.
pub(super) async fn note_listed(db: &Client, (pass_type, device): (&str, &str), now: Timestamp) -> Result<(), DbError> {
    let sql = "WITH held AS MATERIALIZED (SELECT org, pass, device FROM registrations WHERE device = $1 AND pass_type = $2 \
               ORDER BY org, pass, device FOR NO KEY UPDATE) \
               UPDATE registrations r SET listed_at = $3 FROM held h WHERE r.org = h.org AND r.pass = h.pass AND r.device = h.device";
    execute(db, sql, &[&device, &pass_type, &now]).await?;
    Ok(())
}

pub(super) async fn registrations(db: &Client, pass: PassId) -> Result<Vec<Registration>, DbError> {
    let sql = format!(
        "SELECT {REGISTRATION} FROM registrations WHERE org = (SELECT org FROM passes WHERE id = $1) AND pass = $1 \
         ORDER BY device COLLATE \"C\""
    );
    all(db, &sql, &[&pass], rows::registration).await
}

pub(super) async fn note_fetched(db: &Client, pass: PassId, version: i64, now: Timestamp) -> Result<(), DbError> {
    let sql = "UPDATE passes SET fetched_version = GREATEST(fetched_version, $2), fetched_at = $3 WHERE id = $1";
    execute(db, sql, &[&pass, &version, &now]).await?;
    Ok(())
}

/// Which push it was.
pub(super) struct Pushed<'a> {
    pub pass: PassId,
    pub device: &'a str,
    pub version: i64,
    pub at: Timestamp,
}

pub(super) async fn note_pushed(db: &Client, pushed: &Pushed<'_>) -> Result<(), DbError> {
    let sql = "UPDATE registrations SET pushed_at = $4, pushed_version = GREATEST(pushed_version, $3) \
               WHERE org = (SELECT org FROM passes WHERE id = $1) AND pass = $1 AND device = $2";
    execute(db, sql, &[&pushed.pass, &pushed.device, &pushed.version, &pushed.at]).await?;
    Ok(())
}

/// Deletes the registrations of a push token; says how many. In a transaction.
pub(super) async fn forget_push_token(db: &Client, push_token: &str, unless_after: Option<Timestamp>) -> Result<usize, DbError> {
    let sql = "SELECT p.org, p.id FROM passes p WHERE (p.org, p.id) IN (SELECT org, pass FROM registrations WHERE push_token = $1) \
               ORDER BY p.org, p.id FOR NO KEY UPDATE";
    let held: Vec<(OrgId, PassId)> = all(db, sql, &[&push_token], |row| Ok((row.try_get(0)?, row.try_get(1)?))).await?;
    let (orgs, passes): (Vec<OrgId>, Vec<PassId>) = held.into_iter().unzip();
    let sql = "WITH gone AS MATERIALIZED (SELECT r.org, r.pass, r.device FROM unnest($1::bytea[], $2::bytea[]) AS w (org, pass) \
               JOIN registrations r ON r.org = w.org AND r.pass = w.pass \
               WHERE r.push_token = $3 AND r.registered_at <= coalesce($4::bigint, r.registered_at) \
               ORDER BY r.org, r.pass, r.device FOR UPDATE OF r) \
               DELETE FROM registrations r USING gone g WHERE r.org = g.org AND r.pass = g.pass AND r.device = g.device";
    let gone = execute(db, sql, &[&orgs, &passes, &push_token, &unless_after]).await?;
    if gone > 0 {
        forget_if_unheld(db, (&orgs, &passes)).await?;
    }
    Ok(gone)
}

/// Deletes a pass's registrations. In a transaction.
pub(super) async fn forget_pass(db: &Client, pass: PassId) -> Result<(), DbError> {
    let Some(org) = lock_pass(db, pass).await? else { return Ok(()) };
    let sql = "WITH gone AS MATERIALIZED (SELECT org, pass, device FROM registrations WHERE org = $1 AND pass = $2 \
               ORDER BY org, pass, device FOR UPDATE) \
               DELETE FROM registrations r USING gone g WHERE r.org = g.org AND r.pass = g.pass AND r.device = g.device";
    if execute(db, sql, &[&org, &pass]).await? > 0 {
        forget_if_unheld(db, (&[org], &[pass])).await?;
    }
    Ok(())
}

/// Keeps lines and drops the oldest beyond the bound. Two statements that need no transaction: the next call drops what this one left.
pub(super) async fn add_logs(db: &Client, logs: &[DeviceLog]) -> Result<(), DbError> {
    let at: Vec<Timestamp> = logs.iter().map(|log| log.at).collect();
    let orgs: Vec<Option<OrgId>> = logs.iter().map(|log| log.org).collect();
    let passes: Vec<Option<PassId>> = logs.iter().map(|log| log.pass).collect();
    let texts: Vec<&str> = logs.iter().map(|log| log.text.as_str()).collect();
    let sql = "INSERT INTO device_logs (at, org, pass, text) SELECT w.at, w.org, w.pass, w.text \
               FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::text[]) WITH ORDINALITY AS w (at, org, pass, text, number) \
               ORDER BY w.number";
    execute(db, sql, &[&at, &orgs, &passes, &texts]).await?;
    // Positions have gaps, so the newest are counted; another node that drops at the same time drops the same.
    let sql = "DELETE FROM device_logs WHERE position = ANY (ARRAY(SELECT position FROM device_logs WHERE position <= \
               (SELECT position FROM device_logs ORDER BY position DESC OFFSET $1 LIMIT 1) ORDER BY position FOR UPDATE SKIP LOCKED))";
    execute(db, sql, &[&sql_limit(MAX_DEVICE_LOGS)]).await?;
    Ok(())
}

pub(super) async fn logs(db: &Client, org: OrgId, limit: usize) -> Result<Vec<DeviceLog>, DbError> {
    let sql = "SELECT at, org, pass, text FROM device_logs WHERE org = $1 ORDER BY position DESC LIMIT $2";
    all(db, sql, &[&org, &sql_limit(limit)], |row| {
        Ok(DeviceLog { at: row.try_get(0)?, org: row.try_get(1)?, pass: row.try_get(2)?, text: row.try_get(3)? })
    })
    .await
}

/// How a pass stands with its phones. In a snapshot; the statements travel together.
pub(super) async fn delivery(db: &Client, org: OrgId, pass: PassId) -> Result<Option<Delivery>, DbError> {
    let sql = format!("SELECT {PASS}, fetched_version, fetched_at FROM passes WHERE org = $1 AND id = $2");
    let key: [super::codec::Param<'_>; 2] = [&org, &pass];
    let found = one(db, &sql, &key, |row| Ok((rows::pass(row)?, row.try_get("fetched_version")?, row.try_get("fetched_at")?)));
    let (found, registrations, owed, google) =
        tokio::try_join!(found, registrations(db, pass), outbox::owed(db, org, pass), google::read(db, org, pass))?;
    let delivery =
        |(pass, fetched_version, fetched_at)| Delivery { pass, fetched_version, fetched_at, registrations, owed, google };
    Ok(found.map(delivery))
}
