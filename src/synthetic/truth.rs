//! The true conditional covariance of a synthetic market.

use crate::error::Result;
use crate::linalg::{Covariance, Matrix};
use crate::panel::AssetId;

/// Loadings and variances of every day, from which the covariance of any set of assets on any day follows.
pub struct Truth {
    /// Sector of each asset.
    pub(super) sectors: Vec<usize>,
    /// Market variance (n_days), conditional on the days before.
    pub(super) market_variance: Vec<f64>,
    /// Sector variances, n_days × n_sectors.
    pub(super) sector_variance: Matrix,
    /// Market loadings β, n_days × n_assets.
    pub(super) market_loading: Matrix,
    /// Sector loadings γ, n_days × n_assets.
    pub(super) sector_loading: Matrix,
    /// Variances of the assets' own shocks, n_days × n_assets.
    pub(super) own_variance: Matrix,
}

impl Truth {
    /// Σ_t of the members (N × N, of daily returns) on a day, given the returns before it and the regime and loadings of the
    /// day.
    pub fn covariance(&self, day: usize, members: &[AssetId]) -> Result<Covariance> {
        Covariance::new(self.entries(day, members))
    }

    /// The mean of Σ_t (N × N) over the days `from..to`, to which a buy-and-hold portfolio is exposed. Panics if
    /// there are no days.
    pub fn mean_covariance(&self, from: usize, to: usize, members: &[AssetId]) -> Result<Covariance> {
        assert!(from < to, "days {from}..{to} are empty");
        let n_days = (to - from) as f64;
        let mut sum = self.entries(from, members);
        for day in from + 1..to {
            let entries = self.entries(day, members);
            sum = sum.map(|i, j, x| x + entries[(i, j)]);
        }
        Covariance::new(sum.scaled(1.0 / n_days))
    }

    fn entries(&self, day: usize, members: &[AssetId]) -> Matrix {
        let n_assets = members.len();
        let mut sigma = Matrix::zeros(n_assets, n_assets);
        for (j, &b) in members.iter().enumerate() {
            let market = self.market_variance[day] * self.market_loading[(day, b)];
            let sector = self.sector_variance[(day, self.sectors[b])] * self.sector_loading[(day, b)];
            for (i, &a) in members.iter().enumerate().take(j) {
                let common =
                    if self.sectors[a] == self.sectors[b] { sector * self.sector_loading[(day, a)] } else { 0.0 };
                let covariance = market * self.market_loading[(day, a)] + common;
                sigma[(i, j)] = covariance;
                sigma[(j, i)] = covariance;
            }
            sigma[(j, j)] = market * self.market_loading[(day, b)]
                + sector * self.sector_loading[(day, b)]
                + self.own_variance[(day, b)];
        }
        sigma
    }
}
