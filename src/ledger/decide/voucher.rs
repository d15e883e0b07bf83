//! Vouchers: points on hold from issue to capture, cancellation or expiry.

use super::contact::need_verified;
use super::work::{Posting, Work};
use crate::error::{Code, Problem};
use crate::ids::{CardId, VoucherId};
use crate::ledger::{
    Account, CancelVoucher, Capture, CardState, CardSummary, Change, ChangeKind, EntryKind, IssueVoucher, LineSummary, Outcome,
    Pass, PassKind, PassState, Token, TokenHash, TokenKind, TokenState, Voucher, VoucherState, VoucherSummary,
};
use crate::programme::{Programme, Status};

pub(super) fn issue(work: &mut Work<'_>, issue: &IssueVoucher) -> Result<Outcome, Problem> {
    let mut state = work.card(issue.card)?;
    need_verified(&state)?;
    let (programme, version) = work.open_programme(issue.programme)?;
    work.check_place(&issue.place)?;
    let reward = programme.reward(&issue.reward).ok_or_else(|| Problem::from(Code::UnknownReward))?;
    if reward.status == Status::Disabled {
        return Err(Problem::from(Code::RewardDisabled).with("reward", &reward.id));
    }
    if state.card.open_vouchers >= programme.limits.open_vouchers {
        return Err(Problem::from(Code::TooManyVouchers).with("limit", programme.limits.open_vouchers));
    }
    let day = work.context.now.local_day(programme.zone());
    let spendable = state.spendable(day);
    if spendable < reward.points {
        let detail = format!("{} points are needed; the card has {spendable}.", reward.points);
        let problem = Problem::new(Code::InsufficientPoints, detail).with("needed", reward.points);
        return Err(problem.with("points", spendable).with("missing", reward.points - spendable));
    }
    for (lot, amount) in state.take(reward.points, day) {
        if let Some(lot) = state.lot_mut(lot) {
            lot.held += amount;
        }
        work.post(&state, Posting::new(EntryKind::Hold, Account::Available, Account::Held, (lot, amount)));
    }
    state.card.held += reward.points;
    state.card.open_vouchers += 1;
    let expires_at = work.context.now.plus_seconds(programme.tokens.voucher_days * 86_400);
    let mut voucher = Voucher {
        org: work.org(),
        id: VoucherId(work.command.op.id.0),
        card: issue.card,
        programme: issue.programme,
        pass: issue.pass,
        reward: reward.id.clone(),
        points: reward.points,
        state: VoucherState::Issued,
        token: TokenHash::default(),
        issued_at: work.context.now,
        expires_at: Some(expires_at),
        programme_version: version,
    };
    voucher.token = add_pass(work, &voucher, 1);
    work.set.vouchers.put((work.org(), voucher.id), voucher.clone());
    work.fact_also("vouchers", voucher.id);
    work.fact("reward", &voucher.reward);
    work.fact("place", &issue.place);
    work.fact("programme_version", version);
    let card = work.settle(state, ChangeKind::VoucherIssued, -voucher.points)?;
    Ok(summary(work, &voucher, card))
}

/// Makes a voucher's pass and its token of a generation; says what the token hashes to.
pub(super) fn add_pass(work: &mut Work<'_>, voucher: &Voucher, generation: i64) -> TokenHash {
    let org = work.org();
    let now = work.context.now;
    let (kid, hash) = mint_token(work, voucher, generation);
    let pass = Pass {
        org,
        id: voucher.pass,
        kind: PassKind::Voucher,
        card: voucher.card,
        programme: voucher.programme,
        voucher: Some(voucher.id),
        auth_kid: kid,
        kid,
        generation,
        link_generation: 1,
        version: 1,
        last_modified: now.seconds(),
        seq: 0,
        state: PassState::Active,
        document_version: voucher.programme_version,
        change: Change { kind: ChangeKind::VoucherIssued, points: 0, at: now },
        on_google: card_is_on_google(work, voucher.card),
    };
    work.touch(pass.id);
    work.set.passes.put((org, pass.id), pass);
    hash
}

/// Makes a voucher's token of a generation; says under which master key, and what it hashes to.
fn mint_token(work: &mut Work<'_>, voucher: &Voucher, generation: i64) -> (u8, TokenHash) {
    let org = work.org();
    let (kid, hash) = work.context.mint.mint(org, TokenKind::Voucher, &voucher.id.0, generation);
    let token = Token {
        org,
        hash,
        kid,
        kind: TokenKind::Voucher,
        generation,
        card: voucher.card,
        pass: Some(voucher.pass),
        voucher: Some(voucher.id),
        state: TokenState::Issued,
        issued_at: work.context.now,
        expires_at: voucher.expires_at,
        captured_by: None,
        epoch: work.set.epoch,
    };
    work.set.tokens.put((org, hash), token);
    (kid, hash)
}

/// The voucher's pass shows the next code from now on. The caller ends the one before.
pub(super) fn renew_token(work: &mut Work<'_>, voucher: Voucher) -> Result<(), Problem> {
    let mut pass = work.pass(voucher.pass)?;
    pass.generation = work.next_generation(pass.generation);
    let (kid, token) = mint_token(work, &voucher, pass.generation);
    pass.kid = kid;
    work.renew(pass);
    work.set.vouchers.put((work.org(), voucher.id), Voucher { token, ..voucher });
    Ok(())
}

/// A voucher goes where the card is.
fn card_is_on_google(work: &Work<'_>, card: CardId) -> bool {
    let state = work.set.cards.get(&(work.org(), card));
    state.and_then(|state| work.set.passes.get(&(work.org(), state.card.pass))).is_some_and(|pass| pass.on_google)
}

pub(super) fn cancel(work: &mut Work<'_>, cancel: &CancelVoucher) -> Result<Outcome, Problem> {
    let state = work.card(cancel.card)?;
    work.check_place(&cancel.place)?;
    work.fact("place", &cancel.place);
    let (voucher, state) = release(work, state, (cancel.voucher, VoucherState::Cancelled))?;
    let card = work.settle(state, ChangeKind::VoucherReleased, voucher.points)?;
    Ok(summary(work, &voucher, card))
}

/// Gives an open voucher's hold back to its lots, ends its token and voids its pass. The caller saves the card.
pub(super) fn release(
    work: &mut Work<'_>,
    mut state: CardState,
    (id, ending): (VoucherId, VoucherState),
) -> Result<(Voucher, CardState), Problem> {
    let voucher = open_voucher(work, (state.card.id, id))?;
    for hold in holds(work, id) {
        let lot = state.lot_mut(hold.lot).ok_or_else(|| Problem::from(Code::Internal))?;
        lot.held -= hold.amount;
        lot.available += hold.amount;
        let back = Posting::new(EntryKind::Release, Account::Held, Account::Available, (hold.lot, hold.amount));
        work.post(&state, back.resolving(&hold));
        work.repay(&mut state, (hold.lot, hold.amount));
    }
    let token_state = if ending == VoucherState::Expired { TokenState::Expired } else { TokenState::Cancelled };
    work.end_token(voucher.token, token_state);
    let voucher = close(work, &mut state, (voucher, ending))?;
    Ok((voucher, state))
}

/// Redeems an open voucher: its hold becomes the spending. Says what was bought and how the card stands.
pub(super) fn redeem(
    work: &mut Work<'_>,
    state: CardState,
    (id, capture, programme): (VoucherId, &Capture, &Programme),
) -> Result<(Vec<LineSummary>, CardSummary), Problem> {
    let voucher = open_voucher(work, (state.card.id, id))?;
    let fits = match capture.lines.as_slice() {
        [] => true,
        [line] => line.reward == voucher.reward && line.quantity == 1,
        _ => false,
    };
    if !fits {
        return Err(Problem::from(Code::RewardMismatch).with("reward", &voucher.reward));
    }
    let reward = programme.reward(&voucher.reward);
    if reward.is_some_and(|reward| reward.status == Status::Disabled) {
        return Err(Problem::from(Code::RewardDisabled).with("reward", &voucher.reward));
    }
    let name = reward.and_then(|reward| reward.name.get("en").cloned()).unwrap_or_else(|| voucher.reward.clone());
    let value = reward.and_then(|reward| reward.value);
    let line = LineSummary { reward: voucher.reward.clone(), name, quantity: 1, points: voucher.points, value };
    let card = spend(work, state, voucher)?;
    Ok((vec![line], card))
}

/// An open voucher's hold becomes the spending, and its pass is void. Saves the card and says how it stands.
pub(super) fn spend(work: &mut Work<'_>, mut state: CardState, voucher: Voucher) -> Result<CardSummary, Problem> {
    for hold in holds(work, voucher.id) {
        let lot = state.lot_mut(hold.lot).ok_or_else(|| Problem::from(Code::Internal))?;
        lot.held -= hold.amount;
        let spent = Posting::new(EntryKind::Capture, Account::Held, Account::Redeemed, (hold.lot, hold.amount));
        work.post(&state, spent.resolving(&hold));
    }
    let points = voucher.points;
    close(work, &mut state, (voucher, VoucherState::Captured))?;
    work.settle(state, ChangeKind::Redeemed, -points)
}

/// The open voucher of a card; another card's is as if it were not there.
pub(super) fn open_voucher(work: &Work<'_>, (card, id): (CardId, VoucherId)) -> Result<Voucher, Problem> {
    let voucher = work.set.vouchers.get(&(work.org(), id)).filter(|voucher| voucher.card == card).cloned();
    let voucher = voucher.ok_or_else(|| Problem::from(Code::NotFound))?;
    if voucher.state != VoucherState::Issued {
        return Err(Problem::from(Code::VoucherNotOpen).with("state", voucher.state));
    }
    Ok(voucher)
}

fn holds(work: &Work<'_>, id: VoucherId) -> Vec<crate::ledger::Entry> {
    let mut entries = work.posted(crate::ids::OpId(id.0));
    entries.retain(|entry| entry.kind == EntryKind::Hold);
    entries
}

fn close(work: &mut Work<'_>, state: &mut CardState, (voucher, ending): (Voucher, VoucherState)) -> Result<Voucher, Problem> {
    state.card.held -= voucher.points;
    state.card.open_vouchers -= 1;
    let kind = if ending == VoucherState::Captured { ChangeKind::Redeemed } else { ChangeKind::VoucherReleased };
    work.void_pass(voucher.pass, kind)?;
    let voucher = Voucher { state: ending, ..voucher };
    work.set.vouchers.put((work.org(), voucher.id), voucher.clone());
    work.fact_also("vouchers", voucher.id);
    Ok(voucher)
}

fn summary(work: &Work<'_>, voucher: &Voucher, card: CardSummary) -> Outcome {
    VoucherSummary {
        op: work.command.op.id,
        id: voucher.id,
        reward: voucher.reward.clone(),
        points: voucher.points,
        state: voucher.state,
        pass: voucher.pass,
        expires_at: voucher.expires_at,
        card,
    }
    .into()
}
