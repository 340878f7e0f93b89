//! Slippage of a forced liquidation beyond the worst price of the day: 10 bps, our choice.

use serde::{Deserialize, Serialize};

use crate::account::Auction;
use crate::costs::impact::of_bps;
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
        Self { bps: 10.0 }
    }
}

struct LiquidationSlippage(Parameters);

impl CostModel for LiquidationSlippage {
    fn charge(&self, day: &Day<'_>, charges: &mut Vec<Charge>) {
        let forced = day.fills.iter().filter(|fill| fill.auction == Auction::Liquidation);
        charges.extend(forced.map(|fill| of_bps(fill, self.0.bps)));
    }
}

pub(super) fn build(choice: &Choice, _: &Schedules) -> Result<Box<dyn CostModel>> {
    let parameters: Parameters = choice.parameters()?;
    check(parameters.bps >= 0.0, "liquidation_slippage.bps", "at least 0", parameters.bps)?;
    Ok(Box::new(LiquidationSlippage(parameters)))
}
