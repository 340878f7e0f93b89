//! A blend of iterated exponentially weighted covariances, with shares that follow how well each did on the last days.
//!
//! ```text
//! predictor (h, H)   v_t = EWMA_h of x², steps clipped at c² v;   u_t = x_t / √v_t, held in ±c
//!                    C_t = EWMA_H of u u',   Σ_t = D_t ρ(C_t) D_t,   D_t = diag √v_t,   ρ: scaled to a unit diagonal
//! blend              Σ_t⁻¹ = L_t L_t',   L_t = Σ_k π_k L_t^k,   L^k the lower Cholesky factor of (Σ^k)⁻¹
//! shares             π maximises Σ_{s = T−N+1}^T ( Σ_i ln (L_{s−1})_ii − ½ |L_{s−1}' x_s|² )   on the simplex
//! ```
//! The likelihood of the last N days is concave in π. Weighted means are divided by the sum of their weights; the first 20 days
//! of v and of C are not used. With `rank` each ρ is replaced by its r largest eigenvalues plus a diagonal: a half-life of 21 days
//! leaves hundreds of assets without an inverse. Cholesky factors depend on the order of the assets, and so does their blend.
//! Johansson, Ogut, Pelger, Schmelzer, Boyd (2023), "A simple method for predicting covariance matrices of financial returns",
//! sections 3 to 5; numbers as in `cvxcovariance`.
//!
//! ```
//! use minvar::prelude::*;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 250).returns()?)?; // 250 days of 20 assets
//! let sigma = minvar::estimators::build("cm_iewma,days=10")?.estimate(&window)?;
//! assert_eq!(sigma.n_assets(), 20);
//! # Ok(())
//! # }
//! ```

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::estimators::{Calibration, CovarianceEstimator, Window};
use crate::linalg::{Cholesky, Covariance, Matrix, Spectrum};
use crate::registry::{Choice, NumberOr, check};

/// First days of a weighted mean that are not used.
const WARM: usize = 20;
/// The last strength of the barrier that keeps shares positive, and what it falls by at a time.
const BARRIER: (f64, f64) = (1e-11, 0.1);

/// Rule for the rank of a correlation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rank {
    /// The correlation as it is.
    Full,
}

/// The blended iterated exponentially weighted covariance.
#[derive(Clone, Debug)]
pub struct CmIewma {
    /// Half-lives of volatilities and of correlations, days.
    pairs: Vec<(f64, f64)>,
    /// N, the days on which the shares are fitted.
    days: usize,
    clip: f64,
    rank: Option<usize>,
}

impl CmIewma {
    /// Takes pairs of half-lives such as `10/21 21/63`, the number of days on which shares are fitted, the bound of standardised
    /// returns, and the number of eigenvalues to keep. Refuses half-lives below one day, and no day.
    pub fn new(half_lives: &str, days: usize, clip: f64, rank: Option<usize>) -> Result<Self> {
        const NAME: &str = "cm_iewma.half_lives";
        let pair = |text: &str| -> Option<(f64, f64)> {
            let (vol, cor) = text.split_once('/')?;
            Some((vol.parse().ok()?, cor.parse().ok()?))
        };
        let pairs: Option<Vec<_>> = half_lives.split_whitespace().map(pair).collect();
        let pairs = pairs.filter(|pairs| !pairs.is_empty() && pairs.iter().all(|(a, b)| *a >= 1.0 && *b >= 1.0));
        let range = "pairs of days, at least 1, such as \"10/21 21/63\"";
        let pairs = pairs.ok_or_else(|| Error::Parameter { name: NAME, range, value: half_lives.to_string() })?;
        check(days >= 1, "cm_iewma.days", "at least 1", days)?;
        check(clip > 0.0, "cm_iewma.clip", "above 0", clip)?;
        check(rank != Some(0), "cm_iewma.rank", "\"full\" or at least 1", 0)?;
        Ok(Self { pairs, days, clip, rank })
    }

    /// The blend and the share of each predictor.
    pub fn blend(&self, window: &Window) -> Result<(Matrix, Vec<f64>)> {
        let x = window.returns();
        let (n_days, n) = (x.nrows(), x.ncols());
        if self.rank.is_none() && n >= n_days {
            return undefined(format!(
                "it needs more days than assets, but has {n_days} days of {n}; or set rank = 10"
            ));
        }
        let least = 2 * WARM + self.days;
        if n_days < least {
            return undefined(format!("it needs at least {least} days, but has {n_days}"));
        }
        let first = n_days - 1 - self.days;
        let predictors = self.pairs.iter().map(|pair| self.factors(x, *pair, first)).collect::<Result<Vec<_>>>()?;
        let k = predictors.len();
        // Factors are those of Σ with its assets in reverse order, G G': then G⁻¹ is L' in reverse order.
        let mut diagonals = Matrix::zeros(self.days * n, k);
        let mut products = Matrix::zeros(k, k);
        for step in 0..self.days {
            let reversed: Vec<f64> = (0..n).map(|i| x[(first + 1 + step, n - 1 - i)]).collect();
            let moved: Vec<Vec<f64>> = predictors.iter().map(|factors| factors[step].whiten(&reversed)).collect();
            for (a, factors) in predictors.iter().enumerate() {
                let diagonal = factors[step].diagonal();
                (0..n).for_each(|i| diagonals[(step * n + i, a)] = 1.0 / diagonal[i]);
                (0..k).for_each(|b| {
                    products[(a, b)] += moved[a].iter().zip(&moved[b]).map(|(x, y)| x * y).sum::<f64>();
                });
            }
        }
        let shares = shares(&diagonals, &products)?;
        let mut inverse = Matrix::zeros(n, n);
        for (share, factors) in shares.iter().zip(&predictors) {
            let part = factors[self.days].inverse_factor();
            inverse = inverse.map(|i, j, sum| sum + share * part[(i, j)]);
        }
        let sigma = Cholesky::new(&inverse.gram())?.inverse();
        Ok((Matrix::from_fn(n, n, |i, j| sigma[(n - 1 - i, n - 1 - j)]), shares))
    }

    /// The factors of a predictor's forecasts, assets in reverse order, made on day `first` and on every later one.
    fn factors(&self, x: &Matrix, (vol, cor): (f64, f64), first: usize) -> Result<Vec<Cholesky>> {
        let (n_days, n) = (x.nrows(), x.ncols());
        let (beta, decay) = ((-1.0 / vol).exp2(), (-1.0 / cor).exp2());
        let mut sd = x.clone();
        for asset in 0..n {
            let mut mean = 0.0;
            for (t, value) in sd.column_mut(asset).iter_mut().enumerate() {
                let square = *value * *value;
                let step = if t > WARM { square.min(self.clip * self.clip * mean) } else { square };
                mean += (1.0 - beta) * (step - mean) / (1.0 - beta.powi(t as i32 + 1));
                *value = mean.sqrt();
            }
        }
        // Standardised returns in reverse order of the assets, from the day on which volatilities are used.
        let start = WARM - 1;
        let u = Matrix::from_fn(n_days - start, n, |t, i| {
            let (day, asset) = (start + t, n - 1 - i);
            (x[(day, asset)] / sd[(day, asset)]).clamp(-self.clip, self.clip)
        });
        let weights: Vec<f64> = (0..=first - start).rev().map(|age| decay.powi(age as i32)).collect();
        let known = Matrix::from_fn(first + 1 - start, n, |t, i| u[(t, i)]);
        let mut sums = known.weighted_gram(&weights);
        let mut factors = Vec::with_capacity(n_days - first);
        for day in first..n_days {
            if day > first {
                let new = |i: usize| u[(day - start, i)];
                sums = sums.map(|i, j, sum| decay * sum + new(i) * new(j));
            }
            let norms: Vec<f64> = sums.diagonal().iter().map(|d| d.sqrt()).collect();
            let correlation = Matrix::from_fn(n, n, |i, j| match i == j {
                true => 1.0,
                false => sums[(i, j)] / (norms[i] * norms[j]),
            });
            let correlation =
                self.rank.filter(|r| *r < n).map_or(Ok(correlation.clone()), |r| low_rank(&correlation, r))?;
            let scale = |i: usize| sd[(day, n - 1 - i)];
            let sigma = correlation.map(|i, j, c| c * (scale(i) * scale(j)));
            factors.push(Cholesky::new(&sigma).or_else(|_| {
                let why = format!(
                    "the predictor with half-lives of {vol} and {cor} days is singular for {n} assets: an asset repeats \
                     others, or set rank = 10"
                );
                undefined(why)
            })?);
        }
        Ok(factors)
    }
}

fn undefined<T>(why: String) -> Result<T> {
    Err(Error::Undefined { what: "cm_iewma", why })
}

/// The r largest eigenvalues of a correlation with their eigenvectors, plus what restores the unit diagonal.
fn low_rank(correlation: &Matrix, r: usize) -> Result<Matrix> {
    let spectrum = Spectrum::new(correlation)?;
    let n = correlation.nrows();
    let largest = Matrix::from_fn(r, n, |k, i| {
        let place = n - 1 - k;
        spectrum.eigenvectors[(i, place)] * spectrum.eigenvalues[place].max(0.0).sqrt()
    });
    let common = largest.gram();
    // Where the factors explain all of an asset, a little of its own is left.
    Ok(common.map(|i, j, c| if i == j { 1.0f64.max(c + 1e-8) } else { c }))
}

/// The shares π on the simplex that maximise Σ ln(a'π) − ½ π'Pπ over the rows a of A (m × k), P (k × k), by Newton's method with a
/// barrier.
fn shares(a: &Matrix, p: &Matrix) -> Result<Vec<f64>> {
    let (m, k) = (a.nrows(), a.ncols());
    let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
    let loss = |pi: &[f64], mu: f64| -> f64 {
        let logs: f64 = a.times(pi).iter().map(|x| x.ln()).sum();
        0.5 * dot(pi, &p.times(pi)) - logs - mu * pi.iter().map(|x| x.ln()).sum::<f64>()
    };
    let mut pi = vec![1.0 / k as f64; k];
    let mut mu = m as f64;
    while mu > BARRIER.0 * m as f64 {
        mu *= BARRIER.1;
        for _ in 0..50 {
            let forms = a.times(&pi);
            let quadratic = p.times(&pi);
            let gradient: Vec<f64> = (0..k)
                .map(|j| {
                    let logs: f64 = a.column(j).iter().zip(&forms).map(|(a, f)| a / f).sum();
                    quadratic[j] - logs - mu / pi[j]
                })
                .collect();
            let scaled = Matrix::from_fn(m, k, |t, j| a[(t, j)] / forms[t]);
            let curvature = scaled.gram();
            let hessian = Matrix::from_fn(k, k, |i, j| {
                p[(i, j)] + curvature[(i, j)] + if i == j { mu / (pi[i] * pi[i]) } else { 0.0 }
            });
            let factor = Cholesky::new(&hessian)?;
            let (down, ones) = (factor.solve(&gradient), factor.solve(&vec![1.0; k]));
            let nu = down.iter().sum::<f64>() / ones.iter().sum::<f64>();
            let step: Vec<f64> = down.iter().zip(&ones).map(|(d, o)| nu * o - d).collect();
            let decrease = -dot(&gradient, &step);
            if decrease <= 1e-14 * m as f64 {
                break;
            }
            let before = loss(&pi, mu);
            let mut length = 1.0;
            let next = |length: f64| pi.iter().zip(&step).map(|(x, s)| x + length * s).collect::<Vec<f64>>();
            while length > 1e-12 && {
                let pi = next(length);
                pi.iter().any(|x| *x <= 0.0) || loss(&pi, mu) > before - 1e-4 * length * decrease
            } {
                length *= 0.5;
            }
            if length <= 1e-12 {
                break;
            }
            pi = next(length);
        }
    }
    Ok(pi)
}

impl CovarianceEstimator for CmIewma {
    fn estimate(&self, window: &Window) -> Result<Covariance> {
        Covariance::new(self.blend(window)?.0)
    }
}

/// Parameters of `cm_iewma`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::estimators) struct Parameters {
    half_lives: String,
    days: usize,
    clip: f64,
    rank: NumberOr<Rank>,
}

impl Default for Parameters {
    fn default() -> Self {
        let half_lives = "10/21 21/63 63/125 125/250 250/500".to_string(); // the paper's for stocks
        Self { half_lives, days: 10, clip: 4.2, rank: NumberOr::Rule(Rank::Full) }
    }
}

pub(in crate::estimators) fn fit(choice: &Choice, _: &Calibration<'_>) -> Result<Box<dyn CovarianceEstimator>> {
    let Parameters { half_lives, days, clip, rank } = choice.parameters()?;
    let rank = match rank {
        NumberOr::Number(r) => {
            check(r >= 1.0 && r.fract() == 0.0, "cm_iewma.rank", "\"full\" or a whole number from 1 on", r)?;
            Some(r as usize)
        }
        NumberOr::Rule(Rank::Full) => None,
    };
    Ok(Box::new(CmIewma::new(&half_lives, days, clip, rank)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_maximise_the_likelihood_also_on_an_edge_of_the_simplex() {
        let a = Matrix::from_fn(40, 3, |t, j| 1.0 + ((t * 7 + j * 13) % 11) as f64 / 5.0);
        for tilt in [0.0, 30.0, 400.0] {
            let p = Matrix::from_fn(3, 3, |i, j| if i == j { 20.0 + tilt * i as f64 } else { 4.0 });
            let pi = shares(&a, &p).unwrap();
            assert!((pi.iter().sum::<f64>() - 1.0).abs() < 1e-12 && pi.iter().all(|x| *x > 0.0));
            let value = |pi: &[f64]| {
                let form: f64 = pi.iter().zip(p.times(pi)).map(|(x, y)| x * y).sum();
                a.times(pi).iter().map(|x| x.ln()).sum::<f64>() - 0.5 * form
            };
            let best = value(&pi);
            for i in 0..=20 {
                for j in 0..=20 - i {
                    let other = [i as f64 / 20.0, j as f64 / 20.0, (20 - i - j) as f64 / 20.0];
                    assert!(value(&other) <= best + 1e-8, "{other:?} is better than {pi:?}");
                }
            }
        }
    }

    #[test]
    fn a_low_rank_correlation_keeps_its_diagonal_and_large_eigenvalues() {
        let r = Matrix::from_fn(6, 6, |i, j| if i == j { 1.0 } else { 0.5 });
        let low = low_rank(&r, 1).unwrap();
        assert!(low.diagonal().iter().all(|d| (d - 1.0).abs() < 1e-12));
        assert!((low[(0, 1)] - 3.5 / 6.0).abs() < 1e-12, "{}", low[(0, 1)]);
    }
}
