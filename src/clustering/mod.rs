//! Agglomerative clustering: trees of merges, the distances they imply, the order of their leaves. No other module
//! uses the clustering crate.
//!
//! ```text
//! cophenetic distance of i and j = height of the merge that first joins them
//! ```
//! Müllner (2011), "Modern hierarchical, agglomerative clustering algorithms".

use kodama::Method;
use serde::{Deserialize, Serialize};

use crate::linalg::Matrix;

/// Rule for the distance between two clusters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Linkage {
    /// The smallest distance between members: the minimum spanning tree.
    #[default]
    Single,
    /// The mean distance between members (UPGMA).
    Average,
    /// The largest distance between members.
    Complete,
    /// The increase of the within-cluster sum of squares (Ward); distances must be Euclidean.
    Ward,
}

/// The merge of two nodes. Nodes 0 … n−1 are the leaves; node n + k is the result of the k-th merge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Merge {
    /// The node with the smaller number, placed on the left.
    pub left: usize,
    /// The node with the larger number.
    pub right: usize,
    /// Distance at which they merge.
    pub height: f64,
}

/// A tree with n leaves and n − 1 merges in ascending order of height.
pub struct Tree {
    n_leaves: usize,
    merges: Vec<Merge>,
}

impl Tree {
    /// Clusters n leaves with distances `distance(i, j)`, i < j. Panics if a distance is NaN.
    pub fn new(n_leaves: usize, linkage: Linkage, distance: impl Fn(usize, usize) -> f64) -> Self {
        let pairs = (0..n_leaves).flat_map(|i| (i + 1..n_leaves).map(move |j| (i, j)));
        let mut condensed: Vec<f64> = pairs.map(|(i, j)| distance(i, j)).collect();
        assert!(condensed.iter().all(|d| !d.is_nan()), "distances are numbers");
        let method = match linkage {
            Linkage::Single => Method::Single,
            Linkage::Average => Method::Average,
            Linkage::Complete => Method::Complete,
            Linkage::Ward => Method::Ward,
        };
        let dendrogram = kodama::linkage(&mut condensed, n_leaves, method);
        let merge = |step: &kodama::Step<f64>| Merge {
            left: step.cluster1.min(step.cluster2),
            right: step.cluster1.max(step.cluster2),
            height: step.dissimilarity,
        };
        Self { n_leaves, merges: dendrogram.steps().iter().map(merge).collect() }
    }

    /// The merges, lowest first.
    pub fn merges(&self) -> &[Merge] {
        &self.merges
    }

    /// The leaves below a node, from left to right.
    pub fn leaves_of(&self, node: usize) -> Vec<usize> {
        let (mut leaves, mut pending) = (Vec::new(), vec![node]);
        while let Some(node) = pending.pop() {
            match node.checked_sub(self.n_leaves) {
                None => leaves.push(node),
                Some(merge) => pending.extend([self.merges[merge].right, self.merges[merge].left]),
            }
        }
        leaves
    }

    /// All leaves from left to right.
    pub fn leaves(&self) -> Vec<usize> {
        self.leaves_of(self.n_leaves + self.merges.len() - 1)
    }

    /// Cophenetic distances (n × n), zero on the diagonal.
    pub fn cophenetic(&self) -> Matrix {
        let n = self.n_leaves;
        let leaves = self.leaves();
        // Heights never fall towards the root, so two leaves join at the largest gap between them in the order of the
        // leaves.
        let mut gaps = vec![0.0; n.saturating_sub(1)];
        let mut place = vec![(0, 0); n + self.merges.len()];
        leaves.iter().enumerate().for_each(|(at, &leaf)| place[leaf] = (at, at));
        for (k, merge) in self.merges.iter().enumerate() {
            let (left, right) = (place[merge.left], place[merge.right]);
            gaps[left.1] = merge.height;
            place[n + k] = (left.0, right.1);
        }
        let mut distances = Matrix::zeros(n, n);
        for (from, &i) in leaves.iter().enumerate() {
            let mut highest = f64::NEG_INFINITY;
            for (&j, &gap) in leaves[from + 1..].iter().zip(&gaps[from..]) {
                highest = highest.max(gap);
                distances[(i, j)] = highest;
                distances[(j, i)] = highest;
            }
        }
        distances
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points on a line.
    const POINTS: [f64; 5] = [0.0, 10.0, 1.0, 13.0, 3.0];

    fn tree(linkage: Linkage) -> Tree {
        Tree::new(5, linkage, |i, j| (POINTS[i] - POINTS[j]).abs())
    }

    #[test]
    fn points_on_a_line_merge_as_by_hand() {
        let heights = |linkage| tree(linkage).merges().iter().map(|m| m.height).collect::<Vec<_>>();
        assert_eq!(heights(Linkage::Single), [1.0, 2.0, 3.0, 7.0]);
        assert_eq!(heights(Linkage::Complete), [1.0, 3.0, 3.0, 13.0]);
        assert_eq!(heights(Linkage::Average), [1.0, 2.5, 3.0, (10.0 + 13.0 + 9.0 + 12.0 + 7.0 + 10.0) / 6.0]);
    }

    #[test]
    fn cophenetic_distances_are_heights_of_first_joins() {
        let distances = tree(Linkage::Single).cophenetic();
        let expected = [((0, 2), 1.0), ((0, 4), 2.0), ((2, 4), 2.0), ((1, 3), 3.0), ((0, 1), 7.0), ((3, 4), 7.0)];
        for ((i, j), distance) in expected {
            assert_eq!((distances[(i, j)], distances[(j, i)]), (distance, distance), "({i}, {j})");
        }
        assert_eq!(tree(Linkage::Single).leaves(), [4, 0, 2, 1, 3]);
    }
}
