//! A programme as Google's loyalty class, a card as its loyalty object.

use crate::google::face::{self, Said};
use crate::google::images::ImageUrls;
use crate::google::model::barcode::{TotpAlgorithm, TotpDetails, TotpParameter};
use crate::google::model::pass::HoldersAllowed;
use crate::google::model::shared::{CallbackOptions, HolderShared};
use crate::google::model::text::Int64;
use crate::google::model::{
    Balance, BarcodeType, ClassShared, DateTime, Image, LocalizedString, LoyaltyClass, LoyaltyObject, LoyaltyPoints,
    ObjectShared, RotatingBarcode, State, TimeInterval,
};
use crate::google::naming;
use crate::google::resource::{IssuerId, ResourceId, ResourceIdError};
use crate::ids::ProgrammeId;
use crate::passes::design::{Field, GoogleSlot};
use crate::passes::render::{Rendering, Shown, ShownField};
use crate::passes::{PassKind, PassView, Template};
use crate::programme::{Localised, Programme};

/// What all classes of a programme are made of.
#[derive(Debug, Clone, Copy)]
pub struct ClassInput<'a> {
    /// Under which issuer.
    pub issuer: IssuerId,
    /// The programme's id.
    pub programme_id: ProgrammeId,
    /// The programme.
    pub programme: &'a Programme,
    /// The shop chain's name.
    pub organisation: &'a Localised,
    /// How passes look.
    pub template: &'a Template,
    /// Where the pictures of this kind of pass are.
    pub images: &'a ImageUrls,
    /// Where Google says that a pass was saved or deleted: https.
    pub callback_url: Option<&'a str>,
    /// The shop's page.
    pub homepage: Option<&'a str>,
}

/// A tier, which stands on the class: its members have a class of their own.
#[derive(Debug, Clone, Copy)]
pub struct TierFace<'a> {
    /// Its id in the programme.
    pub id: &'a str,
    /// Its name.
    pub name: &'a Localised,
    /// What stands above the name.
    pub label: &'a Localised,
}

/// The class of a programme, or of one tier of it.
#[must_use]
pub fn loyalty_class(input: &ClassInput<'_>, tier: Option<&TierFace<'_>>) -> LoyaltyClass {
    let ClassInput { template, images, .. } = *input;
    let design = template.design(PassKind::Card);
    let name = face::name(&input.programme.name, template);
    let name = name.unwrap_or_else(|| Said { plain: String::new(), localized: None });
    let mut branding = face::branding(input.organisation, template, PassKind::Card);
    branding.hero_image = images.hero.clone().map(Image::at);
    branding.homepage_uri = input.homepage.map(|address| face::homepage(address, &name));
    let label = |slot| {
        let field = design.fields.iter().find(|field: &&Field| field.google == Some(slot))?;
        face::fixed(field.label.as_ref()?, template).filter(|label| !label.plain.is_empty())
    };
    let (account_id_label, localized_account_id_label) = split(label(GoogleSlot::AccountId));
    let (account_name_label, localized_account_name_label) = split(label(GoogleSlot::AccountName));
    let (rewards_tier, localized_rewards_tier) = split(tier.and_then(|tier| face::name(tier.name, template)));
    let (rewards_tier_label, localized_rewards_tier_label) = split(tier.and_then(|tier| face::name(tier.label, template)));
    LoyaltyClass {
        id: naming::loyalty_class(input.issuer, input.programme_id, tier.map(|tier| tier.id)),
        branding,
        program_name: name.plain,
        localized_program_name: name.localized,
        program_logo: Image::at(images.logo.clone()),
        wide_program_logo: None,
        account_id_label,
        localized_account_id_label,
        account_name_label,
        localized_account_name_label,
        rewards_tier_label,
        localized_rewards_tier_label,
        rewards_tier,
        localized_rewards_tier,
        secondary_rewards_tier_label: None,
        localized_secondary_rewards_tier_label: None,
        secondary_rewards_tier: None,
        localized_secondary_rewards_tier: None,
        discoverable_program: None,
        shared: class_shared(input, PassKind::Card),
    }
}

/// What the classes of cards and vouchers have in common.
pub(super) fn class_shared(input: &ClassInput<'_>, kind: PassKind) -> ClassShared {
    let design = input.template.design(kind);
    ClassShared {
        callback_options: input.callback_url.map(|url| CallbackOptions { url: url.to_owned() }),
        class_template_info: face::rows(design),
        // A save link that leaks can't be used by a second account.
        multiple_devices_and_holders_allowed_status: Some(HoldersAllowed::OneUserAllDevices),
        text_modules_data: face::class_texts(design, input.template),
        extra: face::extra(&design.google.class_extra),
        ..ClassShared::default()
    }
}

/// A text and its twin.
pub(super) fn split(said: Option<Said>) -> (Option<String>, Option<LocalizedString>) {
    said.map_or((None, None), |said| (Some(said.plain), said.localized))
}

/// What a card's object is made of.
#[derive(Debug, Clone, Copy)]
pub struct CardInput<'a> {
    /// Its class, by [`naming::loyalty_class`].
    pub class_id: &'a ResourceId,
    /// What it shows. Its code spends points and is not shown here.
    pub view: &'a PassView,
    /// How it looks.
    pub template: &'a Template,
    /// The text of the fixed code: the identify token, which never spends.
    pub identify_code: &'a str,
    /// The code that the phone renews.
    pub rotating: Option<&'a RotatingCode<'a>>,
    /// Objects that come with the card: its vouchers, old ones and new ones.
    pub linked: &'a [ResourceId],
    /// The banner of this very card, by [`crate::google::images::Images::stamps_url`].
    pub hero: Option<&'a str>,
}

/// A code that the phone renews.
#[derive(Clone, Copy)]
pub struct RotatingCode<'a> {
    /// The secret, in hexadecimal.
    pub key_hex: &'a str,
    /// How long a value holds, in milliseconds.
    pub period_ms: i64,
    /// How many digits a value has.
    pub digits: i32,
    /// What the code says, with `{totp_value_0}` and `{totp_timestamp_seconds}` in it.
    pub value_pattern: &'a str,
}

/// The secret stays out of logs.
impl std::fmt::Debug for RotatingCode<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RotatingCode").field("period_ms", &self.period_ms).field("digits", &self.digits).finish_non_exhaustive()
    }
}

/// The object of a card. A void one has no code and is put away by the wallet.
///
/// # Errors
/// The view's serial number can't stand in an id.
pub fn loyalty_object(input: &CardInput<'_>) -> Result<LoyaltyObject, ResourceIdError> {
    let CardInput { view, template, .. } = *input;
    let rendering = Rendering::new(template, view);
    let id = naming::object(input.class_id.issuer(), &view.serial)?;
    let state = if view.voided { State::Inactive } else { State::Active };
    let slot = |wanted| rendering.fields().find(|shown| shown.field.google == Some(wanted));
    let plain = |shown: ShownField<'_>| face::value(&shown, &rendering, template).plain;
    let points = |shown: ShownField<'_>| loyalty_points(&shown, &rendering, template);
    let shared = ObjectShared {
        barcode: (!view.voided).then(|| identify_barcode(input)),
        rotating_barcode: input.rotating.filter(|_| !view.voided).map(|code| rotating_barcode(code, &rendering)),
        hero_image: input.hero.map(|url| Image::at(url.to_owned())),
        text_modules_data: face::pass_texts(&rendering, template),
        links_module_data: face::links(&rendering, template),
        linked_object_ids: input.linked.iter().map(ToString::to_string).collect(),
        valid_time_interval: until(view),
        extra: face::extra(&rendering.design.google.object_extra),
        ..ObjectShared::of(id, input.class_id.clone())
    };
    Ok(LoyaltyObject {
        shared,
        holder: HolderShared::in_state(state),
        account_id: slot(GoogleSlot::AccountId).map(plain),
        account_name: slot(GoogleSlot::AccountName).map(plain),
        loyalty_points: slot(GoogleSlot::Points).map(points),
        secondary_loyalty_points: slot(GoogleSlot::SecondaryPoints).map(points),
        linked_offer_ids: Vec::new(),
    })
}

/// Until when a pass is good, if it ends.
pub(super) fn until(view: &PassView) -> Option<TimeInterval> {
    view.expires.map(|end| TimeInterval { start: None, end: Some(DateTime::from(end)) })
}

fn loyalty_points(shown: &ShownField<'_>, rendering: &Rendering<'_>, template: &Template) -> LoyaltyPoints {
    let (label, localized_label) = split(face::label(shown, template));
    let balance = match shown.value {
        Shown::Number(points) => Balance::points(points),
        _ => Balance::Text(face::value(shown, rendering, template).plain),
    };
    LoyaltyPoints { label, localized_label, balance }
}

/// The fixed code: the template's message around the identify token instead of the one that spends.
fn identify_barcode(input: &CardInput<'_>) -> crate::google::model::Barcode {
    let view = PassView { code: Some(input.identify_code.to_owned()), ..input.view.clone() };
    let rendering = Rendering::new(input.template, &view);
    let text = rendering.member_text(&rendering.design.barcode.message);
    let text = text.map_or_else(|| input.identify_code.to_owned(), std::borrow::Cow::into_owned);
    face::barcode(&rendering, text)
}

/// The code that the phone renews, in the symbology of the template where that can turn.
pub(super) fn rotating_barcode(code: &RotatingCode<'_>, rendering: &Rendering<'_>) -> RotatingBarcode {
    let kind = match face::symbology(rendering.design.barcode.format) {
        BarcodeType::Pdf417 => BarcodeType::Pdf417,
        // Google turns nothing else.
        _ => BarcodeType::QrCode,
    };
    RotatingBarcode {
        kind,
        value_pattern: code.value_pattern.to_owned(),
        totp_details: TotpDetails {
            algorithm: TotpAlgorithm::TotpSha1,
            period_millis: Int64(code.period_ms),
            parameters: vec![TotpParameter { key: code.key_hex.to_owned(), value_length: code.digits }],
        },
        alternate_text: face::alternate_text(rendering),
        render_encoding: None,
        show_code_text: None,
    }
}
