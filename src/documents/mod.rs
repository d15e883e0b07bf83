//! Configuration documents as the outside sees them: read by type, written under an operation id with the version that was seen.
//!
//! What stands in each document is checked in `programme`; who may write which is decided here; that versions never fork is decided
//! by the ledger. A new document takes its id from the operation that makes it, so that a repeated request names the same one.

mod keys;
mod rights;
mod terminals;

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cards::{Caller, Core};
use crate::clock::Timestamp;
use crate::db::DbError;
use crate::error::{Code, Problem};
use crate::ids::{OpId, OrgId};
use crate::ledger::{
    Answer, Body, Command, Document, DocumentKey, DocumentKind, DocumentSaved, Fingerprint, OpHeader, OpKey, Principal,
    PutDocument, stored,
};
use crate::programme::{EnrolmentDocument, KeyDocument, OrganisationDocument, Programme, StoreDocument, TerminalDocument};

pub use keys::{KeyInput, KeyView, OldSecret, create_key, key_secret, retire_secret, revoke_key, rotate_key};
pub use rights::{covers, whole_organisation};
pub use terminals::{Enrolled, TerminalInput, TerminalView, create_terminal, enrol, enrolment_code, new_enrolment, put_terminal};

/// Versions of one document that are looked through at most.
const MAX_HISTORY: usize = 1_000;

/// A type of configuration document.
pub trait ConfigDocument: Serialize + DeserializeOwned + Send {
    /// The kind that it is kept under.
    const KIND: DocumentKind;

    /// Reads and checks its text.
    ///
    /// # Errors
    /// `document_invalid` with every finding.
    fn read(text: &str) -> Result<Self, Problem>;
}

macro_rules! config_documents {
    ($($type:ident: $kind:ident),* $(,)?) => {
        $(impl ConfigDocument for $type {
            const KIND: DocumentKind = DocumentKind::$kind;

            fn read(text: &str) -> Result<Self, Problem> {
                Self::parse(text)
            }
        })*
    };
}

config_documents! {
    OrganisationDocument: Organisation,
    Programme: Programme,
    StoreDocument: Store,
    TerminalDocument: Terminal,
    KeyDocument: Key,
    EnrolmentDocument: Enrolment,
}

/// A version of a document, read.
#[derive(Debug, Clone)]
pub struct Saved<T> {
    /// Which.
    pub key: DocumentKey,
    /// From 1.
    pub version: i64,
    /// When it was saved.
    pub at: Timestamp,
    /// Who saved it.
    pub actor: Principal,
    /// What it says.
    pub document: T,
}

impl<T: ConfigDocument> Saved<T> {
    fn of(row: &Document) -> Result<Self, Problem> {
        let document = T::read(&row.body).map_err(|problem| {
            tracing::error!(document.kind = T::KIND.as_str(), problem = %problem, "a stored document can't be read");
            Problem::from(Code::Internal)
        })?;
        Ok(Self { key: row.key, version: row.version, at: row.at, actor: row.actor, document })
    }
}

/// What a database error means to a client.
#[must_use]
pub fn failed(error: &DbError) -> Problem {
    match error {
        DbError::Unavailable(_) => Code::LedgerUnavailable.into(),
        DbError::Conflict(_) | DbError::Corrupt(_) => {
            tracing::error!(%error, "the database failed");
            Code::Internal.into()
        }
    }
}

/// The newest version of a document.
///
/// # Errors
/// `ledger_unavailable`, `internal`.
pub async fn newest<T: ConfigDocument>(core: &Core, key: DocumentKey) -> Result<Option<Saved<T>>, Problem> {
    let row = core.db.document(key).await.map_err(|error| failed(&error))?;
    row.as_ref().map(Saved::of).transpose()
}

/// The newest version of a document that has to be there.
///
/// # Errors
/// `not_found`; as [`newest`].
pub async fn existing<T: ConfigDocument>(core: &Core, key: DocumentKey) -> Result<Saved<T>, Problem> {
    newest(core, key).await?.ok_or_else(|| Code::NotFound.into())
}

/// All documents of a kind in an organisation, in the order of their ids.
///
/// # Errors
/// As [`newest`].
pub async fn all<T: ConfigDocument>(core: &Core, org: OrgId) -> Result<Vec<Saved<T>>, Problem> {
    let mut rows = core.db.documents(org, T::KIND).await.map_err(|error| failed(&error))?;
    rows.sort_by_key(|row| row.key);
    rows.iter().map(Saved::of).collect()
}

/// The versions of a document, newest first.
///
/// # Errors
/// `not_found` when there is none; as [`newest`].
pub async fn history<T: ConfigDocument>(core: &Core, key: DocumentKey) -> Result<Vec<Saved<T>>, Problem> {
    let rows = core.db.document_history(key, MAX_HISTORY).await.map_err(|error| failed(&error))?;
    if rows.is_empty() { Err(Code::NotFound.into()) } else { rows.iter().map(Saved::of).collect() }
}

/// The version that an operation made: what an answer's derived members are derived from, however often the document changed since.
async fn version_of<T: ConfigDocument>(core: &Core, key: DocumentKey, version: i64) -> Result<Saved<T>, Problem> {
    let versions = history::<T>(core, key).await?;
    versions.into_iter().find(|saved| saved.version == version).ok_or_else(|| Code::AnswerExpired.into())
}

/// A write that someone asks for under an id of his own.
#[derive(Debug, Clone)]
pub struct Write {
    /// The organisation.
    pub org: OrgId,
    /// Who asks.
    pub principal: Principal,
    /// The client's id.
    pub key: OpKey,
    /// What was asked, as it was understood.
    pub fingerprint: Fingerprint,
}

impl Write {
    /// A write of a caller; `kind` names the route, `request` is what was understood of it.
    #[must_use]
    pub fn of(caller: &Caller, key: OpKey, kind: &str, request: &impl Serialize) -> Self {
        Self { org: caller.org, principal: caller.principal, key, fingerprint: Fingerprint::of(kind, request) }
    }

    /// The outcome that the operation has from an earlier request, so that it is told again whatever has changed since.
    async fn earlier(&self, core: &Core) -> Result<Option<Answer>, Problem> {
        let row = core.db.op(self.org, self.principal, &self.key).await.map_err(|error| failed(&error))?;
        let Some(row) = row else { return Ok(None) };
        if row.fingerprint == self.fingerprint.0 {
            return Ok(Some(stored(&row)));
        }
        Err(Problem::new(Code::IdempotencyKeyReused, "Use a new Idempotency-Key for a new request.").with("op", row.id))
    }

    fn header(&self, core: &Core) -> OpHeader {
        OpHeader {
            org: self.org,
            principal: self.principal,
            key: self.key.clone(),
            fingerprint: self.fingerprint,
            id: OpId(core.ids.ordered(core.clock.now())),
        }
    }

    /// Makes a document; its id is the operation's.
    ///
    /// # Errors
    /// As [`crate::db::batcher::Batcher::execute`].
    pub async fn create<T: ConfigDocument>(&self, core: &Core, document: &T) -> Result<Answer, Problem> {
        let header = self.header(core);
        let key = DocumentKey { org: self.org, kind: T::KIND, id: header.id.0 };
        put(core, header, (key, 0), document).await
    }

    /// Writes the next version of a document.
    ///
    /// # Errors
    /// As [`Self::create`].
    pub async fn replace<T: ConfigDocument>(
        &self,
        core: &Core,
        seen: (DocumentKey, i64),
        document: &T,
    ) -> Result<Answer, Problem> {
        put(core, self.header(core), seen, document).await
    }

    /// Writes the next version of a programme. Its currency never changes: balances and sales were counted in it.
    ///
    /// # Errors
    /// `document_invalid` for another currency; as [`Self::create`].
    pub async fn replace_programme(
        &self,
        core: &Core,
        seen: (DocumentKey, i64),
        programme: &Programme,
    ) -> Result<Answer, Problem> {
        if let Some(answer) = self.earlier(core).await? {
            return Ok(answer);
        }
        let now = existing::<Programme>(core, seen.0).await?;
        if now.document.currency != programme.currency {
            let mut problem =
                Problem::field("currency", format!("stays {}: make another programme", now.document.currency.as_str()));
            problem.code = Code::DocumentInvalid;
            return Err(problem);
        }
        self.replace(core, seen, programme).await
    }
}

async fn put<T: ConfigDocument>(
    core: &Core,
    op: OpHeader,
    (key, expected_version): (DocumentKey, i64),
    document: &T,
) -> Result<Answer, Problem> {
    let body = serde_json::to_string(document).map_err(|_| Problem::from(Code::Internal))?;
    let put = PutDocument { key, expected_version, body: Arc::from(body) };
    core.batcher.execute(Command { op, body: Body::PutDocument(put) }).await
}

/// What a done write of a document says; `None` for a refusal.
#[must_use]
pub fn saved_by(answer: &Answer) -> Option<DocumentSaved> {
    answer.result.as_ref().ok().and_then(|bytes| serde_json::from_slice(bytes).ok())
}
