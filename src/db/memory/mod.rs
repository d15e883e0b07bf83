//! The database in memory, for tests and simulations: the same promises as the others, except that nothing outlives the process.

mod google;
mod phones;
mod state;

use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use self::state::State;
use crate::clock::Timestamp;
use crate::db::audit::{Findings, audit_card};
use crate::db::{
    ChangedPasses, Channel, Db, DbError, DeadLetter, Delivery, DeviceLog, Expired, GoogleClass, GoogleEvent, GoogleObject, Heard,
    JournalRecord, LedgerCheck, OutboxItem, OutboxResult, Page, Registered, Registration, Sequenced, Stale, TokenRef,
};
use crate::ids::{CardId, DeadLetterId, EarningId, MemberId, OpId, OrgId, PassId, ProgrammeId, RedemptionId, VoucherId};
use crate::ledger::{
    Answer, CardState, Command, Context, Document, DocumentKey, DocumentKind, Earning, Entry, Member, OpKey, OpRow, Pass,
    PassState, Principal, Redemption, Token, TokenHash, TokenKind, TokenMint, TokenState, Voucher, VoucherState, run,
};

/// A ledger in memory.
pub struct MemoryDb {
    state: Mutex<State>,
    mint: Arc<dyn TokenMint>,
}

impl MemoryDb {
    /// An empty one.
    #[must_use]
    pub fn new(mint: Arc<dyn TokenMint>) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State { epoch: 1, ..State::default() }), mint })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decides and saves, or changes nothing.
    fn decide(&self, state: &mut State, commands: &[Command], now: Timestamp) -> Result<Vec<Answer>, DbError> {
        let mut set = state.working_set(commands);
        let context = Context { now, mint: &*self.mint };
        let decided = catch_unwind(AssertUnwindSafe(|| commands.iter().map(|command| run(&mut set, command, context)).collect()));
        let answers = decided.map_err(|_| DbError::Corrupt("a rule failed".into()))?;
        state.save(set)?;
        Ok(answers)
    }
}

#[async_trait]
impl Db for MemoryDb {
    async fn apply(&self, batch: Vec<Command>, now: Timestamp) -> Vec<Result<Answer, DbError>> {
        let mut state = self.state();
        if let Ok(answers) = self.decide(&mut state, &batch, now) {
            return answers.into_iter().map(Ok).collect();
        }
        let singly = batch.iter().map(|command| self.decide(&mut state, std::slice::from_ref(command), now));
        singly.map(|answers| answers.map(|mut answers| answers.remove(0))).collect()
    }

    async fn token(&self, org: OrgId, hash: TokenHash) -> Result<Option<TokenRef>, DbError> {
        let state = self.state();
        let Some(token) = state.tokens.get(&(org, hash)) else { return Ok(None) };
        let Token { kind, card, pass, voucher, .. } = *token;
        let programme = state.cards.get(&(org, card)).map(|state| state.card.programme);
        Ok(programme.map(|programme| TokenRef { kind, card, programme, pass, voucher }))
    }

    async fn token_row(&self, org: OrgId, hash: TokenHash) -> Result<Option<Token>, DbError> {
        Ok(self.state().tokens.get(&(org, hash)).cloned())
    }

    async fn card(&self, org: OrgId, id: CardId) -> Result<Option<CardState>, DbError> {
        Ok(self.state().cards.get(&(org, id)).cloned())
    }

    async fn cards_of(&self, org: OrgId, member: MemberId) -> Result<Vec<CardState>, DbError> {
        Ok(self.state().cards_of_member(org, member).into_iter().cloned().collect())
    }

    async fn member(&self, org: OrgId, id: MemberId) -> Result<Option<Member>, DbError> {
        Ok(self.state().members.get(&(org, id)).cloned())
    }

    async fn members(&self, org: OrgId, page: Page) -> Result<Vec<Member>, DbError> {
        let state = self.state();
        let members = state.members.iter().filter(|((owner, id), _)| *owner == org && id.0 > page.after);
        Ok(members.take(page.limit).map(|(_, member)| member.clone()).collect())
    }

    async fn identity(&self, org: OrgId, hash: [u8; 32]) -> Result<Option<MemberId>, DbError> {
        Ok(self.state().identities.get(&(org, hash)).copied())
    }

    async fn voucher(&self, org: OrgId, id: VoucherId) -> Result<Option<Voucher>, DbError> {
        Ok(self.state().vouchers.get(&(org, id)).cloned())
    }

    async fn vouchers_of(&self, org: OrgId, card: CardId, limit: usize) -> Result<Vec<Voucher>, DbError> {
        Ok(self.state().vouchers_of(org, card).rev().take(limit).cloned().collect())
    }

    async fn redemption(&self, org: OrgId, id: RedemptionId) -> Result<Option<Redemption>, DbError> {
        Ok(self.state().redemptions.get(&(org, id)).cloned())
    }

    async fn earning(&self, org: OrgId, id: EarningId) -> Result<Option<Earning>, DbError> {
        Ok(self.state().earnings.get(&(org, id)).cloned())
    }

    async fn entries_of(
        &self,
        org: OrgId,
        card: CardId,
        after: Option<(OpId, i64)>,
        limit: usize,
    ) -> Result<Vec<Entry>, DbError> {
        let state = self.state();
        let Some(entries) = state.entries_of.get(&(org, card)) else { return Ok(Vec::new()) };
        let from = match after {
            None => 0,
            Some(after) => entries.iter().position(|entry| (entry.op, entry.place) == after).map_or(entries.len(), |at| at + 1),
        };
        Ok(entries.iter().skip(from).take(limit).cloned().collect())
    }

    async fn latest_entries_of(
        &self,
        org: OrgId,
        card: CardId,
        before: Option<(OpId, i64)>,
        limit: usize,
    ) -> Result<Vec<Entry>, DbError> {
        let state = self.state();
        let Some(entries) = state.entries_of.get(&(org, card)) else { return Ok(Vec::new()) };
        let end = match before {
            None => entries.len(),
            Some(before) => entries.iter().position(|entry| (entry.op, entry.place) == before).unwrap_or(0),
        };
        Ok(entries[..end].iter().rev().take(limit).cloned().collect())
    }

    async fn entries(&self, org: OrgId, op: OpId) -> Result<Vec<Entry>, DbError> {
        Ok(self.state().entries.get(&(org, op)).cloned().unwrap_or_default())
    }

    async fn op(&self, org: OrgId, principal: Principal, key: &OpKey) -> Result<Option<OpRow>, DbError> {
        let state = self.state();
        let id = state.op_keys.get(&(org, principal, key.clone()));
        Ok(id.and_then(|id| state.ops.get(&(org, *id))).cloned())
    }

    async fn op_by_id(&self, org: OrgId, id: OpId) -> Result<Option<OpRow>, DbError> {
        Ok(self.state().ops.get(&(org, id)).cloned())
    }

    async fn pass(&self, id: PassId) -> Result<Option<Pass>, DbError> {
        Ok(self.state().passes.get(&id).map(|kept| kept.pass.clone()))
    }

    async fn document(&self, key: DocumentKey) -> Result<Option<Document>, DbError> {
        Ok(self.state().newest(key).cloned())
    }

    async fn documents(&self, org: OrgId, kind: DocumentKind) -> Result<Vec<Document>, DbError> {
        let state = self.state();
        let of_kind = state.documents.iter().filter(|(key, _)| key.org == org && key.kind == kind);
        Ok(of_kind.filter_map(|(_, versions)| versions.last().cloned()).collect())
    }

    async fn document_history(&self, key: DocumentKey, limit: usize) -> Result<Vec<Document>, DbError> {
        let state = self.state();
        Ok(state.documents.get(&key).into_iter().flatten().rev().take(limit).cloned().collect())
    }

    async fn document_by_id(&self, kind: DocumentKind, id: [u8; 16]) -> Result<Option<Document>, DbError> {
        let state = self.state();
        let found = state.documents.iter().find(|(key, _)| key.kind == kind && key.id == id);
        Ok(found.and_then(|(_, versions)| versions.last().cloned()))
    }

    async fn organisations(&self) -> Result<Vec<Document>, DbError> {
        let state = self.state();
        let organisations = state.documents.iter().filter(|(key, _)| key.kind == DocumentKind::Organisation);
        Ok(organisations.filter_map(|(_, versions)| versions.last().cloned()).collect())
    }

    async fn register(&self, registration: Registration) -> Result<Registered, DbError> {
        self.state().register(registration)
    }

    async fn unregister(&self, pass_type: &str, device: &str, pass: PassId) -> Result<(), DbError> {
        self.state().forget(|row| row.pass == pass && row.device == device && row.pass_type == pass_type);
        Ok(())
    }

    async fn changed_passes(
        &self,
        pass_type: &str,
        device: &str,
        since: Option<i64>,
        now: Timestamp,
    ) -> Result<ChangedPasses, DbError> {
        Ok(self.state().changed_passes((pass_type, device), (since, now)))
    }

    async fn registrations(&self, pass: PassId) -> Result<Vec<Registration>, DbError> {
        Ok(self.state().registrations_of(pass).cloned().collect())
    }

    async fn note_fetched(&self, pass: PassId, version: i64, now: Timestamp) -> Result<(), DbError> {
        if let Some(kept) = self.state().passes.get_mut(&pass) {
            kept.fetched_version = kept.fetched_version.max(version);
            kept.fetched_at = Some(now);
        }
        Ok(())
    }

    async fn note_pushed(&self, pass: PassId, device: &str, version: i64, now: Timestamp) -> Result<(), DbError> {
        if let Some(row) = self.state().registrations.get_mut(&(pass, device.to_owned())) {
            row.pushed_at = Some(now);
            row.pushed_version = row.pushed_version.max(version);
        }
        Ok(())
    }

    async fn forget_push_token(&self, push_token: &str, unless_after: Option<Timestamp>) -> Result<usize, DbError> {
        let old = |row: &Registration| unless_after.is_none_or(|limit| row.registered_at <= limit);
        Ok(self.state().forget(|row| row.push_token == push_token && old(row)))
    }

    async fn forget_pass(&self, pass: PassId) -> Result<(), DbError> {
        self.state().forget(|row| row.pass == pass);
        Ok(())
    }

    async fn add_device_logs(&self, logs: Vec<DeviceLog>) -> Result<(), DbError> {
        self.state().add_logs(logs);
        Ok(())
    }

    async fn device_logs(&self, org: OrgId, limit: usize) -> Result<Vec<DeviceLog>, DbError> {
        Ok(self.state().logs.iter().rev().filter(|log| log.org == Some(org)).take(limit).cloned().collect())
    }

    async fn delivery(&self, org: OrgId, pass: PassId) -> Result<Option<Delivery>, DbError> {
        Ok(self.state().delivery(org, pass))
    }

    async fn google_object(&self, org: OrgId, pass: PassId) -> Result<Option<GoogleObject>, DbError> {
        Ok(self.state().google.get(&(org, pass)).map(|kept| kept.row.clone()))
    }

    async fn write_google_objects(&self, objects: Vec<GoogleObject>) -> Result<(), DbError> {
        self.state().write_google(objects)
    }

    async fn hear_google(&self, event: GoogleEvent) -> Result<Heard, DbError> {
        Ok(self.state().hear(event))
    }

    async fn google_events(&self, org: OrgId, limit: usize) -> Result<Vec<GoogleEvent>, DbError> {
        let state = self.state();
        let mut events: Vec<_> = state.google_events.values().filter(|event| event.org == org).cloned().collect();
        events.sort_by_key(|event| std::cmp::Reverse(event.at));
        events.truncate(limit);
        Ok(events)
    }

    async fn forget_google_events(&self, before: Timestamp, limit: usize) -> Result<usize, DbError> {
        Ok(self.state().forget_google_events(before, limit))
    }

    async fn google_objects_to_ask(&self, now: Timestamp, limit: usize) -> Result<Vec<GoogleObject>, DbError> {
        Ok(self.state().google_to_ask(now, limit))
    }

    async fn note_google_asked(&self, org: OrgId, pass: PassId, saved: Option<bool>, now: Timestamp) -> Result<(), DbError> {
        self.state().google_asked((org, pass), saved, now);
        Ok(())
    }

    async fn google_class(&self, org: OrgId, class: &str) -> Result<Option<GoogleClass>, DbError> {
        Ok(self.state().google_classes.get(&(org, class.to_owned())).cloned())
    }

    async fn write_google_class(&self, class: GoogleClass) -> Result<(), DbError> {
        self.state().google_classes.insert((class.org, class.class.clone()), class);
        Ok(())
    }

    async fn sequence(&self, limit: usize, now: Timestamp) -> Result<Sequenced, DbError> {
        Ok(self.state().sequence(limit, now))
    }

    async fn journal(&self, org: OrgId, after: i64, limit: usize) -> Result<Vec<JournalRecord>, DbError> {
        let state = self.state();
        let seals = state.seals.range((org, after.saturating_add(1))..=(org, i64::MAX)).take(limit);
        let record = |((_, number), seal): ((OrgId, i64), &state::Seal)| JournalRecord {
            number,
            previous: seal.previous,
            hash: seal.hash,
            row: state.journal[seal.position].clone(),
        };
        Ok(seals.map(|(key, seal)| record((*key, seal))).collect())
    }

    async fn unsealed(&self) -> Result<usize, DbError> {
        let state = self.state();
        Ok(state.journal.len() - state.sealed)
    }

    async fn check_ledger(&self) -> Result<LedgerCheck, DbError> {
        let state = self.state();
        let (mut findings, mut entries) = (Findings::default(), 0);
        for (key, card) in &state.cards {
            let posted = state.entries_of.get(key).map_or(&[][..], Vec::as_slice);
            let open = state.vouchers_of(key.0, key.1).filter(|voucher| voucher.state == VoucherState::Issued);
            let open: Vec<i64> = open.map(|voucher| voucher.points).collect();
            audit_card(card, posted, &open, &mut findings);
            entries += i64::try_from(posted.len()).unwrap_or(i64::MAX);
        }
        let cards = i64::try_from(state.cards.len()).unwrap_or(i64::MAX);
        Ok(LedgerCheck { cards, entries, findings: findings.into_lines() })
    }

    async fn claim_outbox(
        &self,
        channel: Channel,
        limit: usize,
        lease_ms: i64,
        now: Timestamp,
    ) -> Result<Vec<OutboxItem>, DbError> {
        Ok(self.state().claim(channel, limit, (now, now.plus_millis(lease_ms))))
    }

    async fn settle_outbox(&self, item: &OutboxItem, result: OutboxResult) -> Result<(), DbError> {
        self.state().settle(item, result);
        Ok(())
    }

    async fn settle_outbox_all(&self, settled: Vec<(OutboxItem, OutboxResult)>) -> Result<(), DbError> {
        let mut state = self.state();
        settled.into_iter().for_each(|(item, result)| state.settle(&item, result));
        Ok(())
    }

    async fn next_due(&self, channel: Channel) -> Result<Option<Timestamp>, DbError> {
        let state = self.state();
        Ok(state.outbox.values().filter(|owed| owed.item.channel == channel).map(|owed| owed.ready_at).min())
    }

    async fn dead_letters(&self, org: OrgId, limit: usize) -> Result<Vec<DeadLetter>, DbError> {
        let state = self.state();
        let mut letters: Vec<_> =
            state.dead_letters.iter().filter(|(key, _)| key.0 == org).map(|(_, letter)| letter.clone()).collect();
        letters.sort_by_key(|letter| std::cmp::Reverse((letter.died_at, letter.id)));
        letters.truncate(limit);
        Ok(letters)
    }

    async fn replay_dead_letter(&self, org: OrgId, id: DeadLetterId, now: Timestamp) -> Result<bool, DbError> {
        Ok(self.state().replay(org, id, now))
    }

    async fn drop_dead_letter(&self, org: OrgId, id: DeadLetterId) -> Result<bool, DbError> {
        Ok(self.state().dead_letters.remove(&(org, id)).is_some())
    }

    async fn expired_tokens(&self, now: Timestamp, limit: usize) -> Result<Vec<Expired>, DbError> {
        let state = self.state();
        let over = state.expiring.iter().take_while(|(end, _, _)| *end < now).take(limit);
        let tokens = over.filter_map(|(_, org, hash)| state.tokens.get(&(*org, *hash)));
        Ok(tokens.map(|token| Expired { org: token.org, token: token.hash, card: token.card, voucher: token.voucher }).collect())
    }

    async fn tokens_before_epoch(&self, org: OrgId, after: Option<TokenHash>, limit: usize) -> Result<Vec<Token>, DbError> {
        let state = self.state();
        let old =
            |token: &&Token| token.state == TokenState::Issued && token.kind != TokenKind::Identify && token.epoch < state.epoch;
        let from = after.map_or(Bound::Included((org, TokenHash::default())), |after| Bound::Excluded((org, after)));
        let of_org = state.tokens.range((from, Bound::Unbounded)).take_while(|(key, _)| key.0 == org);
        Ok(of_org.map(|(_, token)| token).filter(old).take(limit).cloned().collect())
    }

    async fn never_verified(&self, before: Timestamp, limit: usize) -> Result<Vec<(OrgId, MemberId)>, DbError> {
        let state = self.state();
        let idle = |card: &&CardState| card.card.active && !card.card.verified && card.lots.is_empty();
        let old = state.cards.values().filter(idle).filter(|card| card.card.created_at < before);
        let others = |card: &&CardState| {
            let cards = state.cards_of_member(card.card.org, card.card.member);
            cards.iter().all(|other| !other.card.active || idle(other))
        };
        Ok(old.filter(others).take(limit).map(|card| (card.card.org, card.card.member)).collect())
    }

    async fn stale_passes(&self, limit: usize) -> Result<Option<Stale>, DbError> {
        let state = self.state();
        for (key, versions) in state.documents.iter().filter(|(key, _)| key.kind == DocumentKind::Programme) {
            let (org, programme) = (key.org, ProgrammeId(key.id));
            let newest = versions.last().map_or(0, |document| document.version);
            let passes = state.passes.values().map(|kept| &kept.pass).filter(|pass| {
                (pass.org, pass.programme, pass.state) == (org, programme, PassState::Active) && pass.document_version < newest
            });
            let passes: Vec<PassId> = passes.take(limit).map(|pass| pass.id).collect();
            if !passes.is_empty() {
                return Ok(Some(Stale { org, programme, passes }));
            }
        }
        Ok(None)
    }

    async fn forget_answers(&self, before: Timestamp, limit: usize) -> Result<usize, DbError> {
        let mut state = self.state();
        let old = state.ops.values_mut().filter(|op| op.at < before && op.answer.is_some()).take(limit);
        Ok(old.map(|op| op.answer = None).count())
    }

    async fn forget_codes(&self, before: Timestamp, limit: usize) -> Result<usize, DbError> {
        let mut state = self.state();
        let over = |token: &&Token| {
            matches!(token.kind, TokenKind::Live | TokenKind::Typed)
                && !matches!(token.state, TokenState::Issued | TokenState::Captured)
                && token.expires_at.is_some_and(|end| end < before)
        };
        let mut over: Vec<_> =
            state.tokens.values().filter(over).map(|token| (token.expires_at, token.org, token.hash)).collect();
        over.sort_unstable();
        over.truncate(limit);
        for (_, org, hash) in &over {
            state.tokens.remove(&(*org, *hash));
        }
        Ok(over.len())
    }

    async fn high_water(&self) -> Result<(i64, Timestamp), DbError> {
        let state = self.state();
        Ok((state.epoch, state.ops.values().map(|op| op.at).max().unwrap_or_default()))
    }

    async fn raise_epoch(&self) -> Result<i64, DbError> {
        let mut state = self.state();
        state.epoch += 1;
        Ok(state.epoch)
    }

    async fn health(&self) -> Result<(), DbError> {
        Ok(())
    }

    /// There is no file to copy: refused.
    async fn backup(&self, _file: &Path) -> Result<(), DbError> {
        Err(DbError::Unavailable("a database in memory has no backup".into()))
    }

    async fn figures(&self) -> Result<Vec<(&'static str, i64)>, DbError> {
        let state = self.state();
        let entries = state.entries.values().map(Vec::len).sum();
        let counts = [
            ("members", state.members.len()),
            ("cards", state.cards.len()),
            ("passes", state.passes.len()),
            ("entries", entries),
            ("ops", state.ops.len()),
            ("registrations", state.registrations.len()),
            ("outbox", state.outbox.len()),
            ("dead_letters", state.dead_letters.len()),
        ];
        Ok(counts.map(|(name, count)| (name, i64::try_from(count).unwrap_or(i64::MAX))).to_vec())
    }
}
