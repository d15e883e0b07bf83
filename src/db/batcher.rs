//! Gathers the commands that wait and calls the database once: one flush pays for many.
//!
//! No timer: while as many batches as the database takes at once are on their way, the next one gathers. The queue is bounded; beyond it
//! the answer is `overloaded`.

use std::sync::Arc;

use tokio::sync::{Mutex, Notify, mpsc, oneshot};

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
    /// Starts the gathering tasks; they end when the last handle is dropped.
    #[must_use]
    pub fn start(db: Arc<dyn Db>, clock: Arc<dyn Clock>) -> Self {
        let (commands, waiting) = mpsc::channel(QUEUE);
        let (sweeps, waiting_sweeps) = mpsc::channel(SWEEPS_PER_BATCH);
        let committed = Arc::new(Notify::new());
        let lanes = db.lanes();
        let line = Mutex::new(Line { commands: waiting, sweeps: waiting_sweeps, latest: None });
        let gathering = Arc::new(Gathering { db, clock, line, committed: Arc::clone(&committed) });
        for _ in 0..lanes {
            tokio::spawn(Arc::clone(&gathering).run());
        }
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

/// What the lanes share: each takes the next batch from the line, and brings it to the database and the answers back.
struct Gathering {
    db: Arc<dyn Db>,
    clock: Arc<dyn Clock>,
    line: Mutex<Line>,
    committed: Arc<Notify>,
}

/// Those who wait.
struct Line {
    commands: mpsc::Receiver<Job>,
    sweeps: mpsc::Receiver<Job>,
    /// The time of the last batch, or of the last commit before the start; not known before the first batch.
    latest: Option<Timestamp>,
}

impl Gathering {
    async fn run(self: Arc<Self>) {
        while let Some((jobs, now)) = self.next().await {
            let (batch, replies): (Vec<Command>, Vec<_>) = jobs.into_iter().unzip();
            metrics::histogram!("walaa_batch_size").record(batch.len() as f64);
            let answers = self.db.apply(batch, now).await;
            self.committed.notify_one();
            for (reply, answer) in replies.into_iter().zip(answers) {
                if let Err(error) = &answer {
                    tracing::error!(%error, "a command could not be decided");
                }
                let _gone = reply.send(answer);
            }
        }
    }

    /// Waits for the next batch, and for its turn; `None` when nobody can ask any more. With the time at which it is decided.
    async fn next(&self) -> Option<(Vec<Job>, Timestamp)> {
        let mut line = self.line.lock().await;
        let last = match line.latest {
            Some(latest) => latest,
            None => self.db.high_water().await.map_or(Timestamp::from_millis(i64::MIN), |(_, at)| at),
        };
        let jobs = line.gather().await?;
        // Never backwards, nor behind the last commit before the start, so that a clock that jumps back revives no token.
        let now = last.max(self.clock.now());
        line.latest = Some(now);
        Some((jobs, now))
    }
}

impl Line {
    async fn gather(&mut self) -> Option<Vec<Job>> {
        let mut jobs = Vec::with_capacity(MAX_BATCH);
        tokio::select! {
            biased;
            first = self.commands.recv() => jobs.push(first?),
            Some(job) = self.sweeps.recv() => jobs.push(job),
        }
        // Whoever else heard an answer with the last commit gets to ask again first: else every other batch would be one command.
        tokio::task::yield_now().await;
        while jobs.len() < MAX_BATCH - SWEEPS_PER_BATCH {
            let Ok(job) = self.commands.try_recv() else { break };
            jobs.push(job);
        }
        for _ in 0..SWEEPS_PER_BATCH {
            let Ok(job) = self.sweeps.try_recv() else { break };
            jobs.push(job);
        }
        Some(jobs)
    }
}
