//! Joining: from a poster's code to a card in two screens, or three where a contact is to be proven, without a script. What the programme's document asks for is asked for, nothing else.

mod claim;
mod contact;
mod form;
mod link;
mod poster;

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::address::at;
use super::card::{done, earning_sentences, own_key};
use super::errors::Failure;
use super::forms::Sent;
use super::page::Page;
use super::verification::{Addressee, Sending};
use super::{Pages, Visit};
use crate::cards::{Asked, Joining, Person, card_link};
use crate::error::{Code, Problem};
use crate::ids::{MemberId, OrgId, ProgrammeId};
use crate::ledger::{DocumentKind, Enrolled, Fingerprint, OpKey, Principal};
use crate::passes::Variant;
use crate::programme::{Programme, Status};

pub(super) use form::typed_contact;
use form::{Asking, Filled};

/// Rewards that the first screen names: enough to want one.
const SHOWN_REWARDS: usize = 3;

/// Every address of joining.
pub fn routes(config: &mut ServiceConfig) {
    at("/join/{programme}").get(show).post(join).mount(config);
    at("/join/{programme}/known").get(known).mount(config);
    at("/join/{programme}/code").get(claim::show).post(claim::attempt).mount(config);
    at("/join/{programme}/code/again").get(claim::show).post(claim::again).mount(config);
    at("/v/{key}").get(link::show).post(link::confirm).mount(config);
    at("/join/{programme}/poster").get(poster::show).mount(config);
    at("/join/{programme}/qr.svg").get(poster::svg).mount(config);
    at("/join/{programme}/qr.png").get(poster::png).mount(config);
}

/// A programme that people can join, and the tag that they came with.
pub struct Door {
    /// The organisation.
    pub org: OrgId,
    /// The programme's id.
    pub id: ProgrammeId,
    /// The programme.
    pub programme: Arc<Programme>,
    /// The tag of the poster or page that they came from.
    pub tag: Option<String>,
}

impl Door {
    /// The page for whoever comes here.
    #[must_use]
    pub fn page(&self, visit: &Visit) -> Page {
        visit.page(visit.pages.brand(&self.programme.template), visit.language(None))
    }

    /// The address of the page, without the host; with the tag, if there is one that the programme knows.
    #[must_use]
    pub fn address(&self) -> String {
        let channel = self.programme.join.channel(self.tag.as_deref());
        if self.tag.as_deref() == Some(channel) {
            format!("/join/{}?channel={channel}", self.id)
        } else {
            format!("/join/{}", self.id)
        }
    }
}

#[derive(Template)]
#[template(path = "join/join.html")]
struct JoinPage<'a> {
    page: &'a Page,
    action: String,
    programme: String,
    strip: Option<String>,
    earning: Vec<String>,
    rewards: Vec<(String, i64)>,
    terms: String,
    asking: Asking,
}

#[derive(Template)]
#[template(path = "join/known.html")]
struct KnownPage<'a> {
    page: &'a Page,
    programme: String,
    again: String,
    sends: Sends,
}

/// Whether a link was on its way to the contact.
#[derive(PartialEq, Eq)]
enum Sends {
    Yes,
    No,
}

async fn enter(request: &HttpRequest, pages: Data<Pages>) -> (Visit, Result<Door, Failure>) {
    let visit = Visit::of(request, pages);
    let door = match visit.admit().await {
        Ok(()) => find(&visit).await,
        Err(failure) => Err(failure),
    };
    (visit, door)
}

async fn find(visit: &Visit) -> Result<Door, Failure> {
    let text = visit.request.match_info().get("programme").unwrap_or_default();
    let id: ProgrammeId = text.parse().map_err(|_| Failure::NotFound)?;
    let document = visit.pages.core.db.document_by_id(DocumentKind::Programme, id.0).await?.ok_or(Failure::NotFound)?;
    let programme = visit.pages.core.programme(document.key.org, id).await?;
    if programme.status == Status::Disabled || programme.join.status == Status::Disabled {
        return Err(Failure::JoinClosed);
    }
    Ok(Door { org: document.key.org, id, programme, tag: visit.query("channel") })
}

async fn with_door(
    (visit, door): (Visit, Result<Door, Failure>),
    handle: impl AsyncFnOnce(&Visit, &Door) -> Result<HttpResponse, Failure>,
) -> HttpResponse {
    match door {
        Ok(door) => visit.answer(handle(&visit, &door).await),
        Err(failure) => visit.failed(&failure),
    }
}

/// Shows the first screen.
pub async fn show(request: HttpRequest, pages: Data<Pages>) -> HttpResponse {
    with_door(enter(&request, pages).await, async |visit, door| {
        let page = door.page(visit);
        let asking = Asking::empty(&visit.provable(&door.programme.join)?, &page);
        Ok(screen(visit, (door, &page), (StatusCode::OK, asking)))
    })
    .await
}

fn screen(visit: &Visit, (door, page): (&Door, &Page), (status, asking): (StatusCode, Asking)) -> HttpResponse {
    let programme = &door.programme;
    let mut rewards: Vec<_> = programme.rewards.iter().filter(|reward| reward.status == Status::Active).collect();
    rewards.sort_by_key(|reward| reward.points);
    let template = JoinPage {
        page,
        action: door.address(),
        programme: page.localised(&programme.name),
        strip: page.brand.strip(Variant { right_to_left: false, ..Variant::default() }),
        earning: earning_sentences(programme, page),
        rewards: rewards.iter().take(SHOWN_REWARDS).map(|reward| (page.localised(&reward.name), reward.points)).collect(),
        terms: page.localised(&programme.terms),
        asking,
    };
    visit.html(status, &template)
}

/// Makes the card and leads to it.
pub async fn join(request: HttpRequest, pages: Data<Pages>, body: Bytes) -> HttpResponse {
    with_door(enter(&request, pages).await, async |visit, door| {
        let sent = Sent::<Vec<(String, String)>>::read(visit, &body)?;
        let page = door.page(visit);
        let join = visit.provable(&door.programme.join)?;
        let filled = Filled::read(&sent.fields, &join);
        let person = match filled.person(&join, (&page, visit.now)) {
            Ok(person) => person,
            Err(asking) => return Ok(screen(visit, (door, &page), (StatusCode::UNPROCESSABLE_ENTITY, *asking))),
        };
        visit.joins().await?;
        let channel = door.programme.join.channel(door.tag.as_deref()).to_owned();
        let person = person.brought_by(channel.clone()).unvouched();
        let core = &visit.pages.core;
        let parts =
            [b"page join", &door.id.0[..], sent.op.as_str().as_bytes(), filled.contact.as_bytes(), filled.name.as_bytes()];
        let fingerprint = core.keyring.fingerprint(door.org, &parts);
        let key = own_key(&fingerprint)?;
        let asked = Asked { org: door.org, principal: Principal::System, key, fingerprint: Fingerprint(fingerprint) };
        let answer = core.enrol(&asked, &Joining::Person(person.clone()), door.id).await?;
        match done::<Enrolled>(&answer) {
            Ok(enrolled) => {
                if !answer.replayed {
                    metrics::counter!("walaa_joins_total", "programme" => door.id.to_string(), "channel" => channel).increment(1);
                }
                let pass = core.db.pass(enrolled.card.pass).await?.ok_or_else(|| Problem::from(Code::Internal))?;
                let card = format!("/c/{}", card_link(&core.keyring, &pass)?);
                if enrolled.card.pending.is_none() {
                    return Ok(visit.see_other(&format!("{card}?done=joined")));
                }
                let sending = send_first_code(visit, (door, &page), (&person, enrolled.member, &sent.op)).await?;
                Ok(visit.see_other(&format!(
                    "{card}/verify?{}",
                    if sending == Sending::Sent { "done=joined" } else { sending.query() }
                )))
            }
            Err(problem) if problem.code == Code::AlreadyMember => {
                known_contact(visit, door, (&person, &problem, &sent.op)).await
            }
            Err(problem) if problem.code == Code::ProgrammeDisabled => Err(Failure::JoinClosed),
            Err(problem) => Err(problem.into()),
        }
    })
    .await
}

/// Sends the code for a card that was just made; the page that asks for it is the card's own.
async fn send_first_code(
    visit: &Visit,
    (door, page): (&Door, &Page),
    (person, member, op): (&Person, MemberId, &OpKey),
) -> Result<Sending, Failure> {
    let Some(to) = visit.recipient(&person.profile) else { return Ok(Sending::Failed) };
    let asked = visit.asked_for((door.org, Principal::Member(member)), op, &[b"first", &member.0])?;
    let brand = page.localised(&door.programme.name);
    let to = Addressee { owner: (door.org, member), to, language: page.language.code.to_owned(), brand };
    visit.send_code(&asked, to, false).await
}

/// The contact is known: proven by its owner, who is sent the way to the card; or only typed by somebody, and then whoever proves it gets the card.
async fn known_contact(
    visit: &Visit,
    door: &Door,
    (person, problem, op): (&Person, &Problem, &OpKey),
) -> Result<HttpResponse, Failure> {
    let member = problem.facts.get("member").and_then(|value| value.as_str()).and_then(|text| text.parse::<MemberId>().ok());
    if let Some(id) = member
        && let Some(member) = visit.pages.core.db.member(door.org, id).await?
    {
        if claim::waiting_card(visit, door, id).await?.is_some() {
            return claim::begin(visit, door, (person, id, op)).await;
        }
        claim::send_link(visit, door, &member).await?;
    }
    Ok(visit.see_other(&format!("/join/{}/known", door.id)))
}

/// Says that whoever asked is a member already, and nothing about the card.
pub async fn known(request: HttpRequest, pages: Data<Pages>) -> HttpResponse {
    with_door(enter(&request, pages).await, async |visit, door| {
        let page = door.page(visit);
        let sends = if visit.pages.messenger.is_some() { Sends::Yes } else { Sends::No };
        let programme = page.localised(&door.programme.name);
        let template = KnownPage { programme, again: door.address(), sends, page: &page };
        Ok(visit.html(StatusCode::OK, &template))
    })
    .await
}
