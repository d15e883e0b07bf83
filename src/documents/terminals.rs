//! Tills and scanners: made by a manager, enrolled on the spot by a one-time code. Enrolling again ends the key before.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Saved, create, existing, newest, replace, saved_by, version_of};
use crate::cards::{Asked, Caller, Core};
use crate::clock::Timestamp;
use crate::error::{Code, Problem};
use crate::ids::{OrgId, ProgrammeId, StoreId, TerminalId, encode};
use crate::ledger::{Answer, DocumentKey, DocumentKind, Fingerprint, OpKey, Principal};
use crate::programme::{EnrolmentDocument, Findings, Programme, Status, StoreDocument, TerminalDocument};
use crate::tokens::{self, Credential, Environment, KeyHolder, Kid, Secret, TypedCode};

/// How long a one-time code is good.
const ENROLMENT_SECONDS: i64 = 10 * 60;

/// A terminal as its manager describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TerminalInput {
    /// What staff call it, 1 to 40 characters.
    #[schema(example = "Till 1")]
    pub name: String,
    /// The store it stands in.
    pub store: StoreId,
    /// The kill switch.
    #[serde(default)]
    pub status: Status,
    /// The programmes it may work in; empty for all.
    #[serde(default)]
    pub programmes: BTreeSet<ProgrammeId>,
}

/// A terminal as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct TerminalView {
    /// What staff call it.
    pub name: String,
    /// The store it stands in.
    pub store: StoreId,
    /// The kill switch.
    pub status: Status,
    /// The programmes it may work in; empty for all.
    pub programmes: BTreeSet<ProgrammeId>,
    /// Whether a till holds its key.
    pub enrolled: bool,
    /// Until when its one-time code is good, if one is open.
    pub enrolment_expires_at: Option<Timestamp>,
}

impl From<TerminalDocument> for TerminalView {
    fn from(terminal: TerminalDocument) -> Self {
        Self {
            name: terminal.name,
            store: terminal.store,
            status: terminal.status,
            programmes: terminal.programmes,
            enrolled: terminal.secret_hash.is_some(),
            enrolment_expires_at: terminal.enrolment_expires_at,
        }
    }
}

/// A terminal's key, shown once.
pub struct Enrolled {
    /// The terminal.
    pub terminal: TerminalId,
    /// What it is now.
    pub view: TerminalView,
    /// The key.
    pub key: Zeroizing<String>,
}

/// Makes a terminal with a one-time code.
///
/// # Errors
/// `document_invalid`, `wrong_store`, `wrong_programme`; as [`Core::ask`].
pub async fn create_terminal(core: &Core, caller: &Caller, asked: &Asked, input: TerminalInput) -> Result<Answer, Problem> {
    if let Some(answer) = core.earlier(asked).await? {
        return file_code(core, asked, answer).await;
    }
    check(core, caller, &input).await?;
    let document = with_code(
        core,
        TerminalDocument {
            name: input.name,
            store: input.store,
            status: input.status,
            programmes: input.programmes,
            enrolment_expires_at: None,
            enrolment_generation: 0,
            enrolment_kid: 0,
            secret_hash: None,
            secret_generation: 0,
            secret_kid: 0,
        },
    );
    let answer = create(core, asked, &document).await?;
    file_code(core, asked, answer).await
}

/// Changes a terminal; its key and its code stay as they are.
///
/// # Errors
/// `not_found`, `document_invalid`, `wrong_store`, `wrong_programme`; as [`Core::ask`].
pub async fn put_terminal(
    core: &Core,
    caller: &Caller,
    asked: &Asked,
    (id, expected_version, input): (TerminalId, i64, TerminalInput),
) -> Result<Answer, Problem> {
    if let Some(answer) = core.earlier(asked).await? {
        return Ok(answer);
    }
    let key = DocumentKey::terminal(asked.org, id);
    let known = existing::<TerminalDocument>(core, key).await?.document;
    may_manage(caller, &known)?;
    check(core, caller, &input).await?;
    let TerminalInput { name, store, status, programmes } = input;
    let document = TerminalDocument { name, store, status, programmes, ..known };
    replace(core, asked, (key, expected_version), &document).await
}

/// Makes a new one-time code for a terminal; the key that it has works until the code is used.
///
/// # Errors
/// `not_found`, `wrong_store`, `wrong_programme`; as [`Core::ask`].
pub async fn new_enrolment(core: &Core, caller: &Caller, asked: &Asked, id: TerminalId) -> Result<Answer, Problem> {
    if let Some(answer) = core.earlier(asked).await? {
        return file_code_of(core, asked, (id, answer)).await;
    }
    let key = DocumentKey::terminal(asked.org, id);
    let Saved { version, document, .. } = existing::<TerminalDocument>(core, key).await?;
    may_manage(caller, &document)?;
    let answer = replace(core, asked, (key, version), &with_code(core, document)).await?;
    file_code_of(core, asked, (id, answer)).await
}

/// The one-time code that an operation made, and until when it is good; `None` for a refusal.
///
/// # Errors
/// `answer_expired` when that version is no longer kept, `internal` when its master key is gone.
pub async fn enrolment_code(
    core: &Core,
    (org, id): (OrgId, TerminalId),
    answer: &Answer,
) -> Result<Option<(String, Timestamp)>, Problem> {
    let Some(saved) = saved_by(answer) else { return Ok(None) };
    let terminal = version_of::<TerminalDocument>(core, DocumentKey::terminal(org, id), saved.version).await?.document;
    let code = code(core, (org, id), &terminal)?;
    Ok(terminal.enrolment_expires_at.map(|until| (code.grouped(), until)))
}

/// Swaps a one-time code for the terminal's key. Whoever comes second with a code hears that it is used.
///
/// # Errors
/// `enrolment_code_invalid` whatever is wrong with the code, `terminal_disabled`; as [`Core::ask`].
pub async fn enrol(core: &Core, environment: Environment, text: &str) -> Result<Enrolled, Problem> {
    let wrong = || Problem::from(Code::EnrolmentCodeInvalid);
    let code = TypedCode::parse(text).map_err(|_| wrong())?;
    let filed = find_code(core, &code).await?.ok_or_else(wrong)?;
    let (org, id) = (filed.key.org, filed.document.terminal);
    let key = DocumentKey::terminal(org, id);
    let Saved { version, mut document, .. } = existing::<TerminalDocument>(core, key).await?;
    let is_newest = document.enrolment_generation == filed.document.generation;
    if !is_newest || document.enrolment_expires_at.is_none_or(|until| core.clock.now() >= until) {
        return Err(wrong());
    }
    if document.status == Status::Disabled {
        return Err(Code::TerminalDisabled.into());
    }
    document.enrolment_expires_at = None;
    document.secret_generation += 1;
    document.secret_kid = core.keyring.current().0;
    let secret = secret(core, (org, id), &document)?;
    document.secret_hash = Some(secret.hash().to_hex());
    let asked = Asked {
        org,
        principal: Principal::Terminal(id),
        key: OpKey::parse(&format!("enrol-{}", encode(&core.ids.random()))).ok_or_else(|| Problem::from(Code::Internal))?,
        fingerprint: Fingerprint::of("terminals.enrol", &id),
    };
    let answer = replace(core, &asked, (key, version), &document).await?;
    answer.result.map_err(|problem| if problem.code == Code::VersionConflict { wrong() } else { problem })?;
    let key = Credential { environment, holder: KeyHolder::Terminal(id), secret }.to_text();
    Ok(Enrolled { terminal: id, view: document.into(), key })
}

async fn find_code(core: &Core, code: &TypedCode) -> Result<Option<Saved<EnrolmentDocument>>, Problem> {
    for id in core.keyring.enrolment_lookups(code) {
        let row = core.db.document_by_id(DocumentKind::Enrolment, id).await?;
        if let Some(row) = row {
            return Saved::of(&row).map(Some);
        }
    }
    Ok(None)
}

/// Files the code of a terminal that an operation made. A crash before it is mended when the request is repeated.
async fn file_code(core: &Core, asked: &Asked, answer: Answer) -> Result<Answer, Problem> {
    let id = TerminalId(answer.op.0);
    file_code_of(core, asked, (id, answer)).await
}

async fn file_code_of(core: &Core, asked: &Asked, (id, answer): (TerminalId, Answer)) -> Result<Answer, Problem> {
    let Some(saved) = saved_by(&answer) else { return Ok(answer) };
    let terminal = version_of::<TerminalDocument>(core, DocumentKey::terminal(asked.org, id), saved.version).await?.document;
    let generation = terminal.enrolment_generation;
    let lookup = core.keyring.enrolment_lookup(Kid(terminal.enrolment_kid), &code(core, (asked.org, id), &terminal)?);
    let lookup = lookup.map_err(|_| Problem::from(Code::Internal))?;
    let key = DocumentKey { org: asked.org, kind: DocumentKind::Enrolment, id: lookup };
    let filing = Asked {
        org: asked.org,
        principal: Principal::System,
        key: OpKey::parse(&format!("enrolment-{}-{generation}", encode(&id.0))).ok_or_else(|| Problem::from(Code::Internal))?,
        fingerprint: Fingerprint::of("terminals.file_code", &(id, generation)),
    };
    replace(core, &filing, (key, 0), &EnrolmentDocument { terminal: id, generation }).await?;
    Ok(answer)
}

fn with_code(core: &Core, terminal: TerminalDocument) -> TerminalDocument {
    TerminalDocument {
        enrolment_expires_at: Some(core.clock.now().plus_seconds(ENROLMENT_SECONDS)),
        enrolment_generation: terminal.enrolment_generation + 1,
        enrolment_kid: core.keyring.current().0,
        ..terminal
    }
}

fn code(core: &Core, (org, id): (OrgId, TerminalId), terminal: &TerminalDocument) -> Result<TypedCode, Problem> {
    let scope = tokens::KeyScope { org, kid: Kid(terminal.enrolment_kid) };
    let generation = u64::try_from(terminal.enrolment_generation).unwrap_or(0);
    core.keyring.enrolment_code(scope, id, generation).map_err(|_| Problem::from(Code::Internal))
}

fn secret(core: &Core, (org, id): (OrgId, TerminalId), terminal: &TerminalDocument) -> Result<Secret, Problem> {
    let scope = tokens::KeyScope { org, kid: Kid(terminal.secret_kid) };
    let generation = u64::try_from(terminal.secret_generation).unwrap_or(0);
    core.keyring.terminal_secret(scope, id, generation).map_err(|_| Problem::from(Code::Internal))
}

/// A caller that is bound to a store or to programmes manages only terminals within them.
fn may_manage(caller: &Caller, terminal: &TerminalDocument) -> Result<(), Problem> {
    if caller.store.as_ref().is_some_and(|(own, _)| *own != terminal.store) {
        return Err(Code::WrongStore.into());
    }
    let within = !terminal.programmes.is_empty() && terminal.programmes.is_subset(&caller.programmes);
    if caller.programmes.is_empty() || within { Ok(()) } else { Err(Code::WrongProgramme.into()) }
}

async fn check(core: &Core, caller: &Caller, input: &TerminalInput) -> Result<(), Problem> {
    let document = serde_json::to_string(input).map_err(|_| Problem::from(Code::Internal))?;
    may_manage(caller, &TerminalDocument::parse(&document)?)?;
    let mut findings = Findings::default();
    let store = newest::<StoreDocument>(core, DocumentKey::store(caller.org, input.store)).await?;
    findings.expect(store.is_some(), "store", "is not a store of the organisation");
    check_programmes(core, caller.org, &input.programmes, &mut findings).await?;
    findings.into_result()
}

/// Notes every programme that the organisation does not have.
pub(super) async fn check_programmes(
    core: &Core,
    org: OrgId,
    programmes: &BTreeSet<ProgrammeId>,
    findings: &mut Findings,
) -> Result<(), Problem> {
    if programmes.is_empty() {
        return Ok(());
    }
    let known: BTreeSet<[u8; 16]> = super::all::<Programme>(core, org).await?.into_iter().map(|saved| saved.key.id).collect();
    for programme in programmes {
        findings.expect(
            known.contains(&programme.0),
            "programmes",
            format!("{programme} is not a programme of the organisation"),
        );
    }
    Ok(())
}
