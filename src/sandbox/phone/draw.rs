//! Draws a pass in the words that web/sandbox/pass.css understands: what a phone shows of it, and nothing that a page could run.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use qrcode::QrCode;
use qrcode::render::svg;
use serde_json::Value;

use super::locale::{Language, display};
use super::notice::style;
use crate::passes::preview::linked;

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn picture(files: &BTreeMap<String, Vec<u8>>, name: &str, class: &str) -> String {
    let bytes = ["@3x", "@2x", ""].iter().find_map(|scale| files.get(&format!("{name}{scale}.png")));
    bytes.map_or_else(String::new, |bytes| {
        format!("<img class=\"{class}\" alt=\"\" src=\"data:image/png;base64,{}\">", STANDARD.encode(bytes))
    })
}

fn fields(pass: &Value, part: &str, class: &str) -> String {
    let fields = pass[style(pass)][part].as_array().cloned().unwrap_or_default();
    if fields.is_empty() {
        return String::new();
    }
    let mut out = format!("<dl class=\"{class}\">");
    for field in &fields {
        let value = display(field, Language::English);
        let value = field["attributedValue"].as_str().map_or_else(|| escape(&value), linked::html);
        let end = if field["textAlignment"] == "PKTextAlignmentRight" { " pass-end" } else { "" };
        let long = if value.chars().count() > 12 { " pass-long" } else { "" };
        let key = escape(field["key"].as_str().unwrap_or_default());
        let label = escape(field["label"].as_str().unwrap_or_default());
        let _never_fails =
            write!(out, "<div class=\"pass-field{end}{long}\" data-key=\"{key}\"><dt>{label}</dt><dd>{value}</dd></div>");
    }
    out + "</dl>"
}

/// The front and the back of a pass whose texts are those of one language already.
#[must_use]
pub fn draw(pass: &Value, files: &BTreeMap<String, Vec<u8>>) -> (String, String) {
    let mut front = String::from("<div class=\"pass-head\">");
    front += &picture(files, "logo", "pass-logo");
    if let Some(text) = pass["logoText"].as_str() {
        let _never_fails = write!(front, "<span class=\"pass-logo-text\">{}</span>", escape(text));
    }
    front += &fields(pass, "headerFields", "pass-header pass-fields");
    front += "</div>";
    let strip = picture(files, "strip", "pass-strip-image");
    if strip.is_empty() {
        front += &fields(pass, "primaryFields", "pass-plain pass-primary pass-fields");
    } else {
        let primary = fields(pass, "primaryFields", "pass-primary pass-fields");
        let _never_fails = write!(front, "<div class=\"pass-strip\">{strip}{primary}</div>");
    }
    front += &fields(pass, "secondaryFields", "pass-secondary pass-fields");
    front += &fields(pass, "auxiliaryFields", "pass-auxiliary pass-fields");
    front += &barcode(pass);
    (front, fields(pass, "backFields", "pass-back"))
}

/// The code, if the pass shows one that fits.
fn barcode(pass: &Value) -> String {
    let shown = &pass["barcodes"][0];
    let Some(code) = shown["message"].as_str().and_then(|message| QrCode::new(message).ok()) else { return String::new() };
    let code = code.render::<svg::Color<'_>>().quiet_zone(false).build();
    let code = code.split_once("?>").map_or(code.as_str(), |(_, svg)| svg);
    let alt = escape(shown["altText"].as_str().unwrap_or_default());
    format!("<div class=\"pass-barcode\">{code}<p class=\"pass-alt\">{alt}</p></div>")
}
