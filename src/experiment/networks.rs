//! The networks of an experiment: read from a file, or trained for each calendar year on all days before it.
//!
//! ```text
//! { model = "FILE", dtype = "f64" }             one network for all dates, or one per year: FILE with {year} in it
//! { train = "RECIPE", seed = 0, dtype = "f64" }  one per year, trained by [train.RECIPE]
//! memory = "model(FILE)", volatility = …         a module of either, as a part of another estimator
//!
//! results/<name>/models/<RECIPE>-<seed>/<year>.safetensors
//! ```
//! With `warm_steps` in the schedule, a year continues from the model of the year before; the first year of the
//! experiment starts from its seed.

use std::collections::{BTreeMap, VecDeque};
use std::io::ErrorKind;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, mpsc};

use crate::calendar::Date;
use crate::cuda::Ceilings;
use crate::data::{LOCK, Lock, list_folder, remove_folder};
use crate::description::{FromRecipe, UsedNetwork};
use crate::error::{Error, Result};
use crate::estimators::{CovarianceEstimator, modules};
use crate::experiment::plan::Plan;
use crate::experiment::{Experiment, Job, MarketData, Resources, start};
use crate::nn::ElementType;
use crate::registry::{Choice, Part};
use crate::train::{
    Compute, Eligible, Model, ModelFile, Neural, NeuralOnDevice, Profiled, Task, TrainingProgress, profile, train,
};

/// The distinct files of a choice for some years, in the order of the years.
fn files(wanted: &ModelFile, years: &[i16]) -> Vec<PathBuf> {
    let pattern = wanted.model.to_string_lossy();
    let mut files: Vec<PathBuf> =
        years.iter().map(|year| PathBuf::from(pattern.replace(YEAR, &year.to_string()))).collect();
    files.dedup();
    files
}

/// Adds to an error about a year without a model file the years that have one.
fn explained(wanted: &ModelFile, error: Error) -> Error {
    let pattern = wanted.model.to_string_lossy();
    let (Error::Io { path, source }, Some((before, after))) = (&error, pattern.split_once(YEAR)) else {
        return error;
    };
    let exists = |year: &i16| Path::new(&format!("{before}{year}{}", after.replace(YEAR, &year.to_string()))).exists();
    let years: Vec<String> = (1900..=2100).filter(exists).map(|year: i16| year.to_string()).collect();
    if source.kind() != ErrorKind::NotFound || years.is_empty() {
        return error;
    }
    let rule = format!("no such model; there are models for {}", years.join(", "));
    Error::data(path.display().to_string(), rule)
}

/// Placeholder for the year in the name of a model file.
const YEAR: &str = "{year}";

/// A training or calibration in progress.
#[derive(Clone, Debug)]
pub struct Training {
    /// Plural name of the units counted: steps of a training, draws of a calibration.
    pub what: &'static str,
    /// Recipe and seed of a network, or the label of another estimator.
    pub name: String,
    /// The calendar year it is for.
    pub year: i16,
    /// Its progress.
    pub progress: TrainingProgress,
}

/// The part of an experiment's models that this process trains; other processes may train the rest.
#[derive(Clone, Debug, Default)]
pub struct Share {
    /// Calendar years; all if absent.
    pub years: Option<RangeInclusive<i16>>,
    /// Seeds; all if empty.
    pub seeds: Vec<u64>,
}

/// Models to train in order, each from the one before; or a single model.
struct Chain {
    wanted: FromRecipe,
    years: Vec<i16>,
}

/// Reads, trains and keeps the networks of a run.
pub(super) struct Networks<'a> {
    resources: Resources<'a>,
    experiment: &'a Experiment,
    market: &'a MarketData,
    folder: PathBuf,
    eligible: Eligible,
    /// What the choice of members depends on, because a model depends on it besides its recipe.
    rules: String,
    /// First calendar year of the experiment.
    first_year: i16,
    stop: &'a AtomicBool,
    /// Set when one of several trainings has failed, so that the others stop.
    failed: AtomicBool,
    /// Hashes of the models that were read from files, by label.
    pub models: BTreeMap<String, String>,
    /// Notes on them for the user.
    pub notes: Vec<String>,
}

impl<'a> Networks<'a> {
    /// Checks the choices and refuses those that cannot work, before anything is computed.
    pub fn new(plan: &Plan<'a>, job: &Job<'a>) -> Result<Self> {
        let Job { experiment, market, folder, resources, stop, .. } = *job;
        let lookback = experiment.walk_forward.lookback;
        let (mut models, mut notes) = (BTreeMap::new(), Vec::new());
        for choice in &experiment.compare.estimators {
            let (mut hashes, mut n_foreign) = (Vec::new(), 0);
            for network in UsedNetwork::all_of(choice)? {
                match network {
                    UsedNetwork::File(wanted) => {
                        for file in files(&wanted, &plan.years()) {
                            let model = Model::open(&file).map_err(|error| explained(&wanted, error))?;
                            n_foreign += usize::from(model.header.data_hash != market.panel.content_hash());
                            model.check_days(lookback, &file)?;
                            hashes.push(model.hash()?);
                        }
                    }
                    UsedNetwork::Recipe(wanted) => drop(wanted.recipe(&experiment.train)?),
                }
            }
            let (label, n) = (&choice.label, hashes.len());
            if n_foreign > 0 {
                notes.push(format!("{label}: {n_foreign} of {n} models were trained on another panel than this one"));
            }
            if n > 0 {
                models.insert(label.clone(), hashes.join(" "));
            }
        }
        let eligible = Eligible::new(plan.universe.clone(), experiment.universe.missing);
        let rules = plan.universe.identity(&market.panel);
        let first_year = plan.years()[0];
        let folder = folder.join("models");
        Ok(Self {
            resources,
            experiment,
            market,
            folder,
            eligible,
            rules,
            first_year,
            stop,
            failed: AtomicBool::new(false),
            models,
            notes,
        })
    }

    /// The estimator of a choice for a calendar year. Trains or reads its model if that is not done yet.
    pub fn estimator(
        &self,
        choice: &Choice,
        year: i16,
        progress: &mut dyn FnMut(Training),
    ) -> Result<Box<dyn CovarianceEstimator>> {
        let part = Part::of_network(choice)?;
        let (model, precision) = self.model(&UsedNetwork::of(&part)?, year, progress)?;
        Ok(match (self.resources.compute, precision) {
            (Compute::Processor, ElementType::F32) => Box::new(Neural(model.network::<f32>()?)),
            (Compute::Processor, ElementType::F64) => Box::new(Neural(model.network::<f64>()?)),
            (Compute::Device { open, .. }, ElementType::F32) => {
                Box::new(NeuralOnDevice::new(&model.network::<f32>()?, open, ElementType::F32)?)
            }
            (Compute::Device { open, .. }, ElementType::F64) => {
                Box::new(NeuralOnDevice::new(&model.network::<f64>()?, open, ElementType::F64)?)
            }
        })
    }

    /// The members of the universe by day, which all trainings and choices of the run share.
    pub fn eligible(&self) -> &Eligible {
        &self.eligible
    }

    /// The modules that a choice takes from networks, for a calendar year.
    pub fn modules(&self, choice: &Choice, year: i16, progress: &mut dyn FnMut(Training)) -> Result<modules::Networks> {
        let read = |part: Part| {
            let (model, dtype) = self.model(&UsedNetwork::of(&part)?, year, progress)?;
            Ok((modules::key_of(&part), model.modules(dtype)?))
        };
        modules::networks_of(choice)?.into_iter().map(read).collect()
    }

    /// The model of a network for a year, read or trained, and the type in which it is applied.
    fn model(
        &self,
        network: &UsedNetwork,
        year: i16,
        progress: &mut dyn FnMut(Training),
    ) -> Result<(Model, ElementType)> {
        Ok(match network {
            UsedNetwork::File(wanted) => (Model::open(&files(wanted, &[year])[0])?, wanted.dtype),
            UsedNetwork::Recipe(wanted) => (self.trained(wanted, year, progress)?, wanted.dtype),
        })
    }

    /// The recipes that the experiment trains, each network once.
    fn recipes(&self) -> Result<Vec<FromRecipe>> {
        let mut all: Vec<FromRecipe> = Vec::new();
        for choice in &self.experiment.compare.estimators {
            for network in UsedNetwork::all_of(choice)? {
                if let UsedNetwork::Recipe(wanted) = network {
                    let is_same = |known: &FromRecipe| (&known.train, known.seed) == (&wanted.train, wanted.seed);
                    if !all.iter().any(is_same) {
                        all.push(wanted); // the same network may serve several choices
                    }
                }
            }
        }
        Ok(all)
    }

    /// The model of a year, trained if necessary, as are the years before if it continues from them.
    fn trained(&self, wanted: &FromRecipe, year: i16, progress: &mut dyn FnMut(Training)) -> Result<Model> {
        let recipe = wanted.recipe(&self.experiment.train)?;
        let mut warm = None;
        let first = if recipe.schedule.warm_steps > 0 { self.first_year } else { year };
        for year in first..=year {
            let name = format!("{}-{}", wanted.train, wanted.seed);
            let task = self.task(wanted, year, warm.as_ref())?;
            let mut show =
                |p: TrainingProgress| progress(Training { what: "steps", name: name.clone(), year, progress: p });
            let stop = || self.stop.load(Ordering::Relaxed) || self.failed.load(Ordering::Relaxed);
            warm = Some(train(&task, &stop, &mut show)?);
        }
        Ok(warm.expect("the loop has run for the year itself"))
    }

    /// The training task for the model of a year.
    fn task<'t>(&'t self, wanted: &FromRecipe, year: i16, warm: Option<&'t Model>) -> Result<Task<'t>> {
        let panel = &self.market.panel;
        let before = Date::new(year, 1, 1).expect("a year of the calendar");
        let windows = &self.experiment.walk_forward;
        Ok(Task {
            recipe: wanted.recipe(&self.experiment.train)?,
            seed: wanted.seed,
            past: panel.past(panel.calendar().first_on_or_after(before)),
            eligible: &self.eligible,
            lookback: windows.lookback,
            horizon: windows.horizon,
            data_hash: panel.content_hash(),
            rules: &self.rules,
            warm,
            file: self.file(wanted, year),
            compute: self.resources.compute,
        })
    }

    /// Measures the first `steps` steps of each recipe that the experiment trains, for its first year.
    pub fn profile_all(&self, steps: usize, limits: Option<Ceilings>) -> Result<Vec<(String, Profiled)>> {
        let mut all: Vec<(String, Profiled)> = Vec::new();
        for wanted in self.recipes()? {
            if all.iter().all(|(name, _)| *name != wanted.train) {
                let task = self.task(&wanted, self.first_year, None)?;
                all.push((wanted.train.clone(), profile(&task, steps, limits)?));
            }
        }
        Ok(all)
    }

    /// Trains every model that the experiment needs for `years` and that belongs to this process's `share`.
    pub fn train_all(&self, years: &[i16], share: &Share, progress: &mut dyn FnMut(Training)) -> Result<Vec<PathBuf>> {
        let years: Vec<i16> =
            years.iter().copied().filter(|year| share.years.as_ref().is_none_or(|part| part.contains(year))).collect();
        let mut chains = VecDeque::new();
        for wanted in self.recipes()? {
            if !share.seeds.is_empty() && !share.seeds.contains(&wanted.seed) {
                continue;
            }
            let warm = wanted.recipe(&self.experiment.train)?.schedule.warm_steps > 0;
            let parts: Vec<Vec<i16>> =
                if warm { vec![years.clone()] } else { years.iter().map(|year| vec![*year]).collect() };
            chains.extend(parts.into_iter().map(|years| Chain { wanted: wanted.clone(), years }));
        }
        let files = |chain: &Chain| chain.years.iter().map(|year| self.file(&chain.wanted, *year)).collect::<Vec<_>>();
        let files = chains.iter().flat_map(files).collect();
        let workers = self.resources.parallel_models.min(chains.len());
        let queue = Mutex::new(chains);
        if workers <= 1 {
            self.work(&queue, progress)?;
            return Ok(files);
        }
        let (sender, receiver) = mpsc::channel();
        std::thread::scope(|scope| {
            let worker = |_| {
                let (sender, queue) = (sender.clone(), &queue);
                // If the receiver is gone, no one is watching any more.
                scope.spawn(move || self.work(queue, &mut |training| drop(sender.send(training))))
            };
            let workers: Vec<_> = (0..workers).map(worker).collect();
            drop(sender);
            receiver.iter().for_each(&mut *progress);
            let outcomes = workers.into_iter().map(|worker| worker.join().expect("a worker does not panic"));
            let failed: Vec<Error> = outcomes.filter_map(Result::err).collect();
            // Return the first error that is not the interruption it caused in the other trainings.
            let interrupted = |error: &Error| matches!(error, Error::Interrupted { .. });
            let first = failed.iter().position(|error| !interrupted(error)).unwrap_or(0);
            failed.into_iter().nth(first).map_or(Ok(()), Err)
        })?;
        Ok(files)
    }

    /// Trains chains from the queue until it is empty; an error makes all workers stop.
    fn work(&self, queue: &Mutex<VecDeque<Chain>>, progress: &mut dyn FnMut(Training)) -> Result<()> {
        let next = || queue.lock().expect("no worker panics while it takes a chain").pop_front();
        while let Some(Chain { wanted, years }) = next() {
            for year in years {
                if let Err(error) = self.trained(&wanted, year, progress) {
                    let error = start::explain_fit(error, self.experiment, &self.market.panel, &wanted.train);
                    self.failed.store(true, Ordering::Relaxed);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn file(&self, wanted: &FromRecipe, year: i16) -> PathBuf {
        let name = format!("{}-{}", wanted.train, wanted.seed);
        self.folder.join(name).join(format!("{year}.safetensors"))
    }
}

/// Removes the models of a run, finished or not. Fails if a process is training one.
pub(super) fn discard(folder: &Path) -> Result<()> {
    let folder = folder.join("models");
    if !folder.exists() {
        return Ok(());
    }
    let mut locks = Vec::new();
    for network in list_folder(&folder)? {
        let place = folder.join(network);
        let names = list_folder(&place).unwrap_or_default();
        let locked = names.into_iter().filter(|name| name.starts_with('.') && name.ends_with(LOCK));
        locks.extend(locked.map(|name| Lock::take(&place.join(name))).collect::<Result<Vec<_>>>()?);
    }
    remove_folder(&folder)
}
