//! The stand-in fails on demand, and only as it was asked to.

#![allow(clippy::unwrap_used, reason = "a test that can't go on must panic")]

use std::time::Duration;

use serde_json::{Value, json};
use walaa::sandbox::google::{FailKind, FailTimes, FailWhere, Fault};

use super::sandbox_world::World;

fn next(kind: FailKind) -> Fault {
    Fault { kind, times: FailTimes::Next(1), place: FailWhere::Api, retry_after: None }
}

fn points(points: i64) -> Value {
    json!({"loyaltyPoints": {"balance": {"int": points}}})
}

async fn points_of(world: &World, card: &str) -> i64 {
    world.done("GET", &format!("loyaltyObject/{card}"), Value::Null).await["loyaltyPoints"]["balance"]["int"].as_i64().unwrap()
}

#[tokio::test]
async fn a_status_takes_the_place_of_the_work() {
    let world = World::start().await;
    let card = world.with_card(None).await;
    let path = format!("loyaltyObject/{card}");
    for (status, name) in [(401, "UNAUTHENTICATED"), (429, "RESOURCE_EXHAUSTED"), (500, "INTERNAL"), (503, "UNAVAILABLE")] {
        world.sandbox.fail(Fault { retry_after: Some(7), ..next(FailKind::Status(status)) });
        let answer = world.request("PATCH", &path, &points(99)).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (status, "7"));
        assert_eq!(answer.json::<Value>().await.unwrap()["error"]["status"], name);
        assert_eq!(points_of(&world, &card).await, 10);
    }
}

#[tokio::test]
async fn a_connection_is_cut_before_or_after_the_work() {
    let world = World::start().await;
    let card = world.with_card(None).await;
    let path = format!("loyaltyObject/{card}");
    for (kind, expected) in [(FailKind::CutBefore, 10), (FailKind::CutAfter, 20)] {
        world.sandbox.fail(next(kind));
        let answer = match world.request("PATCH", &path, &points(20)).send().await {
            Ok(answer) => answer.bytes().await,
            Err(error) => Err(error),
        };
        assert!(answer.is_err(), "{kind:?} gave an answer");
        assert_eq!(points_of(&world, &card).await, expected, "{kind:?}");
    }
}

#[tokio::test]
async fn an_answer_that_never_comes_does_nothing() {
    let world = World::start().await;
    let card = world.with_card(None).await;
    world.sandbox.fail(next(FailKind::Hang));
    let request = world.request("PATCH", &format!("loyaltyObject/{card}"), &points(20)).timeout(Duration::from_millis(200));
    assert!(request.send().await.unwrap_err().is_timeout());
    assert_eq!(points_of(&world, &card).await, 10);
}

#[tokio::test]
async fn tokens_and_root_keys_have_faults_of_their_own() {
    let world = World::start().await;
    world.sandbox.fail(Fault { place: FailWhere::Token, ..next(FailKind::Status(500)) });
    world.sandbox.fail(Fault { place: FailWhere::Keys, ..next(FailKind::Status(503)) });
    assert_eq!(world.ask("GET", &format!("loyaltyObject/{}", world.id("x")), Value::Null).await.0, 404);
    assert_eq!(world.ask_for_token(&world.assertion(&json!({}))).await.0, 500);
    assert_eq!(world.ask_for_token(&world.assertion(&json!({}))).await.0, 200);
    let keys = || async { world.http.get(world.sandbox.keys_url()).send().await.unwrap().status().as_u16() };
    assert_eq!((keys().await, keys().await), (503, 200));
}

#[tokio::test]
async fn half_of_all_requests_fail_until_that_is_cleared() {
    let world = World::start().await;
    let card = world.with_card(None).await;
    world.sandbox.fail(Fault { times: FailTimes::Probability(0.5), ..next(FailKind::Status(503)) });
    let mut failed = 0;
    for number in 0..100 {
        failed += u32::from(world.ask("PATCH", &format!("loyaltyObject/{card}"), points(number)).await.0 == 503);
    }
    assert!((25..75).contains(&failed), "{failed}");
    let counters = world.sandbox.counters();
    assert_eq!((counters.changes, counters.changes_done), (100, u64::from(100 - failed)));
    world.sandbox.clear_faults();
    for number in 0..20 {
        world.done("PATCH", &format!("loyaltyObject/{card}"), points(number)).await;
    }
}
