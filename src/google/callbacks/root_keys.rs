//! Google's root keys for callbacks, as its keys address lists them.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ParsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::clock::Timestamp;

/// The way to sign that is taken.
pub(super) const PROTOCOL: &str = "ECv2SigningOnly";

/// Root keys that are kept; Google lists one or two for each protocol.
const MOST_KEYS: usize = 8;

/// Bytes of the public key of a P-256 key as X.509 has it, its point not compressed.
const P256_BYTES: usize = 91;

/// How such a key begins: its algorithm, its curve, and that a whole point follows.
const P256_BEGINNING: [u8; 27] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03,
    0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];

/// The root keys that may have signed.
#[derive(Debug, Clone)]
pub struct RootKeys {
    keys: Vec<RootKey>,
}

#[derive(Debug, Clone)]
struct RootKey {
    key: ParsedPublicKey,
    expires: Timestamp,
}

/// A text that lists no root keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RootKeysError {
    /// Not the JSON that Google's keys address answers with.
    #[error(
        "this is not the JSON of Google's root keys: {{\"keys\": [{{\"keyValue\", \"protocolVersion\", \"keyExpiration\"}}]}}"
    )]
    Malformed,
    /// None of them can be used.
    #[error("none of the keys listed is a P-256 key for {PROTOCOL} with an end")]
    NoneFits,
}

#[derive(Deserialize)]
struct Listed {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct ListedKey {
    #[serde(rename = "keyValue")]
    value: String,
    #[serde(rename = "protocolVersion")]
    protocol: String,
    #[serde(rename = "keyExpiration", deserialize_with = "millis")]
    expires: Timestamp,
}

impl RootKeys {
    /// Reads what Google's keys address answers. Keys for other protocols, without an end, or that are no P-256 keys don't count;
    /// they don't spoil the others either.
    ///
    /// # Errors
    /// It is no such JSON, or no key counts.
    pub fn parse(json: &[u8]) -> Result<Self, RootKeysError> {
        let listed: Listed = serde_json::from_slice(json).map_err(|_| RootKeysError::Malformed)?;
        let fits = |key: serde_json::Value| {
            let key: ListedKey = serde_json::from_value(key).ok().filter(|key: &ListedKey| key.protocol == PROTOCOL)?;
            Some(RootKey { key: p256_key(&key.value)?, expires: key.expires })
        };
        let keys: Vec<RootKey> = listed.keys.into_iter().filter_map(fits).take(MOST_KEYS).collect();
        if keys.is_empty() { Err(RootKeysError::NoneFits) } else { Ok(Self { keys }) }
    }

    /// The keys that are good at a time.
    pub(super) fn good_at(&self, now: Timestamp) -> impl Iterator<Item = &ParsedPublicKey> {
        self.keys.iter().filter(move |key| key.expires > now).map(|key| &key.key)
    }

    /// When the first of those that are good at a time ends.
    pub(super) fn first_end_after(&self, now: Timestamp) -> Option<Timestamp> {
        self.keys.iter().map(|key| key.expires).filter(|expires| *expires > now).min()
    }
}

/// A P-256 key out of Base64 of its X.509 form.
pub(super) fn p256_key(base64: &str) -> Option<ParsedPublicKey> {
    let der = STANDARD.decode(base64).ok()?;
    if der.len() != P256_BYTES || !der.starts_with(&P256_BEGINNING) {
        return None;
    }
    ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, der).ok()
}

/// Milliseconds since 1970, as a number or as digits in a string.
pub(super) fn millis<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let wrong = || D::Error::custom("expected milliseconds since 1970");
    let millis = match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::Number(number) => number.as_i64(),
        serde_json::Value::String(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    };
    millis.map(Timestamp::from_millis).ok_or_else(wrong)
}
