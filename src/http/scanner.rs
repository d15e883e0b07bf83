//! The scanner's page as a caller of the API: two cookies in place of a key.
//!
//! A browser sends cookies along whoever asks it to, so a request by cookies has to prove that our own page asks. Four things do, each on
//! its own: (1) the header `Walaa-Scanner`, which no form can set and no script of another site without a CORS preflight, which we never
//! answer; (2) the cookies are `SameSite=Strict`, so a browser leaves them out of what other sites ask; (3) `Sec-Fetch-Site`, which no
//! script can set, has to say `same-origin` where a browser sends it; (4) an `Origin` has to be this server. A sibling host of the same
//! site passes (2), but neither (1), (3) nor (4), and over HTTPS it can't plant cookies either, since they are `__Host-` cookies.
//!
//! The till's cookie holds what enrolment answers, so it is looked up and limited as any terminal's key. What changes value also needs the
//! cookie of the open shift, whose cashier is recorded. Routes that are not in the table below are closed, whatever a terminal's key may.

use actix_web::HttpRequest;
use actix_web::http::header;

use crate::cards::Caller;
use crate::documents::{self, Reached, SHIFT_COOKIE, TILL_COOKIE};
use crate::error::{Code, Problem};
use crate::http::AppState;
use crate::tokens::Credential;

/// The header with which the scanner's page says that it means its cookies.
const SCANNER: &str = "walaa-scanner";

/// What the scanner's page needs for a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// The till alone: what was begun has to be resolved before anybody signs in.
    Till,
    /// An open shift at the till.
    Shift,
}

/// What a route asks of the scanner's page; nothing for those that are closed to it.
#[must_use]
pub fn needs(method: &str, path: &str) -> Option<Needs> {
    match (method, path) {
        ("POST", "/v1/scans" | "/v1/earnings" | "/v1/redemptions") => Some(Needs::Shift),
        ("POST", "/v1/earnings/{id}/returns" | "/v1/redemptions/{id}/reversal") => Some(Needs::Shift),
        ("GET", "/v1/earnings/{id}" | "/v1/redemptions/{id}" | "/v1/vouchers/{id}") => Some(Needs::Shift),
        ("GET", "/v1/ops/{id}") | ("POST", "/v1/ops/{id}/abandon") => Some(Needs::Till),
        _ => None,
    }
}

/// Whether a request means its cookies. A key comes first.
#[must_use]
pub fn is_meant(request: &HttpRequest) -> bool {
    let headers = request.headers();
    !headers.contains_key(header::AUTHORIZATION) && headers.get(SCANNER).is_some_and(|value| value == "1")
}

/// The till's key, if our own page asks for what it may.
///
/// # Errors
/// `forbidden` for a request of another site, or for a route that is closed to the scanner.
pub fn credential(state: &AppState, request: &HttpRequest) -> Result<Option<Credential>, Problem> {
    if !is_our_page(state, request) {
        metrics::counter!("walaa_sign_ins_refused_total", "reason" => "other_site").increment(1);
        return Err(Problem::new(Code::Forbidden, "Cookies are taken from the scanner's own page only."));
    }
    if needed(request).is_none() {
        return Err(Problem::new(Code::Forbidden, "The scanner's page may not do this."));
    }
    Ok(value(state, request, TILL_COOKIE).and_then(|text| Credential::parse(&text).ok()))
}

/// The till with the cashier who has signed in, where the route needs one.
///
/// # Errors
/// `shift_closed` with the reason; `ledger_unavailable`.
pub async fn sign_in(state: &AppState, request: &HttpRequest, caller: Caller) -> Result<Caller, Problem> {
    if needed(request) != Some(Needs::Shift) {
        return Ok(caller);
    }
    let (Some((till, _)), Some((store, _))) = (&caller.terminal, &caller.store) else { return Err(Code::Internal.into()) };
    let cookie = value(state, request, SHIFT_COOKIE);
    let shift = documents::open_shift_of(&state.core, (caller.org, *till, *store), cookie.as_deref()).await?;
    let shift = shift.map_err(|over| Problem::from(Code::ShiftClosed).with("reason", over.as_str()))?;
    Ok(Caller { cashier: Some(shift.cashier.code), ..caller })
}

fn needed(request: &HttpRequest) -> Option<Needs> {
    needs(request.method().as_str(), &request.match_pattern()?)
}

/// Whether the browser says that our own page asks. A page that sends no referrer may say `Origin: null` of itself: that is taken only
/// where the browser says in the same breath that the request is of the same origin.
fn is_our_page(state: &AppState, request: &HttpRequest) -> bool {
    let text = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    let site = text("sec-fetch-site");
    if site.is_some_and(|site| site != "same-origin") {
        return false;
    }
    match text("origin") {
        None => true,
        Some("null") => site.is_some(),
        Some(origin) => reached(state, request, |reached| reached.is_own(origin)),
    }
}

fn value(state: &AppState, request: &HttpRequest, name: &str) -> Option<String> {
    let name = reached(state, request, |reached| reached.cookie_name(name));
    documents::cookie(request.headers().get_all(header::COOKIE).filter_map(|value| value.to_str().ok()), &name)
}

fn reached<T>(state: &AppState, request: &HttpRequest, ask: impl FnOnce(Reached<'_>) -> T) -> T {
    let connection = request.connection_info();
    ask(Reached { scheme: connection.scheme(), host: connection.host(), public_url: &state.core.public_url })
}
