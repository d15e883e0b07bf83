//! What sweeps look for, and what operators ask for. What is swept away passes over rows that somebody else holds: the next round has them.

use super::codec::sql_limit;
use super::connection::{Client, all, execute, one};
use super::rows::{self, TOKEN};
use crate::clock::Timestamp;
use crate::db::{DbError, Expired, Stale};
use crate::ids::{MemberId, OrgId, PassId, ProgrammeId};
use crate::ledger::{DocumentKind, Token, TokenHash};

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

pub(super) async fn expired_tokens(db: &Client, now: Timestamp, limit: usize) -> Result<Vec<Expired>, DbError> {
    let sql = "SELECT org, hash, card, voucher FROM tokens WHERE state = 'issued' AND expires_at IS NOT NULL AND expires_at < $1 \
               ORDER BY expires_at LIMIT $2";
    all(db, sql, &[&now, &sql_limit(limit)], |row| {
        Ok(Expired { org: row.try_get(0)?, token: super::codec::hash(row, 1)?, card: row.try_get(2)?, voucher: row.try_get(3)? })
    })
    .await
}

/// Walks along the primary key in strides: no index is kept for a question that is asked after a restore only. Each statement is bounded,
/// and what is added to the state keeps the index of a card's open tokens out of it, which is in another order: a database that was just
/// put back has no statistics to tell.
pub(super) async fn tokens_before_epoch(
    db: &Client,
    org: OrgId,
    after: Option<TokenHash>,
    limit: usize,
) -> Result<Vec<Token>, DbError> {
    let stride = "SELECT hash FROM tokens WHERE org = $1 AND hash > $2 ORDER BY hash LIMIT 1 OFFSET $3";
    let old = format!(
        "SELECT {TOKEN} FROM tokens WHERE org = $1 AND hash > $2 AND hash <= $3 AND state || '' = 'issued' AND kind <> 'identify' \
         AND epoch < (SELECT epoch FROM bookkeeping) ORDER BY hash LIMIT $4"
    );
    let (mut found, mut after) = (Vec::new(), after.map_or(Vec::new(), |hash| hash.to_vec()));
    loop {
        let end: Option<Vec<u8>> = one(db, stride, &[&org, &after, &sql_limit(STRIDE)], |row| Ok(row.try_get(0)?)).await?;
        let last = end.clone().unwrap_or_else(|| vec![u8::MAX; 32]);
        found.extend(all(db, &old, &[&org, &after, &last, &sql_limit(limit - found.len())], rows::token).await?);
        match end {
            Some(end) if found.len() < limit => after = end,
            _ => return Ok(found),
        }
    }
}

/// The cards that wait for a proof have an index of their own; most shops have none.
pub(super) async fn never_verified(db: &Client, before: Timestamp, limit: usize) -> Result<Vec<(OrgId, MemberId)>, DbError> {
    let sql = "SELECT DISTINCT c.org, c.member FROM cards c WHERE NOT c.verified AND c.active AND c.created_at < $1 AND NOT EXISTS \
               (SELECT 1 FROM cards o WHERE o.org = c.org AND o.member = c.member AND o.active AND (o.verified OR EXISTS \
                (SELECT 1 FROM lots l WHERE l.org = o.org AND l.card = o.id))) LIMIT $2";
    all(db, sql, &[&before, &sql_limit(limit)], |row| Ok((row.try_get(0)?, row.try_get(1)?))).await
}

/// The passes of the first programme that has any; programmes that never changed have none.
pub(super) async fn stale_passes(db: &Client, limit: usize) -> Result<Option<Stale>, DbError> {
    let sql = "SELECT d.org, d.id, p.id FROM (SELECT org, id, max(version) AS newest FROM documents WHERE kind = $1 \
               GROUP BY org, id HAVING max(version) > 1) d CROSS JOIN LATERAL (SELECT id FROM passes WHERE org = d.org \
               AND programme = d.id AND document_version < d.newest AND state = 'active' LIMIT $2) p LIMIT $2";
    let read = |row: &tokio_postgres::Row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?));
    let found: Vec<(OrgId, ProgrammeId, PassId)> = all(db, sql, &[&DocumentKind::Programme, &sql_limit(limit)], read).await?;
    let Some((org, programme, _)) = found.first().copied() else { return Ok(None) };
    let of_it = found.into_iter().filter(|row| (row.0, row.1) == (org, programme));
    Ok(Some(Stale { org, programme, passes: of_it.map(|row| row.2).collect() }))
}

pub(super) async fn forget_answers(db: &Client, before: Timestamp, limit: usize) -> Result<usize, DbError> {
    let sql = "WITH old AS MATERIALIZED (SELECT org, id FROM ops WHERE answer IS NOT NULL AND at < $1 ORDER BY at LIMIT $2 \
               FOR NO KEY UPDATE SKIP LOCKED) UPDATE ops o SET answer = NULL FROM old WHERE o.org = old.org AND o.id = old.id";
    execute(db, sql, &[&before, &sql_limit(limit)]).await
}

pub(super) async fn forget_codes(db: &Client, before: Timestamp, limit: usize) -> Result<usize, DbError> {
    let sql = "WITH old AS MATERIALIZED (SELECT org, hash FROM tokens WHERE kind IN ('live', 'typed') \
               AND state NOT IN ('issued', 'captured') AND expires_at < $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED) \
               DELETE FROM tokens t USING old WHERE t.org = old.org AND t.hash = old.hash";
    execute(db, sql, &[&before, &sql_limit(limit)]).await
}

/// The epoch and the time of the newest operation. Newer operations have their answers, so the index finds the newest one; the table is
/// read only if every answer was forgotten, which may take long: in a snapshot.
pub(super) async fn high_water(db: &Client) -> Result<(i64, Timestamp), DbError> {
    let sql = "SELECT epoch, coalesce((SELECT max(at) FROM ops WHERE answer IS NOT NULL), (SELECT max(at) FROM ops), 0) FROM bookkeeping";
    only(one(db, sql, &[], |row| Ok((row.try_get(0)?, row.try_get(1)?))).await?)
}

pub(super) async fn epoch(db: &Client) -> Result<i64, DbError> {
    only(one(db, "SELECT epoch FROM bookkeeping", &[], |row| Ok(row.try_get(0)?)).await?)
}

pub(super) async fn raise_epoch(db: &Client) -> Result<i64, DbError> {
    only(one(db, "UPDATE bookkeeping SET epoch = epoch + 1 RETURNING epoch", &[], |row| Ok(row.try_get(0)?)).await?)
}

/// The one row of a table that always has one, unless a copy into this database was broken off ([`crate::db::copy`]).
fn only<T>(row: Option<T>) -> Result<T, DbError> {
    row.ok_or_else(|| {
        DbError::Corrupt("a copy into this database was not finished; drop it, and copy again into a new one".into())
    })
}

/// A durable write of no consequence.
pub(super) async fn write_something(db: &Client) -> Result<(), DbError> {
    execute(db, "UPDATE bookkeeping SET health = health + 1", &[]).await?;
    Ok(())
}

pub(super) async fn read_something(db: &Client) -> Result<(), DbError> {
    only(one(db, "SELECT health FROM bookkeeping", &[], |_| Ok(())).await?)
}

/// Counts whole tables: in a snapshot, which may take its time.
pub(super) async fn figures(db: &Client) -> Result<Vec<(&'static str, i64)>, DbError> {
    let mut figures = Vec::with_capacity(FIGURES.len());
    for (name, table) in FIGURES {
        let rows = one(db, &format!("SELECT count(*) FROM {table}"), &[], |row| Ok(row.try_get(0)?)).await?;
        figures.push((*name, rows.unwrap_or_default()));
    }
    Ok(figures)
}
