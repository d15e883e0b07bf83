//! `walaa db`: the schema on a PostgreSQL server, the move of a running shop to it, and what to do after one of its backups was put back.

use std::sync::Arc;

use clap::{Args, Subcommand};

use super::audit::{AuditResult, verify_journal};
use super::upkeep::raise;
use super::{CliError, ConfigFile, Ending, Surroundings, block_on};
use crate::app::high_water::Mark;
use crate::app::open;
use crate::config::{Config, DatabaseUrl, SecretText};
use crate::db::postgres::{PostgresConfig, PostgresDb};
use crate::db::sqlite::SqliteDb;
use crate::db::{Db, copy, postgres};
use crate::tokens::Keyring;

/// What to do with the database.
#[derive(Debug, Subcommand)]
pub enum DatabaseCommand {
    /// Bring a PostgreSQL database to the newest schema
    Migrate(MigrateArgs),
    /// Move everything from a SQLite file to an empty PostgreSQL database
    Copy(CopyArgs),
    /// After a backup of PostgreSQL was put back, or a failover lost commits: raise the ledger's epoch
    Restored(RestoredArgs),
}

/// Arguments of `walaa db migrate`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  walaa db migrate --serving-user walaa --config walaa.toml")]
pub struct MigrateArgs {
    /// Also give this user of the server the rights to serve, and no more
    #[arg(long, value_name = "NAME")]
    serving_user: Option<String>,
    #[command(flatten)]
    config: ConfigFile,
}

/// Arguments of `walaa db copy`.
#[derive(Debug, Args)]
#[command(
    after_help = "The gateway must be stopped: what happened on the file after the copy would be missing.\n\nExample:\n  walaa db copy --from sqlite:walaa-data/walaa.db --to postgres://walaa@localhost/walaa --config walaa.toml"
)]
pub struct CopyArgs {
    /// The file that is left
    #[arg(long, value_name = "sqlite:PATH")]
    from: String,
    /// The empty database that is moved to; an address with a password is better given in WALAA_COPY_TO
    #[arg(long, value_name = "postgres://...", env = "WALAA_COPY_TO", hide_env_values = true)]
    to: String,
    #[command(flatten)]
    config: ConfigFile,
}

/// Arguments of `walaa db restored`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  walaa db restored --config walaa.toml")]
pub struct RestoredArgs {
    #[command(flatten)]
    config: ConfigFile,
}

/// Runs one of the commands.
///
/// # Errors
/// What could not be done, and why; then nothing was.
pub fn run(command: &DatabaseCommand, around: &mut Surroundings<'_>) -> Result<Ending, CliError> {
    match command {
        DatabaseCommand::Migrate(args) => migrate(args, around),
        DatabaseCommand::Copy(args) => copy_all(args, around),
        DatabaseCommand::Restored(args) => restored(args, around),
    }
}

fn migrate(args: &MigrateArgs, around: &mut Surroundings<'_>) -> Result<Ending, CliError> {
    let config = args.config.load()?;
    if config.database.parsed() != Ok(DatabaseUrl::Postgres) {
        return Err(CliError::Other(
            "database.url names no PostgreSQL server; a file has its schema from the first start".to_owned(),
        ));
    }
    let owner = config.database.postgres_owner().unwrap_or_else(|| config.database.postgres());
    let done = block_on(async {
        let done = postgres::migrate(&owner).await?;
        if let Some(user) = &args.serving_user {
            postgres::grant(&owner, user).await?;
        }
        Ok(done)
    })?;
    if done.from == done.to {
        writeln!(around.out, "The database is at schema {}, the newest.", done.to)?;
    } else {
        writeln!(around.out, "The database was at schema {} and is at {} now.", done.from, done.to)?;
    }
    if let Some(user) = &args.serving_user {
        writeln!(around.out, "{user} may read and write what the gateway needs, and change no table.")?;
    }
    Ok(Ending::Fine)
}

fn copy_all(args: &CopyArgs, around: &mut Surroundings<'_>) -> Result<Ending, CliError> {
    let mut from = args.config.load()?;
    let mut to = from.clone();
    from.database.url = SecretText::new(args.from.clone());
    to.database.url = SecretText::new(args.to.clone());
    let (Ok(DatabaseUrl::Sqlite(file)), Ok(DatabaseUrl::Postgres)) = (from.database.parsed(), to.database.parsed()) else {
        return Err(CliError::Other("the way is from sqlite:PATH to postgres://user@host/database".to_owned()));
    };
    if !file.exists() {
        return Err(CliError::Other(format!("{} is not there", file.display())));
    }
    let _hold = open::hold(&from)?;
    let keyring = open::keyring(&from)?;
    // Opening brings the file to the newest schema; closing leaves one whole file.
    drop(SqliteDb::open(&file, Arc::clone(&keyring) as _)?);
    let target = to.database.postgres();
    let owner = to.database.postgres_owner().unwrap_or_else(|| target.clone());
    let copied = block_on(async {
        postgres::migrate(&owner).await?;
        Ok(copy::fill(&file, &owner).await?)
    })?;
    for (table, rows) in copied.rows.iter().filter(|(_, rows)| *rows > 0) {
        writeln!(around.out, "{rows:>10}  {table}")?;
    }
    let checked = block_on(check(&target, &keyring, around));
    let fine = checked?;
    if !fine {
        writeln!(around.out, "What arrived is not right, and no gateway will open it: drop the database and copy again.")?;
        return Ok(Ending::Findings);
    }
    block_on(async { Ok(copy::finish(&file, &owner).await?) })?;
    writeln!(
        around.out,
        "Everything is on the server. Put its address into database.url and start the gateway; move {} away, and keep it.",
        file.display()
    )?;
    Ok(Ending::Fine)
}

/// Recomputes every balance and every hash of what arrived.
async fn check(target: &PostgresConfig, keyring: &Arc<Keyring>, around: &mut Surroundings<'_>) -> Result<bool, CliError> {
    let db = PostgresDb::open_unchecked(target.clone(), Arc::clone(keyring) as _)?;
    open::check_keys(db.as_ref(), keyring).await?;
    let journal = verify_journal(db.as_ref(), None, around.out).await.map_err(|error| CliError::Other(error.to_string()))?;
    let ledger = db.check_ledger().await?;
    writeln!(around.out, "{} cards were recomputed from {} entries", ledger.cards, ledger.entries)?;
    for finding in &ledger.findings {
        writeln!(around.out, "WRONG: {finding}")?;
    }
    Ok(journal == AuditResult::Whole && ledger.findings.is_empty())
}

fn restored(args: &RestoredArgs, around: &mut Surroundings<'_>) -> Result<Ending, CliError> {
    let config: Config = args.config.load()?;
    if config.database.parsed() != Ok(DatabaseUrl::Postgres) {
        return Err(CliError::Other(
            "database.url names no PostgreSQL server; `walaa restore FILE` does this for a file".to_owned(),
        ));
    }
    let keyring = open::keyring(&config)?;
    let mark = block_on(async {
        let db = open::database(&config, &keyring).await?;
        open::check_keys(db.as_ref(), &keyring).await?;
        let in_file = config.database.high_water_path().as_deref().map(Mark::read).transpose()?.flatten();
        let known = in_file.max(open::gate(&config, &keyring)?.ledger_mark().await);
        raise(&db, known).await
    })?;
    writeln!(around.out, "The ledger ends at {}; its epoch is {} now.", mark.last_op, mark.epoch)?;
    writeln!(
        around.out,
        "Codes that were shown before need a manager's key, since they may have been redeemed in the time that is lost."
    )?;
    writeln!(around.out, "Settle them: walaa reconcile")?;
    Ok(Ending::Fine)
}
