//! What only PostgreSQL promises: several nodes on one database. The nodes here are two or more [`PostgresDb`], each with connections
//! of its own.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use walaa::db::batcher::Batcher;
use walaa::db::postgres::{PostgresConfig, PostgresDb, grant, migrate, migrate_or_check};
use walaa::db::{Channel, Db, DbError};
use walaa::error::Code;
use walaa::ids::OpId;
use walaa::journal::Sequencer;
use walaa::ledger::{Answer, Command, DocumentKey, OpHeader, TokenKind};

use crate::support::ledger::{Customer, TestMint, World, code_of, postgres_at, programme_json};
use crate::support::postgres::Postgres;
use crate::support::proxy::{Direction, Wire};
use crate::support::redis::tls::Authority;

/// How often a race is run.
const ROUNDS: usize = 20;

async fn node(world: &World) -> Arc<PostgresDb> {
    postgres_at(world.url()).await
}

async fn alone(db: &dyn Db, world: &World, command: Command) -> Result<Answer, DbError> {
    db.apply(vec![command], world.now()).await.pop().expect("one answer")
}

/// Runs a command on each of two nodes at once.
async fn race(world: &World, other: &dyn Db, commands: [Command; 2]) -> [Answer; 2] {
    let [first, second] = commands;
    let (a, b) = tokio::join!(alone(&*world.db, world, first), alone(other, world, second));
    [a.expect("the first node answers"), b.expect("the second node answers")]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_captured_on_one_node_only() {
    let world = World::on_postgres().await;
    let other = node(&world).await;
    for _ in 0..ROUNDS {
        let customer = world.customer_with(500).await;
        world.done(world.issue_code(customer)).await;
        let token = world.code(customer, (TokenKind::Live, 1));
        let capture = || world.command(world.capture(customer, token, &[("latte", 1)]));
        let answers = race(&world, &*other, [capture(), capture()]).await;
        let done: Vec<_> = answers.iter().filter(|answer| answer.result.is_ok()).collect();
        assert_eq!(done.len(), 1, "{answers:?}");
        let refused = answers.iter().find(|answer| answer.result.is_err()).expect("the other one");
        assert_eq!(code_of(refused), Code::AlreadyRedeemed);
    }
    world.check_ledger().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_twin_on_another_node_hears_the_same() {
    let world = World::on_postgres().await;
    let other = node(&world).await;
    for round in 0..ROUNDS {
        let customer = world.enrol().await;
        let first = world.command(world.earn(customer, &format!("R-{round}"), "2.000"));
        let second = Command { op: OpHeader { id: OpId(world.id()), ..first.op.clone() }, body: first.body.clone() };
        let [a, b] = race(&world, &*other, [first, second]).await;
        assert_eq!((a.op, &a.result), (b.op, &b.result));
        assert_eq!([a.replayed, b.replayed].iter().filter(|replayed| **replayed).count(), 1, "one of them did it");
    }
    world.check_ledger().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_identity_joins_once_and_one_receipt_counts_once() {
    let world = World::on_postgres().await;
    let other = node(&world).await;
    let (a, b) = (world.enrol().await, world.enrol().await);
    for round in 0..ROUNDS {
        let join = || world.command(world.new_member(&format!("+96550{round:06}")).1);
        let joined = race(&world, &*other, [join(), join()]).await;
        assert_eq!(joined.iter().filter(|answer| answer.result.is_ok()).count(), 1, "{joined:?}");
        let receipt = format!("Z-{round}");
        let earn = |customer| world.command(world.earn(customer, &receipt, "1.000"));
        let earned = race(&world, &*other, [earn(a), earn(b)]).await;
        let refused: Vec<_> = earned.iter().filter(|answer| answer.result.is_err()).map(code_of).collect();
        assert_eq!(refused, [Code::ReceiptReused], "a receipt on two cards at once");
    }
    world.check_ledger().await;
}

/// Two nodes with the same cards in opposite order, again and again: a deadlock would show as time lost or as an error.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_over_the_same_cards_do_not_lock_each_other_out() {
    let world = World::on_postgres().await;
    let other = node(&world).await;
    let mut customers = Vec::new();
    for _ in 0..12 {
        customers.push(world.enrol().await);
    }
    let batch = |customers: Vec<Customer>, round: usize, node: &str| -> Vec<Command> {
        let earn = |(place, customer)| world.command(world.earn(customer, &format!("{node}-{round}-{place}"), "1.000"));
        customers.into_iter().enumerate().map(earn).collect()
    };
    let backwards: Vec<_> = customers.iter().rev().copied().collect();
    for round in 0..ROUNDS {
        let (ours, theirs) = (batch(customers.clone(), round, "A"), batch(backwards.clone(), round, "B"));
        let (a, b, sequenced) = tokio::join!(world.db.apply(ours, world.now()), other.apply(theirs, world.now()), async {
            for _ in 0..3 {
                world.db.sequence(1_000, world.now()).await.expect("sequences beside sales");
                other.sequence(1_000, world.now()).await.expect("sequences beside sales");
            }
        });
        let () = sequenced;
        assert!(a.iter().chain(&b).all(|answer| answer.as_ref().is_ok_and(|answer| answer.result.is_ok())), "{a:?} {b:?}");
    }
    for customer in customers {
        assert_eq!(world.balance(customer).await.0, 2 * i64::try_from(ROUNDS).expect("few") * 10, "1.000 earns ten points");
    }
    world.check_ledger().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unrelated_sales_wait_for_nobody() {
    let world = World::on_postgres().await;
    let (held, free) = (world.enrol().await, world.enrol().await);
    let (client, connection) = tokio_postgres::connect(world.url(), tokio_postgres::NoTls).await.expect("connects");
    let connection = tokio::spawn(connection);
    client.batch_execute("BEGIN").await.expect("begins");
    client.execute("SELECT 1 FROM cards WHERE id = $1 FOR UPDATE", &[&held.card.0.as_slice()]).await.expect("locks");
    client.execute("UPDATE sequencer SET last_seq = last_seq", &[]).await.expect("locks what numbers the journal");
    let batch = [(held, "B-1"), (free, "B-2"), (free, "B-3")];
    let batch = batch.map(|(customer, receipt)| world.command(world.earn(customer, receipt, "1.000")));
    let answers = world.db.apply(batch.to_vec(), world.now()).await;
    assert!(matches!(answers[0], Err(DbError::Unavailable(_))), "a lock is not waited for for ever: {:?}", answers[0]);
    assert!(answers[1..].iter().all(|answer| answer.as_ref().is_ok_and(|answer| answer.result.is_ok())), "{answers:?}");
    world.done(world.earn(free, "R-1", "1.000")).await;
    let waits = alone(&*world.db, &world, world.command(world.earn(held, "R-2", "1.000")));
    let released = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        client.batch_execute("ROLLBACK").await.expect("ends");
    };
    let (earned, ()) = tokio::join!(waits, released);
    assert!(earned.expect("the lock is free in time").result.is_ok(), "a locked card is waited for");
    drop(client);
    connection.await.expect("ends").expect("well");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_waits_for_a_lock_holds_no_other_batch_up() {
    let world = Arc::new(World::on_postgres().await);
    let batcher = Batcher::start(world.db.clone(), world.clone());
    let (held, free) = (world.enrol().await, world.enrol().await);
    let (client, connection) = tokio_postgres::connect(world.url(), tokio_postgres::NoTls).await.expect("connects");
    let connection = tokio::spawn(connection);
    client.batch_execute("BEGIN").await.expect("begins");
    client.execute("SELECT 1 FROM cards WHERE id = $1 FOR UPDATE", &[&held.card.0.as_slice()]).await.expect("locks");
    let waits = tokio::spawn({
        let (batcher, command) = (batcher.clone(), world.command(world.earn(held, "R-1", "1.000")));
        async move { batcher.execute(command).await }
    });
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while world.server().query(waiting).as_deref() != Ok("1") {
        tokio::task::yield_now().await;
    }
    let earned = batcher.execute(world.command(world.earn(free, "R-2", "1.000"))).await;
    assert!(earned.expect("works").result.is_ok());
    assert!(!waits.is_finished(), "the lock is still held");
    client.batch_execute("ROLLBACK").await.expect("ends");
    assert!(waits.await.expect("ends").expect("works").result.is_ok(), "a lock is waited for");
    drop(client);
    connection.await.expect("ends").expect("well");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_node_numbers_the_journal_at_a_time_and_none_is_lost() {
    let world = World::on_postgres().await;
    let other = node(&world).await;
    let customer = world.enrol().await;
    for round in 0..60 {
        world.done(world.earn(customer, &format!("R-{round}"), "1.000")).await;
    }
    let rounds = async |db: &dyn Db| {
        let mut rows = 0;
        while db.unsealed().await.expect("counts") > 0 {
            rows += db.sequence(3, world.now()).await.expect("sequences").rows;
        }
        rows
    };
    let (a, b) = tokio::join!(rounds(&*world.db), rounds(&*other));
    assert_eq!(a + b, 60 + 5, "each row once: four documents, a member, sixty sales");
    let journal = world.db.journal(world.org, 0, 1_000).await.expect("reads");
    let numbers: Vec<i64> = journal.iter().map(|record| record.number).collect();
    assert_eq!(numbers, (1..=65).collect::<Vec<i64>>());
    assert_eq!(journal.iter().map(|record| record.row.op).collect::<HashSet<_>>().len(), 65);
    let verified = walaa::journal::verify(&*world.db, world.org).await.expect("reads");
    assert_eq!((verified.bad, verified.rows), (None, 65));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_hears_of_passes_that_another_one_numbered() {
    let world = Arc::new(World::on_postgres().await);
    let sequencer = |db| Sequencer {
        db,
        clock: world.clone(),
        committed: Arc::default(),
        owed: vec![],
        newest: tokio::sync::watch::Sender::default(),
    };
    let (here, there) = (sequencer(world.db.clone()), sequencer(node(&world).await));
    let customer = world.enrol().await;
    let mut heard = there.newest.subscribe();
    for expected in [true, false] {
        if expected {
            world.done(world.adjust(customer, 1)).await;
            assert!(here.run_once().await.expect("numbers").rows > 0);
        }
        assert_eq!(there.run_once().await.expect("finds nothing").rows, 0);
        assert_eq!(heard.has_changed().expect("it lives"), expected);
        let seq = world.db.pass(customer.pass).await.expect("reads").expect("a pass").seq;
        assert_eq!(*heard.borrow_and_update(), seq);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_goes_away_leaves_no_open_transaction_for_the_next_one() {
    let world = World::on_postgres().await;
    let wire = Wire::to(Postgres::shared().port());
    let url = world.url().replace(&format!(":{}", Postgres::shared().port()), &format!(":{}", wire.port()));
    let far =
        PostgresDb::open(PostgresConfig { connections: 2, ..PostgresConfig::new(url) }, Arc::new(TestMint)).await.expect("opens");
    let pass = world.enrol().await.pass;
    far.forget_pass(pass).await.expect("works");
    let health = || world.server().query("SELECT health FROM bookkeeping").expect("reads").parse::<i64>().expect("a number");
    for patience in (1..=ROUNDS).map(|round| Duration::from_millis(5 * u64::try_from(round).expect("few"))) {
        wire.delay(Duration::from_millis(10));
        let _gone = tokio::time::timeout(patience, far.forget_pass(pass)).await;
        wire.heal();
        let before = health();
        far.health().await.expect("writes");
        assert_eq!(health(), before + 1, "what is said to be written is: {patience:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_owed_is_claimed_by_one_node() {
    let world = World::on_postgres().await;
    let other = node(&world).await;
    for device in 0..30 {
        let customer = world.enrol().await;
        world.add_to_phone(customer.pass, &format!("device-{device}")).await;
        world.done(world.adjust(customer, 10)).await;
    }
    world.db.sequence(1_000, world.now()).await.expect("sequences");
    let claim = async |db: &dyn Db| {
        let mut claimed = Vec::new();
        for _ in 0..10 {
            claimed.extend(db.claim_outbox(Channel::Apple, 3, 60_000, world.now()).await.expect("claims"));
        }
        claimed
    };
    let (a, b) = tokio::join!(claim(&*world.db), claim(&*other));
    let passes: HashSet<_> = a.iter().chain(&b).map(|item| item.pass).collect();
    assert_eq!((passes.len(), a.len() + b.len()), (30, 30), "each once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_switch_pulled_on_one_node_binds_the_next_commit_on_the_other() {
    let world = World::on_postgres().await;
    let other = node(&world).await;
    let customer = world.enrol().await;
    let earn = |receipt: &str| world.command(world.earn(customer, receipt, "1.000"));
    assert!(alone(&*other, &world, earn("R-1")).await.expect("works").result.is_ok(), "the other node knows the programme now");
    let mut document = programme_json();
    document["status"] = "disabled".into();
    world.put(DocumentKey::programme(world.org, world.programme).kind, world.programme.0, (1, document)).await;
    let refused = alone(&*other, &world, earn("R-2")).await.expect("works");
    assert_eq!(code_of(&refused), Code::ProgrammeDisabled);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_lost_at_the_commit_is_no_second_capture_and_no_lost_one() {
    let world = World::on_postgres().await;
    let wire = Wire::to(Postgres::shared().port());
    let url = world.url().replace(&format!(":{}", Postgres::shared().port()), &format!(":{}", wire.port()));
    let far = postgres_at(&url).await;
    let customer = world.customer_with(10_000).await;
    // Warm: connected, statements prepared.
    assert!(alone(&*far, &world, world.command(world.adjust(customer, 1))).await.expect("works").result.is_ok());
    // Slow both ways, so that what comes back can be held at different moments of a batch.
    wire.delay(Duration::from_millis(15));
    let (mut unheard, mut repeated) = (0, 0);
    for round in 0..ROUNDS {
        let command = world.command(world.adjust(customer, 1));
        let hurt = async {
            tokio::time::sleep(Duration::from_millis(20 + 4 * u64::try_from(round).expect("few"))).await;
            wire.hang(Direction::Down);
            tokio::time::sleep(Duration::from_millis(80)).await;
            let known = world.db.op(command.op.org, command.op.principal, &command.op.key).await.expect("reads");
            wire.cut();
            wire.heal();
            wire.delay(Duration::from_millis(15));
            known.is_some()
        };
        let (answer, committed) = tokio::join!(alone(&*far, &world, command.clone()), hurt);
        let answer = answer.expect("the node finds out by itself");
        assert!(answer.result.is_ok());
        repeated += usize::from(answer.replayed);
        unheard += usize::from(committed);
        let again = alone(&*world.db, &world, command).await.expect("works");
        assert_eq!((again.op, again.result), (answer.op, answer.result), "one outcome");
        assert!(again.replayed);
    }
    assert!(unheard > 0, "some were committed while nobody heard of it");
    assert_eq!(repeated, 0, "what was committed and not heard of is no repeat");
    assert_eq!(world.balance(customer).await.0, 10_000 + 1 + i64::try_from(ROUNDS).expect("few"), "each once");
    world.check_ledger().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_gone_is_told_within_seconds() {
    let world = World::on_postgres().await;
    let wire = Wire::to(Postgres::shared().port());
    let url = world.url().replace(&format!(":{}", Postgres::shared().port()), &format!(":{}", wire.port()));
    let far = postgres_at(&url).await;
    let customer = world.enrol().await;
    wire.refuse();
    let began = Instant::now();
    for expected in [Duration::from_secs(15), Duration::from_secs(5)] {
        let answer = alone(&*far, &world, world.command(world.adjust(customer, 1))).await;
        assert!(matches!(answer, Err(DbError::Unavailable(_))), "{answer:?}");
        assert!(began.elapsed() < expected * 2, "it took {:?}", began.elapsed());
    }
    assert!(matches!(far.card(world.org, customer.card).await, Err(DbError::Unavailable(_))));
    wire.heal();
    assert!(alone(&*far, &world, world.command(world.adjust(customer, 1))).await.expect("is back").result.is_ok());
}

#[tokio::test]
async fn nodes_that_start_together_make_the_schema_once() {
    let database = Postgres::database();
    let config = PostgresConfig::new(&database.url);
    let starts = (0..4).map(|_| migrate(&config));
    let done = futures_util::future::join_all(starts).await;
    let made: Vec<_> = done.into_iter().map(|done| done.expect("migrates")).filter(|done| done.from == 0).collect();
    assert_eq!(made.len(), 1, "one of them");
    database.query("INSERT INTO walaa_schema VALUES (99)").expect("writes");
    assert!(matches!(migrate(&config).await, Err(DbError::Corrupt(what)) if what.contains("newer")));
    let foreign = Postgres::database();
    foreign.query("CREATE TABLE invoices (id INTEGER)").expect("makes");
    let refused = migrate_or_check(&PostgresConfig::new(&foreign.url)).await;
    assert!(matches!(refused, Err(DbError::Corrupt(what)) if what.contains("another program")));
}

#[tokio::test]
async fn the_serving_user_changes_no_table_and_no_evidence() {
    let world = World::on_postgres().await;
    let owner = PostgresConfig::new(world.url());
    let role = format!("serving_{}", std::process::id());
    let database = world.server();
    database.query(&format!("DROP ROLE IF EXISTS {role}")).expect("drops");
    database.query(&format!("CREATE ROLE {role} LOGIN PASSWORD 'serving'")).expect("makes");
    grant(&owner, &role).await.expect("grants");
    let (start, rest) = world.url().split_once("://").expect("an address");
    let place = rest.split_once('@').map_or(rest, |(_, place)| place);
    let url = format!("{start}://{role}:serving@{place}");
    let db = postgres_at(&url).await;
    let serving = world.twin_on(db.clone());
    let customer = serving.customer_with(100).await;
    serving.add_to_phone(customer.pass, "device").await;
    serving.done(serving.capture(customer, serving.card_token(customer, 1), &[("latte", 1)])).await;
    serving.db.sequence(1_000, serving.now()).await.expect("sequences");
    assert_eq!(serving.db.claim_outbox(Channel::Apple, 9, 1_000, serving.now()).await.expect("claims").len(), 1);
    serving.check_ledger().await;
    serving.db.health().await.expect("writes");
    serving.db.figures().await.expect("counts");
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.expect("connects");
    let connection = tokio::spawn(connection);
    for sql in [
        "CREATE TABLE more (id INTEGER)",
        "ALTER TABLE cards ADD COLUMN more INTEGER",
        "DROP TABLE entries",
        "ALTER TABLE entries DISABLE TRIGGER ALL",
        "UPDATE entries SET amount = amount + 1",
        "DELETE FROM journal",
        "TRUNCATE documents",
        "UPDATE journal_seals SET hash = previous",
    ] {
        let refused = client.batch_execute(sql).await.expect_err(sql);
        assert_eq!(refused.code(), Some(&tokio_postgres::error::SqlState::INSUFFICIENT_PRIVILEGE), "{sql}: {refused}");
    }
    drop(client);
    connection.await.expect("ends").expect("well");
    let evidence =
        ["UPDATE entries SET amount = 2", "DELETE FROM journal", "TRUNCATE entries CASCADE", "UPDATE documents SET body = '{}'"];
    for sql in evidence {
        let refused = database.query(sql).expect_err("even the owner");
        assert!(refused.contains("immutable"), "{sql}: {refused}");
    }
}

#[tokio::test]
async fn codes_of_earlier_epochs_are_found_among_many_others() {
    let world = World::on_postgres().await;
    let customer = world.enrol().await;
    let many = crate::contract::many_used_codes(world.org, customer.card, |hex| format!("'\\x{hex}'::bytea"));
    many.iter().for_each(|some| assert!(world.server().query(some).is_ok(), "they fit"));
    crate::contract::are_found_among_many(&world, customer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_way_to_the_server_is_encrypted_and_its_certificate_is_checked() {
    let (authority, stranger, server) = (Authority::new(), Authority::new(), Postgres::durable());
    server.encrypt(&authority.certificate("IP:127.0.0.1"));
    let database = server.fresh();
    let url = format!("{}?sslmode=require", database.url);
    let trusting = |ca_file| PostgresConfig { ca_file, connections: 4, ..PostgresConfig::new(&url) };
    let config = trusting(Some(authority.file()));
    migrate(&config).await.expect("migrates");
    let db = PostgresDb::open(config, Arc::new(TestMint)).await.expect("opens");
    let world = World::on(db, None).await;
    world.check_ledger().await;
    let sessions = "SELECT count(*) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.application_name = 'walaa'";
    let all = database.query(sessions).expect("reads");
    assert_ne!(all, "0");
    assert_eq!(database.query(&format!("{sessions} AND s.ssl")).expect("reads"), all, "every session");
    for ca_file in [Some(stranger.file()), None] {
        let refused = migrate(&trusting(ca_file)).await;
        assert!(matches!(&refused, Err(DbError::Unavailable(what)) if what.contains("certificate")), "{refused:?}");
    }
    server.encrypt(&authority.certificate("DNS:another.example"));
    let mut refused = Ok(());
    for _ in 0..200 {
        // The server takes the new certificate a moment after it was told.
        refused = migrate(&trusting(Some(authority.file()))).await.map(|_| ());
        if refused.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(matches!(&refused, Err(DbError::Unavailable(what)) if what.contains("certificate")), "{refused:?}");
}
