//! A profile: how orders are made, what they cost, and the margin rule.

use serde::{Deserialize, Serialize};

use crate::registry::Choice;

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
