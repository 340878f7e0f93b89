//! The square-root law of impact, Y σ √(Q / V), with Y between 0.5 and 1 and the daily volatility σ. Over 2,299 Tokyo
//! stocks the exponent is measured as 0.49 ± 0.07.

use serde::{Deserialize, Serialize};

use crate::costs::impact::{of_bps, orders, participation};
use crate::costs::{Charge, CostModel, Day, Schedules};
use crate::error::Result;
use crate::registry::{Choice, check};

#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Parameters {
    y: f64,
    window_days: usize,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { y: 1.0, window_days: 20 }
    }
}

struct SquareRoot(Parameters);

impl CostModel for SquareRoot {
    fn charge(&self, day: &Day<'_>, charges: &mut Vec<Charge>) {
        let p = &self.0;
        charges.extend(orders(day).map(|fill| {
            let sigma = day.quotes.volatility(fill.asset, p.window_days).unwrap_or(0.0);
            of_bps(fill, 1e4 * p.y * sigma * participation(day, fill, p.window_days).sqrt())
        }));
    }
}

pub(super) fn build(choice: &Choice, _: &Schedules) -> Result<Box<dyn CostModel>> {
    let parameters: Parameters = choice.parameters()?;
    check(parameters.y >= 0.0, "square_root.y", "at least 0", parameters.y)?;
    check(parameters.window_days > 0, "square_root.window_days", "at least 1", 0)?;
    Ok(Box::new(SquareRoot(parameters)))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use crate::costs::tests::{close, order};

    #[test]
    fn an_order_of_one_percent_pays_a_tenth_of_the_volatility() {
        let sigma = 0.02 * (20.0f64 / 19.0).sqrt();
        close(order("square_root", date(2015, 1, 1), 0, 20_000.0, 50.0), 1e6 * 0.1 * sigma, 1e-4);
        close(order("square_root,y=0.5", date(2015, 1, 1), 0, 20_000.0, 50.0), 1e6 * 0.05 * sigma, 1e-4);
    }
}
