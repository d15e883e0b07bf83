//! The form: what the programme asks for, what was filled in, and what is wrong with it, field by field.

use super::contact::Contact;
use crate::cards::{Consent, Person, Profile};
use crate::clock::Timestamp;
use crate::pages::page::Page;
use crate::programme::{Join, JoinIdentity};

/// The longest value of a field that is looked at, in bytes.
const LONGEST: usize = 400;

/// What stands before a consent's purpose in the name of its box.
const CONSENT: &str = "consent-";

/// The form as it is shown.
#[derive(Debug, Clone)]
pub struct Asking {
    /// The name as filled in.
    pub name: String,
    /// What is wrong with it.
    pub name_trouble: Option<String>,
    /// The field for the contact; none where the programme wants none.
    pub contact: Option<ContactField>,
    /// The boxes.
    pub consents: Vec<ConsentBox>,
}

/// The field for the contact.
#[derive(Debug, Clone)]
pub struct ContactField {
    /// Its label.
    pub label: String,
    /// Its type in HTML, which chooses the keyboard.
    pub kind: &'static str,
    /// What browsers fill in; empty where there are two possibilities.
    pub autocomplete: &'static str,
    /// As filled in.
    pub value: String,
    /// What is wrong with it.
    pub trouble: Option<String>,
}

/// A box to tick.
#[derive(Debug, Clone)]
pub struct ConsentBox {
    /// Its name in the form.
    pub field: String,
    /// The sentence beside it.
    pub text: String,
    /// Whether nobody joins without it.
    pub required: bool,
    /// Whether it is ticked. Never from the start: that would be no consent.
    pub ticked: bool,
    /// What is wrong.
    pub trouble: Option<String>,
}

/// The form as it was sent.
#[derive(Debug, Clone)]
pub struct Filled {
    /// The name, trimmed; may be empty.
    pub name: String,
    /// The contact, trimmed; may be empty.
    pub contact: String,
    ticked: Vec<String>,
}

/// A profile of nothing but a contact, as it was typed.
#[must_use]
pub fn typed_contact(text: &str, join: &Join) -> Profile {
    let mut profile = Profile::default();
    if !text.is_empty() {
        match Contact::read(text, join.phone_prefix.as_deref()) {
            Contact::Phone(number) => profile.phone = Some(number),
            Contact::Email(address) => profile.email = Some(address),
        }
    }
    profile
}

impl Filled {
    /// Takes the fields that the programme asks for.
    #[must_use]
    pub fn read(fields: &[(String, String)], join: &Join) -> Self {
        let field = |name: &str| fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.trim());
        let short = |name: &str| field(name).filter(|value| value.len() <= LONGEST).unwrap_or_default().to_owned();
        let ticked = |purpose: &str| field(&format!("{CONSENT}{purpose}")) == Some("yes");
        let ticked = join.consents.iter().filter(|consent| ticked(&consent.purpose)).map(|consent| consent.purpose.clone());
        let contact = if join.identity == JoinIdentity::None { String::new() } else { short("contact") };
        Self { name: short("name"), contact, ticked: ticked.collect() }
    }

    /// Who joins; or the form again, with what is wrong.
    ///
    /// # Errors
    /// The form with its troubles.
    pub fn person(&self, join: &Join, (page, now): (&Page, Timestamp)) -> Result<Person, Box<Asking>> {
        let mut asking = Asking::with(join, page, self);
        let profile = self.profile(join, (page, now));
        let parsed = Person::parse(profile, Some(page.language.code));
        let wrong = parsed.as_ref().err().and_then(|problem| problem.errors.first()).map(|error| error.field.as_str());
        if wrong == Some("name") {
            asking.name_trouble = Some(page.text("join-name-wrong"));
        }
        if let Some(field) = &mut asking.contact {
            field.trouble = self
                .contact_trouble(join, page)
                .or_else(|| wrong.filter(|wrong| ["phone", "email"].contains(wrong)).map(|_| page.text("join-contact-wrong")));
        }
        for (consent, row) in join.consents.iter().zip(&mut asking.consents) {
            if consent.required && !row.ticked {
                row.trouble = Some(page.text("join-consent-missing"));
            }
        }
        match parsed {
            Ok(person) if !asking.is_wrong() => Ok(person),
            _ => Err(Box::new(asking)),
        }
    }

    fn profile(&self, join: &Join, (page, at): (&Page, Timestamp)) -> Profile {
        let mut profile = typed_contact(&self.contact, join);
        profile.name = Some(self.name.clone()).filter(|name| !name.is_empty());
        let answer = |consent: &crate::programme::ConsentText| Consent {
            purpose: consent.purpose.clone(),
            version: consent.version.clone(),
            language: page.language.code.to_owned(),
            given: self.ticked.contains(&consent.purpose),
            at,
        };
        profile.consents = join.consents.iter().map(answer).collect();
        profile
    }

    /// A contact that is missing or of the other kind.
    fn contact_trouble(&self, join: &Join, page: &Page) -> Option<String> {
        if self.contact.is_empty() {
            return Some(page.text("join-contact-missing"));
        }
        let is_mail = self.contact.contains('@');
        match join.identity {
            JoinIdentity::Phone if is_mail => Some(page.text("join-contact-phone")),
            JoinIdentity::Email if !is_mail => Some(page.text("join-contact-email")),
            _ => None,
        }
    }
}

impl Asking {
    /// The form before anything was filled in.
    #[must_use]
    pub fn empty(join: &Join, page: &Page) -> Self {
        Self::with(join, page, &Filled { name: String::new(), contact: String::new(), ticked: Vec::new() })
    }

    fn with(join: &Join, page: &Page, filled: &Filled) -> Self {
        let field =
            |label, kind, autocomplete| ContactField { label, kind, autocomplete, value: filled.contact.clone(), trouble: None };
        let contact = match join.identity {
            JoinIdentity::Phone => Some(field(page.text("join-phone"), "tel", "tel")),
            JoinIdentity::Email => Some(field(page.text("join-email"), "email", "email")),
            JoinIdentity::Either => Some(field(page.text("join-either"), "text", "")),
            JoinIdentity::None => None,
        };
        let consents = join.consents.iter().map(|consent| ConsentBox {
            field: format!("{CONSENT}{}", consent.purpose),
            text: page.localised(&consent.text),
            required: consent.required,
            ticked: filled.ticked.contains(&consent.purpose),
            trouble: None,
        });
        Self { name: filled.name.clone(), name_trouble: None, contact, consents: consents.collect() }
    }

    /// Whether anything is wrong.
    #[must_use]
    pub fn is_wrong(&self) -> bool {
        self.name_trouble.is_some()
            || self.contact.as_ref().is_some_and(|contact| contact.trouble.is_some())
            || self.consents.iter().any(|consent| consent.trouble.is_some())
    }
}
