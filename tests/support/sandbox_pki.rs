//! A throw-away PKI shaped like Apple's: a root, a WWDR-like intermediate, pass certificates, and a server for localhost.
//!
//! Authorities and server are elliptic, since RSA keys take half a second each to make; pass certificates are RSA as Apple's.

#![allow(clippy::unwrap_used, reason = "a test that can't go on must panic")]

use std::path::Path;

use openssl::asn1::{Asn1Object, Asn1OctetString, Asn1Time};
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::extension::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName};
use openssl::x509::{X509, X509Builder, X509Extension, X509Name};

/// A certificate and its key.
#[derive(Clone)]
pub struct Identity {
    pub certificate: X509,
    pub key: PKey<Private>,
}

impl Identity {
    /// Writes `<name>.pem` and `<name>.key`.
    pub fn write(&self, folder: &Path, name: &str) {
        std::fs::write(folder.join(format!("{name}.pem")), self.certificate.to_pem().unwrap()).unwrap();
        std::fs::write(folder.join(format!("{name}.key")), self.key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    }
}

/// The authorities and what they signed.
pub struct Pki {
    pub root: Identity,
    pub intermediate: Identity,
    pub server: Identity,
    pass_key: PKey<Private>,
}

impl Pki {
    pub fn generate() -> Self {
        let root = issue(&name(&[(Nid::COMMONNAME, "Apple Root CA")]), None, authority);
        let intermediate = issue(
            &name(&[
                (Nid::COMMONNAME, "Apple Worldwide Developer Relations Certification Authority"),
                (Nid::ORGANIZATIONALUNITNAME, "G4"),
            ]),
            Some(&root),
            authority,
        );
        let server = issue(&name(&[(Nid::COMMONNAME, "localhost")]), Some(&root), |builder, issuer| {
            let names = SubjectAlternativeName::new()
                .dns("localhost")
                .ip("127.0.0.1")
                .build(&builder.x509v3_context(issuer, None))
                .unwrap();
            builder.append_extension(names).unwrap();
            builder.append_extension(ExtendedKeyUsage::new().server_auth().build().unwrap()).unwrap();
        });
        Self { root, intermediate, server, pass_key: PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap() }
    }

    /// A pass certificate as Apple issues them: UID, Apple's key usage and extension, no TLS client usage.
    pub fn pass(&self, pass_type: &str) -> Identity {
        let subject = name(&[
            (Nid::USERID, pass_type),
            (Nid::COMMONNAME, &format!("Pass Type ID: {pass_type}")),
            (Nid::ORGANIZATIONALUNITNAME, "A1B2C3D4E5"),
        ]);
        let pass_type = pass_type.to_owned();
        sign(self.pass_key.clone(), &subject, Some(&self.intermediate), move |builder, _| {
            let usage = ExtendedKeyUsage::new().other("1.2.840.113635.100.4.14").build().unwrap();
            builder.append_extension(usage).unwrap();
            let mut der = vec![0x0c, u8::try_from(pass_type.len()).unwrap()];
            der.extend_from_slice(pass_type.as_bytes());
            let oid = Asn1Object::from_str("1.2.840.113635.100.6.1.16").unwrap();
            let value = Asn1OctetString::new_from_bytes(&der).unwrap();
            builder.append_extension(X509Extension::new_from_der(&oid, false, &value).unwrap()).unwrap();
        })
    }
}

fn authority(builder: &mut X509Builder, _: Option<&openssl::x509::X509Ref>) {
    builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
    builder.append_extension(KeyUsage::new().critical().key_cert_sign().crl_sign().build().unwrap()).unwrap();
}

fn name(entries: &[(Nid, &str)]) -> X509Name {
    let mut name = X509Name::builder().unwrap();
    for (nid, text) in entries {
        name.append_entry_by_nid(*nid, text).unwrap();
    }
    name.build()
}

fn issue(
    subject: &X509Name,
    issuer: Option<&Identity>,
    extend: impl FnOnce(&mut X509Builder, Option<&openssl::x509::X509Ref>),
) -> Identity {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    sign(key, subject, issuer, extend)
}

fn sign(
    key: PKey<Private>,
    subject: &X509Name,
    issuer: Option<&Identity>,
    extend: impl FnOnce(&mut X509Builder, Option<&openssl::x509::X509Ref>),
) -> Identity {
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    let mut serial = BigNum::new().unwrap();
    serial.rand(127, MsbOption::MAYBE_ZERO, false).unwrap();
    builder.set_serial_number(&serial.to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(subject).unwrap();
    builder.set_issuer_name(issuer.map_or(subject, |issuer| issuer.certificate.subject_name())).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(30).unwrap()).unwrap();
    extend(&mut builder, issuer.map(|issuer| issuer.certificate.as_ref()));
    builder.sign(issuer.map_or(&key, |issuer| &issuer.key), MessageDigest::sha256()).unwrap();
    Identity { certificate: builder.build(), key }
}
