//! Why the gateway does not start, or stopped: sentences for the person who runs it.

use std::path::{Path, PathBuf};

use crate::apple::certificates::{CertificateError, Finding, KeyFileError};
use crate::apple::push::ApnsError;
use crate::clock::Timestamp;
use crate::db::DbError;
use crate::gate::GateError;
use crate::google::account::AccountError;
use crate::google::callbacks::KeyCacheError;
use crate::google::client::ClientError;
use crate::ids::OrgId;
use crate::passes::TemplateProblem;
use crate::tokens::KeyringError;

/// Why the gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is no keyring.
    #[error("there are no master keys at {}: `walaa keys create` makes them with the first organisation", .0.display())]
    NoKeyring(PathBuf),
    /// There is a database whose keyring is gone.
    #[error(
        "the master keys {} are missing, but the database {} is there: without its own keys every pass and code would be refused. Bring the file back (`walaa keys import`)",
        keyring.display(),
        database.display()
    )]
    KeyringLost {
        /// Where the keyring should be.
        keyring: PathBuf,
        /// The database.
        database: PathBuf,
    },
    /// The keyring is no text.
    #[error("{} is not a key file", .0.display())]
    KeyringText(PathBuf),
    /// The keyring can't be used.
    #[error("{}: {source}", path.display())]
    Keyring {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: KeyringError,
    },
    /// A secret file is missing or open to others.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// A file can't be used.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file should hold certificates.
    #[error("{} holds no certificate in PEM", .0.display())]
    NotPem(PathBuf),
    /// The master keys are others.
    #[error("the master keys are not those that {0} was made with: bring the right ones back (`walaa keys import`)")]
    WrongKeyring(OrgId),
    /// Another process has the database.
    #[error("{} is in use by a running gateway", .0.display())]
    InUse(PathBuf),
    /// The database's address names none.
    #[error("database.url {0}")]
    DatabaseUrl(String),
    /// Messages can't be sent.
    #[error(transparent)]
    Messages(#[from] crate::messages::PostError),
    /// Two issuer accounts for one organisation.
    #[error("two sections [[google]] are for {}", .0.map_or_else(|| "every organisation".to_owned(), |org| org.to_string()))]
    TwoIssuers(Option<OrgId>),
    /// An issuer's number.
    #[error("google.issuer_id: {0} is not an issuer's number")]
    Issuer(String),
    /// A service account's key.
    #[error(transparent)]
    ServiceAccount(#[from] AccountError),
    /// No client for Google.
    #[error("google.api_url: {0}")]
    GoogleClient(#[from] ClientError),
    /// No way to Google's keys.
    #[error("google.keys_url: {0}")]
    GoogleKeys(#[from] KeyCacheError),
    /// The database can't be opened.
    #[error("the database {} can't be opened: {source}", path.display())]
    Database {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: DbError,
    },
    /// The database's server can't be used.
    #[error("the database can't be opened: {0}")]
    Postgres(DbError),
    /// The database does not answer.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The database is behind its mark.
    #[error(
        "the database ends at {database}, but {witness} says that it had come to {known}: it is an older copy, and would redeem codes again. \
         Put the newest backup in place with `walaa restore`, or, when a server's own tools have done that, say so with \
         `walaa db restored`; both raise the ledger's epoch. Never just remove the mark"
    )]
    Regressed {
        /// Who says so: a file, or Redis.
        witness: String,
        /// The database's last operation.
        database: Timestamp,
        /// The mark's.
        known: Timestamp,
    },
    /// The mark can't be read.
    #[error("{} is not a mark of the last operation: if the disk was full, `walaa audit verify` and then remove it", .0.display())]
    MarkUnreadable(PathBuf),
    /// The clock is wrong.
    #[error("the machine's clock says {now}, but the last operation was at {last_op}: set the clock, then start again")]
    ClockBehind {
        /// The clock.
        now: Timestamp,
        /// The last operation.
        last_op: Timestamp,
    },
    /// The gate can't be started.
    #[error(transparent)]
    Gate(#[from] GateError),
    /// A certificate can't be used.
    #[error("[[apple]] {pass_type_id}: {source}")]
    Certificate {
        /// Which account.
        pass_type_id: String,
        /// Why.
        source: CertificateError,
    },
    /// A certificate is not the one that is meant.
    #[error("[[apple]] {pass_type_id}: {}. {}", finding.what, finding.what_to_do)]
    Finding {
        /// Which account.
        pass_type_id: String,
        /// What is wrong.
        finding: Finding,
    },
    /// Two accounts are for the same organisation.
    #[error(
        "two sections [[apple]] are for {}: give each its own organisation",
        .0.map_or("every organisation".to_owned(), |org| org.to_string())
    )]
    TwoAccounts(Option<OrgId>),
    /// Pushing is not set up right.
    #[error("[[apple]] {pass_type_id}: {source}")]
    Push {
        /// Which account.
        pass_type_id: String,
        /// Why.
        source: ApnsError,
    },
    /// A template has errors.
    #[error("the template {name} is not right (`walaa template check` tells more):\n{}", list(problems))]
    Template {
        /// Its name.
        name: String,
        /// What is wrong.
        problems: Vec<TemplateProblem>,
    },
    /// An address can't be bound.
    #[error("{setting}: {address} can't be listened at: {source}")]
    Listen {
        /// The setting.
        setting: &'static str,
        /// The address.
        address: std::net::SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The server's own certificate can't be used.
    #[error("server.tls_certificate_file and server.tls_key_file: {0}")]
    Tls(String),
}

impl StartError {
    /// A file that can't be used.
    #[must_use]
    pub fn file(path: &Path, source: std::io::Error) -> Self {
        Self::File { path: path.to_owned(), source }
    }
}

fn list(problems: &[TemplateProblem]) -> String {
    problems.iter().map(|problem| format!("  {problem}")).collect::<Vec<_>>().join("\n")
}

/// Why the gateway stopped by itself.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The server could not be started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The server ended.
    #[error("the server ended: {0}")]
    Server(String),
    /// A task ended.
    #[error("the task \"{0}\" ended, which it never should; the log says more")]
    Task(&'static str),
}

impl RunError {
    pub(super) fn server(ended: Result<std::io::Result<()>, tokio::task::JoinError>) -> Self {
        Self::Server(match ended {
            Ok(Ok(())) => "without a reason".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        })
    }
}
