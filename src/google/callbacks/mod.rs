//! What Google tells us: a holder put a pass into the wallet, or took it out. Mounted at `/google/callbacks/{organisation}`.
//!
//! Anybody may post here, so an answer says nothing about why a message is not taken. Every message is verified before anyone is
//! held up: however many forged ones come through the same address, a genuine one is taken.

mod key_cache;
mod root_keys;
mod verify;

use std::net::IpAddr;
use std::sync::Arc;

use actix_web::http::header;
use actix_web::web::{self, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use async_trait::async_trait;

pub use key_cache::{FETCH_TIMEOUT, GOOGLE_KEYS, KeyCacheError, KeysUnavailable, RootKeyCache};
pub use root_keys::{RootKeys, RootKeysError};
pub use verify::{Envelope, Event, EventType, MAX_MESSAGE_BYTES, Reason, verify};

use super::resource::IssuerId;
use crate::clock::Clock;
use crate::gate::{Gate, GateRequest, GateVerdict, Limit, RateRule, Scope};
use crate::ids::OrgId;

/// Where callbacks are posted; the organisation's id follows.
pub const MOUNT: &str = "/google/callbacks";

/// Seconds after which Google may come back when we could not answer.
const RETRY_AFTER_SECONDS: i64 = 30;

/// Messages of one address that are not Google's, before it hears that it is too much.
pub const FORGED_PER_ADDRESS: RateRule = RateRule::per_minute(60);

/// Where genuine callbacks go.
#[async_trait]
pub trait CallbackSink: Send + Sync {
    /// The issuer under which an organisation's passes are made, if it has one.
    fn issuer_of(&self, org: OrgId) -> Option<IssuerId>;

    /// Records an event durably, once for each nonce.
    ///
    /// # Errors
    /// The database is out of reach: Google is to come again.
    async fn record(&self, org: OrgId, event: &Event) -> Result<Recorded, SinkError>;
}

/// What came of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It is news.
    New,
    /// It was told before.
    Duplicate,
    /// It is about an object that the organisation does not have.
    Unknown,
}

impl Recorded {
    const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Duplicate => "duplicate",
            Self::Unknown => "unknown",
        }
    }
}

/// An event could not be recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a callback could not be recorded: {0}")]
pub struct SinkError(pub String);

/// How the address of the one who posts is found: behind a proxy only the operator knows which header to trust.
pub type ClientAddress = Arc<dyn Fn(&HttpRequest) -> Option<IpAddr> + Send + Sync>;

/// What the callbacks work with.
pub struct CallbackService {
    /// Google's root keys.
    pub keys: Arc<RootKeyCache>,
    /// Where genuine callbacks go.
    pub sink: Arc<dyn CallbackSink>,
    /// The rate gate.
    pub gate: Arc<dyn Gate>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Who posts.
    pub client_address: ClientAddress,
    /// How many messages of one address may be forged.
    pub forged_per_address: RateRule,
}

/// Mounts the callbacks.
pub fn configure(service: web::Data<CallbackService>) -> impl FnOnce(&mut ServiceConfig) {
    move |config| {
        let resource = web::resource(format!("{MOUNT}/{{organisation}}")).app_data(service).route(web::post().to(receive));
        config.service(resource);
    }
}

/// Why a callback is not recorded.
enum Refused {
    /// Not Google's, or not for us.
    Message(Reason),
    /// There is no such organisation, or it has nothing to do with Google.
    NoIssuer,
    /// We can't decide or record now.
    Unavailable(&'static str),
}

async fn receive(
    request: HttpRequest,
    payload: Payload,
    path: web::Path<String>,
    service: web::Data<CallbackService>,
) -> HttpResponse {
    let outcome = match payload.to_bytes_limited(MAX_MESSAGE_BYTES).await {
        Err(_) => Err(Refused::Message(Reason::TooLarge)),
        Ok(Err(_)) => Err(Refused::Message(Reason::Malformed)),
        Ok(Ok(body)) => service.take(&path, &body).await,
    };
    let (word, response) = match outcome {
        Ok(word) => (word, HttpResponse::Ok().finish()),
        Err(Refused::Unavailable(word)) => {
            let retry_after = (header::RETRY_AFTER, RETRY_AFTER_SECONDS);
            (word, HttpResponse::ServiceUnavailable().insert_header(retry_after).finish())
        }
        Err(Refused::NoIssuer) => ("no_issuer", service.not_taken(&request).await),
        Err(Refused::Message(reason)) => (reason.as_str(), service.not_taken(&request).await),
    };
    metrics::counter!("walaa_google_callbacks_total", "outcome" => word).increment(1);
    response
}

impl CallbackService {
    /// Verifies and records; the word for metrics.
    async fn take(&self, organisation: &str, body: &[u8]) -> Result<&'static str, Refused> {
        let known = organisation.parse().ok().and_then(|org: OrgId| Some((org, self.sink.issuer_of(org)?)));
        let (org, issuer) = known.ok_or(Refused::NoIssuer)?;
        let envelope = Envelope::parse(body).map_err(Refused::Message)?;
        let event = match self.verify(&envelope, issuer).await {
            // It is Google's and for us: to refuse it would only bring it back.
            Err(Refused::Message(Reason::UnknownKind)) => {
                tracing::warn!(organisation = %org, "a genuine callback of Google's is of a kind that is not known here");
                return Ok(Reason::UnknownKind.as_str());
            }
            other => other?,
        };
        let recorded = self.sink.record(org, &event).await.map_err(|error| {
            tracing::error!(%error, organisation = %org, "a callback could not be recorded");
            Refused::Unavailable("sink_unavailable")
        })?;
        Ok(recorded.as_str())
    }

    async fn verify(&self, envelope: &Envelope, issuer: IssuerId) -> Result<Event, Refused> {
        let out_of_reach = |KeysUnavailable| Refused::Unavailable("keys_unavailable");
        let keys = self.keys.current().await.map_err(out_of_reach)?;
        let now = self.clock.now();
        let verified = match envelope.verify(&keys, now, issuer) {
            // Google may have another root key since we asked.
            Err(reason @ (Reason::IntermediateSignature | Reason::NoRootKey)) => {
                let newer = self.keys.newer_than(&keys).await.map_err(out_of_reach)?;
                newer.map_or(Err(reason), |keys| envelope.verify(&keys, now, issuer))
            }
            other => other,
        };
        verified
            .map_err(|reason| if reason == Reason::NoRootKey { out_of_reach(KeysUnavailable) } else { Refused::Message(reason) })
    }

    /// The answer to what is not Google's; an address from where much of it comes hears that it is too much.
    async fn not_taken(&self, request: &HttpRequest) -> HttpResponse {
        let refused = HttpResponse::BadRequest().finish();
        let Some(address) = (self.client_address)(request) else { return refused };
        let mut limit = Limit::address(address, &[self.forged_per_address]);
        limit.scope = Scope::ForgedCallbacks;
        match self.gate.check(&GateRequest::anonymous().limit(limit), self.clock.now()).await {
            Ok(GateVerdict::Refused(refusal)) => {
                HttpResponse::TooManyRequests().insert_header((header::RETRY_AFTER, refusal.retry_after_seconds())).finish()
            }
            _ => refused,
        }
    }
}
