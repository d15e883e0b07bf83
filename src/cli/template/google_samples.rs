//! Pictures of sample passes in Google Wallet: the class and object that would be sent, drawn.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::cards::{LoadedTemplate, Templates};
use crate::google::card::{CardInput, ClassInput, RotatingCode, loyalty_class, loyalty_object};
use crate::google::images::{ImageUrls, Images};
use crate::google::model::Resource;
use crate::google::resource::IssuerId;
use crate::google::voucher::{VoucherEnd, VoucherInput, offer_class, offer_object};
use crate::ids::ProgrammeId;
use crate::passes::preview::google::GooglePicture;
use crate::passes::{PassKind, PassView};
use crate::programme::{Localised, Programme};

/// An issuer that nobody has.
const SAMPLE_ISSUER: &str = "3388000000000000000";
const SAMPLE_URL: &str = "https://wallet.example";
const SAMPLE_CODE: &str = "W1SAMP1E0SAMP1E0SAMP1E0SAMP1E0SAMP1E0SAMP1E0";

/// What samples are made of.
pub struct Samples {
    loaded: Arc<LoadedTemplate>,
    images: Images,
    programme: Programme,
    issuer: IssuerId,
}

impl Samples {
    /// Those of a template; none if its own programme document can't be read.
    pub fn of(templates: &Templates, loaded: &Arc<LoadedTemplate>) -> Option<Self> {
        let toml: toml::Value = toml::from_str(loaded.template.programme_toml()).ok()?;
        let programme = Programme::parse(&serde_json::to_string(&toml).ok()?).ok()?;
        let images = Images::of(templates, SAMPLE_URL);
        Some(Self { loaded: Arc::clone(loaded), images, programme, issuer: SAMPLE_ISSUER.parse().ok()? })
    }

    /// A view as Google Wallet shows it; none if the template is not offered there.
    pub fn html(&self, view: &PassView) -> Option<String> {
        let urls = self.images.urls(&self.loaded.name, view.kind)?;
        let organisation = Localised::from([(view.language.clone(), view.organisation.clone())]);
        let input = self.class_input(&urls, &organisation);
        let (class, object) = match view.kind {
            PassKind::Card => self.card(&input, view)?,
            PassKind::Voucher => self.voucher(&input, view)?,
        };
        let image = |url: &str| {
            let name = url.rsplit('/').next().unwrap_or_default();
            let png = self.images.png(name).unwrap_or_default();
            format!("data:image/png;base64,{}", BASE64_STANDARD.encode(png))
        };
        Some(GooglePicture { class: &class, object: &object, language: &view.language, image: &image }.html())
    }

    fn class_input<'a>(&'a self, images: &'a ImageUrls, organisation: &'a Localised) -> ClassInput<'a> {
        ClassInput {
            issuer: self.issuer,
            programme_id: ProgrammeId([0; 16]),
            programme: &self.programme,
            organisation,
            template: &self.loaded.template,
            images,
            callback_url: None,
            homepage: None,
        }
    }

    fn card(&self, input: &ClassInput<'_>, view: &PassView) -> Option<(serde_json::Value, serde_json::Value)> {
        let class = loyalty_class(input, None);
        let hero = self.images.stamps_url(&self.loaded.name, view);
        let rotating = RotatingCode {
            key_hex: "00",
            period_ms: 30_000,
            digits: 8,
            value_pattern: "W3SAMP1E0SAMP1E0SAMP1E0SAMP-{totp_timestamp_seconds}-{totp_value_0}",
        };
        let object = loyalty_object(&CardInput {
            class_id: &class.id,
            view,
            template: &self.loaded.template,
            identify_code: SAMPLE_CODE,
            rotating: Some(&rotating),
            linked: &[],
            hero: hero.as_deref(),
        });
        Some((class.body(), object.ok()?.body()))
    }

    fn voucher(&self, input: &ClassInput<'_>, view: &PassView) -> Option<(serde_json::Value, serde_json::Value)> {
        let name = &view.voucher.as_ref()?.reward;
        let reward = self.programme.rewards.iter().find(|reward| reward.name.values().any(|known| known == name))?;
        let class = offer_class(input, reward);
        let end = view.voided.then_some(VoucherEnd::Used);
        let object =
            offer_object(&VoucherInput { class_id: &class.id, view, template: &self.loaded.template, rotating: None, end });
        Some((class.body(), object.ok()?.body()))
    }
}
