//! Short messages by a webhook: a signed POST to whatever sends them. The id is the same at each try, so that the receiver can tell.

use aws_lc_rs::hmac;
use serde_json::json;
use zeroize::Zeroizing;

use super::post::Failed;
use super::{Message, TIMEOUT};
use crate::clock::Timestamp;
use crate::ids::encode;

/// The header of the signature.
const SIGNATURE: &str = "Walaa-Signature";

/// Where short messages go. Printing it shows no secret.
#[derive(Clone)]
pub struct SmsConfig {
    /// The webhook.
    pub url: String,
    /// What the signature is made with.
    pub secret: Zeroizing<Vec<u8>>,
}

/// Why the webhook can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SmsError(reqwest::Error);

/// Sends short messages.
pub(super) struct Texter {
    client: reqwest::Client,
    config: SmsConfig,
}

fn client() -> Result<reqwest::Client, SmsError> {
    let client = reqwest::Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none());
    client.build().map_err(SmsError)
}

/// The signature of a body at a time: `t=…,v1=…`, HMAC-SHA-256 over the seconds, a dot and the body.
#[must_use]
pub fn signature(secret: &[u8], at: Timestamp, body: &[u8]) -> String {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret));
    context.update(at.seconds().to_string().as_bytes());
    context.update(b".");
    context.update(body);
    let mac: String = context.sign().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={},v1={mac}", at.seconds())
}

impl Texter {
    pub fn new(config: SmsConfig) -> Result<Self, SmsError> {
        Ok(Self { client: client()?, config })
    }

    pub async fn send(&self, message: &Message, now: Timestamp) -> Result<(), Failed> {
        let body = json!({
            "id": format!("msg_{}", encode(&message.id)), "to": message.to.contact, "text": message.short(),
            "language": message.language, "kind": message.content.kind(), "sent_at": message.at,
        });
        let body = body.to_string();
        let request = self.client.post(&self.config.url).header("content-type", "application/json");
        let request = request.header(SIGNATURE, signature(&self.config.secret, now, body.as_bytes())).body(body);
        let response = request.send().await.map_err(|_| Failed::ForNow("the webhook can't be reached"))?;
        match response.status().as_u16() {
            200..300 => Ok(()),
            408 | 425 | 429 | 500.. => Err(Failed::ForNow("the webhook does not take it now")),
            _ => Err(Failed::ForGood("the webhook refused it")),
        }
    }
}

/// Whether anything answers at the webhook's address; nothing is sent there.
///
/// # Errors
/// Nothing does.
pub async fn probe(config: &SmsConfig) -> Result<(), SmsError> {
    client()?.head(&config.url).send().await.map(|_| ()).map_err(|error| SmsError(error.without_url()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac swordfish`
    #[test]
    fn the_signature_is_what_openssl_makes() {
        let made = signature(b"swordfish", Timestamp::from_millis(1_700_000_000_999), b"{\"a\":1}");
        assert_eq!(made, "t=1700000000,v1=8f1701c54ae5132691656d186f95251b9ae92f79d732c3a8d1037301c9d4513c");
    }
}
