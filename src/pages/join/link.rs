//! The link beside a code: opening it shows a button, and only pressing that proves the contact, since mail scanners open links, too.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;

use super::{Pages, Visit};
use crate::cards::card_link;
use crate::error::{Code, Problem};
use crate::ledger::{CardState, CodeTried, Member, Principal, Proof, Verify};
use crate::pages::card::done;
use crate::pages::errors::Failure;
use crate::pages::forms::Sent;
use crate::pages::page::Page;
use crate::programme::Programme;

#[derive(Template)]
#[template(path = "verify/link.html")]
struct LinkPage<'a> {
    page: &'a Page,
    programme: String,
    action: String,
}

#[derive(Deserialize)]
struct Nothing {}

/// Whose link it is.
struct Opened {
    member: Member,
    card: CardState,
    programme: std::sync::Arc<Programme>,
    proof: Proof,
}

impl Opened {
    fn page(&self, visit: &Visit) -> Page {
        visit.page(visit.pages.brand(&self.programme.template), visit.language(Some(&self.member.language)))
    }
}

async fn open(visit: &Visit) -> Result<Opened, Failure> {
    visit.admit().await?;
    let core = &visit.pages.core;
    let key = visit.request.match_info().get("key").unwrap_or_default();
    let Some(((org, member), proof)) = core.read_contact_link(key) else {
        return Err(visit.fruitless().await.err().unwrap_or(Failure::NotFound));
    };
    let member = core.db.member(org, member).await?.filter(|member| member.active).ok_or(Failure::NotFound)?;
    let mut cards = core.db.cards_of(org, member.id).await?;
    cards.retain(|card| card.card.active);
    cards.sort_by_key(|card| card.card.verified);
    let card = cards.into_iter().next().ok_or(Failure::NotFound)?;
    let programme = core.programme(org, card.card.programme).await?;
    Ok(Opened { member, card, programme, proof })
}

/// Shows the button.
pub async fn show(request: HttpRequest, pages: Data<Pages>) -> HttpResponse {
    let visit = Visit::of(&request, pages);
    let shown = open(&visit).await.and_then(|opened| {
        if opened.card.card.verified {
            return Err(Failure::LinkOver);
        }
        let page = opened.page(&visit);
        let programme = page.localised(&opened.programme.name);
        let template = LinkPage { programme, action: page.path.clone(), page: &page };
        Ok(visit.html(StatusCode::OK, &template))
    });
    visit.answer(shown)
}

/// Proves the contact, and opens the card.
pub async fn confirm(request: HttpRequest, pages: Data<Pages>, body: Bytes) -> HttpResponse {
    let visit = Visit::of(&request, pages);
    let answer = async {
        let Opened { member, card, proof, .. } = open(&visit).await?;
        let Sent { op, .. } = Sent::<Nothing>::read(&visit, &body)?;
        let core = &visit.pages.core;
        let asked = visit.asked_for((member.org, Principal::Member(member.id)), &op, &[b"link"])?;
        let tried: CodeTried = done(&core.prove_contact(&asked, Verify { member: member.id, proof, claim: None }).await?)?;
        if !tried.verified {
            return Err(Failure::LinkOver);
        }
        let pass = core.db.pass(card.card.pass).await?.ok_or_else(|| Problem::from(Code::Internal))?;
        Ok(visit.see_other(&format!("/c/{}?done=confirmed", card_link(&core.keyring, &pass)?)))
    };
    let answer = answer.await;
    visit.answer(answer)
}
