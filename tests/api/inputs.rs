//! Bad input of every kind on every route: the right refusal, never a 5xx, never something of another organisation.

use serde_json::{Map, Value, json};

use super::catalogue::{self, Lived, Op, Route};
use crate::support::app::{Ask, Reply, TestApp, op_key};

/// A right key for a route: the owner's, who may everything.
fn with_key(ask: Ask, lived: &Lived) -> Ask {
    ask.key(&lived.shop.owner)
}

async fn world() -> (TestApp, Lived, Vec<Route>) {
    let app = TestApp::spawn().await;
    let lived = catalogue::live(&app, app.shop.clone()).await;
    let routes = catalogue::routes(&app, &lived).await;
    (app, lived, routes)
}

#[track_caller]
fn is_refusal(reply: &Reply, what: &str) {
    assert!((400..500).contains(&reply.status), "{what}: {reply:?}");
    let code = reply.code();
    assert!(!code.is_empty(), "{what}: {reply:?}");
    reply.refused(&code);
}

#[tokio::test]
async fn ids_that_are_none_and_ids_of_others_name_nothing() {
    let (app, lived, routes) = world().await;
    let others = catalogue::live(&app, app.found_shop().await).await;
    let theirs = catalogue::routes(&app, &others).await;
    for (route, their) in routes.iter().zip(&theirs).filter(|(route, _)| route.pattern.contains("{id}")) {
        let is_op = route.pattern.starts_with("/v1/ops/");
        for id in [
            "x",
            "null",
            "card_",
            "mem_00000000000000000000000000x",
            "key_0000000000000000000000000U",
            "%00",
            "..%2f..",
            "%F0%9F%92%A9",
        ] {
            let reply = app.send(with_key(route.ask_at(&route.at(id)), &lived)).await;
            let may_be_an_operation = is_op && id.len() >= 16 && !id.contains('%');
            if may_be_an_operation && route.method == "POST" {
                continue;
            }
            assert_eq!(reply.status, 404, "{} {}: {reply:?}", route.method, route.at(id));
            reply.refused(if may_be_an_operation { "op_unknown" } else { "not_found" });
        }
        if is_op && route.method == "POST" {
            continue;
        }
        let reply = app.send(with_key(route.ask_at(&route.at(&their.id)), &lived)).await;
        assert_eq!(reply.status, 404, "{} {} of another organisation: {reply:?}", route.method, route.pattern);
        reply.refused(if is_op { "op_unknown" } else { "not_found" });
    }
}

#[tokio::test]
async fn ids_of_others_in_bodies_name_nothing() {
    let (app, lived, _) = world().await;
    let others = catalogue::live(&app, app.found_shop().await).await;
    let code = app.live_code(&others.shop, &others.customer.card).await;
    let money = json!({ "amount": "1.000", "currency": "KWD" });
    let sale = |card: Value, code: Value, store: Value| json!({ "card": card, "code": code, "store": store, "receipt": op_key(), "total": money });
    let cases = [
        ("/v1/earnings", sale(json!(others.customer.card), Value::Null, Value::Null)),
        ("/v1/earnings", sale(Value::Null, json!(code), Value::Null)),
        ("/v1/earnings", sale(json!(lived.customer.card), Value::Null, json!(others.shop.store))),
        ("/v1/scans", json!({ "code": code })),
        ("/v1/redemptions", json!({ "code": code, "rewards": [{ "reward": "coffee" }] })),
        ("/v1/vouchers", json!({ "card": others.customer.card, "reward": "coffee" })),
        ("/v1/members", json!({ "programme": others.shop.programme })),
        ("/v1/terminals", json!({ "name": "Till", "store": others.shop.store })),
        ("/v1/keys", json!({ "name": "x", "role": "pos", "programmes": [others.shop.programme] })),
    ];
    for (path, body) in cases {
        let reply = app.post(&lived.shop.owner, path, &body).await;
        is_refusal(&reply, &format!("POST {path} {body}"));
        assert!([404, 422].contains(&reply.status), "POST {path} {body}: {reply:?}");
        let text = String::from_utf8_lossy(&reply.bytes).into_owned();
        for secret in ["Amal", &others.customer.member, &others.shop.organisation] {
            assert!(!text.contains(secret), "POST {path} leaks {secret}: {text}");
        }
    }
}

#[tokio::test]
async fn a_write_names_its_operation() {
    let (app, lived, routes) = world().await;
    for route in routes.iter().filter(|route| route.op == Op::Needed) {
        let ask = |key: Option<&str>| {
            let ask = with_key(Ask::new(route.method, &route.path()), &lived);
            let ask = key.map_or(ask.clone(), |key| ask.op(key));
            match &route.body {
                Some(body) => ask.body(body),
                None => ask,
            }
        };
        app.send(ask(None)).await.refused("idempotency_key_missing");
        for bad in ["", "short", "fifteen-letters", &"x".repeat(65), "sixteen letters!", "ümlaut-ümlaut-ümlaut"] {
            app.send(ask(Some(bad))).await.refused("idempotency_key_invalid");
        }
    }
}

#[tokio::test]
async fn a_body_is_json_of_the_right_kind() {
    let (app, lived, routes) = world().await;
    for route in routes.iter().filter(|route| route.body.is_some()) {
        let plain = || {
            let ask = with_key(Ask::new(route.method, &route.path()), &lived);
            if route.op == Op::Needed { ask.op(&op_key()) } else { ask }
        };
        let right = route.body.clone().unwrap_or_default().to_string();
        let what = format!("{} {}", route.method, route.pattern);
        app.send(plain()).await.refused("unsupported_media_type");
        for kind in ["text/plain", "application/xml", "application/jsonp", "multipart/form-data; boundary=x", ""] {
            app.send(plain().text(kind, right.as_bytes())).await.refused("unsupported_media_type");
        }
        let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
        for body in [&b""[..], b"{", b"nonsense", b"\0", b"{\"a", b"{7: 1}", b"{\"a\xff\": 1}"] {
            let reply = app.send(plain().text("application/json", body)).await;
            assert_eq!(
                (reply.status, reply.code()),
                (400, "malformed_request".into()),
                "{what} {:?}",
                String::from_utf8_lossy(body)
            );
        }
        for body in [&b"{\"a\":}"[..], b"{\"a\":NaN}", b"{\"a\":\"\xff\xfe\"}", b"{}{}", b"{}]"] {
            let reply = app.send(plain().text("application/json", body)).await;
            is_refusal(&reply, &format!("{what} {:?}", String::from_utf8_lossy(body)));
        }
        for body in ["null", "7", "\"x\"", "[]", "[{}]", "true", &deep, "{\"__proto__\":{}}"] {
            let reply = app.send(plain().text("application/json", body.as_bytes())).await;
            is_refusal(&reply, &format!("{what} {body:.40}"));
        }
        let reply = app.send(plain().text("application/json; charset=utf-8", b"{\"unknown\":1}")).await;
        assert_eq!(reply.status, 422, "{what}: {reply:?}");
    }
}

/// Every field of every body, replaced by values of every wrong kind: a refusal or, where the value happens to be right, an answer;
/// never a fault of ours.
#[tokio::test]
async fn every_field_takes_every_wrong_value() {
    let (app, lived, routes) = world().await;
    let mut asked = 0;
    for route in &routes {
        let Some(body) = &route.body else { continue };
        let mut bodies = Vec::new();
        spoil(body, &mut |spoiled| bodies.push(spoiled));
        for body in bodies {
            let ask = with_key(Ask::new(route.method, &route.path()), &lived).body(&body);
            let ask = if route.op == Op::Needed { ask.op(&op_key()) } else { ask };
            let reply = app.send(ask).await;
            let what = format!("{} {} {:.300}", route.method, route.pattern, body.to_string());
            assert!(reply.status < 500, "{what}: {reply:?}");
            if reply.status >= 400 {
                is_refusal(&reply, &what);
            }
            asked += 1;
        }
    }
    assert!(asked > 800, "only {asked} bodies were tried");
}

/// Gives every body that differs in one field: missing, of another kind, beyond its bounds; and one with a field too many.
fn spoil(value: &Value, give: &mut dyn FnMut(Value)) {
    match value {
        Value::Object(members) => {
            for name in members.keys() {
                let mut without = members.clone();
                without.remove(name);
                give(Value::Object(without));
            }
            let mut more = members.clone();
            more.insert("unknown_field".into(), json!(1));
            give(Value::Object(more));
            for (name, inner) in members {
                let with = |inner: Value| {
                    let mut changed: Map<String, Value> = members.clone();
                    changed.insert(name.clone(), inner);
                    Value::Object(changed)
                };
                wrong_values().into_iter().for_each(|wrong| give(with(wrong)));
                spoil(inner, &mut |inner| give(with(inner)));
            }
        }
        Value::Array(items) => {
            for (place, inner) in items.iter().enumerate().take(1) {
                spoil(inner, &mut |inner| {
                    let mut changed = items.clone();
                    changed[place] = inner;
                    give(Value::Array(changed));
                });
            }
            give(Value::Array(vec![items.first().cloned().unwrap_or_default(); 500]));
        }
        _ => {}
    }
}

fn wrong_values() -> Vec<Value> {
    vec![
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(1.5),
        json!(1e300),
        json!(""),
        json!(" "),
        json!("x".repeat(5_000)),
        json!("\u{0}\u{7}\u{202e}"),
        json!("'; DROP TABLE cards; --"),
        json!("<script>alert(1)</script>"),
        json!([]),
        json!([[]]),
        json!({}),
        json!({ "en": "" }),
    ]
}

#[tokio::test]
async fn wrong_fields_are_named() {
    let (app, lived, _) = world().await;
    let card = &lived.customer.card;
    let cases = [
        ("/v1/earnings", r#"{"card": "card_x", "receipt": "r", "total": {"amount": "1", "currency": "KWD"}}"#.to_owned(), "card"),
        (
            "/v1/earnings",
            format!(r#"{{"card": "{card}", "receipt": "r", "total": {{"amount": "x", "currency": "KWD"}}}}"#),
            "total",
        ),
        ("/v1/earnings", format!(r#"{{"card": "{card}", "receipt": "r"}}"#), "total"),
        (
            "/v1/redemptions",
            r#"{"code": "x", "rewards": [{"reward": "a", "quantity": "two"}]}"#.to_owned(),
            "rewards[0].quantity",
        ),
        ("/v1/redemptions", r#"{"code": "x", "rewards": [{"quantity": 1}]}"#.to_owned(), "rewards[0].reward"),
        ("/v1/redemptions", r#"{"code": "x", "reward": "a"}"#.to_owned(), "reward"),
        ("/v1/keys", r#"{"name": "x", "role": "king"}"#.to_owned(), "role"),
        ("/v1/keys", r#"{"name": "x", "name": "y", "role": "pos"}"#.to_owned(), "name"),
    ];
    for (path, body, field) in cases {
        let ask = with_key(Ask::post(path).op(&op_key()), &lived).text("application/json", body.as_bytes());
        let problem = app.send(ask).await.refused("validation_failed");
        assert_eq!(problem["errors"][0]["field"], field, "{body}: {problem}");
    }
}

#[tokio::test]
async fn keys_that_ran_out_or_were_revoked_open_no_route() {
    let (app, lived, routes) = world().await;
    let expiring = json!({ "name": "x", "role": "owner", "expires_at": catalogue::in_seconds(&app, 1) });
    let expired = app.make_key(&lived.shop, expiring).await;
    let made = app.post(&lived.shop.owner, "/v1/keys", &json!({ "name": "x", "role": "owner" })).await.expect(201);
    app.post(&lived.shop.owner, &format!("/v1/keys/{}/revoke", made["id"].as_str().expect("an id")), &Value::Null)
        .await
        .expect(200);
    app.clock.advance_seconds(1);
    for route in routes.iter().filter(|route| !route.roles.is_empty()) {
        app.send(route.ask().key(&expired)).await.refused("key_expired");
        app.send(route.ask().key(made["key"].as_str().expect("a key"))).await.refused("key_revoked");
        app.send(route.ask().key("wk_live_garbage")).await.refused("unauthorized");
    }
}

/// A body with every object that the route knows, so that each is met.
fn fuller(route: &Route) -> Option<Value> {
    let mut body = route.body.clone()?;
    let money = json!({ "amount": "1.000", "currency": "KWD" });
    if route.pattern == "/v1/redemptions" {
        body["sale"] = json!({ "receipt": "R-9", "total": money });
    }
    if route.pattern.starts_with("/v1/programmes") {
        let document = if route.method == "PUT" { &mut body["document"] } else { &mut body };
        document["rewards"][0]["value"] = money;
        document["tokens"] = json!({ "live_seconds": 60 });
        document["limits"] = json!({ "open_vouchers": 3 });
        document["terms"] = json!({ "en": "Be kind." });
    }
    Some(body)
}

/// Gives every body in which one object is the list of its values: what serde would take for the fields in their order.
fn as_lists(value: &Value, give: &mut dyn FnMut(Value)) {
    match value {
        Value::Object(members) => {
            give(Value::Array(members.values().cloned().collect()));
            for (name, inner) in members {
                as_lists(inner, &mut |inner| {
                    let mut changed = members.clone();
                    changed.insert(name.clone(), inner);
                    give(Value::Object(changed));
                });
            }
        }
        Value::Array(items) => {
            for (place, inner) in items.iter().enumerate() {
                as_lists(inner, &mut |inner| {
                    let mut changed = items.clone();
                    changed[place] = inner;
                    give(Value::Array(changed));
                });
            }
        }
        _ => {}
    }
}

#[tokio::test]
async fn a_list_never_stands_for_an_object() {
    let (app, lived, routes) = world().await;
    let mut asked = 0;
    for route in &routes {
        let Some(body) = fuller(route) else { continue };
        let mut bodies = Vec::new();
        as_lists(&body, &mut |changed| bodies.push(changed));
        for body in bodies {
            let ask = with_key(Ask::new(route.method, &route.path()), &lived).body(&body);
            let ask = if route.op == Op::Needed { ask.op(&op_key()) } else { ask };
            let reply = app.send(ask).await;
            let what = format!("{} {} {body}: {reply:?}", route.method, route.pattern);
            assert_eq!(reply.status, 422, "{what}");
            assert!(["validation_failed", "document_invalid"].contains(&reply.code().as_str()), "{what}");
            let text = String::from_utf8_lossy(&reply.bytes).into_owned();
            assert!(text.contains("invalid type: sequence") || text.contains("is not an object"), "{what}");
            asked += 1;
        }
    }
    assert!(asked > 50, "only {asked} bodies were tried");
}

#[tokio::test]
async fn a_list_in_place_of_money_is_named() {
    let (app, lived, _) = world().await;
    let sale = json!({ "card": lived.customer.card, "receipt": "R-list", "total": ["12.500", "KWD"] });
    let problem = app.post(&lived.shop.owner, "/v1/earnings", &sale).await.refused("validation_failed");
    assert_eq!(problem["errors"][0]["field"], "total", "{problem}");
}
