//! A shop with a ready template, and everything that it would send to Google.

use serde_json::{Value, json};
use walaa::cards::Templates;
use walaa::google::card::{CardInput, ClassInput, RotatingCode, TierFace, loyalty_class, loyalty_object};
use walaa::google::images::{ImageUrls, Images};
use walaa::google::model::{LoyaltyClass, LoyaltyObject, OfferClass, OfferObject, Resource};
use walaa::google::patch::patch_body;
use walaa::google::resource::{IssuerId, ResourceId};
use walaa::google::rules::{Grade, check};
use walaa::google::voucher::{VoucherEnd, VoucherInput, offer_class, offer_object};
use walaa::ids::ProgrammeId;
use walaa::passes::{PassKind, PassView, Template};
use walaa::programme::{Localised, Programme};

use super::schema::{faults, patch_faults};

/// Where the world reaches us.
pub const PUBLIC_URL: &str = "https://wallet.example";
/// The text of the fixed code.
pub const IDENTIFY: &str = "W1IDENTIFY0IDENTIFY0IDENTIFY0IDENTIFY0IDENTI";
/// The code that the phone renews.
pub const ROTATING: RotatingCode<'static> = RotatingCode {
    key_hex: "3132333435363738393031323334353637383930",
    period_ms: 30_000,
    digits: 8,
    value_pattern: "W35F0C2A9BE41D47C8A1-{totp_timestamp_seconds}-{totp_value_0}",
};

pub fn issuer() -> IssuerId {
    "3388000000022141777".parse().expect("is an issuer")
}

/// A shop.
pub struct Shop {
    pub name: &'static str,
    pub templates: Templates,
    pub images: Images,
    pub programme: Programme,
    organisation: Localised,
}

impl Shop {
    /// With a ready template.
    pub fn with(name: &'static str) -> Self {
        let templates = Templates::ready().expect("load");
        let images = Images::of(&templates, PUBLIC_URL);
        let texts = |en: &str, ar: &str| json!({ "en": en, "ar": ar });
        let document = json!({
            "name": texts("Qahwa Circle", "دائرة قهوة"), "currency": "KWD", "time_zone": "Asia/Kuwait", "template": name,
            "earning": {"points_per_unit": "10"}, "terms": texts("One per visit.", "واحدة لكل زيارة."),
            "rewards": [{"id": "flat-white", "name": texts("Flat white", "فلات وايت"), "points": 150}],
        });
        let programme = Programme::parse(&document.to_string()).expect("is a programme");
        let organisation = [("en", "Qahwa"), ("ar", "قهوة")].map(|(code, name)| (code.to_owned(), name.to_owned())).into();
        Self { name, templates, images, programme, organisation }
    }

    pub fn urls(&self, kind: PassKind) -> ImageUrls {
        self.images.urls(self.name, kind).expect("is offered in Google Wallet")
    }

    fn input<'a>(&'a self, template: &'a Template, images: &'a ImageUrls) -> ClassInput<'a> {
        ClassInput {
            issuer: issuer(),
            programme_id: ProgrammeId([7; 16]),
            programme: &self.programme,
            organisation: &self.organisation,
            template,
            images,
            callback_url: Some("https://wallet.example/google/callbacks/org_1"),
            homepage: Some("https://wallet.example/"),
        }
    }

    pub fn class(&self, tier: Option<&TierFace<'_>>) -> LoyaltyClass {
        let loaded = self.templates.get(self.name).expect("is there");
        loyalty_class(&self.input(&loaded.template, &self.urls(PassKind::Card)), tier)
    }

    pub fn offer(&self) -> OfferClass {
        let loaded = self.templates.get(self.name).expect("is there");
        offer_class(&self.input(&loaded.template, &self.urls(PassKind::Voucher)), &self.programme.rewards[0])
    }

    /// A card with both codes and two vouchers.
    pub fn card(&self, view: &PassView) -> LoyaltyObject {
        let loaded = self.templates.get(self.name).expect("is there");
        let class_id = self.class(None).id;
        let linked: [ResourceId; 2] = ["v1", "v2"].map(|suffix| ResourceId::new(issuer(), suffix).expect("is an id"));
        let hero = self.images.stamps_url(self.name, view);
        let input = CardInput {
            class_id: &class_id,
            view,
            template: &loaded.template,
            identify_code: IDENTIFY,
            rotating: Some(&ROTATING),
            linked: &linked,
            hero: hero.as_deref(),
        };
        loyalty_object(&input).expect("has an id")
    }

    pub fn voucher(&self, view: &PassView, end: Option<VoucherEnd>) -> OfferObject {
        let loaded = self.templates.get(self.name).expect("is there");
        let class_id = self.offer().id;
        offer_object(&VoucherInput { class_id: &class_id, view, template: &loaded.template, rotating: Some(&ROTATING), end })
            .expect("has an id")
    }
}

/// Neither Google's schema nor our rules have anything against a resource, inserted or patched; the answer is its body.
pub fn accepted<R: Resource>(resource: &R) -> Value {
    let (body, patch) = (resource.body(), patch_body(resource));
    for (what, schema, body) in [("insert", faults(R::KIND, &body), &body), ("patch", patch_faults(R::KIND, &patch), &patch)] {
        assert!(schema.is_empty(), "{what} {}\n{}\n{body:#}", R::KIND.path(), schema.join("\n"));
        let refused: Vec<_> = check(R::KIND, body).into_iter().filter(|finding| finding.grade == Grade::Refused).collect();
        assert!(refused.is_empty(), "{what} {}\n{refused:#?}\n{body:#}", R::KIND.path());
    }
    body
}
