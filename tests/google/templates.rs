//! What Google Wallet would drop, cut off or blank is found when a template is checked.

use walaa::passes::{Severity, Template, embedded};

type Files = Vec<(String, Vec<u8>)>;

fn changed(template: &str, old: &str, new: &str) -> Files {
    let mut files = embedded::files(template);
    let (_, bytes) = files.iter_mut().find(|(path, _)| path == "card.toml").expect("is there");
    let text = String::from_utf8(bytes.clone()).expect("is text");
    assert!(text.contains(old), "{old}");
    *bytes = text.replace(old, new).into_bytes();
    files
}

fn with_bytes(path: &str, bytes: &[u8]) -> Files {
    let mut files: Files = embedded::files("stamps").into_iter().filter(|(known, _)| known != path).collect();
    files.push((path.to_owned(), bytes.to_vec()));
    files
}

fn assert_found(files: &Files, severity: Severity, what: &str) {
    let problems = Template::check(files);
    let shown: Vec<_> = problems.iter().map(ToString::to_string).collect();
    let found = problems.iter().any(|problem| problem.severity == severity && problem.what.contains(what));
    assert!(found, "expected {severity:?}: {what}\nfound:\n{}", shown.join("\n"));
    assert!(problems.iter().all(|problem| !problem.advice.is_empty()), "every finding says what to do");
    let errors = problems.iter().any(|problem| problem.severity == Severity::Error);
    assert_eq!(Template::load(files).is_err(), errors);
}

/// A picture of one colour, with or without see-through corners.
fn picture(width: u32, height: u32, alpha: u8) -> Vec<u8> {
    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, width, height);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().expect("is writable");
    let pixels: Vec<u8> = [90, 40, 20, alpha].repeat((width * height) as usize);
    writer.write_image_data(&pixels).expect("is writable");
    writer.finish().expect("is writable");
    png
}

#[test]
fn each_fault_of_the_places_is_found() {
    use Severity::{Error, Warning};
    let texts = |count: usize, body: &str| {
        (0..count).fold(String::new(), |all, n| {
            format!("{all}[[card.fields]]\nkey = \"more{n}\"\nlabel = \"x\"\nvalue = \"{body}\"\ngoogle = \"text\"\n\n")
        }) + "[card.google]"
    };
    let points = "google = \"points\"";
    let cases: &[(&str, &str, Severity, &str)] = &[
        (points, "google = \"text\"", Error, "no field stands in Google's points"),
        ("google = \"row2.start\"", "google = \"account_name\"", Error, "no points and no account"),
        ("google = \"row1.end\"", "google = \"row1.middle\"", Error, "has a gap"),
        ("[card.google]", &texts(10, "the same"), Error, "texts of every pass; Google shows 10"),
        ("[card.google]", &texts(10, "{{ points }}"), Error, "texts of the single pass; Google shows 10"),
        ("[card.google]", &texts(1, &"x".repeat(501)), Warning, "the value has 501 letters; Google shows 500"),
        ("country_code = \"KW\"", "country_code = \"kuwait\"", Error, "is not two capital letters"),
        ("country_code = \"KW\"", "class_extra = { reviewStatus = \"DRAFT\" }", Error, "a key that Walaa writes itself"),
        ("country_code = \"KW\"", "object_extra = { hasUsers = true }", Error, "a key that Walaa writes itself"),
        ("value = \"@card_page_text\"", "value = \"Open the page of your card\"", Warning, "Google shows 20 for certain"),
        ("format = \"qr\"", "format = \"aztec\"", Warning, "changing code can be a QR code or PDF417"),
    ];
    for (old, new, severity, what) in cases {
        let template = if old.contains("row2") || old.contains("row1.end") { "coffee" } else { "stamps" };
        assert_found(&changed(template, old, new), *severity, what);
    }
    let label =
        changed("coffee", "label = \"@points\"\nvalue = \"{{ points }}\"", "label = \"A long label\"\nvalue = \"{{ points }}\"");
    assert_found(&label, Warning, "the label has 12 letters; Google shows 9");
    let rows = changed("coffee", "google = \"account_id\"", "google = \"row3.start\"");
    assert_found(&rows, Error, "4 rows stand on Google's front");
    let mut bare = embedded::files("coffee");
    let (_, card) = bare.iter_mut().find(|(path, _)| path == "card.toml").expect("is there");
    let text = String::from_utf8(card.clone()).expect("is text");
    let (before, voucher) = text.split_once("[voucher]").expect("has a voucher");
    let voucher: Vec<_> = voucher.lines().filter(|line| !line.starts_with("google = ")).collect();
    *card = format!("{before}[voucher]{}", voucher.join("\n")).into_bytes();
    assert_found(&bare, Error, "no field stands on a Google pass");
}

#[test]
fn each_fault_of_the_pictures_is_found() {
    use Severity::{Error, Warning};
    let (logo, hero) = ("images/google/logo.png", "images/google/hero.png");
    assert_found(&with_bytes(logo, &picture(600, 600, 255)), Error, "is 600 × 600 pixels");
    assert_found(&with_bytes(logo, &picture(800, 660, 255)), Error, "is 800 × 660 pixels");
    assert_found(&with_bytes(logo, &picture(660, 660, 0)), Warning, "corners are transparent");
    assert_found(&with_bytes(logo, b"GIF89a"), Error, "is not a PNG");
    assert_found(&with_bytes(hero, &picture(1032, 500, 255)), Error, "is 1032 × 500 pixels");
    assert_found(&with_bytes(hero, &picture(800, 200, 255)), Error, "is 800 × 200 pixels");
    assert_found(&with_bytes(hero, &picture(5000, 400, 255)), Error, "is 5000 × 400 pixels");
    assert_found(&with_bytes("images/google/logo@2x.png", b""), Error, "not a picture that Google Wallet shows");
    let mut torn = picture(1032, 336, 255);
    torn[60..90].fill(7);
    assert_found(&with_bytes(hero, &torn), Error, "can't be read");
    let without = |template: &str, start: &str| -> Files {
        embedded::files(template).into_iter().filter(|(path, _)| !path.starts_with(start)).collect()
    };
    assert_found(&without("stamps", hero), Error, "stamps need hero.png");
    assert_found(&without("coffee", hero), Warning, "there is no hero.png");
    assert_found(&without("coffee", "images/google/"), Warning, "not offered in Google Wallet");
}

#[test]
fn what_a_template_passes_through_reaches_google() {
    use super::samples::{Shop, accepted};
    use crate::wallet::pass_views::card;
    let extra = "country_code = \"KW\"\nclass_extra = { securityAnimation = { animationType = \"FOIL_SHIMMER\" } }\n\
                 object_extra = { passConstraints = { screenshotEligibility = \"INELIGIBLE\" } }";
    let mut shop = Shop::with("coffee");
    shop.templates.load("coffee", &changed("coffee", "country_code = \"KW\"", extra)).expect("loads");
    assert_eq!(accepted(&shop.class(None))["securityAnimation"]["animationType"], "FOIL_SHIMMER");
    assert_eq!(accepted(&shop.card(&card("en")))["passConstraints"]["screenshotEligibility"], "INELIGIBLE");
}
