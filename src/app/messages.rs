//! From the configuration to the post office that sends mail and short messages.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::StartError;
use crate::clock::Clock;
use crate::config::{Config, MailEncryption};
use crate::key_file;
use crate::messages::{MailConfig, MailTls, Messenger, Post, SmsConfig};

/// The name that a server without an address of its own gives itself.
const NAMELESS: &str = "localhost";

/// What sends, or nothing where nothing is set up.
///
/// # Errors
/// A file can't be read, or what is set up can't be used.
pub fn messenger(config: &Config, clock: Arc<dyn Clock>) -> Result<Option<Arc<dyn Messenger>>, StartError> {
    let (mail, sms) = (mail(config)?, sms(config)?);
    if mail.is_none() && sms.is_none() {
        return Ok(None);
    }
    Ok(Some(Arc::new(Post::new(mail.as_ref(), sms, clock)?)))
}

/// How mail is sent, if it is.
///
/// # Errors
/// The password's file can't be read.
pub fn mail(config: &Config) -> Result<Option<MailConfig>, StartError> {
    let settings = &config.mail;
    let (Some(host), Some(from)) = (&settings.host, &settings.from) else { return Ok(None) };
    let login = match (&settings.user, &settings.password_file) {
        (Some(user), Some(file)) => {
            let bytes = Zeroizing::new(key_file::read(file)?);
            Some((user.clone(), Zeroizing::new(String::from_utf8_lossy(&bytes).trim().to_owned())))
        }
        _ => None,
    };
    let tls = match settings.tls {
        MailEncryption::Starttls => MailTls::StartTls,
        MailEncryption::Tls => MailTls::Implicit,
        MailEncryption::None => MailTls::None,
    };
    let url = config.server.public_url.as_deref().and_then(|url| url.parse::<http::Uri>().ok());
    let hello = url.as_ref().and_then(|url| url.host()).unwrap_or(NAMELESS).to_owned();
    let (host, from) = (host.clone(), from.clone());
    Ok(Some(MailConfig { host, port: settings.port, tls, login, from, from_name: settings.from_name.clone(), hello }))
}

/// Where short messages go, if they do.
///
/// # Errors
/// The secret's file can't be read.
pub fn sms(config: &Config) -> Result<Option<SmsConfig>, StartError> {
    let (Some(url), Some(file)) = (&config.sms.url, &config.sms.secret_file) else { return Ok(None) };
    let bytes = Zeroizing::new(key_file::read(file)?);
    Ok(Some(SmsConfig { url: url.clone(), secret: Zeroizing::new(bytes.trim_ascii().to_vec()) }))
}
