//! `walaa audit verify`: recomputes the journal's hash chains and says what does not agree.

use std::fmt::Write as _;
use std::io;

use clap::{Args, Subcommand};

use super::{CliError, ConfigFile, Ending, Surroundings, block_on};
use crate::app::open;
use crate::db::{Db, DbError};
use crate::ids::OrgId;
use crate::journal::{Verified, verify};

/// What to check.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Recompute the journal's hash chains and every balance, and say what does not agree
    Verify(VerifyArgs),
}

/// Arguments of `walaa audit verify`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  walaa audit verify --config walaa.toml")]
pub struct VerifyArgs {
    /// Only the journal of this organisation (org_…)
    #[arg(long, value_name = "ID")]
    organisation: Option<OrgId>,
    #[command(flatten)]
    config: ConfigFile,
}

/// Runs one of the commands.
///
/// # Errors
/// The check could not be done.
pub fn run(command: &AuditCommand, around: &mut Surroundings<'_>) -> Result<Ending, CliError> {
    let AuditCommand::Verify(args) = command;
    let config = args.config.load()?;
    let keyring = open::keyring(&config)?;
    let (journal, ledger) = block_on(async {
        let db = open::database(&config, &keyring).await?;
        let journal = verify_journal(db.as_ref(), args.organisation, around.out).await;
        Ok((journal.map_err(|error| CliError::Other(error.to_string()))?, db.check_ledger().await?))
    })?;
    writeln!(around.out, "{} cards were recomputed from {} entries", ledger.cards, ledger.entries)?;
    for finding in &ledger.findings {
        writeln!(around.out, "WRONG: {finding}")?;
    }
    Ok(if journal == AuditResult::Whole && ledger.findings.is_empty() { Ending::Fine } else { Ending::Findings })
}

/// Why a check could not be done.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The database did not answer.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The report could not be written.
    #[error("the report could not be written: {0}")]
    Write(#[from] io::Error),
}

/// How a check ended: the command's exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditResult {
    /// Every chain is whole.
    Whole,
    /// A row was changed.
    Broken,
}

/// Checks one organisation's journal, or those of all, and writes a report for people.
///
/// # Errors
/// The database does not answer, or the report can't be written.
pub async fn verify_journal(db: &dyn Db, only: Option<OrgId>, out: &mut dyn io::Write) -> Result<AuditResult, AuditError> {
    let orgs = match only {
        Some(org) => vec![org],
        None => db.organisations().await?.iter().map(|document| document.key.org).collect(),
    };
    let mut result = AuditResult::Whole;
    for org in orgs {
        let verified = verify(db, org).await?;
        if verified.bad.is_some() {
            result = AuditResult::Broken;
        }
        out.write_all(report(org, &verified).as_bytes())?;
    }
    Ok(result)
}

fn report(org: OrgId, verified: &Verified) -> String {
    let mut text = String::new();
    let head: String = verified.head.iter().map(|byte| format!("{byte:02x}")).collect();
    let written = match &verified.bad {
        None => writeln!(text, "{org}: {} rows are whole; the last hash is {head}", verified.rows),
        Some(bad) => writeln!(
            text,
            "{org}: BROKEN at row {} (operation {}): {}\n{org}: the {} rows before it are whole; their last hash is {head}",
            bad.number, bad.op, bad.what, verified.rows
        ),
    };
    written.expect("writing to a String never fails");
    if verified.unsealed > 0 {
        let rows = verified.unsealed;
        writeln!(text, "{org}: {rows} committed rows (of all organisations) are not numbered yet").expect("as above");
    }
    text
}
