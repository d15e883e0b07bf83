//! Pushes to Apple Wallet: tells a phone, through APNs, that something of a pass type changed. The push carries no data.
//!
//! This module owns the words of a push and of its outcome. It decides nothing about *when* to push, nor what becomes of a
//! registration afterwards: that is the outbox's. Existing clients can't be pointed at another host, hence our own, thin one.

pub mod client;
mod connection;
pub mod reasons;
pub mod token_auth;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use openssl::pkey::{PKey, Private};
use openssl::x509::X509;

pub use self::client::ApnsClient;
pub use self::reasons::Reason;
pub use self::token_auth::ProviderTokens;
use crate::clock::Timestamp;

/// Apple's production host. Passes always use production, even while they are tested.
pub const APPLE_PRODUCTION: &str = "https://api.push.apple.com:443";

/// Push tokens have 64 characters today; Apple calls them opaque, so there is room for more, but not for a novel.
const MAX_PUSH_TOKEN_CHARS: usize = 200;

/// How a pass type talks to APNs. Build with [`ApnsConfig::new`] and change what differs.
#[derive(Debug, Clone)]
pub struct ApnsConfig {
    /// `https://host:port`, without a path.
    pub base_url: String,
    /// The pass type id, sent as `apns-topic`.
    pub topic: String,
    /// How we prove who we are.
    pub auth: Auth,
    /// Whom we believe to be APNs.
    pub trust: Trust,
    /// `apns-push-type`. Apple's wallet documents name none; `background` is what works for others.
    pub push_type: PushType,
    /// `apns-priority`; background pushes must be 5.
    pub priority: Priority,
    /// How long APNs keeps a push for a phone that is off.
    pub lifetime: Duration,
    /// From the call to the outcome, connecting included.
    pub request_timeout: Duration,
    /// TCP, TLS and HTTP/2 handshakes together.
    pub connect_timeout: Duration,
    /// A connection that heard nothing for so long is asked whether it lives.
    pub ping_interval: Duration,
    /// A connection that doesn't answer a ping for so long is given up.
    pub ping_timeout: Duration,
    /// Pushes that may be under way at once; more wait for their turn within their time-out.
    pub max_in_flight: usize,
}

impl ApnsConfig {
    /// The configuration for Apple's production host.
    #[must_use]
    pub fn new(topic: impl Into<String>, auth: Auth) -> Self {
        Self {
            base_url: APPLE_PRODUCTION.to_owned(),
            topic: topic.into(),
            auth,
            trust: Trust::System,
            push_type: PushType::Background,
            priority: Priority::Considerate,
            lifetime: Duration::from_secs(24 * 60 * 60),
            request_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
            ping_interval: Duration::from_secs(60),
            ping_timeout: Duration::from_secs(10),
            max_in_flight: 500,
        }
    }
}

/// How we prove to APNs who we are.
#[derive(Clone)]
pub enum Auth {
    /// The pass certificate is the TLS client certificate: what Apple describes for passes.
    Certificate {
        /// The pass certificate.
        certificate: X509,
        /// What stands between it and Apple's root, sent along.
        chain: Vec<X509>,
        /// The certificate's key.
        key: PKey<Private>,
    },
    /// A team's APNs key; only for pass types of that team.
    Token(Arc<ProviderTokens>),
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate { certificate, .. } => {
                f.debug_struct("Certificate").field("subject", &certificate.subject_name()).finish_non_exhaustive()
            }
            Self::Token(tokens) => f.debug_tuple("Token").field(tokens).finish(),
        }
    }
}

/// Whom we believe to be APNs.
#[derive(Debug, Clone)]
pub enum Trust {
    /// The certificate authorities of this machine.
    System,
    /// These roots and no others (the sandbox, or a proxy that opens TLS).
    Roots(Vec<X509>),
}

/// `apns-push-type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PushType {
    /// `background`.
    Background,
    /// `alert`.
    Alert,
    /// No header at all, as some senders do.
    Unstated,
}

/// `apns-priority`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// 1: power before everything.
    Low,
    /// 5: when it suits the phone's battery.
    Considerate,
    /// 10: at once.
    Immediate,
}

/// A device's push token: opaque, and a secret of the phone. Printing it shows a fingerprint only.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PushToken(String);

impl PushToken {
    /// Takes what a phone registered. `None` if it can't be a token: it becomes part of a path, so letters and digits only.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=MAX_PUSH_TOKEN_CHARS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        fits.then(|| Self(text.to_owned()))
    }

    /// The token itself, for the wire and the database only.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What may be logged: the first six hex digits of the token's SHA-256.
    #[must_use]
    pub fn masked(&self) -> String {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, self.0.as_bytes());
        digest.as_ref().iter().take(3).map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for PushToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PushToken({})", self.masked())
    }
}

/// One push.
#[derive(Debug, Clone)]
pub struct PushRequest {
    /// To which phone.
    pub token: PushToken,
    /// Our name for this push, sent as `apns-id` so that it can be traced; a retry keeps it.
    pub id: [u8; 16],
}

/// What became of a push, by what is to be done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushOutcome {
    /// APNs took it. The phone may still never fetch: delivery is best effort.
    Delivered,
    /// The phone no longer takes our pushes: delete the registration unless it was renewed after `since`.
    TokenGone {
        /// When APNs found out.
        since: Option<Timestamp>,
    },
    /// The token is malformed or of another environment: delete the registration and count it. If *all* tokens fail, it is
    /// our configuration: stop deleting.
    BadToken,
    /// The credential or topic is wrong: stop this topic, keep the queue, alarm the operator.
    Misconfigured(Reason),
    /// A bug of ours: log it, alarm, don't retry.
    OurFault(Reason),
    /// Too much for APNs' taste.
    SlowDown(Pace),
    /// Not now: retry with exponential back-off and jitter.
    Retry {
        /// APNs or our own back-off asks to wait so long at least.
        after: Option<Duration>,
        /// Why.
        reason: RetryReason,
    },
    /// APNs calls our provider token expired. [`ApnsClient::push`] renews it once by itself and says this only where it may
    /// not, or where the new one was refused too: our clock is wrong. Alarm and retry later.
    RefreshToken,
}

impl PushOutcome {
    /// A word for metrics and logs.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::TokenGone { .. } => "token_gone",
            Self::BadToken => "bad_token",
            Self::Misconfigured(_) => "misconfigured",
            Self::OurFault(_) => "our_fault",
            Self::SlowDown(_) => "slow_down",
            Self::Retry { .. } => "retry",
            Self::RefreshToken => "refresh_token",
        }
    }
}

/// What is to be slowed down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Too many pushes for this phone: back off this token for minutes.
    Device,
    /// The provider token was renewed too often: share one, check the clock.
    ProviderToken,
}

/// Why a push is to be retried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RetryReason {
    /// APNs said so.
    Refused(Reason),
    /// No answer within the time-out.
    TimedOut,
    /// No connection, or it broke: the text says how.
    Connection(String),
    /// Several connections failed in a row; the next attempt is not due yet.
    BackingOff,
}

impl fmt::Display for RetryReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(reason) => write!(f, "APNs answered {reason}"),
            Self::TimedOut => f.write_str("APNs did not answer in time"),
            Self::Connection(text) => write!(f, "no connection to APNs: {text}"),
            Self::BackingOff => f.write_str("the connection to APNs failed several times; the next attempt is not due yet"),
        }
    }
}

/// Why a client can't be made.
#[derive(Debug, thiserror::Error)]
pub enum ApnsError {
    /// The base URL is not `https://host[:port]`.
    #[error("the APNs base URL must be https://host:port without a path, not \"{0}\"")]
    BaseUrl(String),
    /// Certificate, key or roots can't be used together.
    #[error("the APNs credential can't be used: {0}")]
    Tls(#[from] openssl::error::ErrorStack),
    /// The `.p8` key can't be used.
    #[error("the APNs key can't be used: {0}")]
    Key(String),
    /// The settings contradict each other.
    #[error("{0}")]
    Config(&'static str),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_token_is_letters_and_digits_and_prints_as_a_fingerprint() {
        let token = PushToken::parse(&"ab".repeat(32)).unwrap();
        assert_eq!(token.masked().len(), 6);
        assert!(!format!("{token:?}").contains("abab"));
        assert!(!format!("{:?}", PushRequest { token, id: [0; 16] }).contains("abab"));
        for bad in ["", "../../x", "a b", "a/b", "a\r\nb", "ü", &"a".repeat(201)] {
            assert!(PushToken::parse(bad).is_none(), "{bad:?}");
        }
    }
}
