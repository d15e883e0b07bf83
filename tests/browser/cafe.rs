//! A café that runs: the demo as a process, asked over its API as the till and its owner do.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::process::Demo;

/// A café with its API, as the till and its owner use it.
pub struct Cafe {
    pub demo: Demo,
    pub base: String,
    client: reqwest::Client,
    _folder: tempfile::TempDir,
}

impl Cafe {
    pub fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let data: &Path = &folder.path().join("data");
        let demo = Demo::start(data, &[]);
        let base = demo.text("base_url").replace("127.0.0.1", "localhost");
        Self { demo, base, client: reqwest::Client::new(), _folder: folder }
    }

    pub async fn api(&self, method: reqwest::Method, key: &str, (path, body): (&str, Option<Value>)) -> Value {
        let mut request = self.client.request(method, format!("{}{path}", self.base)).bearer_auth(self.demo.text(key));
        request = request.header("idempotency-key", crate::support::app::op_key() + "-browser");
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.expect("an answer");
        let status = response.status();
        let answer: Value = response.json().await.expect("JSON");
        assert!(status.is_success(), "{path}: {answer}");
        answer
    }

    pub async fn get(&self, path: &str) -> Value {
        self.api(reqwest::Method::GET, "admin_key", (path, None)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Value {
        self.api(reqwest::Method::POST, "terminal_key", (path, Some(body))).await
    }

    /// What joining asks for.
    pub async fn ask_for_consent(&self) {
        let path = format!("/v1/programmes/{}", self.demo.text("programme"));
        let shown = self.get(&path).await;
        let mut document = shown["document"].clone();
        document["join"] = json!({
            "identity": "phone", "phone_prefix": "+965",
            "consents": [
                { "purpose": "terms", "version": "1", "required": true,
                  "text": { "en": "I agree to the terms of the programme.", "ar": "أوافق على شروط البرنامج." } },
                { "purpose": "news", "version": "1",
                  "text": { "en": "Tell me about new rewards.", "ar": "أخبروني عن المكافآت الجديدة." } },
            ],
        });
        let put = json!({ "expected_version": shown["version"], "document": document });
        self.api(reqwest::Method::PUT, "admin_key", (&path, Some(put))).await;
    }

    pub async fn card_page(&self) -> String {
        let card = self.get(&format!("/v1/cards/{}", self.demo.text("card"))).await;
        let link = card["links"]["card_page"].as_str().expect("a link");
        format!("{}/c/{}", self.base, link.rsplit('/').next().expect("a key"))
    }
}
