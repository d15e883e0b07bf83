//! Captures per second on PostgreSQL, batched by the gateway, beside what pgbench reaches with the same captures as one interactive
//! transaction each: one node and two, near and with a network in between; then through HTTP; and unchanged passes beside a bare select.
//!
//! `cargo bench --bench postgres` starts a PostgreSQL of its own that syncs every commit to the disk; it shares the machine's cores with the
//! load. Each measurement begins with a fresh copy of the same database, right after a checkpoint. `WALAA_BENCH_SECONDS` says how long each
//! takes, for a first look: three at least, since pgbench counts the time to connect.

use std::time::{Duration, Instant};

use gateway::{CAPTURES_PER_CARD, capture as capture_through_http, conditional_gets, open};
use load::{CLIENTS, Measured, median, run};
use pgbench::{BY_HAND, PASS, SAME_ROWS, Script};
use server::{Postgres, TestDatabase};

#[path = "postgres/distance.rs"]
mod distance;
#[path = "gateway/shop.rs"]
mod gateway;
#[path = "gateway/load.rs"]
mod load;
#[path = "postgres/pgbench.rs"]
mod pgbench;
#[allow(dead_code, unused_imports, reason = "a bench needs less of it than the tests")]
#[path = "../tests/support/postgres.rs"]
mod server;
#[path = "postgres/shop.rs"]
mod shop;

/// Seconds of each measurement.
const SECONDS: u64 = 12;

/// Time from a question to the database to its answer, beside the database's own: what two rooms of a data centre, or two near ones, are
/// apart.
const DISTANCE: Duration = Duration::from_millis(3);

/// Questions by which the distance is measured.
const ROUND_TRIPS: usize = 101;

/// Rounds of unchanged passes and bare selects, in turns.
const READ_ROUNDS: u64 = 3;

/// Cards of the shop that is asked through HTTP, a second of measuring: enough for as many captures as a slow machine does.
const HTTP_CARDS_PER_SECOND: u64 = 125;

fn main() {
    let seconds = std::env::var("WALAA_BENCH_SECONDS").ok().map_or(SECONDS, |text| text.parse().expect("a number of seconds"));
    let postgres = Postgres::durable();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let filled = postgres.fresh();
    runtime.block_on(shop::fill(&filled));
    filled.query("VACUUM ANALYZE").expect("statistics");
    let bench = Bench { runtime, filled, time: Duration::from_secs(seconds), port: postgres.port(), far: None };
    let limit = bench.near();
    let bench = Bench { far: Some(distance::to(postgres.port(), DISTANCE)), ..bench };
    bench.far();
    let Bench { runtime, filled, .. } = Bench { far: None, ..bench };
    drop(runtime);
    through_http(&postgres, &filled, (seconds, &limit));
}

struct Bench {
    runtime: tokio::runtime::Runtime,
    /// Is copied for each measurement.
    filled: TestDatabase,
    time: Duration,
    /// The server's port.
    port: u16,
    /// The port of the network before it.
    far: Option<u16>,
}

impl Bench {
    /// Without a network; says what pgbench reached with the same rows.
    fn near(&self) -> Measured {
        let by_hand = self.pgbench(&BY_HAND);
        tell("pgbench, a transaction by hand a capture", &by_hand, &[]);
        let same_rows = self.pgbench(&SAME_ROWS);
        tell("pgbench, a transaction of the same rows a capture", &same_rows, &[]);
        let limits = [("the same rows by pgbench", &same_rows), ("by hand", &by_hand)];
        tell("through the batcher, one node", &self.batched(1), &limits);
        tell("through the batchers of two nodes", &self.batched(2), &limits);
        same_rows
    }

    /// With a network.
    fn far(&self) {
        println!("with a network before the database, {:.1} ms there and back:", self.round_trip().as_secs_f64() * 1e3);
        let by_hand = self.pgbench(&BY_HAND);
        tell("  pgbench, a transaction by hand a capture", &by_hand, &[]);
        let same_rows = self.pgbench(&SAME_ROWS);
        tell("  pgbench, a transaction of the same rows a capture", &same_rows, &[]);
        let limits = [("the same rows by pgbench", &same_rows), ("by hand", &by_hand)];
        tell("  through the batcher, one node", &self.batched(1), &limits);
    }

    /// A copy of the database, and its address from where we are.
    fn fresh(&self) -> (TestDatabase, String) {
        let database = self.filled.duplicate();
        database.query("CHECKPOINT").expect("a superuser may");
        let port = self.far.unwrap_or(self.port);
        let url = database.url.replace(&format!(":{}/", self.port), &format!(":{port}/"));
        (database, url)
    }

    fn pgbench(&self, script: &Script) -> Measured {
        let (database, url) = self.fresh();
        pgbench::run(script, &database, (&url, self.time))
    }

    fn batched(&self, nodes: usize) -> Measured {
        let (database, url) = self.fresh();
        self.runtime.block_on(shop::capture(&database, (&url, self.time), nodes))
    }

    /// What the network makes of the smallest question.
    fn round_trip(&self) -> Duration {
        let (_database, url) = self.fresh();
        self.runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.expect("connects");
            tokio::spawn(connection);
            let mut took = Vec::with_capacity(ROUND_TRIPS);
            for _ in 0..ROUND_TRIPS {
                let asked = Instant::now();
                client.batch_execute("SELECT 1").await.expect("answers");
                took.push(asked.elapsed());
            }
            took.sort_unstable();
            took[ROUND_TRIPS / 2]
        })
    }
}

/// A whole gateway: captures beside the same rows by pgbench, and conditional GETs of unchanged passes beside bare selects, in turns.
fn through_http(postgres: &Postgres, filled: &TestDatabase, (seconds, limit): (u64, &Measured)) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let database = postgres.fresh();
    actix_web::rt::System::new().block_on(async {
        let cards = usize::try_from(seconds * HTTP_CARDS_PER_SECOND).expect("few");
        let shop = open(folder.path(), &database.url, cards).await;
        database.query("VACUUM ANALYZE").expect("statistics");
        database.query("CHECKPOINT").expect("a superuser may");
        let captures = capture_through_http(&shop).await;
        tell(
            &format!("through HTTP, one node, {} captures", cards * CAPTURES_PER_CARD),
            &captures,
            &[("the same rows by pgbench", limit)],
        );
        let requests = conditional_gets(&shop).await;
        let unchanged = |status: u16, _: &[u8]| assert_eq!(status, 304);
        // The first fetch of a version is noted in the database, once a minute at most.
        run(shop.port, requests.clone(), unchanged).await;
        let (mut bare, mut conditional) = (Vec::new(), Vec::new());
        let time = Duration::from_secs((seconds / READ_ROUNDS).max(1));
        for _ in 0..READ_ROUNDS {
            let select = pgbench::run(&PASS, filled, (&filled.url, time));
            let as_many = (select.per_second / 2.0 * time.as_secs_f64()) as usize;
            bare.push(select);
            conditional.push(run(shop.port, requests.iter().cycle().take(as_many).cloned().collect(), unchanged).await);
        }
        let (bare, conditional) = (median(bare), median(conditional));
        tell("pgbench, a bare select of a pass", &bare, &[]);
        tell("conditional GET of an unchanged pass", &conditional, &[("a bare select", &bare)]);
        let check = shop.core.db.check_ledger().await.expect("the ledger can be read");
        assert!(check.findings.is_empty(), "{:?}", check.findings);
    });
}

/// A line: the figure, and what it is of its limits.
fn tell(what: &str, measured: &Measured, limits: &[(&str, &Measured)]) {
    let ratios =
        limits.iter().map(|(name, limit)| format!(", {:.0} % of {name}", 100.0 * measured.per_second / limit.per_second));
    let ratios: String = ratios.collect();
    println!(
        "{what}: {:.0}/s at {CLIENTS} clients, p50 {:.1} ms, p99 {:.1} ms{ratios}",
        measured.per_second, measured.p50, measured.p99
    );
}
