//! Texts that would be code somewhere stay text on the passes in both wallets.

use serde_json::{Value, json};

use super::world::GoogleWorld;
use crate::pages::visitor::change_programme;
use crate::pages::xss::CORPUS;

#[tokio::test]
async fn texts_stay_texts_in_both_wallets() {
    let world = GoogleWorld::new().await;
    let app = &world.app;
    for text in CORPUS {
        let short: String = text.chars().take(40).collect();
        change_programme(app, |document| {
            document["name"] = json!({ "en": short, "ar": short });
            document["terms"] = json!({ "en": text, "ar": text });
            document["rewards"] = json!([{ "id": "coffee", "name": { "en": text, "ar": text }, "points": 50 }]);
        })
        .await;
        app.clock.advance_seconds(2);
        let body = json!({ "programme": app.shop.programme, "name": text, "language": "en" });
        let joined = app.post(&app.shop.owner, "/v1/members", &body).await.expect(201);
        let card = joined["card"]["id"].as_str().expect("a card");
        app.earn(&app.shop, card, "20.000").await;
        let voucher = app.issue_voucher(&app.shop, card, "coffee").await;
        let mut seen = 0;
        for link in [&joined["links"]["apple"], &voucher["links"]["apple"]] {
            let package =
                world.phone.download(link.as_str().expect("a link").parse().expect("an address")).await.expect("a pass");
            let opened = world.phone.look_at(&package).expect("a pass that verifies");
            seen += look(&opened.pass, "", text);
        }
        assert!(seen > 0, "{text} is on the passes as it is");

        let object = world.save(card).await;
        let object = world.google.object(&object).expect("an object");
        let class = world.google.class(object["classId"].as_str().expect("a class")).expect("a class");
        assert!(look(&object, "", text) + look(&class, "", &short) > 0, "{text} is at Google as it is");
    }
}

/// Looks at every text of a pass; says how many are the one that was put in.
fn look(value: &Value, key: &str, text: &str) -> usize {
    match value {
        Value::String(shown) if key == "attributedValue" => {
            // The one place where a wallet reads markup: nothing but links of ours, whatever people wrote.
            let mut rest = shown.as_str();
            while let Some((before, link)) = rest.split_once("<a href='https://") {
                assert!(!before.contains(['<', '>']), "{shown}");
                let (address, label) = link.split_once("'>").expect("an address ends");
                assert!(!address.contains(['\'', '"', '<', '>']), "{shown}");
                let (label, after) = label.split_once("</a>").expect("a link ends");
                assert!(!label.contains(['<', '>']), "{shown}");
                rest = after;
            }
            assert!(!rest.contains(['<', '>']), "{shown}");
            0
        }
        Value::String(shown) => usize::from(shown.contains(text)),
        Value::Array(values) => values.iter().map(|value| look(value, key, text)).sum(),
        Value::Object(fields) => {
            let is_address = |name: &str| ["uri", "webServiceURL", "appLaunchURL"].contains(&name);
            for (name, value) in fields.iter().filter(|(name, _)| is_address(name)) {
                assert!(value.as_str().is_none_or(|address| address.starts_with("https://")), "{name}: {value}");
            }
            fields.iter().map(|(name, value)| look(value, name, text)).sum()
        }
        _ => 0,
    }
}
