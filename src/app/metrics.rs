//! Metrics for Prometheus: the recorder, which is one for the process, and figures that are asked of the database now and then.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::sync::watch;

use crate::db::Db;

/// How often old samples are folded and the database is asked for figures.
const INTERVAL: Duration = Duration::from_secs(15);

/// The bounds of what takes time, in seconds: from a memory look-up to a client's patience.
const SECONDS: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The bounds of batches: up to the largest one.
const SIZES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// The recorder's handle, started at the first call; `None` when the process has another recorder.
pub fn handle() -> Option<&'static PrometheusHandle> {
    let start = || {
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
            .and_then(|builder| builder.set_buckets_for_metric(Matcher::Suffix("_size".to_owned()), SIZES));
        builder.and_then(PrometheusBuilder::install_recorder).ok()
    };
    HANDLE.get_or_init(start).as_ref()
}

/// Keeps the figures fresh until the order to stop.
pub async fn keep(db: Arc<dyn Db>, mut stop: watch::Receiver<bool>) {
    let Some(handle) = handle() else {
        let _sender_gone = stop.wait_for(|stop| *stop).await;
        return;
    };
    loop {
        match db.figures().await {
            Ok(figures) => {
                for (name, rows) in figures {
                    metrics::gauge!("walaa_rows", "of" => name).set(rows as f64);
                }
            }
            Err(error) => tracing::warn!(%error, "the database did not tell its figures"),
        }
        if let Ok(rows) = db.unsealed().await {
            metrics::gauge!("walaa_journal_unsealed_rows").set(rows as f64);
        }
        handle.run_upkeep();
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}
