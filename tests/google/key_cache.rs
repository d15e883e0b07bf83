//! Google's root keys: how long they are kept, when they are fetched, and that forged messages can't make us fetch.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::sync::Notify;
use walaa::clock::ManualClock;
use walaa::google::callbacks::{KeysUnavailable, RootKeyCache, RootKeys};

use super::callbacks::case;
use super::wire::{Reply, Wire, clock, noon};

const DAY: i64 = 86_400;

/// Google's keys address, as a test sets it.
pub struct Keys {
    pub wire: Wire,
    pub reply: Arc<Mutex<Reply>>,
    pub cache: Arc<RootKeyCache>,
    pub clock: Arc<ManualClock>,
}

impl Keys {
    pub async fn listing(reply: Reply) -> Self {
        let reply = Arc::new(Mutex::new(reply));
        let now = Arc::clone(&reply);
        let wire = Wire::new(move |_| now.lock().expect("unpoisoned").clone()).await;
        let clock = clock();
        let cache = RootKeyCache::new(&wire.url, clock.clone(), Duration::from_millis(500)).expect("a cache");
        Self { wire, reply, cache: Arc::new(cache), clock }
    }

    pub fn set(&self, reply: Reply) {
        *self.reply.lock().expect("unpoisoned") = reply;
    }

    fn fetched(&self) -> usize {
        self.wire.seen().len()
    }

    /// Waits until so many fetches came in; the background has no other sign.
    async fn fetched_behind(&self, count: usize) {
        for _ in 0..1_000_000 {
            if self.fetched() >= count {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("{} fetches, not {count}", self.fetched());
    }
}

/// The list of a case's keys, fresh for so long.
pub fn fresh(name: &str, seconds: i64) -> Reply {
    Reply::json(200, &case(name).roots).with("Cache-Control", &format!("public, max-age={seconds}"))
}

/// The list with one key that ends so many seconds after noon.
fn ending(seconds: i64, max_age: i64) -> Reply {
    let mut list: Value = case("save").roots.clone();
    list["keys"][0]["keyExpiration"] = json!(noon().plus_seconds(seconds).millis().to_string());
    Reply::json(200, &list).with("Cache-Control", &format!("max-age={max_age}"))
}

fn same(one: &Arc<RootKeys>, other: &Arc<RootKeys>) -> bool {
    Arc::ptr_eq(one, other)
}

#[tokio::test]
async fn keys_are_fetched_once_for_all_who_wait_and_kept() {
    let keys = Keys::listing(fresh("save", 3600)).await;
    let got = join_all((0..20).map(|_| keys.cache.current())).await;
    assert!(got.iter().all(Result::is_ok));
    keys.clock.advance_seconds(1799);
    keys.cache.current().await.expect("kept");
    assert_eq!(keys.wire.lines(), ["GET /"]);
}

#[tokio::test]
async fn from_half_life_on_they_are_fetched_behind_once() {
    let gate = Arc::new((AtomicBool::new(true), Notify::new()));
    let (waiting, count) = (Arc::clone(&gate), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&count);
    let wire = Wire::slow(move |_| {
        let gate = Arc::clone(&waiting);
        let first = counted.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            if !first {
                gate.1.notified().await;
            }
            fresh("save", 3600)
        }
    })
    .await;
    let clock = clock();
    let cache = Arc::new(RootKeyCache::new(&wire.url, clock.clone(), Duration::from_secs(30)).expect("a cache"));
    let first = cache.current().await.expect("keys");
    clock.advance_seconds(1800);
    for _ in 0..5 {
        assert!(same(&cache.current().await.expect("keys"), &first), "nobody waits for the fetch behind");
        tokio::task::yield_now().await;
    }
    gate.1.notify_one();
    let mut renewed = cache.current().await.expect("keys");
    for _ in 0..1_000_000 {
        if !same(&renewed, &first) {
            break;
        }
        tokio::task::yield_now().await;
        renewed = cache.current().await.expect("keys");
    }
    assert!(!same(&renewed, &first), "what was fetched behind is used");
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn age_and_the_end_of_a_key_shorten_their_life() {
    let aged = Keys::listing(fresh("save", 3600).with("Age", "1600")).await;
    aged.cache.current().await.expect("keys");
    aged.clock.advance_seconds(1000);
    aged.cache.current().await.expect("keys");
    aged.fetched_behind(2).await;

    let ending = Keys::listing(ending(600, 7200)).await;
    ending.cache.current().await.expect("keys");
    ending.clock.advance_seconds(299);
    ending.cache.current().await.expect("keys");
    assert_eq!(ending.fetched(), 1);
    ending.clock.advance_seconds(1);
    ending.cache.current().await.expect("keys");
    ending.fetched_behind(2).await;
}

#[tokio::test]
async fn the_last_good_keys_serve_until_their_own_end() {
    let keys = Keys::listing(fresh("save", 3600)).await;
    let first = keys.cache.current().await.expect("keys");
    for broken in
        [Reply::json(500, &json!({})), Reply::Drop, Reply::Silence, Reply::json(200, &json!({"keys": []})), ending(0, 60)]
    {
        keys.set(broken);
        keys.clock.advance_seconds(4000);
        assert!(same(&keys.cache.current().await.expect("the last good ones"), &first));
    }
    keys.clock.advance_seconds(DAY - 20_000 - 1);
    assert!(same(&keys.cache.current().await.expect("one second left"), &first));
    keys.clock.advance_seconds(1);
    assert_eq!(keys.cache.current().await.err(), Some(KeysUnavailable));
}

#[tokio::test]
async fn after_a_failure_there_is_a_pause() {
    let keys = Keys::listing(Reply::json(503, &json!({}))).await;
    for _ in 0..20 {
        assert_eq!(keys.cache.current().await.err(), Some(KeysUnavailable));
    }
    assert_eq!(keys.fetched(), 1);
    keys.set(fresh("save", 3600));
    keys.clock.advance_seconds(9);
    assert_eq!(keys.cache.current().await.err(), Some(KeysUnavailable));
    keys.clock.advance_seconds(1);
    keys.cache.current().await.expect("keys");
}

#[tokio::test]
async fn bad_signatures_cause_one_fetch_a_minute_at_most() {
    let keys = Keys::listing(fresh("save", 3600)).await;
    let first = keys.cache.current().await.expect("keys");
    let newer = join_all((0..50).map(|_| keys.cache.newer_than(&first))).await;
    assert_eq!(keys.fetched(), 2);
    assert!(newer.iter().all(|newer| matches!(newer, Ok(Some(newer)) if !same(newer, &first))), "everyone gets the newer list");
    let second = keys.cache.current().await.expect("keys");
    for _ in 0..50 {
        assert!(matches!(keys.cache.newer_than(&second).await, Ok(None)));
    }
    assert_eq!(keys.fetched(), 2);
    keys.clock.advance_seconds(60);
    assert!(matches!(keys.cache.newer_than(&second).await, Ok(Some(_))));
    assert_eq!(keys.fetched(), 3);
}

#[tokio::test]
async fn when_google_can_not_be_asked_for_newer_keys_nobody_knows() {
    let keys = Keys::listing(fresh("save", 3600)).await;
    let first = keys.cache.current().await.expect("keys");
    keys.set(Reply::json(500, &json!({})));
    for _ in 0..5 {
        assert_eq!(keys.cache.newer_than(&first).await.err(), Some(KeysUnavailable));
    }
    assert_eq!(keys.fetched(), 2);
    keys.cache.current().await.expect("the old ones serve on");
}

#[tokio::test]
async fn a_redirection_is_not_followed_and_a_huge_list_not_read() {
    let elsewhere = Keys::listing(fresh("save", 3600)).await;
    let moved = Reply::Answer(302, vec![("Location".to_owned(), elsewhere.wire.url.clone())], String::new());
    for reply in [moved, Reply::Answer(200, vec![], " ".repeat(70_000) + &case("save").roots.to_string())] {
        assert!(Keys::listing(reply).await.cache.current().await.is_err());
    }
    assert_eq!(elsewhere.fetched(), 0);
}

#[test]
fn keys_come_over_https() {
    assert!(RootKeyCache::new("http://pay.google.com/gp/m/issuer/keys", clock(), Duration::from_secs(5)).is_err());
}
