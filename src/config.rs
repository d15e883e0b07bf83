//! The configuration: typed, checked, with every setting explained in `config/default.toml`. Nothing here opens, connects or
//! listens: `app` does that with what it finds here.

mod check;
mod database;
mod google;
mod messages;
mod read;
mod redis;
mod secret;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

pub use database::{Database, DatabaseUrl};
pub use google::GoogleAccount;
pub use messages::{Mail, MailEncryption, Sms};
pub use read::{ConfigError, Finding, Origin, Sources};
pub use redis::{Redis, RedisDown};
pub use secret::SecretText;

use crate::http::address::Network;
use crate::ids::OrgId;
use crate::pages::FramingOrigin;

/// The commented default configuration: the documentation of every setting.
pub const DEFAULT_TEXT: &str = include_str!("config/default.toml");

/// Where pushes go unless the operator says otherwise; right for test passes, too.
const APNS_PRODUCTION: &str = "https://api.push.apple.com:443";

/// Everything that an operator can set.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Addresses, TLS, workers.
    pub server: Server,
    /// Where the ledger is.
    pub database: Database,
    /// The shared gate.
    pub redis: Redis,
    /// The master keys.
    pub keys: Keys,
    /// Accounts of Apple Wallet.
    pub apple: Vec<AppleAccount>,
    /// Issuer accounts of Google Wallet.
    pub google: Vec<GoogleAccount>,
    /// Mail to members.
    pub mail: Mail,
    /// Short messages to members.
    pub sms: Sms,
    /// The operator's own pass templates.
    pub templates: Templates,
    /// The pages that people see.
    pub pages: Pages,
    /// Bounds on traffic.
    pub limits: Limits,
    /// Logs.
    pub log: Log,
}

/// Addresses, TLS, workers.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// The address of plain HTTP.
    pub listen: Listen,
    /// The address of HTTPS.
    pub tls_listen: Listen,
    /// The certificate chain.
    pub tls_certificate_file: Option<PathBuf>,
    /// Its private key.
    pub tls_key_file: Option<PathBuf>,
    /// Where phones and customers reach us, without a slash at the end.
    pub public_url: Option<String>,
    /// The address for metrics.
    pub admin_listen: Listen,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// Threads that serve requests; 0 for one a processor.
    pub workers: usize,
    /// How long to go on serving after the order to stop.
    pub drain_seconds: u64,
    /// How long requests may go on after that.
    pub shutdown_seconds: u64,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: Listen::local(8080),
            tls_listen: Listen::default(),
            tls_certificate_file: None,
            tls_key_file: None,
            public_url: None,
            admin_listen: Listen::local(9090),
            trusted_proxies: Vec::new(),
            workers: 0,
            drain_seconds: 0,
            shutdown_seconds: 20,
        }
    }
}

/// An address to listen at, or none; `""` in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Listen(pub Option<SocketAddr>);

impl Listen {
    /// A port of the machine itself; 0 for a free one.
    #[must_use]
    pub fn local(port: u16) -> Self {
        Self(Some(SocketAddr::from(([127, 0, 0, 1], port))))
    }
}

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() {
            return Ok(Self(None));
        }
        let wrong = |_| serde::de::Error::custom(format!("\"{text}\" is not an address and a port such as 127.0.0.1:8080"));
        text.parse().map(|address| Self(Some(address))).map_err(wrong)
    }
}

/// The file beside another one whose name is its name with more at its end.
#[must_use]
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Whether keys work on real value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyEnvironment {
    /// Real value.
    #[default]
    Live,
    /// A trial.
    Test,
}

/// The master keys.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Keys {
    /// The file of the keyring.
    pub keyring_file: PathBuf,
    /// Whether keys work on real value.
    pub environment: KeyEnvironment,
}

impl Default for Keys {
    fn default() -> Self {
        Self { keyring_file: PathBuf::from("walaa-data/keyring.toml"), environment: KeyEnvironment::default() }
    }
}

/// A pass type of Apple Wallet.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AppleAccount {
    /// Whose passes these are; every organisation's without it.
    pub organisation: Option<OrgId>,
    /// The certificate's UID.
    pub pass_type_id: String,
    /// The certificate's OU.
    pub team_id: String,
    /// The certificate.
    pub certificate_file: PathBuf,
    /// Its private key.
    pub key_file: PathBuf,
    /// The certificate of its issuer.
    pub intermediate_file: PathBuf,
    /// Where pushes go.
    pub apns_url: String,
    /// Whom to trust there.
    pub apns_ca_file: Option<PathBuf>,
    /// Whether templates use NFC.
    pub nfc: bool,
}

impl Default for AppleAccount {
    fn default() -> Self {
        Self {
            organisation: None,
            pass_type_id: String::new(),
            team_id: String::new(),
            certificate_file: PathBuf::new(),
            key_file: PathBuf::new(),
            intermediate_file: PathBuf::new(),
            apns_url: APNS_PRODUCTION.to_owned(),
            apns_ca_file: None,
            nfc: false,
        }
    }
}

/// The operator's own pass templates.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Templates {
    /// The folder of their folders.
    pub folder: Option<PathBuf>,
}

/// The pages that people see.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pages {
    /// Whose pages may show ours in a frame.
    pub framed_by: Vec<FramingOrigin>,
}

/// Bounds on traffic.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Requests of one address.
    pub address_per_second: u32,
    /// How many at once.
    pub address_burst: u32,
    /// Requests of one key.
    pub key_per_second: u32,
    /// How many at once.
    pub key_burst: u32,
    /// Requests of one terminal.
    pub terminal_per_second: u32,
    /// How many at once.
    pub terminal_burst: u32,
    /// Requests of one organisation.
    pub organisation_per_second: u32,
    /// How many at once.
    pub organisation_burst: u32,
    /// Wrong keys and enrolment codes from one address in five minutes.
    pub failed_sign_ins: u32,
    /// Cards that may be made by joining from one address in an hour.
    pub joins_per_hour: u32,
    /// How long a request may take.
    pub request_seconds: u64,
    /// How long a client may take for the head of a request.
    pub head_seconds: u64,
    /// How long a client may take for a body.
    pub body_seconds: u64,
    /// How long an idle connection is kept.
    pub keep_alive_seconds: u64,
    /// Open connections.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            address_per_second: 200,
            address_burst: 400,
            key_per_second: 200,
            key_burst: 200,
            terminal_per_second: 5,
            terminal_burst: 20,
            organisation_per_second: 500,
            organisation_burst: 1_000,
            failed_sign_ins: 10,
            joins_per_hour: 60,
            request_seconds: 30,
            head_seconds: 5,
            body_seconds: 10,
            keep_alive_seconds: 30,
            connections: 10_000,
        }
    }
}

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
}

/// Logs.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// For people or machines.
    pub format: LogFormat,
    /// How much.
    pub level: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::default(), level: "info".to_owned() }
    }
}

impl Config {
    /// Reads a file, then the environment, then the files that hold secrets; checks what can be checked without acting.
    ///
    /// # Errors
    /// Everything that is wrong, each with its place and what was meant.
    pub fn load(file: &Path, environment: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(file)
            .map_err(|error| ConfigError::one(Finding::new(Origin::File(file.into(), None), error.to_string())))?;
        let sources = Sources { file: file.to_owned(), text, environment: environment.into_iter().collect() };
        let mut config = read::parse(&sources)?;
        let folder = file.parent().unwrap_or(Path::new(""));
        read::take_secrets(&mut config, &sources, folder)?;
        config.start_paths_at(folder);
        config.redis.url = config.redis.url.filter(|url| !url.expose().is_empty());
        config.database.owner_url = config.database.owner_url.filter(|url| !url.expose().is_empty());
        config.checked(&sources)
    }

    /// This configuration if nothing is wrong with it.
    fn checked(self, sources: &Sources) -> Result<Self, ConfigError> {
        let findings: Vec<_> =
            self.findings().into_iter().map(|(key, what)| Finding::at(sources, &key, format!("{key} {what}"))).collect();
        if findings.is_empty() { Ok(self) } else { Err(ConfigError { findings }) }
    }

    /// Makes relative paths start at a folder.
    fn start_paths_at(&mut self, folder: &Path) {
        let start = |path: &mut PathBuf| {
            if *path != Path::new("") {
                *path = folder.join(&*path);
            }
        };
        let start_some = |path: &mut Option<PathBuf>| {
            if let Some(path) = path {
                start(path);
            }
        };
        start_some(&mut self.server.tls_certificate_file);
        start_some(&mut self.server.tls_key_file);
        start_some(&mut self.database.url_file);
        start_some(&mut self.database.owner_url_file);
        start_some(&mut self.database.ca_file);
        start_some(&mut self.database.high_water_file);
        start_some(&mut self.redis.url_file);
        start_some(&mut self.redis.ca_file);
        start_some(&mut self.redis.sentinel_password_file);
        start_some(&mut self.templates.folder);
        start(&mut self.keys.keyring_file);
        if let Ok(DatabaseUrl::Sqlite(path)) = self.database.parsed() {
            self.database.url = SecretText::new(format!("sqlite:{}", folder.join(path).display()));
        }
        for account in &mut self.apple {
            start(&mut account.certificate_file);
            start(&mut account.key_file);
            start(&mut account.intermediate_file);
            start_some(&mut account.apns_ca_file);
        }
        self.mail.start_paths_at(folder);
        self.sms.start_paths_at(folder);
        self.google.iter_mut().for_each(|account| account.start_paths_at(folder));
    }
}
