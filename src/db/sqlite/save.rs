//! Saves what a batch changed: new rows, changed rows, entries, journal. Nothing that stayed the same is written.

use std::collections::HashMap;

use rusqlite::{Connection, params};

use super::codec::{Day, PassList, to_json};
use super::load::prepare;
use crate::db::DbError;
use crate::ids::{OpId, OrgId};
use crate::ledger::{
    Card, CardState, Earning, Entry, Lot, Member, OpRow, Pass, Redemption, Token, Verification, Voucher, WorkingSet,
};

/// Writes the difference between the set as loaded and as it is now. Parents go before their children.
pub(super) fn changes(db: &Connection, set: &WorkingSet) -> Result<(), DbError> {
    members(db, set)?;
    for (_, before, now) in set.cards.changes() {
        card(db, before, now)?;
    }
    for (_, before, now) in set.passes.changes() {
        pass(db, before, now)?;
    }
    for (_, before, now) in set.vouchers.changes() {
        voucher(db, before, now)?;
    }
    for (_, before, now) in set.tokens.changes() {
        token(db, before, now)?;
    }
    for ((org, card, step), _, at) in set.presence.changes() {
        prepare(db, "INSERT INTO presence (org, card, totp_step, at) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![org, card, step, at])?;
    }
    for (_, before, now) in set.redemptions.changes() {
        redemption(db, before, now)?;
    }
    for (_, before, now) in set.earnings.changes() {
        earning(db, before, now)?;
    }
    for (_, _, now) in set.ops.changes() {
        op(db, now)?;
    }
    let positions = journal(db, set)?;
    for entry in &set.entries {
        let position = positions.get(&(entry.org, entry.op));
        self::entry(db, entry, *position.ok_or_else(|| DbError::Corrupt("an entry without a journal row".into()))?)?;
    }
    counters(db, set)?;
    documents(db, set)
}

fn members(db: &Connection, set: &WorkingSet) -> Result<(), DbError> {
    for (_, before, now) in set.members.changes() {
        member(db, before, now)?;
    }
    for ((org, hash), before, now) in set.identities.changes() {
        let held = before.and_then(|identity| identity.member).is_some();
        match now.member {
            Some(member) if held => {
                prepare(db, "UPDATE identities SET member = ?3 WHERE org = ?1 AND hash = ?2")?
                    .execute(params![org, hash, member])?;
            }
            Some(member) => {
                prepare(db, "INSERT INTO identities (org, hash, member) VALUES (?1, ?2, ?3)")?
                    .execute(params![org, hash, member])?;
            }
            None => {
                prepare(db, "DELETE FROM identities WHERE org = ?1 AND hash = ?2")?.execute(params![org, hash])?;
            }
        }
    }
    for (_, before, now) in set.verifications.changes() {
        verification(db, before, now)?;
    }
    Ok(())
}

fn verification(db: &Connection, before: Option<&Verification>, now: &Verification) -> Result<(), DbError> {
    if !now.open {
        prepare(db, "DELETE FROM verifications WHERE org = ?1 AND member = ?2")?.execute(params![now.org, now.member])?;
        return Ok(());
    }
    let sql = if before.is_none() {
        "INSERT INTO verifications (org, member, number, code, made_at, tries, sent, claimed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
    } else {
        "UPDATE verifications SET number = ?3, code = ?4, made_at = ?5, tries = ?6, sent = ?7, claimed = ?8 \
         WHERE org = ?1 AND member = ?2"
    };
    let sent = to_json(&now.sent);
    prepare(db, sql)?.execute(params![now.org, now.member, now.number, now.code, now.made_at, now.tries, sent, now.claimed])?;
    Ok(())
}

fn member(db: &Connection, before: Option<&Member>, now: &Member) -> Result<(), DbError> {
    let sql = if before.is_none() {
        "INSERT INTO members (org, id, language, data_key, profile, active, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
    } else {
        "UPDATE members SET language = ?3, data_key = ?4, profile = ?5, active = ?6, created_at = ?7 WHERE org = ?1 AND id = ?2"
    };
    let profile = now.profile.as_ref();
    prepare(db, sql)?.execute(params![
        now.org,
        now.id,
        now.language,
        profile.map(|sealed| &sealed.data_key),
        profile.map(|sealed| &sealed.profile),
        now.active,
        now.created_at
    ])?;
    Ok(())
}

fn card(db: &Connection, before: Option<&CardState>, now: &CardState) -> Result<(), DbError> {
    match before {
        None => insert_card(db, &now.card)?,
        Some(before) if before.card != now.card => update_card(db, &now.card)?,
        Some(_) => {}
    }
    for lot in &now.lots {
        let before = before.and_then(|state| state.lots.iter().find(|known| known.number == lot.number));
        if before != Some(lot) {
            self::lot(db, &now.card, (before.is_none(), lot))?;
        }
    }
    Ok(())
}

fn insert_card(db: &Connection, card: &Card) -> Result<(), DbError> {
    let sql = "INSERT INTO cards (org, id, programme, member, number, held, debt, pass, code_generation, open_vouchers, active, \
               created_at, verified) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
    prepare(db, sql)?.execute(params![
        card.org,
        card.id,
        card.programme,
        card.member,
        card.number,
        card.held,
        card.debt,
        card.pass,
        card.code_generation,
        card.open_vouchers,
        card.active,
        card.created_at,
        card.verified
    ])?;
    Ok(())
}

/// The columns that rules change; the others are the same for ever.
fn update_card(db: &Connection, card: &Card) -> Result<(), DbError> {
    let sql = "UPDATE cards SET held = ?3, debt = ?4, pass = ?5, code_generation = ?6, open_vouchers = ?7, active = ?8, verified = ?9 \
               WHERE org = ?1 AND id = ?2";
    prepare(db, sql)?.execute(params![
        card.org,
        card.id,
        card.held,
        card.debt,
        card.pass,
        card.code_generation,
        card.open_vouchers,
        card.active,
        card.verified
    ])?;
    Ok(())
}

fn lot(db: &Connection, card: &Card, (is_new, lot): (bool, &Lot)) -> Result<(), DbError> {
    if !is_new {
        let sql = "UPDATE lots SET available = ?4, held = ?5 WHERE org = ?1 AND card = ?2 AND number = ?3";
        prepare(db, sql)?.execute(params![card.org, card.id, lot.number, lot.available, lot.held])?;
        return Ok(());
    }
    let sql =
        "INSERT INTO lots (org, card, number, expires_on, available_from, available, held) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    prepare(db, sql)?.execute(params![
        card.org,
        card.id,
        lot.number,
        lot.expires_on.map(Day),
        lot.available_from.map(Day),
        lot.available,
        lot.held
    ])?;
    Ok(())
}

/// `seq` belongs to the sequencer: it is never written here after the insert.
fn pass(db: &Connection, before: Option<&Pass>, now: &Pass) -> Result<(), DbError> {
    let Some(before) = before else {
        let sql = "INSERT INTO passes (org, id, kind, card, programme, voucher, kid, generation, link_generation, version, \
                   last_modified, seq, state, document_version, change_kind, change_points, change_at, auth_kid, \
                   on_google) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)";
        prepare(db, sql)?.execute(params![
            now.org,
            now.id,
            now.kind,
            now.card,
            now.programme,
            now.voucher,
            now.kid,
            now.generation,
            now.link_generation,
            now.version,
            now.last_modified,
            now.seq,
            now.state,
            now.document_version,
            now.change.kind,
            now.change.points,
            now.change.at,
            now.auth_kid,
            now.on_google
        ])?;
        return Ok(());
    };
    let sql = "UPDATE passes SET kid = ?3, generation = ?4, link_generation = ?5, version = ?6, last_modified = ?7, \
               change_kind = ?8, change_points = ?9, change_at = ?10, on_google = ?11 WHERE org = ?1 AND id = ?2";
    prepare(db, sql)?.execute(params![
        now.org,
        now.id,
        now.kid,
        now.generation,
        now.link_generation,
        now.version,
        now.last_modified,
        now.change.kind,
        now.change.points,
        now.change.at,
        now.on_google
    ])?;
    // Columns of an index are written only when they changed: SQLite would rewrite the index each time.
    if (before.state, before.document_version) != (now.state, now.document_version) {
        let sql = "UPDATE passes SET state = ?3, document_version = ?4 WHERE org = ?1 AND id = ?2";
        prepare(db, sql)?.execute(params![now.org, now.id, now.state, now.document_version])?;
    }
    Ok(())
}

fn voucher(db: &Connection, before: Option<&Voucher>, now: &Voucher) -> Result<(), DbError> {
    if before.is_some() {
        let sql = "UPDATE vouchers SET pass = ?3, state = ?4, token = ?5 WHERE org = ?1 AND id = ?2";
        prepare(db, sql)?.execute(params![now.org, now.id, now.pass, now.state, now.token])?;
        return Ok(());
    }
    let sql = "INSERT INTO vouchers (org, id, card, programme, pass, reward, points, state, token, issued_at, expires_at, \
               programme_version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    prepare(db, sql)?.execute(params![
        now.org,
        now.id,
        now.card,
        now.programme,
        now.pass,
        now.reward,
        now.points,
        now.state,
        now.token,
        now.issued_at,
        now.expires_at,
        now.programme_version
    ])?;
    Ok(())
}

fn token(db: &Connection, before: Option<&Token>, now: &Token) -> Result<(), DbError> {
    if before.is_some() {
        let sql = "UPDATE tokens SET state = ?3, captured_by = ?4 WHERE org = ?1 AND hash = ?2";
        prepare(db, sql)?.execute(params![now.org, now.hash, now.state, now.captured_by])?;
        return Ok(());
    }
    let sql = "INSERT INTO tokens (org, hash, kid, kind, generation, card, pass, voucher, state, issued_at, expires_at, \
               captured_by, epoch) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
    prepare(db, sql)?.execute(params![
        now.org,
        now.hash,
        now.kid,
        now.kind,
        now.generation,
        now.card,
        now.pass,
        now.voucher,
        now.state,
        now.issued_at,
        now.expires_at,
        now.captured_by,
        now.epoch
    ])?;
    Ok(())
}

fn redemption(db: &Connection, before: Option<&Redemption>, now: &Redemption) -> Result<(), DbError> {
    if before.is_some() {
        prepare(db, "UPDATE redemptions SET state = ?3 WHERE org = ?1 AND id = ?2")?
            .execute(params![now.org, now.id, now.state])?;
        return Ok(());
    }
    let sql = "INSERT INTO redemptions (org, id, card, programme, token, voucher, lines, points, place, receipt, principal, at, \
               state) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
    prepare(db, sql)?.execute(params![
        now.org,
        now.id,
        now.card,
        now.programme,
        now.token,
        now.voucher,
        to_json(&now.lines),
        now.points,
        to_json(&now.place),
        now.receipt,
        now.principal,
        now.at,
        now.state
    ])?;
    Ok(())
}

fn earning(db: &Connection, before: Option<&Earning>, now: &Earning) -> Result<(), DbError> {
    if before.is_some() {
        let sql = "UPDATE earnings SET returned = ?3, returned_points = ?4 WHERE org = ?1 AND id = ?2";
        prepare(db, sql)?.execute(params![now.org, now.id, now.returned, now.returned_points])?;
        return Ok(());
    }
    let sql = "INSERT INTO earnings (org, id, programme, card, store, place, receipt, total, currency, returned, points, \
               returned_points, programme_version, occurred_at, recorded_at, lines) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";
    prepare(db, sql)?.execute(params![
        now.org,
        now.id,
        now.programme,
        now.card,
        now.place.store,
        to_json(&now.place),
        now.receipt,
        now.total,
        now.currency,
        now.returned,
        now.points,
        now.returned_points,
        now.programme_version,
        now.occurred_at,
        now.recorded_at,
        now.lines
    ])?;
    Ok(())
}

fn op(db: &Connection, now: &OpRow) -> Result<(), DbError> {
    let sql = "INSERT INTO ops (org, id, principal, key, fingerprint, kind, outcome, status, answer, at) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    prepare(db, sql)?.execute(params![
        now.org,
        now.id,
        now.principal,
        now.key,
        now.fingerprint,
        now.kind,
        now.outcome,
        now.status,
        now.answer,
        now.at
    ])?;
    Ok(())
}

/// Inserts the journal rows; says at which position each operation's stands.
fn journal(db: &Connection, set: &WorkingSet) -> Result<HashMap<(OrgId, OpId), i64>, DbError> {
    let mut positions = HashMap::with_capacity(set.journal.len());
    let sql = "INSERT INTO journal (org, op, kind, actor, at, body, passes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    for row in &set.journal {
        let passes = PassList(row.passes.clone());
        prepare(db, sql)?.execute(params![row.org, row.op, row.kind, row.actor, row.at, row.body, passes])?;
        positions.insert((row.org, row.op), db.last_insert_rowid());
    }
    Ok(positions)
}

fn entry(db: &Connection, entry: &Entry, position: i64) -> Result<(), DbError> {
    let sql = "INSERT INTO entries (org, card, position, place, op, programme, lot, kind, debit, credit, amount, resolves_op, \
               resolves_place, reverses_op, reverses_place, at) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";
    prepare(db, sql)?.execute(params![
        entry.org,
        entry.card,
        position,
        entry.place,
        entry.op,
        entry.programme,
        entry.lot,
        entry.kind,
        entry.debit,
        entry.credit,
        entry.amount,
        entry.resolves.map(|(op, _)| op),
        entry.resolves.map(|(_, place)| place),
        entry.reverses.map(|(op, _)| op),
        entry.reverses.map(|(_, place)| place),
        entry.at
    ])?;
    Ok(())
}

fn counters(db: &Connection, set: &WorkingSet) -> Result<(), DbError> {
    let sql = "INSERT INTO counters (org, card, metric, day, value) VALUES (?1, ?2, ?3, ?4, ?5) \
               ON CONFLICT (org, card, metric, day) DO UPDATE SET value = value + excluded.value";
    for (key, _, add) in set.counters.changes() {
        prepare(db, sql)?.execute(params![key.org, key.card, key.metric, Day(key.day), add])?;
    }
    Ok(())
}

fn documents(db: &Connection, set: &WorkingSet) -> Result<(), DbError> {
    let sql = "INSERT INTO documents (org, kind, id, version, body, at, actor) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    for (key, before, now) in set.documents.changes() {
        if now.version > before.map_or(1, |document| document.version + 1) {
            // Two versions in one batch: redone singly, each is saved.
            return Err(DbError::Conflict("document in this batch".into()));
        }
        prepare(db, sql)?.execute(params![key.org, key.kind, key.id, now.version, &*now.body, now.at, now.actor])?;
    }
    Ok(())
}
