//! Keys: made, used, rotated without a gap, revoked at once; nobody gives more than he has.

use serde_json::json;

use super::catalogue::in_seconds;
use crate::support::app::{Ask, TestApp, op_key};

#[tokio::test]
async fn a_repeated_request_shows_the_same_key_and_nothing_else_ever_does() {
    let app = TestApp::spawn().await;
    let ask = Ask::post("/v1/keys").key(&app.shop.owner).op(&op_key()).body(&json!({ "name": "web shop", "role": "pos" }));
    let first = app.send(ask.clone()).await;
    let made = first.expect(201);
    let again = app.send(ask).await;
    assert_eq!((again.status, &again.bytes), (201, &first.bytes));
    assert_eq!((first.header("idempotent-replayed"), again.header("idempotent-replayed")), ("", "true"));
    let (id, key) = (made["id"].as_str().expect("an id"), made["key"].as_str().expect("a key"));
    app.get(key, "/v1/members").await.expect(200);
    let secret = key.rsplit('_').next().expect("a secret");
    for path in
        [format!("/v1/keys/{id}"), format!("/v1/keys/{id}/history"), "/v1/keys".into(), "/v1/journal".into(), op_of(&made)]
    {
        app.sequence().await;
        let reply = app.get(&app.shop.owner, &path).await;
        let text = String::from_utf8_lossy(&reply.bytes).into_owned();
        reply.expect(200);
        assert!(!text.contains(secret) && !text.contains("secret_hash"), "{path} shows {text}");
    }
}

fn op_of(made: &serde_json::Value) -> String {
    format!("/v1/ops/{}", made["op"].as_str().expect("an op"))
}

#[tokio::test]
async fn a_key_is_rotated_without_a_gap() {
    let app = TestApp::spawn().await;
    let owner = &app.shop.owner;
    let made = app.post(owner, "/v1/keys", &json!({ "name": "web shop", "role": "pos" })).await.expect(201);
    let (id, first) = (made["id"].as_str().expect("an id"), made["key"].as_str().expect("a key"));
    let rotate = format!("/v1/keys/{id}/rotate");
    let second = app.post(owner, &rotate, &json!({})).await.expect(200);
    let second = second["key"].as_str().expect("a key");
    for key in [first, second] {
        app.get(key, "/v1/members").await.expect(200);
    }
    assert_eq!(app.get(owner, &format!("/v1/keys/{id}")).await.expect(200)["document"]["live_secrets"], 2);
    app.post(owner, &format!("/v1/keys/{id}/retire"), &json!(null)).await.expect(200);
    app.get(first, "/v1/members").await.refused("unauthorized");
    app.get(second, "/v1/members").await.expect(200);
    let third = app.post(owner, &rotate, &json!({ "old_secret": "drop" })).await.expect(200);
    app.get(second, "/v1/members").await.refused("unauthorized");
    app.get(third["key"].as_str().expect("a key"), "/v1/members").await.expect(200);
}

#[tokio::test]
async fn a_repeated_rotation_shows_the_secret_that_it_made() {
    let app = TestApp::spawn().await;
    let owner = &app.shop.owner;
    let made = app.post(owner, "/v1/keys", &json!({ "name": "web shop", "role": "pos" })).await.expect(201);
    let path = format!("/v1/keys/{}/rotate", made["id"].as_str().expect("an id"));
    let ask = Ask::post(&path).key(owner).op(&op_key()).body(&json!({}));
    let first = app.send(ask.clone()).await;
    app.post(owner, &path, &json!({})).await.expect(200);
    assert_eq!(app.send(ask).await.bytes, first.bytes, "rotated on since, and still the same answer");
}

#[tokio::test]
async fn a_revoked_key_is_refused_at_the_next_request() {
    let app = TestApp::spawn().await;
    let made = app.post(&app.shop.owner, "/v1/keys", &json!({ "name": "leaked", "role": "manager" })).await.expect(201);
    let (id, key) = (made["id"].as_str().expect("an id"), made["key"].as_str().expect("a key"));
    app.get(key, "/v1/stores").await.expect(200);
    app.post(&app.shop.owner, &format!("/v1/keys/{id}/revoke"), &json!(null)).await.expect(200);
    app.get(key, "/v1/stores").await.refused("key_revoked");
    app.post(&app.shop.owner, &format!("/v1/keys/{id}/rotate"), &json!({})).await.refused("document_invalid");
    let shown = app.get(&app.shop.owner, &format!("/v1/keys/{id}")).await.expect(200);
    assert_eq!((&shown["document"]["revoked"], &shown["document"]["live_secrets"]), (&json!(true), &json!(0)));
}

#[tokio::test]
async fn a_key_expires_to_the_millisecond() {
    let app = TestApp::spawn().await;
    let key = json!({ "name": "intern", "role": "pos", "expires_at": in_seconds(&app, 60) });
    let key = app.make_key(&app.shop, key).await;
    app.clock.advance_millis(59_999);
    app.get(&key, "/v1/members").await.expect(200);
    app.clock.advance_millis(1);
    app.get(&key, "/v1/members").await.refused("key_expired");
}

#[tokio::test]
async fn nobody_gives_rights_that_he_does_not_have() {
    let app = TestApp::spawn().await;
    let keeper = json!({ "name": "key keeper", "role": "owner", "scopes": ["keys", "scan"] });
    let keeper = app.make_key(&app.shop, keeper).await;
    for wider in [json!({ "name": "x", "role": "owner" }), json!({ "name": "x", "role": "pos" })] {
        app.post(&keeper, "/v1/keys", &wider).await.refused("forbidden");
    }
    app.post(&keeper, "/v1/keys", &json!({ "name": "x", "role": "pos", "scopes": ["scan"] })).await.expect(201);
    let owners = app.post(&app.shop.owner, "/v1/keys", &json!({ "name": "x", "role": "owner" })).await.expect(201);
    let rotate = format!("/v1/keys/{}/rotate", owners["id"].as_str().expect("an id"));
    app.post(&keeper, &rotate, &json!({})).await.refused("forbidden");
}

#[tokio::test]
async fn keys_that_make_no_sense_are_refused() {
    let app = TestApp::spawn().await;
    let cases = [
        (json!({ "name": "", "role": "pos" }), "name"),
        (json!({ "name": "x".repeat(61), "role": "pos" }), "name"),
        (json!({ "name": "x", "role": "terminal" }), "role"),
        (json!({ "name": "x", "role": "pos", "scopes": ["keys"] }), "scopes"),
        (json!({ "name": "x", "role": "pos", "store": "sto_00000000000000000000000000" }), "store"),
        (json!({ "name": "x", "role": "pos", "programmes": ["prg_00000000000000000000000000"] }), "programmes"),
        (json!({ "name": "x", "role": "pos", "expires_at": in_seconds(&app, -1) }), "expires_at"),
    ];
    for (key, field) in cases {
        let body = app.post(&app.shop.owner, "/v1/keys", &key).await.refused("document_invalid");
        assert_eq!(body["errors"][0]["field"], field, "{key}: {body}");
    }
}

/// A key for one programme ends, renews and looks after keys of that programme only.
#[tokio::test]
async fn a_key_for_one_programme_does_not_touch_the_keys_of_another() {
    let app = TestApp::spawn().await;
    let owner = &app.shop.owner;
    let other = app.post(owner, "/v1/programmes", &crate::support::app::coffee_programme()).await.expect(201);
    let keeper = app.make_key(&app.shop, json!({ "name": "keeper", "role": "owner", "programmes": [app.shop.programme] })).await;
    let of = async |programmes: serde_json::Value| {
        let made =
            app.post(owner, "/v1/keys", &json!({ "name": "x", "role": "pos", "programmes": programmes })).await.expect(201);
        (made["id"].as_str().expect("an id").to_owned(), made["key"].as_str().expect("a key").to_owned())
    };
    let (own, _) = of(json!([app.shop.programme])).await;
    for programmes in [json!([other["id"]]), json!([app.shop.programme, other["id"]]), json!([])] {
        let (id, key) = of(programmes).await;
        for act in ["retire", "revoke", "rotate"] {
            let body = if act == "rotate" { json!({}) } else { json!(null) };
            app.post(&keeper, &format!("/v1/keys/{id}/{act}"), &body).await.refused("forbidden");
        }
        app.get(&key, "/v1/programmes").await.refused("forbidden");
        assert_eq!(app.get(owner, &format!("/v1/keys/{id}")).await.expect(200)["version"], 1, "untouched");
    }
    app.post(&keeper, &format!("/v1/keys/{own}/rotate"), &json!({})).await.expect(200);
    app.post(&keeper, &format!("/v1/keys/{own}/retire"), &json!(null)).await.expect(200);
    app.post(&keeper, &format!("/v1/keys/{own}/revoke"), &json!(null)).await.expect(200);
}
