//! The phone's side of Apple's pass web service: five requests, their retries, and passd's own words for what went wrong.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, IF_MODIFIED_SINCE, LAST_MODIFIED, USER_AGENT};
use reqwest::{Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::state::WebService;

/// Packages beyond this are not taken; real ones are around a hundred kilobytes.
pub const MAX_PACKAGE_BYTES: usize = 4 * 1024 * 1024;

/// Serial numbers in one list.
const MAX_SERIALS: usize = 1_000;

/// What a phone calls itself, with a word that tells the sandbox apart.
const AGENT: &str = "passd/1.0 CFNetwork/1568.200.51 Darwin/24.1.0 (Walaa sandbox)";

/// The media type of a pass; what comes as anything else is no pass.
const PASS_TYPE: &str = "application/vnd.apple.pkpass";

/// One whole request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

/// Whether passes may name a web service without TLS, as a switch for developers on real phones allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlainHttp {
    /// Only https.
    Refuse,
    /// http too.
    Allow,
}

/// The list's answer.
#[derive(Debug, Deserialize)]
pub(super) struct Changed {
    #[serde(rename = "serialNumbers")]
    pub serials: Vec<String>,
    #[serde(rename = "lastUpdated")]
    pub tag: String,
}

/// The answer to asking for a pass.
#[derive(Debug)]
pub(super) enum Fetched {
    Unchanged,
    Package { bytes: Vec<u8>, last_modified: Option<String> },
}

/// A request that failed for good, in passd's words.
#[derive(Debug)]
pub(super) struct Trouble(pub String);

/// A request and its answer, for those who watch.
#[derive(Debug)]
pub(super) struct Exchange {
    pub what: &'static str,
    pub request: String,
    pub status: Option<u16>,
    pub detail: String,
}

/// Hears of every exchange, retries included.
pub(super) type Watch<'a> = &'a (dyn Fn(Exchange) + Send + Sync);

/// An HTTP client that behaves like a phone.
#[derive(Clone)]
pub(super) struct Courier {
    http: reqwest::Client,
    plain_http: PlainHttp,
    retry_delays: Vec<Duration>,
}

/// One request of the protocol.
struct Call<'a> {
    what: &'static str,
    method: Method,
    service: &'a WebService,
    path: String,
    /// Whether the token goes along: lists and logs go without.
    authorized: bool,
    since: Option<&'a str>,
    body: Option<serde_json::Value>,
}

impl Courier {
    /// A client that believes these roots besides the system's.
    pub(super) fn new(roots_pem: &[u8], plain_http: PlainHttp, retry_delays: Vec<Duration>) -> reqwest::Result<Self> {
        let mut builder = reqwest::Client::builder()
            .timeout(REQUEST_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false);
        for root in reqwest::Certificate::from_pem_bundle(roots_pem)? {
            builder = builder.add_root_certificate(root);
        }
        Ok(Self { http: builder.build()?, plain_http, retry_delays })
    }

    /// POST 1. True if the registration is new.
    pub(super) async fn register(&self, subject: Subject<'_>, push_token: &str, watch: Watch<'_>) -> Result<bool, Trouble> {
        let body = Some(json!({"pushToken": push_token}));
        let call = Call { what: "register", method: Method::POST, path: subject.registration_path(), body, ..subject.call() };
        let answer = self.send(&call, watch).await?;
        match answer.status() {
            StatusCode::CREATED => Ok(true),
            StatusCode::OK => Ok(false),
            other => Err(unexpected(other)),
        }
    }

    /// GET 2. `None` if nothing changed.
    pub(super) async fn list(
        &self,
        subject: Subject<'_>,
        tag: Option<&str>,
        watch: Watch<'_>,
    ) -> Result<Option<Changed>, Trouble> {
        let query = tag.map(|tag| format!("?passesUpdatedSince={}", percent_encoded(tag))).unwrap_or_default();
        let path = format!(
            "/v1/devices/{}/registrations/{}{query}",
            percent_encoded(subject.device),
            percent_encoded(subject.pass_type)
        );
        let call = Call { what: "list", path, authorized: false, ..subject.call() };
        let answer = self.send(&call, watch).await?;
        match answer.status() {
            StatusCode::NO_CONTENT => Ok(None),
            StatusCode::OK => {
                let body = bounded(answer).await?;
                let mut changed: Changed =
                    serde_json::from_slice(&body).map_err(|error| Trouble(format!("Server response was malformed ({error})")))?;
                changed.serials.truncate(MAX_SERIALS);
                Ok(Some(changed))
            }
            other => Err(unexpected(other)),
        }
    }

    /// GET 3.
    pub(super) async fn fetch(&self, subject: Subject<'_>, since: Option<&str>, watch: Watch<'_>) -> Result<Fetched, Trouble> {
        let path = format!("/v1/passes/{}/{}", percent_encoded(subject.pass_type), percent_encoded(subject.serial));
        let call = Call { what: "fetch", path, since, ..subject.call() };
        let answer = self.send(&call, watch).await?;
        match answer.status() {
            StatusCode::NOT_MODIFIED => Ok(Fetched::Unchanged),
            StatusCode::OK => {
                let header = |name| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
                let content_type = header(CONTENT_TYPE).unwrap_or_default();
                if content_type.split(';').next().map(str::trim) != Some(PASS_TYPE) {
                    return Err(Trouble(format!("Received invalid pass data (unexpected content type '{content_type}')")));
                }
                let last_modified = header(LAST_MODIFIED);
                Ok(Fetched::Package { bytes: bounded(answer).await?, last_modified })
            }
            other => Err(unexpected(other)),
        }
    }

    /// DELETE 4.
    pub(super) async fn unregister(&self, subject: Subject<'_>, watch: Watch<'_>) -> Result<(), Trouble> {
        let call = Call { what: "unregister", method: Method::DELETE, path: subject.registration_path(), ..subject.call() };
        let answer = self.send(&call, watch).await?;
        if answer.status() == StatusCode::OK { Ok(()) } else { Err(unexpected(answer.status())) }
    }

    /// POST 5. Trouble with the log itself is told to nobody.
    pub(super) async fn log(&self, service: &WebService, lines: &[String], watch: Watch<'_>) {
        let call = Call {
            what: "log",
            method: Method::POST,
            service,
            path: "/v1/log".to_owned(),
            authorized: false,
            since: None,
            body: Some(json!({"logs": lines})),
        };
        let _ = self.send(&call, watch).await;
    }

    /// Downloads a package from a link, as a browser would.
    pub(super) async fn download(&self, url: reqwest::Url) -> Result<Vec<u8>, Trouble> {
        let answer = self.http.get(url).send().await.map_err(|error| Trouble(reason(&error)))?;
        match answer.status() {
            StatusCode::OK => bounded(answer).await,
            other => Err(unexpected(other)),
        }
    }

    /// Sends until there is an answer that is worth having, or patience ends.
    async fn send(&self, call: &Call<'_>, watch: Watch<'_>) -> Result<Response, Trouble> {
        let url = format!("{}{}", call.service.url, call.path);
        if self.plain_http == PlainHttp::Refuse && !url.starts_with("https://") {
            return Err(Trouble("The web service url must use https".to_owned()));
        }
        let mut delays = self.retry_delays.iter();
        loop {
            let outcome = self.attempt(call, &url).await;
            let (status, detail) = match &outcome {
                Ok(answer) => (Some(answer.status().as_u16()), String::new()),
                Err(trouble) => (None, trouble.0.clone()),
            };
            let request = format!("{} {}", call.method, shortened(&call.path));
            watch(Exchange { what: call.what, request, status, detail });
            let again = match &outcome {
                Ok(answer) => answer.status().is_server_error() || answer.status() == StatusCode::TOO_MANY_REQUESTS,
                Err(_) => true,
            };
            match delays.next() {
                Some(delay) if again => tokio::time::sleep(*delay).await,
                _ => return outcome,
            }
        }
    }

    async fn attempt(&self, call: &Call<'_>, url: &str) -> Result<Response, Trouble> {
        let mut request = self.http.request(call.method.clone(), url).header(USER_AGENT, AGENT);
        if call.authorized {
            request = request.header(AUTHORIZATION, format!("ApplePass {}", call.service.token));
        }
        if let Some(since) = call.since {
            request = request.header(IF_MODIFIED_SINCE, since);
        }
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        request.send().await.map_err(|error| Trouble(reason(&error)))
    }
}

/// What a request is about.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub service: &'a WebService,
    pub device: &'a str,
    pub pass_type: &'a str,
    pub serial: &'a str,
}

impl<'a> Subject<'a> {
    fn call(self) -> Call<'a> {
        Call {
            what: "fetch",
            method: Method::GET,
            service: self.service,
            path: String::new(),
            authorized: true,
            since: None,
            body: None,
        }
    }

    fn registration_path(self) -> String {
        let [device, pass_type, serial] = [self.device, self.pass_type, self.serial].map(percent_encoded);
        format!("/v1/devices/{device}/registrations/{pass_type}/{serial}")
    }
}

fn unexpected(status: StatusCode) -> Trouble {
    Trouble(format!("Unexpected response code {}", status.as_u16()))
}

fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "The request timed out.".to_owned();
    }
    let mut text = "Could not connect to the server.".to_owned();
    let mut source = std::error::Error::source(error);
    while let Some(deeper) = source {
        text = deeper.to_string();
        source = deeper.source();
    }
    text
}

async fn bounded(mut answer: Response) -> Result<Vec<u8>, Trouble> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| Trouble(reason(&error)))? {
        if body.len() + chunk.len() > MAX_PACKAGE_BYTES {
            return Err(Trouble("Server response was too large".to_owned()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Everything but unreserved characters as %XX.
fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// A path for people: long ids lose their middle, and with it their use to anyone else.
fn shortened(path: &str) -> String {
    const SHOWN: usize = 6;
    let cut = |segment: &str| match segment.char_indices().nth(SHOWN) {
        Some((place, _)) if segment.len() > 24 && !segment.starts_with("pass.") && segment.is_ascii() => {
            format!("{}…{}", &segment[..place], &segment[segment.len() - 4..])
        }
        _ => segment.to_owned(),
    };
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    let path = path.split('/').map(cut).collect::<Vec<_>>().join("/");
    query.map_or(path.clone(), |query| format!("{path}?{query}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_and_tags_survive_the_url() {
        assert_eq!(percent_encoded("2026-11-21T10:00:00+00:00"), "2026-11-21T10%3A00%3A00%2B00%3A00");
        assert_eq!(percent_encoded("a/../b c"), "a%2F..%2Fb%20c");
    }

    #[test]
    fn shown_paths_hide_the_device() {
        let device = "0123456789abcdef0123456789abcdef";
        let shown = shortened(&format!("/v1/devices/{device}/registrations/pass.org.example.coffee?passesUpdatedSince=7"));
        assert_eq!(shown, "/v1/devices/012345…cdef/registrations/pass.org.example.coffee?passesUpdatedSince=7");
    }
}
