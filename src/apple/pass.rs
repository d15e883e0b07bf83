//! pass.json: one [`PassView`] written the way Apple Wallet reads it.
//!
//! The JSON is compact and its keys are sorted, so that the same view gives the same bytes. It is written straight into a
//! buffer: a pass costs a few microseconds, the signature that follows costs a hundred times as much.

use std::borrow::Cow;

use crate::apple::json::{Object, comma};
use crate::clock::Timestamp;
use crate::passes::card_file::{BarcodeFormat, Format, Style};
use crate::passes::design::{AppleSlot, Colors};
use crate::passes::pass_strings::Phrases;
use crate::passes::plain_text::escape_html;
use crate::passes::render::{Rendering, Shown, ShownField};
use crate::passes::template::Template;
use crate::passes::text::{Text, Words};
use crate::passes::view::PassView;

/// The shortest authentication token that Apple Wallet accepts, in characters.
pub const MIN_AUTHENTICATION_TOKEN: usize = 16;

/// The longest serial number, in characters; it is a segment of an address.
pub const MAX_SERIAL: usize = 128;

/// What a usual pass.json takes, in bytes.
const USUAL_SIZE: usize = 6 * 1024;

/// As whom a pass is issued, and where its phone asks for news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PassIdentity<'a> {
    pass_type_id: &'a str,
    team_id: &'a str,
    web_service: Option<(&'a str, &'a str)>,
}

/// Why an identity can't be used: Wallet would refuse the pass.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The pass type id must begin with `pass.`.
    #[error("the pass type id must be \"pass.\" and letters, digits, dots or hyphens")]
    PassTypeId,
    /// The team id must be ten capital letters and digits.
    #[error("the team id must be ten capital letters and digits")]
    TeamId,
    /// The web service must be an address.
    #[error("the web service must be an http or https address")]
    WebService,
    /// The authentication token is too short or not printable ASCII.
    #[error("the authentication token must be at least {MIN_AUTHENTICATION_TOKEN} printable ASCII characters")]
    AuthenticationToken,
}

impl<'a> PassIdentity<'a> {
    /// An identity without a web service: its passes never update.
    ///
    /// # Errors
    /// One of the ids is not what Apple hands out.
    pub fn new(pass_type_id: &'a str, team_id: &'a str) -> Result<Self, IdentityError> {
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-');
        if !pass_type_id.strip_prefix("pass.").is_some_and(|rest| !rest.is_empty() && plain(rest)) {
            return Err(IdentityError::PassTypeId);
        }
        if team_id.len() != 10 || !team_id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()) {
            return Err(IdentityError::TeamId);
        }
        Ok(Self { pass_type_id, team_id, web_service: None })
    }

    /// This identity with the web service that the phone asks, and the token of one pass. A slash or `/v1` at the address's end
    /// is taken off: the phone adds `/v1` itself.
    ///
    /// # Errors
    /// The address or the token can't be used.
    pub fn with_web_service(self, url: &'a str, authentication_token: &'a str) -> Result<Self, IdentityError> {
        let url = url.trim_end_matches('/');
        let url = url.strip_suffix("/v1").unwrap_or(url).trim_end_matches('/');
        let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        if host.is_none_or(str::is_empty) || url.contains(|letter: char| letter.is_whitespace() || letter.is_control()) {
            return Err(IdentityError::WebService);
        }
        let printable = authentication_token.bytes().all(|byte| byte.is_ascii_graphic());
        if authentication_token.len() < MIN_AUTHENTICATION_TOKEN || !printable {
            return Err(IdentityError::AuthenticationToken);
        }
        Ok(Self { web_service: Some((url, authentication_token)), ..self })
    }

    /// The pass type id.
    #[must_use]
    pub const fn pass_type_id(&self) -> &'a str {
        self.pass_type_id
    }
}

/// Whether a text can be a serial number: part of an address as it is.
#[must_use]
pub fn is_serial(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=MAX_SERIAL).contains(&text.len()) && text.bytes().all(plain)
}

/// Writes pass.json. A void pass has no code and no web service, so that the phone stops asking for it.
#[must_use]
pub fn pass_json(view: &PassView, template: &Template, identity: &PassIdentity<'_>) -> Vec<u8> {
    debug_assert!(is_serial(&view.serial), "serial numbers are made by us");
    let rendering = Rendering::new(template, view);
    let design = rendering.design;
    let writer = Writer { rendering, phrases: template.phrases(view.kind) };
    let web_service = identity.web_service.filter(|_| !view.voided);
    let mut out = Vec::with_capacity(USUAL_SIZE);
    let mut pass = Object::open(&mut out, &design.apple_extra);
    // The style object is sorted among the rest by its name, which differs: coupon and eventTicket come before what begins
    // with f, generic and storeCard later.
    if let Some((_, token)) = web_service {
        pass.text("authenticationToken", token);
    }
    pass.text("backgroundColor", &design.colors.background.to_string());
    if let Some(code) = view.code.as_deref().filter(|_| !view.voided) {
        pass.key("barcodes");
        writer.barcodes(pass.out, code);
    }
    writer.style(&mut pass, Style::Coupon);
    writer.words(&mut pass, "description", &design.description);
    writer.style(&mut pass, Style::EventTicket);
    if let Some(expires) = view.expires {
        pass.text("expirationDate", &date(expires));
    }
    foreground_to_logo(&mut pass, &design.colors, &writer);
    writer.words(&mut pass, "organizationName", &design.organization_name);
    pass.text("passTypeIdentifier", identity.pass_type_id);
    if let Some(time) = writer.rendering.relevant().map(date) {
        // iOS 18 reads the one key, iOS 26 the other.
        pass.raw("relevantDates", &format!(r#"[{{"date":"{time}","relevantDate":"{time}"}}]"#));
    }
    pass.text("serialNumber", &view.serial);
    writer.style(&mut pass, Style::StoreCard);
    pass.text("teamIdentifier", identity.team_id);
    if view.voided {
        pass.raw("voided", "true");
    }
    if let Some((url, _)) = web_service {
        pass.text("webServiceURL", url);
    }
    pass.close();
    out
}

fn foreground_to_logo(pass: &mut Object<'_>, colors: &Colors, writer: &Writer<'_>) {
    pass.text("foregroundColor", &colors.foreground.to_string());
    pass.raw("formatVersion", "1");
    writer.style(pass, Style::Generic);
    pass.text("labelColor", &colors.label.to_string());
    if let Some(text) = &writer.rendering.design.logo_text {
        writer.words(pass, "logoText", text);
    }
}

/// Writes the parts of one pass.
struct Writer<'a> {
    rendering: Rendering<'a>,
    phrases: &'a Phrases,
}

impl<'a> Writer<'a> {
    fn style(&self, pass: &mut Object<'_>, style: Style) {
        if self.rendering.design.style != style {
            return;
        }
        pass.key(match style {
            Style::StoreCard => "storeCard",
            Style::Coupon => "coupon",
            Style::Generic => "generic",
            Style::EventTicket => "eventTicket",
        });
        let mut fields: Vec<_> = self.rendering.fields().filter_map(|field| Some((field.field.apple?, field))).collect();
        let places = [
            ("auxiliaryFields", AppleSlot::Auxiliary),
            ("backFields", AppleSlot::Back),
            ("headerFields", AppleSlot::Header),
            ("primaryFields", AppleSlot::Primary),
            ("secondaryFields", AppleSlot::Secondary),
        ];
        let mut object = Object::open(pass.out, &[]);
        for (name, place) in places {
            let mut shown = fields.extract_if(.., |(slot, _)| *slot == place).map(|(_, field)| field).peekable();
            if shown.peek().is_none() {
                continue;
            }
            object.key(name);
            object.out.push(b'[');
            for field in shown {
                comma(object.out);
                self.field(object.out, &field);
            }
            object.out.push(b']');
        }
        object.close();
    }

    fn field(&self, out: &mut Vec<u8>, shown: &ShownField<'a>) {
        let field = shown.field;
        let words = &field.apple_words;
        let mut object = Object::open(out, &field.extra);
        if let (Some(link), Shown::Words(value)) = (&shown.link, &shown.value) {
            let text = self.rendering.spoken(value.clone());
            object.text("attributedValue", &format!("<a href='{}'>{}</a>", escape_html(link), escape_html(&text)));
        }
        if let Some(message) = &field.change_message {
            self.words(&mut object, "changeMessage", message);
        }
        // A text that came from outside must not turn into links by itself: a name could be an address.
        let detect = words.detect.as_deref().or(matches!(field.value, Text::Message(_)).then_some(&[]));
        if let Some(detect) = detect.filter(|_| field.apple == Some(AppleSlot::Back)) {
            let names: Vec<_> = detect.iter().map(|name| format!("\"{name}\"")).collect();
            object.raw("dataDetectorTypes", &format!("[{}]", names.join(",")));
        }
        let date_style = match (&shown.value, field.format) {
            (Shown::Time(_), Format::DateTime) => {
                Some((words.date_style.unwrap_or("PKDateStyleMedium"), words.time_style.unwrap_or("PKDateStyleShort")))
            }
            (Shown::Time(_), _) => {
                Some((words.date_style.unwrap_or("PKDateStyleMedium"), words.time_style.unwrap_or("PKDateStyleNone")))
            }
            _ => None,
        };
        if let Some((style, _)) = date_style {
            object.text("dateStyle", style);
        }
        if date_style.is_some() {
            // The day of the shop, wherever the phone is.
            object.raw("ignoresTimeZone", "true");
        }
        object.text("key", &field.key);
        if let Some(label) = &shown.label {
            object.text("label", &self.written(label.clone()));
        }
        if matches!(shown.value, Shown::Number(_)) {
            object.text("numberStyle", words.number_style.unwrap_or("PKNumberStyleDecimal"));
        }
        if let Some(alignment) = words.alignment {
            object.text("textAlignment", alignment);
        }
        if let Some((_, style)) = date_style {
            object.text("timeStyle", style);
        }
        match &shown.value {
            Shown::Number(number) => object.raw("value", &number.to_string()),
            Shown::Time(time) => object.text("value", &self.local_date(*time)),
            Shown::Words(value) => object.text("value", &self.written(value.clone())),
        }
        object.close();
    }

    fn barcodes(&self, out: &mut Vec<u8>, code: &str) {
        let barcode = &self.rendering.design.barcode;
        let message = self.rendering.text(&barcode.message).map_or(Cow::Borrowed(code), |words| self.rendering.spoken(words));
        let latin = message.chars().all(|letter| u32::from(letter) < 256);
        out.push(b'[');
        let mut object = Object::open(out, &[]);
        if let Some(alt_text) = &barcode.alt_text {
            self.words(&mut object, "altText", alt_text);
        }
        object.text(
            "format",
            match barcode.format {
                BarcodeFormat::Qr => "PKBarcodeFormatQR",
                BarcodeFormat::Pdf417 => "PKBarcodeFormatPDF417",
                BarcodeFormat::Aztec => "PKBarcodeFormatAztec",
                BarcodeFormat::Code128 => "PKBarcodeFormatCode128",
            },
        );
        object.text("message", &message);
        object.text("messageEncoding", if latin { "iso-8859-1" } else { "utf-8" });
        object.close();
        out.push(b']');
    }

    /// A date with the offset of the programme's time zone.
    fn local_date(&self, time: Timestamp) -> String {
        time.to_utc().with_timezone(&self.rendering.time_zone()).format("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }

    /// Writes a member whose text may be missing: then there is no member.
    fn words(&self, object: &mut Object<'_>, name: &str, text: &'a Text) {
        if let Some(words) = self.rendering.text(text) {
            object.text(name, &self.written(words));
        }
    }

    /// The text as it stands in pass.json: a phrase as its key, anything else made different from every phrase.
    fn written<'w>(&self, words: Words<'w>) -> Cow<'w, str> {
        match words {
            Words::Phrase(phrase) => Cow::Borrowed(phrase.key.as_str()),
            Words::Own(text) => self.phrases.guard(text),
        }
    }
}

/// A date as Apple Wallet reads it.
fn date(time: Timestamp) -> String {
    time.to_utc().format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_web_service_address_has_no_slash_and_no_version_at_its_end() {
        let identity = PassIdentity::new("pass.example.card", "ABCDE12345").expect("is right");
        for url in
            ["https://w.example/apple", "https://w.example/apple/", "https://w.example/apple/v1", "https://w.example/apple//v1//"]
        {
            let with = identity.with_web_service(url, "0123456789abcdef").expect("is right");
            assert_eq!(with.web_service, Some(("https://w.example/apple", "0123456789abcdef")), "{url}");
        }
    }

    #[test]
    fn what_wallet_would_refuse_is_refused_here() {
        assert_eq!(PassIdentity::new("example.card", "ABCDE12345"), Err(IdentityError::PassTypeId));
        assert_eq!(PassIdentity::new("pass.", "ABCDE12345"), Err(IdentityError::PassTypeId));
        assert_eq!(PassIdentity::new("pass.example", "abcde12345"), Err(IdentityError::TeamId));
        let identity = PassIdentity::new("pass.example.card", "ABCDE12345").expect("is right");
        assert_eq!(identity.with_web_service("ftp://x", "0123456789abcdef"), Err(IdentityError::WebService));
        assert_eq!(identity.with_web_service("https:///v1", "0123456789abcdef"), Err(IdentityError::WebService));
        assert_eq!(identity.with_web_service("https://x", "0123456789abcde"), Err(IdentityError::AuthenticationToken));
        assert!(is_serial("a-Z_0.9") && !is_serial("") && !is_serial("a/b") && !is_serial(&"x".repeat(129)));
    }
}
