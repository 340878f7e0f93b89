//! A profile: how orders are made, what they cost, and the margin rule.

use serde::{Deserialize, Serialize};

use crate::costs::{CostModel, Schedules, named};
use crate::error::Result;
use crate::registry::{Choice, check};

/// The auction that orders go to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The closing auction.
    #[default]
    MarketOnClose,
    /// The opening auction.
    MarketOnOpen,
}

/// The prices that equity and orders are counted with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sizing {
    /// The day's opening prices; for orders at the open the last closes.
    #[default]
    Open,
    /// The last closes.
    PreviousClose,
    /// The prices of the auction itself, which no one knows before it: for comparisons.
    Fill,
}

/// Whether shares and cents are whole numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shares {
    /// Whole shares, whole cents.
    #[default]
    Whole,
    /// Neither.
    Fractional,
}

/// Largest share of the average daily volume that one order may be.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Participation {
    /// In the closing auction.
    pub close: f64,
    /// In the opening auction.
    pub open: f64,
}

/// The return of an ending without a known one.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Delisting {
    /// The same for all; 0 is the last price.
    Return(f64),
    /// By exchange, from `[delisting]`.
    Rule(ByVenue),
}

/// The word for [`Delisting::Rule`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ByVenue {
    /// By exchange.
    ByVenue,
}

/// A margin rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MarginName {
    /// None.
    #[default]
    None,
    /// Regulation T with FINRA maintenance.
    RegT,
    /// Portfolio margin, Regulation T where it is not to be had.
    Portfolio,
    /// That of arXiv:2607.23068.
    PaperSequel,
}

/// `[profiles.NAME]`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// One line.
    pub about: String,
    /// Capital where an experiment names none, dollars.
    #[serde(default = "one_million")]
    pub capital_usd: f64,
    /// Sessions between rebalances to the newest targets; on the dates of the targets if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebalance_sessions: Option<usize>,
    /// Where orders go.
    #[serde(default)]
    pub order: Order,
    /// What they are counted with.
    #[serde(default)]
    pub sizing: Sizing,
    /// Whole or fractional.
    #[serde(default)]
    pub shares: Shares,
    /// Weights are rounded to multiples of this, then renormalised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_rounding: Option<f64>,
    /// Smaller orders are not sent, unless they close a position.
    #[serde(default)]
    pub min_trade_usd: f64,
    /// Days of the average daily volume behind `max_participation`.
    #[serde(default = "twenty")]
    pub volume_days: usize,
    /// What is beyond waits for the next auction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_participation: Option<Participation>,
    /// The return of an ending without a known one.
    #[serde(default = "last_price")]
    pub delisting: Delisting,
    /// Names of cost models, with parameters.
    pub costs: Vec<Choice>,
    /// The margin rule.
    #[serde(default)]
    pub margin: MarginName,
}

fn one_million() -> f64 {
    1e6
}

fn twenty() -> usize {
    20
}

fn last_price() -> Delisting {
    Delisting::Return(0.0)
}

impl Profile {
    /// Builds the cost models.
    pub fn models(&self, schedules: &Schedules) -> Result<Vec<Box<dyn CostModel>>> {
        self.costs.iter().map(|choice| (named(&choice.name)?.build)(choice, schedules)).collect()
    }

    /// Refuses what cannot be simulated.
    pub(super) fn check(&self, schedules: &Schedules) -> Result<()> {
        check((1.0..=1e13).contains(&self.capital_usd), "capital_usd", "between 1 and 1e13", self.capital_usd)?;
        check(self.rebalance_sessions != Some(0), "rebalance_sessions", "at least 1", 0)?;
        check(self.volume_days > 0, "volume_days", "at least 1", 0)?;
        check(self.min_trade_usd >= 0.0, "min_trade_usd", "at least 0", self.min_trade_usd)?;
        if let Some(step) = self.weight_rounding {
            check(step > 0.0 && step < 1.0, "weight_rounding", "in (0, 1)", step)?;
        }
        if let Some(most) = self.max_participation {
            let inside = |x: f64| x > 0.0 && x <= 1.0;
            check(inside(most.close), "max_participation.close", "in (0, 1]", most.close)?;
            check(inside(most.open), "max_participation.open", "in (0, 1]", most.open)?;
        }
        if let Delisting::Return(r) = self.delisting {
            check((-1.0..=0.0).contains(&r), "delisting", "a return in [-1, 0] or \"by_venue\"", r)?;
        }
        self.models(schedules).map(|_| ())
    }
}
