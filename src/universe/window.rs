//! The returns of the members over the look-back, without missing values.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::linalg::Matrix;
use crate::panel::{AssetId, Past};

/// Value that replaces a missing return inside an accepted window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// Zero: the price is carried forward.
    #[default]
    Zero,
    /// The mean return of the members that have one on that day; zero if none has.
    Market,
}

/// A complete window of returns.
pub struct Filled {
    /// T × N, oldest first, columns in the order of the members, no missing values.
    pub returns: Matrix,
    /// Number of missing values that were filled.
    pub n_filled: usize,
}

impl Missing {
    /// The last `lookback` returns of the members (T × N), with missing ones filled by this rule. Fails if the past
    /// is shorter than `lookback`.
    pub fn window(self, past: Past<'_>, members: &[AssetId], lookback: usize) -> Result<Filled> {
        let mut returns = Matrix::zeros(lookback, members.len());
        for (column, &asset) in members.iter().enumerate() {
            let known = past.returns(asset, lookback).ok_or_else(|| Error::NotEnoughDays {
                need: lookback,
                have: past.n_days(),
                date: past.decision_date(),
                hint: ", by walk_forward.lookback".to_string(),
            })?;
            returns.column_mut(column).copy_from_slice(known);
        }
        let fills = match self {
            Missing::Zero => vec![0.0; lookback],
            Missing::Market => cross_section_means(&returns),
        };
        let mut n_filled = 0;
        for column in 0..members.len() {
            for (r, fill) in returns.column_mut(column).iter_mut().zip(&fills).filter(|(r, _)| r.is_nan()) {
                *r = *fill;
                n_filled += 1;
            }
        }
        Ok(Filled { returns, n_filled })
    }
}

/// Mean of the values present on each day; zero on a day without any.
fn cross_section_means(returns: &Matrix) -> Vec<f64> {
    let mut sums = vec![(0.0, 0usize); returns.nrows()];
    for column in returns.columns() {
        for (sum, r) in sums.iter_mut().zip(column).filter(|(_, r)| !r.is_nan()) {
            *sum = (sum.0 + r, sum.1 + 1);
        }
    }
    sums.into_iter().map(|(sum, n)| sum / n.max(1) as f64).collect()
}
