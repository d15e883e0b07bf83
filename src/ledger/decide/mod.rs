//! [`run`]: one command against the working set. Finds a twin, decides, keeps the outcome under its operation id, writes the journal row.

mod contact;
mod document;
mod earn;
mod enrol;
mod lifecycle;
mod reconcile;
mod redeem;
mod voucher;
mod work;

use crate::clock::Timestamp;
use crate::error::{Code, Problem};
use crate::ids::{OpId, OrgId};
use crate::ledger::{Body, Command, JournalRow, OpOutcome, OpRow, Outcome, TokenHash, TokenKind, WorkingSet};
pub use enrol::IDENTIFY_GENERATION;
pub use reconcile::settling;
use work::Work;
pub use work::entry_json;

/// How long after its end a code is still taken, for clocks that differ between nodes; the sweep waits as long.
pub const EXPIRY_GRACE_MS: i64 = 30_000;

/// Derives tokens from the master keys: the ledger sees only what they hash to.
pub trait TokenMint: Send + Sync {
    /// The hash of the token of a kind for a subject (a pass, voucher or card) and generation, under the current master key, whose
    /// id comes first.
    fn mint(&self, org: OrgId, kind: TokenKind, subject: &[u8; 16], generation: i64) -> (u8, TokenHash);
}

/// What a decision may know beside the working set.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The present instant, never behind an earlier commit.
    pub now: Timestamp,
    /// The token mint.
    pub mint: &'a dyn TokenMint,
}

/// The one outcome of an operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Our id of the operation that decided: on a replay the first one's.
    pub op: OpId,
    /// Whether it was decided by an earlier request.
    pub replayed: bool,
    /// The status of the answer.
    pub status: u16,
    /// The answer's bytes, or why it was refused.
    pub result: Result<Vec<u8>, Problem>,
}

/// Runs one command. What it changed stays in the set if it was done; a refusal leaves only its op row.
pub fn run(set: &mut WorkingSet, command: &Command, context: Context<'_>) -> Answer {
    let op = &command.op;
    let key = (op.org, op.principal, op.key.clone());
    #[cfg(not(test))]
    let twin = set.ops.get(&key);
    #[cfg(test)]
    let twin = set.ops.get(&key).filter(|_| !crate::ledger::guards::is_removed(op.org, crate::ledger::guards::Guard::Op));
    if let Some(row) = twin {
        return replay(row, command);
    }
    set.keep();
    let mut work = Work::new(set, command, context);
    let decided = decide(&mut work);
    let (touched, facts) = (work.touched, work.facts);
    let only_asked = matches!(&command.body, Body::Capture(capture) if capture.validate_only);
    if decided.is_err() || only_asked {
        set.roll_back();
    }
    if only_asked || decided.as_ref().is_err_and(passes_by) {
        return answer(op.id, decided);
    }
    if decided.is_ok() && !matches!(command.body, Body::Abandon(_)) {
        let row = journal_row(set, command, context.now, (touched, facts));
        set.journal.push(row);
    }
    let (outcome, answer) = match &command.body {
        Body::Abandon(_) => (OpOutcome::Abandoned, abandoned(op.id)),
        _ if decided.is_ok() => (OpOutcome::Done, answer(op.id, decided)),
        _ => (OpOutcome::Refused, answer(op.id, decided)),
    };
    set.ops.put(key, op_row(command, outcome, &answer, context.now));
    set.keep();
    answer
}

/// A refusal that may be gone at the next try is no outcome: our own failures, and rights that can be given back.
fn passes_by(problem: &Problem) -> bool {
    matches!(problem.code.status(), 401 | 403 | 500..)
}

fn decide(work: &mut Work<'_>) -> Result<Outcome, Problem> {
    let command = work.command;
    work.check_principal()?;
    match &command.body {
        Body::Enrol(enrol) => enrol::enrol(work, enrol),
        Body::IssueCode(issue) => enrol::issue_code(work, issue),
        Body::Earn(earn) => earn::earn(work, earn),
        Body::Return(back) => earn::return_sale(work, back),
        Body::Adjust(adjust) => earn::adjust(work, adjust),
        Body::IssueVoucher(issue) => voucher::issue(work, issue),
        Body::CancelVoucher(cancel) => voucher::cancel(work, cancel),
        Body::Capture(capture) => redeem::capture(work, capture),
        Body::Reverse(reverse) => redeem::reverse(work, reverse),
        Body::Reissue(reissue) => lifecycle::reissue(work, reissue),
        Body::Erase(erase) => lifecycle::erase(work, erase),
        Body::Expire(expire) => lifecycle::expire(work, expire),
        Body::Touch(touch) => lifecycle::touch(work, touch),
        Body::Reconcile(reconcile) => reconcile::reconcile(work, reconcile),
        Body::ShowOnGoogle(show) => lifecycle::show_on_google(work, show),
        Body::Contact(command) => contact::decide(work, command),
        Body::PutDocument(put) => document::put(work, put),
        Body::Abandon(_) => Ok(crate::ledger::Swept { op: command.op.id, changed: 0 }.into()),
    }
}

/// The outcome that an operation already has; another command under the same key is refused, and that is not stored.
fn replay(row: &OpRow, command: &Command) -> Answer {
    let known = |status: u16, result| Answer { op: row.id, replayed: true, status, result };
    let refused = |problem: Problem| known(problem.code.status(), Err(problem));
    if row.outcome == OpOutcome::Abandoned {
        return abandoned_by(row);
    }
    if matches!(command.body, Body::Abandon(_)) {
        return stored(row);
    }
    if row.fingerprint != command.op.fingerprint.0 {
        return refused(
            Problem::new(Code::IdempotencyKeyReused, "Use a new Idempotency-Key for a new request.").with("op", row.id),
        );
    }
    stored(row)
}

/// What is stored under an operation, as its answer.
#[must_use]
pub fn stored(row: &OpRow) -> Answer {
    let known = |result| Answer { op: row.id, replayed: true, status: row.status, result };
    match (&row.answer, row.outcome) {
        (_, OpOutcome::Abandoned) => abandoned_by(row),
        (None, _) => {
            let problem = Problem::new(Code::AnswerExpired, "The operation was executed; its answer is no longer kept.");
            let problem = problem.with("op", row.id).with("outcome", row.outcome.as_str()).with("at", row.at);
            Answer { status: Code::AnswerExpired.status(), ..known(Err(problem)) }
        }
        (Some(bytes), OpOutcome::Done) => known(Ok(bytes.clone())),
        (Some(bytes), OpOutcome::Refused) => {
            known(Err(serde_json::from_slice(bytes).unwrap_or_else(|_| Problem::from(Code::Internal))))
        }
    }
}

fn abandoned(op: OpId) -> Answer {
    let problem = Problem::from(Code::OpAbandoned).with("op", op);
    Answer { op, replayed: false, status: Code::OpAbandoned.status(), result: Err(problem) }
}

fn abandoned_by(row: &OpRow) -> Answer {
    Answer { replayed: true, ..abandoned(row.id) }
}

fn answer(op: OpId, decided: Result<Outcome, Problem>) -> Answer {
    match decided {
        Ok(outcome) => {
            let bytes = serde_json::to_vec(&outcome).expect("an outcome is plain data with text keys");
            let status =
                if matches!(&outcome, Outcome::Redeemed(redeemed) if redeemed.id.is_none()) { 200 } else { outcome.status() };
            Answer { op, replayed: false, status, result: Ok(bytes) }
        }
        Err(problem) => Answer { op, replayed: false, status: problem.code.status(), result: Err(problem) },
    }
}

fn op_row(command: &Command, outcome: OpOutcome, answer: &Answer, now: Timestamp) -> OpRow {
    let op = &command.op;
    let bytes = match &answer.result {
        Ok(bytes) => bytes.clone(),
        Err(problem) => serde_json::to_vec(problem).expect("a problem is plain data with text keys"),
    };
    OpRow {
        org: op.org,
        principal: op.principal,
        key: op.key.clone(),
        id: op.id,
        fingerprint: op.fingerprint.0,
        kind: command.body.kind().to_owned(),
        outcome,
        status: answer.status,
        answer: Some(bytes),
        at: now,
    }
}

fn journal_row(
    set: &WorkingSet,
    command: &Command,
    now: Timestamp,
    (touched, facts): (Vec<crate::ids::PassId>, serde_json::Map<String, serde_json::Value>),
) -> JournalRow {
    let op = &command.op;
    let entries: Vec<_> = set.new_entries().iter().map(work::entry_json).collect();
    let passes: Vec<_> = touched
        .iter()
        .filter_map(|id| set.passes.get(&(op.org, *id)))
        .map(|pass| serde_json::json!({"id": pass.id, "version": pass.version}))
        .collect();
    let body = serde_json::json!({"entries": entries, "passes": passes, "facts": facts});
    JournalRow {
        org: op.org,
        op: op.id,
        kind: command.body.kind().to_owned(),
        actor: op.principal,
        at: now,
        body: body.to_string(),
        passes: touched,
    }
}
