//! The strings files of a template: all languages there, every text in every language, nothing that two texts could share.

use std::collections::{BTreeSet, HashSet};

use crate::passes::card_file::{CardFile, DesignFile};
use crate::passes::design::Design;
use crate::passes::language::{Language, REWARD_LINE_KEY};
use crate::passes::pass_strings::Phrases;
use crate::passes::placeholder::Placeholder;
use crate::passes::problem::Findings;
use crate::passes::text::Text;
use crate::passes::view::ChangeKind;

/// The most languages of a template.
const MAX_LANGUAGES: usize = 40;

/// Reads every strings file and finds the default language; none if there is no language to work with.
pub fn read_languages(card: &CardFile, files: &[(String, Vec<u8>)], findings: &mut Findings) -> Option<(Vec<Language>, usize)> {
    let mut languages: Vec<Language> = Vec::new();
    if card.languages.len() > MAX_LANGUAGES {
        findings.in_file("card.toml").at("languages").error("there are too many languages", format!("Keep to {MAX_LANGUAGES}."));
    }
    let mut complete = true;
    for code in card.languages.iter().take(MAX_LANGUAGES) {
        if !is_language_tag(code) || languages.iter().any(|known| known.code == *code) {
            let advice = "Write each language once, as its tag: \"ar\", \"en\", \"pt-BR\", \"zh-Hans\".";
            findings.in_file("card.toml").at("languages").error(format!("\"{code}\" can't be used"), advice);
            complete = false;
            continue;
        }
        match read_language(code, files, findings) {
            Some(language) => languages.push(language),
            None => complete = false,
        }
    }
    let default = languages.iter().position(|language| language.code == card.default_language);
    if complete && default.is_none() {
        let what = format!("\"{}\" is not among the languages", card.default_language);
        findings.in_file("card.toml").at("default_language").error(what, "Use one of the languages.");
    }
    for (path, _) in files {
        let code = path.strip_prefix("strings/").and_then(|file| file.strip_suffix(".toml"));
        if code.is_some_and(|code| !card.languages.iter().any(|known| known == code)) {
            findings
                .in_file(path)
                .warning("belongs to no language of card.toml", "Add the language to card.toml, or remove the file.");
        }
    }
    if complete { default.map(|default| (languages, default)) } else { None }
}

fn read_language(code: &str, files: &[(String, Vec<u8>)], findings: &mut Findings) -> Option<Language> {
    let name = format!("strings/{code}.toml");
    findings.in_file(&name);
    let Some((_, bytes)) = files.iter().find(|(path, _)| *path == name) else {
        findings.error("is missing", "Add the file, or remove the language from card.toml.");
        return None;
    };
    let Ok(toml) = std::str::from_utf8(bytes) else {
        findings.error("is not UTF-8 text", "Save it as UTF-8.");
        return None;
    };
    Language::parse(code, toml)
        .map_err(|problems| {
            for problem in problems {
                findings.at(problem.at).error(problem.what, "Correct it; the ready templates show how.");
            }
        })
        .ok()
}

/// A language, perhaps with script and region.
fn is_language_tag(code: &str) -> bool {
    let mut parts = code.split('-');
    let language =
        parts.next().is_some_and(|part| (2..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_lowercase()));
    let rest: Vec<_> = parts.collect();
    language
        && rest.len() <= 2
        && rest.iter().all(|part| (2..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// Notes texts that a language lacks, texts that nothing uses, and sentences that a placeholder needs.
pub fn check_strings(card: &CardFile, languages: &[Language], designs: &[Design], findings: &mut Findings) {
    let all: BTreeSet<&String> = languages.iter().flat_map(|language| language.texts.keys()).collect();
    let mut used: HashSet<&str> = used_keys(&card.card).chain(used_keys(&card.voucher)).collect();
    for (placeholder, sentences) in sentences_of(designs) {
        for sentence in sentences {
            used.insert(sentence);
            for language in languages.iter().filter(|language| !language.texts.contains_key(sentence)) {
                findings
                    .in_file(&format!("strings/{}.toml", language.code))
                    .at(format!("text.{sentence}"))
                    .error("is missing", format!("Add it: {{{{ {} }}}} in card.toml is written with it.", placeholder.name()));
            }
        }
    }
    for language in languages {
        findings.in_file(&format!("strings/{}.toml", language.code));
        for key in all.iter().filter(|key| !language.texts.contains_key(**key) && !is_sentence(key)) {
            findings
                .at(format!("text.{key}"))
                .error("is missing, though another language has it", "Translate it, or remove it everywhere.");
        }
        for key in language.texts.keys().filter(|key| !used.contains(key.as_str())) {
            findings.at(format!("text.{key}")).warning("is used nowhere", "Remove it, or use it in card.toml as \"@key\".");
        }
        check_sentences(language, findings);
    }
    findings.in_file("card.toml");
}

fn is_sentence(key: &str) -> bool {
    key == REWARD_LINE_KEY || ChangeKind::ALL.iter().any(|kind| kind.sentence_key() == key)
}

/// Sentences must not name what they are part of, nor secrets.
fn check_sentences(language: &Language, findings: &mut Findings) {
    for (key, message) in language.texts.iter().filter(|(key, _)| is_sentence(key)) {
        for placeholder in message.placeholders() {
            if matches!(placeholder, Placeholder::Rewards | Placeholder::LastChange | Placeholder::Code) {
                let what = format!("{{{{ {} }}}} can't stand in this sentence", placeholder.name());
                findings
                    .at(format!("text.{key}"))
                    .error(what, "Use reward.name and reward.points, or change.points and change.time.");
            }
        }
    }
}

/// The sentences that placeholders of the designs are written with.
fn sentences_of(designs: &[Design]) -> Vec<(Placeholder, Vec<&'static str>)> {
    let placeholders: HashSet<Placeholder> =
        designs.iter().flat_map(|design| texts_of(design).into_iter().flat_map(Text::placeholders)).collect();
    let mut sentences = Vec::new();
    if placeholders.contains(&Placeholder::Rewards) {
        sentences.push((Placeholder::Rewards, vec![REWARD_LINE_KEY]));
    }
    if placeholders.contains(&Placeholder::LastChange) {
        sentences.push((Placeholder::LastChange, ChangeKind::ALL.iter().map(|kind| kind.sentence_key()).collect()));
    }
    sentences
}

fn used_keys(design: &DesignFile) -> impl Iterator<Item = &str> {
    let general = [Some(&design.organization_name), Some(&design.description), design.logo_text.as_ref()];
    let barcode = [Some(&design.barcode.message), design.barcode.alt_text.as_ref()];
    let fields = design.fields.iter().flat_map(|field| {
        [field.label.as_ref(), Some(&field.value), field.otherwise.as_ref(), field.change_message.as_ref(), field.link.as_ref()]
    });
    general.into_iter().chain(barcode).chain(fields).flatten().filter_map(|text| text.strip_prefix('@'))
}

/// Every text of a design, but for the code's own.
fn texts_of(design: &Design) -> Vec<&Text> {
    let mut texts = vec![&design.organization_name, &design.description];
    texts.extend(design.logo_text.iter().chain(&design.barcode.alt_text));
    for field in &design.fields {
        texts.push(&field.value);
        texts.extend([&field.label, &field.otherwise, &field.change_message, &field.link].into_iter().flatten());
    }
    texts
}

/// Gathers the phrases of a design and notes those that a wallet could not tell apart.
pub fn check_phrases(design: &Design, findings: &mut Findings) -> Phrases {
    let mut phrases = Phrases::default();
    for text in texts_of(design) {
        let Text::Phrase(phrase) = text else { continue };
        if let Err(what) = phrases.add(phrase) {
            let advice = "Make the two texts of the default language differ: a wallet looks translations up by that text.";
            findings.at(format!("{}.fields", design.kind.as_str())).error(what, advice);
        }
    }
    phrases
}
