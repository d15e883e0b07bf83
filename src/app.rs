//! The gateway as one thing: [`App::build`] makes it out of a configuration, [`App::run_until`] runs it. The command, the demo and the
//! tests start it in the same way.
//!
//! Nothing is decided here. Parts are opened (`open`), the ledger's mark and the clock are checked (`high_water`), addresses are bound,
//! tasks are started; at the end readiness goes off first, what has begun is finished, then the tasks stop in the order of what they feed.

mod error;
pub mod google;
pub mod high_water;
mod listeners;
pub mod messages;
pub mod open;
mod serve;
mod tasks;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::apple::account::Apple;
use crate::apple::build::PassBuilder;
use crate::apple::web_service::{Fetched, PhoneLimits, WebService};
use crate::cards::{Core, Templates, ViewBuilder};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::batcher::Batcher;
use crate::gate::{Gate, RateRule};
use crate::google::callbacks::CallbackService;
use crate::http::address;
use crate::http::holders::Holders;
use crate::http::limits::Limits;
use crate::http::{AppState, State};
use crate::ids::Ids;
use crate::messages::Messenger;
use crate::pages::{Framing, Live, PageLimits, Pages};

pub use error::{RunError, StartError};
use listeners::Listeners;
use tasks::{MarkPlaces, Tasks};

/// What comes from outside: time and chance.
#[derive(Clone)]
pub struct Parts {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub ids: Arc<dyn Ids>,
}

/// A gateway that is ready to run.
pub struct App {
    config: Config,
    listeners: Listeners,
    state: State,
    web_service: actix_web::web::Data<WebService>,
    pages: actix_web::web::Data<Pages>,
    callbacks: Option<actix_web::web::Data<CallbackService>>,
    tasks: Tasks,
    hold: Option<open::Hold>,
}

impl App {
    /// Opens everything, checks what must hold before a first request, and binds the addresses. Serves nobody yet.
    ///
    /// # Errors
    /// What is wrong, and what to do about it.
    pub async fn build(config: &Config, parts: Parts) -> Result<Self, StartError> {
        let hold = open::hold(config)?;
        let keyring = open::keyring_or_new(config, parts.ids.as_ref())?;
        let db = open::database(config, &keyring).await?;
        open::check_keys(db.as_ref(), &keyring).await?;
        let mark_file = config.database.high_water_path();
        let gate = open::gate(config, &keyring)?;
        let mark = MarkPlaces { file: mark_file, gate: open::witness(config, (&gate, &keyring)) };
        high_water::check(db.as_ref(), (mark.file.as_deref(), mark.gate.as_ref()), parts.clock.as_ref()).await?;
        let apple = open::apple(config, (&parts.clock, &parts.ids))?;
        let templates = open::templates(config)?;
        let google = google::issuers(config, (&gate, &parts.clock))?;
        let listeners = Listeners::bind(&config.server).await?;
        let public_url: Arc<str> = config.server.public_url.clone().unwrap_or_else(|| listeners.own_url()).into();
        let core = Core {
            batcher: Batcher::start(Arc::clone(&db), Arc::clone(&parts.clock)),
            db: Arc::clone(&db),
            clock: Arc::clone(&parts.clock),
            ids: Arc::clone(&parts.ids),
            keyring: Arc::clone(&keyring),
            gate: Arc::clone(&gate),
            public_url: Arc::clone(&public_url),
            programmes: Arc::default(),
            google: Arc::new(google::offered(config)),
            templates: Arc::clone(&templates),
        };
        let writer = google::writer((&db, &parts.clock, &keyring), Arc::clone(&google), (Arc::clone(&templates), &public_url));
        let writer = Some(writer).filter(|_| !google.is_empty());
        let views = ViewBuilder::new(Arc::clone(&db), keyring, Arc::clone(&parts.clock), public_url);
        let builder =
            Arc::new(PassBuilder::new(db, Arc::clone(&parts.clock), views, (Arc::clone(&apple), Arc::clone(&templates))));
        let tasks = Tasks::new(&core, (&apple, writer.as_ref()), mark);
        let trusted = config.server.trusted_proxies.clone();
        let client = move |request: &actix_web::HttpRequest| Some(address::client(request, &trusted));
        let callbacks = google::callbacks(config, &core, &google, client)?;
        let messenger = messages::messenger(config, Arc::clone(&parts.clock))?;
        let holders = Arc::<Holders>::default();
        let pages = pages(config, (&core, &holders), (templates, &apple, &tasks), messenger);
        let web_service = web_service(config, (&core, gate), (apple, Arc::clone(&builder), &tasks));
        let state = AppState {
            core,
            environment: open::environment(config),
            limits: Arc::new(limits(config)),
            trusted_proxies: config.server.trusted_proxies.clone().into(),
            holders,
            health: Arc::default(),
            passes: Some(builder),
            google: writer,
        };
        let state = State::new(state);
        Ok(Self { config: config.clone(), listeners, state, web_service, pages, callbacks, tasks, hold })
    }

    /// The port of plain HTTP; 0 when it is off.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.listeners.port()
    }

    /// The port of HTTPS; 0 when it is off.
    #[must_use]
    pub fn tls_port(&self) -> u16 {
        self.listeners.tls_port()
    }

    /// The port of metrics; 0 when it is off.
    #[must_use]
    pub fn admin_port(&self) -> u16 {
        self.listeners.admin_port()
    }

    /// What handlers share, for whoever started the gateway.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The working parts, for whoever started the gateway.
    #[must_use]
    pub fn core(&self) -> &Core {
        &self.state.core
    }

    /// Serves until `shutdown` is done. Then: not ready any more, nothing new is taken, what has begun is finished within the
    /// configured time, and the journal is numbered to its end.
    ///
    /// # Errors
    /// A server or a task ended by itself: the process should be started anew.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) -> Result<(), RunError> {
        let Self { config, listeners, state, web_service, pages, callbacks, tasks, hold } = self;
        let patience = Duration::from_secs(config.server.shutdown_seconds);
        let (http, tls, admin) = (listeners.port(), listeners.tls_port(), listeners.admin_port());
        let health = Arc::clone(&state.health);
        let live = Arc::clone(&pages.live);
        let service = serve::Service { state, web_service, pages, callbacks };
        let (server, admin_server) = serve::start(&config, listeners, &service)?;
        let handles = [Some(server.handle()), admin_server.as_ref().map(actix_web::dev::Server::handle)];
        let mut server = tokio::spawn(server);
        let admin_task = admin_server.map(tokio::spawn);
        let mut running = tasks.start();
        tracing::info!(http, tls, admin, "Walaa is ready.");
        let ended = tokio::select! {
            () = shutdown => Ok(()),
            ended = &mut server => Err(RunError::server(ended)),
            name = running.first_to_end() => Err(RunError::Task(name)),
        };
        health.shut_down();
        live.close();
        if ended.is_ok() {
            tokio::time::sleep(Duration::from_secs(config.server.drain_seconds)).await;
        }
        tracing::info!("Walaa finishes what has begun.");
        let [main, admin] = handles;
        if let Some(handle) = main {
            handle.stop(true).await;
        }
        drop(service);
        running.stop(patience).await;
        if let Some(handle) = admin {
            handle.stop(false).await;
        }
        drop(admin_task);
        drop(hold);
        tracing::info!("Walaa has stopped.");
        ended
    }
}

/// Milliseconds in which failures to sign in are counted: five minutes.
const FAILURES_PER_MS: u32 = 300_000;

/// The limits at the door, as they were configured.
fn limits(config: &Config) -> Limits {
    let limits = &config.limits;
    let rule = |per_second: u32, burst: u32| RateRule::per_second(per_second).burst(burst);
    Limits {
        address: rule(limits.address_per_second, limits.address_burst),
        key: rule(limits.key_per_second, limits.key_burst),
        terminal: rule(limits.terminal_per_second, limits.terminal_burst),
        organisation: rule(limits.organisation_per_second, limits.organisation_burst),
        failed_sign_ins: RateRule::new(limits.failed_sign_ins, FAILURES_PER_MS),
        request_ms: limits.request_seconds.saturating_mul(1_000),
        body_ms: limits.body_seconds.saturating_mul(1_000),
    }
}

/// How far apart the limit on joining counts: an hour.
const JOINS_PER_MS: u32 = 3_600_000;

fn pages(
    config: &Config,
    (core, holders): (&Core, &Arc<Holders>),
    (templates, apple, tasks): (Arc<Templates>, &Arc<Apple>, &Tasks),
    messenger: Option<Arc<dyn Messenger>>,
) -> actix_web::web::Data<Pages> {
    let trusted = config.server.trusted_proxies.clone();
    let views =
        ViewBuilder::new(Arc::clone(&core.db), Arc::clone(&core.keyring), Arc::clone(&core.clock), Arc::clone(&core.public_url));
    let limits = &config.limits;
    let holders = Arc::clone(holders);
    actix_web::web::Data::new(Pages {
        core: core.clone(),
        views,
        templates,
        apple: Arc::clone(apple),
        messenger,
        live: Live::new(tasks.newest()),
        client_address: Arc::new(move |request| address::client(request, &trusted)),
        changed: Arc::new(move || holders.forget()),
        environment: open::environment(config),
        limits: PageLimits {
            pages: RateRule::per_second(limits.address_per_second).burst(limits.address_burst),
            fruitless: RateRule::new(limits.failed_sign_ins, FAILURES_PER_MS),
            joins: RateRule::new(limits.joins_per_hour, JOINS_PER_MS),
        },
        framing: Framing::by(config.pages.framed_by.clone()),
    })
}

fn web_service(
    config: &Config,
    (core, gate): (&Core, Arc<dyn Gate>),
    (apple, builder, tasks): (Arc<Apple>, Arc<PassBuilder>, &Tasks),
) -> actix_web::web::Data<WebService> {
    let trusted = config.server.trusted_proxies.clone();
    actix_web::web::Data::new(WebService {
        db: Arc::clone(&core.db),
        clock: Arc::clone(&core.clock),
        keyring: Arc::clone(&core.keyring),
        gate,
        apple,
        builder,
        owed: tasks.owed(),
        client_address: Arc::new(move |request| Some(address::client(request, &trusted))),
        limits: PhoneLimits::default(),
        fetched: Fetched::default(),
    })
}
