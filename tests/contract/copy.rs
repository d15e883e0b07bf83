//! The move of a running shop from a file to a server: everything arrives, goes on there, and a half-filled target is no ledger.

use std::sync::Arc;

use walaa::db::copy::{self, CopyError};
use walaa::db::postgres::{PostgresConfig, PostgresDb, migrate};
use walaa::db::{Channel, Db, DbError};
use walaa::ledger::TokenKind;

use crate::support::ledger::{TestMint, World};
use crate::support::postgres::{Postgres, TestDatabase};

/// A shop with a bit of everything, its file closed.
async fn shop() -> (World, std::path::PathBuf, Vec<crate::support::ledger::Customer>) {
    let world = World::on_sqlite().await;
    let mut customers = Vec::new();
    for number in 0..5 {
        let customer = world.customer_with(300 + number).await;
        world.add_to_phone(customer.pass, &format!("device-{number}")).await;
        world.done(world.earn(customer, &format!("R-{number}"), "12.500")).await;
        world.done(world.capture(customer, world.card_token(customer, 1), &[("latte", 1)])).await;
        customers.push(customer);
    }
    world.voucher(customers[0], "cake").await;
    world.done(world.erase(customers[4])).await;
    world.db.sequence(20, world.now()).await.expect("sequences some");
    assert!(world.db.unsealed().await.expect("counts") > 0, "some rows wait to be numbered");
    let file = world.directory.as_ref().expect("a file").path().join("walaa.db");
    (world, file, customers)
}

async fn target() -> (TestDatabase, PostgresConfig) {
    let database = Postgres::database();
    let config = PostgresConfig { connections: 4, ..PostgresConfig::new(&database.url) };
    migrate(&config).await.expect("migrates");
    (database, config)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_arrives_and_goes_on() {
    let (world, file, customers) = shop().await;
    let sold = world.command(world.earn(customers[1], "LAST", "5.000"));
    let told = world.apply(&sold).await.expect("works");
    let (_database, config) = target().await;
    let copied = copy::fill(&file, &config).await.expect("copies");
    assert!(copied.rows.iter().any(|(table, rows)| *table == "cards" && *rows == 5));
    let unfinished = PostgresDb::open(config.clone(), Arc::new(TestMint)).await;
    assert!(
        matches!(unfinished.map(|_| ()), Err(DbError::Corrupt(what)) if what.contains("not finished")),
        "before the end it is no ledger"
    );
    copy::finish(&file, &config).await.expect("finishes");
    let db = PostgresDb::open(config, Arc::new(TestMint)).await.expect("opens");
    let (org, old) = (world.org, Arc::clone(&world.db));
    for customer in &customers {
        assert_eq!(db.card(org, customer.card).await, old.card(org, customer.card).await);
        assert_eq!(db.pass(customer.pass).await, old.pass(customer.pass).await);
        assert_eq!(db.registrations(customer.pass).await, old.registrations(customer.pass).await);
        assert_eq!(db.vouchers_of(org, customer.card, 9).await, old.vouchers_of(org, customer.card, 9).await);
        assert_eq!(db.entries_of(org, customer.card, None, 99).await, old.entries_of(org, customer.card, None, 99).await);
    }
    assert_eq!(db.journal(org, 0, 999).await, old.journal(org, 0, 999).await);
    assert_eq!((db.unsealed().await, db.high_water().await), (old.unsealed().await, old.high_water().await));
    assert_eq!(db.figures().await, old.figures().await);
    // It goes on: the same op is a repeat, spent codes stay spent, new sales count, the chain and the numbers of changes rise.
    let moved = world.twin_on(db);
    let again = moved.apply(&sold).await.expect("works");
    assert_eq!((again.replayed, again.result), (true, told.result));
    moved.refused(moved.capture(customers[2], moved.card_token(customers[2], 1), &[("latte", 1)])).await;
    moved.done(moved.issue_code(customers[3])).await;
    let live = moved.code(customers[3], (TokenKind::Live, 1));
    moved.done(moved.capture(customers[3], live, &[("latte", 1)])).await;
    let before = moved.db.pass(customers[1].pass).await.expect("reads").expect("is there").seq;
    moved.done(moved.earn(customers[1], "NEW", "1.000")).await;
    moved.db.sequence(1_000, moved.now()).await.expect("sequences");
    assert!(moved.db.pass(customers[1].pass).await.expect("reads").expect("is there").seq > before);
    assert!(!moved.db.claim_outbox(Channel::Apple, 9, 1_000, moved.now()).await.expect("claims").is_empty());
    let verified = walaa::journal::verify(&*moved.db, org).await.expect("reads");
    assert_eq!((verified.bad, verified.unsealed), (None, 0));
    moved.check_ledger().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_holds_anything_is_refused() {
    let (_world, file, _) = shop().await;
    let (database, config) = target().await;
    copy::fill(&file, &config).await.expect("copies");
    let twice = copy::fill(&file, &config).await;
    assert!(matches!(&twice, Err(CopyError::NotEmpty("documents"))), "{twice:?}");
    let (other, config) = target().await;
    other.query("INSERT INTO google_classes VALUES ('\\x01', 'class', '\\x02', 1)").expect("writes");
    assert_eq!(copy::fill(&file, &config).await, Err(CopyError::NotEmpty("google_classes")), "even one row");
    assert_eq!(other.query("SELECT count(*) FROM cards").as_deref(), Ok("0"), "nothing was copied");
    drop(database);
}
