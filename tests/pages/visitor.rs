//! A person with a browser that runs no scripts: follows nothing by itself, keeps cookies, fills in forms.

use std::collections::BTreeMap;

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::support::app::{Customer, TestApp};

/// A page as it came.
pub struct Seen {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Seen {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Where a form led to.
    #[track_caller]
    pub fn location(&self) -> String {
        assert_eq!(self.status, 303, "{}", self.body);
        self.header("location").to_owned()
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    /// The value of the first hidden field of a name.
    #[track_caller]
    pub fn hidden(&self, name: &str) -> String {
        let start = format!("name=\"{name}\" value=\"");
        let (_, rest) = self.body.split_once(&start).unwrap_or_else(|| panic!("a field {name} in {}", self.body));
        rest.split('"').next().unwrap_or_default().to_owned()
    }

    /// The page's words, without the invisible marks that keep directions apart.
    pub fn words(&self) -> String {
        self.body.chars().filter(|letter| !matches!(letter, '\u{200e}' | '\u{200f}' | '\u{2066}'..='\u{2069}')).collect()
    }
}

/// A browser.
#[derive(Clone)]
pub struct Visitor {
    client: reqwest::Client,
    address: String,
    cookies: BTreeMap<String, String>,
    pub headers: Vec<(&'static str, String)>,
}

impl Visitor {
    pub fn of(app: &TestApp) -> Self {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        Self { client, address: app.address.clone(), cookies: BTreeMap::new(), headers: Vec::new() }
    }

    pub async fn get(&mut self, path: &str) -> Seen {
        self.send(self.client.get(format!("{}{path}", self.address))).await
    }

    /// Opens a page, fills its form in, and sends it elsewhere.
    pub async fn submit(&mut self, page: &str, (action, fields): (&str, &[(&str, &str)])) -> Seen {
        let shown = self.get(page).await.expect(200);
        self.resend(&shown, (action, fields)).await
    }

    /// Sends a form that was shown before.
    pub async fn resend(&mut self, shown: &Seen, (action, fields): (&str, &[(&str, &str)])) -> Seen {
        let (token, op) = (shown.hidden("token"), shown.hidden("op"));
        let mut all = vec![("token", token.as_str()), ("op", op.as_str())];
        all.extend_from_slice(fields);
        self.post(action, &all).await
    }

    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let body =
            fields.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect::<Vec<_>>().join("&");
        let request = self.client.post(format!("{}{path}", self.address));
        self.send(request.header("content-type", "application/x-www-form-urlencoded").body(body)).await
    }

    /// A cookie that the browser keeps.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(String::as_str)
    }

    /// All of its cookies, as it sends them.
    pub fn cookies(&self) -> String {
        self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    async fn send(&mut self, mut request: reqwest::RequestBuilder) -> Seen {
        let cookies = self.cookies();
        request = request.header("accept", "text/html");
        if !cookies.is_empty() {
            request = request.header("cookie", cookies);
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        for cookie in headers.get_all("set-cookie") {
            let text = cookie.to_str().expect("text");
            let (name, value) = text.split(';').next().and_then(|pair| pair.split_once('=')).expect("a cookie");
            if text.contains("; Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Seen { status, headers, body: response.text().await.expect("a whole page") }
    }
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// The address of a customer's card page.
pub async fn card_page(app: &TestApp, customer: &Customer) -> String {
    let card = app.get(&app.shop.pos, &format!("/v1/cards/{}", customer.card)).await.expect(200);
    let link = card["links"]["card_page"].as_str().expect("a link").to_owned();
    let key = link.rsplit('/').next().expect("a key");
    format!("/c/{key}")
}

/// The programme's document, changed.
pub async fn change_programme(app: &TestApp, change: impl FnOnce(&mut Value)) {
    let path = format!("/v1/programmes/{}", app.shop.programme);
    let shown = app.get(&app.shop.owner, &path).await.expect(200);
    let mut document = shown["document"].clone();
    change(&mut document);
    app.put(&app.shop.owner, &path, (shown["version"].as_i64().expect("a version"), &document)).await.expect(200);
}

/// The consents of the tests: one that is needed, one that is not.
pub fn consents() -> Value {
    json!([
        { "purpose": "terms", "version": "2026-01", "text": { "en": "I agree to the terms.", "ar": "أوافق على الشروط." }, "required": true },
        { "purpose": "news", "version": "2", "text": { "en": "Send me news.", "ar": "أرسلوا لي الأخبار." } },
    ])
}

/// A file as it came, compressed if it was.
pub struct Raw {
    pub bytes: usize,
    headers: HeaderMap,
}

impl Raw {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl Visitor {
    /// A file; the client does not unpack it.
    pub async fn raw(&mut self, path: &str) -> Raw {
        let request = self.client.get(format!("{}{path}", self.address)).header("accept-encoding", "gzip");
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status().as_u16(), 200, "{path}");
        let headers = response.headers().clone();
        Raw { bytes: response.bytes().await.expect("a whole file").len(), headers }
    }
}
