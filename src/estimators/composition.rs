//! A covariance in parts: memory × cleaner × volatility.
//!
//! ```text
//! z_t = x_t / s_t                        devolatilised:  s_t² = λ s_{t−1}² + (1 − λ) x_{t−1}²,  s_1² = mean of x²
//! C   = unit diagonal of cleaner(z, memory)
//! Σ   = D C D,  D² = diag(variances of the volatility)
//! ```
//! Without `devolatilised` the cleaner sees x, and without a volatility either, Σ is what it gives. With `devolatilised` and no
//! volatility D holds the sample volatilities of the window.
//!
//! ```
//! use minvar::prelude::*;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?; // 60 days of 20 assets
//! let sigma = minvar::estimators::build("qis,memory=exponential(half_life=30),devolatilised=ewma(0.97),volatility=ewma(0.94)")?.estimate(&window)?;
//! assert_eq!(sigma.n_assets(), 20);
//! # Ok(())
//! # }
//! ```

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::estimators::volatility::{self, EwmaVolatility, Volatility, WindowVolatility};
use crate::estimators::window::Count;
use crate::estimators::{Calibration, CovarianceEstimator, Window, memory, named};
use crate::linalg::{Covariance, Matrix};
use crate::registry::{self, Choice, Part};

/// The keys of an estimator that name its parts.
pub const KEYS: [&str; 4] = ["memory", "count", "devolatilised", "volatility"];

/// Estimators that have a memory or a volatility of their own.
const WHOLE: [&str; 7] = ["ewma", "rm2006", "dcc_qis", "gerber", "nercome", "cv_oracle", "average_oracle"];

/// The parts beside the cleaner, as written.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    memory: Option<Part>,
    count: Option<Count>,
    devolatilised: Option<Part>,
    volatility: Option<Part>,
}

/// A cleaner with a memory, on devolatilised returns, with a volatility.
pub struct Composition {
    cleaner: Box<dyn CovarianceEstimator>,
    memory: Option<(Box<dyn memory::Memory>, Count)>,
    devolatilised: Option<EwmaVolatility>,
    volatility: Option<Box<dyn Volatility>>,
    /// What the cleaner sees, as text: estimators with the same share moments and decompositions.
    seen: String,
}

/// Builds an estimator from its name, its parameters and its parts.
pub fn build(choice: &Choice, calibration: &Calibration<'_>) -> Result<Box<dyn CovarianceEstimator>> {
    let (alone, parts) = choice.split(&KEYS);
    let cleaner = (named(&alone.name)?.fit)(&alone, calibration)?;
    if parts.is_empty() {
        return Ok(cleaner);
    }
    let written: Written = parts.parameters()?;
    let refused = |message: String| Error::Config { file: format!("'{}'", alone.name), message };
    if written.count.is_some() && written.memory.is_none() {
        return Err(refused("'count' says how many days a memory counts for; name a memory".to_string()));
    }
    if let Some(part) = written.memory.as_ref().filter(|_| WHOLE.contains(&alone.name.as_str())) {
        return Err(refused(format!("weighs its days itself and takes no memory ('{}')", part.name)));
    }
    let memory = match &written.memory {
        None => None,
        Some(part) => {
            let entry = registry::find("memory", memory::ALL, |entry| entry.name, &part.name)?;
            Some(((entry.build)(part)?, written.count.unwrap_or_default()))
        }
    };
    let devolatilised = match &written.devolatilised {
        None => None,
        Some(part) if part.name == "ewma" => Some(volatility::ewma::of(part)?),
        Some(part) => {
            return Err(refused(format!("returns are devolatilised by 'ewma(decay)', not by '{}'", part.name)));
        }
    };
    let volatility = match &written.volatility {
        None => None,
        Some(part) => {
            let entry = registry::find("volatility", volatility::ALL, |entry| entry.name, &part.name)?;
            Some((entry.build)(part, calibration.horizon)?)
        }
    };
    let seen = toml::to_string(&Written { volatility: None, ..written }).expect("parts are plain data");
    Ok(Box::new(Composition { cleaner, memory, devolatilised, volatility, seen }))
}

impl Composition {
    /// The window that the cleaner sees.
    fn seen(&self, window: &Window) -> Result<Window> {
        let mut returns = window.returns().clone();
        if let Some(ewma) = &self.devolatilised {
            for asset in 0..returns.ncols() {
                let column = returns.column_mut(asset);
                let sd: Vec<f64> = ewma.path(column).map(f64::sqrt).collect();
                if !sd.iter().all(|sd| *sd > 0.0) {
                    return Err(Error::Column { column: asset, rule: "its volatility is zero on a day of the window" });
                }
                column.iter_mut().zip(sd).for_each(|(x, sd)| *x /= sd);
            }
        }
        match &self.memory {
            None => Window::new(returns),
            Some((memory, count)) => {
                let n_days = returns.nrows();
                let weights: Vec<f64> = (0..n_days).rev().map(|age| memory.weight(age as f64)).collect();
                // Equal weights are no memory: no bit may change.
                match weights.iter().all(|w| *w == weights[0]) {
                    true => Window::new(returns),
                    false => Window::weighted(returns, &weights, *count),
                }
            }
        }
    }
}

impl CovarianceEstimator for Composition {
    fn estimate(&self, window: &Window) -> Result<Covariance> {
        let seen: Arc<Window> = match self.seen.is_empty() {
            true => return self.with_volatility(window, self.cleaner.estimate(window)?),
            false => window.derived(&self.seen, || self.seen(window))?,
        };
        self.with_volatility(window, self.cleaner.estimate(&seen)?)
    }
}

impl Composition {
    /// D C D, if there is a volatility or none of its own.
    fn with_volatility(&self, window: &Window, cleaned: Covariance) -> Result<Covariance> {
        let (variances, repair) = match (&self.volatility, &self.devolatilised) {
            (None, None) => return Ok(cleaned),
            (None, Some(_)) => WindowVolatility.variances(window)?,
            (Some(volatility), _) => volatility.variances(window)?,
        };
        if let Some(column) = variances.iter().position(|variance| !(*variance > 0.0 && variance.is_finite())) {
            return Err(Error::Column { column, rule: "its forecast of volatility is zero or not finite" });
        }
        let own = cleaned.volatilities();
        let scale: Vec<f64> = variances.iter().zip(&own).map(|(variance, own)| variance.sqrt() / own).collect();
        let n = variances.len();
        let entry = |i: usize, j: usize| match i == j {
            true => variances[i],
            false => cleaned.matrix()[(i, j)] * (scale[i] * scale[j]),
        };
        let mut sigma = Covariance::new(Matrix::from_fn(n, n, entry))?;
        for repair in cleaned.repairs().iter().chain(&repair) {
            sigma = sigma.repaired(&repair.what, repair.count);
        }
        Ok(sigma)
    }
}
