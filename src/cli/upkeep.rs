//! `walaa backup` and `walaa restore`: a consistent copy of the database while the gateway runs, and the way back.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::{CliError, ConfigFile, Ending, Surroundings, block_on};
use crate::app::high_water::Mark;
use crate::app::{StartError, open};
use crate::config::{Config, DatabaseUrl, beside};
use crate::db::{Db, LedgerCheck};

/// Arguments of `walaa backup`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  walaa backup walaa-2026-01-31.db --config walaa.toml")]
pub struct BackupArgs {
    /// The new file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    config: ConfigFile,
}

/// Arguments of `walaa restore`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  walaa restore walaa-2026-01-31.db --config walaa.toml")]
pub struct RestoreArgs {
    /// What `walaa backup` wrote
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    config: ConfigFile,
}

/// Copies the database.
///
/// # Errors
/// The file exists, or the copy can't be made.
pub fn backup(args: &BackupArgs, around: &mut Surroundings<'_>) -> Result<Ending, CliError> {
    let config = args.config.load()?;
    if args.file.exists() {
        return Err(CliError::Other(format!("{} exists already and is left as it is", args.file.display())));
    }
    let keyring = open::keyring(&config)?;
    let mark = block_on(async {
        let db = open::database(&config, &keyring).await?;
        db.backup(&args.file).await?;
        Ok(Mark::of(db.as_ref()).await?)
    })?;
    let out = &mut around.out;
    writeln!(out, "Wrote {}: everything up to {} at least.", args.file.display(), mark.last_op)?;
    writeln!(
        out,
        "The master keys are not in it. Without them a backup is worth nothing: walaa keys export FILE --passphrase-file FILE"
    )?;
    Ok(Ending::Fine)
}

/// Puts a backup in the place of the database: copied, checked, its epoch raised, then moved there in one step.
///
/// # Errors
/// A gateway is running, there is a database already, the master keys are missing or others, or the backup is not whole.
pub fn restore(args: &RestoreArgs, around: &mut Surroundings<'_>) -> Result<Ending, CliError> {
    let config = args.config.load()?;
    let Ok(DatabaseUrl::Sqlite(target)) = config.database.parsed() else {
        return Err(CliError::Other("database.url names no file: there is nothing to restore into".to_owned()));
    };
    let _hold = open::hold(&config)?;
    refuse_filled(&target)?;
    open::keyring(&config)?;
    let unfinished = beside(&target, ".unfinished");
    let (mark, checked) = prepare(&config, &args.file, &unfinished)?;
    refuse_open(&unfinished)?;
    fs::rename(&unfinished, &target).map_err(|source| StartError::file(&target, source))?;
    let out = &mut around.out;
    writeln!(out, "Restored {} from {}.", target.display(), args.file.display())?;
    writeln!(out, "It ends at {}. What happened after that is lost here; tills may know more.", mark.last_op)?;
    writeln!(out, "{} cards and {} entries agree. The ledger's epoch is now {}:", checked.cards, checked.entries, mark.epoch)?;
    writeln!(
        out,
        "codes that were shown before need a manager's key, since they may have been redeemed in the time that is lost."
    )?;
    writeln!(out, "Settle them: walaa reconcile")?;
    Ok(Ending::Fine)
}

fn refuse_filled(target: &Path) -> Result<(), CliError> {
    match [target.to_owned(), log_of(target)].iter().find(|path| holds_something(path)) {
        Some(path) => {
            Err(CliError::Other(format!("{} is there: move it away first (keep it), then restore again", path.display())))
        }
        None => Ok(()),
    }
}

/// A copy whose changes are still in its log would lose them when it is moved.
fn refuse_open(copy: &Path) -> Result<(), CliError> {
    let log = log_of(copy);
    if holds_something(&log) { Err(CliError::Other(format!("{} was not written back", log.display()))) } else { Ok(()) }
}

/// Where SQLite keeps what is committed and not yet in the file.
fn log_of(database: &Path) -> PathBuf {
    beside(database, "-wal")
}

fn holds_something(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.len() > 0)
}

/// A copy that is whole and of a new epoch, closed and on disk.
fn prepare(config: &Config, backup: &Path, unfinished: &Path) -> Result<(Mark, LedgerCheck), CliError> {
    let failed = |source| StartError::file(backup, source);
    fs::copy(backup, unfinished).map_err(failed)?;
    File::open(unfinished).and_then(|file| file.sync_all()).map_err(failed)?;
    let mut copied = config.clone();
    copied.database.url = crate::config::SecretText::new(format!("sqlite:{}", unfinished.display()));
    let mark_file = config.database.high_water_path();
    let keyring = open::keyring(config)?;
    let result = block_on(async {
        let db = open::database(&copied, &keyring).await?;
        open::check_keys(db.as_ref(), &keyring).await?;
        let checked = db.check_ledger().await?;
        if !checked.findings.is_empty() {
            let findings = checked.findings.join("\n  ");
            return Err(CliError::Other(format!("the backup does not agree with itself:\n  {findings}")));
        }
        let in_file = mark_file.as_deref().map(Mark::read).transpose()?.flatten();
        let known = in_file.max(open::gate(config, &keyring)?.ledger_mark().await);
        Ok((raise(&db, known).await?, checked))
    });
    if result.is_err() {
        let _best_effort = fs::remove_file(unfinished);
    }
    result
}

/// Raises the epoch beyond everything that was seen before, so that the mark beside the database lets it in.
pub(super) async fn raise(db: &Arc<dyn Db>, known: Option<Mark>) -> Result<Mark, CliError> {
    loop {
        let epoch = db.raise_epoch().await?;
        if known.is_none_or(|known| epoch > known.epoch) {
            return Ok(Mark::of(db.as_ref()).await?);
        }
    }
}
