//! The APNs client of one pass type: a connection (two under load) kept open for hours, and `push`.
//!
//! Apple treats a connection per push as abuse, so connections are shared, pinged when silent, and replaced only when they
//! end or misbehave; after repeated failures not before a growing, jittered wait.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Uri, Version};
use openssl::ssl::{SslConnector, SslMethod, SslVersion};
use openssl::x509::store::X509StoreBuilder;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::connection::{Connection, ConnectionError, KeepAlive, RawAnswer, Target};
use super::reasons::{self, Answer};
use super::{ApnsConfig, ApnsError, Auth, Priority, PushOutcome, PushRequest, PushToken, PushType, RetryReason, Trust};
use crate::clock::Clock;
use crate::ids::Ids;

/// A pass push carries no data, but an empty body is refused.
const PAYLOAD: &[u8] = b"{}";

/// "A couple of connections per certificate is plenty."
const MAX_CONNECTIONS: usize = 2;

/// A push that finds its connection gone tries once more on a new one; the rest is the outbox's.
const MAX_ATTEMPTS: usize = 2;

/// The longest wait between attempts to connect.
const MAX_BACK_OFF: Duration = Duration::from_secs(60);

/// The wait after the second failure in a row; it doubles from there.
const FIRST_BACK_OFF: Duration = Duration::from_secs(1);

/// Pushes for one pass type. Cheap to share behind an `Arc`; dropping it closes its connections. After a certificate was
/// replaced, make another client: a connection lives on with the credential it was opened with.
pub struct ApnsClient {
    config: ApnsConfig,
    origin: String,
    target: Target,
    tls: SslConnector,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    turns: Semaphore,
    slots: [Slot; MAX_CONNECTIONS],
}

/// A place for a connection.
#[derive(Default)]
struct Slot {
    /// Held while connecting, so that everybody waits for one attempt.
    live: tokio::sync::Mutex<Option<Arc<Connection>>>,
    health: Mutex<Health>,
}

/// Failures in a row, and when the next attempt is due.
#[derive(Default)]
struct Health {
    failures: u32,
    not_before: Option<Instant>,
}

/// How one attempt ended.
enum Attempt {
    Done(PushOutcome),
    TryAgain(PushOutcome),
}

impl ApnsClient {
    /// A client for one pass type. Connects at the first push.
    ///
    /// # Errors
    /// [`ApnsError`] if the URL, the credential or the settings can't be used.
    pub fn new(config: ApnsConfig, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Result<Self, ApnsError> {
        if config.push_type == PushType::Background && config.priority == Priority::Immediate {
            return Err(ApnsError::Config("APNs refuses background pushes of priority 10"));
        }
        let (origin, target) = parse_base_url(&config.base_url)?;
        let tls = connector(&config)?;
        let turns = Semaphore::new(config.max_in_flight.max(1));
        Ok(Self { config, origin, target, tls, clock, ids, turns, slots: Default::default() })
    }

    /// The pass type id that this client pushes for.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.config.topic
    }

    /// Pushes once, and says what is to be done about the outcome. Never takes longer than the request time-out.
    pub async fn push(&self, request: &PushRequest) -> PushOutcome {
        let deadline = Instant::now() + self.config.request_timeout;
        let outcome = match timeout_at(deadline, self.turns.acquire()).await {
            Ok(Ok(_turn)) => self.push_until(request, deadline).await,
            Ok(Err(_)) | Err(_) => PushOutcome::Retry { after: None, reason: RetryReason::TimedOut },
        };
        metrics::counter!("walaa_apns_pushes_total", "outcome" => outcome.label()).increment(1);
        tracing::debug!(token = request.token.masked(), outcome = outcome.label(), "pushed to APNs");
        outcome
    }

    async fn push_until(&self, request: &PushRequest, deadline: Instant) -> PushOutcome {
        let mut bearer = match &self.config.auth {
            Auth::Certificate { .. } => None,
            Auth::Token(tokens) => match tokens.current() {
                Ok(bearer) => Some(bearer),
                Err(error) => return no_connection(&error),
            },
        };
        let mut last = PushOutcome::RefreshToken;
        for _ in 0..MAX_ATTEMPTS {
            last = match self.attempt(request, bearer.as_deref(), deadline).await {
                Attempt::Done(outcome) => return outcome,
                Attempt::TryAgain(outcome) => outcome,
            };
            if last == PushOutcome::RefreshToken {
                match self.renewed(bearer.as_deref()) {
                    Ok(Some(renewed)) => bearer = Some(renewed),
                    Ok(None) => return last,
                    Err(error) => return no_connection(&error),
                }
            }
        }
        last
    }

    /// Another provider token in place of a refused one, where there may be one.
    fn renewed(&self, refused: Option<&str>) -> Result<Option<Arc<str>>, ApnsError> {
        match (&self.config.auth, refused) {
            (Auth::Token(tokens), Some(refused)) => tokens.after_refusal(refused),
            _ => Ok(None),
        }
    }

    async fn attempt(&self, request: &PushRequest, bearer: Option<&str>, deadline: Instant) -> Attempt {
        let (slot, connection) = match timeout_at(deadline, self.connection()).await {
            Ok(Ok(found)) => found,
            Ok(Err(outcome)) => return Attempt::Done(outcome),
            Err(_) => return Attempt::Done(PushOutcome::Retry { after: None, reason: RetryReason::TimedOut }),
        };
        let head = match self.head(request, bearer) {
            Ok(head) => head,
            Err(error) => return Attempt::Done(no_connection(&error)),
        };
        match timeout_at(deadline, connection.exchange(head, Bytes::from_static(PAYLOAD))).await {
            Ok(Ok(answer)) => self.judge(slot, &connection, &answer),
            Ok(Err(error)) => {
                tracing::info!(%error, "an exchange with APNs broke off");
                self.give_up(slot, &connection);
                Attempt::TryAgain(no_connection(&error))
            }
            Err(_) => {
                self.give_up(slot, &connection);
                Attempt::Done(PushOutcome::Retry { after: None, reason: RetryReason::TimedOut })
            }
        }
    }

    fn judge(&self, slot: &Slot, connection: &Connection, answer: &RawAnswer) -> Attempt {
        let retry_after = answer.retry_after.as_deref();
        let outcome = reasons::outcome(Answer { status: answer.status, body: &answer.body, retry_after });
        match outcome {
            PushOutcome::Retry { .. } => {
                self.give_up(slot, connection);
                Attempt::Done(outcome)
            }
            PushOutcome::RefreshToken => Attempt::TryAgain(outcome),
            _ => {
                slot.health().failures = 0;
                Attempt::Done(outcome)
            }
        }
    }

    /// A connection with room, opened if need be.
    async fn connection(&self) -> Result<(&Slot, Arc<Connection>), PushOutcome> {
        let mut least_loaded: Option<(&Slot, Arc<Connection>)> = None;
        for slot in &self.slots {
            let connection = match self.live(slot).await {
                Ok(connection) => connection,
                Err(outcome) => return least_loaded.ok_or(outcome),
            };
            if connection.has_room() {
                return Ok((slot, connection));
            }
            if least_loaded.as_ref().is_none_or(|(_, least)| connection.load() < least.load()) {
                least_loaded = Some((slot, connection));
            }
        }
        least_loaded.ok_or(PushOutcome::Retry { after: None, reason: RetryReason::BackingOff })
    }

    async fn live(&self, slot: &Slot) -> Result<Arc<Connection>, PushOutcome> {
        let mut live = slot.live.lock().await;
        if let Some(connection) = live.as_ref().filter(|connection| connection.usable()) {
            return Ok(connection.clone());
        }
        *live = None;
        if let Some(wait) = slot.health().wait(Instant::now()) {
            return Err(PushOutcome::Retry { after: Some(wait), reason: RetryReason::BackingOff });
        }
        let keep_alive = KeepAlive { interval: self.config.ping_interval, timeout: self.config.ping_timeout };
        let opening = Connection::open(&self.target, &self.tls, keep_alive);
        let opened = tokio::time::timeout(self.config.connect_timeout, opening).await;
        match opened.unwrap_or(Err(ConnectionError::TimedOut)) {
            Ok(connection) => {
                metrics::counter!("walaa_apns_connections_total").increment(1);
                tracing::info!(topic = self.config.topic, host = self.target.host, "connected to APNs");
                let connection = Arc::new(connection);
                *live = Some(connection.clone());
                Ok(connection)
            }
            Err(error) => {
                slot.health().failed(Instant::now(), self.chance());
                tracing::warn!(topic = self.config.topic, host = self.target.host, %error, "can't connect to APNs");
                Err(no_connection(&error))
            }
        }
    }

    /// Takes a connection out of use; whoever says it first counts the failure.
    fn give_up(&self, slot: &Slot, connection: &Connection) {
        if connection.retire() {
            slot.health().failed(Instant::now(), self.chance());
        }
    }

    /// A number from 0 to 1, for jitter.
    fn chance(&self) -> f64 {
        let [first, second, ..] = self.ids.random();
        f64::from(u16::from_be_bytes([first, second])) / f64::from(u16::MAX)
    }

    fn head(&self, request: &PushRequest, bearer: Option<&str>) -> Result<http::Request<()>, http::Error> {
        let lifetime_seconds = i64::try_from(self.config.lifetime.as_secs()).unwrap_or(i64::MAX);
        let expires = self.clock.now().plus_seconds(lifetime_seconds).seconds();
        let mut head = http::Request::builder()
            .method(Method::POST)
            .version(Version::HTTP_2)
            .uri(path(&self.origin, &request.token))
            .header("apns-topic", &self.config.topic)
            .header("apns-id", uuid(request.id))
            .header("apns-expiration", expires)
            .header("apns-priority", priority(self.config.priority));
        match self.config.push_type {
            PushType::Background => head = head.header("apns-push-type", "background"),
            PushType::Alert => head = head.header("apns-push-type", "alert"),
            PushType::Unstated => {}
        }
        if let Some(bearer) = bearer {
            let mut value = HeaderValue::from_str(bearer)?;
            value.set_sensitive(true);
            head = head.header("authorization", value);
        }
        head.body(())
    }
}

impl Slot {
    fn health(&self) -> std::sync::MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Health {
    /// Counts a failure. The first one costs nothing: APNs closes connections for its own good reasons. `chance` is 0 to 1.
    fn failed(&mut self, now: Instant, chance: f64) {
        self.failures = self.failures.saturating_add(1);
        self.not_before = self.failures.checked_sub(2).map(|doublings| {
            let ceiling = FIRST_BACK_OFF.saturating_mul(2_u32.saturating_pow(doublings)).min(MAX_BACK_OFF);
            now + ceiling.mul_f64(f64::midpoint(chance, 1.0))
        });
    }

    /// How long until an attempt to connect is due.
    fn wait(&self, now: Instant) -> Option<Duration> {
        self.not_before.map(|due| due.saturating_duration_since(now)).filter(|wait| !wait.is_zero())
    }
}

fn no_connection(error: &dyn std::error::Error) -> PushOutcome {
    PushOutcome::Retry { after: None, reason: RetryReason::Connection(error.to_string()) }
}

/// The origin that requests name and the address that connections go to.
fn parse_base_url(base_url: &str) -> Result<(String, Target), ApnsError> {
    let refused = || ApnsError::BaseUrl(base_url.to_owned());
    let uri: Uri = base_url.parse().map_err(|_| refused())?;
    let authority = uri.authority().ok_or_else(refused)?;
    let bare = matches!(uri.path(), "" | "/") && uri.query().is_none() && !authority.as_str().contains('@');
    if uri.scheme_str() != Some("https") || !bare {
        return Err(refused());
    }
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
    Ok((format!("https://{authority}"), Target { host, port: authority.port_u16().unwrap_or(443) }))
}

fn connector(config: &ApnsConfig) -> Result<SslConnector, ApnsError> {
    let mut tls = SslConnector::builder(SslMethod::tls_client())?;
    tls.set_min_proto_version(Some(SslVersion::TLS1_2))?;
    tls.set_alpn_protos(b"\x02h2")?;
    if let Trust::Roots(roots) = &config.trust {
        let mut store = X509StoreBuilder::new()?;
        for root in roots {
            store.add_cert(root.clone())?;
        }
        tls.set_cert_store(store.build());
    }
    if let Auth::Certificate { certificate, chain, key } = &config.auth {
        tls.set_certificate(certificate)?;
        tls.set_private_key(key)?;
        for between in chain {
            tls.add_extra_chain_cert(between.clone())?;
        }
        tls.check_private_key()?;
    }
    Ok(tls.build())
}

fn path(origin: &str, token: &PushToken) -> String {
    format!("{origin}/3/device/{}", token.as_str())
}

const fn priority(priority: Priority) -> u16 {
    match priority {
        Priority::Low => 1,
        Priority::Considerate => 5,
        Priority::Immediate => 10,
    }
}

/// Sixteen bytes in the form that APNs wants ids to have.
fn uuid(bytes: [u8; 16]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls_are_an_origin_and_nothing_else() {
        let (origin, target) = parse_base_url("https://api.push.apple.com:443").unwrap();
        assert_eq!(
            (origin.as_str(), target.host.as_str(), target.port),
            ("https://api.push.apple.com:443", "api.push.apple.com", 443)
        );
        assert_eq!(parse_base_url("https://example.org/").unwrap().1.port, 443);
        assert_eq!(parse_base_url("https://[::1]:2197").unwrap().1.host, "::1");
        for bad in ["http://example.org", "https://example.org/3", "https://example.org?x", "https://a@b", "example.org", ""] {
            assert!(parse_base_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_id_is_written_as_a_uuid() {
        assert_eq!(
            uuid(*b"\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef"),
            "01234567-89ab-cdef-0123-456789abcdef"
        );
    }

    #[test]
    fn the_first_failure_is_free_and_later_ones_wait_longer_up_to_a_minute() {
        let mut health = Health::default();
        let now = Instant::now();
        health.failed(now, 1.0);
        assert_eq!(health.wait(now), None);
        let waits: Vec<u64> = (0..10)
            .map(|_| {
                health.failed(now, 1.0);
                health.wait(now).unwrap().as_secs()
            })
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]);
        health.failed(now, 0.0);
        assert_eq!(health.wait(now), Some(Duration::from_secs(30)), "jitter takes half at most");
        assert_eq!(health.wait(now + Duration::from_secs(31)), None);
    }
}
