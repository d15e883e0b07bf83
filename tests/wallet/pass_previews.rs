//! Pictures of passes: they show what is in the package, in the phone's language, and nothing in it can get out of its place.

use std::sync::Arc;

use walaa::apple::pass::pass_json;
use walaa::money::Points;
use walaa::passes::preview::{Picture, PreviewError};
use walaa::passes::{PassView, Template};

use super::pass_views::{card, identity, stamp_card, voucher};

fn picture(view: &PassView, template: &Template, phone: &str) -> Picture {
    let files = template.files(view.kind, template.variant_of(view));
    Picture::open(&pass_json(view, template, &identity()), &files, phone).expect("can be drawn")
}

fn coffee() -> Template {
    Template::embedded("coffee").expect("loads")
}

#[test]
fn the_picture_follows_the_phone_s_language_and_digits() {
    let coffee = coffee();
    let arabic = picture(&card("en"), &coffee, "ar-KW").front_html();
    for text in ["dir=\"rtl\"", "النقاط", "١٬١٨٥", "Mona Haddad", "Saffron latte", "data:image/png;base64,"] {
        assert!(arabic.contains(text), "an English member's card on an Arabic phone shows {text}");
    }
    let english = picture(&card("ar"), &coffee, "en").front_html();
    for text in ["dir=\"ltr\"", "Points", "1,185", "منى الحداد"] {
        assert!(english.contains(text), "an Arabic member's card on an English phone shows {text}");
    }
    let french = picture(&card("ar"), &coffee, "fr").front_html();
    assert!(french.contains("Points"), "a phone in a third language shows the default language, not a key");
}

#[test]
fn the_notice_is_the_message_with_the_new_value_in_the_phone_s_digits() {
    let coffee = coffee();
    let (before, after) = (card("en"), PassView { points: Points(1_210), ..card("en") });
    let notice = |phone| picture(&after, &coffee, phone).notice_after(&picture(&before, &coffee, phone));
    assert_eq!(notice("en").as_deref(), Some("You now have 1,210 points"));
    assert_eq!(notice("ar").as_deref(), Some("رصيدك الآن ١٬٢١٠ نقطة"));
    let same = picture(&before, &coffee, "en");
    assert_eq!(same.notice_after(&same), None);
    let stamps = Template::embedded("stamps").expect("loads");
    let stamped = picture(&stamp_card("en", 4), &stamps, "en").notice_after(&picture(&stamp_card("en", 3), &stamps, "en"));
    assert_eq!(stamped.as_deref(), Some("Stamps: 4 of 10"));
}

#[test]
fn a_void_pass_looks_void() {
    let coffee = coffee();
    let valid = picture(&voucher("en"), &coffee, "en");
    assert!(valid.front_html().contains("<svg") && !valid.is_void());
    let void = picture(&PassView { voided: true, ..voucher("en") }, &coffee, "en");
    assert!(void.is_void());
    assert!(!void.front_html().contains("<svg") && void.front_html().contains(">Void<"));
    assert!(!void.back_html().contains("Automatic Updates"), "it asks nobody any more");
    assert!(picture(&card("en"), &coffee, "en").back_html().contains("Automatic Updates"));
}

#[test]
fn nothing_in_a_pass_becomes_html() {
    let coffee = coffee();
    let hostile = "<script>alert(1)</script>\"'><img src=x onerror=y>";
    let mut view = PassView { member_name: Some(hostile.to_owned()), member_number: hostile.to_owned(), ..card("en") };
    view.rewards[0].name = hostile.to_owned();
    view.organisation = hostile.to_owned();
    let drawn = picture(&view, &coffee, "en");
    for html in [drawn.front_html(), drawn.back_html()] {
        assert!(!html.contains("<script") && !html.contains("<img src=x") && !html.contains("\"'>"), "{html}");
    }
    let json = br##"{"coupon":{},"backgroundColor":"red;}</style><script>","foregroundColor":"url(x)"}"##;
    let front = Picture::open(json, &[], "en").expect("can be drawn").front_html();
    assert!(!front.contains("<script") && !front.contains("</style"));
}

#[test]
fn what_can_t_be_drawn_says_why() {
    let open = |json: &[u8], files: &[(String, Arc<[u8]>)]| Picture::open(json, files, "en").map(|_| ());
    assert!(matches!(open(b"{", &[]), Err(PreviewError::NotJson(_))));
    assert_eq!(open(b"{}", &[]), Err(PreviewError::NoStyle));
    let broken = [("en.lproj/pass.strings".to_owned(), Arc::from(&b"\"a\" = "[..]))];
    assert_eq!(open(b"{\"generic\":{}}", &broken), Err(PreviewError::Strings("en.lproj/pass.strings".to_owned())));
}

#[test]
fn the_commands_check_and_preview_a_template() {
    use walaa::cli::template::{check, files, preview};
    let folder = tempfile::tempdir().expect("is made");
    let page = folder.path().join("preview.html");
    let mut said = Vec::new();
    let code = preview("stamps", &page, &mut said).expect("can be read");
    assert_eq!(format!("{code:?}"), format!("{:?}", std::process::ExitCode::SUCCESS));
    let html = std::fs::read_to_string(&page).expect("is written");
    assert_eq!(html.matches("<article class=\"wp ").count(), 6, "card, voucher and void voucher in two languages");
    assert_eq!(html.matches("<article class=\"wg-card").count(), 6, "in the other wallet, too");
    assert!(!html.contains("src=\"http") && !html.contains("<link"), "it is one file");

    let template = folder.path().join("mine");
    for (path, bytes) in files("coffee").expect("is ready") {
        let path = template.join(path);
        std::fs::create_dir_all(path.parent().expect("has one")).expect("is made");
        std::fs::write(path, bytes).expect("is written");
    }
    std::fs::remove_file(template.join("images/icon.png")).expect("was there");
    std::fs::write(template.join("card.toml"), "format = 1\nlanguages = 3").expect("is written");
    let mut said = Vec::new();
    let code = check(&template.to_string_lossy(), &mut said).expect("can be read");
    let said = String::from_utf8(said).expect("is text");
    assert_eq!(format!("{code:?}"), format!("{:?}", std::process::ExitCode::FAILURE));
    assert!(said.contains("error: card.toml: line 2: invalid type: integer `3`"), "{said}");
    assert!(said.ends_with("1 errors, 0 warnings\n"), "{said}");
    assert!(check("no-such-folder", &mut Vec::new()).expect_err("is nowhere").to_string().contains("coffee, stamps"));
}
