//! How much a client may ask: the exact boundary, the reason, when to come back.

use serde_json::json;
use walaa::gate::RateRule;
use walaa::http::limits::Limits;

use crate::support::app::{Ask, TestApp, wide};

#[tokio::test]
async fn a_terminal_has_a_burst_and_then_a_pace() {
    let app = TestApp::with_limits(Limits { terminal: RateRule::per_second(5).burst(20), ..wide() }).await;
    let till = &app.shop.till;
    let path = "/v1/ops/an-operation-that-never-was";
    for _ in 0..20 {
        app.get(till, path).await.refused("op_unknown");
    }
    let reply = app.get(till, path).await;
    let body = reply.refused("rate_limited");
    assert_eq!((&body["reason"], reply.header("retry-after")), (&json!("terminal_rate"), "1"));
    app.clock.advance_millis(200);
    app.get(till, path).await.refused("op_unknown");
    app.get(till, path).await.refused("rate_limited");
    app.get(&app.shop.pos, "/v1/members").await.expect(200);
}

#[tokio::test]
async fn a_key_has_a_limit_of_its_own() {
    let app = TestApp::with_limits(Limits { key: RateRule::per_second(3), ..wide() }).await;
    for _ in 0..3 {
        app.get(&app.shop.auditor, "/v1/stores").await.expect(200);
    }
    assert_eq!(app.get(&app.shop.auditor, "/v1/stores").await.refused("rate_limited")["reason"], "key_rate");
    app.get(&app.shop.manager, "/v1/stores").await.expect(200);
}

#[tokio::test]
async fn failures_of_an_address_run_out_and_right_keys_still_work() {
    let app = TestApp::with_limits(Limits { failed_sign_ins: RateRule::new(10, 300_000), ..wide() }).await;
    for _ in 0..10 {
        app.get("nonsense", "/v1/stores").await.refused("unauthorized");
    }
    let reply = app.get("nonsense", "/v1/stores").await;
    assert_eq!(reply.refused("rate_limited")["reason"], "sign_in_rate");
    assert_eq!(reply.header("retry-after"), "30");
    app.get(&app.shop.owner, "/v1/stores").await.expect(200);
    let guess = app.send(Ask::post("/v1/terminals/enrol").body(&json!({ "code": "7K3Q-DM9X-TA4" }))).await;
    guess.refused("rate_limited");
    app.clock.advance_seconds(30);
    app.get("nonsense", "/v1/stores").await.refused("unauthorized");
}

#[tokio::test]
async fn guessed_enrolment_codes_run_out() {
    let app = TestApp::with_limits(Limits { failed_sign_ins: RateRule::new(10, 300_000), ..wide() }).await;
    let guess = Ask::post("/v1/terminals/enrol").body(&json!({ "code": "7K3Q-DM9X-TA4" }));
    for _ in 0..10 {
        app.send(guess.clone()).await.refused("enrolment_code_invalid");
    }
    app.send(guess).await.refused("rate_limited");
}

#[tokio::test]
async fn an_address_is_limited_before_its_key_is_looked_at() {
    let app = TestApp::with_limits(Limits { address: RateRule::per_second(4), ..wide() }).await;
    for key in [&app.shop.owner, &app.shop.pos, &app.shop.auditor, &app.shop.manager] {
        app.get(key, "/v1/ops/an-operation-that-never-was").await.refused("op_unknown");
    }
    assert_eq!(app.get(&app.shop.owner, "/v1/stores").await.refused("rate_limited")["reason"], "address_rate");
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_has_its_own_limit_and_others_can_not_lie() {
    let app = TestApp::spawn().await;
    let limits = Limits { address: RateRule::per_second(2), ..wide() };
    let proxies = vec!["127.0.0.0/8".parse().expect("a network")];
    let state = walaa::http::AppState { limits: limits.into(), trusted_proxies: proxies.into(), ..app.state.as_ref().clone() };
    let app = app.again_with(state).await;
    let from = |address: &str| Ask::get("/v1/stores").key(&app.shop.owner).header("x-forwarded-for", address);
    for client in ["198.51.100.1", "198.51.100.2", "2001:db8:1::1"] {
        app.send(from(client)).await.expect(200);
        app.send(from(client)).await.expect(200);
        app.send(from(client)).await.refused("rate_limited");
    }
    app.send(from("2001:db8:1::2")).await.refused("rate_limited");
    app.send(from("203.0.113.9, 198.51.100.1")).await.refused("rate_limited");
}
