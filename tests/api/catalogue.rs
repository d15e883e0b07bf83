//! Every route with what it is to be asked: who may, a right body, where its ids come from. Written by hand, apart from the route
//! table, so that a slip there is a failure here.

use serde_json::{Value, json};
use walaa::clock::{Clock, Timestamp};

use crate::support::app::{Ask, Customer, Shop, TestApp, op_key};

/// Whether a route wants an operation key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    Needed,
    Not,
}

/// A route.
#[derive(Debug, Clone)]
pub struct Route {
    pub method: &'static str,
    /// The path with `{id}`.
    pub pattern: &'static str,
    /// The initials of the roles that may: owner, manager, pos, terminal, auditor; `*` for any key, empty for everybody.
    pub roles: &'static str,
    pub op: Op,
    /// A right body.
    pub body: Option<Value>,
    /// The right id for the path.
    pub id: String,
}

/// What a shop chain has lived through, so that every id names something.
pub struct Lived {
    pub shop: Shop,
    pub customer: Customer,
    pub earning: String,
    pub redemption: String,
    pub voucher: String,
    pub op: String,
    pub staff: String,
}

/// A shop chain with a customer, a sale, a redemption, a voucher.
pub async fn live(app: &TestApp, shop: Shop) -> Lived {
    let customer = app.enrol(&shop).await;
    let earned = app.earn(&shop, &customer.card, "100.000").await;
    let code = app.live_code(&shop, &customer.card).await;
    let redeemed = app.redeem(&shop, &code, "coffee").await.expect(201);
    let voucher = app.issue_voucher(&shop, &customer.card, "cake").await;
    let staff = app.post(&shop.owner, "/v1/staff", &json!({ "name": "Mariam", "code": "C1" })).await.expect(201);
    let text = |value: &Value| value.as_str().expect("an id").to_owned();
    Lived {
        staff: text(&staff["id"]),
        shop,
        customer,
        earning: text(&earned["id"]),
        redemption: text(&redeemed["id"]),
        voucher: text(&voucher["id"]),
        op: text(&earned["op"]),
    }
}

impl Route {
    /// The path with its right id.
    pub fn path(&self) -> String {
        self.at(&self.id)
    }

    /// The path with another id.
    pub fn at(&self, id: &str) -> String {
        self.pattern.replace("{id}", id).replace("{file}", "none.pkpass").replace("{key}", "none")
    }

    /// A right request but for the key.
    pub fn ask(&self) -> Ask {
        self.ask_at(&self.path())
    }

    /// A right request but for the key, at another path.
    pub fn ask_at(&self, path: &str) -> Ask {
        let ask = Ask::new(self.method, path);
        let ask = if self.op == Op::Needed { ask.op(&op_key()) } else { ask };
        match &self.body {
            Some(body) => ask.body(body),
            None => ask,
        }
    }
}

/// A route without its types: method, pattern, roles, op, body, id.
type Line<'a> = (&'static str, &'static str, &'static str, Op, Option<Value>, &'a str);

/// Every route, for a shop chain.
pub async fn routes(app: &TestApp, lived: &Lived) -> Vec<Route> {
    let code = app.live_code(&lived.shop, &lived.customer.card).await;
    let spare = made_key(app, &lived.shop).await;
    let lines = value_routes(lived, &code).into_iter().chain(configuration_routes(lived, &spare));
    let route = |(method, pattern, roles, op, body, id): Line| Route { method, pattern, roles, op, body, id: id.to_owned() };
    lines.map(route).collect()
}

fn value_routes<'a>(lived: &'a Lived, code: &str) -> Vec<Line<'a>> {
    let Lived { shop, customer, .. } = lived;
    let money = json!({ "amount": "1.000", "currency": "KWD" });
    let receipt = op_key();
    let consent = json!({ "purpose": "news", "version": "1", "given": true });
    vec![
        ("GET", "/v1/members", "ompa", Op::Not, None, ""),
        ("POST", "/v1/members", "omp", Op::Needed, Some(json!({ "programme": shop.programme, "name": "Noor" })), ""),
        ("GET", "/v1/members/{id}", "ompa", Op::Not, None, &customer.member),
        ("POST", "/v1/members/{id}/cards", "omp", Op::Needed, Some(json!({ "programme": shop.programme })), &customer.member),
        ("GET", "/v1/members/{id}/export", "o", Op::Not, None, &customer.member),
        ("POST", "/v1/members/{id}/consents", "omp", Op::Needed, Some(consent), &customer.member),
        ("POST", "/v1/members/{id}/erasure", "o", Op::Needed, None, &customer.member),
        ("GET", "/v1/cards/{id}", "ompa", Op::Not, None, &customer.card),
        ("GET", "/v1/cards/{id}/apple", "omp", Op::Not, None, &customer.card),
        ("GET", "/p/{file}", "", Op::Not, None, ""),
        ("GET", "/v1/cards/{id}/google", "omp", Op::Not, None, &customer.card),
        ("GET", "/g/{key}", "", Op::Not, None, ""),
        ("GET", "/google/images/{file}", "", Op::Not, None, ""),
        ("POST", "/v1/cards/{id}/adjustments", "om", Op::Needed, Some(json!({ "points": 5, "reason": "sorry" })), &customer.card),
        ("POST", "/v1/cards/{id}/codes", "omp", Op::Needed, None, &customer.card),
        ("GET", "/v1/cards/{id}/delivery", "oma", Op::Not, None, &customer.card),
        ("GET", "/v1/cards/{id}/entries", "ompa", Op::Not, None, &customer.card),
        ("POST", "/v1/cards/{id}/reissue", "omp", Op::Needed, None, &customer.card),
        ("POST", "/v1/scans", "ompt", Op::Not, Some(json!({ "code": code })), ""),
        (
            "POST",
            "/v1/earnings",
            "ompt",
            Op::Needed,
            Some(
                json!({ "card": customer.card, "receipt": receipt, "total": money, "lines": [{ "sku": "latte", "quantity": 1, "price": money }] }),
            ),
            "",
        ),
        ("GET", "/v1/earnings/{id}", "ompt", Op::Not, None, &lived.earning),
        ("POST", "/v1/earnings/{id}/returns", "ompt", Op::Needed, Some(json!({ "total": money })), &lived.earning),
        (
            "POST",
            "/v1/redemptions",
            "ompt",
            Op::Needed,
            Some(json!({ "code": code, "rewards": [{ "reward": "coffee", "quantity": 1 }] })),
            "",
        ),
        ("GET", "/v1/redemptions/{id}", "ompt", Op::Not, None, &lived.redemption),
        ("POST", "/v1/redemptions/{id}/reversal", "ompt", Op::Needed, Some(json!({ "reason": "wrong size" })), &lived.redemption),
        ("POST", "/v1/vouchers", "omp", Op::Needed, Some(json!({ "card": customer.card, "reward": "coffee" })), ""),
        ("GET", "/v1/vouchers/{id}", "ompt", Op::Not, None, &lived.voucher),
        ("POST", "/v1/vouchers/{id}/cancellation", "ompt", Op::Needed, None, &lived.voucher),
        ("GET", "/v1/ops/{id}", "*", Op::Not, None, &lived.op),
        ("POST", "/v1/ops/{id}/abandon", "*", Op::Not, None, "an-operation-that-never-was"),
    ]
}

fn configuration_routes<'a>(lived: &'a Lived, key_id: &'a str) -> Vec<Line<'a>> {
    let shop = &lived.shop;
    let dead = "dead_00000000000000000000000000";
    let programme = crate::support::app::coffee_programme();
    let put = |document: Value| json!({ "expected_version": 1, "document": document });
    vec![
        ("GET", "/v1/organisation", "oma", Op::Not, None, ""),
        ("PUT", "/v1/organisation", "om", Op::Needed, Some(put(json!({ "name": { "en": "Bean There" } }))), ""),
        ("GET", "/v1/organisation/history", "oma", Op::Not, None, ""),
        ("GET", "/v1/programmes", "oma", Op::Not, None, ""),
        ("POST", "/v1/programmes", "om", Op::Needed, Some(programme.clone()), ""),
        ("GET", "/v1/programmes/{id}", "oma", Op::Not, None, &shop.programme),
        ("PUT", "/v1/programmes/{id}", "om", Op::Needed, Some(put(programme)), &shop.programme),
        ("GET", "/v1/programmes/{id}/history", "oma", Op::Not, None, &shop.programme),
        ("GET", "/v1/stores", "oma", Op::Not, None, ""),
        ("POST", "/v1/stores", "om", Op::Needed, Some(json!({ "name": { "en": "Harbour" } })), ""),
        ("GET", "/v1/stores/{id}", "oma", Op::Not, None, &shop.store),
        ("PUT", "/v1/stores/{id}", "om", Op::Needed, Some(put(json!({ "name": { "en": "Harbour" } }))), &shop.store),
        ("GET", "/v1/stores/{id}/history", "oma", Op::Not, None, &shop.store),
        ("GET", "/v1/terminals", "oma", Op::Not, None, ""),
        ("POST", "/v1/terminals", "om", Op::Needed, Some(json!({ "name": "Till 2", "store": shop.store })), ""),
        ("POST", "/v1/terminals/enrol", "", Op::Not, Some(json!({ "code": "0000-0000-000" })), ""),
        ("GET", "/v1/terminals/{id}", "oma", Op::Not, None, &shop.terminal),
        (
            "PUT",
            "/v1/terminals/{id}",
            "om",
            Op::Needed,
            Some(put(json!({ "name": "Till 1", "store": shop.store, "status": "active" }))),
            &shop.terminal,
        ),
        ("GET", "/v1/terminals/{id}/history", "oma", Op::Not, None, &shop.terminal),
        ("POST", "/v1/terminals/{id}/enrolment", "om", Op::Needed, None, &shop.terminal),
        ("GET", "/v1/staff", "oma", Op::Not, None, ""),
        ("POST", "/v1/staff", "om", Op::Needed, Some(json!({ "name": "Huda", "code": op_key() })), ""),
        ("GET", "/v1/staff/{id}", "oma", Op::Not, None, &lived.staff),
        ("PUT", "/v1/staff/{id}", "om", Op::Needed, Some(put(json!({ "name": "Mariam", "code": "C1" }))), &lived.staff),
        ("GET", "/v1/staff/{id}/history", "oma", Op::Not, None, &lived.staff),
        ("POST", "/v1/staff/{id}/pin", "om", Op::Needed, None, &lived.staff),
        ("GET", "/v1/keys", "o", Op::Not, None, ""),
        ("POST", "/v1/keys", "o", Op::Needed, Some(json!({ "name": "web shop", "role": "pos" })), ""),
        ("GET", "/v1/keys/{id}", "o", Op::Not, None, key_id),
        ("GET", "/v1/keys/{id}/history", "o", Op::Not, None, key_id),
        ("POST", "/v1/keys/{id}/rotate", "o", Op::Needed, Some(json!({ "old_secret": "keep" })), key_id),
        ("POST", "/v1/keys/{id}/retire", "o", Op::Needed, None, key_id),
        ("POST", "/v1/keys/{id}/revoke", "o", Op::Needed, None, key_id),
        ("GET", "/v1/journal", "oma", Op::Not, None, ""),
        ("GET", "/v1/dead-letters", "oma", Op::Not, None, ""),
        ("POST", "/v1/dead-letters/{id}/replay", "o", Op::Not, None, dead),
        ("DELETE", "/v1/dead-letters/{id}", "o", Op::Not, None, dead),
        ("GET", "/v1/device-logs", "oma", Op::Not, None, ""),
        ("GET", "/healthz", "", Op::Not, None, ""),
        ("GET", "/readyz", "", Op::Not, None, ""),
    ]
}

async fn made_key(app: &TestApp, shop: &Shop) -> String {
    let made = app.post(&shop.owner, "/v1/keys", &json!({ "name": "spare", "role": "pos" })).await.expect(201);
    made["id"].as_str().expect("an id").to_owned()
}

/// The keys of a shop chain by the initials of their roles.
pub fn keys(shop: &Shop) -> [(char, &str); 5] {
    [('o', &shop.owner), ('m', &shop.manager), ('p', &shop.pos), ('t', &shop.till), ('a', &shop.auditor)]
}

/// The app's present instant as text, some seconds on.
pub fn in_seconds(app: &TestApp, seconds: i64) -> Timestamp {
    app.clock.now().plus_seconds(seconds)
}
