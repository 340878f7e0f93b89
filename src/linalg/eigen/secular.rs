//! The eigenvalues and eigenvectors of diag(d) + ρ z z', sixteen at a time.
//!
//! ```text
//! f(λ) = 1/ρ + Σ_j z_j²/(d_j − λ) = 0,   d_0 < λ_0 < d_1 < λ_1 < …,   v_i ∝ (z_j/(d_j − λ_i))_j
//! z_j² = Π_i (λ_i − d_j) / Π_{i≠j} (d_i − d_j)
//! ```
//! A root is kept as the distance to the nearer of its two poles, so that all d_j − λ_i are accurate. A step of the iteration
//! solves the equation of a rational function with poles at both ends of the interval, that has the value and slope of f and
//! the residue of f at the nearer pole (Li 1993, "Solving secular equations stably and efficiently", its "fixed weight"
//! method). The z that make the computed roots exact (the second line, Löwner) make the vectors orthogonal to rounding: Gu
//! and Eisenstat (1995).

use crate::linalg::chunks::{Chunk, LANES, flat};
use crate::linalg::{Real, vectorised};

/// Steps before a root is taken as it is; four to seven are usual.
const MOST_STEPS: usize = 60;

vectorised! {
    /// The roots λ_i = origin_i + offset_i from the one numbered `from` on, for at least two poles d, ascending, with the
    /// squares z_j² and 1/ρ > 0. The last root is at most `last_gap` above its pole.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn roots<F: Real>(d: &[F], squares: &[F], inverse: F, last_gap: F, from: usize, origin: &mut [F], offset: &mut [F]) {
        let k = d.len();
        let zero = F::of(0.0);
        let half = F::of(0.5);
        let eps = F::UNIT;
        let close = F::of(0.125) * eps.root();
        let mut first = from;
        while first < from + origin.len() {
            let index: [usize; LANES] = std::array::from_fn(|l| (first + l).min(k - 1));
            let left: [F; LANES] = std::array::from_fn(|l| d[index[l]]);
            let gap: [F; LANES] = std::array::from_fn(|l| if index[l] + 1 < k { d[index[l] + 1] - d[index[l]] } else { last_gap });
            let z_left: [F; LANES] = std::array::from_fn(|l| squares[index[l]]);
            let z_right: [F; LANES] = std::array::from_fn(|l| if index[l] + 1 < k { squares[index[l] + 1] } else { zero });
            // The sum over all other poles in the middle of the interval.
            let middle: [F; LANES] = std::array::from_fn(|l| half * gap[l]);
            let mut rest = [zero; LANES];
            let near = first..(first + LANES + 1).min(k);
            let far = |range: std::ops::Range<usize>, rest: &mut [F; LANES]| {
                for j in range {
                    let (dj, zj) = (d[j], squares[j]);
                    for l in 0..LANES {
                        rest[l] += zj * ((dj - left[l]) - middle[l]).reciprocal();
                    }
                }
            };
            far(0..near.start, &mut rest);
            far(near.end..k, &mut rest);
            for j in near.clone() {
                for l in 0..LANES {
                    let term = squares[j] / ((d[j] - left[l]) - middle[l]);
                    rest[l] += if j == index[l] || j == index[l] + 1 { zero } else { term };
                }
            }
            let mut base = [zero; LANES];
            let mut tau = [zero; LANES];
            let mut low = [zero; LANES];
            let mut high = [zero; LANES];
            let mut to_left = [zero; LANES];
            let mut to_right = [zero; LANES];
            let mut at_left = [true; LANES];
            for l in 0..LANES {
                let c = inverse + rest[l];
                let value = c - z_left[l] / middle[l] + z_right[l] / middle[l];
                let is_last = index[l] + 1 >= k;
                at_left[l] = is_last || value >= zero;
                base[l] = if at_left[l] { left[l] } else { d[(index[l] + 1).min(k - 1)] };
                to_left[l] = if at_left[l] { zero } else { zero - gap[l] };
                to_right[l] = if at_left[l] { gap[l] } else { zero };
                low[l] = if at_left[l] { zero } else { zero - middle[l] };
                high[l] = if at_left[l] { if is_last { gap[l] } else { middle[l] } } else { zero };
                let a = c * (to_left[l] + to_right[l]) + z_left[l] + z_right[l];
                let b = z_left[l] * to_right[l] + z_right[l] * to_left[l];
                let root = (a * a - F::of(4.0) * b * c).at_least(zero).root();
                let guess = if a > zero { (b + b) / (a + root) } else { (a - root) / (c + c) };
                let inside = guess > low[l] && guess < high[l];
                tau[l] = if inside { guess } else { half * (low[l] + high[l]) };
            }
            let mut open = [true; LANES];
            for _ in 0..MOST_STEPS {
                let (mut psi, mut dpsi, mut phi, mut dphi) = ([zero; LANES], [zero; LANES], [zero; LANES], [zero; LANES]);
                for j in 0..near.start {
                    let (dj, zj) = (d[j], squares[j]);
                    for l in 0..LANES {
                        let r = ((dj - base[l]) - tau[l]).reciprocal();
                        let u = zj * r;
                        psi[l] += u;
                        dpsi[l] = u.fma(r, dpsi[l]);
                    }
                }
                for j in near.end..k {
                    let (dj, zj) = (d[j], squares[j]);
                    for l in 0..LANES {
                        let r = ((dj - base[l]) - tau[l]).reciprocal();
                        let u = zj * r;
                        phi[l] += u;
                        dphi[l] = u.fma(r, dphi[l]);
                    }
                }
                for j in near.clone() {
                    let (dj, zj) = (d[j], squares[j]);
                    for l in 0..LANES {
                        let r = ((dj - base[l]) - tau[l]).reciprocal();
                        let u = zj * r;
                        let is_left = j <= index[l];
                        psi[l] += if is_left { u } else { zero };
                        phi[l] += if is_left { zero } else { u };
                        dpsi[l] += if is_left { u * r } else { zero };
                        dphi[l] += if is_left { zero } else { u * r };
                    }
                }
                let mut n_open = 0;
                for l in 0..LANES {
                    let w = inverse + psi[l] + phi[l];
                    let dw = dpsi[l] + dphi[l];
                    let error = eps * (F::of(8.0) * (phi[l] - psi[l]) + inverse + inverse + tau[l].magnitude() * dw);
                    high[l] = if w > zero { tau[l] } else { high[l] };
                    low[l] = if w > zero { low[l] } else { tau[l] };
                    let (dl, dr) = (to_left[l] - tau[l], to_right[l] - tau[l]);
                    let ratio = if at_left[l] { z_left[l] / (dl * dl) } else { z_right[l] / (dr * dr) };
                    let c = if at_left[l] { w - dr * dw + gap[l] * ratio } else { w - dl * dw - gap[l] * ratio };
                    let a = (dl + dr) * w - dl * dr * dw;
                    let b = dl * dr * w;
                    let root = (a * a - F::of(4.0) * b * c).at_least(zero).root();
                    let step = if a > zero { (b + b) / (a + root) } else { (a - root) / (c + c) };
                    let next = tau[l] + step;
                    let inside = next > low[l] && next < high[l];
                    let next = if inside { next } else { half * (low[l] + high[l]) };
                    let is_done = w.magnitude() <= error;
                    // The step's error is of second order: what is left after a small one is below rounding.
                    let near_pole = dl.magnitude().at_most(dr.magnitude());
                    let moved = (next - tau[l]).magnitude() > close * near_pole;
                    tau[l] = if open[l] && !is_done { next } else { tau[l] };
                    open[l] = open[l] && !is_done && moved;
                    n_open += usize::from(open[l]);
                }
                if n_open == 0 {
                    break;
                }
            }
            let count = LANES.min(k - first);
            origin[first - from..][..count].copy_from_slice(&base[..count]);
            offset[first - from..][..count].copy_from_slice(&tau[..count]);
            first += LANES;
        }
    }
}

vectorised! {
    /// Replaces |z|, from the chunk numbered `from` on, by the values that make k computed roots exact.
    pub(super) fn exact_z<F: Real>(d: &[Chunk<F>], k: usize, from: usize, origin: &[F], offset: &[F], z: &mut [Chunk<F>]) {
        let poles = &flat(d)[..k];
        for (block, (d, z)) in (from..).zip(d[from..].iter().zip(z)) {
            let mut product = [F::of(1.0); LANES];
            let own = block * LANES..(block + 1) * LANES;
            for (i, ((&pole, &origin), &offset)) in poles.iter().zip(origin).zip(offset).enumerate() {
                if own.contains(&i) {
                    for l in 0..LANES {
                        let gap = if block * LANES + l == i { F::of(1.0) } else { d.0[l] - pole };
                        product[l] *= ((d.0[l] - origin) - offset) / gap;
                    }
                } else {
                    for l in 0..LANES {
                        product[l] *= ((d.0[l] - origin) - offset) * (d.0[l] - pole).reciprocal();
                    }
                }
            }
            for l in 0..LANES {
                z.0[l] = product[l].magnitude().root().signed_as(z.0[l]);
            }
        }
    }
}

vectorised! {
    /// The eigenvectors as columns of s, each as high as d.
    pub(super) fn vectors<F: Real>(d: &[Chunk<F>], z: &[Chunk<F>], origin: &[F], offset: &[F], s: &mut [Chunk<F>]) {
        for ((column, &origin), &offset) in s.chunks_exact_mut(d.len()).zip(origin).zip(offset) {
            let mut squares = [F::of(0.0); LANES];
            for ((d, z), out) in d.iter().zip(z).zip(column.iter_mut()) {
                for l in 0..LANES {
                    out.0[l] = z.0[l] * ((d.0[l] - origin) - offset).reciprocal();
                    squares[l] = out.0[l].fma(out.0[l], squares[l]);
                }
            }
            let scale = F::of(1.0) / squares.into_iter().fold(F::of(0.0), |a, b| a + b).root();
            for out in column.iter_mut() {
                for l in 0..LANES {
                    out.0[l] *= scale;
                }
            }
        }
    }
}
