//! Redis killed, paused and flushed in the middle: the ledger decides alone, nothing is captured twice, no code is burned (S1, S5).

use std::sync::Arc;

use walaa::http::AppState;

use crate::support::app::{TestApp, redis_gate};

#[actix_web::test]
async fn s5_without_redis_the_ledger_decides_alone() {
    let app = TestApp::spawn().await;
    let (gate, mut redis) = redis_gate(&app.core.keyring).await;
    let mut core = app.core.clone();
    core.gate = gate;
    let state = AppState { core, ..AppState::clone(&app.state) };
    let app = app.again_with(state).await;
    let customer = app.enrol(&app.shop).await;
    app.earn(&app.shop, &customer.card, "200.000").await;
    for outage in ["none", "flushed", "paused", "resumed", "killed", "restarted empty"] {
        match outage {
            "flushed" => redis.flush(),
            "paused" => redis.pause(),
            "resumed" => redis.resume(),
            "killed" => redis.kill(),
            "restarted empty" => redis.restart(),
            _ => {}
        }
        let code = app.live_code(&app.shop, &customer.card).await;
        let reward = app.first_reward(&app.shop, &code).await;
        app.redeem_with(&app.shop.pos, &code, &reward).await.expect(201);
        app.redeem_with(&app.shop.pos, &code, &reward).await.refused("already_redeemed");
        app.clock.advance_seconds(60);
    }
    let check = app.core.db.check_ledger().await.expect("the ledger can be read");
    assert_eq!(check.findings, Vec::<String>::new(), "S4");
}

/// The gate remembers a capture that the ledger lost: as after the restore of an old backup.
#[actix_web::test]
async fn a_capture_that_the_ledger_lost_is_refused_and_not_done_again() {
    let app = TestApp::spawn().await;
    let customer = app.enrol(&app.shop).await;
    app.earn(&app.shop, &customer.card, "30.000").await;
    let code = app.live_code(&app.shop, &customer.card).await;
    let backup = app.ground.backup(&app.core, app.folder.path()).await;
    let reward = app.first_reward(&app.shop, &code).await;
    app.redeem_with(&app.shop.pos, &code, &reward).await.expect(201);
    let old = Arc::clone(&backup.db);
    let mut core = app.core.clone();
    core.batcher = walaa::db::batcher::Batcher::start(Arc::clone(&old), Arc::clone(&core.clock));
    core.db = old;
    let state = AppState { core, ..AppState::clone(&app.state) };
    let app = app.again_with(state).await;
    app.redeem_with(&app.shop.pos, &code, &reward).await.refused("ledger_regressed");
}
