//! pass.json as Apple Wallet gets it.

use serde_json::{Value, json};
use walaa::apple::pass::{PassIdentity, pass_json};
use walaa::clock::Timestamp;
use walaa::money::Points;
use walaa::passes::{NextReward, PassKind, PassView, Template, pass_strings};

use super::pass_views::{CODE, card, identity, stamp_card, voucher};

fn coffee() -> Template {
    Template::embedded("coffee").expect("loads")
}

fn built(view: &PassView, template: &Template) -> Value {
    serde_json::from_slice(&pass_json(view, template, &identity())).expect("is JSON")
}

fn field<'a>(pass: &'a Value, key: &str) -> &'a Value {
    let style = ["storeCard", "coupon"].into_iter().find_map(|style| pass.get(style)).expect("has a style");
    let places = style.as_object().expect("is an object").values();
    places.flat_map(|fields| fields.as_array().expect("is a list")).find(|field| field["key"] == key).unwrap_or(&Value::Null)
}

#[test]
fn cards_vouchers_and_void_passes_in_both_languages() {
    let coffee = coffee();
    for language in ["en", "ar"] {
        insta::assert_json_snapshot!(format!("card_{language}"), built(&card(language), &coffee));
        insta::assert_json_snapshot!(format!("voucher_{language}"), built(&voucher(language), &coffee));
        let voided = PassView { voided: true, ..voucher(language) };
        insta::assert_json_snapshot!(format!("voucher_void_{language}"), built(&voided, &coffee));
        let stamps = Template::embedded("stamps").expect("loads");
        insta::assert_json_snapshot!(format!("stamps_{language}"), built(&stamp_card(language, 7), &stamps));
    }
}

#[test]
fn the_json_is_compact_and_sorted_so_that_the_same_view_gives_the_same_bytes() {
    let coffee = coffee();
    for view in [card("en"), voucher("ar")] {
        let bytes = pass_json(&view, &coffee, &identity());
        let value: Value = serde_json::from_slice(&bytes).expect("is JSON");
        assert_eq!(String::from_utf8(bytes.clone()).expect("is UTF-8"), sorted(&value));
        assert_eq!(bytes, pass_json(&view, &coffee, &identity()));
    }
}

/// Compact JSON with sorted keys, whatever map `serde_json` was built with.
fn sorted(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut members: Vec<_> = map.iter().map(|(key, value)| (key, sorted(value))).collect();
            members.sort();
            let members: Vec<_> = members.iter().map(|(key, value)| format!("{}:{value}", json!(key))).collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(sorted).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

#[test]
fn a_void_pass_has_no_code_and_asks_nobody() {
    for view in [card("en"), voucher("ar")] {
        let bytes = pass_json(&PassView { voided: true, ..view }, &coffee(), &identity());
        let text = String::from_utf8(bytes).expect("is UTF-8");
        assert!(text.contains(r#""voided":true"#));
        for gone in [CODE, "barcode", "webServiceURL", "authenticationToken", "wallet.example/apple"] {
            assert!(!text.contains(gone), "a void pass must not hold {gone}");
        }
    }
}

#[test]
fn numbers_are_numbers_and_the_balance_has_the_notice() {
    let pass = built(&card("ar"), &coffee());
    let points = field(&pass, "points");
    assert_eq!(points["value"], json!(1185));
    assert_eq!(points["numberStyle"], "PKNumberStyleDecimal");
    assert!(points["changeMessage"].as_str().expect("is there").contains("%@"));
    assert_eq!(pass["barcodes"][0]["altText"], "4821-7730");
    assert_eq!(pass["barcodes"][0]["messageEncoding"], "iso-8859-1");
}

#[test]
fn fields_without_a_value_are_left_out() {
    let view = PassView { member_name: None, card_page: None, last_change: None, next_reward: None, ..card("en") };
    let pass = built(&view, &coffee());
    for key in ["member", "card_page", "last_change", "to_go", "held", "debt"] {
        assert_eq!(field(&pass, key), &Value::Null, "{key}");
    }
    assert_eq!(field(&pass, "next_reward")["value"], "All within reach", "the text for when there is none");
    let pass = built(&PassView { held: Points(150), debt: Points(20), ..card("en") }, &coffee());
    assert_eq!(field(&pass, "held")["value"], json!(150));
    assert_eq!(field(&pass, "debt")["value"], json!(20));
}

#[test]
fn names_that_try_to_do_harm_stay_text() {
    let hostile = "Eve\u{202e}\u{0} <a href='https://evil.example'>\"Bobby\"</a>\\ ؀";
    let next = NextReward { name: hostile.to_owned(), points: Points(9), missing: Points(1) };
    let mut view = PassView { member_name: Some(hostile.to_owned()), next_reward: Some(next), ..card("en") };
    view.rewards[0].name = hostile.to_owned();
    let pass = built(&view, &coffee());
    assert_eq!(field(&pass, "member")["value"], "Eve <a href='https://evil.example'>\"Bobby\"</a>\\ ؀");
    assert_eq!(field(&pass, "member").get("attributedValue"), None, "a name is never HTML");
    assert_eq!(field(&pass, "rewards")["dataDetectorTypes"], json!([]), "nor a link by itself");
    let page = "https://wallet.example/c/x'onclick='<b>&amp;".to_owned();
    let link = built(&PassView { card_page: Some(page), ..card("en") }, &coffee());
    let expected = "<a href='https://wallet.example/c/x&#39;onclick=&#39;&lt;b&gt;&amp;amp;'>Open your card page</a>";
    assert_eq!(field(&link, "card_page")["attributedValue"], expected);
    for bad in ["javascript:alert(1)", "https://a b", "file:///etc/passwd"] {
        let view = PassView { card_page: Some(bad.to_owned()), ..card("en") };
        assert_eq!(field(&built(&view, &coffee()), "card_page"), &Value::Null, "{bad}");
    }
}

#[test]
fn a_member_called_like_a_label_is_not_translated() {
    let coffee = coffee();
    let view = PassView { member_name: Some("Points".to_owned()), ..card("en") };
    let pass = built(&view, &coffee);
    let shown = field(&pass, "member")["value"].as_str().expect("is text");
    let files = coffee.files(PassKind::Card, coffee.variant_of(&view));
    for language in ["en", "ar"] {
        let (_, strings) = files.iter().find(|(path, _)| *path == format!("{language}.lproj/pass.strings")).expect("is there");
        let strings = pass_strings::parse(std::str::from_utf8(strings).expect("is UTF-8")).expect("is well formed");
        assert_eq!(strings.get(shown), None);
        let label = field(&pass, "points")["label"].as_str().expect("is text");
        assert!(strings.contains_key(label), "labels are translated");
    }
    assert_eq!(shown.trim_end_matches('\u{2060}'), "Points", "and it reads the same");
}

#[test]
fn every_phrase_of_a_pass_is_in_every_strings_file() {
    for name in ["coffee", "stamps"] {
        let template = Template::embedded(name).expect("loads");
        for view in [card("en"), voucher("en"), stamp_card("en", 3)] {
            let pass = built(&view, &template);
            let files = template.files(view.kind, template.variant_of(&view));
            let strings = files.iter().filter(|(path, _)| path.ends_with(".lproj/pass.strings"));
            for (path, bytes) in strings {
                let strings = pass_strings::parse(std::str::from_utf8(bytes).expect("is UTF-8")).expect("is well formed");
                for key in labels(&pass) {
                    assert!(strings.contains_key(&key), "{name}/{path} lacks \"{key}\"");
                }
            }
        }
    }
}

fn labels(pass: &Value) -> Vec<String> {
    match pass {
        Value::Object(map) => map
            .iter()
            .flat_map(|(key, value)| match value {
                Value::String(text) if key == "label" || key == "changeMessage" => vec![text.clone()],
                other => labels(other),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(labels).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn plural_forms_follow_the_number() {
    let stamps = Template::embedded("stamps").expect("loads");
    let to_go = |language, count| field(&built(&stamp_card(language, count), &stamps), "to_go")["value"].clone();
    assert_eq!(to_go("en", 9), "One more drink");
    assert_eq!(to_go("en", 7), "3 more drinks");
    assert_eq!(to_go("ar", 9), "مشروب واحد بعد");
    assert_eq!(to_go("ar", 8), "مشروبان بعد");
    assert_eq!(to_go("ar", 7), "٣ مشروبات بعد");
    assert_eq!(to_go("fr", 10), "A drink is on us", "an unknown language falls back to the default");
    assert_eq!(to_go("ar-KW", 8), "مشروبان بعد", "a region to its language");
}

#[test]
fn a_pass_without_a_web_service_names_none_and_code_outside_latin_1_says_so() {
    let identity = PassIdentity::new("pass.example.qahwa.card", "ABCDE12345").expect("is right");
    let view = PassView { code: Some("قهوة".to_owned()), ..card("en") };
    let pass: Value = serde_json::from_slice(&pass_json(&view, &coffee(), &identity)).expect("is JSON");
    assert_eq!(pass.get("webServiceURL"), None);
    assert_eq!(pass.get("authenticationToken"), None);
    assert_eq!(pass["barcodes"][0]["messageEncoding"], "utf-8");
}

#[test]
fn a_relevant_date_is_written_under_the_names_of_both_systems() {
    let pass = built(&voucher("en"), &coffee());
    let time = "2026-04-14T20:59:59Z";
    assert_eq!(pass["relevantDates"], json!([{ "date": time, "relevantDate": time }]));
    assert_eq!(pass["expirationDate"], time);
    let lasting = PassView { expires: Some(Timestamp::from_millis(0)), ..card("en") };
    assert_eq!(built(&lasting, &coffee())["expirationDate"], "1970-01-01T00:00:00Z");
}
