//! Google Wallet's rows: objects as they were written, callbacks, classes.

use rusqlite::{Connection, Row, params};

use super::codec::{json, sql_limit, to_json};
use super::load::{all, one, prepare};
use crate::clock::Timestamp;
use crate::db::{ASK_AFTER_EVENT_MS, ASK_EVERY_MS, DbError, GoogleClass, GoogleEvent, GoogleEventKind, GoogleObject, Heard};
use crate::ids::{OrgId, PassId};

const OBJECT: &str = "org, pass, object, version, digest, written_at, notices, saved, saved_at, checked_at";

fn object(row: &Row<'_>) -> rusqlite::Result<GoogleObject> {
    Ok(GoogleObject {
        org: row.get(0)?,
        pass: row.get(1)?,
        object: row.get(2)?,
        version: row.get(3)?,
        digest: row.get(4)?,
        written_at: row.get(5)?,
        notices: json::<Vec<i64>>(row, 6)?.into_iter().map(Timestamp::from_millis).collect(),
        saved: row.get(7)?,
        saved_at: row.get(8)?,
        checked_at: row.get(9)?,
    })
}

pub(super) fn read(db: &Connection, org: OrgId, pass: PassId) -> Result<Option<GoogleObject>, DbError> {
    let sql = format!("SELECT {OBJECT} FROM google_objects WHERE org = ?1 AND pass = ?2");
    one(&mut prepare(db, &sql)?, params![org, pass], object)
}

/// What was heard stays as it is: callbacks come while we write.
pub(super) fn write(db: &Connection, objects: &[GoogleObject]) -> Result<(), DbError> {
    let sql = "INSERT INTO google_objects (org, pass, object, version, digest, written_at, notices, ask_at) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (org, pass) DO UPDATE SET object = excluded.object, \
               version = max(version, excluded.version), digest = excluded.digest, written_at = excluded.written_at, \
               notices = excluded.notices";
    for row in objects {
        let notices: Vec<i64> = row.notices.iter().map(|at| at.millis()).collect();
        let ask_at = row.written_at.plus_millis(ASK_EVERY_MS);
        let digest = row.digest;
        let values = params![row.org, row.pass, row.object, row.version, digest, row.written_at, to_json(&notices), ask_at];
        prepare(db, sql)?.execute(values)?;
    }
    Ok(())
}

pub(super) fn hear(db: &Connection, event: &GoogleEvent) -> Result<Heard, DbError> {
    let sql = "INSERT INTO google_events (nonce, org, pass, object, kind, at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
               ON CONFLICT (nonce) DO NOTHING";
    let GoogleEvent { nonce, org, pass, object, kind, at, expires_at } = event;
    if prepare(db, sql)?.execute(params![nonce, org, pass, object, kind.as_str(), at, expires_at])? == 0 {
        return Ok(Heard::Again);
    }
    if let Some(pass) = pass {
        let sql = "UPDATE google_objects SET saved = ?4, saved_at = ?5, heard = ?6, ask_at = ?7 \
                   WHERE org = ?1 AND pass = ?2 AND object = ?3 AND heard <= ?6";
        let saved = *kind == GoogleEventKind::Saved;
        prepare(db, sql)?.execute(params![org, pass, object, saved, at, expires_at, at.plus_millis(ASK_AFTER_EVENT_MS)])?;
    }
    Ok(Heard::New)
}

pub(super) fn events(db: &Connection, org: OrgId, limit: usize) -> Result<Vec<GoogleEvent>, DbError> {
    let sql = "SELECT nonce, org, pass, object, kind, at, expires_at FROM google_events WHERE org = ?1 ORDER BY at DESC LIMIT ?2";
    all(&mut prepare(db, sql)?, params![org, sql_limit(limit)], |row| {
        let saved = row.get_ref(4)?.as_str()? == GoogleEventKind::Saved.as_str();
        Ok(GoogleEvent {
            nonce: row.get(0)?,
            org: row.get(1)?,
            pass: row.get(2)?,
            object: row.get(3)?,
            kind: if saved { GoogleEventKind::Saved } else { GoogleEventKind::Removed },
            at: row.get(5)?,
            expires_at: row.get(6)?,
        })
    })
}

pub(super) fn forget_events(db: &Connection, before: Timestamp, limit: usize) -> Result<usize, DbError> {
    let sql = "DELETE FROM google_events WHERE nonce IN (SELECT nonce FROM google_events WHERE at < ?1 ORDER BY at LIMIT ?2)";
    Ok(prepare(db, sql)?.execute(params![before, sql_limit(limit)])?)
}

pub(super) fn to_ask(db: &Connection, now: Timestamp, limit: usize) -> Result<Vec<GoogleObject>, DbError> {
    let sql = format!("SELECT {OBJECT} FROM google_objects WHERE ask_at <= ?1 ORDER BY ask_at LIMIT ?2");
    all(&mut prepare(db, &sql)?, params![now, sql_limit(limit)], object)
}

pub(super) fn asked(db: &Connection, key: (OrgId, PassId), saved: Option<bool>, now: Timestamp) -> Result<(), DbError> {
    let sql = "UPDATE google_objects SET checked_at = CASE WHEN ?3 IS NULL THEN checked_at ELSE ?4 END, ask_at = ?5, \
               saved_at = CASE WHEN ?3 IS NULL OR saved IS ?3 THEN saved_at ELSE ?4 END, saved = coalesce(?3, saved) \
               WHERE org = ?1 AND pass = ?2";
    prepare(db, sql)?.execute(params![key.0, key.1, saved, now, now.plus_millis(ASK_EVERY_MS)])?;
    Ok(())
}

pub(super) fn class(db: &Connection, org: OrgId, class: &str) -> Result<Option<GoogleClass>, DbError> {
    let sql = "SELECT org, class, digest, written_at FROM google_classes WHERE org = ?1 AND class = ?2";
    one(&mut prepare(db, sql)?, params![org, class], |row| {
        Ok(GoogleClass { org: row.get(0)?, class: row.get(1)?, digest: row.get(2)?, written_at: row.get(3)? })
    })
}

pub(super) fn write_class(db: &Connection, class: &GoogleClass) -> Result<(), DbError> {
    let sql = "INSERT INTO google_classes (org, class, digest, written_at) VALUES (?1, ?2, ?3, ?4) \
               ON CONFLICT (org, class) DO UPDATE SET digest = excluded.digest, written_at = excluded.written_at";
    prepare(db, sql)?.execute(params![class.org, class.class, class.digest, class.written_at])?;
    Ok(())
}
