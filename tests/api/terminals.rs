//! Terminals: enrolled by a one-time code, switched off at once, replaced by enrolling again.

use serde_json::json;

use crate::support::app::{Ask, TestApp, op_key};

#[tokio::test]
async fn a_code_enrols_once() {
    let app = TestApp::spawn().await;
    let ask = Ask::post("/v1/terminals").key(&app.shop.owner).op(&op_key());
    let ask = ask.body(&json!({ "name": "Till 2", "store": app.shop.store }));
    let first = app.send(ask.clone()).await;
    let made = first.expect(201);
    assert_eq!(app.send(ask).await.bytes, first.bytes, "repeated: the same code");
    let code = made["enrolment_code"].as_str().expect("a code");
    let sloppy = format!(" {} ", code.to_lowercase().replace('-', " "));
    let enrolled = app.send(Ask::post("/v1/terminals/enrol").body(&json!({ "code": sloppy }))).await.expect(201);
    assert_eq!((&enrolled["id"], &enrolled["terminal"]["name"]), (&made["id"], &json!("Till 2")));
    let key = enrolled["key"].as_str().expect("a key");
    assert!(key.starts_with("wt_live_"));
    app.post(key, "/v1/scans", &json!({ "code": "nonsense" })).await.refused("invalid_code");
    app.send(Ask::post("/v1/terminals/enrol").body(&json!({ "code": code }))).await.refused("enrolment_code_invalid");
}

#[tokio::test]
async fn one_of_many_who_type_a_code_gets_the_key() {
    let app = TestApp::spawn().await;
    let made =
        app.post(&app.shop.owner, "/v1/terminals", &json!({ "name": "Till 2", "store": app.shop.store })).await.expect(201);
    let ask = Ask::post("/v1/terminals/enrol").body(&json!({ "code": made["enrolment_code"] }));
    let replies = futures_util::future::join_all((0..20).map(|_| app.send(ask.clone()))).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 1);
    for reply in replies.iter().filter(|reply| reply.status != 201) {
        reply.refused("enrolment_code_invalid");
    }
}

#[tokio::test]
async fn a_code_is_good_for_ten_minutes() {
    let app = TestApp::spawn().await;
    let terminal = json!({ "name": "Till 2", "store": app.shop.store });
    let late = app.post(&app.shop.owner, "/v1/terminals", &terminal).await.expect(201);
    app.clock.advance_seconds(600);
    let reply = app.send(Ask::post("/v1/terminals/enrol").body(&json!({ "code": late["enrolment_code"] }))).await;
    reply.refused("enrolment_code_invalid");
    let punctual = app.post(&app.shop.owner, "/v1/terminals", &terminal).await.expect(201);
    app.clock.advance_millis(599_999);
    app.enrol_terminal(punctual["enrolment_code"].as_str().expect("a code")).await;
}

#[tokio::test]
async fn enrolling_again_ends_the_key_before_and_only_the_newest_code_is_good() {
    let app = TestApp::spawn().await;
    let (owner, till) = (&app.shop.owner, &app.shop.till);
    let path = format!("/v1/terminals/{}/enrolment", app.shop.terminal);
    let older = app.post(owner, &path, &json!(null)).await.expect(201);
    let ask = Ask::post(&path).key(owner).op(&op_key());
    let first = app.send(ask.clone()).await;
    let newer = first.expect(201);
    assert_ne!(older["enrolment_code"], newer["enrolment_code"]);
    let reply = app.send(Ask::post("/v1/terminals/enrol").body(&json!({ "code": older["enrolment_code"] }))).await;
    reply.refused("enrolment_code_invalid");
    app.post(till, "/v1/scans", &json!({ "code": "nonsense" })).await.refused("invalid_code");
    let key = app.enrol_terminal(newer["enrolment_code"].as_str().expect("a code")).await;
    app.post(till, "/v1/scans", &json!({ "code": "nonsense" })).await.refused("unauthorized");
    app.post(&key, "/v1/scans", &json!({ "code": "nonsense" })).await.refused("invalid_code");
    assert_eq!(app.send(ask).await.bytes, first.bytes, "repeated after its use: the same code, useless now");
}

#[tokio::test]
async fn a_terminal_that_is_switched_off_is_refused_at_once_and_may_come_back() {
    let app = TestApp::spawn().await;
    let path = format!("/v1/terminals/{}", app.shop.terminal);
    let scan = json!({ "code": "nonsense" });
    app.post(&app.shop.till, "/v1/scans", &scan).await.refused("invalid_code");
    let seen = app.get(&app.shop.manager, &path).await.expect(200);
    assert_eq!(seen["document"]["enrolled"], true);
    let version = seen["version"].as_i64().expect("a version");
    let off = json!({ "name": "Till 1", "store": app.shop.store, "status": "disabled" });
    app.put(&app.shop.manager, &path, (version, &off)).await.expect(200);
    app.post(&app.shop.till, "/v1/scans", &scan).await.refused("terminal_disabled");
    let on = json!({ "name": "Till 1", "store": app.shop.store });
    app.put(&app.shop.manager, &path, (version + 1, &on)).await.expect(200);
    app.post(&app.shop.till, "/v1/scans", &scan).await.refused("invalid_code");
}

#[tokio::test]
async fn terminals_that_make_no_sense_are_refused() {
    let app = TestApp::spawn().await;
    let other = app.found_shop().await;
    let cases = [
        (json!({ "name": "", "store": app.shop.store }), "name"),
        (json!({ "name": "Till", "store": other.store }), "store"),
        (json!({ "name": "Till", "store": app.shop.store, "programmes": [other.programme] }), "programmes"),
    ];
    for (terminal, field) in cases {
        let body = app.post(&app.shop.owner, "/v1/terminals", &terminal).await.refused("document_invalid");
        assert_eq!(body["errors"][0]["field"], field, "{body}");
    }
}

#[tokio::test]
async fn codes_that_are_none_of_ours_are_all_the_same() {
    let app = TestApp::spawn().await;
    for code in ["", "7K3Q-DM9X-TA4", "00000000000", "W1ABC", &"A".repeat(500), "\u{0}", "٧٧٧"] {
        let reply = app.send(Ask::post("/v1/terminals/enrol").body(&json!({ "code": code }))).await;
        reply.refused("enrolment_code_invalid");
    }
}
