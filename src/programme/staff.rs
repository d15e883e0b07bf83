//! Staff and their shifts: who may sign in where, whose a cashier's code is, and who works at a till now.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::error::Problem;
use crate::ids::{ShiftId, StaffId, StoreId};
use crate::programme::{Findings, Status, parse};

/// Shops that one of the staff may be bound to.
const MOST_STORES: usize = 200;

/// One of the staff, who signs in at tills with a PIN.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StaffDocument {
    /// The name on the till's screen, 1 to 40 characters.
    pub name: String,
    /// What is recorded with operations: 1 to 40 of `[A-Za-z0-9_-]`.
    pub code: String,
    /// The shops where they may work; empty for all.
    #[serde(default)]
    pub stores: BTreeSet<StoreId>,
    /// The kill switch.
    #[serde(default)]
    pub status: Status,
    /// The peppered hash of the PIN.
    pub pin_hash: String,
    /// Counts PINs, so that each is derived anew.
    pub pin_generation: i64,
    /// Which master key PIN and pepper are derived from.
    pub pin_kid: u8,
}

impl StaffDocument {
    /// Reads and checks a document.
    ///
    /// # Errors
    /// [`crate::error::Code::DocumentInvalid`] with every finding.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let document: Self = parse(text)?;
        let mut findings = Findings::default();
        let length = document.name.chars().count();
        let name = (1..=40).contains(&length) && !document.name.trim().is_empty() && !document.name.contains(char::is_control);
        findings.expect(name, "name", "is not 1 to 40 characters long");
        findings.expect(is_code(&document.code), "code", "is not 1 to 40 letters, digits, - or _");
        findings.expect(document.stores.len() <= MOST_STORES, "stores", format!("are more than {MOST_STORES}"));
        findings.into_result()?;
        Ok(document)
    }

    /// Whether they may work in a shop now.
    #[must_use]
    pub fn may_work_in(&self, store: StoreId) -> bool {
        self.status == Status::Active && (self.stores.is_empty() || self.stores.contains(&store))
    }
}

fn is_code(text: &str) -> bool {
    (1..=40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

/// Whose a cashier's code is. It has one version: a code that stands in the journal never becomes somebody else's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StaffCodeDocument {
    /// Whose.
    pub staff: StaffId,
}

impl StaffCodeDocument {
    /// Reads a document.
    ///
    /// # Errors
    /// [`crate::error::Code::DocumentInvalid`].
    pub fn parse(text: &str) -> Result<Self, Problem> {
        parse(text)
    }
}

/// Why a shift is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShiftEnd {
    /// Its cashier closed it.
    Closed,
    /// Somebody signed in after it.
    Replaced,
    /// It was open for too long.
    Expired,
}

/// The shift before, when a new one ended it or found it ended by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndedShift {
    /// Which.
    pub id: ShiftId,
    /// Whose.
    pub staff: StaffId,
    /// Why it is over.
    pub ended_by: ShiftEnd,
}

/// The newest shift at a till. There is one document a till, whose versions are the till's shifts in order: so no two can be open at
/// once, whoever signs in at the same moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShiftDocument {
    /// The shift.
    pub id: ShiftId,
    /// The shop that the till stood in.
    pub store: StoreId,
    /// Who works.
    pub staff: StaffId,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it was closed, if it was.
    #[serde(default)]
    pub closed_at: Option<Timestamp>,
    /// Why it is over, once it was closed.
    #[serde(default)]
    pub ended_by: Option<ShiftEnd>,
    /// The shift that this one ended.
    #[serde(default)]
    pub before: Option<EndedShift>,
    /// Names the form that opened it, so that a second press opens nothing more.
    pub form: String,
    /// Which master key its secret is derived from.
    pub secret_kid: u8,
}

impl ShiftDocument {
    /// Seconds after which a shift ends by itself: longer than any working day.
    pub const LONGEST_SECONDS: i64 = 16 * 3_600;

    /// Reads and checks a document.
    ///
    /// # Errors
    /// [`crate::error::Code::DocumentInvalid`] with every finding.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let document: Self = parse(text)?;
        let mut findings = Findings::default();
        let both = document.closed_at.is_some() == document.ended_by.is_some();
        findings.expect(both, "ended_by", "goes with closed_at");
        findings.into_result()?;
        Ok(document)
    }

    /// Why the shift is over at this moment; nothing while it is open.
    #[must_use]
    pub fn end(&self, now: Timestamp) -> Option<ShiftEnd> {
        let expired = now >= self.opened_at.plus_seconds(Self::LONGEST_SECONDS);
        self.ended_by.or(expired.then_some(ShiftEnd::Expired))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_slugs() {
        for right in ["C1", "a", "Mariam_2-b", &"x".repeat(40)] {
            assert!(is_code(right), "{right}");
        }
        for wrong in ["", "C 1", "é", "a/b", "C1\n", &"x".repeat(41)] {
            assert!(!is_code(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_shift_is_over_to_the_millisecond() {
        let shift = ShiftDocument {
            id: ShiftId([1; 16]),
            store: StoreId([1; 16]),
            staff: StaffId([1; 16]),
            opened_at: Timestamp::from_millis(5_000),
            closed_at: None,
            ended_by: None,
            before: None,
            form: String::new(),
            secret_kid: 1,
        };
        let end = 5_000 + 16 * 3_600_000;
        assert_eq!(shift.end(Timestamp::from_millis(end - 1)), None);
        assert_eq!(shift.end(Timestamp::from_millis(end)), Some(ShiftEnd::Expired));
        let closed = ShiftDocument { ended_by: Some(ShiftEnd::Closed), ..shift };
        assert_eq!(closed.end(Timestamp::from_millis(end)), Some(ShiftEnd::Closed));
    }
}
