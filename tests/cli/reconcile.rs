//! `walaa restore`, then `walaa reconcile`: the real binary, a real Redis, captures that a shop made after its backup.

use serde_json::Value;
use walaa::cards::Codes;
use walaa::config::SecretText;

use super::installation::{Said, walaa};
use crate::support::app::TestApp;
use crate::support::redis::RedisServer;

/// A shop whose database was lost after three redemptions, and its backup of before.
struct Lost {
    app: TestApp,
    redis: RedisServer,
    redemptions: Vec<String>,
    numbers: Vec<String>,
}

impl Lost {
    async fn shop() -> Self {
        let redis = RedisServer::start();
        let url = redis.url();
        let folder = tempfile::tempdir().expect("a folder");
        let file = format!("sqlite:{}", folder.path().join("walaa.db").display());
        let clock = walaa::clock::ManualClock::at(walaa::clock::Timestamp::from_millis(crate::support::ledger::START));
        let mut app = TestApp::empty_with(folder, std::sync::Arc::new(clock), |config| {
            config.database.url = SecretText::new(file);
            config.redis.url = Some(SecretText::new(url));
            config.redis.timeout_ms = 1_000;
        })
        .await;
        app.shop = app.found_shop().await;
        let mut lost = Self { app, redis, redemptions: Vec::new(), numbers: Vec::new() };
        lost.redeem_and_lose().await;
        lost
    }

    async fn redeem_and_lose(&mut self) {
        let (app, shop) = (&self.app, &self.app.shop);
        let mut codes = Vec::new();
        for kind in ["live", "typed", "voucher"] {
            let customer = app.enrol(shop).await;
            app.earn(shop, &customer.card, "20.000").await;
            let card = app.get(&shop.pos, &format!("/v1/cards/{}", customer.card)).await.expect(200);
            self.numbers.push(card["number"].as_str().expect("a number").to_owned());
            codes.push(if kind == "voucher" {
                let voucher = app.issue_voucher(shop, &customer.card, "coffee").await;
                let pass = voucher["pass"].as_str().expect("a pass").parse().expect("an id");
                let pass = app.core.db.pass(pass).await.expect("reads").expect("a pass");
                Codes { keyring: &app.core.keyring, org: pass.org }.of_pass(&pass).expect("the key is there")
            } else {
                let made = app.post(&shop.pos, &format!("/v1/cards/{}/codes", customer.card), &Value::Null).await.expect(201);
                made[kind]["code"].as_str().expect("a code").to_owned()
            });
        }
        app.core.db.backup(&app.folder.path().join("backup.db")).await.expect("a hot backup");
        for code in codes {
            let redeemed = app.redeem(shop, &code, "coffee").await.expect(201);
            self.redemptions.push(redeemed["id"].as_str().expect("an id").to_owned());
        }
        self.configure(&format!("[redis]\nurl = \"{}\"\n", self.redis.url()));
    }

    /// The configuration that the operator restores with: another file, the same keys.
    fn configure(&self, redis: &str) {
        let path = |name: &str| self.app.folder.path().join(name).display().to_string();
        let (database, keyring) = (path("restored.db"), path("keyring.toml"));
        let text = format!(
            "[server]\npublic_url = \"https://wallet.example.com\"\n\n[database]\nurl = \"sqlite:{database}\"\n\n\
             [keys]\nkeyring_file = \"{keyring}\"\n\n{redis}"
        );
        std::fs::write(path("walaa.toml"), text).expect("the folder is ours");
    }

    fn run(&self, arguments: &[&str]) -> Said {
        let config = self.app.folder.path().join("walaa.toml");
        let mut all = arguments.to_vec();
        all.extend(["--config", config.to_str().expect("a plain path")]);
        walaa(&all)
    }

    fn restore(&self) {
        let backup = self.app.folder.path().join("backup.db");
        let restored = self.run(&["restore", backup.to_str().expect("a plain path")]);
        assert!(restored.fine && restored.out.contains("Settle them: walaa reconcile"), "{}{}", restored.out, restored.err);
    }
}

fn count(said: &Said, what: &str) -> usize {
    let line = said.out.lines().find(|line| line.contains(what)).unwrap_or_else(|| panic!("{what} in {}{}", said.out, said.err));
    line.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("a number in {line}"))
}

fn counts(said: &Said) -> [usize; 3] {
    ["codes on passes renewed", "live and typed codes ended", "redemptions that the ledger had lost"]
        .map(|what| count(said, what))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operator_settles_what_was_shown_before_a_restore() {
    let lost = Lost::shop().await;
    lost.restore();
    for _ in 0..2 {
        let told = lost.run(&["reconcile", "--dry-run"]);
        assert!(!told.fine && told.out.starts_with("Nothing is changed."), "{}{}", told.out, told.err);
        assert_eq!(counts(&told), [3, 4, 3], "{}", told.out);
    }
    lost.redis.pause();
    let alone = lost.run(&["reconcile"]);
    assert!(
        !alone.fine && alone.err.contains("--without-witness") && alone.err.contains("Redis can't be asked"),
        "{}",
        alone.err
    );
    lost.redis.resume();
    let stranger = lost.run(&["reconcile", "--organisation", "Nobody's"]);
    assert!(!stranger.fine && stranger.err.contains("no organisation \"Nobody's\""), "{}", stranger.err);

    let done = lost.run(&["reconcile", "--organisation", "Bean There"]);
    assert!(!done.fine, "something was lost, and an exit code says so");
    assert!(done.out.starts_with("Bean There (org_"), "{}", done.out);
    assert_eq!(counts(&done), [3, 4, 3], "{}", done.out);
    let by_hand = "points to be corrected by hand: ask the till's records";
    let told = ["a live code: ", "a typed code: ", "a voucher: "].into_iter().zip([
        by_hand,
        by_hand,
        "it is in the ledger again (coffee, 50 points)",
    ]);
    for ((number, redemption), (code, what)) in lost.numbers.iter().zip(&lost.redemptions).zip(told) {
        let line = format!("  LOST: card {number}, {redemption}, {code}{what}");
        assert!(done.out.lines().any(|said| said == line), "{line} in\n{}", done.out);
    }
    let again = lost.run(&["reconcile"]);
    assert!(again.fine, "{}{}", again.out, again.err);
    assert_eq!(counts(&again), [0, 0, 0]);
    let whole = lost.run(&["audit", "verify"]);
    assert!(whole.fine && !whole.out.contains("WRONG"), "{}{}", whole.out, whole.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_witness_codes_are_renewed_and_it_is_said() {
    let mut lost = Lost::shop().await;
    lost.restore();
    lost.redis.kill();
    let renewed = lost.run(&["reconcile", "--without-witness", "--dry-run"]);
    assert!(renewed.fine && renewed.out.contains("Redis is not asked"), "{}{}", renewed.out, renewed.err);
    assert_eq!(counts(&renewed), [4, 4, 0]);
    lost.configure("");
    let renewed = lost.run(&["reconcile"]);
    assert!(renewed.fine && renewed.out.contains("There is no Redis (redis.url)"), "{}{}", renewed.out, renewed.err);
    assert_eq!(counts(&renewed), [4, 4, 0], "three cards and a voucher; two live and two typed codes");
    assert_eq!(counts(&lost.run(&["reconcile"])), [0, 0, 0]);
}
