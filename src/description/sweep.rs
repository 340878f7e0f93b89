//! `[sweep]`: an experiment repeated for several universes.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::registry::check_name;
use crate::universe::{Rules, Variant};

/// `[sweep]`: repeats the experiment for each size of the universe and each variant of its rules, in
/// `results/<name>/n=<size>/`, `universe=<label>/` or `universe=<label>,n=<size>/`.
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
    /// For slow estimators: the largest size at which the estimator, given by its label, still takes part.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub up_to: BTreeMap<String, usize>,
}

/// One run of a sweep.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Point {
    /// Label of the variant of the rules, if there are variants.
    pub universe: Option<String>,
    /// `universe.size`.
    pub size: usize,
    /// Whether the sweep has several sizes, so that labels name them.
    is_sized: bool,
}

impl Point {
    /// A name for tables: the size, the variant, or both.
    pub fn label(&self) -> String {
        match &self.universe {
            None => format!("n = {}", self.size),
            Some(universe) if self.is_sized => format!("{universe}, n = {}", self.size),
            Some(universe) => universe.clone(),
        }
    }

    /// The name of its folder.
    pub fn folder(&self) -> String {
        match &self.universe {
            None => format!("n={}", self.size),
            Some(universe) if self.is_sized => format!("universe={universe},n={}", self.size),
            Some(universe) => format!("universe={universe}"),
        }
    }
}

impl Sweep {
    /// Refuses a sweep over nothing, equal sizes, and labels that are equal or no name of a folder.
    pub(super) fn check(&self) -> Result<()> {
        let mut seen = HashSet::new();
        let is_nothing = self.size.is_empty() && self.universe.is_empty();
        if is_nothing || !self.size.iter().all(|size| *size > 0 && seen.insert(size)) {
            let value = format!("{:?}", self.size);
            return Err(Error::Parameter { name: "sweep.size", range: "different positive sizes", value });
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

    /// The runs: for each variant all sizes.
    pub fn points(&self, rules: &Rules) -> Vec<Point> {
        let sizes = if self.size.is_empty() { vec![rules.size] } else { self.size.clone() };
        let point = |universe: Option<&str>, size: usize| Point {
            universe: universe.map(str::to_string),
            size,
            is_sized: !self.size.is_empty(),
        };
        if self.universe.is_empty() {
            return sizes.into_iter().map(|size| point(None, size)).collect();
        }
        let all_sizes =
            |variant: &Variant| sizes.iter().map(|size| point(Some(&variant.label), *size)).collect::<Vec<_>>();
        self.universe.iter().flat_map(all_sizes).collect()
    }

    /// The rules of one run.
    pub fn rules_of(&self, point: &Point, rules: &Rules) -> Rules {
        let variant = self.universe.iter().find(|variant| Some(&variant.label) == point.universe.as_ref());
        let rules = variant.map_or_else(|| rules.clone(), |variant| variant.of(rules));
        Rules { size: point.size, ..rules }
    }
}
