//! The texts of the pages, by language: Fluent files, read once.

use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};

use super::figures::Digits;
use super::language::{LANGUAGES, Lang, Language};

type Bundle = FluentBundle<FluentResource>;

static BUNDLES: LazyLock<Vec<Bundle>> = LazyLock::new(|| LANGUAGES.iter().map(bundle).collect());

fn bundle(language: &Language) -> Bundle {
    let locale = language.code.parse().expect("the tags of our languages are well-formed");
    let mut bundle = Bundle::new_concurrent(vec![locale]);
    let resource = FluentResource::try_new(language.source.to_owned()).expect("the tests read every file of texts");
    bundle.add_resource(resource).expect("no text stands twice, which the tests hold");
    bundle.set_formatter(Some(if language.digits == Digits::ARABIC { arabic } else { latin }));
    bundle
}

fn latin<M>(value: &FluentValue<'_>, _: &M) -> Option<String> {
    number(value, &Digits::LATIN)
}

fn arabic<M>(value: &FluentValue<'_>, _: &M) -> Option<String> {
    number(value, &Digits::ARABIC)
}

/// Whole numbers only, for display: decimals come as texts that [`Digits`] wrote.
fn number(value: &FluentValue<'_>, digits: &Digits) -> Option<String> {
    match value {
        FluentValue::Number(number) => Some(digits.whole(number.value as i64)),
        _ => None,
    }
}

/// The text of a key in a language. A key that there is not is shown as itself: the tests see to it that there is none.
#[must_use]
pub fn text(language: Lang, key: &str, arguments: Option<&FluentArgs<'_>>) -> String {
    let place = LANGUAGES.iter().position(|known| known.code == language.code).unwrap_or_default();
    let bundle = &BUNDLES[place];
    let Some(pattern) = bundle.get_message(key).and_then(|message| message.value()) else {
        tracing::error!(key, language = language.code, "a page's text is missing");
        return key.to_owned();
    };
    let mut errors = Vec::new();
    let text = bundle.format_pattern(pattern, arguments, &mut errors).into_owned();
    for error in errors {
        tracing::error!(key, language = language.code, %error, "a page's text is not right");
    }
    text
}

/// The key of a text where a point is a stamp, if there is one that says so.
#[must_use]
pub fn stamped(language: Lang, key: &str) -> Option<String> {
    let place = LANGUAGES.iter().position(|known| known.code == language.code).unwrap_or_default();
    let own = format!("{key}-stamps");
    BUNDLES[place].has_message(&own).then_some(own)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::language::named;

    fn points(code: &str, count: i64) -> String {
        let mut arguments = FluentArgs::new();
        arguments.set("count", count);
        let text = text(named(code).unwrap(), "points", Some(&arguments));
        text.chars().filter(|letter| !matches!(letter, '\u{2066}'..='\u{2069}')).collect()
    }

    #[test]
    fn plurals_and_digits_follow_the_language() {
        assert_eq!(points("en", 1), "1 point");
        assert_eq!(points("en", 1_250), "1,250 points");
        assert_eq!(points("ar", 0), "لا نقاط");
        assert_eq!(points("ar", 1), "نقطة واحدة");
        assert_eq!(points("ar", 2), "نقطتان");
        assert_eq!(points("ar", 3), "٣ نقاط");
        assert_eq!(points("ar", 11), "١١ نقطة");
        assert_eq!(points("ar", 100), "١٠٠ نقطة");
    }
}
