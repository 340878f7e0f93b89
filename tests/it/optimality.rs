//! How far weights are from least variance under their constraints, from nothing but Σ, the weights and the constraints.

use minvar::linalg::Covariance;

/// The constraints besides 1'w = 1.
pub struct Constraints<'a> {
    pub lower: f64,
    pub upper: f64,
    pub sums: Sums<'a>,
}

pub enum Sums<'a> {
    Free,
    /// Σ |w_i − centre_i| ≤ limit
    Around(&'a [f64], f64),
    /// Σ_{i in s} w_i ≤ cap for each sector s
    Sectors(&'a [&'a str], f64),
}

/// Weights this close to a bound or a centre count as being there: dividing by their sum moves them by a rounding error.
const AT: f64 = 1e-13;

/// By how much the weights break a constraint.
pub fn infeasibility(weights: &[f64], constraints: &Constraints<'_>) -> f64 {
    let outside = weights.iter().map(|w| (constraints.lower - w).max(w - constraints.upper)).fold(0.0, f64::max);
    let excess = match constraints.sums {
        Sums::Free => 0.0,
        Sums::Around(centre, limit) => weights.iter().zip(centre).map(|(w, c)| (w - c).abs()).sum::<f64>() - limit,
        Sums::Sectors(sectors, cap) => {
            sectors.iter().map(|sector| sum_of(weights, sectors, sector) - cap).fold(f64::NEG_INFINITY, f64::max)
        }
    };
    outside.max(excess).max((weights.iter().sum::<f64>() - 1.0).abs())
}

fn sum_of(weights: &[f64], sectors: &[&str], sector: &str) -> f64 {
    weights.iter().zip(sectors).filter(|(_, s)| **s == sector).map(|(w, _)| w).sum()
}

/// The smallest violation of the conditions of optimality that any multipliers μ and ν ≥ 0 leave:
///
/// ```text
/// (Σw)_i ≥ μ − ν s  where w_i can grow,   (Σw)_i ≤ μ − ν s  where it can fall
/// ```
/// with s the change per weight in the sum that ν belongs to, and ν = 0 if that sum is below its limit. It is relative to the mean
/// |(Σw)_i|, or, where the terms of that sum cancel to less, to a thousandth of them.
pub fn kkt_violation(covariance: &Covariance, weights: &[f64], constraints: &Constraints<'_>) -> f64 {
    let gradient = covariance.matrix().times(weights);
    let sizes: Vec<f64> = weights.iter().map(|w| w.abs()).collect();
    let terms = covariance.matrix().clone().map(|_, _, x| x.abs()).times(&sizes);
    let scale = gradient.iter().map(|g| g.abs()).sum::<f64>().max(terms.iter().sum::<f64>() / 1e3) / terms.len() as f64;
    let can_grow = |i: usize| weights[i] < constraints.upper - AT;
    let can_fall = |i: usize| weights[i] > constraints.lower + AT;
    let all = 0..weights.len();
    let gap = match constraints.sums {
        Sums::Free => {
            highest(&gradient, all.clone().filter(|&i| can_fall(i))) - lowest(&gradient, all.filter(|&i| can_grow(i)))
        }
        Sums::Around(centre, limit) => {
            let distance: f64 = weights.iter().zip(centre).map(|(w, c)| (w - c).abs()).sum();
            let gap = |nu: f64| {
                let up = |i: usize| gradient[i] + if weights[i] > centre[i] - AT { nu } else { -nu };
                let down = |i: usize| gradient[i] + if weights[i] > centre[i] + AT { nu } else { -nu };
                let falls = all.clone().filter(|&i| can_fall(i)).map(down).fold(f64::NEG_INFINITY, f64::max);
                falls - all.clone().filter(|&i| can_grow(i)).map(up).fold(f64::INFINITY, f64::min)
            };
            // The gap is a convex function of ν: ternary search.
            let (mut low, mut high) = (0.0, gradient.iter().fold(0.0, |max: f64, g| max.max(g.abs())) * 2.0);
            for _ in 0..200 {
                let (a, b) = (low + (high - low) / 3.0, high - (high - low) / 3.0);
                if gap(a) <= gap(b) { high = b } else { low = a }
            }
            if distance < limit - 1e-9 { gap(0.0) } else { gap(low).min(gap(0.0)) }
        }
        Sums::Sectors(sectors, cap) => {
            // Within a sector ν cancels. Between sectors, weight can leave any of them, but enter only those below the cap.
            let mut names: Vec<&str> = sectors.to_vec();
            names.sort();
            names.dedup();
            let (mut within, mut highest_of_all, mut lowest_of_open) = (0.0f64, f64::NEG_INFINITY, f64::INFINITY);
            for name in names {
                let members = || all.clone().filter(|&i| sectors[i] == name);
                let falls = highest(&gradient, members().filter(|&i| can_fall(i)));
                let grows = lowest(&gradient, members().filter(|&i| can_grow(i)));
                within = within.max(falls - grows);
                highest_of_all = highest_of_all.max(falls);
                if sum_of(weights, sectors, name) < cap - 1e-9 {
                    lowest_of_open = lowest_of_open.min(grows);
                }
            }
            within.max(highest_of_all - lowest_of_open)
        }
    };
    gap.max(0.0) / scale
}

fn highest(gradient: &[f64], among: impl Iterator<Item = usize>) -> f64 {
    among.map(|i| gradient[i]).fold(f64::NEG_INFINITY, f64::max)
}

fn lowest(gradient: &[f64], among: impl Iterator<Item = usize>) -> f64 {
    among.map(|i| gradient[i]).fold(f64::INFINITY, f64::min)
}
