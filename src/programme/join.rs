//! How people join a programme by themselves: what they are asked for, what they agree to, and which posters are told apart.

use serde::{Deserialize, Serialize};

use super::document::{Localised, Status, check_name, is_slug};
use super::{Findings, Programme};

/// The most consents that a join page asks for: more would not be read.
pub const MAX_CONSENTS: usize = 6;

/// The most channels whose joins are counted apart.
const MAX_CHANNELS: usize = 20;

/// The longest text of a consent, in characters.
const MAX_CONSENT_TEXT: usize = 600;

/// By what a member is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JoinIdentity {
    /// A phone number.
    Phone,
    /// A mail address.
    Email,
    /// A phone number or a mail address.
    #[default]
    Either,
    /// Nothing: the card is its own proof, and a lost phone is a lost card.
    None,
}

/// Something that a person agrees to, or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsentText {
    /// What for: 1 to 40 of `[a-z0-9_-]`, such as `terms` or `news`.
    #[schema(example = "terms")]
    pub purpose: String,
    /// Names this wording, 1 to 40 of `[a-z0-9_.-]`: it is kept with each answer. A new wording needs a new version.
    #[schema(example = "2026-01")]
    pub version: String,
    /// The sentence beside the box, by language.
    pub text: Localised,
    /// Whether nobody joins without it.
    #[serde(default)]
    pub required: bool,
}

/// How people join by themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Join {
    /// Whether the join page is open.
    pub status: Status,
    /// By what a member is known.
    pub identity: JoinIdentity,
    /// Whether a contact has to be proven by a code that is sent there before points can be spent. Whoever joins through the API is vouched for
    /// by the one who asks.
    pub verify: bool,
    /// The country's code that a phone number without one gets, such as `+965`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_prefix: Option<String>,
    /// What a person is asked to agree to, at most 6.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub consents: Vec<ConsentText>,
    /// The channels whose joins are counted apart, 1 to 40 of `[a-z0-9_-]` each, at most 20; any other tag counts as `other`.
    pub channels: Vec<String>,
}

impl Default for Join {
    fn default() -> Self {
        Self {
            status: Status::Active,
            identity: JoinIdentity::default(),
            verify: false,
            phone_prefix: None,
            consents: Vec::new(),
            channels: ["poster", "receipt", "web"].map(str::to_owned).to_vec(),
        }
    }
}

impl Join {
    /// The channel that a tag names; a tag that the document does not know is `other`, none at all `direct`.
    #[must_use]
    pub fn channel(&self, tag: Option<&str>) -> &str {
        let Some(tag) = tag else { return "direct" };
        self.channels.iter().find(|channel| *channel == tag).map_or("other", String::as_str)
    }

    pub(super) fn check(&self, programme: &Programme, findings: &mut Findings) {
        let prefix = self.phone_prefix.as_deref().map(|prefix| prefix.strip_prefix('+').unwrap_or_default());
        let digits = |text: &str| (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        let provable = !self.verify || self.identity != JoinIdentity::None;
        findings.expect(provable, "join.verify", "needs join.identity to be phone, email or either");
        findings.expect(prefix.is_none_or(digits), "join.phone_prefix", "is not + and one to three digits");
        findings.expect(self.consents.len() <= MAX_CONSENTS, "join.consents", format!("has more than {MAX_CONSENTS}"));
        for (place, consent) in self.consents.iter().enumerate() {
            let field = |name: &str| format!("join.consents[{place}].{name}");
            findings.expect(is_slug(&consent.purpose), field("purpose"), "is not 1 to 40 of a-z, 0-9, _ and -");
            let twin = self.consents[..place].iter().any(|earlier| earlier.purpose == consent.purpose);
            findings.expect(!twin, field("purpose"), "is used twice");
            findings.expect(is_version(&consent.version), field("version"), "is not 1 to 40 of a-z, 0-9, _, . and -");
            check_name(findings, &field("text"), &consent.text, MAX_CONSENT_TEXT);
            for language in programme.name.keys() {
                let told = consent.text.contains_key(language);
                findings.expect(told, field("text"), format!("has no text in {language}, which the programme's name has"));
            }
        }
        findings.expect(self.channels.len() <= MAX_CHANNELS, "join.channels", format!("has more than {MAX_CHANNELS}"));
        for (place, channel) in self.channels.iter().enumerate() {
            let field = format!("join.channels[{place}]");
            let reserved = ["other", "direct"].contains(&channel.as_str());
            findings.expect(is_slug(channel) && !reserved, field, "is not 1 to 40 of a-z, 0-9, _ and -, or is reserved");
        }
    }
}

fn is_version(text: &str) -> bool {
    is_slug(&text.replace('.', "-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn programme(join: &serde_json::Value) -> Result<Programme, crate::error::Problem> {
        let document = serde_json::json!({
            "name": {"en": "Circle", "ar": "دائرة"}, "currency": "KWD", "time_zone": "Asia/Kuwait", "template": "coffee",
            "earning": {"points_per_unit": "10"}, "join": join,
        });
        Programme::parse(&document.to_string())
    }

    #[test]
    fn a_programme_that_says_nothing_lets_people_join() {
        let join = programme(&serde_json::json!({})).unwrap().join;
        assert_eq!(join, Join::default());
        assert_eq!((join.channel(Some("poster")), join.channel(Some("x")), join.channel(None)), ("poster", "other", "direct"));
    }

    #[test]
    fn a_consent_is_told_in_every_language_of_the_programme() {
        let consent =
            |text| serde_json::json!({"consents": [{"purpose": "terms", "version": "2026.1", "text": text, "required": true}]});
        assert!(programme(&consent(serde_json::json!({"en": "I agree.", "ar": "أوافق."}))).is_ok());
        let refused = programme(&consent(serde_json::json!({"en": "I agree."}))).unwrap_err();
        assert_eq!(refused.errors[0].field, "join.consents[0].text");
    }

    #[test]
    fn wrong_join_settings_are_named() {
        let fields = |join: serde_json::Value| {
            programme(&join).unwrap_err().errors.into_iter().map(|error| error.field).collect::<Vec<_>>()
        };
        assert_eq!(
            fields(serde_json::json!({"channels": ["poster", "Other", "other"]})),
            ["join.channels[1]", "join.channels[2]"]
        );
        let twice = serde_json::json!({"purpose": "a", "version": "1", "text": {"en": "A", "ar": "ا"}});
        assert_eq!(fields(serde_json::json!({"consents": [twice, twice]})), ["join.consents[1].purpose"]);
        assert!(programme(&serde_json::json!({"identity": "passport"})).is_err());
    }
}
