//! The heterogeneous autoregression of squared returns.
//!
//! ```text
//! v = x²,   mean(v_{t+1} … v_{t+h}) = a + b v_t + c mean(v_{t−4} … v_t) + d mean(v_{t−21} … v_t),   t = 22 … T−h
//! ```
//! by least squares, and its forecast at T, held between a tenth of the mean of v and ten times it.
//! Corsi (2009), "A simple approximate long-memory model of realized volatility".
//!
//! ```
//! use minvar::prelude::*;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?; // 60 days of 20 assets
//! let sigma = minvar::estimators::build("qis,volatility=har(horizon=5)")?.estimate(&window)?;
//! assert!(sigma.volatilities().iter().all(|sd| *sd > 0.0));
//! # Ok(())
//! # }
//! ```

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::estimators::Window;
use crate::estimators::volatility::Volatility;
use crate::linalg::{Cholesky, Matrix, Repair};
use crate::registry::{NumberOr, Part};

/// Days of the longest mean.
const MONTH: usize = 22;
/// Days of the middle mean.
const WEEK: usize = 5;
/// The forecast is at most so many times the mean of v, and at least the mean over that.
const MOST: f64 = 10.0;

/// The forecast of the mean of some days.
#[derive(Clone, Copy, Debug)]
pub struct Har {
    horizon: usize,
}

impl Har {
    /// Refuses a horizon of no days.
    pub fn new(horizon: usize) -> Result<Self> {
        crate::registry::check(horizon > 0, "har.horizon", "at least 1", horizon)?;
        Ok(Self { horizon })
    }

    /// The forecast of one series of squared returns, longer than the horizon by at least 26 days.
    fn forecast(&self, v: &[f64]) -> f64 {
        let mean = v.iter().sum::<f64>() / v.len() as f64;
        let of = |days: &[f64]| days.iter().sum::<f64>() / days.len() as f64;
        // The three means up to a day, less the mean of all days, which keeps the equations well conditioned.
        let row = |t: usize| [v[t] - mean, of(&v[t + 1 - WEEK..=t]) - mean, of(&v[t + 1 - MONTH..=t]) - mean];
        let days: Vec<usize> = (MONTH - 1..v.len() - self.horizon).collect();
        let rows: Vec<[f64; 3]> = days.iter().map(|&t| row(t)).collect();
        let targets: Vec<f64> = days.iter().map(|&t| of(&v[t + 1..=t + self.horizon]) - mean).collect();
        let count = days.len() as f64;
        let centre: [f64; 3] = std::array::from_fn(|k| rows.iter().map(|row| row[k]).sum::<f64>() / count);
        let level = targets.iter().sum::<f64>() / count;
        let sum = |f: &dyn Fn(&[f64; 3], f64) -> f64| rows.iter().zip(&targets).map(|(row, y)| f(row, *y)).sum::<f64>();
        let products = Matrix::from_fn(3, 3, |j, k| sum(&|row, _| (row[j] - centre[j]) * (row[k] - centre[k])));
        let against: Vec<f64> = (0..3).map(|k| sum(&|row, y| (row[k] - centre[k]) * (y - level))).collect();
        let slopes = match Cholesky::new(&products) {
            Ok(factor) => factor.solve(&against),
            Err(_) => vec![0.0; 3], // squared returns that do not vary predict their mean
        };
        let now = row(v.len() - 1);
        let forecast = mean + level + (0..3).map(|k| slopes[k] * (now[k] - centre[k])).sum::<f64>();
        forecast.clamp(mean / MOST, mean * MOST)
    }
}

impl Volatility for Har {
    fn variances(&self, window: &Window) -> Result<(Vec<f64>, Option<Repair>)> {
        let need = MONTH + self.horizon + 4;
        if window.n_days() < need {
            let why = format!("it needs {need} days for a horizon of {}, not {}", self.horizon, window.n_days());
            return Err(Error::Undefined { what: "har", why });
        }
        let forecast = |x: &[f64]| self.forecast(&x.iter().map(|x| x * x).collect::<Vec<f64>>());
        Ok((window.returns().columns().map(forecast).collect(), None))
    }
}

/// Parameters of `har`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Parameters {
    horizon: NumberOr<Held>,
}

/// The rule of a horizon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Held {
    /// The days for which a portfolio is held.
    Horizon,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { horizon: NumberOr::Rule(Held::Horizon) }
    }
}

pub(super) fn build(part: &Part, held: usize) -> Result<Box<dyn Volatility>> {
    let Parameters { horizon } = part.parameters("horizon")?;
    horizon.check_count(1, "har.horizon", "\"horizon\" or at least 1")?;
    let horizon = match horizon {
        NumberOr::Number(days) => days as usize,
        NumberOr::Rule(Held::Horizon) => held,
    };
    Ok(Box::new(Har::new(horizon)?))
}
