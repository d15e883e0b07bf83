//! Importing what Apple's portal and the Mac's keychain hand out: .cer, .pem and .p12, whatever the file's name says.

use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;

use super::{CertificateError, PassCertificate, subject_text};

/// What leaves a keychain's old encryption behind. (Piped into `openssl pkcs12 -export`, as often advised, it fails: OpenSSL 3
/// reads the key from the pipe and then finds no certificate there.)
const LEGACY_COMMAND: &str = "openssl pkcs12 -legacy -in old.p12 -nodes -out new.pem";

/// Certificates in one file; a chain has three.
const MAX_CERTIFICATES: usize = 20;

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file is of no kind that we know.
    #[error("this is neither a certificate (.cer, .pem) nor a key (.pem) nor a PKCS#12 file (.p12)")]
    UnknownKind,
    /// The file has an encryption that OpenSSL 3 no longer offers.
    #[error(
        "the .p12 file is encrypted the old way (RC2), as the Mac's keychain does. \
         Unlock it with  {LEGACY_COMMAND}  and import new.pem; delete that file afterwards, it holds the private key"
    )]
    LegacyEncryption,
    /// The password is wrong or missing.
    #[error("the password does not open the file")]
    Password,
    /// The private key is in none of the files.
    #[error("the private key of the pass certificate is missing: give the file that walaa certs csr made, or the .p12")]
    KeyMissing,
    /// No pass certificate is in the files.
    #[error("no pass certificate is in the files: its subject would have a UID such as pass.com.example.card")]
    LeafMissing,
    /// There is no intermediate certificate.
    #[error(
        "the intermediate certificate is missing: get it from https://www.apple.com/certificateauthority/ \
         (today AppleWWDRCAG4.cer) and give it with --intermediate"
    )]
    IntermediateMissing,
    /// There is more in the file than a pass certificate needs.
    #[error("the file holds more than {MAX_CERTIFICATES} certificates")]
    TooMany,
    /// The parts don't fit together.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

/// What the files held.
#[derive(Default)]
pub struct Parts {
    certificates: Vec<X509>,
    keys: Vec<PKey<Private>>,
}

impl Parts {
    /// Reads one more file: DER or PEM certificates, PEM keys, PKCS#12. The password opens encrypted keys and PKCS#12.
    ///
    /// # Errors
    /// When the file is of no known kind or does not open.
    pub fn add(&mut self, file: &[u8], password: Option<&str>) -> Result<(), ImportError> {
        // OpenSSL takes passwords as C strings, which end at a zero.
        if password.is_some_and(|password| password.contains('\0')) {
            return Err(ImportError::Password);
        }
        if contains(file, b"-----BEGIN ") {
            self.add_pem(file, password)?;
        } else if let Ok(certificate) = X509::from_der(file) {
            self.certificates.push(certificate);
        } else if let Ok(bundle) = Pkcs12::from_der(file) {
            self.add_pkcs12(&bundle, password.unwrap_or_default())?;
        } else {
            return Err(ImportError::UnknownKind);
        }
        if self.certificates.len() > MAX_CERTIFICATES { Err(ImportError::TooMany) } else { Ok(()) }
    }

    /// Finds the pass certificate, its key and its issuer among what was read, and checks them.
    ///
    /// # Errors
    /// When one of the three is missing or they don't fit together.
    pub fn assemble(self) -> Result<PassCertificate, ImportError> {
        let mut leaves: Vec<&X509> =
            self.certificates.iter().filter(|one| subject_text(one.subject_name(), Nid::USERID).is_some()).collect();
        // Of several, such as last year's and this year's, the one that ends last and whose key is there.
        leaves.sort_by(|a, b| b.not_after().compare(a.not_after()).unwrap_or(std::cmp::Ordering::Equal));
        if leaves.is_empty() {
            return Err(ImportError::LeafMissing);
        }
        let pair = leaves.iter().find_map(|leaf| {
            let public = leaf.public_key().ok()?;
            Some((*leaf, self.keys.iter().find(|key| public.public_eq(*key))?))
        });
        let Some((leaf, key)) = pair else {
            return Err(if self.keys.is_empty() { ImportError::KeyMissing } else { CertificateError::KeyMismatch.into() });
        };
        let others: Vec<X509> = self.certificates.iter().filter(|one| !leaves.contains(one)).cloned().collect();
        if others.is_empty() {
            return Err(ImportError::IntermediateMissing);
        }
        Ok(PassCertificate::assemble(leaf.clone(), key.clone(), &others)?)
    }

    /// Certificates and keys in PEM, one after the other.
    fn add_pem(&mut self, file: &[u8], password: Option<&str>) -> Result<(), ImportError> {
        if contains(file, b"-----BEGIN CERTIFICATE")
            || contains(file, b"-----BEGIN X509")
            || contains(file, b"-----BEGIN TRUSTED")
        {
            let certificates = X509::stack_from_pem(file);
            self.certificates.extend(certificates.map_err(|source| unreadable("certificate", source))?);
        }
        if contains(file, b"PRIVATE KEY-----") {
            let key = PKey::private_key_from_pem_passphrase(file, password.unwrap_or_default().as_bytes());
            let encrypted = contains(file, b"ENCRYPTED");
            self.keys.push(key.map_err(
                |source| {
                    if encrypted { ImportError::Password } else { unreadable("private key", source) }
                },
            )?);
        }
        Ok(())
    }

    /// What a PKCS#12 file holds.
    fn add_pkcs12(&mut self, bundle: &Pkcs12, password: &str) -> Result<(), ImportError> {
        let parsed = bundle.parse2(password).map_err(|error| pkcs12_error(&error))?;
        self.keys.extend(parsed.pkey);
        self.certificates.extend(parsed.cert);
        self.certificates.extend(parsed.ca.into_iter().flatten());
        Ok(())
    }
}

/// A part that OpenSSL could not read.
fn unreadable(what: &'static str, source: ErrorStack) -> ImportError {
    CertificateError::Unreadable { what, source }.into()
}

/// What OpenSSL means when it can't open a PKCS#12 file.
fn pkcs12_error(error: &ErrorStack) -> ImportError {
    let says = |words: &str| error.errors().iter().any(|one| one.reason().is_some_and(|reason| reason.contains(words)));
    if says("mac verify failure") {
        ImportError::Password
    } else if says("unsupported") || says("unknown cipher") || says("cipherinit error") {
        ImportError::LegacyEncryption
    } else {
        ImportError::UnknownKind
    }
}

/// Whether these bytes are somewhere in the file.
fn contains(file: &[u8], part: &[u8]) -> bool {
    file.windows(part.len()).any(|window| window == part)
}
