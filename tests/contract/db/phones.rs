//! Apple's web service: registrations, the list and its tag, logs.

use walaa::db::{ChangedPasses, Channel, DbError, DeviceLog, MAX_DEVICE_LOGS, MAX_REGISTRATIONS_PER_PASS, Registered};
use walaa::ids::PassId;

use super::sequence;
use crate::support::ledger::{PASS_TYPE, World};

async fn list(world: &World, device: &str, since: Option<i64>) -> ChangedPasses {
    world.db.changed_passes(PASS_TYPE, device, since, world.now()).await.expect("lists")
}

pub async fn a_phone_registers_and_leaves(world: World) {
    let customer = world.enrol().await;
    let registration = world.registration(customer.pass, "phone");
    assert_eq!(world.db.register(registration.clone()).await, Ok(Registered::New));
    world.advance_seconds(5);
    let renewed = walaa::db::Registration { push_token: "other".into(), registered_at: world.now(), ..registration };
    assert_eq!(world.db.register(renewed.clone()).await, Ok(Registered::Known));
    assert_eq!(world.db.registrations(customer.pass).await, Ok(vec![renewed.clone()]));
    world.db.unregister("pass.other", "phone", customer.pass).await.expect("nothing happens");
    assert_eq!(world.db.registrations(customer.pass).await.expect("reads").len(), 1);
    world.db.unregister(PASS_TYPE, "phone", customer.pass).await.expect("unregisters");
    world.db.unregister(PASS_TYPE, "phone", customer.pass).await.expect("nothing happens");
    assert_eq!(world.db.registrations(customer.pass).await, Ok(vec![]));
    assert_eq!(world.db.next_due(Channel::Apple).await, Ok(None), "nothing is owed to nobody");
    let unknown = walaa::db::Registration { pass: PassId([9; 16]), ..renewed };
    assert!(matches!(world.db.register(unknown).await, Err(DbError::Conflict(_))));
}

pub async fn the_list_and_its_tag(world: World) {
    let (first, second) = (world.enrol().await, world.enrol().await);
    assert_eq!(list(&world, "phone", None).await, ChangedPasses::default(), "an unknown device holds nothing");
    world.add_to_phone(first.pass, "phone").await;
    world.add_to_phone(second.pass, "phone").await;
    sequence(&world).await;
    let all = list(&world, "phone", None).await;
    assert_eq!(all.passes, [first.pass, second.pass]);
    assert_eq!(all.tag, world.db.pass(second.pass).await.expect("reads").expect("a pass").seq);
    let nothing = ChangedPasses { known: true, ..ChangedPasses::default() };
    assert_eq!(list(&world, "phone", Some(all.tag)).await, nothing, "nothing new for a phone of ours");
    world.done(world.adjust(first, 1)).await;
    assert_eq!(list(&world, "phone", Some(all.tag)).await.passes, [], "not numbered yet: told later, never lost");
    sequence(&world).await;
    let changed = list(&world, "phone", Some(all.tag)).await;
    assert_eq!(changed.passes, [first.pass]);
    assert!(changed.tag > all.tag);
    let other = world.db.changed_passes("pass.other", "phone", None, world.now()).await;
    assert_eq!(other, Ok(ChangedPasses::default()), "another pass type");
    world.advance_seconds(9);
    list(&world, "phone", Some(changed.tag)).await;
    assert_eq!(world.db.registrations(first.pass).await.expect("reads")[0].listed_at, Some(world.now()));
}

pub async fn an_older_pass_registered_later(world: World) {
    let (old, new) = (world.enrol().await, world.enrol().await);
    sequence(&world).await;
    world.add_to_phone(new.pass, "phone").await;
    let tag = list(&world, "phone", None).await.tag;
    world.add_to_phone(old.pass, "phone").await;
    assert_eq!(list(&world, "phone", Some(tag)).await.passes, [], "the phone has just fetched it");
    world.done(world.adjust(old, 1)).await;
    sequence(&world).await;
    assert_eq!(list(&world, "phone", Some(tag)).await.passes, [old.pass]);
}

pub async fn a_change_between_download_and_registration_is_owed(world: World) {
    let customer = world.enrol().await;
    sequence(&world).await;
    world.db.note_fetched(customer.pass, 1, world.now()).await.expect("notes");
    world.done(world.adjust(customer, 1)).await;
    sequence(&world).await;
    assert_eq!(world.db.next_due(Channel::Apple).await, Ok(None), "nobody holds it yet");
    world.db.register(world.registration(customer.pass, "phone")).await.expect("registers");
    let owed = world.db.claim_outbox(Channel::Apple, 10, 1_000, world.now()).await.expect("claims");
    assert_eq!((owed.len(), owed[0].version), (1, 2));
    let fresh = world.enrol().await;
    world.add_to_phone(fresh.pass, "phone").await;
    assert_eq!(world.db.claim_outbox(Channel::Apple, 10, 1_000, world.now()).await, Ok(vec![]), "what was fetched is not owed");
}

pub async fn the_most_silent_phone_makes_way(world: World) {
    let customer = world.enrol().await;
    for number in 0..MAX_REGISTRATIONS_PER_PASS {
        world.advance_seconds(1);
        world.add_to_phone(customer.pass, &format!("phone-{number:02}")).await;
    }
    world.advance_seconds(1);
    list(&world, "phone-00", None).await;
    world.advance_seconds(1);
    world.add_to_phone(customer.pass, "phone-new").await;
    let devices: Vec<String> =
        world.db.registrations(customer.pass).await.expect("reads").into_iter().map(|known| known.device).collect();
    assert_eq!(devices.len(), MAX_REGISTRATIONS_PER_PASS);
    assert!(devices.contains(&"phone-00".into()), "it has asked since");
    assert!(!devices.contains(&"phone-01".into()), "silent for longest");
    assert!(devices.contains(&"phone-new".into()));
}

pub async fn a_dead_push_token_is_forgotten(world: World) {
    let customer = world.enrol().await;
    world.add_to_phone(customer.pass, "phone").await;
    let rejected_at = world.now().plus_seconds(-1);
    assert_eq!(world.db.forget_push_token("push-phone", Some(rejected_at)).await, Ok(0), "renewed since");
    assert_eq!(world.db.forget_push_token("push-other", None).await, Ok(0));
    assert_eq!(world.db.forget_push_token("push-phone", Some(world.now())).await, Ok(1));
    assert_eq!(world.db.registrations(customer.pass).await, Ok(vec![]));
}

pub async fn a_delivered_void_pass_is_forgotten(world: World) {
    let customer = world.enrol().await;
    world.add_to_phone(customer.pass, "phone").await;
    world.done(world.erase(customer)).await;
    assert_eq!(sequence(&world).await.owed, 1, "the phone is told that it is void");
    let owed = world.db.claim_outbox(Channel::Apple, 10, 1_000, world.now()).await.expect("claims");
    assert_eq!(owed.len(), 1);
    world.db.forget_pass(customer.pass).await.expect("forgets");
    assert_eq!(world.db.registrations(customer.pass).await, Ok(vec![]));
    assert_eq!(world.db.next_due(Channel::Apple).await, Ok(None));
}

pub async fn logs_are_kept_within_bounds(world: World) {
    let log = |number: usize| DeviceLog {
        at: world.now(),
        org: number.is_multiple_of(2).then_some(world.org),
        pass: None,
        text: format!("line {number}"),
    };
    world.db.add_device_logs((0..MAX_DEVICE_LOGS).map(log).collect()).await.expect("keeps");
    world.db.add_device_logs(vec![log(MAX_DEVICE_LOGS), log(MAX_DEVICE_LOGS + 1)]).await.expect("keeps");
    let newest = world.db.device_logs(world.org, 2).await.expect("reads");
    assert_eq!(newest.iter().map(|log| log.text.as_str()).collect::<Vec<_>>(), ["line 10000", "line 9998"]);
    let all = world.db.device_logs(world.org, usize::MAX).await.expect("reads");
    assert_eq!(all.len(), MAX_DEVICE_LOGS / 2, "the two oldest lines went, one of them ours");
}

pub async fn a_delivery_is_told_whole(world: World) {
    let customer = world.enrol().await;
    world.add_to_phone(customer.pass, "phone").await;
    world.done(world.adjust(customer, 1)).await;
    sequence(&world).await;
    world.db.note_pushed(customer.pass, "phone", 2, world.now()).await.expect("notes");
    world.advance_seconds(1);
    world.db.note_fetched(customer.pass, 2, world.now()).await.expect("notes");
    world.db.note_fetched(customer.pass, 1, world.now()).await.expect("an older copy arrived late");
    let delivery = world.db.delivery(world.org, customer.pass).await.expect("reads").expect("a pass");
    assert_eq!((delivery.pass.version, delivery.fetched_version, delivery.fetched_at), (2, 2, Some(world.now())));
    assert_eq!((delivery.registrations.len(), delivery.registrations[0].pushed_version), (1, 2));
    assert_eq!(delivery.registrations[0].pushed_at, Some(world.now().plus_seconds(-1)));
    assert_eq!((delivery.owed.len(), delivery.owed[0].version), (1, 2));
    assert_eq!(world.db.delivery(world.org, PassId([9; 16])).await, Ok(None));
}
