//! How much a client may ask: the limits at the door, and the time that a request may take.

use std::net::IpAddr;

use crate::cards::Core;
use crate::error::Problem;
use crate::gate::{GateRequest, GateVerdict, Limit, RateRule, Scope};
use crate::ids::OrgId;
use crate::tokens::KeyHolder;

/// The limits of the front door; the defaults are for production.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Requests from one network address (of IPv6: one /64), before its key is looked up. Generous: a whole shop may share one.
    pub address: RateRule,
    /// Requests with one API key.
    pub key: RateRule,
    /// Requests of one terminal.
    pub terminal: RateRule,
    /// Requests of one organisation.
    pub organisation: RateRule,
    /// Wrong keys and wrong enrolment codes from one address.
    pub failed_sign_ins: RateRule,
    /// Milliseconds that a request may take until it is answered `timed_out`: longer than any database lock is waited for.
    pub request_ms: u64,
    /// Milliseconds in which a body has to arrive: a guard against clients that send it drop by drop.
    pub body_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            address: RateRule::per_second(200).burst(400),
            key: RateRule::per_second(200),
            terminal: RateRule::per_second(5).burst(20),
            organisation: RateRule::per_second(500).burst(1_000),
            failed_sign_ins: RateRule::new(10, 300_000),
            request_ms: 30_000,
            body_ms: 10_000,
        }
    }
}

impl Limits {
    /// The limit of an address.
    #[must_use]
    pub fn on_address(&self, address: IpAddr) -> Limit {
        Limit::address(address, &[self.address])
    }

    /// The limit of a key's holder.
    #[must_use]
    pub fn on_holder(&self, holder: KeyHolder) -> Limit {
        match holder {
            KeyHolder::Key(id) => Limit::on(Scope::Key, id, &[self.key]),
            KeyHolder::Terminal(id) => Limit::on(Scope::Terminal, id, &[self.terminal]),
        }
    }

    /// The limit of an organisation.
    #[must_use]
    pub fn on_organisation(&self, org: OrgId) -> Limit {
        Limit::on(Scope::Organisation, org, &[self.organisation])
    }

    /// The limit on failures of an address.
    #[must_use]
    pub fn on_failures(&self, address: IpAddr) -> Limit {
        let mut limit = Limit::address(address, &[self.failed_sign_ins]);
        limit.scope = Scope::SignIn;
        limit
    }
}

/// Asks the gate about limits that belong to no organisation.
///
/// # Errors
/// `rate_limited` with the reason and when to come back; `gate_unavailable` when the operator chose to refuse without the gate.
pub async fn hold(core: &Core, limits: impl IntoIterator<Item = Limit>) -> Result<(), Problem> {
    let request = limits.into_iter().fold(GateRequest::anonymous(), GateRequest::limit);
    match core.gate.check(&request, core.clock.now()).await? {
        GateVerdict::Refused(refusal) => {
            metrics::counter!("walaa_requests_limited_total", "reason" => refusal.reason).increment(1);
            Err(refusal.into())
        }
        GateVerdict::Go | GateVerdict::Unknown | GateVerdict::Captured(_) => Ok(()),
    }
}
