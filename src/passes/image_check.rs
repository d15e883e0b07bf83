//! The pictures of one kind of pass: gathered from `images/` (and `images/<kind>/`, which wins), checked against what Apple
//! Wallet draws.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::passes::card_file::{Format, Style};
use crate::passes::contrast::Color;
use crate::passes::design::{AppleSlot, Design};
use crate::passes::image::{Allowed, ImageName, MAX_IMAGE_BYTES, MAX_PASS_BYTES, SLIM_PASS_BYTES, Size, allowed, png_size};
use crate::passes::problem::Findings;
use crate::passes::raster::Canvas;
use crate::passes::stamps;
use crate::passes::view::PassKind;

/// Contrast that the large primary field needs on the strip (WCAG AA for large text).
const READABLE_OVER_STRIP: f64 = 3.0;

/// How much of the strip's width the primary field takes from either side: a number a third, a text perhaps all of it.
const NUMBER_SHARE: f64 = 0.33;
const WORDS_SHARE: f64 = 0.5;

/// The share of pixels there that may be too light: the edge of a highlight does no harm.
const TOLERATED_SHARE: f64 = 0.02;

/// Every which pixel is looked at; a patch smaller than this hides no digit.
const SAMPLE_STEP: usize = 3;

/// The pictures of a package by file name.
#[derive(Debug, Clone, Default)]
pub struct Images {
    /// File name in the package and bytes.
    pub files: BTreeMap<String, Arc<[u8]>>,
}

/// Gathers and checks the pictures of a kind of pass.
pub fn check_images(design: &Design, files: &[(String, Vec<u8>)], findings: &mut Findings) -> Images {
    let mut images = Images::default();
    let mut sizes: BTreeMap<(&str, u32), Size> = BTreeMap::new();
    let gathered = gather(design, files, findings);
    for (file, (path, bytes)) in &gathered {
        findings.in_file(path);
        let Some(image) = ImageName::parse(file) else { continue };
        let Some(range) = allowed(design.style, image.name) else {
            let advice = "Remove it; it would only make the pass larger.";
            findings.warning(format!("Apple Wallet draws no {} on this kind of pass", image.name), advice);
            continue;
        };
        if let Some(size) = check_size(bytes, image, range, findings) {
            sizes.insert((image.name, image.scale), size);
        }
        images.files.insert((*file).to_owned(), Arc::from(*bytes));
    }
    check_scales(&gathered, &sizes, findings);
    check_presence(design, &sizes, findings);
    check_total(design.kind, &images, findings);
    check_strip(design, &gathered, findings);
    images
}

type Gathered<'a> = BTreeMap<&'a str, (&'a str, &'a [u8])>;

/// Pictures of the kind's own folder win over those of the common one.
fn gather<'a>(design: &Design, files: &'a [(String, Vec<u8>)], findings: &mut Findings) -> Gathered<'a> {
    let mut gathered = Gathered::new();
    let own = format!("images/{}/", design.kind.as_str());
    for folder in ["images/", own.as_str()] {
        for (path, bytes) in files {
            let Some(file) = path.strip_prefix(folder).filter(|file| !file.contains('/')) else { continue };
            if ImageName::parse(file).is_some() {
                gathered.insert(file, (path, bytes));
            } else {
                findings.in_file(path).error("is not a picture's name", "Name it like logo.png, logo@2x.png, logo@3x.png.");
            }
        }
    }
    gathered
}

fn check_size(bytes: &[u8], image: ImageName<'_>, range: Allowed, findings: &mut Findings) -> Option<Size> {
    if bytes.len() > MAX_IMAGE_BYTES {
        let advice = format!("Reduce it below {} kB: fewer colours, no noise.", MAX_IMAGE_BYTES / 1000);
        findings.error(format!("is {} kB large", bytes.len() / 1000), advice);
    }
    let size = match png_size(bytes) {
        Ok(size) => size,
        Err(what) => {
            findings.error(what, "Export it as PNG.");
            return None;
        }
    };
    let scale = image.scale;
    let (least, most) = (range.least, range.most);
    let fits = (least.width * scale..=most.width * scale).contains(&size.width)
        && (least.height * scale..=most.height * scale).contains(&size.height);
    if !fits {
        let what = format!("is {} × {} pixels", size.width, size.height);
        let advice = if least == (Size { width: 1, height: 1 }) {
            format!("Make it {} × {} pixels at most.", most.width * scale, most.height * scale)
        } else {
            let (l, m) = (least, most);
            format!("Make it {}-{} × {}-{} pixels.", l.width * scale, m.width * scale, l.height * scale, m.height * scale)
        };
        findings.error(what, advice);
    }
    Some(size)
}

/// A picture at scale n must have n times as many pixels as the one at scale 1 (or its share, if that is missing).
fn check_scales(gathered: &Gathered<'_>, sizes: &BTreeMap<(&str, u32), Size>, findings: &mut Findings) {
    for ((name, scale), size) in sizes {
        let Some((base_scale, base)) = (1..*scale).find_map(|lower| sizes.get(&(*name, lower)).map(|size| (lower, size))) else {
            continue;
        };
        if size.width * base_scale != base.width * scale || size.height * base_scale != base.height * scale {
            let file = ImageName { name, scale: *scale }.file();
            let path = gathered.get(file.as_str()).map_or(file.as_str(), |(path, _)| *path);
            findings.in_file(path).error(
                format!(
                    "is {} × {} pixels, which is not {scale}/{base_scale} of {} × {}",
                    size.width, size.height, base.width, base.height
                ),
                "Export every scale from the same drawing.",
            );
        }
    }
}

fn check_presence(design: &Design, sizes: &BTreeMap<(&str, u32), Size>, findings: &mut Findings) {
    findings.in_file("images/").at(design.kind.as_str());
    if !sizes.keys().any(|(name, _)| *name == "icon") {
        findings.error("there is no icon.png", "Add it (38 × 38) with @2x and @3x: Apple Wallet refuses a pass without an icon.");
    }
    let names: std::collections::BTreeSet<_> = sizes.keys().map(|(name, _)| *name).collect();
    for name in &names {
        for scale in (1..=3).filter(|scale| !sizes.contains_key(&(*name, *scale))) {
            let file = ImageName { name, scale }.file();
            findings.warning(format!("{file} is missing"), "Add it: without it the picture is blurred on some phones.");
        }
    }
    if design.style == Style::EventTicket
        && names.contains("strip")
        && (names.contains("background") || names.contains("thumbnail"))
    {
        findings.error("an event ticket has a strip or a background with thumbnail, not both", "Remove one of them.");
    }
    if design.stamps.is_some() && !(1..=3).all(|scale| sizes.contains_key(&("strip", scale))) {
        findings.error(
            "stamps need strip.png, strip@2x.png and strip@3x.png to be drawn on",
            "Add the empty strip at all three scales.",
        );
    }
}

fn check_total(kind: PassKind, images: &Images, findings: &mut Findings) {
    let total: usize = images.files.values().map(|bytes| bytes.len()).sum();
    findings.in_file("images/").at(kind.as_str());
    if total > MAX_PASS_BYTES {
        let advice = format!("Stay below {} kB.", MAX_PASS_BYTES / 1000);
        findings.error(format!("the pictures of one pass are {} kB", total / 1000), advice);
    } else if total > SLIM_PASS_BYTES {
        let advice = format!("Below {} kB a pass updates quickly on a poor line, too.", SLIM_PASS_BYTES / 1000);
        findings.warning(format!("the pictures of one pass are {} kB", total / 1000), advice);
    }
}

/// The strip must be readable as a picture, let the primary field be read, and take the stamps.
fn check_strip(design: &Design, gathered: &Gathered<'_>, findings: &mut Findings) {
    let over_strip = design.fields.iter().find(|field| field.apple == Some(AppleSlot::Primary));
    let share = over_strip.map_or(0.0, |field| if field.format == Format::Number { NUMBER_SHARE } else { WORDS_SHARE });
    for file in ["strip.png", "strip@2x.png", "strip@3x.png"] {
        let Some((path, bytes)) = gathered.get(file) else { continue };
        if design.stamps.is_none() && file != "strip.png" {
            continue;
        }
        findings.in_file(path);
        match stamps::decode(bytes) {
            Err(what) => findings.error(format!("can't be read: {what}"), "Export it again as PNG."),
            Ok(canvas) if unreadable_share(&canvas, design.colors.foreground, share) > TOLERATED_SHARE => findings.warning(
                format!("the primary field can hardly be read on it (contrast below {READABLE_OVER_STRIP})"),
                "Darken (or lighten) the strip at its sides, or change colors.foreground.",
            ),
            Ok(_) => {}
        }
    }
}

/// The share of the pixels at the strip's sides on which large text in the colour can't be read.
fn unreadable_share(canvas: &Canvas, text: Color, side: f64) -> f64 {
    let side = (canvas.width as f64 * side) as usize;
    let mut worst: f64 = 0.0;
    for columns in [0..side, canvas.width - side..canvas.width] {
        let (mut unreadable, mut all) = (0_u32, 0_u32);
        for row in (0..canvas.height).step_by(SAMPLE_STEP) {
            for column in columns.clone().step_by(SAMPLE_STEP) {
                let at = (row * canvas.width + column) * 3;
                let [red, green, blue] = [canvas.pixels[at], canvas.pixels[at + 1], canvas.pixels[at + 2]];
                all += 1;
                unreadable += u32::from(Color { red, green, blue }.contrast(text) < READABLE_OVER_STRIP);
            }
        }
        worst = worst.max(f64::from(unreadable) / f64::from(all.max(1)));
    }
    worst
}
