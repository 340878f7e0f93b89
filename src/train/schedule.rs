//! The training schedule: batch sizes, steps, learning rate. There is one preset for each published schedule.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::memory;
use crate::registry::MOST_DAYS;

/// More steps than this would take years.
const MOST_STEPS: usize = 100_000_000;

/// How the learning rate falls by the factor `decay` every `decay_steps` steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Decay {
    /// At once, at the end of every `decay_steps` steps: once per epoch.
    Staircase,
    /// Gradually, a little in every step.
    Smooth,
}

/// All settings of a training except the network, the data and the seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Optimiser steps of a model that is trained from its seed.
    pub steps: usize,
    /// Optimiser steps of a model that continues from the model of the year before; 0 trains every year from its seed.
    pub warm_steps: usize,
    /// Samples in a batch; a batch has one n and one T.
    pub batch: usize,
    /// Number of batches whose gradients are averaged in a step.
    pub accumulation: usize,
    /// Adam's initial learning rate.
    pub learning_rate: f64,
    /// The initial learning rate of a model that continues from the year before.
    pub warm_learning_rate: f64,
    /// Factor on the learning rate per `decay_steps`.
    pub decay: f64,
    /// Steps per decay.
    pub decay_steps: usize,
    /// Form of the decay.
    pub decay_form: Decay,
    /// Largest norm of the gradient over all parameters; a larger gradient is scaled down to it.
    pub clip_norm: f64,
    /// Smallest and largest number of assets of a batch; the number is drawn uniformly.
    pub n_assets: [usize; 2],
    /// Smallest and largest number of days of a batch, at most the look-back; the number is drawn uniformly.
    pub n_days: [usize; 2],
    /// Decision dates at the end of the training period that are held back, for monitoring only.
    pub validation_days: usize,
    /// Steps between two validations.
    pub validate_every: usize,
    /// Steps between two checkpoints.
    pub checkpoint_every: usize,
}

impl Schedule {
    /// The schedule of arXiv:2601.07687 for the network of arXiv:2507.01918, whose own settings are not public: 50
    /// epochs of 500 steps, 32 x 4 samples, 10⁻³ falling by 1 % per epoch, T = 1200.
    pub fn original() -> Self {
        Self {
            steps: 25_000,
            warm_steps: 0,
            batch: 32,
            accumulation: 4,
            learning_rate: 1e-3,
            warm_learning_rate: 1e-3,
            decay: 0.99,
            decay_steps: 500,
            decay_form: Decay::Staircase,
            clip_norm: 1.0,
            n_assets: [50, 350],
            n_days: [1200, 1200],
            validation_days: 252,
            validate_every: 500,
            checkpoint_every: 100,
        }
    }

    /// Batches of one window of `n_days` each, all before the last day that is known: to compare what needs no training.
    pub fn of_windows(n_assets: [usize; 2], n_days: usize) -> Self {
        Self { batch: 1, n_assets, n_days: [n_days, n_days], validation_days: 0, ..Self::compact() }
    }

    /// The schedule of arXiv:2607.23068: 100 epochs of 500 steps, 32 x 2 samples, 10⁻⁴ · 0.99^(step/500), T from 250
    /// to 1200.
    pub fn compact() -> Self {
        Self {
            steps: 50_000,
            accumulation: 2,
            learning_rate: 1e-4,
            warm_learning_rate: 1e-4,
            decay_form: Decay::Smooth,
            n_days: [250, 1200],
            ..Self::original()
        }
    }

    /// A schedule for two cores. It deviates from the paper: 3,000 steps of 16 samples instead of 50,000 steps of 64,
    /// with an initial learning rate thirty times as high that falls to a hundredth of itself; and every year after
    /// the first continues from the model of the year before for 500 steps, where the paper trains every year from
    /// scratch.
    pub fn cpu() -> Self {
        Self {
            steps: 3_000,
            warm_steps: 500,
            batch: 16,
            accumulation: 1,
            learning_rate: 3e-3,
            warm_learning_rate: 3e-4,
            decay: 0.01,
            decay_steps: 3_000,
            validation_days: 63,
            validate_every: 250,
            ..Self::compact()
        }
    }

    /// Refuses values with which nothing can be trained.
    pub fn check(&self) -> Result<()> {
        let refuse = |name, range, value: String| Err(Error::Parameter { name, range, value });
        let counts = [self.steps, self.batch, self.accumulation, self.decay_steps, self.validate_every];
        if counts.contains(&0) || self.checkpoint_every == 0 {
            let range = "at least 1 in steps, batch, accumulation, decay_steps, validate_every and checkpoint_every";
            return refuse("schedule", range, "0".to_string());
        }
        let most = [
            ("schedule.steps and warm_steps", self.steps.max(self.warm_steps), MOST_STEPS, "at most 100000000"),
            ("schedule.accumulation", self.accumulation, 100_000, "at most 100000"),
            ("schedule.n_days", self.n_days[1], MOST_DAYS, "at most 100000"),
            ("schedule.validation_days", self.validation_days, MOST_DAYS, "at most 100000"),
        ];
        if let Some((name, value, _, range)) = most.into_iter().find(|(_, value, most, _)| value > most) {
            return refuse(name, range, value.to_string());
        }
        for rate in [self.learning_rate, self.warm_learning_rate, self.clip_norm] {
            if !(rate > 0.0 && rate.is_finite()) {
                return refuse("schedule.learning_rate and clip_norm", "positive", rate.to_string());
            }
        }
        if !(self.decay > 0.0 && self.decay <= 1.0) {
            return refuse("schedule.decay", "in (0, 1]", self.decay.to_string());
        }
        let [least, most] = self.n_assets;
        if least < 2 || least > most {
            return refuse("schedule.n_assets", "[smallest, largest] from 2 on", format!("{:?}", self.n_assets));
        }
        let [least, most] = self.n_days;
        if least < 2 || least > most {
            return refuse("schedule.n_days", "[smallest, largest] from 2 on", format!("{:?}", self.n_days));
        }
        check_batch(self.batch, self.n_assets[1], self.n_days[1])
    }

    /// Number of steps and initial learning rate of a model.
    pub(super) fn length(&self, warm: bool) -> (usize, f64) {
        if warm { (self.warm_steps, self.warm_learning_rate) } else { (self.steps, self.learning_rate) }
    }

    /// The learning rate of a step, counted from 0. A continued model goes through the whole decay in its fewer steps.
    pub(super) fn learning_rate(&self, step: usize, warm: bool) -> f64 {
        let (steps, first) = self.length(warm);
        let step = step as f64 * if warm { self.steps as f64 / steps as f64 } else { 1.0 };
        let decays = step / self.decay_steps as f64;
        first * self.decay.powf(if self.decay_form == Decay::Staircase { decays.floor() } else { decays })
    }
}

/// Refuses a batch that does not fit into the memory of the machine.
pub(super) fn check_batch(batch: usize, n_assets: usize, n_days: usize) -> Result<()> {
    let (samples, n, t) = (batch as f64, n_assets as f64, n_days as f64);
    // Memory for returns, scores and four matrices between the assets, in single precision.
    let what = format!("a batch of {batch} samples of {n_assets} assets and {n_days} days");
    memory::require(4.0 * samples * n * (2.0 * t + 4.0 * n), &what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn learning_rates_fall_as_published() {
        let original = Schedule::original();
        assert_eq!(original.learning_rate(499, false), 1e-3);
        assert!((original.learning_rate(500, false) - 0.99e-3).abs() < 1e-15);
        let compact = Schedule::compact();
        assert!((compact.learning_rate(250, false) - 1e-4 * 0.99f64.sqrt()).abs() < 1e-15);
        let cpu = Schedule::cpu();
        let (end, warm_end) = (cpu.learning_rate(cpu.steps, false), cpu.learning_rate(cpu.warm_steps, true));
        assert!((end / cpu.learning_rate - cpu.decay).abs() < 1e-12);
        assert!((warm_end / cpu.warm_learning_rate - cpu.decay).abs() < 1e-12);
    }

    #[test]
    fn impossible_schedules_are_refused() {
        let refused = |schedule: Schedule| schedule.check().unwrap_err().to_string();
        assert!(refused(Schedule { batch: 0, ..Schedule::cpu() }).starts_with("schedule must be at least 1"));
        assert!(refused(Schedule { n_assets: [9, 8], ..Schedule::cpu() }).contains("[9, 8]"));
        assert!(refused(Schedule { learning_rate: f64::NAN, ..Schedule::cpu() }).contains("NaN"));
    }
}
