//! Which columns a row is read from. Each list of columns stands beside the function that reads it.

use std::collections::{BTreeMap, btree_map};
use std::sync::Arc;

use tokio_postgres::Row;

use super::codec::{Day, hash, json, kid, passes, raw_id};
use crate::db::{DbError, DeadLetter, OutboxItem, Registration};
use crate::ids::{CardId, OrgId};
use crate::ledger::{
    Card, CardState, Change, Document, DocumentKey, Earning, Entry, JournalRow, Lot, Member, OpRow, Pass, Redemption,
    SealedProfile, Token, Verification, Voucher,
};

/// The columns of a card at the start of [`CARD_WITH_LOTS`].
fn card(row: &Row) -> Result<Card, DbError> {
    Ok(Card {
        org: row.try_get(0)?,
        id: row.try_get(1)?,
        programme: row.try_get(2)?,
        member: row.try_get(3)?,
        number: row.try_get(4)?,
        held: row.try_get(5)?,
        debt: row.try_get(6)?,
        pass: row.try_get(7)?,
        code_generation: row.try_get(8)?,
        open_vouchers: row.try_get(9)?,
        active: row.try_get(10)?,
        created_at: row.try_get(11)?,
        verified: row.try_get(12)?,
    })
}

/// Cards beside their lots: a row for each lot, and one for a card without. To be ordered by `l.number`.
pub(super) const CARD_WITH_LOTS: &str = "c.org, c.id, c.programme, c.member, c.number, c.held, c.debt, c.pass, c.code_generation, \
    c.open_vouchers, c.active, c.created_at, c.verified, l.number, l.expires_on, l.available_from, l.available, l.held \
    FROM cards c LEFT JOIN lots l ON l.org = c.org AND l.card = c.id";

/// The cards of rows of [`CARD_WITH_LOTS`], by id.
pub(super) fn cards_with_lots(rows: &[Row]) -> Result<Vec<CardState>, DbError> {
    const LOT_AT: usize = 13;
    let mut states: BTreeMap<(OrgId, CardId), CardState> = BTreeMap::new();
    for row in rows {
        let state = match states.entry((row.try_get(0)?, row.try_get(1)?)) {
            btree_map::Entry::Occupied(known) => known.into_mut(),
            btree_map::Entry::Vacant(new) => new.insert(CardState { card: card(row)?, lots: Vec::new() }),
        };
        let Some(number) = row.try_get::<_, Option<i64>>(LOT_AT)? else { continue };
        state.lots.push(Lot {
            number,
            expires_on: row.try_get::<_, Option<Day>>(LOT_AT + 1)?.map(|day| day.0),
            available_from: row.try_get::<_, Option<Day>>(LOT_AT + 2)?.map(|day| day.0),
            available: row.try_get(LOT_AT + 3)?,
            held: row.try_get(LOT_AT + 4)?,
        });
    }
    Ok(states.into_values().collect())
}

pub(super) const PASS: &str = "org, id, kind, card, programme, voucher, kid, generation, link_generation, version, last_modified, \
                               seq, state, document_version, change_kind, change_points, change_at, auth_kid, on_google";

pub(super) fn pass(row: &Row) -> Result<Pass, DbError> {
    Ok(Pass {
        org: row.try_get(0)?,
        id: row.try_get(1)?,
        kind: row.try_get(2)?,
        card: row.try_get(3)?,
        programme: row.try_get(4)?,
        voucher: row.try_get(5)?,
        auth_kid: kid(row, 17)?,
        kid: kid(row, 6)?,
        generation: row.try_get(7)?,
        link_generation: row.try_get(8)?,
        version: row.try_get(9)?,
        last_modified: row.try_get(10)?,
        seq: row.try_get(11)?,
        state: row.try_get(12)?,
        document_version: row.try_get(13)?,
        change: Change { kind: row.try_get(14)?, points: row.try_get(15)?, at: row.try_get(16)? },
        on_google: row.try_get(18)?,
    })
}

pub(super) const TOKEN: &str =
    "org, hash, kid, kind, generation, card, pass, voucher, state, issued_at, expires_at, captured_by, epoch";

pub(super) fn token(row: &Row) -> Result<Token, DbError> {
    Ok(Token {
        org: row.try_get(0)?,
        hash: hash(row, 1)?,
        kid: kid(row, 2)?,
        kind: row.try_get(3)?,
        generation: row.try_get(4)?,
        card: row.try_get(5)?,
        pass: row.try_get(6)?,
        voucher: row.try_get(7)?,
        state: row.try_get(8)?,
        issued_at: row.try_get(9)?,
        expires_at: row.try_get(10)?,
        captured_by: row.try_get(11)?,
        epoch: row.try_get(12)?,
    })
}

pub(super) const VOUCHER: &str =
    "org, id, card, programme, pass, reward, points, state, token, issued_at, expires_at, programme_version";

pub(super) fn voucher(row: &Row) -> Result<Voucher, DbError> {
    Ok(Voucher {
        org: row.try_get(0)?,
        id: row.try_get(1)?,
        card: row.try_get(2)?,
        programme: row.try_get(3)?,
        pass: row.try_get(4)?,
        reward: row.try_get(5)?,
        points: row.try_get(6)?,
        state: row.try_get(7)?,
        token: hash(row, 8)?,
        issued_at: row.try_get(9)?,
        expires_at: row.try_get(10)?,
        programme_version: row.try_get(11)?,
    })
}

pub(super) const REDEMPTION: &str =
    "org, id, card, programme, token, voucher, lines, points, place, receipt, principal, at, state";

pub(super) fn redemption(row: &Row) -> Result<Redemption, DbError> {
    Ok(Redemption {
        org: row.try_get(0)?,
        id: row.try_get(1)?,
        card: row.try_get(2)?,
        programme: row.try_get(3)?,
        token: hash(row, 4)?,
        voucher: row.try_get(5)?,
        lines: json(row, 6)?,
        points: row.try_get(7)?,
        place: json(row, 8)?,
        receipt: row.try_get(9)?,
        principal: row.try_get(10)?,
        at: row.try_get(11)?,
        state: row.try_get(12)?,
    })
}

pub(super) const EARNING: &str = "org, id, programme, card, place, receipt, total, currency, returned, points, returned_points, \
                                  programme_version, occurred_at, recorded_at, lines";

pub(super) fn earning(row: &Row) -> Result<Earning, DbError> {
    Ok(Earning {
        org: row.try_get(0)?,
        id: row.try_get(1)?,
        programme: row.try_get(2)?,
        card: row.try_get(3)?,
        place: json(row, 4)?,
        receipt: row.try_get(5)?,
        total: row.try_get(6)?,
        currency: row.try_get(7)?,
        returned: row.try_get(8)?,
        points: row.try_get(9)?,
        returned_points: row.try_get(10)?,
        programme_version: row.try_get(11)?,
        occurred_at: row.try_get(12)?,
        recorded_at: row.try_get(13)?,
        lines: row.try_get(14)?,
    })
}

pub(super) const MEMBER: &str = "org, id, language, data_key, profile, active, created_at";

pub(super) fn member(row: &Row) -> Result<Member, DbError> {
    let (data_key, profile): (Option<Vec<u8>>, Option<Vec<u8>>) = (row.try_get(3)?, row.try_get(4)?);
    let profile = data_key.zip(profile).map(|(data_key, profile)| SealedProfile { data_key, profile });
    Ok(Member {
        org: row.try_get(0)?,
        id: row.try_get(1)?,
        language: row.try_get(2)?,
        profile,
        active: row.try_get(5)?,
        created_at: row.try_get(6)?,
    })
}

pub(super) const VERIFICATION: &str = "org, member, number, code, made_at, tries, sent, claimed";

pub(super) fn verification(row: &Row) -> Result<Verification, DbError> {
    Ok(Verification {
        org: row.try_get(0)?,
        member: row.try_get(1)?,
        number: row.try_get(2)?,
        code: hash(row, 3)?,
        made_at: row.try_get(4)?,
        tries: row.try_get(5)?,
        sent: json(row, 6)?,
        claimed: row.try_get(7)?,
        open: true,
    })
}

pub(super) const OP: &str = "org, id, principal, key, fingerprint, kind, outcome, status, answer, at";

pub(super) fn op(row: &Row) -> Result<OpRow, DbError> {
    Ok(OpRow {
        org: row.try_get(0)?,
        id: row.try_get(1)?,
        principal: row.try_get(2)?,
        key: row.try_get(3)?,
        fingerprint: hash(row, 4)?,
        kind: row.try_get(5)?,
        outcome: row.try_get(6)?,
        status: u16::try_from(row.try_get::<_, i32>(7)?).map_err(|_| DbError::Corrupt("a status of an answer".into()))?,
        answer: row.try_get(8)?,
        at: row.try_get(9)?,
    })
}

pub(super) const ENTRY: &str = "org, op, place, programme, card, lot, kind, debit, credit, amount, resolves_op, resolves_place, \
                                reverses_op, reverses_place, at";

pub(super) fn entry(row: &Row) -> Result<Entry, DbError> {
    let (resolved_op, resolved_place): (Option<_>, Option<i64>) = (row.try_get(10)?, row.try_get(11)?);
    let (reversed_op, reversed_place): (Option<_>, Option<i64>) = (row.try_get(12)?, row.try_get(13)?);
    Ok(Entry {
        org: row.try_get(0)?,
        op: row.try_get(1)?,
        place: row.try_get(2)?,
        programme: row.try_get(3)?,
        card: row.try_get(4)?,
        lot: row.try_get(5)?,
        kind: row.try_get(6)?,
        debit: row.try_get(7)?,
        credit: row.try_get(8)?,
        amount: row.try_get(9)?,
        resolves: resolved_op.zip(resolved_place),
        reverses: reversed_op.zip(reversed_place),
        at: row.try_get(14)?,
    })
}

pub(super) const DOCUMENT: &str = "org, kind, id, version, body, at, actor";

pub(super) fn document(row: &Row) -> Result<Document, DbError> {
    Ok(Document {
        key: DocumentKey { org: row.try_get(0)?, kind: row.try_get(1)?, id: raw_id(row, 2)? },
        version: row.try_get(3)?,
        body: Arc::from(row.try_get::<_, &str>(4)?),
        at: row.try_get(5)?,
        actor: row.try_get(6)?,
    })
}

/// With `journal` under the name `j`.
pub(super) const JOURNAL: &str = "j.org, j.op, j.kind, j.actor, j.at, j.body, j.passes";

pub(super) fn journal(row: &Row) -> Result<JournalRow, DbError> {
    Ok(JournalRow {
        org: row.try_get(0)?,
        op: row.try_get(1)?,
        kind: row.try_get(2)?,
        actor: row.try_get(3)?,
        at: row.try_get(4)?,
        body: row.try_get(5)?,
        passes: passes(row, 6)?,
    })
}

pub(super) const REGISTRATION: &str =
    "org, pass, device, pass_type, push_token, registered_at, pushed_at, pushed_version, listed_at";

pub(super) fn registration(row: &Row) -> Result<Registration, DbError> {
    Ok(Registration {
        org: row.try_get(0)?,
        pass: row.try_get(1)?,
        device: row.try_get(2)?,
        pass_type: row.try_get(3)?,
        push_token: row.try_get(4)?,
        registered_at: row.try_get(5)?,
        pushed_at: row.try_get(6)?,
        pushed_version: row.try_get(7)?,
        listed_at: row.try_get(8)?,
    })
}

pub(super) const OUTBOX: &str = "org, pass, channel, version, due_at, tries, stage, since, last_error";

pub(super) fn outbox(row: &Row) -> Result<OutboxItem, DbError> {
    Ok(OutboxItem {
        org: row.try_get(0)?,
        pass: row.try_get(1)?,
        channel: row.try_get(2)?,
        version: row.try_get(3)?,
        due_at: row.try_get(4)?,
        tries: row.try_get(5)?,
        stage: row.try_get(6)?,
        since: row.try_get(7)?,
        last_error: row.try_get(8)?,
    })
}

/// Beyond the columns of [`OUTBOX`].
pub(super) const DEAD_LETTER: &str = "org, pass, channel, version, due_at, tries, stage, since, last_error, id, died_at";

pub(super) fn dead_letter(row: &Row) -> Result<DeadLetter, DbError> {
    Ok(DeadLetter { item: outbox(row)?, id: row.try_get(9)?, died_at: row.try_get(10)? })
}
