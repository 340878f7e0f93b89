//! The search that corrects all wrong assets of a face at once.
//!
//! Free assets outside their cells are bound at its end, bound assets that promise a fall of the variance are released, the
//! most promising first, and groups become full or cease to be. A face with nothing to correct is that of the solution. As
//! long as the number of wrong assets falls, up to two assets are released for each free one; every time it does not, half
//! as many as before. So the search ends, with or without the solution.
//! Kim, Park (2011), "Fast nonnegative matrix factorization: an active-set-like method and comparisons", section 4.

use crate::allocators::active_set::face::{Face, Minimum, Status};
use crate::allocators::active_set::{Problem, ROUNDING};

/// Faces after which the search gives up if none had fewer wrong assets. Chosen.
const PATIENCE: usize = 10;

/// The minimum that satisfies all conditions of optimality, if the search finds its face. The face is the last one.
pub(super) fn search(problem: &Problem<'_>, face: &mut Face) -> Option<Minimum> {
    let (mut fewest, mut n_stalled) = (usize::MAX, 0);
    while n_stalled <= PATIENCE {
        let minimum = face.minimum(problem)?;
        let most = (2 * face.free().len() + 20) >> n_stalled;
        let n_wrong = correct(problem, face, &minimum, most.max(1));
        if n_wrong == 0 {
            return Some(minimum);
        }
        n_stalled = if n_wrong < fewest { 0 } else { n_stalled + 1 };
        fewest = fewest.min(n_wrong);
    }
    None
}

/// Moves wrong assets, of the bound ones at most some number, and groups to where the minimum asks for them. Returns how many are
/// wrong.
fn correct(problem: &Problem<'_>, face: &mut Face, minimum: &Minimum, most: usize) -> usize {
    let mut n_wrong = 0;
    let mut entrants = Vec::new();
    let mut has_free = vec![false; face.is_full.len()];
    for (i, points) in problem.points.iter().enumerate() {
        let w = minimum.w[i];
        match face.status[i] {
            Status::Free(cell) => {
                has_free[problem.group[i]] = true;
                let (low, high) = problem.ends(i, cell, face);
                if w < points[low] - ROUNDING || w > points[high] + ROUNDING {
                    face.status[i] = Status::Bound(if w < points[low] { low } else { high });
                    n_wrong += 1;
                } else if !face.is_full[problem.group[i]] {
                    face.status[i] = problem.cell(i, w);
                }
            }
            Status::Bound(point) => {
                if let Some((cell, fall)) = minimum.way(problem, i, point).filter(|way| way.1 > minimum.tolerance) {
                    entrants.push((fall * fall / problem.sigma[(i, i)], i, cell));
                }
            }
        }
    }
    n_wrong += entrants.len();
    entrants.sort_by(|a, b| b.0.total_cmp(&a.0));
    entrants.iter().take(most).for_each(|&(_, i, cell)| face.status[i] = Status::Free(cell));

    // Weights count as they will be, within the bounds.
    for (s, sum) in problem.sums(&problem.clamped(&minimum.w)).into_iter().enumerate() {
        let (was_full, is_over) = (face.is_full[s], sum > problem.limits[s] + ROUNDING);
        let is_kept = was_full && has_free[s];
        face.is_full[s] = if is_kept { minimum.nu[s] >= -minimum.tolerance } else { is_over };
        n_wrong += usize::from(if is_kept { !face.is_full[s] } else { is_over });
    }
    n_wrong
}
