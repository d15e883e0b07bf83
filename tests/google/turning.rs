//! The code that turns on an Android phone, at the till: taken while it is of now, spent once, and never by who only shows a copy.

use serde_json::{Value, json};

use super::world::{GoogleWorld, turning_code};
use crate::support::app::{Ask, Customer};

/// A card in Google Wallet with points, and its object as a phone has it.
async fn saved(world: &GoogleWorld, dinars: &str) -> (Customer, String, Value) {
    let customer = world.join().await;
    let object = world.save(&customer.card).await;
    let points = world.app.earn(&world.app.shop, &customer.card, dinars).await["points"].as_i64().expect("points");
    let shown = world.until(&object, |object| GoogleWorld::points(object) == points).await;
    (customer, object, shown)
}

async fn scan(world: &GoogleWorld, key: &str, code: &str) -> crate::support::app::Reply {
    world.app.send(Ask::post("/v1/scans").key(key).body(&json!({ "code": code }))).await
}

fn a_coffee() -> Value {
    json!([{"reward": "coffee", "quantity": 1}])
}

#[tokio::test]
async fn a_step_before_and_after_now_are_taken_and_no_other() {
    let world = GoogleWorld::new().await;
    let (_, _, object) = saved(&world, "60.000").await;
    let now = walaa::clock::Clock::now(world.clock.as_ref()).seconds();
    for wrong in [-90, -61, 61, 90] {
        let late = scan(&world, &world.app.shop.till, &turning_code(&object, now + wrong)).await.refused("code_expired");
        assert!(late["expired_at"].is_string(), "{late}");
        world.redeem(&turning_code(&object, now + wrong), a_coffee()).await.refused("code_expired");
    }
    for right in [-30, 0, 30] {
        let seen = scan(&world, &world.app.shop.till, &turning_code(&object, now + right)).await.expect(200);
        assert_eq!((&seen["code"]["kind"], &seen["rewards"][0]["available"]), (&json!("rotating"), &json!(true)));
    }
}

#[tokio::test]
async fn a_used_step_makes_every_older_one_worthless() {
    let world = GoogleWorld::new().await;
    let (_, google_card, object) = saved(&world, "60.000").await;
    let before = world.turning_code(&object);
    world.clock.advance_seconds(30);
    let used = world.turning_code(&object);
    world.redeem(&used, a_coffee()).await.expect(201);
    let refused = world.redeem(&used.to_lowercase(), a_coffee()).await.refused("already_redeemed");
    assert_eq!(refused["newer_code_exists"], true);
    world.redeem(&before, a_coffee()).await.refused("code_expired");
    let seen = scan(&world, &world.app.shop.till, &used).await.expect(200);
    assert_eq!((&seen["code"]["state"], &seen["rewards"][0]["reason"]), (&json!("captured"), &json!("already_redeemed")));
    world.clock.advance_seconds(30);
    world.redeem(&world.turning_code(&object), a_coffee()).await.expect(201);
    world.until(&google_card, |object| GoogleWorld::points(object) == 500).await;
    world.clock.advance_seconds(3_600);
    world.redeem(&used, a_coffee()).await.refused("already_redeemed");
}

#[tokio::test]
async fn forty_tills_with_one_turning_code_redeem_it_once() {
    let world = GoogleWorld::new().await;
    let (_, google_card, object) = saved(&world, "60.000").await;
    let code = world.turning_code(&object);
    let replies = futures_util::future::join_all((0..40).map(|_| world.redeem(&code, a_coffee()))).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 1);
    for reply in replies.iter().filter(|reply| reply.status != 201) {
        assert!(["already_redeemed", "rate_limited", "pace_limited"].contains(&reply.code().as_str()), "{reply:?}");
    }
    world.until(&google_card, |object| GoogleWorld::points(object) == 550).await;
}

#[tokio::test]
async fn the_fixed_code_says_who_and_never_spends() {
    let world = GoogleWorld::new().await;
    let (customer, _, object) = saved(&world, "60.000").await;
    let fixed = object["barcode"]["value"].as_str().expect("a fixed code").to_owned();
    let seen = scan(&world, &world.app.shop.till, &fixed).await.expect(200);
    assert_eq!((&seen["card"], &seen["code"]["kind"]), (&json!(customer.card), &json!("identify")));
    assert!(seen["rewards"].as_array().expect("rewards").iter().all(|reward| reward["reason"] == "identify_only"));
    world.redeem(&fixed, a_coffee()).await.refused("identify_only");
    let sale = json!({"code": fixed, "receipt": "R-77", "total": {"amount": "1.000", "currency": "KWD"}});
    world.app.post(&world.app.shop.till, "/v1/earnings", &sale).await.expect(201);
    let apple = world.app.core.db.pass(world.pass_of(&customer.card).await).await.expect("reads").expect("a pass");
    let keyring = &world.app.core.keyring;
    let spends = walaa::cards::Codes { keyring, org: apple.org }.of_pass(&apple).expect("a code");
    assert_ne!(fixed, spends, "Google never learns the code that spends");
    assert!(!object.to_string().contains(&spends));
}

#[tokio::test]
async fn a_lost_phone_shows_nothing_that_is_worth_anything() {
    let world = GoogleWorld::new().await;
    let (customer, google_card, object) = saved(&world, "60.000").await;
    let fixed = object["barcode"]["value"].as_str().expect("a fixed code").to_owned();
    let voucher = world.app.issue_voucher(&world.app.shop, &customer.card, "coffee").await;
    let offer = world.object_id(voucher["pass"].as_str().expect("a pass").parse().expect("a pass"));
    let offer = world.until(&offer, |object| object["state"] == "ACTIVE").await;
    let path = format!("/v1/cards/{}/reissue", customer.card);
    world.app.post(&world.app.shop.owner, &path, &json!({})).await.expect(201);
    for code in [world.turning_code(&object), world.turning_code(&offer), fixed] {
        scan(&world, &world.app.shop.till, &code).await.refused("pass_replaced");
        world.redeem(&code, a_coffee()).await.refused("pass_replaced");
    }
    let gone = world.until(&google_card, |object| object["state"] == "INACTIVE").await;
    assert_eq!((gone.get("barcode"), gone.get("rotatingBarcode")), (None, None));
    let newer = world.object_id(world.pass_of(&customer.card).await);
    assert_ne!(newer, google_card, "an id is never used again");
    let newer = world.until(&newer, |object| object["state"] == "ACTIVE").await;
    world.redeem(&world.turning_code(&newer), a_coffee()).await.expect(201);
}

#[tokio::test]
async fn what_is_made_up_or_of_another_organisation_is_no_code() {
    let world = GoogleWorld::new().await;
    let (_, _, object) = saved(&world, "60.000").await;
    let code = world.turning_code(&object);
    let other = world.app.found_shop().await;
    scan(&world, &other.till, &code).await.refused("invalid_code");
    let last = code.chars().last().and_then(|digit| digit.to_digit(10)).expect("a digit");
    let forged = format!("{}{}", &code[..code.len() - 1], (last + 1) % 10);
    scan(&world, &world.app.shop.till, &forged).await.refused("invalid_code");
    let unsaved = world.join().await;
    let pass = world.app.core.db.pass(world.pass_of(&unsaved.card).await).await.expect("reads").expect("a pass");
    let keyring = &world.app.core.keyring;
    let key = keyring.rotating_key(keyring.scope(pass.org), pass.id).expect("a key");
    let now = walaa::clock::Clock::now(world.clock.as_ref()).seconds();
    let code = walaa::tokens::W3::write(pass.id, &key, now);
    scan(&world, &world.app.shop.till, &code).await.refused("invalid_code");
}

#[tokio::test]
async fn a_repeat_of_a_redemption_hears_its_answer_long_after_the_code_has_turned() {
    let world = GoogleWorld::new().await;
    let (_, _, object) = saved(&world, "60.000").await;
    let body = json!({"code": world.turning_code(&object), "rewards": a_coffee()});
    let ask = || Ask::post("/v1/redemptions").key(&world.app.shop.till).op("the-same-operation-1").body(&body);
    let first = world.app.send(ask()).await;
    first.expect(201);
    world.clock.advance_seconds(600);
    let second = world.app.send(ask()).await;
    assert_eq!((second.status, second.bytes, second.headers["idempotent-replayed"].as_bytes()), (201, first.bytes, &b"true"[..]));
}
