//! What holds for every page: its headers, its size, its files.

use std::collections::BTreeSet;

use walaa::pages::FramingOrigin;

use super::visitor::{Visitor, card_page};
use crate::support::app::TestApp;

/// Bytes that a page may have over the wire, with its styles, scripts and fonts, before pictures.
const MOST_BYTES: usize = 100 * 1024;

async fn addresses(app: &TestApp) -> Vec<String> {
    let customer = app.enrol(&app.shop).await;
    app.earn(&app.shop, &customer.card, "20.000").await;
    let voucher = app.issue_voucher(&app.shop, &customer.card, "coffee").await;
    let (card, join) = (card_page(app, &customer).await, format!("/join/{}", app.shop.programme));
    let voucher = format!("{card}/vouchers/{}", voucher["id"].as_str().expect("an id"));
    let of_card = ["", "/history", "/privacy", "/lost", "/offline"].map(|end| format!("{card}{end}"));
    let of_join = ["", "/known", "/poster?channel=poster"].map(|end| format!("{join}{end}"));
    let others = ["/v/nothing", "/c/closed", "/nothing", "/c/nothing", "/join/nothing", "/scan"].map(str::to_owned);
    [&of_card[..], &of_join[..], &others[..], &[voucher]].concat()
}

#[tokio::test]
async fn every_page_locks_itself_in() {
    let app = TestApp::spawn().await;
    let mut nonces = BTreeSet::new();
    for path in addresses(&app).await {
        let seen = Visitor::of(&app).get(&path).await;
        assert_eq!(seen.header("content-type"), "text/html; charset=utf-8", "{path} ({})", seen.status);
        let policy = seen.header("content-security-policy");
        let nonce = policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).expect("a nonce").to_owned();
        for part in [
            "default-src 'none'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "require-trusted-types-for 'script'",
        ] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert!(nonces.insert(nonce.clone()), "{path}: a nonce is used once");
        assert_eq!(seen.body.matches("nonce=\"").count(), seen.body.matches(&format!("nonce=\"{nonce}\"")).count(), "{path}");
        assert!(seen.header("permissions-policy").contains("camera=()"), "{path}");
        let fixed = [
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("cross-origin-opener-policy", "same-origin"),
            ("x-frame-options", "DENY"),
            ("cache-control", "no-store"),
        ];
        for (name, value) in fixed {
            assert_eq!(seen.header(name), value, "{path}: {name}");
        }
        for cookie in seen.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().expect("text");
            assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/"), "{cookie}");
        }
    }
}

#[tokio::test]
async fn pages_are_framed_by_whom_the_operator_names_and_by_nobody_else() {
    let named = ["https://till.example.com", "http://localhost:8090"].map(|text| FramingOrigin::parse(text).expect("an origin"));
    let mut app = TestApp::changed(|config| config.pages.framed_by = named.to_vec()).await;
    app.shop = app.found_shop().await;
    for path in addresses(&app).await {
        let seen = Visitor::of(&app).get(&path).await;
        let policy = seen.header("content-security-policy");
        assert!(policy.contains("; frame-ancestors https://till.example.com http://localhost:8090; "), "{path}: {policy}");
        assert_eq!(policy.matches("till.example.com").count(), 1, "{path}: it may do nothing else");
        assert_eq!(seen.header("x-frame-options"), "", "{path}: it knows no lists");
    }
    let api = app.send(crate::support::app::Ask::get("/v1/cards")).await;
    assert_eq!(api.header("content-security-policy"), "default-src 'none'; frame-ancestors 'none'", "the API is no page");
}

#[tokio::test]
async fn cookies_are_bound_to_the_host_over_https() {
    let app = TestApp::spawn().await;
    let mut visitor = Visitor::of(&app);
    visitor.headers.push(("x-forwarded-proto", "https".to_owned()));
    let seen = visitor.get(&format!("/join/{}?lang=ar", app.shop.programme)).await.expect(200);
    let cookies: Vec<_> = seen.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().expect("text")).collect();
    assert_eq!(cookies.len(), 2, "{cookies:?}");
    assert!(cookies.iter().all(|cookie| cookie.starts_with("__Host-walaa-") && cookie.contains("; Secure")), "{cookies:?}");
}

#[tokio::test]
async fn every_page_is_light() {
    let app = TestApp::spawn().await;
    for path in addresses(&app).await {
        for language in ["en", "ar"] {
            let separator = if path.contains('?') { '&' } else { '?' };
            let mut visitor = Visitor::of(&app);
            let page = visitor.get(&format!("{path}{separator}lang={language}")).await;
            let mut bytes = page.body.len();
            visitor.headers.push(("accept-encoding", "gzip".to_owned()));
            let fonts = ["plex-latin-400", "plex-latin-600", "plex-arabic-400", "plex-arabic-600"];
            let needed = if language == "ar" { &fonts[..] } else { &fonts[..2] };
            let base = page.body.split("/assets/").nth(1).and_then(|rest| rest.split('/').next()).expect("a version").to_owned();
            let fonts = needed.iter().map(|font| format!("/assets/{base}/fonts/{font}.woff2"));
            let script = page.body.contains("card.js").then(|| format!("/assets/{base}/card.js"));
            let colors =
                page.body.split("href=\"").find(|rest| rest.starts_with("/brand/")).and_then(|rest| rest.split('"').next());
            let styles = [format!("/assets/{base}/base.css")].into_iter().chain(colors.map(str::to_owned));
            for file in fonts.chain(script).chain(styles) {
                let seen = visitor.raw(&file).await;
                assert_eq!(seen.header("cache-control"), "public, max-age=31536000, immutable", "{file}");
                bytes += seen.bytes;
            }
            assert!(bytes < MOST_BYTES, "{path} in {language} has {bytes} bytes");
        }
    }
}

#[tokio::test]
async fn crawlers_may_read_what_google_needs_and_no_card() {
    let app = TestApp::spawn().await;
    let seen = Visitor::of(&app).get("/robots.txt").await.expect(200);
    let google = seen.body.split("User-agent: *").next().expect("a part");
    assert!(google.contains("User-agent: Googlebot\nAllow: /google/callbacks/"), "{}", seen.body);
    assert!(seen.body.matches("Disallow: /c/").count() == 2);
}

#[tokio::test]
async fn an_address_that_is_none_is_a_page_for_people_and_a_problem_for_programs() {
    let app = TestApp::spawn().await;
    let seen = Visitor::of(&app).get("/nothing?lang=ar").await.expect(404);
    assert!(seen.body.contains("dir=\"rtl\"") && seen.words().contains("لا شيء هنا"));
    app.send(crate::support::app::Ask::get("/nothing")).await.refused("not_found");
}

#[tokio::test]
async fn another_method_hears_which_are_taken() {
    let app = TestApp::spawn().await;
    let card = card_page(&app, &app.enrol(&app.shop).await).await;
    let client = reqwest::Client::new();
    let cases = [
        ("DELETE", card.clone(), "GET, HEAD"),
        ("GET", format!("{card}/vouchers"), "POST"),
        ("PUT", format!("{card}/lost"), "GET, HEAD, POST"),
        ("POST", format!("/join/{}/poster", app.shop.programme), "GET, HEAD"),
        ("GET", "/scan/shift".to_owned(), "POST"),
        ("HEAD", format!("{card}/live"), "GET"),
    ];
    for (method, path, takes) in cases {
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let answer = client.request(method.clone(), format!("{}{path}", app.address)).send().await.expect("an answer");
        assert_eq!(answer.status(), 405, "{method} {path}");
        assert_eq!(answer.headers()["allow"], takes, "{method} {path}");
        assert!(answer.headers().contains_key("content-security-policy"), "{method} {path}");
    }
    let head = client.head(format!("{}{card}", app.address)).send().await.expect("an answer");
    assert_eq!((head.status().as_u16(), &head.headers()["content-type"].as_bytes()[..9]), (200, &b"text/html"[..]));
    assert_eq!(head.text().await.expect("nothing"), "");
}

#[test]
fn the_vendored_reader_is_as_it_came() {
    let folder = std::path::Path::new("web/pages/assets/vendor/zxing-wasm");
    let sums = std::fs::read_to_string(folder.join("SHA256SUMS")).expect("checksums");
    assert_eq!(sums.lines().count(), 3);
    for line in sums.lines() {
        let (wanted, name) = line.split_once("  ").expect("a checksum and a name");
        let file = std::fs::read(folder.join(name)).expect(name);
        let sum: String = openssl::sha::sha256(&file).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(sum, wanted, "{name}");
    }
}
