//! The stand-in is as strict as Google: tokens, ids, classes before objects, review, links, quotas, batches.

#![allow(clippy::unwrap_used, reason = "a test that can't go on must panic")]

use serde_json::{Value, json};
use walaa::google::resource::IssuerId;
use walaa::sandbox::google::{GoogleRules, ImageCheck, Permission, Review};

use super::sandbox_world::World;

#[tokio::test]
async fn tokens_are_for_those_who_prove_who_they_are() {
    let world = World::start().await;
    let now = 1_795_262_400;
    let wrong = [
        (json!({"iss": "nobody@example.com"}), "invalid_grant"),
        (json!({"aud": "https://example.com/token"}), "invalid_grant"),
        (json!({"iat": now - 7200, "exp": now - 3600}), "invalid_grant"),
        (json!({"iat": now, "exp": now + 3601}), "invalid_grant"),
        (json!({"iat": now + 60, "exp": now + 120}), "invalid_grant"),
        (json!({"scope": ""}), "invalid_scope"),
    ];
    for (changed, error) in wrong {
        let (status, answer) = world.ask_for_token(&world.assertion(&changed)).await;
        assert_eq!((status, answer["error"].as_str()), (400, Some(error)), "{changed}");
    }
    let mut forged = world.assertion(&json!({}));
    forged.replace_range(forged.len() - 6..forged.len() - 2, "AAAA");
    assert_eq!(world.ask_for_token(&forged).await.0, 400);
    world.refused(("GET", &format!("loyaltyObject/{}", world.id("x"))), Value::Null, 404, "not found").await;
    world.clock.advance_seconds(3_600);
    world.refused(("GET", &format!("loyaltyObject/{}", world.id("x"))), Value::Null, 401, "credentials").await;
}

#[tokio::test]
async fn an_account_may_use_its_own_issuer_only() {
    let world = World::start().await;
    let card = world.with_card(None).await;
    let other: IssuerId = "3388000000022990002".parse().unwrap();
    world.sandbox.add_issuer(other).unwrap();
    world.refused(("GET", &format!("loyaltyClass?issuerId={other}")), Value::Null, 403, "Permission denied").await;
    world.refused(("GET", &format!("loyaltyObject/{other}.card")), Value::Null, 403, "Permission denied").await;
    world.sandbox.set_permission(Permission::Revoked);
    world.refused(("PATCH", &format!("loyaltyObject/{card}")), json!({"state": "INACTIVE"}), 403, "Permission denied").await;
    world.sandbox.set_permission(Permission::Granted);
    world.done("PATCH", &format!("loyaltyObject/{card}"), json!({"state": "INACTIVE"})).await;
}

#[tokio::test]
async fn objects_need_an_approved_class_of_their_kind() {
    let world = World::start().await;
    world.refused(("POST", "loyaltyObject"), world.card("card", 1), 404, "IssuerClassNotFoundException").await;
    let mut draft = world.class(None);
    draft["reviewStatus"] = json!("DRAFT");
    world.done("POST", "loyaltyClass", draft).await;
    world.refused(("POST", "loyaltyObject"), world.card("card", 1), 400, "not approved").await;
    world
        .refused(
            ("POST", "offerObject"),
            json!({"id": world.id("offer"), "classId": world.id("beans"), "state": "ACTIVE"}),
            400,
            "is a loyaltyClass",
        )
        .await;
    let class = format!("loyaltyClass/{}", world.id("beans"));
    world.done("PATCH", &class, json!({"programName": "Still a draft"})).await;
    world.sandbox.set_rules(GoogleRules { review: Review::Reject, ..world.sandbox.rules() });
    let rejected = world.done("PATCH", &class, json!({"reviewStatus": "UNDER_REVIEW"})).await;
    assert_eq!((&rejected["reviewStatus"], rejected["review"]["comments"].is_string()), (&json!("REJECTED"), true));
    world.sandbox.set_rules(GoogleRules { review: Review::Approve, ..world.sandbox.rules() });
    let approved = world.done("PATCH", &class, json!({"reviewStatus": "UNDER_REVIEW"})).await;
    assert_eq!((&approved["reviewStatus"], &approved["review"]), (&json!("APPROVED"), &Value::Null));
    for wrong in [json!({"programName": "More"}), json!({"reviewStatus": "APPROVED"}), json!({"reviewStatus": "DRAFT"})] {
        world.refused(("PATCH", &class), wrong, 400, "review status").await;
    }
    world.done("POST", "loyaltyObject", world.card("card", 1)).await;
}

fn without_points(mut card: Value) -> Value {
    card.as_object_mut().unwrap().remove("loyaltyPoints");
    card
}

#[tokio::test]
async fn old_fields_are_refused_and_googles_own_are_ignored() {
    let world = World::start().await;
    let card = format!("loyaltyObject/{}", world.with_card(None).await);
    world.refused(("PATCH", &card), json!({"kind": "walletobjects#loyaltyObject"}), 400, "deprecated").await;
    world.refused(("PATCH", &card), json!({"locations": null}), 400, "deprecated").await;
    world.refused(("PATCH", &card), json!({"nonsense": null}), 400, "Unknown name").await;
    world.refused(("PATCH", &format!("{card}?strict=true")), json!({}), 400, "Cannot bind query parameter").await;
    world.refused(("PATCH", &card), json!({"id": world.id("other")}), 400, "not the one in the body").await;
    world.refused(("PATCH", &card), json!({"classId": null}), 400, "classId").await;
    let read = world.done("PATCH", &card, json!({"hasUsers": true, "accountId": "42"})).await;
    assert_eq!((&read["hasUsers"], &read["accountId"]), (&json!(false), &json!("42")));
    assert_eq!(world.sandbox.counters().ignored_fields, 1);
    assert_eq!(world.sandbox.object(&world.id("card")).unwrap().get("hasUsers"), None);
}

#[tokio::test]
async fn linked_objects_exist_are_not_nested_and_stay() {
    let world = World::start().await;
    let card = world.with_card(None).await;
    let offers = json!({"id": world.id("cake"), "issuerName": "Example Café", "provider": "Café", "title": "Cake", "redemptionChannel": "INSTORE",
        "reviewStatus": "UNDER_REVIEW"});
    world.done("POST", "offerClass", offers).await;
    for name in ["offer-1", "offer-2"] {
        world.done("POST", "offerObject", json!({"id": world.id(name), "classId": world.id("cake"), "state": "ACTIVE"})).await;
    }
    let jwt = world.save_jwt(&json!({"loyaltyObjects": [{"id": card}]}), &json!({}));
    assert_eq!(world.open(&jwt, "noura@example.com").await.0, 200);
    let path = format!("loyaltyObject/{card}");
    let link = |names: &[&str]| json!({"linkedObjectIds": names.iter().map(|name| world.id(name)).collect::<Vec<_>>()});
    world.refused(("PATCH", &path), link(&["gone"]), 404, "not found").await;
    world.refused(("PATCH", &path), link(&["card"]), 400, "not to itself").await;
    world.done("PATCH", &path, link(&["offer-1"])).await;
    world.refused(("PATCH", &format!("offerObject/{}", world.id("offer-1"))), link(&["offer-2"]), 400, "linked to another").await;
    assert_eq!(world.sandbox.holders(&world.id("offer-1")), ["noura@example.com"], "it comes to whoever has the card");
    world.done("PATCH", &path, link(&["offer-2"])).await;
    assert_eq!(world.sandbox.holders(&world.id("offer-1")), ["noura@example.com"], "there is no way back");
    let second = without_points(world.card("second", 1));
    world.done("POST", "loyaltyObject", second).await;
    world.refused(("PATCH", &format!("loyaltyObject/{}", world.id("second"))), link(&["card"]), 400, "has linked objects").await;
}

#[tokio::test]
async fn save_links_are_signed_short_and_for_one_user() {
    let world = World::start().await;
    let card = world.with_card(None).await;
    let skinny = json!({"loyaltyObjects": [{"id": card}]});
    let wrong = [
        (skinny.clone(), json!({"aud": "apple"}), "aud"),
        (skinny.clone(), json!({"typ": "savetoandroidpay"}), "typ"),
        (skinny.clone(), json!({"iss": "nobody@example.com"}), "account not found"),
        (skinny.clone(), json!({"iat": "now"}), "iat"),
        (skinny.clone(), json!({"origins": "https://example.com"}), "origins"),
        (json!({"loyaltyObjects": [{"id": world.id("gone")}]}), json!({}), "not found"),
        (json!({"loyaltyObjects": [{"id": "3388000000022990002.card"}]}), json!({}), "Permission denied"),
        (json!({"eventTicketObjects": [{"id": card}]}), json!({}), "not served"),
        (json!({}), json!({}), "nothing to save"),
        (json!({"loyaltyObjects": [{"id": card, "accountName": "x".repeat(1_500)}]}), json!({}), "1800"),
    ];
    for (payload, changed, words) in wrong {
        let (status, answer) = world.open(&world.save_jwt(&payload, &changed), "noura@example.com").await;
        assert!(
            status >= 400 && answer["error"]["message"].as_str().unwrap_or_default().contains(words),
            "{payload}{changed}: {answer}"
        );
    }
    assert!(world.sandbox.holders(&card).is_empty());
    let jwt = world.save_jwt(&skinny, &json!({}));
    assert_eq!(world.open(&jwt, "noura@example.com").await, (200, json!({"saved": [card]})));
    assert_eq!(world.done("GET", &format!("loyaltyObject/{card}"), Value::Null).await["hasUsers"], true);
    assert_eq!(world.open(&jwt, "somebody@example.com").await.0, 400, "ONE_USER_ALL_DEVICES");
    assert_eq!(world.open(&jwt, "noura@example.com").await.0, 200, "again is no harm");
}

#[tokio::test]
async fn a_link_makes_what_is_new_and_changes_nothing_that_exists() {
    let world = World::start().await;
    world.done("POST", "loyaltyClass", world.class(None)).await;
    let fat = |points| world.save_jwt(&json!({"loyaltyObjects": [world.card("fat", points)]}), &json!({}));
    assert_eq!(world.open(&fat(7), "noura@example.com").await.0, 200);
    assert_eq!(world.open(&fat(8), "noura@example.com").await.0, 200);
    assert_eq!(world.sandbox.object(&world.id("fat")).unwrap()["loyaltyPoints"]["balance"]["int"], 7);
    let long = json!({"loyaltyObjects": [{"id": world.id("long"), "classId": world.id("beans"), "state": "ACTIVE",
        "textModulesData": [{"id": "a", "body": "x".repeat(2_000)}]}]});
    let answer = world.done("POST", "jwt", json!({"jwt": world.save_jwt(&long, &json!({}))})).await;
    let short = answer["saveUri"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    assert_eq!(world.open(&short, "noura@example.com").await, (200, json!({"saved": [world.id("long")]})));
}

#[tokio::test]
async fn the_fourth_notification_of_a_day_is_refused_and_changes_nothing() {
    let world = World::start().await;
    let card = format!("loyaltyObject/{}", world.with_card(None).await);
    let points = |points: i64| json!({"notifyPreference": "NOTIFY_ON_UPDATE", "loyaltyPoints": {"balance": {"int": points}}});
    for number in 1..=3 {
        world.done("PATCH", &card, points(number)).await;
    }
    let kept = world.sandbox.object(&world.id("card")).unwrap();
    assert_eq!(kept.get("notifyPreference"), None, "it is the request's and not the pass's");
    world.refused(("PATCH", &card), points(4), 429, "QuotaExceededException").await;
    let message = json!({"message": {"body": "Cake", "messageType": "TEXT_AND_NOTIFY"}});
    world.refused(("POST", &format!("{card}/addMessage")), message, 429, "QuotaExceededException").await;
    let kept = world.sandbox.object(&world.id("card")).unwrap();
    assert_eq!((&kept["loyaltyPoints"]["balance"]["int"], kept.get("messages")), (&json!(3), None));
    let silent = json!({"loyaltyPoints": {"balance": {"int": 4}}});
    world.done("PATCH", &card, silent).await;
    let mut tomorrow = world;
    tomorrow.clock.advance_seconds(86_400);
    tomorrow.sign_in().await;
    tomorrow.done("PATCH", &card, points(5)).await;
}

#[tokio::test]
async fn more_than_the_rate_is_refused_until_the_second_is_over() {
    let world = World::with_rules(GoogleRules { rate_per_second: Some(3), ..GoogleRules::default() }).await;
    let path = format!("loyaltyObject/{}", world.id("x"));
    for _ in 0..3 {
        world.refused(("GET", &path), Value::Null, 404, "not found").await;
    }
    world.refused(("GET", &path), Value::Null, 429, "Quota exceeded").await;
    world.clock.advance_millis(1_000);
    world.refused(("GET", &path), Value::Null, 404, "not found").await;
    let counters = world.sandbox.counters();
    assert_eq!((counters.too_fast, counters.peak_per_second, counters.requests), (1, 4, 5));
}

#[tokio::test]
async fn pictures_are_fetched_if_that_is_wanted() {
    let world = World::start().await;
    let picture = |path: &str| {
        let mut class = world.class(None);
        class["programLogo"] = json!({"sourceUri": {"uri": format!("{}{path}", world.sandbox.base_url())}});
        class
    };
    world.sandbox.set_rules(GoogleRules { images: ImageCheck::Fetch, ..world.sandbox.rules() });
    world.refused(("POST", "loyaltyClass"), picture("/nowhere.png"), 400, "Image cannot be loaded").await;
    world.refused(("POST", "loyaltyClass"), picture("/phone"), 400, "Image cannot be loaded").await;
    world.done("POST", "loyaltyClass", picture("/phone/assets/icon.svg")).await;
}

#[tokio::test]
async fn what_firewalls_and_pages_need_is_there() {
    let world = World::start().await;
    let card = format!("loyaltyObject/{}", world.with_card(None).await);
    let overridden = world.request("POST", &card, &json!({"accountId": "42"})).header("x-http-method-override", "PATCH");
    assert_eq!(overridden.send().await.unwrap().status(), 200);
    world.refused(("DELETE", &card), Value::Null, 404, "Not Found").await;
    let no_json = world.request("PATCH", &card, &Value::Null).body("{").send().await.unwrap();
    assert_eq!(no_json.status(), 400);
    let requests = world.sandbox.requests();
    assert_eq!(requests.iter().filter(|request| request.method == "PATCH" && request.status == 200).count(), 1);
}
