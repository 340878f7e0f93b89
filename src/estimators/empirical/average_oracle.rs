//! The average oracle: fixed eigenvalues by rank, the average that the same market had out of sample.
//!
//! ```text
//! draw b: a random past day and its universe; train correlation of the look-back before that day with eigenvectors u_i,
//!         test correlation M of the days after it
//! f_i = mean_b u_i' M u_i, by rank i;   Ξ = Σ_i f_i v_i v_i'  with the eigenvectors v of the current correlation
//! ```
//! f is rescaled to sum n, and the diagonal of Ξ is reset to one. Calibration uses only days before the calendar year
//! in which the estimator is used, test days included, and the members that the universe rules chose on the drawn
//! day, so it has no survivorship bias. With `test_days = "horizon"` there are as many test days as a portfolio is held, as its
//! authors have it. Null eigenvectors share the mean of their f. A window with fewer assets than
//! f uses the largest values of f; a window with more repeats the smallest. With a memory the eigenvectors are those of weighted
//! correlations, of the drawn days as of the current window; test days weigh the same.
//! Bongiorno, Challet, Loeper (2023), "Filtering time-dependent covariance matrices using time-independent
//! eigenvalues"; Bongiorno, Challet (2024), "Covariance matrix filtering and portfolio optimisation: the average
//! oracle vs non-linear shrinkage and all the variants of DCC-NLS".
//!
//! ```
//! use minvar::prelude::*;
//! use minvar::estimators::{AverageOracle, History};
//! # fn main() -> Result<()> {
//! let (panel, _) = SyntheticMarket::complete(20, 300).simulate()?;
//! let history = History::of_all_assets(panel.past(240), 60); // windows of 60 days among the first 240
//! let oracle = AverageOracle::calibrated(50, 20, &history, 1)?;
//! let window = Window::new(panel.matrix(240..300))?;
//! assert_eq!(oracle.estimate(&window)?.n_assets(), 20);
//! # Ok(())
//! # }
//! ```

use rand::RngExt;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::estimators::empirical::cv_oracle::{level_null, variances_along};
use crate::estimators::rotation_invariant::rescaled;
use crate::estimators::{Calibration, CovarianceEstimator, Diagonal, History, Window};
use crate::linalg::{Covariance, Matrix, Spectrum};
use crate::random::{generator, in_blocks};
use crate::registry::{Choice, MOST_DAYS, NumberOr, check, check_repetitions};

/// Rule for the number of test days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestDays {
    /// Those for which a portfolio is held.
    Horizon,
}

/// Parameters of `average_oracle`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::estimators) struct Parameters {
    draws: usize,
    test_days: NumberOr<TestDays>,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { draws: 200, test_days: NumberOr::Number(60.0) } // chosen
    }
}

/// The average oracle with its eigenvalues f, ascending by rank.
#[derive(Clone, Debug)]
pub struct AverageOracle(Vec<f64>);

/// Draws computed in parallel; they are added up in order.
const BLOCK: usize = 16;

impl AverageOracle {
    /// Calibrates f with a number of draws from a history and a number of test days after each drawn day.
    ///
    /// Fails if a number is out of range, the history is shorter than its look-back plus `test_days`, or no drawn day
    /// has a universe.
    pub fn calibrated(draws: usize, test_days: usize, history: &History<'_>, seed: u64) -> Result<Self> {
        check_repetitions(draws, 1, "average_oracle.draws")?;
        check((2..=MOST_DAYS).contains(&test_days), "average_oracle.test_days", "in 2..=100000", test_days)?;
        let (lookback, known) = (history.lookback, history.past.n_days());
        // The last day whose test days are still inside the past.
        let Some(last) = known.checked_sub(test_days).filter(|last| *last >= lookback) else {
            let (need, date) = (lookback + test_days, history.past.decision_date());
            let hint = format!(": the look-back of {lookback} and test_days = {test_days} of average_oracle");
            return Err(Error::NotEnoughDays { need, have: known, date, hint });
        };
        let drawn =
            |number: usize| draw(history, test_days, generator(seed, number as u64).random_range(lookback..=last));
        let (mut sum, mut count) = (Vec::new(), 0.0);
        in_blocks(draws, BLOCK, drawn, |variances| {
            let Some(variances) = variances else { return };
            if variances.len() > sum.len() {
                let missing = variances.len() - sum.len();
                sum.splice(..0, std::iter::repeat_n((0.0, 0.0), missing));
            }
            // Ranks count from the largest eigenvalue down.
            sum.iter_mut().rev().zip(variances.iter().rev()).for_each(|(s, v)| *s = (s.0 + v, s.1 + 1.0));
            count += 1.0;
        })?;
        if count == 0.0 {
            let why = format!("no day before {} has a universe", history.past.decision_date());
            return Err(Error::Undefined { what: "average_oracle", why });
        }
        Ok(Self(sum.into_iter().map(|(sum, count): (f64, f64)| sum / count).collect()))
    }

    /// f for n assets, scaled to sum n.
    fn eigenvalues(&self, n: usize, n_null: usize) -> Vec<f64> {
        let f = &self.0;
        let mut values: Vec<f64> = (0..n).map(|k| f[(f.len() + k).saturating_sub(n)]).collect();
        level_null(&mut values, n_null);
        let scale = n as f64 / values.iter().sum::<f64>();
        values.iter_mut().for_each(|value| *value *= scale);
        values
    }
}

/// u_i' M u_i of the universe of a day; `None` if no asset was eligible.
fn draw(history: &History<'_>, test_days: usize, day: usize) -> Result<Option<Vec<f64>>> {
    let (before, after) = (history.past.at(day), history.past.at(day + test_days));
    let members = match (history.members)(before) {
        Ok(members) => members,
        Err(Error::EmptyUniverse { .. }) => return Ok(None),
        Err(other) => return Err(other),
    };
    let train = history.window(history.missing.window(before, &members, history.lookback)?.returns)?;
    let (_, spectrum): (_, &Spectrum) = train.correlation_spectrum()?;
    let test = standardised(history.missing.window(after, &members, test_days)?.returns);
    let mut variances = variances_along(spectrum, &test, test_days as f64);
    level_null(&mut variances, members.len().saturating_sub(history.lookback - 1));
    Ok(Some(variances))
}

/// Columns with mean zero and mean square one; a constant column becomes zeros.
fn standardised(mut returns: Matrix) -> Matrix {
    let n_days = returns.nrows() as f64;
    for j in 0..returns.ncols() {
        let column = returns.column_mut(j);
        let mean = column.iter().sum::<f64>() / n_days;
        let sd = (column.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / n_days).sqrt();
        column.iter_mut().for_each(|r| *r = if sd > 0.0 { (*r - mean) / sd } else { 0.0 });
    }
    returns
}

impl CovarianceEstimator for AverageOracle {
    fn estimate(&self, window: &Window) -> Result<Covariance> {
        let n = window.n_assets();
        let values = self.eigenvalues(n, n.saturating_sub(window.n_days() - 1));
        let (_, spectrum) = window.correlation_spectrum()?;
        let correlation = spectrum.with_eigenvalues(&values);
        Covariance::new(rescaled(correlation, &window.volatilities(), Diagonal::Reset))
    }
}

pub(in crate::estimators) fn fit(
    choice: &Choice,
    calibration: &Calibration<'_>,
) -> Result<Box<dyn CovarianceEstimator>> {
    let Parameters { draws, test_days } = choice.parameters()?;
    test_days.check_count(2, "average_oracle.test_days", "\"horizon\" or a whole number in 2..=100000")?;
    let test_days = match test_days {
        NumberOr::Number(days) => days as usize,
        NumberOr::Rule(TestDays::Horizon) => calibration.horizon,
    };
    let history = calibration.history("average_oracle")?;
    Ok(Box::new(AverageOracle::calibrated(draws, test_days, history, calibration.seed)?))
}
