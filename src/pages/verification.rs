//! Proving a contact: what is sent there, how often, and the screen that asks for the code. Who may do what with a card before that is not
//! decided here: the ledger does.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::Visit;
use super::card::{done, own_key};
use super::errors::Failure;
use super::page::Page;
use crate::cards::{Asked, Profile};
use crate::error::Problem;
use crate::gate::{GateRequest, GateVerdict, Limit, RateRule, Scope};
use crate::ids::{MemberId, OrgId, encode};
use crate::ledger::contact::CODE_LIVES_MS;
use crate::ledger::{CodeSent, Fingerprint, OpKey, Principal};
use crate::messages::{Content, Medium, Message, Recipient};
use crate::programme::{Join, JoinIdentity};

/// Messages to one contact, whoever asks for them.
const CONTACT: [RateRule; 2] = [RateRule::per_minute(1), RateRule::new(5, 3_600_000)];

/// The screen that asks for a code.
#[derive(Template)]
#[template(path = "verify/code.html")]
pub struct CodePage<'a> {
    /// What every template takes.
    pub page: &'a Page,
    /// The programme's name.
    pub programme: String,
    /// The contact, so that who typed it knows it again and nobody else learns it.
    pub contact: String,
    /// Where the code goes, and below it `/again` asks for a new one.
    pub action: String,
    /// What a form carries of somebody who joined again.
    pub claim: Option<String>,
    /// The card, for whoever has it already.
    pub card: Option<String>,
    /// Where another contact is typed, for whoever has no card yet.
    pub start: String,
    /// What was done.
    pub notice: Option<String>,
    /// What was not.
    pub trouble: Option<String>,
}

/// For whom a message is.
pub struct Addressee {
    /// Whose contact.
    pub owner: (OrgId, MemberId),
    /// The contact.
    pub to: Recipient,
    /// In which language.
    pub language: String,
    /// The programme's name in it.
    pub brand: String,
}

/// Whether a code is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sending {
    /// It is.
    Sent,
    /// Not so soon again.
    Wait,
    /// It could not be sent.
    Failed,
}

impl Sending {
    /// What the query of the next page says of it.
    #[must_use]
    pub const fn query(self) -> &'static str {
        match self {
            Self::Sent => "done=code",
            Self::Wait => "problem=wait",
            Self::Failed => "problem=unsent",
        }
    }
}

impl Visit {
    /// Whether messages get to a kind of contact.
    #[must_use]
    pub fn reaches(&self, medium: Medium) -> bool {
        self.pages.messenger.as_ref().is_some_and(|messenger| messenger.reaches(medium))
    }

    /// What a join page may ask for, where contacts are to be proven: only what a code can be sent to.
    ///
    /// # Errors
    /// Nothing can be sent.
    pub fn provable(&self, join: &Join) -> Result<Join, Failure> {
        let mut join = join.clone();
        if !join.verify {
            return Ok(join);
        }
        join.identity = match (join.identity, self.reaches(Medium::Sms), self.reaches(Medium::Mail)) {
            (JoinIdentity::Either, true, true) => JoinIdentity::Either,
            (JoinIdentity::Either | JoinIdentity::Phone, true, _) => JoinIdentity::Phone,
            (JoinIdentity::Either | JoinIdentity::Email, _, true) => JoinIdentity::Email,
            _ => return Err(Failure::NoMessages),
        };
        Ok(join)
    }

    /// The contact of a profile that a message gets to.
    #[must_use]
    pub fn recipient(&self, profile: &Profile) -> Option<Recipient> {
        let contacts = [(Medium::Mail, &profile.email), (Medium::Sms, &profile.phone)];
        let found = contacts.into_iter().find(|(medium, contact)| contact.is_some() && self.reaches(*medium));
        found.and_then(|(medium, contact)| Some(Recipient { medium, contact: contact.clone()? }))
    }

    /// The operation of a form about a contact: a second press asks the same.
    ///
    /// # Errors
    /// `internal`, which can't be.
    pub fn asked_for(&self, (org, principal): (OrgId, Principal), shown: &OpKey, parts: &[&[u8]]) -> Result<Asked, Problem> {
        let parts: Vec<&[u8]> =
            [&b"page contact"[..], shown.as_str().as_bytes()].into_iter().chain(parts.iter().copied()).collect();
        let fingerprint = self.pages.core.keyring.fingerprint(org, &parts);
        Ok(Asked { org, principal, key: own_key(&fingerprint)?, fingerprint: Fingerprint(fingerprint) })
    }

    /// Makes a code and sends it.
    ///
    /// # Errors
    /// The database is out of reach.
    pub async fn send_code(&self, asked: &Asked, to: Addressee, for_claim: bool) -> Result<Sending, Failure> {
        let core = &self.pages.core;
        if !self.may_write_to(&to).await? {
            // A second press of the same form has sent it the first time.
            return Ok(if core.earlier(asked).await?.is_some() { Sending::Sent } else { Sending::Wait });
        }
        let code = core.new_contact_code();
        let answer = core.ask_for_code(asked, to.owner.1, (&code, for_claim)).await?;
        let made: CodeSent = done(&answer)?;
        if !made.sent || answer.replayed {
            return Ok(if made.sent { Sending::Sent } else { Sending::Wait });
        }
        let link = made.with_link.then(|| format!("{}/v/{}", core.public_url, core.contact_link(to.owner, made.number)));
        Ok(self.post(to, Content::Code { code, link, minutes: CODE_LIVES_MS / 60_000 }))
    }

    /// Sends the way to a card to its member, unless that was done a moment ago. Nobody hears whether it was.
    ///
    /// # Errors
    /// The gate is out of reach.
    pub async fn send_card_link(&self, to: Addressee, link: String) -> Result<(), Failure> {
        if self.may_write_to(&to).await? {
            self.post(to, Content::CardLink { link });
        }
        Ok(())
    }

    fn post(&self, to: Addressee, content: Content) -> Sending {
        let Some(messenger) = &self.pages.messenger else { return Sending::Failed };
        let Addressee { to, language, brand, .. } = to;
        let message = Message { id: self.pages.core.ids.random(), to, language, brand, content, at: self.now };
        match messenger.send(message) {
            Ok(()) => Sending::Sent,
            Err(error) => {
                tracing::error!(%error, "a message to a member was not taken");
                Sending::Failed
            }
        }
    }

    async fn may_write_to(&self, to: &Addressee) -> Result<bool, Failure> {
        let core = &self.pages.core;
        let hash = core.keyring.fingerprint(to.owner.0, &[b"contact limit", to.to.contact.as_bytes()]);
        let limit = Limit::on(Scope::Contact, encode(&std::array::from_fn(|place| hash[place])), &CONTACT);
        let verdict = core.gate.check(&GateRequest::within(to.owner.0).limit(limit), self.now).await;
        Ok(!matches!(verdict.map_err(Problem::from)?, GateVerdict::Refused(_)))
    }

    /// Shows the screen.
    #[must_use]
    pub fn ask_for_code(&self, status: StatusCode, template: &CodePage<'_>) -> HttpResponse {
        self.html(status, template)
    }
}

/// A contact that its owner knows again: `s…@example.com`, `…234`. A word joiner keeps it in one line, which matters from right to left.
#[must_use]
pub fn masked(contact: &str) -> String {
    match contact.split_once('@') {
        Some((name, domain)) => format!("{}…\u{2060}@{domain}", name.chars().next().unwrap_or('…')),
        None => format!("…{}", contact.chars().skip(contact.chars().count().saturating_sub(3)).collect::<String>()),
    }
}

/// A code as it was typed, in whatever digits and groups.
#[must_use]
pub fn typed_code(text: &str) -> String {
    let digit = |letter: char| match letter {
        '0'..='9' => Some(letter),
        '\u{660}'..='\u{669}' => char::from_digit(u32::from(letter) - 0x660, 10),
        '\u{6f0}'..='\u{6f9}' => char::from_digit(u32::from(letter) - 0x6f0, 10),
        _ => None,
    };
    text.chars().filter_map(digit).take(12).collect()
}

/// What was done with codes a moment ago.
#[must_use]
pub fn notice(visit: &Visit, page: &Page) -> Option<String> {
    match visit.query("done")?.as_str() {
        "joined" => Some(page.text("done-joined")),
        "code" => Some(page.text("verify-sent")),
        "contact" => Some(page.text("verify-changed")),
        _ => None,
    }
}

/// What went wrong with them.
#[must_use]
pub fn trouble(visit: &Visit, page: &Page) -> Option<String> {
    match visit.query("problem")?.as_str() {
        "wait" => Some(page.text("verify-wait")),
        "unsent" => Some(page.text("verify-unsent")),
        "code" => Some(page.text("verify-wrong")),
        "over" => Some(page.text("verify-over")),
        "contact" => Some(page.text("join-contact-wrong")),
        "used" => Some(page.text("verify-contact-used")),
        _ => Some(page.text("problem-other")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contacts_are_known_again_and_not_told() {
        assert_eq!(masked("sara@example.com"), "s…\u{2060}@example.com");
        assert_eq!(masked("+96550001234"), "…234");
    }

    #[test]
    fn codes_are_read_in_any_digits() {
        assert_eq!(typed_code(" ٠١٢ 345 "), "012345");
        assert_eq!(typed_code("12-34-56"), "123456");
    }
}
