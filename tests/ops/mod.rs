//! What operators are handed: the files in docker/ fit each other and the gateway, and docs/operations.md names only what there is.

mod containers;
mod guide;
mod host;

use std::path::{Path, PathBuf};

/// The repository's root.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file of the repository.
fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The words that begin with a prefix and go on with letters, digits and what else is named.
fn names(text: &str, prefix: &str, more: &[char]) -> Vec<String> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || more.contains(&letter);
    let starts = text.match_indices(prefix).map(|(start, _)| start);
    let whole = starts.filter(|start| !text[..*start].ends_with(is_part));
    whole.map(|start| text[start..].chars().take_while(|letter| is_part(*letter)).collect()).collect()
}

/// All files below a folder.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut waiting) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(&folder).expect("the folder is there") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { waiting.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}
