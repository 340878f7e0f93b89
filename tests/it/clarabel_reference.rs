//! Minimum variance by clarabel, an interior-point solver: the reference for tests and benchmarks.
//!
//! Goulart, Chen (2024), "Clarabel: an interior-point solver for conic programs with quadratic objectives".

use clarabel::algebra::CscMatrix;
use clarabel::solver::{DefaultSettingsBuilder, DefaultSolver, IPSolver, NonnegativeConeT, ZeroConeT};
use minvar::linalg::Covariance;

use crate::optimality::{Constraints, Sums};

/// A row of a constraint: coefficients by variable, and the right-hand side.
type Row = (Vec<(usize, f64)>, f64);

/// Weights at tolerance 1e-13, for the covariance scaled to a mean variance of one. Variables 0 … n−1 are the weights; distances
/// have an auxiliary variable each.
pub fn clarabel(sigma: &Covariance, constraints: &Constraints<'_>) -> Vec<f64> {
    let n = sigma.n_assets();
    let mut n_variables = n;
    // 1'w = 1, then inequalities a'x ≤ b.
    let mut rows: Vec<Row> = vec![((0..n).map(|i| (i, 1.0)).collect(), 1.0)];
    for i in 0..n {
        if constraints.lower.is_finite() {
            rows.push((vec![(i, -1.0)], -constraints.lower));
        }
        if constraints.upper.is_finite() {
            rows.push((vec![(i, 1.0)], constraints.upper));
        }
    }
    match constraints.sums {
        Sums::Free => {}
        Sums::Around(centre, limit) => {
            n_variables += n;
            for (i, &c) in centre.iter().enumerate() {
                rows.push((vec![(i, 1.0), (n + i, -1.0)], c));
                rows.push((vec![(i, -1.0), (n + i, -1.0)], -c));
            }
            rows.push(((n..2 * n).map(|i| (i, 1.0)).collect(), limit));
        }
        Sums::Sectors(sectors, cap) => {
            let names: std::collections::BTreeSet<&str> = sectors.iter().copied().collect();
            let members = |name: &str| (0..n).filter(|&i| sectors[i] == name).map(|i| (i, 1.0)).collect();
            rows.extend(names.into_iter().map(|name| (members(name), cap)));
        }
    }
    let (mut at, mut variables, mut coefficients) = (Vec::new(), Vec::new(), Vec::new());
    for (row, (entries, _)) in rows.iter().enumerate() {
        for &(variable, coefficient) in entries {
            at.push(row);
            variables.push(variable);
            coefficients.push(coefficient);
        }
    }
    let a = CscMatrix::new_from_triplets(rows.len(), n_variables, at, variables, coefficients);
    let b: Vec<f64> = rows.iter().map(|(_, limit)| *limit).collect();

    let scale = n as f64 / sigma.matrix().trace();
    let upper = |j: usize| (0..=j).map(move |i| (i, j));
    let inner: Vec<usize> = (0..n).flat_map(upper).map(|(i, _)| i).collect();
    let values: Vec<f64> = (0..n).flat_map(upper).map(|(i, j)| sigma.matrix()[(i, j)] * scale).collect();
    let starts = (0..=n_variables).map(|j| j.min(n) * (j.min(n) + 1) / 2).collect();
    let p = CscMatrix::new(n_variables, n_variables, starts, inner, values);

    let mut settings = DefaultSettingsBuilder::default();
    settings.verbose(false).tol_gap_abs(1e-13).tol_gap_rel(1e-13).tol_feas(1e-13);
    let settings = settings.build().expect("valid settings");
    let cones = [ZeroConeT(1), NonnegativeConeT(rows.len() - 1)];
    let mut solver =
        DefaultSolver::new(&p, &vec![0.0; n_variables], &a, &b, &cones, settings).expect("a valid problem");
    solver.solve();
    solver.solution.x[..n].to_vec()
}
