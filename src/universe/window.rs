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
        let mut returns = vec![0.0; lookback * members.len()];
        let n_filled = self.fill(past, members, &mut returns, |r| r)?;
        Ok(Filled { returns: Matrix::from_column_major(lookback, members.len(), returns), n_filled })
    }

    /// Writes the same returns to `out`, as numbers of another type, and returns how many were filled.
    pub(crate) fn fill<F>(
        self,
        past: Past<'_>,
        members: &[AssetId],
        out: &mut [F],
        number: impl Fn(f64) -> F,
    ) -> Result<usize> {
        let lookback = out.len() / members.len().max(1);
        let known = |asset: &AssetId| {
            past.returns(*asset, lookback).ok_or_else(|| Error::NotEnoughDays {
                need: lookback,
                have: past.n_days(),
                date: past.decision_date(),
                hint: ", by walk_forward.lookback".to_string(),
            })
        };
        let columns = members.iter().map(known).collect::<Result<Vec<&[f64]>>>()?;
        let fills = match self {
            Missing::Zero => vec![0.0; lookback],
            Missing::Market => cross_section_means(&columns, lookback),
        };
        let mut n_filled = 0;
        for (out, column) in out.chunks_exact_mut(lookback.max(1)).zip(columns) {
            for ((out, r), fill) in out.iter_mut().zip(column).zip(&fills) {
                n_filled += usize::from(r.is_nan());
                *out = number(if r.is_nan() { *fill } else { *r });
            }
        }
        Ok(n_filled)
    }
}

/// Mean of the values present on each day; zero on a day without any.
fn cross_section_means(columns: &[&[f64]], n_days: usize) -> Vec<f64> {
    let mut sums = vec![(0.0, 0usize); n_days];
    for column in columns {
        for (sum, r) in sums.iter_mut().zip(*column).filter(|(_, r)| !r.is_nan()) {
            *sum = (sum.0 + r, sum.1 + 1);
        }
    }
    sums.into_iter().map(|(sum, n)| sum / n.max(1) as f64).collect()
}
