//! Handlers of operations: a client that lost an answer learns the outcome, or makes sure that there will never be one.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::clock::Timestamp;
use crate::error::{Code, Problem};
use crate::http::auth::Authenticated;
use crate::http::extract::Id;
use crate::http::problem::{self, Handled};
use crate::http::{State, answer};
use crate::ids::OpId;
use crate::ledger::{Abandon, Body, OpKey, OpOutcome, OpRow};
use crate::programme::Scope;

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Ended {
    /// It was done.
    Succeeded,
    /// A rule refused it.
    Refused,
    /// Its client gave it up before it ran; it never will.
    Abandoned,
}

/// An operation and its one outcome.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Operation {
    /// Our id.
    pub op: OpId,
    /// The client's id: the Idempotency-Key.
    pub key: String,
    /// What was asked, such as `capture`.
    pub kind: String,
    /// How it ended: final.
    pub outcome: Ended,
    /// When.
    pub at: Timestamp,
    /// The status that was answered.
    pub status: u16,
    /// What the client was answered: without members that are derived (codes, links) when it succeeded, the problem as it was sent when it was
    /// refused; null once it is no longer kept.
    #[schema(value_type = Option<Object>)]
    pub answer: Option<Box<RawValue>>,
}

/// An operation's name in an address: the client's id or ours.
pub struct OpName(String);

impl std::str::FromStr for OpName {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let known = OpKey::parse(text).is_some() || text.parse::<OpId>().is_ok();
        if known { Ok(Self(text.to_owned())) } else { Err(()) }
    }
}

/// Get an operation's outcome
///
/// `{id}` is the client's own Idempotency-Key or the `op_…` id of an answer. `op_unknown` is not final: the request may still be on
/// its way. Abandon the operation to be sure.
#[utoipa::path(get, path = "/v1/ops/{id}", tag = "operations",
    responses((status = 200, description = "The outcome, which is final", body = Operation)))]
pub async fn get(state: State, caller: Authenticated, id: Id<OpName>) -> Handled {
    let caller = caller.0;
    let name = id.0.0;
    let by_key = match OpKey::parse(&name) {
        Some(key) => state.core.db.op(caller.org, caller.principal, &key).await?,
        None => None,
    };
    let row = match (by_key, name.parse()) {
        (Some(row), _) => Some(row),
        (None, Ok(id)) => state.core.db.op_by_id(caller.org, id).await?,
        (None, Err(_)) => None,
    };
    let row = row.filter(|row| {
        row.principal == caller.principal || (caller.scopes.contains(&Scope::Audit) && caller.programmes.is_empty())
    });
    answer::ok(&operation(row.ok_or(Code::OpUnknown)?)?)
}

/// Abandon an operation
///
/// Afterwards its outcome is final: `ABANDONED` when nothing had happened, so that a late original is refused; otherwise what happened.
/// No Idempotency-Key is needed, since the operation's own id is one.
#[utoipa::path(post, path = "/v1/ops/{id}/abandon", tag = "operations",
    responses((status = 200, description = "The outcome, which is final", body = Operation)))]
pub async fn abandon(state: State, caller: Authenticated, id: Id<OpName>) -> Handled {
    let caller = caller.0;
    let key = OpKey::parse(&id.0.0).ok_or(Code::NotFound)?;
    let asked = state.core.asked(&caller, key.clone(), ("ops.abandon", &()));
    state.core.ask(&asked, Body::Abandon(Abandon)).await?;
    let row = state.core.db.op(caller.org, caller.principal, &key).await?;
    answer::ok(&operation(row.ok_or(Code::Internal)?)?)
}

/// The answer as the client got it: a refusal is stored without what its code says, and shown with it.
fn shown_answer(row: &OpRow) -> Result<Option<Box<RawValue>>, Problem> {
    let Some(bytes) = &row.answer else { return Ok(None) };
    let text = match row.outcome {
        OpOutcome::Done => String::from_utf8(bytes.clone()).map_err(|_| Code::Internal)?,
        OpOutcome::Refused | OpOutcome::Abandoned => {
            let refusal: Problem = serde_json::from_slice(bytes).map_err(|_| Code::Internal)?;
            problem::body(&refusal).to_string()
        }
    };
    Ok(Some(RawValue::from_string(text).map_err(|_| Code::Internal)?))
}

fn operation(row: OpRow) -> Result<Operation, Problem> {
    let answer = shown_answer(&row)?;
    Ok(Operation {
        op: row.id,
        key: row.key.as_str().to_owned(),
        kind: row.kind,
        outcome: match row.outcome {
            OpOutcome::Done => Ended::Succeeded,
            OpOutcome::Refused => Ended::Refused,
            OpOutcome::Abandoned => Ended::Abandoned,
        },
        at: row.at,
        status: row.status,
        answer,
    })
}
