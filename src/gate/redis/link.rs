//! The way to Redis, whatever stands behind the address: one line to a server or a master, or one to each master of a Cluster.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, cmd};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::access::Access;
use super::address::{Form, RedisAddress};
use super::cluster::Cluster;
pub(super) use super::line::{Answer, Fault, Scripts};
use super::line::{Dial, Line, Setup};
use super::sentinels::Sentinels;
use super::words::in_words;
use crate::gate::GateError;

/// A command and the one key that it is about.
pub(super) struct Keyed {
    /// The key, prefix and all.
    pub key: String,
    /// The command.
    pub command: Cmd,
}

/// Where to go, read and checked.
pub(super) struct Route {
    /// The address.
    pub address: RedisAddress,
    /// How servers let us in.
    pub servers: Access,
    /// How Sentinels let us in.
    pub sentinels: Access,
}

impl Route {
    /// Reads what a route is made of.
    ///
    /// # Errors
    /// The address or the file of trusted roots can't be used.
    pub(super) fn of(url: &str, ca_file: Option<&PathBuf>, sentinel: (Option<&str>, Option<&str>)) -> Result<Self, GateError> {
        let address = RedisAddress::parse(url).map_err(GateError::Url)?;
        let servers = Access::of(&address, ca_file.map(PathBuf::as_path));
        let servers = servers.map_err(|error| GateError::Url(format!("needs redis.ca_file, which can't be read: {error}")))?;
        Ok(Self { address, sentinels: servers.with_login(sentinel), servers })
    }
}

/// The way to Redis.
pub(super) enum Link {
    /// A server, or the master that Sentinels name.
    One(Line, Duration),
    /// A Cluster.
    Cluster(Cluster, Duration),
}

impl Link {
    /// Starts connecting, in tasks of its own.
    ///
    /// # Errors
    /// The route can't be used: what is trusted is no certificate.
    pub(super) fn start(route: Route, scripts: Arc<Scripts>, timeout: Duration) -> Result<Self, GateError> {
        let setup = Setup { scripts, timeout, trouble: Arc::new(Notify::new()) };
        let unusable = |error: redis::RedisError| GateError::Url(format!("can't be used: {}", error.category()));
        match &route.address.form {
            Form::Cluster(seeds) => {
                seeds.first().map(|host| route.servers.client(host)).transpose().map_err(unusable)?;
                Ok(Self::Cluster(Cluster::start(seeds.clone(), route.servers, &setup), timeout))
            }
            Form::Sentinels { hosts, master } => {
                let sentinels = Sentinels::new(hosts, master, (&route.sentinels, &route.servers)).map_err(unusable)?;
                Ok(Self::One(Line::start(Dial::Sentinels(sentinels), &setup), timeout))
            }
            Form::Server(_) | Form::Socket(_) => {
                let client =
                    route.servers.single(&route.address).ok_or_else(|| GateError::Url("is of no known form".to_owned()))?;
                Ok(Self::One(Line::start(Dial::Server(client.map_err(unusable)?), &setup), timeout))
            }
        }
    }

    /// Sends commands, all within the time-out; an answer for each.
    pub(super) async fn send(&self, commands: &[Keyed]) -> Vec<Answer> {
        match self {
            Self::One(line, timeout) => {
                let commands: Vec<&Cmd> = commands.iter().map(|keyed| &keyed.command).collect();
                line.send(&commands, Instant::now() + *timeout).await
            }
            Self::Cluster(cluster, timeout) => cluster.send(commands, Instant::now() + *timeout).await,
        }
    }

    /// What is wrong, in a sentence, if something is.
    pub(super) async fn health(&self) -> Option<String> {
        match self {
            Self::Cluster(cluster, timeout) => cluster.health(Instant::now() + *timeout).await,
            Self::One(line, timeout) => match line.send(&[&cmd("PING")], Instant::now() + *timeout).await.pop() {
                Some(Ok(_)) => None,
                Some(Err(Fault::Refused(error))) => Some(format!("Redis {}", in_words(&error))),
                Some(Err(Fault::Timeout)) => Some("Redis does not answer in time".to_owned()),
                Some(Err(Fault::Down | Fault::Broken)) | None => Some("Redis can't be reached; connecting again".to_owned()),
            },
        }
    }

    /// Whether there is a connection; to a Cluster: to all of it.
    pub(super) fn is_up(&self) -> bool {
        match self {
            Self::One(line, _) => line.is_up(),
            Self::Cluster(cluster, _) => cluster.is_up(),
        }
    }

    /// Waits until there is one.
    pub(super) async fn wait_until_up(&self) {
        match self {
            Self::One(line, _) => line.wait_until_up().await,
            Self::Cluster(cluster, _) => cluster.wait_until_up().await,
        }
    }
}
