//! Whether a phone would accept a package: the archive, the manifest both ways, the signature, the certificates.
//!
//! This shares no code with what builds packages, so that a mistake there is not made here again: OpenSSL checks the signature,
//! the zip crate inflates, and the few shapes that neither shows are read by hand. It is strict where Apple is known or likely
//! to be, and tells all that is wrong, not only the first.

use std::collections::BTreeMap;
use std::fmt;

use openssl::error::ErrorStack;
use openssl::sha::sha1;
use openssl::x509::X509;
use serde_json::Value;

use crate::clock::Timestamp;

mod archive;
mod der;
mod signature;

/// Files that a package can't do without.
const REQUIRED: [&str; 4] = ["pass.json", "manifest.json", "signature", "icon.png"];
/// Reasons told about one package; more would say nothing new.
const MAX_REASONS: usize = 50;

/// Checks packages against one root.
pub struct Verifier {
    root: X509,
}

/// What is in a package that a phone would accept.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedPass {
    /// pass.json.
    pub pass: Value,
    /// All files, pass.json, the manifest and the signature among them.
    pub files: BTreeMap<String, Vec<u8>>,
    /// When it was signed, as the signature says.
    pub signed_at: Timestamp,
    /// When the pass certificate ends.
    pub certificate_ends: Timestamp,
}

/// Everything for which a phone would refuse a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused(pub Vec<Reason>);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reasons: Vec<String> = self.0.iter().map(Reason::to_string).collect();
        f.write_str(&reasons.join("; "))
    }
}

impl std::error::Error for Refused {}

/// Why a phone would refuse a package.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// It is larger, or unpacks to more, than anyone would put on a phone.
    #[error("the package is too large: {0}")]
    TooLarge(&'static str),
    /// It is no archive, or a broken one.
    #[error("the archive is broken: {0}")]
    Archive(String),
    /// An entry uses something that plain ZIP 2.0 has not, or has no place in a pass.
    #[error("the archive's entry {entry:?} is not allowed: {why}")]
    Entry {
        /// The entry's name.
        entry: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A file that every package needs is not there.
    #[error("{0} is missing")]
    Missing(String),
    /// The manifest is not a flat object of hashes.
    #[error("manifest.json is not a JSON object of names and SHA-1 hashes in lower case: {0}")]
    Manifest(String),
    /// A file is not listed.
    #[error("{0} is in the package but not in the manifest")]
    NotInManifest(String),
    /// A listed file is not there.
    #[error("{0} is in the manifest but not in the package")]
    NotInPackage(String),
    /// A file is not the one that was hashed.
    #[error("{0} has another hash than the manifest says")]
    HashDiffers(String),
    /// The signature is not CMS SignedData as a pass has it.
    #[error("the signature is not CMS SignedData as passes have it: {0}")]
    Signature(String),
    /// The signature carries its content.
    #[error("the signature is attached: it carries its content, and must not")]
    SignatureAttached,
    /// The signature does not fit the manifest.
    #[error("the signature does not fit manifest.json: {0}")]
    SignatureInvalid(String),
    /// An attribute that must be signed is not there.
    #[error("the signature has no signed attribute {0}")]
    AttributeMissing(&'static str),
    /// The time of signing is outside the life of the pass certificate.
    #[error("signed at {signed_at}, outside the life of the pass certificate")]
    SignedOutsideValidity {
        /// The signingTime.
        signed_at: Timestamp,
    },
    /// The certificate that signed is not in the signature.
    #[error("the pass certificate is not in the signature")]
    LeafMissing,
    /// The issuer of the pass certificate is not in the signature.
    #[error("the intermediate certificate that issued the pass certificate is not in the signature")]
    IntermediateMissing,
    /// The chain does not end at the root.
    #[error("the certificates do not lead to the trusted root: {0}")]
    Untrusted(String),
    /// A certificate is not yet or no longer valid.
    #[error("the {which} is valid from {not_before} to {not_after}, and it is {now}")]
    OutOfDate {
        /// Which certificate.
        which: &'static str,
        /// When it begins.
        not_before: Timestamp,
        /// When it ends.
        not_after: Timestamp,
        /// What time it is on the phone.
        now: Timestamp,
    },
    /// The certificate was not made for passes.
    #[error("the certificate is not for passes: {0}")]
    NotAPassCertificate(&'static str),
    /// pass.json is not what it must be.
    #[error("pass.json is not usable: {0}")]
    Pass(String),
    /// The pass is of another type than the certificate.
    #[error("passTypeIdentifier is {pass}, but the certificate is for {certificate}")]
    PassTypeDiffers {
        /// In pass.json.
        pass: String,
        /// In the certificate.
        certificate: String,
    },
    /// The pass is of another team than the certificate.
    #[error("teamIdentifier is {pass}, but the certificate is for {certificate}")]
    TeamDiffers {
        /// In pass.json.
        pass: String,
        /// In the certificate.
        certificate: String,
    },
}

impl Verifier {
    /// A verifier that trusts this root and nothing else.
    ///
    /// # Errors
    /// When it is not a certificate in PEM.
    pub fn new(root_pem: &[u8]) -> Result<Self, ErrorStack> {
        Ok(Self { root: X509::from_pem(root_pem)? })
    }

    /// Checks a package as a phone would at this time.
    ///
    /// # Errors
    /// All reasons to refuse it.
    pub fn verify(&self, package: &[u8], now: Timestamp) -> Result<VerifiedPass, Refused> {
        let files = archive::open(package).map_err(Refused)?;
        let mut reasons: Vec<Reason> =
            REQUIRED.iter().filter(|name| !files.contains_key(**name)).map(|name| Reason::Missing((*name).to_owned())).collect();
        let content = |name: &str| files.get(name).map(Vec::as_slice);

        if let Some(manifest) = content("manifest.json") {
            reasons.extend(check_manifest(manifest, &files));
        }
        let pass = content("pass.json").and_then(|json| note(&mut reasons, read_pass(json)));
        let signed = match (content("signature"), content("manifest.json")) {
            (Some(signature), Some(manifest)) => {
                let signed = signature::check(signature, manifest, (&self.root, now), &mut reasons);
                if let (Some(signed), Some(pass)) = (&signed, &pass) {
                    reasons.extend(check_identity(pass, signed));
                }
                signed
            }
            _ => None,
        };

        let whole = pass.zip(signed).and_then(|(pass, signed)| Some((pass, signed.signed_at?, signed.certificate_ends)));
        match whole {
            Some((pass, signed_at, certificate_ends)) if reasons.is_empty() => {
                Ok(VerifiedPass { pass, files, signed_at, certificate_ends })
            }
            _ => {
                reasons.truncate(MAX_REASONS);
                Err(Refused(reasons))
            }
        }
    }
}

/// The value, or its reason among the reasons.
fn note<T>(reasons: &mut Vec<Reason>, result: Result<T, Reason>) -> Option<T> {
    result.map_err(|reason| reasons.push(reason)).ok()
}

/// The manifest against the files, and the files against the manifest.
fn check_manifest(manifest: &[u8], files: &BTreeMap<String, Vec<u8>>) -> Vec<Reason> {
    let manifest: BTreeMap<String, String> = match serde_json::from_slice(manifest) {
        Ok(manifest) => manifest,
        Err(error) => return vec![Reason::Manifest(error.to_string())],
    };
    let mut reasons = Vec::new();
    for (name, hash) in &manifest {
        let is_hash = hash.len() == 40 && hash.bytes().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit));
        match files.get(name) {
            _ if !is_hash => reasons.push(Reason::Manifest(format!("the hash of {name} is {hash:?}"))),
            None => reasons.push(Reason::NotInPackage(name.clone())),
            Some(content) => {
                let actual: String = sha1(content).iter().map(|byte| format!("{byte:02x}")).collect();
                if actual != *hash {
                    reasons.push(Reason::HashDiffers(name.clone()));
                }
            }
        }
    }
    let listed = |name: &str| manifest.contains_key(name) || name == "manifest.json" || name == "signature";
    reasons.extend(files.keys().filter(|name| !listed(name)).map(|name| Reason::NotInManifest(name.clone())));
    reasons
}

/// pass.json as an object; a byte order mark is refused, as some readers do.
fn read_pass(json: &[u8]) -> Result<Value, Reason> {
    let pass: Value = serde_json::from_slice(json).map_err(|error| Reason::Pass(error.to_string()))?;
    if !pass.is_object() {
        return Err(Reason::Pass("it is not an object".to_owned()));
    }
    if pass["formatVersion"] != 1 {
        return Err(Reason::Pass("formatVersion is not 1".to_owned()));
    }
    for member in ["passTypeIdentifier", "teamIdentifier", "serialNumber"] {
        if pass[member].as_str().is_none_or(str::is_empty) {
            return Err(Reason::Pass(format!("{member} is missing")));
        }
    }
    Ok(pass)
}

/// pass.json against the certificate.
fn check_identity(pass: &Value, signed: &signature::Signed) -> Vec<Reason> {
    let text = |member: &str| pass[member].as_str().unwrap_or_default().to_owned();
    let mut reasons = Vec::new();
    if text("passTypeIdentifier") != signed.pass_type_id {
        let certificate = signed.pass_type_id.clone();
        reasons.push(Reason::PassTypeDiffers { pass: text("passTypeIdentifier"), certificate });
    }
    if text("teamIdentifier") != signed.team_id {
        reasons.push(Reason::TeamDiffers { pass: text("teamIdentifier"), certificate: signed.team_id.clone() });
    }
    reasons
}
