//! The gateway through HTTP, each figure beside its limit in the same run: garbage beside the gateway's own constant answer, unchanged passes
//! beside actix answering a constant; captures; memory; the time that the real binary takes from its start to the first answer with a
//! million cards on disk.
//!
//! `cargo bench --bench gateway`. Load comes from the same machine over loopback, so both share its cores.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use actix_web::{App as Actix, HttpServer, web};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use walaa::app::{App, Parts};
use walaa::apple::certificates::sandbox_pki;
use walaa::cards::{Asked, Codes, Core};
use walaa::clock::SystemClock;
use walaa::config::{self, Config, Listen, SecretText};
use walaa::ids::{CardId, Ids, KeyId, OrgId, ProgrammeId, SystemIds, encode};
use walaa::ledger::{Body, DocumentKey, Fingerprint, OpKey, Principal, PutDocument};
use walaa::tokens::{Credential, Environment, KeyHolder, KeyScope, Kid};

const CLIENTS: usize = 64;
const CAPTURES: usize = 20_000;
const REFUSALS: usize = 60_000;
/// Points of each card: more than a run can spend.
const POINTS: i64 = 1_000_000_000;
const CARDS_ON_DISK: usize = 1_000_000;
/// Workers of the gateway, and of the bare server beside it.
const WORKERS: usize = 2;
/// Rounds of unchanged passes and constants, in turns.
const UNCHANGED_ROUNDS: usize = 5;
/// How often the binary is started.
const STARTS: usize = 5;
/// How long the binary may take before the bench gives up.
const PATIENCE: Duration = Duration::from_secs(60);
const PASS_TYPE: &str = "pass.com.example.bench";
const TEAM: &str = "BENCH12345";

struct Shop {
    core: Core,
    org: OrgId,
    port: u16,
    key: String,
    cards: Vec<CardId>,
    /// The port of an actix server that answers a constant and does nothing else.
    constant: u16,
}

fn main() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    actix_web::rt::System::new().block_on(async {
        let shop = Arc::new(open(folder.path()).await);
        println!("memory: idle {} MiB", resident_mib());
        let constant = rate(shop.port, REFUSALS, |_| get("/healthz", "")).await;
        println!("constant answer (/healthz): {:.0}/s", constant.per_second);
        let garbage =
            rate(shop.port, REFUSALS, |number| post(&shop.key, "/v1/scans", None, &json!({ "code": format!("W1{number:042}") })));
        tell("garbage codes refused", &garbage.await, ("the constant answer", &constant));
        unchanged(&shop).await;
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

fn tell(what: &str, measured: &Measured, (name, limit): (&str, &Measured)) {
    let ratio = 100.0 * measured.per_second / limit.per_second;
    println!("{what}: {:.0}/s, {ratio:.0} % of {name}, p99 {:.1} ms", measured.per_second, measured.p99);
}

/// Apple's conditional GET of passes that did not change, beside actix answering a constant to the same clients: in turns, so that a busy
/// machine slows both, and the ratio of the sums.
async fn unchanged(shop: &Arc<Shop>) {
    let mut requests = Vec::with_capacity(shop.cards.len());
    for card in &shop.cards {
        let state = shop.core.db.card(shop.org, *card).await.expect("reads").expect("a card");
        let pass = shop.core.db.pass(state.card.pass).await.expect("reads").expect("a pass");
        let serial = encode(&pass.id.0);
        let scope = KeyScope { org: shop.org, kid: Kid(pass.auth_kid) };
        let token = shop.core.keyring.apple_token(scope, PASS_TYPE, &serial).expect("the key is there");
        let headers =
            format!("Authorization: ApplePass {}\r\nIf-Modified-Since: Thu, 31 Dec 2099 23:59:59 GMT\r\n", token.as_str());
        requests.push(get(&format!("/apple/v1/passes/{PASS_TYPE}/{serial}"), &headers));
    }
    let all = |status: u16, _: &[u8]| assert_eq!(status, 304);
    // The first fetch of a version is noted in the database, once a minute at most.
    run(shop.port, requests.clone(), all).await;
    let (mut constant, mut conditional) = (Vec::new(), Vec::new());
    for _ in 0..UNCHANGED_ROUNDS {
        constant.push(rate(shop.constant, REFUSALS / UNCHANGED_ROUNDS, |_| get("/", "")).await);
        let texts = (0..REFUSALS / UNCHANGED_ROUNDS).map(|number| requests[number % requests.len()].clone()).collect();
        conditional.push(run(shop.port, texts, all).await);
    }
    let (constant, conditional) = (median(constant), median(conditional));
    println!("actix answering a constant: {:.0}/s", constant.per_second);
    tell("conditional GET of an unchanged pass", &conditional, ("actix answering a constant", &constant));
}

/// The round in the middle.
fn median(mut rounds: Vec<Measured>) -> Measured {
    rounds.sort_by(|one, other| one.per_second.total_cmp(&other.per_second));
    rounds.swap_remove(rounds.len() / 2)
}

/// A server of the same framework, workers and machine that answers a constant.
fn answer_a_constant() -> u16 {
    let server = HttpServer::new(|| Actix::new().route("/", web::get().to(async || "constant")));
    let server = server.workers(WORKERS).disable_signals().bind(("127.0.0.1", 0)).expect("a free port");
    let port = server.addrs()[0].port();
    tokio::spawn(server.run());
    port
}

fn configuration(folder: &Path) -> Config {
    let mut config = Config::default();
    config.server.listen = Listen::local(0);
    config.server.admin_listen = Listen::local(0);
    config.server.workers = WORKERS;
    config.database.url = SecretText::new(format!("sqlite:{}", folder.join("walaa.db").display()));
    config.keys.keyring_file = folder.join("keyring.toml");
    let pki = sandbox_pki::generate(&folder.join("pki"), PASS_TYPE, TEAM, &SystemClock).expect("a sandbox authority");
    config.apple = vec![config::AppleAccount {
        pass_type_id: PASS_TYPE.to_owned(),
        team_id: TEAM.to_owned(),
        certificate_file: pki.pass.certificate,
        key_file: pki.pass.key,
        intermediate_file: pki.pass.intermediate,
        ..config::AppleAccount::default()
    }];
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
    let mut shop = Shop { core, org, port, key, cards: Vec::new(), constant: answer_a_constant() };
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

fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n")
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
async fn rate(port: u16, requests: usize, make: impl Fn(usize) -> String) -> Measured {
    let texts: Vec<String> = (0..requests).map(make).collect();
    run(port, texts, |_, _| ()).await
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
    run(shop.port, texts, |status, body| assert_eq!(status, 201, "{}", String::from_utf8_lossy(body))).await
}

async fn run(port: u16, texts: Vec<String>, check: fn(u16, &[u8])) -> Measured {
    let texts = Arc::new(texts);
    let next = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (texts, next) = (Arc::clone(&texts), Arc::clone(&next));
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("connects");
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

/// The real binary on a database of a million cards: from start to the first answer, several times, since the first start also warms the
/// machine's caches.
fn start_with_a_million_cards() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let config = configuration(folder.path());
    actix_web::rt::System::new().block_on(async {
        let parts = Parts { clock: Arc::new(SystemClock), ids: Arc::new(SystemIds) };
        drop(App::build(&config, parts).await.expect("the schema is made"));
    });
    fill(&folder.path().join("walaa.db"));
    let mut took: Vec<u128> = (0..STARTS).map(|_| start(folder.path()).as_millis()).collect();
    let first = took[0];
    took.sort_unstable();
    let (middle, longest) = (took[STARTS / 2], took[STARTS - 1]);
    println!(
        "start of the binary to its first answer with {CARDS_ON_DISK} cards: {middle} ms (the first {first}, the longest {longest}) of {STARTS}"
    );
}

/// Starts `walaa serve` as an operator does, and asks until it answers.
fn start(folder: &Path) -> Duration {
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
    let config = written(folder, port);
    let started = Instant::now();
    let mut server = Command::new(env!("CARGO_BIN_EXE_walaa"));
    server.arg("serve").arg("--config").arg(config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let server = Server(server.spawn().expect("the binary starts"));
    while !answers(port) {
        assert!(started.elapsed() < PATIENCE, "the gateway does not answer");
        std::thread::sleep(Duration::from_micros(500));
    }
    let took = started.elapsed();
    drop(server);
    took
}

/// The configuration as a file, of which the keys and the database are those of the folder.
fn written(folder: &Path, port: u16) -> PathBuf {
    let file = folder.join("walaa.toml");
    let text = format!(
        "[server]\npublic_url = \"https://bench.example\"\nlisten = \"127.0.0.1:{port}\"\nadmin_listen = \"127.0.0.1:0\"\nworkers = {WORKERS}\n\n\
         [database]\nurl = \"sqlite:{0}/walaa.db\"\n\n[keys]\nkeyring_file = \"{0}/keyring.toml\"\n",
        folder.display()
    );
    std::fs::write(&file, text).expect("writes");
    file
}

/// Whether `/readyz` is answered 200.
fn answers(port: u16) -> bool {
    use std::io::{Read, Write};
    let Ok(mut stream) = std::net::TcpStream::connect(("127.0.0.1", port)) else { return false };
    let asked = stream.write_all(get("/readyz", "Connection: close\r\n").as_bytes());
    let mut answer = [0; 12];
    asked.and_then(|()| stream.read_exact(&mut answer)).is_ok() && answer.ends_with(b" 200")
}

/// A running gateway, ended with the value.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.kill().expect("the child is ours");
        self.0.wait().expect("the child ends");
    }
}

/// Members, cards, lots, passes and tokens as enrolments leave them, written in one go.
fn fill(file: &Path) {
    let db = rusqlite::Connection::open(file).expect("opens");
    let statements = include_str!("million.sql").replace("{cards}", &CARDS_ON_DISK.to_string());
    db.execute_batch(&statements).expect("fills");
}
