//! Texts that would be code somewhere stay text: in every field that people or documents can fill, on every page and in the pass.

use serde_json::json;

use super::visitor::{Visitor, card_page, change_programme};
use crate::support::app::TestApp;

/// What would run, break out or mislead if any place forgot itself.
pub const CORPUS: &[&str] = &[
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "'onfocus='alert(1)",
    "</title><svg onload=alert(1)>",
    "</style><b>",
    "{{ 7 * 7 }}${7*7}",
    "javascript:alert(1)",
    "<!--<a href=\"",
    "&lt;script&gt;",
    "]]><x:script/>",
];

/// The page without what we wrote escaped: whatever of the corpus can still be seen came through raw.
fn raw_markup(body: &str) -> Vec<&'static str> {
    ["<script>alert", "<img src=x", "'onfocus='", "<svg onload", "</style><b>", "<x:script", "<!--<a"]
        .into_iter()
        .filter(|bad| body.contains(bad))
        .collect()
}

#[tokio::test]
async fn texts_stay_texts() {
    let app = TestApp::spawn().await;
    for text in CORPUS {
        let short: String = text.chars().take(40).collect();
        change_programme(&app, |document| {
            document["name"] = json!({ "en": short, "ar": short });
            document["terms"] = json!({ "en": text });
            document["rewards"] = json!([
                { "id": "coffee", "name": { "en": text }, "points": 50 },
                { "id": "cake", "name": { "en": text }, "points": 80_000 },
            ]);
            document["join"] = json!({ "consents": [{ "purpose": "a", "version": "1", "text": { "en": text, "ar": text } }] });
        })
        .await;
        app.clock.advance_seconds(2);
        let join = format!("/join/{}", app.shop.programme);
        let contact = format!("{}@example.com", walaa::ids::encode(&app.core.ids.random()));
        let mut visitor = Visitor::of(&app);
        let page = visitor.get(&format!("{join}?lang=en&channel={short}&done={short}")).await.expect(200);
        assert_eq!(raw_markup(&page.body), [""; 0], "{text} on the join page");
        let wrong = visitor.resend(&page, (&join, &[("name", text), ("contact", text)])).await;
        assert_eq!(raw_markup(&wrong.body), [""; 0], "{text} in a form that comes back");
        let card = visitor.resend(&page, (&join, &[("name", text), ("contact", &contact)])).await.location();
        let base = card.split('?').next().expect("a path").to_owned();
        let member = app.get(&app.shop.owner, &format!("/v1/members?email={contact}")).await.expect(200);
        let id = member["data"][0]["id"].as_str().expect("an id").to_owned();
        let member = app.get(&app.shop.owner, &format!("/v1/members/{id}")).await.expect(200);
        app.earn(&app.shop, member["cards"][0]["id"].as_str().expect("a card"), "20.000").await;
        let voucher = visitor.submit(&base, (&format!("{base}/vouchers"), &[("reward", "coffee")])).await.location();
        let more = ["", "/history", "/privacy", "/lost", "/offline", "/manifest.webmanifest"].map(|end| format!("{base}{end}"));
        let poster = [
            format!("{join}/poster"),
            format!("{join}/known"),
            voucher,
            format!("{base}?problem={short}&done={short}&lang={short}"),
        ];
        for path in more.iter().chain(&poster) {
            let seen = visitor.get(path).await;
            if !seen.header("content-type").contains("json") {
                assert_eq!(raw_markup(&seen.body), [""; 0], "{text} on {path}");
            }
        }
    }
}

#[tokio::test]
async fn a_name_is_shown_as_it_is() {
    let app = TestApp::spawn().await;
    let body = json!({ "programme": app.shop.programme, "name": "<b>Amal & \"Co\"</b>", "language": "en" });
    let made = app.post(&app.shop.pos, "/v1/members", &body).await.expect(201);
    let customer = crate::support::app::Customer {
        member: made["member"]["id"].as_str().expect("an id").to_owned(),
        card: made["card"]["id"].as_str().expect("an id").to_owned(),
    };
    let page = Visitor::of(&app).get(&card_page(&app, &customer).await).await.expect(200);
    assert!(page.words().contains("Hello, &#60;b&#62;Amal &#38; &#34;Co&#34;&#60;/b&#62;"), "{}", page.words());
}
