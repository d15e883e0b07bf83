//! Reads of the ledger's rows: one row by its key, or a bounded list. Each is one statement, so one snapshot and one round trip.

use super::codec::{Param, sql_limit};
use super::connection::{Client, all, one};
use super::rows::{self, CARD_WITH_LOTS, DOCUMENT, EARNING, ENTRY, MEMBER, OP, PASS, REDEMPTION, TOKEN, VOUCHER};
use crate::db::{DbError, Page, TokenRef};
use crate::ids::{CardId, EarningId, MemberId, OpId, OrgId, PassId, RedemptionId, VoucherId};
use crate::ledger::{
    CardState, Document, DocumentKey, DocumentKind, Earning, Entry, Member, OpKey, OpRow, Pass, Principal, Redemption, Token,
    TokenHash, Voucher,
};

/// The most documents of a kind that are listed.
const MAX_DOCUMENTS: usize = 1_000;

pub(super) async fn token_ref(db: &Client, org: OrgId, hash: TokenHash) -> Result<Option<TokenRef>, DbError> {
    let sql = "SELECT t.kind, t.card, c.programme, t.pass, t.voucher FROM tokens t JOIN cards c ON c.org = t.org AND c.id = t.card \
               WHERE t.org = $1 AND t.hash = $2";
    one(db, sql, &[&org, &hash.as_slice()], |row| {
        Ok(TokenRef {
            kind: row.try_get(0)?,
            card: row.try_get(1)?,
            programme: row.try_get(2)?,
            pass: row.try_get(3)?,
            voucher: row.try_get(4)?,
        })
    })
    .await
}

pub(super) async fn token(db: &Client, org: OrgId, hash: TokenHash) -> Result<Option<Token>, DbError> {
    let sql = format!("SELECT {TOKEN} FROM tokens WHERE org = $1 AND hash = $2");
    one(db, &sql, &[&org, &hash.as_slice()], rows::token).await
}

/// The cards that `filter` takes, with their lots, by id.
pub(super) async fn card_states(db: &Client, filter: &str, params: &[Param<'_>]) -> Result<Vec<CardState>, DbError> {
    let statement = db.prepare_cached(&format!("SELECT {CARD_WITH_LOTS} {filter} ORDER BY l.number")).await?;
    rows::cards_with_lots(&db.query(&statement, params).await?)
}

/// A card with its lots.
pub(super) async fn card(db: &Client, org: OrgId, id: CardId) -> Result<Option<CardState>, DbError> {
    Ok(card_states(db, "WHERE c.org = $1 AND c.id = $2", &[&org, &id]).await?.pop())
}

/// The cards of a member with their lots, by id.
pub(super) async fn cards_of(db: &Client, org: OrgId, member: MemberId) -> Result<Vec<CardState>, DbError> {
    card_states(db, "WHERE c.org = $1 AND c.member = $2", &[&org, &member]).await
}

pub(super) async fn member(db: &Client, org: OrgId, id: MemberId) -> Result<Option<Member>, DbError> {
    one(db, &format!("SELECT {MEMBER} FROM members WHERE org = $1 AND id = $2"), &[&org, &id], rows::member).await
}

pub(super) async fn members(db: &Client, org: OrgId, page: Page) -> Result<Vec<Member>, DbError> {
    let sql = format!("SELECT {MEMBER} FROM members WHERE org = $1 AND id > $2 ORDER BY id LIMIT $3");
    all(db, &sql, &[&org, &page.after.as_slice(), &sql_limit(page.limit)], rows::member).await
}

pub(super) async fn identity(db: &Client, org: OrgId, hash: [u8; 32]) -> Result<Option<MemberId>, DbError> {
    let sql = "SELECT member FROM identities WHERE org = $1 AND hash = $2";
    one(db, sql, &[&org, &hash.as_slice()], |row| Ok(row.try_get(0)?)).await
}

pub(super) async fn voucher(db: &Client, org: OrgId, id: VoucherId) -> Result<Option<Voucher>, DbError> {
    one(db, &format!("SELECT {VOUCHER} FROM vouchers WHERE org = $1 AND id = $2"), &[&org, &id], rows::voucher).await
}

pub(super) async fn vouchers_of(db: &Client, org: OrgId, card: CardId, limit: usize) -> Result<Vec<Voucher>, DbError> {
    let sql = format!("SELECT {VOUCHER} FROM vouchers WHERE org = $1 AND card = $2 ORDER BY issued_at DESC, id DESC LIMIT $3");
    all(db, &sql, &[&org, &card, &sql_limit(limit)], rows::voucher).await
}

pub(super) async fn redemption(db: &Client, org: OrgId, id: RedemptionId) -> Result<Option<Redemption>, DbError> {
    one(db, &format!("SELECT {REDEMPTION} FROM redemptions WHERE org = $1 AND id = $2"), &[&org, &id], rows::redemption).await
}

pub(super) async fn earning(db: &Client, org: OrgId, id: EarningId) -> Result<Option<Earning>, DbError> {
    one(db, &format!("SELECT {EARNING} FROM earnings WHERE org = $1 AND id = $2"), &[&org, &id], rows::earning).await
}

/// Which entries of a card: those beyond (operation, place), at most so many.
pub(super) struct EntryPage {
    pub after: Option<(OpId, i64)>,
    pub limit: usize,
}

/// Two statements for a page that is not the first: entries never change, so no snapshot is needed.
pub(super) async fn entries_of(db: &Client, org: OrgId, card: CardId, page: &EntryPage) -> Result<Vec<Entry>, DbError> {
    let Some((position, place)) = place_of(db, org, page.after, (0, 0)).await? else { return Ok(Vec::new()) };
    let sql = format!(
        "SELECT {ENTRY} FROM entries WHERE org = $1 AND card = $2 AND (position, place) > ($3, $4) ORDER BY position, place LIMIT $5"
    );
    all(db, &sql, &[&org, &card, &position, &place, &sql_limit(page.limit)], rows::entry).await
}

/// As [`entries_of`], the newest first: those before (operation, place).
pub(super) async fn latest_entries_of(db: &Client, org: OrgId, card: CardId, page: &EntryPage) -> Result<Vec<Entry>, DbError> {
    let Some((position, place)) = place_of(db, org, page.after, (i64::MAX, 0)).await? else { return Ok(Vec::new()) };
    let sql = format!(
        "SELECT {ENTRY} FROM entries WHERE org = $1 AND card = $2 AND (position, place) < ($3, $4) \
         ORDER BY position DESC, place DESC LIMIT $5"
    );
    all(db, &sql, &[&org, &card, &position, &place, &sql_limit(page.limit)], rows::entry).await
}

/// Where an entry stands; `start` when none is named, `None` when there is none like it.
async fn place_of(db: &Client, org: OrgId, entry: Option<(OpId, i64)>, start: (i64, i64)) -> Result<Option<(i64, i64)>, DbError> {
    let Some((op, place)) = entry else { return Ok(Some(start)) };
    let sql = "SELECT position FROM entries WHERE org = $1 AND op = $2 AND place = $3";
    one(db, sql, &[&org, &op, &place], |row| Ok((row.try_get(0)?, place))).await
}

/// The entries of an operation, in their order.
pub(super) async fn entries_of_op(db: &Client, org: OrgId, op: OpId) -> Result<Vec<Entry>, DbError> {
    all(db, &format!("SELECT {ENTRY} FROM entries WHERE org = $1 AND op = $2 ORDER BY place"), &[&org, &op], rows::entry).await
}

pub(super) async fn op(db: &Client, org: OrgId, principal: Principal, key: &OpKey) -> Result<Option<OpRow>, DbError> {
    let sql = format!("SELECT {OP} FROM ops WHERE org = $1 AND principal = $2 AND key = $3");
    one(db, &sql, &[&org, &principal, key], rows::op).await
}

pub(super) async fn op_by_id(db: &Client, org: OrgId, id: OpId) -> Result<Option<OpRow>, DbError> {
    one(db, &format!("SELECT {OP} FROM ops WHERE org = $1 AND id = $2"), &[&org, &id], rows::op).await
}

pub(super) async fn pass(db: &Client, id: PassId) -> Result<Option<Pass>, DbError> {
    one(db, &format!("SELECT {PASS} FROM passes WHERE id = $1"), &[&id], rows::pass).await
}

/// The newest version of a document.
pub(super) async fn document(db: &Client, key: DocumentKey) -> Result<Option<Document>, DbError> {
    let sql = format!("SELECT {DOCUMENT} FROM documents WHERE org = $1 AND kind = $2 AND id = $3 ORDER BY version DESC LIMIT 1");
    one(db, &sql, &[&key.org, &key.kind, &key.id.as_slice()], rows::document).await
}

/// The newest version of each document that `filter` takes.
fn newest(filter: &str) -> String {
    format!(
        "SELECT {DOCUMENT} FROM documents d WHERE {filter} AND version = (SELECT max(version) FROM documents n \
         WHERE n.org = d.org AND n.kind = d.kind AND n.id = d.id) ORDER BY org, id LIMIT {MAX_DOCUMENTS}"
    )
}

pub(super) async fn documents(db: &Client, org: OrgId, kind: DocumentKind) -> Result<Vec<Document>, DbError> {
    all(db, &newest("org = $1 AND kind = $2"), &[&org, &kind], rows::document).await
}

pub(super) async fn organisations(db: &Client) -> Result<Vec<Document>, DbError> {
    all(db, &newest("kind = $1"), &[&DocumentKind::Organisation], rows::document).await
}

pub(super) async fn document_history(db: &Client, key: DocumentKey, limit: usize) -> Result<Vec<Document>, DbError> {
    let sql = format!("SELECT {DOCUMENT} FROM documents WHERE org = $1 AND kind = $2 AND id = $3 ORDER BY version DESC LIMIT $4");
    all(db, &sql, &[&key.org, &key.kind, &key.id.as_slice(), &sql_limit(limit)], rows::document).await
}

pub(super) async fn document_by_id(db: &Client, kind: DocumentKind, id: [u8; 16]) -> Result<Option<Document>, DbError> {
    let sql = format!("SELECT {DOCUMENT} FROM documents WHERE kind = $1 AND id = $2 ORDER BY version DESC LIMIT 1");
    one(db, &sql, &[&kind, &id.as_slice()], rows::document).await
}
