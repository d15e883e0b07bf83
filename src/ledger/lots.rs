//! Lots of a card: which one points go to, and which ones they come from.

use chrono::NaiveDate;

use crate::ledger::{CardState, Lot};

impl CardState {
    /// The lot with these dates, made when there is none yet.
    pub(super) fn lot_for(&mut self, expires_on: Option<NaiveDate>, available_from: Option<NaiveDate>) -> &mut Lot {
        let found = self.lots.iter().position(|lot| lot.expires_on == expires_on && lot.available_from == available_from);
        let place = found.unwrap_or_else(|| {
            let number = self.lots.iter().map(|lot| lot.number).max().unwrap_or(0) + 1;
            self.lots.push(Lot { number, expires_on, available_from, available: 0, held: 0 });
            self.lots.len() - 1
        });
        &mut self.lots[place]
    }

    /// A lot by its number; entries name only lots that exist.
    pub(super) fn lot_mut(&mut self, number: i64) -> Option<&mut Lot> {
        self.lots.iter_mut().find(|lot| lot.number == number)
    }

    /// Takes up to `wanted` points out of the lots that are open on `day`, soonest expiry first; says how many came from which lot.
    /// The caller has checked the sum if it must be whole.
    pub(super) fn take(&mut self, wanted: i64, day: NaiveDate) -> Vec<(i64, i64)> {
        let mut order: Vec<usize> = (0..self.lots.len()).filter(|&place| self.lots[place].open_on(day)).collect();
        order.sort_by_key(|&place| (self.lots[place].expires_on.unwrap_or(NaiveDate::MAX), self.lots[place].number));
        let mut left = wanted;
        let mut taken = Vec::new();
        for place in order {
            let lot = &mut self.lots[place];
            let part = left.min(lot.available);
            if part > 0 {
                lot.available -= part;
                left -= part;
                taken.push((lot.number, part));
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::ids::{CardId, MemberId, OrgId, PassId, ProgrammeId};
    use crate::ledger::Card;

    #[test]
    fn the_soonest_expiry_is_spent_first() {
        let day = |text: &str| text.parse::<NaiveDate>().expect("a day");
        let card = Card {
            org: OrgId([0; 16]),
            id: CardId([0; 16]),
            programme: ProgrammeId([0; 16]),
            member: MemberId([0; 16]),
            number: String::new(),
            held: 0,
            debt: 0,
            pass: PassId([0; 16]),
            code_generation: 0,
            open_vouchers: 0,
            verified: true,
            active: true,
            created_at: Timestamp::default(),
        };
        let mut state = CardState { card, lots: Vec::new() };
        state.lot_for(None, None).available = 5;
        state.lot_for(Some(day("2027-01-31")), None).available = 3;
        state.lot_for(Some(day("2026-12-31")), None).available = 2;
        state.lot_for(Some(day("2026-01-01")), None).available = 9;
        state.lot_for(None, Some(day("2028-01-01"))).available = 9;
        assert_eq!(state.spendable(day("2026-11-01")), 10, "neither lapsed nor waiting points count");
        assert_eq!(state.take(6, day("2026-11-01")), vec![(3, 2), (2, 3), (1, 1)]);
        assert_eq!(state.spendable(day("2026-11-01")), 4);
    }
}
