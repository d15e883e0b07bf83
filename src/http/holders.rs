//! Who holds which key: read from documents, kept for less than a second, forgotten at once when a document is written here.
//!
//! So a revocation binds at the next request on the node that took it, and within a second on every other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::cards::{Caller, Core};
use crate::clock::Timestamp;
use crate::error::{Code, Problem};
use crate::ids::{KeyId, OrgId, StoreId, TerminalId};
use crate::ledger::{DocumentKey, DocumentKind, Principal};
use crate::programme::{KeyDocument, Localised, Role, Status, StoreDocument, TerminalDocument};
use crate::tokens::{KeyHolder, Secret, SecretHash};

/// Milliseconds for which a holder is believed without looking again.
const FRESH_MS: i64 = 900;

/// Holders that are kept: more than one node serves in a second. Beyond it all are forgotten, which costs one look-up each.
const MOST_HOLDERS: usize = 4_096;

/// Whether a holder may come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Good,
    Revoked,
    Disabled,
}

/// Someone with a key.
#[derive(Debug)]
pub struct Holder {
    caller: Caller,
    secrets: Vec<SecretHash>,
    expires_at: Option<Timestamp>,
    standing: Standing,
}

impl Holder {
    /// The organisation that the holder is in.
    #[must_use]
    pub const fn org(&self) -> OrgId {
        self.caller.org
    }

    /// Whether one of the holder's secrets was sent. All are compared, so that the time taken says nothing.
    #[must_use]
    pub fn knows(&self, secret: &Secret) -> bool {
        self.secrets.iter().fold(false, |known, hash| hash.matches(secret) | known)
    }

    /// The caller, if he may come in; told only to who knows the secret.
    ///
    /// # Errors
    /// `key_revoked`, `key_expired`, `terminal_disabled`.
    pub fn enter(&self, now: Timestamp) -> Result<Caller, Problem> {
        match self.standing {
            Standing::Revoked => return Err(Code::KeyRevoked.into()),
            Standing::Disabled => return Err(Code::TerminalDisabled.into()),
            Standing::Good => {}
        }
        if self.expires_at.is_some_and(|end| now >= end) {
            return Err(Code::KeyExpired.into());
        }
        Ok(self.caller.clone())
    }
}

/// The same work for a key that nobody holds: refusing it takes as long as refusing a wrong secret.
pub fn refuse_unknown(secret: &Secret) {
    std::hint::black_box(SecretHash([0; 32]).matches(secret));
}

/// A look-up's result with its time; `None` for a key that nobody holds.
type Known = (Timestamp, Option<Arc<Holder>>);

/// The holders that were looked up lately.
#[derive(Default)]
pub struct Holders {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    known: HashMap<KeyHolder, Known>,
    /// Counts forgettings, so that what was read before one is not kept after it.
    round: u64,
}

impl Holders {
    /// Forgets everyone: a document was written.
    pub fn forget(&self) {
        let mut inner = self.lock();
        inner.known.clear();
        inner.round += 1;
    }

    /// The holder if he was looked up a moment ago; outside `None` when he was not.
    #[must_use]
    pub fn fresh(&self, holder: KeyHolder, now: Timestamp) -> Option<Option<Arc<Holder>>> {
        let inner = self.lock();
        let (at, known) = inner.known.get(&holder)?;
        (0..FRESH_MS).contains(&now.since(*at)).then(|| known.clone())
    }

    /// Looks a holder up.
    ///
    /// # Errors
    /// `ledger_unavailable`, `internal`.
    pub async fn look_up(&self, core: &Core, holder: KeyHolder, now: Timestamp) -> Result<Option<Arc<Holder>>, Problem> {
        let round = self.lock().round;
        let found = match holder {
            KeyHolder::Key(id) => read_key(core, id).await?,
            KeyHolder::Terminal(id) => read_terminal(core, id).await?,
        };
        let found = found.map(Arc::new);
        let mut inner = self.lock();
        if inner.round == round {
            if inner.known.len() >= MOST_HOLDERS {
                inner.known.clear();
            }
            inner.known.insert(holder, (now, found.clone()));
        }
        Ok(found)
    }

    /// A panic elsewhere leaves at worst one entry missing.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn read_key(core: &Core, id: KeyId) -> Result<Option<Holder>, Problem> {
    let row = core.db.document_by_id(DocumentKind::Key, id.0).await?;
    let Some(row) = row else { return Ok(None) };
    let key = KeyDocument::parse(&row.body).map_err(|_| Problem::from(Code::Internal))?;
    let store = match key.store {
        Some(store) => Some((store, store_name(core, row.key.org, store).await?)),
        None => None,
    };
    let caller = Caller {
        org: row.key.org,
        principal: Principal::Key(id),
        role: key.role,
        scopes: key.role.scopes().iter().copied().filter(|scope| key.allows(*scope)).collect(),
        programmes: key.programmes,
        store,
        terminal: None,
        cashier: None,
    };
    Ok(Some(Holder {
        caller,
        secrets: key.secret_hashes.iter().filter_map(|hash| SecretHash::from_hex(hash)).collect(),
        expires_at: key.expires_at,
        standing: if key.revoked { Standing::Revoked } else { Standing::Good },
    }))
}

async fn read_terminal(core: &Core, id: TerminalId) -> Result<Option<Holder>, Problem> {
    let row = core.db.document_by_id(DocumentKind::Terminal, id.0).await?;
    let Some(row) = row else { return Ok(None) };
    let terminal = TerminalDocument::parse(&row.body).map_err(|_| Problem::from(Code::Internal))?;
    let store_name = store_name(core, row.key.org, terminal.store).await?;
    let caller = Caller {
        org: row.key.org,
        principal: Principal::Terminal(id),
        role: Role::Terminal,
        scopes: Role::Terminal.scopes().iter().copied().collect(),
        programmes: terminal.programmes,
        store: Some((terminal.store, store_name)),
        terminal: Some((id, terminal.name)),
        cashier: None,
    };
    Ok(Some(Holder {
        caller,
        secrets: terminal.secret_hash.iter().filter_map(|hash| SecretHash::from_hex(hash)).collect(),
        expires_at: None,
        standing: if terminal.status == Status::Disabled { Standing::Disabled } else { Standing::Good },
    }))
}

async fn store_name(core: &Core, org: OrgId, store: StoreId) -> Result<String, Problem> {
    let row = core.db.document(DocumentKey::store(org, store)).await?;
    let name: Localised = row.and_then(|row| StoreDocument::parse(&row.body).ok()).map(|store| store.name).unwrap_or_default();
    Ok(name.get("en").cloned().unwrap_or_default())
}
