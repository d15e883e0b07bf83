//! The one thread that writes. It gathers what waits, does it in one transaction and answers when the commit is durable.
//!
//! First all of it is done as if nothing could fail. If something does, everything is rolled back and done once more, each command and each
//! write in a savepoint of its own, so that the guilty one alone gets the error. Either way there is one flush.

use std::any::Any;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::checkpoint::Log;
use super::{connection, load, save};
use crate::clock::Timestamp;
use crate::db::DbError;
use crate::ledger::{Answer, Body, Command, Context, DocumentKey, TokenMint, run};
use crate::programme::Programme;

/// How many jobs may wait for the writer; beyond it callers wait to hand theirs in.
const QUEUE: usize = 1024;

/// How many jobs share a commit.
const JOBS_PER_COMMIT: usize = 64;

/// Parsed programme documents that are kept from batch to batch.
const PROGRAMMES: usize = 1024;

/// Something to be done in a transaction; the answer is sent after the commit.
pub(super) trait Job: Send {
    /// Does it, in the open transaction; an error undoes the whole transaction.
    fn run(&mut self, work: &mut Work<'_>) -> Result<(), DbError>;
    /// Does it part by part, each in a savepoint, and keeps the parts' errors; an error undoes the whole transaction.
    fn run_guarded(&mut self, work: &mut Work<'_>) -> Result<(), DbError>;
    /// Sends the answer, now that it is committed or, with why, that nothing was.
    fn answer(self: Box<Self>, committed: Result<(), &DbError>);
}

/// What a job works with.
pub(super) struct Work<'a> {
    pub db: &'a Connection,
    pub mint: &'a dyn TokenMint,
    pub programmes: &'a mut HashMap<DocumentKey, (i64, Arc<Programme>)>,
    /// Set when somebody is being erased.
    pub erases: bool,
}

/// The way to the thread that writes.
pub(super) struct Handle {
    /// What waits for it.
    pub jobs: mpsc::Sender<Box<dyn Job>>,
    /// Itself; it ends when `jobs` is dropped.
    pub thread: JoinHandle<()>,
}

/// Starts the thread on a connection.
pub(super) fn start(path: PathBuf, connection: Connection, mint: Arc<dyn TokenMint>) -> Result<Handle, DbError> {
    let (jobs, waiting) = mpsc::channel(QUEUE);
    let writer = Writer::new(path, connection, mint)?;
    let thread = std::thread::Builder::new().name("sqlite-writer".into()).spawn(move || writer.work(waiting));
    Ok(Handle { jobs, thread: thread.map_err(|error| DbError::Unavailable(error.to_string()))? })
}

struct Writer {
    path: PathBuf,
    /// `None` after a failed commit: what the file holds then is only known to a new connection.
    connection: Option<Connection>,
    log: Log,
    mint: Arc<dyn TokenMint>,
    programmes: HashMap<DocumentKey, (i64, Arc<Programme>)>,
}

impl Writer {
    fn new(path: PathBuf, mut connection: Connection, mint: Arc<dyn TokenMint>) -> Result<Self, DbError> {
        let log = Log::start(&path)?;
        log.watch(&mut connection)?;
        Ok(Self { path, connection: Some(connection), log, mint, programmes: HashMap::new() })
    }

    fn work(mut self, mut waiting: mpsc::Receiver<Box<dyn Job>>) {
        let mut jobs = Vec::with_capacity(JOBS_PER_COMMIT);
        while let Some(first) = waiting.blocking_recv() {
            jobs.push(first);
            while jobs.len() < JOBS_PER_COMMIT {
                let Ok(job) = waiting.try_recv() else { break };
                jobs.push(job);
            }
            let started = Instant::now();
            let committed = self.commit(&mut jobs);
            metrics::histogram!("walaa_db_commit_seconds").record(started.elapsed().as_secs_f64());
            if let Err(error) = &committed {
                tracing::error!(%error, "A transaction could not be committed.");
            }
            for job in jobs.drain(..) {
                job.answer(committed.as_ref().copied());
            }
            if let Some(db) = &self.connection {
                self.log.after_commit(db);
            }
        }
        if let Some(db) = &self.connection {
            Log::finish(db);
        }
    }

    fn commit(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), DbError> {
        match self.attempt(jobs, |job, work| job.run(work)) {
            Err(DbError::Conflict(_) | DbError::Corrupt(_)) => self.attempt(jobs, |job, work| job.run_guarded(work)),
            result => result,
        }
    }

    fn attempt(
        &mut self,
        jobs: &mut [Box<dyn Job>],
        run: impl Fn(&mut dyn Job, &mut Work<'_>) -> Result<(), DbError>,
    ) -> Result<(), DbError> {
        if self.connection.is_none() {
            let mut connection = connection::open_writer(&self.path)?;
            self.log.watch(&mut connection)?;
            self.connection = Some(connection);
        }
        let Some(db) = &self.connection else { return Err(DbError::Unavailable("no connection".into())) };
        load::prepare(db, "BEGIN IMMEDIATE")?.execute([])?;
        let mut work = Work { db, mint: &*self.mint, programmes: &mut self.programmes, erases: false };
        let done = jobs.iter_mut().try_for_each(|job| unless_panicking(|| run(&mut **job, &mut work)));
        if work.erases {
            self.log.forget_soon();
        }
        let failed = match done {
            Ok(()) => match load::prepare(db, "COMMIT").and_then(|mut commit| Ok(commit.execute([])?)) {
                Ok(_) => {
                    if self.programmes.len() > PROGRAMMES {
                        self.programmes.clear();
                    }
                    return Ok(());
                }
                Err(error) => {
                    self.connection = None;
                    DbError::Unavailable(format!("the commit failed: {error}"))
                }
            },
            Err(error) => {
                if db.execute_batch("ROLLBACK").is_err() {
                    self.connection = None;
                }
                error
            }
        };
        self.programmes.clear();
        Err(failed)
    }
}

/// A panic as an error: a rule that fails its assertions takes nobody else down.
fn unless_panicking<T>(act: impl FnOnce() -> Result<T, DbError>) -> Result<T, DbError> {
    catch_unwind(AssertUnwindSafe(act))
        .unwrap_or_else(|panic| Err(DbError::Corrupt(format!("a rule failed: {}", words(&*panic)))))
}

fn words(panic: &(dyn Any + Send)) -> &str {
    panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("panic")
}

/// Does one part in a savepoint. The inner error is the part's own, the outer one is everyone's.
fn guarded<T>(work: &mut Work<'_>, act: impl FnOnce(&mut Work<'_>) -> Result<T, DbError>) -> Result<Result<T, DbError>, DbError> {
    let db = work.db;
    load::prepare(db, "SAVEPOINT part")?.execute([])?;
    let done = unless_panicking(|| act(work));
    match done {
        Err(DbError::Unavailable(reason)) => return Err(DbError::Unavailable(reason)),
        Err(_) => {
            work.programmes.clear();
            load::prepare(db, "ROLLBACK TO part")?.execute([])?;
        }
        Ok(_) => {}
    }
    load::prepare(db, "RELEASE part")?.execute([])?;
    Ok(done)
}

/// A batch of commands.
pub(super) struct Batch {
    commands: Vec<Command>,
    now: Timestamp,
    answers: Vec<Result<Answer, DbError>>,
    reply: oneshot::Sender<Vec<Result<Answer, DbError>>>,
}

impl Batch {
    pub fn new(commands: Vec<Command>, now: Timestamp) -> (Self, oneshot::Receiver<Vec<Result<Answer, DbError>>>) {
        let (reply, answers) = oneshot::channel();
        (Self { commands, now, answers: Vec::new(), reply }, answers)
    }
}

impl Job for Batch {
    fn run(&mut self, work: &mut Work<'_>) -> Result<(), DbError> {
        self.answers = decide(work, &self.commands, self.now)?.into_iter().map(Ok).collect();
        Ok(())
    }

    fn run_guarded(&mut self, work: &mut Work<'_>) -> Result<(), DbError> {
        self.answers.clear();
        for command in &self.commands {
            let answers = guarded(work, |work| decide(work, std::slice::from_ref(command), self.now))?;
            self.answers.push(answers.and_then(|mut answers| answers.pop().ok_or_else(|| DbError::Corrupt("no answer".into()))));
        }
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), &DbError>) {
        let answers = match committed {
            Ok(()) => self.answers,
            Err(error) => self.commands.iter().map(|_| Err(error.clone())).collect(),
        };
        let _gone = self.reply.send(answers);
    }
}

/// Loads, decides, saves.
fn decide(work: &mut Work<'_>, commands: &[Command], now: Timestamp) -> Result<Vec<Answer>, DbError> {
    work.erases |= commands.iter().any(|command| matches!(command.body, Body::Erase(_)));
    let mut set = load::working_set(work.db, commands)?;
    set.programmes = std::mem::take(work.programmes);
    let context = Context { now, mint: work.mint };
    let answers = commands.iter().map(|command| run(&mut set, command, context)).collect();
    save::changes(work.db, &set)?;
    *work.programmes = set.programmes;
    Ok(answers)
}

/// A write that is no command.
pub(super) struct Write<T, F> {
    act: F,
    result: Option<Result<T, DbError>>,
    reply: oneshot::Sender<Result<T, DbError>>,
}

impl<T, F: FnMut(&Connection) -> Result<T, DbError>> Write<T, F> {
    pub fn new(act: F) -> (Self, oneshot::Receiver<Result<T, DbError>>) {
        let (reply, result) = oneshot::channel();
        (Self { act, result: None, reply }, result)
    }
}

impl<T: Send, F: FnMut(&Connection) -> Result<T, DbError> + Send> Job for Write<T, F> {
    fn run(&mut self, work: &mut Work<'_>) -> Result<(), DbError> {
        self.result = Some(Ok((self.act)(work.db)?));
        Ok(())
    }

    fn run_guarded(&mut self, work: &mut Work<'_>) -> Result<(), DbError> {
        self.result = Some(guarded(work, |work| (self.act)(work.db))?);
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), &DbError>) {
        let result = match (committed, self.result) {
            (Ok(()), Some(result)) => result,
            (Ok(()), None) => Err(DbError::Corrupt("nothing was done".into())),
            (Err(error), _) => Err(error.clone()),
        };
        let _gone = self.reply.send(result);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::OrgId;
    use crate::ledger::{TokenHash, TokenKind};

    struct NoMint;

    impl TokenMint for NoMint {
        fn mint(&self, _: OrgId, _: TokenKind, _: &[u8; 16], _: i64) -> (u8, TokenHash) {
            (0, [0; 32])
        }
    }

    fn writer() -> (Writer, tempfile::TempDir) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("walaa.db");
        let connection = connection::open_writer(&path).expect("opens");
        (Writer::new(path, connection, Arc::new(NoMint)).expect("starts"), directory)
    }

    /// Commits these writes together; says what each heard.
    fn commit(writer: &mut Writer, writes: &[&'static str]) -> Vec<Result<usize, DbError>> {
        let mut jobs: Vec<Box<dyn Job>> = Vec::new();
        let mut heard = Vec::new();
        for &sql in writes {
            let (job, result) = Write::new(move |db| {
                assert_ne!(sql, "panic", "a write that fails an assertion");
                db.execute_batch(sql)?;
                Ok(usize::try_from(db.changes()).unwrap_or_default())
            });
            jobs.push(Box::new(job));
            heard.push(result);
        }
        let committed = writer.commit(&mut jobs);
        jobs.into_iter().for_each(|job| job.answer(committed.as_ref().copied()));
        heard.into_iter().map(|result| result.blocking_recv().expect("answered")).collect()
    }

    fn epoch(writer: &Writer) -> i64 {
        let db = writer.connection.as_ref().expect("open");
        db.query_row("SELECT epoch FROM bookkeeping", [], |row| row.get(0)).expect("reads")
    }

    const RAISE: &str = "UPDATE bookkeeping SET epoch = epoch + 1";
    const TWICE: &str = "INSERT INTO bookkeeping VALUES (1, 1, 0, 0, 0)";

    #[test]
    fn a_guilty_write_fails_alone() {
        let (mut writer, _directory) = writer();
        let heard = commit(&mut writer, &[RAISE, TWICE, RAISE, "panic", RAISE]);
        let done: Vec<bool> = heard.iter().map(Result::is_ok).collect();
        assert_eq!(done, [true, false, true, false, true]);
        assert_eq!(heard[1], Err(DbError::Conflict("bookkeeping.id".into())));
        assert_eq!(epoch(&writer), 4, "each of the others exactly once");
    }

    #[test]
    fn a_failed_commit_is_nobody_s_success_and_the_next_one_has_a_new_connection() {
        let (mut writer, _directory) = writer();
        let at_commit = "PRAGMA defer_foreign_keys = ON; INSERT INTO lots VALUES (x'01', x'02', 1, NULL, NULL, 0, 0)";
        let heard = commit(&mut writer, &[RAISE, at_commit]);
        assert!(heard.iter().all(|result| matches!(result, Err(DbError::Unavailable(_)))), "{heard:?}");
        assert!(writer.connection.is_none(), "what the file holds is only known to a new connection");
        assert_eq!(commit(&mut writer, &[RAISE]), [Ok(1)]);
        assert_eq!(epoch(&writer), 2);
    }

    #[test]
    fn the_log_stays_bounded_and_is_left_empty() {
        const COMMIT: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 250) \
            INSERT INTO device_logs (at, text) SELECT 0, hex(randomblob(4000)) FROM n";
        let (mut writer, directory) = writer();
        let log = directory.path().join("walaa.db-wal");
        let mib = |path: &std::path::Path| std::fs::metadata(path).map_or(0, |file| file.len() >> 20);
        let mut longest = 0;
        for _ in 0..48 {
            commit(&mut writer, &[COMMIT]);
            let db = writer.connection.take().expect("open");
            writer.log.after_commit(&db);
            writer.connection = Some(db);
            longest = longest.max(mib(&log));
        }
        let written = mib(&directory.path().join("walaa.db")) + mib(&log);
        assert!(written > 80, "{written} MiB were written");
        assert!((8..=64).contains(&longest), "the log was {longest} MiB long");
        let (jobs, waiting) = mpsc::channel(1);
        drop(jobs);
        writer.work(waiting);
        assert_eq!(mib(&log), 0);
    }
}
