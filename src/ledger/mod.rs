//! The pure core: rows, commands, working set, [`run`]. No HTTP, no SQL, no wallet, no await, no clock and no randomness of its own.
//!
//! Every rule on value lives here, once, whatever the database. A backend loads the roots of a batch of commands into a
//! [`WorkingSet`], calls [`run`] for each command in order, and saves what changed, all in one transaction.

pub mod chain;
mod command;
pub mod contact;
mod decide;
#[cfg(test)]
pub(crate) mod guards;
mod lots;
mod outcome;
mod rows;
mod set;

pub use command::{
    Abandon, Adjust, Body, CancelVoucher, Capture, CaptureLine, Command, Earn, Enrol, EnrolMember, Erase, EraseCause, Expire,
    Fingerprint, IssueCode, IssueVoucher, NewMember, OpHeader, OpKey, Place, Principal, PutDocument, Reconcile, Reissue,
    ReturnSale, Reverse, Roots, RotatingStep, Sale, ShowOnGoogle, Touch,
};
pub use contact::{ChangeProfile, Claim, ContactCommand, ContactTrust, Proof, SendCode, Verification, Verify};
pub use decide::{Answer, Context, EXPIRY_GRACE_MS, IDENTIFY_GENERATION, TokenMint, entry_json, run, settling, stored};
pub use outcome::{
    Adjusted, CardSummary, CodeSent, CodeTried, CodesIssued, DocumentSaved, Earned, Enrolled, Erased, LineSummary, MemberChanged,
    Outcome, PlaceSummary, Reconciled, Redeemed, Reissued, Returned, Reversed, Swept, VoucherSummary, already_redeemed,
};
pub use rows::{
    Account, Card, CardState, Change, ChangeKind, Counter, CounterKey, Document, DocumentKey, DocumentKind, Earning, Entry,
    EntryKind, Identity, JournalRow, Lot, Member, OpOutcome, OpRow, Pass, PassKind, PassState, Redemption, RedemptionLine,
    RedemptionState, SealedProfile, Settled, Token, TokenHash, TokenKind, TokenState, Voucher, VoucherState,
};
pub use set::{Table, WorkingSet};
