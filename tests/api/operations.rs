//! Operations: whoever lost an answer learns the outcome, or makes sure that there will never be one.

use serde_json::json;

use crate::support::app::{Ask, TestApp, op_key};

#[tokio::test]
async fn the_outcome_is_found_by_the_clients_id_and_by_ours() {
    let app = TestApp::spawn().await;
    let op = op_key();
    let ask = Ask::post("/v1/stores").key(&app.shop.manager).op(&op).body(&json!({ "name": { "en": "Harbour" } }));
    let made = app.send(ask).await.expect(201);
    let by_key = app.get(&app.shop.manager, &format!("/v1/ops/{op}")).await.expect(200);
    assert_eq!((&by_key["outcome"], &by_key["kind"]), (&json!("SUCCEEDED"), &json!("put_document")));
    assert_eq!((&by_key["op"], &by_key["key"], &by_key["answer"]["version"]), (&made["op"], &json!(op), &json!(1)));
    let by_id = app.get(&app.shop.manager, &format!("/v1/ops/{}", made["op"].as_str().expect("an op"))).await.expect(200);
    assert_eq!(by_id, by_key);
}

#[tokio::test]
async fn a_refusal_is_an_outcome() {
    let app = TestApp::spawn().await;
    let op = op_key();
    let body = json!({ "expected_version": 9, "document": { "name": { "en": "x" } } });
    let ask = Ask::new("PUT", "/v1/organisation").key(&app.shop.owner).op(&op).body(&body);
    app.send(ask).await.refused("version_conflict");
    let outcome = app.get(&app.shop.owner, &format!("/v1/ops/{op}")).await.expect(200);
    assert_eq!((&outcome["outcome"], &outcome["status"]), (&json!("REFUSED"), &json!(409)));
    assert_eq!(outcome["answer"]["code"], "version_conflict");
}

#[tokio::test]
async fn an_abandoned_operation_never_runs() {
    let app = TestApp::spawn().await;
    let op = op_key();
    let path = format!("/v1/ops/{op}");
    app.get(&app.shop.owner, &path).await.refused("op_unknown");
    let given_up = app.send(Ask::post(&format!("{path}/abandon")).key(&app.shop.owner)).await.expect(200);
    assert_eq!(given_up["outcome"], "ABANDONED");
    assert_eq!(app.send(Ask::post(&format!("{path}/abandon")).key(&app.shop.owner)).await.expect(200), given_up);
    assert_eq!(app.get(&app.shop.owner, &path).await.expect(200), given_up);
    let late = Ask::post("/v1/stores").key(&app.shop.owner).op(&op).body(&json!({ "name": { "en": "Late" } }));
    app.send(late).await.refused("op_abandoned");
    let stores = app.get(&app.shop.owner, "/v1/stores").await.expect(200);
    assert_eq!(stores["data"].as_array().map(Vec::len), Some(1), "only the first");
}

#[tokio::test]
async fn whoever_abandons_too_late_hears_what_happened() {
    let app = TestApp::spawn().await;
    let op = op_key();
    let ask = Ask::post("/v1/stores").key(&app.shop.owner).op(&op).body(&json!({ "name": { "en": "Harbour" } }));
    app.send(ask).await.expect(201);
    let outcome = app.send(Ask::post(&format!("/v1/ops/{op}/abandon")).key(&app.shop.owner)).await.expect(200);
    assert_eq!(outcome["outcome"], "SUCCEEDED");
}

#[tokio::test]
async fn an_original_and_its_abandonment_at_once_agree() {
    let app = TestApp::spawn().await;
    for _ in 0..20 {
        let op = op_key();
        let original = Ask::post("/v1/stores").key(&app.shop.owner).op(&op).body(&json!({ "name": { "en": "Harbour" } }));
        let abandon = Ask::post(&format!("/v1/ops/{op}/abandon")).key(&app.shop.owner);
        let (original, abandoned) = tokio::join!(app.send(original), app.send(abandon));
        let outcome = abandoned.expect(200)["outcome"].clone();
        match original.status {
            201 => assert_eq!(outcome, "SUCCEEDED"),
            _ => {
                original.refused("op_abandoned");
                assert_eq!(outcome, "ABANDONED");
            }
        }
    }
}

#[tokio::test]
async fn operations_are_their_principals_own() {
    let app = TestApp::spawn().await;
    let op = op_key();
    let ask = Ask::post("/v1/stores").key(&app.shop.owner).op(&op).body(&json!({ "name": { "en": "Harbour" } }));
    let made = app.send(ask).await.expect(201);
    let ours = format!("/v1/ops/{}", made["op"].as_str().expect("an op"));
    app.get(&app.shop.pos, &format!("/v1/ops/{op}")).await.refused("op_unknown");
    app.get(&app.shop.pos, &ours).await.refused("op_unknown");
    app.get(&app.shop.auditor, &ours).await.expect(200);
    let other = app.found_shop().await;
    app.get(&other.owner, &ours).await.refused("op_unknown");
    let abandoned = app.send(Ask::post(&format!("/v1/ops/{op}/abandon")).key(&app.shop.pos)).await.expect(200);
    assert_eq!(abandoned["outcome"], "ABANDONED", "another principal's operation of the same name");
    app.get(&app.shop.owner, "/v1/ops/short").await.refused("not_found");
}

#[tokio::test]
async fn a_rotated_key_keeps_its_operations() {
    let app = TestApp::spawn().await;
    let made = app.post(&app.shop.owner, "/v1/keys", &json!({ "name": "x", "role": "manager" })).await.expect(201);
    let (id, first) = (made["id"].as_str().expect("an id"), made["key"].as_str().expect("a key"));
    let op = op_key();
    let ask = |key: &str| Ask::post("/v1/stores").key(key).op(&op).body(&json!({ "name": { "en": "Harbour" } }));
    let before = app.send(ask(first)).await;
    before.expect(201);
    let rotated = app.post(&app.shop.owner, &format!("/v1/keys/{id}/rotate"), &json!({})).await.expect(200);
    let after = app.send(ask(rotated["key"].as_str().expect("a key"))).await;
    assert_eq!(after.bytes, before.bytes);
}

/// Whoever asks for the outcome of a refused operation reads what was answered: the same members, byte for byte.
#[tokio::test]
async fn a_refusal_is_shown_as_it_was_answered() {
    let app = TestApp::spawn().await;
    let customer = app.enrol(&app.shop).await;
    let code = app.live_code(&app.shop, &customer.card).await;
    let (poor, unknown, given_up) = (op_key(), op_key(), op_key());
    let redeem = |op: &str, reward: &str| {
        let body = json!({ "code": code, "rewards": [{ "reward": reward, "quantity": 1 }] });
        Ask::post("/v1/redemptions").key(&app.shop.pos).op(op).body(&body)
    };
    app.send(Ask::post(&format!("/v1/ops/{given_up}/abandon")).key(&app.shop.pos)).await.expect(200);
    for (op, reward, code) in
        [(&poor, "coffee", "insufficient_points"), (&unknown, "castle", "unknown_reward"), (&given_up, "coffee", "op_abandoned")]
    {
        let answered = app.send(redeem(op, reward)).await.refused(code);
        let shown = app.get(&app.shop.pos, &format!("/v1/ops/{op}")).await.expect(200);
        assert_eq!(shown["answer"], answered);
        assert_eq!(shown["status"], answered["status"]);
    }
}
