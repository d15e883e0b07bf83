//! The HTTP front door: every route on one screen, authentication, problem+json. Handlers only extract, call, and answer.

pub mod answer;
pub mod auth;
pub mod checks;
pub mod extract;
pub mod problem;

pub mod cards;
pub mod earnings;
pub mod members;
pub mod redemptions;
pub mod scans;
pub mod vouchers;

use crate::cards::Core;

/// What handlers share.
#[derive(Clone)]
pub struct AppState {
    /// The gateway's working parts.
    pub core: Core,
    /// Whether keys are of the live or of the test kind.
    pub environment: crate::tokens::Environment,
}

/// The state as handlers extract it.
pub type State = actix_web::web::Data<AppState>;
