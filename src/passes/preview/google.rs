//! An HTML picture of a pass in Google Wallet, drawn from what is really sent: the class and the object as JSON.
//!
//! It shows what an Android phone shows in one language, near enough to judge a template by: logo and issuer, title, the rows of
//! the class's layout, the code, the banner, and the details below. Google decides on the true sizes.

use serde_json::{Number, Value};

use crate::passes::contrast::Color;
use crate::passes::plain_text::escape_html;
use crate::passes::preview::locale::Locale;
use crate::passes::preview::{back, linked, qr};

/// The style sheet of every such picture; to be put once into a page that holds fragments.
pub const CSS: &str = include_str!("google.css");

/// Entries of the details at most: ten texts and some links, from the class and from the object.
const MAX_DETAILS: usize = 40;

/// Google draws a number of this many digits where a changing code has its value.
const SAMPLE_VALUE: &str = "00000000";
const SAMPLE_SECONDS: &str = "1773501300";

/// The lightness from which the ink is dark.
const LIGHT_GROUND: f64 = 0.36;

/// A class and an object as a phone in one language sees them.
pub struct GooglePicture<'a> {
    /// The class.
    pub class: &'a Value,
    /// The object.
    pub object: &'a Value,
    /// The phone's language, such as `ar`.
    pub language: &'a str,
    /// What a page puts in the place of a picture's address.
    pub image: &'a dyn Fn(&str) -> String,
}

impl GooglePicture<'_> {
    /// The card and its details as an HTML fragment.
    #[must_use]
    pub fn html(&self) -> String {
        let locale = Locale::of(self.language);
        let ground = self.class["hexBackgroundColor"].as_str().and_then(Color::parse).unwrap_or_default();
        let ink = if ground.luminance() > LIGHT_GROUND { "#1f1f1f" } else { "#fff" };
        let over = if self.is_active() { "" } else { " wg-over" };
        let mut out = format!(
            "<div class=\"wp-frame\" dir=\"{}\"><div class=\"wg\" style=\"--wg-bg:{ground};--wg-ink:{ink}\"><article class=\"wg-card{over}\">",
            locale.direction(),
        );
        self.head(&mut out);
        self.rows(&mut out);
        self.code(locale, &mut out);
        let hero = [self.object, self.class].into_iter().find_map(|side| side["heroImage"]["sourceUri"]["uri"].as_str());
        if let Some(uri) = hero {
            out.push_str(&format!("<img class=\"wg-hero\" src=\"{}\" alt=\"\">", self.source(uri)));
        }
        out.push_str("</article>");
        self.details(&mut out);
        out.push_str("</div></div>");
        out
    }

    fn is_active(&self) -> bool {
        self.object["state"] == "ACTIVE"
    }

    fn head(&self, out: &mut String) {
        out.push_str("<header class=\"wg-head\">");
        let logo = ["programLogo", "titleImage"].into_iter().find_map(|name| self.class[name]["sourceUri"]["uri"].as_str());
        if let Some(uri) = logo {
            out.push_str(&format!("<img src=\"{}\" alt=\"\">", self.source(uri)));
        }
        let issuer = self.twin(self.class, "issuerName", "localizedIssuerName");
        let names = [("programName", "localizedProgramName"), ("title", "localizedTitle")];
        let title = names.into_iter().find_map(|(name, twin)| self.twin(self.class, name, twin)).unwrap_or_default();
        out.push_str(&format!(
            "<span><bdi>{}</bdi></span></header><h3 class=\"wg-title\"><bdi>{}</bdi></h3>",
            escape_html(&issuer.unwrap_or_default()),
            escape_html(&title)
        ));
    }

    fn rows(&self, out: &mut String) {
        out.push_str("<div class=\"wg-rows\">");
        let rows = &self.class["classTemplateInfo"]["cardTemplateOverride"]["cardRowTemplateInfos"];
        for row in rows.as_array().into_iter().flatten().filter_map(Value::as_object).filter_map(|row| row.values().next()) {
            let items = ["item", "startItem", "middleItem", "endItem"].into_iter().filter_map(|place| row.get(place));
            let shown: Vec<_> = items.map(|item| self.item(item)).collect();
            // A row of which nothing is there takes no room.
            if shown.iter().all(Option::is_none) {
                continue;
            }
            out.push_str("<div class=\"wg-row\">");
            for (label, value) in shown.into_iter().map(Option::unwrap_or_default) {
                out.push_str(&format!(
                    "<div class=\"wg-item\"><span>{}</span><b><bdi>{}</bdi></b></div>",
                    escape_html(&label),
                    escape_html(&value)
                ));
            }
            out.push_str("</div>");
        }
        out.push_str("</div>");
    }

    /// The label and value of an item; none where its fields are empty.
    fn item(&self, item: &Value) -> Option<(String, String)> {
        let fields = item["firstValue"]["fields"].as_array()?;
        fields.iter().filter_map(|field| field["fieldPath"].as_str()).find_map(|path| self.field(path))
    }

    fn field(&self, path: &str) -> Option<(String, String)> {
        let (side, rest) = path.split_once('.')?;
        let side = if side == "class" { self.class } else { self.object };
        if let Some(id) = rest.strip_prefix("textModulesData['").and_then(|rest| rest.strip_suffix("']")) {
            let module = side["textModulesData"].as_array()?.iter().find(|module| module["id"] == id)?;
            let header = self.twin(module, "header", "localizedHeader").unwrap_or_default();
            return Some((header, self.twin(module, "body", "localizedBody")?));
        }
        match rest {
            "accountName" => {
                let label = self.twin(self.class, "accountNameLabel", "localizedAccountNameLabel");
                Some((label.unwrap_or_default(), side["accountName"].as_str()?.to_owned()))
            }
            "loyaltyPoints.balance" => self.points(&side["loyaltyPoints"]),
            "secondaryLoyaltyPoints.balance" => self.points(&side["secondaryLoyaltyPoints"]),
            _ => None,
        }
    }

    fn points(&self, points: &Value) -> Option<(String, String)> {
        let label = self.twin(points, "label", "localizedLabel").unwrap_or_default();
        let balance = &points["balance"];
        let grouped = serde_json::json!({ "numberStyle": "PKNumberStyleDecimal" });
        let number = |number: &Number| Locale::of(self.language).number(&grouped, number);
        let value = match (&balance["int"], &balance["double"]) {
            (Value::Number(int), _) => number(int),
            (_, Value::Number(double)) => number(double),
            _ => balance["string"].as_str()?.to_owned(),
        };
        Some((label, value))
    }

    fn code(&self, locale: Locale, out: &mut String) {
        out.push_str("<div class=\"wg-foot\">");
        let (fixed, rotating) = (&self.object["barcode"], &self.object["rotatingBarcode"]);
        let (barcode, text) = match rotating["valuePattern"].as_str() {
            Some(pattern) => {
                let text = pattern.replace("{totp_value_0}", SAMPLE_VALUE).replace("{totp_timestamp_seconds}", SAMPLE_SECONDS);
                (rotating, Some(text))
            }
            None => (fixed, fixed["value"].as_str().map(str::to_owned)),
        };
        match text {
            Some(text) => {
                let code = match barcode["type"].as_str() {
                    Some("QR_CODE") => qr::svg(&text).unwrap_or_default(),
                    other => format!("<i>{}</i>", escape_html(other.unwrap_or("?"))),
                };
                let below = barcode["alternateText"].as_str().unwrap_or_default();
                let turns =
                    if rotating.is_null() { "" } else { locale.word("Changes by itself", "يتغيّر تلقائيًا") };
                let turns = if turns.is_empty() { String::new() } else { format!("<small>{turns}</small>") };
                out.push_str(&format!(
                    "<div class=\"wg-code\">{code}<span dir=\"ltr\">{}</span>{turns}</div>",
                    escape_html(below)
                ));
            }
            None => {
                let state = match self.object["state"].as_str() {
                    Some("COMPLETED") => locale.word("Used", "مستخدمة"),
                    Some("EXPIRED") => locale.word("Expired", "منتهية"),
                    Some("INACTIVE") => locale.word("Inactive", "غير فعّالة"),
                    _ => "",
                };
                if !state.is_empty() {
                    out.push_str(&format!("<div class=\"wg-state\">{state}</div>"));
                }
            }
        }
        out.push_str("</div>");
    }

    fn details(&self, out: &mut String) {
        let mut lines = Vec::new();
        for side in [self.object, self.class] {
            for module in side["textModulesData"].as_array().into_iter().flatten() {
                let header = self.twin(module, "header", "localizedHeader").unwrap_or_default();
                let body = self.twin(module, "body", "localizedBody").unwrap_or_default();
                lines.push(format!(
                    "<li><b>{}</b><p{}>{}</p></li>",
                    escape_html(&header),
                    back::direction_of(&body),
                    linked::plain(&body)
                ));
            }
        }
        for side in [self.object, self.class] {
            let home = std::iter::once(&side["homepageUri"]).filter(|uri| !uri.is_null());
            for link in side["linksModuleData"]["uris"].as_array().into_iter().flatten().chain(home) {
                let uri = link["uri"].as_str().unwrap_or_default();
                let said = self.twin(link, "description", "localizedDescription").unwrap_or_else(|| uri.to_owned());
                let safe = ["https://", "http://", "tel:", "mailto:", "geo:"].iter().any(|scheme| uri.starts_with(scheme));
                let target = if safe { escape_html(uri) } else { std::borrow::Cow::Borrowed("#") };
                lines.push(format!("<li><a href=\"{target}\" rel=\"noreferrer\">{}</a></li>", escape_html(&said)));
            }
        }
        lines.truncate(MAX_DETAILS);
        if !lines.is_empty() {
            out.push_str(&format!("<section class=\"wg-details\"><ul>{}</ul></section>", lines.concat()));
        }
    }

    /// A text of a resource: the one in the phone's language, else the plain one.
    fn twin(&self, side: &Value, plain: &str, localized: &str) -> Option<String> {
        let texts = &side[localized];
        let primary = self.language.split('-').next().unwrap_or(self.language);
        let all = || std::iter::once(&texts["defaultValue"]).chain(texts["translatedValues"].as_array().into_iter().flatten());
        let find = |wanted: &str| all().find(|text| text["language"] == wanted);
        let found = find(self.language).or_else(|| find(primary)).unwrap_or(&texts["defaultValue"]);
        found["value"].as_str().or_else(|| side[plain].as_str()).map(str::to_owned)
    }

    fn source(&self, uri: &str) -> String {
        escape_html(&(self.image)(uri)).into_owned()
    }
}
