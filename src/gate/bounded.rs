//! A map with an end: entries expire, and beyond its capacity the ones that were not touched for longest go.
//!
//! Two generations: when the young one is full, what has expired is swept out of it; if that made little room it becomes the old one, and
//! what was old is dropped. A touched entry moves to the young one. No timers, no lists, constant time on average.

use std::collections::HashMap;

use crate::clock::Timestamp;

/// The map; keys are keyed hashes of what they stand for.
#[derive(Debug)]
pub(super) struct Bounded<V> {
    young: HashMap<u128, Entry<V>>,
    old: HashMap<u128, Entry<V>>,
    generation_size: usize,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    expires: Timestamp,
}

impl<V> Bounded<V> {
    /// A map of at most that many entries, two at least.
    pub(super) fn new(capacity: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), generation_size: (capacity / 2).max(1) }
    }

    /// What stands under a key, unless it has expired.
    pub(super) fn get(&mut self, key: u128, now: Timestamp) -> Option<&mut V> {
        if let Some(entry) = self.old.remove(&key)
            && entry.expires > now
        {
            self.make_room(now);
            self.young.insert(key, entry);
        }
        self.young.get_mut(&key).filter(|entry| entry.expires > now).map(|entry| &mut entry.value)
    }

    /// Puts a value under a key until it expires.
    pub(super) fn put(&mut self, key: u128, value: V, expires: Timestamp, now: Timestamp) {
        self.old.remove(&key);
        if !self.young.contains_key(&key) {
            self.make_room(now);
        }
        self.young.insert(key, Entry { value, expires });
    }

    /// Changes what stands under a key wherever it is, expired or not.
    pub(super) fn change(&mut self, key: u128, change: impl FnOnce(&mut V)) {
        if let Some(entry) = self.young.get_mut(&key).or_else(|| self.old.get_mut(&key)) {
            change(&mut entry.value);
        }
    }

    /// How many entries are held, expired ones too.
    pub(super) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    fn make_room(&mut self, now: Timestamp) {
        if self.young.len() < self.generation_size {
            return;
        }
        self.young.retain(|_, entry| entry.expires > now);
        if self.young.len() > self.generation_size / 2 {
            self.old = std::mem::take(&mut self.young);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_millis(0);

    #[test]
    fn entries_expire() {
        let mut map = Bounded::new(10);
        map.put(1, 'a', START.plus_millis(5), START);
        assert_eq!(map.get(1, START.plus_millis(4)), Some(&mut 'a'));
        assert_eq!(map.get(1, START.plus_millis(5)), None);
    }

    #[test]
    fn the_capacity_holds_and_the_untouched_go_first() {
        let mut map = Bounded::new(100);
        let later = START.plus_seconds(60);
        map.put(0, 0, later, START);
        for key in 1..10_000 {
            map.put(key, key, later, START);
            assert!(map.len() <= 100, "{} entries", map.len());
            assert_eq!(map.get(0, START), Some(&mut 0), "touched all the time");
        }
        assert_eq!(map.get(9_999, START), Some(&mut 9_999));
        assert_eq!(map.get(5_000, START), None);
    }

    #[test]
    fn expired_entries_make_room_before_living_ones_go() {
        let mut map = Bounded::new(100);
        map.put(0, 0, START.plus_seconds(60), START);
        for key in 1..10_000_u128 {
            let now = START.plus_millis(key as i64);
            map.put(key, key, now.plus_millis(10), now);
        }
        assert_eq!(map.get(0, START.plus_seconds(20)), Some(&mut 0), "never touched, but never in the way");
    }
}
