//! What hangs in the shop: the code that leads to joining, as a picture and as a page to print.

use actix_web::http::{StatusCode, header};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::{Door, Pages, Visit, enter, with_door};
use crate::pages::card::earning_sentences;
use crate::pages::page::Page;
use crate::pages::qr::{self, Qr};
use crate::passes::Variant;
use crate::programme::Status;

/// How long a picture may be kept: the address in it hardly ever changes.
const AN_HOUR: &str = "public, max-age=3600";

#[derive(Template)]
#[template(path = "join/poster.html")]
struct PosterPage<'a> {
    page: &'a Page,
    programme: String,
    strip: Option<String>,
    earning: Vec<String>,
    first: Option<(String, i64)>,
    qr: Qr,
    address: String,
    svg: String,
    png: String,
}

/// The whole address that the code leads to.
fn target(visit: &Visit, door: &Door) -> String {
    format!("{}{}", visit.pages.core.public_url, door.address())
}

/// A poster to print.
pub async fn show(request: HttpRequest, pages: Data<Pages>) -> HttpResponse {
    with_door(enter(&request, pages).await, async |visit, door| {
        let page = door.page(visit);
        let programme = &door.programme;
        let open = programme.rewards.iter().filter(|reward| reward.status == Status::Active);
        let cheapest = open.min_by_key(|reward| reward.points);
        let address = target(visit, door);
        let (path, query) = address.split_once('?').unwrap_or((&address, ""));
        let picture = |kind: &str| format!("/join/{}/qr.{kind}{}{query}", door.id, if query.is_empty() { "" } else { "?" });
        let template = PosterPage {
            programme: page.localised(&programme.name),
            strip: page.brand.strip(Variant::default()),
            earning: earning_sentences(programme, &page),
            first: cheapest.map(|reward| (page.localised(&reward.name), reward.points)),
            qr: Qr::of(&address)?,
            svg: picture("svg"),
            png: picture("png"),
            address: path.to_owned(),
            page: &page,
        };
        Ok(visit.html(StatusCode::OK, &template))
    })
    .await
}

/// The code as SVG.
pub async fn svg(request: HttpRequest, pages: Data<Pages>) -> HttpResponse {
    with_door(enter(&request, pages).await, async |visit, door| {
        Ok(picture("image/svg+xml", Qr::of(&target(visit, door))?.svg().into_bytes()))
    })
    .await
}

/// The code as PNG.
pub async fn png(request: HttpRequest, pages: Data<Pages>) -> HttpResponse {
    with_door(enter(&request, pages).await, async |visit, door| Ok(picture("image/png", qr::png(&target(visit, door))?))).await
}

fn picture(content_type: &'static str, bytes: Vec<u8>) -> HttpResponse {
    HttpResponse::build(StatusCode::OK)
        .insert_header((header::CONTENT_TYPE, content_type))
        .insert_header((header::CACHE_CONTROL, AN_HOUR))
        .body(bytes)
}
