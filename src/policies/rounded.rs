//! The weights of another policy, rounded to a step and renormalised to the same sum.

use crate::account::Account;
use crate::error::Result;
use crate::panel::Past;
use crate::policies::{Policy, Target};

/// A policy with rounded weights; the weights stay exact if rounding would leave a sum of about zero.
pub struct Rounded<P> {
    /// The policy with exact weights.
    pub policy: P,
    /// The step to whose multiples weights are rounded; `None` leaves them exact.
    pub step: Option<f64>,
}

impl<P: Policy> Policy for Rounded<P> {
    fn target(&mut self, past: Past<'_>, account: &Account) -> Result<Option<Vec<Target>>> {
        let targets = self.policy.target(past, account)?;
        let (Some(step), Some(exact)) = (self.step, &targets) else { return Ok(targets) };
        let mut rounded: Vec<Target> =
            exact.iter().map(|t| Target { weight: (t.weight / step).round() * step, ..*t }).collect();
        rounded.retain(|target| target.weight != 0.0);
        let sum = |targets: &[Target]| targets.iter().map(|t| t.weight).sum::<f64>();
        let (before, after) = (sum(exact), sum(&rounded));
        if after.abs() < step / 2.0 {
            return Ok(targets);
        }
        rounded.iter_mut().for_each(|target| target.weight *= before / after);
        Ok(Some(rounded))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::account::Rounding;
    use crate::calendar::Calendar;
    use crate::linalg::Matrix;
    use crate::panel::{Asset, Panel};
    use crate::policies::{Leveraged, Rebalance, Stored, Targets};

    fn panel() -> Panel {
        let calendar = Calendar::weekdays(jiff::civil::date(2020, 1, 1), 10);
        Panel::new(calendar, vec![Asset::default()], Matrix::zeros(10, 1), BTreeMap::new()).unwrap()
    }

    fn weights(policy: &mut dyn Policy, day: usize) -> Option<Vec<f64>> {
        let (panel, mut journal) = (panel(), Vec::new());
        let account = Account::open(1.0, Rounding::Exact, 0, &mut journal);
        let targets = policy.target(panel.past(day), &account).unwrap();
        targets.map(|targets| targets.iter().map(|t| t.weight).collect())
    }

    fn stored() -> Targets {
        let at =
            |weights: &[f64]| weights.iter().enumerate().map(|(asset, &weight)| Target { asset, weight }).collect();
        Targets { days: vec![(2, at(&[0.5004, 0.4993, 0.0003])), (5, at(&[1.0]))] }
    }

    #[test]
    fn stored_targets_are_traded_on_their_days_or_every_few_sessions() {
        let targets = stored();
        let due =
            |rebalance| (0..10).filter(|&day| weights(&mut Stored::new(&targets, rebalance), day).is_some()).collect();
        let days: Vec<usize> = due(Rebalance::OnDecisions);
        assert_eq!(days, [2, 5]);
        let days: Vec<usize> = due(Rebalance::Every(2));
        assert_eq!(days, [2, 4, 6, 8]);
        assert_eq!(weights(&mut Stored::new(&targets, Rebalance::Every(2)), 6), Some(vec![1.0]));
        assert_eq!(weights(&mut Stored::new(&targets, Rebalance::Every(2)), 4).unwrap().len(), 3);
    }

    #[test]
    fn weights_are_rounded_and_keep_their_sum() {
        let targets = stored();
        let stored = || Stored::new(&targets, Rebalance::OnDecisions);
        let rounded = weights(&mut Rounded { policy: stored(), step: Some(0.001) }, 2).unwrap();
        let factor = 1.0 / 0.999;
        assert!(
            (rounded[0] - 0.5 * factor).abs() < 1e-12 && (rounded[1] - 0.499 * factor).abs() < 1e-12,
            "{rounded:?}"
        );
        assert_eq!(rounded.len(), 2);
        let twice = weights(&mut Leveraged { policy: stored(), leverage: 2.0 }, 5).unwrap();
        assert_eq!(twice, [2.0]);
    }
}
