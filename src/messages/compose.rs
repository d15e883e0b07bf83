//! What a message says, in the reader's language: subject, plain text and HTML of a mail, or one short text. No pictures, nothing that tells
//! whether it was read.

use askama::Template;

use super::texts::Texts;
use super::{Content, Message};

/// A mail's parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mail {
    pub subject: String,
    pub text: String,
    pub html: String,
}

#[derive(Template)]
#[template(path = "messages/mail.html")]
struct MailPage<'a> {
    language: &'static str,
    direction: &'static str,
    brand: &'a str,
    intro: String,
    code: Option<&'a str>,
    before_link: Option<String>,
    link: Option<&'a str>,
    after: Vec<String>,
}

impl Message {
    /// As a mail.
    pub(super) fn mail(&self) -> Mail {
        let texts = Texts::of(&self.language);
        let brand = self.brand.as_str();
        let (subject, page) = match &self.content {
            Content::Code { code, link, minutes } => {
                let minutes = minutes.to_string();
                let values = [("brand", brand), ("code", code.as_str()), ("minutes", minutes.as_str())];
                let page = MailPage {
                    language: texts.language(),
                    direction: texts.direction(),
                    brand,
                    intro: texts.text("code-intro", &values),
                    code: Some(code),
                    before_link: link.as_ref().map(|_| texts.text("code-or-link", &values)),
                    link: link.as_deref(),
                    after: ["code-minutes", "code-not-you"].map(|key| texts.text(key, &values)).to_vec(),
                };
                (texts.text("code-subject", &values), page)
            }
            Content::CardLink { link } => {
                let values = [("brand", brand), ("link", link.as_str())];
                let page = MailPage {
                    language: texts.language(),
                    direction: texts.direction(),
                    brand,
                    intro: texts.text("link-intro", &values),
                    code: None,
                    before_link: None,
                    link: Some(link),
                    after: ["link-keep", "link-not-you"].map(|key| texts.text(key, &values)).to_vec(),
                };
                (texts.text("link-subject", &values), page)
            }
        };
        // A template of plain fields can't fail; a mail without its HTML part would still be read.
        let html = page.render().unwrap_or_default();
        Mail { subject, text: page.plain(), html }
    }

    /// As a short message.
    pub(super) fn short(&self) -> String {
        let (texts, brand) = (Texts::of(&self.language), self.brand.as_str());
        match &self.content {
            Content::Code { code, minutes, .. } => {
                texts.text("code-sms", &[("brand", brand), ("code", code), ("minutes", &minutes.to_string())])
            }
            Content::CardLink { link } => texts.text("link-sms", &[("brand", brand), ("link", link)]),
        }
    }
}

impl MailPage<'_> {
    fn plain(&self) -> String {
        let mut parts = vec![self.intro.as_str()];
        parts.extend(self.code);
        parts.extend(self.before_link.as_deref());
        parts.extend(self.link);
        parts.extend(self.after.iter().map(String::as_str));
        parts.push(self.brand);
        parts.join("\n\n") + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::messages::{Medium, Recipient};

    fn message(language: &str, brand: &str, link: Option<&str>) -> Message {
        Message {
            id: [1; 16],
            to: Recipient { medium: Medium::Mail, contact: "sara@example.com".into() },
            language: language.into(),
            brand: brand.into(),
            content: Content::Code { code: "012345".into(), link: link.map(str::to_owned), minutes: 10 },
            at: Timestamp::from_millis(0),
        }
    }

    #[test]
    fn a_mail_is_written_in_the_readers_direction() {
        let mail = message("ar", "مكافآت", Some("https://x.example/v/1")).mail();
        assert!(mail.subject.contains("012345") && mail.subject.contains("مكافآت"));
        assert!(mail.html.contains("dir=\"rtl\"") && mail.html.contains("lang=\"ar\""), "{}", mail.html);
        assert!(mail.text.contains("012345") && mail.text.contains("https://x.example/v/1"));
        assert!(!mail.html.contains("<img") && !mail.html.contains("src="), "no picture from anywhere");
    }

    #[test]
    fn a_brand_is_text_and_never_markup() {
        let mail = message("en", "<script>alert(1)</script>", None).mail();
        assert!(!mail.html.contains("<script") && mail.text.contains("<script>"), "{}", mail.html);
        assert!(!mail.html.contains("<a "), "no link where none proves anything");
    }
}
