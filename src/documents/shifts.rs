//! Tills in a browser and the shifts at them: whose key a cookie holds, which shift is open, who works.
//!
//! A till has **one** document of shifts, whose versions are its shifts in order. Were each shift a document of its own, the open one
//! would have to be kept in a second document, and one command writes one. As it is the ledger's check of the version decides who of
//! two that sign in at once was first; the other one sees it and comes after.

use std::collections::BTreeSet;

use chrono_tz::Tz;
use zeroize::Zeroizing;

use super::{Saved, all, newest, put};
use crate::cards::{Asked, Core};
use crate::clock::Timestamp;
use crate::error::{Code, Problem};
use crate::ids::{OpId, OrgId, ProgrammeId, ShiftId, StaffId, StoreId, TerminalId, encode};
use crate::ledger::{DocumentKey, DocumentKind, Fingerprint, OpKey, Principal};
use crate::programme::{
    EndedShift, Localised, Programme, ShiftDocument, ShiftEnd, StaffDocument, Status, StoreDocument, TerminalDocument,
};
use crate::tokens::{Credential, Environment, KeyHolder, KeyScope, Kid, SecretHash};

/// How often a shift is opened or closed anew when somebody else was faster.
const MOST_TRIES: usize = 8;

/// A till that a browser is.
#[derive(Debug, Clone)]
pub struct Till {
    /// Its organisation.
    pub org: OrgId,
    /// Its id.
    pub id: TerminalId,
    /// What staff call it.
    pub name: String,
    /// The shop it stands in.
    pub store: StoreId,
    /// The shop's name by language.
    pub store_name: Localised,
    /// The programmes it may work in; empty for all.
    pub programmes: BTreeSet<ProgrammeId>,
}

/// Whether a browser's key is a till's.
#[derive(Debug, Clone)]
pub enum TillKey {
    /// It was never one of ours.
    Unknown,
    /// The till has another key by now: it was enrolled elsewhere.
    Withdrawn,
    /// The till is switched off.
    Disabled,
    /// It is.
    Good(Till),
}

/// The till whose key that is.
///
/// # Errors
/// `ledger_unavailable`, `internal`.
pub async fn till_of(core: &Core, environment: Environment, key: &str) -> Result<TillKey, Problem> {
    let Ok(Credential { environment: own, holder: KeyHolder::Terminal(id), secret }) = Credential::parse(key) else {
        return Ok(TillKey::Unknown);
    };
    let row = core.db.document_by_id(DocumentKind::Terminal, id.0).await?;
    let Some(row) = row.filter(|_| own == environment) else { return Ok(TillKey::Unknown) };
    let Saved { key, document: terminal, .. } = Saved::<TerminalDocument>::of(&row)?;
    let known = terminal.secret_hash.as_deref().and_then(SecretHash::from_hex);
    if !known.is_some_and(|hash| hash.matches(&secret)) {
        return Ok(TillKey::Withdrawn);
    }
    if terminal.status == Status::Disabled {
        return Ok(TillKey::Disabled);
    }
    let store = newest::<StoreDocument>(core, DocumentKey::store(key.org, terminal.store)).await?;
    let store_name = store.map(|store| store.document.name).unwrap_or_default();
    let TerminalDocument { name, store, programmes, .. } = terminal;
    Ok(TillKey::Good(Till { org: key.org, id, name, store, store_name, programmes }))
}

/// The time zone of a till: that of a programme which it works in.
///
/// # Errors
/// `ledger_unavailable`, `internal`.
pub async fn zone_of(core: &Core, till: &Till) -> Result<Tz, Problem> {
    let programmes = all::<Programme>(core, till.org).await?;
    let own = |saved: &&Saved<Programme>| till.programmes.is_empty() || till.programmes.contains(&ProgrammeId(saved.key.id));
    Ok(programmes.iter().find(own).map_or(Tz::UTC, |saved| saved.document.zone()))
}

/// Who works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cashier {
    /// One of the staff.
    pub id: StaffId,
    /// What is recorded with operations.
    pub code: String,
    /// The name on the screen.
    pub name: String,
}

/// A shift that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenShift {
    /// Its id.
    pub id: ShiftId,
    /// Who works.
    pub cashier: Cashier,
    /// Since when.
    pub opened_at: Timestamp,
}

/// Why a browser has no open shift.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShiftOver {
    /// It never had one that we know of.
    None,
    /// Its cashier closed it.
    Closed,
    /// Somebody signed in after it.
    Replaced,
    /// It was open for too long.
    Expired,
    /// The till stands in another shop now, or the cashier may not work there any more.
    Barred,
}

impl ShiftOver {
    /// A stable word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "not_signed_in",
            Self::Closed => "closed",
            Self::Replaced => "replaced",
            Self::Expired => "expired",
            Self::Barred => "barred",
        }
    }
}

impl From<ShiftEnd> for ShiftOver {
    fn from(end: ShiftEnd) -> Self {
        match end {
            ShiftEnd::Closed => Self::Closed,
            ShiftEnd::Replaced => Self::Replaced,
            ShiftEnd::Expired => Self::Expired,
        }
    }
}

/// The open shift that a browser's cookie is for, at a till in a store. It is read anew each time: a till asks little, and a shift that
/// was closed or a cashier who was switched off is over at the next request on every node.
///
/// # Errors
/// `ledger_unavailable`, `internal`.
pub async fn open_shift_of(
    core: &Core,
    (org, till, store): (OrgId, TerminalId, StoreId),
    cookie: Option<&str>,
) -> Result<Result<OpenShift, ShiftOver>, Problem> {
    let Some((id, secret)) = cookie.and_then(|text| text.split_once('.')) else { return Ok(Err(ShiftOver::None)) };
    let Ok(id) = id.parse::<ShiftId>() else { return Ok(Err(ShiftOver::None)) };
    let Some(shift) = newest::<ShiftDocument>(core, DocumentKey::shift(org, till)).await? else {
        return Ok(Err(ShiftOver::None));
    };
    let shift = shift.document;
    if shift.id != id {
        return Ok(Err(ShiftOver::Replaced));
    }
    let own = core.keyring.shift_secret(KeyScope { org, kid: Kid(shift.secret_kid) }, id);
    if !own.is_ok_and(|own| own.matches(secret)) {
        return Ok(Err(ShiftOver::None));
    }
    if let Some(end) = shift.end(core.clock.now()) {
        return Ok(Err(end.into()));
    }
    let staff = newest::<StaffDocument>(core, DocumentKey::staff(org, shift.staff)).await?;
    let Some(staff) = staff.filter(|staff| shift.store == store && staff.document.may_work_in(store)) else {
        return Ok(Err(ShiftOver::Barred));
    };
    let cashier = Cashier { id: shift.staff, code: staff.document.code, name: staff.document.name };
    Ok(Ok(OpenShift { id, cashier, opened_at: shift.opened_at }))
}

/// A shift that was opened.
#[derive(Debug, Clone)]
pub struct Opened {
    /// Its id.
    pub id: ShiftId,
    /// What the browser keeps to prove that it is the one.
    pub cookie: Zeroizing<String>,
}

/// Opens a shift at a till for one of the staff; the one before is over. A second press of the same form opens nothing more.
///
/// # Errors
/// `overloaded` when others were faster again and again; as [`Core::ask`].
pub(super) async fn open_shift(core: &Core, till: &Till, (staff, form): (StaffId, &OpKey)) -> Result<Opened, Problem> {
    let key = DocumentKey::shift(till.org, till.id);
    let form = letters(core, till, (b"form", &[&staff.0, form.as_str().as_bytes()]));
    for _ in 0..MOST_TRIES {
        let now = core.clock.now();
        let known = newest::<ShiftDocument>(core, key).await?;
        let version = known.as_ref().map_or(0, |known| known.version);
        let before = known.map(|known| known.document);
        if let Some(same) = before.as_ref().filter(|shift| shift.form == form && shift.end(now).is_none()) {
            return opened(core, till, (same.id, same.secret_kid));
        }
        let document = ShiftDocument {
            id: ShiftId(core.ids.ordered(now)),
            store: till.store,
            staff,
            opened_at: now,
            closed_at: None,
            ended_by: None,
            before: before.filter(|shift| shift.ended_by.is_none()).map(|shift| EndedShift {
                id: shift.id,
                staff: shift.staff,
                ended_by: shift.end(now).unwrap_or(ShiftEnd::Replaced),
            }),
            form: form.clone(),
            secret_kid: core.keyring.current().0,
        };
        let name = letters(core, till, (b"open", &[form.as_bytes(), &version.to_be_bytes()]));
        if let Some(id) = save(core, (key, version), (&name, &document)).await? {
            return opened(core, till, (id, document.secret_kid));
        }
    }
    Err(Code::Overloaded.into())
}

/// Closes a shift; nothing when it is over already.
///
/// # Errors
/// `overloaded` when others were faster again and again; as [`Core::ask`].
pub async fn close_shift(core: &Core, till: &Till, id: ShiftId) -> Result<(), Problem> {
    let key = DocumentKey::shift(till.org, till.id);
    for _ in 0..MOST_TRIES {
        let Some(known) = newest::<ShiftDocument>(core, key).await? else { return Ok(()) };
        if known.document.id != id || known.document.ended_by.is_some() {
            return Ok(());
        }
        let closed_at = Some(core.clock.now());
        let document = ShiftDocument { closed_at, ended_by: Some(ShiftEnd::Closed), before: None, ..known.document };
        let name = letters(core, till, (b"close", &[&id.0, &known.version.to_be_bytes()]));
        if save(core, (key, known.version), (&name, &document)).await?.is_some() {
            return Ok(());
        }
    }
    Err(Code::Overloaded.into())
}

fn opened(core: &Core, till: &Till, (id, kid): (ShiftId, u8)) -> Result<Opened, Problem> {
    let scope = KeyScope { org: till.org, kid: Kid(kid) };
    let secret = core.keyring.shift_secret(scope, id).map_err(|_| Problem::from(Code::Internal))?;
    Ok(Opened { id, cookie: Zeroizing::new(format!("{id}.{}", secret.as_str())) })
}

/// Names what is done at a till.
fn letters(core: &Core, till: &Till, (kind, parts): (&[u8], &[&[u8]])) -> String {
    let all: Vec<&[u8]> = [b"shift" as &[u8], kind, &till.id.0].into_iter().chain(parts.iter().copied()).collect();
    let hash = core.keyring.fingerprint(till.org, &all);
    encode(&std::array::from_fn(|place| hash[place]))
}

/// Saves the next version under the shift's id, or says that somebody else was faster. The id is the operation's that was first.
async fn save(
    core: &Core,
    (key, version): (DocumentKey, i64),
    (name, document): (&str, &ShiftDocument),
) -> Result<Option<ShiftId>, Problem> {
    let asked = Asked {
        org: key.org,
        principal: Principal::Terminal(TerminalId(key.id)),
        key: OpKey::parse(&format!("shift-{name}")).ok_or_else(|| Problem::from(Code::Internal))?,
        fingerprint: Fingerprint::of("shifts.save", &name),
    };
    let mut command = core.command(&asked, put(key, version, document)?);
    if document.ended_by.is_none() {
        command.op.id = OpId(document.id.0);
    }
    let answer = core.batcher.execute(command).await?;
    match answer.result {
        Ok(_) => Ok(Some(ShiftId(answer.op.0))),
        Err(problem) if problem.code == Code::VersionConflict => Ok(None),
        Err(problem) => Err(problem),
    }
}
