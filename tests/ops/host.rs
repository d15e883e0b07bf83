//! The systemd unit: systemd reads it, finds it well enclosed, and gives a gateway the time that it needs to end.

use std::process::{Command, Output};

use super::containers::longest_end;
use super::text;

/// The highest exposure that systemd may find, in tenths: 0 is a service that may do nothing, 100 one that may do all.
const EXPOSURE: u32 = 19;

/// A unit, with the drop-in for secrets, in a folder of its own; its binary is the one under test.
fn unit() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let unit = text("docker/systemd/walaa.service").replace("/usr/local/bin/walaa", env!("CARGO_BIN_EXE_walaa"));
    std::fs::write(folder.path().join("walaa.service"), unit).expect("written");
    std::fs::create_dir(folder.path().join("walaa.service.d")).expect("made");
    std::fs::write(folder.path().join("walaa.service.d/secrets.conf"), text("docker/systemd/secrets.conf")).expect("written");
    folder
}

fn systemd_analyze(arguments: &[&str], folder: &tempfile::TempDir) -> Output {
    let mut command = Command::new("systemd-analyze");
    command.args(arguments).arg(folder.path().join("walaa.service"));
    command.output().expect("systemd-analyze runs: it is in the package systemd")
}

#[test]
fn systemd_understands_the_unit() {
    let folder = unit();
    let said = systemd_analyze(&["verify", "--recursive-errors=no"], &folder);
    let words = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success(), "{words}");
    assert!(!words.contains("walaa.service"), "something in it is not known: {words}");
}

#[test]
fn systemd_finds_the_unit_well_enclosed() {
    let folder = unit();
    let said = systemd_analyze(&["security", "--offline=true", &format!("--threshold={EXPOSURE}")], &folder);
    let words = String::from_utf8_lossy(&said.stdout);
    assert!(said.status.success(), "{words}");
    let claimed = text("docker/systemd/walaa.service");
    let found =
        words.lines().find_map(|line| line.split("walaa.service: ").nth(1)?.split(' ').next()).expect("an exposure level");
    assert!(claimed.contains(&format!("says {found} ")), "the unit's first line should say {found}");
}

#[test]
fn systemd_waits_until_a_gateway_has_ended() {
    let unit = text("docker/systemd/walaa.service");
    let wait = unit.lines().find_map(|line| line.strip_prefix("TimeoutStopSec=")?.strip_suffix('s')?.parse::<u64>().ok());
    assert!(wait.is_some_and(|wait| wait > longest_end()), "{wait:?} is not more than {}", longest_end());
}
