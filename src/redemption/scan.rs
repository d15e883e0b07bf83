//! A scan: who this is, how the card stands, what can be done now, and why the rest can't.

use serde::Serialize;

use crate::cards::{Caller, Core};
use crate::clock::Timestamp;
use crate::error::{Code, Problem};
use crate::ids::{CardId, MemberId, ProgrammeId, VoucherId};
use crate::ledger::{CardState, EXPIRY_GRACE_MS, Token, TokenKind, TokenState, VoucherState};
use crate::programme::{Programme, Reward, Status};
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
    /// Points that can be spent today.
    pub points: i64,
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

impl Core {
    /// Answers a scan. Changes nothing.
    ///
    /// # Errors
    /// `invalid_code`, `pass_replaced`, `code_expired`, `code_cancelled`, `member_erased`.
    pub async fn scan(&self, caller: &Caller, (text, language): (&str, &str)) -> Result<ScanView, Problem> {
        let resolved = self.resolve(caller, text).await?;
        let (token, state) = self.check_current(caller, &resolved).await?;
        let programme = self.programme(caller.org, state.card.programme).await?;
        let member = self.db.member(caller.org, state.card.member).await?.ok_or_else(|| Problem::from(Code::Internal))?;
        let name = self.profile(&member)?.name;
        let points = state.spendable(self.clock.now().local_day(programme.zone()));
        let spent = matches!(token.kind, TokenKind::Card | TokenKind::Rotating) && token.state == TokenState::Captured;
        let code = CodeView {
            kind: token.kind,
            state: token.state,
            spends_up_to: (token.kind == TokenKind::Card).then(|| programme.card_token_limit()),
            expires_at: token.expires_at,
            voucher: token.voucher,
            newer_code_exists: spent,
        };
        let rewards = match token.voucher {
            Some(id) => self.voucher_reward(caller, id, (&programme, &token, language)).await?,
            None => rewards(&programme, &token, (points, language)),
        };
        Ok(ScanView {
            member: ScannedMember { id: member.id, name, language: member.language },
            card: state.card.id,
            number: state.card.number,
            programme: state.card.programme,
            points,
            held: state.card.held,
            debt: state.card.debt,
            code,
            rewards,
        })
    }

    /// The token's row and its card, if the code still stands for the card: a spent card code does until the pass is re-issued.
    pub(super) async fn check_current(&self, caller: &Caller, resolved: &Resolved) -> Result<(Token, CardState), Problem> {
        let row = self.db.token_row(caller.org, resolved.hash).await?;
        let token = row.or_else(|| resolved.unused(caller, self.clock.now())).ok_or_else(|| Problem::from(Code::InvalidCode))?;
        let state = self.card(caller.org, resolved.token.card).await?;
        if !state.card.active {
            return Err(Code::MemberErased.into());
        }
        let of_a_pass = matches!(token.kind, TokenKind::Card | TokenKind::Rotating | TokenKind::Identify);
        let of_old_pass = of_a_pass && token.pass != Some(state.card.pass);
        if of_old_pass || token.state == TokenState::Replaced {
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

    async fn voucher_reward(
        &self,
        caller: &Caller,
        id: VoucherId,
        (programme, token, language): (&Programme, &Token, &str),
    ) -> Result<Vec<RewardView>, Problem> {
        let voucher = self.db.voucher(caller.org, id).await?.ok_or_else(|| Problem::from(Code::Internal))?;
        let reward = programme.reward(&voucher.reward);
        let switched_off = reward.is_some_and(|reward| reward.status == Status::Disabled);
        let reason = match voucher.state {
            _ if programme.status == Status::Disabled => Some(Code::ProgrammeDisabled),
            _ if switched_off => Some(Code::RewardDisabled),
            VoucherState::Issued if token.state == TokenState::Issued => None,
            VoucherState::Captured | VoucherState::Reversed => Some(Code::AlreadyRedeemed),
            _ => Some(Code::VoucherNotOpen),
        };
        let name = reward.map_or_else(|| voucher.reward.clone(), |reward| localised(&reward.name, language));
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

fn rewards(programme: &Programme, token: &Token, (points, language): (i64, &str)) -> Vec<RewardView> {
    let mut views: Vec<RewardView> = programme
        .rewards
        .iter()
        .map(|reward| {
            let reason = why_not(programme, token, (reward, points));
            let missing = (reward.points > points).then(|| reward.points - points);
            let name = localised(&reward.name, language);
            RewardView { id: reward.id.clone(), name, points: reward.points, available: reason.is_none(), reason, missing }
        })
        .collect();
    views.sort_by_key(|view| (!view.available, view.points));
    views
}

fn why_not(programme: &Programme, token: &Token, (reward, points): (&Reward, i64)) -> Option<Code> {
    if programme.status == Status::Disabled {
        Some(Code::ProgrammeDisabled)
    } else if reward.status == Status::Disabled {
        Some(Code::RewardDisabled)
    } else if token.kind == TokenKind::Identify {
        Some(Code::LiveCodeRequired)
    } else if token.state == TokenState::Captured {
        Some(Code::AlreadyRedeemed)
    } else if reward.points > points {
        Some(Code::InsufficientPoints)
    } else if token.kind == TokenKind::Card && reward.points > programme.card_token_limit() {
        Some(Code::LiveCodeRequired)
    } else {
        None
    }
}

/// The text in a language, else in English.
fn localised(texts: &crate::programme::Localised, language: &str) -> String {
    texts.get(language).or_else(|| texts.get("en")).cloned().unwrap_or_default()
}
