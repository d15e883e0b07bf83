//! Load through HTTP: many clients, each on a connection of its own, each waiting for its answer before it goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Clients at the same time.
pub const CLIENTS: usize = 64;

/// What was reached; times in milliseconds.
pub struct Measured {
    pub per_second: f64,
    pub p50: f64,
    pub p99: f64,
}

impl Measured {
    /// A rate, with the times that single ones took.
    pub fn new(per_second: f64, mut took: Vec<Duration>) -> Self {
        took.sort_unstable();
        let at = |part: usize| took[took.len() * part / 100].as_secs_f64() * 1_000.0;
        Self { per_second, p50: at(50), p99: at(99) }
    }
}

/// The round in the middle.
pub fn median(mut rounds: Vec<Measured>) -> Measured {
    rounds.sort_by(|one, other| one.per_second.total_cmp(&other.per_second));
    rounds.swap_remove(rounds.len() / 2)
}

/// A request without a body.
pub fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n")
}

/// A request with one.
pub fn post(key: &str, path: &str, op: Option<&str>, body: &Value) -> String {
    let body = body.to_string();
    let op = op.map(|op| format!("Idempotency-Key: {op}\r\n")).unwrap_or_default();
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n{op}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Reads one response: status and body.
pub async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> (u16, Vec<u8>) {
    loop {
        if let Some(head) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&buffer[..head]).to_ascii_lowercase();
            let length: usize =
                text.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().expect("a length"));
            if buffer.len() >= head + 4 + length {
                let status = text[9..12].parse().expect("a status");
                let rest = buffer.split_off(head + 4 + length);
                let body = buffer.split_off(head + 4);
                *buffer = rest;
                return (status, body);
            }
        }
        let mut chunk = [0; 16 * 1024];
        let read = stream.read(&mut chunk).await.expect("reads");
        assert!(read > 0, "the server keeps the connection");
        buffer.extend_from_slice(&chunk[..read]);
    }
}

/// All requests by all clients.
pub async fn run(port: u16, texts: Vec<String>, check: fn(u16, &[u8])) -> Measured {
    let texts = Arc::new(texts);
    let next = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (texts, next) = (Arc::clone(&texts), Arc::clone(&next));
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("connects");
                stream.set_nodelay(true).expect("a socket");
                let (mut buffer, mut took) = (Vec::new(), Vec::new());
                while let Some(text) = texts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let sent = Instant::now();
                    stream.write_all(text.as_bytes()).await.expect("writes");
                    let (status, body) = answer(&mut stream, &mut buffer).await;
                    took.push(sent.elapsed());
                    check(status, &body);
                }
                took
            })
        })
        .collect();
    let mut took: Vec<Duration> = Vec::with_capacity(texts.len());
    for client in clients {
        took.extend(client.await.expect("ends"));
    }
    let per_second = texts.len() as f64 / started.elapsed().as_secs_f64();
    Measured::new(per_second, took)
}
