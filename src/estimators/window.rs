//! A window of returns with its moments and decompositions, each computed once and shared by all estimators.

use std::sync::OnceLock;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::linalg::{Covariance, Matrix, Spectrum};

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
    /// The effective sample size for a window of T days.
    pub fn n_observations(self, n_days: usize) -> usize {
        match self {
            Centring::Mean => n_days - 1,
            Centring::MeanMaximumLikelihood | Centring::Zero => n_days,
        }
    }
}

/// T × N daily returns, oldest first, without missing values or constant columns.
pub struct Window {
    returns: Matrix,
    demeaned: OnceLock<Matrix>,
    /// Y'Y of the demeaned returns, with its decomposition.
    about_mean: Products,
    /// X'X, with its decomposition.
    about_zero: Products,
    correlation: OnceLock<Matrix>,
    correlation_spectrum: OnceLock<Spectrum>,
}

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
        for (column, x) in returns.columns().enumerate() {
            if x.iter().any(|r| !r.is_finite()) {
                return Err(Error::Column { column, rule: "a return in the window is missing or infinite" });
            }
            if x.iter().all(|r| *r == x[0]) {
                return Err(Error::Column { column, rule: "returns in the window are constant" });
            }
        }
        Ok(Self {
            returns,
            demeaned: OnceLock::new(),
            about_mean: Products::default(),
            about_zero: Products::default(),
            correlation: OnceLock::new(),
            correlation_spectrum: OnceLock::new(),
        })
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

    /// The returns less their means, or as they are for [`Centring::Zero`] (T × N).
    pub fn centred(&self, centring: Centring) -> &Matrix {
        match centring {
            Centring::Zero => &self.returns,
            Centring::Mean | Centring::MeanMaximumLikelihood => self.demeaned.get_or_init(|| {
                let mut demeaned = self.returns.entries().to_vec();
                demeaned.par_chunks_mut(self.n_days()).for_each(|column| {
                    let mean = column.iter().sum::<f64>() / column.len() as f64;
                    column.iter_mut().for_each(|r| *r -= mean);
                });
                Matrix::from_column_major(self.n_days(), self.n_assets(), demeaned)
            }),
        }
    }

    /// The sample covariance (N × N) of daily returns.
    pub fn covariance(&self, centring: Centring) -> Matrix {
        let scale = 1.0 / centring.n_observations(self.n_days()) as f64;
        self.gram(centring).clone().scaled(scale)
    }

    /// Eigenvalues (N, ascending, clamped at zero) and eigenvectors of the sample covariance.
    pub fn covariance_spectrum(&self, centring: Centring) -> Result<(Vec<f64>, &Spectrum)> {
        let scale = 1.0 / centring.n_observations(self.n_days()) as f64;
        let spectrum = decomposed(&self.products(centring).spectrum, self.gram(centring))?;
        Ok((spectrum.eigenvalues.iter().map(|l| l.max(0.0) * scale).collect(), spectrum))
    }

    /// Daily standard deviations (N), means removed, divisor T − 1.
    pub fn volatilities(&self) -> Vec<f64> {
        self.volatilities_about(Centring::Mean)
    }

    /// Daily standard deviations (N) by a choice of centring.
    pub fn volatilities_about(&self, centring: Centring) -> Vec<f64> {
        let n_observations = centring.n_observations(self.n_days()) as f64;
        self.gram(centring).diagonal().iter().map(|sum| (sum / n_observations).sqrt()).collect()
    }

    /// The sample correlation (N × N), with ones on the diagonal.
    pub fn correlation(&self) -> &Matrix {
        self.correlation.get_or_init(|| {
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
        self.products(centring).gram.get_or_init(|| self.centred(centring).gram())
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

/// The decomposition kept in `cell`, computed on first use.
fn decomposed<'a>(cell: &'a OnceLock<Spectrum>, matrix: &Matrix) -> Result<&'a Spectrum> {
    if let Some(spectrum) = cell.get() {
        return Ok(spectrum);
    }
    let spectrum = Spectrum::new(matrix)?;
    Ok(cell.get_or_init(|| spectrum))
}
