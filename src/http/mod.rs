//! The HTTP front door: every route on one screen, authentication, problem+json. Handlers only extract, call, and answer.

pub mod address;
pub mod answer;
pub mod auth;
pub mod checks;
pub mod endpoint;
pub mod extract;
pub mod holders;
pub mod limits;
pub mod metrics;
pub mod observe;
pub mod openapi;
pub mod page;
pub mod place;
pub mod problem;

pub mod cards;
pub mod deliveries;
pub mod docs;
pub mod documents;
pub mod earnings;
pub mod google;
pub mod health;
pub mod journal;
pub mod keys;
pub mod members;
pub mod ops;
pub mod organisation;
pub mod passes;
pub mod programmes;
pub mod redemptions;
pub mod scanner;
pub mod scans;
pub mod staff;
pub mod stores;
pub mod terminals;
pub mod vouchers;

use std::sync::Arc;

use actix_web::http::Method;
use actix_web::web::{self, PayloadConfig, QueryConfig, ServiceConfig};

use crate::apple::PassBuilder;
use crate::cards::Core;
use crate::error::Code;
use crate::google::GoogleWriter;
use crate::http::address::Network;
use crate::http::endpoint::{Endpoint, any_key, delete, get, open, post, put};
use crate::http::health::Health;
use crate::http::holders::Holders;
use crate::http::limits::Limits;
use crate::programme::Scope::{
    Adjust, Audit, ConfigRead, ConfigWrite, Earn, Keys, MembersErase, MembersRead, MembersWrite, Operate, Redeem, Reverse, Scan,
};
use crate::tokens::Environment;

/// What handlers share.
#[derive(Clone)]
pub struct AppState {
    /// The gateway's working parts.
    pub core: Core,
    /// Whether keys are of the live or of the test kind.
    pub environment: Environment,
    /// How much a client may ask.
    pub limits: Arc<Limits>,
    /// Who may say in `X-Forwarded-For` whom it speaks for.
    pub trusted_proxies: Arc<[Network]>,
    /// Who holds which key.
    pub holders: Arc<Holders>,
    /// Whether requests are wanted.
    pub health: Arc<Health>,
    /// Builds passes; none where no wallet is served.
    pub passes: Option<Arc<PassBuilder>>,
    /// Writes to Google Wallet; none where it is not configured.
    pub google: Option<Arc<GoogleWriter>>,
}

impl AppState {
    /// The state of a gateway with the usual limits and no proxy before it.
    #[must_use]
    pub fn new(core: Core, environment: Environment) -> Self {
        Self {
            core,
            environment,
            limits: Arc::default(),
            trusted_proxies: Arc::from([]),
            holders: Arc::default(),
            health: Arc::default(),
            passes: None,
            google: None,
        }
    }
}

/// The state as handlers extract it.
pub type State = web::Data<AppState>;

/// Every route of the API.
#[must_use]
pub fn endpoints() -> Vec<Endpoint> {
    let mut endpoints = value_endpoints();
    endpoints.extend(configuration_endpoints());
    endpoints
}

/// What the counter and the customer's programme need.
fn value_endpoints() -> Vec<Endpoint> {
    vec![
        get("/v1/members", MembersRead, members::list),
        post("/v1/members", MembersWrite, members::create),
        get("/v1/members/{id}", MembersRead, members::get),
        post("/v1/members/{id}/cards", MembersWrite, members::add_card),
        post("/v1/members/{id}/consents", MembersWrite, members::consent),
        get("/v1/members/{id}/export", MembersErase, members::export),
        post("/v1/members/{id}/erasure", MembersErase, members::erase),
        get("/v1/cards/{id}", MembersRead, cards::get),
        get("/v1/cards/{id}/apple", MembersWrite, passes::of_card),
        open(Method::GET, "/p/{file}", passes::by_link),
        get("/v1/cards/{id}/google", MembersWrite, google::google_link),
        open(Method::GET, "/g/{key}", google::open_google_link),
        open(Method::GET, "/google/images/{file}", google::google_image),
        post("/v1/cards/{id}/adjustments", Adjust, cards::adjust),
        post("/v1/cards/{id}/codes", MembersWrite, cards::codes),
        get("/v1/cards/{id}/delivery", Audit, cards::delivery),
        get("/v1/cards/{id}/entries", MembersRead, cards::entries),
        post("/v1/cards/{id}/reissue", MembersWrite, cards::reissue),
        post("/v1/scans", Scan, scans::create),
        post("/v1/earnings", Earn, earnings::create),
        get("/v1/earnings/{id}", Earn, earnings::get),
        post("/v1/earnings/{id}/returns", Earn, earnings::create_return),
        post("/v1/redemptions", Redeem, redemptions::create),
        get("/v1/redemptions/{id}", Redeem, redemptions::get),
        post("/v1/redemptions/{id}/reversal", Reverse, redemptions::create_reversal),
        post("/v1/vouchers", MembersWrite, vouchers::create),
        get("/v1/vouchers/{id}", Redeem, vouchers::get),
        post("/v1/vouchers/{id}/cancellation", Redeem, vouchers::cancel),
        any_key(Method::GET, "/v1/ops/{id}", ops::get),
        any_key(Method::POST, "/v1/ops/{id}/abandon", ops::abandon),
    ]
}

/// What is set up before, looked after, and looked into.
fn configuration_endpoints() -> Vec<Endpoint> {
    vec![
        get("/v1/organisation", ConfigRead, organisation::get),
        put("/v1/organisation", ConfigWrite, organisation::put),
        get("/v1/organisation/history", ConfigRead, organisation::history),
        get("/v1/programmes", ConfigRead, programmes::list),
        post("/v1/programmes", ConfigWrite, programmes::create),
        get("/v1/programmes/{id}", ConfigRead, programmes::get),
        put("/v1/programmes/{id}", ConfigWrite, programmes::put),
        get("/v1/programmes/{id}/history", ConfigRead, programmes::history),
        get("/v1/stores", ConfigRead, stores::list),
        post("/v1/stores", ConfigWrite, stores::create),
        get("/v1/stores/{id}", ConfigRead, stores::get),
        put("/v1/stores/{id}", ConfigWrite, stores::put),
        get("/v1/stores/{id}/history", ConfigRead, stores::history),
        get("/v1/terminals", ConfigRead, terminals::list),
        post("/v1/terminals", ConfigWrite, terminals::create),
        open(Method::POST, "/v1/terminals/enrol", terminals::enrol),
        get("/v1/terminals/{id}", ConfigRead, terminals::get),
        put("/v1/terminals/{id}", ConfigWrite, terminals::put),
        get("/v1/terminals/{id}/history", ConfigRead, terminals::history),
        post("/v1/terminals/{id}/enrolment", ConfigWrite, terminals::new_code),
        get("/v1/staff", ConfigRead, staff::list),
        post("/v1/staff", ConfigWrite, staff::create),
        get("/v1/staff/{id}", ConfigRead, staff::get),
        put("/v1/staff/{id}", ConfigWrite, staff::put),
        get("/v1/staff/{id}/history", ConfigRead, staff::history),
        post("/v1/staff/{id}/pin", ConfigWrite, staff::new_pin),
        get("/v1/keys", Keys, keys::list),
        post("/v1/keys", Keys, keys::create),
        get("/v1/keys/{id}", Keys, keys::get),
        get("/v1/keys/{id}/history", Keys, keys::history),
        post("/v1/keys/{id}/rotate", Keys, keys::rotate),
        post("/v1/keys/{id}/retire", Keys, keys::retire),
        post("/v1/keys/{id}/revoke", Keys, keys::revoke),
        get("/v1/journal", Audit, journal::list),
        get("/v1/dead-letters", Audit, deliveries::dead_letters),
        post("/v1/dead-letters/{id}/replay", Operate, deliveries::replay),
        delete("/v1/dead-letters/{id}", Operate, deliveries::forget),
        get("/v1/device-logs", Audit, deliveries::device_logs),
        open(Method::GET, "/healthz", health::alive),
        open(Method::GET, "/readyz", health::ready),
    ]
}

/// Registers every route; whatever else is asked for is 404.
pub fn routes(config: &mut ServiceConfig) {
    config.app_data(PayloadConfig::new(extract::MAX_BODY_BYTES));
    config.app_data(QueryConfig::default().error_handler(|error, _| extract::unreadable_query(&error).into()));
    endpoint::register(config, endpoints());
    config.route("/openapi.json", web::get().to(openapi::show));
    config.route("/docs", web::get().to(docs::page));
    config.route("/docs/{file}", web::get().to(docs::part));
    config.default_service(web::to(|| std::future::ready(nothing())));
}

/// The answer at an address that is none.
#[must_use]
pub fn nothing() -> actix_web::HttpResponse {
    problem::response(&Code::NotFound.into())
}
