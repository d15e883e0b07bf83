//! The phone's web page: its files, its state, its codes, and what happens as server-sent events.

use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use futures_util::stream;
use rust_embed::Embed;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::watch;

use super::{code, view};
use crate::sandbox::google::refusal::Refusal;
use crate::sandbox::google::server::{fresh_json, plain_headers};
use crate::sandbox::google::state::Stored;
use crate::sandbox::google::{Shared, images};
use crate::sandbox::phone::{locale::Language, page as apple_page};

/// Pages that may watch the phone at once.
const MAX_WATCHERS: usize = 32;

/// A line of nothing, so that proxies and browsers know that the stream lives.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Everything comes from here, the passes' pictures among it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors ";

/// Files that both phones' pages have in common.
const SHARED_FILES: [&str; 1] = ["dom.js"];

#[derive(Embed)]
#[folder = "web/android/"]
struct Files;

/// The page's routes.
pub(in crate::sandbox::google) fn configure(config: &mut web::ServiceConfig) {
    config
        .route("/", web::get().to(index))
        .route("/phone", web::get().to(index))
        .route("/phone/assets/{file}", web::get().to(asset))
        .route("/phone/state", web::get().to(state))
        .route("/phone/events", web::get().to(events))
        .route("/phone/passes/{id}/code", web::get().to(turned))
        .route("/phone/passes/{id}/pictures/{which}", web::get().to(picture))
        .route("/phone/passes/{id}", web::delete().to(remove));
}

async fn index(shared: web::Data<Shared>) -> HttpResponse {
    let Some(file) = Files::get("index.html") else { return HttpResponse::NotFound().finish() };
    let mut response = HttpResponse::Ok();
    plain_headers(&mut response);
    response
        .content_type("text/html; charset=utf-8")
        .insert_header((CONTENT_SECURITY_POLICY, format!("{POLICY}{}", shared.frame_ancestors)))
        .insert_header((CACHE_CONTROL, "no-cache"))
        .body(file.data.into_owned())
}

async fn asset(name: web::Path<String>) -> HttpResponse {
    let shared = || SHARED_FILES.contains(&name.as_str()).then(|| apple_page::asset(&name)).flatten();
    let Some(file) = Files::get(&name).or_else(shared) else { return HttpResponse::NotFound().finish() };
    let mut response = HttpResponse::Ok();
    plain_headers(&mut response);
    response
        .insert_header((CONTENT_TYPE, file.metadata.mimetype()))
        .insert_header((CACHE_CONTROL, "no-cache"))
        .body(file.data.into_owned())
}

/// In which language.
#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    lang: String,
}

async fn state(shared: web::Data<Shared>, wanted: web::Query<Wanted>) -> HttpResponse {
    let at = (Language::parse(&wanted.lang), shared.clock.now());
    fresh_json(&view::screen(&shared.state(), &shared.phone_user, at))
}

/// A picture of a pass, fetched from the issuer as Google would: phones never ask the issuer themselves.
async fn picture(shared: web::Data<Shared>, path: web::Path<(String, String)>) -> HttpResponse {
    let (id, which) = path.into_inner();
    let address = {
        let state = shared.state();
        let object = state.objects.get(&id).map(Stored::value).unwrap_or_default();
        let class = object["classId"].as_str().and_then(|class| state.classes.get(class)).map(Stored::value).unwrap_or_default();
        view::address(&object, &class, &which).map(str::to_owned)
    };
    let Some(address) = address else { return HttpResponse::NotFound().finish() };
    match images::fetch(&shared.http, &address).await {
        Some((kind, bytes)) => HttpResponse::Ok().content_type(kind).insert_header((CACHE_CONTROL, "max-age=86400")).body(bytes),
        None => HttpResponse::BadGateway().finish(),
    }
}

/// The code as it is now: the page asks each time that one has run out.
async fn turned(shared: web::Data<Shared>, id: web::Path<String>) -> HttpResponse {
    let now = shared.clock.now();
    let object = shared.state().objects.get(id.as_str()).map(Stored::value).unwrap_or_default();
    match code::of(&object, now) {
        Some(code) => fresh_json(&json!({"now": now.millis(), "code": code})),
        None => HttpResponse::NotFound().finish(),
    }
}

async fn remove(shared: web::Data<Shared>, request: HttpRequest, id: web::Path<String>) -> HttpResponse {
    let site = request.headers().get("sec-fetch-site").and_then(|value| value.to_str().ok());
    if !matches!(site, None | Some("same-origin" | "none")) {
        return HttpResponse::Forbidden().finish();
    }
    let user = shared.phone_user.clone();
    if shared.remove_pass(&id, &user) { HttpResponse::NoContent().finish() } else { HttpResponse::NotFound().finish() }
}

/// What happens, for whoever watches: nothing but that something did.
async fn events(shared: web::Data<Shared>) -> HttpResponse {
    if shared.changes.receiver_count() >= MAX_WATCHERS {
        return HttpResponse::ServiceUnavailable().finish();
    }
    let watcher = (shared.changes.subscribe(), shared.stop.subscribe(), Greeting::Due);
    let lines = stream::unfold(watcher, |(mut changes, mut stop, greeting)| async move {
        let line = match greeting {
            Greeting::Due => "retry: 1000\nevent: changed\ndata: {}\n\n",
            Greeting::Done => line(&mut changes, &mut stop).await?,
        };
        Some((Ok::<_, actix_web::Error>(Bytes::from_static(line.as_bytes())), (changes, stop, Greeting::Done)))
    });
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header(("x-accel-buffering", "no"))
        .streaming(lines)
}

/// Whether a watcher was told to look.
enum Greeting {
    Due,
    Done,
}

async fn line(changes: &mut watch::Receiver<u64>, stop: &mut watch::Receiver<bool>) -> Option<&'static str> {
    tokio::select! {
        changed = changes.changed() => changed.ok().map(|()| "event: changed\ndata: {}\n\n"),
        _ = stop.wait_for(|stop| *stop) => None,
        () = tokio::time::sleep(HEARTBEAT) => Some(":\n\n"),
    }
}

/// The save page when it can't save; as for Google's developers, it says why.
pub(in crate::sandbox::google) fn refused(refusal: &Refusal) -> HttpResponse {
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Something went wrong</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <link rel=\"stylesheet\" href=\"/phone/assets/wallet.css\"></head><body class=\"trouble\"><main>\
         <h1>Something went wrong</h1><p>The pass was not saved. A developer of the issuer is told why:</p><code>{}</code>\
         <p><a href=\"/phone\">To the phone</a></p></main></body></html>",
        escape(&refusal.message)
    );
    let mut response = HttpResponse::BadRequest();
    plain_headers(&mut response);
    response
        .content_type("text/html; charset=utf-8")
        .insert_header((CONTENT_SECURITY_POLICY, format!("{POLICY}'self'")))
        .body(page)
}
