//! Whether a decomposition is one, in O(n²) operations.

use crate::linalg::eigen::{SHARED_ROWS, families};
use crate::linalg::{Real, dot, vectorised};

/// Whether tr A = Σ λ, ‖A‖² = Σ λ² (Frobenius), A x = V Λ V'x and V V'x = x for one vector x without structure, each to
/// some n ε, where A is a matrix times a factor.
pub(super) fn is_decomposition<F: Real>(symmetric: &[F], n: usize, factor: F, values: &[F], vectors: &[F]) -> bool {
    let x: Vec<F> = (0..n).map(|i| F::of(families::noise(i, 0))).collect();
    let zeros = || vec![F::of(0.0); n];
    let product = || {
        let mut product = zeros();
        let squares = multiply(symmetric, &x, factor, &mut product);
        (product, squares)
    };
    let sums = |from: usize, to: usize| {
        let (mut weighted, mut plain) = (zeros(), zeros());
        subtract_products(&values[from..to], &vectors[from * n..to * n], &x, &mut weighted, &mut plain);
        [weighted, plain]
    };
    let halves = || rayon::join(|| sums(0, n / 2), || sums(n / 2, n));
    let ((mut residual, squares), mut rest) = (product(), x.clone());
    let (first, second) = if n < SHARED_ROWS { (sums(0, n / 2), sums(n / 2, n)) } else { halves() };
    for [weighted, plain] in [first, second] {
        residual.iter_mut().zip(weighted).for_each(|(sum, x)| *sum += x);
        rest.iter_mut().zip(plain).for_each(|(sum, x)| *sum += x);
    }
    let length = |v: &[F]| v.iter().map(|x| x.value() * x.value()).sum::<f64>().sqrt();
    let lambda = || values.iter().map(|value| value.value());
    let trace: f64 = (0..n).map(|i| (symmetric[i * n + i] * factor).value()).sum();
    let (size, unit) = (squares.sqrt(), 10.0 * n as f64 * F::UNIT.value());
    // A comparison with what is not a number is false.
    (lambda().sum::<f64>() - trace).abs() <= unit * size
        && (lambda().map(|l| l * l).sum::<f64>() - squares).abs() <= unit * squares
        && length(&residual) * (n as f64).sqrt() <= unit * size * length(&x)
        && length(&rest) <= unit * length(&x)
}

vectorised! {
    /// out = A x of a matrix times a factor, from its lower triangle; returns the sum of the squares of A.
    fn multiply<F: Real>(symmetric: &[F], x: &[F], factor: F, out: &mut [F]) -> f64 {
        let n = x.len();
        let (mut scaled, mut squares) = (vec![F::of(0.0); n], 0.0);
        for j in 0..n {
            // Numbers near the ends of their range are scaled before they meet others.
            let column = &mut scaled[j..];
            column.iter_mut().zip(&symmetric[j * n + j..(j + 1) * n]).for_each(|(to, from)| *to = *from * factor);
            let (diagonal, below) = (column[0], &column[1..]);
            for (out, a) in out[j + 1..].iter_mut().zip(below) {
                *out = a.fma(x[j], *out);
            }
            out[j] += diagonal * x[j] + dot(below, &x[j + 1..]);
            squares += diagonal.value() * diagonal.value() + 2.0 * dot(below, below).value();
        }
        squares
    }
}

vectorised! {
    /// residual −= V Λ V'x, rest −= V V'x.
    fn subtract_products<F: Real>(values: &[F], vectors: &[F], x: &[F], residual: &mut [F], rest: &mut [F]) {
        let n = x.len();
        for (v, value) in vectors.chunks_exact(n).zip(values) {
            let inner = F::of(0.0) - dot(v, x);
            let weighted = inner * *value;
            for ((v, residual), rest) in v.iter().zip(residual.iter_mut()).zip(rest.iter_mut()) {
                *residual = v.fma(weighted, *residual);
                *rest = v.fma(inner, *rest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::eigen::decompose;
    use crate::linalg::eigen::families::FAMILIES;

    /// Whether the check finds an eigenvalue that is wrong by `error`, one that is missing, all that are wrong by a
    /// hundredth, an eigenvector that is there twice, and one with a wrong entry.
    fn finds_what_is_wrong<F: Real>(family: &str, n: usize, error: f64) {
        let a: Vec<F> =
            FAMILIES.iter().find(|one| one.name == family).unwrap().matrix(n).iter().map(|x| F::of(*x)).collect();
        let (values, vectors) = decompose(&a, n).unwrap();
        let passes = |values: &[F], vectors: &[F]| is_decomposition(&a, n, F::of(1.0), values, vectors);
        assert!(passes(&values, &vectors), "{family}, n = {n}");
        for k in [0, 7, n / 2, n - 1] {
            let (mut wrong, mut missing, mut bent) = (values.clone(), values.clone(), vectors.clone());
            wrong[k] += F::of(error);
            missing[k] = F::of(0.0);
            assert!(!passes(&wrong, &vectors), "{family}, n = {n}: eigenvalue {k}");
            assert!(
                !passes(&missing, &vectors) || values[k].value().abs() < error,
                "{family}, n = {n}: eigenvalue {k}"
            );
            bent[k * n + 3] += F::of(error);
            assert!(!passes(&values, &bent), "{family}, n = {n}: eigenvector {k}");
        }
        let all: Vec<F> = values.iter().map(|value| *value * F::of(1.01)).collect();
        assert!(!passes(&all, &vectors), "{family}, n = {n}: all eigenvalues");
        let mut repeated = vectors.clone();
        repeated.copy_within(0..n, n);
        assert!(!passes(&values, &repeated), "{family}, n = {n}: equal eigenvectors");
    }

    #[test]
    fn a_wrong_decomposition_does_not_pass() {
        for family in ["noise", "identity"] {
            finds_what_is_wrong::<f64>(family, 40, 1e-6);
            finds_what_is_wrong::<f64>(family, 350, 1e-6);
            finds_what_is_wrong::<f32>(family, 350, 0.1);
        }
        finds_what_is_wrong::<f32>("identity", 1000, 0.1);
    }
}
