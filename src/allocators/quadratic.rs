//! Minimum variance under linear constraints, by an interior-point method. No other module uses the solver's crate.
//! Problems with nothing but bounds have faster solvers of their own.
//!
//! ```text
//! min ½ w'Σw   over w and auxiliary variables,   A x = b,   G x ≤ h
//! ```
//! Σ is scaled to a mean variance of one, because the solver's tolerances are absolute.
//! Goulart, Chen (2024), "Clarabel: an interior-point solver for conic programs with quadratic objectives".

use clarabel::algebra::CscMatrix;
use clarabel::solver::{DefaultSettingsBuilder, DefaultSolver, IPSolver, NonnegativeConeT, SolverStatus, ZeroConeT};

use crate::error::{Error, Result};
use crate::linalg::Covariance;

/// Accuracy requested from the solver.
const TOLERANCE: f64 = 1e-12;
/// Accuracy at which a result is still accepted if rounding stops the solver early.
const ACCEPTED: f64 = 1e-8;
/// Weights below this are set to zero: the solver leaves zero weights at about 1e-9.
const ZERO: f64 = 1e-8;

/// A row of a constraint: coefficients by variable, and the right-hand side.
type Row = (Vec<(usize, f64)>, f64);

/// A quadratic program. Variables 0 … n−1 are the weights, further ones are auxiliary.
pub(super) struct QuadraticProgram<'a> {
    what: &'static str,
    covariance: &'a Covariance,
    n_variables: usize,
    equalities: Vec<Row>,
    inequalities: Vec<Row>,
}

impl<'a> QuadraticProgram<'a> {
    /// A program whose only constraint is that the weights sum to one.
    pub fn new(what: &'static str, covariance: &'a Covariance) -> Self {
        let n = covariance.n_assets();
        let budget = ((0..n).map(|i| (i, 1.0)).collect(), 1.0);
        Self { what, covariance, n_variables: n, equalities: vec![budget], inequalities: Vec::new() }
    }

    /// Adds the constraint Σ coefficients · x ≤ limit.
    pub fn at_most(&mut self, coefficients: Vec<(usize, f64)>, limit: f64) {
        self.inequalities.push((coefficients, limit));
    }

    /// Adds lower ≤ w_i ≤ upper for every asset; infinite bounds are left out.
    pub fn between(&mut self, lower: f64, upper: f64) {
        for i in 0..self.covariance.n_assets() {
            if lower.is_finite() {
                self.at_most(vec![(i, -1.0)], -lower);
            }
            if upper.is_finite() {
                self.at_most(vec![(i, 1.0)], upper);
            }
        }
    }

    /// Adds Σ |w_i − centre_i| ≤ limit, with one auxiliary variable per asset.
    pub fn within(&mut self, centre: &[f64], limit: f64) {
        let first = self.n_variables;
        self.n_variables += centre.len();
        for (i, &c) in centre.iter().enumerate() {
            self.at_most(vec![(i, 1.0), (first + i, -1.0)], c);
            self.at_most(vec![(i, -1.0), (first + i, -1.0)], -c);
        }
        self.at_most((0..centre.len()).map(|i| (first + i, 1.0)).collect(), limit);
    }

    /// The optimal weights (n), small ones set to zero. Fails if the constraints contradict each other or the solver
    /// stops early.
    pub fn solve(&self) -> Result<Vec<f64>> {
        let n = self.covariance.n_assets();
        let sigma = self.covariance.matrix();
        let scale = n as f64 / sigma.trace();
        let upper = |j: usize| (0..=j).map(move |i| (i, j));
        let rows: Vec<usize> = (0..n).flat_map(upper).map(|(i, _)| i).collect();
        let values: Vec<f64> = (0..n).flat_map(upper).map(|(i, j)| sigma[(i, j)] * scale).collect();
        let starts = (0..=self.n_variables).map(|j| j.min(n) * (j.min(n) + 1) / 2).collect();
        let p = CscMatrix::new(self.n_variables, self.n_variables, starts, rows, values);

        let constraints = || self.equalities.iter().chain(&self.inequalities);
        let (mut at, mut variables, mut coefficients) = (Vec::new(), Vec::new(), Vec::new());
        for (row, (entries, _)) in constraints().enumerate() {
            for &(variable, coefficient) in entries {
                at.push(row);
                variables.push(variable);
                coefficients.push(coefficient);
            }
        }
        let n_rows = constraints().count();
        let a = CscMatrix::new_from_triplets(n_rows, self.n_variables, at, variables, coefficients);
        let b: Vec<f64> = constraints().map(|(_, limit)| *limit).collect();

        let mut settings = DefaultSettingsBuilder::default();
        settings.verbose(false).tol_gap_abs(TOLERANCE).tol_gap_rel(TOLERANCE).tol_feas(TOLERANCE);
        settings.reduced_tol_gap_abs(ACCEPTED).reduced_tol_gap_rel(ACCEPTED).reduced_tol_feas(ACCEPTED);
        let settings = settings.build().expect("valid settings");
        let cones = [ZeroConeT(self.equalities.len()), NonnegativeConeT(self.inequalities.len())];
        let q = vec![0.0; self.n_variables];
        let refused = |why: String| Error::Undefined { what: self.what, why };
        let mut solver =
            DefaultSolver::new(&p, &q, &a, &b, &cones, settings).map_err(|error| refused(error.to_string()))?;
        solver.solve();
        match solver.solution.status {
            SolverStatus::Solved | SolverStatus::AlmostSolved => {
                let weights = solver.solution.x[..n].iter();
                Ok(weights.map(|w| if w.abs() < ZERO { 0.0 } else { *w }).collect())
            }
            SolverStatus::PrimalInfeasible | SolverStatus::AlmostPrimalInfeasible => {
                Err(refused("no weights satisfy all of its constraints".to_string()))
            }
            other => Err(refused(format!("its solver stopped with {other}"))),
        }
    }
}
