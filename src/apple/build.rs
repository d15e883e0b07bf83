//! From a pass's row to its signed package: view, pass.json, manifest, signature, archive; built bytes are kept while current.
//!
//! The row that the caller read decides `Last-Modified`: a change that is made while a pass is rendered gets a later second and
//! is asked for again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::Semaphore;

use super::account::{Apple, AppleAccount};
use super::cache::{Ingredients, PassCache};
use super::package::{self, PackageError, PreparedFiles};
use super::pass::{IdentityError, PassIdentity, pass_json};
use super::web_service::MOUNT;
use crate::cards::{LoadedTemplate, Templates, ViewBuilder, ViewError};
use crate::clock::{Clock, Timestamp};
use crate::db::{Db, DbError};
use crate::error::{Code, Problem};
use crate::ids::PassId;
use crate::ledger::Pass;
use crate::passes::{PassKind, PassView, Variant};
use crate::tokens::{KeyScope, Kid, UnknownKid};

/// Bytes of built passes that are kept: a thousand usual passes.
const CACHE_BYTES: usize = 64 * 1024 * 1024;

/// Requests that may wait for their pass to be built: a second or two of work on two cores.
const MAX_WAITING: usize = 4_096;

/// Prepared sets of template files that are kept; a stamp card has one for each number of stamps and direction.
const MAX_PREPARED: usize = 512;

/// A pass that is ready to be sent.
#[derive(Debug, Clone)]
pub struct BuiltPass {
    /// The package.
    pub bytes: Bytes,
    /// The version that it shows.
    pub version: i64,
    /// When that version was made, in whole seconds since 1970.
    pub last_modified: i64,
    /// The version's place in the order of changes; 0 until the sequencer came by.
    pub seq: i64,
}

/// Why no pass was built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// There is no such pass.
    #[error("there is no such pass")]
    NotFound,
    /// The organisation has no Apple account.
    #[error("no certificate is configured for the organisation's Apple passes")]
    NotConfigured,
    /// The programme names a template that is not there.
    #[error("there is no pass template called {0}")]
    NoTemplate(String),
    /// Too many passes are being built.
    #[error("too many passes are being built")]
    Busy,
    /// What it is to show can't be read.
    #[error(transparent)]
    View(#[from] ViewError),
    /// The account's ids or our address can't stand on a pass.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The master key of its authentication token is gone.
    #[error(transparent)]
    Key(#[from] UnknownKid),
    /// It can't be packed or signed.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// The task that built it ended early.
    #[error("building the pass was broken off")]
    BrokenOff,
}

impl From<DbError> for BuildError {
    fn from(error: DbError) -> Self {
        Self::View(error.into())
    }
}

impl From<BuildError> for Problem {
    fn from(error: BuildError) -> Self {
        let code = match &error {
            BuildError::NotFound => Code::NotFound,
            BuildError::NotConfigured => Code::WalletNotConfigured,
            BuildError::Busy => Code::Overloaded,
            BuildError::View(ViewError::Db(DbError::Unavailable(_))) => Code::LedgerUnavailable,
            _ => {
                tracing::error!(%error, "a pass could not be built");
                Code::Internal
            }
        };
        code.into()
    }
}

/// Builds passes.
pub struct PassBuilder {
    db: Arc<dyn Db>,
    clock: Arc<dyn Clock>,
    views: ViewBuilder,
    apple: Arc<Apple>,
    templates: Arc<Templates>,
    cache: Mutex<PassCache>,
    prepared: Mutex<HashMap<PreparedKey, Arc<PreparedFiles>>>,
    turns: Arc<Semaphore>,
    places: Semaphore,
}

type PreparedKey = ([u8; 16], PassKind, Variant);

/// What the part that computes needs, and nothing that waits.
struct Recipe {
    view: PassView,
    template: Arc<LoadedTemplate>,
    prepared: Option<Arc<PreparedFiles>>,
    account: Arc<AppleAccount>,
    web_service: String,
    token: crate::tokens::AppleToken,
    now: Timestamp,
}

impl PassBuilder {
    /// A builder over a database, with the accounts and templates that there are.
    #[must_use]
    pub fn new(
        db: Arc<dyn Db>,
        clock: Arc<dyn Clock>,
        views: ViewBuilder,
        (apple, templates): (Arc<Apple>, Arc<Templates>),
    ) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            db,
            clock,
            views,
            apple,
            templates,
            cache: Mutex::new(PassCache::new(CACHE_BYTES)),
            prepared: Mutex::default(),
            turns: Arc::new(Semaphore::new(cores)),
            places: Semaphore::new(MAX_WAITING),
        }
    }

    /// The pass types that passes are signed for, and when their certificates expire.
    pub fn certificates(&self) -> impl Iterator<Item = (&str, Timestamp)> {
        self.apple.accounts().map(|account| (account.pass_type(), account.signer.not_after()))
    }

    /// The package of a pass, issued from its organisation's account: for downloads by link.
    ///
    /// Such a download is not noted as fetched, since anyone with the link may have made it: a phone that holds an older copy
    /// would then not be pushed any more. The one that registers next is pushed once for nothing.
    ///
    /// # Errors
    /// There is no such pass or no account, or it can't be built.
    pub async fn pkpass(&self, id: PassId) -> Result<BuiltPass, BuildError> {
        let pass = self.db.pass(id).await?.ok_or(BuildError::NotFound)?;
        let account = self.apple.account_for(pass.org).ok_or(BuildError::NotConfigured)?;
        self.build(&pass, &account).await
    }

    /// The package of a pass whose row was just read, issued from one account.
    ///
    /// # Errors
    /// It can't be built.
    pub async fn build(&self, pass: &Pass, account: &Arc<AppleAccount>) -> Result<BuiltPass, BuildError> {
        let built = |bytes| BuiltPass { bytes, version: pass.version, last_modified: pass.last_modified, seq: pass.seq };
        if let Some(bytes) = self.cached(pass, account) {
            metrics::counter!("walaa_passes_built_total", "from" => "cache").increment(1);
            return Ok(built(bytes));
        }
        let _place = self.places.try_acquire().map_err(|_| BuildError::Busy)?;
        let viewed = self.views.view(pass).await?;
        let template = self.templates.get(&viewed.programme.template);
        let template = template.ok_or_else(|| BuildError::NoTemplate(viewed.programme.template.clone()))?;
        let key = (template.id, viewed.view.kind, template.template.variant_of(&viewed.view));
        let scope = KeyScope { org: pass.org, kid: Kid(pass.auth_kid) };
        let recipe = Recipe {
            token: self.views.keyring().apple_token(scope, account.pass_type(), &viewed.view.serial)?,
            view: viewed.view,
            prepared: self.lock_prepared().get(&key).map(Arc::clone),
            template,
            account: Arc::clone(account),
            web_service: format!("{}{MOUNT}", self.views.public_url()),
            now: self.clock.now(),
        };
        let ingredients =
            Ingredients { version: pass.version, signer: account.signer.id().to_owned(), template: recipe.template.id };
        let _turn = self.turns.acquire().await.map_err(|_| BuildError::BrokenOff)?;
        let made = tokio::task::spawn_blocking(move || recipe.cook()).await.map_err(|_| BuildError::BrokenOff)?;
        let (bytes, prepared) = made?;
        self.keep_prepared(key, prepared);
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).put(pass.id, ingredients, bytes.clone());
        metrics::counter!("walaa_passes_built_total", "from" => "scratch").increment(1);
        Ok(built(bytes))
    }

    /// Kept bytes of this version and signer, unless the template was replaced since.
    fn cached(&self, pass: &Pass, account: &AppleAccount) -> Option<Bytes> {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.get(pass.id, |made| {
            made.version == pass.version && made.signer == account.signer.id() && self.templates.has(&made.template)
        })
    }

    fn keep_prepared(&self, key: PreparedKey, files: Arc<PreparedFiles>) {
        let mut prepared = self.lock_prepared();
        if prepared.len() >= MAX_PREPARED {
            prepared.clear();
        }
        prepared.insert(key, files);
    }

    fn lock_prepared(&self) -> std::sync::MutexGuard<'_, HashMap<PreparedKey, Arc<PreparedFiles>>> {
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recipe {
    /// The part that only computes: pass.json, hashes, one signature.
    fn cook(self) -> Result<(Bytes, Arc<PreparedFiles>), BuildError> {
        let template = &self.template.template;
        let prepared = match self.prepared {
            Some(prepared) => prepared,
            None => {
                let files = template.files(self.view.kind, template.variant_of(&self.view));
                let files = files.iter().map(|(name, bytes)| (name.clone(), Bytes::copy_from_slice(bytes))).collect();
                Arc::new(PreparedFiles::new(files)?)
            }
        };
        let signer = self.account.signer.as_ref();
        let identity = PassIdentity::new(signer.pass_type_id(), signer.team_id())?;
        let identity = identity.with_web_service(&self.web_service, self.token.as_str())?;
        let json = pass_json(&self.view, template, &identity);
        let bytes = package::build(&prepared, &json, signer, self.now)?;
        Ok((Bytes::from(bytes), prepared))
    }
}
