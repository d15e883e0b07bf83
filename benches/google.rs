//! Google Wallet through the real gateway beside the strict stand-in: the length of save links, how soon a change is there, requests a
//! change, and a storm: every card changes while Google answers 429 and 500 at random, and the newest version must be everywhere.
//!
//! `cargo bench --bench google -- [CARDS]` (100,000 if not said). The stand-in is a process of its own, so that the memory that is printed
//! is the gateway's (and that of the ids of the cards); gateway, stand-in and load share the machine's cores.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use walaa::app::{App, Parts};
use walaa::apple::certificates::key_file;
use walaa::cards::{Asked, Core, Profile};
use walaa::clock::SystemClock;
use walaa::config::{Config, GoogleAccount, Listen, SecretText};
use walaa::google::{GoogleWriter, naming};
use walaa::ids::{CardId, Ids, MemberId, OrgId, PassId, ProgrammeId, SystemIds, encode};
use walaa::ledger::{Adjust, Body, DocumentKey, Enrol, EnrolMember, Fingerprint, NewMember, OpKey, Principal, PutDocument};
use walaa::sandbox::google::ISSUER;

#[path = "google/stand_in.rs"]
mod stand_in;

use stand_in::StandIn;

/// Cards, unless the command line says otherwise.
const CARDS: usize = 100_000;
/// Changes of single cards on a quiet gateway.
const SINGLE_CHANGES: usize = 200;
/// Links that are measured.
const LINKS: usize = 100;
/// What the account is allowed in the storm: Google allows 20.
const REQUESTS_PER_SECOND: u32 = 4_000;
const BURST: u32 = 50;
/// Of each request, how likely it fails.
const FAILURES: [(u16, f64); 2] = [(429, 0.05), (500, 0.05)];
/// Tasks that change cards at once.
const AT_ONCE: usize = 64;
/// How long a storm may take before the bench gives up.
const PATIENCE: Duration = Duration::from_secs(1_800);

struct Bench {
    core: Core,
    google: StandIn,
    writer: Arc<GoogleWriter>,
    org: OrgId,
    programme: ProgrammeId,
    cards: Vec<(CardId, PassId)>,
}

fn main() {
    if stand_in::be_it_if_asked(&FAILURES) {
        return;
    }
    let asked = std::env::args().skip(1).find_map(|word| word.parse().ok());
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    actix_web::rt::System::new().block_on(async {
        let mut bench = open(folder.path()).await;
        bench.join(asked.unwrap_or(CARDS)).await;
        bench.links().await;
        bench.storm("made", |bench, card| Box::pin(bench.show(card))).await;
        bench.storm("changed", |bench, card| Box::pin(bench.change(card, 10))).await;
        bench.storm("changed again", |bench, card| Box::pin(bench.change(card, 5))).await;
        bench.check(15).await;
        bench.latency().await;
        bench.new_face().await;
    });
}

async fn open(folder: &std::path::Path) -> Bench {
    let parts = Parts { clock: Arc::new(SystemClock), ids: Arc::new(SystemIds) };
    let google = StandIn::start();
    let key = folder.join("google.json");
    key_file::write(&key, google.text("account").as_bytes(), key_file::Existing::Refuse).expect("a key file");
    let mut config = Config::default();
    config.server.listen = Listen::local(0);
    config.server.admin_listen = Listen::local(0);
    config.server.public_url = Some("https://bench.example".to_owned());
    config.database.url = SecretText::new(format!("sqlite:{}", folder.join("walaa.db").display()));
    config.keys.keyring_file = folder.join("keyring.toml");
    config.google = vec![GoogleAccount {
        issuer_id: ISSUER.to_owned(),
        service_account_file: key,
        api_url: google.text("api"),
        keys_url: google.text("keys"),
        save_url: google.text("save"),
        requests_per_second: REQUESTS_PER_SECOND,
        burst: BURST,
        ..GoogleAccount::default()
    }];
    let app = App::build(&config, parts).await.expect("the gateway starts");
    let core = app.core().clone();
    let writer = app.state().google.clone().expect("Google is configured");
    actix_web::rt::spawn(app.run_until(std::future::pending()));
    let (org, programme) = (OrgId(SystemIds.random()), ProgrammeId(SystemIds.random()));
    let bench = Bench { core, google, writer, org, programme, cards: Vec::new() };
    bench.put(DocumentKey::organisation(org), (0, json!({"name": {"en": "Bean"}}))).await;
    bench.put(DocumentKey::programme(org, programme), (0, face("Bean Club"))).await;
    bench
}

fn face(name: &str) -> Value {
    json!({
        "name": {"en": name}, "currency": "KWD", "time_zone": "Asia/Kuwait", "template": "coffee",
        "earning": {"points_per_unit": "10"}, "rewards": [{"id": "latte", "name": {"en": "Latte"}, "points": 60}],
    })
}

impl Bench {
    async fn ask(&self, body: Body) {
        let key = OpKey::parse(&format!("bench-{}", encode(&SystemIds.random()))).expect("a key");
        let asked = Asked { org: self.org, principal: Principal::System, key, fingerprint: Fingerprint([0; 32]) };
        self.core.ask(&asked, body).await.expect("an outcome").result.expect("done");
    }

    async fn put(&self, key: DocumentKey, (expected_version, body): (i64, Value)) {
        self.ask(Body::PutDocument(PutDocument { key, expected_version, body: body.to_string().into() })).await;
    }

    async fn join(&mut self, cards: usize) {
        let began = Instant::now();
        self.cards = (0..cards).map(|_| (CardId(SystemIds.random()), PassId(SystemIds.random()))).collect();
        self.each(|bench, (card, pass)| Box::pin(bench.enrol(card, pass))).await;
        println!("{cards} cards joined in {:.0} s", began.elapsed().as_secs_f64());
    }

    async fn enrol(&self, card: CardId, pass: PassId) {
        let id = MemberId(SystemIds.random());
        let profile = Profile { name: Some("Sara".to_owned()), ..Profile::default() };
        let profile = profile.seal(&self.core.keyring, &SystemIds, (self.org, id)).expect("seals");
        let member = EnrolMember::New(NewMember { id, language: "en".to_owned(), profile, identities: Vec::new() });
        let number = encode(&card.0);
        self.ask(Body::Enrol(Enrol {
            member,
            programme: self.programme,
            card,
            number,
            pass,
            channel: None,
            trust: Default::default(),
        }))
        .await;
    }

    async fn show(&self, card: CardId) {
        let state = self.core.card(self.org, card).await.expect("a card");
        self.core.show_on_google(self.org, &state).await.expect("shown");
    }

    async fn change(&self, card: CardId, points: i64) {
        let sealed_reason = "bench".to_owned();
        self.ask(Body::Adjust(Adjust { card, programme: self.programme, points, sealed_reason })).await;
    }

    async fn each<'a>(&'a self, act: impl Fn(&'a Self, (CardId, PassId)) -> std::pin::Pin<Box<dyn Future<Output = ()> + 'a>>) {
        let chunk = self.cards.len().div_ceil(AT_ONCE).max(1);
        let act = &act;
        let tasks = self.cards.chunks(chunk).map(|cards| async move {
            for card in cards {
                act(self, *card).await;
            }
        });
        futures_util::future::join_all(tasks).await;
    }

    async fn owed(&self) -> i64 {
        let figures = self.core.db.figures().await.expect("figures");
        let owed: i64 =
            figures.iter().filter(|(name, _)| ["outbox", "dead_letters"].contains(name)).map(|(_, number)| number).sum();
        owed + i64::try_from(self.core.db.unsealed().await.expect("reads")).expect("few")
    }

    /// Every card, while Google fails at random; until nothing is owed.
    async fn storm<'a>(&'a self, what: &str, act: impl Fn(&'a Self, CardId) -> std::pin::Pin<Box<dyn Future<Output = ()> + 'a>>) {
        let (before, memory, began) = (self.google.counted().await, resident_mib(), Instant::now());
        self.google.ask(json!({ "ask": "fail" })).await;
        self.each(|bench, (card, _)| act(bench, card)).await;
        let asked = began.elapsed();
        while self.owed().await > 0 {
            assert!(began.elapsed() < PATIENCE, "{} are still owed", self.owed().await);
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        self.google.ask(json!({ "ask": "heal" })).await;
        let after = self.google.counted().await;
        let requests = after.requests - before.requests;
        println!(
            "{} cards {what} in {:.0} s, everywhere after {:.0} s: {requests} requests ({:.2} a card) in {} batches, at most {} in a second; \
             the gateway's memory {memory} -> {} MiB",
            self.cards.len(),
            asked.as_secs_f64(),
            began.elapsed().as_secs_f64(),
            requests as f64 / self.cards.len() as f64,
            after.batches - before.batches,
            after.peak,
            resident_mib(),
        );
        assert!(after.peak <= u64::from(REQUESTS_PER_SECOND + BURST), "faster than the account allows");
    }

    /// The newest version is everywhere.
    async fn check(&self, points: i64) {
        let right = self.google.ask(json!({ "ask": "how_many_have", "points": points })).await;
        assert_eq!(right, json!(self.cards.len()), "cards with {points} points");
        println!("the newest version is everywhere");
    }

    async fn links(&self) {
        let mut lengths = Vec::new();
        for (card, _) in self.cards.iter().take(LINKS) {
            let state = self.core.card(self.org, *card).await.expect("a card");
            let pass = self.core.show_on_google(self.org, &state).await.expect("shown");
            let link = self.writer.save_link(&pass).await.expect("a link");
            lengths.push(link.rsplit('/').next().expect("a token").len());
        }
        println!("save links: {} to {} letters of 1,800", lengths.iter().min().unwrap_or(&0), lengths.iter().max().unwrap_or(&0));
    }

    /// From the commit of a change until Google has it, one after another.
    async fn latency(&self) {
        let mut taken = Vec::new();
        let before = self.google.counted().await.changes;
        let changes = SINGLE_CHANGES.min(self.cards.len());
        for (card, pass) in self.cards.iter().take(changes) {
            self.change(*card, 1).await;
            let began = Instant::now();
            let id = naming::object(ISSUER.parse().expect("an issuer"), &encode(&pass.0)).expect("an id").to_string();
            let there = self.google.ask(json!({ "ask": "wait_for", "id": id, "points": 16 })).await;
            assert_eq!(there, json!(true), "{id} never changed");
            taken.push(began.elapsed().as_secs_f64() * 1_000.0);
        }
        taken.sort_by(f64::total_cmp);
        let at = |part: f64| taken.get((taken.len() as f64 * part) as usize).copied().unwrap_or_default();
        let patches = (self.google.counted().await.changes - before) as f64 / changes as f64;
        println!("a change is at Google after p50 {:.1} ms, p99 {:.1} ms; {patches:.2} PATCHes a change", at(0.5), at(0.99));
    }

    /// Another name of the programme: one class, however many cards.
    async fn new_face(&self) {
        let before = self.google.counted().await.requests;
        self.put(DocumentKey::programme(self.org, self.programme), (1, face("The New Bean Club"))).await;
        let began = Instant::now();
        let class = naming::loyalty_class(ISSUER.parse().expect("an issuer"), self.programme, None).to_string();
        let name = json!({ "ask": "name_of", "id": class });
        while self.google.ask(name.clone()).await != "The New Bean Club" && began.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let renamed_after = began.elapsed().as_secs_f64();
        tokio::time::sleep(Duration::from_secs(20)).await;
        let requests = self.google.counted().await.requests - before;
        println!("a new face of the programme: at Google after {renamed_after:.1} s, {requests} requests in the 20 s after it");
    }
}

/// Memory of this process, in MiB.
fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) / 1024
}
