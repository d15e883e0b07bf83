//! Sixty-four tills at two nodes, while at least three hundred things go wrong: S1 (one capture per token), S2 (what was acknowledged
//! is there), S3 (one outcome, the same bytes), S4 (sums), S5 (an uncaptured token stays good), S6 (every operation is final, within
//! thirty seconds of healing).
//!
//! `WALAA_FAULTS` asks for more faults and `WALAA_SEED` for others: `make soak` does.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use walaa::tokens::Keyring;

use super::checks::{Baseline, Checks};
use super::cluster::{Cluster, Ground};
use super::faults::Director;
use super::till::{End, Kind, Market, Operation, Till};
use crate::support::app::coffee_programme;
use crate::support::chance::Chance;

/// Tills that work at the same time, and the keys that they share: each key is a principal of its own, and may undo what others did.
const TILLS: usize = 64;
const KEYS: usize = 16;

/// Cards that they serve: a card's own rate limit must not be what the test measures.
const CARDS: usize = 192;

/// Members who join at the same time.
const JOIN_TOGETHER: usize = 32;

/// Faults in one run, unless the environment asks for more.
const FAULTS: usize = 300;

/// How long after healing an operation may be open.
const FINAL_WITHIN: Duration = Duration::from_secs(30);

/// Rounds between two checks of the whole ledger by the command that operators have.
const ROUNDS_BETWEEN_AUDITS: u64 = 6;

/// A shop chain at work.
struct Run {
    cluster: Cluster,
    market: Arc<Market>,
    baseline: Baseline,
    tills: Vec<tokio::task::JoinHandle<()>>,
    round: u64,
    slowest: Duration,
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text}")))
}

impl Run {
    async fn start(ground: Ground, seed: u64) -> Self {
        let (cluster, owner) = Cluster::start(ground, seed);
        let market = Arc::new(open_market(&cluster, &owner).await);
        let baseline = Baseline::of(&cluster);
        let till = |number: usize| Till::new(&market, &market.keys[number % KEYS], seed.wrapping_add(1 + number as u64));
        let tills = (0..TILLS).map(|number| tokio::spawn(till(number).work())).collect();
        Self { cluster, market, baseline, tills, round: 0, slowest: Duration::ZERO }
    }

    /// Lets the tills begin.
    fn open(&mut self) -> usize {
        self.round += 1;
        self.market.round.store(self.round, Ordering::SeqCst);
        self.market.open.send_replace(true);
        self.market.book().len()
    }

    /// S6: lets the tills finish, and says how long the last one took.
    async fn close(&mut self) -> Duration {
        let healed = Instant::now();
        self.market.open.send_replace(false);
        while self.market.resting.load(Ordering::SeqCst) < TILLS {
            let open: Vec<Operation> =
                self.market.book().iter().filter(|operation| operation.end.is_none()).take(3).cloned().collect();
            assert!(healed.elapsed() < FINAL_WITHIN, "S6: not final in time: {open:?}\n{}", self.cluster.logs());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.slowest = self.slowest.max(healed.elapsed());
        healed.elapsed()
    }

    fn checks(&self) -> Checks<'_> {
        Checks { cluster: &self.cluster, market: &self.market, baseline: &self.baseline }
    }

    /// One round of trouble, and what holds after it.
    async fn suffer(&mut self, director: &mut Director) {
        let since = self.open();
        let what = director.round(&mut self.cluster).await;
        let settled = self.close().await;
        let all_run = self.cluster.nodes.iter_mut().all(super::cluster::Node::runs);
        assert!(all_run, "after {what} a node is gone\n{}", self.cluster.logs());
        let mut findings = self.checks().findings(since, &mut director.chance).await;
        if self.round.is_multiple_of(ROUNDS_BETWEEN_AUDITS) {
            findings.extend(self.cluster.audit().err());
        }
        let operations = self.market.book().len() - since;
        println!("round {}: {what}; {operations} operations, final {settled:.1?} after healing", self.round);
        assert!(findings.is_empty(), "after {what}:\n{}\n{}", findings.join("\n"), self.cluster.logs());
    }

    fn summary(&self, director: &Director, began: Instant) {
        let book = self.market.book();
        let of = |kind: Kind| book.iter().filter(move |operation| operation.kind == kind);
        let done = |kind: Kind| of(kind).filter(|operation| operation.end.as_ref().is_some_and(End::done)).count();
        let ended = |end: fn(&End) -> bool| book.iter().filter(|operation| operation.end.as_ref().is_some_and(end)).count();
        println!("{} faults in {:.0?}, {} rounds:", director.total(), began.elapsed(), self.round);
        director.counts().iter().for_each(|(name, count)| println!("  {count:5} {name}"));
        self.cluster.spray.counts().iter().for_each(|(name, count)| println!("  {count:5} {name} (not counted above)"));
        println!(
            "{} operations: {} captures in {} tries, {} sales, {} vouchers, {} reversals; {} looked up, {} abandoned; all final within {:.1?}",
            book.len(),
            done(Kind::Redeem),
            of(Kind::Redeem).count(),
            done(Kind::Earn),
            done(Kind::Issue),
            done(Kind::Reverse),
            ended(|end| matches!(end, End::LookedUp(..))),
            ended(|end| *end == End::Abandoned),
            self.slowest
        );
    }
}

/// The shop chain: a programme, a store, keys, members with more points than the run can spend.
async fn open_market(cluster: &Cluster, owner: &str) -> Market {
    let keyring = Keyring::parse(&cluster.keyring()).expect("a keyring");
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let asking = Asking { client, base: cluster.url(), owner: owner.to_owned() };
    let key = asking.post("/v1/keys", json!({ "name": "tills", "role": "manager" })).await;
    let mut market = Market::new(cluster.url(), key["key"].as_str().expect("a key"), (cluster.org, keyring));
    let id = |body: &Value| body["id"].as_str().expect("an id").to_owned();
    let programme = id(&asking.post("/v1/programmes", coffee_programme()).await);
    market.store = id(&asking.post("/v1/stores", json!({ "name": { "en": "Main Street" } })).await);
    for number in 0..KEYS {
        let key = asking.post("/v1/keys", json!({ "name": format!("till {number}"), "role": "manager" })).await;
        market.keys.push(key["key"].as_str().expect("a key").into());
    }
    let join = async |number: usize| {
        let member = json!({ "programme": programme, "name": format!("Member {number}") });
        let card = id(&asking.post("/v1/members", member).await["card"]);
        let points = json!({ "points": 1_000_000, "reason": "fault run" });
        asking.post(&format!("/v1/cards/{card}/adjustments"), points).await;
        card
    };
    for first in (0..CARDS).step_by(JOIN_TOGETHER) {
        market.cards.extend(futures_util::future::join_all((first..first + JOIN_TOGETHER).map(&join)).await);
    }
    market
}

/// The owner before the trouble.
struct Asking {
    client: reqwest::Client,
    base: String,
    owner: String,
}

impl Asking {
    async fn post(&self, path: &str, body: Value) -> Value {
        let request = self.client.post(format!("{}{path}", self.base)).bearer_auth(&self.owner).json(&body);
        let response = request.header("idempotency-key", crate::support::app::op_key()).send().await.expect("an answer");
        let (status, body) = (response.status().as_u16(), response.text().await.expect("a text"));
        assert_eq!(status, 201, "{path}: {body}");
        serde_json::from_str(&body).expect("JSON")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s1_to_s6_hold_through_three_hundred_faults() {
    let (seed, faults) = (setting("WALAA_SEED", 20), setting("WALAA_FAULTS", FAULTS as u64));
    println!("WALAA_SEED={seed} WALAA_FAULTS={faults}");
    let began = Instant::now();
    let mut run = Run::start(Ground::of_environment(), seed).await;
    let mut director = Director::seeded(seed);
    while (director.total() as u64) < faults {
        run.suffer(&mut director).await;
    }
    let mut findings = run.checks().findings(0, &mut director.chance).await;
    findings.extend(run.cluster.audit().err());
    assert!(findings.is_empty(), "at the end:\n{}\n{}", findings.join("\n"), run.cluster.logs());
    run.summary(&director, began);
    let captures =
        run.market.book().iter().filter(|one| one.kind == Kind::Redeem && one.end.as_ref().is_some_and(End::done)).count();
    assert!(captures > director.total(), "the run redeemed something: {captures}");
    run.tills.iter().for_each(tokio::task::JoinHandle::abort);
}

/// A check that can't fail proves nothing: each of these is planted, and must be found.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_checks_find_what_was_planted() {
    let mut run = Run::start(Ground::of_environment(), 7).await;
    let mut chance = Chance::seeded(7);
    run.open();
    while run.market.book().iter().filter(|operation| operation.end.as_ref().is_some_and(End::done)).count() < 200 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    run.close().await;
    assert_eq!(run.checks().findings(0, &mut chance).await, Vec::<String>::new(), "before anything is planted");
    let honest = run.market.book().clone();
    let finds = async |what: &str, promise: &str, chance: &mut Chance| {
        let findings = run.checks().findings(0, chance).await;
        assert!(findings.iter().any(|line| line.contains(promise)), "{what}: {promise} in {findings:?}");
        *run.market.book() = honest.clone();
    };
    let captured = honest.iter().find(|one| one.kind == Kind::Redeem && one.end.as_ref().is_some_and(End::done)).expect("one");
    // A till that retries under a fresh id, and one that was told yes about what never ran.
    run.market.book().push(Operation { id: format!("{}-again", captured.id), ..captured.clone() });
    finds("a second yes for one token", "S1: Redeem was done twice", &mut chance).await;
    run.market.book().push(Operation {
        id: format!("{}-lost", captured.id),
        body: json!({ "code": "other" }),
        ..captured.clone()
    });
    finds("a yes that is not in the database", "S2: ", &mut chance).await;
    for operation in run.market.book().iter_mut().filter(|operation| operation.id == captured.id) {
        operation.end = Some(End::Answered(201, b"{}".to_vec()));
    }
    finds("other bytes than those that are stored", "S3: ", &mut chance).await;
    run.market.book().retain(|operation| operation.id != captured.id);
    finds("a capture that no till asked for", "captures: tills know of", &mut chance).await;
    for (what, sql, promise) in [
        ("a point too many", "UPDATE lots SET available = available + 1", "points: tills know of"),
        ("an operation that the database lost", "DELETE FROM ops WHERE key LIKE 'round-%' AND outcome = 'done'", "S2: "),
    ] {
        run.cluster.sql(sql).expect("the database obeys");
        finds(what, promise, &mut chance).await;
    }
    assert!(run.cluster.audit().is_err(), "the operator's own command finds it, too");
    run.tills.iter().for_each(tokio::task::JoinHandle::abort);
}
