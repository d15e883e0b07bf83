//! Pace rules: so many different operations for a card at a terminal on a local day.

use aws_lc_rs::digest::{Context, SHA256};
use chrono::{Days, NaiveDate, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Tz;

use crate::clock::Timestamp;
use crate::ids::{CardId, TerminalId};

/// Which operations a pace rule counts; each kind has a count of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PaceKind {
    /// Sales.
    Earn,
    /// Redemptions.
    Redeem,
}

impl PaceKind {
    /// The word in the gate's keys.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Earn => "earn",
            Self::Redeem => "redeem",
        }
    }
}

/// So many different operations of one kind for one card at one terminal on one local day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaceRule {
    pub(super) kind: PaceKind,
    pub(super) card: CardId,
    pub(super) terminal: TerminalId,
    pub(super) day: NaiveDate,
    pub(super) until: Timestamp,
    pub(super) most: u32,
}

impl PaceRule {
    /// Operations that a pace rule remembers at most: 4 kB.
    pub const MOST: u32 = 256;

    /// The reason that a refused client hears.
    pub const REASON: &'static str = "card_terminal_day";

    /// At most `most` operations (never more than [`Self::MOST`]) for the card at the terminal on the day that it is now in that time zone.
    #[must_use]
    pub fn per_local_day(kind: PaceKind, (card, terminal): (CardId, TerminalId), most: u32, today: LocalDay) -> Self {
        Self { kind, card, terminal, day: today.day, until: today.until, most: most.min(Self::MOST) }
    }
}

/// A local day and the instant at which it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalDay {
    day: NaiveDate,
    until: Timestamp,
}

impl LocalDay {
    /// The day that it is in a time zone; it ends at the next local midnight, or where a clock change has none, an hour on.
    #[must_use]
    pub fn at(now: Timestamp, zone: Tz) -> Self {
        let day = now.local_day(zone);
        let midnight = day.checked_add_days(Days::new(1)).map(|next| next.and_time(NaiveTime::MIN));
        let start = |local| zone.from_local_datetime(&local).earliest();
        let until = midnight.and_then(|midnight| start(midnight).or_else(|| start(midnight + TimeDelta::hours(1))));
        let until = until.map_or(now.plus_seconds(86_400), |until| Timestamp::from_millis(until.timestamp_millis()));
        Self { day, until }
    }
}

/// An operation as pace rules remember it: a hash over principal and op id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OpMark(pub(super) [u8; 16]);

impl OpMark {
    /// The mark of an operation; both texts are the client's, so their lengths go in too.
    #[must_use]
    pub fn of(principal: &str, op: &str) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(&(principal.len() as u64).to_be_bytes());
        context.update(principal.as_bytes());
        context.update(op.as_bytes());
        let hash = context.finish();
        Self(std::array::from_fn(|place| hash.as_ref()[place]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_day_ends_at_the_local_midnight() {
        let end = |now: &str, zone: Tz| LocalDay::at(Timestamp::parse(now).unwrap(), zone);
        let kuwait = end("2026-03-01T20:59:59Z", chrono_tz::Asia::Kuwait);
        assert_eq!((kuwait.day.to_string(), kuwait.until.to_string()), ("2026-03-01".into(), "2026-03-01T21:00:00.000Z".into()));
        let next = end("2026-03-01T21:00:00Z", chrono_tz::Asia::Kuwait);
        assert_eq!((next.day.to_string(), next.until.to_string()), ("2026-03-02".into(), "2026-03-02T21:00:00.000Z".into()));
        let gap = end("2026-03-28T12:00:00Z", chrono_tz::Asia::Beirut);
        assert_eq!(gap.until.to_string(), "2026-03-28T22:00:00.000Z", "the clocks go from 00:00 to 01:00 that night");
    }
}
