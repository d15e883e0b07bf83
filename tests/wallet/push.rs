//! Our APNs client against the stand-in, against nghttpd, and the stand-in against curl.

#![allow(clippy::unwrap_used, reason = "a test that can't go on must panic")]

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use walaa::apple::push::{
    ApnsClient, ApnsConfig, Auth, Pace, ProviderTokens, PushOutcome, PushRequest, PushToken, Reason, RetryReason, Trust,
};
use walaa::clock::{Clock, ManualClock, SystemClock};
use walaa::ids::SystemIds;
use walaa::sandbox::apns::{Apns, ApnsOptions, Fault, FaultAction, ProviderKey, UnknownTokens};

use crate::support::sandbox_pki::{Identity, Pki};

const TOPIC: &str = "pass.org.example.coffee";

/// A PKI, a running stand-in and a phone's token that it knows.
struct World {
    pki: Pki,
    pass: Identity,
    apns: Apns,
    token: String,
}

impl World {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut ApnsOptions)) -> Self {
        let pki = Pki::generate();
        let pass = pki.pass(TOPIC);
        let mut options = ApnsOptions {
            listen: "127.0.0.1:0".parse().unwrap(),
            certificate: pki.server.certificate.clone(),
            chain: vec![],
            key: pki.server.key.clone(),
            client_authorities: vec![pki.root.certificate.clone(), pki.intermediate.certificate.clone()],
            provider_keys: vec![],
            unknown_tokens: UnknownTokens::Refuse,
            max_streams: 1_000,
            clock: Arc::new(SystemClock),
        };
        change(&mut options);
        let apns = Apns::start(options).await.unwrap();
        let token = "a1".repeat(32);
        apns.register_token(&token);
        Self { pki, pass, apns, token }
    }

    fn config(&self) -> ApnsConfig {
        config(&self.pki, &self.pass, &self.apns.url())
    }

    fn client(&self) -> ApnsClient {
        client(self.config())
    }

    fn request(&self) -> PushRequest {
        request(&self.token)
    }

    fn answer_next(&self, status: u16, reason: &str) {
        self.inject(FaultAction::Answer { status, reason: reason.to_owned(), retry_after: None });
    }

    fn inject(&self, action: FaultAction) {
        assert!(self.apns.inject(Fault { token: None, times: 1, delay_ms: 0, action }));
    }
}

fn config(pki: &Pki, pass: &Identity, url: &str) -> ApnsConfig {
    let auth = Auth::Certificate {
        certificate: pass.certificate.clone(),
        chain: vec![pki.intermediate.certificate.clone()],
        key: pass.key.clone(),
    };
    let mut config = ApnsConfig::new(TOPIC, auth);
    config.base_url = url.to_owned();
    config.trust = Trust::Roots(vec![pki.root.certificate.clone()]);
    config
}

fn client(config: ApnsConfig) -> ApnsClient {
    ApnsClient::new(config, Arc::new(SystemClock), Arc::new(SystemIds)).unwrap()
}

fn request(token: &str) -> PushRequest {
    PushRequest {
        token: PushToken::parse(token).unwrap(),
        id: *b"\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef",
    }
}

#[tokio::test]
async fn a_push_arrives_as_the_reference_describes_it() {
    let world = World::new().await;
    let mut phone = world.apns.subscribe();
    assert_eq!(world.client().push(&world.request()).await, PushOutcome::Delivered);
    let heard = phone.recv().await.unwrap();
    assert_eq!((heard.token.as_str(), heard.topic.as_str()), (world.token.as_str(), TOPIC));

    let push = &world.apns.pushes()[0];
    assert_eq!(push.apns_id, "01234567-89ab-cdef-0123-456789abcdef");
    assert_eq!(push.push_type.as_deref(), Some("background"));
    assert_eq!(push.priority.as_deref(), Some("5"));
    let lifetime = push.expiration.as_ref().unwrap().parse::<i64>().unwrap() - SystemClock.now().seconds();
    assert!((86_390..=86_400).contains(&lifetime), "an instant a day ahead, not a number of seconds: {lifetime}");
}

#[tokio::test]
async fn hundreds_of_pushes_share_one_connection() {
    let world = World::new().await;
    let client = world.client();
    let together = futures_util::future::join_all((0..300).map(|_| async { client.push(&world.request()).await })).await;
    assert!(together.iter().all(|outcome| *outcome == PushOutcome::Delivered));
    for _ in 0..20 {
        assert_eq!(client.push(&world.request()).await, PushOutcome::Delivered);
    }
    assert_eq!(world.apns.connections(), 1);
    assert_eq!(world.apns.pushes().len(), 320);
}

#[tokio::test]
async fn a_stream_limit_is_obeyed_with_at_most_two_connections() {
    let world = World::with(|options| options.max_streams = 2).await;
    let client = world.client();
    assert_eq!(client.push(&world.request()).await, PushOutcome::Delivered);
    let together = futures_util::future::join_all((0..100).map(|_| async { client.push(&world.request()).await })).await;
    assert!(together.iter().all(|outcome| *outcome == PushOutcome::Delivered), "nothing is refused for want of a stream");
    assert!(world.apns.connections() <= 2, "{} connections", world.apns.connections());
}

#[tokio::test]
async fn every_reason_of_apples_table_leads_to_its_outcome_over_the_wire() {
    let world = World::new().await;
    let client = world.client();
    for (status, reason) in Reason::TABLE {
        world.answer_next(*status, reason.as_str());
        let outcome = client.push(&world.request()).await;
        let expected = match (status, reason) {
            (410, _) => matches!(outcome, PushOutcome::TokenGone { since: Some(_) }),
            (_, Reason::BadDeviceToken) => outcome == PushOutcome::BadToken,
            (_, Reason::ExpiredProviderToken) => outcome == PushOutcome::RefreshToken,
            (_, Reason::TooManyRequests) => outcome == PushOutcome::SlowDown(Pace::Device),
            (_, Reason::TooManyProviderTokenUpdates) => outcome == PushOutcome::SlowDown(Pace::ProviderToken),
            (403, _) | (_, Reason::DeviceTokenNotForTopic) => outcome == PushOutcome::Misconfigured(reason.clone()),
            (500 | 503, _) | (_, Reason::IdleTimeout) => {
                outcome == PushOutcome::Retry { after: None, reason: RetryReason::Refused(reason.clone()) }
            }
            _ => outcome == PushOutcome::OurFault(reason.clone()),
        };
        assert!(expected, "{reason}: {outcome:?}");
        assert_eq!(client.push(&world.request()).await, PushOutcome::Delivered, "after {reason}");
    }
}

#[tokio::test]
async fn a_token_that_is_gone_says_since_when() {
    let clock = Arc::new(ManualClock::at(walaa::clock::Timestamp::from_millis(1_800_000_000_123)));
    let handed = clock.clone();
    let world = World::with(|options| options.clock = handed).await;
    let client = world.client();
    world.apns.forget_token(&world.token);
    clock.advance_seconds(60);
    let since = walaa::clock::Timestamp::from_millis(1_800_000_000_123);
    assert_eq!(client.push(&world.request()).await, PushOutcome::TokenGone { since: Some(since) });
    assert_eq!(client.push(&request(&"b2".repeat(32))).await, PushOutcome::BadToken, "a token that no phone registered");
    assert_eq!(client.push(&request("abcd")).await, PushOutcome::BadToken, "a malformed one");
}

#[tokio::test]
async fn a_service_that_is_down_is_retried_when_it_says_and_on_a_new_connection() {
    let world = World::new().await;
    let client = world.client();
    world.inject(FaultAction::Answer { status: 503, reason: "ServiceUnavailable".to_owned(), retry_after: Some(7) });
    let outcome = client.push(&world.request()).await;
    let reason = RetryReason::Refused(Reason::ServiceUnavailable);
    assert_eq!(outcome, PushOutcome::Retry { after: Some(Duration::from_secs(7)), reason });
    assert_eq!(client.push(&world.request()).await, PushOutcome::Delivered);
    assert_eq!(world.apns.connections(), 2);
}

#[tokio::test]
async fn goaway_and_lost_connections_are_survived_within_the_same_push() {
    let world = World::new().await;
    let client = world.client();
    assert_eq!(client.push(&world.request()).await, PushOutcome::Delivered);
    world.apns.go_away();
    assert_eq!(client.push(&world.request()).await, PushOutcome::Delivered, "GOAWAY while idle");
    world.inject(FaultAction::GoAway);
    assert_eq!(client.push(&world.request()).await, PushOutcome::Delivered, "GOAWAY in answer to a push");
    world.inject(FaultAction::Disconnect);
    assert_eq!(client.push(&world.request()).await, PushOutcome::Delivered, "cut off in the middle of a push");
    assert!((3..=4).contains(&world.apns.connections()), "{}", world.apns.connections());
}

#[tokio::test]
async fn after_repeated_failures_connecting_waits_its_turn() {
    let world = World::new().await;
    let client = world.client();
    for _ in 0..4 {
        world.inject(FaultAction::Disconnect);
    }
    let first = client.push(&world.request()).await;
    assert!(matches!(first, PushOutcome::Retry { reason: RetryReason::Connection(_), .. }), "two attempts, both cut: {first:?}");
    let connections = world.apns.connections();
    match client.push(&world.request()).await {
        PushOutcome::Retry { after: Some(wait), reason: RetryReason::BackingOff } => {
            assert!(wait <= Duration::from_secs(1), "{wait:?}");
        }
        other => panic!("expected to be told to wait: {other:?}"),
    }
    assert_eq!(world.apns.connections(), connections, "nobody knocked meanwhile");
}

#[tokio::test]
async fn a_push_that_hangs_ends_with_its_time_out_and_others_go_on() {
    let world = World::new().await;
    let mut config = world.config();
    config.request_timeout = Duration::from_millis(300);
    let client = client(config);
    world.inject(FaultAction::Hang);
    let outcome = client.push(&world.request()).await;
    assert_eq!(outcome, PushOutcome::Retry { after: None, reason: RetryReason::TimedOut });
    assert_eq!(client.push(&world.request()).await, PushOutcome::Delivered);
}

#[tokio::test]
async fn a_silent_connection_is_pinged_and_given_up_when_dead() {
    let world = World::new().await;
    // A relay that can swallow everything, as a NAT that forgot the connection does.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let relay_port = listener.local_addr().unwrap().port();
    let (deaths, death) = tokio::sync::watch::channel(0);
    let upstream = world.apns.port();
    let relay = tokio::spawn(async move {
        while let Ok((mut from, _)) = listener.accept().await {
            let mut death = death.clone();
            death.mark_unchanged();
            tokio::spawn(async move {
                let mut to = tokio::net::TcpStream::connect(("127.0.0.1", upstream)).await.unwrap();
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut from, &mut to) => {}
                    _ = death.changed() => {}
                }
                std::future::pending::<()>().await;
            });
        }
    });
    let mut config = world.config();
    config.base_url = format!("https://localhost:{relay_port}");
    config.ping_interval = Duration::from_millis(50);
    config.ping_timeout = Duration::from_millis(100);
    let client = client(config);
    assert_eq!(client.push(&world.request()).await, PushOutcome::Delivered);
    deaths.send_replace(1);
    assert_eq!(client.push(&world.request()).await, PushOutcome::Delivered, "long before the time-out of 10 s");
    assert_eq!(world.apns.connections(), 2, "the dead one was given up and one more opened");
    relay.abort();
}

#[tokio::test]
async fn without_the_right_certificate_there_is_no_handshake() {
    let world = World::new().await;
    let stranger = Pki::generate();
    let stranger_pass = stranger.pass(TOPIC);
    let mut foreign = world.config();
    foreign.auth = Auth::Certificate {
        certificate: stranger_pass.certificate,
        chain: vec![stranger.intermediate.certificate.clone()],
        key: stranger_pass.key,
    };
    let tokens = ProviderTokens::new(&ec_key().0, "KEY", "TEAM", Arc::new(SystemClock)).unwrap();
    let mut none = world.config();
    none.auth = Auth::Token(Arc::new(tokens));
    for config in [foreign, none] {
        let outcome = client(config).push(&world.request()).await;
        assert!(matches!(outcome, PushOutcome::Retry { reason: RetryReason::Connection(_), .. }), "{outcome:?}");
    }
    assert!(world.apns.pushes().is_empty());

    let mut deceived = world.config();
    deceived.trust = Trust::Roots(vec![stranger.root.certificate]);
    let outcome = client(deceived).push(&world.request()).await;
    match outcome {
        PushOutcome::Retry { reason: RetryReason::Connection(text), .. } => {
            assert!(text.contains("certificate verify failed"), "{text}");
        }
        other => panic!("we believed a stranger: {other:?}"),
    }
}

#[tokio::test]
async fn a_certificate_of_another_pass_type_may_not_push_for_this_one() {
    let world = World::new().await;
    let other = world.pki.pass("pass.org.example.bakery");
    let client = client(config(&world.pki, &other, &world.apns.url()));
    assert_eq!(client.push(&world.request()).await, PushOutcome::OurFault(Reason::TopicDisallowed));
}

/// A P-256 key: PKCS#8 and public PEM.
fn ec_key() -> (Vec<u8>, Vec<u8>) {
    let group = openssl::ec::EcGroup::from_curve_name(openssl::nid::Nid::X9_62_PRIME256V1).unwrap();
    let key = openssl::pkey::PKey::from_ec_key(openssl::ec::EcKey::generate(&group).unwrap()).unwrap();
    (key.private_key_to_pem_pkcs8().unwrap(), key.public_key_to_pem().unwrap())
}

#[tokio::test]
async fn token_auth_pushes_with_one_shared_token_and_renews_it_once_when_told_that_it_expired() {
    let (private, public_pem) = ec_key();
    let provider_key = ProviderKey { key_id: "KEY1234567".to_owned(), team_id: "A1B2C3D4E5".to_owned(), public_pem };
    let world = World::with(|options| options.provider_keys = vec![provider_key]).await;
    // Our clock is an hour and ten minutes behind: the first token is expired in the eyes of APNs.
    let clock = Arc::new(ManualClock::at(SystemClock.now().plus_seconds(-70 * 60)));
    let tokens = Arc::new(ProviderTokens::new(&private, "KEY1234567", "A1B2C3D4E5", clock.clone()).unwrap());
    let mut config = world.config();
    config.auth = Auth::Token(tokens);
    let client = client(config);
    assert_eq!(client.push(&world.request()).await, PushOutcome::RefreshToken, "too young to be renewed: our clock is wrong");
    clock.advance_seconds(50 * 60);
    assert_eq!(client.push(&world.request()).await, PushOutcome::Delivered, "renewed and pushed in one go");
    assert_eq!(client.push(&world.request()).await, PushOutcome::Delivered);
    assert_eq!(world.apns.connections(), 1);
    let statuses: Vec<u16> = world.apns.pushes().iter().map(|push| push.status).collect();
    assert_eq!(statuses, [403, 403, 200, 200]);
}

#[tokio::test]
async fn a_team_key_that_apns_does_not_know_stops_the_topic() {
    let (_, public_pem) = ec_key();
    let provider_key = ProviderKey { key_id: "KEY1234567".to_owned(), team_id: "A1B2C3D4E5".to_owned(), public_pem };
    let world = World::with(|options| options.provider_keys = vec![provider_key]).await;
    let tokens = ProviderTokens::new(&ec_key().0, "KEY1234567", "A1B2C3D4E5", Arc::new(SystemClock)).unwrap();
    let mut config = world.config();
    config.auth = Auth::Token(Arc::new(tokens));
    assert_eq!(client(config).push(&world.request()).await, PushOutcome::Misconfigured(Reason::InvalidProviderToken));
}

/// Whether a tool can be run; on CI it must be.
fn has_tool(tool: &str, package: &str) -> bool {
    let found = std::process::Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    assert!(found || std::env::var_os("CI").is_none(), "{tool} is missing: apt-get install {package}");
    if !found {
        eprintln!("{tool} is not installed; this check is left out");
    }
    found
}

#[tokio::test]
async fn nghttpd_an_independent_server_takes_our_requests_on_one_connection() {
    if !has_tool("nghttpd", "nghttp2-server") {
        return;
    }
    let pki = Pki::generate();
    let pass = pki.pass(TOPIC);
    let folder = tempfile::tempdir().unwrap();
    pki.server.write(folder.path(), "server");
    let token = "c3".repeat(32);
    std::fs::create_dir_all(folder.path().join("www/3/device")).unwrap();
    std::fs::write(folder.path().join("www/3/device").join(&token), b"").unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut nghttpd = Command::new("nghttpd")
        .args(["-v", "--verify-client", "-a", "127.0.0.1", "-d", "www", &port.to_string(), "server.key", "server.pem"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(nghttpd.stdout.take().unwrap());
    let mut seen = String::new();
    while !seen.contains("listen") {
        assert!(log.read_line(&mut seen).unwrap() > 0, "nghttpd ended early: {seen}");
    }
    let client = client(config(&pki, &pass, &format!("https://localhost:{port}")));
    assert_eq!(client.push(&request(&token)).await, PushOutcome::Delivered);
    assert_eq!(client.push(&request(&token)).await, PushOutcome::Delivered);
    let absent = client.push(&request(&"d4".repeat(32))).await;
    assert_eq!(absent, PushOutcome::OurFault(Reason::Unknown { status: 404, text: String::new() }));
    drop(client);
    nghttpd.kill().unwrap();
    nghttpd.wait().unwrap();
    log.read_to_string(&mut seen).unwrap();
    for expected in [
        "The negotiated protocol: h2",
        ":method: POST",
        &format!(":path: /3/device/{token}"),
        ":scheme: https",
        "apns-topic: pass.org.example.coffee",
        "apns-push-type: background",
        "apns-priority: 5",
        "apns-id: 01234567-89ab-cdef-0123-456789abcdef",
        "apns-expiration: ",
        "recv DATA frame <length=2, flags=0x01, stream_id=1>",
    ] {
        assert!(seen.contains(expected), "{expected} in:\n{seen}");
    }
    assert!(!seen.contains("PRIORITY frame"), "Apple refuses PRIORITY frames");
    assert!(seen.contains("[id=1]") && !seen.contains("[id=2]"), "one connection:\n{seen}");
}

#[tokio::test]
async fn curl_an_independent_client_gets_apples_answers_from_the_stand_in() {
    if !has_tool("curl", "curl") {
        return;
    }
    let world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    world.pki.root.write(folder.path(), "root");
    world.pass.write(folder.path(), "pass");
    let url = format!("{}/3/device/{}", world.apns.url(), world.token);
    let curl = async |extra: &[&str], url: &str| {
        let mut arguments = vec!["--http2", "-sS", "--cacert", "root.pem", "-w", " %{http_code} %{http_version}", "-d", "{}"];
        arguments.extend_from_slice(extra);
        let mut command = Command::new("curl");
        command.args(arguments).arg(url).current_dir(folder.path());
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    let identity = ["--cert", "pass.pem", "--key", "pass.key", "-H", "apns-topic: pass.org.example.coffee"];
    assert_eq!(curl(&identity, &url).await, (true, " 200 2".to_owned()));
    let (_, answer) = curl(&identity, &format!("{}/3/device/abcd", world.apns.url())).await;
    assert_eq!(answer, r#"{"reason":"BadDeviceToken"} 400 2"#);
    world.apns.forget_token(&world.token);
    let (_, answer) = curl(&identity, &url).await;
    assert!(answer.starts_with(r#"{"reason":"Unregistered","timestamp":"#) && answer.ends_with("} 410 2"), "{answer}");
    let (succeeded, _) = curl(&["-H", "apns-topic: pass.org.example.coffee"], &url).await;
    assert!(!succeeded, "no certificate, no handshake");
}
