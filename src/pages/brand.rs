//! A programme's look: its template's colours, made readable on light and dark pages, and its pictures.

use std::fmt::Write as _;
use std::sync::Arc;

use actix_web::http::header;
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};

use super::{Pages, Visit, assets};
use crate::cards::LoadedTemplate;
use crate::ids::encode;
use crate::passes::contrast::Color;
use crate::passes::{PassKind, Variant};

/// Contrast that WCAG 2.2 wants of text (AA).
const READABLE: f64 = 4.5;

const WHITE: Color = Color { red: 255, green: 255, blue: 255 };
const BLACK: Color = Color { red: 0, green: 0, blue: 0 };

/// The surfaces that text in the accent colour stands on, as in `base.css`: the darkest of the light ones, the lightest of the dark ones.
const LIGHT_SURFACE: Color = Color { red: 0xf3, green: 0xf1, blue: 0xee };
const DARK_SURFACE: Color = Color { red: 0x2a, green: 0x29, blue: 0x2e };

/// Steps towards black or white until a colour can be read.
const STEPS: u32 = 20;

/// Letters of the hash in addresses.
const VERSION_LETTERS: usize = 12;

/// What the members of a programme collect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    /// Points.
    Points,
    /// Stamps: its card draws one for each point.
    Stamps,
}

/// How a programme looks.
#[derive(Debug, Clone)]
pub struct Brand {
    /// The address of its colours; none for those of the style sheet itself.
    pub colors: Option<String>,
    /// The colour of the browser's own bars, as `#rrggbb`.
    pub theme: String,
    /// The logo's address.
    pub logo: Option<String>,
    /// The icon's address.
    pub icon: Option<String>,
    /// The class of the strip: one with stamps on it is shown whole.
    pub strip_class: &'static str,
    /// What its pages call a point.
    pub counts: Counts,
    base: Option<String>,
}

impl Brand {
    /// The look of pages that belong to no programme.
    #[must_use]
    pub fn neutral() -> Self {
        Self {
            colors: None,
            theme: "#1f3a34".to_owned(),
            logo: None,
            icon: None,
            strip_class: "strip",
            counts: Counts::Points,
            base: None,
        }
    }

    /// The look of a template's card.
    #[must_use]
    pub fn of(template: &LoadedTemplate) -> Self {
        let design = template.template.design(PassKind::Card);
        let background = design.colors.background;
        let base = format!("/brand/{}/{}", template.name, version(template));
        let has = |name: &str| template.template.files(PassKind::Card, Variant::default()).iter().any(|(file, _)| file == name);
        Self {
            colors: Some(format!("{base}/colors.css")),
            theme: css(background),
            logo: has("logo@2x.png").then(|| format!("{base}/logo.png")),
            icon: has("icon@3x.png").then(|| format!("{base}/icon.png")),
            strip_class: if design.stamps.is_some() { "strip stamped" } else { "strip" },
            counts: if design.stamps.is_some() { Counts::Stamps } else { Counts::Points },
            base: Some(base),
        }
    }

    /// The address of the strip of a card, stamped as the card is.
    #[must_use]
    pub fn strip(&self, variant: Variant) -> Option<String> {
        let direction = if variant.right_to_left { "rtl" } else { "ltr" };
        self.base.as_ref().map(|base| format!("{base}/strip-{}-{direction}.png", variant.stamps))
    }
}

fn version(template: &LoadedTemplate) -> String {
    let mut version = encode(&template.id);
    version.truncate(VERSION_LETTERS);
    version
}

fn variables(background: Color, foreground: Color, label: Color) -> String {
    let light = accent([background, label, foreground], BLACK, LIGHT_SURFACE);
    let dark = accent([label, background, foreground], WHITE, DARK_SURFACE);
    let on = |color: Color| if color.contrast(WHITE) >= color.contrast(BLACK) { WHITE } else { BLACK };
    let mut css_text = String::from(":root{");
    let colors = [
        ("brand", background),
        ("on-brand", foreground),
        ("brand-label", label),
        ("accent-light", light),
        ("on-accent-light", on(light)),
        ("accent-dark", dark),
        ("on-accent-dark", on(dark)),
    ];
    for (name, color) in colors {
        let _infallible = write!(css_text, "--{name}:{};", css(color));
    }
    css_text.push('}');
    css_text
}

/// A colour that can be read on another: itself if it can, else black or white.
fn readable(color: Color, on: Color) -> Color {
    if color.contrast(on) >= READABLE {
        color
    } else if WHITE.contrast(on) >= BLACK.contrast(on) {
        WHITE
    } else {
        BLACK
    }
}

/// The first of a brand's colours that can be read on a surface as it is; else the first one, moved.
fn accent(colors: [Color; 3], end: Color, surface: Color) -> Color {
    let as_it_is = colors.into_iter().find(|color| color.contrast(surface) >= READABLE);
    as_it_is.unwrap_or_else(|| towards(colors[0], end, surface))
}

/// A colour moved towards another, only as far as it must be to be read on a surface.
fn towards(color: Color, end: Color, surface: Color) -> Color {
    (0..=STEPS).map(|step| mix(color, end, step)).find(|mixed| mixed.contrast(surface) >= READABLE).unwrap_or(end)
}

fn mix(one: Color, other: Color, step: u32) -> Color {
    let channel = |one: u8, other: u8| {
        let mixed = (u32::from(one) * (STEPS - step) + u32::from(other) * step) / STEPS;
        u8::try_from(mixed).unwrap_or(u8::MAX)
    };
    Color { red: channel(one.red, other.red), green: channel(one.green, other.green), blue: channel(one.blue, other.blue) }
}

fn css(color: Color) -> String {
    format!("#{:02x}{:02x}{:02x}", color.red, color.green, color.blue)
}

impl Pages {
    /// The look of a programme whose template has a name.
    #[must_use]
    pub fn brand(&self, template: &str) -> Arc<Brand> {
        Arc::new(self.templates.get(template).map_or_else(Brand::neutral, |loaded| Brand::of(&loaded)))
    }
}

/// Answers what a template looks like: `colors.css`, `logo.png`, `icon.png`, `strip-<stamps>-<ltr or rtl>.png`.
pub async fn look(request: HttpRequest, pages: Data<Pages>, path: web::Path<(String, String, String)>) -> HttpResponse {
    let (name, asked_version, file) = path.into_inner();
    let part = pages.templates.get(&name).and_then(|template| {
        let current = version(&template) == asked_version;
        Some((part_of(&template, &file)?, current))
    });
    match part {
        Some(((content_type, bytes), current)) => HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, content_type))
            .insert_header((header::CACHE_CONTROL, if current { assets::FOR_EVER } else { "no-cache" }))
            .insert_header(("cross-origin-resource-policy", "same-origin"))
            .body(bytes),
        None => Visit::of(&request, pages).not_found(),
    }
}

fn part_of(template: &LoadedTemplate, file: &str) -> Option<(&'static str, Vec<u8>)> {
    if file == "colors.css" {
        let colors = template.template.design(PassKind::Card).colors;
        let foreground = readable(colors.foreground, colors.background);
        let label = readable(colors.label, colors.background);
        return Some(("text/css; charset=utf-8", variables(colors.background, foreground, label).into_bytes()));
    }
    Some(("image/png", picture_of(template, file)?.to_vec()))
}

fn picture_of(template: &LoadedTemplate, file: &str) -> Option<Arc<[u8]>> {
    let (variant, wanted) = match file {
        "logo.png" => (Variant::default(), "logo@2x.png"),
        "icon.png" => (Variant::default(), "icon@3x.png"),
        strip => {
            let (stamps, direction) = strip.strip_prefix("strip-")?.strip_suffix(".png")?.split_once('-')?;
            (Variant { stamps: stamps.parse().ok()?, right_to_left: direction == "rtl" }, "strip@2x.png")
        }
    };
    let known = template.template.variants(PassKind::Card).any(|known| known == variant);
    let files = template.template.files(PassKind::Card, if known { variant } else { Variant::default() });
    files.iter().find(|(name, _)| name == wanted).map(|(_, bytes)| Arc::clone(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_brand_can_be_read_on_light_and_on_dark() {
        let colors = ["#000000", "#ffffff", "#ffdd00", "#2b1a12", "#e3b778", "#7f7f7f", "#ff0000", "#0000ff", "#00ff88"];
        let parsed: Vec<_> = colors.iter().filter_map(|text| Color::parse(text)).collect();
        for color in &parsed {
            assert!(towards(*color, BLACK, LIGHT_SURFACE).contrast(LIGHT_SURFACE) >= READABLE, "{color} on light");
            assert!(towards(*color, WHITE, DARK_SURFACE).contrast(DARK_SURFACE) >= READABLE, "{color} on dark");
            for other in &parsed {
                assert!(accent([*color, *other, *color], BLACK, LIGHT_SURFACE).contrast(LIGHT_SURFACE) >= READABLE);
                assert!(readable(*other, *color).contrast(*color) >= READABLE, "{other} on {color}");
            }
        }
    }

    #[test]
    fn a_colour_that_can_be_read_stays_itself() {
        let brown = Color::parse("#2b1a12").unwrap();
        assert_eq!(towards(brown, BLACK, LIGHT_SURFACE), brown);
        assert!(variables(brown, WHITE, WHITE).contains("--accent-light:#2b1a12;"));
    }
}
