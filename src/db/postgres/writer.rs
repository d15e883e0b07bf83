//! Decides batches of commands: load and lock, decide, save and commit; two round trips. A few batches at a time, each over a connection of
//! its own: while one waits for the network or the disk, another one is decided.
//!
//! What another node or command caused (a unique index, a deadlock, a lock that was waited for too long) undoes the batch, which is redone
//! command by command. A connection that is lost undoes it as well, unless COMMIT was on its way: then the outcome is unknown until the
//! batch is run once more. Its operations are found if they were committed, and what the lost transaction still holds is waited for.

use std::any::Any;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, sleep, timeout};

use super::codec::Fault;
use super::connection::{PostgresConfig, address, tls};
use super::pipeline::{Pipeline, Prepared, params};
use super::{load, save};
use crate::clock::Timestamp;
use crate::db::DbError;
use crate::ledger::{Answer, Command, Context, DocumentKey, TokenMint, run};
use crate::programme::Programme;

/// Plans are fixed: every statement looks up keys by an index, whatever the statistics of a young table say.
const PLANS: &str =
    "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off";

/// Time for one round trip of a batch; beyond it the connection is taken for lost. Longer than a statement may wait for a lock.
const ROUND_TRIP: Duration = Duration::from_secs(5);

/// How long a server that can't be reached is tried: as long as a quick restart takes.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long it is tried to learn what became of a commit.
const PATIENCE_IN_DOUBT: Duration = Duration::from_secs(10);

/// How long a batch may be redone command by command; who has not had a turn then is told to ask again. Others wait behind it.
const PATIENCE_ALONE: Duration = Duration::from_secs(8);

/// The pause between tries.
const PAUSE: Duration = Duration::from_millis(50);

/// How often one command is redone because of what others did at the same time.
const TRIES_ALONE: u32 = 5;

/// Parsed programme documents that are kept from batch to batch.
const PROGRAMMES: usize = 1024;

/// Batches that are decided at a time. While one is at the server, the other one gathers or is decided; more of them are smaller, and cost
/// more than they bring.
pub const LANES: usize = 2;

/// Why an attempt brought nothing.
enum Failed {
    /// Others are in the way: the same again, alone.
    InTheWay(DbError),
    /// A row stayed locked: whoever does not need it gets through alone.
    LockedOut(DbError),
    /// The commands are at fault, or one of them.
    Guilty(DbError),
    /// The server can't be reached; nothing was committed.
    Lost(DbError),
    /// The server was lost while it committed: it may have or not.
    InDoubt(DbError),
}

/// The one that decides.
pub(super) struct Writer {
    config: PostgresConfig,
    mint: Arc<dyn TokenMint>,
    lanes: [Mutex<Work>; LANES],
}

/// What a batch works with.
#[derive(Default)]
struct Work {
    connection: Option<Prepared>,
    programmes: HashMap<DocumentKey, (i64, Arc<Programme>)>,
    /// The server was not reached lately: one try, no patience.
    down: bool,
}

impl Writer {
    pub fn new(config: PostgresConfig, mint: Arc<dyn TokenMint>) -> Self {
        Self { config, mint, lanes: Default::default() }
    }

    /// Decides and commits commands; an answer for each.
    pub async fn apply(&self, commands: &[Command], now: Timestamp) -> Vec<Result<Answer, DbError>> {
        let mut work = self.free_lane().await;
        match self.persist(&mut work, commands, now).await {
            Ok(answers) => answers.into_iter().map(Ok).collect(),
            Err(Failed::Lost(error) | Failed::InDoubt(error)) => commands.iter().map(|_| Err(error.clone())).collect(),
            Err(Failed::LockedOut(error)) if commands.len() == 1 => vec![Err(error)],
            Err(Failed::InTheWay(error) | Failed::LockedOut(error) | Failed::Guilty(error)) => {
                metrics::counter!("walaa_db_batches_redone_total").increment(1);
                tracing::info!(%error, commands = commands.len(), "a batch is redone command by command");
                let deadline = Instant::now() + PATIENCE_ALONE;
                let mut answers = Vec::with_capacity(commands.len());
                for command in commands {
                    let late = Instant::now() >= deadline;
                    answers.push(if late {
                        Err(DbError::Unavailable(format!("too many were in the way of each other: {error}")))
                    } else {
                        self.alone(&mut work, command, now).await
                    });
                }
                answers
            }
        }
    }

    async fn free_lane(&self) -> MutexGuard<'_, Work> {
        match self.lanes.iter().find_map(|lane| lane.try_lock().ok()) {
            Some(free) => free,
            None => self.lanes[0].lock().await,
        }
    }

    async fn alone(&self, work: &mut Work, command: &Command, now: Timestamp) -> Result<Answer, DbError> {
        let mut tries = 1;
        loop {
            match self.persist(work, std::slice::from_ref(command), now).await {
                Ok(mut answers) => return answers.pop().ok_or_else(|| DbError::Corrupt("no answer".into())),
                Err(Failed::InTheWay(_)) if tries < TRIES_ALONE => {}
                // Twice: the row that is in the way may have been committed by another node after this one had looked.
                Err(Failed::Guilty(DbError::Conflict(_))) if tries < 2 => {}
                Err(Failed::InTheWay(error)) => return Err(DbError::Unavailable(error.to_string())),
                Err(Failed::Guilty(error) | Failed::LockedOut(error) | Failed::Lost(error) | Failed::InDoubt(error)) => {
                    return Err(error);
                }
            }
            tries += 1;
        }
    }

    /// Attempts until the server is reached, within patience.
    async fn persist(&self, work: &mut Work, commands: &[Command], now: Timestamp) -> Result<Vec<Answer>, Failed> {
        let started = Instant::now();
        let mut in_doubt = false;
        loop {
            let failed = match self.attempt(work, commands, now).await {
                Ok(answers) => {
                    work.down = false;
                    return Ok(if in_doubt { as_first(answers, commands) } else { answers });
                }
                // The transaction that was lost may hold its locks until the server has seen that its client is gone.
                Err(Failed::LockedOut(_)) if in_doubt && started.elapsed() < PATIENCE_IN_DOUBT => continue,
                Err(failed @ (Failed::InTheWay(_) | Failed::LockedOut(_) | Failed::Guilty(_))) => return Err(failed),
                Err(failed) => failed,
            };
            work.connection = None;
            in_doubt |= matches!(failed, Failed::InDoubt(_));
            let patience = match (in_doubt, work.down) {
                (true, _) => PATIENCE_IN_DOUBT,
                (false, false) => PATIENCE,
                (false, true) => Duration::ZERO,
            };
            if started.elapsed() >= patience {
                work.down = true;
                return Err(failed);
            }
            sleep(PAUSE).await;
        }
    }

    async fn attempt(&self, work: &mut Work, commands: &[Command], now: Timestamp) -> Result<Vec<Answer>, Failed> {
        let usable = work.connection.take().filter(|db| !db.is_closed());
        let db = match usable {
            Some(db) => db,
            None => self.connect().await.map_err(Failed::Lost)?,
        };
        let started = Instant::now();
        let decided = self.decide(&db, work, (commands, now)).await;
        let (answers, pipeline) = match decided {
            Ok(decided) => decided,
            Err(error) => return Err(undo(db, work, error).await),
        };
        match timeout(ROUND_TRIP, pipeline.run(&db)).await {
            Ok(Ok(_)) => {
                metrics::histogram!("walaa_db_commit_seconds").record(started.elapsed().as_secs_f64());
                work.connection = Some(db);
                Ok(answers)
            }
            Ok(Err(error)) => {
                let fault = Fault::from(error);
                if fault.is_undone() { Err(undo(db, work, fault).await) } else { Err(Failed::InDoubt(fault.into())) }
            }
            Err(_) => Err(Failed::InDoubt(DbError::Unavailable("no answer to COMMIT in time".into()))),
        }
    }

    /// Loads and decides: the answers, and what to save.
    async fn decide(
        &self,
        db: &Prepared,
        work: &mut Work,
        (commands, now): (&[Command], Timestamp),
    ) -> Result<(Vec<Answer>, Pipeline), Fault> {
        let loading = timeout(ROUND_TRIP, load::begin(db, commands)).await;
        let late = |_| Err(Fault::Read(DbError::Unavailable("no answer in time".into())));
        let mut loaded = loading.unwrap_or_else(late)?;
        loaded.set.programmes = std::mem::take(&mut work.programmes);
        let context = Context { now, mint: &*self.mint };
        let set = &mut loaded.set;
        let answers = unless_panicking(|| commands.iter().map(|command| run(set, command, context)).collect())?;
        let pipeline = save::changes(&loaded.set, &loaded.positions)?;
        if loaded.set.programmes.len() <= PROGRAMMES {
            work.programmes = loaded.set.programmes;
        }
        Ok((answers, pipeline))
    }

    async fn connect(&self) -> Result<Prepared, DbError> {
        let connecting = async {
            let (client, connection) = address(&self.config, PLANS)?.connect(tls(&self.config)?).await?;
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::info!(%error, "the connection for decisions has ended");
                }
            });
            let statements = load::statements().into_iter().chain(save::statements()).collect();
            Ok(Prepared::new(client, statements).await?)
        };
        timeout(ROUND_TRIP, connecting).await.unwrap_or_else(|_| Err(DbError::Unavailable("no connection in time".into())))
    }
}

/// Ends a transaction that failed before its commit; says why it did. A connection on which that can't be said is given up, and so is one
/// to a server that takes no writes any more.
async fn undo(db: Prepared, work: &mut Work, fault: Fault) -> Failed {
    work.programmes.clear();
    let mut rollback = Pipeline::default();
    rollback.add("rollback", params![]);
    let rolled_back = fault.is_undone() && timeout(ROUND_TRIP, rollback.run(&db)).await.is_ok_and(|done| done.is_ok());
    let (in_the_way, locked_out) = (fault.is_in_the_way(), fault.is_locked_out());
    let error = DbError::from(fault);
    let usable = rolled_back && (in_the_way || locked_out || !matches!(error, DbError::Unavailable(_)));
    match error {
        _ if usable && (in_the_way || locked_out) => {
            work.connection = Some(db);
            if in_the_way { Failed::InTheWay(error) } else { Failed::LockedOut(error) }
        }
        DbError::Conflict(_) | DbError::Corrupt(_) => {
            work.connection = Some(db).filter(|_| usable);
            Failed::Guilty(error)
        }
        DbError::Unavailable(_) => Failed::Lost(error),
    }
}

/// Operations that are found because an earlier attempt of the same call had committed them are no repeats.
fn as_first(answers: Vec<Answer>, commands: &[Command]) -> Vec<Answer> {
    let own =
        |(answer, command): (Answer, &Command)| Answer { replayed: answer.replayed && answer.op != command.op.id, ..answer };
    answers.into_iter().zip(commands).map(own).collect()
}

/// A panic as an error: a rule that fails its assertions takes nobody else down.
fn unless_panicking<T>(act: impl FnOnce() -> T) -> Result<T, DbError> {
    catch_unwind(AssertUnwindSafe(act)).map_err(|panic| DbError::Corrupt(format!("a rule failed: {}", words(&*panic))))
}

fn words(panic: &(dyn Any + Send)) -> &str {
    panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("panic")
}
