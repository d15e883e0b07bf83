//! Figures for Prometheus, on a listener of the operator's own.

use std::sync::OnceLock;

use actix_web::http::header;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, Responder};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::error::Code;
use crate::http::{State, health, problem};

/// Seconds at which durations are counted: from a cached answer to a request that nearly timed out.
const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// Commands at which batches are counted.
const BATCHES: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// The one recorder of the process.
static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Starts recording, once; `None` when something else records in this process already.
#[must_use]
pub fn record() -> Option<PrometheusHandle> {
    RECORDER.get_or_init(|| builder()?.install_recorder().ok()).clone()
}

fn builder() -> Option<PrometheusBuilder> {
    let seconds = Matcher::Suffix("_seconds".to_owned());
    let builder = PrometheusBuilder::new().set_buckets_for_metric(seconds, &SECONDS).ok()?;
    builder.set_buckets_for_metric(Matcher::Full("walaa_batch_size".to_owned()), &BATCHES).ok()
}

/// The routes of the admin listener: `/metrics`, `/healthz`, `/readyz`.
pub fn routes(config: &mut ServiceConfig) {
    config
        .route("/metrics", web::get().to(show))
        .route("/healthz", web::get().to(health::alive))
        .route("/readyz", web::get().to(health::ready))
        .default_service(web::to(|| std::future::ready(problem::response(&Code::NotFound.into()))));
}

async fn show(state: State) -> impl Responder {
    let report = state.health.report(&state.core).await;
    metrics::gauge!("walaa_ready").set(if report.ready { 1.0 } else { 0.0 });
    metrics::gauge!("walaa_gate_up").set(if report.gate == health::Works::Up { 1.0 } else { 0.0 });
    if let Ok(rows) = state.core.db.unsealed().await {
        metrics::gauge!("walaa_journal_unsealed").set(rows as f64);
    }
    for (pass_type, not_after) in state.passes.iter().flat_map(|passes| passes.certificates()) {
        metrics::gauge!("walaa_pass_certificate_not_after_seconds", "pass_type" => pass_type.to_owned())
            .set(not_after.seconds() as f64);
    }
    let text = record().map(|handle| {
        handle.run_upkeep();
        handle.render()
    });
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"))
        .body(text.unwrap_or_default())
}
