//! cvxportfolio's default transaction cost for stocks.
//!
//! ```text
//! a |x| + b σ |x|^1.5 / V^0.5 + c n        dollars; x dollars, n shares traded; a = 0, b = 1, c = 0.005 dollars per share
//! ```
//! V (dollars) and σ (daily) are taken over the year before the trade. Deviation: cvxportfolio takes the volume of
//! the trading day itself.

use serde::{Deserialize, Serialize};

use crate::costs::impact::{of_usd, orders, participation};
use crate::costs::{Charge, CostModel, Day, Schedules};
use crate::error::Result;
use crate::registry::{Choice, check};

#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Parameters {
    a: f64,
    b: f64,
    per_share: f64,
    window_days: usize,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { a: 0.0, b: 1.0, per_share: 0.005, window_days: 252 }
    }
}

struct Cvxportfolio(Parameters);

impl CostModel for Cvxportfolio {
    fn charge(&self, day: &Day<'_>, charges: &mut Vec<Charge>) {
        let p = &self.0;
        charges.extend(orders(day).map(|fill| {
            let sigma = day.quotes.volatility(fill.asset, p.window_days).unwrap_or(0.0);
            let impact = p.b * sigma * participation(day, fill, p.window_days).sqrt();
            of_usd(fill, (p.a + impact) * fill.value() + p.per_share * fill.shares.abs())
        }));
    }
}

pub(super) fn build(choice: &Choice, _: &Schedules) -> Result<Box<dyn CostModel>> {
    let parameters: Parameters = choice.parameters()?;
    check(parameters.window_days > 0, "cvxportfolio.window_days", "at least 1", 0)?;
    Ok(Box::new(Cvxportfolio(parameters)))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use crate::costs::tests::{close, order};

    #[test]
    fn shares_and_the_power_of_three_halves_add_up() {
        // 29 days of ±2 %, 15 of them up.
        let mean = 0.02 / 29.0;
        let sigma = ((29.0 * 0.0004 - 29.0 * mean * mean) / 28.0f64).sqrt();
        let impact = sigma * 1e6f64.powf(1.5) / 1e8f64.sqrt();
        close(order("cvxportfolio", date(2015, 1, 1), 0, 20_000.0, 50.0), impact + 100.0, 1e-4);
    }
}
