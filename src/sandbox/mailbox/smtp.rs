//! The mail server: RFC 5321 as far as handing in needs it, on one machine, without TLS. What breaks the rules is refused and noted.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::decode::{header, plain_part};
use super::{Arrived, Shelf};

/// Bytes of the longest line of a command, and of a mail's text, both with their end (RFC 5321, 4.5.3.1).
const LONGEST_COMMAND: usize = 512;
const LONGEST_LINE: usize = 1_000;

/// Bytes of the largest mail.
const LARGEST: usize = 256 * 1024;

/// How long a client may be silent.
const PATIENCE: Duration = Duration::from_secs(120);

/// Takes connections until it is aborted.
pub(super) async fn serve(listener: TcpListener, shelf: Arc<Shelf>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shelf = Arc::clone(&shelf);
        tokio::spawn(async move {
            let _ended = Session::new(stream, shelf).run().await;
        });
    }
}

struct Session {
    stream: BufReader<TcpStream>,
    shelf: Arc<Shelf>,
    greeted: bool,
    from: Option<String>,
    to: Vec<String>,
}

impl Session {
    fn new(stream: TcpStream, shelf: Arc<Shelf>) -> Self {
        Self { stream: BufReader::new(stream), shelf, greeted: false, from: None, to: Vec::new() }
    }

    async fn run(mut self) -> std::io::Result<()> {
        self.say("220 mailbox.example ESMTP").await?;
        while let Some(line) = self.line(LONGEST_COMMAND).await? {
            let (verb, rest) = line.split_once(' ').unwrap_or((line.as_str(), ""));
            match (verb.to_ascii_uppercase().as_str(), rest) {
                ("EHLO", name) if !name.is_empty() => {
                    self.greeted = true;
                    self.say("250-mailbox.example\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 262144").await?;
                }
                ("NOOP", _) => self.say("250 OK").await?,
                ("RSET", _) => {
                    (self.from, self.to) = (None, Vec::new());
                    self.say("250 OK").await?;
                }
                ("QUIT", _) => return self.say("221 Bye").await,
                ("MAIL", rest) if self.greeted && self.from.is_none() => match path_in(rest, "FROM:") {
                    Some(path) => {
                        self.from = Some(path);
                        self.say("250 OK").await?;
                    }
                    None => self.wrong("501", &line).await?,
                },
                ("RCPT", rest) if self.from.is_some() => match path_in(rest, "TO:").filter(|path| path.contains('@')) {
                    Some(path) => {
                        self.to.push(path);
                        self.say("250 OK").await?;
                    }
                    None => self.wrong("501", &line).await?,
                },
                ("DATA", "") if !self.to.is_empty() => self.data().await?,
                _ => self.wrong("503", &line).await?,
            }
        }
        Ok(())
    }

    async fn data(&mut self) -> std::io::Result<()> {
        self.say("354 Go on").await?;
        let mut mail = String::new();
        while let Some(line) = self.line(LONGEST_LINE).await? {
            if line == "." {
                break;
            }
            mail.push_str(line.strip_prefix('.').unwrap_or(&line));
            mail.push_str("\r\n");
            if mail.len() > LARGEST {
                return self.wrong("552", "a mail that is too large").await;
            }
        }
        let to = std::mem::take(&mut self.to).join(", ");
        self.from = None;
        if self.shelf.refuses() {
            return self.say("451 Busy, try again").await;
        }
        let missing: Vec<_> = ["From", "To", "Subject", "Date", "Message-ID", "MIME-Version"]
            .into_iter()
            .filter(|name| header(&mail, name).is_none())
            .collect();
        if !missing.is_empty() {
            return self.wrong("554", &format!("a mail without {missing:?}")).await;
        }
        let subject = header(&mail, "Subject").unwrap_or_default();
        self.shelf.put(Arrived { medium: "mail", to, subject, text: plain_part(&mail), raw: mail });
        self.say("250 Taken").await
    }

    async fn wrong(&mut self, status: &str, what: &str) -> std::io::Result<()> {
        // Not the words themselves: they may hold an address.
        self.shelf.complain(format!("{status}: {}", what.split([' ', ':']).next().unwrap_or_default()));
        self.say(&format!("{status} No")).await
    }

    async fn say(&mut self, text: &str) -> std::io::Result<()> {
        self.stream.get_mut().write_all(format!("{text}\r\n").as_bytes()).await
    }

    /// A line without its end; a bare line feed is no end.
    async fn line(&mut self, longest: usize) -> std::io::Result<Option<String>> {
        let mut bytes = Vec::new();
        let mut limited = (&mut self.stream).take(longest as u64);
        let read = tokio::time::timeout(PATIENCE, limited.read_until(b'\n', &mut bytes)).await;
        let read = read.map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))??;
        if read == 0 {
            return Ok(None);
        }
        let Some(line) = bytes.strip_suffix(b"\r\n") else {
            self.shelf.complain("a line without its end, or too long".to_owned());
            return Ok(None);
        };
        Ok(Some(String::from_utf8_lossy(line).into_owned()))
    }
}

/// The address in `FROM:<a@b> …`.
fn path_in(text: &str, word: &str) -> Option<String> {
    let start = text.get(..word.len()).filter(|start| start.eq_ignore_ascii_case(word))?;
    let path = text[start.len()..].trim_start().strip_prefix('<')?;
    path.split_once('>').map(|(path, _)| path.to_owned())
}
