//! Headless Chromium, driven by its own driver over the WebDriver protocol: one process group of ours, ended as a whole.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

/// Longer than anything takes, even while the machine compiles something else.
const PATIENCE: Duration = Duration::from_secs(60);

/// Tries to start the driver.
const STARTS: usize = 5;

/// The checker of accessibility, from npm; `vendor/README.md` says which.
const AXE: &str = include_str!("vendor/axe.min.js");

/// How a page is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    pub name: &'static str,
    pub width: u32,
    pub height: u32,
    pub scheme: &'static str,
}

/// A phone and a desk, by day and by night.
pub const LOOKS: [Look; 4] = [
    Look { name: "phone-light", width: 390, height: 844, scheme: "light" },
    Look { name: "phone-dark", width: 390, height: 844, scheme: "dark" },
    Look { name: "desk-light", width: 1280, height: 800, scheme: "light" },
    Look { name: "desk-dark", width: 1280, height: 800, scheme: "dark" },
];

/// A browser with one window.
pub struct Chrome {
    driver: Child,
    session: String,
    client: reqwest::Client,
}

impl Chrome {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// A browser that is told more on its command line.
    pub async fn start_with(more: &[String]) -> Self {
        let (driver, port) = (0..STARTS).find_map(|_| start_driver()).expect("chromedriver starts (Debian: chromium-driver)");
        let client = reqwest::Client::builder().timeout(PATIENCE).build().expect("a client");
        let base = format!("http://127.0.0.1:{port}");
        let mut chrome = Self { driver, session: base, client };
        let arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"];
        let arguments: Vec<_> = arguments.iter().copied().chain(more.iter().map(String::as_str)).collect();
        let options = json!({ "args": arguments });
        let wanted = json!({ "browserName": "chrome", "goog:loggingPrefs": { "browser": "ALL" }, "goog:chromeOptions": options });
        let made = chrome.command("/session", &json!({ "capabilities": { "alwaysMatch": wanted } })).await;
        chrome.session = format!("{}/session/{}", chrome.session, made["sessionId"].as_str().expect("a session"));
        chrome
    }

    async fn answered(&self, path: &str, body: &Value) -> Value {
        let request = self.client.post(format!("{}{path}", self.session)).json(body);
        let answer: Value = request.send().await.expect("the driver answers").json().await.expect("JSON");
        answer["value"].clone()
    }

    async fn command(&self, path: &str, body: &Value) -> Value {
        let value = self.answered(path, body).await;
        assert!(value["error"].is_null(), "{path}: {value}");
        value
    }

    /// A command of the developer tools.
    pub async fn tools(&self, command: &str, parameters: Value) -> Value {
        self.command("/goog/cdp/execute", &json!({ "cmd": command, "params": parameters })).await
    }

    /// Runs a script in the frame whose address holds a text; nothing while there is none, or while it goes elsewhere.
    pub async fn inside(&self, frame: &str, script: &str) -> Option<Value> {
        let tree = self.tools("Page.getFrameTree", json!({})).await;
        let frames = tree["frameTree"]["childFrames"].as_array().cloned().unwrap_or_default();
        let shown = |child: &&Value| child["frame"]["url"].as_str().is_some_and(|url| url.contains(frame));
        let id = &frames.iter().find(shown)?["frame"]["id"];
        let ask = |command: &str, parameters: Value| {
            let body = json!({ "cmd": command, "params": parameters });
            async move { self.answered("/goog/cdp/execute", &body).await }
        };
        let world = ask("Page.createIsolatedWorld", json!({ "frameId": id })).await;
        let context = world["executionContextId"].as_i64()?;
        let expression = format!("(() => {{ {script} }})()");
        let options = json!({ "expression": expression, "contextId": context, "returnByValue": true });
        let answer = ask("Runtime.evaluate", options).await;
        answer["exceptionDetails"].is_null().then(|| answer["result"]["value"].clone())
    }

    /// Waits until a condition of a frame holds.
    pub async fn until_inside(&self, frame: &str, condition: &str) {
        for _ in 0..300 {
            if self.inside(frame, &format!("return !!({condition})")).await == Some(json!(true)) {
                return;
            }
            self.run("return new Promise(done => setTimeout(done, 100))").await;
        }
        panic!("the frame {frame} never came to: {condition}");
    }

    pub async fn open(&self, address: &str) {
        self.command("/url", &json!({ "url": address })).await;
    }

    /// Runs a script in the page, beyond its policy, and gives what it returns.
    pub async fn run(&self, script: &str) -> Value {
        let expression = format!("(() => {{ {script} }})()");
        let options = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let answer = self.tools("Runtime.evaluate", options).await;
        assert!(answer["exceptionDetails"].is_null(), "{script}: {answer}");
        answer["result"]["value"].clone()
    }

    pub async fn text(&self, script: &str) -> String {
        let value = self.run(script).await;
        value
            .as_str()
            .unwrap_or_default()
            .chars()
            .filter(|letter| !matches!(letter, '\u{2066}'..='\u{2069}' | '\u{200f}'))
            .collect()
    }

    /// Waits until a condition of the page holds.
    pub async fn until(&self, condition: &str) {
        let holds = self
            .tools("Runtime.evaluate", json!({ "expression": waiting(condition), "awaitPromise": true, "returnByValue": true }))
            .await;
        assert_eq!(holds["result"]["value"], json!(true), "the page never came to: {condition}; {holds}");
    }

    pub async fn look(&self, look: Look) {
        let phone = look.width < 600;
        let size = json!({ "width": look.width, "height": look.height, "deviceScaleFactor": if phone { 2 } else { 1 }, "mobile": phone });
        self.tools("Emulation.setDeviceMetricsOverride", size).await;
        let scheme = json!({ "features": [{ "name": "prefers-color-scheme", "value": look.scheme }] });
        self.tools("Emulation.setEmulatedMedia", scheme).await;
    }

    /// Writes what can be seen to `target/screens`.
    pub async fn keep(&self, name: &str) {
        let picture = self.tools("Page.captureScreenshot", json!({ "format": "png" })).await;
        let bytes = BASE64_STANDARD.decode(picture["data"].as_str().expect("a picture")).expect("base64");
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/screens");
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join(format!("{name}.png")), bytes).expect("a file");
    }

    /// What axe finds against WCAG 2.2 AA and its best practices; nothing, one hopes.
    pub async fn barriers(&self) -> Vec<String> {
        // The developer tools are beyond the page's policy, which lets nothing foreign run.
        self.tools("Runtime.evaluate", json!({ "expression": AXE })).await;
        let run = "axe.run(document, { runOnly: ['wcag2a','wcag2aa','wcag21a','wcag21aa','wcag22aa','best-practice'] }).then(r => \
             JSON.stringify(r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html.slice(0, 160) + ' ' + n.failureSummary).join(' | '))))";
        let found =
            self.tools("Runtime.evaluate", json!({ "expression": run, "awaitPromise": true, "returnByValue": true })).await;
        let text = found["result"]["value"].as_str().unwrap_or_else(|| panic!("axe runs: {found}"));
        serde_json::from_str(text).expect("a list")
    }

    /// What the browser complained about since the last time, beyond what a refused address is told by.
    pub async fn complaints(&self) -> Vec<String> {
        let log = self.command("/se/log", &json!({ "type": "browser" })).await;
        let lines = log.as_array().cloned().unwrap_or_default();
        lines.iter().filter_map(|line| line["message"].as_str()).map(str::to_owned).collect()
    }

    pub async fn press(&self, selector: &str) {
        self.run(&format!("document.querySelector({selector:?}).click()")).await;
    }

    /// Types as a keyboard does, key by key, wherever the page has its focus.
    pub async fn keys(&self, text: &str) {
        for letter in text.chars() {
            let (key, code) = match letter {
                '\n' => ("Enter".to_owned(), "Enter".to_owned()),
                '0'..='9' => (letter.to_string(), format!("Digit{letter}")),
                '-' => ("-".to_owned(), "Minus".to_owned()),
                _ => (letter.to_string(), format!("Key{}", letter.to_ascii_uppercase())),
            };
            self.key(&key, &code).await;
        }
    }

    /// One key: the letter that the layout makes of it, and which key it is.
    pub async fn key(&self, key: &str, code: &str) {
        let shift = u8::from(key.len() == 1 && key.as_bytes()[0].is_ascii_uppercase()) * 8;
        for kind in ["keyDown", "keyUp"] {
            let event = json!({ "type": kind, "key": key, "code": code, "modifiers": shift });
            self.tools("Input.dispatchKeyEvent", event).await;
        }
    }

    pub async fn fill(&self, selector: &str, text: &str) {
        self.run(&format!("document.querySelector({selector:?}).value = {text:?}")).await;
    }
}

/// Starts the driver, which says the port that it took. Of two that start at once and took the same, one ends without a word.
fn start_driver() -> Option<(Child, u16)> {
    let mut driver = Command::new("chromedriver")
        .arg("--port=0")
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("chromedriver is installed (Debian: chromium-driver)");
    let mut lines = BufReader::new(driver.stdout.take().expect("its output is ours")).lines();
    let started = "started successfully on port ";
    let port = lines.by_ref().find_map(|line| {
        let line = line.ok()?;
        let (_, rest) = line.split_once(started)?;
        rest.trim_end_matches('.').parse::<u16>().ok()
    });
    let Some(port) = port else {
        let _ended = driver.wait();
        return None;
    };
    // Its output is read to the end, so that it never waits for us.
    std::thread::spawn(move || lines.for_each(drop));
    Some((driver, port))
}

/// A promise that is kept when a condition holds, or broken after a while.
fn waiting(condition: &str) -> String {
    format!(
        "new Promise((done) => {{ const end = Date.now() + {}; (function look() {{ let holds = false; try {{ holds = !!({condition}); }} catch {{}} \
         if (holds) return done(true); if (Date.now() > end) return done(false); setTimeout(look, 50); }})(); }})",
        PATIENCE.as_millis() / 2
    )
}

impl Drop for Chrome {
    fn drop(&mut self) {
        let group = format!("-{}", self.driver.id());
        let _ended = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _waited = self.driver.wait();
    }
}
