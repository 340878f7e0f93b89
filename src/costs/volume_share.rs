//! zipline's default slippage: the price moves by the fraction impact · (share of the daily volume)². zipline's limit
//! of 2.5 % of the volume is `max_participation` of a profile.

use serde::{Deserialize, Serialize};

use crate::costs::impact::{of_bps, orders, participation};
use crate::costs::{Charge, CostModel, Day, Schedules};
use crate::error::Result;
use crate::registry::{Choice, check};

#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Parameters {
    impact: f64,
    window_days: usize,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { impact: 0.1, window_days: 20 }
    }
}

struct VolumeShare(Parameters);

impl CostModel for VolumeShare {
    fn charge(&self, day: &Day<'_>, charges: &mut Vec<Charge>) {
        let p = &self.0;
        let bps = |share: f64| 1e4 * p.impact * share.powi(2);
        charges.extend(orders(day).map(|fill| of_bps(fill, bps(participation(day, fill, p.window_days)))));
    }
}

pub(super) fn build(choice: &Choice, _: &Schedules) -> Result<Box<dyn CostModel>> {
    let parameters: Parameters = choice.parameters()?;
    check(parameters.impact >= 0.0, "volume_share.impact", "at least 0", parameters.impact)?;
    check(parameters.window_days > 0, "volume_share.window_days", "at least 1", 0)?;
    Ok(Box::new(VolumeShare(parameters)))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use crate::costs::tests::{close, order};

    #[test]
    fn a_tenth_of_the_volume_moves_the_price_by_a_thousandth() {
        close(order("volume_share", date(2015, 1, 1), 0, 200_000.0, 50.0), 1e7 * 0.001, 1e-6);
    }
}
