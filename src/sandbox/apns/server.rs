//! The wire of the stand-in: TLS with client certificates, HTTP/2, one task a connection and one a stream.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use h2::server::{Builder, Connection, SendResponse};
use h2::{Reason, RecvStream};
use http::{Request, Response};
use openssl::nid::Nid;
use openssl::ssl::{AlpnError, SslAcceptor, SslMethod, SslVerifyMode, SslVersion, select_next_proto};
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::{X509, X509PurposeId};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_openssl::SslStream;

use super::rules::{self, MAX_PAYLOAD_BYTES, Refusal};
use super::{ApnsOptions, FaultAction, RecordedPush, Shared};

/// Connections at once; a gateway opens one or two per pass type.
const MAX_CONNECTIONS: usize = 256;

/// TLS and HTTP/2 handshakes must be over by then.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// A client must have sent its payload by then.
const PAYLOAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How a fault ends a connection.
enum Farewell {
    GoAway,
    Disconnect,
}

/// What a fault makes of a push.
enum Fate {
    /// It goes its usual way.
    Spared,
    /// It is answered as ordered.
    Forced { refusal: Refusal, retry_after: Option<u32> },
    /// It gets no answer.
    Silenced,
}

/// TLS as APNs does it: HTTP/2 only, and a client certificate that leads to one of the given roots.
pub(super) fn acceptor(options: &ApnsOptions) -> io::Result<SslAcceptor> {
    let mut tls = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
    tls.set_min_proto_version(Some(SslVersion::TLS1_2))?;
    tls.set_certificate(&options.certificate)?;
    tls.set_private_key(&options.key)?;
    for between in &options.chain {
        tls.add_extra_chain_cert(between.clone())?;
    }
    let mut store = X509StoreBuilder::new()?;
    for authority in &options.client_authorities {
        store.add_cert(authority.clone())?;
    }
    tls.set_verify_cert_store(store.build())?;
    // Apple's pass certificates carry Apple's own key usage and not the one for TLS clients.
    tls.verify_param_mut().set_purpose(X509PurposeId::ANY)?;
    let must = if options.provider_keys.is_empty() { SslVerifyMode::FAIL_IF_NO_PEER_CERT } else { SslVerifyMode::NONE };
    tls.set_verify(SslVerifyMode::PEER | must);
    // Sessions would let a client come back without showing its certificate again.
    tls.set_session_cache_mode(openssl::ssl::SslSessionCacheMode::OFF);
    tls.set_alpn_select_callback(|_, offered| select_next_proto(b"\x02h2", offered).ok_or(AlpnError::ALERT_FATAL));
    Ok(tls.build())
}

/// Accepts until told to stop.
pub(super) async fn serve(listener: TcpListener, acceptor: SslAcceptor, shared: Arc<Shared>) {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut stop = shared.stop.subscribe();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let Ok((tcp, _)) = accepted else { continue };
        let Ok(place) = room.clone().try_acquire_owned() else { continue };
        let (acceptor, shared) = (acceptor.clone(), shared.clone());
        tokio::spawn(async move {
            let mut stop = shared.stop.subscribe();
            tokio::select! {
                result = converse(tcp, &acceptor, shared) => if let Err(error) = result {
                    tracing::debug!(%error, "a connection to the sandbox APNs ended");
                },
                _ = stop.wait_for(|stop| *stop) => {}
            }
            drop(place);
        });
    }
}

/// One connection from handshake to end.
async fn converse(tcp: TcpStream, acceptor: &SslAcceptor, shared: Arc<Shared>) -> io::Result<()> {
    let (mut connection, certificate) =
        tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake(tcp, acceptor, shared.max_streams)).await??;
    let number = shared.connections.fetch_add(1, Ordering::Relaxed) + 1;
    let topic: Option<Arc<str>> = certificate.as_ref().and_then(user_id).map(Into::into);
    let (ends, mut end) = mpsc::channel(1);
    let mut farewell = shared.farewell.subscribe();
    farewell.mark_unchanged();
    loop {
        tokio::select! {
            accepted = connection.accept() => {
                let Some(accepted) = accepted else { return Ok(()) };
                let (request, respond) = accepted.map_err(io::Error::other)?;
                let visit = Visit { shared: shared.clone(), topic: topic.clone(), number, ends: ends.clone() };
                tokio::spawn(visit.answer(request, respond));
            }
            Ok(()) = farewell.changed() => connection.graceful_shutdown(),
            Some(how) = end.recv() => match how {
                Farewell::GoAway => connection.graceful_shutdown(),
                Farewell::Disconnect => return Ok(()),
            },
        }
    }
}

type Stream = SslStream<TcpStream>;

async fn handshake(
    tcp: TcpStream,
    acceptor: &SslAcceptor,
    max_streams: u32,
) -> io::Result<(Connection<Stream, Bytes>, Option<X509>)> {
    tcp.set_nodelay(true)?;
    let ssl = openssl::ssl::Ssl::new(acceptor.context())?;
    let mut stream = SslStream::new(ssl, tcp)?;
    Pin::new(&mut stream).accept().await.map_err(io::Error::other)?;
    let certificate = stream.ssl().peer_certificate();
    let connection = Builder::new().max_concurrent_streams(max_streams).handshake(stream).await.map_err(io::Error::other)?;
    Ok((connection, certificate))
}

/// The pass type id in a pass certificate's subject.
fn user_id(certificate: &X509) -> Option<String> {
    let entry = certificate.subject_name().entries_by_nid(Nid::USERID).next()?;
    entry.data().to_string().ok()
}

/// One stream.
struct Visit {
    shared: Arc<Shared>,
    topic: Option<Arc<str>>,
    number: usize,
    ends: mpsc::Sender<Farewell>,
}

impl Visit {
    async fn answer(self, request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
        let (head, body) = request.into_parts();
        let apns_id = rules::text(&head.headers, "apns-id").map_or_else(new_id, str::to_owned);
        let checked = match read(body).await {
            Ok(payload) => rules::check_head(&head, self.topic.as_deref(), &self.shared)
                .and_then(|found| rules::check_payload(&payload).map(|()| found)),
            Err(error) => return tracing::debug!(%error, "a push broke off"),
        };
        let (token, topic) = match checked {
            Ok(found) => found,
            Err(refusal) => {
                let token = head.uri.path().rsplit('/').next().unwrap_or_default().to_owned();
                let topic = rules::text(&head.headers, "apns-topic").unwrap_or_default().to_owned();
                self.record(&head, (&token, &topic, &apns_id), Some(&refusal));
                return send(&mut respond, &apns_id, Some(&refusal), None);
            }
        };
        let (forced, retry_after) = match self.suffer(&token, &mut respond).await {
            Fate::Spared => (None, None),
            Fate::Forced { refusal, retry_after } => (Some(refusal), retry_after),
            Fate::Silenced => return,
        };
        let refusal = forced.or_else(|| rules::check_token(&token, &self.shared.state(), self.shared.unknown_tokens).err());
        self.record(&head, (&token, &topic, &apns_id), refusal.as_ref());
        send(&mut respond, &apns_id, refusal.as_ref(), retry_after);
    }

    /// Lets the next fault for a token happen.
    async fn suffer(&self, token: &str, respond: &mut SendResponse<Bytes>) -> Fate {
        let Some((delay, action)) = self.shared.take_fault(token) else { return Fate::Spared };
        tokio::time::sleep(delay).await;
        match action {
            FaultAction::Nothing => Fate::Spared,
            FaultAction::Answer { status, reason, retry_after } => {
                let timestamp = (status == 410).then(|| self.shared.clock.now());
                Fate::Forced { refusal: Refusal { status, reason, timestamp }, retry_after }
            }
            FaultAction::Hang => {
                // Until the client gives up or the connection ends.
                let _ = std::future::poll_fn(|context| respond.poll_reset(context)).await;
                Fate::Silenced
            }
            FaultAction::GoAway => {
                respond.send_reset(Reason::REFUSED_STREAM);
                let _ = self.ends.send(Farewell::GoAway).await;
                Fate::Silenced
            }
            FaultAction::Disconnect => {
                let _ = self.ends.send(Farewell::Disconnect).await;
                Fate::Silenced
            }
        }
    }

    fn record(&self, head: &http::request::Parts, (token, topic, apns_id): (&str, &str, &str), refusal: Option<&Refusal>) {
        let header = |name| rules::text(&head.headers, name).map(str::to_owned);
        self.shared.record(RecordedPush {
            at: self.shared.clock.now(),
            token: token.to_owned(),
            topic: topic.to_owned(),
            apns_id: apns_id.to_owned(),
            push_type: header("apns-push-type"),
            priority: header("apns-priority"),
            expiration: header("apns-expiration"),
            status: refusal.map_or(200, |refusal| refusal.status),
            reason: refusal.map(|refusal| refusal.reason.clone()),
            connection: self.number,
        });
    }
}

/// Reads a payload up to one byte more than is allowed.
async fn read(mut body: RecvStream) -> io::Result<Vec<u8>> {
    let read = async {
        let mut payload = Vec::new();
        while let Some(chunk) = body.data().await {
            let chunk = chunk.map_err(io::Error::other)?;
            body.flow_control().release_capacity(chunk.len()).map_err(io::Error::other)?;
            payload.extend_from_slice(&chunk[..chunk.len().min(MAX_PAYLOAD_BYTES + 1 - payload.len())]);
            if payload.len() > MAX_PAYLOAD_BYTES {
                break;
            }
        }
        Ok(payload)
    };
    tokio::time::timeout(PAYLOAD_TIMEOUT, read).await?
}

fn send(respond: &mut SendResponse<Bytes>, apns_id: &str, refusal: Option<&Refusal>, retry_after: Option<u32>) {
    let mut head = Response::builder().status(refusal.map_or(200, |refusal| refusal.status)).header("apns-id", apns_id);
    if let Some(seconds) = retry_after {
        head = head.header("retry-after", seconds);
    }
    let body = refusal.map(|refusal| match refusal.timestamp {
        Some(timestamp) => json!({"reason": refusal.reason, "timestamp": timestamp.millis()}),
        None => json!({"reason": refusal.reason}),
    });
    let Ok(head) = head.body(()) else { return respond.send_reset(Reason::INTERNAL_ERROR) };
    // A client that hung up meanwhile hears nothing; there is nobody to tell.
    if let Ok(mut stream) = respond.send_response(head, body.is_none())
        && let Some(body) = body
    {
        let _ = stream.send_data(Bytes::from(body.to_string()), true);
    }
}

/// An id for a push that came without one.
fn new_id() -> String {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).expect("the operating system's random source never fails after start");
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}
