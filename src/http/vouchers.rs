//! Vouchers: points swapped for a reward, to be redeemed later.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::cards::voucher_view;
use crate::error::{Code, Problem};
use crate::http::auth::Authenticated;
use crate::http::checks;
use crate::http::extract::{Body, Id, IdempotencyKey};
use crate::http::problem::Handled;
use crate::http::{State, answer};
use crate::ids::{CardId, PassId, VoucherId};
use crate::ledger::{self, Voucher, VoucherSummary};
use crate::programme::Scope;

/// Which reward for which card.
#[derive(Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewVoucher {
    /// The card.
    pub card: CardId,
    /// The reward's id.
    pub reward: String,
}

/// Swaps points for a voucher with its own one-time code and pass; the points are on hold until it is redeemed, cancelled or runs out.
#[utoipa::path(post, path = "/v1/vouchers", tag = "vouchers", request_body = NewVoucher,
    responses((status = 201, description = "The voucher and the links of its pass", body = Value)))]
pub async fn create(state: State, caller: Authenticated, key: IdempotencyKey, body: Body<NewVoucher>) -> Handled {
    caller.0.need(Scope::MembersWrite)?;
    checks::text("reward", &body.0.reward, 40)?;
    let asked = state.core.asked(&caller.0, key.0, ("POST /v1/vouchers", &body.0));
    let card = state.core.card(caller.0.org, body.0.card).await?;
    caller.0.may_use(card.card.programme)?;
    let issue = ledger::IssueVoucher {
        card: body.0.card,
        programme: card.card.programme,
        reward: body.0.reward,
        pass: PassId(state.core.ids.random()),
        place: caller.0.place(None, None)?,
    };
    let decided = state.core.ask(&asked, ledger::Body::IssueVoucher(issue)).await?;
    let issued: Option<VoucherSummary> = decided.result.as_ref().ok().and_then(|bytes| serde_json::from_slice(bytes).ok());
    let Some(issued) = issued else { return answer::stored(decided) };
    let pass = state.core.db.pass(issued.pass).await?.ok_or_else(|| Problem::from(Code::Internal))?;
    let links = state.core.links(&pass)?;
    answer::with::<VoucherSummary>(decided, |_, body| {
        body["links"] = json!(links);
        Ok(())
    })
}

/// A voucher.
#[utoipa::path(get, path = "/v1/vouchers/{id}", tag = "vouchers",
    responses((status = 200, description = "The voucher", body = Value)))]
pub async fn get(state: State, caller: Authenticated, id: Id<VoucherId>) -> Handled {
    caller.0.need(Scope::Redeem)?;
    let voucher = load(&state, &caller, id.0).await?;
    let mut body = voucher_view(&voucher);
    if caller.0.need(Scope::MembersWrite).is_ok()
        && let Some(pass) = state.core.db.pass(voucher.pass).await?
    {
        body["links"] = json!(state.core.links(&pass)?);
    }
    answer::ok(&body)
}

async fn load(state: &State, caller: &Authenticated, id: VoucherId) -> Result<Voucher, Problem> {
    let voucher = state.core.db.voucher(caller.0.org, id).await?.ok_or_else(|| Problem::from(Code::NotFound))?;
    caller.0.may_use(voucher.programme)?;
    Ok(voucher)
}

/// Gives an open voucher back: its points return to their lots and its pass is void.
#[utoipa::path(post, path = "/v1/vouchers/{id}/cancellation", tag = "vouchers",
    responses((status = 201, description = "The voucher and the card", body = VoucherSummary)))]
pub async fn cancel(state: State, caller: Authenticated, key: IdempotencyKey, id: Id<VoucherId>) -> Handled {
    caller.0.need(Scope::Redeem)?;
    let voucher = load(&state, &caller, id.0).await?;
    let asked = state.core.asked(&caller.0, key.0, ("cancellation", &id.0));
    let cancel = ledger::CancelVoucher {
        voucher: id.0,
        card: voucher.card,
        programme: voucher.programme,
        place: caller.0.place(None, None)?,
    };
    answer::stored(state.core.ask(&asked, ledger::Body::CancelVoucher(cancel)).await?)
}
