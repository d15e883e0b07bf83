//! The whole suite in each form that Redis is run in: a master that Sentinels name, a Cluster, as it ships with its users, by TLS. And
//! what those forms forbid.

use walaa::gate::probe_redis;

use super::*;
use crate::support::redis::cluster::RedisCluster;
use crate::support::redis::sentinel::Watched;
use crate::support::redis::shipped::{self, password};
use crate::support::redis::{run, tls};

/// A configuration for an address, as patient as the tests'.
pub(super) fn config_at(url: impl Into<String>) -> RedisGateConfig {
    RedisGateConfig { timeout: PATIENT, time: GateTime::Caller, ..RedisGateConfig::new(url) }
}

/// A configuration for the master of Sentinels, who want to know who asks.
pub(super) fn watched(watched: &Watched) -> RedisGateConfig {
    RedisGateConfig {
        sentinel_user: Some("look".to_owned()),
        sentinel_password: Some(password("look")),
        ..config_at(watched.url())
    }
}

#[tokio::test]
async fn the_whole_contract_with_sentinels_and_users_that_ship() {
    let redis = Watched::start(1);
    let config = watched(&redis);
    whole_contract(&config).await;
    let probe = probe_redis(&config).await.expect("it can be used");
    assert!(probe.who.starts_with("the master 127.0.0.1:") && probe.who.ends_with("named by 1 of 1 Sentinels,"), "{probe:?}");
    assert_eq!((probe.eviction.as_deref(), &probe.warnings), (Some("noeviction"), &vec![]), "{probe:?}");

    let wrong = |change: fn(&mut RedisGateConfig)| {
        let mut config = config.clone();
        change(&mut config);
        async move { probe_redis(&config).await.expect_err("something is wrong") }
    };
    let nobody = wrong(|config| config.sentinel_password = Some("swordfish".to_owned())).await;
    assert!(nobody.contains("the Sentinel at 127.0.0.1:") && nobody.contains("user and password"), "{nobody}");
    let other = wrong(|config| config.url = config.url.replace("/shop", "/another")).await;
    assert!(other.contains("knows no master called another"), "{other}");
    let plain = wrong(|config| config.url = config.url.replace("+sentinel", "").replace("/shop", "")).await;
    assert!(!plain.contains("swordfish"), "{plain}");
}

#[tokio::test]
async fn the_whole_contract_on_a_cluster() {
    let redis = RedisCluster::start();
    let config = config_at(redis.url());
    whole_contract(&config).await;
    let counts: Vec<i64> =
        redis.nodes.iter().map(|node| ::redis::from_redis_value(node.run("DBSIZE")).expect("a number")).collect();
    assert!(counts.iter().all(|count| *count > 0), "the keys of one organisation are spread: {counts:?}");

    let probe = probe_redis(&config).await.expect("it can be used");
    assert_eq!(probe.who, "a Cluster of 3 masters");
    assert_eq!(probe.warnings, ["a master of the Cluster has no replica: when it is lost, what it knew is lost"]);
    let as_one = probe_redis(&config_at(redis.nodes[0].url())).await.expect_err("it is no single server");
    assert!(as_one.contains("begin redis.url with redis+cluster://"), "{as_one}");
    let single = RedisServer::start();
    let no_cluster = probe_redis(&config_at(single.url().replace("redis://", "redis+cluster://"))).await.expect_err("no Cluster");
    assert!(no_cluster.contains("belongs to no Cluster"), "{no_cluster}");
}

#[tokio::test]
async fn the_whole_contract_as_it_ships_and_nothing_else() {
    let redis = shipped::start();
    let config = config_at(redis.url_of("walaa"));
    whole_contract(&config).await;
    // By the server's clock, as in a shop.
    let gate = started(RedisGateConfig { time: GateTime::Server, ..config.clone() }).await;
    assert!(!format!("{gate:?}{config:?}").contains("swordfish"));
    gate.mark_captured(&capture(), noon()).await;
    assert_eq!(ask(&gate, &outages::wide(), noon()).await, GateVerdict::Captured(RedemptionId([7; 16])));
    assert!(gate.health().await.up);
    let probe = probe_redis(&config).await.expect("it can be used");
    assert_eq!((probe.eviction.as_deref(), probe.who.as_str()), (Some("noeviction"), "it"));

    let refused = [
        "FLUSHALL",
        "FLUSHDB",
        "SCRIPT FLUSH",
        "CONFIG GET *",
        "CONFIG SET maxmemory 1",
        "KEYS *",
        "SCAN 0",
        "DBSIZE",
        "GET other:key",
        "SET other:key 1",
        "SADD other:key 1",
        "EVAL return(1) 0",
        "FUNCTION LIST",
        "DEL walaa:key",
        "RENAME walaa:key walaa:other",
        "SHUTDOWN",
        "ACL LIST",
        "ACL WHOAMI",
        "CLIENT LIST",
        "MONITOR",
        "REPLICAOF NO ONE",
        "PUBLISH channel word",
        "MULTI",
        "CLUSTER NODES",
        "CLUSTER RESET",
    ];
    for command in refused {
        let error = run(&redis.url_of("walaa"), command).expect_err(command);
        assert_eq!(error.code(), Some("NOPERM"), "{command}: {error}");
    }
    // Nor by a script of its own making, on another's key.
    let own: String = ::redis::from_redis_value(
        run(&redis.url_of("walaa"), "SCRIPT LOAD return(redis.call('GET',KEYS[1]))").expect("scripts may be loaded"),
    )
    .expect("a hash");
    assert_eq!(run(&redis.url_of("walaa"), &format!("EVALSHA {own} 1 other:key")).expect_err("EVALSHA").code(), Some("NOPERM"));
    for command in ["PING", "GET walaa:S:x"] {
        assert!(run(&redis.url(), command).is_err(), "{command}: nobody may without a name");
        assert!(run(&redis.url_of("sentinel"), "GET walaa:S:x").is_err());
        assert!(run(&redis.url_of("replica"), "GET walaa:S:x").is_err());
    }
}

#[tokio::test]
async fn nobody_is_let_in_before_a_password_is_set() {
    let redis = shipped::untouched();
    let zeros = "0".repeat(64);
    for password in ["", "0", zeros.as_str(), "walaa", "change-me"] {
        for user in ["walaa", "sentinel", "replica", "default"] {
            assert!(run(&redis.url_as(user, password), "PING").is_err(), "{user} with {password}");
        }
    }
    let said = probe_redis(&config_at(redis.url_of("walaa"))).await.expect_err("nobody is let in");
    assert!(said.contains("does not take this user and password") && !said.contains("swordfish"), "{said}");
}

#[tokio::test]
async fn by_tls_only_the_right_server_is_trusted() {
    let (ours, theirs) = (tls::Authority::new(), tls::Authority::new());
    let redis = ours.server("DNS:localhost,IP:127.0.0.1");
    let at = |host: &str, ca_file| RedisGateConfig { ca_file: Some(ca_file), ..config_at(tls::url(&redis, host)) };
    for host in ["localhost", "127.0.0.1"] {
        let gate = started(at(host, ours.file())).await;
        gate.mark_captured(&capture(), noon()).await;
        assert_eq!(ask(&gate, &outages::wide(), noon()).await, GateVerdict::Captured(RedemptionId([7; 16])), "{host}");
        probe_redis(&at(host, ours.file())).await.expect("it can be used");
    }

    let elsewhere = ours.server("DNS:redis.example");
    let cases = [
        ("another authority", at("localhost", theirs.file())),
        ("the machine's own roots", RedisGateConfig { ca_file: None, ..at("localhost", ours.file()) }),
        ("another name", RedisGateConfig { ca_file: Some(ours.file()), ..config_at(tls::url(&elsewhere, "localhost")) }),
        ("another address", RedisGateConfig { ca_file: Some(ours.file()), ..config_at(tls::url(&elsewhere, "127.0.0.1")) }),
    ];
    for (what, config) in cases {
        let gate = RedisGate::start(config.clone(), keyring()).expect("a good address");
        let said = probe_redis(&config).await.expect_err(what);
        assert!(said.contains("has a certificate that is not trusted for this name ("), "{what}: {said}");
        assert_eq!(ask(&gate, &outages::wide(), noon()).await, GateVerdict::Unknown, "{what}");
    }
    let plain = RedisGateConfig { ca_file: None, ..config_at(redis.url()) };
    probe_redis(&plain).await.expect_err("it is by TLS alone");
    for file in [tls::rubbish(redis.folder()), redis.folder().join("none.pem")] {
        RedisGate::start(at("localhost", file), keyring()).expect_err("nobody to trust");
    }
}
