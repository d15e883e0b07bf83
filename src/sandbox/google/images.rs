//! The pictures that a resource names, fetched as Google fetches them: for the phone's page, and at an insert if a test wants it.

use std::time::Duration;

use serde_json::Value;

use super::refusal::Refusal;

/// How long one picture may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes of one picture.
const MAX_IMAGE_BYTES: u64 = 4 * 1024 * 1024;

/// Pictures of one request that are looked at.
const MAX_IMAGES: usize = 20;

/// Fetches every picture that a body names.
pub(super) async fn check(http: &reqwest::Client, body: &[u8]) -> Result<(), Refusal> {
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return Ok(()) };
    let mut addresses = Vec::new();
    collect(&body, &mut addresses);
    for address in addresses.into_iter().take(MAX_IMAGES) {
        let answer = http.get(&address).timeout(TIMEOUT).send().await;
        let kind = |answer: &reqwest::Response| {
            let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
            kind.starts_with("image/")
        };
        if !answer.is_ok_and(|answer| answer.status().is_success() && kind(&answer)) {
            return Err(Refusal::invalid(format!("Image cannot be loaded: {address}")));
        }
    }
    Ok(())
}

/// A picture and its kind; nothing if it is none, or too large.
pub(super) async fn fetch(http: &reqwest::Client, address: &str) -> Option<(String, bytes::Bytes)> {
    let answer = http.get(address).timeout(TIMEOUT).send().await.ok()?.error_for_status().ok()?;
    let kind = answer.headers().get("content-type")?.to_str().ok()?.to_owned();
    let small = answer.content_length().is_some_and(|length| length <= MAX_IMAGE_BYTES);
    if !kind.starts_with("image/") || !small {
        return None;
    }
    answer.bytes().await.ok().map(|bytes| (kind, bytes))
}

/// The addresses of `sourceUri`, however deep.
fn collect(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            into.extend(members.get("sourceUri").and_then(|source| source["uri"].as_str()).map(str::to_owned));
            members.values().for_each(|member| collect(member, into));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, into)),
        _ => {}
    }
}
