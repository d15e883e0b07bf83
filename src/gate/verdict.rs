//! What the gate answers, and how the parts of a check become one verdict.

use crate::error::{Code, Problem};
use crate::ids::RedemptionId;

use super::limit::Scope;
use super::pace::PaceRule;

/// What the gate says of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GateVerdict {
    /// Nothing speaks against it: ask the ledger.
    Go,
    /// Too many or too often.
    Refused(Refusal),
    /// The gateway itself once committed a capture of this token. If the ledger thinks it unused, the ledger lost a commit.
    Captured(RedemptionId),
    /// The gate can't be reached: this node's own limits let it pass, and the ledger decides alone.
    Unknown,
}

/// Why the gate refuses, and when to come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// `rate_limited` or `pace_limited`.
    pub code: Code,
    /// Which limit: a stable word.
    pub reason: &'static str,
    /// Milliseconds until one more may be allowed, rounded up.
    pub retry_after_ms: i64,
}

impl Refusal {
    pub(super) const fn rate(scope: Scope, wait_us: i64) -> Self {
        Self { code: Code::RateLimited, reason: scope.reason(), retry_after_ms: wait_us.saturating_add(999) / 1000 }
    }

    pub(super) const fn pace(retry_after_ms: i64) -> Self {
        Self { code: Code::PaceLimited, reason: PaceRule::REASON, retry_after_ms }
    }

    /// Whole seconds for `Retry-After`, at least one.
    #[must_use]
    pub fn retry_after_seconds(&self) -> i64 {
        (self.retry_after_ms.saturating_add(999) / 1000).max(1)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::from(refusal.code).with("reason", refusal.reason).with("retry_after_seconds", refusal.retry_after_seconds())
    }
}

/// Why a gate can't give a verdict.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GateError {
    /// It can't be reached and the operator chose to refuse then.
    #[error("the gate can't be reached")]
    Down,
    /// The request has too many parts: a mistake of the caller.
    #[error("a check has {parts} parts; at most {most} are taken")]
    TooManyParts {
        /// How many it has.
        parts: usize,
        /// How many are taken.
        most: usize,
    },
    /// The address of Redis can't be used: a sentence that goes on from the setting's name, without user and password.
    #[error("redis.url {0}")]
    Url(String),
}

impl From<GateError> for Problem {
    fn from(error: GateError) -> Self {
        match error {
            GateError::Down => Self::from(Code::GateUnavailable),
            GateError::TooManyParts { .. } | GateError::Url(_) => Self::from(Code::Internal),
        }
    }
}

/// How a gate is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateHealth {
    /// `memory` or `redis`.
    pub backend: &'static str,
    /// Whether it answers.
    pub up: bool,
    /// What is wrong, in a sentence, if something is.
    pub detail: Option<String>,
}

/// What one part of a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Nothing against it.
    Fine,
    /// Against it.
    Refused(Refusal),
    /// A valid marker.
    Captured(RedemptionId),
    /// No answer to be had.
    Unknown,
}

/// One verdict out of all parts. A rate limit comes first, since it shields everything behind it; then a marker, since who redeemed
/// it says more than a pace; then a pace; then not knowing. Of several refusals the one with the longest wait is told.
pub(super) fn merge(parts: impl IntoIterator<Item = Part>) -> GateVerdict {
    let (mut rate, mut captured, mut pace, mut unknown) = (None, None, None, false);
    for part in parts {
        match part {
            Part::Fine => {}
            Part::Unknown => unknown = true,
            Part::Captured(redemption) => captured = Some(redemption),
            Part::Refused(refusal) => {
                let slot = if refusal.code == Code::RateLimited { &mut rate } else { &mut pace };
                if slot.is_none_or(|known: Refusal| known.retry_after_ms < refusal.retry_after_ms) {
                    *slot = Some(refusal);
                }
            }
        }
    }
    match (rate, captured, pace) {
        (Some(rate), _, _) => GateVerdict::Refused(rate),
        (None, Some(redemption), _) => GateVerdict::Captured(redemption),
        (None, None, Some(pace)) => GateVerdict::Refused(pace),
        (None, None, None) if unknown => GateVerdict::Unknown,
        (None, None, None) => GateVerdict::Go,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_the_verdicts() {
        let rate = Part::Refused(Refusal::rate(Scope::Key, 1_500));
        let longer = Part::Refused(Refusal::rate(Scope::Card, 9_000_000));
        let pace = Part::Refused(Refusal::pace(60_000));
        let captured = Part::Captured(RedemptionId([1; 16]));
        assert_eq!(merge([]), GateVerdict::Go);
        assert_eq!(merge([Part::Fine, Part::Unknown]), GateVerdict::Unknown);
        assert_eq!(merge([Part::Unknown, pace]), GateVerdict::Refused(Refusal::pace(60_000)));
        assert_eq!(merge([pace, captured]), GateVerdict::Captured(RedemptionId([1; 16])));
        assert_eq!(merge([captured, rate]), GateVerdict::Refused(Refusal::rate(Scope::Key, 1_500)));
        assert_eq!(merge([longer, rate]), merge([rate, longer]), "the longest wait is told, in any order");
    }

    #[test]
    fn waits_are_rounded_up() {
        assert_eq!(Refusal::rate(Scope::Key, 1).retry_after_ms, 1);
        assert_eq!(Refusal::rate(Scope::Key, 1_000).retry_after_ms, 1);
        assert_eq!(Refusal::rate(Scope::Key, 1_001).retry_after_ms, 2);
        assert_eq!(Refusal::pace(1_001).retry_after_seconds(), 2);
        let problem = Problem::from(Refusal::pace(1));
        assert_eq!(problem.code, Code::PaceLimited);
        assert_eq!(problem.facts["retry_after_seconds"], 1);
    }
}
