//! API keys: made, rotated with two secrets alive, revoked. A secret is derived, so that it is shown again when the request that made
//! it is repeated, and stored nowhere.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Saved, covers, create_as, existing, replace, saved_by, version_of};
use crate::cards::{Asked, Caller, Core};
use crate::clock::Timestamp;
use crate::error::{Code, Problem};
use crate::ids::{KeyId, OpId, ProgrammeId, StoreId};
use crate::ledger::{Answer, DocumentKey};
use crate::programme::{KeyDocument, Role, Scope, StoreDocument};
use crate::tokens::{self, Credential, Environment, KeyHolder, Kid, Secret};

/// Secrets of one key that may live at once, so that a key is rotated without a gap.
const LIVE_SECRETS: usize = 2;

/// A key as its maker describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyInput {
    /// What it is for, 1 to 60 characters.
    #[schema(example = "web shop")]
    pub name: String,
    /// What its holder is; `terminal` is for enrolled terminals only.
    pub role: Role,
    /// Fewer scopes than the role has; empty for all of the role's.
    #[serde(default)]
    pub scopes: BTreeSet<Scope>,
    /// The programmes it may see; empty for all.
    #[serde(default)]
    pub programmes: BTreeSet<ProgrammeId>,
    /// The store that its sales are in.
    #[serde(default)]
    pub store: Option<StoreId>,
    /// When it stops.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

/// A key as it is shown: everything but its secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct KeyView {
    /// What it is for.
    pub name: String,
    /// What its holder is.
    pub role: Role,
    /// Its scopes.
    pub scopes: BTreeSet<Scope>,
    /// The programmes it may see; empty for all.
    pub programmes: BTreeSet<ProgrammeId>,
    /// The store that its sales are in.
    pub store: Option<StoreId>,
    /// When it stops.
    pub expires_at: Option<Timestamp>,
    /// Whether it was revoked.
    pub revoked: bool,
    /// How many secrets work: two while it is being rotated.
    pub live_secrets: usize,
}

impl From<KeyDocument> for KeyView {
    fn from(key: KeyDocument) -> Self {
        Self {
            scopes: key.role.scopes().iter().copied().filter(|scope| key.allows(*scope)).collect(),
            live_secrets: if key.revoked { 0 } else { key.secret_hashes.len() },
            name: key.name,
            role: key.role,
            programmes: key.programmes,
            store: key.store,
            expires_at: key.expires_at,
            revoked: key.revoked,
        }
    }
}

/// What becomes of the secret before, when a key is rotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OldSecret {
    /// It works until it is retired or the key is rotated again.
    #[default]
    Keep,
    /// It stops at once.
    Drop,
}

/// Makes a key. Nobody gives rights that he does not have.
///
/// # Errors
/// `document_invalid`, `forbidden`; as [`Core::ask`].
pub async fn create_key(core: &Core, caller: &Caller, asked: &Asked, input: KeyInput) -> Result<Answer, Problem> {
    if let Some(answer) = core.earlier(asked).await? {
        return Ok(answer);
    }
    let id = OpId(core.ids.ordered(core.clock.now()));
    let kid = core.keyring.current().0;
    let document = KeyDocument {
        name: input.name,
        role: input.role,
        scopes: input.scopes,
        programmes: input.programmes,
        store: input.store,
        expires_at: input.expires_at,
        revoked: false,
        secret_hashes: vec![secret(core, asked, KeyId(id.0), (kid, 1))?.hash().to_hex()],
        secret_generation: 1,
        secret_kid: kid,
    };
    check(core, asked, &document).await?;
    covers(caller, &document)?;
    create_as(core, asked, id, &document).await
}

async fn check(core: &Core, asked: &Asked, key: &KeyDocument) -> Result<(), Problem> {
    let mut findings = crate::programme::Findings::default();
    findings.expect(key.role != Role::Terminal, "role", "terminal is for terminals, which are enrolled by a one-time code");
    let ahead = key.expires_at.is_none_or(|end| end > core.clock.now());
    findings.expect(ahead, "expires_at", "is in the past");
    if let Some(store) = key.store {
        let known = super::newest::<StoreDocument>(core, DocumentKey::store(asked.org, store)).await?;
        findings.expect(known.is_some(), "store", "is not a store of the organisation");
    }
    super::terminals::check_programmes(core, asked.org, &key.programmes, &mut findings).await?;
    findings.into_result()?;
    let text = serde_json::to_string(key).map_err(|_| Problem::from(Code::Internal))?;
    KeyDocument::parse(&text).map(|_| ())
}

/// Gives a key a new secret. Two live at once, so that its holder can change over.
///
/// # Errors
/// `not_found`, `forbidden` when the key has rights that the caller has not, `document_invalid` when it was revoked; as [`Core::ask`].
pub async fn rotate_key(core: &Core, caller: &Caller, asked: &Asked, rotate: (KeyId, OldSecret)) -> Result<Answer, Problem> {
    let (id, old) = rotate;
    change(core, asked, id, |key| {
        covers(caller, key)?;
        if key.revoked {
            return Err(Problem::new(Code::DocumentInvalid, "The key was revoked; make a new one."));
        }
        key.secret_generation += 1;
        key.secret_kid = core.keyring.current().0;
        let newest = secret(core, asked, id, (key.secret_kid, key.secret_generation))?;
        key.secret_hashes.insert(0, newest.hash().to_hex());
        key.secret_hashes.truncate(if old == OldSecret::Keep { LIVE_SECRETS } else { 1 });
        Ok(())
    })
    .await
}

/// Ends the older of two secrets. Nobody ends what he could not have given.
///
/// # Errors
/// `not_found`, `forbidden` when the key has rights that the caller has not; as [`Core::ask`].
pub async fn retire_secret(core: &Core, caller: &Caller, asked: &Asked, id: KeyId) -> Result<Answer, Problem> {
    change(core, asked, id, |key| {
        covers(caller, key)?;
        key.secret_hashes.truncate(1);
        Ok(())
    })
    .await
}

/// Ends a key for good. Nobody ends what he could not have given.
///
/// # Errors
/// `not_found`, `forbidden` when the key has rights that the caller has not; as [`Core::ask`].
pub async fn revoke_key(core: &Core, caller: &Caller, asked: &Asked, id: KeyId) -> Result<Answer, Problem> {
    change(core, asked, id, |key| {
        covers(caller, key)?;
        key.revoked = true;
        Ok(())
    })
    .await
}

async fn change(
    core: &Core,
    asked: &Asked,
    id: KeyId,
    change: impl FnOnce(&mut KeyDocument) -> Result<(), Problem>,
) -> Result<Answer, Problem> {
    if let Some(answer) = core.earlier(asked).await? {
        return Ok(answer);
    }
    let key = DocumentKey::key(asked.org, id);
    let Saved { version, mut document, .. } = existing::<KeyDocument>(core, key).await?;
    change(&mut document)?;
    replace(core, asked, (key, version), &document).await
}

/// The key's text as the operation made it, for its holder alone; `None` for a refusal.
///
/// # Errors
/// `answer_expired` when that version is no longer kept, `internal` when its master key is gone.
pub async fn key_secret(
    core: &Core,
    environment: Environment,
    (asked, id): (&Asked, KeyId),
    answer: &Answer,
) -> Result<Option<Zeroizing<String>>, Problem> {
    let Some(saved) = saved_by(answer) else { return Ok(None) };
    let key = version_of::<KeyDocument>(core, DocumentKey::key(asked.org, id), saved.version).await?.document;
    let secret = secret(core, asked, id, (key.secret_kid, key.secret_generation))?;
    Ok(Some(Credential { environment, holder: KeyHolder::Key(id), secret }.to_text()))
}

fn secret(core: &Core, asked: &Asked, id: KeyId, (kid, generation): (u8, i64)) -> Result<Secret, Problem> {
    let scope = tokens::KeyScope { org: asked.org, kid: Kid(kid) };
    let generation = u64::try_from(generation).unwrap_or(0);
    core.keyring.key_secret(scope, id, generation).map_err(|_| Problem::from(Code::Internal))
}
