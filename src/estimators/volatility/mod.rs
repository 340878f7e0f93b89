//! Volatilities: forecasts of the variance of each asset, beside its correlations. A file for each, and a line in [`ALL`].

pub mod ewma;
mod garch;
pub mod har;
pub mod range;
mod rm2006;
mod window;

pub use ewma::EwmaVolatility;
pub use garch::GarchVolatility;
pub use har::Har;
pub use range::RangeVolatility;
pub use rm2006::RiskMetricsVolatility;
pub use window::WindowVolatility;

use crate::error::Result;
use crate::estimators::Window;
use crate::linalg::Repair;
use crate::registry::{Part, defaults, none};

/// A forecast of the variance of a day.
///
/// ```
/// use minvar::estimators::volatility::Volatility;
/// use minvar::linalg::Repair;
/// use minvar::prelude::*;
///
/// /// The square of the newest return, or of one basis point.
/// struct Newest;
///
/// impl Volatility for Newest {
///     fn variances(&self, window: &Window) -> Result<(Vec<f64>, Option<Repair>)> {
///         let newest = |x: &[f64]| x[x.len() - 1].powi(2).max(1e-8);
///         Ok((window.returns().columns().map(newest).collect(), None))
///     }
/// }
///
/// # fn main() -> Result<()> {
/// let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?;
/// assert_eq!(Newest.variances(&window)?.0.len(), 20);
/// # Ok(())
/// # }
/// ```
pub trait Volatility: Send + Sync {
    /// Variances (N) of a day, and repairs that were needed.
    fn variances(&self, window: &Window) -> Result<(Vec<f64>, Option<Repair>)>;
}

/// A volatility as experiments name it.
pub struct RegisteredVolatility {
    /// The name in experiment files.
    pub name: &'static str,
    /// Authors and year, or what it is.
    pub reference: &'static str,
    /// The parameters with their defaults.
    pub parameters: fn() -> toml::Table,
    /// Builds the forecast from its parameters and the number of days for which a portfolio is held.
    pub build: fn(&Part, usize) -> Result<Box<dyn Volatility>>,
}

/// Every volatility. To add one: write its file and its `mod` line, and add its line here.
#[rustfmt::skip]
pub const ALL: &[RegisteredVolatility] = &[
    RegisteredVolatility { name: "window", reference: "sample variance of the window", parameters: none, build: window::build },
    RegisteredVolatility { name: "ewma", reference: "RiskMetrics 1994", parameters: defaults::<EwmaVolatility>, build: ewma::build },
    RegisteredVolatility { name: "rm2006", reference: "Zumbach 2007", parameters: none, build: rm2006::build },
    RegisteredVolatility { name: "garch", reference: "Bollerslev 1986", parameters: none, build: garch::build },
    RegisteredVolatility { name: "har", reference: "Corsi 2009", parameters: defaults::<har::Parameters>, build: har::build },
    RegisteredVolatility { name: "range", reference: "Parkinson 1980; high and low of the day", parameters: defaults::<RangeVolatility>, build: range::build },
];
