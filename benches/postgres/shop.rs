//! A programme with its cards on PostgreSQL, whose ids follow from their numbers so that SQL can name them too, and clients that capture.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use walaa::clock::{Clock, SystemClock};
use walaa::db::Db;
use walaa::db::batcher::Batcher;
use walaa::db::postgres::{PostgresConfig, PostgresDb, migrate};
use walaa::ids::{CardId, Ids, MemberId, OpId, OrgId, PassId, ProgrammeId, StoreId, SystemIds, TerminalId};
use walaa::ledger::{
    Adjust, Body, Capture, CaptureLine, Command, DocumentKey, DocumentKind, Enrol, EnrolMember, Fingerprint, NewMember, OpHeader,
    OpKey, Place, Principal, PutDocument, SealedProfile, TokenHash, TokenKind, TokenMint,
};

use crate::load::{CLIENTS, Measured};
use crate::server::TestDatabase;

/// Each client has its own, and takes them in turns.
pub const CARDS_PER_CLIENT: usize = 312;
const CARDS: usize = CLIENTS * CARDS_PER_CLIENT;

/// Commands of one batch while the database is filled.
const FILL: usize = 256;

pub const ORG: OrgId = OrgId([1; 16]);
pub const CLUB: ProgrammeId = ProgrammeId([2; 16]);
const STORE: StoreId = StoreId([3; 16]);
pub const TILL: TerminalId = TerminalId([4; 16]);

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

/// The schema, the chain and its cards with plenty of points, as enrolments leave them.
pub async fn fill(database: &TestDatabase) {
    let config = PostgresConfig::new(&database.url);
    migrate(&config).await.expect("the schema is made");
    let db = PostgresDb::open(config, Arc::new(Mint)).await.expect("opens");
    let put = |kind, id, body: &str| {
        Body::PutDocument(PutDocument { key: DocumentKey { org: ORG, kind, id }, expected_version: 0, body: body.into() })
    };
    let till = format!(r#"{{"name": "Till 1", "store": "{STORE}"}}"#);
    let documents = vec![
        put(DocumentKind::Programme, CLUB.0, PROGRAMME),
        put(DocumentKind::Store, STORE.0, r#"{"name": {"en": "Marina"}}"#),
        put(DocumentKind::Terminal, TILL.0, &till),
    ];
    run_all(&db, documents).await;
    run_all(&db, (0..CARDS).map(enrolment).collect()).await;
    let points =
        |number| Body::Adjust(Adjust { card: card(number), programme: CLUB, points: 100_000_000, sealed_reason: "bench".into() });
    run_all(&db, (0..CARDS).map(points).collect()).await;
}

async fn run_all(db: &PostgresDb, bodies: Vec<Body>) {
    for chunk in bodies.chunks(FILL) {
        let batch = chunk.iter().cloned().map(command).collect();
        for answer in db.apply(batch, SystemClock.now()).await {
            answer.expect("works").result.expect("done");
        }
    }
}

/// Clients, spread over nodes of one process, who capture for a while, each waiting for its answer before it goes on. The database is
/// reached at an address; afterwards its ledger is checked.
pub async fn capture(database: &TestDatabase, (url, time): (&str, Duration), nodes: usize) -> Measured {
    let mut batchers = Vec::with_capacity(nodes);
    for _ in 0..nodes {
        let db = PostgresDb::open(PostgresConfig::new(url), Arc::new(Mint)).await.expect("opens");
        batchers.push(Batcher::start(db, Arc::new(SystemClock)));
    }
    let started = Instant::now();
    let clients: Vec<_> =
        (0..CLIENTS).map(|client| tokio::spawn(capture_as(client, batchers[client % nodes].clone(), started + time))).collect();
    let mut latencies = Vec::new();
    for client in clients {
        latencies.extend(client.await.expect("ends"));
    }
    let per_second = latencies.len() as f64 / started.elapsed().as_secs_f64();
    let captured = database.query("SELECT count(*) FROM tokens WHERE state = 'captured'");
    assert_eq!(captured.as_ref(), Ok(&latencies.len().to_string()), "every answer is in the database");
    let db = PostgresDb::open(PostgresConfig::new(&database.url), Arc::new(Mint)).await.expect("opens");
    let check = db.check_ledger().await.expect("checks");
    assert!(check.findings.is_empty(), "{:?}", check.findings);
    Measured::new(per_second, latencies)
}

async fn capture_as(client: usize, batcher: Batcher, until: Instant) -> Vec<Duration> {
    let mut latencies = Vec::new();
    while Instant::now() < until {
        let done = latencies.len();
        let number = client + CLIENTS * (done % CARDS_PER_CLIENT);
        let generation = i64::try_from(done / CARDS_PER_CLIENT + 1).expect("small");
        let asked = Instant::now();
        batcher.execute(command(one_latte(number, generation))).await.expect("works").result.expect("captured");
        latencies.push(asked.elapsed());
    }
    latencies
}

fn command(body: Body) -> Command {
    let id = OpId(SystemIds.ordered(SystemClock.now()));
    let key = OpKey::parse(&walaa::ids::encode(&SystemIds.random())).expect("26 letters");
    Command { op: OpHeader { org: ORG, principal: Principal::Terminal(TILL), key, fingerprint: Fingerprint([0; 32]), id }, body }
}

/// In the order of their numbers, as ids are in the order of their time.
fn card(number: usize) -> CardId {
    CardId((number as u128).to_be_bytes())
}

/// In no order, as serial numbers are.
fn pass(number: usize) -> PassId {
    PassId(digest(&SHA256, &(number as u64).to_be_bytes()).as_ref()[..16].try_into().expect("16 bytes"))
}

fn enrolment(number: usize) -> Body {
    let profile = SealedProfile { data_key: vec![7; 60], profile: vec![7; 200] };
    let identity = digest(&SHA256, &card(number).0).as_ref().try_into().expect("32 bytes");
    let id = MemberId(SystemIds.ordered(SystemClock.now()));
    Body::Enrol(Enrol {
        member: EnrolMember::New(NewMember { id, language: "ar".into(), profile, identities: vec![identity] }),
        programme: CLUB,
        card: card(number),
        number: format!("{number:010}"),
        pass: pass(number),
        channel: None,
        trust: Default::default(),
    })
}

fn one_latte(number: usize, generation: i64) -> Body {
    Body::Capture(Capture {
        token: Mint.mint(ORG, TokenKind::Card, &pass(number).0, generation).1,
        rotating: None,
        card: card(number),
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

/// Where it all happens.
pub fn place() -> Place {
    Place {
        store: Some(STORE),
        store_name: Some("Marina".into()),
        terminal: Some(TILL),
        terminal_name: Some("Till 1".into()),
        cashier: Some("07".into()),
    }
}
