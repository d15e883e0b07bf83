//! Why the database did not do what was asked.

use crate::error::{Code, Problem};

/// Why the database did not do what was asked. Nothing was changed, unless it says so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DbError {
    /// Can't be reached, is locked, is full: worth another try later.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// A unique index refused; the text names it. A batch has been redone singly before this is said.
    #[error("a row with the same {0} exists")]
    Conflict(String),
    /// What is stored can't be read: a bug or a damaged file.
    #[error("stored data can't be read: {0}")]
    Corrupt(String),
}

impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Unavailable(_) => Self::from(Code::LedgerUnavailable),
            DbError::Conflict(_) | DbError::Corrupt(_) => {
                tracing::error!(%error, "the database refused");
                Self::from(Code::Internal)
            }
        }
    }
}
