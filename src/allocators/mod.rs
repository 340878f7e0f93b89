//! From a covariance to portfolio weights; one file per allocator, one line per allocator in [`ALL`].

mod cap_weighted;
mod equal;
mod gmv;
mod gmv_box;
mod gmv_gross;
mod gmv_long_only;
mod gmv_sector;
mod gmv_turnover;
mod hrp;
mod inverse_variance;
mod inverse_volatility;
mod max_diversification;
mod quadratic;
mod risk_budget;
mod weights;

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
pub trait Allocator: Send + Sync {
    /// Weights (N) for Σ (N × N). The result must not depend on `situation.start`.
    fn allocate(&self, covariance: &Covariance, situation: &Situation<'_>) -> Result<Weights>;
}

/// What is known besides the covariance when a portfolio is built; all of it was known before the decision.
#[derive(Clone, Copy, Debug, Default)]
pub struct Situation<'a> {
    /// Weights (N) that a solver may start from: those of the last rebalance on these same assets, zero for newcomers.
    pub start: Option<&'a [f64]>,
    /// Weights (N) held before the trade, drifted with the returns known; they lack to one what left the universe.
    pub held: Option<&'a [f64]>,
    /// Newest known market values (N), dollars; NaN where there is none.
    pub market_values: Option<&'a [f64]>,
    /// Sectors (N); empty where unknown.
    pub sectors: Option<&'a [&'a str]>,
}

impl Situation<'_> {
    /// What an allocator cannot do without.
    fn known<T>(&self, what: &'static str, name: &str, value: Option<T>) -> Result<T> {
        value.ok_or_else(|| Error::Undefined { what, why: format!("the data has no {name}") })
    }
}

/// An allocator as experiments name it.
pub struct Entry {
    /// The name in experiment files, tables and tests.
    pub name: &'static str,
    /// Authors and year, or the formula.
    pub reference: &'static str,
    /// What it takes from the covariance.
    pub needs: Needs,
    /// The parameters with their defaults.
    pub parameters: fn() -> toml::Table,
    /// Builds the allocator from its parameters.
    pub build: fn(&Choice) -> Result<Box<dyn Allocator>>,
}

/// What an allocator takes from a covariance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Its size only.
    Nothing,
    /// Entries.
    Entries,
    /// An inverse, on all assets or on those held.
    Inverse,
}

/// Every allocator. To add one: its file, its `mod` line above, its line here.
#[rustfmt::skip]
pub const ALL: &[Entry] = &[
    Entry { name: "equal", reference: "w = 1/N", needs: Needs::Nothing, parameters: none, build: equal::build },
    Entry { name: "cap_weighted", reference: "w ~ market value", needs: Needs::Nothing, parameters: none, build: cap_weighted::build },
    Entry { name: "inverse_volatility", reference: "w ~ 1/sd", needs: Needs::Entries, parameters: none, build: inverse_volatility::build },
    Entry { name: "inverse_variance", reference: "w ~ 1/variance", needs: Needs::Entries, parameters: none, build: inverse_variance::build },
    Entry { name: "gmv", reference: "Markowitz 1952", needs: Needs::Inverse, parameters: none, build: gmv::build },
    Entry { name: "gmv_long_only", reference: "Markowitz 1952; active set of Lawson and Hanson 1974", needs: Needs::Inverse, parameters: none, build: gmv_long_only::build },
    Entry { name: "gmv_box", reference: "bounds on every weight; active set", needs: Needs::Inverse, parameters: defaults::<BoxMinimumVariance>, build: gmv_box::build },
    Entry { name: "gmv_gross", reference: "Fan, Zhang, Yu 2012", needs: Needs::Inverse, parameters: defaults::<gmv_gross::GrossMinimumVariance>, build: gmv_gross::build },
    Entry { name: "gmv_turnover", reference: "Lobo, Fazel, Boyd 2007", needs: Needs::Inverse, parameters: defaults::<gmv_turnover::TurnoverMinimumVariance>, build: gmv_turnover::build },
    Entry { name: "gmv_sector", reference: "cap on every sector", needs: Needs::Inverse, parameters: defaults::<gmv_sector::SectorMinimumVariance>, build: gmv_sector::build },
    Entry { name: "erc", reference: "Maillard, Roncalli, Teïletche 2010", needs: Needs::Entries, parameters: none, build: risk_budget::build_erc },
    Entry { name: "risk_budget", reference: "Bruder and Roncalli 2012", needs: Needs::Entries, parameters: defaults::<RiskBudget>, build: risk_budget::build },
    Entry { name: "max_diversification", reference: "Choueifaty and Coignard 2008", needs: Needs::Inverse, parameters: none, build: max_diversification::build },
    Entry { name: "max_decorrelation", reference: "Christoffersen et al. 2012", needs: Needs::Inverse, parameters: none, build: max_diversification::build_decorrelation },
    Entry { name: "hrp", reference: "López de Prado 2016", needs: Needs::Entries, parameters: defaults::<HierarchicalRiskParity>, build: hrp::build },
    Entry { name: "herc", reference: "Raffinot 2018", needs: Needs::Entries, parameters: defaults::<hrp::EqualRiskContribution>, build: hrp::build_herc },
];

/// The registered allocator of that name.
pub fn named(name: &str) -> Result<&'static Entry> {
    registry::find("allocator", ALL, |entry| entry.name, name)
}
