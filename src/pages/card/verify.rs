//! Proving the contact of a card that one has: the code, a new one, another contact.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

use super::{Holder, Pages, Visit, done, enter, with_holder};
use crate::cards::{Person, Profile};
use crate::error::Code;
use crate::ledger::{CodeTried, MemberChanged, Principal, Proof, Verify};
use crate::pages::errors::Failure;
use crate::pages::forms::Sent;
use crate::pages::join::typed_contact;
use crate::pages::page::Page;
use crate::pages::verification::{self, Addressee, CodePage, Sending, masked, typed_code};
use crate::programme::JoinIdentity;

#[derive(Deserialize)]
struct Typed {
    #[serde(default)]
    code: String,
}

#[derive(Deserialize)]
struct NewContact {
    #[serde(default)]
    contact: String,
}

#[derive(Deserialize)]
struct Nothing {}

impl Holder {
    fn addressee(&self, visit: &Visit, page: &Page, profile: &Profile) -> Option<Addressee> {
        Some(Addressee {
            owner: (self.member.org, self.member.id),
            to: visit.recipient(profile)?,
            language: page.language.code.to_owned(),
            brand: page.localised(&self.programme().name),
        })
    }
}

/// Asks for the code.
pub async fn show(request: HttpRequest, pages: Data<Pages>) -> HttpResponse {
    with_holder(enter(&request, pages).await, async |visit, holder| {
        if holder.card.card.verified {
            return Ok(visit.see_other(&holder.base()));
        }
        let page = holder.page(visit);
        let profile = visit.pages.core.profile(&holder.member)?;
        let template = CodePage {
            programme: page.localised(&holder.programme().name),
            contact: profile.email.or(profile.phone).map(|contact| masked(&contact)).unwrap_or_default(),
            action: format!("{}/verify", holder.base()),
            claim: None,
            card: Some(holder.base()),
            start: String::new(),
            notice: verification::notice(visit, &page),
            trouble: verification::trouble(visit, &page),
            page: &page,
        };
        Ok(visit.ask_for_code(StatusCode::OK, &template))
    })
    .await
}

/// Tries a code.
pub async fn attempt(request: HttpRequest, pages: Data<Pages>, body: Bytes) -> HttpResponse {
    with_holder(enter(&request, pages).await, async |visit, holder| {
        let Sent { fields, op } = Sent::<Typed>::read(visit, &body)?;
        let core = &visit.pages.core;
        let (org, member, code) = (holder.member.org, holder.member.id, typed_code(&fields.code));
        let asked = visit.asked_for((org, Principal::Member(member)), &op, &[b"code", code.as_bytes()])?;
        let proof = Proof::Code(core.contact_code_hash((org, member), &code));
        let tried: CodeTried = done(&core.prove_contact(&asked, Verify { member, proof, claim: None }).await?)?;
        if tried.verified || holder.card.card.verified {
            return Ok(visit.see_other(&format!("{}?done=confirmed", holder.base())));
        }
        visit.fruitless().await?;
        let problem = if tried.tries_left > 0 { "code" } else { "over" };
        Ok(visit.see_other(&format!("{}/verify?problem={problem}", holder.base())))
    })
    .await
}

/// Sends a new code.
pub async fn again(request: HttpRequest, pages: Data<Pages>, body: Bytes) -> HttpResponse {
    with_holder(enter(&request, pages).await, async |visit, holder| {
        let Sent { op, .. } = Sent::<Nothing>::read(visit, &body)?;
        visit.joins().await?;
        let profile = visit.pages.core.profile(&holder.member)?;
        let sending = send(visit, holder, (&profile, &op)).await?;
        Ok(visit.see_other(&format!("{}/verify?{}", holder.base(), sending.query())))
    })
    .await
}

/// Takes another contact instead of the one that was mistyped, and sends a code there.
pub async fn change(request: HttpRequest, pages: Data<Pages>, body: Bytes) -> HttpResponse {
    with_holder(enter(&request, pages).await, async |visit, holder| {
        let Sent { fields, op } = Sent::<NewContact>::read(visit, &body)?;
        let back = |query: &str| Ok(visit.see_other(&format!("{}/verify?{query}", holder.base())));
        visit.joins().await?;
        let page = holder.page(visit);
        let join = visit.provable(&holder.programme().join)?;
        let typed = typed_contact(fields.contact.trim(), &join);
        let fits = match join.identity {
            JoinIdentity::Phone => typed.phone.is_some(),
            JoinIdentity::Email => typed.email.is_some(),
            JoinIdentity::Either | JoinIdentity::None => true,
        };
        let Some(person) = Person::parse(typed, Some(page.language.code)).ok().filter(|_| fits) else {
            return back("problem=contact");
        };
        let core = &visit.pages.core;
        let asked = holder.asked(visit, &op, ("contact", &fields.contact))?;
        match done::<MemberChanged>(&core.change_contact(&asked, &holder.member, &person).await?) {
            Ok(_) => {}
            Err(problem) if problem.code == Code::AlreadyMember => return back("problem=used"),
            Err(problem) if problem.code == Code::VersionConflict => return back("problem=other"),
            Err(problem) => return Err(problem.into()),
        }
        match send(visit, holder, (&person.profile, &op)).await? {
            Sending::Sent => back("done=contact"),
            sending => back(sending.query()),
        }
    })
    .await
}

/// Sends a code to a contact of this card's member.
async fn send(visit: &Visit, holder: &Holder, (profile, op): (&Profile, &crate::ledger::OpKey)) -> Result<Sending, Failure> {
    let page = holder.page(visit);
    let Some(to) = holder.addressee(visit, &page, profile) else { return Ok(Sending::Failed) };
    let principal = Principal::Member(holder.member.id);
    let asked = visit.asked_for((holder.member.org, principal), op, &[b"send", to.to.contact.as_bytes()])?;
    visit.send_code(&asked, to, false).await
}
