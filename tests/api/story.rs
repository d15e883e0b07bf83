//! The story of a card over HTTP: join, earn, scan, redeem once, reverse, return, vouchers, re-issue, erasure.

use serde_json::{Value, json};

use crate::support::app::{Ask, TestApp, op_key};

/// The statement's points: their sum is the balance.
async fn statement(app: &TestApp, card: &str) -> (i64, i64) {
    let body = app.get(&app.shop.owner, &format!("/v1/cards/{card}/entries?limit=200")).await.expect(200);
    let points = body["data"].as_array().expect("entries").iter().map(|entry| entry["points"].as_i64().expect("points")).sum();
    (points, body["balance"].as_i64().expect("a balance"))
}

async fn balance(app: &TestApp, card: &str) -> i64 {
    let (sum, balance) = statement(app, card).await;
    assert_eq!(sum, balance, "S4: the statement's sum is the balance");
    balance
}

#[actix_web::test]
async fn s1_the_second_redemption_of_a_code_is_refused_with_who_when_and_where() {
    let app = TestApp::spawn().await;
    let customer = app.enrol(&app.shop).await;
    app.earn(&app.shop, &customer.card, "30.000").await;
    let code = app.live_code(&app.shop, &customer.card).await;
    let reward = app.first_reward(&app.shop, &code).await;
    let before = balance(&app, &customer.card).await;
    let first = app.redeem_with(&app.shop.till, &code, &reward).await.expect(201);
    let points = first["points"].as_i64().expect("points");
    assert_eq!(balance(&app, &customer.card).await, before - points);
    let second = app.redeem_with(&app.shop.pos, &code, &reward).await.refused("already_redeemed");
    assert_eq!(second["redemption"], first["id"]);
    assert_eq!(second["redeemed_at"], first["at"]);
    assert_eq!(second["place"]["terminal"], app.shop.terminal.as_str());
    assert_eq!(second["place"]["store"], app.shop.store.as_str());
    assert_eq!(second["same_terminal"], false);
    assert_eq!(app.redeem_with(&app.shop.till, &code, &reward).await.refused("already_redeemed")["same_terminal"], true);
    assert_eq!(balance(&app, &customer.card).await, before - points, "S1: once");
}

#[actix_web::test]
async fn s3_a_repeated_operation_gets_the_same_bytes_even_when_its_code_ran_out() {
    let app = TestApp::spawn().await;
    let customer = app.enrol(&app.shop).await;
    app.earn(&app.shop, &customer.card, "30.000").await;
    let code = app.live_code(&app.shop, &customer.card).await;
    let key = op_key();
    let sale = json!({ "code": code, "receipt": "R-again", "total": { "amount": "1.000", "currency": "KWD" } });
    let ask = || Ask::post("/v1/earnings").key(&app.shop.pos).op(&key).body(&sale);
    let first = app.send(ask()).await;
    first.expect(201);
    app.clock.advance_seconds(3_600);
    let again = app.send(ask()).await;
    assert_eq!(again.bytes, first.bytes);
    assert_eq!(again.header("idempotent-replayed"), "true");
    let other = json!({ "code": code, "receipt": "R-other", "total": { "amount": "1.000", "currency": "KWD" } });
    app.send(Ask::post("/v1/earnings").key(&app.shop.pos).op(&key).body(&other)).await.refused("idempotency_key_reused");
}

#[actix_web::test]
async fn a_return_in_parts_takes_the_points_back_and_what_was_spent_becomes_debt() {
    let app = TestApp::spawn().await;
    let customer = app.enrol(&app.shop).await;
    let sale = app.earn(&app.shop, &customer.card, "20.000").await;
    let earned = sale["points"].as_i64().expect("points");
    let path = format!("/v1/earnings/{}/returns", sale["id"].as_str().expect("an id"));
    let part = |amount: &str| json!({ "total": { "amount": amount, "currency": "KWD" } });
    app.post(&app.shop.pos, &path, &part("5.000")).await.expect(201);
    assert_eq!(balance(&app, &customer.card).await, earned * 3 / 4);
    app.post(&app.shop.pos, &path, &part("15.001")).await.refused("return_exceeds_sale");
    let code = app.live_code(&app.shop, &customer.card).await;
    let reward = app.first_reward(&app.shop, &code).await;
    let redeemed = app.redeem_with(&app.shop.pos, &code, &reward).await.expect(201);
    let spent = redeemed["points"].as_i64().expect("points");
    let rest = app.post(&app.shop.pos, &path, &part("15.000")).await.expect(201);
    assert_eq!(rest["debt_added"].as_i64(), Some(spent), "what was spent is owed");
    assert_eq!(balance(&app, &customer.card).await, 0);
    let path = format!("/v1/redemptions/{}/reversal", redeemed["id"].as_str().expect("an id"));
    let reversed = app.post(&app.shop.pos, &path, &json!({ "reason": "wrong drink" })).await.expect(201);
    assert_eq!(reversed["card"]["debt"], 0, "points that come back repay debt first");
    assert_eq!(balance(&app, &customer.card).await, 0);
    app.post(&app.shop.pos, &path, &json!({ "reason": "again" })).await.refused("already_reversed");
}

#[actix_web::test]
async fn a_receipt_counts_once_and_the_refusal_names_the_first() {
    let app = TestApp::spawn().await;
    let customer = app.enrol(&app.shop).await;
    let sale = json!({ "card": customer.card, "receipt": "R-1", "total": { "amount": "3.000", "currency": "KWD" } });
    let first = app.post(&app.shop.pos, "/v1/earnings", &sale).await.expect(201);
    let second = app.post(&app.shop.pos, "/v1/earnings", &sale).await.refused("receipt_reused");
    assert_eq!(second["earning"], first["id"]);
    let dollars = json!({ "card": customer.card, "receipt": "R-2", "total": { "amount": "3.00", "currency": "USD" } });
    app.post(&app.shop.pos, "/v1/earnings", &dollars).await.refused("currency_mismatch");
}

#[actix_web::test]
async fn validate_only_changes_nothing_and_is_not_an_operation() {
    let app = TestApp::spawn().await;
    let customer = app.enrol(&app.shop).await;
    app.earn(&app.shop, &customer.card, "30.000").await;
    let code = app.live_code(&app.shop, &customer.card).await;
    let reward = app.first_reward(&app.shop, &code).await;
    let before = balance(&app, &customer.card).await;
    let body = json!({ "code": code, "rewards": [{ "reward": reward, "quantity": 1 }], "validate_only": true });
    let key = op_key();
    let answer = app.send(Ask::post("/v1/redemptions").key(&app.shop.pos).op(&key).body(&body)).await.expect(200);
    assert!(answer["id"].is_null(), "{answer}");
    assert_eq!(balance(&app, &customer.card).await, before);
    app.get(&app.shop.pos, &format!("/v1/ops/{key}")).await.refused("op_unknown");
    app.redeem_with(&app.shop.pos, &code, &reward).await.expect(201);
}

#[actix_web::test]
async fn a_voucher_holds_points_until_it_is_cancelled_or_redeemed() {
    let app = TestApp::spawn().await;
    let customer = app.enrol(&app.shop).await;
    app.earn(&app.shop, &customer.card, "30.000").await;
    let code = app.live_code(&app.shop, &customer.card).await;
    let reward = app.first_reward(&app.shop, &code).await;
    let before = balance(&app, &customer.card).await;
    let voucher = app.issue_voucher(&app.shop, &customer.card, &reward).await;
    let points = voucher["points"].as_i64().expect("points");
    assert_eq!(balance(&app, &customer.card).await, before - points);
    let path = format!("/v1/vouchers/{}", voucher["id"].as_str().expect("an id"));
    app.post(&app.shop.pos, &format!("{path}/cancellation"), &json!({})).await.expect(201);
    assert_eq!(balance(&app, &customer.card).await, before);
    app.post(&app.shop.pos, &format!("{path}/cancellation"), &json!({})).await.refused("voucher_not_open");
    let till = json!({ "card": customer.card, "reward": reward });
    app.post(&app.shop.till, "/v1/vouchers", &till).await.refused("forbidden");
}

#[actix_web::test]
async fn p3_another_organisation_s_ids_and_codes_are_unknown() {
    let app = TestApp::spawn().await;
    let other = app.found_shop().await;
    let customer = app.enrol(&app.shop).await;
    let sale = app.earn(&app.shop, &customer.card, "30.000").await;
    let code = app.live_code(&app.shop, &customer.card).await;
    let id = |value: &Value| value.as_str().expect("an id").to_owned();
    app.get(&other.owner, &format!("/v1/cards/{}", customer.card)).await.refused("not_found");
    app.get(&other.owner, &format!("/v1/members/{}", customer.member)).await.refused("not_found");
    app.get(&other.owner, &format!("/v1/earnings/{}", id(&sale["id"]))).await.refused("not_found");
    app.post(&other.pos, "/v1/scans", &json!({ "code": code })).await.refused("invalid_code");
    app.redeem_with(&other.pos, &code, "latte").await.refused("invalid_code");
}

#[actix_web::test]
async fn after_a_reissue_the_old_codes_are_dead_and_after_an_erasure_the_name_is_gone() {
    let app = TestApp::spawn().await;
    let customer = app.enrol(&app.shop).await;
    app.earn(&app.shop, &customer.card, "30.000").await;
    let code = app.live_code(&app.shop, &customer.card).await;
    let reissued = app.post(&app.shop.pos, &format!("/v1/cards/{}/reissue", customer.card), &json!({})).await.expect(201);
    assert_ne!(reissued["card"]["pass"], reissued["replaced"]);
    app.redeem_with(&app.shop.pos, &code, "latte").await.refused("code_cancelled");
    let path = format!("/v1/members/{}/erasure", customer.member);
    app.post(&app.shop.owner, &path, &json!({})).await.expect(200);
    let member = app.get(&app.shop.owner, &format!("/v1/members/{}", customer.member)).await.expect(200);
    assert!(member["name"].is_null() && member["active"] == false, "{member}");
    assert_eq!(balance(&app, &customer.card).await, 0);
    let sale = json!({ "card": customer.card, "receipt": "R-late", "total": { "amount": "3.000", "currency": "KWD" } });
    app.post(&app.shop.pos, "/v1/earnings", &sale).await.refused("member_erased");
}
