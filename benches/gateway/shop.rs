//! A gateway at work on a database, with a programme and its cards.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use walaa::app::{App, Parts};
use walaa::apple::certificates::sandbox_pki;
use walaa::cards::{Asked, Codes, Core};
use walaa::clock::SystemClock;
use walaa::config::{self, Config, Listen, SecretText};
use walaa::ids::{CardId, Ids, KeyId, OrgId, ProgrammeId, SystemIds, encode};
use walaa::ledger::{Body, DocumentKey, Fingerprint, OpKey, Principal, PutDocument};
use walaa::tokens::{Credential, Environment, KeyHolder, KeyScope, Kid};

use super::load::{Measured, answer, get, post, run};

/// How often each card captures in a measurement: less than the limit on one card.
pub const CAPTURES_PER_CARD: usize = 10;
/// Workers of the gateway.
pub const WORKERS: usize = 2;
/// Points of each card: more than a run can spend.
const POINTS: i64 = 1_000_000_000;
/// Of each limit on pace: more than the load reaches. (Many more would make it count in microseconds, and refuse a thread that was held up.)
const OPEN_PER_SECOND: u32 = 100_000;
const PASS_TYPE: &str = "pass.com.example.bench";
const TEAM: &str = "BENCH12345";

/// What answers, and what it knows.
pub struct Shop {
    pub core: Core,
    pub port: u16,
    pub key: String,
    org: OrgId,
    cards: Vec<CardId>,
}

/// Starts a gateway on a database, fills it, and goes on serving.
pub async fn open(folder: &Path, database: &str, cards: usize) -> Shop {
    let parts = Parts { clock: Arc::new(SystemClock), ids: Arc::new(SystemIds) };
    let app = App::build(&configuration(folder, database), parts).await.expect("the gateway starts");
    let (core, port) = (app.core().clone(), app.port());
    tokio::spawn(app.run_until(std::future::pending()));
    let org = OrgId(SystemIds.random());
    let id = KeyId(SystemIds.random());
    let scope = core.keyring.scope(org);
    let secret = core.keyring.key_secret(scope, id, 1).expect("the current key is there");
    let key = json!({
        "name": "bench", "role": "owner", "secret_hashes": [secret.hash().to_hex()], "secret_generation": 1, "secret_kid": scope.kid.0,
    });
    let programme = ProgrammeId(SystemIds.random());
    let club = json!({
        "name": { "en": "Bench" }, "currency": "KWD", "time_zone": "Asia/Kuwait", "template": "coffee",
        "earning": { "points_per_unit": "10" },
        "rewards": [{ "id": "coffee", "name": { "en": "A coffee" }, "points": 50 }],
    });
    let documents = [
        (DocumentKey::organisation(org), json!({ "name": { "en": "Bench" } })),
        (DocumentKey::key(org, id), key),
        (DocumentKey::programme(org, programme), club),
    ];
    for (place, (key, body)) in documents.into_iter().enumerate() {
        let text = body.to_string();
        let op = OpKey::parse(&format!("bench-document-{place:04}")).expect("a key");
        let asked = Asked { org, principal: Principal::System, key: op, fingerprint: Fingerprint::of("bench", &text) };
        let put = PutDocument { key, expected_version: 0, body: Arc::from(text) };
        core.ask(&asked, Body::PutDocument(put)).await.expect("the ledger answers").result.expect("saved");
    }
    let key = Credential { environment: Environment::Live, holder: KeyHolder::Key(id), secret }.to_text().to_string();
    let mut shop = Shop { core, org, port, key, cards: Vec::new() };
    for number in 0..cards {
        let body = json!({ "programme": programme, "name": "Bench" });
        let made = ask(&shop, "/v1/members", (&format!("bench-member-{number:08}"), &body)).await;
        let card = made["card"]["id"].as_str().expect("a card").to_owned();
        let points = json!({ "points": POINTS, "reason": "bench" });
        ask(&shop, &format!("/v1/cards/{card}/adjustments"), (&format!("bench-points-{number:08}"), &points)).await;
        shop.cards.push(card.parse().expect("an id"));
    }
    shop
}

/// Settings for a gateway with its keys in a folder and its ledger in a database.
pub fn configuration(folder: &Path, database: &str) -> Config {
    let mut config = Config::default();
    config.server.listen = Listen::local(0);
    config.server.admin_listen = Listen::local(0);
    config.server.workers = WORKERS;
    config.database.url = SecretText::new(database);
    config.keys.keyring_file = folder.join("keyring.toml");
    let pki = sandbox_pki::generate(&folder.join("pki"), PASS_TYPE, TEAM, &SystemClock).expect("a sandbox authority");
    config.apple = vec![config::AppleAccount {
        pass_type_id: PASS_TYPE.to_owned(),
        team_id: TEAM.to_owned(),
        certificate_file: pki.pass.certificate,
        key_file: pki.pass.key,
        intermediate_file: pki.pass.intermediate,
        ..config::AppleAccount::default()
    }];
    let open = OPEN_PER_SECOND;
    config.limits = config::Limits {
        address_per_second: open,
        address_burst: open,
        key_per_second: open,
        key_burst: open,
        organisation_per_second: open,
        organisation_burst: open,
        ..config::Limits::default()
    };
    config
}

async fn ask(shop: &Shop, path: &str, (op, body): (&str, &Value)) -> Value {
    let mut stream = TcpStream::connect(("127.0.0.1", shop.port)).await.expect("connects");
    stream.write_all(post(&shop.key, path, Some(op), body).as_bytes()).await.expect("writes");
    let (status, body) = answer(&mut stream, &mut Vec::new()).await;
    assert_eq!(status, 201, "{}", String::from_utf8_lossy(&body));
    serde_json::from_slice(&body).expect("JSON")
}

/// Apple's conditional GET of each card's pass, none of which has changed.
pub async fn conditional_gets(shop: &Shop) -> Vec<String> {
    let mut requests = Vec::with_capacity(shop.cards.len());
    for card in &shop.cards {
        let state = shop.core.db.card(shop.org, *card).await.expect("reads").expect("a card");
        let pass = shop.core.db.pass(state.card.pass).await.expect("reads").expect("a pass");
        let serial = encode(&pass.id.0);
        let scope = KeyScope { org: shop.org, kid: Kid(pass.auth_kid) };
        let token = shop.core.keyring.apple_token(scope, PASS_TYPE, &serial).expect("the key is there");
        let headers =
            format!("Authorization: ApplePass {}\r\nIf-Modified-Since: Thu, 31 Dec 2099 23:59:59 GMT\r\n", token.as_str());
        requests.push(get(&format!("/apple/v1/passes/{PASS_TYPE}/{serial}"), &headers));
    }
    requests
}

/// Captures, spread over the cards.
pub async fn capture(shop: &Shop) -> Measured {
    let mut texts = Vec::with_capacity(shop.cards.len() * CAPTURES_PER_CARD);
    for round in 0..CAPTURES_PER_CARD {
        for card in &shop.cards {
            let state = shop.core.db.card(shop.org, *card).await.expect("reads").expect("a card");
            let mut pass = shop.core.db.pass(state.card.pass).await.expect("reads").expect("a pass");
            pass.generation += i64::try_from(round).expect("few");
            let code = Codes { keyring: &shop.core.keyring, org: shop.org }.of_pass(&pass).expect("a code");
            let body = json!({ "code": code, "rewards": [{ "reward": "coffee", "quantity": 1 }] });
            texts.push(post(&shop.key, "/v1/redemptions", Some(&format!("bench-capture-{:09}", texts.len())), &body));
        }
    }
    run(shop.port, texts, |status, body| assert_eq!(status, 201, "{}", String::from_utf8_lossy(body))).await
}
