//! The sequencer and what it leaves.

use walaa::db::{Channel, Sequenced};
use walaa::error::Code;
use walaa::ledger::chain;

use super::sequence;
use crate::support::ledger::World;

pub async fn rows_are_numbered_and_chained(world: World) {
    let customer = world.customer_with(100).await;
    world.done(world.capture(customer, world.card_token(customer, 1), &[("latte", 1)])).await;
    assert_eq!(world.db.unsealed().await, Ok(7));
    assert_eq!(world.db.journal(world.org, 0, 100).await, Ok(vec![]), "only what is sealed is told");
    assert_eq!(sequence(&world).await.rows, 7);
    assert_eq!(world.db.unsealed().await, Ok(0));
    let records = world.db.journal(world.org, 0, 100).await.expect("reads");
    let mut previous = chain::GENESIS;
    for (number, record) in (1..).zip(&records) {
        assert_eq!((record.number, record.previous), (number, previous));
        assert_eq!(record.hash, chain::link(&previous, number, &record.row));
        previous = record.hash;
    }
    let kinds: Vec<&str> = records.iter().map(|record| record.row.kind.as_str()).collect();
    assert_eq!(kinds, ["put_document", "put_document", "put_document", "put_document", "enrol", "adjust", "capture"]);
    let last = &records[6].row;
    assert_eq!((last.actor, last.at, last.passes.as_slice()), (world.till(), world.now(), &[customer.pass][..]));
    assert!(last.body.contains("\"capture\""), "{}", last.body);
    assert_eq!(world.db.journal(world.org, 5, 1).await.expect("reads")[0].number, 6);
    world.done(world.adjust(customer, 1)).await;
    sequence(&world).await;
    let next = world.db.journal(world.org, 7, 10).await.expect("reads");
    assert_eq!((next.len(), next[0].number, next[0].previous), (1, 8, previous), "the chain goes on");
}

pub async fn a_refusal_leaves_no_row(world: World) {
    let customer = world.enrol().await;
    let Sequenced { newest, .. } = sequence(&world).await;
    assert_eq!(world.refused(world.adjust(customer, -1)).await, Code::InsufficientPoints);
    assert_eq!(world.db.unsealed().await, Ok(0));
    assert_eq!(sequence(&world).await, Sequenced { newest, ..Sequenced::default() });
}

pub async fn seq_never_runs_backwards(world: World) {
    let (first, second) = (world.enrol().await, world.enrol().await);
    let told = sequence(&world).await;
    let seq = async |pass| world.db.pass(pass).await.expect("reads").expect("a pass").seq;
    let (a, b) = (seq(first.pass).await, seq(second.pass).await);
    assert_eq!((a, b), (world.now().millis(), world.now().millis() + 1), "commit order, not below the clock");
    assert_eq!(told.newest, b);
    world.advance_seconds(-3_600);
    world.done(world.adjust(first, 1)).await;
    world.done(world.adjust(first, 1)).await;
    let told = sequence(&world).await;
    assert_eq!((told.rows, told.newest), (2, b + 1));
    assert_eq!(seq(first.pass).await, b + 1, "one number for both changes, though the clock went back");
    world.advance_seconds(7_200);
    world.done(world.adjust(second, 1)).await;
    sequence(&world).await;
    assert_eq!(seq(second.pass).await, world.now().millis());
}

pub async fn a_limited_round_leaves_the_rest(world: World) {
    let customer = world.enrol().await;
    for _ in 0..5 {
        world.done(world.adjust(customer, 1)).await;
    }
    let mut rows = 0;
    while let round @ 1.. = world.db.sequence(3, world.now()).await.expect("sequences").rows {
        assert!(round <= 3);
        rows += round;
    }
    assert_eq!(rows, 10);
    let numbers: Vec<i64> =
        world.db.journal(world.org, 0, 100).await.expect("reads").iter().map(|record| record.number).collect();
    assert_eq!(numbers, (1..=10).collect::<Vec<_>>());
}

pub async fn only_held_passes_are_owed(world: World) {
    let (held, unheld) = (world.enrol().await, world.enrol().await);
    world.add_to_phone(held.pass, "phone").await;
    sequence(&world).await;
    world.done(world.adjust(held, 1)).await;
    world.done(world.adjust(unheld, 1)).await;
    let sequenced = sequence(&world).await;
    assert_eq!((sequenced.rows, sequenced.owed), (2, 1));
    let owed = world.db.claim_outbox(Channel::Apple, 10, 1_000, world.now()).await.expect("claims");
    assert_eq!(owed.iter().map(|item| (item.pass, item.version)).collect::<Vec<_>>(), [(held.pass, 2)]);
    assert_eq!(world.db.claim_outbox(Channel::Google, 10, 1_000, world.now()).await, Ok(vec![]));
}
