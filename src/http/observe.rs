//! What happens around every request: an id, a log line, metrics, a time limit, security headers. A panic is answered as a problem.
//!
//! Paths hold links that open passes, and queries hold contacts: the log and the metrics name the route's pattern, never the path.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{HttpResponse, ResponseError};
use futures_util::FutureExt;
use tracing::Instrument;

use crate::error::Code;
use crate::http::{State, problem};
use crate::ids::encode;

/// The header that names a request.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Letters of a request id that is taken over from a proxy.
const REQUEST_ID_LETTERS: std::ops::RangeInclusive<usize> = 8..=64;

/// What balancers ask every second or two: a line is worth only what is wrong.
const PROBES: [&str; 2] = ["/healthz", "/readyz"];

/// What a browser may do with an answer that says nothing else: nothing.
const NOTHING_ALLOWED: &str = "default-src 'none'; frame-ancestors 'none'";

/// Two years, as browsers' preload lists ask.
const STRICT_TRANSPORT: &str = "max-age=63072000; includeSubDomains";

/// One request as the log and the metrics know it.
struct Seen {
    method: &'static str,
    route: String,
    request_id: HeaderValue,
    started: Instant,
    answered: bool,
}

/// Wraps every request; for `App::wrap(from_fn(observe))`, outermost.
///
/// # Errors
/// What the inner services fail with, as a problem.
pub async fn observe<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let Some(state) = request.app_data::<State>().cloned() else {
        return Err(actix_web::error::ErrorInternalServerError("no state"));
    };
    let mut seen = Seen::of(&request, &state);
    let span = tracing::info_span!("request", request.id = seen.request_id.to_str().unwrap_or_default());
    let patience = Duration::from_millis(state.limits.request_ms);
    let handled = AssertUnwindSafe(next.call(request).instrument(span.clone())).catch_unwind();
    let outcome = match tokio::time::timeout(patience, handled).await {
        Ok(Ok(Ok(mut response))) => {
            add_headers(&state, &seen, response.headers_mut());
            Ok(response.map_into_boxed_body())
        }
        Ok(Ok(Err(error))) => Err(from_inner(&error)),
        Ok(Err(_panic)) => {
            metrics::counter!("walaa_panics_total").increment(1);
            tracing::error!(http.route = seen.route, "a handler panicked");
            Err(problem::response(&Code::Internal.into()))
        }
        Err(_too_long) => Err(problem::response(&Code::TimedOut.into())),
    };
    let _entered = span.enter();
    match outcome {
        Ok(response) => {
            seen.answer(response.status());
            Ok(response)
        }
        Err(mut response) => {
            add_headers(&state, &seen, response.headers_mut());
            seen.answer(response.status());
            Err(InternalError::from_response("refused", response).into())
        }
    }
}

/// The response for an error of a service: our problems as they are, anything else by its status alone.
fn from_inner(error: &actix_web::Error) -> HttpResponse {
    let inner: &dyn ResponseError = error.as_response_error();
    if error.as_error::<problem::Refused>().is_some() {
        return inner.error_response();
    }
    let code = match inner.status_code() {
        StatusCode::NOT_FOUND => Code::NotFound,
        StatusCode::PAYLOAD_TOO_LARGE => Code::PayloadTooLarge,
        status if status.is_client_error() => Code::MalformedRequest,
        _ => Code::Internal,
    };
    problem::response(&code.into())
}

impl Seen {
    fn of(request: &ServiceRequest, state: &State) -> Self {
        let given = request.headers().get(REQUEST_ID).filter(|value| is_request_id(value.as_bytes())).cloned();
        let request_id = given.unwrap_or_else(|| {
            let made = encode(&state.core.ids.random());
            HeaderValue::from_str(&made).unwrap_or_else(|_| HeaderValue::from_static("unknown"))
        });
        Self {
            method: word(request.method()),
            route: request.match_pattern().unwrap_or_else(|| "unmatched".to_owned()),
            request_id,
            started: Instant::now(),
            answered: false,
        }
    }

    fn answer(&mut self, status: StatusCode) {
        self.answered = true;
        let seconds = self.started.elapsed().as_secs_f64();
        let labels = [("method", self.method.to_owned()), ("route", self.route.clone()), ("status", status.as_u16().to_string())];
        metrics::counter!("walaa_http_requests_total", &labels).increment(1);
        metrics::histogram!("walaa_http_request_seconds", &labels[..2]).record(seconds);
        if status.is_success() && PROBES.contains(&self.route.as_str()) {
            tracing::debug!(http.route = self.route, "answered a probe");
            return;
        }
        let milliseconds = (seconds * 1_000_000.0).round() / 1_000.0;
        tracing::info!(
            http.method = self.method,
            http.route = self.route,
            http.status = status.as_u16(),
            duration_ms = milliseconds,
            "answered"
        );
    }
}

impl Drop for Seen {
    /// A request whose future was dropped: its client is gone. What it asked of the ledger goes on and is kept under its op.
    fn drop(&mut self) {
        if !self.answered {
            metrics::counter!("walaa_http_disconnects_total", "route" => self.route.clone()).increment(1);
            tracing::info!(http.method = self.method, http.route = self.route, "the client left before the answer");
        }
    }
}

fn is_request_id(bytes: &[u8]) -> bool {
    REQUEST_ID_LETTERS.contains(&bytes.len()) && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(byte))
}

/// Methods as a bounded set of words, since clients may make up their own.
fn word(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

fn add_headers(state: &State, seen: &Seen, headers: &mut HeaderMap) {
    headers.insert(REQUEST_ID, seen.request_id.clone());
    let mut usual = |name: HeaderName, value: &'static str| {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    };
    usual(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    usual(header::REFERRER_POLICY, "no-referrer");
    usual(header::CONTENT_SECURITY_POLICY, NOTHING_ALLOWED);
    if state.core.public_url.starts_with("https:") {
        usual(header::STRICT_TRANSPORT_SECURITY, STRICT_TRANSPORT);
    }
}
