//! A make-believe certificate authority for demo and tests, shaped like Apple's: a root, an intermediate with the names of
//! WWDR G4, a pass certificate, and a certificate for the TLS servers on this machine, all under the one root.
//!
//! No phone accepts what it signs, and every name says that it is a sandbox's. The root's key lies beside it, since the others
//! have to be renewed: don't import this root into a browser that is used for anything else. (A name constraint to this
//! machine would be the remedy, but GnuTLS then refuses pass signatures, whose certificates name no machine.)

use std::path::{Path, PathBuf};

use openssl::asn1::{Asn1Object, Asn1OctetString};
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{Asn1Flag, EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, PKeyRef, Private};
use openssl::x509::extension::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName, SubjectKeyIdentifier,
};
use openssl::x509::{X509, X509Builder, X509Extension, X509Name, X509NameBuilder, X509Ref};

use super::request::new_rsa_key;
use super::{
    CertificateError, Existing, PassCertificateFiles, asn1_time, issued, key_file, read_certificate_file, read_key, timestamp,
};
use crate::apple::der;
use crate::clock::{Clock, Timestamp};

/// What every name of the sandbox says.
const ORGANISATION: &str = "Walaa sandbox, not Apple";
/// 1.2.840.113635.100.4.14: Apple's key usage for passes.
const PASS_KEY_USAGE: &str = "1.2.840.113635.100.4.14";
/// 1.2.840.113635.100.6.1.16: where Apple puts the pass type id.
const PASS_TYPE_EXTENSION: &str = "1.2.840.113635.100.6.1.16";
/// Life of the root.
const ROOT_DAYS: i64 = 20 * 365;
/// Life of the intermediate, about that of G4.
const INTERMEDIATE_DAYS: i64 = 10 * 365;
/// Life of a pass certificate: Apple's thirteen months.
const PASS_DAYS: i64 = 395;
/// Life of a server certificate: the most that browsers accept.
const SERVER_DAYS: i64 = 397;
/// What ends sooner is made anew, so that a demo of some days does not end in the middle.
const RENEW_BEFORE_DAYS: i64 = 30;
/// Certificates begin earlier than now, for clocks that are behind.
const BACKDATED_DAYS: i64 = 1;
/// Bits of a serial number; RFC 5280 allows 159.
const SERIAL_BITS: i32 = 127;

/// Where everything is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxPki {
    /// The root: what a client must trust, for TLS and for passes.
    pub root: PathBuf,
    /// The pass certificate, its key, and the intermediate.
    pub pass: PassCertificateFiles,
    /// The certificate for `localhost`, `127.0.0.1` and `::1`.
    pub server_certificate: PathBuf,
    /// Its key.
    pub server_key: PathBuf,
}

/// Why there is no sandbox authority.
#[derive(Debug, thiserror::Error)]
pub enum SandboxPkiError {
    /// The root is over, or its key is gone; whoever trusted it has to trust a new one.
    #[error("the sandbox's root {} {why}; remove the folder to have a new one made, and trust that one instead", path.display())]
    Root {
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A file can't be read or written, or OpenSSL failed.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

impl From<ErrorStack> for SandboxPkiError {
    fn from(error: ErrorStack) -> Self {
        Self::Certificate(error.into())
    }
}

impl From<key_file::KeyFileError> for SandboxPkiError {
    fn from(error: key_file::KeyFileError) -> Self {
        Self::Certificate(error.into())
    }
}

/// Makes the authority in a folder, or goes on with what is there. What has ended, or is for another pass type, is made anew;
/// the root never is.
///
/// # Errors
/// When the root is no longer usable, or a file can't be read or written.
pub fn generate(folder: &Path, pass_type_id: &str, team_id: &str, clock: &dyn Clock) -> Result<SandboxPki, SandboxPkiError> {
    key_file::make_folder(folder)?;
    let now = clock.now();
    let pki = SandboxPki {
        root: folder.join("root.pem"),
        pass: PassCertificateFiles::in_folder(folder),
        server_certificate: folder.join("server.pem"),
        server_key: folder.join("server.key"),
    };
    let root = root(&pki.root, &folder.join("root.key"), now)?;
    let intermediate_files = (pki.pass.intermediate.as_path(), folder.join("wwdr.key"));
    let intermediate = current(intermediate_files.0, &intermediate_files.1, (&root, now), |_| true);
    let intermediate = match intermediate {
        Some(pair) => pair,
        None => issue_to_file(&intermediate_blank()?, &root, now, (intermediate_files.0, &intermediate_files.1))?,
    };

    let subject = pass_subject(pass_type_id, team_id)?;
    let same_subject = |leaf: &X509Ref| leaf.subject_name().try_cmp(&subject).is_ok_and(std::cmp::Ordering::is_eq);
    if current(&pki.pass.certificate, &pki.pass.key, (&intermediate, now), same_subject).is_none() {
        let files = (pki.pass.certificate.as_path(), pki.pass.key.as_path());
        issue_to_file(&pass_blank(subject, pass_type_id)?, &intermediate, now, files)?;
    }
    if current(&pki.server_certificate, &pki.server_key, (&root, now), |_| true).is_none() {
        issue_to_file(&server_blank()?, &root, now, (&pki.server_certificate, &pki.server_key))?;
    }
    Ok(pki)
}

/// A certificate and its key.
struct Pair {
    certificate: X509,
    key: PKey<Private>,
}

/// A certificate before it is issued.
struct Blank {
    subject: X509Name,
    key: PKey<Private>,
    days: i64,
    extensions: Vec<X509Extension>,
}

/// The root from its files, or a new one if there is none.
fn root(certificate_file: &Path, key_path: &Path, now: Timestamp) -> Result<Pair, SandboxPkiError> {
    let unusable = |why| SandboxPkiError::Root { path: certificate_file.to_owned(), why };
    if !certificate_file.exists() {
        return Ok(new_root(now, (certificate_file, key_path))?);
    }
    let certificate = read_certificate_file(certificate_file)?;
    let certificate = X509::from_pem(&certificate).map_err(|_| unusable("can't be read"))?;
    let key = key_file::read(key_path).map_err(CertificateError::from).and_then(|pem| read_key(&pem));
    let key = key.map_err(|error| match error {
        CertificateError::KeyFile(key_file::KeyFileError::Io { .. }) => unusable("has lost its key"),
        other => other.into(),
    })?;
    if !certificate.public_key()?.public_eq(&key) {
        return Err(unusable("does not belong to the key beside it"));
    }
    if timestamp(certificate.not_after())? < now {
        return Err(unusable("has expired"));
    }
    Ok(Pair { certificate, key })
}

/// What the files hold, if it is whole, lasts for a while, was issued by this issuer, and is what is wanted.
fn current(
    certificate_file: &Path,
    key_path: &Path,
    (issuer, now): (&Pair, Timestamp),
    wanted: impl Fn(&X509Ref) -> bool,
) -> Option<Pair> {
    let certificate = X509::from_pem(&read_certificate_file(certificate_file).ok()?).ok()?;
    let key = read_key(&key_file::read(key_path).ok()?).ok()?;
    let begins = timestamp(certificate.not_before()).ok()?;
    let renew_at = timestamp(certificate.not_after()).ok()?.plus_seconds(-days(RENEW_BEFORE_DAYS));
    let good = certificate.public_key().ok()?.public_eq(&key)
        && issued(&issuer.certificate, &certificate)
        && (begins..renew_at).contains(&now)
        && wanted(&certificate);
    good.then_some(Pair { certificate, key })
}

/// The root that vouches for itself.
fn new_root(now: Timestamp, files: (&Path, &Path)) -> Result<Pair, CertificateError> {
    let key = new_rsa_key()?;
    let blank = Blank {
        subject: name(&[(Nid::COMMONNAME, "Apple Root CA"), (Nid::ORGANIZATIONALUNITNAME, ORGANISATION)])?,
        key: key.clone(),
        days: ROOT_DAYS,
        extensions: vec![
            BasicConstraints::new().critical().ca().build()?,
            KeyUsage::new().critical().key_cert_sign().crl_sign().build()?,
        ],
    };
    let certificate = issue(&blank, None, &key, now)?;
    write_pair((&certificate, &key), files)?;
    Ok(Pair { certificate, key })
}

/// The intermediate under the names of WWDR G4.
fn intermediate_blank() -> Result<Blank, ErrorStack> {
    Ok(Blank {
        subject: name(&[
            (Nid::COMMONNAME, "Apple Worldwide Developer Relations Certification Authority"),
            (Nid::ORGANIZATIONALUNITNAME, "G4"),
        ])?,
        key: new_rsa_key()?,
        days: INTERMEDIATE_DAYS,
        extensions: vec![
            BasicConstraints::new().critical().ca().pathlen(0).build()?,
            KeyUsage::new().critical().key_cert_sign().crl_sign().build()?,
        ],
    })
}

/// The subject of a pass certificate.
fn pass_subject(pass_type_id: &str, team_id: &str) -> Result<X509Name, ErrorStack> {
    let common_name = format!("Pass Type ID: {pass_type_id}");
    name(&[(Nid::USERID, pass_type_id), (Nid::COMMONNAME, &common_name), (Nid::ORGANIZATIONALUNITNAME, team_id)])
}

/// The pass certificate, which is also the client certificate towards APNs.
fn pass_blank(subject: X509Name, pass_type_id: &str) -> Result<Blank, ErrorStack> {
    let pass_type = der::element(der::UTF8_STRING, &[pass_type_id.as_bytes()]);
    Ok(Blank {
        subject,
        key: new_rsa_key()?,
        days: PASS_DAYS,
        extensions: vec![
            BasicConstraints::new().critical().build()?,
            KeyUsage::new().critical().digital_signature().build()?,
            ExtendedKeyUsage::new().client_auth().other(PASS_KEY_USAGE).build()?,
            raw_extension(PASS_TYPE_EXTENSION, &pass_type)?,
        ],
    })
}

/// The certificate of the servers on this machine.
fn server_blank() -> Result<Blank, ErrorStack> {
    let mut curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    curve.set_asn1_flag(Asn1Flag::NAMED_CURVE);
    Ok(Blank {
        subject: name(&[(Nid::COMMONNAME, "localhost")])?,
        key: PKey::from_ec_key(EcKey::generate(&curve)?)?,
        days: SERVER_DAYS,
        extensions: vec![
            BasicConstraints::new().critical().build()?,
            KeyUsage::new().critical().digital_signature().build()?,
            ExtendedKeyUsage::new().server_auth().build()?,
            SubjectAlternativeName::new()
                .dns("localhost")
                .ip("127.0.0.1")
                .ip("::1")
                .build(&X509::builder()?.x509v3_context(None, None))?,
        ],
    })
}

/// A name: the given parts, then who made it up, and a country as Apple's names have one.
fn name(parts: &[(Nid, &str)]) -> Result<X509Name, ErrorStack> {
    let mut name = X509NameBuilder::new()?;
    for (part, text) in parts {
        name.append_entry_by_nid(*part, text)?;
    }
    name.append_entry_by_nid(Nid::ORGANIZATIONNAME, ORGANISATION)?;
    name.append_entry_by_nid(Nid::COUNTRYNAME, "US")?;
    Ok(name.build())
}

/// An extension that OpenSSL has no words for.
fn raw_extension(id: &str, value: &[u8]) -> Result<X509Extension, ErrorStack> {
    let (id, value) = (Asn1Object::from_str(id)?, Asn1OctetString::new_from_bytes(value)?);
    X509Extension::new_from_der(&id, false, &value)
}

/// Issues a certificate and writes it, with its key, over what was there.
fn issue_to_file(blank: &Blank, issuer: &Pair, now: Timestamp, files: (&Path, &Path)) -> Result<Pair, CertificateError> {
    let certificate = issue(blank, Some(&issuer.certificate), &issuer.key, now)?;
    write_pair((&certificate, &blank.key), files)?;
    Ok(Pair { certificate, key: blank.key.clone() })
}

/// Fills a blank in and signs it; without an issuer it is signed by itself.
fn issue(blank: &Blank, issuer: Option<&X509>, signing_key: &PKeyRef<Private>, now: Timestamp) -> Result<X509, ErrorStack> {
    let mut serial = BigNum::new()?;
    serial.rand(SERIAL_BITS, MsbOption::ONE, false)?;
    let serial = serial.to_asn1_integer()?;
    let begins = asn1_time(now.plus_seconds(-days(BACKDATED_DAYS)))?;
    let ends = asn1_time(now.plus_seconds(days(blank.days)))?;

    let mut builder = X509Builder::new()?;
    builder.set_version(2)?;
    builder.set_serial_number(&serial)?;
    builder.set_subject_name(&blank.subject)?;
    builder.set_issuer_name(issuer.map_or(&blank.subject, |issuer| issuer.subject_name()))?;
    builder.set_pubkey(&blank.key)?;
    builder.set_not_before(&begins)?;
    builder.set_not_after(&ends)?;
    for extension in &blank.extensions {
        builder.append_extension2(extension)?;
    }
    let key_id = SubjectKeyIdentifier::new().build(&builder.x509v3_context(None, None))?;
    builder.append_extension(key_id)?;
    if let Some(issuer) = issuer {
        let issuer_key_id = AuthorityKeyIdentifier::new().keyid(true).build(&builder.x509v3_context(Some(issuer), None))?;
        builder.append_extension(issuer_key_id)?;
    }
    builder.sign(signing_key, MessageDigest::sha256())?;
    Ok(builder.build())
}

/// The key first: a certificate without its key would look like a loss.
fn write_pair(
    (certificate, key): (&X509, &PKeyRef<Private>),
    (certificate_file, key_path): (&Path, &Path),
) -> Result<(), CertificateError> {
    key_file::write(key_path, &key.private_key_to_pem_pkcs8()?, Existing::Replace)?;
    key_file::write_public(certificate_file, &certificate.to_pem()?, Existing::Replace)?;
    Ok(())
}

/// Days in seconds.
const fn days(count: i64) -> i64 {
    count * 86_400
}
