//! The commands around a member's contact and profile: a code is made, a code is tried, the profile changes; and the row that they keep.

use crate::clock::Timestamp;
use crate::ids::{CardId, MemberId, OrgId, PassId, ProgrammeId};
use crate::ledger::{DocumentKey, Roots, SealedProfile};

/// How long a code can be typed, in milliseconds.
pub const CODE_LIVES_MS: i64 = 10 * 60_000;

/// Wrong tries after which a new code is needed.
pub const CODE_TRIES: i64 = 5;

/// Milliseconds between two codes to one member.
pub const CODE_PAUSE_MS: i64 = 60_000;

/// Codes to one member in an hour, and in a day: what is guessed within that is one in a hundred thousand a day.
pub const CODES_AN_HOUR: usize = 5;
/// See [`CODES_AN_HOUR`].
pub const CODES_A_DAY: usize = 10;

/// Whether the contact of whoever joins is known to be theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ContactTrust {
    /// Whoever asks vouches for it: staff, a shop's own system.
    #[default]
    Vouched,
    /// It was only typed: where the programme asks for it, it is to be proven first.
    Told,
}

/// The code by which a member proves a contact. At most one row a member, and none once it is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// Its organisation.
    pub org: OrgId,
    /// Whose contact.
    pub member: MemberId,
    /// Counts the codes.
    pub number: i64,
    /// The keyed hash of the newest code.
    pub code: [u8; 32],
    /// When that was made.
    pub made_at: Timestamp,
    /// Wrong tries with it.
    pub tries: i64,
    /// When codes were sent, of the last day; at most [`CODES_A_DAY`].
    pub sent: Vec<Timestamp>,
    /// Whether somebody joined again with the contact: from then on a link alone proves nothing, since it says not whose card is meant.
    pub claimed: bool,
    /// False ends the row.
    pub open: bool,
}

/// The commands.
#[derive(Debug, Clone)]
pub enum ContactCommand {
    /// A code is made, to be sent.
    SendCode(SendCode),
    /// A code is tried, or the link beside it.
    Verify(Verify),
    /// Name, contacts or consents change.
    ChangeProfile(ChangeProfile),
}

/// See [`ContactCommand::SendCode`].
#[derive(Debug, Clone)]
pub struct SendCode {
    /// To whom.
    pub member: MemberId,
    /// The keyed hash of the new code.
    pub code: [u8; 32],
    /// Whether it is for somebody who joined again.
    pub for_claim: bool,
}

/// How a contact is proven.
#[derive(Debug, Clone, Copy)]
pub enum Proof {
    /// The keyed hash of what was typed.
    Code([u8; 32]),
    /// The link that was sent with the code of this number.
    Link(i64),
}

/// See [`ContactCommand::Verify`].
#[derive(Debug, Clone)]
pub struct Verify {
    /// Whose contact.
    pub member: MemberId,
    /// By what.
    pub proof: Proof,
    /// For somebody who joined again: the card becomes theirs.
    pub claim: Option<Claim>,
}

/// A card that somebody made with a contact which is another's: the one who proves the contact gets it, and nobody else keeps a way to it.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The card.
    pub card: CardId,
    /// Its programme.
    pub programme: ProgrammeId,
    /// What the owner of the contact told when joining.
    pub profile: SealedProfile,
    /// The language in which the owner joined.
    pub language: String,
    /// New pass ids, as for a re-issue.
    pub passes: Vec<PassId>,
}

/// See [`ContactCommand::ChangeProfile`].
#[derive(Debug, Clone)]
pub struct ChangeProfile {
    /// Whose.
    pub member: MemberId,
    /// SHA-256 of the sealed profile that was read: what changed meanwhile is not overwritten.
    pub seen: [u8; 32],
    /// The new one.
    pub profile: SealedProfile,
    /// The keyed hashes of a new contact; only while the old one is not proven.
    pub identities: Option<Vec<[u8; 32]>>,
}

impl SealedProfile {
    /// What names this very version of it.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &self.profile);
        std::array::from_fn(|place| digest.as_ref()[place])
    }
}

impl ContactCommand {
    /// The word for it in journal, logs and metrics.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::SendCode(_) => "send_code",
            Self::Verify(_) => "verify",
            Self::ChangeProfile(_) => "change_profile",
        }
    }

    /// The rows that its rule reads: everything of the member, his verification with it.
    pub(super) fn add_roots(&self, org: OrgId, roots: &mut Roots) {
        let member = match self {
            Self::SendCode(send) => send.member,
            Self::Verify(verify) => verify.member,
            Self::ChangeProfile(change) => change.member,
        };
        roots.whole_members.push(member);
        match self {
            Self::Verify(Verify { claim: Some(claim), .. }) => roots.documents.push(DocumentKey::programme(org, claim.programme)),
            Self::ChangeProfile(ChangeProfile { identities: Some(identities), .. }) => roots.identities.clone_from(identities),
            _ => {}
        }
    }
}
