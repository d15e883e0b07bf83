//! Fetches what a batch wants into its working set. One cached statement a kind of row; the keys are few.

use rusqlite::{CachedStatement, Connection, OptionalExtension, Params, Row, params};

use super::rows::{self, CARD, DOCUMENT, EARNING, ENTRY, LOT, MEMBER, OP, PASS, REDEMPTION, TOKEN, VERIFICATION, VOUCHER};
use crate::db::DbError;
use crate::db::loading::Wanted;
use crate::ids::{CardId, EarningId, MemberId, OrgId, StoreId};
use crate::ledger::{CardState, Command, Document, DocumentKey, Entry, Identity, WorkingSet};

/// The working set of a batch: its roots and everything that hangs on them.
pub(super) fn working_set(db: &Connection, commands: &[Command]) -> Result<WorkingSet, DbError> {
    let mut set = WorkingSet::default();
    set.epoch = prepare(db, "SELECT epoch FROM bookkeeping")?.query_row([], |row| row.get(0))?;
    let mut wanted = Some(Wanted::roots(commands));
    while let Some(round) = wanted {
        fetch(db, &round, &mut set)?;
        wanted = round.next(&set);
    }
    Ok(set)
}

fn fetch(db: &Connection, wanted: &Wanted, set: &mut WorkingSet) -> Result<(), DbError> {
    let by_id = |columns: &str, table: &str| format!("SELECT {columns} FROM {table} WHERE org = ?1 AND id = ?2");
    if !wanted.ops.is_empty() {
        let mut statement = prepare(db, &format!("SELECT {OP} FROM ops WHERE org = ?1 AND principal = ?2 AND key = ?3"))?;
        for key in &wanted.ops {
            set.ops.load(key.clone(), one(&mut statement, params![key.0, key.1, key.2], rows::op)?);
        }
    }
    for (org, id) in &wanted.cards {
        set.cards.load((*org, *id), card(db, *org, *id)?);
    }
    if !wanted.tokens.is_empty() {
        let mut statement = prepare(db, &format!("SELECT {TOKEN} FROM tokens WHERE org = ?1 AND hash = ?2"))?;
        for (org, hash) in &wanted.tokens {
            set.tokens.load((*org, *hash), one(&mut statement, params![org, hash], rows::token)?);
        }
    }
    for (org, card) in &wanted.presence {
        let sql = "SELECT totp_step, at FROM presence WHERE org = ?1 AND card = ?2 ORDER BY totp_step DESC LIMIT 1";
        let newest = one(&mut prepare(db, sql)?, params![org, card], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)))?;
        if let Some((step, at)) = newest {
            set.presence.load((*org, *card, step), Some(at));
        }
    }
    if !wanted.passes.is_empty() {
        let mut statement = prepare(db, &by_id(PASS, "passes"))?;
        for (org, id) in &wanted.passes {
            set.passes.load((*org, *id), one(&mut statement, params![org, id], rows::pass)?);
        }
    }
    for key in &wanted.documents {
        set.documents.load(*key, document(db, *key)?);
    }
    if !wanted.vouchers.is_empty() {
        let mut statement = prepare(db, &by_id(VOUCHER, "vouchers"))?;
        for (org, id) in &wanted.vouchers {
            set.vouchers.load((*org, *id), one(&mut statement, params![org, id], rows::voucher)?);
        }
    }
    if !wanted.redemptions.is_empty() {
        let mut statement = prepare(db, &by_id(REDEMPTION, "redemptions"))?;
        for (org, id) in &wanted.redemptions {
            set.redemptions.load((*org, *id), one(&mut statement, params![org, id], rows::redemption)?);
        }
    }
    for (org, op) in &wanted.posted {
        set.posted.insert((*org, *op), entries_of_op(db, *org, op.0)?);
    }
    fetch_sales(db, wanted, set)?;
    fetch_members(db, wanted, set)?;
    fetch_open(db, wanted, set)
}

fn fetch_sales(db: &Connection, wanted: &Wanted, set: &mut WorkingSet) -> Result<(), DbError> {
    if !wanted.earnings.is_empty() {
        let mut statement = prepare(db, &format!("SELECT {EARNING} FROM earnings WHERE org = ?1 AND id = ?2"))?;
        for (org, id) in &wanted.earnings {
            set.earnings.load((*org, *id), one(&mut statement, params![org, id], rows::earning)?);
        }
    }
    if !wanted.receipts.is_empty() {
        let by_receipt =
            "SELECT id FROM earnings WHERE org = ?1 AND programme = ?2 AND coalesce(store, x'') = ?3 AND receipt = ?4";
        let mut statement = prepare(db, by_receipt)?;
        for key @ (org, programme, store, receipt) in &wanted.receipts {
            let found: Option<EarningId> =
                one(&mut statement, params![org, programme, store_key(store.as_ref()), receipt], |row| row.get(0))?;
            set.receipts.load(key.clone(), found);
        }
    }
    Ok(())
}

fn store_key(store: Option<&StoreId>) -> &[u8] {
    store.map_or(&[], |id| &id.0)
}

fn fetch_members(db: &Connection, wanted: &Wanted, set: &mut WorkingSet) -> Result<(), DbError> {
    for (org, id) in &wanted.members {
        let mut statement = prepare(db, &format!("SELECT {MEMBER} FROM members WHERE org = ?1 AND id = ?2"))?;
        set.members.load((*org, *id), one(&mut statement, params![org, id], rows::member)?);
    }
    for (org, hash) in &wanted.identities {
        let mut statement = prepare(db, "SELECT member FROM identities WHERE org = ?1 AND hash = ?2")?;
        let member: Option<MemberId> = one(&mut statement, params![org, hash], |row| row.get(0))?;
        set.identities.load((*org, *hash), member.map(|member| Identity { org: *org, hash: *hash, member: Some(member) }));
    }
    for key @ (org, member, programme) in &wanted.cards_of {
        let mut statement = prepare(db, "SELECT id FROM cards WHERE org = ?1 AND member = ?2 AND programme = ?3")?;
        set.cards_of.load(*key, one(&mut statement, params![org, member, programme], |row| row.get(0))?);
    }
    for (org, member) in &wanted.all_of_members {
        let mut statement = prepare(db, &format!("SELECT {VERIFICATION} FROM verifications WHERE org = ?1 AND member = ?2"))?;
        set.verifications.load((*org, *member), one(&mut statement, params![org, member], rows::verification)?);
        let mut statement = prepare(db, "SELECT hash FROM identities WHERE org = ?1 AND member = ?2")?;
        for hash in all(&mut statement, params![org, member], |row| row.get::<_, [u8; 32]>(0))? {
            set.identities.load((*org, hash), Some(Identity { org: *org, hash, member: Some(*member) }));
        }
        for id in cards_of_member(db, *org, *member)? {
            set.cards.load((*org, id), card(db, *org, id)?);
        }
    }
    Ok(())
}

/// The indexes are named: without statistics SQLite takes the primary key, and reads all that the organisation has.
fn fetch_open(db: &Connection, wanted: &Wanted, set: &mut WorkingSet) -> Result<(), DbError> {
    for (org, card) in &wanted.open_of_cards {
        let sql = format!("SELECT {TOKEN} FROM tokens INDEXED BY tokens_open WHERE org = ?1 AND card = ?2 AND state = 'issued'");
        for token in all(&mut prepare(db, &sql)?, params![org, card], rows::token)? {
            set.tokens.load((*org, token.hash), Some(token));
        }
        let sql =
            format!("SELECT {VOUCHER} FROM vouchers INDEXED BY vouchers_card WHERE org = ?1 AND card = ?2 AND state = 'issued'");
        for voucher in all(&mut prepare(db, &sql)?, params![org, card], rows::voucher)? {
            set.vouchers.load((*org, voucher.id), Some(voucher));
        }
    }
    Ok(())
}

/// A card with its lots.
pub(super) fn card(db: &Connection, org: OrgId, id: CardId) -> Result<Option<CardState>, DbError> {
    let mut statement = prepare(db, &format!("SELECT {CARD} FROM cards WHERE org = ?1 AND id = ?2"))?;
    let Some(card) = one(&mut statement, params![org, id], rows::card)? else { return Ok(None) };
    let mut statement = prepare(db, &format!("SELECT {LOT} FROM lots WHERE org = ?1 AND card = ?2 ORDER BY number"))?;
    let lots = all(&mut statement, params![org, id], rows::lot)?;
    Ok(Some(CardState { card, lots }))
}

/// The cards of a member, by id.
pub(super) fn cards_of_member(db: &Connection, org: OrgId, member: MemberId) -> Result<Vec<CardId>, DbError> {
    let mut statement = prepare(db, "SELECT id FROM cards INDEXED BY cards_member WHERE org = ?1 AND member = ?2 ORDER BY id")?;
    all(&mut statement, params![org, member], |row| row.get(0))
}

/// The newest version of a document.
pub(super) fn document(db: &Connection, key: DocumentKey) -> Result<Option<Document>, DbError> {
    let sql = format!("SELECT {DOCUMENT} FROM documents WHERE org = ?1 AND kind = ?2 AND id = ?3 ORDER BY version DESC LIMIT 1");
    one(&mut prepare(db, &sql)?, params![key.org, key.kind, key.id], rows::document)
}

/// The entries of an operation, in their order.
pub(super) fn entries_of_op(db: &Connection, org: OrgId, op: [u8; 16]) -> Result<Vec<Entry>, DbError> {
    let sql = format!("SELECT {ENTRY} FROM entries WHERE org = ?1 AND op = ?2 ORDER BY place");
    all(&mut prepare(db, &sql)?, params![org, op], rows::entry)
}

/// A statement that stays prepared with the connection.
pub(super) fn prepare<'db>(db: &'db Connection, sql: &str) -> Result<CachedStatement<'db>, DbError> {
    Ok(db.prepare_cached(sql)?)
}

/// The first row, if there is one.
pub(super) fn one<T>(
    statement: &mut CachedStatement<'_>,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Option<T>, DbError> {
    Ok(statement.query_row(params, read).optional()?)
}

/// Every row.
pub(super) fn all<T>(
    statement: &mut CachedStatement<'_>,
    params: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, DbError> {
    Ok(statement.query_map(params, read)?.collect::<rusqlite::Result<Vec<T>>>()?)
}
