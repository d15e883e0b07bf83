//! An HTTP server that answers what a test tells it to, and remembers what it was asked.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, LazyLock, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use walaa::clock::{ManualClock, Timestamp};
use walaa::google::account::ServiceAccount;

/// The service account of all tests.
pub const EMAIL: &str = "walaa@example.iam.gserviceaccount.com";
/// Which of its keys it is.
pub const KEY_ID: &str = "4f6d0c1a2b3e4d5f60718293a4b5c6d7e8f90a1b";
/// The issuer of all tests.
pub const ISSUER: &str = "3388000000022141777";

/// The account's key, made once: making RSA keys takes long.
pub static KEY: LazyLock<openssl::pkey::PKey<openssl::pkey::Private>> = LazyLock::new(|| {
    let rsa = openssl::rsa::Rsa::generate(2048).expect("a key");
    openssl::pkey::PKey::from_rsa(rsa).expect("a key")
});

/// The account's key file with tokens from this address.
pub fn key_file(token_uri: &str) -> Value {
    let pem = String::from_utf8(KEY.private_key_to_pem_pkcs8().expect("PEM")).expect("text");
    json!({
        "type": "service_account", "project_id": "example", "private_key_id": KEY_ID, "private_key": pem,
        "client_email": EMAIL, "client_id": "1", "token_uri": token_uri, "universe_domain": "googleapis.com",
    })
}

/// The account.
pub fn account(token_uri: &str) -> Arc<ServiceAccount> {
    Arc::new(ServiceAccount::parse(key_file(token_uri).to_string().as_bytes()).expect("a right key file"))
}

/// Noon of some day.
pub fn noon() -> Timestamp {
    Timestamp::parse("2026-10-21T07:28:00Z").expect("a time")
}

/// A clock that stands at noon.
pub fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(noon()))
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    pub target: String,
    pub head: String,
    pub body: String,
}

impl Seen {
    /// Method and target, as a test names them.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.target)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("a JSON body")
    }
}

/// What is answered.
#[derive(Debug, Clone)]
pub enum Reply {
    /// An answer with these headers.
    Answer(u16, Vec<(String, String)>, String),
    /// The connection ends.
    Drop,
    /// Nothing comes, ever.
    Silence,
}

impl Reply {
    pub fn json(status: u16, body: &Value) -> Self {
        Self::Answer(status, vec![("Content-Type".to_owned(), "application/json; charset=UTF-8".to_owned())], body.to_string())
    }

    /// Google's envelope.
    pub fn error(status: u16, reason: &str, message: &str) -> Self {
        let item = json!({"message": message, "domain": "walletobjects", "reason": reason});
        Self::json(status, &json!({"error": {"code": status, "message": message, "errors": [item]}}))
    }

    pub fn with(self, name: &str, value: &str) -> Self {
        match self {
            Self::Answer(status, mut headers, body) => {
                headers.push((name.to_owned(), value.to_owned()));
                Self::Answer(status, headers, body)
            }
            other => other,
        }
    }
}

type Script = dyn Fn(Seen) -> Pin<Box<dyn Future<Output = Reply> + Send>> + Send + Sync;

/// The server; it ends with the test's runtime.
pub struct Wire {
    pub url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Wire {
    /// A server that answers by a function of the request.
    pub async fn new(script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::slow(move |seen| {
            let reply = script(&seen);
            async move { reply }
        })
        .await
    }

    /// A server that gives these answers in their order, and then none.
    pub async fn scripted(replies: Vec<Reply>) -> Self {
        let replies = Mutex::new(replies.into_iter());
        Self::new(move |_| replies.lock().expect("unpoisoned").next().unwrap_or(Reply::Drop)).await
    }

    /// A server whose answers may wait for something.
    pub async fn slow<F>(script: impl Fn(Seen) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Reply> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let script: Arc<Script> = Arc::new(move |seen| Box::pin(script(seen)));
        let remembered = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&script), Arc::clone(&remembered)));
            }
        });
        Self { url, seen }
    }

    /// What was asked so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("unpoisoned").clone()
    }

    /// Methods and targets of what was asked so far.
    pub fn lines(&self) -> Vec<String> {
        self.seen().iter().map(Seen::line).collect()
    }
}

async fn serve(mut stream: TcpStream, script: Arc<Script>, remembered: Arc<Mutex<Vec<Seen>>>) {
    let Some(seen) = read(&mut stream).await else { return };
    remembered.lock().expect("unpoisoned").push(seen.clone());
    match script(seen).await {
        Reply::Drop => {}
        Reply::Silence => std::future::pending().await,
        Reply::Answer(status, headers, body) => {
            let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            let head = format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            // Who asked may be gone: some tests give up early.
            let _ = stream.write_all((head + &body).as_bytes()).await;
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Seen> {
    let mut text = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let count = stream.read(&mut chunk).await.ok().filter(|count| *count > 0)?;
        text.extend_from_slice(&chunk[..count]);
        let Some(end) = text.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(text[..end].to_vec()).expect("a head in ASCII");
        let mut first = head.lines().next().expect("a request line").split(' ');
        let (method, target) = (first.next().expect("a method").to_owned(), first.next().expect("a target").to_owned());
        let mut seen = Seen { method, target, head, body: String::new() };
        let length: usize = seen.header("content-length").map_or(0, |length| length.parse().expect("a length"));
        if text.len() >= end + 4 + length {
            seen.body = String::from_utf8(text[end + 4..].to_vec()).expect("a body in UTF-8");
            return Some(seen);
        }
    }
}
