//! The control experiment: what a gateway that trusts Redis alone does when Redis fails over, and what ours does on the same day.
//!
//! The schedule is the same for both. The replica's link is frozen; tokens are redeemed; the master dies before the replica heard of
//! it; the replica is promoted; the same tokens are shown again. "Accepted if `SET NX` says so" accepts each token twice. Ours asks Redis
//! too, at the same address by the same Sentinel, and captures each token once: the ledger decides.

use std::sync::Arc;
use std::time::Duration;

use redis::Value;
use walaa::gate::{Gate, GateTime, RedisGate, RedisGateConfig};
use walaa::http::AppState;

use crate::support::app::TestApp;
use crate::support::redis::sentinel::Watched;
use crate::support::redis::shipped::password;
use crate::support::redis::{RedisServer, until};

/// Tokens that are shown before and after the failover.
const TOKENS: usize = 50;

/// A gateway that trusts Redis: a token is accepted if nobody has set its key before.
fn naively_accepted(master: &RedisServer, token: &str) -> bool {
    master.as_admin(&format!("SET walaa:naive:{token} 1 NX")) == Value::Okay
}

/// The replica hears of nothing more: it is stopped, and its link is cut, so that nothing waits for it on the way either.
fn freeze(redis: &Watched) {
    until("the replica is on a par", || offset(&redis.servers[0]) == offset(&redis.servers[1]));
    redis.servers[1].pause();
    assert_eq!(redis.servers[0].as_admin("CLIENT KILL TYPE replica"), Value::Int(1));
}

fn offset(server: &RedisServer) -> String {
    let info: String = redis::from_redis_value(server.as_admin("INFO replication")).expect("a text");
    let line = info.lines().find_map(|line| line.strip_prefix("master_repl_offset:"));
    line.unwrap_or_default().to_owned()
}

/// The master dies with what it alone knew, and the Sentinel promotes the replica.
fn fail_over(redis: &mut Watched) {
    redis.servers[0].kill();
    redis.servers[1].resume();
    until("the Sentinel has promoted the replica", || redis.master() == Some(1));
}

#[test]
fn the_control_accepts_every_token_twice() {
    let mut redis = Watched::start(1);
    let tokens: Vec<String> = (0..TOKENS).map(|number| format!("token-{number}")).collect();
    let accepted = |server: &RedisServer| tokens.iter().filter(|token| naively_accepted(server, token)).count();
    freeze(&redis);
    let before = accepted(&redis.servers[0]);
    let repeated = accepted(&redis.servers[0]);
    assert_eq!((before, repeated), (TOKENS, 0), "as long as nothing fails, it works: that is why people trust it");
    fail_over(&mut redis);
    let after = accepted(&redis.servers[1]);
    println!("SET NX alone: {TOKENS} tokens, {before} accepted before the failover and {after} of them again after it");
    assert_eq!(after, TOKENS, "the control must show doubles, else the experiment shows nothing");
}

/// Our gateway at the same Redis.
async fn ours(redis: &Watched) -> (TestApp, Arc<RedisGate>) {
    let app = TestApp::spawn().await;
    let config = RedisGateConfig {
        time: GateTime::Caller,
        timeout: Duration::from_millis(200),
        sentinel_user: Some("look".to_owned()),
        sentinel_password: Some(password("look")),
        ..RedisGateConfig::new(redis.url())
    };
    let gate = Arc::new(RedisGate::start(config, Arc::clone(&app.core.keyring)).expect("a right address"));
    gate.wait_until_up().await;
    let mut core = app.core.clone();
    core.gate = Arc::<RedisGate>::clone(&gate);
    let state = AppState { core, ..AppState::clone(&app.state) };
    (app.again_with(state).await, gate)
}

#[actix_web::test]
async fn on_the_same_day_ours_captures_every_token_once() {
    let mut redis = Watched::start(1);
    let (app, gate) = ours(&redis).await;
    let (mut codes, mut cards) = (Vec::with_capacity(TOKENS), Vec::with_capacity(TOKENS));
    for _ in 0..TOKENS {
        let customer = app.enrol(&app.shop).await;
        app.earn(&app.shop, &customer.card, "10.000").await;
        codes.push(app.live_code(&app.shop, &customer.card).await);
        cards.push(customer.card);
    }
    freeze(&redis);
    let marks = || redis::from_redis_value::<Vec<String>>(redis.servers[0].as_admin("KEYS walaa:S:*")).expect("keys").len();
    let mut captured = 0;
    for code in &codes {
        let reply = app.redeem_with(&app.shop.pos, code, "coffee").await;
        captured += usize::from(reply.status == 201);
    }
    assert_eq!(captured, TOKENS);
    until("the master has all marks, and the replica will never hear of them", || marks() == TOKENS);

    fail_over(&mut redis);
    let mut again = 0;
    let mut lost = 0;
    let back = tokio::time::timeout(Duration::from_secs(20), gate.wait_until_up()).await;
    back.expect("the gate follows the Sentinel");
    for code in &codes {
        let reply = app.redeem_with(&app.shop.pos, code, "coffee").await;
        again += usize::from(reply.status < 300);
        lost += usize::from(reply.code() == "ledger_regressed");
        reply.refused("already_redeemed");
    }
    println!("ours: {TOKENS} tokens, {captured} captured before the failover and {again} of them again after it");
    assert_eq!((again, lost), (0, 0));
    assert!(gate.health().await.up, "it asked the promoted replica, which knew of nothing");
    let check = app.core.db.check_ledger().await.expect("the ledger can be read");
    assert_eq!(check.findings, Vec::<String>::new(), "S4");
    for card in cards {
        let statement = app.get(&app.shop.owner, &format!("/v1/cards/{card}/entries?limit=200")).await.expect(200);
        assert_eq!(statement["balance"], 50, "a hundred points less one coffee: {statement}");
    }
}
