//! Minimum variance with a cap on every sector.
//!
//! ```text
//! min w'Σw,  1'w = 1,  Σ_{i in s} w_i ≤ cap for every sector s,  lower ≤ w_i ≤ upper
//! ```
//! At the solution, with prices μ of the sum and λ_s ≥ 0 of every cap (zero where it does not bind): (Σw)_i = μ − λ_s for
//! every weight between its bounds, at least that at the lower one, and at most that at the upper one. Assets without a
//! sector together form one. Needs a panel with sectors. Markowitz (1959), "Portfolio selection", chapter 8, on linear
//! constraints.
//!
//! ```
//! use minvar::prelude::*;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?;
//! let sigma = minvar::estimators::build("qis")?.estimate(&window)?;
//! let sectors: Vec<&str> = (0..20).map(|i| ["banks", "energy", "health"][i % 3]).collect();
//! let situation = Situation { sectors: Some(&sectors), ..Situation::default() };
//! let weights = minvar::allocators::build("gmv_sector,cap=0.4")?.allocate(&sigma, &situation)?;
//! assert!(weights.as_slice().iter().step_by(3).sum::<f64>() <= 0.4 + 1e-12); // the banks
//! # Ok(())
//! # }
//! ```

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::allocators::active_set::{Problem, check_bounds};
use crate::allocators::{Allocator, Situation, Weights};
use crate::error::Result;
use crate::linalg::Covariance;
use crate::registry::{Choice, check};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SectorMinimumVariance {
    cap: f64,
    lower: f64,
    upper: f64,
}

impl Default for SectorMinimumVariance {
    fn default() -> Self {
        Self { cap: 0.4, lower: 0.0, upper: f64::INFINITY }
    }
}

/// Members of each sector, in the order of their names.
pub(super) fn by_sector<'a>(sectors: &[&'a str]) -> BTreeMap<&'a str, Vec<usize>> {
    let mut members: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    sectors.iter().enumerate().for_each(|(i, sector)| members.entry(sector).or_default().push(i));
    members
}

impl Allocator for SectorMinimumVariance {
    fn allocate(&self, covariance: &Covariance, situation: &Situation<'_>) -> Result<Weights> {
        let sectors = situation.known("gmv_sector", "sectors", situation.sectors)?;
        let (cap, bounds) = (self.cap, (self.lower, self.upper));
        check_bounds("gmv_sector", sectors.len(), bounds)?;
        let members = by_sector(sectors);
        let mut group = vec![0; sectors.len()];
        members.values().enumerate().for_each(|(s, members)| members.iter().for_each(|&i| group[i] = s));
        let contradiction = || {
            let held = |(name, members): (&&str, &Vec<usize>)| {
                (members.len() as f64 * self.lower > cap).then(|| name.to_string())
            };
            match members.iter().find_map(held) {
                Some(name) => {
                    format!("the weights of sector '{name}' exceed cap = {cap} even at lower = {}", self.lower)
                }
                None => {
                    let most: f64 = members.values().map(|m| cap.min(m.len() as f64 * self.upper)).sum();
                    format!("{} sectors of at most {cap} hold {most} in all; raise cap or upper", members.len())
                }
            }
        };
        let problem = Problem::grouped(covariance.matrix(), bounds, group, vec![cap; members.len()]);
        Weights::normalised(problem.minimum("gmv_sector", situation.start, contradiction)?)
    }
}

pub(super) fn build(choice: &Choice) -> Result<Box<dyn Allocator>> {
    let allocator: SectorMinimumVariance = choice.parameters()?;
    check(allocator.cap > 0.0, "gmv_sector.cap", "above 0", allocator.cap)?;
    check(allocator.lower < allocator.upper, "gmv_sector.lower", "below upper", allocator.lower)?;
    Ok(Box::new(allocator))
}
