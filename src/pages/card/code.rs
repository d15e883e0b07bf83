//! The live code on the page. Asking twice within its life gives the same one, so a page that is loaded again makes no new code; once the
//! card changes - a code was used - there is another.

use super::{Holder, Visit, done};
use crate::cards::Codes;
use crate::clock::Timestamp;
use crate::error::Problem;
use crate::ledger::{CodesIssued, OpKey};
use crate::pages::errors::Failure;
use crate::pages::qr::Qr;

/// A code that can be shown.
#[derive(Debug, Clone)]
pub struct LiveCode {
    /// The QR code.
    pub qr: Qr,
    /// The code for typing.
    pub typed: String,
    /// When the QR code runs out.
    pub expires_at: Timestamp,
    /// Milliseconds until then.
    pub left_ms: i64,
    /// Milliseconds of its whole life.
    pub life_ms: i64,
}

impl LiveCode {
    /// Whole seconds until a new one is needed, for browsers without scripts.
    #[must_use]
    pub fn reload_seconds(&self) -> i64 {
        self.left_ms / 1_000 + 1
    }
}

impl Holder {
    /// The card's code of this moment; none where the ledger gives none, such as in a programme that is switched off.
    pub(super) async fn code(&self, visit: &Visit) -> Result<Option<LiveCode>, Failure> {
        let core = &visit.pages.core;
        let life_ms = self.programme().tokens.live_seconds * 1_000;
        let asked = self.asked(visit, &self.code_key(visit.now.millis() / life_ms)?, ("code", &self.card.card.id))?;
        let answer = core.issue_code(&asked, (self.card.card.id, self.card.card.programme)).await?;
        let Ok(issued) = done::<CodesIssued>(&answer) else { return Ok(None) };
        let codes = Codes { keyring: &core.keyring, org: self.card.card.org };
        let generation = (issued.kid, issued.generation);
        let qr = Qr::of(&codes.live(issued.card, generation)?)?;
        let left_ms = issued.live_expires_at.since(visit.now).clamp(0, life_ms);
        let typed = codes.typed(issued.card, generation)?;
        Ok(Some(LiveCode { qr, typed, expires_at: issued.live_expires_at, left_ms, life_ms }))
    }

    /// One operation for each state of the card and each stretch of time as long as a code's life.
    fn code_key(&self, stretch: i64) -> Result<OpKey, Problem> {
        let key = format!("code-{}-{}-{stretch}", crate::ids::encode(&self.pass.id.0), self.pass.version);
        OpKey::parse(&key).ok_or_else(|| crate::error::Code::Internal.into())
    }
}
