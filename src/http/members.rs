//! Members: join, list, get, another card, export, erase.

use actix_web::web::Query;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cards::{CardView, ConsentAnswer, Joining, MemberView, Person, Profile};
use crate::db::Page;
use crate::error::{Code, Problem};
use crate::http::auth::Authenticated;
use crate::http::extract::{Body, Id, IdempotencyKey};
use crate::http::problem::Handled;
use crate::http::{State, answer};
use crate::ids::{MemberId, ProgrammeId};
use crate::ledger::{self, Enrolled};
use crate::programme::Scope;

/// Who joins which programme.
#[derive(Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMember {
    /// The programme; may be left out when there is only one.
    pub programme: Option<ProgrammeId>,
    /// The name on the card, 1 to 80 characters.
    pub name: Option<String>,
    /// A phone number in international form.
    #[schema(example = "+96550001234")]
    pub phone: Option<String>,
    /// A mail address.
    pub email: Option<String>,
    /// `en` or `ar`; `en` when left out.
    pub language: Option<String>,
}

/// Which further programme a member joins.
#[derive(Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCard {
    /// The programme.
    pub programme: ProgrammeId,
}

/// Which members to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    /// Where the last page ended.
    cursor: Option<MemberId>,
    /// How many, 1 to 200; 50 when left out.
    limit: Option<usize>,
    /// Only the member with this phone number.
    phone: Option<String>,
    /// Only the member with this mail address.
    email: Option<String>,
}

/// Joins a programme: a member (unless the contact is known), a card, and its pass.
#[utoipa::path(post, path = "/v1/members", tag = "members", request_body = NewMember,
    responses((status = 201, description = "The member, the card and its links", body = Value)))]
pub async fn create(state: State, caller: Authenticated, key: IdempotencyKey, body: Body<NewMember>) -> Handled {
    caller.0.need(Scope::MembersWrite)?;
    let asked = state.core.asked(&caller.0, key.0, ("POST /v1/members", &body.0));
    let NewMember { programme, name, phone, email, language } = body.0;
    let person = Person::parse(Profile { name, phone, email, ..Profile::default() }, language.as_deref())?;
    let meant = state.core.meant_programme(caller.0.org, programme).await;
    let programme = match state.core.or_earlier(&asked, meant).await? {
        Ok(programme) => programme,
        Err(earlier) => return add_links(&state, earlier, |member| joined(member, &person)).await,
    };
    caller.0.may_use(programme)?;
    let joining = Joining::Person(person.clone());
    let decided = state.core.enrol(&asked, &joining, programme).await?;
    add_links(&state, decided, |member| joined(member, &person)).await
}

/// The member as the answer shows it: what was asked, since no name is stored in an answer.
fn joined(member: MemberId, person: &Person) -> Value {
    json!({ "id": member, "name": person.profile.name, "language": person.language })
}

/// Gives a member a card in another programme.
#[utoipa::path(post, path = "/v1/members/{id}/cards", tag = "members", request_body = NewCard,
    responses((status = 201, description = "The card and its links", body = Value)))]
pub async fn add_card(
    state: State,
    caller: Authenticated,
    key: IdempotencyKey,
    id: Id<MemberId>,
    body: Body<NewCard>,
) -> Handled {
    caller.0.need(Scope::MembersWrite)?;
    caller.0.may_use(body.0.programme)?;
    let asked = state.core.asked(&caller.0, key.0, ("POST /v1/members/cards", &(id.0, &body.0)));
    state.core.db.member(caller.0.org, id.0).await?.ok_or_else(|| Problem::from(Code::NotFound))?;
    let decided = state.core.enrol(&asked, &Joining::Member(id.0), body.0.programme).await?;
    add_links(&state, decided, |member| json!({ "id": member })).await
}

async fn add_links(state: &State, decided: ledger::Answer, member: impl FnOnce(MemberId) -> Value) -> Handled {
    let enrolled: Option<Enrolled> = decided.result.as_ref().ok().and_then(|bytes| serde_json::from_slice(bytes).ok());
    let Some(enrolled) = enrolled else { return answer::stored(decided) };
    let pass = state.core.db.pass(enrolled.card.pass).await?.ok_or_else(|| Problem::from(Code::Internal))?;
    let links = state.core.links(&pass)?;
    answer::with::<Enrolled>(decided, |_, body| {
        body["member"] = member(enrolled.member);
        body["links"] = json!(links);
        Ok(())
    })
}

/// Members in the order in which they joined, or the one with a contact.
#[utoipa::path(get, path = "/v1/members", tag = "members", params(ListQuery),
    responses((status = 200, description = "A page of members", body = Value)))]
pub async fn list(state: State, caller: Authenticated, query: Query<ListQuery>) -> Handled {
    caller.0.need(Scope::MembersRead)?;
    if query.phone.is_some() || query.email.is_some() {
        return find(&state, &caller, &query).await;
    }
    let limit = query.limit.unwrap_or(50);
    crate::http::checks::between("limit", i64::try_from(limit).unwrap_or(i64::MAX), (1, 200))?;
    let after = query.cursor.map_or([0; 16], |id| id.0);
    let mut members = state.core.db.members(caller.0.org, Page { after, limit: limit + 1 }).await?;
    let goes_on = members.len() > limit;
    members.truncate(limit);
    let next = members.last().filter(|_| goes_on).map(|member| member.id);
    let mut views: Vec<MemberView> = Vec::with_capacity(members.len());
    for member in &members {
        if sees(&state, &caller, member.id).await? {
            views.push(state.core.member_view(member)?);
        }
    }
    answer::ok(&json!({ "data": views, "next": next }))
}

async fn find(state: &State, caller: &Authenticated, query: &ListQuery) -> Handled {
    let profile = Profile { phone: query.phone.clone(), email: query.email.clone(), ..Profile::default() };
    let person = Person::parse(profile, None)?;
    let mut found = Vec::new();
    for hash in person.hashes(caller.0.org, &state.core.keyring) {
        if let Some(id) = state.core.db.identity(caller.0.org, hash).await?
            && let Some(member) = state.core.db.member(caller.0.org, id).await?
            && sees(state, caller, id).await?
        {
            found.push(state.core.member_view(&member)?);
            break;
        }
    }
    answer::ok(&json!({ "data": found, "next": null }))
}

/// A member with all cards.
#[utoipa::path(get, path = "/v1/members/{id}", tag = "members",
    responses((status = 200, description = "The member and the cards", body = Value)))]
pub async fn get(state: State, caller: Authenticated, id: Id<MemberId>) -> Handled {
    caller.0.need(Scope::MembersRead)?;
    let (member, cards) = load(&state, &caller, id.0).await?;
    let mut body = json!(state.core.member_view(&member)?);
    body["cards"] = json!(cards);
    answer::ok(&body)
}

/// Whether a caller may know of a member: one that is bound to programmes knows those with a card in one of them.
async fn sees(state: &State, caller: &Authenticated, id: MemberId) -> Result<bool, Problem> {
    if caller.0.programmes.is_empty() {
        return Ok(true);
    }
    let cards = state.core.db.cards_of(caller.0.org, id).await?;
    Ok(cards.iter().any(|card| caller.0.may_use(card.card.programme).is_ok()))
}

/// What touches all of a member's programmes is not for a key that is bound to some.
fn whole_organisation(caller: &Authenticated) -> Result<(), Problem> {
    if caller.0.programmes.is_empty() { Ok(()) } else { Err(Code::WrongProgramme.into()) }
}

async fn load(state: &State, caller: &Authenticated, id: MemberId) -> Result<(ledger::Member, Vec<CardView>), Problem> {
    let org = caller.0.org;
    let member = state.core.db.member(org, id).await?.ok_or_else(|| Problem::from(Code::NotFound))?;
    if !sees(state, caller, id).await? {
        return Err(Code::NotFound.into());
    }
    let mut cards = Vec::new();
    for card in state.core.db.cards_of(org, id).await? {
        if caller.0.may_use(card.card.programme).is_ok() {
            cards.push(state.core.card_view(&caller.0, &card).await?);
        }
    }
    Ok((member, cards))
}

/// What a member answered to a consent text.
#[derive(Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewConsent {
    /// What for, as one of the member's programmes asks it.
    #[schema(example = "news")]
    pub purpose: String,
    /// Which wording: the one that the programme has now.
    #[schema(example = "2026-01")]
    pub version: String,
    /// Whether the member agrees.
    pub given: bool,
}

/// Keeps what a member answered to a consent text; the answers before it are kept, too.
#[utoipa::path(post, path = "/v1/members/{id}/consents", tag = "members", request_body = NewConsent,
    responses((status = 200, description = "The answer is kept", body = ledger::MemberChanged)))]
pub async fn consent(
    state: State,
    caller: Authenticated,
    key: IdempotencyKey,
    id: Id<MemberId>,
    body: Body<NewConsent>,
) -> Handled {
    caller.0.need(Scope::MembersWrite)?;
    let asked = state.core.asked(&caller.0, key.0, ("POST /v1/members/consents", &(id.0, &body.0)));
    if !sees(&state, &caller, id.0).await? {
        return Err(Code::NotFound.into());
    }
    if let Some(earlier) = state.core.earlier(&asked).await? {
        return answer::stored(earlier);
    }
    let NewConsent { purpose, version, given } = body.0;
    let consent = ConsentAnswer { purpose, version, language: None, given };
    answer::stored(state.core.answer_consent(&asked, id.0, &consent).await?)
}

/// Everything that is kept about a member, in one answer.
#[utoipa::path(get, path = "/v1/members/{id}/export", tag = "members",
    responses((status = 200, description = "Profile, cards, entries and vouchers", body = Value)))]
pub async fn export(state: State, caller: Authenticated, id: Id<MemberId>) -> Handled {
    caller.0.need(Scope::MembersErase)?;
    whole_organisation(&caller)?;
    let (member, views) = load(&state, &caller, id.0).await?;
    answer::ok(&state.core.export(&member, views).await?)
}

/// Erases a member: passes void, vouchers cancelled, points forfeited by entry, profile, contacts and data key gone.
#[utoipa::path(post, path = "/v1/members/{id}/erasure", tag = "members",
    responses((status = 200, description = "What was erased", body = ledger::Erased)))]
pub async fn erase(state: State, caller: Authenticated, key: IdempotencyKey, id: Id<MemberId>) -> Handled {
    caller.0.need(Scope::MembersErase)?;
    whole_organisation(&caller)?;
    let asked = state.core.asked(&caller.0, key.0, ("erase", &id.0));
    answer::stored(
        state.core.ask(&asked, ledger::Body::Erase(ledger::Erase { member: id.0, cause: ledger::EraseCause::Asked })).await?,
    )
}
