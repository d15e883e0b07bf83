//! The guide's page: its files, its headers, and the few things that it may ask. Whatever it asks names one of the story's requests.

use actix_web::http::header::{self, HeaderName};
use actix_web::web::{self, Data, Json, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use rust_embed::{Embed, EmbeddedFile};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::story::{NotNow, Story, Which};
use super::{GuideSetup, HOSTS};

/// Bytes of the longest request.
const MOST_BYTES: usize = 1_024;

/// What browsers and other tools say of where a request comes from.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

#[derive(Embed)]
#[folder = "web/guide/"]
struct Files;

/// The letters that all our pages are set in.
#[derive(Embed)]
#[folder = "web/pages/assets/fonts/"]
struct Fonts;

/// A place that is shown in a frame: under the same host as the guide, so that cookies work.
#[derive(Debug, Clone, Serialize)]
struct Place {
    port: u16,
    path: String,
}

impl Place {
    fn of(url: &str) -> Self {
        let parsed = reqwest::Url::parse(url).ok();
        let port = parsed.as_ref().and_then(reqwest::Url::port_or_known_default).unwrap_or_default();
        Self { port, path: parsed.map_or_else(String::new, |url| url.path().to_owned()) }
    }
}

/// What stays the same while the guide runs.
#[derive(Debug, Clone, Serialize)]
pub struct Places {
    iphone: Place,
    android: Place,
    gateway: Place,
    poster: String,
    cashier: String,
    pin: String,
    #[serde(skip)]
    port: u16,
}

impl Places {
    /// What a story has, for the guide at a port.
    pub fn of(setup: &GuideSetup, port: u16) -> Self {
        Self {
            iphone: Place::of(&setup.phone_url),
            android: Place::of(&setup.google_phone_url),
            gateway: Place::of(&setup.base_url),
            poster: Place::of(&setup.poster_url).path,
            cashier: setup.cashier.clone(),
            pin: setup.pin.clone(),
            port,
        }
    }

    /// The origins of what is framed, by every name of this machine, each with something before and after it.
    fn framed(&self, (before, after): (&str, &str)) -> String {
        let ports = [self.iphone.port, self.android.port, self.gateway.port];
        let origins = ports.iter().flat_map(|port| HOSTS.map(|host| format!("{before}http://{host}:{port}{after}")));
        origins.collect::<Vec<_>>().join(" ")
    }

    /// Whether a request means this guide by a name of this machine: a name of the internet that leads here is somebody's trick.
    fn is_meant(&self, request: &HttpRequest) -> bool {
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        HOSTS.iter().any(|name| host == Some(&format!("{name}:{}", self.port)))
    }

    /// Whether the guide's own page asks.
    fn is_own(&self, request: &HttpRequest) -> bool {
        let text = |name: HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
        let host = text(header::HOST).unwrap_or_default();
        let site = text(FETCH_SITE).is_none_or(|site| site == "same-origin");
        self.is_meant(request) && site && text(header::ORIGIN) == Some(&format!("http://{host}"))
    }
}

type Told = Data<Mutex<Story>>;

/// Mounts the guide.
pub fn configure(config: &mut ServiceConfig, story: Told, places: Data<Places>) {
    config
        .app_data(story)
        .app_data(places)
        .app_data(web::JsonConfig::default().limit(MOST_BYTES))
        .route("/", web::get().to(index))
        .route("/files/{file:.*}", web::get().to(file))
        .route("/places", web::get().to(setting))
        .route("/story", web::get().to(look))
        .route("/run", web::post().to(run))
        .route("/code", web::post().to(code))
        .route("/restart", web::post().to(restart));
}

fn fresh(response: &mut HttpResponseBuilder, body: &impl Serialize) -> HttpResponse {
    response
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .json(body)
}

fn stranger() -> HttpResponse {
    fresh(&mut HttpResponse::Forbidden(), &json!({ "reason": "stranger" }))
}

fn not_now(why: NotNow) -> HttpResponse {
    match why {
        NotNow::TooEarly => fresh(&mut HttpResponse::Conflict(), &json!({ "reason": "too_early" })),
        NotNow::NoAnswer => fresh(&mut HttpResponse::BadGateway(), &json!({ "reason": "no_answer" })),
    }
}

async fn index(request: HttpRequest, places: Data<Places>) -> HttpResponse {
    let Some(page) = Files::get("index.html").filter(|_| places.is_meant(&request)) else { return stranger() };
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; frame-src {}; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
        places.framed(("", ""))
    );
    let camera = format!("camera=(self {}), clipboard-write=(self), microphone=(), geolocation=()", places.framed(("\"", "\"")));
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, policy))
        .insert_header(("permissions-policy", camera))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::X_FRAME_OPTIONS, "DENY"))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(page.data.into_owned())
}

async fn file(name: web::Path<String>) -> HttpResponse {
    let found: Option<EmbeddedFile> = match name.strip_prefix("fonts/") {
        Some(font) => Fonts::get(font).filter(|_| font.ends_with(".woff2")),
        None => Files::get(&name),
    };
    let Some(file) = found else { return HttpResponse::NotFound().finish() };
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, file.metadata.mimetype()))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(file.data.into_owned())
}

/// What is framed, and what is typed at the till.
async fn setting(request: HttpRequest, places: Data<Places>) -> HttpResponse {
    if places.is_meant(&request) { fresh(&mut HttpResponse::Ok(), &*places.into_inner()) } else { stranger() }
}

async fn look(request: HttpRequest, (story, places): (Told, Data<Places>)) -> HttpResponse {
    if !places.is_meant(&request) {
        return stranger();
    }
    match story.lock().await.look().await {
        Ok(state) => fresh(&mut HttpResponse::Ok(), &state),
        Err(_) => not_now(NotNow::NoAnswer),
    }
}

/// Which request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    name: Which,
}

async fn run(request: HttpRequest, (story, places): (Told, Data<Places>), asked: Json<Asked>) -> HttpResponse {
    if !places.is_own(&request) {
        return stranger();
    }
    answered(story.lock().await.run(asked.name).await.map(|answer| json!(answer)))
}

async fn code(request: HttpRequest, (story, places): (Told, Data<Places>)) -> HttpResponse {
    if !places.is_own(&request) {
        return stranger();
    }
    answered(story.lock().await.code().await)
}

async fn restart(request: HttpRequest, (story, places): (Told, Data<Places>)) -> HttpResponse {
    if !places.is_own(&request) {
        return stranger();
    }
    story.lock().await.start_over();
    HttpResponse::NoContent().finish()
}

fn answered(result: Result<Value, NotNow>) -> HttpResponse {
    result.map_or_else(not_now, |value| fresh(&mut HttpResponse::Ok(), &value))
}
