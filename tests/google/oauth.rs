//! The service account's key file, and the tokens that it gets.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::join_all;
use serde_json::{Value, json};
use walaa::clock::ManualClock;
use walaa::google::account::{AccountContentError, ServiceAccount};
use walaa::google::oauth::{TokenError, TokenSource};

use super::wire::{EMAIL, KEY, KEY_ID, Reply, Wire, account, clock, key_file, noon};

fn granted(token: &str, seconds: i64) -> Reply {
    Reply::json(200, &json!({"access_token": token, "expires_in": seconds, "token_type": "Bearer"}))
}

fn source(wire: &Wire) -> (Arc<TokenSource>, Arc<ManualClock>) {
    let clock = clock();
    let tokens = TokenSource::new(account(&wire.url), clock.clone(), Duration::from_secs(5)).expect("a source");
    (Arc::new(tokens), clock)
}

/// Gives out a, b, c ….
async fn counting() -> Wire {
    let given = std::sync::atomic::AtomicU8::new(b'a');
    Wire::new(move |_| granted(&char::from(given.fetch_add(1, std::sync::atomic::Ordering::SeqCst)).to_string(), 3599)).await
}

#[tokio::test]
async fn the_assertion_is_what_googles_own_client_sends_and_openssl_verifies_it() {
    let wire = counting().await;
    let (tokens, _) = source(&wire);
    assert_eq!(&*tokens.token().await.expect("a token"), "a");
    let seen = &wire.seen()[0];
    assert_eq!(seen.line(), "POST /");
    assert_eq!(seen.header("content-type"), Some("application/x-www-form-urlencoded"));
    let grant = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
    let assertion = seen.body.strip_prefix(grant).expect("the grant type and the assertion");
    let parts: Vec<&str> = assertion.split('.').collect();
    let json = |part: &str| -> Value { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("Base64")).expect("JSON") };
    assert_eq!(json(parts[0]), json!({"alg": "RS256", "typ": "JWT", "kid": KEY_ID}));
    let iat = noon().seconds();
    assert_eq!(
        json(parts[1]),
        json!({
            "iss": EMAIL, "scope": "https://www.googleapis.com/auth/wallet_object.issuer",
            "aud": "https://oauth2.googleapis.com/token", "iat": iat, "exp": iat + 3600,
        })
    );
    let mut verifier = openssl::sign::Verifier::new(openssl::hash::MessageDigest::sha256(), &KEY).expect("a verifier");
    verifier.update(format!("{}.{}", parts[0], parts[1]).as_bytes()).expect("hashed");
    assert!(verifier.verify(&URL_SAFE_NO_PAD.decode(parts[2]).expect("Base64")).expect("judged"));
}

#[tokio::test]
async fn twenty_callers_at_once_are_one_request() {
    let wire = counting().await;
    let (tokens, clock) = source(&wire);
    for (expected, requests) in [("a", 1), ("b", 2)] {
        let got = join_all((0..20).map(|_| tokens.token())).await;
        assert!(got.iter().all(|token| token.as_deref() == Ok(expected)), "{got:?}");
        assert_eq!(wire.seen().len(), requests);
        clock.advance_seconds(3599);
    }
}

#[tokio::test]
async fn a_token_is_kept_until_five_minutes_before_its_end() {
    let wire = counting().await;
    let (tokens, clock) = source(&wire);
    tokens.token().await.expect("a token");
    clock.advance_seconds(3599 - 300 - 1);
    assert_eq!(tokens.token().await.as_deref(), Ok("a"));
    clock.advance_seconds(1);
    assert_eq!(tokens.token().await.as_deref(), Ok("b"));
    clock.advance_seconds(-7200);
    assert_eq!(tokens.token().await.as_deref(), Ok("c"), "a clock set back");
}

#[tokio::test]
async fn a_short_lived_token_is_not_fetched_for_each_request() {
    let wire = Wire::scripted(vec![granted("a", 60), granted("b", 60)]).await;
    let (tokens, clock) = source(&wire);
    tokens.token().await.expect("a token");
    clock.advance_seconds(29);
    assert_eq!(tokens.token().await.as_deref(), Ok("a"));
    clock.advance_seconds(1);
    assert_eq!(tokens.token().await.as_deref(), Ok("b"));
}

#[tokio::test]
async fn a_refused_token_is_replaced_once_for_all_who_hold_it() {
    let wire = counting().await;
    let (tokens, _) = source(&wire);
    let first = tokens.token().await.expect("a token");
    let got = join_all((0..20).map(|_| tokens.after_refusal(&first))).await;
    assert!(got.iter().all(|token| token.as_deref() == Ok("b")), "{got:?}");
    assert_eq!(wire.seen().len(), 2);
    assert_eq!(tokens.token().await.as_deref(), Ok("b"));
}

#[tokio::test]
async fn an_invalid_grant_says_what_to_do() {
    let body = json!({"error": "invalid_grant", "error_description": "Invalid JWT: iat must be \n in the past"});
    let wire = Wire::new(move |_| Reply::json(400, &body)).await;
    let error = source(&wire).0.token().await.expect_err("refused");
    assert!(matches!(error, TokenError::InvalidGrant { .. }));
    let text = error.to_string();
    for word in ["clock", "deleted", KEY_ID, EMAIL, "iat must be   in the past"] {
        assert!(text.contains(word), "{text}");
    }
}

#[tokio::test]
async fn a_failure_is_shared_for_a_moment_and_then_tried_again() {
    let unavailable = Reply::json(503, &json!({})).with("Retry-After", "7");
    let wire = Wire::scripted(vec![unavailable, granted("a", 3599)]).await;
    let (tokens, clock) = source(&wire);
    let got = join_all((0..20).map(|_| tokens.token())).await;
    let transient = |token: &Result<_, _>| matches!(token, Err(TokenError::Transient { after, .. }) if *after == Some(Duration::from_secs(7)));
    assert!(got.iter().all(transient), "{got:?}");
    assert_eq!(wire.seen().len(), 1);
    clock.advance_seconds(1);
    assert_eq!(tokens.token().await.as_deref(), Ok("a"));
}

#[tokio::test]
async fn what_is_no_token_is_a_failure_that_quotes_nothing() {
    let secret = "ya29-secret";
    let odd = [
        Reply::Answer(200, vec![], format!("{{\"access_token\": \"{secret}\"")),
        Reply::json(200, &json!({"access_token": secret, "expires_in": 0, "token_type": "Bearer"})),
        Reply::json(200, &json!({"access_token": secret, "expires_in": 3599, "token_type": "mac"})),
        Reply::json(200, &json!({"access_token": format!("{secret}\r\nX: y"), "expires_in": 3599})),
        Reply::json(200, &json!({"access_token": "", "expires_in": 3599})),
        Reply::Answer(200, vec![], "x".repeat(70_000)),
        Reply::Answer(302, vec![("Location".to_owned(), "/elsewhere".to_owned())], String::new()),
        Reply::Drop,
    ];
    let wire = Wire::scripted(odd.to_vec()).await;
    let (tokens, clock) = source(&wire);
    for reply in &odd {
        let error = tokens.token().await.expect_err("no token");
        assert!(matches!(error, TokenError::Transient { .. }), "{reply:?}: {error:?}");
        assert!(!error.to_string().contains(secret), "{error}");
        clock.advance_seconds(1);
    }
    assert_eq!(wire.seen().len(), odd.len(), "no redirection is followed");
}

#[tokio::test]
async fn a_refusal_for_another_reason_is_not_tried_again_as_if_it_might_pass() {
    let refusals = [(400, json!({"error": "invalid_scope"})), (403, json!({})), (401, json!({"error": "invalid_client"}))];
    let wire = Wire::scripted(refusals.map(|(status, body)| Reply::json(status, &body)).to_vec()).await;
    let (tokens, clock) = source(&wire);
    for _ in 0..3 {
        let error = tokens.token().await.expect_err("refused");
        assert!(matches!(error, TokenError::Refused { .. }), "{error:?}");
        clock.advance_seconds(1);
    }
}

#[tokio::test]
async fn a_silent_token_endpoint_is_given_up() {
    let wire = Wire::new(|_| Reply::Silence).await;
    let tokens = TokenSource::new(account(&wire.url), clock(), Duration::from_millis(200)).expect("a source");
    assert!(matches!(tokens.token().await, Err(TokenError::Transient { what, .. }) if what == "no answer in time"));
}

#[test]
fn a_key_file_is_read_as_google_gives_it_and_after_a_trip_through_an_environment_variable() {
    let right = key_file("https://oauth2.googleapis.com/token");
    let mut escaped = right.clone();
    escaped["private_key"] = json!(right["private_key"].as_str().expect("PEM").replace('\n', "\\n"));
    let mut short = right.clone();
    short.as_object_mut().expect("an object").remove("token_uri");
    for file in [&right, &escaped, &short] {
        let account = ServiceAccount::parse(file.to_string().as_bytes()).expect("read");
        assert_eq!((account.email(), account.key_id()), (EMAIL, KEY_ID));
        let printed = format!("{account:?}");
        assert!(printed.contains(EMAIL) && !printed.contains("MII"), "{printed}");
    }
}

#[test]
fn a_wrong_key_file_says_what_to_do_and_never_shows_the_key() {
    let right = key_file("https://oauth2.googleapis.com/token");
    let with = |name: &str, value: Value| {
        let mut file = right.clone();
        file[name] = value;
        file.to_string()
    };
    let small = openssl::rsa::Rsa::generate(1024).expect("a key");
    let small = String::from_utf8(small.private_key_to_pem().expect("PEM")).expect("text");
    let secret = right["private_key"].as_str().expect("PEM");
    let cases = [
        (right.to_string()[..900].to_owned(), "it is not JSON"),
        ("{}".to_owned(), "type is missing"),
        (with("type", json!("authorized_user")), "authorized_user"),
        (with("private_key", json!(null)), "private_key is missing"),
        (with("private_key", json!([secret])), "wrong kind"),
        (with("private_key", json!(&secret[..secret.len() - 200])), "not an RSA key"),
        (with("private_key", json!(small)), "2,048 bits"),
        (with("private_key", json!("x")), "not an RSA key"),
        (with("client_email", json!("walaa")), "client_email"),
        (with("token_uri", json!("http://oauth2.googleapis.com/token")), "https"),
    ];
    for (file, words) in cases {
        let error = ServiceAccount::parse(file.as_bytes()).expect_err(words).to_string();
        assert!(error.contains(words), "{error}");
        assert!(!error.contains(&secret[30..60]), "{error}");
    }
    assert!(matches!(ServiceAccount::parse(b"[]"), Err(AccountContentError::NotAKeyFile { .. })));
}

#[test]
fn a_key_file_that_others_may_read_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("google.json");
    std::fs::write(&path, key_file("https://oauth2.googleapis.com/token").to_string()).expect("written");
    let mode = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("changed");
    mode(0o644);
    let error = ServiceAccount::read(&path).expect_err("open to others").to_string();
    assert!(error.contains("chmod 600"), "{error}");
    mode(0o600);
    assert_eq!(ServiceAccount::read(&path).expect("read").email(), EMAIL);
    std::fs::write(&path, "{}").expect("written");
    let error = ServiceAccount::read(&path).expect_err("no key file").to_string();
    assert!(error.contains("google.json") && error.contains("Service accounts"), "{error}");
}
