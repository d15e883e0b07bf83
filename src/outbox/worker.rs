//! The worker loop of one channel: claims what is due, sorts it into lanes, has it delivered, and settles each claim.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::future::Future;
use std::ops::AddAssign;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::Notify;
use tokio::task::{JoinError, JoinSet};

use super::lanes::{Admission, Attempt, Change, Lanes};
use super::retry::{LONGEST_OWED_MS, MOST_TRIES, fetch_wait_ms, is_pushed_out, retry_ms};
use super::{ChannelSender, Failure, Fault, Lane, Verdict};
use crate::clock::{Clock, Timestamp};
use crate::db::{Db, DbError, OutboxItem, OutboxResult};
use crate::ids::{DeadLetterId, Ids};

/// Rows of one claim.
const CLAIM: usize = 256;

/// How long a claim is ours: more than twice a push's time-out of 10 seconds, so that no other worker sends the same at once.
const LEASE_MS: i64 = 60_000;

/// How much of a lease may pass before what was not begun is given back.
const USABLE_LEASE_MS: i64 = 25_000;

/// Deliveries of a lane that are under way at once.
const AT_ONCE: usize = 32;

/// How long an item waits whose lane is at work already, with others next in line.
const LANE_BUSY_MS: i64 = 1_000;

/// How much the items of a stopped lane are spread when it may be probed, so that they don't all come due at once.
const SPREAD_MS: u64 = 5_000;

/// The shortest and longest wait between claims.
const WAIT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(30));

/// The wait after the database failed.
const AFTER_FAILURE: Duration = Duration::from_secs(2);

/// What a round did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Rows that were claimed.
    pub claimed: usize,
    /// Sent, to be looked at again.
    pub sent: usize,
    /// Found delivered.
    pub current: usize,
    /// Too soon for their phones.
    pub waiting: usize,
    /// Failed, to be tried again.
    pub failed: usize,
    /// Not tried, since their lane is stopped or busy.
    pub held: usize,
    /// Pushed as often as they ever will be, and not fetched.
    pub given_up: usize,
    /// Dead letters.
    pub dead: usize,
}

impl AddAssign for Stats {
    fn add_assign(&mut self, more: Self) {
        self.claimed += more.claimed;
        self.sent += more.sent;
        self.current += more.current;
        self.waiting += more.waiting;
        self.failed += more.failed;
        self.held += more.held;
        self.given_up += more.given_up;
        self.dead += more.dead;
    }
}

/// Items of one lane that are ours for as long as the lease lasts.
struct Claim {
    at: Timestamp,
    items: Vec<OutboxItem>,
}

/// Lanes at work, each with what is next in its line.
type Busy = HashMap<Lane, Option<Claim>>;

/// Delivers what is owed to one wallet.
pub struct OutboxWorker {
    db: Arc<dyn Db>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    sender: Arc<dyn ChannelSender>,
    owed: Arc<Notify>,
    lanes: Mutex<Lanes>,
}

impl OutboxWorker {
    /// A worker for a sender's channel. Chance for jitter and ids of dead letters come from `ids`.
    #[must_use]
    pub fn new(db: Arc<dyn Db>, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>, sender: Arc<dyn ChannelSender>) -> Self {
        Self { db, clock, ids, sender, owed: Arc::new(Notify::new()), lanes: Mutex::default() }
    }

    /// Wakes the worker: something is owed.
    #[must_use]
    pub fn owed(&self) -> Arc<Notify> {
        Arc::clone(&self.owed)
    }

    /// Lanes that are stopped, for `/readyz`.
    #[must_use]
    pub fn stopped_lanes(&self) -> usize {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner).stopped()
    }

    /// Rows of one claim: what is sent in one request, where several go together; what waits for its turn is better left unclaimed.
    fn claim_size(&self) -> usize {
        match self.sender.together() {
            0 | 1 => CLAIM,
            together => together.min(CLAIM),
        }
    }

    /// Items that are under way at once.
    fn at_once(&self) -> usize {
        match self.sender.together() {
            0 | 1 => AT_ONCE,
            together => together,
        }
    }

    /// Claims once and waits until everything claimed is settled.
    ///
    /// # Errors
    /// The claim failed. What fails later comes back when its lease is over.
    pub async fn run_once(&self) -> Result<Stats, DbError> {
        let (groups, claimed) = self.claim().await?;
        let mut stats = Stats { claimed, ..Stats::default() };
        let at = self.clock.now();
        for more in join_all(groups.into_iter().map(|(lane, items)| self.work(lane, Claim { at, items }))).await {
            stats += more;
        }
        Ok(stats)
    }

    /// Works until `shutdown` is done, then finishes what is under way.
    pub async fn run(self: Arc<Self>, shutdown: impl Future<Output = ()>) {
        tokio::pin!(shutdown);
        let (mut at_work, mut busy) = (JoinSet::new(), Busy::new());
        loop {
            let (wait, failed) = match self.start(&mut at_work, &mut busy).await {
                Ok(wait) => (wait, false),
                Err(error) => {
                    tracing::error!(%error, "the outbox could not be read; trying again");
                    (AFTER_FAILURE, true)
                }
            };
            tokio::select! {
                () = &mut shutdown => break,
                () = self.owed.notified(), if !failed => {}
                Some(done) = at_work.join_next(), if !at_work.is_empty() => self.go_on(done, &mut at_work, &mut busy),
                () = tokio::time::sleep(wait) => {}
            }
        }
        let now = self.clock.now();
        let in_line: Vec<_> = busy.into_values().flatten().flat_map(|claim| claim.items).collect();
        self.hold(in_line, now, None).await;
        while at_work.join_next().await.is_some() {}
    }

    /// A lane is done: who is next in its line goes on at once.
    fn go_on(self: &Arc<Self>, done: Result<Lane, JoinError>, at_work: &mut JoinSet<Lane>, busy: &mut Busy) {
        match done {
            Ok(lane) => {
                if let Some(claim) = busy.remove(&lane).flatten() {
                    busy.insert(lane.clone(), None);
                    self.set_to_work(lane, claim, at_work);
                }
            }
            // A panic took its lane's name along: let all of them in again. Who was in line comes back when the lease is over.
            Err(error) => {
                tracing::error!(%error, "a delivery broke off");
                busy.clear();
            }
        }
    }

    fn set_to_work(self: &Arc<Self>, lane: Lane, claim: Claim, at_work: &mut JoinSet<Lane>) {
        let worker = Arc::clone(self);
        at_work.spawn(async move {
            worker.work(lane.clone(), claim).await;
            lane
        });
    }

    /// Claims, and sets those lanes to work that are free; says how long to wait then.
    async fn start(self: &Arc<Self>, at_work: &mut JoinSet<Lane>, busy: &mut Busy) -> Result<Duration, DbError> {
        let (groups, claimed) = self.claim().await?;
        let at = self.clock.now();
        let mut started = false;
        for (lane, items) in groups {
            let claim = Claim { at, items };
            match busy.get_mut(&lane) {
                None => {
                    started = true;
                    busy.insert(lane.clone(), None);
                    self.set_to_work(lane, claim, at_work);
                }
                Some(line @ None) => *line = Some(claim),
                Some(Some(_)) => self.hold(claim.items, at.plus_millis(LANE_BUSY_MS), None).await,
            }
        }
        if claimed == self.claim_size() && started && self.sender.together() == 1 {
            return Ok(Duration::ZERO);
        }
        let next = self.db.next_due(self.sender.channel()).await?;
        let until_next =
            next.map_or(WAIT.1, |next| Duration::from_millis(u64::try_from(next.since(self.clock.now())).unwrap_or(0)));
        Ok(until_next.clamp(WAIT.0, WAIT.1))
    }

    async fn claim(&self) -> Result<(BTreeMap<Lane, Vec<OutboxItem>>, usize), DbError> {
        let claimed = self.db.claim_outbox(self.sender.channel(), self.claim_size(), LEASE_MS, self.clock.now()).await?;
        let number = claimed.len();
        let mut groups: BTreeMap<Lane, Vec<OutboxItem>> = BTreeMap::new();
        for item in claimed {
            groups.entry(self.sender.lane(&item)).or_default().push(item);
        }
        Ok((groups, number))
    }

    /// Delivers a lane's items, as many at once as the lane lets through.
    async fn work(&self, lane: Lane, claim: Claim) -> Stats {
        let mut stats = Stats::default();
        let mut waiting = VecDeque::from(claim.items);
        while !waiting.is_empty() {
            let now = self.clock.now();
            let admission = self.lanes.lock().unwrap_or_else(PoisonError::into_inner).admit(&lane, now);
            let number = match admission {
                Admission::Open if now.since(claim.at) < USABLE_LEASE_MS => self.at_once(),
                Admission::Probe => 1,
                Admission::Open => {
                    stats.held += waiting.len();
                    self.hold(waiting.into(), now, None).await;
                    break;
                }
                Admission::Closed { until } => {
                    stats.held += waiting.len();
                    self.hold(waiting.into(), until, Some("waits until its wallet account works again")).await;
                    break;
                }
            };
            let chunk: Vec<_> = waiting.drain(..number.min(waiting.len())).collect();
            if self.sender.together() > 1 {
                stats += self.deliver_together(&lane, &chunk).await;
                continue;
            }
            for more in join_all(chunk.iter().map(|item| self.deliver(&lane, item))).await {
                stats += more;
            }
        }
        stats
    }

    /// One request for many. Its lane learns once: with a single part that got through, the line works.
    async fn deliver_together(&self, lane: &Lane, items: &[OutboxItem]) -> Stats {
        let verdicts = self.sender.deliver_together(items, self.clock.now()).await;
        let through = |verdict: &&Verdict| matches!(verdict, Verdict::Delivered { .. } | Verdict::Sent);
        let failed = |verdict: &&Verdict| matches!(verdict, Verdict::Failed(_));
        if let Some(verdict) = verdicts.iter().flatten().find(through).or_else(|| verdicts.iter().flatten().find(failed)) {
            self.learn(lane, verdict);
        }
        let now = self.clock.now();
        let (mut stats, mut settled) = (Stats::default(), Vec::with_capacity(items.len()));
        for (item, verdict) in items.iter().zip(verdicts) {
            match verdict {
                Ok(verdict) => {
                    let (counted, result) = self.result(item, verdict, now);
                    stats += counted;
                    settled.push((item.clone(), result));
                }
                Err(error) => {
                    tracing::error!(%error, pass.id = %item.pass, "a delivery could not be made; it comes back when its lease is over");
                    stats.failed += 1;
                }
            }
        }
        if let Err(error) = self.db.settle_outbox_all(settled).await {
            tracing::error!(%error, "deliveries could not be noted; they come back when their lease is over");
        }
        self.count(stats);
        stats
    }

    async fn deliver(&self, lane: &Lane, item: &OutboxItem) -> Stats {
        let delivered = match is_pushed_out(item.stage) {
            true => Ok(None),
            false => self.sender.deliver(item, self.clock.now()).await.map(Some),
        };
        let settled = match delivered {
            Ok(None) => self.give_up(item).await,
            Ok(Some(verdict)) => {
                self.learn(lane, &verdict);
                self.settle(item, verdict).await
            }
            Err(error) => Err(error),
        };
        settled.unwrap_or_else(|error| {
            tracing::error!(%error, pass.id = %item.pass, "a delivery could not be noted; it comes back when its lease is over");
            Stats { failed: 1, ..Stats::default() }
        })
    }

    fn learn(&self, lane: &Lane, verdict: &Verdict) {
        let attempt = match verdict {
            Verdict::Sent | Verdict::Delivered { .. } => Attempt::Works,
            Verdict::Failed(failure) => Attempt::Fails(failure.fault),
            Verdict::Current | Verdict::Wait { .. } | Verdict::Refused { .. } => return,
        };
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let change = lanes.record(lane, attempt, self.clock.now());
        let channel = self.sender.channel().as_str();
        metrics::gauge!("walaa_outbox_lanes_stopped", "channel" => channel).set(lanes.stopped() as f64);
        match (change, verdict) {
            (Some(Change::Stopped { until }), Verdict::Failed(Failure { fault: Fault::Credential, error, .. })) => {
                tracing::error!(channel, lane = lane.0, %until, error, "the wallet refuses our credential: nothing is sent until it is mended");
            }
            (Some(Change::Stopped { until }), _) => {
                tracing::warn!(channel, lane = lane.0, %until, "the wallet can't be reached; resting");
            }
            (Some(Change::Resumed), _) => tracing::info!(channel, lane = lane.0, "the wallet takes deliveries again"),
            (None, _) => {}
        }
    }

    async fn settle(&self, item: &OutboxItem, verdict: Verdict) -> Result<Stats, DbError> {
        let (stats, result) = self.result(item, verdict, self.clock.now());
        match result {
            OutboxResult::Later { .. } => self.db.settle_outbox(item, result).await?,
            OutboxResult::Done { .. } | OutboxResult::Dead { .. } => self.finish(item, result).await?,
        }
        self.count(stats);
        Ok(stats)
    }

    /// How a claim ends after a verdict.
    fn result(&self, item: &OutboxItem, verdict: Verdict, now: Timestamp) -> (Stats, OutboxResult) {
        let mut stats = Stats::default();
        let result = match verdict {
            Verdict::Current => {
                stats.current = 1;
                OutboxResult::Done { version: item.version }
            }
            Verdict::Delivered { version } => {
                stats.sent = 1;
                OutboxResult::Done { version }
            }
            Verdict::Sent => {
                stats.sent = 1;
                let pushes = item.stage + 1;
                let due_at = now.plus_millis(fetch_wait_ms(pushes).unwrap_or_default());
                OutboxResult::Later { due_at, tries: 0, stage: pushes, error: None }
            }
            Verdict::Wait { until } => {
                stats.waiting = 1;
                put_off(item, until, None)
            }
            Verdict::Failed(failure) => return self.failed(item, failure, now),
            Verdict::Refused { error } => {
                stats.dead = 1;
                self.dead(item, error, now)
            }
        };
        (stats, result)
    }

    fn failed(&self, item: &OutboxItem, failure: Failure, now: Timestamp) -> (Stats, OutboxResult) {
        let tries = item.tries + 1;
        let poisoned = match failure.fault {
            Fault::Item => tries >= MOST_TRIES,
            Fault::Lane => tries >= MOST_TRIES && now.since(item.since) >= LONGEST_OWED_MS,
            Fault::Credential => false,
        };
        if poisoned {
            return (Stats { dead: 1, ..Stats::default() }, self.dead(item, failure.error, now));
        }
        let due_at = now.plus_millis(retry_ms(tries, failure.after, self.chance()));
        let result = OutboxResult::Later { due_at, tries, stage: item.stage, error: Some(failure.error) };
        (Stats { failed: 1, ..Stats::default() }, result)
    }

    fn dead(&self, item: &OutboxItem, error: String, at: Timestamp) -> OutboxResult {
        let id = DeadLetterId(self.ids.ordered(at));
        tracing::error!(pass.id = %item.pass, org.id = %item.org, dead_letter.id = %id, error, "gave a delivery up");
        OutboxResult::Dead { id, at, error }
    }

    /// Pushed again and again and never fetched: the phone is off for good or has updates switched off.
    async fn give_up(&self, item: &OutboxItem) -> Result<Stats, DbError> {
        self.finish(item, OutboxResult::Done { version: item.version }).await?;
        let stats = Stats { given_up: 1, ..Stats::default() };
        self.count(stats);
        Ok(stats)
    }

    async fn finish(&self, item: &OutboxItem, result: OutboxResult) -> Result<(), DbError> {
        self.db.settle_outbox(item, result).await?;
        self.sender.finished(item).await
    }

    /// Puts items off without counting a try.
    async fn hold(&self, items: Vec<OutboxItem>, until: Timestamp, error: Option<&str>) {
        let spread = |_: &OutboxItem| if error.is_some() { i64::try_from(self.chance() % SPREAD_MS).unwrap_or(0) } else { 0 };
        let held = items.into_iter().map(|item| {
            let result = put_off(&item, until.plus_millis(spread(&item)), error);
            (item, result)
        });
        if let Err(error) = self.db.settle_outbox_all(held.collect()).await {
            tracing::error!(%error, "deliveries could not be put off; they come back when their lease is over");
        }
    }

    fn count(&self, stats: Stats) {
        let channel = self.sender.channel().as_str();
        let outcomes = [
            ("sent", stats.sent),
            ("current", stats.current),
            ("waiting", stats.waiting),
            ("failed", stats.failed),
            ("given_up", stats.given_up),
            ("dead", stats.dead),
        ];
        for (outcome, number) in outcomes.into_iter().filter(|(_, number)| *number > 0) {
            metrics::counter!("walaa_outbox_deliveries_total", "channel" => channel, "outcome" => outcome)
                .increment(number as u64);
        }
    }

    fn chance(&self) -> u64 {
        let random = self.ids.random();
        u64::from_be_bytes(std::array::from_fn(|place| random[place]))
    }
}

/// Later, without a try counted.
fn put_off(item: &OutboxItem, due_at: Timestamp, error: Option<&str>) -> OutboxResult {
    let error = item.last_error.clone().or_else(|| error.map(str::to_owned));
    OutboxResult::Later { due_at, tries: item.tries, stage: item.stage, error }
}
