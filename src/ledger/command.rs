//! What can be asked of the ledger: every change of value or configuration is a [`Command`] under an operation id.
//!
//! A command names its roots (the rows that its rule reads) by immutable mappings that were resolved before; it carries the
//! new ids that the rule may need, so that the rule itself is without chance.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::ids::{
    CardId, EarningId, KeyId, MemberId, OpId, OrgId, PassId, ProgrammeId, RedemptionId, StoreId, TerminalId, VoucherId,
};
use crate::ledger::{ContactCommand, ContactTrust, DocumentKey, RedemptionLine, SealedProfile, TokenHash};
use crate::money::Money;

/// Who asks: the scope of an operation id. It survives the rotation of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Principal {
    /// An integration or a person with an API key.
    Key(KeyId),
    /// A till or scanner.
    Terminal(TerminalId),
    /// A member, through the card page.
    Member(MemberId),
    /// Walaa itself: sweeps and the command line.
    System,
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(id) => write!(f, "{id}"),
            Self::Terminal(id) => write!(f, "{id}"),
            Self::Member(id) => write!(f, "{id}"),
            Self::System => f.write_str("system"),
        }
    }
}

impl FromStr for Principal {
    type Err = crate::ids::IdError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "system" {
            return Ok(Self::System);
        }
        text.parse().map(Self::Key).or_else(|_| text.parse().map(Self::Terminal)).or_else(|_| text.parse().map(Self::Member))
    }
}

impl Serialize for Principal {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Principal {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A client's own id for an operation: 16 to 64 of `[A-Za-z0-9_-]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OpKey(String);

impl OpKey {
    /// Reads a key; `None` when the length or a letter is wrong.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let right =
            (16..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        right.then(|| Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// SHA-256 over what the client asked, as it was understood: the same key with another request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// Of a request of a kind (its route), from its parsed fields.
    #[must_use]
    pub fn of(kind: &str, request: &impl Serialize) -> Self {
        let mut hash = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
        hash.update(kind.as_bytes());
        hash.update(&[0]);
        hash.update(&serde_json::to_vec(request).unwrap_or_default());
        let mut bytes = [0; 32];
        bytes.copy_from_slice(hash.finish().as_ref());
        Self(bytes)
    }
}

/// Who asked for what under which id.
#[derive(Debug, Clone)]
pub struct OpHeader {
    /// The organisation.
    pub org: OrgId,
    /// Who asks.
    pub principal: Principal,
    /// The client's id.
    pub key: OpKey,
    /// What was asked, as it was understood.
    pub fingerprint: Fingerprint,
    /// Our id for it, new; earnings, redemptions and vouchers take its bytes.
    pub id: OpId,
}

/// A change that is asked for.
#[derive(Debug, Clone)]
pub struct Command {
    /// Under which operation.
    pub op: OpHeader,
    /// What.
    pub body: Body,
}

/// The changes that there are.
#[derive(Debug, Clone)]
pub enum Body {
    /// A member joins, or a member takes a card in another programme.
    Enrol(Enrol),
    /// A live code and a typed code for a card.
    IssueCode(IssueCode),
    /// A sale.
    Earn(Earn),
    /// A return of a sale, whole or in part.
    Return(ReturnSale),
    /// A correction.
    Adjust(Adjust),
    /// A reward is swapped for points on hold.
    IssueVoucher(IssueVoucher),
    /// A voucher is given back.
    CancelVoucher(CancelVoucher),
    /// A token is used.
    Capture(Capture),
    /// A redemption is undone.
    Reverse(Reverse),
    /// A lost phone: new pass, old codes die.
    Reissue(Reissue),
    /// A member's data is erased.
    Erase(Erase),
    /// Tokens and vouchers that ran out.
    Expire(Expire),
    /// Passes whose programme changed.
    Touch(Touch),
    /// A code from before a restore is settled.
    Reconcile(Reconcile),
    /// Shows a card in Google Wallet too.
    ShowOnGoogle(ShowOnGoogle),
    /// A contact is proven, or a profile changes.
    Contact(ContactCommand),
    /// A configuration document's next version.
    PutDocument(PutDocument),
    /// The operation shall never run.
    Abandon(Abandon),
}

/// Where a value operation happens, with the names as they were at the time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Place {
    /// The shop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreId>,
    /// The shop's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store_name: Option<String>,
    /// The till.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminal: Option<TerminalId>,
    /// The till's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminal_name: Option<String>,
    /// The cashier's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cashier: Option<String>,
}

/// Whom a new card is for.
#[derive(Debug, Clone)]
pub enum EnrolMember {
    /// A person who was not known.
    New(NewMember),
    /// A member of the organisation.
    Existing(MemberId),
}

/// A person who joins.
#[derive(Debug, Clone)]
pub struct NewMember {
    /// The new id.
    pub id: MemberId,
    /// `en` or `ar`.
    pub language: String,
    /// Name and contacts, sealed.
    pub profile: SealedProfile,
    /// Keyed hashes of the contacts.
    pub identities: Vec<[u8; 32]>,
}

/// See [`Body::Enrol`].
#[derive(Debug, Clone)]
pub struct Enrol {
    /// Who.
    pub member: EnrolMember,
    /// In which programme.
    pub programme: ProgrammeId,
    /// The new card.
    pub card: CardId,
    /// Its number for people.
    pub number: String,
    /// Its pass.
    pub pass: PassId,
    /// Which poster or page brought the person, for the journal.
    pub channel: Option<String>,
    /// Whether the contact is to be proven, where the programme asks for that.
    pub trust: ContactTrust,
}

/// See [`Body::IssueCode`].
#[derive(Debug, Clone)]
pub struct IssueCode {
    /// The card.
    pub card: CardId,
    /// Its programme.
    pub programme: ProgrammeId,
    /// Generations to pass over, since their typed code is another card's.
    pub skip: i64,
}

/// The sale as told by the till.
#[derive(Debug, Clone)]
pub struct Sale {
    /// The receipt, 1 to 64 characters.
    pub receipt: String,
    /// The total.
    pub total: Money,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// Its lines as JSON, if told.
    pub lines: Option<String>,
}

/// See [`Body::Earn`].
#[derive(Debug, Clone)]
pub struct Earn {
    /// The card.
    pub card: CardId,
    /// Its programme.
    pub programme: ProgrammeId,
    /// Where.
    pub place: Place,
    /// The sale.
    pub sale: Sale,
}

/// See [`Body::Return`].
#[derive(Debug, Clone)]
pub struct ReturnSale {
    /// The sale.
    pub earning: EarningId,
    /// Its card.
    pub card: CardId,
    /// Its programme.
    pub programme: ProgrammeId,
    /// What is returned now.
    pub total: Money,
    /// Where.
    pub place: Place,
}

/// See [`Body::Adjust`].
#[derive(Debug, Clone)]
pub struct Adjust {
    /// The card.
    pub card: CardId,
    /// Its programme.
    pub programme: ProgrammeId,
    /// By how much, not zero.
    pub points: i64,
    /// Why, sealed with the member's data key, in letters: free text never stands open in the journal.
    pub sealed_reason: String,
}

/// See [`Body::IssueVoucher`].
#[derive(Debug, Clone)]
pub struct IssueVoucher {
    /// The card.
    pub card: CardId,
    /// Its programme.
    pub programme: ProgrammeId,
    /// The reward's id.
    pub reward: String,
    /// The voucher's new pass.
    pub pass: PassId,
    /// Where.
    pub place: Place,
}

/// See [`Body::CancelVoucher`].
#[derive(Debug, Clone)]
pub struct CancelVoucher {
    /// The voucher.
    pub voucher: VoucherId,
    /// Its card.
    pub card: CardId,
    /// Its programme.
    pub programme: ProgrammeId,
    /// Where.
    pub place: Place,
}

/// One wanted line of a redemption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureLine {
    /// The reward's id.
    pub reward: String,
    /// How many, from 1.
    pub quantity: i64,
}

/// See [`Body::Capture`].
#[derive(Debug, Clone)]
pub struct Capture {
    /// The token that was scanned.
    pub token: TokenHash,
    /// The pass and step of a turning code; its token has no row before it is used.
    pub rotating: Option<RotatingStep>,
    /// The card that it stands for.
    pub card: CardId,
    /// The card's programme.
    pub programme: ProgrammeId,
    /// The voucher that it redeems, for a voucher's token.
    pub voucher: Option<VoucherId>,
    /// What is wanted: 1 to 20 lines; may be empty for a voucher.
    pub lines: Vec<CaptureLine>,
    /// Where.
    pub place: Place,
    /// The sale's receipt that it belongs to.
    pub receipt: Option<String>,
    /// The sale's total, for the journal.
    pub sale_total: Option<Money>,
    /// Whether the staff member may redeem codes from before a restore.
    pub manager: bool,
    /// Says what would happen, and changes nothing.
    pub validate_only: bool,
}

/// See [`Body::Reverse`].
#[derive(Debug, Clone)]
pub struct Reverse {
    /// The redemption.
    pub redemption: RedemptionId,
    /// Its card.
    pub card: CardId,
    /// Its programme.
    pub programme: ProgrammeId,
    /// Its voucher.
    pub voucher: Option<VoucherId>,
    /// Why, sealed as an adjustment's.
    pub sealed_reason: String,
    /// Where.
    pub place: Place,
    /// Whether the time limit and the same-till rule for clerks are waived.
    pub manager: bool,
}

/// See [`Body::Reissue`].
#[derive(Debug, Clone)]
pub struct Reissue {
    /// The card.
    pub card: CardId,
    /// Its programme.
    pub programme: ProgrammeId,
    /// New pass ids: the card's, then one for each open voucher it may have.
    pub passes: Vec<PassId>,
}

/// See [`Body::Erase`].
#[derive(Debug, Clone)]
pub struct Erase {
    /// The member.
    pub member: MemberId,
    /// Why.
    pub cause: EraseCause,
}

/// Why a member is erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EraseCause {
    /// The member or the shop asked for it.
    #[default]
    Asked,
    /// The contact was never proven and nothing was ever earned; refused if that changed meanwhile.
    NeverVerified,
}

/// See [`Body::Expire`].
#[derive(Debug, Clone)]
pub struct Expire {
    /// The tokens, with the voucher that each redeems; at most 32.
    pub tokens: Vec<(TokenHash, CardId, Option<VoucherId>)>,
}

/// See [`Body::Touch`].
#[derive(Debug, Clone)]
pub struct Touch {
    /// The programme.
    pub programme: ProgrammeId,
    /// The passes, at most 32.
    pub passes: Vec<PassId>,
}

/// See [`Body::Reconcile`]. A voucher's lost capture comes back under the id of the operation, which has to be the witness's.
#[derive(Debug, Clone)]
pub struct Reconcile {
    /// The token, of an earlier epoch.
    pub token: TokenHash,
    /// The card that it stands for.
    pub card: CardId,
    /// The voucher that it redeems.
    pub voucher: Option<VoucherId>,
    /// The redemption that used it, as the gate remembers.
    pub witness: Option<RedemptionId>,
}

/// See [`Body::ShowOnGoogle`].
#[derive(Debug, Clone)]
pub struct ShowOnGoogle {
    /// The card.
    pub card: CardId,
    /// Its programme.
    pub programme: ProgrammeId,
}

/// A turning code, read: the pass that showed it and the period in which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RotatingStep {
    /// The pass.
    pub pass: PassId,
    /// The number of the period since 1970.
    pub step: i64,
    /// The last moment at which it is taken.
    pub expires_at: Timestamp,
}

/// See [`Body::PutDocument`].
#[derive(Debug, Clone)]
pub struct PutDocument {
    /// Which.
    pub key: DocumentKey,
    /// The version that the client saw; 0 for a new document.
    pub expected_version: i64,
    /// The new JSON text, checked for its kind.
    pub body: std::sync::Arc<str>,
}

/// See [`Body::Abandon`].
#[derive(Debug, Clone)]
pub struct Abandon;

impl Body {
    /// The word for it in journal, logs and metrics.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Enrol(_) => "enrol",
            Self::IssueCode(_) => "issue_code",
            Self::Earn(_) => "earn",
            Self::Return(_) => "return",
            Self::Adjust(_) => "adjust",
            Self::IssueVoucher(_) => "issue_voucher",
            Self::CancelVoucher(_) => "cancel_voucher",
            Self::Capture(_) => "capture",
            Self::Reverse(_) => "reverse",
            Self::Reissue(_) => "reissue",
            Self::Erase(_) => "erase",
            Self::Expire(_) => "expire",
            Self::Touch(_) => "touch",
            Self::Reconcile(_) => "reconcile",
            Self::ShowOnGoogle(_) => "show_on_google",
            Self::Contact(command) => command.kind(),
            Self::PutDocument(_) => "put_document",
            Self::Abandon(_) => "abandon",
        }
    }
}

/// The rows that a batch of commands needs. A backend also loads what hangs on them:
/// a card's lots and current pass; a voucher's pass and token; a token's capturing redemption; the entries of a redemption and
/// of an earning; a whole member's identities, cards, their open vouchers and open tokens; an open-codes card's issued tokens and open vouchers.
#[derive(Debug, Clone, Default)]
pub struct Roots {
    /// Cards.
    pub cards: Vec<CardId>,
    /// Cards with everything that is open on them.
    pub whole_cards: Vec<CardId>,
    /// Tokens.
    pub tokens: Vec<TokenHash>,
    /// Cards whose newest used step of the turning code is read.
    pub presence: Vec<CardId>,
    /// Vouchers.
    pub vouchers: Vec<VoucherId>,
    /// Redemptions.
    pub redemptions: Vec<RedemptionId>,
    /// Earnings.
    pub earnings: Vec<EarningId>,
    /// Receipts, by programme and store.
    pub receipts: Vec<(ProgrammeId, Option<StoreId>, String)>,
    /// Members.
    pub members: Vec<MemberId>,
    /// Members with everything of theirs.
    pub whole_members: Vec<MemberId>,
    /// Identities.
    pub identities: Vec<[u8; 32]>,
    /// The card of a member in a programme.
    pub cards_of: Vec<(MemberId, ProgrammeId)>,
    /// Passes.
    pub passes: Vec<PassId>,
    /// Documents.
    pub documents: Vec<DocumentKey>,
}

impl Command {
    /// The rows that its rule reads, beside its own op row.
    #[must_use]
    pub fn roots(&self) -> Roots {
        let mut roots = Roots::default();
        let org = self.op.org;
        match self.op.principal {
            Principal::Key(id) => roots.documents.push(DocumentKey::key(org, id)),
            Principal::Terminal(id) => roots.documents.push(DocumentKey::terminal(org, id)),
            Principal::Member(_) | Principal::System => {}
        }
        match &self.body {
            Body::Enrol(enrol) => {
                match &enrol.member {
                    EnrolMember::New(member) => roots.identities.clone_from(&member.identities),
                    EnrolMember::Existing(id) => {
                        roots.members.push(*id);
                        roots.cards_of.push((*id, enrol.programme));
                    }
                }
                roots.documents.push(DocumentKey::programme(org, enrol.programme));
            }
            Body::IssueCode(issue) => roots.add_card(org, issue.card, issue.programme),
            Body::Earn(earn) => {
                roots.add_card(org, earn.card, earn.programme);
                roots.receipts.push((earn.programme, earn.place.store, earn.sale.receipt.clone()));
                roots.add_place(org, &earn.place);
            }
            Body::Return(back) => {
                roots.add_card(org, back.card, back.programme);
                roots.earnings.push(back.earning);
                roots.add_place(org, &back.place);
            }
            Body::Adjust(adjust) => roots.add_card(org, adjust.card, adjust.programme),
            Body::IssueVoucher(issue) => {
                roots.add_card(org, issue.card, issue.programme);
                roots.add_place(org, &issue.place);
            }
            Body::CancelVoucher(cancel) => {
                roots.add_card(org, cancel.card, cancel.programme);
                roots.vouchers.push(cancel.voucher);
                roots.add_place(org, &cancel.place);
            }
            Body::Capture(capture) => {
                roots.add_card(org, capture.card, capture.programme);
                roots.tokens.push(capture.token);
                roots.presence.extend(capture.rotating.map(|_| capture.card));
                roots.vouchers.extend(capture.voucher);
                roots.add_place(org, &capture.place);
            }
            Body::Reverse(reverse) => {
                roots.add_card(org, reverse.card, reverse.programme);
                roots.redemptions.push(reverse.redemption);
                roots.vouchers.extend(reverse.voucher);
                roots.add_place(org, &reverse.place);
            }
            Body::Reissue(reissue) => {
                roots.add_card(org, reissue.card, reissue.programme);
                roots.whole_cards.push(reissue.card);
            }
            Body::Erase(erase) => roots.whole_members.push(erase.member),
            Body::Expire(expire) => {
                for (hash, card, voucher) in &expire.tokens {
                    roots.tokens.push(*hash);
                    roots.cards.push(*card);
                    roots.vouchers.extend(*voucher);
                }
            }
            Body::Touch(touch) => {
                roots.passes.clone_from(&touch.passes);
                roots.documents.push(DocumentKey::programme(org, touch.programme));
            }
            Body::Reconcile(reconcile) => {
                roots.tokens.push(reconcile.token);
                roots.cards.push(reconcile.card);
                roots.vouchers.extend(reconcile.voucher);
            }
            Body::ShowOnGoogle(show) => {
                roots.add_card(org, show.card, show.programme);
                roots.whole_cards.push(show.card);
            }
            Body::Contact(command) => command.add_roots(org, &mut roots),
            Body::PutDocument(put) => roots.documents.push(put.key),
            Body::Abandon(Abandon) => {}
        }
        roots
    }
}

impl Roots {
    fn add_card(&mut self, org: OrgId, card: CardId, programme: ProgrammeId) {
        self.cards.push(card);
        self.documents.push(DocumentKey::programme(org, programme));
    }

    fn add_place(&mut self, org: OrgId, place: &Place) {
        self.documents.extend(place.store.map(|id| DocumentKey::store(org, id)));
        self.documents.extend(place.terminal.map(|id| DocumentKey::terminal(org, id)));
    }
}

impl From<&CaptureLine> for RedemptionLine {
    fn from(line: &CaptureLine) -> Self {
        Self { reward: line.reward.clone(), quantity: line.quantity, points: 0 }
    }
}
