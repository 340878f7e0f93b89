//! Interactive Brokers' fixed commission, which includes exchange and clearing fees.
//!
//! ```text
//! min( max(first · min(n, 500) + rest · max(n − 500, 0), minimum), cap · value )
//! ```
//! n shares; dollars. Either today's plan for all years, or the plans of the past as far as they are known.

use crate::account::Entry;
use crate::costs::schedules::{Plan, at};
use crate::costs::{Charge, CostModel, Day, Schedules};
use crate::error::Result;
use crate::registry::Choice;

struct Fixed(Vec<Plan>);

impl Plan {
    fn commission(&self, shares: f64, value: f64) -> f64 {
        let by_share =
            self.first_500_usd_per_share * shares.min(500.0) + self.usd_per_share * (shares - 500.0).max(0.0);
        by_share.max(self.min_usd).min(self.max_share_of_value * value)
    }
}

impl CostModel for Fixed {
    fn charge(&self, day: &Day<'_>, charges: &mut Vec<Charge>) {
        let plan = at(&self.0, day.date);
        charges.extend(day.fills.iter().map(|fill| Charge {
            entry: Entry::Commission,
            asset: Some(fill.asset),
            usd: plan.commission(fill.shares.abs(), fill.value()),
        }));
    }
}

pub(super) fn today(choice: &Choice, schedules: &Schedules) -> Result<Box<dyn CostModel>> {
    choice.without_parameters()?;
    Ok(Box::new(Fixed(schedules.commission.ibkr_fixed.plans.clone())))
}

pub(super) fn history(choice: &Choice, schedules: &Schedules) -> Result<Box<dyn CostModel>> {
    choice.without_parameters()?;
    Ok(Box::new(Fixed(schedules.commission.ibkr_fixed_history.plans.clone())))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use crate::costs::tests::{close, order};

    #[test]
    fn the_published_examples_cost_what_is_published() {
        // Orders of a 50-dollar stock: dollars and basis points.
        for (value, bps) in
            [(50.0, 100.0), (100.0, 100.0), (500.0, 20.0), (1000.0, 10.0), (5000.0, 2.0), (10_000.0, 1.0)]
        {
            let usd = order("ibkr_fixed", date(2024, 1, 1), 0, value / 50.0, 50.0);
            close(1e4 * usd / value, bps, 1e-9);
        }
    }

    #[test]
    fn the_history_changes_on_its_days() {
        // The panel's last weekday is the 30th from its first.
        let usd = |y, m, d| order("ibkr_fixed_history", date(y, m, d), 0, 1000.0, 50.0);
        close(usd(2005, 11, 21), 7.5, 1e-9); // 2005-12-30
        close(usd(2005, 11, 22), 5.0, 1e-9); // 2006-01-02
        let capped = |y, m, d| order("ibkr_fixed_history", date(y, m, d), 0, 10.0, 5.0);
        close(capped(2018, 11, 20), 0.25, 1e-9); // 2018-12-31
        close(capped(2018, 11, 21), 0.5, 1e-9); // 2019-01-01
    }
}
