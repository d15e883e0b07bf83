//! After the restore of an old backup, with Redis as the witness: what was captured in the lost time is never captured again, and
//! everybody else goes on without a manager.

use std::sync::Arc;

use serde_json::{Value, json};
use walaa::cards::{Codes, Core};
use walaa::db::Db;
use walaa::db::batcher::Batcher;
use walaa::error::Code;
use walaa::ids::{OrgId, RedemptionId, VoucherId};
use walaa::ledger::{Pass, Settled, TokenHash, TokenKind};
use walaa::redemption::{Effect, LostCapture, ReconciledPage, Witness};

use crate::support::app::{Ask, Customer, TestApp, redis_gate};

/// A customer with points and the code on the pass.
async fn regular(app: &TestApp) -> Customer {
    let customer = app.enrol(&app.shop).await;
    app.earn(&app.shop, &customer.card, "20.000").await;
    customer
}

fn org(app: &TestApp) -> OrgId {
    app.shop.organisation.parse().expect("an id")
}

async fn shown(app: &TestApp, pass: walaa::ids::PassId) -> String {
    let pass: Pass = app.core.db.pass(pass).await.expect("reads").expect("a pass");
    Codes { keyring: &app.core.keyring, org: pass.org }.of_pass(&pass).expect("the key is there")
}

async fn card_code(app: &TestApp, customer: &Customer) -> String {
    let card = app.core.db.card(org(app), customer.card.parse().expect("an id")).await.expect("reads").expect("a card");
    shown(app, card.card.pass).await
}

async fn voucher_code(app: &TestApp, voucher: &Value) -> String {
    let id: VoucherId = voucher["id"].as_str().expect("an id").parse().expect("an id");
    shown(app, app.core.db.voucher(org(app), id).await.expect("reads").expect("a voucher").pass).await
}

async fn number(app: &TestApp, customer: &Customer) -> String {
    let card = app.core.db.card(org(app), customer.card.parse().expect("an id")).await.expect("reads").expect("a card");
    card.card.number
}

/// The same gateway on another database.
async fn on(app: TestApp, db: &Arc<dyn Db>) -> TestApp {
    let batcher = Batcher::start(Arc::clone(db), Arc::clone(&app.core.clock));
    let core = Core { db: Arc::clone(db), batcher, ..app.core.clone() };
    app.again_with_core(core).await
}

/// Every page, as one.
async fn reconciled(app: &TestApp, how: (Witness, Effect)) -> ReconciledPage {
    let (mut all, mut after) = (ReconciledPage::default(), None::<TokenHash>);
    loop {
        let page = app.core.reconcile(org(app), how, after).await.expect("everything can be reached");
        all.renewed += page.renewed;
        all.ended += page.ended;
        all.failed += page.failed;
        all.lost.extend(page.lost);
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

async fn left(app: &TestApp) -> usize {
    app.core.db.tokens_before_epoch(org(app), None, 100).await.expect("reads").len()
}

fn counts(page: &ReconciledPage) -> (usize, usize, usize, usize) {
    (page.renewed, page.ended, page.lost.len(), page.failed)
}

/// Three redeemed in the time that is lost - from the pass, with the live code, a voucher - and one who redeemed nothing.
struct Scene {
    app: TestApp,
    redis: crate::support::redis::RedisServer,
    customers: [Customer; 4],
    /// The codes that were redeemed, and as what.
    codes: [String; 3],
    redemptions: [RedemptionId; 3],
    /// The last one's.
    vouchers: [Value; 2],
    backup: crate::support::ground::Backup,
}

impl Scene {
    async fn play() -> Self {
        let app = TestApp::spawn().await;
        let (gate, redis) = redis_gate(&app.core.keyring).await;
        let core = Core { gate, ..app.core.clone() };
        let app = app.again_with_core(core).await;
        let customers = [regular(&app).await, regular(&app).await, regular(&app).await, regular(&app).await];
        let [a, b, c, d] = &customers;
        let vouchers =
            [app.issue_voucher(&app.shop, &c.card, "coffee").await, app.issue_voucher(&app.shop, &d.card, "coffee").await];
        let codes = [card_code(&app, a).await, app.live_code(&app.shop, &b.card).await, voucher_code(&app, &vouchers[0]).await];
        let backup = app.ground.backup(&app.core, app.folder.path()).await;
        let mut redemptions = Vec::new();
        for code in &codes {
            let redeemed = app.redeem(&app.shop, code, "coffee").await.expect(201);
            redemptions.push(redeemed["id"].as_str().expect("an id").parse().expect("an id"));
        }
        backup.db.raise_epoch().await.expect("raises");
        let redemptions = redemptions.try_into().expect("three");
        let app = on(app, &backup.db).await;
        Self { app, redis, customers, codes, redemptions, vouchers, backup }
    }

    /// As after the restore, before anything is settled.
    async fn nothing_goes_on(&self) {
        let Self { app, customers, codes, .. } = self;
        for code in codes {
            app.redeem(&app.shop, code, "coffee").await.refused("ledger_regressed");
            app.redeem_with(&app.shop.manager, code, "coffee").await.refused("ledger_regressed");
        }
        let unused = card_code(app, &customers[3]).await;
        app.redeem(&app.shop, &unused, "coffee").await.refused("code_from_before_restore");
    }

    async fn is_whole(&self) {
        let db = &self.app.core.db;
        assert_eq!(db.check_ledger().await.expect("checks").findings, Vec::<String>::new(), "S4");
        self.app.sequence().await;
        let verified = walaa::journal::verify(&**db, org(&self.app)).await.expect("reads");
        assert_eq!(verified.bad, None);
    }
}

#[actix_web::test]
async fn s1_what_was_captured_in_the_lost_time_is_not_captured_again() {
    let scene = Scene::play().await;
    let Scene { app, customers: [a, b, c, d], codes, redemptions, vouchers, .. } = &scene;
    let (shop, unused) = (&app.shop, card_code(app, d).await);
    scene.nothing_goes_on().await;
    let before = left(app).await;
    let told = reconciled(app, (Witness::Gate, Effect::Tell)).await;
    assert_eq!((left(app).await, before), (before, 8), "four cards, two vouchers, a live and a typed code");
    scene.nothing_goes_on().await;

    let done = reconciled(app, (Witness::Gate, Effect::Settle)).await;
    assert_eq!(done, told, "what was foretold");
    assert_eq!((counts(&done), left(app).await), ((5, 2, 3, 0), 0));
    let lost = |card: String, (which, kind, settled): (usize, TokenKind, Settled), bought: Option<(String, i64)>| LostCapture {
        card,
        redemption: redemptions[which],
        kind,
        settled,
        bought,
    };
    let expected = [
        lost(number(app, a).await, (0, TokenKind::Card, Settled::Renewed), None),
        lost(number(app, b).await, (1, TokenKind::Live, Settled::Ended), None),
        lost(number(app, c).await, (2, TokenKind::Voucher, Settled::Captured), Some(("coffee".to_owned(), 50))),
    ];
    assert!(expected.iter().all(|lost| done.lost.contains(lost)), "{:?}", done.lost);

    for key in [&shop.till, &shop.manager] {
        app.redeem_with(key, &codes[0], "coffee").await.refused("code_cancelled");
        app.redeem_with(key, &codes[1], "coffee").await.refused("code_cancelled");
        let twice = app.redeem_with(key, &codes[2], "coffee").await.refused("already_redeemed");
        assert_eq!(twice["redemption"], json!(redemptions[2]));
        app.redeem_with(key, &unused, "coffee").await.refused("pass_replaced");
    }
    let back = app.get(&shop.pos, &format!("/v1/redemptions/{}", redemptions[2])).await.expect(200);
    assert_eq!((&back["points"], &back["voucher"]), (&json!(50), &vouchers[0]["id"]));
    scene.is_whole().await;

    let again = reconciled(app, (Witness::Gate, Effect::Settle)).await;
    assert_eq!(counts(&again), (0, 0, 0, 0), "a second run finds nothing to do");
    for customer in [a, b, c, d] {
        let new = card_code(app, customer).await;
        app.redeem(shop, &new, "coffee").await.expect(201);
    }
    let live = app.live_code(shop, &b.card).await;
    app.redeem(shop, &live, "coffee").await.expect(201);
    let voucher = voucher_code(app, &vouchers[1]).await;
    app.redeem(shop, &voucher, "coffee").await.expect(201);
    scene.is_whole().await;
}

/// Phones take a while to fetch a new code, and some are off the net: who they belong to is known all the same.
#[actix_web::test]
async fn a_renewed_code_still_says_who_it_is() {
    let scene = Scene::play().await;
    let (app, d) = (&scene.app, &scene.customers[3]);
    let (old, voucher) = (card_code(app, d).await, voucher_code(app, &scene.vouchers[1]).await);
    reconciled(app, (Witness::Gate, Effect::Settle)).await;
    let scan = |code: &str| Ask::post("/v1/scans").key(&app.shop.pos).body(&json!({ "code": code }));
    let who = app.send(scan(&old)).await.expect(200);
    assert_eq!(who["card"], json!(d.card));
    assert_eq!((&who["rewards"][0]["available"], &who["rewards"][0]["reason"]), (&json!(false), &json!("pass_replaced")));
    app.send(scan(&voucher)).await.refused("pass_replaced");
    let sale = json!({ "code": old, "receipt": "R-1", "total": { "amount": "1.000", "currency": "KWD" } });
    app.post(&app.shop.till, "/v1/earnings", &sale).await.expect(201);
}

#[actix_web::test]
async fn without_the_witness_codes_are_renewed_only() {
    let mut scene = Scene::play().await;
    scene.redis.kill();
    let app = &scene.app;
    for effect in [Effect::Tell, Effect::Settle] {
        let refused = app.core.reconcile(org(app), (Witness::Gate, effect), None).await.expect_err("nobody can say");
        assert_eq!(refused.code, Code::GateUnavailable);
    }
    assert_eq!(left(app).await, 8, "nothing was settled blindly");
    let done = reconciled(app, (Witness::Nobody, Effect::Settle)).await;
    assert_eq!((counts(&done), left(app).await), ((6, 2, 0, 0), 0));
    for (code, refusal) in scene.codes.iter().zip(["pass_replaced", "code_cancelled", "pass_replaced"]) {
        app.redeem_with(&app.shop.manager, code, "coffee").await.refused(refusal);
    }
    for customer in &scene.customers {
        let new = card_code(app, customer).await;
        app.redeem(&app.shop, &new, "coffee").await.expect(201);
    }
    scene.is_whole().await;
    assert!(Arc::ptr_eq(&app.core.db, &scene.backup.db));
}

/// Two operators at once, and tills that go on meanwhile: each code is settled once.
#[actix_web::test]
async fn runs_that_meet_settle_each_code_once() {
    let scene = Scene::play().await;
    let app = &scene.app;
    let how = (Witness::Gate, Effect::Settle);
    let code = card_code(app, &scene.customers[3]).await;
    let manager = app.redeem_with(&app.shop.manager, &code, "coffee");
    let (manager, one, other) = tokio::join!(manager, reconciled(app, how), reconciled(app, how));
    assert!([201, 409].contains(&manager.status), "{manager:?}");
    let both = (one.renewed + other.renewed, one.ended + other.ended, one.lost.len() + other.lost.len());
    assert_eq!(both, if manager.status == 201 { (4, 2, 3) } else { (5, 2, 3) });
    assert_eq!(left(app).await, 0);
    scene.is_whole().await;
}
