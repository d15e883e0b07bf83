//! Google's root keys, fetched when they are needed and kept as long as Google allows.
//!
//! A set is fresh until its `Cache-Control` or its first key ends, is fetched anew in the background from half of that time on,
//! and serves until its keys end if no newer one can be had. A bad signature may mean that Google has a new key, so it may cause a
//! fetch, but at most one a minute: forged callbacks must not make us a nuisance to Google.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AGE, CACHE_CONTROL, HeaderMap};
use reqwest::{Method, Url};
use tokio::sync::Mutex;

use super::root_keys::{RootKeys, RootKeysError};
use crate::clock::{Clock, Timestamp};
use crate::google::transport::{Request, Transport, Trouble, trusted_url};

/// Where Google lists them.
pub const GOOGLE_KEYS: &str = "https://pay.google.com/gp/m/issuer/keys";

/// How long a fetch may take: somebody waits for it.
pub const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes of the list; it has one thousand.
const MAX_LIST_BYTES: usize = 64 * 1024;

/// Seconds that a list is fresh that does not say how long.
const UNSAID_LIFE_SECONDS: i64 = 3600;

/// Seconds that a list is fresh at least: an answer that may not be cached must not make each callback a fetch.
const SHORTEST_LIFE_SECONDS: i64 = 60;

/// Seconds that a list is fresh at most.
const LONGEST_LIFE_SECONDS: i64 = 7 * 86_400;

/// Seconds after a failure before the next try.
const AFTER_FAILURE_SECONDS: i64 = 10;

/// Seconds between fetches that a bad signature causes.
const BETWEEN_FORCED_SECONDS: i64 = 60;

/// The root keys of one address.
pub struct RootKeyCache {
    url: Url,
    transport: Transport,
    clock: Arc<dyn Clock>,
    state: std::sync::Mutex<State>,
    /// Whoever holds it fetches; the others wait for it, or do without.
    fetching: Mutex<()>,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    failed: Option<Timestamp>,
    forced: Option<Timestamp>,
}

#[derive(Clone)]
struct Held {
    keys: Arc<RootKeys>,
    renew: Timestamp,
    stale: Timestamp,
}

/// There is no root key that could be used now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Google's root keys are out of reach")]
pub struct KeysUnavailable;

/// Why there is no cache.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyCacheError {
    /// Keys that came in clear would be worth nothing.
    #[error("the address of the root keys must be https; Google's is {GOOGLE_KEYS}")]
    Url,
    /// TLS can't be set up.
    #[error("no HTTPS client can be made: {0}")]
    Tls(#[from] Trouble),
}

#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error(transparent)]
    Trouble(#[from] Trouble),
    #[error("the answer is HTTP {0}")]
    Status(u16),
    #[error(transparent)]
    Keys(#[from] RootKeysError),
    #[error("all keys listed have ended")]
    Ended,
}

impl RootKeyCache {
    /// A cache, empty as yet.
    ///
    /// # Errors
    /// The address is no HTTPS address, or TLS can't be set up.
    pub fn new(url: &str, clock: Arc<dyn Clock>, timeout: Duration) -> Result<Self, KeyCacheError> {
        let url = trusted_url(url).ok_or(KeyCacheError::Url)?;
        let transport = Transport::new(timeout)?;
        Ok(Self { url, transport, clock, state: std::sync::Mutex::default(), fetching: Mutex::new(()) })
    }

    /// Keys that are good now.
    ///
    /// # Errors
    /// There are none, and none could be fetched.
    pub async fn current(self: &Arc<Self>) -> Result<Arc<RootKeys>, KeysUnavailable> {
        let now = self.clock.now();
        match self.held() {
            Some(held) if now < held.renew => Ok(held.keys),
            Some(held) if now < held.stale => {
                self.renew_behind();
                Ok(held.keys)
            }
            _ => {
                let _turn = self.fetching.lock().await;
                self.fetch_unless(|held| now < held.stale).await
            }
        }
    }

    /// After a bad signature: other keys than those that were used, if Google has any; `None` if not, or if it was asked just now.
    ///
    /// # Errors
    /// Google could not be asked, so nobody knows.
    pub async fn newer_than(&self, used: &Arc<RootKeys>) -> Result<Option<Arc<RootKeys>>, KeysUnavailable> {
        let _turn = self.fetching.lock().await;
        let now = self.clock.now();
        if self.may_be_forced(now, used) {
            let _ = self.fetch_unless(|_| false).await;
        }
        let state = self.state();
        match &state.held {
            Some(held) if !Arc::ptr_eq(&held.keys, used) => Ok(Some(Arc::clone(&held.keys))),
            _ if state.failed.is_some() => Err(KeysUnavailable),
            _ => Ok(None),
        }
    }

    /// Whether a bad signature may cause a fetch now; if so, the next one may not for a minute.
    fn may_be_forced(&self, now: Timestamp, used: &Arc<RootKeys>) -> bool {
        let mut state = self.state();
        let fetched_meanwhile = state.held.as_ref().is_some_and(|held| !Arc::ptr_eq(&held.keys, used));
        let soon = |at: Timestamp| (0..BETWEEN_FORCED_SECONDS * 1000).contains(&now.since(at));
        let may = !fetched_meanwhile && !state.forced.is_some_and(soon);
        if may {
            state.forced = Some(now);
        }
        may
    }

    /// Fetches in the background, unless somebody does already.
    fn renew_behind(self: &Arc<Self>) {
        let cache = Arc::clone(self);
        tokio::spawn(async move {
            let Ok(_turn) = cache.fetching.try_lock() else { return };
            let now = cache.clock.now();
            // What comes of it is in the cache and in the log.
            let _ = cache.fetch_unless(|held| now < held.renew).await;
        });
    }

    /// Fetches unless what is held will do or a fetch has just failed. Falls back on what is held while its keys are good.
    async fn fetch_unless(&self, will_do: impl Fn(&Held) -> bool) -> Result<Arc<RootKeys>, KeysUnavailable> {
        let now = self.clock.now();
        let (held, failed) = {
            let state = self.state();
            (state.held.clone(), state.failed)
        };
        if let Some(held) = held.as_ref().filter(|held| will_do(held)) {
            return Ok(Arc::clone(&held.keys));
        }
        let last_good = || held.filter(|held| held.keys.good_at(now).next().is_some()).map(|held| held.keys);
        if failed.is_some_and(|at| (0..AFTER_FAILURE_SECONDS * 1000).contains(&now.since(at))) {
            return last_good().ok_or(KeysUnavailable);
        }
        match self.fetch(now).await {
            Ok(fetched) => {
                metrics::counter!("walaa_google_root_keys_total", "outcome" => "fetched").increment(1);
                let keys = Arc::clone(&fetched.keys);
                let mut state = self.state();
                state.held = Some(fetched);
                state.failed = None;
                Ok(keys)
            }
            Err(error) => {
                metrics::counter!("walaa_google_root_keys_total", "outcome" => "failed").increment(1);
                tracing::warn!(%error, "Google's root keys for callbacks could not be fetched");
                self.state().failed = Some(now);
                last_good().ok_or(KeysUnavailable)
            }
        }
    }

    async fn fetch(&self, now: Timestamp) -> Result<Held, FetchError> {
        let request =
            Request { method: Method::GET, url: self.url.clone(), bearer: None, body: None, most_bytes: MAX_LIST_BYTES };
        let answer = self.transport.send(request).await?;
        if !answer.status.is_success() {
            return Err(FetchError::Status(answer.status.as_u16()));
        }
        let keys = RootKeys::parse(&answer.body)?;
        let end = keys.first_end_after(now).ok_or(FetchError::Ended)?;
        let life_ms = (fresh_seconds(&answer.headers) * 1000).min(end.since(now));
        Ok(Held { keys: Arc::new(keys), renew: now.plus_millis(life_ms / 2), stale: now.plus_millis(life_ms) })
    }

    fn held(&self) -> Option<Held> {
        self.state().held.clone()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// For how long an answer is fresh: its `max-age`, less its `Age`.
fn fresh_seconds(headers: &HeaderMap) -> i64 {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let max_age = text(CACHE_CONTROL).and_then(|directives| {
        let of = |directive: &str| directive.trim().to_ascii_lowercase().strip_prefix("max-age=")?.trim_matches('"').parse().ok();
        directives.split(',').find_map(of)
    });
    let age: i64 = text(AGE).and_then(|seconds| seconds.trim().parse().ok()).filter(|age| *age >= 0).unwrap_or(0);
    let life = max_age.map_or(UNSAID_LIFE_SECONDS, |max_age: i64| max_age.saturating_sub(age));
    life.clamp(SHORTEST_LIFE_SECONDS, LONGEST_LIFE_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_fresh_for_its_max_age_less_its_age() {
        let fresh = |cache_control: Option<&str>, age: Option<&str>| {
            let mut headers = HeaderMap::new();
            cache_control.map(|value| headers.insert(CACHE_CONTROL, value.parse().unwrap()));
            age.map(|value| headers.insert(AGE, value.parse().unwrap()));
            fresh_seconds(&headers)
        };
        assert_eq!(fresh(Some("public, max-age=7200"), None), 7200);
        assert_eq!(fresh(Some("Max-Age=7200, must-revalidate"), Some("1200")), 6000);
        assert_eq!(fresh(None, Some("1200")), UNSAID_LIFE_SECONDS);
        for now in ["no-store", "max-age=x"] {
            assert_eq!(fresh(Some(now), None), UNSAID_LIFE_SECONDS, "{now}");
        }
        assert_eq!(fresh(Some("max-age=0"), None), SHORTEST_LIFE_SECONDS);
        assert_eq!(fresh(Some("max-age=60"), Some("9000")), SHORTEST_LIFE_SECONDS);
        assert_eq!(fresh(Some("max-age=999999999"), None), LONGEST_LIFE_SECONDS);
    }
}
