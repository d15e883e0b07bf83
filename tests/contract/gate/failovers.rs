//! A master that is lost and another that takes its place, a shard that is lost, slots that move, scripts that are gone: followed without
//! a restart, and what is not lost goes on.

use std::time::Instant;

use walaa::gate::OnDown;

use super::setups::{config_at, watched};
use super::*;
use crate::support::redis::cluster::RedisCluster;
use crate::support::redis::sentinel::Watched;
use crate::support::redis::until;

/// How soon the gate must be with the new master once the Sentinels name it.
const FOLLOWED_WITHIN: Duration = Duration::from_secs(2);

/// How long we look before we say that it is in vain.
const IN_VAIN: Duration = Duration::from_secs(20);

fn one_in(limit: &str, most: u32) -> GateRequest {
    GateRequest::within(ORG).limit(Limit::on(Scope::Key, limit, &[RateRule::per_day(most)]))
}

/// Asks until the verdict is no longer, or at last, "don't know"; tells how long that took.
async fn until_verdict(gate: &RedisGate, request: &GateRequest, wanted: impl Fn(GateVerdict) -> bool) -> Duration {
    let begun = Instant::now();
    loop {
        let verdict = ask(gate, request, noon()).await;
        if wanted(verdict) {
            return begun.elapsed();
        }
        assert!(begun.elapsed() < IN_VAIN, "still {verdict:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn hasty(config: RedisGateConfig) -> RedisGateConfig {
    RedisGateConfig { timeout: Duration::from_millis(200), ..config }
}

fn free(at: usize) -> GateRequest {
    GateRequest::within(ORG).token(TokenHash([at as u8; 32]))
}

#[tokio::test]
async fn a_failover_by_sentinels_is_followed() {
    let mut redis = Watched::start(3);
    let gate = started(hasty(watched(&redis))).await;
    gate.mark_captured(&capture(), noon()).await;
    until("the replica has the mark", || redis.servers[1].as_admin("DBSIZE") == ::redis::Value::Int(1));

    // A Sentinel is lost, too: the two others are a majority.
    redis.sentinels[0].kill();
    redis.servers[0].kill();
    assert_eq!(ask(&gate, &one_in("lost", 1_000), noon()).await, GateVerdict::Unknown);
    until("the Sentinels name the replica", || redis.master() == Some(1));
    let took = until_verdict(&gate, &one_in("lost", 1_000), |verdict| verdict == GateVerdict::Go).await;
    assert!(took < FOLLOWED_WITHIN, "followed after {took:?}");
    assert_eq!(ask(&gate, &outages::wide(), noon()).await, GateVerdict::Captured(RedemptionId([7; 16])), "the mark came along");
    assert!(gate.health().await.up);

    // The old master comes back and takes itself for the master until the Sentinels demote it: nobody goes there.
    redis.servers[0].restart();
    assert_eq!(ask(&gate, &one_in("back", 1), noon()).await, GateVerdict::Go);
    refused(ask(&gate, &one_in("back", 1), noon()).await);
    let there = redis.servers[1].as_admin(&format!("EXISTS walaa:L:{ORG}:key:back"));
    assert_eq!(there, ::redis::Value::Int(1), "it was written to the new master");
}

/// The Sentinel loses sight of the master, which goes on answering us as if nothing had happened, and can't even demote it.
#[tokio::test]
async fn a_master_that_was_deposed_unknowingly_is_left() {
    let redis = Watched::start(1);
    let gate = started(hasty(watched(&redis))).await;
    assert_eq!(ask(&gate, &one_in("x", 1), noon()).await, GateVerdict::Go);
    redis.servers[0].as_admin("ACL SETUSER sentinel off");
    redis.servers[0].as_admin("CLIENT KILL USER sentinel");
    until("the Sentinel names the replica", || redis.master() == Some(1));
    let there = || redis.servers[1].as_admin(&format!("EXISTS walaa:L:{ORG}:key:y")) == ::redis::Value::Int(1);
    let took = until_verdict(&gate, &one_in("y", 1_000), |verdict| verdict == GateVerdict::Go && there()).await;
    assert!(took < FOLLOWED_WITHIN, "followed after {took:?}");
    assert!(gate.health().await.up);
}

/// A server that turns into a replica under our hands answers READONLY: it is given up, and the master is asked for again.
#[tokio::test]
async fn a_master_that_turns_into_a_replica_is_given_up() {
    let redis = [RedisServer::start(), RedisServer::start()];
    let gate = started(hasty(config(&redis[0]))).await;
    assert_eq!(ask(&gate, &one_in("x", 1_000), noon()).await, GateVerdict::Go);
    let first = connections(&redis[0]);
    redis[0].run(&format!("REPLICAOF 127.0.0.1 {}", redis[1].port()));
    until_verdict(&gate, &one_in("x", 1_000), |verdict| verdict == GateVerdict::Unknown).await;
    redis[0].run("REPLICAOF NO ONE");
    until_verdict(&gate, &one_in("x", 1_000), |verdict| verdict == GateVerdict::Go).await;
    let then = connections(&redis[0]);
    assert!(first.len() == 1 && then.len() == 1 && first != then, "{first:?} {then:?}");
}

/// The connections that scripts were run over.
fn connections(server: &RedisServer) -> Vec<String> {
    let list: String = ::redis::from_redis_value(server.run("CLIENT LIST")).expect("a text");
    let ours = list.lines().filter(|line| line.contains("cmd=evalsha"));
    ours.filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[tokio::test]
async fn keys_live_where_redis_itself_looks_for_them() {
    let redis = RedisCluster::start();
    let gate = started(RedisGateConfig { prefix: "walaa:{odd}:".to_owned(), ..config_at(redis.url()) }).await;
    assert_eq!(ask(&gate, &one_in("x", 1), noon()).await, GateVerdict::Go);
    let gate = started(config_at(redis.url())).await;
    for id in ["", "a", "{a}b", "a{}b", "{", "}{", "a{b{c}d}e"] {
        assert_eq!(ask(&gate, &one_in(id, 1), noon()).await, GateVerdict::Go, "{id}");
        let key = format!("walaa:L:{ORG}:key:{id}");
        let home = &redis.nodes[redis.home(&key)];
        assert_eq!(home.run(&format!("EXISTS {key}")), ::redis::Value::Int(1), "{key}");
    }
}

#[tokio::test]
async fn a_lost_shard_makes_unknown_only_what_lives_there() {
    let mut redis = RedisCluster::with_replicas();
    let gate = started(hasty(config_at(redis.url()))).await;
    let homes: Vec<usize> = (0..60).map(|at| redis.home(&format!("walaa:S:{ORG}:{}", TokenHash([at; 32]).to_hex()))).collect();
    for at in 0..60 {
        assert_eq!(ask(&gate, &free(at), noon()).await, GateVerdict::Go);
    }
    // With its replica, so that nobody takes its place.
    redis.nodes[5].kill();
    redis.nodes[2].kill();
    let mut known = 0;
    for (at, home) in homes.iter().enumerate() {
        let wanted = if *home == 2 { GateVerdict::Unknown } else { GateVerdict::Go };
        assert_eq!(ask(&gate, &free(at), noon()).await, wanted, "token {at} of shard {home}");
        known += usize::from(wanted == GateVerdict::Go);
    }
    assert!((10..60).contains(&known));
    let health = gate.health().await;
    assert_eq!(
        health.detail.as_deref(),
        Some("1 of 3 masters of the Redis Cluster do not answer: the ledger decides alone there")
    );

    // A limit that is known is held as it is written, though the token's shard is gone; one that is not is held at half.
    let (lost, well) = (homes.iter().position(|home| *home == 2).expect("one"), |home: usize| {
        (0..)
            .find(|id: &usize| {
                let key = format!("walaa:L:{ORG}:key:{id}");
                (redis.home(&key) == 2) == (home == 2)
            })
            .expect("one")
            .to_string()
    });
    let held = one_in(&well(0), 4).token(TokenHash([lost as u8; 32]));
    for _ in 0..4 {
        assert_eq!(ask(&gate, &held, noon()).await, GateVerdict::Unknown);
    }
    refused(ask(&gate, &held, noon()).await);
    let halved = one_in(&well(2), 4);
    for _ in 0..2 {
        assert_eq!(ask(&gate, &halved, noon()).await, GateVerdict::Unknown);
    }
    refused(ask(&gate, &halved, noon()).await);
    let strict = RedisGate::start(RedisGateConfig { on_down: OnDown::Refuse, ..hasty(config_at(redis.url())) }, keyring());
    let strict = strict.expect("a good address");
    let there = homes.iter().position(|home| *home == 0).expect("one");
    let begun = Instant::now();
    while strict.check(&free(there), noon()).await != Ok(GateVerdict::Go) {
        assert!(begun.elapsed() < IN_VAIN, "the shards that live answer");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(strict.check(&free(lost), noon()).await.is_err(), "who wants to refuse refuses what is unknown, and only that");

    // It comes back.
    redis.nodes[2].restart();
    until_verdict(&gate, &free(lost), |verdict| verdict == GateVerdict::Go).await;
}

#[tokio::test]
async fn a_failover_of_a_shard_is_followed() {
    let mut redis = RedisCluster::with_replicas();
    let gate = started(hasty(config_at(redis.url()))).await;
    let lost = (0..).find(|at| redis.home(&format!("walaa:S:{ORG}:{}", TokenHash([*at; 32]).to_hex())) == 1).expect("one");
    gate.mark_captured(&Capture { token: TokenHash([lost; 32]), ..capture() }, noon()).await;
    until("the replica has the mark", || redis.nodes[4].run("DBSIZE") == ::redis::Value::Int(1));
    redis.nodes[1].kill();
    let request = free(usize::from(lost));
    assert_eq!(ask(&gate, &request, noon()).await, GateVerdict::Unknown);
    until("the replica is promoted", || redis.nodes[4].info("role") == "master");
    let took = until_verdict(&gate, &request, |verdict| verdict == GateVerdict::Captured(RedemptionId([7; 16]))).await;
    assert!(took < FOLLOWED_WITHIN * 2, "followed after {took:?}");
}

#[tokio::test]
async fn slots_that_move_are_followed_while_they_move() {
    let mut redis = RedisCluster::start();
    let gate = started(config_at(redis.url())).await;
    let request = one_in("moving", 100);
    let slot = redis.slot(&format!("walaa:L:{ORG}:key:moving"));
    let from = redis.home(&format!("walaa:L:{ORG}:key:moving"));
    let to = redis.join();
    assert_eq!(ask(&gate, &request, noon()).await, GateVerdict::Go);
    redis.nodes[from].run("FLUSHALL");
    // Half way: the old node has the slot, the new one has its keys. A key that is not there is asked for with ASKING.
    redis.nodes[to].run(&format!("CLUSTER SETSLOT {slot} IMPORTING {}", redis.id(from)));
    redis.nodes[from].run(&format!("CLUSTER SETSLOT {slot} MIGRATING {}", redis.id(to)));
    until_verdict(&gate, &request, |verdict| verdict == GateVerdict::Go).await;
    assert_eq!(redis.nodes[to].run("DBSIZE"), ::redis::Value::Int(1), "it lives on the new node");
    for node in &redis.nodes {
        node.run(&format!("CLUSTER SETSLOT {slot} NODE {}", redis.id(to)));
    }
    until_verdict(&gate, &request, |verdict| verdict == GateVerdict::Go).await;
    assert!(gate.health().await.up);
}

#[tokio::test]
async fn scripts_flushed_on_every_node_are_loaded_again() {
    let redis = RedisCluster::start();
    let gate = started(config_at(redis.url())).await;
    for round in 0..2 {
        for node in &redis.nodes {
            node.run("SCRIPT FLUSH");
        }
        for at in 0..30 {
            assert_eq!(ask(&gate, &one_in(&format!("{round}-{at}"), 1), noon()).await, GateVerdict::Go);
        }
    }
}

#[tokio::test]
async fn a_paused_shard_costs_the_others_nothing() {
    let redis = RedisCluster::start();
    let gate = started(RedisGateConfig { timeout: RedisGateConfig::TIMEOUT, ..config_at(redis.url()) }).await;
    let homes: Vec<usize> = (0..30).map(|at| redis.home(&format!("walaa:S:{ORG}:{}", TokenHash([at; 32]).to_hex()))).collect();
    redis.nodes[2].pause();
    let begun = Instant::now();
    for round in 0..10 {
        for at in (0..30).filter(|at| homes[*at] == 2) {
            assert_eq!(ask(&gate, &free(at), noon()).await, GateVerdict::Unknown, "round {round}");
        }
    }
    assert!(begun.elapsed() < Duration::from_millis(500), "callers waited {:?}", begun.elapsed());
    let known = (0..30).filter(|at| homes[*at] != 2).collect::<Vec<_>>();
    for at in &known {
        until_verdict(&gate, &free(*at), |verdict| verdict == GateVerdict::Go).await;
    }
    redis.nodes[2].resume();
    let lost = homes.iter().position(|home| *home == 2).expect("one");
    until_verdict(&gate, &free(lost), |verdict| verdict == GateVerdict::Go).await;
}
