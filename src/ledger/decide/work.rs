//! What the rules share: looking rows up, posting entries, bumping passes.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::error::{Code, Problem};
use crate::ids::{CardId, OrgId, PassId, ProgrammeId};
use crate::ledger::{
    Account, CardState, CardSummary, Change, ChangeKind, Command, Context, CounterKey, DocumentKey, Entry, EntryKind, Pass,
    PassState, Place, Principal, TokenState, WorkingSet,
};
use crate::programme::{KeyDocument, Programme, Status, StoreDocument, TerminalDocument};

/// Generations of one epoch: four thousand million.
const EPOCH_SHIFT: u32 = 32;

/// A command at work on the set.
pub(super) struct Work<'a> {
    pub set: &'a mut WorkingSet,
    pub command: &'a Command,
    pub context: Context<'a>,
    /// Passes that changed, in order, each once.
    pub touched: Vec<PassId>,
    /// What the journal row says beside entries and passes.
    pub facts: Map<String, Value>,
}

/// One move of points, before it is an [`Entry`].
pub(super) struct Posting {
    pub kind: EntryKind,
    pub debit: Account,
    pub credit: Account,
    pub lot: i64,
    pub amount: i64,
    pub resolves: Option<(crate::ids::OpId, i64)>,
    pub reverses: Option<(crate::ids::OpId, i64)>,
}

impl Posting {
    pub fn new(kind: EntryKind, debit: Account, credit: Account, (lot, amount): (i64, i64)) -> Self {
        Self { kind, debit, credit, lot, amount, resolves: None, reverses: None }
    }

    pub fn resolving(mut self, hold: &Entry) -> Self {
        self.resolves = Some((hold.op, hold.place));
        self
    }

    pub fn reversing(mut self, capture: &Entry) -> Self {
        self.reverses = Some((capture.op, capture.place));
        self
    }
}

impl<'a> Work<'a> {
    pub fn new(set: &'a mut WorkingSet, command: &'a Command, context: Context<'a>) -> Self {
        Self { set, command, context, touched: Vec::new(), facts: Map::new() }
    }

    pub fn org(&self) -> OrgId {
        self.command.op.org
    }

    /// A card that is alive.
    pub fn card(&self, id: CardId) -> Result<CardState, Problem> {
        let state = self.set.cards.get(&(self.org(), id)).ok_or_else(|| Problem::from(Code::NotFound))?;
        if state.card.active { Ok(state.clone()) } else { Err(Code::MemberErased.into()) }
    }

    pub fn save_card(&mut self, state: CardState) {
        self.set.cards.put((self.org(), state.card.id), state);
    }

    /// The programme as the newest document says, and that document's version.
    pub fn programme(&mut self, id: ProgrammeId) -> Result<(Arc<Programme>, i64), Problem> {
        let key = DocumentKey::programme(self.org(), id);
        let document = self.set.documents.get(&key).ok_or_else(|| Problem::from(Code::NotFound))?;
        if let Some((version, programme)) = self.set.programmes.get(&key).filter(|(version, _)| *version == document.version) {
            return Ok((Arc::clone(programme), *version));
        }
        let programme = Arc::new(Programme::parse(&document.body).map_err(|_| Problem::from(Code::Internal))?);
        let version = document.version;
        self.set.programmes.insert(key, (version, Arc::clone(&programme)));
        Ok((programme, version))
    }

    /// The programme, unless it is switched off.
    pub fn open_programme(&mut self, id: ProgrammeId) -> Result<(Arc<Programme>, i64), Problem> {
        let (programme, version) = self.programme(id)?;
        if programme.status == Status::Disabled {
            return Err(Code::ProgrammeDisabled.into());
        }
        Ok((programme, version))
    }

    /// Refuses whoever may not come in any more: the newest documents decide, on every node, whatever one of them still believed at its door.
    pub fn check_principal(&self) -> Result<(), Problem> {
        match self.command.op.principal {
            Principal::Key(id) => {
                let document = self.set.documents.get(&DocumentKey::key(self.org(), id));
                let key = document.and_then(|document| KeyDocument::parse(&document.body).ok());
                if key.is_some_and(|key| key.revoked) { Err(Code::KeyRevoked.into()) } else { Ok(()) }
            }
            Principal::Terminal(id) => {
                let document = self.set.documents.get(&DocumentKey::terminal(self.org(), id));
                let terminal = document.and_then(|document| TerminalDocument::parse(&document.body).ok());
                let off = terminal.is_some_and(|terminal| terminal.status == Status::Disabled);
                if off { Err(Code::TerminalDisabled.into()) } else { Ok(()) }
            }
            Principal::Member(_) | Principal::System => Ok(()),
        }
    }

    /// Refuses when the shop or the till is switched off: the newest documents decide, on every node.
    pub fn check_place(&self, place: &Place) -> Result<(), Problem> {
        if let Some(store) = place.store {
            let document = self.set.documents.get(&DocumentKey::store(self.org(), store));
            let document = document.ok_or_else(|| Problem::field("store", "There is no such store."))?;
            let store = StoreDocument::parse(&document.body).map_err(|_| Problem::from(Code::Internal))?;
            if store.status == Status::Disabled {
                return Err(Code::StoreDisabled.into());
            }
        }
        if let Some(terminal) = place.terminal {
            let document = self.set.documents.get(&DocumentKey::terminal(self.org(), terminal));
            let terminal = document.and_then(|document| TerminalDocument::parse(&document.body).ok());
            if terminal.is_none_or(|terminal| terminal.status == Status::Disabled) {
                return Err(Code::TerminalDisabled.into());
            }
        }
        Ok(())
    }

    /// Posts an entry; nothing is posted for an amount of zero.
    #[expect(clippy::needless_pass_by_value, reason = "a posting is made to be posted once")]
    pub fn post(&mut self, card: &CardState, posting: Posting) {
        if posting.amount == 0 {
            return;
        }
        assert!(posting.amount > 0, "an entry moves points one way");
        let place = i64::try_from(self.set.new_entries().len()).expect("an operation posts a bounded number of entries");
        self.set.entries.push(Entry {
            org: self.org(),
            op: self.command.op.id,
            place,
            programme: card.card.programme,
            card: card.card.id,
            lot: posting.lot,
            kind: posting.kind,
            debit: posting.debit,
            credit: posting.credit,
            amount: posting.amount,
            resolves: posting.resolves,
            reverses: posting.reverses,
            at: self.context.now,
        });
    }

    /// The entries that an earlier operation posted, be it in this very batch.
    pub fn posted(&self, op: crate::ids::OpId) -> Vec<Entry> {
        let org = self.org();
        let mut entries = self.set.posted.get(&(org, op)).cloned().unwrap_or_default();
        entries.extend(self.set.entries.iter().filter(|entry| entry.op == op && entry.org == org).cloned());
        entries
    }

    /// Repays debt out of points that were just handed to a lot: whatever puts points back repays first. Says how many it took.
    pub fn repay(&mut self, state: &mut CardState, (number, credited): (i64, i64)) -> i64 {
        let repaid = credited.min(state.card.debt);
        let Some(lot) = state.lot_mut(number).filter(|_| repaid > 0) else { return 0 };
        lot.available -= repaid;
        state.card.debt -= repaid;
        self.post(state, Posting::new(EntryKind::DebtRepayment, Account::Available, Account::Debt, (number, repaid)));
        repaid
    }

    /// The generation after `last`. Generations of a later epoch start beyond all of the one before, so that a restored ledger never
    /// derives a code again that was captured in what it lost.
    pub fn next_generation(&self, last: i64) -> i64 {
        (last + 1).max((self.set.epoch - 1) << EPOCH_SHIFT)
    }

    pub fn pass(&self, id: PassId) -> Result<Pass, Problem> {
        self.set.passes.get(&(self.org(), id)).cloned().ok_or_else(|| Problem::from(Code::Internal))
    }

    /// What the pass shows changed: next version, a second later than the last one at least.
    pub fn bump(&mut self, mut pass: Pass, kind: ChangeKind, points: i64) -> i64 {
        pass.change = Change { kind, points, at: self.context.now };
        self.renew(pass)
    }

    /// The pass is to be shown anew though nothing happened to its card: what happened last stays what it says.
    pub fn renew(&mut self, mut pass: Pass) -> i64 {
        pass.version += 1;
        pass.last_modified = self.context.now.seconds().max(pass.last_modified + 1);
        let (id, version) = (pass.id, pass.version);
        self.touch(id);
        self.set.passes.put((self.org(), id), pass);
        version
    }

    /// Marks a pass as changed for the sequencer and the outbox.
    pub fn touch(&mut self, id: PassId) {
        if !self.touched.contains(&id) {
            self.touched.push(id);
        }
    }

    /// Bumps the card's pass for a change of the balance, saves the card and says how it stands.
    pub fn settle(&mut self, state: CardState, kind: ChangeKind, points: i64) -> Result<CardSummary, Problem> {
        let pass = self.pass(state.card.pass)?;
        let version = self.bump(pass, kind, points);
        let summary = CardSummary::of(&state, version);
        self.save_card(state);
        Ok(summary)
    }

    /// Voids a pass: no barcode, no web service from now on.
    pub fn void_pass(&mut self, id: PassId, kind: ChangeKind) -> Result<(), Problem> {
        let mut pass = self.pass(id)?;
        if pass.state == PassState::Active {
            pass.state = PassState::Voided;
            self.bump(pass, kind, 0);
        }
        Ok(())
    }

    /// Ends a token that was not captured.
    pub fn end_token(&mut self, hash: [u8; 32], state: TokenState) {
        let key = (self.org(), hash);
        if let Some(token) = self.set.tokens.get(&key).filter(|token| token.state == TokenState::Issued).cloned() {
            self.set.tokens.put(key, crate::ledger::Token { state, ..token });
        }
    }

    /// Adds to a sum of the card on the programme's local day.
    pub fn count(&mut self, programme: &Programme, card: CardId, (metric, add): (&'static str, i64)) {
        let day = self.context.now.local_day(programme.zone());
        self.set.count(CounterKey { org: self.org(), card, metric, day }, add);
    }

    /// Adds to a list among the facts.
    pub fn fact_also(&mut self, name: &str, value: impl serde::Serialize) {
        let list = self.facts.entry(name.to_owned()).or_insert_with(|| json!([]));
        if let Value::Array(list) = list {
            list.push(json!(value));
        }
    }

    pub fn fact(&mut self, name: &str, value: impl serde::Serialize) {
        self.facts.insert(name.to_owned(), json!(value));
    }
}

/// An entry as the journal's body has it; `journal verify` compares it with the entry's row.
pub fn entry_json(entry: &Entry) -> Value {
    json!({
        "place": entry.place, "programme": entry.programme, "card": entry.card, "lot": entry.lot, "kind": entry.kind,
        "debit": entry.debit, "credit": entry.credit, "amount": entry.amount,
        "resolves": entry.resolves, "reverses": entry.reverses,
    })
}
