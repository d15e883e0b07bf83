//! Draws a pass in the words that web/sandbox/pass.css understands: enough to try the phone's page with.

#![allow(clippy::unwrap_used, reason = "a test that can't go on must panic")]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use qrcode::QrCode;
use qrcode::render::svg;
use serde_json::Value;
use walaa::sandbox::phone::locale::{Language, display};
use walaa::sandbox::phone::notice::style;

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
        let value = field["attributedValue"].as_str().map_or_else(|| escape(&value), str::to_owned);
        let end = if field["textAlignment"] == "PKTextAlignmentRight" { " pass-end" } else { "" };
        let long = if value.chars().count() > 12 { " pass-long" } else { "" };
        let key = escape(field["key"].as_str().unwrap_or_default());
        let label = escape(field["label"].as_str().unwrap_or_default());
        write!(out, "<div class=\"pass-field{end}{long}\" data-key=\"{key}\"><dt>{label}</dt><dd>{value}</dd></div>").unwrap();
    }
    out + "</dl>"
}

/// Front and back.
pub fn draw(pass: &Value, files: &BTreeMap<String, Vec<u8>>) -> (String, String) {
    let mut front = String::from("<div class=\"pass-head\">");
    front += &picture(files, "logo", "pass-logo");
    if let Some(text) = pass["logoText"].as_str() {
        write!(front, "<span class=\"pass-logo-text\">{}</span>", escape(text)).unwrap();
    }
    front += &fields(pass, "headerFields", "pass-header pass-fields");
    front += "</div>";
    let strip = picture(files, "strip", "pass-strip-image");
    if strip.is_empty() {
        front += &fields(pass, "primaryFields", "pass-plain pass-primary pass-fields");
    } else {
        write!(front, "<div class=\"pass-strip\">{strip}{}</div>", fields(pass, "primaryFields", "pass-primary pass-fields"))
            .unwrap();
    }
    front += &fields(pass, "secondaryFields", "pass-secondary pass-fields");
    front += &fields(pass, "auxiliaryFields", "pass-auxiliary pass-fields");
    if let Some(message) = pass["barcodes"][0]["message"].as_str() {
        let code = QrCode::new(message).unwrap().render::<svg::Color<'_>>().quiet_zone(false).build();
        let code = code.split_once("?>").map_or(code.as_str(), |(_, svg)| svg);
        let alt = escape(pass["barcodes"][0]["altText"].as_str().unwrap_or_default());
        write!(front, "<div class=\"pass-barcode\">{code}<p class=\"pass-alt\">{alt}</p></div>").unwrap();
    }
    (front, fields(pass, "backFields", "pass-back"))
}
