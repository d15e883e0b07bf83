//! Recomputes what is stored from the entries. Reads page by page: memory stays flat, however many cards there are.

use std::collections::HashMap;

use tokio_postgres::Row;

use super::connection::{Client, all};
use super::reads::card_states;
use super::rows::{self, ENTRY};
use crate::db::audit::{Findings, audit_card};
use crate::db::{DbError, LedgerCheck};
use crate::ids::{CardId, OrgId};
use crate::ledger::{CardState, Entry};

/// Cards whose entries are in memory at once.
const PAGE: usize = 200;

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
         WHERE e.resolves_op IS NOT NULL AND NOT coalesce(h.kind = 'hold' AND h.card = e.card AND h.amount = e.amount, FALSE)",
    ),
    (
        "an entry reverses what is no capture of its card and amount",
        "SELECT e.org, e.op FROM entries e LEFT JOIN entries c ON c.org = e.org AND c.op = e.reverses_op AND c.place = e.reverses_place \
         WHERE e.reverses_op IS NOT NULL AND NOT coalesce(c.kind = 'capture' AND c.card = e.card AND c.amount = e.amount, FALSE)",
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
    (
        "a journal row is not numbered and does not wait for it, or both",
        "SELECT j.org, j.op FROM journal j LEFT JOIN journal_seals s ON s.position = j.position \
         LEFT JOIN journal_unsealed u ON u.position = j.position WHERE (s.position IS NULL) = (u.position IS NULL)",
    ),
];

/// Checks the whole ledger. In a snapshot, which may take its time.
pub(super) async fn ledger(db: &Client) -> Result<LedgerCheck, DbError> {
    let mut findings = Findings::default();
    let mut check = LedgerCheck::default();
    let mut after: (Vec<u8>, Vec<u8>) = (Vec::new(), Vec::new());
    // The limit stands in the statement, so that the server knows that it is small when it plans.
    let next = format!(
        "JOIN (SELECT org, id FROM cards WHERE (org, id) > ($1, $2) ORDER BY org, id LIMIT {PAGE}) page \
         ON page.org = c.org AND page.id = c.id"
    );
    loop {
        let page = card_states(db, &next, &[&after.0, &after.1]).await?;
        let Some(last) = page.last() else { break };
        after = (last.card.org.0.to_vec(), last.card.id.0.to_vec());
        check.entries += one_page(db, &page, &mut findings).await?;
        check.cards += i64::try_from(page.len()).unwrap_or(i64::MAX);
    }
    for (what, sql) in FORBIDDEN {
        for row in all(db, &format!("{sql} LIMIT 100"), &[], named).await? {
            findings.add(format!("{what}: {row}"));
        }
    }
    check.findings = findings.into_lines();
    Ok(check)
}

/// Audits some cards; says how many entries they have.
async fn one_page(db: &Client, page: &[CardState], findings: &mut Findings) -> Result<i64, DbError> {
    let orgs: Vec<OrgId> = page.iter().map(|state| state.card.org).collect();
    let cards: Vec<CardId> = page.iter().map(|state| state.card.id).collect();
    let sql = format!(
        "SELECT {ENTRY} FROM unnest($1::bytea[], $2::bytea[]) AS w (of_org, of_card) JOIN entries ON org = of_org AND card = of_card \
         ORDER BY org, card, position, place"
    );
    let mut entries: HashMap<(OrgId, CardId), Vec<Entry>> = HashMap::new();
    for entry in all(db, &sql, &[&orgs, &cards], rows::entry).await? {
        entries.entry((entry.org, entry.card)).or_default().push(entry);
    }
    let sql = "SELECT org, card, points FROM unnest($1::bytea[], $2::bytea[]) AS w (of_org, of_card) \
               JOIN vouchers ON org = of_org AND card = of_card WHERE state = 'issued'";
    let mut open: HashMap<(OrgId, CardId), Vec<i64>> = HashMap::new();
    let read = |row: &Row| Ok(((row.try_get(0)?, row.try_get(1)?), row.try_get(2)?));
    for (card, points) in all(db, sql, &[&orgs, &cards], read).await? {
        open.entry(card).or_default().push(points);
    }
    let mut count = 0;
    for state in page {
        let key = (state.card.org, state.card.id);
        let entries = entries.remove(&key).unwrap_or_default();
        audit_card(state, &entries, &open.remove(&key).unwrap_or_default(), findings);
        count += i64::try_from(entries.len()).unwrap_or(i64::MAX);
    }
    Ok(count)
}

fn named(row: &Row) -> Result<String, DbError> {
    let (org, what): (OrgId, &[u8]) = (row.try_get(0)?, row.try_get(1)?);
    let hex: String = what.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{hex} of {org}"))
}
