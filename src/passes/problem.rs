//! What is wrong with a template, said so that its author can put it right: which file, where, what, and what to do.

use std::fmt;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// A wallet would refuse the pass or drop part of it without a word: the template is not loaded.
    Error,
    /// It works, but not as well as it could.
    Warning,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateProblem {
    /// How bad it is.
    pub severity: Severity,
    /// The file in the template folder.
    pub file: String,
    /// Where in the file: a key such as `card.fields.points`, or a line; empty for the file as a whole.
    pub at: String,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub advice: String,
}

impl fmt::Display for TemplateProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let colon = if self.at.is_empty() { "" } else { ": " };
        write!(f, "{word}: {}{colon}{}: {}\n  {}", self.file, self.at, self.what, self.advice)
    }
}

/// Gathers findings about one file after the other.
#[derive(Debug, Default)]
pub struct Findings {
    /// What was found, in order.
    pub list: Vec<TemplateProblem>,
    file: String,
    place: String,
}

impl Findings {
    /// Findings from here on are about `file`.
    pub fn in_file(&mut self, file: &str) -> &mut Self {
        file.clone_into(&mut self.file);
        self.place.clear();
        self
    }

    /// Findings from here on are about `place` in the file.
    pub fn at(&mut self, place: impl Into<String>) -> &mut Self {
        self.place = place.into();
        self
    }

    /// Notes an error.
    pub fn error(&mut self, what: impl Into<String>, advice: impl Into<String>) {
        self.note(Severity::Error, what.into(), advice.into());
    }

    /// Notes a warning.
    pub fn warning(&mut self, what: impl Into<String>, advice: impl Into<String>) {
        self.note(Severity::Warning, what.into(), advice.into());
    }

    /// Whether any finding is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|problem| problem.severity == Severity::Error)
    }

    fn note(&mut self, severity: Severity, what: String, advice: String) {
        self.list.push(TemplateProblem { severity, file: self.file.clone(), at: self.place.clone(), what, advice });
    }
}
