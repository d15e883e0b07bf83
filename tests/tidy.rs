//! The house rules that a compiler does not hold: who may know whom, how long things may get, what must be said.
//!
//! Each rule reads the source as text, with strings and comments taken out where they don't count. A rule that is in the way
//! deserves an argument in ARCHITECTURE.md, not an exception here.

pub mod source;

use std::collections::{BTreeMap, BTreeSet};

use source::{SourceFile, sources};

/// The modules by level: each may know those of the lines above it.
const LEVELS: &[&[&str]] = &[
    &["money", "ids", "clock", "error", "key_file", "strict_json"],
    &["ledger", "programme", "tokens", "passes"],
    &["db", "gate", "messages"],
    &["redemption", "cards", "documents", "apple", "google"],
    &["http", "pages", "outbox", "journal"],
    &["config", "app"],
    &["sandbox"],
    &["cli"],
];

/// Who may know a neighbour on the same level. Each line is a decision; there are no circles.
const NEIGHBOURS: &[(&str, &str)] = &[
    ("ids", "clock"),
    ("money", "error"),
    ("programme", "tokens"),
    ("ledger", "programme"),
    ("passes", "programme"),
    ("documents", "cards"),
    ("apple", "cards"),
    ("apple", "documents"),
    ("google", "cards"),
    ("redemption", "cards"),
    ("redemption", "documents"),
    ("http", "journal"),
    ("http", "outbox"),
    ("app", "config"),
];

/// Where the web framework is known.
const KNOW_ACTIX: &[&str] = &["src/app", "src/http", "src/pages", "src/apple/web_service", "src/google/callbacks", "src/sandbox"];

/// Lines of the longest file. Tests at its end count, too: they are read with it.
const LONGEST_FILE: usize = 500;

/// Files that are longer with reason: long lists whose parts belong together.
const LONGER_FILES: &[(&str, usize)] = &[
    // One struct a table, in the order of the schema.
    ("src/ledger/rows.rs", 700),
    // One struct a command, in the order of the protocol.
    ("src/ledger/command.rs", 640),
];

/// Lines of the longest function, and the length from which at most one function of a hundred may be.
const LONGEST_FUNCTION: usize = 100;
const LONG_FUNCTION: usize = 60;

/// Crates that must not come in, whatever wants them: one stack for TLS, one for primitives.
const BANNED_CRATES: &[&str] = &["rustls", "ring", "rsa"];

fn fail_unless_empty(rule: &str, offences: &[String]) {
    assert!(offences.is_empty(), "{rule}:\n  {}", offences.join("\n  "));
}

fn level_of(module: &str) -> Option<usize> {
    LEVELS.iter().position(|level| level.contains(&module))
}

fn may_know(module: &str, known: &str) -> bool {
    if module == known || module == "main" || module == "lib" {
        return true;
    }
    match (level_of(module), level_of(known)) {
        (Some(own), Some(other)) if own == other => NEIGHBOURS.contains(&(module, known)),
        (Some(own), Some(other)) => own > other,
        _ => false,
    }
}

#[test]
fn modules_know_only_those_below_them() {
    let mut offences = BTreeSet::new();
    for file in sources("src") {
        let module = file.module();
        for known in file.crate_paths() {
            if level_of(&module).is_none() && !["main", "lib"].contains(&module.as_str()) {
                offences.insert(format!("{}: module {module} has no level in tests/tidy.rs", file.path));
            } else if !may_know(&module, &known) {
                offences.insert(format!("{}: {module} must not know {known}", file.path));
            }
        }
    }
    fail_unless_empty("a module knows one above it, or a neighbour without leave", &Vec::from_iter(offences));
}

#[test]
fn neighbours_know_each_other_in_no_circle() {
    let edges: BTreeMap<&str, Vec<&str>> = NEIGHBOURS.iter().fold(BTreeMap::new(), |mut edges, (from, to)| {
        edges.entry(*from).or_insert_with(Vec::new).push(*to);
        edges
    });
    for (start, next) in &edges {
        let (mut seen, mut waiting) = (BTreeSet::new(), next.clone());
        while let Some(module) = waiting.pop() {
            assert_ne!(&module, start, "{start} knows itself in a circle");
            if seen.insert(module) {
                waiting.extend(edges.get(module).into_iter().flatten());
            }
        }
    }
}

#[test]
fn only_the_demo_knows_the_stand_ins() {
    let knows = |file: &SourceFile| file.module() != "sandbox" && file.crate_paths().contains("sandbox");
    let strangers = sources("src").into_iter().filter(|file| !file.path.starts_with("src/cli/demo")).filter(knows);
    fail_unless_empty(
        "a part of the product knows that there is a sandbox",
        &strangers.map(|file| file.path).collect::<Vec<_>>(),
    );
}

#[test]
fn each_outside_thing_is_known_in_one_place() {
    let mut offences = Vec::new();
    for file in sources("src") {
        let in_any = |places: &[&str]| places.iter().any(|place| file.path.starts_with(place));
        let code = file.code_without_tests();
        let rules: [(&str, bool, &[&str]); 4] = [
            ("rusqlite", in_any(&["src/db/"]), &["rusqlite"]),
            ("PostgreSQL's driver", in_any(&["src/db/"]), &["tokio_postgres", "deadpool"]),
            ("the Redis client", in_any(&["src/gate/redis"]), &["::redis::", "\nuse redis::"]),
            ("actix", in_any(KNOW_ACTIX), &["actix"]),
        ];
        for (what, allowed, names) in rules {
            if !allowed && names.iter().any(|name| code.contains(name)) {
                offences.push(format!("{} knows {what}", file.path));
            }
        }
        if !in_any(&["src/db/"]) && file.strings_without_tests().iter().any(|text| is_sql(text)) {
            offences.push(format!("{} holds SQL", file.path));
        }
    }
    fail_unless_empty("something of the outside world leaks", &offences);
}

fn is_sql(text: &str) -> bool {
    let words = ["SELECT ", "INSERT INTO ", "DELETE FROM ", "CREATE TABLE ", "PRAGMA "];
    words.iter().any(|word| text.trim_start().starts_with(word))
}

#[test]
fn the_pure_parts_do_no_input_and_output() {
    let pure = ["src/ledger/", "src/programme/", "src/tokens/", "src/passes/", "src/money.rs", "src/error.rs"];
    let forbidden = ["std::fs", "std::net", "std::env", "tokio::", "async fn", ".await", "std::time::Instant", "println!"];
    let mut offences = Vec::new();
    for file in sources("src").into_iter().filter(|file| pure.iter().any(|place| file.path.starts_with(place))) {
        let code = file.code_without_tests();
        offences.extend(forbidden.iter().filter(|name| code.contains(**name)).map(|name| format!("{}: {name}", file.path)));
    }
    fail_unless_empty("a pure part touches the outside", &offences);
}

#[test]
fn files_fit_a_head_and_functions_fit_a_screen() {
    let (mut offences, mut functions, mut long) = (Vec::new(), 0, Vec::new());
    for file in sources("src").into_iter().chain(sources("tests")).chain(sources("benches")) {
        let most = LONGER_FILES.iter().find(|(path, _)| *path == file.path).map_or(LONGEST_FILE, |(_, lines)| *lines);
        if file.lines() > most {
            offences.push(format!("{} has {} lines, at most {most}", file.path, file.lines()));
        }
        for (name, lines) in file.functions() {
            functions += 1;
            if lines > LONGEST_FUNCTION {
                offences.push(format!("{}: {name} has {lines} lines, at most {LONGEST_FUNCTION}", file.path));
            } else if lines > LONG_FUNCTION {
                long.push(format!("{}: {name} has {lines} lines", file.path));
            }
        }
    }
    if long.len() * 100 > functions {
        offences.push(format!("{} of {functions} functions are longer than {LONG_FUNCTION} lines, at most 1 %:", long.len()));
        offences.extend(long);
    }
    fail_unless_empty("too long to read", &offences);
}

#[test]
fn nothing_unwraps_in_the_product() {
    let unwraps = |file: &SourceFile| file.code_without_tests().contains(".unwrap()");
    let offences: Vec<_> = sources("src").into_iter().filter(unwraps).map(|file| file.path).collect();
    fail_unless_empty("an unwrap outside tests", &offences);
}

#[test]
fn every_file_says_what_it_is() {
    let silent = |file: &SourceFile| !file.text.starts_with("//! ");
    let all = sources("src").into_iter().chain(sources("tests")).chain(sources("benches"));
    let offences: Vec<_> = all.filter(silent).map(|file| file.path).collect();
    fail_unless_empty("a file that does not open with //!", &offences);
}

#[test]
fn no_test_sleeps_or_is_skipped() {
    let mut offences = Vec::new();
    for file in sources("src").into_iter().chain(sources("tests")) {
        if file.code().contains("#[ignore") {
            offences.push(format!("{}: #[ignore]", file.path));
        }
        if file.path.starts_with("tests/") && file.code().contains("thread::sleep") {
            offences.push(format!("{}: thread::sleep", file.path));
        }
    }
    fail_unless_empty("a test that does not test", &offences);
}

#[test]
fn every_setting_is_documented_and_every_documented_setting_exists() {
    let documented = documented_settings();
    for section in walaa::config::Config::sections() {
        let keys: BTreeSet<String> = walaa::config::Config::keys_of(&section).into_iter().collect();
        assert!(!keys.is_empty(), "section {section} has no settings");
        let told = documented.get(&section).cloned().unwrap_or_default();
        assert_eq!(keys, told, "section [{section}]: what the types know, and what src/config/default.toml explains");
    }
    let sections: BTreeSet<String> = walaa::config::Config::sections().into_iter().collect();
    assert_eq!(sections, documented.into_keys().collect(), "sections");
}

/// The settings in the default configuration, those behind a # too; each must have a comment of its own or share its neighbour's.
fn documented_settings() -> BTreeMap<String, BTreeSet<String>> {
    let mut sections: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut section = String::new();
    let mut explained = false;
    for line in walaa::config::DEFAULT_TEXT.lines() {
        let setting = line.strip_prefix('#').unwrap_or(line);
        if setting.starts_with('[') {
            section = setting.trim_matches(['[', ']']).to_owned();
            sections.entry(section.clone()).or_default();
            explained = false;
        } else if line.starts_with("# ") {
            explained = true;
        } else if let Some((key, _)) = setting.split_once(" = ") {
            assert!(explained, "[{section}] {key} has no comment above it");
            assert!(sections.entry(section.clone()).or_default().insert(key.to_owned()), "[{section}] {key} stands there twice");
        } else {
            explained = explained && !line.is_empty();
        }
    }
    sections
}

#[test]
fn the_documented_defaults_are_the_defaults() {
    let documented: walaa::config::Config = toml::from_str(walaa::config::DEFAULT_TEXT).expect("the default file is right");
    assert_eq!(documented, walaa::config::Config::default());
}

#[test]
fn every_example_in_the_default_configuration_is_right() {
    let is_setting =
        |line: &str| line.starts_with("#[") || (line.starts_with('#') && !line.starts_with("# ") && line.contains(" = "));
    let uncommented: Vec<&str> =
        walaa::config::DEFAULT_TEXT.lines().map(|line| if is_setting(line) { &line[1..] } else { line }).collect();
    let config: Result<walaa::config::Config, _> = toml::from_str(&uncommented.join("\n"));
    let config = config.unwrap_or_else(|error| panic!("an example in the default configuration is wrong: {error}"));
    assert_eq!(config.apple.len(), 1);
}

#[test]
fn banned_crates_are_not_in_the_lock_file() {
    let lock = std::fs::read_to_string("Cargo.lock").expect("the lock file is committed");
    let named = |name: &&&str| lock.lines().any(|line| line == format!("name = \"{name}\""));
    let found: Vec<_> = BANNED_CRATES.iter().filter(named).map(|name| (*name).to_owned()).collect();
    fail_unless_empty("a banned crate came in", &found);
    let foreign =
        lock.lines().filter(|line| line.starts_with("source = ") && !line.contains("registry+https://github.com/rust-lang/"));
    fail_unless_empty("a crate from elsewhere than crates.io", &foreign.map(str::to_owned).collect::<Vec<_>>());
}

#[test]
fn every_command_has_help_and_an_example() {
    walaa::cli::command().debug_assert();
    let mut offences = Vec::new();
    let mut waiting = vec![(String::new(), walaa::cli::command())];
    while let Some((above, command)) = waiting.pop() {
        let name = format!("{above} {}", command.get_name());
        if command.get_about().is_none() {
            offences.push(format!("{name} does not say what it does"));
        }
        let example = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        if !example.contains("walaa ") {
            offences.push(format!("{name} has no example"));
        }
        let silent = |argument: &&clap::Arg| argument.get_help().is_none() && !argument.is_global_set();
        offences
            .extend(command.get_arguments().filter(silent).map(|argument| format!("{name}: {} has no help", argument.get_id())));
        waiting.extend(command.get_subcommands().map(|below| (name.clone(), below.clone())));
    }
    fail_unless_empty("a command that does not explain itself", &offences);
}
