//! Consents after joining: seen with wording and date, given and taken back, asked for anew, kept with their history.

use serde_json::{Value, json};

use super::visitor::{Visitor, card_page, change_programme, consents};
use crate::support::app::{Customer, TestApp};

async fn joined(app: &TestApp, visitor: &mut Visitor) -> (String, Customer) {
    change_programme(app, |document| document["join"] = json!({ "consents": consents() })).await;
    app.clock.advance_seconds(2);
    let path = format!("/join/{}", app.shop.programme);
    let fields = [("contact", "sara@example.com"), ("consent-terms", "yes")];
    let card = visitor.submit(&path, (&path, &fields)).await.location();
    let found = app.get(&app.shop.owner, "/v1/members?email=sara@example.com").await.expect(200);
    let member = found["data"][0]["id"].as_str().expect("an id").to_owned();
    let shown = app.get(&app.shop.owner, &format!("/v1/members/{member}")).await.expect(200);
    let card_id = shown["cards"][0]["id"].as_str().expect("an id").to_owned();
    (card.split('?').next().expect("a path").to_owned(), Customer { member, card: card_id })
}

async fn answers(app: &TestApp, customer: &Customer) -> Vec<(String, String, bool)> {
    let shown = app.get(&app.shop.owner, &format!("/v1/members/{}", customer.member)).await.expect(200);
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let consents = shown["consents"].as_array().expect("a list");
    consents.iter().map(|one| (text(&one["purpose"]), text(&one["version"]), one["given"] == true)).collect()
}

fn said(purpose: &str, version: &str, given: bool) -> (String, String, bool) {
    (purpose.to_owned(), version.to_owned(), given)
}

#[tokio::test]
async fn a_member_gives_and_takes_back_on_the_card_page() {
    let app = TestApp::spawn().await;
    let mut visitor = Visitor::of(&app);
    let (base, customer) = joined(&app, &mut visitor).await;
    let (privacy, action) = (format!("{base}/privacy"), format!("{base}/consents"));
    let shown = visitor.get(&format!("{privacy}?lang=en")).await.expect(200);
    assert!(shown.words().contains("Membership needs this."), "the needed one has no button: {}", shown.words());
    let fields = |given| [("purpose", "news"), ("version", "2"), ("given", given)];
    assert_eq!(visitor.submit(&privacy, (&action, &fields("yes"))).await.location(), format!("{privacy}?done=consent"));
    assert_eq!(answers(&app, &customer).await, [said("terms", "2026-01", true), said("news", "2", true)]);
    visitor.submit(&privacy, (&action, &fields("no"))).await.location();
    assert_eq!(answers(&app, &customer).await[1], said("news", "2", false));
    let needed = [("purpose", "terms"), ("version", "2026-01"), ("given", "no")];
    assert_eq!(visitor.submit(&privacy, (&action, &needed)).await.location(), format!("{privacy}?problem=consent_required"));
    let export = app.get(&app.shop.owner, &format!("/v1/members/{}/export", customer.member)).await.expect(200);
    assert_eq!(export["consent_history"].as_array().map(Vec::len), Some(4), "{export}");

    change_programme(&app, |document| document["join"]["consents"][0]["version"] = json!("2027-01")).await;
    app.clock.advance_seconds(2);
    let asking = visitor.get(&format!("{base}?lang=en")).await.expect(200);
    assert!(asking.words().contains("Please read this and agree"), "{}", asking.words());
    let anew = [("purpose", "terms"), ("version", "2027-01"), ("given", "yes"), ("from", "card")];
    assert_eq!(visitor.submit(&base, (&action, &anew)).await.location(), format!("{base}?done=consent"));
    assert!(!visitor.get(&format!("{base}?lang=en")).await.expect(200).words().contains("Please read this and agree"));
}

#[tokio::test]
async fn a_shops_own_system_keeps_answers_too() {
    let app = TestApp::spawn().await;
    let mut visitor = Visitor::of(&app);
    let (_, customer) = joined(&app, &mut visitor).await;
    let path = format!("/v1/members/{}/consents", customer.member);
    let answer = |purpose: &str, version: &str, given: bool| json!({ "purpose": purpose, "version": version, "given": given });
    let kept = app.post(&app.shop.pos, &path, &answer("news", "2", true)).await.expect(200);
    assert_eq!(kept["member"], json!(customer.member));
    assert_eq!(answers(&app, &customer).await[1], said("news", "2", true));
    app.post(&app.shop.pos, &path, &answer("news", "1", true)).await.refused("validation_failed");
    app.post(&app.shop.pos, &path, &answer("dancing", "1", true)).await.refused("validation_failed");
    app.post(&app.shop.pos, &path, &answer("terms", "2026-01", false)).await.refused("consent_required");
    app.post(&app.shop.auditor, &path, &answer("news", "2", true)).await.refused("forbidden");
    app.post(&app.shop.owner, &format!("/v1/members/{}/erasure", customer.member), &Value::Null).await.expect(200);
    app.post(&app.shop.pos, &path, &answer("news", "2", true)).await.refused("member_erased");
}

#[tokio::test]
async fn reasons_stay_readable_after_a_change() {
    let app = TestApp::spawn().await;
    let mut visitor = Visitor::of(&app);
    let (_, customer) = joined(&app, &mut visitor).await;
    let correction = json!({ "points": 5, "reason": "a spilt coffee" });
    app.post(&app.shop.manager, &format!("/v1/cards/{}/adjustments", customer.card), &correction).await.expect(201);
    let news = json!({ "purpose": "news", "version": "2", "given": true });
    app.post(&app.shop.pos, &format!("/v1/members/{}/consents", customer.member), &news).await.expect(200);
    app.sequence().await;
    let journal = app.get(&app.shop.auditor, "/v1/journal?limit=200").await.expect(200).to_string();
    assert!(journal.contains("a spilt coffee") && !journal.contains("sara@example.com"));
    assert!(card_page(&app, &customer).await.starts_with("/c/"));
}
