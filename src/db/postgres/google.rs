//! Google Wallet's rows: objects as they were written, callbacks, classes.

use std::collections::BTreeMap;

use tokio_postgres::Row;

use super::codec::{hash, json, sql_limit, to_json};
use super::connection::{Client, all, execute, one};
use crate::clock::Timestamp;
use crate::db::{ASK_AFTER_EVENT_MS, ASK_EVERY_MS, DbError, GoogleClass, GoogleEvent, GoogleEventKind, GoogleObject, Heard};
use crate::ids::{OrgId, PassId};

const OBJECT: &str = "org, pass, object, version, digest, written_at, notices, saved, saved_at, checked_at";

fn object(row: &Row) -> Result<GoogleObject, DbError> {
    Ok(GoogleObject {
        org: row.try_get(0)?,
        pass: row.try_get(1)?,
        object: row.try_get(2)?,
        version: row.try_get(3)?,
        digest: hash(row, 4)?,
        written_at: row.try_get(5)?,
        notices: json::<Vec<i64>>(row, 6)?.into_iter().map(Timestamp::from_millis).collect(),
        saved: row.try_get(7)?,
        saved_at: row.try_get(8)?,
        checked_at: row.try_get(9)?,
    })
}

pub(super) async fn read(db: &Client, org: OrgId, pass: PassId) -> Result<Option<GoogleObject>, DbError> {
    let sql = format!("SELECT {OBJECT} FROM google_objects WHERE org = $1 AND pass = $2");
    one(db, &sql, &[&org, &pass], object).await
}

/// One statement, in the order of the keys. What was heard stays as it is: callbacks come while we write.
pub(super) async fn write(db: &Client, objects: &[GoogleObject]) -> Result<(), DbError> {
    // A statement can't change a row twice: of an object that is named again, the last one counts, and the largest version.
    let mut last: BTreeMap<(OrgId, PassId), (&GoogleObject, i64)> = BTreeMap::new();
    for row in objects {
        let kept = last.entry((row.org, row.pass)).or_insert((row, row.version));
        *kept = (row, kept.1.max(row.version));
    }
    let rows: Vec<_> = last.into_values().collect();
    let orgs: Vec<OrgId> = rows.iter().map(|(row, _)| row.org).collect();
    let passes: Vec<PassId> = rows.iter().map(|(row, _)| row.pass).collect();
    let ids: Vec<&str> = rows.iter().map(|(row, _)| row.object.as_str()).collect();
    let versions: Vec<i64> = rows.iter().map(|(_, version)| *version).collect();
    let digests: Vec<&[u8]> = rows.iter().map(|(row, _)| row.digest.as_slice()).collect();
    let written: Vec<Timestamp> = rows.iter().map(|(row, _)| row.written_at).collect();
    let notices: Vec<String> = rows.iter().map(|(row, _)| notices(row)).collect();
    let sql = "INSERT INTO google_objects (org, pass, object, version, digest, written_at, notices, ask_at) \
               SELECT w.org, w.pass, w.object, w.version, w.digest, w.written_at, w.notices, w.written_at + $8::bigint \
               FROM unnest($1::bytea[], $2::bytea[], $3::text[], $4::bigint[], $5::bytea[], $6::bigint[], $7::text[]) \
               AS w (org, pass, object, version, digest, written_at, notices) ORDER BY w.org, w.pass \
               ON CONFLICT (org, pass) DO UPDATE SET object = excluded.object, \
               version = GREATEST(google_objects.version, excluded.version), digest = excluded.digest, \
               written_at = excluded.written_at, notices = excluded.notices";
    execute(db, sql, &[&orgs, &passes, &ids, &versions, &digests, &written, &notices, &ASK_EVERY_MS]).await?;
    Ok(())
}

fn notices(row: &GoogleObject) -> String {
    to_json(&row.notices.iter().map(|at| at.millis()).collect::<Vec<_>>())
}

/// Notes a callback. In a transaction: its nonce and what it says are noted together.
pub(super) async fn hear(db: &Client, event: &GoogleEvent) -> Result<Heard, DbError> {
    let sql = "INSERT INTO google_events (nonce, org, pass, object, kind, at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7) \
               ON CONFLICT (nonce) DO NOTHING";
    let GoogleEvent { nonce, org, pass, object, kind, at, expires_at } = event;
    if execute(db, sql, &[nonce, org, pass, object, &kind.as_str(), at, expires_at]).await? == 0 {
        return Ok(Heard::Again);
    }
    if let Some(pass) = pass {
        let sql = "UPDATE google_objects SET saved = $4, saved_at = $5, heard = $6, ask_at = $7 \
                   WHERE org = $1 AND pass = $2 AND object = $3 AND heard <= $6";
        let saved = *kind == GoogleEventKind::Saved;
        execute(db, sql, &[org, pass, object, &saved, at, expires_at, &at.plus_millis(ASK_AFTER_EVENT_MS)]).await?;
    }
    Ok(Heard::New)
}

pub(super) async fn events(db: &Client, org: OrgId, limit: usize) -> Result<Vec<GoogleEvent>, DbError> {
    let sql = "SELECT nonce, org, pass, object, kind, at, expires_at FROM google_events WHERE org = $1 ORDER BY at DESC LIMIT $2";
    all(db, sql, &[&org, &sql_limit(limit)], |row| {
        let saved = row.try_get::<_, &str>(4)? == GoogleEventKind::Saved.as_str();
        Ok(GoogleEvent {
            nonce: row.try_get(0)?,
            org: row.try_get(1)?,
            pass: row.try_get(2)?,
            object: row.try_get(3)?,
            kind: if saved { GoogleEventKind::Saved } else { GoogleEventKind::Removed },
            at: row.try_get(5)?,
            expires_at: row.try_get(6)?,
        })
    })
    .await
}

pub(super) async fn forget_events(db: &Client, before: Timestamp, limit: usize) -> Result<usize, DbError> {
    let sql = "DELETE FROM google_events WHERE nonce = ANY (ARRAY(SELECT nonce FROM google_events WHERE at < $1 \
               ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED))";
    execute(db, sql, &[&before, &sql_limit(limit)]).await
}

pub(super) async fn to_ask(db: &Client, now: Timestamp, limit: usize) -> Result<Vec<GoogleObject>, DbError> {
    let sql = format!("SELECT {OBJECT} FROM google_objects WHERE ask_at <= $1 ORDER BY ask_at LIMIT $2");
    all(db, &sql, &[&now, &sql_limit(limit)], object).await
}

pub(super) async fn asked(db: &Client, key: (OrgId, PassId), saved: Option<bool>, now: Timestamp) -> Result<(), DbError> {
    let sql = "UPDATE google_objects SET checked_at = CASE WHEN $3::boolean IS NULL THEN checked_at ELSE $4::bigint END, ask_at = $5, \
               saved_at = CASE WHEN $3::boolean IS NULL OR saved IS NOT DISTINCT FROM $3::boolean THEN saved_at ELSE $4::bigint END, \
               saved = coalesce($3::boolean, saved) WHERE org = $1 AND pass = $2";
    execute(db, sql, &[&key.0, &key.1, &saved, &now, &now.plus_millis(ASK_EVERY_MS)]).await?;
    Ok(())
}

pub(super) async fn class(db: &Client, org: OrgId, class: &str) -> Result<Option<GoogleClass>, DbError> {
    let sql = "SELECT org, class, digest, written_at FROM google_classes WHERE org = $1 AND class = $2";
    one(db, sql, &[&org, &class], |row| {
        Ok(GoogleClass { org: row.try_get(0)?, class: row.try_get(1)?, digest: hash(row, 2)?, written_at: row.try_get(3)? })
    })
    .await
}

pub(super) async fn write_class(db: &Client, class: &GoogleClass) -> Result<(), DbError> {
    let sql = "INSERT INTO google_classes (org, class, digest, written_at) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (org, class) DO UPDATE SET digest = excluded.digest, written_at = excluded.written_at";
    execute(db, sql, &[&class.org, &class.class, &class.digest.as_slice(), &class.written_at]).await?;
    Ok(())
}
