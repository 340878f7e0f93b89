//! The lag transform: every return is weighted and clipped by its age.
//!
//! ```text
//! Y = α_a R tanhc(β_a R) = (α_a / β_a) tanh(β_a R),   tanhc(x) = tanh(x) / x,   age a = T + 1 − t
//!
//! compact    α_a = c0 a^(−c1),  β_a = c2 − c3 e^(−c4 a),  c = softplus(raw) + ε
//! per lag    α_a free,  β_a = softplus(b_a)
//! ```
//! The newest day has age 1. α gives old days less weight; returns much larger than 1/β are clipped. Bongiorno,
//! Manolakis, Mantegna (2025), arXiv:2507.01918 (per lag); (2026), arXiv:2607.23068 (compact). The initial values of
//! the compact form are read off the learned curves in the first paper.
//!
//! `PerLagPositive` is the form in the authors' package: α and β are both softplus(raw) + ε, with other initial
//! values.

use candle_core::{Result, Tensor, bail};
use serde::{Deserialize, Serialize};

use crate::nn::float::{Float, positive, softplus};
use crate::nn::parameters::Parameters;

/// The parametrisation of the lag transform.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Lag {
    /// Five parameters, for any look-back.
    #[default]
    Compact,
    /// Two parameters per day, for one fixed look-back.
    PerLag,
    /// Two parameters per day, both kept positive, for one fixed look-back.
    PerLagPositive,
}

/// Initial values of (c0, c1, c2, c3, c4).
const COMPACT_START: [f64; 5] = [2.8, 0.20, 0.85, 0.50, 0.05];

/// The curves α and β, each `[T]`, oldest day first.
pub struct LagCurves {
    /// Weight α of a return by its day.
    pub alpha: Tensor,
    /// Inverse clip size β by its day.
    pub beta: Tensor,
}

pub(super) struct LagTransform {
    form: Lag,
    /// Raw parameters. Compact: `[5]`. Per lag: the rows α and β, `[2, T]`.
    raw: Tensor,
}

impl LagTransform {
    pub fn new(form: Lag, n_days: Option<usize>, parameters: &mut Parameters) -> Result<Self> {
        let raw = match form {
            Lag::Compact => {
                let start = COMPACT_START.map(|c| inverse_softplus(c - parameters.floor())).to_vec();
                parameters.given("lag.raw", start, &[5])?
            }
            Lag::PerLag | Lag::PerLagPositive => {
                let Some(n_days) = n_days else { bail!("a per-lag transform needs its number of days") };
                parameters.given("lag.raw", per_lag_start(form, n_days, parameters.floor()), &[2, n_days])?
            }
        };
        Ok(Self { form, raw })
    }

    /// The curves for windows of `n_days` days.
    pub fn curves<F: Float>(&self, n_days: usize) -> Result<LagCurves> {
        if self.form == Lag::Compact {
            let age = (0..n_days).map(|t| F::of((n_days - t) as f64)).collect::<Vec<_>>();
            let age = Tensor::from_vec(age, n_days, self.raw.device())?;
            let c = positive::<F>(&self.raw)?;
            let c = |k: usize| c.narrow(0, k, 1);
            let alpha = age.log()?.broadcast_mul(&c(1)?.neg()?)?.exp()?.broadcast_mul(&c(0)?)?;
            let decay = age.broadcast_mul(&c(4)?.neg()?)?.exp()?.broadcast_mul(&c(3)?)?;
            let beta = decay.neg()?.broadcast_add(&c(2)?)?;
            return Ok(LagCurves { alpha, beta });
        }
        let fixed = self.raw.dim(1)?;
        if fixed != n_days {
            bail!("the per-lag transform takes windows of {fixed} days, not {n_days}");
        }
        let (alpha, beta) = (self.raw.get(0)?, self.raw.get(1)?);
        match self.form {
            Lag::PerLag => Ok(LagCurves { alpha, beta: softplus(&beta)? }),
            _ => Ok(LagCurves { alpha: positive::<F>(&alpha)?, beta: positive::<F>(&beta)? }),
        }
    }
}

fn per_lag_start(form: Lag, n_days: usize, floor: f64) -> Vec<f64> {
    if form == Lag::PerLag {
        return [vec![1.0; n_days], vec![0.0; n_days]].concat();
    }
    let day = |j: usize| j as f64;
    let alpha = (0..n_days).map(|j| 2.5 / (1.0 + 0.08 * day(j)));
    let beta = (1..=n_days).map(|j| 0.25 + 0.70 * (1.0 - (-day(j) / 8.0).exp()));
    alpha.chain(beta).map(|x| inverse_softplus(x - floor)).collect()
}

/// The x for which softplus(x) = y.
fn inverse_softplus(y: f64) -> f64 {
    y + (-(-y).exp_m1()).ln()
}
