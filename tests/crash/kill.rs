//! SIGKILL under load, two hundred times: S1 (one capture per token), S2 (an answered yes is there after the restart), S3 (a repeated
//! operation gets its first answer), S5 (a token that was not captured stays usable), S6 (every operation gets a final answer).

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::support::process::Demo;

/// How often the process is killed in one run.
const KILLS: usize = 200;

/// Tills that redeem at the same time.
const TILLS: usize = 6;

/// Cards that they redeem from, in turns: a card's own rate limit must not be what the test measures.
const CARDS: usize = 48;

/// How often an unanswered operation is tried again before the test gives up.
const TRIES: usize = 60;

/// How many of the latest operations are asked again after each restart, beside all that had no answer.
const RECHECKED: usize = 12;

/// One redemption as its till knows it.
#[derive(Clone)]
struct Redemption {
    op: String,
    code: String,
    /// The first final answer: status and bytes.
    answer: Option<(u16, Vec<u8>)>,
}

#[derive(Default)]
struct Book {
    redemptions: Vec<Redemption>,
}

struct Till {
    http: reqwest::Client,
    base: String,
    key: String,
}

impl Till {
    fn new(demo: &Demo) -> Self {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(5)).no_proxy().build().expect("a client");
        Self { http, base: demo.text("base_url").to_owned(), key: demo.text("admin_key").to_owned() }
    }

    /// One try; `None` when no answer came or the answer is not final.
    async fn post(&self, path: &str, op: &str, body: &Value) -> Option<(u16, Vec<u8>)> {
        let request =
            self.http.post(format!("{}{path}", self.base)).bearer_auth(&self.key).header("idempotency-key", op).json(body);
        let response = request.send().await.ok()?;
        let status = response.status().as_u16();
        let bytes = response.bytes().await.ok()?;
        (status != 429 && status < 500).then(|| (status, bytes.to_vec()))
    }

    /// Tries until the answer is final.
    async fn insist(&self, path: &str, op: &str, body: &Value) -> (u16, Vec<u8>) {
        for _ in 0..TRIES {
            if let Some(answer) = self.post(path, op, body).await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("S6: {path} under {op} never got a final answer");
    }
}

fn redeem(code: &str) -> Value {
    json!({ "code": code, "rewards": [{ "reward": cheapest(), "quantity": 1 }] })
}

fn cheapest() -> &'static str {
    "espresso"
}

/// A key that no other operation of the run has.
fn next_op(counter: &AtomicU64) -> String {
    format!("crash-test-op-{:08}", counter.fetch_add(1, Ordering::SeqCst))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s1_s2_s3_two_hundred_kills_lose_nothing_and_capture_nothing_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let counter = Arc::new(AtomicU64::new(1));
    let book = Arc::new(Mutex::new(Book::default()));
    let first = Demo::start(&data, &[]);
    let cards = Arc::new(prepare(&Till::new(&first), &counter).await);
    first.kill();
    let mut seed = 0x5eed_u64;
    for round in 0..KILLS {
        let demo = Demo::start(&data, &[]);
        check_survivors(&Till::new(&demo), &book, round).await;
        let tills: Vec<_> = (0..TILLS)
            .map(|till| tokio::spawn(work(Till::new(&demo), share(&cards, till), (Arc::clone(&counter), Arc::clone(&book)))))
            .collect();
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        tokio::time::sleep(Duration::from_millis(20 + (seed >> 33) % 230)).await;
        demo.kill();
        for till in tills {
            till.abort();
            let _aborted = till.await;
        }
    }
    let demo = Demo::start(&data, &[]);
    let till = Till::new(&demo);
    check_survivors(&till, &book, KILLS).await;
    check_everything(&till, (&book, &cards, &counter)).await;
}

/// The cards of one till.
fn share(cards: &[String], till: usize) -> Vec<String> {
    cards.iter().skip(till).step_by(TILLS).cloned().collect()
}

/// Members with more points than the run can spend.
async fn prepare(till: &Till, counter: &AtomicU64) -> Vec<String> {
    let mut cards = Vec::new();
    for number in 0..CARDS {
        let programme = till_programme(till).await;
        let (status, body) = till
            .insist("/v1/members", &next_op(counter), &json!({ "name": format!("Card {number}"), "programme": programme }))
            .await;
        assert_eq!(status, 201, "{}", String::from_utf8_lossy(&body));
        let body: Value = serde_json::from_slice(&body).expect("JSON");
        let card = body["card"]["id"].as_str().expect("a card").to_owned();
        let points = json!({ "points": 1_000_000_000, "reason": "crash test" });
        let (status, body) = till.insist(&format!("/v1/cards/{card}/adjustments"), &next_op(counter), &points).await;
        assert_eq!(status, 201, "{}", String::from_utf8_lossy(&body));
        cards.push(card);
    }
    cards
}

async fn till_programme(till: &Till) -> String {
    let response = till.http.get(format!("{}/v1/programmes", till.base)).bearer_auth(&till.key).send().await.expect("an answer");
    let body: Value = response.json().await.expect("JSON");
    let coffee = body["data"]
        .as_array()
        .expect("programmes")
        .iter()
        .find(|one| one["document"]["template"] == "coffee")
        .expect("the café")
        .clone();
    coffee["id"].as_str().expect("an id").to_owned()
}

/// Redeems live codes, one after the other, until it is aborted; each operation is in the book before it is sent, as on a real till.
async fn work(till: Till, cards: Vec<String>, (counter, book): (Arc<AtomicU64>, Arc<Mutex<Book>>)) {
    for card in cards.iter().cycle() {
        let Some((201, body)) = till.post(&format!("/v1/cards/{card}/codes"), &next_op(&counter), &json!({})).await else {
            continue;
        };
        let body: Value = serde_json::from_slice(&body).expect("JSON");
        let code = body["live"]["code"].as_str().expect("a live code").to_owned();
        let op = next_op(&counter);
        let place = {
            let mut book = book.lock().await;
            book.redemptions.push(Redemption { op: op.clone(), code: code.clone(), answer: None });
            book.redemptions.len() - 1
        };
        if let Some(answer) = till.post("/v1/redemptions", &op, &redeem(&code)).await {
            book.lock().await.redemptions[place].answer = Some(answer);
        }
    }
}

/// After a restart: every operation that was answered answers the same; every one that was not gets a final answer now.
async fn check_survivors(till: &Till, book: &Mutex<Book>, round: usize) {
    let mut book = book.lock().await;
    let recent = book.redemptions.len().saturating_sub(RECHECKED);
    for (place, redemption) in book.redemptions.iter_mut().enumerate() {
        if place < recent && redemption.answer.is_some() {
            continue;
        }
        let again = till.insist("/v1/redemptions", &redemption.op, &redeem(&redemption.code)).await;
        match &redemption.answer {
            Some(first) => assert_eq!(first, &again, "S3: round {round}, {} was answered before the kill", redemption.op),
            None => redemption.answer = Some(again),
        }
    }
}

/// At the end: each code that was redeemed is refused under a new operation, and the balances are what the answers say.
async fn check_everything(till: &Till, (book, cards, counter): (&Mutex<Book>, &[String], &AtomicU64)) {
    let book = book.lock().await;
    let mut spent: HashMap<String, i64> = HashMap::new();
    for redemption in &book.redemptions {
        let (status, body) = redemption.answer.clone().expect("S6: every operation has an answer by now");
        let body: Value = serde_json::from_slice(&body).expect("JSON");
        if status == 201 {
            *spent.entry(body["card"]["id"].as_str().expect("a card").to_owned()).or_default() +=
                body["points"].as_i64().expect("points");
        }
    }
    let yes = book.redemptions.iter().filter(|redemption| matches!(redemption.answer, Some((201, _)))).count();
    assert!(yes > KILLS / 4, "the run redeemed something: {yes} of {}", book.redemptions.len());
    for redemption in book.redemptions.iter().rev().take(100) {
        let Some((201, _)) = redemption.answer else { continue };
        let (status, body) = till.insist("/v1/redemptions", &next_op(counter), &redeem(&redemption.code)).await;
        assert_eq!(status, 409, "S1: {}", String::from_utf8_lossy(&body));
        let body: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(body["code"], "already_redeemed", "S1");
    }
    for card in cards {
        let response =
            till.http.get(format!("{}/v1/cards/{card}", till.base)).bearer_auth(&till.key).send().await.expect("an answer");
        let body: Value = response.json().await.expect("JSON");
        let expected = 1_000_000_000 - spent.get(card).copied().unwrap_or(0);
        assert_eq!(body["points"].as_i64(), Some(expected), "S1 and S2: the balance of {card} is what its answers say");
    }
    println!("{KILLS} kills, {} redemptions, {yes} captured", book.redemptions.len());
}
