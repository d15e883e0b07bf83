//! The pictures that Google fetches: whole, at addresses that name their content.

use walaa::cards::Templates;
use walaa::google::images::{Images, PATH};
use walaa::passes::image::{Size, png_size};
use walaa::passes::{PassKind, embedded};

use super::samples::{PUBLIC_URL, Shop};
use crate::wallet::pass_views::{card, stamp_card};

fn name(url: &str) -> &str {
    url.strip_prefix(PUBLIC_URL).and_then(|path| path.strip_prefix(PATH)).expect("is one of ours")
}

#[test]
fn every_address_leads_to_a_picture_of_the_right_size() {
    for template in ["coffee", "stamps"] {
        let shop = Shop::with(template);
        for kind in PassKind::ALL {
            let urls = shop.urls(kind);
            let size = |url: &str| png_size(&shop.images.png(name(url)).expect("is there")).expect("is a picture");
            assert_eq!(size(&urls.logo), Size { width: 660, height: 660 });
            assert_eq!(size(&urls.hero.expect("has a banner")), Size { width: 1032, height: 336 });
        }
        assert_ne!(shop.urls(PassKind::Card).hero, shop.urls(PassKind::Voucher).hero, "a voucher has a banner of its own");
    }
}

#[test]
fn stamps_are_drawn_when_asked_for_and_kept() {
    let shop = Shop::with("stamps");
    let url = |language, count| shop.images.stamps_url("stamps", &stamp_card(language, count)).expect("has stamps");
    let three = shop.images.png(name(&url("en", 3))).expect("is drawn");
    assert_eq!(png_size(&three).expect("is a picture"), Size { width: 1032, height: 336 });
    assert!(three.len() < 120_000, "{} bytes", three.len());
    assert!(std::sync::Arc::ptr_eq(&three, &shop.images.png(name(&url("en", 3))).expect("is kept")));
    assert_ne!(three, shop.images.png(name(&url("en", 4))).expect("is drawn"));
    assert_ne!(three, shop.images.png(name(&url("ar", 3))).expect("is drawn"), "the other way round");
    assert_eq!(shop.images.stamps_url("coffee", &card("en")), None);
    assert_eq!(shop.images.png("0123.png"), None);
    assert_eq!(shop.images.png("../card.toml"), None);
}

#[test]
fn another_picture_has_another_address_and_the_same_one_the_same() {
    let urls = |files: &[(String, Vec<u8>)]| {
        let mut templates = Templates::default();
        templates.load("mine", files).expect("loads");
        let images = Images::of(&templates, PUBLIC_URL);
        (images.urls("mine", PassKind::Card), images.stamps_url("mine", &stamp_card("en", 3)))
    };
    let files = embedded::files("stamps");
    assert_eq!(urls(&files), urls(&files));
    let other = |path: &str, with: &str| {
        let mut changed = files.clone();
        let bytes = files.iter().find(|(known, _)| known == with).expect("is there").1.clone();
        changed.iter_mut().find(|(known, _)| known == path).expect("is there").1 = bytes;
        urls(&changed)
    };
    let (before, after) = (urls(&files), other("images/google/hero.png", "images/google/voucher/hero.png"));
    let logos = |urls: &(Option<walaa::google::images::ImageUrls>, _)| urls.0.as_ref().map(|urls| urls.logo.clone());
    assert_eq!(logos(&before), logos(&after));
    assert!(before.0 != after.0 && before.1 != after.1);
    let mut recoloured = files.clone();
    let (_, card) = recoloured.iter_mut().find(|(path, _)| path == "card.toml").expect("is there");
    *card =
        String::from_utf8(card.clone()).expect("is text").replace("reward = \"#ffc44d\"", "reward = \"#ffffff\"").into_bytes();
    let after = urls(&recoloured);
    assert!(before.0 == after.0 && before.1 != after.1, "other stamps on the same banner");
}

#[test]
fn a_template_without_google_s_pictures_loads_and_is_not_offered_there() {
    let mut files = embedded::files("coffee");
    files.retain(|(path, _)| !path.starts_with("images/google/"));
    let mut templates = Templates::default();
    templates.load("plain", &files).expect("loads");
    let images = Images::of(&templates, PUBLIC_URL);
    assert_eq!(images.urls("plain", PassKind::Card), None);
    let problems = walaa::passes::Template::check(&files);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].what.contains("not offered in Google Wallet") && problems[0].advice.contains("660"));
}
