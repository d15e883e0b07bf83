//! The commands of `walaa`: each reads its arguments, calls the part that does the work, and says in plain words what happened.

pub mod audit;
pub mod certs;
pub mod configure;
pub mod database;
pub mod demo;
pub mod doctor;
pub mod google;
pub mod health;
pub mod keys;
pub mod logs;
pub mod reconcile;
pub mod serve;
pub mod template;
pub mod upkeep;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::app::{Parts, StartError};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, ConfigError};
use crate::ids::SystemIds;

/// Self-hosted loyalty: points, cards in Apple Wallet and Google Wallet, rewards redeemed once.
#[derive(Debug, Parser)]
#[command(
    name = "walaa",
    version,
    max_term_width = 100,
    after_help = "First steps:\n  walaa demo                           a café, a phone and a till to play with; needs nothing else\n  walaa config default > walaa.toml    the settings of a real one, each explained\n  walaa serve --config walaa.toml      run it\n  walaa doctor --config walaa.toml     what is wrong with it, and what to do"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start a whole sandbox on this machine: a café, its card, a phone and a till
    Demo(demo::DemoArgs),
    /// Run the gateway
    Serve(serve::ServeArgs),
    /// Check configuration, database, Redis, clock, certificates, templates and reachability
    Doctor(doctor::DoctorArgs),
    /// Get, import and look at certificates
    #[command(
        subcommand,
        after_help = "Example:\n  walaa certs csr --name \"Example Cafe\" --email developer@example.com --folder certs"
    )]
    Certs(certs::CertsCommand),
    /// Make, list and revoke API keys; back up the master keys
    #[command(subcommand, after_help = "Example:\n  walaa keys create --organisation \"Example Cafe\" --role owner")]
    Keys(keys::KeysCommand),
    /// Check and look at pass templates
    #[command(subcommand, after_help = "Example:\n  walaa template check pass-templates/coffee")]
    Template(template::TemplateCommand),
    /// Bring classes up to date at Google Wallet, and look at what it says
    #[command(subcommand, after_help = "Example:\n  walaa google sync prog_0000000000000000000000000a --dry-run")]
    Google(google::GoogleCommand),
    /// Prove that the ledger was not changed behind our back
    #[command(subcommand, after_help = "Example:\n  walaa audit verify --config walaa.toml")]
    Audit(audit::AuditCommand),
    /// Look after the database: schema, move to a server, after a restore
    #[command(name = "db", subcommand, after_help = "Example:\n  walaa db migrate --config walaa.toml")]
    Database(database::DatabaseCommand),
    /// Copy the database into a file while the gateway runs
    Backup(upkeep::BackupArgs),
    /// Put a backup in the place of a lost database
    Restore(upkeep::RestoreArgs),
    /// After a restore, settle the codes that were shown before it
    Reconcile(reconcile::ReconcileArgs),
    /// Print the description of the HTTP API (OpenAPI 3.1)
    #[command(after_help = "Example:\n  walaa openapi > openapi.json")]
    Openapi,
    /// Print the default configuration, or check one
    #[command(subcommand, after_help = "Example:\n  walaa config default > walaa.toml")]
    Config(configure::ConfigCommand),
    /// Ask a running gateway whether it is ready (for container health checks)
    Health(health::HealthArgs),
}

/// Which configuration to use.
#[derive(Debug, Clone, Args)]
pub struct ConfigFile {
    /// The configuration file
    #[arg(long = "config", id = "config", value_name = "FILE", default_value = "walaa.toml", env = "WALAA_CONFIG")]
    pub file: PathBuf,
}

impl ConfigFile {
    /// Reads the file and the environment.
    ///
    /// # Errors
    /// Everything that is wrong, with its place.
    pub fn load(&self) -> Result<Config, ConfigError> {
        Config::load(&self.file, std::env::vars())
    }
}

/// Why a command failed, as its user reads it.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The configuration is wrong.
    #[error("the configuration is not right.\n{0}")]
    Config(#[from] ConfigError),
    /// The gateway did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The gateway stopped by itself.
    #[error(transparent)]
    Run(#[from] crate::app::RunError),
    /// Certificates.
    #[error(transparent)]
    Certs(#[from] certs::CertsError),
    /// The database.
    #[error(transparent)]
    Database(#[from] crate::db::DbError),
    /// The move to another database.
    #[error(transparent)]
    Copy(#[from] crate::db::copy::CopyError),
    /// The ledger refused.
    #[error("{}", .0.detail)]
    Refused(crate::error::Problem),
    /// The answer could not be written.
    #[error("the answer could not be written: {0}")]
    Output(#[from] io::Error),
    /// Anything else, in a sentence.
    #[error("{0}")]
    Other(String),
}

/// How a command ended that ran to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All is well.
    Fine,
    /// What was looked at is not well; it has been said.
    Findings,
}

/// What commands print to, and what they know of time and chance.
pub struct Surroundings<'a> {
    /// Where answers go.
    pub out: &'a mut dyn Write,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

impl Surroundings<'_> {
    /// Time and chance as the gateway takes them.
    #[must_use]
    pub fn parts(&self) -> Parts {
        Parts { clock: Arc::clone(&self.clock), ids: Arc::new(SystemIds) }
    }
}

/// The description of all commands, for tests and documents.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

/// Runs the command that the process was started with.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut out = io::stdout();
    let surroundings = Surroundings { out: &mut out, clock: Arc::new(SystemClock) };
    match run(cli.command, surroundings) {
        Ok(Ending::Fine) => ExitCode::SUCCESS,
        Ok(Ending::Findings) => ExitCode::FAILURE,
        // Whoever reads our answer may stop reading: `walaa journal | head`.
        Err(CliError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("walaa: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command, mut around: Surroundings<'_>) -> Result<Ending, CliError> {
    match command {
        Command::Demo(args) => demo::run(&args, &mut around),
        Command::Serve(args) => serve::run(&args, &around),
        Command::Doctor(args) => doctor::run(&args, &mut around),
        Command::Certs(command) => certificates(&command, &mut around),
        Command::Keys(command) => keys::run(&command, &mut around),
        Command::Template(command) => template::run(&command, around.out),
        Command::Google(command) => google::run(&command, &mut around),
        Command::Audit(command) => audit::run(&command, &mut around),
        Command::Database(command) => database::run(&command, &mut around),
        Command::Backup(args) => upkeep::backup(&args, &mut around),
        Command::Restore(args) => upkeep::restore(&args, &mut around),
        Command::Reconcile(args) => reconcile::run(&args, &mut around),
        Command::Openapi => openapi(around.out),
        Command::Config(command) => configure::run(&command, around.out),
        Command::Health(args) => health::run(&args, around.out),
    }
}

fn certificates(command: &certs::CertsCommand, around: &mut Surroundings<'_>) -> Result<Ending, CliError> {
    use crate::apple::certificates::Severity;
    let worst = certs::run(command, around.clock.as_ref(), around.out)?;
    Ok(if worst == Some(Severity::Error) { Ending::Findings } else { Ending::Fine })
}

fn openapi(out: &mut dyn Write) -> Result<Ending, CliError> {
    let document = crate::http::openapi::document().to_pretty_json();
    writeln!(out, "{}", document.map_err(|error| CliError::Other(error.to_string()))?)?;
    Ok(Ending::Fine)
}

/// Runs what waits, on a runtime of its own.
///
/// # Errors
/// The runtime can't be started, or whatever the work fails with.
pub fn block_on<T>(work: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("walaa").build()?;
    runtime.block_on(work)
}
