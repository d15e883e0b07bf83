//! Made-up members for pictures of a template: a card, a voucher and a void voucher in each of its languages.

use chrono_tz::Tz;

use crate::clock::Timestamp;
use crate::money::{Currency, Points};
use crate::passes::template::Template;
use crate::passes::view::{Change, ChangeKind, NextReward, PassKind, PassView, RewardLine, Stamps, VoucherView};

/// 14 March 2026, a quarter past three in the afternoon, UTC.
const MOMENT: Timestamp = Timestamp::from_millis(1_773_501_300_000);

/// How long a sample voucher lasts, in seconds: thirty days.
const VOUCHER_SECONDS: i64 = 30 * 24 * 3600;

/// A view with what it shows.
#[derive(Debug)]
pub struct Sample {
    /// What it is.
    pub caption: String,
    /// The view.
    pub view: PassView,
}

/// Samples of a template, with the names and rewards of its own programme document.
#[must_use]
pub fn views(template: &Template) -> Vec<Sample> {
    let programme: toml::Table = toml::from_str(template.programme_toml()).unwrap_or_default();
    let mut samples = Vec::new();
    for language in template.languages() {
        let code = language.code.as_str();
        let card = card(template, &programme, code);
        let mut add = |caption: &str, view: PassView| samples.push(Sample { caption: format!("{caption}, {code}"), view });
        add("Card", card.clone());
        let voucher = voucher(&card);
        add("Voucher", voucher.clone());
        add("Voucher after it was used", PassView { voided: true, ..voucher });
    }
    samples
}

fn card(template: &Template, programme: &toml::Table, language: &str) -> PassView {
    let rewards = rewards(programme, language);
    let stamps = template.design(PassKind::Card).stamps.as_ref().map(|design| u32::from(design.slots));
    // A stamp card is shown at seven tenths, a points card between its last two rewards.
    let points = match stamps {
        Some(target) => i64::from(target) * 7 / 10,
        None => rewards.last().map_or(0, |last| last.points.0 * 7 / 8),
    };
    let next = rewards.iter().find(|reward| reward.points.0 > points);
    let arabic = language.starts_with("ar");
    let pick = |english: &str, in_arabic: &str| if arabic { in_arabic.to_owned() } else { english.to_owned() };
    PassView {
        serial: "sample".to_owned(),
        kind: PassKind::Card,
        language: language.to_owned(),
        organisation: pick("Qahwa", "قهوة"),
        programme: named(programme.get("name"), language),
        member_name: Some(pick("Mona Haddad", "منى الحداد")),
        member_number: "4821-7730".to_owned(),
        points: Points(points),
        held: Points::ZERO,
        debt: Points::ZERO,
        next_reward: next.map(|next| NextReward {
            name: next.name.clone(),
            points: next.points,
            missing: Points(next.points.0 - points),
        }),
        rewards: rewards.iter().map(|reward| RewardLine { available: reward.points.0 <= points, ..reward.clone() }).collect(),
        stamps: stamps.map(|target| Stamps { count: target * 7 / 10, target }),
        code: Some("W1SAMP1E0SAMP1E0SAMP1E0SAMP1E0SAMP1E0SAMP1E0".to_owned()),
        card_page: Some("https://wallet.example/c/sample".to_owned()),
        last_change: Some(Change { kind: ChangeKind::Earned, points: Points(if stamps.is_some() { 1 } else { 25 }), at: MOMENT }),
        voucher: None,
        voided: false,
        currency: currency(programme),
        time_zone: time_zone(programme),
        expires: None,
    }
}

fn voucher(card: &PassView) -> PassView {
    let expires = Some(MOMENT.plus_seconds(VOUCHER_SECONDS));
    let reward = card.rewards.iter().rfind(|reward| reward.available).or(card.rewards.first());
    let voucher = reward.map(|reward| VoucherView { reward: reward.name.clone(), points: reward.points, expires });
    PassView { kind: PassKind::Voucher, voucher, expires, ..card.clone() }
}

fn rewards(programme: &toml::Table, language: &str) -> Vec<RewardLine> {
    let rewards = programme.get("rewards").and_then(toml::Value::as_array).map_or(&[][..], Vec::as_slice);
    let line = |reward: &toml::Value| {
        let points = Points(reward.get("points").and_then(toml::Value::as_integer).unwrap_or_default());
        RewardLine { name: named(reward.get("name"), language), points, available: false }
    };
    rewards.iter().map(line).collect()
}

/// A name in a language, or in whatever language there is.
fn named(names: Option<&toml::Value>, language: &str) -> String {
    let names = names.and_then(toml::Value::as_table);
    let name = names.and_then(|names| names.get(language).or_else(|| names.values().next()));
    name.and_then(toml::Value::as_str).unwrap_or("…").to_owned()
}

fn currency(programme: &toml::Table) -> Currency {
    let code = programme.get("currency").and_then(toml::Value::as_str).unwrap_or_default();
    code.parse().or_else(|_| "USD".parse()).expect("USD is a currency")
}

fn time_zone(programme: &toml::Table) -> Tz {
    programme.get("time_zone").and_then(toml::Value::as_str).and_then(|name| name.parse().ok()).unwrap_or(Tz::UTC)
}
