//! Signing a manifest: CMS SignedData, detached, built by hand around one private key operation.
//!
//! OpenSSL makes the same bytes, but parses and copies so much on the way that one core signs a fifth fewer passes. Everything
//! that does not depend on the manifest or on the time is laid out once, when the signer is made. What a certificate must be
//! is checked in [`super::certificates`], not here.

use std::fmt;

use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256};
use openssl::pkey::Id;

use super::certificates::{CertificateError, PassCertificate};
use super::der::{self, element};
use crate::clock::Timestamp;

/// Something that signs passes of one pass type.
pub trait Signer: Send + Sync {
    /// The detached signature over exactly these bytes: CMS in DER.
    ///
    /// # Errors
    /// [`SignError::OutsideValidity`] when the certificate does not cover `signing_time`: Wallet would refuse the pass.
    fn sign_manifest(&self, manifest: &[u8], signing_time: Timestamp) -> Result<Vec<u8>, SignError>;

    /// Names this signer in caches of built passes; another certificate has another name.
    fn id(&self) -> &str;

    /// The pass type that it signs for, such as `pass.com.example.card`.
    fn pass_type_id(&self) -> &str;

    /// The developer team that owns the pass type.
    fn team_id(&self) -> &str;

    /// When it stops signing.
    fn not_after(&self) -> Timestamp;
}

/// Why nothing was signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The certificate is not yet or no longer valid.
    #[error("the pass certificate signs from {not_before} to {not_after} only, and it is {now}")]
    OutsideValidity {
        /// The time that should have been signed.
        now: Timestamp,
        /// When the certificate begins.
        not_before: Timestamp,
        /// When the certificate ends.
        not_after: Timestamp,
    },
    /// The cryptographic library refused.
    #[error("the private key of the pass certificate refused to sign")]
    KeyFailed,
}

/// A [`Signer`] whose private key is in memory.
pub struct CmsSigner {
    key: SigningKey,
    id: String,
    pass_type_id: String,
    team_id: String,
    not_before: Timestamp,
    not_after: Timestamp,
    /// `[0] certificates`: the leaf and the intermediate.
    certificates: Vec<u8>,
    /// The head of the SignerInfo: version, issuer and serial number, digest algorithm.
    signer_head: Vec<u8>,
    /// The head of the SignedData: version, digest algorithms, content type without content.
    signed_data_head: Vec<u8>,
    signature_algorithm: Vec<u8>,
}

/// The parsed private key.
enum SigningKey {
    Rsa(Box<RsaKeyPair>),
    Ec(Box<EcdsaKeyPair>),
}

/// 1.2.840.113549.1.7.1, id-data.
const ID_DATA: &[u8] = &[0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
/// 1.2.840.113549.1.7.2, id-signedData.
const ID_SIGNED_DATA: &[u8] = &[0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
/// 1.2.840.113549.1.9.3, contentType.
const ID_CONTENT_TYPE: &[u8] = &[0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 3];
/// 1.2.840.113549.1.9.4, messageDigest.
const ID_MESSAGE_DIGEST: &[u8] = &[0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 4];
/// 1.2.840.113549.1.9.5, signingTime: Wallet refuses a signature without it.
const ID_SIGNING_TIME: &[u8] = &[0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 5];
/// 2.16.840.1.101.3.4.2.1, SHA-256; RFC 5754 wants its parameters left out.
const ID_SHA256: &[u8] = &[0x06, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
/// 1.2.840.113549.1.1.1, rsaEncryption.
const ID_RSA: &[u8] = &[0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
/// 1.2.840.10045.4.3.2, ecdsa-with-SHA256.
const ID_ECDSA_SHA256: &[u8] = &[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
/// NULL, the parameters of rsaEncryption.
const NULL: &[u8] = &[0x05, 0];
/// INTEGER 1: the version of SignedData over id-data, and of a SignerInfo that names its certificate by serial number.
const VERSION_1: &[u8] = &[0x02, 1, 1];

impl CmsSigner {
    /// A signer with this certificate, its key parsed once and for all.
    ///
    /// # Errors
    /// When the key is of a kind that can't sign passes, or the certificate can't be encoded.
    pub fn new(certificate: &PassCertificate) -> Result<Self, CertificateError> {
        let (key, signature_algorithm) = SigningKey::of(certificate)?;
        let leaf = certificate.leaf().to_der()?;
        let intermediate = certificate.intermediate().to_der()?;
        let serial = der::unsigned_integer(&certificate.leaf().serial_number().to_bn()?.to_vec());
        let issuer = certificate.leaf().issuer_name().to_der()?;
        let sha256 = element(der::SEQUENCE, &[ID_SHA256]);

        let mut fingerprint = digest::Context::new(&digest::SHA256);
        fingerprint.update(&leaf);
        fingerprint.update(&intermediate);

        Ok(Self {
            key,
            id: super::package::hex(&fingerprint.finish().as_ref()[..16]),
            pass_type_id: certificate.pass_type_id().to_owned(),
            team_id: certificate.team_id().to_owned(),
            not_before: certificate.not_before(),
            not_after: certificate.not_after(),
            certificates: der::set_of(der::CONTEXT_0, &[&leaf, &intermediate]),
            signer_head: [VERSION_1, &element(der::SEQUENCE, &[&issuer, &serial]), &sha256].concat(),
            signed_data_head: [VERSION_1, &element(der::SET, &[&sha256]), &element(der::SEQUENCE, &[ID_DATA])].concat(),
            signature_algorithm,
        })
    }

    /// The signed attributes as the SET that is signed; in the message its tag becomes `[0]`.
    fn signed_attributes(manifest: &[u8], signing_time: Timestamp) -> Vec<u8> {
        let attribute = |id: &[u8], value: &[u8]| element(der::SEQUENCE, &[id, &element(der::SET, &[value])]);
        let message_digest = element(der::OCTET_STRING, &[digest::digest(&digest::SHA256, manifest).as_ref()]);
        der::set_of(
            der::SET,
            &[
                &attribute(ID_CONTENT_TYPE, ID_DATA),
                &attribute(ID_SIGNING_TIME, &der::time(signing_time)),
                &attribute(ID_MESSAGE_DIGEST, &message_digest),
            ],
        )
    }
}

impl Signer for CmsSigner {
    fn sign_manifest(&self, manifest: &[u8], signing_time: Timestamp) -> Result<Vec<u8>, SignError> {
        let second = signing_time.seconds();
        if second < self.not_before.seconds() || second > self.not_after.seconds() {
            let (not_before, not_after) = (self.not_before, self.not_after);
            return Err(SignError::OutsideValidity { now: signing_time, not_before, not_after });
        }
        let mut attributes = Self::signed_attributes(manifest, signing_time);
        let signature = element(der::OCTET_STRING, &[&self.key.sign(&attributes)?]);
        attributes[0] = der::CONTEXT_0;
        let signer = element(der::SEQUENCE, &[&self.signer_head, &attributes, &self.signature_algorithm, &signature]);
        let signers = element(der::SET, &[&signer]);
        let signed_data = element(der::SEQUENCE, &[&self.signed_data_head, &self.certificates, &signers]);
        Ok(element(der::SEQUENCE, &[ID_SIGNED_DATA, &element(der::CONTEXT_0, &[&signed_data])]))
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn pass_type_id(&self) -> &str {
        &self.pass_type_id
    }

    fn team_id(&self) -> &str {
        &self.team_id
    }

    fn not_after(&self) -> Timestamp {
        self.not_after
    }
}

impl fmt::Debug for CmsSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CmsSigner").field("id", &self.id).field("pass_type_id", &self.pass_type_id).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// The parsed key of a certificate and the algorithm identifier of its signatures.
    fn of(certificate: &PassCertificate) -> Result<(Self, Vec<u8>), CertificateError> {
        let pkcs8 = certificate.key().private_key_to_pkcs8()?;
        match certificate.key().id() {
            Id::RSA => {
                let key = RsaKeyPair::from_pkcs8(&pkcs8).map_err(|_| CertificateError::KeyKind)?;
                Ok((Self::Rsa(Box::new(key)), element(der::SEQUENCE, &[ID_RSA, NULL])))
            }
            Id::EC => {
                let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &pkcs8);
                let key = key.map_err(|_| CertificateError::KeyKind)?;
                Ok((Self::Ec(Box::new(key)), element(der::SEQUENCE, &[ID_ECDSA_SHA256])))
            }
            _ => Err(CertificateError::KeyKind),
        }
    }

    /// The bare signature over a message, hashed with SHA-256.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).map_err(|_| SignError::KeyFailed)?;
                Ok(signature)
            }
            Self::Ec(key) => {
                let signature = key.sign(&random, message).map_err(|_| SignError::KeyFailed)?;
                Ok(signature.as_ref().to_vec())
            }
        }
    }
}
