//! A constant fraction of the traded value, as in zipline's FixedBasisPointsSlippage and in most portfolio
//! back-tests.

use serde::{Deserialize, Serialize};

use crate::costs::impact::{of_bps, orders};
use crate::costs::{Charge, CostModel, Day, Schedules};
use crate::error::Result;
use crate::registry::{Choice, check};

#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Parameters {
    bps: f64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { bps: 5.0 }
    }
}

struct FixedBps(Parameters);

impl CostModel for FixedBps {
    fn charge(&self, day: &Day<'_>, charges: &mut Vec<Charge>) {
        charges.extend(orders(day).map(|fill| of_bps(fill, self.0.bps)));
    }
}

pub(super) fn build(choice: &Choice, _: &Schedules) -> Result<Box<dyn CostModel>> {
    let parameters: Parameters = choice.parameters()?;
    check(parameters.bps >= 0.0, "fixed_bps.bps", "at least 0", parameters.bps)?;
    Ok(Box::new(FixedBps(parameters)))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use crate::costs::tests::{close, order};

    #[test]
    fn ten_thousand_dollars_at_five_bps_cost_five_dollars() {
        close(order("fixed_bps", date(2015, 1, 1), 0, 200.0, 50.0), 5.0, 1e-12);
    }
}
