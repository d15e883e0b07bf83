//! The gateway through HTTP, each figure beside its limit in the same run: garbage beside the gateway's own constant answer, unchanged passes
//! beside actix answering a constant; captures; memory; the time that the real binary takes from its start to the first answer with a
//! million cards on disk.
//!
//! `cargo bench --bench gateway`. Load comes from the same machine over loopback, so both share its cores.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::{App as Actix, HttpServer, web};
use serde_json::json;
use walaa::app::{App, Parts};
use walaa::clock::SystemClock;
use walaa::ids::SystemIds;

use load::{CLIENTS, Measured, get, median, post, run};
use shop::{CAPTURES_PER_CARD, Shop, WORKERS, capture, conditional_gets, configuration, open};

#[path = "gateway/load.rs"]
mod load;
#[path = "gateway/shop.rs"]
mod shop;

const REFUSALS: usize = 60_000;
/// The limit on redemptions of one card is real: so many cards that no client meets it.
const CARDS: usize = 2_000;
const CARDS_ON_DISK: usize = 1_000_000;
/// Rounds of unchanged passes and constants, in turns.
const UNCHANGED_ROUNDS: usize = 5;
/// How often the binary is started.
const STARTS: usize = 5;
/// How long the binary may take before the bench gives up.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    actix_web::rt::System::new().block_on(async {
        let shop = open(folder.path(), &ledger(folder.path()), CARDS).await;
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
        println!("memory: {} MiB after {} captures", resident_mib(), CARDS * CAPTURES_PER_CARD);
        let check = shop.core.db.check_ledger().await.expect("the ledger can be read");
        assert!(check.findings.is_empty(), "{:?}", check.findings);
    });
    start_with_a_million_cards();
}

fn tell(what: &str, measured: &Measured, (name, limit): (&str, &Measured)) {
    let ratio = 100.0 * measured.per_second / limit.per_second;
    println!("{what}: {:.0}/s, {ratio:.0} % of {name}, p99 {:.1} ms", measured.per_second, measured.p99);
}

/// Apple's conditional GET of passes that did not change, beside actix answering a constant to the same clients: in turns, so that a busy
/// machine slows both, and the ratio of the sums.
async fn unchanged(shop: &Shop) {
    let constant_port = answer_a_constant();
    let requests = conditional_gets(shop).await;
    let all = |status: u16, _: &[u8]| assert_eq!(status, 304);
    // The first fetch of a version is noted in the database, once a minute at most.
    run(shop.port, requests.clone(), all).await;
    let (mut constant, mut conditional) = (Vec::new(), Vec::new());
    for _ in 0..UNCHANGED_ROUNDS {
        constant.push(rate(constant_port, REFUSALS / UNCHANGED_ROUNDS, |_| get("/", "")).await);
        let texts = (0..REFUSALS / UNCHANGED_ROUNDS).map(|number| requests[number % requests.len()].clone()).collect();
        conditional.push(run(shop.port, texts, all).await);
    }
    let (constant, conditional) = (median(constant), median(conditional));
    println!("actix answering a constant: {:.0}/s", constant.per_second);
    tell("conditional GET of an unchanged pass", &conditional, ("actix answering a constant", &constant));
}

/// Where the ledger of a folder is.
fn ledger(folder: &Path) -> String {
    format!("sqlite:{}", folder.join("walaa.db").display())
}

/// A server of the same framework, workers and machine that answers a constant.
fn answer_a_constant() -> u16 {
    let server = HttpServer::new(|| Actix::new().route("/", web::get().to(async || "constant")));
    let server = server.workers(WORKERS).disable_signals().bind(("127.0.0.1", 0)).expect("a free port");
    let port = server.addrs()[0].port();
    tokio::spawn(server.run());
    port
}

/// So many requests by all clients, each on its own connection.
async fn rate(port: u16, requests: usize, make: impl Fn(usize) -> String) -> Measured {
    let texts: Vec<String> = (0..requests).map(make).collect();
    run(port, texts, |_, _| ()).await
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
    let config = configuration(folder.path(), &ledger(folder.path()));
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
