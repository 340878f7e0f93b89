//! Minimum variance with bounds on weights and on sums of distances, by active sets: exact, and fast from a good start.
//!
//! ```text
//! min ½ w'Σw,  1'w = 1,  lower ≤ w_i ≤ upper,  Σ_{i in s} |w_i − c_i| ≤ limit_s  for disjoint groups s of assets
//! ```
//! One group around c = 0 bounds the gross exposure, one around the weights held the turnover. A group whose c is below
//! every weight bounds a sum, such as that of a sector: w_i − c_i then has one sign. Without a limit only bounds remain.
//!
//! Each asset has a ladder of points lower ≤ c ≤ upper; it is bound to one of them, or free in the cell between two. A *face*
//! says where each asset is and which groups are at their limit; on a face the minimum solves linear equations (`face.rs`).
//! Two searches look for the face of the solution. The first (`pivots.rs`) corrects all wrong assets of a face at once: it
//! needs few factorisations, but may go round in circles. Then the second (`descent.rs`) goes on one asset at a time, with
//! ever less variance, and always ends. The weights follow from the equations of the last face, with the assets in ascending
//! order, so their bytes do not depend on the path to it. Where another start could lead to another face, because minima or
//! prices are not unique up to rounding, the start is not used.
//! Nocedal, Wright (2006), "Numerical optimization", section 16.5, and the sources named in the other files.

mod descent;
mod face;
mod pivots;

use face::{Face, Status};

use crate::error::{Error, Result};
use crate::linalg::Matrix;

/// Weights and sums that differ by less are equal up to rounding; weights have no unit. Prices: as a share of their size.
const ROUNDING: f64 = 1e-12;
/// Conditions of optimality that hold by a smaller margin might not hold on the way from another start.
const AMBIGUOUS: f64 = 1e-9;

/// A covariance, and what the weights must satisfy besides their sum.
pub(super) struct Problem<'a> {
    sigma: &'a Matrix,
    /// lower; c, or the bound next to it; upper.
    points: Vec<[f64; 3]>,
    /// c.
    centre: Vec<f64>,
    group: Vec<usize>,
    limits: Vec<f64>,
}

impl<'a> Problem<'a> {
    /// lower ≤ w_i ≤ upper.
    pub fn between(sigma: &'a Matrix, bounds: (f64, f64)) -> Self {
        Self::grouped(sigma, bounds, vec![0; sigma.nrows()], vec![f64::INFINITY])
    }

    /// lower ≤ w_i ≤ upper, and Σ_{i in s} w_i ≤ limit_s with the group s of each asset.
    pub fn grouped(sigma: &'a Matrix, (lower, upper): (f64, f64), group: Vec<usize>, limits: Vec<f64>) -> Self {
        let n = sigma.nrows();
        Self { sigma, points: vec![[lower, lower, upper]; n], centre: vec![0.0; n], group, limits }
    }

    /// lower ≤ w_i ≤ upper, and Σ |w_i − c_i| ≤ limit.
    pub fn around(sigma: &'a Matrix, (lower, upper): (f64, f64), centre: &[f64], limit: f64) -> Self {
        let points = centre.iter().map(|c| [lower, c.clamp(lower, upper), upper]).collect();
        Self { sigma, points, centre: centre.to_vec(), group: vec![0; centre.len()], limits: vec![limit] }
    }

    /// The weights (N) of least variance, searched from `start`, or from weights near c. `contradiction` says what to do if no
    /// weights satisfy the constraints.
    pub fn minimum(
        &self,
        what: &'static str,
        start: Option<&[f64]>,
        contradiction: impl FnOnce() -> String,
    ) -> Result<Vec<f64>> {
        let n = self.sigma.nrows();
        assert_eq!((self.points.len(), start.map_or(n, <[f64]>::len)), (n, n), "weights held, and those to start from");
        let refused = |why: String| Error::Undefined { what, why };
        let feasible = self
            .feasible()
            .ok_or_else(|| refused(format!("no weights satisfy all of its constraints: {}", contradiction())))?;
        let warm = start.and_then(|start| self.search(&feasible, start)).filter(|found| !found.is_ambiguous);
        let found = warm.or_else(|| self.search(&feasible, &feasible));
        let why = || format!("rounding keeps the search for the weights of {} assets from ending", feasible.len());
        Ok(self.clamped(&found.ok_or_else(|| refused(why()))?.w))
    }

    fn search(&self, feasible: &[f64], start: &[f64]) -> Option<Found> {
        let mut face = Face::of(self, start);
        let minimum = match pivots::search(self, &mut face) {
            Some(minimum) => minimum,
            None => {
                let near = face.minimum(self).map(|minimum| self.moved_inside(&minimum.w, feasible));
                let found = near.and_then(|near| descent::search(self, &near));
                face = found.or_else(|| descent::search(self, feasible))?;
                face.minimum(self)?
            }
        };
        let margin = minimum.margin(self, &face);
        let is_ambiguous = minimum.is_degenerate || margin < AMBIGUOUS;
        (margin > -AMBIGUOUS).then_some(Found { w: minimum.w, is_ambiguous })
    }

    /// Weights that satisfy the constraints, if there are any. At c each group has its smallest sum; from there assets of little
    /// variance are filled until the weights sum to one.
    fn feasible(&self) -> Option<Vec<f64>> {
        let mut w: Vec<f64> = self.points.iter().map(|p| if p[1].is_finite() { p[1] } else { p[2].min(0.0) }).collect();
        let mut room: Vec<f64> = self.limits.iter().zip(self.sums(&w)).map(|(limit, sum)| limit - sum).collect();
        if room.iter().any(|room| *room < -ROUNDING) {
            return None;
        }
        let mut order: Vec<usize> = (0..w.len()).collect();
        order.sort_by(|&a, &b| self.sigma[(a, a)].total_cmp(&self.sigma[(b, b)]));
        let mut lacking = 1.0 - w.iter().sum::<f64>();
        for i in order {
            let wanted = lacking.clamp(self.points[i][0] - w[i], self.points[i][2] - w[i]);
            let given = wanted.abs().min(room[self.group[i]].max(0.0)).copysign(wanted);
            w[i] += given;
            room[self.group[i]] -= given.abs();
            lacking -= given;
        }
        (lacking.abs() <= ROUNDING).then_some(w)
    }

    /// Weights near `w` that satisfy the constraints.
    fn moved_inside(&self, w: &[f64], feasible: &[f64]) -> Vec<f64> {
        let mut w = self.clamped(w);
        let mut lacking = 1.0 - w.iter().sum::<f64>();
        for (w, points) in w.iter_mut().zip(&self.points) {
            let given = lacking.clamp(points[0] - *w, points[2] - *w);
            *w += given;
            lacking -= given;
        }
        let (share, _) = self.share_within(feasible, &w, 1.0, &vec![false; self.limits.len()]);
        // Equal weights stay exactly where they are, at a point of their ladder.
        feasible.iter().zip(&w).map(|(from, to)| if from == to { *to } else { from + share * (to - from) }).collect()
    }

    fn clamped(&self, w: &[f64]) -> Vec<f64> {
        w.iter().zip(&self.points).map(|(w, points)| w.clamp(points[0], points[2])).collect()
    }

    /// The sign with which the weight of an asset enters the sum of its group: 1 from c on, else −1.
    fn sign(&self, i: usize, w: f64) -> f64 {
        let [_, within, upper] = self.points[i];
        if w < within || self.centre[i] > upper { -1.0 } else { 1.0 }
    }

    /// The sum of each group.
    fn sums(&self, w: &[f64]) -> Vec<f64> {
        let mut sums = vec![0.0; self.limits.len()];
        w.iter().enumerate().for_each(|(i, &w)| sums[self.group[i]] += self.sign(i, w) * (w - self.centre[i]));
        sums
    }

    /// The cell of a free asset by its weight.
    fn cell(&self, i: usize, w: f64) -> Status {
        let [lower, centre, _] = self.points[i];
        Status::Free(usize::from(w > centre || lower == centre))
    }

    /// The points between which a free asset may move. c is one of them only where the distance from it counts.
    fn ends(&self, i: usize, cell: usize, face: &Face) -> (usize, usize) {
        let points = &self.points[i];
        // Where points coincide, the middle one has the cells on both sides.
        let point = |k: usize| if points[k] == points[1] { 1 } else { k };
        if face.is_full[self.group[i]] { (point(cell), point(cell + 1)) } else { (point(0), point(2)) }
    }

    /// The largest share, up to `most`, of the way between two weights on which groups keep to their limits, apart from those
    /// `ignored`, and the group that ends it. Sums are convex on the way: Newton's method from its end takes a few steps.
    fn share_within(&self, from: &[f64], to: &[f64], most: f64, ignored: &[bool]) -> (f64, Option<usize>) {
        let (mut share, mut stop) = (most, None);
        loop {
            let at: Vec<f64> = from.iter().zip(to).map(|(from, to)| from + share * (to - from)).collect();
            let sums = self.sums(&at);
            let mut slopes = vec![0.0; sums.len()];
            for (i, (from, to)) in from.iter().zip(to).enumerate() {
                slopes[self.group[i]] += self.sign(i, at[i]) * (to - from);
            }
            let is_over = |s: &usize| !ignored[*s] && sums[*s] > self.limits[*s] + ROUNDING && slopes[*s] > 0.0;
            let crossing = |s: usize| (s, share - (sums[s] - self.limits[s]) / slopes[s]);
            let nearest = (0..sums.len()).filter(is_over).map(crossing).min_by(|a, b| a.1.total_cmp(&b.1));
            match nearest.map(|(s, nearer)| (s, nearer.max(0.0))) {
                Some((s, nearer)) if nearer < share => (share, stop) = (nearer, Some(s)),
                _ => return (share, stop),
            }
        }
    }
}

/// Weights of least variance.
struct Found {
    w: Vec<f64>,
    /// Whether a search from elsewhere might have found another face.
    is_ambiguous: bool,
}

/// Refuses bounds between which n weights cannot sum to one.
pub(super) fn check_bounds(what: &'static str, n: usize, (lower, upper): (f64, f64)) -> Result<()> {
    let (least, most) = (lower * n as f64, upper * n as f64);
    let advice = if least > 1.0 + ROUNDING {
        format!("set lower to at most {}", 1.0 / n as f64)
    } else if most < 1.0 - ROUNDING {
        format!("set upper to at least {}", 1.0 / n as f64)
    } else {
        return Ok(());
    };
    let why = format!("{n} weights between {lower} and {upper} cannot sum to one; {advice}");
    Err(Error::Undefined { what, why })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sigma(n: usize) -> Matrix {
        Matrix::from_fn(n, n, |i, j| if i == j { 1.0 + i as f64 } else { 0.3 })
    }

    /// The way that no ordinary problem takes far: the second search alone, from weights that satisfy the constraints.
    #[test]
    fn the_descent_alone_finds_the_face_of_the_pivots() {
        let sigma = sigma(12);
        let held: Vec<f64> = (0..12).map(|i| if i % 2 == 0 { 0.4 } else { -0.7 / 3.0 }).collect();
        let sectors = || (0..12).map(|i| i % 3).collect();
        for problem in [
            Problem::between(&sigma, (0.0, 0.15)),
            Problem::between(&sigma, (-0.05, 0.3)),
            Problem::around(&sigma, (f64::NEG_INFINITY, f64::INFINITY), &[0.0; 12], 1.01),
            Problem::around(&sigma, (-0.3, 0.45), &held, 0.8),
            Problem::grouped(&sigma, (0.0, 0.2), sectors(), vec![0.35; 3]),
            Problem::grouped(&sigma, (0.0, 0.2), sectors(), vec![1.0 / 3.0; 3]),
        ] {
            let feasible = problem.feasible().unwrap();
            let mut pivoted = Face::of(&problem, &feasible);
            let expected = pivots::search(&problem, &mut pivoted).unwrap().w;
            let found = descent::search(&problem, &feasible).unwrap().minimum(&problem).unwrap().w;
            assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-14), "{found:?} and {expected:?}");
        }
    }

    #[test]
    fn a_way_ends_where_the_first_group_reaches_its_limit() {
        let sigma = sigma(3);
        let problem = Problem::around(&sigma, (-1.0, 2.0), &[0.5, 0.5, 0.0], 0.4);
        // The distance falls from 0.2 to 0 at a third of the way, and is 0.4 when it is all but over.
        let (share, stop) = problem.share_within(&[0.4, 0.6, 0.0], &[0.7, 0.3, 0.0], 1.0, &[false]);
        assert_eq!((share, stop), (1.0, None));
        let (share, stop) = problem.share_within(&[0.4, 0.6, 0.0], &[1.0, 0.0, 0.0], 1.0, &[false]);
        assert!((share - 0.5).abs() < 1e-15 && stop == Some(0), "{share}");
    }
}
