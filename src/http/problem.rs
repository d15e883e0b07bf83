//! The one place where a [`Problem`] becomes RFC 9457 `application/problem+json`.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use serde_json::{Map, Value, json};

use crate::error::{Code, Problem};

/// A problem on its way to a client.
#[derive(Debug)]
pub struct Refused(pub Problem);

/// What a handler returns.
pub type Handled = Result<HttpResponse, Refused>;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl<T: Into<Problem>> From<T> for Refused {
    fn from(problem: T) -> Self {
        Self(problem.into())
    }
}

impl ResponseError for Refused {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        response(&self.0)
    }
}

/// A refusal as clients read it (RFC 9457). Some codes carry further members, such as `redeemed_at` or `retry_after_seconds`.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// `urn:walaa:problem:` and the code.
    #[serde(rename = "type")]
    #[schema(example = "urn:walaa:problem:already_redeemed")]
    pub kind: String,
    /// A short sentence, the same for every occurrence of the code.
    pub title: String,
    /// The HTTP status.
    #[schema(example = 409)]
    pub status: u16,
    /// A sentence about this occurrence.
    pub detail: String,
    /// The stable code: branch on this.
    pub code: Code,
    /// The fields that are wrong, when fields are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub errors: Vec<crate::error::FieldProblem>,
}

/// The response for a problem.
#[must_use]
pub fn response(problem: &Problem) -> HttpResponse {
    let status = StatusCode::from_u16(problem.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    response.insert_header((header::CONTENT_TYPE, "application/problem+json"));
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    if problem.code == Code::Unauthorized {
        response.insert_header((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
    }
    if let Some(seconds) = retry_after(problem) {
        response.insert_header((header::RETRY_AFTER, seconds));
    }
    response.body(body(problem).to_string())
}

/// The members of RFC 9457 and ours: `type`, `title`, `status`, `detail`, `code`, `errors`, then the facts.
#[must_use]
pub fn body(problem: &Problem) -> Value {
    let mut members: Map<String, Value> = problem.facts.clone();
    members.insert("type".into(), json!(format!("urn:walaa:problem:{}", problem.code)));
    members.insert("title".into(), json!(problem.code.title()));
    members.insert("status".into(), json!(problem.code.status()));
    members.insert("detail".into(), json!(problem.detail));
    members.insert("code".into(), json!(problem.code));
    if !problem.errors.is_empty() {
        members.insert("errors".into(), json!(problem.errors));
    }
    Value::Object(members)
}

fn retry_after(problem: &Problem) -> Option<i64> {
    match problem.code {
        Code::LedgerUnavailable | Code::Overloaded | Code::GateUnavailable => Some(1),
        _ => problem.facts.get("retry_after_seconds").and_then(Value::as_i64),
    }
}
