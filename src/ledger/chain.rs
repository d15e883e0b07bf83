//! The journal's hash chain: one chain an organisation, over everything a row says.

use aws_lc_rs::digest::{Context, SHA256};

use crate::ledger::JournalRow;

/// What the first row of a chain follows.
pub const GENESIS: [u8; 32] = [0; 32];

/// The hash of a row at its number, after the hash before it. Every field is length-prefixed, so that no two rows read alike.
#[must_use]
pub fn link(previous: &[u8; 32], number: i64, row: &JournalRow) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(b"walaa/journal/1");
    context.update(previous);
    context.update(&number.to_be_bytes());
    context.update(&row.org.0);
    context.update(&row.op.0);
    context.update(&row.at.millis().to_be_bytes());
    for text in [row.kind.as_str(), &row.actor.to_string(), &row.body] {
        context.update(&(text.len() as u64).to_be_bytes());
        context.update(text.as_bytes());
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}
