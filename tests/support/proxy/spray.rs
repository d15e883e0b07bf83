//! A load balancer that sends each request to any of its nodes, whatever the connection it came on; in bad weather it also does to
//! requests what networks do. In calm weather bytes pass as they come, both ways at once, so that it suits streams, slow bodies and
//! early refusals; what it can't read is left to a node.

use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::Running;
use super::fate::{Chances, Fate, Fates};
use super::framing::{Answer, Body, Head, MAX_HEAD_BYTES};

/// Bytes that are read at once.
const CHUNK_BYTES: usize = 16 * 1024;

/// Bytes of the longest request that is held in bad weather.
const MAX_REQUEST_BYTES: usize = 1024 * 1024;

/// Bytes that a client may send ahead of its answer.
const MAX_AHEAD_BYTES: usize = 64 * 1024;

/// How long a slow request takes at most, in milliseconds.
const DELAY_MS: u64 = 400;

/// How long after its client is gone a late request arrives at most, in milliseconds.
const LATE_MS: u64 = 4_000;

/// How long a request that is held back waits for others at most.
const HOLD: Duration = Duration::from_millis(500);

/// How long a client is listened to that still sends when it was answered already.
const LINGER: Duration = Duration::from_secs(1);

/// What is said when no node takes connections.
const NOBODY: &[u8] = b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// A load balancer.
pub struct Spray {
    port: u16,
    shared: Arc<Shared>,
    _running: Running,
}

struct Shared {
    nodes: Mutex<Vec<u16>>,
    fates: Fates,
    /// Requests that came so far.
    passed: watch::Sender<u64>,
}

impl Spray {
    /// One in front of nodes, in calm weather.
    pub fn over(nodes: &[u16], seed: u64) -> Self {
        let shared = Shared { nodes: Mutex::new(nodes.to_vec()), fates: Fates::seeded(seed), passed: watch::Sender::default() };
        let shared = Arc::new(shared);
        let (port, running) = Running::start({
            let shared = Arc::clone(&shared);
            move |listener| accept(listener, shared)
        });
        Self { port, shared, _running: running }
    }

    /// Where clients connect.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Changes who the nodes are.
    pub fn set_nodes(&self, nodes: &[u16]) {
        *self.shared.nodes.lock().expect("nobody panics with it") = nodes.to_vec();
    }

    /// Changes the weather.
    pub fn weather(&self, chances: Chances) {
        self.shared.fates.set(chances);
    }

    /// How often each kind of thing befell a request.
    pub fn counts(&self) -> Vec<(&'static str, u64)> {
        self.shared.fates.counts()
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let _best_effort = client.set_nodelay(true);
            // Whoever is not there any more needs no answer.
            let _ended = serve(client, &shared).await;
        });
    }
}

/// What becomes of a client's connection after a request.
#[derive(PartialEq, Eq)]
enum Next {
    Request,
    Close,
}

/// One client's connection.
async fn serve(mut client: TcpStream, shared: &Arc<Shared>) -> io::Result<()> {
    let mut ahead = Vec::new();
    while let Some(end) = read_head(&mut client, &mut ahead).await? {
        let head = Head::parse(&ahead[..end]);
        let Some((head, body)) = head.and_then(|head| head.request_body().map(|body| (head, body))) else {
            return shared.leave_to_a_node(client, &ahead).await;
        };
        ahead.drain(..end);
        shared.passed.send_modify(|passed| *passed += 1);
        let next = if shared.fates.is_calm() {
            shared.pass(&mut client, (&head, body), &mut ahead).await?
        } else {
            shared.endanger(&mut client, (&head, body), &mut ahead).await?
        };
        if next == Next::Close {
            break;
        }
    }
    Ok(())
}

/// Reads until there is a whole head, and says where it ends; a head without an end ends with what there is.
async fn read_head(client: &mut TcpStream, ahead: &mut Vec<u8>) -> io::Result<Option<usize>> {
    loop {
        if let Some(end) = Head::end(ahead) {
            return Ok(Some(end));
        }
        if ahead.len() > MAX_HEAD_BYTES {
            return Ok(Some(ahead.len()));
        }
        if client.read_buf(ahead).await? == 0 {
            return Ok((!ahead.is_empty()).then_some(ahead.len()));
        }
    }
}

impl Shared {
    /// A connection to any node that takes one.
    async fn connect(&self) -> io::Result<TcpStream> {
        let mut nodes = self.nodes.lock().expect("nobody panics with it").clone();
        while !nodes.is_empty() {
            let drawn = self.fates.chance.lock().expect("nobody panics with it").below(nodes.len());
            let node = nodes.swap_remove(drawn);
            if let Ok(stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, node)).await {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
        }
        Err(io::ErrorKind::NotConnected.into())
    }

    /// For what we don't understand: a node shall.
    async fn leave_to_a_node(&self, mut client: TcpStream, ahead: &[u8]) -> io::Result<()> {
        let mut node = self.connect().await?;
        node.write_all(ahead).await?;
        tokio::io::copy_bidirectional(&mut client, &mut node).await.map(|_| ())
    }

    /// One request and its answer, as they come.
    async fn pass(&self, client: &mut TcpStream, (head, mut body): (&Head, Body), ahead: &mut Vec<u8>) -> io::Result<Next> {
        let Ok(mut node) = self.connect().await else {
            client.write_all(NOBODY).await?;
            return Ok(Next::Close);
        };
        let (mut from_node, mut to_node) = node.split();
        let (mut from_client, mut to_client) = client.split();
        to_node.write_all(&head.bytes).await?;
        let first = body.take(ahead);
        // A node that has answered already may read no more.
        let mut node_listens = to_node.write_all(&ahead[..first]).await.is_ok();
        ahead.drain(..first);
        let mut answer = Answer::to(head.method());
        let (mut said, mut heard) = (vec![0; CHUNK_BYTES], vec![0; CHUNK_BYTES]);
        let mut client_speaks = true;
        loop {
            tokio::select! {
                read = from_client.read(&mut said), if client_speaks && ahead.len() < MAX_AHEAD_BYTES => match read? {
                    0 => {
                        client_speaks = false;
                        let _gone = to_node.shutdown().await;
                    }
                    length => {
                        let taken = body.take(&said[..length]);
                        node_listens = node_listens && to_node.write_all(&said[..taken]).await.is_ok();
                        ahead.extend_from_slice(&said[taken..length]);
                    }
                },
                read = from_node.read(&mut heard) => match read {
                    Ok(0) => return finish(client).await,
                    Ok(length) => {
                        to_client.write_all(&heard[..length]).await?;
                        if answer.look_at(&heard[..length]) {
                            break;
                        }
                    }
                    Err(_) => return reset(client),
                },
            }
        }
        if answer.closes() || head.closes() || !body.is_over() || !client_speaks {
            return finish(client).await;
        }
        Ok(Next::Request)
    }

    /// One request in bad weather, read as a whole first.
    async fn endanger(
        self: &Arc<Self>,
        client: &mut TcpStream,
        (head, mut body): (&Head, Body),
        ahead: &mut Vec<u8>,
    ) -> io::Result<Next> {
        let mut bytes = head.bytes.clone();
        loop {
            let taken = body.take(ahead);
            bytes.extend(ahead.drain(..taken));
            if body.is_over() {
                break;
            }
            if bytes.len() > MAX_REQUEST_BYTES || client.read_buf(ahead).await? == 0 {
                return reset(client);
            }
        }
        let request = Request { bytes: bytes.into(), method: head.method().into() };
        let Some(answer) = self.suffer(&request).await else { return reset(client) };
        let (bytes, whole) = answer?;
        client.write_all(&bytes).await?;
        if !whole {
            return reset(client);
        }
        if head.closes() { finish(client).await } else { Ok(Next::Request) }
    }

    /// What the client hears and whether that is all of it; `None` when it is cut off without a word.
    async fn suffer(self: &Arc<Self>, request: &Request) -> Option<io::Result<(Vec<u8>, bool)>> {
        let fate = self.fates.draw();
        let (slow, late) = {
            let mut chance = self.fates.chance.lock().expect("nobody panics with it");
            (chance.up_to_ms(DELAY_MS), chance.up_to_ms(LATE_MS))
        };
        match fate {
            Fate::Fine => {}
            Fate::Delayed => tokio::time::sleep(slow).await,
            Fate::HeldBack => self.wait_for_later_ones().await,
            Fate::CutBefore => return None,
            Fate::Late => {
                self.send_later(request.clone(), late);
                return None;
            }
            Fate::Doubled => self.send_later(request.clone(), Duration::ZERO),
            Fate::Echoed => self.send_later(request.clone(), late),
            Fate::CutAfter | Fate::Torn => {}
        }
        let answer = self.exchange(request).await;
        match fate {
            Fate::CutAfter => None,
            Fate::Torn => Some(answer.map(|bytes| (bytes[..bytes.len() / 2].to_vec(), false))),
            Fate::Delayed => {
                tokio::time::sleep(slow).await;
                Some(answer.map(|bytes| (bytes, true)))
            }
            _ => Some(answer.map(|bytes| (bytes, true))),
        }
    }

    async fn wait_for_later_ones(&self) {
        let mut passed = self.passed.subscribe();
        let now = *passed.borrow();
        let ahead = 1 + self.fates.chance.lock().expect("nobody panics with it").number() % 4;
        let _in_time = tokio::time::timeout(HOLD, passed.wait_for(|passed| *passed >= now + ahead)).await;
    }

    /// Sends a request whose answer nobody waits for.
    fn send_later(self: &Arc<Self>, request: Request, after: Duration) {
        let shared = Arc::clone(self);
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            let _unheard = shared.exchange(&request).await;
        });
    }

    /// A whole request to any node, and its whole answer.
    async fn exchange(&self, request: &Request) -> io::Result<Vec<u8>> {
        let mut node = self.connect().await?;
        node.write_all(&request.bytes).await?;
        let (mut answer, mut bytes) = (Answer::to(&request.method), Vec::new());
        let mut looked_at = 0;
        while node.read_buf(&mut bytes).await? > 0 {
            if answer.look_at(&bytes[looked_at..]) {
                return Ok(bytes);
            }
            looked_at = bytes.len();
        }
        // An answer that ends with its connection is whole; any other was broken off.
        if answer.closes() { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

#[derive(Clone)]
struct Request {
    bytes: Arc<[u8]>,
    method: Arc<str>,
}

/// Ends a connection so that the client hears everything that was said: one that still sends is listened to for a moment.
async fn finish(client: &mut TcpStream) -> io::Result<Next> {
    client.shutdown().await?;
    let mut ignored = vec![0; CHUNK_BYTES];
    let _in_time =
        tokio::time::timeout(LINGER, async { while client.read(&mut ignored).await.is_ok_and(|length| length > 0) {} }).await;
    Ok(Next::Close)
}

/// Ends a connection as a broken network does.
fn reset(client: &TcpStream) -> io::Result<Next> {
    client.set_zero_linger()?;
    Ok(Next::Close)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// A node that answers every request with its name, and counts them.
    fn node(name: &'static str) -> (u16, Arc<AtomicU64>, Running) {
        let counted = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&counted);
        let (port, running) = Running::start(move |listener| async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let count = Arc::clone(&count);
                tokio::spawn(async move {
                    let mut heard = Vec::new();
                    while stream.read_buf(&mut heard).await.is_ok_and(|length| length > 0) {
                        if heard.ends_with(b"0123456789") {
                            count.fetch_add(1, Ordering::SeqCst);
                            let text = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{name}", name.len());
                            let _sent = stream.write_all(text.as_bytes()).await;
                            heard.clear();
                        }
                    }
                });
            }
        });
        (port, counted, running)
    }

    async fn ask(http: &reqwest::Client, spray: &Spray) -> Result<String, reqwest::Error> {
        let request = http.post(format!("http://127.0.0.1:{}/", spray.port())).body("0123456789");
        request.send().await?.error_for_status()?.text().await
    }

    #[tokio::test]
    async fn requests_of_one_connection_go_to_both_nodes_and_to_the_one_that_lives() {
        let ((one, first, _one), (other, second, running)) = (node("one"), node("other"));
        let spray = Spray::over(&[one, other], 7);
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        for _ in 0..100 {
            ask(&http, &spray).await.expect("an answer");
        }
        let (first, second) = (first.load(Ordering::SeqCst), second.load(Ordering::SeqCst));
        assert_eq!(first + second, 100);
        assert!(first > 20 && second > 20, "{first} and {second}");
        drop(running);
        for _ in 0..20 {
            assert_eq!(ask(&http, &spray).await.expect("an answer"), "one");
        }
        spray.set_nodes(&[]);
        assert_eq!(ask(&http, &spray).await.expect_err("nobody").status().map(|status| status.as_u16()), Some(502));
    }

    #[tokio::test]
    async fn each_fate_does_what_it_says() {
        let (port, seen, _running) = node("answer");
        let spray = Spray::over(&[port], 7);
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let mut expected = 0;
        // Whether an answer comes, and how often a node gets the request in the end.
        for (chances, answered, arrivals) in [
            (Chances { delayed: 1_000, ..Chances::default() }, true, 1),
            (Chances { cut_before: 1_000, ..Chances::default() }, false, 0),
            (Chances { cut_after: 1_000, ..Chances::default() }, false, 1),
            (Chances { torn: 1_000, ..Chances::default() }, false, 1),
            (Chances { doubled: 1_000, ..Chances::default() }, true, 2),
            (Chances { echoed: 1_000, ..Chances::default() }, true, 2),
            (Chances { late: 1_000, ..Chances::default() }, false, 1),
            (Chances { held_back: 1_000, ..Chances::default() }, true, 1),
        ] {
            spray.weather(chances);
            assert_eq!(ask(&http, &spray).await.is_ok(), answered, "{chances:?}");
            expected += arrivals;
            while seen.load(Ordering::SeqCst) < expected {
                tokio::task::yield_now().await;
            }
            assert_eq!(seen.load(Ordering::SeqCst), expected, "{chances:?}");
        }
        assert!(spray.counts().iter().all(|(_, count)| *count >= 1), "{:?}", spray.counts());
    }

    #[test]
    fn what_it_can_t_read_is_left_to_a_node() {
        let (port, seen, _running) = node("answer");
        let spray = Spray::over(&[port], 7);
        let mut stream = std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, spray.port())).expect("connects");
        stream.write_all(b"this is no HTTP\r\n\r\n0123456789").expect("sent");
        stream.shutdown(std::net::Shutdown::Write).expect("half closed");
        let mut heard = String::new();
        stream.read_to_string(&mut heard).expect("answered");
        assert!(heard.ends_with("answer"), "{heard}");
        assert_eq!(seen.load(Ordering::SeqCst), 1);
    }
}
