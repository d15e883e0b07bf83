//! Scans: what a code stands for and what can be done with it now.

use actix_web::HttpRequest;
use serde::{Deserialize, Serialize};

use crate::http::auth::Authenticated;
use crate::http::checks;
use crate::http::extract::Body;
use crate::http::problem::Handled;
use crate::http::{State, answer};
use crate::ids::StoreId;
use crate::programme::Scope;
use crate::redemption::{ScanView, Scanning};

/// What was scanned.
#[derive(Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewScan {
    /// The code as scanned or typed.
    pub code: String,
    /// The shop, for keys that are not bound to one.
    #[serde(default)]
    pub store: Option<StoreId>,
}

/// Who it is, how the card stands, and what can be done, with the reason why the rest can't: the code that redeeming would be refused
/// with. Changes nothing, so it takes no Idempotency-Key: repeat it as often as you like.
#[utoipa::path(post, path = "/v1/scans", tag = "scans", request_body = NewScan,
    responses((status = 200, description = "The card behind the code", body = ScanView)))]
pub async fn create(state: State, caller: Authenticated, request: HttpRequest, body: Body<NewScan>) -> Handled {
    caller.0.need(Scope::Scan)?;
    checks::text("code", &body.0.code, 200)?;
    let place = state.core.place(&caller.0, (body.0.store, None)).await?;
    let scanning = Scanning { code: &body.0.code, place: &place, language: language(&request) };
    answer::ok(&state.core.scan(&caller.0, scanning).await?)
}

/// The first language of `Accept-Language` that we speak; English otherwise.
fn language(request: &HttpRequest) -> &'static str {
    let header = request.headers().get(actix_web::http::header::ACCEPT_LANGUAGE);
    let wanted = header.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let known = |part: &str| match part.trim().get(..2) {
        Some("ar") => Some("ar"),
        Some("en") => Some("en"),
        _ => None,
    };
    wanted.split(',').find_map(known).unwrap_or("en")
}
