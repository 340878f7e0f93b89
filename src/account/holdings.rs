//! A frictionless portfolio whose weights drift with returns between rebalances.
//!
//! ```text
//! r = Σ w_i r_i,   w_i ← w_i (1 + r_i) / (1 + r)          each day
//! turnover = Σ |target_i − w_i|                            each rebalance: traded notional over equity before the trade
//! ```

use std::collections::BTreeMap;

use crate::panel::AssetId;

/// Weights as fractions of equity; the rest is cash that earns nothing.
#[derive(Clone, Debug, Default)]
pub struct Holdings {
    weights: BTreeMap<AssetId, f64>,
    ruined: bool,
}

impl Holdings {
    /// A portfolio of nothing but cash.
    pub fn cash() -> Self {
        Self::default()
    }

    /// Earns the returns of one day: lets the weights drift and returns the portfolio return.
    ///
    /// A missing return counts as zero: the price is carried forward. After a loss of all equity every return is 0.
    pub fn earn(&mut self, asset_return: impl Fn(AssetId) -> f64) -> f64 {
        if self.ruined {
            return 0.0;
        }
        let carried = |asset: AssetId| Some(asset_return(asset)).filter(|r| !r.is_nan()).unwrap_or(0.0);
        let total: f64 = self.weights.iter().map(|(&asset, weight)| weight * carried(asset)).sum();
        if total <= -1.0 {
            *self = Self { weights: BTreeMap::new(), ruined: true };
            return -1.0;
        }
        for (&asset, weight) in &mut self.weights {
            *weight *= (1.0 + carried(asset)) / (1.0 + total);
        }
        total
    }

    /// Trades to the target weights and returns the two-sided turnover. An asset without a target is sold.
    pub fn rebalance(&mut self, target: impl Iterator<Item = (AssetId, f64)>) -> f64 {
        if self.ruined {
            return 0.0;
        }
        let mut before = std::mem::take(&mut self.weights);
        let mut turnover = 0.0;
        for (asset, weight) in target {
            turnover += (weight - before.remove(&asset).unwrap_or(0.0)).abs();
            if weight != 0.0 {
                self.weights.insert(asset, weight);
            }
        }
        turnover + before.values().map(|weight| weight.abs()).sum::<f64>()
    }

    /// The drifted weight of an asset.
    pub fn weight(&self, asset: AssetId) -> f64 {
        self.weights.get(&asset).copied().unwrap_or(0.0)
    }

    /// Whether a loss has used up the equity.
    pub fn is_ruined(&self) -> bool {
        self.ruined
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_drift_with_returns_and_turnover_is_measured_from_the_drifted_ones() {
        let mut holdings = Holdings::cash();
        assert_eq!(holdings.rebalance([(0, 0.5), (1, 0.5)].into_iter()), 1.0);
        let r = holdings.earn(|asset| if asset == 0 { 0.2 } else { f64::NAN });
        assert!((r - 0.1).abs() < 1e-15);
        assert!((holdings.weight(0) - 0.6 / 1.1).abs() < 1e-15);
        assert!((holdings.weight(1) - 0.5 / 1.1).abs() < 1e-15);
        let turnover = holdings.rebalance([(0, 0.5), (2, 0.5)].into_iter());
        assert!((turnover - (0.6 / 1.1 - 0.5 + 0.5 + 0.5 / 1.1)).abs() < 1e-15);
        assert_eq!(holdings.weight(1), 0.0);
    }

    #[test]
    fn a_portfolio_that_loses_everything_stops() {
        let mut holdings = Holdings::cash();
        holdings.rebalance([(0, 3.0), (1, -2.0)].into_iter());
        assert_eq!(holdings.earn(|asset| if asset == 0 { -0.5 } else { 0.0 }), -1.0);
        assert!(holdings.is_ruined());
        assert_eq!(holdings.earn(|_| 0.1), 0.0);
    }
}
