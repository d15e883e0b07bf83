//! "Add to Google Wallet": a signed link that names objects which Google has already.
//!
//! The link holds ids only (a *skinny* JWT): what is inlined would not update an object that exists, would show a rotating
//! barcode's secret, and would make the link longer than browsers and mail programs carry.

use std::fmt;

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::google::resource::{ResourceId, ResourceKind};

/// Where a signed link is opened.
pub const SAVE_URL: &str = "https://pay.google.com/gp/v/save/";

/// The longest token, in characters, that browsers, mail and SMS are known to carry whole (Google's guidance).
pub const MAX_TOKEN: usize = 1_800;

/// Who signs: the service account that the issuer's console lists as a user.
pub struct LinkSigner {
    /// Its RSA key.
    pub key: EncodingKey,
    /// Its key's id, `private_key_id` of the key file.
    pub key_id: String,
    /// Its mail address, `client_email` of the key file.
    pub email: String,
}

/// The key stays out of logs.
impl fmt::Debug for LinkSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkSigner").field("key_id", &self.key_id).field("email", &self.email).finish_non_exhaustive()
    }
}

/// What a link is made of.
#[derive(Debug, Clone, Copy)]
pub struct SaveLink<'a> {
    /// The objects, which are at Google already: a card and its vouchers, for instance.
    pub objects: &'a [(ResourceKind, ResourceId)],
    /// The web origins that may draw Google's button; none are needed for a plain link.
    pub origins: &'a [String],
    /// When it is made.
    pub now: Timestamp,
}

/// Why there is no link.
#[derive(Debug, thiserror::Error)]
pub enum SaveLinkError {
    /// There is nothing to save.
    #[error("a save link needs at least one object")]
    Empty,
    /// A class can't be saved, only objects of it.
    #[error("{0} is a class: a save link names objects")]
    NotAnObject(ResourceId),
    /// Browsers and mail programs would cut it.
    #[error("the save link would be {length} characters, above {MAX_TOKEN}: put fewer objects or origins into it")]
    TooLong {
        /// How long it would be.
        length: usize,
    },
    /// The key can't sign.
    #[error("the service account's key can't sign the save link")]
    Sign(#[source] jsonwebtoken::errors::Error),
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'static str,
    typ: &'static str,
    iat: i64,
    origins: &'a [String],
    payload: Map<String, Value>,
}

impl LinkSigner {
    /// The link that puts objects into somebody's wallet.
    ///
    /// # Errors
    /// There is no object, one is a class, the link would be too long, or the key can't sign.
    pub fn link(&self, link: &SaveLink<'_>) -> Result<String, SaveLinkError> {
        self.link_at(SAVE_URL, link)
    }

    /// The same at another address than Google's, which ends with a slash.
    ///
    /// # Errors
    /// As [`Self::link`].
    pub fn link_at(&self, address: &str, link: &SaveLink<'_>) -> Result<String, SaveLinkError> {
        let token = self.token(link)?;
        if token.len() > MAX_TOKEN {
            return Err(SaveLinkError::TooLong { length: token.len() });
        }
        Ok(format!("{address}{token}"))
    }

    fn token(&self, link: &SaveLink<'_>) -> Result<String, SaveLinkError> {
        if link.objects.is_empty() {
            return Err(SaveLinkError::Empty);
        }
        let mut payload = Map::new();
        for (kind, id) in link.objects {
            if !kind.is_object() {
                return Err(SaveLinkError::NotAnObject(id.clone()));
            }
            let list = payload.entry(kind.array()).or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(list) = list {
                list.push(serde_json::json!({ "id": id.to_string() }));
            }
        }
        let claims = Claims {
            iss: &self.email,
            aud: "google",
            typ: "savetowallet",
            iat: link.now.to_utc().timestamp(),
            origins: link.origins,
            payload,
        };
        let header = Header { kid: Some(self.key_id.clone()), ..Header::new(Algorithm::RS256) };
        encode(&header, &claims, &self.key).map_err(SaveLinkError::Sign)
    }
}
