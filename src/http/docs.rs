//! The browsable page of the API: a few files of our own, nothing from elsewhere.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use rust_embed::RustEmbed;

use crate::error::Code;
use crate::http::problem;

/// The page may load its own script, style and the description, and nothing else.
const OWN_FILES_ONLY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

#[derive(RustEmbed)]
#[folder = "web/docs/"]
struct Files;

/// Answers the page.
pub async fn page() -> HttpResponse {
    file("index.html")
}

/// Answers one of its files.
pub async fn part(name: web::Path<String>) -> HttpResponse {
    file(&name)
}

fn file(name: &str) -> HttpResponse {
    let content_type = match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        _ => return problem::response(&Code::NotFound.into()),
    };
    let Some(file) = Files::get(name) else { return problem::response(&Code::NotFound.into()) };
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, content_type))
        .insert_header((header::CONTENT_SECURITY_POLICY, OWN_FILES_ONLY))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(file.data.into_owned())
}
