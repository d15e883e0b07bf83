//! The stand-in for Google Wallet with somebody who talks to it in plain HTTP, and Google's own Python to check it with.

#![allow(clippy::unwrap_used, reason = "a test that can't go on must panic")]

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use walaa::clock::{Clock, ManualClock, Timestamp};
use walaa::ids::SystemIds;
use walaa::sandbox::google::{GoogleOptions, GoogleRules, GoogleSandbox};

/// A stand-in at a time that tests move, and a token for it.
pub struct World {
    pub sandbox: GoogleSandbox,
    pub clock: Arc<ManualClock>,
    pub http: reqwest::Client,
    token: String,
}

/// An answer: its status and its JSON.
pub type Said = (u16, Value);

impl World {
    pub async fn start() -> Self {
        Self::with_rules(GoogleRules { rate_per_second: None, ..GoogleRules::default() }).await
    }

    pub async fn with_rules(rules: GoogleRules) -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::parse("2026-11-21T12:00:00Z").unwrap()));
        let mut options = GoogleOptions::new(clock.clone(), Arc::new(SystemIds));
        options.rules = rules;
        options.callback_retries = vec![std::time::Duration::from_millis(1); 2];
        let sandbox = GoogleSandbox::start(options).expect("there is a free port");
        let mut world = Self { sandbox, clock, http: reqwest::Client::new(), token: String::new() };
        world.sign_in().await;
        world
    }

    /// Gets a new token.
    pub async fn sign_in(&mut self) {
        let (status, answer) = self.ask_for_token(&self.assertion(&json!({}))).await;
        assert_eq!(status, 200, "{answer}");
        self.token = answer["access_token"].as_str().unwrap().to_owned();
    }

    /// The service account's key file.
    pub fn key_file(&self) -> Value {
        serde_json::from_str(&self.sandbox.service_account_json()).unwrap()
    }

    /// Claims signed by the service account.
    pub fn sign(&self, claims: &Value) -> String {
        let key = EncodingKey::from_rsa_pem(self.key_file()["private_key"].as_str().unwrap().as_bytes()).unwrap();
        jsonwebtoken::encode(&Header::new(Algorithm::RS256), claims, &key).unwrap()
    }

    /// What is sent to the token endpoint, with some claims changed.
    pub fn assertion(&self, changed: &Value) -> String {
        let now = self.clock.now().seconds();
        let mut claims = json!({"iss": self.key_file()["client_email"], "scope": "https://www.googleapis.com/auth/wallet_object.issuer",
            "aud": "https://oauth2.googleapis.com/token", "iat": now, "exp": now + 3600});
        changed.as_object().unwrap().iter().for_each(|(name, value)| claims[name] = value.clone());
        self.sign(&claims)
    }

    pub async fn ask_for_token(&self, assertion: &str) -> Said {
        let body = format!("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}");
        let form = ("content-type", "application/x-www-form-urlencoded");
        let answer = self.http.post(self.sandbox.token_url()).header(form.0, form.1).body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// A request to the API that is not sent yet.
    pub fn request(&self, method: &str, path: &str, body: &Value) -> reqwest::RequestBuilder {
        let url = format!("{}/walletobjects/v1/{path}", self.sandbox.base_url());
        let request = self.http.request(method.parse().unwrap(), url).bearer_auth(&self.token);
        if body.is_null() { request } else { request.json(body) }
    }

    pub async fn ask(&self, method: &str, path: &str, body: Value) -> Said {
        let answer = self.request(method, path, &body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// Must be done.
    pub async fn done(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.ask(method, path, body).await;
        assert_eq!(status, 200, "{method} {path}: {answer}");
        answer
    }

    /// Must be refused like this.
    pub async fn refused(&self, (method, path): (&str, &str), body: Value, status: u16, words: &str) {
        let (said, answer) = self.ask(method, path, body.clone()).await;
        let message = answer["error"]["message"].as_str().unwrap_or_default();
        assert!(said == status && message.contains(words), "{method} {path} {body}: {said} {answer}, not {status} {words}");
        assert_eq!(
            (answer["error"]["code"].as_u64(), &answer["error"]["errors"][0]["message"]),
            (Some(u64::from(status)), &json!(message))
        );
    }

    /// An id of the first issuer.
    pub fn id(&self, suffix: &str) -> String {
        format!("{}.{suffix}", self.sandbox.issuer_id())
    }

    /// A programme's class as it is inserted, calling back at an address if there is one.
    pub fn class(&self, callback: Option<&str>) -> Value {
        let mut class = json!({"id": self.id("beans"), "issuerName": "Example Café", "programName": "Beans", "reviewStatus": "UNDER_REVIEW",
            "programLogo": {"sourceUri": {"uri": "https://example.com/logo.png"}}, "multipleDevicesAndHoldersAllowedStatus": "ONE_USER_ALL_DEVICES"});
        if let Some(url) = callback {
            class["callbackOptions"] = json!({"url": url});
        }
        class
    }

    /// A card as it is inserted.
    pub fn card(&self, suffix: &str, points: i64) -> Value {
        json!({"id": self.id(suffix), "classId": self.id("beans"), "state": "ACTIVE", "accountName": "Noura",
            "loyaltyPoints": {"label": "Points", "balance": {"int": points}}})
    }

    /// A class and a card in it. Answers the card's id.
    pub async fn with_card(&self, callback: Option<&str>) -> String {
        self.done("POST", "loyaltyClass", self.class(callback)).await;
        self.done("POST", "loyaltyObject", self.card("card", 10)).await;
        self.id("card")
    }

    /// A save link's JWT with some claims changed.
    pub fn save_jwt(&self, payload: &Value, changed: &Value) -> String {
        let mut claims = json!({"iss": self.key_file()["client_email"], "aud": "google", "typ": "savetowallet",
            "iat": self.clock.now().seconds(), "origins": [], "payload": payload});
        changed.as_object().unwrap().iter().for_each(|(name, value)| claims[name] = value.clone());
        self.sign(&claims)
    }

    /// Somebody opens a save link.
    pub async fn open(&self, jwt: &str, user: &str) -> Said {
        let url = format!("{}/{jwt}?user={user}", self.sandbox.save_base());
        let answer = self.http.get(url).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }
}

/// The Python that has Google's own libraries.
pub fn googles_python() -> PathBuf {
    if let Ok(named) = std::env::var("WALAA_GOOGLE_CLIENT") {
        return named.into();
    }
    let said = Command::new("./.ci/google-client").output().expect("the script is in the repository");
    assert!(said.status.success(), "Google's client can't be installed: {}", String::from_utf8_lossy(&said.stderr));
    String::from_utf8(said.stdout).unwrap().trim().into()
}
