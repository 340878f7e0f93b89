//! The search with one change at a time, through weights that satisfy all constraints.
//!
//! On each face the weights move towards the minimum and stop at the first barrier: a free asset that reaches the end of its
//! cell is bound, and a group that reaches its limit becomes full. At the minimum the group or the asset that promises the
//! largest fall is released. The variance falls whenever the weights move, so no face is met twice. Where they cannot move,
//! because more constraints meet than are needed, the released asset is soon the first wrong one, which goes in no circle:
//! Bland (1977), "New finite pivoting rules for the simplex method".

use crate::allocators::active_set::face::{Face, Minimum, Status};
use crate::allocators::active_set::{Problem, ROUNDING};

/// Releases without movement after which the first wrong asset is taken in place of the most promising one. Chosen.
const PATIENCE: usize = 20;

/// The face of least variance, from weights that satisfy the constraints; none if rounding keeps the search from ending.
pub(super) fn search(problem: &Problem<'_>, feasible: &[f64]) -> Option<Face> {
    let (face, w) = (Face::of(problem, feasible), feasible.to_vec());
    let mut descent = Descent { problem, face, w, released: None, barred: Vec::new(), n_stalled: 0 };
    for _ in 0..20 * feasible.len() + 100 {
        let minimum = descent.settle()?;
        let lowest = (0..minimum.nu.len()).min_by(|&a, &b| minimum.nu[a].total_cmp(&minimum.nu[b]));
        if let Some(group) = lowest.filter(|&s| minimum.nu[s] < -minimum.tolerance) {
            descent.face.is_full[group] = false;
        } else if let Some((asset, cell)) = descent.best_entrant(&minimum) {
            descent.face.status[asset] = Status::Free(cell);
            descent.released = Some(asset);
            descent.n_stalled += 1;
        } else {
            return Some(descent.face);
        }
    }
    None
}

struct Descent<'a> {
    problem: &'a Problem<'a>,
    face: Face,
    w: Vec<f64>,
    /// The asset released last.
    released: Option<usize>,
    /// Assets that rounding keeps from moving; they wait until others have moved.
    barred: Vec<usize>,
    n_stalled: usize,
}

/// What stops a step.
enum Barrier {
    /// The asset, and the point that it reaches.
    Asset(usize, usize),
    Group(usize),
}

impl<'a> Descent<'a> {
    /// Moves to the minimum of a face, which loses assets and gains full groups on the way.
    fn settle(&mut self) -> Option<Minimum> {
        loop {
            let free = self.face.free();
            for (s, is_full) in self.face.is_full.iter_mut().enumerate() {
                *is_full &= free.iter().any(|&i| self.problem.group[i] == s);
            }
            let goal = self.face.minimum(self.problem)?;
            let (step, barrier) = self.first_barrier(&free, &goal.w);
            let mut moved = 0.0f64;
            for (w, goal) in self.w.iter_mut().zip(&goal.w) {
                moved = moved.max(step * (goal - *w).abs());
                *w += step * (goal - *w);
            }
            if moved > ROUNDING {
                self.barred.clear();
                self.n_stalled = 0;
            }
            for &i in &free {
                if !self.face.is_full[self.problem.group[i]] {
                    self.face.status[i] = self.problem.cell(i, self.w[i]);
                }
            }
            match barrier {
                None => return Some(goal),
                Some(Barrier::Group(s)) => self.face.is_full[s] = true,
                Some(Barrier::Asset(asset, point)) => {
                    // An asset just released moves away from its point, but for rounding.
                    if self.released == Some(asset) && moved <= ROUNDING {
                        self.barred.push(asset);
                    }
                    self.face.status[asset] = Status::Bound(point);
                    self.w[asset] = self.problem.points[asset][point];
                }
            }
        }
    }

    /// The share of the way to the goal that the constraints allow, and what stops it there.
    fn first_barrier(&self, free: &[usize], goal: &[f64]) -> (f64, Option<Barrier>) {
        let (mut step, mut barrier) = (1.0, None);
        for &i in free {
            let Status::Free(cell) = self.face.status[i] else { continue };
            let (low, high) = self.problem.ends(i, cell, &self.face);
            let points = &self.problem.points[i];
            let (from, to) = (self.w[i], goal[i]);
            // What rounding takes out of a cell stays free: a full group may hold an asset at the end of its cell.
            let (is_below, is_above) = (to < points[low] - ROUNDING, to > points[high] + ROUNDING);
            let point = if is_below { low } else { high };
            let share = if is_below || is_above { (points[point] - from) / (to - from) } else { 1.0 };
            if share < step {
                (step, barrier) = (share.max(0.0), Some(Barrier::Asset(i, point)));
            }
        }
        let (share, group) = self.problem.share_within(&self.w, goal, step, &self.face.is_full);
        if let Some(group) = group { (share, Some(Barrier::Group(group))) } else { (step, barrier) }
    }

    /// The bound asset whose release promises the largest fall of the variance, and the cell into which it moves.
    fn best_entrant(&self, minimum: &Minimum) -> Option<(usize, usize)> {
        let mut wrong = self.face.status.iter().enumerate().filter_map(|(i, status)| {
            let Status::Bound(point) = *status else { return None };
            let (cell, fall) = minimum.way(self.problem, i, point)?;
            let counts = fall > minimum.tolerance && !self.barred.contains(&i);
            counts.then(|| (i, cell, fall * fall / self.problem.sigma[(i, i)]))
        });
        let next = if self.n_stalled < PATIENCE { wrong.max_by(|a, b| a.2.total_cmp(&b.2)) } else { wrong.next() };
        next.map(|(asset, cell, _)| (asset, cell))
    }
}
