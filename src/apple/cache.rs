//! Built passes, kept while they are current: one a pass, bounded by bytes, the longest unused one goes first.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;

use crate::ids::PassId;

/// What built bytes depend on, beside the pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ingredients {
    /// The version of the pass.
    pub version: i64,
    /// Which certificate signed.
    pub signer: String,
    /// Which template's files are in it.
    pub template: [u8; 16],
}

/// The cache. Its owner holds the lock.
pub(super) struct PassCache {
    max_bytes: usize,
    bytes: usize,
    clock: u64,
    passes: HashMap<PassId, Entry>,
    by_age: BTreeMap<u64, PassId>,
}

struct Entry {
    ingredients: Ingredients,
    bytes: Bytes,
    used: u64,
}

impl PassCache {
    pub fn new(max_bytes: usize) -> Self {
        Self { max_bytes, bytes: 0, clock: 0, passes: HashMap::new(), by_age: BTreeMap::new() }
    }

    /// The bytes of a pass, if they were made of the same things.
    pub fn get(&mut self, pass: PassId, wanted: impl FnOnce(&Ingredients) -> bool) -> Option<Bytes> {
        let entry = self.passes.get_mut(&pass)?;
        if !wanted(&entry.ingredients) {
            return None;
        }
        self.by_age.remove(&entry.used);
        self.clock += 1;
        entry.used = self.clock;
        self.by_age.insert(self.clock, pass);
        Some(entry.bytes.clone())
    }

    /// Keeps the bytes of a pass in place of what was kept before.
    pub fn put(&mut self, pass: PassId, ingredients: Ingredients, bytes: Bytes) {
        self.remove(pass);
        if bytes.len() > self.max_bytes {
            return;
        }
        self.clock += 1;
        self.bytes += bytes.len();
        self.by_age.insert(self.clock, pass);
        self.passes.insert(pass, Entry { ingredients, bytes, used: self.clock });
        while self.bytes > self.max_bytes {
            let Some((_, oldest)) = self.by_age.first_key_value() else { break };
            self.remove(*oldest);
        }
    }

    fn remove(&mut self, pass: PassId) {
        if let Some(entry) = self.passes.remove(&pass) {
            self.by_age.remove(&entry.used);
            self.bytes -= entry.bytes.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ingredients(version: i64) -> Ingredients {
        Ingredients { version, signer: "s".to_owned(), template: [0; 16] }
    }

    fn pass(number: u8) -> PassId {
        PassId([number; 16])
    }

    #[test]
    fn another_version_is_not_served_and_replaces_the_one_before() {
        let mut cache = PassCache::new(100);
        cache.put(pass(1), ingredients(1), Bytes::from(vec![0; 40]));
        assert!(cache.get(pass(1), |made| made.version == 2).is_none());
        cache.put(pass(1), ingredients(2), Bytes::from(vec![0; 30]));
        assert!(cache.get(pass(1), |made| *made == ingredients(2)).is_some());
        assert_eq!((cache.bytes, cache.passes.len(), cache.by_age.len()), (30, 1, 1));
    }

    #[test]
    fn the_longest_unused_pass_goes_and_the_bound_holds() {
        let mut cache = PassCache::new(100);
        for number in 1..=3 {
            cache.put(pass(number), ingredients(1), Bytes::from(vec![0; 33]));
        }
        assert!(cache.get(pass(1), |_| true).is_some());
        cache.put(pass(4), ingredients(1), Bytes::from(vec![0; 33]));
        assert!(cache.get(pass(2), |_| true).is_none(), "was unused longest");
        assert!(cache.get(pass(1), |_| true).is_some());
        cache.put(pass(5), ingredients(1), Bytes::from(vec![0; 101]));
        assert!(cache.get(pass(5), |_| true).is_none(), "larger than all there is");
        assert!(cache.bytes <= 100 && cache.passes.len() == cache.by_age.len());
    }
}
