//! One HTTP exchange with Google: bounded in time and size, never redirected, and what went wrong said without secrets.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER, USER_AGENT};
use reqwest::{Method, StatusCode, Url};

use crate::clock::Timestamp;

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long an idle connection is kept; Google closes them after some minutes.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// The longest `Retry-After` that is believed: a day. A longer one is a mistake.
const LONGEST_RETRY_AFTER_MS: i64 = 86_400_000;

/// Who we are.
const AGENT: &str = concat!("walaa/", env!("CARGO_PKG_VERSION"));

/// A client of one place.
#[derive(Debug, Clone)]
pub(super) struct Transport {
    http: reqwest::Client,
}

/// A request as it is sent.
pub(super) struct Request<'a> {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) bearer: Option<&'a str>,
    /// The content type and the body.
    pub(super) body: Option<(&'a str, Vec<u8>)>,
    /// Bytes of the answer at most.
    pub(super) most_bytes: usize,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// It took too long.
    #[error("no answer in time")]
    Timeout,
    /// The line, the name, the certificate.
    #[error("{0}")]
    Network(String),
    /// More than anyone expects.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
}

impl Transport {
    /// A client whose requests take at most so long, from the name's look-up to the last byte.
    pub(super) fn new(timeout: Duration) -> Result<Self, Trouble> {
        let http = reqwest::Client::builder()
            .timeout(timeout)
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .build();
        Ok(Self { http: http.map_err(|error| trouble(&error))? })
    }

    pub(super) async fn send(&self, request: Request<'_>) -> Result<Answer, Trouble> {
        let mut builder = self.http.request(request.method, request.url).header(USER_AGENT, AGENT);
        if let Some(bearer) = request.bearer {
            builder = builder.bearer_auth(bearer);
        }
        if let Some((content_type, body)) = request.body {
            builder = builder.header(CONTENT_TYPE, content_type).body(body);
        }
        let mut answer = builder.send().await.map_err(|error| trouble(&error))?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| trouble(&error))? {
            if body.len() + chunk.len() > request.most_bytes {
                return Err(Trouble::TooLarge(request.most_bytes));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status: answer.status(), headers: std::mem::take(answer.headers_mut()), body })
    }
}

/// What went wrong, by its deepest cause; the address is left out, since it may carry ids.
fn trouble(error: &reqwest::Error) -> Trouble {
    if error.is_timeout() {
        return Trouble::Timeout;
    }
    let mut text = "no connection".to_owned();
    let mut source = std::error::Error::source(error);
    while let Some(deeper) = source {
        text = deeper.to_string();
        source = deeper.source();
    }
    Trouble::Network(text)
}

/// An address that keys and tokens may be sent to: HTTPS, or this very machine.
pub(super) fn trusted_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let here = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    let right = url.scheme() == "https" || (url.scheme() == "http" && here);
    (right && url.host().is_some() && !url.cannot_be_a_base()).then_some(url)
}

/// How long `Retry-After` asks us to wait: seconds or a date.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let millis = match text.parse::<u32>() {
        Ok(seconds) => i64::from(seconds) * 1000,
        Err(_) => {
            let date = chrono::DateTime::parse_from_rfc2822(text).ok()?;
            Timestamp::from_millis(date.timestamp_millis()).since(now)
        }
    };
    u64::try_from(millis.clamp(0, LONGEST_RETRY_AFTER_MS)).ok().map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = Timestamp::parse("2026-10-21T07:28:00Z").unwrap();
        let after = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            retry_after(&headers, now)
        };
        assert_eq!(after("7"), Some(Duration::from_secs(7)));
        assert_eq!(after("Wed, 21 Oct 2026 07:28:30 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(after("Wed, 21 Oct 2026 07:27:00 GMT"), Some(Duration::ZERO), "past");
        assert_eq!(after("4000000000"), Some(Duration::from_secs(86_400)), "a century is a mistake");
        for unreadable in ["", "soon", "-1", "1.5"] {
            assert_eq!(after(unreadable), None, "{unreadable}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn tokens_go_over_https_or_stay_on_this_machine() {
        for right in ["https://oauth2.googleapis.com/token", "http://127.0.0.1:9/token", "http://localhost:9", "http://[::1]:9/"]
        {
            assert!(trusted_url(right).is_some(), "{right}");
        }
        for wrong in ["http://oauth2.googleapis.com/token", "ftp://x", "token", "", "http://127.0.0.1.example.com/", "data:,x"] {
            assert!(trusted_url(wrong).is_none(), "{wrong}");
        }
    }
}
