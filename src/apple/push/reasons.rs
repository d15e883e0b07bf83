//! Every reason that APNs gives, and what each one asks of us. Pure: statuses and texts in, a decision out.
//!
//! Grouped by *what to do*, so that the outbox branches on six cases and not on forty.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use super::{Pace, PushOutcome, RetryReason};
use crate::clock::Timestamp;

/// A reason that we don't know is kept up to this many characters.
const MAX_UNKNOWN_REASON_CHARS: usize = 64;

/// APNs may ask us to wait; nobody waits longer than this on its word.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60 * 60);

macro_rules! reasons {
    ($($status:literal $name:ident $advice:ident;)*) => {
        /// Why APNs refused a push.
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "the variants are Apple's own words, listed with their statuses in Apple's table")]
        pub enum Reason {
            $($name,)*
            /// A reason that Apple added after this was written, or an answer without one.
            Unknown {
                /// The HTTP status that came with it.
                status: u16,
                /// What the answer said, cut short.
                text: String,
            },
        }

        impl Reason {
            /// Every documented reason with the status that Apple gives it.
            pub const TABLE: &'static [(u16, Self)] = &[$(($status, Self::$name),)*];

            /// Reads an answer's reason.
            #[must_use]
            pub fn parse(status: u16, text: &str) -> Self {
                match text {
                    $(stringify!($name) => Self::$name,)*
                    _ => Self::Unknown {
                        status,
                        text: text.chars().filter(|c| c.is_ascii_graphic()).take(MAX_UNKNOWN_REASON_CHARS).collect(),
                    },
                }
            }

            /// The word as Apple writes it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$name => stringify!($name),)*
                    Self::Unknown { text, .. } => text,
                }
            }

            fn advice(&self) -> Advice {
                match self {
                    $(Self::$name => Advice::$advice,)*
                    Self::Unknown { status, .. } => match status {
                        410 => Advice::Gone,
                        403 => Advice::StopTopic,
                        429 => Advice::SlowDevice,
                        500.. => Advice::Retry,
                        _ => Advice::OurFault,
                    },
                }
            }
        }
    };
}

reasons! {
    400 BadCollapseId OurFault;
    400 BadDeviceToken BadToken;
    400 BadExpirationDate OurFault;
    400 BadMessageId OurFault;
    400 BadPriority OurFault;
    400 BadTopic OurFault;
    400 DeviceTokenNotForTopic StopTopic;
    400 DuplicateHeaders OurFault;
    400 IdleTimeout Retry;
    400 InvalidPushType OurFault;
    400 MissingDeviceToken OurFault;
    400 MissingTopic OurFault;
    400 PayloadEmpty OurFault;
    400 TopicDisallowed OurFault;
    403 BadCertificate StopTopic;
    403 BadCertificateEnvironment StopTopic;
    403 BadEnvironmentKeyIdInToken StopTopic;
    403 ExpiredProviderToken NewProviderToken;
    403 Forbidden StopTopic;
    403 InvalidProviderToken StopTopic;
    403 MissingProviderToken StopTopic;
    403 UnrelatedKeyIdInToken StopTopic;
    404 BadPath OurFault;
    405 MethodNotAllowed OurFault;
    410 ExpiredToken Gone;
    410 Unregistered Gone;
    413 PayloadTooLarge OurFault;
    429 TooManyProviderTokenUpdates SlowProviderTokens;
    429 TooManyRequests SlowDevice;
    500 InternalServerError Retry;
    503 ServiceUnavailable Retry;
    503 Shutdown Retry;
}

/// What a reason asks of us.
enum Advice {
    Gone,
    BadToken,
    StopTopic,
    OurFault,
    NewProviderToken,
    SlowDevice,
    SlowProviderTokens,
    Retry,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { status, text } if text.is_empty() => write!(f, "status {status} without a reason"),
            Self::Unknown { status, text } => write!(f, "status {status} {text}"),
            known => f.write_str(known.as_str()),
        }
    }
}

/// What APNs answered, as far as it matters.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer<'a> {
    pub status: u16,
    pub body: &'a [u8],
    /// The `Retry-After` header.
    pub retry_after: Option<&'a str>,
}

/// Turns an answer into what is to be done.
pub(super) fn outcome(answer: Answer<'_>) -> PushOutcome {
    if answer.status == 200 {
        return PushOutcome::Delivered;
    }
    let body: Value = serde_json::from_slice(answer.body).unwrap_or(Value::Null);
    let reason = Reason::parse(answer.status, body["reason"].as_str().unwrap_or_default());
    match reason.advice() {
        Advice::Gone => PushOutcome::TokenGone { since: body["timestamp"].as_i64().map(Timestamp::from_millis) },
        Advice::BadToken => PushOutcome::BadToken,
        Advice::StopTopic => PushOutcome::Misconfigured(reason),
        Advice::OurFault => PushOutcome::OurFault(reason),
        Advice::NewProviderToken => PushOutcome::RefreshToken,
        Advice::SlowDevice => PushOutcome::SlowDown(Pace::Device),
        Advice::SlowProviderTokens => PushOutcome::SlowDown(Pace::ProviderToken),
        Advice::Retry => PushOutcome::Retry { after: answer.retry_after.and_then(seconds), reason: RetryReason::Refused(reason) },
    }
}

/// `Retry-After` in seconds; the form with a date is not used by APNs.
fn seconds(text: &str) -> Option<Duration> {
    text.trim().parse().ok().map(|seconds| Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, reason: &str) -> PushOutcome {
        let body = format!(r#"{{"reason":"{reason}"}}"#);
        outcome(Answer { status, body: body.as_bytes(), retry_after: None })
    }

    #[test]
    fn success_is_delivered() {
        assert_eq!(outcome(Answer { status: 200, body: b"", retry_after: None }), PushOutcome::Delivered);
    }

    #[test]
    fn reasons_that_are_our_fault_are_never_retried() {
        for name in [
            "BadCollapseId",
            "BadExpirationDate",
            "BadMessageId",
            "BadPriority",
            "BadTopic",
            "DuplicateHeaders",
            "InvalidPushType",
            "MissingDeviceToken",
            "MissingTopic",
            "PayloadEmpty",
            "TopicDisallowed",
        ] {
            assert_eq!(answered(400, name), PushOutcome::OurFault(Reason::parse(400, name)), "{name}");
        }
        assert_eq!(answered(404, "BadPath"), PushOutcome::OurFault(Reason::BadPath));
        assert_eq!(answered(405, "MethodNotAllowed"), PushOutcome::OurFault(Reason::MethodNotAllowed));
        assert_eq!(answered(413, "PayloadTooLarge"), PushOutcome::OurFault(Reason::PayloadTooLarge));
    }

    #[test]
    fn reasons_of_the_credential_stop_the_topic() {
        for name in [
            "BadCertificate",
            "BadCertificateEnvironment",
            "BadEnvironmentKeyIdInToken",
            "Forbidden",
            "InvalidProviderToken",
            "MissingProviderToken",
            "UnrelatedKeyIdInToken",
        ] {
            assert_eq!(answered(403, name), PushOutcome::Misconfigured(Reason::parse(403, name)), "{name}");
        }
        assert_eq!(answered(400, "DeviceTokenNotForTopic"), PushOutcome::Misconfigured(Reason::DeviceTokenNotForTopic));
        assert_eq!(answered(403, "ExpiredProviderToken"), PushOutcome::RefreshToken);
    }

    #[test]
    fn reasons_of_the_device_concern_that_device_only() {
        assert_eq!(answered(400, "BadDeviceToken"), PushOutcome::BadToken);
        assert_eq!(answered(410, "Unregistered"), PushOutcome::TokenGone { since: None });
        assert_eq!(answered(410, "ExpiredToken"), PushOutcome::TokenGone { since: None });
        let body = br#"{"reason":"Unregistered","timestamp":1700000000123}"#;
        assert_eq!(
            outcome(Answer { status: 410, body, retry_after: None }),
            PushOutcome::TokenGone { since: Some(Timestamp::from_millis(1_700_000_000_123)) }
        );
        assert_eq!(answered(429, "TooManyRequests"), PushOutcome::SlowDown(Pace::Device));
        assert_eq!(answered(429, "TooManyProviderTokenUpdates"), PushOutcome::SlowDown(Pace::ProviderToken));
    }

    #[test]
    fn reasons_of_the_service_are_retried_when_it_says() {
        for (status, name) in [(500, "InternalServerError"), (503, "ServiceUnavailable"), (503, "Shutdown"), (400, "IdleTimeout")]
        {
            let reason = RetryReason::Refused(Reason::parse(status, name));
            assert_eq!(answered(status, name), PushOutcome::Retry { after: None, reason }, "{name}");
        }
        let after = |text| match outcome(Answer { status: 503, body: b"{}", retry_after: Some(text) }) {
            PushOutcome::Retry { after, .. } => after,
            other => panic!("not a retry: {other:?}"),
        };
        assert_eq!(after("30"), Some(Duration::from_secs(30)));
        assert_eq!(after("99999999"), Some(MAX_RETRY_AFTER), "bounded");
        assert_eq!(after("Wed, 21 Oct 2026 07:28:00 GMT"), None);
    }

    #[test]
    fn every_reason_of_the_table_is_read_back_by_its_name() {
        for (status, reason) in Reason::TABLE {
            assert_eq!(&Reason::parse(*status, reason.as_str()), reason);
            assert!(!matches!(reason, Reason::Unknown { .. }));
        }
        assert_eq!(Reason::TABLE.len(), 32);
    }

    #[test]
    fn unknown_reasons_fall_back_to_their_status_and_are_cut() {
        let unknown = |status: u16| Reason::Unknown { status, text: "Surprise".to_owned() };
        assert_eq!(answered(400, "Surprise"), PushOutcome::OurFault(unknown(400)));
        assert_eq!(answered(403, "Surprise"), PushOutcome::Misconfigured(unknown(403)));
        assert_eq!(answered(410, "Surprise"), PushOutcome::TokenGone { since: None });
        assert_eq!(answered(429, "Surprise"), PushOutcome::SlowDown(Pace::Device));
        assert_eq!(answered(502, "Surprise"), PushOutcome::Retry { after: None, reason: RetryReason::Refused(unknown(502)) });
        let long = Reason::parse(400, &"x".repeat(5_000));
        assert_eq!(long.as_str().len(), MAX_UNKNOWN_REASON_CHARS);
        let html = outcome(Answer { status: 502, body: b"<html>bad gateway</html>", retry_after: None });
        assert!(matches!(html, PushOutcome::Retry { .. }), "a proxy's page is no reason to panic");
    }
}
