//! A Cholesky factor that gains and loses one variable at a time.
//!
//! ```text
//! add j:     L ← [ L 0 ; l' d ],  L l = A_Fj,  d² = A_jj − l'l
//! remove k:  row k is deleted, and Givens rotations make the rows below triangular again
//! ```
//! Golub and Van Loan (2013), "Matrix Computations", section 6.5.4. Both cost O(|F|²).

use crate::linalg::Matrix;
use crate::linalg::cholesky::PIVOT_FLOOR;

/// The factor of A_FF for a changing set F of variables, in the order in which they were added.
#[derive(Default)]
pub struct GrowingCholesky {
    variables: Vec<usize>,
    /// Row r of L has r + 1 entries.
    rows: Vec<Vec<f64>>,
}

impl GrowingCholesky {
    /// The variables of F in the order in which they were added.
    pub fn variables(&self) -> &[usize] {
        &self.variables
    }

    /// Adds variable j. Returns false and changes nothing if A_FF would become singular.
    pub fn add(&mut self, a: &Matrix, j: usize) -> bool {
        let column = a.column(j);
        let mut row: Vec<f64> = self.variables.iter().map(|&i| column[i]).collect();
        self.forward(&mut row);
        let pivot = column[j] - row.iter().map(|l| l * l).sum::<f64>();
        if pivot <= PIVOT_FLOOR * column[j] {
            return false;
        }
        row.push(pivot.sqrt());
        self.rows.push(row);
        self.variables.push(j);
        true
    }

    /// Removes the variable at a position of [`variables`](Self::variables).
    pub fn remove(&mut self, position: usize) {
        self.variables.remove(position);
        self.rows.remove(position);
        for k in position..self.rows.len() {
            // Row k now has one entry too many: rotate columns k and k+1 so that it vanishes.
            let (x, y) = (self.rows[k][k], self.rows[k][k + 1]);
            let norm = x.hypot(y);
            let (cosine, sine) = (x / norm, y / norm);
            for row in &mut self.rows[k..] {
                let (x, y) = (row[k], row[k + 1]);
                row[k] = cosine * x + sine * y;
                row[k + 1] = cosine * y - sine * x;
            }
            self.rows[k].truncate(k + 1);
        }
    }

    /// The solution x of A_FF x = b; x and b are in the order of [`variables`](Self::variables).
    pub fn solve(&self, b: &[f64]) -> Vec<f64> {
        let mut x = b.to_vec();
        self.forward(&mut x);
        for r in (0..x.len()).rev() {
            let row = &self.rows[r];
            let value = x[r] / row[r];
            x[r] = value;
            x[..r].iter_mut().zip(row).for_each(|(sum, l)| *sum -= value * l);
        }
        x
    }

    /// b ← L⁻¹ b.
    fn forward(&self, b: &mut [f64]) {
        for (r, row) in self.rows.iter().enumerate() {
            let (head, tail) = b.split_at_mut(r);
            tail[0] = (tail[0] - dot(head, row)) / row[r];
        }
    }
}

/// Inner product over the shorter length, in eight independent sums that a compiler can vectorise.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let n = a.len().min(b.len());
    let (a, b) = (a[..n].chunks_exact(8), b[..n].chunks_exact(8));
    let rest: f64 = a.remainder().iter().zip(b.remainder()).map(|(x, y)| x * y).sum();
    let mut sums = [0.0; 8];
    for (x, y) in a.zip(b) {
        for k in 0..8 {
            sums[k] += x[k] * y[k];
        }
    }
    sums.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adding_and_removing_leaves_the_factor_of_what_remains() {
        let a = Matrix::from_fn(12, 12, |i, j| if i == j { 2.0 } else { 1.0 / (1.0 + i.abs_diff(j) as f64) });
        let mut factor = GrowingCholesky::default();
        for j in [3, 7, 0, 11, 5, 9, 1, 2, 4, 6] {
            assert!(factor.add(&a, j));
        }
        factor.remove(2);
        factor.remove(8);
        factor.remove(0);
        assert_eq!(factor.variables(), [7, 11, 5, 9, 1, 2, 4]);
        let b: Vec<f64> = (1..8).map(|i| i as f64).collect();
        let x = factor.solve(&b);
        for (r, &i) in factor.variables().iter().enumerate() {
            let product: f64 = factor.variables().iter().zip(&x).map(|(&j, x)| a[(i, j)] * x).sum();
            assert!((product - b[r]).abs() < 1e-12, "row {r}: {product} against {}", b[r]);
        }
    }

    #[test]
    fn a_dependent_variable_is_refused() {
        let a = Matrix::from_fn(2, 2, |_, _| 1.0);
        let mut factor = GrowingCholesky::default();
        assert!(factor.add(&a, 0));
        assert!(!factor.add(&a, 1));
        assert_eq!(factor.variables(), [0]);
    }
}
