//! A look at a Redis server for operators: whether it answers, which version it is, and whether it throws keys away when it is full.

use std::time::Duration;

use ::redis::{Client, cmd};

use super::RedisGateConfig;

/// How long the server may take: this is no request of a customer's.
const TIMEOUT: Duration = Duration::from_secs(3);

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisProbe {
    /// Its version, if it tells.
    pub version: Option<String>,
    /// What it does when it is full (`noeviction` is right), if it tells.
    pub eviction: Option<String>,
}

/// Asks a server.
///
/// # Errors
/// Why it does not answer, without the address, which may hold a password.
pub async fn probe(config: &RedisGateConfig) -> Result<RedisProbe, String> {
    let asked = tokio::time::timeout(TIMEOUT, ask(&config.url)).await;
    asked.map_err(|_| format!("no answer within {} s", TIMEOUT.as_secs()))?.map_err(|error| error.category().to_owned())
}

async fn ask(url: &str) -> Result<RedisProbe, ::redis::RedisError> {
    let mut connection = Client::open(url)?.get_multiplexed_async_connection().await?;
    let _pong: String = cmd("PING").query_async(&mut connection).await?;
    // A careful operator forbids the next two to our user: then we don't know.
    let info: Option<String> = cmd("INFO").arg("server").query_async(&mut connection).await.ok();
    let version = info.and_then(|info| info.lines().find_map(|line| line.strip_prefix("redis_version:").map(str::to_owned)));
    let policy: Option<Vec<String>> = cmd("CONFIG").arg("GET").arg("maxmemory-policy").query_async(&mut connection).await.ok();
    Ok(RedisProbe { version, eviction: policy.and_then(|pair| pair.into_iter().nth(1)) })
}
