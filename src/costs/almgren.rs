//! Almgren, Thum, Hauptmann, Li (2005), "Direct Estimation of Equity Market Impact".
//!
//! ```text
//! permanent = γ σ (X/V) (Θ/V)^¼     temporary = η σ |X/(V T)|^⅗     cost = permanent / 2 + temporary
//! ```
//! γ = 0.314, η = 0.142; σ is the daily volatility, X the shares traded, V the average daily volume, Θ the shares
//! outstanding, T the trading time in days. If the shares outstanding are unknown, Θ/V = 200: half a percent of a
//! company is traded per day.

use serde::{Deserialize, Serialize};

use crate::costs::impact::{of_bps, orders, participation};
use crate::costs::{Charge, CostModel, Day, Schedules};
use crate::error::Result;
use crate::panel::Field;
use crate::registry::{Choice, check};

/// Shares outstanding over daily volume if either is unknown. Our choice.
const UNKNOWN_INVERSE_TURNOVER: f64 = 200.0;

#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Parameters {
    gamma: f64,
    eta: f64,
    trading_days: f64,
    window_days: usize,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { gamma: 0.314, eta: 0.142, trading_days: 1.0, window_days: 20 }
    }
}

struct Almgren(Parameters);

impl CostModel for Almgren {
    fn charge(&self, day: &Day<'_>, charges: &mut Vec<Charge>) {
        let p = &self.0;
        charges.extend(orders(day).map(|fill| {
            let sigma = day.quotes.volatility(fill.asset, p.window_days).unwrap_or(0.0);
            let share = participation(day, fill, p.window_days);
            let past = day.quotes.panel().past(day.quotes.day());
            let value = past.last_known(Field::MarketValue, fill.asset);
            let inverse_turnover = value.map_or(UNKNOWN_INVERSE_TURNOVER, |value| value * share / fill.value());
            let permanent = p.gamma * sigma * share * inverse_turnover.powf(0.25);
            let temporary = p.eta * sigma * (share / p.trading_days).powf(0.6);
            of_bps(fill, 1e4 * (permanent / 2.0 + temporary))
        }));
    }
}

pub(super) fn build(choice: &Choice, _: &Schedules) -> Result<Box<dyn CostModel>> {
    let parameters: Parameters = choice.parameters()?;
    check(parameters.trading_days > 0.0, "almgren.trading_days", "positive", parameters.trading_days)?;
    check(parameters.window_days > 0, "almgren.window_days", "at least 1", 0)?;
    Ok(Box::new(Almgren(parameters)))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use crate::costs::tests::{close, order};

    #[test]
    fn an_order_of_a_tenth_of_the_volume_costs_what_the_formula_says() {
        let sigma = 0.02 * (20.0f64 / 19.0).sqrt();
        let cost = sigma * (0.314 * 0.1 * 200f64.powf(0.25) / 2.0 + 0.142 * 0.1f64.powf(0.6));
        close(order("almgren", date(2015, 1, 1), 0, 200_000.0, 50.0), 1e7 * cost, 1e-3);
    }
}
