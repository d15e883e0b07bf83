//! What makes the scanner installable, and what it shows without a network: that it does nothing then.

use actix_web::http::{StatusCode, header};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde_json::json;

use crate::pages::brand::Brand;
use crate::pages::page::Page;
use crate::pages::{Pages, Visit, assets};

#[derive(Template)]
#[template(path = "scan/offline.html")]
struct OfflinePage<'a> {
    page: &'a Page,
}

/// The page without a network, for the service worker to keep.
pub async fn offline(request: HttpRequest, pages: Data<Pages>) -> HttpResponse {
    let visit = Visit::of(&request, pages);
    let page = visit.page(Brand::neutral().into(), visit.language(None));
    visit.html(StatusCode::OK, &OfflinePage { page: &page })
}

/// Makes the scanner installable.
pub async fn manifest(request: HttpRequest, pages: Data<Pages>) -> HttpResponse {
    let visit = Visit::of(&request, pages);
    let page = visit.page(Brand::neutral().into(), visit.language(None));
    let icon =
        json!({ "src": assets::address("scan/icon.svg"), "sizes": "any", "type": "image/svg+xml", "purpose": "any maskable" });
    let manifest = json!({
        "name": page.text("scan-title"), "short_name": page.text("scan-title"), "lang": page.language.code,
        "dir": page.language.direction, "start_url": "/scan", "scope": "/scan", "id": "/scan", "display": "standalone",
        "orientation": "any", "theme_color": page.brand.theme, "background_color": page.brand.theme, "icons": [icon],
    });
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/manifest+json"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(manifest.to_string())
}

/// The service worker.
pub async fn worker() -> HttpResponse {
    assets::service_worker("scan-worker.js", "/scan")
}
