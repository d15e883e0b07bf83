//! What an operation did, as it is stored and answered. Ids and numbers only: no secret, no personal data.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::error::{Code, Problem};
use crate::ids::{
    CardId, EarningId, MemberId, OpId, PassId, ProgrammeId, RedemptionId, ReturnId, StoreId, TerminalId, VoucherId,
};
use crate::ledger::{CardState, Place, Redemption, RedemptionLine, Settled, Token, VoucherState};
use crate::money::Money;

/// A card's balance after an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CardSummary {
    /// The card.
    pub id: CardId,
    /// Its programme.
    pub programme: ProgrammeId,
    /// Whose it is.
    pub member: MemberId,
    /// Its number for people.
    pub number: String,
    /// Points that can be spent; 0 while `pending` says how many wait.
    pub points: i64,
    /// Points that wait until the member has confirmed the contact; only there while that is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<i64>,
    /// Points on hold for open vouchers.
    pub held: i64,
    /// Points owed after returns.
    pub debt: i64,
    /// The pass that is current.
    pub pass: PassId,
    /// The version of what the pass shows.
    pub pass_version: i64,
}

impl CardSummary {
    pub(super) fn of(state: &CardState, pass_version: i64) -> Self {
        let card = &state.card;
        Self {
            id: card.id,
            programme: card.programme,
            member: card.member,
            number: card.number.clone(),
            points: if card.verified { state.available() } else { 0 },
            pending: (!card.verified).then(|| state.available()),
            held: card.held,
            debt: card.debt,
            pass: card.pass,
            pass_version,
        }
    }
}

/// Where and by whom, as ids and names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PlaceSummary {
    /// The shop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreId>,
    /// The shop's name at the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_name: Option<String>,
    /// The till.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal: Option<TerminalId>,
    /// The till's name at the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal_name: Option<String>,
    /// The cashier's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cashier: Option<String>,
}

impl From<&Place> for PlaceSummary {
    fn from(place: &Place) -> Self {
        Self {
            store: place.store,
            store_name: place.store_name.clone(),
            terminal: place.terminal,
            terminal_name: place.terminal_name.clone(),
            cashier: place.cashier.clone(),
        }
    }
}

macro_rules! outcomes {
    ($($(#[$doc:meta])* $name:ident $status:literal { $($(#[$fdoc:meta])* $field:ident: $type:ty),* $(,)? })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
            pub struct $name { $($(#[$fdoc])* pub $field: $type),* }
        )*

        /// What an operation did.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
        #[serde(untagged)]
        pub enum Outcome { $($(#[$doc])* $name($name)),* }

        impl Outcome {
            /// The status of its answer.
            #[must_use]
            pub const fn status(&self) -> u16 {
                match self { $(Self::$name(_) => $status),* }
            }
        }

        $(impl From<$name> for Outcome {
            fn from(outcome: $name) -> Self { Self::$name(outcome) }
        })*
    };
}

outcomes! {
    /// A card was made.
    Enrolled 201 {
        /// The operation.
        op: OpId,
        /// The member.
        member: MemberId,
        /// The card.
        card: CardSummary,
    }
    /// Codes were made; their texts are derived when they are answered, and not stored.
    CodesIssued 201 {
        /// The operation.
        op: OpId,
        /// The card.
        card: CardId,
        /// Which master key they are derived from.
        kid: u8,
        /// Which codes of the card.
        generation: i64,
        /// When the live code runs out.
        live_expires_at: Timestamp,
        /// When the typed code runs out.
        typed_expires_at: Timestamp,
    }
    /// A sale earned points.
    Earned 201 {
        /// The operation.
        op: OpId,
        /// The earning.
        id: EarningId,
        /// The receipt.
        receipt: String,
        /// The sale's total.
        total: Money,
        /// Points that the sale earned.
        points: i64,
        /// Of these, points that repaid debt.
        debt_repaid: i64,
        /// Rewards that the card can afford now and could not before.
        unlocked: Vec<String>,
        /// When.
        at: Timestamp,
        /// The card after it.
        card: CardSummary,
    }
    /// A return took points back.
    Returned 201 {
        /// The operation.
        op: OpId,
        /// The return.
        id: ReturnId,
        /// The earning.
        earning: EarningId,
        /// What was returned now.
        total: Money,
        /// What is left of the sale.
        left: Money,
        /// Points taken back.
        points: i64,
        /// Of these, points that the card no longer had and now owes.
        debt_added: i64,
        /// When.
        at: Timestamp,
        /// The card after it.
        card: CardSummary,
    }
    /// A balance was corrected.
    Adjusted 201 {
        /// The operation.
        op: OpId,
        /// By how much.
        points: i64,
        /// When.
        at: Timestamp,
        /// The card after it.
        card: CardSummary,
    }
    /// A voucher was issued, cancelled or ran out.
    VoucherSummary 201 {
        /// The operation.
        op: OpId,
        /// The voucher.
        id: VoucherId,
        /// The reward.
        reward: String,
        /// Its points.
        points: i64,
        /// Where it stands.
        state: VoucherState,
        /// Its pass.
        pass: PassId,
        /// When it runs out.
        expires_at: Option<Timestamp>,
        /// The card after it.
        card: CardSummary,
    }
    /// A token was captured; or, for `validate_only`, would be.
    Redeemed 201 {
        /// The operation; none when only validated.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        op: Option<OpId>,
        /// The redemption; none when only validated.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<RedemptionId>,
        /// What was bought.
        lines: Vec<LineSummary>,
        /// The points of all lines.
        points: i64,
        /// The voucher that was redeemed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        voucher: Option<VoucherId>,
        /// The sale's receipt that it belongs to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        receipt: Option<String>,
        /// Where.
        place: PlaceSummary,
        /// When.
        at: Timestamp,
        /// The card after it.
        card: CardSummary,
    }
    /// A redemption was undone.
    Reversed 201 {
        /// The operation.
        op: OpId,
        /// The redemption.
        redemption: RedemptionId,
        /// Points given back.
        points: i64,
        /// When.
        at: Timestamp,
        /// The card after it.
        card: CardSummary,
    }
    /// A card's passes were issued anew.
    Reissued 201 {
        /// The operation.
        op: OpId,
        /// The pass that is void now.
        replaced: PassId,
        /// Vouchers whose passes were issued anew as well.
        vouchers: Vec<VoucherId>,
        /// The card after it.
        card: CardSummary,
    }
    /// A member's data is gone.
    Erased 200 {
        /// The operation.
        op: OpId,
        /// The member.
        member: MemberId,
        /// Points that were forfeited.
        forfeited: i64,
        /// When.
        at: Timestamp,
    }
    /// A sweep did its round.
    Swept 200 {
        /// The operation.
        op: OpId,
        /// How many things it changed.
        changed: i64,
    }
    /// A code from before a restore was settled.
    Reconciled 200 {
        /// The operation.
        op: OpId,
        /// What became of it.
        settled: Settled,
        /// The redemption that the ledger had lost.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lost: Option<RedemptionId>,
    }
    /// A code for a contact was made, or not yet.
    CodeSent 200 {
        /// The operation.
        op: OpId,
        /// The member.
        member: MemberId,
        /// Whether there is a new code to send.
        sent: bool,
        /// Milliseconds until the next one can be made.
        wait_ms: i64,
        /// Counts the codes.
        number: i64,
        /// Whether the link beside the code proves the contact as well.
        with_link: bool,
    }
    /// A code for a contact was tried.
    CodeTried 200 {
        /// The operation.
        op: OpId,
        /// The member.
        member: MemberId,
        /// Whether it was right: the contact is proven.
        verified: bool,
        /// Tries that are left; 0 when a new code is needed.
        tries_left: i64,
        /// The card that it was about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        card: Option<CardId>,
    }
    /// What is known of a member was changed.
    MemberChanged 200 {
        /// The operation.
        op: OpId,
        /// The member.
        member: MemberId,
        /// When.
        at: Timestamp,
    }
    /// A document has a new version.
    DocumentSaved 200 {
        /// The operation.
        op: OpId,
        /// The version.
        version: i64,
        /// When.
        at: Timestamp,
    }
}

/// A line of a redemption with what the till prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LineSummary {
    /// The reward.
    pub reward: String,
    /// Its name in English, as it was.
    pub name: String,
    /// How many.
    pub quantity: i64,
    /// The points for all of them.
    pub points: i64,
    /// What all of them are worth, if the programme says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Money>,
}

impl From<&LineSummary> for RedemptionLine {
    fn from(line: &LineSummary) -> Self {
        Self { reward: line.reward.clone(), quantity: line.quantity, points: line.points }
    }
}

/// The refusal of a token that was captured: who, when and where, and the way out.
#[must_use]
pub fn already_redeemed(redemption: &Redemption, token: &Token, newer_code_exists: bool, asking: &Place) -> Problem {
    let place = &redemption.place;
    let at_store = place.store_name.as_deref().map(|name| format!(" at {name}")).unwrap_or_default();
    let way_out = if newer_code_exists {
        " The card has a newer code: refresh the pass, or show the live code on the card page."
    } else {
        ""
    };
    Problem::new(Code::AlreadyRedeemed, format!("This code was redeemed on {}{at_store}.{way_out}", redemption.at))
        .with("redemption", redemption.id)
        .with("redeemed_at", redemption.at)
        .with("place", PlaceSummary::from(place))
        .with("same_terminal", place.terminal.is_some() && place.terminal == asking.terminal)
        .with("lines", &redemption.lines)
        .with("points", redemption.points)
        .with("reversed", redemption.state == crate::ledger::RedemptionState::Reversed)
        .with("code_kind", token.kind)
        .with("newer_code_exists", newer_code_exists)
}
