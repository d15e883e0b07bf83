//! Configuration documents: versions that never fork, a history, checks that name every fault.

use serde_json::{Value, json};

use crate::support::app::{Ask, TestApp, coffee_programme, op_key};

#[tokio::test]
async fn a_document_is_changed_by_who_saw_its_last_version() {
    let app = TestApp::spawn().await;
    let (manager, path) = (&app.shop.manager, format!("/v1/stores/{}", app.shop.store));
    let seen = app.get(manager, &path).await.expect(200);
    assert_eq!((&seen["id"], &seen["version"]), (&json!(app.shop.store), &json!(1)));
    let renamed = json!({ "name": { "en": "Old Town" } });
    let saved = app.put(manager, &path, (1, &renamed)).await.expect(200);
    assert_eq!(saved["version"], 2);
    let late = app.put(manager, &path, (1, &json!({ "name": { "en": "Too late" } }))).await.refused("version_conflict");
    assert_eq!(late["version"], 2, "the version to look at");
    let seen = app.get(manager, &path).await.expect(200);
    assert_eq!((&seen["version"], &seen["document"]["name"]["en"]), (&json!(2), &json!("Old Town")));
    let history = app.get(manager, &format!("{path}/history")).await.expect(200);
    let names: Vec<&Value> =
        history["data"].as_array().expect("a list").iter().map(|row| &row["document"]["name"]["en"]).collect();
    assert_eq!(names, ["Old Town", "Main Street"]);
}

#[tokio::test]
async fn of_many_who_saw_the_same_version_one_changes_it() {
    let app = TestApp::spawn().await;
    let path = "/v1/organisation".to_owned();
    let puts = (0..20).map(|number| {
        let (app, path) = (&app, &path);
        async move {
            let body = json!({ "expected_version": 1, "document": { "name": { "en": format!("Name {number}") } } });
            app.send(Ask::new("PUT", path).key(&app.shop.owner).op(&op_key()).body(&body)).await
        }
    });
    let replies = futures_util::future::join_all(puts).await;
    let mut codes: Vec<String> = replies.iter().map(|reply| format!("{} {}", reply.status, reply.code())).collect();
    codes.sort_unstable();
    assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 1, "{codes:?}");
    assert_eq!(replies.iter().filter(|reply| reply.code() == "version_conflict").count(), 19, "{codes:?}");
}

#[tokio::test]
async fn a_programme_is_made_changed_and_switched_off() {
    let app = TestApp::spawn().await;
    let customer = app.enrol(&app.shop).await;
    let path = format!("/v1/programmes/{}", app.shop.programme);
    let mut document = app.get(&app.shop.auditor, &path).await.expect(200)["document"].clone();
    assert_eq!(document["limits"]["open_vouchers"], 20, "what was left out is shown as it counts");
    document["status"] = json!("disabled");
    app.put(&app.shop.manager, &path, (1, &document)).await.expect(200);
    let sale = json!({ "card": customer.card, "receipt": op_key(), "total": { "amount": "1.000", "currency": "KWD" } });
    app.post(&app.shop.till, "/v1/earnings", &sale).await.refused("programme_disabled");
}

#[tokio::test]
async fn the_currency_of_a_programme_stays() {
    let app = TestApp::spawn().await;
    let mut document = coffee_programme();
    document["currency"] = json!("USD");
    let path = format!("/v1/programmes/{}", app.shop.programme);
    let body = app.put(&app.shop.manager, &path, (1, &document)).await.refused("document_invalid");
    assert_eq!(body["errors"][0]["field"], "currency");
}

#[tokio::test]
async fn every_fault_of_a_programme_is_named_at_once() {
    let app = TestApp::spawn().await;
    let mut document = coffee_programme();
    document["time_zone"] = json!("Mars/Olympus");
    document["rewards"][1]["id"] = json!("coffee");
    document["rewards"][0]["points"] = json!(0);
    let body = app.post(&app.shop.manager, "/v1/programmes", &document).await.refused("document_invalid");
    let fields: Vec<&str> =
        body["errors"].as_array().expect("a list").iter().filter_map(|error| error["field"].as_str()).collect();
    assert_eq!(fields, ["time_zone", "rewards[0].points", "rewards[1].id"]);
}

#[tokio::test]
async fn a_repeated_write_is_told_its_outcome_whatever_came_after() {
    let app = TestApp::spawn().await;
    let path = format!("/v1/programmes/{}", app.shop.programme);
    let body = json!({ "expected_version": 1, "document": coffee_programme() });
    let ask = Ask::new("PUT", &path).key(&app.shop.owner).op(&op_key()).body(&body);
    let first = app.send(ask.clone()).await;
    first.expect(200);
    app.put(&app.shop.owner, &path, (2, &coffee_programme())).await.expect(200);
    let again = app.send(ask).await;
    assert_eq!((again.status, again.bytes), (200, first.bytes));
}

#[tokio::test]
async fn a_key_that_is_used_for_another_request_is_refused() {
    let app = TestApp::spawn().await;
    let op = op_key();
    let ask = |name: &str| Ask::post("/v1/stores").key(&app.shop.owner).op(&op).body(&json!({ "name": { "en": name } }));
    app.send(ask("One")).await.expect(201);
    app.send(ask("Two")).await.refused("idempotency_key_reused");
    let other = Ask::post("/v1/keys").key(&app.shop.owner).op(&op).body(&json!({ "name": "x", "role": "pos" }));
    app.send(other).await.refused("idempotency_key_reused");
    let another = Ask::post("/v1/stores").key(&app.shop.manager).op(&op).body(&json!({ "name": { "en": "One" } }));
    app.send(another).await.expect(201);
}

#[tokio::test]
async fn a_refused_write_is_refused_again_in_the_same_words() {
    let app = TestApp::spawn().await;
    let body = json!({ "expected_version": 7, "document": { "name": { "en": "Never" } } });
    let ask = Ask::new("PUT", "/v1/organisation").key(&app.shop.owner).op(&op_key()).body(&body);
    let first = app.send(ask.clone()).await;
    first.refused("version_conflict");
    let again = app.send(ask).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (409, "true"));
    assert_eq!(again.bytes, first.bytes);
}

#[tokio::test]
async fn nothing_of_another_organisation_is_there() {
    let app = TestApp::spawn().await;
    let other = app.found_shop().await;
    let owner = &app.shop.owner;
    let document = json!({ "name": { "en": "Mine now" } });
    for path in [format!("/v1/stores/{}", other.store), format!("/v1/programmes/{}", other.programme)] {
        app.get(owner, &path).await.refused("not_found");
        app.get(owner, &format!("{path}/history")).await.refused("not_found");
    }
    app.put(owner, &format!("/v1/stores/{}", other.store), (1, &document)).await.refused("not_found");
    app.put(owner, &format!("/v1/stores/{}", other.store), (0, &document)).await.refused("not_found");
    app.put(owner, &format!("/v1/programmes/{}", other.programme), (0, &coffee_programme())).await.refused("not_found");
    let till = json!({ "name": "Till", "store": app.shop.store });
    app.put(owner, &format!("/v1/terminals/{}", other.terminal), (1, &till)).await.refused("not_found");
    let stores = app.get(owner, "/v1/stores").await.expect(200);
    assert_eq!(stores["data"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_programme_names_a_template_that_is_there() {
    let app = TestApp::spawn().await;
    let (owner, path) = (&app.shop.owner, format!("/v1/programmes/{}", app.shop.programme));
    let mut document = coffee_programme();
    document["template"] = json!("cofee");
    let made = app.post(owner, "/v1/programmes", &document).await.refused("document_invalid");
    assert_eq!(made["errors"][0]["field"], "template", "{made}");
    assert_eq!(made["errors"][0]["message"], "is not one of: coffee, stamps");
    let changed = app.put(owner, &path, (1, &document)).await.refused("document_invalid");
    assert_eq!(changed["errors"], made["errors"]);
    assert_eq!(app.get(owner, &path).await.expect(200)["version"], 1);
    document["template"] = json!("stamps");
    app.put(owner, &path, (1, &document)).await.expect(200);
}

/// The folder of a template may be lost; the programme's kill switch works all the same.
#[tokio::test]
async fn a_programme_whose_template_is_gone_is_switched_off_all_the_same() {
    let app = TestApp::spawn().await;
    let mut core = app.core.clone();
    core.templates = std::sync::Arc::default();
    let app = app.again_with_core(core).await;
    let path = format!("/v1/programmes/{}", app.shop.programme);
    let mut document = coffee_programme();
    document["status"] = json!("disabled");
    app.put(&app.shop.owner, &path, (1, &document)).await.expect(200);
    document["template"] = json!("stamps");
    app.put(&app.shop.owner, &path, (2, &document)).await.refused("document_invalid");
}

/// Whatever changes a card's points in a shop that is switched off is refused there.
#[tokio::test]
async fn in_a_store_that_is_switched_off_no_points_move() {
    let app = TestApp::spawn().await;
    let shop = &app.shop;
    let bound = app.make_key(shop, json!({ "name": "till software", "role": "pos", "store": shop.store })).await;
    let customer = app.enrol(shop).await;
    let sold = app.earn(shop, &customer.card, "30.000").await;
    let voucher = app.issue_voucher(shop, &customer.card, "coffee").await;
    let code = app.live_code(shop, &customer.card).await;
    let redeemed = app.redeem_with(&bound, &code, "coffee").await.expect(201);
    let off = json!({ "name": { "en": "Main Street" }, "status": "disabled" });
    app.put(&shop.owner, &format!("/v1/stores/{}", shop.store), (1, &off)).await.expect(200);
    let id = |body: &Value| body["id"].as_str().expect("an id").to_owned();
    let money = json!({ "amount": "1.000", "currency": "KWD" });
    let writes = [
        ("/v1/earnings".to_owned(), json!({ "card": customer.card, "receipt": op_key(), "total": money })),
        (format!("/v1/earnings/{}/returns", id(&sold)), json!({ "total": money })),
        (format!("/v1/redemptions/{}/reversal", id(&redeemed)), json!({ "reason": "wrong size" })),
        ("/v1/vouchers".to_owned(), json!({ "card": customer.card, "reward": "coffee" })),
        (format!("/v1/vouchers/{}/cancellation", id(&voucher)), Value::Null),
    ];
    for (path, body) in writes {
        app.post(&bound, &path, &body).await.refused("store_disabled");
    }
}
