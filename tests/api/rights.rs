//! Who may do what: every role on every route, deny by default.

use std::collections::BTreeSet;

use serde_json::json;
use walaa::http;

use super::catalogue;
use crate::support::app::{Ask, TestApp};

#[tokio::test]
async fn the_catalogue_names_every_route_and_no_other() {
    let app = TestApp::spawn().await;
    let lived = catalogue::live(&app, app.shop.clone()).await;
    let known = catalogue::routes(&app, &lived).await;
    let known: BTreeSet<String> = known.iter().map(|route| format!("{} {}", route.method, route.pattern)).collect();
    let routed: BTreeSet<String> = http::endpoints().iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    assert_eq!(known, routed);
}

/// Whoever may asks in full; whoever may not is refused before his body is read.
#[tokio::test]
async fn each_role_may_what_it_may_and_nothing_else() {
    let app = TestApp::spawn().await;
    let lived = catalogue::live(&app, app.shop.clone()).await;
    let mut cells = 0;
    for route in catalogue::routes(&app, &lived).await {
        for (role, key) in catalogue::keys(&lived.shop) {
            let may = route.roles.is_empty() || route.roles == "*" || route.roles.contains(role);
            let ask = if may { route.ask() } else { Ask::new(route.method, &route.at("none")) };
            let reply = app.send(ask.key(key)).await;
            let asked = format!("{} {} as {role}", route.method, route.pattern);
            if may {
                assert!(!["unauthorized", "forbidden"].contains(&reply.code().as_str()), "{asked}: {reply:?}");
                assert!(reply.status < 500 || reply.code() == "wallet_not_configured", "{asked}: {reply:?}");
            } else {
                assert_eq!(reply.status, 403, "{asked}: {reply:?}");
                reply.refused("forbidden");
            }
            cells += 1;
        }
    }
    assert_eq!(cells, http::endpoints().len() * 5);
}

#[tokio::test]
async fn without_a_key_only_open_routes_answer() {
    let app = TestApp::spawn().await;
    let lived = catalogue::live(&app, app.shop.clone()).await;
    for route in catalogue::routes(&app, &lived).await {
        let reply = app.send(route.ask()).await;
        if route.roles.is_empty() {
            assert_ne!(reply.status, 401, "{reply:?}");
        } else {
            assert_eq!(reply.header("www-authenticate"), "Bearer");
            reply.refused("unauthorized");
        }
    }
}

#[tokio::test]
async fn a_refusal_names_the_right_that_is_missing() {
    let app = TestApp::spawn().await;
    let body = app.get(&app.shop.pos, "/v1/journal").await.refused("forbidden");
    assert_eq!(body["scope"], "audit");
}

#[tokio::test]
async fn fewer_scopes_take_rights_away() {
    let app = TestApp::spawn().await;
    let key = json!({ "name": "kiosk", "role": "pos", "scopes": ["scan"] });
    let key = app.make_key(&app.shop, key).await;
    app.get(&key, "/v1/members").await.refused("forbidden");
    let reply = app.post(&key, "/v1/scans", &json!({ "code": "nonsense" })).await;
    reply.refused("invalid_code");
}

#[tokio::test]
async fn a_key_for_one_programme_does_not_see_another() {
    let app = TestApp::spawn().await;
    let other = app.post(&app.shop.owner, "/v1/programmes", &crate::support::app::coffee_programme()).await.expect(201);
    let other = other["id"].as_str().expect("an id");
    let key = json!({ "name": "partner", "role": "manager", "programmes": [app.shop.programme] });
    let key = app.make_key(&app.shop, key).await;
    let list = app.get(&key, "/v1/programmes").await.expect(200);
    assert_eq!(list["data"].as_array().map(Vec::len), Some(1));
    app.get(&key, &format!("/v1/programmes/{}", app.shop.programme)).await.expect(200);
    app.get(&key, &format!("/v1/programmes/{other}")).await.refused("wrong_programme");
    app.get(&key, &format!("/v1/programmes/{other}/history")).await.refused("wrong_programme");
    let document = crate::support::app::coffee_programme();
    app.put(&key, &format!("/v1/programmes/{other}"), (1, &document)).await.refused("wrong_programme");
    app.post(&key, "/v1/programmes", &document).await.refused("wrong_programme");
    app.put(&key, "/v1/organisation", (1, &json!({ "name": { "en": "Mine now" } }))).await.refused("wrong_programme");
    app.get(&key, "/v1/journal").await.refused("wrong_programme");
}

#[tokio::test]
async fn a_key_for_one_store_manages_that_store_only() {
    let app = TestApp::spawn().await;
    let other = app.post(&app.shop.owner, "/v1/stores", &json!({ "name": { "en": "Harbour" } })).await.expect(201);
    let other = other["id"].as_str().expect("an id");
    let key = json!({ "name": "shop manager", "role": "manager", "store": app.shop.store });
    let key = app.make_key(&app.shop, key).await;
    let document = json!({ "name": { "en": "Renamed" } });
    app.put(&key, &format!("/v1/stores/{}", app.shop.store), (1, &document)).await.expect(200);
    app.put(&key, &format!("/v1/stores/{other}"), (1, &document)).await.refused("wrong_store");
    app.post(&key, "/v1/stores", &document).await.refused("wrong_store");
    app.post(&key, "/v1/terminals", &json!({ "name": "Till 9", "store": other })).await.refused("wrong_store");
    app.post(&key, "/v1/terminals", &json!({ "name": "Till 9", "store": app.shop.store })).await.expect(201);
}

/// What is done to or told of a member concerns all of his programmes.
#[tokio::test]
async fn a_key_for_one_programme_neither_exports_nor_erases_members() {
    let app = TestApp::spawn().await;
    let customer = app.enrol(&app.shop).await;
    let key = json!({ "name": "partner", "role": "owner", "programmes": [app.shop.programme] });
    let key = app.make_key(&app.shop, key).await;
    let member = format!("/v1/members/{}", customer.member);
    app.get(&key, &member).await.expect(200);
    app.get(&key, &format!("{member}/export")).await.refused("wrong_programme");
    app.post(&key, &format!("{member}/erasure"), &json!(null)).await.refused("wrong_programme");
}
