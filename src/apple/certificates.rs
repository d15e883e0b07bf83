//! The certificate that signs passes: reading it, checking it, getting one, and a make-believe authority for the demo.
//!
//! OpenSSL reads and checks; [`super::signer`] signs. The three parts always travel together as a [`PassCertificate`], which
//! can't be had without the checks that no pass survives failing. What is merely wrong for this installation, or soon will be,
//! comes as [`Finding`]s.

use std::fmt;
use std::path::{Path, PathBuf};

use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::bn::BigNum;
use openssl::ec::EcKeyRef;
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::{HasPublic, Id, PKey, PKeyRef, Private};
use openssl::x509::{X509, X509NameRef, X509Ref, X509VerifyResult};

use crate::clock::Timestamp;

pub mod findings;
pub mod import;
pub mod request;
pub mod sandbox_pki;

pub use crate::key_file::{self, Existing, KeyFileError};
pub use findings::{Expected, Finding, NfcUse, Severity, examine};

/// The shortest RSA key that a pass certificate may have.
const MIN_RSA_BITS: u32 = 2048;
/// The longest RSA key that the signer takes; longer ones only cost time.
const MAX_RSA_BITS: u32 = 8192;
/// The bytes of a certificate file; a chain of ten is smaller.
const MAX_CERTIFICATE_FILE_BYTES: u64 = 256 * 1024;
/// How the common name begins when Apple allowed the pass type to use NFC.
const NFC_COMMON_NAME: &str = "Pass Type ID with NFC";

/// A pass certificate with its private key and the certificate of its issuer, which belong together.
#[derive(Clone)]
pub struct PassCertificate {
    leaf: X509,
    key: PKey<Private>,
    intermediate: X509,
    pass_type_id: String,
    team_id: String,
    not_before: Timestamp,
    not_after: Timestamp,
}

/// Why there is no usable pass certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file is not what it should be.
    #[error("the {what} can't be read: expected PEM")]
    Unreadable {
        /// Which of the three.
        what: &'static str,
        /// What OpenSSL says.
        source: ErrorStack,
    },
    /// The private key is encrypted.
    #[error(
        "the private key is encrypted; decrypt it (openssl pkey -in KEY -out NEW, then chmod 600 NEW) or import it with its password"
    )]
    KeyEncrypted,
    /// The private key is of a kind that can't sign passes.
    #[error("the private key can't sign passes: expected RSA with at least {MIN_RSA_BITS} bits, or EC on the curve P-256")]
    KeyKind,
    /// Key and certificate are not of one pair.
    #[error("the private key does not belong to the pass certificate; use the key that the signing request was made with")]
    KeyMismatch,
    /// The intermediate did not issue the certificate.
    #[error(
        "the intermediate certificate ({intermediate}) did not issue the pass certificate; its issuer is {issuer}. \
         Get the right one from https://www.apple.com/certificateauthority/ (today AppleWWDRCAG4.cer)"
    )]
    NotIssued {
        /// Who issued the leaf.
        issuer: String,
        /// Who the given intermediate is.
        intermediate: String,
    },
    /// The subject names no pass type or no team.
    #[error("the certificate is not a pass certificate: its subject has no {0}")]
    Subject(&'static str),
    /// A file can't be read.
    #[error("{} can't be read: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file of the private key is missing or open to others.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// OpenSSL failed.
    #[error("OpenSSL failed: {0}")]
    OpenSsl(#[from] ErrorStack),
}

impl PassCertificate {
    /// Reads the three parts from PEM. The intermediate may be a bundle: the one that issued the leaf is taken.
    ///
    /// # Errors
    /// When a part can't be read, the key is too weak or another's, the intermediate did not issue the leaf (its signature is
    /// verified, names are not enough), or the leaf names no pass type or team. Dates are left to [`Self::findings`].
    pub fn load(leaf_pem: &[u8], key_pem: &[u8], intermediate_pem: &[u8]) -> Result<Self, CertificateError> {
        let unreadable = |what| move |source| CertificateError::Unreadable { what, source };
        let leaf = X509::from_pem(leaf_pem).map_err(unreadable("pass certificate"))?;
        let key = read_key(key_pem)?;
        let intermediates = X509::stack_from_pem(intermediate_pem).map_err(unreadable("intermediate certificate"))?;
        Self::assemble(leaf, key, &intermediates)
    }

    /// Puts parts together that were read before.
    pub(crate) fn assemble(leaf: X509, key: PKey<Private>, intermediates: &[X509]) -> Result<Self, CertificateError> {
        check_key(&key)?;
        if !leaf.public_key()?.public_eq(&key) {
            return Err(CertificateError::KeyMismatch);
        }
        let pass_type_id = subject_text(leaf.subject_name(), Nid::USERID).ok_or(CertificateError::Subject("UID (pass type)"))?;
        let team_id =
            subject_text(leaf.subject_name(), Nid::ORGANIZATIONALUNITNAME).ok_or(CertificateError::Subject("OU (team)"))?;
        let Some(intermediate) = intermediates.iter().find(|candidate| issued(candidate, &leaf)) else {
            return Err(CertificateError::NotIssued {
                issuer: name_text(leaf.issuer_name()),
                intermediate: intermediates.first().map_or("none given".to_owned(), |first| name_text(first.subject_name())),
            });
        };
        let intermediate = intermediate.to_owned();
        let not_before = timestamp(leaf.not_before())?.max(timestamp(intermediate.not_before())?);
        let not_after = timestamp(leaf.not_after())?.min(timestamp(intermediate.not_after())?);
        Ok(Self { leaf, key, intermediate, pass_type_id, team_id, not_before, not_after })
    }

    /// The certificate of the pass type.
    #[must_use]
    pub fn leaf(&self) -> &X509Ref {
        &self.leaf
    }

    /// Its private key.
    #[must_use]
    pub fn key(&self) -> &PKeyRef<Private> {
        &self.key
    }

    /// The certificate of its issuer, which goes into every signature and into the handshake with APNs.
    #[must_use]
    pub fn intermediate(&self) -> &X509Ref {
        &self.intermediate
    }

    /// The pass type in its subject (UID).
    #[must_use]
    pub fn pass_type_id(&self) -> &str {
        &self.pass_type_id
    }

    /// The team in its subject (OU).
    #[must_use]
    pub fn team_id(&self) -> &str {
        &self.team_id
    }

    /// Whether Apple allowed this pass type to use NFC.
    #[must_use]
    pub fn allows_nfc(&self) -> bool {
        subject_text(self.leaf.subject_name(), Nid::COMMONNAME).is_some_and(|name| name.starts_with(NFC_COMMON_NAME))
    }

    /// Its key in words, such as `RSA, 2048 bits`.
    #[must_use]
    pub fn key_text(&self) -> String {
        let kind = if self.key.id() == Id::RSA { "RSA" } else { "EC P-256" };
        format!("{kind}, {} bits", self.key.bits())
    }

    /// When both the leaf and its issuer have begun to be valid.
    #[must_use]
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// When the first of the two ends.
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// What an operator should know or do about this certificate now; `expected` is what the configuration wants of it.
    #[must_use]
    pub fn findings(&self, now: Timestamp, expected: Option<&Expected<'_>>) -> Vec<Finding> {
        findings::of(self, now, expected)
    }
}

impl fmt::Debug for PassCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PassCertificate")
            .field("pass_type_id", &self.pass_type_id)
            .field("team_id", &self.team_id)
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

/// Where the three parts are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassCertificateFiles {
    /// The certificate of the pass type, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM, for its owner's eyes only.
    pub key: PathBuf,
    /// The certificate of its issuer, PEM.
    pub intermediate: PathBuf,
}

impl PassCertificateFiles {
    /// The names that the three have in a folder unless the configuration says otherwise.
    #[must_use]
    pub fn in_folder(folder: &Path) -> Self {
        Self { certificate: folder.join("pass.pem"), key: folder.join("pass.key"), intermediate: folder.join("wwdr.pem") }
    }

    /// Reads and checks the three.
    ///
    /// # Errors
    /// As [`PassCertificate::load`], and when a file can't be read or others may read the key.
    pub fn load(&self) -> Result<PassCertificate, CertificateError> {
        PassCertificate::load(
            &read_certificate_file(&self.certificate)?,
            &key_file::read(&self.key)?,
            &read_certificate_file(&self.intermediate)?,
        )
    }

    /// Writes the three, the certificate last.
    ///
    /// # Errors
    /// When a file is there already and may not be replaced, or can't be written.
    pub fn save(&self, certificate: &PassCertificate, existing: Existing) -> Result<(), CertificateError> {
        if existing == Existing::Refuse {
            for path in [&self.certificate, &self.key, &self.intermediate] {
                key_file::refuse_existing(path)?;
            }
        }
        key_file::write_public(&self.intermediate, &certificate.intermediate.to_pem()?, existing)?;
        key_file::write(&self.key, &certificate.key.private_key_to_pem_pkcs8()?, existing)?;
        key_file::write_public(&self.certificate, &certificate.leaf.to_pem()?, existing)?;
        Ok(())
    }
}

/// Reads a file that holds certificates.
pub(crate) fn read_certificate_file(path: &Path) -> Result<Vec<u8>, CertificateError> {
    key_file::read_bounded(path, MAX_CERTIFICATE_FILE_BYTES)
        .map_err(|source| CertificateError::File { path: path.to_owned(), source })
}

/// Reads a private key from PEM; never asks anyone for a password.
fn read_key(pem: &[u8]) -> Result<PKey<Private>, CertificateError> {
    let asked = std::cell::Cell::new(false);
    let key = PKey::private_key_from_pem_callback(pem, |_| {
        asked.set(true);
        Err(ErrorStack::get())
    });
    key.map_err(|source| {
        if asked.get() { CertificateError::KeyEncrypted } else { CertificateError::Unreadable { what: "private key", source } }
    })
}

/// Whether a key may sign passes.
fn check_key(key: &PKeyRef<Private>) -> Result<(), CertificateError> {
    let fits = match key.id() {
        Id::RSA => (MIN_RSA_BITS..=MAX_RSA_BITS).contains(&key.bits()),
        Id::EC => key.ec_key().is_ok_and(|key| is_p256(&key)),
        _ => false,
    };
    if fits { Ok(()) } else { Err(CertificateError::KeyKind) }
}

/// Whether an EC key lies on P-256.
fn is_p256<T: HasPublic>(key: &EcKeyRef<T>) -> bool {
    key.group().curve_name() == Some(Nid::X9_62_PRIME256V1)
}

/// Whether one certificate really issued the other: names, key ids and the signature.
pub(crate) fn issued(issuer: &X509Ref, subject: &X509Ref) -> bool {
    issuer.issued(subject) == X509VerifyResult::OK
        && issuer.public_key().is_ok_and(|key| subject.verify(&key).is_ok_and(|verified| verified))
}

/// The first part of a name with this meaning.
pub(crate) fn subject_text(name: &X509NameRef, part: Nid) -> Option<String> {
    let entry = name.entries_by_nid(part).next()?;
    entry.data().to_string().ok()
}

/// A name as people write it: `CN=…, OU=…`.
pub(crate) fn name_text(name: &X509NameRef) -> String {
    let part = |entry: &openssl::x509::X509NameEntryRef| {
        let label = entry.object().nid().short_name().unwrap_or("?").to_owned();
        let value = entry.data().to_string().unwrap_or_else(|_| "?".to_owned());
        format!("{label}={value}")
    };
    name.entries().map(part).collect::<Vec<_>>().join(", ")
}

/// A certificate's time as ours.
pub(crate) fn timestamp(time: &Asn1TimeRef) -> Result<Timestamp, ErrorStack> {
    const SECONDS_PER_DAY: i64 = 86_400;
    let since_1970 = Asn1Time::from_unix(0)?.diff(time)?;
    let seconds = i64::from(since_1970.days) * SECONDS_PER_DAY + i64::from(since_1970.secs);
    Ok(Timestamp::default().plus_seconds(seconds))
}

/// Our time as a certificate's.
pub(crate) fn asn1_time(time: Timestamp) -> Result<Asn1Time, ErrorStack> {
    Asn1Time::from_unix(time.seconds())
}

/// A serial number as hexadecimal digits.
pub(crate) fn serial_text(certificate: &X509Ref) -> Result<String, ErrorStack> {
    let serial: BigNum = certificate.serial_number().to_bn()?;
    Ok(serial.to_hex_str()?.to_string())
}
