//! One of the staff signs in and out; in between the scanner's page.

use std::sync::Arc;

use actix_web::http::{StatusCode, header};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;

use super::enrol;
use super::screen::{self, Counter};
use super::session::Session;
use crate::documents::{self, OpenShift, SHIFT_COOKIE, ShiftOver, SignIn, Signing, StaffView, Till};
use crate::ids::StaffId;
use crate::pages::brand::Brand;
use crate::pages::errors::Failure;
use crate::pages::forms::Sent;
use crate::pages::page::Page;
use crate::pages::{Pages, Visit};

#[derive(Template)]
#[template(path = "scan/sign_in.html")]
struct SignInPage<'a> {
    page: &'a Page,
    till: &'a Till,
    store: String,
    staff: Vec<Card>,
    trouble: Option<String>,
}

/// One of the staff to choose.
struct Card {
    id: String,
    name: String,
    code: String,
    chosen: bool,
}

/// The form as it is shown.
pub struct Asking {
    status: StatusCode,
    trouble: Option<&'static str>,
    chosen: Option<StaffId>,
    retry_after_seconds: Option<i64>,
}

impl Asking {
    /// The form for the next one, which says why the shift before is over if its cashier does not know.
    pub const fn after(over: ShiftOver) -> Self {
        let trouble = match over {
            ShiftOver::None | ShiftOver::Closed => None,
            ShiftOver::Replaced => Some("scan-shift-replaced"),
            ShiftOver::Expired => Some("scan-shift-expired"),
            ShiftOver::Barred => Some("scan-shift-barred"),
        };
        Self { status: StatusCode::OK, trouble, chosen: None, retry_after_seconds: None }
    }

    const fn again(trouble: &'static str, chosen: Option<StaffId>) -> Self {
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, trouble: Some(trouble), chosen, retry_after_seconds: None }
    }
}

#[derive(Deserialize)]
struct Filled {
    #[serde(default)]
    staff: String,
    #[serde(default)]
    pin: String,
}

#[derive(Deserialize)]
struct Nothing {}

/// The page that asks who works.
pub async fn page(visit: &Visit, till: &Till, asking: Asking) -> Result<HttpResponse, Failure> {
    let page = visit.page(Arc::new(Brand::neutral()), visit.language(None));
    let staff = documents::staff_of_store(&visit.pages.core, (till.org, till.store)).await?;
    let only = staff.len() == 1;
    let card = |(id, view): (StaffId, StaffView)| Card {
        id: id.to_string(),
        chosen: only || asking.chosen == Some(id),
        name: view.name,
        code: view.code,
    };
    let template = SignInPage {
        till,
        store: page.localised(&till.store_name),
        staff: staff.into_iter().map(card).collect(),
        trouble: asking.trouble.map(|key| page.text(key)),
        page: &page,
    };
    let mut response = visit.html(asking.status, &template);
    if let Some(seconds) = asking.retry_after_seconds {
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from(seconds));
    }
    Ok(response)
}

/// The page that scans: the only one that may use the camera.
pub async fn scanner(visit: &Visit, till: &Till, shift: &OpenShift) -> Result<HttpResponse, Failure> {
    let page = visit.page(Arc::new(Brand::neutral()), visit.language(None));
    let zone = documents::zone_of(&visit.pages.core, till).await?;
    let at = Counter {
        store: page.localised(&till.store_name),
        terminal: till.id,
        till: till.name.clone(),
        cashier: shift.cashier.name.clone(),
        shift: shift.id.to_string(),
        since: page.time(shift.opened_at, zone),
    };
    Ok(screen::show(visit, &page, &at))
}

/// Opens a shift for whoever knows the PIN.
pub async fn sign_in(request: HttpRequest, pages: Data<Pages>, body: Bytes) -> HttpResponse {
    let visit = Visit::of(&request, pages);
    let signed_in = async {
        visit.admit().await?;
        let Sent { fields, op } = Sent::<Filled>::read(&visit, &body)?;
        let (Session::Till(till, _) | Session::Shift(till, _)) = Session::of(&visit).await? else {
            return Ok(visit.see_other("/scan"));
        };
        let chosen = fields.staff.parse().ok();
        let signing = Signing { staff: chosen, pin: &fields.pin, form: &op };
        let asking = match documents::sign_in(&visit.pages.core, &till, &signing).await? {
            SignIn::Open(opened) => {
                let mut response = visit.see_other("/scan");
                visit.keep_secret(&mut response, (SHIFT_COOKIE, &opened.cookie), None);
                return Ok(response);
            }
            SignIn::Wrong => Asking::again("scan-pin-wrong", chosen),
            SignIn::Disabled => Asking::again("scan-staff-off", chosen),
            SignIn::Elsewhere => Asking::again("scan-staff-elsewhere", chosen),
            SignIn::TooMany { retry_after_seconds } => Asking {
                status: StatusCode::TOO_MANY_REQUESTS,
                retry_after_seconds: Some(retry_after_seconds),
                ..Asking::again("scan-pin-too-many", chosen)
            },
        };
        page(&visit, &till, asking).await
    };
    visit.answer(signed_in.await)
}

/// Closes the shift of this browser; one that is over already is forgotten.
pub async fn close(request: HttpRequest, pages: Data<Pages>, body: Bytes) -> HttpResponse {
    let visit = Visit::of(&request, pages);
    let closed = async {
        visit.admit().await?;
        Sent::<Nothing>::read(&visit, &body)?;
        match Session::of(&visit).await? {
            Session::Shift(till, open) => documents::close_shift(&visit.pages.core, &till, open.id).await?,
            Session::Disabled => return Ok(enrol::switched_off(&visit)),
            Session::Stranger | Session::Withdrawn | Session::Till(..) => {}
        }
        let mut response = visit.see_other("/scan");
        visit.keep_secret(&mut response, (SHIFT_COOKIE, ""), None);
        Ok(response)
    };
    visit.answer(closed.await)
}
