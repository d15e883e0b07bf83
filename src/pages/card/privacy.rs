//! What is kept about a member, to read, to take along, and to have erased.

use std::sync::Arc;

use actix_web::http::{StatusCode, header};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;

use super::consents::ConsentRow;
use super::{Pages, Visit, done, enter, show, with_holder};
use crate::error::{Code, Problem};
use crate::ledger::{Body, Erase, EraseCause, Erased};
use crate::pages::brand::Brand;
use crate::pages::errors::Failure;
use crate::pages::forms::Sent;
use crate::pages::page::Page;

#[derive(Template)]
#[template(path = "card/privacy.html")]
struct PrivacyPage<'a> {
    page: &'a Page,
    base: String,
    programme: String,
    points: i64,
    /// What is kept: the key of its name, and the value.
    kept: Vec<(&'static str, String)>,
    consents: Vec<ConsentRow>,
    notice: Option<String>,
    trouble: Option<String>,
}

#[derive(Template)]
#[template(path = "card/closed.html")]
struct ClosedPage<'a> {
    page: &'a Page,
}

#[derive(Deserialize)]
struct Sure {
    #[serde(default)]
    sure: String,
}

/// Shows what is kept.
pub async fn show(request: HttpRequest, pages: Data<Pages>) -> HttpResponse {
    with_holder(enter(&request, pages).await, async |visit, holder| {
        let page = holder.page(visit);
        let profile = visit.pages.core.profile(&holder.member)?;
        let joined = page.moment(holder.member.created_at, holder.zone());
        let consents = holder.consents(&page, &profile);
        let told = [("kept-name", profile.name), ("kept-phone", profile.phone), ("kept-email", profile.email)];
        let mut kept: Vec<(&str, String)> = told.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
        kept.push(("kept-joined", joined));
        let template = PrivacyPage {
            base: holder.base(),
            programme: page.localised(&holder.programme().name),
            points: holder.points(),
            kept,
            consents,
            notice: show::notice(visit, &page),
            trouble: show::trouble(visit, &page),
            page: &page,
        };
        Ok(visit.html(StatusCode::OK, &template))
    })
    .await
}

/// Answers everything that is kept, as a file.
pub async fn export(request: HttpRequest, pages: Data<Pages>) -> HttpResponse {
    with_holder(enter(&request, pages).await, async |visit, holder| {
        let core = &visit.pages.core;
        let views = core.cards_without_links((holder.member.org, holder.member.id)).await?;
        let export = core.export(&holder.member, views).await?;
        let text = serde_json::to_string_pretty(&export).map_err(|_| Problem::from(Code::Internal))?;
        Ok(HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, "application/json; charset=utf-8"))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .insert_header((header::CONTENT_DISPOSITION, "attachment; filename=\"my-data.json\""))
            .body(text))
    })
    .await
}

/// Erases the member, all cards with it.
pub async fn erase(request: HttpRequest, pages: Data<Pages>, body: Bytes) -> HttpResponse {
    with_holder(enter(&request, pages).await, async |visit, holder| {
        let Sent { fields, op } = Sent::<Sure>::read(visit, &body)?;
        if fields.sure != "yes" {
            return Ok(visit.see_other(&format!("{}/privacy?problem=confirm", holder.base())));
        }
        let asked = holder.asked(visit, &op, ("erasure", &holder.member.id))?;
        let answer =
            visit.pages.core.ask(&asked, Body::Erase(Erase { member: holder.member.id, cause: EraseCause::Asked })).await?;
        match done::<Erased>(&answer) {
            Ok(_) => Ok(visit.see_other("/c/closed")),
            Err(problem) if problem.code == Code::MemberErased => Ok(visit.see_other("/c/closed")),
            Err(problem) => Err(Failure::Refused(problem)),
        }
    })
    .await
}

/// Says that nothing is left.
pub async fn closed(request: HttpRequest, pages: Data<Pages>) -> HttpResponse {
    let visit = Visit::of(&request, pages);
    if let Err(failure) = visit.admit().await {
        return visit.failed(&failure);
    }
    let page = visit.page(Arc::new(Brand::neutral()), visit.language(None));
    visit.html(StatusCode::OK, &ClosedPage { page: &page })
}
