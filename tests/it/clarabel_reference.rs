//! Long-only minimum variance by clarabel, an interior-point solver: the reference for a test and a benchmark.

use clarabel::algebra::CscMatrix;
use clarabel::solver::{DefaultSettingsBuilder, DefaultSolver, IPSolver, NonnegativeConeT, ZeroConeT};
use minvar::linalg::Covariance;

/// Weights at tolerance 1e-13, for the covariance scaled to a mean variance of one.
pub fn clarabel_long_only(sigma: &Covariance) -> Vec<f64> {
    let n = sigma.n_assets();
    let scale = n as f64 / sigma.matrix().trace();
    let upper = |j: usize| (0..=j).map(move |i| (i, j));
    let rows: Vec<usize> = (0..n).flat_map(upper).map(|(i, _)| i).collect();
    let values: Vec<f64> = (0..n).flat_map(upper).map(|(i, j)| sigma.matrix()[(i, j)] * scale).collect();
    let starts: Vec<usize> = (0..=n).map(|j| j * (j + 1) / 2).collect();
    let p = CscMatrix::new(n, n, starts, rows, values);
    // 1'w = 1 in row 0, then −w ≤ 0.
    let a_rows: Vec<usize> = (0..n).flat_map(|j| [0, j + 1]).collect();
    let a_values: Vec<f64> = (0..n).flat_map(|_| [1.0, -1.0]).collect();
    let a = CscMatrix::new(n + 1, n, (0..=n).map(|j| 2 * j).collect(), a_rows, a_values);
    let mut b = vec![0.0; n + 1];
    b[0] = 1.0;
    let mut settings = DefaultSettingsBuilder::default();
    settings.verbose(false).tol_gap_abs(1e-13).tol_gap_rel(1e-13).tol_feas(1e-13);
    let settings = settings.build().expect("valid settings");
    let cones = [ZeroConeT(1), NonnegativeConeT(n)];
    let mut solver = DefaultSolver::new(&p, &vec![0.0; n], &a, &b, &cones, settings).expect("a valid problem");
    solver.solve();
    solver.solution.x.clone()
}
