//! One suite for every implementation of a trait.

mod copy;
mod db;
mod gate;
mod postgres;
mod sqlite;

use walaa::ids::{CardId, OrgId};

use crate::support::ledger::{Customer, World};

/// Statements that add ten thousand codes, each of which ended but for ten; half of them behind every hash that a test mints.
fn many_used_codes(org: OrgId, card: CardId, bytes: impl Fn(&str) -> String) -> Vec<String> {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let (org, card) = (bytes(&hex(&org.0)), bytes(&hex(&card.0)));
    let row = |number: u32| {
        let state = if number % 1_000 == 999 { "issued" } else { "cancelled" };
        let half = if number < 5_000 { "00" } else { "ff" };
        let hash = bytes(&format!("{half}{number:062x}"));
        format!("({org}, {hash}, 7, 'live', {number}, {card}, NULL, NULL, '{state}', 1, NULL, NULL, 1)")
    };
    let rows: Vec<String> = (0..10_000).map(row).collect();
    let insert = "INSERT INTO tokens (org, hash, kid, kind, generation, card, pass, voucher, state, issued_at, expires_at, captured_by, epoch)";
    rows.chunks(400).map(|rows| format!("{insert} VALUES {};", rows.join(", "))).collect()
}

/// All that were issued are found, page by page, and none twice.
async fn are_found_among_many(world: &World, customer: Customer) {
    world.db.raise_epoch().await.expect("raises");
    for limit in [1, 4, 11, 12, 256] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = world.db.tokens_before_epoch(world.org, after, limit).await.expect("reads");
            let Some(last) = page.last() else { break };
            after = Some(last.hash);
            found.extend(page);
        }
        assert_eq!(found.len(), 11, "ten and the card's own, in pages of {limit}");
        assert!(found.is_sorted_by(|one, next| one.hash < next.hash));
        assert!(found.iter().any(|token| token.hash == world.card_token(customer, 1)));
    }
}
