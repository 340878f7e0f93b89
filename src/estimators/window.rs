//! A window of returns with its moments and decompositions, each computed once and shared by all estimators.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::linalg::{Covariance, Matrix, Repair, Spectrum};

/// The point about which second moments are taken, and the effective sample size, here N.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Centring {
    /// Sample means removed, N = T − 1: one degree of freedom is spent.
    #[default]
    Mean,
    /// Sample means removed, N = T: maximum likelihood.
    MeanMaximumLikelihood,
    /// About zero, N = T: for data whose mean is known to be zero.
    Zero,
}

impl Centring {
    /// The effective sample size for so many days.
    fn of(self, n_days: f64) -> f64 {
        match self {
            Centring::Mean => n_days - 1.0,
            Centring::MeanMaximumLikelihood | Centring::Zero => n_days,
        }
    }
}

/// The number of days N* that a window with a memory counts for in the formulas of estimators.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Count {
    /// N_e = 1/Σ w². An approximation: the limiting spectrum of a weighted covariance is not that of Marčenko and Pastur.
    #[default]
    Effective,
    /// T, as if all days had the same weight.
    Days,
}

/// The weights of the days of a window.
struct Memory {
    /// c w (T), where Σ w = 1 and c = (N* − 1)/(1 − Σ w²): flat weights are ones.
    weights: Vec<f64>,
    /// c.
    total: f64,
    /// N*.
    n_days: f64,
    count: Count,
}

/// Columns that are demeaned at once.
const AT_ONCE: usize = 8;

/// Columns that a thread takes at once.
const TOGETHER: usize = 64;

/// T × N daily returns, oldest first, without missing values or constant columns.
///
/// A window may have a memory, weights w_t of its days whose sum is one. Then
///
/// ```text
/// m = Σ_t w_t x_t,   y_t = x_t − m,   S = Σ_t w_t y_t y_t' / (1 − Σ w²)
/// ```
/// and a number of days N* takes the place of T. Without one, w_t = 1/T.
pub struct Window {
    returns: Matrix,
    ranges: Option<Matrix>,
    memory: Option<Memory>,
    demeaned: OnceLock<Matrix>,
    /// Y'Y of the demeaned returns, weighted by the memory, with its decomposition.
    about_mean: Products,
    /// X'X, with its decomposition.
    about_zero: Products,
    correlation: OnceLock<Matrix>,
    correlation_spectrum: OnceLock<Spectrum>,
    /// Windows made of this one, and forecasts of its volatilities, by what they are.
    derived: Mutex<BTreeMap<String, Arc<Window>>>,
    forecasts: Mutex<BTreeMap<String, Arc<Forecast>>>,
}

/// Variances (N) of a day, and repairs that were needed.
type Forecast = (Vec<f64>, Option<Repair>);

#[derive(Default)]
struct Products {
    gram: OnceLock<Matrix>,
    spectrum: OnceLock<Spectrum>,
}

impl Window {
    /// Refuses returns (T × N) with fewer than two days, without assets, with values that are not finite, or with a
    /// constant column.
    pub fn new(returns: Matrix) -> Result<Self> {
        if returns.nrows() < 2 || returns.ncols() == 0 {
            let why =
                format!("it needs at least two days and one asset, not {} x {}", returns.nrows(), returns.ncols());
            return Err(Error::Undefined { what: "a window", why });
        }
        // Without an early exit the loop over days becomes one over vectors.
        let broken_rule = |x: &[f64]| {
            if x.iter().fold(false, |broken, r| broken | !r.is_finite()) {
                return Some("a return in the window is missing or infinite");
            }
            x.iter().all(|r| *r == x[0]).then_some("returns in the window are constant")
        };
        let first = returns.entries().par_chunks(returns.nrows()).enumerate().with_min_len(TOGETHER);
        if let Some((column, rule)) = first.find_map_first(|(column, x)| Some((column, broken_rule(x)?))) {
            return Err(Error::Column { column, rule });
        }
        Ok(Self {
            returns,
            ranges: None,
            memory: None,
            demeaned: OnceLock::new(),
            about_mean: Products::default(),
            about_zero: Products::default(),
            correlation: OnceLock::new(),
            correlation_spectrum: OnceLock::new(),
            derived: Mutex::default(),
            forecasts: Mutex::default(),
        })
    }

    /// A window whose days have weights (T), which need not sum to one. Refuses weights that are negative or not finite, and
    /// fewer than two effective days 1/Σ w².
    pub fn weighted(returns: Matrix, weights: &[f64], count: Count) -> Result<Self> {
        let mut window = Self::new(returns)?;
        assert_eq!(weights.len(), window.n_days(), "a weight for each day");
        let sum: f64 = weights.iter().sum();
        let squares: f64 = weights.iter().map(|w| (w / sum).powi(2)).sum();
        let is_weight = |w: &f64| *w >= 0.0 && w.is_finite();
        if !weights.iter().all(is_weight) || squares.is_nan() || 1.0 / squares < 2.0 {
            let why = format!("its weights leave {:.2} effective days", 1.0 / squares);
            return Err(Error::Undefined { what: "a memory", why });
        }
        let n_days = if count == Count::Effective { 1.0 / squares } else { window.n_days() as f64 };
        let total = (n_days - 1.0) / (1.0 - squares);
        let weights = weights.iter().map(|w| total * (w / sum)).collect();
        window.memory = Some(Memory { weights, total, n_days, count });
        Ok(window)
    }

    /// The window with the ranges ln H/L of its days (T × N), NaN where they are not known.
    pub fn with_ranges(mut self, ranges: Matrix) -> Self {
        assert_eq!((ranges.nrows(), ranges.ncols()), (self.n_days(), self.n_assets()), "a range for each return");
        self.ranges = Some(ranges);
        self
    }

    /// The ranges ln H/L of its days (T × N), if it has any; NaN where they are not known.
    pub fn ranges(&self) -> Option<&Matrix> {
        self.ranges.as_ref()
    }

    /// A window made of this one, which all estimators share that ask for the same.
    pub(super) fn derived(&self, what: &str, make: impl FnOnce() -> Result<Window>) -> Result<Arc<Window>> {
        shared(&self.derived, what, make)
    }

    /// A forecast of its volatilities, which all estimators share that ask for the same.
    pub(super) fn forecast(&self, what: &str, make: impl FnOnce() -> Result<Forecast>) -> Result<Arc<Forecast>> {
        shared(&self.forecasts, what, make)
    }

    /// The number of days N* that estimators count: T without a memory.
    pub fn count(&self) -> f64 {
        self.memory.as_ref().map_or(self.n_days() as f64, |memory| memory.n_days)
    }

    /// The effective sample size of a choice of centring, N* − 1 or N*.
    pub fn n_observations(&self, centring: Centring) -> f64 {
        centring.of(self.count())
    }

    /// Weights of the days (T) in sums over days, ones without a memory (`None`).
    pub fn weights(&self) -> Option<&[f64]> {
        self.memory.as_ref().map(|memory| memory.weights.as_slice())
    }

    /// What sums over days, with their [`weights`](Self::weights), are divided by to become moments.
    pub fn divisor(&self, centring: Centring) -> f64 {
        match (&self.memory, centring) {
            (None, _) | (_, Centring::Mean) => self.n_observations(centring),
            (Some(memory), _) => memory.total,
        }
    }

    /// Fails if maps of eigenvalues are undefined: they need more effective days than assets, by one, where days have weights.
    pub fn check_maps(&self) -> Result<()> {
        match &self.memory {
            Some(memory) if memory.count == Count::Effective => check_map(self.n_assets(), memory.n_days),
            _ => Ok(()),
        }
    }

    /// The number of days T.
    pub fn n_days(&self) -> usize {
        self.returns.nrows()
    }

    /// The number of assets N.
    pub fn n_assets(&self) -> usize {
        self.returns.ncols()
    }

    /// The returns X (T × N).
    pub fn returns(&self) -> &Matrix {
        &self.returns
    }

    /// The returns less their weighted means, or as they are for [`Centring::Zero`] (T × N).
    pub fn centred(&self, centring: Centring) -> &Matrix {
        match centring {
            Centring::Zero => &self.returns,
            Centring::Mean | Centring::MeanMaximumLikelihood => computed(&self.demeaned, || {
                let n_days = self.n_days();
                let mut demeaned = vec![0.0; n_days * self.n_assets()];
                let columns = demeaned.par_chunks_mut(AT_ONCE * n_days);
                let columns = columns.zip(self.returns.entries().par_chunks(AT_ONCE * n_days));
                match &self.memory {
                    None => columns.for_each(|(demeaned, columns)| demean(columns, n_days, demeaned)),
                    Some(memory) => {
                        columns.for_each(|(demeaned, columns)| demean_by_weight(columns, memory, demeaned));
                    }
                }
                Matrix::from_column_major(self.n_days(), self.n_assets(), demeaned)
            }),
        }
    }

    /// The sample covariance (N × N) of daily returns.
    pub fn covariance(&self, centring: Centring) -> Matrix {
        let scale = 1.0 / self.divisor(centring);
        self.gram(centring).clone().scaled(scale)
    }

    /// Eigenvalues (N, ascending, clamped at zero) and eigenvectors of the sample covariance.
    pub fn covariance_spectrum(&self, centring: Centring) -> Result<(Vec<f64>, &Spectrum)> {
        let scale = 1.0 / self.divisor(centring);
        let spectrum = decomposed(&self.products(centring).spectrum, self.gram(centring))?;
        Ok((spectrum.eigenvalues.iter().map(|l| l.max(0.0) * scale).collect(), spectrum))
    }

    /// Daily standard deviations (N), means removed, divisor T − 1.
    pub fn volatilities(&self) -> Vec<f64> {
        self.volatilities_about(Centring::Mean)
    }

    /// Daily standard deviations (N) by a choice of centring.
    pub fn volatilities_about(&self, centring: Centring) -> Vec<f64> {
        let divisor = self.divisor(centring);
        self.gram(centring).diagonal().iter().map(|sum| (sum / divisor).sqrt()).collect()
    }

    /// The sample correlation (N × N), with ones on the diagonal.
    pub fn correlation(&self) -> &Matrix {
        computed(&self.correlation, || {
            let gram = self.gram(Centring::Mean);
            let norms: Vec<f64> = gram.diagonal().iter().map(|sum| sum.sqrt()).collect();
            gram.clone().map(|i, j, x| if i == j { 1.0 } else { x / (norms[i] * norms[j]) })
        })
    }

    /// Eigenvalues (N, ascending, clamped at zero) and eigenvectors of the sample correlation.
    pub fn correlation_spectrum(&self) -> Result<(Vec<f64>, &Spectrum)> {
        let spectrum = decomposed(&self.correlation_spectrum, self.correlation())?;
        Ok((spectrum.eigenvalues.iter().map(|l| l.max(0.0)).collect(), spectrum))
    }

    fn products(&self, centring: Centring) -> &Products {
        match centring {
            Centring::Zero => &self.about_zero,
            Centring::Mean | Centring::MeanMaximumLikelihood => &self.about_mean,
        }
    }

    fn gram(&self, centring: Centring) -> &Matrix {
        computed(&self.products(centring).gram, || match self.weights() {
            None => self.centred(centring).gram(),
            Some(weights) => self.centred(centring).weighted_gram(weights),
        })
    }
}

/// What is undefined with too few effective days.
pub(super) const MAP: &str = "a map of eigenvalues";

/// Fails unless there are more effective days than assets, by one.
pub(super) fn check_map(n_assets: usize, n_effective: f64) -> Result<()> {
    if n_assets as f64 <= n_effective - 1.0 {
        return Ok(());
    }
    let why = format!(
        "the memory has {n_effective:.0} effective days, too few for {n_assets} assets; give it a longer half-life, or count = \"days\""
    );
    Err(Error::Undefined { what: MAP, why })
}

/// At most [`AT_ONCE`] columns less their means, whose sums do not wait for each other.
fn demean(columns: &[f64], n_days: usize, demeaned: &mut [f64]) {
    let mut sums = [0.0; AT_ONCE];
    if columns.len() == AT_ONCE * n_days {
        let all: [&[f64]; AT_ONCE] = std::array::from_fn(|k| &columns[k * n_days..(k + 1) * n_days]);
        (0..n_days).for_each(|day| sums.iter_mut().zip(all).for_each(|(sum, column)| *sum += column[day]));
    } else {
        sums.iter_mut().zip(columns.chunks_exact(n_days)).for_each(|(sum, column)| *sum = column.iter().sum());
    }
    for ((column, demeaned), sum) in columns.chunks_exact(n_days).zip(demeaned.chunks_exact_mut(n_days)).zip(sums) {
        let mean = sum / n_days as f64;
        demeaned.iter_mut().zip(column).for_each(|(demeaned, r)| *demeaned = r - mean);
    }
}

/// The same by the weights of a memory.
fn demean_by_weight(columns: &[f64], memory: &Memory, demeaned: &mut [f64]) {
    let n_days = memory.weights.len();
    for (column, demeaned) in columns.chunks_exact(n_days).zip(demeaned.chunks_exact_mut(n_days)) {
        let mean = column.iter().zip(&memory.weights).map(|(r, w)| w * r).sum::<f64>() / memory.total;
        demeaned.iter_mut().zip(column).for_each(|(demeaned, r)| *demeaned = r - mean);
    }
}

/// Eigenvalues λ of the sample correlation E = V diag(λ) V', ascending, and beside them v_i' D⁻¹ΣD⁻¹ v_i of an
/// estimate Σ (N × 2). For a rotation-invariant estimator on the correlation these are its cleaned eigenvalues; for
/// any other they are its variances along the same directions.
pub fn eigenvalue_map(window: &Window, covariance: &Covariance) -> Result<Matrix> {
    let (eigenvalues, spectrum) = window.correlation_spectrum()?;
    let sd = window.volatilities();
    let scaled = covariance.matrix().clone().map(|i, j, s| s / (sd[i] * sd[j]));
    let images = scaled.product(&spectrum.eigenvectors);
    let along = |(v, image): (&[f64], &[f64])| v.iter().zip(image).map(|(v, x)| v * x).sum::<f64>();
    let cleaned = spectrum.eigenvectors.columns().zip(images.columns()).map(along);
    Ok(Matrix::from_column_major(eigenvalues.len(), 2, eigenvalues.iter().copied().chain(cleaned).collect()))
}

/// What is kept in a cell, computed on first use. The work may be shared by threads, and a thread that waits for others may begin
/// with another estimator on the same window: so it is not done while the cell is locked, but twice in the worst case.
fn computed<T>(cell: &OnceLock<T>, compute: impl FnOnce() -> T) -> &T {
    match cell.get() {
        Some(known) => known,
        None => {
            let computed = compute();
            cell.get_or_init(|| computed)
        }
    }
}

/// The same for what has a name; what cannot be made is not kept.
fn shared<T>(known: &Mutex<BTreeMap<String, Arc<T>>>, what: &str, make: impl FnOnce() -> Result<T>) -> Result<Arc<T>> {
    let known = || known.lock().expect("nothing panics here");
    if let Some(found) = known().get(what) {
        return Ok(found.clone());
    }
    let made = Arc::new(make()?);
    Ok(known().entry(what.to_string()).or_insert(made).clone())
}

/// The same for a decomposition.
fn decomposed<'a>(cell: &'a OnceLock<Spectrum>, matrix: &Matrix) -> Result<&'a Spectrum> {
    if let Some(spectrum) = cell.get() {
        return Ok(spectrum);
    }
    let spectrum = Spectrum::new(matrix)?;
    Ok(cell.get_or_init(|| spectrum))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimators;
    use crate::synthetic::SyntheticMarket;

    #[test]
    fn estimators_share_a_window_on_several_threads() {
        let returns = SyntheticMarket::complete(300, 320).returns().unwrap();
        let names = ["qis", "rie", "lw_identity", "clip", "sample", "pca_k", "nls_analytical", "lis"];
        let names = || names.into_iter().cycle().take(40);
        let all: Vec<_> = names().map(|name| estimators::build(name).unwrap()).collect();
        let alone = |name| estimators::build(name).unwrap().estimate(&Window::new(returns.clone()).unwrap()).unwrap();
        let window = Window::new(returns.clone()).unwrap();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        let shared: Vec<Covariance> =
            pool.install(|| all.par_iter().with_max_len(1).map(|e| e.estimate(&window).unwrap()).collect());
        for (name, shared) in names().zip(&shared).take(8) {
            assert_eq!(shared, &alone(name), "{name}");
        }
    }
}
