//! Capture and reversal: the one place where a token is used.

use std::sync::Arc;

use super::contact::need_verified;
use super::enrol::mint_card_token;
use super::voucher;
use super::work::{Posting, Work};
use crate::error::{Code, Problem};
use crate::ids::RedemptionId;
use crate::ledger::{
    Account, Capture, CardState, CardSummary, ChangeKind, EXPIRY_GRACE_MS, EntryKind, LineSummary, Outcome, PlaceSummary,
    Redeemed, Redemption, RedemptionState, Reverse, Reversed, Token, TokenKind, TokenState, VoucherState, already_redeemed,
};
use crate::money::Money;
use crate::programme::{Programme, Status};

pub(super) fn capture(work: &mut Work<'_>, capture: &Capture) -> Result<Outcome, Problem> {
    let token = usable_token(work, capture)?;
    let state = work.card(capture.card)?;
    let of_the_pass = matches!(token.kind, TokenKind::Card | TokenKind::Rotating);
    if of_the_pass && token.pass != Some(state.card.pass) {
        return Err(Code::PassReplaced.into());
    }
    need_verified(&state)?;
    let (programme, programme_version) = work.open_programme(capture.programme)?;
    work.check_place(&capture.place)?;
    let (lines, card) = match token.voucher {
        Some(id) => voucher::redeem(work, state, (id, capture, &programme))?,
        None => spend(work, state, (&token, capture, &programme))?,
    };
    let points = lines.iter().map(|line| line.points).sum();
    let id = RedemptionId(work.command.op.id.0);
    work.set.tokens.put((work.org(), token.hash), Token { state: TokenState::Captured, captured_by: Some(id), ..token.clone() });
    if let Some(turning) = capture.rotating {
        work.set.presence.put((work.org(), capture.card, turning.step), work.context.now);
        work.fact("step", turning.step);
    }
    record(work, capture, (id, &token, &lines, points));
    work.count(&programme, capture.card, ("redemptions", 1));
    work.fact("redemption", id);
    work.fact("token", hex(&token.hash));
    work.fact("lines", &lines);
    work.fact("place", &capture.place);
    work.fact("receipt", &capture.receipt);
    work.fact("sale_total", capture.sale_total);
    work.fact("programme_version", programme_version);
    let at = work.context.now;
    Ok(Redeemed {
        op: (!capture.validate_only).then_some(work.command.op.id),
        id: (!capture.validate_only).then_some(id),
        lines,
        points,
        voucher: token.voucher,
        receipt: capture.receipt.clone(),
        place: PlaceSummary::from(&capture.place),
        at,
        card,
    }
    .into())
}

/// The token, if it can be captured now; else why not.
fn usable_token(work: &Work<'_>, capture: &Capture) -> Result<Token, Problem> {
    let Some(token) = work.set.tokens.get(&(work.org(), capture.token)) else { return turning_token(work, capture) };
    match token.state {
        TokenState::Issued if token.kind == TokenKind::Identify => {
            let detail =
                "This code says who it is and never spends; ask for the turning code, or for the live code on the card page.";
            return Err(Problem::new(Code::IdentifyOnly, detail));
        }
        TokenState::Issued => {}
        #[cfg(test)]
        TokenState::Captured if crate::ledger::guards::is_removed(work.org(), crate::ledger::guards::Guard::TokenState) => {}
        TokenState::Captured => return Err(captured_before(work, capture, token)),
        TokenState::Cancelled => return Err(Code::CodeCancelled.into()),
        TokenState::Expired => return Err(Code::CodeExpired.into()),
        TokenState::Replaced => return Err(Code::PassReplaced.into()),
    }
    if token.expires_at.is_some_and(|end| work.context.now > end.plus_millis(EXPIRY_GRACE_MS)) {
        return Err(Problem::from(Code::CodeExpired).with("expired_at", token.expires_at));
    }
    if token.epoch < work.set.epoch && !capture.manager {
        return Err(Code::CodeFromBeforeRestore.into());
    }
    Ok(token.clone())
}

/// The token of a turning code, which has no row before it is used: the step must be newer than every one that was used.
fn turning_token(work: &Work<'_>, capture: &Capture) -> Result<Token, Problem> {
    let turning = capture.rotating.ok_or_else(|| Problem::from(Code::InvalidCode))?;
    let org = work.org();
    let newest = work.set.presence.iter().filter(|((owner, card, _), _)| (*owner, *card) == (org, capture.card));
    if newest.map(|((_, _, step), _)| *step).max().is_some_and(|newest| turning.step <= newest) {
        return Err(Problem::new(Code::CodeExpired, "A newer code of this card was used; scan the one that shows now."));
    }
    if work.context.now > turning.expires_at.plus_millis(EXPIRY_GRACE_MS) {
        return Err(Problem::from(Code::CodeExpired).with("expired_at", turning.expires_at));
    }
    Ok(Token {
        org,
        hash: capture.token,
        kid: 0,
        kind: TokenKind::Rotating,
        generation: turning.step,
        card: capture.card,
        pass: Some(turning.pass),
        voucher: None,
        state: TokenState::Issued,
        issued_at: work.context.now,
        expires_at: Some(turning.expires_at),
        captured_by: None,
        epoch: work.set.epoch,
    })
}

fn captured_before(work: &Work<'_>, capture: &Capture, token: &Token) -> Problem {
    let org = work.org();
    let redemption = token.captured_by.and_then(|id| work.set.redemptions.get(&(org, id)));
    let newer = matches!(token.kind, TokenKind::Card | TokenKind::Rotating) && {
        let card = work.set.cards.get(&(org, token.card));
        card.is_some_and(|state| state.card.active && Some(state.card.pass) == token.pass)
    };
    redemption
        .map_or_else(|| Code::AlreadyRedeemed.into(), |redemption| already_redeemed(redemption, token, newer, &capture.place))
}

/// Spends points of the card on rewards; a card token makes way for the next generation.
fn spend(
    work: &mut Work<'_>,
    mut state: CardState,
    (token, capture, programme): (&Token, &Capture, &Arc<Programme>),
) -> Result<(Vec<LineSummary>, CardSummary), Problem> {
    let lines = price(programme, capture)?;
    let total = lines.iter().try_fold(0_i64, |sum, line| sum.checked_add(line.points));
    let total = total.ok_or_else(|| Problem::field("rewards", "The sum of the points can't be counted."))?;
    let limit = programme.card_token_limit();
    if token.kind == TokenKind::Card && total > limit {
        let detail = format!("The code on the pass spends up to {limit} points; ask for the live code on the card page.");
        return Err(Problem::new(Code::LiveCodeRequired, detail).with("limit", limit).with("points", total));
    }
    let day = work.context.now.local_day(programme.zone());
    let spendable = state.spendable(day);
    if spendable < total {
        let problem = Problem::new(Code::InsufficientPoints, format!("{total} points are needed; the card has {spendable}."));
        return Err(problem.with("needed", total).with("points", spendable).with("missing", total - spendable));
    }
    for part in state.take(total, day) {
        work.post(&state, Posting::new(EntryKind::Capture, Account::Available, Account::Redeemed, part));
    }
    if token.kind == TokenKind::Card {
        let mut pass = work.pass(state.card.pass)?;
        pass.generation = work.next_generation(pass.generation);
        pass.kid = mint_card_token(work, &pass);
        work.set.passes.put((work.org(), pass.id), pass);
    }
    let card = work.settle(state, ChangeKind::Redeemed, -total)?;
    Ok((lines, card))
}

/// The lines with names, points and values as the programme has them now.
fn price(programme: &Programme, capture: &Capture) -> Result<Vec<LineSummary>, Problem> {
    let mut lines = Vec::with_capacity(capture.lines.len());
    if capture.lines.is_empty() {
        return Err(Problem::field("rewards", "Name at least one reward."));
    }
    for (place, line) in capture.lines.iter().enumerate() {
        let Some(reward) = programme.reward(&line.reward) else {
            let mut problem = Problem::new(Code::UnknownReward, "The programme has no such reward.");
            problem.errors.push(crate::error::FieldProblem {
                field: format!("rewards[{place}].reward"),
                message: "There is no such reward.".into(),
            });
            return Err(problem);
        };
        if reward.status == Status::Disabled {
            return Err(Problem::from(Code::RewardDisabled).with("reward", &reward.id));
        }
        let wrong = |message| Problem::field(format!("rewards[{place}].quantity"), message);
        if line.quantity < 1 {
            return Err(wrong("is not at least 1"));
        }
        let points = reward.points.checked_mul(line.quantity).ok_or_else(|| wrong("is too many"))?;
        let name = reward.name.get("en").cloned().unwrap_or_default();
        lines.push(LineSummary {
            reward: reward.id.clone(),
            name,
            quantity: line.quantity,
            points,
            value: total_value(reward, line.quantity),
        });
    }
    Ok(lines)
}

/// What so many of a reward are worth; none when that can't be counted.
fn total_value(reward: &crate::programme::Reward, quantity: i64) -> Option<Money> {
    let value = reward.value?;
    Money::from_minor_units(value.minor_units().checked_mul(quantity)?, value.currency()).ok()
}

/// Bytes as the journal writes them.
pub(super) fn hex(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn record(work: &mut Work<'_>, capture: &Capture, (id, token, lines, points): (RedemptionId, &Token, &[LineSummary], i64)) {
    let redemption = Redemption {
        org: work.org(),
        id,
        card: capture.card,
        programme: capture.programme,
        token: token.hash,
        voucher: token.voucher,
        lines: lines.iter().map(Into::into).collect(),
        points,
        place: capture.place.clone(),
        receipt: capture.receipt.clone(),
        principal: work.command.op.principal,
        at: work.context.now,
        state: RedemptionState::Captured,
    };
    work.set.redemptions.put((work.org(), id), redemption);
}

pub(super) fn reverse(work: &mut Work<'_>, reverse: &Reverse) -> Result<Outcome, Problem> {
    let key = (work.org(), reverse.redemption);
    let redemption = work.set.redemptions.get(&key).cloned().ok_or_else(|| Problem::from(Code::NotFound))?;
    if redemption.state == RedemptionState::Reversed {
        return Err(Code::AlreadyReversed.into());
    }
    let mut state = work.card(reverse.card)?;
    let (programme, _) = work.programme(reverse.programme)?;
    work.check_place(&reverse.place)?;
    check_reversal(work, reverse, (&redemption, &programme))?;
    for entry in work.posted(crate::ids::OpId(redemption.id.0)).iter().filter(|entry| entry.kind == EntryKind::Capture) {
        let lot = state.lot_mut(entry.lot).ok_or_else(|| Problem::from(Code::Internal))?;
        lot.available += entry.amount;
        let back = Posting::new(EntryKind::Reversal, Account::Redeemed, Account::Available, (entry.lot, entry.amount));
        work.post(&state, back.reversing(entry));
        work.repay(&mut state, (entry.lot, entry.amount));
    }
    if let Some(voucher) = redemption.voucher.and_then(|id| work.set.vouchers.get(&(work.org(), id))).cloned() {
        work.set.vouchers.put((work.org(), voucher.id), crate::ledger::Voucher { state: VoucherState::Reversed, ..voucher });
    }
    let points = redemption.points;
    work.set.redemptions.put(key, Redemption { state: RedemptionState::Reversed, ..redemption });
    work.fact("redemption", reverse.redemption);
    work.fact("sealed_reason", &reverse.sealed_reason);
    work.fact("place", &reverse.place);
    let card = work.settle(state, ChangeKind::Reversed, points)?;
    let at = work.context.now;
    Ok(Reversed { op: work.command.op.id, redemption: reverse.redemption, points, at, card }.into())
}

/// A clerk reverses at the same till within minutes; a manager anywhere within days.
fn check_reversal(work: &Work<'_>, reverse: &Reverse, (redemption, programme): (&Redemption, &Programme)) -> Result<(), Problem> {
    let age = work.context.now.since(redemption.at);
    let limits = &programme.limits;
    let allowed = if reverse.manager { limits.reversal_days * 86_400_000 } else { limits.reversal_minutes * 60_000 };
    if age > allowed {
        let who = if reverse.manager {
            format!("{} days", limits.reversal_days)
        } else {
            format!("{} minutes; a manager can", limits.reversal_minutes)
        };
        return Err(Problem::new(Code::ReversalTooLate, format!("It could be reversed for {who}.")));
    }
    let same_till = redemption.principal == work.command.op.principal
        && redemption.place.terminal == reverse.place.terminal
        && redemption.place.store == reverse.place.store;
    if !reverse.manager && !same_till {
        return Err(Problem::new(Code::Forbidden, "Another till redeemed this; a manager can reverse it."));
    }
    Ok(())
}
