//! Pages for what is not there, is over, comes too often, or went wrong: the same look, the reader's language.

use std::sync::Arc;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::Visit;
use super::brand::Brand;
use super::page::Page;
use crate::db::DbError;
use crate::error::{Code, Problem};

/// Why there is no page.
#[derive(Debug, Clone, PartialEq)]
pub enum Failure {
    /// There is nothing at this address.
    NotFound,
    /// The address takes other methods.
    Method,
    /// The card has a new address, since it was issued anew.
    Replaced,
    /// The card is closed: its member's data was erased.
    Closed,
    /// The programme takes no new members by itself.
    JoinClosed,
    /// Contacts are to be proven, and nothing is set up that sends codes.
    NoMessages,
    /// A link that proved a contact already, or ran out.
    LinkOver,
    /// Too often from one address.
    TooMany {
        /// When to come back.
        retry_after_seconds: i64,
    },
    /// A form that can't be read.
    Unreadable,
    /// A form that is not from one of our pages, or from one that was open for too long.
    Stranger,
    /// The ledger or another part refused, or is out of reach.
    Refused(Problem),
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        match problem.code {
            Code::NotFound => Self::NotFound,
            _ => Self::Refused(problem),
        }
    }
}

impl From<DbError> for Failure {
    fn from(error: DbError) -> Self {
        Problem::from(error).into()
    }
}

impl Failure {
    const fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Replaced | Self::Closed | Self::JoinClosed | Self::LinkOver => StatusCode::GONE,
            Self::NoMessages => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Unreadable => StatusCode::BAD_REQUEST,
            Self::Stranger => StatusCode::FORBIDDEN,
            Self::Refused(problem) if problem.code.status() == 503 => StatusCode::SERVICE_UNAVAILABLE,
            Self::Refused(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The keys of the heading and of the sentence below it.
    const fn texts(&self) -> (&'static str, &'static str) {
        match self {
            Self::NotFound => ("error-not-found", "error-not-found-text"),
            Self::Method => ("error-method", "error-method-text"),
            Self::Replaced => ("error-replaced", "error-replaced-text"),
            Self::Closed => ("error-closed", "error-closed-text"),
            Self::JoinClosed => ("error-join-closed", "error-join-closed-text"),
            Self::NoMessages => ("error-no-messages", "error-no-messages-text"),
            Self::LinkOver => ("error-link-over", "error-link-over-text"),
            Self::TooMany { .. } => ("error-too-many", "error-too-many-text"),
            Self::Unreadable => ("error-unreadable", "error-unreadable-text"),
            Self::Stranger => ("error-stranger", "error-stranger-text"),
            Self::Refused(problem) if problem.code.status() == 503 => ("error-busy", "error-busy-text"),
            Self::Refused(_) => ("error-internal", "error-internal-text"),
        }
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    page: &'a Page,
    status: u16,
    heading: String,
    sentence: String,
}

impl Visit {
    /// The page for a failure.
    #[must_use]
    pub fn failed(&self, failure: &Failure) -> HttpResponse {
        if *failure == Failure::NoMessages {
            tracing::error!(
                "nobody can join: the programme has join.verify, but nothing is set up that sends codes; walaa doctor says more"
            );
        }
        if let Failure::Refused(problem) = failure {
            tracing::error!(code = problem.code.as_str(), "a page could not be shown");
        }
        let page = self.page(Arc::new(Brand::neutral()), self.language(None));
        let (heading, sentence) = failure.texts();
        let (heading, sentence) = (page.text(heading), page.text(sentence));
        let status = failure.status();
        let mut response = self.html(status, &ErrorPage { page: &page, status: status.as_u16(), heading, sentence });
        if let Failure::TooMany { retry_after_seconds } = failure {
            response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from(*retry_after_seconds));
        }
        response
    }

    /// The page for nothing.
    #[must_use]
    pub fn not_found(&self) -> HttpResponse {
        self.failed(&Failure::NotFound)
    }

    /// The answer of a handler, be it a page or a failure.
    #[must_use]
    pub fn answer(&self, result: Result<HttpResponse, Failure>) -> HttpResponse {
        result.unwrap_or_else(|failure| self.failed(&failure))
    }
}

/// Whether whoever asks reads pages rather than JSON.
#[must_use]
pub fn reads_pages(request: &HttpRequest) -> bool {
    let accepts = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accepts.is_some_and(|types| types.contains("text/html"))
}
