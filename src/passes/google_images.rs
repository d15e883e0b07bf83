//! The pictures that Google Wallet shows: `images/google/logo.png` and `hero.png`; those in `images/google/<kind>/` win.
//!
//! A template without them works as before and is not offered in Google Wallet.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::Arc;

use crate::passes::design::Design;
use crate::passes::image::{Size, png_size};
use crate::passes::problem::Findings;
use crate::passes::stamps;
use crate::passes::view::PassKind;

/// The least side of the logo, in pixels; it is square, and Google cuts a circle out of it.
const LOGO_SIDE: u32 = 660;

/// The least width of the banner, in pixels, and how many times it is at least as wide as high.
const HERO_WIDTH: u32 = 1_032;
const HERO_RATIO: u32 = 3;

/// The largest picture, in bytes; Google names no limit, the phone's mobile line does.
const MAX_BYTES: usize = 1_000_000;

/// The largest side, in pixels: what is larger is only shrunk again.
const MAX_SIDE: u32 = 4_096;

/// The pictures of one kind of pass.
#[derive(Debug, Clone)]
pub struct GoogleImages {
    /// The square logo.
    pub logo: Arc<[u8]>,
    /// The banner, or what stamps are drawn on.
    pub hero: Option<Arc<[u8]>>,
}

/// Gathers and checks the pictures of a kind of pass; none if it has no logo, which Google wants on every card.
pub fn check_google_images(design: &Design, files: &[(String, Vec<u8>)], findings: &mut Findings) -> Option<GoogleImages> {
    let mut gathered: BTreeMap<&str, (&str, &[u8])> = BTreeMap::new();
    let own = format!("images/google/{}/", design.kind.as_str());
    for folder in ["images/google/", own.as_str()] {
        for (path, bytes) in files {
            let Some(file) = path.strip_prefix(folder).filter(|file| !file.contains('/')) else { continue };
            if ["logo.png", "hero.png"].contains(&file) {
                gathered.insert(file, (path, bytes));
            } else if design.kind == PassKind::Card || folder == own {
                let advice = "Google Wallet takes logo.png and hero.png, each in one size.";
                findings.in_file(path).error("is not a picture that Google Wallet shows", advice);
            }
        }
    }
    let Some((path, bytes)) = gathered.get("logo.png") else {
        if design.kind == PassKind::Card {
            findings.in_file("images/google/").warning(
                "there is no logo.png: cards of this template are not offered in Google Wallet",
                format!("Add a square logo of {LOGO_SIDE} × {LOGO_SIDE} pixels or more, and hero.png of {HERO_WIDTH} × 336."),
            );
        }
        return None;
    };
    check_logo(findings.in_file(path), bytes);
    let hero = gathered.get("hero.png");
    if let Some((path, bytes)) = hero {
        check_hero(findings.in_file(path), bytes);
        if let (Some(_), Err(what)) = (&design.stamps, stamps::decode(bytes)) {
            findings.error(format!("can't be read: {what}"), "Export it again as PNG.");
        }
    } else if design.stamps.is_some() {
        findings
            .in_file("images/google/")
            .error("stamps need hero.png to be drawn on", "Add the empty banner, 1032 × 336 pixels.");
    } else {
        findings
            .in_file("images/google/")
            .at(design.kind.as_str())
            .warning("there is no hero.png", "Add a banner of 1032 × 336 pixels: without it the pass is a bare plate.");
    }
    Some(GoogleImages { logo: Arc::from(*bytes), hero: hero.map(|(_, bytes)| Arc::from(*bytes)) })
}

fn check_logo(findings: &mut Findings, bytes: &[u8]) {
    let Some(size) = check_size(findings, bytes) else { return };
    if size.width != size.height || size.width < LOGO_SIDE {
        let what = format!("is {} × {} pixels", size.width, size.height);
        findings.error(what, format!("Make it square and at least {LOGO_SIDE} × {LOGO_SIDE}: Google cuts a circle out of it."));
    }
    if has_clear_corners(bytes) == Some(true) {
        let advice = "Fill the square to its corners and keep 15 % around the mark free: Google cuts the circle itself.";
        findings.warning("its corners are transparent, as if it were cut out already", advice);
    }
}

fn check_hero(findings: &mut Findings, bytes: &[u8]) {
    let Some(size) = check_size(findings, bytes) else { return };
    if size.width < HERO_WIDTH || size.width < size.height.saturating_mul(HERO_RATIO) {
        let what = format!("is {} × {} pixels", size.width, size.height);
        let advice = format!("Make it 1032 × 336: at least {HERO_WIDTH} wide, and {HERO_RATIO} times as wide as high or more.");
        findings.error(what, advice);
    }
}

fn check_size(findings: &mut Findings, bytes: &[u8]) -> Option<Size> {
    if bytes.len() > MAX_BYTES {
        let advice = format!("Reduce it below {} kB.", MAX_BYTES / 1000);
        findings.error(format!("is {} kB large", bytes.len() / 1000), advice);
    }
    match png_size(bytes) {
        Ok(size) if size.width > MAX_SIDE || size.height > MAX_SIDE => {
            findings.error(format!("is {} × {} pixels", size.width, size.height), format!("Stay below {MAX_SIDE} pixels."));
            None
        }
        Ok(size) => Some(size),
        Err(what) => {
            findings.error(what, "Export it as PNG.");
            None
        }
    }
}

/// Whether all four corners can be seen through; none if the picture can't be read.
fn has_clear_corners(bytes: &[u8]) -> Option<bool> {
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::normalize_to_color8() | png::Transformations::ALPHA);
    let mut reader = decoder.read_info().ok()?;
    let mut pixels = vec![0; reader.output_buffer_size()?];
    let info = reader.next_frame(&mut pixels).ok()?;
    let (width, height) = (info.width as usize, info.height as usize);
    let samples = info.color_type.samples();
    let clear = |x: usize, y: usize| {
        let alpha = pixels.get((y * width + x + 1) * samples - 1);
        [2, 4].contains(&samples) && alpha.is_some_and(|alpha| *alpha < 128)
    };
    Some([(0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1)].iter().all(|(x, y)| clear(*x, *y)))
}
