//! The signature of a package: its structure by hand, its mathematics and its chain by OpenSSL.

use chrono::NaiveDateTime;
use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::cms::{CMSOptions, CmsContentInfo};
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::x509::store::{X509Store, X509StoreBuilder};
use openssl::x509::verify::X509VerifyParam;
use openssl::x509::{X509, X509PurposeId, X509Ref, X509VerifyResult};

use super::der::{self, Element, Reader, Unexpected};
use super::{Reason, note};
use crate::clock::Timestamp;

/// Bytes of a signature; two certificates and a signature have three thousand.
const MAX_SIGNATURE_BYTES: usize = 64 * 1024;

/// 1.2.840.113549.1.7.2, SignedData.
const SIGNED_DATA: &[u8] = &[42, 134, 72, 134, 247, 13, 1, 7, 2];
/// 1.2.840.113549.1.7.1, data.
const DATA: &[u8] = &[42, 134, 72, 134, 247, 13, 1, 7, 1];
/// 1.2.840.113549.1.9.3 to 5.
const CONTENT_TYPE: &[u8] = &[42, 134, 72, 134, 247, 13, 1, 9, 3];
const MESSAGE_DIGEST: &[u8] = &[42, 134, 72, 134, 247, 13, 1, 9, 4];
const SIGNING_TIME: &[u8] = &[42, 134, 72, 134, 247, 13, 1, 9, 5];
/// 2.16.840.1.101.3.4.2.1 and 1.3.14.3.2.26: the hashes that passes in the wild have.
const SHA256: &[u8] = &[96, 134, 72, 1, 101, 3, 4, 2, 1];
const SHA1: &[u8] = &[43, 14, 3, 2, 26];
/// 2.5.29.37, extended key usage.
const EXTENDED_KEY_USAGE: &[u8] = &[85, 29, 37];
/// 1.2.840.113635.100.4.14, Apple's usage for passes.
const PASS_USAGE: &[u8] = &[42, 134, 72, 134, 247, 99, 100, 4, 14];
/// 1.2.840.113635.100.6.1.16, where Apple puts the pass type.
const PASS_TYPE: &[u8] = &[42, 134, 72, 134, 247, 99, 100, 6, 1, 16];
/// `[0]`, constructed.
const CONTEXT_0: u8 = 0xa0;
/// `[1]`, constructed.
const CONTEXT_1: u8 = 0xa1;
/// `[3]`, constructed.
const CONTEXT_3: u8 = 0xa3;

/// Who signed, and when.
pub struct Signed {
    /// UID of the pass certificate.
    pub pass_type_id: String,
    /// OU of the pass certificate.
    pub team_id: String,
    /// The signingTime, if there is one.
    pub signed_at: Option<Timestamp>,
    /// When the pass certificate ends.
    pub certificate_ends: Timestamp,
}

/// What the structure says.
struct Structure<'a> {
    attached: bool,
    certificates: Vec<&'a [u8]>,
    issuer: &'a [u8],
    serial: &'a [u8],
    digest: &'a [u8],
    attributes: Vec<(&'a [u8], Element<'a>)>,
}

/// Checks a signature over a manifest, and tells who signed if that much can be read.
pub fn check(signature: &[u8], manifest: &[u8], (root, now): (&X509, Timestamp), reasons: &mut Vec<Reason>) -> Option<Signed> {
    if signature.len() > MAX_SIGNATURE_BYTES {
        reasons.push(Reason::TooLarge("the signature"));
        return None;
    }
    let structure = note(reasons, read(signature).map_err(|what| Reason::Signature(format!("expected {what}"))))?;
    if structure.attached {
        reasons.push(Reason::SignatureAttached);
    }
    if ![SHA256, SHA1].contains(&structure.digest) {
        reasons.push(Reason::Signature("the hash is neither SHA-256 nor SHA-1".to_owned()));
    }
    let signed_at = check_attributes(&structure, reasons);
    note(reasons, check_content(signature, manifest).map_err(|error| Reason::SignatureInvalid(error.to_string())));

    let read = structure.certificates.iter().map(|der| X509::from_der(der)).collect::<Result<Vec<X509>, _>>();
    let certificates = note(reasons, read.map_err(|error| Reason::Signature(error.to_string())))?;
    let Some(leaf) = certificates.iter().find(|one| is_signer(one, &structure)) else {
        reasons.push(Reason::LeafMissing);
        return None;
    };
    reasons.extend(check_chain(leaf, &certificates, root, now));
    if reasons.is_empty() {
        let whole = check_all(signature, manifest, (root, now));
        note(reasons, whole.map_err(|error| Reason::Untrusted(error.to_string())));
    }
    describe(leaf, signed_at, reasons)
}

/// Who the pass certificate is for, and whether it was valid when it signed.
fn describe(leaf: &X509Ref, signed_at: Option<Timestamp>, reasons: &mut Vec<Reason>) -> Option<Signed> {
    let text = |part| leaf.subject_name().entries_by_nid(part).next().and_then(|entry| entry.data().to_string().ok());
    let (Some(pass_type_id), Some(team_id)) = (text(Nid::USERID), text(Nid::ORGANIZATIONALUNITNAME)) else {
        reasons.push(Reason::NotAPassCertificate("its subject has no UID or no OU"));
        return None;
    };
    let (begins, ends) = (instant(leaf.not_before()).ok()?, instant(leaf.not_after()).ok()?);
    if let Some(signed_at) = signed_at.filter(|at| *at < begins || *at > ends) {
        reasons.push(Reason::SignedOutsideValidity { signed_at });
    }
    let extensions = leaf.to_der().ok().map(|der| check_extensions(&der, &pass_type_id));
    match extensions {
        Some(Ok(found)) => reasons.extend(found),
        _ => reasons.push(Reason::NotAPassCertificate("its extensions can't be read")),
    }
    Some(Signed { pass_type_id, team_id, signed_at, certificate_ends: ends })
}

/// Takes ContentInfo and SignedData apart.
fn read(signature: &[u8]) -> Result<Structure<'_>, Unexpected> {
    let mut outer = Reader(signature);
    let mut content_info = outer.next(der::SEQUENCE, "ContentInfo")?.inside();
    outer.end()?;
    if content_info.next(der::OBJECT_IDENTIFIER, "a content type")?.content != SIGNED_DATA {
        return Err("SignedData");
    }
    let mut wrapped = content_info.next(CONTEXT_0, "a content")?.inside();
    content_info.end()?;
    let mut signed_data = wrapped.next(der::SEQUENCE, "SignedData")?.inside();
    wrapped.end()?;

    if signed_data.next(der::INTEGER, "a version")?.content != [1] {
        return Err("version 1");
    }
    signed_data.next(der::SET, "hash algorithms")?;
    let mut encapsulated = signed_data.next(der::SEQUENCE, "a content description")?.inside();
    if encapsulated.next(der::OBJECT_IDENTIFIER, "a content type")?.content != DATA {
        return Err("content of the type data");
    }
    let attached = encapsulated.next_any()?.is_some();
    let certificates = signed_data.next(CONTEXT_0, "certificates")?.inside().all()?;
    signed_data.optional(CONTEXT_1)?;
    let signers = signed_data.next(der::SET, "signers")?.inside().all()?;
    signed_data.end()?;
    let [signer] = signers.as_slice() else { return Err("exactly one signer") };
    let certificates = certificates.iter().map(|certificate| certificate.whole).collect();
    read_signer(signer, attached, certificates)
}

/// Takes the SignerInfo apart.
fn read_signer<'a>(signer: &Element<'a>, attached: bool, certificates: Vec<&'a [u8]>) -> Result<Structure<'a>, Unexpected> {
    let mut info = signer.inside();
    if info.next(der::INTEGER, "a signer's version")?.content != [1] {
        return Err("a signer of version 1");
    }
    let mut id = info.next(der::SEQUENCE, "issuer and serial number")?.inside();
    let issuer = id.next(der::SEQUENCE, "an issuer")?.whole;
    let serial = id.next(der::INTEGER, "a serial number")?.content;
    let mut algorithm = info.next(der::SEQUENCE, "a hash algorithm")?.inside();
    let digest = algorithm.next(der::OBJECT_IDENTIFIER, "a hash algorithm")?.content;
    let mut attributes = Vec::new();
    let signed_attributes = info.next(CONTEXT_0, "signed attributes")?.inside().all()?;
    if !signed_attributes.is_sorted_by_key(|attribute| attribute.whole) {
        return Err("sorted signed attributes");
    }
    for attribute in signed_attributes {
        let mut parts = attribute.inside();
        let kind = parts.next(der::OBJECT_IDENTIFIER, "an attribute's kind")?.content;
        let values = parts.next(der::SET, "an attribute's values")?.inside().all()?;
        let [value] = values.as_slice() else { return Err("one value for each attribute") };
        attributes.push((kind, *value));
    }
    Ok(Structure { attached, certificates, issuer, serial, digest, attributes })
}

/// The three attributes that Wallet wants; the answer is the time of signing.
fn check_attributes(structure: &Structure<'_>, reasons: &mut Vec<Reason>) -> Option<Timestamp> {
    let find = |kind: &[u8]| structure.attributes.iter().find(|(found, _)| *found == kind).map(|(_, value)| *value);
    for (kind, name) in [(CONTENT_TYPE, "contentType"), (MESSAGE_DIGEST, "messageDigest"), (SIGNING_TIME, "signingTime")] {
        if find(kind).is_none() {
            reasons.push(Reason::AttributeMissing(name));
        }
    }
    let time = find(SIGNING_TIME)?;
    let read = signing_time(&time).ok_or_else(|| Reason::Signature("signingTime is not a time in UTC".to_owned()));
    note(reasons, read)
}

/// A UTCTime or GeneralizedTime in UTC with seconds.
fn signing_time(value: &Element<'_>) -> Option<Timestamp> {
    let text = str::from_utf8(value.content).ok()?;
    let text = match (value.tag, text.len()) {
        (der::UTC_TIME, 13) => format!("{}{text}", if text < "50" { "20" } else { "19" }),
        (der::GENERALIZED_TIME, 15) => text.to_owned(),
        _ => return None,
    };
    let time = NaiveDateTime::parse_from_str(&text, "%Y%m%d%H%M%SZ").ok()?;
    Some(Timestamp::from_millis(time.and_utc().timestamp_millis()))
}

/// The signature against the manifest, whoever signed.
fn check_content(signature: &[u8], manifest: &[u8]) -> Result<(), ErrorStack> {
    let flags = CMSOptions::BINARY | CMSOptions::NO_SIGNER_CERT_VERIFY;
    CmsContentInfo::from_der(signature)?.verify(None, None, Some(manifest), None, flags)
}

/// Everything once more in one call, with the chain, as `openssl cms -verify` does it.
fn check_all(signature: &[u8], manifest: &[u8], trust: (&X509, Timestamp)) -> Result<(), ErrorStack> {
    let store = store(trust)?;
    CmsContentInfo::from_der(signature)?.verify(None, Some(&store), Some(manifest), None, CMSOptions::BINARY)
}

/// A store that trusts one root at one time. Apple's key usage is none that OpenSSL knows, hence any purpose.
fn store((root, now): (&X509, Timestamp)) -> Result<X509Store, ErrorStack> {
    let mut parameters = X509VerifyParam::new()?;
    parameters.set_purpose(X509PurposeId::ANY)?;
    parameters.set_time(now.seconds());
    let mut store = X509StoreBuilder::new()?;
    store.add_cert(root.clone())?;
    store.set_param(&parameters)?;
    Ok(store.build())
}

/// Whether this is the certificate that the signer names.
fn is_signer(certificate: &X509Ref, structure: &Structure<'_>) -> bool {
    let serial = certificate.serial_number().to_bn().map(|serial| serial.to_vec());
    let named = structure.serial.iter().copied().skip_while(|byte| *byte == 0);
    certificate.issuer_name().to_der().is_ok_and(|issuer| issuer == structure.issuer)
        && serial.is_ok_and(|serial| named.eq(serial))
}

/// The chain link by link, so that the reason is exact.
fn check_chain(leaf: &X509Ref, certificates: &[X509], root: &X509, now: Timestamp) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = check_dates("pass certificate", leaf, now).into_iter().collect();
    let Some(intermediate) = certificates.iter().find(|one| did_issue(one, leaf)) else {
        reasons.push(Reason::IntermediateMissing);
        return reasons;
    };
    reasons.extend(check_dates("intermediate certificate", intermediate, now));
    reasons.extend(check_dates("root certificate", root, now));
    if !did_issue(root, intermediate) {
        reasons.push(Reason::Untrusted("the root did not issue the intermediate certificate".to_owned()));
    }
    reasons
}

/// Whether it is the life of a certificate.
fn check_dates(which: &'static str, certificate: &X509Ref, now: Timestamp) -> Option<Reason> {
    let (Ok(not_before), Ok(not_after)) = (instant(certificate.not_before()), instant(certificate.not_after())) else {
        return Some(Reason::Signature(format!("the {which} has no readable dates")));
    };
    (now < not_before || now > not_after).then_some(Reason::OutOfDate { which, not_before, not_after, now })
}

/// Names, key ids and signature.
fn did_issue(issuer: &X509Ref, subject: &X509Ref) -> bool {
    let Ok(key) = issuer.public_key() else { return false };
    issuer.issued(subject) == X509VerifyResult::OK && subject.verify(&key).unwrap_or(false)
}

/// Apple's key usage must be there; Apple's extension, if there, must name the same pass type.
fn check_extensions(leaf: &[u8], pass_type_id: &str) -> Result<Vec<Reason>, Unexpected> {
    let mut certificate = Reader(leaf).next(der::SEQUENCE, "a certificate")?.inside();
    let fields = certificate.next(der::SEQUENCE, "a certificate's fields")?.inside().all()?;
    let extensions = fields.iter().find(|field| field.tag == CONTEXT_3).ok_or("extensions")?;
    let mut usage_found = false;
    let mut reasons = Vec::new();
    for extension in extensions.inside().next(der::SEQUENCE, "extensions")?.inside().all()? {
        let parts = extension.inside().all()?;
        let (Some(id), Some(value)) = (parts.first(), parts.last().filter(|value| value.tag == der::OCTET_STRING)) else {
            return Err("an extension's value");
        };
        if id.content == EXTENDED_KEY_USAGE {
            let usages = value.inside().next(der::SEQUENCE, "key usages")?.inside().all()?;
            usage_found = usages.iter().any(|usage| usage.content == PASS_USAGE);
        } else if id.content == PASS_TYPE {
            let text = value.inside().next_any()?.ok_or("a pass type")?;
            if text.content != pass_type_id.as_bytes() {
                reasons.push(Reason::NotAPassCertificate("its extension names another pass type than its subject"));
            }
        }
    }
    if !usage_found {
        reasons.push(Reason::NotAPassCertificate("it lacks Apple's key usage"));
    }
    Ok(reasons)
}

/// A certificate's time.
fn instant(time: &Asn1TimeRef) -> Result<Timestamp, ErrorStack> {
    let difference = Asn1Time::from_unix(0)?.diff(time)?;
    Ok(Timestamp::default().plus_seconds(i64::from(difference.days) * 24 * 60 * 60 + i64::from(difference.secs)))
}
