//! The pass templates that the gateway runs with, by the name that programmes use.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};

use crate::passes::{Template, TemplateProblem, embedded};

/// A template with its name and an id that changes whenever one of its files does.
#[derive(Debug)]
pub struct LoadedTemplate {
    /// Its folder's name, as in a programme's document.
    pub name: String,
    /// Names its contents in caches of built passes.
    pub id: [u8; 16],
    /// The template.
    pub template: Template,
}

/// All templates.
#[derive(Debug, Default)]
pub struct Templates(BTreeMap<String, Arc<LoadedTemplate>>);

impl Templates {
    /// The ready templates.
    ///
    /// # Errors
    /// What is wrong with them (the tests see to it that nothing is).
    pub fn ready() -> Result<Self, Vec<TemplateProblem>> {
        let mut templates = Self::default();
        for name in embedded::names() {
            templates.load(&name, &embedded::files(&name))?;
        }
        Ok(templates)
    }

    /// Loads a template folder, handed in as paths relative to it and bytes; replaces one of the same name.
    ///
    /// # Errors
    /// Everything that is wrong with it, if any of it is an error.
    pub fn load(&mut self, name: &str, files: &[(String, Vec<u8>)]) -> Result<(), Vec<TemplateProblem>> {
        let template = Template::load(files)?;
        let loaded = LoadedTemplate { name: name.to_owned(), id: content_id(files), template };
        self.0.insert(name.to_owned(), Arc::new(loaded));
        Ok(())
    }

    /// The template of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arc<LoadedTemplate>> {
        self.0.get(name).map(Arc::clone)
    }

    /// Whether a template of that id is in use.
    #[must_use]
    pub fn has(&self, id: &[u8; 16]) -> bool {
        self.0.values().any(|loaded| loaded.id == *id)
    }

    /// The names that there are.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

fn content_id(files: &[(String, Vec<u8>)]) -> [u8; 16] {
    let mut sorted: Vec<_> = files.iter().collect();
    sorted.sort();
    let mut context = Context::new(&SHA256);
    for (path, bytes) in sorted {
        for part in [path.as_bytes(), bytes] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
    }
    let hash = context.finish();
    std::array::from_fn(|place| hash.as_ref()[place])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_changes_the_id_and_the_order_of_files_does_not() {
        let files = vec![("a".to_owned(), vec![1]), ("b".to_owned(), vec![2])];
        let turned = vec![files[1].clone(), files[0].clone()];
        let changed = vec![files[0].clone(), ("b".to_owned(), vec![3])];
        let moved = vec![("a".to_owned(), vec![]), ("\u{1}b".to_owned(), vec![2])];
        assert_eq!(content_id(&files), content_id(&turned));
        assert_ne!(content_id(&files), content_id(&changed));
        assert_ne!(content_id(&files), content_id(&moved));
    }
}
