//! The [`PassView`]: everything that one pass shows, as plain data, whatever the wallet.
//!
//! Whoever builds it has read the card, the programme and the member's profile already; names of rewards and of the programme
//! are in the member's language. Texts may hold anything: they are cleaned when they are rendered (`plain_text`).

use chrono_tz::Tz;

use crate::clock::Timestamp;
use crate::money::{Currency, Points};

/// What one pass shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassView {
    /// The serial number: unguessable, `[A-Za-z0-9._-]`, the same for the life of the pass.
    pub serial: String,
    /// A card or a voucher.
    pub kind: PassKind,
    /// The member's language as a BCP 47 tag such as `ar` or `en-GB`.
    pub language: String,
    /// The shop chain, as the lock screen names it.
    pub organisation: String,
    /// The programme's name.
    pub programme: String,
    /// The member's name, where there is one and it may be shown.
    pub member_name: Option<String>,
    /// The short number that staff can type and that stands below the code. Groups of digits are joined by hyphens: with
    /// spaces they would change places on a phone that writes from right to left.
    pub member_number: String,
    /// The balance.
    pub points: Points,
    /// Points on hold for open vouchers; part of nothing that can be spent.
    pub held: Points,
    /// Points that the member owes after a return; zero when none.
    pub debt: Points,
    /// The nearest reward that the balance doesn't reach yet.
    pub next_reward: Option<NextReward>,
    /// The rewards in the programme's order.
    pub rewards: Vec<RewardLine>,
    /// For a stamp card: how many of how many.
    pub stamps: Option<Stamps>,
    /// The text of the code; none while no code may be shown.
    pub code: Option<String>,
    /// The address of the member's own card page.
    pub card_page: Option<String>,
    /// What changed last.
    pub last_change: Option<Change>,
    /// What a voucher is for; none on a card.
    pub voucher: Option<VoucherView>,
    /// Whether the pass is void: it then has no code and never updates again.
    pub voided: bool,
    /// The programme's currency.
    pub currency: Currency,
    /// The programme's time zone, in which times are written.
    pub time_zone: Tz,
    /// When the pass itself expires.
    pub expires: Option<Timestamp>,
}

/// The two kinds of pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PassKind {
    /// A member's card in a programme.
    Card,
    /// An issued reward.
    Voucher,
}

impl PassKind {
    /// Both kinds.
    pub const ALL: [Self; 2] = [Self::Card, Self::Voucher];

    /// The word for it in template files and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::Voucher => "voucher",
        }
    }
}

/// The nearest reward out of reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextReward {
    /// Its name.
    pub name: String,
    /// What it costs.
    pub points: Points,
    /// What the balance lacks.
    pub missing: Points,
}

/// One reward of the programme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RewardLine {
    /// Its name.
    pub name: String,
    /// What it costs.
    pub points: Points,
    /// Whether the balance reaches it.
    pub available: bool,
}

/// How far a stamp card is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamps {
    /// Stamps collected towards the next reward.
    pub count: u32,
    /// Stamps that the reward needs.
    pub target: u32,
}

/// What changed last on a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// The kind of change.
    pub kind: ChangeKind,
    /// The points added, negative when taken.
    pub points: Points,
    /// When it was recorded.
    pub at: Timestamp,
}

/// The kinds of change that a member can see; `strings/*.toml` has a sentence `change_<name>` for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// The member joined.
    Joined,
    /// A sale brought points.
    Earned,
    /// A sale was returned.
    Returned,
    /// Points were swapped for a reward.
    Redeemed,
    /// A redemption was reversed.
    Reversed,
    /// A voucher was issued and holds points.
    VoucherIssued,
    /// A voucher was cancelled and its points came back.
    VoucherCancelled,
    /// Staff corrected the balance.
    Adjusted,
    /// Points expired.
    Expired,
}

impl ChangeKind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Joined,
        Self::Earned,
        Self::Returned,
        Self::Redeemed,
        Self::Reversed,
        Self::VoucherIssued,
        Self::VoucherCancelled,
        Self::Adjusted,
        Self::Expired,
    ];

    /// The key of its sentence in the strings files.
    #[must_use]
    pub const fn sentence_key(self) -> &'static str {
        match self {
            Self::Joined => "change_joined",
            Self::Earned => "change_earned",
            Self::Returned => "change_returned",
            Self::Redeemed => "change_redeemed",
            Self::Reversed => "change_reversed",
            Self::VoucherIssued => "change_voucher_issued",
            Self::VoucherCancelled => "change_voucher_cancelled",
            Self::Adjusted => "change_adjusted",
            Self::Expired => "change_expired",
        }
    }

    /// Its place in [`ChangeKind::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// What a voucher is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoucherView {
    /// The reward's name.
    pub reward: String,
    /// The points on hold for it.
    pub points: Points,
    /// When it lapses.
    pub expires: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_change_knows_its_place_and_has_its_own_sentence() {
        let mut keys: Vec<_> = ChangeKind::ALL.iter().map(|kind| kind.sentence_key()).collect();
        for (place, kind) in ChangeKind::ALL.iter().enumerate() {
            assert_eq!(kind.index(), place);
        }
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), ChangeKind::ALL.len());
    }
}
