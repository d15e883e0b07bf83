//! Which columns a row is read from. Each list of columns stands beside the function that reads it.

use std::sync::Arc;

use rusqlite::{Result, Row};

use super::codec::{Day, PassList, json};
use crate::db::{DeadLetter, OutboxItem, Registration};
use crate::ids::PassId;
use crate::ledger::{
    Card, Change, Document, DocumentKey, Earning, Entry, JournalRow, Lot, Member, OpRow, Pass, Redemption, SealedProfile, Token,
    Verification, Voucher,
};

pub(super) const CARD: &str =
    "org, id, programme, member, number, held, debt, pass, code_generation, open_vouchers, active, created_at, verified";

pub(super) fn card(row: &Row<'_>) -> Result<Card> {
    Ok(Card {
        org: row.get(0)?,
        id: row.get(1)?,
        programme: row.get(2)?,
        member: row.get(3)?,
        number: row.get(4)?,
        held: row.get(5)?,
        debt: row.get(6)?,
        pass: row.get(7)?,
        code_generation: row.get(8)?,
        open_vouchers: row.get(9)?,
        active: row.get(10)?,
        created_at: row.get(11)?,
        verified: row.get(12)?,
    })
}

pub(super) const LOT: &str = "number, expires_on, available_from, available, held";

pub(super) fn lot(row: &Row<'_>) -> Result<Lot> {
    Ok(Lot {
        number: row.get(0)?,
        expires_on: row.get::<_, Option<Day>>(1)?.map(|day| day.0),
        available_from: row.get::<_, Option<Day>>(2)?.map(|day| day.0),
        available: row.get(3)?,
        held: row.get(4)?,
    })
}

pub(super) const PASS: &str = "org, id, kind, card, programme, voucher, kid, generation, link_generation, version, last_modified, \
                               seq, state, document_version, change_kind, change_points, change_at, auth_kid, on_google";

pub(super) fn pass(row: &Row<'_>) -> Result<Pass> {
    Ok(Pass {
        org: row.get(0)?,
        id: row.get(1)?,
        kind: row.get(2)?,
        card: row.get(3)?,
        programme: row.get(4)?,
        voucher: row.get(5)?,
        auth_kid: row.get(17)?,
        kid: row.get(6)?,
        generation: row.get(7)?,
        link_generation: row.get(8)?,
        version: row.get(9)?,
        last_modified: row.get(10)?,
        seq: row.get(11)?,
        state: row.get(12)?,
        document_version: row.get(13)?,
        change: Change { kind: row.get(14)?, points: row.get(15)?, at: row.get(16)? },
        on_google: row.get(18)?,
    })
}

pub(super) const TOKEN: &str =
    "org, hash, kid, kind, generation, card, pass, voucher, state, issued_at, expires_at, captured_by, epoch";

pub(super) fn token(row: &Row<'_>) -> Result<Token> {
    Ok(Token {
        org: row.get(0)?,
        hash: row.get(1)?,
        kid: row.get(2)?,
        kind: row.get(3)?,
        generation: row.get(4)?,
        card: row.get(5)?,
        pass: row.get(6)?,
        voucher: row.get(7)?,
        state: row.get(8)?,
        issued_at: row.get(9)?,
        expires_at: row.get(10)?,
        captured_by: row.get(11)?,
        epoch: row.get(12)?,
    })
}

pub(super) const VOUCHER: &str =
    "org, id, card, programme, pass, reward, points, state, token, issued_at, expires_at, programme_version";

pub(super) fn voucher(row: &Row<'_>) -> Result<Voucher> {
    Ok(Voucher {
        org: row.get(0)?,
        id: row.get(1)?,
        card: row.get(2)?,
        programme: row.get(3)?,
        pass: row.get(4)?,
        reward: row.get(5)?,
        points: row.get(6)?,
        state: row.get(7)?,
        token: row.get(8)?,
        issued_at: row.get(9)?,
        expires_at: row.get(10)?,
        programme_version: row.get(11)?,
    })
}

pub(super) const REDEMPTION: &str =
    "org, id, card, programme, token, voucher, lines, points, place, receipt, principal, at, state";

pub(super) fn redemption(row: &Row<'_>) -> Result<Redemption> {
    Ok(Redemption {
        org: row.get(0)?,
        id: row.get(1)?,
        card: row.get(2)?,
        programme: row.get(3)?,
        token: row.get(4)?,
        voucher: row.get(5)?,
        lines: json(row, 6)?,
        points: row.get(7)?,
        place: json(row, 8)?,
        receipt: row.get(9)?,
        principal: row.get(10)?,
        at: row.get(11)?,
        state: row.get(12)?,
    })
}

pub(super) const EARNING: &str = "org, id, programme, card, place, receipt, total, currency, returned, points, returned_points, \
                                  programme_version, occurred_at, recorded_at, lines";

pub(super) fn earning(row: &Row<'_>) -> Result<Earning> {
    Ok(Earning {
        org: row.get(0)?,
        id: row.get(1)?,
        programme: row.get(2)?,
        card: row.get(3)?,
        place: json(row, 4)?,
        receipt: row.get(5)?,
        total: row.get(6)?,
        currency: row.get(7)?,
        returned: row.get(8)?,
        points: row.get(9)?,
        returned_points: row.get(10)?,
        programme_version: row.get(11)?,
        occurred_at: row.get(12)?,
        recorded_at: row.get(13)?,
        lines: row.get(14)?,
    })
}

pub(super) const MEMBER: &str = "org, id, language, data_key, profile, active, created_at";

pub(super) fn member(row: &Row<'_>) -> Result<Member> {
    let (data_key, profile): (Option<Vec<u8>>, Option<Vec<u8>>) = (row.get(3)?, row.get(4)?);
    let profile = data_key.zip(profile).map(|(data_key, profile)| SealedProfile { data_key, profile });
    Ok(Member { org: row.get(0)?, id: row.get(1)?, language: row.get(2)?, profile, active: row.get(5)?, created_at: row.get(6)? })
}

pub(super) const VERIFICATION: &str = "org, member, number, code, made_at, tries, sent, claimed";

pub(super) fn verification(row: &Row<'_>) -> Result<Verification> {
    Ok(Verification {
        org: row.get(0)?,
        member: row.get(1)?,
        number: row.get(2)?,
        code: row.get(3)?,
        made_at: row.get(4)?,
        tries: row.get(5)?,
        sent: json(row, 6)?,
        claimed: row.get(7)?,
        open: true,
    })
}

pub(super) const OP: &str = "org, id, principal, key, fingerprint, kind, outcome, status, answer, at";

pub(super) fn op(row: &Row<'_>) -> Result<OpRow> {
    Ok(OpRow {
        org: row.get(0)?,
        id: row.get(1)?,
        principal: row.get(2)?,
        key: row.get(3)?,
        fingerprint: row.get(4)?,
        kind: row.get(5)?,
        outcome: row.get(6)?,
        status: row.get(7)?,
        answer: row.get(8)?,
        at: row.get(9)?,
    })
}

pub(super) const ENTRY: &str = "org, op, place, programme, card, lot, kind, debit, credit, amount, resolves_op, resolves_place, \
                                reverses_op, reverses_place, at";

pub(super) fn entry(row: &Row<'_>) -> Result<Entry> {
    let (resolved_op, resolved_place): (Option<_>, Option<i64>) = (row.get(10)?, row.get(11)?);
    let (reversed_op, reversed_place): (Option<_>, Option<i64>) = (row.get(12)?, row.get(13)?);
    Ok(Entry {
        org: row.get(0)?,
        op: row.get(1)?,
        place: row.get(2)?,
        programme: row.get(3)?,
        card: row.get(4)?,
        lot: row.get(5)?,
        kind: row.get(6)?,
        debit: row.get(7)?,
        credit: row.get(8)?,
        amount: row.get(9)?,
        resolves: resolved_op.zip(resolved_place),
        reverses: reversed_op.zip(reversed_place),
        at: row.get(14)?,
    })
}

pub(super) const DOCUMENT: &str = "org, kind, id, version, body, at, actor";

pub(super) fn document(row: &Row<'_>) -> Result<Document> {
    Ok(Document {
        key: DocumentKey { org: row.get(0)?, kind: row.get(1)?, id: row.get(2)? },
        version: row.get(3)?,
        body: row.get::<_, Arc<str>>(4)?,
        at: row.get(5)?,
        actor: row.get(6)?,
    })
}

/// With `journal` under the name `j`.
pub(super) const JOURNAL: &str = "j.org, j.op, j.kind, j.actor, j.at, j.body, j.passes";

pub(super) fn journal(row: &Row<'_>) -> Result<JournalRow> {
    Ok(JournalRow {
        org: row.get(0)?,
        op: row.get(1)?,
        kind: row.get(2)?,
        actor: row.get(3)?,
        at: row.get(4)?,
        body: row.get(5)?,
        passes: row.get::<_, PassList>(6)?.0,
    })
}

pub(super) const REGISTRATION: &str =
    "org, pass, device, pass_type, push_token, registered_at, pushed_at, pushed_version, listed_at";

pub(super) fn registration(row: &Row<'_>) -> Result<Registration> {
    Ok(Registration {
        org: row.get(0)?,
        pass: row.get(1)?,
        device: row.get(2)?,
        pass_type: row.get(3)?,
        push_token: row.get(4)?,
        registered_at: row.get(5)?,
        pushed_at: row.get(6)?,
        pushed_version: row.get(7)?,
        listed_at: row.get(8)?,
    })
}

pub(super) const OUTBOX: &str = "org, pass, channel, version, due_at, tries, stage, since, last_error";

pub(super) fn outbox(row: &Row<'_>) -> Result<OutboxItem> {
    Ok(OutboxItem {
        org: row.get(0)?,
        pass: row.get(1)?,
        channel: row.get(2)?,
        version: row.get(3)?,
        due_at: row.get(4)?,
        tries: row.get(5)?,
        stage: row.get(6)?,
        since: row.get(7)?,
        last_error: row.get(8)?,
    })
}

/// Beyond the columns of [`OUTBOX`].
pub(super) const DEAD_LETTER: &str = "org, pass, channel, version, due_at, tries, stage, since, last_error, id, died_at";

pub(super) fn dead_letter(row: &Row<'_>) -> Result<DeadLetter> {
    Ok(DeadLetter { item: outbox(row)?, id: row.get(9)?, died_at: row.get(10)? })
}

/// A pass alone.
pub(super) fn pass_id(row: &Row<'_>) -> Result<PassId> {
    row.get(0)
}
