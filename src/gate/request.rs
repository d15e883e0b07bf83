//! What is asked of the gate: limits, pace rules, markers. Plain data, bounded.

use std::fmt;
use std::net::IpAddr;

use aws_lc_rs::digest::{Context, SHA256};
use chrono::{Days, NaiveDate, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Tz;

use super::verdict::GateError;
use crate::clock::Timestamp;
use crate::ids::{CardId, OrgId, RedemptionId, TerminalId};
use crate::tokens::TokenHash;

/// Parts of one check; a request has a handful of limits, and each is a script.
const MOST_PARTS: usize = 8;

/// Rules of one limit.
pub(super) const MOST_RULES: usize = 3;

/// Bytes of a limit's id; ids and addresses are shorter.
const MOST_ID_BYTES: usize = 96;

/// Operations that a pace rule remembers.
const MOST_PACE: u32 = 64;

/// The largest burst: with the longest period it stays within the integers that a script counts exactly.
const MOST_BURST: u32 = 10_000;

/// Milliseconds of the longest period of a rate: a day.
const LONGEST_PERIOD_MS: u32 = 86_400_000;

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Requests from a network address.
    Address,
    /// Requests with an API key.
    Key,
    /// Requests of a terminal.
    Terminal,
    /// Redemptions from a card.
    Card,
    /// Uses of one token.
    Token,
    /// Requests for a programme.
    Programme,
    /// Requests of an organisation.
    Organisation,
    /// Typed codes tried at a terminal.
    TypedCodes,
    /// Codes that were not ours, at a terminal or from an address.
    FailedCodes,
    /// Attempts to sign in.
    SignIn,
    /// What phones ask about one pass.
    Pass,
    /// What one phone asks of all its passes.
    Device,
}

impl Scope {
    /// The word in the gate's keys.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Key => "key",
            Self::Terminal => "terminal",
            Self::Card => "card",
            Self::Token => "token",
            Self::Programme => "programme",
            Self::Organisation => "organisation",
            Self::TypedCodes => "typed_codes",
            Self::FailedCodes => "failed_codes",
            Self::SignIn => "sign_in",
            Self::Pass => "pass",
            Self::Device => "device",
        }
    }

    /// The reason that a refused client hears.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Address => "address_rate",
            Self::Key => "key_rate",
            Self::Terminal => "terminal_rate",
            Self::Card => "card_rate",
            Self::Token => "token_rate",
            Self::Programme => "programme_rate",
            Self::Organisation => "organisation_rate",
            Self::TypedCodes => "typed_codes_rate",
            Self::FailedCodes => "failed_codes_rate",
            Self::SignIn => "sign_in_rate",
            Self::Pass => "pass_rate",
            Self::Device => "device_rate",
        }
    }
}

/// How many at once, and how fast they come back (GCRA).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateRule {
    interval_us: i64,
    burst: u32,
}

impl RateRule {
    /// `requests` in every `per_ms` milliseconds, all of them at once if need be. Nothing and zero are read as one.
    #[must_use]
    pub const fn new(requests: u32, per_ms: u32) -> Self {
        let requests = if requests == 0 { 1 } else { requests };
        let per_ms = if per_ms > LONGEST_PERIOD_MS { LONGEST_PERIOD_MS } else { per_ms };
        let interval_us = (per_ms as i64 * 1000 + requests as i64 - 1) / requests as i64;
        Self { interval_us: if interval_us == 0 { 1 } else { interval_us }, burst: 1 }.burst(requests)
    }

    /// So many a second.
    #[must_use]
    pub const fn per_second(requests: u32) -> Self {
        Self::new(requests, 1000)
    }

    /// So many a minute.
    #[must_use]
    pub const fn per_minute(requests: u32) -> Self {
        Self::new(requests, 60_000)
    }

    /// So many a day.
    #[must_use]
    pub const fn per_day(requests: u32) -> Self {
        Self::new(requests, LONGEST_PERIOD_MS)
    }

    /// The same rate with another number at once.
    #[must_use]
    pub const fn burst(self, burst: u32) -> Self {
        let burst = if burst == 0 { 1 } else { burst };
        Self { burst: if burst > MOST_BURST { MOST_BURST } else { burst }, ..self }
    }

    /// Half the rate and half the burst, for a node on its own.
    #[must_use]
    pub const fn halved(self) -> Self {
        Self { interval_us: self.interval_us * 2, burst: self.burst.div_ceil(2) }
    }

    /// Microseconds after which one more is allowed.
    #[must_use]
    pub const fn interval_us(self) -> i64 {
        self.interval_us
    }

    /// How many at once.
    #[must_use]
    pub const fn burst_size(self) -> u32 {
        self.burst
    }
}

/// Whether asking costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charge {
    /// Asking counts.
    Take,
    /// Only asks whether one more would be allowed: for budgets that failures alone use up.
    Look,
}

/// One limit on one subject: its rules are charged all or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// What it counts.
    pub scope: Scope,
    /// Whose: an id of ours or an address.
    pub(super) id: String,
    /// The rules, three at most.
    pub(super) rules: Vec<RateRule>,
    /// Whether asking costs.
    pub charge: Charge,
}

impl Limit {
    /// A limit on anything that has an id. Rules beyond the third are left out, an id is cut at 96 bytes.
    #[must_use]
    pub fn on(scope: Scope, id: impl fmt::Display, rules: &[RateRule]) -> Self {
        let mut id = id.to_string();
        while id.len() > MOST_ID_BYTES {
            id.pop();
        }
        Self { scope, id, rules: rules.iter().copied().take(MOST_RULES).collect(), charge: Charge::Take }
    }

    /// A limit on a network address; of IPv6 the first 64 bits, since one customer has all the rest.
    #[must_use]
    pub fn address(address: IpAddr, rules: &[RateRule]) -> Self {
        let subject = match address.to_canonical() {
            IpAddr::V6(v6) => {
                let mut octets = v6.octets();
                octets[8..].fill(0);
                IpAddr::from(octets)
            }
            v4 => v4,
        };
        Self::on(Scope::Address, subject, rules)
    }

    /// A limit on one token.
    #[must_use]
    pub fn token(token: &TokenHash, rules: &[RateRule]) -> Self {
        Self::on(Scope::Token, token.to_hex(), rules)
    }

    /// The same limit, only looked at.
    #[must_use]
    pub fn look(self) -> Self {
        Self { charge: Charge::Look, ..self }
    }
}

/// So many different operations for one card at one terminal on one local day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaceRule {
    pub(super) card: CardId,
    pub(super) terminal: TerminalId,
    pub(super) day: NaiveDate,
    pub(super) until: Timestamp,
    pub(super) most: u32,
}

impl PaceRule {
    /// The reason that a refused client hears.
    pub const REASON: &'static str = "card_terminal_day";

    /// At most `most` operations (64 at most) for the card at the terminal on the day that it is now in that time zone.
    #[must_use]
    pub fn per_local_day(card: CardId, terminal: TerminalId, most: u32, today: LocalDay) -> Self {
        Self { card, terminal, day: today.day, until: today.until, most: most.min(MOST_PACE) }
    }
}

/// A local day and the instant at which it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalDay {
    day: NaiveDate,
    until: Timestamp,
}

impl LocalDay {
    /// The day that it is in a time zone; it ends at the next local midnight, or where a clock change has none, an hour on.
    #[must_use]
    pub fn at(now: Timestamp, zone: Tz) -> Self {
        let day = now.local_day(zone);
        let midnight = day.checked_add_days(Days::new(1)).map(|next| next.and_time(NaiveTime::MIN));
        let start = |local| zone.from_local_datetime(&local).earliest();
        let until = midnight.and_then(|midnight| start(midnight).or_else(|| start(midnight + TimeDelta::hours(1))));
        let until = until.map_or(now.plus_seconds(86_400), |until| Timestamp::from_millis(until.timestamp_millis()));
        Self { day, until }
    }
}

/// An operation as pace rules remember it: a hash over principal and op id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OpMark(pub(super) [u8; 16]);

impl OpMark {
    /// The mark of an operation; both texts are the client's, so their lengths go in too.
    #[must_use]
    pub fn of(principal: &str, op: &str) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(&(principal.len() as u64).to_be_bytes());
        context.update(principal.as_bytes());
        context.update(op.as_bytes());
        let hash = context.finish();
        Self(std::array::from_fn(|place| hash.as_ref()[place]))
    }
}

/// One check: at most eight parts.
#[derive(Debug, Clone, Default)]
pub struct GateRequest {
    pub(super) org: Option<OrgId>,
    pub(super) token: Option<TokenHash>,
    pub(super) limits: Vec<Limit>,
    pub(super) paces: Vec<PaceRule>,
    pub(super) op: Option<OpMark>,
}

impl GateRequest {
    /// A check before anyone is known: limits on addresses.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::default()
    }

    /// A check within an organisation; its limits are its own.
    #[must_use]
    pub fn within(org: OrgId) -> Self {
        Self { org: Some(org), ..Self::default() }
    }

    /// Also looks up whether this token was captured. Only within an organisation.
    #[must_use]
    pub fn token(mut self, token: TokenHash) -> Self {
        self.token = Some(token);
        self
    }

    /// Also holds a limit.
    #[must_use]
    pub fn limit(mut self, limit: Limit) -> Self {
        self.limits.push(limit);
        self
    }

    /// Also holds a pace rule.
    #[must_use]
    pub fn pace(mut self, rule: PaceRule) -> Self {
        self.paces.push(rule);
        self
    }

    /// The operation that pace rules are to remember; without one they are only looked at (`validate_only`).
    #[must_use]
    pub fn op(mut self, op: OpMark) -> Self {
        self.op = Some(op);
        self
    }

    /// Holds the bound on parts.
    pub(super) fn bounded(&self) -> Result<(), GateError> {
        let parts = usize::from(self.token.is_some()) + self.limits.len() + self.paces.len();
        if parts > MOST_PARTS { Err(GateError::TooManyParts { parts, most: MOST_PARTS }) } else { Ok(()) }
    }

    /// The token with its organisation.
    pub(super) fn marker(&self) -> Option<(OrgId, TokenHash)> {
        self.org.zip(self.token)
    }

    /// The key of a limit, the same in every gate.
    pub(super) fn limit_key(&self, limit: &Limit) -> String {
        format!("L:{}:{}:{}", self.org_text(), limit.scope.as_str(), limit.id)
    }

    /// The key of a pace rule.
    pub(super) fn pace_key(&self, rule: &PaceRule) -> String {
        format!("P:{}:{}:{}:{}", self.org_text(), rule.card, rule.terminal, rule.day)
    }

    fn org_text(&self) -> String {
        self.org.map_or_else(|| "-".to_owned(), |org| org.to_string())
    }
}

/// The key of a marker.
pub(super) fn marker_key(org: OrgId, token: &TokenHash) -> String {
    format!("S:{org}:{}", token.to_hex())
}

/// A capture that was committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capture {
    /// The organisation.
    pub org: OrgId,
    /// The token.
    pub token: TokenHash,
    /// The redemption that used it.
    pub redemption: RedemptionId,
    /// When the token expires, if it does.
    pub expires: Option<Timestamp>,
}

impl Capture {
    /// Milliseconds after the token's expiry for which the marker stays: longer than any terminal goes on retrying.
    const AFTER_EXPIRY_MS: i64 = 10 * 60 * 1000;

    /// Milliseconds for which a marker stays at most: a card token has no expiry, and memory has an end.
    const LONGEST_MS: i64 = 90 * 86_400_000;

    /// Milliseconds for which the marker is kept.
    pub(super) fn keep_ms(&self, now: Timestamp) -> i64 {
        let left = self.expires.map_or(Self::LONGEST_MS, |expires| expires.since(now).saturating_add(Self::AFTER_EXPIRY_MS));
        left.clamp(Self::AFTER_EXPIRY_MS, Self::LONGEST_MS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_day_ends_at_the_local_midnight() {
        let end = |now: &str, zone: Tz| LocalDay::at(Timestamp::parse(now).unwrap(), zone);
        let kuwait = end("2026-03-01T20:59:59Z", chrono_tz::Asia::Kuwait);
        assert_eq!((kuwait.day.to_string(), kuwait.until.to_string()), ("2026-03-01".into(), "2026-03-01T21:00:00.000Z".into()));
        let next = end("2026-03-01T21:00:00Z", chrono_tz::Asia::Kuwait);
        assert_eq!((next.day.to_string(), next.until.to_string()), ("2026-03-02".into(), "2026-03-02T21:00:00.000Z".into()));
        let gap = end("2026-03-28T12:00:00Z", chrono_tz::Asia::Beirut);
        assert_eq!(gap.until.to_string(), "2026-03-28T22:00:00.000Z", "the clocks go from 00:00 to 01:00 that night");
    }

    #[test]
    fn an_address_limit_takes_the_whole_network_of_a_customer() {
        let id = |text: &str| Limit::address(text.parse().unwrap(), &[]).id;
        assert_eq!(id("2001:db8:1:2:3:4:5:6"), id("2001:db8:1:2:ffff::1"));
        assert_ne!(id("2001:db8:1:2::1"), id("2001:db8:1:3::1"));
        assert_eq!(id("::ffff:192.0.2.1"), id("192.0.2.1"));
    }

    #[test]
    fn a_rate_is_never_faster_than_asked_and_its_parts_are_bounded() {
        assert_eq!(RateRule::new(3, 1000).interval_us(), 333_334);
        assert_eq!(RateRule::per_second(5).burst(20).burst_size(), 20);
        assert_eq!(RateRule::new(0, 0), RateRule { interval_us: 1, burst: 1 });
        assert_eq!(RateRule::per_minute(5).halved(), RateRule { interval_us: 24_000_000, burst: 3 });
        let crowded = (0..9).fold(GateRequest::anonymous(), |all, at| all.limit(Limit::on(Scope::Key, at, &[])));
        assert_eq!(crowded.bounded(), Err(GateError::TooManyParts { parts: 9, most: 8 }));
    }

    #[test]
    fn a_marker_is_kept_past_the_token_and_never_for_ever() {
        let now = Timestamp::from_millis(0);
        let capture =
            |expires| Capture { org: OrgId([1; 16]), token: TokenHash([1; 32]), redemption: RedemptionId([1; 16]), expires };
        assert_eq!(capture(None).keep_ms(now), 90 * 86_400_000);
        assert_eq!(capture(Some(now.plus_seconds(120))).keep_ms(now), 720_000);
        assert_eq!(capture(Some(now.plus_seconds(-9_000))).keep_ms(now), 600_000);
    }
}
