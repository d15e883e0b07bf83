//! The guide as a newcomer follows it: frames that show something, a sale, a till of one's own, an espresso, a refusal, a replay.

use serde_json::json;

use super::cafe::Cafe;
use super::chrome::{Chrome, LOOKS, Look};

/// Parts of the addresses of the frames.
const PHONE: &str = "/phone?";
const TILL: &str = "/scan";

const DESK: Look = Look { name: "desk-wide", width: 1440, height: 900, scheme: "light" };

async fn done(chrome: &Chrome, step: usize) {
    chrome.until(&format!("document.querySelector('.steps li:nth-child({step}) .done')")).await;
}

async fn act(chrome: &Chrome) {
    chrome.press("#actions .primary").await;
}

/// Types into the till's frame and presses a button there, as a cashier does.
async fn at_till(chrome: &Chrome, (field, value, button): (&str, &str, &str)) {
    chrome.until_inside(TILL, &format!("document.querySelector({field:?})")).await;
    let script =
        format!("document.querySelector({field:?}).value = {value:?}; document.querySelector({button:?}).click(); return 1");
    assert_eq!(chrome.inside(TILL, &script).await, Some(json!(1)), "{field}");
}

/// A text that the guide shows to be typed elsewhere.
async fn told(chrome: &Chrome, field: &str) -> String {
    chrome.until(&format!("document.querySelector('{field} .field-value')")).await;
    chrome.text(&format!("return document.querySelector('{field} .field-value').textContent")).await
}

/// Becomes a till by the one-time code, signs in, and redeems an espresso with the code that Sara says: all within the frame.
async fn make_the_till_mine(chrome: &Chrome) {
    let (code, pin) = (told(chrome, "#scan-code").await, told(chrome, "#pin").await);
    at_till(chrome, ("[name=code]", &code, "form[action='/scan/enrol'] button")).await;
    chrome.until_inside(TILL, "document.querySelector('[name=pin]')").await;
    chrome.inside(TILL, "document.querySelector('[name=staff]').click()").await;
    at_till(chrome, ("[name=pin]", &pin, "form[action='/scan/shift'] button")).await;
    chrome.until_inside(TILL, "document.documentElement.classList.contains('alive')").await;
}

async fn redeem_an_espresso(chrome: &Chrome) {
    let code = told(chrome, "#saras-code").await;
    at_till(chrome, ("#code", &code, "[data-is=code-form] button")).await;
    chrome.until_inside(TILL, "document.querySelector(\"[data-reward='espresso']\")?.disabled === false").await;
    let press =
        "document.querySelector(\"[data-reward='espresso']\").click(); document.querySelector('[data-is=redeem]').click()";
    chrome.inside(TILL, press).await;
    chrome.until_inside(TILL, "document.querySelector('[data-is=verdict]').dataset.colour === 'green'").await;
}

#[tokio::test]
async fn a_newcomer_is_led_through_the_story() {
    let cafe = Cafe::open();
    let chrome = Chrome::start().await;
    chrome.look(DESK).await;
    let guide = cafe.demo.text("guide_url").to_owned();
    chrome.open(&format!("{guide}?lang=en")).await;
    chrome.until("document.querySelector('#frame-till') && document.querySelector('#points').dataset.points").await;
    chrome.until_inside(PHONE, "document.body.innerText.includes('Sara')").await;
    chrome.until_inside(TILL, "document.body.innerText.includes('Make this device a till')").await;
    done(&chrome, 1).await;

    let points = || chrome.run("return Number(document.querySelector('#points').dataset.points)");
    let before = points().await.as_i64().expect("points");
    act(&chrome).await;
    done(&chrome, 2).await;
    assert_eq!(points().await, json!(before + 125));
    chrome.until_inside(PHONE, &format!("document.body.innerText.includes('{}')", before + 125)).await;

    act(&chrome).await;
    make_the_till_mine(&chrome).await;
    done(&chrome, 3).await;

    chrome.until("document.querySelector('#now-title').textContent.includes('espresso')").await;
    act(&chrome).await;
    redeem_an_espresso(&chrome).await;
    done(&chrome, 4).await;

    chrome.until("document.querySelector('#now-title').textContent.includes('same code')").await;
    act(&chrome).await;
    done(&chrome, 5).await;
    let answer = chrome.text("return document.querySelector('.answer').innerText").await;
    assert!(answer.contains("409") && answer.contains("already_redeemed") && answer.contains("Counter"), "{answer}");
    assert!(answer.contains("C1"), "the cashier who redeemed it: {answer}");

    act(&chrome).await;
    act(&chrome).await;
    done(&chrome, 6).await;
    let answer = chrome.text("return document.querySelector('.answer').innerText").await;
    assert!(answer.contains("Idempotent-Replayed: true") && answer.contains("Byte for byte"), "{answer}");
    assert_eq!(points().await, json!(before + 25), "one sale, one espresso");
    chrome.keep("guide-end").await;

    let page = chrome.text("return document.documentElement.outerHTML").await;
    for key in ["pos_key", "admin_key", "terminal_key"] {
        assert!(!page.contains(cafe.demo.text(key)), "the page holds no key");
    }
    assert_eq!(chrome.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn it_looks_right_and_keeps_nobody_out() {
    let cafe = Cafe::open();
    let chrome = Chrome::start().await;
    for language in ["en", "ar"] {
        for look in [LOOKS[0], LOOKS[1], DESK, Look { scheme: "dark", name: "desk-wide-dark", ..DESK }] {
            chrome.look(look).await;
            chrome.open(&format!("{}?lang={language}", cafe.demo.text("guide_url"))).await;
            chrome.until("document.querySelector('#points').dataset.points && document.fonts.status === 'loaded'").await;
            let place = format!("guide-{}-{language}", look.name);
            assert_eq!(chrome.barriers().await, Vec::<String>::new(), "{place}");
            let wide = chrome.run("return document.documentElement.scrollWidth > innerWidth").await;
            assert_eq!(wide, json!(false), "{place} is wider than its window");
            chrome.keep(&place).await;
        }
    }
}

#[tokio::test]
async fn only_its_own_page_runs_the_story_and_nothing_else_is_run() {
    let cafe = Cafe::open();
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let guide = cafe.demo.text("guide_url").trim_end_matches('/').to_owned();
    let (port, body) = (guide.rsplit(':').next().expect("a port"), json!({ "name": "sale" }));
    let asked = |origin: Option<String>, name: &'static str| {
        let request = http.post(format!("{guide}/run")).json(&json!({ "name": name }));
        let request = origin.iter().fold(request, |request, origin| request.header("origin", origin));
        async move { request.send().await.expect("an answer").status().as_u16() }
    };
    for stranger in [None, Some("https://evil.example"), Some("null"), Some(cafe.demo.text("base_url"))] {
        assert_eq!(asked(stranger.map(str::to_owned), "sale").await, 403, "{stranger:?}");
    }
    assert_eq!(asked(Some(guide.clone()), "same_code").await, 409, "no code was used yet");
    assert_eq!(asked(Some(guide.clone()), "GET /v1/members").await, 400, "what is no request of the story");
    let other = http.post(format!("{guide}/run")).json(&body).header("origin", &guide).header("sec-fetch-site", "same-site");
    assert_eq!(other.send().await.expect("an answer").status(), 403);
    let rebound =
        http.get(format!("{guide}/places")).header("host", format!("evil.example:{port}")).send().await.expect("an answer");
    assert_eq!(rebound.status(), 403, "a name of the internet that leads here");
    assert_eq!(asked(Some(guide.clone()), "sale").await, 200);

    // The scanner may be framed by the guide alone.
    let scanner = http.get(cafe.demo.text("scan_url")).send().await.expect("a page");
    let policy = scanner.headers()["content-security-policy"].to_str().expect("text").to_owned();
    assert!(policy.contains(&format!("frame-ancestors http://127.0.0.1:{port} http://localhost:{port};")), "{policy}");
    assert!(!scanner.headers().contains_key("x-frame-options"));
}
