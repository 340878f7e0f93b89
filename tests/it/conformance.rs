//! Reference numbers of independent implementations: MATLAB, R and PyPI packages, on synthetic panels.
//!
//! The files are not part of the repository; they are looked for in `$MINVAR_CONFORMANCE` and beside the checkout.
//! Without them the tests say so and pass. Every tensor of a registered estimator or allocator is compared: large
//! matrices through eigenvalues, diagonal, three products and a summary.

use std::path::PathBuf;

use minvar::allocators::{
    Allocator, EqualWeight, InverseVolatility, LongOnlyMinimumVariance, MinimumVariance, kkt_residual,
};
use minvar::estimators::{
    Centring, Clip, CovarianceEstimator, Diagonal, EigenvalueCleaner, Ewma, Keep, LedoitWolfIdentity, Qis,
    RotationInvariant, Sample, Space, Start, Window,
};
use minvar::linalg::{Covariance, Matrix, Spectrum};
use safetensors::SafeTensors;

use crate::clarabel_reference::clarabel_long_only;
use crate::support::say_skipped;

/// Tolerance "A" of the vectors: largest difference over largest entry. Both sides work in doubles.
const TOLERANCE: f64 = 1e-9;

fn folder() -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/conformance");
    let folder = std::env::var_os("MINVAR_CONFORMANCE").map(PathBuf::from).unwrap_or_else(beside).join("estimators");
    if !folder.exists() {
        static ONCE: std::sync::Once = std::sync::Once::new();
        ONCE.call_once(|| say_skipped("conformance vectors", &folder));
        return None;
    }
    Some(folder)
}

/// One file of tensors, with a count of those compared.
struct Vectors {
    name: String,
    bytes: Vec<u8>,
    compared: std::cell::Cell<usize>,
}

impl Vectors {
    fn open(name: &str) -> Option<Self> {
        let bytes = std::fs::read(folder()?.join(format!("{name}.safetensors"))).unwrap();
        Some(Self { name: name.to_string(), bytes, compared: Default::default() })
    }

    fn has(&self, tensor: &str) -> bool {
        SafeTensors::deserialize(&self.bytes).unwrap().tensor(tensor).is_ok()
    }

    /// A tensor as a matrix; files are row-major.
    fn matrix(&self, tensor: &str) -> Matrix {
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

    fn vector(&self, tensor: &str) -> Vec<f64> {
        row_major(&self.matrix(tensor))
    }

    #[track_caller]
    fn close(&self, tensor: &str, ours: &[f64], tolerance: f64) {
        let theirs = self.vector(tensor);
        assert_eq!(ours.len(), theirs.len(), "{}: size of {tensor}", self.name);
        let largest = theirs.iter().filter(|x| !x.is_nan()).fold(0.0, |max: f64, x| max.max(x.abs()));
        for (k, (a, b)) in ours.iter().zip(&theirs).enumerate() {
            let agrees = (a - b).abs() <= tolerance * largest || (a.is_nan() && b.is_nan());
            assert!(agrees, "{}: {tensor}[{k}] is {a:e}, reference {b:e}", self.name);
        }
        self.compared.set(self.compared.get() + 1);
    }

    /// A covariance, in full or through its parts.
    #[track_caller]
    fn matches(&self, tensor: &str, ours: &Matrix) {
        if self.has(tensor) {
            return self.close(tensor, &row_major(ours), TOLERANCE);
        }
        self.close(&format!("{tensor}.diag"), &ours.diagonal(), TOLERANCE);
        let probe = self.matrix("in.probe");
        let products: Vec<Vec<f64>> = probe.columns().map(|p| ours.times(p)).collect();
        let products = Matrix::from_column_major(ours.nrows(), products.len(), products.concat());
        self.close(&format!("{tensor}.probe"), &row_major(&products), TOLERANCE);
        self.close(&format!("{tensor}.eig"), &Spectrum::new(ours).unwrap().eigenvalues, TOLERANCE);
        let summary = self.vector(&format!("{tensor}.summary"));
        for (ours, theirs) in summarised(ours).into_iter().zip(summary) {
            // Each of the five has a scale of its own.
            let agrees = (ours - theirs).abs() <= TOLERANCE * theirs.abs() || theirs.is_nan();
            assert!(agrees, "{}: {tensor}.summary has {ours:e}, reference {theirs:e}", self.name);
        }
    }
}

fn row_major(matrix: &Matrix) -> Vec<f64> {
    (0..matrix.nrows()).flat_map(|i| (0..matrix.ncols()).map(move |j| matrix[(i, j)])).collect()
}

/// Trace, Frobenius norm, log determinant, sum of entries, 1/(1'Σ⁻¹1); the inverse from nalgebra, as a second opinion.
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

const PANELS: [&str; 4] = ["est_n10_t60", "est_n50_t250", "est_n100_t80", "est_n200_t1000"];
const EDGES: [&str; 2] = ["edge_n60_t61", "edge_n61_t61"];

fn window_of(vectors: &Vectors) -> Window {
    Window::new(vectors.matrix("in.returns")).unwrap()
}

#[track_caller]
fn check(vectors: &Vectors, window: &Window, tensor: &str, estimator: &dyn CovarianceEstimator) {
    let exists = [tensor.to_string(), format!("{tensor}.eig")].iter().any(|name| vectors.has(name));
    if exists {
        vectors.matches(tensor, estimator.estimate(window).unwrap().matrix());
    }
}

#[test]
fn sample_moments_match_numpy_and_scikit_learn() {
    for vectors in PANELS.into_iter().filter_map(Vectors::open) {
        let window = window_of(&vectors);
        check(&vectors, &window, "numpy.cov_ddof1", &Sample(Centring::Mean));
        check(&vectors, &window, "sklearn.empirical_ddof0", &Sample(Centring::MeanMaximumLikelihood));
        vectors.matches("numpy.corrcoef", window.correlation());
        assert!(vectors.compared.get() >= 3, "{}", vectors.name);
    }
}

#[test]
fn ewma_and_its_variants_match_skfolio_mfe_and_pandas() {
    for vectors in PANELS.into_iter().filter_map(Vectors::open) {
        let window = window_of(&vectors);
        for (tensor, start) in [
            ("skfolio.ewma_0.94", Start::Normalised),
            ("mfe.riskmetrics_0.94", Start::BackCast),
            ("mfe.riskmetrics_0.94_zero_start", Start::Zero),
            ("pandas.ewm_cov_0.94", Start::Centred),
        ] {
            check(&vectors, &window, tensor, &Ewma::new(0.94, start).unwrap());
        }
        assert!(vectors.compared.get() >= 3, "{}", vectors.name);
    }
}

#[test]
fn linear_shrinkage_matches_matlab_scikit_learn_and_pyportfolioopt() {
    for vectors in PANELS.into_iter().chain(EDGES).filter_map(Vectors::open) {
        let window = window_of(&vectors);
        for (tensor, centring) in [
            ("lw.cov1Para", Centring::Mean),
            ("lw.cov1Para_k0", Centring::Zero),
            ("sklearn.ledoit_wolf", Centring::MeanMaximumLikelihood),
            ("pypfopt.lw_constant_variance", Centring::MeanMaximumLikelihood),
        ] {
            check(&vectors, &window, tensor, &LedoitWolfIdentity(centring));
            let alpha = format!("{tensor}.alpha");
            if vectors.has(&alpha) {
                vectors.close(&alpha, &[LedoitWolfIdentity(centring).intensity(&window)], TOLERANCE);
            }
        }
        assert!(vectors.compared.get() >= 1, "{}", vectors.name);
    }
}

fn qis(centring: Centring) -> RotationInvariant<Qis> {
    RotationInvariant { cleaner: Qis, space: Space::Covariance(centring) }
}

#[test]
fn qis_matches_matlab_below_at_and_above_n_equal_t() {
    for vectors in PANELS.into_iter().chain(EDGES).filter_map(Vectors::open) {
        let window = window_of(&vectors);
        check(&vectors, &window, "lw.QIS", &qis(Centring::Mean));
        check(&vectors, &window, "lw.QIS_k0", &qis(Centring::Zero));
        assert!(vectors.compared.get() >= 1, "{}", vectors.name);
    }
}

#[test]
fn qis_of_devolatilised_returns_matches_matlab() {
    for vectors in ["dcc_n10_t500", "dcc_n40_t400"].into_iter().filter_map(Vectors::open) {
        let (returns, variances) = (vectors.matrix("in.returns"), vectors.matrix("arch.garch_h"));
        let (n_days, n_assets) = (returns.nrows(), returns.ncols());
        let mean = |j: usize| returns.column(j).iter().sum::<f64>() / n_days as f64;
        let means: Vec<f64> = (0..n_assets).map(mean).collect();
        let residual = |t: usize, j: usize| 100.0 * (returns[(t, j)] - means[j]) / variances[(t, j)].sqrt();
        let window = Window::new(Matrix::from_fn(n_days, n_assets, residual)).unwrap();
        check(&vectors, &window, "lw.QIS_of_devolatilised", &qis(Centring::Mean));
        check(&vectors, &window, "lw.QIS_k0_of_devolatilised", &qis(Centring::Zero));
        assert_eq!(vectors.compared.get(), 2, "{}", vectors.name);
    }
}

#[test]
fn clipping_matches_pyrmt_and_covestim() {
    for vectors in PANELS.into_iter().filter_map(Vectors::open) {
        let window = window_of(&vectors);
        let clip = |keep: Keep, diagonal: Diagonal| {
            let space = Space::Correlation(diagonal);
            let cleaner = Clip::new(keep).unwrap();
            RotationInvariant { cleaner, space }.estimate(&window).unwrap().matrix().clone()
        };
        let sds = window.volatilities();
        let correlation = |sigma: Matrix| sigma.map(|i, j, x| x / (sds[i] * sds[j]));
        for (tensor, keep) in [
            ("pyrmt.clipped", Keep::AboveEdge),
            ("pyrmt.clipped_alpha0.1", Keep::Fraction(0.1)),
            ("pyrmt.clipped_alpha0.3", Keep::Fraction(0.3)),
        ] {
            if vectors.has(tensor) || vectors.has(&format!("{tensor}.eig")) {
                vectors.matches(tensor, &correlation(clip(keep, Diagonal::Reset)));
            }
        }
        vectors.matches("covestim.evc_mp", &clip(Keep::AboveEdge, Diagonal::Kept));
        // The package reports the position of the last eigenvalue it cuts, from 0, over n.
        let (eigenvalues, _) = window.correlation_spectrum().unwrap();
        let cleaned = Clip::default().clean(&eigenvalues, window.n_days()).unwrap();
        let n_cut = cleaned.iter().filter(|x| **x == cleaned[0]).count();
        vectors.close("covestim.evc_mp.cut", &[(n_cut - 1) as f64 / window.n_assets() as f64], TOLERANCE);
        assert!(vectors.compared.get() >= 2, "{}", vectors.name);
    }
}

#[test]
fn allocators_match_quadprog_clarabel_and_the_packages() {
    for vectors in
        ["alloc_n10_t60", "alloc_n50_t250", "alloc_n100_t80", "alloc_n200_t1000"].into_iter().filter_map(Vectors::open)
    {
        let sigma = Covariance::new(symmetric(vectors.matrix("in.cov"))).unwrap();
        let weights = |allocator: &dyn Allocator| allocator.allocate(&sigma, &Situation::default()).unwrap().as_slice().to_vec();
        vectors.close("riskportfolios.gmv_unconstrained", &weights(&MinimumVariance), TOLERANCE);
        vectors.close("riskportfolios.inverse_volatility", &weights(&InverseVolatility), TOLERANCE);
        let n = sigma.n_assets();
        assert_eq!(weights(&EqualWeight), vec![1.0 / n as f64; n]);
        let long_only = weights(&LongOnlyMinimumVariance);
        assert!(kkt_residual(&sigma, &long_only) < 1e-10, "{}: {:e}", vectors.name, kkt_residual(&sigma, &long_only));
        // Solvers of the packages stop at 1e-5, clarabel was run at 1e-14 and is compared at 1e-8 absolute.
        for (tensor, tolerance) in [
            ("quadprog.gmv_long_only", TOLERANCE),
            ("riskportfolios.gmv_long_only", TOLERANCE),
            ("clarabel.gmv_long_only", 1e-8),
            ("pypfopt.gmv_long_only", 1e-5),
            ("skfolio.gmv_long_only", 1e-5),
        ] {
            let largest = vectors.vector(tensor).iter().fold(0.0, |max: f64, w| max.max(w.abs()));
            vectors.close(tensor, &long_only, if tolerance > TOLERANCE { tolerance / largest } else { tolerance });
        }
        assert_eq!(vectors.compared.get(), 7);
    }
}

/// Averages the two triangles, which differ in the last bit in some sources.
fn symmetric(matrix: Matrix) -> Matrix {
    Matrix::from_fn(matrix.nrows(), matrix.ncols(), |i, j| (matrix[(i, j)] + matrix[(j, i)]) / 2.0)
}

#[test]
fn the_long_only_solver_agrees_with_clarabel() {
    let (_, truth) = crate::support::complete_market(80, 40).simulate().unwrap();
    let members: Vec<usize> = (0..80).collect();
    for day in [5, 20, 39] {
        let sigma = truth.covariance(day, &members).unwrap();
        let ours = LongOnlyMinimumVariance.allocate(&sigma, &Situation::default()).unwrap();
        assert!(kkt_residual(&sigma, ours.as_slice()) < 1e-10);
        let theirs = clarabel_long_only(&sigma);
        for (ours, theirs) in ours.as_slice().iter().zip(&theirs) {
            assert!((ours - theirs).abs() < 1e-7, "day {day}: {ours} against {theirs}");
        }
    }
}
