//! The rows in memory, and how a batch is loaded from them, checked against the unique keys, and saved.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};

use crate::clock::Timestamp;
use crate::db::loading::Wanted;
use crate::db::{Channel, DbError, DeadLetter, DeviceLog, GoogleClass, GoogleEvent, OutboxItem, Registration};
use crate::ids::{CardId, DeadLetterId, EarningId, MemberId, OpId, OrgId, PassId, ProgrammeId, RedemptionId, StoreId, VoucherId};
use crate::ledger::{
    CardState, Command, CounterKey, Document, DocumentKey, Earning, Entry, Identity, JournalRow, Member, OpKey, OpRow, Pass,
    Principal, Redemption, Token, TokenHash, TokenState, Verification, Voucher, VoucherState, WorkingSet,
};

/// A pass and what was fetched of it.
pub(super) struct KeptPass {
    pub pass: Pass,
    pub fetched_version: i64,
    pub fetched_at: Option<Timestamp>,
}

/// An outbox row with its lease.
pub(super) struct Owed {
    pub item: OutboxItem,
    pub ready_at: Timestamp,
    pub leased: bool,
}

/// A journal row's place in its chain.
pub(super) struct Seal {
    pub position: usize,
    pub previous: [u8; 32],
    pub hash: [u8; 32],
}

#[derive(Default)]
pub(super) struct State {
    pub epoch: i64,
    pub last_seq: i64,
    pub members: BTreeMap<(OrgId, MemberId), Member>,
    pub identities: BTreeMap<(OrgId, [u8; 32]), MemberId>,
    pub verifications: BTreeMap<(OrgId, MemberId), Verification>,
    pub cards: BTreeMap<(OrgId, CardId), CardState>,
    pub cards_of: BTreeMap<(OrgId, MemberId, ProgrammeId), CardId>,
    pub numbers: BTreeSet<(OrgId, String)>,
    pub passes: BTreeMap<PassId, KeptPass>,
    pub vouchers: BTreeMap<(OrgId, VoucherId), Voucher>,
    pub vouchers_of: BTreeSet<(OrgId, CardId, Timestamp, VoucherId)>,
    pub tokens: BTreeMap<(OrgId, TokenHash), Token>,
    pub presence: BTreeMap<(OrgId, CardId, i64), Timestamp>,
    pub open_tokens: BTreeSet<(OrgId, CardId, TokenHash)>,
    pub expiring: BTreeSet<(Timestamp, OrgId, TokenHash)>,
    pub redemptions: BTreeMap<(OrgId, RedemptionId), Redemption>,
    pub redeemed: BTreeMap<(OrgId, TokenHash), RedemptionId>,
    pub earnings: BTreeMap<(OrgId, EarningId), Earning>,
    pub receipts: BTreeMap<(OrgId, ProgrammeId, Option<StoreId>, String), EarningId>,
    pub ops: BTreeMap<(OrgId, OpId), OpRow>,
    pub op_keys: BTreeMap<(OrgId, Principal, OpKey), OpId>,
    pub entries: BTreeMap<(OrgId, OpId), Vec<Entry>>,
    pub entries_of: BTreeMap<(OrgId, CardId), Vec<Entry>>,
    pub resolved: BTreeSet<(OrgId, (OpId, i64))>,
    pub reversed: BTreeSet<(OrgId, (OpId, i64))>,
    pub journal: Vec<JournalRow>,
    pub sealed: usize,
    pub seals: BTreeMap<(OrgId, i64), Seal>,
    pub counters: std::collections::HashMap<CounterKey, i64>,
    pub documents: BTreeMap<DocumentKey, Vec<Document>>,
    pub registrations: BTreeMap<(PassId, String), Registration>,
    pub google: BTreeMap<(OrgId, PassId), super::google::KeptObject>,
    pub google_events: BTreeMap<String, GoogleEvent>,
    pub google_classes: BTreeMap<(OrgId, String), GoogleClass>,
    pub outbox: BTreeMap<(PassId, Channel), Owed>,
    pub dead_letters: BTreeMap<(OrgId, DeadLetterId), DeadLetter>,
    pub logs: VecDeque<DeviceLog>,
}

impl State {
    /// The working set of a batch: its roots and everything that hangs on them.
    pub fn working_set(&self, commands: &[Command]) -> WorkingSet {
        let mut set = WorkingSet::default();
        set.epoch = self.epoch;
        let mut wanted = Some(Wanted::roots(commands));
        while let Some(round) = wanted {
            self.fetch(&round, &mut set);
            wanted = round.next(&set);
        }
        set
    }

    fn fetch(&self, wanted: &Wanted, set: &mut WorkingSet) {
        for key in &wanted.ops {
            let row = self.op_keys.get(key).and_then(|id| self.ops.get(&(key.0, *id)));
            set.ops.load(key.clone(), row.cloned());
        }
        wanted.cards.iter().for_each(|key| set.cards.load(*key, self.cards.get(key).cloned()));
        wanted.cards_of.iter().for_each(|key| set.cards_of.load(*key, self.cards_of.get(key).copied()));
        wanted.tokens.iter().for_each(|key| set.tokens.load(*key, self.tokens.get(key).cloned()));
        for (org, card) in &wanted.presence {
            let newest = self.presence.range((*org, *card, i64::MIN)..=(*org, *card, i64::MAX)).next_back();
            if let Some((key, at)) = newest {
                set.presence.load(*key, Some(*at));
            }
        }
        wanted.vouchers.iter().for_each(|key| set.vouchers.load(*key, self.vouchers.get(key).cloned()));
        wanted.redemptions.iter().for_each(|key| set.redemptions.load(*key, self.redemptions.get(key).cloned()));
        wanted.earnings.iter().for_each(|key| set.earnings.load(*key, self.earnings.get(key).cloned()));
        wanted.receipts.iter().for_each(|key| set.receipts.load(key.clone(), self.receipts.get(key).copied()));
        wanted.members.iter().for_each(|key| set.members.load(*key, self.members.get(key).cloned()));
        wanted.documents.iter().for_each(|key| set.documents.load(*key, self.newest(*key).cloned()));
        for key in &wanted.identities {
            let member = self.identities.get(key);
            set.identities.load(*key, member.map(|member| Identity { org: key.0, hash: key.1, member: Some(*member) }));
        }
        for key in &wanted.passes {
            let kept = self.passes.get(&key.1).filter(|kept| kept.pass.org == key.0);
            set.passes.load(*key, kept.map(|kept| kept.pass.clone()));
        }
        for key in &wanted.posted {
            set.posted.insert(*key, self.entries.get(key).cloned().unwrap_or_default());
        }
        for (org, card) in &wanted.open_of_cards {
            for token in self.open_tokens.range((*org, *card, [0; 32])..=(*org, *card, [255; 32])) {
                set.tokens.load((*org, token.2), self.tokens.get(&(*org, token.2)).cloned());
            }
            for voucher in self.vouchers_of(*org, *card).filter(|voucher| voucher.state == VoucherState::Issued) {
                set.vouchers.load((*org, voucher.id), Some(voucher.clone()));
            }
        }
        for (org, member) in &wanted.all_of_members {
            set.verifications.load((*org, *member), self.verifications.get(&(*org, *member)).cloned());
            for (key, _) in self.identities.iter().filter(|(key, owner)| key.0 == *org && *owner == member) {
                set.identities.load(*key, Some(Identity { org: *org, hash: key.1, member: Some(*member) }));
            }
            for card in self.cards_of_member(*org, *member) {
                set.cards.load((*org, card.card.id), Some(card.clone()));
            }
        }
    }

    pub fn newest(&self, key: DocumentKey) -> Option<&Document> {
        self.documents.get(&key).and_then(|versions| versions.last())
    }

    /// The vouchers of a card, oldest first.
    pub fn vouchers_of(&self, org: OrgId, card: CardId) -> impl DoubleEndedIterator<Item = &Voucher> {
        let first = (org, card, Timestamp::from_millis(i64::MIN), VoucherId([0; 16]));
        let last = (org, card, Timestamp::from_millis(i64::MAX), VoucherId([255; 16]));
        self.vouchers_of.range(first..=last).filter_map(move |key| self.vouchers.get(&(org, key.3)))
    }

    /// The cards of a member, by id.
    pub fn cards_of_member(&self, org: OrgId, member: MemberId) -> Vec<&CardState> {
        let range = (org, member, ProgrammeId([0; 16]))..=(org, member, ProgrammeId([255; 16]));
        let mut cards: Vec<_> = self.cards_of.range(range).filter_map(|(_, id)| self.cards.get(&(org, *id))).collect();
        cards.sort_by_key(|state| state.card.id);
        cards
    }

    /// Saves what changed, or nothing at all.
    pub fn save(&mut self, set: WorkingSet) -> Result<(), DbError> {
        self.check(&set)?;
        self.write(set);
        Ok(())
    }

    /// The unique keys and checks that a SQL database has.
    fn check(&self, set: &WorkingSet) -> Result<(), DbError> {
        let mut numbers = HashSet::new();
        for (key, before, now) in set.cards.changes() {
            let card = &now.card;
            let taken = self.cards.contains_key(key)
                || self.numbers.contains(&(key.0, card.number.clone()))
                || self.cards_of.contains_key(&(key.0, card.member, card.programme))
                || !numbers.insert((key.0, card.number.clone()));
            unless(before.is_none() && taken, "card")?;
            let negative = now.lots.iter().any(|lot| lot.available < 0 || lot.held < 0);
            unless(negative || card.held < 0 || card.debt < 0 || card.open_vouchers < 0, "balance below zero")?;
        }
        for ((_, id), before, _) in set.passes.changes() {
            unless(before.is_none() && self.passes.contains_key(id), "pass")?;
        }
        let mut redeemed = HashSet::new();
        for (key, before, now) in set.redemptions.changes().filter(|(_, before, _)| before.is_none()) {
            let token = (now.org, now.token);
            let taken = self.redemptions.contains_key(key) || self.redeemed.contains_key(&token) || !redeemed.insert(token);
            unless(before.is_none() && taken, "redemption of the token")?;
            unless(now.points <= 0, "points")?;
        }
        new_keys(set.members.changes(), &self.members, "member")?;
        new_keys(set.vouchers.changes(), &self.vouchers, "voucher")?;
        new_keys(set.tokens.changes(), &self.tokens, "token")?;
        new_keys(set.presence.changes(), &self.presence, "step of the turning code")?;
        new_keys(set.earnings.changes(), &self.earnings, "earning")?;
        new_keys(set.receipts.changes(), &self.receipts, "receipt")?;
        for (key, _, now) in set.ops.changes() {
            unless(self.op_keys.contains_key(key) || self.ops.contains_key(&(now.org, now.id)), "operation")?;
        }
        for (key, _, now) in set.documents.changes() {
            let elsewhere =
                self.documents.keys().any(|known| (known.kind, known.id) == (key.kind, key.id) && known.org != key.org);
            unless(elsewhere || now.version != self.newest(*key).map_or(1, |document| document.version + 1), "document")?;
        }
        self.check_entries(&set.entries)
    }

    fn check_entries(&self, entries: &[Entry]) -> Result<(), DbError> {
        let (mut resolved, mut reversed) = (HashSet::new(), HashSet::new());
        for entry in entries {
            unless(entry.amount <= 0, "amount")?;
            if let Some(hold) = entry.resolves {
                unless(self.resolved.contains(&(entry.org, hold)) || !resolved.insert((entry.org, hold)), "resolution")?;
            }
            if let Some(capture) = entry.reverses {
                unless(self.reversed.contains(&(entry.org, capture)) || !reversed.insert((entry.org, capture)), "reversal")?;
            }
        }
        Ok(())
    }

    fn write(&mut self, set: WorkingSet) {
        for ((org, hash), _, now) in set.identities.changes() {
            match now.member {
                Some(member) => self.identities.insert((*org, *hash), member),
                None => self.identities.remove(&(*org, *hash)),
            };
        }
        for (key, _, now) in set.verifications.changes() {
            if now.open {
                self.verifications.insert(*key, now.clone())
            } else {
                self.verifications.remove(key)
            };
        }
        for (key, _, now) in set.cards.changes() {
            self.cards_of.insert((key.0, now.card.member, now.card.programme), key.1);
            self.numbers.insert((key.0, now.card.number.clone()));
            self.cards.insert(*key, now.clone());
        }
        for ((_, id), _, now) in set.passes.changes() {
            let kept = self.passes.remove(id).unwrap_or(KeptPass { pass: now.clone(), fetched_version: 0, fetched_at: None });
            let pass = Pass { seq: kept.pass.seq, ..now.clone() };
            self.passes.insert(*id, KeptPass { pass, ..kept });
        }
        for (key, _, now) in set.vouchers.changes() {
            self.vouchers_of.insert((key.0, now.card, now.issued_at, key.1));
            self.vouchers.insert(*key, now.clone());
        }
        for (key, _, now) in set.tokens.changes() {
            self.write_token(*key, now);
        }
        for (key, _, now) in set.redemptions.changes() {
            self.redeemed.insert((key.0, now.token), key.1);
            self.redemptions.insert(*key, now.clone());
        }
        self.presence.extend(set.presence.changes().map(|(key, _, at)| (*key, *at)));
        self.members.extend(set.members.changes().map(|(key, _, now)| (*key, now.clone())));
        self.earnings.extend(set.earnings.changes().map(|(key, _, now)| (*key, now.clone())));
        self.receipts.extend(set.receipts.changes().map(|(key, _, now)| (key.clone(), *now)));
        for (key, _, now) in set.ops.changes() {
            self.op_keys.insert(key.clone(), now.id);
            self.ops.insert((now.org, now.id), now.clone());
        }
        set.counters.changes().for_each(|(key, _, add)| *self.counters.entry(key.clone()).or_default() += add);
        set.documents.changes().for_each(|(key, _, now)| self.documents.entry(*key).or_default().push(now.clone()));
        for entry in set.entries {
            self.resolved.extend(entry.resolves.map(|hold| (entry.org, hold)));
            self.reversed.extend(entry.reverses.map(|capture| (entry.org, capture)));
            self.entries_of.entry((entry.org, entry.card)).or_default().push(entry.clone());
            self.entries.entry((entry.org, entry.op)).or_default().push(entry);
        }
        self.journal.extend(set.journal);
    }

    fn write_token(&mut self, (org, hash): (OrgId, TokenHash), now: &Token) {
        let (open, expiry) = ((org, now.card, hash), now.expires_at.map(|end| (end, org, hash)));
        if now.state == TokenState::Issued {
            self.open_tokens.insert(open);
            self.expiring.extend(expiry);
        } else {
            self.open_tokens.remove(&open);
            if let Some(expiry) = expiry {
                self.expiring.remove(&expiry);
            }
        }
        self.tokens.insert((org, hash), now.clone());
    }
}

fn unless(wrong: bool, what: &str) -> Result<(), DbError> {
    if wrong { Err(DbError::Conflict(what.to_owned())) } else { Ok(()) }
}

fn new_keys<'a, K: Ord + 'a, V: 'a, W>(
    mut changes: impl Iterator<Item = (&'a K, Option<&'a V>, &'a V)>,
    rows: &BTreeMap<K, W>,
    what: &str,
) -> Result<(), DbError> {
    unless(changes.any(|(key, before, _)| before.is_none() && rows.contains_key(key)), what)
}
