//! From a covariance to portfolio weights; one file per allocator, one line per allocator in [`ALL`].

mod equal;
mod gmv;
mod gmv_long_only;
mod inverse_volatility;
mod weights;

pub use equal::EqualWeight;
pub use gmv::MinimumVariance;
pub use gmv_long_only::{LongOnlyMinimumVariance, kkt_residual};
pub use inverse_volatility::InverseVolatility;
pub use weights::Weights;

use crate::error::Result;
use crate::linalg::Covariance;
use crate::registry::{self, Choice};

/// A rule that turns a covariance into weights.
pub trait Allocator: Send + Sync {
    /// Weights (N) for Σ (N × N). `previous` holds the weights of the last rebalance on these same assets, zero for
    /// newcomers: a solver may start from them, and the result must not depend on where it started.
    fn allocate(&self, covariance: &Covariance, previous: Option<&[f64]>) -> Result<Weights>;
}

/// An allocator as experiments name it.
pub struct Entry {
    /// The name in experiment files, tables and tests.
    pub name: &'static str,
    /// Authors and year, or the formula.
    pub reference: &'static str,
    /// What it takes from the covariance.
    pub needs: Needs,
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
    Entry { name: "equal", reference: "w = 1/N", needs: Needs::Nothing, build: equal::build },
    Entry { name: "inverse_volatility", reference: "w ~ 1/sd", needs: Needs::Entries, build: inverse_volatility::build },
    Entry { name: "gmv", reference: "Markowitz 1952", needs: Needs::Inverse, build: gmv::build },
    Entry { name: "gmv_long_only", reference: "Markowitz 1952; active set of Lawson and Hanson 1974", needs: Needs::Inverse, build: gmv_long_only::build },
];

/// The registered allocator of that name.
pub fn named(name: &str) -> Result<&'static Entry> {
    registry::find("allocator", ALL, |entry| entry.name, name)
}
