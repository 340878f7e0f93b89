//! Combinations: the mean of several covariances, or of the portfolios that follow from them.
//!
//! ```text
//! of = "covariances"   Σ = Σ_k a_k (tr S / tr Σ_k) Σ_k     S: the sample covariance, so that all have the same level
//! of = "weights"       w = Σ_k a_k w_k                     w_k: the portfolio from Σ_k, by whatever allocator
//! ```
//! The shares a sum to one: equal, given, or, of two, chosen on the past among 0, 1/7, …, 1 for the first. Timmermann (2006), "Forecast
//! combinations", Handbook of Economic Forecasting 1.
//!
//! ```toml
//! { combine = ["qis", { name = "poet", factors = 3 }], of = "weights", shares = [0.3, 0.7] }
//! ```

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::estimators::{Centring, CovarianceEstimator, Window};
use crate::linalg::{Covariance, Matrix};
use crate::registry::{COMBINE, Choice, check};

/// What is averaged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Of {
    /// The covariances.
    #[default]
    Covariances,
    /// The weights of the portfolios.
    Weights,
}

/// The share of each member.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Shares {
    /// Numbers with sum one.
    Given(Vec<f64>),
    /// By a rule.
    Rule(SharesRule),
}

/// Rule for the shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SharesRule {
    /// The same for all.
    Equal,
    /// Chosen on the past; of two members only.
    Fitted,
}

/// A combination as an experiment writes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    combine: Vec<Choice>,
    #[serde(default)]
    of: Of,
    #[serde(default = "equal")]
    shares: Shares,
}

fn equal() -> Shares {
    Shares::Rule(SharesRule::Equal)
}

/// Number of steps from 0 to 1 of fitted shares.
const STEPS: usize = 7;

/// A combination of choices.
#[derive(Clone, Debug)]
pub struct Combination {
    /// Its members.
    pub members: Vec<Choice>,
    /// What is averaged.
    pub of: Of,
    /// The shares, one list, or several to choose from.
    pub shares: Vec<Vec<f64>>,
}

impl Combination {
    /// The combination of a choice; `None` if it is an ordinary one. Refuses fewer than two members, a combination inside
    /// another, and shares that do not fit.
    pub fn of(choice: &Choice) -> Result<Option<Self>> {
        if choice.name != COMBINE {
            return Ok(None);
        }
        let refused =
            |message: &str| Error::Config { file: format!("'{}'", choice.label), message: message.to_string() };
        let Written { combine, of, shares } = choice.parameters()?;
        let n = combine.len();
        check(n >= 2, "the number of estimators in combine", "at least 2", n)?;
        if combine.iter().any(|member| member.name == COMBINE) {
            return Err(refused("a combination cannot be a member of another; list all members in one"));
        }
        let shares = match shares {
            Shares::Rule(SharesRule::Equal) => vec![vec![1.0 / n as f64; n]],
            Shares::Rule(SharesRule::Fitted) if n == 2 => {
                let share = |k: usize| k as f64 / STEPS as f64;
                (0..=STEPS).map(|k| vec![share(k), share(STEPS - k)]).collect()
            }
            Shares::Rule(SharesRule::Fitted) => return Err(refused("shares are fitted for two members only")),
            Shares::Given(shares) => {
                let sum: f64 = shares.iter().sum();
                let is_share = |share: &f64| share.is_finite() && *share >= 0.0;
                if shares.len() != n || !shares.iter().all(is_share) || (sum - 1.0).abs() > 1e-9 {
                    return Err(refused("shares are one number for each member, none below zero, with sum one"));
                }
                vec![shares]
            }
        };
        Ok(Some(Self { members: combine, of, shares }))
    }

    /// The members of a choice: those of a combination, or the choice itself.
    pub fn members_of(choice: &Choice) -> Result<Vec<Choice>> {
        Ok(Self::of(choice)?.map_or_else(|| vec![choice.clone()], |combination| combination.members))
    }
}

/// The mean of several covariances by shares.
///
/// ```
/// use minvar::prelude::*;
/// use minvar::estimators::{self, combination::MeanCovariance};
/// # fn main() -> Result<()> {
/// let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?;
/// let both = vec![(0.3, estimators::build("qis")?), (0.7, estimators::build("lw_identity")?)];
/// assert_eq!(MeanCovariance(both).estimate(&window)?.n_assets(), 20);
/// # Ok(())
/// # }
/// ```
pub struct MeanCovariance(pub Vec<(f64, Box<dyn CovarianceEstimator>)>);

impl CovarianceEstimator for MeanCovariance {
    fn estimate(&self, window: &Window) -> Result<Covariance> {
        let each = self.0.iter().map(|(share, member)| Ok((*share, member.estimate(window)?)));
        mean(&each.collect::<Result<Vec<_>>>()?, window)
    }
}

/// The mean of covariances of a window by shares, each at the level of the sample.
pub fn mean(all: &[(f64, Covariance)], window: &Window) -> Result<Covariance> {
    let n = window.n_assets();
    let level = window.covariance(Centring::Mean).trace();
    let mut sum = Matrix::zeros(n, n);
    for (share, covariance) in all {
        let factor = share * level / covariance.matrix().trace();
        sum = sum.map(|i, j, x| x + factor * covariance.matrix()[(i, j)]);
    }
    let mut sum = Covariance::new(sum)?;
    for repair in all.iter().flat_map(|(_, covariance)| covariance.repairs()) {
        sum = sum.repaired(&repair.what, repair.count);
    }
    Ok(sum)
}
