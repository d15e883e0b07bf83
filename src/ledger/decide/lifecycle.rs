//! Lost phones, erasure, and the sweeps.

use super::contact::cards_of;
use super::enrol::{mint_card_token, mint_identify_token};
use super::redeem::hex;
use super::voucher;
use super::work::{Posting, Work};
use crate::error::{Code, Problem};
use crate::ids::{CardId, MemberId, VoucherId};
use crate::ledger::{
    Account, CardState, CardSummary, Change, ChangeKind, DocumentKey, EXPIRY_GRACE_MS, EntryKind, Erase, EraseCause, Erased,
    Expire, Identity, Member, Outcome, Pass, PassState, Reissue, Reissued, ShowOnGoogle, Swept, TokenHash, TokenState, Touch,
    Verification, VoucherState,
};

pub(super) fn reissue(work: &mut Work<'_>, reissue: &Reissue) -> Result<Outcome, Problem> {
    let mut state = work.card(reissue.card)?;
    let (_, document_version) = work.programme(reissue.programme)?;
    let mut new_ids = reissue.passes.iter().copied();
    let mut next_id = || new_ids.next().ok_or_else(|| Problem::from(Code::Internal));
    let replaced = state.card.pass;
    let old = work.pass(replaced)?;
    for hash in open_tokens(work, reissue.card) {
        let of_pass = work.set.tokens.get(&(work.org(), hash)).is_some_and(|token| token.pass.is_some());
        work.end_token(hash, if of_pass { TokenState::Replaced } else { TokenState::Cancelled });
    }
    work.void_pass(replaced, ChangeKind::Reissued)?;
    let mut pass = Pass {
        id: next_id()?,
        generation: 1,
        link_generation: 1,
        version: 1,
        seq: 0,
        state: PassState::Active,
        last_modified: work.context.now.seconds(),
        document_version,
        change: Change { kind: ChangeKind::Reissued, points: 0, at: work.context.now },
        ..old
    };
    pass.kid = mint_card_token(work, &pass);
    pass.auth_kid = pass.kid;
    if pass.on_google {
        mint_identify_token(work, &pass);
    }
    state.card.pass = pass.id;
    work.touch(pass.id);
    let summary = CardSummary::of(&state, pass.version);
    work.set.passes.put((work.org(), pass.id), pass);
    work.save_card(state);
    let vouchers = open_vouchers(work, reissue.card);
    for id in &vouchers {
        reissue_voucher(work, *id, (next_id()?, document_version))?;
    }
    work.fact("replaced", replaced);
    Ok(Reissued { op: work.command.op.id, replaced, vouchers, card: summary }.into())
}

fn reissue_voucher(
    work: &mut Work<'_>,
    id: VoucherId,
    (pass, document_version): (crate::ids::PassId, i64),
) -> Result<(), Problem> {
    let Some(mut voucher) = work.set.vouchers.get(&(work.org(), id)).cloned() else { return Ok(()) };
    let generation = work.next_generation(work.pass(voucher.pass)?.generation);
    work.void_pass(voucher.pass, ChangeKind::Reissued)?;
    voucher.pass = pass;
    voucher.token = voucher::add_pass(work, &voucher, generation);
    if let Some(new) = work.set.passes.get(&(work.org(), pass)).cloned() {
        work.set.passes.put((work.org(), pass), Pass { document_version, ..new });
    }
    work.set.vouchers.put((work.org(), id), voucher);
    Ok(())
}

fn open_vouchers(work: &Work<'_>, card: CardId) -> Vec<VoucherId> {
    let open = work.set.vouchers.iter().filter(|(_, voucher)| voucher.card == card && voucher.state == VoucherState::Issued);
    let mut ids: Vec<_> = open.map(|(_, voucher)| voucher.id).collect();
    ids.sort_unstable();
    ids
}

fn open_tokens(work: &Work<'_>, card: CardId) -> Vec<TokenHash> {
    let open = work.set.tokens.iter().filter(|(_, token)| token.card == card && token.state == TokenState::Issued);
    let mut hashes: Vec<_> = open.map(|(_, token)| token.hash).collect();
    hashes.sort_unstable();
    hashes
}

pub(super) fn erase(work: &mut Work<'_>, erase: &Erase) -> Result<Outcome, Problem> {
    let org = work.org();
    let member = work.set.members.get(&(org, erase.member)).cloned().ok_or_else(|| Problem::from(Code::NotFound))?;
    if !member.active {
        return Err(Code::MemberErased.into());
    }
    let cards = cards_of(work, member.id);
    if erase.cause == EraseCause::NeverVerified && cards.iter().any(|state| state.card.verified || !state.lots.is_empty()) {
        return Err(Problem::new(Code::VersionConflict, "The member earned points or confirmed the contact meanwhile."));
    }
    let mut forfeited = 0;
    for state in cards {
        forfeited += close_card(work, state)?;
    }
    free_identities(work, member.id);
    if let Some(row) = work.set.verifications.get(&(org, member.id)).cloned() {
        work.set.verifications.put((org, member.id), Verification { open: false, ..row });
    }
    work.set.members.put((org, member.id), Member { profile: None, active: false, ..member });
    work.fact("member", erase.member);
    Ok(Erased { op: work.command.op.id, member: erase.member, forfeited, at: work.context.now }.into())
}

/// Cancels vouchers, forfeits points, writes debt off, ends tokens, voids the pass. Says how many points were forfeited.
fn close_card(work: &mut Work<'_>, mut state: CardState) -> Result<i64, Problem> {
    for id in open_vouchers(work, state.card.id) {
        (_, state) = voucher::release(work, state, (id, VoucherState::Cancelled))?;
    }
    for hash in open_tokens(work, state.card.id) {
        work.end_token(hash, TokenState::Cancelled);
    }
    let mut forfeited = 0;
    for place in 0..state.lots.len() {
        let (number, amount) = (state.lots[place].number, std::mem::take(&mut state.lots[place].available));
        work.post(&state, Posting::new(EntryKind::Forfeit, Account::Available, Account::Forfeited, (number, amount)));
        forfeited += amount;
    }
    let debt = std::mem::take(&mut state.card.debt);
    work.post(&state, Posting::new(EntryKind::Forfeit, Account::Forfeited, Account::Debt, (0, debt)));
    work.void_pass(state.card.pass, ChangeKind::Erased)?;
    state.card.active = false;
    work.save_card(state);
    Ok(forfeited)
}

pub(super) fn free_identities(work: &mut Work<'_>, member: MemberId) {
    let hashes: Vec<_> =
        work.set.identities.iter().filter(|(_, identity)| identity.member == Some(member)).map(|(key, _)| *key).collect();
    for (org, hash) in hashes {
        work.set.identities.put((org, hash), Identity { org, hash, member: None });
    }
}

pub(super) fn expire(work: &mut Work<'_>, expire: &Expire) -> Result<Outcome, Problem> {
    let mut changed = 0;
    for (hash, card, voucher) in &expire.tokens {
        let Some(token) = work.set.tokens.get(&(work.org(), *hash)).cloned() else { continue };
        let over = token.state == TokenState::Issued
            && token.expires_at.is_some_and(|end| work.context.now > end.plus_millis(EXPIRY_GRACE_MS));
        if !over {
            continue;
        }
        changed += 1;
        work.fact_also("tokens", hex(hash));
        match voucher {
            Some(id) => {
                let state = work.card(*card)?;
                let (voucher, state) = voucher::release(work, state, (*id, VoucherState::Expired))?;
                work.settle(state, ChangeKind::VoucherReleased, voucher.points)?;
            }
            None => work.end_token(*hash, TokenState::Expired),
        }
    }
    Ok(Swept { op: work.command.op.id, changed }.into())
}

/// From now on the card's pass, and those of its open vouchers, are owed to Google Wallet as well. What they show is the same, but
/// their next version tells the sequencer.
pub(super) fn show_on_google(work: &mut Work<'_>, show: &ShowOnGoogle) -> Result<Outcome, Problem> {
    let state = work.card(show.card)?;
    let pass = work.pass(state.card.pass)?;
    let mut changed = 0;
    if !pass.on_google {
        mint_identify_token(work, &pass);
        let mut passes = vec![pass];
        for id in open_vouchers(work, show.card) {
            let voucher = work.set.vouchers.get(&(work.org(), id)).map(|voucher| voucher.pass);
            passes.extend(voucher.and_then(|id| work.pass(id).ok()));
        }
        changed = i64::try_from(passes.len()).unwrap_or(i64::MAX);
        for pass in passes {
            work.renew(Pass { on_google: true, ..pass });
        }
    }
    work.fact("card", show.card);
    Ok(Swept { op: work.command.op.id, changed }.into())
}

pub(super) fn touch(work: &mut Work<'_>, touch: &Touch) -> Result<Outcome, Problem> {
    let key = DocumentKey::programme(work.org(), touch.programme);
    let version = work.set.documents.get(&key).map_or(0, |document| document.version);
    let mut changed = 0;
    for id in &touch.passes {
        let Some(pass) = work.set.passes.get(&(work.org(), *id)).cloned() else { continue };
        if pass.document_version < version && pass.state == PassState::Active {
            work.renew(Pass { document_version: version, ..pass });
            changed += 1;
        }
    }
    Ok(Swept { op: work.command.op.id, changed }.into())
}
