//! A programme: one unit of points with its rules and passes.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::error::Problem;
use crate::money::{Currency, MAX_POINTS, Money};
use crate::programme::{Findings, Join, parse};

/// The most rewards that a programme may have.
const MAX_REWARDS: usize = 200;

/// A text in several languages, by language code; `en` is always there.
pub type Localised = BTreeMap<String, String>;

/// Whether something may be used: the kill switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// In use.
    #[default]
    Active,
    /// Switched off: refused from the next commit on.
    Disabled,
}

/// Which way a fraction of a point goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    /// Away: 9.99 points are 9.
    #[default]
    Down,
    /// To the nearest; a half goes up.
    HalfUp,
    /// Up: 9.01 points are 10.
    Up,
}

/// How a sale earns points.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Earning {
    /// Points for one major unit of the currency, such as `"10"` or `"0.5"`.
    #[serde(default)]
    #[schema(value_type = String, example = "10")]
    pub points_per_unit: Decimal,
    /// Points for each sale, whatever its total: a stamp card has 1 here.
    #[serde(default)]
    pub points_per_sale: i64,
    /// Which way a fraction goes.
    #[serde(default)]
    pub rounding: Rounding,
}

/// What points buy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reward {
    /// Its id: 1 to 40 of `[a-z0-9_-]`.
    pub id: String,
    /// Its name by language.
    pub name: Localised,
    /// Its price in points.
    pub points: i64,
    /// What it is worth in money, for the till and for reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Money>,
    /// The kill switch.
    #[serde(default)]
    pub status: Status,
}

/// How codes behave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tokens {
    /// The most points that the code on the card's pass may spend; beyond it the live code is needed. Default: the cheapest reward.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card_token_limit: Option<i64>,
    /// How long a live code lives.
    pub live_seconds: i64,
    /// How long a typed code lives.
    pub typed_seconds: i64,
    /// How long a voucher lives.
    pub voucher_days: i64,
}

impl Default for Tokens {
    fn default() -> Self {
        Self { card_token_limit: None, live_seconds: 120, typed_seconds: 300, voucher_days: 30 }
    }
}

/// Bounds against mistakes and misuse. New programmes start with these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Open vouchers that a card may hold, at most 20.
    pub open_vouchers: i64,
    /// Sales that a card may earn on, per terminal and local day; a rule on pace.
    pub earnings_per_card_terminal_day: u32,
    /// Redemptions of a card, per terminal and local day; a rule on pace.
    pub redemptions_per_card_terminal_day: u32,
    /// Points that one sale may earn.
    pub points_per_sale: i64,
    /// Minutes in which a clerk may reverse at the same till.
    pub reversal_minutes: i64,
    /// Days in which a manager may reverse.
    pub reversal_days: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            open_vouchers: 20,
            earnings_per_card_terminal_day: 50,
            redemptions_per_card_terminal_day: 20,
            points_per_sale: 1_000_000,
            reversal_minutes: 15,
            reversal_days: 90,
        }
    }
}

/// A programme document as its author writes it. Unknown fields are refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Programme {
    /// Its name by language.
    pub name: Localised,
    /// The currency of its sales.
    #[schema(value_type = String, example = "KWD")]
    pub currency: Currency,
    /// The IANA time zone of its days.
    #[schema(example = "Asia/Kuwait")]
    pub time_zone: String,
    /// The pass template, a folder of `pass-templates`.
    pub template: String,
    /// The kill switch of the whole programme.
    #[serde(default)]
    pub status: Status,
    /// How a sale earns points.
    pub earning: Earning,
    /// What points buy.
    #[serde(default)]
    pub rewards: Vec<Reward>,
    /// How codes behave.
    #[serde(default)]
    pub tokens: Tokens,
    /// Bounds.
    #[serde(default)]
    pub limits: Limits,
    /// The terms, by language, shown on the pass's back.
    #[serde(default)]
    pub terms: Localised,
    /// How people join by themselves.
    #[serde(default)]
    pub join: Join,
}

impl Programme {
    /// Reads and checks a document.
    ///
    /// # Errors
    /// [`crate::error::Code::DocumentInvalid`] with every finding.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let programme: Self = parse(text)?;
        programme.check()?;
        Ok(programme)
    }

    /// The time zone of its days.
    #[must_use]
    pub fn zone(&self) -> Tz {
        self.time_zone.parse().unwrap_or(Tz::UTC)
    }

    /// A reward by its id.
    #[must_use]
    pub fn reward(&self, id: &str) -> Option<&Reward> {
        self.rewards.iter().find(|reward| reward.id == id)
    }

    /// The most points that the code on the card's pass may spend.
    #[must_use]
    pub fn card_token_limit(&self) -> i64 {
        let open = self.rewards.iter().filter(|reward| reward.status == Status::Active);
        let cheapest = || open.map(|reward| reward.points).min().unwrap_or(0);
        self.tokens.card_token_limit.unwrap_or_else(cheapest)
    }

    fn check(&self) -> Result<(), Problem> {
        let mut findings = Findings::default();
        check_name(&mut findings, "name", &self.name, 40);
        findings.expect(self.time_zone.parse::<Tz>().is_ok(), "time_zone", "is not an IANA time zone such as Asia/Kuwait");
        findings.expect(is_slug(&self.template), "template", "is not the name of a template folder");
        self.earning.check(&mut findings);
        findings.expect(self.rewards.len() <= MAX_REWARDS, "rewards", format!("has more than {MAX_REWARDS} rewards"));
        for (place, reward) in self.rewards.iter().enumerate() {
            self.check_reward(&mut findings, place, reward);
        }
        self.check_bounds(&mut findings);
        self.join.check(self, &mut findings);
        for (language, text) in &self.terms {
            findings.expect(text.chars().count() <= 4000, format!("terms.{language}"), "has more than 4,000 characters");
        }
        findings.into_result()
    }

    fn check_reward(&self, findings: &mut Findings, place: usize, reward: &Reward) {
        let field = |name: &str| format!("rewards[{place}].{name}");
        findings.expect(is_slug(&reward.id), field("id"), "is not 1 to 40 of a-z, 0-9, _ and -");
        let twin = self.rewards[..place].iter().any(|earlier| earlier.id == reward.id);
        findings.expect(!twin, field("id"), "is used twice");
        check_name(findings, &field("name"), &reward.name, 60);
        findings.expect((1..=MAX_POINTS).contains(&reward.points), field("points"), format!("is not from 1 to {MAX_POINTS}"));
        if let Some(value) = reward.value {
            findings.expect(value.currency() == self.currency, field("value.currency"), "is not the programme's currency");
        }
    }

    fn check_bounds(&self, findings: &mut Findings) {
        let mut between = |field: &str, value: i64, low: i64, high: i64| {
            findings.expect((low..=high).contains(&value), field, format!("is not from {low} to {high}"));
        };
        between("tokens.card_token_limit", self.tokens.card_token_limit.unwrap_or(0), 0, MAX_POINTS);
        between("tokens.live_seconds", self.tokens.live_seconds, 30, 600);
        between("tokens.typed_seconds", self.tokens.typed_seconds, 60, 900);
        between("tokens.voucher_days", self.tokens.voucher_days, 1, 730);
        between("limits.earnings_per_card_terminal_day", i64::from(self.limits.earnings_per_card_terminal_day), 1, 256);
        between("limits.redemptions_per_card_terminal_day", i64::from(self.limits.redemptions_per_card_terminal_day), 1, 256);
        between("limits.open_vouchers", self.limits.open_vouchers, 0, 20);
        between("limits.points_per_sale", self.limits.points_per_sale, 1, MAX_POINTS);
        between("limits.reversal_minutes", self.limits.reversal_minutes, 0, 1_440);
        between("limits.reversal_days", self.limits.reversal_days, 0, 400);
    }
}

pub(super) fn check_name(findings: &mut Findings, field: &str, name: &Localised, longest: usize) {
    findings.expect(name.contains_key("en"), field, "has no text in en");
    for (language, text) in name {
        let language_ok =
            (2..=12).contains(&language.len()) && language.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        findings.expect(language_ok, field, format!("\"{language}\" is not a language code"));
        let length = text.chars().count();
        findings.expect(
            (1..=longest).contains(&length),
            format!("{field}.{language}"),
            format!("is not 1 to {longest} characters long"),
        );
        findings.expect(!text.chars().any(char::is_control), format!("{field}.{language}"), "has control characters");
    }
}

pub(super) fn is_slug(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte))
}
