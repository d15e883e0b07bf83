//! The gateway through HTTP, each figure beside its limit in the same run: captures beside a constant answer, garbage and unchanged passes
//! beside a constant answer; memory; the time from start to the first answer with a million cards on disk.
//!
//! `cargo bench --bench gateway`. Load comes from the same machine over loopback, so both share its cores.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use walaa::app::{App, Parts};
use walaa::cards::{Asked, Codes, Core};
use walaa::clock::SystemClock;
use walaa::config::{self, Config, Listen, SecretText};
use walaa::ids::{CardId, Ids, KeyId, OrgId, ProgrammeId, SystemIds};
use walaa::ledger::{Body, DocumentKey, Fingerprint, OpKey, Principal, PutDocument};
use walaa::tokens::{Credential, Environment, KeyHolder};

const CLIENTS: usize = 64;
const CAPTURES: usize = 20_000;
const REFUSALS: usize = 60_000;
/// Points of each card: more than a run can spend.
const POINTS: i64 = 1_000_000_000;
const CARDS_ON_DISK: usize = 1_000_000;

struct Shop {
    core: Core,
    org: OrgId,
    port: u16,
    key: String,
    cards: Vec<CardId>,
}

fn main() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    actix_web::rt::System::new().block_on(async {
        let shop = Arc::new(open(folder.path()).await);
        println!("memory: idle {} MiB", resident_mib());
        let constant = rate(&shop, REFUSALS, |_| "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned()).await;
        println!("constant answer (/healthz): {:.0}/s", constant.per_second);
        let garbage =
            rate(&shop, REFUSALS, |number| post(&shop.key, "/v1/scans", None, &json!({ "code": format!("W1{number:042}") })))
                .await;
        tell("garbage codes refused", &garbage, &constant);
        let captures = capture(&shop).await;
        println!(
            "captures: {:.0}/s at {CLIENTS} clients, p50 {:.1} ms, p99 {:.1} ms",
            captures.per_second, captures.p50, captures.p99
        );
        println!("memory: {} MiB after {CAPTURES} captures", resident_mib());
        let check = shop.core.db.check_ledger().await.expect("the ledger can be read");
        assert!(check.findings.is_empty(), "{:?}", check.findings);
    });
    start_with_a_million_cards();
}

struct Measured {
    per_second: f64,
    p50: f64,
    p99: f64,
}

fn tell(what: &str, measured: &Measured, limit: &Measured) {
    let ratio = 100.0 * measured.per_second / limit.per_second;
    println!("{what}: {:.0}/s, {ratio:.0} % of the constant answer, p99 {:.1} ms", measured.per_second, measured.p99);
}

fn configuration(folder: &Path) -> Config {
    let mut config = Config::default();
    config.server.listen = Listen::local(0);
    config.server.admin_listen = Listen::local(0);
    config.server.workers = 2;
    config.database.url = SecretText::new(format!("sqlite:{}", folder.join("walaa.db").display()));
    config.keys.keyring_file = folder.join("keyring.toml");
    let open = 1_000_000;
    config.limits = config::Limits {
        address_per_second: open,
        address_burst: open,
        key_per_second: open,
        key_burst: open,
        organisation_per_second: open,
        organisation_burst: open,
        ..config::Limits::default()
    };
    config
}

async fn open(folder: &Path) -> Shop {
    let parts = Parts { clock: Arc::new(SystemClock), ids: Arc::new(SystemIds) };
    let app = App::build(&configuration(folder), parts).await.expect("the gateway starts");
    let (core, port) = (app.core().clone(), app.port());
    tokio::spawn(app.run_until(std::future::pending()));
    let org = OrgId(SystemIds.random());
    let id = KeyId(SystemIds.random());
    let scope = core.keyring.scope(org);
    let secret = core.keyring.key_secret(scope, id, 1).expect("the current key is there");
    let key = json!({
        "name": "bench", "role": "owner", "secret_hashes": [secret.hash().to_hex()], "secret_generation": 1, "secret_kid": scope.kid.0,
    });
    let programme = ProgrammeId(SystemIds.random());
    let club = json!({
        "name": { "en": "Bench" }, "currency": "KWD", "time_zone": "Asia/Kuwait", "template": "coffee",
        "earning": { "points_per_unit": "10" },
        "rewards": [{ "id": "coffee", "name": { "en": "A coffee" }, "points": 50 }],
    });
    let documents = [
        (DocumentKey::organisation(org), json!({ "name": { "en": "Bench" } })),
        (DocumentKey::key(org, id), key),
        (DocumentKey::programme(org, programme), club),
    ];
    for (place, (key, body)) in documents.into_iter().enumerate() {
        let text = body.to_string();
        let op = OpKey::parse(&format!("bench-document-{place:04}")).expect("a key");
        let asked = Asked { org, principal: Principal::System, key: op, fingerprint: Fingerprint::of("bench", &text) };
        let put = PutDocument { key, expected_version: 0, body: Arc::from(text) };
        core.ask(&asked, Body::PutDocument(put)).await.expect("the ledger answers").result.expect("saved");
    }
    let key = Credential { environment: Environment::Live, holder: KeyHolder::Key(id), secret }.to_text().to_string();
    let mut shop = Shop { core, org, port, key, cards: Vec::new() };
    // The limit on redemptions of one card is real: so many cards that no client meets it.
    for number in 0..CAPTURES / 10 {
        let body = json!({ "programme": programme, "name": "Bench" });
        let made = ask(&shop, "/v1/members", (&format!("bench-member-{number:08}"), &body)).await;
        let card = made["card"]["id"].as_str().expect("a card").to_owned();
        let points = json!({ "points": POINTS, "reason": "bench" });
        ask(&shop, &format!("/v1/cards/{card}/adjustments"), (&format!("bench-points-{number:08}"), &points)).await;
        shop.cards.push(card.parse().expect("an id"));
    }
    shop
}

async fn ask(shop: &Shop, path: &str, (op, body): (&str, &Value)) -> Value {
    let mut stream = TcpStream::connect(("127.0.0.1", shop.port)).await.expect("connects");
    stream.write_all(post(&shop.key, path, Some(op), body).as_bytes()).await.expect("writes");
    let (status, body) = answer(&mut stream, &mut Vec::new()).await;
    assert_eq!(status, 201, "{}", String::from_utf8_lossy(&body));
    serde_json::from_slice(&body).expect("JSON")
}

fn post(key: &str, path: &str, op: Option<&str>, body: &Value) -> String {
    let body = body.to_string();
    let op = op.map(|op| format!("Idempotency-Key: {op}\r\n")).unwrap_or_default();
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n{op}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Reads one response: status and body.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> (u16, Vec<u8>) {
    loop {
        if let Some(head) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&buffer[..head]).to_ascii_lowercase();
            let length: usize =
                text.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().expect("a length"));
            if buffer.len() >= head + 4 + length {
                let status = text[9..12].parse().expect("a status");
                let rest = buffer.split_off(head + 4 + length);
                let body = buffer.split_off(head + 4);
                *buffer = rest;
                return (status, body);
            }
        }
        let mut chunk = [0; 16 * 1024];
        let read = stream.read(&mut chunk).await.expect("reads");
        assert!(read > 0, "the server keeps the connection");
        buffer.extend_from_slice(&chunk[..read]);
    }
}

/// So many requests by all clients, each on its own connection.
async fn rate(shop: &Arc<Shop>, requests: usize, make: impl Fn(usize) -> String) -> Measured {
    let texts: Vec<String> = (0..requests).map(make).collect();
    run(shop, texts, |_, _| ()).await
}

async fn capture(shop: &Arc<Shop>) -> Measured {
    let mut texts = Vec::with_capacity(CAPTURES);
    for round in 0..CAPTURES / shop.cards.len() {
        for card in &shop.cards {
            let state = shop.core.db.card(shop.org, *card).await.expect("reads").expect("a card");
            let mut pass = shop.core.db.pass(state.card.pass).await.expect("reads").expect("a pass");
            pass.generation += i64::try_from(round).expect("few");
            let code = Codes { keyring: &shop.core.keyring, org: shop.org }.of_pass(&pass).expect("a code");
            let body = json!({ "code": code, "rewards": [{ "reward": "coffee", "quantity": 1 }] });
            texts.push(post(&shop.key, "/v1/redemptions", Some(&format!("bench-capture-{:09}", texts.len())), &body));
        }
    }
    run(shop, texts, |status, body| assert_eq!(status, 201, "{}", String::from_utf8_lossy(body))).await
}

async fn run(shop: &Arc<Shop>, texts: Vec<String>, check: fn(u16, &[u8])) -> Measured {
    let texts = Arc::new(texts);
    let next = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (shop, texts, next) = (Arc::clone(shop), Arc::clone(&texts), Arc::clone(&next));
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(("127.0.0.1", shop.port)).await.expect("connects");
                stream.set_nodelay(true).expect("a socket");
                let (mut buffer, mut took) = (Vec::new(), Vec::new());
                while let Some(text) = texts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let sent = Instant::now();
                    stream.write_all(text.as_bytes()).await.expect("writes");
                    let (status, body) = answer(&mut stream, &mut buffer).await;
                    took.push(sent.elapsed());
                    check(status, &body);
                }
                took
            })
        })
        .collect();
    let mut took: Vec<Duration> = Vec::with_capacity(texts.len());
    for client in clients {
        took.extend(client.await.expect("ends"));
    }
    let per_second = texts.len() as f64 / started.elapsed().as_secs_f64();
    took.sort_unstable();
    let at = |part: usize| took[took.len() * part / 100].as_secs_f64() * 1_000.0;
    Measured { per_second, p50: at(50), p99: at(99) }
}

fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("resident memory");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("KiB") / 1024
}

/// The real binary on a database of a million cards: from start to the first answer.
fn start_with_a_million_cards() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let config = configuration(folder.path());
    actix_web::rt::System::new().block_on(async {
        let parts = Parts { clock: Arc::new(SystemClock), ids: Arc::new(SystemIds) };
        drop(App::build(&config, parts).await.expect("the schema is made"));
    });
    fill(&folder.path().join("walaa.db"));
    let started = Instant::now();
    actix_web::rt::System::new().block_on(async {
        let parts = Parts { clock: Arc::new(SystemClock), ids: Arc::new(SystemIds) };
        let app = App::build(&config, parts).await.expect("the gateway starts");
        let port = app.port();
        tokio::spawn(app.run_until(std::future::pending()));
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("connects");
        stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n").await.expect("writes");
        let (status, _) = answer(&mut stream, &mut Vec::new()).await;
        assert_eq!(status, 200);
    });
    println!("start to first answer with {CARDS_ON_DISK} cards: {} ms", started.elapsed().as_millis());
}

/// Members, cards, lots, passes and tokens as enrolments leave them, written in one go.
fn fill(file: &Path) {
    let db = rusqlite::Connection::open(file).expect("opens");
    let statements = include_str!("million.sql").replace("{cards}", &CARDS_ON_DISK.to_string());
    db.execute_batch(&statements).expect("fills");
}
