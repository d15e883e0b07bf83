//! Locks what a batch will change and fetches it into its working set, in one round trip; a second one only for what hangs on it.
//!
//! The locks are few: a member's row stands for all that is the member's (profile, identities, codes to prove contacts, which cards there
//! are), a card's row for all that is the card's (lots, tokens, vouchers, passes, redemptions, earnings, counters). Members are locked
//! before cards, each in key order, before anything is read: each later statement sees what those who held the locks committed. What is
//! not locked is inserted against a unique index, or is a document, of which every version stays.

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::codec::{Fault, hash};
use super::pipeline::{Params, Pipeline, Prepared, params, statements};
use super::rows::{self, CARD_WITH_LOTS, DOCUMENT, EARNING, ENTRY, MEMBER, OP, PASS, REDEMPTION, TOKEN, VERIFICATION, VOUCHER};
use crate::db::DbError;
use crate::db::loading::Wanted;
use crate::ids::{CardId, EarningId, MemberId, OrgId, ProgrammeId, StoreId};
use crate::ledger::{Command, Identity, WorkingSet};

const BY_ID: &str = " JOIN unnest($1::bytea[], $2::bytea[]) AS w (org, id) USING (org, id)";
const BY_CARD_ID: &str = " JOIN unnest($1::bytea[], $2::bytea[]) AS w (org, id) ON c.org = w.org AND c.id = w.id";
const BY_CARD: &str = " JOIN unnest($1::bytea[], $2::bytea[]) AS w (org, card) USING (org, card)";

statements! {
    begin = "BEGIN";
    lock_members = "SELECT 1 FROM members m WHERE (m.org, m.id) IN (SELECT * FROM unnest($1::bytea[], $2::bytea[])) \
        ORDER BY m.org, m.id FOR NO KEY UPDATE";
    lock_cards = "SELECT 1 FROM cards c WHERE (c.org, c.id) IN (SELECT * FROM unnest($1::bytea[], $2::bytea[]) \
        UNION SELECT p.org, p.card FROM passes p JOIN unnest($3::bytea[], $4::bytea[]) AS w (org, id) USING (org, id) \
        UNION SELECT o.org, o.id FROM cards o JOIN unnest($5::bytea[], $6::bytea[]) AS w (org, member) USING (org, member)) \
        ORDER BY c.org, c.id FOR NO KEY UPDATE";
    epoch = "SELECT epoch FROM bookkeeping";
    positions = "SELECT nextval('journal_positions') FROM generate_series(1, $1::bigint)";
    ops = "SELECT ", OP, " FROM ops JOIN unnest($1::bytea[], $2::text[], $3::text[]) AS w (org, principal, key) USING (org, principal, key)";
    cards = "SELECT ", CARD_WITH_LOTS, BY_CARD_ID, " ORDER BY l.number";
    cards_of_members = "SELECT ", CARD_WITH_LOTS, " JOIN unnest($1::bytea[], $2::bytea[]) AS w (org, member) \
        ON c.org = w.org AND c.member = w.member ORDER BY l.number";
    card_in_programme = "SELECT org, member, programme, id FROM cards \
        JOIN unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS w (org, member, programme) USING (org, member, programme)";
    tokens = "SELECT ", TOKEN, " FROM tokens JOIN unnest($1::bytea[], $2::bytea[]) AS w (org, hash) USING (org, hash)";
    tokens_of_vouchers = "SELECT ", TOKEN, " FROM tokens WHERE (org, hash) IN (SELECT org, token FROM vouchers", BY_ID, ")";
    open_tokens = "SELECT ", TOKEN, " FROM tokens", BY_CARD, " WHERE state = 'issued'";
    presence = "SELECT w.org, w.card, p.totp_step, p.at FROM unnest($1::bytea[], $2::bytea[]) AS w (org, card), \
        LATERAL (SELECT totp_step, at FROM presence WHERE org = w.org AND card = w.card ORDER BY totp_step DESC LIMIT 1) p";
    passes = "SELECT ", PASS, " FROM passes", BY_ID;
    passes_of_cards = "SELECT ", PASS, " FROM passes WHERE (org, id) IN (SELECT org, pass FROM cards", BY_ID, ")";
    passes_of_vouchers = "SELECT ", PASS, " FROM passes WHERE (org, id) IN (SELECT org, pass FROM vouchers", BY_ID, ")";
    vouchers = "SELECT ", VOUCHER, " FROM vouchers", BY_ID;
    open_vouchers = "SELECT ", VOUCHER, " FROM vouchers", BY_CARD, " WHERE state = 'issued'";
    redemptions = "SELECT ", REDEMPTION, " FROM redemptions", BY_ID;
    earnings = "SELECT ", EARNING, " FROM earnings", BY_ID;
    receipts = "SELECT e.org, e.programme, w.store, e.receipt, e.id FROM earnings e \
        JOIN unnest($1::bytea[], $2::bytea[], $3::bytea[], $4::text[]) AS w (org, programme, store, receipt) \
        ON e.org = w.org AND e.programme = w.programme AND coalesce(e.store, ''::bytea) = w.store AND e.receipt = w.receipt";
    members = "SELECT ", MEMBER, " FROM members", BY_ID;
    identities = "SELECT org, hash, member FROM identities JOIN unnest($1::bytea[], $2::bytea[]) AS w (org, hash) USING (org, hash)";
    identities_of_members = "SELECT org, hash, member FROM identities \
        JOIN unnest($1::bytea[], $2::bytea[]) AS w (org, member) USING (org, member)";
    verifications = "SELECT ", VERIFICATION, " FROM verifications \
        JOIN unnest($1::bytea[], $2::bytea[]) AS w (org, member) USING (org, member)";
    documents = "SELECT d.* FROM unnest($1::bytea[], $2::text[], $3::bytea[]) AS w (org, kind, id), LATERAL (SELECT ", DOCUMENT, " \
        FROM documents WHERE org = w.org AND kind = w.kind AND id = w.id ORDER BY version DESC LIMIT 1) d";
    posted = "SELECT ", ENTRY, " FROM entries JOIN unnest($1::bytea[], $2::bytea[]) AS w (org, op) USING (org, op) ORDER BY place";
}

/// What a batch begins with.
#[derive(Default)]
pub(super) struct Loaded {
    /// Its rows.
    pub set: WorkingSet,
    /// Positions for its journal rows, one a command.
    pub positions: Vec<i64>,
}

type Put = fn(&mut Loaded, &[Row]) -> Result<(), DbError>;

/// Statements, and where their rows go.
#[derive(Default)]
struct Round {
    pipeline: Pipeline,
    puts: Vec<Put>,
}

impl Round {
    fn add(&mut self, name: &'static str, params: Params, put: Put) {
        self.pipeline.add(name, params);
        self.puts.push(put);
    }

    async fn run(self, db: &Prepared, loaded: &mut Loaded) -> Result<(), Fault> {
        let answers = self.pipeline.run(db).await?;
        Ok(self.puts.iter().zip(answers).try_for_each(|(put, rows)| put(loaded, &rows))?)
    }
}

/// Opens the transaction, locks, and fetches the working set of a batch.
pub(super) async fn begin(db: &Prepared, commands: &[Command]) -> Result<Loaded, Fault> {
    let mut loaded = Loaded::default();
    let mut wanted = Wanted::roots(commands);
    let mut round = Round::default();
    round.add("begin", params![], nothing);
    lock(&mut round, &wanted);
    round.add("epoch", params![], |loaded, rows| {
        let row = rows.first().ok_or_else(|| DbError::Corrupt("there is no epoch".into()))?;
        loaded.set.epoch = row.try_get(0)?;
        Ok(())
    });
    round.add("positions", params![i64::try_from(commands.len()).unwrap_or(i64::MAX)], |loaded, rows| {
        loaded.positions = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
        Ok(())
    });
    fetch(&mut round, &wanted);
    fetch_ahead(&mut round, &wanted);
    loop {
        round.run(db, &mut loaded).await?;
        settle_absent(&wanted, &mut loaded.set);
        let Some(next) = wanted.next(&loaded.set) else { return Ok(loaded) };
        wanted = next;
        round = Round::default();
        fetch(&mut round, &wanted);
    }
}

fn nothing(_: &mut Loaded, _: &[Row]) -> Result<(), DbError> {
    Ok(())
}

fn lock(round: &mut Round, wanted: &Wanted) {
    let members: Vec<_> = wanted.members.iter().chain(&wanted.all_of_members).copied().collect();
    add_keys(round, "lock_members", &members, nothing);
    let cards: Vec<_> = wanted.cards.iter().chain(&wanted.open_of_cards).copied().collect();
    if cards.is_empty() && wanted.passes.is_empty() && wanted.all_of_members.is_empty() {
        return;
    }
    let ((orgs, ids), (pass_orgs, passes)) = (split(&cards), split(&wanted.passes));
    let (member_orgs, members) = split(&wanted.all_of_members);
    round.add("lock_cards", params![orgs, ids, pass_orgs, passes, member_orgs, members], nothing);
}

/// Keys as the two arrays that a statement takes.
fn split<A: Copy, B: Copy>(keys: &[(A, B)]) -> (Vec<A>, Vec<B>) {
    keys.iter().copied().unzip()
}

fn add_keys<A, B>(round: &mut Round, name: &'static str, keys: &[(A, B)], put: Put)
where
    A: Copy + Send + Sync + ToSql + 'static,
    B: Copy + Send + Sync + ToSql + 'static,
{
    if !keys.is_empty() {
        let (first, second) = split(keys);
        round.add(name, params![first, second], put);
    }
}

fn add_hashes(round: &mut Round, name: &'static str, keys: &[(OrgId, [u8; 32])], put: Put) {
    if !keys.is_empty() {
        let (orgs, hashes): (Vec<OrgId>, Vec<Vec<u8>>) = keys.iter().map(|(org, hash)| (*org, hash.to_vec())).unzip();
        round.add(name, params![orgs, hashes], put);
    }
}

/// What the wanted keys name.
fn fetch(round: &mut Round, wanted: &Wanted) {
    if !wanted.ops.is_empty() {
        let orgs: Vec<_> = wanted.ops.iter().map(|key| key.0).collect();
        let principals: Vec<_> = wanted.ops.iter().map(|key| key.1).collect();
        let keys: Vec<_> = wanted.ops.iter().map(|key| key.2.clone()).collect();
        round.add("ops", params![orgs, principals, keys], |loaded, rows| {
            each(rows, rows::op, |row| loaded.set.ops.load((row.org, row.principal, row.key.clone()), Some(row)))
        });
    }
    add_keys(round, "cards", &wanted.cards, put_cards);
    add_hashes(round, "tokens", &wanted.tokens, put_tokens);
    add_keys(round, "presence", &wanted.presence, |loaded, rows| {
        for row in rows {
            let key: (OrgId, CardId, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            loaded.set.presence.load(key, Some(row.try_get(3)?));
        }
        Ok(())
    });
    add_keys(round, "passes", &wanted.passes, put_passes);
    add_keys(round, "vouchers", &wanted.vouchers, put_vouchers);
    add_keys(round, "redemptions", &wanted.redemptions, |loaded, rows| {
        each(rows, rows::redemption, |row| loaded.set.redemptions.load((row.org, row.id), Some(row)))
    });
    add_keys(round, "posted", &wanted.posted, put_posted);
    fetch_sales(round, wanted);
    fetch_members(round, wanted);
    add_keys(round, "open_tokens", &wanted.open_of_cards, put_tokens);
    add_keys(round, "open_vouchers", &wanted.open_of_cards, put_vouchers);
    if !wanted.documents.is_empty() {
        let orgs: Vec<_> = wanted.documents.iter().map(|key| key.org).collect();
        let kinds: Vec<_> = wanted.documents.iter().map(|key| key.kind).collect();
        let ids: Vec<_> = wanted.documents.iter().map(|key| key.id.to_vec()).collect();
        round.add("documents", params![orgs, kinds, ids], |loaded, rows| {
            each(rows, rows::document, |row| loaded.set.documents.load(row.key, Some(row)))
        });
    }
}

fn fetch_sales(round: &mut Round, wanted: &Wanted) {
    add_keys(round, "earnings", &wanted.earnings, |loaded, rows| {
        each(rows, rows::earning, |row| loaded.set.earnings.load((row.org, row.id), Some(row)))
    });
    if wanted.receipts.is_empty() {
        return;
    }
    let orgs: Vec<_> = wanted.receipts.iter().map(|key| key.0).collect();
    let programmes: Vec<_> = wanted.receipts.iter().map(|key| key.1).collect();
    let stores: Vec<Vec<u8>> = wanted.receipts.iter().map(|key| key.2.map_or(Vec::new(), |id| id.0.to_vec())).collect();
    let receipts: Vec<_> = wanted.receipts.iter().map(|key| key.3.clone()).collect();
    round.add("receipts", params![orgs, programmes, stores, receipts], |loaded, rows| {
        for row in rows {
            let (org, programme): (OrgId, ProgrammeId) = (row.try_get(0)?, row.try_get(1)?);
            let store = <[u8; 16]>::try_from(row.try_get::<_, &[u8]>(2)?).ok().map(StoreId);
            let earning: EarningId = row.try_get(4)?;
            loaded.set.receipts.load((org, programme, store, row.try_get(3)?), Some(earning));
        }
        Ok(())
    });
}

fn fetch_members(round: &mut Round, wanted: &Wanted) {
    add_keys(round, "members", &wanted.members, |loaded, rows| {
        each(rows, rows::member, |row| loaded.set.members.load((row.org, row.id), Some(row)))
    });
    add_hashes(round, "identities", &wanted.identities, put_identities);
    if !wanted.cards_of.is_empty() {
        let orgs: Vec<_> = wanted.cards_of.iter().map(|key| key.0).collect();
        let members: Vec<_> = wanted.cards_of.iter().map(|key| key.1).collect();
        let programmes: Vec<_> = wanted.cards_of.iter().map(|key| key.2).collect();
        round.add("card_in_programme", params![orgs, members, programmes], |loaded, rows| {
            for row in rows {
                let key: (OrgId, MemberId, ProgrammeId) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
                loaded.set.cards_of.load(key, Some(row.try_get(3)?));
            }
            Ok(())
        });
    }
    add_keys(round, "verifications", &wanted.all_of_members, |loaded, rows| {
        each(rows, rows::verification, |row| loaded.set.verifications.load((row.org, row.member), Some(row)))
    });
    add_keys(round, "identities_of_members", &wanted.all_of_members, put_identities);
    add_keys(round, "cards_of_members", &wanted.all_of_members, put_cards);
}

/// What nearly always hangs on the roots: spares the second round trip.
fn fetch_ahead(round: &mut Round, wanted: &Wanted) {
    add_keys(round, "passes_of_cards", &wanted.cards, put_passes);
    add_keys(round, "passes_of_vouchers", &wanted.vouchers, put_passes);
    add_keys(round, "tokens_of_vouchers", &wanted.vouchers, put_tokens);
}

fn each<T>(rows: &[Row], read: fn(&Row) -> Result<T, DbError>, mut put: impl FnMut(T)) -> Result<(), DbError> {
    rows.iter().try_for_each(|row| read(row).map(&mut put))
}

fn put_cards(loaded: &mut Loaded, rows: &[Row]) -> Result<(), DbError> {
    rows::cards_with_lots(rows)?
        .into_iter()
        .for_each(|state| loaded.set.cards.load((state.card.org, state.card.id), Some(state)));
    Ok(())
}

fn put_tokens(loaded: &mut Loaded, rows: &[Row]) -> Result<(), DbError> {
    each(rows, rows::token, |row| loaded.set.tokens.load((row.org, row.hash), Some(row)))
}

fn put_passes(loaded: &mut Loaded, rows: &[Row]) -> Result<(), DbError> {
    each(rows, rows::pass, |row| loaded.set.passes.load((row.org, row.id), Some(row)))
}

fn put_vouchers(loaded: &mut Loaded, rows: &[Row]) -> Result<(), DbError> {
    each(rows, rows::voucher, |row| loaded.set.vouchers.load((row.org, row.id), Some(row)))
}

fn put_posted(loaded: &mut Loaded, rows: &[Row]) -> Result<(), DbError> {
    each(rows, rows::entry, |row| loaded.set.posted.entry((row.org, row.op)).or_default().push(row))
}

fn put_identities(loaded: &mut Loaded, rows: &[Row]) -> Result<(), DbError> {
    for row in rows {
        let (org, hash, member): (OrgId, _, MemberId) = (row.try_get(0)?, hash(row, 1)?, row.try_get(2)?);
        loaded.set.identities.load((org, hash), Some(Identity { org, hash, member: Some(member) }));
    }
    Ok(())
}

/// What was asked for and is not there is known to be absent. (What was fetched ahead and is not there is asked for again if it matters.)
fn settle_absent(wanted: &Wanted, set: &mut WorkingSet) {
    wanted.ops.iter().for_each(|key| set.ops.load(key.clone(), None));
    wanted.cards.iter().for_each(|key| set.cards.load(*key, None));
    wanted.cards_of.iter().for_each(|key| set.cards_of.load(*key, None));
    wanted.tokens.iter().for_each(|key| set.tokens.load(*key, None));
    wanted.vouchers.iter().for_each(|key| set.vouchers.load(*key, None));
    wanted.redemptions.iter().for_each(|key| set.redemptions.load(*key, None));
    wanted.earnings.iter().for_each(|key| set.earnings.load(*key, None));
    wanted.receipts.iter().for_each(|key| set.receipts.load(key.clone(), None));
    wanted.members.iter().for_each(|key| set.members.load(*key, None));
    wanted.all_of_members.iter().for_each(|key| set.verifications.load(*key, None));
    wanted.identities.iter().for_each(|key| set.identities.load(*key, None));
    wanted.passes.iter().for_each(|key| set.passes.load(*key, None));
    wanted.documents.iter().for_each(|key| set.documents.load(*key, None));
    for key in &wanted.posted {
        set.posted.entry(*key).or_default();
    }
}
