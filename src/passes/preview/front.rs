//! The front of a pass.

use crate::passes::plain_text::escape_html;
use crate::passes::preview::{Field, Picture, qr};

/// How many fields a phone draws in a place.
const MAX_HEADER: usize = 3;
const MAX_PRIMARY: usize = 1;
const MAX_BELOW: usize = 4;

/// The front as an HTML fragment.
pub fn html(picture: &Picture) -> String {
    let mut out = String::new();
    let void = if picture.is_void() { " wp-void" } else { "" };
    let direction = picture.locale.direction();
    out.push_str(&format!(
        "<div class=\"wp-frame\" dir=\"{direction}\"><article class=\"wp wp-{}{void}\" style=\"{}\" aria-label=\"{}\">",
        picture.style,
        colors(picture),
        escape_html(&picture.text("description")),
    ));
    head(picture, &mut out);
    strip(picture, &mut out);
    below(picture, &mut out);
    code(picture, &mut out);
    out.push_str("</article></div>");
    out
}

/// The pass's colours as CSS variables; only what is a colour gets into the page.
pub fn colors(picture: &Picture) -> String {
    let color = |key: &str, other: &str| {
        let text = picture.pass[key].as_str().unwrap_or_default();
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"#(), ".contains(&byte));
        if plain && !text.is_empty() { text.to_owned() } else { other.to_owned() }
    };
    let foreground = color("foregroundColor", "#000");
    format!("--wp-bg:{};--wp-fg:{foreground};--wp-label:{}", color("backgroundColor", "#fff"), color("labelColor", &foreground))
}

fn head(picture: &Picture, out: &mut String) {
    out.push_str("<header class=\"wp-head\"><div class=\"wp-brand\">");
    if let Some(logo) = picture.image("logo") {
        out.push_str(&format!("<img class=\"wp-logo\" src=\"{logo}\" alt=\"{}\">", escape_html(&picture.organization_name())));
    }
    let text = picture.text("logoText");
    if !text.is_empty() {
        out.push_str(&format!("<span class=\"wp-logo-text\">{}</span>", escape_html(&text)));
    }
    out.push_str("</div><div class=\"wp-header-fields\">");
    for shown in picture.fields("headerFields", MAX_HEADER) {
        field(&shown, out);
    }
    out.push_str("</div></header>");
}

fn strip(picture: &Picture, out: &mut String) {
    let image = picture.image("strip");
    let kind = if image.is_some() { "wp-strip" } else { "wp-strip wp-plain" };
    let mut primary = picture.fields("primaryFields", MAX_PRIMARY).peekable();
    if image.is_none() && primary.peek().is_none() {
        return;
    }
    out.push_str(&format!("<div class=\"{kind}\">"));
    if let Some(image) = image {
        out.push_str(&format!("<img src=\"{image}\" alt=\"\">"));
    }
    for shown in primary {
        let value = shown.value();
        // The phone shrinks a long value until it fits.
        let size = if value.chars().count() > 22 {
            "wp-xlong"
        } else if value.chars().count() > 11 {
            "wp-long"
        } else {
            ""
        };
        out.push_str(&format!(
            "<div class=\"wp-primary {size}\" data-key=\"{}\"><b>{}</b><span>{}</span></div>",
            escape_html(shown.key()),
            escape_html(&value),
            escape_html(&shown.label()),
        ));
    }
    out.push_str("</div>");
}

fn below(picture: &Picture, out: &mut String) {
    let fields: Vec<_> = picture
        .fields("secondaryFields", MAX_BELOW)
        .chain(picture.fields("auxiliaryFields", MAX_BELOW))
        .take(MAX_BELOW)
        .collect();
    out.push_str("<div class=\"wp-fields\">");
    for shown in &fields {
        field(shown, out);
    }
    out.push_str("</div>");
}

fn field(shown: &Field<'_>, out: &mut String) {
    out.push_str(&format!(
        "<div class=\"wp-field\" data-key=\"{}\"><span>{}</span><b>{}</b></div>",
        escape_html(shown.key()),
        escape_html(&shown.label()),
        escape_html(&shown.value()),
    ));
}

fn code(picture: &Picture, out: &mut String) {
    let barcode = &picture.pass["barcodes"][0];
    let message = barcode["message"].as_str();
    out.push_str("<div class=\"wp-foot\">");
    match message.map(|message| (message, barcode["format"].as_str())) {
        Some((message, Some("PKBarcodeFormatQR"))) => {
            let svg = qr::svg(message).unwrap_or_default();
            out.push_str(&format!("<div class=\"wp-code\">{svg}{}</div>", alt_text(picture)));
        }
        Some((_, format)) => {
            let name = format.and_then(|format| format.strip_prefix("PKBarcodeFormat")).unwrap_or("?");
            out.push_str(&format!(
                "<div class=\"wp-code wp-code-other\"><i>{}</i>{}</div>",
                escape_html(name),
                alt_text(picture)
            ));
        }
        None if picture.is_void() => {
            out.push_str(&format!("<div class=\"wp-stamp-void\">{}</div>", picture.locale.word("Void", "غير صالحة")));
        }
        None => {}
    }
    out.push_str("</div>");
}

fn alt_text(picture: &Picture) -> String {
    let text = picture.pass["barcodes"][0]["altText"].as_str().unwrap_or_default();
    if text.is_empty() { String::new() } else { format!("<span dir=\"ltr\">{}</span>", escape_html(picture.translated(text))) }
}
