//! Comparison with reference numbers for GARCH and dynamic conditional correlations: from the `arch` package and from
//! the MATLAB code of Engle, Ledoit and Wolf.

use minvar::estimators::{CompositeLikelihood, Garch, Window};
use minvar::linalg::Matrix;

use crate::support::estimator;
use crate::vectors::{TOLERANCE, Vectors, row_major};

const FILES: [&str; 2] = ["dcc_n10_t500", "dcc_n40_t400"];

/// The returns minus their means, times 100.
fn scaled(vectors: &Vectors) -> Matrix {
    let window = Window::new(vectors.matrix("in.returns")).unwrap();
    window.centred(Default::default()).clone().scaled(100.0)
}

fn garch(parameters: &Matrix, i: usize) -> Garch {
    Garch { omega: parameters[(i, 0)], alpha: parameters[(i, 1)], beta: parameters[(i, 2)] }
}

#[test]
fn garch_at_fixed_parameters_matches_arch() {
    for vectors in FILES.into_iter().filter_map(Vectors::open) {
        let returns = scaled(&vectors);
        let n = returns.ncols();
        let back_casts: Vec<f64> = returns.columns().map(Garch::back_cast).collect();
        vectors.close("arch.garch_backcast", &back_casts, 1e-12);
        let at = |garch: &dyn Fn(usize) -> Garch| -> (Matrix, Vec<f64>, Vec<f64>) {
            let paths: Vec<Vec<f64>> = (0..n).map(|i| garch(i).variances(returns.column(i))).collect();
            let likelihoods = (0..n).map(|i| garch(i).log_likelihood(returns.column(i))).collect();
            let t = returns.nrows();
            let next = paths.iter().map(|path| path[t]).collect();
            (Matrix::from_fn(t, n, |day, i| paths[i][day]), likelihoods, next)
        };
        let fixed = |i: usize| {
            let r = returns.column(i);
            let variance = r.iter().map(|r| r * r).sum::<f64>() / r.len() as f64;
            Garch { omega: 0.05 * variance, alpha: 0.07, beta: 0.88 }
        };
        let (variances, likelihoods, _) = at(&fixed);
        vectors.close("arch.fixed_h", &row_major(&variances), 1e-11);
        vectors.close("arch.fixed_loglik", &likelihoods, 1e-11);
        let stored = vectors.matrix("arch.garch_params");
        let (variances, _, next) = at(&|i| garch(&stored, i));
        vectors.close("arch.garch_h", &row_major(&variances), 1e-10);
        vectors.close("arch.garch_h_forecast1", &next, 1e-10);
    }
}

#[test]
fn our_garch_optimum_is_not_below_that_of_arch() {
    for vectors in FILES.into_iter().filter_map(Vectors::open) {
        let returns = scaled(&vectors);
        for (i, theirs) in vectors.vector("arch.garch_loglik").into_iter().enumerate() {
            let (fitted, converged) = Garch::fit(returns.column(i));
            let ours = fitted.log_likelihood(returns.column(i));
            assert!(converged && ours >= theirs - 1e-6, "{}, asset {i}: {ours} against {theirs}", vectors.name);
        }
    }
}

#[test]
fn qis_of_devolatilised_returns_matches_matlab() {
    for vectors in FILES.into_iter().filter_map(Vectors::open) {
        let window = Window::new(residuals(&vectors)).unwrap();
        for (tensor, words) in [("lw.QIS_of_devolatilised", "qis"), ("lw.QIS_k0_of_devolatilised", "qis,centring=zero")]
        {
            vectors.matches(tensor, estimator(words).unwrap().estimate(&window).unwrap().matrix(), TOLERANCE);
        }
    }
}

fn residuals(vectors: &Vectors) -> Matrix {
    let variances = vectors.matrix("arch.garch_h");
    scaled(vectors).map(|t, i, r| r / variances[(t, i)].sqrt())
}

#[test]
fn the_composite_likelihood_and_its_optimum_match_matlab() {
    for vectors in FILES.into_iter().filter_map(Vectors::open) {
        let (residuals, target) = (residuals(&vectors), vectors.matrix("in.dcc_target"));
        let likelihood = CompositeLikelihood::new(&residuals, &target);
        let grid = vectors.matrix("in.dcc_grid");
        let values: Vec<f64> =
            (0..grid.nrows()).map(|k| likelihood.negative_log_likelihood(grid[(k, 0)], grid[(k, 1)])).collect();
        vectors.close("dccnl.composite_nll_grid", &values, 1e-10);
        let stored = vectors.vector("dccnl.opt_a_b_nll");
        let (a, b) = (stored[0], stored[1]);
        vectors.close("dccnl.opt_nll_by_day", &likelihood.by_day(a, b), 1e-10);
        let (ours_a, ours_b) = likelihood.fit();
        let ours = likelihood.negative_log_likelihood(ours_a, ours_b);
        assert!(ours <= stored[2] + 1e-8 * stored[2].abs(), "{}: {ours} against {}", vectors.name, stored[2]);
        assert!(
            (ours_a - a).abs() < 1e-4 && (ours_b - b).abs() < 1e-4,
            "{}: {ours_a}, {ours_b} against {a}, {b}",
            vectors.name
        );
        let n_days = residuals.nrows();
        for (tensor, days, a, b) in [
            ("dccnl.corr_last_day", n_days - 1, a, b),
            ("dccnl.corr_forecast", n_days, a, b),
            ("dccnl.corr_forecast_grid0", n_days, grid[(0, 0)], grid[(0, 1)]),
        ] {
            vectors.close(tensor, &row_major(&likelihood.correlation_after(days, a, b)), TOLERANCE);
        }
    }
}

/// Ours estimates every stage itself, so it agrees only as far as the GARCH optima of two optimisers do.
#[test]
fn the_one_step_forecast_agrees_with_the_stored_one() {
    for vectors in FILES.into_iter().filter_map(Vectors::open) {
        let window = Window::new(vectors.matrix("in.returns")).unwrap();
        let sigma = estimator("dcc_qis,days_ahead=1").unwrap().estimate(&window).unwrap();
        assert!(sigma.repairs().is_empty());
        // With only a few assets our search finds a higher likelihood, and so another forecast.
        let (returns, stored) = (scaled(&vectors), vectors.matrix("arch.garch_params"));
        let agrees = |i: &usize| {
            let (ours, theirs) = (Garch::fit(returns.column(*i)).0, garch(&stored, *i));
            let next = |garch: Garch| garch.variances(returns.column(*i))[returns.nrows()];
            (next(ours) / next(theirs) - 1.0).abs() < 1e-3
        };
        let same: Vec<usize> = (0..returns.ncols()).filter(agrees).collect();
        assert!(4 * same.len() >= 3 * returns.ncols(), "{} of {} agree", same.len(), returns.ncols());
        let theirs = vectors.matrix("dccnl.cov_forecast");
        for (&i, &j) in same.iter().flat_map(|i| same.iter().map(move |j| (i, j))) {
            let (a, b) = (sigma.matrix()[(i, j)], theirs[(i, j)]);
            let scale = (theirs[(i, i)] * theirs[(j, j)]).sqrt();
            assert!((a - b).abs() < 5e-3 * scale, "{}: ({i}, {j}) is {a}, reference {b}", vectors.name);
        }
    }
}

/// The file that `tests/reference/regime.py` wrote.
#[derive(serde::Deserialize)]
struct Regimes {
    returns: Vec<Vec<f64>>,
    cases: Vec<Regime>,
}

#[derive(serde::Deserialize)]
struct Regime {
    parameters: std::collections::BTreeMap<String, f64>,
    multiplier: f64,
    covariance: Vec<Vec<f64>>,
}

#[test]
fn the_regime_adjusted_covariance_is_that_of_skfolio() {
    let reference: Regimes = serde_json::from_str(include_str!("../reference/regime.json")).unwrap();
    let rows = |days: usize| Matrix::from_fn(days, 5, |t, i| reference.returns[t][i]);
    let days = [160, 160, 160, 50, 35];
    assert_eq!(reference.cases.len(), days.len());
    for (case, days) in reference.cases.iter().zip(days) {
        let of = |key: &str| case.parameters.get(key).copied();
        let window = Window::new(rows(days)).unwrap();
        let ours = minvar::estimators::RegimeEwma::new(of("half_life").unwrap_or(40.0), of("corr_half_life")).unwrap();
        let (_, multiplier) = ours.parts(&window).unwrap();
        assert!((multiplier - case.multiplier).abs() < 1e-10, "{:?}: {multiplier}", case.parameters);
        let words: String = case.parameters.iter().map(|(key, value)| format!(",{key}={value}")).collect();
        let sigma = estimator(&format!("regime_ewma{words}")).unwrap().estimate(&window).unwrap();
        for i in 0..5 {
            for j in 0..5 {
                let expected = case.covariance[i][j];
                assert!(
                    (sigma.matrix()[(i, j)] - expected).abs() < 1e-10 * case.covariance[4][4],
                    "{:?}",
                    case.parameters
                );
            }
        }
    }
}

/// The file that `tests/reference/cm_iewma.py` wrote.
#[derive(serde::Deserialize)]
struct Blends {
    returns: Vec<Vec<f64>>,
    cases: Vec<Blend>,
}

#[derive(serde::Deserialize)]
struct Blend {
    half_lives: String,
    days: usize,
    clip: f64,
    n: usize,
    shares: Vec<f64>,
    covariance: Vec<Vec<f64>>,
}

#[test]
fn the_blended_iterated_covariance_is_that_of_cvxcovariance() {
    let reference: Blends = serde_json::from_str(include_str!("../reference/cm_iewma.json")).unwrap();
    assert_eq!(reference.cases.len(), 6);
    for case in &reference.cases {
        let window = Window::new(Matrix::from_rows(&reference.returns[..case.n]).unwrap()).unwrap();
        let ours = minvar::estimators::CmIewma::new(&case.half_lives, case.days, case.clip, None).unwrap();
        let (sigma, shares) = ours.blend(&window).unwrap();
        // As far as the reference's solver goes.
        for (ours, theirs) in shares.iter().zip(&case.shares) {
            assert!((ours - theirs).abs() < 1e-6, "{}: {shares:?} against {:?}", case.half_lives, case.shares);
        }
        let theirs = Matrix::from_rows(&case.covariance).unwrap();
        let error = sigma.map(|i, j, x| x - theirs[(i, j)]).max_abs() / theirs.max_abs();
        assert!(error < 1e-6, "{}: {error:e}", case.half_lives);
    }
}
