//! After a restore: a code of an earlier epoch is settled, by what the gate remembers of it.
//!
//! What the gate remembers was captured, and the ledger lost the commit. The code dies. A voucher's capture is known in full, down to its
//! points on hold, and comes back under its own id; it has no place, is told at the moment of its return, and counts on no day, since none
//! of that is known. What a card's code bought is not known here: its points are for people to correct.
//!
//! What the gate does not remember was not captured as far as anybody knows. A code that a pass shows makes way for the pass's next one,
//! which is of the present epoch and needs no manager; a live or typed code, which lives for minutes, just ends.

use super::enrol::mint_card_token;
use super::redeem::hex;
use super::voucher;
use super::work::Work;
use crate::error::{Code, Problem};
use crate::ids::RedemptionId;
use crate::ledger::{
    Outcome, Place, Reconcile, Reconciled, Redemption, RedemptionLine, RedemptionState, Settled, Token, TokenKind, TokenState,
    Voucher,
};

/// What becomes of an issued code of an earlier epoch, by what it is for and what the gate remembers.
#[must_use]
pub const fn settling(kind: TokenKind, witness: Option<RedemptionId>) -> Settled {
    match (kind, witness) {
        (TokenKind::Voucher, Some(_)) => Settled::Captured,
        (TokenKind::Card | TokenKind::Voucher, _) => Settled::Renewed,
        (TokenKind::Live | TokenKind::Typed | TokenKind::Rotating, _) => Settled::Ended,
        (TokenKind::Identify, _) => Settled::Untouched,
    }
}

pub(super) fn reconcile(work: &mut Work<'_>, reconcile: &Reconcile) -> Result<Outcome, Problem> {
    let token = work.set.tokens.get(&(work.org(), reconcile.token)).cloned();
    let token = token.filter(|token| token.state == TokenState::Issued && token.epoch < work.set.epoch);
    let settled = match &token {
        Some(token) => settle(work, token, reconcile.witness)?,
        None => Settled::Untouched,
    };
    let lost = reconcile.witness.filter(|_| settled != Settled::Untouched);
    work.fact("token", hex(&reconcile.token));
    work.fact("card", reconcile.card);
    work.fact("settled", settled);
    if let (Some(token), Some(redemption)) = (&token, lost) {
        work.fact("lost", redemption);
        work.fact("code_kind", token.kind);
    }
    Ok(Reconciled { op: work.command.op.id, settled, lost }.into())
}

fn settle(work: &mut Work<'_>, token: &Token, witness: Option<RedemptionId>) -> Result<Settled, Problem> {
    match settling(token.kind, witness) {
        Settled::Captured => capture(work, token, witness),
        Settled::Renewed => {
            let ending = if witness.is_some() { TokenState::Cancelled } else { TokenState::Replaced };
            work.end_token(token.hash, ending);
            let renewed = match open_voucher(work, token) {
                Some(voucher) => voucher::renew_token(work, voucher).map(|()| true)?,
                None => renew_card(work, token)?,
            };
            Ok(if renewed { Settled::Renewed } else { Settled::Ended })
        }
        Settled::Ended => {
            work.end_token(token.hash, TokenState::Cancelled);
            Ok(Settled::Ended)
        }
        Settled::Untouched => Ok(Settled::Untouched),
    }
}

/// The voucher that a token redeems, while it is open and this is its code.
fn open_voucher(work: &Work<'_>, token: &Token) -> Option<Voucher> {
    let voucher = voucher::open_voucher(work, (token.card, token.voucher?)).ok()?;
    (voucher.token == token.hash).then_some(voucher)
}

/// The card's pass shows the next code from now on, if this was the one that it showed.
fn renew_card(work: &mut Work<'_>, token: &Token) -> Result<bool, Problem> {
    let Ok(state) = work.card(token.card) else { return Ok(false) };
    let mut pass = work.pass(state.card.pass)?;
    if token.kind != TokenKind::Card || token.pass != Some(pass.id) || token.generation != pass.generation {
        return Ok(false);
    }
    pass.generation = work.next_generation(pass.generation);
    pass.kid = mint_card_token(work, &pass);
    work.renew(pass);
    Ok(true)
}

/// Brings back the capture of a voucher. Its entries belong to the operation, and a reversal looks for them under the redemption's id.
fn capture(work: &mut Work<'_>, token: &Token, witness: Option<RedemptionId>) -> Result<Settled, Problem> {
    let id = witness.filter(|id| id.0 == work.command.op.id.0).ok_or_else(|| Problem::from(Code::Internal))?;
    let (Ok(state), Some(voucher)) = (work.card(token.card), open_voucher(work, token)) else {
        work.end_token(token.hash, TokenState::Cancelled);
        return Ok(Settled::Ended);
    };
    let lines = vec![RedemptionLine { reward: voucher.reward.clone(), quantity: 1, points: voucher.points }];
    let redemption = Redemption {
        org: work.org(),
        id,
        card: token.card,
        programme: voucher.programme,
        token: token.hash,
        voucher: Some(voucher.id),
        points: voucher.points,
        place: Place::default(),
        receipt: None,
        principal: work.command.op.principal,
        at: work.context.now,
        state: RedemptionState::Captured,
        lines,
    };
    voucher::spend(work, state, voucher)?;
    work.set.tokens.put((work.org(), token.hash), Token { state: TokenState::Captured, captured_by: Some(id), ..token.clone() });
    work.fact("redemption", id);
    work.fact("lines", &redemption.lines);
    work.set.redemptions.put((work.org(), id), redemption);
    Ok(Settled::Captured)
}
