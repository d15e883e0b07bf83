//! The notice on the lock screen when a pass was replaced by a newer version.

use std::collections::BTreeMap;

use crate::passes::preview::{Field, Picture};

const PLACES: [&str; 5] = ["headerFields", "primaryFields", "secondaryFields", "auxiliaryFields", "backFields"];

/// What the phone says: the message of the one field that changed, something general when several did, nothing when no field
/// with a message changed.
pub fn text(before: &Picture, after: &Picture) -> Option<String> {
    let old: BTreeMap<&str, Field<'_>> = all_fields(before).map(|field| (key_of(field.json), field)).collect();
    let mut messages = Vec::new();
    for field in all_fields(after) {
        let Some(message) = field.json["changeMessage"].as_str().filter(|message| message.contains("%@")) else { continue };
        if old.get(field.key()).is_some_and(|old| old.json["value"] != field.json["value"]) {
            messages.push(after.translated(message).replace("%@", &field.value()));
        }
    }
    match messages.len() {
        0 | 1 => messages.pop(),
        _ => Some(after.locale.word("The pass has changed", "تغيّرت البطاقة").to_owned()),
    }
}

fn all_fields(picture: &Picture) -> impl Iterator<Item = Field<'_>> {
    PLACES.into_iter().flat_map(|place| picture.fields(place, usize::MAX))
}

fn key_of(json: &serde_json::Value) -> &str {
    json["key"].as_str().unwrap_or_default()
}
