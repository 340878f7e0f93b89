//! The rules of a universe, each a parameter that can be switched off.

use serde::{Deserialize, Serialize};

use crate::calendar::TRADING_DAYS;
use crate::panel::Field;
use crate::universe::Missing;

/// Measure by which assets are ranked, largest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RankBy {
    /// Median dollar volume over `rank_days`.
    #[default]
    DollarVolume,
    /// Newest known market value.
    MarketValue,
    /// The order of the assets in the panel.
    PanelOrder,
}

impl RankBy {
    /// The name used in files and messages.
    pub fn name(self) -> &'static str {
        match self {
            RankBy::DollarVolume => "dollar_volume",
            RankBy::MarketValue => "market_value",
            RankBy::PanelOrder => "panel_order",
        }
    }
}

/// How often the ranking is renewed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Frequency {
    /// Once per calendar year, from the days before the year of the decision.
    #[default]
    Year,
    /// At every decision.
    Decision,
}

/// `[universe]` of an experiment. A rule that is `None` does not apply.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// Number of assets kept, largest first.
    pub size: usize,
    /// Measure by which assets are ranked.
    pub rank_by: RankBy,
    /// Days of the median dollar volume; 252 means a year, also for a panel with another number of days in a year.
    pub rank_days: usize,
    /// Values that the median needs; the default of 200 of 252 is scaled for a panel with another number of days in a
    /// year.
    pub rank_min_values: usize,
    /// How often the ranking is renewed.
    pub rank_frequency: Frequency,
    /// Returns needed inside the look-back; if not given, 29 of every 30 days (1,160 of 1,200).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_returns: Option<usize>,
    /// Smallest share of days with a return in every rolling year of the look-back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_traded_share: Option<f64>,
    /// Number of days just before the decision on which an asset needs a return. If market value and shares
    /// outstanding are known, the volume of these days must also be at least `min_recent_turnover` of each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recent_days: Option<usize>,
    /// Smallest share of the company that must be traded in the recent days.
    pub min_recent_turnover: f64,
    /// Lowest and highest allowed last price, dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_range: Option<[f64; 2]>,
    /// Shares outstanding must exceed this number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_shares_outstanding: Option<f64>,
    /// Drops an asset whose log volatility, both over 5 and over 20 days, is more than this many interquartile ranges
    /// below the first quartile of all assets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volatility_fence: Option<f64>,
    /// Drops assets whose listing is announced to end within this number of trading days (at most 10, the public
    /// notice).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delisting_within: Option<usize>,
    /// Keeps only the largest asset of each issuer or twin group.
    pub one_per_issuer: bool,
    /// Of two assets with a higher correlation than this in the look-back, drops the smaller one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_correlation: Option<f64>,
    /// Value that replaces a missing return inside an accepted window.
    pub missing: Missing,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            size: 1000,
            rank_by: RankBy::DollarVolume,
            rank_days: 252,
            rank_min_values: 200,
            rank_frequency: Frequency::Year,
            min_returns: None,
            min_traded_share: None,
            recent_days: None,
            min_recent_turnover: 0.01,
            price_range: None,
            min_shares_outstanding: None,
            volatility_fence: None,
            delisting_within: None,
            one_per_issuer: true,
            max_correlation: None,
            missing: Missing::Zero,
        }
    }
}

impl Rules {
    /// The measure by which a panel can be ranked: the requested one if the panel has it. Without volumes it is the
    /// market value, without both the order of the panel.
    pub fn ranks_by(&self, has: impl Fn(Field) -> bool) -> RankBy {
        match self.rank_by {
            RankBy::DollarVolume if has(Field::DollarVolume) => RankBy::DollarVolume,
            RankBy::DollarVolume if has(Field::MarketValue) => RankBy::MarketValue,
            RankBy::MarketValue if has(Field::MarketValue) || has(Field::DollarVolume) => RankBy::MarketValue,
            _ => RankBy::PanelOrder,
        }
    }

    /// Days and fewest values of the median dollar volume, for a panel with `per_year` days in a year.
    ///
    /// The defaults mean a year and four fifths of a year. The identity of every model contains them as numbers of
    /// trading days, so they are converted here.
    pub fn rank_window(&self, per_year: f64) -> (usize, usize) {
        let usual = Self::default();
        let scale = per_year / TRADING_DAYS;
        let a_year = self.rank_days == usual.rank_days;
        let days = if a_year { (self.rank_days as f64 * scale).round().max(1.0) as usize } else { self.rank_days };
        let values = match a_year && self.rank_min_values == usual.rank_min_values {
            true => (self.rank_min_values as f64 * scale).ceil() as usize,
            false => self.rank_min_values,
        };
        (days, values.min(days))
    }
}
