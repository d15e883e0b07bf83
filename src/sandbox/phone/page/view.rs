//! The phone's state as the page reads it: passes drawn in one language, notices, protocol steps.

use serde::Serialize;
use serde_json::{Value, json};

use super::{Offer, PhonePage};
use crate::clock::Timestamp;
use crate::sandbox::phone::OpenedPass;
use crate::sandbox::phone::locale::{self, Language};
use crate::sandbox::phone::notice;
use crate::sandbox::phone::state::InstalledPass;

/// Everything that the page shows.
#[derive(Serialize)]
pub(super) struct StateView {
    passes: Vec<PassView>,
    notices: Vec<Value>,
    steps: Vec<Value>,
    offers: Vec<Value>,
    device: String,
}

#[derive(Serialize)]
struct PassView {
    key: String,
    pass_type: String,
    serial: String,
    voided: bool,
    expired: bool,
    automatic: bool,
    updatable: bool,
    added_at: Timestamp,
    updated_at: Timestamp,
    #[serde(flatten)]
    face: Face,
}

/// What a pass looks like.
#[derive(Serialize)]
pub(super) struct Face {
    style: &'static str,
    organisation: String,
    description: String,
    background: Option<String>,
    foreground: Option<String>,
    label: Option<String>,
    front: String,
    back: String,
}

/// The phone in a language.
pub(super) fn state(page: &PhonePage, language: Language) -> StateView {
    let now = page.phone.clock_now();
    let notices = page.phone.notices();
    let notices = notices.iter().filter_map(|notice| {
        let text = notice.texts.get(&language)?;
        Some(json!({"number": notice.number, "pass": notice.pass, "at": notice.at, "title": text.title, "body": text.body}))
    });
    let (device, _) = page.phone.identity();
    StateView {
        passes: page.phone.passes().iter().map(|pass| installed(page, pass, (language, now))).collect(),
        notices: notices.collect(),
        steps: page.phone.steps().iter().map(|step| json!(step)).collect(),
        offers: page.offers.iter().map(|offer| offer_in(offer, language)).collect(),
        device: device.chars().take(8).collect(),
    }
}

fn offer_in(offer: &Offer, language: Language) -> Value {
    let title = offer.title.get(&language).or_else(|| offer.title.values().next());
    json!({"title": title, "url": offer.url})
}

fn installed(page: &PhonePage, pass: &InstalledPass, (language, now): (Language, Timestamp)) -> PassView {
    PassView {
        key: pass.key.clone(),
        pass_type: pass.pass_type.clone(),
        serial: pass.serial.clone(),
        voided: pass.voided(),
        expired: pass.expires().is_some_and(|end| end <= now),
        automatic: pass.automatic,
        updatable: pass.web_service().is_some(),
        added_at: pass.added_at,
        updated_at: pass.updated_at,
        face: opened(page, &pass.opened, language),
    }
}

/// A pass as it looks in a language.
pub(super) fn opened(page: &PhonePage, opened: &OpenedPass, language: Language) -> Face {
    let (pass, files) = locale::localise(&opened.pass, &opened.files, language);
    let (front, back) = (page.draw)(&pass, &files);
    let text = |name: &str| pass[name].as_str().unwrap_or_default().to_owned();
    Face {
        style: notice::style(&pass),
        organisation: text("organizationName"),
        description: text("description"),
        background: colour(&pass["backgroundColor"]),
        foreground: colour(&pass["foregroundColor"]),
        label: colour(&pass["labelColor"]),
        front,
        back,
    }
}

/// A colour that is one, in CSS: `rgb(r, g, b)`, `#RRGGBB` or `#RGB`. Wallet takes no names.
fn colour(value: &Value) -> Option<String> {
    let text = value.as_str()?.trim();
    if let Some(hex) = text.strip_prefix('#') {
        let fits = matches!(hex.len(), 3 | 6) && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        return fits.then(|| text.to_owned());
    }
    let parts = text.strip_prefix("rgb(")?.strip_suffix(')')?;
    let parts: Vec<u8> = parts.split(',').map(|part| part.trim().parse().ok()).collect::<Option<_>>()?;
    let [red, green, blue] = parts[..] else { return None };
    Some(format!("rgb({red}, {green}, {blue})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_colours_reach_the_page() {
        assert_eq!(colour(&json!("rgb(1,2, 3)")).as_deref(), Some("rgb(1, 2, 3)"));
        assert_eq!(colour(&json!("#A1b2C3")).as_deref(), Some("#A1b2C3"));
        for bad in ["red", "rgb(1,2)", "rgb(1,2,300)", "#12", "url(x)", "rgb(1,2,3);x:y"] {
            assert_eq!(colour(&json!(bad)), None, "{bad}");
        }
    }
}
