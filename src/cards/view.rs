//! From the ledger's rows to the [`PassView`]: what a pass shows now, names unsealed, its code and links derived.
//!
//! The pass's own row is read by the caller, before everything here: what is shown may be newer than that row says, never
//! older, so that a phone which holds its version has seen at least that version.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::clock::{Clock, Timestamp};
use crate::db::{Db, DbError};
use crate::error::Problem;
use crate::ids::encode;
use crate::ledger::{
    CardState, Change, ChangeKind, Document, DocumentKey, DocumentKind, Member, Pass, PassKind, PassState, Voucher,
};
use crate::money::Points;
use crate::passes::{self, NextReward, PassView, RewardLine, Stamps, VoucherView};
use crate::programme::{Localised, OrganisationDocument, Programme, Status};
use crate::tokens::Keyring;

use super::{Codes, Profile, card_link};

/// Parsed programme documents that are kept; beyond it all are forgotten and read again.
const MAX_PARSED: usize = 1_000;

/// Why there is nothing to show.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// The database did not answer.
    #[error(transparent)]
    Db(#[from] DbError),
    /// A row that the pass leads to is not there.
    #[error("the {0} of the pass is not there")]
    Missing(&'static str),
    /// A document, profile or key can't be read.
    #[error("the pass can't be shown: {0}")]
    Unreadable(Problem),
}

impl From<Problem> for ViewError {
    fn from(problem: Problem) -> Self {
        Self::Unreadable(problem)
    }
}

/// A view and the programme that it was made with.
#[derive(Debug, Clone)]
pub struct Viewed {
    /// What the pass shows.
    pub view: PassView,
    /// The programme, which names the template.
    pub programme: Arc<Programme>,
    /// The shop chain's name in every language.
    pub organisation: Localised,
    /// The voucher, for a voucher's pass.
    pub voucher: Option<Voucher>,
}

/// Makes views.
pub struct ViewBuilder {
    db: Arc<dyn Db>,
    keyring: Arc<Keyring>,
    clock: Arc<dyn Clock>,
    public_url: Arc<str>,
    parsed: Mutex<HashMap<DocumentKey, (i64, Arc<Programme>)>>,
}

/// The rows behind a view.
struct Rows {
    pass: Pass,
    card: CardState,
    member: Member,
    programme: Arc<Programme>,
    organisation: Option<OrganisationDocument>,
    voucher: Option<Voucher>,
    /// The card's current pass, whose link opens the card page.
    card_pass: Pass,
}

impl ViewBuilder {
    /// Makes views from a database; `public_url` is where members reach us, without a slash at the end.
    #[must_use]
    pub fn new(db: Arc<dyn Db>, keyring: Arc<Keyring>, clock: Arc<dyn Clock>, public_url: Arc<str>) -> Self {
        Self { db, keyring, clock, public_url, parsed: Mutex::default() }
    }

    /// Where members reach us.
    #[must_use]
    pub fn public_url(&self) -> &str {
        &self.public_url
    }

    /// The master keys.
    #[must_use]
    pub fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// What a pass shows now.
    ///
    /// # Errors
    /// The database does not answer, or what it holds can't be shown.
    pub async fn view(&self, pass: &Pass) -> Result<Viewed, ViewError> {
        let rows = self.rows(pass).await?;
        let view = self.show(&rows)?;
        let organisation = rows.organisation.map_or_else(|| rows.programme.name.clone(), |organisation| organisation.name);
        Ok(Viewed { view, programme: rows.programme, organisation, voucher: rows.voucher })
    }

    async fn rows(&self, pass: &Pass) -> Result<Rows, ViewError> {
        let org = pass.org;
        let card = self.db.card(org, pass.card).await?.ok_or(ViewError::Missing("card"))?;
        let member = self.db.member(org, card.card.member).await?.ok_or(ViewError::Missing("member"))?;
        let document = self.db.document(DocumentKey::programme(org, pass.programme)).await?;
        let programme = self.parse(&document.ok_or(ViewError::Missing("programme"))?)?;
        let organisation = DocumentKey { org, kind: DocumentKind::Organisation, id: org.0 };
        let organisation = match self.db.document(organisation).await? {
            Some(document) => Some(OrganisationDocument::parse(&document.body)?),
            None => None,
        };
        let voucher = match pass.voucher {
            Some(id) => Some(self.db.voucher(org, id).await?.ok_or(ViewError::Missing("voucher"))?),
            None => None,
        };
        let card_pass = if card.card.pass == pass.id { Some(pass.clone()) } else { self.db.pass(card.card.pass).await? };
        let card_pass = card_pass.ok_or(ViewError::Missing("card's pass"))?;
        Ok(Rows { pass: pass.clone(), card, member, programme, organisation, voucher, card_pass })
    }

    fn parse(&self, document: &Document) -> Result<Arc<Programme>, ViewError> {
        let mut parsed = self.parsed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, programme)) = parsed.get(&document.key).filter(|(version, _)| *version == document.version) {
            return Ok(Arc::clone(programme));
        }
        let programme = Arc::new(Programme::parse(&document.body)?);
        if parsed.len() >= MAX_PARSED {
            parsed.clear();
        }
        parsed.insert(document.key, (document.version, Arc::clone(&programme)));
        Ok(programme)
    }

    fn show(&self, rows: &Rows) -> Result<PassView, ViewError> {
        let Rows { pass, card, member, programme, .. } = rows;
        let owner = (pass.org, member.id);
        let profile = member.profile.as_ref().map(|sealed| Profile::open(sealed, &self.keyring, owner)).transpose()?;
        let zone = programme.zone();
        // What waits for a proof of the contact can't be spent, so a pass does not promise it.
        let balance = if card.card.verified { card.spendable(self.clock.now().local_day(zone)) } else { 0 };
        let voided = pass.state == PassState::Voided;
        let language = member.language.as_str();
        let organisation = rows.organisation.as_ref().map_or(&programme.name, |organisation| &organisation.name);
        let codes = Codes { keyring: &self.keyring, org: pass.org };
        Ok(PassView {
            serial: encode(&pass.id.0),
            kind: match pass.kind {
                PassKind::Card => passes::PassKind::Card,
                PassKind::Voucher => passes::PassKind::Voucher,
            },
            language: language.to_owned(),
            organisation: in_language(organisation, language),
            programme: in_language(&programme.name, language),
            member_name: profile.and_then(|profile| profile.name),
            member_number: card.card.number.clone(),
            points: Points(balance),
            held: Points(card.card.held),
            debt: Points(card.card.debt),
            next_reward: next_reward(programme, balance, language),
            rewards: rewards(programme, balance, language),
            stamps: stamps(programme, balance),
            code: if voided { None } else { Some(codes.of_pass(pass)?) },
            card_page: if voided { None } else { Some(self.card_page(&rows.card_pass)?) },
            last_change: shown_change(&pass.change),
            voucher: rows.voucher.as_ref().map(|voucher| voucher_view(voucher, programme, language)),
            voided,
            currency: programme.currency,
            time_zone: zone,
            expires: rows.voucher.as_ref().and_then(|voucher| voucher.expires_at),
        })
    }

    fn card_page(&self, card_pass: &Pass) -> Result<String, Problem> {
        Ok(format!("{}/c/{}", self.public_url, card_link(&self.keyring, card_pass)?))
    }
}

/// A text in the member's language, else in its primary language, else in English.
fn in_language(text: &Localised, language: &str) -> String {
    let primary = language.split('-').next().unwrap_or(language);
    let found = [language, primary, "en"].into_iter().find_map(|code| text.get(code));
    found.or_else(|| text.values().next()).cloned().unwrap_or_default()
}

fn rewards(programme: &Programme, balance: i64, language: &str) -> Vec<RewardLine> {
    let open = programme.rewards.iter().filter(|reward| reward.status == Status::Active);
    open.map(|reward| RewardLine {
        name: in_language(&reward.name, language),
        points: Points(reward.points),
        available: reward.points <= balance,
    })
    .collect()
}

/// The cheapest reward that the balance does not reach.
fn next_reward(programme: &Programme, balance: i64, language: &str) -> Option<NextReward> {
    let beyond = programme.rewards.iter().filter(|reward| reward.status == Status::Active && reward.points > balance);
    beyond.min_by_key(|reward| reward.points).map(|reward| NextReward {
        name: in_language(&reward.name, language),
        points: Points(reward.points),
        missing: Points(reward.points - balance),
    })
}

/// Points as stamps towards the cheapest reward; templates without stamps don't look at it.
fn stamps(programme: &Programme, balance: i64) -> Option<Stamps> {
    let open = programme.rewards.iter().filter(|reward| reward.status == Status::Active);
    let target = open.map(|reward| reward.points).min()?;
    let number = |points: i64| u32::try_from(points.max(0)).unwrap_or(u32::MAX);
    Some(Stamps { count: number(balance.min(target)), target: number(target) })
}

fn voucher_view(voucher: &Voucher, programme: &Programme, language: &str) -> VoucherView {
    let reward = programme.reward(&voucher.reward);
    VoucherView {
        reward: reward.map_or_else(|| voucher.reward.clone(), |reward| in_language(&reward.name, language)),
        points: Points(voucher.points),
        expires: voucher.expires_at,
    }
}

/// The change as members see it; what happened to the pass rather than to the points shows nothing.
fn shown_change(change: &Change) -> Option<passes::Change> {
    let kind = match change.kind {
        ChangeKind::Joined => passes::ChangeKind::Joined,
        ChangeKind::Earned => passes::ChangeKind::Earned,
        ChangeKind::Returned => passes::ChangeKind::Returned,
        ChangeKind::Adjusted => passes::ChangeKind::Adjusted,
        ChangeKind::VoucherIssued => passes::ChangeKind::VoucherIssued,
        ChangeKind::VoucherReleased => passes::ChangeKind::VoucherCancelled,
        ChangeKind::Redeemed => passes::ChangeKind::Redeemed,
        ChangeKind::Reversed => passes::ChangeKind::Reversed,
        ChangeKind::Reissued | ChangeKind::Updated | ChangeKind::Erased => return None,
    };
    let at: Timestamp = change.at;
    Some(passes::Change { kind, points: Points(change.points), at })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn programme() -> Programme {
        let text = serde_json::json!({
            "name": {"en": "Circle", "ar": "دائرة"}, "currency": "KWD", "time_zone": "Asia/Kuwait", "template": "coffee",
            "earning": {"points_per_unit": "10"},
            "rewards": [
                {"id": "cake", "name": {"en": "Cake"}, "points": 300},
                {"id": "espresso", "name": {"en": "Espresso", "ar": "إسبريسو"}, "points": 100},
                {"id": "gone", "name": {"en": "Gone"}, "points": 50, "status": "disabled"},
            ],
        });
        Programme::parse(&text.to_string()).unwrap()
    }

    #[test]
    fn texts_fall_back_from_the_full_tag_to_the_language_to_english() {
        let name = programme().name;
        assert_eq!(in_language(&name, "ar-KW"), "دائرة");
        assert_eq!(in_language(&name, "fr"), "Circle");
    }

    #[test]
    fn rewards_that_are_switched_off_are_not_shown() {
        let programme = programme();
        assert_eq!(rewards(&programme, 120, "en").iter().map(|line| line.available).collect::<Vec<_>>(), [false, true]);
        assert_eq!(
            next_reward(&programme, 0, "ar").map(|next| (next.name, next.missing)),
            Some(("إسبريسو".to_owned(), Points(100)))
        );
        assert_eq!(next_reward(&programme, 120, "en").map(|next| next.missing), Some(Points(180)));
        assert_eq!(next_reward(&programme, 300, "en"), None);
        assert_eq!(stamps(&programme, 120), Some(Stamps { count: 100, target: 100 }));
    }
}
