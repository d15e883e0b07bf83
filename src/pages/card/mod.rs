//! The card's page, behind an unguessable, revocable address: whoever has the address has the card. What is done here is done by the member.

mod code;
mod consents;
mod history;
mod installed;
mod lost;
mod privacy;
mod rewards;
mod show;
mod verify;
mod vouchers;
mod wallets;

use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use chrono_tz::Tz;
use serde::Serialize;

use super::address::at;
use super::errors::Failure;
use super::page::Page;
use super::{Pages, Visit};
use crate::cards::{Asked, Viewed, pass_of_link};
use crate::error::{Code, Problem};
use crate::ids::encode;
use crate::ledger::{Answer, CardState, Fingerprint, Member, OpKey, Pass, PassKind, PassState, Principal};
use crate::programme::Programme;
use crate::tokens::LinkKind;

pub use show::earning_sentences;

/// Every address of a card. The fixed ones stand before those with a key.
pub fn routes(config: &mut ServiceConfig) {
    at("/c/card-worker.js").get(installed::worker).mount(config);
    at("/c/closed").get(privacy::closed).mount(config);
    at("/c/{key}").get(show::show).mount(config);
    at("/c/{key}/live").stream(installed::live).mount(config);
    at("/c/{key}/offline").get(installed::offline).mount(config);
    at("/c/{key}/manifest.webmanifest").get(installed::manifest).mount(config);
    at("/c/{key}/history").get(history::show).mount(config);
    at("/c/{key}/vouchers").post(vouchers::issue).mount(config);
    at("/c/{key}/vouchers/{voucher}").get(vouchers::show).mount(config);
    at("/c/{key}/vouchers/{voucher}/cancellation").post(vouchers::cancel).mount(config);
    at("/c/{key}/privacy").get(privacy::show).mount(config);
    at("/c/{key}/consents").post(consents::answer).mount(config);
    at("/c/{key}/verify").get(verify::show).post(verify::attempt).mount(config);
    at("/c/{key}/verify/again").post(verify::again).mount(config);
    at("/c/{key}/verify/contact").post(verify::change).mount(config);
    at("/c/{key}/export.json").get(privacy::export).mount(config);
    at("/c/{key}/erasure").post(privacy::erase).mount(config);
    at("/c/{key}/lost").get(lost::show).post(lost::reissue).mount(config);
}

/// Whoever has the address of a card, and the card.
pub struct Holder {
    /// The key in the address.
    pub key: String,
    /// The card's current pass.
    pub pass: Pass,
    /// What it shows.
    pub viewed: Viewed,
    /// The card with its lots.
    pub card: CardState,
    /// Whose it is.
    pub member: Member,
}

impl Holder {
    /// The address of the card's page, without the host.
    #[must_use]
    pub fn base(&self) -> String {
        format!("/c/{}", self.key)
    }

    /// The programme.
    #[must_use]
    pub fn programme(&self) -> &Programme {
        &self.viewed.programme
    }

    /// The time zone of its days.
    #[must_use]
    pub fn zone(&self) -> Tz {
        self.viewed.programme.zone()
    }

    /// Points that can be spent today.
    #[must_use]
    pub fn points(&self) -> i64 {
        self.viewed.view.points.0
    }

    /// The operation under which the member asks for something. The forms of one page share a key: what is asked makes it the form's own.
    ///
    /// # Errors
    /// `internal`, which can't be: a key is made of letters.
    pub fn asked(&self, visit: &Visit, shown: &OpKey, (kind, request): (&str, &impl Serialize)) -> Result<Asked, Problem> {
        let request = serde_json::to_vec(request).unwrap_or_default();
        let org = self.card.card.org;
        let parts = [b"page", kind.as_bytes(), shown.as_str().as_bytes(), &request];
        let fingerprint = visit.pages.core.keyring.fingerprint(org, &parts);
        let key = own_key(&fingerprint)?;
        Ok(Asked { org, principal: Principal::Member(self.member.id), key, fingerprint: Fingerprint(fingerprint) })
    }

    /// The page that this holder reads.
    #[must_use]
    pub fn page(&self, visit: &Visit) -> Page {
        visit.page(visit.pages.brand(&self.programme().template), visit.language(Some(&self.member.language)))
    }
}

/// The operation key for what a form asks, which a second press asks alike.
pub(super) fn own_key(fingerprint: &[u8; 32]) -> Result<OpKey, Problem> {
    let letters = encode(&std::array::from_fn(|place| fingerprint[place]));
    OpKey::parse(&format!("page-{letters}")).ok_or_else(|| Code::Internal.into())
}

/// Reads what the ledger did; a refusal is a problem.
pub(super) fn done<T: serde::de::DeserializeOwned>(answer: &Answer) -> Result<T, Problem> {
    let bytes = answer.result.as_ref().map_err(Problem::clone)?;
    serde_json::from_slice(bytes).map_err(|_| Problem::from(Code::Internal))
}

/// Lets whoever has the address of a card in. Whoever tries addresses is slowed down.
async fn enter(request: &HttpRequest, pages: Data<Pages>) -> (Visit, Result<Holder, Failure>) {
    let visit = Visit::of(request, pages);
    let key = request.match_info().get("key").unwrap_or_default().to_owned();
    let holder = match visit.admit().await {
        Ok(()) => open(&visit.pages, &key).await,
        Err(failure) => Err(failure),
    };
    let holder = match holder {
        Err(Failure::NotFound) => Err(visit.fruitless().await.err().unwrap_or(Failure::NotFound)),
        other => other,
    };
    (visit, holder)
}

async fn open(pages: &Pages, key: &str) -> Result<Holder, Failure> {
    let core = &pages.core;
    let (id, opens) = pass_of_link(key).ok_or(Failure::NotFound)?;
    let pass = core.db.pass(id).await?.filter(|pass| pass.kind == PassKind::Card).ok_or(Failure::NotFound)?;
    if !opens(&core.keyring, &pass, LinkKind::CardPage) {
        return Err(Failure::NotFound);
    }
    let card = core.card(pass.org, pass.card).await?;
    if pass.state == PassState::Voided {
        return Err(if card.card.active { Failure::Replaced } else { Failure::Closed });
    }
    let member = core.db.member(pass.org, card.card.member).await?.ok_or(Failure::NotFound)?;
    let viewed = pages.views.view(&pass).await.map_err(|error| {
        tracing::error!(%error, "a card's page could not be shown");
        Problem::from(Code::Internal)
    })?;
    Ok(Holder { key: key.to_owned(), pass, viewed, card, member })
}

/// The answer of a handler that shows something of a card.
async fn with_holder(
    (visit, holder): (Visit, Result<Holder, Failure>),
    handle: impl AsyncFnOnce(&Visit, &Holder) -> Result<HttpResponse, Failure>,
) -> HttpResponse {
    match holder {
        Ok(holder) => visit.answer(handle(&visit, &holder).await),
        Err(failure) => visit.failed(&failure),
    }
}
