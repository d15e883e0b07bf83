//! The guide as a newcomer follows it: frames that show something, a sale, a till of one's own, an espresso, a refusal, a replay.

use serde_json::{Value, json};

use super::cafe::Cafe;
use super::chrome::{Chrome, LOOKS, Look};

const DESK: Look = Look { name: "desk-wide", width: 1440, height: 900, scheme: "light" };

/// What the guide frames is another origin: the developer tools see each as a target of the same process tree, so the page's own
/// frame tree is asked for what they show.
async fn shown_in(chrome: &Chrome, id: &str) -> String {
    let tree = chrome.tools("DOM.getDocument", json!({ "depth": -1, "pierce": true })).await;
    let mut letters = String::new();
    gather(&framed(&tree["root"], id).unwrap_or_default(), &mut letters);
    letters
}

/// The document within the frame of an id.
fn framed(node: &Value, id: &str) -> Option<Value> {
    let attributes = node["attributes"].as_array().cloned().unwrap_or_default();
    if attributes.chunks(2).any(|pair| pair[0] == "id" && pair[1] == id) {
        return Some(node["contentDocument"].clone());
    }
    node["children"].as_array().into_iter().flatten().find_map(|child| framed(child, id))
}

fn gather(node: &Value, letters: &mut String) {
    if node["nodeName"] == "SCRIPT" || node["nodeName"] == "STYLE" {
        return;
    }
    if node["nodeType"] == 3 {
        letters.push_str(node["nodeValue"].as_str().unwrap_or_default());
        letters.push('\n');
    }
    node["children"].as_array().into_iter().flatten().for_each(|child| gather(child, letters));
}

async fn until_shown(chrome: &Chrome, (id, words): (&str, &str)) {
    for _ in 0..300 {
        if shown_in(chrome, id).await.contains(words) {
            return;
        }
        chrome.run("return new Promise(done => setTimeout(done, 100))").await;
    }
    panic!("{id} never showed {words}: {}", shown_in(chrome, id).await);
}

async fn done(chrome: &Chrome, step: usize) {
    chrome.until(&format!("document.querySelector('.steps li:nth-child({step}) .done')")).await;
}

async fn act(chrome: &Chrome) {
    chrome.press("#actions .primary").await;
}

/// The scanner as a document of its own: a click in another origin's frame is the same request, and the cookies are the host's.
async fn become_till(till: &Chrome, guide: &Chrome, address: &str) {
    let [code, pin] =
        ["#scan-code", "#pin"].map(|field| format!("return document.querySelector('{field} .field-value').textContent"));
    till.open(address).await;
    till.fill("[name=code]", &guide.text(&code).await).await;
    till.press("form[action='/scan/enrol'] button").await;
    till.until("document.querySelector('[name=pin]')").await;
    till.press("[name=staff]").await;
    till.fill("[name=pin]", &guide.text(&pin).await).await;
    till.press("form[action='/scan/shift'] button").await;
    till.until("document.querySelector('main[data-scanner]') && document.documentElement.classList.contains('alive')").await;
}

#[tokio::test]
async fn a_newcomer_is_led_through_the_story() {
    let cafe = Cafe::open();
    let chrome = Chrome::start_with(&["--disable-features=IsolateOrigins,site-per-process".to_owned()]).await;
    chrome.look(DESK).await;
    let guide = cafe.demo.text("guide_url").to_owned();
    chrome.open(&format!("{guide}?lang=en")).await;
    chrome.until("document.querySelector('#frame-till') && document.querySelector('#points').dataset.points").await;
    until_shown(&chrome, ("frame-iphone", "Sara")).await;
    until_shown(&chrome, ("frame-till", "Make this device a till")).await;
    done(&chrome, 1).await;

    let points = || chrome.run("return Number(document.querySelector('#points').dataset.points)");
    let before = points().await.as_i64().expect("points");
    act(&chrome).await;
    done(&chrome, 2).await;
    assert_eq!(points().await, json!(before + 125));
    until_shown(&chrome, ("frame-iphone", &(before + 125).to_string())).await;

    act(&chrome).await;
    let till = Chrome::start().await;
    become_till(&till, &chrome, &format!("{}/scan?lang=en", cafe.base)).await;
    done(&chrome, 3).await;

    act(&chrome).await;
    chrome.until("document.querySelector('#saras-code')").await;
    let code = chrome.text("return document.querySelector('#saras-code .field-value').textContent").await;
    till.fill("#code", &code).await;
    till.press("[data-is=code-form] button").await;
    till.until("document.querySelector(\"[data-reward='espresso']\")?.disabled === false").await;
    till.press("[data-reward='espresso']").await;
    till.press("[data-is=redeem]").await;
    till.until("document.querySelector('[data-is=verdict]').dataset.colour === 'green'").await;
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
