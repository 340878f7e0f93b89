//! Tests whether two forecasts have the same expected loss.
//!
//! ```text
//! d_t = L(first)_t − L(second)_t,   t = d̄ / √(Ψ / T),   p = 2 P(t_{T−1} < −|t|)
//! ```
//! Ψ is the long-run variance of d with the quadratic spectral kernel. Diebold, Mariano (1995), "Comparing predictive accuracy";
//! quantiles of Student's t by Harvey, Leybourne, Newbold (1997), whose factor for forecasts of one step, √((T − 1)/T), is in the
//! divisor T − 1 of Ψ. Losses must be those of periods that do not overlap.
//!
//! Deviation: Diebold and Mariano sum the autocovariances up to the forecast's horizon only. Losses here are clustered, as
//! volatility is.

use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::error::{Error, Result};
use crate::metrics::mean;
use crate::significance::{Kernel, long_run_covariance};

/// A difference of mean losses and its significance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossDifference {
    /// Mean loss of the first less that of the second; negative if the first is better.
    pub estimate: f64,
    /// The statistic t.
    pub statistic: f64,
    /// Two-sided p-value of equal expected losses.
    pub p_value: f64,
}

const WHAT: &str = "a test of two forecasts";
/// Fewest losses that are compared.
const LEAST: usize = 20;

/// Compares two series of losses on the same dates. Fails for fewer than 20, and for series that are equal or not finite.
pub fn loss_difference(first: &[f64], second: &[f64]) -> Result<LossDifference> {
    let refuse = |why: String| Err(Error::Undefined { what: WHAT, why });
    let n = first.len();
    if n != second.len() || n < LEAST {
        return refuse(format!("it needs at least {LEAST} losses of each, but has {n} and {}", second.len()));
    }
    let differences: Vec<f64> = first.iter().zip(second).map(|(a, b)| a - b).collect();
    if differences.iter().any(|d| !d.is_finite()) {
        return refuse("a loss is not finite".to_string());
    }
    let estimate = mean(&differences);
    let centred = differences.iter().map(|d| d - estimate).collect();
    let variance = long_run_covariance(&[centred], Kernel::QuadraticSpectral, None)[(0, 0)];
    if variance.is_nan() || variance <= 0.0 {
        return refuse("the difference does not vary: are the two the same?".to_string());
    }
    let statistic = estimate / (variance / n as f64).sqrt();
    let student = StudentsT::new(0.0, 1.0, (n - 1) as f64).expect("there are two losses or more");
    Ok(LossDifference { estimate, statistic, p_value: 2.0 * student.cdf(-statistic.abs()) })
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::random;

    fn losses(seed: u64, n: usize) -> Vec<f64> {
        let mut generator = random::generator(seed, 1);
        (0..n).map(|_| generator.random::<f64>()).collect()
    }

    #[test]
    fn equal_forecasts_are_told_apart_as_often_as_the_level_says_and_a_worse_one_is_found() {
        let n = 1000;
        let p = |shift: f64, seed: u64| {
            let first: Vec<f64> = losses(2 * seed, 200).iter().map(|x| x + shift).collect();
            loss_difference(&first, &losses(2 * seed + 1, 200)).unwrap()
        };
        let rejected = (0..n).filter(|seed| p(0.0, *seed).p_value < 0.05).count() as f64 / n as f64;
        assert!((0.03..0.08).contains(&rejected), "{rejected}");
        assert!((0..50).all(|seed| p(0.2, seed).p_value < 0.01 && p(0.2, seed).statistic > 0.0));
    }

    #[test]
    fn what_cannot_be_compared_is_refused() {
        let x = losses(1, 30);
        assert!(loss_difference(&x, &x).is_err());
        assert!(loss_difference(&x[..10], &x[10..20]).is_err());
        assert!(loss_difference(&x, &x[1..]).is_err());
        let mut y = losses(2, 30);
        y[3] = f64::NAN;
        assert!(loss_difference(&x, &y).is_err());
    }
}
