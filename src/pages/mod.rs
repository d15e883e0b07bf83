//! The pages that people see: the card, joining, errors; what every page shares (language, look, headers, forms) is here, too.
//!
//! Handlers fill the templates in `web/pages`; texts stand in `locales/*.ftl`. Nothing here knows the API in `http`: what both need, such as
//! the client's address, is passed in by `app`. What a member does is a command of the ledger under the member's own principal.

pub mod brand;
pub mod figures;
pub mod language;
pub mod page;
pub mod qr;
pub mod texts;

pub mod address;
pub mod assets;
pub mod forms;
pub mod framing;
pub mod headers;
pub mod live;
pub mod visit;

pub mod card;
pub mod errors;
pub mod join;
pub mod robots;
pub mod scan;
pub mod verification;

use std::net::IpAddr;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::web::{Data, ServiceConfig};

use crate::apple::account::Apple;
use crate::cards::{Core, Templates, ViewBuilder};
use crate::gate::RateRule;
use crate::messages::Messenger;
use crate::tokens::Environment;

use address::at;
pub use framing::{Framing, FramingOrigin};
pub use live::Live;
pub use visit::Visit;

/// How the address of the one who asks is found.
pub type ClientAddress = Arc<dyn Fn(&HttpRequest) -> IpAddr + Send + Sync>;

/// What is called after a page has written a document.
pub type Changed = Arc<dyn Fn() + Send + Sync>;

/// How much one address may ask of the pages.
#[derive(Debug, Clone, Copy)]
pub struct PageLimits {
    /// Pages, of whatever kind.
    pub pages: RateRule,
    /// Addresses of cards that are none: somebody tries.
    pub fruitless: RateRule,
    /// Cards made by joining. A shop's guests may share one address.
    pub joins: RateRule,
}

/// What the pages work with.
pub struct Pages {
    /// The gateway's working parts.
    pub core: Core,
    /// What passes show, which cards on pages show, too.
    pub views: ViewBuilder,
    /// The templates, for colours and pictures.
    pub templates: Arc<Templates>,
    /// The Apple accounts: whether there is a pass to add.
    pub apple: Arc<Apple>,
    /// Mail or short messages, where they are set up.
    pub messenger: Option<Arc<dyn Messenger>>,
    /// Open pages that want to hear of changes.
    pub live: Arc<Live>,
    /// Who asks.
    pub client_address: ClientAddress,
    /// Tells other parts that a till or a member of the staff changed, so that they look anew.
    pub changed: Changed,
    /// Whether tills' keys are of the live or of the test kind.
    pub environment: Environment,
    /// How much.
    pub limits: PageLimits,
    /// Who may show them within pages of theirs.
    pub framing: Framing,
}

/// Mounts the pages.
pub fn configure(pages: Data<Pages>) -> impl FnOnce(&mut ServiceConfig) {
    move |config| {
        config.app_data(pages);
        at("/robots.txt").get(robots::show).mount(config);
        at("/assets/{version}/{file:.*}").get(assets::show).mount(config);
        at("/brand/{template}/{version}/{file}").get(brand::look).mount(config);
        card::routes(config);
        join::routes(config);
        scan::routes(config);
    }
}
