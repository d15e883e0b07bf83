//! Sales and their returns.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock::Timestamp;
use crate::error::{Code, Problem};
use crate::http::auth::Authenticated;
use crate::http::checks;
use crate::http::extract::{Body, Id, IdempotencyKey};
use crate::http::problem::Handled;
use crate::http::{State, answer};
use crate::ids::{CardId, EarningId, StoreId};
use crate::ledger::{self, PlaceSummary, Sale};
use crate::money::Money;
use crate::programme::Scope;

/// The most lines of a sale.
const MAX_LINES: usize = 200;

/// How far in the future a till's clock may be: five minutes.
const MAX_AHEAD_MS: i64 = 5 * 60_000;

/// How long ago a sale may have happened: 400 days.
const MAX_BEHIND_MS: i64 = 400 * 86_400_000;

/// A sale.
#[derive(Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEarning {
    /// The card; or give `code`.
    pub card: Option<CardId>,
    /// A code of the card; it is not used up.
    pub code: Option<String>,
    /// The receipt, 1 to 64 characters; unique in the programme and store.
    pub receipt: String,
    /// The total.
    pub total: Money,
    /// The lines, at most 200.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<Vec<SaleLine>>,
    /// The shop, for keys that are not bound to one.
    pub store: Option<StoreId>,
    /// The cashier's code, 1 to 40 characters; no names.
    pub cashier: Option<String>,
    /// When the sale happened; now when left out.
    pub occurred_at: Option<Timestamp>,
}

/// A line of a sale.
#[derive(Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SaleLine {
    /// The article.
    pub sku: String,
    /// Its category.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// How many.
    pub quantity: i64,
    /// The price of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
}

/// A return.
#[derive(Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewReturn {
    /// What is returned now, over 0.
    pub total: Money,
    /// The shop, for keys that are not bound to one.
    pub store: Option<StoreId>,
    /// The cashier's code.
    pub cashier: Option<String>,
}

impl NewEarning {
    fn check(&self) -> Result<(), Problem> {
        checks::text("receipt", &self.receipt, 64)?;
        checks::optional_text("cashier", self.cashier.as_deref(), 40)?;
        checks::optional_text("code", self.code.as_deref(), 200)?;
        for (place, line) in self.lines.iter().flatten().enumerate() {
            checks::text(&format!("lines[{place}].sku"), &line.sku, 64)?;
            checks::optional_text(&format!("lines[{place}].category"), line.category.as_deref(), 64)?;
            checks::between(&format!("lines[{place}].quantity"), line.quantity, (1, 100_000))?;
        }
        let lines = self.lines.as_ref().map_or(0, Vec::len);
        checks::between("lines", i64::try_from(lines).unwrap_or(i64::MAX), (0, i64::try_from(MAX_LINES).unwrap_or(0)))
    }
}

/// Posts a sale: points by the programme's rate, once per receipt.
#[utoipa::path(post, path = "/v1/earnings", tag = "earnings", request_body = NewEarning,
    responses((status = 201, description = "The points and the card", body = ledger::Earned)))]
pub async fn create(state: State, caller: Authenticated, key: IdempotencyKey, body: Body<NewEarning>) -> Handled {
    caller.0.need(Scope::Earn)?;
    body.0.check()?;
    let asked = state.core.asked(&caller.0, key.0, ("POST /v1/earnings", &body.0));
    let now = state.core.clock.now();
    let occurred_at = body.0.occurred_at.unwrap_or(now);
    if !(-MAX_BEHIND_MS..=MAX_AHEAD_MS).contains(&occurred_at.since(now)) {
        return Err(Problem::field("occurred_at", "is in the future, or more than 400 days ago").into());
    }
    let meant = state.core.meant_card(&caller.0, (body.0.card, body.0.code.as_deref())).await;
    let meant = match state.core.or_earlier(&asked, meant).await? {
        Ok(meant) => meant,
        Err(earlier) => return answer::stored(earlier),
    };
    let place = state.core.place(&caller.0, (body.0.store, body.0.cashier.clone())).await?;
    let lines = body.0.lines.as_ref().and_then(|lines| serde_json::to_string(lines).ok());
    let sale = Sale { receipt: body.0.receipt.clone(), total: body.0.total, occurred_at, lines };
    answer::stored(state.core.earn(&caller.0, &asked, (meant, place, sale)).await?)
}

/// A sale and what was returned of it.
#[utoipa::path(get, path = "/v1/earnings/{id}", tag = "earnings",
    responses((status = 200, description = "The sale", body = Value)))]
pub async fn get(state: State, caller: Authenticated, id: Id<EarningId>) -> Handled {
    caller.0.need(Scope::Earn)?;
    let earning = state.core.db.earning(caller.0.org, id.0).await?.ok_or_else(|| Problem::from(Code::NotFound))?;
    caller.0.may_use(earning.programme)?;
    let money = |minor| Money::from_minor_units(minor, earning.currency).ok();
    let lines: Option<Value> = earning.lines.as_deref().and_then(|lines| serde_json::from_str(lines).ok());
    answer::ok(&json!({
        "id": earning.id, "programme": earning.programme, "card": earning.card, "receipt": earning.receipt,
        "total": money(earning.total), "returned": money(earning.returned), "points": earning.points,
        "returned_points": earning.returned_points, "place": PlaceSummary::from(&earning.place), "lines": lines,
        "programme_version": earning.programme_version, "occurred_at": earning.occurred_at, "recorded_at": earning.recorded_at,
    }))
}

/// Returns a sale or a part of it: its points go back to where they came from; what was spent meanwhile becomes debt.
#[utoipa::path(post, path = "/v1/earnings/{id}/returns", tag = "earnings", request_body = NewReturn,
    responses((status = 201, description = "What went back", body = ledger::Returned)))]
pub async fn create_return(
    state: State,
    caller: Authenticated,
    key: IdempotencyKey,
    id: Id<EarningId>,
    body: Body<NewReturn>,
) -> Handled {
    caller.0.need(Scope::Earn)?;
    checks::optional_text("cashier", body.0.cashier.as_deref(), 40)?;
    if body.0.total.minor_units() == 0 {
        return Err(Problem::field("total.amount", "is 0").into());
    }
    let asked = state.core.asked(&caller.0, key.0, ("returns", &(id.0, &body.0)));
    let earning = state.core.db.earning(caller.0.org, id.0).await?.ok_or_else(|| Problem::from(Code::NotFound))?;
    caller.0.may_use(earning.programme)?;
    let place = state.core.place(&caller.0, (body.0.store, body.0.cashier.clone())).await?;
    let back = ledger::ReturnSale { earning: id.0, card: earning.card, programme: earning.programme, total: body.0.total, place };
    answer::stored(state.core.ask(&asked, ledger::Body::Return(back)).await?)
}
