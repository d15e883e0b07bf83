//! What clients see of members and cards: DTOs with links, composed of rows.

use serde::Serialize;

use crate::cards::{Caller, Consent, Core, Profile, card_link, pass_link};
use crate::clock::Timestamp;
use crate::error::{Code, Problem};
use crate::ids::{CardId, MemberId, OrgId, PassId, ProgrammeId};
use crate::ledger::{CardState, Member, Pass, PassKind};
use crate::programme::Scope;

/// Where a customer gets the card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Links {
    /// The signed Apple Wallet pass, by an unguessable, revocable address.
    pub apple: String,
    /// Adds the card to Google Wallet, by the same key; only where Google Wallet is configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub google: Option<String>,
    /// The card's page.
    pub card_page: String,
}

/// A member as clients see one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct MemberView {
    /// The id.
    pub id: MemberId,
    /// The name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The phone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// The mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// What the member was asked to agree to, and the newest answer for each purpose.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub consents: Vec<Consent>,
    /// `en` or `ar`.
    pub language: String,
    /// False once erased.
    pub active: bool,
    /// When the member joined.
    pub created_at: Timestamp,
}

/// A card as clients see one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct CardView {
    /// The id.
    pub id: CardId,
    /// The programme.
    pub programme: ProgrammeId,
    /// Whose it is.
    pub member: MemberId,
    /// Its number for people.
    pub number: String,
    /// Points that can be spent or will be; 0 while `pending` says how many wait.
    pub points: i64,
    /// Points that wait until the member has confirmed the contact; only there while that is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<i64>,
    /// Points on hold for open vouchers.
    pub held: i64,
    /// Points owed after returns.
    pub debt: i64,
    /// Open vouchers.
    pub open_vouchers: i64,
    /// The pass that is current.
    pub pass: PassId,
    /// The version of what the pass shows.
    pub pass_version: i64,
    /// False once the member was erased.
    pub active: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// Where the customer gets it, for callers who may change members: whoever has the pass has its code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub links: Option<Links>,
}

impl Core {
    /// The links of a pass.
    ///
    /// # Errors
    /// `internal` when the master key is gone.
    pub fn links(&self, pass: &Pass) -> Result<Links, Problem> {
        let key = pass_link(&self.keyring, pass)?;
        // A voucher comes along with its card there.
        let offered = self.google.offers(pass.org);
        Ok(Links {
            apple: format!("{}/p/{key}.pkpass", self.public_url),
            google: (offered && pass.kind == PassKind::Card).then(|| format!("{}/g/{key}", self.public_url)),
            card_page: format!("{}/c/{}", self.public_url, card_link(&self.keyring, pass)?),
        })
    }

    /// A card that exists.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn card(&self, org: OrgId, id: CardId) -> Result<CardState, Problem> {
        self.db.card(org, id).await?.ok_or_else(|| Code::NotFound.into())
    }

    /// The current pass of a card.
    ///
    /// # Errors
    /// `internal` when there is none, which the ledger rules out.
    pub async fn current_pass(&self, state: &CardState) -> Result<Pass, Problem> {
        self.db.pass(state.card.pass).await?.ok_or_else(|| Code::Internal.into())
    }

    /// A card as clients see it.
    ///
    /// # Errors
    /// The database is out of reach.
    pub async fn card_view(&self, caller: &Caller, state: &CardState) -> Result<CardView, Problem> {
        let pass = self.current_pass(state).await?;
        let links = caller.need(Scope::MembersWrite).is_ok().then(|| self.links(&pass)).transpose()?;
        Ok(CardView { links, ..Self::bare_card_view(state, &pass) })
    }

    /// A card as clients see it, without links.
    pub(super) fn bare_card_view(state: &CardState, pass: &Pass) -> CardView {
        let card = &state.card;
        CardView {
            id: card.id,
            programme: card.programme,
            member: card.member,
            number: card.number.clone(),
            points: if card.verified { state.available() } else { 0 },
            pending: (!card.verified).then(|| state.available()),
            held: card.held,
            debt: card.debt,
            open_vouchers: card.open_vouchers,
            pass: card.pass,
            pass_version: pass.version,
            active: card.active,
            created_at: card.created_at,
            links: None,
        }
    }

    /// A member's profile, unsealed; empty after an erasure.
    ///
    /// # Errors
    /// `internal` when the master key is gone.
    pub fn profile(&self, member: &Member) -> Result<Profile, Problem> {
        let sealed = member.profile.as_ref();
        sealed.map_or_else(|| Ok(Profile::default()), |sealed| Profile::open(sealed, &self.keyring, (member.org, member.id)))
    }

    /// A member as clients see one.
    ///
    /// # Errors
    /// As [`Self::profile`].
    pub fn member_view(&self, member: &Member) -> Result<MemberView, Problem> {
        let profile = self.profile(member)?;
        let consents = profile.current_consents();
        let Profile { name, phone, email, .. } = profile;
        let language = member.language.clone();
        let (id, active, created_at) = (member.id, member.active, member.created_at);
        Ok(MemberView { id, name, phone, email, consents, language, active, created_at })
    }
}
