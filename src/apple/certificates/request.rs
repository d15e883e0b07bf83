//! A new private key and the signing request for it, to be uploaded to Apple's developer portal.

use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::{X509NameBuilder, X509ReqBuilder};

/// What Apple's portal takes.
const RSA_BITS: u32 = 2048;

/// Who asks. Apple replaces the names by its own; they help to tell requests apart.
#[derive(Debug, Clone)]
pub struct Requester<'a> {
    /// Such as the name of the shop.
    pub common_name: &'a str,
    /// The address of the developer account.
    pub email: &'a str,
    /// Two letters.
    pub country: Option<&'a str>,
}

/// A key and its request, both PEM.
pub struct SigningRequest {
    /// The private key, to be kept.
    pub key_pem: Vec<u8>,
    /// The request, to be uploaded.
    pub request_pem: Vec<u8>,
}

/// Makes a new RSA key and a signing request for it.
///
/// # Errors
/// When a name has letters or a length that X.509 does not allow.
pub fn create(requester: &Requester<'_>) -> Result<SigningRequest, ErrorStack> {
    let key = new_rsa_key()?;
    let mut name = X509NameBuilder::new()?;
    name.append_entry_by_nid(Nid::PKCS9_EMAILADDRESS, requester.email)?;
    name.append_entry_by_nid(Nid::COMMONNAME, requester.common_name)?;
    if let Some(country) = requester.country {
        name.append_entry_by_nid(Nid::COUNTRYNAME, country)?;
    }
    let mut request = X509ReqBuilder::new()?;
    request.set_version(0)?;
    request.set_subject_name(&name.build())?;
    request.set_pubkey(&key)?;
    request.sign(&key, MessageDigest::sha256())?;
    Ok(SigningRequest { key_pem: key.private_key_to_pem_pkcs8()?, request_pem: request.build().to_pem()? })
}

/// A new RSA key of the length that Apple wants.
pub(super) fn new_rsa_key() -> Result<PKey<Private>, ErrorStack> {
    PKey::from_rsa(Rsa::generate(RSA_BITS)?)
}
