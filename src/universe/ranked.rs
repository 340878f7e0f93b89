//! Applies [`Rules`] to a past: filters, then a ranking, then the first `size` assets.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::error::{Error, Removed, Result};
use crate::linalg::Matrix;
use crate::panel::{AssetId, Field, Panel, Past};
use crate::universe::{Frequency, GapDays, RankBy, RuleSet, Rules, Selection, Universe};

/// Number of days in a year for the rolling-year rule.
fn days_of_year(past: Past<'_>) -> usize {
    (past.periods_per_year().round() as usize).max(1)
}

/// [`Rules`] with a look-back: filters, then a ranking, then the first `size` assets.
#[derive(Clone)]
pub struct RankedUniverse {
    pub(super) rules: Rules,
    lookback: usize,
    min_returns: usize,
    /// Fields that the panel does not answer, so that conditions on them do not apply.
    pub(super) unanswered: Vec<Field>,
}

impl Rules {
    /// Combines the rules with a look-back in days. Refuses parameters out of range.
    pub fn over(&self, lookback: usize) -> Result<RankedUniverse> {
        let parameter = |name, range, value: String| Err(Error::Parameter { name, range, value });
        let share = |x: f64| (0.0..=1.0).contains(&x);
        let min_returns = self.min_returns.unwrap_or(lookback.saturating_mul(29).div_ceil(30));
        if self.size == 0 {
            return parameter("universe.size", "at least 1", self.size.to_string());
        }
        if min_returns == 0 || min_returns > lookback {
            return parameter("universe.min_returns", "between 1 and the look-back", min_returns.to_string());
        }
        if self.rank_days == 0 {
            return parameter("universe.rank_days", "at least 1", self.rank_days.to_string());
        }
        if self.rank_min_values > self.rank_days {
            return parameter("universe.rank_min_values", "at most rank_days", self.rank_min_values.to_string());
        }
        if let Some(x) = self.min_traded_share.filter(|&x| !share(x)) {
            return parameter("universe.min_traded_share", "in [0, 1]", x.to_string());
        }
        if let Some(x) = self.max_correlation.filter(|&x| !share(x)) {
            return parameter("universe.max_correlation", "in [0, 1]", x.to_string());
        }
        let limits = [
            ("universe.min_recent_turnover", Some(self.min_recent_turnover)),
            ("universe.min_shares_outstanding", self.min_shares_outstanding),
            ("universe.volatility_fence", self.volatility_fence),
        ];
        if let Some((name, Some(x))) = limits.into_iter().find(|(_, x)| x.is_some_and(|x| !(x >= 0.0 && x.is_finite())))
        {
            return parameter(name, "at least 0", x.to_string());
        }
        if let Some([low, high]) = self.price_range.filter(|[low, high]| low > high || low.is_nan() || high.is_nan()) {
            return parameter("universe.price_range", "[lowest, highest]", format!("[{low}, {high}]"));
        }
        Ok(RankedUniverse { rules: self.clone(), lookback, min_returns, unanswered: Vec::new() })
    }
}

impl RankedUniverse {
    /// Number of returns that an asset needs inside the look-back.
    pub fn min_returns(&self) -> usize {
        self.min_returns
    }

    /// The rules that apply.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// All that a choice of members depends on besides the content of the panel, as text: part of the identity of a model. Rules
    /// that come from no set have the text that they had before there were sets.
    pub fn identity(&self, panel: &Panel) -> String {
        let text = toml::to_string(&self.rules).expect("rules are plain data");
        let mut text = match self.rules.rules {
            RuleSet::None => {
                text.lines().filter(|line| !line.starts_with("rules = ")).map(|line| format!("{line}\n")).collect()
            }
            RuleSet::Paper => text,
        };
        for field in &self.unanswered {
            text += &format!("unanswered = \"{}\"\n", field.name());
        }
        if self.rules.delisting_within.is_some() {
            text += &format!("ends = \"{}\"\n", panel.ends_hash());
        }
        text
    }

    /// The days of the look-back, counted from its first, on which the source had gaps in an asset, by asset; empty where such
    /// days count as missing.
    fn gaps_of_source(&self, past: Past<'_>) -> GapsByAsset {
        let mut gaps = GapsByAsset::new();
        let start = past.n_days().saturating_sub(self.lookback);
        let counted = self.rules.gap_days == GapDays::Neutral;
        for gap in past.source_gaps().filter(|gap| counted && gap.last >= start) {
            for &asset in &gap.assets {
                gaps.entry(asset).or_default().push(gap.first.max(start) - start..gap.last + 1 - start);
            }
        }
        gaps
    }

    /// Listed assets with enough returns.
    pub(super) fn candidates(&self, past: Past<'_>) -> Vec<AssetId> {
        let gaps = self.gaps_of_source(past);
        let is_candidate = |asset: &AssetId| past.is_listed(*asset) && self.has_history(past, *asset, &gaps);
        (0..past.n_assets()).filter(is_candidate).collect()
    }

    /// Whether an asset has enough returns inside the look-back, in proportion to the days that count.
    fn has_history(&self, past: Past<'_>, asset: AssetId, gaps: &GapsByAsset) -> bool {
        let neutral: usize = gaps.get(&asset).map_or(0, |gaps| gaps.iter().map(ExactSizeIterator::len).sum());
        self.n_returns(past, asset) * self.lookback >= self.min_returns * (self.lookback - neutral)
    }
}

/// Days of gaps of the source in an asset, counted from the first day of the look-back.
type Gaps = Vec<Range<usize>>;
type GapsByAsset = BTreeMap<AssetId, Gaps>;

/// Whether a day of the look-back is in a gap of the source.
fn is_in_gap(gaps: Option<&Gaps>, day: usize) -> bool {
    gaps.is_some_and(|gaps| gaps.iter().any(|gap| gap.contains(&day)))
}

/// The newest days of the look-back that count, the newest first.
fn newest_days(lookback: usize, days: usize, gaps: Option<&Gaps>) -> impl Iterator<Item = usize> {
    (0..lookback).rev().filter(move |day| !is_in_gap(gaps, *day)).take(days)
}

impl Universe for RankedUniverse {
    fn select(&self, past: Past<'_>) -> Result<Selection> {
        if past.n_days() < self.lookback {
            let (need, have, date) = (self.lookback, past.n_days(), past.decision_date());
            let hint = ", by walk_forward.lookback".to_string();
            return Err(Error::NotEnoughDays { need, have, date, hint });
        }
        let rules = &self.rules;
        let gaps = self.gaps_of_source(past);
        let mut sieve = Sieve { past, kept: (0..past.n_assets()).collect(), removed: Vec::new() };
        if past.excludes_assets() {
            sieve.apply("excluded_whole", |asset| !past.is_excluded(asset));
        }
        sieve.apply("listed", |asset| past.is_listed(asset));
        sieve.apply("history", |asset| self.has_history(past, asset, &gaps));
        sieve.apply("constant", |asset| self.moves(past, asset));
        if let Some(low) = rules.min_traded_share {
            sieve.apply("rolling_year", |asset| self.traded_share(past, asset, gaps.get(&asset)) >= low);
        }
        if let Some(days) = rules.recent_days {
            sieve.apply("recent_trading", |asset| self.trades_now(past, asset, days, gaps.get(&asset)));
        }
        if let Some([low, high]) = rules.price_range {
            sieve.apply_known(Field::Price, |price| (low..=high).contains(&price))?;
        }
        if let Some(low) = rules.min_shares_outstanding {
            sieve.apply_known(Field::SharesOutstanding, |shares| shares > low)?;
        }
        if let Some(multiple) = rules.volatility_fence {
            sieve.drop_still_assets(multiple, |asset, days| self.recent_deviation(past, asset, days, gaps.get(&asset)));
        }
        if let Some(days) = rules.delisting_within {
            sieve.apply("announced_end", |asset| !past.ends_within(asset, days));
        }
        self.rank(&mut sieve)?;
        if rules.one_per_issuer {
            let mut seen = std::collections::HashSet::new();
            sieve.apply("issuer", |asset| {
                let issuer = past.issuer(asset);
                issuer.is_empty() || seen.insert(issuer)
            });
        }
        if let Some(limit) = rules.max_correlation {
            self.drop_collinear(&mut sieve, limit)?;
        }
        let mut place = 0;
        sieve.apply("size", |_| {
            place += 1;
            place <= rules.size
        });
        if sieve.kept.is_empty() {
            return Err(Error::EmptyUniverse { date: past.decision_date(), removed: Removed(sieve.removed) });
        }
        sieve.kept.sort_unstable();
        let n_with_gaps = sieve.kept.iter().filter(|asset| gaps.contains_key(asset)).count();
        Ok(Selection { members: sieve.kept, removed: sieve.removed, n_with_gaps })
    }
}

impl RankedUniverse {
    fn returns<'a>(&self, past: Past<'a>, asset: AssetId) -> &'a [f64] {
        past.returns(asset, self.lookback).expect("select checks that the past is long enough")
    }

    fn n_returns(&self, past: Past<'_>, asset: AssetId) -> usize {
        self.returns(past, asset).iter().filter(|r| !r.is_nan()).count()
    }

    /// Whether the returns are not all the same: a constant series has no correlation.
    fn moves(&self, past: Past<'_>, asset: AssetId) -> bool {
        let mut present = self.returns(past, asset).iter().filter(|r| !r.is_nan());
        present.next().is_some_and(|first| present.any(|r| r != first))
    }

    /// The share of days with a return in the worst rolling year of the look-back, of the days that count.
    fn traded_share(&self, past: Past<'_>, asset: AssetId, gaps: Option<&Gaps>) -> f64 {
        let returns = self.returns(past, asset);
        let year = days_of_year(past).min(returns.len());
        let (mut traded, mut counted, mut least) = (0usize, 0usize, 1.0f64);
        for day in 0..returns.len() {
            traded += usize::from(!returns[day].is_nan());
            counted += usize::from(!is_in_gap(gaps, day));
            if let Some(old) = day.checked_sub(year) {
                traded -= usize::from(!returns[old].is_nan());
                counted -= usize::from(!is_in_gap(gaps, old));
            }
            if day + 1 >= year && counted > 0 {
                least = least.min(traded as f64 / counted as f64);
            }
        }
        least
    }

    /// Whether there is a return on each recent day and enough turnover, as far as the size of the company is known: dollar
    /// volume against market value, and volume in shares, which is dollar volume over price, against shares outstanding.
    fn trades_now(&self, past: Past<'_>, asset: AssetId, days: usize, gaps: Option<&Gaps>) -> bool {
        let returns = self.returns(past, asset);
        let recent = || newest_days(self.lookback, days, gaps);
        if recent().any(|day| returns[day].is_nan()) {
            return false;
        }
        let Some(volumes) = past.field(Field::DollarVolume, asset) else { return true };
        let volumes = &volumes[volumes.len() - self.lookback..];
        let known = |field: Field| past.last_known(field, asset).filter(|_| !self.unanswered.contains(&field));
        let traded: f64 = recent().map(|day| f64::from(volumes[day])).filter(|volume| !volume.is_nan()).sum();
        let value_of_shares = known(Field::SharesOutstanding)
            .zip(past.last_known(Field::Price, asset))
            .map(|(shares, price)| shares * price);
        let is_enough = |value: f64| traded >= self.rules.min_recent_turnover * value;
        known(Field::MarketValue).is_none_or(is_enough) && value_of_shares.is_none_or(is_enough)
    }

    /// Standard deviation of the returns of some recent days.
    fn recent_deviation(&self, past: Past<'_>, asset: AssetId, days: usize, gaps: Option<&Gaps>) -> f64 {
        let returns = self.returns(past, asset);
        let recent: Vec<f64> = newest_days(self.lookback, days, gaps).map(|day| returns[day]).collect();
        deviation(&recent)
    }

    /// Orders the kept assets by size and drops those of unknown size.
    fn rank(&self, sieve: &mut Sieve<'_>) -> Result<()> {
        let (past, rules) = (sieve.past, &self.rules);
        let rank_by = rules.ranks_by(|field| past.has(field));
        let field = match rank_by {
            RankBy::PanelOrder => return Ok(()),
            RankBy::DollarVolume => Field::DollarVolume,
            RankBy::MarketValue => Field::MarketValue,
        };
        sieve.require(field)?;
        let end = match rules.rank_frequency {
            Frequency::Decision => past.n_days(),
            Frequency::Year => past.first_on_or_after(past.decision_date().first_of_year()),
        };
        let (rank_days, rank_min_values) = rules.rank_window(past.periods_per_year());
        let size = |asset: AssetId| -> Option<f64> {
            let known = &past.field(field, asset)?[..end];
            match rank_by {
                RankBy::MarketValue => known.iter().rev().find(|x| !x.is_nan()).map(|&x| f64::from(x)),
                _ => median(&known[end.saturating_sub(rank_days)..], rank_min_values),
            }
        };
        let mut sized: Vec<(AssetId, f64)> = sieve.kept.iter().filter_map(|&a| size(a).map(|s| (a, s))).collect();
        sized.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        sieve.removed.push(("rank", sieve.kept.len() - sized.len()));
        sieve.kept = sized.into_iter().map(|(asset, _)| asset).collect();
        Ok(())
    }

    /// Goes down the ranking and drops assets whose correlation with a larger accepted asset is too high.
    fn drop_collinear(&self, sieve: &mut Sieve<'_>, limit: f64) -> Result<()> {
        let mut candidates = (self.rules.size * 5 / 4 + 20).min(sieve.kept.len());
        loop {
            let filled = self.rules.missing.window(sieve.past, &sieve.kept[..candidates], self.lookback)?;
            let correlation = standardised(filled.returns).gram();
            let mut accepted: Vec<usize> = Vec::new();
            for i in 0..candidates {
                if accepted.iter().all(|&j| correlation[(i, j)] <= limit) {
                    accepted.push(i);
                }
            }
            if accepted.len() >= self.rules.size || candidates == sieve.kept.len() {
                sieve.removed.push(("collinearity", candidates - accepted.len()));
                let rest = sieve.kept.split_off(candidates);
                sieve.kept = accepted.into_iter().map(|i| sieve.kept[i]).chain(rest).collect();
                return Ok(());
            }
            candidates = (2 * candidates).min(sieve.kept.len());
        }
    }
}

/// The assets kept so far, and the number that each rule removed.
struct Sieve<'a> {
    past: Past<'a>,
    kept: Vec<AssetId>,
    removed: Vec<(&'static str, usize)>,
}

impl Sieve<'_> {
    fn apply(&mut self, rule: &'static str, mut passes: impl FnMut(AssetId) -> bool) {
        let before = self.kept.len();
        self.kept.retain(|&asset| passes(asset));
        self.removed.push((rule, before - self.kept.len()));
    }

    /// Applies a rule to the newest value of a field; assets for which it is unknown are removed.
    fn apply_known(&mut self, field: Field, passes: impl Fn(f64) -> bool) -> Result<()> {
        self.require(field)?;
        let past = self.past;
        self.apply(field.name(), |asset| past.last_known(field, asset).is_some_and(&passes));
        Ok(())
    }

    fn require(&self, field: Field) -> Result<()> {
        if self.past.has(field) {
            return Ok(());
        }
        let rule =
            format!("the panel has no {}; switch off the rule that needs it, or rank by panel_order", field.name());
        Err(Error::data("universe", rule))
    }

    /// Drops assets below Tukey's lower fence on log volatilities, both over 5 and over 20 days.
    fn drop_still_assets(&mut self, multiple: f64, deviation: impl Fn(AssetId, usize) -> f64) {
        let logs = |days: usize| -> Vec<f64> { self.kept.iter().map(|&asset| deviation(asset, days).ln()).collect() };
        let below = |logs: Vec<f64>| -> Vec<bool> {
            let mut sorted: Vec<f64> = logs.iter().copied().filter(|x| x.is_finite()).collect();
            sorted.sort_by(f64::total_cmp);
            let quartile = |share: f64| sorted.get(((sorted.len() as f64 - 1.0) * share) as usize).copied();
            let fence = quartile(0.25).zip(quartile(0.75)).map(|(low, high)| low - multiple * (high - low));
            logs.iter().map(|&x| fence.is_some_and(|fence| x < fence)).collect()
        };
        let still = below(logs(5)).into_iter().zip(below(logs(20))).map(|(short, long)| short && long);
        let still: Vec<bool> = still.collect();
        let mut place = 0;
        self.apply("still_prices", |_| {
            place += 1;
            !still[place - 1]
        });
    }
}

/// Median of the values present, if there are at least `min_values`; of an even number, the mean of the middle two.
fn median(values: &[f32], min_values: usize) -> Option<f64> {
    let mut present: Vec<f32> = values.iter().copied().filter(|x| !x.is_nan()).collect();
    let n = present.len();
    if n == 0 || n < min_values {
        return None;
    }
    let (below, middle, _) = present.select_nth_unstable_by(n / 2, f32::total_cmp);
    let upper = f64::from(*middle);
    let lower = if n % 2 == 1 { upper } else { below.iter().copied().fold(f32::NEG_INFINITY, f32::max).into() };
    Some((lower + upper) / 2.0)
}

/// Standard deviation of the values present; 0 when there are none.
fn deviation(returns: &[f64]) -> f64 {
    let present = || returns.iter().filter(|r| !r.is_nan());
    let n = present().count().max(1) as f64;
    let mean = present().sum::<f64>() / n;
    (present().map(|r| (r - mean).powi(2)).sum::<f64>() / n).sqrt()
}

/// Columns with mean zero and unit length: the Gram matrix is the correlation matrix.
fn standardised(mut returns: Matrix) -> Matrix {
    let n_days = returns.nrows() as f64;
    for column in 0..returns.ncols() {
        let returns = returns.column_mut(column);
        let mean = returns.iter().sum::<f64>() / n_days;
        let norm = deviation(returns) * n_days.sqrt();
        returns.iter_mut().for_each(|r| *r = (*r - mean) / norm);
    }
    returns
}
