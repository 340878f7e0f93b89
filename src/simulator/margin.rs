//! Margin rules: the equity that positions require.
//!
//! ```text
//! Regulation T   initial 50 % of gross;  maintenance 25 % of longs, max(30 %, 5 $ per share) of shorts; for shorts below
//!                5 $ their full value, at least 2.50 $ per share
//! portfolio      15 % of gross: a move of 15 % against every position, without offset; since 2007 and from 100,000 $ on
//! paper_sequel   maintenance 25 % of gross, restored to 27 %
//! ```
//! Under the first two rules an asset without a price today requires its full value. FINRA RN 11-16 and 4210;
//! arXiv:2607.23068.

use crate::calendar::Date;
use crate::costs::{MarginName, PaperMargin, PortfolioMargin, RegT, Schedules};

/// A margin rule with its numbers.
#[derive(Clone, Debug)]
pub enum Margin {
    /// No margin is required.
    None,
    /// Regulation T and FINRA maintenance.
    RegT(RegT),
    /// Portfolio margin, and Regulation T where that is not available.
    Portfolio(PortfolioMargin, RegT),
    /// The rule of arXiv:2607.23068.
    Paper(PaperMargin),
}

/// A position for which margin is computed.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    /// Number of shares; negative when short.
    pub shares: f64,
    /// Price, dollars.
    pub price: f64,
    /// Whether it traded today.
    pub traded: bool,
}

impl Margin {
    pub(super) fn new(name: MarginName, schedules: &Schedules) -> Self {
        let m = &schedules.margin;
        match name {
            MarginName::None => Margin::None,
            MarginName::RegT => Margin::RegT(m.reg_t.clone()),
            MarginName::Portfolio => Margin::Portfolio(m.portfolio.clone(), m.reg_t.clone()),
            MarginName::PaperSequel => Margin::Paper(m.paper_sequel.clone()),
        }
    }

    /// The Regulation T numbers, if Regulation T applies to an account with this equity (dollars) on this date.
    pub fn reg_t(&self, date: Date, equity_usd: f64) -> Option<&RegT> {
        match self {
            Margin::RegT(rule) => Some(rule),
            Margin::Portfolio(rule, reg_t) => (date < rule.from || equity_usd < rule.min_equity_usd).then_some(reg_t),
            Margin::None | Margin::Paper(_) => None,
        }
    }

    /// The largest ratio of gross to equity to which orders may lead.
    pub fn max_gross(&self, date: Date, equity_usd: f64) -> f64 {
        match (self.reg_t(date, equity_usd), self) {
            (Some(rule), _) => 1.0 / rule.initial,
            (None, Margin::Portfolio(rule, _)) => 1.0 / rule.shock,
            (None, _) => f64::INFINITY,
        }
    }

    /// Maintenance requirement of a position, dollars.
    pub fn maintenance(&self, date: Date, equity_usd: f64, held: Held) -> f64 {
        let value = (held.shares * held.price).abs();
        match (self.reg_t(date, equity_usd), self) {
            (_, Margin::RegT(_) | Margin::Portfolio(..)) if !held.traded => value,
            (Some(rule), _) => finra(rule, held),
            (None, Margin::Portfolio(rule, _)) => rule.shock * value,
            (None, Margin::Paper(rule)) => rule.maintenance * value,
            (None, Margin::None | Margin::RegT(_)) => 0.0,
        }
    }

    /// The ratio of equity to requirement that a liquidation restores.
    pub fn restore_factor(&self, default: f64) -> f64 {
        match self {
            Margin::Paper(rule) => rule.restore_to / rule.maintenance,
            _ => default,
        }
    }
}

/// The maintenance requirement of FINRA rule 4210, dollars.
fn finra(rule: &RegT, held: Held) -> f64 {
    let value = (held.shares * held.price).abs();
    if held.shares > 0.0 {
        rule.maintenance_long * value
    } else if held.price > rule.low_price_usd {
        (rule.maintenance_short * value).max(rule.short_min_usd_per_share * held.shares.abs())
    } else {
        value.max(rule.low_price_min_usd_per_share * held.shares.abs())
    }
}

/// The fraction f of every position that must be sold so that equity E again covers k times the requirement R. G is
/// the gross value of the positions, c the cost per dollar sold.
///
/// ```text
/// E − c f G = k R (1 − f)      f = (k R − E) / (k R − c G)
/// ```
/// With R = 0.25 G and k = 0.27 / 0.25 this is (0.27 G − E) / (G (0.27 − c)).
pub fn fraction_sold(equity: f64, requirement: f64, factor: f64, gross: f64, cost: f64) -> f64 {
    let wanted = factor * requirement;
    let freed = wanted - cost * gross;
    if equity <= 0.0 || freed <= 0.0 { 1.0 } else { ((wanted - equity) / freed).clamp(0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[track_caller]
    fn close(a: f64, b: f64, tolerance: f64) {
        assert!((a - b).abs() < tolerance, "{a} against {b}");
    }

    fn margin(name: MarginName) -> Margin {
        Margin::new(name, &Schedules::default())
    }

    #[test]
    fn the_published_liquidation_sells_11_2_percent() {
        close(fraction_sold(0.24, 0.25, 0.27 / 0.25, 1.0, 0.001), 0.112, 5e-4);
        // Afterwards equity is 27 % of the remaining gross.
        let f = fraction_sold(0.24, 0.25, 0.27 / 0.25, 1.0, 0.001);
        close((0.24 - 0.001 * f) / (1.0 - f), 0.27, 1e-12);
        assert_eq!(fraction_sold(-0.1, 0.25, 1.08, 1.0, 0.001), 1.0);
    }

    #[test]
    fn the_falls_that_trip_a_quarter_are_those_published() {
        // r = (0.25 l − 1) / (0.75 l): at 2x −33 %, 2.5x −20 %, 2.77x −14.8 %, 3x −11.1 %, 3.5x −4.8 %.
        let rule = margin(MarginName::PaperSequel);
        for (leverage, published) in [(2.0, -0.33), (2.5, -0.20), (2.77, -0.148), (3.0, -0.111), (3.5, -0.048)] {
            let short = |r: f64| {
                let held = Held { shares: leverage, price: 1.0 + r, traded: true };
                1.0 + leverage * r < rule.maintenance(date(2020, 1, 1), 1.0, held)
            };
            let r = (0.25 * leverage - 1.0) / (0.75 * leverage);
            close(r, published, 5e-3);
            assert!(short(r - 1e-9) && !short(r + 1e-9), "{leverage}");
        }
    }

    #[test]
    fn regulation_t_asks_what_finra_publishes() {
        let need = |shares, price| {
            margin(MarginName::RegT).maintenance(date(2020, 1, 1), 1e6, Held { shares, price, traded: true })
        };
        close(need(100.0, 50.0), 1250.0, 1e-9);
        close(need(-100.0, 50.0), 1500.0, 1e-9);
        close(need(-100.0, 10.0), 500.0, 1e-9); // 5 $ a share beat 30 %
        close(need(-100.0, 4.0), 400.0, 1e-9); // all of it
        close(need(-100.0, 2.0), 250.0, 1e-9); // 2.50 $ a share
        assert_eq!(margin(MarginName::RegT).max_gross(date(2020, 1, 1), 1e6), 2.0);
        let halted = Held { shares: 100.0, price: 50.0, traded: false };
        close(margin(MarginName::RegT).maintenance(date(2020, 1, 1), 1e6, halted), 5000.0, 1e-9);
    }

    #[test]
    fn portfolio_margin_begins_on_its_day_and_needs_equity() {
        let rule = margin(MarginName::Portfolio);
        let held = Held { shares: 100.0, price: 50.0, traded: true };
        close(rule.maintenance(date(2007, 4, 1), 1e6, held), 1250.0, 1e-9);
        close(rule.maintenance(date(2007, 4, 2), 1e6, held), 750.0, 1e-9);
        close(rule.maintenance(date(2007, 4, 2), 99_999.0, held), 1250.0, 1e-9);
        close(rule.max_gross(date(2007, 4, 2), 1e6), 6.67, 5e-3);
    }
}
