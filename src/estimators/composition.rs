//! A covariance in parts: memory × cleaner × volatility.
//!
//! ```text
//! z_t = x_t / s_t                        devolatilised:  s_t² = λ s_{t−1}² + (1 − λ) x_{t−1}²,  s_1² = mean of x²
//! C   = unit diagonal of cleaner(z, memory)
//! Σ   = D C D,  D² = diag(variances of the volatility)
//! ```
//! Without `devolatilised` the cleaner sees x, and without a volatility either, Σ is what it gives. With `devolatilised` and no
//! volatility D holds the sample volatilities of the window, as it does where the memory is that of a trained network, which clips
//! returns.
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
use crate::estimators::modules::{self, MarginalVolatility, Modules, PARTS, RECURRENT};
use crate::estimators::volatility::{self, EwmaVolatility, Volatility, WindowVolatility};
use crate::estimators::window::{self, Count};
use crate::estimators::{Calibration, CovarianceEstimator, History, Window, memory, named};
use crate::linalg::{Covariance, Matrix};
use crate::registry::{self, Choice, Part};

/// Estimators that weigh their days themselves.
const WHOLE: [&str; 5] = ["ewma", "rm2006", "regime_ewma", "cm_iewma", "dcc_qis"];

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
    view: View,
    /// What the cleaner sees, as text: estimators with the same share moments and decompositions.
    seen: String,
    /// The volatility with its text: estimators with the same share its forecasts.
    volatility: Option<(String, Box<dyn Volatility>)>,
}

/// How a cleaner sees a window.
struct View {
    memory: Option<Memory>,
    devolatilised: Option<EwmaVolatility>,
}

enum Memory {
    /// Days have weights.
    Weights(Box<dyn memory::Memory>, Count),
    /// Returns pass through the lag transform of a network.
    Network(Arc<dyn Modules>),
}

/// Builds an estimator from its name, its parameters and its parts.
pub fn build(choice: &Choice, calibration: &Calibration<'_>) -> Result<Box<dyn CovarianceEstimator>> {
    let (alone, parts) = choice.split(&PARTS);
    if parts.is_empty() {
        return cleaner(&alone, calibration);
    }
    let written: Written = parts.parameters()?;
    let view = view(&alone.name, &written, calibration)?;
    let volatility = match &written.volatility {
        None => None,
        Some(part) if modules::is_network(part) => {
            let network = modules::find(calibration.networks, part)?.clone();
            Some((modules::key_of(part), Box::new(MarginalVolatility(network)) as Box<dyn Volatility>))
        }
        Some(part) => {
            let entry = registry::find("volatility", volatility::ALL, |entry| entry.name, &part.name)?;
            Some((modules::key_of(part), (entry.build)(part, calibration.horizon)?))
        }
    };
    let seen = toml::to_string(&Written { volatility: None, ..written }).expect("parts are plain data");
    // What learns from earlier windows sees them in the same way.
    let see = |returns: Matrix| view.window(returns);
    let history = calibration.history.map(|history| History { seen: Some(&see), ..history });
    let cleaner = cleaner(&alone, &Calibration { history, ..*calibration })?;
    Ok(Box::new(Composition { cleaner, view, seen, volatility }))
}

/// The cleaner by itself.
fn cleaner(alone: &Choice, calibration: &Calibration<'_>) -> Result<Box<dyn CovarianceEstimator>> {
    match alone.name == RECURRENT {
        true => modules::recurrent(alone, calibration.networks),
        false => (named(&alone.name)?.fit)(alone, calibration),
    }
}

/// The view that parts describe. Refuses those that do not fit the cleaner or each other.
fn view(cleaner: &str, written: &Written, calibration: &Calibration<'_>) -> Result<View> {
    let refused = |message: String| Error::Config { file: format!("'{cleaner}'"), message };
    if let Some(part) = written.memory.as_ref().filter(|_| WHOLE.contains(&cleaner)) {
        return Err(refused(format!("weighs its days itself and takes no memory ('{}')", part.name)));
    }
    let is_weighted = written.memory.as_ref().is_some_and(|part| !modules::is_network(part));
    if written.count.is_some() && !is_weighted {
        return Err(refused("'count' says how many days a memory counts for; name a memory of weights".to_string()));
    }
    let memory = match &written.memory {
        None => None,
        Some(part) if modules::is_network(part) => {
            Some(Memory::Network(modules::find(calibration.networks, part)?.clone()))
        }
        Some(part) => {
            let entry = registry::find("memory", memory::ALL, |entry| entry.name, &part.name)?;
            Some(Memory::Weights((entry.build)(part)?, written.count.unwrap_or_default()))
        }
    };
    let devolatilised = match &written.devolatilised {
        None => None,
        Some(part) if part.name == "ewma" => Some(volatility::ewma::of(part)?),
        Some(part) => {
            return Err(refused(format!("returns are devolatilised by 'ewma(decay)', not by '{}'", part.name)));
        }
    };
    Ok(View { memory, devolatilised })
}

/// Refuses a memory with too few effective days for a map of so many eigenvalues, before any window is read.
pub fn check_memory(choice: &Choice, n_assets: usize, n_days: usize) -> Result<()> {
    let (alone, parts) = choice.split(&PARTS);
    let written: Written = parts.parameters()?;
    let is_weighted = written.memory.as_ref().is_some_and(|part| !modules::is_network(part));
    if !is_weighted || written.count == Some(Count::Days) || choice.candidates()?.is_some() {
        return Ok(());
    }
    let view = View { devolatilised: None, ..view(&alone.name, &written, &Calibration::default())? };
    // Any numbers will do: nothing is estimated from them.
    let some =
        |n_days: usize| Matrix::from_fn(n_days, 3, |day, asset| ((7 * day + 5 * asset * day + asset) % 11) as f64);
    let count = view.window(some(n_days))?.count();
    let Err(too_short) = window::check_map(n_assets, count) else { return Ok(()) };
    // Whether the estimator is a map shows in what it says of a window that is too short for three assets.
    let short: Vec<f64> = (0..12).map(|age| f64::powi(0.4, 11 - age)).collect();
    let short = Window::weighted(some(12), &short, Count::Effective)?;
    let is_map = |cleaner: Box<dyn CovarianceEstimator>| {
        matches!(cleaner.estimate(&short), Err(Error::Undefined { what: window::MAP, .. }))
    };
    match alone.name == RECURRENT || cleaner(&alone, &Calibration::default()).is_ok_and(is_map) {
        true => Err(too_short),
        false => Ok(()),
    }
}

impl View {
    /// The window that the cleaner sees.
    fn window(&self, mut returns: Matrix) -> Result<Window> {
        if let Some(ewma) = &self.devolatilised {
            // The lag transform of a network clips returns of the level that it was trained on.
            let level = match &self.memory {
                Some(Memory::Network(_)) => Some(Window::new(returns.clone())?.volatilities()),
                _ => None,
            };
            for asset in 0..returns.ncols() {
                let column = returns.column_mut(asset);
                let sd: Vec<f64> = ewma.path(column).map(f64::sqrt).collect();
                if !sd.iter().all(|sd| *sd > 0.0) {
                    return Err(Error::Column { column: asset, rule: "its volatility is zero on a day of the window" });
                }
                let level = level.as_ref().map_or(1.0, |level| level[asset]);
                column.iter_mut().zip(sd).for_each(|(x, sd)| *x *= level / sd);
            }
        }
        match &self.memory {
            None => Window::new(returns),
            Some(Memory::Network(network)) => Window::new(network.transformed(&returns)?),
            Some(Memory::Weights(memory, count)) => {
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

    /// Whether the cleaner sees returns of another scale, whose volatilities are not those of the assets.
    fn is_rescaled(&self) -> bool {
        self.devolatilised.is_some() || matches!(self.memory, Some(Memory::Network(_)))
    }
}

impl CovarianceEstimator for Composition {
    fn estimate(&self, window: &Window) -> Result<Covariance> {
        let seen: Arc<Window> = match self.seen.is_empty() {
            true => return self.with_volatility(window, self.cleaner.estimate(window)?),
            false => window.derived(&self.seen, || self.view.window(window.returns().clone()))?,
        };
        self.with_volatility(window, self.cleaner.estimate(&seen)?)
    }
}

impl Composition {
    /// D C D, if there is a volatility or none of its own.
    fn with_volatility(&self, window: &Window, cleaned: Covariance) -> Result<Covariance> {
        let forecast = match &self.volatility {
            None if !self.view.is_rescaled() => return Ok(cleaned),
            None => window.forecast("window", || WindowVolatility.variances(window))?,
            Some((name, volatility)) => window.forecast(name, || volatility.variances(window))?,
        };
        let (variances, repair) = forecast.as_ref();
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
        for repair in cleaned.repairs().iter().chain(repair) {
            sigma = sigma.repaired(&repair.what, repair.count);
        }
        Ok(sigma)
    }
}
