//! Handlers of the journal: what happened, in order, each row chained to the one before.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::clock::Timestamp;
use crate::db::JournalRecord;
use crate::documents::whole_organisation;
use crate::error::{Code, Problem};
use crate::http::State;
use crate::http::auth::Authenticated;
use crate::http::page::{self, Cursor, Page, Paging, PagingQuery};
use crate::http::problem::Handled;
use crate::ids::OpId;
use crate::ledger::Principal;

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
    /// The hash of the row before, in hexadecimal digits.
    pub previous: String,
    /// The row's own hash.
    pub hash: String,
}

/// Read the journal
///
/// Rows appear in the order of their commits and never change; `walaa audit verify` recomputes the chain.
#[utoipa::path(get, path = "/v1/journal", tag = "journal", params(PagingQuery),
    responses((status = 200, description = "A page of rows, oldest first", body = Page<JournalEntry>)))]
pub async fn list(state: State, caller: Authenticated, paging: Paging) -> Handled {
    whole_organisation(&caller.0)?;
    let after = paging.after::<8>("journal")?.map_or(0, i64::from_be_bytes);
    let rows = state.core.db.journal(caller.0.org, after, paging.limit + 1).await?;
    page::answer(paging.limit, rows, |record| Cursor::of("journal", &record.number.to_be_bytes()), show)
}

fn show(record: JournalRecord) -> Result<JournalEntry, Problem> {
    let JournalRecord { number, previous, hash, row } = record;
    Ok(JournalEntry {
        number,
        op: row.op,
        kind: row.kind,
        actor: row.actor,
        at: row.at,
        body: RawValue::from_string(row.body).map_err(|_| Problem::from(Code::Internal))?,
        previous: hex(&previous),
        hash: hex(&hash),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
