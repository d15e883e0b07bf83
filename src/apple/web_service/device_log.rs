//! What phones log: the only channel that says why a pass was refused. Texts are masked, bounded and tied to the pass they name.

use aws_lc_rs::digest::{SHA256, digest};
use serde::Deserialize;

use crate::ids::{PassId, decode};

/// Lines of one request that are kept; a phone in a loop must not fill the table.
const MAX_LINES: usize = 20;

/// Characters of a line that are kept.
const MAX_CHARS: usize = 1_000;

/// Letters of a serial. Longer runs of letters and digits are secrets: device ids, push tokens, authentication tokens.
const SERIAL_LETTERS: usize = 26;

/// What stands before a device id.
const DEVICE: &str = "device ";

/// One line as it is kept.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LogLine {
    /// The masked text.
    pub text: String,
    /// How bad it is.
    pub level: Level,
    /// The serial that it names.
    pub pass: Option<PassId>,
}

/// How bad a line is, as far as its words tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Error,
    Warning,
    Information,
}

#[derive(Deserialize)]
struct LogBody {
    #[serde(default)]
    logs: Vec<serde_json::Value>,
}

/// The lines of a body. What is not JSON is one line of text: it is heard all the same.
pub(super) fn lines(body: &[u8]) -> Vec<LogLine> {
    let texts: Vec<String> = match serde_json::from_slice::<LogBody>(body) {
        Ok(LogBody { logs }) => {
            logs.into_iter().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).collect()
        }
        Err(_) => vec![String::from_utf8_lossy(body).into_owned()],
    };
    texts.iter().filter(|text| !text.trim().is_empty()).take(MAX_LINES).map(|text| line(text)).collect()
}

/// What may be logged in place of a secret: the first six hexadecimal digits of its hash, so that one phone can be followed.
pub(super) fn fingerprint(secret: &str) -> String {
    digest(&SHA256, secret.as_bytes()).as_ref().iter().take(3).map(|byte| format!("{byte:02x}")).collect()
}

fn line(text: &str) -> LogLine {
    let cleaned: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(4 * MAX_CHARS).collect();
    let text: String = masked(&cleaned).chars().take(MAX_CHARS).collect();
    LogLine { level: level(&text), pass: named_pass(&text), text }
}

fn level(text: &str) -> Level {
    let lower = text.to_ascii_lowercase();
    let has = |word: &str| lower.contains(word);
    if has("warning") {
        Level::Warning
    } else if has("error") || has("invalid") || has("unexpected") {
        Level::Error
    } else {
        Level::Information
    }
}

/// The pass whose serial stands in the text: after `serial number`, or anywhere on its own.
fn named_pass(text: &str) -> Option<PassId> {
    let mut runs = text.split(|letter: char| !letter.is_ascii_alphanumeric());
    runs.find_map(|run| decode(run).map(PassId))
}

/// The text with the word after `device` and every run longer than a serial replaced by its fingerprint.
fn masked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
        if is_word(first) {
            let end = rest.find(|letter| !is_word(letter)).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            let after_device = out.to_ascii_lowercase().ends_with(DEVICE);
            if after_device || longest_run(word) > SERIAL_LETTERS || looks_like_uuid(word) {
                out.push('~');
                out.push_str(&fingerprint(word));
            } else {
                out.push_str(word);
            }
            rest = after;
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    out
}

fn longest_run(word: &str) -> usize {
    word.split('-').map(str::len).max().unwrap_or(0)
}

fn looks_like_uuid(word: &str) -> bool {
    word.len() == 36 && word.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::encode;

    const DEVICE_ID: &str = "4d1f8a3c5e7b9d0f2a4c6e8b0d1f3a5c";

    #[test]
    fn secrets_are_masked_and_the_pass_is_found() {
        let serial = encode(&[7; 16]);
        let text = format!(
            "[2026-01-01 00:00:00 +0300] Get pass task (for device {DEVICE_ID}, pass type pass.com.example.card, serial number \
             {serial}, if-modified-since (null); with web service url https://wallet.example/apple) encountered error: \
             Received invalid pass data"
        );
        let line = line(&text);
        assert_eq!((line.level, line.pass), (Level::Error, Some(PassId([7; 16]))));
        assert!(!line.text.contains(DEVICE_ID));
        assert!(line.text.contains(&format!("device ~{}", fingerprint(DEVICE_ID))), "{}", line.text);
        assert!(line.text.contains("pass.com.example.card") && line.text.contains("https://wallet.example/apple"));
    }

    #[test]
    fn short_device_ids_push_tokens_and_authentication_tokens_are_masked_too() {
        let token = "ab".repeat(32);
        let short = line(&format!("Register task for Device abc, token {token} and ApplePass {}", "0V".repeat(26)));
        assert!(!short.text.contains("abc") && !short.text.contains("abab") && !short.text.contains("0V0V"), "{}", short.text);
        let uuid = line("for 123E4567-E89B-12D3-A456-426614174000 warning");
        assert!(!uuid.text.contains("426614174000"));
        assert_eq!(uuid.level, Level::Warning);
    }

    #[test]
    fn bodies_are_read_leniently_and_bounded() {
        assert_eq!(lines(br#"{"logs":["a","","b"]}"#).len(), 2);
        assert_eq!(lines(br#"{"logs":[{"x":1}]}"#)[0].text, r#"{"x":1}"#);
        assert_eq!(lines(b"not json")[0].text, "not json");
        assert!(lines(br#"{"other":1}"#).is_empty());
        let many = serde_json::json!({"logs": vec!["x".repeat(9_000); 50]}).to_string();
        let many = lines(many.as_bytes());
        assert_eq!(many.len(), MAX_LINES);
        assert!(many.iter().all(|line| line.text.chars().count() <= MAX_CHARS));
        assert!(!line("a\r\n\u{1b}[31mb").text.contains(char::is_control));
    }
}
