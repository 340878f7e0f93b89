//! Impact of one's own orders in continuous trading, bps = k √(Q / ADV) · σ / σ_ref, with the continuous k of Goyal,
//! Jegadeesh, Wu (JFQA 2026). The half-spread is a separate model.

use serde::{Deserialize, Serialize};

use crate::costs::impact::{of_bps, orders, participation, venue};
use crate::costs::schedules::Slippage;
use crate::costs::{Charge, CostModel, Day, Schedules};
use crate::error::Result;
use crate::registry::{Choice, check};

#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Parameters {
    window_days: usize,
    multiplier: f64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { window_days: 20, multiplier: 1.0 }
    }
}

struct ImpactContinuous(Parameters, Slippage);

impl CostModel for ImpactContinuous {
    fn charge(&self, day: &Day<'_>, charges: &mut Vec<Charge>) {
        let Self(p, slippage) = self;
        charges.extend(orders(day).map(|fill| {
            let (_, k) = slippage.k(venue(day, fill), day.ranks[fill.asset]);
            let size = participation(day, fill, p.window_days).sqrt() * slippage.relative_volatility(day, fill);
            of_bps(fill, p.multiplier * k * size)
        }));
    }
}

pub(super) fn build(choice: &Choice, schedules: &Schedules) -> Result<Box<dyn CostModel>> {
    let parameters: Parameters = choice.parameters()?;
    check(parameters.window_days > 0, "impact_continuous.window_days", "at least 1", 0)?;
    check(parameters.multiplier >= 0.0, "impact_continuous.multiplier", "at least 0", parameters.multiplier)?;
    Ok(Box::new(ImpactContinuous(parameters, schedules.slippage.clone())))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use crate::costs::tests::{close, order};

    #[test]
    fn an_order_of_one_percent_pays_a_tenth_of_k() {
        let sigma = 0.02 * (20.0f64 / 19.0).sqrt() / 0.019;
        let bps = |asset| order("impact_continuous", date(2015, 1, 1), asset, -20_000.0, 50.0) / 1e6 * 1e4;
        close(bps(0), 9.04 * sigma, 1e-3);
        close(bps(1), 11.75 * sigma, 1e-3);
        close(
            order("impact_continuous,multiplier=2", date(2015, 1, 1), 0, 1.0, 50.0),
            2.0 * order("impact_continuous", date(2015, 1, 1), 0, 1.0, 50.0),
            1e-12,
        );
    }
}
