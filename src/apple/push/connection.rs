//! One HTTP/2 connection to APNs: opening it, keeping it alive, one exchange on it. No retries, no pool.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use h2::{Ping, PingPong};
use http::header::RETRY_AFTER;
use openssl::ssl::SslConnector;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_openssl::SslStream;

/// APNs' answers are below 200 bytes; what is longer is cut.
const MAX_BODY_BYTES: usize = 4 * 1024;

/// Headers of an answer; APNs sends three.
const MAX_HEADER_BYTES: u32 = 16 * 1024;

/// Streams before APNs has said how many it allows. With token auth it allows one until the token was accepted.
const INITIAL_STREAMS: usize = 1;

/// Where a connection goes.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub host: String,
    pub port: u16,
}

/// How long a connection may be silent.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeepAlive {
    pub interval: Duration,
    pub timeout: Duration,
}

/// Why a connection failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectionError {
    #[error("can't connect: {0}")]
    Tcp(#[from] std::io::Error),
    #[error("the TLS handshake failed: {0}")]
    Handshake(#[from] openssl::ssl::Error),
    #[error("TLS can't be set up: {0}")]
    Tls(#[from] openssl::error::ErrorStack),
    #[error("the server does not speak HTTP/2")]
    NoHttp2,
    #[error("HTTP/2: {0}")]
    Http2(#[from] h2::Error),
    #[error("the request can't be written: {0}")]
    Request(#[from] http::Error),
    #[error("no connection within the time-out")]
    TimedOut,
}

/// An answer, whole and bounded.
#[derive(Debug)]
pub(super) struct RawAnswer {
    pub status: u16,
    pub retry_after: Option<String>,
    pub body: Vec<u8>,
}

/// An open connection. Dropping the last handle closes it once its exchanges are over.
pub(super) struct Connection {
    sender: SendRequest<Bytes>,
    life: Arc<Life>,
    in_flight: AtomicUsize,
    retired: AtomicBool,
    /// Whether APNs answered something, and with it said how many streams it allows.
    proven: AtomicBool,
}

/// What the driving task and the users of a connection share.
struct Life {
    closed: AtomicBool,
    last_heard: Mutex<Instant>,
}

impl Life {
    fn heard(&self) {
        *self.last_heard.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn silent_for(&self) -> Duration {
        self.last_heard.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }
}

impl Connection {
    /// Connects, proves who we are, checks who they are, and agrees on HTTP/2.
    pub(super) async fn open(target: &Target, tls: &SslConnector, keep_alive: KeepAlive) -> Result<Self, ConnectionError> {
        let tcp = TcpStream::connect((target.host.as_str(), target.port)).await?;
        tcp.set_nodelay(true)?;
        let ssl = tls.configure()?.into_ssl(&target.host)?;
        let mut stream = SslStream::new(ssl, tcp)?;
        Pin::new(&mut stream).connect().await?;
        if stream.ssl().selected_alpn_protocol() != Some(b"h2") {
            return Err(ConnectionError::NoHttp2);
        }
        let (sender, mut connection) = Builder::new()
            .enable_push(false)
            .initial_max_send_streams(INITIAL_STREAMS)
            .max_header_list_size(MAX_HEADER_BYTES)
            .handshake::<_, Bytes>(stream)
            .await?;
        let life = Arc::new(Life { closed: AtomicBool::new(false), last_heard: Mutex::new(Instant::now()) });
        let ping = connection.ping_pong();
        let shared = life.clone();
        tokio::spawn(async move {
            tokio::select! {
                ended = connection => match ended {
                    Ok(()) => tracing::debug!("the connection to APNs was closed"),
                    Err(error) => tracing::info!(%error, "the connection to APNs ended"),
                },
                () = watch(ping, &shared, keep_alive) => tracing::warn!("the connection to APNs does not answer; giving it up"),
            }
            shared.closed.store(true, Ordering::Release);
        });
        Ok(Self { sender, life, in_flight: AtomicUsize::new(0), retired: AtomicBool::new(false), proven: AtomicBool::new(false) })
    }

    /// Whether new pushes may use it.
    pub(super) fn usable(&self) -> bool {
        !self.life.closed.load(Ordering::Acquire) && !self.retired.load(Ordering::Acquire)
    }

    /// Takes it out of use; true for the first who says so. What is under way on it may finish.
    pub(super) fn retire(&self) -> bool {
        !self.retired.swap(true, Ordering::AcqRel)
    }

    /// Exchanges under way.
    pub(super) fn load(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Whether APNs would let another exchange begin at once. Before its first answer nobody knows: then queue here, since a
    /// second connection because of a guess would be the abuse that Apple warns of.
    pub(super) fn has_room(&self) -> bool {
        !self.proven.load(Ordering::Acquire) || self.load() < self.sender.current_max_send_streams()
    }

    /// One request and its answer.
    pub(super) async fn exchange(&self, head: http::Request<()>, body: Bytes) -> Result<RawAnswer, ConnectionError> {
        let _counted = InFlight::count(&self.in_flight);
        let mut sender = self.sender.clone().ready().await?;
        let (response, mut stream) = sender.send_request(head, false)?;
        stream.send_data(body, true)?;
        let (head, mut incoming) = response.await?.into_parts();
        self.life.heard();
        self.proven.store(true, Ordering::Release);
        let mut body = Vec::new();
        while let Some(chunk) = incoming.data().await {
            let chunk = chunk?;
            incoming.flow_control().release_capacity(chunk.len())?;
            body.extend_from_slice(&chunk[..chunk.len().min(MAX_BODY_BYTES - body.len())]);
            if body.len() >= MAX_BODY_BYTES {
                break;
            }
        }
        let retry_after = head.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Ok(RawAnswer { status: head.status.as_u16(), retry_after, body })
    }
}

/// Pings a silent connection; returns when it is dead.
async fn watch(ping: Option<PingPong>, life: &Life, keep_alive: KeepAlive) {
    let Some(mut ping) = ping else { return std::future::pending().await };
    loop {
        let silent = life.silent_for();
        if silent < keep_alive.interval {
            tokio::time::sleep(keep_alive.interval.saturating_sub(silent)).await;
            continue;
        }
        match tokio::time::timeout(keep_alive.timeout, ping.ping(Ping::opaque())).await {
            Ok(Ok(_)) => life.heard(),
            Ok(Err(_)) | Err(_) => return,
        }
    }
}

/// Counts an exchange for as long as it lives, however it ends.
struct InFlight<'a>(&'a AtomicUsize);

impl<'a> InFlight<'a> {
    fn count(counter: &'a AtomicUsize) -> Self {
        counter.fetch_add(1, Ordering::Relaxed);
        Self(counter)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
