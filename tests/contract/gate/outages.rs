//! Redis killed, paused, flushed, absent, full of lies: the gate says "don't know" in time, and is back when Redis is.

use std::time::Instant;

use ::redis::Commands;
use walaa::gate::{GateError, OnDown};

use super::*;

/// Far more than the gate's 20 ms, far less than waiting for Redis would take: what "in time" is on a busy machine.
const IN_TIME: Duration = Duration::from_millis(500);

fn hasty(server: &RedisServer) -> RedisGateConfig {
    RedisGateConfig { timeout: RedisGateConfig::TIMEOUT, ..config(server) }
}

pub(super) fn wide() -> GateRequest {
    GateRequest::within(ORG).token(TOKEN).limit(Limit::on(Scope::Key, "k", &[RateRule::per_second(10_000)]))
}

/// Asks until Redis gives a verdict again; each try is bounded by the gate itself.
async fn until_known(gate: &RedisGate) -> GateVerdict {
    let recovered = async {
        loop {
            gate.wait_until_up().await;
            match ask(gate, &wide(), noon()).await {
                GateVerdict::Unknown => tokio::task::yield_now().await,
                verdict => return verdict,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), recovered).await.expect("the gate finds Redis again")
}

#[tokio::test]
async fn killed_and_started_again() {
    let mut server = RedisServer::start();
    let gate = started(hasty(&server)).await;
    assert_eq!(until_known(&gate).await, GateVerdict::Go);
    server.kill();
    let begun = Instant::now();
    assert_eq!(ask(&gate, &wide(), noon()).await, GateVerdict::Unknown);
    assert!(begun.elapsed() < IN_TIME, "{:?}", begun.elapsed());
    assert!(!gate.health().await.up);

    server.restart();
    assert_eq!(until_known(&gate).await, GateVerdict::Go, "with the scripts loaded again");
    assert!(gate.health().await.up);
}

#[tokio::test]
async fn paused_and_resumed() {
    let server = RedisServer::start();
    let gate = started(hasty(&server)).await;
    assert_eq!(until_known(&gate).await, GateVerdict::Go);
    server.pause();
    let begun = Instant::now();
    for _ in 0..200 {
        assert_eq!(ask(&gate, &wide(), noon()).await, GateVerdict::Unknown);
    }
    assert!(begun.elapsed() < 200 * RedisGateConfig::TIMEOUT / 4, "200 callers waited {:?}", begun.elapsed());
    server.resume();
    assert_eq!(until_known(&gate).await, GateVerdict::Go);
}

#[tokio::test]
async fn flushed_scripts_and_all() {
    let server = RedisServer::start();
    let gate = started(config(&server)).await;
    gate.mark_captured(&capture(), noon()).await;
    assert_eq!(ask(&gate, &wide(), noon()).await, GateVerdict::Captured(RedemptionId([7; 16])));
    server.flush();
    assert_eq!(ask(&gate, &wide(), noon()).await, GateVerdict::Go, "forgotten, but neither refused nor unknown");
    let pace = paced(1, "a", noon());
    server.flush();
    assert_eq!(ask(&gate, &pace, noon()).await, GateVerdict::Go);
    refused(ask(&gate, &paced(1, "b", noon()), noon()).await);
}

#[tokio::test]
async fn absent_when_the_gateway_starts() {
    let mut server = RedisServer::reserve();
    let gate = RedisGate::start(hasty(&server), keyring()).expect("a good address");
    let begun = Instant::now();
    assert_eq!(ask(&gate, &wide(), noon()).await, GateVerdict::Unknown);
    assert!(begun.elapsed() < IN_TIME, "{:?}", begun.elapsed());
    server.restart();
    assert_eq!(until_known(&gate).await, GateVerdict::Go);
}

#[tokio::test]
async fn without_redis_a_node_holds_half_the_rate_and_knows_its_own_captures() {
    let server = RedisServer::reserve();
    let gate = RedisGate::start(hasty(&server), keyring()).expect("a good address");
    let request = GateRequest::within(ORG).limit(Limit::on(Scope::Key, "slow", &[RateRule::per_minute(4)]));
    assert_eq!(ask(&gate, &request, noon()).await, GateVerdict::Unknown);
    assert_eq!(ask(&gate, &request, noon()).await, GateVerdict::Unknown);
    assert_eq!(refused(ask(&gate, &request, noon()).await).retry_after_ms, 30_000);
    gate.mark_captured(&capture(), noon()).await;
    assert_eq!(ask(&gate, &wide(), noon()).await, GateVerdict::Captured(RedemptionId([7; 16])));
}

#[tokio::test]
async fn an_operator_may_choose_to_refuse() {
    let server = RedisServer::reserve();
    let gate =
        RedisGate::start(RedisGateConfig { on_down: OnDown::Refuse, ..hasty(&server) }, keyring()).expect("a good address");
    assert_eq!(gate.check(&wide(), noon()).await, Err(GateError::Down));
}

#[tokio::test]
async fn forged_markers_are_ignored() {
    let server = RedisServer::start();
    let gate = started(config(&server)).await;
    gate.mark_captured(&capture(), noon()).await;
    let mut redis = server.connection();
    let key = |token: &TokenHash| format!("walaa:S:{ORG}:{}", token.to_hex());
    let genuine: Vec<u8> = redis.get(key(&TOKEN)).expect("the marker is there");
    assert_eq!(genuine.len(), 33);

    let victim = TokenHash([8; 32]);
    let mut flipped = genuine.clone();
    flipped[20] ^= 1;
    let forgeries = [b"".to_vec(), b"rdm_1".to_vec(), vec![1; 33], genuine.clone(), flipped, vec![0; 100_000]];
    for forged in forgeries {
        redis.set::<_, _, ()>(key(&victim), &forged).expect("SET");
        assert_eq!(ask(&gate, &GateRequest::within(ORG).token(victim), noon()).await, GateVerdict::Go, "{} bytes", forged.len());
    }
    redis.del::<_, ()>(key(&victim)).expect("DEL");
    redis.rpush::<_, _, ()>(key(&victim), "list").expect("RPUSH");
    assert_eq!(ask(&gate, &GateRequest::within(ORG).token(victim), noon()).await, GateVerdict::Unknown, "the ledger decides");
    assert_eq!(ask(&gate, &wide(), noon()).await, GateVerdict::Captured(RedemptionId([7; 16])), "the genuine one still counts");
}

#[tokio::test]
async fn foreign_values_do_no_harm() {
    let server = RedisServer::start();
    let gate = started(config(&server)).await;
    let mut redis = server.connection();
    let key = format!("walaa:L:{ORG}:key:k");
    let request = GateRequest::within(ORG).limit(Limit::on(Scope::Key, "k", &[RateRule::per_minute(2)]));
    for junk in ["", "junk", "-5", "9".repeat(300).as_str(), "nan inf"] {
        redis.set::<_, _, ()>(&key, junk).expect("SET");
        let first = ask(&gate, &request, noon()).await;
        assert!(
            matches!(first, GateVerdict::Go | GateVerdict::Refused(Refusal { retry_after_ms: ..=30_000, .. })),
            "{junk}: {first:?}"
        );
    }
    redis.del::<_, ()>(&key).expect("DEL");
    redis.rpush::<_, _, ()>(&key, "list").expect("RPUSH");
    assert_eq!(ask(&gate, &request, noon()).await, GateVerdict::Go);
}

#[tokio::test]
async fn every_key_expires() {
    let server = RedisServer::start();
    let gate = started(config(&server)).await;
    gate.mark_captured(&Capture { expires: Some(noon().plus_seconds(120)), ..capture() }, noon()).await;
    ask(&gate, &paced(2, "a", noon()).limit(Limit::on(Scope::Key, "k", &[RateRule::per_second(1)])), noon()).await;
    let mut redis = server.connection();
    let keys: Vec<String> = redis.keys("*").expect("KEYS");
    assert_eq!(keys.len(), 3, "{keys:?}");
    for key in keys {
        let left_ms: i64 = redis.pttl(&key).expect("PTTL");
        let longest = if key.contains(":S:") { 720_000 } else { 16 * 3_600_000 };
        assert!((1..=longest).contains(&left_ms), "{key} is kept for {left_ms} ms");
    }
}

#[tokio::test]
async fn nodes_share_a_limit_by_the_server_s_clock() {
    let server = RedisServer::start();
    let by_server = || RedisGateConfig { time: GateTime::Server, ..config(&server) };
    let (one, two) = (started(by_server()).await, started(by_server()).await);
    let request = GateRequest::within(ORG).limit(Limit::on(Scope::Programme, "p", &[RateRule::per_day(10)]));
    let ahead = noon().plus_seconds(3_600);
    let asked = (0..50).map(|at| if at % 2 == 0 { ask(&one, &request, noon()) } else { ask(&two, &request, ahead) });
    let verdicts = futures_util::future::join_all(asked).await;
    assert_eq!(verdicts.iter().filter(|verdict| **verdict == GateVerdict::Go).count(), 10, "whatever the nodes' clocks say");
}

#[tokio::test]
async fn a_unix_socket_is_taken_and_a_bad_address_is_refused_without_quoting_it() {
    let server = RedisServer::start();
    let gate = started(RedisGateConfig { url: server.socket_url(), ..config(&server) }).await;
    assert_eq!(ask(&gate, &wide(), noon()).await, GateVerdict::Go);
    for url in ["", "http://user:secret-word@host/", "redis://user:secret-word@host:port"] {
        let error = RedisGate::start(RedisGateConfig::new(url), keyring()).expect_err(url);
        assert!(!error.to_string().contains("secret-word"), "{error}");
    }
}

#[tokio::test]
async fn a_witness_that_is_gone_or_lies_is_not_believed() {
    let mut server = RedisServer::start();
    let gate = started(config(&server)).await;
    gate.mark_captured(&capture(), noon()).await;
    let mut raw = server.connection();
    let keys: Vec<String> = raw.keys("walaa:S:*").expect("reads");
    let [key] = &keys[..] else { panic!("one marker, not {keys:?}") };
    let marker: Vec<u8> = raw.get(key).expect("reads");
    let elsewhere = TokenHash([9; 32]);
    let _: () = raw.set(key.replace(&TOKEN.to_hex(), &elsewhere.to_hex()), &marker).expect("writes");
    let tokens = [elsewhere, TOKEN];
    assert_eq!(
        gate.remembered(ORG, &tokens, noon()).await,
        Some(vec![None, Some(RedemptionId([7; 16]))]),
        "only in its own place"
    );
    let crowd = vec![TOKEN; MOST_REMEMBERED + 1];
    assert_eq!(gate.remembered(ORG, &crowd, noon()).await, None, "a page has an end");
    server.kill();
    // The first answer may find the connection broken; none of them is "nothing is remembered".
    for _ in 0..3 {
        assert_eq!(gate.remembered(ORG, &tokens, noon()).await, None);
    }
    assert_eq!(gate.remembered(ORG, &[], noon()).await, None, "not even of nothing");
}
