//! The REST client: classes and objects are got, put and changed; every request first takes from the issuer's budget.
//!
//! All writes carry absolute values, so that any of them may be sent twice. Nothing is retried here but a refused token, once:
//! when to try again is the outbox's to decide. What was asked for too soon comes back as [`CallError::Wait`]; a client made by
//! [`GoogleClient::patient`] waits a little itself.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, Url};
use serde_json::{Value, json};

use super::account::ServiceAccount;
use super::batch;
use super::budget::Budget;
use super::error::{Asker, CallError, meaning};
use super::oauth::TokenSource;
use super::resource::{IssuerId, ResourceId, ResourceKind};
use super::transport::{Answer, Request, Transport, Trouble, retry_after, trusted_url};
use crate::clock::Clock;

/// Where Google's API is.
pub const GOOGLE: &str = "https://walletobjects.googleapis.com";

/// Where its methods are, under that.
const API: &str = "/walletobjects/v1";

/// How long a request may take, unless the operator says otherwise.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// The longest that somebody who waits is made to wait for the budget.
pub const LONGEST_PATIENCE: Duration = Duration::from_secs(2);

/// How long the later requests of one call may wait for the budget: given up in the middle, the call would begin anew.
const PATIENCE_WITHIN: Duration = Duration::from_secs(1);

/// Calls in a batch at most; Google's limit for Wallet is not published, elsewhere it is 1,000.
pub const MOST_CALLS: usize = 50;

/// Resources on a page at most.
pub const MOST_ON_PAGE: u32 = 100;

/// Bytes of an answer about one resource: an object comes with its class.
const MAX_RESOURCE_BYTES: usize = 1024 * 1024;

/// Bytes of a page of resources, and of the answer to a batch.
const MAX_MANY_BYTES: usize = 16 * 1024 * 1024;

/// Where and how long.
#[derive(Debug, Clone)]
pub struct GoogleClientConfig {
    /// Where the API is: scheme and host.
    pub base_url: String,
    /// How long a request may take.
    pub timeout: Duration,
}

impl Default for GoogleClientConfig {
    fn default() -> Self {
        Self { base_url: GOOGLE.to_owned(), timeout: TIMEOUT }
    }
}

/// Why there is no client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// Tokens would travel in clear.
    #[error("the address of Google's API must be https, without a path; Google's is {GOOGLE}")]
    BaseUrl,
    /// TLS can't be set up.
    #[error("no HTTPS client can be made: {0}")]
    Tls(#[from] Trouble),
}

/// What a call does to a resource.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Reads it.
    Get,
    /// Makes it; the body is the whole resource with its id.
    Insert(Value),
    /// Changes what the body names; arrays are replaced as a whole.
    Patch(Value),
    /// Adds a message to it.
    AddMessage(Value),
}

impl Action {
    pub(super) const fn method(&self) -> Method {
        match self {
            Self::Get => Method::GET,
            Self::Insert(_) | Self::AddMessage(_) => Method::POST,
            Self::Patch(_) => Method::PATCH,
        }
    }

    const fn as_str(&self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Insert(_) => "insert",
            Self::Patch(_) => "patch",
            Self::AddMessage(_) => "add_message",
        }
    }
}

/// A call on one resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Which collection.
    pub kind: ResourceKind,
    /// Which resource.
    pub id: ResourceId,
    /// What is done.
    pub action: Action,
}

impl Call {
    /// The path; letters of an id need no escaping.
    pub(super) fn path(&self) -> String {
        let (kind, id) = (self.kind.path(), &self.id);
        match self.action {
            Action::Get | Action::Patch(_) => format!("{API}/{kind}/{id}"),
            Action::Insert(_) => format!("{API}/{kind}"),
            Action::AddMessage(_) => format!("{API}/{kind}/{id}/addMessage"),
        }
    }

    fn into_body(self) -> Option<Value> {
        match self.action {
            Action::Get => None,
            Action::Insert(body) | Action::Patch(body) => Some(body),
            Action::AddMessage(message) => Some(json!({"message": message})),
        }
    }
}

/// What an upsert did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upserted {
    /// It was there and was changed.
    Patched,
    /// It was made.
    Inserted,
}

/// What is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listed {
    /// The classes of the client's issuer.
    ClassesOf(ResourceKind),
    /// The objects of a class.
    ObjectsOf(ResourceKind, ResourceId),
}

/// A page of resources.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Page {
    /// What is on it.
    pub resources: Vec<Value>,
    /// What to ask the next page with, if there is one.
    pub next: Option<String>,
}

/// A client for one issuer. Cheap to clone; clones share tokens, connections and budget.
#[derive(Clone)]
pub struct GoogleClient {
    transport: Transport,
    base: Url,
    timeout: Duration,
    issuer: IssuerId,
    tokens: Arc<TokenSource>,
    budget: Arc<dyn Budget>,
    clock: Arc<dyn Clock>,
    patience: Duration,
}

/// A request to the API, before it has a token.
struct Ask {
    word: &'static str,
    method: Method,
    url: Url,
    body: Option<(String, Vec<u8>)>,
    most_bytes: usize,
    /// How many requests Google counts it as.
    parts: u32,
    patience: Duration,
}

impl GoogleClient {
    /// A client that acts for an issuer with an account.
    ///
    /// # Errors
    /// The address is no HTTPS address, or TLS can't be set up.
    pub fn new(
        (account, issuer): (Arc<ServiceAccount>, IssuerId),
        config: &GoogleClientConfig,
        budget: Arc<dyn Budget>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ClientError> {
        let base = trusted_url(&config.base_url).filter(|url| url.path() == "/").ok_or(ClientError::BaseUrl)?;
        let transport = Transport::new(config.timeout)?;
        let tokens = Arc::new(TokenSource::over(transport.clone(), account, Arc::clone(&clock)));
        Ok(Self { transport, base, timeout: config.timeout, issuer, tokens, budget, clock, patience: Duration::ZERO })
    }

    /// The same client for a caller who waits: it waits for the budget itself, two seconds at most.
    #[must_use]
    pub fn patient(&self, patience: Duration) -> Self {
        Self { patience: patience.min(LONGEST_PATIENCE), ..self.clone() }
    }

    /// For whom it acts.
    #[must_use]
    pub const fn issuer(&self) -> IssuerId {
        self.issuer
    }

    /// As whom it acts.
    #[must_use]
    pub fn account(&self) -> &Arc<ServiceAccount> {
        self.tokens.account()
    }

    /// How many calls fit a batch.
    #[must_use]
    pub fn batch_size(&self) -> usize {
        MOST_CALLS.min(self.budget.most_at_once() as usize).max(1)
    }

    /// Reads a resource.
    ///
    /// # Errors
    /// What [`CallError`] lists.
    pub async fn get(&self, kind: ResourceKind, id: &ResourceId) -> Result<Value, CallError> {
        self.call(Call { kind, id: id.clone(), action: Action::Get }).await
    }

    /// Makes a resource; the body is the whole of it, with its id.
    ///
    /// # Errors
    /// What [`CallError`] lists; `Exists` if the id is taken.
    pub async fn insert(&self, kind: ResourceKind, id: &ResourceId, body: Value) -> Result<Value, CallError> {
        self.call(Call { kind, id: id.clone(), action: Action::Insert(body) }).await
    }

    /// Changes what the body names.
    ///
    /// # Errors
    /// What [`CallError`] lists.
    pub async fn patch(&self, kind: ResourceKind, id: &ResourceId, body: Value) -> Result<Value, CallError> {
        self.call(Call { kind, id: id.clone(), action: Action::Patch(body) }).await
    }

    /// Adds a message.
    ///
    /// # Errors
    /// What [`CallError`] lists; `QuotaExceeded` of notifications if the pass has had its three of the day.
    pub async fn add_message(&self, kind: ResourceKind, id: &ResourceId, message: Value) -> Result<Value, CallError> {
        self.call(Call { kind, id: id.clone(), action: Action::AddMessage(message) }).await
    }

    /// One call.
    ///
    /// # Errors
    /// What [`CallError`] lists.
    pub async fn call(&self, call: Call) -> Result<Value, CallError> {
        self.call_within(call, self.patience).await
    }

    /// Changes a resource, or makes it if it is not there: PATCH, on 404 POST, on 409 PATCH again. The body is the whole resource,
    /// with its id. All of it takes at most twice the time-out.
    ///
    /// # Errors
    /// What [`CallError`] lists; `NotFound` says that the object's class is missing.
    pub async fn upsert(
        &self,
        kind: ResourceKind,
        id: &ResourceId,
        (patch, whole): (&Value, &Value),
    ) -> Result<Upserted, CallError> {
        let patience = self.patience.max(PATIENCE_WITHIN);
        let patch = || Call { kind, id: id.clone(), action: Action::Patch(patch.clone()) };
        let steps = async {
            match self.call(patch()).await {
                Err(CallError::NotFound(_)) => {}
                other => return other.map(|_| Upserted::Patched),
            }
            let insert = Call { kind, id: id.clone(), action: Action::Insert(whole.clone()) };
            match self.call_within(insert, patience).await {
                Err(CallError::Exists(_)) => self.call_within(patch(), patience).await.map(|_| Upserted::Patched),
                other => other.map(|_| Upserted::Inserted),
            }
        };
        let late = |_| CallError::Transient { what: "no answer in time".to_owned(), after: None };
        tokio::time::timeout(self.timeout * 2, steps).await.map_err(late)?
    }

    /// A page of a list. `after` is what the page before said.
    ///
    /// # Errors
    /// What [`CallError`] lists.
    pub async fn list(&self, listed: &Listed, after: Option<&str>) -> Result<Page, CallError> {
        let (kind, name, whose) = match listed {
            Listed::ClassesOf(kind) => (kind, "issuerId", self.issuer.to_string()),
            Listed::ObjectsOf(kind, class) => (kind, "classId", class.to_string()),
        };
        let mut url = self.url(&format!("{API}/{}", kind.path()));
        url.query_pairs_mut().append_pair(name, &whose).append_pair("maxResults", &MOST_ON_PAGE.to_string());
        if let Some(after) = after {
            url.query_pairs_mut().append_pair("token", after);
        }
        let ask = Ask { most_bytes: MAX_MANY_BYTES, ..self.ask("list", Method::GET, url) };
        let mut answer = self.json(ask).await?;
        let resources = match answer["resources"].take() {
            Value::Array(resources) => resources,
            _ => Vec::new(),
        };
        let next = answer["pagination"]["nextPageToken"].as_str().filter(|token| !token.is_empty()).map(str::to_owned);
        Ok(Page { resources, next })
    }

    /// Whether Google would take a save link's JWT.
    ///
    /// # Errors
    /// What [`CallError`] lists; `Invalid` with Google's words if it would not.
    pub async fn validate_jwt(&self, jwt: &str) -> Result<(), CallError> {
        let body = json!({"jwtResource": {"jwt": jwt}});
        let ask = self.ask("validate_jwt", Method::POST, self.url(&format!("{API}/jwt/validate")));
        self.exchange(ask.json(&body)).await.map(|_| ())
    }

    /// Many calls in one request; what came of each, in their order. At most [`Self::batch_size`] calls, none twice on one resource:
    /// Google does not say in which order it works.
    ///
    /// # Errors
    /// The request as a whole came to nothing.
    pub async fn batch(&self, calls: &[Call]) -> Result<Vec<Result<Value, CallError>>, CallError> {
        if calls.len() > self.batch_size() {
            return Err(CallError::Unsendable("a batch of more calls than fit one"));
        }
        let mut named: Vec<_> = calls.iter().map(|call| (call.kind, &call.id)).collect();
        named.sort_unstable();
        if named.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(CallError::Unsendable("a batch with two calls on one resource"));
        }
        if calls.is_empty() {
            return Ok(Vec::new());
        }
        let host = self.base.host_str().unwrap_or_default();
        let body = Some((batch::content_type(), batch::write(calls, host)));
        let parts = u32::try_from(calls.len()).unwrap_or(u32::MAX);
        let ask = Ask { body, parts, most_bytes: MAX_MANY_BYTES, ..self.ask("batch", Method::POST, self.url("/batch")) };
        let answer = self.exchange(ask).await?;
        let read = batch::read(&answer, calls.len());
        Ok(read.into_iter().zip(calls).map(|(part, call)| self.part(part, call)).collect())
    }

    async fn call_within(&self, call: Call, patience: Duration) -> Result<Value, CallError> {
        let ask = self.ask(call.action.as_str(), call.action.method(), self.url(&call.path()));
        let ask = Ask { patience, ..ask };
        self.json(match call.into_body() {
            Some(body) => ask.json(&body),
            None => ask,
        })
        .await
    }

    /// What came of one part of a batch.
    fn part(&self, part: Option<batch::PartAnswer<'_>>, call: &Call) -> Result<Value, CallError> {
        let outcome = match part {
            None => Err(transient("the batch's answer has no part for this call")),
            Some(part) if (200..300).contains(&part.status) => readable_json(part.body),
            Some(part) => {
                let mut headers = reqwest::header::HeaderMap::new();
                if let Some(value) = part.retry_after.and_then(|text| text.parse().ok()) {
                    headers.insert(reqwest::header::RETRY_AFTER, value);
                }
                Err(meaning(part.status, part.body, retry_after(&headers, self.clock.now()), self.asker()))
            }
        };
        count(call.action.as_str(), &outcome);
        outcome
    }

    async fn json(&self, ask: Ask) -> Result<Value, CallError> {
        readable_json(&self.exchange(ask).await?.body)
    }

    async fn exchange(&self, ask: Ask) -> Result<Answer, CallError> {
        let word = ask.word;
        let outcome = self.try_twice(ask).await;
        count(word, &outcome);
        outcome
    }

    /// Sends it; if the token is refused, once more with another one.
    async fn try_twice(&self, ask: Ask) -> Result<Answer, CallError> {
        self.spend(ask.parts, ask.patience).await?;
        let token = self.tokens.token().await?;
        match self.send(&ask, &token).await {
            Err(CallError::Unauthorized(_)) => {}
            other => return other,
        }
        let token = self.tokens.after_refusal(&token).await?;
        self.spend(ask.parts, ask.patience.max(PATIENCE_WITHIN)).await?;
        self.send(&ask, &token).await
    }

    async fn send(&self, ask: &Ask, token: &str) -> Result<Answer, CallError> {
        let body = ask.body.as_ref().map(|(kind, body)| (kind.as_str(), body.clone()));
        let request =
            Request { method: ask.method.clone(), url: ask.url.clone(), bearer: Some(token), body, most_bytes: ask.most_bytes };
        let answer = self.transport.send(request).await.map_err(|trouble| transient(&trouble.to_string()))?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        let after = retry_after(&answer.headers, self.clock.now());
        Err(meaning(answer.status.as_u16(), &answer.body, after, self.asker()))
    }

    /// Takes from the budget; waits if need be, as long as there is patience.
    async fn spend(&self, parts: u32, mut patience: Duration) -> Result<(), CallError> {
        while let Err(wait) = self.budget.take(self.issuer, parts).await {
            if wait > patience || patience.is_zero() {
                return Err(CallError::Wait(wait));
            }
            let wait = wait.max(Duration::from_millis(1));
            patience = patience.saturating_sub(wait);
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }

    fn asker(&self) -> Asker<'_> {
        Asker { account: self.account().email(), issuer: self.issuer }
    }

    fn ask(&self, word: &'static str, method: Method, url: Url) -> Ask {
        Ask { word, method, url, body: None, most_bytes: MAX_RESOURCE_BYTES, parts: 1, patience: self.patience }
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(path);
        url
    }
}

impl Ask {
    fn json(self, body: &Value) -> Self {
        Self { body: Some(("application/json".to_owned(), body.to_string().into_bytes())), ..self }
    }
}

/// The JSON of an answer that says that all went well. What can't be read may have been done all the same, and may be done again.
fn readable_json(body: &[u8]) -> Result<Value, CallError> {
    if body.trim_ascii().is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(body).map_err(|_| transient("the answer is no JSON"))
}

fn transient(what: &str) -> CallError {
    CallError::Transient { what: what.to_owned(), after: None }
}

fn count<T>(word: &'static str, outcome: &Result<T, CallError>) {
    let outcome = outcome.as_ref().map_or_else(CallError::as_str, |_| "done");
    metrics::counter!("walaa_google_requests_total", "call" => word, "outcome" => outcome).increment(1);
}
