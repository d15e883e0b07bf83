//! How Google's Wallet API says no: the envelope that its clients parse.

use serde_json::{Value, json};

/// A refused request, in Google's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The HTTP status, which stands in the body, too.
    pub code: u16,
    /// `error.errors[0].reason`.
    pub reason: &'static str,
    /// `error.message`.
    pub message: String,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u32>,
}

impl Refusal {
    fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), retry_after: None }
    }

    /// Something in the request is wrong.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "badRequest", message)
    }

    /// An id that is none.
    pub(super) fn bad_id(id: &str) -> Self {
        Self::invalid(format!("Invalid resource ID: {{{id}}}"))
    }

    /// No token, or one that is unknown or too old.
    pub(super) fn unauthenticated() -> Self {
        Self::new(
            401,
            "authError",
            "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid \
             authentication credential.",
        )
    }

    /// The caller is no user of the issuer.
    pub(super) fn permission_denied() -> Self {
        Self::new(403, "permissionDenied", "Permission denied.")
    }

    /// The token is for something else.
    pub(super) fn wrong_scope() -> Self {
        Self::new(403, "insufficientPermissions", "Request had insufficient authentication scopes.")
    }

    /// There is no such class.
    pub(super) fn no_class(id: &str) -> Self {
        Self::new(404, "classNotFound", format!("IssuerClassNotFoundException: Wallet Class {id} not found"))
    }

    /// There is no such object.
    pub(super) fn no_object(id: &str) -> Self {
        Self::new(404, "resourceNotFound", format!("Wallet Object {id} not found"))
    }

    /// There is nothing at this path.
    pub(super) fn no_method() -> Self {
        Self::new(404, "notFound", "Not Found")
    }

    /// The id is taken.
    pub(super) fn exists(what: &str, id: &str) -> Self {
        Self::new(409, "existingResource", format!("Wallet {what} {id} already exists"))
    }

    /// More notifications than a pass may have in a day.
    pub(super) fn notified_too_often(code: u16) -> Self {
        Self::new(code, "quotaExceeded", "QuotaExceededException: the pass has had 3 notifications within 24 hours")
    }

    /// More requests than a second may have.
    pub(super) fn too_fast() -> Self {
        Self::new(429, "rateLimitExceeded", "Quota exceeded for quota metric 'Requests' and limit 'Requests per second'")
    }

    /// The stand-in is full; nothing that Google would say.
    pub(super) fn full() -> Self {
        Self::new(503, "backendError", "The stand-in holds as many resources as it can")
    }

    /// A fault that was asked for.
    pub(super) fn fault(code: u16, retry_after: Option<u32>) -> Self {
        let refusal = match code {
            401 => Self::unauthenticated(),
            429 => Self::too_fast(),
            500 => Self::new(500, "backendError", "Internal error encountered."),
            code => Self::new(code, "backendError", "The service is currently unavailable."),
        };
        Self { retry_after, ..refusal }
    }

    /// Google's name of the status.
    pub(super) const fn status(&self) -> &'static str {
        match self.code {
            400 => "INVALID_ARGUMENT",
            401 => "UNAUTHENTICATED",
            403 => "PERMISSION_DENIED",
            404 => "NOT_FOUND",
            409 => "ALREADY_EXISTS",
            429 => "RESOURCE_EXHAUSTED",
            503 => "UNAVAILABLE",
            _ => "INTERNAL",
        }
    }

    /// The body.
    pub(super) fn body(&self) -> Value {
        let domain = if matches!(self.code, 403 | 404 | 409) { "walletobjects" } else { "global" };
        json!({"error": {
            "code": self.code,
            "message": self.message,
            "status": self.status(),
            "errors": [{"message": self.message, "domain": domain, "reason": self.reason}],
        }})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_envelope_is_googles() {
        let body = Refusal::permission_denied().body();
        assert_eq!(
            body,
            json!({"error": {"code": 403, "message": "Permission denied.", "status": "PERMISSION_DENIED",
                "errors": [{"message": "Permission denied.", "domain": "walletobjects", "reason": "permissionDenied"}]}})
        );
    }
}
