//! From a pass's row to the bodies of its class and its object: view, template, code, key of the turning code, linked vouchers.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::Value;

use super::callbacks;
use super::card::{CardInput, ClassInput, RotatingCode, loyalty_class, loyalty_object};
use super::images::Images;
use super::model::Resource;
use super::naming;
use super::patch::patch_body;
use super::resource::{IssuerId, ResourceId, ResourceIdError, ResourceKind};
use super::voucher::{VoucherEnd, VoucherInput, offer_class, offer_object};
use crate::cards::{Codes, LoadedTemplate, Templates, ViewBuilder, ViewError, Viewed};
use crate::db::{Db, DbError};
use crate::error::Problem;
use crate::ids::OrgId;
use crate::ledger::{Pass, PassKind, VoucherState};
use crate::passes;
use crate::programme::{Localised, Programme, Reward};
use crate::tokens::{KeyScope, Kid, ROTATING_DIGITS, ROTATING_PERIOD_SECONDS, W3};

/// Vouchers that a card can bring along: Google ignores what is beyond.
pub const MOST_LINKED: usize = 50;

/// Why there is nothing to write.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// The programme names a template that is not there.
    #[error("there is no pass template called {0}")]
    NoTemplate(String),
    /// The template has no pictures for Google.
    #[error("the pass template {0} has no pictures for Google Wallet: it needs images/google/logo.png")]
    NoImages(String),
    /// What it is to show can't be read.
    #[error(transparent)]
    View(#[from] ViewError),
    /// A code can't be derived.
    #[error("the pass's code can't be made: {0}")]
    Code(Problem),
    /// A serial number that can't stand in an id.
    #[error(transparent)]
    Id(#[from] ResourceIdError),
}

impl From<DbError> for ComposeError {
    fn from(error: DbError) -> Self {
        Self::View(error.into())
    }
}

/// A class or an object as it is made, and as it is changed.
#[derive(Debug, Clone)]
pub struct Body {
    /// Which collection.
    pub kind: ResourceKind,
    /// Its id.
    pub id: ResourceId,
    /// The whole of it, for an insert.
    pub whole: Value,
    /// What we manage, for a patch.
    pub patch: Value,
    /// SHA-256 of the patch: equal means that there is nothing to send.
    pub digest: [u8; 32],
}

impl Body {
    fn of<R: Resource>(id: ResourceId, resource: &R) -> Self {
        let patch = patch_body(resource);
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, patch.to_string().as_bytes()).as_ref());
        Self { kind: R::KIND, id, whole: resource.body(), patch, digest: bytes }
    }
}

/// A pass's object and the class that it needs.
#[derive(Debug, Clone)]
pub struct Composed {
    /// The class.
    pub class: Body,
    /// The object.
    pub object: Body,
}

/// Makes bodies.
pub struct Composer {
    db: Arc<dyn Db>,
    views: ViewBuilder,
    templates: Arc<Templates>,
    images: Arc<Images>,
}

impl Composer {
    /// A composer over the templates that there are.
    #[must_use]
    pub fn new(db: Arc<dyn Db>, views: ViewBuilder, (templates, images): (Arc<Templates>, Arc<Images>)) -> Self {
        Self { db, views, templates, images }
    }

    /// The pictures that Google fetches.
    #[must_use]
    pub fn images(&self) -> &Arc<Images> {
        &self.images
    }

    /// The bodies of a pass whose row was just read. `linked` are the objects of the card's vouchers.
    ///
    /// # Errors
    /// The database does not answer, or what it holds can't be shown in Google Wallet.
    pub async fn pass(&self, issuer: IssuerId, pass: &Pass, linked: &[ResourceId]) -> Result<Composed, ComposeError> {
        let viewed = self.views.view(pass).await?;
        let class = self.class_of(issuer, pass, &viewed)?;
        let object = match pass.kind {
            PassKind::Card => self.card(pass, &viewed, (&class.id, linked)).await?,
            PassKind::Voucher => self.voucher(pass, &viewed, &class.id)?,
        };
        Ok(Composed { class, object })
    }

    /// Every class of a programme: its cards', and one for each reward.
    ///
    /// # Errors
    /// The template is not there or has no pictures for Google.
    pub fn classes(
        &self,
        issuer: IssuerId,
        (org, programme_id, programme, organisation): (OrgId, crate::ids::ProgrammeId, &Programme, &Localised),
    ) -> Result<Vec<Body>, ComposeError> {
        let template = self.template(programme)?;
        let callback_url = self.callback_url(org);
        let mut classes = Vec::with_capacity(1 + programme.rewards.len());
        for kind in passes::PassKind::ALL {
            let images = self.images.urls(&template.name, kind).ok_or_else(|| ComposeError::NoImages(template.name.clone()))?;
            let input = ClassInput {
                issuer,
                programme_id,
                programme,
                organisation,
                template: &template.template,
                images: &images,
                callback_url: Some(&callback_url),
                homepage: None,
            };
            match kind {
                passes::PassKind::Card => {
                    classes.push(Body::of(naming::loyalty_class(issuer, programme_id, None), &loyalty_class(&input, None)));
                }
                passes::PassKind::Voucher => {
                    classes.extend(programme.rewards.iter().map(|reward| {
                        Body::of(naming::offer_class(issuer, programme_id, &reward.id), &offer_class(&input, reward))
                    }));
                }
            }
        }
        Ok(classes)
    }

    fn template(&self, programme: &Programme) -> Result<Arc<LoadedTemplate>, ComposeError> {
        self.templates.get(&programme.template).ok_or_else(|| ComposeError::NoTemplate(programme.template.clone()))
    }

    fn callback_url(&self, org: OrgId) -> String {
        format!("{}{}/{org}", self.views.public_url(), callbacks::MOUNT)
    }

    fn class_of(&self, issuer: IssuerId, pass: &Pass, viewed: &Viewed) -> Result<Body, ComposeError> {
        let programme = &viewed.programme;
        let template = self.template(programme)?;
        let kind = viewed.view.kind;
        let images = self.images.urls(&template.name, kind).ok_or_else(|| ComposeError::NoImages(template.name.clone()))?;
        let callback_url = self.callback_url(pass.org);
        let input = ClassInput {
            issuer,
            programme_id: pass.programme,
            programme,
            organisation: &viewed.organisation,
            template: &template.template,
            images: &images,
            callback_url: Some(&callback_url),
            homepage: None,
        };
        Ok(match &viewed.voucher {
            None => Body::of(naming::loyalty_class(issuer, pass.programme, None), &loyalty_class(&input, None)),
            Some(voucher) => {
                let id = naming::offer_class(issuer, pass.programme, &voucher.reward);
                // A reward that the programme no longer has keeps its class for the vouchers that are out.
                let gone = || Reward {
                    id: voucher.reward.clone(),
                    name: Localised::from([("en".to_owned(), voucher.reward.clone())]),
                    points: voucher.points,
                    value: None,
                    status: crate::programme::Status::Disabled,
                };
                match programme.reward(&voucher.reward) {
                    Some(reward) => Body::of(id, &offer_class(&input, reward)),
                    None => Body::of(id, &offer_class(&input, &gone())),
                }
            }
        })
    }

    async fn card(
        &self,
        pass: &Pass,
        viewed: &Viewed,
        (class_id, linked): (&ResourceId, &[ResourceId]),
    ) -> Result<Body, ComposeError> {
        let template = self.template(&viewed.programme)?;
        let view = &viewed.view;
        let keyring = self.views.keyring();
        let codes = Codes { keyring, org: pass.org };
        let identify_code = match view.voided {
            true => String::new(),
            false => codes.identify(self.db.as_ref(), pass).await.map_err(ComposeError::Code)?,
        };
        let turning = self.turning(pass)?;
        let hero = self.images.stamps_url(&template.name, view);
        let input = CardInput {
            class_id,
            view,
            template: &template.template,
            identify_code: &identify_code,
            rotating: Some(&turning.code()),
            linked,
            hero: hero.as_deref(),
        };
        let object = loyalty_object(&input)?;
        Ok(Body::of(naming::object(class_id.issuer(), &view.serial)?, &object))
    }

    fn voucher(&self, pass: &Pass, viewed: &Viewed, class_id: &ResourceId) -> Result<Body, ComposeError> {
        let template = self.template(&viewed.programme)?;
        let view = &viewed.view;
        let end = viewed.voucher.as_ref().and_then(|voucher| match voucher.state {
            VoucherState::Issued => None,
            VoucherState::Captured | VoucherState::Reversed => Some(VoucherEnd::Used),
            VoucherState::Expired => Some(VoucherEnd::Expired),
            VoucherState::Cancelled => Some(VoucherEnd::Cancelled),
        });
        let turning = self.turning(pass)?;
        let rotating = Some(&turning.code());
        let object = offer_object(&VoucherInput { class_id, view, template: &template.template, rotating, end })?;
        Ok(Body::of(naming::object(class_id.issuer(), &view.serial)?, &object))
    }

    fn turning(&self, pass: &Pass) -> Result<Turning, ComposeError> {
        let scope = KeyScope { org: pass.org, kid: Kid(pass.auth_kid) };
        let key = self.views.keyring().rotating_key(scope, pass.id);
        let key = key.map_err(|_| ComposeError::Code(crate::error::Code::Internal.into()))?;
        Ok(Turning { key_hex: key.to_hex(), value_pattern: W3::value_pattern(pass.id) })
    }
}

/// The turning code of a pass: what Google is told of it.
struct Turning {
    key_hex: zeroize::Zeroizing<String>,
    value_pattern: String,
}

impl Turning {
    fn code(&self) -> RotatingCode<'_> {
        RotatingCode {
            key_hex: &self.key_hex,
            period_ms: ROTATING_PERIOD_SECONDS * 1_000,
            digits: i32::try_from(ROTATING_DIGITS).unwrap_or(8),
            value_pattern: &self.value_pattern,
        }
    }
}
