//! Denoising with a fitted Marčenko–Pastur edge: clipping, shrinking the noise, or removing the market.
//!
//! ```text
//! σ² minimises Σ_x ( p(x; σ²) − kde(x) )² over 1,000 points of the support of p;  edge = σ² (1 + √q)²
//! mp_denoise     eigenvalues below the edge become their mean
//! target_shrink  Ξ = C₀ + a C₁ + (1−a) diag(C₁);  C₀, C₁ the parts of the correlation above and below the edge
//! detone         Ξ = E − λ_n v_n v_n': the market is removed, then the unit diagonal is restored
//! ```
//! The kernel density of the eigenvalues is Gaussian with bandwidth 0.01. The misfit has several local minima on
//! small panels: a grid finds the lowest and a golden-section search refines it. A detoned matrix is singular and
//! useful only for clustering.
//! López de Prado (2020), "Machine learning for asset managers", section 2.
//!
//! ```
//! use minvar::prelude::*;
//! use minvar::estimators::{Detone, Edge, MpDenoise, TargetShrink};
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?; // 60 days of 20 assets
//! let denoise = MpDenoise::new(NumberOr::Rule(Edge::Fit))?;
//! let sigma = RotationInvariant::on_correlation(denoise, Diagonal::Reset).estimate(&window)?;
//! let shrunk = TargetShrink::new(NumberOr::Rule(Edge::Fit), 0.1)?.estimate(&window)?;
//! let without_market = Detone.estimate(&window)?; // singular
//! assert_eq!([sigma, shrunk, without_market].map(|sigma| sigma.n_assets()), [20; 3]);
//! # Ok(())
//! # }
//! ```

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::estimators::random_matrix::clip::averaged_below;
use crate::estimators::random_matrix::marchenko_pastur::{density, edges};
use crate::estimators::rotation_invariant::{require_more_days, rescaled};
use crate::estimators::{Calibration, CovarianceEstimator, Diagonal, EigenvalueCleaner, RotationInvariant, Window};
use crate::linalg::{Covariance, Matrix};
use crate::registry::{Choice, NumberOr, check};

/// Rule for the edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edge {
    /// The edge of the Marčenko–Pastur law fitted to the density of the eigenvalues.
    Fit,
}

type Cut = NumberOr<Edge>;

/// Bandwidth of the kernel density.
const BANDWIDTH: f64 = 0.01;
/// Points at which densities are compared.
const POINTS: usize = 1000;

/// The fitted variance σ² of the noise.
fn noise_variance(eigenvalues: &[f64], q: f64) -> f64 {
    let kernel_density = KernelDensity::new(eigenvalues, edges(q, 1.0).1);
    let misfit = |variance: f64| {
        let (low, high) = edges(q, variance);
        let step = (high - low) / (POINTS - 1) as f64;
        let points = (0..POINTS).map(|k| low + step * k as f64);
        points.map(|x| (density(x.max(f64::MIN_POSITIVE), q, variance) - kernel_density.at(x)).powi(2)).sum::<f64>()
    };
    let grid: Vec<f64> = (0..100).map(|k| 0.005 + 0.01 * f64::from(k)).collect();
    let best = grid.iter().copied().min_by(|a, b| misfit(*a).total_cmp(&misfit(*b))).expect("the grid has points");
    let golden = (5f64.sqrt() - 1.0) / 2.0;
    let (mut from, mut to) = ((best - 0.01f64).max(1e-5), (best + 0.01).min(1.0 - 1e-5));
    let (mut left, mut right) = (to - golden * (to - from), from + golden * (to - from));
    let (mut at_left, mut at_right) = (misfit(left), misfit(right));
    while to - from > 1e-8 {
        if at_left < at_right {
            (to, right, at_right) = (right, left, at_left);
            left = to - golden * (to - from);
            at_left = misfit(left);
        } else {
            (from, left, at_left) = (left, right, at_right);
            right = from + golden * (to - from);
            at_right = misfit(right);
        }
    }
    (from + to) / 2.0
}

/// The Gaussian kernel density of eigenvalues, tabulated so that a hundred misfits cost as many exponentials as one.
struct KernelDensity {
    values: Vec<f64>,
    step: f64,
}

impl KernelDensity {
    /// The density of ascending eigenvalues on [0, most], in steps of a fiftieth of the bandwidth: linear
    /// interpolation is accurate to 5e-5. Eigenvalues more than seven bandwidths away add less than 1e-10 and are
    /// left out.
    fn new(eigenvalues: &[f64], most: f64) -> Self {
        let step = BANDWIDTH / 50.0;
        let norm = eigenvalues.len() as f64 * BANDWIDTH * (2.0 * std::f64::consts::PI).sqrt();
        let value = |k: usize| {
            let x = step * k as f64;
            let from = eigenvalues.partition_point(|l| *l < x - 7.0 * BANDWIDTH);
            let to = eigenvalues.partition_point(|l| *l < x + 7.0 * BANDWIDTH);
            eigenvalues[from..to].iter().map(|l| (-0.5 * ((x - l) / BANDWIDTH).powi(2)).exp()).sum::<f64>() / norm
        };
        Self { values: (0..(most / step) as usize + 2).map(value).collect(), step }
    }

    fn at(&self, x: f64) -> f64 {
        let place = x / self.step;
        let below = (place as usize).min(self.values.len() - 2);
        self.values[below] + (place - below as f64) * (self.values[below + 1] - self.values[below])
    }
}

/// Number of eigenvalues that are noise.
fn n_noise(cut: Cut, eigenvalues: &[f64], n_observations: f64) -> usize {
    let q = eigenvalues.len() as f64 / n_observations;
    let edge = match cut {
        NumberOr::Number(edge) => edge,
        NumberOr::Rule(Edge::Fit) => edges(q, noise_variance(eigenvalues, q)).1,
    };
    eigenvalues.partition_point(|l| *l < edge)
}

/// Clipping at an edge that is fitted or given.
#[derive(Clone, Copy, Debug)]
pub struct MpDenoise(Cut);

impl MpDenoise {
    /// Takes the rule of the edge, or the edge itself. Refuses a negative edge.
    pub fn new(edge: NumberOr<Edge>) -> Result<Self> {
        check_edge(edge)?;
        Ok(Self(edge))
    }
}

impl EigenvalueCleaner for MpDenoise {
    fn clean(&self, eigenvalues: &[f64], n_observations: f64) -> Result<Vec<f64>> {
        require_more_days("mp_denoise", eigenvalues, n_observations)?;
        Ok(averaged_below(eigenvalues, n_noise(self.0, eigenvalues, n_observations)))
    }
}

/// Shrinkage of the noise part of the correlation towards its diagonal.
#[derive(Clone, Copy, Debug)]
pub struct TargetShrink {
    edge: Cut,
    alpha: f64,
}

impl TargetShrink {
    /// Takes the edge and α, the share of the off-diagonal noise that is kept. Refuses a negative edge and an α
    /// outside [0, 1].
    pub fn new(edge: NumberOr<Edge>, alpha: f64) -> Result<Self> {
        check_edge(edge)?;
        check((0.0..=1.0).contains(&alpha), "target_shrink.alpha", "in [0, 1]", alpha)?;
        Ok(Self { edge, alpha })
    }
}

impl CovarianceEstimator for TargetShrink {
    fn estimate(&self, window: &Window) -> Result<Covariance> {
        window.check_maps()?;
        let (eigenvalues, spectrum) = window.correlation_spectrum()?;
        require_more_days("target_shrink", &eigenvalues, window.count())?;
        let n_noise = n_noise(self.edge, &eigenvalues, window.count());
        let signal: Vec<f64> =
            eigenvalues.iter().enumerate().map(|(k, l)| if k < n_noise { 0.0 } else { *l }).collect();
        let signal = spectrum.with_eigenvalues(&signal);
        let shrunk = |i, j, e: f64| if i == j { 1.0 } else { signal[(i, j)] + self.alpha * (e - signal[(i, j)]) };
        let correlation = window.correlation().clone().map(shrunk);
        Covariance::new(rescaled(correlation, &window.volatilities(), Diagonal::Kept))
    }
}

/// The correlation without its first principal component.
#[derive(Clone, Copy, Debug, Default)]
pub struct Detone;

impl CovarianceEstimator for Detone {
    fn estimate(&self, window: &Window) -> Result<Covariance> {
        let (eigenvalues, spectrum) = window.correlation_spectrum()?;
        let top = eigenvalues.len() - 1;
        let market = spectrum.eigenvectors.column(top);
        let rest: Matrix = window.correlation().clone().map(|i, j, e| e - eigenvalues[top] * (market[i] * market[j]));
        if rest.diagonal().iter().any(|x| *x <= 1e-14) {
            let why = "an asset is the first principal component itself; perhaps it repeats others".to_string();
            return Err(crate::error::Error::Undefined { what: "detone", why });
        }
        Covariance::new(rescaled(rest, &window.volatilities(), Diagonal::Reset))
    }
}

fn check_edge(edge: Cut) -> Result<()> {
    match edge {
        NumberOr::Number(x) => check(x >= 0.0, "edge", "\"fit\" or at least 0", x),
        NumberOr::Rule(Edge::Fit) => Ok(()),
    }
}

/// Parameters of `mp_denoise`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::estimators) struct DenoiseParameters {
    edge: Cut,
    diagonal: Diagonal,
}

impl Default for DenoiseParameters {
    fn default() -> Self {
        Self { edge: NumberOr::Rule(Edge::Fit), diagonal: Diagonal::Reset }
    }
}

pub(in crate::estimators) fn fit(choice: &Choice, _: &Calibration<'_>) -> Result<Box<dyn CovarianceEstimator>> {
    let DenoiseParameters { edge, diagonal } = choice.parameters()?;
    Ok(Box::new(RotationInvariant::on_correlation(MpDenoise::new(edge)?, diagonal)))
}

/// Parameters of `target_shrink`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::estimators) struct ShrinkParameters {
    edge: Cut,
    alpha: f64,
}

impl Default for ShrinkParameters {
    fn default() -> Self {
        Self { edge: NumberOr::Rule(Edge::Fit), alpha: 0.1 }
    }
}

pub(in crate::estimators) fn fit_target_shrink(
    choice: &Choice,
    _: &Calibration<'_>,
) -> Result<Box<dyn CovarianceEstimator>> {
    let ShrinkParameters { edge, alpha } = choice.parameters()?;
    Ok(Box::new(TargetShrink::new(edge, alpha)?))
}

pub(in crate::estimators) fn fit_detone(choice: &Choice, _: &Calibration<'_>) -> Result<Box<dyn CovarianceEstimator>> {
    choice.without_parameters()?;
    Ok(Box::new(Detone))
}
