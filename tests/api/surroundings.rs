//! What is around every request: headers, ids, unknown addresses, health, metrics, limits on time and size.

use std::io::{Read, Write};
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::{self, ServiceConfig};
use serde_json::json;
use walaa::http::AppState;
use walaa::http::limits::Limits;

use crate::support::app::{Ask, TestApp, op_key};

#[tokio::test]
async fn every_answer_is_safe_for_browsers_and_names_its_request() {
    let app = TestApp::spawn().await;
    let asks = [
        Ask::get("/v1/stores").key(&app.shop.owner),
        Ask::get("/v1/stores"),
        Ask::get("/nowhere"),
        Ask::get("/healthz"),
        Ask::new("PATCH", "/v1/stores").key(&app.shop.owner),
    ];
    for ask in asks {
        let reply = app.send(ask).await;
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert_eq!(reply.header("referrer-policy"), "no-referrer");
        assert_eq!(reply.header("content-security-policy"), "default-src 'none'; frame-ancestors 'none'");
        assert_eq!(reply.header("cache-control"), "no-store", "{reply:?}");
        assert_eq!(reply.header("x-request-id").len(), 26);
        assert_eq!(reply.header("strict-transport-security"), "", "plain http");
    }
}

#[tokio::test]
async fn behind_https_browsers_are_told_to_stay_there() {
    let app = TestApp::spawn().await;
    let mut core = app.core.clone();
    core.public_url = "https://walaa.example".into();
    let state = AppState { core, ..app.state.as_ref().clone() };
    let app = app.again_with(state).await;
    let reply = app.send(Ask::get("/healthz")).await;
    assert!(reply.header("strict-transport-security").starts_with("max-age="));
}

#[tokio::test]
async fn a_request_id_is_taken_over_when_it_is_harmless() {
    let app = TestApp::spawn().await;
    let given = |id: &str| Ask::get("/healthz").header("x-request-id", id);
    assert_eq!(app.send(given("proxy-1234_5678")).await.header("x-request-id"), "proxy-1234_5678");
    for bad in ["short", "with space in it", "quote\"quote", &"x".repeat(65)] {
        assert_ne!(app.send(given(bad)).await.header("x-request-id"), bad);
    }
}

#[tokio::test]
async fn unknown_addresses_and_methods_are_problems() {
    let app = TestApp::spawn().await;
    let owner = &app.shop.owner;
    for path in ["/", "/v1", "/v1/", "/v1/storess", "/v1/stores/", "/V1/stores", "/v1/../etc/passwd", "/v1/stores/a/b", "/%00"] {
        let reply = app.get(owner, path).await;
        assert_eq!(reply.status, 404, "{path}");
        reply.refused("not_found");
    }
    let reply = app.send(Ask::new("DELETE", "/v1/stores").key(owner)).await;
    assert_eq!(reply.status, 405);
    assert_eq!(reply.header("allow"), "GET, POST");
    reply.refused("method_not_allowed");
    app.send(Ask::new("BREW", "/v1/organisation").key(owner)).await.refused("method_not_allowed");
}

#[tokio::test]
async fn health_is_told_to_everybody() {
    let app = TestApp::spawn().await;
    assert_eq!(app.send(Ask::get("/healthz")).await.expect(200), json!({ "status": "ok" }));
    let report = app.send(Ask::get("/readyz")).await.expect(200);
    let fine = json!({ "ready": true, "database": "up", "gate": "up", "sequencer": "up", "shutting_down": false });
    assert_eq!(report, fine);
    // One door: each node tells its own health.
    let state = app.state.as_ref().clone();
    let app = app.again_with(state).await;
    app.state.health.shut_down();
    let report = app.send(Ask::get("/readyz")).await.expect(503);
    assert_eq!((&report["ready"], &report["shutting_down"]), (&json!(false), &json!(true)));
    app.get(&app.shop.owner, "/v1/stores").await.expect(200);
}

#[tokio::test]
async fn a_body_has_a_size() {
    let app = TestApp::spawn().await;
    let body = |bytes: usize| json!({ "name": { "en": "x".repeat(bytes) } });
    let reply = app.post(&app.shop.owner, "/v1/stores", &body(128 * 1024)).await;
    assert_eq!(reply.status, 413);
    reply.refused("payload_too_large");
    app.post(&app.shop.owner, "/v1/stores", &body(100 * 1024)).await.refused("document_invalid");
}

#[tokio::test]
async fn a_body_that_trickles_in_is_not_waited_for() {
    let app = TestApp::spawn().await;
    let state =
        AppState { limits: Limits { body_ms: 50, ..app.state.limits.as_ref().clone() }.into(), ..app.state.as_ref().clone() };
    let app = app.again_with(state).await;
    let head = format!(
        "POST /v1/stores HTTP/1.1\r\nhost: walaa\r\nauthorization: Bearer {}\r\nidempotency-key: {}\r\ncontent-type: application/json\r\n\
         content-length: 100\r\n\r\n{{\"na",
        app.shop.owner,
        op_key()
    );
    let address = app.address.strip_prefix("http://").expect("plain http").to_owned();
    let answer = tokio::task::spawn_blocking(move || {
        let mut stream = std::net::TcpStream::connect(address).expect("the server listens");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a time-out");
        stream.write_all(head.as_bytes()).expect("the head is sent");
        let mut answer = [0; 4_096];
        let length = stream.read(&mut answer).expect("an answer comes");
        String::from_utf8_lossy(&answer[..length]).into_owned()
    });
    let answer = answer.await.expect("the client ends");
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("request_timeout"), "{answer}");
}

/// Routes whose handlers misbehave.
fn bad_handlers(config: &mut ServiceConfig) {
    config.route("/test/panic", web::get().to(async || -> HttpResponse { panic!("on purpose") }));
    config.route("/test/endless", web::get().to(async || std::future::pending::<HttpResponse>().await));
}

#[tokio::test]
async fn a_panic_is_a_problem_and_the_server_goes_on() {
    let app = TestApp::spawn().await;
    let state = app.state.as_ref().clone();
    let app = app.again_with_routes(state, bad_handlers).await;
    for _ in 0..3 {
        let reply = app.send(Ask::get("/test/panic")).await;
        assert_eq!((reply.status, reply.header("x-content-type-options")), (500, "nosniff"));
        let body = reply.refused("internal");
        assert!(!body.to_string().contains("on purpose"), "no internals: {body}");
        app.get(&app.shop.owner, "/v1/stores").await.expect(200);
    }
}

#[tokio::test]
async fn a_request_takes_no_longer_than_it_may() {
    let app = TestApp::spawn().await;
    let limits = Limits { request_ms: 50, ..app.state.limits.as_ref().clone() };
    let state = AppState { limits: limits.into(), ..app.state.as_ref().clone() };
    let app = app.again_with_routes(state, bad_handlers).await;
    let reply = app.send(Ask::get("/test/endless")).await;
    assert_eq!(reply.status, 504);
    reply.refused("timed_out");
}

#[tokio::test]
async fn metrics_know_routes_and_no_ids() {
    let _recording = walaa::http::metrics::record();
    let app = TestApp::spawn().await;
    app.get(&app.shop.owner, &format!("/v1/stores/{}", app.shop.store)).await.expect(200);
    app.get(&app.shop.owner, "/somewhere/secret-link").await.refused("not_found");
    let text = app.admin("/metrics").await;
    assert!(text.contains("walaa_http_requests_total{method=\"GET\",route=\"/v1/stores/{id}\",status=\"200\"}"), "{text}");
    assert!(text.contains("walaa_http_request_seconds_bucket{method=\"GET\",route=\"/v1/stores/{id}\",le=\"0.05\"}"), "{text}");
    assert!(text.contains("route=\"unmatched\""));
    assert!(text.contains("walaa_ready 1"));
    assert!(!text.contains("secret-link") && !text.contains(&app.shop.store), "no paths, no ids");
}
