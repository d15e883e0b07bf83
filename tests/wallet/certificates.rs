//! Pass certificates: what is refused at once, what is told, how one is got, and the sandbox's authority.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use walaa::apple::certificates::sandbox_pki::{self, SandboxPkiError};
use walaa::apple::certificates::{CertificateError, Expected, NfcUse, PassCertificate, PassCertificateFiles, Severity, examine};
use walaa::cli::certs::{self, CertsError, CsrArgs, ImportArgs, SandboxArgs, ShowArgs};
use walaa::clock::{Clock, ManualClock, SystemClock, Timestamp};

use super::tools::{Authority, PASS_TYPE, TEAM, run};

const DAY: i64 = 86_400;

fn load(folder: &Path, leaf: &str, key: &str, intermediate: &str) -> Result<PassCertificate, CertificateError> {
    let read = |name: &str| fs::read(folder.join(name)).expect("a file");
    PassCertificate::load(&read(leaf), &read(key), &read(intermediate))
}

/// Issues a certificate for a key under the sandbox's intermediate with the openssl command.
fn issue(folder: &Path, name: &str, genkey: &str, subject: &str) {
    run(
        folder,
        &format!(
            "openssl genpkey {genkey} -out {name}.key && chmod 600 {name}.key
             openssl req -new -key {name}.key -subj '{subject}' -out {name}.csr
             openssl x509 -req -in {name}.csr -CA wwdr.pem -CAkey wwdr.key -CAcreateserial -days 395 -out {name}.pem \
               -extfile <(printf 'keyUsage=digitalSignature\\nextendedKeyUsage=1.2.840.113635.100.4.14\\nauthorityKeyIdentifier=keyid\\n')"
        ),
    );
}

fn subject() -> String {
    format!("/UID={PASS_TYPE}/CN=Pass Type ID: {PASS_TYPE}/OU={TEAM}/O=Example/C=US")
}

#[test]
fn parts_that_do_not_belong_together_are_refused() {
    let (one, other) = (Authority::now(), Authority::other());
    let folder = one.folder.path();
    fs::copy(&other.pki.pass.key, folder.join("other.key")).expect("copied");
    fs::copy(&other.pki.pass.intermediate, folder.join("other.pem")).expect("copied");

    load(folder, "pass.pem", "pass.key", "wwdr.pem").expect("they belong together");
    let error = load(folder, "pass.pem", "other.key", "wwdr.pem").expect_err("another's key");
    assert!(matches!(error, CertificateError::KeyMismatch), "{error}");
    // The names are the same; only the signature tells.
    let error = load(folder, "pass.pem", "pass.key", "other.pem").expect_err("another's intermediate");
    assert!(matches!(error, CertificateError::NotIssued { .. }), "{error}");
    assert!(error.to_string().contains("AppleWWDRCAG4.cer"), "{error}");
    let error = load(folder, "pass.pem", "pass.key", "root.pem").expect_err("the root");
    assert!(matches!(error, CertificateError::NotIssued { .. }), "{error}");
    run(folder, "cat other.pem root.pem wwdr.pem > bundle.pem");
    load(folder, "pass.pem", "pass.key", "bundle.pem").expect("the right one is found in a bundle");
    let error = load(folder, "pass.key", "pass.key", "wwdr.pem").expect_err("not a certificate");
    assert!(matches!(error, CertificateError::Unreadable { .. }), "{error}");
    let error = load(folder, "pass.pem", "pass.pem", "wwdr.pem").expect_err("not a key");
    assert!(matches!(error, CertificateError::Unreadable { .. }), "{error}");
}

#[test]
fn keys_that_cannot_sign_passes_are_refused() {
    let authority = Authority::now();
    let folder = authority.folder.path();
    let cases = [
        ("weak", "-algorithm RSA -pkeyopt rsa_keygen_bits:1024"),
        ("p384", "-algorithm EC -pkeyopt ec_paramgen_curve:P-384"),
        ("ed", "-algorithm ED25519"),
    ];
    for (name, genkey) in cases {
        issue(folder, name, genkey, &subject());
        let error = load(folder, &format!("{name}.pem"), &format!("{name}.key"), "wwdr.pem").expect_err(name);
        assert!(matches!(error, CertificateError::KeyKind), "{name}: {error}");
    }
    issue(folder, "p256", "-algorithm EC -pkeyopt ec_paramgen_curve:P-256", &subject());
    assert_eq!(load(folder, "p256.pem", "p256.key", "wwdr.pem").expect("P-256 is fine").key_text(), "EC P-256, 256 bits");

    run(folder, "openssl pkey -in pass.key -aes256 -passout pass:secret -out locked.key");
    let error = load(folder, "pass.pem", "locked.key", "wwdr.pem").expect_err("encrypted");
    assert!(matches!(error, CertificateError::KeyEncrypted), "{error}");
}

#[test]
fn a_certificate_without_pass_type_or_team_is_refused() {
    let authority = Authority::now();
    let folder = authority.folder.path();
    for (name, subject) in [("a", format!("/CN=x/OU={TEAM}")), ("b", format!("/UID={PASS_TYPE}/CN=x"))] {
        issue(folder, name, "-algorithm EC -pkeyopt ec_paramgen_curve:P-256", &subject);
        let error = load(folder, &format!("{name}.pem"), &format!("{name}.key"), "wwdr.pem").expect_err("no pass certificate");
        assert!(matches!(error, CertificateError::Subject(_)), "{error}");
    }
}

#[test]
fn a_key_that_others_may_read_is_not_loaded() {
    let authority = Authority::now();
    fs::set_permissions(&authority.pki.pass.key, fs::Permissions::from_mode(0o644)).expect("changed");
    let findings = examine(&authority.pki.pass, SystemClock.now(), None);
    assert_eq!((findings.len(), findings[0].severity), (1, Severity::Error));
    assert!(findings[0].what.contains("chmod 600"), "{findings:?}");
}

#[test]
fn an_expiry_is_told_in_time_and_more_urgently_as_it_comes() {
    let authority = Authority::now();
    let ends = authority.certificate.not_after();
    let about_the_end = |days_before: i64| {
        let findings = authority.certificate.findings(ends.plus_seconds(-days_before * DAY), None);
        findings.into_iter().find(|finding| finding.what.contains("expire"))
    };
    assert_eq!(about_the_end(90), None);
    for (days, severity) in [
        (89, Severity::Info),
        (60, Severity::Info),
        (59, Severity::Warning),
        (30, Severity::Warning),
        (29, Severity::Warning),
        (7, Severity::Warning),
        (6, Severity::Urgent),
        (0, Severity::Urgent),
        (-1, Severity::Error),
    ] {
        let finding = about_the_end(days).expect("told");
        assert_eq!(finding.severity, severity, "{days} days before: {finding:?}");
        assert!(finding.what_to_do.contains("walaa certs csr"), "{finding:?}");
    }
    let early = authority.certificate.findings(authority.certificate.not_before().plus_seconds(-1), None);
    assert_eq!(early.iter().filter(|finding| finding.severity == Severity::Error).count(), 2, "{early:?}");
    // The intermediate ends too, years later.
    let late = authority.certificate.findings(ends.plus_seconds(10 * 365 * DAY), None);
    assert_eq!(late.iter().filter(|finding| finding.what.contains("expired")).count(), 2, "{late:?}");
}

#[test]
fn a_certificate_for_another_pass_is_told() {
    let authority = Authority::now();
    let errors = |pass_type_id, team_id, nfc| {
        let expected = Expected { pass_type_id, team_id, nfc };
        let findings = authority.certificate.findings(SystemClock.now(), Some(&expected));
        findings.into_iter().filter(|finding| finding.severity == Severity::Error).count()
    };
    assert_eq!(errors(PASS_TYPE, TEAM, NfcUse::Unused), 0);
    assert_eq!(errors("pass.com.example.other", TEAM, NfcUse::Unused), 1);
    assert_eq!(errors(PASS_TYPE, "ZZZZZ99999", NfcUse::Unused), 1);
    assert_eq!(errors(PASS_TYPE, TEAM, NfcUse::Used), 1);
    assert_eq!(errors("pass.com.example.other", "ZZZZZ99999", NfcUse::Used), 3);

    let folder = authority.folder.path();
    let nfc = format!("/UID={PASS_TYPE}/CN=Pass Type ID with NFC: {PASS_TYPE}/OU={TEAM}");
    issue(folder, "nfc", "-algorithm EC -pkeyopt ec_paramgen_curve:P-256", &nfc);
    let certificate = load(folder, "nfc.pem", "nfc.key", "wwdr.pem").expect("a pass certificate");
    let expected = Expected { pass_type_id: PASS_TYPE, team_id: TEAM, nfc: NfcUse::Used };
    let findings = certificate.findings(SystemClock.now(), Some(&expected));
    assert!(certificate.allows_nfc() && findings.iter().all(|finding| finding.severity == Severity::Info), "{findings:?}");
}

#[test]
fn what_does_not_come_from_apple_is_told() {
    let authority = Authority::now();
    let findings = authority.certificate.findings(SystemClock.now(), None);
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(findings[0].severity == Severity::Info && findings[0].what.contains("not Apple's WWDR G4"), "{findings:?}");

    let folder = authority.folder.path();
    run(
        folder,
        &format!(
            "openssl req -new -key pass.key -subj '{}' -out odd.csr
             openssl x509 -req -in odd.csr -CA wwdr.pem -CAkey wwdr.key -CAcreateserial -days 395 -out odd.pem -extfile <(echo authorityKeyIdentifier=keyid)",
            subject()
        ),
    );
    let certificate = load(folder, "odd.pem", "pass.key", "wwdr.pem").expect("loaded");
    let findings = certificate.findings(SystemClock.now(), None);
    assert_eq!(findings[0].severity, Severity::Warning, "{findings:?}");
}

/// The commands, in a folder of their own beside an authority that plays Apple's portal.
struct Desk {
    apple: Authority,
    certs: PathBuf,
}

impl Desk {
    fn new() -> Self {
        let apple = Authority::now();
        let certs = apple.folder.path().join("certs");
        Self { apple, certs }
    }

    fn csr(&self) -> Result<String, CertsError> {
        let args = CsrArgs {
            name: "Example Cafe".to_owned(),
            email: "developer@example.com".to_owned(),
            country: Some("KW".to_owned()),
            folder: self.certs.clone(),
        };
        said(|out| certs::csr(&args, out))
    }

    /// Apple's portal: takes a key's request, and gives a certificate in DER under names of its own choosing.
    fn portal(&self) {
        let folder = self.apple.folder.path();
        let subject = subject();
        run(
            folder,
            &format!(
                "openssl req -in certs/request.csr -noout -pubkey > request.pub
                 openssl req -new -key pass.key -subj '{subject}' -out portal.csr
                 openssl x509 -req -in portal.csr -force_pubkey request.pub -CA wwdr.pem -CAkey wwdr.key -CAcreateserial -days 395 \
                   -outform DER -out pass.cer \
                   -extfile <(printf 'extendedKeyUsage=1.2.840.113635.100.4.14\\nauthorityKeyIdentifier=keyid\\n')
                 openssl x509 -in wwdr.pem -outform DER -out wwdr.cer"
            ),
        );
    }

    fn import(&self, files: &[&str], bend: impl FnOnce(&mut ImportArgs)) -> Result<String, CertsError> {
        let path = |name: &str| self.apple.folder.path().join(name);
        let mut args = ImportArgs {
            files: files.iter().map(|name| path(name)).collect(),
            intermediate: None,
            password_file: None,
            folder: self.certs.clone(),
            replace: false,
        };
        bend(&mut args);
        said(|out| certs::import(&args, &SystemClock, out))
    }

    fn password(&self, password: &str) -> PathBuf {
        let path = self.apple.folder.path().join("password");
        fs::write(&path, format!("{password}\n")).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("changed");
        path
    }
}

/// What a command said, if it did its work.
fn said<T>(command: impl FnOnce(&mut dyn std::io::Write) -> Result<T, CertsError>) -> Result<String, CertsError> {
    let mut out = Vec::new();
    command(&mut out)?;
    Ok(String::from_utf8(out).expect("text"))
}

#[test]
fn from_the_request_to_the_certificate_in_place() {
    let desk = Desk::new();
    let said_csr = desk.csr().expect("a request");
    assert!(said_csr.contains("walaa certs import"), "{said_csr}");
    let text = run(&desk.certs, "openssl req -in request.csr -noout -verify -text 2>&1");
    assert!(text.contains("verify OK") && text.contains("2048 bit") && text.contains("Example Cafe"), "{text}");
    assert_eq!(fs::metadata(desk.certs.join("request.key")).expect("there").permissions().mode() & 0o777, 0o600);
    assert!(matches!(desk.csr(), Err(CertsError::File(_))), "a request that is on its way is left alone");

    desk.portal();
    let missing = desk.import(&["pass.cer"], |_| ()).expect_err("no intermediate");
    assert!(missing.to_string().contains("--intermediate"), "{missing}");
    let wwdr = desk.apple.folder.path().join("wwdr.cer");
    let imported = desk.import(&["pass.cer"], |args| args.intermediate = Some(wwdr.clone())).expect("imported");
    assert!(imported.contains(PASS_TYPE), "{imported}");
    let names: BTreeMap<String, u32> = fs::read_dir(&desk.certs)
        .expect("listed")
        .map(|entry| entry.expect("an entry"))
        .map(|entry| {
            (entry.file_name().into_string().expect("text"), entry.metadata().expect("there").permissions().mode() & 0o777)
        })
        .collect();
    let expected = [("pass.key", 0o600), ("pass.pem", 0o644), ("request.csr", 0o644), ("wwdr.pem", 0o644)];
    assert_eq!(names, expected.map(|(name, mode)| (name.to_owned(), mode)).into());

    let shown = said(|out| certs::show(&ShowArgs { folder: desk.certs.clone() }, &SystemClock, out)).expect("shown");
    assert!(shown.contains(PASS_TYPE) && shown.contains(TEAM) && shown.contains("RSA, 2048 bits"), "{shown}");
    let again = desk.import(&["pass.cer"], |args| args.intermediate = Some(wwdr.clone())).expect_err("there already");
    assert!(again.to_string().contains("exists already"), "{again}");
    desk.import(&["pass.cer"], |args| (args.intermediate, args.replace) = (Some(wwdr), true)).expect("replaced");
}

#[test]
fn a_wrong_import_leaves_everything_as_it_was() {
    let desk = Desk::new();
    desk.csr().expect("a request");
    desk.portal();
    let apple = desk.apple.folder.path().to_owned();
    let intermediate = |args: &mut ImportArgs| args.intermediate = Some(apple.join("wwdr.pem"));
    // The sandbox's own certificate has another key than the request.
    let error = desk.import(&["pass.pem"], intermediate).expect_err("another key");
    assert!(error.to_string().contains("does not belong"), "{error}");
    let error = desk.import(&["wwdr.pem"], |_| ()).expect_err("no pass certificate");
    assert!(error.to_string().contains("no pass certificate"), "{error}");
    let error = desk.import(&["certs/request.csr"], intermediate).expect_err("a request is no certificate");
    assert!(error.to_string().contains("no pass certificate"), "{error}");
    fs::write(apple.join("junk"), b"junk").expect("written");
    let error = desk.import(&["junk"], |_| ()).expect_err("junk");
    assert!(error.to_string().contains("junk: this is neither"), "{error}");
    let error = desk.import(&["absent"], |_| ()).expect_err("absent");
    assert!(error.to_string().contains("absent"), "{error}");
    fs::remove_file(desk.certs.join("request.key")).expect("removed");
    let error = desk.import(&["pass.cer"], intermediate).expect_err("no key");
    assert!(error.to_string().contains("private key of the pass certificate is missing"), "{error}");
    assert!(!desk.certs.join("pass.pem").exists() && !desk.certs.join("pass.key").exists());
}

#[test]
fn keychain_files_open_or_say_how_to_open_them() {
    let desk = Desk::new();
    let apple = desk.apple.folder.path();
    run(apple, "openssl pkcs12 -export -in pass.pem -inkey pass.key -certfile wwdr.pem -passout pass:secret -out new.p12");
    run(
        apple,
        "openssl pkcs12 -export -legacy -in pass.pem -inkey pass.key -certfile wwdr.pem -passout pass:secret -out old.p12",
    );

    let right = desk.password("secret");
    let error = desk.import(&["old.p12"], |args| args.password_file = Some(right.clone())).expect_err("RC2");
    assert!(error.to_string().contains("openssl pkcs12 -legacy -in old.p12 -nodes -out new.pem"), "{error}");
    let error = desk.import(&["new.p12"], |_| ()).expect_err("no password");
    assert!(error.to_string().contains("password"), "{error}");
    let wrong = desk.password("wrong\0");
    let error = desk.import(&["new.p12"], |args| args.password_file = Some(wrong)).expect_err("a password with a zero");
    assert!(error.to_string().contains("password"), "{error}");
    let wrong = desk.password("wrong");
    for file in ["new.p12", "old.p12"] {
        let error = desk.import(&[file], |args| args.password_file = Some(wrong.clone())).expect_err("another password");
        assert!(error.to_string().contains("password does not open"), "{file}: {error}");
    }
    // What the message tells to do really helps.
    run(apple, "openssl pkcs12 -legacy -in old.p12 -nodes -out new.pem -passin pass:secret");
    desk.import(&["new.pem"], |_| ()).expect("imported");
    PassCertificateFiles::in_folder(&desk.certs).load().expect("usable");
}

#[test]
fn one_pem_file_with_everything_is_imported() {
    let desk = Desk::new();
    run(
        desk.apple.folder.path(),
        "openssl pkcs8 -topk8 -in pass.key -passout pass:secret -out locked.key && cat locked.key wwdr.pem pass.pem > all.pem",
    );
    let error = desk.import(&["all.pem"], |_| ()).expect_err("no password");
    assert!(error.to_string().contains("password"), "{error}");
    let right = desk.password("secret");
    desk.import(&["all.pem"], |args| args.password_file = Some(right)).expect("imported");
    PassCertificateFiles::in_folder(&desk.certs).load().expect("usable");
}

/// The files of a folder with their contents.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).expect("listed").map(|entry| entry.expect("an entry"));
    entries.map(|entry| (entry.file_name().into_string().expect("text"), fs::read(entry.path()).expect("read"))).collect()
}

/// The names of the files that differ.
fn changed(before: &BTreeMap<String, Vec<u8>>, after: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    assert!(before.keys().eq(after.keys()));
    before.keys().filter(|name| before[*name] != after[*name]).cloned().collect()
}

#[test]
fn the_sandbox_goes_on_with_what_is_there_and_renews_what_ends() {
    let start = Timestamp::parse("2026-11-01T00:00:00Z").expect("a time");
    let authority = Authority::at(start);
    let folder = authority.folder.path();
    let generate = |pass_type: &str, days: i64| {
        let before = contents(folder);
        sandbox_pki::generate(folder, pass_type, TEAM, &ManualClock::at(start.plus_seconds(days * DAY))).expect("generated");
        changed(&before, &contents(folder))
    };
    assert_eq!(contents(folder).len(), 8);
    assert_eq!(generate(PASS_TYPE, 0), [""; 0]);
    assert_eq!(generate(PASS_TYPE, 300), [""; 0]);
    assert_eq!(generate(PASS_TYPE, 366), ["pass.key", "pass.pem"], "thirteen months less thirty days");
    assert_eq!(generate(PASS_TYPE, 368), ["server.key", "server.pem"]);
    assert_eq!(generate("pass.com.example.other", 368), ["pass.key", "pass.pem"]);
    assert_eq!(generate("pass.com.example.other", 367 + 10 * 365).len(), 6, "all but the root");
    assert_eq!(generate("pass.com.example.other", -2).len(), 6, "a clock set back: what is not yet valid is of no use");

    let late = ManualClock::at(start.plus_seconds(21 * 365 * DAY));
    let error = sandbox_pki::generate(folder, PASS_TYPE, TEAM, &late).expect_err("the root is over");
    assert!(matches!(error, SandboxPkiError::Root { .. }) && error.to_string().contains("expired"), "{error}");
}

#[test]
fn the_sandbox_repairs_all_but_its_root() {
    let authority = Authority::now();
    let folder = authority.folder.path();
    let generate = || sandbox_pki::generate(folder, PASS_TYPE, TEAM, &SystemClock);
    let root = authority.root_pem();

    for name in ["pass.pem", "pass.key", "server.pem", "wwdr.key", "wwdr.pem"] {
        fs::write(folder.join(name), "damaged").expect("written");
        generate().expect("repaired").pass.load().expect("usable");
    }
    assert_eq!(fs::read(&authority.pki.root).expect("there"), root);

    let key = fs::read(folder.join("root.key")).expect("there");
    fs::remove_file(folder.join("root.key")).expect("removed");
    assert!(matches!(generate(), Err(SandboxPkiError::Root { .. })), "a root without key is not replaced silently");
    fs::copy(folder.join("pass.key"), folder.join("root.key")).expect("copied");
    assert!(matches!(generate(), Err(SandboxPkiError::Root { .. })), "nor one with another key");
    fs::write(folder.join("root.key"), key).expect("written");
    generate().expect("whole again");

    // A crash after the key and before the root: nobody can trust a root yet that was never there.
    fs::remove_file(folder.join("root.pem")).expect("removed");
    let pki = generate().expect("a new root");
    assert_ne!(fs::read(&pki.root).expect("there"), root);
    pki.pass.load().expect("usable");
    run(folder, "openssl verify -CAfile root.pem -untrusted wwdr.pem pass.pem server.pem");
}

#[test]
fn the_sandbox_is_shaped_like_apples_and_trusted_through_one_root() {
    let authority = Authority::now();
    let folder = authority.folder.path();
    run(folder, "openssl verify -x509_strict -CAfile root.pem -untrusted wwdr.pem -purpose sslclient pass.pem");
    for name in ["-verify_hostname localhost", "-verify_ip 127.0.0.1", "-verify_ip ::1"] {
        run(folder, &format!("openssl verify -x509_strict -CAfile root.pem -purpose sslserver {name} server.pem"));
    }
    run(folder, "cat pass.pem wwdr.pem | certtool --verify --load-ca-certificate root.pem --infile /dev/stdin");
    run(folder, "certtool --verify --load-ca-certificate root.pem --infile server.pem --verify-hostname localhost");
    let subjects = run(folder, "for f in root wwdr pass; do openssl x509 -in $f.pem -noout -subject -nameopt RFC2253; done");
    for part in ["CN=Apple Root CA", "OU=G4,CN=Apple Worldwide Developer Relations Certification Authority"] {
        assert!(subjects.contains(part), "{subjects}");
    }
    assert!(subjects.contains(&format!("OU={TEAM},CN=Pass Type ID: {PASS_TYPE},UID={PASS_TYPE}")), "{subjects}");
    assert_eq!(subjects.matches("not Apple").count(), 4, "{subjects}");
    let leaf = run(folder, "openssl x509 -in pass.pem -noout -text");
    assert!(leaf.contains("1.2.840.113635.100.4.14") && leaf.contains("1.2.840.113635.100.6.1.16"), "{leaf}");
    for name in ["root.key", "wwdr.key", "pass.key", "server.key"] {
        assert_eq!(fs::metadata(folder.join(name)).expect("there").permissions().mode() & 0o777, 0o600, "{name}");
    }
}

#[test]
fn the_sandbox_command_says_what_it_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let args =
        SandboxArgs { folder: folder.path().join("new/folder"), pass_type_id: PASS_TYPE.to_owned(), team_id: TEAM.to_owned() };
    let out = said(|out| certs::sandbox(&args, &SystemClock, out)).expect("made");
    assert!(out.contains("root.pem") && out.contains("no phone accepts"), "{out}");
    assert_eq!(fs::metadata(&args.folder).expect("there").permissions().mode() & 0o777, 0o700);
}
