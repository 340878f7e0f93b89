//! The networks of an experiment: read from a file, or trained for each calendar year on everything before it.
//!
//! ```text
//! { model = "FILE", precision = "f64" }             one network for all dates, or one per year: FILE with {year} in it
//! { train = "RECIPE", seed = 0, precision = "f64" }  one per year, as [train.RECIPE] says
//!
//! results/<name>/models/<RECIPE>-<seed>/<year>.safetensors
//! ```
//! With `warm_steps` in the schedule a year continues from the model of the year before, the first year of the
//! experiment starts from its seed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use serde::Deserialize;

use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::estimators::CovarianceEstimator;
use crate::experiment::plan::Plan;
use crate::experiment::{Experiment, Market};
use crate::registry::Choice;
use crate::train::{Eligible, Model, Neural, Recipe, Task, TrainingProgress, train};

/// The name of a choice with a model file.
pub(super) const MODEL: &str = "model";
/// The name of a choice with a recipe.
pub(super) const TRAIN: &str = "train";

/// Element type in which a trained network is applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Precision {
    F32,
    #[default]
    F64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FromFile {
    model: PathBuf,
    #[serde(default)]
    precision: Precision,
}

impl FromFile {
    /// The different files for some years, in their order.
    fn files(&self, years: &[i16]) -> Vec<PathBuf> {
        let pattern = self.model.to_string_lossy();
        let mut files: Vec<PathBuf> =
            years.iter().map(|year| PathBuf::from(pattern.replace("{year}", &year.to_string()))).collect();
        files.dedup();
        files
    }
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct FromRecipe {
    train: String,
    #[serde(default)]
    seed: u64,
    #[serde(default)]
    precision: Precision,
}

/// Which network is being trained, and how far it is.
#[derive(Clone, Debug)]
pub struct Training {
    /// Recipe and seed.
    pub name: String,
    /// The calendar year it is for.
    pub year: i16,
    /// How far.
    pub progress: TrainingProgress,
}

/// Trains and keeps the networks of a run.
pub(super) struct Networks<'a> {
    experiment: &'a Experiment,
    market: &'a Market,
    folder: PathBuf,
    eligible: Eligible,
    /// First calendar year of the experiment.
    first_year: i16,
    stop: &'a AtomicBool,
    /// Hashes of the models that come from files, by label.
    pub models: BTreeMap<String, String>,
}

impl<'a> Networks<'a> {
    /// Refuses choices that cannot work, before anything is computed.
    pub fn new(plan: &Plan<'a>, folder: &Path, stop: &'a AtomicBool) -> Result<Self> {
        let (experiment, market) = (plan.experiment, plan.market);
        let lookback = experiment.walk_forward.lookback;
        let mut models = BTreeMap::new();
        for choice in &experiment.compare.estimators {
            match choice.name.as_str() {
                MODEL => {
                    let wanted: FromFile = choice.parameters()?;
                    let mut hashes = Vec::new();
                    for file in wanted.files(&plan.years()) {
                        let model = Model::open(&file)?;
                        if let Some(days) = model.header.network.n_days.filter(|days| *days != lookback) {
                            let rule =
                                format!("a per-lag network of {days} days cannot read a look-back of {lookback}");
                            return Err(Error::data(file.display().to_string(), rule));
                        }
                        hashes.push(model.hash()?);
                    }
                    models.insert(choice.label.clone(), hashes.join(" "));
                }
                TRAIN => {
                    let wanted: FromRecipe = choice.parameters()?;
                    recipe(experiment, &wanted.train)?;
                }
                _ => {}
            }
        }
        let eligible = Eligible::new(experiment.universe.over(lookback)?, experiment.universe.missing);
        let first_year = plan.years()[0];
        Ok(Self { experiment, market, folder: folder.join("models"), eligible, first_year, stop, models })
    }

    /// The estimator of a choice for a calendar year.
    pub fn estimator(
        &self,
        choice: &Choice,
        year: i16,
        progress: &mut dyn FnMut(Training),
    ) -> Result<Box<dyn CovarianceEstimator>> {
        let (model, precision) = match choice.name.as_str() {
            MODEL => {
                let wanted: FromFile = choice.parameters()?;
                (Model::open(&wanted.files(&[year])[0])?, wanted.precision)
            }
            _ => {
                let wanted: FromRecipe = choice.parameters()?;
                (self.trained(&wanted, year, progress)?, wanted.precision)
            }
        };
        match precision {
            Precision::F32 => Ok(Box::new(Neural(model.network::<f32>()?))),
            Precision::F64 => Ok(Box::new(Neural(model.network::<f64>()?))),
        }
    }

    /// The model of a year, after those of the years before where it continues from them.
    fn trained(&self, wanted: &FromRecipe, year: i16, progress: &mut dyn FnMut(Training)) -> Result<Model> {
        let recipe = recipe(self.experiment, &wanted.train)?;
        let mut warm = None;
        let first = if recipe.schedule.warm_steps > 0 { self.first_year } else { year };
        for year in first..=year {
            let panel = &self.market.panel;
            let before = Date::new(year, 1, 1).expect("a year of the calendar");
            let name = format!("{}-{}", wanted.train, wanted.seed);
            let rules = toml::to_string(&self.experiment.universe).expect("rules are plain data");
            let windows = &self.experiment.walk_forward;
            let task = Task {
                recipe,
                seed: wanted.seed,
                past: panel.past(panel.calendar().first_on_or_after(before)),
                eligible: &self.eligible,
                lookback: windows.lookback,
                horizon: windows.horizon,
                data_hash: panel.content_hash(),
                rules: &rules,
                warm: warm.as_ref(),
                file: self.file(wanted, year),
            };
            let mut show = |p: TrainingProgress| progress(Training { name: name.clone(), year, progress: p });
            warm = Some(train(&task, self.stop, &mut show)?);
        }
        Ok(warm.expect("the loop has run for the year itself"))
    }

    /// Trains everything that the experiment needs for the given years.
    pub fn train_all(&self, years: &[i16], progress: &mut dyn FnMut(Training)) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for choice in self.experiment.compare.estimators.iter().filter(|choice| choice.name == TRAIN) {
            let wanted: FromRecipe = choice.parameters()?;
            for &year in years {
                self.trained(&wanted, year, progress)?;
                files.push(self.file(&wanted, year));
            }
        }
        Ok(files)
    }

    fn file(&self, wanted: &FromRecipe, year: i16) -> PathBuf {
        let name = format!("{}-{}", wanted.train, wanted.seed);
        self.folder.join(name).join(format!("{year}.safetensors"))
    }
}

/// Removes the models of a run, finished or not.
pub(super) fn discard(folder: &Path) -> Result<()> {
    let folder = folder.join("models");
    if folder.exists() { std::fs::remove_dir_all(&folder).map_err(Error::io(&folder)) } else { Ok(()) }
}

fn recipe<'a>(experiment: &'a Experiment, name: &str) -> Result<&'a Recipe> {
    let known = experiment.train.keys().map(String::as_str);
    experiment.train.get(name).ok_or_else(|| Error::unknown("recipe of [train]", name, known))
}
