//! The minimum on a face, where bound assets stay at their points, free ones in their cells, and full groups at their limits.
//!
//! ```text
//! Σ_FF w_F + Σ_FB w_B = A' y,   A w_F = b
//! rows of A: 1' (the budget), and the signs s_i of the free assets of each full group;  y = (μ, −ν)
//! V = Σ_FF⁻¹ A',  (A V) y = b + A Σ_FF⁻¹ Σ_FB w_B,  w_F = V y − Σ_FF⁻¹ Σ_FB w_B
//! ```
//! The price of a cell is μ − s ν with the ν of the group, s = 1 above c and −1 below; it equals (Σw)_i of the free assets. A
//! bound asset is right where it is if (Σw)_i is at least the price of the cell above it and at most that of the cell below;
//! a full group is if ν ≥ 0.

use crate::allocators::active_set::{AMBIGUOUS, Problem, ROUNDING};
use crate::linalg::{Cholesky, Matrix};

/// Share by which variances grow where Σ_FF is singular: large enough for a sound factor, small enough for few refinements.
/// Chosen.
const RIDGE: f64 = 1e-8;
/// Refinements with a ridge: each leaves RIDGE / λ of the error, for eigenvalues λ of correlations.
const RIDGE_REFINEMENTS: usize = 10;

/// Where an asset is on its ladder of points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// At this point.
    Bound(usize),
    /// Between this point and the next one.
    Free(usize),
}

/// Where each asset is, and which groups are kept at their limit.
#[derive(Clone, Debug)]
pub(super) struct Face {
    pub status: Vec<Status>,
    pub is_full: Vec<bool>,
}

/// The minimum on a face.
pub(super) struct Minimum {
    /// Weights (N).
    pub w: Vec<f64>,
    /// Σ w (N).
    pub gradient: Vec<f64>,
    /// The budget's multiplier μ.
    pub mu: f64,
    /// The multiplier ν of each group; 0 unless it is full.
    pub nu: Vec<f64>,
    /// Whether the equations are singular: there may be further minima on the face, or further prices.
    pub is_degenerate: bool,
    /// Prices and gradients that differ by less are equal up to rounding.
    pub tolerance: f64,
}

/// The sign of w − c in a cell.
fn sign(cell: usize) -> f64 {
    if cell == 0 { -1.0 } else { 1.0 }
}

impl Face {
    /// The face around weights: those at a point are bound, and groups at their limit are full.
    pub fn of(problem: &Problem<'_>, w: &[f64]) -> Self {
        let w = problem.clamped(w);
        let status = problem.points.iter().enumerate().map(|(i, points)| {
            // Where points coincide, the middle one has the cells on both sides.
            let at = [1, 0, 2].into_iter().find(|&k| (w[i] - points[k]).abs() <= ROUNDING);
            at.map_or_else(|| problem.cell(i, w[i]), Status::Bound)
        });
        let sums = problem.sums(&w);
        let is_full = sums.iter().zip(&problem.limits).map(|(sum, limit)| *sum >= limit - ROUNDING).collect();
        Self { status: status.collect(), is_full }
    }

    /// The free assets, ascending.
    pub fn free(&self) -> Vec<usize> {
        (0..self.status.len()).filter(|&i| matches!(self.status[i], Status::Free(_))).collect()
    }

    /// The sign of the cell of a free asset.
    fn sign(&self, i: usize) -> f64 {
        match self.status[i] {
            Status::Free(cell) => sign(cell),
            Status::Bound(_) => 0.0,
        }
    }

    /// The minimum, with iterative refinement; none if the equations are inconsistent.
    pub fn minimum(&self, problem: &Problem<'_>) -> Option<Minimum> {
        let free = self.free();
        let sigma = problem.sigma;
        let mut block = Matrix::zeros(free.len(), free.len());
        for (k, &j) in free.iter().enumerate() {
            let column = sigma.column(j);
            block.column_mut(k).iter_mut().zip(&free).for_each(|(x, &i)| *x = column[i]);
        }
        // With a ridge, each refinement is a step of the proximal point method, which solves singular equations, too.
        let (factor, refinements) = match factor_of(&block) {
            Some(factor) => (factor, 1),
            None => (factor_of(&block.map(|i, j, x| if i == j { x * (1.0 + RIDGE) } else { x }))?, RIDGE_REFINEMENTS),
        };
        let rows = Rows::of(self, problem, &free);
        let v: Vec<Vec<f64>> = rows.coefficients.iter().map(|row| factor.solve(row)).collect();
        let schur = Matrix::from_fn(v.len(), v.len(), |k, l| dot(&rows.coefficients[k.max(l)], &v[k.min(l)]));
        let schur = factor_of(&schur)?;

        let mut w: Vec<f64> = self
            .status
            .iter()
            .zip(&problem.points)
            .map(|(status, points)| match status {
                Status::Bound(k) => points[*k],
                Status::Free(_) => 0.0,
            })
            .collect();
        let mut y = vec![0.0; v.len()];
        for _ in 0..=refinements {
            // Both equations for the error of w and y so far; at first, w_F = 0 and y = 0.
            let gradient = sigma.times(&w);
            let missing = rows.missing(self, problem, &w);
            let pull = |(k, &i): (usize, &usize)| {
                let price: f64 = rows.coefficients.iter().zip(&y).map(|(row, y)| row[k] * y).sum();
                price - gradient[i]
            };
            let rest = factor.solve(&free.iter().enumerate().map(pull).collect::<Vec<f64>>());
            let b: Vec<f64> = rows.coefficients.iter().zip(&missing.rows).map(|(row, b)| b - dot(row, &rest)).collect();
            let change = schur.solve(&b);
            for (k, &i) in free.iter().enumerate() {
                w[i] += rest[k] + v.iter().zip(&change).map(|(v, y)| v[k] * y).sum::<f64>();
            }
            y.iter_mut().zip(&change).for_each(|(y, change)| *y += change);
        }
        if rows.missing(self, problem, &w).budget.abs() > AMBIGUOUS {
            return None;
        }
        let mut minimum = rows.priced(problem, w, &y);
        minimum.is_degenerate = refinements > 1 || rows.budget_follows;
        if rows.budget_follows {
            minimum.balance(problem, self, &rows.signs);
        }
        Some(minimum)
    }
}

/// The rows of A.
struct Rows {
    /// Full groups with free assets.
    groups: Vec<usize>,
    /// Coefficients of the free assets, of each of these groups and then of the budget.
    coefficients: Vec<Vec<f64>>,
    /// Whether the row of the budget is the sum of the others times `signs`, so that it is left out.
    budget_follows: bool,
    /// The sign of the free assets of each group, where it is the same for all; 0 for groups without a row.
    signs: Vec<f64>,
}

/// What is missing to the right-hand side.
struct Missing {
    rows: Vec<f64>,
    budget: f64,
}

impl Rows {
    fn of(face: &Face, problem: &Problem<'_>, free: &[usize]) -> Self {
        let mut signs = vec![0.0; problem.limits.len()];
        let mut budget_follows = true;
        for &i in free {
            let (s, sign) = (problem.group[i], face.sign(i));
            budget_follows &= face.is_full[s] && (signs[s] == 0.0 || signs[s] == sign);
            if face.is_full[s] {
                signs[s] = sign;
            }
        }
        let groups: Vec<usize> = (0..signs.len()).filter(|&s| signs[s] != 0.0).collect();
        let row = |&s: &usize| free.iter().map(|&i| if problem.group[i] == s { face.sign(i) } else { 0.0 }).collect();
        let mut coefficients: Vec<Vec<f64>> = groups.iter().map(row).collect();
        if !budget_follows {
            coefficients.push(vec![1.0; free.len()]);
        }
        Self { groups, coefficients, budget_follows, signs }
    }

    /// What w lacks in each row, and in the budget.
    fn missing(&self, face: &Face, problem: &Problem<'_>, w: &[f64]) -> Missing {
        let mut sums = vec![0.0; problem.limits.len()];
        for (i, &w) in w.iter().enumerate() {
            // Beyond the end of its cell, a free asset still counts with the sign of the cell.
            let sign = if let Status::Free(cell) = face.status[i] { sign(cell) } else { problem.sign(i, w) };
            sums[problem.group[i]] += sign * (w - problem.centre[i]);
        }
        let budget = 1.0 - w.iter().sum::<f64>();
        let mut rows: Vec<f64> = self.groups.iter().map(|&s| problem.limits[s] - sums[s]).collect();
        if !self.budget_follows {
            rows.push(budget);
        }
        Missing { rows, budget }
    }

    /// The minimum with the multipliers y.
    fn priced(&self, problem: &Problem<'_>, w: Vec<f64>, y: &[f64]) -> Minimum {
        let mut nu = vec![0.0; problem.limits.len()];
        self.groups.iter().zip(y).for_each(|(&s, y)| nu[s] = -y);
        let mu = if self.budget_follows { 0.0 } else { y[y.len() - 1] };
        let largest = problem.sigma.diagonal().into_iter().fold(0.0, f64::max);
        let gross = w.iter().map(|w| w.abs()).sum::<f64>();
        let price = nu.iter().fold(0.0, |max: f64, nu| max.max((mu - nu).abs()).max((mu + nu).abs()));
        let tolerance = ROUNDING * price + 4.0 * f64::EPSILON * largest * gross;
        let gradient = problem.sigma.times(&w);
        Minimum { w, gradient, mu, nu, is_degenerate: false, tolerance }
    }
}

impl Minimum {
    /// The price of an asset in a cell.
    fn price(&self, problem: &Problem<'_>, i: usize, cell: usize) -> f64 {
        self.mu - sign(cell) * self.nu[problem.group[i]]
    }

    /// The cells next to the point at which an asset is bound, with the variance's fall, to first order, per weight moved
    /// into it.
    fn ways(&self, problem: &Problem<'_>, i: usize, point: usize) -> [Option<(usize, f64)>; 2] {
        let points = &problem.points[i];
        let up = (point < 2 && points[point] < points[point + 1])
            .then(|| (point, self.price(problem, i, point) - self.gradient[i]));
        let down = (point > 0 && points[point - 1] < points[point])
            .then(|| (point - 1, self.gradient[i] - self.price(problem, i, point - 1)));
        [up, down]
    }

    /// The better of the ways for a bound asset; its fall is negative if the asset is right where it is.
    pub fn way(&self, problem: &Problem<'_>, i: usize, point: usize) -> Option<(usize, f64)> {
        self.ways(problem, i, point).into_iter().flatten().max_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// The smallest margin by which the conditions of optimality hold: of prices and ν as a share of the prices, of weights
    /// within their cells, and of sums within their limits. Negative if one does not hold.
    pub fn margin(&self, problem: &Problem<'_>, face: &Face) -> f64 {
        let scale = self.tolerance / ROUNDING;
        let asset = |(i, status): (usize, &Status)| match *status {
            Status::Bound(point) => self.way(problem, i, point).map_or(f64::INFINITY, |(_, fall)| -fall / scale),
            Status::Free(cell) => {
                let (low, high) = problem.ends(i, cell, face);
                (self.w[i] - problem.points[i][low]).min(problem.points[i][high] - self.w[i])
            }
        };
        let sums = problem.sums(&self.w);
        let group = |s: usize| {
            let room = problem.limits[s] - sums[s];
            if face.is_full[s] && room.abs() <= AMBIGUOUS { self.nu[s] / scale } else { room }
        };
        let assets = face.status.iter().enumerate().map(asset);
        assets.chain((0..sums.len()).map(group)).fold(f64::INFINITY, f64::min)
    }

    /// Chooses μ where the free assets leave it open: μ + t with ν + t `signs` gives them the same prices. Takes the middle of
    /// the values that suit all bound assets and groups, or, if there are none, of the gap.
    fn balance(&mut self, problem: &Problem<'_>, face: &Face, signs: &[f64]) {
        let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
        for (i, status) in face.status.iter().enumerate() {
            let Status::Bound(point) = *status else { continue };
            let [up, down] = self.ways(problem, i, point);
            // How much t adds to the price of a cell: nothing, t or 2 t.
            let slope = |cell: usize| 1.0 - sign(cell) * signs[problem.group[i]];
            if let Some((cell, fall)) = up.filter(|(cell, _)| slope(*cell) > 0.0) {
                high = high.min(-fall / slope(cell));
            }
            if let Some((cell, fall)) = down.filter(|(cell, _)| slope(*cell) > 0.0) {
                low = low.max(fall / slope(cell));
            }
        }
        for (nu, sign) in self.nu.iter().zip(signs) {
            if *sign > 0.0 {
                low = low.max(-nu);
            } else if *sign < 0.0 {
                high = high.min(*nu);
            }
        }
        let scale = self.gradient.iter().fold(0.0, |max: f64, g| max.max(g.abs()));
        let t = match (low.is_finite(), high.is_finite()) {
            (true, true) => (low + high) / 2.0,
            (true, false) => low + scale,
            (false, true) => high - scale,
            (false, false) => 0.0,
        };
        self.mu += t;
        self.nu.iter_mut().zip(signs).for_each(|(nu, sign)| *nu += t * sign);
    }
}

/// The factor of a positive definite matrix, or of one without rows.
fn factor_of(matrix: &Matrix) -> Option<Factor> {
    if matrix.nrows() == 0 { Some(Factor(None)) } else { Cholesky::new(matrix).ok().map(|factor| Factor(Some(factor))) }
}

struct Factor(Option<Cholesky>);

impl Factor {
    fn solve(&self, b: &[f64]) -> Vec<f64> {
        self.0.as_ref().map_or(Vec::new(), |factor| factor.solve(b))
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
