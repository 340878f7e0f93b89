//! `[universe]` as it is written: what is not written comes from the rule set.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::universe::{Frequency, GapDays, Missing, RankBy, RuleSet, Rules};

/// A rule that is written: its value, `true` for the value of the papers, or `false` for none.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub(super) enum Switch<T> {
    /// On with the value of the papers, or off.
    Is(bool),
    /// On with this value.
    At(T),
}

/// `[universe]` of an experiment: which assets take part on a date.
///
/// Rules that need a value beside `true` or `false` take either: `true` is the value of the papers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "cli", schemars(rename = "Rules"))]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    /// Rules that are not written: `paper` (the default) switches on those of the papers that the panel answers, `none` switches
    /// on no others.
    #[serde(default)]
    rules: RuleSet,
    /// Number of assets kept, largest first: by default 1,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<usize>,
    /// Measure by which assets are ranked. By default `market_value` under `rules = "paper"`, where the panel has it, and
    /// `dollar_volume` under `rules = "none"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    rank_by: Option<RankBy>,
    /// Days of the median dollar volume: by default 252, which means a year, also for a panel with another number of days in a
    /// year.
    #[serde(skip_serializing_if = "Option::is_none")]
    rank_days: Option<usize>,
    /// Values that the median needs; the default of 200 of 252 is scaled for a panel with another number of days in a
    /// year.
    #[serde(skip_serializing_if = "Option::is_none")]
    rank_min_values: Option<usize>,
    /// How often the ranking is renewed: by default once a `year`.
    #[serde(skip_serializing_if = "Option::is_none")]
    rank_frequency: Option<Frequency>,
    /// Returns needed inside the look-back; if not given, 29 of every 30 days (1,160 of 1,200).
    #[serde(skip_serializing_if = "Option::is_none")]
    min_returns: Option<usize>,
    /// Smallest share of days with a return in every rolling year of the look-back; the papers' is 0.95.
    #[serde(skip_serializing_if = "Option::is_none")]
    min_traded_share: Option<Switch<f64>>,
    /// How days count on which the source has no returns of at least 20 assets, with the same first and last day: `neutral`,
    /// neither for nor against an asset (in `min_returns`, `min_traded_share`, `recent_days`, `volatility_fence`), the default of
    /// `rules = "paper"`, or `missing`.
    #[serde(skip_serializing_if = "Option::is_none")]
    gap_days: Option<GapDays>,
    /// Number of days just before the decision on which an asset needs a return; the papers' is 5. If market value or shares
    /// outstanding are known, the volume of these days must also be at least `min_recent_turnover` of each.
    #[serde(skip_serializing_if = "Option::is_none")]
    recent_days: Option<Switch<usize>>,
    /// Smallest share of the company that must be traded in the recent days: by default 0.01.
    #[serde(skip_serializing_if = "Option::is_none")]
    min_recent_turnover: Option<f64>,
    /// Lowest and highest allowed last price, dollars; the papers' are 10 and 2,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    price_range: Option<Switch<[f64; 2]>>,
    /// Shares outstanding must exceed this number; the papers' is five million.
    #[serde(skip_serializing_if = "Option::is_none")]
    min_shares_outstanding: Option<Switch<f64>>,
    /// Drops an asset whose log volatility, both over 5 and over 20 days, is more than this many interquartile ranges
    /// below the first quartile of all assets; the papers' is 1.5.
    #[serde(skip_serializing_if = "Option::is_none")]
    volatility_fence: Option<Switch<f64>>,
    /// Drops assets whose listing is announced to end within this number of trading days (at most 10, the public
    /// notice); the papers' is 5. An end is announced where the panel says that the listing ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    delisting_within: Option<Switch<usize>>,
    /// Keeps only the largest asset of each issuer or twin group: by default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    one_per_issuer: Option<bool>,
    /// Of two assets with a higher correlation than this in the look-back, drops the smaller one; the papers' is 0.95.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_correlation: Option<Switch<f64>>,
    /// Value that replaces a missing return inside an accepted window: by default `zero`.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<Missing>,
}

impl From<Written> for Rules {
    fn from(written: Written) -> Self {
        let (paper, usual) = (Rules::paper(), Rules::default());
        let base = match written.rules {
            RuleSet::Paper => &paper,
            RuleSet::None => &usual,
        };
        fn switched<T: Copy>(written: Option<Switch<T>>, base: Option<T>, paper: Option<T>) -> Option<T> {
            match written {
                None => base,
                Some(Switch::Is(on)) => paper.filter(|_| on),
                Some(Switch::At(value)) => Some(value),
            }
        }
        Rules {
            rules: written.rules,
            size: written.size.unwrap_or(base.size),
            rank_by: written.rank_by.unwrap_or(base.rank_by),
            rank_days: written.rank_days.unwrap_or(base.rank_days),
            rank_min_values: written.rank_min_values.unwrap_or(base.rank_min_values),
            rank_frequency: written.rank_frequency.unwrap_or(base.rank_frequency),
            min_returns: written.min_returns.or(base.min_returns),
            min_traded_share: switched(written.min_traded_share, base.min_traded_share, paper.min_traded_share),
            gap_days: written.gap_days.unwrap_or(base.gap_days),
            recent_days: switched(written.recent_days, base.recent_days, paper.recent_days),
            min_recent_turnover: written.min_recent_turnover.unwrap_or(base.min_recent_turnover),
            price_range: switched(written.price_range, base.price_range, paper.price_range),
            min_shares_outstanding: switched(
                written.min_shares_outstanding,
                base.min_shares_outstanding,
                paper.min_shares_outstanding,
            ),
            volatility_fence: switched(written.volatility_fence, base.volatility_fence, paper.volatility_fence),
            delisting_within: switched(written.delisting_within, base.delisting_within, paper.delisting_within),
            one_per_issuer: written.one_per_issuer.unwrap_or(base.one_per_issuer),
            max_correlation: switched(written.max_correlation, base.max_correlation, paper.max_correlation),
            missing: written.missing.unwrap_or(base.missing),
        }
    }
}

impl Serialize for Rules {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Written::from(self.clone()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Rules {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Written::deserialize(deserializer).map(Rules::from)
    }
}

#[cfg(feature = "cli")]
impl schemars::JsonSchema for Rules {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        Written::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Written::json_schema(generator)
    }
}

impl From<Rules> for Written {
    /// Everything is written, so that the text does not depend on later defaults.
    fn from(rules: Rules) -> Self {
        let is_paper = rules.rules == RuleSet::Paper;
        fn switch<T>(value: Option<T>, is_paper: bool) -> Option<Switch<T>> {
            value.map(Switch::At).or(is_paper.then_some(Switch::Is(false)))
        }
        Written {
            rules: rules.rules,
            size: Some(rules.size),
            rank_by: Some(rules.rank_by),
            rank_days: Some(rules.rank_days),
            rank_min_values: Some(rules.rank_min_values),
            rank_frequency: Some(rules.rank_frequency),
            min_returns: rules.min_returns,
            min_traded_share: switch(rules.min_traded_share, is_paper),
            gap_days: Some(rules.gap_days).filter(|days| is_paper || *days != GapDays::Missing),
            recent_days: switch(rules.recent_days, is_paper),
            min_recent_turnover: Some(rules.min_recent_turnover),
            price_range: switch(rules.price_range, is_paper),
            min_shares_outstanding: switch(rules.min_shares_outstanding, is_paper),
            volatility_fence: switch(rules.volatility_fence, is_paper),
            delisting_within: switch(rules.delisting_within, is_paper),
            one_per_issuer: Some(rules.one_per_issuer),
            max_correlation: switch(rules.max_correlation, is_paper),
            missing: Some(rules.missing),
        }
    }
}

/// What a sweep writes of `[universe]` in one of its runs, with a label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "cli", schemars(with = "VariantForm"))]
#[serde(try_from = "toml::Table", into = "toml::Table")]
pub struct Variant {
    /// The label.
    pub label: String,
    written: toml::Table,
}

/// The form of a variant, for the schema.
#[cfg(feature = "cli")]
#[derive(schemars::JsonSchema)]
#[allow(dead_code)]
struct VariantForm {
    /// Its name in tables, figures and folders.
    label: String,
    #[schemars(flatten)]
    written: Written,
}

impl TryFrom<toml::Table> for Variant {
    type Error = String;

    fn try_from(mut written: toml::Table) -> Result<Self, String> {
        let label = match written.remove("label") {
            Some(toml::Value::String(label)) => label,
            _ => return Err("a variant of the universe needs a label".to_string()),
        };
        let refuse = |error: toml::de::Error| format!("the variant '{label}': {}", error.message());
        Written::deserialize(written.clone()).map_err(refuse)?;
        Ok(Self { label, written })
    }
}

impl From<Variant> for toml::Table {
    fn from(variant: Variant) -> Self {
        let mut table = variant.written;
        table.insert("label".to_string(), variant.label.into());
        table
    }
}

impl Variant {
    /// The rules of the variant; keys that belong to no rule set, and that it does not write, are those of other rules.
    pub fn of(&self, others: &Rules) -> Rules {
        let written = Written::deserialize(self.written.clone()).expect("it was read before");
        let of_set = match others.rules {
            RuleSet::Paper => Rules::paper(),
            RuleSet::None => Rules::default(),
        };
        // The measure that a rule set brings belongs to it.
        let rank_by = Some(others.rank_by).filter(|rank_by| *rank_by != of_set.rank_by);
        let kept = Written {
            size: written.size.or(Some(others.size)),
            rank_by: written.rank_by.or(rank_by),
            rank_days: written.rank_days.or(Some(others.rank_days)),
            rank_min_values: written.rank_min_values.or(Some(others.rank_min_values)),
            rank_frequency: written.rank_frequency.or(Some(others.rank_frequency)),
            min_returns: written.min_returns.or(others.min_returns),
            min_recent_turnover: written.min_recent_turnover.or(Some(others.min_recent_turnover)),
            one_per_issuer: written.one_per_issuer.or(Some(others.one_per_issuer)),
            missing: written.missing.or(Some(others.missing)),
            ..written
        };
        kept.into()
    }
}
