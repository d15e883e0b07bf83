//! Joining, and codes for a card.

use super::work::Work;
use crate::error::{Code, Problem};
use crate::ledger::{
    Card, CardState, CardSummary, Change, ChangeKind, CodesIssued, ContactTrust, Enrol, EnrolMember, Enrolled, Identity,
    IssueCode, Member, NewMember, Outcome, Pass, PassKind, PassState, Token, TokenKind, TokenState,
};
use crate::programme::Programme;

/// A pass has one identify token.
pub const IDENTIFY_GENERATION: i64 = 1;

pub(super) fn enrol(work: &mut Work<'_>, enrol: &Enrol) -> Result<Outcome, Problem> {
    let (programme, document_version) = work.open_programme(enrol.programme)?;
    let member = match &enrol.member {
        EnrolMember::New(new) => add_member(work, new)?,
        EnrolMember::Existing(id) => {
            let member = work.set.members.get(&(work.org(), *id)).ok_or_else(|| Problem::from(Code::NotFound))?;
            if !member.active {
                return Err(Code::MemberErased.into());
            }
            *id
        }
    };
    if let Some(card) = work.set.cards_of.get(&(work.org(), member, enrol.programme)) {
        return Err(Problem::new(Code::AlreadyMember, "The member has a card in this programme.").with("card", card));
    }
    let now = work.context.now;
    let pass = new_pass(work, enrol, document_version);
    let state = CardState {
        card: Card {
            org: work.org(),
            id: enrol.card,
            programme: enrol.programme,
            member,
            number: enrol.number.clone(),
            held: 0,
            debt: 0,
            pass: enrol.pass,
            code_generation: 0,
            open_vouchers: 0,
            verified: !(programme.join.verify && enrol.trust == ContactTrust::Told),
            active: true,
            created_at: now,
        },
        lots: Vec::new(),
    };
    let summary = CardSummary::of(&state, pass.version);
    work.set.cards_of.put((work.org(), member, enrol.programme), enrol.card);
    work.touch(pass.id);
    work.set.passes.put((work.org(), pass.id), pass);
    work.save_card(state);
    work.fact("member", member);
    work.fact("card", enrol.card);
    if let Some(channel) = &enrol.channel {
        work.fact("channel", channel);
    }
    Ok(Enrolled { op: work.command.op.id, member, card: summary }.into())
}

fn add_member(work: &mut Work<'_>, new: &NewMember) -> Result<crate::ids::MemberId, Problem> {
    let org = work.org();
    for hash in &new.identities {
        let owner = work.set.identities.get(&(org, *hash)).and_then(|identity| identity.member);
        if let Some(owner) = owner {
            return Err(Problem::from(Code::AlreadyMember).with("member", owner));
        }
    }
    for hash in &new.identities {
        work.set.identities.put((org, *hash), Identity { org, hash: *hash, member: Some(new.id) });
    }
    let member = Member {
        org,
        id: new.id,
        language: new.language.clone(),
        profile: Some(new.profile.clone()),
        active: true,
        created_at: work.context.now,
    };
    work.set.members.put((org, new.id), member);
    Ok(new.id)
}

fn new_pass(work: &mut Work<'_>, enrol: &Enrol, document_version: i64) -> Pass {
    let now = work.context.now;
    let mut pass = Pass {
        org: work.org(),
        id: enrol.pass,
        kind: PassKind::Card,
        card: enrol.card,
        programme: enrol.programme,
        voucher: None,
        auth_kid: 0,
        kid: 0,
        generation: 1,
        link_generation: 1,
        version: 1,
        last_modified: now.seconds(),
        seq: 0,
        state: PassState::Active,
        document_version,
        change: Change { kind: ChangeKind::Joined, points: 0, at: now },
        on_google: false,
    };
    pass.kid = mint_card_token(work, &pass);
    pass.auth_kid = pass.kid;
    pass
}

/// Makes the token of a card's pass for the pass's present generation; says under which master key.
pub(super) fn mint_card_token(work: &mut Work<'_>, pass: &Pass) -> u8 {
    mint_pass_token(work, pass, (TokenKind::Card, pass.generation))
}

/// Makes the fixed code of a card's pass in Google Wallet, which identifies and never spends. It is the same for the pass's life.
pub(super) fn mint_identify_token(work: &mut Work<'_>, pass: &Pass) {
    mint_pass_token(work, pass, (TokenKind::Identify, IDENTIFY_GENERATION));
}

fn mint_pass_token(work: &mut Work<'_>, pass: &Pass, (kind, generation): (TokenKind, i64)) -> u8 {
    let (kid, hash) = work.context.mint.mint(pass.org, kind, &pass.id.0, generation);
    let token = Token {
        org: pass.org,
        hash,
        kid,
        kind,
        generation,
        card: pass.card,
        pass: Some(pass.id),
        voucher: None,
        state: TokenState::Issued,
        issued_at: work.context.now,
        expires_at: None,
        captured_by: None,
        epoch: work.set.epoch,
    };
    work.set.tokens.put((pass.org, hash), token);
    kid
}

pub(super) fn issue_code(work: &mut Work<'_>, issue: &IssueCode) -> Result<Outcome, Problem> {
    let mut state = work.card(issue.card)?;
    let (programme, _) = work.open_programme(state.card.programme)?;
    state.card.code_generation = free_generation(work, &state, issue.skip);
    work.fact("card", issue.card);
    work.fact("generation", state.card.code_generation);
    let (kid, live_expires_at) = mint_code(work, &state, (TokenKind::Live, &programme));
    let (_, typed_expires_at) = mint_code(work, &state, (TokenKind::Typed, &programme));
    let generation = state.card.code_generation;
    work.save_card(state);
    Ok(CodesIssued { op: work.command.op.id, card: issue.card, kid, generation, live_expires_at, typed_expires_at }.into())
}

/// The next generation whose typed code no other card of the batch has; a code that the database has is refused there, and the
/// caller skips.
fn free_generation(work: &Work<'_>, state: &CardState, skip: i64) -> i64 {
    let card = &state.card;
    let mut generation = work.next_generation(card.code_generation) + skip;
    while work.set.tokens.get(&(card.org, work.context.mint.mint(card.org, TokenKind::Typed, &card.id.0, generation).1)).is_some()
    {
        generation += 1;
    }
    generation
}

fn mint_code(
    work: &mut Work<'_>,
    state: &CardState,
    (kind, programme): (TokenKind, &Programme),
) -> (u8, crate::clock::Timestamp) {
    let card = &state.card;
    let lives = if kind == TokenKind::Live { programme.tokens.live_seconds } else { programme.tokens.typed_seconds };
    let expires_at = work.context.now.plus_seconds(lives);
    let (kid, hash) = work.context.mint.mint(card.org, kind, &card.id.0, card.code_generation);
    let token = Token {
        org: card.org,
        hash,
        kid,
        kind,
        generation: card.code_generation,
        card: card.id,
        pass: None,
        voucher: None,
        state: TokenState::Issued,
        issued_at: work.context.now,
        expires_at: Some(expires_at),
        captured_by: None,
        epoch: work.set.epoch,
    };
    work.set.tokens.put((card.org, hash), token);
    (kid, expires_at)
}
