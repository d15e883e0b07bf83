//! Gathers the commands that wait and calls the database once: one flush pays for many.
//!
//! No timer: while one batch commits, the next one gathers. The queue is bounded; beyond it the answer is `overloaded`.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tokio::sync::{Notify, mpsc, oneshot};

use crate::clock::{Clock, Timestamp};
use crate::db::{Db, DbError, MAX_BATCH};
use crate::error::{Code, Problem};
use crate::ledger::{Answer, Body, Command};

/// How many commands may wait: sixteen full batches, well under a second of work.
const QUEUE: usize = 16 * MAX_BATCH;

/// How many places of a batch sweeps may take: sales go first.
const SWEEPS_PER_BATCH: usize = 32;

type Job = (Command, oneshot::Sender<Result<Answer, DbError>>);

/// The way to the ledger for everyone who wants to change a value.
#[derive(Clone)]
pub struct Batcher {
    commands: mpsc::Sender<Job>,
    sweeps: mpsc::Sender<Job>,
    committed: Arc<Notify>,
}

impl Batcher {
    /// Starts the gathering task; it ends when the last handle is dropped.
    #[must_use]
    pub fn start(db: Arc<dyn Db>, clock: Arc<dyn Clock>) -> Self {
        let (commands, waiting) = mpsc::channel(QUEUE);
        let (sweeps, waiting_sweeps) = mpsc::channel(SWEEPS_PER_BATCH);
        let committed = Arc::new(Notify::new());
        tokio::spawn(gather(db, clock, (waiting, waiting_sweeps), Arc::clone(&committed)));
        Self { commands, sweeps, committed }
    }

    /// Is woken after each commit: the sequencer waits here.
    #[must_use]
    pub fn committed(&self) -> Arc<Notify> {
        Arc::clone(&self.committed)
    }

    /// Runs a command and waits until its outcome is durable.
    ///
    /// # Errors
    /// `overloaded` when the queue is full, `ledger_unavailable` when the database can't be reached (nothing was changed, or, if the connection
    /// was lost at the commit, asking again under the same op id tells), `internal` for the rest.
    pub async fn execute(&self, command: Command) -> Result<Answer, Problem> {
        self.try_execute(command).await?
    }

    /// As [`Self::execute`], for callers that can mint another id when one is taken.
    ///
    /// # Errors
    /// The database's own error outside, a refusal to queue inside.
    pub async fn try_execute(&self, command: Command) -> Result<Result<Answer, Problem>, DbError> {
        let (reply, answer) = oneshot::channel();
        let is_sweep = matches!(command.body, Body::Expire(_) | Body::Touch(_) | Body::Reconcile(_));
        let sent = if is_sweep {
            self.sweeps.send((command, reply)).await.map_err(|_| Code::LedgerUnavailable)
        } else {
            self.commands.try_send((command, reply)).map_err(|_| Code::Overloaded)
        };
        if let Err(code) = sent {
            metrics::counter!("walaa_commands_refused_total", "reason" => code.as_str()).increment(1);
            return Ok(Err(code.into()));
        }
        match answer.await {
            Ok(result) => result.map(Ok),
            Err(_) => Ok(Err(Code::LedgerUnavailable.into())),
        }
    }
}

async fn gather(
    db: Arc<dyn Db>,
    clock: Arc<dyn Clock>,
    (mut commands, mut sweeps): (mpsc::Receiver<Job>, mpsc::Receiver<Job>),
    committed: Arc<Notify>,
) {
    let last = db.high_water().await.map_or(i64::MIN, |(_, at)| at.millis());
    let latest = AtomicI64::new(last);
    let mut jobs: Vec<Job> = Vec::with_capacity(MAX_BATCH);
    loop {
        tokio::select! {
            biased;
            first = commands.recv() => match first {
                Some(job) => jobs.push(job),
                None => return,
            },
            Some(job) = sweeps.recv() => jobs.push(job),
        }
        // Whoever else heard an answer with the last commit gets to ask again first: else every other batch would be one command.
        tokio::task::yield_now().await;
        while jobs.len() < MAX_BATCH - SWEEPS_PER_BATCH {
            let Ok(job) = commands.try_recv() else { break };
            jobs.push(job);
        }
        for _ in 0..SWEEPS_PER_BATCH {
            let Ok(job) = sweeps.try_recv() else { break };
            jobs.push(job);
        }
        let now = never_backwards(&latest, clock.now());
        let (batch, replies): (Vec<Command>, Vec<_>) = jobs.drain(..).unzip();
        metrics::histogram!("walaa_batch_size").record(batch.len() as f64);
        let answers = db.apply(batch, now).await;
        committed.notify_one();
        for (reply, answer) in replies.into_iter().zip(answers) {
            if let Err(error) = &answer {
                tracing::error!(%error, "a command could not be decided");
            }
            let _gone = reply.send(answer);
        }
    }
}

/// Time for decisions never runs backwards, nor behind the last commit before the start, so that a clock that jumps back revives no token.
fn never_backwards(latest: &AtomicI64, now: Timestamp) -> Timestamp {
    let before = latest.fetch_max(now.millis(), Ordering::SeqCst);
    Timestamp::from_millis(before.max(now.millis()))
}
