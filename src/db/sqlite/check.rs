//! Recomputes what is stored from the entries. Reads card by card: memory stays flat, however many there are.

use rusqlite::{Connection, Row, params};

use super::load::{all, card, prepare};
use super::rows::{self, ENTRY};
use crate::db::audit::{Findings, audit_card};
use crate::db::{DbError, LedgerCheck};
use crate::ids::{CardId, OrgId};

/// What must not exist: the words of the finding, and a query whose rows are (organisation, what).
const FORBIDDEN: &[(&str, &str)] = &[
    (
        "a hold is resolved twice (U1)",
        "SELECT org, resolves_op FROM entries WHERE resolves_op IS NOT NULL GROUP BY org, resolves_op, resolves_place HAVING count(*) > 1",
    ),
    (
        "a capture is reversed twice (U2)",
        "SELECT org, reverses_op FROM entries WHERE reverses_op IS NOT NULL GROUP BY org, reverses_op, reverses_place HAVING count(*) > 1",
    ),
    (
        "an entry resolves what is no hold of its card and amount",
        "SELECT e.org, e.op FROM entries e LEFT JOIN entries h ON h.org = e.org AND h.op = e.resolves_op AND h.place = e.resolves_place \
         WHERE e.resolves_op IS NOT NULL AND NOT coalesce(h.kind = 'hold' AND h.card = e.card AND h.amount = e.amount, 0)",
    ),
    (
        "an entry reverses what is no capture of its card and amount",
        "SELECT e.org, e.op FROM entries e LEFT JOIN entries c ON c.org = e.org AND c.op = e.reverses_op AND c.place = e.reverses_place \
         WHERE e.reverses_op IS NOT NULL AND NOT coalesce(c.kind = 'capture' AND c.card = e.card AND c.amount = e.amount, 0)",
    ),
    ("a token was captured twice", "SELECT org, token FROM redemptions GROUP BY org, token HAVING count(*) > 1"),
    (
        "a captured token and its redemption disagree",
        "SELECT t.org, t.hash FROM tokens t LEFT JOIN redemptions r ON r.org = t.org AND r.id = t.captured_by \
         WHERE t.state = 'captured' AND (r.id IS NULL OR r.token <> t.hash)",
    ),
    (
        "a redemption's token is not captured by it",
        "SELECT r.org, r.id FROM redemptions r LEFT JOIN tokens t ON t.org = r.org AND t.hash = r.token \
         WHERE t.captured_by IS NULL OR t.captured_by <> r.id",
    ),
    (
        "an open voucher's hold is not whole, or a closed one's is still there",
        "SELECT v.org, v.id FROM vouchers v WHERE (SELECT coalesce(sum(h.amount), 0) FROM entries h WHERE h.org = v.org AND h.op = v.id \
         AND h.kind = 'hold' AND NOT EXISTS (SELECT 1 FROM entries r WHERE r.org = h.org AND r.resolves_op = h.op \
         AND r.resolves_place = h.place)) <> CASE v.state WHEN 'issued' THEN v.points ELSE 0 END",
    ),
    (
        "an entry belongs to no journal row",
        "SELECT e.org, e.op FROM entries e LEFT JOIN journal j ON j.position = e.position AND j.org = e.org AND j.op = e.op \
         WHERE j.position IS NULL",
    ),
];

/// Checks the whole ledger, in one snapshot.
pub(super) fn ledger(db: &Connection) -> Result<LedgerCheck, DbError> {
    let mut findings = Findings::default();
    let mut check = LedgerCheck::default();
    let mut after: Option<(OrgId, CardId)> = None;
    while let Some(key) = next_card(db, after)? {
        check.entries += one_card(db, key, &mut findings)?;
        check.cards += 1;
        after = Some(key);
    }
    for (what, sql) in FORBIDDEN {
        for row in all(&mut prepare(db, &format!("{sql} LIMIT 100"))?, [], named)? {
            findings.add(format!("{what}: {row}"));
        }
    }
    check.findings = findings.into_lines();
    Ok(check)
}

fn next_card(db: &Connection, after: Option<(OrgId, CardId)>) -> Result<Option<(OrgId, CardId)>, DbError> {
    let (org, id) = after.map_or((None, None), |(org, id)| (Some(org), Some(id)));
    let sql = "SELECT org, id FROM cards WHERE ?1 IS NULL OR (org, id) > (?1, ?2) ORDER BY org, id LIMIT 1";
    super::load::one(&mut prepare(db, sql)?, params![org, id], |row| Ok((row.get(0)?, row.get(1)?)))
}

fn one_card(db: &Connection, (org, id): (OrgId, CardId), findings: &mut Findings) -> Result<i64, DbError> {
    let Some(state) = card(db, org, id)? else { return Ok(0) };
    let sql = format!("SELECT {ENTRY} FROM entries WHERE org = ?1 AND card = ?2 ORDER BY position, place");
    let entries = all(&mut prepare(db, &sql)?, params![org, id], rows::entry)?;
    let sql = "SELECT points FROM vouchers INDEXED BY vouchers_card WHERE org = ?1 AND card = ?2 AND state = 'issued'";
    let open: Vec<i64> = all(&mut prepare(db, sql)?, params![org, id], |row| row.get(0))?;
    audit_card(&state, &entries, &open, findings);
    Ok(i64::try_from(entries.len()).unwrap_or(i64::MAX))
}

fn named(row: &Row<'_>) -> rusqlite::Result<String> {
    let (org, what): (OrgId, Vec<u8>) = (row.get(0)?, row.get(1)?);
    let hex: String = what.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{hex} of {org}"))
}
