//! The programme document: parsed, validated, versioned. Pure: it knows money and ids, nothing of databases or wallets.

mod document;
mod earning;
mod join;
mod places;
mod staff;

pub use document::{Earning, Limits, Localised, Programme, Reward, Rounding, Status, Tokens};
pub use join::{ConsentText, Join, JoinIdentity};
pub use places::{EnrolmentDocument, KeyDocument, OrganisationDocument, Role, Scope, StoreDocument, TerminalDocument};
pub use staff::{EndedShift, ShiftDocument, ShiftEnd, StaffCodeDocument, StaffDocument};

use crate::error::{Code, FieldProblem, Problem};
use crate::strict_json;

/// The largest configuration document, in bytes of JSON.
pub const MAX_DOCUMENT_BYTES: usize = 64 * 1024;

/// Collects what is wrong with a document, so that its author hears all of it at once.
#[derive(Debug, Default)]
pub struct Findings(Vec<FieldProblem>);

impl Findings {
    /// Notes a wrong field.
    pub fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.push(FieldProblem { field: field.into(), message: message.into() });
    }

    /// Notes a wrong field unless `right`.
    pub fn expect(&mut self, right: bool, field: impl Into<String>, message: impl Into<String>) {
        if !right {
            self.add(field, message);
        }
    }

    /// Nothing found, or one problem that lists all findings.
    ///
    /// # Errors
    /// [`Code::DocumentInvalid`] with every finding.
    pub fn into_result(self) -> Result<(), Problem> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut problem = Problem::from(Code::DocumentInvalid);
        problem.errors = self.0;
        Err(problem)
    }
}

/// Reads JSON text strictly as a document type; serde's message names the unknown or missing field.
///
/// # Errors
/// [`Code::DocumentInvalid`] with the place in the text.
pub fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Problem> {
    strict_json::from_slice(text.as_bytes()).map_err(|error| Problem::new(Code::DocumentInvalid, error.to_string()))
}
