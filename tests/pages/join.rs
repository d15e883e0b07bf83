//! Joining without scripts: from the poster to the card, and what goes wrong on the way.

use serde_json::{Value, json};

use super::visitor::{Visitor, change_programme, consents};
use crate::support::app::TestApp;

fn join_path(app: &TestApp) -> String {
    format!("/join/{}", app.shop.programme)
}

#[tokio::test]
async fn from_the_poster_to_the_card_in_two_screens() {
    let app = TestApp::spawn().await;
    change_programme(&app, |document| {
        document["join"] = json!({ "identity": "phone", "phone_prefix": "+965", "consents": consents() });
    })
    .await;
    app.clock.advance_seconds(2);
    let (path, mut visitor) = (join_path(&app), Visitor::of(&app));
    let first = visitor.get(&format!("{path}?channel=poster&lang=ar")).await.expect(200);
    assert!(first.words().contains("أوافق على الشروط.") && !first.body.contains(" checked"), "no box is ticked from the start");
    let fields = [("name", "سارة"), ("contact", "٥٠٠٠ ١٢٣٤"), ("consent-terms", "yes")];
    let action = format!("{path}?channel=poster");
    let card = visitor.resend(&first, (&action, &fields)).await.location();
    assert_eq!(visitor.resend(&first, (&action, &fields)).await.location(), card, "a second press makes no second card");
    let page = visitor.get(&card).await.expect(200);
    assert!(page.words().contains("أهلًا سارة") && page.words().contains("بطاقتك جاهزة"), "{}", page.words());

    let found = app.get(&app.shop.owner, "/v1/members?phone=%2B96550001234").await.expect(200);
    let member = &found["data"][0];
    assert_eq!((&member["name"], &member["language"]), (&json!("سارة"), &json!("ar")));
    let consents = member["consents"].as_array().expect("consents");
    let answers: Vec<_> =
        consents.iter().map(|one| (&one["purpose"], &one["version"], &one["language"], &one["given"])).collect();
    let (terms, news) = ((&json!("terms"), &json!("2026-01")), (&json!("news"), &json!("2")));
    assert_eq!(answers, [(terms.0, terms.1, &json!("ar"), &json!(true)), (news.0, news.1, &json!("ar"), &json!(false))]);
    assert!(consents[0]["at"].is_string());

    assert!(app.admin("/metrics").await.contains("walaa_joins_total{"), "joins are counted by channel");
    app.sequence().await;
    let journal = app.get(&app.shop.auditor, "/v1/journal?limit=200").await.expect(200);
    assert!(
        journal.to_string().contains("\"channel\":\"poster\"") || journal.to_string().contains("\\\"channel\\\":\\\"poster\\\"")
    );
}

#[tokio::test]
async fn what_is_wrong_is_said_at_its_field_and_nothing_is_lost() {
    let app = TestApp::spawn().await;
    change_programme(&app, |document| document["join"] = json!({ "identity": "either", "consents": consents() })).await;
    app.clock.advance_seconds(2);
    let (path, mut visitor) = (join_path(&app), Visitor::of(&app));
    let wrong = visitor.submit(&path, (&path, &[("name", "Sara"), ("contact", "12"), ("consent-news", "yes")])).await.expect(422);
    assert!(wrong.body.contains("value=\"Sara\"") && wrong.body.contains("value=\"12\""));
    assert!(wrong.body.contains("id=\"contact-trouble\"") && wrong.body.contains("id=\"consent-terms-trouble\""));
    assert!(wrong.body.contains("name=\"consent-news\" value=\"yes\" checked"));
    let right = [("name", ""), ("contact", "sara@example.com"), ("consent-terms", "yes")];
    assert!(visitor.resend(&wrong, (&path, &right)).await.location().starts_with("/c/"), "the form goes on where it was");
}

#[tokio::test]
async fn a_member_hears_that_and_nothing_of_the_card() {
    let app = TestApp::spawn().await;
    let (path, mut visitor) = (join_path(&app), Visitor::of(&app));
    let fields = [("contact", "sara@example.com")];
    let card = visitor.submit(&path, (&path, &fields)).await.location();
    let again = Visitor::of(&app).submit(&path, (&path, &[("name", "Eve"), fields[0]])).await.location();
    assert_eq!(again, format!("{path}/known"));
    let known = visitor.get(&format!("{again}?lang=en")).await.expect(200);
    let key = card.split(['/', '?']).nth(2).expect("a key");
    assert!(known.words().contains("You are already a member") && !known.body.contains(key));
    assert!(known.body.contains(&format!("href=\"{path}\"")), "the way back to the form");
}

#[tokio::test]
async fn a_programme_may_ask_for_nothing_or_close_its_door() {
    let app = TestApp::spawn().await;
    change_programme(&app, |document| document["join"] = json!({ "identity": "none" })).await;
    app.clock.advance_seconds(2);
    let (path, mut visitor) = (join_path(&app), Visitor::of(&app));
    let page = visitor.get(&path).await.expect(200);
    assert!(!page.body.contains("name=\"contact\""));
    assert!(visitor.resend(&page, (&path, &[])).await.location().starts_with("/c/"));
    change_programme(&app, |document| document["join"] = json!({ "status": "disabled" })).await;
    app.clock.advance_seconds(2);
    visitor.get(&path).await.expect(410);
    visitor.resend(&page, (&path, &[])).await.expect(410);
}

#[tokio::test]
async fn posters_lead_to_the_door_with_their_channel() {
    let app = TestApp::spawn().await;
    let path = join_path(&app);
    let mut visitor = Visitor::of(&app);
    let poster = visitor.get(&format!("{path}/poster?channel=receipt&lang=en")).await.expect(200);
    assert!(poster.body.contains(&format!("{path}/qr.svg?channel=receipt")) && poster.words().contains("Scan with your phone"));
    let png = reqwest::get(format!("{}{path}/qr.png?channel=receipt", app.address)).await.expect("an answer");
    assert_eq!(png.headers()["content-type"], "image/png");
    let file = app.folder.path().join("qr.png");
    std::fs::write(&file, png.bytes().await.expect("a picture")).expect("a file");
    let read = std::process::Command::new("zbarimg").args(["--quiet", "--raw"]).arg(&file).output().expect("zbarimg runs");
    let text = String::from_utf8(read.stdout).expect("text");
    assert!(text.trim().ends_with(&format!("{path}?channel=receipt")), "{text}");
    let stranger = visitor.get(&format!("{path}/qr.svg?channel=<script>")).await.expect(200);
    assert_eq!(stranger.header("content-type"), "image/svg+xml");
    assert!(!stranger.body.contains("script"));
}

#[tokio::test]
async fn cards_from_one_address_are_bounded() {
    let app = TestApp::with_joins(3).await;
    let path = join_path(&app);
    let mut statuses = Vec::new();
    for number in 0..4 {
        let contact = format!("guest{number}@example.com");
        let sent = Visitor::of(&app).submit(&path, (&path, &[("contact", &contact)])).await;
        statuses.push((sent.status, sent.header("retry-after").to_owned()));
    }
    assert_eq!(statuses[..3].iter().map(|(status, _)| *status).collect::<Vec<_>>(), [303, 303, 303]);
    assert_eq!(statuses[3].0, 429);
    assert!(statuses[3].1.parse::<i64>().is_ok_and(|seconds| seconds > 0), "{}", statuses[3].1);
    let members = app.get(&app.shop.owner, "/v1/members").await.expect(200);
    assert_eq!(members["data"].as_array().map(Vec::len), Some(3), "{}", Value::from("nobody joined beyond the limit"));
}
