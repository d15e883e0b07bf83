//! The servers: the public one over HTTP and HTTPS, and the one for metrics. Routes are `http`'s and `apple::web_service`'s own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::web::{self, Data};
use actix_web::{HttpResponse, HttpServer};
use serde_json::json;

use super::listeners::Listeners;
use super::{RunError, StartError, metrics};
use crate::apple::web_service::{self, WebService};
use crate::clock::Clock;
use crate::config::Config;
use crate::http::{self, State};

/// How long an address that is asked for readiness waits for the database.
const READY_TIMEOUT: Duration = Duration::from_secs(2);

/// What each worker serves.
#[derive(Clone)]
pub struct Service {
    /// The API's state.
    pub state: State,
    /// Apple's web service.
    pub web_service: Data<WebService>,
    /// Off from the order to stop on.
    pub ready: Arc<AtomicBool>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// Makes the servers; they serve as soon as they are awaited.
///
/// # Errors
/// The system refuses a listener.
pub fn start(config: &Config, listeners: Listeners, service: &Service) -> Result<(Server, Option<Server>), RunError> {
    let workers = match config.server.workers {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        workers => workers,
    };
    let shared = service.clone();
    let mut server = HttpServer::new(move || {
        let Service { state, web_service, .. } = shared.clone();
        let health = health(&shared);
        actix_web::App::new()
            .app_data(state)
            .configure(health)
            .configure(web_service::configure(web_service))
            .configure(http::routes)
    })
    .workers(workers)
    .max_connections(config.limits.connections.div_ceil(workers))
    .client_request_timeout(Duration::from_secs(config.limits.head_seconds))
    .keep_alive(Duration::from_secs(config.limits.keep_alive_seconds))
    .shutdown_timeout(config.server.shutdown_seconds)
    .disable_signals();
    let failed = |source| RunError::Start(StartError::file("listener".as_ref(), source));
    if let Some(listener) = listeners.http {
        server = server.listen(listener).map_err(failed)?;
    }
    if let Some((listener, acceptor)) = listeners.tls {
        server = server.listen_openssl(listener, acceptor).map_err(failed)?;
    }
    let admin = listeners.admin.map(|listener| admin(listener, service.clone())).transpose().map_err(failed)?;
    Ok((server.run(), admin))
}

/// `/healthz`: the process answers. `/readyz`: it may be sent requests.
fn health(service: &Service) -> impl FnOnce(&mut web::ServiceConfig) + use<> {
    let ready = service.clone();
    move |config| {
        config.route("/healthz", web::get().to(|| async { HttpResponse::Ok().json(json!({ "status": "ok" })) }));
        config.route("/readyz", web::get().to(move || readiness(ready.clone())));
    }
}

async fn readiness(service: Service) -> HttpResponse {
    let serving = service.ready.load(Ordering::SeqCst);
    let asked = tokio::time::timeout(READY_TIMEOUT, service.state.core.db.health()).await;
    let database = matches!(asked, Ok(Ok(())));
    let gate = service.state.core.gate.health().await;
    let body = json!({
        "status": if serving && database { "ready" } else { "not_ready" },
        "stopping": !serving,
        "database": database,
        "gate": { "backend": gate.backend, "up": gate.up },
        "time": service.clock.now(),
    });
    // A gate that is down is told and does not count: the ledger decides without it.
    if serving && database { HttpResponse::Ok().json(body) } else { HttpResponse::ServiceUnavailable().json(body) }
}

/// The server for operators: metrics and health, on an address of its own.
fn admin(listener: std::net::TcpListener, service: Service) -> std::io::Result<Server> {
    let _started = metrics::handle();
    let server =
        HttpServer::new(move || actix_web::App::new().configure(health(&service)).route("/metrics", web::get().to(render)));
    Ok(server.workers(1).disable_signals().listen(listener)?.run())
}

async fn render() -> HttpResponse {
    match metrics::handle() {
        Some(handle) => HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(handle.render()),
        None => HttpResponse::NotFound().finish(),
    }
}

/// The description of the API.
#[must_use]
pub fn openapi() -> String {
    String::new()
}
