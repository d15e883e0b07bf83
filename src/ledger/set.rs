//! The working set: what a batch of commands reads and changes, with what it was before, so that a backend saves just the difference
//! and a refused command leaves no trace.

use std::collections::HashMap;
use std::hash::Hash;

use crate::ids::{CardId, EarningId, MemberId, OpId, OrgId, PassId, ProgrammeId, RedemptionId, StoreId, VoucherId};
use crate::ledger::{
    CardState, Counter, CounterKey, Document, DocumentKey, Earning, Entry, Identity, JournalRow, Member, OpKey, OpRow, Pass,
    Principal, Redemption, Token, TokenHash, Verification, Voucher,
};

struct Slot<V> {
    before: Option<V>,
    now: Option<V>,
    changed: bool,
}

/// Rows of one kind: as loaded, as they are now, and how to go back.
pub struct Table<K, V> {
    rows: HashMap<K, Slot<V>>,
    undo: Vec<(K, Option<V>, bool)>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { rows: HashMap::new(), undo: Vec::new() }
    }
}

impl<K: Eq + Hash + Clone, V: Clone + PartialEq> Table<K, V> {
    /// Puts in what the database holds under a key, `None` for nothing. The first load of a key stands.
    pub fn load(&mut self, key: K, row: Option<V>) {
        self.rows.entry(key).or_insert_with(|| Slot { before: row.clone(), now: row, changed: false });
    }

    /// Whether a key was loaded or inserted.
    #[must_use]
    pub fn knows(&self, key: &K) -> bool {
        self.rows.contains_key(key)
    }

    /// The row as it is now.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<&V> {
        self.rows.get(key).and_then(|slot| slot.now.as_ref())
    }

    /// Every row as it is now, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.rows.iter().filter_map(|(key, slot)| slot.now.as_ref().map(|row| (key, row)))
    }

    /// Writes a row, new or changed.
    pub fn put(&mut self, key: K, row: V) {
        let slot = self.rows.entry(key.clone()).or_insert_with(|| Slot { before: None, now: None, changed: false });
        self.undo.push((key, slot.now.replace(row), slot.changed));
        slot.changed = true;
    }

    /// What is to be saved: key, row before (`None`: insert), row now.
    pub fn changes(&self) -> impl Iterator<Item = (&K, Option<&V>, &V)> {
        self.rows.iter().filter(|(_, slot)| slot.changed).filter_map(|(key, slot)| {
            let now = slot.now.as_ref()?;
            (slot.before.as_ref() != Some(now)).then_some((key, slot.before.as_ref(), now))
        })
    }

    fn keep(&mut self) {
        self.undo.clear();
    }

    fn roll_back(&mut self) {
        while let Some((key, row, changed)) = self.undo.pop() {
            if let Some(slot) = self.rows.get_mut(&key) {
                slot.now = row;
                slot.changed = changed;
            }
        }
    }
}

/// The rows of a batch. Keys lead with the organisation: a rule can't reach another's rows.
#[derive(Default)]
pub struct WorkingSet {
    /// The ledger's epoch: one more after each restore.
    pub epoch: i64,
    /// Operations.
    pub ops: Table<(OrgId, Principal, OpKey), OpRow>,
    /// Cards with their lots.
    pub cards: Table<(OrgId, CardId), CardState>,
    /// Which card a member has in a programme.
    pub cards_of: Table<(OrgId, MemberId, ProgrammeId), CardId>,
    /// Tokens.
    pub tokens: Table<(OrgId, TokenHash), Token>,
    /// Used steps of turning codes: of each card the newest that the database holds, and what this batch uses.
    pub presence: Table<(OrgId, CardId, i64), crate::clock::Timestamp>,
    /// Vouchers.
    pub vouchers: Table<(OrgId, VoucherId), Voucher>,
    /// Redemptions.
    pub redemptions: Table<(OrgId, RedemptionId), Redemption>,
    /// Earnings.
    pub earnings: Table<(OrgId, EarningId), Earning>,
    /// Which earning a receipt belongs to.
    pub receipts: Table<(OrgId, ProgrammeId, Option<StoreId>, String), EarningId>,
    /// Members.
    pub members: Table<(OrgId, MemberId), Member>,
    /// Identities.
    pub identities: Table<(OrgId, [u8; 32]), Identity>,
    /// Codes by which members prove their contacts.
    pub verifications: Table<(OrgId, MemberId), Verification>,
    /// Passes.
    pub passes: Table<(OrgId, PassId), Pass>,
    /// The newest version of documents.
    pub documents: Table<DocumentKey, Document>,
    /// Programme documents as parsed for this batch, with their versions.
    pub programmes: HashMap<DocumentKey, (i64, std::sync::Arc<crate::programme::Programme>)>,
    /// What to add to counters.
    pub counters: Table<CounterKey, Counter>,
    /// The entries that an earlier operation posted; never changed.
    pub posted: HashMap<(OrgId, OpId), Vec<Entry>>,
    /// New entries.
    pub entries: Vec<Entry>,
    /// New journal rows.
    pub journal: Vec<JournalRow>,
    entries_kept: usize,
    journal_kept: usize,
}

impl WorkingSet {
    /// Keeps what the command did: later [`Self::roll_back`] goes back to here.
    pub fn keep(&mut self) {
        self.each_table(|table| table.keep());
        self.entries_kept = self.entries.len();
        self.journal_kept = self.journal.len();
    }

    /// Undoes everything since the last [`Self::keep`].
    pub fn roll_back(&mut self) {
        self.each_table(|table| table.roll_back());
        self.entries.truncate(self.entries_kept);
        self.journal.truncate(self.journal_kept);
    }

    /// The entries since the last [`Self::keep`].
    #[must_use]
    pub fn new_entries(&self) -> &[Entry] {
        &self.entries[self.entries_kept..]
    }

    /// Adds to a counter; the backend adds the sum to what it holds.
    pub fn count(&mut self, key: CounterKey, add: i64) {
        let sum = self.counters.get(&key).copied().unwrap_or(0).saturating_add(add);
        self.counters.put(key, sum);
    }

    fn each_table(&mut self, act: impl Fn(&mut dyn Undo)) {
        let tables: [&mut dyn Undo; 15] = [
            &mut self.ops,
            &mut self.cards,
            &mut self.cards_of,
            &mut self.tokens,
            &mut self.presence,
            &mut self.vouchers,
            &mut self.redemptions,
            &mut self.earnings,
            &mut self.receipts,
            &mut self.members,
            &mut self.identities,
            &mut self.verifications,
            &mut self.passes,
            &mut self.documents,
            &mut self.counters,
        ];
        for table in tables {
            act(table);
        }
    }
}

trait Undo {
    fn keep(&mut self);
    fn roll_back(&mut self);
}

impl<K: Eq + Hash + Clone, V: Clone + PartialEq> Undo for Table<K, V> {
    fn keep(&mut self) {
        Table::keep(self);
    }

    fn roll_back(&mut self) {
        Table::roll_back(self);
    }
}
