//! `walaa keys`: API keys made, listed and revoked without the server's help - how a new installation gets its first one - and the
//! master keys taken out and brought back, sealed.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use zeroize::Zeroizing;

use super::{CliError, ConfigFile, Ending, Surroundings, block_on};
use crate::app::open;
use crate::apple::certificates::key_file;
use crate::cards::{Asked, Caller, Core};
use crate::config::Config;
use crate::documents::{self, KeyInput, Saved};
use crate::error::Problem;
use crate::ids::{Ids, KeyId, OrgId, SystemIds, encode};
use crate::ledger::{Answer, Body, DocumentKey, Fingerprint, OpKey, Principal, PutDocument};
use crate::programme::{KeyDocument, OrganisationDocument, Role};
use crate::tokens::{ExportRandom, Keyring, Nonce};

/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Make an API key; the first one also makes its organisation and the master keys
    Create(CreateArgs),
    /// List the API keys of all organisations, or of one
    List(ListArgs),
    /// End an API key, at once and for good
    Revoke(RevokeArgs),
    /// Write the master keys into a file, sealed with a passphrase, to be kept apart from the database
    Export(ExportArgs),
    /// Bring exported master keys back
    Import(ImportArgs),
}

/// What an API key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KeyRole {
    /// Everything
    Owner,
    /// The programme and the shops
    Manager,
    /// A till or web shop
    Pos,
    /// Reads everything, changes nothing
    Auditor,
}

impl From<KeyRole> for Role {
    fn from(role: KeyRole) -> Self {
        match role {
            KeyRole::Owner => Self::Owner,
            KeyRole::Manager => Self::Manager,
            KeyRole::Pos => Self::Pos,
            KeyRole::Auditor => Self::Auditor,
        }
    }
}

/// Arguments of `walaa keys create`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  walaa keys create --organisation \"Example Cafe\" --role owner\n  walaa keys create --organisation \"Example Cafe\" --role pos --name \"web shop\" --expires-days 365"
)]
pub struct CreateArgs {
    /// The organisation's name or id; the first key makes the organisation
    #[arg(long, value_name = "NAME")]
    organisation: String,
    /// What the key may do
    #[arg(long, value_enum)]
    role: KeyRole,
    /// What the key is for
    #[arg(long, value_name = "TEXT", default_value = "made on the command line")]
    name: String,
    /// In how many days it ends; never without this
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=3650))]
    expires_days: Option<u32>,
    /// Make another organisation beside those that there are
    #[arg(long)]
    new_organisation: bool,
    #[command(flatten)]
    config: ConfigFile,
}

/// Arguments of `walaa keys list`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  walaa keys list --organisation \"Example Cafe\"")]
pub struct ListArgs {
    /// Only this organisation: its name or id
    #[arg(long, value_name = "NAME")]
    organisation: Option<String>,
    #[command(flatten)]
    config: ConfigFile,
}

/// Arguments of `walaa keys revoke`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  walaa keys revoke key_01hzy3v6g8c0r2k4m6n8p0q2s4")]
pub struct RevokeArgs {
    /// The key's id (key_…), as `walaa keys list` shows it
    #[arg(value_name = "KEY")]
    key: KeyId,
    #[command(flatten)]
    config: ConfigFile,
}

/// Arguments of `walaa keys export`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  walaa keys export master-keys.sealed --passphrase-file passphrase.txt")]
pub struct ExportArgs {
    /// The new file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A file with the passphrase, at least 12 characters
    #[arg(long, value_name = "FILE")]
    passphrase_file: PathBuf,
    #[command(flatten)]
    config: ConfigFile,
}

/// Arguments of `walaa keys import`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  walaa keys import master-keys.sealed --passphrase-file passphrase.txt")]
pub struct ImportArgs {
    /// What `walaa keys export` wrote
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A file with the passphrase
    #[arg(long, value_name = "FILE")]
    passphrase_file: PathBuf,
    #[command(flatten)]
    config: ConfigFile,
}

/// Runs one of the commands.
///
/// # Errors
/// When the command could not do its work.
pub fn run(command: &KeysCommand, around: &mut Surroundings<'_>) -> Result<Ending, CliError> {
    match command {
        KeysCommand::Create(args) => create(args, around),
        KeysCommand::List(args) => list(args, around),
        KeysCommand::Revoke(args) => revoke(args, around),
        KeysCommand::Export(args) => export(args, around.out),
        KeysCommand::Import(args) => import(args, around.out),
    }
}

fn create(args: &CreateArgs, around: &mut Surroundings<'_>) -> Result<Ending, CliError> {
    let config = args.config.load()?;
    let parts = around.parts();
    let (org, key, text) = block_on(async {
        let core = open::core(&config, &parts).await?;
        let org = organisation_for(&core, args).await?;
        let expires_at = args.expires_days.map(|days| core.clock.now().plus_millis(i64::from(days) * DAY_MS));
        let input = KeyInput {
            name: args.name.clone(),
            role: args.role.into(),
            scopes: BTreeSet::new(),
            programmes: BTreeSet::new(),
            store: None,
            expires_at,
        };
        let (key, text) = make_key(&core, &config, (org, input), fresh_op()).await?;
        Ok((org, key, text))
    })?;
    let out = &mut around.out;
    writeln!(out, "organisation  {org}")?;
    writeln!(out, "key           {key}")?;
    writeln!(out, "secret        {}", *text)?;
    writeln!(out)?;
    writeln!(out, "The secret is shown this once. Send it as  Authorization: Bearer …")?;
    if args.role == KeyRole::Owner {
        writeln!(out, "Back the master keys up now, apart from the database: walaa keys export FILE --passphrase-file FILE")?;
    }
    Ok(Ending::Fine)
}

/// The organisation that a key is for; made when it is the first, or when another one is asked for.
async fn organisation_for(core: &Core, args: &CreateArgs) -> Result<OrgId, CliError> {
    let known = organisations(core).await?;
    match find(&known, &args.organisation) {
        Some(org) if !args.new_organisation => Ok(org),
        Some(_) => Err(CliError::Other(format!("there is an organisation \"{}\" already", args.organisation))),
        None if known.is_empty() || args.new_organisation => found_organisation(core, &args.organisation).await,
        None => Err(unknown_organisation(&known, &args.organisation)),
    }
}

fn unknown_organisation(known: &[(OrgId, String)], name: &str) -> CliError {
    let names: Vec<_> = known.iter().map(|(id, name)| format!("  {name} ({id})")).collect();
    let there_are = if names.is_empty() { "there are none yet".to_owned() } else { format!("there are:\n{}", names.join("\n")) };
    CliError::Other(format!("there is no organisation \"{name}\"; {there_are}\nAdd --new-organisation to make one."))
}

/// All organisations with their names.
pub(super) async fn organisations(core: &Core) -> Result<Vec<(OrgId, String)>, CliError> {
    let documents = core.db.organisations().await?;
    let named = documents.iter().map(|row| {
        let document = OrganisationDocument::parse(&row.body).map_err(CliError::Refused)?;
        Ok((row.key.org, document.name.get("en").cloned().unwrap_or_default()))
    });
    named.collect()
}

pub(super) fn find(known: &[(OrgId, String)], wanted: &str) -> Option<OrgId> {
    let matches = |(id, name): &&(OrgId, String)| name == wanted || id.to_string() == wanted;
    known.iter().find(matches).map(|(id, _)| *id)
}

/// Makes an organisation.
///
/// # Errors
/// The ledger refuses the name, or can't be reached.
pub async fn found_organisation(core: &Core, name: &str) -> Result<OrgId, CliError> {
    let document = OrganisationDocument { name: [("en".to_owned(), name.to_owned())].into() };
    let body = serde_json::to_string(&document).map_err(|error| CliError::Other(error.to_string()))?;
    OrganisationDocument::parse(&body).map_err(CliError::Refused)?;
    let org = OrgId(core.ids.ordered(core.clock.now()));
    let put = PutDocument { key: DocumentKey::organisation(org), expected_version: 0, body: body.into() };
    done(&core.ask(&asked(org, "organisation", &document), Body::PutDocument(put)).await)?;
    Ok(org)
}

/// Makes a key, and says its id and its text.
///
/// # Errors
/// The ledger refuses it, or can't be reached.
pub async fn make_key(
    core: &Core,
    config: &Config,
    (org, input): (OrgId, KeyInput),
    op: OpKey,
) -> Result<(KeyId, Zeroizing<String>), CliError> {
    let asked = Asked { key: op, ..asked(org, "key", &input) };
    let answer = documents::create_key(core, &system(org), &asked, input).await;
    let saved = documents::saved_by(done(&answer)?);
    let saved = saved.ok_or_else(|| CliError::Other("the ledger's answer can't be read".to_owned()))?;
    let key = KeyId(saved.op.0);
    let answer = answer.map_err(CliError::Refused)?;
    let text = documents::key_secret(core, open::environment(config), (&asked, key), &answer).await.map_err(CliError::Refused)?;
    Ok((key, text.unwrap_or_default()))
}

/// Walaa itself, with every right in one organisation.
fn system(org: OrgId) -> Caller {
    Caller {
        org,
        principal: Principal::System,
        role: Role::Owner,
        scopes: Role::Owner.scopes().iter().copied().collect(),
        programmes: BTreeSet::new(),
        store: None,
        terminal: None,
        cashier: None,
    }
}

/// Something that the command line asks, under an operation id of its own.
fn asked(org: OrgId, kind: &str, request: &impl serde::Serialize) -> Asked {
    Asked { org, principal: Principal::System, key: fresh_op(), fingerprint: Fingerprint::of(kind, request) }
}

fn fresh_op() -> OpKey {
    let key = OpKey::parse(&format!("command-line-{}", encode(&SystemIds.random())));
    key.expect("39 letters and dashes are an operation's key")
}

/// The answer, if the ledger did what was asked.
fn done(answer: &Result<Answer, Problem>) -> Result<&Answer, CliError> {
    match answer {
        Err(problem) => Err(CliError::Refused(problem.clone())),
        Ok(answer) => match &answer.result {
            Err(problem) => Err(CliError::Refused(problem.clone())),
            Ok(_) => Ok(answer),
        },
    }
}

fn list(args: &ListArgs, around: &mut Surroundings<'_>) -> Result<Ending, CliError> {
    let config = args.config.load()?;
    let parts = around.parts();
    let listed = block_on(async {
        let core = open::core(&config, &parts).await?;
        let mut known = organisations(&core).await?;
        if let Some(wanted) = &args.organisation {
            let org = find(&known, wanted).ok_or_else(|| unknown_organisation(&known, wanted))?;
            known.retain(|(id, _)| *id == org);
        }
        let mut listed = Vec::new();
        for (org, name) in known {
            listed.push((org, name, documents::all::<KeyDocument>(&core, org).await.map_err(CliError::Refused)?));
        }
        Ok(listed)
    })?;
    if listed.is_empty() {
        writeln!(around.out, "There are no organisations yet: walaa keys create --organisation NAME --role owner")?;
    }
    for (org, name, keys) in listed {
        writeln!(around.out, "{name} ({org})")?;
        for key in keys {
            writeln!(around.out, "  {}", line(&key, around.clock.now()))?;
        }
    }
    Ok(Ending::Fine)
}

fn line(key: &Saved<KeyDocument>, now: crate::clock::Timestamp) -> String {
    let document = &key.document;
    let state = match document.expires_at {
        _ if document.revoked => "revoked".to_owned(),
        Some(end) if end <= now => format!("expired {end}"),
        Some(end) => format!("until {end}"),
        None => "live".to_owned(),
    };
    let role = format!("{:?}", document.role).to_lowercase();
    format!("{}  {role:<8}  {state:<10}  {}", KeyId(key.key.id), document.name)
}

fn revoke(args: &RevokeArgs, around: &mut Surroundings<'_>) -> Result<Ending, CliError> {
    let config = args.config.load()?;
    let parts = around.parts();
    let org = block_on(async {
        let core = open::core(&config, &parts).await?;
        let found = core.db.document_by_id(crate::ledger::DocumentKind::Key, args.key.0).await?;
        let org = found.ok_or_else(|| CliError::Other(format!("there is no key {}", args.key)))?.key.org;
        let answer = documents::revoke_key(&core, &system(org), &asked(org, "revoke", &args.key), args.key).await;
        done(&answer)?;
        Ok(org)
    })?;
    writeln!(around.out, "{} of {org} is revoked; a running gateway refuses it within a second.", args.key)?;
    Ok(Ending::Fine)
}

fn export(args: &ExportArgs, out: &mut dyn Write) -> Result<Ending, CliError> {
    let config = args.config.load()?;
    let keyring = open::keyring(&config)?;
    let passphrase = passphrase(&args.passphrase_file)?;
    let (salt, nonce) = (SystemIds.random(), Nonce::generate(&SystemIds));
    let sealed = keyring.sealed_export(&passphrase, &ExportRandom { salt, nonce }).map_err(said)?;
    key_file::write(&args.file, sealed.as_bytes(), key_file::Existing::Refuse).map_err(said)?;
    writeln!(
        out,
        "Wrote {}. It opens with the passphrase only: keep the two apart, and neither beside the database.",
        args.file.display()
    )?;
    Ok(Ending::Fine)
}

fn import(args: &ImportArgs, out: &mut dyn Write) -> Result<Ending, CliError> {
    let config = args.config.load()?;
    let sealed =
        std::fs::read_to_string(&args.file).map_err(|error| CliError::Other(format!("{}: {error}", args.file.display())))?;
    let keyring = Keyring::import(&sealed, &passphrase(&args.passphrase_file)?).map_err(said)?;
    let path = &config.keys.keyring_file;
    if let Some(folder) = path.parent() {
        key_file::make_folder(folder).map_err(said)?;
    }
    key_file::write(path, keyring.to_text().as_bytes(), key_file::Existing::Refuse).map_err(said)?;
    writeln!(out, "Wrote {} with {} master keys; key {} is current.", path.display(), keyring.kids().count(), keyring.current())?;
    Ok(Ending::Fine)
}

fn passphrase(path: &Path) -> Result<Zeroizing<String>, CliError> {
    let text = Zeroizing::new(key_file::read(path).map_err(said)?);
    let text = std::str::from_utf8(&text).map_err(|_| CliError::Other(format!("{} is not text", path.display())))?;
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

fn said(error: impl std::error::Error) -> CliError {
    CliError::Other(error.to_string())
}
