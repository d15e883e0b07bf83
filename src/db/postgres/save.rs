//! Saves what a batch changed and commits it, in one round trip: a statement a kind of row, its rows as arrays. Nothing that stayed the
//! same is written. Parents go before their children.

use std::collections::HashMap;

use tokio_postgres::types::ToSql;

use super::codec::{Day, pass_list, to_json};
use super::pipeline::{Params, Pipeline, params, statements};
use crate::db::DbError;
use crate::ids::{OpId, OrgId};
use crate::ledger::{
    Card, Earning, Entry, JournalRow, Lot, Member, OpRow, Pass, Redemption, Table, Token, Verification, Voucher, WorkingSet,
};

statements! {
    commit = "COMMIT";
    rollback = "ROLLBACK";
    new_members = "INSERT INTO members (org, id, language, data_key, profile, active, created_at) \
        SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::text[], $4::bytea[], $5::bytea[], $6::boolean[], $7::bigint[])";
    changed_members = "UPDATE members t SET language = w.language, data_key = w.data_key, profile = w.profile, active = w.active \
        FROM unnest($1::bytea[], $2::bytea[], $3::text[], $4::bytea[], $5::bytea[], $6::boolean[], $7::bigint[]) \
        AS w (org, id, language, data_key, profile, active, created_at) WHERE t.org = w.org AND t.id = w.id";
    new_identities = "INSERT INTO identities (org, hash, member) SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bytea[])";
    changed_identities = "UPDATE identities t SET member = w.member FROM unnest($1::bytea[], $2::bytea[], $3::bytea[]) \
        AS w (org, hash, member) WHERE t.org = w.org AND t.hash = w.hash";
    gone_identities = "DELETE FROM identities t USING unnest($1::bytea[], $2::bytea[]) AS w (org, hash) \
        WHERE t.org = w.org AND t.hash = w.hash";
    verifications_now = "INSERT INTO verifications (org, member, number, code, made_at, tries, sent, claimed) \
        SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bigint[], $4::bytea[], $5::bigint[], $6::bigint[], $7::text[], $8::boolean[]) \
        ON CONFLICT (org, member) DO UPDATE SET number = excluded.number, code = excluded.code, made_at = excluded.made_at, \
        tries = excluded.tries, sent = excluded.sent, claimed = excluded.claimed";
    gone_verifications = "DELETE FROM verifications t USING unnest($1::bytea[], $2::bytea[]) AS w (org, member) \
        WHERE t.org = w.org AND t.member = w.member";
    new_cards = "INSERT INTO cards (org, id, programme, member, number, held, debt, pass, code_generation, open_vouchers, active, \
        created_at, verified) SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bytea[], $4::bytea[], $5::text[], $6::bigint[], \
        $7::bigint[], $8::bytea[], $9::bigint[], $10::bigint[], $11::boolean[], $12::bigint[], $13::boolean[])";
    changed_cards = "UPDATE cards t SET held = w.held, debt = w.debt, pass = w.pass, code_generation = w.code_generation, \
        open_vouchers = w.open_vouchers, active = w.active, verified = w.verified FROM unnest($1::bytea[], $2::bytea[], $3::bigint[], \
        $4::bigint[], $5::bytea[], $6::bigint[], $7::bigint[], $8::boolean[], $9::boolean[]) \
        AS w (org, id, held, debt, pass, code_generation, open_vouchers, active, verified) WHERE t.org = w.org AND t.id = w.id";
    new_lots = "INSERT INTO lots (org, card, number, expires_on, available_from, available, held) \
        SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::bigint[])";
    changed_lots = "UPDATE lots t SET available = w.available, held = w.held \
        FROM unnest($1::bytea[], $2::bytea[], $3::bigint[], $4::bigint[], $5::bigint[]) AS w (org, card, number, available, held) \
        WHERE t.org = w.org AND t.card = w.card AND t.number = w.number";
    new_passes = "INSERT INTO passes (org, id, kind, card, programme, voucher, kid, generation, link_generation, version, last_modified, \
        seq, state, document_version, change_kind, change_points, change_at, auth_kid, on_google) \
        SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::text[], $4::bytea[], $5::bytea[], $6::bytea[], $7::smallint[], $8::bigint[], \
        $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::text[], $14::bigint[], $15::text[], $16::bigint[], $17::bigint[], \
        $18::smallint[], $19::boolean[])";
    hold_passes = "SELECT 1 FROM passes t WHERE (t.org, t.id) IN (SELECT * FROM unnest($1::bytea[], $2::bytea[])) \
        ORDER BY t.org, t.id FOR NO KEY UPDATE";
    changed_passes = "UPDATE passes t SET kid = w.kid, generation = w.generation, link_generation = w.link_generation, \
        version = w.version, last_modified = w.last_modified, change_kind = w.change_kind, change_points = w.change_points, \
        change_at = w.change_at, on_google = w.on_google, state = w.state, document_version = w.document_version \
        FROM unnest($1::bytea[], $2::bytea[], $3::smallint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::text[], \
        $9::bigint[], $10::bigint[], $11::boolean[], $12::text[], $13::bigint[]) AS w (org, id, kid, generation, link_generation, version, \
        last_modified, change_kind, change_points, change_at, on_google, state, document_version) WHERE t.org = w.org AND t.id = w.id";
    new_vouchers = "INSERT INTO vouchers (org, id, card, programme, pass, reward, points, state, token, issued_at, expires_at, \
        programme_version) SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bytea[], $4::bytea[], $5::bytea[], $6::text[], $7::bigint[], \
        $8::text[], $9::bytea[], $10::bigint[], $11::bigint[], $12::bigint[])";
    changed_vouchers = "UPDATE vouchers t SET pass = w.pass, state = w.state, token = w.token \
        FROM unnest($1::bytea[], $2::bytea[], $3::bytea[], $4::text[], $5::bytea[]) AS w (org, id, pass, state, token) \
        WHERE t.org = w.org AND t.id = w.id";
    new_tokens = "INSERT INTO tokens (org, hash, kid, kind, generation, card, pass, voucher, state, issued_at, expires_at, captured_by, \
        epoch) SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::smallint[], $4::text[], $5::bigint[], $6::bytea[], $7::bytea[], \
        $8::bytea[], $9::text[], $10::bigint[], $11::bigint[], $12::bytea[], $13::bigint[])";
    changed_tokens = "UPDATE tokens t SET state = w.state, captured_by = w.captured_by \
        FROM unnest($1::bytea[], $2::bytea[], $3::text[], $4::bytea[]) AS w (org, hash, state, captured_by) \
        WHERE t.org = w.org AND t.hash = w.hash";
    new_presence = "INSERT INTO presence (org, card, totp_step, at) \
        SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bigint[], $4::bigint[])";
    new_redemptions = "INSERT INTO redemptions (org, id, card, programme, token, voucher, lines, points, place, receipt, principal, at, \
        state) SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bytea[], $4::bytea[], $5::bytea[], $6::bytea[], $7::text[], $8::bigint[], \
        $9::text[], $10::text[], $11::text[], $12::bigint[], $13::text[])";
    changed_redemptions = "UPDATE redemptions t SET state = w.state FROM unnest($1::bytea[], $2::bytea[], $3::text[]) \
        AS w (org, id, state) WHERE t.org = w.org AND t.id = w.id";
    new_earnings = "INSERT INTO earnings (org, id, programme, card, store, place, receipt, total, currency, returned, points, \
        returned_points, programme_version, occurred_at, recorded_at, lines) \
        SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bytea[], $4::bytea[], $5::bytea[], $6::text[], $7::text[], $8::bigint[], \
        $9::text[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], $16::text[])";
    changed_earnings = "UPDATE earnings t SET returned = w.returned, returned_points = w.returned_points \
        FROM unnest($1::bytea[], $2::bytea[], $3::bigint[], $4::bigint[]) AS w (org, id, returned, returned_points) \
        WHERE t.org = w.org AND t.id = w.id";
    new_ops = "INSERT INTO ops (org, id, principal, key, fingerprint, kind, outcome, status, answer, at) \
        SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::text[], $4::text[], $5::bytea[], $6::text[], $7::text[], $8::integer[], \
        $9::bytea[], $10::bigint[])";
    new_journal = "INSERT INTO journal (position, org, op, kind, actor, at, body, passes) \
        SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::bytea[])";
    new_unsealed = "INSERT INTO journal_unsealed (position) SELECT * FROM unnest($1::bigint[])";
    new_entries = "INSERT INTO entries (org, card, position, place, op, programme, lot, kind, debit, credit, amount, resolves_op, \
        resolves_place, reverses_op, reverses_place, at) \
        SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bigint[], $4::bigint[], $5::bytea[], $6::bytea[], $7::bigint[], $8::text[], \
        $9::text[], $10::text[], $11::bigint[], $12::bytea[], $13::bigint[], $14::bytea[], $15::bigint[], $16::bigint[])";
    counters = "INSERT INTO counters AS t (org, card, metric, day, value) \
        SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::text[], $4::text[], $5::bigint[]) \
        ON CONFLICT (org, card, metric, day) DO UPDATE SET value = t.value + excluded.value";
    new_documents = "INSERT INTO documents (org, kind, id, version, body, at, actor) \
        SELECT * FROM unnest($1::bytea[], $2::text[], $3::bytea[], $4::bigint[], $5::text[], $6::bigint[], $7::text[])";
}

/// One column of rows, as an array.
fn column<R, T: ToSql + Sync + Send + 'static>(rows: &[R], of: impl Fn(&R) -> T) -> Box<dyn ToSql + Sync + Send>
where
    Vec<T>: ToSql,
{
    Box::new(rows.iter().map(of).collect::<Vec<T>>())
}

macro_rules! columns {
    ($rows:expr; $($of:expr),+ $(,)?) => { vec![$(column(&$rows, $of)),+] };
}

/// What is new and what changed in a table, in no order.
fn new_and_changed<K, V>(table: &Table<K, V>) -> (Vec<&V>, Vec<&V>)
where
    K: Eq + std::hash::Hash + Clone,
    V: Clone + PartialEq,
{
    let (mut new, mut changed) = (Vec::new(), Vec::new());
    for (_, before, now) in table.changes() {
        if before.is_none() { new.push(now) } else { changed.push(now) }
    }
    (new, changed)
}

/// The statements that save the difference between the set as loaded and as it is now, and commit it.
///
/// # Errors
/// [`DbError::Conflict`] for what must be redone command by command, [`DbError::Corrupt`] for a set that makes no sense.
pub(super) fn changes(set: &WorkingSet, positions: &[i64]) -> Result<Pipeline, DbError> {
    let mut writes = Writes::default();
    members(&mut writes, set);
    cards(&mut writes, set);
    passes(&mut writes, set);
    vouchers(&mut writes, set);
    tokens(&mut writes, set);
    redemptions(&mut writes, set);
    earnings(&mut writes, set);
    ops(&mut writes, set);
    journal(&mut writes, set, positions)?;
    counters_now(&mut writes, set);
    documents(&mut writes, set)?;
    writes.0.add("commit", params![]);
    Ok(writes.0)
}

/// Statements that write rows.
#[derive(Default)]
struct Writes(Pipeline);

impl Writes {
    fn add<R>(&mut self, name: &'static str, rows: &[R], params: impl FnOnce() -> Params) {
        if !rows.is_empty() {
            self.0.add(name, params());
        }
    }
}

fn members(writes: &mut Writes, set: &WorkingSet) {
    let columns = |rows: &[&Member]| -> Params {
        columns![rows; |row| row.org, |row| row.id, |row| row.language.clone(),
            |row| row.profile.as_ref().map(|sealed| sealed.data_key.clone()),
            |row| row.profile.as_ref().map(|sealed| sealed.profile.clone()), |row| row.active, |row| row.created_at]
    };
    let (new, changed) = new_and_changed(&set.members);
    writes.add("new_members", &new, || columns(&new));
    writes.add("changed_members", &changed, || columns(&changed));
    let (mut new, mut changed, mut gone) = (Vec::new(), Vec::new(), Vec::new());
    for ((org, hash), before, now) in set.identities.changes() {
        let held = before.and_then(|identity| identity.member).is_some();
        match now.member {
            Some(member) if held => changed.push((*org, hash.to_vec(), member)),
            Some(member) => new.push((*org, hash.to_vec(), member)),
            None => gone.push((*org, hash.to_vec())),
        }
    }
    new.sort();
    writes.add("new_identities", &new, || columns![new; |row| row.0, |row| row.1.clone(), |row| row.2]);
    writes.add("changed_identities", &changed, || columns![changed; |row| row.0, |row| row.1.clone(), |row| row.2]);
    writes.add("gone_identities", &gone, || columns![gone; |row| row.0, |row| row.1.clone()]);
    let (open, gone): (Vec<&Verification>, Vec<&Verification>) =
        set.verifications.changes().map(|(_, _, now)| now).partition(|verification| verification.open);
    writes.add("verifications_now", &open, || {
        columns![open; |row| row.org, |row| row.member, |row| row.number, |row| row.code.to_vec(), |row| row.made_at, |row| row.tries,
            |row| to_json(&row.sent), |row| row.claimed]
    });
    writes.add("gone_verifications", &gone, || columns![gone; |row| row.org, |row| row.member]);
}

/// Lots, each beside its card.
type Lots<'a> = Vec<(&'a Card, &'a Lot)>;

fn cards(writes: &mut Writes, set: &WorkingSet) {
    let (mut new, mut changed): (Vec<&Card>, Vec<&Card>) = (Vec::new(), Vec::new());
    let (mut new_lots, mut changed_lots): (Lots<'_>, Lots<'_>) = (Vec::new(), Vec::new());
    for (_, before, now) in set.cards.changes() {
        match before {
            None => new.push(&now.card),
            Some(before) if before.card != now.card => changed.push(&now.card),
            Some(_) => {}
        }
        for lot in &now.lots {
            match before.and_then(|state| state.lots.iter().find(|known| known.number == lot.number)) {
                None => new_lots.push((&now.card, lot)),
                Some(known) if known != lot => changed_lots.push((&now.card, lot)),
                Some(_) => {}
            }
        }
    }
    writes.add("new_cards", &new, || {
        columns![new; |row| row.org, |row| row.id, |row| row.programme, |row| row.member, |row| row.number.clone(), |row| row.held,
            |row| row.debt, |row| row.pass, |row| row.code_generation, |row| row.open_vouchers, |row| row.active, |row| row.created_at,
            |row| row.verified]
    });
    writes.add("changed_cards", &changed, || {
        columns![changed; |row| row.org, |row| row.id, |row| row.held, |row| row.debt, |row| row.pass, |row| row.code_generation,
            |row| row.open_vouchers, |row| row.active, |row| row.verified]
    });
    writes.add("new_lots", &new_lots, || {
        columns![new_lots; |(card, _)| card.org, |(card, _)| card.id, |(_, lot)| lot.number, |(_, lot)| lot.expires_on.map(Day),
            |(_, lot)| lot.available_from.map(Day), |(_, lot)| lot.available, |(_, lot)| lot.held]
    });
    writes.add("changed_lots", &changed_lots, || {
        columns![changed_lots; |(card, _)| card.org, |(card, _)| card.id, |(_, lot)| lot.number, |(_, lot)| lot.available,
            |(_, lot)| lot.held]
    });
}

/// `seq` belongs to the sequencer: it is never written here after the insert. Both lock passes in key order.
fn passes(writes: &mut Writes, set: &WorkingSet) {
    let (new, mut changed): (Vec<&Pass>, Vec<&Pass>) = new_and_changed(&set.passes);
    writes.add("new_passes", &new, || {
        columns![new; |row| row.org, |row| row.id, |row| row.kind, |row| row.card, |row| row.programme, |row| row.voucher,
            |row| i16::from(row.kid), |row| row.generation, |row| row.link_generation, |row| row.version, |row| row.last_modified,
            |row| row.seq, |row| row.state, |row| row.document_version, |row| row.change.kind, |row| row.change.points,
            |row| row.change.at, |row| i16::from(row.auth_kid), |row| row.on_google]
    });
    changed.sort_by_key(|pass| (pass.org, pass.id));
    writes.add("hold_passes", &changed, || columns![changed; |row| row.org, |row| row.id]);
    writes.add("changed_passes", &changed, || {
        columns![changed; |row| row.org, |row| row.id, |row| i16::from(row.kid), |row| row.generation, |row| row.link_generation,
            |row| row.version, |row| row.last_modified, |row| row.change.kind, |row| row.change.points, |row| row.change.at,
            |row| row.on_google, |row| row.state, |row| row.document_version]
    });
}

fn vouchers(writes: &mut Writes, set: &WorkingSet) {
    let (new, changed): (Vec<&Voucher>, Vec<&Voucher>) = new_and_changed(&set.vouchers);
    writes.add("new_vouchers", &new, || {
        columns![new; |row| row.org, |row| row.id, |row| row.card, |row| row.programme, |row| row.pass, |row| row.reward.clone(),
            |row| row.points, |row| row.state, |row| row.token.to_vec(), |row| row.issued_at, |row| row.expires_at,
            |row| row.programme_version]
    });
    writes.add(
        "changed_vouchers",
        &changed,
        || columns![changed; |row| row.org, |row| row.id, |row| row.pass, |row| row.state, |row| row.token.to_vec()],
    );
}

fn tokens(writes: &mut Writes, set: &WorkingSet) {
    let (new, changed): (Vec<&Token>, Vec<&Token>) = new_and_changed(&set.tokens);
    writes.add("new_tokens", &new, || {
        columns![new; |row| row.org, |row| row.hash.to_vec(), |row| i16::from(row.kid), |row| row.kind, |row| row.generation,
            |row| row.card, |row| row.pass, |row| row.voucher, |row| row.state, |row| row.issued_at, |row| row.expires_at,
            |row| row.captured_by, |row| row.epoch]
    });
    writes.add(
        "changed_tokens",
        &changed,
        || columns![changed; |row| row.org, |row| row.hash.to_vec(), |row| row.state, |row| row.captured_by],
    );
    let used: Vec<_> = set.presence.changes().map(|(key, _, at)| (*key, *at)).collect();
    writes.add("new_presence", &used, || columns![used; |row| row.0.0, |row| row.0.1, |row| row.0.2, |row| row.1]);
}

fn redemptions(writes: &mut Writes, set: &WorkingSet) {
    let (new, changed): (Vec<&Redemption>, Vec<&Redemption>) = new_and_changed(&set.redemptions);
    writes.add("new_redemptions", &new, || {
        columns![new; |row| row.org, |row| row.id, |row| row.card, |row| row.programme, |row| row.token.to_vec(), |row| row.voucher,
            |row| to_json(&row.lines), |row| row.points, |row| to_json(&row.place), |row| row.receipt.clone(), |row| row.principal,
            |row| row.at, |row| row.state]
    });
    writes.add("changed_redemptions", &changed, || columns![changed; |row| row.org, |row| row.id, |row| row.state]);
}

fn earnings(writes: &mut Writes, set: &WorkingSet) {
    let (new, changed): (Vec<&Earning>, Vec<&Earning>) = new_and_changed(&set.earnings);
    writes.add("new_earnings", &new, || {
        columns![new; |row| row.org, |row| row.id, |row| row.programme, |row| row.card, |row| row.place.store,
            |row| to_json(&row.place), |row| row.receipt.clone(), |row| row.total, |row| row.currency, |row| row.returned,
            |row| row.points, |row| row.returned_points, |row| row.programme_version, |row| row.occurred_at, |row| row.recorded_at,
            |row| row.lines.clone()]
    });
    writes.add(
        "changed_earnings",
        &changed,
        || columns![changed; |row| row.org, |row| row.id, |row| row.returned, |row| row.returned_points],
    );
}

/// In key order: twins on two nodes wait for each other at the unique index, never in a circle.
fn ops(writes: &mut Writes, set: &WorkingSet) {
    let mut new: Vec<&OpRow> = set.ops.changes().map(|(_, _, now)| now).collect();
    new.sort_by(|a, b| (a.org, &a.principal, &a.key).cmp(&(b.org, &b.principal, &b.key)));
    writes.add("new_ops", &new, || {
        columns![new; |row| row.org, |row| row.id, |row| row.principal, |row| row.key.clone(), |row| row.fingerprint.to_vec(),
            |row| row.kind.clone(), |row| row.outcome, |row| i32::from(row.status), |row| row.answer.clone(), |row| row.at]
    });
}

fn journal(writes: &mut Writes, set: &WorkingSet, positions: &[i64]) -> Result<(), DbError> {
    if set.journal.len() > positions.len() {
        return Err(DbError::Corrupt("a command with more than one journal row".into()));
    }
    let rows: Vec<(i64, &JournalRow)> = positions.iter().copied().zip(&set.journal).collect();
    let places: HashMap<(OrgId, OpId), i64> = rows.iter().map(|(position, row)| ((row.org, row.op), *position)).collect();
    writes.add("new_journal", &rows, || {
        columns![rows; |row| row.0, |row| row.1.org, |row| row.1.op, |row| row.1.kind.clone(), |row| row.1.actor, |row| row.1.at,
            |row| row.1.body.clone(), |row| pass_list(&row.1.passes)]
    });
    writes.add("new_unsealed", &rows, || columns![rows; |row| row.0]);
    let entry = |entry: &'_ Entry| places.get(&(entry.org, entry.op)).copied();
    let mut entries: Vec<(i64, &Entry)> = Vec::with_capacity(set.entries.len());
    for row in &set.entries {
        entries.push((entry(row).ok_or_else(|| DbError::Corrupt("an entry without a journal row".into()))?, row));
    }
    writes.add("new_entries", &entries, || {
        columns![entries; |row| row.1.org, |row| row.1.card, |row| row.0, |row| row.1.place, |row| row.1.op, |row| row.1.programme,
            |row| row.1.lot, |row| row.1.kind, |row| row.1.debit, |row| row.1.credit, |row| row.1.amount,
            |row| row.1.resolves.map(|(op, _)| op), |row| row.1.resolves.map(|(_, place)| place),
            |row| row.1.reverses.map(|(op, _)| op), |row| row.1.reverses.map(|(_, place)| place), |row| row.1.at]
    });
    Ok(())
}

fn counters_now(writes: &mut Writes, set: &WorkingSet) {
    let added: Vec<_> = set.counters.changes().map(|(key, _, add)| (key, *add)).collect();
    writes.add(
        "counters",
        &added,
        || columns![added; |row| row.0.org, |row| row.0.card, |row| row.0.metric, |row| Day(row.0.day), |row| row.1],
    );
}

fn documents(writes: &mut Writes, set: &WorkingSet) -> Result<(), DbError> {
    let changed: Vec<_> = set.documents.changes().collect();
    if changed.iter().any(|(_, before, now)| now.version > before.map_or(1, |document| document.version + 1)) {
        // Two versions in one batch: redone singly, each is saved.
        return Err(DbError::Conflict("document in this batch".into()));
    }
    writes.add("new_documents", &changed, || {
        columns![changed; |row| row.0.org, |row| row.0.kind, |row| row.0.id.to_vec(), |row| row.2.version, |row| row.2.body.to_string(),
            |row| row.2.at, |row| row.2.actor]
    });
    Ok(())
}
