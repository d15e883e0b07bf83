//! Packages, judged by unzip, openssl, certtool, sha1sum and Python: none of them knows our code.

use std::path::Path;

use bytes::Bytes;
use walaa::apple::certificates::PassCertificate;
use walaa::apple::package::{self, PackageError, PreparedFiles};
use walaa::apple::signer::{CmsSigner, SignError, Signer};
use walaa::clock::{Clock, SystemClock, Timestamp};
use walaa::sandbox::verify::Verifier;

use super::tools::{Authority, PASS_TYPE, TEAM, pass_json, run, run_failing, small_files, unzip};

const OPENSSL_VERIFY: &str = "openssl cms -verify -binary -purpose any -inform DER -in signature -content manifest.json -CAfile ../root.pem -out /dev/null";

/// Everything that reference documents of the format tell one to check.
fn judge(folder: &Path, package: &[u8]) {
    let unpacked = unzip(folder, package);
    run(&unpacked, OPENSSL_VERIFY);
    run(&unpacked, "certtool --p7-verify --inder --load-ca-certificate ../root.pem --load-data manifest.json --infile signature");
    run(&unpacked, r#"jq -r 'to_entries[]|"\(.value)  \(.key)"' manifest.json | sha1sum -c --strict"#);
    run(
        &unpacked,
        "diff <(jq -r 'keys[]' manifest.json | LC_ALL=C sort) \
         <(find . -type f ! -name manifest.json ! -name signature -printf '%P\\n' | LC_ALL=C sort)",
    );
    let structure = run(&unpacked, "openssl cms -cmsout -print -inform DER -in signature");
    for part in ["eContent: <ABSENT>", "signingTime", "messageDigest", "contentType", "algorithm: sha256"] {
        assert!(structure.contains(part), "{part} in {structure}");
    }
    // ContentInfo, one SignerInfo, and both certificates in it.
    assert_eq!(structure.matches("cert_info:").count(), 2, "{structure}");
    assert_eq!(structure.matches(" signedAttrs:").count(), 1, "{structure}");
}

#[test]
fn a_package_satisfies_openssl_certtool_and_the_manifest_both_ways() {
    let authority = Authority::now();
    judge(authority.folder.path(), &authority.package(SystemClock.now()));
}

/// What stands in the headers of a ZIP, as Python reads them; one line an entry.
const HEADERS: &str = r#"python3 - <<'END'
import struct, zipfile
data = open('ours.pkpass', 'rb').read()
names = set()
with zipfile.ZipFile('ours.pkpass') as archive:
    assert archive.comment == b'' and archive.testzip() is None
    at = 0
    for entry in sorted(archive.infolist(), key=lambda entry: entry.header_offset):
        assert entry.filename not in names and not entry.is_dir(), entry
        names.add(entry.filename)
        assert entry.flag_bits & ~0x800 == 0, (entry, entry.flag_bits)
        assert entry.extract_version <= 20 and entry.extra == b'' and entry.comment == b'', entry
        assert entry.date_time == (1980, 1, 1, 0, 0, 0), entry.date_time
        assert entry.compress_type in (0, 8) and entry.compress_size <= entry.file_size, entry
        assert entry.external_attr >> 16 == 0o100644, oct(entry.external_attr >> 16)
        local = struct.unpack('<4sHHHHHIIIHH', data[at:at + 30])
        assert entry.header_offset == at, (entry, at)
        assert local[6:9] == (entry.CRC, entry.compress_size, entry.file_size) and local[10] == 0, local
        at += 30 + local[9] + local[10] + local[7]
    assert at == archive.start_dir
print(len(names))
END"#;

#[test]
fn the_archive_is_a_plain_zip_2() {
    let authority = Authority::now();
    unzip(authority.folder.path(), &authority.package(SystemClock.now()));
    assert_eq!(run(authority.folder.path(), HEADERS).trim(), "8");
}

#[test]
fn the_manifest_is_compact_sorted_json() {
    let authority = Authority::now();
    let unpacked = unzip(authority.folder.path(), &authority.package(SystemClock.now()));
    assert_eq!(
        run(&unpacked, "cmp manifest.json <(jq -cSj . manifest.json) && jq -r 'keys_unsorted|length' manifest.json").trim(),
        "6"
    );
}

#[test]
fn unpacked_files_are_the_ones_that_went_in() {
    let authority = Authority::now();
    let now = SystemClock.now();
    let verified = Verifier::new(&authority.root_pem()).expect("a root").verify(&authority.package(now), now).expect("accepted");
    assert_eq!(verified.files["pass.json"], pass_json());
    assert_eq!(verified.files["strip.png"], vec![7; 2000]);
    assert!(verified.files["empty.txt"].is_empty());
    assert_eq!(verified.files.len(), 8);
    assert_eq!(verified.signed_at.seconds(), now.seconds());
}

#[test]
fn an_ec_certificate_signs_as_well() {
    let folder = tempfile::tempdir().expect("a folder");
    let certificate = ec_certificate(folder.path());
    let signer = CmsSigner::new(&certificate).expect("a signer");
    let now = SystemClock.now();
    let verifier = Verifier::new(&std::fs::read(folder.path().join("root.pem")).expect("the root")).expect("a root");
    // The length of an EC signature changes from one to the next.
    for _ in 0..20 {
        let package = package::build(&small_files(), &pass_json(), &signer, now).expect("a package");
        verifier.verify(&package, now).expect("accepted");
    }
    judge(folder.path(), &package::build(&small_files(), &pass_json(), &signer, now).expect("a package"));
}

/// An authority of the openssl command's making, with EC keys, in the same shape.
fn ec_certificate(folder: &Path) -> PassCertificate {
    run(
        folder,
        &format!(
            r#"
cat > leaf.ext <<END
basicConstraints=critical,CA:false
keyUsage=critical,digitalSignature
extendedKeyUsage=1.2.840.113635.100.4.14
1.2.840.113635.100.6.1.16=ASN1:UTF8String:{PASS_TYPE}
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
END
ec() {{ openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }}
ec root.key; ec wwdr.key; ec pass.key; chmod 600 ./*.key
openssl req -x509 -new -key root.key -subj '/CN=Apple Root CA' -days 30 -out root.pem -addext 'keyUsage=critical,keyCertSign'
openssl req -new -key wwdr.key -subj '/CN=Apple Worldwide Developer Relations Certification Authority/OU=G4/O=Apple Inc./C=US' -out wwdr.csr
openssl x509 -req -in wwdr.csr -CA root.pem -CAkey root.key -CAcreateserial -days 30 -out wwdr.pem \
  -extfile <(printf 'basicConstraints=critical,CA:true,pathlen:0\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n')
openssl req -new -key pass.key -subj '/UID={PASS_TYPE}/CN=Pass Type ID: {PASS_TYPE}/OU={TEAM}/O=Example/C=US' -out pass.csr
openssl x509 -req -in pass.csr -CA wwdr.pem -CAkey wwdr.key -CAcreateserial -days 30 -out pass.pem -extfile leaf.ext
"#
        ),
    );
    let read = |name: &str| std::fs::read(folder.join(name)).expect("made by openssl");
    PassCertificate::load(&read("pass.pem"), &read("pass.key"), &read("wwdr.pem")).expect("a pass certificate")
}

#[test]
fn exactly_the_bytes_of_a_manifest_with_line_breaks_are_signed() {
    let authority = Authority::now();
    let folder = authority.folder.path();
    let manifest = b"{\n  \"icon.png\": \"0000\",\n  \"pass.json\": \"1111\"\n}\n";
    let signature = authority.signer().sign_manifest(manifest, SystemClock.now()).expect("signed");
    std::fs::create_dir(folder.join("unpacked")).expect("made");
    std::fs::write(folder.join("unpacked/signature"), signature).expect("written");
    std::fs::write(folder.join("unpacked/manifest.json"), manifest).expect("written");
    run(&folder.join("unpacked"), OPENSSL_VERIFY);
    run(folder, "cd unpacked && sed -i 's/$/\\r/' manifest.json");
    assert!(run_failing(&folder.join("unpacked"), OPENSSL_VERIFY).contains("verif"));
}

#[test]
fn nothing_is_signed_outside_the_life_of_the_certificate() {
    let authority = Authority::at(Timestamp::parse("2026-11-01T00:00:00Z").expect("a time"));
    let signer = authority.signer();
    let (begins, ends) = (authority.certificate.not_before(), signer.not_after());
    for inside in [begins, ends, ends.plus_millis(999)] {
        signer.sign_manifest(b"{}", inside).expect("inside");
    }
    for outside in [begins.plus_millis(-1), ends.plus_seconds(1), Timestamp::default()] {
        let error = package::build(&small_files(), &pass_json(), &signer, outside).expect_err("outside");
        assert!(matches!(error, PackageError::Sign(SignError::OutsideValidity { .. })), "{error}");
    }
}

#[test]
fn after_2049_the_time_is_written_in_the_longer_form() {
    let authority = Authority::at(Timestamp::parse("2049-10-01T00:00:00Z").expect("a time"));
    let now = Timestamp::parse("2050-03-01T12:00:00Z").expect("a time");
    let package = authority.package(now);
    let verified = Verifier::new(&authority.root_pem()).expect("a root").verify(&package, now).expect("accepted");
    assert_eq!(verified.signed_at, now);
    let unpacked = unzip(authority.folder.path(), &package);
    run(&unpacked, &OPENSSL_VERIFY.replace("-binary", &format!("-binary -attime {}", now.seconds())));
    assert!(run(&unpacked, "openssl asn1parse -inform DER -in signature").contains("20500301120000Z"));
}

#[test]
fn a_signer_is_named_after_its_certificate() {
    let (one, other) = (Authority::now(), Authority::other());
    assert_eq!(one.signer().id(), one.signer().id());
    assert_ne!(one.signer().id(), other.signer().id());
    assert_eq!((one.signer().pass_type_id(), one.signer().team_id()), (PASS_TYPE, TEAM));
}

#[test]
fn names_that_have_no_place_in_a_pass_are_refused() {
    let with = |names: &[&str]| {
        let files = names.iter().chain(&["icon.png"]).map(|name| ((*name).to_owned(), Bytes::from_static(b"x"))).collect();
        PreparedFiles::new(files)
    };
    let long = "a".repeat(package::MAX_NAME_BYTES + 1);
    let bad = [
        "../a",
        "a/../b",
        "/a",
        "a//b",
        "a/",
        "",
        ".DS_Store",
        "a/.hidden",
        "a b",
        "é.png",
        "a\\b",
        "a\"b",
        "a\nb",
        "pass.json",
        "manifest.json",
        "signature",
        "Pass.JSON",
        "signature/x",
        "icon.png",
        "ICON.png",
        "icon.png/x",
        "IcOn.PnG/x/y",
        &long,
    ];
    for name in bad {
        assert!(matches!(with(&[name]), Err(PackageError::Name { .. })), "{name:?} was accepted");
    }
    with(&["logo@3x.png", "pt-BR.lproj/pass.strings", "zh-Hans.lproj/logo.png", "de.lproj/pass.json"]).expect("fine names");
}

#[test]
fn bounds_hold() {
    let file = |name: &str, size: usize| (name.to_owned(), Bytes::from(vec![0; size]));
    assert!(matches!(PreparedFiles::new(vec![file("logo.png", 1)]), Err(PackageError::IconMissing)));
    let many = (0..package::MAX_FILES).map(|i| file(&format!("{i}.png"), 1)).chain([file("icon.png", 1)]).collect();
    assert!(matches!(PreparedFiles::new(many), Err(PackageError::TooManyFiles(_))));
    let large = vec![file("icon.png", 1), file("large.png", package::MAX_FILES_BYTES)];
    assert!(matches!(PreparedFiles::new(large), Err(PackageError::TooLarge(_))));
    let authority = Authority::now();
    let pass = vec![b' '; package::MAX_PASS_JSON_BYTES + 1];
    let error = package::build(&small_files(), &pass, &authority.signer(), SystemClock.now()).expect_err("too large");
    assert!(matches!(error, PackageError::PassTooLarge(_)), "{error}");
}
