//! When to try again: pure sums over tries and pushes.

use std::time::Duration;

/// The longest wait before the first retry; it doubles from there.
const FIRST_RETRY_MS: i64 = 1_000;

/// The longest wait between retries.
const LONGEST_RETRY_MS: i64 = 10 * 60 * 1_000;

/// The longest that the other side may make us wait with `Retry-After`.
const LONGEST_ASKED_MS: i64 = 60 * 60 * 1_000;

/// Failed tries after which an item is a dead letter.
pub(super) const MOST_TRIES: i64 = 12;

/// How long an item may be owed before failures of the way there kill it, too.
pub(super) const LONGEST_OWED_MS: i64 = 72 * 60 * 60 * 1_000;

const MINUTE_MS: i64 = 60 * 1_000;

/// After the nth push of a version, how long its fetch may take before the next one. APNs says "delivered" of phones that
/// never hear of it. The last wait is followed by giving up.
const AFTER_PUSH_MS: [i64; 5] = [10 * MINUTE_MS, 60 * MINUTE_MS, 360 * MINUTE_MS, 1_440 * MINUTE_MS, 60 * MINUTE_MS];

/// Milliseconds until the next try after `tries` failed ones: anywhere from nothing to a doubling bound (full jitter), and
/// never less than was asked for. `chance` is any number, evenly spread.
pub(super) fn retry_ms(tries: i64, asked: Option<Duration>, chance: u64) -> i64 {
    let doublings = u32::try_from(tries.saturating_sub(1).clamp(0, 20)).unwrap_or(0);
    let bound = FIRST_RETRY_MS.saturating_mul(1 << doublings).min(LONGEST_RETRY_MS);
    let jittered = i64::try_from(chance % (bound.unsigned_abs() + 1)).unwrap_or(bound);
    let asked = asked.map_or(0, |asked| i64::try_from(asked.as_millis()).unwrap_or(LONGEST_ASKED_MS));
    jittered.max(asked.min(LONGEST_ASKED_MS))
}

/// Milliseconds to wait for the fetch after so many pushes; `None` once it is not waited for any more.
pub(super) fn fetch_wait_ms(pushes: i64) -> Option<i64> {
    usize::try_from(pushes.saturating_sub(1)).ok().and_then(|place| AFTER_PUSH_MS.get(place).copied())
}

/// Whether an item has been pushed as often as it ever will be.
pub(super) fn is_pushed_out(pushes: i64) -> bool {
    usize::try_from(pushes).is_ok_and(|pushes| pushes >= AFTER_PUSH_MS.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_bound_doubles_to_ten_minutes() {
        let longest = |tries| (0..3_000_000).step_by(997).map(|chance| retry_ms(tries, None, chance)).max();
        assert!(longest(1) <= Some(1_000) && longest(1) > Some(900));
        assert!(longest(4) <= Some(8_000) && longest(4) > Some(7_000));
        assert!(longest(30) <= Some(600_000) && longest(30) > Some(500_000));
    }

    #[test]
    fn the_fetch_is_waited_for_ever_longer_and_then_no_more() {
        let waits: Vec<_> = (1..=6).map(fetch_wait_ms).collect();
        let minutes = |number: i64| Some(number * MINUTE_MS);
        assert_eq!(waits, [minutes(10), minutes(60), minutes(360), minutes(1_440), minutes(60), None]);
        assert!(!is_pushed_out(4) && is_pushed_out(5));
    }

    proptest! {
        #[test]
        fn a_wait_is_never_negative_nor_longer_than_an_hour_and_honours_what_was_asked(
            tries in 0_i64..1_000, asked in proptest::option::of(0_u64..10_000), chance: u64,
        ) {
            let wait = retry_ms(tries, asked.map(Duration::from_secs), chance);
            prop_assert!((0..=LONGEST_ASKED_MS).contains(&wait));
            if let Some(asked) = asked.filter(|asked| *asked <= 3_600) {
                prop_assert!(wait >= i64::try_from(asked).unwrap() * 1_000);
            }
        }
    }
}
