//! The sweeps: tokens that ran out, passes whose programme changed, answers and codes that are no longer kept.
//!
//! Each change goes through the ledger as a command with an op key that follows from what it does, so that several nodes may
//! sweep at once and nothing is done twice. What is only forgotten needs no command: forgetting it twice is forgetting it once.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};

use crate::clock::{Clock, Timestamp};
use crate::db::batcher::Batcher;
use crate::db::{Channel, Db, DbError, Expired};
use crate::error::{Code, Problem};
use crate::ids::{Ids, OpId, OrgId};
use crate::ledger::{
    Body, Command, DocumentKey, EXPIRY_GRACE_MS, Erase, EraseCause, Expire, Fingerprint, OpHeader, OpKey, Principal, Touch,
};

/// Tokens or passes of one command: sales go first, so sweeps take small bites.
const PER_COMMAND: usize = 32;

/// Expired tokens that one run reads.
const TOKENS_PER_RUN: usize = 1_024;

/// Commands of stale passes in one run.
const TOUCHES_PER_RUN: usize = 64;

/// Answers that are dropped at once, and how often in one run.
const ANSWERS: (usize, usize) = (1_000, 10);

/// How long answers' bytes are kept.
const ANSWERS_KEPT_DAYS: i64 = 90;

/// Codes that are dropped at once, and how often in one run.
const CODES: (usize, usize) = (1_000, 10);

/// How long a live or typed code that nobody redeemed is remembered after it ran out. Until then a till hears `code_expired`, which tells staff
/// to ask for a new one; afterwards `invalid_code`. Beyond the gate's markers of such codes (minutes) and any till's queue (days).
const CODES_KEPT_DAYS: i64 = 30;

/// Callbacks that are dropped in one run, and how long their nonces are kept: a message itself is valid for days at most.
const CALLBACKS: usize = 1_000;
const CALLBACKS_KEPT_DAYS: i64 = 90;

/// Members that are erased in one run because they never proved their contact, and after how many days. Who earned anything is kept.
const STRANGERS: usize = 100;
const UNPROVEN_KEPT_DAYS: i64 = 30;

/// How far the outbox may lag before stale passes wait: a re-brand must not stand in the way of sales.
const OUTBOX_LAG_MS: i64 = 5_000;

/// Between runs.
const INTERVAL: Duration = Duration::from_secs(10);

/// An op key holds for so long; should a sweep have come to nothing, it is tried again afterwards.
const KEY_PERIOD_MS: i64 = 60 * 60 * 1_000;

/// A sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sweep {
    /// Tokens and vouchers that ran out.
    Expired,
    /// Passes that show an old programme document.
    Stale,
    /// Answers that are no longer kept.
    Answers,
    /// Live and typed codes that ran out long ago and were never redeemed.
    Codes,
    /// Google's callbacks whose repetition is not expected any more.
    Callbacks,
    /// Members who never proved their contact.
    NeverVerified,
}

impl Sweep {
    /// All sweeps.
    pub const ALL: [Self; 6] = [Self::Expired, Self::Stale, Self::Answers, Self::Codes, Self::Callbacks, Self::NeverVerified];

    /// The word for it in metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Stale => "stale",
            Self::Answers => "answers",
            Self::Codes => "codes",
            Self::Callbacks => "callbacks",
            Self::NeverVerified => "never_verified",
        }
    }
}

/// How a sweep went last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SweepStatus {
    /// Which.
    pub sweep: Sweep,
    /// When it ended last.
    pub ran_at: Option<Timestamp>,
    /// When it ended well last.
    pub succeeded_at: Option<Timestamp>,
    /// How much it changed then.
    pub changed: usize,
    /// Why it failed, if it failed last.
    pub error: Option<String>,
}

/// Why a sweep stopped.
#[derive(Debug, thiserror::Error)]
enum SweepError {
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Refused(#[from] Problem),
}

/// Sweeps.
pub struct Sweeper {
    db: Arc<dyn Db>,
    batcher: Batcher,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    status: Mutex<Vec<SweepStatus>>,
}

impl Sweeper {
    /// A sweeper that changes through a batcher.
    #[must_use]
    pub fn new(db: Arc<dyn Db>, batcher: Batcher, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Self {
        let never = |sweep| SweepStatus { sweep, ran_at: None, succeeded_at: None, changed: 0, error: None };
        Self { db, batcher, clock, ids, status: Mutex::new(Sweep::ALL.map(never).to_vec()) }
    }

    /// Sweeps every few seconds until `shutdown` is done.
    pub async fn run(&self, shutdown: impl Future<Output = ()>) {
        tokio::pin!(shutdown);
        loop {
            self.run_once().await;
            tokio::select! {
                () = &mut shutdown => return,
                () = tokio::time::sleep(INTERVAL) => {}
            }
        }
    }

    /// Every sweep once; how they went is in [`Sweeper::status`].
    pub async fn run_once(&self) {
        for sweep in Sweep::ALL {
            let result = match sweep {
                Sweep::Expired => self.expire().await,
                Sweep::Stale => self.touch().await,
                Sweep::Answers => self.forget_answers().await,
                Sweep::Codes => self.forget_codes().await,
                Sweep::Callbacks => self.forget_callbacks().await,
                Sweep::NeverVerified => self.erase_strangers().await,
            };
            self.note(sweep, result);
        }
    }

    /// How each sweep went last.
    #[must_use]
    pub fn status(&self) -> Vec<SweepStatus> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, sweep: Sweep, result: Result<usize, SweepError>) {
        let now = self.clock.now();
        let word = sweep.as_str();
        let mut all = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(status) = all.iter_mut().find(|status| status.sweep == sweep) else { return };
        status.ran_at = Some(now);
        match result {
            Ok(changed) => {
                (status.succeeded_at, status.changed, status.error) = (Some(now), changed, None);
                metrics::counter!("walaa_swept_total", "sweep" => word).increment(changed as u64);
            }
            Err(error) => {
                tracing::error!(sweep = word, %error, "a sweep failed");
                status.error = Some(error.to_string());
                metrics::counter!("walaa_sweeps_failed_total", "sweep" => word).increment(1);
            }
        }
    }

    async fn expire(&self) -> Result<usize, SweepError> {
        let mut over = self.db.expired_tokens(self.clock.now().plus_millis(-EXPIRY_GRACE_MS), TOKENS_PER_RUN).await?;
        over.sort_by_key(|expired| (expired.org, expired.token));
        let mut done = 0;
        let mut first_refusal = None;
        for same_org in over.chunk_by(|one, other| one.org == other.org) {
            for chunk in same_org.chunks(PER_COMMAND) {
                match self.expire_some(chunk).await {
                    Ok(()) => done += chunk.len(),
                    // One of them is refused: the others shall not wait for it.
                    Err(refusal) if chunk.len() > 1 && !matches!(refusal.code, Code::LedgerUnavailable | Code::Overloaded) => {
                        for one in chunk {
                            match self.expire_some(std::slice::from_ref(one)).await {
                                Ok(()) => done += 1,
                                Err(refusal) => first_refusal = first_refusal.or(Some(refusal)),
                            }
                        }
                    }
                    Err(refusal) => first_refusal = first_refusal.or(Some(refusal)),
                }
            }
        }
        first_refusal.map_or(Ok(done), |refusal| Err(refusal.into()))
    }

    async fn expire_some(&self, chunk: &[Expired]) -> Result<(), Problem> {
        let Some(first) = chunk.first() else { return Ok(()) };
        let tokens: Vec<_> = chunk.iter().map(|expired| (expired.token, expired.card, expired.voucher)).collect();
        let parts: Vec<&[u8]> = tokens.iter().map(|(token, _, _)| token.as_slice()).collect();
        let op = self.header(first.org, "expire", &parts);
        self.execute(Command { op, body: Body::Expire(Expire { tokens }) }).await
    }

    /// Whoever typed a contact, never proved it and never bought anything: the contact is given free again.
    async fn erase_strangers(&self) -> Result<usize, SweepError> {
        let before = self.clock.now().plus_seconds(-UNPROVEN_KEPT_DAYS * 86_400);
        let mut done = 0;
        for (org, member) in self.db.never_verified(before, STRANGERS).await? {
            let op = self.header(org, "never_verified", &[&member.0]);
            let erase = Erase { member, cause: EraseCause::NeverVerified };
            match self.execute(Command { op, body: Body::Erase(erase) }).await {
                Ok(()) => done += 1,
                // Proved it, bought something or left, just now.
                Err(refusal) if matches!(refusal.code, Code::VersionConflict | Code::MemberErased) => {}
                Err(refusal) => return Err(refusal.into()),
            }
        }
        Ok(done)
    }

    async fn touch(&self) -> Result<usize, SweepError> {
        let mut done = 0;
        for _ in 0..TOUCHES_PER_RUN {
            if self.outbox_lags().await? {
                break;
            }
            let Some(stale) = self.db.stale_passes(PER_COMMAND).await? else { break };
            let key = DocumentKey::programme(stale.org, stale.programme);
            let version = self.db.document(key).await?.map_or(0, |document| document.version).to_be_bytes();
            let mut parts: Vec<&[u8]> = vec![&version];
            parts.extend(stale.passes.iter().map(|pass| pass.0.as_slice()));
            let op = self.header(stale.org, "touch", &parts);
            let number = stale.passes.len();
            let touch = Touch { programme: stale.programme, passes: stale.passes };
            self.execute(Command { op, body: Body::Touch(touch) }).await?;
            done += number;
        }
        Ok(done)
    }

    /// Whether what is owed waits already.
    async fn outbox_lags(&self) -> Result<bool, DbError> {
        let now = self.clock.now();
        let next = self.db.next_due(Channel::Apple).await?;
        Ok(next.is_some_and(|due| now.since(due) > OUTBOX_LAG_MS))
    }

    async fn forget_answers(&self) -> Result<usize, SweepError> {
        let before = self.clock.now().plus_seconds(-ANSWERS_KEPT_DAYS * 24 * 60 * 60);
        let (at_once, rounds) = ANSWERS;
        let mut done = 0;
        for _ in 0..rounds {
            let forgotten = self.db.forget_answers(before, at_once).await?;
            done += forgotten;
            if forgotten < at_once {
                break;
            }
        }
        Ok(done)
    }

    async fn forget_codes(&self) -> Result<usize, SweepError> {
        let before = self.clock.now().plus_seconds(-CODES_KEPT_DAYS * 24 * 60 * 60);
        let (at_once, rounds) = CODES;
        let mut done = 0;
        for _ in 0..rounds {
            let forgotten = self.db.forget_codes(before, at_once).await?;
            done += forgotten;
            if forgotten < at_once {
                break;
            }
        }
        Ok(done)
    }

    async fn forget_callbacks(&self) -> Result<usize, SweepError> {
        let before = self.clock.now().plus_seconds(-CALLBACKS_KEPT_DAYS * 24 * 60 * 60);
        Ok(self.db.forget_google_events(before, CALLBACKS).await?)
    }

    async fn execute(&self, command: Command) -> Result<(), Problem> {
        self.batcher.execute(command).await?.result.map(|_| ())
    }

    /// An operation whose key follows from what it does: the same work within a period is done once, by whichever node.
    fn header(&self, org: OrgId, kind: &str, parts: &[&[u8]]) -> OpHeader {
        let now = self.clock.now();
        let mut context = Context::new(&SHA256);
        context.update(&(now.millis() / KEY_PERIOD_MS).to_be_bytes());
        parts.iter().for_each(|part| context.update(part));
        let hash = context.finish();
        let hex: String = hash.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        OpHeader {
            org,
            principal: Principal::System,
            key: OpKey::parse(&format!("{kind}-{hex}")).expect("a kind and 32 hexadecimal digits are a key"),
            fingerprint: Fingerprint::of(kind, &hex),
            id: OpId(self.ids.ordered(now)),
        }
    }
}
