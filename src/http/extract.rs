//! What handlers take out of requests: strict JSON bodies, ids, operation keys. Bad input dies here with its own code.

use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};
use serde::de::DeserializeOwned;

use crate::error::{Code, FieldProblem, Problem};
use crate::http::problem::Refused;
use crate::ledger::OpKey;

/// The largest body of an API request, in bytes; a programme document with all its texts fits.
pub const MAX_BODY_BYTES: usize = 128 * 1024;

/// The header that names an operation.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// A JSON body, read strictly: the right content type, no unknown fields, no more than [`MAX_BODY_BYTES`].
pub struct Body<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Refused;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Refused>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let json = is_json(request);
        let bytes = web::Bytes::from_request(request, payload);
        Box::pin(async move {
            if !json {
                return Err(Code::UnsupportedMediaType.into());
            }
            let bytes = bytes.await.map_err(|_| Problem::from(Code::PayloadTooLarge))?;
            read(&bytes).map(Body).map_err(Refused)
        })
    }
}

fn is_json(request: &HttpRequest) -> bool {
    let value = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

/// Reads JSON; syntax errors are `malformed_request`, wrong content is `validation_failed` with the field's name where serde tells it.
fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|error| {
        if error.is_data() {
            let message = error.to_string();
            let message = message.split(" at line ").next().unwrap_or_default().to_owned();
            let field = message.split('`').nth(1).unwrap_or("body").to_owned();
            let mut problem = Problem::from(Code::ValidationFailed);
            problem.errors.push(FieldProblem { field, message });
            problem
        } else {
            Problem::new(
                Code::MalformedRequest,
                format!("The body is not JSON: line {}, column {}.", error.line(), error.column()),
            )
        }
    })
}

/// The client's id for the operation, from the `Idempotency-Key` header.
pub struct IdempotencyKey(pub OpKey);

impl FromRequest for IdempotencyKey {
    type Error = Refused;
    type Future = Ready<Result<Self, Refused>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(value) = request.headers().get(IDEMPOTENCY_KEY) else {
            return ready(Err(Code::IdempotencyKeyMissing.into()));
        };
        let key = value.to_str().ok().and_then(OpKey::parse);
        ready(key.map(IdempotencyKey).ok_or_else(|| Code::IdempotencyKeyInvalid.into()))
    }
}

/// An id in the address; a text that is none names nothing, so it is `not_found`.
pub struct Id<T>(pub T);

impl<T: FromStr + 'static> FromRequest for Id<T> {
    type Error = Refused;
    type Future = Ready<Result<Self, Refused>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let text = request.match_info().get("id").unwrap_or_default();
        ready(text.parse().map(Id).map_err(|_| Code::NotFound.into()))
    }
}
