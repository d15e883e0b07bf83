//! Mail by SMTP: one pooled connection, TLS, what can't be tried again told apart from what can.

use std::time::{Duration, UNIX_EPOCH};

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::PoolConfig;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use zeroize::Zeroizing;

use super::post::Failed;
use super::{Message, TIMEOUT};
use crate::ids::encode;

/// Connections that are open at once.
const CONNECTIONS: u32 = 4;

/// How long an idle one is kept.
const IDLE: Duration = Duration::from_secs(60);

/// How a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTls {
    /// From the start, usually at port 465.
    Implicit,
    /// After STARTTLS, without which nothing is sent.
    StartTls,
    /// Not at all: only to this machine itself.
    None,
}

/// How mail is sent. Printing it shows no password.
#[derive(Clone)]
pub struct MailConfig {
    /// The server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub tls: MailTls,
    /// Who signs in, if somebody has to.
    pub login: Option<(String, Zeroizing<String>)>,
    /// The sender's address.
    pub from: String,
    /// The sender's name; the programme's without one.
    pub from_name: Option<String>,
    /// What the server is greeted with: our own name.
    pub hello: String,
}

/// Why mail can't be sent.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The sender's address is none.
    #[error("mail.from is not a mail address")]
    From,
    /// TLS can't be set up, or the server refuses.
    #[error("{0}")]
    Smtp(#[from] lettre::transport::smtp::Error),
    /// It answers, and does not take commands.
    #[error("the server does not take commands")]
    Mute,
}

/// Sends mail.
pub(super) struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Address,
    from_name: Option<String>,
    hello: String,
}

impl Mailer {
    pub fn new(config: &MailConfig) -> Result<Self, MailError> {
        let tls = || TlsParameters::new(config.host.clone());
        let tls = match config.tls {
            MailTls::Implicit => Tls::Wrapper(tls()?),
            MailTls::StartTls => Tls::Required(tls()?),
            MailTls::None => Tls::None,
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&config.host)
            .port(config.port)
            .tls(tls)
            .timeout(Some(TIMEOUT))
            .hello_name(ClientId::Domain(config.hello.clone()))
            .pool_config(PoolConfig::new().max_size(CONNECTIONS).idle_timeout(IDLE));
        if let Some((user, password)) = &config.login {
            builder = builder.credentials(Credentials::new(user.clone(), password.to_string()));
        }
        let from = config.from.parse().map_err(|_| MailError::From)?;
        Ok(Self { transport: builder.build(), from, from_name: config.from_name.clone(), hello: config.hello.clone() })
    }

    pub async fn send(&self, message: &Message) -> Result<(), Failed> {
        let mail = self.write(message).map_err(|_| Failed::ForGood("the mail can't be written"))?;
        match self.transport.send(mail).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_permanent() => Err(Failed::ForGood("the server refused it")),
            Err(error) if error.is_timeout() => Err(Failed::ForNow("the server did not answer in time")),
            Err(error) if error.is_transient() => Err(Failed::ForNow("the server does not take it now")),
            Err(_) => Err(Failed::ForNow("the server can't be reached")),
        }
    }

    fn write(&self, message: &Message) -> Result<lettre::Message, Box<dyn std::error::Error>> {
        let mail = message.mail();
        let name = self.from_name.clone().unwrap_or_else(|| message.brand.clone());
        let at = UNIX_EPOCH + Duration::from_millis(u64::try_from(message.at.millis()).unwrap_or_default());
        let automatic = HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned());
        let written = lettre::Message::builder()
            .from(Mailbox::new(Some(name), self.from.clone()))
            .to(Mailbox::new(None, message.to.contact.parse()?))
            .subject(mail.subject)
            .date(at)
            .message_id(Some(format!("<{}@{}>", encode(&message.id), self.hello)))
            .raw_header(automatic)
            .multipart(MultiPart::alternative_plain_html(mail.text, mail.html))?;
        Ok(written)
    }
}

/// Greets the server and signs in, as for a mail, and sends none.
///
/// # Errors
/// It can't be reached, or does not let us in.
pub async fn probe(config: &MailConfig) -> Result<(), MailError> {
    let mailer = Mailer::new(config)?;
    if mailer.transport.test_connection().await? { Ok(()) } else { Err(MailError::Mute) }
}
