//! Google Wallet's rows, in memory. What each method promises stands with the trait.

use super::state::State;
use crate::clock::Timestamp;
use crate::db::{ASK_AFTER_EVENT_MS, ASK_EVERY_MS, DbError, GoogleEvent, GoogleEventKind, GoogleObject, Heard};
use crate::ids::{OrgId, PassId};

/// An object, the end of validity of the newest callback that was believed, and when to ask Google.
pub(super) struct KeptObject {
    pub row: GoogleObject,
    heard: Timestamp,
    ask_at: Timestamp,
}

impl State {
    pub fn write_google(&mut self, objects: Vec<GoogleObject>) -> Result<(), DbError> {
        let known = |row: &GoogleObject| self.passes.get(&row.pass).is_some_and(|kept| kept.pass.org == row.org);
        if !objects.iter().all(known) {
            return Err(DbError::Conflict("FOREIGN KEY constraint failed".into()));
        }
        for row in objects {
            match self.google.get_mut(&(row.org, row.pass)) {
                Some(kept) => {
                    let before = &kept.row;
                    let version = row.version.max(before.version);
                    let (saved, saved_at, checked_at) = (before.saved, before.saved_at, before.checked_at);
                    kept.row = GoogleObject { version, saved, saved_at, checked_at, ..row };
                }
                None => {
                    let ask_at = row.written_at.plus_millis(ASK_EVERY_MS);
                    let row = GoogleObject { saved: None, saved_at: None, checked_at: None, ..row };
                    let key = (row.org, row.pass);
                    self.google.insert(key, KeptObject { row, heard: Timestamp::default(), ask_at });
                }
            }
        }
        Ok(())
    }

    pub fn hear(&mut self, event: GoogleEvent) -> Heard {
        if self.google_events.contains_key(&event.nonce) {
            return Heard::Again;
        }
        let kept = event.pass.and_then(|pass| self.google.get_mut(&(event.org, pass)));
        if let Some(kept) = kept.filter(|kept| kept.row.object == event.object && kept.heard <= event.expires_at) {
            kept.row.saved = Some(event.kind == GoogleEventKind::Saved);
            kept.row.saved_at = Some(event.at);
            kept.heard = event.expires_at;
            kept.ask_at = event.at.plus_millis(ASK_AFTER_EVENT_MS);
        }
        self.google_events.insert(event.nonce.clone(), event);
        Heard::New
    }

    pub fn forget_google_events(&mut self, before: Timestamp, limit: usize) -> usize {
        let mut old: Vec<_> = self.google_events.values().filter(|event| event.at < before).collect();
        old.sort_by_key(|event| event.at);
        let old: Vec<_> = old.into_iter().take(limit).map(|event| event.nonce.clone()).collect();
        old.iter().filter(|nonce| self.google_events.remove(*nonce).is_some()).count()
    }

    pub fn google_to_ask(&self, now: Timestamp, limit: usize) -> Vec<GoogleObject> {
        let mut due: Vec<_> = self.google.values().filter(|kept| kept.ask_at <= now).collect();
        due.sort_by_key(|kept| kept.ask_at);
        due.into_iter().take(limit).map(|kept| kept.row.clone()).collect()
    }

    pub fn google_asked(&mut self, key: (OrgId, PassId), saved: Option<bool>, now: Timestamp) {
        let Some(kept) = self.google.get_mut(&key) else { return };
        kept.ask_at = now.plus_millis(ASK_EVERY_MS);
        if saved.is_some() {
            kept.row.checked_at = Some(now);
            if kept.row.saved != saved {
                (kept.row.saved, kept.row.saved_at) = (saved, Some(now));
            }
        }
    }
}
