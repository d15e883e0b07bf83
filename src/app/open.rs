//! From the configuration to working parts: master keys, database, gate, templates, Apple accounts. Each refuses with a sentence that
//! says what to do. The command line opens the same parts in the same way.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use openssl::x509::X509;

use super::{Parts, StartError, listeners};
use crate::apple::account::{Apple, AppleAccount};
use crate::apple::certificates::{PassCertificate, PassCertificateFiles, Severity, findings, key_file};
use crate::apple::push::{ApnsClient, ApnsConfig, Auth, Trust};
use crate::apple::signer::CmsSigner;
use crate::cards::{Core, Templates};
use crate::clock::Clock;
use crate::config::{self, Config, DatabaseUrl, KeyEnvironment, RedisDown};
use crate::db::Db;
use crate::db::batcher::Batcher;
use crate::db::memory::MemoryDb;
use crate::db::postgres::{self, PostgresDb};
use crate::db::sqlite::SqliteDb;
use crate::gate::{Gate, MemoryGate, OnDown, RedisGate, RedisGateConfig};
use crate::ids::{Ids, KeyId};
use crate::ledger::DocumentKind;
use crate::programme::KeyDocument;
use crate::tokens::{Environment, KeyScope, Keyring, Kid};

/// Bytes of the largest file of a template; its pictures have a few ten thousand.
const MAX_TEMPLATE_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// Files that one template may have.
const MAX_TEMPLATE_FILES: usize = 500;

/// Folders below a template's own: `strings/`, `images/`, and one more.
const MAX_TEMPLATE_DEPTH: usize = 3;

/// Organisations whose keys are checked at the start: wrong master keys are wrong for all.
const MOST_ORGANISATIONS_CHECKED: usize = 20;

/// Whether keys work on real value.
#[must_use]
pub const fn environment(config: &Config) -> Environment {
    match config.keys.environment {
        KeyEnvironment::Live => Environment::Live,
        KeyEnvironment::Test => Environment::Test,
    }
}

/// Reads the master keys.
///
/// # Errors
/// There is no file, others may read it, or it is not a keyring.
pub fn keyring(config: &Config) -> Result<Arc<Keyring>, StartError> {
    let path = &config.keys.keyring_file;
    if !path.exists() {
        return Err(StartError::NoKeyring(path.clone()));
    }
    let bytes = zeroize::Zeroizing::new(key_file::read(path)?);
    let text = std::str::from_utf8(&bytes).map_err(|_| StartError::KeyringText(path.clone()))?;
    let keyring = Keyring::parse(text).map_err(|source| StartError::Keyring { path: path.clone(), source })?;
    Ok(Arc::new(keyring))
}

/// Reads the master keys, or makes them when there are none and no database either: keys that are lost are never made anew.
///
/// # Errors
/// As [`keyring`]; the file can't be written; there is a database whose keys are gone.
pub fn keyring_or_new(config: &Config, ids: &dyn Ids) -> Result<Arc<Keyring>, StartError> {
    let path = &config.keys.keyring_file;
    if path.exists() {
        return keyring(config);
    }
    if let Ok(DatabaseUrl::Sqlite(database)) = config.database.parsed()
        && database.exists()
    {
        return Err(StartError::KeyringLost { keyring: path.clone(), database });
    }
    let mut random = [0; 32];
    random[..16].copy_from_slice(&ids.random());
    random[16..].copy_from_slice(&ids.random());
    let keyring = Keyring::generate(random).map_err(|source| StartError::Keyring { path: path.clone(), source })?;
    if let Some(folder) = path.parent() {
        key_file::make_folder(folder)?;
    }
    key_file::write(path, keyring.to_text().as_bytes(), key_file::Existing::Refuse)?;
    Ok(Arc::new(keyring))
}

/// Opens the database, at the newest schema. Blocks for a moment.
///
/// # Errors
/// It can't be opened.
pub async fn database(config: &Config, keyring: &Arc<Keyring>) -> Result<Arc<dyn Db>, StartError> {
    match config.database.parsed().map_err(StartError::DatabaseUrl)? {
        DatabaseUrl::Memory => Ok(MemoryDb::new(Arc::clone(keyring) as _)),
        DatabaseUrl::Sqlite(path) => {
            if let Some(folder) = path.parent() {
                key_file::make_folder(folder)?;
            }
            let opened = SqliteDb::open(&path, Arc::clone(keyring) as _);
            Ok(opened.map_err(|source| StartError::Database { path, source })?)
        }
        DatabaseUrl::Postgres => {
            let serving = config.database.postgres();
            match config.database.postgres_owner() {
                Some(owner) => postgres::migrate(&owner).await.map(|_| ()),
                None => postgres::migrate_or_check(&serving).await,
            }
            .map_err(StartError::Postgres)?;
            Ok(PostgresDb::open(serving, Arc::clone(keyring) as _).await.map_err(StartError::Postgres)?)
        }
    }
}

/// Starts the gate: Redis if there is one, else this process's memory.
///
/// # Errors
/// The address of Redis can't be used.
pub fn gate(config: &Config, keyring: &Arc<Keyring>) -> Result<Arc<dyn Gate>, StartError> {
    match redis(config) {
        None => Ok(Arc::new(MemoryGate::new(Arc::clone(keyring)))),
        Some(redis) => Ok(Arc::new(RedisGate::start(redis, Arc::clone(keyring))?)),
    }
}

/// Who remembers how far the ledger had come: the gate, unless the database is one that forgets.
pub fn witness(config: &Config, (gate, keyring): (&Arc<dyn Gate>, &Arc<Keyring>)) -> Arc<dyn Gate> {
    match config.database.parsed() {
        Ok(DatabaseUrl::Memory) => Arc::new(MemoryGate::new(Arc::clone(keyring))),
        _ => Arc::clone(gate),
    }
}

/// How to reach Redis, if it is used.
#[must_use]
pub fn redis(config: &Config) -> Option<RedisGateConfig> {
    let settings = &config.redis;
    let url = settings.url.as_ref()?;
    let mut redis = RedisGateConfig::new(url.expose());
    redis.ca_file.clone_from(&settings.ca_file);
    redis.sentinel_user.clone_from(&settings.sentinel_user);
    redis.sentinel_password = settings.sentinel_password.as_ref().map(|password| password.expose().to_owned());
    redis.prefix.clone_from(&settings.prefix);
    redis.timeout = Duration::from_millis(settings.timeout_ms);
    redis.on_down = match settings.on_down {
        RedisDown::Degrade => OnDown::Degrade,
        RedisDown::Refuse => OnDown::Refuse,
    };
    Some(redis)
}

/// Loads the built-in templates and the operator's own, which win.
///
/// # Errors
/// A template has errors, or its folder can't be read.
pub fn templates(config: &Config) -> Result<Arc<Templates>, StartError> {
    let wrong = |name: &str| {
        let name = name.to_owned();
        move |problems| StartError::Template { name, problems }
    };
    let mut templates = Templates::ready().map_err(wrong("built in"))?;
    if let Some(folder) = &config.templates.folder {
        for (name, path) in template_folders(folder)? {
            templates.load(&name, &template_files(&path)?).map_err(wrong(&name))?;
        }
    }
    Ok(Arc::new(templates))
}

/// The folders in a folder of templates, with their names.
///
/// # Errors
/// It can't be read.
pub fn template_folders(folder: &Path) -> Result<Vec<(String, std::path::PathBuf)>, StartError> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|source| StartError::file(folder, source))? {
        let path = entry.map_err(|source| StartError::file(folder, source))?.path();
        if path.is_dir() && path.join("card.toml").exists() {
            found.push((path.file_name().unwrap_or_default().to_string_lossy().into_owned(), path));
        }
    }
    found.sort();
    Ok(found)
}

/// The files of a template's folder, by their paths in it; without the sources of its artwork.
///
/// # Errors
/// A file can't be read, is too large, or there are too many.
pub fn template_files(folder: &Path) -> Result<Vec<(String, Vec<u8>)>, StartError> {
    let (mut files, mut waiting) = (Vec::new(), vec![(folder.to_owned(), 0)]);
    while let Some((current, depth)) = waiting.pop() {
        for entry in std::fs::read_dir(&current).map_err(|source| StartError::file(&current, source))? {
            let path = entry.map_err(|source| StartError::file(&current, source))?.path();
            let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
            let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if hidden || path.is_symlink() {
                continue;
            }
            if path.is_dir() {
                if depth < MAX_TEMPLATE_DEPTH && name != "art" {
                    waiting.push((path, depth + 1));
                }
                continue;
            }
            let size = path.metadata().map_err(|source| StartError::file(&path, source))?.len();
            if size > MAX_TEMPLATE_FILE_BYTES || files.len() >= MAX_TEMPLATE_FILES {
                let what = format!("more than {MAX_TEMPLATE_FILES} files or {MAX_TEMPLATE_FILE_BYTES} bytes in one");
                return Err(StartError::file(&path, std::io::Error::new(std::io::ErrorKind::FileTooLarge, what)));
            }
            files.push((name, std::fs::read(&path).map_err(|source| StartError::file(&path, source))?));
        }
    }
    files.sort();
    Ok(files)
}

/// Where the three files of an account are.
#[must_use]
pub fn certificate_files(account: &config::AppleAccount) -> PassCertificateFiles {
    PassCertificateFiles {
        certificate: account.certificate_file.clone(),
        key: account.key_file.clone(),
        intermediate: account.intermediate_file.clone(),
    }
}

/// What the configuration expects of an account's certificate.
#[must_use]
pub fn expected(account: &config::AppleAccount) -> findings::Expected<'_> {
    let nfc = if account.nfc { findings::NfcUse::Used } else { findings::NfcUse::Unused };
    findings::Expected { pass_type_id: &account.pass_type_id, team_id: &account.team_id, nfc }
}

/// Opens the Apple accounts: certificates checked, signers and push clients ready. Connects to nobody yet.
///
/// # Errors
/// A certificate can't be used, or two accounts are for the same organisation.
pub fn apple(config: &Config, (clock, ids): (&Arc<dyn Clock>, &Arc<dyn Ids>)) -> Result<Arc<Apple>, StartError> {
    let (mut default, mut own) = (None, HashMap::new());
    for settings in &config.apple {
        let account = Arc::new(account(settings, (clock, ids))?);
        let taken = match settings.organisation {
            None => default.replace(account).is_some(),
            Some(org) => own.insert(org, account).is_some(),
        };
        if taken {
            return Err(StartError::TwoAccounts(settings.organisation));
        }
    }
    Ok(Arc::new(Apple::new(default, own)))
}

fn account(settings: &config::AppleAccount, (clock, ids): (&Arc<dyn Clock>, &Arc<dyn Ids>)) -> Result<AppleAccount, StartError> {
    let failed = |source| StartError::Certificate { pass_type_id: settings.pass_type_id.clone(), source };
    let certificate = certificate_files(settings).load().map_err(failed)?;
    for finding in certificate.findings(clock.now(), Some(&expected(settings))) {
        match finding.severity {
            Severity::Error => return Err(StartError::Finding { pass_type_id: settings.pass_type_id.clone(), finding }),
            Severity::Urgent | Severity::Warning => {
                tracing::warn!(pass_type = settings.pass_type_id, "{}. {}.", finding.what, finding.what_to_do);
            }
            Severity::Info => tracing::info!(pass_type = settings.pass_type_id, "{}.", finding.what),
        }
    }
    let push = push_config(settings, &certificate)?;
    let pusher = ApnsClient::new(push, Arc::clone(clock), Arc::clone(ids))
        .map_err(|source| StartError::Push { pass_type_id: settings.pass_type_id.clone(), source })?;
    let signer = CmsSigner::new(&certificate).map_err(failed)?;
    Ok(AppleAccount { signer: Arc::new(signer), pusher: Arc::new(pusher) })
}

/// How an account pushes.
///
/// # Errors
/// The file of trusted roots can't be read.
pub fn push_config(settings: &config::AppleAccount, certificate: &PassCertificate) -> Result<ApnsConfig, StartError> {
    let auth = Auth::Certificate {
        certificate: certificate.leaf().to_owned(),
        chain: vec![certificate.intermediate().to_owned()],
        key: certificate.key().to_owned(),
    };
    let mut push = ApnsConfig::new(&settings.pass_type_id, auth);
    push.base_url.clone_from(&settings.apns_url);
    if let Some(path) = &settings.apns_ca_file {
        let pem = std::fs::read(path).map_err(|source| StartError::file(path, source))?;
        let roots = X509::stack_from_pem(&pem).map_err(|_| StartError::NotPem(path.clone()))?;
        push.trust = Trust::Roots(roots);
    }
    Ok(push)
}

/// The working parts without servers, for commands that change the ledger: the same way, the same checks.
///
/// # Errors
/// As for the gateway itself.
pub async fn core(config: &Config, parts: &Parts) -> Result<Core, StartError> {
    let keyring = keyring_or_new(config, parts.ids.as_ref())?;
    let db = database(config, &keyring).await?;
    check_keys(db.as_ref(), &keyring).await?;
    Ok(Core {
        batcher: Batcher::start(Arc::clone(&db), Arc::clone(&parts.clock)),
        db,
        clock: Arc::clone(&parts.clock),
        ids: Arc::clone(&parts.ids),
        gate: Arc::new(MemoryGate::new(Arc::clone(&keyring))),
        keyring,
        public_url: config.server.public_url.clone().unwrap_or_default().into(),
        programmes: Arc::default(),
        google: Arc::new(super::google::offered(config)),
        templates: templates(config)?,
    })
}

/// Refuses master keys that are not those of the database: every pass, code and API key would be refused, for ever. API keys tell,
/// since their secrets are derived and their hashes stored.
///
/// # Errors
/// They are not, or the database does not answer.
pub async fn check_keys(db: &dyn Db, keyring: &Keyring) -> Result<(), StartError> {
    for organisation in db.organisations().await?.iter().take(MOST_ORGANISATIONS_CHECKED) {
        let org = organisation.key.org;
        let documents = db.documents(org, DocumentKind::Key).await?;
        let Some(row) = documents.first() else { continue };
        let Ok(document) = KeyDocument::parse(&row.body) else { continue };
        let scope = KeyScope { org, kid: Kid(document.secret_kid) };
        let generation = u64::try_from(document.secret_generation).unwrap_or_default();
        let secret = keyring.key_secret(scope, KeyId(row.key.id), generation);
        let known = secret.is_ok_and(|secret| document.secret_hashes.first() == Some(&secret.hash().to_hex()));
        if !known {
            return Err(StartError::WrongKeyring(org));
        }
    }
    Ok(())
}

/// Holds the database for one process: another that wants to serve or restore it is refused. Ends with the process, however it ends.
#[derive(Debug)]
pub struct Hold(#[expect(dead_code, reason = "held, never read")] std::fs::File);

/// Takes hold of the database's file; nothing for one in memory.
///
/// # Errors
/// Another process has it.
pub fn hold(config: &Config) -> Result<Option<Hold>, StartError> {
    let Ok(DatabaseUrl::Sqlite(path)) = config.database.parsed() else { return Ok(None) };
    if let Some(folder) = path.parent() {
        key_file::make_folder(folder)?;
    }
    let lock_path = config::beside(&path, ".lock");
    let file = std::fs::File::options().create(true).truncate(false).write(true).open(&lock_path);
    let file = file.map_err(|source| StartError::file(&lock_path, source))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Hold(file))),
        Err(std::fs::TryLockError::WouldBlock) => Err(StartError::InUse(path)),
        Err(std::fs::TryLockError::Error(source)) => Err(StartError::file(&lock_path, source)),
    }
}

/// Whether the server's certificate and key can be used.
///
/// # Errors
/// They can't, and why.
pub fn tls(config: &Config) -> Result<(), StartError> {
    listeners::acceptor(&config.server).map(|_| ())
}
