//! What only the SQLite file promises: permissions, migrations, immutability, backups, life after a restart.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;
use walaa::db::sqlite::SqliteDb;
use walaa::db::{Db, DbError};

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
    for table in ["entries", "journal", "journal_seals"] {
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
