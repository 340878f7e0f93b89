//! Training batches: random windows of random assets of the universe, with the subsequent returns.
//!
//! One batch has one n and one T, each uniform in its range. Its decision dates are uniform with replacement over the
//! training period. For each date, n assets are drawn without replacement from the universe of that date, with the
//! returns of the T days before the date. The decision day itself is skipped; the target is the returns of the
//! `horizon` days after it. The last `horizon` + 1 decision dates of the period are left out, so that every target
//! ends inside the period.
//! Bongiorno, Manolakis, Mantegna (2026), arXiv:2601.07687 and arXiv:2607.23068.
//!
//! A batch is a function of the seed and its number. No generator state has to be stored, and batches are the same on
//! any number of threads.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use candle_core::{Device, Tensor};
use rand::RngExt;
use rand::seq::index;
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::panel::{AssetId, Past};
use crate::random::generator;
use crate::train::Schedule;
use crate::universe::{Missing, RankedUniverse, Universe};

/// Validation batches use stream numbers from here on, beyond those of all training batches.
const VALIDATION: u64 = 1 << 40;

/// Members of the universe by decision day, computed once and shared by all models of a run.
pub struct Eligible {
    universe: RankedUniverse,
    missing: Missing,
    found: Mutex<HashMap<usize, Arc<Vec<AssetId>>>>,
}

impl Eligible {
    /// An empty collection; the members of a day are computed at their first use.
    pub fn new(universe: RankedUniverse, missing: Missing) -> Self {
        Self { universe, missing, found: Mutex::default() }
    }

    fn on(&self, past: Past<'_>) -> Result<Arc<Vec<AssetId>>> {
        let day = past.n_days();
        let known = self.found.lock().expect("no thread panics while it holds the lock").get(&day).cloned();
        if let Some(members) = known {
            return Ok(members);
        }
        let members = Arc::new(self.universe.select(past)?.members);
        self.found.lock().expect("no thread panics while it holds the lock").insert(day, members.clone());
        Ok(members)
    }
}

/// The dates and assets of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Draw {
    /// Decision days, as indices into the panel's calendar; one per sample.
    pub days: Vec<usize>,
    /// The n assets of each sample, one sample after the other.
    pub assets: Vec<AssetId>,
    /// Days T of each window.
    pub n_days: usize,
}

impl Draw {
    /// Number of assets n of each sample.
    pub fn n_assets(&self) -> usize {
        self.assets.len() / self.days.len()
    }
}

/// The returns of a batch.
pub struct Batch {
    /// X `[batch, n, T]`, daily, oldest day first.
    pub returns: Tensor,
    /// Returns `[batch, n, horizon]` after each decision day; zero after an asset has ended.
    pub future: Tensor,
}

/// Draws batches from a training period.
pub struct Sampler<'a> {
    past: Past<'a>,
    eligible: &'a Eligible,
    horizon: usize,
    n_assets: [usize; 2],
    n_days: [usize; 2],
    batch: usize,
    seed: u64,
    training: Range<usize>,
    validation: Range<usize>,
}

/// Number of days that a training needs before its calendar year: a look-back, the targets of the training dates, and
/// the validation dates with their targets.
pub fn days_needed(schedule: &Schedule, lookback: usize, horizon: usize) -> usize {
    let stretches = if schedule.validation_days > 0 { 2 } else { 1 };
    lookback + 1 + schedule.validation_days + stretches * (horizon + 1)
}

impl<'a> Sampler<'a> {
    /// Chooses training and validation dates within a past. Fails if the past has too few days.
    pub fn new(
        past: Past<'a>,
        eligible: &'a Eligible,
        schedule: &Schedule,
        lookback: usize,
        horizon: usize,
        seed: u64,
    ) -> Result<Self> {
        let (need, held_back) = (days_needed(schedule, lookback, horizon), schedule.validation_days);
        if past.n_days() < need {
            let hint = format!(
                ": a training takes the look-back of {lookback}, {held_back} validation_days, and a horizon of {horizon} after the last \
                 training date and after the last validation date"
            );
            return Err(Error::NotEnoughDays { need, have: past.n_days(), date: past.decision_date(), hint });
        }
        // Training and validation dates each end early enough that no target reaches beyond their period.
        let last = past.n_days() - (horizon + 1);
        let boundary = last - held_back;
        let end = if held_back > 0 { boundary - (horizon + 1) } else { last };
        // Training begins on the first day on which the rules leave any asset; yearly ranks do not exist in the first
        // year.
        let is_empty = |day: &usize| matches!(eligible.on(past.at(*day)), Err(Error::EmptyUniverse { .. }));
        let first = (lookback..end).find(|day| !is_empty(day)).unwrap_or(lookback);
        Ok(Self {
            past,
            eligible,
            horizon,
            n_assets: schedule.n_assets,
            n_days: schedule.n_days,
            batch: schedule.batch,
            seed,
            training: first..end,
            validation: boundary..last,
        })
    }

    /// Number of training decision days.
    pub fn n_training_days(&self) -> usize {
        self.training.len()
    }

    /// Number of days of a target.
    pub fn horizon(&self) -> usize {
        self.horizon
    }

    /// Whether a missing return is replaced by the mean of the other assets on that day.
    pub(super) fn fills_with_market(&self) -> bool {
        self.eligible.missing == Missing::Market
    }

    /// Training batch number `number`.
    pub fn draw(&self, number: u64) -> Result<Draw> {
        self.drawn(number, &self.training)
    }

    /// Validation batch number `number`, the same in every run with this seed; `None` if no dates are held back.
    pub fn validation(&self, number: u64) -> Option<Result<Draw>> {
        (!self.validation.is_empty()).then(|| self.drawn(VALIDATION + number, &self.validation))
    }

    fn drawn(&self, stream: u64, days: &Range<usize>) -> Result<Draw> {
        let mut random = generator(self.seed, stream);
        let n_days = random.random_range(self.n_days[0]..=self.n_days[1]);
        let wanted = random.random_range(self.n_assets[0]..=self.n_assets[1]);
        let days: Vec<usize> = (0..self.batch).map(|_| random.random_range(days.clone())).collect();
        let members: Vec<Arc<Vec<AssetId>>> =
            days.par_iter().map(|&day| self.eligible.on(self.past.at(day))).collect::<Result<_>>()?;
        let fewest = members.iter().map(|members| members.len()).min().expect("a batch has a sample");
        let n = wanted.min(fewest);
        let assets = members
            .iter()
            .flat_map(|members| {
                let chosen = index::sample(&mut random, members.len(), n).into_iter();
                chosen.map(|k| members[k]).collect::<Vec<AssetId>>()
            })
            .collect();
        Ok(Draw { days, assets, n_days })
    }

    /// The returns of a draw, as tensors.
    pub fn batch(&self, draw: &Draw) -> Result<Batch> {
        let (n, n_days, days) = (draw.n_assets(), draw.n_days, &draw.days);
        let mut returns = vec![0.0f32; days.len() * n * n_days];
        let mut future = vec![0.0f32; days.len() * n * self.horizon];
        let samples = returns.par_chunks_mut(n * n_days).zip(future.par_chunks_mut(n * self.horizon));
        let chosen = draw.assets.par_chunks(n);
        samples.zip(days.par_iter().zip(chosen)).try_for_each(|((returns, future), (&day, assets))| {
            self.eligible.missing.fill(self.past.at(day), assets, returns, |r| r as f32)?;
            // The target lies after decision day `day`. It is still part of this past, which ends before the model is
            // used.
            let after = self.past.at(day + 1 + self.horizon);
            for (future, &asset) in future.chunks_exact_mut(self.horizon).zip(assets) {
                let known = after.returns(asset, self.horizon).expect("the day comes after a full look-back");
                future.iter_mut().zip(known).for_each(|(to, r)| *to = if r.is_nan() { 0.0 } else { *r as f32 });
            }
            Ok::<_, Error>(())
        })?;
        let tensor = |values, width| Tensor::from_vec(values, (days.len(), n, width), &Device::Cpu);
        Ok(Batch { returns: tensor(returns, n_days)?, future: tensor(future, self.horizon)? })
    }
}
