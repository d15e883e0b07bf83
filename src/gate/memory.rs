//! The gate in this process's memory: for a single node, for tests, and beneath Redis while that can't be reached.
//!
//! Bounded and sharded; a lock is held for microseconds and never across an await. Markers are authenticated as in Redis, so that
//! both gates mean the same.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::bounded::Bounded;
use super::limit::{Limit, RateRule};
use super::pace::{OpMark, PaceRule};
use super::request::{Capture, GateRequest, marker_key};
use super::rules::{self, Arrivals, Pace};
use super::verdict::{GateError, GateHealth, GateVerdict, Part, Refusal, merge};
use super::{Gate, LedgerMark};
use crate::clock::Timestamp;
use crate::ids::{OrgId, RedemptionId};
use crate::tokens::{Keyring, Marker, TokenHash};

/// Entries in all: about 150 MB when full.
const CAPACITY: usize = 1_000_000;

/// Locks: enough that a few cores seldom meet.
const SHARDS: usize = 16;

/// How strictly limits are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strictness {
    /// As they are written.
    Whole,
    /// At half the rate: other nodes, unseen, let requests pass too.
    Half,
}

/// The gate in memory.
#[derive(Debug)]
pub struct MemoryGate {
    keyring: Arc<Keyring>,
    shards: Vec<Mutex<Shard>>,
    hashers: [RandomState; 2],
    strictness: Strictness,
}

#[derive(Debug)]
struct Shard {
    limits: Bounded<Arrivals>,
    paces: Bounded<Vec<OpMark>>,
    markers: Bounded<Marker>,
}

impl MemoryGate {
    /// A gate of a million entries.
    #[must_use]
    pub fn new(keyring: Arc<Keyring>) -> Self {
        Self::with_capacity(keyring, CAPACITY)
    }

    /// A gate of at most about so many entries: half of them limits, a quarter pace rules, a quarter markers.
    #[must_use]
    pub fn with_capacity(keyring: Arc<Keyring>, capacity: usize) -> Self {
        let (half, quarter) = (capacity / 2 / SHARDS, capacity / 4 / SHARDS);
        let shard = || Shard { limits: Bounded::new(half), paces: Bounded::new(quarter), markers: Bounded::new(quarter) };
        Self {
            keyring,
            shards: (0..SHARDS).map(|_| Mutex::new(shard())).collect(),
            hashers: [RandomState::new(), RandomState::new()],
            strictness: Strictness::Whole,
        }
    }

    /// The gate beneath Redis: every limit at half its rate.
    pub(super) fn beneath(keyring: Arc<Keyring>) -> Self {
        Self { strictness: Strictness::Half, ..Self::new(keyring) }
    }

    /// How many entries are held.
    #[must_use]
    pub fn entries(&self) -> usize {
        let count = |shard: &Shard| shard.limits.len() + shard.paces.len() + shard.markers.len();
        self.shards.iter().map(|shard| count(&lock(shard))).sum()
    }

    /// What [`Gate::check`] answers, without an await.
    pub(super) fn decide(&self, request: &GateRequest, now: Timestamp) -> GateVerdict {
        let marker = self.marker_part(request, now);
        let limits = request.limits.iter().map(|limit| self.limit_part(request, limit, now));
        let mut parts: Vec<Part> = limits.chain([marker]).collect();
        let mut marked = Vec::new();
        for rule in &request.paces {
            match self.ask_pace(request, rule, now) {
                Pace::Marked => marked.push(rule),
                Pace::Known => {}
                Pace::Full => parts.push(Part::Refused(Refusal::pace(rule.until.since(now)))),
            }
        }
        let verdict = merge(parts);
        if verdict != GateVerdict::Go {
            marked.into_iter().for_each(|rule| self.forget_pace(request, rule));
        }
        verdict
    }

    pub(super) fn remember(&self, capture: &Capture, now: Timestamp) {
        let scope = self.keyring.scope(capture.org);
        let Ok(marker) = self.keyring.marker(scope, &capture.token, capture.redemption) else { return };
        let key = self.hash(&marker_key(capture.org, &capture.token));
        self.shard(key).markers.put(key, marker, now.plus_millis(capture.keep_ms(now)), now);
    }

    pub(super) fn forget(&self, request: &GateRequest) {
        request.paces.iter().for_each(|rule| self.forget_pace(request, rule));
    }

    fn marker_part(&self, request: &GateRequest, now: Timestamp) -> Part {
        let captured = request.marker().and_then(|(org, token)| self.captured(org, &token, now));
        captured.map_or(Part::Fine, Part::Captured)
    }

    fn captured(&self, org: OrgId, token: &TokenHash, now: Timestamp) -> Option<RedemptionId> {
        let key = self.hash(&marker_key(org, token));
        let stored = self.shard(key).markers.get(key, now).copied();
        stored.and_then(|marker| self.keyring.read_marker(org, token, marker.as_bytes()))
    }

    fn limit_part(&self, request: &GateRequest, limit: &Limit, now: Timestamp) -> Part {
        let halved: Vec<RateRule>;
        let rules = match self.strictness {
            Strictness::Whole => &limit.rules,
            Strictness::Half => {
                halved = limit.rules.iter().map(|rule| rule.halved()).collect();
                &halved
            }
        };
        let key = self.hash(&request.limit_key(limit));
        let mut shard = self.shard(key);
        let mut arrivals = shard.limits.get(key, now).copied().unwrap_or_default();
        let before = arrivals;
        let wait_us = rules::ask(&mut arrivals, rules, (limit.charge, limit.count), micros(now));
        if arrivals != before {
            let full_again_us = arrivals.iter().copied().max().unwrap_or_default();
            shard.limits.put(key, arrivals, Timestamp::from_millis(full_again_us / 1000 + 1), now);
        }
        if wait_us == 0 { Part::Fine } else { Part::Refused(Refusal::rate(limit.scope, wait_us)) }
    }

    fn ask_pace(&self, request: &GateRequest, rule: &PaceRule, now: Timestamp) -> Pace {
        let key = self.hash(&request.pace_key(rule));
        let mut shard = self.shard(key);
        if let Some(marks) = shard.paces.get(key, now) {
            return rules::mark(marks, request.op, rule.most);
        }
        let mut marks = Vec::new();
        let pace = rules::mark(&mut marks, request.op, rule.most);
        if !marks.is_empty() {
            shard.paces.put(key, marks, rule.until, now);
        }
        pace
    }

    fn forget_pace(&self, request: &GateRequest, rule: &PaceRule) {
        let Some(op) = request.op else { return };
        let key = self.hash(&request.pace_key(rule));
        self.shard(key).paces.change(key, |marks| marks.retain(|known| *known != op));
    }

    fn hash(&self, key: &str) -> u128 {
        let [high, low] = &self.hashers;
        (u128::from(high.hash_one(key)) << 64) | u128::from(low.hash_one(key))
    }

    fn shard(&self, key: u128) -> MutexGuard<'_, Shard> {
        lock(&self.shards[(key % SHARDS as u128) as usize])
    }
}

#[async_trait]
impl Gate for MemoryGate {
    async fn check(&self, request: &GateRequest, now: Timestamp) -> Result<GateVerdict, GateError> {
        request.bounded()?;
        Ok(self.decide(request, now))
    }

    async fn mark_captured(&self, capture: &Capture, now: Timestamp) {
        self.remember(capture, now);
    }

    async fn take_back(&self, request: &GateRequest) {
        self.forget(request);
    }

    /// What one process remembers dies with it, and says nothing about a ledger that it did not see.
    async fn remembered(&self, org: OrgId, tokens: &[TokenHash], now: Timestamp) -> Option<Vec<Option<RedemptionId>>> {
        Some(tokens.iter().map(|token| self.captured(org, token, now)).collect())
    }

    async fn ledger_mark(&self) -> Option<LedgerMark> {
        None
    }

    async fn note_ledger_mark(&self, _: LedgerMark) {}

    async fn health(&self) -> GateHealth {
        GateHealth { backend: "memory", up: true, detail: None }
    }
}

/// A panic elsewhere leaves at worst one entry half written, which is no reason to close the gate.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

fn micros(now: Timestamp) -> i64 {
    now.millis().saturating_mul(1000)
}
