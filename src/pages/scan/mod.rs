//! The scanner: staff scan a code, add points, redeem, undo.

mod installed;
pub mod screen;

use actix_web::web::{self, ServiceConfig};

/// Every address of the scanner.
pub fn routes(config: &mut ServiceConfig) {
    config.route("/scan/worker.js", web::get().to(installed::worker));
    config.route("/scan/offline", web::get().to(installed::offline));
    config.route("/scan/app.webmanifest", web::get().to(installed::manifest));
}
