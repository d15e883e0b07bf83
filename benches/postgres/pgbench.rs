//! What PostgreSQL's own load generator reaches with a script: one statement after the other, each waiting for its answer, prepared.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use walaa::ledger::Principal;

use crate::load::{CLIENTS, Measured};
use crate::server::{TestDatabase, binary};
use crate::shop::{CARDS_PER_CLIENT, CLUB, ORG, TILL, place};

/// Threads of pgbench; more than there are processors would not help it.
const THREADS: usize = 2;

/// As large as what the gateway writes.
const ANSWER_BYTES: usize = 760;
const BODY_BYTES: usize = 420;

/// A script, and the question that says how often it did what it should.
pub struct Script {
    /// A word for files.
    pub name: &'static str,
    /// Its commands, with words in braces.
    pub text: &'static str,
    /// Counts what it has done; what only reads leaves nothing to count.
    pub count: Option<&'static str>,
}

/// With few statements.
pub const BY_HAND: Script =
    Script { name: "by_hand", text: include_str!("by_hand.sql"), count: Some("SELECT sum(generation - 1) FROM tokens") };

/// With the gateway's own rows.
pub const SAME_ROWS: Script = Script {
    name: "same_rows",
    text: include_str!("same_rows.sql"),
    count: Some("SELECT count(*) FROM tokens WHERE state = 'captured'"),
};

/// Reads passes.
pub const PASS: Script = Script { name: "pass", text: include_str!("pass.sql"), count: None };

/// Runs a script for a while on a database, reached at an address, and checks that every transaction did what it should.
pub fn run(script: &Script, database: &TestDatabase, (url, time): (&str, Duration)) -> Measured {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let file = folder.path().join(script.name);
    std::fs::write(&file, filled_in(script.text)).expect("writes");
    let output = Command::new(binary("pgbench"))
        .args(["--no-vacuum", "--protocol=prepared", "--log", "--define=n=-1"])
        .args([format!("--client={CLIENTS}"), format!("--jobs={THREADS}"), format!("--time={}", time.as_secs())])
        .args([format!("--define=clients={CLIENTS}"), format!("--define=cards_per_client={CARDS_PER_CLIENT}")])
        .arg(format!("--log-prefix={}", folder.path().join("log").display()))
        .arg(format!("--file={}", file.display()))
        .arg(url)
        .stdin(Stdio::null())
        .output()
        .expect("pgbench is installed with PostgreSQL");
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}{errors}");
    let said = |before: &str| {
        let rest = text.lines().find_map(|line| line.strip_prefix(before)).unwrap_or_else(|| panic!("no {before} in {text}"));
        rest.split([' ', '/']).next().expect("a word").to_owned()
    };
    let done = said("number of transactions actually processed: ");
    if let Some(count) = script.count {
        assert_eq!(database.query(count).as_ref(), Ok(&done), "every transaction of {} did its work", script.name);
    }
    Measured::new(said("tps = ").parse().expect("a rate"), latencies(folder.path()))
}

/// How long each transaction took, from the logs: the third word of a line, in microseconds.
fn latencies(folder: &Path) -> Vec<Duration> {
    let files = std::fs::read_dir(folder).expect("the folder is there").map(|file| file.expect("a file").path());
    let logs = files.filter(|file| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("log")));
    let texts: Vec<String> = logs.map(|log| std::fs::read_to_string(log).expect("a log")).collect();
    let words = texts.iter().flat_map(|text| text.lines()).map(|line| line.split(' ').nth(2).expect("three words"));
    words.map(|micros| Duration::from_micros(micros.parse().expect("a number"))).collect()
}

/// The script with SQL for its words: the ids of [`crate::shop`], made by the server from the numbers that pgbench counts.
fn filled_in(script: &str) -> String {
    let hex = |bytes: &[u8]| format!("'\\x{}'::bytea", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    let pass = "substring(sha256(int8send(:card)) from 1 for 16)";
    let token = |generation: &str| format!("sha256({} || 'card'::bytea || {pass} || int8send({generation}))", hex(&ORG.0));
    // A colon before a letter or digit would be taken for a variable.
    let json = |text: String| format!("'{}'", text.replace("\":", "\": "));
    let words = [
        ("{org}", hex(&ORG.0)),
        ("{programme}", hex(&CLUB.0)),
        ("{card}", format!("({} || int8send(:card))", hex(&[0; 8]))),
        ("{pass}", pass.to_owned()),
        ("{first_token}", token("1")),
        ("{token}", token(":generation")),
        ("{next_token}", token(":generation + 1")),
        ("{op}", "(int8send(:n) || int8send(:client_id))".to_owned()),
        ("{principal}", format!("'{}'", Principal::Terminal(TILL))),
        ("{key}", "substr(md5(int8send(:n) || int8send(:client_id)), 1, 26)".to_owned()),
        ("{fingerprint}", hex(digest(&SHA256, b"a command").as_ref())),
        ("{answer}", format!("convert_to(repeat('x', {ANSWER_BYTES}), 'UTF8')")),
        ("{body}", format!("repeat('x', {BODY_BYTES})")),
        ("{lines}", json(r#"[{"reward":"latte","quantity":1,"points":60}]"#.to_owned())),
        ("{place}", json(serde_json::to_string(&place()).expect("JSON"))),
        ("{now}", "(extract(epoch FROM now()) * 1000)::bigint".to_owned()),
    ];
    words.iter().fold(script.to_owned(), |text, (word, sql)| text.replace(word, sql))
}
