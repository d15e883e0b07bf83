//! Handlers of the organisation itself.

use crate::documents::{replace, whole_organisation};
use crate::http::State;
use crate::http::auth::Authenticated;
use crate::http::documents::{self, Did, Put, PutOf, SavedAnswer, Shown};
use crate::http::extract::{Body, IdempotencyKey};
use crate::http::page::{Page, Paging, PagingQuery};
use crate::http::problem::Handled;
use crate::ledger::DocumentKey;
use crate::programme::OrganisationDocument;

/// Get the organisation
#[utoipa::path(get, path = "/v1/organisation", tag = "organisation",
    responses((status = 200, description = "The organisation", body = Shown<OrganisationDocument>)))]
pub async fn get(state: State, caller: Authenticated) -> Handled {
    let org = caller.0.org;
    documents::get::<OrganisationDocument, OrganisationDocument>(&state, DocumentKey::organisation(org), org).await
}

/// Change the organisation
#[utoipa::path(put, path = "/v1/organisation", tag = "organisation",
    request_body = PutOf<OrganisationDocument>,
    responses((status = 200, description = "Saved", body = SavedAnswer)))]
pub async fn put(state: State, caller: Authenticated, key: IdempotencyKey, body: Body<Put>) -> Handled {
    whole_organisation(&caller.0)?;
    let document: OrganisationDocument = documents::read(&body.0.document)?;
    let asked = state.core.asked(&caller.0, key.0, ("organisation.put", &(body.0.expected_version, &document)));
    let seen = (DocumentKey::organisation(caller.0.org), body.0.expected_version);
    let answer = replace(&state.core, &asked, seen, &document).await?;
    documents::saved(&state, answer, Did::Change, caller.0.org)
}

/// List the versions of the organisation
#[utoipa::path(get, path = "/v1/organisation/history", tag = "organisation",
    params(PagingQuery),
    responses((status = 200, description = "Versions, newest first", body = Page<Shown<OrganisationDocument>>)))]
pub async fn history(state: State, caller: Authenticated, paging: Paging) -> Handled {
    let org = caller.0.org;
    documents::history::<OrganisationDocument, OrganisationDocument>(&state, DocumentKey::organisation(org), &paging, org).await
}
