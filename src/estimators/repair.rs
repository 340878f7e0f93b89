//! Repair of an indefinite matrix: eigenvalues below a floor are raised to it.

use crate::error::Result;
use crate::linalg::{Cholesky, Matrix, Spectrum};

/// Replaces eigenvalues below `floor` by it; returns the matrix and their number. A definite matrix is returned
/// unchanged; a Cholesky factorisation, which costs a twentieth of an eigendecomposition, detects it.
pub(super) fn without_negative_eigenvalues(matrix: Matrix, floor: f64) -> Result<(Matrix, usize)> {
    let above = if floor > 0.0 {
        Cholesky::new(&matrix.clone().map(|i, j, x| if i == j { x - floor } else { x })).is_ok()
    } else {
        Cholesky::new(&matrix).is_ok()
    };
    if above {
        return Ok((matrix, 0));
    }
    let spectrum = Spectrum::new(&matrix)?;
    // Rounding puts null eigenvalues on either side of zero; those need no repair.
    let rounding = 1e-13 * spectrum.eigenvalues.last().copied().unwrap_or(0.0).abs();
    let low = spectrum.eigenvalues.iter().filter(|l| **l < floor - rounding).count();
    if low == 0 {
        return Ok((matrix, 0));
    }
    let lifted: Vec<f64> = spectrum.eigenvalues.iter().map(|l| l.max(floor)).collect();
    Ok((spectrum.with_eigenvalues(&lifted), low))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_negative_eigenvalue_is_lifted_and_counted() {
        // Eigenvalues −1 and 3.
        let (repaired, n) =
            without_negative_eigenvalues(Matrix::from_fn(2, 2, |i, j| if i == j { 1.0 } else { 2.0 }), 0.0).unwrap();
        assert_eq!(n, 1);
        assert!(repaired.entries().iter().all(|x| (x - 1.5).abs() < 1e-14), "{repaired:?}");
        let definite = Matrix::from_fn(2, 2, |i, j| if i == j { 2.0 } else { 1.0 });
        assert_eq!(without_negative_eigenvalues(definite.clone(), 0.0).unwrap(), (definite, 0));
    }
}
