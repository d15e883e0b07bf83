//! The database trait and its backends. Only this module knows SQL; what must be atomic is one method.
//!
//! Values go in and out as the rows of `ledger`. Every method that reads an organisation's rows takes its [`OrgId`] first. The
//! exceptions say so: what a phone asks with a pass serial or a device id, what a key's own id looks up, and what workers sweep.

mod audit;
pub mod batcher;
pub mod copy;
mod error;
mod loading;
pub mod memory;
pub mod postgres;
pub mod sqlite;
mod wallets;

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::ids::{CardId, DeadLetterId, EarningId, MemberId, OpId, OrgId, PassId, ProgrammeId, RedemptionId, VoucherId};
use crate::ledger::{
    Answer, CardState, Command, Document, DocumentKey, DocumentKind, Earning, Entry, JournalRow, Member, OpKey, OpRow, Pass,
    Principal, Redemption, Token, TokenHash, TokenKind, Voucher,
};

pub use error::DbError;
pub use wallets::{GoogleClass, GoogleEvent, GoogleEventKind, GoogleObject, Heard, MAX_NOTICES};

/// The most commands that one transaction decides.
pub const MAX_BATCH: usize = 256;

/// The most registrations that one pass keeps; the oldest idle one is dropped for a new one.
pub const MAX_REGISTRATIONS_PER_PASS: usize = 20;

/// The most lines of phones' logs that are kept; older ones go.
pub const MAX_DEVICE_LOGS: usize = 10_000;

/// How long after a callback Google is asked whether it is still so: several devices of one holder give several.
pub const ASK_AFTER_EVENT_MS: i64 = 10 * 60_000;

/// How often Google is asked about an object of which nothing is heard.
pub const ASK_EVERY_MS: i64 = 24 * 3_600_000;

/// What a token stands for; never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenRef {
    /// What it is for.
    pub kind: TokenKind,
    /// The card.
    pub card: CardId,
    /// The card's programme.
    pub programme: ProgrammeId,
    /// The pass that shows it.
    pub pass: Option<PassId>,
    /// The voucher that it redeems.
    pub voucher: Option<VoucherId>,
}

/// A phone's interest in a pass (Apple's registration).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// The pass's organisation.
    pub org: OrgId,
    /// The pass.
    pub pass: PassId,
    /// Apple's pass type identifier.
    pub pass_type: String,
    /// Apple's device library identifier: a secret of the phone.
    pub device: String,
    /// Where to push.
    pub push_token: String,
    /// When it was last registered.
    pub registered_at: Timestamp,
    /// When it was last pushed to.
    pub pushed_at: Option<Timestamp>,
    /// The version of the pass when it was last pushed to.
    pub pushed_version: i64,
    /// When the phone last asked what changed.
    pub listed_at: Option<Timestamp>,
}

/// What a registration did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    /// The phone was not registered for the pass before.
    New,
    /// It was; its push token was overwritten.
    Known,
}

/// The answer to "what changed since".
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChangedPasses {
    /// The serials (passes) that changed.
    pub passes: Vec<PassId>,
    /// The largest `seq` among the rows that were read in the same snapshot; 0 when there are none.
    pub tag: i64,
    /// Whether the phone holds any pass of the type.
    pub known: bool,
}

/// What a phone logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceLog {
    /// When we heard it.
    pub at: Timestamp,
    /// The organisation, when the text names a pass of one.
    pub org: Option<OrgId>,
    /// The pass that the text names.
    pub pass: Option<PassId>,
    /// The text, its device id masked, at most 1,000 characters.
    pub text: String,
}

/// A journal row in its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalRecord {
    /// From 1, without a gap, in each organisation.
    pub number: i64,
    /// The hash of the row before it.
    pub previous: [u8; 32],
    /// Its own hash.
    pub hash: [u8; 32],
    /// What happened.
    pub row: JournalRow,
}

/// What one round of the sequencer did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sequenced {
    /// Journal rows that were numbered.
    pub rows: usize,
    /// Passes that got a new `seq` and are owed to wallets.
    pub owed: usize,
    /// The largest `seq` that was ever given, by whichever node.
    pub newest: i64,
}

/// A wallet as a receiver of changes; each has its own outbox rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Channel {
    /// Apple Wallet, pushed through APNs.
    Apple,
    /// Google Wallet, patched by REST.
    Google,
}

impl Channel {
    /// The word in SQL and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Apple => "apple",
            Self::Google => "google",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn from_word(text: &str) -> Option<Self> {
        match text {
            "apple" => Some(Self::Apple),
            "google" => Some(Self::Google),
            _ => None,
        }
    }
}

/// What is owed to a wallet: one row per pass and channel, however often the pass changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxItem {
    /// The pass's organisation.
    pub org: OrgId,
    /// The pass.
    pub pass: PassId,
    /// The wallet.
    pub channel: Channel,
    /// The newest version that is owed.
    pub version: i64,
    /// When it is due.
    pub due_at: Timestamp,
    /// Failed tries since the last success or change.
    pub tries: i64,
    /// How often it was pushed and not fetched yet: 0 before the first push.
    pub stage: i64,
    /// When it was first owed.
    pub since: Timestamp,
    /// What went wrong last.
    pub last_error: Option<String>,
}

/// Something owed that could not be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its id.
    pub id: DeadLetterId,
    /// What was owed.
    pub item: OutboxItem,
    /// When it was given up.
    pub died_at: Timestamp,
}

/// How a worker ends its claim on an outbox row. All of them also end the lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutboxResult {
    /// Delivered at this version: the row goes, unless a newer version is owed by now (then it is due at once).
    Done {
        /// The version that was delivered.
        version: i64,
    },
    /// To be looked at again: not fetched yet, or failed.
    Later {
        /// When.
        due_at: Timestamp,
        /// Failed tries so far.
        tries: i64,
        /// Pushes so far.
        stage: i64,
        /// What went wrong.
        error: Option<String>,
    },
    /// Given up: a dead letter.
    Dead {
        /// The dead letter's new id.
        id: DeadLetterId,
        /// When.
        at: Timestamp,
        /// What went wrong.
        error: String,
    },
}

/// How a pass stands with the phones that hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The pass as it is.
    pub pass: Pass,
    /// The version that was last fetched, by whichever phone.
    pub fetched_version: i64,
    /// When.
    pub fetched_at: Option<Timestamp>,
    /// The phones.
    pub registrations: Vec<Registration>,
    /// What is still owed.
    pub owed: Vec<OutboxItem>,
    /// The object in Google Wallet, once it was written.
    pub google: Option<GoogleObject>,
}

/// A token that ran out, for the sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expired {
    /// Its organisation.
    pub org: OrgId,
    /// The token.
    pub token: TokenHash,
    /// Its card.
    pub card: CardId,
    /// Its voucher.
    pub voucher: Option<VoucherId>,
}

/// Passes whose programme document changed, for the sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stale {
    /// The organisation.
    pub org: OrgId,
    /// The programme.
    pub programme: ProgrammeId,
    /// Passes that show an older version.
    pub passes: Vec<PassId>,
}

/// What the ledger check found: any line is an alarm.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LedgerCheck {
    /// Cards that were recomputed from their entries.
    pub cards: i64,
    /// Entries that were summed.
    pub entries: i64,
    /// What does not agree, in words; at most 100.
    pub findings: Vec<String>,
}

/// A place to begin or go on reading a list from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Only ids (or numbers) beyond this one; 0s for the beginning.
    pub after: [u8; 16],
    /// At most so many rows.
    pub limit: usize,
}

/// A database. All methods are safe to call from many tasks at once.
#[async_trait]
pub trait Db: Send + Sync {
    // --- the value path ---

    /// Decides a batch in one transaction and answers in its order: loads the roots, runs [`crate::ledger::run`] for each, saves, commits durably.
    /// A constraint violation or a panic of a rule rolls the batch back and redoes it command by command; the guilty one alone gets the error.
    async fn apply(&self, batch: Vec<Command>, now: Timestamp) -> Vec<Result<Answer, DbError>>;
    /// How many batches may be decided at the same time with a gain.
    fn lanes(&self) -> usize {
        1
    }

    // --- resolving and reading ---

    /// What a token stands for.
    async fn token(&self, org: OrgId, hash: TokenHash) -> Result<Option<TokenRef>, DbError>;
    /// A token's whole row.
    async fn token_row(&self, org: OrgId, hash: TokenHash) -> Result<Option<Token>, DbError>;
    /// A card with its lots.
    async fn card(&self, org: OrgId, id: CardId) -> Result<Option<CardState>, DbError>;
    /// The cards of a member.
    async fn cards_of(&self, org: OrgId, member: MemberId) -> Result<Vec<CardState>, DbError>;
    /// A member.
    async fn member(&self, org: OrgId, id: MemberId) -> Result<Option<Member>, DbError>;
    /// Members in the order of their ids.
    async fn members(&self, org: OrgId, page: Page) -> Result<Vec<Member>, DbError>;
    /// Whose identity a keyed hash is.
    async fn identity(&self, org: OrgId, hash: [u8; 32]) -> Result<Option<MemberId>, DbError>;
    /// A voucher.
    async fn voucher(&self, org: OrgId, id: VoucherId) -> Result<Option<Voucher>, DbError>;
    /// The vouchers of a card, newest first, at most `limit`.
    async fn vouchers_of(&self, org: OrgId, card: CardId, limit: usize) -> Result<Vec<Voucher>, DbError>;
    /// A redemption.
    async fn redemption(&self, org: OrgId, id: RedemptionId) -> Result<Option<Redemption>, DbError>;
    /// An earning.
    async fn earning(&self, org: OrgId, id: EarningId) -> Result<Option<Earning>, DbError>;
    /// The entries of a card in the order in which they were posted, beyond (operation, place).
    async fn entries_of(&self, org: OrgId, card: CardId, after: Option<(OpId, i64)>, limit: usize)
    -> Result<Vec<Entry>, DbError>;
    /// The entries of a card, the newest first, before (operation, place).
    async fn latest_entries_of(
        &self,
        org: OrgId,
        card: CardId,
        before: Option<(OpId, i64)>,
        limit: usize,
    ) -> Result<Vec<Entry>, DbError>;
    /// The entries of an operation.
    async fn entries(&self, org: OrgId, op: OpId) -> Result<Vec<Entry>, DbError>;
    /// An operation by its client's key.
    async fn op(&self, org: OrgId, principal: Principal, key: &OpKey) -> Result<Option<OpRow>, DbError>;
    /// An operation by our id.
    async fn op_by_id(&self, org: OrgId, id: OpId) -> Result<Option<OpRow>, DbError>;
    /// A pass by its serial alone, since that is what a phone knows: serials are random and unique over all organisations.
    async fn pass(&self, id: PassId) -> Result<Option<Pass>, DbError>;

    // --- configuration documents (written by commands) ---

    /// The newest version of a document.
    async fn document(&self, key: DocumentKey) -> Result<Option<Document>, DbError>;
    /// The newest versions of all documents of a kind, at most 1,000.
    async fn documents(&self, org: OrgId, kind: DocumentKind) -> Result<Vec<Document>, DbError>;
    /// Every version of a document, newest first, at most `limit`.
    async fn document_history(&self, key: DocumentKey, limit: usize) -> Result<Vec<Document>, DbError>;
    /// A key, terminal or programme by its id alone: the caller has nothing else yet. Ids are unique over all organisations.
    async fn document_by_id(&self, kind: DocumentKind, id: [u8; 16]) -> Result<Option<Document>, DbError>;
    /// All organisations.
    async fn organisations(&self) -> Result<Vec<Document>, DbError>;

    // --- phones (Apple's web service) ---

    /// Registers a phone for a pass, or overwrites its push token. If the pass has changed since it was last fetched, it is owed again
    /// (the race between download and registration). Beyond [`MAX_REGISTRATIONS_PER_PASS`] the one that was silent longest goes.
    async fn register(&self, registration: Registration) -> Result<Registered, DbError>;
    /// Ends a registration; nothing happens when there is none.
    async fn unregister(&self, pass_type: &str, device: &str, pass: PassId) -> Result<(), DbError>;
    /// The passes of a device with a `seq` beyond the tag (all for `None`), read in one snapshot; notes that the phone asked.
    async fn changed_passes(
        &self,
        pass_type: &str,
        device: &str,
        since: Option<i64>,
        now: Timestamp,
    ) -> Result<ChangedPasses, DbError>;
    /// The phones that hold a pass.
    async fn registrations(&self, pass: PassId) -> Result<Vec<Registration>, DbError>;
    /// Notes that a version of a pass was fetched.
    async fn note_fetched(&self, pass: PassId, version: i64, now: Timestamp) -> Result<(), DbError>;
    /// Notes that a phone was pushed to about a version.
    async fn note_pushed(&self, pass: PassId, device: &str, version: i64, now: Timestamp) -> Result<(), DbError>;
    /// Deletes the registrations of a push token, unless they were renewed after `unless_after`. Says how many went.
    async fn forget_push_token(&self, push_token: &str, unless_after: Option<Timestamp>) -> Result<usize, DbError>;
    /// Deletes the registrations of a voided pass once it was delivered.
    async fn forget_pass(&self, pass: PassId) -> Result<(), DbError>;
    /// Keeps what phones logged; the newest [`MAX_DEVICE_LOGS`] stay.
    async fn add_device_logs(&self, logs: Vec<DeviceLog>) -> Result<(), DbError>;
    /// What phones logged about an organisation's passes, newest first.
    async fn device_logs(&self, org: OrgId, limit: usize) -> Result<Vec<DeviceLog>, DbError>;
    /// How a pass stands with its phones.
    async fn delivery(&self, org: OrgId, pass: PassId) -> Result<Option<Delivery>, DbError>;

    // --- Google Wallet ---

    /// How a pass was last written to Google Wallet, and what was heard of it.
    async fn google_object(&self, org: OrgId, pass: PassId) -> Result<Option<GoogleObject>, DbError>;
    /// Notes what was written. What was heard (`saved`, `saved_at`, `checked_at`) is not touched, and a version never goes back.
    async fn write_google_objects(&self, objects: Vec<GoogleObject>) -> Result<(), DbError>;
    /// Notes a verified callback, once per nonce, and what it says of the object unless something newer was heard.
    async fn hear_google(&self, event: GoogleEvent) -> Result<Heard, DbError>;
    /// Callbacks to an organisation, newest first.
    async fn google_events(&self, org: OrgId, limit: usize) -> Result<Vec<GoogleEvent>, DbError>;
    /// Drops callbacks that were heard before `before`; says how many.
    async fn forget_google_events(&self, before: Timestamp, limit: usize) -> Result<usize, DbError>;
    /// Objects of which Google is to be asked whether somebody has them, the longest waiting first; of all organisations.
    async fn google_objects_to_ask(&self, now: Timestamp, limit: usize) -> Result<Vec<GoogleObject>, DbError>;
    /// Notes what Google said, `None` for no answer; it is asked again after [`ASK_EVERY_MS`].
    async fn note_google_asked(&self, org: OrgId, pass: PassId, saved: Option<bool>, now: Timestamp) -> Result<(), DbError>;
    /// A class as it was last written.
    async fn google_class(&self, org: OrgId, class: &str) -> Result<Option<GoogleClass>, DbError>;
    /// Notes that a class was written.
    async fn write_google_class(&self, class: GoogleClass) -> Result<(), DbError>;

    // --- journal ---

    /// Numbers committed journal rows in commit order, extends each organisation's chain ([`crate::ledger::chain::link`]), gives each changed pass its
    /// `seq` (commit-ordered, at least the clock's milliseconds, never backwards) and owes it to the wallets that hold it. One transaction.
    async fn sequence(&self, limit: usize, now: Timestamp) -> Result<Sequenced, DbError>;
    /// Journal rows of an organisation beyond a number.
    async fn journal(&self, org: OrgId, after: i64, limit: usize) -> Result<Vec<JournalRecord>, DbError>;
    /// Rows that are committed and not numbered yet.
    async fn unsealed(&self) -> Result<usize, DbError>;
    /// Recomputes every balance from the entries, and checks sums, holds and limits.
    async fn check_ledger(&self) -> Result<LedgerCheck, DbError>;

    // --- outbox ---

    /// Claims rows that are due, for `lease_ms`: another worker gets them only when the lease is over.
    async fn claim_outbox(
        &self,
        channel: Channel,
        limit: usize,
        lease_ms: i64,
        now: Timestamp,
    ) -> Result<Vec<OutboxItem>, DbError>;
    /// Ends a claim.
    async fn settle_outbox(&self, item: &OutboxItem, result: OutboxResult) -> Result<(), DbError>;
    /// Ends several claims in one transaction.
    async fn settle_outbox_all(&self, settled: Vec<(OutboxItem, OutboxResult)>) -> Result<(), DbError>;
    /// When the next row is due, if any.
    async fn next_due(&self, channel: Channel) -> Result<Option<Timestamp>, DbError>;
    /// Dead letters of an organisation, newest first.
    async fn dead_letters(&self, org: OrgId, limit: usize) -> Result<Vec<DeadLetter>, DbError>;
    /// Owes a dead letter again, due at `now`; false when there is none.
    async fn replay_dead_letter(&self, org: OrgId, id: DeadLetterId, now: Timestamp) -> Result<bool, DbError>;
    /// Drops a dead letter; false when there is none.
    async fn drop_dead_letter(&self, org: OrgId, id: DeadLetterId) -> Result<bool, DbError>;

    // --- sweeps and upkeep ---

    /// Issued tokens that ran out before `now`.
    async fn expired_tokens(&self, now: Timestamp, limit: usize) -> Result<Vec<Expired>, DbError>;
    /// Issued tokens of an earlier epoch than the present one, beyond `after`, by their hashes; without those that only identify.
    async fn tokens_before_epoch(&self, org: OrgId, after: Option<TokenHash>, limit: usize) -> Result<Vec<Token>, DbError>;
    /// Members who joined before `before`, never proved their contact and never earned anything.
    async fn never_verified(&self, before: Timestamp, limit: usize) -> Result<Vec<(OrgId, MemberId)>, DbError>;
    /// Active passes that show an older version of their programme's document than the newest.
    async fn stale_passes(&self, limit: usize) -> Result<Option<Stale>, DbError>;
    /// Drops answers' bytes of operations before `before`; says how many.
    async fn forget_answers(&self, before: Timestamp, limit: usize) -> Result<usize, DbError>;
    /// Drops live and typed codes that ran out before `before` and ended without a capture; says how many. A captured one is kept for ever:
    /// it is the proof that it can't be captured again. A dropped one is `invalid_code`, as if it had never been; it can't come back, since
    /// a card's generations only rise.
    async fn forget_codes(&self, before: Timestamp, limit: usize) -> Result<usize, DbError>;
    /// The ledger's epoch and the time of the last committed operation.
    async fn high_water(&self) -> Result<(i64, Timestamp), DbError>;
    /// The epoch: one more after each restore. Codes of an earlier one need a manager.
    async fn epoch(&self) -> Result<i64, DbError> {
        Ok(self.high_water().await?.0)
    }
    /// One more epoch: after a restore. Says which it is now.
    async fn raise_epoch(&self) -> Result<i64, DbError>;
    /// Whether reads and durable writes work.
    async fn health(&self) -> Result<(), DbError>;
    /// A consistent copy into a new file while the server runs.
    async fn backup(&self, file: &std::path::Path) -> Result<(), DbError>;
    /// How many rows there are of what operators ask for: members, cards, passes, entries, ops, registrations, outbox, dead letters.
    async fn figures(&self) -> Result<Vec<(&'static str, i64)>, DbError>;
}
