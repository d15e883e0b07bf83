//! A Google service account: its key file as Google gives it, and signatures with its key. The key is never printed.

use std::fmt;
use std::path::{Path, PathBuf};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::save_link::LinkSigner;
use super::transport::trusted_url;
use crate::key_file::{self, KeyFileError};

/// What to do to get a right file.
const HOW_TO_GET_ONE: &str = "In the Google Cloud console open IAM & Admin, Service accounts, the account, Keys, Add key, \
                              Create new key, JSON, and put that file here unchanged";

/// What Google calls the kind of key that is meant.
const KIND: &str = "service_account";

/// Where tokens come from if the file does not say.
const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";

/// A service account.
pub struct ServiceAccount {
    email: String,
    key_id: String,
    token_uri: reqwest::Url,
    key: EncodingKey,
}

/// Why a service account can't be used, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The file can't be read, or others can read it too.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// It is not such a file.
    #[error("{}: {source}", path.display())]
    Content {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: AccountContentError,
    },
}

/// What is wrong with the text of a key file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountContentError {
    /// No JSON, or a member is missing.
    #[error("this is no service account key: {what}. {HOW_TO_GET_ONE}")]
    NotAKeyFile {
        /// Which member; never a value.
        what: String,
    },
    /// Credentials of another kind.
    #[error("these are credentials of type {0}, but a service account's key is needed. {HOW_TO_GET_ONE}")]
    OtherKind(String),
    /// The key can't sign.
    #[error("private_key is not an RSA key of 2,048 bits or more in PEM. {HOW_TO_GET_ONE}")]
    Key,
    /// Tokens would travel in clear.
    #[error("token_uri must be an https address; Google's is {TOKEN_URI}")]
    TokenUri,
    /// The e-mail address is none.
    #[error("client_email is no e-mail address. {HOW_TO_GET_ONE}")]
    Email,
}

/// The members that count. No `Debug`: it holds the key.
#[derive(Deserialize)]
struct KeyFile {
    #[serde(rename = "type")]
    kind: Option<String>,
    client_email: Option<String>,
    private_key_id: Option<String>,
    private_key: Option<String>,
    token_uri: Option<String>,
}

impl ServiceAccount {
    /// Reads a key file that only its owner may read.
    ///
    /// # Errors
    /// It can't be read, others may read it, or it is no service account's key.
    pub fn read(path: &Path) -> Result<Self, AccountError> {
        let content = Zeroizing::new(key_file::read(path)?);
        Self::parse(&content).map_err(|source| AccountError::Content { path: path.to_owned(), source })
    }

    /// Reads the text of a key file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(json: &[u8]) -> Result<Self, AccountContentError> {
        // The parser's own words may quote the key.
        let file: KeyFile = serde_json::from_slice(json).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => missing("a member is of the wrong kind"),
            _ => missing("it is not JSON"),
        })?;
        let kind = file.kind.ok_or_else(|| missing("type is missing"))?;
        if kind != KIND {
            return Err(AccountContentError::OtherKind(kind.chars().filter(|letter| !letter.is_control()).take(40).collect()));
        }
        let email = file.client_email.ok_or_else(|| missing("client_email is missing"))?;
        let key_id = file.private_key_id.ok_or_else(|| missing("private_key_id is missing"))?;
        let pem = Zeroizing::new(file.private_key.ok_or_else(|| missing("private_key is missing"))?);
        let readable = |text: &str| text.len() <= 320 && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !readable(&email) || email.split('@').filter(|part| !part.is_empty()).count() != 2 {
            return Err(AccountContentError::Email);
        }
        // A key that went through an environment variable has the two characters \n where lines end.
        let pem = Zeroizing::new(pem.replace("\\n", "\n"));
        let key = EncodingKey::from_rsa_pem(pem.as_bytes()).map_err(|_| AccountContentError::Key)?;
        let token_uri = trusted_url(file.token_uri.as_deref().unwrap_or(TOKEN_URI)).ok_or(AccountContentError::TokenUri)?;
        let account = Self { email, key_id, token_uri, key };
        // The PEM is only decoded above; whether the key can sign is seen when it does.
        account.sign(&serde_json::json!({})).map(|_| account)
    }

    /// Its e-mail address, which must be a user of the issuer.
    #[must_use]
    pub fn email(&self) -> &str {
        &self.email
    }

    /// Which of its keys this is.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Where its tokens come from.
    pub(super) fn token_uri(&self) -> &reqwest::Url {
        &self.token_uri
    }

    /// What signs save links.
    #[must_use]
    pub fn link_signer(&self) -> LinkSigner {
        LinkSigner { key: self.key.clone(), key_id: self.key_id.clone(), email: self.email.clone() }
    }

    /// A JWT of these claims (RS256), as token requests and save links carry it.
    ///
    /// # Errors
    /// The key can't sign.
    pub fn sign(&self, claims: &impl Serialize) -> Result<String, AccountContentError> {
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(self.key_id.clone());
        jsonwebtoken::encode(&header, claims, &self.key).map_err(|_| AccountContentError::Key)
    }
}

impl fmt::Debug for ServiceAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceAccount").field("email", &self.email).field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

fn missing(what: &str) -> AccountContentError {
    AccountContentError::NotAKeyFile { what: what.to_owned() }
}
