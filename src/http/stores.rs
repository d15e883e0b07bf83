//! Handlers of stores.

use serde_json::value::RawValue;

use crate::documents::{create as create_document, existing, replace, whole_organisation};
use crate::http::State;
use crate::http::auth::Authenticated;
use crate::http::documents::{self, Did, Names, Put, PutOf, SavedAnswer, Shown};
use crate::http::extract::{Body, Id, IdempotencyKey};
use crate::http::page::{Page, Paging, PagingQuery};
use crate::http::problem::Handled;
use crate::ids::StoreId;
use crate::ledger::DocumentKey;
use crate::programme::StoreDocument;

/// List stores
#[utoipa::path(get, path = "/v1/stores", tag = "stores",
    params(PagingQuery),
    responses((status = 200, description = "A page of stores", body = Page<Shown<StoreDocument>>)))]
pub async fn list(state: State, caller: Authenticated, paging: Paging) -> Handled {
    let names = Names { id: StoreId, keep: &|_| true };
    documents::list::<StoreDocument, StoreDocument, _>(&state, caller.0.org, &paging, names).await
}

/// Make a store
#[utoipa::path(post, path = "/v1/stores", tag = "stores",
    request_body = StoreDocument,
    responses((status = 201, description = "Made", body = SavedAnswer)))]
pub async fn create(state: State, caller: Authenticated, key: IdempotencyKey, body: Body<Box<RawValue>>) -> Handled {
    whole_organisation(&caller.0)?;
    let document: StoreDocument = documents::read(&body.0)?;
    let asked = state.core.asked(&caller.0, key.0, ("stores.create", &document));
    let answer = create_document(&state.core, &asked, &document).await?;
    let id = StoreId(answer.op.0);
    documents::saved(&state, answer, Did::Create, id)
}

/// Get a store
#[utoipa::path(get, path = "/v1/stores/{id}", tag = "stores",
    responses((status = 200, description = "The store", body = Shown<StoreDocument>)))]
pub async fn get(state: State, caller: Authenticated, id: Id<StoreId>) -> Handled {
    documents::get::<StoreDocument, StoreDocument>(&state, DocumentKey::store(caller.0.org, id.0), id.0).await
}

/// Change a store
///
/// Its kill switch (`status`) binds the very next commit.
#[utoipa::path(put, path = "/v1/stores/{id}", tag = "stores",
    request_body = PutOf<StoreDocument>,
    responses((status = 200, description = "Saved", body = SavedAnswer)))]
pub async fn put(state: State, caller: Authenticated, key: IdempotencyKey, id: Id<StoreId>, body: Body<Put>) -> Handled {
    caller.0.place(Some(id.0), None)?;
    let document: StoreDocument = documents::read(&body.0.document)?;
    let store = DocumentKey::store(caller.0.org, id.0);
    existing::<StoreDocument>(&state.core, store).await?;
    let asked = state.core.asked(&caller.0, key.0, ("stores.put", &(id.0, body.0.expected_version, &document)));
    let answer = replace(&state.core, &asked, (store, body.0.expected_version), &document).await?;
    documents::saved(&state, answer, Did::Change, id.0)
}

/// List the versions of a store
#[utoipa::path(get, path = "/v1/stores/{id}/history", tag = "stores",
    params(PagingQuery),
    responses((status = 200, description = "Versions, newest first", body = Page<Shown<StoreDocument>>)))]
pub async fn history(state: State, caller: Authenticated, id: Id<StoreId>, paging: Paging) -> Handled {
    documents::history::<StoreDocument, StoreDocument>(&state, DocumentKey::store(caller.0.org, id.0), &paging, id.0).await
}
