//! Whether the process is alive, and whether it should get requests: for load balancers and operators.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header;
use serde::Serialize;

use crate::cards::Core;
use crate::clock::Timestamp;
use crate::http::State;

/// Milliseconds for which a finding serves every asker: the check writes to the database, and anyone may ask.
const FRESH_MS: i64 = 1_000;

/// How long the database may take: longer than any commit under load.
const DATABASE_PATIENCE: Duration = Duration::from_secs(3);

/// Journal rows that may wait for their number before an operator should look: seconds of full load.
const LAG_ROWS: usize = 20_000;

/// Whether something works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Works {
    /// It does.
    Up,
    /// It does not.
    Down,
    /// It falls behind.
    Behind,
}

/// How the process is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Report {
    /// Whether it should get requests.
    pub ready: bool,
    /// The database: without it nothing works.
    pub database: Works,
    /// The gate: without it the ledger decides alone.
    pub gate: Works,
    /// The sequencer: behind, updates of passes are late, sales are not.
    pub sequencer: Works,
    /// Whether it is shutting down.
    pub shutting_down: bool,
}

/// What is known of the process's health.
#[derive(Default)]
pub struct Health {
    shutting_down: AtomicBool,
    last: Mutex<Option<(Timestamp, Report)>>,
}

impl Health {
    /// From now on no more requests are wanted: `/readyz` says so, so that the load balancer looks elsewhere.
    pub fn shut_down(&self) {
        self.shutting_down.store(true, Ordering::SeqCst);
    }

    /// How the process is, at most a second old.
    pub async fn report(&self, core: &Core) -> Report {
        let now = core.clock.now();
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let report = match last {
            Some((at, report)) if (0..FRESH_MS).contains(&now.since(at)) => report,
            _ => look(core).await,
        };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, report.clone()));
        let shutting_down = self.shutting_down.load(Ordering::SeqCst);
        Report { ready: report.ready && !shutting_down, shutting_down, ..report }
    }
}

async fn look(core: &Core) -> Report {
    let database = tokio::time::timeout(DATABASE_PATIENCE, core.db.health()).await;
    let database = if matches!(database, Ok(Ok(()))) { Works::Up } else { Works::Down };
    let unsealed = tokio::time::timeout(DATABASE_PATIENCE, core.db.unsealed()).await;
    let sequencer = match unsealed {
        Ok(Ok(rows)) if rows < LAG_ROWS => Works::Up,
        Ok(Ok(_)) => Works::Behind,
        _ => Works::Down,
    };
    let gate = if core.gate.health().await.up { Works::Up } else { Works::Down };
    Report { ready: database == Works::Up, database, gate, sequencer, shutting_down: false }
}

/// Ask whether the process is alive
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, description = "It is")))]
pub async fn alive() -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(serde_json::json!({ "status": "ok" }))
}

/// Ask whether the process wants requests
#[utoipa::path(get, path = "/readyz", tag = "health",
    responses((status = 200, description = "It does", body = Report), (status = 503, description = "It does not", body = Report)))]
pub async fn ready(state: State) -> HttpResponse {
    let report = state.health.report(&state.core).await;
    let mut response = if report.ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    response.insert_header((header::CACHE_CONTROL, "no-store")).json(report)
}
