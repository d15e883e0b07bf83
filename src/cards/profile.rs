//! A member's name and contacts: sealed with the member's own data key, so that an erasure is the end of one key.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use crate::cards::Core;
use crate::clock::Timestamp;
use crate::error::{Code, Problem};
use crate::ids::{CardId, Ids, MemberId, OrgId};
use crate::ledger::{Member, SealedProfile};
use crate::tokens::{DataKey, Keyring, Kid, Nonce, SealedDataKey};

/// What the sealed profile is bound to, so that it can't be moved elsewhere.
const CONTEXT: &[u8] = b"member/profile";

/// What a sealed reason is bound to.
const REASON: &[u8] = b"member/reason";

/// What a member told about himself. Everything is optional.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Profile {
    /// The name on the card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The phone number, E.164.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// The mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// What the member was asked to agree to, and every answer, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consents: Vec<Consent>,
}

/// An answer to a consent text: which wording, in which language, when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Consent {
    /// What for.
    pub purpose: String,
    /// Which wording.
    pub version: String,
    /// In which language it was read.
    pub language: String,
    /// Whether the member agreed.
    pub given: bool,
    /// When.
    pub at: Timestamp,
}

impl Profile {
    /// Seals the profile with a fresh data key.
    ///
    /// # Errors
    /// `internal` when the keyring lost its current key.
    pub fn seal(&self, keyring: &Keyring, ids: &dyn Ids, (org, member): (OrgId, MemberId)) -> Result<SealedProfile, Problem> {
        let data_key = DataKey::generate(ids);
        let sealed_key = keyring.seal_data_key(keyring.scope(org), member, &data_key, Nonce::generate(ids));
        let sealed_key = sealed_key.map_err(|_| Problem::from(Code::Internal))?;
        let text = serde_json::to_vec(self).map_err(|_| Problem::from(Code::Internal))?;
        let mut stored = vec![sealed_key.kid.0];
        stored.extend_from_slice(&sealed_key.bytes);
        Ok(SealedProfile { data_key: stored, profile: data_key.seal(Nonce::generate(ids), CONTEXT, &text) })
    }

    /// Seals it with the data key that another version was sealed with: reasons that were sealed with that stay readable.
    ///
    /// # Errors
    /// `internal` when the master key is gone.
    pub fn reseal(&self, known: &SealedProfile, core: &Core, owner: (OrgId, MemberId)) -> Result<SealedProfile, Problem> {
        let text = serde_json::to_vec(self).map_err(|_| Problem::from(Code::Internal))?;
        let sealed = data_key(known, &core.keyring, owner)?.seal(Nonce::generate(core.ids.as_ref()), CONTEXT, &text);
        Ok(SealedProfile { data_key: known.data_key.clone(), profile: sealed })
    }

    /// Opens what [`Profile::seal`] made.
    ///
    /// # Errors
    /// `internal` when the master key is gone or the bytes were changed.
    pub fn open(sealed: &SealedProfile, keyring: &Keyring, (org, member): (OrgId, MemberId)) -> Result<Self, Problem> {
        let data_key = data_key(sealed, keyring, (org, member))?;
        let text = data_key.open(CONTEXT, &sealed.profile).map_err(|_| Problem::from(Code::Internal))?;
        serde_json::from_slice(&text).map_err(|_| Problem::from(Code::Internal))
    }
}

/// A sealed reason, looked at later. Its text is for the answer to whoever may read it: never for a log.
#[derive(Clone, PartialEq, Eq)]
pub enum Reopened {
    /// What was written.
    Readable(String),
    /// The member was erased and the data key with him: nobody can read it.
    Erased,
    /// The master key is gone, or it is not what was sealed for this card.
    Unreadable,
}

impl Core {
    /// Seals a free text about a card with its member's data key, in letters for the journal: after an erasure nobody can read it.
    ///
    /// # Errors
    /// `not_found`; `internal` when the master key is gone.
    pub async fn seal_reason(&self, org: OrgId, card: CardId, text: &str) -> Result<String, Problem> {
        let member = self.member_of(org, card).await?;
        let Some(sealed) = &member.profile else { return Ok(String::new()) };
        let data_key = data_key(sealed, &self.keyring, (org, member.id))?;
        Ok(BASE64_STANDARD.encode(data_key.seal(Nonce::generate(self.ids.as_ref()), REASON, text.as_bytes())))
    }

    /// Opens what [`Self::seal_reason`] made.
    ///
    /// # Errors
    /// `not_found`; the database is out of reach.
    pub async fn open_reason(&self, org: OrgId, card: CardId, sealed: &str) -> Result<Reopened, Problem> {
        let member = self.member_of(org, card).await?;
        let Some(profile) = &member.profile else { return Ok(Reopened::Erased) };
        let Ok(data_key) = data_key(profile, &self.keyring, (org, member.id)) else { return Ok(Reopened::Unreadable) };
        let opened = BASE64_STANDARD.decode(sealed).ok().and_then(|bytes| data_key.open(REASON, &bytes).ok());
        let text = opened.and_then(|text| String::from_utf8(text.to_vec()).ok());
        Ok(text.map_or(Reopened::Unreadable, Reopened::Readable))
    }

    async fn member_of(&self, org: OrgId, card: CardId) -> Result<Member, Problem> {
        let state = self.card(org, card).await?;
        self.db.member(org, state.card.member).await?.ok_or_else(|| Code::Internal.into())
    }
}

fn data_key(sealed: &SealedProfile, keyring: &Keyring, (org, member): (OrgId, MemberId)) -> Result<DataKey, Problem> {
    let (kid, bytes) = sealed.data_key.split_first().ok_or_else(|| Problem::from(Code::Internal))?;
    let sealed_key = SealedDataKey { kid: Kid(*kid), bytes: bytes.to_vec() };
    keyring.open_data_key(org, member, &sealed_key).map_err(|_| Problem::from(Code::Internal))
}
