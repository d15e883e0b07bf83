//! The master as Sentinels name it: found, checked, and left when they name another.
//!
//! All Sentinels are asked at once and the newest word counts: each failover has a higher configuration epoch, so a Sentinel that was
//! cut off can't send us back. What they name must say of itself that it is a master (`ROLE`) before it is used.

use std::time::Duration;

use futures_util::future::join_all;
use redis::aio::MultiplexedConnection;
use redis::{Client, ErrorKind, Pipeline, RedisError, RedisResult, Value, cmd, from_redis_value};

use super::access::{Access, connect};
use super::address::Host;

/// Time for a Sentinel's word, connecting included: one that is down or stuck costs no more.
const WORD_TIMEOUT: Duration = Duration::from_millis(500);

/// How often Sentinels are asked whether the master is still theirs, for the case that the old one goes on answering us.
const WATCH_EVERY: Duration = Duration::from_millis(500);

/// The Sentinels of one master.
pub(super) struct Sentinels {
    sentinels: Vec<Sentinel>,
    access: Access,
    master: String,
    current: Option<Word>,
}

struct Sentinel {
    client: Client,
    connection: Option<MultiplexedConnection>,
}

/// What a Sentinel says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// Where the master is.
    pub host: Host,
    /// Which failover that was.
    pub epoch: u64,
}

impl Sentinels {
    /// Sentinels reached with one access, and servers with another.
    pub(super) fn new(hosts: &[Host], master: &str, (sentinels, servers): (&Access, &Access)) -> RedisResult<Self> {
        let sentinel = |host| Ok(Sentinel { client: sentinels.client(host)?, connection: None });
        Ok(Self {
            sentinels: hosts.iter().map(sentinel).collect::<RedisResult<_>>()?,
            access: servers.clone(),
            master: master.to_owned(),
            current: None,
        })
    }

    /// What each Sentinel says, in the order of the address; none if it knows no such master.
    pub(super) async fn words(&mut self) -> Vec<RedisResult<Option<Word>>> {
        let master = &self.master;
        join_all(self.sentinels.iter_mut().map(|sentinel| sentinel.word_in_time(master))).await
    }

    /// Where the master is, by the newest word.
    pub(super) async fn locate(&mut self) -> RedisResult<Word> {
        let (mut newest, mut failed) = (None, None);
        for word in self.words().await {
            match word {
                Ok(Some(word)) if newest.as_ref().is_none_or(|known: &Word| known.epoch < word.epoch) => newest = Some(word),
                Ok(_) => {}
                Err(error) => failed = Some(error),
            }
        }
        let unknown = || (ErrorKind::MasterNameNotFoundBySentinel, "no Sentinel knows a master of this name").into();
        newest.ok_or_else(|| failed.unwrap_or_else(unknown))
    }

    /// Connects to the master.
    pub(super) async fn connect(&mut self) -> RedisResult<MultiplexedConnection> {
        let word = self.locate().await?;
        let mut connection = connect(&self.access.client(&word.host)?).await?;
        expect_master(&mut connection).await?;
        self.current = Some(word);
        Ok(connection)
    }

    /// Ends when the Sentinels name another master than the one last connected to.
    pub(super) async fn deposed(&mut self) {
        loop {
            tokio::time::sleep(WATCH_EVERY).await;
            let Ok(word) = self.locate().await else { continue };
            let newer = |current: &Word| current.host != word.host && current.epoch < word.epoch;
            if self.current.as_ref().is_none_or(newer) {
                return;
            }
        }
    }
}

/// Holds a server to its role.
pub(super) async fn expect_master(connection: &mut MultiplexedConnection) -> RedisResult<()> {
    let role: Vec<Value> = cmd("ROLE").query_async(connection).await?;
    match role.into_iter().next() {
        Some(Value::BulkString(role)) if role == b"master" => Ok(()),
        _ => Err(RedisError::from((ErrorKind::Server(redis::ServerErrorKind::ReadOnly), "a replica where the master should be"))),
    }
}

impl Sentinel {
    async fn word_in_time(&mut self, master: &str) -> RedisResult<Option<Word>> {
        let word = match tokio::time::timeout(WORD_TIMEOUT, self.word(master)).await {
            Ok(word) => word,
            Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
        };
        if word.is_err() {
            self.connection = None;
        }
        word
    }

    async fn word(&mut self, master: &str) -> RedisResult<Option<Word>> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect(&self.client).await?,
        };
        let mut asked = Pipeline::new();
        // The first names the new master as soon as it is promoted; the second has the epoch.
        asked.cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(master);
        asked.cmd("SENTINEL").arg("MASTER").arg(master);
        asked.ignore_errors();
        let answers: Vec<RedisResult<Value>> = asked.query_async(&mut connection).await?;
        self.connection = Some(connection);
        let mut answers = answers.into_iter();
        let address: Option<(String, u16)> = from_redis_value(answers.next().transpose()?.unwrap_or(Value::Nil))?;
        let Some((name, port)) = address else { return Ok(None) };
        let epoch = epoch(answers.next().transpose()?.unwrap_or(Value::Nil));
        Ok(Some(Word { host: Host { name, port }, epoch }))
    }
}

/// The configuration epoch in what `SENTINEL MASTER` answers: names and values in turns.
fn epoch(answer: Value) -> u64 {
    let fields: Vec<String> = from_redis_value(answer).unwrap_or_default();
    let epoch = fields.chunks(2).find(|pair| pair[0] == "config-epoch").and_then(|pair| pair.get(1)?.parse().ok());
    epoch.unwrap_or_default()
}
