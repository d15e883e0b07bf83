//! What can befall a request on its way, how often, and how often it did.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::support::chance::Chance;

/// What befalls a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It goes its way.
    Fine,
    /// It is slow, before or after its node has it.
    Delayed,
    /// The connection is cut before a node has it.
    CutBefore,
    /// A node answers, and the answer is lost.
    CutAfter,
    /// Half of the answer comes through.
    Torn,
    /// Two nodes get it at the same time; one of them is heard.
    Doubled,
    /// It is answered, and another node gets it once more, later.
    Echoed,
    /// The client is cut off; a node gets it later nevertheless.
    Late,
    /// It waits for later ones to pass.
    HeldBack,
}

/// All that is not fine, in the order of [`Chances`].
const KINDS: [(Fate, &str); 8] = [
    (Fate::Delayed, "requests delayed"),
    (Fate::CutBefore, "requests cut before"),
    (Fate::CutAfter, "answers lost"),
    (Fate::Torn, "answers torn"),
    (Fate::Doubled, "requests doubled"),
    (Fate::Echoed, "requests echoed"),
    (Fate::Late, "requests late"),
    (Fate::HeldBack, "requests reordered"),
];

/// How many requests of a thousand suffer each.
#[derive(Debug, Clone, Copy, Default)]
pub struct Chances {
    pub delayed: usize,
    pub cut_before: usize,
    pub cut_after: usize,
    pub torn: usize,
    pub doubled: usize,
    pub echoed: usize,
    pub late: usize,
    pub held_back: usize,
}

impl Chances {
    /// Weather in which two requests of five meet something.
    pub const STORM: Self =
        Self { delayed: 60, cut_before: 50, cut_after: 50, torn: 40, doubled: 60, echoed: 40, late: 40, held_back: 60 };

    const fn list(&self) -> [usize; 8] {
        let Self { delayed, cut_before, cut_after, torn, doubled, echoed, late, held_back } = *self;
        [delayed, cut_before, cut_after, torn, doubled, echoed, late, held_back]
    }
}

/// Draws fates and counts them.
#[derive(Debug)]
pub struct Fates {
    pub chance: Mutex<Chance>,
    chances: Mutex<Chances>,
    counts: [AtomicU64; 8],
}

impl Fates {
    /// Good weather.
    pub fn seeded(seed: u64) -> Self {
        Self { chance: Mutex::new(Chance::seeded(seed)), chances: Mutex::default(), counts: Default::default() }
    }

    /// Changes the weather.
    pub fn set(&self, chances: Chances) {
        *self.chances.lock().expect("nobody panics with it") = chances;
    }

    /// Whether nothing befalls anybody.
    pub fn is_calm(&self) -> bool {
        self.chances.lock().expect("nobody panics with it").list().iter().all(|chance| *chance == 0)
    }

    /// What befalls the next request.
    pub fn draw(&self) -> Fate {
        let chances = self.chances.lock().expect("nobody panics with it").list();
        let mut drawn = self.chance.lock().expect("nobody panics with it").below(1_000);
        for (place, chance) in chances.into_iter().enumerate() {
            if drawn < chance {
                self.counts[place].fetch_add(1, Ordering::Relaxed);
                return KINDS[place].0;
            }
            drawn -= chance;
        }
        Fate::Fine
    }

    /// How often each befell a request.
    pub fn counts(&self) -> Vec<(&'static str, u64)> {
        let counts = self.counts.iter().map(|count| count.load(Ordering::Relaxed));
        KINDS.iter().map(|(_, name)| *name).zip(counts).collect()
    }
}
