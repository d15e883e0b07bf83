//! What the stand-in knows: issuers, accounts, tokens, classes, objects, and what it was asked. Everything is bounded.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use serde::Serialize;
use serde_json::Value;

use super::fault::{CallbackFault, Faults};
use super::keys::ServiceAccount;
use super::notice::Notice;
use crate::clock::Timestamp;
use crate::google::resource::{IssuerId, ResourceKind};

/// Classes, and objects, that are kept at most.
pub(super) const MAX_RESOURCES: usize = 250_000;

/// Requests that are remembered; older ones are only counted.
const MAX_REQUESTS: usize = 10_000;

/// Callbacks that are remembered.
const MAX_CALLBACKS: usize = 1_000;

/// Bearer tokens that are valid at once.
const MAX_TOKENS: usize = 1_000;

/// Links that `jwt.insert` made and that still work.
pub(super) const MAX_LINKS: usize = 1_000;

/// Milliseconds over which the pace is counted.
const SECOND_MILLIS: usize = 1_000;

/// Everything, behind one lock.
#[derive(Default)]
pub(super) struct State {
    pub issuers: BTreeMap<IssuerId, Issuer>,
    pub accounts: BTreeMap<String, ServiceAccount>,
    pub tokens: HashMap<String, Bearer>,
    pub classes: BTreeMap<String, Stored>,
    pub objects: BTreeMap<String, Stored>,
    pub links: VecDeque<(String, String)>,
    pub faults: Faults,
    pub callback_faults: VecDeque<CallbackFault>,
    pub held_callbacks: Vec<super::callback::Outgoing>,
    pub requests: VecDeque<RecordedRequest>,
    pub callbacks: VecDeque<RecordedCallback>,
    pub counters: Counters,
    pub notices: VecDeque<Notice>,
    pub notice_number: u64,
    /// Every request.
    pub pace: Pace,
    /// Requests that were not too fast.
    pub granted: Pace,
}

/// Who issues passes.
pub(super) struct Issuer {
    pub name: String,
    /// Accounts that are users of the issuer in the console.
    pub users: BTreeSet<String>,
}

/// A bearer token.
pub(super) struct Bearer {
    pub email: String,
    pub scope: String,
    pub expires: Timestamp,
}

/// A class or an object. The resource is kept as text: a hundred thousand trees would weigh ten times as much.
pub(super) struct Stored {
    pub kind: ResourceKind,
    pub text: Box<str>,
    pub revision: u64,
    pub changed_at: Timestamp,
    /// When it notified its holders lately; three at most.
    pub notified: VecDeque<Timestamp>,
    /// Who has it in their wallet.
    pub users: BTreeSet<String>,
    /// Every object that was ever linked to it: there is no way back.
    pub linked: Vec<String>,
}

impl Stored {
    /// The resource.
    pub(super) fn value(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }
}

/// A request as it was answered.
#[derive(Debug, Clone, Serialize)]
pub struct RecordedRequest {
    /// When.
    pub at: Timestamp,
    /// `GET`, `POST`, `PUT`, `PATCH`.
    pub method: String,
    /// The path without the query.
    pub path: String,
    /// The answer's status; 0 if the connection was cut or never answered.
    pub status: u16,
    /// `error.message`, if it was refused.
    pub refusal: Option<String>,
    /// Whether it asked to notify the pass's holders.
    pub notify: bool,
    /// Whether it came in a batch.
    pub in_batch: bool,
    /// Bytes of its body.
    pub bytes: usize,
}

/// A callback as it went out.
#[derive(Debug, Clone, Serialize)]
pub struct RecordedCallback {
    /// When.
    pub at: Timestamp,
    /// `save` or `del`.
    pub event: String,
    /// Which object.
    pub object_id: String,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// The answer's status, if there was one.
    pub status: Option<u16>,
    /// The message.
    pub body: String,
}

/// What happened so far, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Requests to the REST API, parts of batches counted one by one.
    pub requests: u64,
    /// Of these, PATCHes and PUTs.
    pub changes: u64,
    /// Of these, the ones that were answered with 2xx.
    pub changes_done: u64,
    /// Requests that were answered with 429 because they came too fast.
    pub too_fast: u64,
    /// Batches.
    pub batches: u64,
    /// Tokens that were handed out.
    pub tokens: u64,
    /// Fetches of the root keys.
    pub key_fetches: u64,
    /// Most requests within one second.
    pub peak_per_second: u32,
    /// Fields that were sent and are Google's to set: ignored.
    pub ignored_fields: u64,
    /// Callbacks that were sent, every attempt counted.
    pub callbacks: u64,
}

impl State {
    /// Where classes, or objects, are.
    pub(super) const fn layer(&self, kind: ResourceKind) -> &BTreeMap<String, Stored> {
        if is_class(kind) { &self.classes } else { &self.objects }
    }

    /// Where classes, or objects, are.
    pub(super) const fn layer_mut(&mut self, kind: ResourceKind) -> &mut BTreeMap<String, Stored> {
        if is_class(kind) { &mut self.classes } else { &mut self.objects }
    }

    /// A resource of this kind.
    pub(super) fn find(&self, kind: ResourceKind, id: &str) -> Option<&Stored> {
        self.layer(kind).get(id).filter(|stored| stored.kind == kind)
    }

    /// Takes a token in; the ones that end first go when there are too many.
    pub(super) fn add_token(&mut self, token: String, bearer: Bearer, now: Timestamp) {
        self.tokens.retain(|_, known| known.expires > now);
        if self.tokens.len() >= MAX_TOKENS {
            let first = self.tokens.iter().min_by_key(|(_, known)| known.expires).map(|(token, _)| token.clone());
            first.map(|token| self.tokens.remove(&token));
        }
        self.tokens.insert(token, bearer);
        self.counters.tokens += 1;
    }

    /// Remembers and counts a request.
    pub(super) fn record(&mut self, request: RecordedRequest) {
        self.counters.requests += 1;
        if matches!(request.method.as_str(), "PATCH" | "PUT") {
            self.counters.changes += 1;
            self.counters.changes_done += u64::from((200..300).contains(&request.status));
        }
        if self.requests.len() == MAX_REQUESTS {
            self.requests.pop_front();
        }
        self.requests.push_back(request);
    }

    /// Remembers and counts a callback.
    pub(super) fn record_callback(&mut self, callback: RecordedCallback) {
        self.counters.callbacks += 1;
        if self.callbacks.len() == MAX_CALLBACKS {
            self.callbacks.pop_front();
        }
        self.callbacks.push_back(callback);
    }
}

/// Whether a kind is a class.
pub(super) const fn is_class(kind: ResourceKind) -> bool {
    use ResourceKind::{GenericClass, GiftCardClass, LoyaltyClass, OfferClass};
    matches!(kind, LoyaltyClass | OfferClass | GiftCardClass | GenericClass)
}

/// The name of a kind's message in the discovery document.
pub(super) const fn message(kind: ResourceKind) -> &'static str {
    use ResourceKind as Kind;
    match kind {
        Kind::LoyaltyClass => "LoyaltyClass",
        Kind::LoyaltyObject => "LoyaltyObject",
        Kind::OfferClass => "OfferClass",
        Kind::OfferObject => "OfferObject",
        Kind::GiftCardClass => "GiftCardClass",
        Kind::GiftCardObject => "GiftCardObject",
        Kind::GenericClass => "GenericClass",
        Kind::GenericObject => "GenericObject",
    }
}

/// The class's kind of an object's.
pub(super) const fn class_of(kind: ResourceKind) -> ResourceKind {
    use ResourceKind as Kind;
    match kind {
        Kind::LoyaltyClass | Kind::LoyaltyObject => Kind::LoyaltyClass,
        Kind::OfferClass | Kind::OfferObject => Kind::OfferClass,
        Kind::GiftCardClass | Kind::GiftCardObject => Kind::GiftCardClass,
        Kind::GenericClass | Kind::GenericObject => Kind::GenericClass,
    }
}

/// How many requests came within the second that ends now, in constant memory.
pub(super) struct Pace {
    /// Requests of each millisecond, by its last three digits.
    counts: Vec<u32>,
    within: u32,
    newest: i64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { counts: vec![0; SECOND_MILLIS], within: 0, newest: 0 }
    }
}

impl Pace {
    /// Requests within the second that ends now.
    pub(super) fn within_second(&mut self, now: Timestamp) -> u32 {
        let now = now.millis().max(self.newest);
        let gone = usize::try_from(now - self.newest).unwrap_or(SECOND_MILLIS).min(SECOND_MILLIS);
        for step in 1..=gone {
            let place = self.place(self.newest + i64::try_from(step).unwrap_or_default());
            self.within -= std::mem::take(&mut self.counts[place]);
        }
        self.newest = now;
        self.within
    }

    /// Counts one request, and answers how many there are within the second.
    pub(super) fn count(&mut self, now: Timestamp) -> u32 {
        self.within_second(now);
        let place = self.place(self.newest);
        self.counts[place] += 1;
        self.within += 1;
        self.within
    }

    fn place(&self, millis: i64) -> usize {
        usize::try_from(millis).unwrap_or_default() % self.counts.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_forgets_what_is_a_second_old() {
        let mut pace = Pace::default();
        let at = |millis: i64| Timestamp::from_millis(1_800_000_000_000 + millis);
        for millis in [0, 1, 500, 999] {
            pace.count(at(millis));
        }
        assert_eq!(pace.within_second(at(999)), 4);
        assert_eq!(pace.within_second(at(1_000)), 3);
        assert_eq!(pace.count(at(1_100)), 3);
        assert_eq!(pace.within_second(at(900)), 3, "a clock that goes back changes nothing");
        assert_eq!(pace.within_second(at(10_000)), 0);
    }
}
