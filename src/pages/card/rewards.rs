//! Rewards as the card's page lists them: affordable first, the others with what is missing.

use super::Holder;
use crate::pages::page::Page;
use crate::programme::{Reward, Status};

/// A reward on the page.
#[derive(Debug, Clone)]
pub struct RewardRow {
    /// Its id, for the form.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its price.
    pub points: i64,
    /// What the balance lacks; 0 for what can be had now.
    pub missing: i64,
    /// How much of the price there is.
    pub have: i64,
}

/// The next reward that the balance does not reach.
#[derive(Debug, Clone)]
pub struct Next {
    /// Its name.
    pub name: String,
    /// Its price.
    pub points: i64,
    /// What the balance lacks.
    pub missing: i64,
}

impl Holder {
    pub(super) fn rewards(&self, page: &Page) -> Vec<RewardRow> {
        let balance = self.points();
        let mut rows: Vec<RewardRow> = self
            .open_rewards()
            .map(|reward| RewardRow {
                id: reward.id.clone(),
                name: page.localised(&reward.name),
                points: reward.points,
                missing: (reward.points - balance).max(0),
                have: balance.clamp(0, reward.points),
            })
            .collect();
        rows.sort_by_key(|row| (row.missing > 0, row.points));
        rows
    }

    pub(super) fn next_reward(&self, page: &Page) -> Option<Next> {
        let balance = self.points();
        let beyond = self.open_rewards().filter(|reward| reward.points > balance).min_by_key(|reward| reward.points)?;
        Some(Next { name: page.localised(&beyond.name), points: beyond.points, missing: beyond.points - balance })
    }

    fn open_rewards(&self) -> impl Iterator<Item = &Reward> {
        self.programme().rewards.iter().filter(|reward| reward.status == Status::Active)
    }

    /// The name of a reward, also of one that is no longer offered.
    pub(super) fn reward_name(&self, page: &Page, id: &str) -> String {
        self.programme().reward(id).map_or_else(|| id.to_owned(), |reward| page.localised(&reward.name))
    }
}
