//! Handlers of API keys.

use serde::{Deserialize, Serialize};

use crate::cards::Asked;
use crate::clock::Timestamp;
use crate::documents::{self, KeyInput, KeyView, OldSecret};
use crate::error::Code;
use crate::http::auth::Authenticated;
use crate::http::documents::{
    Did, Names, SavedAnswer, Shown, get as get_document, history as versions, list as page_of, saved, saved_as,
};
use crate::http::extract::{Body, Id, IdempotencyKey};
use crate::http::page::{Page, Paging, PagingQuery};
use crate::http::problem::Handled;
use crate::http::{AppState, State};
use crate::ids::{KeyId, OpId};
use crate::ledger::{Answer, DocumentKey};
use crate::programme::KeyDocument;

/// A key with its secret.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct KeyWithSecret {
    /// The operation.
    pub op: OpId,
    /// The key's id.
    pub id: KeyId,
    /// Its version.
    pub version: i64,
    /// When it was saved.
    pub at: Timestamp,
    /// The whole key, for `Authorization: Bearer`. It is stored nowhere: repeat the request with its Idempotency-Key to see it again.
    #[schema(example = "wk_live_…")]
    pub key: String,
}

/// How a key is rotated.
#[derive(Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Rotation {
    /// What becomes of the secret before.
    pub old_secret: OldSecret,
}

/// List keys
#[utoipa::path(get, path = "/v1/keys", tag = "keys",
    params(PagingQuery),
    responses((status = 200, description = "A page of keys, without their secrets", body = Page<Shown<KeyView>>)))]
pub async fn list(state: State, caller: Authenticated, paging: Paging) -> Handled {
    let names = Names { id: KeyId, keep: &|_| true };
    page_of::<KeyDocument, KeyView, _>(&state, caller.0.org, &paging, names).await
}

/// Make a key
///
/// Nobody gives rights that his own key does not have.
#[utoipa::path(post, path = "/v1/keys", tag = "keys",
    request_body = KeyInput,
    responses((status = 201, description = "Made", body = KeyWithSecret)))]
pub async fn create(state: State, caller: Authenticated, key: IdempotencyKey, body: Body<KeyInput>) -> Handled {
    let asked = state.core.asked(&caller.0, key.0, ("keys.create", &body.0));
    let answer = documents::create_key(&state.core, &caller.0, &asked, body.0).await?;
    let id = KeyId(answer.op.0);
    with_secret(&state, answer, (&asked, id, Did::Create)).await
}

/// Get a key
#[utoipa::path(get, path = "/v1/keys/{id}", tag = "keys",
    responses((status = 200, description = "The key, without its secrets", body = Shown<KeyView>)))]
pub async fn get(state: State, caller: Authenticated, id: Id<KeyId>) -> Handled {
    get_document::<KeyDocument, KeyView>(&state, DocumentKey::key(caller.0.org, id.0), id.0).await
}

/// List the versions of a key
#[utoipa::path(get, path = "/v1/keys/{id}/history", tag = "keys",
    params(PagingQuery),
    responses((status = 200, description = "Versions, newest first", body = Page<Shown<KeyView>>)))]
pub async fn history(state: State, caller: Authenticated, id: Id<KeyId>, paging: Paging) -> Handled {
    versions::<KeyDocument, KeyView>(&state, DocumentKey::key(caller.0.org, id.0), &paging, id.0).await
}

/// Give a key a new secret
///
/// The secret before goes on working until it is retired, so that its holder changes over without a gap.
#[utoipa::path(post, path = "/v1/keys/{id}/rotate", tag = "keys",
    request_body = Rotation,
    responses((status = 200, description = "A new secret", body = KeyWithSecret)))]
pub async fn rotate(state: State, caller: Authenticated, key: IdempotencyKey, id: Id<KeyId>, body: Body<Rotation>) -> Handled {
    let asked = state.core.asked(&caller.0, key.0, ("keys.rotate", &(id.0, &body.0)));
    let answer = documents::rotate_key(&state.core, &caller.0, &asked, (id.0, body.0.old_secret)).await?;
    with_secret(&state, answer, (&asked, id.0, Did::Change)).await
}

/// End the older of a key's two secrets
#[utoipa::path(post, path = "/v1/keys/{id}/retire", tag = "keys",
    responses((status = 200, description = "Only the newest secret works", body = SavedAnswer)))]
pub async fn retire(state: State, caller: Authenticated, key: IdempotencyKey, id: Id<KeyId>) -> Handled {
    let asked = state.core.asked(&caller.0, key.0, ("keys.retire", &id.0));
    let answer = documents::retire_secret(&state.core, &caller.0, &asked, id.0).await?;
    saved(&state, answer, Did::Change, id.0)
}

/// Revoke a key
///
/// It is refused from the next request on, on every node within a second. For good.
#[utoipa::path(post, path = "/v1/keys/{id}/revoke", tag = "keys",
    responses((status = 200, description = "Revoked", body = SavedAnswer)))]
pub async fn revoke(state: State, caller: Authenticated, key: IdempotencyKey, id: Id<KeyId>) -> Handled {
    let asked = state.core.asked(&caller.0, key.0, ("keys.revoke", &id.0));
    let answer = documents::revoke_key(&state.core, &caller.0, &asked, id.0).await?;
    saved(&state, answer, Did::Change, id.0)
}

async fn with_secret(state: &AppState, answer: Answer, (asked, id, did): (&Asked, KeyId, Did)) -> Handled {
    let secret = documents::key_secret(&state.core, state.environment, (asked, id), &answer).await?;
    saved_as(state, answer, did, |saved| {
        let key = secret.ok_or(Code::Internal)?.to_string();
        Ok(KeyWithSecret { op: saved.op, id, version: saved.version, at: saved.at, key })
    })
}
