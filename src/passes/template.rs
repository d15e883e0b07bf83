//! A template folder, loaded: `card.toml`, `programme.toml`, `strings/`, `images/`, checked and ready to render.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use crate::passes::card_file::CardFile;
use crate::passes::check::check_design;
use crate::passes::design::{Compiler, Design};
use crate::passes::google_check::check_google;
use crate::passes::google_images::{GoogleImages, check_google_images};
use crate::passes::image_check::{Images, check_images};
use crate::passes::language::{Language, line_of};
use crate::passes::pass_strings::Phrases;
use crate::passes::problem::Findings;
use crate::passes::strings_check::{check_phrases, check_strings, read_languages};
use crate::passes::view::{PassKind, PassView};
use crate::passes::{card_file, stamps};

pub use crate::passes::problem::{Severity, TemplateProblem};

/// The most files and bytes that a template folder may hold.
const MAX_FILES: usize = 200;
const MAX_FOLDER_BYTES: usize = 20_000_000;

/// Files that go into every package of one kind and variant: path in the package and bytes.
pub type StaticFiles = Arc<[(String, Arc<[u8]>)]>;

/// Which of a design's sets of pictures a pass takes: with drawn stamps there is one for each number of them and for each
/// direction of writing, else only one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Variant {
    /// How many places of the strip are stamped.
    pub stamps: u8,
    /// Whether the first place is at the right.
    pub right_to_left: bool,
}

impl Variant {
    const fn filling(self) -> stamps::Filling {
        stamps::Filling { count: self.stamps, right_to_left: self.right_to_left }
    }
}

/// A loaded template.
#[derive(Debug)]
pub struct Template {
    languages: Vec<Language>,
    default_language: usize,
    programme: String,
    card: Kind,
    voucher: Kind,
}

/// What belongs to one kind of pass.
#[derive(Debug)]
struct Kind {
    design: Design,
    phrases: Phrases,
    images: Images,
    google: Option<GoogleImages>,
    variants: BTreeMap<Variant, OnceLock<StaticFiles>>,
}

impl Template {
    /// Loads a template folder, handed in as paths relative to it and bytes.
    ///
    /// # Errors
    /// Everything that is wrong with it, if any of it is an error; warnings alone don't prevent loading.
    pub fn load(files: &[(String, Vec<u8>)]) -> Result<Self, Vec<TemplateProblem>> {
        let (template, findings) = read(files);
        match template {
            Some(template) if !findings.has_errors() => Ok(template),
            _ => Err(findings.list),
        }
    }

    /// Everything that is wrong with a template folder, errors and warnings.
    #[must_use]
    pub fn check(files: &[(String, Vec<u8>)]) -> Vec<TemplateProblem> {
        read(files).1.list
    }

    /// The ready programme document that goes with the template, as TOML.
    #[must_use]
    pub fn programme_toml(&self) -> &str {
        &self.programme
    }

    /// How a kind of pass looks.
    #[must_use]
    pub const fn design(&self, kind: PassKind) -> &Design {
        &self.kind(kind).design
    }

    /// Every language, in the template's order.
    #[must_use]
    pub fn languages(&self) -> &[Language] {
        &self.languages
    }

    /// The place of the language that serves a member best: the same tag, else the same language, else the default.
    #[must_use]
    pub fn language_place(&self, tag: &str) -> usize {
        let primary = tag.split('-').next().unwrap_or(tag);
        let find = |wanted: &str| self.languages.iter().position(|language| language.code.eq_ignore_ascii_case(wanted));
        find(tag).or_else(|| find(primary)).unwrap_or(self.default_language)
    }

    /// The language at a place that [`Template::language_place`] gave.
    #[must_use]
    pub fn language(&self, place: usize) -> &Language {
        &self.languages[place.min(self.languages.len() - 1)]
    }

    /// The language of a phone that has none of the template's.
    #[must_use]
    pub fn default_language(&self) -> &Language {
        self.language(self.default_language)
    }

    /// The pictures for Google Wallet; without them a kind of pass is not offered there.
    #[must_use]
    pub const fn google_images(&self, kind: PassKind) -> Option<&GoogleImages> {
        self.kind(kind).google.as_ref()
    }

    /// Draws Google's banner with stamps, which takes a tenth of a second; none without stamps or banner.
    #[must_use]
    pub fn draw_google_hero(&self, kind: PassKind, variant: Variant) -> Option<Vec<u8>> {
        let kind = self.kind(kind);
        let (design, hero) = (kind.design.stamps.as_ref()?, kind.google.as_ref()?.hero.as_ref()?);
        stamps::draw(design, hero, variant.filling()).ok()
    }

    /// The phrases of a kind of pass, which the wallet translates.
    #[must_use]
    pub const fn phrases(&self, kind: PassKind) -> &Phrases {
        &self.kind(kind).phrases
    }

    /// Every variant of a kind of pass.
    pub fn variants(&self, kind: PassKind) -> impl Iterator<Item = Variant> + '_ {
        self.kind(kind).variants.keys().copied()
    }

    /// The variant that a view takes.
    #[must_use]
    pub fn variant_of(&self, view: &PassView) -> Variant {
        let (Some(design), Some(stamps)) = (&self.kind(view.kind).design.stamps, view.stamps) else {
            return Variant::default();
        };
        // With another target than the strip has places, the strip shows the same share, full only at the target.
        let (count, target) = (u64::from(stamps.count), u64::from(stamps.target).max(1));
        let shown = (count.min(target) * u64::from(design.slots)) / target;
        let language = self.language(self.language_place(&view.language));
        Variant { stamps: u8::try_from(shown).unwrap_or(design.slots), right_to_left: language.right_to_left }
    }

    /// The files that are the same in every package of a kind and variant: pictures at the root, and the strings files. They
    /// are drawn at the first call and kept. An unknown variant gets the files of the first one.
    #[must_use]
    pub fn files(&self, kind: PassKind, variant: Variant) -> StaticFiles {
        let kind = self.kind(kind);
        let known = kind.variants.get(&variant).map(|files| (variant, files));
        match known.or_else(|| kind.variants.first_key_value().map(|(variant, files)| (*variant, files))) {
            Some((variant, files)) => Arc::clone(files.get_or_init(|| self.draw(kind, variant))),
            None => Arc::from([]),
        }
    }

    const fn kind(&self, kind: PassKind) -> &Kind {
        match kind {
            PassKind::Card => &self.card,
            PassKind::Voucher => &self.voucher,
        }
    }

    fn draw(&self, kind: &Kind, variant: Variant) -> StaticFiles {
        let mut files = Vec::new();
        for (name, bytes) in &kind.images.files {
            files.push((name.clone(), Arc::clone(bytes)));
        }
        if let Some(design) = &kind.design.stamps {
            for (name, bytes) in &mut files {
                if !is_strip(name) {
                    continue;
                }
                // The strip was drawn once when the template was checked, so this can't fail; an empty strip is still a strip.
                if let Ok(drawn) = stamps::draw(design, bytes, variant.filling()) {
                    *bytes = Arc::from(drawn);
                }
            }
        }
        for (place, language) in self.languages.iter().enumerate() {
            let strings = kind.phrases.file(place);
            files.push((format!("{}.lproj/pass.strings", language.code), Arc::from(strings.into_bytes())));
        }
        files.sort();
        Arc::from(files)
    }
}

/// Whether a file is the strip at some scale.
fn is_strip(file: &str) -> bool {
    crate::passes::image::ImageName::parse(file).is_some_and(|image| image.name == "strip")
}

/// Reads a folder as far as it can be read, noting everything that is wrong.
fn read(files: &[(String, Vec<u8>)]) -> (Option<Template>, Findings) {
    let mut findings = Findings::default();
    let total: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
    if files.len() > MAX_FILES || total > MAX_FOLDER_BYTES {
        let advice = format!("Keep it below {MAX_FILES} files and {} MB.", MAX_FOLDER_BYTES / 1_000_000);
        findings.in_file(".").error("the folder is too large", advice);
        return (None, findings);
    }
    let programme = text_file(files, "programme.toml", &mut findings);
    if let Some(programme) = programme {
        check_toml(programme, &mut findings);
    }
    let Some(card) = text_file(files, "card.toml", &mut findings).and_then(|toml| read_card(toml, &mut findings)) else {
        return (None, findings);
    };
    let Some((languages, default_language)) = read_languages(&card, files, &mut findings) else {
        return (None, findings);
    };
    findings.in_file("card.toml");
    let mut compiler = Compiler { languages: &languages, default_language, findings: &mut findings };
    let designs = [compiler.design(PassKind::Card, &card.card), compiler.design(PassKind::Voucher, &card.voucher)];
    check_strings(&card, &languages, &designs, &mut findings);
    let [card, voucher] = designs.map(|design| kind(design, files, &languages, &mut findings));
    let programme = programme.unwrap_or_default().to_owned();
    (Some(Template { languages, default_language, programme, card, voucher }), findings)
}

fn kind(design: Design, files: &[(String, Vec<u8>)], languages: &[Language], findings: &mut Findings) -> Kind {
    findings.in_file("card.toml");
    check_design(&design, findings);
    let phrases = check_phrases(&design, findings);
    let images = check_images(&design, files, findings);
    let google = check_google_images(&design, files, findings);
    if google.is_some() {
        findings.in_file("card.toml");
        check_google(&design, findings);
    }
    let mut variants = BTreeMap::new();
    let directions = languages.iter().map(|language| language.right_to_left);
    match &design.stamps {
        None => drop(variants.insert(Variant::default(), OnceLock::new())),
        Some(stamps) => {
            for (right_to_left, stamps) in
                directions.flat_map(|right_to_left| (0..=stamps.slots).map(move |count| (right_to_left, count)))
            {
                variants.insert(Variant { stamps, right_to_left }, OnceLock::new());
            }
        }
    }
    Kind { design, phrases, images, google, variants }
}

fn text_file<'a>(files: &'a [(String, Vec<u8>)], name: &str, findings: &mut Findings) -> Option<&'a str> {
    findings.in_file(name);
    let Some((_, bytes)) = files.iter().find(|(path, _)| path == name) else {
        findings.error("is missing", "Copy it from one of the ready templates and change it.");
        return None;
    };
    let text = std::str::from_utf8(bytes).ok();
    if text.is_none() {
        findings.error("is not UTF-8 text", "Save it as UTF-8.");
    }
    text
}

fn read_card(toml: &str, findings: &mut Findings) -> Option<CardFile> {
    match toml::from_str::<CardFile>(toml) {
        Ok(card) if card.format == card_file::FORMAT => Some(card),
        Ok(card) => {
            let what = format!("is format {}; this version reads format {}", card.format, card_file::FORMAT);
            findings.at("format").error(what, "Use the version of Walaa that the template was made for.");
            None
        }
        Err(error) => {
            findings
                .at(line_of(toml, error.span()))
                .error(error.message(), "Correct the line; the ready templates show every setting.");
            None
        }
    }
}

fn check_toml(toml: &str, findings: &mut Findings) {
    if let Err(error) = toml::from_str::<toml::Table>(toml) {
        findings.at(line_of(toml, error.span())).error(error.message(), "Correct the line.");
    }
}
