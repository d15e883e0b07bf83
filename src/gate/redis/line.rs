//! The connection to one server, or to whatever server is the master: made lazily, watched, made again. Callers never wait for it.
//!
//! One multiplexed connection. A task of its own connects and loads the scripts; whoever finds the connection broken says so, and
//! from that instant everyone else is told "down" without trying, until the task has a new one. So an outage costs three
//! callers one time-out, not every caller one. (The crate's own ConnectionManager makes callers wait for its reconnect, and keeps a
//! connection that only ever times out.)

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Client, Cmd, ErrorKind, Pipeline, RedisError, RedisResult, Script, ServerErrorKind, Value};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::access::connect;
use super::sentinels::Sentinels;
use super::words::in_words;

/// The first pause after a failed attempt; each next is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// The longest pause between attempts: after a failover we are back within this time.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// How long a connection must have lived that the next attempt is made at once.
const STEADY: Duration = Duration::from_secs(1);

/// Time-outs in a row after which a connection is given up: one or two are a hiccup.
const TIMEOUTS_IN_A_ROW: u32 = 3;

/// Why a command brought nothing.
#[derive(Debug)]
pub(super) enum Fault {
    /// There is no connection.
    Down,
    /// No answer in time.
    Timeout,
    /// The connection broke.
    Broken,
    /// The server answers with an error.
    Refused(RedisError),
}

/// What a command brought.
pub(super) type Answer = Result<Value, Fault>;

/// The scripts that must be on every server.
pub(super) struct Scripts {
    /// GCRA.
    pub limit: Script,
    /// Pace.
    pub pace: Script,
}

impl Scripts {
    async fn load(&self, connection: &mut MultiplexedConnection) -> RedisResult<()> {
        self.limit.load_async(connection).await?;
        self.pace.load_async(connection).await?;
        Ok(())
    }
}

/// To whom a line goes.
pub(super) enum Dial {
    /// This server.
    Server(Client),
    /// Whom the Sentinels name.
    Sentinels(Sentinels),
}

impl Dial {
    async fn connect(&mut self, scripts: &Scripts) -> RedisResult<MultiplexedConnection> {
        let mut connection = match self {
            Self::Server(client) => connect(client).await?,
            Self::Sentinels(sentinels) => sentinels.connect().await?,
        };
        scripts.load(&mut connection).await?;
        Ok(connection)
    }

    /// Ends when somebody else is to be called; for a single server, never.
    async fn deposed(&mut self) {
        match self {
            Self::Server(_) => std::future::pending().await,
            Self::Sentinels(sentinels) => sentinels.deposed().await,
        }
    }
}

/// What all lines of a gate share.
#[derive(Clone)]
pub(super) struct Setup {
    /// The scripts to load.
    pub scripts: Arc<Scripts>,
    /// How long commands may take.
    pub timeout: Duration,
    /// Told when a line is lost or can't be made: a Cluster then looks where its masters are.
    pub trouble: Arc<Notify>,
}

/// The connection as everyone sees it.
#[derive(Clone)]
enum State {
    /// It answers.
    Up(Arc<Live>),
    /// It is being made.
    Down,
}

/// One live connection.
struct Live {
    connection: MultiplexedConnection,
    timeouts: AtomicU32,
}

/// The watched connection.
pub(super) struct Line {
    state: watch::Sender<State>,
    setup: Setup,
    task: JoinHandle<()>,
}

impl Line {
    /// Starts connecting, in a task of its own.
    pub(super) fn start(dial: Dial, setup: &Setup) -> Self {
        let (state, _) = watch::channel(State::Down);
        let task = tokio::spawn(keep_connected(dial, setup.clone(), state.clone()));
        Self { state, setup: setup.clone(), task }
    }

    /// Sends commands in one round trip; an answer for each. What is missing of the scripts is loaded.
    pub(super) async fn send(&self, commands: &[&Cmd], deadline: Instant) -> Vec<Answer> {
        let all = |fault: fn() -> Fault| commands.iter().map(|_| Err(fault())).collect();
        let State::Up(live) = self.state.borrow().clone() else { return all(|| Fault::Down) };
        let patient = deadline.saturating_duration_since(Instant::now()) * 2 >= self.setup.timeout;
        match tokio::time::timeout_at(deadline, self.send_and_load(&live, commands)).await {
            Ok(Ok(answers)) => {
                live.timeouts.store(0, Ordering::Relaxed);
                if let Some(Err(error)) = answers.iter().find(|answer| answer.as_ref().is_err_and(is_no_master)) {
                    self.give_up(&live, &in_words(error));
                }
                answers.into_iter().map(|answer| answer.map_err(Fault::Refused)).collect()
            }
            Ok(Err(error)) => {
                self.give_up(&live, &in_words(&error));
                all(|| Fault::Broken)
            }
            Err(_) => {
                if patient && live.timeouts.fetch_add(1, Ordering::Relaxed) + 1 >= TIMEOUTS_IN_A_ROW {
                    self.give_up(&live, "does not answer in time");
                }
                all(|| Fault::Timeout)
            }
        }
    }

    /// Whether there is a connection.
    pub(super) fn is_up(&self) -> bool {
        matches!(*self.state.borrow(), State::Up(_))
    }

    /// Waits until there is a connection.
    pub(super) async fn wait_until_up(&self) {
        let mut watched = self.state.subscribe();
        let waited = watched.wait_for(|state| matches!(state, State::Up(_))).await;
        waited.map(|_| ()).expect("self holds the sender");
    }

    async fn send_and_load(&self, live: &Live, commands: &[&Cmd]) -> RedisResult<Vec<RedisResult<Value>>> {
        let mut connection = live.connection.clone();
        let mut answers = pipeline(commands).query_async::<Vec<RedisResult<Value>>>(&mut connection).await?;
        let missing: Vec<usize> = (0..answers.len()).filter(|at| is_missing_script(&answers[*at])).collect();
        if !missing.is_empty() {
            self.setup.scripts.load(&mut connection).await?;
            let again: Vec<&Cmd> = missing.iter().map(|at| commands[*at]).collect();
            let again = pipeline(&again).query_async::<Vec<RedisResult<Value>>>(&mut connection).await?;
            missing.into_iter().zip(again).for_each(|(at, answer)| answers[at] = answer);
        }
        Ok(answers)
    }

    /// Takes a connection out of service, once.
    fn give_up(&self, live: &Arc<Live>, why: &str) {
        let is_this = |state: &State| matches!(state, State::Up(current) if Arc::ptr_eq(current, live));
        give_up(&self.state, is_this, why);
        self.setup.trouble.notify_one();
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn give_up(state: &watch::Sender<State>, is_meant: impl Fn(&State) -> bool, why: &str) {
    let given_up = state.send_if_modified(|state| {
        let meant = is_meant(state);
        if meant {
            *state = State::Down;
        }
        meant
    });
    if given_up {
        tracing::warn!(reason = why, "Redis is given up: the ledger decides alone until it is back");
    }
}

/// Connects, says so, waits until the connection is given up, for ever.
async fn keep_connected(mut dial: Dial, setup: Setup, state: watch::Sender<State>) {
    let mut watched = state.subscribe();
    let (mut pause, mut last_said) = (FIRST_PAUSE, String::new());
    loop {
        match dial.connect(&setup.scripts).await {
            Ok(connection) => {
                let since = Instant::now();
                tracing::info!("connected to Redis");
                last_said.clear();
                state.send_replace(State::Up(Arc::new(Live { connection, timeouts: AtomicU32::new(0) })));
                tokio::select! {
                    () = until_down(&mut watched) => {}
                    () = dial.deposed() => give_up(&state, |_| true, "is no longer whom the Sentinels name"),
                }
                if since.elapsed() >= STEADY {
                    pause = FIRST_PAUSE;
                    continue;
                }
            }
            Err(error) => {
                let said = in_words(&error);
                if said != last_said {
                    tracing::warn!(reason = said, "can't connect to Redis; trying again until it is back");
                    last_said = said;
                }
                setup.trouble.notify_one();
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn until_down(watched: &mut watch::Receiver<State>) {
    // The sender lives as long as the task that waits here.
    let _down = watched.wait_for(|state| matches!(state, State::Down)).await.is_ok();
}

fn pipeline(commands: &[&Cmd]) -> Pipeline {
    let mut pipeline = Pipeline::new();
    for command in commands {
        pipeline.add_command((*command).clone());
    }
    pipeline.ignore_errors();
    pipeline
}

fn is_missing_script(answer: &Result<Value, RedisError>) -> bool {
    answer.as_ref().is_err_and(|error| error.kind() == ErrorKind::Server(ServerErrorKind::NoScript))
}

/// Whether a server says that it can't be the master now: somebody else may be.
fn is_no_master(error: &RedisError) -> bool {
    let kinds = [ServerErrorKind::ReadOnly, ServerErrorKind::MasterDown, ServerErrorKind::BusyLoading];
    kinds.iter().any(|kind| error.kind() == ErrorKind::Server(*kind))
}
