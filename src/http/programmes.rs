//! Handlers of programmes.

use serde_json::value::RawValue;

use crate::documents::{create_programme, replace_programme, whole_organisation};
use crate::http::State;
use crate::http::auth::Authenticated;
use crate::http::documents::{self, Did, Names, Put, PutOf, SavedAnswer, Shown};
use crate::http::extract::{Body, Id, IdempotencyKey};
use crate::http::page::{Page, Paging, PagingQuery};
use crate::http::problem::Handled;
use crate::ids::ProgrammeId;
use crate::ledger::DocumentKey;
use crate::programme::Programme;

/// List programmes
///
/// A key that is for some programmes sees these only.
#[utoipa::path(get, path = "/v1/programmes", tag = "programmes",
    params(PagingQuery),
    responses((status = 200, description = "A page of programmes", body = Page<Shown<Programme>>)))]
pub async fn list(state: State, caller: Authenticated, paging: Paging) -> Handled {
    let seen = &caller.0.programmes;
    let names = Names { id: ProgrammeId, keep: &|saved| seen.is_empty() || seen.contains(&ProgrammeId(saved.key.id)) };
    documents::list::<Programme, Programme, _>(&state, caller.0.org, &paging, names).await
}

/// Make a programme
#[utoipa::path(post, path = "/v1/programmes", tag = "programmes",
    request_body = Programme,
    responses((status = 201, description = "Made", body = SavedAnswer)))]
pub async fn create(state: State, caller: Authenticated, key: IdempotencyKey, body: Body<Box<RawValue>>) -> Handled {
    whole_organisation(&caller.0)?;
    let document: Programme = documents::read(&body.0)?;
    let asked = state.core.asked(&caller.0, key.0, ("programmes.create", &document));
    let answer = create_programme(&state.core, &asked, &document).await?;
    let id = ProgrammeId(answer.op.0);
    documents::saved(&state, answer, Did::Create, id)
}

/// Get a programme
#[utoipa::path(get, path = "/v1/programmes/{id}", tag = "programmes",
    responses((status = 200, description = "The programme", body = Shown<Programme>)))]
pub async fn get(state: State, caller: Authenticated, id: Id<ProgrammeId>) -> Handled {
    caller.0.may_use(id.0)?;
    documents::get::<Programme, Programme>(&state, DocumentKey::programme(caller.0.org, id.0), id.0).await
}

/// Change a programme
///
/// The kill switch (`status`) of the programme and of each reward binds the very next commit. The currency never changes.
#[utoipa::path(put, path = "/v1/programmes/{id}", tag = "programmes",
    request_body = PutOf<Programme>,
    responses((status = 200, description = "Saved", body = SavedAnswer)))]
pub async fn put(state: State, caller: Authenticated, key: IdempotencyKey, id: Id<ProgrammeId>, body: Body<Put>) -> Handled {
    caller.0.may_use(id.0)?;
    let document: Programme = documents::read(&body.0.document)?;
    let asked = state.core.asked(&caller.0, key.0, ("programmes.put", &(id.0, body.0.expected_version, &document)));
    let seen = (DocumentKey::programme(caller.0.org, id.0), body.0.expected_version);
    let answer = replace_programme(&state.core, &asked, seen, &document).await?;
    documents::saved(&state, answer, Did::Change, id.0)
}

/// List the versions of a programme
#[utoipa::path(get, path = "/v1/programmes/{id}/history", tag = "programmes",
    params(PagingQuery),
    responses((status = 200, description = "Versions, newest first", body = Page<Shown<Programme>>)))]
pub async fn history(state: State, caller: Authenticated, id: Id<ProgrammeId>, paging: Paging) -> Handled {
    caller.0.may_use(id.0)?;
    documents::history::<Programme, Programme>(&state, DocumentKey::programme(caller.0.org, id.0), &paging, id.0).await
}
