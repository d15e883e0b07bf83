//! Handlers of staff: made by a manager, who reads the PIN to them.

use serde::Serialize;

use crate::clock::Timestamp;
use crate::documents::{self, StaffInput, StaffView};
use crate::error::Code;
use crate::http::auth::Authenticated;
use crate::http::documents::{
    Did, Names, PutOf, SavedAnswer, Shown, get as get_document, history as versions, list as page_of, saved, saved_as,
};
use crate::http::extract::{Body, Id, IdempotencyKey};
use crate::http::page::{Page, Paging, PagingQuery};
use crate::http::problem::Handled;
use crate::http::{AppState, State};
use crate::ids::{OpId, OrgId, StaffId};
use crate::ledger::{Answer, DocumentKey};
use crate::programme::StaffDocument;

/// One of the staff with their PIN.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct StaffPin {
    /// The operation.
    pub op: OpId,
    /// Whose.
    pub id: StaffId,
    /// Their version.
    pub version: i64,
    /// When it was saved.
    pub at: Timestamp,
    /// What they type to sign in at a till. It is shown to who repeats this request and to nobody else.
    #[schema(example = "402917")]
    pub pin: String,
}

/// List staff
#[utoipa::path(get, path = "/v1/staff", tag = "staff",
    params(PagingQuery),
    responses((status = 200, description = "A page of staff", body = Page<Shown<StaffView>>)))]
pub async fn list(state: State, caller: Authenticated, paging: Paging) -> Handled {
    let names = Names { id: StaffId, keep: &|_| true };
    page_of::<StaffDocument, StaffView, _>(&state, caller.0.org, &paging, names).await
}

/// Make one of the staff
///
/// Answers the PIN with which they sign in at the scanner's page. The cashier's code is theirs for ever, since it is recorded with what they
/// do: it is refused when it is or was somebody else's.
#[utoipa::path(post, path = "/v1/staff", tag = "staff",
    request_body = StaffInput,
    responses((status = 201, description = "Made", body = StaffPin)))]
pub async fn create(state: State, caller: Authenticated, key: IdempotencyKey, body: Body<StaffInput>) -> Handled {
    let asked = state.core.asked(&caller.0, key.0, ("staff.create", &body.0));
    let answer = documents::create_staff(&state.core, &caller.0, &asked, body.0).await?;
    let id = StaffId(answer.op.0);
    with_pin(&state, answer, (caller.0.org, id)).await
}

/// Get one of the staff
#[utoipa::path(get, path = "/v1/staff/{id}", tag = "staff",
    responses((status = 200, description = "One of the staff", body = Shown<StaffView>)))]
pub async fn get(state: State, caller: Authenticated, id: Id<StaffId>) -> Handled {
    get_document::<StaffDocument, StaffView>(&state, DocumentKey::staff(caller.0.org, id.0), id.0).await
}

/// Change one of the staff
///
/// Who is switched off (`status`), or may no longer work in a store, is refused there from the next request on, with a shift open or not.
#[utoipa::path(put, path = "/v1/staff/{id}", tag = "staff",
    request_body = PutOf<StaffInput>,
    responses((status = 200, description = "Saved", body = SavedAnswer)))]
pub async fn put(
    state: State,
    caller: Authenticated,
    key: IdempotencyKey,
    id: Id<StaffId>,
    body: Body<PutOf<StaffInput>>,
) -> Handled {
    let PutOf { expected_version, document } = body.0;
    let asked = state.core.asked(&caller.0, key.0, ("staff.put", &(id.0, expected_version, &document)));
    let answer = documents::put_staff(&state.core, &caller.0, &asked, (id.0, expected_version, document)).await?;
    saved(&state, answer, Did::Change, id.0)
}

/// List the versions of one of the staff
#[utoipa::path(get, path = "/v1/staff/{id}/history", tag = "staff",
    params(PagingQuery),
    responses((status = 200, description = "Versions, newest first", body = Page<Shown<StaffView>>)))]
pub async fn history(state: State, caller: Authenticated, id: Id<StaffId>, paging: Paging) -> Handled {
    versions::<StaffDocument, StaffView>(&state, DocumentKey::staff(caller.0.org, id.0), &paging, id.0).await
}

/// Make a new PIN
///
/// For one that was forgotten or seen. The PIN before stops at once; a shift that is open goes on.
#[utoipa::path(post, path = "/v1/staff/{id}/pin", tag = "staff",
    responses((status = 201, description = "A new PIN", body = StaffPin)))]
pub async fn new_pin(state: State, caller: Authenticated, key: IdempotencyKey, id: Id<StaffId>) -> Handled {
    let asked = state.core.asked(&caller.0, key.0, ("staff.new_pin", &id.0));
    let answer = documents::new_pin(&state.core, &caller.0, &asked, id.0).await?;
    with_pin(&state, answer, (caller.0.org, id.0)).await
}

async fn with_pin(state: &AppState, answer: Answer, (org, id): (OrgId, StaffId)) -> Handled {
    let pin = documents::staff_pin(&state.core, (org, id), &answer).await?;
    saved_as(state, answer, Did::Create, |saved| {
        let pin = pin.ok_or(Code::Internal)?.as_str().to_owned();
        Ok(StaffPin { op: saved.op, id, version: saved.version, at: saved.at, pin })
    })
}
