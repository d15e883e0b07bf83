//! The sections `[mail]` and `[sms]`: how messages get to members.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The port for mail that servers hand in.
const SUBMISSION: u16 = 587;

/// How a connection to the mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailEncryption {
    /// After STARTTLS.
    #[default]
    Starttls,
    /// From the start.
    Tls,
    /// Not at all; only to this machine.
    None,
}

/// Mail.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mail {
    /// The server; without one no mail is sent.
    pub host: Option<String>,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub tls: MailEncryption,
    /// Who signs in.
    pub user: Option<String>,
    /// The file of the password, mode 0600.
    pub password_file: Option<PathBuf>,
    /// The sender's address.
    pub from: Option<String>,
    /// The sender's name.
    pub from_name: Option<String>,
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            host: None,
            port: SUBMISSION,
            tls: MailEncryption::default(),
            user: None,
            password_file: None,
            from: None,
            from_name: None,
        }
    }
}

/// Short messages.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sms {
    /// The webhook; without one no short messages are sent.
    pub url: Option<String>,
    /// The file of the secret that requests are signed with, mode 0600.
    pub secret_file: Option<PathBuf>,
}

impl Mail {
    pub(super) fn start_paths_at(&mut self, folder: &Path) {
        self.password_file = self.password_file.take().map(|path| folder.join(path));
    }

    pub(super) fn check(&self, expect: &mut dyn FnMut(bool, &str, &str)) {
        let Some(host) = &self.host else {
            return expect(self.from.is_none() && self.user.is_none(), "host", "must be given where mail.from or mail.user is");
        };
        expect(!host.is_empty() && !host.contains(['/', ':', '@', ' ']), "host", "must be a name or an address, and no more");
        expect(self.port > 0, "port", "must be from 1 to 65535");
        let local = ["127.0.0.1", "localhost"].contains(&host.as_str());
        let safe = self.tls != MailEncryption::None || local;
        expect(safe, "tls", "may be none only for a server on this machine");
        let address = self.from.as_deref().is_some_and(|from| from.contains('@') && !from.contains(['<', '>', ' ']));
        expect(address, "from", "must be given: the sender's bare address, such as card@example.com");
        let name = self.from_name.as_deref().is_none_or(|name| !name.is_empty() && !name.chars().any(char::is_control));
        expect(name, "from_name", "must be left out or say something, on one line");
        expect(self.user.is_some() == self.password_file.is_some(), "user", "and mail.password_file need each other");
    }
}

impl Sms {
    pub(super) fn start_paths_at(&mut self, folder: &Path) {
        self.secret_file = self.secret_file.take().map(|path| folder.join(path));
    }

    pub(super) fn check(&self, expect: &mut dyn FnMut(bool, &str, &str)) {
        expect(self.url.is_some() == self.secret_file.is_some(), "url", "and sms.secret_file need each other");
        let right = self.url.as_deref().is_none_or(super::google::is_address);
        expect(right, "url", "must begin with https:// and not end with a slash (http:// only on this machine)");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(mail: &Mail) -> Vec<String> {
        let mut found = Vec::new();
        mail.check(&mut |right, key, _| {
            if !right {
                found.push(key.to_owned());
            }
        });
        found
    }

    #[test]
    fn mail_is_whole_or_off_and_never_in_the_clear_over_a_network() {
        assert_eq!(wrong(&Mail::default()), [""; 0]);
        let right = Mail { host: Some("smtp.example.com".into()), from: Some("card@example.com".into()), ..Mail::default() };
        assert_eq!(wrong(&right), [""; 0]);
        assert_eq!(wrong(&Mail { tls: MailEncryption::None, ..right.clone() }), ["tls"]);
        assert_eq!(wrong(&Mail { user: Some("u".into()), from: Some("A <a@b.c>".into()), ..right.clone() }), ["from", "user"]);
        assert_eq!(wrong(&Mail { host: None, ..right }), ["host"]);
    }

    #[test]
    fn a_webhook_needs_a_secret_and_an_encrypted_address() {
        let found = |sms: &Sms| {
            let mut found = 0;
            sms.check(&mut |right, _, _| found += usize::from(!right));
            found
        };
        let sms = |url: &str, secret: Option<&str>| Sms { url: Some(url.into()), secret_file: secret.map(PathBuf::from) };
        assert_eq!(found(&Sms::default()), 0);
        assert_eq!(found(&sms("https://sms.example.com/out", Some("s"))), 0);
        assert_eq!(found(&sms("http://sms.example.com/out", None)), 2);
    }
}
