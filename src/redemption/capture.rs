//! Capture, reversal and sales on their way through the gate to the ledger.

use crate::cards::{Asked, Caller, Core};
use crate::error::{Code, Problem};
use crate::gate::{self, GateRequest};
use crate::ids::{CardId, ProgrammeId, RedemptionId};
use crate::ledger::{Answer, Body, Capture, CaptureLine, Earn, Place, Reverse, Sale, TokenKind, TokenState};
use crate::money::Money;
use crate::redemption::resolve::{Passage, card_limit, op_mark};
use crate::redemption::{Pace, Resolved};
use crate::tokens;

/// The longest life that a programme can give a live or typed code.
const LONGEST_CODE_SECONDS: i64 = 900;

/// What a till wants to redeem.
#[derive(Debug, Clone)]
pub struct Redeeming {
    /// The code as scanned or typed.
    pub code: String,
    /// What is wanted; may be empty for a voucher.
    pub lines: Vec<CaptureLine>,
    /// Where.
    pub place: Place,
    /// The sale's receipt that it belongs to.
    pub receipt: Option<String>,
    /// The sale's total, if told.
    pub sale_total: Option<Money>,
    /// Says what would happen, and changes nothing.
    pub validate_only: bool,
}

/// What a till wants to undo.
#[derive(Debug, Clone)]
pub struct Reversing {
    /// The redemption.
    pub redemption: RedemptionId,
    /// Why.
    pub reason: String,
    /// Where.
    pub place: Place,
}

impl Core {
    /// Redeems a code, once.
    ///
    /// # Errors
    /// What is not an outcome: `invalid_code`, limits, overload, `ledger_regressed`. Refusals of the ledger are answers.
    pub async fn redeem(&self, caller: &Caller, asked: &Asked, redeeming: Redeeming) -> Result<Answer, Problem> {
        let prepared = self.prepare(caller, asked, &redeeming).await;
        let (resolved, request) = match self.or_earlier(asked, prepared).await? {
            Ok(prepared) => prepared,
            Err(answer) => return Ok(answer),
        };
        let capture = Capture {
            token: resolved.hash,
            rotating: resolved.turning,
            card: resolved.token.card,
            programme: resolved.token.programme,
            voucher: resolved.token.voucher,
            lines: redeeming.lines,
            place: redeeming.place,
            receipt: redeeming.receipt,
            sale_total: redeeming.sale_total,
            manager: caller.role.is_manager(),
            validate_only: redeeming.validate_only,
        };
        let only_asked = capture.validate_only;
        let answer = self.ask(asked, Body::Capture(capture)).await?;
        if only_asked {
            return Ok(answer);
        }
        match &answer.result {
            Ok(_) => self.remember(caller, (&resolved, &answer)).await,
            Err(_) if !answer.replayed => self.gate.take_back(&request).await,
            Err(_) => {}
        }
        count_capture(&answer);
        Ok(answer)
    }

    /// Finds what the code stands for, and asks the gate.
    async fn prepare(&self, caller: &Caller, asked: &Asked, redeeming: &Redeeming) -> Result<(Resolved, GateRequest), Problem> {
        let resolved = self.resolve(caller, &redeeming.code).await?;
        let programme = self.programme(caller.org, resolved.token.programme).await?;
        let op = (!redeeming.validate_only).then(|| op_mark(asked.principal, &asked.key));
        let passage = Passage { caller, card: resolved.token.card, programme: &programme, pace: Pace::Redeem, op };
        let request = self.passage(&passage, Some(resolved.hash));
        if let Some(remembered) = self.pass_gate(&request).await? {
            self.check_witness(asked, (&resolved, remembered)).await?;
        }
        Ok((resolved, request))
    }

    /// The gate says that we captured this token. If the ledger knows nothing of it, the ledger lost a commit: refuse and alarm.
    async fn check_witness(&self, asked: &Asked, (resolved, remembered): (&Resolved, RedemptionId)) -> Result<(), Problem> {
        if self.db.op(asked.org, asked.principal, &asked.key).await?.is_some() {
            return Ok(());
        }
        let token = self.db.token_row(asked.org, resolved.hash).await?;
        // A turning code has a row only once it was used.
        let lost = token.map_or(resolved.turning.is_some(), |token| token.state == TokenState::Issued);
        if lost {
            tracing::error!(redemption = %remembered, "the gate remembers a capture that the ledger does not have: the ledger lost a commit");
            metrics::counter!("walaa_ledger_regressed_total").increment(1);
            return Err(Problem::from(Code::LedgerRegressed).with("redemption", remembered));
        }
        Ok(())
    }

    /// Tells the gate of a capture, after the commit; a repeated answer was told before.
    async fn remember(&self, caller: &Caller, (resolved, answer): (&Resolved, &Answer)) {
        let redemption = RedemptionId(answer.op.0);
        if !answer.replayed {
            let charge = GateRequest::within(caller.org).limit(card_limit(resolved.token.card));
            let _counted = self.gate.check(&charge, self.clock.now()).await;
        }
        let now = self.clock.now();
        let short = matches!(resolved.token.kind, TokenKind::Live | TokenKind::Typed | TokenKind::Rotating);
        let expires = short.then(|| now.plus_seconds(LONGEST_CODE_SECONDS));
        let capture = gate::Capture { org: caller.org, token: tokens::TokenHash(resolved.hash), redemption, expires };
        self.gate.mark_captured(&capture, now).await;
    }

    /// Posts a sale.
    ///
    /// # Errors
    /// What is not an outcome.
    pub async fn earn(
        &self,
        caller: &Caller,
        asked: &Asked,
        (meant, place, sale): ((CardId, ProgrammeId), Place, Sale),
    ) -> Result<Answer, Problem> {
        let (card, programme_id) = meant;
        let programme = self.programme(caller.org, programme_id).await?;
        let op = Some(op_mark(asked.principal, &asked.key));
        let passage = Passage { caller, card, programme: &programme, pace: Pace::Earn, op };
        let request = self.passage(&passage, None);
        let passed = self.pass_gate(&request).await;
        if let Err(answer) = self.or_earlier(asked, passed).await? {
            return Ok(answer);
        }
        let answer = self.ask(asked, Body::Earn(Earn { card, programme: programme_id, place, sale })).await?;
        if answer.result.is_err() && !answer.replayed {
            self.gate.take_back(&request).await;
        }
        Ok(answer)
    }

    /// Undoes a redemption, once.
    ///
    /// # Errors
    /// `not_found`, and what is not an outcome.
    pub async fn reverse(&self, caller: &Caller, asked: &Asked, reversing: Reversing) -> Result<Answer, Problem> {
        let found = self.db.redemption(caller.org, reversing.redemption).await?;
        let redemption = found.ok_or_else(|| Problem::from(Code::NotFound))?;
        caller.may_use(redemption.programme)?;
        let reverse = Reverse {
            redemption: redemption.id,
            card: redemption.card,
            programme: redemption.programme,
            voucher: redemption.voucher,
            sealed_reason: self.seal_reason(caller.org, redemption.card, &reversing.reason).await?,
            place: reversing.place,
            manager: caller.role.is_manager(),
        };
        self.ask(asked, Body::Reverse(reverse)).await
    }
}

fn count_capture(answer: &Answer) {
    let outcome = answer.result.as_ref().map_or_else(|problem| problem.code.as_str(), |_| "done");
    metrics::counter!("walaa_captures_total", "outcome" => outcome).increment(1);
}
