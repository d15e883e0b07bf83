//! The scanner as staff use it: enrolled, signed in, codes by camera, wedge and hand, a redemption whose answer got lost, no network.

use serde_json::{Value, json};

use super::cafe::Cafe;
use super::camera;
use super::chrome::{Chrome, LOOKS};
use super::lossy::Line;

/// Bytes of the scanner before pictures and the reader.
const MOST_BYTES: i64 = 100 * 1024;

impl Cafe {
    /// A live code of the sample card, and what a customer would say instead.
    async fn codes(&self) -> (String, String) {
        let path = format!("/v1/cards/{}/codes", self.demo.text("card"));
        let codes = self.api(reqwest::Method::POST, "pos_key", (&path, Some(json!({})))).await;
        let text = |kind: &str| codes[kind]["code"].as_str().expect("a code").to_owned();
        (text("live"), text("typed"))
    }

    async fn points(&self) -> i64 {
        self.get(&format!("/v1/cards/{}", self.demo.text("card"))).await["points"].as_i64().expect("points")
    }
}

/// Makes a browser a till and signs one of the staff in, as its manager and she do.
pub async fn open_shift(chrome: &Chrome, cafe: &Cafe, (base, language): (&str, &str)) {
    chrome.open(&format!("{base}/scan?lang={language}")).await;
    chrome.fill("[name=code]", cafe.demo.text("scan_code")).await;
    chrome.press("form[action='/scan/enrol'] button").await;
    chrome.until("document.querySelector('[name=pin]')").await;
    sign_in(chrome, cafe).await;
}

async fn sign_in(chrome: &Chrome, cafe: &Cafe) {
    chrome.press(&format!("[name=staff][value='{}']", cafe.demo.text("staff"))).await;
    chrome.fill("[name=pin]", cafe.demo.text("staff_pin")).await;
    chrome.press("form[action='/scan/shift'] button").await;
    ready(chrome).await;
}

pub async fn ready(chrome: &Chrome) {
    chrome.until("document.querySelector('main[data-scanner]') && document.documentElement.classList.contains('alive')").await;
}

pub async fn step(chrome: &Chrome, name: &str) {
    chrome.until(&format!("document.querySelector('main').dataset.step === '{name}'")).await;
}

pub async fn verdict(chrome: &Chrome, colour: &str) -> String {
    chrome.until(&format!("!document.querySelector('[data-is=verdict]').hidden && document.querySelector('[data-is=verdict]').dataset.colour === '{colour}'")).await;
    chrome.text("return document.querySelector('[data-is=verdict]').innerText").await
}

pub async fn next(chrome: &Chrome) {
    chrome.press("[data-is=next]").await;
    step(chrome, "ready").await;
}

pub async fn typed(chrome: &Chrome, code: &str) {
    chrome.fill("#code", code).await;
    chrome.press("[data-is=code-form] button").await;
}

pub async fn redeem(chrome: &Chrome, reward: &str) {
    step(chrome, "card").await;
    chrome.until(&format!("!document.querySelector(\"[data-reward='{reward}']\").disabled")).await;
    chrome.press(&format!("[data-reward='{reward}']")).await;
    chrome.press("[data-is=redeem]").await;
}

async fn points_on(page: &Chrome, points: i64) {
    page.until(&format!("document.querySelector('[data-points]')?.dataset.points === '{points}'")).await;
}

/// Adds points by a wedge scanner's code, redeems by a typed one, sees the card's page change both times, and undoes it.
async fn serve(chrome: &Chrome, page: &Chrome, (cafe, language): (&Cafe, &str)) {
    let before = cafe.points().await;
    chrome.keys(&format!("{}\n", cafe.codes().await.0)).await;
    step(chrome, "card").await;
    let shown = chrome.text("return document.querySelector('[data-is=desk-card]').innerText").await;
    assert!(shown.contains("Sara"), "{shown}");
    chrome.keep(&format!("scan-card-{language}")).await;
    chrome.fill("#amount", if language == "ar" { "١٢٫٥٠٠" } else { "12.500" }).await;
    chrome.fill("#receipt", &format!("R-{language}")).await;
    chrome.press("[data-is=earn]").await;
    let told = verdict(chrome, "green").await;
    assert!(told.contains(if language == "ar" { "١٢٥" } else { "125" }), "{told}");
    points_on(page, before + 125).await;
    next(chrome).await;

    typed(chrome, &cafe.codes().await.1).await;
    redeem(chrome, "espresso").await;
    verdict(chrome, "green").await;
    chrome.keep(&format!("scan-green-{language}")).await;
    points_on(page, before + 25).await;
    next(chrome).await;

    chrome.until("document.querySelectorAll('[data-is=recent] button').length >= 2").await;
    chrome.press("[data-is=recent] button").await;
    chrome.press("[data-is=undo-yes]").await;
    verdict(chrome, "green").await;
    points_on(page, before + 125).await;
    next(chrome).await;
    assert_eq!(chrome.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn staff_add_points_redeem_and_undo_in_english_and_in_arabic() {
    let cafe = Cafe::open();
    let (chrome, page) = (Chrome::start().await, Chrome::start().await);
    chrome.look(LOOKS[0]).await;
    page.open(&format!("{}?lang=en", cafe.card_page().await)).await;
    open_shift(&chrome, &cafe, (&cafe.base, "en")).await;
    let bytes = "return [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')] \
                 .filter(entry => !entry.name.includes('zxing')).reduce((sum, entry) => sum + entry.encodedBodySize, 0)";
    let bytes = chrome.run(bytes).await.as_i64().expect("bytes");
    assert!(bytes < MOST_BYTES, "{bytes} bytes before anything is scanned");
    serve(&chrome, &page, (&cafe, "en")).await;
    chrome.open(&format!("{}/scan?lang=ar", cafe.base)).await;
    ready(&chrome).await;
    serve(&chrome, &page, (&cafe, "ar")).await;

    // A code that is used up says who, when and where.
    let (live, _) = cafe.codes().await;
    typed(&chrome, &live).await;
    redeem(&chrome, "espresso").await;
    verdict(&chrome, "green").await;
    next(&chrome).await;
    typed(&chrome, &live).await;
    step(&chrome, "card").await;
    let rewards = chrome.run("return document.querySelectorAll('.reward:not(:disabled)').length").await;
    assert_eq!(rewards, json!(0), "nothing can be redeemed with a code that was used");
    chrome.press("[data-is=back]").await;

    typed(&chrome, "no code of ours").await;
    let told = verdict(&chrome, "red").await;
    assert!(told.contains("ليس من رموزنا"), "{told}");
    next(&chrome).await;

    // The shift ends, and with it what the page may do.
    chrome.press("form[action='/scan/shift/close'] button").await;
    chrome.until("document.querySelector('[name=pin]')").await;
    let kept = chrome
        .run("return Object.keys(localStorage).filter(key => key !== 'scanner-muted').length + document.cookie.length")
        .await;
    assert_eq!(kept, json!(0), "nothing that a script could read is kept");
}

#[tokio::test]
async fn the_camera_reads_a_code() {
    let cafe = Cafe::open();
    let folder = tempfile::tempdir().expect("a folder");
    let (live, _) = cafe.codes().await;
    let chrome = Chrome::start_with(&camera::held_to(&live, &folder.path().join("camera.y4m"))).await;
    chrome.look(LOOKS[0]).await;
    open_shift(&chrome, &cafe, (&cafe.base, "en")).await;
    chrome.press("[data-is=camera-on]").await;
    chrome.until("document.querySelector('[data-is=camera-off]').hidden").await;
    chrome.keep("scan-camera").await;
    redeem(&chrome, "espresso").await;
    verdict(&chrome, "green").await;
    assert_eq!(chrome.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn an_answer_that_is_lost_is_amber_until_it_is_known() {
    let cafe = Cafe::open();
    let line = Line::to(&cafe.base);
    let chrome = Chrome::start().await;
    chrome.look(LOOKS[0]).await;
    open_shift(&chrome, &cafe, (&line.base, "en")).await;
    cafe.post("/v1/earnings", sale(&cafe)).await;
    let before = cafe.points().await;

    // One answer is lost: asked again under the same id, and told what happened the first time.
    line.lose_answers(1);
    typed(&chrome, &cafe.codes().await.1).await;
    redeem(&chrome, "espresso").await;
    let told = verdict(&chrome, "amber").await;
    assert!(told.contains("Do not hand anything over"), "{told}");
    chrome.keep("scan-amber").await;
    verdict(&chrome, "green").await;
    assert_eq!((line.passed(), cafe.points().await), (2, before - 100), "asked twice, captured once");
    next(&chrome).await;

    // Every answer is lost: the till gives the operation up, and hears that it was done.
    line.lose_answers(5);
    typed(&chrome, &cafe.codes().await.1).await;
    redeem(&chrome, "espresso").await;
    verdict(&chrome, "green").await;
    assert_eq!(cafe.points().await, before - 200);
    next(&chrome).await;

    // No request gets through: given up, it never happened and never will.
    line.lose_requests(5);
    typed(&chrome, &cafe.codes().await.1).await;
    redeem(&chrome, "espresso").await;
    let told = verdict(&chrome, "red").await;
    assert!(told.contains("Not done"), "{told}");
    assert_eq!(cafe.points().await, before - 200);
    let open = "new Promise(done => { const r = indexedDB.open('walaa-scanner'); r.onsuccess = () => { const all = r.result.transaction('pending').objectStore('pending').getAll(); all.onsuccess = () => done(all.result); }; })";
    assert_eq!(chrome.run(&format!("return {open}")).await, json!([]), "nothing is open any more");
    next(&chrome).await;

    // The till stops while it waits for an answer; when it starts again it learns how that ended.
    line.lose_answers(1);
    typed(&chrome, &cafe.codes().await.1).await;
    redeem(&chrome, "espresso").await;
    verdict(&chrome, "amber").await;
    let waiting = chrome.run(&format!("return {open}")).await;
    let text = waiting.to_string();
    assert_eq!(waiting.as_array().map(Vec::len), Some(1), "{text}");
    assert!(!text.contains("Sara") && !text.contains("code"), "no name and no code is kept: {text}");
    chrome.open(&format!("{}/scan?lang=en", line.base)).await;
    let told = verdict(&chrome, "green").await;
    assert!(told.contains("before the answer was lost"), "{told}");
    assert_eq!(cafe.points().await, before - 300);
    next(&chrome).await;

    // What the device left open as another till is not ours to settle: it is kept, and told.
    let other = "new Promise(done => { const r = indexedDB.open('walaa-scanner'); r.onsuccess = () => { \
                 const t = r.result.transaction('pending', 'readwrite'); t.oncomplete = () => done(1); \
                 t.objectStore('pending').put({ op: 'left-by-another-till', kind: 'redeem', till: 'term_other', shift: 'x', \
                 facts: { what: 'Flat white', points: 150 }, at: Date.now() }); }; })";
    chrome.run(&format!("return {other}")).await;
    chrome.open(&format!("{}/scan?lang=en", line.base)).await;
    ready(&chrome).await;
    let told = chrome.text("return document.querySelector('[data-is=trouble]').innerText").await;
    assert!(told.contains("Flat white"), "{told}");
    let kept = chrome.run(&format!("return {open}")).await;
    assert_eq!(kept[0]["op"], json!("left-by-another-till"), "{kept}");
}

/// Enough points for all that follows.
fn sale(cafe: &Cafe) -> Value {
    json!({ "card": cafe.demo.text("card"), "receipt": "R-1", "total": { "amount": "80.000", "currency": "KWD" } })
}

#[tokio::test]
async fn without_a_network_it_says_so_and_does_nothing() {
    let cafe = Cafe::open();
    let chrome = Chrome::start().await;
    chrome.look(LOOKS[0]).await;
    open_shift(&chrome, &cafe, (&cafe.base, "en")).await;
    chrome.until("navigator.serviceWorker.controller || (navigator.serviceWorker.ready.then(r => globalThis.ready = r.active.state === 'activated'), globalThis.ready)").await;
    chrome
        .until("globalThis.kept > 3 || (caches.open('scanner').then(c => c.keys()).then(k => globalThis.kept = k.length), false)")
        .await;
    let base = cafe.base.clone();
    typed(&chrome, &cafe.codes().await.1).await;
    step(&chrome, "card").await;
    drop(cafe);
    chrome.run("dispatchEvent(new Event('offline')); return 1").await;
    chrome
        .until("!document.querySelector('[data-is=offline]').hidden && document.querySelector('[data-is=earn]').disabled")
        .await;
    chrome.keep("scan-offline-banner").await;
    chrome.open(&format!("{base}/scan")).await;
    let shown = chrome.text("return document.body.innerText").await;
    assert!(shown.contains("The scanner is offline"), "{shown}");
    chrome.keep("scan-offline").await;
}

#[tokio::test]
async fn every_screen_of_the_scanner_looks_right_and_keeps_nobody_out() {
    let cafe = Cafe::open();
    let chrome = Chrome::start().await;
    let mut seen = Screens { chrome: &chrome, language: "en" };
    chrome.open(&format!("{}/scan", cafe.base)).await;
    seen.every("enrol").await;
    chrome.fill("[name=code]", cafe.demo.text("scan_code")).await;
    chrome.press("form[action='/scan/enrol'] button").await;
    chrome.until("document.querySelector('[name=pin]')").await;
    seen.every("sign-in").await;
    sign_in(&chrome, &cafe).await;
    for language in ["en", "ar"] {
        seen.language = language;
        chrome.open(&format!("{}/scan?lang={language}", cafe.base)).await;
        ready(&chrome).await;
        seen.each("ready").await;
        typed(&chrome, &cafe.codes().await.1).await;
        step(&chrome, "card").await;
        chrome.press("[data-reward='espresso']").await;
        seen.each("chosen").await;
        chrome.fill("#amount", "4.250").await;
        chrome.fill("#receipt", &format!("L-{language}")).await;
        chrome.press("[data-is=earn]").await;
        verdict(&chrome, "green").await;
        seen.each("green").await;
        next(&chrome).await;
        chrome.press("[data-is=recent] button").await;
        seen.each("undo").await;
        chrome.press("[data-is=undo-no]").await;
        typed(&chrome, "no code of ours").await;
        verdict(&chrome, "red").await;
        seen.each("red").await;
    }
}

/// Looks at what is open now.
struct Screens<'a> {
    chrome: &'a Chrome,
    language: &'static str,
}

impl Screens<'_> {
    /// In both languages: for pages that can be loaded again.
    async fn every(&mut self, name: &str) {
        for language in ["ar", "en"] {
            self.language = language;
            self.chrome.run(&format!("location.search = '?lang={language}'; return 1")).await;
            self.chrome
                .until(&format!("document.documentElement.lang === '{language}' && document.readyState === 'complete'"))
                .await;
            self.each(name).await;
        }
    }

    async fn each(&self, name: &str) {
        for look in LOOKS {
            self.chrome.look(look).await;
            self.chrome.until("document.fonts.status === 'loaded'").await;
            let place = format!("scan-{name}-{}-{}", look.name, self.language);
            assert_eq!(self.chrome.barriers().await, Vec::<String>::new(), "{place}");
            let wide = self.chrome.run("return document.documentElement.scrollWidth > innerWidth").await;
            assert_eq!(wide, json!(false), "{place} is wider than its window");
            self.chrome.keep(&place).await;
        }
        self.chrome.look(LOOKS[0]).await;
    }
}
