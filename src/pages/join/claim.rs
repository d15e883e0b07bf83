//! Somebody joins with a contact that another typed before and never proved. Nothing is shown of that card; whoever proves the contact gets
//! it, with what they told themselves, and the way that the other had to it ends.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

use super::{Door, Pages, Visit, enter, with_door};
use crate::cards::{Joining, Person, Told, card_link};
use crate::error::{Code, Problem};
use crate::ids::MemberId;
use crate::ledger::{CardState, CodeTried, Enrolled, Member, OpKey, Principal, Proof, Verify};
use crate::pages::card::done;
use crate::pages::errors::Failure;
use crate::pages::forms::Sent;
use crate::pages::verification::{Addressee, CodePage, Sending, masked, typed_code};

#[derive(Deserialize)]
struct Typed {
    #[serde(default)]
    code: String,
    #[serde(default)]
    claim: String,
}

/// What is said above the form.
enum Said {
    Sent(Sending),
    Wrong,
    Over,
}

/// The card of a member that waits for its contact's proof: that of this programme first.
pub(super) async fn waiting_card(visit: &Visit, door: &Door, member: MemberId) -> Result<Option<CardState>, Failure> {
    let mut cards = visit.pages.core.db.cards_of(door.org, member).await?;
    cards.retain(|card| card.card.active && !card.card.verified);
    cards.sort_by_key(|card| card.card.programme != door.id);
    Ok(cards.into_iter().next())
}

/// Sends a code to the contact, and asks for it.
pub(super) async fn begin(
    visit: &Visit,
    door: &Door,
    (person, member, op): (&Person, MemberId, &OpKey),
) -> Result<HttpResponse, Failure> {
    let claim = Told::seal(&visit.pages.core, person, (door.org, member))?;
    let sending = send(visit, door, (&claim, op)).await?;
    screen(visit, door, (&claim, Said::Sent(sending)))
}

async fn send(visit: &Visit, door: &Door, (claim, op): (&str, &OpKey)) -> Result<Sending, Failure> {
    let (told, profile) = read(visit, door, claim)?;
    let page = door.page(visit);
    let Some(to) = visit.recipient(&profile) else { return Ok(Sending::Failed) };
    let asked = visit.asked_for((door.org, Principal::System), op, &[b"claim", &told.member.0])?;
    let to = Addressee {
        owner: (door.org, told.member),
        to,
        language: page.language.code.to_owned(),
        brand: page.localised(&door.programme.name),
    };
    visit.send_code(&asked, to, true).await
}

fn read(visit: &Visit, door: &Door, claim: &str) -> Result<(Told, crate::cards::Profile), Failure> {
    let told = Told::read(claim).ok_or(Failure::Unreadable)?;
    let profile = told.open(&visit.pages.core, door.org).map_err(|_| Failure::Unreadable)?;
    Ok((told, profile))
}

fn screen(visit: &Visit, door: &Door, (claim, said): (&str, Said)) -> Result<HttpResponse, Failure> {
    let page = door.page(visit);
    let (_, profile) = read(visit, door, claim)?;
    let (status, notice, trouble) = match said {
        Said::Sent(Sending::Sent) => (StatusCode::OK, Some("verify-sent"), None),
        Said::Sent(Sending::Wait) => (StatusCode::OK, None, Some("verify-wait")),
        Said::Sent(Sending::Failed) => (StatusCode::OK, None, Some("verify-unsent")),
        Said::Wrong => (StatusCode::UNPROCESSABLE_ENTITY, None, Some("verify-wrong")),
        Said::Over => (StatusCode::UNPROCESSABLE_ENTITY, None, Some("verify-over")),
    };
    let template = CodePage {
        programme: page.localised(&door.programme.name),
        contact: profile.email.or(profile.phone).map(|contact| masked(&contact)).unwrap_or_default(),
        action: format!("/join/{}/code", door.id),
        claim: Some(claim.to_owned()),
        card: None,
        start: door.address(),
        notice: notice.map(|key| page.text(key)),
        trouble: trouble.map(|key| page.text(key)),
        page: &page,
    };
    Ok(visit.ask_for_code(status, &template))
}

/// Leads whoever loads the address again back to the door: the form's contents are gone.
pub async fn show(request: HttpRequest, pages: Data<Pages>) -> HttpResponse {
    with_door(enter(&request, pages).await, async |visit, door| Ok(visit.see_other(&door.address()))).await
}

/// Sends a new code.
pub async fn again(request: HttpRequest, pages: Data<Pages>, body: Bytes) -> HttpResponse {
    with_door(enter(&request, pages).await, async |visit, door| {
        let Sent { fields, op } = Sent::<Typed>::read(visit, &body)?;
        visit.joins().await?;
        let sending = send(visit, door, (&fields.claim, &op)).await?;
        screen(visit, door, (&fields.claim, Said::Sent(sending)))
    })
    .await
}

/// Tries a code; the right one opens the card.
pub async fn attempt(request: HttpRequest, pages: Data<Pages>, body: Bytes) -> HttpResponse {
    with_door(enter(&request, pages).await, async |visit, door| {
        let Sent { fields, op } = Sent::<Typed>::read(visit, &body)?;
        let core = &visit.pages.core;
        let (told, _) = read(visit, door, &fields.claim)?;
        let (member, code) = (told.member, typed_code(&fields.code));
        let asked = visit.asked_for((door.org, Principal::System), &op, &[b"claimed", &member.0, code.as_bytes()])?;
        let tried = match core.earlier(&asked).await? {
            Some(earlier) => done::<CodeTried>(&earlier)?,
            None => {
                let Some(card) = waiting_card(visit, door, member).await? else {
                    return screen(visit, door, (&fields.claim, Said::Over));
                };
                let row = core.db.member(door.org, member).await?.ok_or(Failure::NotFound)?;
                let claim = core.claim(&told, (&row, &card), door.page(visit).language.code)?;
                let proof = Proof::Code(core.contact_code_hash((door.org, member), &code));
                done(&core.prove_contact(&asked, Verify { member, proof, claim: Some(claim) }).await?)?
            }
        };
        if tried.verified {
            return open_card(visit, door, (member, &op)).await;
        }
        visit.fruitless().await?;
        screen(visit, door, (&fields.claim, if tried.tries_left > 0 { Said::Wrong } else { Said::Over }))
    })
    .await
}

/// Leads to the member's card in this programme, which is made when the proven one is in another.
async fn open_card(visit: &Visit, door: &Door, (member, op): (MemberId, &OpKey)) -> Result<HttpResponse, Failure> {
    let core = &visit.pages.core;
    let cards = core.db.cards_of(door.org, member).await?;
    let pass = match cards.iter().find(|card| card.card.programme == door.id && card.card.active) {
        Some(card) => card.card.pass,
        None => {
            let asked = visit.asked_for((door.org, Principal::System), op, &[b"card", &member.0, &door.id.0])?;
            done::<Enrolled>(&core.enrol(&asked, &Joining::Member(member), door.id).await?)?.card.pass
        }
    };
    let pass = core.db.pass(pass).await?.ok_or_else(|| Problem::from(Code::Internal))?;
    Ok(visit.see_other(&format!("/c/{}?done=confirmed", card_link(&core.keyring, &pass)?)))
}

/// Sends a known member the way to the card. The one who asked hears nothing of it.
pub(super) async fn send_link(visit: &Visit, door: &Door, member: &Member) -> Result<(), Failure> {
    let core = &visit.pages.core;
    let cards = core.db.cards_of(door.org, member.id).await?;
    let Some(card) = cards.iter().find(|card| card.card.programme == door.id && card.card.active) else { return Ok(()) };
    let Some(to) = visit.recipient(&core.profile(member)?) else { return Ok(()) };
    let link = core.links(&core.current_pass(card).await?)?.card_page;
    let brand = &door.programme.name;
    let brand = brand.get(&member.language).or_else(|| brand.get("en")).cloned().unwrap_or_default();
    let to = Addressee { owner: (door.org, member.id), to, language: member.language.clone(), brand };
    visit.send_card_link(to, link).await
}
