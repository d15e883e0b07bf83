//! Proving contacts and changing profiles: from what people type to commands. Codes are random, and only their keyed hashes are kept.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::cards::{Asked, Consent, Core, Person, Profile};
use crate::error::{Code, Problem};
use crate::ids::{MemberId, OrgId, PassId, decode, encode};
use crate::ledger::{
    Answer, Body, CardState, ChangeProfile, Claim, ContactCommand, Member, Proof, SealedProfile, SendCode, Verify,
};
use crate::programme::ConsentText;

/// Letters of an id in an address.
const ID_LETTERS: usize = 26;

/// New pass ids for a card that is handed over: the card's own, since nothing was redeemed with it.
const HANDED_OVER_PASSES: usize = 21;

/// Answers to consents that are kept of one member; the oldest that later ones replaced go first.
const MAX_ANSWERS: usize = 200;

/// An answer to a consent text, as it comes in.
#[derive(Debug, Clone)]
pub struct ConsentAnswer {
    /// What for.
    pub purpose: String,
    /// Which wording.
    pub version: String,
    /// In which language it was read; the member's when not told.
    pub language: Option<String>,
    /// Whether the member agrees.
    pub given: bool,
}

/// What somebody who joined again told, sealed, in a text that a form carries until the contact is proven.
pub struct Told {
    /// Whose contact it is.
    pub member: MemberId,
    sealed: SealedProfile,
}

impl Told {
    /// Seals what was told about a known contact.
    ///
    /// # Errors
    /// `internal` when the keyring lost its current key.
    pub fn seal(core: &Core, person: &Person, (org, member): (OrgId, MemberId)) -> Result<String, Problem> {
        let SealedProfile { data_key, profile } = person.profile.seal(&core.keyring, core.ids.as_ref(), (org, member))?;
        let text = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        Ok(format!("{}.{}.{}", encode(&member.0), text(&data_key), text(&profile)))
    }

    /// Reads what [`Told::seal`] made; it is opened later.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let member = MemberId(decode(parts.next()?)?);
        let mut bytes = || BASE64_URL_SAFE_NO_PAD.decode(parts.next()?).ok();
        Some(Self { member, sealed: SealedProfile { data_key: bytes()?, profile: bytes()? } })
    }

    /// The profile; only what we sealed ourselves for this member opens.
    ///
    /// # Errors
    /// It is not ours.
    pub fn open(&self, core: &Core, org: OrgId) -> Result<Profile, Problem> {
        Profile::open(&self.sealed, &core.keyring, (org, self.member))
    }
}

impl Core {
    /// Six random digits.
    #[must_use]
    pub fn new_contact_code(&self) -> String {
        format!("{:06}", u128::from_be_bytes(self.ids.random()) % 1_000_000)
    }

    /// What is kept of a code.
    #[must_use]
    pub fn contact_code_hash(&self, (org, member): (OrgId, MemberId), code: &str) -> [u8; 32] {
        self.keyring.fingerprint(org, &[b"contact code", &member.0, code.as_bytes()])
    }

    /// Asks for a code to be made.
    ///
    /// # Errors
    /// Only what is not an outcome.
    pub async fn ask_for_code(
        &self,
        asked: &Asked,
        member: MemberId,
        (code, for_claim): (&str, bool),
    ) -> Result<Answer, Problem> {
        let code = self.contact_code_hash((asked.org, member), code);
        self.ask(asked, Body::Contact(ContactCommand::SendCode(SendCode { member, code, for_claim }))).await
    }

    /// Tries a code or a link.
    ///
    /// # Errors
    /// Only what is not an outcome.
    pub async fn prove_contact(&self, asked: &Asked, verify: Verify) -> Result<Answer, Problem> {
        self.ask(asked, Body::Contact(ContactCommand::Verify(verify))).await
    }

    /// The claim on a card by somebody who told a name and answers of their own.
    ///
    /// # Errors
    /// What was told is not what we sealed; a key is gone.
    pub fn claim(&self, told: &Told, (member, card): (&Member, &CardState), language: &str) -> Result<Claim, Problem> {
        let sealed = member.profile.as_ref().ok_or_else(|| Problem::from(Code::MemberErased))?;
        let profile = told.open(self, member.org)?.reseal(sealed, self, (member.org, member.id))?;
        let passes = (0..HANDED_OVER_PASSES).map(|_| PassId(self.ids.random())).collect();
        Ok(Claim { card: card.card.id, programme: card.card.programme, profile, language: language.to_owned(), passes })
    }

    /// The key in the address that is sent beside a code.
    #[must_use]
    pub fn contact_link(&self, (org, member): (OrgId, MemberId), number: i64) -> String {
        format!("{}{}{}{number}", encode(&org.0), encode(&member.0), self.contact_link_proof((org, member), number))
    }

    fn contact_link_proof(&self, (org, member): (OrgId, MemberId), number: i64) -> String {
        let mac = self.keyring.fingerprint(org, &[b"contact link", &member.0, &number.to_be_bytes()]);
        encode(&std::array::from_fn(|place| mac[place]))
    }

    /// Reads the key in such an address: whose contact, and the proof.
    #[must_use]
    pub fn read_contact_link(&self, text: &str) -> Option<((OrgId, MemberId), Proof)> {
        if !text.is_ascii() || text.len() <= 3 * ID_LETTERS {
            return None;
        }
        let (org, rest) = text.split_at(ID_LETTERS);
        let (member, rest) = rest.split_at(ID_LETTERS);
        let (sent, number) = rest.split_at(ID_LETTERS);
        let owner = (OrgId(decode(org)?), MemberId(decode(member)?));
        let number: i64 = number.parse().ok()?;
        let right = self.contact_link_proof(owner, number);
        let same = aws_lc_rs::constant_time::verify_slices_are_equal(right.as_bytes(), sent.as_bytes()).is_ok();
        same.then_some((owner, Proof::Link(number)))
    }

    /// Changes an unproven contact; the old one is given free.
    ///
    /// # Errors
    /// Only what is not an outcome.
    pub async fn change_contact(&self, asked: &Asked, member: &Member, person: &Person) -> Result<Answer, Problem> {
        let mut profile = self.profile(member)?;
        profile.phone.clone_from(&person.profile.phone);
        profile.email.clone_from(&person.profile.email);
        self.change_profile(asked, member, (&profile, Some(person.hashes(asked.org, &self.keyring)))).await
    }

    /// Keeps an answer to a consent text, with the answers before it.
    ///
    /// # Errors
    /// `not_found`, `member_erased`; `validation_failed` for a wording that none of the member's programmes has now; `consent_required` for
    /// taking back what a programme needs.
    pub async fn answer_consent(&self, asked: &Asked, member: MemberId, answer: &ConsentAnswer) -> Result<Answer, Problem> {
        let member = self.db.member(asked.org, member).await?.ok_or_else(|| Problem::from(Code::NotFound))?;
        if !member.active {
            return Err(Code::MemberErased.into());
        }
        self.check_consent(&member, answer).await?;
        let mut profile = self.profile(&member)?;
        profile.add_consent(Consent {
            purpose: answer.purpose.clone(),
            version: answer.version.clone(),
            language: answer.language.clone().unwrap_or_else(|| member.language.clone()),
            given: answer.given,
            at: self.clock.now(),
        });
        self.change_profile(asked, &member, (&profile, None)).await
    }

    async fn check_consent(&self, member: &Member, answer: &ConsentAnswer) -> Result<(), Problem> {
        let mut texts: Vec<ConsentText> = Vec::new();
        for card in self.db.cards_of(member.org, member.id).await?.iter().filter(|card| card.card.active) {
            let programme = self.programme(member.org, card.card.programme).await?;
            texts.extend(programme.join.consents.iter().filter(|text| text.purpose == answer.purpose).cloned());
        }
        if texts.is_empty() {
            return Err(Problem::field("purpose", "None of the member's programmes asks for that."));
        }
        if !texts.iter().any(|text| text.version == answer.version) {
            return Err(Problem::field("version", "That is not the wording that is asked for now."));
        }
        if !answer.given && texts.iter().any(|text| text.required) {
            return Err(Problem::new(
                Code::ConsentRequired,
                "Nobody is a member without this consent: erase the member instead.",
            ));
        }
        Ok(())
    }

    async fn change_profile(
        &self,
        asked: &Asked,
        member: &Member,
        (profile, identities): (&Profile, Option<Vec<[u8; 32]>>),
    ) -> Result<Answer, Problem> {
        let sealed = member.profile.as_ref().ok_or_else(|| Problem::from(Code::MemberErased))?;
        let profile = profile.reseal(sealed, self, (member.org, member.id))?;
        let change = ChangeProfile { member: member.id, seen: sealed.digest(), profile, identities };
        self.ask(asked, Body::Contact(ContactCommand::ChangeProfile(change))).await
    }
}

impl Profile {
    /// The newest answer for each purpose, in the order in which they were first asked.
    #[must_use]
    pub fn current_consents(&self) -> Vec<Consent> {
        let mut current: Vec<Consent> = Vec::new();
        for consent in &self.consents {
            match current.iter_mut().find(|known| known.purpose == consent.purpose) {
                Some(known) => *known = consent.clone(),
                None => current.push(consent.clone()),
            }
        }
        current
    }

    fn add_consent(&mut self, consent: Consent) {
        self.consents.push(consent);
        while self.consents.len() > MAX_ANSWERS {
            let replaced =
                |place: &usize| self.consents[place + 1..].iter().any(|later| later.purpose == self.consents[*place].purpose);
            let oldest = (0..self.consents.len()).find(replaced).unwrap_or_default();
            self.consents.remove(oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    fn consent(purpose: &str, number: i64) -> Consent {
        let at = Timestamp::from_millis(number);
        Consent { purpose: purpose.into(), version: "1".into(), language: "en".into(), given: number % 2 == 0, at }
    }

    #[test]
    fn the_newest_answer_counts_and_the_older_ones_are_kept_within_bounds() {
        let mut profile = Profile { consents: vec![consent("terms", 0), consent("news", 1)], ..Profile::default() };
        profile.add_consent(consent("news", 2));
        assert_eq!(profile.current_consents(), [consent("terms", 0), consent("news", 2)]);
        assert_eq!(profile.consents.len(), 3);
        for number in 3..500 {
            profile.add_consent(consent("news", number));
        }
        assert_eq!(profile.consents.len(), MAX_ANSWERS);
        assert_eq!(
            profile.current_consents(),
            [consent("terms", 0), consent("news", 499)],
            "the only answer for a purpose stays"
        );
    }
}
