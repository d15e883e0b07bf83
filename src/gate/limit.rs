//! Rate limits: what they count, how fast, and the usual figures.

use std::fmt;
use std::net::IpAddr;

use crate::tokens::TokenHash;

/// Rules of one limit.
pub(super) const MOST_RULES: usize = 3;

/// Bytes of a limit's id; ids and addresses are shorter.
const MOST_ID_BYTES: usize = 96;

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
    /// Requests of an address in the phones' web service that came to nothing.
    Fruitless,
    /// Cards that people make by themselves from an address.
    Join,
    /// Messages to one contact.
    Contact,
    /// What this gateway asks of Google for one issuer.
    GoogleIssuer,
    /// Callbacks of an address that were not Google's.
    ForgedCallbacks,
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
            Self::Fruitless => "fruitless",
            Self::Join => "join",
            Self::Contact => "contact",
            Self::GoogleIssuer => "google_issuer",
            Self::ForgedCallbacks => "forged_callbacks",
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
            Self::Fruitless => "fruitless_rate",
            Self::Join => "join_rate",
            Self::Contact => "contact_rate",
            Self::GoogleIssuer => "google_issuer_rate",
            Self::ForgedCallbacks => "forged_callbacks_rate",
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
    /// Requests from one address, unless the operator says otherwise.
    pub const ADDRESS: [Self; 1] = [Self::per_second(10).burst(50)];

    /// Requests of one terminal.
    pub const TERMINAL: [Self; 1] = [Self::per_second(5).burst(20)];

    /// Requests with one API key: a web shop speaks for many customers.
    pub const KEY: [Self; 1] = [Self::per_second(50).burst(100)];

    /// Requests for one programme.
    pub const PROGRAMME: [Self; 1] = [Self::per_second(200)];

    /// Redemptions from one card.
    pub const CARD: [Self; 2] = [Self::per_minute(20), Self::per_day(100)];

    /// Uses of one token.
    pub const TOKEN: [Self; 1] = [Self::per_minute(5)];

    /// Typed codes tried at one terminal.
    pub const TYPED_CODES: [Self; 1] = [Self::per_minute(5)];

    /// Codes that were not ours, from one terminal: ten in five minutes.
    pub const FAILED_CODES: [Self; 1] = [Self::new(10, 300_000)];

    /// Attempts to sign in: five in a quarter of an hour.
    pub const SIGN_IN: [Self; 1] = [Self::new(5, 900_000)];

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
    /// How many are asked for at once.
    pub(super) count: u32,
}

impl Limit {
    /// A limit on anything that has an id. Rules beyond the third are left out, an id is cut at 96 bytes.
    #[must_use]
    pub fn on(scope: Scope, id: impl fmt::Display, rules: &[RateRule]) -> Self {
        let mut id = id.to_string();
        while id.len() > MOST_ID_BYTES {
            id.pop();
        }
        Self { scope, id, rules: rules.iter().copied().take(MOST_RULES).collect(), charge: Charge::Take, count: 1 }
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

    /// The same limit, for so many at once: all or none. More than the burst need it whole, and then keep others waiting longer.
    #[must_use]
    pub fn times(self, count: u32) -> Self {
        Self { count: count.clamp(1, MOST_BURST), ..self }
    }

    /// The same limit, only looked at.
    #[must_use]
    pub fn look(self) -> Self {
        Self { charge: Charge::Look, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_limit_takes_the_whole_network_of_a_customer() {
        let id = |text: &str| Limit::address(text.parse().unwrap(), &[]).id;
        assert_eq!(id("2001:db8:1:2:3:4:5:6"), id("2001:db8:1:2:ffff::1"));
        assert_ne!(id("2001:db8:1:2::1"), id("2001:db8:1:3::1"));
        assert_eq!(id("::ffff:192.0.2.1"), id("192.0.2.1"));
    }

    #[test]
    fn a_rate_is_never_faster_than_asked() {
        assert_eq!(RateRule::new(3, 1000).interval_us(), 333_334);
        assert_eq!(RateRule::per_second(5).burst(20).burst_size(), 20);
        assert_eq!(RateRule::new(0, 0), RateRule { interval_us: 1, burst: 1 });
        assert_eq!(RateRule::per_minute(5).halved(), RateRule { interval_us: 24_000_000, burst: 3 });
    }
}
