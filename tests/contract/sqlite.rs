//! What only the SQLite file promises: permissions, migrations, immutability, backups, life after a restart.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;
use walaa::db::sqlite::SqliteDb;
use walaa::db::{Db, DbError};
use walaa::ids::MemberId;

use crate::support::ledger::{TestMint, World};

fn file(world: &World) -> PathBuf {
    world.directory.as_ref().expect("a file").path().join("walaa.db")
}

fn open(path: &Path) -> Result<Arc<SqliteDb>, DbError> {
    SqliteDb::open(path, Arc::new(TestMint))
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

#[tokio::test]
async fn only_the_owner_reads_the_file() {
    let world = World::on_sqlite().await;
    for name in ["walaa.db", "walaa.db-wal", "walaa.db-shm"] {
        assert_eq!(mode(&file(&world).with_file_name(name)), 0o600, "{name}");
    }
    let lax = file(&world).with_file_name("lax.db");
    std::fs::write(&lax, b"").expect("writes");
    std::fs::set_permissions(&lax, std::fs::Permissions::from_mode(0o644)).expect("sets");
    open(&lax).expect("opens");
    assert_eq!(mode(&lax), 0o600, "made right");
}

#[tokio::test]
async fn a_restart_finds_everything() {
    let world = World::on_sqlite().await;
    let customer = world.customer_with(100).await;
    let command = world.command(world.capture(customer, world.card_token(customer, 1), &[("latte", 1)]));
    let first = world.apply(&command).await.expect("works");
    let path = file(&world);
    let World { db, directory, .. } = world;
    drop(db);
    let db = open(&path).expect("opens again");
    let again = db.apply(vec![command], walaa::clock::Timestamp::from_millis(0)).await.pop().expect("one").expect("works");
    assert!(again.replayed);
    assert_eq!(again.result, first.result);
    assert_eq!(db.unsealed().await, Ok(7), "what was not numbered still waits");
    drop(directory);
}

#[test]
fn a_newer_schema_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("walaa.db");
    drop(open(&path).expect("opens"));
    drop(open(&path).expect("opens twice"));
    let raw = Connection::open(&path).expect("opens");
    let version: i64 = raw.query_row("PRAGMA user_version", [], |row| row.get(0)).expect("reads");
    raw.execute_batch(&format!("PRAGMA user_version = {}", version + 1)).expect("writes");
    drop(raw);
    let refused = open(&path).err().expect("refused");
    assert!(matches!(&refused, DbError::Corrupt(text) if text.contains("use a newer one")), "{refused}");
}

#[test]
fn another_program_s_database_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("other.db");
    Connection::open(&path).and_then(|raw| raw.execute_batch("CREATE TABLE theirs (x)")).expect("writes");
    assert!(matches!(open(&path), Err(DbError::Corrupt(_))));
    std::fs::write(directory.path().join("text.db"), "not a database, and longer than a header of one hundred bytes ".repeat(4))
        .expect("writes");
    assert!(matches!(open(&directory.path().join("text.db")), Err(DbError::Corrupt(_))));
    assert!(matches!(open(&directory.path().join("missing/walaa.db")), Err(DbError::Unavailable(_))));
}

#[tokio::test]
async fn entries_and_journal_are_immutable() {
    let world = World::on_sqlite().await;
    world.customer_with(100).await;
    world.db.sequence(100, world.now()).await.expect("sequences");
    let raw = Connection::open(file(&world)).expect("opens");
    for table in ["entries", "journal", "journal_seals", "documents"] {
        let rows: i64 = raw.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).expect("counts");
        assert!(rows > 0, "{table}");
        for change in [format!("UPDATE {table} SET org = org"), format!("DELETE FROM {table}")] {
            let refused = raw.execute(&change, []).expect_err("refused").to_string();
            assert!(refused.contains("immutable"), "{change}: {refused}");
        }
    }
}

#[tokio::test]
async fn the_check_finds_what_was_tampered_with() {
    let world = World::on_sqlite().await;
    let customer = world.customer_with(100).await;
    world.voucher(customer, "latte").await;
    let tampered = [
        ("UPDATE lots SET available = available + 1", "lot 1: stored 41 available"),
        ("UPDATE cards SET debt = 5", "stored debt 5"),
        ("UPDATE vouchers SET state = 'cancelled'", "open vouchers"),
        ("UPDATE tokens SET state = 'captured', captured_by = x'00' WHERE kind = 'card'", "disagree"),
        ("DROP TRIGGER entries_update; UPDATE entries SET amount = amount + 1 WHERE kind = 'hold'", "available and"),
    ];
    for (change, finding) in tampered {
        let copy = file(&world).with_file_name("copy.db");
        world.db.backup(&copy).await.expect("copies");
        Connection::open(&copy).and_then(|raw| raw.execute_batch(change)).expect("changes");
        let findings = open(&copy).expect("opens").check_ledger().await.expect("checks").findings;
        assert!(findings.iter().any(|line| line.contains(finding)), "{change}: {findings:?}");
        for name in ["copy.db", "copy.db-wal", "copy.db-shm"] {
            let _absent = std::fs::remove_file(copy.with_file_name(name));
        }
    }
    world.check_ledger().await;
}

#[tokio::test]
async fn a_backup_is_a_consistent_copy() {
    let world = World::on_sqlite().await;
    let customer = world.customer_with(100).await;
    let copy = file(&world).with_file_name("backup.db");
    world.db.backup(&copy).await.expect("copies");
    assert_eq!(mode(&copy), 0o600);
    assert!(matches!(world.db.backup(&copy).await, Err(DbError::Unavailable(_))), "never over a file");
    world.done(world.adjust(customer, 1)).await;
    let restored = open(&copy).expect("opens");
    let card = restored.card(world.org, customer.card).await.expect("reads").expect("a card");
    assert_eq!(card.available(), 100);
    assert_eq!(restored.check_ledger().await.expect("checks").findings, Vec::<String>::new());
}

/// Whether a file or its log holds these bytes.
fn holds(path: &Path, bytes: &[u8]) -> bool {
    let files = [path.to_owned(), path.with_file_name("walaa.db-wal")];
    files.iter().filter_map(|file| std::fs::read(file).ok()).any(|file| file.windows(bytes.len()).any(|window| window == bytes))
}

/// What is known of a member by bytes that only he has: the sealed profile, its key, the hashes of his contacts.
async fn traces(world: &World, member: MemberId) -> Vec<Vec<u8>> {
    let profile = world.db.member(world.org, member).await.expect("reads").expect("a member").profile.expect("a profile");
    let raw = Connection::open(file(world)).expect("opens");
    let mut rows = raw.prepare("SELECT hash FROM identities WHERE member = ?1").expect("prepares");
    let hashes: Vec<Vec<u8>> =
        rows.query_map([member.0], |row| row.get(0)).expect("reads").map(|hash| hash.expect("one")).collect();
    assert!(!hashes.is_empty());
    hashes.into_iter().chain([profile.data_key, profile.profile]).collect()
}

/// What was erased is in no free page of the file and in no page of its log, while the gateway goes on. There are enough members for pages
/// to have been split and filled again.
#[tokio::test]
async fn an_erasure_leaves_no_trace_in_the_file() {
    let world = World::on_sqlite().await;
    let mut members = Vec::new();
    for _ in 0..60 {
        members.push(world.enrol().await);
    }
    let path = file(&world);
    let kept = traces(&world, members.remove(30).member).await;
    let mut erased = Vec::new();
    for customer in &members {
        erased.extend(traces(&world, customer.member).await);
    }
    assert!(erased.iter().all(|trace| holds(&path, trace)), "all of it was there");
    for customer in members {
        world.done(world.erase(customer)).await;
    }
    // The log is cut after the erasure was answered and before the next write is done.
    world.db.health().await.expect("writes");
    let left = erased.iter().filter(|trace| holds(&path, trace)).count();
    assert_eq!(left, 0, "of {} traces of erased members", erased.len());
    assert!(kept.iter().all(|trace| holds(&path, trace)), "the other one stays");
}

/// A reader that is in the middle of something keeps the log; the erased pages go as soon as it has ended.
#[tokio::test]
async fn a_long_read_puts_the_end_of_the_traces_off() {
    let world = World::on_sqlite().await;
    let customer = world.enrol().await;
    let path = file(&world);
    let erased = world.db.member(world.org, customer.member).await.expect("reads").expect("a member").profile.expect("a profile");
    let reader = Connection::open(&path).expect("opens");
    reader.execute_batch("BEGIN; SELECT count(*) FROM members;").expect("reads");
    let _: i64 = reader.query_row("SELECT count(*) FROM members", [], |row| row.get(0)).expect("reads");
    world.done(world.erase(customer)).await;
    world.db.health().await.expect("writes, and waits for no reader");
    assert!(holds(&path, &erased.profile), "the reader still sees the member");
    reader.execute_batch("COMMIT").expect("ends");
    world.db.health().await.expect("writes");
    world.db.health().await.expect("writes");
    assert!(!holds(&path, &erased.profile));
}

/// A file of the first schema is brought to the newest one with everything in it.
#[tokio::test]
async fn a_file_of_the_first_schema_is_brought_up_to_date() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("walaa.db");
    let raw = Connection::open(&path).expect("opens");
    raw.execute_batch(include_str!("../../src/db/sqlite/migrations/0001_ledger.sql")).expect("makes");
    raw.execute_batch(
        "PRAGMA application_id = 0x57414c41; PRAGMA user_version = 1; \
         INSERT INTO documents VALUES (zeroblob(16), 'organisation', zeroblob(16), 1, '{}', 0, 'system');",
    )
    .expect("fills");
    drop(raw);
    let db = open(&path).expect("opens and migrates");
    assert_eq!(db.organisations().await.expect("reads").len(), 1);
    let raw = Connection::open(&path).expect("opens");
    assert!(raw.execute("UPDATE documents SET body = 'other'", []).is_err());
    let plan: String = raw
        .query_row(
            "EXPLAIN QUERY PLAN SELECT org, hash FROM tokens WHERE kind IN ('live', 'typed') AND state NOT IN ('issued', 'captured') \
             AND expires_at < 7 ORDER BY expires_at LIMIT 9",
            [],
            |row| row.get(3),
        )
        .expect("plans");
    assert!(plan.contains("tokens_over"), "{plan}");
}

#[test]
fn the_rows_of_the_bench_fit_the_schema() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("walaa.db");
    drop(open(&path).expect("opens"));
    let file = Connection::open(&path).expect("opens");
    file.execute_batch(&include_str!("../../benches/million.sql").replace("{cards}", "3")).expect("fits");
    let cards: i64 = file.query_row("SELECT count(*) FROM cards WHERE verified = 1", [], |row| row.get(0)).expect("counts");
    assert_eq!(cards, 3);
}

/// More codes than are passed over at once, nearly all of them used, and a few of a card's open ones far behind.
#[tokio::test]
async fn codes_of_earlier_epochs_are_found_among_many_others() {
    let world = World::on_sqlite().await;
    let customer = world.enrol().await;
    let raw = Connection::open(file(&world)).expect("opens");
    let many = crate::contract::many_used_codes(world.org, customer.card, |hex| format!("x'{hex}'"));
    raw.execute_batch(&format!("BEGIN; {} COMMIT", many.concat())).expect("fits");
    crate::contract::are_found_among_many(&world, customer).await;
}
