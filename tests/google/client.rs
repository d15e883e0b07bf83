//! The REST client: what goes over the wire, in which order, how fast.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use walaa::clock::ManualClock;
use walaa::gate::{Gate, GateTime, MemoryGate, OnDown, RateRule, RedisGate, RedisGateConfig};
use walaa::google::budget::{Budget, GateBudget};
use walaa::google::client::{Action, Call, GoogleClient, GoogleClientConfig, Listed, Upserted};
use walaa::google::error::CallError;
use walaa::google::resource::{IssuerId, ResourceId, ResourceKind};
use walaa::tokens::Keyring;

use super::wire::{ISSUER, Reply, Seen, Wire, account, clock};
use crate::support::redis::RedisServer;

const KIND: ResourceKind = ResourceKind::LoyaltyObject;

/// An id of the tests' issuer.
pub fn id(suffix: &str) -> ResourceId {
    format!("{ISSUER}.{suffix}").parse().expect("a right id")
}

fn issuer() -> IssuerId {
    ISSUER.parse().expect("a right issuer")
}

fn keyring() -> Arc<Keyring> {
    Arc::new(Keyring::generate(std::array::from_fn(|place| place as u8)).expect("mixed enough"))
}

/// A client, the API it speaks to, and where its tokens come from.
pub struct World {
    pub client: GoogleClient,
    pub api: Wire,
    pub tokens: Wire,
    pub clock: Arc<ManualClock>,
}

impl World {
    /// The API gives these answers in their order.
    pub async fn answering(replies: Vec<Reply>) -> Self {
        Self::with(Wire::scripted(replies).await, RateRule::per_second(1000).burst(1000)).await
    }

    pub async fn with(api: Wire, rule: RateRule) -> Self {
        let clock = clock();
        let budget = Arc::new(GateBudget::new(Arc::new(MemoryGate::new(keyring())), clock.clone(), rule));
        let given = AtomicUsize::new(1);
        let tokens = Wire::new(move |_| {
            let token = format!("token-{}", given.fetch_add(1, Ordering::SeqCst));
            Reply::json(200, &json!({"access_token": token, "expires_in": 3599, "token_type": "Bearer"}))
        })
        .await;
        let config = GoogleClientConfig { base_url: api.url.clone(), timeout: Duration::from_millis(800) };
        let account = account(&tokens.url);
        let client = GoogleClient::new((account, issuer()), &config, budget, clock.clone()).expect("a client");
        Self { client, api, tokens, clock }
    }
}

fn ok() -> Reply {
    Reply::json(200, &json!({"id": "x"}))
}

fn not_found() -> Reply {
    Reply::error(404, "notFound", "not there")
}

fn exists() -> Reply {
    Reply::error(409, "conflict", "already exists")
}

fn path(suffix: &str) -> String {
    format!("/walletobjects/v1/loyaltyObject/{ISSUER}.{suffix}")
}

#[tokio::test]
async fn each_method_is_as_the_discovery_document_has_it() {
    let world = World::answering((0..6).map(|_| ok()).collect()).await;
    let body = json!({"id": id("c").to_string(), "state": "ACTIVE"});
    let client = &world.client;
    assert_eq!(client.get(KIND, &id("c")).await, Ok(json!({"id": "x"})));
    client.insert(KIND, &id("c"), body.clone()).await.expect("inserted");
    client.patch(ResourceKind::OfferClass, &id("c"), json!({"title": "t"})).await.expect("patched");
    client.add_message(KIND, &id("c"), json!({"header": "h"})).await.expect("added");
    client.validate_jwt("a.b.c").await.expect("valid");
    let seen = world.api.seen();
    let lines = [
        format!("GET {}", path("c")),
        "POST /walletobjects/v1/loyaltyObject".to_owned(),
        format!("PATCH /walletobjects/v1/offerClass/{ISSUER}.c"),
        format!("POST {}/addMessage", path("c")),
        "POST /walletobjects/v1/jwt/validate".to_owned(),
    ];
    assert_eq!(world.api.lines(), lines);
    assert_eq!((seen[0].body.as_str(), seen[1].json(), seen[2].json()), ("", body, json!({"title": "t"})));
    assert_eq!((seen[3].json(), seen[4].json()), (json!({"message": {"header": "h"}}), json!({"jwtResource": {"jwt": "a.b.c"}})));
    for request in &seen {
        assert_eq!(request.header("authorization"), Some("Bearer token-1"));
        assert!(request.header("user-agent").is_some_and(|agent| agent.starts_with("walaa/")));
    }
    assert_eq!(seen[1].header("content-type"), Some("application/json"));
    assert_eq!(world.tokens.seen().len(), 1);
}

#[tokio::test]
async fn an_empty_answer_is_a_good_one() {
    let world = World::answering(vec![Reply::Answer(200, vec![], String::new())]).await;
    world.client.validate_jwt("a.b.c").await.expect("valid");
}

#[tokio::test]
async fn a_refused_token_is_renewed_once_and_the_request_repeated() {
    let refused = || Reply::error(401, "authError", "Invalid Credentials");
    let world = World::answering(vec![refused(), ok()]).await;
    world.client.patch(KIND, &id("c"), json!({"a": 1})).await.expect("patched");
    let seen = world.api.seen();
    let tokens: Vec<_> = seen.iter().map(|request| request.header("authorization").expect("a token")).collect();
    assert_eq!(tokens, ["Bearer token-1", "Bearer token-2"]);
    assert_eq!(seen[0].body, seen[1].body);

    let world = World::answering(vec![refused(), refused(), ok()]).await;
    let error = world.client.get(KIND, &id("c")).await.expect_err("refused twice");
    assert!(matches!(error, CallError::Unauthorized(said) if said.reason == "authError"));
    assert_eq!((world.api.seen().len(), world.tokens.seen().len()), (2, 2));
}

#[tokio::test]
async fn no_token_is_told_as_such() {
    let tokens = Wire::new(|_| Reply::json(400, &json!({"error": "invalid_grant"}))).await;
    let api = Wire::scripted(vec![]).await;
    let clock = clock();
    let budget = Arc::new(GateBudget::new(Arc::new(MemoryGate::new(keyring())), clock.clone(), GateBudget::RULE));
    let config = GoogleClientConfig { base_url: api.url.clone(), ..GoogleClientConfig::default() };
    let client = GoogleClient::new((account(&tokens.url), issuer()), &config, budget, clock).expect("a client");
    assert!(matches!(client.get(KIND, &id("c")).await, Err(CallError::NoToken(_))));
    assert!(api.seen().is_empty());
}

#[tokio::test]
async fn an_upsert_changes_makes_or_changes_what_another_made() {
    let body = json!({"id": id("c").to_string()});
    let insert = "POST /walletobjects/v1/loyaltyObject".to_owned();
    let patch = format!("PATCH {}", path("c"));
    let cases: [(Vec<Reply>, Upserted, Vec<&String>); 3] = [
        (vec![ok()], Upserted::Patched, vec![&patch]),
        (vec![not_found(), ok()], Upserted::Inserted, vec![&patch, &insert]),
        (vec![not_found(), exists(), ok()], Upserted::Patched, vec![&patch, &insert, &patch]),
    ];
    for (replies, outcome, lines) in cases {
        let world = World::answering(replies).await;
        assert_eq!(world.client.upsert(KIND, &id("c"), (&body, &body)).await, Ok(outcome));
        assert_eq!(world.api.lines().iter().collect::<Vec<_>>(), lines);
        assert!(world.api.seen().iter().all(|request| request.json() == body));
    }
    for (replies, requests) in [(vec![not_found(), not_found(), ok()], 2), (vec![not_found(), exists(), not_found(), ok()], 3)] {
        let world = World::answering(replies).await;
        assert!(matches!(world.client.upsert(KIND, &id("c"), (&body, &body)).await, Err(CallError::NotFound(_))));
        assert_eq!(world.api.seen().len(), requests, "nothing goes round in circles");
    }
    let world = World::answering(vec![Reply::error(400, "invalid", "x"), ok()]).await;
    assert!(matches!(world.client.upsert(KIND, &id("c"), (&body, &body)).await, Err(CallError::Invalid(_))));
}

#[tokio::test]
async fn a_list_is_read_page_by_page() {
    let first =
        json!({"resources": [{"id": "1"}, {"id": "2"}], "pagination": {"resultsPerPage": 2, "nextPageToken": "a/b+c=&d"}});
    let world = World::answering(vec![
        Reply::json(200, &first),
        Reply::json(200, &json!({"resources": [{"id": "3"}], "pagination": {"resultsPerPage": 1}})),
        Reply::json(200, &json!({})),
    ])
    .await;
    let objects = Listed::ObjectsOf(KIND, id("class"));
    let page = world.client.list(&objects, None).await.expect("a page");
    assert_eq!((page.resources.len(), page.next.as_deref()), (2, Some("a/b+c=&d")));
    let page = world.client.list(&objects, page.next.as_deref()).await.expect("a page");
    assert_eq!((page.resources, page.next), (vec![json!({"id": "3"})], None));
    let page = world.client.list(&Listed::ClassesOf(ResourceKind::LoyaltyClass), None).await.expect("a page");
    assert!(page.resources.is_empty() && page.next.is_none());
    let of_class = format!("GET /walletobjects/v1/loyaltyObject?classId={ISSUER}.class&maxResults=100");
    assert_eq!(
        world.api.lines(),
        [
            of_class.clone(),
            format!("{of_class}&token=a%2Fb%2Bc%3D%26d"),
            format!("GET /walletobjects/v1/loyaltyClass?issuerId={ISSUER}&maxResults=100"),
        ]
    );
}

fn patch(suffix: &str, points: i64) -> Call {
    let body = json!({"loyaltyPoints": {"balance": {"int": points}}, "note": "a\r\n--===============walaa==\r\nb"});
    Call { kind: KIND, id: id(suffix), action: Action::Patch(body) }
}

/// The parts of a batch as a server reads them: Content-ID, request line, body.
fn parts(seen: &Seen) -> Vec<(String, String, Option<Value>)> {
    let boundary = seen.header("content-type").and_then(|text| text.split_once("boundary=")).expect("a boundary").1;
    let delimiter = format!("--{}", boundary.trim_matches('"'));
    let lines = format!("\r\n{}", seen.body);
    let mut parts = lines.split(&format!("\r\n{delimiter}")).collect::<Vec<_>>();
    assert_eq!((parts.remove(0), parts.pop()), ("", Some("--\r\n")));
    let read = |part: &str| {
        let [outer, inner, body] = part.splitn(3, "\r\n\r\n").collect::<Vec<_>>().try_into().expect("three pieces");
        assert!(outer.contains("Content-Type: application/http") && outer.contains("Content-Transfer-Encoding: binary"));
        let content_id = outer.lines().find_map(|line| line.strip_prefix("Content-ID: <")).expect("a Content-ID");
        let length = inner.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        assert_eq!(length.map_or(0, |length| length.parse::<usize>().expect("a number")), body.len());
        let body = (!body.is_empty()).then(|| serde_json::from_str(body).expect("JSON"));
        (content_id.trim_end_matches('>').to_owned(), inner.lines().next().expect("a line").to_owned(), body)
    };
    parts.into_iter().map(read).collect()
}

fn batch_answer(parts: &[(&str, &str)]) -> Reply {
    let parts: String = parts
        .iter()
        .map(|(id, inner)| {
            format!("--batch_x\r\nContent-Type: application/http\r\nContent-ID: <response-{id}>\r\n\r\n{inner}\r\n")
        })
        .collect();
    let content_type = ("Content-Type".to_owned(), "multipart/mixed; boundary=batch_x".to_owned());
    Reply::Answer(200, vec![content_type], format!("{parts}--batch_x--\r\n"))
}

#[tokio::test]
async fn a_batch_gives_each_call_its_own_outcome_whatever_the_order_of_the_answers() {
    // The answers come last first, the third one not at all.
    let api = Wire::new(|seen| {
        let ids: Vec<String> = parts(seen).into_iter().map(|(id, ..)| id).collect();
        let head = "Content-Type: application/json; charset=UTF-8\r\n";
        batch_answer(&[
            (&ids[4], &format!("HTTP/1.1 200 OK\r\n{head}\r\n{{\"at\": 4}}")),
            (&ids[3], &format!("HTTP/1.1 429 Too Many\r\n{head}Retry-After: 3\r\n\r\n{{}}")),
            (
                &ids[1],
                &format!("HTTP/1.1 404 Not Found\r\n{head}\r\n{{\"error\": {{\"errors\": [{{\"reason\": \"notFound\"}}]}}}}"),
            ),
            (&ids[0], &format!("HTTP/1.1 200 OK\r\n{head}\r\n{{\"at\": 0}}")),
        ])
    })
    .await;
    let world = World::with(api, GateBudget::RULE).await;
    let calls = [
        patch("a", 1),
        patch("b", 2),
        Call { kind: KIND, id: id("c"), action: Action::Get },
        Call { kind: KIND, id: id("d"), action: Action::Insert(json!({"id": "d"})) },
        Call { kind: KIND, id: id("e"), action: Action::AddMessage(json!({"body": "ولاء"})) },
    ];
    let outcomes = world.client.batch(&calls).await.expect("an answer");
    assert_eq!((&outcomes[0], &outcomes[4]), (&Ok(json!({"at": 0})), &Ok(json!({"at": 4}))));
    assert!(matches!(&outcomes[1], Err(CallError::NotFound(said)) if said.reason == "notFound"), "{outcomes:?}");
    assert!(matches!(&outcomes[2], Err(CallError::Transient { .. })), "{outcomes:?}");
    assert!(matches!(&outcomes[3], Err(CallError::QuotaExceeded { after, .. }) if *after == Some(Duration::from_secs(3))));

    let seen = &world.api.seen()[0];
    assert_eq!((seen.line().as_str(), seen.header("authorization")), ("POST /batch", Some("Bearer token-1")));
    let read = parts(seen);
    let lines: Vec<&str> = read.iter().map(|(_, line, _)| line.as_str()).collect();
    assert_eq!(
        lines,
        [
            format!("PATCH {}?alt=json HTTP/1.1", path("a")),
            format!("PATCH {}?alt=json HTTP/1.1", path("b")),
            format!("GET {}?alt=json HTTP/1.1", path("c")),
            "POST /walletobjects/v1/loyaltyObject?alt=json HTTP/1.1".to_owned(),
            format!("POST {}/addMessage?alt=json HTTP/1.1", path("e")),
        ]
    );
    assert_eq!(read.iter().map(|(id, ..)| id).collect::<BTreeSet<_>>().len(), 5, "no id twice");
    assert_eq!(read[1].2.as_ref().expect("a body")["loyaltyPoints"]["balance"]["int"], 2);
    assert_eq!(read[4].2, Some(json!({"message": {"body": "ولاء"}})));
}

#[tokio::test]
async fn a_batch_that_can_not_be_sent_is_not_and_an_empty_one_is_nothing() {
    let world = World::with(Wire::scripted(vec![]).await, RateRule::per_second(15).burst(20)).await;
    assert_eq!(world.client.batch_size(), 20, "what the budget can give at once");
    let many: Vec<Call> = (0..21).map(|at| patch(&format!("c{at}"), 1)).collect();
    assert!(matches!(world.client.batch(&many).await, Err(CallError::Unsendable(_))));
    assert!(matches!(world.client.batch(&[patch("a", 1), patch("a", 2)]).await, Err(CallError::Unsendable(_))));
    assert_eq!(world.client.batch(&[]).await, Ok(Vec::new()));
    assert!(world.api.seen().is_empty());
    let raised = World::with(Wire::scripted(vec![]).await, RateRule::per_second(1000)).await;
    assert_eq!(raised.client.batch_size(), 50);
}

#[tokio::test]
async fn a_batch_that_is_refused_as_a_whole_says_so_and_a_refused_token_is_renewed() {
    let world = World::answering(vec![Reply::error(401, "authError", "x"), Reply::error(503, "backendError", "x")]).await;
    assert!(matches!(world.client.batch(&[patch("a", 1)]).await, Err(CallError::Transient { .. })));
    assert_eq!(world.api.seen()[1].header("authorization"), Some("Bearer token-2"));
    let world = World::answering(vec![Reply::json(200, &json!({}))]).await;
    let outcomes = world.client.batch(&[patch("a", 1), patch("b", 1)]).await.expect("an answer");
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(CallError::Transient { .. }))), "{outcomes:?}");
}

#[tokio::test]
async fn what_is_asked_too_soon_is_not_sent_and_says_when() {
    let api = Wire::new(|seen| {
        if seen.target != "/batch" {
            return ok();
        }
        let answers: Vec<_> = parts(seen).into_iter().map(|(id, ..)| id).collect();
        batch_answer(&answers.iter().map(|id| (id.as_str(), "HTTP/1.1 200 OK\r\n\r\n{}")).collect::<Vec<_>>())
    })
    .await;
    let world = World::with(api, RateRule::per_second(10).burst(5)).await;
    let calls: Vec<Call> = (0..4).map(|at| patch(&format!("c{at}"), 1)).collect();
    world.client.batch(&calls).await.expect("a batch of four takes four");
    world.client.get(KIND, &id("c")).await.expect("the fifth");
    assert_eq!(world.client.get(KIND, &id("c")).await, Err(CallError::Wait(Duration::from_millis(100))));
    assert_eq!(world.client.batch(&calls).await, Err(CallError::Wait(Duration::from_millis(400))));
    assert_eq!(world.api.seen().len(), 2);
    world.clock.advance_millis(400);
    world.client.batch(&calls).await.expect("all four again");
}

/// Lets one request pass for each permit, and notes what was asked.
#[derive(Default)]
struct Permits {
    answers: Mutex<Vec<Result<(), Duration>>>,
    taken: Mutex<Vec<u32>>,
}

#[async_trait::async_trait]
impl Budget for Permits {
    async fn take(&self, _: IssuerId, requests: u32) -> Result<(), Duration> {
        self.taken.lock().expect("unpoisoned").push(requests);
        self.answers.lock().expect("unpoisoned").pop().unwrap_or(Ok(()))
    }

    fn most_at_once(&self) -> u32 {
        50
    }
}

async fn permitted(answers: Vec<Result<(), Duration>>, api: Vec<Reply>) -> (GoogleClient, Wire, Arc<Permits>, Wire) {
    let tokens = Wire::new(|_| Reply::json(200, &json!({"access_token": "t", "expires_in": 3599}))).await;
    let api = Wire::scripted(api).await;
    let permits = Arc::new(Permits { answers: Mutex::new(answers.into_iter().rev().collect()), ..Permits::default() });
    let config = GoogleClientConfig { base_url: api.url.clone(), ..GoogleClientConfig::default() };
    let client = GoogleClient::new((account(&tokens.url), issuer()), &config, permits.clone(), clock()).expect("a client");
    (client, api, permits, tokens)
}

#[tokio::test]
async fn a_patient_caller_waits_but_not_for_ever() {
    let soon = Err(Duration::from_millis(20));
    let (client, api, permits, _tokens) = permitted(vec![soon, soon], vec![ok()]).await;
    client.patient(Duration::from_secs(2)).get(KIND, &id("c")).await.expect("after two waits");
    assert_eq!((api.seen().len(), permits.taken.lock().expect("unpoisoned").as_slice()), (1, &[1, 1, 1][..]));

    let (client, api, _, _tokens) = permitted(vec![Err(Duration::from_secs(3))], vec![ok()]).await;
    let patient = client.patient(Duration::from_secs(60));
    assert_eq!(patient.get(KIND, &id("c")).await, Err(CallError::Wait(Duration::from_secs(3))), "two seconds at most");
    assert!(api.seen().is_empty());
}

#[tokio::test]
async fn each_request_of_an_upsert_is_paid_for_and_the_later_ones_wait_a_little() {
    let soon = Err(Duration::from_millis(20));
    let (client, api, permits, _tokens) = permitted(vec![Ok(()), soon], vec![not_found(), ok()]).await;
    assert_eq!(client.upsert(KIND, &id("c"), (&json!({}), &json!({}))).await, Ok(Upserted::Inserted));
    assert_eq!((api.seen().len(), permits.taken.lock().expect("unpoisoned").len()), (2, 3));
    let (client, api, _, _tokens) = permitted(vec![soon], vec![ok()]).await;
    assert_eq!(client.upsert(KIND, &id("c"), (&json!({}), &json!({}))).await, Err(CallError::Wait(Duration::from_millis(20))));
    assert!(api.seen().is_empty(), "the first one does not wait");
}

#[tokio::test]
async fn nodes_share_the_budget_through_redis_and_keep_to_half_of_it_without() {
    let mut server = RedisServer::start();
    let config = RedisGateConfig {
        timeout: Duration::from_secs(5),
        time: GateTime::Caller,
        on_down: OnDown::Degrade,
        ..RedisGateConfig::new(server.url())
    };
    let clock = clock();
    let mut nodes = Vec::new();
    for _ in 0..2 {
        let gate = RedisGate::start(config.clone(), keyring()).expect("a good address");
        gate.wait_until_up().await;
        nodes.push(GateBudget::new(Arc::new(gate), clock.clone(), GateBudget::RULE));
    }
    let other: IssuerId = "3388000000022211970".parse().expect("an issuer");
    let mut taken = 0;
    while nodes[taken % 2].take(issuer(), 1).await.is_ok() {
        taken += 1;
        assert!(taken <= 20, "both nodes together");
    }
    assert_eq!(taken, 20);
    nodes[0].take(other, 20).await.expect("another issuer's budget is its own");
    server.kill();
    let mut alone = 0;
    while nodes[0].take(issuer(), 1).await.is_ok() {
        alone += 1;
        assert!(alone <= 10, "half of it on each node");
    }
    assert_eq!(alone, 10);
    clock.advance_seconds(60);
    nodes[1].take(issuer(), 20).await.expect("a whole batch is let through, and paid for afterwards");
}

#[tokio::test]
async fn a_gate_that_refuses_when_it_is_down_makes_us_wait() {
    let config = RedisGateConfig { on_down: OnDown::Refuse, ..RedisGateConfig::new("redis://127.0.0.1:1") };
    let gate: Arc<dyn Gate> = Arc::new(RedisGate::start(config, keyring()).expect("an address"));
    let budget = GateBudget::new(gate, clock(), GateBudget::RULE);
    assert_eq!(budget.take(issuer(), 1).await, Err(Duration::from_secs(1)));
}

#[tokio::test]
async fn a_client_speaks_https_or_to_this_machine() {
    let permits: Arc<dyn Budget> = Arc::new(Permits::default());
    for wrong in ["http://walletobjects.googleapis.com", "https://walletobjects.googleapis.com/walletobjects/v1", "x"] {
        let config = GoogleClientConfig { base_url: wrong.to_owned(), ..GoogleClientConfig::default() };
        let account = account("https://oauth2.googleapis.com/token");
        assert!(GoogleClient::new((account, issuer()), &config, Arc::clone(&permits), clock()).is_err(), "{wrong}");
    }
}
