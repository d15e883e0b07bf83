//! What the scanner's script may ask of the API by its cookies, and what nobody may by them.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use walaa::http;
use walaa::http::endpoint::Access;

use super::counter::{asks, at_work, counter, person, script_posts};
use crate::support::app::{Ask, TestApp, op_key};

#[tokio::test]
async fn the_cashier_who_has_signed_in_is_recorded() {
    let app = TestApp::spawn().await;
    let mariam = person(&app, ("Mariam", "C1")).await;
    let (visitor, customer) = (at_work(&app, &mariam).await, app.enrol(&app.shop).await);
    let sale = json!({ "card": customer.card, "receipt": "R-1", "total": { "amount": "20.000", "currency": "KWD" } });
    script_posts(&app, &visitor, ("/v1/earnings", &sale)).await.expect(201);
    let code = app.live_code(&app.shop, &customer.card).await;
    let with = |cashier: &str| json!({ "code": code, "rewards": [{ "reward": "coffee" }], "cashier": cashier });
    script_posts(&app, &visitor, ("/v1/redemptions", &with("C2"))).await.refused("forbidden");
    let redeemed = script_posts(&app, &visitor, ("/v1/redemptions", &with("C1"))).await.expect(201);
    assert_eq!(redeemed["place"]["cashier"], "C1", "{redeemed}");
    let plain = json!({ "code": code, "rewards": [{ "reward": "coffee" }] });
    let again = script_posts(&app, &visitor, ("/v1/redemptions", &plain)).await.refused("already_redeemed");
    assert_eq!((&again["place"]["cashier"], &again["same_terminal"]), (&json!("C1"), &json!(true)), "{again}");
    let reversal = format!("/v1/redemptions/{}/reversal", redeemed["id"].as_str().expect("an id"));
    script_posts(&app, &visitor, (&reversal, &json!({ "reason": "wrong size" }))).await.expect(201);
    let shown = app.send(asks(&visitor, Ask::get(&format!("/v1/redemptions/{}", redeemed["id"].as_str().expect("an id"))))).await;
    assert_eq!(shown.expect(200)["place"]["cashier"], "C1");
}

#[tokio::test]
async fn only_our_own_page_is_believed() {
    let app = TestApp::spawn().await;
    let visitor = at_work(&app, &person(&app, ("Mariam", "C1")).await).await;
    let scan = || Ask::post("/v1/scans").body(&json!({ "code": "nonsense" })).header("cookie", &visitor.cookies());
    let own = app.address.clone();
    let refused: [&[(&str, &str)]; 7] = [
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "none")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", "http://127.0.0.1:1")],
        &[("origin", &own), ("sec-fetch-site", "same-site")],
    ];
    for headers in refused {
        let ask = headers.iter().fold(scan().header("walaa-scanner", "1"), |ask, (name, value)| ask.header(name, value));
        assert_eq!(app.send(ask).await.refused("forbidden")["status"], 403, "{headers:?}");
    }
    let taken: [&[(&str, &str)]; 4] = [
        &[],
        &[("origin", &own)],
        &[("origin", "null"), ("sec-fetch-site", "same-origin")],
        &[("origin", &own), ("sec-fetch-site", "same-origin")],
    ];
    for headers in taken {
        let ask = headers.iter().fold(scan().header("walaa-scanner", "1"), |ask, (name, value)| ask.header(name, value));
        app.send(ask).await.refused("invalid_code");
    }
    app.send(scan()).await.refused("unauthorized");
    app.send(scan().header("walaa-scanner", "0")).await.refused("unauthorized");
    app.send(scan().header("walaa-scanner", "1").header("authorization", "Bearer x")).await.refused("unauthorized");
    app.send(Ask::post("/v1/scans").header("walaa-scanner", "1")).await.refused("unauthorized");
}

#[tokio::test]
async fn the_routes_of_the_scanner_are_these_and_no_others() {
    let app = TestApp::spawn().await;
    let visitor = at_work(&app, &person(&app, ("Mariam", "C1")).await).await;
    let mut opened = BTreeSet::new();
    for route in http::endpoints().iter().filter(|route| route.access != Access::Open) {
        let path = route.path.replace("{id}", "none");
        let reply = app.send(asks(&visitor, Ask::new(route.method.as_str(), &path))).await;
        if reply.code() == "forbidden" {
            assert_eq!(
                reply.refused("forbidden").get("scope"),
                None,
                "closed to the page whatever a terminal may: {}",
                route.path
            );
        } else {
            opened.insert(format!("{} {}", route.method, route.path));
        }
    }
    let expected = [
        "GET /v1/earnings/{id}",
        "GET /v1/ops/{id}",
        "GET /v1/redemptions/{id}",
        "GET /v1/vouchers/{id}",
        "POST /v1/earnings",
        "POST /v1/earnings/{id}/returns",
        "POST /v1/ops/{id}/abandon",
        "POST /v1/redemptions",
        "POST /v1/redemptions/{id}/reversal",
        "POST /v1/scans",
    ];
    assert_eq!(opened, expected.map(str::to_owned).into());
}

#[tokio::test]
async fn what_was_begun_is_resolved_before_anybody_signs_in() {
    let app = TestApp::spawn().await;
    let mariam = person(&app, ("Mariam", "C1")).await;
    let (mut visitor, customer) = (at_work(&app, &mariam).await, app.enrol(&app.shop).await);
    let (done, lost) = (op_key(), op_key());
    let sale = json!({ "card": customer.card, "receipt": "R-1", "total": { "amount": "20.000", "currency": "KWD" } });
    app.send(asks(&visitor, Ask::post("/v1/earnings").op(&done).body(&sale))).await.expect(201);
    visitor.submit("/scan", ("/scan/shift/close", &[])).await.location();
    let nobody = app.send(asks(&visitor, Ask::post("/v1/earnings").op(&lost).body(&sale))).await.refused("shift_closed");
    assert_eq!((&nobody["status"], &nobody["reason"]), (&json!(401), &json!("not_signed_in")));
    let known = app.send(asks(&visitor, Ask::get(&format!("/v1/ops/{done}")))).await.expect(200);
    assert_eq!((&known["outcome"], &known["answer"]["receipt"]), (&json!("SUCCEEDED"), &json!("R-1")), "{known}");
    let sale = format!("/v1/earnings/{}", known["answer"]["id"].as_str().expect("an id"));
    assert_eq!(app.get(&app.shop.pos, &sale).await.expect(200)["place"]["cashier"], "C1");
    app.send(asks(&visitor, Ask::get(&format!("/v1/ops/{lost}")))).await.refused("op_unknown");
    let given_up = app.send(asks(&visitor, Ask::post(&format!("/v1/ops/{lost}/abandon")))).await.expect(200);
    assert_eq!(given_up["outcome"], "ABANDONED");
}

#[tokio::test]
async fn a_till_that_was_withdrawn_or_switched_off_is_out_for_its_script_as_well() {
    let app = TestApp::spawn().await;
    let visitor = counter(&app).await;
    let key = visitor.cookie("walaa-till").expect("a key").to_owned();
    let gone = asks(&visitor, Ask::get("/v1/ops/an-operation-that-never-was"));
    app.send(gone.clone()).await.refused("op_unknown");
    assert_eq!(
        app.get(&key, "/v1/ops/an-operation-that-never-was").await.code(),
        "op_unknown",
        "the cookie holds the till's key"
    );
    let terminals = app.get(&app.shop.owner, "/v1/terminals").await.expect(200);
    let till = terminals["data"].as_array().expect("a list").iter().find(|row| row["document"]["name"] == "Counter");
    let path = format!("/v1/terminals/{}", till.expect("the till")["id"].as_str().expect("an id"));
    let off = json!({ "name": "Counter", "store": app.shop.store, "status": "disabled" });
    app.put(&app.shop.owner, &path, (2, &off)).await.expect(200);
    app.send(gone.clone()).await.refused("terminal_disabled");
    let on = json!({ "name": "Counter", "store": app.shop.store });
    app.put(&app.shop.owner, &path, (3, &on)).await.expect(200);
    let code = app.post(&app.shop.owner, &format!("{path}/enrolment"), &Value::Null).await.expect(201);
    super::counter::counter_as(&app, code["enrolment_code"].as_str().expect("a code")).await;
    app.send(gone).await.refused("unauthorized");
}
