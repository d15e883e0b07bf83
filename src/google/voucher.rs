//! A reward as Google's offer class, a voucher as its offer object.
//!
//! Title and terms stand on the class, so each reward of a programme has one; a voucher is an object of it.

use crate::google::card::{ClassInput, RotatingCode, class_shared, rotating_barcode, split, until};
use crate::google::face::{self, Said};
use crate::google::model::shared::HolderShared;
use crate::google::model::{Image, ObjectShared, OfferClass, OfferObject, RedemptionChannel, State};
use crate::google::naming;
use crate::google::resource::{ResourceId, ResourceIdError};
use crate::passes::render::Rendering;
use crate::passes::{PassKind, PassView, Template};
use crate::programme::Reward;

/// The class of a reward. `input.images` are those of vouchers.
#[must_use]
pub fn offer_class(input: &ClassInput<'_>, reward: &Reward) -> OfferClass {
    let ClassInput { template, images, .. } = *input;
    let provider = face::name(input.organisation, template).unwrap_or_else(|| Said { plain: String::new(), localized: None });
    // A reward has a name, says the programme's document; its id is better than nothing.
    let title = face::name(&reward.name, template).unwrap_or_else(|| Said { plain: reward.id.clone(), localized: None });
    let mut branding = face::branding(input.organisation, template, PassKind::Voucher);
    branding.hero_image = images.hero.clone().map(Image::at);
    branding.homepage_uri = input.homepage.map(|address| face::homepage(address, &provider));
    let (fine_print, localized_fine_print) = split(face::name(&input.programme.terms, template));
    OfferClass {
        id: naming::offer_class(input.issuer, input.programme_id, &reward.id),
        branding,
        provider: provider.plain,
        localized_provider: provider.localized,
        redemption_channel: RedemptionChannel::Instore,
        title: title.plain,
        localized_title: title.localized,
        short_title: None,
        localized_short_title: None,
        title_image: Some(Image::at(images.logo.clone())),
        wide_title_image: None,
        details: None,
        localized_details: None,
        fine_print,
        localized_fine_print,
        help_uri: None,
        shared: class_shared(input, PassKind::Voucher),
    }
}

/// Why a voucher is good no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VoucherEnd {
    /// It was taken.
    Used,
    /// Its time is over.
    Expired,
    /// It was cancelled, or its pass was replaced.
    Cancelled,
}

/// What a voucher's object is made of.
#[derive(Debug, Clone, Copy)]
pub struct VoucherInput<'a> {
    /// Its class, by [`naming::offer_class`].
    pub class_id: &'a ResourceId,
    /// What it shows, its code among it.
    pub view: &'a PassView,
    /// How it looks.
    pub template: &'a Template,
    /// The code that the phone renews; it redeems the same as the fixed one.
    pub rotating: Option<&'a RotatingCode<'a>>,
    /// Why it is good no more; none while it is.
    pub end: Option<VoucherEnd>,
}

/// The object of a voucher. One that is good no more has no code and is put away by the wallet.
///
/// # Errors
/// The view's serial number can't stand in an id.
pub fn offer_object(input: &VoucherInput<'_>) -> Result<OfferObject, ResourceIdError> {
    let VoucherInput { view, template, .. } = *input;
    let rendering = Rendering::new(template, view);
    let end = input.end.or(view.voided.then_some(VoucherEnd::Cancelled));
    let state = match end {
        None => State::Active,
        Some(VoucherEnd::Used) => State::Completed,
        Some(VoucherEnd::Expired) => State::Expired,
        Some(VoucherEnd::Cancelled) => State::Inactive,
    };
    let good = view.code.is_some() && end.is_none();
    let code = good.then(|| rendering.member_text(&rendering.design.barcode.message)).flatten();
    let shared = ObjectShared {
        barcode: code.map(|text| face::barcode(&rendering, text.into_owned())),
        rotating_barcode: input.rotating.filter(|_| good).map(|code| rotating_barcode(code, &rendering)),
        text_modules_data: face::pass_texts(&rendering, template),
        links_module_data: face::links(&rendering, template),
        valid_time_interval: until(view),
        extra: face::extra(&rendering.design.google.object_extra),
        ..ObjectShared::of(naming::object(input.class_id.issuer(), &view.serial)?, input.class_id.clone())
    };
    Ok(OfferObject { shared, holder: HolderShared::in_state(state) })
}
