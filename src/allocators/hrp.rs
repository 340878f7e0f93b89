//! Hierarchical risk parity and hierarchical equal risk contribution.
//!
//! ```text
//! d_ij = √( max(0, 1 − e_ij) / 2 ),  a tree of d itself,  v(S) = variance of the inverse-variance portfolio of S
//! hrp   the leaves from left to right are halved at ⌊len/2⌋ until single:  left × 1 − v_l/(v_l+v_r),  right × the rest
//! herc  the tree is split from its root down to K clusters; each split divides the weight like hrp, but by the sums of v
//!       over the clusters below each side;  inverse variance inside a cluster
//! ```
//! The node with the smaller number is the left one of a merge, and leaves are not reordered. Packages differ in
//! this, and in whether they use d itself, as here, or distances between its columns.
//! López de Prado (2016), "Building diversified portfolios that outperform out of sample"; Raffinot (2018), "The
//! hierarchical equal risk contribution portfolio".
//!
//! ```
//! use minvar::prelude::*;
//! # fn main() -> Result<()> {
//! let window = Window::new(SyntheticMarket::complete(20, 60).returns()?)?;
//! let sigma = minvar::estimators::build("qis")?.estimate(&window)?;
//! for name in ["hrp", "herc,clusters=4"] {
//!     let weights = minvar::allocators::build(name)?.allocate(&sigma, &Situation::default())?;
//!     assert!(weights.as_slice().iter().all(|w| *w > 0.0));
//! }
//! # Ok(())
//! # }
//! ```

use serde::{Deserialize, Serialize};

use crate::allocators::{Allocator, Situation, Weights};
use crate::clustering::{Linkage, Tree};
use crate::error::Result;
use crate::linalg::Covariance;
use crate::registry::{Choice, check};

/// Hierarchical risk parity.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HierarchicalRiskParity {
    /// Rule for the distance between clusters.
    pub linkage: Linkage,
}

/// Hierarchical equal risk contribution.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct EqualRiskContribution {
    linkage: Linkage,
    clusters: usize,
}

impl Default for EqualRiskContribution {
    fn default() -> Self {
        Self { linkage: Linkage::Ward, clusters: 10 } // Ward: Raffinot 2018; ten sectors or so
    }
}

fn tree(covariance: &Covariance, linkage: Linkage) -> Tree {
    let (sigma, sd) = (covariance.matrix(), covariance.volatilities());
    let distance = |i: usize, j: usize| ((1.0 - sigma.column(i)[j] / (sd[i] * sd[j])).max(0.0) / 2.0).sqrt();
    Tree::new(covariance.n_assets(), linkage, distance)
}

/// v(S): the variance of the inverse-variance portfolio of some assets.
fn cluster_variance(covariance: &Covariance, members: &[usize]) -> f64 {
    let sigma = covariance.matrix();
    let inverse: Vec<f64> = members.iter().map(|&i| 1.0 / sigma[(i, i)]).collect();
    let total: f64 = inverse.iter().sum();
    let mut variance = 0.0;
    for (&j, wj) in members.iter().zip(&inverse) {
        let column = sigma.column(j);
        variance += wj * members.iter().zip(&inverse).map(|(&i, wi)| wi * column[i]).sum::<f64>();
    }
    variance / (total * total)
}

impl Allocator for HierarchicalRiskParity {
    fn allocate(&self, covariance: &Covariance, _: &Situation<'_>) -> Result<Weights> {
        let n = covariance.n_assets();
        let mut weights = vec![1.0; n];
        if n > 1 {
            let leaves = tree(covariance, self.linkage).leaves();
            let mut pending = vec![leaves.as_slice()];
            while let Some(members) = pending.pop().filter(|members| members.len() > 1) {
                let (left, right) = members.split_at(members.len() / 2);
                let (v_left, v_right) = (cluster_variance(covariance, left), cluster_variance(covariance, right));
                let share = 1.0 - v_left / (v_left + v_right);
                left.iter().for_each(|&i| weights[i] *= share);
                right.iter().for_each(|&i| weights[i] *= 1.0 - share);
                pending.extend([left, right].into_iter().filter(|half| half.len() > 1));
            }
        }
        Weights::normalised(weights)
    }
}

impl Allocator for EqualRiskContribution {
    fn allocate(&self, covariance: &Covariance, _: &Situation<'_>) -> Result<Weights> {
        let n = covariance.n_assets();
        let mut weights = vec![0.0; n];
        if n == 1 {
            return Weights::normalised(vec![1.0]);
        }
        let tree = tree(covariance, self.linkage);
        let merges = tree.merges();
        // Undoing the highest K−1 merges leaves K clusters.
        let first_split = merges.len() - (self.clusters.min(n) - 1);
        let is_split = |node: usize| node >= n + first_split;
        let mut risks = vec![0.0; n + merges.len()];
        for (k, merge) in merges.iter().enumerate().skip(first_split) {
            for child in [merge.left, merge.right].into_iter().filter(|child| !is_split(*child)) {
                risks[child] = cluster_variance(covariance, &tree.leaves_of(child));
            }
            risks[n + k] = risks[merge.left] + risks[merge.right];
        }
        let mut pending = vec![(n + merges.len() - 1, 1.0)];
        while let Some((node, share)) = pending.pop() {
            if is_split(node) {
                let merge = merges[node - n];
                let left = 1.0 - risks[merge.left] / (risks[merge.left] + risks[merge.right]);
                pending.extend([(merge.left, share * left), (merge.right, share * (1.0 - left))]);
                continue;
            }
            let members = tree.leaves_of(node);
            let inverse = |i: usize| 1.0 / covariance.matrix()[(i, i)];
            let total: f64 = members.iter().map(|&i| inverse(i)).sum();
            members.iter().for_each(|&i| weights[i] = share * inverse(i) / total);
        }
        Weights::normalised(weights)
    }
}

pub(super) fn build(choice: &Choice) -> Result<Box<dyn Allocator>> {
    Ok(Box::new(choice.parameters::<HierarchicalRiskParity>()?))
}

pub(super) fn build_herc(choice: &Choice) -> Result<Box<dyn Allocator>> {
    let allocator: EqualRiskContribution = choice.parameters()?;
    check(allocator.clusters >= 1, "herc.clusters", "at least 1", allocator.clusters)?;
    Ok(Box::new(allocator))
}
