//! Joining: from what a person told to a command, with fresh ids and a number for people.

use crate::cards::{Asked, Core, Profile};
use crate::db::DbError;
use crate::error::{Code, Problem};
use crate::ids::{CardId, MemberId, OrgId, PassId, ProgrammeId};
use crate::ledger::{Answer, Body, ContactTrust, Enrol, EnrolMember, IssueCode, NewMember};
use crate::tokens::{Email, Identity, Keyring, Phone};

/// How often a card number is drawn again when it is taken: with a million cards one in a thousand is.
const NUMBER_TRIES: usize = 6;

/// How often the next typed code is taken when it is another card's: with a million open codes one in a thousand million is.
const CODE_TRIES: i64 = 4;

/// The longest name, in characters.
const MAX_NAME: usize = 80;

/// Who joins.
#[derive(Debug, Clone)]
pub enum Joining {
    /// A person who may be new.
    Person(Person),
    /// A known member who takes a card in another programme.
    Member(MemberId),
}

/// What a person told, checked.
#[derive(Debug, Clone)]
pub struct Person {
    /// Name and contacts, normalised.
    pub profile: Profile,
    /// `en` or `ar`.
    pub language: String,
    /// Which poster or page brought the person, for the joins of each channel.
    pub channel: Option<String>,
    /// Whether the contact is to be proven, where the programme asks for that.
    pub trust: ContactTrust,
    identities: Vec<Identity>,
}

impl Person {
    /// Checks and normalises what a person told.
    ///
    /// # Errors
    /// `validation_failed`, naming the field.
    pub fn parse(profile: Profile, language: Option<&str>) -> Result<Self, Problem> {
        let language = language.unwrap_or("en");
        if !["en", "ar"].contains(&language) {
            return Err(Problem::field("language", "is neither en nor ar"));
        }
        let name = profile.name.as_deref().map(clean_name).transpose()?;
        let mut identities = Vec::new();
        let phone = profile
            .phone
            .map(|text| Phone::parse(&text))
            .transpose()
            .map_err(|error| Problem::field("phone", error.to_string()))?;
        let email = profile
            .email
            .map(|text| Email::parse(&text))
            .transpose()
            .map_err(|error| Problem::field("email", error.to_string()))?;
        let profile = Profile {
            name,
            phone: phone.as_ref().map(|phone| phone.as_str().to_owned()),
            email: email.as_ref().map(|email| email.as_str().to_owned()),
            consents: profile.consents,
        };
        identities.extend(phone.map(Identity::Phone));
        identities.extend(email.map(Identity::Email));
        Ok(Self { profile, language: language.to_owned(), channel: None, trust: ContactTrust::Vouched, identities })
    }

    /// This person, with the poster or page that brought them.
    #[must_use]
    pub fn brought_by(mut self, channel: String) -> Self {
        self.channel = Some(channel);
        self
    }

    /// This person, who typed the contact without anybody to vouch for it.
    #[must_use]
    pub fn unvouched(mut self) -> Self {
        self.trust = ContactTrust::Told;
        self
    }

    /// The contacts.
    #[must_use]
    pub fn identities(&self) -> &[Identity] {
        &self.identities
    }

    /// The keyed hashes of the contacts, under every master key.
    #[must_use]
    pub fn hashes(&self, org: OrgId, keyring: &Keyring) -> Vec<[u8; 32]> {
        let hashes = |identity| keyring.identity_hashes(org, identity);
        self.identities.iter().flat_map(hashes).map(|hash| hash.0).collect()
    }
}

/// A name without control and direction characters, trimmed; 1 to 80 characters.
fn clean_name(name: &str) -> Result<String, Problem> {
    let hidden = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let clean: String = name.chars().filter(|letter| !hidden(*letter)).collect();
    let clean = clean.trim();
    if clean.is_empty() || clean.chars().count() > MAX_NAME {
        return Err(Problem::field("name", format!("is not 1 to {MAX_NAME} characters long")));
    }
    Ok(clean.to_owned())
}

impl Core {
    /// Makes a member (unless known) and a card.
    ///
    /// # Errors
    /// Only what is not an outcome: overload, a database out of reach.
    pub async fn enrol(&self, asked: &Asked, joining: &Joining, programme: ProgrammeId) -> Result<Answer, Problem> {
        for _ in 0..NUMBER_TRIES {
            let now = self.clock.now();
            let member = match joining {
                Joining::Member(id) => EnrolMember::Existing(*id),
                Joining::Person(person) => EnrolMember::New(self.new_member(asked.org, person)?),
            };
            let card = CardId(self.ids.ordered(now));
            let (channel, trust) = match joining {
                Joining::Member(_) => (None, ContactTrust::Vouched),
                Joining::Person(person) => (person.channel.clone(), person.trust),
            };
            let (number, pass) = (card_number(self.ids.random()), PassId(self.ids.random()));
            let enrol = Enrol { member, programme, card, number, pass, channel, trust };
            match self.batcher.try_execute(self.command(asked, Body::Enrol(enrol))).await {
                Err(DbError::Conflict(index)) => tracing::info!(index, "a fresh card number was taken; drawing another"),
                Err(error) => return Err(error.into()),
                Ok(answer) => return answer,
            }
        }
        Err(Code::Internal.into())
    }

    /// Makes a live and a typed code for a card.
    ///
    /// # Errors
    /// Only what is not an outcome.
    pub async fn issue_code(&self, asked: &Asked, (card, programme): (CardId, ProgrammeId)) -> Result<Answer, Problem> {
        for skip in 0..CODE_TRIES {
            let issue = IssueCode { card, programme, skip };
            match self.batcher.try_execute(self.command(asked, Body::IssueCode(issue))).await {
                Err(DbError::Conflict(index)) => tracing::info!(index, "a typed code is another card's; passing over it"),
                Err(error) => return Err(error.into()),
                Ok(answer) => return answer,
            }
        }
        Err(Code::Internal.into())
    }

    fn new_member(&self, org: OrgId, person: &Person) -> Result<NewMember, Problem> {
        let id = MemberId(self.ids.ordered(self.clock.now()));
        let profile = person.profile.seal(&self.keyring, self.ids.as_ref(), (org, id))?;
        let identities = person.hashes(org, &self.keyring);
        Ok(NewMember { id, language: person.language.clone(), profile, identities })
    }
}

/// Nine random digits, the first of them not 0, and a Luhn check digit.
fn card_number(random: [u8; 16]) -> String {
    let nine = 100_000_000 + u128::from_be_bytes(random) % 900_000_000;
    let digits = nine.to_string();
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(digit - b'0');
            let doubled = if place % 2 == 0 { digit * 2 } else { digit };
            if doubled > 9 { doubled - 9 } else { doubled }
        })
        .sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn card_numbers_carry_a_luhn_check() {
        for seed in 0..200_u8 {
            let number = card_number([seed; 16]);
            assert_eq!(number.len(), 10);
            let luhn: u32 = number.bytes().rev().enumerate().fold(0, |sum, (place, digit)| {
                let digit = u32::from(digit - b'0') * (1 + u32::try_from(place).expect("small") % 2);
                sum + digit / 10 + digit % 10
            });
            assert_eq!(luhn % 10, 0, "{number}");
        }
    }

    #[test]
    fn names_lose_what_does_not_show() {
        assert_eq!(clean_name(" Sa\u{202e}ra\u{0007} ").as_deref(), Ok("Sara"));
        assert!(clean_name("\u{202e}").is_err());
        assert!(clean_name(&"x".repeat(81)).is_err());
    }
}
