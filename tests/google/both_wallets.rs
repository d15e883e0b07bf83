//! One card in both wallets at once, from joining to what is void in both.

use serde_json::json;

use super::world::GoogleWorld;
use crate::support::app::Ask;

#[tokio::test]
async fn a_card_is_followed_in_both_wallets_at_once() {
    let world = GoogleWorld::new().await;
    let app = &world.app;
    let ask = Ask::post("/v1/members").key(&app.shop.owner).op(&crate::support::app::op_key());
    let joined =
        app.send(ask.body(&json!({"programme": app.shop.programme, "name": "Sara", "language": "ar"}))).await.expect(201);
    let (card, links) = (joined["card"]["id"].as_str().expect("a card").to_owned(), &joined["links"]);
    // Both are added by what joining answered, as a browser does.
    let package =
        world.phone.download(links["apple"].as_str().expect("a link").parse().expect("an address")).await.expect("a pass");
    let apple_card = world.phone.add_pass(&package).await.expect("a pass that verifies");
    let google_link = links["google"].as_str().expect("a link").replace(&*app.core.public_url, "");
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a browser");
    let onward = browser.get(format!("{}{google_link}", app.address)).send().await.expect("an answer");
    assert_eq!(onward.status(), 302);
    world.open(onward.headers()["location"].to_str().expect("an address")).await;
    let google_card = world.object_id(world.pass_of(&card).await);
    assert_eq!(world.google.holders(&google_card).len(), 1);
    world
        .eventually("the callback is heard", async || world.delivery(&card).await["saved"].as_bool().filter(|saved| *saved))
        .await;

    // A sale shows in both.
    app.earn(&app.shop, &card, "30.000").await;
    world.until(&google_card, |object| GoogleWorld::points(object) == 300).await;
    world.eventually("the iPhone shows 300", async || shown(&world, &apple_card, "300")).await;

    // A voucher appears in both; Google brings it along with the card.
    let voucher = app.issue_voucher(&app.shop, &card, "coffee").await;
    let package = voucher["links"]["apple"].as_str().expect("a link").parse().expect("an address");
    let package = world.phone.download(package).await.expect("a pass");
    let apple_voucher = world.phone.add_pass(&package).await.expect("a coupon that verifies");
    let pass = voucher["pass"].as_str().expect("a pass").parse().expect("a pass");
    let google_voucher = world.object_id(pass);
    world.until(&google_card, |object| object["linkedObjectIds"] == json!([google_voucher])).await;
    let offer = world.until(&google_voucher, |object| object["state"] == "ACTIVE").await;

    // It is captured by the code that turns on the Android phone, and is void in both.
    let code = world.turning_code(&offer);
    let redeemed = world.redeem(&code, json!([])).await.expect(201);
    assert_eq!(redeemed["voucher"], voucher["id"]);
    world.until(&google_voucher, |object| object["state"] == "COMPLETED" && object.get("barcode").is_none()).await;
    world
        .eventually("the coupon is void on the iPhone", async || {
            let passes = world.phone.passes();
            passes.into_iter().find(|pass| pass.key == apple_voucher).filter(|pass| pass.opened.pass["voided"] == true)
        })
        .await;
    world.redeem(&code, json!([])).await.refused("already_redeemed");

    // And the card's own turning code spends points, once.
    let object = world.until(&google_card, |object| GoogleWorld::points(object) == 250).await;
    let code = world.turning_code(&object);
    world.redeem(&code, json!([{"reward": "coffee", "quantity": 1}])).await.expect(201);
    let again = world.redeem(&code, json!([{"reward": "coffee", "quantity": 1}])).await.refused("already_redeemed");
    assert_eq!(again["newer_code_exists"], true);
    world.until(&google_card, |object| GoogleWorld::points(object) == 200).await;
    world.eventually("the iPhone shows 200", async || shown(&world, &apple_card, "200")).await;
}

fn shown(world: &GoogleWorld, key: &str, points: &str) -> Option<()> {
    let passes = world.phone.passes();
    let pass = passes.iter().find(|pass| pass.key == key)?;
    let primary = &pass.opened.pass["storeCard"]["primaryFields"][0]["value"];
    (primary.to_string() == points).then_some(())
}
