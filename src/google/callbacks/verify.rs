//! Whether a callback is Google's: ECv2SigningOnly, byte for byte, as a pure function of message, keys, time and issuer.
//!
//! A root key signs an intermediate key, the intermediate key signs the message. What is signed are the texts *within* the JSON
//! strings, exactly as they stand there; nothing of the message is looked at before its signature was found right.

use aws_lc_rs::signature::ParsedPublicKey;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::root_keys::{PROTOCOL, RootKeys, millis, p256_key};
use crate::clock::Timestamp;
use crate::google::resource::{IssuerId, ResourceId};

/// Bytes of a callback at most; genuine ones have a thousand.
pub const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// Who signs.
const SENDER: &str = "GooglePayPasses";

/// Signatures over an intermediate key that are tried; genuine callbacks have one.
const MOST_SIGNATURES: usize = 4;

/// Characters of a nonce at most; genuine ones are UUIDs.
const MOST_NONCE: usize = 128;

/// What a holder did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EventType {
    /// Put the pass into the wallet.
    Save,
    /// Took it out.
    Delete,
}

/// A genuine callback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Whose pass it is.
    pub issuer: IssuerId,
    /// The class.
    pub class_id: ResourceId,
    /// The object.
    pub object_id: ResourceId,
    /// What was done with it.
    pub event_type: EventType,
    /// What tells repetitions.
    pub nonce: String,
    /// Until when it counts.
    pub expires: Timestamp,
    /// How many there are, if it says.
    pub count: Option<i64>,
}

/// Why a callback is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// More bytes than any callback has.
    #[error("the message has more than {MAX_MESSAGE_BYTES} bytes")]
    TooLarge,
    /// Not the JSON that a callback is.
    #[error("the message is not a callback: it is no JSON, lacks a member, or has one twice")]
    Malformed,
    /// Another way to sign.
    #[error("the message's protocolVersion is not {PROTOCOL}")]
    Protocol,
    /// There is no root key that counts now.
    #[error("none of the root keys is for {PROTOCOL} and not expired")]
    NoRootKey,
    /// No root key signed the intermediate key.
    #[error("the intermediate key is not signed by any of the root keys")]
    IntermediateSignature,
    /// The intermediate key can't be read, or says nothing of its end.
    #[error("the intermediate key is malformed")]
    IntermediateMalformed,
    /// The intermediate key is no longer good.
    #[error("the intermediate key has expired")]
    IntermediateExpired,
    /// The intermediate key did not sign this message for this issuer.
    #[error("the message is not signed for this issuer: it was changed, or is for another one")]
    MessageSignature,
    /// Signed, but too old.
    #[error("the message has expired")]
    Expired,
    /// Signed, but about somebody else's pass.
    #[error("the message's class or object is not the issuer's")]
    ForeignIssuer,
    /// Signed by Google for us, about something that we don't know: another kind of event or of pass.
    #[error("the message is genuine, but of a kind that is not known here")]
    UnknownKind,
}

impl Reason {
    /// The word for metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::Malformed => "malformed",
            Self::Protocol => "protocol",
            Self::NoRootKey => "no_root_key",
            Self::IntermediateSignature => "intermediate_signature",
            Self::IntermediateMalformed => "intermediate_malformed",
            Self::IntermediateExpired => "intermediate_expired",
            Self::MessageSignature => "message_signature",
            Self::Expired => "expired",
            Self::ForeignIssuer => "foreign_issuer",
            Self::UnknownKind => "unknown_kind",
        }
    }
}

/// A callback as it is posted, not yet believed. Members that are not known are passed over; one that stands there twice is not
/// a callback.
#[derive(Debug, Deserialize)]
pub struct Envelope {
    #[serde(rename = "protocolVersion")]
    protocol: String,
    signature: String,
    #[serde(rename = "intermediateSigningKey")]
    intermediate: Intermediate,
    #[serde(rename = "signedMessage")]
    message: String,
}

#[derive(Debug, Deserialize)]
struct Intermediate {
    #[serde(rename = "signedKey")]
    key: String,
    signatures: Vec<String>,
}

#[derive(Deserialize)]
struct SignedKey {
    #[serde(rename = "keyValue")]
    value: String,
    #[serde(rename = "keyExpiration", deserialize_with = "millis")]
    expires: Timestamp,
}

#[derive(Deserialize)]
struct SignedMessage {
    #[serde(rename = "classId")]
    class: Option<String>,
    #[serde(rename = "objectId")]
    object: Option<String>,
    #[serde(rename = "eventType")]
    event: Option<String>,
    #[serde(rename = "expTimeMillis", deserialize_with = "millis")]
    expires: Timestamp,
    nonce: Option<String>,
    count: Option<serde_json::Number>,
}

/// Reads a posted message and decides whether it is Google's, for this issuer, now.
///
/// # Errors
/// Why it is not taken.
pub fn verify(message: &[u8], roots: &RootKeys, now: Timestamp, issuer: IssuerId) -> Result<Event, Reason> {
    Envelope::parse(message)?.verify(roots, now, issuer)
}

impl Envelope {
    /// Reads a message as far as that needs no keys.
    ///
    /// # Errors
    /// It is too large, no callback, or signed in another way.
    pub fn parse(message: &[u8]) -> Result<Self, Reason> {
        if message.len() > MAX_MESSAGE_BYTES {
            return Err(Reason::TooLarge);
        }
        let envelope: Self = serde_json::from_slice(message).map_err(|_| Reason::Malformed)?;
        if envelope.protocol == PROTOCOL { Ok(envelope) } else { Err(Reason::Protocol) }
    }

    /// Decides whether it is Google's, for this issuer, now.
    ///
    /// # Errors
    /// Why it is not taken.
    pub fn verify(&self, roots: &RootKeys, now: Timestamp, issuer: IssuerId) -> Result<Event, Reason> {
        let key = self.intermediate_key(roots, now)?;
        let signature = STANDARD.decode(&self.signature).map_err(|_| Reason::MessageSignature)?;
        let signed = length_prefixed(&[SENDER, &issuer.to_string(), PROTOCOL, &self.message]);
        key.verify_sig(&signed, &signature).map_err(|_| Reason::MessageSignature)?;
        event(&self.message, now, issuer)
    }

    fn intermediate_key(&self, roots: &RootKeys, now: Timestamp) -> Result<ParsedPublicKey, Reason> {
        if roots.good_at(now).next().is_none() {
            return Err(Reason::NoRootKey);
        }
        let signed = length_prefixed(&[SENDER, PROTOCOL, &self.intermediate.key]);
        let signatures = self.intermediate.signatures.iter().take(MOST_SIGNATURES);
        let signatures: Vec<Vec<u8>> = signatures.filter_map(|text| STANDARD.decode(text).ok()).collect();
        let signed_by = |root: &ParsedPublicKey| signatures.iter().any(|signature| root.verify_sig(&signed, signature).is_ok());
        if !roots.good_at(now).any(signed_by) {
            return Err(Reason::IntermediateSignature);
        }
        let key: SignedKey = serde_json::from_str(&self.intermediate.key).map_err(|_| Reason::IntermediateMalformed)?;
        if key.expires <= now {
            return Err(Reason::IntermediateExpired);
        }
        p256_key(&key.value).ok_or(Reason::IntermediateMalformed)
    }
}

/// What a message says whose signature is right.
fn event(message: &str, now: Timestamp, issuer: IssuerId) -> Result<Event, Reason> {
    let said: SignedMessage = serde_json::from_str(message).map_err(|_| Reason::Malformed)?;
    if said.expires <= now {
        return Err(Reason::Expired);
    }
    let (Some(class), Some(object), Some(event), Some(nonce)) = (said.class, said.object, said.event, said.nonce) else {
        return Err(Reason::UnknownKind);
    };
    // Only the first dot divides an id, so that an issuer who begins like ours is still another one.
    let prefix = |id: &str| id.split_once('.').map(|(prefix, _)| prefix.to_owned());
    let ours = Some(issuer.to_string());
    if prefix(&class) != ours || prefix(&object) != ours {
        return Err(Reason::ForeignIssuer);
    }
    let event_type = match event.as_str() {
        "save" => EventType::Save,
        "del" => EventType::Delete,
        _ => return Err(Reason::UnknownKind),
    };
    let (Ok(class_id), Ok(object_id)) = (class.parse(), object.parse()) else { return Err(Reason::UnknownKind) };
    let printable = nonce.bytes().all(|byte| byte.is_ascii_graphic());
    if nonce.is_empty() || nonce.len() > MOST_NONCE || !printable {
        return Err(Reason::Malformed);
    }
    let count = said.count.and_then(|count| count.as_i64());
    Ok(Event { issuer, class_id, object_id, event_type, nonce, expires: said.expires, count })
}

/// Each text behind its length in bytes, as 32 bits, least significant first.
fn length_prefixed(texts: &[&str]) -> Vec<u8> {
    let mut out = Vec::with_capacity(texts.iter().map(|text| text.len() + 4).sum());
    for text in texts {
        // A message has 64 KiB at most.
        out.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend_from_slice(text.as_bytes());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_of_bytes_and_little_endian() {
        assert_eq!(length_prefixed(&["GooglePayPasses"])[..6], *b"\x0f\0\0\0Go");
        assert_eq!(length_prefixed(&["ولاء", ""]), [&b"\x08\0\0\0"[..], "ولاء".as_bytes(), b"\0\0\0\0"].concat());
        assert_eq!(length_prefixed(&[&"x".repeat(300)])[..4], [44, 1, 0, 0]);
    }
}
