//! Proving a contact, and changing what is known of a member. Who has typed a contact has not proven it: until then points wait.

use aws_lc_rs::constant_time::verify_slices_are_equal;

use super::lifecycle;
use super::work::Work;
use crate::clock::Timestamp;
use crate::error::{Code, Problem};
use crate::ids::MemberId;
use crate::ledger::contact::{CODE_LIVES_MS, CODE_PAUSE_MS, CODE_TRIES, CODES_A_DAY, CODES_AN_HOUR};
use crate::ledger::{
    CardState, ChangeKind, ChangeProfile, Claim, CodeSent, CodeTried, ContactCommand, Identity, Member, MemberChanged, Outcome,
    Proof, Reissue, SendCode, Verification, Verify,
};

/// Milliseconds of an hour and of a day.
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

pub(super) fn decide(work: &mut Work<'_>, command: &ContactCommand) -> Result<Outcome, Problem> {
    match command {
        ContactCommand::SendCode(send) => send_code(work, send),
        ContactCommand::Verify(verify) => self::verify(work, verify),
        ContactCommand::ChangeProfile(change) => change_profile(work, change),
    }
}

/// Makes a new code in place of the old one, unless there were too many. That none is sent is an outcome, too: it is told when one can be.
fn send_code(work: &mut Work<'_>, send: &SendCode) -> Result<Outcome, Problem> {
    active_member(work, send.member)?;
    let key = (work.org(), send.member);
    let (op, member, now) = (work.command.op.id, send.member, work.context.now);
    work.fact("member", member);
    let known = work.set.verifications.get(&key).filter(|row| row.open).cloned();
    let number = known.as_ref().map_or(0, |row| row.number);
    if unproven(work, member).is_empty() {
        return Ok(CodeSent { op, member, sent: false, wait_ms: 0, number, with_link: false }.into());
    }
    let mut sent = known.as_ref().map(|row| row.sent.clone()).unwrap_or_default();
    sent.retain(|at| now.since(*at) < DAY_MS);
    let claimed = send.for_claim || known.is_some_and(|row| row.claimed);
    let wait_ms = pause(&sent, now);
    if wait_ms > 0 {
        return Ok(CodeSent { op, member, sent: false, wait_ms, number, with_link: false }.into());
    }
    sent.push(now);
    let row = Verification {
        org: work.org(),
        member,
        number: number + 1,
        code: send.code,
        made_at: now,
        tries: 0,
        sent,
        claimed,
        open: true,
    };
    work.set.verifications.put(key, row);
    Ok(CodeSent { op, member, sent: true, wait_ms: CODE_PAUSE_MS, number: number + 1, with_link: !claimed }.into())
}

/// How long to wait until the next code may be sent.
fn pause(sent: &[Timestamp], now: Timestamp) -> i64 {
    let until = |at: Option<&Timestamp>, window: i64| at.map_or(0, |at| window - now.since(*at)).max(0);
    let nth_last = |count: usize| sent.len().checked_sub(count).and_then(|place| sent.get(place));
    until(sent.last(), CODE_PAUSE_MS).max(until(nth_last(CODES_AN_HOUR), HOUR_MS)).max(until(nth_last(CODES_A_DAY), DAY_MS))
}

/// Tries a code. A wrong one is an outcome, so that it counts.
fn verify(work: &mut Work<'_>, verify: &Verify) -> Result<Outcome, Problem> {
    let member = active_member(work, verify.member)?;
    work.fact("member", member.id);
    let (op, key, now) = (work.command.op.id, (work.org(), member.id), work.context.now);
    let tried = |verified, tries_left, card| CodeTried { op, member: member.id, verified, tries_left, card };
    let Some(row) = work.set.verifications.get(&key).filter(|row| row.open).cloned() else {
        return Ok(tried(false, 0, None).into());
    };
    let cards = unproven(work, member.id);
    let over = now.since(row.made_at) > CODE_LIVES_MS || row.tries >= CODE_TRIES || cards.is_empty();
    if over || !claim_fits(verify.claim.as_ref(), &cards) {
        return Ok(tried(false, 0, None).into());
    }
    let right = match verify.proof {
        Proof::Code(code) => verify_slices_are_equal(&code, &row.code).is_ok(),
        Proof::Link(number) => number == row.number && !row.claimed,
    };
    if !right {
        let tries = row.tries + 1;
        work.set.verifications.put(key, Verification { tries, ..row });
        return Ok(tried(false, CODE_TRIES - tries, None).into());
    }
    work.set.verifications.put(key, Verification { open: false, ..row });
    let card = verify.claim.as_ref().map_or_else(|| cards.first().map(|state| state.card.id), |claim| Some(claim.card));
    for mut state in cards {
        state.card.verified = true;
        work.fact_also("cards", state.card.id);
        work.settle(state, ChangeKind::Updated, 0)?;
    }
    if let Some(claim) = &verify.claim {
        hand_over(work, (member.clone(), claim))?;
    }
    Ok(tried(true, 0, card).into())
}

fn claim_fits(claim: Option<&Claim>, cards: &[CardState]) -> bool {
    claim.is_none_or(|claim| cards.iter().any(|state| state.card.id == claim.card && state.card.programme == claim.programme))
}

/// The card becomes that of whoever proved the contact: their own name and answers, and new passes, so that the one who made it has no way in.
fn hand_over(work: &mut Work<'_>, (member, claim): (Member, &Claim)) -> Result<(), Problem> {
    let key = (work.org(), member.id);
    work.set.members.put(key, Member { profile: Some(claim.profile.clone()), language: claim.language.clone(), ..member });
    let reissue = Reissue { card: claim.card, programme: claim.programme, passes: claim.passes.clone() };
    lifecycle::reissue(work, &reissue).map(|_| ())
}

fn change_profile(work: &mut Work<'_>, change: &ChangeProfile) -> Result<Outcome, Problem> {
    let member = active_member(work, change.member)?;
    let conflict = || Problem::new(Code::VersionConflict, "The member's data was changed by someone else.");
    if member.profile.as_ref().is_none_or(|profile| profile.digest() != change.seen) {
        return Err(conflict());
    }
    if let Some(identities) = &change.identities {
        if cards_of(work, member.id).iter().any(|state| state.card.verified) {
            return Err(conflict());
        }
        change_contact(work, (member.id, identities))?;
    }
    let id = member.id;
    work.set.members.put((work.org(), id), Member { profile: Some(change.profile.clone()), ..member });
    work.fact("member", id);
    Ok(MemberChanged { op: work.command.op.id, member: id, at: work.context.now }.into())
}

/// Gives the old contact free and takes the new one; a code that went to the old one is worth nothing.
fn change_contact(work: &mut Work<'_>, (member, identities): (MemberId, &[[u8; 32]])) -> Result<(), Problem> {
    let org = work.org();
    let owner = |work: &Work<'_>, hash| work.set.identities.get(&(org, hash)).and_then(|identity| identity.member);
    if let Some(other) = identities.iter().find_map(|hash| owner(work, *hash).filter(|owner| *owner != member)) {
        return Err(Problem::from(Code::AlreadyMember).with("member", other));
    }
    lifecycle::free_identities(work, member);
    for hash in identities {
        work.set.identities.put((org, *hash), Identity { org, hash: *hash, member: Some(member) });
    }
    if let Some(row) = work.set.verifications.get(&(org, member)).filter(|row| row.open).cloned() {
        // The pause is for the old contact's sake; the new one is written to at once, within the hour's and the day's bounds.
        let mut sent = row.sent.clone();
        if let Some(last) = sent.last_mut() {
            *last = last.plus_millis(-CODE_PAUSE_MS);
        }
        work.set.verifications.put((org, member), Verification { tries: CODE_TRIES, sent, ..row });
    }
    Ok(())
}

fn active_member(work: &Work<'_>, id: MemberId) -> Result<Member, Problem> {
    let member = work.set.members.get(&(work.org(), id)).cloned().ok_or_else(|| Problem::from(Code::NotFound))?;
    if member.active { Ok(member) } else { Err(Code::MemberErased.into()) }
}

/// The living cards of a member, by id.
pub(super) fn cards_of(work: &Work<'_>, member: MemberId) -> Vec<CardState> {
    let cards = work.set.cards.iter().filter(|(_, state)| state.card.member == member && state.card.active);
    let mut cards: Vec<CardState> = cards.map(|(_, state)| state.clone()).collect();
    cards.sort_by_key(|state| state.card.id);
    cards
}

fn unproven(work: &Work<'_>, member: MemberId) -> Vec<CardState> {
    let mut cards = cards_of(work, member);
    cards.retain(|state| !state.card.verified);
    cards
}

/// Refuses while the contact is not proven: what was earned waits until then.
pub(super) fn need_verified(state: &CardState) -> Result<(), Problem> {
    if state.card.verified {
        return Ok(());
    }
    let detail = "The member has not confirmed the contact yet: the points wait until the code is entered that was sent there.";
    Err(Problem::new(Code::MemberUnverified, detail).with("pending", state.available()))
}
