//! The page's files, embedded in the binary.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use actix_web::{HttpResponse, web};
use rust_embed::{Embed, EmbeddedFile};

#[derive(Embed)]
#[folder = "web/sandbox/"]
struct Files;

/// A file of the page.
pub(in crate::sandbox) fn file(name: &str) -> Option<EmbeddedFile> {
    Files::get(name)
}

/// Answers a file of the page.
pub(super) async fn serve(name: web::Path<String>) -> HttpResponse {
    match file(&name) {
        Some(file) => HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, file.metadata.mimetype()))
            .insert_header((CACHE_CONTROL, "no-cache"))
            .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .body(file.data.into_owned()),
        None => HttpResponse::NotFound().finish(),
    }
}
