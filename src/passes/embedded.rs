//! The ready templates, built into the binary.

use rust_embed::RustEmbed;

use crate::passes::problem::{Severity, TemplateProblem};
use crate::passes::template::Template;

#[derive(RustEmbed)]
#[folder = "pass-templates/"]
struct Folder;

/// The names of the ready templates.
#[must_use]
pub fn names() -> Vec<String> {
    let mut names: Vec<_> = Folder::iter().filter_map(|path| path.strip_suffix("/card.toml").map(str::to_owned)).collect();
    names.sort();
    names
}

/// The files of a ready template, without the sources of its artwork; empty if there is none of that name.
#[must_use]
pub fn files(name: &str) -> Vec<(String, Vec<u8>)> {
    let in_template = |path: &str| path.strip_prefix(name)?.strip_prefix('/').map(str::to_owned);
    let mut files: Vec<_> = Folder::iter()
        .filter_map(|path| Some((in_template(&path)?, Folder::get(&path)?)))
        .filter(|(path, _)| !path.starts_with("art/"))
        .map(|(path, file)| (path, file.data.into_owned()))
        .collect();
    files.sort();
    files
}

impl Template {
    /// Loads a ready template. Load it once and keep it: it keeps the strips that it has drawn.
    ///
    /// # Errors
    /// There is none of that name (the tests see to it that those there are have no errors).
    pub fn embedded(name: &str) -> Result<Self, Vec<TemplateProblem>> {
        let files = files(name);
        if files.is_empty() {
            return Err(vec![TemplateProblem {
                severity: Severity::Error,
                file: name.chars().take(40).collect(),
                at: String::new(),
                what: "is not a ready template".to_owned(),
                advice: format!("The ready ones are {}.", names().join(", ")),
            }]);
        }
        Self::load(&files)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ready_templates_have_no_findings_at_all() {
        assert_eq!(names(), ["coffee", "stamps"]);
        for name in names() {
            let problems: Vec<_> = Template::check(&files(&name)).iter().map(ToString::to_string).collect();
            assert!(problems.is_empty(), "{name}:\n{}", problems.join("\n"));
        }
    }

    #[test]
    fn an_unknown_name_says_which_there_are() {
        let problems = Template::embedded("tea").expect_err("there is none");
        assert!(problems[0].advice.contains("coffee, stamps"));
        assert!(Template::embedded("").is_err());
        assert!(Template::embedded("coffee/images").is_err());
    }
}
