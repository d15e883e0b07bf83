//! Staff: PINs that are shown to who asked for them and stored nowhere, codes that are one person's for ever.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::app::{Ask, TestApp, op_key};

fn mariam() -> Value {
    json!({ "name": "Mariam", "code": "C1" })
}

fn id(made: &Value) -> &str {
    made["id"].as_str().expect("an id")
}

#[tokio::test]
async fn a_repeated_request_shows_the_same_pin_and_nothing_else_shows_one() {
    let app = TestApp::spawn().await;
    let ask = Ask::post("/v1/staff").key(&app.shop.owner).op(&op_key()).body(&mariam());
    let first = app.send(ask.clone()).await;
    let made = first.expect(201);
    let pin = made["pin"].as_str().expect("a PIN");
    assert!(pin.len() == 6 && pin.bytes().all(|digit| digit.is_ascii_digit()), "{pin}");
    let path = format!("/v1/staff/{}", id(&made));
    let renew = Ask::post(&format!("{path}/pin")).key(&app.shop.owner).op(&op_key());
    let second = app.send(renew.clone()).await;
    assert_ne!(second.expect(201)["pin"], made["pin"]);
    assert_eq!(app.send(ask).await.bytes, first.bytes, "what that request made, though it is no longer good");
    assert_eq!(app.send(renew).await.bytes, second.bytes);
    let shown = app.get(&app.shop.auditor, &path).await.expect(200);
    assert_eq!(shown["document"], json!({ "name": "Mariam", "code": "C1", "stores": [], "status": "active" }));
    for path in [path.clone(), format!("{path}/history"), "/v1/staff".to_owned(), "/v1/journal".to_owned()] {
        let text = app.get(&app.shop.auditor, &path).await.expect(200).to_string();
        assert!(!text.contains("pin_hash") && !text.contains("argon2"), "{path}: {text}");
    }
}

#[tokio::test]
async fn nothing_in_the_database_is_a_pin() {
    let app = TestApp::spawn().await;
    let mut pins = Vec::new();
    for number in 0..4 {
        let body = json!({ "name": "Mariam", "code": format!("C{number}") });
        let made = app.post(&app.shop.owner, "/v1/staff", &body).await.expect(201);
        pins.push(made["pin"].as_str().expect("a PIN").to_owned());
        let new = app.post(&app.shop.owner, &format!("/v1/staff/{}/pin", id(&made)), &Value::Null).await.expect(201);
        pins.push(new["pin"].as_str().expect("a PIN").to_owned());
    }
    let bytes = app.ground.all_stored(app.folder.path());
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.matches("$argon2id$v=19$m=19456,t=2,p=1$").count() >= 8, "the rows are in what was read");
    // One of them may stand in some number by chance; what stores PINs stores all of them.
    let runs: BTreeSet<&str> = text.split(|letter: char| !letter.is_ascii_digit()).collect();
    let found = pins.iter().filter(|pin| runs.contains(pin.as_str())).count();
    assert!(found <= 1, "{found} of {} PINs", pins.len());
}

#[tokio::test]
async fn a_code_is_one_persons_for_ever() {
    let app = TestApp::spawn().await;
    let owner = &app.shop.owner;
    let first = app.post(owner, "/v1/staff", &mariam()).await.expect(201);
    for code in ["C1", "c1"] {
        let body = json!({ "name": "Yousef", "code": code });
        let refused = app.post(owner, "/v1/staff", &body).await.refused("document_invalid");
        assert_eq!(refused["errors"][0]["field"], "code");
    }
    let path = format!("/v1/staff/{}", id(&first));
    app.put(owner, &path, (1, &json!({ "name": "Mariam", "code": "C9" }))).await.expect(200);
    app.post(owner, "/v1/staff", &json!({ "name": "Yousef", "code": "C1" })).await.refused("document_invalid");
    app.put(owner, &path, (2, &mariam())).await.expect(200);
    let second = app.post(owner, "/v1/staff", &json!({ "name": "Yousef", "code": "C2" })).await.expect(201);
    let other = format!("/v1/staff/{}", id(&second));
    app.put(owner, &other, (1, &json!({ "name": "Yousef", "code": "C9" }))).await.refused("document_invalid");
    app.put(owner, &other, (9, &json!({ "name": "Yousef", "code": "C7" }))).await.refused("version_conflict");
    app.post(owner, "/v1/staff", &json!({ "name": "Huda", "code": "C7" })).await.expect(201);
    let elsewhere = app.found_shop().await;
    app.post(&elsewhere.owner, "/v1/staff", &mariam()).await.expect(201);
}

#[tokio::test]
async fn of_many_who_want_a_code_at_once_one_gets_it() {
    let app = TestApp::spawn().await;
    let body = mariam();
    let asking = (0..8).map(|_| app.post(&app.shop.owner, "/v1/staff", &body));
    let replies = futures_util::future::join_all(asking).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 1);
    for reply in replies.iter().filter(|reply| reply.status != 201) {
        reply.refused("document_invalid");
    }
    let listed = app.get(&app.shop.owner, "/v1/staff").await.expect(200);
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_shops_manager_manages_the_shops_staff() {
    let app = TestApp::spawn().await;
    let (shop, owner) = (&app.shop, &app.shop.owner);
    let other = app.post(owner, "/v1/stores", &json!({ "name": { "en": "Harbour" } })).await.expect(201);
    let local = app.make_key(shop, json!({ "name": "shop manager", "role": "manager", "store": shop.store })).await;
    let staff = |code: &str, stores: &[&str]| json!({ "name": "Huda", "code": code, "stores": stores });
    for stores in [&[][..], &[id(&other)], &[id(&other), &shop.store]] {
        app.post(&local, "/v1/staff", &staff("X1", stores)).await.refused("wrong_store");
    }
    let own = app.post(&local, "/v1/staff", &staff("X1", &[&shop.store])).await.expect(201);
    app.post(&local, &format!("/v1/staff/{}/pin", id(&own)), &Value::Null).await.expect(201);
    app.put(&local, &format!("/v1/staff/{}", id(&own)), (2, &staff("X1", &[id(&other)]))).await.refused("wrong_store");
    let everywhere = app.post(owner, "/v1/staff", &mariam()).await.expect(201);
    app.post(&local, &format!("/v1/staff/{}/pin", id(&everywhere)), &Value::Null).await.refused("wrong_store");
    let take = staff("C1", &[&shop.store]);
    app.put(&local, &format!("/v1/staff/{}", id(&everywhere)), (1, &take)).await.refused("wrong_store");
    let partner = app.make_key(shop, json!({ "name": "partner", "role": "manager", "programmes": [shop.programme] })).await;
    app.post(&partner, "/v1/staff", &staff("X2", &[&shop.store])).await.refused("wrong_programme");
}

#[tokio::test]
async fn staff_that_make_no_sense_are_refused() {
    let app = TestApp::spawn().await;
    let other = app.found_shop().await;
    let cases = [
        (json!({ "name": "", "code": "C1" }), "name"),
        (json!({ "name": "x".repeat(41), "code": "C1" }), "name"),
        (json!({ "name": "Mariam", "code": "C 1" }), "code"),
        (json!({ "name": "Mariam", "code": "x".repeat(41) }), "code"),
        (json!({ "name": "Mariam", "code": "C1", "stores": [other.store] }), "stores"),
    ];
    for (staff, field) in cases {
        let body = app.post(&app.shop.owner, "/v1/staff", &staff).await.refused("document_invalid");
        assert_eq!(body["errors"][0]["field"], field, "{body}");
    }
    app.post(&app.shop.owner, "/v1/staff", &mariam()).await.expect(201);
}
