//! What an operator should know about a pass certificate: what is wrong, what soon will be, and what to do about it.

use std::fmt;

use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::x509::X509Ref;

use super::{PassCertificate, PassCertificateFiles, name_text, subject_text, timestamp};
use crate::clock::Timestamp;

/// From so many days before the end on, an expiry is told, then warned of, then urged.
const TELL_DAYS: i64 = 90;
/// See [`TELL_DAYS`].
const WARN_DAYS: i64 = 60;
/// See [`TELL_DAYS`].
const WARN_AGAIN_DAYS: i64 = 30;
/// See [`TELL_DAYS`].
const URGE_DAYS: i64 = 7;
/// Milliseconds of a day.
const DAY_MILLIS: i64 = 86_400_000;

/// SHA-256 of Apple's WWDR G4 certificate (AppleWWDRCAG4.cer), which issues pass certificates since 2022.
const APPLE_G4_FINGERPRINT: &str = "ea4757885538dd8cb59ff4556f676087d83c85e70902c122e42c0808b5bce14c";
/// 1.2.840.113635.100.4.14 in DER: the key usage that Apple gives to pass certificates.
const PASS_KEY_USAGE: &[u8] = &[0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x63, 0x64, 4, 14];

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Passes work; something should be done in the coming weeks.
    Warning,
    /// Passes still work; something must be done in the coming days.
    Urgent,
    /// Passes don't work.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Urgent => "urgent",
            Self::Error => "error",
        })
    }
}

/// Something that an operator should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What was found, in a sentence.
    pub what: String,
    /// What to do about it, in a sentence.
    pub what_to_do: String,
}

impl Finding {
    /// A finding.
    #[must_use]
    pub fn new(severity: Severity, what: impl Into<String>, what_to_do: impl Into<String>) -> Self {
        Self { severity, what: what.into(), what_to_do: what_to_do.into() }
    }
}

/// What the configuration wants of a certificate.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The configured pass type.
    pub pass_type_id: &'a str,
    /// The configured team.
    pub team_id: &'a str,
    /// Whether templates use NFC.
    pub nfc: NfcUse,
}

/// Whether passes carry an NFC message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NfcUse {
    /// No template does.
    Unused,
    /// At least one template does.
    Used,
}

/// Reads the files and tells all that is to be told, a certificate that can't be loaded included.
#[must_use]
pub fn examine(files: &PassCertificateFiles, now: Timestamp, expected: Option<&Expected<'_>>) -> Vec<Finding> {
    match files.load() {
        Ok(certificate) => of(&certificate, now, expected),
        Err(error) => vec![Finding::new(
            Severity::Error,
            error.to_string(),
            "Correct the files named in the [apple] part of the configuration; walaa certs import puts them in place",
        )],
    }
}

/// All findings about one certificate, the worst first.
pub(super) fn of(certificate: &PassCertificate, now: Timestamp, expected: Option<&Expected<'_>>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(expected) = expected {
        findings.extend(identity(certificate, expected));
    }
    findings.extend(dates("pass certificate", certificate.leaf(), now));
    findings.extend(dates("intermediate certificate", certificate.intermediate(), now));
    findings.extend(origin(certificate));
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

/// Whether it is the certificate that the configuration means.
fn identity(certificate: &PassCertificate, expected: &Expected<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut differs = |what: &str, theirs: &str, ours: &str, setting: &str| {
        if theirs != ours {
            findings.push(Finding::new(
                Severity::Error,
                format!("the pass certificate is for the {what} {theirs}, the configuration says {ours}"),
                format!("Set {setting} to {theirs}, or import the certificate of {ours}"),
            ));
        }
    };
    differs("pass type", certificate.pass_type_id(), expected.pass_type_id, "pass_type_id");
    differs("team", certificate.team_id(), expected.team_id, "team_id");
    if expected.nfc == NfcUse::Used && !certificate.allows_nfc() {
        findings.push(Finding::new(
            Severity::Error,
            "a template uses NFC, but Apple did not allow NFC for this pass type: phones will refuse its passes",
            "Ask Apple for the NFC entitlement and make a new certificate, or remove nfc from the template",
        ));
    }
    findings
}

/// Where a certificate stands in its life.
fn dates(what: &str, certificate: &X509Ref, now: Timestamp) -> Option<Finding> {
    let (Ok(begins), Ok(ends)) = (timestamp(certificate.not_before()), timestamp(certificate.not_after())) else {
        return Some(Finding::new(Severity::Error, format!("the {what} has no readable dates"), "Import it again"));
    };
    let renew = if what.starts_with("pass") {
        "Make a new one: walaa certs csr, have Apple's portal sign it, walaa certs import. Installed passes keep working"
    } else {
        "Get the current one from https://www.apple.com/certificateauthority/ and a pass certificate that it issued"
    };
    if now < begins {
        let what = format!("the {what} is not valid before {begins}, and it is {now}");
        return Some(Finding::new(Severity::Error, what, "Check the machine's clock"));
    }
    if now > ends {
        let what = format!("the {what} expired at {ends}: nothing can be signed or pushed");
        return Some(Finding::new(Severity::Error, what, renew));
    }
    let days = ends.since(now) / DAY_MILLIS;
    let severity = match days {
        ..URGE_DAYS => Severity::Urgent,
        URGE_DAYS..WARN_AGAIN_DAYS | WARN_AGAIN_DAYS..WARN_DAYS => Severity::Warning,
        WARN_DAYS..TELL_DAYS => Severity::Info,
        _ => return None,
    };
    let what = match days {
        0 => format!("the {what} expires within a day, at {ends}"),
        1 => format!("the {what} expires in 1 day, at {ends}"),
        _ => format!("the {what} expires in {days} days, at {ends}"),
    };
    Some(Finding::new(severity, what, renew))
}

/// Whether it comes from Apple, as far as one can tell without Apple's certificates at hand.
fn origin(certificate: &PassCertificate) -> Vec<Finding> {
    let mut findings = Vec::new();
    let fingerprint = certificate.intermediate().digest(MessageDigest::sha256());
    if !fingerprint.is_ok_and(|digest| crate::apple::package::hex(&digest) == APPLE_G4_FINGERPRINT) {
        let who = name_text(certificate.intermediate().subject_name());
        findings.push(Finding::new(
            Severity::Info,
            format!("the intermediate certificate ({who}) is not Apple's WWDR G4, which issues pass certificates today"),
            "Nothing, if this is the sandbox's or Apple changed its intermediate; phones accept only what Apple issued",
        ));
    }
    let has_usage =
        certificate.leaf().to_der().is_ok_and(|der| der.windows(PASS_KEY_USAGE.len()).any(|part| part == PASS_KEY_USAGE));
    if !has_usage {
        let name = subject_text(certificate.leaf().subject_name(), Nid::COMMONNAME).unwrap_or_default();
        findings.push(Finding::new(
            Severity::Warning,
            format!("the certificate ({name}) lacks Apple's key usage for passes"),
            "Check that it was made under Identifiers, Pass Type IDs in Apple's portal, not as another kind of certificate",
        ));
    }
    findings
}
