//! From decisions to portfolio returns. Positions drift between rebalances. If a listing ends while it is held, the
//! portfolio earns its delisting return, where the panel has one, and drops the asset on the next decision date.

use crate::account::Holdings;
use crate::experiment::plan::Plan;
use crate::experiment::windows::Decision;
use crate::metrics;
use crate::panel::AssetId;
use crate::render::Performance;

/// Returns and turnover of one portfolio.
pub(super) struct Path {
    /// Daily returns from the day after the first decision on; NaN before the portfolio first exists and after its ruin.
    pub returns: Vec<f64>,
    /// Turnover, one per decision; NaN where the portfolio was undefined and did not trade.
    pub turnover: Vec<f64>,
    /// The day on which a loss used up the equity, if there was one.
    pub ruined: Option<usize>,
}

/// Follows portfolio `number` through all decisions.
pub(super) fn follow(plan: &Plan<'_>, decisions: &[Decision], number: usize) -> Path {
    follow_part(plan, decisions, number, 1.0)
}

/// The same, if at each rebalance only a share a of the way from the drifted weights v to the target w is traded:
///
/// ```text
/// a w + (1 − a) v,   where what assets that have left the universe leave is invested in w
/// ```
pub(super) fn follow_part(plan: &Plan<'_>, decisions: &[Decision], number: usize, share: f64) -> Path {
    let panel = &plan.market.panel;
    let mut holdings = Holdings::cash();
    let mut path = Path { returns: Vec::new(), turnover: Vec::new(), ruined: None };
    let mut exists = false;
    for (k, decision) in decisions.iter().enumerate() {
        path.turnover.push(match decision.allocations[number].weights() {
            Some(weights) if path.ruined.is_none() => {
                let first = !std::mem::replace(&mut exists, true);
                let targets = decision.members.iter().copied().zip(weights.iter().copied());
                if share == 1.0 || first {
                    holdings.rebalance(targets)
                } else {
                    let kept: f64 = decision.members.iter().map(|asset| holdings.weight(*asset)).sum();
                    let part = |(asset, w): (AssetId, f64)| {
                        (asset, (1.0 - share) * holdings.weight(asset) + (1.0 - (1.0 - share) * kept) * w)
                    };
                    let mixed: Vec<(AssetId, f64)> = targets.map(part).collect();
                    holdings.rebalance(mixed.into_iter())
                }
            }
            _ => f64::NAN,
        });
        // The next weights are executed at the close of the next decision day, so the return of that day still belongs
        // to these.
        let next = decisions.get(k + 1).map_or(plan.end, |next| next.day + 1);
        let last = next.min(decision.day + 1 + plan.experiment.walk_forward.horizon);
        for day in decision.day + 1..last {
            let lives = exists && path.ruined.is_none();
            path.returns.push(if lives { holdings.earn(|asset| panel.earned(asset, day)) } else { f64::NAN });
            if lives && holdings.is_ruined() {
                path.ruined = Some(day);
            }
        }
    }
    path
}

/// Steps of a bisection for a share.
const BISECTIONS: usize = 14;

/// The share of the way to its targets at which a portfolio trades as much as another, and its path; the whole way if it trades no
/// more. `None` if it was undefined or ruined.
pub(super) fn at_turnover(
    plan: &Plan<'_>,
    decisions: &[Decision],
    number: usize,
    turnover: f64,
) -> Option<(f64, Path)> {
    let whole = follow(plan, decisions, number);
    let own = mean_turnover(&whole).filter(|_| whole.ruined.is_none())?;
    if own <= turnover {
        return Some((1.0, whole));
    }
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..BISECTIONS {
        let middle = 0.5 * (low + high);
        let traded = mean_turnover(&follow_part(plan, decisions, number, middle))?;
        if traded > turnover { high = middle } else { low = middle }
    }
    Some((low, follow_part(plan, decisions, number, low)))
}

/// Mean turnover without the first rebalance; `None` if there is no other.
pub(super) fn mean_turnover(path: &Path) -> Option<f64> {
    let trades: Vec<f64> = path.turnover.iter().copied().filter(|t| !t.is_nan()).skip(1).collect();
    (!trades.is_empty()).then(|| metrics::mean(&trades))
}

/// All measures of a portfolio over the days on which it exists; after a ruin there are none.
pub(super) fn performance(plan: &Plan<'_>, decisions: &[Decision], number: usize, path: &Path) -> Performance {
    let pair = &plan.pairs[number];
    let weights: Vec<&[f64]> = decisions.iter().filter_map(|d| d.allocations[number].weights()).collect();
    let per_year = plan.market.panel.periods_per_year();
    let lived: Vec<f64> = path.returns.iter().copied().filter(|r| !r.is_nan()).collect();
    let is_measured = !lived.is_empty() && path.ruined.is_none();
    let measured = |value: &dyn Fn() -> f64| if is_measured { value() } else { f64::NAN };
    let measure = |f: &dyn Fn(&[f64]) -> f64| measured(&|| f(&lived));
    let mean_of = |f: fn(&[f64]) -> f64| measured(&|| metrics::mean(&weights.iter().map(|w| f(w)).collect::<Vec<_>>()));
    let date = |day: usize| plan.market.panel.calendar().date(day).to_string();
    Performance {
        name: pair.name.clone(),
        volatility_annual: measure(&|r| metrics::volatility_annual(r, per_year)),
        volatility_5day_annual: measure(&|r| metrics::block_volatility_annual(r, 5, per_year)),
        return_annual: measure(&|r| metrics::mean_return_annual(r, per_year)),
        growth_annual: measure(&|r| metrics::growth_annual(r, per_year)),
        sharpe: measure(&|r| metrics::sharpe_ratio(r, per_year)),
        max_drawdown: measure(&metrics::max_drawdown),
        value_at_risk: measure(&|r| metrics::value_at_risk(r, 0.05)),
        conditional_value_at_risk: measure(&|r| metrics::conditional_value_at_risk(r, 0.05)),
        turnover: measured(&|| mean_turnover(path).unwrap_or(f64::NAN)),
        n_eff: mean_of(metrics::n_effective),
        gross: mean_of(metrics::gross_leverage),
        short_share: mean_of(metrics::short_share),
        n_days: lived.len(),
        n_rebalances: decisions.len(),
        n_undefined: decisions.len() - weights.len(),
        ruined: path.ruined.map(date).unwrap_or_default(),
    }
}
