//! Breakers: a lane whose credential or line is broken is left alone for a while, then probed with one item.

use std::collections::HashMap;

use crate::clock::Timestamp;

use super::{Fault, Lane};

/// Failures in a row that stop a lane.
const IN_A_ROW: u32 = 5;

/// The window in which shares are counted.
const WINDOW_MS: i64 = 30_000;

/// Attempts within the window before shares mean anything.
const FEWEST_IN_WINDOW: u32 = 20;

/// How long a lane whose line is broken rests at first, and at most.
const LINE_REST_MS: (i64, i64) = (10_000, 5 * 60_000);

/// How long a lane whose credential is refused rests at first, and at most: only an operator mends it.
const CREDENTIAL_REST_MS: (i64, i64) = (60_000, 15 * 60_000);

/// What a lane lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// Everything.
    Open,
    /// One item, to see whether it works again.
    Probe,
    /// Nothing before then.
    Closed { until: Timestamp },
}

/// What an attempt said about its lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attempt {
    /// The lane works, whatever became of the item.
    Works,
    /// It does not.
    Fails(Fault),
}

/// What changed about a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Stopped { until: Timestamp },
    Resumed,
}

/// The breakers of all lanes of a channel.
#[derive(Debug, Default)]
pub(super) struct Lanes(HashMap<Lane, Breaker>);

#[derive(Debug, Default)]
struct Breaker {
    in_a_row: u32,
    window_from: Timestamp,
    attempts: u32,
    failures: u32,
    stopped: Option<Stop>,
}

#[derive(Debug, Clone, Copy)]
struct Stop {
    until: Timestamp,
    rest_ms: i64,
}

impl Lanes {
    /// What a lane lets through now.
    pub fn admit(&self, lane: &Lane, now: Timestamp) -> Admission {
        match self.0.get(lane).and_then(|breaker| breaker.stopped) {
            None => Admission::Open,
            Some(stop) if now < stop.until => Admission::Closed { until: stop.until },
            Some(_) => Admission::Probe,
        }
    }

    /// Learns from an attempt; says what changed.
    pub fn record(&mut self, lane: &Lane, attempt: Attempt, now: Timestamp) -> Option<Change> {
        let breaker = self.0.entry(lane.clone()).or_default();
        match attempt {
            Attempt::Works | Attempt::Fails(Fault::Item) => breaker.works(now),
            Attempt::Fails(Fault::Credential) => breaker.stop(CREDENTIAL_REST_MS, now),
            Attempt::Fails(Fault::Lane) => breaker.fails(now),
        }
    }

    /// The lanes that are stopped.
    pub fn stopped(&self) -> usize {
        self.0.values().filter(|breaker| breaker.stopped.is_some()).count()
    }
}

impl Breaker {
    fn works(&mut self, now: Timestamp) -> Option<Change> {
        self.count(now);
        self.in_a_row = 0;
        let stopped = self.stopped.take();
        if stopped.is_some() {
            (self.attempts, self.failures) = (0, 0);
        }
        stopped.map(|_| Change::Resumed)
    }

    fn fails(&mut self, now: Timestamp) -> Option<Change> {
        self.count(now);
        self.in_a_row += 1;
        self.failures += 1;
        let half_fail = self.attempts >= FEWEST_IN_WINDOW && self.failures * 2 >= self.attempts;
        if self.stopped.is_some() || self.in_a_row >= IN_A_ROW || half_fail { self.stop(LINE_REST_MS, now) } else { None }
    }

    fn count(&mut self, now: Timestamp) {
        if now.since(self.window_from) > WINDOW_MS {
            (self.window_from, self.attempts, self.failures) = (now, 0, 0);
        }
        self.attempts += 1;
    }

    /// Attempts that were under way together count as one: the rest doubles only after a probe.
    fn stop(&mut self, (first, longest): (i64, i64), now: Timestamp) -> Option<Change> {
        let rest_ms = match self.stopped {
            Some(stop) if now < stop.until => return None,
            Some(stop) => (stop.rest_ms * 2).clamp(first, longest),
            None => first,
        };
        let until = now.plus_millis(rest_ms);
        self.stopped = Some(Stop { until, rest_ms });
        Some(Change::Stopped { until })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000).plus_seconds(seconds)
    }

    fn lane(name: &str) -> Lane {
        Lane(name.to_owned())
    }

    #[test]
    fn a_refused_credential_stops_its_lane_at_once_and_no_other() {
        let mut lanes = Lanes::default();
        let stopped = lanes.record(&lane("a"), Attempt::Fails(Fault::Credential), at(0));
        assert_eq!(stopped, Some(Change::Stopped { until: at(60) }));
        assert_eq!(lanes.record(&lane("a"), Attempt::Fails(Fault::Credential), at(1)), None, "under way at the same time");
        assert_eq!(lanes.admit(&lane("a"), at(59)), Admission::Closed { until: at(60) });
        assert_eq!(lanes.admit(&lane("b"), at(59)), Admission::Open);
        assert_eq!(lanes.admit(&lane("a"), at(60)), Admission::Probe);
        let again = lanes.record(&lane("a"), Attempt::Fails(Fault::Credential), at(60));
        assert_eq!(again, Some(Change::Stopped { until: at(180) }), "twice as long after a failed probe");
        assert_eq!(lanes.record(&lane("a"), Attempt::Works, at(200)), Some(Change::Resumed));
        assert_eq!((lanes.admit(&lane("a"), at(200)), lanes.stopped()), (Admission::Open, 0));
    }

    #[test]
    fn five_broken_lines_in_a_row_stop_a_lane_and_a_success_between_them_does_not() {
        let mut lanes = Lanes::default();
        for _ in 0..4 {
            assert_eq!(lanes.record(&lane("a"), Attempt::Fails(Fault::Lane), at(0)), None);
        }
        assert_eq!(lanes.record(&lane("a"), Attempt::Works, at(0)), None);
        for _ in 0..4 {
            assert_eq!(lanes.record(&lane("a"), Attempt::Fails(Fault::Lane), at(40)), None);
        }
        assert_eq!(lanes.record(&lane("a"), Attempt::Fails(Fault::Lane), at(40)), Some(Change::Stopped { until: at(50) }));
    }

    #[test]
    fn half_of_twenty_stops_a_lane() {
        let mut lanes = Lanes::default();
        let mut stopped_at = None;
        for number in 1..=30 {
            let attempt = if number % 2 == 0 { Attempt::Fails(Fault::Lane) } else { Attempt::Works };
            if lanes.record(&lane("a"), attempt, at(0)).is_some() {
                stopped_at = Some(number);
                break;
            }
        }
        assert_eq!(stopped_at, Some(20));
    }

    #[test]
    fn a_lane_rests_at_most_five_minutes_and_an_items_own_failure_never_stops_it() {
        let mut lanes = Lanes::default();
        let mut now = at(0);
        for _ in 0..20 {
            lanes.record(&lane("a"), Attempt::Fails(Fault::Lane), now);
            if let Admission::Closed { until } = lanes.admit(&lane("a"), now) {
                assert!(until.since(now) <= 300_000);
                now = until;
            }
        }
        for _ in 0..50 {
            assert_eq!(lanes.record(&lane("b"), Attempt::Fails(Fault::Item), at(0)), None);
        }
    }
}
