//! What Google's refusals mean, by what the caller can do about them.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use super::oauth::{TokenError, readable};
use super::resource::IssuerId;

/// What Google's words begin with when a pass was to notify its holder too often; the HTTP status that comes with it is not
/// documented.
const NOTIFICATIONS_USED_UP: &str = "QuotaExceededException";

/// Google's own words, for logs and dead letters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Said {
    /// The HTTP status.
    pub status: u16,
    /// The machine's word, such as `permissionDenied`; empty if there is none.
    pub reason: String,
    /// The sentence; empty if there is none.
    pub message: String,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        for words in [&self.reason, &self.message].into_iter().filter(|words| !words.is_empty()) {
            write!(f, " {words}")?;
        }
        Ok(())
    }
}

/// Why a request came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// There is no such class or object; or, on an insert, the object's class is missing.
    #[error("Google knows no such thing ({0})")]
    NotFound(Said),
    /// An insert found the id taken.
    #[error("Google has it already ({0})")]
    Exists(Said),
    /// Google will never take it as it is: a mistake in what was sent.
    #[error("Google does not accept it ({0})")]
    Invalid(Said),
    /// The service account may not do that: nothing works until the operator acts.
    #[error("{0}")]
    NotPermitted(NotPermitted),
    /// Too much of something.
    #[error("Google's quota is used up ({said})")]
    QuotaExceeded {
        /// Of what.
        quota: Quota,
        /// How long we were asked to wait.
        after: Option<Duration>,
        /// Google's words.
        said: Said,
    },
    /// A token fresh from Google was refused.
    #[error("Google refuses a token that it has just given ({0})")]
    Unauthorized(Said),
    /// There is no token to be had.
    #[error("{0}")]
    NoToken(TokenError),
    /// It may work later: the other side, the line, time.
    #[error("Google could not be asked: {what}")]
    Transient {
        /// What happened.
        what: String,
        /// How long we were asked to wait.
        after: Option<Duration>,
    },
    /// Nothing was tried: our own budget is used up.
    #[error("the budget of requests to Google is used up for {0:?}")]
    Wait(Duration),
    /// Nothing was tried: the caller asked for something that can't be sent.
    #[error("can't be sent: {0}")]
    Unsendable(&'static str),
}

/// What there was too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quota {
    /// Requests.
    Requests,
    /// Notifications of one pass: three a day. The same change without a notification is accepted.
    Notifications,
}

/// What the service account lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lacking {
    /// A place among the issuer's users.
    IssuerUser,
    /// The Google Wallet API, switched on in the account's project.
    Api,
    /// The scope in its token.
    Scope,
}

/// A refusal that only the operator can lift.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotPermitted {
    /// What is lacking, most likely.
    pub lacking: Lacking,
    /// The service account's e-mail address.
    pub account: String,
    /// The issuer.
    pub issuer: IssuerId,
    /// Google's words.
    pub said: Said,
}

impl NotPermitted {
    /// What the operator is to do, the most likely cause first.
    #[must_use]
    pub fn checklist(&self) -> Vec<String> {
        let Self { account, issuer, .. } = self;
        let user = format!(
            "Open https://pay.google.com/business/console, the issuer {issuer}, Users, and invite {account} with the role \
             Developer or Admin."
        );
        let api = "Open https://console.cloud.google.com/apis/library/walletobjects.googleapis.com in the project of that \
                   account and switch the Google Wallet API on; it takes some minutes."
            .to_owned();
        let number = format!("Compare the issuer id {issuer} in the configuration with the one that the console shows.");
        let other = format!("Check that the key file is the one of {account} and not of another project.");
        match self.lacking {
            Lacking::IssuerUser => vec![user, number, api, other],
            Lacking::Api => vec![api, other, user],
            Lacking::Scope => vec![other, api, user],
        }
    }
}

impl fmt::Display for NotPermitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Google does not let {} act for issuer {} ({}). To do:", self.account, self.issuer, self.said)?;
        self.checklist().iter().enumerate().try_for_each(|(at, step)| write!(f, " {}. {step}", at + 1))
    }
}

impl From<TokenError> for CallError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Transient { what, after } => Self::Transient { what, after },
            other => Self::NoToken(other),
        }
    }
}

impl CallError {
    /// The word for metrics.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "not_found",
            Self::Exists(_) => "exists",
            Self::Invalid(_) => "invalid",
            Self::NotPermitted(_) => "not_permitted",
            Self::QuotaExceeded { quota: Quota::Requests, .. } => "quota",
            Self::QuotaExceeded { quota: Quota::Notifications, .. } => "notification_quota",
            Self::Unauthorized(_) => "unauthorized",
            Self::NoToken(_) => "no_token",
            Self::Transient { .. } => "transient",
            Self::Wait(_) => "wait",
            Self::Unsendable(_) => "unsendable",
        }
    }
}

/// Who asked: what a refusal has to name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asker<'a> {
    pub(super) account: &'a str,
    pub(super) issuer: IssuerId,
}

/// What a refusal means. `status` is no success; the body is Google's envelope, or anything.
pub(super) fn meaning(status: u16, body: &[u8], after: Option<Duration>, asker: Asker<'_>) -> CallError {
    let said = said(status, body);
    // Reasons come as rateLimitExceeded and as RATE_LIMIT_EXCEEDED.
    let lower = said.reason.to_ascii_lowercase().replace('_', "");
    if status < 500 && (said.reason.contains(NOTIFICATIONS_USED_UP) || said.message.contains(NOTIFICATIONS_USED_UP)) {
        return CallError::QuotaExceeded { quota: Quota::Notifications, after, said };
    }
    match status {
        401 => CallError::Unauthorized(said),
        403 if ["quota", "limitexceeded", "resourceexhausted"].iter().any(|word| lower.contains(word)) => {
            CallError::QuotaExceeded { quota: Quota::Requests, after, said }
        }
        403 => {
            let lacking = match lower.as_str() {
                "accessnotconfigured" | "servicedisabled" => Lacking::Api,
                "insufficientpermissions" | "accesstokenscopeinsufficient" => Lacking::Scope,
                _ => Lacking::IssuerUser,
            };
            CallError::NotPermitted(NotPermitted { lacking, account: asker.account.to_owned(), issuer: asker.issuer, said })
        }
        404 => CallError::NotFound(said),
        409 => CallError::Exists(said),
        429 => CallError::QuotaExceeded { quota: Quota::Requests, after, said },
        // A redirection is no answer of Google's: somebody is in between.
        100..=399 | 408 | 500.. => CallError::Transient { what: said.to_string(), after },
        _ => CallError::Invalid(said),
    }
}

/// The words in Google's envelope, as far as it is there: the first reason among `errors`, then `details`, then the status.
fn said(status: u16, body: &[u8]) -> Said {
    let envelope: Value = serde_json::from_slice(body).unwrap_or_default();
    let error = &envelope["error"];
    let items = || ["errors", "details"].into_iter().filter_map(|list| error[list].as_array()).flatten();
    let of_items = |name: &str| items().find_map(|item| item[name].as_str());
    let reason = of_items("reason").or_else(|| error["status"].as_str()).unwrap_or_default();
    let message = error["message"].as_str().or_else(|| of_items("message")).or_else(|| error.as_str()).unwrap_or_default();
    Said { status, reason: readable(reason), message: readable(message) }
}
