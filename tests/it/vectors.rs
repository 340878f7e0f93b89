//! Reads files of reference numbers as matrices and compares them.
//!
//! The files are not part of the repository; they are looked for in `$MINVAR_CONFORMANCE` and beside the checkout.
//! Without them the tests print a note and pass.

use minvar::linalg::{Matrix, Spectrum};
use safetensors::SafeTensors;

use crate::support::reference_folder;

/// Tolerance "A" of the vectors: largest difference over largest entry. Both sides are computed in doubles.
pub const TOLERANCE: f64 = 1e-9;

/// One file of tensors, with a record of those already compared.
pub struct Vectors {
    pub name: String,
    bytes: Vec<u8>,
    pub compared: std::cell::Cell<usize>,
}

impl Vectors {
    pub fn open(name: &str) -> Option<Self> {
        Self::open_in("estimators", name)
    }

    pub fn open_in(folder: &'static str, name: &str) -> Option<Self> {
        let bytes = std::fs::read(reference_folder(folder)?.join(format!("{name}.safetensors"))).unwrap();
        Some(Self { name: name.to_string(), bytes, compared: Default::default() })
    }

    pub fn has(&self, tensor: &str) -> bool {
        SafeTensors::deserialize(&self.bytes).unwrap().tensor(tensor).is_ok()
    }

    /// A tensor as a matrix; files are row-major.
    pub fn matrix(&self, tensor: &str) -> Matrix {
        let tensors = SafeTensors::deserialize(&self.bytes).unwrap();
        let view = tensors.tensor(tensor).unwrap_or_else(|_| panic!("{} has no {tensor}", self.name));
        let (nrows, ncols) = match *view.shape() {
            [n] => (n, 1),
            [n, m] => (n, m),
            ref shape => panic!("{tensor} has shape {shape:?}"),
        };
        let values: Vec<f64> = view.data().chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect();
        Matrix::from_fn(nrows, ncols, |i, j| values[i * ncols + j])
    }

    /// A tensor of whole numbers.
    pub fn integers(&self, tensor: &str) -> Matrix {
        let tensors = SafeTensors::deserialize(&self.bytes).unwrap();
        let view = tensors.tensor(tensor).unwrap_or_else(|_| panic!("{} has no {tensor}", self.name));
        let (nrows, ncols) = if let [n, m] = *view.shape() { (n, m) } else { (view.shape()[0], 1) };
        let values: Vec<i64> = view.data().chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().unwrap())).collect();
        Matrix::from_fn(nrows, ncols, |i, j| values[i * ncols + j] as f64)
    }

    /// The name of every tensor.
    pub fn names(&self) -> Vec<String> {
        SafeTensors::deserialize(&self.bytes).unwrap().names().into_iter().map(|name| name.to_string()).collect()
    }

    pub fn vector(&self, tensor: &str) -> Vec<f64> {
        row_major(&self.matrix(tensor))
    }

    #[track_caller]
    pub fn close(&self, tensor: &str, ours: &[f64], tolerance: f64) {
        let theirs = self.vector(tensor);
        assert_eq!(ours.len(), theirs.len(), "{}: size of {tensor}", self.name);
        let largest = theirs.iter().filter(|x| !x.is_nan()).fold(0.0, |max: f64, x| max.max(x.abs()));
        for (k, (a, b)) in ours.iter().zip(&theirs).enumerate() {
            let agrees = (a - b).abs() <= tolerance * largest || (a.is_nan() && b.is_nan());
            assert!(agrees, "{}: {tensor}[{k}] is {a:e}, reference {b:e}", self.name);
        }
        self.compared.set(self.compared.get() + 1);
    }

    /// As [`matches`](Self::matches) at the tolerance "A", unless there is no such tensor.
    #[track_caller]
    pub fn matches_if_there(&self, tensor: &str, ours: &Matrix) {
        if self.has(tensor) || self.has(&format!("{tensor}.eig")) {
            self.matches(tensor, ours, TOLERANCE);
        }
    }

    /// Compares a covariance, either in full or through its parts.
    #[track_caller]
    pub fn matches(&self, tensor: &str, ours: &Matrix, tolerance: f64) {
        if self.has(tensor) {
            return self.close(tensor, &row_major(ours), tolerance);
        }
        self.close(&format!("{tensor}.diag"), &ours.diagonal(), tolerance);
        let probe = self.matrix("in.probe");
        let products: Vec<Vec<f64>> = probe.columns().map(|p| ours.times(p)).collect();
        let products = Matrix::from_column_major(ours.nrows(), products.len(), products.concat());
        self.close(&format!("{tensor}.probe"), &row_major(&products), tolerance);
        self.close(&format!("{tensor}.eig"), &Spectrum::new(ours).unwrap().eigenvalues, tolerance);
        let summary = self.vector(&format!("{tensor}.summary"));
        for (ours, theirs) in summarised(ours).into_iter().zip(summary) {
            // Each of the five values has its own scale.
            let agrees = (ours - theirs).abs() <= tolerance * theirs.abs() || theirs.is_nan();
            assert!(agrees, "{}: {tensor}.summary has {ours:e}, reference {theirs:e}", self.name);
        }
    }
}

pub fn row_major(matrix: &Matrix) -> Vec<f64> {
    (0..matrix.nrows()).flat_map(|i| (0..matrix.ncols()).map(move |j| matrix[(i, j)])).collect()
}

/// Trace, Frobenius norm, log determinant, sum of entries, 1/(1'Σ⁻¹1). The inverse comes from nalgebra, as an
/// independent check.
fn summarised(matrix: &Matrix) -> [f64; 5] {
    let n = matrix.nrows();
    let frobenius = matrix.entries().iter().map(|x| x * x).sum::<f64>().sqrt();
    let second = nalgebra::DMatrix::from_column_slice(n, n, matrix.entries());
    let (log_determinant, variance) = match nalgebra::Cholesky::new(second) {
        Some(factor) => {
            let ones = nalgebra::DVector::from_element(n, 1.0);
            let log = factor.l_dirty().diagonal().iter().map(|d| 2.0 * d.ln()).sum::<f64>();
            (log, 1.0 / factor.solve(&ones).sum())
        }
        None => (f64::NAN, f64::NAN),
    };
    [matrix.trace(), frobenius, log_determinant, matrix.entries().iter().sum(), variance]
}
