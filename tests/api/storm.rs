//! Two hundred tills and one code: S1, and everybody who lost hears who won.

use futures_util::future::join_all;

use crate::support::app::TestApp;

/// Tills that try at once.
const TILLS: usize = 200;

#[actix_web::test]
async fn s1_two_hundred_parallel_captures_of_one_code_succeed_once() {
    let app = TestApp::spawn().await;
    let customer = app.enrol(&app.shop).await;
    let earned = app.earn(&app.shop, &customer.card, "30.000").await["points"].as_i64().expect("points");
    let code = app.live_code(&app.shop, &customer.card).await;
    let reward = app.first_reward(&app.shop, &code).await;
    let keys = join_all((0..8).map(|number| app.make_pos_key(&app.shop, number))).await;
    let tries = (0..TILLS).map(|till| app.redeem_with(&keys[till % keys.len()], &code, &reward));
    let replies = join_all(tries).await;
    let won: Vec<_> = replies.iter().filter(|reply| reply.status == 201).collect();
    assert_eq!(won.len(), 1, "S1: exactly one");
    let won = won[0].json();
    for lost in replies.iter().filter(|reply| reply.status != 201) {
        let lost = lost.refused("already_redeemed");
        assert_eq!(lost["redemption"], won["id"], "told who won");
        assert_eq!(lost["redeemed_at"], won["at"]);
    }
    let card = app.get(&app.shop.owner, &format!("/v1/cards/{}", customer.card)).await.expect(200);
    assert_eq!(card["points"].as_i64(), Some(earned - won["points"].as_i64().expect("points")));
    let check = app.core.db.check_ledger().await.expect("the ledger can be read");
    assert_eq!(check.findings, Vec::<String>::new(), "S4");
}
