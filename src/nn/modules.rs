//! The three modules of a network by themselves: from returns, or from the eigenvalues of any correlation.
//!
//! They compute what the forward pass computes, without gradients and for one sample, so that each can take the place of an analytic
//! part and the other way round ([`crate::estimators::modules`]).

use candle_core::{Device, Tensor};

use crate::error::Result;
use crate::linalg::Matrix;
use crate::nn::correlation::{divisible, standardise};
use crate::nn::decomposition::{average, tie};
use crate::nn::float::{Float, to_vec};
use crate::nn::head::{inverse_eigenvalues, inverse_volatilities};
use crate::nn::network::Network;
use crate::nn::tokens::tokens;

impl<F: Float> Network<F> {
    /// Returns (T × n, oldest day first) after the lag transform: y = α R tanhc(β R).
    pub fn transformed(&self, returns: &Matrix) -> Result<Matrix> {
        let lag = self.daily_curves(&self.lag_curves(returns.nrows())?)?;
        let (alpha, beta) = (lag.alpha.to_vec1::<F>()?, divisible(&lag.beta.to_vec1::<F>()?));
        Ok(returns.clone().map(|day, _, x| {
            let beta = beta[day].value();
            alpha[day].value() / beta * (beta * x).tanh()
        }))
    }

    /// Cleaned eigenvalues 1/μ (n, with sum n) from those of a correlation (n, ascending) that was estimated from so many days.
    pub fn cleaned(&self, eigenvalues: &[f64], n_days: f64) -> Result<Vec<f64>> {
        let n = eigenvalues.len();
        let mut lambda: Vec<F> = eigenvalues.iter().map(|x| F::of(*x)).collect();
        let blocks = tie(&mut lambda, (n as f64 - (n_days - 1.0)).max(0.0).ceil() as usize);
        let lambda = Tensor::from_vec(lambda, (1, n), &Device::Cpu)?;
        let outputs = self.cleaner.forward::<F>(&tokens::<F>(&lambda, &self.architecture().features, n_days)?)?;
        let mut u = to_vec::<F>(&self.head.forward::<F>(outputs.last().expect("there is a recurrent layer"))?)?;
        average(&blocks, &mut u);
        let mu = to_vec::<F>(&inverse_eigenvalues::<F>(&Tensor::from_vec(u, (1, n), &Device::Cpu)?)?)?;
        Ok(mu.into_iter().map(|mu| 1.0 / mu.value()).collect())
    }

    /// Variances 1/d² (n) from returns (T × n, oldest day first), up to a factor.
    pub fn marginal_variances(&self, returns: &Matrix) -> Result<Vec<f64>> {
        let lag = self.daily_curves(&self.lag_curves(returns.nrows())?)?;
        let (alpha, beta) = (lag.alpha.to_vec1::<F>()?, lag.beta.to_vec1::<F>()?);
        // The days of an asset are one column, and one row of X.
        let x: Vec<F> = returns.entries().iter().map(|r| F::of(*r)).collect();
        let mut s = vec![F::of(0.0); returns.ncols()];
        standardise(&x, &alpha, &beta, &mut vec![F::of(0.0); x.len()], &mut s);
        let s = Tensor::from_vec(s, (1, returns.ncols()), &Device::Cpu)?;
        let (_, e) = self.volatility.forward::<F>(&s)?;
        let d = if self.architecture().normalise_volatility { inverse_volatilities::<F>(&e)? } else { e };
        Ok(to_vec::<F>(&d)?.into_iter().map(|d| d.value().powi(-2)).collect())
    }
}
