//! Packages and signatures that are wrong in one way each, made without the code that makes right ones.

use std::io::{Cursor, Write};

use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::sha::sha256;
use openssl::sign::Signer;
use openssl::x509::X509;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use walaa::clock::{Clock, SystemClock};

use super::tools::Authority;

const DATA: &[u8] = &[6, 9, 42, 134, 72, 134, 247, 13, 1, 7, 1];
const SIGNED_DATA: &[u8] = &[6, 9, 42, 134, 72, 134, 247, 13, 1, 7, 2];
const SHA256: &[u8] = &[48, 11, 6, 9, 96, 134, 72, 1, 101, 3, 4, 2, 1];
const RSA: &[u8] = &[48, 13, 6, 9, 42, 134, 72, 134, 247, 13, 1, 1, 1, 5, 0];

/// A signature before it is made; each field may be bent.
pub struct Forgery {
    pub leaf: X509,
    pub key: PKey<Private>,
    /// What is put in beside the leaf.
    pub certificates: Vec<X509>,
    /// Whether the leaf itself is put in.
    pub with_leaf: bool,
    /// The time of signing, as in a UTCTime.
    pub signing_time: Option<String>,
    pub with_message_digest: bool,
    pub attached: bool,
    pub signers: usize,
    /// Attributes in the wrong order.
    pub unsorted: bool,
}

impl Forgery {
    /// Not wrong in any way yet.
    pub fn by(authority: &Authority) -> Self {
        Self {
            leaf: authority.certificate.leaf().to_owned(),
            key: authority.certificate.key().to_owned(),
            certificates: vec![authority.certificate.intermediate().to_owned()],
            with_leaf: true,
            signing_time: Some(SystemClock.now().to_utc().format("%y%m%d%H%M%SZ").to_string()),
            with_message_digest: true,
            attached: false,
            signers: 1,
            unsorted: false,
        }
    }

    /// The CMS over some content.
    pub fn sign(&self, content: &[u8]) -> Vec<u8> {
        let mut attributes = vec![attribute(3, DATA)];
        attributes.extend(self.signing_time.as_ref().map(|time| attribute(5, &der(23, &[time.as_bytes()]))));
        if self.with_message_digest {
            attributes.push(attribute(4, &der(4, &[&sha256(content)])));
        }
        attributes.sort();
        if self.unsorted {
            attributes.reverse();
        }
        let attributes = attributes.concat();
        let mut signer = Signer::new(MessageDigest::sha256(), &self.key).expect("a signer");
        let signature = signer.sign_oneshot_to_vec(&der(49, &[&attributes])).expect("signed");

        let serial = self.leaf.serial_number().to_bn().expect("a number").to_vec();
        let issuer = self.leaf.issuer_name().to_der().expect("a name");
        let id = der(48, &[&issuer, &der(2, &[&serial])]);
        let info = der(48, &[&[2, 1, 1], &id, SHA256, &der(0xa0, &[&attributes]), RSA, &der(4, &[&signature])]);
        let mut certificates: Vec<Vec<u8>> = self.certificates.iter().map(|one| one.to_der().expect("DER")).collect();
        if self.with_leaf {
            certificates.push(self.leaf.to_der().expect("DER"));
        }
        let inner = if self.attached { der(0xa0, &[&der(4, &[content])]) } else { Vec::new() };
        let signed_data = der(
            48,
            &[
                &[2, 1, 1],
                &der(49, &[SHA256]),
                &der(48, &[DATA, &inner]),
                &der(0xa0, &[&certificates.concat()]),
                &der(49, &[&info.repeat(self.signers)]),
            ],
        );
        der(48, &[SIGNED_DATA, &der(0xa0, &[&signed_data])])
    }
}

/// One DER element.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = content.len();
    let mut head = match length {
        0..=127 => vec![tag, length as u8],
        128..=255 => vec![tag, 0x81, length as u8],
        _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
    };
    head.extend(content);
    head
}

/// A signed attribute of PKCS #9.
fn attribute(number: u8, value: &[u8]) -> Vec<u8> {
    der(48, &[&[6, 9, 42, 134, 72, 134, 247, 13, 1, 9, number], &der(49, &[value])])
}

/// The files of a package, to be bent and packed again.
pub type Files = Vec<(String, Vec<u8>)>;

/// Packs files as they come.
pub fn pack(files: &Files) -> Vec<u8> {
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        archive.start_file(name.as_str(), options).expect("begun");
        archive.write_all(content).expect("written");
    }
    archive.finish().expect("finished").into_inner()
}
