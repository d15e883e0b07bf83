//! A stand-in for Google Wallet: the token endpoint, the REST API, batches, the save page, signed callbacks, and a phone that
//! shows what was saved. What Google would refuse, it refuses.
//!
//! Owns the state and the Rust methods to steer it. It is checked against Google's own discovery document (`schema`), against
//! what that says in prose (`rules`, `review`), and by Google's own Python client (tests/google). It shares no code with the
//! product but the names of things (`google::resource`). The gateway never knows that it talks to this.

mod batch;
mod callback;
mod compact;
mod delivery;
mod dispatch;
mod fault;
mod images;
mod keys;
mod notice;
mod oauth;
mod options;
pub mod phone;
mod refusal;
mod resources;
mod review;
mod rules;
mod save;
mod schema;
mod server;
mod state;

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer, web};
use serde_json::Value;
use tokio::sync::watch;

pub use self::fault::{CallbackFault, FailKind, FailTimes, FailWhere, Fault, Forgery};
pub use self::notice::{Notice, NoticeKind};
pub use self::options::{CallbackEvent, CallbackMessage, ClassChange, GoogleOptions, GoogleRules, ImageCheck, Permission};
pub use self::review::Review;
pub use self::state::{Counters, RecordedCallback, RecordedRequest};

use self::callback::{CallbackKeys, Event};
use self::keys::ServiceAccount;
use self::state::{Issuer, State};
use crate::clock::Clock;
use crate::google::resource::IssuerId;
use crate::ids::Ids;

/// The issuer that every stand-in has, shaped like Google's.
pub const ISSUER: &str = "3388000000022990001";

/// Who has the phone, unless a link is opened as somebody else.
const PHONE_USER: &str = "sandbox@example.com";

/// How long [`GoogleSandbox::wait_until`] waits.
const PATIENCE: Duration = Duration::from_secs(20);

/// Threads that serve; a stand-in has one gateway to serve.
const WORKERS: usize = 2;

/// Why a stand-in doesn't start.
#[derive(Debug, thiserror::Error)]
pub enum GoogleSandboxError {
    /// OpenSSL failed.
    #[error("OpenSSL failed: {0}")]
    OpenSsl(#[from] openssl::error::ErrorStack),
    /// The system refused the address.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The roots for callbacks can't be read.
    #[error("the roots for callbacks can't be used: {0}")]
    Roots(#[from] reqwest::Error),
}

/// A running stand-in. Cheap to clone; it stops when [`GoogleSandbox::shutdown`] is called.
#[derive(Clone)]
pub struct GoogleSandbox {
    shared: Arc<Shared>,
    server: ServerHandle,
    issuer: IssuerId,
    account: ServiceAccount,
}

/// An issuer besides the first, with an account of its own.
#[derive(Debug, Clone)]
pub struct IssuerAccount {
    /// The issuer.
    pub issuer_id: IssuerId,
    /// Its service account's key file.
    pub service_account: Value,
}

struct Shared {
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    rules: Mutex<GoogleRules>,
    state: Mutex<State>,
    callback_keys: Mutex<CallbackKeys>,
    callback_retries: Vec<Duration>,
    http: reqwest::Client,
    phone_user: String,
    frame_ancestors: String,
    address: SocketAddr,
    changes: watch::Sender<u64>,
    stop: watch::Sender<bool>,
    myself: Weak<Shared>,
}

impl GoogleSandbox {
    /// Binds and serves in the background, with an issuer and a service account that may use it.
    ///
    /// # Errors
    /// [`GoogleSandboxError`].
    pub fn start(options: GoogleOptions) -> Result<Self, GoogleSandboxError> {
        let http = delivery::client(&options.callback_roots_pem)?;
        let callback_keys = CallbackKeys::generate(options.clock.now())?;
        let account = ServiceAccount::generate("walaa", &*options.ids)?;
        let listener = TcpListener::bind(options.listen)?;
        let address = listener.local_addr()?;
        let shared = Arc::new_cyclic(|myself| Shared {
            clock: options.clock,
            ids: options.ids,
            frame_ancestors: options.frame_ancestors,
            rules: Mutex::new(options.rules),
            state: Mutex::default(),
            callback_keys: Mutex::new(callback_keys),
            callback_retries: options.callback_retries,
            http,
            phone_user: PHONE_USER.to_owned(),
            address,
            changes: watch::channel(0).0,
            stop: watch::channel(false).0,
            myself: myself.clone(),
        });
        let issuer: IssuerId = ISSUER.parse().expect("a constant of this file, and tested");
        shared.add_issuer(issuer, &account);
        let data = web::Data::from(Arc::clone(&shared));
        let server = HttpServer::new(move || App::new().configure(|config| server::configure(config, data.clone())));
        let server = server.workers(WORKERS).disable_signals().shutdown_timeout(1).listen(listener)?.run();
        let handle = server.handle();
        tokio::spawn(server);
        Ok(Self { shared, server: handle, issuer, account })
    }

    /// What to configure instead of `https://walletobjects.googleapis.com`.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.shared.base_url()
    }

    /// What to configure instead of `https://oauth2.googleapis.com/token`.
    #[must_use]
    pub fn token_url(&self) -> String {
        format!("{}/token", self.base_url())
    }

    /// What to configure instead of `https://pay.google.com/gp/m/issuer/keys`.
    #[must_use]
    pub fn keys_url(&self) -> String {
        format!("{}/gp/m/issuer/keys", self.base_url())
    }

    /// What to configure instead of `https://pay.google.com/gp/v/save`; a slash and the JWT follow.
    #[must_use]
    pub fn save_base(&self) -> String {
        format!("{}/gp/v/save", self.base_url())
    }

    /// Where the phone's page is.
    #[must_use]
    pub fn phone_url(&self) -> String {
        format!("{}/phone", self.base_url())
    }

    /// The first issuer.
    #[must_use]
    pub const fn issuer_id(&self) -> IssuerId {
        self.issuer
    }

    /// The key file of the first issuer's service account, as Google's console hands it out.
    #[must_use]
    pub fn service_account_json(&self) -> String {
        self.account.file(&self.token_url()).to_string()
    }

    /// Another issuer with an account of its own, which may use nothing of the first.
    ///
    /// # Errors
    /// OpenSSL made no key.
    pub fn add_issuer(&self, issuer_id: IssuerId) -> Result<IssuerAccount, GoogleSandboxError> {
        let account = ServiceAccount::generate(&format!("issuer-{issuer_id}"), &*self.shared.ids)?;
        self.shared.add_issuer(issuer_id, &account);
        Ok(IssuerAccount { issuer_id, service_account: account.file(&self.token_url()) })
    }

    /// Makes the first account a user of the first issuer, or not.
    pub fn set_permission(&self, permission: Permission) {
        let mut state = self.shared.state();
        let Some(issuer) = state.issuers.get_mut(&self.issuer) else { return };
        match permission {
            Permission::Granted => issuer.users.insert(self.account.email.clone()),
            Permission::Revoked => issuer.users.remove(&self.account.email),
        };
    }

    /// Sets the rules that can be set.
    pub fn set_rules(&self, rules: GoogleRules) {
        *self.shared.rules.lock().unwrap_or_else(PoisonError::into_inner) = rules;
    }

    /// The rules as they are.
    #[must_use]
    pub fn rules(&self) -> GoogleRules {
        self.shared.rules()
    }

    /// Makes something go wrong.
    pub fn fail(&self, fault: Fault) {
        self.shared.state().faults.add(fault);
    }

    /// Forgets the faults that still wait.
    pub fn clear_faults(&self) {
        let mut state = self.shared.state();
        state.faults.clear();
        state.callback_faults.clear();
    }

    /// Spoils the next callback that has no fault yet.
    pub fn spoil_callback(&self, fault: CallbackFault) {
        self.shared.state().callback_faults.push_back(fault);
    }

    /// Sends the callbacks that were held back.
    pub fn release_callbacks(&self) {
        self.shared.release();
    }

    /// A signed callback's body, for tests that send it themselves.
    ///
    /// # Errors
    /// OpenSSL signs nothing.
    pub fn signed_callback(&self, message: &CallbackMessage<'_>) -> Result<String, GoogleSandboxError> {
        let (object_id, class_id) = (message.object_id.to_owned(), message.class_id.to_owned());
        let event = Event { kind: message.event.name(), object_id, class_id };
        let at = (self.shared.clock.now(), &*self.shared.ids);
        Ok(self.shared.callback_keys().sign(&event, message.forgery, at)?)
    }

    /// Publishes a new root beside the old one; callbacks are signed under it from now on.
    ///
    /// # Errors
    /// OpenSSL made no key.
    pub fn rotate_callback_keys(&self) -> Result<(), GoogleSandboxError> {
        Ok(self.shared.callback_keys().rotate(self.shared.clock.now())?)
    }

    /// How long clients may keep the root keys (`Cache-Control: max-age`).
    pub fn set_keys_max_age(&self, seconds: u32) {
        self.shared.callback_keys().max_age_seconds = seconds;
    }

    /// A user takes a pass out of their wallet. False if they don't have it.
    #[must_use]
    pub fn remove_pass(&self, object_id: &str, user: &str) -> bool {
        self.shared.remove_pass(object_id, user)
    }

    /// The user that the phone belongs to.
    #[must_use]
    pub fn phone_user(&self) -> &str {
        &self.shared.phone_user
    }

    /// An object as it is kept, without what a GET adds.
    #[must_use]
    pub fn object(&self, id: &str) -> Option<Value> {
        self.shared.state().objects.get(id).map(state::Stored::value)
    }

    /// A class as it is kept.
    #[must_use]
    pub fn class(&self, id: &str) -> Option<Value> {
        self.shared.state().classes.get(id).map(state::Stored::value)
    }

    /// The ids of all objects.
    #[must_use]
    pub fn object_ids(&self) -> Vec<String> {
        self.shared.state().objects.keys().cloned().collect()
    }

    /// Who has an object in their wallet.
    #[must_use]
    pub fn holders(&self, id: &str) -> Vec<String> {
        self.shared.state().objects.get(id).map(|object| object.users.iter().cloned().collect()).unwrap_or_default()
    }

    /// What was asked lately, oldest first, refused requests included.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.shared.state().requests.iter().cloned().collect()
    }

    /// The callbacks that went out lately, every attempt, oldest first.
    #[must_use]
    pub fn callbacks(&self) -> Vec<RecordedCallback> {
        self.shared.state().callbacks.iter().cloned().collect()
    }

    /// What phones told their owners lately.
    #[must_use]
    pub fn notices(&self) -> Vec<Notice> {
        self.shared.state().notices.iter().cloned().collect()
    }

    /// What happened so far, in numbers.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.shared.state().counters
    }

    /// Waits until something holds, looking again after each request and each callback. False if it never did.
    pub async fn wait_until(&self, holds: impl Fn(&Self) -> bool) -> bool {
        let mut changes = self.shared.changes.subscribe();
        let waiting = async {
            while !holds(self) {
                if changes.changed().await.is_err() {
                    return;
                }
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.is_ok()
    }

    /// Stops listening and drops every connection.
    pub async fn shutdown(&self) {
        self.shared.stop.send_replace(true);
        self.server.stop(false).await;
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn callback_keys(&self) -> MutexGuard<'_, CallbackKeys> {
        self.callback_keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rules(&self) -> GoogleRules {
        *self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Wakes whoever waits for something to happen.
    fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    fn add_issuer(&self, issuer: IssuerId, account: &ServiceAccount) {
        let mut state = self.state();
        let users = std::iter::once(account.email.clone()).collect();
        state.issuers.insert(issuer, Issuer { name: format!("Sandbox {issuer}"), users });
        state.accounts.insert(account.email.clone(), account.clone());
    }

    fn remove_pass(&self, object_id: &str, user: &str) -> bool {
        let event = {
            let mut state = self.state();
            let Some(object) = state.objects.get_mut(object_id) else { return false };
            if !object.users.remove(user) {
                return false;
            }
            Event::of("del", &object.value())
        };
        self.send_callbacks(event.as_slice());
        self.changed();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_issuer_is_an_issuer() {
        assert!(ISSUER.parse::<IssuerId>().is_ok());
    }
}
