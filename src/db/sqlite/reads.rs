//! Reads of the ledger's rows: one row by its key, or a bounded list.

use rusqlite::{Connection, params};

use super::codec::sql_limit;
use super::load::{all, card, cards_of_member, one, prepare};
use super::rows::{self, DOCUMENT, EARNING, ENTRY, MEMBER, OP, PASS, REDEMPTION, TOKEN, VOUCHER};
use crate::db::{DbError, Page, TokenRef};
use crate::ids::{CardId, EarningId, MemberId, OpId, OrgId, PassId, ProgrammeId, RedemptionId, VoucherId};
use crate::ledger::{
    CardState, Document, DocumentKey, DocumentKind, Earning, Entry, Member, OpKey, OpRow, Pass, Principal, Redemption, Token,
    TokenHash, Voucher,
};

/// The most documents of a kind that are listed.
const MAX_DOCUMENTS: usize = 1_000;

pub(super) fn token_ref(db: &Connection, org: OrgId, hash: TokenHash) -> Result<Option<TokenRef>, DbError> {
    let sql = "SELECT t.kind, t.card, c.programme, t.pass, t.voucher FROM tokens t JOIN cards c ON c.org = t.org AND c.id = t.card \
               WHERE t.org = ?1 AND t.hash = ?2";
    one(&mut prepare(db, sql)?, params![org, hash], |row| {
        Ok(TokenRef { kind: row.get(0)?, card: row.get(1)?, programme: row.get(2)?, pass: row.get(3)?, voucher: row.get(4)? })
    })
}

pub(super) fn token(db: &Connection, org: OrgId, hash: TokenHash) -> Result<Option<Token>, DbError> {
    one(&mut prepare(db, &format!("SELECT {TOKEN} FROM tokens WHERE org = ?1 AND hash = ?2"))?, params![org, hash], rows::token)
}

pub(super) fn cards_of(db: &Connection, org: OrgId, member: MemberId) -> Result<Vec<CardState>, DbError> {
    let ids = cards_of_member(db, org, member)?;
    ids.into_iter().filter_map(|id| card(db, org, id).transpose()).collect()
}

pub(super) fn member(db: &Connection, org: OrgId, id: MemberId) -> Result<Option<Member>, DbError> {
    one(&mut prepare(db, &format!("SELECT {MEMBER} FROM members WHERE org = ?1 AND id = ?2"))?, params![org, id], rows::member)
}

pub(super) fn members(db: &Connection, org: OrgId, page: Page) -> Result<Vec<Member>, DbError> {
    let sql = format!("SELECT {MEMBER} FROM members WHERE org = ?1 AND id > ?2 ORDER BY id LIMIT ?3");
    all(&mut prepare(db, &sql)?, params![org, page.after, sql_limit(page.limit)], rows::member)
}

pub(super) fn identity(db: &Connection, org: OrgId, hash: [u8; 32]) -> Result<Option<MemberId>, DbError> {
    let sql = "SELECT member FROM identities WHERE org = ?1 AND hash = ?2";
    one(&mut prepare(db, sql)?, params![org, hash], |row| row.get(0))
}

pub(super) fn voucher(db: &Connection, org: OrgId, id: VoucherId) -> Result<Option<Voucher>, DbError> {
    one(&mut prepare(db, &format!("SELECT {VOUCHER} FROM vouchers WHERE org = ?1 AND id = ?2"))?, params![org, id], rows::voucher)
}

pub(super) fn vouchers_of(db: &Connection, org: OrgId, card: CardId, limit: usize) -> Result<Vec<Voucher>, DbError> {
    let sql = format!("SELECT {VOUCHER} FROM vouchers WHERE org = ?1 AND card = ?2 ORDER BY issued_at DESC, id DESC LIMIT ?3");
    all(&mut prepare(db, &sql)?, params![org, card, sql_limit(limit)], rows::voucher)
}

pub(super) fn redemption(db: &Connection, org: OrgId, id: RedemptionId) -> Result<Option<Redemption>, DbError> {
    let sql = format!("SELECT {REDEMPTION} FROM redemptions WHERE org = ?1 AND id = ?2");
    one(&mut prepare(db, &sql)?, params![org, id], rows::redemption)
}

pub(super) fn earning(db: &Connection, org: OrgId, id: EarningId) -> Result<Option<Earning>, DbError> {
    one(&mut prepare(db, &format!("SELECT {EARNING} FROM earnings WHERE org = ?1 AND id = ?2"))?, params![org, id], rows::earning)
}

/// Which entries of a card: those beyond (operation, place), at most so many.
pub(super) struct EntryPage {
    pub after: Option<(OpId, i64)>,
    pub limit: usize,
}

pub(super) fn entries_of(db: &Connection, org: OrgId, card: CardId, page: &EntryPage) -> Result<Vec<Entry>, DbError> {
    let (mut position, mut place) = (0, 0);
    if let Some((op, after)) = page.after {
        let sql = "SELECT position FROM entries WHERE org = ?1 AND op = ?2 AND place = ?3";
        let Some(found) = one(&mut prepare(db, sql)?, params![org, op, after], |row| row.get(0))? else { return Ok(Vec::new()) };
        (position, place) = (found, after);
    }
    let sql = format!(
        "SELECT {ENTRY} FROM entries WHERE org = ?1 AND card = ?2 AND (position, place) > (?3, ?4) ORDER BY position, place LIMIT ?5"
    );
    all(&mut prepare(db, &sql)?, params![org, card, position, place, sql_limit(page.limit)], rows::entry)
}

/// As [`entries_of`], the newest first: those before (operation, place).
pub(super) fn latest_entries_of(db: &Connection, org: OrgId, card: CardId, page: &EntryPage) -> Result<Vec<Entry>, DbError> {
    let (mut position, mut place) = (i64::MAX, 0);
    if let Some((op, before)) = page.after {
        let sql = "SELECT position FROM entries WHERE org = ?1 AND op = ?2 AND place = ?3";
        let Some(found) = one(&mut prepare(db, sql)?, params![org, op, before], |row| row.get(0))? else { return Ok(Vec::new()) };
        (position, place) = (found, before);
    }
    let sql = format!(
        "SELECT {ENTRY} FROM entries WHERE org = ?1 AND card = ?2 AND (position, place) < (?3, ?4) \
         ORDER BY position DESC, place DESC LIMIT ?5"
    );
    all(&mut prepare(db, &sql)?, params![org, card, position, place, sql_limit(page.limit)], rows::entry)
}

pub(super) fn op(db: &Connection, org: OrgId, principal: Principal, key: &OpKey) -> Result<Option<OpRow>, DbError> {
    let sql = format!("SELECT {OP} FROM ops WHERE org = ?1 AND principal = ?2 AND key = ?3");
    one(&mut prepare(db, &sql)?, params![org, principal, key], rows::op)
}

pub(super) fn op_by_id(db: &Connection, org: OrgId, id: OpId) -> Result<Option<OpRow>, DbError> {
    one(&mut prepare(db, &format!("SELECT {OP} FROM ops WHERE org = ?1 AND id = ?2"))?, params![org, id], rows::op)
}

pub(super) fn pass(db: &Connection, id: PassId) -> Result<Option<Pass>, DbError> {
    one(&mut prepare(db, &format!("SELECT {PASS} FROM passes WHERE id = ?1"))?, params![id], rows::pass)
}

/// The newest version of each document that `filter` takes.
fn newest(filter: &str) -> String {
    format!(
        "SELECT {DOCUMENT} FROM documents d WHERE {filter} AND version = (SELECT max(version) FROM documents n \
         WHERE n.org = d.org AND n.kind = d.kind AND n.id = d.id) ORDER BY org, id LIMIT {MAX_DOCUMENTS}"
    )
}

pub(super) fn documents(db: &Connection, org: OrgId, kind: DocumentKind) -> Result<Vec<Document>, DbError> {
    all(&mut prepare(db, &newest("org = ?1 AND kind = ?2"))?, params![org, kind], rows::document)
}

pub(super) fn organisations(db: &Connection) -> Result<Vec<Document>, DbError> {
    all(&mut prepare(db, &newest("kind = ?1"))?, params![DocumentKind::Organisation], rows::document)
}

pub(super) fn document_history(db: &Connection, key: DocumentKey, limit: usize) -> Result<Vec<Document>, DbError> {
    let sql = format!("SELECT {DOCUMENT} FROM documents WHERE org = ?1 AND kind = ?2 AND id = ?3 ORDER BY version DESC LIMIT ?4");
    all(&mut prepare(db, &sql)?, params![key.org, key.kind, key.id, sql_limit(limit)], rows::document)
}

pub(super) fn document_by_id(db: &Connection, kind: DocumentKind, id: [u8; 16]) -> Result<Option<Document>, DbError> {
    let sql = format!("SELECT {DOCUMENT} FROM documents WHERE kind = ?1 AND id = ?2 ORDER BY version DESC LIMIT 1");
    one(&mut prepare(db, &sql)?, params![kind, id], rows::document)
}

/// Every programme with its document's newest version.
pub(super) fn programme_versions(db: &Connection) -> Result<Vec<(OrgId, ProgrammeId, i64)>, DbError> {
    let sql = "SELECT org, id, max(version) FROM documents WHERE kind = ?1 GROUP BY org, id HAVING max(version) > 1";
    all(&mut prepare(db, sql)?, params![DocumentKind::Programme], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
}
