//! Costs of trading and holding: commissions, fees, slippage, borrow, interest. Each has its own file.
//!
//! To add a cost, write `src/costs/<name>.rs` and add its `mod` line and a line in [`ALL`] here. Profiles refer to it
//! by name.

mod almgren;
mod auction_fees;
mod benchmark_rate;
mod borrow;
mod checks;
mod cvxportfolio;
mod fixed_bps;
mod half_spread;
mod ibkr_fixed;
mod ibkr_tiered;
mod impact;
mod impact_close;
mod impact_continuous;
mod interest;
mod liquidation_slippage;
mod models;
mod profile;
mod schedules;
mod section31;
mod square_root;
mod taf;
mod volume_share;

pub use benchmark_rate::BenchmarkRate;
pub use profile::{Delisting, MarginName, Order, Participation, Profile, Shares, Sizing};
pub use schedules::{
    Cycle, DEFAULT as DEFAULT_SCHEDULES, LiquidationRule, PaperMargin, PortfolioMargin, RegT, Schedules,
};

use crate::account::{Entry, Fill, Position};
use crate::calendar::Date;
use crate::error::Result;
use crate::panel::Quotes;
use crate::registry::{Choice, defaults, find, none};

/// A day as a cost model sees it: either fills with the prices around them, or positions held over the nights after
/// the day.
///
/// Each fill is shown once; in that phase there are no positions and no nights. Positions are shown once a day, after
/// the close, and then there are no fills. So a model can sum over everything it sees without charging anything
/// twice.
pub struct Day<'a> {
    /// The trading day.
    pub date: Date,
    /// Trades of one auction.
    pub fills: &'a [Fill],
    /// Shares traded in this calendar month before these fills.
    pub month_shares: f64,
    /// Positions after the close.
    pub positions: &'a [Position],
    /// Calendar days to the next trading day.
    pub nights: u32,
    /// Settled cash after the close, with the proceeds of short sales, dollars.
    pub settled_usd: f64,
    /// Equity after the close, dollars.
    pub equity_usd: f64,
    /// The benchmark rate of the night, percent a year, never negative.
    pub benchmark_percent: f64,
    /// Prices of the day, and volumes and volatilities before it.
    pub quotes: &'a Quotes<'a>,
    /// Size rank of every asset; 1 is the largest.
    pub ranks: &'a [u32],
}

/// An amount taken from the account, dollars; negative when paid to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Charge {
    /// Kind of ledger entry.
    pub entry: Entry,
    /// The asset charged for, if any.
    pub asset: Option<usize>,
    /// Amount, dollars.
    pub usd: f64,
}

/// A cost of trading or holding.
///
/// ```
/// use minvar::account::{Auction, Entry, Fill};
/// use minvar::costs::{Charge, CostModel, Day};
/// use minvar::panel::Quotes;
/// use minvar::prelude::*;
///
/// /// A dollar for every trade.
/// struct ADollar;
///
/// impl CostModel for ADollar {
///     fn charge(&self, day: &Day<'_>, charges: &mut Vec<Charge>) {
///         let dollar = |asset| Charge { entry: Entry::Commission, asset: Some(asset), usd: 1.0 };
///         charges.extend(day.fills.iter().map(|fill| dollar(fill.asset)));
///     }
/// }
///
/// # fn main() -> Result<()> {
/// let (panel, _) = SyntheticMarket::complete(1, 60).simulate()?;
/// let day = Day {
///     date: panel.calendar().date(30),
///     fills: &[Fill { asset: 0, shares: 100.0, price: 25.0, auction: Auction::Close }],
///     month_shares: 0.0,
///     positions: &[],
///     nights: 0,
///     settled_usd: 0.0,
///     equity_usd: 1e6,
///     benchmark_percent: 0.0,
///     quotes: &Quotes::new(&panel, vec![0], 30),
///     ranks: &[1],
/// };
/// let mut charges = Vec::new();
/// ADollar.charge(&day, &mut charges);
/// assert_eq!(charges[0].usd, 1.0);
/// # Ok(())
/// # }
/// ```
pub trait CostModel: Send + Sync {
    /// Adds its charges on a day to `charges`.
    fn charge(&self, day: &Day<'_>, charges: &mut Vec<Charge>);
}

/// A registered cost model.
pub struct RegisteredCost {
    /// The name in profiles.
    pub name: &'static str,
    /// Source of the model.
    pub reference: &'static str,
    /// Whether it depends on the benchmark rate, which must then be known on all days.
    pub needs_rates: bool,
    /// Parameters with their defaults.
    pub parameters: fn() -> toml::Table,
    /// Builds the model from its parameters and the schedules.
    pub build: fn(&Choice, &Schedules) -> Result<Box<dyn CostModel>>,
}

/// Every cost model.
#[rustfmt::skip]
pub const ALL: &[RegisteredCost] = &[
    RegisteredCost { name: "ibkr_fixed", reference: "Interactive Brokers, today's fixed plan in every year", needs_rates: false, parameters: none, build: ibkr_fixed::today },
    RegisteredCost { name: "ibkr_fixed_history", reference: "the fixed plan as it was at the time", needs_rates: false, parameters: none, build: ibkr_fixed::history },
    RegisteredCost { name: "ibkr_tiered", reference: "Interactive Brokers, today's tiered plan in every year, with clearing", needs_rates: false, parameters: none, build: ibkr_tiered::build },
    RegisteredCost { name: "section31", reference: "SEC fee on sales", needs_rates: false, parameters: none, build: section31::build },
    RegisteredCost { name: "taf", reference: "NASD/FINRA trading activity fee on sales", needs_rates: false, parameters: none, build: taf::build },
    RegisteredCost { name: "auction_fees", reference: "exchange fees of opening and closing auctions", needs_rates: false, parameters: none, build: auction_fees::build },
    RegisteredCost { name: "half_spread", reference: "Bogousslavsky, Muravyev 2023; Bessembinder 2003", needs_rates: false, parameters: defaults::<half_spread::Parameters>, build: half_spread::build },
    RegisteredCost { name: "impact_close", reference: "Goyal, Jegadeesh, Wu 2026, the closing auction's law in every auction", needs_rates: false, parameters: defaults::<impact_close::Parameters>, build: impact_close::close },
    RegisteredCost { name: "impact_close_open", reference: "the same, 3.3 times as large at the open, with noise", needs_rates: false, parameters: defaults::<impact_close::Parameters>, build: impact_close::close_open },
    RegisteredCost { name: "impact_continuous", reference: "Goyal, Jegadeesh, Wu 2026, continuous trading", needs_rates: false, parameters: defaults::<impact_continuous::Parameters>, build: impact_continuous::build },
    RegisteredCost { name: "square_root", reference: "Y sigma sqrt(Q/V)", needs_rates: false, parameters: defaults::<square_root::Parameters>, build: square_root::build },
    RegisteredCost { name: "almgren", reference: "Almgren, Thum, Hauptmann, Li 2005", needs_rates: false, parameters: defaults::<almgren::Parameters>, build: almgren::build },
    RegisteredCost { name: "volume_share", reference: "zipline's default", needs_rates: false, parameters: defaults::<volume_share::Parameters>, build: volume_share::build },
    RegisteredCost { name: "fixed_bps", reference: "a constant share of the value", needs_rates: false, parameters: defaults::<fixed_bps::Parameters>, build: fixed_bps::build },
    RegisteredCost { name: "cvxportfolio", reference: "cvxportfolio's default for stocks", needs_rates: false, parameters: defaults::<cvxportfolio::Parameters>, build: cvxportfolio::build },
    RegisteredCost { name: "liquidation_slippage", reference: "our choice", needs_rates: false, parameters: defaults::<liquidation_slippage::Parameters>, build: liquidation_slippage::build },
    RegisteredCost { name: "ibkr_interest", reference: "Interactive Brokers Pro, by tier", needs_rates: true, parameters: none, build: interest::ibkr },
    RegisteredCost { name: "institutional_interest", reference: "one spread each way", needs_rates: true, parameters: none, build: interest::institutional },
    RegisteredCost { name: "benchmark_interest", reference: "the benchmark on every balance", needs_rates: true, parameters: none, build: interest::benchmark },
    RegisteredCost { name: "borrow_general", reference: "one fee for all names", needs_rates: false, parameters: none, build: borrow::general },
    RegisteredCost { name: "borrow_by_rank", reference: "our choice by size", needs_rates: false, parameters: none, build: borrow::by_rank },
    RegisteredCost { name: "borrow_hard", reference: "D'Avolio 2002; Muravyev, Pearson, Pollet 2025", needs_rates: false, parameters: none, build: borrow::hard },
];

/// The registered cost model of that name; an unknown name is an error that suggests a similar one.
pub fn named(name: &str) -> Result<&'static RegisteredCost> {
    find("cost model", ALL, |model| model.name, name)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::account::Auction;
    use crate::calendar::Calendar;
    use crate::linalg::Matrix;
    use crate::panel::{Asset, Field, Panel, Venue};

    /// Three assets (NYSE, Nasdaq, unknown exchange), 30 weekdays from `first`, returns of ±2 %, 100 million dollars a day.
    pub(crate) fn panel(first: Date) -> Panel {
        let calendar = Calendar::weekdays(first, 30);
        let venues = [Some(Venue::Nyse), Some(Venue::Nasdaq), None];
        let asset = |k: usize| Asset { symbol: format!("A{k}"), venue: venues[k], ..Asset::default() };
        let returns = Matrix::from_fn(30, 3, |day, _| if day % 2 == 0 { 0.02 } else { -0.02 });
        let fields = BTreeMap::from([(Field::DollarVolume, vec![1e8f32; 90])]);
        Panel::new(calendar, (0..3).map(asset).collect(), returns, fields).unwrap()
    }

    /// The charges of a model on the last weekday of a panel that begins on `first`.
    #[track_caller]
    pub(crate) fn charged(words: &str, first: Date, change: impl FnOnce(&mut Day<'_>)) -> Vec<Charge> {
        let choice = Choice::from_words(words).unwrap();
        let model = (named(&choice.name).unwrap().build)(&choice, &Schedules::default()).unwrap();
        let panel = panel(first);
        let quotes = Quotes::new(&panel, vec![0, 1, 2], 29);
        let mut day = Day {
            date: panel.calendar().date(29),
            fills: &[],
            month_shares: 0.0,
            positions: &[],
            nights: 0,
            settled_usd: 0.0,
            equity_usd: 1e6,
            benchmark_percent: 0.0,
            quotes: &quotes,
            ranks: &[1, 2, 3],
        };
        change(&mut day);
        let mut charges = Vec::new();
        model.charge(&day, &mut charges);
        charges
    }

    /// The total charge of a model for one order of an asset, dollars.
    #[track_caller]
    pub(crate) fn order(words: &str, first: Date, asset: usize, shares: f64, price: f64) -> f64 {
        let fill = Fill { asset, shares, price, auction: Auction::Close };
        charged(words, first, |day| day.fills = std::slice::from_ref(Box::leak(Box::new(fill))))
            .iter()
            .map(|c| c.usd)
            .sum()
    }

    #[track_caller]
    pub(crate) fn close(a: f64, b: f64, tolerance: f64) {
        assert!((a - b).abs() <= tolerance, "{a} against {b}");
    }

    #[test]
    fn every_model_is_silent_on_a_day_without_fills_positions_and_cash() {
        for model in ALL {
            let charges = charged(model.name, jiff::civil::date(2020, 1, 1), |day| day.nights = 3);
            assert!(charges.iter().all(|charge| charge.usd == 0.0), "{}: {charges:?}", model.name);
        }
    }

    #[test]
    fn every_model_charges_for_its_kind_of_business() {
        let first = jiff::civil::date(2003, 1, 1);
        for model in ALL {
            let auction = if model.name == "liquidation_slippage" { Auction::Liquidation } else { Auction::Close };
            let fills = [-1000.0, 1000.0].map(|shares| Fill { asset: 0, shares, price: 50.0, auction });
            let positions = [Position { asset: 0, shares: -1000.0 }];
            let traded = charged(model.name, first, |day| day.fills = Box::leak(Box::new(fills)));
            let held = charged(model.name, first, |day| {
                (day.positions, day.nights) = (Box::leak(Box::new(positions)), 1);
                (day.settled_usd, day.benchmark_percent) = (-2e6, 3.0);
            });
            assert_ne!(traded.is_empty(), held.is_empty(), "{} charges in both phases or in none", model.name);
            assert!(
                traded.iter().all(|c| !c.entry.accrues()) && held.iter().all(|c| c.entry.accrues()),
                "{}",
                model.name
            );
        }
    }
}
