//! The two rules as plain functions: GCRA over the rules of one limit, and pace over operations. `redis/*.lua` say the same.
//!
//! GCRA keeps one number a rule: the theoretical arrival time (TAT), the instant at which the bucket is full again. One more is allowed when the
//! TAT lies no further ahead than `burst - 1` intervals, and moves it on by one; `count` more when no further than `burst - count`.

use super::limit::{Charge, MOST_RULES, RateRule};
use super::pace::OpMark;

/// The theoretical arrival times of one limit's rules, in microseconds.
pub(super) type Arrivals = [i64; MOST_RULES];

/// Asks a limit: 0 when allowed (the arrivals then moved on, if asking costs), else the microseconds to wait.
///
/// A stored time further ahead than a whole burst can only come from a clock that was set back, and is drawn in. More at once than
/// the burst (a limit halved meanwhile) need the bucket full and leave it in debt, so that nobody waits for ever.
pub(super) fn ask(arrivals: &mut Arrivals, rules: &[RateRule], (charge, count): (Charge, u32), now_us: i64) -> i64 {
    let mut moved = *arrivals;
    let mut wait_us = 0;
    let count = i64::from(count);
    for (arrival, rule) in moved.iter_mut().zip(rules) {
        let interval = rule.interval_us();
        let burst = i64::from(rule.burst_size());
        let from = (*arrival).clamp(now_us, now_us + interval * burst.max(count));
        wait_us = wait_us.max(from - now_us - interval * (burst - count).max(0));
        *arrival = from + interval * count;
    }
    if wait_us == 0 && charge == Charge::Take {
        *arrivals = moved;
    }
    wait_us
}

/// What a pace rule says of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// There is room; the operation was marked if one was given.
    Marked,
    /// The operation was marked before: a repetition.
    Known,
    /// The day is full.
    Full,
}

/// Asks a pace rule; without an operation it is only looked at.
pub(super) fn mark(marks: &mut Vec<OpMark>, op: Option<OpMark>, most: u32) -> Pace {
    if op.is_some_and(|op| marks.contains(&op)) {
        return Pace::Known;
    }
    if marks.len() >= most as usize {
        return Pace::Full;
    }
    marks.extend(op);
    Pace::Marked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_one_for_each_interval() {
        let rules = [RateRule::per_second(10).burst(3)];
        let mut arrivals = Arrivals::default();
        let mut ask_at = |now_us| ask(&mut arrivals, &rules, (Charge::Take, 1), now_us);
        assert_eq!([0, 0, 0].map(&mut ask_at), [0, 0, 0]);
        assert_eq!(ask_at(0), 100_000);
        assert_eq!(ask_at(99_999), 1);
        assert_eq!(ask_at(100_000), 0);
        assert_eq!(ask_at(100_000), 100_000);
    }

    #[test]
    fn rules_of_one_limit_are_charged_all_or_none() {
        let rules = [RateRule::per_minute(1), RateRule::per_day(3)];
        let mut arrivals = Arrivals::default();
        assert_eq!(ask(&mut arrivals, &rules, (Charge::Take, 1), 0), 0);
        let before = arrivals;
        assert_eq!(ask(&mut arrivals, &rules, (Charge::Take, 1), 1_000_000), 59_000_000);
        assert_eq!(arrivals, before, "the refused one must not eat up the day");
    }

    #[test]
    fn a_clock_set_back_costs_one_burst_at_most() {
        let rules = [RateRule::per_second(1).burst(2)];
        let mut arrivals = [i64::MAX, 0, 0];
        assert_eq!(ask(&mut arrivals, &rules, (Charge::Take, 1), 0), 1_000_000);
    }

    #[test]
    fn looking_costs_nothing() {
        let rules = [RateRule::per_second(1)];
        let mut arrivals = Arrivals::default();
        for _ in 0..5 {
            assert_eq!(ask(&mut arrivals, &rules, (Charge::Look, 1), 7), 0);
        }
        assert_eq!(ask(&mut arrivals, &rules, (Charge::Take, 1), 7), 0);
        assert_eq!(ask(&mut arrivals, &rules, (Charge::Look, 1), 7), 1_000_000);
    }

    #[test]
    fn several_at_once_are_allowed_all_or_none() {
        let rules = [RateRule::per_second(10).burst(5)];
        let mut arrivals = Arrivals::default();
        assert_eq!(ask(&mut arrivals, &rules, (Charge::Take, 4), 0), 0);
        let before = arrivals;
        assert_eq!(ask(&mut arrivals, &rules, (Charge::Take, 3), 0), 200_000);
        assert_eq!(arrivals, before, "the refused three cost nothing");
        assert_eq!(ask(&mut arrivals, &rules, (Charge::Take, 1), 0), 0);
    }

    #[test]
    fn more_than_the_burst_keeps_to_the_rate_in_the_long_run() {
        let rules = [RateRule::per_second(10).burst(5)];
        let (mut arrivals, mut now_us, mut taken) = (Arrivals::default(), 0, 0);
        while now_us < 10_000_000 {
            match ask(&mut arrivals, &rules, (Charge::Take, 8), now_us) {
                0 => taken += 8,
                wait_us => now_us += wait_us,
            }
        }
        assert_eq!(taken, 8 + 12 * 8, "one lot every 0.8 s");
    }

    #[test]
    fn a_repeated_operation_is_neither_counted_nor_refused() {
        let mut marks = Vec::new();
        let op = |name| Some(OpMark::of("trm", name));
        assert_eq!(mark(&mut marks, op("a"), 2), Pace::Marked);
        assert_eq!(mark(&mut marks, op("a"), 2), Pace::Known);
        assert_eq!(mark(&mut marks, None, 2), Pace::Marked);
        assert_eq!(mark(&mut marks, op("b"), 2), Pace::Marked);
        assert_eq!(mark(&mut marks, op("c"), 2), Pace::Full);
        assert_eq!(mark(&mut marks, op("a"), 2), Pace::Known);
        assert_eq!(mark(&mut marks, None, 2), Pace::Full);
    }
}
