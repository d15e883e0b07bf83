//! The servers: the public one over HTTP and HTTPS, and the one for metrics. Routes are `http`'s and `apple::web_service`'s own.

use std::net::TcpListener;
use std::time::Duration;

use actix_web::HttpServer;
use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};

use super::listeners::Listeners;
use super::{RunError, StartError};
use crate::apple::web_service::{self, WebService};
use crate::config::Config;
use crate::google::callbacks::{self, CallbackService};
use crate::http::observe::observe;
use crate::http::{self, State, metrics};
use crate::pages::{self, Pages};

/// What each worker serves.
#[derive(Clone)]
pub struct Service {
    /// The API's state.
    pub state: State,
    /// Apple's web service.
    pub web_service: Data<WebService>,
    /// The pages.
    pub pages: Data<Pages>,
    /// Google's callbacks, where it is configured.
    pub callbacks: Option<Data<CallbackService>>,
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
        let Service { state, web_service, pages, callbacks } = shared.clone();
        actix_web::App::new()
            .app_data(state)
            .wrap(from_fn(observe))
            .configure(web_service::configure(web_service))
            .configure(|routes| {
                if let Some(service) = callbacks {
                    callbacks::configure(service)(routes);
                }
            })
            .configure(pages::configure(pages))
            .configure(http::routes)
            .default_service(web::to(elsewhere))
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
    let admin = listeners.admin.map(|listener| admin(listener, service.state.clone())).transpose().map_err(failed)?;
    Ok((server.run(), admin))
}

/// The answer at an address that is none: a page for people, a problem for programs.
async fn elsewhere(request: HttpRequest, pages: Data<Pages>) -> HttpResponse {
    if pages::errors::reads_pages(&request) { pages::Visit::of(&request, pages).not_found() } else { http::nothing() }
}

/// The server for operators: metrics and health, on an address of its own.
fn admin(listener: TcpListener, state: State) -> std::io::Result<Server> {
    let _recording = metrics::record();
    let server = HttpServer::new(move || actix_web::App::new().app_data(state.clone()).configure(metrics::routes));
    Ok(server.workers(1).disable_signals().listen(listener)?.run())
}
