//! From decisions to portfolio returns: positions drift between rebalances, and what ends while held leaves at its
//! last price on the next decision date.

use crate::account::Holdings;
use crate::experiment::plan::Plan;
use crate::experiment::windows::Decision;
use crate::metrics;
use crate::report::Performance;

/// The life of one portfolio.
pub(super) struct Path {
    /// Daily returns from the day after the first decision on.
    pub returns: Vec<f64>,
    /// One per decision; NaN where the portfolio was undefined and did not trade.
    pub turnover: Vec<f64>,
}

/// Follows portfolio `number` through all decisions.
pub(super) fn follow(plan: &Plan<'_>, decisions: &[Decision], number: usize) -> Path {
    let panel = &plan.market.panel;
    let mut holdings = Holdings::cash();
    let mut path = Path { returns: Vec::new(), turnover: Vec::new() };
    for (k, decision) in decisions.iter().enumerate() {
        path.turnover.push(match decision.allocations[number].weights() {
            Some(weights) => holdings.rebalance(decision.members.iter().copied().zip(weights.iter().copied())),
            None => f64::NAN,
        });
        // The close of the next decision day executes the next weights, so that day still belongs to these.
        let next = decisions.get(k + 1).map_or(plan.end, |next| next.day + 1);
        let last = next.min(decision.day + 1 + plan.experiment.walk_forward.horizon);
        path.returns.extend((decision.day + 1..last).map(|day| holdings.earn(|asset| panel.returns(asset)[day])));
    }
    path
}

/// All measures of a portfolio.
pub(super) fn performance(plan: &Plan<'_>, decisions: &[Decision], number: usize, path: &Path) -> Performance {
    let pair = &plan.pairs[number];
    let weights: Vec<&[f64]> = decisions.iter().filter_map(|d| d.allocations[number].weights()).collect();
    let defined = !weights.is_empty();
    let per_year = plan.market.panel.periods_per_year();
    let measure = |f: &dyn Fn(&[f64]) -> f64| if defined { f(&path.returns) } else { f64::NAN };
    let mean_of = |f: fn(&[f64]) -> f64| metrics::mean(&weights.iter().map(|w| f(w)).collect::<Vec<_>>());
    let trades: Vec<f64> = path.turnover.iter().copied().filter(|t| !t.is_nan()).skip(1).collect();
    Performance {
        estimator: pair.estimator_label.clone(),
        allocator: pair.allocator_label.clone(),
        volatility_annual: measure(&|r| metrics::volatility_annual(r, per_year)),
        volatility_5day_annual: measure(&|r| metrics::block_volatility_annual(r, 5, per_year)),
        return_annual: measure(&|r| metrics::mean_return_annual(r, per_year)),
        growth_annual: measure(&|r| metrics::growth_annual(r, per_year)),
        sharpe: measure(&|r| metrics::sharpe_ratio(r, per_year)),
        max_drawdown: measure(&metrics::max_drawdown),
        value_at_risk: measure(&|r| metrics::value_at_risk(r, 0.05)),
        conditional_value_at_risk: measure(&|r| metrics::conditional_value_at_risk(r, 0.05)),
        turnover: metrics::mean(&trades),
        n_eff: mean_of(metrics::n_effective),
        gross: mean_of(metrics::gross_leverage),
        short_share: mean_of(metrics::short_share),
        n_days: path.returns.len(),
        n_rebalances: decisions.len(),
        n_undefined: decisions.len() - weights.len(),
    }
}
