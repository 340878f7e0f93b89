//! What the values of a table are: prices, returns as fractions, in percent or as logarithms. Level, dispersion and trend of all
//! values tell; the sign of a single one does not.
//!
//! ```text
//! negative      share of the values below zero           prices none, returns a third and more
//! level         median of |x| where it is not zero       prices anything, returns small
//! persistence   median over assets of Σ(x_t − x_t−1)² / Σ(x − x̄)²     prices near 0, returns near 2
//! annual        median over assets of the robust standard deviation (interquartile range / 1.349), times √periods
//! ```
//! Persistence is von Neumann's ratio (1941). The limits are our choice.

use clap::ValueEnum;

/// What the values of a file are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum ValueKind {
    /// Recognised by level, dispersion and trend, and said
    #[default]
    Guess,
    /// Prices
    Prices,
    /// Simple returns as fractions: 0.01 is one percent
    Returns,
    /// Simple returns in percent
    Percent,
    /// Logarithms of gross returns
    LogReturns,
}

impl ValueKind {
    /// As it is told to the user.
    pub fn name(self) -> &'static str {
        match self {
            ValueKind::Guess => "guessed",
            ValueKind::Prices => "prices",
            ValueKind::Returns => "returns as fractions",
            ValueKind::Percent => "returns in percent",
            ValueKind::LogReturns => "logarithmic returns",
        }
    }

    /// The word on the command line.
    pub fn word(self) -> &'static str {
        match self {
            ValueKind::Guess => "guess",
            ValueKind::Prices => "prices",
            ValueKind::Returns => "returns",
            ValueKind::Percent => "percent",
            ValueKind::LogReturns => "log_returns",
        }
    }
}

/// Rows from which trend and dispersion are believed.
const ENOUGH_ROWS: usize = 12;
/// Beyond this share of negative values, values are no prices; within this share of the other side, no returns.
const SOME_NEGATIVE: f64 = 0.05;
/// Persistence below which values are levels and not changes.
const LEVELS: f64 = 0.75;
/// Persistence below which even values of both signs are levels.
const CLEAR_LEVELS: f64 = 0.2;
/// Persistence above which values are no levels whatever they are called.
const NO_LEVELS: f64 = 1.5;
/// Annual volatility up to which returns are fractions, and from which they are percent.
const FRACTIONS: f64 = 1.2;
const PERCENTS: f64 = 2.2;
/// Annual volatility from which returns are percent though the user calls them fractions.
const SURELY_PERCENTS: f64 = 3.0;
/// Annual volatility below which returns are fractions though the user calls them percent.
const SURELY_FRACTIONS: f64 = 0.35;

/// What the values look like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Evidence {
    n_rows: usize,
    negative: f64,
    lowest: f64,
    highest: f64,
    level: f64,
    persistence: f64,
    annual: f64,
}

/// What the evidence says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Prices,
    Returns,
    Percent,
    Gross,
    Unclear,
}

impl Evidence {
    /// Of the values of each asset in the order of their dates, none missing, `periods` of them a year.
    pub fn of<'a>(assets: impl Iterator<Item = &'a [f64]> + Clone, periods: f64) -> Self {
        let all = || assets.clone().flatten().copied();
        let n = all().count().max(1) as f64;
        let fold = |of: fn(f64, f64) -> f64, from: f64| all().fold(from, of);
        let long = || assets.clone().filter(|values| values.len() >= 3);
        Self {
            n_rows: assets.clone().map(<[f64]>::len).max().unwrap_or(0),
            negative: all().filter(|x| *x < 0.0).count() as f64 / n,
            lowest: fold(f64::min, f64::INFINITY),
            highest: fold(f64::max, f64::NEG_INFINITY),
            level: median(all().map(f64::abs).filter(|x| *x > 0.0).collect()),
            persistence: median(long().filter_map(persistence).collect()),
            annual: median(long().map(spread).filter(|s| *s > 0.0).collect()) * periods.sqrt(),
        }
    }

    fn verdict(&self) -> Verdict {
        let is_long = self.n_rows >= ENOUGH_ROWS && self.persistence.is_finite();
        let near_one = self.level > 0.5 && self.level < 2.0;
        if self.negative > 1.0 - SOME_NEGATIVE {
            return Verdict::Unclear;
        }
        if self.negative >= SOME_NEGATIVE {
            return match self.annual {
                _ if is_long && self.persistence < CLEAR_LEVELS => Verdict::Unclear,
                // Of a few rows one mistake is a large share: the middle value tells more than the spread.
                _ if !is_long && (self.level < 0.3 || (self.lowest > -1.0 && self.highest < 1.0)) => Verdict::Returns,
                _ if !is_long && self.lowest < -1.0 => Verdict::Percent,
                annual if annual <= FRACTIONS => Verdict::Returns,
                annual if annual >= PERCENTS => Verdict::Percent,
                _ => Verdict::Unclear,
            };
        }
        match self.level {
            level if is_long && self.persistence < LEVELS && level >= 0.05 => Verdict::Prices,
            level if level >= 2.0 => Verdict::Prices,
            _ if is_long && self.persistence < LEVELS => Verdict::Unclear,
            _ if is_long && near_one && self.highest < 3.0 => Verdict::Gross,
            level if level < 0.05 => Verdict::Returns,
            _ => Verdict::Unclear,
        }
    }

    /// A few words on what was seen.
    fn told(&self) -> String {
        let share = |x: f64| (100.0 * x).round();
        format!("median size {}, {} % negative", short(self.level), share(self.negative))
    }
}

/// Settles what the values are. `wanted` is the user's word, `hint` that of the column's name. An error is the rule broken.
pub(super) fn settle(
    evidence: &Evidence,
    wanted: ValueKind,
    hint: Option<ValueKind>,
) -> std::result::Result<(ValueKind, String), String> {
    let seen = evidence.told();
    let verdict = evidence.verdict();
    let (subject, said) = match (wanted, hint) {
        (ValueKind::Guess, Some(hint)) => (hint, "by the name of the column"),
        (ValueKind::Guess, None) => (ValueKind::Guess, "guessed"),
        (wanted, _) => (wanted, "as told"),
    };
    let taken = |kind: ValueKind, how: &str| Ok((kind, format!("values taken as {} ({how}: {seen})", kind.name())));
    let looks = match verdict {
        Verdict::Prices => "prices",
        Verdict::Returns => "returns as fractions",
        Verdict::Percent => "returns in percent",
        Verdict::Gross => "gross returns (1 + r)",
        Verdict::Unclear => "neither",
    };
    let refuse =
        |way_out: &str| Err(format!("the values look like {looks} ({seen}), not {}; {way_out}", subject.name()));
    let gross = "subtract 1, or give prices";
    match (subject, verdict) {
        (ValueKind::Guess, Verdict::Prices) => taken(ValueKind::Prices, "guessed, --values says otherwise"),
        (ValueKind::Guess, Verdict::Returns) => taken(ValueKind::Returns, "guessed, --values says otherwise"),
        (ValueKind::Guess, Verdict::Percent) => taken(ValueKind::Percent, "guessed, --values says otherwise"),
        (ValueKind::Guess, Verdict::Gross) => {
            Err(format!("the values look like gross returns, 1 + r ({seen}); {gross}"))
        }
        (ValueKind::Guess, Verdict::Unclear) => Err(format!(
            "the values may be prices, returns or percent ({seen}); say which with --values prices, returns, percent or \
             log_returns"
        )),
        (ValueKind::Returns | ValueKind::LogReturns | ValueKind::Percent, Verdict::Prices) => {
            refuse("say --values prices, or give returns")
        }
        (ValueKind::Returns | ValueKind::LogReturns | ValueKind::Percent, Verdict::Gross) => refuse(gross),
        // A column called return does not say in which unit.
        (ValueKind::Returns, Verdict::Percent) if hint == Some(ValueKind::Returns) && wanted == ValueKind::Guess => {
            taken(ValueKind::Percent, "guessed, --values says otherwise")
        }
        (ValueKind::Returns | ValueKind::LogReturns, Verdict::Percent) if evidence.annual >= SURELY_PERCENTS => {
            refuse("say --values percent, or divide by 100")
        }
        (ValueKind::Percent, Verdict::Returns)
            if evidence.n_rows >= ENOUGH_ROWS && evidence.annual < SURELY_FRACTIONS =>
        {
            refuse("say --values returns, or multiply by 100")
        }
        (ValueKind::Prices, Verdict::Gross) if evidence.persistence > NO_LEVELS => refuse("subtract 1, or give prices"),
        (ValueKind::Prices, Verdict::Gross) if wanted == ValueKind::Guess => {
            refuse("subtract 1, or say --values prices")
        }
        (ValueKind::Prices, Verdict::Returns | Verdict::Percent) if evidence.negative >= SOME_NEGATIVE => {
            refuse("say --values returns or percent, or give prices")
        }
        (kind, _) => taken(kind, said),
    }
}

fn short(x: f64) -> String {
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

/// Von Neumann's ratio; nothing for a constant.
fn persistence(values: &[f64]) -> Option<f64> {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
    let steps: f64 = values.windows(2).map(|pair| (pair[1] - pair[0]).powi(2)).sum();
    (squares > 0.0).then_some(steps / squares)
}

/// A standard deviation that outliers do not move; the plain one where most values are the same.
fn spread(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let robust = (sorted[3 * sorted.len() / 4] - sorted[sorted.len() / 4]) / 1.349;
    if robust > 0.0 {
        return robust;
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use rand::rngs::Xoshiro256PlusPlus;
    use rand::{RngExt, SeedableRng};
    use rand_distr::StandardNormal;

    use super::*;
    use ValueKind::{Guess, LogReturns, Percent, Prices, Returns};

    /// Four assets whose returns have a daily standard deviation of `sd`.
    fn returns(sd: f64, n_rows: usize) -> Vec<Vec<f64>> {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(5);
        let mut value = || sd * random.sample::<f64, _>(StandardNormal);
        (0..4).map(|_| (0..n_rows).map(|_| value()).collect()).collect()
    }

    fn prices(returns: &[Vec<f64>], start: f64) -> Vec<Vec<f64>> {
        let walk = |r: &Vec<f64>| {
            r.iter()
                .scan(start, |p, r| {
                    *p *= 1.0 + r;
                    Some(*p)
                })
                .collect()
        };
        returns.iter().map(walk).collect()
    }

    #[track_caller]
    fn settled(assets: &[Vec<f64>], wanted: ValueKind, hint: Option<ValueKind>) -> Result<ValueKind, String> {
        let evidence = Evidence::of(assets.iter().map(Vec::as_slice), 252.0);
        settle(&evidence, wanted, hint).map(|(kind, _)| kind)
    }

    #[test]
    fn every_kind_is_recognised_at_the_usual_levels() {
        for sd in [0.002, 0.01, 0.05] {
            let r = returns(sd, 70);
            assert_eq!(settled(&r, Guess, None), Ok(Returns), "{sd}");
            for start in [0.5, 1.0, 100.0, 4e5] {
                let mut p = prices(&r, start);
                assert_eq!(settled(&p, Guess, None), Ok(Prices), "{sd} {start}");
                assert!(settled(&p, Returns, None).unwrap_err().contains("look like prices"));
                // One mistake does not make prices returns.
                p[1][30] *= -1.0;
                assert_eq!(settled(&p, Guess, None), Ok(Prices), "{sd} {start}");
            }
            let gross: Vec<Vec<f64>> = r.iter().map(|r| r.iter().map(|r| 1.0 + r).collect()).collect();
            assert!(settled(&gross, Guess, None).unwrap_err().contains("gross returns"), "{sd}");
            assert!(settled(&gross, Returns, None).unwrap_err().contains("gross returns"), "{sd}");
            assert!(settled(&gross, Prices, None).unwrap_err().contains("subtract 1"), "{sd}");
        }
        for sd in [0.2, 1.0, 3.0] {
            assert_eq!(settled(&returns(sd, 70), Guess, None), Ok(Percent), "{sd}");
            assert!(settled(&returns(sd, 70), Returns, None).unwrap_err().contains("--values percent"), "{sd}");
        }
    }

    #[test]
    fn what_is_unclear_is_asked_and_the_answer_taken() {
        let r = returns(0.1, 70);
        assert!(settled(&r, Guess, None).unwrap_err().contains("say which with --values"));
        for kind in [Returns, Percent, LogReturns] {
            assert_eq!(settled(&r, kind, None), Ok(kind));
        }
        assert!(settled(&returns(0.01, 70), Percent, None).unwrap_err().contains("--values returns"));
        assert!(settled(&returns(0.01, 70), Prices, None).unwrap_err().contains("not prices"));
    }

    #[test]
    fn the_name_of_a_column_decides_only_what_the_values_leave_open() {
        assert_eq!(settled(&returns(1.0, 70), Guess, Some(Returns)), Ok(Percent));
        assert!(settled(&prices(&returns(0.01, 70), 50.0), Guess, Some(Returns)).unwrap_err().contains("prices"));
        assert!(settled(&returns(0.01, 70), Guess, Some(Prices)).unwrap_err().contains("not prices"));
        assert_eq!(settled(&[vec![1.0, 1.1]], Guess, Some(Prices)), Ok(Prices));
    }
}
