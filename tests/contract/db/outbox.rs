//! What is owed, claimed, settled and given up.

use walaa::db::{Channel, OutboxItem, OutboxResult};
use walaa::ids::DeadLetterId;

use super::sequence;
use crate::support::ledger::{Customer, World};

const LEASE_MS: i64 = 30_000;

/// A customer whose pass is on a phone, with one change owed.
async fn owed(world: &World) -> Customer {
    let customer = world.enrol().await;
    world.add_to_phone(customer.pass, "phone").await;
    sequence(world).await;
    for item in claim(world).await {
        let version = item.version;
        settle(world, &item, OutboxResult::Done { version }).await;
    }
    change(world, customer).await;
    customer
}

async fn change(world: &World, customer: Customer) {
    world.done(world.adjust(customer, 1)).await;
    sequence(world).await;
}

async fn claim(world: &World) -> Vec<OutboxItem> {
    world.db.claim_outbox(Channel::Apple, 10, LEASE_MS, world.now()).await.expect("claims")
}

async fn settle(world: &World, item: &OutboxItem, result: OutboxResult) {
    world.db.settle_outbox(item, result).await.expect("settles");
}

pub async fn changes_coalesce(world: World) {
    let customer = owed(&world).await;
    let since = world.now();
    for _ in 0..50 {
        world.advance_seconds(1);
        change(&world, customer).await;
    }
    let items = claim(&world).await;
    assert_eq!((items.len(), items[0].version), (1, 52), "fifty changes, one row");
    assert_eq!((items[0].since, items[0].due_at), (since, world.now()));
    settle(&world, &items[0], OutboxResult::Done { version: 52 }).await;
    assert_eq!(world.db.next_due(Channel::Apple).await, Ok(None));
}

pub async fn a_lease_keeps_others_away(world: World) {
    owed(&world).await;
    assert_eq!(world.db.next_due(Channel::Apple).await, Ok(Some(world.now())));
    let first = claim(&world).await;
    assert_eq!(first.len(), 1);
    assert_eq!(claim(&world).await, [], "leased");
    assert_eq!(world.db.next_due(Channel::Apple).await, Ok(Some(world.now().plus_millis(LEASE_MS))));
    world.advance_seconds(LEASE_MS / 1000);
    assert_eq!(claim(&world).await, first, "the worker died: the next one gets it");
}

pub async fn a_change_while_claimed_stays_owed(world: World) {
    let customer = owed(&world).await;
    for ending in 0..3 {
        let item = claim(&world).await.pop().expect("owed");
        change(&world, customer).await;
        assert_eq!(claim(&world).await, [], "still leased");
        let due_at = world.now().plus_seconds(600);
        let result = match ending {
            0 => OutboxResult::Done { version: item.version },
            1 => OutboxResult::Later { due_at, tries: 3, stage: 1, error: Some("busy".into()) },
            _ => OutboxResult::Dead { id: DeadLetterId(world.id()), at: world.now(), error: "gone".into() },
        };
        settle(&world, &item, result).await;
        let newer = claim(&world).await.pop().expect("the newer version is due at once");
        assert_eq!((newer.version, newer.tries, newer.stage), (item.version + 1, 0, 0));
        world.advance_seconds(LEASE_MS / 1000);
    }
    assert_eq!(world.db.dead_letters(world.org, 10).await, Ok(vec![]), "the newer version lives");
}

pub async fn later_and_dead(world: World) {
    let customer = owed(&world).await;
    let item = claim(&world).await.pop().expect("owed");
    let due_at = world.now().plus_seconds(600);
    let later = OutboxResult::Later { due_at, tries: 2, stage: 1, error: Some("503".into()) };
    settle(&world, &item, later).await;
    assert_eq!(claim(&world).await, []);
    assert_eq!(world.db.next_due(Channel::Apple).await, Ok(Some(due_at)));
    world.advance_seconds(600);
    let item = claim(&world).await.pop().expect("due");
    assert_eq!((item.tries, item.stage, item.last_error.as_deref()), (2, 1, Some("503")));
    let id = DeadLetterId(world.id());
    settle(&world, &item, OutboxResult::Dead { id, at: world.now(), error: "400 BadTopic".into() }).await;
    assert_eq!(world.db.next_due(Channel::Apple).await, Ok(None));
    let letters = world.db.dead_letters(world.org, 10).await.expect("reads");
    assert_eq!((letters.len(), letters[0].id, letters[0].died_at), (1, id, world.now()));
    assert_eq!((letters[0].item.pass, letters[0].item.last_error.as_deref()), (customer.pass, Some("400 BadTopic")));
    change(&world, customer).await;
    assert_eq!(claim(&world).await.len(), 1, "a later change is owed anew");
}

pub async fn a_dead_letter_is_replayed_or_dropped(world: World) {
    let customer = owed(&world).await;
    let item = claim(&world).await.pop().expect("owed");
    let id = DeadLetterId(world.id());
    settle(&world, &item, OutboxResult::Dead { id, at: world.now(), error: "400".into() }).await;
    world.advance_seconds(60);
    assert_eq!(world.db.replay_dead_letter(walaa::ids::OrgId([9; 16]), id, world.now()).await, Ok(false));
    assert_eq!(world.db.replay_dead_letter(world.org, id, world.now()).await, Ok(true));
    assert_eq!(world.db.replay_dead_letter(world.org, id, world.now()).await, Ok(false));
    let item = claim(&world).await.pop().expect("owed again");
    assert_eq!((item.pass, item.due_at, item.tries, item.last_error.as_deref()), (customer.pass, world.now(), 0, None));
    settle(&world, &item, OutboxResult::Dead { id, at: world.now(), error: "400".into() }).await;
    assert_eq!(world.db.drop_dead_letter(world.org, id).await, Ok(true));
    assert_eq!(world.db.drop_dead_letter(world.org, id).await, Ok(false));
    assert_eq!(world.db.dead_letters(world.org, 10).await, Ok(vec![]));
}

pub async fn the_earliest_is_claimed_first(world: World) {
    let first = owed(&world).await;
    world.advance_seconds(1);
    let second = world.enrol().await;
    world.add_to_phone(second.pass, "other").await;
    change(&world, second).await;
    let one = world.db.claim_outbox(Channel::Apple, 1, LEASE_MS, world.now()).await.expect("claims");
    assert_eq!(one.iter().map(|item| item.pass).collect::<Vec<_>>(), [first.pass]);
    let rest = claim(&world).await;
    assert_eq!(rest.iter().map(|item| item.pass).collect::<Vec<_>>(), [second.pass]);
}
