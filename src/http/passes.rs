//! Handlers of passes: the package for who has a right, and by an unguessable link for who has nothing but a browser.

use actix_web::{HttpRequest, HttpResponse};

use crate::apple::build::BuildError;
use crate::apple::web_service::pkpass_response;
use crate::cards::pass_of_link;
use crate::error::{Code, Problem};
use crate::http::auth::Authenticated;
use crate::http::extract::Id;
use crate::http::problem::Handled;
use crate::http::{State, address, limits};
use crate::ids::{CardId, PassId};
use crate::ledger::{PassKind, PassState};
use crate::programme::Scope;
use crate::tokens::LinkKind;

/// What stands behind the key in a link.
const SUFFIX: &str = ".pkpass";

/// Get a card's pass for Apple Wallet
#[utoipa::path(get, path = "/v1/cards/{id}/apple", tag = "cards",
    responses((status = 200, description = "The signed pass", content_type = "application/vnd.apple.pkpass")))]
pub async fn of_card(state: State, caller: Authenticated, id: Id<CardId>) -> Handled {
    caller.0.need(Scope::MembersRead)?;
    let card = state.core.card(caller.0.org, id.0).await?;
    caller.0.may_use(card.card.programme)?;
    package(&state, card.card.pass).await
}

/// Get a pass for Apple Wallet by its link
///
/// The link is in what a member's joining answers. A card that was re-issued has a new one; the old one is gone.
#[utoipa::path(get, path = "/p/{file}", tag = "cards",
    responses((status = 200, description = "The signed pass", content_type = "application/vnd.apple.pkpass")))]
pub async fn by_link(state: State, request: HttpRequest) -> Handled {
    let asking = address::client(&request, &state.trusted_proxies);
    limits::hold(&state.core, [state.limits.on_address(asking)]).await?;
    let not_found = || Problem::from(Code::NotFound);
    let key = request.match_info().get("file").and_then(|file| file.strip_suffix(SUFFIX)).ok_or_else(not_found)?;
    let (id, opens) = pass_of_link(key).ok_or_else(not_found)?;
    let pass = state.core.db.pass(id).await?.ok_or_else(not_found)?;
    if !opens(&state.core.keyring, &pass, LinkKind::Pass) {
        return Err(not_found().into());
    }
    if pass.state == PassState::Voided && pass.kind == PassKind::Card {
        return Err(Code::LinkRevoked.into());
    }
    package(&state, pass.id).await
}

async fn package(state: &State, pass: PassId) -> Result<HttpResponse, crate::http::problem::Refused> {
    let builder = state.passes.as_ref().ok_or(BuildError::NotConfigured)?;
    let built = builder.pkpass(pass).await?;
    note_first_download(state, (pass, built.version)).await;
    Ok(pkpass_response(&built))
}

/// Whoever downloads a pass that no phone holds is about to install this version: it need not be pushed to the phone at once. Once a phone
/// holds the pass, only that phone's own fetches count. A lost note costs one push too many.
async fn note_first_download(state: &State, (pass, version): (PassId, i64)) {
    let db = &state.core.db;
    if matches!(db.registrations(pass).await, Ok(phones) if phones.is_empty())
        && let Err(error) = db.note_fetched(pass, version, state.core.clock.now()).await
    {
        tracing::warn!(%error, "could not note that a pass was downloaded");
    }
}
