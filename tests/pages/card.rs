//! The card's page without scripts: codes, rewards, vouchers, history, privacy, a lost phone.

use serde_json::{Value, json};

use super::visitor::{Visitor, card_page, change_programme};
use crate::support::app::TestApp;

/// The typed code on a page.
fn typed_code(body: &str) -> String {
    let (_, rest) = body.split_once("class=\"letters\">").expect("a typed code");
    rest.split('<').next().expect("a code").to_owned()
}

#[tokio::test]
async fn a_code_lives_for_its_two_minutes_and_a_used_one_is_replaced() {
    let app = TestApp::spawn().await;
    let customer = app.enrol(&app.shop).await;
    app.earn(&app.shop, &customer.card, "20.000").await;
    let (path, mut visitor) = (card_page(&app, &customer).await, Visitor::of(&app));
    let first = typed_code(&visitor.get(&path).await.expect(200).body);
    assert_eq!(typed_code(&visitor.get(&path).await.body), first, "a page that is loaded again makes no new code");
    app.redeem(&app.shop, &first, "coffee").await.expect(201);
    let second = typed_code(&visitor.get(&path).await.body);
    assert_ne!(second, first, "a used code is not shown");
    app.clock.advance_seconds(121);
    let page = visitor.get(&path).await;
    let third = typed_code(&page.body);
    assert_ne!(third, second, "an old code is not shown");
    assert!(page.body.contains("http-equiv=\"refresh\""), "without scripts the page asks for itself");
    app.redeem(&app.shop, &third, "coffee").await.expect(201);
}

#[tokio::test]
async fn points_are_swapped_and_given_back() {
    let app = TestApp::spawn().await;
    let customer = app.enrol(&app.shop).await;
    app.earn(&app.shop, &customer.card, "6.000").await;
    let (path, mut visitor) = (card_page(&app, &customer).await, Visitor::of(&app));
    let page = visitor.get(&format!("{path}?lang=en")).await.expect(200);
    let words = page.words();
    let (coffee, cake) = (words.find("\"what\">A coffee").expect("a coffee"), words.find("\"what\">A cake").expect("a cake"));
    assert!(coffee < cake && words.contains("20 points to go"), "affordable first, the other says what is missing");
    let swap = (&*format!("{path}/vouchers"), &[("reward", "coffee")][..]);
    let first = visitor.resend(&page, swap).await.location();
    assert_eq!(visitor.resend(&page, swap).await.location(), first, "a second press swaps nothing more");
    let voucher = visitor.get(&first).await.expect(200);
    assert!(voucher.words().contains("Your voucher is ready") && voucher.body.contains("<path d=\"M"));
    let problem = visitor.resend(&page, (&format!("{path}/vouchers"), &[("reward", "cake")])).await.location();
    assert_eq!(problem, format!("{path}?problem=insufficient_points"));
    assert!(visitor.get(&problem).await.words().contains("not enough points"));
    let voucher_path = first.split('?').next().expect("a path");
    let back = visitor.submit(voucher_path, (&format!("{voucher_path}/cancellation"), &[])).await.location();
    assert_eq!(back, format!("{path}?done=cancelled"));
    let page = visitor.get(&back).await.expect(200);
    assert!(page.body.contains("data-points=\"60\"") && !page.body.contains("class=\"ticket\""));
    assert!(visitor.get(voucher_path).await.expect(200).words().contains("was given back"));
}

#[tokio::test]
async fn the_history_tells_everything_newest_first_in_pages() {
    let app = TestApp::spawn().await;
    let customer = app.enrol(&app.shop).await;
    for _ in 0..45 {
        app.earn(&app.shop, &customer.card, "1.500").await;
        app.clock.advance_seconds(60);
    }
    let code = app.live_code(&app.shop, &customer.card).await;
    app.redeem(&app.shop, &code, "coffee").await.expect(201);
    let (path, mut visitor) = (card_page(&app, &customer).await, Visitor::of(&app));
    let mut next = Some(format!("{path}/history?lang=en"));
    let (mut sum, mut lines, mut pages) = (0, 0, 0);
    while let Some(address) = next {
        let page = visitor.get(&address).await.expect(200);
        let words = page.words();
        if pages == 0 {
            assert!(words.find("Redeemed: A coffee") < words.find("Purchase of KWD 1.500"), "the newest first: {words}");
            assert!(words.contains("Main Street"), "where");
        }
        for change in words.split("<bdi dir=\"ltr\">").skip(1) {
            let figure = change.split('<').next().expect("a figure").replace('\u{2212}', "-");
            sum += figure.trim_start_matches('+').parse::<i64>().expect("a number");
            lines += 1;
        }
        pages += 1;
        let (_, rest) = page.body.split_once("rel=\"next\" href=\"").unwrap_or_default();
        next = rest.split('"').next().filter(|address| !address.is_empty()).map(str::to_owned);
    }
    assert_eq!((lines, sum), (46, 45 * 15 - 50), "every operation once, and the sum is the balance");
    assert!(pages >= 3, "{pages}");
    visitor.get(&format!("{path}/history?before=nonsense")).await.expect(404);
}

#[tokio::test]
async fn a_lost_phone_loses_everything_at_once() {
    let app = TestApp::spawn().await;
    let customer = app.enrol(&app.shop).await;
    app.earn(&app.shop, &customer.card, "20.000").await;
    let (path, mut visitor) = (card_page(&app, &customer).await, Visitor::of(&app));
    let old_code = typed_code(&visitor.get(&path).await.body);
    let unsure = visitor.submit(&format!("{path}/lost"), (&format!("{path}/lost"), &[])).await.location();
    assert_eq!(unsure, format!("{path}/lost?problem=confirm"));
    let new = visitor.submit(&format!("{path}/lost"), (&format!("{path}/lost"), &[("sure", "yes")])).await.location();
    assert!(new.starts_with("/c/") && !new.starts_with(&path), "{new}");
    assert!(visitor.get(&new).await.expect(200).body.contains("data-points=\"200\""));
    for end in ["", "/history", "/live", "/export.json", "/privacy"] {
        visitor.get(&format!("{path}{end}")).await.expect(410);
    }
    app.redeem(&app.shop, &old_code, "coffee").await.refused("code_cancelled");
}

#[tokio::test]
async fn data_is_taken_along_and_erased() {
    let app = TestApp::spawn().await;
    let customer = app.enrol(&app.shop).await;
    app.earn(&app.shop, &customer.card, "20.000").await;
    let (path, mut visitor) = (card_page(&app, &customer).await, Visitor::of(&app));
    let export = visitor.get(&format!("{path}/export.json")).await.expect(200);
    assert!(export.header("content-disposition").starts_with("attachment"));
    let export: Value = serde_json::from_str(&export.body).expect("JSON");
    assert_eq!((&export["member"]["name"], &export["cards"][0]["card"]["points"]), (&Value::from("Amal"), &Value::from(200)));
    assert!(!export.to_string().contains("/c/"), "an export that lies about opens nothing");
    let erasure = format!("{path}/erasure");
    visitor.submit(&format!("{path}/privacy"), (&erasure, &[])).await.location();
    let shown = visitor.get(&format!("{path}/privacy")).await.expect(200);
    assert!(shown.body.contains("Amal"));
    assert_eq!(visitor.resend(&shown, (&erasure, &[("sure", "yes")])).await.location(), "/c/closed");
    visitor.get("/c/closed").await.expect(200);
    visitor.get(&path).await.expect(410);
    let member = app.get(&app.shop.owner, &format!("/v1/members/{}", customer.member)).await.expect(200);
    assert_eq!((member["active"].clone(), member.get("name")), (Value::from(false), None));
}

#[tokio::test]
async fn strangers_can_press_nothing() {
    let app = TestApp::spawn().await;
    let (customer, other) = (app.enrol(&app.shop).await, app.enrol(&app.shop).await);
    app.earn(&app.shop, &customer.card, "20.000").await;
    let path = card_page(&app, &customer).await;
    let mut visitor = Visitor::of(&app);
    let shown = visitor.get(&path).await.expect(200);
    let swap = (&*format!("{path}/vouchers"), &[("reward", "coffee")][..]);
    let stranger = Visitor::of(&app).resend(&shown, swap).await;
    assert_eq!(stranger.status, 403, "a token without its cookie");
    for (name, value) in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site")] {
        visitor.headers = vec![(name, value.to_owned())];
        assert_eq!(visitor.resend(&shown, swap).await.status, 403, "{name}: {value}");
    }
    visitor.headers = vec![("origin", "null".to_owned()), ("sec-fetch-site", "same-origin".to_owned())];
    visitor.resend(&shown, swap).await.location();
    visitor.post(swap.0, &[("reward", "coffee")]).await.expect(403);
    let voucher = app.issue_voucher(&app.shop, &customer.card, "coffee").await;
    let elsewhere = format!("{}/vouchers/{}", card_page(&app, &other).await, voucher["id"].as_str().expect("an id"));
    Visitor::of(&app).get(&elsewhere).await.expect(404);
    let other_letter = if path.ends_with('0') { '1' } else { '0' };
    Visitor::of(&app).get(&format!("{}{other_letter}", &path[..path.len() - 1])).await.expect(404);
}

#[tokio::test]
async fn the_language_is_the_members_unless_somebody_asks() {
    let app = TestApp::spawn().await;
    let customer = app.enrol(&app.shop).await;
    let (path, mut visitor) = (card_page(&app, &customer).await, Visitor::of(&app));
    visitor.headers.push(("accept-language", "en".to_owned()));
    let page = visitor.get(&path).await.expect(200);
    assert!(page.body.contains("<html lang=\"ar\" dir=\"rtl\">"), "the member's language");
    assert!(page.body.contains('٠'), "in its digits");
    assert!(visitor.get(&format!("{path}?lang=en")).await.body.contains("<html lang=\"en\" dir=\"ltr\">"), "asked for");
    assert!(visitor.get(&path).await.body.contains("<html lang=\"en\""), "remembered");
    assert!(visitor.get(&format!("{path}?lang=xx")).await.body.contains("<html lang=\"en\""), "there is no such language");
}

#[tokio::test]
async fn where_a_point_is_a_stamp_the_page_says_so() {
    let app = TestApp::spawn().await;
    change_programme(&app, |document| document["template"] = json!("stamps")).await;
    let customer = app.enrol(&app.shop).await;
    app.earn(&app.shop, &customer.card, "0.300").await;
    let page = card_page(&app, &customer).await;
    let mut visitor = Visitor::of(&app);
    let words = visitor.get(&format!("{page}?lang=en")).await.expect(200).words();
    for told in ["47 more stamps for A coffee", "50 stamps", "10 stamps for every KWD 1"] {
        assert!(words.contains(told), "{told}: {words}");
    }
    assert!(!words.contains(" points"), "{words}");
    let words = visitor.get(&format!("{page}?lang=ar")).await.expect(200).words();
    assert!(words.contains("طوابع") && !words.contains("٣ نقاط"), "{words}");
}
