//! Access tokens of a service account: a signed assertion is swapped for a token, which is kept until shortly before its end.
//!
//! One request at a time: whoever comes while a token is fetched waits for that one. A failure is shared, too, for a moment, so
//! that a hundred waiting requests are not a hundred more failures.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::account::ServiceAccount;
use super::transport::{Answer, Request, Transport, Trouble, retry_after};
use crate::clock::{Clock, Timestamp};

/// What the token allows: this and no more.
const SCOPE: &str = "https://www.googleapis.com/auth/wallet_object.issuer";

/// Whom the assertion is for. Google's own client says this whatever `token_uri` the key file names.
const AUDIENCE: &str = "https://oauth2.googleapis.com/token";

/// The grant type, as a form has it.
const GRANT_TYPE: &str = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";

/// Seconds for which an assertion is good; Google allows an hour at most.
const ASSERTION_SECONDS: i64 = 3600;

/// Seconds before a token's end at which another one is fetched.
const RENEW_BEFORE_SECONDS: i64 = 300;

/// Seconds that a token is believed to live at most, whatever the answer says.
const LONGEST_LIFE_SECONDS: i64 = 3600;

/// Milliseconds for which a failure is told to others without another try.
const SHARE_FAILURE_MS: i64 = 1000;

/// Milliseconds that a clock may be set back before a token looks as if it came from the future.
const MAX_STEP_BACK_MS: i64 = 60_000;

/// Bytes of an answer; a token has a thousand or two.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Letters of Google's explanation that are passed on.
const MAX_EXPLANATION: usize = 200;

/// Gives out tokens.
pub struct TokenSource {
    account: Arc<ServiceAccount>,
    transport: Transport,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Google knows no such key, or our clock is wrong.
    #[error(
        "Google refuses the key {key_id} of {account} (invalid_grant: {explanation}). Compare this machine's clock with the \
         real time; if it is right, the key or the account was deleted or disabled in the Google Cloud console: make a new key"
    )]
    InvalidGrant {
        /// The account's e-mail address.
        account: String,
        /// Which key.
        key_id: String,
        /// Google's words.
        explanation: String,
    },
    /// Google refuses for another reason.
    #[error("Google gives {account} no token ({error}: {explanation})")]
    Refused {
        /// The account's e-mail address.
        account: String,
        /// Google's word for it.
        error: String,
        /// Google's words.
        explanation: String,
    },
    /// No answer that makes sense, for now.
    #[error("no access token could be had: {what}")]
    Transient {
        /// What happened.
        what: String,
        /// How long we were asked to wait.
        after: Option<Duration>,
    },
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    failed: Option<(Timestamp, TokenError)>,
}

struct Held {
    token: Arc<str>,
    fetched: Timestamp,
    renew: Timestamp,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: i64,
    token_type: Option<String>,
}

#[derive(Deserialize, Default)]
struct Denied {
    #[serde(default)]
    error: String,
    #[serde(default)]
    error_description: String,
}

impl TokenSource {
    /// A source for one account.
    ///
    /// # Errors
    /// TLS can't be set up on this machine.
    pub fn new(account: Arc<ServiceAccount>, clock: Arc<dyn Clock>, timeout: Duration) -> Result<Self, Trouble> {
        Ok(Self::over(Transport::new(timeout)?, account, clock))
    }

    /// A source over connections that others use, too.
    pub(super) fn over(transport: Transport, account: Arc<ServiceAccount>, clock: Arc<dyn Clock>) -> Self {
        Self { account, transport, clock, state: Mutex::default() }
    }

    /// Whose tokens they are.
    #[must_use]
    pub fn account(&self) -> &Arc<ServiceAccount> {
        &self.account
    }

    /// A token that is good for some minutes yet.
    ///
    /// # Errors
    /// Google gives none, or can't be reached.
    pub async fn token(&self) -> Result<Arc<str>, TokenError> {
        let mut state = self.state.lock().await;
        let now = self.clock.now();
        if let Some(held) = &state.held
            && now < held.renew
            && now.since(held.fetched) > -MAX_STEP_BACK_MS
        {
            return Ok(Arc::clone(&held.token));
        }
        self.renew(&mut state, now).await
    }

    /// Another token than the one that Google just refused; the one that somebody else fetched meanwhile will do.
    ///
    /// # Errors
    /// As [`Self::token`].
    pub async fn after_refusal(&self, refused: &str) -> Result<Arc<str>, TokenError> {
        let mut state = self.state.lock().await;
        match &state.held {
            Some(held) if &*held.token != refused => Ok(Arc::clone(&held.token)),
            _ => {
                state.held = None;
                let now = self.clock.now();
                self.renew(&mut state, now).await
            }
        }
    }

    async fn renew(&self, state: &mut State, now: Timestamp) -> Result<Arc<str>, TokenError> {
        if let Some((at, error)) = &state.failed
            && (0..SHARE_FAILURE_MS).contains(&now.since(*at))
        {
            return Err(error.clone());
        }
        let fetched = self.fetch(now).await;
        let outcome = if fetched.is_ok() { "granted" } else { "failed" };
        metrics::counter!("walaa_google_tokens_total", "outcome" => outcome).increment(1);
        match fetched {
            Ok(held) => {
                let token = Arc::clone(&held.token);
                *state = State { held: Some(held), failed: None };
                Ok(token)
            }
            Err(error) => {
                state.failed = Some((self.clock.now(), error.clone()));
                Err(error)
            }
        }
    }

    async fn fetch(&self, now: Timestamp) -> Result<Held, TokenError> {
        let iat = now.seconds();
        let claims = Claims { iss: self.account.email(), scope: SCOPE, aud: AUDIENCE, iat, exp: iat + ASSERTION_SECONDS };
        let assertion = self.account.sign(&claims).map_err(|error| transient(error.to_string()))?;
        // The letters of a JWT need no escaping in a form.
        let form = format!("grant_type={GRANT_TYPE}&assertion={assertion}").into_bytes();
        let request = Request {
            method: Method::POST,
            url: self.account.token_uri().clone(),
            bearer: None,
            body: Some(("application/x-www-form-urlencoded", form)),
            most_bytes: MAX_ANSWER_BYTES,
        };
        let answer = self.transport.send(request).await.map_err(|trouble| transient(trouble.to_string()))?;
        if answer.status.is_success() { granted(&answer, now) } else { Err(self.denied(&answer, now)) }
    }

    fn denied(&self, answer: &Answer, now: Timestamp) -> TokenError {
        let said: Denied = serde_json::from_slice(&answer.body).unwrap_or_default();
        let account = self.account.email().to_owned();
        let explanation = readable(&said.error_description);
        match (answer.status.as_u16(), said.error.as_str()) {
            (408 | 429 | 500.., _) | (300..=399, _) => {
                let what = format!("the token endpoint answered {}", answer.status.as_u16());
                TokenError::Transient { what, after: retry_after(&answer.headers, now) }
            }
            (_, "invalid_grant") => TokenError::InvalidGrant { account, key_id: self.account.key_id().to_owned(), explanation },
            (status, "") => TokenError::Refused { account, error: format!("HTTP {status}"), explanation },
            (_, error) => TokenError::Refused { account, error: readable(error), explanation },
        }
    }
}

fn granted(answer: &Answer, now: Timestamp) -> Result<Held, TokenError> {
    // The parser's own words may quote the token.
    let granted: Granted =
        serde_json::from_slice(&answer.body).map_err(|_| transient("the token endpoint's answer can't be read".to_owned()))?;
    let bearer = granted.token_type.as_deref().is_none_or(|kind| kind.eq_ignore_ascii_case("bearer"));
    let sendable = !granted.access_token.is_empty() && granted.access_token.bytes().all(|byte| byte.is_ascii_graphic());
    if !bearer || !sendable || granted.expires_in <= 0 {
        return Err(transient("the token endpoint's answer holds no bearer token".to_owned()));
    }
    let life = granted.expires_in.min(LONGEST_LIFE_SECONDS);
    let renew = now.plus_seconds(life - RENEW_BEFORE_SECONDS.min(life / 2));
    Ok(Held { token: granted.access_token.into(), fetched: now, renew })
}

fn transient(what: String) -> TokenError {
    TokenError::Transient { what, after: None }
}

/// The beginning of a text from outside, fit for a log.
pub(super) fn readable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(MAX_EXPLANATION).collect()
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSource").field("account", &self.account).finish_non_exhaustive()
    }
}
