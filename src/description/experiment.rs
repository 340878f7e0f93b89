//! The experiment file: what to compare, on which data and windows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::calendar::{Date, toml_date};
use crate::data::read_text;
use crate::description::choices::ORACLE;
use crate::description::evidence::EvidenceKeys;
use crate::description::explained::explained;
use crate::description::simulation::Simulation;
use crate::description::sweep::{Point, Sweep};
use crate::error::{Error, Result};
use crate::program::refused_format;
use crate::registry::{Choice, MOST_DAYS, check_label, check_name};
use crate::synthetic::SyntheticMarket;
use crate::train::Recipe;
use crate::universe::Rules;

/// The format version of experiment files.
const FORMAT: u32 = 1;

/// A whole experiment file. Unknown keys are refused; defaults are written out in the saved `run.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// Format version of this file: 1, which is also assumed if it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<u32>,
    /// One line on the purpose of the experiment; by default the name of its file.
    #[serde(default)]
    pub about: String,
    /// Seed of every random stream outside the data.
    #[serde(default)]
    pub seed: u64,
    /// The data: a panel or a synthetic market.
    pub data: Data,
    /// The universe rules.
    #[serde(default = "Rules::paper")]
    pub universe: Rules,
    /// The windows.
    pub walk_forward: WalkForward,
    /// Estimators and allocators to compare.
    pub compare: Compare,
    /// Sizes of the universe and variants of its rules, each run separately.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep: Option<Sweep>,
    /// Accounts that trade the portfolios.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub simulation: Option<Simulation>,
    /// What the figures show.
    #[serde(default, skip_serializing_if = "Figures::is_default")]
    pub figures: Figures,
    /// What the tests compare with.
    #[serde(default, skip_serializing_if = "EvidenceKeys::is_default")]
    pub evidence: EvidenceKeys,
    /// Recipes for the networks that `{ train = NAME }` among the estimators refers to.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub train: BTreeMap<String, Recipe>,
}

/// `[data]`: exactly one of `panel` and `synthetic`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// Name of the panel's folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub panel: Option<String>,
    /// A market drawn for the experiment, whose true covariance is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub synthetic: Option<SyntheticMarket>,
    /// A file of suspects, in the data folder, whose returns count as missing: rows of asset, first, last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclude: Option<PathBuf>,
    /// Days in a year, for all annual figures and rank windows; by default found from the calendar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub periods_per_year: Option<f64>,
}

/// `[walk_forward]`: the windows of the data.
///
/// On a decision date d the estimators see the returns of days d − lookback … d − 1. The new weights are executed at
/// the close of d and earn the returns of d+1 … d+horizon, and d+horizon is the next decision date.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct WalkForward {
    /// Days in a window, on which the estimators work.
    #[serde(default = "paper_lookback")]
    pub lookback: usize,
    /// Days for which a portfolio is held, from one decision to the next.
    #[serde(default = "paper_horizon")]
    pub horizon: usize,
    /// Days by which every decision is later than those that begin on `first`, below `horizon`: other rebalancing days.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub phase: usize,
    /// The first decision is on the first trading day on or after this date; by default on the first day on which the
    /// rules leave `size` assets, or all assets.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "toml_date::optional")]
    #[cfg_attr(feature = "cli", schemars(with = "Option<toml_date::Written>"))]
    pub first: Option<Date>,
    /// No decision and no return after this date; by default the end of the panel.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "toml_date::optional")]
    #[cfg_attr(feature = "cli", schemars(with = "Option<toml_date::Written>"))]
    pub last: Option<Date>,
}

impl WalkForward {
    /// The decision days of a run whose first possible one is `first` and that ends before `end`.
    pub fn decisions(&self, first: usize, end: usize) -> Vec<usize> {
        (first + self.phase..end.saturating_sub(1)).step_by(self.horizon).collect()
    }
}

fn is_zero(phase: &usize) -> bool {
    *phase == 0
}

fn paper_lookback() -> usize {
    1200
}

fn paper_horizon() -> usize {
    5
}

/// `[compare]`: every allocator is combined with every estimator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Compare {
    /// Estimators, by name or as tables with parameters and a label; `oracle` is the true covariance of a synthetic
    /// market.
    pub estimators: Vec<Choice>,
    /// Allocators, by name or as tables with parameters and a label.
    pub allocators: Vec<Choice>,
}

/// `[figures]`: what the figures show.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Figures {
    /// Labels of estimators to draw in colour; the others are grey or left out. All are in colour if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub highlight: Vec<String>,
    /// Labels of estimators whose cleaned eigenvalues are drawn against the sample's, for the last date.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub eigenvalues: Vec<String>,
}

impl Figures {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Experiment {
    /// Reads an experiment file. Fails if it is not a valid experiment.
    pub fn read(path: &Path) -> Result<Self> {
        Self::parse(&read_text(path)?, &path.display().to_string())
    }

    /// Whether another experiment decides the same weights: all keys are equal but `about`, `[simulation]`, `[figures]` and
    /// `[evidence]`.
    pub fn decides_as(&self, other: &Self) -> bool {
        let decisions = |experiment: &Self| {
            let (about, figures, evidence) = (String::new(), Figures::default(), EvidenceKeys::default());
            let bare = Self { format: None, about, simulation: None, figures, evidence, ..experiment.clone() };
            toml::to_string(&bare).expect("an experiment is plain data")
        };
        decisions(self) == decisions(other)
    }

    /// Parses the text of an experiment file; `file` names it in messages.
    pub fn parse(text: &str, file: &str) -> Result<Self> {
        let config = |message: String| Error::Config { file: file.to_string(), message };
        let mut experiment: Self = toml::from_str(text).map_err(|error| config(explained(&error, text)))?;
        if let Some(why) = refused_format(experiment.format.unwrap_or(FORMAT), FORMAT) {
            return Err(config(why));
        }
        if experiment.about.is_empty() {
            let stem = Path::new(file).file_stem().map(|stem| stem.to_string_lossy().into_owned());
            experiment.about = stem.unwrap_or_default();
        }
        if let Some(market) = &mut experiment.data.synthetic {
            let windows = &mut experiment.walk_forward;
            windows.first = windows.first.or(market.decisions_from.take());
            windows.last = windows.last.or(market.decisions_to.take());
        }
        if experiment.data.panel.is_some() == experiment.data.synthetic.is_some() {
            return Err(config("[data] needs either 'panel' or 'synthetic'".to_string()));
        }
        if let Some(x) = experiment.data.periods_per_year.filter(|x| !(1.0..=366.0).contains(x)) {
            let (name, range) = ("data.periods_per_year", "between 1 and 366");
            return Err(config(Error::Parameter { name, range, value: x.to_string() }.to_string()));
        }
        let windows = &experiment.walk_forward;
        for (name, value, least) in
            [("walk_forward.lookback", windows.lookback, 2), ("walk_forward.horizon", windows.horizon, 1)]
        {
            if value < least {
                let range = if least == 2 { "at least 2" } else { "at least 1" };
                return Err(config(Error::Parameter { name, range, value: value.to_string() }.to_string()));
            }
            if value > MOST_DAYS {
                let range = "at most 100000 days";
                return Err(config(Error::Parameter { name, range, value: value.to_string() }.to_string()));
            }
        }
        let phases = experiment.sweep.iter().flat_map(|sweep| &sweep.phase).chain([&windows.phase]);
        if let Some(phase) = phases.max().filter(|phase| **phase >= windows.horizon) {
            let range = "below walk_forward.horizon";
            return Err(config(Error::Parameter { name: "phase", range, value: phase.to_string() }.to_string()));
        }
        let named = |outcome: Result<()>| outcome.map_err(|error| config(error.to_string()));
        named(experiment.data.panel.as_ref().map_or(Ok(()), |panel| check_label("data.panel", panel)))?;
        experiment.train.keys().try_for_each(|name| named(check_name("a recipe of [train]", name)))?;
        for (name, recipe) in &experiment.train {
            recipe.check(windows.lookback).map_err(|error| config(format!("[train.{name}] {error}")))?;
        }
        if experiment.compare.estimators.is_empty() || experiment.compare.allocators.is_empty() {
            return Err(config("[compare] needs at least one estimator and one allocator".to_string()));
        }
        if let Some(simulation) = &experiment.simulation {
            simulation.check().map_err(|error| config(error.to_string()))?;
            if experiment.sweep.is_some() {
                return Err(config("[simulation] and [sweep] cannot be combined".to_string()));
            }
        }
        experiment.check_labels().map_err(|error| config(error.to_string()))?;
        Ok(experiment)
    }

    /// Checks that the labels in `[sweep]` and `[figures]` are those of estimators, and that sizes are positive and
    /// different.
    fn check_labels(&self) -> Result<()> {
        let known = || self.compare.estimators.iter().map(|choice| choice.label.as_str());
        let limited = self.sweep.iter().flat_map(|sweep| sweep.up_to.keys());
        let mut named = limited.chain(&self.figures.highlight).chain(&self.figures.eigenvalues);
        if let Some(label) = named.find(|label| !known().any(|known| known == *label)) {
            return Err(Error::unknown("label of an estimator", label, known()));
        }
        let labels = |choices: &[Choice]| choices.iter().map(|choice| choice.label.clone()).collect::<Vec<String>>();
        self.evidence.check(&labels(&self.compare.estimators), &labels(&self.compare.allocators))?;
        self.sweep.as_ref().map_or(Ok(()), Sweep::check)
    }

    /// The experiment without the true covariance, which only synthetic markets have; `None` if no estimator is left
    /// without it.
    pub fn without_oracle(&self) -> Option<Self> {
        let mut real = self.clone();
        real.compare.estimators.retain(|choice| choice.name != ORACLE);
        if real.compare.estimators.len() == self.compare.estimators.len() || real.compare.estimators.is_empty() {
            return None;
        }
        let takes_part = |label: &String| real.compare.estimators.iter().any(|choice| choice.label == *label);
        real.figures.highlight.retain(takes_part);
        real.figures.eigenvalues.retain(takes_part);
        if let Some(sweep) = &mut real.sweep {
            sweep.up_to.retain(|label, _| takes_part(label));
        }
        Some(real)
    }

    /// The runs of the sweep; none without one.
    pub fn points(&self) -> Vec<Point> {
        self.sweep.as_ref().map_or(Vec::new(), |sweep| sweep.points(&self.universe))
    }

    /// The experiment of one run of the sweep.
    pub fn at(&self, point: &Point) -> Self {
        let mut one = self.clone();
        let Some(sweep) = one.sweep.take() else { return one };
        one.universe = sweep.rules_of(point, &self.universe);
        one.walk_forward.phase = point.phase.unwrap_or(self.walk_forward.phase);
        let limit = |label: &str| sweep.up_to.get(label).copied();
        one.compare.estimators.retain(|choice| limit(&choice.label).is_none_or(|limit| point.size <= limit));
        let takes_part = |label: &String| one.compare.estimators.iter().any(|choice| choice.label == *label);
        one.figures.highlight.retain(takes_part);
        one.figures.eigenvalues.retain(takes_part);
        one
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = r#"
about = "a test"
[data]
panel = "us_daily"
[walk_forward]
first = 2018-01-01
last = "2018-12-31"
[compare]
estimators = ["qis"]
allocators = ["gmv"]
"#;

    #[test]
    fn defaults_are_the_papers_and_survive_writing() {
        let experiment = Experiment::parse(MINIMAL, "test.toml").unwrap();
        assert_eq!((experiment.walk_forward.lookback, experiment.walk_forward.horizon), (1200, 5));
        assert_eq!(experiment.walk_forward.first, Some(jiff::civil::date(2018, 1, 1)));
        let written = toml::to_string(&experiment).unwrap();
        assert!(written.contains("first = 2018-01-01"), "{written}");
        assert_eq!(Experiment::parse(&written, "test.toml").unwrap(), experiment);
    }

    #[track_caller]
    fn refused(from: &str, to: &str, expected: &str) {
        let message = Experiment::parse(&MINIMAL.replace(from, to), "test.toml").unwrap_err().to_string();
        assert!(message.starts_with("test.toml: ") && message.contains(expected), "{message}");
    }

    #[test]
    fn everything_that_is_missing_is_named_at_once_and_the_file_names_the_experiment() {
        let missing = |text: &str| Experiment::parse(text, "my/test.toml").unwrap_err().to_string();
        let all = "my/test.toml: missing: [data], [walk_forward], [compare], compare.estimators, compare.allocators";
        assert_eq!(missing("seed = 1"), all);
        let grid = format!("{MINIMAL}[simulation]\nleverage = {{ from = 1 }}\n");
        assert_eq!(
            missing(&grid),
            "my/test.toml: missing: simulation.profiles, simulation.leverage.to, simulation.leverage.steps"
        );
        let nameless = Experiment::parse(&MINIMAL.replace("about = \"a test\"", ""), "my/test.toml").unwrap();
        assert_eq!(nameless.about, "test");
    }

    #[test]
    fn names_and_labels_stay_in_their_line_and_folder() {
        for label in ["=1+1", "-x", "@x", "a|b", "a\\nb", " "] {
            refused("\"qis\"", &format!("{{ name = \"qis\", label = \"{label}\" }}"), "a label must be a word");
        }
        refused("us_daily", "=us", "data.panel must be a word");
        refused("[compare]", "[train.\"../up\"]\n[compare]", "a recipe of [train] must be a single name");
    }

    #[test]
    fn mistakes_are_named_with_file_and_line() {
        refused("[walk_forward]", "[walk_forward]\nlook_back = 3", "did you mean 'lookback'?");
        refused("[walk_forward]", "[walk_forward]\nlook_back = 3", "line 6");
        refused("2018-01-01", "\"soon\"", "'soon' is not a date");
        refused("panel = \"us_daily\"", "", "either 'panel' or 'synthetic'");
        refused("\"gmv\"", "", "at least one estimator and one allocator");
        refused("[walk_forward]", "[walk_forward]\nhorizon = 0", "walk_forward.horizon must be at least 1");
    }
}
