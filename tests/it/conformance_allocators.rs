//! Comparison with reference weights of quadprog, clarabel, scikit-folio, riskfolio, PyPortfolioOpt and
//! RiskPortfolios.

use minvar::allocators::{
    self, Allocator, BoxMinimumVariance, LongOnlyMinimumVariance, Situation, box_kkt_residual, kkt_residual,
};
use minvar::linalg::{Covariance, Matrix};
use minvar::registry::Choice;

use crate::clarabel_reference::clarabel;
use crate::optimality::{Constraints, Sums};
use crate::vectors::{TOLERANCE, Vectors};

const FILES: [&str; 4] = ["alloc_n10_t60", "alloc_n50_t250", "alloc_n100_t80", "alloc_n200_t1000"];

/// Absolute accuracy of the interior-point solvers that some references were computed with.
const SOLVER: f64 = 1e-8;
/// Absolute accuracy at which the packages run their solvers.
const PACKAGE: f64 = 1e-5;

fn allocator(words: &str) -> Box<dyn Allocator> {
    let choice = Choice::from_words(words).unwrap();
    (allocators::named(&choice.name).unwrap().build)(&choice).unwrap()
}

/// Averages the upper and the lower triangle, which differ in the last bit in some sources.
fn symmetric(matrix: Matrix) -> Covariance {
    let n = matrix.nrows();
    Covariance::new(Matrix::from_fn(n, n, |i, j| (matrix[(i, j)] + matrix[(j, i)]) / 2.0)).unwrap()
}

#[track_caller]
fn close(vectors: &Vectors, tensor: &str, ours: &[f64], absolute: f64) {
    if vectors.has(tensor) {
        let largest = vectors.vector(tensor).iter().fold(0.0, |max: f64, w| max.max(w.abs()));
        vectors.close(tensor, ours, if absolute > TOLERANCE { absolute / largest } else { absolute });
    }
}

#[test]
fn allocators_match_the_packages() {
    for vectors in FILES.into_iter().filter_map(Vectors::open) {
        let sigma = symmetric(vectors.matrix("in.cov"));
        let held = vectors.vector("in.w0_turnover");
        let situation = Situation { held: Some(&held), ..Situation::default() };
        let weights = |words: &str| allocator(words).allocate(&sigma, &situation).unwrap().as_slice().to_vec();
        let bounds = vectors.vector("in.box");
        let boxed = format!("lower={},upper={}", bounds[0], bounds[1]);
        let n = sigma.n_assets();
        assert_eq!(weights("equal"), vec![1.0 / n as f64; n]);
        for (tensor, words, absolute) in [
            ("riskportfolios.gmv_unconstrained", "gmv", TOLERANCE),
            ("riskportfolios.inverse_volatility", "inverse_volatility", TOLERANCE),
            ("quadprog.gmv_long_only", "gmv_long_only", TOLERANCE),
            ("riskportfolios.gmv_long_only", "gmv_long_only", TOLERANCE),
            ("clarabel.gmv_long_only", "gmv_long_only", SOLVER),
            ("pypfopt.gmv_long_only", "gmv_long_only", PACKAGE),
            ("skfolio.gmv_long_only", "gmv_long_only", PACKAGE),
            ("quadprog.gmv_box", &format!("gmv_box,{boxed}"), TOLERANCE),
            ("riskportfolios.gmv_box", &format!("gmv_box,{boxed}"), TOLERANCE),
            ("pypfopt.gmv_box", &format!("gmv_box,{boxed}"), PACKAGE),
            ("skfolio.gmv_box", &format!("gmv_box,{boxed}"), PACKAGE),
            ("quadprog.gmv_long_only_cap", &format!("gmv_box,lower=0,upper={}", bounds[1]), TOLERANCE),
            ("clarabel.gmv_gross1.2", "gmv_gross,gross=1.2", SOLVER),
            ("clarabel.gmv_gross1.1_box", &format!("gmv_gross,gross=1.1,{boxed}"), SOLVER),
            ("clarabel.gmv_long_only_turnover0.3", "gmv_turnover,turnover=0.3", SOLVER),
            ("self.erc_newton", "erc", 1e-10),
            ("skfolio.erc", "erc", 1e-6),
            ("riskfolio.erc", "erc", 1e-6),
            ("riskportfolios.erc", "erc", 1e-6),
            ("quadprog.maxdiv_long_only", "max_diversification", TOLERANCE),
            ("skfolio.maxdiv_long_only", "max_diversification", 1e-6),
            ("riskportfolios.maxdiv", "max_diversification", 1e-6),
            ("riskportfolios.max_decorrelation_long_only", "max_decorrelation", TOLERANCE),
            ("skfolio.hrp_single", "hrp", TOLERANCE),
            ("skfolio.hrp_average", "hrp,linkage=average", TOLERANCE),
            ("skfolio.hrp_ward", "hrp,linkage=ward", TOLERANCE),
            ("pypfopt.hrp_single_cov", "hrp", TOLERANCE),
            ("pypfopt.hrp_average_cov", "hrp,linkage=average", TOLERANCE),
            ("pypfopt.hrp_complete_cov", "hrp,linkage=complete", TOLERANCE),
            ("pypfopt.hrp_ward_cov", "hrp,linkage=ward", TOLERANCE),
        ] {
            close(&vectors, tensor, &weights(words), absolute);
        }
        assert!(vectors.compared.get() >= 20, "{}: {}", vectors.name, vectors.compared.get());
        assert!(kkt_residual(&sigma, &weights("gmv_long_only")) < 1e-10, "{}", vectors.name);
        let residual = box_kkt_residual(&sigma, &weights(&format!("gmv_box,{boxed}")), bounds[0], bounds[1]);
        assert!(residual < 1e-10, "{}: {residual:e}", vectors.name);
    }
}

#[test]
fn hierarchical_risk_parity_of_a_sample_covariance_matches_three_packages() {
    for name in FILES {
        let (Some(vectors), Some(panel)) = (Vectors::open(name), Vectors::open(&name.replace("alloc", "est"))) else {
            return;
        };
        let window = minvar::estimators::Window::new(panel.matrix("in.returns")).unwrap();
        let sigma = Covariance::new(window.covariance(Default::default())).unwrap();
        for (tensor, words) in [
            ("pypfopt.hrp_single_samplecov", "hrp"),
            ("pypfopt.hrp_average_samplecov", "hrp,linkage=average"),
            ("pypfopt.hrp_complete_samplecov", "hrp,linkage=complete"),
            ("pypfopt.hrp_ward_samplecov", "hrp,linkage=ward"),
            ("riskfolio.hrp_single_samplecov", "hrp"),
        ] {
            let ours = allocator(words).allocate(&sigma, &Situation::default()).unwrap();
            close(&vectors, tensor, ours.as_slice(), TOLERANCE);
        }
        assert!(vectors.compared.get() >= 1, "{name}");
    }
}

#[test]
fn the_active_sets_agree_with_clarabel() {
    let (_, truth) = crate::support::complete_market(80, 40).simulate().unwrap();
    let members: Vec<usize> = (0..80).collect();
    let bounds = |lower: f64, upper: f64| Constraints { lower, upper, sums: Sums::Free };
    for day in [5, 20, 39] {
        let sigma = truth.covariance(day, &members).unwrap();
        let ours = LongOnlyMinimumVariance.allocate(&sigma, &Situation::default()).unwrap();
        assert!(kkt_residual(&sigma, ours.as_slice()) < 1e-10);
        for (ours, theirs) in ours.as_slice().iter().zip(&clarabel(&sigma, &bounds(0.0, f64::INFINITY))) {
            assert!((ours - theirs).abs() < 1e-7, "day {day}: {ours} against {theirs}");
        }
        for (lower, upper) in [(0.0, 0.05), (-0.02, 0.1), (0.01, 0.0125), (-1.0, 0.04)] {
            let ours = BoxMinimumVariance::new(lower, upper).unwrap().allocate(&sigma, &Situation::default()).unwrap();
            let residual = box_kkt_residual(&sigma, ours.as_slice(), lower, upper);
            assert!(residual < 1e-10, "day {day}, [{lower}, {upper}]: {residual:e}");
            for (ours, theirs) in ours.as_slice().iter().zip(&clarabel(&sigma, &bounds(lower, upper))) {
                assert!((ours - theirs).abs() < 1e-7, "day {day}, [{lower}, {upper}]: {ours} against {theirs}");
            }
        }
    }
}
