//! Redemptions and their reversal.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::{Code, Problem};
use crate::http::auth::Authenticated;
use crate::http::checks;
use crate::http::extract::{Body, Id, IdempotencyKey};
use crate::http::problem::Handled;
use crate::http::{State, answer};
use crate::ids::{RedemptionId, StoreId};
use crate::ledger::{self, CaptureLine, PlaceSummary};
use crate::money::Money;
use crate::programme::Scope;
use crate::redemption::{Redeeming, Reversing};

/// The most lines of a redemption.
const MAX_LINES: i64 = 20;

/// What a code is to be redeemed for.
#[derive(Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRedemption {
    /// The code as scanned or typed.
    pub code: String,
    /// The rewards, 1 to 20 lines, all or none; may be left out for a voucher's code.
    #[serde(default)]
    pub rewards: Vec<RewardLine>,
    /// The sale that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sale: Option<SaleReference>,
    /// Says what would happen, and changes nothing.
    #[serde(default)]
    pub validate_only: bool,
    /// The shop, for keys that are not bound to one.
    pub store: Option<StoreId>,
    /// The cashier's code, 1 to 40 characters; no names.
    pub cashier: Option<String>,
}

/// A wanted reward.
#[derive(Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RewardLine {
    /// The reward's id.
    pub reward: String,
    /// How many, 1 to 100; 1 when left out.
    #[serde(default = "one")]
    pub quantity: i64,
}

const fn one() -> i64 {
    1
}

/// The sale that a redemption belongs to.
#[derive(Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SaleReference {
    /// The receipt, 1 to 64 characters.
    pub receipt: String,
    /// Its total.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<Money>,
}

/// A reversal.
#[derive(Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewReversal {
    /// Why, 1 to 200 characters, without personal data.
    pub reason: String,
    /// The shop, for keys that are not bound to one.
    pub store: Option<StoreId>,
    /// The cashier's code.
    pub cashier: Option<String>,
}

impl NewRedemption {
    fn check(&self) -> Result<(), Problem> {
        checks::text("code", &self.code, 200)?;
        checks::optional_text("cashier", self.cashier.as_deref(), 40)?;
        checks::between("rewards", i64::try_from(self.rewards.len()).unwrap_or(i64::MAX), (0, MAX_LINES))?;
        for (place, line) in self.rewards.iter().enumerate() {
            checks::text(&format!("rewards[{place}].reward"), &line.reward, 40)?;
            checks::between(&format!("rewards[{place}].quantity"), line.quantity, (1, 100))?;
        }
        self.sale.as_ref().map_or(Ok(()), |sale| checks::text("sale.receipt", &sale.receipt, 64))
    }
}

/// Redeems a code for rewards, once. A second redemption is refused with who, when and where.
#[utoipa::path(post, path = "/v1/redemptions", tag = "redemptions", request_body = NewRedemption,
    responses((status = 201, description = "What was redeemed", body = ledger::Redeemed)))]
pub async fn create(state: State, caller: Authenticated, key: IdempotencyKey, body: Body<NewRedemption>) -> Handled {
    caller.0.need(Scope::Redeem)?;
    body.0.check()?;
    let asked = state.core.asked(&caller.0, key.0, ("POST /v1/redemptions", &body.0));
    let place = state.core.place(&caller.0, (body.0.store, body.0.cashier)).await?;
    let lines = body.0.rewards.into_iter().map(|line| CaptureLine { reward: line.reward, quantity: line.quantity }).collect();
    let (receipt, sale_total) = body.0.sale.map(|sale| (sale.receipt, sale.total)).unzip();
    let sale_total = sale_total.flatten();
    let redeeming = Redeeming { code: body.0.code, lines, place, receipt, sale_total, validate_only: body.0.validate_only };
    answer::stored(state.core.redeem(&caller.0, &asked, redeeming).await?)
}

/// A redemption.
#[utoipa::path(get, path = "/v1/redemptions/{id}", tag = "redemptions",
    responses((status = 200, description = "The redemption", body = serde_json::Value)))]
pub async fn get(state: State, caller: Authenticated, id: Id<RedemptionId>) -> Handled {
    caller.0.need(Scope::Redeem)?;
    let found = state.core.db.redemption(caller.0.org, id.0).await?;
    let redemption = found.ok_or_else(|| Problem::from(Code::NotFound))?;
    caller.0.may_use(redemption.programme)?;
    answer::ok(&json!({
        "id": redemption.id, "card": redemption.card, "programme": redemption.programme, "voucher": redemption.voucher,
        "lines": redemption.lines, "points": redemption.points, "place": PlaceSummary::from(&redemption.place),
        "receipt": redemption.receipt, "by": redemption.principal, "at": redemption.at, "state": redemption.state,
    }))
}

/// Undoes a redemption, once: the points go back to their lots. A clerk may at the same till within minutes, a manager later.
#[utoipa::path(post, path = "/v1/redemptions/{id}/reversal", tag = "redemptions", request_body = NewReversal,
    responses((status = 201, description = "What went back", body = ledger::Reversed)))]
pub async fn create_reversal(
    state: State,
    caller: Authenticated,
    key: IdempotencyKey,
    id: Id<RedemptionId>,
    body: Body<NewReversal>,
) -> Handled {
    caller.0.need(Scope::Reverse)?;
    checks::text("reason", &body.0.reason, 200)?;
    checks::optional_text("cashier", body.0.cashier.as_deref(), 40)?;
    let asked = state.core.asked(&caller.0, key.0, ("reversal", &(id.0, &body.0)));
    let place = state.core.place(&caller.0, (body.0.store, body.0.cashier)).await?;
    let reversing = Reversing { redemption: id.0, reason: body.0.reason.clone(), place };
    let decided = state.core.reverse(&caller.0, &asked, reversing).await?;
    answer::with::<ledger::Reversed>(decided, |_, reversed| {
        reversed["reason"] = json!(body.0.reason);
        Ok(())
    })
}
