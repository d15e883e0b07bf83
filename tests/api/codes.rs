//! Every error code of the API is answered by some request, with its status; and each answer is one that the operation's description
//! names (`support::described` holds every refusal of every test against it).

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::FutureExt;
use serde_json::{Value, json};
use walaa::cards::{Asked, Codes, Core, Joining, Person, Profile};
use walaa::error::Code;
use walaa::gate::{OnDown, RateRule, RedisGate, RedisGateConfig};
use walaa::http::AppState;
use walaa::http::limits::Limits;
use walaa::ids::{OpId, RedemptionId};
use walaa::ledger::{Abandon, Body, Command, Fingerprint, OpHeader, OpKey, Principal};
use walaa::{gate, tokens};

use crate::support::app::{Ask, Customer, Reply, TestApp, coffee_programme, op_key, wide};

/// Codes that no request of this file can be answered with, why not, and the test that shows each.
const ELSEWHERE: &[(Code, &str, &str)] = &[
    (Code::WalletUnavailable, "needs a Google that does not answer", "a_lost_permission_stops_everything_and_says_what_to_do"),
    (Code::RequestTimeout, "needs a client that stops in the middle of its body", "a_body_that_trickles_in_is_not_waited_for"),
    (
        Code::Internal,
        "needs a handler with a bug, which is put there by that test",
        "a_panic_is_a_problem_and_the_server_goes_on",
    ),
    (Code::TimedOut, "needs a handler that never ends, which is put there by that test", "a_request_takes_no_longer_than_it_may"),
];

/// The codes that were answered.
#[derive(Default)]
struct Seen(BTreeSet<&'static str>);

impl Seen {
    /// Notes a refusal, which has to be whole, of this code and of the code's status.
    #[track_caller]
    fn note(&mut self, code: Code, reply: &Reply) {
        reply.refused(code.as_str());
        assert_eq!(reply.status, code.status(), "{code}");
        self.0.insert(code.as_str());
    }
}

/// Sources of all tests, to look names up in.
fn is_a_test(name: &str) -> bool {
    let mut folders = vec![std::path::PathBuf::from("tests"), std::path::PathBuf::from("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if std::fs::read_to_string(&path).is_ok_and(|text| text.contains(&format!("fn {name}("))) {
                return true;
            }
        }
    }
    false
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_code_is_answered_by_some_request() {
    let mut seen = Seen::default();
    door(&mut seen).await;
    reading(&mut seen).await;
    operations(&mut seen).await;
    sales(&mut seen).await;
    redeeming(&mut seen).await;
    ended_codes(&mut seen).await;
    fixed_codes(&mut seen).await;
    vouchers(&mut seen).await;
    contacts(&mut seen).await;
    members(&mut seen).await;
    documents(&mut seen).await;
    switches(&mut seen).await;
    witnesses(&mut seen).await;
    limits(&mut seen).await;
    outages(&mut seen).await;
    for (code, why, test) in ELSEWHERE {
        assert!(is_a_test(test), "{code} ({why}): there is no test {test}");
        assert!(seen.0.insert(code.as_str()), "{code} is answered here: take it off the list");
    }
    let missing: Vec<&Code> = Code::ALL.iter().filter(|code| !seen.0.contains(code.as_str())).collect();
    assert!(missing.is_empty(), "no request is answered {missing:?}");
}

async fn door(seen: &mut Seen) {
    let app = TestApp::spawn().await;
    seen.note(Code::Unauthorized, &app.send(Ask::get("/v1/stores")).await);
    let soon = super::catalogue::in_seconds(&app, 1);
    let expired = app.make_key(&app.shop, json!({ "name": "x", "role": "pos", "expires_at": soon })).await;
    let revoked = app.post(&app.shop.owner, "/v1/keys", &json!({ "name": "x", "role": "pos" })).await.expect(201);
    app.post(&app.shop.owner, &format!("/v1/keys/{}/revoke", revoked["id"].as_str().expect("an id")), &Value::Null)
        .await
        .expect(200);
    app.clock.advance_seconds(1);
    seen.note(Code::KeyExpired, &app.get(&expired, "/v1/members").await);
    seen.note(Code::KeyRevoked, &app.get(revoked["key"].as_str().expect("a key"), "/v1/members").await);
    seen.note(Code::Forbidden, &app.get(&app.shop.pos, "/v1/journal").await);
    let partner = app.make_key(&app.shop, json!({ "name": "x", "role": "manager", "programmes": [app.shop.programme] })).await;
    seen.note(Code::WrongProgramme, &app.get(&partner, "/v1/journal").await);
    let local = app.make_key(&app.shop, json!({ "name": "x", "role": "manager", "store": app.shop.store })).await;
    seen.note(Code::WrongStore, &app.get(&local, "/v1/journal").await);
    let off = json!({ "name": "Till 1", "store": app.shop.store, "status": "disabled" });
    app.put(&app.shop.owner, &format!("/v1/terminals/{}", app.shop.terminal), (2, &off)).await.expect(200);
    seen.note(Code::TerminalDisabled, &app.post(&app.shop.till, "/v1/scans", &json!({ "code": "x" })).await);
    let owned =
        app.post(&app.shop.owner, "/v1/terminals", &json!({ "name": "Scanner", "store": app.shop.store })).await.expect(201);
    let till = app.enrol_terminal(owned["enrolment_code"].as_str().expect("a code")).await;
    let by_cookie = Ask::post("/v1/scans").header("walaa-scanner", "1").header("cookie", &format!("walaa-till={till}"));
    seen.note(Code::ShiftClosed, &app.send(by_cookie).await);
    let guess = Ask::post("/v1/terminals/enrol").body(&json!({ "code": "0000-0000-000" }));
    seen.note(Code::EnrolmentCodeInvalid, &app.send(guess).await);
}

async fn reading(seen: &mut Seen) {
    let app = TestApp::spawn().await;
    let owner = &app.shop.owner;
    let store = || Ask::post("/v1/stores").key(owner).op(&op_key());
    seen.note(Code::NotFound, &app.get(owner, "/v1/stores/sto_00000000000000000000000000").await);
    seen.note(Code::MethodNotAllowed, &app.send(Ask::new("PATCH", "/v1/stores").key(owner)).await);
    seen.note(Code::MalformedRequest, &app.send(store().text("application/json", b"{")).await);
    seen.note(Code::UnsupportedMediaType, &app.send(store().text("text/plain", b"{}")).await);
    seen.note(Code::PayloadTooLarge, &app.send(store().text("application/json", &[b' '; 200_000])).await);
    seen.note(Code::ValidationFailed, &app.get(owner, "/v1/stores?limit=0").await);
    seen.note(Code::DocumentInvalid, &app.send(store().body(&json!({ "name": {} }))).await);
    let customer = app.enrol(&app.shop).await;
    seen.note(Code::WalletNotConfigured, &app.get(owner, &format!("/v1/cards/{}/apple", customer.card)).await);
}

async fn operations(seen: &mut Seen) {
    let app = TestApp::spawn().await;
    let owner = &app.shop.owner;
    let ask = |op: &str, name: &str| Ask::post("/v1/stores").key(owner).op(op).body(&json!({ "name": { "en": name } }));
    let bare = Ask::post("/v1/stores").key(owner).body(&json!({ "name": { "en": "x" } }));
    seen.note(Code::IdempotencyKeyMissing, &app.send(bare).await);
    seen.note(Code::IdempotencyKeyInvalid, &app.send(ask("short", "x")).await);
    let (done, given_up) = (op_key(), op_key());
    seen.note(Code::OpUnknown, &app.get(owner, &format!("/v1/ops/{done}")).await);
    app.send(ask(&done, "Harbour")).await.expect(201);
    seen.note(Code::IdempotencyKeyReused, &app.send(ask(&done, "Airport")).await);
    app.send(Ask::post(&format!("/v1/ops/{given_up}/abandon")).key(owner)).await.expect(200);
    seen.note(Code::OpAbandoned, &app.send(ask(&given_up, "Late")).await);
    app.core.db.forget_answers(app.core.clock.now().plus_seconds(1), 1_000).await.expect("forgets");
    seen.note(Code::AnswerExpired, &app.send(ask(&done, "Harbour")).await);
}

fn sale(customer: &Customer, receipt: &str, currency: &str) -> Value {
    json!({ "card": customer.card, "receipt": receipt, "total": { "amount": "1.000", "currency": currency } })
}

async fn sales(seen: &mut Seen) {
    let app = TestApp::spawn().await;
    let (pos, customer) = (&app.shop.pos, app.enrol(&app.shop).await);
    let sold = app.post(pos, "/v1/earnings", &sale(&customer, "R-1", "KWD")).await.expect(201);
    seen.note(Code::ReceiptReused, &app.post(pos, "/v1/earnings", &sale(&customer, "R-1", "KWD")).await);
    let dollars = json!({ "card": customer.card, "receipt": "R-2", "total": { "amount": "1.00", "currency": "USD" } });
    seen.note(Code::CurrencyMismatch, &app.post(pos, "/v1/earnings", &dollars).await);
    let returns = format!("/v1/earnings/{}/returns", sold["id"].as_str().expect("an id"));
    let back = json!({ "total": { "amount": "1.001", "currency": "KWD" } });
    seen.note(Code::ReturnExceedsSale, &app.post(pos, &returns, &back).await);
}

/// A customer with points for many coffees.
async fn regular(app: &TestApp) -> Customer {
    let customer = app.enrol(&app.shop).await;
    app.earn(&app.shop, &customer.card, "100.000").await;
    customer
}

/// The code on the card's pass, as a phone shows it.
async fn card_code(core: &Core, app: &TestApp, customer: &Customer) -> String {
    let org = app.shop.organisation.parse().expect("an id");
    let card = core.db.card(org, customer.card.parse().expect("an id")).await.expect("reads").expect("a card");
    let pass = core.db.pass(card.card.pass).await.expect("reads").expect("a pass");
    Codes { keyring: &core.keyring, org }.of_pass(&pass).expect("the key is there")
}

async fn redeeming(seen: &mut Seen) {
    let app = TestApp::spawn().await;
    let (shop, customer) = (&app.shop, regular(&app).await);
    seen.note(Code::InvalidCode, &app.redeem(shop, "nonsense", "coffee").await);
    let on_pass = card_code(&app.core, &app, &customer).await;
    seen.note(Code::LiveCodeRequired, &app.redeem(shop, &on_pass, "cake").await);
    let code = app.live_code(shop, &customer.card).await;
    seen.note(Code::UnknownReward, &app.redeem(shop, &code, "castle").await);
    let many = json!({ "code": code, "rewards": [{ "reward": "cake", "quantity": 100 }] });
    seen.note(Code::InsufficientPoints, &app.post(&shop.till, "/v1/redemptions", &many).await);
    let redeemed = app.redeem(shop, &code, "coffee").await.expect(201);
    seen.note(Code::AlreadyRedeemed, &app.redeem(shop, &code, "coffee").await);
    let reversal = format!("/v1/redemptions/{}/reversal", redeemed["id"].as_str().expect("an id"));
    let why = json!({ "reason": "wrong size" });
    app.clock.advance_seconds(16 * 60);
    seen.note(Code::ReversalTooLate, &app.post(&shop.till, &reversal, &why).await);
    app.post(&shop.manager, &reversal, &why).await.expect(201);
    seen.note(Code::AlreadyReversed, &app.post(&shop.manager, &reversal, &why).await);
}

async fn ended_codes(seen: &mut Seen) {
    let app = TestApp::spawn().await;
    let (shop, customer) = (&app.shop, regular(&app).await);
    let live = app.live_code(shop, &customer.card).await;
    let on_pass = card_code(&app.core, &app, &customer).await;
    let link = app.get(&shop.pos, &format!("/v1/cards/{}", customer.card)).await.expect(200)["links"]["apple"].clone();
    app.post(&shop.pos, &format!("/v1/cards/{}/reissue", customer.card), &Value::Null).await.expect(201);
    seen.note(Code::PassReplaced, &app.redeem(shop, &on_pass, "coffee").await);
    seen.note(Code::CodeCancelled, &app.redeem(shop, &live, "coffee").await);
    let link = link.as_str().and_then(|link| link.find("/p/").map(|at| link[at..].to_owned())).expect("a link");
    seen.note(Code::LinkRevoked, &app.send(Ask::get(&link)).await);
    let late = app.live_code(shop, &customer.card).await;
    app.clock.advance_seconds(3_600);
    seen.note(Code::CodeExpired, &app.redeem(shop, &late, "coffee").await);
}

/// The fixed code of a card in Google Wallet.
async fn fixed_codes(seen: &mut Seen) {
    let app = TestApp::spawn().await;
    let customer = regular(&app).await;
    let org = app.shop.organisation.parse().expect("an id");
    let card = app.core.db.card(org, customer.card.parse().expect("an id")).await.expect("reads").expect("a card");
    let pass = app.core.show_on_google(org, &card).await.expect("the ledger answers");
    let codes = Codes { keyring: &app.core.keyring, org };
    let fixed = codes.identify(app.core.db.as_ref(), &pass).await.expect("there is one");
    seen.note(Code::IdentifyOnly, &app.redeem(&app.shop, &fixed, "coffee").await);
    let scan = app.post(&app.shop.till, "/v1/scans", &json!({ "code": fixed })).await.expect(200);
    assert!(scan["rewards"].as_array().expect("rewards").iter().all(|reward| reward["reason"] == "identify_only"), "{scan}");
}

async fn contacts(seen: &mut Seen) {
    let app = TestApp::spawn().await;
    let consent = json!({ "purpose": "terms", "version": "1", "text": { "en": "I agree.", "ar": "أوافق." }, "required": true });
    let mut programme = coffee_programme();
    programme["join"] = json!({ "verify": true, "consents": [consent] });
    let path = format!("/v1/programmes/{}", app.shop.programme);
    app.put(&app.shop.owner, &path, (1, &programme)).await.expect(200);
    app.clock.advance_seconds(2);
    let profile = Profile { email: Some("sara@example.com".to_owned()), ..Profile::default() };
    let person = Person::parse(profile, None).expect("a person").unvouched();
    let asked = Asked {
        org: app.shop.organisation.parse().expect("an id"),
        principal: Principal::System,
        key: OpKey::parse(&op_key()).expect("a key"),
        fingerprint: Fingerprint([0; 32]),
    };
    let programme = app.shop.programme.parse().expect("an id");
    let joined = app.core.enrol(&asked, &Joining::Person(person), programme).await.expect("the ledger answers");
    let joined: Value = serde_json::from_slice(&joined.result.expect("a card")).expect("JSON");
    let card = joined["card"]["id"].as_str().expect("an id");
    app.earn(&app.shop, card, "20.000").await;
    let live = app.live_code(&app.shop, card).await;
    seen.note(Code::MemberUnverified, &app.redeem(&app.shop, &live, "coffee").await);
    let voucher = json!({ "card": card, "reward": "coffee" });
    seen.note(Code::MemberUnverified, &app.post(&app.shop.pos, "/v1/vouchers", &voucher).await);
    let withdrawn = json!({ "purpose": "terms", "version": "1", "given": false });
    let path = format!("/v1/members/{}/consents", joined["member"].as_str().expect("an id"));
    seen.note(Code::ConsentRequired, &app.post(&app.shop.pos, &path, &withdrawn).await);
}

async fn vouchers(seen: &mut Seen) {
    let app = TestApp::spawn().await;
    let (shop, customer) = (&app.shop, regular(&app).await);
    let voucher = app.issue_voucher(shop, &customer.card, "coffee").await;
    let id = voucher["id"].as_str().expect("an id");
    let org = shop.organisation.parse().expect("an id");
    let row = app.core.db.voucher(org, id.parse().expect("an id")).await.expect("reads").expect("a voucher");
    let pass = app.core.db.pass(row.pass).await.expect("reads").expect("a pass");
    let code = Codes { keyring: &app.core.keyring, org }.of_pass(&pass).expect("the key is there");
    seen.note(Code::RewardMismatch, &app.redeem(shop, &code, "cake").await);
    let cancel = format!("/v1/vouchers/{id}/cancellation");
    app.post(&shop.pos, &cancel, &Value::Null).await.expect(201);
    seen.note(Code::VoucherNotOpen, &app.post(&shop.pos, &cancel, &Value::Null).await);
    let mut one = coffee_programme();
    one["limits"] = json!({ "open_vouchers": 1 });
    app.put(&shop.owner, &format!("/v1/programmes/{}", shop.programme), (1, &one)).await.expect(200);
    app.issue_voucher(shop, &customer.card, "coffee").await;
    let second = json!({ "card": customer.card, "reward": "coffee" });
    seen.note(Code::TooManyVouchers, &app.post(&shop.pos, "/v1/vouchers", &second).await);
}

async fn members(seen: &mut Seen) {
    let app = TestApp::spawn().await;
    let join = json!({ "programme": app.shop.programme, "phone": "+96550000001" });
    let joined = app.post(&app.shop.pos, "/v1/members", &join).await.expect(201);
    seen.note(Code::AlreadyMember, &app.post(&app.shop.pos, "/v1/members", &join).await);
    let erasure = format!("/v1/members/{}/erasure", joined["member"]["id"].as_str().expect("an id"));
    app.post(&app.shop.owner, &erasure, &Value::Null).await.expect(200);
    seen.note(Code::MemberErased, &app.post(&app.shop.owner, &erasure, &Value::Null).await);
}

async fn documents(seen: &mut Seen) {
    let app = TestApp::spawn().await;
    let late = app.put(&app.shop.owner, "/v1/organisation", (9, &json!({ "name": { "en": "x" } }))).await;
    seen.note(Code::VersionConflict, &late);
}

async fn switches(seen: &mut Seen) {
    let app = TestApp::spawn().await;
    let (shop, customer) = (&app.shop, regular(&app).await);
    let code = app.live_code(shop, &customer.card).await;
    let programme = format!("/v1/programmes/{}", shop.programme);
    let mut document = coffee_programme();
    document["rewards"][0]["status"] = json!("disabled");
    app.put(&shop.owner, &programme, (1, &document)).await.expect(200);
    seen.note(Code::RewardDisabled, &app.redeem(shop, &code, "coffee").await);
    let store = json!({ "name": { "en": "Main Street" }, "status": "disabled" });
    app.put(&shop.owner, &format!("/v1/stores/{}", shop.store), (1, &store)).await.expect(200);
    seen.note(Code::StoreDisabled, &app.redeem(shop, &code, "cake").await);
    document["status"] = json!("disabled");
    app.put(&shop.owner, &programme, (2, &document)).await.expect(200);
    seen.note(Code::ProgrammeDisabled, &app.redeem(shop, &code, "cake").await);
}

/// What only a restored ledger meets: codes from before it, and captures that the gate remembers and the ledger does not.
async fn witnesses(seen: &mut Seen) {
    let app = TestApp::spawn().await;
    let (shop, customer) = (&app.shop, regular(&app).await);
    let code = app.live_code(shop, &customer.card).await;
    let org = shop.organisation.parse().expect("an id");
    let scanned = tokens::ScannedCode::parse(&code, org, &app.core.keyring).expect("a code of ours");
    let hash = scanned.hashes(org, &app.core.keyring)[0];
    let capture = gate::Capture { org, token: hash, redemption: RedemptionId([7; 16]), expires: None };
    app.core.gate.mark_captured(&capture, app.core.clock.now()).await;
    seen.note(Code::LedgerRegressed, &app.redeem(shop, &code, "coffee").await);
    let before = app.live_code(shop, &customer.card).await;
    app.core.db.raise_epoch().await.expect("raises");
    seen.note(Code::CodeFromBeforeRestore, &app.redeem(shop, &before, "coffee").await);
}

async fn limits(seen: &mut Seen) {
    let app = TestApp::with_limits(Limits { key: RateRule::per_second(1), ..wide() }).await;
    app.get(&app.shop.auditor, "/v1/stores").await.expect(200);
    seen.note(Code::RateLimited, &app.get(&app.shop.auditor, "/v1/stores").await);
    let app = TestApp::spawn().await;
    let mut slow = coffee_programme();
    slow["limits"] = json!({ "earnings_per_card_terminal_day": 1 });
    app.put(&app.shop.owner, &format!("/v1/programmes/{}", app.shop.programme), (1, &slow)).await.expect(200);
    let customer = app.enrol(&app.shop).await;
    app.post(&app.shop.till, "/v1/earnings", &sale(&customer, "R-1", "KWD")).await.expect(201);
    seen.note(Code::PaceLimited, &app.post(&app.shop.till, "/v1/earnings", &sale(&customer, "R-2", "KWD")).await);
}

/// A command that does nothing, for a queue to be full of.
fn nothing(app: &TestApp) -> Command {
    let key = OpKey::parse(&op_key()).expect("a key of the right form");
    let org = app.shop.organisation.parse().expect("an id");
    let id = OpId(app.core.ids.random());
    let op = OpHeader { org, principal: Principal::System, key, fingerprint: Fingerprint::of("test", &()), id };
    Command { op, body: Body::Abandon(Abandon) }
}

/// Another process holds the database's write lock; then the queue is full; then the gate is gone and the operator chose to refuse.
async fn outages(seen: &mut Seen) {
    let app = TestApp::spawn().await;
    let store = json!({ "name": { "en": "Harbour" } });
    let blockade = app.ground.block(app.folder.path());
    seen.note(Code::LedgerUnavailable, &app.post(&app.shop.owner, "/v1/stores", &store).await);
    // One door: another node's queue has room.
    let state = app.state.as_ref().clone();
    let app = app.again_with(state).await;
    while !matches!(app.core.batcher.execute(nothing(&app)).now_or_never(), Some(Err(_))) {
        tokio::task::yield_now().await;
    }
    seen.note(Code::Overloaded, &app.post(&app.shop.owner, "/v1/stores", &store).await);
    drop(blockade);

    let nowhere = RedisGateConfig { on_down: OnDown::Refuse, ..RedisGateConfig::new("redis://127.0.0.1:1") };
    let mut core = app.core.clone();
    core.gate = Arc::new(RedisGate::start(nowhere, Arc::clone(&core.keyring)).expect("a right address"));
    let state = AppState { core, ..app.state.as_ref().clone() };
    let app = app.again_with(state).await;
    seen.note(Code::GateUnavailable, &app.get(&app.shop.owner, "/v1/stores").await);
}
