//! Staff: made by a manager, with a PIN that we make. The PIN is derived, so that a repeated request shows it again, and stored
//! nowhere; the row holds its peppered hash.
//!
//! A cashier's code is unique in the organisation by a document of its own, whose id is the code's hash: of two who ask for a code at
//! once one makes that document. It is never changed, since the journal says for ever who did what: a code that was once somebody's
//! becomes nobody else's.

use std::collections::BTreeSet;

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use super::{Saved, all, create_as, existing, newest, pins, replace, saved_by, version_of};
use crate::cards::{Asked, Caller, Core};
use crate::error::{Code, Problem};
use crate::ids::{OpId, OrgId, StaffId, StoreId, encode};
use crate::ledger::{Answer, DocumentKey, DocumentKind, Fingerprint, OpKey, Principal};
use crate::programme::{Findings, StaffCodeDocument, StaffDocument, Status, StoreDocument};
use crate::tokens::{KeyScope, Kid, Pin};

/// One of the staff as their manager describes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StaffInput {
    /// The name on the till's screen, 1 to 40 characters.
    #[schema(example = "Mariam")]
    pub name: String,
    /// The cashier's code that is recorded with operations: 1 to 40 letters, digits, - or _. It is theirs for ever, even once they have another.
    #[schema(example = "C1")]
    pub code: String,
    /// The stores where they may work; empty for all.
    #[serde(default)]
    pub stores: BTreeSet<StoreId>,
    /// The kill switch.
    #[serde(default)]
    pub status: Status,
}

/// One of the staff as they are shown: nothing of the PIN.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct StaffView {
    /// The name on the till's screen.
    pub name: String,
    /// The cashier's code that is recorded with operations.
    pub code: String,
    /// The stores where they may work; empty for all.
    pub stores: BTreeSet<StoreId>,
    /// The kill switch.
    pub status: Status,
}

impl From<StaffDocument> for StaffView {
    fn from(staff: StaffDocument) -> Self {
        Self { name: staff.name, code: staff.code, stores: staff.stores, status: staff.status }
    }
}

/// Makes one of the staff, with a PIN.
///
/// # Errors
/// `document_invalid`, `wrong_store`, `wrong_programme`; `overloaded` when many PINs are being hashed; as [`Core::ask`].
pub async fn create_staff(core: &Core, caller: &Caller, asked: &Asked, input: StaffInput) -> Result<Answer, Problem> {
    if let Some(answer) = core.earlier(asked).await? {
        return Ok(answer);
    }
    let id = own_id(asked);
    let StaffInput { name, code, stores, status } = input;
    let document = StaffDocument { name, code, stores, status, pin_hash: String::new(), pin_generation: 0, pin_kid: 0 };
    check(core, caller, &document).await?;
    let document = with_pin(core, (asked.org, id), document).await?;
    claim(core, (asked.org, id), &document.code).await?;
    create_as(core, asked, OpId(id.0), &document).await
}

/// Changes one of the staff; the PIN stays as it is.
///
/// # Errors
/// `not_found`, `document_invalid`, `wrong_store`, `wrong_programme`; as [`Core::ask`].
pub async fn put_staff(
    core: &Core,
    caller: &Caller,
    asked: &Asked,
    (id, expected_version, input): (StaffId, i64, StaffInput),
) -> Result<Answer, Problem> {
    if let Some(answer) = core.earlier(asked).await? {
        return Ok(answer);
    }
    let key = DocumentKey::staff(asked.org, id);
    let known = existing::<StaffDocument>(core, key).await?;
    may_manage(caller, &known.document.stores)?;
    let StaffInput { name, code, stores, status } = input;
    let document = StaffDocument { name, code, stores, status, ..known.document };
    check(core, caller, &document).await?;
    // One that saw another version will be refused, and claims no code before.
    if known.version == expected_version {
        claim(core, (asked.org, id), &document.code).await?;
    }
    replace(core, asked, (key, expected_version), &document).await
}

/// Makes a new PIN; the one before stops at once.
///
/// # Errors
/// `not_found`, `wrong_store`, `wrong_programme`; `overloaded`; as [`Core::ask`].
pub async fn new_pin(core: &Core, caller: &Caller, asked: &Asked, id: StaffId) -> Result<Answer, Problem> {
    if let Some(answer) = core.earlier(asked).await? {
        return Ok(answer);
    }
    let key = DocumentKey::staff(asked.org, id);
    let Saved { version, document, .. } = existing::<StaffDocument>(core, key).await?;
    may_manage(caller, &document.stores)?;
    let document = with_pin(core, (asked.org, id), document).await?;
    replace(core, asked, (key, version), &document).await
}

/// The PIN that an operation made; `None` for a refusal.
///
/// # Errors
/// `answer_expired` when that version is no longer kept, `internal` when its master key is gone.
pub async fn staff_pin(core: &Core, (org, id): (OrgId, StaffId), answer: &Answer) -> Result<Option<Pin>, Problem> {
    let Some(saved) = saved_by(answer) else { return Ok(None) };
    let staff = version_of::<StaffDocument>(core, DocumentKey::staff(org, id), saved.version).await?.document;
    pin_of(core, (org, id), &staff).map(Some)
}

/// The PIN of one of the staff as a document has it.
///
/// # Errors
/// `internal` when its master key is gone.
pub fn pin_of(core: &Core, (org, id): (OrgId, StaffId), staff: &StaffDocument) -> Result<Pin, Problem> {
    let scope = KeyScope { org, kid: Kid(staff.pin_kid) };
    let generation = u64::try_from(staff.pin_generation).unwrap_or(0);
    core.keyring.staff_pin(scope, id, generation).map_err(|_| Code::Internal.into())
}

/// Who may work in a store now, in the order of their names.
///
/// # Errors
/// `ledger_unavailable`, `internal`.
pub async fn staff_of_store(core: &Core, (org, store): (OrgId, StoreId)) -> Result<Vec<(StaffId, StaffView)>, Problem> {
    let rows = all::<StaffDocument>(core, org).await?.into_iter().filter(|row| row.document.may_work_in(store));
    let mut staff: Vec<_> = rows.map(|row| (StaffId(row.key.id), StaffView::from(row.document))).collect();
    staff.sort_by(|(_, one), (_, other)| (&one.name, &one.code).cmp(&(&other.name, &other.code)));
    Ok(staff)
}

/// The same request makes the same id, so that a code which it claimed before it was cut off is its own when it is repeated.
fn own_id(asked: &Asked) -> StaffId {
    StaffId(hash_16(&[&asked.org.0, b"staff", asked.principal.to_string().as_bytes(), asked.key.as_str().as_bytes()]))
}

fn hash_16(parts: &[&[u8]]) -> [u8; 16] {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let digest = context.finish();
    std::array::from_fn(|place| digest.as_ref()[place])
}

/// The next generation of the PIN.
async fn with_pin(core: &Core, (org, id): (OrgId, StaffId), staff: StaffDocument) -> Result<StaffDocument, Problem> {
    let scope = core.keyring.scope(org);
    let mut staff = StaffDocument { pin_generation: staff.pin_generation + 1, pin_kid: scope.kid.0, ..staff };
    let pepper = core.keyring.pin_pepper(scope).map_err(|_| Problem::from(Code::Internal))?;
    staff.pin_hash = pins::hash(pin_of(core, (org, id), &staff)?, pepper, core.ids.random()).await?;
    Ok(staff)
}

/// Makes a code theirs, for ever. Codes that differ only in case are one: people read them aloud.
async fn claim(core: &Core, (org, id): (OrgId, StaffId), code: &str) -> Result<(), Problem> {
    let lookup = hash_16(&[&org.0, b"staff code", code.to_ascii_lowercase().as_bytes()]);
    let key = DocumentKey { org, kind: DocumentKind::StaffCode, id: lookup };
    let mut owner = newest::<StaffCodeDocument>(core, key).await?;
    if owner.is_none() {
        let name = format!("code-{}-{}", encode(&lookup), encode(&id.0));
        let claiming = Asked {
            org,
            principal: Principal::System,
            key: OpKey::parse(&name).ok_or_else(|| Problem::from(Code::Internal))?,
            fingerprint: Fingerprint::of("staff.claim_code", &(lookup, id)),
        };
        replace(core, &claiming, (key, 0), &StaffCodeDocument { staff: id }).await?;
        owner = newest::<StaffCodeDocument>(core, key).await?;
    }
    let mut findings = Findings::default();
    let own = owner.is_some_and(|owner| owner.document.staff == id);
    findings.expect(own, "code", "is or was somebody else's; what is recorded under it must go on saying who it was");
    findings.into_result()
}

/// A caller that is bound to a store manages only who works there and nowhere else; one that is bound to programmes manages nobody.
fn may_manage(caller: &Caller, stores: &BTreeSet<StoreId>) -> Result<(), Problem> {
    if !caller.programmes.is_empty() {
        return Err(Problem::new(Code::WrongProgramme, "Staff work in every programme; the key is for some programmes only."));
    }
    match &caller.store {
        Some((own, _)) if *stores != BTreeSet::from([*own]) => Err(Code::WrongStore.into()),
        _ => Ok(()),
    }
}

async fn check(core: &Core, caller: &Caller, staff: &StaffDocument) -> Result<(), Problem> {
    let text = serde_json::to_string(staff).map_err(|_| Problem::from(Code::Internal))?;
    StaffDocument::parse(&text)?;
    may_manage(caller, &staff.stores)?;
    if staff.stores.is_empty() {
        return Ok(());
    }
    let known: BTreeSet<StoreId> =
        all::<StoreDocument>(core, caller.org).await?.into_iter().map(|saved| StoreId(saved.key.id)).collect();
    let mut findings = Findings::default();
    for store in staff.stores.difference(&known) {
        findings.add("stores", format!("{store} is not a store of the organisation"));
    }
    findings.into_result()
}
