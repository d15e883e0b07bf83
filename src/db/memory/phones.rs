//! Registrations, the sequencer and the outbox, in memory. What each method promises stands with the trait.

use std::collections::HashSet;

use super::state::{Owed, Seal, State};
use crate::clock::Timestamp;
use crate::db::{
    ChangedPasses, Channel, DbError, DeadLetter, Delivery, DeviceLog, MAX_DEVICE_LOGS, MAX_REGISTRATIONS_PER_PASS, OutboxItem,
    OutboxResult, Registered, Registration, Sequenced,
};
use crate::ids::{DeadLetterId, OrgId, PassId};
use crate::ledger::chain;

impl State {
    pub fn register(&mut self, registration: Registration) -> Result<Registered, DbError> {
        let Some(kept) = self.passes.get(&registration.pass).filter(|kept| kept.pass.org == registration.org) else {
            return Err(DbError::Conflict("FOREIGN KEY constraint failed".into()));
        };
        let changed = kept.pass.version > kept.fetched_version;
        let (pass, at) = (registration.pass, registration.registered_at);
        let key = (pass, registration.device.clone());
        let registered = match self.registrations.get_mut(&key) {
            Some(known) => {
                known.pass_type = registration.pass_type;
                known.push_token = registration.push_token;
                known.registered_at = at;
                Registered::Known
            }
            None => {
                self.registrations.insert(key.clone(), registration);
                self.drop_the_most_silent(&key);
                Registered::New
            }
        };
        if changed {
            self.owe(pass, Channel::Apple, at);
        }
        Ok(registered)
    }

    fn drop_the_most_silent(&mut self, newest: &(PassId, String)) {
        let others = self.registrations_of(newest.0).filter(|known| known.device != newest.1);
        let mut others: Vec<_> = others
            .map(|known| (std::cmp::Reverse(known.listed_at.unwrap_or_default().max(known.registered_at)), known.device.clone()))
            .collect();
        others.sort();
        for (_, device) in others.into_iter().skip(MAX_REGISTRATIONS_PER_PASS - 1) {
            self.registrations.remove(&(newest.0, device));
        }
    }

    pub fn registrations_of(&self, pass: PassId) -> impl Iterator<Item = &Registration> {
        let from = (pass, String::new());
        self.registrations.range(from..).take_while(move |(key, _)| key.0 == pass).map(|(_, registration)| registration)
    }

    /// Deletes registrations, and what is owed to phones for passes that none holds any more. Says how many went.
    pub fn forget(&mut self, goes: impl Fn(&Registration) -> bool) -> usize {
        let gone: Vec<_> = self.registrations.iter().filter(|(_, row)| goes(row)).map(|(key, _)| key.clone()).collect();
        for key in &gone {
            self.registrations.remove(key);
            if self.registrations_of(key.0).next().is_none() {
                self.outbox.remove(&(key.0, Channel::Apple));
            }
        }
        gone.len()
    }

    pub fn changed_passes(&mut self, (pass_type, device): (&str, &str), (since, now): (Option<i64>, Timestamp)) -> ChangedPasses {
        let (mut changed, mut known) = (Vec::new(), false);
        for row in self.registrations.values_mut().filter(|row| row.device == device && row.pass_type == pass_type) {
            known = true;
            row.listed_at = Some(now);
            let seq = self.passes.get(&row.pass).map_or(0, |kept| kept.pass.seq);
            if since.is_none_or(|tag| seq > tag) {
                changed.push((seq, row.pass));
            }
        }
        changed.sort_unstable();
        let tag = changed.last().map_or(0, |(seq, _)| *seq);
        ChangedPasses { passes: changed.into_iter().map(|(_, pass)| pass).collect(), tag, known }
    }

    pub fn add_logs(&mut self, logs: Vec<DeviceLog>) {
        self.logs.extend(logs);
        let beyond = self.logs.len().saturating_sub(MAX_DEVICE_LOGS);
        self.logs.drain(..beyond);
    }

    pub fn delivery(&self, org: OrgId, pass: PassId) -> Option<Delivery> {
        let kept = self.passes.get(&pass).filter(|kept| kept.pass.org == org)?;
        let owed = self.outbox.range((pass, Channel::Apple)..=(pass, Channel::Google));
        Some(Delivery {
            pass: kept.pass.clone(),
            fetched_version: kept.fetched_version,
            fetched_at: kept.fetched_at,
            registrations: self.registrations_of(pass).cloned().collect(),
            owed: owed.map(|(_, owed)| owed.item.clone()).collect(),
            google: self.google.get(&(org, pass)).map(|kept| kept.row.clone()),
        })
    }

    pub fn sequence(&mut self, limit: usize, now: Timestamp) -> Sequenced {
        let end = self.journal.len().min(self.sealed + limit);
        let mut changed = Vec::new();
        for position in self.sealed..end {
            let row = &self.journal[position];
            let last = self.seals.range((row.org, 0)..=(row.org, i64::MAX)).next_back();
            let (number, previous) = last.map_or((1, chain::GENESIS), |((_, number), seal)| (number + 1, seal.hash));
            let hash = chain::link(&previous, number, row);
            changed.extend(row.passes.iter().copied());
            self.seals.insert((row.org, number), Seal { position, previous, hash });
        }
        let rows = end - self.sealed;
        self.sealed = end;
        let mut seen = HashSet::new();
        changed.retain(|pass| seen.insert(*pass));
        let mut owed = 0;
        for pass in changed {
            self.last_seq = (self.last_seq + 1).max(now.millis());
            if let Some(kept) = self.passes.get_mut(&pass) {
                kept.pass.seq = self.last_seq;
            }
            if self.registrations_of(pass).next().is_some() {
                self.owe(pass, Channel::Apple, now);
                owed += 1;
            }
            if self.passes.get(&pass).is_some_and(|kept| kept.pass.on_google) {
                self.owe(pass, Channel::Google, now);
                owed += 1;
            }
        }
        Sequenced { rows, owed, newest: self.last_seq }
    }

    fn owe(&mut self, pass: PassId, channel: Channel, now: Timestamp) {
        let Some(kept) = self.passes.get(&pass) else { return };
        let (org, version) = (kept.pass.org, kept.pass.version);
        let fresh = OutboxItem { org, pass, channel, version, due_at: now, tries: 0, stage: 0, since: now, last_error: None };
        match self.outbox.get_mut(&(pass, channel)) {
            None => {
                self.outbox.insert((pass, channel), Owed { item: fresh, ready_at: now, leased: false });
            }
            Some(owed) => {
                owed.ready_at = if owed.leased { owed.ready_at.max(now) } else { now };
                owed.item = OutboxItem { since: owed.item.since, version: version.max(owed.item.version), ..fresh };
            }
        }
    }

    pub fn claim(&mut self, channel: Channel, limit: usize, (now, until): (Timestamp, Timestamp)) -> Vec<OutboxItem> {
        let mut due: Vec<_> =
            self.outbox.values_mut().filter(|owed| owed.item.channel == channel && owed.ready_at <= now).collect();
        due.sort_by_key(|owed| (owed.ready_at, owed.item.org, owed.item.pass));
        let mut items: Vec<_> = due
            .into_iter()
            .take(limit)
            .map(|owed| {
                (owed.leased, owed.ready_at) = (true, until);
                owed.item.clone()
            })
            .collect();
        items.sort_by_key(|item| (item.due_at, item.org, item.pass));
        items
    }

    pub fn settle(&mut self, item: &OutboxItem, result: OutboxResult) {
        let key = (item.pass, item.channel);
        let Some(owed) = self.outbox.get_mut(&key) else { return };
        (owed.leased, owed.ready_at) = (false, owed.item.due_at);
        let same = owed.item.version == item.version;
        match result {
            OutboxResult::Done { version } if owed.item.version <= version => {
                self.outbox.remove(&key);
            }
            OutboxResult::Later { due_at, tries, stage, error } if same => {
                owed.ready_at = due_at;
                owed.item = OutboxItem { due_at, tries, stage, last_error: error, ..owed.item.clone() };
            }
            OutboxResult::Dead { id, at, error } if same => {
                self.outbox.remove(&key);
                let item = OutboxItem { last_error: Some(error), ..item.clone() };
                self.dead_letters.insert((item.org, id), DeadLetter { id, item, died_at: at });
            }
            OutboxResult::Done { .. } | OutboxResult::Later { .. } | OutboxResult::Dead { .. } => {}
        }
    }

    pub fn replay(&mut self, org: OrgId, id: DeadLetterId, now: Timestamp) -> bool {
        let Some(letter) = self.dead_letters.remove(&(org, id)) else { return false };
        self.owe(letter.item.pass, letter.item.channel, now);
        true
    }
}
