//! What the handlers of configuration documents share: how a document is shown, listed, and how its writes are answered.

use std::fmt::Display;

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::clock::Timestamp;
use crate::documents::{self, ConfigDocument, Saved};
use crate::error::{Code, Problem};
use crate::http::page::{self, Cursor, Paging};
use crate::http::problem::{Handled, Refused};
use crate::http::{AppState, answer};
use crate::ids::{OpId, OrgId};
use crate::ledger::{Answer, DocumentKey, DocumentSaved, Principal};

/// A configuration document.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Shown<T> {
    /// Its id.
    pub id: String,
    /// From 1; name it in `expected_version` to change the document.
    pub version: i64,
    /// When this version was saved.
    pub at: Timestamp,
    /// Who saved it.
    #[schema(value_type = String, example = "key_01k8zq3v6n4r8y2m5t7w9xbcde")]
    pub actor: Principal,
    /// What it says.
    pub document: T,
}

/// A change of a document.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Put {
    /// The version that was seen: the change is refused when another one was saved since.
    pub expected_version: i64,
    /// The whole document as it shall be.
    pub document: Box<RawValue>,
}

/// A change of a document, as the API's description shows it.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutOf<T> {
    /// The version that was seen: the change is refused when another one was saved since.
    pub expected_version: i64,
    /// The whole document as it shall be.
    pub document: T,
}

/// A saved document.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SavedAnswer {
    /// The operation.
    pub op: OpId,
    /// The document's id.
    pub id: String,
    /// Its version.
    pub version: i64,
    /// When it was saved.
    pub at: Timestamp,
}

/// What a write did to the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Did {
    /// It is new: 201.
    Create,
    /// It has a new version: 200.
    Change,
}

/// Answers one document.
///
/// # Errors
/// `not_found`; `ledger_unavailable`.
pub async fn get<T, V>(state: &AppState, key: DocumentKey, id: impl Display) -> Handled
where
    T: ConfigDocument,
    V: From<T> + Serialize,
{
    let saved = documents::existing::<T>(&state.core, key).await?;
    answer::ok(&shown::<T, V>(saved, id))
}

/// Answers a page of the documents of a kind for which `keep` holds.
///
/// # Errors
/// `validation_failed` for a bad cursor; `ledger_unavailable`.
pub async fn list<T, V, I>(state: &AppState, org: OrgId, paging: &Paging, names: Names<'_, T, I>) -> Handled
where
    T: ConfigDocument,
    V: From<T> + Serialize,
    I: Display,
{
    let word = T::KIND.as_str();
    let after = paging.after::<16>(word)?;
    let rows = documents::all::<T>(&state.core, org).await?;
    let rows =
        rows.into_iter().filter(|saved| after.is_none_or(|after| saved.key.id > after)).filter(|saved| (names.keep)(saved));
    page::answer(
        paging.limit,
        rows,
        |saved| Cursor::of(word, &saved.key.id),
        |saved| {
            let id = (names.id)(saved.key.id);
            Ok(shown::<T, V>(saved, id))
        },
    )
}

/// How a list names its documents, and which it holds.
pub struct Names<'a, T, I> {
    /// The id from its bytes.
    pub id: fn([u8; 16]) -> I,
    /// Whether the caller may see a document.
    pub keep: &'a dyn Fn(&Saved<T>) -> bool,
}

/// Answers a page of a document's versions, newest first.
///
/// # Errors
/// `not_found`; `validation_failed` for a bad cursor; `ledger_unavailable`.
pub async fn history<T, V>(state: &AppState, key: DocumentKey, paging: &Paging, id: impl Display) -> Handled
where
    T: ConfigDocument,
    V: From<T> + Serialize,
{
    let before = paging.after::<8>("history")?.map(i64::from_be_bytes);
    let versions = documents::history::<T>(&state.core, key).await?;
    let rows = versions.into_iter().filter(|saved| before.is_none_or(|before| saved.version < before));
    page::answer(
        paging.limit,
        rows,
        |saved| Cursor::of("history", &saved.version.to_be_bytes()),
        |saved| Ok(shown::<T, V>(saved, &id)),
    )
}

fn shown<T, V: From<T>>(saved: Saved<T>, id: impl Display) -> Shown<V> {
    Shown { id: id.to_string(), version: saved.version, at: saved.at, actor: saved.actor, document: saved.document.into() }
}

/// Answers a write.
///
/// # Errors
/// As [`saved_as`].
pub fn saved(state: &AppState, outcome: Answer, did: Did, id: impl Display) -> Handled {
    let id = id.to_string();
    saved_as(state, outcome, did, |saved| Ok(SavedAnswer { op: saved.op, id, version: saved.version, at: saved.at }))
}

/// Answers a write with members that are derived, not stored, and forgets what this node knew of documents: the change binds at the next
/// request.
///
/// # Errors
/// `internal` when the answer can't be read; what `show` fails with.
pub fn saved_as<T: Serialize>(
    state: &AppState,
    outcome: Answer,
    did: Did,
    show: impl FnOnce(&DocumentSaved) -> Result<T, Problem>,
) -> Handled {
    state.holders.forget();
    state.core.programmes.forget();
    let response = answer::with(outcome, |saved: &DocumentSaved, body| {
        *body = serde_json::to_value(show(saved)?).map_err(|_| Problem::from(Code::Internal))?;
        Ok(())
    })?;
    Ok(if did == Did::Create { as_created(response) } else { response })
}

fn as_created(mut response: HttpResponse) -> HttpResponse {
    if response.status().is_success() {
        *response.status_mut() = actix_web::http::StatusCode::CREATED;
    }
    response
}

/// Reads a document out of a body.
///
/// # Errors
/// `document_invalid` with every finding.
pub fn read<T: ConfigDocument>(text: &RawValue) -> Result<T, Refused> {
    T::read(text.get()).map_err(Refused)
}
