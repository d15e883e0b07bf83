//! Compact JWTs as they come in: taken apart, and checked against the account that says it signed them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::keys::ServiceAccount;
use super::state::State;

/// A JWT in its three parts. Nothing in it is to be believed before [`Compact::signer`] says whose it is.
pub(super) struct Compact {
    header: Value,
    /// What it claims.
    pub claims: Value,
    signed: Vec<u8>,
    signature: Vec<u8>,
}

impl Compact {
    /// Takes a JWT apart.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let part = |text: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok();
        Some(Self {
            header: part(header)?,
            claims: part(claims)?,
            signed: signed.as_bytes().to_vec(),
            signature: URL_SAFE_NO_PAD.decode(signature).ok()?,
        })
    }

    /// The service account that `iss` names, if it signed this.
    pub(super) fn signer<'s>(&self, state: &'s State) -> Result<&'s ServiceAccount, &'static str> {
        let account = self.claims["iss"].as_str().and_then(|email| state.accounts.get(email)).ok_or("account not found")?;
        if self.header["alg"] != "RS256" {
            return Err("Invalid JWT: alg must be RS256.");
        }
        let key_id = self.header["kid"].as_str();
        if key_id.is_some_and(|key_id| key_id != account.key_id) || !account.signed(&self.signed, &self.signature) {
            return Err("Invalid JWT Signature.");
        }
        Ok(account)
    }
}
