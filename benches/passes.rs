//! Signed passes per core-second, beside bare RSA-2048 signatures in the same run: the signature should be the only cost.
//!
//! One thread, rounds of both taken in turns so that a busy machine slows both, the thread's own time on its core, medians. Prints one line of JSON, then words.

use std::hint::black_box;
use std::time::{Duration, Instant};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use bytes::Bytes;
use serde_json::json;
use walaa::apple::certificates::sandbox_pki;
use walaa::apple::package::{self, PreparedFiles};
use walaa::apple::signer::{CmsSigner, Signer};
use walaa::clock::{Clock, SystemClock};
use walaa::sandbox::verify::Verifier;

const ROUNDS: usize = 15;
const ROUND: Duration = Duration::from_millis(300);
const PASS_TYPE: &str = "pass.com.example.bench";
const TEAM: &str = "BENCH12345";

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let pki = sandbox_pki::generate(folder.path(), PASS_TYPE, TEAM, &SystemClock).expect("a sandbox authority");
    let certificate = pki.pass.load().expect("a pass certificate");
    let signer = CmsSigner::new(&certificate).expect("a signer");
    let key = KeyPair::from_pkcs8(&certificate.key().private_key_to_pkcs8().expect("a key")).expect("a key");

    let files = store_card();
    let pass = pass_json();
    let now = SystemClock.now();
    let package = package::build(&files, &pass, &signer, now).expect("a package");
    let root = std::fs::read(&pki.root).expect("the root");
    Verifier::new(&root).expect("a root").verify(&package, now).expect("a package that a phone accepts");

    let random = SystemRandom::new();
    let mut signature = vec![0; key.public_modulus_len()];
    let message = [7; 120];
    let mut sign_bare = || key.sign(&RSA_PKCS1_SHA256, &random, black_box(&message), &mut signature).expect("signed");
    let build = || drop(black_box(package::build(&files, black_box(&pass), &signer, now).expect("a package")));
    let sign = || drop(black_box(signer.sign_manifest(black_box(&message), now).expect("signed")));

    let (mut bare, mut passes, mut signatures, mut ratios) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bare.push(per_second(&mut sign_bare));
        passes.push(per_second(build));
        signatures.push(per_second(sign));
        bare.push(per_second(&mut sign_bare));
        ratios.push(passes[passes.len() - 1] * 2.0 / (bare[bare.len() - 1] + bare[bare.len() - 2]));
    }
    let (bare, passes, signatures, ratio) = (median(bare), median(passes), median(signatures), median(ratios));
    println!(
        "{}",
        json!({
            "bench": "passes", "rsa_per_second": bare.round(), "cms_per_second": signatures.round(),
            "passes_per_second": passes.round(), "ratio": (ratio * 1000.0).round() / 1000.0, "package_bytes": package.len(),
        })
    );
    println!("A store card of {} bytes, one thread, median of {ROUNDS} rounds of {} ms:", package.len(), ROUND.as_millis());
    println!("  bare RSA-2048 signatures  {bare:6.0} a second");
    println!("  CMS signatures            {signatures:6.0} a second");
    println!("  signed passes             {passes:6.0} a second = {:.1} % of the bare rate (aim: 90 %)", ratio * 100.0);
}

/// How often something can be done in a second of a core.
fn per_second(mut once: impl FnMut()) -> f64 {
    let (start, begin) = (Instant::now(), core_time());
    let mut times = 0;
    while start.elapsed() < ROUND {
        for _ in 0..16 {
            once();
        }
        times += 16;
    }
    let spent = match (begin, core_time()) {
        (Some(begin), Some(end)) if end > begin => end - begin,
        _ => start.elapsed(),
    };
    f64::from(times) / spent.as_secs_f64()
}

/// What this thread has had of a core so far, where the system tells: others may be using the machine.
fn core_time() -> Option<Duration> {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(times.split_ascii_whitespace().next()?.parse().ok()?))
}

/// The middle value.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Images of the usual sizes, as little compressible as PNG is, and strings in two languages: about 100 kB.
fn store_card() -> PreparedFiles {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut noise = |length: usize| -> Bytes {
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        };
        (0..length).map(|_| next()).collect::<Vec<u8>>().into()
    };
    let mut files: Vec<(String, Bytes)> = [
        ("icon.png", 1_200),
        ("icon@2x.png", 2_900),
        ("icon@3x.png", 4_800),
        ("logo.png", 2_100),
        ("logo@2x.png", 4_700),
        ("logo@3x.png", 7_600),
        ("strip.png", 11_000),
        ("strip@2x.png", 25_000),
        ("strip@3x.png", 39_000),
    ]
    .into_iter()
    .map(|(name, length)| (name.to_owned(), noise(length)))
    .collect();
    for language in ["en", "ar"] {
        let strings: String =
            (0..40).map(|i| format!("\"field_{i}_label\" = \"A text of the card in {language}, number {i}\";\n")).collect();
        files.push((format!("{language}.lproj/pass.strings"), strings.into()));
    }
    PreparedFiles::new(files).expect("files")
}

/// A store card with the usual fields: about 3 kB.
fn pass_json() -> Vec<u8> {
    let back: Vec<_> = (0..8)
        .map(|i| json!({"key": format!("back_{i}"), "label": format!("field_{i}_label"), "value": "How it works, in a few sentences that a customer may want to read one day. ".repeat(3)}))
        .collect();
    let pass = json!({
        "formatVersion": 1, "passTypeIdentifier": PASS_TYPE, "teamIdentifier": TEAM, "serialNumber": "pass_01h455vb4pex5vsknk084sn02q",
        "organizationName": "Example Cafe", "description": "Points card", "logoText": "Example Cafe",
        "webServiceURL": "https://wallet.example.com/apple", "authenticationToken": "0123456789abcdef0123456789abcdef",
        "backgroundColor": "rgb(60, 30, 20)", "foregroundColor": "rgb(255, 255, 255)", "labelColor": "rgb(230, 200, 170)",
        "barcodes": [{"format": "PKBarcodeFormatQR", "message": "W10123456789ABCDEFGHJKMNPQRSTVWXYZ0123456789", "messageEncoding": "iso-8859-1", "altText": "1234 5678"}],
        "storeCard": {
            "headerFields": [{"key": "points", "label": "Points", "value": 1250, "changeMessage": "You have %@ points"}],
            "primaryFields": [{"key": "next", "label": "Next reward", "value": "A free coffee"}],
            "secondaryFields": [{"key": "name", "label": "Member", "value": "A Member"}, {"key": "tier", "label": "Tier", "value": "Gold"}],
            "backFields": back,
        },
    });
    serde_json::to_vec(&pass).expect("JSON")
}
