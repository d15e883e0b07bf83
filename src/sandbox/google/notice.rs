//! What a phone tells its owner of a pass: a balance that changed, a message, a pass that came by itself.

use serde::Serialize;
use serde_json::{Value, json};

use super::state::State;
use crate::clock::Timestamp;

/// Notices that are remembered.
const MAX_NOTICES: usize = 100;

/// Something that a phone told.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Notice {
    /// Counts up.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// Of which pass.
    pub object_id: String,
    /// What happened.
    pub what: NoticeKind,
}

/// What a notice is about.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum NoticeKind {
    /// The balance is another one now.
    Points {
        /// What it was; as Google keeps a balance.
        before: Value,
        /// What it is.
        after: Value,
    },
    /// The issuer says something.
    Message {
        /// Google's `Message`.
        message: Value,
    },
    /// A pass was linked to one that the owner has.
    Linked,
    /// Something else that can be seen changed.
    Changed,
}

impl State {
    /// Tells whoever has the pass. Nobody is told of a pass that nobody has.
    pub(super) fn tell(&mut self, object_id: &str, what: NoticeKind, at: Timestamp) {
        if self.objects.get(object_id).is_none_or(|object| object.users.is_empty()) {
            return;
        }
        if self.notices.len() == MAX_NOTICES {
            self.notices.pop_front();
        }
        self.notice_number += 1;
        let number = self.notice_number;
        self.notices.push_back(Notice { number, at, object_id: object_id.to_owned(), what });
    }
}

/// What a change of an object tells its owner, if it was to tell something.
pub(super) fn of_change(before: &Value, after: &Value) -> NoticeKind {
    let balance = |card: &Value| card["loyaltyPoints"]["balance"].clone();
    let (old, new) = (balance(before), balance(after));
    if old == new { NoticeKind::Changed } else { NoticeKind::Points { before: old, after: new } }
}

/// Google's `Message` as a notice.
pub(super) fn of_message(message: &Value) -> NoticeKind {
    let kept = ["header", "body", "localizedHeader", "localizedBody"].map(|name| (name.to_owned(), message[name].clone()));
    NoticeKind::Message { message: json!(serde_json::Map::from_iter(kept)) }
}
