//! How fast this gateway asks things of Google, over all its nodes.
//!
//! Google publishes 20 requests a second and does not say of whom; a budget per issuer stays below it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::resource::IssuerId;
use crate::clock::Clock;
use crate::gate::{Gate, GateRequest, GateVerdict, Limit, RateRule, Scope};

/// Requests a second, unless the operator says otherwise.
pub const REQUESTS_PER_SECOND: u32 = 15;

/// Requests at once, unless the operator says otherwise.
pub const REQUESTS_AT_ONCE: u32 = 20;

/// When to ask again if the gate gives no answer and the operator chose to refuse then.
const GATE_DOWN: Duration = Duration::from_secs(1);

/// Something that says whether Google may be asked now.
#[async_trait]
pub trait Budget: Send + Sync {
    /// Takes so many requests, all or none.
    ///
    /// # Errors
    /// There are not so many left; after that long there may be.
    async fn take(&self, issuer: IssuerId, requests: u32) -> Result<(), Duration>;

    /// How many requests can be taken together.
    fn most_at_once(&self) -> u32;
}

/// The budget that all nodes share through the gate. While the gate can't be reached, each node keeps to half of it.
pub struct GateBudget {
    gate: Arc<dyn Gate>,
    clock: Arc<dyn Clock>,
    rule: RateRule,
}

impl GateBudget {
    /// What is left below Google's published figure.
    pub const RULE: RateRule = RateRule::per_second(REQUESTS_PER_SECOND).burst(REQUESTS_AT_ONCE);

    /// A budget of this rule for each issuer.
    #[must_use]
    pub fn new(gate: Arc<dyn Gate>, clock: Arc<dyn Clock>, rule: RateRule) -> Self {
        Self { gate, clock, rule }
    }
}

#[async_trait]
impl Budget for GateBudget {
    async fn take(&self, issuer: IssuerId, requests: u32) -> Result<(), Duration> {
        // An issuer may serve several organisations: the budget is the issuer's.
        let limit = Limit::on(Scope::GoogleIssuer, issuer, &[self.rule]).times(requests);
        match self.gate.check(&GateRequest::anonymous().limit(limit), self.clock.now()).await {
            Ok(GateVerdict::Refused(refusal)) => Err(Duration::from_millis(u64::try_from(refusal.retry_after_ms).unwrap_or(0))),
            Ok(_) => Ok(()),
            Err(_) => Err(GATE_DOWN),
        }
    }

    fn most_at_once(&self) -> u32 {
        self.rule.burst_size()
    }
}
