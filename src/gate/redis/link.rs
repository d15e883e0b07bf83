//! The connection to Redis: made lazily, watched, made again. Callers never wait for it.
//!
//! One multiplexed connection. A task of its own connects and loads the scripts; whoever finds the connection broken says so, and
//! from that instant everyone else is told "down" without trying, until the task has a new one. So an outage costs three
//! callers one time-out, not every caller one. (The crate's own ConnectionManager makes callers wait for its reconnect, and keeps a
//! connection that only ever times out.)

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ErrorKind, Pipeline, RedisError, RedisResult, Script, ServerErrorKind, Value};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Time for one attempt to connect, TLS and all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Time for the scripts to load on a fresh connection.
const LOAD_TIMEOUT: Duration = Duration::from_secs(1);

/// The first pause after a failed attempt; each next is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// The longest pause between attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Time-outs in a row after which a connection is given up: one or two are a hiccup.
const TIMEOUTS_IN_A_ROW: u32 = 3;

/// Commands that wait to be written to the connection.
const WAITING_COMMANDS: usize = 1024;

/// The connection as everyone sees it.
#[derive(Clone)]
pub(super) enum State {
    /// It answers.
    Up(Arc<Live>),
    /// It is being made.
    Down,
}

/// One live connection.
pub(super) struct Live {
    connection: MultiplexedConnection,
    generation: u64,
    timeouts: AtomicU32,
}

/// Why a pipeline brought nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LinkError {
    /// There is no connection.
    Down,
    /// No answer in time.
    Timeout,
    /// The connection broke.
    Broken,
}

/// The scripts that must be on the server.
pub(super) struct Scripts {
    /// GCRA.
    pub limit: Script,
    /// Pace.
    pub pace: Script,
}

/// The watched connection.
pub(super) struct Link {
    state: watch::Sender<State>,
    timeout: Duration,
    scripts: Arc<Scripts>,
    task: JoinHandle<()>,
}

impl Link {
    /// Starts connecting, in a task of its own.
    pub(super) fn start(client: Client, scripts: Arc<Scripts>, timeout: Duration) -> Self {
        let (state, _) = watch::channel(State::Down);
        let task = tokio::spawn(keep_connected(client, Arc::clone(&scripts), state.clone()));
        Self { state, timeout, scripts, task }
    }

    /// Sends commands in one round trip; an answer for each, or nothing within the time-out. What is missing of the scripts is loaded.
    pub(super) async fn send(&self, commands: &[redis::Cmd]) -> Result<Vec<RedisResult<Value>>, LinkError> {
        let State::Up(live) = self.state.borrow().clone() else { return Err(LinkError::Down) };
        let answers = tokio::time::timeout(self.timeout, self.send_and_load(&live, commands)).await;
        match answers {
            Ok(Ok(answers)) => {
                live.timeouts.store(0, Ordering::Relaxed);
                Ok(answers)
            }
            Ok(Err(error)) => {
                self.give_up(&live, &error.to_string());
                Err(LinkError::Broken)
            }
            Err(_) => {
                if live.timeouts.fetch_add(1, Ordering::Relaxed) + 1 >= TIMEOUTS_IN_A_ROW {
                    self.give_up(&live, "no answer in time");
                }
                Err(LinkError::Timeout)
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

    async fn send_and_load(&self, live: &Live, commands: &[redis::Cmd]) -> RedisResult<Vec<RedisResult<Value>>> {
        let mut connection = live.connection.clone();
        let mut answers = pipeline(commands.iter()).query_async::<Vec<RedisResult<Value>>>(&mut connection).await?;
        let missing: Vec<usize> = (0..answers.len()).filter(|at| is_missing_script(&answers[*at])).collect();
        if !missing.is_empty() {
            self.scripts.load(&mut connection).await?;
            let again = pipeline(missing.iter().map(|at| &commands[*at]));
            let again = again.query_async::<Vec<RedisResult<Value>>>(&mut connection).await?;
            missing.into_iter().zip(again).for_each(|(at, answer)| answers[at] = answer);
        }
        Ok(answers)
    }

    /// Takes a connection out of service, once.
    fn give_up(&self, live: &Live, why: &str) {
        let given_up = self.state.send_if_modified(|state| match state {
            State::Up(current) if current.generation == live.generation => {
                *state = State::Down;
                true
            }
            _ => false,
        });
        if given_up {
            tracing::warn!(reason = why, "Redis does not answer: the ledger decides alone until it is back");
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Scripts {
    async fn load(&self, connection: &mut MultiplexedConnection) -> RedisResult<()> {
        self.limit.load_async(connection).await?;
        self.pace.load_async(connection).await?;
        Ok(())
    }
}

/// Connects, says so, waits until the connection is given up, for ever.
async fn keep_connected(client: Client, scripts: Arc<Scripts>, state: watch::Sender<State>) {
    let mut watched = state.subscribe();
    let mut pause = FIRST_PAUSE;
    let mut generation = 0;
    loop {
        match connect(&client, &scripts).await {
            Ok(connection) => {
                generation += 1;
                pause = FIRST_PAUSE;
                tracing::info!("connected to Redis");
                state.send_replace(State::Up(Arc::new(Live { connection, generation, timeouts: AtomicU32::new(0) })));
                if watched.wait_for(|state| matches!(state, State::Down)).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                tracing::debug!(%error, "can't connect to Redis");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

async fn connect(client: &Client, scripts: &Scripts) -> RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(LOAD_TIMEOUT))
        .set_pipeline_buffer_size(WAITING_COMMANDS);
    let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
    scripts.load(&mut connection).await?;
    Ok(connection)
}

fn pipeline<'a>(commands: impl Iterator<Item = &'a redis::Cmd>) -> Pipeline {
    let mut pipeline = Pipeline::new();
    commands.for_each(|command| {
        pipeline.add_command(command.clone());
    });
    pipeline.ignore_errors();
    pipeline
}

fn is_missing_script(answer: &Result<Value, RedisError>) -> bool {
    answer.as_ref().is_err_and(|error| error.kind() == ErrorKind::Server(ServerErrorKind::NoScript))
}
