//! Handlers of terminals: made by a manager, enrolled on the spot by a one-time code.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::documents::{self, TerminalInput, TerminalView};
use crate::error::Code;
use crate::http::auth::Authenticated;
use crate::http::documents::{
    Did, Names, PutOf, SavedAnswer, Shown, get as get_document, history as versions, list as page_of, saved, saved_as,
};
use crate::http::extract::{Body, Id, IdempotencyKey};
use crate::http::page::{Page, Paging, PagingQuery};
use crate::http::problem::Handled;
use crate::http::{AppState, State, address, answer, limits};
use crate::ids::{OpId, OrgId, TerminalId};
use crate::ledger::{Answer, DocumentKey};
use crate::programme::TerminalDocument;

/// A terminal with its one-time code.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TerminalCode {
    /// The operation.
    pub op: OpId,
    /// The terminal.
    pub id: TerminalId,
    /// Its version.
    pub version: i64,
    /// When it was saved.
    pub at: Timestamp,
    /// What staff type on the till.
    #[schema(example = "7K3Q-DM9X-TA4")]
    pub enrolment_code: String,
    /// Until when.
    pub enrolment_expires_at: Timestamp,
}

/// What a till sends to get its key.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Enrolment {
    /// The one-time code; dashes, spaces and case don't matter.
    #[schema(example = "7K3Q-DM9X-TA4")]
    pub code: String,
}

/// A till's key, shown once.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TerminalKey {
    /// The terminal.
    pub id: TerminalId,
    /// Its key, for `Authorization: Bearer`.
    #[schema(example = "wt_live_…")]
    pub key: String,
    /// What it is.
    pub terminal: TerminalView,
}

/// List terminals
#[utoipa::path(get, path = "/v1/terminals", tag = "terminals",
    params(PagingQuery),
    responses((status = 200, description = "A page of terminals", body = Page<Shown<TerminalView>>)))]
pub async fn list(state: State, caller: Authenticated, paging: Paging) -> Handled {
    let names = Names { id: TerminalId, keep: &|_| true };
    page_of::<TerminalDocument, TerminalView, _>(&state, caller.0.org, &paging, names).await
}

/// Make a terminal
///
/// Answers the one-time code that enrols it within ten minutes.
#[utoipa::path(post, path = "/v1/terminals", tag = "terminals",
    request_body = TerminalInput,
    responses((status = 201, description = "Made", body = TerminalCode)))]
pub async fn create(state: State, caller: Authenticated, key: IdempotencyKey, body: Body<TerminalInput>) -> Handled {
    let asked = state.core.asked(&caller.0, key.0, ("terminals.create", &body.0));
    let answer = documents::create_terminal(&state.core, &caller.0, &asked, body.0).await?;
    let id = TerminalId(answer.op.0);
    with_code(&state, answer, (caller.0.org, id)).await
}

/// Get a terminal
#[utoipa::path(get, path = "/v1/terminals/{id}", tag = "terminals",
    responses((status = 200, description = "The terminal", body = Shown<TerminalView>)))]
pub async fn get(state: State, caller: Authenticated, id: Id<TerminalId>) -> Handled {
    get_document::<TerminalDocument, TerminalView>(&state, DocumentKey::terminal(caller.0.org, id.0), id.0).await
}

/// Change a terminal
///
/// Its kill switch (`status`) binds the very next commit, and its key is refused from the next request on.
#[utoipa::path(put, path = "/v1/terminals/{id}", tag = "terminals",
    request_body = PutOf<TerminalInput>,
    responses((status = 200, description = "Saved", body = SavedAnswer)))]
pub async fn put(
    state: State,
    caller: Authenticated,
    key: IdempotencyKey,
    id: Id<TerminalId>,
    body: Body<PutOf<TerminalInput>>,
) -> Handled {
    let PutOf { expected_version, document } = body.0;
    let asked = state.core.asked(&caller.0, key.0, ("terminals.put", &(id.0, expected_version, &document)));
    let answer = documents::put_terminal(&state.core, &caller.0, &asked, (id.0, expected_version, document)).await?;
    saved(&state, answer, Did::Change, id.0)
}

/// List the versions of a terminal
#[utoipa::path(get, path = "/v1/terminals/{id}/history", tag = "terminals",
    params(PagingQuery),
    responses((status = 200, description = "Versions, newest first", body = Page<Shown<TerminalView>>)))]
pub async fn history(state: State, caller: Authenticated, id: Id<TerminalId>, paging: Paging) -> Handled {
    versions::<TerminalDocument, TerminalView>(&state, DocumentKey::terminal(caller.0.org, id.0), &paging, id.0).await
}

/// Make a new one-time code for a terminal
///
/// For a replaced device. The key before works until the code is used.
#[utoipa::path(post, path = "/v1/terminals/{id}/enrolment", tag = "terminals",
    responses((status = 201, description = "A new code", body = TerminalCode)))]
pub async fn new_code(state: State, caller: Authenticated, key: IdempotencyKey, id: Id<TerminalId>) -> Handled {
    let asked = state.core.asked(&caller.0, key.0, ("terminals.new_code", &id.0));
    let answer = documents::new_enrolment(&state.core, &caller.0, &asked, id.0).await?;
    with_code(&state, answer, (caller.0.org, id.0)).await
}

/// Enrol a terminal
///
/// Swaps the one-time code for the terminal's key, which is shown this once. The key that the terminal had before stops working.
/// It takes no Idempotency-Key: nobody is signed in to whom one could belong, and the one-time code is good for one enrolment whoever
/// repeats it. If the answer was lost, have a new code made.
#[utoipa::path(post, path = "/v1/terminals/enrol", tag = "terminals",
    request_body = Enrolment,
    responses((status = 201, description = "Enrolled", body = TerminalKey)))]
pub async fn enrol(state: State, request: actix_web::HttpRequest, body: Body<Enrolment>) -> Handled {
    let address = address::client(&request, &state.trusted_proxies);
    let failures = || state.limits.on_failures(address);
    limits::hold(&state.core, [state.limits.on_address(address), failures().look()]).await?;
    let enrolled = match documents::enrol(&state.core, state.environment, &body.0.code).await {
        Ok(enrolled) => enrolled,
        Err(problem) => {
            limits::hold(&state.core, [failures()]).await?;
            return Err(problem.into());
        }
    };
    state.holders.forget();
    let mut response =
        answer::ok(&TerminalKey { id: enrolled.terminal, key: enrolled.key.to_string(), terminal: enrolled.view })?;
    *response.status_mut() = actix_web::http::StatusCode::CREATED;
    Ok(response)
}

async fn with_code(state: &AppState, answer: Answer, (org, id): (OrgId, TerminalId)) -> Handled {
    let code = documents::enrolment_code(&state.core, (org, id), &answer).await?;
    saved_as(state, answer, Did::Create, |saved| {
        let (enrolment_code, enrolment_expires_at) = code.ok_or(Code::Internal)?;
        Ok(TerminalCode { op: saved.op, id, version: saved.version, at: saved.at, enrolment_code, enrolment_expires_at })
    })
}
