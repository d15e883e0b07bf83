//! The sandbox's phone refuses what a phone would refuse, each time for the right reason.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use openssl::x509::X509;
use proptest::prelude::*;
use serde_json::{Value, json};
use walaa::apple::package;
use walaa::apple::signer::Signer;
use walaa::clock::{Clock, SystemClock, Timestamp};
use walaa::sandbox::verify::{Reason, Verifier};

use super::forge::{Files, Forgery, pack};
use super::tools::{Authority, PASS_TYPE, TEAM, pass_json, run, small_files};

/// The time on the phone.
fn now() -> Timestamp {
    *NOW
}

/// Read once, so that all steps of a test see the same second.
static NOW: LazyLock<Timestamp> = LazyLock::new(|| SystemClock.now());

/// A UTCTime some days from now.
fn utc_time(days: i64) -> String {
    now().plus_seconds(days * 86_400).to_utc().format("%y%m%d%H%M%SZ").to_string()
}

/// An authority, a package of its making, and a phone that trusts it.
struct Bench {
    authority: Authority,
    package: Vec<u8>,
    phone: Verifier,
}

impl Bench {
    fn new() -> Self {
        let authority = Authority::now();
        let phone = Verifier::new(&authority.root_pem()).expect("a root");
        Self { package: authority.package(now()), authority, phone }
    }

    /// The reasons to refuse something; none if it is accepted.
    fn reasons(&self, package: &[u8]) -> Vec<Reason> {
        self.phone.verify(package, now()).err().map(|refused| refused.0).unwrap_or_default()
    }

    /// The files of the good package.
    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        self.phone.verify(&self.package, now()).expect("accepted").files
    }

    /// The reasons against the good package with some files changed.
    fn with_files(&self, change: impl FnOnce(&mut BTreeMap<String, Vec<u8>>)) -> Vec<Reason> {
        let mut files = self.files();
        change(&mut files);
        self.reasons(&pack(&files.into_iter().collect()))
    }

    /// The reasons against the good package with a forged signature.
    fn with_signature(&self, bend: impl FnOnce(&mut Forgery)) -> Vec<Reason> {
        let mut forgery = Forgery::by(&self.authority);
        bend(&mut forgery);
        self.with_files(|files| {
            let signature = forgery.sign(&files["manifest.json"]);
            files.insert("signature".to_owned(), signature);
        })
    }

    /// The reasons against a package that is right but for its pass.json.
    fn with_pass(&self, pass: &[u8]) -> Vec<Reason> {
        self.reasons(&package::build(&small_files(), pass, &self.authority.signer(), now()).expect("a package"))
    }
}

#[test]
fn a_good_package_is_accepted_however_it_was_packed() {
    let bench = Bench::new();
    assert_eq!(bench.reasons(&bench.package), []);
    assert_eq!(bench.with_files(|_| ()), []);
    assert_eq!(bench.with_signature(|_| ()), [], "the forge makes good signatures unless told otherwise");
}

#[test]
fn a_changed_file_is_found() {
    let bench = Bench::new();
    let reasons = bench.with_files(|files| files.get_mut("strip.png").expect("there")[100] ^= 1);
    assert_eq!(reasons, [Reason::HashDiffers("strip.png".to_owned())]);
}

#[test]
fn flipped_bytes_of_the_archive_are_found() {
    /// What no reader of passes looks at: in eight directory entries who made it and the attributes, and padding bits.
    const MEANINGLESS: usize = 8 * 8 + 8;
    let bench = Bench::new();
    let files = bench.files();
    let directory_and_more = bench.package.len() - 1200..bench.package.len();
    let (mut flipped, mut accepted) = (0, 0);
    for at in (0..directory_and_more.start).step_by(29).chain(directory_and_more) {
        let mut package = bench.package.clone();
        package[at] ^= 0x10;
        flipped += 1;
        if let Ok(verified) = bench.phone.verify(&package, now()) {
            accepted += 1;
            assert_eq!(verified.files, files, "byte {at} changed a file and was not found");
        }
    }
    assert!(flipped > 1300 && accepted <= MEANINGLESS, "{accepted} of {flipped} were accepted");
}

#[test]
fn files_that_are_too_many_or_too_few_are_found() {
    let bench = Bench::new();
    let extra = bench.with_files(|files| drop(files.insert("extra.png".to_owned(), vec![1])));
    assert_eq!(extra, [Reason::NotInManifest("extra.png".to_owned())]);
    let gone = bench.with_files(|files| drop(files.remove("strip.png")));
    assert_eq!(gone, [Reason::NotInPackage("strip.png".to_owned())]);
    for name in ["icon.png", "pass.json", "manifest.json", "signature"] {
        let reasons = bench.with_files(|files| drop(files.remove(name)));
        assert!(reasons.contains(&Reason::Missing(name.to_owned())), "{name}: {reasons:?}");
    }
}

#[test]
fn a_manifest_that_is_none_is_found() {
    let bench = Bench::new();
    let upper = String::from_utf8(bench.files()["manifest.json"].clone()).expect("text").replace("\":\"", "\":\"A");
    for manifest in ["", "[]", "{\"a\":{}}", "{\"icon.png\":null}", &upper] {
        let reasons = bench.with_files(|files| drop(files.insert("manifest.json".to_owned(), manifest.as_bytes().to_vec())));
        assert!(reasons.iter().any(|reason| matches!(reason, Reason::Manifest(_))), "{manifest:?}: {reasons:?}");
        assert!(reasons.iter().any(|reason| matches!(reason, Reason::SignatureInvalid(_))), "{manifest:?}: {reasons:?}");
    }
}

#[test]
fn line_ends_changed_on_the_way_are_found() {
    let bench = Bench::new();
    let reasons = bench.with_files(|files| {
        let manifest = String::from_utf8(files["manifest.json"].clone()).expect("text").replace(',', ",\n");
        let signature = bench.authority.signer().sign_manifest(manifest.as_bytes(), now()).expect("signed");
        files.insert("signature".to_owned(), signature);
        files.insert("manifest.json".to_owned(), manifest.replace('\n', "\r\n").into_bytes());
    });
    assert!(matches!(reasons.as_slice(), [Reason::SignatureInvalid(_)]), "{reasons:?}");
}

#[test]
fn an_attached_signature_is_found() {
    let bench = Bench::new();
    let reasons = bench.with_signature(|forgery| forgery.attached = true);
    assert!(reasons.contains(&Reason::SignatureAttached), "{reasons:?}");
}

#[test]
fn missing_attributes_are_found() {
    let bench = Bench::new();
    let reasons = bench.with_signature(|forgery| forgery.signing_time = None);
    assert_eq!(reasons, [Reason::AttributeMissing("signingTime")]);
    let reasons = bench.with_signature(|forgery| forgery.with_message_digest = false);
    assert!(reasons.contains(&Reason::AttributeMissing("messageDigest")), "{reasons:?}");
    let reasons = bench.with_signature(|forgery| forgery.unsorted = true);
    assert!(reasons.iter().any(|reason| matches!(reason, Reason::Signature(why) if why.contains("sorted"))), "{reasons:?}");
}

#[test]
fn openssl_without_attributes_is_not_enough() {
    let bench = Bench::new();
    let folder = bench.authority.folder.path();
    let reasons = bench.with_files(|files| {
        std::fs::write(folder.join("manifest.json"), &files["manifest.json"]).expect("written");
        run(
            folder,
            "openssl cms -sign -binary -noattr -signer pass.pem -inkey pass.key -certfile wwdr.pem -in manifest.json -outform DER -out signature",
        );
        files.insert("signature".to_owned(), std::fs::read(folder.join("signature")).expect("signed"));
    });
    assert!(matches!(reasons.as_slice(), [Reason::Signature(why)] if why.contains("attributes")), "{reasons:?}");
}

#[test]
fn a_signing_time_outside_the_certificates_life_is_found() {
    let bench = Bench::new();
    for days in [-2, 500] {
        let reasons = bench.with_signature(|forgery| forgery.signing_time = Some(utc_time(days)));
        assert!(matches!(reasons.as_slice(), [Reason::SignedOutsideValidity { .. }]), "{reasons:?}");
    }
    let reasons = bench.with_signature(|forgery| forgery.signing_time = Some("2611011200Z".to_owned()));
    assert!(matches!(reasons.as_slice(), [Reason::Signature(_)]), "{reasons:?}");
}

#[test]
fn two_signers_are_one_too_many() {
    let bench = Bench::new();
    for signers in [0, 2] {
        let reasons = bench.with_signature(|forgery| forgery.signers = signers);
        assert!(matches!(reasons.as_slice(), [Reason::Signature(why)] if why.contains("one signer")), "{reasons:?}");
    }
}

#[test]
fn missing_certificates_are_found() {
    let bench = Bench::new();
    let reasons = bench.with_signature(|forgery| forgery.certificates.clear());
    assert!(reasons.contains(&Reason::IntermediateMissing), "{reasons:?}");
    let reasons = bench.with_signature(|forgery| forgery.with_leaf = false);
    assert!(reasons.contains(&Reason::LeafMissing), "{reasons:?}");
}

#[test]
fn an_intermediate_with_the_right_name_but_another_key_is_found() {
    let bench = Bench::new();
    let other = Authority::other();
    assert_eq!(
        other.certificate.intermediate().subject_name().to_der().expect("a name"),
        bench.authority.certificate.intermediate().subject_name().to_der().expect("a name")
    );
    let reasons = bench.with_signature(|forgery| forgery.certificates = vec![other.certificate.intermediate().to_owned()]);
    assert_eq!(reasons, [Reason::IntermediateMissing]);
}

#[test]
fn another_root_is_not_trusted() {
    let bench = Bench::new();
    let other = Authority::other();
    let reasons = bench.reasons(&other.package(now()));
    assert!(matches!(reasons.as_slice(), [Reason::Untrusted(_)]), "{reasons:?}");
}

#[test]
fn another_key_does_not_pass_for_the_certificates() {
    let bench = Bench::new();
    let other = Authority::other();
    let reasons = bench.with_signature(|forgery| forgery.key = other.certificate.key().to_owned());
    assert!(matches!(reasons.as_slice(), [Reason::SignatureInvalid(_)]), "{reasons:?}");
}

#[test]
fn certificates_out_of_date_are_found() {
    let bench = Bench::new();
    for (days, count) in [(-2, 3), (396, 1), (11 * 365, 2), (21 * 365, 3)] {
        let time = now().plus_seconds(days * 86_400);
        let reasons = bench.phone.verify(&bench.package, time).expect_err("out of date").0;
        assert_eq!(reasons.len(), count, "{reasons:?}");
        assert!(reasons.iter().all(|reason| matches!(reason, Reason::OutOfDate { .. })), "{reasons:?}");
    }
}

#[test]
fn a_pass_of_another_type_or_team_is_found() {
    let bench = Bench::new();
    let bend = |member: &str, value: &str| {
        let mut pass: Value = serde_json::from_slice(&pass_json()).expect("JSON");
        pass[member] = json!(value);
        bench.with_pass(pass.to_string().as_bytes())
    };
    let (pass, certificate) = ("pass.com.example.other".to_owned(), PASS_TYPE.to_owned());
    assert_eq!(bend("passTypeIdentifier", &pass), [Reason::PassTypeDiffers { pass: pass.clone(), certificate }]);
    let (pass, certificate) = ("ZZZZZ99999".to_owned(), TEAM.to_owned());
    assert_eq!(bend("teamIdentifier", &pass), [Reason::TeamDiffers { pass: pass.clone(), certificate }]);
}

#[test]
fn a_pass_json_that_is_none_is_found() {
    let bench = Bench::new();
    let with_mark = [b"\xef\xbb\xbf".as_slice(), &pass_json()].concat();
    for pass in [b"".as_slice(), b"[]", b"{", b"{}", b"{\"formatVersion\":1}", b"{\"formatVersion\":\"1\"}", &with_mark] {
        let reasons = bench.with_pass(pass);
        assert!(matches!(reasons.as_slice(), [Reason::Pass(_)]), "{}: {reasons:?}", String::from_utf8_lossy(pass));
    }
}

#[test]
fn a_certificate_for_something_else_is_found() {
    let bench = Bench::new();
    let folder = bench.authority.folder.path();
    let subject = format!("/UID={PASS_TYPE}/CN=Apple Development: {PASS_TYPE}/OU={TEAM}");
    run(
        folder,
        &format!(
            "openssl req -new -key pass.key -subj '{subject}' -out other.csr
             openssl x509 -req -in other.csr -CA wwdr.pem -CAkey wwdr.key -CAcreateserial -days 36500 -out other.pem -extfile <(printf \
             'extendedKeyUsage=codeSigning\\nkeyUsage=digitalSignature\\nauthorityKeyIdentifier=keyid\\n1.2.840.113635.100.6.1.16=ASN1:UTF8String:pass.other\\n')"
        ),
    );
    let other = X509::from_pem(&std::fs::read(folder.join("other.pem")).expect("made")).expect("PEM");
    let reasons = bench.with_signature(|forgery| forgery.leaf = other);
    let usages: Vec<_> = reasons.iter().filter(|reason| matches!(reason, Reason::NotAPassCertificate(_))).collect();
    assert_eq!(usages.len(), 2, "{reasons:?}");
}

#[test]
fn archives_that_are_not_plain_are_found() {
    let bench = Bench::new();
    let broken = |package: &[u8]| {
        let reasons = bench.reasons(package);
        assert!(matches!(reasons.as_slice(), [Reason::Archive(_) | Reason::Entry { .. }, ..]), "{reasons:?}");
        reasons
    };
    broken(b"");
    broken(b"not a zip at all, but longer than an end record");
    broken(&[&bench.package, b"tail".as_slice()].concat());
    broken(&[b"head".as_slice(), &bench.package].concat());
    broken(&bench.package[..bench.package.len() - 1]);

    let with = |name: &str| {
        let mut files: Files = bench.files().into_iter().collect();
        files.push((name.to_owned(), vec![1]));
        broken(&pack(&files))
    };
    for name in ["folder/", "__MACOSX/._icon.png", "de.lproj/.DS_Store", "../up.png", "/root.png", "a\\b.png", "ICON.PNG"] {
        let reasons = with(name);
        assert!(matches!(&reasons[0], Reason::Entry { entry, .. } if entry == name), "{name}: {reasons:?}");
    }
}

#[test]
fn archives_of_other_tools_are_judged_by_their_headers() {
    let bench = Bench::new();
    let folder = bench.authority.folder.path();
    for (name, content) in bench.files() {
        let path = folder.join("files").join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, content).expect("written");
    }
    let packed = |command: &str| {
        run(&folder.join("files"), &format!("rm -f ../other.pkpass && {command}"));
        bench.reasons(&std::fs::read(folder.join("other.pkpass")).expect("packed"))
    };
    assert_eq!(
        packed(
            "python3 -c \"import shutil; shutil.make_archive('../other', 'zip', '.')\" >/dev/null; python3 - <<'END'
import os, zipfile
os.remove('../other.zip')
with zipfile.ZipFile('../other.pkpass', 'w', zipfile.ZIP_DEFLATED) as archive:
    for folder, _, names in os.walk('.'):
        for name in names:
            archive.write(os.path.join(folder, name), os.path.relpath(os.path.join(folder, name), '.'))
END"
        ),
        [],
        "Python's archives are plain"
    );
    let descriptor = packed(
        "python3 - <<'END'
import zipfile
class Pipe:
    def __init__(self, file): self.file = file
    def write(self, data): return self.file.write(data)
    def flush(self): self.file.flush()
with open('../other.pkpass', 'wb') as file, zipfile.ZipFile(Pipe(file), 'w') as archive:
    archive.write('icon.png')
END",
    );
    assert!(
        descriptor.iter().any(|reason| matches!(reason, Reason::Entry { why, .. } if why.contains("sizes"))),
        "{descriptor:?}"
    );
    let sixty_four = packed(
        "python3 - <<'END'
import zipfile
with zipfile.ZipFile('../other.pkpass', 'w') as archive, archive.open('icon.png', 'w', force_zip64=True) as entry:
    entry.write(b'x')
END",
    );
    assert!(sixty_four.iter().any(|reason| matches!(reason, Reason::Entry { .. })), "{sixty_four:?}");
}

#[test]
fn a_package_that_unpacks_to_too_much_is_refused_before_it_is_unpacked() {
    let bench = Bench::new();
    let reasons = bench.with_files(|files| drop(files.insert("bomb.png".to_owned(), vec![0; 31 * 1024 * 1024])));
    assert_eq!(reasons, [Reason::TooLarge("the files")]);
    assert_eq!(bench.reasons(&vec![0; 11 * 1024 * 1024]), [Reason::TooLarge("the archive")]);
}

#[test]
fn damaged_packages_never_bring_the_verifier_down() {
    let bench = Bench::new();
    let config = ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8), cut in any::<prop::sample::Index>())| {
        let mut package = bench.package.clone();
        for (at, byte) in &changes {
            let at = at.index(package.len());
            package[at] = *byte;
        }
        let _ = bench.phone.verify(&package, now());
        let _ = bench.phone.verify(&package[cut.index(package.len())..], now());
        let mut files = bench.files();
        let signature = files.get_mut("signature").expect("there");
        for (at, byte) in &changes {
            let at = at.index(signature.len());
            signature[at] = *byte;
        }
        let _ = bench.phone.verify(&pack(&files.into_iter().collect()), now());
    });
}
