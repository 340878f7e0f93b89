//! Memories: how much the days of a window weigh by their age. A file for each, and a line in [`ALL`].

pub mod exponential;
mod flat;
pub mod hyperbolic;

pub use exponential::Exponential;
pub use flat::Flat;
pub use hyperbolic::Hyperbolic;

use crate::error::Result;
use crate::registry::{Part, defaults, none};

/// The weights of the days of a window by their age.
///
/// ```
/// use minvar::estimators::{Count, Window, memory::Memory};
/// use minvar::prelude::*;
///
/// /// The newest thirty days alone.
/// struct Month;
///
/// impl Memory for Month {
///     fn weight(&self, age: f64) -> f64 {
///         f64::from(age < 30.0)
///     }
/// }
///
/// # fn main() -> Result<()> {
/// let weights: Vec<f64> = (0..60).rev().map(|age| Month.weight(f64::from(age))).collect();
/// let window = Window::weighted(SyntheticMarket::complete(20, 60).returns()?, &weights, Count::Effective)?;
/// assert!((window.count() - 30.0).abs() < 1e-9);
/// # Ok(())
/// # }
/// ```
pub trait Memory: Send + Sync {
    /// Weight of a day of age a = 0 (the newest), 1, …, up to a factor.
    fn weight(&self, age: f64) -> f64;
}

/// A memory as experiments name it.
pub struct RegisteredMemory {
    /// The name in experiment files.
    pub name: &'static str,
    /// Authors and year, or what it is.
    pub reference: &'static str,
    /// The parameters with their defaults.
    pub parameters: fn() -> toml::Table,
    /// Builds the memory from its parameters.
    pub build: fn(&Part) -> Result<Box<dyn Memory>>,
}

/// Every memory. To add one: write its file and its `mod` line, and add its line here.
#[rustfmt::skip]
pub const ALL: &[RegisteredMemory] = &[
    RegisteredMemory { name: "flat", reference: "all days weigh the same", parameters: none, build: flat::build },
    RegisteredMemory { name: "exponential", reference: "weights halve every half-life", parameters: defaults::<Exponential>, build: exponential::build },
    RegisteredMemory { name: "hyperbolic", reference: "weights fall as a power of age", parameters: defaults::<Hyperbolic>, build: hyperbolic::build },
];
