//! The cost models of a profile.

use crate::costs::{CostModel, Delisting, Profile, Schedules, named};
use crate::error::Result;
use crate::registry::check;

impl Profile {
    /// Builds the cost models. Fails for unknown names and for parameters out of range.
    pub fn models(&self, schedules: &Schedules) -> Result<Vec<Box<dyn CostModel>>> {
        self.costs.iter().map(|choice| (named(&choice.name)?.build)(choice, schedules)).collect()
    }

    /// Whether any cost depends on the benchmark rate.
    pub fn needs_rates(&self) -> Result<bool> {
        let needs: Vec<bool> =
            self.costs.iter().map(|choice| Ok(named(&choice.name)?.needs_rates)).collect::<Result<_>>()?;
        Ok(needs.contains(&true))
    }

    /// The commissions that are the same in every year, by name: a single plan stands for all of them.
    pub fn undated_commissions(&self, schedules: &Schedules) -> Vec<&str> {
        let commission = &schedules.commission;
        let is_undated = |name: &str| match name {
            "ibkr_fixed" => commission.ibkr_fixed.plans.len() == 1,
            "ibkr_fixed_history" => commission.ibkr_fixed_history.plans.len() == 1,
            name => name == "ibkr_tiered",
        };
        self.costs.iter().map(|choice| choice.name.as_str()).filter(|name| is_undated(name)).collect()
    }

    /// Refuses a profile that cannot be simulated.
    pub(super) fn check(&self, schedules: &Schedules) -> Result<()> {
        check((1.0..=1e13).contains(&self.capital_usd), "capital_usd", "between 1 and 1e13", self.capital_usd)?;
        check(self.rebalance_sessions != Some(0), "rebalance_sessions", "at least 1", 0)?;
        check(self.volume_days > 0, "volume_days", "at least 1", 0)?;
        check(self.min_trade_usd >= 0.0, "min_trade_usd", "at least 0", self.min_trade_usd)?;
        if let Some(step) = self.weight_rounding {
            check(step > 0.0 && step < 1.0, "weight_rounding", "in (0, 1)", step)?;
        }
        if let Some(most) = self.max_participation {
            let inside = |x: f64| x > 0.0 && x <= 1.0;
            check(inside(most.close), "max_participation.close", "in (0, 1]", most.close)?;
            check(inside(most.open), "max_participation.open", "in (0, 1]", most.open)?;
        }
        if let Delisting::Return(r) = self.delisting {
            check((-1.0..=0.0).contains(&r), "delisting", "a return in [-1, 0] or \"by_venue\"", r)?;
        }
        self.models(schedules).map(|_| ())
    }
}
