//! Eigenvalues and eigenvectors of symmetric matrices in f32 and f64.
//!
//! ```text
//! A = Q T Q',   T = U Λ U',   V = Q U
//! ```
//! Householder reduction to a tridiagonal T, divide and conquer for T, and the reflectors of the reduction applied to its
//! eigenvectors. Every result is checked in O(n²); one that fails is computed again by the linear-algebra crate, and
//! counted. Every loop has one portable form, which gives the same bits on every processor. Threads that are free share a
//! large matrix, which changes no bit.
//!
//! Other ways, and why they are not taken (measured figures: `results/benchmarks/roofline.csv`). A reduction in two stages,
//! first to a band, was not tried: at n = 1,000 in double precision the reduction is bound by the third-level cache, and
//! takes 52 of 110 ms, but its second back-transformation alone has 2 n³ operations, 25 ms at the peak, and at n ≤ 500 the
//! matrix stays in the second-level cache. Nor were the polar decomposition by QR or Cholesky factors (QDWH) and spectral
//! divide and conquer: their 20 n³ operations and more take 230 ms at the peak.
//! Eigenvalues alone, or f(A) x without V, have no entry of their own: training, cleaners and figures that read eigenvalues
//! need the vectors of the same matrix too, or keep them for their neighbours.

mod back;
mod check;
mod divide;
pub mod families;
mod leaf;
mod reduction;
mod secular;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{self, ComputeEigenvectors};
use faer::{MatMut, MatRef, Par, Spec};

use crate::error::{Error, Result};
use crate::linalg::chunks::{Chunk, Columns, LANES};
use crate::linalg::eigen::check::is_decomposition;
use crate::linalg::scratch::{take, with_scratch};
use crate::linalg::{Real, vectorised};

/// Rows and columns from which a matrix is shared by threads.
const SHARED_ROWS: usize = 256;

/// Number of decompositions that failed the check since the program began.
static FALLBACKS: AtomicUsize = AtomicUsize::new(0);

/// Number of decompositions that failed the check since the program began, and were computed by the linear-algebra crate.
pub fn fallbacks() -> usize {
    FALLBACKS.load(Ordering::Relaxed)
}

/// How long the parts of a decomposition took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stages {
    /// Reduction to a tridiagonal matrix.
    pub reduction: Duration,
    /// Solution of the tridiagonal matrix.
    pub tridiagonal: Duration,
    /// Transformation of its eigenvectors into those of the matrix.
    pub back: Duration,
}

/// Decomposes a matrix (n × n, n > 0, finite entries of the order of one) and returns how long its parts took, for benchmarks;
/// `None` if the tridiagonal part does not converge.
pub fn stages<F: Real>(symmetric: &[F], n: usize) -> Option<Stages> {
    attempt(symmetric, n, F::of(1.0)).map(|(_, _, stages)| stages)
}

/// Eigenvalues (n, ascending) and eigenvectors (n × n, column by column) of a symmetric matrix (n × n, column by column),
/// of which only the lower triangle is read. Takes at most about 14/3 n³ operations and three times the memory of the
/// matrix, for any n. Fails if an entry is not finite; panics for a slice of another length.
pub fn decompose<F: Real>(symmetric: &[F], n: usize) -> Result<(Vec<F>, Vec<F>)> {
    assert_eq!(symmetric.len(), n * n, "a square matrix");
    if n >= SHARED_ROWS && rayon::current_thread_index().is_none() {
        // Threads that share work wait for each other much longer where one of them is not of the pool.
        return rayon::scope(|_| decompose(symmetric, n));
    }
    if n == 0 {
        return Ok((Vec::new(), Vec::new()));
    }
    let (largest, poison) = magnitude(symmetric, n);
    if !poison.value().is_finite() {
        let why = "the matrix is not finite".to_string();
        return Err(Error::Undefined { what: "eigendecomposition", why });
    }
    let scale = power_of_two(largest);
    let attempt = attempt(symmetric, n, scale).map(|(values, vectors, _)| (values, vectors));
    checked(attempt, symmetric, n, scale, &FALLBACKS)
}

/// The decomposition of a matrix from that of the matrix divided by `scale`, if this passes the check; else that of the
/// linear-algebra crate, which is counted.
fn checked<F: Real>(
    attempt: Option<(Vec<F>, Vec<F>)>,
    symmetric: &[F],
    n: usize,
    scale: F,
    fallbacks: &AtomicUsize,
) -> Result<(Vec<F>, Vec<F>)> {
    let factor = F::of(1.0) / scale;
    match attempt.filter(|(values, vectors)| is_decomposition(symmetric, n, factor, values, vectors)) {
        Some((mut values, vectors)) => {
            values.iter_mut().for_each(|value| *value *= scale);
            Ok((values, vectors))
        }
        None => {
            fallbacks.fetch_add(1, Ordering::Relaxed);
            by_crate(symmetric, n)
        }
    }
}

/// A power of two near a number, so that scaling by it does not round; 1 for zero. Its inverse is a number, too.
fn power_of_two<F: Real>(x: F) -> F {
    const EXPONENT: u64 = 0x7ff0_0000_0000_0000;
    let least = if size_of::<F>() == 4 { f64::from(f32::MIN_POSITIVE) } else { f64::MIN_POSITIVE };
    match x.value() {
        0.0 => F::of(1.0),
        x => F::of(f64::from_bits(x.max(least).to_bits() & EXPONENT)),
    }
}

vectorised! {
    /// The largest magnitude in the lower triangle, and a number that is not finite if an entry is not.
    fn magnitude<F: Real>(symmetric: &[F], n: usize) -> (F, F) {
        let zero = F::of(0.0);
        let (mut largest, mut poison) = ([zero; LANES], [zero; LANES]);
        for j in 0..n {
            let (chunks, rest) = symmetric[j * n + j..(j + 1) * n].as_chunks::<LANES>();
            for chunk in chunks {
                for l in 0..LANES {
                    largest[l] = chunk[l].magnitude().at_least(largest[l]);
                    poison[l] = chunk[l].fma(zero, poison[l]);
                }
            }
            for (l, x) in rest.iter().enumerate() {
                largest[l] = x.magnitude().at_least(largest[l]);
                poison[l] = x.fma(zero, poison[l]);
            }
        }
        let largest = largest.iter().fold(zero, |most, x| x.at_least(most));
        (largest, poison.into_iter().fold(zero, |sum, x| sum + x))
    }
}

/// The decomposition of a matrix divided by `scale`, which is about its largest entry; `None` if the tridiagonal part does not
/// converge.
fn attempt<F: Real>(symmetric: &[F], n: usize, scale: F) -> Option<(Vec<F>, Vec<F>, Stages)> {
    let start = Instant::now();
    let used = n.div_ceil(LANES);
    let square = Columns::<F>::height_of(n) * n;
    let triangle = used * (used + 1) / 2 * LANES;
    // The matrix is not needed any more when the tridiagonal form is solved.
    let shared = (triangle + reduction::chunks(n)).max(back::chunks::<F>(n));
    with_scratch(2 * square + shared, |mut memory| {
        let mut columns = || Columns { height: square / n, chunks: take(&mut memory, square) };
        let (reflectors, u) = (columns(), columns());
        let (tiles, rest) = memory.split_at_mut(triangle);
        let tiles = tiles.as_chunks_mut().0;
        fill(tiles, symmetric, n, F::of(1.0) / scale);
        let reduced = reduction::reduce(tiles, n, reflectors, rest);
        let is_reduced = Instant::now();
        let (mut values, mut beside) = (reduced.diagonal.clone(), reduced.beside.clone());
        let order = divide::solve(&mut values, &mut beside, Columns { height: u.height, chunks: &mut *u.chunks })?;
        let is_solved = Instant::now();
        let mut vectors = Vec::with_capacity(n * n);
        order.iter().for_each(|&j| vectors.extend_from_slice(&u.column(j)[..n]));
        back::transform(&reduced, &mut vectors, n, memory);
        let stages =
            Stages { reduction: is_reduced - start, tridiagonal: is_solved - is_reduced, back: is_solved.elapsed() };
        Some((order.iter().map(|&j| values[j]).collect(), vectors, stages))
    })
}

/// The lower triangle times a factor in blocks; those on the diagonal get both triangles, and what is beyond the matrix zeros.
fn fill<F: Real>(tiles: &mut [[Chunk<F>; LANES]], symmetric: &[F], n: usize, factor: F) {
    let used = n.div_ceil(LANES);
    let mut rest = tiles;
    for block in 0..used {
        let (here, after) = rest.split_at_mut(used - block);
        rest = after;
        let first = block * LANES;
        for (row, tile) in (block..used).zip(here) {
            let rows = row * LANES..((row + 1) * LANES).min(n);
            for (j, chunk) in (first..).zip(tile.iter_mut()) {
                *chunk = Chunk::zero();
                if j < n {
                    let from = &symmetric[j * n..(j + 1) * n][rows.clone()];
                    chunk.0.iter_mut().zip(from).for_each(|(to, from)| *to = *from * factor);
                }
            }
            if row == block {
                for j in 1..LANES {
                    for i in 0..j {
                        tile[j].0[i] = tile[i].0[j];
                    }
                }
            }
        }
    }
}

/// The same by the linear-algebra crate.
fn by_crate<F: Real>(symmetric: &[F], n: usize) -> Result<(Vec<F>, Vec<F>)> {
    let mut vectors = vec![F::of(0.0); n * n];
    let scratch = evd::self_adjoint_evd_scratch::<F>(n, ComputeEigenvectors::Yes, Par::Seq, Spec::default());
    let mut values = faer::diag::Diag::<F>::zeros(n);
    evd::self_adjoint_evd(
        MatRef::from_column_major_slice(symmetric, n, n),
        values.as_mut(),
        Some(MatMut::from_column_major_slice_mut(&mut vectors, n, n)),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Spec::default(),
    )
    .map_err(|error| Error::Undefined { what: "eigendecomposition", why: format!("{error:?}") })?;
    Ok((values.column_vector().iter().copied().collect(), vectors))
}

#[cfg(test)]
mod tests {
    use super::families::FAMILIES;
    use super::*;
    use crate::linalg::same_on_all_vectors;

    /// Largest deviations of A V from V Λ and of V'V from 1, in units of n ε and the largest entry of A.
    fn deviations<F: Real>(a: &[F], n: usize, values: &[F], vectors: &[F]) -> (f64, f64) {
        let of = |x: &[F]| faer::Mat::from_fn(n, n, |i, j| x[j * n + i].value());
        let (a, v) = (of(a), of(vectors));
        let weighted = faer::Mat::from_fn(n, n, |i, j| v[(i, j)] * values[j].value());
        let unit = n as f64 * F::UNIT.value();
        let size = a.norm_max().max(f64::MIN_POSITIVE);
        let identity = faer::Mat::<f64>::identity(n, n);
        ((&a * &v - weighted).norm_max() / (unit * size), (v.transpose() * &v - identity).norm_max() / unit)
    }

    #[track_caller]
    fn check<F: Real>(what: &str, n: usize, a: &[f64]) {
        let a: Vec<F> = a.iter().map(|x| F::of(*x)).collect();
        let before = fallbacks();
        let (values, vectors) = same_on_all_vectors(what, || decompose(&a, n).unwrap());
        assert_eq!(fallbacks(), before, "{what}, n = {n}: the check failed");
        assert!(values.windows(2).all(|pair| pair[0] <= pair[1]), "{what}, n = {n}: not ascending");
        let (residual, orthogonality) = deviations(&a, n, &values, &vectors);
        assert!(residual < 5.0 && orthogonality < 5.0, "{what}, n = {n}: {residual:.2} and {orthogonality:.2}");
    }

    #[test]
    fn hard_matrices_are_decomposed_to_rounding() {
        for n in [1, 2, 3, 15, 16, 17, 24, 25, 48, 49, 50, 97, 130] {
            for family in FAMILIES {
                let a = family.matrix(n);
                check::<f64>(family.name, n, &a);
                check::<f32>(family.name, n, &a);
            }
        }
    }

    /// A family by its name.
    fn family(name: &str) -> &'static families::Family {
        FAMILIES.iter().find(|family| family.name == name).expect("a family of that name")
    }

    fn is_same_on_threads<F: Real>(n: usize) {
        let a: Vec<F> = family("noise").matrix(n).iter().map(|x| F::of(*x)).collect();
        let before = fallbacks();
        let of = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| decompose(&a, n).unwrap())
        };
        let one = same_on_all_vectors("a matrix for threads to share", || decompose(&a, n).unwrap());
        assert!(of(1) == one && of(3) == one && decompose(&a, n).unwrap() == one, "n = {n}");
        assert_eq!(fallbacks(), before);
    }

    #[test]
    fn neither_threads_nor_vectors_change_a_bit() {
        // The larger of them has passes that two threads share.
        for n in [SHARED_ROWS, 400] {
            is_same_on_threads::<f64>(n);
            is_same_on_threads::<f32>(n);
        }
    }

    #[test]
    fn what_fails_the_check_is_computed_by_the_crate_and_counted() {
        let (n, count) = (30, AtomicUsize::new(0));
        let a = family("noise").matrix(n);
        let ours = decompose(&a, n).unwrap();
        assert_eq!(checked(Some(ours.clone()), &a, n, 1.0, &count).unwrap(), ours);
        assert_eq!(count.load(Ordering::Relaxed), 0);
        let wrong = (ours.0.iter().map(|x| x + 1e-3).collect(), ours.1.clone());
        for attempt in [None, Some(wrong)] {
            assert_eq!(checked(attempt, &a, n, 1.0, &count).unwrap(), by_crate(&a, n).unwrap());
        }
        assert_eq!(count.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn eigenvalues_are_those_of_the_other_solver() {
        let n = 90;
        let a = family("Toeplitz").matrix(n);
        let (ours, theirs) = (decompose(&a, n).unwrap().0, by_crate(&a, n).unwrap().0);
        assert!(ours.iter().zip(&theirs).all(|(a, b)| (a - b).abs() < 1e-14 * ours[n - 1]), "{ours:?}");
        assert!(decompose(&[f64::NAN], 1).is_err() && decompose::<f64>(&[], 0).unwrap().0.is_empty());
    }

    /// Eigenvalues of a scaled matrix are those of the matrix, scaled, to a few times the rounding of its smallest entries.
    fn is_scaled<F: Real>(scale: f64, smallest: f64) {
        let a = family("noise").matrix(20);
        let (usual, _) = decompose(&a, 20).unwrap();
        let scaled: Vec<F> = a.iter().map(|x| F::of(x * scale)).collect();
        let (values, vectors) = decompose(&scaled, 20).unwrap();
        let allowed = 100.0 * (F::UNIT.value() + smallest / scale);
        let close = |(x, usual): (&F, &f64)| (x.value() / scale - usual).abs() < allowed;
        assert!(values.iter().zip(&usual).all(close), "{scale:e}");
        assert!(vectors.iter().all(|x| x.magnitude().value() < 1.1), "{scale:e}");
    }

    #[test]
    fn the_largest_and_the_smallest_numbers_are_decomposed() {
        let before = fallbacks();
        for scale in [f64::from(f32::MAX) / 32.0, 1e-38, 1e-42] {
            is_scaled::<f32>(scale, f64::from(f32::from_bits(1)));
        }
        for scale in [f64::MAX / 32.0, 1e-308, 1e-318] {
            is_scaled::<f64>(scale, f64::from_bits(1));
        }
        assert_eq!(fallbacks(), before);
    }
}
