//! Google's own Python client uses the stand-in as its users use Google: that is what proves the stand-in.

#![allow(clippy::unwrap_used, reason = "a test that can't go on must panic")]

use std::process::Command;
use std::sync::Arc;

use walaa::clock::SystemClock;
use walaa::ids::SystemIds;
use walaa::sandbox::google::{FailKind, FailTimes, FailWhere, Fault, GoogleOptions, GoogleRules, GoogleSandbox};

use super::sandbox_world::googles_python;

async fn run(python: Command) -> String {
    let mut python = python;
    let said = tokio::task::spawn_blocking(move || python.output()).await.unwrap().expect("Python starts");
    let out = format!("{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    assert!(said.status.success(), "{out}");
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn googles_own_client_sees_google() {
    let mut options = GoogleOptions::new(Arc::new(SystemClock), Arc::new(SystemIds));
    options.rules = GoogleRules { rate_per_second: None, ..GoogleRules::default() };
    let sandbox = GoogleSandbox::start(options).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let key_file = folder.path().join("account.json");
    std::fs::write(&key_file, sandbox.service_account_json()).unwrap();
    // The client takes a new token when one is refused, and goes on.
    sandbox.fail(Fault { kind: FailKind::Status(401), times: FailTimes::Next(1), place: FailWhere::Api, retry_after: None });
    let mut python = Command::new(googles_python());
    python.arg("tests/google/client.py").arg(&key_file).arg(sandbox.base_url()).arg(sandbox.issuer_id().to_string());
    assert!(run(python).await.contains("Google's client is content"));
    let counters = sandbox.counters();
    assert_eq!(counters.batches, 1);
    assert!(counters.tokens >= 3, "one at first, one after 401, one for another scope: {}", counters.tokens);
    assert_eq!(sandbox.requests().iter().filter(|request| request.in_batch).count(), 5, "parts count one by one");
    sandbox.shutdown().await;
}

#[tokio::test]
async fn the_schema_is_what_googles_package_says() {
    let mut python = Command::new(googles_python());
    python.args(["tests/google/discovery.py", "--check"]);
    assert!(run(python).await.contains("revision 20260806"));
}
