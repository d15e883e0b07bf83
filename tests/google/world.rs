//! A gateway with both wallets: the strict stand-ins for Google and Apple beside a real server, and people who use them.

use std::sync::Arc;
use std::time::Duration;

use openssl::pkey::PKey;
use openssl::sign::Signer;
use serde_json::{Value, json};
use walaa::apple::certificates::{key_file, sandbox_pki};
use walaa::clock::{Clock, ManualClock, Timestamp};
use walaa::config::{AppleAccount, GoogleAccount, Listen};
use walaa::ids::{CardId, PassId, SystemIds, encode};
use walaa::sandbox::apns::Apns;
use walaa::sandbox::google::{GoogleOptions, GoogleRules, GoogleSandbox, ISSUER};
use walaa::sandbox::phone::Phone;
use walaa::sandbox::stage::{self, PhoneSetup};

use crate::support::app::{Ask, Customer, Reply, TestApp};
use crate::support::ledger::START;

const PASS_TYPE: &str = "pass.org.example.both";
const TEAM: &str = "A1B2C3D4E5";

/// How long something that happens by itself may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

pub struct GoogleWorld {
    pub app: TestApp,
    pub google: GoogleSandbox,
    pub phone: Phone,
    pub clock: Arc<ManualClock>,
    _apns: Apns,
}

impl GoogleWorld {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// On a clock that begins now, for commands of their own process.
    pub async fn now() -> Self {
        Self::at(walaa::clock::SystemClock.now(), |_| {}).await
    }

    /// With another configuration of the issuer's account. The stand-in counts no rate, since the clock stands still.
    pub async fn with(change: impl FnOnce(&mut GoogleAccount)) -> Self {
        Self::at(Timestamp::from_millis(START), change).await
    }

    async fn at(now: Timestamp, change: impl FnOnce(&mut GoogleAccount)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(ManualClock::at(now));
        let pki = sandbox_pki::generate(&folder.path().join("pki"), PASS_TYPE, TEAM, clock.as_ref()).expect("a PKI");
        let shared: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let apns = stage::start_apns(&pki, Arc::clone(&shared)).await.expect("an APNs");
        let ids: Arc<dyn walaa::ids::Ids> = Arc::new(SystemIds);
        let setup = PhoneSetup {
            pki: &pki,
            apns: &apns,
            memory_file: folder.path().join("phone.json"),
            clock: Arc::clone(&shared),
            ids: Arc::clone(&ids),
        };
        let phone = stage::start_phone(setup).await.expect("a phone");
        let options = GoogleOptions {
            rules: GoogleRules { rate_per_second: None, ..GoogleRules::default() },
            callback_roots_pem: std::fs::read(&pki.root).expect("a root"),
            ..GoogleOptions::new(shared, ids)
        };
        let google = GoogleSandbox::start(options).expect("a stand-in for Google");
        let key = folder.path().join("google.json");
        key_file::write(&key, google.service_account_json().as_bytes(), key_file::Existing::Refuse).expect("a key file");
        let mut account = GoogleAccount {
            issuer_id: ISSUER.to_owned(),
            service_account_file: key,
            api_url: google.base_url(),
            keys_url: google.keys_url(),
            save_url: google.save_base().trim_end_matches('/').to_owned(),
            requests_per_second: 10_000,
            burst: 10_000,
            ..GoogleAccount::default()
        };
        change(&mut account);
        let apns_url = apns.url();
        let mut app = TestApp::empty_with(folder, Arc::clone(&clock), |config| {
            config.server.tls_listen = Listen::local(0);
            config.server.tls_certificate_file = Some(pki.server_certificate.clone());
            config.server.tls_key_file = Some(pki.server_key.clone());
            config.google = vec![account];
            config.apple = vec![AppleAccount {
                pass_type_id: PASS_TYPE.to_owned(),
                team_id: TEAM.to_owned(),
                certificate_file: pki.pass.certificate.clone(),
                key_file: pki.pass.key.clone(),
                intermediate_file: pki.pass.intermediate.clone(),
                apns_url,
                apns_ca_file: Some(pki.root.clone()),
                ..AppleAccount::default()
            }];
        })
        .await;
        app.shop = app.found_shop().await;
        Self { app, google, phone, clock, _apns: apns }
    }

    /// A member who joined.
    pub async fn join(&self) -> Customer {
        self.app.enrol(&self.app.shop).await
    }

    /// The card's pass.
    pub async fn pass_of(&self, card: &str) -> PassId {
        let card: CardId = card.parse().expect("a card");
        let org = self.app.shop.organisation.parse().expect("an organisation");
        self.app.core.db.card(org, card).await.expect("reads").expect("a card").card.pass
    }

    /// The id of a pass's object.
    pub fn object_id(&self, pass: PassId) -> String {
        format!("{ISSUER}.pass_{}", encode(&pass.0))
    }

    /// Asks for the link as a manager and opens it as somebody with a phone.
    pub async fn save(&self, card: &str) -> String {
        let link = self.app.get(&self.app.shop.owner, &format!("/v1/cards/{card}/google")).await.expect(200);
        self.open(link["save_url"].as_str().expect("a link")).await;
        self.object_id(self.pass_of(card).await)
    }

    /// Opens a save link.
    pub async fn open(&self, url: &str) -> Value {
        let answer = reqwest::get(url).await.expect("the save page answers");
        let status = answer.status();
        let body: Value = answer.json().await.expect("JSON");
        assert_eq!(status, 200, "{body}");
        body
    }

    /// Waits until the stand-in's object looks so.
    #[track_caller]
    pub fn until<'a>(&'a self, id: &'a str, looks: impl Fn(&Value) -> bool + 'a) -> impl Future<Output = Value> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            let deadline = tokio::time::Instant::now() + PATIENCE;
            for look in 1_u32.. {
                let object = self.google.object(id).unwrap_or_default();
                if looks(&object) {
                    return object;
                }
                assert!(tokio::time::Instant::now() < deadline, "{caller}: the object never looked as awaited: {object:#}");
                tokio::time::sleep(LOOK_AGAIN).await;
                // What waits for its turn waits by the clock.
                if look % 10 == 0 {
                    self.clock.advance_seconds(1);
                }
            }
            Value::Null
        }
    }

    /// Waits until something is so.
    pub async fn eventually<T>(&self, what: &str, look: impl AsyncFn() -> Option<T>) -> T {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let mut looks = 0;
        loop {
            if let Some(found) = look().await {
                return found;
            }
            assert!(tokio::time::Instant::now() < deadline, "{what}: not after {PATIENCE:?}");
            tokio::time::sleep(LOOK_AGAIN).await;
            looks += 1;
            if looks % 10 == 0 {
                self.clock.advance_seconds(1);
            }
        }
    }

    /// Waits until nothing is owed for a card.
    pub async fn quiet(&self, customer: &Customer) {
        let path = format!("/v1/cards/{}/delivery", customer.card);
        self.eventually("nothing is owed any more", async || {
            let sequenced = self.app.core.db.unsealed().await == Ok(0);
            let delivery = self.app.get(&self.app.shop.auditor, &path).await.expect(200);
            (sequenced && delivery["owed"] == json!([])).then_some(())
        })
        .await;
    }

    /// What we know of the card in Google Wallet.
    pub async fn delivery(&self, card: &str) -> Value {
        self.app.get(&self.app.shop.auditor, &format!("/v1/cards/{card}/delivery")).await.expect(200)["google"].clone()
    }

    /// The points that a card's object shows.
    pub fn points(object: &Value) -> i64 {
        object["loyaltyPoints"]["balance"]["int"].as_i64().unwrap_or(-1)
    }

    /// The turning code as a phone with this clock shows it, by OpenSSL and the object alone.
    pub fn turning_code(&self, object: &Value) -> String {
        turning_code(object, self.clock.now().seconds())
    }

    /// Redeems rewards with a code at the till.
    pub async fn redeem(&self, code: &str, rewards: Value) -> Reply {
        let ask = Ask::post("/v1/redemptions").key(&self.app.shop.till).op(&crate::support::app::op_key());
        self.app.send(ask.body(&json!({"code": code, "rewards": rewards}))).await
    }
}

/// RFC 6238 as the object asks for it, at a time.
pub fn turning_code(object: &Value, seconds: i64) -> String {
    let barcode = &object["rotatingBarcode"];
    let details = &barcode["totpDetails"];
    assert_eq!(details["algorithm"], "TOTP_SHA1");
    let period: i64 = details["periodMillis"].as_str().expect("a period").parse::<i64>().expect("digits") / 1_000;
    let parameter = &details["parameters"][0];
    let hex = parameter["key"].as_str().expect("a key");
    let key: Vec<u8> = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")).collect();
    assert_eq!(key.len(), 20, "160 bits");
    let key = PKey::hmac(&key).expect("a key");
    let mut signer = Signer::new(openssl::hash::MessageDigest::sha1(), &key).expect("HMAC");
    signer.update(&(seconds / period).to_be_bytes()).expect("HMAC");
    let mac = signer.sign_to_vec().expect("HMAC");
    let offset = usize::from(mac[19] & 15);
    let word = u32::from_be_bytes(mac[offset..offset + 4].try_into().expect("four bytes")) & 0x7fff_ffff;
    let digits = usize::try_from(parameter["valueLength"].as_i64().expect("digits")).expect("few");
    let value = format!("{:0digits$}", word % 10_u32.pow(u32::try_from(digits).expect("few")));
    let pattern = barcode["valuePattern"].as_str().expect("a pattern");
    pattern.replace("{totp_timestamp_seconds}", &seconds.to_string()).replace("{totp_value_0}", &value)
}
