//! Test builds only: takes one guard of the one-time protocol away, to prove that the next one holds.

use std::sync::{Mutex, PoisonError};

use crate::ids::OrgId;

/// A guard against capturing twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// The op index finds a twin (U4).
    Op,
    /// The token's state.
    TokenState,
}

static REMOVED: Mutex<Vec<(OrgId, Guard)>> = Mutex::new(Vec::new());

/// Takes a guard away, for one organisation of one test.
pub fn remove(org: OrgId, guard: Guard) {
    REMOVED.lock().unwrap_or_else(PoisonError::into_inner).push((org, guard));
}

/// Whether a test took the guard away.
pub fn is_removed(org: OrgId, guard: Guard) -> bool {
    REMOVED.lock().unwrap_or_else(PoisonError::into_inner).contains(&(org, guard))
}
