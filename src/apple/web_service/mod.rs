//! Apple's web service: phones register, ask what changed, fetch passes, unregister, and log. Mounted at `/apple`.
//!
//! Unknown things and wrong tokens are answered alike, so that nothing can be found out by asking. Requests that come to
//! nothing use up their address's budget; those of a phone with a right token only that of its pass, since thousands of phones
//! may share an address. Nothing here may be compressed, redirected or answered with a page.

mod call;
mod conditional;
mod device_log;
mod fetched;

use std::net::IpAddr;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::{self, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use tokio::sync::Notify;

pub use self::call::loggable_path;
use self::call::{Call, NoCall, Target};
pub use self::fetched::Fetched;
use super::account::{Apple, AppleAccount};
use super::build::{BuildError, BuiltPass, PassBuilder};
use super::package::MIME_TYPE;
use super::push::PushToken;
use crate::clock::{Clock, Timestamp};
use crate::db::{Db, DbError, DeviceLog, Registered, Registration};
use crate::gate::{Gate, GateRequest, GateVerdict, Limit, RateRule, Scope};
use crate::ids::{OrgId, PassId, decode, encode};
use crate::ledger::Pass;
use crate::tokens::{KeyScope, Keyring, Kid};

/// Where the web service is mounted; phones add `/v1`.
pub const MOUNT: &str = "/apple";

/// Bytes of a registration: a push token and some air.
const MAX_REGISTRATION_BYTES: usize = 4 * 1024;

/// Bytes of a log request.
const MAX_LOG_BYTES: usize = 64 * 1024;

/// Characters of a device id; Apple's have 32.
const MAX_DEVICE_CHARS: usize = 128;

/// Seconds after which a phone may come back when we could not answer.
const RETRY_AFTER_SECONDS: i64 = 30;

/// Requests about one pass in a minute. Twenty phones may hold it, each is pushed every 15 seconds at most and fetches after each push, and
/// each may have registered in that very minute: 100, and some air. Most are 304 or kept bytes.
const PER_PASS_MINUTE: u32 = 120;

/// How the address of the one who asks is found: behind a proxy only the operator knows which header to trust.
pub type ClientAddress = Arc<dyn Fn(&HttpRequest) -> Option<IpAddr> + Send + Sync>;

/// How fast phones may ask.
#[derive(Debug, Clone, Copy)]
pub struct PhoneLimits {
    /// Requests about one pass with a right token, of all phones that hold it.
    pub per_pass: RateRule,
    /// Lists that one phone asks for.
    pub per_device: RateRule,
    /// Requests of an address that came to nothing.
    pub fruitless_per_address: RateRule,
}

impl Default for PhoneLimits {
    fn default() -> Self {
        Self {
            per_pass: RateRule::per_minute(PER_PASS_MINUTE),
            per_device: RateRule::per_minute(30),
            fruitless_per_address: RateRule::per_minute(60),
        }
    }
}

/// What the web service works with.
pub struct WebService {
    /// The database.
    pub db: Arc<dyn Db>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The master keys, which authentication tokens are derived from.
    pub keyring: Arc<Keyring>,
    /// The rate gate.
    pub gate: Arc<dyn Gate>,
    /// The accounts.
    pub apple: Arc<Apple>,
    /// Builds passes.
    pub builder: Arc<PassBuilder>,
    /// Is woken when a registration may have made something owed.
    pub owed: Arc<Notify>,
    /// Who asks.
    pub client_address: ClientAddress,
    /// How fast.
    pub limits: PhoneLimits,
    /// What was noted of fetches lately.
    pub fetched: Fetched,
}

/// Mounts the web service.
pub fn configure(service: web::Data<WebService>) -> impl FnOnce(&mut ServiceConfig) {
    move |config| {
        config.service(web::scope(MOUNT).app_data(service).default_service(web::to(serve)));
    }
}

/// The answer that carries a pass, also for a download by link.
#[must_use]
pub fn pkpass_response(built: &BuiltPass) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(MIME_TYPE)
        .insert_header((header::LAST_MODIFIED, conditional::http_date(built.last_modified)))
        .insert_header((header::CACHE_CONTROL, "private, no-cache"))
        .insert_header((header::CONTENT_DISPOSITION, "attachment; filename=\"pass.pkpass\""))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(built.bytes.clone())
}

/// Why a phone does not get what it asked for.
enum Refused {
    /// No such pass, or another token: nobody learns which.
    Unauthorized,
    BadRequest,
    TooLarge,
    TooMany {
        retry_after_seconds: i64,
    },
    Unavailable,
}

impl Refused {
    fn response(&self) -> HttpResponse {
        let (status, retry_after) = match self {
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, None),
            Self::BadRequest => (StatusCode::BAD_REQUEST, None),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, None),
            Self::TooMany { retry_after_seconds } => (StatusCode::TOO_MANY_REQUESTS, Some(*retry_after_seconds)),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, Some(RETRY_AFTER_SECONDS)),
        };
        let mut response = HttpResponse::build(status);
        if let Some(seconds) = retry_after {
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        response.insert_header((header::CACHE_CONTROL, "no-store")).finish()
    }
}

impl From<DbError> for Refused {
    fn from(error: DbError) -> Self {
        tracing::error!(%error, "a phone could not be answered");
        Self::Unavailable
    }
}

impl From<BuildError> for Refused {
    fn from(error: BuildError) -> Self {
        tracing::error!(%error, "a pass could not be built");
        Self::Unavailable
    }
}

async fn serve(request: HttpRequest, payload: Payload, service: web::Data<WebService>) -> HttpResponse {
    let path = request.path();
    let call = match Call::parse(request.method(), path.strip_prefix(MOUNT).unwrap_or(path)) {
        Ok(call) => call,
        Err(NoCall::Path) => return service.fruitless(&request, HttpResponse::NotFound().finish()).await,
        Err(NoCall::Method(allowed)) => {
            return HttpResponse::MethodNotAllowed().insert_header((header::ALLOW, allowed)).finish();
        }
    };
    let word = call.as_str();
    let answered = match call {
        Call::Register { device, target } => service.register(&request, payload, (device, target)).await,
        Call::Unregister { device, target } => service.unregister(&request, (device, target)).await,
        Call::List { device, pass_type } => service.list(&request, &device, &pass_type).await,
        Call::Fetch(target) => service.fetch(&request, &target).await,
        Call::Log => service.log(&request, payload).await,
    };
    let response = answered.unwrap_or_else(|refused| refused.response());
    let status = response.status().as_str().to_owned();
    metrics::counter!("walaa_apple_requests_total", "call" => word, "status" => status).increment(1);
    response
}

#[derive(Deserialize)]
struct RegistrationBody {
    #[serde(rename = "pushToken")]
    push_token: String,
}

impl WebService {
    async fn register(
        &self,
        request: &HttpRequest,
        payload: Payload,
        (device, target): (String, Target),
    ) -> Result<HttpResponse, Refused> {
        let (pass, _) = self.authenticate(request, &target).await?;
        let device = device_id(device).ok_or(Refused::BadRequest)?;
        let body = payload.to_bytes_limited(MAX_REGISTRATION_BYTES).await.map_err(|_| Refused::TooLarge)?;
        let body = body.map_err(|_| Refused::BadRequest)?;
        let body: RegistrationBody = crate::strict_json::from_slice(&body).map_err(|_| Refused::BadRequest)?;
        let push_token = PushToken::parse(body.push_token.trim()).ok_or(Refused::BadRequest)?;
        let registered = self
            .db
            .register(Registration {
                org: pass.org,
                pass: pass.id,
                pass_type: target.pass_type,
                device,
                push_token: push_token.as_str().to_owned(),
                registered_at: self.clock.now(),
                pushed_at: None,
                pushed_version: 0,
                listed_at: None,
            })
            .await?;
        self.owed.notify_one();
        Ok(match registered {
            Registered::New => HttpResponse::Created().finish(),
            Registered::Known => HttpResponse::Ok().finish(),
        })
    }

    async fn unregister(&self, request: &HttpRequest, (device, target): (String, Target)) -> Result<HttpResponse, Refused> {
        let (pass, _) = self.authenticate(request, &target).await?;
        self.db.unregister(&target.pass_type, &device, pass.id).await?;
        Ok(HttpResponse::Ok().finish())
    }

    /// Which passes of a phone changed. Without a token: the device id is the credential.
    async fn list(&self, request: &HttpRequest, device: &str, pass_type: &str) -> Result<HttpResponse, Refused> {
        let limit = Limit::on(Scope::Device, device_log::fingerprint(device), &[self.limits.per_device]);
        self.charge(GateRequest::anonymous().limit(limit)).await?;
        let since = call::update_tag(request.query_string());
        let changed = self.db.changed_passes(pass_type, device, since, self.clock.now()).await?;
        if changed.passes.is_empty() {
            let nothing = HttpResponse::NoContent().insert_header((header::CACHE_CONTROL, "no-store")).finish();
            // A phone of ours that is up to date guesses nothing: thousands of them may share an address.
            return Ok(if changed.known { nothing } else { self.fruitless(request, nothing).await });
        }
        let serials: Vec<String> = changed.passes.iter().map(|pass| encode(&pass.0)).collect();
        let body = serde_json::json!({"serialNumbers": serials, "lastUpdated": changed.tag.to_string()});
        Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(body))
    }

    async fn fetch(&self, request: &HttpRequest, target: &Target) -> Result<HttpResponse, Refused> {
        let (pass, account) = self.authenticate(request, target).await?;
        let condition = request.headers().get(header::IF_MODIFIED_SINCE).and_then(|value| value.to_str().ok());
        if conditional::is_unchanged(condition, pass.last_modified) {
            self.note_fetched(pass.id, pass.version).await;
            return Ok(HttpResponse::NotModified()
                .insert_header((header::LAST_MODIFIED, conditional::http_date(pass.last_modified)))
                .insert_header((header::CACHE_CONTROL, "private, no-cache"))
                .finish());
        }
        let built = self.builder.build(&pass, &account).await?;
        if request.method() == actix_web::http::Method::GET {
            self.note_fetched(pass.id, built.version).await;
        }
        Ok(pkpass_response(&built))
    }

    async fn log(&self, request: &HttpRequest, payload: Payload) -> Result<HttpResponse, Refused> {
        let body = payload.to_bytes_limited(MAX_LOG_BYTES).await.map_err(|_| Refused::TooLarge)?;
        let body = body.map_err(|_| Refused::BadRequest)?;
        self.charge(self.address_budget(request)).await?;
        let now = self.clock.now();
        let mut logs = Vec::new();
        for line in device_log::lines(&body) {
            logs.push(self.device_log(line, now).await?);
        }
        if !logs.is_empty() {
            self.db.add_device_logs(logs).await?;
        }
        Ok(HttpResponse::Ok().finish())
    }

    async fn device_log(&self, line: device_log::LogLine, at: Timestamp) -> Result<DeviceLog, Refused> {
        let pass = match line.pass {
            Some(id) => self.db.pass(id).await?,
            None => None,
        };
        let (org, pass) = pass.map(|pass| (pass.org, pass.id)).unzip();
        let named = pass.map(|pass| encode(&pass.0)).unwrap_or_default();
        match line.level {
            device_log::Level::Information => tracing::info!(pass.serial = named, text = line.text, "a phone logged"),
            level => tracing::warn!(pass.serial = named, ?level, text = line.text, "a phone reported trouble"),
        }
        Ok(DeviceLog { at, org, pass, text: line.text })
    }

    /// The pass that a path names and the account that issued it, if the token is the pass's. An unknown serial takes as long
    /// as a wrong token.
    async fn authenticate(&self, request: &HttpRequest, target: &Target) -> Result<(Pass, Arc<AppleAccount>), Refused> {
        let pass = match decode(&target.serial) {
            Some(id) => self.db.pass(PassId(id)).await?,
            None => None,
        };
        let nobody = (OrgId([0; 16]), self.keyring.current());
        let (org, kid) = pass.as_ref().map_or(nobody, |pass| (pass.org, Kid(pass.auth_kid)));
        let expected = self.keyring.apple_token(KeyScope { org, kid }, &target.pass_type, &target.serial);
        let sent = request.headers().get(header::AUTHORIZATION).and_then(sent_token).unwrap_or_default();
        let right = expected.is_ok_and(|expected| expected.matches(sent));
        let account = pass.as_ref().and_then(|pass| self.apple.serving(pass.org, &target.pass_type));
        match (right, pass, account) {
            (true, Some(pass), Some(account)) => {
                let limit = Limit::on(Scope::Pass, encode(&pass.id.0), &[self.limits.per_pass]);
                self.charge(GateRequest::within(pass.org).limit(limit)).await?;
                Ok((pass, account))
            }
            _ => {
                self.charge(self.address_budget(request)).await?;
                Err(Refused::Unauthorized)
            }
        }
    }

    /// A response that came to nothing, unless the address has asked for nothing too often.
    async fn fruitless(&self, request: &HttpRequest, response: HttpResponse) -> HttpResponse {
        match self.charge(self.address_budget(request)).await {
            Ok(()) => response,
            Err(refused) => refused.response(),
        }
    }

    fn address_budget(&self, request: &HttpRequest) -> GateRequest {
        let Some(address) = (self.client_address)(request) else { return GateRequest::anonymous() };
        let mut limit = Limit::address(address, &[self.limits.fruitless_per_address]);
        limit.scope = Scope::Fruitless;
        GateRequest::anonymous().limit(limit)
    }

    /// Only a refusal holds a phone up; a gate that can't be reached does not.
    async fn charge(&self, request: GateRequest) -> Result<(), Refused> {
        match self.gate.check(&request, self.clock.now()).await {
            Ok(GateVerdict::Refused(refusal)) => Err(Refused::TooMany { retry_after_seconds: refusal.retry_after_seconds() }),
            _ => Ok(()),
        }
    }

    /// That the note is lost costs one push too many, not the answer.
    async fn note_fetched(&self, pass: PassId, version: i64) {
        let now = self.clock.now();
        if !self.fetched.is_news(pass, version, now) {
            return;
        }
        match self.db.note_fetched(pass, version, now).await {
            Ok(()) => self.fetched.noted(pass, version, now),
            Err(error) => tracing::warn!(%error, "could not note that a pass was fetched"),
        }
    }
}

/// The token of `Authorization: ApplePass <token>`; readers on other systems say `AndroidPass`.
fn sent_token(value: &HeaderValue) -> Option<&str> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    matches!(scheme, "ApplePass" | "AndroidPass").then(|| token.trim())
}

/// A device id that can be one: opaque, but printable and bounded.
fn device_id(text: String) -> Option<String> {
    let fits = (1..=MAX_DEVICE_CHARS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then_some(text)
}
