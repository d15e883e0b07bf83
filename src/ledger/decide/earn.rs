//! Sales, returns, corrections.

use super::work::{Posting, Work};
use crate::error::{Code, Problem};
use crate::ids::{EarningId, ReturnId};
use crate::ledger::{
    Account, Adjust, Adjusted, CardState, ChangeKind, Earn, Earned, Earning, EntryKind, Outcome, ReturnSale, Returned,
};
use crate::money::{MAX_POINTS, Money};
use crate::programme::{Programme, Status};

pub(super) fn earn(work: &mut Work<'_>, earn: &Earn) -> Result<Outcome, Problem> {
    let state = work.card(earn.card)?;
    let (programme, version) = work.open_programme(earn.programme)?;
    work.check_place(&earn.place)?;
    check_receipt(work, earn)?;
    let total = earn.sale.total;
    check_currency(&programme, total)?;
    let points = programme
        .earning
        .points(total)
        .ok_or_else(|| Problem::field("total.amount", "The sale earns more points than we can count."))?;
    let points = points.min(programme.limits.points_per_sale);
    let id = EarningId(work.command.op.id.0);
    record_sale(work, earn, (id, points, version));
    let before = state.available();
    let (state, debt_repaid) = credit(work, state, points)?;
    let after = state.available();
    let afforded =
        |reward: &&crate::programme::Reward| reward.status == Status::Active && reward.points > before && reward.points <= after;
    let unlocked =
        programme.rewards.iter().filter(|_| state.card.verified).filter(afforded).map(|reward| reward.id.clone()).collect();
    work.count(&programme, earn.card, ("visits", 1));
    work.count(&programme, earn.card, ("spend", total.minor_units()));
    work.fact("earning", id);
    work.fact("receipt", &earn.sale.receipt);
    work.fact("total", total);
    work.fact("place", &earn.place);
    work.fact("programme_version", version);
    let card = work.settle(state, ChangeKind::Earned, points)?;
    let receipt = earn.sale.receipt.clone();
    let at = work.context.now;
    Ok(Earned { op: work.command.op.id, id, receipt, total, points, debt_repaid, unlocked, at, card }.into())
}

fn check_receipt(work: &Work<'_>, earn: &Earn) -> Result<(), Problem> {
    let key = (work.org(), earn.programme, earn.place.store, earn.sale.receipt.clone());
    let Some(first) = work.set.receipts.get(&key).copied() else { return Ok(()) };
    let mut problem = Problem::from(Code::ReceiptReused).with("earning", first);
    if let Some(first) = work.set.earnings.get(&(work.org(), first)) {
        problem = problem
            .with("recorded_at", first.recorded_at)
            .with("points", first.points)
            .with("same_card", first.card == earn.card);
    }
    Err(problem)
}

fn check_currency(programme: &Programme, total: Money) -> Result<(), Problem> {
    if total.currency() == programme.currency {
        return Ok(());
    }
    Err(Problem::new(Code::CurrencyMismatch, format!("The programme counts in {}.", programme.currency))
        .with("currency", programme.currency))
}

fn record_sale(work: &mut Work<'_>, earn: &Earn, (id, points, version): (EarningId, i64, i64)) {
    let org = work.org();
    let earning = Earning {
        org,
        id,
        programme: earn.programme,
        card: earn.card,
        place: earn.place.clone(),
        receipt: earn.sale.receipt.clone(),
        total: earn.sale.total.minor_units(),
        currency: earn.sale.total.currency(),
        returned: 0,
        points,
        returned_points: 0,
        programme_version: version,
        occurred_at: earn.sale.occurred_at,
        recorded_at: work.context.now,
        lines: earn.sale.lines.clone(),
    };
    work.set.receipts.put((org, earn.programme, earn.place.store, earning.receipt.clone()), id);
    work.set.earnings.put((org, id), earning);
}

/// Posts earned points to the lot without dates; debt is repaid from them first. Says how much was.
fn credit(work: &mut Work<'_>, mut state: CardState, points: i64) -> Result<(CardState, i64), Problem> {
    if state.available().checked_add(points).is_none_or(|sum| sum > MAX_POINTS) {
        return Err(Problem::field("total.amount", "The card would hold more points than we can count."));
    }
    let lot = state.lot_for(None, None);
    lot.available += points;
    let number = lot.number;
    work.post(&state, Posting::new(EntryKind::Earn, Account::Earned, Account::Available, (number, points)));
    let repaid = work.repay(&mut state, (number, points));
    Ok((state, repaid))
}

pub(super) fn return_sale(work: &mut Work<'_>, back: &ReturnSale) -> Result<Outcome, Problem> {
    let state = work.card(back.card)?;
    let (programme, _) = work.programme(back.programme)?;
    work.check_place(&back.place)?;
    check_currency(&programme, back.total)?;
    let key = (work.org(), back.earning);
    let mut earning = work.set.earnings.get(&key).cloned().ok_or_else(|| Problem::from(Code::NotFound))?;
    let money = |minor| Money::from_minor_units(minor, earning.currency).map_err(|_| Problem::from(Code::Internal));
    let left = earning.total - earning.returned - back.total.minor_units();
    if left < 0 {
        let left = money(earning.total - earning.returned)?;
        return Err(Problem::new(Code::ReturnExceedsSale, format!("{left} of the sale are left.")).with("left", left));
    }
    let left_money = money(left)?;
    let claw = earning.points - earning.returned_points - points_kept(&earning, left);
    earning.returned += back.total.minor_units();
    earning.returned_points += claw;
    work.set.earnings.put(key, earning);
    let (state, debt_added) = take_back(work, state, (&programme, back.earning, claw));
    work.fact("earning", back.earning);
    work.fact("total", back.total);
    work.fact("place", &back.place);
    let card = work.settle(state, ChangeKind::Returned, -claw)?;
    let id = ReturnId(work.command.op.id.0);
    let at = work.context.now;
    let op = work.command.op.id;
    Ok(Returned { op, id, earning: back.earning, total: back.total, left: left_money, points: claw, debt_added, at, card }.into())
}

/// The points that a sale keeps when `left` minor units of it are left: its share, rounded up, so that returns in parts never take more than
/// a return at once; none when nothing is left. It does not depend on rules that changed since.
fn points_kept(earning: &Earning, left: i64) -> i64 {
    if earning.total == 0 {
        return 0;
    }
    let share = (i128::from(earning.points) * i128::from(left) + i128::from(earning.total) - 1) / i128::from(earning.total);
    i64::try_from(share).unwrap_or(earning.points).min(earning.points - earning.returned_points)
}

/// Takes points back: from the lots that the sale credited, then from the others, the rest becomes debt. Says how much did.
fn take_back(
    work: &mut Work<'_>,
    mut state: CardState,
    (programme, earning, claw): (&Programme, EarningId, i64),
) -> (CardState, i64) {
    let mut left = claw;
    let mut taken: Vec<(i64, i64)> = Vec::new();
    for entry in work.posted(crate::ids::OpId(earning.0)).iter().filter(|entry| entry.credit == Account::Available) {
        if let Some(lot) = state.lot_mut(entry.lot) {
            let part = left.min(lot.available).min(entry.amount);
            lot.available -= part;
            left -= part;
            taken.push((entry.lot, part));
        }
    }
    let today = work.context.now.local_day(programme.zone());
    taken.extend(state.take(left, today));
    let rest = claw - taken.iter().map(|(_, part)| part).sum::<i64>();
    for part in taken {
        work.post(&state, Posting::new(EntryKind::Return, Account::Available, Account::Earned, part));
    }
    state.card.debt += rest;
    work.post(&state, Posting::new(EntryKind::Return, Account::Debt, Account::Earned, (0, rest)));
    (state, rest)
}

pub(super) fn adjust(work: &mut Work<'_>, adjust: &Adjust) -> Result<Outcome, Problem> {
    let mut state = work.card(adjust.card)?;
    let (programme, _) = work.programme(adjust.programme)?;
    if adjust.points > 0 {
        if state.available().checked_add(adjust.points).is_none_or(|sum| sum > MAX_POINTS) {
            return Err(Problem::field("points", "The card would hold more points than we can count."));
        }
        let lot = state.lot_for(None, None);
        lot.available += adjust.points;
        let number = lot.number;
        work.post(&state, Posting::new(EntryKind::Adjust, Account::Adjusted, Account::Available, (number, adjust.points)));
        work.repay(&mut state, (number, adjust.points));
    } else {
        let day = work.context.now.local_day(programme.zone());
        let spendable = state.spendable(day);
        if spendable < -adjust.points {
            return Err(
                Problem::new(Code::InsufficientPoints, format!("The card has {spendable} points.")).with("points", spendable)
            );
        }
        for part in state.take(-adjust.points, day) {
            work.post(&state, Posting::new(EntryKind::Adjust, Account::Available, Account::Adjusted, part));
        }
    }
    work.fact("sealed_reason", &adjust.sealed_reason);
    let card = work.settle(state, ChangeKind::Adjusted, adjust.points)?;
    let at = work.context.now;
    Ok(Adjusted { op: work.command.op.id, points: adjust.points, at, card }.into())
}
