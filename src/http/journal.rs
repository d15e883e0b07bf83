//! Handlers of the journal: what happened, in order, each row chained to the one before.
//!
//! The rows hold sealed reasons. They are opened on the way out, for callers who may read members, and nowhere kept.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::cards::Reopened;
use crate::clock::Timestamp;
use crate::db::JournalRecord;
use crate::documents::whole_organisation;
use crate::error::{Code, Problem};
use crate::http::State;
use crate::http::auth::Authenticated;
use crate::http::page::{self, Cursor, Page, Paging, PagingQuery};
use crate::http::problem::Handled;
use crate::ids::{CardId, OpId};
use crate::ledger::Principal;
use crate::programme::Scope;

/// A row of the journal.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct JournalEntry {
    /// From 1, without a gap.
    pub number: i64,
    /// The operation.
    pub op: OpId,
    /// What happened, such as `capture`.
    pub kind: String,
    /// Who asked.
    #[schema(value_type = String)]
    pub actor: Principal,
    /// When.
    pub at: Timestamp,
    /// Entries, changed passes and facts: the text that the hash covers.
    #[schema(value_type = Object)]
    pub body: Box<RawValue>,
    /// Why a balance was corrected or a redemption undone, for callers with `members:read`; left out once it can't be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub reason: Option<String>,
    /// What became of the reason; left out for rows without one and for callers without `members:read`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub reason_state: Option<ReasonState>,
    /// The hash of the row before, in hexadecimal digits.
    pub previous: String,
    /// The row's own hash.
    pub hash: String,
}

/// What became of a sealed reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReasonState {
    /// It stands in `reason`.
    Readable,
    /// The member was erased, and the key to the reason with him.
    Erased,
    /// Its master key is not on this node, or it was not sealed for this card.
    Unreadable,
}

/// The part of a row's text that reasons need.
#[derive(Deserialize)]
struct Sealed {
    #[serde(default)]
    entries: Vec<OfCard>,
    facts: Facts,
}

#[derive(Deserialize)]
struct OfCard {
    card: CardId,
}

#[derive(Deserialize)]
struct Facts {
    sealed_reason: Option<String>,
}

/// Read the journal
///
/// Rows appear in the order of their commits and never change; `walaa audit verify` recomputes the chain over `body`, in which reasons
/// stay sealed.
#[utoipa::path(get, path = "/v1/journal", tag = "journal", params(PagingQuery),
    responses((status = 200, description = "A page of rows, oldest first", body = Page<JournalEntry>)))]
pub async fn list(state: State, caller: Authenticated, paging: Paging) -> Handled {
    whole_organisation(&caller.0)?;
    let after = paging.after::<8>("journal")?.map_or(0, i64::from_be_bytes);
    let rows = state.core.db.journal(caller.0.org, after, paging.limit + 1).await?;
    let may_open = caller.0.scopes.contains(&Scope::MembersRead);
    let mut opened = Vec::with_capacity(rows.len());
    for record in rows {
        let reason = if may_open { open_reason(&state, &record).await? } else { (None, None) };
        opened.push((record, reason));
    }
    page::answer(paging.limit, opened, |(record, _)| Cursor::of("journal", &record.number.to_be_bytes()), show)
}

type Reason = (Option<String>, Option<ReasonState>);

/// The reason of a row, if it has one; what can't be opened must not hide the row.
async fn open_reason(state: &State, record: &JournalRecord) -> Result<Reason, Problem> {
    let Ok(Sealed { entries, facts: Facts { sealed_reason: Some(sealed) } }) = serde_json::from_str(&record.row.body) else {
        return Ok((None, None));
    };
    let Some(OfCard { card }) = entries.first() else { return Ok((None, Some(ReasonState::Unreadable))) };
    Ok(match state.core.open_reason(record.row.org, *card, &sealed).await? {
        Reopened::Readable(text) => (Some(text), Some(ReasonState::Readable)),
        Reopened::Erased => (None, Some(ReasonState::Erased)),
        Reopened::Unreadable => (None, Some(ReasonState::Unreadable)),
    })
}

fn show((record, (reason, reason_state)): (JournalRecord, Reason)) -> Result<JournalEntry, Problem> {
    let JournalRecord { number, previous, hash, row } = record;
    Ok(JournalEntry {
        number,
        op: row.op,
        kind: row.kind,
        actor: row.actor,
        at: row.at,
        body: RawValue::from_string(row.body).map_err(|_| Problem::from(Code::Internal))?,
        reason,
        reason_state,
        previous: hex(&previous),
        hash: hex(&hash),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
