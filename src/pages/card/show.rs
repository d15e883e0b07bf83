//! The card at a glance: balance, progress, code, wallets, rewards, vouchers, what happened last.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use rust_decimal::Decimal;

use super::code::LiveCode;
use super::consents::ConsentRow;
use super::history::Line;
use super::rewards::{Next, RewardRow};
use super::vouchers::VoucherRow;
use super::wallets::Wallets;
use super::{Holder, Pages, Visit, enter, with_holder};
use crate::pages::errors::Failure;
use crate::pages::page::Page;

/// Lines of the history on the first page.
const RECENT: usize = 5;

#[derive(Template)]
#[template(path = "card/card.html")]
struct CardPage<'a> {
    page: &'a Page,
    base: String,
    version: i64,
    facts: Facts,
    code: Option<LiveCode>,
    expires: String,
    wallets: Wallets,
    /// What the programme needs the member to agree to anew.
    asks: Vec<ConsentRow>,
    rewards: Vec<RewardRow>,
    vouchers: Vec<VoucherRow>,
    history: Vec<Line>,
    more: bool,
    earning: Vec<String>,
    terms: String,
    notice: Option<String>,
    trouble: Option<String>,
}

/// The card itself.
pub(super) struct Facts {
    pub programme: String,
    pub name: Option<String>,
    pub number: String,
    pub points: i64,
    /// Points that wait for the contact's proof.
    pub pending: Option<i64>,
    pub held: i64,
    pub debt: i64,
    pub next: Option<Next>,
    pub any_reward: bool,
    pub strip: Option<String>,
    pub as_of: String,
    /// Points that run out, with the last day.
    pub expiring: Vec<(i64, String)>,
}

impl Holder {
    pub(super) fn facts(&self, visit: &Visit, page: &Page) -> Facts {
        let Self { viewed, card, .. } = self;
        let programme = self.programme();
        let template = visit.pages.templates.get(&programme.template);
        let variant = template.map(|template| {
            let mut variant = template.template.variant_of(&viewed.view);
            variant.right_to_left = variant.stamps > 0 && page.language.direction == "rtl";
            variant
        });
        let today = visit.now.local_day(self.zone());
        let verified = card.card.verified;
        let lots = card.lots.iter().filter(|lot| verified && lot.available > 0 && lot.open_on(today));
        let expiring = lots.filter_map(|lot| Some((lot.available, page.day(lot.expires_on?)))).collect();
        Facts {
            programme: page.localised(&programme.name),
            name: viewed.view.member_name.clone(),
            number: page.language.digits.plain(&grouped(&viewed.view.member_number)),
            points: self.points(),
            pending: (!verified).then(|| card.available()),
            held: card.card.held,
            debt: card.card.debt,
            next: self.next_reward(page),
            any_reward: !self.rewards(page).is_empty(),
            strip: variant.and_then(|variant| page.brand.strip(variant)),
            as_of: page.time(visit.now, self.zone()),
            expiring,
        }
    }

    /// How points are earned, in sentences made from the rules themselves.
    pub(super) fn earning_sentences(&self, page: &Page) -> Vec<String> {
        earning_sentences(self.programme(), page)
    }
}

/// How points are earned, in sentences made from the rules themselves.
pub fn earning_sentences(programme: &crate::programme::Programme, page: &Page) -> Vec<String> {
    let mut sentences = Vec::new();
    let earning = &programme.earning;
    let unit = page.sum(page.number(&1), programme.currency.as_str());
    let rate = earning.points_per_unit.normalize();
    if rate > Decimal::ZERO {
        match i64::try_from(rate) {
            Ok(whole) if rate.is_integer() => sentences.push(page.count_with("earn-per-unit", &whole, &unit)),
            _ => {
                let cost = page.sum(page.decimal((Decimal::ONE / rate).round_dp(3).normalize()), programme.currency.as_str());
                sentences.push(page.with("earn-one-per", &cost));
            }
        }
    }
    if earning.points_per_sale > 0 {
        sentences.push(page.count("earn-per-sale", &earning.points_per_sale));
    }
    sentences
}

/// A card's number in groups that can be read out.
fn grouped(number: &str) -> String {
    let letters: Vec<char> = number.chars().collect();
    let groups: Vec<String> = match letters.len() {
        10 => [&letters[..3], &letters[3..6], &letters[6..]].iter().map(|group| group.iter().collect()).collect(),
        _ => vec![number.to_owned()],
    };
    groups.join("\u{a0}")
}

/// Answers the card's page.
pub async fn show(request: HttpRequest, pages: Data<Pages>) -> HttpResponse {
    with_holder(enter(&request, pages).await, async |visit, holder| {
        let page = holder.page(visit);
        let code = holder.code(visit).await?;
        let (history, more) = holder.history(visit, &page, (None, RECENT)).await?;
        let profile = visit.pages.core.profile(&holder.member)?;
        let mut asks = holder.consents(&page, &profile);
        asks.retain(|row| row.required && !row.stands());
        let template = CardPage {
            base: holder.base(),
            version: holder.pass.version,
            facts: holder.facts(visit, &page),
            expires: code.as_ref().map(|code| page.time(code.expires_at, holder.zone())).unwrap_or_default(),
            code,
            wallets: holder.wallets(visit)?,
            asks,
            rewards: holder.rewards(&page),
            vouchers: holder.vouchers(visit, &page).await?,
            history,
            more: more.is_some(),
            earning: holder.earning_sentences(&page),
            terms: page.localised(&holder.programme().terms),
            notice: notice(visit, &page),
            trouble: trouble(visit, &page),
            page: &page,
        };
        Ok::<_, Failure>(visit.html(StatusCode::OK, &template))
    })
    .await
}

/// What was done a moment ago; words that we don't know say nothing.
pub(super) fn notice(visit: &Visit, page: &Page) -> Option<String> {
    match visit.query("done")?.as_str() {
        "joined" => Some(page.text("done-joined")),
        "issued" => Some(page.text("done-issued")),
        "cancelled" => Some(page.text("done-cancelled")),
        "reissued" => Some(page.text("done-reissued")),
        "confirmed" => Some(page.text("done-confirmed")),
        "consent" => Some(page.text("done-consent")),
        _ => None,
    }
}

/// Why something was not done a moment ago.
pub(super) fn trouble(visit: &Visit, page: &Page) -> Option<String> {
    match visit.query("problem")?.as_str() {
        "insufficient_points" => Some(page.text("problem-points")),
        "too_many_vouchers" => Some(page.text("problem-vouchers")),
        "reward_disabled" | "unknown_reward" => Some(page.text("problem-reward")),
        "programme_disabled" => Some(page.text("problem-programme")),
        "voucher_not_open" => Some(page.text("problem-voucher")),
        "confirm" => Some(page.text("problem-confirm")),
        "member_unverified" => Some(page.text("problem-unverified")),
        "consent_required" => Some(page.text("problem-consent")),
        _ => Some(page.text("problem-other")),
    }
}
