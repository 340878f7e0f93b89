//! Stored target weights, traded on their decision dates or restored at regular intervals.

use crate::account::Account;
use crate::error::Result;
use crate::panel::{AssetId, Past};
use crate::policies::{Policy, Target};

/// Weights of one portfolio by decision day, both ascending.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Targets {
    /// Decision days with their non-zero weights.
    pub days: Vec<(usize, Vec<Target>)>,
}

impl Targets {
    /// All assets with a target on any day, ascending.
    pub fn assets(&self) -> Vec<AssetId> {
        let mut assets: Vec<AssetId> = self.days.iter().flat_map(|(_, t)| t.iter().map(|t| t.asset)).collect();
        assets.sort_unstable();
        assets.dedup();
        assets
    }
}

/// When stored targets are traded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rebalance {
    /// On their decision days.
    OnDecisions,
    /// Every given number of sessions, counted from the first decision day, to the newest targets.
    Every(usize),
}

/// Trades stored targets. They were decided from what was known before their day, so they can be traded on it.
pub struct Stored<'a> {
    targets: &'a Targets,
    rebalance: Rebalance,
}

impl<'a> Stored<'a> {
    /// A policy that trades `targets`.
    pub fn new(targets: &'a Targets, rebalance: Rebalance) -> Self {
        Self { targets, rebalance }
    }
}

impl Policy for Stored<'_> {
    fn target(&mut self, past: Past<'_>, _: &Account) -> Result<Option<Vec<Target>>> {
        let today = past.n_days();
        let days = &self.targets.days;
        let Some(newest) = days.partition_point(|(day, _)| *day <= today).checked_sub(1) else { return Ok(None) };
        let is_due = match self.rebalance {
            Rebalance::OnDecisions => days[newest].0 == today,
            Rebalance::Every(sessions) => (today - days[0].0).is_multiple_of(sessions),
        };
        Ok(is_due.then(|| days[newest].1.clone()))
    }
}
