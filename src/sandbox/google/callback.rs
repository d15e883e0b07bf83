//! Google's callbacks: built and signed as real ones are (`ECv2SigningOnly`), sent with retries, and spoilt on demand.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::error::ErrorStack;
use serde_json::{Value, json};

use super::fault::Forgery;
use super::keys::{INTERMEDIATE_LIVES_SECONDS, ROOT_LIVES_SECONDS, SigningKey};
use crate::clock::Timestamp;
use crate::ids::Ids;

/// What real messages are signed with.
const PROTOCOL: &str = "ECv2SigningOnly";

/// Who real messages are from; one page of Google's says `GoogleWalletPasses`, and is wrong.
const SENDER: &str = "GooglePayPasses";

/// How long a message is good.
const MESSAGE_LIVES_SECONDS: i64 = 7_200;

/// Something that the issuer is to be told.
#[derive(Debug, Clone)]
pub(super) struct Event {
    /// `save` or `del`.
    pub kind: &'static str,
    /// Which object.
    pub object_id: String,
    /// Of which class.
    pub class_id: String,
}

impl Event {
    /// An event of an object that has a class.
    pub(super) fn of(kind: &'static str, object: &Value) -> Option<Self> {
        let text = |name: &str| object[name].as_str().map(str::to_owned);
        Some(Self { kind, object_id: text("id")?, class_id: text("classId")? })
    }
}

/// A callback that is ready to go.
#[derive(Debug, Clone)]
pub(super) struct Outgoing {
    pub url: String,
    pub event: &'static str,
    pub object_id: String,
    pub body: String,
}

/// The keys that callbacks are signed with.
pub(super) struct CallbackKeys {
    roots: Vec<SigningKey>,
    intermediate: SigningKey,
    /// `Cache-Control: max-age` of the published roots.
    pub max_age_seconds: u32,
}

/// How long clients may keep the root keys, unless a test says otherwise.
const MAX_AGE_SECONDS: u32 = 3_600;

impl CallbackKeys {
    /// New ones.
    pub(super) fn generate(now: Timestamp) -> Result<Self, ErrorStack> {
        Ok(Self {
            roots: vec![SigningKey::generate(now.plus_seconds(ROOT_LIVES_SECONDS))?],
            intermediate: SigningKey::generate(now.plus_seconds(INTERMEDIATE_LIVES_SECONDS))?,
            max_age_seconds: MAX_AGE_SECONDS,
        })
    }

    /// A new root beside those that are published, and a new intermediate under it.
    pub(super) fn rotate(&mut self, now: Timestamp) -> Result<(), ErrorStack> {
        self.roots.push(SigningKey::generate(now.plus_seconds(ROOT_LIVES_SECONDS))?);
        // Two are enough to tell old from new.
        let surplus = self.roots.len().saturating_sub(2);
        self.roots.drain(..surplus);
        self.intermediate = SigningKey::generate(now.plus_seconds(INTERMEDIATE_LIVES_SECONDS))?;
        Ok(())
    }

    /// What `https://pay.google.com/gp/m/issuer/keys` answers.
    pub(super) fn published(&mut self, now: Timestamp) -> Result<Value, ErrorStack> {
        // As Google's, the end rolls on while the key stays.
        for root in &mut self.roots {
            if root.expires.since(now) < ROOT_LIVES_SECONDS * 500 {
                root.expires = now.plus_seconds(ROOT_LIVES_SECONDS);
            }
        }
        let mut keys = Vec::new();
        for root in &self.roots {
            keys.push(json!({
                "keyValue": STANDARD.encode(root.public_der()?),
                "protocolVersion": PROTOCOL,
                "keyExpiration": root.expires.millis().to_string(),
            }));
        }
        Ok(json!({"keys": keys}))
    }

    /// A signed callback's body, or a forged one's.
    pub(super) fn sign(
        &mut self,
        event: &Event,
        forgery: Option<Forgery>,
        (now, ids): (Timestamp, &dyn Ids),
    ) -> Result<String, ErrorStack> {
        if self.intermediate.expires <= now.plus_seconds(MESSAGE_LIVES_SECONDS) {
            self.intermediate = SigningKey::generate(now.plus_seconds(INTERMEDIATE_LIVES_SECONDS))?;
        }
        let is = |kind: Forgery| forgery == Some(kind);
        let sender = if is(Forgery::WrongSender) { "GoogleWalletPasses" } else { SENDER };
        let protocol = if is(Forgery::WrongProtocol) { "ECv1" } else { PROTOCOL };
        let expires = if is(Forgery::ExpiredIntermediate) { now.plus_seconds(-1) } else { self.intermediate.expires };
        // Real messages have `=` as the six letters \u003d here: whoever unescapes before verifying fails.
        let key = STANDARD.encode(self.intermediate.public_der()?).replace('=', "\\u003d");
        let signed_key = format!("{{\"keyValue\":\"{key}\",\"keyExpiration\":\"{}\"}}", expires.millis());
        let stranger = SigningKey::generate(now.plus_seconds(ROOT_LIVES_SECONDS))?;
        let root = if is(Forgery::ForeignRoot) { &stranger } else { self.roots.last().unwrap_or(&stranger) };
        let key_signature = root.sign(&joined(&[sender, protocol, &signed_key]))?;
        let issuer = event.object_id.split('.').next().unwrap_or_default();
        let recipient = if is(Forgery::OtherIssuer) { "3388000000000000001" } else { issuer };
        let message = message(
            event,
            if is(Forgery::ExpiredMessage) { now.plus_seconds(-1) } else { now.plus_seconds(MESSAGE_LIVES_SECONDS) },
            ids,
        );
        let signature = self.intermediate.sign(&joined(&[sender, recipient, protocol, &message]))?;
        let sent = if is(Forgery::ChangedMessage) { message.replacen("\"count\":1", "\"count\":2", 1) } else { message };
        let body = json!({
            "signature": STANDARD.encode(signature),
            "intermediateSigningKey": {"signedKey": signed_key, "signatures": [STANDARD.encode(key_signature)]},
            "protocolVersion": protocol,
            "signedMessage": sent,
        });
        // The outer text escapes `=`, too; any JSON parser takes that back.
        Ok(body.to_string().replace("==\"", "\\u003d\\u003d\"").replace("=\"", "\\u003d\""))
    }
}

/// The signed text, in the order in which real ones have their members.
fn message(event: &Event, expires: Timestamp, ids: &dyn Ids) -> String {
    let nonce = uuid(ids.random());
    let quoted = |text: &str| Value::from(text).to_string();
    format!(
        "{{\"classId\":{},\"objectId\":{},\"eventType\":\"{}\",\"expTimeMillis\":{},\"count\":1,\"nonce\":\"{nonce}\"}}",
        quoted(&event.class_id),
        quoted(&event.object_id),
        event.kind,
        expires.millis(),
    )
}

/// Each text with its length in bytes before it: four bytes, the smallest first.
fn joined(texts: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for text in texts {
        bytes.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend(text.as_bytes());
    }
    bytes
}

/// A random UUID of version 4.
fn uuid(mut bytes: [u8; 16]) -> String {
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = super::keys::hex(&bytes);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_joined_by_their_length_in_bytes() {
        assert_eq!(joined(&["ab", "ü"]), [2, 0, 0, 0, b'a', b'b', 2, 0, 0, 0, 0xc3, 0xbc]);
    }

    #[test]
    fn a_nonce_is_a_uuid() {
        assert_eq!(uuid([0xff; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
