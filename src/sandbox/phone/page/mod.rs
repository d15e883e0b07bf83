//! The sandbox phone's web page and the sandbox's small HTTP control: handlers only.
//!
//! Owns routes, limits and headers. What a pass looks like is handed in (`Draw`), what the phone does is `super`'s.

mod assets;
mod control;
mod view;

pub(in crate::sandbox) use self::assets::file as asset;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use bytes::Bytes;
use futures_util::stream;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast};

use super::locale::Language;
use super::web_service::MAX_PACKAGE_BYTES;
use super::{AddError, Phone, PhoneEvent, Updates};
use crate::error::{Code, Problem};
use crate::pages::Framing;
use crate::sandbox::apns::Apns;

/// Draws a pass: its front and its back as HTML without scripts or style attributes.
pub type Draw = Arc<dyn Fn(&Value, &BTreeMap<String, Vec<u8>>) -> (String, String) + Send + Sync>;

/// Pages that may watch the phone at once.
const MAX_WATCHERS: usize = 32;

/// A line of nothing, so that proxies and browsers know that the stream lives.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Everything comes from here; passes bring their pictures as data.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors ";

/// What the page needs.
pub struct PhonePage {
    phone: Phone,
    apns: Apns,
    draw: Draw,
    origins: Vec<url_origin::Origin>,
    offers: Vec<Offer>,
    framing: Framing,
    watchers: Arc<Semaphore>,
}

/// A pass that the page offers to add with one tap.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Offer {
    /// What it is, in every language of the phone.
    pub title: BTreeMap<Language, String>,
    /// Where its package is; must be one of the page's origins.
    pub url: String,
}

/// The origins that passes may be downloaded from.
mod url_origin {
    /// Scheme, host and port.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Origin(String, String, Option<u16>);

    impl Origin {
        /// Of a whole URL.
        pub fn of(url: &reqwest::Url) -> Option<Self> {
            let plain = url.username().is_empty() && url.password().is_none();
            let web = matches!(url.scheme(), "http" | "https");
            (plain && web).then_some(())?;
            Some(Self(url.scheme().to_owned(), url.host_str()?.to_owned(), url.port_or_known_default()))
        }
    }
}

impl PhonePage {
    /// A page for a phone. Passes are downloaded from `base_urls` (the gateway's own) and from nowhere else.
    #[must_use]
    pub fn new(phone: Phone, apns: Apns, draw: Draw, base_urls: &[String]) -> Self {
        let origins = base_urls.iter().filter_map(|url| url_origin::Origin::of(&reqwest::Url::parse(url).ok()?)).collect();
        Self {
            phone,
            apns,
            draw,
            origins,
            offers: Vec::new(),
            framing: Framing::default(),
            watchers: Arc::new(Semaphore::new(MAX_WATCHERS)),
        }
    }

    /// The same page, which may be shown within others.
    #[must_use]
    pub fn framed(mut self, framing: Framing) -> Self {
        self.framing = framing;
        self
    }

    /// The same page with passes to offer.
    #[must_use]
    pub fn with_offers(mut self, offers: Vec<Offer>) -> Self {
        self.offers = offers;
        self
    }
}

/// Every route of the sandbox.
pub fn configure(config: &mut web::ServiceConfig, page: web::Data<PhonePage>) {
    config.service(
        web::scope("/phone")
            .app_data(page.clone())
            .app_data(web::PayloadConfig::new(MAX_PACKAGE_BYTES))
            .route("", web::get().to(index))
            .route("/", web::get().to(index))
            .route("/assets/{file}", web::get().to(assets::serve))
            .route("/state", web::get().to(state))
            .route("/events", web::get().to(events))
            .route("/preview", web::post().to(preview))
            .route("/passes", web::post().to(add))
            .route("/passes/{key}", web::delete().to(remove))
            .route("/passes/{key}/icon", web::get().to(icon))
            .route("/passes/{key}/refresh", web::post().to(refresh))
            .route("/passes/{key}/automatic", web::put().to(automatic))
            .route("/erase", web::post().to(erase)),
    );
    config.service(
        web::scope("/sandbox")
            .app_data(page)
            .route("/pushes", web::get().to(control::pushes))
            .route("/faults", web::get().to(control::faults))
            .route("/faults", web::post().to(control::inject))
            .route("/faults", web::delete().to(control::clear))
            .route("/tokens", web::post().to(control::register_token))
            .route("/tokens/{token}", web::delete().to(control::forget_token)),
    );
}

/// A refusal as problem+json.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Refusal(#[from] Problem);

impl Refusal {
    fn new(code: Code, detail: impl Into<String>) -> Self {
        Self(Problem::new(code, detail))
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let Problem { code, detail, facts, .. } = &self.0;
        let mut body = json!({"code": code, "title": code.title(), "status": code.status(), "detail": detail});
        if let Value::Object(body) = &mut body {
            body.extend(facts.clone());
        }
        HttpResponse::build(self.status_code()).content_type("application/problem+json").body(body.to_string())
    }
}

impl From<AddError> for Refusal {
    fn from(error: AddError) -> Self {
        match error {
            AddError::Refused(reasons) => {
                Self(Problem::new(Code::ValidationFailed, "A phone would refuse this pass").with("reasons", reasons))
            }
            AddError::Full => Self::new(Code::Overloaded, error.to_string()),
            AddError::Download(_) => Self::new(Code::ValidationFailed, error.to_string()),
        }
    }
}

async fn index(page: web::Data<PhonePage>) -> HttpResponse {
    match assets::file("index.html") {
        Some(file) => HttpResponse::Ok()
            .content_type("text/html; charset=utf-8")
            .insert_header((CONTENT_SECURITY_POLICY, format!("{POLICY}{}", page.framing.ancestors_besides_self())))
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header((header::REFERRER_POLICY, "no-referrer"))
            .insert_header((CACHE_CONTROL, "no-cache"))
            .body(file.data.into_owned()),
        None => HttpResponse::NotFound().finish(),
    }
}

/// In which language.
#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    lang: String,
}

async fn state(page: web::Data<PhonePage>, wanted: web::Query<Wanted>) -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(view::state(&page, Language::parse(&wanted.lang)))
}

/// What happens on the phone, as server-sent events.
async fn events(page: web::Data<PhonePage>) -> Result<HttpResponse, Refusal> {
    let place = page.watchers.clone().try_acquire_owned();
    let place = place.map_err(|_| Refusal::new(Code::Overloaded, "Too many pages are watching the phone"))?;
    let watcher = Watcher { events: page.phone.subscribe(), _place: place, greeted: false };
    let lines = stream::unfold(watcher, |mut watcher| async move {
        let line = watcher.next().await?;
        Some((Ok::<_, actix_web::Error>(Bytes::from(line)), watcher))
    });
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header(("x-accel-buffering", "no"))
        .streaming(lines))
}

struct Watcher {
    events: broadcast::Receiver<PhoneEvent>,
    _place: OwnedSemaphorePermit,
    greeted: bool,
}

impl Watcher {
    async fn next(&mut self) -> Option<String> {
        if !self.greeted {
            self.greeted = true;
            return Some("retry: 1000\nevent: changed\ndata: {}\n\n".to_owned());
        }
        let Ok(event) = tokio::time::timeout(HEARTBEAT, self.events.recv()).await else { return Some(":\n\n".to_owned()) };
        let (name, data) = match event {
            Ok(PhoneEvent::Changed) | Err(RecvError::Lagged(_)) => ("changed", json!({})),
            Ok(PhoneEvent::Told(notice)) => ("notice", json!(notice)),
            Ok(PhoneEvent::Stepped(step)) => ("step", json!(step)),
            Err(RecvError::Closed) => return None,
        };
        Some(format!("event: {name}\ndata: {data}\n\n"))
    }
}

/// The package that a request brings or names.
async fn package(page: &PhonePage, request: &HttpRequest, body: Bytes) -> Result<Bytes, Refusal> {
    /// A link to a package.
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Link {
        url: String,
    }
    own_page_only(request)?;
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match content_type.split(';').next().unwrap_or_default().trim() {
        "application/vnd.apple.pkpass" | "application/octet-stream" => Ok(body),
        "application/json" => {
            let link: Link = serde_json::from_slice(&body)
                .map_err(|error| Refusal::new(Code::MalformedRequest, format!("expected {{\"url\": …}}: {error}")))?;
            let url = reqwest::Url::parse(&link.url).map_err(|_| Problem::field("url", "is not a URL"))?;
            let origin = url_origin::Origin::of(&url);
            if !origin.is_some_and(|origin| page.origins.contains(&origin)) {
                return Err(Problem::field("url", "is not an address of this gateway").into());
            }
            Ok(page.phone.download(url).await?.into())
        }
        _ => Err(Refusal::new(
            Code::UnsupportedMediaType,
            "Send a package as application/vnd.apple.pkpass, or {\"url\": …} as application/json",
        )),
    }
}

/// Whatever changes something must come from this page or from a tool, not from some page that the browser has open.
fn own_page_only(request: &HttpRequest) -> Result<(), Refusal> {
    let site = request.headers().get("sec-fetch-site").and_then(|value| value.to_str().ok());
    match site {
        None | Some("same-origin" | "none") => Ok(()),
        Some(_) => Err(Refusal::new(Code::Forbidden, "Another site may not use the sandbox phone")),
    }
}

async fn preview(
    page: web::Data<PhonePage>,
    wanted: web::Query<Wanted>,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Refusal> {
    let package = package(&page, &request, body).await?;
    let opened = page.phone.look_at(&package)?;
    Ok(HttpResponse::Ok().json(view::opened(&page, &opened, Language::parse(&wanted.lang))))
}

async fn add(page: web::Data<PhonePage>, request: HttpRequest, body: Bytes) -> Result<HttpResponse, Refusal> {
    let package = package(&page, &request, body).await?;
    let key = page.phone.add_pass(&package).await?;
    Ok(HttpResponse::Created().json(json!({"key": key})))
}

fn found(there: bool) -> Result<HttpResponse, Refusal> {
    if there {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(Refusal::new(Code::NotFound, "There is no such pass on the phone"))
    }
}

async fn remove(page: web::Data<PhonePage>, request: HttpRequest, key: web::Path<String>) -> Result<HttpResponse, Refusal> {
    own_page_only(&request)?;
    found(page.phone.remove_pass(&key).await)
}

async fn refresh(page: web::Data<PhonePage>, request: HttpRequest, key: web::Path<String>) -> Result<HttpResponse, Refusal> {
    own_page_only(&request)?;
    found(page.phone.refresh(&key).await)
}

/// The switch "Automatic Updates".
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Switch {
    on: bool,
}

async fn automatic(
    page: web::Data<PhonePage>,
    request: HttpRequest,
    key: web::Path<String>,
    switch: web::Json<Switch>,
) -> Result<HttpResponse, Refusal> {
    own_page_only(&request)?;
    let updates = if switch.on { Updates::Automatic } else { Updates::Never };
    found(page.phone.set_automatic(&key, updates).await)
}

async fn erase(page: web::Data<PhonePage>, request: HttpRequest) -> Result<HttpResponse, Refusal> {
    own_page_only(&request)?;
    page.phone.erase().await;
    found(true)
}

async fn icon(page: web::Data<PhonePage>, key: web::Path<String>) -> Result<HttpResponse, Refusal> {
    let pass = page.phone.passes().into_iter().find(|pass| pass.key == *key);
    let icon = pass.and_then(|pass| {
        let names = ["icon@3x.png", "icon@2x.png", "icon.png"];
        names.iter().find_map(|name| pass.opened.files.get(*name).cloned())
    });
    let icon = icon.ok_or_else(|| Refusal::new(Code::NotFound, "There is no such pass on the phone"))?;
    Ok(HttpResponse::Ok().content_type("image/png").insert_header((CACHE_CONTROL, "no-cache")).body(icon))
}
