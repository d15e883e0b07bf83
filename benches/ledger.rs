//! Durable captures per second through the batcher on SQLite, beside the same rows written by a bare loop of prepared statements, 64 captures
//! a commit, on the same disk, in turns. And point reads: here and now, beside a hop to the blocking pool.
//!
//! `cargo bench --bench ledger` prints each round, the ratio of the medians, and the processor time of each side, which says more when others
//! work on the machine.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use rusqlite::{Connection, params};
use walaa::clock::{Clock, SystemClock};
use walaa::db::Db;
use walaa::db::batcher::Batcher;
use walaa::db::sqlite::SqliteDb;
use walaa::ids::{CardId, Ids, MemberId, OpId, OrgId, PassId, ProgrammeId, StoreId, SystemIds, TerminalId};
use walaa::ledger::{
    Adjust, Body, Capture, CaptureLine, Command, DocumentKey, DocumentKind, Enrol, EnrolMember, Fingerprint, NewMember, OpHeader,
    OpKey, Place, Principal, PutDocument, SealedProfile, TokenHash, TokenKind, TokenMint,
};

const CLIENTS: usize = 64;
const CARDS: usize = 4_096;
const CAPTURES_PER_ROUND: usize = 16_384;
const ROUNDS: usize = 5;
const READS: usize = 200_000;

const ORG: OrgId = OrgId([1; 16]);
const CLUB: ProgrammeId = ProgrammeId([2; 16]);
const STORE: StoreId = StoreId([3; 16]);
const TILL: TerminalId = TerminalId([4; 16]);

const PROGRAMME: &str = r#"{"name": {"en": "Bean Club", "ar": "نادي البن"}, "currency": "KWD", "time_zone": "Asia/Kuwait",
    "template": "coffee", "earning": {"points_per_unit": "10"}, "tokens": {"card_token_limit": 100},
    "rewards": [{"id": "latte", "name": {"en": "Latte"}, "points": 60, "value": {"amount": "1.500", "currency": "KWD"}}]}"#;

struct Mint;

impl TokenMint for Mint {
    fn mint(&self, org: OrgId, kind: TokenKind, subject: &[u8; 16], generation: i64) -> (u8, TokenHash) {
        let text = [&org.0[..], kind.as_str().as_bytes(), subject, &generation.to_be_bytes()].concat();
        (1, digest(&SHA256, &text).as_ref().try_into().expect("32 bytes"))
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let file = directory.path().join("walaa.db");
    let bare_file = directory.path().join("bare.db");
    let db = SqliteDb::open(&file, Arc::new(Mint)).expect("opens");
    let cards = runtime.block_on(set_up(&db));
    runtime.block_on(db.backup(&bare_file)).expect("copies");
    drop(SqliteDb::open(&bare_file, Arc::new(Mint)).expect("opens"));
    let mut bare = Bare::open(&bare_file, &cards);
    let batcher = runtime.block_on(async { Batcher::start(Arc::clone(&db) as Arc<dyn Db>, Arc::new(SystemClock)) });
    let generations: Vec<AtomicU64> = cards.iter().map(|_| AtomicU64::new(1)).collect();
    let shared = Arc::new((cards, generations));
    let (mut product_rates, mut bare_rates) = (Vec::new(), Vec::new());
    let (mut product_ticks, mut bare_ticks) = (0, 0);
    for round in 0..=ROUNDS {
        let before = processor_ticks();
        let (product, mut latencies) = runtime.block_on(capture_round(&batcher, &shared));
        let between = processor_ticks();
        let (bare, prepared_ticks) = bare.round();
        if round == 0 {
            continue; // warms caches up
        }
        product_ticks += between - before;
        bare_ticks += processor_ticks() - between - prepared_ticks;
        latencies.sort_unstable();
        let p = |percent: usize| latencies[latencies.len() * percent / 100].as_secs_f64() * 1e3;
        println!(
            "round {round}: through the batcher {product:.0} captures/s (p50 {:.1} ms, p99 {:.1} ms), bare loop {bare:.0} captures/s",
            p(50),
            p(99)
        );
        product_rates.push(product);
        bare_rates.push(bare);
    }
    let (product, bare) = (median(&mut product_rates), median(&mut bare_rates));
    println!("captures: median {product:.0}/s of {bare:.0}/s bare = {:.0} %", product / bare * 100.0);
    let micros = |ticks: u64| ticks as f64 * 1e6 / TICKS_PER_SECOND / (ROUNDS * CAPTURES_PER_ROUND) as f64;
    let (product, bare) = (micros(product_ticks), micros(bare_ticks));
    println!("processor time a capture: {product:.0} us of all threads, {bare:.0} us bare = {:.0} %", bare / product * 100.0);
    let check = runtime.block_on(db.check_ledger()).expect("checks");
    assert!(check.findings.is_empty(), "{:?}", check.findings);
    println!("ledger checked: {} cards, {} entries, no finding", check.cards, check.entries);
    reads(&runtime, &db, &shared.0);
}

/// How the kernel counts processor time.
const TICKS_PER_SECOND: f64 = 100.0;

/// What this process has used, user and system time, all threads.
fn processor_ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    fields[11].parse::<u64>().expect("ticks") + fields[12].parse::<u64>().expect("ticks")
}

fn median(rates: &mut [f64]) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

fn command(body: Body) -> Command {
    let id = OpId(SystemIds.ordered(SystemClock.now()));
    let key = OpKey::parse(&walaa::ids::encode(&SystemIds.random())).expect("26 letters");
    Command { op: OpHeader { org: ORG, principal: Principal::Terminal(TILL), key, fingerprint: Fingerprint([0; 32]), id }, body }
}

async fn run_all(db: &SqliteDb, bodies: Vec<Body>) {
    for chunk in bodies.chunks(256) {
        let batch = chunk.iter().cloned().map(command).collect();
        for answer in db.apply(batch, SystemClock.now()).await {
            answer.expect("works").result.expect("done");
        }
    }
}

/// The chain and its cards with plenty of points; says the cards with their passes.
async fn set_up(db: &SqliteDb) -> Vec<(CardId, PassId)> {
    let put = |kind, id, body: &str| {
        Body::PutDocument(PutDocument { key: DocumentKey { org: ORG, kind, id }, expected_version: 0, body: body.into() })
    };
    let till = format!(r#"{{"name": "Till 1", "store": "{STORE}"}}"#);
    run_all(
        db,
        vec![
            put(DocumentKind::Programme, CLUB.0, PROGRAMME),
            put(DocumentKind::Store, STORE.0, r#"{"name": {"en": "Marina"}}"#),
            put(DocumentKind::Terminal, TILL.0, &till),
        ],
    )
    .await;
    let cards: Vec<(CardId, PassId)> =
        (0..CARDS).map(|_| (CardId(SystemIds.ordered(SystemClock.now())), PassId(SystemIds.random()))).collect();
    let enrol = |(number, (card, pass)): (usize, &(CardId, PassId))| {
        let profile = SealedProfile { data_key: vec![7; 60], profile: vec![7; 200] };
        let identity = digest(&SHA256, &card.0).as_ref().try_into().expect("32 bytes");
        let id = MemberId(SystemIds.ordered(SystemClock.now()));
        let member = NewMember { id, language: "ar".into(), profile, identities: vec![identity] };
        let number = format!("{number:010}");
        Body::Enrol(Enrol {
            member: EnrolMember::New(member),
            programme: CLUB,
            card: *card,
            number,
            pass: *pass,
            channel: None,
            trust: Default::default(),
        })
    };
    run_all(db, cards.iter().enumerate().map(enrol).collect()).await;
    let adjust = |(card, _): &(CardId, PassId)| {
        Body::Adjust(Adjust { card: *card, programme: CLUB, points: 100_000_000, sealed_reason: "bench".into() })
    };
    run_all(db, cards.iter().map(adjust).collect()).await;
    cards
}

type Shared = Arc<(Vec<(CardId, PassId)>, Vec<AtomicU64>)>;

/// Many clients, each with its own cards, each waiting for its answer before it goes on.
async fn capture_round(batcher: &Batcher, shared: &Shared) -> (f64, Vec<Duration>) {
    let started = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (batcher, shared) = (batcher.clone(), Arc::clone(shared));
            tokio::spawn(async move {
                let mut latencies = Vec::with_capacity(CAPTURES_PER_ROUND / CLIENTS);
                for number in 0..CAPTURES_PER_ROUND / CLIENTS {
                    let place = (client + number * CLIENTS) % CARDS;
                    let (card, pass) = shared.0[place];
                    let generation = shared.1[place].fetch_add(1, Ordering::Relaxed);
                    let capture = capture(card, (pass, i64::try_from(generation).expect("small")));
                    let asked = Instant::now();
                    batcher.execute(command(capture)).await.expect("works").result.expect("captured");
                    latencies.push(asked.elapsed());
                }
                latencies
            })
        })
        .collect();
    let mut latencies = Vec::with_capacity(CAPTURES_PER_ROUND);
    for client in clients {
        latencies.extend(client.await.expect("ends"));
    }
    (CAPTURES_PER_ROUND as f64 / started.elapsed().as_secs_f64(), latencies)
}

fn capture(card: CardId, (pass, generation): (PassId, i64)) -> Body {
    Body::Capture(Capture {
        token: Mint.mint(ORG, TokenKind::Card, &pass.0, generation).1,
        rotating: None,
        card,
        programme: CLUB,
        voucher: None,
        lines: vec![CaptureLine { reward: "latte".into(), quantity: 1 }],
        place: place(),
        receipt: Some("R-123456".into()),
        sale_total: None,
        manager: false,
        validate_only: false,
    })
}

fn place() -> Place {
    Place {
        store: Some(STORE),
        store_name: Some("Marina".into()),
        terminal: Some(TILL),
        terminal_name: Some("Till 1".into()),
        cashier: Some("07".into()),
    }
}

/// The limit: the same rows of the same sizes into the same schema, with nothing decided, nothing read and everything prepared.
struct Bare {
    db: Connection,
    cards: Vec<(CardId, PassId)>,
    next: usize,
}

/// As large as what the product writes.
const ANSWER_BYTES: usize = 760;
const BODY_BYTES: usize = 420;

impl Bare {
    fn open(file: &Path, cards: &[(CardId, PassId)]) -> Self {
        let db = Connection::open(file).expect("opens");
        let pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; \
                       PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 4096";
        db.execute_batch(pragmas).expect("works");
        db.set_prepared_statement_cache_capacity(64);
        Self { db, cards: cards.to_vec(), next: 0 }
    }

    /// Captures per second, and the processor time of getting ready, which does not count.
    fn round(&mut self) -> (f64, u64) {
        let before = processor_ticks();
        let prepared: Vec<_> = (0..CAPTURES_PER_ROUND)
            .map(|number| {
                let place = (self.next + number) % CARDS;
                let spent = i64::try_from((self.next + number) / CARDS + 1).expect("small");
                let next = spent + 1;
                let (card, pass) = self.cards[place];
                let token = |generation| Mint.mint(ORG, TokenKind::Card, &pass.0, generation).1;
                let id = SystemIds.ordered(SystemClock.now());
                let key = walaa::ids::encode(&SystemIds.random());
                (card.0, pass.0, (next, token(spent), token(next)), id, key)
            })
            .collect();
        self.next += CAPTURES_PER_ROUND;
        let (answer, body) = (vec![b'x'; ANSWER_BYTES], "x".repeat(BODY_BYTES));
        let (lines, place) = (r#"[{"reward":"latte","quantity":1,"points":60}]"#, serde_json::to_string(&place()).expect("JSON"));
        let principal = Principal::Terminal(TILL).to_string();
        let prepared_ticks = processor_ticks() - before;
        let started = Instant::now();
        for chunk in prepared.chunks(CLIENTS) {
            let run = |sql: &str, params: &[&dyn rusqlite::ToSql]| {
                assert_eq!(self.db.prepare_cached(sql).expect("prepares").execute(params).expect("writes"), 1);
            };
            self.db.prepare_cached("BEGIN IMMEDIATE").and_then(|mut begin| begin.execute([])).expect("begins");
            for (card, pass, (generation, token, next), id, key) in chunk {
                let now = SystemClock.now().millis();
                run(
                    "UPDATE lots SET available = available - 60, held = 0 WHERE org = ?1 AND card = ?2 AND number = 1",
                    params![ORG.0, card],
                );
                run(
                    "UPDATE passes SET kid = 1, generation = ?3, link_generation = 1, version = version + 1, last_modified = ?4, \
                     change_kind = 'redeemed', change_points = -60, change_at = ?4 WHERE org = ?1 AND id = ?2",
                    params![ORG.0, pass, generation, now],
                );
                run(
                    "UPDATE tokens SET state = 'captured', captured_by = ?3 WHERE org = ?1 AND hash = ?2",
                    params![ORG.0, token, id],
                );
                run(
                    "INSERT INTO tokens VALUES (?1, ?2, 1, 'card', ?3, ?4, ?5, NULL, 'issued', ?6, NULL, NULL, 1)",
                    params![ORG.0, next, generation, card, pass, now],
                );
                run(
                    "INSERT INTO redemptions VALUES (?1, ?2, ?3, ?4, ?5, NULL, ?6, 60, ?7, 'R-123456', ?8, ?9, 'captured')",
                    params![ORG.0, id, card, CLUB.0, token, lines, place, principal, now],
                );
                run(
                    "INSERT INTO ops VALUES (?1, ?2, ?3, ?4, ?5, 'capture', 'done', 201, ?6, ?7)",
                    params![ORG.0, id, principal, key, [0_u8; 32], answer, now],
                );
                run(
                    "INSERT INTO journal VALUES (NULL, ?1, ?2, 'capture', ?3, ?4, ?5, ?6)",
                    params![ORG.0, id, principal, now, body, pass],
                );
                let position = self.db.last_insert_rowid();
                run(
                    "INSERT INTO entries VALUES (?1, ?2, ?3, 0, ?4, ?5, 1, 'capture', 'available', 'redeemed', 60, NULL, NULL, NULL, NULL, ?6)",
                    params![ORG.0, card, position, id, CLUB.0, now],
                );
                run(
                    "INSERT INTO counters VALUES (?1, ?2, 'redemptions', '2026-03-01', 1) \
                     ON CONFLICT (org, card, metric, day) DO UPDATE SET value = value + excluded.value",
                    params![ORG.0, card],
                );
            }
            self.db.prepare_cached("COMMIT").and_then(|mut commit| commit.execute([])).expect("commits");
        }
        (CAPTURES_PER_ROUND as f64 / started.elapsed().as_secs_f64(), prepared_ticks)
    }
}

/// Reads passes by their serials: what a conditional GET costs.
fn reads(runtime: &tokio::runtime::Runtime, db: &Arc<SqliteDb>, cards: &[(CardId, PassId)]) {
    let rate = |hop: bool, tasks: usize| {
        let started = Instant::now();
        runtime.block_on(async {
            let tasks: Vec<_> = (0..tasks)
                .map(|task| {
                    let (db, cards) = (Arc::clone(db), cards.to_vec());
                    tokio::spawn(async move {
                        for number in 0..READS / tasks {
                            let (_, pass) = cards[(task * 1_000 + number) % CARDS];
                            if hop {
                                let (db, handle) = (Arc::clone(&db), tokio::runtime::Handle::current());
                                let read = tokio::task::spawn_blocking(move || handle.block_on(db.pass(pass)));
                                read.await.expect("ends").expect("reads").expect("a pass");
                            } else {
                                db.pass(pass).await.expect("reads").expect("a pass");
                            }
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await.expect("ends");
            }
        });
        READS as f64 / started.elapsed().as_secs_f64()
    };
    for tasks in [1, 2, 16] {
        println!(
            "point reads, {tasks} tasks: {:.0}/s here and now, {:.0}/s through the blocking pool",
            rate(false, tasks),
            rate(true, tasks)
        );
    }
}
