//! Interactive Brokers' tiered commission, with clearing fees and the fees that are a share of the commission.
//!
//! ```text
//! commission = min( max(Σ_tiers rate · shares in the tier, minimum), cap · value )
//! clearing   = min(0.0002 n, 0.5 % of value) + (0.000175 + 0.00056) · commission
//! ```
//! Dollars. Tiers are marginal in the n shares traded in the calendar month. Auction and regulatory fees are
//! separate. One plan, today's, stands for all years.

use crate::account::Entry;
use crate::costs::schedules::Tiered;
use crate::costs::{Charge, CostModel, Day, Schedules};
use crate::error::Result;
use crate::registry::Choice;

impl Tiered {
    /// The commission of an order, dollars, after `before` shares were traded in the same month.
    fn commission(&self, before: f64, shares: f64, value: f64) -> f64 {
        let (mut by_share, mut from) = (0.0, 0.0);
        for tier in &self.tiers {
            let inside = (before + shares).min(tier.up_to_shares) - before.max(from);
            by_share += tier.usd_per_share * inside.max(0.0);
            from = tier.up_to_shares;
        }
        by_share.max(self.min_usd).min(self.max_share_of_value * value)
    }

    fn clearing(&self, shares: f64, value: f64, commission: f64) -> f64 {
        let p = &self.pass_through;
        (p.nscc_dtc_usd_per_share * shares).min(p.nscc_dtc_max_share_of_value * value)
            + (p.nyse_share_of_commission + p.finra_share_of_commission) * commission
    }
}

impl CostModel for Tiered {
    fn charge(&self, day: &Day<'_>, charges: &mut Vec<Charge>) {
        let mut before = day.month_shares;
        for fill in day.fills {
            let (shares, value) = (fill.shares.abs(), fill.value());
            let commission = self.commission(before, shares, value);
            let clearing = self.clearing(shares, value, commission);
            charges.push(Charge { entry: Entry::Commission, asset: Some(fill.asset), usd: commission });
            charges.push(Charge { entry: Entry::Clearing, asset: Some(fill.asset), usd: clearing });
            before += shares;
        }
    }
}

pub(super) fn build(choice: &Choice, schedules: &Schedules) -> Result<Box<dyn CostModel>> {
    choice.without_parameters()?;
    Ok(Box::new(schedules.commission.ibkr_tiered.clone()))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::costs::tests::{close, order};

    #[test]
    fn the_published_examples_cost_what_is_published() {
        // Orders of a 50-dollar NYSE stock with the auction fee of 0.0010, in basis points.
        for (value, bps) in
            [(50.0, 70.3), (100.0, 35.3), (500.0, 7.25), (1000.0, 3.74), (5000.0, 0.94), (10_000.0, 0.94)]
        {
            let usd = |model| order(model, date(2024, 1, 1), 0, value / 50.0, 50.0);
            close(1e4 * (usd("ibkr_tiered") + usd("auction_fees")) / value, bps, 0.06);
        }
        // Regulatory fees of a sale, with the rates of summer 2024.
        let usd = |model| order(model, date(2024, 6, 3), 0, -20.0, 50.0);
        close(1e4 * (usd("section31") + usd("taf")) / 1000.0, 0.31, 0.002);
    }

    #[test]
    fn tiers_are_marginal_on_the_shares_of_the_month() {
        let tiered = &Schedules::default().commission.ibkr_tiered;
        close(tiered.commission(0.0, 400_000.0, 1e9), 300_000.0 * 0.0035 + 100_000.0 * 0.0020, 1e-9);
        close(tiered.commission(299_000.0, 2000.0, 1e9), 1000.0 * 0.0035 + 1000.0 * 0.0020, 1e-9);
        close(tiered.commission(200e6, 1e6, 1e9), 500.0, 1e-9);
        let parts: f64 = (0..40).map(|k| tiered.commission(f64::from(k) * 1e5, 1e5, 1e9)).sum();
        close(parts, tiered.commission(0.0, 4e6, 1e9), 1e-6);
    }

    #[test]
    fn the_cap_is_charged_where_it_lies_below_the_minimum() {
        close(Schedules::default().commission.ibkr_tiered.commission(0.0, 1.0, 20.0), 0.2, 1e-12);
    }
}
