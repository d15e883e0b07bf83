//! The independent tools that judge what we emit, and a small set of files to pack.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use bytes::Bytes;
use tempfile::TempDir;
use walaa::apple::certificates::sandbox_pki::{self, SandboxPki};
use walaa::apple::certificates::{Existing, PassCertificate, key_file};
use walaa::apple::package::{self, PreparedFiles};
use walaa::apple::signer::CmsSigner;
use walaa::clock::{Clock, ManualClock, SystemClock, Timestamp};

use super::forge::Files;

/// The pass type of all test passes.
pub const PASS_TYPE: &str = "pass.com.example.test";
/// The team of all test passes.
pub const TEAM: &str = "ABCDE12345";

/// A folder with a sandbox authority in it.
pub struct Authority {
    pub folder: TempDir,
    pub pki: SandboxPki,
    pub certificate: PassCertificate,
}

/// Files of authorities that began when the tests did: making RSA keys is most of the time that these tests take.
static MADE: [LazyLock<Files>; 2] = [LazyLock::new(make), LazyLock::new(make)];

fn make() -> Files {
    let authority = Authority::at(SystemClock.now());
    let entries = std::fs::read_dir(authority.folder.path()).expect("listed").map(|entry| entry.expect("an entry"));
    entries.map(|entry| (entry.file_name().into_string().expect("text"), std::fs::read(entry.path()).expect("read"))).collect()
}

impl Authority {
    /// One that began today: the tools ask the machine for the time.
    pub fn now() -> Self {
        Self::copy_of(0)
    }

    /// Another one, with the same names and other keys.
    pub fn other() -> Self {
        Self::copy_of(1)
    }

    fn copy_of(index: usize) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, content) in MADE[index].iter() {
            key_file::write(&folder.path().join(name), content, Existing::Refuse).expect("written");
        }
        Self::in_folder(folder, SystemClock.now())
    }

    /// One that began at some time.
    pub fn at(time: Timestamp) -> Self {
        Self::in_folder(tempfile::tempdir().expect("a folder"), time)
    }

    fn in_folder(folder: TempDir, time: Timestamp) -> Self {
        let pki = sandbox_pki::generate(folder.path(), PASS_TYPE, TEAM, &ManualClock::at(time)).expect("a sandbox authority");
        let certificate = pki.pass.load().expect("a pass certificate");
        Self { folder, pki, certificate }
    }

    pub fn signer(&self) -> CmsSigner {
        CmsSigner::new(&self.certificate).expect("a signer")
    }

    pub fn root_pem(&self) -> Vec<u8> {
        std::fs::read(&self.pki.root).expect("the root")
    }

    pub fn package(&self, now: Timestamp) -> Vec<u8> {
        package::build(&small_files(), &pass_json(), &self.signer(), now).expect("a package")
    }
}

/// A pass.json that names the test certificate.
pub fn pass_json() -> Vec<u8> {
    format!(
        r#"{{"formatVersion":1,"passTypeIdentifier":"{PASS_TYPE}","teamIdentifier":"{TEAM}","serialNumber":"pass_0001","organizationName":"Example","description":"A card","storeCard":{{}}}}"#
    )
    .into_bytes()
}

/// Names on both sides of pass.json in the alphabet, one in a folder, one that deflates well and one that doesn't.
pub fn small_files() -> PreparedFiles {
    let noise: Vec<u8> = (0..5000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let files = [
        ("icon.png", noise.clone()),
        ("icon@2x.png", noise[..3000].to_vec()),
        ("ar.lproj/pass.strings", "\"Points\" = \"نقاط\";\n".repeat(50).into_bytes()),
        ("strip.png", vec![7; 2000]),
        ("empty.txt", Vec::new()),
    ];
    PreparedFiles::new(files.into_iter().map(|(name, content)| (name.to_owned(), Bytes::from(content))).collect()).expect("files")
}

/// Runs a tool that must succeed; the answer is what it printed.
pub fn run(folder: &Path, command: &str) -> String {
    let output = try_run(folder, command);
    let text = text_of(&output);
    assert!(output.status.success(), "{command}\n{text}");
    text
}

/// Runs a tool that must fail; the answer is what it printed.
pub fn run_failing(folder: &Path, command: &str) -> String {
    let output = try_run(folder, command);
    let text = text_of(&output);
    assert!(!output.status.success(), "should have failed: {command}\n{text}");
    text
}

/// Unpacks with unzip, which must find nothing to complain about.
pub fn unzip(folder: &Path, package: &[u8]) -> PathBuf {
    let file = folder.join("ours.pkpass");
    let unpacked = folder.join("unpacked");
    std::fs::write(&file, package).expect("written");
    run(folder, "unzip -tq ours.pkpass");
    run(folder, "rm -rf unpacked && unzip -oq ours.pkpass -d unpacked");
    unpacked
}

fn try_run(folder: &Path, command: &str) -> Output {
    Command::new("bash").args(["-euo", "pipefail", "-c", command]).current_dir(folder).output().expect("bash runs")
}

fn text_of(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
