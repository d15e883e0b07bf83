//! Whether a callback is Google's: messages signed by `tests/vectors/callbacks.py`, each with what must come of it.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Value, json};
use walaa::clock::Timestamp;
use walaa::google::callbacks::{Event, EventType, MAX_MESSAGE_BYTES, Reason, RootKeys, RootKeysError, verify};
use walaa::google::resource::IssuerId;

use super::wire::{ISSUER, noon};

/// A message, the root keys that Google lists then, and what must come of it: `save`, `del`, or a reason.
#[derive(Deserialize)]
pub struct Case {
    pub message: String,
    pub roots: Value,
    pub outcome: String,
}

impl Case {
    pub fn roots(&self) -> RootKeys {
        RootKeys::parse(self.roots.to_string().as_bytes()).expect("a list of keys")
    }
}

#[derive(Deserialize)]
struct Vectors {
    at: i64,
    issuer: String,
    expires: i64,
    cases: BTreeMap<String, Case>,
}

static VECTORS: LazyLock<Vectors> =
    LazyLock::new(|| serde_json::from_str(include_str!("../vectors/callbacks.json")).expect("the vectors are right"));

/// One of the cases.
pub fn case(name: &str) -> &'static Case {
    VECTORS.cases.get(name).unwrap_or_else(|| panic!("no case {name}"))
}

pub fn issuer() -> IssuerId {
    ISSUER.parse().expect("a right issuer")
}

fn judged(name: &str, at: Timestamp, issuer: IssuerId) -> Result<Event, Reason> {
    verify(case(name).message.as_bytes(), &case(name).roots(), at, issuer)
}

#[test]
fn every_message_of_the_vectors_comes_to_what_it_must() {
    assert_eq!((VECTORS.at, VECTORS.issuer.as_str()), (noon().millis(), ISSUER));
    assert!(VECTORS.cases.len() >= 45);
    let mut wrong = Vec::new();
    for (name, case) in &VECTORS.cases {
        let outcome = match judged(name, noon(), issuer()) {
            Ok(event) if event.event_type == EventType::Save => "save",
            Ok(_) => "del",
            Err(reason) => reason.as_str(),
        };
        if outcome != case.outcome {
            wrong.push(format!("{name}: {outcome}, not {}", case.outcome));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn an_event_says_what_the_message_says() {
    let event = judged("save", noon(), issuer()).expect("genuine");
    let expected = Event {
        issuer: issuer(),
        class_id: format!("{ISSUER}.coffee").parse().expect("an id"),
        object_id: format!("{ISSUER}.card-1.a").parse().expect("an id"),
        event_type: EventType::Save,
        nonce: "c1359b53-f2bb-4e8f-b392-9a560a21a9a0".to_owned(),
        expires: Timestamp::from_millis(VECTORS.expires),
        count: Some(1),
    };
    assert_eq!(event, expected);
    assert_eq!(judged("count missing", noon(), issuer()), Ok(Event { count: None, ..expected }));
}

#[test]
fn a_message_counts_until_its_last_millisecond() {
    let end = Timestamp::from_millis(VECTORS.expires);
    assert!(judged("save", end.plus_millis(-1), issuer()).is_ok());
    assert_eq!(judged("save", end, issuer()), Err(Reason::Expired));
    assert_eq!(judged("save", noon().plus_seconds(86_400), issuer()), Err(Reason::NoRootKey));
}

#[test]
fn a_genuine_message_is_not_for_another_issuer() {
    let other = "3388000000022211970".parse().expect("an issuer");
    assert_eq!(judged("save", noon(), other), Err(Reason::MessageSignature));
    assert_eq!(judged("signed for another issuer", noon(), other), Err(Reason::ForeignIssuer));
}

#[test]
fn no_byte_of_a_genuine_message_can_be_changed() {
    let genuine = &case("save").message;
    let roots = case("save").roots();
    let event = judged("save", noon(), issuer());
    let mut taken = Vec::new();
    for at in 0..genuine.len() {
        let mut changed = genuine.clone().into_bytes();
        changed[at] ^= 1;
        if verify(&changed, &roots, noon(), issuer()).is_ok() {
            assert_eq!(verify(&changed, &roots, noon(), issuer()), event);
            taken.push(at);
        }
    }
    assert!(taken.is_empty(), "bytes {taken:?} of {genuine}");
    for length in 0..genuine.len() {
        assert!(verify(&genuine.as_bytes()[..length], &roots, noon(), issuer()).is_err(), "{length}");
    }
}

#[test]
fn a_message_of_64_kib_is_read_and_one_byte_more_is_not() {
    let genuine = &case("save").message;
    let padded = |length: usize| format!("{genuine}{}", " ".repeat(length - genuine.len()));
    let roots = case("save").roots();
    assert!(verify(padded(MAX_MESSAGE_BYTES).as_bytes(), &roots, noon(), issuer()).is_ok());
    assert_eq!(verify(padded(MAX_MESSAGE_BYTES + 1).as_bytes(), &roots, noon(), issuer()), Err(Reason::TooLarge));
}

#[test]
fn a_list_of_roots_without_any_that_counts_is_none() {
    for (list, error) in [
        (json!({"keys": []}), RootKeysError::NoneFits),
        (
            json!({"keys": [{"keyValue": "x", "protocolVersion": "ECv2SigningOnly", "keyExpiration": "9"}]}),
            RootKeysError::NoneFits,
        ),
        (json!({}), RootKeysError::Malformed),
        (json!([]), RootKeysError::Malformed),
    ] {
        assert_eq!(RootKeys::parse(list.to_string().as_bytes()).expect_err("none"), error, "{list}");
    }
    assert_eq!(RootKeys::parse(b"<html>").expect_err("none"), RootKeysError::Malformed);
}

fn command(name: &str, at: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let roots = folder.path().join("keys.json");
    std::fs::write(&roots, case(name).roots.to_string()).expect("written");
    let mut process = Command::new(env!("CARGO_BIN_EXE_walaa"))
        .args(["google", "verify-callback", "--issuer", ISSUER, "--roots"])
        .arg(&roots)
        .args(at)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("walaa starts");
    let mut input = process.stdin.take().expect("an input");
    // Wrong arguments end it before it reads.
    let _ = input.write_all(case(name).message.as_bytes());
    drop(input);
    process.wait_with_output().expect("walaa ends")
}

#[test]
fn the_command_prints_the_event_or_the_reason() {
    let millis = noon().millis().to_string();
    for at in ["2026-10-21T07:28:00Z", "2026-10-21T09:28:00+02:00", &millis] {
        let said = command("save", &["--at", at]);
        assert!(said.status.success(), "{said:?}");
        let event: Value = serde_json::from_slice(&said.stdout).expect("JSON");
        assert_eq!(
            event,
            json!({
                "issuer": ISSUER, "class_id": format!("{ISSUER}.coffee"), "object_id": format!("{ISSUER}.card-1.a"),
                "event_type": "save", "nonce": "c1359b53-f2bb-4e8f-b392-9a560a21a9a0",
                "expires": "2026-10-21T08:28:00.000Z", "count": 1,
            })
        );
    }
    let said = command("signed by a stranger", &["--at", &millis]);
    assert_eq!(said.status.code(), Some(1));
    assert_eq!(said.stdout, b"not taken: the message is not signed for this issuer: it was changed, or is for another one\n");
    let said = command("save", &["--at", "noon"]);
    assert!(!said.status.success() && String::from_utf8_lossy(&said.stderr).contains("RFC 3339"), "{said:?}");
}
