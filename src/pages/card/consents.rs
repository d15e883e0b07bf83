//! What a member agreed to: shown with wording and date, given and taken back here. What a programme needs is ended by leaving alone.

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

use super::{Holder, Pages, done, enter, with_holder};
use crate::cards::{Consent, ConsentAnswer, Profile};
use crate::error::Code;
use crate::ledger::MemberChanged;
use crate::pages::forms::Sent;
use crate::pages::page::Page;

/// A consent as the member sees it.
pub(super) struct ConsentRow {
    pub purpose: String,
    pub text: String,
    /// The wording that a form answers; none for what is only shown.
    pub version: Option<String>,
    /// The last answer: whether it was given, to which wording, when.
    pub answer: Option<(bool, String, String)>,
    /// Whether the wording was changed since.
    pub anew: bool,
    pub required: bool,
}

impl ConsentRow {
    /// Whether the member agrees to the wording of now.
    pub fn stands(&self) -> bool {
        !self.anew && self.answer.as_ref().is_some_and(|(given, _, _)| *given)
    }
}

#[derive(Deserialize)]
struct Answered {
    purpose: String,
    version: String,
    given: String,
    #[serde(default)]
    from: String,
}

impl Holder {
    /// What the programme asks for, with the answers; then what only older answers are known of.
    pub(super) fn consents(&self, page: &Page, profile: &Profile) -> Vec<ConsentRow> {
        let texts = &self.programme().join.consents;
        let mut known = profile.current_consents();
        let answer = |consent: &Consent| (consent.given, consent.version.clone(), page.moment(consent.at, self.zone()));
        let mut rows: Vec<ConsentRow> = Vec::new();
        for text in texts {
            let place = known.iter().position(|consent| consent.purpose == text.purpose);
            let given = place.map(|place| known.remove(place));
            rows.push(ConsentRow {
                purpose: text.purpose.clone(),
                text: page.localised(&text.text),
                version: Some(text.version.clone()),
                anew: given.as_ref().is_some_and(|consent| consent.version != text.version),
                answer: given.as_ref().map(answer),
                required: text.required,
            });
        }
        let only_shown = |consent: &Consent| ConsentRow {
            purpose: consent.purpose.clone(),
            text: consent.purpose.clone(),
            version: None,
            answer: Some(answer(consent)),
            anew: false,
            required: false,
        };
        rows.extend(known.iter().map(only_shown));
        rows
    }
}

/// Keeps an answer.
pub async fn answer(request: HttpRequest, pages: Data<Pages>, body: Bytes) -> HttpResponse {
    with_holder(enter(&request, pages).await, async |visit, holder| {
        let Sent { fields, op } = Sent::<Answered>::read(visit, &body)?;
        let page = holder.page(visit);
        let Answered { purpose, version, given, from } = fields;
        let asked = holder.asked(visit, &op, ("consent", &(&purpose, &version, &given)))?;
        let language = Some(page.language.code.to_owned());
        let answer = ConsentAnswer { purpose, version, language, given: given == "yes" };
        let core = &visit.pages.core;
        let back = if from == "card" { holder.base() } else { format!("{}/privacy", holder.base()) };
        let answered = match core.earlier(&asked).await? {
            Some(earlier) => Ok(earlier),
            None => core.answer_consent(&asked, holder.member.id, &answer).await,
        };
        match answered.and_then(|answer| done::<MemberChanged>(&answer)) {
            Ok(_) => Ok(visit.see_other(&format!("{back}?done=consent"))),
            Err(problem) if problem.code.status() >= 500 || problem.code == Code::MemberErased => Err(problem.into()),
            Err(problem) => Ok(visit.see_other(&format!("{back}?problem={}", problem.code))),
        }
    })
    .await
}
