//! What is owed to phones: pushed once for many changes, again until it was fetched, kept through outages, and in the end let go.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use walaa::apple::AppleAccount;
use walaa::apple::push::{Pace, PushOutcome, Reason, RetryReason};
use walaa::db::batcher::Batcher;
use walaa::db::{Channel, OutboxItem};
use walaa::ids::PassId;
use walaa::journal::Sequencer;
use walaa::ledger::PassState;
use walaa::outbox::Stats;

use super::station::{FakeApns, NoSigner, Station};
use crate::support::ledger::Customer;

const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;

/// A customer whose pass is on a phone and up to date.
async fn on_phone(station: &Station, (device, push_token): (&str, &str)) -> Customer {
    let customer = station.customer().await;
    station.sequence().await;
    station.add(device, push_token, customer.pass).await;
    station.deliver().await;
    station.apns.taken();
    customer
}

async fn owed(station: &Station, pass: PassId) -> Option<OutboxItem> {
    station.delivery(pass).await.owed.pop()
}

fn tried(claimed: usize, change: impl FnOnce(&mut Stats)) -> Stats {
    let mut stats = Stats { claimed, ..Stats::default() };
    change(&mut stats);
    stats
}

fn unregistered(seconds: Option<walaa::clock::Timestamp>) -> PushOutcome {
    PushOutcome::TokenGone { since: seconds }
}

fn no_connection() -> PushOutcome {
    PushOutcome::Retry { after: None, reason: RetryReason::Connection("refused".to_owned()) }
}

fn server_error() -> PushOutcome {
    PushOutcome::Retry { after: None, reason: RetryReason::Refused(Reason::InternalServerError) }
}

// --- coalescing ---

#[tokio::test]
async fn fifty_changes_are_one_push() {
    let station = Station::new().await;
    let customer = on_phone(&station, ("d1", "aa")).await;
    for _ in 0..50 {
        station.change(customer, 1).await;
    }
    assert_eq!(station.deliver().await, tried(1, |stats| stats.sent = 1));
    assert_eq!(station.apns.taken(), ["aa"]);
    station.wake("d1", None).await;
    station.world.advance_seconds(10 * MINUTE);
    assert_eq!(station.deliver().await, tried(1, |stats| stats.current = 1));
    assert!(station.apns.taken().is_empty());
    assert_eq!(owed(&station, customer.pass).await, None);
}

#[tokio::test]
async fn a_phone_is_pushed_at_most_every_fifteen_seconds_and_then_with_the_newest() {
    let station = Station::new().await;
    let customer = on_phone(&station, ("d1", "aa")).await;
    station.change(customer, 1).await;
    assert_eq!(station.deliver().await.sent, 1);
    station.world.advance_seconds(5);
    station.change(customer, 1).await;
    assert_eq!(station.deliver().await, tried(1, |stats| stats.waiting = 1));
    station.world.advance_seconds(9);
    assert_eq!(station.deliver().await.claimed, 0, "not before its time");
    station.world.advance_seconds(1);
    assert_eq!(station.deliver().await.sent, 1);
    assert_eq!(station.apns.taken(), ["aa", "aa"]);
}

#[tokio::test]
async fn two_passes_of_a_phone_share_its_fifteen_seconds_and_what_was_fetched_meanwhile_needs_no_push() {
    let station = Station::new().await;
    let (one, other) = (on_phone(&station, ("d1", "aa")).await, on_phone(&station, ("d1", "aa")).await);
    station.change(one, 1).await;
    assert_eq!(station.deliver().await.sent, 1);
    station.change(other, 1).await;
    assert_eq!(station.deliver().await.waiting, 1);
    station.wake("d1", None).await;
    station.world.advance_seconds(15);
    assert_eq!(station.deliver().await, tried(1, |stats| stats.current = 1));
    assert_eq!(station.apns.taken(), ["aa"], "one push for both");
}

#[tokio::test]
async fn registrations_with_one_push_token_are_one_phone() {
    let station = Station::new().await;
    let customer = on_phone(&station, ("d1", "aa")).await;
    for device in ["d2", "d3"] {
        assert_eq!(station.register(device, "aa", customer.pass).await, 201);
    }
    station.change(customer, 1).await;
    station.deliver().await;
    assert_eq!(station.apns.taken(), ["aa"]);
}

#[tokio::test]
async fn a_change_during_the_push_is_due_again() {
    let station = Station::new().await;
    let customer = on_phone(&station, ("d1", "aa")).await;
    station.change(customer, 1).await;
    let now = station.world.now();
    let claimed = station.db.claim_outbox(Channel::Apple, 10, 60_000, now).await.expect("claims");
    station.change(customer, 1).await;
    let done = walaa::db::OutboxResult::Done { version: claimed[0].version };
    station.db.settle_outbox(&claimed[0], done).await.expect("settles");
    let left = owed(&station, customer.pass).await.expect("the newer version is still owed");
    assert_eq!((left.version, left.due_at), (claimed[0].version + 1, now));
    assert_eq!(station.deliver().await.sent, 1);
}

// --- until it was fetched ---

#[tokio::test]
async fn an_unfetched_pass_is_pushed_again_after_ten_minutes_an_hour_six_and_a_day_and_then_let_go() {
    let station = Station::new().await;
    let customer = on_phone(&station, ("d1", "aa")).await;
    station.change(customer, 1).await;
    let mut pushed_after = Vec::new();
    let start = station.world.now();
    for _ in 0..200 {
        station.deliver().await;
        if !station.apns.taken().is_empty() {
            pushed_after.push(station.world.now().since(start) / 1000 / MINUTE);
        }
        let Some(next) = station.db.next_due(Channel::Apple).await.expect("reads") else { break };
        let wait = next.since(station.world.now()).max(0);
        station.world.advance_seconds(wait / 1000 + i64::from(wait % 1000 > 0));
    }
    assert_eq!(pushed_after, [0, 10, 70, 430, 1_870]);
    assert_eq!(owed(&station, customer.pass).await, None);
    station.change(customer, 1).await;
    assert_eq!(station.deliver().await.sent, 1, "the next change begins anew");
}

#[tokio::test]
async fn a_phone_that_listed_and_fetched_is_left_alone_while_the_other_is_pushed_again() {
    let station = Station::new().await;
    let customer = on_phone(&station, ("d1", "aa")).await;
    station.add("d2", "bb", customer.pass).await;
    station.change(customer, 1).await;
    station.deliver().await;
    let mut first = station.apns.taken();
    first.sort();
    assert_eq!(first, ["aa", "bb"]);
    station.world.advance_seconds(1);
    station.wake("d1", None).await;
    station.world.advance_seconds(10 * MINUTE);
    assert_eq!(station.deliver().await.sent, 1);
    assert_eq!(station.apns.taken(), ["bb"]);
    station.wake("d2", None).await;
    station.world.advance_seconds(HOUR);
    assert_eq!(station.deliver().await.current, 1);
}

#[tokio::test]
async fn a_worker_that_died_after_the_push_does_not_push_twice() {
    let station = Station::new().await;
    let customer = on_phone(&station, ("d1", "aa")).await;
    station.change(customer, 1).await;
    let now = station.world.now();
    let claimed = station.db.claim_outbox(Channel::Apple, 10, 60_000, now).await.expect("claims");
    station.db.note_pushed(customer.pass, "d1", claimed[0].version, now).await.expect("notes");
    assert_eq!(station.deliver().await.claimed, 0, "the dead worker's lease still holds");
    station.world.advance_seconds(61);
    assert_eq!(station.deliver().await, tried(1, |stats| stats.sent = 1));
    assert!(station.apns.taken().is_empty());
    station.world.advance_seconds(10 * MINUTE);
    station.deliver().await;
    assert_eq!(station.apns.taken(), ["aa"], "but it is not forgotten");
}

// --- tokens that went bad ---

#[tokio::test]
async fn a_phone_that_is_gone_is_forgotten_unless_it_came_back_since() {
    let station = Station::new().await;
    let customer = on_phone(&station, ("d1", "aa")).await;
    let gone_at = station.world.now().plus_seconds(10);
    station.world.advance_seconds(20);
    assert_eq!(station.register("d1", "aa", customer.pass).await, 200, "it came back");
    station.apns.answer("aa", unregistered(Some(gone_at)));
    station.change(customer, 1).await;
    station.deliver().await;
    assert_eq!(station.delivery(customer.pass).await.registrations.len(), 1);

    station.apns.answer("aa", unregistered(Some(station.world.now())));
    station.world.advance_seconds(10 * MINUTE);
    station.change(customer, 1).await;
    station.deliver().await;
    assert!(station.delivery(customer.pass).await.registrations.is_empty());
    station.world.advance_seconds(HOUR);
    station.deliver().await;
    assert_eq!(owed(&station, customer.pass).await, None);
}

#[tokio::test]
async fn one_bad_token_does_not_stop_the_others() {
    let station = Station::new().await;
    let customer = on_phone(&station, ("d1", "aa")).await;
    for (device, token) in [("d2", "bb"), ("d3", "cc")] {
        station.add(device, token, customer.pass).await;
    }
    station.apns.answer("aa", PushOutcome::BadToken);
    station.apns.answer("bb", unregistered(None));
    station.change(customer, 1).await;
    station.deliver().await;
    assert_eq!(station.apns.taken().len(), 3);
    let left = station.delivery(customer.pass).await.registrations;
    assert_eq!(left.iter().map(|one| one.push_token.as_str()).collect::<Vec<_>>(), ["cc"]);
}

#[tokio::test]
async fn when_all_tokens_are_called_bad_the_fault_is_ours_and_none_is_deleted() {
    let station = Station::new().await;
    let customers = [on_phone(&station, ("d1", "aa")).await, on_phone(&station, ("d2", "bb")).await];
    station.apns.answer_all(PushOutcome::BadToken);
    for customer in customers {
        station.change(customer, 1).await;
    }
    assert_eq!(station.deliver().await, tried(2, |stats| stats.failed = 2));
    for customer in customers {
        assert_eq!(station.delivery(customer.pass).await.registrations.len(), 1);
        assert!(owed(&station, customer.pass).await.expect("kept").last_error.expect("why").contains("bad"));
    }
    station.apns.answer_all(PushOutcome::Delivered);
    station.world.advance_seconds(10 * MINUTE);
    assert_eq!(station.deliver().await.sent, 2);
}

#[tokio::test]
async fn a_phone_that_apns_calls_pushed_too_often_rests_for_minutes() {
    let station = Station::new().await;
    let customer = on_phone(&station, ("d1", "aa")).await;
    station.apns.answer("aa", PushOutcome::SlowDown(Pace::Device));
    station.change(customer, 1).await;
    assert_eq!(station.deliver().await.waiting, 1);
    station.apns.answer("aa", PushOutcome::Delivered);
    station.world.advance_seconds(4 * MINUTE);
    station.change(customer, 1).await;
    assert_eq!(station.deliver().await.waiting, 1);
    station.world.advance_seconds(MINUTE);
    assert_eq!(station.deliver().await.sent, 1);
}

// --- when it does not work ---

#[tokio::test]
async fn a_refused_certificate_stops_its_own_pass_type_only_and_loses_nothing() {
    let broken = Arc::new(FakeApns::default());
    broken.answer_all(PushOutcome::Misconfigured(Reason::BadCertificate));
    let account = AppleAccount { signer: Arc::new(NoSigner("pass.com.example.broken")), pusher: broken.clone() };
    let station = Station::beside(account).await;
    let ours = on_phone(&station, ("d1", "aa")).await;
    let theirs = other_customers(&station, 40).await;
    station.change(ours, 1).await;

    let stats = station.deliver().await;
    assert_eq!((stats.claimed, stats.sent), (41, 1), "ours went out in the same round");
    assert!(stats.failed + stats.held == 40 && stats.dead == 0, "{stats:?}");
    assert_eq!(station.worker.stopped_lanes(), 1);
    broken.taken();

    for _ in 0..20 {
        station.world.advance_seconds(MINUTE);
        station.deliver().await;
    }
    let probes = broken.taken().len();
    assert!((1..=8).contains(&probes), "it is asked now and then whether it works again, not 40 times a minute: {probes}");

    broken.answer_all(PushOutcome::Delivered);
    for _ in 0..20 {
        station.world.advance_seconds(MINUTE);
        station.deliver().await;
    }
    assert_eq!(station.worker.stopped_lanes(), 0);
    for pass in theirs {
        let delivery = station.db.delivery(station.other.org, pass).await.expect("reads").expect("a pass");
        assert!(delivery.registrations[0].pushed_at.is_some(), "nothing was lost");
    }
}

/// Changed passes of the other organisation, each on a phone.
async fn other_customers(station: &Station, number: usize) -> Vec<PassId> {
    let mut passes = Vec::new();
    for place in 0..number {
        let customer = station.other.enrol().await;
        let registration = walaa::db::Registration {
            pass_type: "pass.com.example.broken".to_owned(),
            push_token: format!("ff{place}"),
            ..station.other.registration(customer.pass, &format!("other{place}"))
        };
        station.db.register(registration).await.expect("registers");
        passes.push(customer.pass);
    }
    station.sequence().await;
    passes
}

#[tokio::test]
async fn an_outage_of_apns_kills_nothing_and_is_made_up_for() {
    let station = Station::new().await;
    let customer = on_phone(&station, ("d1", "aa")).await;
    station.apns.answer_all(no_connection());
    station.change(customer, 1).await;
    for _ in 0..200 {
        station.deliver().await;
        station.world.advance_seconds(10 * MINUTE);
    }
    let item = owed(&station, customer.pass).await.expect("still owed after a day and more without APNs");
    assert!(item.tries > 12 && item.last_error.is_some());
    station.apns.taken();
    station.apns.answer_all(PushOutcome::Delivered);
    station.world.advance_seconds(10 * MINUTE);
    assert_eq!(station.deliver().await.sent, 1);
    assert_eq!(station.apns.taken(), ["aa"]);
}

#[tokio::test]
async fn what_fails_for_three_days_is_given_up_whoever_is_at_fault() {
    let station = Station::new().await;
    let customer = on_phone(&station, ("d1", "aa")).await;
    station.apns.answer_all(no_connection());
    station.change(customer, 1).await;
    let start = station.world.now();
    while station.deliver().await.dead == 0 {
        assert!(station.world.now().since(start) < 80 * HOUR * 1000, "72 hours and a little");
        station.world.advance_seconds(10 * MINUTE);
    }
    assert!(station.world.now().since(start) >= 72 * HOUR * 1000);
}

#[tokio::test]
async fn retries_come_later_and_later_and_twelve_make_a_dead_letter_that_can_be_replayed() {
    let station = Station::new().await;
    let (poisoned, healthy) = (on_phone(&station, ("d1", "aa")).await, on_phone(&station, ("d2", "bb")).await);
    station.apns.answer("aa", server_error());
    station.change(poisoned, 1).await;
    let mut tries = 0;
    while owed(&station, poisoned.pass).await.is_some() {
        tries += station.apns.taken().len();
        station.deliver().await;
        if let Some(item) = owed(&station, poisoned.pass).await {
            assert!(item.due_at.since(station.world.now()) <= 600_000);
        }
        station.world.advance_seconds(10 * MINUTE);
        assert!(tries <= 12);
    }
    tries += station.apns.taken().len();
    assert_eq!(tries, 12);
    let dead = station.db.dead_letters(station.world.org, 10).await.expect("reads");
    assert_eq!((dead.len(), dead[0].item.pass), (1, poisoned.pass));

    station.change(healthy, 1).await;
    assert_eq!(station.deliver().await.sent, 1, "the others never noticed");
    station.apns.answer("aa", PushOutcome::Delivered);
    assert!(station.db.replay_dead_letter(station.world.org, dead[0].id, station.world.now()).await.expect("replays"));
    assert_eq!(station.deliver().await.sent, 1);
    assert!(station.db.dead_letters(station.world.org, 10).await.expect("reads").is_empty());
}

#[tokio::test]
async fn what_apns_will_never_take_is_a_dead_letter_at_once() {
    let station = Station::new().await;
    let customer = on_phone(&station, ("d1", "aa")).await;
    station.apns.answer("aa", PushOutcome::OurFault(Reason::PayloadEmpty));
    station.change(customer, 1).await;
    assert_eq!(station.deliver().await, tried(1, |stats| stats.dead = 1));
    let dead = station.db.dead_letters(station.world.org, 10).await.expect("reads");
    assert!(dead[0].item.last_error.as_deref().is_some_and(|error| error.contains("PayloadEmpty")));
}

#[tokio::test]
async fn apns_may_ask_for_patience() {
    let station = Station::new().await;
    let customer = on_phone(&station, ("d1", "aa")).await;
    let busy = RetryReason::Refused(Reason::ServiceUnavailable);
    station.apns.answer("aa", PushOutcome::Retry { after: Some(Duration::from_secs(120)), reason: busy });
    station.change(customer, 1).await;
    station.deliver().await;
    let item = owed(&station, customer.pass).await.expect("owed");
    assert_eq!(item.due_at.since(station.world.now()), 120_000);
}

// --- void passes ---

#[tokio::test]
async fn a_void_pass_is_delivered_and_then_its_phones_are_forgotten() {
    let station = Station::new().await;
    let customer = on_phone(&station, ("d1", "aa")).await;
    let (_, reissue) = station.world.reissue(customer);
    station.world.done(reissue).await;
    station.sequence().await;
    assert_eq!(station.deliver().await.sent, 1);
    assert_eq!(station.delivery(customer.pass).await.registrations.len(), 1, "it did not fetch yet");
    assert_eq!(station.list("d1", None).await.1, [customer.pass]);
    let fetched = station.fetch(customer.pass, None).await.bytes().await.expect("a body");
    assert_eq!(station.open(&fetched).pass["voided"], true);
    station.world.advance_seconds(10 * MINUTE);
    assert_eq!(station.deliver().await.current, 1);
    let delivery = station.delivery(customer.pass).await;
    assert_eq!(delivery.pass.state, PassState::Voided);
    assert!(delivery.registrations.is_empty() && delivery.owed.is_empty());
    assert_eq!(station.list("d1", None).await.0, 204);
}

#[tokio::test]
async fn a_void_pass_that_nobody_fetches_is_given_up_and_forgotten() {
    let station = Station::new().await;
    let customer = on_phone(&station, ("d1", "aa")).await;
    station.world.done(station.world.erase(customer)).await;
    station.sequence().await;
    for _ in 0..400 {
        station.deliver().await;
        station.world.advance_seconds(10 * MINUTE);
    }
    assert_eq!(station.apns.taken().len(), 5);
    let delivery = station.delivery(customer.pass).await;
    assert!(delivery.registrations.is_empty() && delivery.owed.is_empty());
}

// --- the running worker ---

#[tokio::test]
async fn a_hanging_apns_of_one_organisation_delays_no_other_and_a_stop_finishes_what_is_under_way() {
    let hanging = Arc::new(FakeApns::default());
    hanging.hangs.store(true, Ordering::SeqCst);
    let account = AppleAccount { signer: Arc::new(NoSigner("pass.com.example.broken")), pusher: hanging.clone() };
    let station = Station::beside(account).await;
    let ours = on_phone(&station, ("d1", "aa")).await;
    other_customers(&station, 300).await;

    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let worker = tokio::spawn(Arc::clone(&station.worker).run(async { drop(stopped.await) }));
    soon(hanging.pushed.notified()).await;
    station.change(ours, 1).await;
    soon(station.apns.pushed.notified()).await;
    assert_eq!(station.apns.taken(), ["aa"]);
    worker.abort();
    drop(stop);

    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let quiet = Station::new().await;
    let worker = tokio::spawn(Arc::clone(&quiet.worker).run(async { drop(stopped.await) }));
    stop.send(()).expect("it listens");
    soon(worker).await.expect("it ends of itself");
}

#[tokio::test]
async fn a_commit_wakes_the_sequencer_and_that_the_worker() {
    let mut station = Station::new().await;
    let customer = on_phone(&station, ("d1", "aa")).await;
    let batcher = Batcher::start(station.db.clone(), station.world.clone());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let sequencer = Sequencer {
        db: station.db.clone(),
        clock: station.world.clone(),
        committed: batcher.committed(),
        owed: std::mem::take(&mut station.sequencer.owed),
        newest: tokio::sync::watch::Sender::default(),
    };
    let sequencer = tokio::spawn(sequencer.run(async { drop(stopped.await) }));
    let worker = tokio::spawn(Arc::clone(&station.worker).run(std::future::pending()));
    let command = station.world.command(station.world.adjust(customer, 5));
    batcher.execute(command).await.expect("done");
    soon(station.apns.pushed.notified()).await;
    assert_eq!(station.apns.taken(), ["aa"]);

    station.world.done(station.world.adjust(customer, 5)).await;
    stop.send(()).expect("it listens");
    soon(sequencer).await.expect("it ends of itself");
    assert_eq!(station.db.unsealed().await.expect("reads"), 0, "a clean stop leaves no unsealed tail");
    worker.abort();
}

async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), what).await.expect("within seconds")
}
