//! A scan: who this is, how the card stands, what can be done now, and why the rest can't.

use serde::Serialize;

use crate::cards::{Caller, Core};
use crate::clock::Timestamp;
use crate::error::{Code, Problem};
use crate::ids::{CardId, MemberId, ProgrammeId, VoucherId};
use crate::ledger::{CardState, DocumentKey, EXPIRY_GRACE_MS, Place, Token, TokenKind, TokenState, VoucherState};
use crate::money::Currency;
use crate::programme::{Programme, Reward, Status, StoreDocument, TerminalDocument};
use crate::redemption::Resolved;

/// The answer to a scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ScanView {
    /// Who.
    pub member: ScannedMember,
    /// Which card.
    pub card: CardId,
    /// Its number for people.
    pub number: String,
    /// Its programme.
    pub programme: ProgrammeId,
    /// The programme's name in the language that was asked for.
    pub programme_name: String,
    /// The currency that its sales are counted in.
    #[schema(value_type = String, example = "KWD")]
    pub currency: Currency,
    /// Points that can be spent today.
    pub points: i64,
    /// Points that wait until the member has confirmed the contact; only there while that is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<i64>,
    /// Points on hold for open vouchers.
    pub held: i64,
    /// Points owed after returns.
    pub debt: i64,
    /// What was scanned.
    pub code: CodeView,
    /// What points buy, the affordable first.
    pub rewards: Vec<RewardView>,
}

/// A member as staff see one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ScannedMember {
    /// The id.
    pub id: MemberId,
    /// The name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `en` or `ar`.
    pub language: String,
}

/// What was scanned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct CodeView {
    /// What it is for.
    pub kind: TokenKind,
    /// Where it stands.
    pub state: TokenState,
    /// The most points that it may spend, for a card's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spends_up_to: Option<i64>,
    /// When it runs out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The voucher that it redeems.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voucher: Option<VoucherId>,
    /// Whether the card has a newer code: the pass should be refreshed.
    pub newer_code_exists: bool,
}

/// What points buy, for this card and code, now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct RewardView {
    /// Its id.
    pub id: String,
    /// Its name in the language that was asked for.
    pub name: String,
    /// Its price.
    pub points: i64,
    /// Whether it can be redeemed with this code now.
    pub available: bool,
    /// Why not: a code of the error list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Code>,
    /// How many points are missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<i64>,
}

/// What a scan goes by, beside the code.
#[derive(Debug, Clone, Copy)]
pub struct Scanning<'a> {
    /// The code as scanned or typed.
    pub code: &'a str,
    /// Where.
    pub place: &'a Place,
    /// `en` or `ar`.
    pub language: &'a str,
}

impl Core {
    /// Answers a scan. Changes nothing.
    ///
    /// # Errors
    /// `invalid_code`, `pass_replaced`, `code_expired`, `code_cancelled`, `member_erased`.
    pub async fn scan(&self, caller: &Caller, scanning: Scanning<'_>) -> Result<ScanView, Problem> {
        let Scanning { code: text, place, language } = scanning;
        let resolved = self.resolve(caller, text).await?;
        let (token, state) = self.check_current(caller, &resolved).await?;
        let programme = self.programme(caller.org, state.card.programme).await?;
        let member = self.db.member(caller.org, state.card.member).await?.ok_or_else(|| Problem::from(Code::Internal))?;
        let name = self.profile(&member)?.name;
        let verified = state.card.verified;
        let pending = (!verified).then(|| state.available());
        let points = if verified { state.spendable(self.clock.now().local_day(programme.zone())) } else { 0 };
        let spent = matches!(token.kind, TokenKind::Card | TokenKind::Rotating) && token.state == TokenState::Captured;
        let code = CodeView {
            kind: token.kind,
            state: token.state,
            spends_up_to: (token.kind == TokenKind::Card).then(|| programme.card_token_limit()),
            expires_at: token.expires_at,
            voucher: token.voucher,
            newer_code_exists: spent,
        };
        let blocked = self.blocked(caller, (&token, &state, &programme), place).await?;
        let rewards = match token.voucher {
            Some(id) => {
                self.voucher_reward(caller, id, Offer { programme: &programme, token: &token, language, blocked }).await?
            }
            None => rewards(Offer { programme: &programme, token: &token, language, blocked }, points),
        };
        Ok(ScanView {
            member: ScannedMember { id: member.id, name, language: member.language },
            card: state.card.id,
            number: state.card.number,
            programme: state.card.programme,
            programme_name: localised(&programme.name, language),
            currency: programme.currency,
            points,
            pending,
            held: state.card.held,
            debt: state.card.debt,
            code,
            rewards,
        })
    }

    /// The token's row and its card, if the code still stands for the card: a spent card code does until the pass is re-issued, and so does
    /// one that was renewed after a restore.
    pub(super) async fn check_current(&self, caller: &Caller, resolved: &Resolved) -> Result<(Token, CardState), Problem> {
        let row = self.db.token_row(caller.org, resolved.hash).await?;
        let token = row.or_else(|| resolved.unused(caller, self.clock.now())).ok_or_else(|| Problem::from(Code::InvalidCode))?;
        let state = self.card(caller.org, resolved.token.card).await?;
        if !state.card.active {
            return Err(Code::MemberErased.into());
        }
        let of_a_pass = matches!(token.kind, TokenKind::Card | TokenKind::Rotating | TokenKind::Identify);
        let of_old_pass = of_a_pass && token.pass != Some(state.card.pass);
        if of_old_pass || (token.state == TokenState::Replaced && !of_a_pass) {
            return Err(Code::PassReplaced.into());
        }
        let lapsed = token.state == TokenState::Issued
            && token.expires_at.is_some_and(|end| self.clock.now() > end.plus_millis(EXPIRY_GRACE_MS));
        match token.state {
            TokenState::Expired => Err(Code::CodeExpired.into()),
            _ if lapsed => Err(Problem::from(Code::CodeExpired).with("expired_at", token.expires_at)),
            TokenState::Cancelled => Err(Code::CodeCancelled.into()),
            _ => Ok((token, state)),
        }
    }

    /// Why nothing at all can be redeemed with this code at this place, in the order in which redeeming looks.
    async fn blocked(
        &self,
        caller: &Caller,
        of: (&Token, &CardState, &Programme),
        place: &Place,
    ) -> Result<Option<Code>, Problem> {
        let (token, state, programme) = of;
        if token.kind == TokenKind::Identify {
            return Ok(Some(Code::IdentifyOnly));
        }
        if token.state == TokenState::Captured {
            return Ok(Some(Code::AlreadyRedeemed));
        }
        if token.state == TokenState::Replaced {
            return Ok(Some(Code::PassReplaced));
        }
        if !caller.role.is_manager() && token.epoch < self.db.epoch().await? {
            return Ok(Some(Code::CodeFromBeforeRestore));
        }
        if !state.card.verified {
            return Ok(Some(Code::MemberUnverified));
        }
        if programme.status == Status::Disabled {
            return Ok(Some(Code::ProgrammeDisabled));
        }
        self.closed(caller, place).await
    }

    /// Whether the shop or the till is switched off.
    async fn closed(&self, caller: &Caller, place: &Place) -> Result<Option<Code>, Problem> {
        if let Some(store) = place.store {
            let document = self.db.document(DocumentKey::store(caller.org, store)).await?;
            let document = document.ok_or_else(|| Problem::field("store", "There is no such store."))?;
            if StoreDocument::parse(&document.body).map_err(|_| Problem::from(Code::Internal))?.status == Status::Disabled {
                return Ok(Some(Code::StoreDisabled));
            }
        }
        let Some(terminal) = place.terminal else { return Ok(None) };
        let document = self.db.document(DocumentKey::terminal(caller.org, terminal)).await?;
        let terminal = document.and_then(|document| TerminalDocument::parse(&document.body).ok());
        Ok(terminal.is_none_or(|terminal| terminal.status == Status::Disabled).then_some(Code::TerminalDisabled))
    }

    async fn voucher_reward(&self, caller: &Caller, id: VoucherId, offer: Offer<'_>) -> Result<Vec<RewardView>, Problem> {
        let voucher = self.db.voucher(caller.org, id).await?.ok_or_else(|| Problem::from(Code::Internal))?;
        let reward = offer.programme.reward(&voucher.reward);
        let switched_off = reward.is_some_and(|reward| reward.status == Status::Disabled);
        let reason = match voucher.state {
            _ if offer.blocked.is_some() => offer.blocked,
            VoucherState::Issued if switched_off => Some(Code::RewardDisabled),
            VoucherState::Issued => None,
            _ => Some(Code::VoucherNotOpen),
        };
        let name = reward.map_or_else(|| voucher.reward.clone(), |reward| localised(&reward.name, offer.language));
        Ok(vec![RewardView {
            id: voucher.reward,
            name,
            points: voucher.points,
            available: reason.is_none(),
            reason,
            missing: None,
        }])
    }
}

/// What a code is offered: by which rules, in which language, and why nothing at all if so.
#[derive(Clone, Copy)]
struct Offer<'a> {
    programme: &'a Programme,
    token: &'a Token,
    language: &'a str,
    blocked: Option<Code>,
}

fn rewards(offer: Offer<'_>, points: i64) -> Vec<RewardView> {
    let view = |reward: &Reward| {
        let reason = offer.blocked.or_else(|| why_not(offer, (reward, points)));
        let missing = (reward.points > points).then(|| reward.points - points);
        let name = localised(&reward.name, offer.language);
        RewardView { id: reward.id.clone(), name, points: reward.points, available: reason.is_none(), reason, missing }
    };
    let mut views: Vec<RewardView> = offer.programme.rewards.iter().map(view).collect();
    views.sort_by_key(|view| (!view.available, view.points));
    views
}

fn why_not(offer: Offer<'_>, (reward, points): (&Reward, i64)) -> Option<Code> {
    if reward.status == Status::Disabled {
        Some(Code::RewardDisabled)
    } else if reward.points > points {
        Some(Code::InsufficientPoints)
    } else if offer.token.kind == TokenKind::Card && reward.points > offer.programme.card_token_limit() {
        Some(Code::LiveCodeRequired)
    } else {
        None
    }
}

/// The text in a language, else in English.
fn localised(texts: &crate::programme::Localised, language: &str) -> String {
    texts.get(language).or_else(|| texts.get("en")).cloned().unwrap_or_default()
}
