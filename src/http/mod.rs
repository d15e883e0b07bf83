//! The HTTP front door: every route on one screen, authentication, problem+json. Handlers only extract, call, and answer.

pub mod answer;
pub mod auth;
pub mod extract;
pub mod problem;

mod cards;
mod earnings;
mod members;
mod redemptions;
mod scans;
mod vouchers;

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
