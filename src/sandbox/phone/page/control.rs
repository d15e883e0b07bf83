//! Steering the APNs stand-in by HTTP, for whoever has curl and no Rust: what was pushed, faults, tokens.

use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use super::{PhonePage, Refusal, own_page_only};
use crate::error::{Code, Problem};
use crate::sandbox::apns::{Fault, FaultAction};

/// A fault may delay a push by so much; longer is what `hang` is for.
const MAX_DELAY_MS: u64 = 60_000;

/// What was pushed lately, oldest first.
pub(super) async fn pushes(page: web::Data<PhonePage>) -> HttpResponse {
    HttpResponse::Ok().json(json!({"pushes": page.apns.pushes(), "connections": page.apns.connections()}))
}

/// Faults that still wait.
pub(super) async fn faults(page: web::Data<PhonePage>) -> HttpResponse {
    HttpResponse::Ok().json(json!({"faults": page.apns.faults()}))
}

/// Makes the next pushes fail.
pub(super) async fn inject(page: web::Data<PhonePage>, request: HttpRequest, body: Bytes) -> Result<HttpResponse, Refusal> {
    own_page_only(&request)?;
    let fault: Fault = serde_json::from_slice(&body).map_err(|error| Refusal::new(Code::MalformedRequest, error.to_string()))?;
    if let FaultAction::Answer { status, .. } = fault.action
        && !(200..=599).contains(&status)
    {
        return Err(Problem::field("action.answer.status", "must be from 200 to 599").into());
    }
    if fault.delay_ms > MAX_DELAY_MS {
        return Err(Problem::field("delay_ms", format!("must be at most {MAX_DELAY_MS}")).into());
    }
    if page.apns.inject(fault) {
        Ok(HttpResponse::Created().json(json!({"faults": page.apns.faults()})))
    } else {
        Err(Refusal::new(Code::Overloaded, "Too many faults wait already"))
    }
}

/// Forgets all faults that still wait.
pub(super) async fn clear(page: web::Data<PhonePage>, request: HttpRequest) -> Result<HttpResponse, Refusal> {
    own_page_only(&request)?;
    page.apns.clear_faults();
    Ok(HttpResponse::NoContent().finish())
}

/// A token of a phone that is played by hand.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Token {
    token: String,
}

/// Makes a token known, as if a phone had it.
pub(super) async fn register_token(
    page: web::Data<PhonePage>,
    request: HttpRequest,
    token: web::Json<Token>,
) -> Result<HttpResponse, Refusal> {
    own_page_only(&request)?;
    page.apns.register_token(&token.token);
    Ok(HttpResponse::NoContent().finish())
}

/// Makes a token answer 410 from now on, as if its phone were gone.
pub(super) async fn forget_token(
    page: web::Data<PhonePage>,
    request: HttpRequest,
    token: web::Path<String>,
) -> Result<HttpResponse, Refusal> {
    own_page_only(&request)?;
    page.apns.forget_token(&token);
    Ok(HttpResponse::NoContent().finish())
}
