//! `[sweep]`: an experiment repeated for several universes or rebalancing days.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::registry::check_name;
use crate::universe::{Rules, Variant};

/// `[sweep]`: repeats the experiment for each size of the universe, each variant of its rules and each phase of the rebalancing day, in
/// `results/<name>/n=<size>/`, `universe=<label>/`, `phase=<days>/` or several of these joined by commas.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Sweep {
    /// Values of `universe.size`, all different; by default the one of `[universe]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub size: Vec<usize>,
    /// Variants of the rules, each a table with a `label` and what it writes of `[universe]`. Rules come from the variant alone;
    /// other keys that it does not write (`size`, `rank_by`, `missing` and so on) stay those of `[universe]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub universe: Vec<Variant>,
    /// Values of `walk_forward.phase`, all different: the same run on other rebalancing days.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phase: Vec<usize>,
    /// For slow estimators: the largest size at which the estimator, given by its label, still takes part.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub up_to: BTreeMap<String, usize>,
}

/// One run of a sweep.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Point {
    /// Label of the variant of the rules, if there are variants.
    pub universe: Option<String>,
    /// `walk_forward.phase`, if the sweep has several.
    pub phase: Option<usize>,
    /// `universe.size`.
    pub size: usize,
    /// Whether the sweep has several sizes, so that labels name them.
    is_sized: bool,
}

impl Point {
    /// A name for tables: the variant, the phase and the size, as far as runs differ in them.
    pub fn label(&self) -> String {
        self.parts(", ", ["", "phase ", "n = "])
    }

    /// The name of its folder.
    pub fn folder(&self) -> String {
        self.parts(",", ["universe=", "phase=", "n="])
    }

    /// Whether it differs from the other runs in its size only.
    pub fn is_only_sized(&self) -> bool {
        self.universe.is_none() && self.phase.is_none()
    }

    fn parts(&self, between: &str, [universe, phase, size]: [&str; 3]) -> String {
        let of_size = (self.is_sized || self.is_only_sized()).then(|| format!("{size}{}", self.size));
        let of_universe = self.universe.as_ref().map(|label| format!("{universe}{label}"));
        let of_phase = self.phase.map(|k| format!("{phase}{k}"));
        [of_universe, of_phase, of_size].into_iter().flatten().collect::<Vec<_>>().join(between)
    }
}

impl Sweep {
    /// Refuses a sweep over nothing, equal sizes, and labels that are equal or no name of a folder.
    pub(super) fn check(&self) -> Result<()> {
        let mut seen = HashSet::new();
        let is_nothing = self.size.is_empty() && self.universe.is_empty() && self.phase.is_empty();
        if is_nothing || !self.size.iter().all(|size| *size > 0 && seen.insert(size)) {
            let value = format!("{:?}", self.size);
            return Err(Error::Parameter { name: "sweep.size", range: "different positive sizes", value });
        }
        let mut seen = HashSet::new();
        if !self.phase.iter().all(|phase| seen.insert(phase)) {
            let value = format!("{:?}", self.phase);
            return Err(Error::Parameter { name: "sweep.phase", range: "different numbers of days", value });
        }
        let mut seen = HashSet::new();
        for variant in &self.universe {
            check_name("a label of sweep.universe", &variant.label)?;
            if !seen.insert(&variant.label) {
                let value = format!("'{}' twice", variant.label);
                return Err(Error::Parameter { name: "sweep.universe", range: "tables with different labels", value });
            }
        }
        Ok(())
    }

    /// The runs: for each variant all phases, and for each of these all sizes.
    pub fn points(&self, rules: &Rules) -> Vec<Point> {
        let sizes = if self.size.is_empty() { vec![rules.size] } else { self.size.clone() };
        let some = |phase: &usize| Some(*phase);
        let phases: Vec<Option<usize>> =
            if self.phase.is_empty() { vec![None] } else { self.phase.iter().map(some).collect() };
        let labels = self.universe.iter().map(|variant| Some(variant.label.clone()));
        let universes: Vec<Option<String>> = if self.universe.is_empty() { vec![None] } else { labels.collect() };
        let is_sized = !self.size.is_empty();
        let mut points = Vec::new();
        for universe in &universes {
            for phase in &phases {
                let point = |size: &usize| Point { universe: universe.clone(), phase: *phase, size: *size, is_sized };
                points.extend(sizes.iter().map(point));
            }
        }
        points
    }

    /// The rules of one run.
    pub fn rules_of(&self, point: &Point, rules: &Rules) -> Rules {
        let variant = self.universe.iter().find(|variant| Some(&variant.label) == point.universe.as_ref());
        let rules = variant.map_or_else(|| rules.clone(), |variant| variant.of(rules));
        Rules { size: point.size, ..rules }
    }
}
