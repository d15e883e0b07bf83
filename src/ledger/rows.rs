//! What the ledger keeps, one struct a table. A backend only loads and saves these.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::ids::{
    CardId, EarningId, KeyId, MemberId, OpId, OrgId, PassId, ProgrammeId, RedemptionId, StaffId, StoreId, TerminalId, VoucherId,
};
use crate::ledger::{OpKey, Principal};
use crate::money::Currency;

/// SHA-256 of a token's id (U3), or the keyed hash of a typed code: what is stored in place of the secret.
pub type TokenHash = [u8; 32];

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant),* }

        impl $name {
            /// The word in JSON, SQL and logs.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }

            /// Reads the word; `None` for any other text.
            #[must_use]
            pub fn from_word(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

words!(/// Where points stand. The first three belong to a card; the rest are system accounts, which keep no balance row.
Account {
    /// Points that the card can spend.
    Available = "available",
    /// Points reserved for open vouchers.
    Held = "held",
    /// Points that the member owes after a return; never spendable.
    Debt = "debt",
    /// Where earned points come from: the liability that sales create.
    Earned = "earned",
    /// Where redeemed points go.
    Redeemed = "redeemed",
    /// The other side of adjustments.
    Adjusted = "adjusted",
    /// Where the points of an erased member go.
    Forfeited = "forfeited",
});

words!(/// Why an entry was posted.
EntryKind {
    /// Points for a sale.
    Earn = "earn",
    /// Earned points that repay debt.
    DebtRepayment = "debt_repayment",
    /// Points taken back for a return.
    Return = "return",
    /// A correction by staff, with a reason.
    Adjust = "adjust",
    /// Points reserved for a voucher.
    Hold = "hold",
    /// Points spent.
    Capture = "capture",
    /// A hold given back.
    Release = "release",
    /// A capture undone.
    Reversal = "reversal",
    /// The end of an erased member's points.
    Forfeit = "forfeit",
});

words!(/// What a token is for.
TokenKind {
    /// On the card's pass; spends once, up to the programme's limit.
    Card = "card",
    /// On a voucher's pass.
    Voucher = "voucher",
    /// On the card page, two minutes.
    Live = "live",
    /// Read aloud or typed, five minutes.
    Typed = "typed",
    /// Identifies and never spends: the fixed code of a Google pass.
    Identify = "identify",
    /// The turning code of a Google pass at one step; its row is made when it is used.
    Rotating = "rotating",
});

words!(/// Where a token stands.
TokenState {
    /// Can be captured.
    Issued = "issued",
    /// Was captured; final.
    Captured = "captured",
    /// Was cancelled; final.
    Cancelled = "cancelled",
    /// Ran out; final.
    Expired = "expired",
    /// Its pass was re-issued; final.
    Replaced = "replaced",
});

words!(/// What became of a code from before a restore.
Settled {
    /// Nothing: it had been used or had ended in the meantime, or is of the present epoch.
    Untouched = "untouched",
    /// The next code of its pass is there in its place.
    Renewed = "renewed",
    /// It ended: the next one is made when it is asked for.
    Ended = "ended",
    /// The capture that the ledger had lost is there again.
    Captured = "captured",
});

words!(/// Where a voucher stands.
VoucherState {
    /// Its points are on hold.
    Issued = "issued",
    /// Was redeemed.
    Captured = "captured",
    /// Was cancelled, its points given back.
    Cancelled = "cancelled",
    /// Ran out, its points given back.
    Expired = "expired",
    /// Its redemption was reversed, its points given back.
    Reversed = "reversed",
});

words!(/// Where a redemption stands.
RedemptionState {
    /// Points were spent.
    Captured = "captured",
    /// Was undone, once.
    Reversed = "reversed",
});

words!(/// Which thing a pass is.
PassKind {
    /// The card.
    Card = "card",
    /// A voucher.
    Voucher = "voucher",
});

words!(/// Whether a pass is alive.
PassState {
    /// Shows a barcode and updates.
    Active = "active",
    /// Shows void, no barcode, no web service.
    Voided = "voided",
});

words!(/// What changed a pass last.
ChangeKind {
    /// Joined.
    Joined = "joined",
    /// Earned points.
    Earned = "earned",
    /// Points went back with a return.
    Returned = "returned",
    /// Staff corrected the balance.
    Adjusted = "adjusted",
    /// A voucher was issued.
    VoucherIssued = "voucher_issued",
    /// A voucher was cancelled or ran out.
    VoucherReleased = "voucher_released",
    /// Redeemed.
    Redeemed = "redeemed",
    /// A redemption was undone.
    Reversed = "reversed",
    /// Issued anew.
    Reissued = "reissued",
    /// The programme changed.
    Updated = "updated",
    /// The member was erased.
    Erased = "erased",
});

words!(/// Kinds of configuration documents.
DocumentKind {
    /// The organisation itself.
    Organisation = "organisation",
    /// A programme.
    Programme = "programme",
    /// A shop.
    Store = "store",
    /// A till or scanner.
    Terminal = "terminal",
    /// An API key.
    Key = "key",
    /// Which terminal a one-time enrolment code is for; its id is the keyed hash of the code.
    Enrolment = "enrolment",
    /// One of the staff.
    Staff = "staff",
    /// Whose a cashier's code is, for ever; its id is the hash of the code.
    StaffCode = "staff_code",
    /// The newest shift at a till; its id is the till's.
    Shift = "shift",
});

/// A member's account in a programme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// Its organisation.
    pub org: OrgId,
    /// Its id.
    pub id: CardId,
    /// Its programme.
    pub programme: ProgrammeId,
    /// Whose it is.
    pub member: MemberId,
    /// Ten digits for people, the last one a Luhn check; unique in the organisation.
    pub number: String,
    /// Points on hold for open vouchers, over all lots.
    pub held: i64,
    /// Points owed.
    pub debt: i64,
    /// The pass that is current.
    pub pass: PassId,
    /// Counts live and typed codes, so that each is derived anew.
    pub code_generation: i64,
    /// Open vouchers.
    pub open_vouchers: i64,
    /// False while the contact that the member joined with is to be proven: points wait until it is.
    pub verified: bool,
    /// False once the member was erased.
    pub active: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// The points of one card with one expiry date and one available-from date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lot {
    /// Its number within the card, from 1.
    pub number: i64,
    /// The last day on which its points can be spent, if they expire.
    pub expires_on: Option<NaiveDate>,
    /// The first day on which its points can be spent, if they wait.
    pub available_from: Option<NaiveDate>,
    /// Points that can be spent.
    pub available: i64,
    /// Points on hold.
    pub held: i64,
}

/// A card with its lots: the aggregate that value rules work on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardState {
    /// The card's own row.
    pub card: Card,
    /// Its lots, by number; bounded by the distinct dates.
    pub lots: Vec<Lot>,
}

impl CardState {
    /// Points that can be spent on `day`.
    #[must_use]
    pub fn spendable(&self, day: NaiveDate) -> i64 {
        self.lots.iter().filter(|lot| lot.open_on(day)).map(|lot| lot.available).sum()
    }

    /// Points in all lots that are not on hold, whether spendable today or not.
    #[must_use]
    pub fn available(&self) -> i64 {
        self.lots.iter().map(|lot| lot.available).sum()
    }
}

impl Lot {
    /// Whether its points can be spent on `day`.
    #[must_use]
    pub fn open_on(&self, day: NaiveDate) -> bool {
        self.expires_on.is_none_or(|last| day <= last) && self.available_from.is_none_or(|first| day >= first)
    }
}

/// An immutable posting: `amount` points from `debit` to `credit`, so that every ledger sums to zero by shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its organisation.
    pub org: OrgId,
    /// The operation that posted it.
    pub op: OpId,
    /// Its place among the operation's entries, from 0.
    pub place: i64,
    /// The programme whose points these are.
    pub programme: ProgrammeId,
    /// The card.
    pub card: CardId,
    /// The lot of the card; 0 for debt, which has none.
    pub lot: i64,
    /// Why.
    pub kind: EntryKind,
    /// Where the points come from.
    pub debit: Account,
    /// Where the points go.
    pub credit: Account,
    /// How many; over zero.
    pub amount: i64,
    /// The hold that this entry resolves (U1: at most one does).
    pub resolves: Option<(OpId, i64)>,
    /// The capture that this entry undoes (U2: at most one does).
    pub reverses: Option<(OpId, i64)>,
    /// When.
    pub at: Timestamp,
}

/// A one-time code, without the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its organisation.
    pub org: OrgId,
    /// What the code hashes to.
    pub hash: TokenHash,
    /// Which master key it was derived from.
    pub kid: u8,
    /// What it is for.
    pub kind: TokenKind,
    /// Counts the tokens of its pass, voucher or card.
    pub generation: i64,
    /// The card that it stands for.
    pub card: CardId,
    /// The pass that shows it, if one does.
    pub pass: Option<PassId>,
    /// The voucher that it redeems, if it does.
    pub voucher: Option<VoucherId>,
    /// Where it stands.
    pub state: TokenState,
    /// When it was made.
    pub issued_at: Timestamp,
    /// When it runs out, if it does.
    pub expires_at: Option<Timestamp>,
    /// The redemption that captured it.
    pub captured_by: Option<RedemptionId>,
    /// The ledger's epoch when it was made.
    pub epoch: i64,
}

/// An issued reward with its points on hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voucher {
    /// Its organisation.
    pub org: OrgId,
    /// Its id; the bytes of the operation that issued it, whose hold entries are its hold.
    pub id: VoucherId,
    /// The card.
    pub card: CardId,
    /// The programme.
    pub programme: ProgrammeId,
    /// Its pass.
    pub pass: PassId,
    /// The reward's id in the programme.
    pub reward: String,
    /// The points on hold.
    pub points: i64,
    /// Where it stands.
    pub state: VoucherState,
    /// The one token that captures it.
    pub token: TokenHash,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it runs out.
    pub expires_at: Option<Timestamp>,
    /// The programme document's version whose price it was issued at.
    pub programme_version: i64,
}

/// One line of a redemption.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RedemptionLine {
    /// The reward's id in the programme.
    pub reward: String,
    /// How many.
    pub quantity: i64,
    /// The points for all of them.
    pub points: i64,
}

/// A capture and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redemption {
    /// Its organisation.
    pub org: OrgId,
    /// Its id; the bytes of the operation.
    pub id: RedemptionId,
    /// The card.
    pub card: CardId,
    /// The programme.
    pub programme: ProgrammeId,
    /// The token that was captured.
    pub token: TokenHash,
    /// The voucher that was redeemed, if it was one.
    pub voucher: Option<VoucherId>,
    /// What was bought.
    pub lines: Vec<RedemptionLine>,
    /// The points of all lines.
    pub points: i64,
    /// Who did it where.
    pub place: crate::ledger::Place,
    /// The sale's receipt that it belongs to, if told.
    pub receipt: Option<String>,
    /// Who asked.
    pub principal: Principal,
    /// When.
    pub at: Timestamp,
    /// Where it stands.
    pub state: RedemptionState,
}

/// A sale that earned points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earning {
    /// Its organisation.
    pub org: OrgId,
    /// Its id; the bytes of the operation.
    pub id: EarningId,
    /// The programme.
    pub programme: ProgrammeId,
    /// The card.
    pub card: CardId,
    /// Who did it where.
    pub place: crate::ledger::Place,
    /// The receipt; unique per (programme, store).
    pub receipt: String,
    /// The total in minor units.
    pub total: i64,
    /// The currency.
    pub currency: Currency,
    /// What was returned so far, in minor units.
    pub returned: i64,
    /// The points that it earned.
    pub points: i64,
    /// The points taken back so far.
    pub returned_points: i64,
    /// The document version whose rules were used.
    pub programme_version: i64,
    /// When the sale happened.
    pub occurred_at: Timestamp,
    /// When we heard of it.
    pub recorded_at: Timestamp,
    /// The sale's lines as JSON, if told.
    pub lines: Option<String>,
}

/// A member's name and contacts, sealed with the member's data key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedProfile {
    /// The data key, sealed under the master key; gone after an erasure.
    pub data_key: Vec<u8>,
    /// The profile, sealed under the data key.
    pub profile: Vec<u8>,
}

/// A person known to an organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its organisation.
    pub org: OrgId,
    /// Its id.
    pub id: MemberId,
    /// The language of what the member reads: `en` or `ar`.
    pub language: String,
    /// Name and contacts; `None` after an erasure.
    pub profile: Option<SealedProfile>,
    /// False once erased.
    pub active: bool,
    /// When the member joined.
    pub created_at: Timestamp,
}

/// A keyed hash of a phone number or an address, unique in the organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its organisation.
    pub org: OrgId,
    /// The keyed hash.
    pub hash: [u8; 32],
    /// Whose it is; `None` once given free by an erasure.
    pub member: Option<MemberId>,
}

/// What changed a pass last, to be shown in the member's language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What happened.
    pub kind: ChangeKind,
    /// By how many points the balance moved; negative when spent.
    pub points: i64,
    /// When.
    pub at: Timestamp,
}

/// One installable thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass {
    /// Its organisation.
    pub org: OrgId,
    /// Its id; the letters are the wallet's serial number.
    pub id: PassId,
    /// Card or voucher.
    pub kind: PassKind,
    /// The card.
    pub card: CardId,
    /// The programme.
    pub programme: ProgrammeId,
    /// The voucher, for a voucher's pass.
    pub voucher: Option<VoucherId>,
    /// Which master key its link and its authentication token are derived from; never changes, since Apple forbids it.
    pub auth_kid: u8,
    /// Which master key its current token is derived from.
    pub kid: u8,
    /// The generation of its current token.
    pub generation: i64,
    /// Counts revocations of its link.
    pub link_generation: i64,
    /// One more whenever what it shows changes.
    pub version: i64,
    /// Whole seconds since 1970, always later than the version before.
    pub last_modified: i64,
    /// The commit-ordered number of its last change; 0 until the sequencer came by.
    pub seq: i64,
    /// Alive or void.
    pub state: PassState,
    /// The programme document's version that it shows.
    pub document_version: i64,
    /// What changed it last.
    pub change: Change,
    /// Whether it is also an object in Google Wallet.
    pub on_google: bool,
}

/// A sum that rules need, per card, metric and local day.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CounterKey {
    /// The organisation.
    pub org: OrgId,
    /// The card.
    pub card: CardId,
    /// Such as `visits`, `spend`, `redemptions`.
    pub metric: &'static str,
    /// The day in the programme's time zone.
    pub day: NaiveDate,
}

/// The value of a [`CounterKey`].
pub type Counter = i64;

words!(/// How an operation ended.
OpOutcome {
    /// Done.
    Done = "done",
    /// Refused by a rule.
    Refused = "refused",
    /// Given up by its client before it ran; it never will.
    Abandoned = "abandoned",
});

/// An operation and its one outcome (U4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpRow {
    /// Its organisation.
    pub org: OrgId,
    /// Who asked.
    pub principal: Principal,
    /// The client's own id for it.
    pub key: OpKey,
    /// Its id here.
    pub id: OpId,
    /// SHA-256 over the parsed command.
    pub fingerprint: [u8; 32],
    /// What was asked, such as `capture`.
    pub kind: String,
    /// How it ended.
    pub outcome: OpOutcome,
    /// The answer's status.
    pub status: u16,
    /// The answer's bytes; `None` once they are no longer kept.
    pub answer: Option<Vec<u8>>,
    /// When.
    pub at: Timestamp,
}

/// What happened, in order. The sequencer numbers it later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalRow {
    /// Its organisation.
    pub org: OrgId,
    /// The operation.
    pub op: OpId,
    /// What happened, such as `capture`.
    pub kind: String,
    /// Who asked.
    pub actor: Principal,
    /// When.
    pub at: Timestamp,
    /// Canonical JSON of entries, changed passes and ids; no personal data. The hash chain covers these bytes.
    pub body: String,
    /// The passes that changed: each gets a new `seq` and an outbox row.
    pub passes: Vec<PassId>,
}

/// Names one configuration document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DocumentKey {
    /// The organisation.
    pub org: OrgId,
    /// The kind.
    pub kind: DocumentKind,
    /// The id's bytes.
    pub id: [u8; 16],
}

/// A version of a configuration document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Which.
    pub key: DocumentKey,
    /// From 1.
    pub version: i64,
    /// JSON text, valid for its kind.
    pub body: std::sync::Arc<str>,
    /// When it was saved.
    pub at: Timestamp,
    /// Who saved it.
    pub actor: Principal,
}

impl DocumentKey {
    /// The programme document of a programme.
    #[must_use]
    pub const fn programme(org: OrgId, id: ProgrammeId) -> Self {
        Self { org, kind: DocumentKind::Programme, id: id.0 }
    }

    /// The document of a store.
    #[must_use]
    pub const fn store(org: OrgId, id: StoreId) -> Self {
        Self { org, kind: DocumentKind::Store, id: id.0 }
    }

    /// The document of a terminal.
    #[must_use]
    pub const fn terminal(org: OrgId, id: TerminalId) -> Self {
        Self { org, kind: DocumentKind::Terminal, id: id.0 }
    }

    /// The document of one of the staff.
    #[must_use]
    pub const fn staff(org: OrgId, id: StaffId) -> Self {
        Self { org, kind: DocumentKind::Staff, id: id.0 }
    }

    /// The document of the newest shift at a till.
    #[must_use]
    pub const fn shift(org: OrgId, till: TerminalId) -> Self {
        Self { org, kind: DocumentKind::Shift, id: till.0 }
    }

    /// The document of a key.
    #[must_use]
    pub const fn key(org: OrgId, id: KeyId) -> Self {
        Self { org, kind: DocumentKind::Key, id: id.0 }
    }

    /// The document of the organisation itself.
    #[must_use]
    pub const fn organisation(org: OrgId) -> Self {
        Self { org, kind: DocumentKind::Organisation, id: org.0 }
    }
}
