//! Half of the effective spread, by date and size rank: 2010-2018 from Bogousslavsky, Muravyev (JFM 2023), other
//! years interpolated through Bessembinder (JFQA 2003).

use serde::{Deserialize, Serialize};

use crate::costs::impact::{of_bps, orders};
use crate::costs::schedules::Slippage;
use crate::costs::{Charge, CostModel, Day, Schedules};
use crate::error::Result;
use crate::registry::{Choice, check};

#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Parameters {
    multiplier: f64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { multiplier: 1.0 }
    }
}

struct HalfSpread(Parameters, Slippage);

impl CostModel for HalfSpread {
    fn charge(&self, day: &Day<'_>, charges: &mut Vec<Charge>) {
        charges.extend(orders(day).map(|fill| of_bps(fill, self.0.multiplier * self.1.half_spread(day, fill))));
    }
}

pub(super) fn build(choice: &Choice, schedules: &Schedules) -> Result<Box<dyn CostModel>> {
    let parameters: Parameters = choice.parameters()?;
    check(parameters.multiplier >= 0.0, "half_spread.multiplier", "at least 0", parameters.multiplier)?;
    Ok(Box::new(HalfSpread(parameters, schedules.slippage.clone())))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use crate::account::{Auction, Fill};
    use crate::costs::tests::{charged, close, order};

    #[test]
    fn spreads_follow_date_and_rank() {
        let fill = Fill { asset: 0, shares: -200.0, price: 50.0, auction: Auction::Close };
        for (rank, bps) in [(1, 1.47), (500, 1.47), (501, 2.73), (1000, 2.73), (1001, 4.43), (4000, 4.43)] {
            let charges = charged("half_spread", date(2015, 1, 1), |day| {
                day.fills = Box::leak(Box::new([fill]));
                day.ranks = Box::leak(Box::new([rank; 3]));
            });
            close(charges[0].usd, 1e-4 * bps * 10_000.0, 1e-12);
        }
        let usd = |y, m, d| order("half_spread", date(y, m, d), 0, 200.0, 50.0);
        close(usd(2008, 7, 21), 2.5, 1e-9); // 2008-08-29, the last weekday before
        close(usd(2008, 7, 22), 4.5, 1e-9); // 2008-09-01
    }
}
