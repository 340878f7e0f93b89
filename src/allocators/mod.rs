//! From a covariance to portfolio weights. Each allocator has its own file and a line in [`ALL`].
//!
//! # What an allocator sees
//!
//! An allocator sees the covariance and a `Situation`: a starting point for a solver, the weights held (drifted to
//! the last known close), the newest market values, and sectors. Long-only weights have an active set of their own;
//! bounds on weights, gross exposure, turnover and sectors share one (`active_set`).

mod active_set;
pub mod cap_weighted;
pub mod equal;
pub mod gmv;
pub mod gmv_box;
pub mod gmv_gross;
pub mod gmv_long_only;
pub mod gmv_sector;
pub mod gmv_turnover;
pub mod hrp;
pub mod inverse_variance;
pub mod inverse_volatility;
pub mod max_diversification;
pub mod risk_budget;
mod weights;

pub use cap_weighted::CapWeighted;
pub use equal::EqualWeight;
pub use gmv::MinimumVariance;
pub use gmv_box::{BoxMinimumVariance, box_kkt_residual};
pub use gmv_long_only::{LongOnlyMinimumVariance, kkt_residual};
pub use hrp::HierarchicalRiskParity;
pub use inverse_variance::InverseVariance;
pub use inverse_volatility::InverseVolatility;
pub use risk_budget::{Budget, RiskBudget};
pub use weights::Weights;

use crate::error::{Error, Result};
use crate::linalg::Covariance;
use crate::registry::{self, Choice, defaults, none};

/// A rule that turns a covariance into weights.
///
/// ```
/// use minvar::prelude::*;
///
/// /// Everything in the asset with the smallest volatility.
/// struct Calmest;
///
/// impl Allocator for Calmest {
///     fn allocate(&self, covariance: &Covariance, _: &Situation<'_>) -> Result<Weights> {
///         let sd = covariance.volatilities();
///         let least = sd.iter().copied().fold(f64::INFINITY, f64::min);
///         Weights::normalised(sd.iter().map(|s| f64::from(u8::from(*s == least))).collect())
///     }
/// }
///
/// # fn main() -> Result<()> {
/// let sigma = Covariance::new(Matrix::from_rows(&[[0.04, 0.0], [0.0, 0.09]])?)?;
/// assert_eq!(Calmest.allocate(&sigma, &Situation::default())?.as_slice(), [1.0, 0.0]);
/// # Ok(())
/// # }
/// ```
pub trait Allocator: Send + Sync {
    /// Weights (N) for Σ (N × N). The result must not depend on `situation.start`. Fails if the portfolio is
    /// undefined, or if `situation` lacks what the allocator needs.
    fn allocate(&self, covariance: &Covariance, situation: &Situation<'_>) -> Result<Weights>;
}

/// Information besides the covariance from which a portfolio is built, all of it known before the decision.
#[derive(Clone, Copy, Debug, Default)]
pub struct Situation<'a> {
    /// Weights (N) from which a solver may start: those of the last rebalance, restricted to these assets; zero for
    /// new ones.
    pub start: Option<&'a [f64]>,
    /// Weights (N) held before the trade, drifted with the known returns. They sum to less than one if held assets
    /// have left the universe.
    pub held: Option<&'a [f64]>,
    /// Newest known market values (N), dollars; NaN where unknown.
    pub market_values: Option<&'a [f64]>,
    /// Sectors (N); empty where unknown.
    pub sectors: Option<&'a [&'a str]>,
}

impl Situation<'_> {
    /// The value, or an error that the data lack it.
    fn known<T>(&self, what: &'static str, name: &str, value: Option<T>) -> Result<T> {
        value.ok_or_else(|| Error::Undefined { what, why: format!("the data has no {name}") })
    }
}

/// An allocator as experiments name it.
pub struct RegisteredAllocator {
    /// The name in experiment files, tables and tests.
    pub name: &'static str,
    /// Authors and year, or the formula.
    pub reference: &'static str,
    /// The part of the covariance that it uses.
    pub needs: Needs,
    /// The parameters with their defaults.
    pub parameters: fn() -> toml::Table,
    /// Builds the allocator from its parameters.
    pub build: fn(&Choice) -> Result<Box<dyn Allocator>>,
}

/// The part of a covariance that an allocator uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Only the number of assets.
    Nothing,
    /// Its entries.
    Entries,
    /// Its inverse, on all assets or on those held.
    Inverse,
}

/// Every allocator. To add one: write its file, add its `mod` line above and its line here.
#[rustfmt::skip]
pub const ALL: &[RegisteredAllocator] = &[
    RegisteredAllocator { name: "equal", reference: "w = 1/N", needs: Needs::Nothing, parameters: none, build: equal::build },
    RegisteredAllocator { name: "cap_weighted", reference: "w ~ market value", needs: Needs::Nothing, parameters: none, build: cap_weighted::build },
    RegisteredAllocator { name: "inverse_volatility", reference: "w ~ 1/sd", needs: Needs::Entries, parameters: none, build: inverse_volatility::build },
    RegisteredAllocator { name: "inverse_variance", reference: "w ~ 1/variance", needs: Needs::Entries, parameters: none, build: inverse_variance::build },
    RegisteredAllocator { name: "gmv", reference: "Markowitz 1952", needs: Needs::Inverse, parameters: none, build: gmv::build },
    RegisteredAllocator { name: "gmv_long_only", reference: "Markowitz 1952; active set of Lawson and Hanson 1974", needs: Needs::Inverse, parameters: none, build: gmv_long_only::build },
    RegisteredAllocator { name: "gmv_box", reference: "bounds on every weight; active set", needs: Needs::Inverse, parameters: defaults::<gmv_box::Parameters>, build: gmv_box::build },
    RegisteredAllocator { name: "gmv_gross", reference: "Fan, Zhang, Yu 2012", needs: Needs::Inverse, parameters: defaults::<gmv_gross::GrossMinimumVariance>, build: gmv_gross::build },
    RegisteredAllocator { name: "gmv_turnover", reference: "Lobo, Fazel, Boyd 2007", needs: Needs::Inverse, parameters: defaults::<gmv_turnover::TurnoverMinimumVariance>, build: gmv_turnover::build },
    RegisteredAllocator { name: "gmv_sector", reference: "cap on every sector", needs: Needs::Inverse, parameters: defaults::<gmv_sector::SectorMinimumVariance>, build: gmv_sector::build },
    RegisteredAllocator { name: "erc", reference: "Maillard, Roncalli, Teïletche 2010", needs: Needs::Entries, parameters: none, build: risk_budget::build_erc },
    RegisteredAllocator { name: "risk_budget", reference: "Bruder and Roncalli 2012", needs: Needs::Entries, parameters: defaults::<RiskBudget>, build: risk_budget::build },
    RegisteredAllocator { name: "max_diversification", reference: "Choueifaty and Coignard 2008", needs: Needs::Inverse, parameters: none, build: max_diversification::build },
    RegisteredAllocator { name: "max_decorrelation", reference: "Christoffersen et al. 2012", needs: Needs::Inverse, parameters: none, build: max_diversification::build_decorrelation },
    RegisteredAllocator { name: "hrp", reference: "López de Prado 2016", needs: Needs::Entries, parameters: defaults::<HierarchicalRiskParity>, build: hrp::build },
    RegisteredAllocator { name: "herc", reference: "Raffinot 2018", needs: Needs::Entries, parameters: defaults::<hrp::EqualRiskContribution>, build: hrp::build_herc },
];

/// The registered allocator of that name; an unknown name is an error that suggests a similar one.
pub fn named(name: &str) -> Result<&'static RegisteredAllocator> {
    registry::find("allocator", ALL, |entry| entry.name, name)
}

/// Builds an allocator from its name and parameters, as written on a command line. Fails for unknown names and
/// parameters and for values out of range.
///
/// ```
/// use minvar::prelude::*;
/// # fn main() -> Result<()> {
/// let sigma = Covariance::new(Matrix::from_rows(&[[0.04, 0.01], [0.01, 0.09]])?)?;
/// let weights = minvar::allocators::build("gmv_box,lower=0.0,upper=0.7")?.allocate(&sigma, &Situation::default())?;
/// assert!((weights.as_slice()[0] - 0.7).abs() < 1e-12);
/// # Ok(())
/// # }
/// ```
pub fn build(words: &str) -> Result<Box<dyn Allocator>> {
    let choice = Choice::from_words(words)?;
    (named(&choice.name)?.build)(&choice)
}
