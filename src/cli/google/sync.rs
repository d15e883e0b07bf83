//! `walaa google sync`: the classes of a programme, as they should be at Google.

use std::io::Write;
use std::sync::Arc;

use clap::Args;

use crate::app::{google, open};
use crate::cli::{CliError, ConfigFile, Ending, Surroundings, block_on};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::Db;
use crate::gate::{Gate, MemoryGate};
use crate::google::compose::Body;
use crate::google::difference::difference;
use crate::google::error::CallError;
use crate::google::{GoogleIssuer, GoogleWriter};
use crate::ids::{OrgId, ProgrammeId};
use crate::ledger::{DocumentKey, DocumentKind};
use crate::programme::{Localised, OrganisationDocument, Programme};

/// Arguments of `walaa google sync`.
#[derive(Debug, Args)]
#[command(
    after_help = "A running gateway writes classes by itself when a card needs them; this is for looking, and for writing them all now.\n\nExamples:\n  walaa google sync prog_0000000000000000000000000a --dry-run\n  walaa google sync prog_0000000000000000000000000a"
)]
pub struct SyncArgs {
    /// The programme
    programme: ProgrammeId,
    /// Only say what would change
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    config: ConfigFile,
}

/// Brings a programme's classes up to date, or says what that would change. Ends with findings when Google refused one.
pub(super) fn run(args: &SyncArgs, around: &mut Surroundings<'_>) -> Result<Ending, CliError> {
    let config = args.config.load()?;
    let clock = Arc::clone(&around.clock);
    block_on(async {
        let bench = Bench::open(&config, &clock).await?;
        let found = bench.programme(args.programme).await?;
        let google = Arc::clone(bench.writer.google());
        let issuer = google.issuer_for(found.org);
        let issuer = issuer.ok_or_else(|| CliError::Other(format!("no section [[google]] is for {}", found.org)))?;
        let parts = (found.org, args.programme, &found.programme, &found.organisation);
        let classes = bench.writer.composer().classes(issuer.id(), parts).map_err(|error| CliError::Other(error.to_string()))?;
        let mut ending = Ending::Fine;
        for class in &classes {
            if let Err(error) = sync(&bench.writer, (issuer, found.org, class), args.dry_run, around.out).await? {
                writeln!(around.out, "{}  REFUSED: {error}", class.id)?;
                ending = Ending::Findings;
            }
        }
        Ok(ending)
    })
}

/// What the command works with.
struct Bench {
    db: Arc<dyn Db>,
    writer: Arc<GoogleWriter>,
}

struct Found {
    org: OrgId,
    programme: Programme,
    organisation: Localised,
}

impl Bench {
    async fn open(config: &Config, clock: &Arc<dyn Clock>) -> Result<Self, CliError> {
        let keyring = open::keyring(config)?;
        let db = open::database(config, &keyring).await?;
        // One command beside the gateway: a budget of its own, since a programme has few classes.
        let gate: Arc<dyn Gate> = Arc::new(MemoryGate::new(Arc::clone(&keyring)));
        let issuers = google::issuers(config, (&gate, clock))?;
        let templates = open::templates(config)?;
        let public_url: Arc<str> = config.server.public_url.clone().unwrap_or_default().into();
        let writer = google::writer((&db, clock, &keyring), issuers, (templates, &public_url));
        Ok(Self { db, writer })
    }

    async fn programme(&self, id: ProgrammeId) -> Result<Found, CliError> {
        let document = self.db.document_by_id(DocumentKind::Programme, id.0).await?;
        let document = document.ok_or_else(|| CliError::Other(format!("there is no programme {id}")))?;
        let org = document.key.org;
        let programme = Programme::parse(&document.body).map_err(CliError::Refused)?;
        let organisation = match self.db.document(DocumentKey::organisation(org)).await? {
            Some(document) => OrganisationDocument::parse(&document.body).map_err(CliError::Refused)?.name,
            None => programme.name.clone(),
        };
        Ok(Found { org, programme, organisation })
    }
}

/// Looks at one class, and writes it unless only asked; inside, why Google refused.
async fn sync(
    writer: &GoogleWriter,
    (issuer, org, class): (&GoogleIssuer, OrgId, &Body),
    only_asked: bool,
    out: &mut dyn Write,
) -> Result<Result<(), crate::google::WriteError>, CliError> {
    let patient = issuer.patient();
    let changes = match patient.client.get(class.kind, &class.id).await {
        Ok(present) => Some(difference(&class.patch, &present)),
        Err(CallError::NotFound(_)) => None,
        Err(error) => return Ok(Err(error.into())),
    };
    let (would, has) = if only_asked { ("would be ", "") } else { ("", " now") };
    match changes.as_deref() {
        Some([]) => writeln!(out, "{}  is as it should be", class.id)?,
        Some(changes) => writeln!(out, "{}  {would}changed{has}: {}", class.id, changes.join(", "))?,
        None => writeln!(out, "{}  {would}made{has}", class.id)?,
    }
    if only_asked || changes.is_some_and(|changes| changes.is_empty()) {
        return Ok(Ok(()));
    }
    Ok(writer.sync_class(&patient, org, class).await)
}
