//! Recomputing a card from its entries, the same for every database.

use std::collections::BTreeMap;

use crate::ledger::{Account, CardState, Entry};

/// The most findings that a check reports; there is an alarm after the first one.
const MAX_FINDINGS: usize = 100;

/// What a check found, in words.
#[derive(Debug, Default)]
pub struct Findings(Vec<String>);

impl Findings {
    /// Notes a finding, unless there are too many already.
    pub fn add(&mut self, what: String) {
        if self.0.len() < MAX_FINDINGS {
            self.0.push(what);
        }
    }

    /// What was found.
    #[must_use]
    pub fn into_lines(self) -> Vec<String> {
        self.0
    }
}

/// Balances of one lot, as the entries say.
#[derive(Default)]
struct Sums {
    available: i64,
    held: i64,
}

/// Compares a card with its entries, in the order in which they were posted, and with the points of its open vouchers.
pub fn audit_card(state: &CardState, entries: &[Entry], open_vouchers: &[i64], findings: &mut Findings) {
    let card = &state.card;
    let mut lots: BTreeMap<i64, Sums> = BTreeMap::new();
    let mut debt = 0_i64;
    let mut posting = None;
    for entry in entries {
        // Within one operation points may pass through an account; between operations nothing is below zero.
        if posting.replace(entry.op).is_some_and(|op| op != entry.op) {
            check_not_negative(state, &lots, debt, findings);
        }
        let mut move_points = |account: Account, amount: i64| match account {
            Account::Available => lots.entry(entry.lot).or_default().available += amount,
            Account::Held => lots.entry(entry.lot).or_default().held += amount,
            Account::Debt => debt -= amount,
            Account::Earned | Account::Redeemed | Account::Adjusted | Account::Forfeited => {}
        };
        move_points(entry.debit, -entry.amount);
        move_points(entry.credit, entry.amount);
    }
    check_not_negative(state, &lots, debt, findings);
    for lot in &state.lots {
        let sums = lots.remove(&lot.number).unwrap_or_default();
        if (sums.available, sums.held) != (lot.available, lot.held) {
            findings.add(format!(
                "{} lot {}: stored {} available and {} held, entries say {} and {}",
                card.id, lot.number, lot.available, lot.held, sums.available, sums.held
            ));
        }
    }
    for (number, _) in lots.iter().filter(|(_, sums)| (sums.available, sums.held) != (0, 0)) {
        findings.add(format!("{} lot {number}: has entries and no row", card.id));
    }
    if debt != card.debt {
        findings.add(format!("{}: stored debt {}, entries say {debt}", card.id, card.debt));
    }
    let (held, vouchers): (i64, i64) = (state.lots.iter().map(|lot| lot.held).sum(), open_vouchers.iter().sum());
    if card.held != held || card.held != vouchers {
        findings.add(format!("{}: stored {} held, lots say {held}, open vouchers {vouchers}", card.id, card.held));
    }
    if i64::try_from(open_vouchers.len()) != Ok(card.open_vouchers) {
        findings.add(format!("{}: stored {} open vouchers, there are {}", card.id, card.open_vouchers, open_vouchers.len()));
    }
}

fn check_not_negative(state: &CardState, lots: &BTreeMap<i64, Sums>, debt: i64, findings: &mut Findings) {
    for (number, sums) in lots {
        if sums.available < 0 || sums.held < 0 {
            findings
                .add(format!("{} lot {number}: {} available and {} held at some time", state.card.id, sums.available, sums.held));
        }
    }
    if debt < 0 {
        findings.add(format!("{}: a debt of {debt} at some time", state.card.id));
    }
}
