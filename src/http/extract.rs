//! What handlers take out of requests: strict JSON bodies, ids, operation keys. Bad input dies here with its own code.

use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::str::FromStr;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::error::{PayloadError, QueryPayloadError};
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};
use serde::de::DeserializeOwned;

use crate::error::{Code, Problem};
use crate::http::problem::Refused;
use crate::http::{State, place};
use crate::ledger::OpKey;
use crate::strict_json;

/// The largest body of an API request, in bytes; a programme document with all its texts fits.
pub const MAX_BODY_BYTES: usize = 128 * 1024;

/// How long a body may take where no limit is set.
const LONGEST_BODY: Duration = Duration::from_secs(10);

/// The header that names an operation.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// A JSON body, read strictly: the right content type, no unknown fields, no lists for objects, no more than [`MAX_BODY_BYTES`].
pub struct Body<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Refused;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Refused>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let json = is_json(request);
        let patience = request.app_data::<State>().map_or(LONGEST_BODY, |state| Duration::from_millis(state.limits.body_ms));
        let bytes = web::Bytes::from_request(request, payload);
        Box::pin(async move {
            if !json {
                return Err(Code::UnsupportedMediaType.into());
            }
            let bytes = tokio::time::timeout(patience, bytes).await.map_err(|_| Problem::from(Code::RequestTimeout))?;
            let bytes = bytes.map_err(|error| unreadable(&error))?;
            read(&bytes).map(Body).map_err(Refused)
        })
    }
}

/// A body that is too large, or that broke off.
fn unreadable(error: &actix_web::Error) -> Problem {
    match error.as_error::<PayloadError>() {
        Some(PayloadError::Overflow) => Problem::new(Code::PayloadTooLarge, format!("At most {MAX_BODY_BYTES} bytes are taken.")),
        _ => Problem::new(Code::MalformedRequest, "The body broke off or is not encoded as its headers say."),
    }
}

fn is_json(request: &HttpRequest) -> bool {
    let value = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

/// Reads a JSON object; syntax errors are `malformed_request`, wrong content is `validation_failed` with the field's place.
///
/// A body that is no object is refused first, in words of its own.
fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let is_object = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    if !is_object && serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok() {
        return Err(Problem::field("body", "is not an object"));
    }
    strict_json::from_slice(bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        if !error.is_data() {
            return Problem::new(Code::MalformedRequest, format!("The body is not JSON: line {line}, column {column}."));
        }
        let message = error.to_string();
        let message = message.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&message);
        let missing = message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
        let field = match missing.map(|name| (place::of_object(bytes, line, column), name)) {
            Some((object, name)) if object.is_empty() => name.to_owned(),
            Some((object, name)) => format!("{object}.{name}"),
            None => place::of_value(bytes, line, column),
        };
        Problem::field(if field.is_empty() { "body".to_owned() } else { field }, message)
    })
}

/// A query that can't be read, as a problem; for `QueryConfig`.
#[must_use]
pub fn unreadable_query(error: &QueryPayloadError) -> Refused {
    let message = error.to_string();
    Refused(Problem::field("query", message.strip_prefix("Query deserialize error: ").unwrap_or(&message)))
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
