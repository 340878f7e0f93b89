//! Statistics of a table's values that show whether they are prices or returns, and in which unit. They use the
//! level, dispersion and trend of all values; the sign of a single value proves nothing.
//!
//! ```text
//! negative      median over assets of the share below zero               prices none, returns a third and more
//! level         median of |x| over non-zero values                       prices anything, returns small
//! persistence   median over assets of Σ(x_t − x_t−1)² / Σ(x − x̄)²         prices near 0, returns near 2
//! roughness     persistence from medians, (med |x_t − x_t−1| / med |x − med x|)², robust to outliers
//! annual        median over assets of the robust standard deviation (interquartile range / 1.349), times √periods
//! change        annual, but of x_t / x_t−1 − 1
//! ```
//! Persistence is von Neumann's ratio (1941). The limits are our choice.

/// Fewest rows with which trend and dispersion can be trusted.
pub(super) const ENOUGH_ROWS: usize = 12;
/// Values of which a larger share is negative are not prices; if all but a smaller share are negative, they are not
/// returns either.
pub(super) const SOME_NEGATIVE: f64 = 0.05;
/// Persistence below which values are levels and not changes.
const LEVELS: f64 = 0.75;
/// Persistence below which even values of both signs are levels.
const CLEAR_LEVELS: f64 = 0.2;
/// Roughness above which values are not levels.
pub(super) const ROUGH: f64 = 1.0;
/// Persistence above which values are not levels, whatever their column is called.
pub(super) const NO_LEVELS: f64 = 1.5;
/// Annual volatility up to which returns are fractions: for stocks, and for assets that trade on every day of the
/// week.
pub(super) const FRACTIONS: [f64; 2] = [0.75, 1.2];
/// Annual volatilities between which returns are percent.
const PERCENTS: std::ops::RangeInclusive<f64> = 2.2..=120.0;
/// Annual volatility up to which returns in a short table are fractions, estimated from their median size.
const FEW_FRACTIONS: f64 = 3.0;
/// Annual sum of returns that are never negative, above which they are not fractions.
const STEADY: f64 = 2.0;
/// The levels at which logarithms of prices lie.
const LOGARITHMS: std::ops::Range<f64> = 2.0..7.5;
/// Annual volatility below which values at those levels are not prices.
const STILL: f64 = 0.07;

/// Statistics of the values of a table, as defined at the top of this file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Evidence {
    pub n_rows: usize,
    pub negative: f64,
    lowest: f64,
    highest: f64,
    pub level: f64,
    pub persistence: f64,
    pub roughness: f64,
    pub annual: f64,
    change: f64,
    periods: f64,
}

/// Conclusion from the evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Prices,
    Returns,
    Percent,
    Gross,
    Unclear,
}

impl Evidence {
    /// Evidence from the values of each asset in the order of their dates, none missing, `periods` of them a year.
    pub fn of<'a>(assets: impl Iterator<Item = &'a [f64]> + Clone, periods: f64) -> Self {
        let all = || assets.clone().flatten().copied();
        let share = |values: &[f64]| values.iter().filter(|x| **x < 0.0).count() as f64 / values.len() as f64;
        let fold = |of: fn(f64, f64) -> f64, from: f64| all().fold(from, of);
        let long = || assets.clone().filter(|values| values.len() >= 3);
        Self {
            n_rows: assets.clone().map(<[f64]>::len).max().unwrap_or(0),
            negative: median(assets.clone().filter(|values| !values.is_empty()).map(share).collect()),
            lowest: fold(f64::min, f64::INFINITY),
            highest: fold(f64::max, f64::NEG_INFINITY),
            level: median(all().map(f64::abs).filter(|x| *x > 0.0).collect()),
            persistence: median(long().filter_map(persistence).collect()),
            roughness: median(long().filter_map(roughness).collect()),
            annual: median(long().map(spread).filter(|s| *s > 0.0).collect()) * periods.sqrt(),
            change: median(long().map(changes).map(|x| spread(&x)).filter(|s| *s > 0.0).collect()) * periods.sqrt(),
            periods,
        }
    }

    /// Whether there are enough rows to trust trend and dispersion.
    pub fn is_long(&self) -> bool {
        self.n_rows >= ENOUGH_ROWS && self.persistence.is_finite()
    }

    /// Whether the values are numbers around 1, or around 100, without a trend.
    pub fn is_gross(&self) -> bool {
        let around_one = (0.5..2.0).contains(&self.level) && self.highest < 3.0;
        let around_a_hundred = (50.0..200.0).contains(&self.level)
            && self.highest < 300.0
            && self.persistence > NO_LEVELS
            && self.roughness > ROUGH;
        self.is_long() && self.persistence >= LEVELS && (around_one || around_a_hundred)
    }

    pub fn verdict(&self) -> Verdict {
        let is_long = self.is_long();
        if self.negative > 1.0 - SOME_NEGATIVE {
            return Verdict::Unclear;
        }
        if self.negative >= SOME_NEGATIVE {
            // With few rows one mistake weighs much: the median size is more reliable than the spread.
            let middle = 1.48 * self.level * self.periods.sqrt();
            let fractions = FRACTIONS[usize::from(self.periods > 300.0)];
            return match self.annual {
                _ if is_long && self.persistence < CLEAR_LEVELS => Verdict::Unclear,
                _ if !is_long && middle <= FEW_FRACTIONS => Verdict::Returns,
                _ if !is_long && self.lowest < -1.0 => Verdict::Percent,
                _ if !is_long => Verdict::Unclear,
                annual if annual <= fractions => Verdict::Returns,
                annual if PERCENTS.contains(&annual) => Verdict::Percent,
                _ => Verdict::Unclear,
            };
        }
        let has_trend = is_long && self.persistence < LEVELS;
        match self.level {
            _ if self.is_gross() => Verdict::Gross,
            level if has_trend && LOGARITHMS.contains(&level) && self.change < STILL => Verdict::Unclear,
            level if has_trend && level >= 0.05 => Verdict::Prices,
            level if level >= 2.0 && !(is_long && self.persistence > NO_LEVELS) => Verdict::Prices,
            _ if has_trend => Verdict::Unclear,
            level if level < 0.05 && !(is_long && level * self.periods > STEADY) => Verdict::Returns,
            _ => Verdict::Unclear,
        }
    }

    /// Whether the values move like levels (prices, their logarithms, or cumulated returns) and not like changes from
    /// day to day.
    pub fn are_levels(&self) -> bool {
        self.is_long() && self.persistence < CLEAR_LEVELS && self.roughness < ROUGH
    }

    /// Whether the values are levels that look like logarithms of prices.
    pub fn are_logarithms(&self) -> bool {
        self.are_levels() && self.negative < SOME_NEGATIVE && LOGARITHMS.contains(&self.level) && self.change < STILL
    }

    /// A few words on the evidence, for messages.
    pub fn told(&self) -> String {
        let share = |x: f64| (100.0 * x).round();
        format!("median size {}, {} % negative", short(self.level), share(self.negative))
    }
}

pub(super) fn short(x: f64) -> String {
    if x >= 100.0 {
        format!("{x:.0}")
    } else if x >= 0.1 {
        format!("{x:.2}")
    } else {
        format!("{x:.1e}")
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

/// The ratio of medians; `None` if more than half of the values are the same.
fn roughness(values: &[f64]) -> Option<f64> {
    let middle = median(values.to_vec());
    let size = median(values.iter().map(|x| (x - middle).abs()).collect());
    let step = median(values.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect());
    (size > 0.0).then(|| (step / size).powi(2))
}

/// x_t / x_t−1 − 1.
fn changes(values: &[f64]) -> Vec<f64> {
    values.windows(2).map(|pair| pair[1] / pair[0] - 1.0).filter(|x| x.is_finite()).collect()
}

/// Von Neumann's ratio; `None` for a constant.
fn persistence(values: &[f64]) -> Option<f64> {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
    let steps: f64 = values.windows(2).map(|pair| (pair[1] - pair[0]).powi(2)).sum();
    (squares > 0.0).then_some(steps / squares)
}

/// A standard deviation that is robust to outliers; the plain one if at least half of the values are the same.
fn spread(values: &[f64]) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let robust = (sorted[3 * sorted.len() / 4] - sorted[sorted.len() / 4]) / 1.349;
    if robust > 0.0 {
        return robust;
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
}
