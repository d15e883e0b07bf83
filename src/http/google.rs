//! Handlers of Google Wallet: the save link for who has a right and by an unguessable link, the pictures that Google fetches.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use crate::cards::pass_of_link;
use crate::error::{Code, Problem};
use crate::gate::{Limit, RateRule, Scope};
use crate::google::compose::ComposeError;
use crate::google::error::CallError;
use crate::google::writer::{GoogleWriter, WriteError};
use crate::http::auth::Authenticated;
use crate::http::extract::Id;
use crate::http::problem::Handled;
use crate::http::{State, address, answer, limits};
use crate::ids::CardId;
use crate::ledger::{CardState, PassKind, PassState};
use crate::programme::Scope as Right;
use crate::tokens::LinkKind;

/// A picture's name changes with its bytes.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// How often a card's link is followed: each time costs a request of the budget that all cards share.
const OPENED: [RateRule; 1] = [RateRule::per_minute(10)];

/// Where a customer adds the card.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct GoogleLink {
    /// Opens Google Wallet and adds the card; made for one person, so not for passing on.
    pub save_url: String,
}

impl From<WriteError> for Problem {
    fn from(error: WriteError) -> Self {
        match &error {
            WriteError::NotConfigured | WriteError::Compose(ComposeError::NoImages(_)) => {
                Self::new(Code::WalletNotConfigured, error.to_string())
            }
            WriteError::Db(error) => error.clone().into(),
            WriteError::Call(
                CallError::Transient { .. } | CallError::QuotaExceeded { .. } | CallError::Wait(_) | CallError::NoToken(_),
            ) => {
                tracing::warn!(%error, "Google Wallet could not be asked");
                Code::WalletUnavailable.into()
            }
            WriteError::Call(_) => {
                tracing::error!(%error, "Google Wallet refuses a card");
                Code::WalletUnavailable.into()
            }
            WriteError::Compose(_) | WriteError::Link(_) => {
                tracing::error!(%error, "a card can't be shown in Google Wallet");
                Code::Internal.into()
            }
        }
    }
}

/// Get the link that adds a card to Google Wallet
///
/// The card's object is made at Google first, so that the link holds its id only.
#[utoipa::path(get, path = "/v1/cards/{id}/google", tag = "cards",
    responses((status = 200, description = "The link", body = GoogleLink)))]
pub async fn google_link(state: State, caller: Authenticated, id: Id<CardId>) -> Handled {
    caller.0.need(Right::MembersWrite)?;
    let card = state.core.card(caller.0.org, id.0).await?;
    caller.0.may_use(card.card.programme)?;
    answer::ok(&GoogleLink { save_url: save_url(&state, &card).await? })
}

/// Add a card to Google Wallet by its link
///
/// The link is in what a member's joining answers; it leads on to Google. A card that was re-issued has a new one.
#[utoipa::path(get, path = "/g/{key}", tag = "cards",
    responses((status = 302, description = "On to Google Wallet")))]
pub async fn open_google_link(state: State, request: HttpRequest) -> Handled {
    let asking = address::client(&request, &state.trusted_proxies);
    limits::hold(&state.core, [state.limits.on_address(asking)]).await?;
    let not_found = || Problem::from(Code::NotFound);
    let (id, opens) = request.match_info().get("key").and_then(pass_of_link).ok_or_else(not_found)?;
    let pass = state.core.db.pass(id).await?.ok_or_else(not_found)?;
    if pass.kind != PassKind::Card || !opens(&state.core.keyring, &pass, LinkKind::Pass) {
        return Err(not_found().into());
    }
    if pass.state == PassState::Voided {
        return Err(Code::LinkRevoked.into());
    }
    limits::hold(&state.core, [Limit::on(Scope::Pass, pass.id, &OPENED)]).await?;
    let card = state.core.card(pass.org, pass.card).await?;
    let location = (header::LOCATION, save_url(&state, &card).await?);
    Ok(HttpResponse::Found().insert_header(location).insert_header((header::CACHE_CONTROL, "no-store")).finish())
}

/// Get a picture of a pass
///
/// Google fetches it once; other bytes have another name.
#[utoipa::path(get, path = "/google/images/{file}", tag = "cards",
    responses((status = 200, description = "The picture", content_type = "image/png")))]
pub async fn google_image(state: State, request: HttpRequest) -> Handled {
    let asking = address::client(&request, &state.trusted_proxies);
    limits::hold(&state.core, [state.limits.on_address(asking)]).await?;
    let not_found = || Problem::from(Code::NotFound);
    let name = request.match_info().get("file").ok_or_else(not_found)?.to_owned();
    let images = std::sync::Arc::clone(writer(&state)?.composer().images());
    // A banner with stamps is drawn at its first call.
    let drawn = tokio::task::spawn_blocking(move || images.png(&name)).await.map_err(|_| Problem::from(Code::Internal))?;
    let bytes = drawn.ok_or_else(not_found)?;
    let mut response = HttpResponse::Ok();
    response.content_type("image/png").insert_header((header::CACHE_CONTROL, FOR_EVER));
    Ok(response.body(bytes.to_vec()))
}

fn writer(state: &State) -> Result<&GoogleWriter, Problem> {
    state.google.as_deref().ok_or_else(|| Code::WalletNotConfigured.into())
}

async fn save_url(state: &State, card: &CardState) -> Result<String, Problem> {
    let writer = writer(state)?;
    if writer.google().issuer_for(card.card.org).is_none() {
        return Err(WriteError::NotConfigured.into());
    }
    let pass = state.core.show_on_google(card.card.org, card).await?;
    Ok(writer.save_link(&pass).await?)
}
