//! What this node has noted of fetches lately, so that a phone that asks again and again costs no write each time.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::clock::Timestamp;
use crate::ids::PassId;

/// Passes that are remembered; beyond it the memory starts anew, which costs one write too many each.
const MOST: usize = 100_000;

/// How long a note spares the next one of the same version: "last fetched at" is right to the minute.
const FRESH_MS: i64 = 60_000;

/// The version that was noted last, and when.
type Noted = (i64, Timestamp);

/// Fetches that the database knows of.
#[derive(Default)]
pub struct Fetched(Mutex<HashMap<PassId, Noted>>);

impl Fetched {
    /// Whether the database has to be told of this fetch.
    pub(super) fn is_news(&self, pass: PassId, version: i64, now: Timestamp) -> bool {
        let noted = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&pass).copied();
        noted.is_none_or(|(before, at)| version > before || !(0..FRESH_MS).contains(&now.since(at)))
    }

    /// Remembers that the database was told.
    pub(super) fn noted(&self, pass: PassId, version: i64, now: Timestamp) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.len() >= MOST {
            noted.clear();
        }
        noted.insert(pass, (version, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_version_and_a_later_minute_are_news() {
        let (fetched, pass, start) = (Fetched::default(), PassId([1; 16]), Timestamp::from_millis(1_000_000));
        assert!(fetched.is_news(pass, 3, start));
        fetched.noted(pass, 3, start);
        assert!(!fetched.is_news(pass, 3, start.plus_millis(59_999)));
        assert!(!fetched.is_news(pass, 2, start), "an older one was fetched before");
        assert!(fetched.is_news(pass, 4, start));
        assert!(fetched.is_news(pass, 3, start.plus_millis(60_000)));
        assert!(fetched.is_news(pass, 3, start.plus_millis(-1)), "a clock that jumped back");
        assert!(fetched.is_news(PassId([2; 16]), 1, start));
    }
}
