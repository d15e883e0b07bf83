//! When a phone may be pushed again: phones that are pushed too often stop listening.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::clock::Timestamp;

/// Phones that are remembered at once; past it those whose time has come are forgotten.
const MAX_PHONES: usize = 100_000;

/// The earliest next push, by (pass type, push token). A phone may have several device ids, but one push token a pass type.
#[derive(Debug, Default)]
pub(super) struct Paces(Mutex<HashMap<(String, String), Timestamp>>);

impl Paces {
    /// When a phone may be pushed again, if that is known.
    pub fn not_before(&self, pass_type: &str, push_token: &str) -> Option<Timestamp> {
        self.lock().get(&(pass_type.to_owned(), push_token.to_owned())).copied()
    }

    /// Leaves a phone alone until then.
    pub fn leave_alone(&self, (pass_type, push_token): (&str, &str), until: Timestamp, now: Timestamp) {
        let mut paces = self.lock();
        if paces.len() >= MAX_PHONES {
            paces.retain(|_, until| *until > now);
        }
        if paces.len() < MAX_PHONES {
            paces.insert((pass_type.to_owned(), push_token.to_owned()), until);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(String, String), Timestamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_is_left_alone_per_pass_type_and_old_ones_make_room() {
        let paces = Paces::default();
        let now = Timestamp::from_millis(1_000);
        paces.leave_alone(("pass.a", "t"), now.plus_seconds(15), now);
        assert_eq!(paces.not_before("pass.a", "t"), Some(now.plus_seconds(15)));
        assert_eq!(paces.not_before("pass.b", "t"), None);
        for phone in 0..MAX_PHONES {
            paces.leave_alone(("pass.c", &phone.to_string()), now.plus_seconds(1), now);
        }
        let later = now.plus_seconds(10);
        paces.leave_alone(("pass.c", "one more"), later.plus_seconds(15), later);
        assert!(paces.lock().len() < 10);
        assert!(paces.not_before("pass.a", "t").is_some(), "its time has not come");
    }
}
