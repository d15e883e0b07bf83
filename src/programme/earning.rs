//! From a sale's total to points: exact decimals, one stated rounding, bounds.

use rust_decimal::{Decimal, RoundingStrategy};

use crate::money::{MAX_POINTS, Money};
use crate::programme::{Earning, Findings, Rounding};

impl Earning {
    /// The points for a sale of `total`: per major unit, rounded once at the end, plus those per sale.
    /// A total of zero earns nothing. `None` when the result is beyond [`MAX_POINTS`].
    #[must_use]
    pub fn points(&self, total: Money) -> Option<i64> {
        if total.minor_units() == 0 {
            return Some(0);
        }
        let exact = total.decimal().checked_mul(self.points_per_unit)?;
        let strategy = match self.rounding {
            Rounding::Down => RoundingStrategy::ToZero,
            Rounding::HalfUp => RoundingStrategy::MidpointAwayFromZero,
            Rounding::Up => RoundingStrategy::AwayFromZero,
        };
        let whole = i64::try_from(exact.round_dp_with_strategy(0, strategy)).ok()?;
        let points = whole.checked_add(self.points_per_sale)?;
        (points <= MAX_POINTS).then_some(points)
    }

    pub(super) fn check(&self, findings: &mut Findings) {
        let rate_ok = self.points_per_unit >= Decimal::ZERO
            && self.points_per_unit <= Decimal::from(1_000_000)
            && self.points_per_unit.scale() <= 6;
        findings.expect(rate_ok, "earning.points_per_unit", "is not from 0 to 1000000 with at most 6 decimals");
        findings.expect((0..=1_000_000).contains(&self.points_per_sale), "earning.points_per_sale", "is not from 0 to 1000000");
        let earns = self.points_per_unit > Decimal::ZERO || self.points_per_sale > 0;
        findings.expect(earns, "earning", "earns nothing: give points_per_unit or points_per_sale");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(rate: &str, rounding: Rounding, amount: &str, currency: &str) -> Option<i64> {
        let currency = currency.parse().expect("a currency");
        let earning = Earning { points_per_unit: rate.parse().expect("a rate"), points_per_sale: 0, rounding };
        earning.points(Money::parse(amount, currency).expect("money"))
    }

    #[test]
    fn golden_points_by_rate_and_rounding() {
        assert_eq!(points("10", Rounding::Down, "4.750", "KWD"), Some(47));
        assert_eq!(points("10", Rounding::HalfUp, "4.750", "KWD"), Some(48));
        assert_eq!(points("10", Rounding::Up, "4.701", "KWD"), Some(48));
        assert_eq!(points("0.5", Rounding::Down, "3", "JPY"), Some(1));
        assert_eq!(points("1.1", Rounding::Down, "10.00", "USD"), Some(11), "no floating point: 1.1 x 10 is 11, not 10.99");
        assert_eq!(points("10", Rounding::Up, "0.000", "KWD"), Some(0));
    }

    #[test]
    fn a_stamp_card_earns_per_sale() {
        let earning = Earning { points_per_sale: 1, ..Earning::default() };
        let sale = Money::parse("2.000", "KWD".parse().expect("a currency")).expect("money");
        assert_eq!(earning.points(sale), Some(1));
    }

    #[test]
    fn too_many_points_are_none() {
        assert_eq!(points("1000000", Rounding::Down, "99999999999.99", "USD"), None);
    }
}
