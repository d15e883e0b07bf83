//! A look at Redis for operators: whether it answers, where the master or the masters are, which version they are, and what would go
//! wrong on a bad day.

use std::time::Duration;

use futures_util::future::join_all;
use redis::aio::MultiplexedConnection;
use redis::{Client, RedisResult, cmd};

use super::RedisGateConfig;
use super::access::{Access, connect};
use super::address::{Form, Host};
use super::cluster::view;
use super::link::Route;
use super::sentinels::{Sentinels, expect_master};
use super::slots::{SLOTS, View};
use super::words::in_words;

/// How long all of it may take: this is no request of a customer's.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What Redis says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisProbe {
    /// Who answers: `it`, or which of several.
    pub who: String,
    /// Its version, if it tells; of several masters the oldest.
    pub version: Option<String>,
    /// What it does when it is full (`noeviction` is right), if it tells.
    pub eviction: Option<String>,
    /// What works today and would not on a bad day: whole sentences.
    pub warnings: Vec<String>,
}

/// What one server tells.
#[derive(Debug, Default)]
struct Told {
    version: Option<String>,
    eviction: Option<String>,
    mode: Option<String>,
}

/// Asks Redis.
///
/// # Errors
/// Why it can't be used, in a sentence, without users and passwords.
pub async fn probe(config: &RedisGateConfig) -> Result<RedisProbe, String> {
    let route = config.route().map_err(|error| error.to_string())?;
    let asked = tokio::time::timeout(TIMEOUT, ask(&route)).await;
    asked.map_err(|_| format!("no answer within {} s", TIMEOUT.as_secs()))?
}

async fn ask(route: &Route) -> Result<RedisProbe, String> {
    match &route.address.form {
        Form::Server(_) | Form::Socket(_) => {
            let client = route.servers.single(&route.address).ok_or("it is of no known form")?;
            let told = server(client).await.map_err(|error| format!("it {}", in_words(&error)))?;
            match told.mode.as_deref() {
                Some("cluster") => return Err("it belongs to a Cluster: begin redis.url with redis+cluster://".to_owned()),
                Some("sentinel") => return Err("it is a Sentinel: begin redis.url with redis+sentinel://".to_owned()),
                _ => {}
            }
            Ok(RedisProbe { who: "it".to_owned(), version: told.version, eviction: told.eviction, warnings: Vec::new() })
        }
        Form::Sentinels { hosts, master } => sentinels((hosts, master), route).await,
        Form::Cluster(seeds) => cluster(seeds, &route.servers).await,
    }
}

/// A server that must take writes.
async fn server(client: RedisResult<Client>) -> RedisResult<Told> {
    let mut connection = connect(&client?).await?;
    let _pong: String = cmd("PING").query_async(&mut connection).await?;
    // Older rights may not allow ROLE: then we don't know.
    match expect_master(&mut connection).await {
        Err(error) if error.code() == Some("READONLY") => return Err(error),
        _ => {}
    }
    Ok(told(&mut connection).await)
}

async fn told(connection: &mut MultiplexedConnection) -> Told {
    // A careful operator forbids these to our user: then we don't know.
    let info: Option<String> = cmd("INFO").query_async(connection).await.ok();
    let field = |name: &str| info.as_deref()?.lines().find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()));
    Told { version: field("redis_version:"), eviction: field("maxmemory_policy:"), mode: field("redis_mode:") }
}

async fn sentinels((hosts, master): (&[Host], &String), route: &Route) -> Result<RedisProbe, String> {
    let unusable = |error| in_words(&error);
    let mut sentinels = Sentinels::new(hosts, master, (&route.sentinels, &route.servers)).map_err(unusable)?;
    let (mut named, mut warnings) = (Vec::new(), Vec::new());
    for (host, word) in hosts.iter().zip(sentinels.words().await) {
        match word {
            Ok(Some(word)) => named.push(word),
            Ok(None) => warnings.push(format!("the Sentinel at {host} knows no master called {master}")),
            Err(error) => warnings.push(format!("the Sentinel at {host} {}", in_words(&error))),
        }
    }
    let Some(newest) = named.iter().max_by_key(|word| word.epoch) else { return Err(warnings.join("; ")) };
    if named.iter().any(|word| word.host != newest.host) {
        warnings.push("the Sentinels don't name the same master: a failover may be going on".to_owned());
    }
    let told = server(route.servers.client(&newest.host)).await;
    let told = told.map_err(|error| format!("the master {} that the Sentinels name {}", newest.host, in_words(&error)))?;
    let who = format!("the master {}, named by {} of {} Sentinels,", newest.host, named.len(), hosts.len());
    Ok(RedisProbe { who, version: told.version, eviction: told.eviction, warnings })
}

async fn cluster(seeds: &[Host], access: &Access) -> Result<RedisProbe, String> {
    let views = join_all(seeds.iter().map(|seed| view(seed, access))).await;
    let (mut newest, mut warnings) = (None::<View>, Vec::new());
    for (seed, view) in seeds.iter().zip(views) {
        match view {
            Ok(view) if newest.as_ref().is_none_or(|known| (known.well, known.epoch) < (view.well, view.epoch)) => {
                newest = Some(view);
            }
            Ok(_) => {}
            Err(error) => warnings.push(format!("the node {seed} {}", in_words(&error))),
        }
    }
    let Some(newest) = newest else { return Err(warnings.join("; ")) };
    if newest.covered() < usize::from(SLOTS) {
        let missing = usize::from(SLOTS) - newest.covered();
        warnings.push(format!("{missing} of {SLOTS} slots of the Cluster have no master: the ledger decides alone there"));
    }
    if newest.ranges.iter().any(|range| range.replicas.is_empty()) {
        warnings.push("a master of the Cluster has no replica: when it is lost, what it knew is lost".to_owned());
    }
    let masters = newest.masters();
    let (mut oldest, mut eviction) = (None::<String>, None);
    for (host, told) in masters.iter().zip(join_all(masters.iter().map(|host| node(host, access))).await) {
        let told = told.map_err(|error| format!("the master {host} of the Cluster {}", in_words(&error)))?;
        let older = |known: &String| told.version.as_ref().is_some_and(|version| numbers(version) < numbers(known));
        if oldest.as_ref().is_none_or(older) {
            oldest = told.version;
        }
        if eviction.as_deref().is_none_or(|known| known == "noeviction") {
            eviction = told.eviction;
        }
    }
    Ok(RedisProbe { who: format!("a Cluster of {} masters", masters.len()), version: oldest, eviction, warnings })
}

async fn node(host: &Host, access: &Access) -> RedisResult<Told> {
    let mut connection = connect(&access.client(host)?).await?;
    let _pong: String = cmd("PING").query_async(&mut connection).await?;
    Ok(told(&mut connection).await)
}

fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map(|part| part.parse().unwrap_or_default()).collect()
}
