//! Scores of every covariance and portfolio of a date by the returns of the days that it was for.
//!
//! They are taken after the decision and reach no estimator. They are of a whole holding period, so the last date of a run has none
//! if its period is cut short.

use serde::{Deserialize, Serialize};

use crate::experiment::fits::Estimate;
use crate::experiment::plan::Plan;
use crate::linalg::Matrix;
use crate::metrics::{ForecastScore, score_assets_together, score_each_asset, score_portfolio};
use crate::panel::AssetId;

/// Scores of the forecasts of one date.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Scores {
    /// One per estimator; `None` where it had no estimate, or a mean of portfolios.
    pub estimators: Vec<Option<OfCovariance>>,
    /// One per portfolio, in its own direction; `None` where it was undefined.
    pub portfolios: Vec<Option<ForecastScore>>,
}

/// Scores of a covariance in directions that are the same for every estimator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct OfCovariance {
    /// All assets together; `None` for a singular covariance.
    pub together: Option<ForecastScore>,
    /// Every asset alone.
    pub alone: ForecastScore,
    /// Equal weights.
    pub equal: ForecastScore,
}

/// Returns (h × n) that holders of the members earn in the holding period after `day`; a missing one is 0, because the price is
/// carried forward. `None` if the run ends before the period does.
pub(super) fn realised(plan: &Plan<'_>, day: usize, members: &[AssetId]) -> Option<Matrix> {
    let h = plan.experiment.walk_forward.horizon;
    let earned = |t: usize, i: usize| plan.market.panel.earned(members[i], day + 1 + t);
    let known = |t, i| Some(earned(t, i)).filter(|r| !r.is_nan()).unwrap_or(0.0);
    (day + 1 + h <= plan.end).then(|| Matrix::from_fn(h, members.len(), known))
}

impl OfCovariance {
    /// Scores an estimate by the returns that followed.
    pub fn new(Estimate(all): &Estimate, returns: &Matrix) -> Option<Self> {
        let [(_, covariance)] = all.as_slice() else { return None };
        let equal = vec![1.0 / returns.ncols() as f64; returns.ncols()];
        Some(Self {
            together: score_assets_together(covariance, returns).ok(),
            alone: score_each_asset(covariance, returns),
            equal: score_portfolio(covariance.variance_of(&equal), &returns.times(&equal)),
        })
    }
}
