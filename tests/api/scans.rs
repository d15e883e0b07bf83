//! A scan foretells what redeeming answers: the same code for each reward, at the same till, with the same key.

use serde_json::{Value, json};
use walaa::cards::Codes;

use crate::support::app::{Customer, TestApp, coffee_programme};

/// What a scan says of each reward, by the reward's id: the reason why not, or nothing.
async fn foretold(app: &TestApp, key: &str, body: &Value) -> Vec<(String, Option<String>)> {
    let scan = app.post(key, "/v1/scans", body).await.expect(200);
    let reward = |reward: &Value| {
        let reason = reward["reason"].as_str().map(str::to_owned);
        assert_eq!(reward["available"], reason.is_none(), "{scan}");
        (reward["id"].as_str().expect("an id").to_owned(), reason)
    };
    scan["rewards"].as_array().expect("rewards").iter().map(reward).collect()
}

/// Scans, then asks for each reward what redeeming would do: both say the same. Answers the reasons.
async fn agreed(app: &TestApp, key: &str, (code, store): (&str, Option<&str>)) -> Vec<Option<String>> {
    let scanned = foretold(app, key, &json!({ "code": code, "store": store })).await;
    assert!(!scanned.is_empty());
    for (reward, reason) in &scanned {
        let body = json!({ "code": code, "store": store, "rewards": [{ "reward": reward }], "validate_only": true });
        let reply = app.post(key, "/v1/redemptions", &body).await;
        match reason {
            None => drop(reply.expect(200)),
            Some(reason) => drop(reply.refused(reason)),
        }
    }
    scanned.into_iter().map(|(_, reason)| reason).collect()
}

async fn regular(app: &TestApp) -> Customer {
    let customer = app.enrol(&app.shop).await;
    app.earn(&app.shop, &customer.card, "6.000").await;
    customer
}

fn all(reasons: &[Option<String>], reason: &str) -> bool {
    reasons.iter().all(|found| found.as_deref() == Some(reason))
}

#[tokio::test]
async fn what_can_be_redeemed_and_what_is_too_dear() {
    let app = TestApp::spawn().await;
    let customer = regular(&app).await;
    let code = app.live_code(&app.shop, &customer.card).await;
    assert_eq!(agreed(&app, &app.shop.till, (&code, None)).await, [None, Some("insufficient_points".to_owned())]);
}

#[tokio::test]
async fn a_code_from_before_a_restore_needs_a_manager() {
    let app = TestApp::spawn().await;
    let customer = regular(&app).await;
    let code = app.live_code(&app.shop, &customer.card).await;
    app.core.db.raise_epoch().await.expect("raises");
    assert!(all(&agreed(&app, &app.shop.till, (&code, None)).await, "code_from_before_restore"));
    assert!(all(&agreed(&app, &app.shop.pos, (&code, None)).await, "code_from_before_restore"));
    assert_eq!(agreed(&app, &app.shop.manager, (&code, None)).await[0], None, "a manager may");
    let fresh = app.live_code(&app.shop, &customer.card).await;
    assert_eq!(agreed(&app, &app.shop.till, (&fresh, None)).await[0], None);
}

#[tokio::test]
async fn a_store_that_is_switched_off_redeems_nothing() {
    let app = TestApp::spawn().await;
    let shop = &app.shop;
    let customer = regular(&app).await;
    let code = app.live_code(shop, &customer.card).await;
    let voucher = app.issue_voucher(shop, &customer.card, "coffee").await;
    let org = shop.organisation.parse().expect("an id");
    let pass = app.core.db.pass(voucher["pass"].as_str().expect("an id").parse().expect("an id")).await.expect("reads");
    let coupon = Codes { keyring: &app.core.keyring, org }.of_pass(&pass.expect("a pass")).expect("the key is there");
    assert_eq!(agreed(&app, &shop.till, (&coupon, None)).await, [None]);
    let off = json!({ "name": { "en": "Main Street" }, "status": "disabled" });
    app.put(&shop.owner, &format!("/v1/stores/{}", shop.store), (1, &off)).await.expect(200);
    for code in [&code, &coupon] {
        assert!(all(&agreed(&app, &shop.till, (code, None)).await, "store_disabled"), "the till stands in it");
        assert!(all(&agreed(&app, &shop.pos, (code, Some(&shop.store))).await, "store_disabled"), "the web shop names it");
        assert!(!all(&agreed(&app, &shop.pos, (code, None)).await, "store_disabled"), "no place, no closed place");
    }
    let nowhere = json!({ "code": code, "store": "sto_00000000000000000000000000" });
    app.post(&shop.pos, "/v1/scans", &nowhere).await.refused("validation_failed");
}

#[tokio::test]
async fn a_bound_key_scans_in_its_own_store_only() {
    let app = TestApp::spawn().await;
    let customer = regular(&app).await;
    let code = app.live_code(&app.shop, &customer.card).await;
    let other = app.post(&app.shop.owner, "/v1/stores", &json!({ "name": { "en": "Harbour" } })).await.expect(201);
    let scan = json!({ "code": code, "store": other["id"] });
    app.post(&app.shop.till, "/v1/scans", &scan).await.refused("wrong_store");
}

/// The till itself is refused at the door; the reasons are told in the order in which redeeming looks.
#[tokio::test]
async fn switches_are_told_in_the_order_of_redeeming() {
    let app = TestApp::spawn().await;
    let shop = &app.shop;
    let customer = regular(&app).await;
    let code = app.live_code(shop, &customer.card).await;
    let mut off = coffee_programme();
    off["rewards"][0]["status"] = json!("disabled");
    let programme = format!("/v1/programmes/{}", shop.programme);
    app.put(&shop.owner, &programme, (1, &off)).await.expect(200);
    assert!(agreed(&app, &shop.till, (&code, None)).await.contains(&Some("reward_disabled".to_owned())));
    off["status"] = json!("disabled");
    app.put(&shop.owner, &programme, (2, &off)).await.expect(200);
    let store = json!({ "name": { "en": "Main Street" }, "status": "disabled" });
    app.put(&shop.owner, &format!("/v1/stores/{}", shop.store), (1, &store)).await.expect(200);
    assert!(all(&agreed(&app, &shop.till, (&code, None)).await, "programme_disabled"));
    app.core.db.raise_epoch().await.expect("raises");
    assert!(all(&agreed(&app, &shop.till, (&code, None)).await, "code_from_before_restore"));
    let till = json!({ "name": "Till 1", "store": shop.store, "status": "disabled" });
    app.put(&shop.owner, &format!("/v1/terminals/{}", shop.terminal), (2, &till)).await.expect(200);
    app.post(&shop.till, "/v1/scans", &json!({ "code": code })).await.refused("terminal_disabled");
}

#[tokio::test]
async fn a_redeemed_code_says_so_whatever_is_switched_off() {
    let app = TestApp::spawn().await;
    let customer = regular(&app).await;
    let code = app.live_code(&app.shop, &customer.card).await;
    app.redeem(&app.shop, &code, "coffee").await.expect(201);
    app.core.db.raise_epoch().await.expect("raises");
    assert!(all(&agreed(&app, &app.shop.till, (&code, None)).await, "already_redeemed"));
}
