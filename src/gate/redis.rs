//! The gate in Redis, shared by all nodes. Each part of a check is one single-key script or one GET; all go in one pipeline.
//!
//! Keys, after the prefix: `S:<org>:<token hash>` = the authenticated marker; `L:<org>:<scope>:<id>` = a limit; `M` = the ledger's mark; `P:<org>:<kind>:<card>:<terminal>:<day>` = the
//! operations of a pace rule. All expire. None has a hash tag: on a Cluster the keys of one organisation spread over all slots, and each
//! stands alone. Limits go by the server's clock, so that nodes agree. `docker/redis/users.acl` has a user who may run just what is used here.
//!
//! What Redis does not answer in time is asked of this node's own limits at half the rate, and the ledger decides alone; or the
//! operator chose to refuse. Nothing that Redis says is believed beyond a refusal: a marker counts only with our MAC.

mod access;
mod address;
mod cluster;
mod line;
mod link;
mod probe;
mod sentinels;
mod slots;
mod words;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ::redis::{Script, Value, cmd};
use async_trait::async_trait;

pub use self::address::RedisAddress;
use self::link::{Answer, Keyed, Link, Route, Scripts};
pub use self::probe::{RedisProbe, probe};
use super::limit::{Charge, Limit};
use super::memory::MemoryGate;
use super::pace::PaceRule;
use super::request::{Capture, GateRequest, marker_key};
use super::verdict::{GateError, GateHealth, GateVerdict, Part, Refusal, merge};
use super::{Gate, LedgerMark, MOST_REMEMBERED};
use crate::clock::Timestamp;
use crate::ids::{OrgId, RedemptionId};
use crate::tokens::{Keyring, TokenHash};

/// What the scripts answer for a pace rule that is full, and for an operation newly marked.
const PACE_FULL: i64 = 0;
const PACE_MARKED: i64 = 1;

/// Where the ledger's mark is kept, after the prefix.
const MARK_KEY: &str = "M";

/// How long a start and a command wait for Redis, to ask what it remembers of the ledger.
const MARK_PATIENCE: Duration = Duration::from_secs(1);

/// The longest a pace key is kept: a day of 25 hours, and clocks that differ.
const LONGEST_PACE_MS: i64 = 26 * 3_600_000;

/// What to do while Redis can't be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnDown {
    /// Go on: this node's own limits at half the rate, and the ledger decides.
    #[default]
    Degrade,
    /// Refuse with 503 `gate_unavailable`.
    Refuse,
}

/// Whose clock the limits go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GateTime {
    /// The Redis server's: all nodes agree.
    #[default]
    Server,
    /// The caller's `now`: for tests, which move the clock.
    Caller,
}

impl GateTime {
    /// Milliseconds that a limit's key is kept beyond its use: by the caller's clock, the server's says little of when that is.
    const fn slack_ms(self) -> i64 {
        match self {
            Self::Server => 1_000,
            Self::Caller => 3_600_000,
        }
    }
}

/// How to reach Redis and what to do when it can't be.
#[derive(Clone)]
pub struct RedisGateConfig {
    /// As [`RedisAddress`] reads it; may hold a password, and is never printed.
    pub url: String,
    /// Whom to trust for TLS (PEM), instead of the machine's own roots.
    pub ca_file: Option<PathBuf>,
    /// Who we are to the Sentinels, if they want to know.
    pub sentinel_user: Option<String>,
    /// Our password there; never printed.
    pub sentinel_password: Option<String>,
    /// What stands before every key, so that several gateways can share a server.
    pub prefix: String,
    /// How long a check may take.
    pub timeout: Duration,
    /// What to do while it can't be reached.
    pub on_down: OnDown,
    /// Whose clock the limits go by.
    pub time: GateTime,
}

impl RedisGateConfig {
    /// How long a check may take unless the operator says otherwise.
    pub const TIMEOUT: Duration = Duration::from_millis(20);

    /// The usual settings for an address.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            ca_file: None,
            sentinel_user: None,
            sentinel_password: None,
            prefix: "walaa:".to_owned(),
            timeout: Self::TIMEOUT,
            on_down: OnDown::default(),
            time: GateTime::default(),
        }
    }

    /// Reads address, roots and passwords.
    fn route(&self) -> Result<Route, GateError> {
        let sentinel = (self.sentinel_user.as_deref(), self.sentinel_password.as_deref());
        Route::of(&self.url, self.ca_file.as_ref(), sentinel)
    }
}

impl fmt::Debug for RedisGateConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisGateConfig")
            .field("prefix", &self.prefix)
            .field("timeout", &self.timeout)
            .field("on_down", &self.on_down)
            .field("time", &self.time)
            .finish_non_exhaustive()
    }
}

/// The gate in Redis.
pub struct RedisGate {
    config: RedisGateConfig,
    keyring: Arc<Keyring>,
    scripts: Arc<Scripts>,
    link: Link,
    beneath: MemoryGate,
}

impl RedisGate {
    /// Starts the gate; it connects in the background and may be used at once. Needs a Tokio runtime that outlives it.
    ///
    /// # Errors
    /// The address can't be used.
    pub fn start(config: RedisGateConfig, keyring: Arc<Keyring>) -> Result<Self, GateError> {
        let scripts = Arc::new(Scripts {
            limit: Script::new(include_str!("redis/limit.lua")),
            pace: Script::new(include_str!("redis/pace.lua")),
        });
        let link = Link::start(config.route()?, Arc::clone(&scripts), config.timeout)?;
        Ok(Self { config, scripts, link, beneath: MemoryGate::beneath(Arc::clone(&keyring)), keyring })
    }

    /// Waits until Redis answers.
    pub async fn wait_until_up(&self) {
        self.link.wait_until_up().await;
    }

    /// Asks Redis for each part. What it does not know is asked of this node, and only that.
    async fn ask(&self, request: &GateRequest, now: Timestamp) -> Result<GateVerdict, GateError> {
        let marker = request.marker();
        let get = marker.map(|(org, token)| self.command("GET", &marker_key(org, &token)));
        let limits = request.limits.iter().map(|limit| self.limit_command(request, limit, now));
        let paces = request.paces.iter().map(|rule| self.pace_command(request, rule, now));
        let commands: Vec<Keyed> = get.into_iter().chain(limits).chain(paces).collect();
        if commands.is_empty() {
            return Ok(GateVerdict::Go);
        }
        let mut answers = self.link.send(&commands).await.into_iter();
        let mut unknown = GateRequest { org: request.org, op: request.op, ..GateRequest::default() };
        let mut parts = Vec::with_capacity(commands.len());
        if let (Some((org, token)), Some(answer)) = (marker, marker.and_then(|_| answers.next())) {
            parts.push(match answer {
                Ok(Value::BulkString(stored)) => {
                    self.keyring.read_marker(org, &token, &stored).map_or(Part::Fine, Part::Captured)
                }
                Ok(_) => Part::Fine,
                Err(_) => Part::Unknown,
            });
            unknown.token = matches!(parts[..], [Part::Unknown]).then_some(token);
        }
        for (limit, answer) in request.limits.iter().zip(answers.by_ref()) {
            let part = limit_part(limit, &answer);
            parts.push(part);
            unknown.limits.extend((part == Part::Unknown).then(|| limit.clone()));
        }
        let mut marked = Vec::new();
        for (rule, answer) in request.paces.iter().zip(answers) {
            let part = pace_part(rule, &answer, now);
            parts.push(part);
            unknown.paces.extend((part == Part::Unknown).then(|| rule.clone()));
            marked.extend(matches!(answer, Ok(Value::Int(PACE_MARKED))).then_some(rule));
        }
        let verdict = match merge(parts) {
            GateVerdict::Unknown => self.without_redis(&unknown, now),
            verdict => Ok(verdict),
        };
        if !matches!(verdict, Ok(GateVerdict::Go | GateVerdict::Unknown)) {
            self.forget(request, marked).await;
        }
        verdict
    }

    /// What is answered without Redis.
    fn without_redis(&self, unknown: &GateRequest, now: Timestamp) -> Result<GateVerdict, GateError> {
        metrics::counter!("walaa_gate_unknown_total").increment(1);
        match (self.config.on_down, self.beneath.decide(unknown, now)) {
            (OnDown::Refuse, _) => Err(GateError::Down),
            (OnDown::Degrade, GateVerdict::Go) => Ok(GateVerdict::Unknown),
            (OnDown::Degrade, verdict) => Ok(verdict),
        }
    }

    async fn forget(&self, request: &GateRequest, rules: Vec<&PaceRule>) {
        let Some(op) = request.op else { return };
        let srem = |rule| {
            let mut command = self.command("SREM", &request.pace_key(rule));
            command.command.arg(&op.0);
            command
        };
        let commands: Vec<Keyed> = rules.into_iter().map(srem).collect();
        if !commands.is_empty() && self.link.send(&commands).await.iter().any(Result::is_err) {
            metrics::counter!("walaa_gate_writes_lost_total").increment(1);
        }
    }

    fn limit_command(&self, request: &GateRequest, limit: &Limit, now: Timestamp) -> Keyed {
        let Keyed { key, mut command } = self.script_command(&self.scripts.limit, &request.limit_key(limit));
        match self.config.time {
            GateTime::Server => command.arg(""),
            GateTime::Caller => command.arg(now.millis().saturating_mul(1000)),
        };
        command.arg(self.config.time.slack_ms()).arg(match limit.charge {
            Charge::Take => "take",
            Charge::Look => "look",
        });
        command.arg(limit.count);
        for rule in &limit.rules {
            command.arg(rule.interval_us()).arg(rule.burst_size());
        }
        Keyed { key, command }
    }

    fn pace_command(&self, request: &GateRequest, rule: &PaceRule, now: Timestamp) -> Keyed {
        let Keyed { key, mut command } = self.script_command(&self.scripts.pace, &request.pace_key(rule));
        match &request.op {
            Some(op) => command.arg(&op.0),
            None => command.arg(""),
        };
        let keep_ms = rule.until.since(now).clamp(1, LONGEST_PACE_MS) + self.config.time.slack_ms();
        command.arg(rule.most).arg(keep_ms);
        Keyed { key, command }
    }

    fn script_command(&self, script: &Script, key: &str) -> Keyed {
        let key = format!("{}{key}", self.config.prefix);
        let mut command = cmd("EVALSHA");
        command.arg(script.get_hash()).arg(1).arg(&key);
        Keyed { key, command }
    }

    fn command(&self, name: &str, key: &str) -> Keyed {
        let key = format!("{}{key}", self.config.prefix);
        let mut command = cmd(name);
        command.arg(&key);
        Keyed { key, command }
    }
}

#[async_trait]
impl Gate for RedisGate {
    async fn check(&self, request: &GateRequest, now: Timestamp) -> Result<GateVerdict, GateError> {
        request.bounded()?;
        self.ask(request, now).await
    }

    async fn mark_captured(&self, capture: &Capture, now: Timestamp) {
        let scope = self.keyring.scope(capture.org);
        let Ok(marker) = self.keyring.marker(scope, &capture.token, capture.redemption) else { return };
        let mut set = self.command("SET", &marker_key(capture.org, &capture.token));
        set.command.arg(marker.as_bytes()).arg("PX").arg(capture.keep_ms(now));
        if !matches!(self.link.send(&[set]).await[..], [Ok(_)]) {
            metrics::counter!("walaa_gate_writes_lost_total").increment(1);
            self.beneath.remember(capture, now);
        }
    }

    async fn take_back(&self, request: &GateRequest) {
        self.beneath.forget(request);
        self.forget(request, request.paces.iter().collect()).await;
    }

    async fn remembered(&self, org: OrgId, tokens: &[TokenHash], _: Timestamp) -> Option<Vec<Option<RedemptionId>>> {
        if tokens.len() > MOST_REMEMBERED || tokio::time::timeout(MARK_PATIENCE, self.wait_until_up()).await.is_err() {
            return None;
        }
        if tokens.is_empty() {
            return Some(Vec::new());
        }
        let gets: Vec<Keyed> = tokens.iter().map(|token| self.command("GET", &marker_key(org, token))).collect();
        let answers = self.link.send(&gets).await.into_iter().zip(tokens);
        let read = answers.map(|(answer, token)| match answer {
            Ok(Value::BulkString(stored)) => Some(self.keyring.read_marker(org, token, &stored)),
            Ok(_) => Some(None),
            Err(_) => None,
        });
        read.collect()
    }

    async fn ledger_mark(&self) -> Option<LedgerMark> {
        let up = tokio::time::timeout(MARK_PATIENCE, self.wait_until_up()).await;
        up.ok()?;
        match self.link.send(&[self.command("GET", MARK_KEY)]).await.pop() {
            Some(Ok(Value::BulkString(stored))) => {
                let (epoch, last_op) = self.keyring.read_ledger_mark(&stored)?;
                Some(LedgerMark { epoch, last_op: Timestamp::from_millis(last_op) })
            }
            _ => None,
        }
    }

    async fn note_ledger_mark(&self, mark: LedgerMark) {
        let Some(text) = self.keyring.ledger_mark(mark.epoch, mark.last_op.millis()) else { return };
        let mut set = self.command("SET", MARK_KEY);
        set.command.arg(&text);
        if !matches!(self.link.send(&[set]).await.pop(), Some(Ok(_))) {
            metrics::counter!("walaa_gate_writes_lost_total").increment(1);
        }
    }

    async fn health(&self) -> GateHealth {
        let detail = self.link.health().await;
        GateHealth { backend: "redis", up: detail.is_none(), detail }
    }
}

impl fmt::Debug for RedisGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisGate").field("config", &self.config).field("up", &self.link.is_up()).finish_non_exhaustive()
    }
}

fn limit_part(limit: &Limit, answer: &Answer) -> Part {
    match answer {
        Ok(Value::Int(0)) => Part::Fine,
        Ok(Value::Int(wait_us)) if *wait_us > 0 => Part::Refused(Refusal::rate(limit.scope, *wait_us)),
        _ => Part::Unknown,
    }
}

fn pace_part(rule: &PaceRule, answer: &Answer, now: Timestamp) -> Part {
    match answer {
        Ok(Value::Int(PACE_FULL)) => Part::Refused(Refusal::pace(rule.until.since(now))),
        Ok(Value::Int(_)) => Part::Fine,
        _ => Part::Unknown,
    }
}
