//! The gateway as clients meet it: a real server on a free port, with a database in a folder of its own, a clock that the test moves,
//! and a shop chain that was set up through the front door. One method for what a person or a till does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actix_web::HttpServer;
use actix_web::dev::ServerHandle;
use actix_web::middleware::from_fn;
use actix_web::web::ServiceConfig;
use serde_json::{Value, json};
use walaa::app::Parts;
use walaa::cards::{Asked, Core};
use walaa::clock::{ManualClock, Timestamp};
use walaa::config::{self, Config, Listen, SecretText};
use walaa::gate::{Gate, GateTime, RateRule, RedisGate, RedisGateConfig};
use walaa::http::limits::Limits;
use walaa::http::observe::observe;
use walaa::http::{self, AppState, State};
use walaa::ids::{KeyId, OrgId, SystemIds};
use walaa::ledger::{Body, DocumentKey, Fingerprint, OpKey, Principal, PutDocument};
use walaa::tokens::{Credential, Environment, KeyHolder, Keyring};

use super::described;
use super::ground::{Ground, Nodes};
use super::ledger::START;
use super::redis::RedisServer;

/// Limits that no test meets by accident: the clock stands still, so nothing ever comes back.
pub fn wide() -> Limits {
    let rule = RateRule::per_second(10_000).burst(10_000);
    Limits { address: rule, key: rule, terminal: rule, organisation: rule, failed_sign_ins: rule, ..Limits::default() }
}

/// A configuration for a folder: free ports, wide limits.
pub fn config(folder: &std::path::Path) -> Config {
    let many = 10_000;
    let mut config = Config::default();
    config.server.listen = Listen::local(0);
    config.server.admin_listen = Listen::local(0);
    config.server.workers = 1;
    config.server.drain_seconds = 0;
    config.database.url = SecretText::new(format!("sqlite:{}", folder.join("walaa.db").display()));
    config.keys.keyring_file = folder.join("keyring.toml");
    config.limits = config::Limits {
        address_per_second: many,
        address_burst: many,
        key_per_second: many,
        key_burst: many,
        terminal_per_second: many,
        terminal_burst: many,
        organisation_per_second: many,
        organisation_burst: many,
        failed_sign_ins: many,
        joins_per_hour: many,
        ..config::Limits::default()
    };
    config
}

/// A running gateway.
pub struct TestApp {
    /// Where it is: `http://127.0.0.1:port`.
    pub address: String,
    /// Its clock.
    pub clock: Arc<ManualClock>,
    /// Its working parts.
    pub core: Core,
    /// What its handlers share.
    pub state: State,
    /// The shop chain that tests act in unless they found another one.
    pub shop: Shop,
    client: reqwest::Client,
    operators: String,
    other_doors: Vec<ServerHandle>,
    _nodes: Nodes,
    pub folder: tempfile::TempDir,
    /// What it stands on.
    pub ground: Ground,
}

/// A gate on a real Redis, by the tests' clock.
pub async fn redis_gate(keyring: &Arc<Keyring>) -> (Arc<dyn Gate>, RedisServer) {
    let server = RedisServer::start();
    let patient = Duration::from_millis(200);
    let config = RedisGateConfig { time: GateTime::Caller, timeout: patient, ..RedisGateConfig::new(server.url()) };
    let gate = RedisGate::start(config, Arc::clone(keyring)).expect("a right address");
    gate.wait_until_up().await;
    (Arc::new(gate), server)
}

/// A shop chain with a programme, a store and a till.
#[derive(Debug, Clone, Default)]
pub struct Shop {
    pub organisation: String,
    pub programme: String,
    pub store: String,
    pub terminal: String,
    pub owner: String,
    pub manager: String,
    pub pos: String,
    pub auditor: String,
    pub till: String,
}

/// A member with a card.
#[derive(Debug, Clone)]
pub struct Customer {
    pub member: String,
    pub card: String,
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub bytes: Vec<u8>,
    asked: String,
}

impl Reply {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("{} answers JSON, not {self:?}", self.asked))
    }

    /// The stable code of a refusal; empty for none.
    pub fn code(&self) -> String {
        let body: Value = serde_json::from_slice(&self.bytes).unwrap_or_default();
        body["code"].as_str().unwrap_or_default().to_owned()
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body of an answer with that status.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}: {}", self.asked, String::from_utf8_lossy(&self.bytes));
        if self.bytes.is_empty() { Value::Null } else { self.json() }
    }

    /// The body of a refusal with that code; every refusal is a whole problem.
    #[track_caller]
    pub fn refused(&self, code: &str) -> Value {
        assert_eq!(self.code(), code, "{} ({}): {}", self.asked, self.status, String::from_utf8_lossy(&self.bytes));
        let body = self.json();
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.asked);
        assert_eq!(body["status"], self.status, "{}", self.asked);
        assert_eq!(body["type"], format!("urn:walaa:problem:{code}"));
        assert!(body["title"].is_string() && body["detail"].is_string(), "{body}");
        body
    }
}

/// A fresh operation key, readable in a failure.
pub fn op_key() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("test-operation-{:08}", NEXT.fetch_add(1, Ordering::Relaxed))
}

impl TestApp {
    /// A gateway with one shop chain.
    pub async fn spawn() -> Self {
        let mut app = Self::empty().await;
        app.shop = app.found_shop().await;
        app
    }

    /// A gateway with one shop chain, and limits of its own.
    pub async fn with_limits(limits: Limits) -> Self {
        let app = Self::spawn().await;
        let state = AppState { limits: limits.into(), ..app.state.as_ref().clone() };
        app.clock.advance_seconds(1);
        app.again_with(state).await
    }

    /// A gateway with one shop chain, where one address may make so many cards.
    pub async fn with_joins(joins_per_hour: u32) -> Self {
        let mut app = Self::changed(|config| config.limits.joins_per_hour = joins_per_hour).await;
        app.shop = app.found_shop().await;
        app
    }

    /// A gateway with one shop chain, where one address may fail so often.
    pub async fn few_failures(failures: u32) -> Self {
        let mut app = Self::changed(|config| config.limits.failed_sign_ins = failures).await;
        app.shop = app.found_shop().await;
        app
    }

    /// A gateway with nobody in it.
    pub async fn empty() -> Self {
        Self::changed(|_| {}).await
    }

    /// A gateway with nobody in it, and a configuration of its own.
    pub async fn changed(change: impl FnOnce(&mut Config)) -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(START)));
        Self::empty_with(tempfile::tempdir().expect("a folder"), clock, change).await
    }

    /// A gateway with nobody in it, a folder and a clock that others know already, and a configuration of its own.
    pub async fn empty_with(folder: tempfile::TempDir, clock: Arc<ManualClock>, change: impl FnOnce(&mut Config)) -> Self {
        let parts = Parts { clock: Arc::<ManualClock>::clone(&clock), ids: Arc::new(SystemIds) };
        let mut config = config(folder.path());
        let ground = Ground::prepare(&mut config);
        change(&mut config);
        let nodes = Nodes::start(&ground, &config, &parts).await;
        Self {
            address: local(nodes.port),
            operators: local(nodes.admin_port),
            clock,
            core: nodes.core.clone(),
            state: nodes.state.clone(),
            shop: Shop::default(),
            client: reqwest::Client::new(),
            other_doors: Vec::new(),
            _nodes: nodes,
            folder,
            ground,
        }
    }

    /// The same gateway behind another front door: other limits, another address.
    pub async fn again_with(self, state: AppState) -> Self {
        self.again_with_routes(state, |_| {}).await
    }

    /// The same gateway behind another front door, with other working parts.
    pub async fn again_with_core(mut self, core: Core) -> Self {
        let state = AppState { core: core.clone(), ..self.state.as_ref().clone() };
        self.core = core;
        self.again_with(state).await
    }

    /// The same gateway behind another front door with further routes.
    pub async fn again_with_routes(mut self, state: AppState, further: fn(&mut ServiceConfig)) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        self.address = local(listener.local_addr().expect("a bound address").port());
        self.state = State::new(state);
        self.other_doors.push(serve(listener, self.state.clone(), further));
        self
    }

    /// Asks the operator's own listener.
    pub async fn admin(&self, path: &str) -> String {
        let answer = self.client.get(format!("{}{path}", self.operators)).send().await.expect("an answer");
        answer.text().await.expect("a text")
    }

    /// Revokes a key as another node does: this one is not told.
    pub async fn revoke_behind_the_back(&self, id: &str) {
        let org = self.shop.organisation.parse().expect("an id");
        let key = DocumentKey::key(org, id.parse().expect("an id"));
        let document = self.core.db.document(key).await.expect("the database answers").expect("the key is there");
        let body = document.body.replace("\"revoked\":false", "\"revoked\":true");
        self.put_behind_the_back(key, (document.version, body)).await;
    }

    async fn put_behind_the_back(&self, key: DocumentKey, (expected_version, body): (i64, String)) {
        let asked = Asked {
            org: key.org,
            principal: Principal::System,
            key: OpKey::parse(&op_key()).expect("a key of the right form"),
            fingerprint: Fingerprint::of("test", &body),
        };
        let put = PutDocument { key, expected_version, body: Arc::from(body) };
        self.core.ask(&asked, Body::PutDocument(put)).await.expect("the ledger answers").result.expect("a new version");
    }

    /// Founds a shop chain: the organisation and its owner's key as the command line does, everything else as the owner does.
    pub async fn found_shop(&self) -> Shop {
        let org = OrgId(self.core.ids.random());
        let owner = self.found_organisation(org).await;
        let mut shop = Shop { organisation: org.to_string(), owner, ..Shop::default() };
        let owner = shop.owner.clone();
        let made = |reply: Reply| reply.expect(201)["id"].as_str().expect("an id").to_owned();
        shop.programme = made(self.post(&owner, "/v1/programmes", &coffee_programme()).await);
        shop.store = made(self.post(&owner, "/v1/stores", &json!({ "name": { "en": "Main Street" } })).await);
        let terminal = json!({ "name": "Till 1", "store": shop.store });
        let terminal = self.post(&owner, "/v1/terminals", &terminal).await.expect(201);
        shop.terminal = terminal["id"].as_str().expect("an id").to_owned();
        shop.till = self.enrol_terminal(terminal["enrolment_code"].as_str().expect("a code")).await;
        shop.manager = self.make_key(&shop, json!({ "name": "manager", "role": "manager" })).await;
        shop.pos = self.make_key(&shop, json!({ "name": "till software", "role": "pos" })).await;
        shop.auditor = self.make_key(&shop, json!({ "name": "auditor", "role": "auditor" })).await;
        shop
    }

    async fn found_organisation(&self, org: OrgId) -> String {
        let id = KeyId(self.core.ids.random());
        let scope = self.core.keyring.scope(org);
        let secret = self.core.keyring.key_secret(scope, id, 1).expect("the current key is there");
        let key = json!({
            "name": "owner", "role": "owner", "secret_hashes": [secret.hash().to_hex()], "secret_generation": 1, "secret_kid": scope.kid.0,
        });
        let documents =
            [(DocumentKey::organisation(org), json!({ "name": { "en": "Bean There" } })), (DocumentKey::key(org, id), key)];
        for (key, body) in documents {
            self.put_behind_the_back(key, (0, body.to_string())).await;
        }
        Credential { environment: Environment::Live, holder: KeyHolder::Key(id), secret }.to_text().to_string()
    }

    /// The owner makes a key; the answer is its text.
    pub async fn make_key(&self, shop: &Shop, key: Value) -> String {
        let made = self.post(&shop.owner, "/v1/keys", &key).await.expect(201);
        made["key"].as_str().expect("a key").to_owned()
    }

    /// Staff type the one-time code; the answer is the till's key.
    pub async fn enrol_terminal(&self, code: &str) -> String {
        let reply = self.send(Ask::post("/v1/terminals/enrol").body(&json!({ "code": code }))).await;
        reply.expect(201)["key"].as_str().expect("a key").to_owned()
    }

    /// Someone joins.
    pub async fn enrol(&self, shop: &Shop) -> Customer {
        let body = json!({ "programme": shop.programme, "name": "Amal", "language": "ar" });
        let body = self.post(&shop.pos, "/v1/members", &body).await.expect(201);
        let text = |value: &Value| value.as_str().expect("an id").to_owned();
        Customer { member: text(&body["member"]["id"]), card: text(&body["card"]["id"]) }
    }

    /// A till posts a sale.
    pub async fn earn(&self, shop: &Shop, card: &str, amount: &str) -> Value {
        let sale = json!({ "card": card, "receipt": op_key(), "total": { "amount": amount, "currency": "KWD" } });
        self.post(&shop.till, "/v1/earnings", &sale).await.expect(201)
    }

    /// The customer shows the live code.
    pub async fn live_code(&self, shop: &Shop, card: &str) -> String {
        let codes = self.post(&shop.pos, &format!("/v1/cards/{card}/codes"), &Value::Null).await.expect(201);
        codes["live"]["code"].as_str().expect("a code").to_owned()
    }

    /// A till redeems a code for a reward.
    pub async fn redeem(&self, shop: &Shop, code: &str, reward: &str) -> Reply {
        self.redeem_with(&shop.till, code, reward).await
    }

    /// Somebody redeems a code for a reward.
    pub async fn redeem_with(&self, key: &str, code: &str, reward: &str) -> Reply {
        self.post(key, "/v1/redemptions", &json!({ "code": code, "rewards": [{ "reward": reward, "quantity": 1 }] })).await
    }

    /// The first reward that a scan offers.
    pub async fn first_reward(&self, shop: &Shop, code: &str) -> String {
        let scan = self.send(Ask::post("/v1/scans").key(&shop.pos).body(&json!({ "code": code }))).await.expect(200);
        assert_eq!(scan["rewards"][0]["available"], true, "the affordable come first: {scan}");
        scan["rewards"][0]["id"].as_str().expect("an id").to_owned()
    }

    /// One more till software.
    pub async fn make_pos_key(&self, shop: &Shop, number: usize) -> String {
        self.make_key(shop, json!({ "name": format!("till software {number}"), "role": "pos" })).await
    }

    /// Points are swapped for a voucher.
    pub async fn issue_voucher(&self, shop: &Shop, card: &str, reward: &str) -> Value {
        self.post(&shop.pos, "/v1/vouchers", &json!({ "card": card, "reward": reward })).await.expect(201)
    }

    /// The sequencer does its rounds until nothing waits. A round does nothing while another node is at it.
    pub async fn sequence(&self) {
        while self.core.db.unsealed().await.expect("the database answers") > 0 {
            self.core.db.sequence(256, self.core.clock.now()).await.expect("the database answers");
        }
    }

    /// Reads.
    pub async fn get(&self, key: &str, path: &str) -> Reply {
        self.send(Ask::get(path).key(key)).await
    }

    /// Writes under a fresh operation key; without a body for `null`.
    pub async fn post(&self, key: &str, path: &str, body: &Value) -> Reply {
        let ask = Ask::post(path).key(key).op(&op_key());
        self.send(if body.is_null() { ask } else { ask.body(body) }).await
    }

    /// Changes a document that was seen at a version.
    pub async fn put(&self, key: &str, path: &str, (expected_version, document): (i64, &Value)) -> Reply {
        let body = json!({ "expected_version": expected_version, "document": document });
        self.send(Ask::new("PUT", path).key(key).op(&op_key()).body(&body)).await
    }

    /// Sends anything at all.
    pub async fn send(&self, ask: Ask) -> Reply {
        let method = reqwest::Method::from_bytes(ask.method.as_bytes()).expect("a method");
        let asked = format!("{method} {}", ask.path);
        let mut request = self.client.request(method, format!("{}{}", self.address, ask.path));
        for (name, value) in &ask.headers {
            request = request.header(name, value.as_slice());
        }
        let response = request.body(ask.body).send().await.unwrap_or_else(|error| panic!("{asked} is answered: {error}"));
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await.expect("a whole body").to_vec();
        let reply = Reply { status, headers, bytes, asked };
        if reply.status < 300 && self.ground.has_several_nodes() && changes_a_document(&ask.method, &ask.path) {
            self.clock.advance_seconds(1);
        }
        if reply.header("content-type") == "application/problem+json" {
            described::check(&ask.method, &ask.path, (status, &reply.code()));
        }
        reply
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        // The worker threads end on their own; nobody waits for them.
        self.other_doors.iter().for_each(|server| drop(server.stop(false)));
    }
}

/// Whether a request changes what nodes keep for a moment: it binds at once where it was written, and within a second elsewhere.
fn changes_a_document(method: &str, path: &str) -> bool {
    method == "PUT"
        || ["/v1/keys/", "/v1/terminals/", "/v1/staff/"].iter().any(|prefix| path.starts_with(prefix) && method == "POST")
}

fn local(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

fn serve(listener: std::net::TcpListener, state: State, further: fn(&mut ServiceConfig)) -> ServerHandle {
    let server = HttpServer::new(move || {
        actix_web::App::new().app_data(state.clone()).wrap(from_fn(observe)).configure(further).configure(http::routes)
    });
    let server = server.workers(1).disable_signals().listen(listener).expect("a bound listener").run();
    let handle = server.handle();
    tokio::spawn(server);
    handle
}

/// A request in the making.
#[derive(Debug, Clone, Default)]
pub struct Ask {
    method: String,
    path: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Ask {
    pub fn new(method: &str, path: &str) -> Self {
        Self { method: method.to_owned(), path: path.to_owned(), ..Self::default() }
    }

    pub fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    pub fn post(path: &str) -> Self {
        Self::new("POST", path)
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.as_bytes().to_vec()));
        self
    }

    pub fn key(self, key: &str) -> Self {
        self.header("authorization", &format!("Bearer {key}"))
    }

    pub fn op(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    pub fn body(self, body: &Value) -> Self {
        self.text("application/json", body.to_string().as_bytes())
    }

    pub fn text(mut self, content_type: &str, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self.header("content-type", content_type)
    }
}

/// The café's programme: ten points for each dinar.
pub fn coffee_programme() -> Value {
    json!({
        "name": { "en": "Bean There Rewards", "ar": "مكافآت" },
        "currency": "KWD",
        "time_zone": "Asia/Kuwait",
        "template": "coffee",
        "earning": { "points_per_unit": "10" },
        "rewards": [
            { "id": "coffee", "name": { "en": "A coffee", "ar": "قهوة" }, "points": 50 },
            { "id": "cake", "name": { "en": "A cake", "ar": "كعكة" }, "points": 80 },
        ],
    })
}
