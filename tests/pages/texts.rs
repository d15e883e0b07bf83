//! The files of texts: the same keys in every language, every key that a page names, and none that no page needs.

use std::collections::BTreeSet;

use walaa::pages::language::LANGUAGES;

use crate::tidy::source::sources;

fn keys(source: &str) -> BTreeSet<String> {
    let starts_one = |line: &&str| line.starts_with(|letter: char| letter.is_ascii_lowercase());
    let all: Vec<_> = source.lines().filter(starts_one).filter_map(|line| Some(line.split_once(" =")?.0.to_owned())).collect();
    let set: BTreeSet<String> = all.iter().cloned().collect();
    assert_eq!(all.len(), set.len(), "a key stands twice");
    set
}

fn templates() -> Vec<(String, String)> {
    let (mut found, mut waiting) = (Vec::new(), vec![std::path::PathBuf::from("web/pages")]);
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|ending| ending == "html") {
                found.push((path.display().to_string(), std::fs::read_to_string(&path).expect("a template")));
            }
        }
    }
    found
}

/// The keys in calls such as `page.text("key")`.
fn named_in(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for method in ["text(", "with(", "count(", "count_with(", "filled("] {
        for call in text.split(&format!("page.{method}")).skip(1).chain(text.split(&format!("self.{method}")).skip(1)) {
            if let Some(key) = call.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next()) {
                found.insert(key.to_owned());
            }
        }
    }
    found
}

#[test]
fn every_language_has_the_same_texts() {
    let first = keys(LANGUAGES[0].source);
    assert!(first.len() > 100, "{}", first.len());
    for language in LANGUAGES {
        let own = keys(language.source);
        let missing: Vec<_> = first.difference(&own).collect();
        let strange: Vec<_> = own.difference(&first).collect();
        assert!(missing.is_empty() && strange.is_empty(), "{}: missing {missing:?}, unknown {strange:?}", language.code);
    }
}

#[test]
fn every_text_that_a_page_names_is_there_and_every_text_is_named() {
    let known = keys(LANGUAGES[0].source);
    let mut named = BTreeSet::new();
    for (path, text) in templates() {
        for key in named_in(&text) {
            assert!(known.contains(&key), "{path} names {key}, which has no text");
            named.insert(key);
        }
    }
    // In the sources keys are also handed on as plain strings.
    let code: String =
        sources("src").into_iter().filter(|file| file.path.starts_with("src/pages/")).map(|file| file.text).collect();
    named.extend(named_in(&code));
    named.extend(known.iter().filter(|key| code.contains(&format!("\"{key}\""))).cloned());
    // What the scanner says of a refusal stands under the refusal's code.
    let refusal = |key: &&String| key.strip_prefix("why-").or_else(|| key.strip_prefix("do-")).map(|code| format!("\"{code}\""));
    named.extend(known.iter().filter(|key| refusal(key).is_some_and(|quoted| code.contains(&quoted))).cloned());
    // What stands in for another text is needed where that one is.
    let stamped: Vec<_> = named.iter().map(|key| format!("{key}-stamps")).filter(|key| known.contains(key)).collect();
    named.extend(stamped);
    let unused: Vec<_> = known.difference(&named).collect();
    assert!(unused.is_empty(), "no page needs {unused:?}");
    let missing: Vec<_> = named.difference(&known).collect();
    assert!(missing.is_empty(), "a page names {missing:?}");
}

#[test]
fn templates_have_no_inline_code_and_no_unescaped_value() {
    for (path, text) in templates() {
        assert!(!text.contains(" style=\"") && !text.contains(" onclick") && !text.contains("javascript:"), "{path}");
        let raw = text.matches("|safe").count();
        assert_eq!(raw, 0, "{path} writes values as they are");
        for script in text.split("<script").skip(1).chain(text.split("<style").skip(1)) {
            assert!(script.split('>').next().is_some_and(|tag| tag.contains("nonce=")), "{path}: an element without a nonce");
        }
    }
}
