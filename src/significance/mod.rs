//! Tests whether a difference between two portfolios, or among many, is more than luck.
//!
//! | question | test | file |
//! |---|---|---|
//! | do two variances, two Sharpe ratios differ? | Ledoit, Wolf (2011, 2008) | `difference.rs` |
//! | does a network with several seeds differ from a competitor? | days and seeds resampled together | `seeds.rs` |
//! | is one forecast better than another? | Diebold, Mariano (1995) | `diebold_mariano.rs` |
//! | which of many may be the best? | model confidence set, Hansen, Lunde, Nason (2011) | `confidence_set.rs` |
//! | is one of many better than the benchmark? | superior predictive ability, Hansen (2005) | `superior.rs` |
//! | is a Sharpe ratio luck, or the best of many trials? | Bailey, López de Prado (2012, 2014) | `deflated.rs` |
//!
//! Series are daily returns or losses on the same days, oldest first. Every resampling depends only on its seed, not
//! on the number of threads.
//!
//! # Resamples
//!
//! A resample is a list of blocks of days on a circle, determined by the seed and the number of the resample. Sums
//! over blocks are differences of running sums, so 100,000 resamples of 25 strategies over 6,000 days take seconds.
//! `results/evidence.rs` combines the tests for a run: every portfolio against the best analytic competitor, and the
//! best network against every portfolio, before and after costs; the confidence set; superior ability; deflated
//! Sharpe ratios; and networks over their seeds.

mod block_length;
mod bootstrap;
mod confidence_set;
mod deflated;
mod diebold_mariano;
mod difference;
mod long_run;
mod seeds;
mod superior;

pub use block_length::{BlockLength, block_length};
pub use bootstrap::{Block, Resampling, Scheme, resampled_means};
pub use confidence_set::{ConfidenceSet, Statistic, confidence_set};
pub use deflated::{deflated_sharpe, expected_best_sharpe, probabilistic_sharpe};
pub use diebold_mariano::{LossDifference, loss_difference};
pub use difference::{Difference, Measure, bootstrap_difference, difference_block_length, hac_difference};
pub use long_run::{Kernel, long_run_covariance};
pub use seeds::{SeededDifference, seeded_difference};
pub use superior::{Scaling, Superior, superior_ability};

use crate::error::{Error, Result};

/// Fewest days from which anything can be said about a variance.
pub const LEAST_DAYS: usize = 60;

/// The common length of the series in days, or an error if a test cannot use them.
fn checked(what: &'static str, series: &[&[f64]]) -> Result<usize> {
    let undefined = |why: String| Err(Error::Undefined { what, why });
    let n_days = series.first().map_or(0, |first| first.len());
    for (k, values) in series.iter().enumerate() {
        if values.len() != n_days {
            return undefined(format!("series {} has {} days, the first has {n_days}", k + 1, values.len()));
        }
        if let Some(day) = values.iter().position(|x| !x.is_finite()) {
            return undefined(format!("series {} is {} on day {}", k + 1, values[day], day + 1));
        }
        if values.iter().all(|x| *x == values[0]) && n_days > 0 {
            return undefined(format!("series {} is {} on every day: it has no variance", k + 1, values[0]));
        }
    }
    if n_days < LEAST_DAYS {
        return undefined(format!("{n_days} days are too few, at least {LEAST_DAYS} are needed"));
    }
    Ok(n_days)
}
