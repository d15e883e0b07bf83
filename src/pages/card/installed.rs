//! What makes the page live and installable: the stream of changes, the manifest, and the little that is shown without a network.

use actix_web::http::{StatusCode, header};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde_json::json;

use super::code::LiveCode;
use super::{Pages, enter, with_holder};
use crate::pages::assets;
use crate::pages::page::Page;

#[derive(Template)]
#[template(path = "card/offline.html")]
struct OfflinePage<'a> {
    page: &'a Page,
    base: String,
    programme: String,
    points: i64,
    number: String,
    as_of: String,
    code: Option<LiveCode>,
    expires: String,
}

/// The stream of changes of a card.
pub async fn live(request: HttpRequest, pages: Data<Pages>) -> HttpResponse {
    with_holder(enter(&request, pages).await, async |visit, holder| {
        let since = visit.query("since").and_then(|text| text.parse().ok()).unwrap_or(holder.pass.version);
        let db = std::sync::Arc::clone(&visit.pages.core.db);
        Ok(visit.pages.live.stream(db, &holder.pass, since))
    })
    .await
}

/// The last state of the code, for the service worker to keep: no name, no contact, no form, nothing that leads further.
pub async fn offline(request: HttpRequest, pages: Data<Pages>) -> HttpResponse {
    with_holder(enter(&request, pages).await, async |visit, holder| {
        let page = holder.page(visit);
        let facts = holder.facts(visit, &page);
        let code = holder.code(visit).await?;
        let template = OfflinePage {
            base: holder.base(),
            programme: facts.programme,
            points: facts.points,
            number: facts.number,
            as_of: facts.as_of,
            expires: code.as_ref().map(|code| page.time(code.expires_at, holder.zone())).unwrap_or_default(),
            code,
            page: &page,
        };
        Ok(visit.html(StatusCode::OK, &template))
    })
    .await
}

/// Makes the card's page installable.
pub async fn manifest(request: HttpRequest, pages: Data<Pages>) -> HttpResponse {
    with_holder(enter(&request, pages).await, async |visit, holder| {
        let page = holder.page(visit);
        let name = page.localised(&holder.programme().name);
        let icons: Vec<_> =
            page.brand.icon.iter().map(|icon| json!({ "src": icon, "sizes": "87x87", "type": "image/png" })).collect();
        let manifest = json!({
            "name": name, "short_name": name, "lang": page.language.code, "dir": page.language.direction,
            "start_url": holder.base(), "scope": holder.base(), "id": holder.base(), "display": "standalone",
            "theme_color": page.brand.theme, "background_color": page.brand.theme, "icons": icons,
        });
        Ok(HttpResponse::build(StatusCode::OK)
            .insert_header((header::CONTENT_TYPE, "application/manifest+json"))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .body(manifest.to_string()))
    })
    .await
}

/// The service worker of cards' pages.
pub async fn worker() -> HttpResponse {
    assets::service_worker("card-worker.js", "/c/")
}
