//! Configuration documents as the outside sees them: read by type, written under an operation id with the version that was seen.
//!
//! What stands in each document is checked in `programme`; who may write which is decided here; that versions never fork is decided
//! by the ledger. A new document takes its id from the operation that makes it, so that a repeated request names the same one.

mod keys;
mod pins;
mod rights;
mod session;
mod shifts;
mod sign_in;
mod staff;
mod terminals;

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cards::{Asked, Core};
use crate::clock::Timestamp;
use crate::error::{Code, Problem};
use crate::ids::{OpId, OrgId};
use crate::ledger::{Answer, Body, Document, DocumentKey, DocumentKind, DocumentSaved, Principal, PutDocument};
use crate::programme::{
    EnrolmentDocument, KeyDocument, MAX_DOCUMENT_BYTES, OrganisationDocument, Programme, ShiftDocument, StaffCodeDocument,
    StaffDocument, StoreDocument, TerminalDocument,
};

pub use keys::{KeyInput, KeyView, OldSecret, create_key, key_secret, retire_secret, revoke_key, rotate_key};
pub use rights::{covers, whole_organisation};
pub use session::{Reached, SHIFT_COOKIE, TILL_COOKIE, cookie};
pub use shifts::{Cashier, OpenShift, Opened, ShiftOver, Till, TillKey, close_shift, open_shift_of, till_of, zone_of};
pub use sign_in::{SignIn, Signing, sign_in};
pub use staff::{StaffInput, StaffView, create_staff, new_pin, pin_of, put_staff, staff_of_store, staff_pin};
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
    StaffDocument: Staff,
    StaffCodeDocument: StaffCode,
    ShiftDocument: Shift,
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

/// The newest version of a document.
///
/// # Errors
/// `ledger_unavailable`, `internal`.
pub async fn newest<T: ConfigDocument>(core: &Core, key: DocumentKey) -> Result<Option<Saved<T>>, Problem> {
    let row = core.db.document(key).await?;
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
    let mut rows = core.db.documents(org, T::KIND).await?;
    rows.sort_by_key(|row| row.key);
    rows.iter().map(Saved::of).collect()
}

/// The versions of a document, newest first.
///
/// # Errors
/// `not_found` when there is none; as [`newest`].
pub async fn history<T: ConfigDocument>(core: &Core, key: DocumentKey) -> Result<Vec<Saved<T>>, Problem> {
    let rows = core.db.document_history(key, MAX_HISTORY).await?;
    if rows.is_empty() { Err(Code::NotFound.into()) } else { rows.iter().map(Saved::of).collect() }
}

/// The version that an operation made: what an answer's derived members are derived from, however often the document changed since.
async fn version_of<T: ConfigDocument>(core: &Core, key: DocumentKey, version: i64) -> Result<Saved<T>, Problem> {
    let versions = history::<T>(core, key).await?;
    versions.into_iter().find(|saved| saved.version == version).ok_or_else(|| Code::AnswerExpired.into())
}

/// Makes a document; its id is the operation's.
///
/// # Errors
/// As [`Core::ask`].
pub async fn create<T: ConfigDocument>(core: &Core, asked: &Asked, document: &T) -> Result<Answer, Problem> {
    let id = OpId(core.ids.ordered(core.clock.now()));
    create_as(core, asked, id, document).await
}

/// Makes a document under an id that the caller has made, since the document's contents depend on it.
async fn create_as<T: ConfigDocument>(core: &Core, asked: &Asked, id: OpId, document: &T) -> Result<Answer, Problem> {
    let key = DocumentKey { org: asked.org, kind: T::KIND, id: id.0 };
    let mut command = core.command(asked, put(key, 0, document)?);
    command.op.id = id;
    core.batcher.execute(command).await
}

/// Writes the next version of a document.
///
/// # Errors
/// As [`Core::ask`].
pub async fn replace<T: ConfigDocument>(
    core: &Core,
    asked: &Asked,
    (key, expected_version): (DocumentKey, i64),
    document: &T,
) -> Result<Answer, Problem> {
    core.ask(asked, put(key, expected_version, document)?).await
}

/// Makes a programme. Its template has to be one that this node runs with.
///
/// # Errors
/// `document_invalid` for a template that is not there; as [`Core::ask`].
pub async fn create_programme(core: &Core, asked: &Asked, programme: &Programme) -> Result<Answer, Problem> {
    if let Some(answer) = core.earlier(asked).await? {
        return Ok(answer);
    }
    check_template(core, programme)?;
    create(core, asked, programme).await
}

/// Refuses a template that is not there, with the names of those that are.
fn check_template(core: &Core, programme: &Programme) -> Result<(), Problem> {
    if core.templates.get(&programme.template).is_some() {
        return Ok(());
    }
    let names: Vec<&str> = core.templates.names().collect();
    let mut problem = Problem::field("template", format!("is not one of: {}", names.join(", ")));
    problem.code = Code::DocumentInvalid;
    Err(problem)
}

/// Writes the next version of a programme. Its currency never changes: balances and sales were counted in it. A new template has to be one
/// that this node runs with; one that the programme has already may be gone, so that its kill switch still works.
///
/// # Errors
/// `document_invalid` for another currency or a template that is not there; as [`Core::ask`].
pub async fn replace_programme(
    core: &Core,
    asked: &Asked,
    seen: (DocumentKey, i64),
    programme: &Programme,
) -> Result<Answer, Problem> {
    if let Some(answer) = core.earlier(asked).await? {
        return Ok(answer);
    }
    let now = existing::<Programme>(core, seen.0).await?;
    if now.document.currency != programme.currency {
        let mut problem = Problem::field("currency", format!("stays {}: make another programme", now.document.currency.as_str()));
        problem.code = Code::DocumentInvalid;
        return Err(problem);
    }
    if now.document.template != programme.template {
        check_template(core, programme)?;
    }
    replace(core, asked, seen, programme).await
}

fn put<T: ConfigDocument>(key: DocumentKey, expected_version: i64, document: &T) -> Result<Body, Problem> {
    let body = serde_json::to_string(document).map_err(|_| Problem::from(Code::Internal))?;
    if body.len() > MAX_DOCUMENT_BYTES {
        return Err(Problem::new(
            Code::DocumentInvalid,
            format!("The document has more than {MAX_DOCUMENT_BYTES} bytes, with its defaults."),
        ));
    }
    Ok(Body::PutDocument(PutDocument { key, expected_version, body: Arc::from(body) }))
}

/// What a done write of a document says; `None` for a refusal.
#[must_use]
pub fn saved_by(answer: &Answer) -> Option<DocumentSaved> {
    answer.result.as_ref().ok().and_then(|bytes| serde_json::from_slice(bytes).ok())
}
