//! The stand-in's own keys: service accounts as Google hands them out, and the keys that sign callbacks.

use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private, Public};
use openssl::rsa::Rsa;
use openssl::sign::{Signer, Verifier};
use serde_json::{Value, json};

use crate::clock::Timestamp;
use crate::ids::Ids;

/// Google's own keys for this have as many.
const RSA_BITS: u32 = 2048;

/// How long a new root lives; Google's published one is said to live days and rolls on.
pub(super) const ROOT_LIVES_SECONDS: i64 = 30 * 86_400;

/// How long an intermediate key lives; real ones ended 7.6 days after their messages.
pub(super) const INTERMEDIATE_LIVES_SECONDS: i64 = 8 * 86_400;

/// The Google Cloud project that the accounts pretend to be of.
const PROJECT: &str = "walaa-sandbox";

/// A service account, with the private key that only its owner has.
#[derive(Clone)]
pub(super) struct ServiceAccount {
    /// `client_email`, which is its name everywhere.
    pub email: String,
    /// `private_key_id`.
    pub key_id: String,
    private_pem: String,
    public: PKey<Public>,
    client_id: String,
}

impl ServiceAccount {
    /// A new one.
    pub(super) fn generate(name: &str, ids: &dyn Ids) -> Result<Self, ErrorStack> {
        let key = PKey::from_rsa(Rsa::generate(RSA_BITS)?)?;
        let private_pem = String::from_utf8_lossy(&key.private_key_to_pem_pkcs8()?).into_owned();
        let public = PKey::public_key_from_pem(&key.public_key_to_pem()?)?;
        let key_id = hex(&[&ids.random()[..], &ids.random()[..4]].concat());
        let number = u128::from_be_bytes(ids.random()) % 10_u128.pow(18);
        let email = format!("{name}@{PROJECT}.iam.gserviceaccount.com");
        Ok(Self { email, key_id, private_pem, public, client_id: format!("100{number:018}") })
    }

    /// The file that Google's console hands out.
    pub(super) fn file(&self, token_url: &str) -> Value {
        let certificates = "https://www.googleapis.com";
        json!({
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": self.key_id,
            "private_key": self.private_pem,
            "client_email": self.email,
            "client_id": self.client_id,
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": token_url,
            "auth_provider_x509_cert_url": format!("{certificates}/oauth2/v1/certs"),
            "client_x509_cert_url": format!("{certificates}/robot/v1/metadata/x509/{}", self.email.replace('@', "%40")),
            "universe_domain": "googleapis.com",
        })
    }

    /// Whether the account signed this (RS256).
    pub(super) fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified =
            Verifier::new(MessageDigest::sha256(), &self.public).and_then(|mut it| it.verify_oneshot(signature, message));
        verified.unwrap_or(false)
    }
}

/// A P-256 key with an end.
#[derive(Clone)]
pub(super) struct SigningKey {
    key: PKey<Private>,
    /// Not used from here on.
    pub expires: Timestamp,
}

impl SigningKey {
    /// A new one.
    pub(super) fn generate(expires: Timestamp) -> Result<Self, ErrorStack> {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
        Ok(Self { key: PKey::from_ec_key(EcKey::generate(&group)?)?, expires })
    }

    /// The public half: SPKI in DER.
    pub(super) fn public_der(&self) -> Result<Vec<u8>, ErrorStack> {
        self.key.public_key_to_der()
    }

    /// ECDSA with SHA-256 in DER.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        Signer::new(MessageDigest::sha256(), &self.key)?.sign_oneshot_to_vec(message)
    }
}

/// Bytes as small hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
