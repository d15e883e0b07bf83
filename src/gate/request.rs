//! One check as it is asked of the gate, and a capture as it is remembered: plain data, bounded, with the keys they live under.

use super::limit::Limit;
use super::pace::{OpMark, PaceRule};
use super::verdict::GateError;
use crate::clock::Timestamp;
use crate::ids::{OrgId, RedemptionId};
use crate::tokens::TokenHash;

/// Parts of one check; a request has a handful of limits, and each is a script.
const MOST_PARTS: usize = 8;

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
        format!("P:{}:{}:{}:{}:{}", self.org_text(), rule.kind.as_str(), rule.card, rule.terminal, rule.day)
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
    use super::super::limit::Scope;
    use super::*;

    #[test]
    fn the_parts_of_a_check_are_bounded() {
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
