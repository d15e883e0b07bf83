//! One request of a person: language, cookies, the nonce of its answer, and how a page is sent.
//!
//! Cookies carry no identity: one remembers the language, one proves that a form was shown to this browser; the scanner's two stand in
//! `scan`. They are `__Host-` cookies
//! over HTTPS; over plain HTTP, which only a machine talking to itself uses, they have names of their own.

use std::net::IpAddr;
use std::sync::Arc;

use actix_web::http::{StatusCode, header};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use aws_lc_rs::constant_time::verify_slices_are_equal;

use super::Pages;
use super::brand::Brand;
use super::errors::Failure;
use super::headers::{self, Powers};
use super::language::{self, LANGUAGES, Lang};
use super::page::Page;
use crate::clock::Timestamp;
use crate::documents::{self, Reached};
use crate::gate::{GateRequest, GateVerdict, Limit, Scope};
use crate::ids::{OrgId, encode};

/// The cookie that remembers the language.
const LANGUAGE_COOKIE: &str = "walaa-lang";

/// The cookie that forms are bound to.
const FORM_COOKIE: &str = "walaa-form";

/// How long the language is remembered: a year.
const LANGUAGE_SECONDS: u32 = 31_536_000;

/// One request of a person.
pub struct Visit {
    /// What the pages work with.
    pub pages: Data<Pages>,
    /// The request.
    pub request: HttpRequest,
    /// Now.
    pub now: Timestamp,
    nonce: String,
    browser: Browser,
}

/// The random letters that the forms of a browser are bound to.
enum Browser {
    Known(String),
    New(String),
}

impl Visit {
    /// Reads a request.
    #[must_use]
    pub fn of(request: &HttpRequest, pages: Data<Pages>) -> Self {
        let (now, nonce) = (pages.core.clock.now(), encode(&pages.core.ids.random()));
        let name = reached(request, &pages, |reached| reached.cookie_name(FORM_COOKIE));
        let known = cookie(request, &name).filter(|value| crate::ids::decode(value).is_some());
        let browser = known.map_or_else(|| Browser::New(encode(&pages.core.ids.random())), Browser::Known);
        Self { request: request.clone(), pages, now, nonce, browser }
    }

    /// The language: asked for, remembered, the member's, or the browser's.
    #[must_use]
    pub fn language(&self, member: Option<&str>) -> Lang {
        let asked = self.query("lang").and_then(|tag| language::named(&tag));
        let remembered = || self.cookie_value(LANGUAGE_COOKIE).and_then(|tag| language::named(&tag));
        let accepts = || {
            let header = self.request.headers().get(header::ACCEPT_LANGUAGE)?;
            language::accepted(header.to_str().ok()?)
        };
        asked.or_else(remembered).or_else(|| member.and_then(language::named)).or_else(accepts).unwrap_or(&LANGUAGES[0])
    }

    /// A value of the query.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<String> {
        let pairs = actix_web::web::Query::<Vec<(String, String)>>::from_query(self.request.query_string()).ok()?;
        pairs.into_inner().into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// What every template takes.
    #[must_use]
    pub fn page(&self, brand: Arc<Brand>, language: Lang) -> Page {
        Page {
            language,
            brand,
            nonce: self.nonce.clone(),
            path: self.request.path().to_owned(),
            token: self.token(),
            op: encode(&self.pages.core.ids.random()),
        }
    }

    /// Where the request comes from.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        (self.pages.client_address)(&self.request)
    }

    /// Lets the request in, unless its address asks for too many pages.
    ///
    /// # Errors
    /// [`Failure::TooMany`].
    pub async fn admit(&self) -> Result<(), Failure> {
        self.charge(Limit::address(self.address(), &[self.pages.limits.pages])).await
    }

    /// Notes that an address was a try.
    ///
    /// # Errors
    /// [`Failure::TooMany`] when there were too many.
    pub async fn fruitless(&self) -> Result<(), Failure> {
        let mut limit = Limit::address(self.address(), &[self.pages.limits.fruitless]);
        limit.scope = Scope::Fruitless;
        self.charge(limit).await
    }

    /// Lets the address try something, unless too many of its tries came to nothing.
    ///
    /// # Errors
    /// [`Failure::TooMany`].
    pub async fn may_try(&self) -> Result<(), Failure> {
        let mut limit = Limit::address(self.address(), &[self.pages.limits.fruitless]);
        limit.scope = Scope::Fruitless;
        self.charge(limit.look()).await
    }

    /// Notes that the address makes a card.
    ///
    /// # Errors
    /// [`Failure::TooMany`] when there were too many.
    pub async fn joins(&self) -> Result<(), Failure> {
        let mut limit = Limit::address(self.address(), &[self.pages.limits.joins]);
        limit.scope = Scope::Join;
        self.charge(limit).await
    }

    async fn charge(&self, limit: Limit) -> Result<(), Failure> {
        let core = &self.pages.core;
        match core.gate.check(&GateRequest::anonymous().limit(limit), self.now).await {
            Ok(GateVerdict::Refused(refusal)) => Err(Failure::TooMany { retry_after_seconds: refusal.retry_after_seconds() }),
            Ok(_) => Ok(()),
            Err(error) => Err(Failure::Refused(error.into())),
        }
    }

    /// The token of this browser's forms.
    #[must_use]
    pub fn token(&self) -> String {
        let (Browser::Known(secret) | Browser::New(secret)) = &self.browser;
        // No organisation has this id: the tokens belong to the browser.
        let mac = self.pages.core.keyring.fingerprint(OrgId([0; 16]), &[b"page form", secret.as_bytes()]);
        encode(&std::array::from_fn(|place| mac[place]))
    }

    /// Whether a form brought this browser's token.
    #[must_use]
    pub fn knows_token(&self, sent: &str) -> bool {
        matches!(self.browser, Browser::Known(_)) && verify_slices_are_equal(self.token().as_bytes(), sent.as_bytes()).is_ok()
    }

    /// Sends a page.
    #[must_use]
    pub fn html(&self, status: StatusCode, template: &impl Template) -> HttpResponse {
        self.html_with(status, template, Powers::None)
    }

    /// Sends a page that may use something of the device.
    #[must_use]
    pub fn html_with(&self, status: StatusCode, template: &impl Template, powers: Powers) -> HttpResponse {
        let body = match template.render() {
            Ok(body) => body,
            Err(error) => {
                tracing::error!(%error, "a page could not be written");
                return HttpResponse::InternalServerError().finish();
            }
        };
        let mut response = HttpResponse::build(status);
        headers::secure(&mut response, &self.nonce, powers);
        response.insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"));
        response.insert_header((header::VARY, "Cookie, Accept-Language"));
        if let Browser::New(secret) = &self.browser {
            response.append_header((header::SET_COOKIE, self.cookie(FORM_COOKIE, secret, "")));
        }
        if let Some(asked) = self.query("lang").and_then(|tag| language::named(&tag)) {
            let age = format!("; Max-Age={LANGUAGE_SECONDS}");
            response.append_header((header::SET_COOKIE, self.cookie(LANGUAGE_COOKIE, asked.code, &age)));
        }
        response.body(body)
    }

    /// Sends the browser elsewhere on this server, to be asked for with GET.
    #[must_use]
    pub fn see_other(&self, path: &str) -> HttpResponse {
        let mut response = HttpResponse::SeeOther();
        headers::secure(&mut response, &self.nonce, Powers::None);
        response.insert_header((header::LOCATION, path)).finish()
    }

    /// The value of a cookie of ours.
    #[must_use]
    pub fn cookie_value(&self, name: &str) -> Option<String> {
        cookie(&self.request, &self.cookie_name(name))
    }

    /// Has the browser keep a secret that only requests of our own pages bring: for so many seconds, or until it is closed. Nothing is
    /// kept of an empty one.
    pub fn keep_secret(&self, response: &mut HttpResponse, (name, value): (&str, &str), seconds: Option<u32>) {
        let secure = if self.over_https() { "; Secure" } else { "" };
        let seconds = if value.is_empty() { Some(0) } else { seconds };
        let age = seconds.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
        let cookie = format!("{}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{age}", self.cookie_name(name));
        if let Ok(cookie) = header::HeaderValue::from_str(&cookie) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }

    fn over_https(&self) -> bool {
        reached(&self.request, &self.pages, |reached| reached.over_https())
    }

    fn cookie_name(&self, name: &str) -> String {
        reached(&self.request, &self.pages, |reached| reached.cookie_name(name))
    }

    fn cookie(&self, name: &str, value: &str, more: &str) -> String {
        let secure = if self.over_https() { "; Secure" } else { "" };
        format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{more}", self.cookie_name(name))
    }
}

/// How the browser reached us.
pub(super) fn reached<T>(request: &HttpRequest, pages: &Pages, ask: impl FnOnce(Reached<'_>) -> T) -> T {
    let connection = request.connection_info();
    ask(Reached { scheme: connection.scheme(), host: connection.host(), public_url: &pages.core.public_url })
}

fn cookie(request: &HttpRequest, name: &str) -> Option<String> {
    documents::cookie(request.headers().get_all(header::COOKIE).filter_map(|value| value.to_str().ok()), name)
}
