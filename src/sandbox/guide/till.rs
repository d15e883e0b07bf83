//! A cash register: sends the story's requests to the gateway as a till does, and keeps what came back.

use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::Value;

/// How long a request may take; the gateway is on this machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes of an answer that are read: the longest of the story's has a few thousand.
const MOST_BYTES: usize = 256 * 1024;

/// Letters of the key that are shown, to tell it from others.
const SHOWN_LETTERS: usize = 14;

/// A request as a till sends it.
#[derive(Debug, Clone, Serialize)]
pub struct Request {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Without the host.
    pub path: String,
    /// The operation's key, for what changes something.
    pub idempotency_key: Option<String>,
    /// What is sent along.
    pub body: Option<Value>,
}

/// What came back.
#[derive(Debug, Clone, Serialize)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// How long it took, in tenths of a millisecond.
    pub tenths_of_ms: u128,
    /// Whether it is the stored answer of an earlier request.
    pub replayed: bool,
    /// The body, as it came.
    pub text: String,
}

impl Answer {
    /// The body's value at a place; null when it has none.
    pub fn value(&self, place: &str) -> Value {
        let body: Value = serde_json::from_str(&self.text).unwrap_or_default();
        body.pointer(place).cloned().unwrap_or_default()
    }
}

/// A till with its key.
pub struct Till {
    client: reqwest::Client,
    base_url: String,
    key: String,
}

impl Till {
    /// A till of a gateway.
    pub fn new(base_url: &str, key: &str) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?;
        Ok(Self { client, base_url: base_url.to_owned(), key: key.to_owned() })
    }

    /// The beginning of the key: enough to recognise it, too little to use it.
    pub fn shortened_key(&self) -> String {
        format!("{}…", self.key.chars().take(SHOWN_LETTERS).collect::<String>())
    }

    /// Sends a request; nothing when the gateway does not answer.
    pub async fn send(&self, request: &Request) -> Option<Answer> {
        let url = format!("{}{}", self.base_url, request.path);
        let asked = if request.method == "POST" { self.client.post(url) } else { self.client.get(url) };
        let asked = asked.bearer_auth(&self.key);
        let asked = request.idempotency_key.iter().fold(asked, |asked, key| asked.header("idempotency-key", key));
        let asked = request.body.iter().fold(asked, reqwest::RequestBuilder::json);
        let began = Instant::now();
        let mut response = asked.send().await.ok()?;
        let (status, replayed) = (response.status().as_u16(), response.headers().contains_key("idempotent-replayed"));
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.ok()? {
            if bytes.len() + chunk.len() > MOST_BYTES {
                return None;
            }
            bytes.extend_from_slice(&chunk);
        }
        let tenths_of_ms = began.elapsed().as_micros() / 100;
        Some(Answer { status, tenths_of_ms, replayed, text: String::from_utf8(bytes).ok()? })
    }

    /// The same request for a shell, with the key in a variable.
    pub fn curl(&self, request: &Request) -> String {
        let mut lines =
            vec![format!("curl -s {}{}", self.base_url, request.path), "-H \"Authorization: Bearer $POS\"".to_owned()];
        lines.extend(request.idempotency_key.iter().map(|key| format!("-H 'Idempotency-Key: {key}'")));
        if let Some(body) = &request.body {
            lines.push("-H 'Content-Type: application/json'".to_owned());
            lines.push(format!("-d '{body}'"));
        }
        lines.join(" \\\n  ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_has_no_key_in_it() {
        let till = Till::new("http://127.0.0.1:1", "wk_test_0123456789abcdef_secret").unwrap();
        let body = Some(serde_json::json!({ "receipt": "R-1" }));
        let request = Request { method: "POST", path: "/v1/earnings".to_owned(), idempotency_key: Some("op-1".to_owned()), body };
        let curl = till.curl(&request);
        assert!(curl.contains("$POS") && curl.contains("Idempotency-Key: op-1") && curl.contains("-d '{\"receipt\":\"R-1\"}'"));
        assert!(!curl.contains("wk_test") && !till.shortened_key().contains("secret"));
    }
}
