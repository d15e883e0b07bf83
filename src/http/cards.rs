//! Cards: balance and links, statement, codes, corrections, re-issue, delivery.

use actix_web::web::Query;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cards::{Codes, entry_view};
use crate::error::{Code, Problem};
use crate::http::auth::Authenticated;
use crate::http::checks;
use crate::http::extract::{Body, Id, IdempotencyKey};
use crate::http::problem::Handled;
use crate::http::{State, answer};
use crate::ids::{CardId, OpId};
use crate::ledger::{self, CardState, CodesIssued};
use crate::programme::Scope;

/// A correction of a balance.
#[derive(Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAdjustment {
    /// By how many points, not 0.
    pub points: i64,
    /// Why, 1 to 200 characters, without personal data.
    pub reason: String,
}

/// Which entries to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct EntriesQuery {
    /// Where the last page ended.
    cursor: Option<String>,
    /// How many, 1 to 200; 50 when left out.
    limit: Option<usize>,
}

async fn load(state: &State, caller: &Authenticated, id: CardId) -> Result<CardState, Problem> {
    let card = state.core.card(caller.0.org, id).await?;
    caller.0.may_use(card.card.programme)?;
    Ok(card)
}

/// A card's balance, pass and links.
#[utoipa::path(get, path = "/v1/cards/{id}", tag = "cards",
    responses((status = 200, description = "The card", body = crate::cards::CardView)))]
pub async fn get(state: State, caller: Authenticated, id: Id<CardId>) -> Handled {
    caller.0.need(Scope::MembersRead)?;
    let card = load(&state, &caller, id.0).await?;
    answer::ok(&state.core.card_view(&caller.0, &card).await?)
}

/// A live code (two minutes) and a typed code (five minutes) for a card.
#[utoipa::path(post, path = "/v1/cards/{id}/codes", tag = "cards",
    responses((status = 201, description = "The codes", body = Value)))]
pub async fn codes(state: State, caller: Authenticated, key: IdempotencyKey, id: Id<CardId>) -> Handled {
    caller.0.need(Scope::MembersWrite)?;
    let card = load(&state, &caller, id.0).await?;
    let asked = state.core.asked(&caller.0, key.0, ("codes", &id.0));
    let decided = state.core.issue_code(&asked, (id.0, card.card.programme)).await?;
    let codes = Codes { keyring: &state.core.keyring, org: caller.0.org };
    answer::with::<CodesIssued>(decided, |issued, body| {
        let generation = (issued.kid, issued.generation);
        let live = json!({ "code": codes.live(issued.card, generation)?, "expires_at": issued.live_expires_at });
        let typed = json!({ "code": codes.typed(issued.card, generation)?, "expires_at": issued.typed_expires_at });
        *body = json!({ "op": issued.op, "card": issued.card, "live": live, "typed": typed });
        Ok(())
    })
}

/// Corrects a balance.
#[utoipa::path(post, path = "/v1/cards/{id}/adjustments", tag = "cards", request_body = NewAdjustment,
    responses((status = 201, description = "The correction", body = ledger::Adjusted)))]
pub async fn adjust(
    state: State,
    caller: Authenticated,
    key: IdempotencyKey,
    id: Id<CardId>,
    body: Body<NewAdjustment>,
) -> Handled {
    caller.0.need(Scope::Adjust)?;
    let NewAdjustment { points, reason } = &body.0;
    checks::text("reason", reason, 200)?;
    let most = crate::money::MAX_POINTS;
    checks::between("points", *points, (-most, most))?;
    if *points == 0 {
        return Err(Problem::field("points", "is 0").into());
    }
    let card = load(&state, &caller, id.0).await?;
    let asked = state.core.asked(&caller.0, key.0, ("adjust", &(id.0, &body.0)));
    let sealed_reason = state.core.seal_reason(caller.0.org, id.0, reason).await?;
    let adjust = ledger::Adjust { card: id.0, programme: card.card.programme, points: *points, sealed_reason };
    let decided = state.core.ask(&asked, ledger::Body::Adjust(adjust)).await?;
    answer::with::<ledger::Adjusted>(decided, |_, adjusted| {
        adjusted["reason"] = json!(reason);
        Ok(())
    })
}

/// Issues the passes of a lost phone anew: the old ones are void and their codes die at once.
#[utoipa::path(post, path = "/v1/cards/{id}/reissue", tag = "cards",
    responses((status = 201, description = "The card with its new pass and links", body = Value)))]
pub async fn reissue(state: State, caller: Authenticated, key: IdempotencyKey, id: Id<CardId>) -> Handled {
    caller.0.need(Scope::MembersWrite)?;
    let card = load(&state, &caller, id.0).await?;
    let asked = state.core.asked(&caller.0, key.0, ("reissue", &id.0));
    let decided = state.core.reissue(&asked, &card).await?;
    let reissued: Option<ledger::Reissued> = decided.result.as_ref().ok().and_then(|bytes| serde_json::from_slice(bytes).ok());
    let Some(reissued) = reissued else { return answer::stored(decided) };
    let pass = state.core.db.pass(reissued.card.pass).await?.ok_or_else(|| Problem::from(Code::Internal))?;
    let links = state.core.links(&pass)?;
    answer::with::<ledger::Reissued>(decided, |_, body| {
        body["links"] = json!(links);
        Ok(())
    })
}

/// The statement: every entry; the sum of `points` is the balance.
#[utoipa::path(get, path = "/v1/cards/{id}/entries", tag = "cards", params(EntriesQuery),
    responses((status = 200, description = "A page of entries", body = Value)))]
pub async fn entries(state: State, caller: Authenticated, id: Id<CardId>, query: Query<EntriesQuery>) -> Handled {
    caller.0.need(Scope::MembersRead)?;
    let card = load(&state, &caller, id.0).await?;
    let limit = query.limit.unwrap_or(50);
    checks::between("limit", i64::try_from(limit).unwrap_or(i64::MAX), (1, 200))?;
    let after = query.cursor.as_deref().map(parse_cursor).transpose()?;
    let mut entries = state.core.db.entries_of(caller.0.org, id.0, after, limit + 1).await?;
    let goes_on = entries.len() > limit;
    entries.truncate(limit);
    let next = entries.last().filter(|_| goes_on).map(|last| format!("{}.{}", last.op, last.place));
    let data: Vec<Value> = entries.iter().map(entry_view).collect();
    answer::ok(&json!({ "data": data, "next": next, "balance": card.available() }))
}

fn parse_cursor(text: &str) -> Result<(OpId, i64), Problem> {
    let parsed = text.split_once('.').and_then(|(op, place)| Some((op.parse().ok()?, place.parse().ok()?)));
    parsed.ok_or_else(|| Problem::field("cursor", "is not one that we gave"))
}

/// How the card's pass stands with the phones that hold it.
#[utoipa::path(get, path = "/v1/cards/{id}/delivery", tag = "cards",
    responses((status = 200, description = "Versions and phones", body = Value)))]
pub async fn delivery(state: State, caller: Authenticated, id: Id<CardId>) -> Handled {
    caller.0.need(Scope::Audit)?;
    let card = load(&state, &caller, id.0).await?;
    let delivery = state.core.db.delivery(caller.0.org, card.card.pass).await?.ok_or_else(|| Problem::from(Code::NotFound))?;
    let pass = &delivery.pass;
    let phones: Vec<Value> = delivery
        .registrations
        .iter()
        .map(|phone| {
            let listed_after_change = phone.listed_at.is_some_and(|at| at.seconds() >= pass.last_modified);
            let fetched = listed_after_change && delivery.fetched_version >= pass.version;
            json!({
                "device": mask(&phone.device), "registered_at": phone.registered_at, "pushed_at": phone.pushed_at,
                "pushed_version": phone.pushed_version, "listed_at": phone.listed_at, "has_newest": fetched,
            })
        })
        .collect();
    let owed: Vec<Value> = delivery
        .owed
        .iter()
        .map(|item| {
            json!({
                "channel": item.channel.as_str(), "version": item.version, "due_at": item.due_at, "tries": item.tries,
                "pushes": item.stage, "last_error": item.last_error,
            })
        })
        .collect();
    let google = delivery.google.as_ref().map(|row| {
        json!({
            "object": row.object, "written_version": row.version, "written_at": row.written_at, "has_newest": row.version >= pass.version,
            "saved": row.saved, "saved_at": row.saved_at, "checked_at": row.checked_at, "notices_today": row.notices.len(),
        })
    });
    answer::ok(&json!({
        "pass": pass.id, "version": pass.version, "fetched_version": delivery.fetched_version, "fetched_at": delivery.fetched_at,
        "phones": phones, "owed": owed, "google": google,
    }))
}

/// A device id is a secret of the phone: only its end is shown.
fn mask(device: &str) -> String {
    let end: Vec<char> = device.chars().rev().take(4).collect();
    format!("…{}", end.iter().rev().collect::<String>())
}
