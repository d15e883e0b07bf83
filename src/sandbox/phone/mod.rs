//! A phone that speaks Apple's device protocol: it downloads, verifies, registers, listens for pushes, lists, fetches,
//! unregisters and complains as a real one does, and refuses what a real one would refuse.
//!
//! Owns the phone's behaviour. How a pass is verified and drawn is handed in; the page that shows it is `page`.

pub mod draw;
pub mod locale;
pub mod notice;
pub mod page;
pub mod state;
mod sync;
pub mod web_service;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::broadcast;

use self::state::{InstalledPass, Notice, PhoneState, Step, key_of};
use self::web_service::{Courier, Exchange, PlainHttp, Subject};
use super::apns::{Apns, Push};
use super::verify::Verifier;
use crate::clock::{Clock, Timestamp};
use crate::ids::Ids;

/// Events that a slow page may lag behind; it then reads the whole state again.
const EVENT_QUEUE: usize = 64;

/// What is in a package that was verified. Printing it shows which pass it is, and none of its secrets.
#[derive(Clone, PartialEq)]
pub struct OpenedPass {
    /// `pass.json`.
    pub pass: Value,
    /// Every file by name.
    pub files: BTreeMap<String, Vec<u8>>,
}

impl OpenedPass {
    /// Pass type and serial number.
    #[must_use]
    pub fn identity(&self) -> Option<(String, String)> {
        let text = |name: &str| self.pass[name].as_str().map(str::to_owned);
        Some((text("passTypeIdentifier")?, text("serialNumber")?))
    }

    /// Whether two versions differ in nothing but their signatures: each build is signed anew.
    #[must_use]
    pub fn shows_the_same_as(&self, other: &Self) -> bool {
        let shown = |(name, _): &(&String, &Vec<u8>)| *name != "signature";
        self.pass == other.pass && self.files.iter().filter(shown).eq(other.files.iter().filter(shown))
    }
}

impl std::fmt::Debug for OpenedPass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let files: Vec<&String> = self.files.keys().collect();
        f.debug_struct("OpenedPass")
            .field("type", &self.pass["passTypeIdentifier"])
            .field("files", &files)
            .finish_non_exhaustive()
    }
}

/// Opens a package, or says everything that a phone would hold against it.
pub type Verify = Arc<dyn Fn(&[u8]) -> Result<OpenedPass, Vec<String>> + Send + Sync>;

/// What opens packages as a phone that believes this root would, by the phone's clock.
///
/// # Errors
/// When the root is not a certificate in PEM.
pub fn verifier(root_pem: &[u8], clock: Arc<dyn Clock>) -> Result<Verify, openssl::error::ErrorStack> {
    let verifier = Verifier::new(root_pem)?;
    Ok(Arc::new(move |package| match verifier.verify(package, clock.now()) {
        Ok(verified) => Ok(OpenedPass { pass: verified.pass, files: verified.files }),
        Err(refused) => Err(refused.0.iter().map(ToString::to_string).collect()),
    }))
}

/// How a phone is set up.
pub struct PhoneOptions {
    /// Opens packages.
    pub verify: Verify,
    /// Whom it gets its pushes from.
    pub apns: Apns,
    /// Roots (PEM) that it believes besides the machine's.
    pub roots_pem: Vec<u8>,
    /// Whether web services without TLS are used.
    pub plain_http: PlainHttp,
    /// Waits before failed requests are tried again; as many tries as there are waits.
    pub retry_delays: Vec<Duration>,
    /// Where it is remembered; nowhere if absent.
    pub memory_file: Option<PathBuf>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where its ids come from.
    pub ids: Arc<dyn Ids>,
}

impl PhoneOptions {
    /// "Retried several times with growing delays, then dropped."
    #[must_use]
    pub fn usual_retry_delays() -> Vec<Duration> {
        [1, 4, 10].map(Duration::from_secs).to_vec()
    }
}

/// Something that happened on the phone.
#[derive(Debug, Clone)]
pub enum PhoneEvent {
    /// What it shows changed.
    Changed,
    /// It told its owner something.
    Told(Notice),
    /// It took a step of the protocol.
    Stepped(Step),
}

/// Why a pass was not added.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// A real phone would refuse it; everything that is wrong with it.
    #[error("the pass is not valid: {}", .0.join("; "))]
    Refused(Vec<String>),
    /// The phone is full.
    #[error("the phone holds as many passes as it can")]
    Full,
    /// The link gave no package.
    #[error("the link gave no pass: {0}")]
    Download(String),
}

/// A running phone. Cheap to clone.
#[derive(Clone)]
pub struct Phone(Arc<Inner>);

struct Inner {
    verify: Verify,
    apns: Apns,
    courier: Courier,
    memory_file: Option<PathBuf>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    state: Mutex<PhoneState>,
    events: broadcast::Sender<PhoneEvent>,
    /// A phone does one thing at a time.
    turn: tokio::sync::Mutex<()>,
}

impl Phone {
    /// Switches a phone on: remembered if there is a memory, else out of the box.
    ///
    /// # Errors
    /// What the system says of the memory file or of the roots.
    pub async fn start(options: PhoneOptions) -> std::io::Result<Self> {
        let state = remembered(&options).await?;
        options.apns.register_token(&state.push_token);
        let pushes = options.apns.subscribe();
        let courier =
            Courier::new(&options.roots_pem, options.plain_http, options.retry_delays).map_err(std::io::Error::other)?;
        let phone = Self(Arc::new(Inner {
            verify: options.verify,
            apns: options.apns,
            courier,
            memory_file: options.memory_file,
            clock: options.clock,
            ids: options.ids,
            state: Mutex::new(state),
            events: broadcast::channel(EVENT_QUEUE).0,
            turn: tokio::sync::Mutex::new(()),
        }));
        tokio::spawn(listen(Arc::downgrade(&phone.0), pushes));
        phone.0.save().await;
        Ok(phone)
    }

    /// Hears of what happens on the phone.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<PhoneEvent> {
        self.0.events.subscribe()
    }

    /// What time the phone thinks it is.
    #[must_use]
    pub fn clock_now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Its passes, the newest last.
    #[must_use]
    pub fn passes(&self) -> Vec<InstalledPass> {
        self.0.state().passes.clone()
    }

    /// What it told its owner lately, the newest last.
    #[must_use]
    pub fn notices(&self) -> Vec<Notice> {
        self.0.state().notices.iter().cloned().collect()
    }

    /// Its latest steps of the protocol, the newest last.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        self.0.state().steps.iter().cloned().collect()
    }

    /// Its device library identifier and its push token: secrets of the phone.
    #[must_use]
    pub fn identity(&self) -> (String, String) {
        let state = self.0.state();
        (state.device_id.clone(), state.push_token.clone())
    }

    /// Opens a package without adding it.
    ///
    /// # Errors
    /// [`AddError::Refused`] as a real phone would.
    pub fn look_at(&self, package: &[u8]) -> Result<OpenedPass, AddError> {
        let opened = (self.0.verify)(package).map_err(AddError::Refused)?;
        match opened.identity() {
            Some(_) => Ok(opened),
            None => Err(AddError::Refused(vec!["pass.json has no passTypeIdentifier or no serialNumber".to_owned()])),
        }
    }

    /// Downloads a package.
    ///
    /// # Errors
    /// [`AddError::Download`].
    pub async fn download(&self, url: reqwest::Url) -> Result<Vec<u8>, AddError> {
        self.0.courier.download(url).await.map_err(|trouble| AddError::Download(trouble.0))
    }

    /// Adds a pass or replaces the one of the same type and serial number, registers it and asks for news of it. Answers its
    /// key.
    ///
    /// # Errors
    /// [`AddError`]; a web service that doesn't answer is no error: the pass is on the phone.
    pub async fn add_pass(&self, package: &[u8]) -> Result<String, AddError> {
        let _turn = self.0.turn.lock().await;
        let opened = self.look_at(package)?;
        let key = self.0.install(package, opened)?;
        self.0.save().await;
        self.0.subscribe_pass(&key).await;
        self.0.save().await;
        Ok(key)
    }

    /// Removes a pass and unregisters it. False if there is none.
    pub async fn remove_pass(&self, key: &str) -> bool {
        let _turn = self.0.turn.lock().await;
        let removed = {
            let mut state = self.0.state();
            let place = state.passes.iter().position(|pass| pass.key == key);
            place.map(|place| state.passes.remove(place))
        };
        let Some(pass) = removed else { return false };
        self.0.tell(PhoneEvent::Changed);
        if pass.automatic {
            self.0.unregister(&pass).await;
        }
        self.0.save().await;
        true
    }

    /// Asks for one pass directly, as pulling down on its back does. False if there is none.
    pub async fn refresh(&self, key: &str) -> bool {
        let _turn = self.0.turn.lock().await;
        let found = self.0.state().find(key).cloned();
        let Some(pass) = found else { return false };
        self.0.fetch(&pass).await;
        self.0.save().await;
        true
    }

    /// The switch "Automatic Updates". False if there is no such pass.
    pub async fn set_automatic(&self, key: &str, updates: Updates) -> bool {
        let _turn = self.0.turn.lock().await;
        let before = {
            let mut state = self.0.state();
            state.find_mut(key).map(|pass| {
                let before = pass.clone();
                pass.automatic = updates == Updates::Automatic;
                before
            })
        };
        let Some(pass) = before else { return false };
        match (pass.automatic, updates) {
            (false, Updates::Automatic) => self.0.subscribe_pass(key).await,
            (true, Updates::Never) => self.0.unregister(&pass).await,
            _ => {}
        }
        self.0.save().await;
        self.0.tell(PhoneEvent::Changed);
        true
    }

    /// Asks every web service for news: what a phone does now and then, and after it was off.
    pub async fn wake(&self) {
        let _turn = self.0.turn.lock().await;
        let topics: std::collections::BTreeSet<String> = self.passes().into_iter().map(|pass| pass.pass_type).collect();
        for topic in topics {
            self.0.catch_up(&topic).await;
        }
        self.0.save().await;
    }

    /// Erases the phone. Nothing is unregistered: APNs answering 410 is all that a gateway will hear of it.
    pub async fn erase(&self) {
        let _turn = self.0.turn.lock().await;
        let fresh = PhoneState::new(&*self.0.ids);
        self.0.apns.register_token(&fresh.push_token);
        let old = std::mem::replace(&mut *self.0.state(), fresh);
        self.0.apns.forget_token(&old.push_token);
        self.0.save().await;
        self.0.tell(PhoneEvent::Changed);
    }
}

/// Whether a pass updates itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Updates {
    /// It is registered for pushes.
    Automatic,
    /// Only when its owner asks.
    Never,
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, PhoneState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, event: PhoneEvent) {
        // A phone in a pocket has nobody looking at it.
        let _ = self.events.send(event);
    }

    fn install(&self, package: &[u8], opened: OpenedPass) -> Result<String, AddError> {
        let (pass_type, serial) = opened.identity().unwrap_or_default();
        let now = self.clock.now();
        let mut state = self.state();
        let key = key_of(&pass_type, &serial);
        let bytes: Arc<[u8]> = package.into();
        let opened = Arc::new(opened);
        if let Some(known) = state.find_mut(&key) {
            known.bytes = bytes;
            known.opened = opened;
            known.last_modified = None;
            known.automatic = true;
            known.updated_at = now;
        } else if state.passes.len() == state::MAX_PASSES {
            return Err(AddError::Full);
        } else {
            state.passes.push(InstalledPass {
                key: key.clone(),
                pass_type,
                serial,
                bytes,
                opened,
                last_modified: None,
                automatic: true,
                added_at: now,
                updated_at: now,
            });
        }
        drop(state);
        self.tell(PhoneEvent::Changed);
        Ok(key)
    }

    /// Notes an exchange for those who watch.
    fn note(&self, exchange: Exchange) {
        let step = {
            let mut state = self.state();
            let Exchange { what, request, status, detail } = exchange;
            let step = Step { number: state.next_number(), at: self.clock.now(), what, request, status, detail };
            state.remember_step(step.clone());
            step
        };
        self.tell(PhoneEvent::Stepped(step));
    }

    async fn save(&self) {
        let Some(path) = &self.memory_file else { return };
        let text = self.state().to_json();
        let saved = match text {
            Ok(text) => state::save(path, text).await,
            Err(error) => Err(error.into()),
        };
        if let Err(error) = saved {
            tracing::warn!(%error, "the sandbox phone can't be remembered");
        }
    }
}

/// The phone of the memory file. One that can't be read is put aside and not lost.
async fn remembered(options: &PhoneOptions) -> std::io::Result<PhoneState> {
    let Some(path) = &options.memory_file else { return Ok(PhoneState::new(&*options.ids)) };
    let text = match tokio::fs::read(path).await {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(PhoneState::new(&*options.ids)),
        Err(error) => return Err(error),
    };
    match PhoneState::from_json(&text, &options.verify) {
        Ok(state) => Ok(state),
        Err(error) => {
            tracing::warn!(%error, "the sandbox phone's memory can't be read; it is put aside and the phone starts anew");
            tokio::fs::rename(path, path.with_extension("unreadable")).await?;
            Ok(PhoneState::new(&*options.ids))
        }
    }
}

/// Hears pushes for as long as the phone lives. Several at once for one topic are one, as APNs itself keeps only one.
async fn listen(phone: Weak<Inner>, mut pushes: broadcast::Receiver<Push>) {
    use broadcast::error::{RecvError, TryRecvError};
    loop {
        let mut heard = match pushes.recv().await {
            Ok(push) => vec![push],
            Err(RecvError::Lagged(_)) => vec![],
            Err(RecvError::Closed) => return,
        };
        loop {
            match pushes.try_recv() {
                Ok(push) => heard.push(push),
                Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        let Some(inner) = phone.upgrade() else { return };
        let mine = inner.state().push_token.clone();
        let topics: std::collections::BTreeSet<String> =
            heard.into_iter().filter(|push| push.token == mine).map(|push| push.topic).collect();
        let _turn = inner.turn.lock().await;
        for topic in topics {
            let detail = String::new();
            inner.note(Exchange { what: "push", request: topic.clone(), status: None, detail });
            inner.catch_up(&topic).await;
            inner.save().await;
        }
    }
}
