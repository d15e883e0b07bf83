//! The stand-in's phone: what its page is told of a card, in both languages, and that the code turns.

#![allow(clippy::unwrap_used, reason = "a test that can't go on must panic")]

use serde_json::{Value, json};

use super::sandbox_world::World;

async fn screen(world: &World, language: &str) -> Value {
    let answer = world.http.get(format!("{}/state?lang={language}", world.sandbox.phone_url())).send().await.unwrap();
    answer.json().await.unwrap()
}

/// A card with a code that turns, in the phone's wallet.
async fn saved(world: &World) -> String {
    let mut class = world.class(None);
    class["localizedProgramName"] = json!({"defaultValue": {"language": "en", "value": "Beans"},
        "translatedValues": [{"language": "ar", "value": "حبوب"}]});
    class["hexBackgroundColor"] = json!("#2b1a12");
    world.done("POST", "loyaltyClass", class).await;
    let mut card = world.card("card", 1_200);
    card["barcode"] = json!({"type": "QR_CODE", "value": "W1FIXED"});
    card["rotatingBarcode"] = json!({"type": "QR_CODE", "valuePattern": "W3PASS-{totp_timestamp_seconds}-{totp_value_0}", "totpDetails": {
        "algorithm": "TOTP_SHA1", "periodMillis": "30000", "parameters": [{"key": "3132333435363738393031323334353637383930", "valueLength": 8}]}});
    world.done("POST", "loyaltyObject", card).await;
    let id = world.id("card");
    let jwt = world.save_jwt(&json!({"loyaltyObjects": [{"id": id}]}), &json!({}));
    assert_eq!(world.open(&jwt, world.sandbox.phone_user()).await.0, 200);
    id
}

#[tokio::test]
async fn a_card_is_shown_in_the_owners_language_with_a_code_that_turns() {
    let world = World::start().await;
    let id = saved(&world).await;
    let (english, arabic) = (screen(&world, "en").await, screen(&world, "ar").await);
    let (card, other) = (&english["cards"][0], &arabic["cards"][0]);
    assert_eq!((&card["title"], &other["title"], &card["dark_ink"]), (&json!("Beans"), &json!("حبوب"), &json!(false)));
    assert_eq!(card["rows"][0][0], json!({"label": "Points", "value": "1,200"}));
    let first = card["code"]["text"].as_str().unwrap().to_owned();
    assert!(first.starts_with("W3PASS-1795262400-"), "{first}");
    world.clock.advance_seconds(30);
    let answer = world.http.get(format!("{}/passes/{id}/code", world.sandbox.phone_url())).send().await.unwrap();
    let turned: Value = answer.json().await.unwrap();
    let second = turned["code"]["text"].as_str().unwrap();
    assert!(second.starts_with("W3PASS-1795262430-") && second[18..] != first[18..], "{first} {second}");
    assert!(turned["code"]["svg"].as_str().unwrap().contains("<svg"));
    world.done("PATCH", &format!("loyaltyObject/{id}"), json!({"rotatingBarcode": null})).await;
    assert_eq!(screen(&world, "en").await["cards"][0]["code"]["text"], "W1FIXED", "the fixed code is the fallback");
}

#[tokio::test]
async fn points_messages_and_linked_offers_are_told_and_what_is_over_is_put_away() {
    let world = World::start().await;
    let id = saved(&world).await;
    let card = format!("loyaltyObject/{id}");
    world.done("PATCH", &card, json!({"loyaltyPoints": {"balance": {"int": 1}}})).await;
    assert_eq!(screen(&world, "en").await["notices"], json!([]), "it was silent");
    world
        .done("PATCH", &card, json!({"notifyPreference": "NOTIFY_ON_UPDATE", "loyaltyPoints": {"balance": {"int": 1_250}}}))
        .await;
    let message = json!({"message": {"header": "News", "body": "Cake", "messageType": "TEXT_AND_NOTIFY"}});
    world.done("POST", &format!("{card}/addMessage"), message).await;
    let offers = json!({"id": world.id("cake"), "issuerName": "Café", "provider": "Café", "title": "A cake", "redemptionChannel": "INSTORE",
        "reviewStatus": "UNDER_REVIEW"});
    world.done("POST", "offerClass", offers).await;
    world.done("POST", "offerObject", json!({"id": world.id("offer"), "classId": world.id("cake"), "state": "ACTIVE"})).await;
    world.done("PATCH", &card, json!({"linkedObjectIds": [world.id("offer")]})).await;
    let seen = screen(&world, "en").await;
    let told: Vec<_> = seen["notices"].as_array().unwrap().iter().map(|notice| (&notice["title"], &notice["body"])).collect();
    let told_is = |at: usize, title: &str, body: &str| assert_eq!(told[at], (&json!(title), &json!(body)));
    told_is(0, "Beans", "Points: 1,250");
    told_is(1, "News", "Cake");
    told_is(2, "A cake", "Added to your wallet");
    assert_eq!(seen["cards"][1]["linked_to"], json!(id));
    world.done("PATCH", &format!("offerObject/{}", world.id("offer")), json!({"state": "COMPLETED"})).await;
    assert_eq!(screen(&world, "en").await["cards"][1]["expired"], true);
}

#[tokio::test]
async fn the_page_is_served_and_hears_of_changes() {
    let world = World::start().await;
    let id = saved(&world).await;
    let page = world.http.get(world.sandbox.phone_url()).send().await.unwrap();
    assert!(page.headers()["content-security-policy"].to_str().unwrap().contains("script-src 'self'"));
    for file in ["app.js", "dom.js", "wallet.css"] {
        let answer = world.http.get(format!("{}/assets/{file}", world.sandbox.phone_url())).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{file}");
    }
    let mut events = world.http.get(format!("{}/events", world.sandbox.phone_url())).send().await.unwrap();
    let heard =
        async |events: &mut reqwest::Response| String::from_utf8(events.chunk().await.unwrap().unwrap().to_vec()).unwrap();
    assert!(heard(&mut events).await.contains("event: changed"));
    let url = format!("{}/passes/{id}", world.sandbox.phone_url());
    let foreign = world.http.delete(&url).header("sec-fetch-site", "cross-site").send().await.unwrap();
    assert_eq!(foreign.status(), 403);
    assert_eq!(world.http.delete(&url).send().await.unwrap().status(), 204);
    assert!(heard(&mut events).await.contains("event: changed"));
    assert_eq!(screen(&world, "en").await["cards"], json!([]));
}
