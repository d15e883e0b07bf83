//! The pictures that Google fetches, each at an address that names its content.
//!
//! Google copies a picture once and never notices that the bytes behind an address changed; a new picture must have a new
//! address. Banners with stamps are drawn when they are asked for, since drawing takes a tenth of a second.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{Context, SHA256};

use crate::cards::{LoadedTemplate, Templates};
use crate::passes::google_images::GoogleImages;
use crate::passes::{PassKind, PassView, Variant, stamps};

/// Where the pictures are, below the address at which the world reaches us; a name such as `<hash>.png` follows.
pub const PATH: &str = "/google/images/";

/// Bytes of a content's hash that stand in its name: nobody can make two pictures of one name.
const HASH_BYTES: usize = 16;

/// Drawn banners that are kept: those of a template in both directions, twice. One is some 40 kB.
const MAX_DRAWN: usize = 48;

/// The addresses of the pictures that a class has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageUrls {
    /// The logo.
    pub logo: String,
    /// The banner.
    pub hero: Option<String>,
}

/// Every picture of the loaded templates.
#[derive(Debug)]
pub struct Images {
    base: String,
    templates: HashMap<String, Named>,
    sources: HashMap<String, Source>,
    drawn: Mutex<VecDeque<(String, Arc<[u8]>)>>,
}

/// The names of a template's pictures.
#[derive(Debug)]
struct Named {
    loaded: Arc<LoadedTemplate>,
    card: Option<Names>,
    voucher: Option<Names>,
}

#[derive(Debug)]
struct Names {
    logo: String,
    hero: Option<String>,
    stamps: HashMap<Variant, String>,
}

/// Where a picture's bytes come from.
#[derive(Debug)]
enum Source {
    Stored(Arc<[u8]>),
    Stamps(Arc<LoadedTemplate>, PassKind, Variant),
}

impl Images {
    /// Names the pictures of the templates; `public_url` is where the world reaches us, without a slash at the end.
    #[must_use]
    pub fn of(templates: &Templates, public_url: &str) -> Self {
        let mut images = Self {
            base: format!("{public_url}{PATH}"),
            templates: HashMap::new(),
            sources: HashMap::new(),
            drawn: Mutex::default(),
        };
        for loaded in templates.names().filter_map(|name| templates.get(name)) {
            let [card, voucher] = PassKind::ALL.map(|kind| images.name(&loaded, kind));
            images.templates.insert(loaded.name.clone(), Named { loaded, card, voucher });
        }
        images
    }

    fn name(&mut self, loaded: &Arc<LoadedTemplate>, kind: PassKind) -> Option<Names> {
        let GoogleImages { logo, hero } = loaded.template.google_images(kind)?;
        let mut names = Names { logo: self.store(logo), hero: None, stamps: HashMap::new() };
        let Some(hero) = hero else { return Some(names) };
        names.hero = Some(self.store(hero));
        if loaded.template.design(kind).stamps.is_some() {
            let design = format!("{:?}", loaded.template.design(kind).stamps);
            for variant in loaded.template.variants(kind) {
                let way = [stamps::DRAWING, variant.stamps, u8::from(variant.right_to_left)];
                let name = content_name(&[hero, design.as_bytes(), &way]);
                self.sources.insert(name.clone(), Source::Stamps(Arc::clone(loaded), kind, variant));
                names.stamps.insert(variant, name);
            }
        }
        Some(names)
    }

    fn store(&mut self, bytes: &Arc<[u8]>) -> String {
        let name = content_name(&[bytes]);
        self.sources.insert(name.clone(), Source::Stored(Arc::clone(bytes)));
        name
    }

    /// The addresses of a class's pictures; none if the template has none for Google, and so is not offered there.
    #[must_use]
    pub fn urls(&self, template: &str, kind: PassKind) -> Option<ImageUrls> {
        let names = self.names(template, kind)?;
        Some(ImageUrls { logo: self.url(&names.logo), hero: names.hero.as_deref().map(|name| self.url(name)) })
    }

    /// The address of a card's own banner: the one with its stamps. None on a card without stamps.
    #[must_use]
    pub fn stamps_url(&self, template: &str, view: &PassView) -> Option<String> {
        let variant = self.templates.get(template)?.loaded.template.variant_of(view);
        self.names(template, view.kind)?.stamps.get(&variant).map(|name| self.url(name))
    }

    /// The picture of a name such as `<hash>.png`, the last part of its address; none if there is none. It never changes, so
    /// that it may be cached for ever. The first call for a banner with stamps draws it: it takes a tenth of a second and
    /// belongs on a thread that may be held up.
    #[must_use]
    pub fn png(&self, name: &str) -> Option<Arc<[u8]>> {
        match self.sources.get(name)? {
            Source::Stored(bytes) => Some(Arc::clone(bytes)),
            Source::Stamps(loaded, kind, variant) => self.kept(name).or_else(|| {
                let drawn: Arc<[u8]> = Arc::from(loaded.template.draw_google_hero(*kind, *variant)?);
                self.keep(name, Arc::clone(&drawn));
                Some(drawn)
            }),
        }
    }

    fn names(&self, template: &str, kind: PassKind) -> Option<&Names> {
        let named = self.templates.get(template)?;
        match kind {
            PassKind::Card => named.card.as_ref(),
            PassKind::Voucher => named.voucher.as_ref(),
        }
    }

    fn url(&self, name: &str) -> String {
        format!("{}{name}", self.base)
    }

    fn kept(&self, name: &str) -> Option<Arc<[u8]>> {
        let drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        drawn.iter().find(|(known, _)| known == name).map(|(_, bytes)| Arc::clone(bytes))
    }

    fn keep(&self, name: &str, bytes: Arc<[u8]>) {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        drawn.retain(|(known, _)| known != name);
        drawn.push_back((name.to_owned(), bytes));
        while drawn.len() > MAX_DRAWN {
            drawn.pop_front();
        }
    }
}

/// The name of a content: each part with its length, so that no two lists of parts are the same bytes.
fn content_name(parts: &[&[u8]]) -> String {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut name = String::with_capacity(HASH_BYTES * 2 + 4);
    for byte in context.finish().as_ref().iter().take(HASH_BYTES) {
        // Writing into a String can't fail.
        let _ = write!(name, "{byte:02x}");
    }
    name.push_str(".png");
    name
}
