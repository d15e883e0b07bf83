//! The gate in Redis, shared by all nodes. Each part of a check is one single-key script or one GET; all go in one pipeline.
//!
//! Keys, after the prefix: `S:<org>:<token hash>` = the authenticated marker; `L:<org>:<scope>:<id>` = a limit; `P:<org>:<kind>:<card>:<terminal>:<day>` = the
//! operations of a pace rule. All expire. Commands used, for an ACL: EVALSHA, SCRIPT LOAD, TIME, GET, SET, SISMEMBER, SCARD, SADD,
//! SREM, PEXPIRE, PING. Limits go by the server's clock, so that nodes agree.
//!
//! When Redis does not answer in time, this node's own limits at half the rate stand in, and the ledger decides alone; or the
//! operator chose to refuse. Nothing that Redis says is believed beyond a refusal: a marker counts only with our MAC.

mod link;
mod probe;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ::redis::{Client, Cmd, RedisResult, Script, Value, cmd};
use async_trait::async_trait;

use self::link::{Link, LinkError, Scripts};
pub use self::probe::{RedisProbe, probe};
use super::Gate;
use super::limit::{Charge, Limit};
use super::memory::MemoryGate;
use super::pace::PaceRule;
use super::request::{Capture, GateRequest, marker_key};
use super::verdict::{GateError, GateHealth, GateVerdict, Part, Refusal, merge};
use crate::clock::Timestamp;
use crate::tokens::Keyring;

/// What the scripts answer for a pace rule that is full, and for an operation newly marked.
const PACE_FULL: i64 = 0;
const PACE_MARKED: i64 = 1;

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
    /// `redis://`, `rediss://` or `unix://`; may hold a password, and is never printed.
    pub url: String,
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
            prefix: "walaa:".to_owned(),
            timeout: Self::TIMEOUT,
            on_down: OnDown::default(),
            time: GateTime::default(),
        }
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
        let client = Client::open(config.url.as_str()).map_err(|error| GateError::Url(error.category().to_owned()))?;
        let scripts = Arc::new(Scripts {
            limit: Script::new(include_str!("redis/limit.lua")),
            pace: Script::new(include_str!("redis/pace.lua")),
        });
        let link = Link::start(client, Arc::clone(&scripts), config.timeout);
        Ok(Self { config, scripts, link, beneath: MemoryGate::beneath(Arc::clone(&keyring)), keyring })
    }

    /// Waits until Redis answers.
    pub async fn wait_until_up(&self) {
        self.link.wait_until_up().await;
    }

    async fn ask(&self, request: &GateRequest, now: Timestamp) -> Result<GateVerdict, LinkError> {
        let marker = request.marker();
        let get = marker.map(|(org, token)| self.command("GET", &marker_key(org, &token)));
        let limits = request.limits.iter().map(|limit| self.limit_command(request, limit, now));
        let paces = request.paces.iter().map(|rule| self.pace_command(request, rule, now));
        let commands: Vec<Cmd> = get.into_iter().chain(limits).chain(paces).collect();
        if commands.is_empty() {
            return Ok(GateVerdict::Go);
        }
        let mut answers = self.link.send(&commands).await?.into_iter();
        let mut parts = Vec::with_capacity(commands.len());
        if let Some((org, token)) = marker {
            parts.push(match answers.next() {
                Some(Ok(Value::BulkString(stored))) => {
                    self.keyring.read_marker(org, &token, &stored).map_or(Part::Fine, Part::Captured)
                }
                Some(Ok(_)) => Part::Fine,
                Some(Err(_)) | None => Part::Unknown,
            });
        }
        parts.extend(request.limits.iter().zip(answers.by_ref()).map(|(limit, answer)| limit_part(limit, &answer)));
        let mut marked = Vec::new();
        for (rule, answer) in request.paces.iter().zip(answers) {
            if matches!(answer, Ok(Value::Int(PACE_MARKED))) {
                marked.push(rule);
            }
            parts.push(pace_part(rule, &answer, now));
        }
        let verdict = merge(parts);
        if !matches!(verdict, GateVerdict::Go | GateVerdict::Unknown) {
            self.forget(request, marked).await;
        }
        Ok(verdict)
    }

    /// What is answered without Redis.
    fn without_redis(&self, request: &GateRequest, now: Timestamp) -> Result<GateVerdict, GateError> {
        metrics::counter!("walaa_gate_unknown_total").increment(1);
        match (self.config.on_down, self.beneath.decide(request, now)) {
            (OnDown::Refuse, _) => Err(GateError::Down),
            (OnDown::Degrade, GateVerdict::Go) => Ok(GateVerdict::Unknown),
            (OnDown::Degrade, verdict) => Ok(verdict),
        }
    }

    async fn forget(&self, request: &GateRequest, rules: Vec<&PaceRule>) {
        let Some(op) = request.op else { return };
        let srem = |rule| {
            let mut command = self.command("SREM", &request.pace_key(rule));
            command.arg(&op.0);
            command
        };
        let commands: Vec<Cmd> = rules.into_iter().map(srem).collect();
        if !commands.is_empty() && self.link.send(&commands).await.is_err() {
            metrics::counter!("walaa_gate_writes_lost_total").increment(1);
        }
    }

    fn limit_command(&self, request: &GateRequest, limit: &Limit, now: Timestamp) -> Cmd {
        let mut command = self.script_command(&self.scripts.limit, &request.limit_key(limit));
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
        command
    }

    fn pace_command(&self, request: &GateRequest, rule: &PaceRule, now: Timestamp) -> Cmd {
        let mut command = self.script_command(&self.scripts.pace, &request.pace_key(rule));
        match &request.op {
            Some(op) => command.arg(&op.0),
            None => command.arg(""),
        };
        let keep_ms = rule.until.since(now).clamp(1, LONGEST_PACE_MS) + self.config.time.slack_ms();
        command.arg(rule.most).arg(keep_ms);
        command
    }

    fn script_command(&self, script: &Script, key: &str) -> Cmd {
        let mut command = cmd("EVALSHA");
        command.arg(script.get_hash()).arg(1).arg(format!("{}{key}", self.config.prefix));
        command
    }

    fn command(&self, name: &str, key: &str) -> Cmd {
        let mut command = cmd(name);
        command.arg(format!("{}{key}", self.config.prefix));
        command
    }
}

#[async_trait]
impl Gate for RedisGate {
    async fn check(&self, request: &GateRequest, now: Timestamp) -> Result<GateVerdict, GateError> {
        request.bounded()?;
        match self.ask(request, now).await {
            Ok(GateVerdict::Unknown) | Err(_) => self.without_redis(request, now),
            Ok(verdict) => Ok(verdict),
        }
    }

    async fn mark_captured(&self, capture: &Capture, now: Timestamp) {
        let scope = self.keyring.scope(capture.org);
        let Ok(marker) = self.keyring.marker(scope, &capture.token, capture.redemption) else { return };
        let mut command = self.command("SET", &marker_key(capture.org, &capture.token));
        command.arg(marker.as_bytes()).arg("PX").arg(capture.keep_ms(now));
        let written = self.link.send(&[command]).await;
        if !matches!(written.as_deref(), Ok([Ok(_)])) {
            metrics::counter!("walaa_gate_writes_lost_total").increment(1);
            self.beneath.remember(capture, now);
        }
    }

    async fn take_back(&self, request: &GateRequest) {
        self.beneath.forget(request);
        self.forget(request, request.paces.iter().collect()).await;
    }

    async fn health(&self) -> GateHealth {
        let answered = self.link.send(&[cmd("PING")]).await;
        let detail = match answered.as_deref() {
            Ok([Ok(_)]) => None,
            Ok(_) => Some("Redis answers with an error".to_owned()),
            Err(LinkError::Timeout) => Some("Redis does not answer in time".to_owned()),
            Err(LinkError::Down | LinkError::Broken) => Some("Redis can't be reached; connecting again".to_owned()),
        };
        GateHealth { backend: "redis", up: detail.is_none(), detail }
    }
}

impl fmt::Debug for RedisGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisGate").field("config", &self.config).field("up", &self.link.is_up()).finish_non_exhaustive()
    }
}

fn limit_part(limit: &Limit, answer: &RedisResult<Value>) -> Part {
    match answer {
        Ok(Value::Int(0)) => Part::Fine,
        Ok(Value::Int(wait_us)) if *wait_us > 0 => Part::Refused(Refusal::rate(limit.scope, *wait_us)),
        _ => Part::Unknown,
    }
}

fn pace_part(rule: &PaceRule, answer: &RedisResult<Value>, now: Timestamp) -> Part {
    match answer {
        Ok(Value::Int(PACE_FULL)) => Part::Refused(Refusal::pace(rule.until.since(now))),
        Ok(Value::Int(_)) => Part::Fine,
        _ => Part::Unknown,
    }
}
