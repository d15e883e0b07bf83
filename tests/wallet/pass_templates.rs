//! Template folders: what is refused, and what goes into a package.

use walaa::passes::{PassKind, Severity, Template, TemplateProblem, Variant, embedded, pass_strings};

use super::pass_views::{card, stamp_card};

type Files = Vec<(String, Vec<u8>)>;

/// The coffee template with one text replaced in one file; panics if there was nothing to replace.
fn changed(file: &str, old: &str, new: &str) -> Files {
    let mut files = embedded::files("coffee");
    let (_, bytes) = files.iter_mut().find(|(path, _)| path == file).expect("the file is there");
    let text = String::from_utf8(bytes.clone()).expect("is text");
    assert!(text.contains(old), "{file} does not hold {old:?}");
    *bytes = text.replacen(old, new, 1).into_bytes();
    files
}

fn with_bytes(file: &str, bytes: &[u8]) -> Files {
    let mut files: Files = embedded::files("coffee").into_iter().filter(|(path, _)| path != file).collect();
    files.push((file.to_owned(), bytes.to_vec()));
    files
}

fn without(file: &str) -> Files {
    embedded::files("coffee").into_iter().filter(|(path, _)| !path.starts_with(file)).collect()
}

/// The findings must include one at this place that says this, and loading must fail exactly if it is an error.
fn assert_found(files: &Files, severity: Severity, file: &str, what: &str) -> TemplateProblem {
    let problems = Template::check(files);
    let shown: Vec<_> = problems.iter().map(ToString::to_string).collect();
    let found = problems
        .into_iter()
        .find(|problem| problem.severity == severity && problem.file == file && problem.what.contains(what))
        .unwrap_or_else(|| panic!("expected {severity:?} in {file}: {what}\nfound:\n{}", shown.join("\n")));
    assert!(!found.advice.is_empty(), "every finding says what to do");
    assert_eq!(Template::load(files).is_err(), severity == Severity::Error, "{}", shown.join("\n"));
    found
}

const POINTS: &str = "key = \"points\"\nlabel = \"@points\"\nvalue = \"{{ points }}\"\nformat = \"number\"";
const MEMBER: &str = "key = \"member\"\nlabel = \"@member\"\nvalue = \"{{ member }}\"";

#[test]
fn each_fault_of_card_toml_is_found_for_its_own_reason() {
    use Severity::{Error, Warning};
    let duplicated = format!("{MEMBER}\napple = \"back\"\n\n[[card.fields]]\n{MEMBER}");
    let many = |place: &str, count: usize| {
        (0..count).fold(String::new(), |all, n| {
            format!("{all}key = \"more{n}\"\nvalue = \"x\"\napple = \"{place}\"\n\n[[card.fields]]\n")
        }) + MEMBER
    };
    let cases: &[(&str, &str, Severity, &str)] = &[
        (MEMBER, &duplicated, Error, "two fields have this key"),
        (MEMBER, &many("header", 3), Error, "4 fields stand in header"),
        (MEMBER, &many("primary", 1), Error, "2 fields stand in primary"),
        (MEMBER, &many("auxiliary", 1), Error, "5 fields stand in secondary and auxiliary"),
        ("@points_changed", "Your balance changed", Error, "lacks %@"),
        ("@points_changed", "Now {{ points }}", Error, "change_message has placeholders"),
        ("#2b1a12", "brown", Error, "\"brown\" is not a colour"),
        ("#2b1a12", "#fff", Error, "\"#fff\" is not a colour"),
        ("{{ next.name }}", "{{ next.reward }}", Error, "\"next.reward\" is not a placeholder"),
        ("{{ next.name }}", "{{ next.name | number }}", Error, "can't take the filter \"number\""),
        ("{{ next.name }}", "{{ next.name", Error, "never closed"),
        ("{{ next.name }}", "{{ voucher.reward }}", Error, "never has a value on a card"),
        ("{{ next.name }}", "{{ reward.name }}", Error, "only in the text reward_line"),
        ("{{ next.name }}", "{{ code }}", Error, "shows {{ code }} as text"),
        ("@next_reward", "@next_gift", Error, "has no text \"next_gift\""),
        (POINTS, &POINTS.replace("{{ points }}", "{{ points }} pts"), Error, "does not fit its format"),
        (POINTS, &POINTS.replace("{{ points }}", "{{ programme }}"), Error, "does not fit its format"),
        (POINTS, &POINTS.replace("\"number\"", "\"money\""), Error, "unknown variant `money`"),
        (POINTS, &format!("{POINTS}\ndate_style = \"short\""), Error, "need format date"),
        (MEMBER, &format!("{MEMBER}\nnumber_style = \"percent\""), Error, "needs format number"),
        (POINTS, &format!("{POINTS}\nalign = \"right\""), Error, "primary and back"),
        (MEMBER, &format!("{MEMBER}\nalign = \"middle\""), Error, "\"middle\" is not known"),
        (MEMBER, &format!("{MEMBER}\ndetect = [\"phone\"]"), Error, "back fields only"),
        (MEMBER, &format!("{MEMBER}\nlink = \"https://a.example\""), Error, "only back fields can be links"),
        (MEMBER, &format!("{MEMBER}\nextra = {{ value = 3 }}"), Error, "a key that Walaa writes itself"),
        (MEMBER, &format!("{MEMBER}\ncolour = \"red\""), Error, "unknown field `colour`"),
        (MEMBER, &format!("{MEMBER}\nchange_message = \"Hello %@\""), Warning, "2 fields have a change_message"),
        ("apple = \"header\"", "apple = \"top\"", Error, "\"top\" is not a place"),
        ("google = \"row1.end\"", "google = \"row4.end\"", Error, "\"row4.end\" is not a place"),
        ("google = \"row1.end\"", "google = \"row1.start\"", Error, "two fields stand in Google's place"),
        ("google = \"row1.start\"", "google = \"row3.end\"", Error, "has a gap"),
        ("apple = \"back\"\ngoogle = \"text\"", "", Error, "stands in no wallet"),
        ("key = \"last_change\"", "key = \"last.change\"", Error, "letters, digits, - or _"),
        ("message = \"{{ code }}\"", "message = \"12345\"", Error, "does not hold {{ code }}"),
        ("alt_text = \"{{ member_number }}\"", "", Warning, "has no alt_text"),
        ("sharingProhibited = true", "serialNumber = \"1\"", Error, "a key that Walaa writes itself"),
        ("sharingProhibited = true", "maxDistance = \"100\"", Error, "is not a number"),
        ("sharingProhibited = true", "locations = [{ latitude = \"1\", longitude = 2 }]", Error, "not a list of places"),
        ("relevant = \"voucher.expires\"", "relevant = \"points\"", Error, "is not a placeholder that can stand here"),
        ("style = \"storeCard\"", "style = \"boardingPass\"", Error, "unknown variant `boardingPass`"),
        ("\"@card_description\"", "\"\"", Error, "is empty"),
        ("format = 1", "format = 2", Error, "this version reads format 1"),
        ("\"en\", \"ar\"", "\"en\", \"fr\"", Warning, "belongs to no language"),
        ("default_language = \"en\"", "default_language = \"fr\"", Error, "not among the languages"),
        ("languages = [\"en\", \"ar\"]", "languages = [\"en\", \"../ar\"]", Error, "can't be used"),
        ("foreground = \"#fff6ea\"", "foreground = \"#6a5040\"", Warning, "contrast of only"),
        ("label = \"#e3b778\"", "label = \"#4a3428\"", Warning, "contrast of only"),
    ];
    for (old, new, severity, what) in cases {
        let files = changed("card.toml", old, new);
        let problems = Template::check(&files);
        let shown: Vec<_> = problems.iter().map(ToString::to_string).collect();
        let found = problems.iter().any(|problem| problem.severity == *severity && problem.what.contains(what));
        assert!(found, "{old} -> {new}\nexpected: {what}\nfound: {}", shown.join("\n"));
        assert!(problems.iter().all(|problem| !problem.advice.is_empty()), "every finding says what to do");
        let errors = problems.iter().any(|problem| problem.severity == Severity::Error);
        assert_eq!(Template::load(&files).is_err(), errors);
    }
}

#[test]
fn each_fault_of_the_strings_is_found() {
    use Severity::{Error, Warning};
    let arabic = "strings/ar.toml";
    let found =
        assert_found(&changed(arabic, "member = \"العضو\"\n", ""), Error, "card.toml", "strings/ar.toml has no text \"member\"");
    assert_eq!(found.at, "card.fields.member.label");
    assert_found(&changed(arabic, "change_expired = ", "change_lapsed = "), Error, arabic, "is missing");
    assert_found(&changed(arabic, "reward_line = ", "reward_row = "), Error, arabic, "is missing");
    assert_found(
        &changed(arabic, "member = \"العضو\"", "member = \"العضو {{ member }}\""),
        Error,
        "card.toml",
        "in some languages",
    );
    assert_found(&changed(arabic, "%@ ", ""), Error, "card.toml", "lacks %@");
    assert_found(&changed(arabic, "{{ change.time }}.", "{{ last_change }}."), Error, arabic, "can't stand in this sentence");
    assert_found(&changed(arabic, "direction = \"rtl\"", "direction = \"up\""), Error, arabic, "unknown variant `up`");
    assert_found(
        &changed("strings/en.toml", "held = \"Reserved\"", "held = \"Member\""),
        Error,
        "card.toml",
        "two texts read \"Member\"",
    );
    assert_found(&without(arabic), Error, arabic, "is missing");
    assert_found(&with_bytes(arabic, b"\xff\xfe"), Error, arabic, "not UTF-8");
    let mut unused = changed(arabic, "[text]", "[text]\nspare = \"x\"");
    let (_, english) = unused.iter_mut().find(|(path, _)| path == "strings/en.toml").expect("is there");
    *english = String::from_utf8(english.clone()).expect("is text").replace("[text]", "[text]\nspare = \"x\"").into_bytes();
    assert_found(&unused, Warning, arabic, "is used nowhere");
}

#[test]
fn each_fault_of_the_pictures_is_found() {
    use Severity::{Error, Warning};
    let picture = |name: &str| embedded::files("coffee").into_iter().find(|(path, _)| path == name).expect("is there").1;
    let strip2 = "images/strip@2x.png";
    assert_found(&without("images/icon"), Error, "images/", "there is no icon.png");
    assert_found(&without(strip2), Warning, "images/", "strip@2x.png is missing");
    assert_found(&with_bytes(strip2, &picture("images/strip.png")), Error, strip2, "is 375 × 144 pixels");
    assert_found(
        &with_bytes("images/logo@3x.png", &picture("images/logo@2x.png")),
        Error,
        "images/logo@3x.png",
        "which is not 3/1",
    );
    assert_found(&with_bytes("images/logo.png", &picture("images/strip.png")), Error, "images/logo.png", "is 375 × 144 pixels");
    assert_found(&with_bytes(strip2, b"GIF89a"), Error, strip2, "is not a PNG");
    let cut = &picture(strip2)[..2000];
    assert_found(&with_bytes(strip2, cut), Error, strip2, "damaged");
    assert_found(&with_bytes("images/logo@4x.png", cut), Error, "images/logo@4x.png", "is not a picture's name");
    assert_found(&with_bytes("images/footer.png", &picture("images/logo.png")), Warning, "images/footer.png", "draws no footer");
    let mut heavy = picture(strip2);
    let end = heavy.split_off(heavy.len() - 12);
    heavy.extend(std::iter::repeat_n(0, 400_000));
    heavy.extend(end);
    assert_found(&with_bytes(strip2, &heavy), Error, strip2, "kB large");
}

#[test]
fn a_strip_too_light_for_the_number_on_it_is_found() {
    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, 375, 144);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().expect("is writable");
    writer.write_image_data(&vec![230; 375 * 144 * 3]).expect("is writable");
    writer.finish().expect("is writable");
    assert_found(&with_bytes("images/strip.png", &png), Severity::Warning, "images/strip.png", "can hardly be read");
}

#[test]
fn missing_and_broken_files_are_found() {
    use Severity::Error;
    assert_found(&without("card.toml"), Error, "card.toml", "is missing");
    assert_found(&without("programme.toml"), Error, "programme.toml", "is missing");
    assert_found(&with_bytes("card.toml", b"\xff"), Error, "card.toml", "not UTF-8");
    let found = assert_found(&changed("programme.toml", "currency = \"KWD\"", "currency = KWD"), Error, "programme.toml", "");
    assert_eq!(found.at, "line 4");
    let large = with_bytes("images/strip.png", &vec![0; 21_000_000]);
    assert_found(&large, Error, ".", "too large");
    assert_found(&Vec::new(), Error, "card.toml", "is missing");
}

#[test]
fn faults_of_stamps_are_found() {
    let stamps = |old: &str, new: &str| {
        let mut files = embedded::files("stamps");
        let (_, bytes) = files.iter_mut().find(|(path, _)| path == "card.toml").expect("is there");
        let text = String::from_utf8(bytes.clone()).expect("is text");
        assert!(text.contains(old), "{old}");
        *bytes = text.replacen(old, new, 1).into_bytes();
        files
    };
    use Severity::Error;
    assert_found(&stamps("slots = 10", "slots = 40"), Error, "card.toml", "can't be drawn");
    assert_found(&stamps("rows = 2", "rows = 0"), Error, "card.toml", "can't be drawn");
    assert_found(&stamps("mark = \"M", "mark = \"X"), Error, "card.toml", "does not begin with M");
    assert_found(&stamps("apple = \"header\"", "apple = \"primary\""), Error, "card.toml", "written over the stamps");
    let mut files = embedded::files("stamps");
    files.retain(|(path, _)| path != "images/strip@3x.png");
    assert_found(&files, Error, "images/", "stamps need strip.png");
}

#[test]
fn a_package_gets_pictures_at_the_root_and_strings_per_language() {
    let coffee = Template::embedded("coffee").expect("loads");
    let files = coffee.files(PassKind::Card, coffee.variant_of(&card("en")));
    let names: Vec<_> = files.iter().map(|(path, _)| path.as_str()).collect();
    let expected = [
        "ar.lproj/pass.strings",
        "en.lproj/pass.strings",
        "icon.png",
        "icon@2x.png",
        "icon@3x.png",
        "logo.png",
        "logo@2x.png",
        "logo@3x.png",
        "strip.png",
        "strip@2x.png",
        "strip@3x.png",
    ];
    assert_eq!(names, expected);
    let total: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
    assert!(total < 120_000, "the coffee card is {total} bytes");
    let [card, voucher] = PassKind::ALL.map(|kind| coffee.files(kind, Variant::default()));
    let strip = |files: &[(String, std::sync::Arc<[u8]>)]| {
        files.iter().find(|(path, _)| path == "strip.png").expect("is there").1.clone()
    };
    assert_ne!(strip(&card), strip(&voucher), "the voucher has a strip of its own");
    for (path, bytes) in card.iter().filter(|(path, _)| path.ends_with(".strings")) {
        assert!(!bytes.starts_with(b"\xef\xbb\xbf"), "{path} has no byte order mark");
        assert!(pass_strings::parse(std::str::from_utf8(bytes).expect("is UTF-8")).is_some(), "{path}");
    }
}

#[test]
fn a_stamp_card_has_a_strip_for_each_count_and_direction() {
    let stamps = Template::embedded("stamps").expect("loads");
    assert_eq!(stamps.variants(PassKind::Card).count(), 22);
    assert_eq!(stamps.variants(PassKind::Voucher).count(), 1);
    let strip = |language: &str, count: u32| {
        let files = stamps.files(PassKind::Card, stamps.variant_of(&stamp_card(language, count)));
        files.iter().find(|(path, _)| path == "strip.png").expect("is there").1.clone()
    };
    let strips = [strip("en", 0), strip("en", 3), strip("en", 10), strip("ar", 3)];
    for (place, one) in strips.iter().enumerate() {
        assert!(strips[place + 1..].iter().all(|other| other != one), "each shows something else");
        assert!(one.len() < 60_000);
    }
    assert!(std::sync::Arc::ptr_eq(&strip("en", 3), &strip("en-GB", 3)), "each is drawn once");
}

#[test]
fn another_target_than_the_strip_has_places_shows_the_same_share() {
    use walaa::passes::{PassView, Stamps};
    let stamps = Template::embedded("stamps").expect("loads");
    let shown = |count, target| stamps.variant_of(&PassView { stamps: Some(Stamps { count, target }), ..card("en") }).stamps;
    assert_eq!([shown(6, 12), shown(11, 12), shown(12, 12), shown(40, 12), shown(3, 0)], [5, 9, 10, 10, 10]);
    assert_eq!(stamps.variant_of(&card("en")), Variant::default(), "a card without stamps");
}
