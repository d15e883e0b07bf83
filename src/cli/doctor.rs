//! `walaa doctor`: looks at everything that the configuration names, and says of each thing that is not well what to do about it.
//!
//! It changes nothing but one counter of the database (the durable write that it tries), and may run beside a running gateway.

mod google;
mod messages;
mod outside;

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use clap::Args;

use super::{CliError, ConfigFile, Ending, Surroundings, block_on};
use crate::app::high_water::{self, Mark};
use crate::app::{StartError, open};
use crate::apple::certificates::{Finding, Severity, examine};
use crate::clock::Clock;
use crate::config::{Config, DatabaseUrl};
use crate::db::Db;
use crate::gate::{MemoryGate, probe_redis};
use crate::ledger::DocumentKind;
use crate::passes::{self, Template};
use crate::programme::Programme;
use crate::tokens::Keyring;

/// Journal rows that may wait for their number when nothing is wrong.
const UNSEALED_ROWS: usize = 1_000;

/// The oldest Redis that is tested with.
const OLDEST_REDIS: u32 = 6;

/// Arguments of `walaa doctor`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  walaa doctor --config walaa.toml\n  walaa doctor --config walaa.toml --offline\n  walaa doctor --config walaa.toml --live"
)]
pub struct DoctorArgs {
    /// Leave out what needs the network: the public address and Apple's push service
    #[arg(long)]
    offline: bool,
    /// Also have Google check a save link of each issuer; nothing is made there
    #[arg(long, conflicts_with = "offline")]
    live: bool,
    #[command(flatten)]
    config: ConfigFile,
}

/// What was looked at, and how it is.
struct Look {
    area: &'static str,
    finding: Finding,
}

/// All looks so far.
#[derive(Default)]
struct Looks(Vec<Look>);

impl Looks {
    fn fine(&mut self, area: &'static str, what: impl Into<String>) {
        self.add(area, Finding::new(Severity::Info, what, ""));
    }

    fn wrong(&mut self, area: &'static str, what: impl Into<String>, what_to_do: impl Into<String>) {
        self.add(area, Finding::new(Severity::Error, what, what_to_do));
    }

    fn warn(&mut self, area: &'static str, what: impl Into<String>, what_to_do: impl Into<String>) {
        self.add(area, Finding::new(Severity::Warning, what, what_to_do));
    }

    fn add(&mut self, area: &'static str, finding: Finding) {
        self.0.push(Look { area, finding });
    }

    /// Why the gateway would not start; the sentence says what to do itself.
    fn refused(&mut self, area: &'static str, error: &StartError) {
        self.wrong(area, error.to_string(), "");
    }

    fn write(&self, out: &mut dyn Write) -> std::io::Result<Ending> {
        for Look { area, finding } in &self.0 {
            let mark = match finding.severity {
                Severity::Info => "ok",
                Severity::Warning => "warning",
                Severity::Urgent => "urgent",
                Severity::Error => "WRONG",
            };
            let mut lines = finding.what.lines();
            writeln!(out, "{mark:<8} {area:<13} {}", lines.next().unwrap_or_default())?;
            for line in lines.chain(finding.what_to_do.lines()) {
                writeln!(out, "{:22} {line}", "")?;
            }
        }
        let count = |severity| self.0.iter().filter(|look| look.finding.severity == severity).count();
        let (wrong, urgent, warnings) = (count(Severity::Error), count(Severity::Urgent), count(Severity::Warning));
        writeln!(out, "\n{wrong} wrong, {} to look at, {} in order.", urgent + warnings, count(Severity::Info))?;
        Ok(if wrong == 0 { Ending::Fine } else { Ending::Findings })
    }
}

/// Looks at everything; the exit code says whether something is wrong.
///
/// # Errors
/// The answer can't be written. What is wrong is no error: it is the answer.
pub fn run(args: &DoctorArgs, around: &mut Surroundings<'_>) -> Result<Ending, CliError> {
    let mut looks = Looks::default();
    match args.config.load() {
        Err(error) => {
            for finding in error.findings {
                looks.wrong("configuration", finding.to_string(), "walaa config default explains every setting");
            }
        }
        Ok(config) => {
            looks.fine("configuration", format!("{} is read and right", args.config.file.display()));
            let clock = Arc::clone(&around.clock);
            block_on(async {
                examine_all(&config, clock.as_ref(), &mut looks).await;
                if !args.offline {
                    outside::look(&config, &mut looks).await;
                    messages::look_outside(&config, &mut looks).await;
                }
                if let (true, Ok(keyring)) = (args.live && !config.google.is_empty(), open::keyring(&config)) {
                    google::look_live(&config, (&keyring, &clock), &mut looks).await;
                }
                Ok(())
            })?;
        }
    }
    Ok(looks.write(around.out)?)
}

async fn examine_all(config: &Config, clock: &dyn Clock, looks: &mut Looks) {
    match open::keyring(config) {
        Err(error) => looks.refused("master keys", &error),
        Ok(keyring) => {
            let kids = keyring.kids().count();
            looks.fine(
                "master keys",
                format!("{kids} in {}; back them up apart: walaa keys export", config.keys.keyring_file.display()),
            );
            database(config, clock, (&keyring, looks)).await;
        }
    }
    redis(config, looks).await;
    certificates(config, clock, looks);
    google::look(config, looks);
    messages::look(config, looks);
    templates(config, looks);
}

async fn database(config: &Config, clock: &dyn Clock, (keyring, looks): (&Arc<Keyring>, &mut Looks)) {
    if let Ok(DatabaseUrl::Sqlite(path)) = config.database.parsed()
        && !path.exists()
    {
        let what = format!("{} is not there yet", path.display());
        return looks.warn("database", what, "The first start makes it, or: walaa keys create --organisation NAME --role owner");
    }
    let db = match open::database(config, keyring).await {
        Ok(db) => db,
        Err(error) => return looks.refused("database", &error),
    };
    match db.health().await {
        Ok(()) => looks.fine("database", "it opens, its schema is current, and a durable write works"),
        Err(error) => {
            return looks.wrong(
                "database",
                error.to_string(),
                "Check the disk: is it full, is it mounted read-only? Does a server take writes?",
            );
        }
    }
    match open::check_keys(db.as_ref(), keyring).await {
        Ok(()) => looks.fine("master keys", "they are those of this database"),
        Err(error) => looks.refused("master keys", &error),
    }
    let mark_file = config.database.high_water_path();
    // A gate that can't be started is told by the look at Redis.
    let gate = open::gate(config, keyring).unwrap_or_else(|_| Arc::new(MemoryGate::new(Arc::clone(keyring))));
    match high_water::check(db.as_ref(), (mark_file.as_deref(), gate.as_ref()), clock).await {
        Ok(Mark { epoch, last_op }) => looks.fine("clock", format!("it fits the last operation ({last_op}, epoch {epoch})")),
        Err(error @ StartError::ClockBehind { .. }) => looks.refused("clock", &error),
        Err(error) => looks.refused("database", &error),
    }
    if let Ok(rows) = db.unsealed().await
        && rows > UNSEALED_ROWS
    {
        looks.warn(
            "journal",
            format!("{rows} rows are not numbered"),
            "A running gateway numbers them; if it runs, look at its log",
        );
    }
    programmes(config, db.as_ref(), looks).await;
}

/// Programmes whose template is not there: their passes could not be built.
async fn programmes(config: &Config, db: &dyn Db, looks: &mut Looks) {
    let Ok(templates) = open::templates(config) else { return };
    let Ok(organisations) = db.organisations().await else { return };
    if organisations.is_empty() {
        looks.warn("database", "there is no organisation yet", "walaa keys create --organisation NAME --role owner");
    }
    for organisation in organisations {
        let org = organisation.key.org;
        let Ok(documents) = db.documents(org, DocumentKind::Programme).await else { continue };
        for programme in documents.iter().filter_map(|document| Programme::parse(&document.body).ok()) {
            messages::programme(config, &programme, looks);
            if templates.get(&programme.template).is_none() {
                let name = programme.name.get("en").map_or("", String::as_str);
                let what = format!("programme \"{name}\" of {org} uses the template {}, which is not there", programme.template);
                looks.wrong("templates", what, "Put its folder into templates.folder, or name another in the programme");
            }
        }
    }
}

async fn redis(config: &Config, looks: &mut Looks) {
    let Some(redis) = open::redis(config) else {
        return looks.fine("redis", "none is configured: the gate is in this process's memory, right for one node");
    };
    match probe_redis(&redis).await {
        Err(error) => {
            let otherwise =
                "Check redis.url and that the server runs. Until then: redis.on_down says whether requests go on or are refused";
            looks.wrong("redis", format!("it can't be used: {error}"), otherwise);
        }
        Ok(probe) => {
            let version = probe.version.unwrap_or_else(|| "of a version that it does not tell".to_owned());
            let major = version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(OLDEST_REDIS);
            if major < OLDEST_REDIS {
                looks.warn("redis", format!("it is {version}"), format!("Use {OLDEST_REDIS} or later"));
            } else {
                looks.fine("redis", format!("{} answers, {version}", probe.who));
            }
            for warning in probe.warnings {
                looks.warn("redis", warning, "It works today; put it right before the day when it is needed");
            }
            match probe.eviction.as_deref() {
                None | Some("noeviction") => {}
                Some(policy) => {
                    let what = format!("it throws keys away when it is full (maxmemory-policy {policy})");
                    looks.warn(
                        "redis",
                        what,
                        "Set maxmemory-policy noeviction: limits and markers should be refused, not forgotten",
                    );
                }
            }
        }
    }
}

fn certificates(config: &Config, clock: &dyn Clock, looks: &mut Looks) {
    if config.server.tls_listen.0.is_some() {
        match open::tls(config) {
            Ok(()) => looks.fine("tls", "the server's certificate and key belong together"),
            Err(error) => looks.refused("tls", &error),
        }
    }
    if config.apple.is_empty() {
        looks.warn(
            "apple",
            "no account is configured: no passes for Apple Wallet",
            "certs/README.md says how to get the certificate",
        );
    }
    for account in &config.apple {
        let findings = examine(&open::certificate_files(account), clock.now(), Some(&open::expected(account)));
        if findings.iter().all(|finding| finding.severity == Severity::Info) {
            looks.fine("apple", format!("the certificate of {} is right", account.pass_type_id));
        }
        findings.into_iter().for_each(|finding| looks.add("apple", finding));
    }
}

fn templates(config: &Config, looks: &mut Looks) {
    let built_in: Vec<String> = passes::embedded::names();
    looks.fine("templates", format!("built in: {}", built_in.join(", ")));
    let Some(folder) = &config.templates.folder else { return };
    match open::template_folders(folder) {
        Err(error) => looks.refused("templates", &error),
        Ok(found) => found.iter().for_each(|(name, path)| template(name, path, looks)),
    }
}

fn template(name: &str, path: &Path, looks: &mut Looks) {
    let files = match open::template_files(path) {
        Ok(files) => files,
        Err(error) => return looks.refused("templates", &error),
    };
    let problems = Template::check(&files);
    if problems.is_empty() {
        looks.fine("templates", format!("{name} is right"));
    }
    for problem in problems {
        let what = format!("{name}: {problem}");
        match problem.severity {
            passes::Severity::Error => looks.wrong("templates", what, ""),
            passes::Severity::Warning => looks.warn("templates", what, ""),
        }
    }
}
