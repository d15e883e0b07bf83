//! Registrations of phones, what they fetched, what they were pushed and what they logged.

use rusqlite::{Connection, params};

use super::codec::sql_limit;
use super::google;
use super::load::{all, one, prepare};
use super::outbox::{self, forget_if_unheld, owe_to_phones};
use super::rows::{self, PASS, REGISTRATION};
use crate::clock::Timestamp;
use crate::db::{
    ChangedPasses, DbError, Delivery, DeviceLog, MAX_DEVICE_LOGS, MAX_REGISTRATIONS_PER_PASS, Registered, Registration,
};
use crate::ids::{OrgId, PassId};

/// Registers or renews; owes the pass if it has changed since it was last fetched.
pub(super) fn register(db: &Connection, registration: &Registration) -> Result<Registered, DbError> {
    let Registration { org, pass, device, .. } = registration;
    let sql = "UPDATE registrations SET pass_type = ?4, push_token = ?5, registered_at = ?6 WHERE org = ?1 AND pass = ?2 AND device = ?3";
    let at = registration.registered_at;
    let known = prepare(db, sql)?.execute(params![org, pass, device, registration.pass_type, registration.push_token, at])? > 0;
    if !known {
        let sql = format!("INSERT INTO registrations ({REGISTRATION}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
        prepare(db, &sql)?.execute(params![
            org,
            pass,
            device,
            registration.pass_type,
            registration.push_token,
            at,
            registration.pushed_at,
            registration.pushed_version,
            registration.listed_at
        ])?;
        drop_the_most_silent(db, registration)?;
    }
    let sql = "SELECT version > fetched_version FROM passes WHERE org = ?1 AND id = ?2";
    if one(&mut prepare(db, sql)?, params![org, pass], |row| row.get(0))? == Some(true) {
        owe_to_phones(db, (*org, *pass), at)?;
    }
    Ok(if known { Registered::Known } else { Registered::New })
}

/// Keeps a pass's registrations within their bound; never drops the one that was just made.
fn drop_the_most_silent(db: &Connection, newest: &Registration) -> Result<(), DbError> {
    let sql = "DELETE FROM registrations WHERE (org, pass, device) IN (SELECT org, pass, device FROM registrations \
               WHERE org = ?1 AND pass = ?2 AND device <> ?3 \
               ORDER BY max(registered_at, coalesce(listed_at, 0)) DESC, device LIMIT -1 OFFSET ?4)";
    let others = sql_limit(MAX_REGISTRATIONS_PER_PASS - 1);
    prepare(db, sql)?.execute(params![newest.org, newest.pass, newest.device, others])?;
    Ok(())
}

pub(super) fn unregister(db: &Connection, pass_type: &str, device: &str, pass: PassId) -> Result<(), DbError> {
    let sql = "DELETE FROM registrations WHERE org = (SELECT org FROM passes WHERE id = ?1) AND pass = ?1 AND device = ?2 \
               AND pass_type = ?3 RETURNING org, pass";
    let gone = all(&mut prepare(db, sql)?, params![pass, device, pass_type], |row| Ok((row.get(0)?, row.get(1)?)))?;
    forget_if_unheld(db, &gone)
}

/// The passes of a device beyond a tag; `None` when the device holds none at all.
pub(super) fn changed_passes(
    db: &Connection,
    (pass_type, device): (&str, &str),
    since: Option<i64>,
) -> Result<Option<ChangedPasses>, DbError> {
    let sql = "SELECT p.id, p.seq FROM registrations r JOIN passes p ON p.org = r.org AND p.id = r.pass \
               WHERE r.device = ?1 AND r.pass_type = ?2 ORDER BY p.seq, p.id";
    let held: Vec<(PassId, i64)> = all(&mut prepare(db, sql)?, params![device, pass_type], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if held.is_empty() {
        return Ok(None);
    }
    let changed: Vec<_> = held.into_iter().filter(|(_, seq)| since.is_none_or(|tag| *seq > tag)).collect();
    let tag = changed.last().map_or(0, |(_, seq)| *seq);
    Ok(Some(ChangedPasses { passes: changed.into_iter().map(|(pass, _)| pass).collect(), tag, known: true }))
}

pub(super) fn note_listed(db: &Connection, (pass_type, device): (&str, &str), now: Timestamp) -> Result<(), DbError> {
    let sql = "UPDATE registrations SET listed_at = ?3 WHERE device = ?1 AND pass_type = ?2";
    prepare(db, sql)?.execute(params![device, pass_type, now])?;
    Ok(())
}

pub(super) fn registrations(db: &Connection, pass: PassId) -> Result<Vec<Registration>, DbError> {
    let sql = format!(
        "SELECT {REGISTRATION} FROM registrations WHERE org = (SELECT org FROM passes WHERE id = ?1) AND pass = ?1 ORDER BY device"
    );
    all(&mut prepare(db, &sql)?, params![pass], rows::registration)
}

pub(super) fn note_fetched(db: &Connection, pass: PassId, version: i64, now: Timestamp) -> Result<(), DbError> {
    let sql = "UPDATE passes SET fetched_version = max(fetched_version, ?2), fetched_at = ?3 WHERE id = ?1";
    prepare(db, sql)?.execute(params![pass, version, now])?;
    Ok(())
}

/// Which push it was.
pub(super) struct Pushed {
    pub pass: PassId,
    pub device: String,
    pub version: i64,
    pub at: Timestamp,
}

pub(super) fn note_pushed(db: &Connection, pushed: &Pushed) -> Result<(), DbError> {
    let sql = "UPDATE registrations SET pushed_at = ?4, pushed_version = max(pushed_version, ?3) \
               WHERE org = (SELECT org FROM passes WHERE id = ?1) AND pass = ?1 AND device = ?2";
    prepare(db, sql)?.execute(params![pushed.pass, pushed.device, pushed.version, pushed.at])?;
    Ok(())
}

pub(super) fn forget_push_token(db: &Connection, push_token: &str, unless_after: Option<Timestamp>) -> Result<usize, DbError> {
    let sql =
        "DELETE FROM registrations WHERE push_token = ?1 AND registered_at <= coalesce(?2, registered_at) RETURNING org, pass";
    let gone = all(&mut prepare(db, sql)?, params![push_token, unless_after], |row| Ok((row.get(0)?, row.get(1)?)))?;
    forget_if_unheld(db, &gone)?;
    Ok(gone.len())
}

pub(super) fn forget_pass(db: &Connection, pass: PassId) -> Result<(), DbError> {
    let sql = "DELETE FROM registrations WHERE org = (SELECT org FROM passes WHERE id = ?1) AND pass = ?1 RETURNING org, pass";
    let gone = all(&mut prepare(db, sql)?, params![pass], |row| Ok((row.get(0)?, row.get(1)?)))?;
    forget_if_unheld(db, &gone)
}

pub(super) fn add_logs(db: &Connection, logs: &[DeviceLog]) -> Result<(), DbError> {
    for log in logs {
        let sql = "INSERT INTO device_logs (at, org, pass, text) VALUES (?1, ?2, ?3, ?4)";
        prepare(db, sql)?.execute(params![log.at, log.org, log.pass, log.text])?;
    }
    let sql = "DELETE FROM device_logs WHERE position <= (SELECT max(position) FROM device_logs) - ?1";
    prepare(db, sql)?.execute(params![sql_limit(MAX_DEVICE_LOGS)])?;
    Ok(())
}

pub(super) fn logs(db: &Connection, org: OrgId, limit: usize) -> Result<Vec<DeviceLog>, DbError> {
    let sql = "SELECT at, org, pass, text FROM device_logs WHERE org = ?1 ORDER BY position DESC LIMIT ?2";
    all(&mut prepare(db, sql)?, params![org, sql_limit(limit)], |row| {
        Ok(DeviceLog { at: row.get(0)?, org: row.get(1)?, pass: row.get(2)?, text: row.get(3)? })
    })
}

pub(super) fn delivery(db: &Connection, org: OrgId, pass: PassId) -> Result<Option<Delivery>, DbError> {
    let sql = format!("SELECT {PASS}, fetched_version, fetched_at FROM passes WHERE org = ?1 AND id = ?2");
    let found = one(&mut prepare(db, &sql)?, params![org, pass], |row| {
        Ok(Delivery {
            pass: rows::pass(row)?,
            fetched_version: row.get("fetched_version")?,
            fetched_at: row.get("fetched_at")?,
            registrations: Vec::new(),
            owed: Vec::new(),
            google: None,
        })
    })?;
    let Some(mut delivery) = found else { return Ok(None) };
    delivery.registrations = registrations(db, pass)?;
    delivery.owed = outbox::owed(db, org, pass)?;
    delivery.google = google::read(db, org, pass)?;
    Ok(Some(delivery))
}
