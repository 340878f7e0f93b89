//! A profile: how orders are made, what they cost, and the margin rule.

use serde::{Deserialize, Serialize};

use crate::registry::Choice;

/// The auction to which orders are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The closing auction.
    #[default]
    MarketOnClose,
    /// The opening auction.
    MarketOnOpen,
}

/// Prices with which equity and order sizes are computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sizing {
    /// The day's opening prices; for orders at the open, the last closes.
    #[default]
    Open,
    /// The last closes.
    PreviousClose,
    /// The prices of the auction itself, which are unknown before it; only for comparisons.
    Fill,
}

/// Whether shares and cents are whole numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shares {
    /// Whole shares, whole cents.
    #[default]
    Whole,
    /// Fractional shares and cents.
    Fractional,
}

/// Largest size of an order as a share of the average daily volume.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Participation {
    /// In the closing auction.
    pub close: f64,
    /// In the opening auction.
    pub open: f64,
}

/// The delisting return assumed if none is known.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Delisting {
    /// The same return for all assets; 0 pays the last price.
    Return(f64),
    /// Returns by exchange, from `[delisting]`.
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
    /// No margin rule.
    #[default]
    None,
    /// Regulation T with FINRA maintenance.
    RegT,
    /// Portfolio margin, and Regulation T where that is not available.
    Portfolio,
    /// The rule of arXiv:2607.23068.
    PaperSequel,
}

/// `[profiles.NAME]`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Description in one line.
    pub about: String,
    /// Capital if the experiment gives none, dollars.
    #[serde(default = "one_million")]
    pub capital_usd: f64,
    /// Sessions between rebalances to the newest targets; if not given, rebalances are on the dates of the targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebalance_sessions: Option<usize>,
    /// The auction to which orders are sent.
    #[serde(default)]
    pub order: Order,
    /// Prices with which orders are sized.
    #[serde(default)]
    pub sizing: Sizing,
    /// Whether shares and cents are whole numbers.
    #[serde(default)]
    pub shares: Shares,
    /// Weights are rounded to multiples of this, then renormalised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_rounding: Option<f64>,
    /// Orders below this value in dollars are not sent, unless they close a position.
    #[serde(default)]
    pub min_trade_usd: f64,
    /// Days over which the average daily volume of `max_participation` is taken.
    #[serde(default = "twenty")]
    pub volume_days: usize,
    /// Largest size of an order; the rest waits for the next auction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_participation: Option<Participation>,
    /// The delisting return assumed if none is known.
    #[serde(default = "last_price")]
    pub delisting: Delisting,
    /// Cost models by name, with parameters.
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
