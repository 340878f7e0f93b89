//! Sums of sixteen partial sums each, one a lane: their order, and so their bits, are the same on every processor.

use crate::linalg::Real;
use crate::linalg::chunks::{Chunk, LANES};

/// Σ f(x_k)
#[cfg(any(feature = "nn", test))]
#[inline(always)]
pub(crate) fn sum_of<F: Real>(x: &[F], f: impl Fn(F) -> F) -> F {
    let (chunks, rest) = x.as_chunks::<LANES>();
    let mut sums = [F::of(0.0); LANES];
    for x in chunks {
        for l in 0..LANES {
            sums[l] += f(x[l]);
        }
    }
    for (sum, x) in sums.iter_mut().zip(rest) {
        *sum += f(*x);
    }
    total(&sums)
}

/// Σ f(x_k, y_k) over as many k as both have.
#[inline(always)]
pub(crate) fn sum_of_pairs<F: Real>(x: &[F], y: &[F], f: impl Fn(F, F) -> F) -> F {
    let n = x.len().min(y.len());
    let ((x, x_rest), (y, y_rest)) = (x[..n].as_chunks::<LANES>(), y[..n].as_chunks::<LANES>());
    let mut sums = [F::of(0.0); LANES];
    for (x, y) in x.iter().zip(y) {
        for l in 0..LANES {
            sums[l] += f(x[l], y[l]);
        }
    }
    for (sum, (x, y)) in sums.iter_mut().zip(x_rest.iter().zip(y_rest)) {
        *sum += f(*x, *y);
    }
    total(&sums)
}

/// The inner product Σ x_k y_k over as many k as both have.
#[inline(always)]
pub(crate) fn dot<F: Real>(x: &[F], y: &[F]) -> F {
    let n = x.len().min(y.len());
    let ((x, x_rest), (y, y_rest)) = (x[..n].as_chunks::<LANES>(), y[..n].as_chunks::<LANES>());
    let mut sums = [F::of(0.0); LANES];
    for (x, y) in x.iter().zip(y) {
        for l in 0..LANES {
            sums[l] = x[l].fma(y[l], sums[l]);
        }
    }
    for (sum, (x, y)) in sums.iter_mut().zip(x_rest.iter().zip(y_rest)) {
        *sum = x.fma(*y, *sum);
    }
    total(&sums)
}

/// Adds the halves of each group of 2·H numbers: those of a into the lower half of the group, those of b into the upper.
#[inline(always)]
fn halves<F: Real, const H: usize>(a: [F; LANES], b: [F; LANES]) -> [F; LANES] {
    let (x, y) =
        (|l: usize| if l & H == 0 { a[l] } else { b[l] }, |l: usize| if l & H == 0 { a[l ^ H] } else { b[l ^ H] });
    let mut out =
        [x(0), x(1), x(2), x(3), x(4), x(5), x(6), x(7), x(8), x(9), x(10), x(11), x(12), x(13), x(14), x(15)];
    let other = [y(0), y(1), y(2), y(3), y(4), y(5), y(6), y(7), y(8), y(9), y(10), y(11), y(12), y(13), y(14), y(15)];
    for l in 0..LANES {
        out[l] += other[l];
    }
    out
}

/// The sums of sixteen vectors. Sums that are formed one by one and stored into a vector that is read soon after would stall.
#[inline(always)]
pub(crate) fn totals<F: Real>(v: &[Chunk<F>; LANES]) -> [F; LANES] {
    let eight = |i: usize| halves::<F, 8>(v[i].0, v[i + 8].0);
    let four = |i: usize| halves::<F, 4>(eight(i), eight(i + 4));
    let two = |i: usize| halves::<F, 2>(four(i), four(i + 2));
    halves::<F, 1>(two(0), two(1))
}

/// The sum of a vector.
#[inline(always)]
pub(crate) fn total<F: Real>(v: &[F; LANES]) -> F {
    let v = halves::<F, 8>(*v, *v);
    let v = halves::<F, 4>(v, v);
    let v = halves::<F, 2>(v, v);
    v[0] + v[1]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::{same_on_all_vectors, vectorised};

    vectorised! {
        fn sums<F: Real>(x: &[F], y: &[F]) -> [F; 3] {
            [sum_of(x, |x| x * x), sum_of_pairs(x, y, |x, y| x - y), dot(x, y)]
        }
    }

    #[test]
    fn a_sum_in_lanes_is_the_sum() {
        for n in [0, 1, 15, 16, 17, 37] {
            let (x, y): (Vec<f64>, Vec<f64>) = (0..n).map(|k| (f64::from(k), f64::from(3 * k + 1))).unzip();
            let of = |f: fn(f64, f64) -> f64| x.iter().zip(&y).map(|(x, y)| f(*x, *y)).sum::<f64>();
            let expected = [of(|x, _| x * x), of(|x, y| x - y), of(|x, y| x * y)];
            assert_eq!(same_on_all_vectors("sums", || sums(&x, &y)), expected, "{n} numbers");
        }
    }
}
