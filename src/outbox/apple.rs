//! Apple's ways: an empty push to every phone that holds the pass and did not fetch this version yet.
//!
//! A push says only "something changed"; the phone then asks what. So delivery is known from what phones ask afterwards: the
//! version that was last fetched, and per phone when it last listed. With one phone that is exact; with several, a phone is
//! taken as served once it listed after its push and the version was fetched.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures_util::future::join_all;

use super::paces::Paces;
use super::{ChannelSender, Failure, Fault, Lane, Verdict};
use crate::apple::Apple;
use crate::apple::push::{Pace, PushOutcome, PushRequest, PushToken, RetryReason};
use crate::clock::Timestamp;
use crate::db::{Channel, Db, DbError, Delivery, OutboxItem, Registration};
use crate::ids::{Ids, OrgId};
use crate::ledger::PassState;

/// Between two pushes to one phone for one pass type. Phones that are pushed more often stop listening.
const BETWEEN_PUSHES_MS: i64 = 15_000;

/// How long a phone is left alone that APNs calls pushed too often.
const SLOWED_PHONE_MS: i64 = 5 * 60_000;

/// A push of this version so short ago is not repeated: another phone of the pass failed and brought the item back.
const JUST_PUSHED_MS: i64 = 5 * 60_000;

/// Bad tokens in a row, without a good one between them, from which on the fault is taken to be ours and nothing is deleted.
const MOST_BAD_IN_A_ROW: u32 = 10;

/// Pushes to the phones of Apple Wallet.
pub struct AppleSender {
    db: Arc<dyn Db>,
    apple: Arc<Apple>,
    ids: Arc<dyn Ids>,
    paces: Paces,
    /// By pass type: whether bad tokens may be believed.
    belief: Mutex<HashMap<String, Belief>>,
}

/// What the tokens of a pass type said so far.
#[derive(Debug, Default)]
struct Belief {
    delivered: bool,
    bad_in_a_row: u32,
}

/// A phone: the registrations that share a push token.
struct Phone<'a> {
    pass_type: &'a str,
    push_token: &'a str,
    registrations: Vec<&'a Registration>,
}

/// What the pushes of one item came to, gathered over its phones.
#[derive(Default)]
struct Gathered {
    refused: Option<String>,
    credential: Option<Failure>,
    failed: Option<Failure>,
    wait_until: Option<Timestamp>,
}

impl AppleSender {
    /// A sender over the accounts that there are.
    #[must_use]
    pub fn new(db: Arc<dyn Db>, apple: Arc<Apple>, ids: Arc<dyn Ids>) -> Self {
        Self { db, apple, ids, paces: Paces::default(), belief: Mutex::default() }
    }

    async fn push(&self, org: OrgId, phone: &Phone<'_>) -> PushOutcome {
        let not_configured = || PushOutcome::Retry {
            after: None,
            reason: RetryReason::Connection("no certificate is configured for the pass type".to_owned()),
        };
        let Some(account) = self.apple.serving(org, phone.pass_type) else { return not_configured() };
        // What can't be a token was never taken at registration; should one be stored, it is as bad as APNs would say.
        let Some(token) = PushToken::parse(phone.push_token) else { return PushOutcome::BadToken };
        account.pusher.push(&PushRequest { token, id: self.ids.random() }).await
    }

    async fn note(
        &self,
        (phone, outcome): (&Phone<'_>, PushOutcome),
        (item, now): (&OutboxItem, Timestamp),
        gathered: &mut Gathered,
    ) -> Result<(), DbError> {
        let key = (phone.pass_type, phone.push_token);
        match outcome {
            PushOutcome::Delivered => {
                self.paces.leave_alone(key, now.plus_millis(BETWEEN_PUSHES_MS), now);
                for registration in &phone.registrations {
                    self.db.note_pushed(item.pass, &registration.device, item.version, now).await?;
                }
            }
            PushOutcome::TokenGone { since } => self.forget(phone, since).await?,
            PushOutcome::BadToken if self.may_believe(phone.pass_type) => self.forget(phone, None).await?,
            PushOutcome::BadToken => {
                let error = "APNs calls the push token bad; it is kept, since no other token of the pass type works either";
                tracing::error!(pass_type = phone.pass_type, "{error}");
                gathered.failed = Some(Failure { fault: Fault::Item, error: error.to_owned(), after: None });
            }
            PushOutcome::Misconfigured(reason) => gathered.credential = Some(credential(format!("APNs answered {reason}"))),
            PushOutcome::RefreshToken => {
                gathered.credential = Some(credential("APNs calls our new provider token expired: check the clock".to_owned()));
            }
            PushOutcome::OurFault(reason) => gathered.refused = Some(format!("APNs answered {reason}")),
            PushOutcome::SlowDown(Pace::Device) => {
                let until = now.plus_millis(SLOWED_PHONE_MS);
                self.paces.leave_alone(key, until, now);
                gathered.wait(until);
            }
            PushOutcome::SlowDown(Pace::ProviderToken) => {
                gathered.credential = Some(credential("APNs says that the provider token is renewed too often".to_owned()));
            }
            PushOutcome::Retry { after, reason } => {
                let fault = if matches!(reason, RetryReason::Refused(_)) { Fault::Item } else { Fault::Lane };
                gathered.failed = Some(Failure { fault, error: reason.to_string(), after });
            }
        }
        Ok(())
    }

    /// Deletes a phone's registrations, unless it renewed them after its token went bad or after we read them.
    async fn forget(&self, phone: &Phone<'_>, since: Option<Timestamp>) -> Result<(), DbError> {
        let read = phone.registrations.iter().map(|registration| registration.registered_at).max();
        let gone = self.db.forget_push_token(phone.push_token, since.or(read)).await?;
        metrics::counter!("walaa_apple_registrations_forgotten_total").increment(gone as u64);
        Ok(())
    }

    fn believe(&self, pass_type: &str, outcome: &PushOutcome) {
        let mut beliefs = self.belief.lock().unwrap_or_else(PoisonError::into_inner);
        let belief = beliefs.entry(pass_type.to_owned()).or_default();
        match outcome {
            PushOutcome::Delivered => *belief = Belief { delivered: true, bad_in_a_row: 0 },
            PushOutcome::BadToken => belief.bad_in_a_row = belief.bad_in_a_row.saturating_add(1),
            _ => {}
        }
    }

    /// Whether a bad token is the phone's fault: others of the pass type work.
    fn may_believe(&self, pass_type: &str) -> bool {
        let beliefs = self.belief.lock().unwrap_or_else(PoisonError::into_inner);
        beliefs.get(pass_type).is_some_and(|belief| belief.delivered && belief.bad_in_a_row <= MOST_BAD_IN_A_ROW)
    }

    /// When a phone may be pushed; after a restart what the database remembers of this pass is all that is known.
    fn not_before(&self, phone: &Phone<'_>) -> Option<Timestamp> {
        let pushed = phone.registrations.iter().filter_map(|registration| registration.pushed_at).max();
        let remembered = self.paces.not_before(phone.pass_type, phone.push_token);
        remembered.max(pushed.map(|pushed| pushed.plus_millis(BETWEEN_PUSHES_MS)))
    }
}

#[async_trait]
impl ChannelSender for AppleSender {
    fn channel(&self) -> Channel {
        Channel::Apple
    }

    fn lane(&self, item: &OutboxItem) -> Lane {
        let account = self.apple.account_for(item.org);
        Lane(account.map_or_else(|| "none".to_owned(), |account| account.pass_type().to_owned()))
    }

    async fn deliver(&self, item: &OutboxItem, now: Timestamp) -> Result<Verdict, DbError> {
        let Some(delivery) = self.db.delivery(item.org, item.pass).await? else { return Ok(Verdict::Current) };
        let phones = unserved(&delivery, item.version);
        if phones.is_empty() {
            return Ok(Verdict::Current);
        }
        let mut gathered = Gathered::default();
        let mut ready = Vec::new();
        for phone in &phones {
            match self.not_before(phone) {
                _ if phone.just_pushed(item.version, now) => {}
                Some(until) if until > now => gathered.wait(until),
                _ => ready.push(phone),
            }
        }
        let outcomes = join_all(ready.iter().map(|phone| self.push(item.org, phone))).await;
        // All of them first: whether a bad token is believed depends on the good ones.
        ready.iter().zip(&outcomes).for_each(|(phone, outcome)| self.believe(phone.pass_type, outcome));
        for (phone, outcome) in ready.into_iter().zip(outcomes) {
            self.note((phone, outcome), (item, now), &mut gathered).await?;
        }
        Ok(gathered.verdict())
    }

    async fn finished(&self, item: &OutboxItem) -> Result<(), DbError> {
        let voided = self.db.pass(item.pass).await?.is_some_and(|pass| pass.state == PassState::Voided);
        if voided { self.db.forget_pass(item.pass).await } else { Ok(()) }
    }
}

impl Phone<'_> {
    /// Whether every registration was pushed about this version a moment ago.
    fn just_pushed(&self, version: i64, now: Timestamp) -> bool {
        self.registrations.iter().all(|registration| {
            let recently = registration.pushed_at.is_some_and(|pushed| now.since(pushed) < JUST_PUSHED_MS);
            recently && registration.pushed_version >= version
        })
    }
}

impl Gathered {
    fn wait(&mut self, until: Timestamp) {
        self.wait_until = Some(self.wait_until.map_or(until, |earlier| earlier.min(until)));
    }

    /// The worst decides: what was pushed is noted per phone and is not pushed again at once.
    fn verdict(self) -> Verdict {
        match (self.credential, self.refused, self.failed, self.wait_until) {
            (Some(failure), ..) => Verdict::Failed(failure),
            (None, Some(error), ..) => Verdict::Refused { error },
            (None, None, Some(failure), _) => Verdict::Failed(failure),
            (None, None, None, Some(until)) => Verdict::Wait { until },
            (None, None, None, None) => Verdict::Sent,
        }
    }
}

fn credential(error: String) -> Failure {
    Failure { fault: Fault::Credential, error, after: None }
}

/// The phones that did not fetch a version yet, as far as is known.
fn unserved(delivery: &Delivery, version: i64) -> Vec<Phone<'_>> {
    let mut phones: BTreeMap<(&str, &str), Vec<&Registration>> = BTreeMap::new();
    for registration in &delivery.registrations {
        phones.entry((&registration.pass_type, &registration.push_token)).or_default().push(registration);
    }
    let only_one = phones.len() == 1;
    let fetched = delivery.fetched_version >= version;
    let listed_since_push =
        |registration: &&Registration| registration.pushed_version >= version && registration.listed_at >= registration.pushed_at;
    phones
        .into_iter()
        .filter(|(_, registrations)| !(fetched && (only_one || registrations.iter().any(listed_since_push))))
        .map(|((pass_type, push_token), registrations)| Phone { pass_type, push_token, registrations })
        .collect()
}
