//! A stand-in for the mail server and the sender of short messages: takes what the gateway sends, strictly, and shows it on a page.

mod decode;
mod smtp;
mod web;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::dev::ServerHandle;
use serde::Serialize;
use tokio::sync::watch;

pub use decode::{header, plain_part};

/// Messages that are kept; older ones go.
const MOST: usize = 200;

/// A message as it arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Arrived {
    /// `mail` or `sms`.
    pub medium: &'static str,
    /// For whom.
    pub to: String,
    /// The subject of a mail, else the kind.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The whole mail as it came over the wire, or the webhook's body.
    pub raw: String,
}

/// What arrived, and what is wrong with what did not.
#[derive(Default)]
struct Box {
    arrived: Vec<Arrived>,
    complaints: Vec<String>,
    /// How many of the next messages are refused for now.
    refusing: usize,
}

/// What servers and page share.
pub(super) struct Shelf {
    contents: Mutex<Box>,
    count: watch::Sender<usize>,
    secret: Vec<u8>,
}

impl Shelf {
    fn put(&self, message: Arrived) {
        let mut contents = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
        if contents.arrived.len() >= MOST {
            contents.arrived.remove(0);
        }
        contents.arrived.push(message);
        drop(contents);
        self.count.send_modify(|count| *count += 1);
    }

    fn complain(&self, what: String) {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner).complaints.push(what);
    }

    /// Whether this message is to be refused for now.
    fn refuses(&self) -> bool {
        let mut contents = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
        let refuses = contents.refusing > 0;
        contents.refusing = contents.refusing.saturating_sub(1);
        refuses
    }
}

/// A mailbox at work.
pub struct Mailbox {
    shelf: Arc<Shelf>,
    smtp: SocketAddr,
    url: String,
    page: ServerHandle,
    task: tokio::task::JoinHandle<()>,
}

impl Mailbox {
    /// Opens at free ports of this machine; the page at a port of choice, if that is free. Webhooks are to be signed with the secret.
    ///
    /// # Errors
    /// There is no port.
    pub async fn start(page_port: u16, secret: &[u8]) -> std::io::Result<Self> {
        let contents = Mutex::default();
        let shelf = Arc::new(Shelf { contents, count: watch::Sender::default(), secret: secret.to_vec() });
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let smtp = listener.local_addr()?;
        let task = tokio::spawn(smtp::serve(listener, Arc::clone(&shelf)));
        let (address, page) = web::start(page_port, Arc::clone(&shelf))?;
        Ok(Self { shelf, smtp, url: format!("http://{address}"), page, task })
    }

    /// The port of the mail server.
    #[must_use]
    pub fn smtp_port(&self) -> u16 {
        self.smtp.port()
    }

    /// The page.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/", self.url)
    }

    /// The webhook.
    #[must_use]
    pub fn sms_url(&self) -> String {
        format!("{}/sms", self.url)
    }

    /// What arrived, the oldest first.
    #[must_use]
    pub fn arrived(&self) -> Vec<Arrived> {
        self.shelf.contents.lock().unwrap_or_else(PoisonError::into_inner).arrived.clone()
    }

    /// What was wrong with what was sent.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        self.shelf.contents.lock().unwrap_or_else(PoisonError::into_inner).complaints.clone()
    }

    /// Refuses the next messages for now, as a busy server does.
    pub fn refuse(&self, messages: usize) {
        self.shelf.contents.lock().unwrap_or_else(PoisonError::into_inner).refusing = messages;
    }

    /// Waits until so many messages arrived in all, and hands over the newest.
    pub async fn wait_for(&self, count: usize) -> Option<Arrived> {
        let mut counted = self.shelf.count.subscribe();
        counted.wait_for(|arrived| *arrived >= count).await.ok()?;
        self.arrived().pop()
    }

    /// Closes.
    pub async fn shutdown(&self) {
        self.task.abort();
        self.page.stop(false).await;
    }
}
