//! Backup and restore: a copy while the gateway runs, and a way back that can't redeem a code twice unnoticed.

use super::installation::{Installation, walaa};
use crate::support::postgres::Postgres;
use crate::support::redis::RedisServer;

fn key_count(installation: &Installation) -> usize {
    installation.run(&["keys", "list"]).out.lines().filter(|line| line.trim_start().starts_with("key_")).count()
}

#[test]
fn a_hot_backup_comes_back_with_a_new_epoch_and_only_over_nothing() {
    let installation = Installation::new();
    installation.found("Qahwa House");
    let server = installation.serve();
    let backup = installation.path("backup.db");
    let backup = backup.to_str().unwrap();
    let made = installation.run(&["backup", backup]);
    assert!(made.fine, "{}", made.err);
    assert!(!installation.run(&["backup", backup]).fine, "a file that is there stays as it is");
    assert!(installation.run(&["keys", "create", "--organisation", "Qahwa House", "--role", "pos"]).fine);
    assert_eq!(key_count(&installation), 2);

    let running = installation.run(&["restore", backup]);
    assert!(!running.fine && running.err.contains("is in use by a running gateway"), "{}", running.err);
    server.terminate();
    assert!(server.ended_well());
    let filled = installation.run(&["restore", backup]);
    assert!(!filled.fine && filled.err.contains("move it away first"), "{}", filled.err);

    for name in ["walaa.db", "walaa.db-wal", "walaa.db-shm"] {
        let _some_are_not_there = std::fs::remove_file(installation.path(&format!("data/{name}")));
    }
    let sneaked = installation.path("data/walaa.db");
    std::fs::copy(backup, &sneaked).unwrap();
    assert!(installation.serve_refused().contains("it is an older copy"), "a copy that was put there by hand is found out");
    std::fs::remove_file(&sneaked).unwrap();

    for epoch in [2, 3] {
        let restored = installation.run(&["restore", backup]);
        assert!(restored.fine, "{}", restored.err);
        assert!(restored.out.contains(&format!("epoch is now {epoch}")), "{}", restored.out);
        assert_eq!(key_count(&installation), 1, "what came after the backup is gone");
        let server = installation.serve();
        server.terminate();
        assert!(server.ended_well());
        for name in ["walaa.db", "walaa.db-wal", "walaa.db-shm"] {
            let _some_are_not_there = std::fs::remove_file(installation.path(&format!("data/{name}")));
        }
    }
}

#[test]
fn what_is_no_backup_or_belongs_to_other_keys_is_not_restored() {
    let installation = Installation::new();
    installation.found("Qahwa House");
    let backup = installation.path("backup.db");
    assert!(installation.run(&["backup", backup.to_str().unwrap()]).fine);

    let stranger = Installation::new();
    stranger.found("Another House");
    std::fs::remove_file(stranger.path("data/walaa.db")).unwrap();
    for name in ["walaa.db-wal", "walaa.db-shm"] {
        let _some_are_not_there = std::fs::remove_file(stranger.path(&format!("data/{name}")));
    }
    let refused = stranger.run(&["restore", backup.to_str().unwrap()]);
    assert!(!refused.fine && refused.err.contains("the master keys are not those"), "{}", refused.err);
    let nonsense = stranger.path("nonsense.db");
    std::fs::write(&nonsense, vec![7; 10_000]).unwrap();
    assert!(!stranger.run(&["restore", nonsense.to_str().unwrap()]).fine);
    assert!(!stranger.run(&["restore", "no-such-file.db"]).fine);
    assert!(!stranger.path("data/walaa.db").exists(), "nothing half done is left");
    assert!(!stranger.path("data/walaa.db.unfinished").exists());
}

#[test]
fn the_audit_finds_what_was_changed_behind_our_back() {
    let installation = Installation::new();
    installation.found("Qahwa House");
    let server = installation.serve();
    server.terminate();
    assert!(server.ended_well());
    let whole = installation.run(&["audit", "verify"]);
    assert!(whole.fine && whole.out.contains("2 rows are whole"), "{}{}", whole.out, whole.err);
    let database = installation.path("data/walaa.db");
    let tampered = std::process::Command::new("sqlite3")
        .arg(&database)
        .arg("DROP TRIGGER journal_update; UPDATE journal SET body = replace(body, 'key', 'kex') WHERE position = 2")
        .output()
        .expect("sqlite3 is installed");
    assert!(tampered.status.success(), "{}", String::from_utf8_lossy(&tampered.stderr));
    let broken = installation.run(&["audit", "verify"]);
    assert!(!broken.fine && broken.out.contains("BROKEN at row 2"), "{}", broken.out);
    assert!(!walaa(&["audit", "verify", "--config", "no-such.toml"]).fine);
}

#[test]
fn a_shop_moves_to_a_server_and_serves_there() {
    let installation = Installation::new();
    installation.found("Qahwa House");
    let server = installation.serve();
    let database = Postgres::database();
    let file = format!("sqlite:{}", installation.path("data/walaa.db").display());
    let copy = ["db", "copy", "--from", &file, "--to", &database.url];
    let running = installation.run(&copy);
    assert!(!running.fine && running.err.contains("is in use by a running gateway"), "{}", running.err);
    server.terminate();
    assert!(server.ended_well());
    let wrong_way = installation.run(&["db", "copy", "--from", &database.url, "--to", &file]);
    assert!(!wrong_way.fine && wrong_way.err.contains("the way is from"), "{}", wrong_way.err);
    let moved = installation.run(&copy);
    assert!(moved.fine && moved.out.contains("Everything is on the server"), "{}{}", moved.out, moved.err);
    assert!(moved.out.contains("2 rows are whole"), "{}", moved.out);
    let twice = installation.run(&copy);
    assert!(!twice.fine && twice.err.contains("not empty"), "{}{}", twice.out, twice.err);
    installation.use_database(&database.url);
    assert_eq!(key_count(&installation), 1);
    let server = installation.serve();
    assert!(
        installation.run(&["keys", "create", "--organisation", "Qahwa House", "--role", "pos"]).fine,
        "beside a running node"
    );
    server.terminate();
    assert!(server.ended_well());
    let whole = installation.run(&["audit", "verify"]);
    assert!(whole.fine && whole.out.contains("3 rows are whole"), "{}{}", whole.out, whole.err);
    let migrated = installation.run(&["db", "migrate"]);
    assert!(migrated.fine && migrated.out.contains("the newest"), "{}{}", migrated.out, migrated.err);
    let restored = installation.run(&["db", "restored"]);
    assert!(restored.fine && restored.out.contains("its epoch is 2 now"), "{}{}", restored.out, restored.err);
    assert!(!installation.run(&["backup", "x.db"]).fine, "a server has its own tools");
}

#[test]
fn redis_remembers_how_far_a_server_s_ledger_had_come() {
    let (redis, database) = (RedisServer::start(), Postgres::database());
    let installation = Installation::new();
    installation.configure(&format!("[redis]\nurl = \"{}\"\ntimeout_ms = 1000\n", redis.url()));
    installation.use_database(&database.url);
    installation.found("Qahwa House");
    let older = database.duplicate();
    assert!(installation.run(&["keys", "create", "--organisation", "Qahwa House", "--role", "pos"]).fine);
    let server = installation.serve();
    server.terminate();
    assert!(server.ended_well());
    let config = std::fs::read_to_string(installation.path("walaa.toml")).expect("is there");
    std::fs::write(installation.path("walaa.toml"), config.replace(&database.url, &older.url)).expect("writes");
    let refused = installation.serve_refused();
    assert!(refused.contains("Redis says that it had come to"), "{refused}");
    let doctor = installation.run(&["doctor"]);
    assert!(!doctor.fine && doctor.out.contains("Redis says"), "{}", doctor.out);
    let restored = installation.run(&["db", "restored"]);
    assert!(restored.fine && restored.out.contains("its epoch is 2 now"), "{}{}", restored.out, restored.err);
    let server = installation.serve();
    server.terminate();
    assert!(server.ended_well());
    redis.run("SET walaa:M forged");
    let server = installation.serve();
    server.terminate();
    assert!(server.ended_well(), "what we did not write says nothing");
}
