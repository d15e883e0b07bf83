//! The scanner: a browser becomes a till by a one-time code, one of the staff signs in with a PIN, and the page scans by the same API as
//! any till software.
//!
//! Two cookies are all that the browser keeps, both out of reach of scripts: the till's key, and the open shift with its secret. Who they
//! stand for is asked anew with every page.

mod enrol;
mod installed;
pub mod screen;
mod session;
mod shift;

use actix_web::http::header;
use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::address::at;
use super::{Pages, Visit};
use session::Session;

/// Every address of the scanner.
pub fn routes(config: &mut ServiceConfig) {
    at("/scan").get(show).mount(config);
    at("/scan/worker.js").get(installed::worker).mount(config);
    at("/scan/offline").get(installed::offline).mount(config);
    at("/scan/app.webmanifest").get(installed::manifest).mount(config);
    at("/scan/state").get(state).mount(config);
    at("/scan/enrol").post(enrol::enrol).mount(config);
    at("/scan/leave").post(enrol::leave).mount(config);
    at("/scan/shift").post(shift::sign_in).mount(config);
    at("/scan/shift/close").post(shift::close).mount(config);
}

/// The page that fits: enrolling, signing in, or scanning.
pub async fn show(request: HttpRequest, pages: Data<Pages>) -> HttpResponse {
    let visit = Visit::of(&request, pages);
    let shown = async {
        visit.admit().await?;
        match Session::of(&visit).await? {
            Session::Stranger => Ok(enrol::page(&visit, enrol::Asking::first(&visit))),
            Session::Withdrawn => Ok(enrol::page(&visit, enrol::Asking::withdrawn())),
            Session::Disabled => Ok(enrol::switched_off(&visit)),
            Session::Till(till, over) => shift::page(&visit, &till, shift::Asking::after(over)).await,
            Session::Shift(till, open) => shift::scanner(&visit, &till, &open).await,
        }
    };
    visit.answer(shown.await)
}

/// What the page's script asks: who this browser is now.
pub async fn state(request: HttpRequest, pages: Data<Pages>) -> HttpResponse {
    let visit = Visit::of(&request, pages);
    let told = async {
        visit.admit().await?;
        let session = Session::of(&visit).await?;
        let (till, shift) = match &session {
            Session::Till(till, _) => (Some(till), None),
            Session::Shift(till, open) => (Some(till), Some(open)),
            Session::Stranger | Session::Withdrawn | Session::Disabled => (None, None),
        };
        let till = till.map(|till| json!({ "id": till.id, "name": till.name }));
        let shift = shift.map(|open| {
            let cashier = json!({ "code": open.cashier.code, "name": open.cashier.name });
            json!({ "id": open.id, "cashier": cashier, "opened_at": open.opened_at })
        });
        Ok(visit.plain("application/json", json!({ "till": till, "shift": shift }).to_string()))
    };
    visit.answer(told.await)
}

impl Visit {
    /// Sends something that is no page: never kept, and never anything but what it says it is.
    fn plain(&self, content_type: &'static str, body: String) -> HttpResponse {
        let mut response = self.see_other("/scan");
        *response.status_mut() = actix_web::http::StatusCode::OK;
        response.headers_mut().remove(header::LOCATION);
        response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
        response.set_body(actix_web::body::BoxBody::new(body))
    }
}
