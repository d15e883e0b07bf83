//! What a card and a voucher look like in Google Wallet.

use serde_json::{Value, json};
use walaa::google::card::TierFace;
use walaa::google::model::Resource;
use walaa::google::patch::patch_body;
use walaa::google::rules::{blanks, check};
use walaa::google::voucher::VoucherEnd;
use walaa::money::Points;
use walaa::passes::{PassView, google_check};

use super::samples::{IDENTIFY, Shop, accepted};
use crate::wallet::pass_views::{CODE, card, stamp_card, voucher};

fn module<'a>(body: &'a Value, id: &str) -> &'a Value {
    let modules = body["textModulesData"].as_array().map_or(&[][..], Vec::as_slice);
    modules.iter().find(|module| module["id"] == id).unwrap_or(&Value::Null)
}

#[test]
fn classes_and_objects_of_both_templates_are_what_google_takes() {
    for name in ["coffee", "stamps"] {
        let shop = Shop::with(name);
        accepted(&shop.class(None));
        accepted(&shop.offer());
        for language in ["en", "ar", "fr"] {
            let cards = match name {
                "stamps" => (0..=10).map(|count| stamp_card(language, count)).collect(),
                _ => vec![card(language)],
            };
            for view in cards {
                let awkward = "<script>alert(\"x\")</script> \u{202e}}}{{ code }}\0";
                accepted(&shop.card(&view));
                accepted(&shop.card(&PassView { voided: true, code: None, card_page: None, ..view.clone() }));
                accepted(&shop.card(&PassView {
                    points: Points(i64::MAX),
                    held: Points(i64::MAX),
                    debt: Points(3),
                    ..view.clone()
                }));
                accepted(&shop.card(&PassView { points: Points(i64::MIN), next_reward: None, ..view.clone() }));
                for name in [None, Some(awkward.to_owned()), Some("ب".repeat(500))] {
                    accepted(&shop.card(&PassView { member_name: name, ..view.clone() }));
                }
            }
            for end in [None, Some(VoucherEnd::Used), Some(VoucherEnd::Expired), Some(VoucherEnd::Cancelled)] {
                accepted(&shop.voucher(&voucher(language), end));
            }
        }
    }
}

#[test]
fn a_class_and_a_card_in_full() {
    let shop = Shop::with("coffee");
    let short = |mut body: Value| {
        // The pictures' names are told by what they show, and change with them.
        for name in ["programLogo", "heroImage"] {
            if let Some(uri) = body[name]["sourceUri"]["uri"].as_str() {
                assert!(uri.starts_with("https://wallet.example/google/images/") && uri.ends_with(".png"), "{uri}");
                body[name]["sourceUri"]["uri"] = json!("https://wallet.example/google/images/….png");
            }
        }
        body
    };
    insta::assert_json_snapshot!("class", short(accepted(&shop.class(None))));
    insta::assert_json_snapshot!("card_ar", short(accepted(&shop.card(&card("ar")))));
    insta::assert_json_snapshot!("voucher_patch", patch_body(&shop.voucher(&voucher("en"), Some(VoucherEnd::Used))));
}

#[test]
fn the_card_s_own_code_never_goes_to_google() {
    for name in ["coffee", "stamps"] {
        let shop = Shop::with(name);
        let body = accepted(&shop.card(&card("en")));
        assert!(!body.to_string().contains(CODE), "the code that spends");
        assert_eq!((&body["barcode"]["value"], &body["barcode"]["alternateText"]), (&json!(IDENTIFY), &json!("4821-7730")));
        assert_eq!(body["rotatingBarcode"]["totpDetails"]["periodMillis"], "30000");
        assert_eq!(accepted(&shop.voucher(&voucher("en"), None))["barcode"]["value"], CODE, "a voucher's code is its own");
    }
}

#[test]
fn what_is_void_or_over_has_no_code_and_says_why() {
    let shop = Shop::with("coffee");
    let void = accepted(&shop.card(&PassView { voided: true, ..card("en") }));
    assert_eq!((&void["state"], &void["barcode"], &void["rotatingBarcode"]), (&json!("INACTIVE"), &Value::Null, &Value::Null));
    let patch = patch_body(&shop.card(&PassView { voided: true, ..card("en") }));
    assert_eq!(patch.get("rotatingBarcode"), Some(&Value::Null), "and what was there is cleared");
    let ends = [
        (None, "ACTIVE"),
        (Some(VoucherEnd::Used), "COMPLETED"),
        (Some(VoucherEnd::Expired), "EXPIRED"),
        (Some(VoucherEnd::Cancelled), "INACTIVE"),
    ];
    for (end, state) in ends {
        let body = accepted(&shop.voucher(&voucher("en"), end));
        assert_eq!((&body["state"], body["barcode"].is_null()), (&json!(state), end.is_some()));
        let patch = patch_body(&shop.voucher(&voucher("en"), end));
        for code in ["barcode", "rotatingBarcode"] {
            assert_eq!(patch.get(code).is_some_and(Value::is_null), end.is_some(), "{state}: what was there is cleared");
        }
        assert_eq!(body["validTimeInterval"]["end"]["date"], "2026-04-14T20:59:59Z");
    }
    let voided = accepted(&shop.voucher(&PassView { voided: true, code: None, ..voucher("en") }, None));
    assert_eq!(voided["state"], "INACTIVE", "a replaced pass without a reason");
}

#[test]
fn points_numbers_and_dates_are_said_in_every_language() {
    let shop = Shop::with("coffee");
    let english = accepted(&shop.card(&card("en")));
    assert_eq!(english["loyaltyPoints"]["balance"], json!({"int": 1185}));
    assert_eq!(english["loyaltyPoints"]["localizedLabel"]["translatedValues"][0]["value"], "النقاط");
    let to_go = module(&english, "to_go");
    assert_eq!((&to_go["body"], &to_go["localizedBody"]["translatedValues"][0]["value"]), (&json!("35"), &json!("٣٥")));
    assert_eq!(module(&english, "held"), &Value::Null, "nothing is reserved");
    let arabic = accepted(&shop.card(&card("ar")));
    assert_eq!(module(&arabic, "next_reward")["body"], "لاتيه بالزعفران");
    assert_eq!((&arabic["accountName"], &arabic["accountId"]), (&json!("منى الحداد"), &json!("4821-7730")));
    let huge = accepted(&shop.card(&PassView { points: Points(1 << 40), ..card("en") }));
    assert_eq!(huge["loyaltyPoints"]["balance"], json!({"string": "1099511627776"}));
    let until = module(&accepted(&shop.voucher(&voucher("en"), None)), "expires").clone();
    assert_eq!(
        (&until["body"], &until["localizedBody"]["translatedValues"][0]["value"]),
        (&json!("14 April 2026"), &json!("١٤ أبريل ٢٠٢٦"))
    );
}

#[test]
fn everything_the_front_shows_is_there_and_what_all_share_is_said_once() {
    for (name, view) in [("coffee", card("en")), ("stamps", stamp_card("ar", 3))] {
        let shop = Shop::with(name);
        let (class, object) = (shop.class(None).body(), shop.card(&view).body());
        let absent: Vec<_> =
            blanks(&class, &object).into_iter().filter(|path| !path.contains("held") && !path.contains("debt")).collect();
        assert_eq!(absent, Vec::<String>::new(), "{name}: only what is reserved or owed comes and goes");
        assert_eq!(blanks(&shop.offer().body(), &shop.voucher(&voucher("en"), None).body()), Vec::<String>::new());
        assert!(!module(&class, "how_it_works").is_null() && module(&object, "how_it_works").is_null());
        assert_eq!(object["linksModuleData"]["uris"][0]["uri"], "https://wallet.example/c/Zk3vT9q?a=1&b=2");
    }
    let offer = Shop::with("coffee").offer().body();
    assert_eq!((&offer["title"], &offer["finePrint"]), (&json!("Flat white"), &json!("One per visit.")));
    assert_eq!(offer["localizedTitle"]["translatedValues"], json!([{"language": "ar", "value": "فلات وايت"}]));
}

#[test]
fn each_number_of_stamps_has_its_banner_and_each_direction_its_own() {
    let shop = Shop::with("stamps");
    let hero = |language, count| shop.card(&stamp_card(language, count)).body()["heroImage"]["sourceUri"]["uri"].clone();
    let mut all: Vec<_> = ["en", "ar"].into_iter().flat_map(|language| (0..=10).map(move |count| (language, count))).collect();
    all.dedup();
    let addresses: std::collections::BTreeSet<_> =
        all.iter().map(|(language, count)| hero(language, *count).to_string()).collect();
    assert_eq!(addresses.len(), 22);
    assert_eq!(Shop::with("coffee").card(&card("en")).body()["heroImage"], Value::Null, "else the class has it");
}

#[test]
fn a_class_always_asks_for_review_and_a_tier_has_a_class_of_its_own() {
    let shop = Shop::with("coffee");
    let names = [("en", "Gold"), ("ar", "ذهبي")].map(|(code, name)| (code.to_owned(), name.to_owned())).into();
    let label = [("en".to_owned(), "Tier".to_owned())].into();
    let gold = shop.class(Some(&TierFace { id: "gold", name: &names, label: &label }));
    let body = accepted(&gold);
    assert_eq!((&body["rewardsTier"], &body["rewardsTierLabel"]), (&json!("Gold"), &json!("Tier")));
    assert_ne!(gold.id, shop.class(None).id);
    let patch = patch_body(&shop.class(None));
    assert_eq!(patch["reviewStatus"], "UNDER_REVIEW");
    assert_eq!(patch.get("rewardsTier"), Some(&Value::Null), "a tier that is gone is cleared");
    assert_eq!(patch.get("id"), None);
    assert_eq!(body["multipleDevicesAndHoldersAllowedStatus"], "ONE_USER_ALL_DEVICES");
}

#[test]
fn ready_templates_are_not_even_cut_off() {
    for (name, view) in
        [("coffee", card("en")), ("coffee", card("ar")), ("stamps", stamp_card("en", 10)), ("stamps", stamp_card("ar", 0))]
    {
        let shop = Shop::with(name);
        let (class, object) = (shop.class(None), shop.card(&view));
        for (kind, body) in [
            (walaa::google::resource::ResourceKind::LoyaltyClass, class.body()),
            (walaa::google::resource::ResourceKind::LoyaltyObject, object.body()),
            (walaa::google::resource::ResourceKind::OfferClass, shop.offer().body()),
            (walaa::google::resource::ResourceKind::OfferObject, shop.voucher(&voucher(&view.language), None).body()),
        ] {
            assert_eq!(check(kind, &body), Vec::new(), "{name}");
        }
    }
}

/// What a template may not pass through is exactly what is written here: `passes` can't ask `google` for it.
#[test]
fn a_template_can_t_pass_through_what_we_write_ourselves() {
    use walaa::google::model::{LoyaltyClass, LoyaltyObject, OfferClass, OfferObject};
    let shop = Shop::with("coffee");
    let classes = LoyaltyClass::managed().iter().chain(OfferClass::managed()).map(|member| member.name.to_owned());
    let written = [shop.class(None).body(), shop.offer().body()];
    let keys = written.iter().flat_map(|body| body.as_object().expect("is an object").keys().cloned());
    for name in classes.chain(keys) {
        assert!(google_check::OWN_CLASS_KEYS.contains(&name.as_str()), "{name}");
    }
    let objects = LoyaltyObject::managed().iter().chain(OfferObject::managed()).map(|member| member.name.to_owned());
    let written = [shop.card(&card("en")).body(), shop.voucher(&voucher("en"), None).body()];
    let keys = written.iter().flat_map(|body| body.as_object().expect("is an object").keys().cloned());
    for name in objects.chain(keys) {
        assert!(google_check::OWN_OBJECT_KEYS.contains(&name.as_str()), "{name}");
    }
}
