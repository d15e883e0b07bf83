//! An HTML picture of a pass, front and back, drawn from what is really in its package: pass.json, pictures and strings files.
//!
//! It shows what an iPhone shows in one language: texts are looked up in the strings files, numbers and dates are written in the
//! phone's way, surplus fields are dropped. Everything is inlined, so a picture is one file. The sizes are relative to the width
//! of the frame that it is put into.

mod back;
mod front;
pub mod google;
pub mod linked;
mod locale;
mod notice;
pub mod page;
pub mod qr;
pub mod sample;

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use crate::passes::pass_strings;
use crate::passes::preview::locale::Locale;

/// The style sheet of every picture; to be put once into a page that holds fragments.
pub const CSS: &str = include_str!("preview.css");

/// Apple's pass styles, by their key in pass.json.
const STYLES: [&str; 5] = ["storeCard", "coupon", "generic", "eventTicket", "boardingPass"];

/// Why a package can't be drawn.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PreviewError {
    /// pass.json is not JSON.
    #[error("pass.json is not JSON: {0}")]
    NotJson(String),
    /// pass.json has no style that can be drawn.
    #[error("pass.json has none of the styles storeCard, coupon, generic, eventTicket, boardingPass")]
    NoStyle,
    /// A strings file is malformed; Wallet would not open the pass.
    #[error("{0} is malformed")]
    Strings(String),
}

/// A package as a phone in one language sees it.
#[derive(Debug, Clone)]
pub struct Picture {
    pass: Value,
    style: &'static str,
    strings: BTreeMap<String, String>,
    images: BTreeMap<String, String>,
    locale: Locale,
}

impl Picture {
    /// Opens a package: pass.json and the other files, for a phone in a language such as `ar`.
    ///
    /// # Errors
    /// The package can't be drawn.
    pub fn open(pass_json: &[u8], files: &[(String, Arc<[u8]>)], language: &str) -> Result<Self, PreviewError> {
        let pass: Value = serde_json::from_slice(pass_json).map_err(|error| PreviewError::NotJson(error.to_string()))?;
        let style = STYLES.into_iter().find(|style| pass.get(style).is_some()).ok_or(PreviewError::NoStyle)?;
        let folder = format!("{}.lproj/", best_language(files, language).unwrap_or(language));
        let mut picture = Self { pass, style, strings: BTreeMap::new(), images: BTreeMap::new(), locale: Locale::of(language) };
        for (path, bytes) in files {
            // A picture at the root wins over one in a language's folder, as it does on the phone.
            let name = path.strip_prefix(&folder).unwrap_or(path);
            if name == "pass.strings" {
                let text = std::str::from_utf8(bytes).ok().and_then(pass_strings::parse);
                picture.strings = text.ok_or_else(|| PreviewError::Strings(path.clone()))?;
            } else if name.ends_with(".png") && !name.contains('/') && (name == path || !picture.images.contains_key(name)) {
                picture.images.insert(name.to_owned(), format!("data:image/png;base64,{}", BASE64_STANDARD.encode(bytes)));
            }
        }
        Ok(picture)
    }

    /// The front as an HTML fragment.
    #[must_use]
    pub fn front_html(&self) -> String {
        front::html(self)
    }

    /// The back as an HTML fragment.
    #[must_use]
    pub fn back_html(&self) -> String {
        back::html(self)
    }

    /// What the lock screen says when `before` is replaced by this picture; none if it says nothing.
    #[must_use]
    pub fn notice_after(&self, before: &Self) -> Option<String> {
        notice::text(before, self)
    }

    /// The organisation's name, which stands above a notice.
    #[must_use]
    pub fn organization_name(&self) -> String {
        self.text("organizationName")
    }

    /// The icon as a `data:` address, if the package has one.
    #[must_use]
    pub fn icon(&self) -> Option<&str> {
        self.image("icon")
    }

    /// Whether the pass is void.
    #[must_use]
    pub fn is_void(&self) -> bool {
        self.pass["voided"] == Value::Bool(true)
    }

    /// The largest scale of a picture.
    fn image(&self, name: &str) -> Option<&str> {
        let scales = [format!("{name}@3x.png"), format!("{name}@2x.png"), format!("{name}.png")];
        scales.iter().find_map(|file| self.images.get(file)).map(String::as_str)
    }

    /// A top-level text in the phone's language.
    fn text(&self, key: &str) -> String {
        self.translated(self.pass[key].as_str().unwrap_or_default()).to_owned()
    }

    fn translated<'a>(&'a self, text: &'a str) -> &'a str {
        self.strings.get(text).map_or(text, String::as_str)
    }

    /// The fields of a place, at most so many as the phone draws.
    fn fields(&self, place: &str, most: usize) -> impl Iterator<Item = Field<'_>> {
        let fields = self.pass[self.style][place].as_array().map_or(&[][..], Vec::as_slice);
        fields.iter().take(most).map(|json| Field { picture: self, json })
    }
}

/// The language of the package that serves a phone best.
fn best_language<'a>(files: &'a [(String, Arc<[u8]>)], language: &str) -> Option<&'a str> {
    let languages = || files.iter().filter_map(|(path, _)| path.strip_suffix(".lproj/pass.strings"));
    let primary = language.split('-').next().unwrap_or(language);
    languages().find(|known| *known == language).or_else(|| languages().find(|known| *known == primary))
}

/// One field of a pass as the phone reads it.
#[derive(Clone, Copy)]
struct Field<'a> {
    picture: &'a Picture,
    json: &'a Value,
}

impl Field<'_> {
    fn key(&self) -> &str {
        self.json["key"].as_str().unwrap_or_default()
    }

    fn label(&self) -> String {
        self.picture.translated(self.json["label"].as_str().unwrap_or_default()).to_owned()
    }

    /// The value as it reads, without links.
    fn value(&self) -> String {
        let locale = self.picture.locale;
        match &self.json["value"] {
            Value::Number(number) => locale.number(self.json, number),
            Value::String(text) => locale.date(self.json, text).unwrap_or_else(|| self.picture.translated(text).to_owned()),
            _ => String::new(),
        }
    }

    /// The value as HTML; on the back it may hold links.
    fn value_html(&self) -> String {
        match self.json["attributedValue"].as_str() {
            Some(html) => linked::html(self.picture.translated(html)),
            None => linked::plain(&self.value()),
        }
    }
}
