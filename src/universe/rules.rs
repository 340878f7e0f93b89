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

/// What the rules are that an experiment does not write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RuleSet {
    /// Those of the papers, as far as the panel answers them. A value that is written wins; `false` switches a rule off.
    #[default]
    Paper,
    /// None.
    None,
}

/// How days count on which a source has no returns of many assets at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum GapDays {
    /// Neither for nor against an asset.
    Neutral,
    /// As days without a return.
    Missing,
}

/// The rules of a universe. A rule that is `None` does not apply.
///
/// [`Rules::default`] is [`RuleSet::None`]; an experiment file that does not write `rules` has [`Rules::paper`].
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// Where the values come from that an experiment does not write.
    pub rules: RuleSet,
    /// Number of assets kept, largest first.
    pub size: usize,
    /// Measure by which assets are ranked; by default market value under the rules of the papers, if known, else dollar volume.
    pub rank_by: RankBy,
    /// Days of the median dollar volume; 252 means a year, also for a panel with another number of days in a year.
    pub rank_days: usize,
    /// Values that the median needs.
    pub rank_min_values: usize,
    /// How often the ranking is renewed.
    pub rank_frequency: Frequency,
    /// Returns needed inside the look-back; if not given, 29 of every 30 days (1,160 of 1,200).
    pub min_returns: Option<usize>,
    /// Smallest share of days with a return in every rolling year of the look-back.
    pub min_traded_share: Option<f64>,
    /// How days of a gap of the source count in `min_returns` and `min_traded_share`.
    pub gap_days: GapDays,
    /// Number of days just before the decision on which an asset needs a return.
    pub recent_days: Option<usize>,
    /// Smallest share of the company that must be traded in the recent days.
    pub min_recent_turnover: f64,
    /// Lowest and highest allowed last price, dollars.
    pub price_range: Option<[f64; 2]>,
    /// Shares outstanding must exceed this number.
    pub min_shares_outstanding: Option<f64>,
    /// Interquartile ranges below the first quartile of log volatilities, over 5 and over 20 days.
    pub volatility_fence: Option<f64>,
    /// Trading days within which a listing must not be announced to end.
    pub delisting_within: Option<usize>,
    /// Whether only the largest asset of each issuer or twin group is kept.
    pub one_per_issuer: bool,
    /// Highest correlation with a larger asset.
    pub max_correlation: Option<f64>,
    /// Value that replaces a missing return inside an accepted window.
    pub missing: Missing,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            rules: RuleSet::None,
            size: 1000,
            rank_by: RankBy::DollarVolume,
            rank_days: 252,
            rank_min_values: 200,
            rank_frequency: Frequency::Year,
            min_returns: None,
            min_traded_share: None,
            gap_days: GapDays::Missing,
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
    /// The rules of the papers: Bongiorno, Manolakis, Mantegna (2026), arXiv:2607.23068, section on data. The ranking follows
    /// market value where the panel has it.
    pub fn paper() -> Self {
        Self {
            rules: RuleSet::Paper,
            rank_by: RankBy::MarketValue,
            min_traded_share: Some(0.95),
            gap_days: GapDays::Neutral,
            recent_days: Some(5),
            price_range: Some([10.0, 2000.0]),
            min_shares_outstanding: Some(5e6),
            volatility_fence: Some(1.5),
            delisting_within: Some(5),
            max_correlation: Some(0.95),
            ..Self::default()
        }
    }

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
