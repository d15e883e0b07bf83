//! From the ledger's answers to responses: the stored bytes, the replay header, secrets added only on the way out.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header;
use serde::Serialize;
use serde_json::Value;

use crate::error::{Code, Problem};
use crate::http::problem::{self, Handled, Refused};
use crate::ledger::Answer;

/// The header on an answer that was decided by an earlier request.
pub const REPLAYED: &str = "idempotent-replayed";

/// The response for an answer, byte for byte as stored.
///
/// # Errors
/// Never: refusals are answers too.
pub fn stored(answer: Answer) -> Handled {
    let mut response = match answer.result {
        Ok(bytes) => json_response(answer.status, bytes),
        Err(problem) => problem::response(&problem),
    };
    mark(&mut response, answer.replayed);
    Ok(response)
}

/// The response for an answer with members that are derived, not stored (codes, links). The same answer gives the same bytes.
///
/// # Errors
/// Whatever `add` fails with.
pub fn with<T: serde::de::DeserializeOwned>(answer: Answer, add: impl FnOnce(&T, &mut Value) -> Result<(), Problem>) -> Handled {
    let bytes = match &answer.result {
        Ok(bytes) => bytes,
        Err(_) => return stored(answer),
    };
    let read =
        || -> Result<(T, Value), serde_json::Error> { Ok((serde_json::from_slice(bytes)?, serde_json::from_slice(bytes)?)) };
    let (outcome, mut body) = read().map_err(|_| Problem::from(Code::Internal))?;
    add(&outcome, &mut body)?;
    let mut response = json_response(answer.status, body.to_string().into_bytes());
    mark(&mut response, answer.replayed);
    Ok(response)
}

/// 200 with a value as JSON.
///
/// # Errors
/// `internal` when the value can't be written, which plain data always can.
pub fn ok(value: &impl Serialize) -> Handled {
    let bytes = serde_json::to_vec(value).map_err(|_| Refused(Problem::from(Code::Internal)))?;
    Ok(json_response(200, bytes))
}

fn json_response(status: u16, bytes: Vec<u8>) -> HttpResponse {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(bytes)
}

fn mark(response: &mut HttpResponse, replayed: bool) {
    if replayed {
        response.headers_mut().insert(header::HeaderName::from_static(REPLAYED), header::HeaderValue::from_static("true"));
    }
}
