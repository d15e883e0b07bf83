//! A browser becomes a till by a one-time code, and is forgotten again.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;

use super::session::Session;
use crate::documents::{self, SHIFT_COOKIE, TILL_COOKIE};
use crate::error::Code;
use crate::pages::brand::Brand;
use crate::pages::errors::Failure;
use crate::pages::forms::Sent;
use crate::pages::page::Page;
use crate::pages::{Pages, Visit};

/// Seconds for which a browser stays a till: 400 days, the longest that browsers keep a cookie.
const TILL_SECONDS: u32 = 400 * 86_400;

/// What the address of the page looks like once the browser has asked again by itself.
const AGAIN: &str = "again";

#[derive(Template)]
#[template(path = "scan/enrol.html")]
struct EnrolPage<'a> {
    page: &'a Page,
    trouble: Option<String>,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "scan/off.html")]
struct OffPage<'a> {
    page: &'a Page,
}

/// The form as it is shown.
pub struct Asking {
    status: StatusCode,
    trouble: Option<&'static str>,
    /// Where the browser asks again by itself.
    next: Option<String>,
}

impl Asking {
    /// For a browser that is no till. One that comes from another site left its cookies out: it asks again from here.
    pub fn first(visit: &Visit) -> Self {
        let site = visit.request.headers().get("sec-fetch-site").and_then(|value| value.to_str().ok());
        let from_elsewhere = site == Some("cross-site") && visit.query(AGAIN).is_none();
        Self { status: StatusCode::OK, trouble: None, next: from_elsewhere.then(|| format!("/scan?{AGAIN}=1")) }
    }

    /// For a browser whose key was withdrawn.
    pub const fn withdrawn() -> Self {
        Self { status: StatusCode::OK, trouble: Some("scan-withdrawn"), next: None }
    }
}

#[derive(Deserialize)]
struct Filled {
    #[serde(default)]
    code: String,
}

/// The page that asks for the one-time code.
pub fn page(visit: &Visit, asking: Asking) -> HttpResponse {
    let page = visit.page(Arc::new(Brand::neutral()), visit.language(None));
    let trouble = asking.trouble.map(|key| page.text(key));
    visit.html(asking.status, &EnrolPage { page: &page, trouble, next: asking.next })
}

/// The page of a till that is switched off.
pub fn switched_off(visit: &Visit) -> HttpResponse {
    let page = visit.page(Arc::new(Brand::neutral()), visit.language(None));
    visit.html(StatusCode::FORBIDDEN, &OffPage { page: &page })
}

/// Swaps the one-time code for the till's key, which the browser keeps.
pub async fn enrol(request: HttpRequest, pages: Data<Pages>, body: Bytes) -> HttpResponse {
    let visit = Visit::of(&request, pages);
    let enrolled = async {
        visit.admit().await?;
        let Sent { fields, .. } = Sent::<Filled>::read(&visit, &body)?;
        if matches!(Session::of(&visit).await?, Session::Till(..) | Session::Shift(..)) {
            return Ok(visit.see_other("/scan"));
        }
        visit.may_try().await?;
        let trouble = match documents::enrol(&visit.pages.core, visit.pages.environment, &fields.code).await {
            Ok(enrolled) => {
                (visit.pages.changed)();
                let mut response = visit.see_other("/scan");
                visit.keep_secret(&mut response, (TILL_COOKIE, &enrolled.key), Some(TILL_SECONDS));
                visit.keep_secret(&mut response, (SHIFT_COOKIE, ""), None);
                return Ok(response);
            }
            Err(problem) => match problem.code {
                Code::EnrolmentCodeInvalid => "scan-one-time-code-wrong",
                Code::TerminalDisabled => "scan-off-text",
                _ => return Err(Failure::from(problem)),
            },
        };
        visit.fruitless().await?;
        Ok(page(&visit, Asking { status: StatusCode::UNPROCESSABLE_ENTITY, trouble: Some(trouble), next: None }))
    };
    visit.answer(enrolled.await)
}

/// Makes the browser forget that it is a till; not while somebody works there.
pub async fn leave(request: HttpRequest, pages: Data<Pages>, body: Bytes) -> HttpResponse {
    let visit = Visit::of(&request, pages);
    let left = async {
        visit.admit().await?;
        Sent::<Filled>::read(&visit, &body)?;
        let mut response = visit.see_other("/scan");
        if !matches!(Session::of(&visit).await?, Session::Shift(..)) {
            visit.keep_secret(&mut response, (TILL_COOKIE, ""), None);
            visit.keep_secret(&mut response, (SHIFT_COOKIE, ""), None);
        }
        Ok(response)
    };
    visit.answer(left.await)
}
