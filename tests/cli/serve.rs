//! `walaa serve`: starts only when it may, stops only when what has begun is finished.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use super::installation::{Installation, walaa};

fn get(url: &str) -> reqwest::Response {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime
        .block_on(async { reqwest::Client::builder().no_proxy().build().expect("a client").get(url).send().await })
        .expect("an answer")
}

fn text(response: reqwest::Response) -> String {
    tokio::runtime::Runtime::new().expect("a runtime").block_on(response.text()).expect("a text")
}

#[test]
fn it_serves_with_a_key_that_was_made_on_the_command_line_and_ends_cleanly() {
    let installation = Installation::new();
    let key = installation.found("Qahwa House");
    let server = installation.serve();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let organisation: Value = runtime.block_on(async {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        http.get(server.url("/v1/organisation")).bearer_auth(&key).send().await.unwrap().json().await.unwrap()
    });
    assert_eq!(organisation["document"], json!({ "name": { "en": "Qahwa House" } }));
    assert!(text(get(&server.admin_url("/metrics"))).contains("walaa_ready 1"));
    assert_eq!(get(&server.url("/metrics")).status(), 404, "metrics are for operators only");
    let health = walaa(&["health", &server.url("/readyz")]);
    assert!(health.fine, "{}", health.err);

    let again = installation.serve_refused();
    assert!(again.contains("is in use by a running gateway"), "{again}");
    assert!(
        installation.run(&["keys", "create", "--organisation", "Qahwa House", "--role", "auditor"]).fine,
        "keys are made beside it"
    );
    server.terminate();
    assert!(server.ended_well());
    let log = std::fs::read_to_string(installation.path("server.log")).unwrap();
    assert!(log.contains("/v1/organisation") && !log.contains("/readyz"), "balancers' questions are no news: {log}");
}

#[test]
fn an_order_to_stop_first_takes_readiness_away_and_lets_a_request_finish() {
    let installation = Installation::new();
    let key = installation.found("Qahwa House");
    let server = installation.serve();
    let body = json!({ "name": { "en": "Marina" } }).to_string();
    let (first, rest) = body.split_at(8);
    let mut slow = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    slow.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let head = format!(
        "POST /v1/stores HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n\
         idempotency-key: serve-test-store-0001\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{first}",
        body.len()
    );
    slow.write_all(head.as_bytes()).unwrap();

    assert_eq!(get(&server.url("/readyz")).status(), 200);
    server.terminate();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let not_ready = runtime.block_on(async {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        loop {
            match http.get(server.url("/readyz")).send().await {
                Ok(response) if response.status() == 503 => return true,
                Ok(_) => tokio::task::yield_now().await,
                Err(_) => return false,
            }
        }
    });
    assert!(not_ready, "while it drains it says that it is not ready");
    slow.write_all(rest.as_bytes()).unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "a request that had begun is finished: {answer}");
    assert!(server.ended_well());
}

#[test]
fn it_refuses_keys_that_others_can_read() {
    let installation = Installation::new();
    installation.found("Qahwa House");
    installation.chmod("data/keyring.toml", 0o644);
    let refused = installation.serve_refused();
    assert!(refused.contains("may be read by others") && refused.contains("chmod 600"), "{refused}");
}

#[test]
fn it_refuses_a_database_that_is_behind_its_mark_and_a_clock_that_is_behind_the_database() {
    let installation = Installation::new();
    installation.found("Qahwa House");
    let server = installation.serve();
    server.terminate();
    assert!(server.ended_well());
    let mark = std::fs::read_to_string(installation.path("data/walaa.db.high-water")).unwrap();
    assert!(mark.starts_with("1 20"), "{mark}");
    std::fs::write(installation.path("data/walaa.db.high-water"), "1 2100-01-01T00:00:00.000Z\n").unwrap();
    let refused = installation.serve_refused();
    assert!(refused.contains("it is an older copy") && refused.contains("walaa restore"), "{refused}");
    std::fs::write(installation.path("data/walaa.db.high-water"), "not a mark").unwrap();
    assert!(installation.serve_refused().contains("is not a mark"));
}

#[test]
fn it_refuses_an_apple_account_whose_certificate_is_another_one() {
    let installation = Installation::new();
    installation.found("Qahwa House");
    let pki = installation.path("pki");
    let made = walaa(&[
        "certs",
        "sandbox",
        "--folder",
        pki.to_str().unwrap(),
        "--pass-type-id",
        "pass.com.example.one",
        "--team-id",
        "ABCDE12345",
    ]);
    assert!(made.fine, "{}", made.err);
    let account = |pass_type: &str| {
        format!(
            "[[apple]]\npass_type_id = \"{pass_type}\"\nteam_id = \"ABCDE12345\"\ncertificate_file = \"pki/pass.pem\"\n\
             key_file = \"pki/pass.key\"\nintermediate_file = \"pki/wwdr.pem\"\n"
        )
    };
    installation.configure(&account("pass.com.example.two"));
    let refused = installation.serve_refused();
    assert!(refused.contains("is for the pass type pass.com.example.one"), "{refused}");
    installation.configure(&account("pass.com.example.one"));
    let server = installation.serve();
    server.terminate();
    assert!(server.ended_well());
    installation.configure(&format!("{}\n{}", account("pass.com.example.one"), account("pass.com.example.one")));
    assert!(installation.serve_refused().contains("two sections [[apple]]"));
}
