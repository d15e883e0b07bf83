//! A stand-in for APNs: an HTTP/2 server that wants TLS client certificates, is as strict as Apple, and fails on demand.
//!
//! Owns the state (known tokens, faults, what was pushed) and the Rust methods to steer it. The wire is `server`, the checks
//! are `rules`. The gateway never knows that it talks to this.

mod rules;
mod server;

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use openssl::pkey::{PKey, Private};
use openssl::x509::X509;
use serde::{Deserialize, Serialize};
use tokio::sync::{broadcast, watch};

use crate::clock::{Clock, Timestamp};

/// Pushes that are remembered; older ones are forgotten.
const MAX_RECORDED: usize = 1_000;

/// Faults that may wait at once.
const MAX_FAULTS: usize = 100;

/// Tokens that are known at once; a demo has a handful.
const MAX_TOKENS: usize = 100_000;

/// Pushes that a slow phone may lag behind before it misses some, as APNs itself allows.
const PHONE_QUEUE: usize = 256;

/// How the stand-in is set up.
pub struct ApnsOptions {
    /// Where to listen; port 0 picks a free one.
    pub listen: SocketAddr,
    /// The server's certificate, and what stands between it and its root.
    pub certificate: X509,
    /// See `certificate`.
    pub chain: Vec<X509>,
    /// The server certificate's key.
    pub key: PKey<Private>,
    /// The roots that pass certificates must lead to, and intermediates that clients may leave out.
    pub client_authorities: Vec<X509>,
    /// Teams' keys for token auth. While there are none, a client certificate is a must.
    pub provider_keys: Vec<ProviderKey>,
    /// What to do about tokens that no phone registered here.
    pub unknown_tokens: UnknownTokens,
    /// How many streams a connection may have open; Apple says 1,000.
    pub max_streams: u32,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

/// A team's APNs key, as Apple keeps it.
#[derive(Debug, Clone)]
pub struct ProviderKey {
    /// The key's id (`kid`).
    pub key_id: String,
    /// The team (`iss`).
    pub team_id: String,
    /// The public half, PEM.
    pub public_pem: Vec<u8>,
}

/// What to do about well-formed tokens that no phone registered here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownTokens {
    /// `BadDeviceToken`, as Apple does.
    Refuse,
    /// Take them as those of phones elsewhere, so that whoever plays a phone with curl is not unregistered.
    Accept,
}

/// A push as it was taken or refused.
#[derive(Debug, Clone, Serialize)]
pub struct RecordedPush {
    /// When.
    pub at: Timestamp,
    /// To which phone.
    pub token: String,
    /// For which pass type.
    pub topic: String,
    /// The sender's `apns-id`, or the one that was made for it.
    pub apns_id: String,
    /// `apns-push-type`, if stated.
    pub push_type: Option<String>,
    /// `apns-priority`, if stated.
    pub priority: Option<String>,
    /// `apns-expiration`, if stated.
    pub expiration: Option<String>,
    /// The answer's status.
    pub status: u16,
    /// The answer's reason, unless it was 200.
    pub reason: Option<String>,
    /// Which connection it came on, counted from 1.
    pub connection: usize,
}

/// What a phone hears of a push: nothing but the topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// To which phone.
    pub token: String,
    /// For which pass type.
    pub topic: String,
}

/// Something to go wrong on purpose.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Only for this token; for all if absent.
    #[serde(default)]
    pub token: Option<String>,
    /// For how many pushes.
    #[serde(default = "once")]
    pub times: u32,
    /// Wait so long before doing it.
    #[serde(default)]
    pub delay_ms: u64,
    /// What to do.
    pub action: FaultAction,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultAction {
    /// Answer this instead of doing the work.
    Answer {
        /// The status.
        status: u16,
        /// The reason in the body.
        reason: String,
        /// `Retry-After`, in seconds.
        #[serde(default)]
        retry_after: Option<u32>,
    },
    /// Never answer.
    Hang,
    /// Say GOAWAY, and take no more pushes on this connection.
    GoAway,
    /// Drop the connection without a word.
    Disconnect,
    /// Answer as usual (useful with a delay).
    Nothing,
}

const fn once() -> u32 {
    1
}

/// A running stand-in. Cheap to clone; it stops when [`Apns::stop`] is called.
#[derive(Clone)]
pub struct Apns {
    shared: Arc<Shared>,
    address: SocketAddr,
}

struct Shared {
    clock: Arc<dyn Clock>,
    unknown_tokens: UnknownTokens,
    provider_keys: Vec<ProviderKey>,
    max_streams: u32,
    state: Mutex<State>,
    phones: broadcast::Sender<Push>,
    connections: AtomicUsize,
    /// Counts calls to [`Apns::go_away`]; connections watch it.
    farewell: watch::Sender<u64>,
    stop: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    tokens: HashMap<String, TokenState>,
    faults: VecDeque<Fault>,
    pushes: VecDeque<RecordedPush>,
    /// When each team last showed a new provider token: (kid, iat).
    provider_tokens: HashMap<String, i64>,
}

#[derive(Clone, Copy)]
enum TokenState {
    Known,
    Gone { since: Timestamp },
}

impl Apns {
    /// Binds and serves in the background.
    ///
    /// # Errors
    /// What the system or OpenSSL says of the address or the certificates.
    pub async fn start(options: ApnsOptions) -> std::io::Result<Self> {
        let acceptor = server::acceptor(&options)?;
        let listener = tokio::net::TcpListener::bind(options.listen).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            clock: options.clock,
            unknown_tokens: options.unknown_tokens,
            provider_keys: options.provider_keys,
            max_streams: options.max_streams,
            state: Mutex::default(),
            phones: broadcast::channel(PHONE_QUEUE).0,
            connections: AtomicUsize::new(0),
            farewell: watch::channel(0).0,
            stop: watch::channel(false).0,
        });
        tokio::spawn(server::serve(listener, acceptor, shared.clone()));
        Ok(Self { shared, address })
    }

    /// The port that it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// What to configure as the gateway's APNs base URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.port())
    }

    /// A phone asks to be reachable under a token.
    pub fn register_token(&self, token: &str) {
        let mut state = self.shared.state();
        if state.tokens.len() < MAX_TOKENS {
            state.tokens.insert(token.to_owned(), TokenState::Known);
        }
    }

    /// A phone is gone (wiped, lost): pushes to its token are answered 410 from now on.
    pub fn forget_token(&self, token: &str) {
        let since = self.shared.clock.now();
        if let Some(known) = self.shared.state().tokens.get_mut(token) {
            *known = TokenState::Gone { since };
        }
    }

    /// Hears of every push that is delivered.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Push> {
        self.shared.phones.subscribe()
    }

    /// What was pushed lately, oldest first, refused ones included.
    #[must_use]
    pub fn pushes(&self) -> Vec<RecordedPush> {
        self.shared.state().pushes.iter().cloned().collect()
    }

    /// Makes something go wrong. False if too many faults wait already.
    pub fn inject(&self, fault: Fault) -> bool {
        let mut state = self.shared.state();
        let room = state.faults.len() < MAX_FAULTS;
        if room && fault.times > 0 {
            state.faults.push_back(fault);
        }
        room
    }

    /// Faults that still wait.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        self.shared.state().faults.iter().cloned().collect()
    }

    /// Forgets all faults that still wait.
    pub fn clear_faults(&self) {
        self.shared.state().faults.clear();
    }

    /// Says GOAWAY on every open connection, as Apple does before maintenance.
    pub fn go_away(&self) {
        self.shared.farewell.send_modify(|count| *count += 1);
    }

    /// How many connections passed the TLS handshake since the start.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Stops listening and drops every connection.
    pub fn stop(&self) {
        self.shared.stop.send_replace(true);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next fault for a token, used up by one.
    fn take_fault(&self, token: &str) -> Option<(Duration, FaultAction)> {
        let mut state = self.state();
        let place = state.faults.iter().position(|fault| fault.token.as_deref().is_none_or(|only| only == token))?;
        let fault = &mut state.faults[place];
        let due = (Duration::from_millis(fault.delay_ms), fault.action.clone());
        fault.times -= 1;
        if fault.times == 0 {
            state.faults.remove(place);
        }
        Some(due)
    }

    fn record(&self, push: RecordedPush) {
        if push.status == 200 {
            // Nobody listening is as good as a phone that is off.
            let _ = self.phones.send(Push { token: push.token.clone(), topic: push.topic.clone() });
        }
        let mut state = self.state();
        if state.pushes.len() == MAX_RECORDED {
            state.pushes.pop_front();
        }
        state.pushes.push_back(push);
    }
}
