//! The texts of messages, by language: Fluent files of their own, so that a message needs no page.

use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};

type Bundle = FluentBundle<FluentResource>;

/// Every language with its direction; the first one is for whoever speaks none of them.
const LANGUAGES: &[(&str, &str, &str)] =
    &[("en", "ltr", include_str!("../../locales/messages.en.ftl")), ("ar", "rtl", include_str!("../../locales/messages.ar.ftl"))];

static BUNDLES: LazyLock<Vec<Bundle>> = LazyLock::new(|| LANGUAGES.iter().map(|(code, _, text)| bundle(code, text)).collect());

fn bundle(code: &str, text: &str) -> Bundle {
    let locale = code.parse().expect("the tags of our languages are well-formed");
    let mut bundle = Bundle::new_concurrent(vec![locale]);
    // Invisible marks around a link or a code would be copied along with it.
    bundle.set_use_isolating(false);
    let resource = FluentResource::try_new(text.to_owned()).expect("the tests read every file of texts");
    bundle.add_resource(resource).expect("no text stands twice, which the tests hold");
    bundle
}

/// The texts of one language.
#[derive(Clone, Copy)]
pub(super) struct Texts(usize);

impl Texts {
    /// Those of a language, else English.
    pub fn of(language: &str) -> Self {
        Self(LANGUAGES.iter().position(|(code, _, _)| *code == language).unwrap_or_default())
    }

    /// Its tag.
    pub fn language(self) -> &'static str {
        LANGUAGES[self.0].0
    }

    /// `ltr` or `rtl`.
    pub fn direction(self) -> &'static str {
        LANGUAGES[self.0].1
    }

    /// A text with values in it.
    pub fn text(self, key: &str, values: &[(&'static str, &str)]) -> String {
        let mut arguments = FluentArgs::new();
        for (name, value) in values {
            arguments.set(*name, (*value).to_owned());
        }
        let bundle = &BUNDLES[self.0];
        let Some(pattern) = bundle.get_message(key).and_then(|message| message.value()) else {
            tracing::error!(key, "a message's text is missing");
            return key.to_owned();
        };
        bundle.format_pattern(pattern, Some(&arguments), &mut Vec::new()).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn keys(text: &str) -> BTreeSet<&str> {
        text.lines().filter_map(|line| line.split_once(" =")).map(|(key, _)| key).collect()
    }

    #[test]
    fn every_language_has_the_same_texts_and_every_text_can_be_written() {
        let first = keys(LANGUAGES[0].2);
        assert!(first.len() > 5);
        for (code, _, text) in LANGUAGES {
            assert_eq!(keys(text), first, "{code}");
            for key in &first {
                let written = Texts::of(code).text(key, &[("brand", "B"), ("code", "C"), ("link", "L"), ("minutes", "10")]);
                assert!(!written.is_empty() && written != **key && !written.contains('{'), "{code}: {key}: {written}");
            }
        }
    }
}
