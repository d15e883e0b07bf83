//! A counter: a browser that is a till, staff with their PINs, and requests as the page's script sends them.

use serde_json::{Value, json};

use crate::pages::visitor::{Seen, Visitor};
use crate::support::app::{Ask, Reply, TestApp, op_key};

/// One of the staff.
#[derive(Debug, Clone)]
pub struct Person {
    pub id: String,
    pub pin: String,
}

/// A PIN that is not this one.
pub fn other_than(pin: &str) -> String {
    let last = pin.as_bytes()[5];
    format!("{}{}", &pin[..5], if last == b'9' { '0' } else { char::from(last + 1) })
}

/// Makes one of the staff.
pub async fn person(app: &TestApp, (name, code): (&str, &str)) -> Person {
    let made = app.post(&app.shop.owner, "/v1/staff", &json!({ "name": name, "code": code })).await.expect(201);
    let text = |member: &str| made[member].as_str().expect("a text").to_owned();
    Person { id: text("id"), pin: text("pin") }
}

/// Makes a till and its one-time code: id and code.
pub async fn new_till(app: &TestApp, name: &str) -> (String, String) {
    let made = app.post(&app.shop.owner, "/v1/terminals", &json!({ "name": name, "store": app.shop.store })).await.expect(201);
    let text = |member: &str| made[member].as_str().expect("a text").to_owned();
    (text("id"), text("enrolment_code"))
}

/// A browser that is a till of the shop.
pub async fn counter(app: &TestApp) -> Visitor {
    counter_as(app, &new_till(app, "Counter").await.1).await
}

/// A browser in which a one-time code was typed.
pub async fn counter_as(app: &TestApp, code: &str) -> Visitor {
    let mut visitor = Visitor::of(app);
    assert_eq!(visitor.submit("/scan", ("/scan/enrol", &[("code", code)])).await.location(), "/scan");
    visitor
}

/// Somebody types a PIN.
pub async fn sign_in(visitor: &mut Visitor, who: &str, pin: &str) -> Seen {
    visitor.submit("/scan", ("/scan/shift", &[("staff", who), ("pin", pin)])).await
}

/// A browser at which somebody works.
pub async fn at_work(app: &TestApp, who: &Person) -> Visitor {
    let mut visitor = counter(app).await;
    assert_eq!(sign_in(&mut visitor, &who.id, &who.pin).await.location(), "/scan");
    visitor
}

/// A request as the page's script sends it.
pub fn asks(visitor: &Visitor, ask: Ask) -> Ask {
    ask.header("walaa-scanner", "1").header("cookie", &visitor.cookies()).header("sec-fetch-site", "same-origin")
}

/// The script posts.
pub async fn script_posts(app: &TestApp, visitor: &Visitor, (path, body): (&str, &Value)) -> Reply {
    app.send(asks(visitor, Ask::post(path).op(&op_key()).body(body))).await
}

/// The script scans nonsense: refused for the code when the browser may scan at all.
pub async fn may_scan(app: &TestApp, visitor: &Visitor) -> Result<(), Value> {
    let reply = app.send(asks(visitor, Ask::post("/v1/scans").body(&json!({ "code": "nonsense" })))).await;
    if reply.code() == "invalid_code" { Ok(()) } else { Err(reply.refused("shift_closed")["reason"].clone()) }
}

/// What the script hears of itself.
pub async fn state(visitor: &mut Visitor) -> Value {
    let seen = visitor.get("/scan/state").await.expect(200);
    assert_eq!((seen.header("content-type"), seen.header("cache-control")), ("application/json", "no-store"));
    serde_json::from_str(&seen.body).expect("JSON")
}
