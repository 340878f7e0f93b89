//! The network: its architecture, its parameters, and the order of its layers.
//!
//! ```text
//! X [batch, n, T] ── scaling, lag transform, standardisation, correlation ──▶ C, s
//! C ── spectrum ──▶ λ ── tokens, recurrent cleaner, head, normalisation ──▶ μ
//! s ── marginal volatility, normalisation ──▶ d
//! C, μ, d ── unit diagonal, minimum variance ──▶ w
//! ```
//! Nothing depends on n or, with the compact lag transform, on T, so the same parameters serve any batch.
//! Bongiorno, Manolakis, Mantegna, "End-to-End Large Portfolio Optimization for Variance Minimization with Neural
//! Networks through Covariance Cleaning" (2025), arXiv:2507.01918, and its compact sequel (2026), arXiv:2607.23068.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use candle_core::{Tensor, Var, bail};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::linalg::Matrix;
use crate::memory;
use crate::nn::correlation::scores;
use crate::nn::decomposition::Decomposition;
use crate::nn::float::{Float, to_vec};
use crate::nn::head::{Head, inverse_eigenvalues, inverse_volatilities};
use crate::nn::lag::{Lag, LagCurves, LagTransform};
use crate::nn::parameters::Parameters;
use crate::nn::reconstruction::{Reconstruction, reconstruction};
use crate::nn::recurrent::{Direction, RecurrentCleaner};
use crate::nn::scaling::{TRADING_DAYS, for_daily_returns};
use crate::nn::scan::Cell;
use crate::nn::spectrum::{Spectrum, spectrum};
use crate::nn::tokens::{Feature, tokens};
use crate::nn::volatility::MarginalVolatility;
use crate::nn::weights::{Diagonal, minimum_variance};

/// The architecture: all settings that determine the number and meaning of the parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Architecture {
    /// Form of the lag transform.
    pub lag: Lag,
    /// Number of days T of a per-lag transform; not given for the compact one, which takes any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n_days: Option<usize>,
    /// Type of the recurrent cell.
    pub cell: Cell,
    /// Order in which eigenvalues are read.
    pub direction: Direction,
    /// Number of units of each recurrent layer.
    pub hidden: Vec<usize>,
    /// Features that each token has besides its eigenvalue.
    pub features: Vec<Feature>,
    /// Number of units of each hidden layer of the marginal-volatility network.
    pub volatility: Vec<usize>,
    /// Whether inverse volatilities are normalised to mean(1/d²) = 1.
    pub normalise_volatility: bool,
    /// Whether the cleaned correlation is scaled to a unit diagonal.
    pub unit_diagonal: bool,
    /// Factor that daily returns are multiplied by.
    pub annualisation: f64,
}

impl Default for Architecture {
    fn default() -> Self {
        Self::compact()
    }
}

impl Architecture {
    /// The compact network of arXiv:2607.23068: 2,175 parameters.
    pub fn compact() -> Self {
        Self {
            lag: Lag::Compact,
            n_days: None,
            cell: Cell::Gru,
            direction: Direction::Both,
            hidden: vec![16],
            features: vec![Feature::Q, Feature::SqrtN, Feature::SqrtT],
            volatility: vec![8],
            normalise_volatility: true,
            unit_diagonal: true,
            annualisation: TRADING_DAYS,
        }
    }

    /// The network of arXiv:2507.01918: 39,586 parameters, T = 1200. That its second token is
    /// n/T is our inference.
    pub fn original() -> Self {
        Self {
            lag: Lag::PerLag,
            n_days: Some(1200),
            cell: Cell::Lstm,
            hidden: vec![64],
            features: vec![Feature::Q],
            volatility: vec![64, 32, 16],
            ..Self::compact()
        }
    }

    /// Refuses an architecture that cannot be built.
    pub fn check(&self) -> Result<()> {
        let parameter = |name, range, value: String| Err(Error::Parameter { name, range, value });
        if self.hidden.is_empty() || self.hidden.iter().chain(&self.volatility).any(|&units| units == 0) {
            let value = format!("{:?} and {:?}", self.hidden, self.volatility);
            return parameter("network.hidden and network.volatility", "layers of at least 1 unit", value);
        }
        let days = self.n_days.unwrap_or(0);
        let layers = |first: usize, units: &[usize]| -> f64 {
            let inputs = std::iter::once(first).chain(units.iter().copied());
            inputs.zip(units).map(|(i, u)| *u as f64 * (i as f64 + *u as f64 + 2.0)).sum()
        };
        // An LSTM has four gates, in both directions; each parameter also has a gradient and two moments.
        let n_parameters = 8.0 * layers(4, &self.hidden) + layers(1, &self.volatility) + 2.0 * days as f64;
        let what = format!("a network of {:?} and {:?} units, {days} days", self.hidden, self.volatility);
        memory::require(4.0 * memory::DOUBLE * n_parameters, &what)?;
        if !(self.annualisation > 0.0 && self.annualisation.is_finite()) {
            return parameter("network.annualisation", "positive", self.annualisation.to_string());
        }
        if !self.features.is_sorted_by(|a, b| a < b) {
            let value = format!("{:?}", self.features);
            return parameter(
                "network.features",
                "each at most once, in the order q, sqrt_n, sqrt_t, inverse_sqrt_t",
                value,
            );
        }
        match (self.lag, self.n_days) {
            (Lag::Compact, Some(n)) => {
                parameter("network.n_days", "absent: a compact transform takes any", n.to_string())
            }
            (Lag::PerLag | Lag::PerLagPositive, None) => {
                parameter("network.n_days", "given for a per-lag transform", "absent".into())
            }
            (_, Some(n)) if n < 2 => parameter("network.n_days", "at least 2", n.to_string()),
            _ => Ok(()),
        }
    }

    fn diagonal(&self) -> Diagonal {
        if self.unit_diagonal { Diagonal::Unit } else { Diagonal::AsCleaned }
    }
}

/// A network with its parameters. `F` is f32 for training and f64 for checks.
pub struct Network<F> {
    architecture: Architecture,
    parameters: BTreeMap<String, Var>,
    lag: LagTransform,
    pub(super) cleaner: RecurrentCleaner,
    pub(super) head: Head,
    pub(super) volatility: MarginalVolatility,
    element: PhantomData<F>,
}

/// All intermediate results between returns and weights.
pub struct Stages<F> {
    /// The curves α and β for returns in annual units.
    pub lag: LagCurves,
    /// Volatilities s `[batch, n]` of the lag-transformed returns.
    pub volatilities: Tensor,
    /// Eigenvalues λ `[batch, n]` of C, ascending.
    pub eigenvalues: Tensor,
    /// Tokens `[batch, n, 1 + features]`.
    pub tokens: Tensor,
    /// Outputs of each recurrent layer `[batch, n, units · directions]`.
    pub recurrent: Vec<Tensor>,
    /// The head's outputs u `[batch, n]`.
    pub raw_inverse_eigenvalues: Tensor,
    /// Inverse eigenvalues μ `[batch, n]`, with mean(1/μ) = 1.
    pub inverse_eigenvalues: Tensor,
    /// Hidden activations of the marginal-volatility network `[batch, n, units]`.
    pub volatility_hidden: Vec<Tensor>,
    /// Raw inverse volatilities e `[batch, n]`.
    pub raw_inverse_volatilities: Tensor,
    /// Inverse volatilities d `[batch, n]`.
    pub inverse_volatilities: Tensor,
    spectrum: Spectrum<F>,
}

impl<F: Float> Stages<F> {
    /// The correlation matrices C `[batch, n, n]`.
    pub fn correlation(&self) -> Result<Tensor> {
        let (batch, n) = self.eigenvalues.dims2()?;
        let all: Vec<F> = (0..batch).flat_map(|b| self.spectrum.spectra.correlation(b)).collect();
        Ok(Tensor::from_vec(all, (batch, n, n), self.eigenvalues.device())?)
    }

    /// Eigenvectors of each sample's C as columns (n x rank), without those of the null space beyond rank T − 1.
    pub fn eigenvectors(&self) -> Vec<Matrix> {
        let columns = |sample: &Decomposition<F>| {
            let entries = sample.basis.iter().map(|x| x.value()).collect();
            Matrix::from_column_major(sample.n(), sample.rank(), entries)
        };
        self.spectrum.spectra.samples().iter().map(columns).collect()
    }
}

impl<F: Float> Network<F> {
    /// A network with initial parameters; the same seed gives the same parameters.
    pub fn new(architecture: Architecture, seed: u64) -> Result<Self> {
        Self::build(architecture, Parameters::from_seed(seed, F::DTYPE, F::FLOOR))
    }

    /// A network with the given parameters. Fails if one is missing or unknown, or has the wrong shape.
    pub fn with_parameters(architecture: Architecture, values: BTreeMap<String, Tensor>) -> Result<Self> {
        Self::build(architecture, Parameters::from_values(values, F::DTYPE, F::FLOOR))
    }

    fn build(architecture: Architecture, mut parameters: Parameters) -> Result<Self> {
        architecture.check()?;
        let a = &architecture;
        let outputs = a.hidden[a.hidden.len() - 1] * a.direction.count();
        let p = &mut parameters;
        let lag = LagTransform::new(a.lag, a.n_days, p)?;
        let cleaner = RecurrentCleaner::new(a.cell, a.direction, 1 + a.features.len(), &a.hidden, p)?;
        let head = Head::new(outputs, p)?;
        let volatility = MarginalVolatility::new(&a.volatility, p)?;
        let parameters = parameters.finished()?;
        Ok(Self { architecture, parameters, lag, cleaner, head, volatility, element: PhantomData })
    }

    /// The architecture of the network.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// The parameters by name.
    pub fn parameters(&self) -> &BTreeMap<String, Var> {
        &self.parameters
    }

    /// Total number of learnable values.
    pub fn n_parameters(&self) -> usize {
        self.parameters.values().map(|var| var.elem_count()).sum()
    }

    /// The curves α and β `[T]` for returns in annual units, oldest day first.
    pub fn lag_curves(&self, n_days: usize) -> Result<LagCurves> {
        Ok(self.lag.curves::<F>(n_days)?)
    }

    /// The marginal-volatility map e before normalisation, for n volatilities s.
    pub fn marginal_map(&self, volatilities: &[f64]) -> Result<Vec<f64>> {
        let s: Vec<F> = volatilities.iter().map(|s| F::of(*s)).collect();
        let s = Tensor::from_vec(s, (1, volatilities.len()), &candle_core::Device::Cpu)?;
        Ok(to_vec::<F>(&self.volatility.forward::<F>(&s)?.1)?.into_iter().map(|e| e.value()).collect())
    }

    /// All stages for daily returns `[batch, n, T]`, oldest day first. Fails on non-finite returns or an unsuitable T.
    pub fn stages(&self, returns: &Tensor) -> Result<Stages<F>> {
        Ok(self.forward(returns, None)?)
    }

    /// [`stages`](Self::stages) with eigenvalues `[batch, n]` and eigenvectors `[batch, n, n]` (columns) of C from
    /// another solver, treated as constants without ties.
    pub fn stages_with(&self, returns: &Tensor, eigenvalues: &Tensor, eigenvectors: &Tensor) -> Result<Stages<F>> {
        Ok(self.forward(returns, Some((eigenvalues, eigenvectors)))?)
    }

    pub(super) fn daily_curves(&self, lag: &LagCurves) -> candle_core::Result<LagCurves> {
        let factor = self.architecture.annualisation;
        Ok(LagCurves { alpha: for_daily_returns(&lag.alpha, factor)?, beta: for_daily_returns(&lag.beta, factor)? })
    }

    fn forward(&self, returns: &Tensor, given: Option<(&Tensor, &Tensor)>) -> candle_core::Result<Stages<F>> {
        let (_, n, t) = returns.dims3()?;
        if n == 0 || t < 2 {
            bail!("the network needs at least one asset and two days, not {n} and {t}");
        }
        let lag = self.lag.curves::<F>(t)?;
        let daily = self.daily_curves(&lag)?;
        let spectrum = spectrum::<F>(returns, &daily, given)?;
        let (eigenvalues, volatilities) = (spectrum.eigenvalues.clone(), spectrum.volatilities.clone());
        let tokens = tokens::<F>(&eigenvalues, &self.architecture.features, t as f64)?;
        let recurrent = self.cleaner.forward::<F>(&tokens)?;
        let u = self.head.forward::<F>(recurrent.last().expect("an architecture has a recurrent layer"))?;
        let u = spectrum.spectra.averaged(&u)?;
        let (volatility_hidden, e) = self.volatility.forward::<F>(&volatilities)?;
        let d = if self.architecture.normalise_volatility { inverse_volatilities::<F>(&e)? } else { e.clone() };
        Ok(Stages {
            lag,
            volatilities,
            eigenvalues,
            tokens,
            recurrent,
            inverse_eigenvalues: inverse_eigenvalues::<F>(&u)?,
            raw_inverse_eigenvalues: u,
            volatility_hidden,
            raw_inverse_volatilities: e,
            inverse_volatilities: d,
            spectrum,
        })
    }

    /// The standardised scores Z `[batch, n, T]`, which the forward pass does not return.
    pub fn scores(&self, returns: &Tensor) -> Result<Tensor> {
        Ok(scores::<F>(returns, &self.daily_curves(&self.lag.curves::<F>(returns.dim(2)?)?)?)?)
    }

    /// Minimum-variance weights `[batch, n]` from the stages.
    pub fn weights_of(&self, stages: &Stages<F>) -> Result<Tensor> {
        let (mu, d) = (&stages.inverse_eigenvalues, &stages.inverse_volatilities);
        Ok(minimum_variance(&stages.spectrum, mu, d, self.architecture.diagonal())?)
    }

    /// Minimum-variance weights `[batch, n]` from daily returns `[batch, n, T]`, oldest day first.
    pub fn weights(&self, returns: &Tensor) -> Result<Tensor> {
        self.weights_of(&self.stages(returns)?)
    }

    /// The cleaned matrices of each sample.
    pub fn reconstructions(&self, stages: &Stages<F>) -> Result<Vec<Reconstruction>> {
        let rows = |tensor: &Tensor| tensor.to_vec2::<F>().map_err(Error::from);
        let (mu, d) = (rows(&stages.inverse_eigenvalues)?, rows(&stages.inverse_volatilities)?);
        let samples = stages.spectrum.spectra.samples().iter().zip(mu).zip(d);
        Ok(samples.map(|((sample, mu), d)| reconstruction(sample, &mu, &d, self.architecture.diagonal())).collect())
    }
}

impl From<candle_core::Error> for Error {
    /// Converts an error of the tensor crate, without its backtrace and wrapping.
    fn from(error: candle_core::Error) -> Self {
        let text = error.to_string();
        Self::Undefined { what: "the network", why: text.lines().next().unwrap_or_default().to_string() }
    }
}
