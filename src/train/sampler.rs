//! Training batches: random windows of random assets of the universe, with the returns that followed.
//!
//! One batch has one n and one T, each uniform in its range. Its decision dates are uniform with replacement over the
//! training period; on each date n names are drawn without replacement from the universe of that date, with the last
//! T days before it. The decision day is skipped; the target is the returns of the `horizon` days behind it. The last
//! `horizon` + 1 decision dates of the period are left out, so that every target ends inside it.
//! Bongiorno, Manolakis, Mantegna (2026), arXiv:2601.07687 and arXiv:2607.23068.
//!
//! A batch is a function of seed and number: no state to store, the same on any number of threads.

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

/// Stream numbers of validation batches lie beyond those of any training batch.
const VALIDATION: u64 = 1 << 40;

/// Members of the universe by decision day, found once and shared by all models of a run.
pub struct Eligible {
    universe: RankedUniverse,
    missing: Missing,
    found: Mutex<HashMap<usize, Arc<Vec<AssetId>>>>,
}

impl Eligible {
    /// Nothing is computed before it is asked for.
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

/// What a batch is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Draw {
    /// Decision days, as numbers of the panel.
    pub days: Vec<usize>,
    /// n assets of each sample, one sample behind the other.
    pub assets: Vec<AssetId>,
    /// T.
    pub n_days: usize,
}

impl Draw {
    /// n.
    pub fn n_assets(&self) -> usize {
        self.assets.len() / self.days.len()
    }
}

/// The returns of a batch.
pub struct Batch {
    /// X `[batch, n, T]`, daily, oldest day first.
    pub returns: Tensor,
    /// The returns `[batch, n, horizon]` behind each decision day; zero where an asset has ended.
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

/// Days that a training needs before its calendar year: a look-back, the targets after the first decision, and those held back
/// for validation with their targets.
pub fn days_needed(schedule: &Schedule, lookback: usize, horizon: usize) -> usize {
    let stretches = if schedule.validation_days > 0 { 2 } else { 1 };
    lookback + 1 + schedule.validation_days + stretches * (horizon + 1)
}

impl<'a> Sampler<'a> {
    /// Fixes training and validation dates within a past.
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
                ": a training takes the look-back of {lookback}, {held_back} validation_days and twice the horizon of {horizon}"
            );
            return Err(Error::NotEnoughDays { need, have: past.n_days(), date: past.decision_date(), hint });
        }
        // Each stretch ends before its last targets would reach what lies behind it.
        let last = past.n_days() - (horizon + 1);
        let boundary = last - held_back;
        let end = if held_back > 0 { boundary - (horizon + 1) } else { last };
        // Training begins on the first day on which the rules leave anybody; yearly ranks know nothing of a first year.
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

    /// Training decision days.
    pub fn n_training_days(&self) -> usize {
        self.training.len()
    }

    /// Days of a target.
    pub fn horizon(&self) -> usize {
        self.horizon
    }

    /// Whether a missing return becomes the mean of the others on the day.
    pub(super) fn fills_with_market(&self) -> bool {
        self.eligible.missing == Missing::Market
    }

    /// Training batch number `number`.
    pub fn draw(&self, number: u64) -> Result<Draw> {
        self.drawn(number, &self.training)
    }

    /// A validation batch, the same in every run of the seed; `None` where nothing is held back.
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

    /// The returns of a draw.
    pub fn batch(&self, draw: &Draw) -> Result<Batch> {
        let (n, n_days, days) = (draw.n_assets(), draw.n_days, &draw.days);
        let mut returns = vec![0.0f32; days.len() * n * n_days];
        let mut future = vec![0.0f32; days.len() * n * self.horizon];
        let samples = returns.par_chunks_mut(n * n_days).zip(future.par_chunks_mut(n * self.horizon));
        let chosen = draw.assets.par_chunks(n);
        samples.zip(days.par_iter().zip(chosen)).try_for_each(|((returns, future), (&day, assets))| {
            let filled = self.eligible.missing.window(self.past.at(day), assets, n_days)?.returns;
            returns.iter_mut().zip(filled.entries()).for_each(|(to, r)| *to = *r as f32);
            // Day `day` executes; the days after it are part of this past, which ends before the model is used.
            let after = self.past.at(day + 1 + self.horizon);
            for (future, &asset) in future.chunks_exact_mut(self.horizon).zip(assets) {
                let known = after.returns(asset, self.horizon).expect("the day lies after a look-back");
                future.iter_mut().zip(known).for_each(|(to, r)| *to = if r.is_nan() { 0.0 } else { *r as f32 });
            }
            Ok::<_, Error>(())
        })?;
        let tensor = |values, width| Tensor::from_vec(values, (days.len(), n, width), &Device::Cpu);
        Ok(Batch { returns: tensor(returns, n_days)?, future: tensor(future, self.horizon)? })
    }
}
