//! Mistakes found in public implementations, each with a test that ours does not make it.

use minvar::allocators::{Allocator, HierarchicalRiskParity, Situation};
use minvar::estimators::{AnalyticalShrinkage, Centring, Clip, EigenvalueCleaner, Qis, Rie, Window};
use minvar::linalg::{Cholesky, Matrix};

use crate::support::{complete_market, estimator, returns, window};

fn estimate(words: &str, x: &Matrix) -> Matrix {
    estimator(words).unwrap().estimate(&window(x.clone())).unwrap().matrix().clone()
}

/// pyRMT takes the trace of a matrix instead of that of its inverse, so that a market eigenvalue of 17 becomes 1.6; a
/// public `RIE` uses one sum for all eigenvalues. An isolated eigenvalue should lose only about 2q, and small ones
/// should be lifted.
#[test]
fn rie_leaves_an_isolated_eigenvalue_and_lifts_small_ones() {
    let window = window(returns(50, 250));
    let (eigenvalues, _) = window.correlation_spectrum().unwrap();
    let cleaned = Rie::White.clean(&eigenvalues, 250.0).unwrap();
    let (top, q) = (eigenvalues[49], 50.0 / 250.0);
    assert!(top > 5.0 && (top - cleaned[49]).abs() < 4.0 * q, "{top} becomes {}", cleaned[49]);
    assert!(cleaned[0] > eigenvalues[0] && cleaned.windows(2).filter(|w| w[1] < w[0]).count() < 10);
}

/// Swapped branches or axes of a complex root still give plausible numbers. On pure noise every cleaned eigenvalue
/// must be close to one.
#[test]
fn rie_turns_white_noise_into_the_identity() {
    let mut state = 9u64;
    let mut noise = || {
        let mut sum = -6.0;
        for _ in 0..12 {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            sum += (state >> 11) as f64 / 2f64.powi(53);
        }
        sum
    };
    let window = window(Matrix::from_fn(600, 200, |_, _| noise()));
    let (eigenvalues, _) = window.correlation_spectrum().unwrap();
    assert!(eigenvalues[0] < 0.25 && eigenvalues[199] > 2.2);
    let cleaned = Rie::White.clean(&eigenvalues, 600.0).unwrap();
    assert!(cleaned.iter().all(|xi| (0.8..1.25).contains(xi)), "{} to {}", cleaned[0], cleaned[199]);
}

/// The printed Hilbert transform cancels: for a market a billion times the noise it loses all digits in doubles, and
/// the market with them. An isolated eigenvalue l becomes l / [ (1 − 1/N)² + (3π/(4√5 h N))² ], because the only
/// kernel near it is its own.
#[test]
fn analytical_shrinkage_keeps_a_huge_market() {
    let mut eigenvalues: Vec<f64> = (0..60).map(|k| 1.0 + 0.01 * f64::from(k)).collect();
    eigenvalues.push(1e9);
    let n = 120.0f64;
    let market = AnalyticalShrinkage.clean(&eigenvalues, 120.0).unwrap()[60];
    let own = 3.0 * std::f64::consts::PI / (4.0 * 5f64.sqrt() * n.powf(-1.0 / 3.0) * n);
    let expected = 1e9 / ((1.0 - 1.0 / n).powi(2) + own * own);
    assert!((market / expected - 1.0).abs() < 1e-6, "{market} against {expected}");
}

/// A Python port of QIS uses a general instead of a symmetric eigensolver, so the basis of its null space is not
/// orthonormal and its results for n > T are wrong. Ours keeps the trace and gives all null directions the same value.
#[test]
fn qis_above_t_keeps_the_trace_and_one_value_in_the_null_space() {
    let window = window(returns(60, 40));
    let sigma = estimator("qis").unwrap().estimate(&window).unwrap();
    let sample = window.covariance(Centring::Mean);
    assert!((sigma.matrix().trace() / sample.trace() - 1.0).abs() < 1e-12);
    let spectrum = minvar::linalg::Spectrum::new(sigma.matrix()).unwrap();
    let (eigenvalues, _) = window.covariance_spectrum(Centring::Mean).unwrap();
    let null = Qis.clean(&eigenvalues, 39.0).unwrap()[0];
    let equal = spectrum.eigenvalues.iter().filter(|l| (*l / null - 1.0).abs() < 1e-9).count();
    assert_eq!(equal, 60 - 39);
}

/// pyRMT does not demean returns; a common drift must not look like a factor.
#[test]
fn a_common_drift_changes_no_estimator_that_removes_means() {
    let x = returns(20, 100);
    let drifting = x.clone().map(|_, j, r| r + 0.01 * (j + 1) as f64);
    for words in [
        "sample",
        "lw_market",
        "qis",
        "clip",
        "rie",
        "mp_denoise",
        "poet",
        "hc_average",
        "pca_k",
        "nercome,permutations=2",
    ] {
        let (before, after) = (estimate(words, &x), estimate(words, &drifting));
        let change = before.clone().map(|i, j, s| s - after[(i, j)]).max_abs() / before.max_abs();
        assert!(change < 1e-9, "{words}: {change}");
    }
}

/// A port of constant-correlation shrinkage transposes the cubes but not the ratio of volatilities. Assets with very
/// different volatilities reveal it, because the estimate then depends on their order.
#[test]
fn constant_correlation_does_not_depend_on_order_with_unequal_volatilities() {
    let x = returns(12, 80).map(|_, j, r| r * 3f64.powi(j as i32));
    let reversed = Matrix::from_fn(80, 12, |t, j| x[(t, 11 - j)]);
    let (one, other) = (estimate("lw_const_corr", &x), estimate("lw_const_corr", &reversed));
    for i in 0..12 {
        for j in 0..12 {
            let scale = (one[(i, i)] * one[(j, j)]).sqrt();
            assert!((one[(i, j)] - other[(11 - i, 11 - j)]).abs() < 1e-12 * scale, "({i}, {j})");
        }
    }
}

/// scikit-learn leaves out the terms 2/n (documented); two ports have a wrong sign and shrink by more than one.
#[test]
fn oas_differs_from_its_paper_by_the_terms_of_small_n_only() {
    let x = returns(5, 60);
    let sample = window(x.clone()).covariance(Centring::MeanMaximumLikelihood);
    let intensity = |words: &str| 1.0 - estimate(words, &x)[(0, 1)] / sample[(0, 1)];
    let (library, paper, rblw) = (intensity("oas"), intensity("oas_paper"), intensity("rblw"));
    assert!([library, paper, rblw].iter().all(|alpha| (0.0..1.0).contains(alpha)));
    assert!(library > paper && (library - paper) / library < 0.4);
}

/// riskfolio does not restore the diagonal after detoning, so its variances are 20 to 70 % too low.
#[test]
fn detoning_keeps_the_variances() {
    let x = returns(20, 100);
    let (sigma, sd) = (estimate("detone", &x), window(x).volatilities());
    assert!(sigma.diagonal().iter().zip(&sd).all(|(s, sd)| (s / (sd * sd) - 1.0).abs() < 1e-12));
}

/// riskfolio's test of definiteness is absolute, so it repairs every covariance of daily returns; ours works on the
/// correlation.
#[test]
fn the_gerber_repair_does_not_depend_on_the_scale_of_returns() {
    let x = returns(30, 100);
    let (daily, hundredfold) =
        (estimate("gerber,statistic=gs0", &x), estimate("gerber,statistic=gs0", &x.clone().scaled(128.0)));
    let change = daily.clone().map(|i, j, s| s - hundredfold[(i, j)] / 16384.0).max_abs() / daily.max_abs();
    assert!(change < 1e-12, "{change}");
}

/// The R package POET removes every off-diagonal residual with `matrix = "cor"`.
#[test]
fn poet_keeps_residual_correlations_above_the_threshold() {
    let x = returns(40, 800);
    for threshold in ["adaptive", "correlation"] {
        let sigma = |constant: f64| {
            estimate(&format!("poet,factors=1,rule=hard,constant={constant},repair=false,threshold={threshold}"), &x)
        };
        let (low, diagonal) = (sigma(0.3), sigma(1e6));
        let kept =
            (0..40).flat_map(|i| (0..i).map(move |j| (i, j))).filter(|&(i, j)| low[(i, j)] != diagonal[(i, j)]).count();
        assert!(kept > 20 && kept < 780, "{threshold}: {kept} of 780 kept");
    }
}

/// MFE runs its back-cast past the sample for n > T, and CovEstim leaves the first outer product unweighted. Weights
/// must sum to one, and the newest day must have the largest.
#[test]
fn ewma_of_one_repeated_square_is_that_square() {
    let x = Matrix::from_fn(50, 60, |t, _| if t % 2 == 0 { 0.01 } else { -0.01 });
    for words in ["ewma", "ewma,start=back_cast", "rm2006"] {
        let sigma = estimate(words, &x);
        assert!((sigma[(3, 7)] / 1e-4 - 1.0).abs() < 0.05, "{words}: {}", sigma[(3, 7)]);
    }
}

/// `mgarch` reshapes where it should transpose, and the published MATLAB code of DCC returns the last day instead of
/// the next.
#[test]
fn the_dynamic_forecast_knows_the_newest_day() {
    let x = returns(10, 300);
    let shocked = x.clone().map(|t, j, r| if t == 299 { r + 0.05 * (1.0 + j as f64 / 10.0) } else { r });
    let (before, after) = (estimate("dcc_qis,days_ahead=1", &x), estimate("dcc_qis,days_ahead=1", &shocked));
    assert!((0..10).all(|i| after[(i, i)] > before[(i, i)]), "a shock on the last day must raise tomorrow's variances");
    let week = estimate("dcc_qis,days_ahead=20", &shocked);
    let (near, far, calm) = (after.trace(), week.trace(), before.trace());
    assert!(calm < far && far < near, "variances return to their mean: {calm} {far} {near}");
}

/// PyPortfolioOpt rounds correlations to six decimals, and packages reorder leaves. Ours is a function of the
/// covariance that tiny changes of its input do not move.
#[test]
fn hierarchical_risk_parity_moves_little_with_its_input() {
    let (_, truth) = complete_market(30, 30).simulate().unwrap();
    let sigma = truth.covariance(20, &(0..30).collect::<Vec<_>>()).unwrap();
    let nudged = sigma.matrix().clone().map(|i, j, s| s * (1.0 + 1e-9 * ((i + j) % 3) as f64));
    let nudged = minvar::linalg::Covariance::new(nudged).unwrap();
    let weights = |s| HierarchicalRiskParity::default().allocate(s, &Situation::default()).unwrap();
    let (one, other) = (weights(&sigma), weights(&nudged));
    assert!(one.as_slice().iter().zip(other.as_slice()).all(|(a, b)| (a - b).abs() < 1e-7));
}

/// A public port of clipping uses the edge for T/n instead of n/T. Noise must be removed, and the market must stay.
#[test]
fn clipping_cuts_at_the_edge_of_n_over_t() {
    let window: Window = window(returns(50, 250));
    let (eigenvalues, _) = window.correlation_spectrum().unwrap();
    let cleaned = Clip::default().clean(&eigenvalues, 250.0).unwrap();
    let edge = (1.0 + (50.0f64 / 250.0).sqrt()).powi(2);
    let n_noise = eigenvalues.iter().filter(|l| **l < edge).count();
    assert!(
        n_noise < 50
            && cleaned[..n_noise].iter().all(|x| *x == cleaned[0])
            && cleaned[n_noise..] == eigenvalues[n_noise..]
    );
    assert!(Cholesky::new(&estimate("clip", &returns(60, 50))).is_ok());
}

/// Words that users of other programs type: each is answered with a name that exists.
#[test]
fn every_usual_word_for_an_estimator_or_allocator_is_answered_with_a_name_that_exists() {
    let suggested = |message: String| {
        let (_, rest) = message.split_once("did you mean '").unwrap_or_else(|| panic!("{message}"));
        rest.split('\'').next().unwrap().to_string()
    };
    for (word, expected) in [
        ("ledoit_wolf", "lw_identity"),
        ("LedoitWolf", "lw_identity"),
        ("ledoit-wolf", "lw_identity"),
        ("lw", "lw_identity"),
        ("shrinkage", "lw_identity"),
        ("network", "model=FILE"),
        ("nn", "model=FILE"),
        ("exponential", "ewma"),
        ("nls", "nls_analytical"),
        ("nonlinear", "nls_analytical"),
        ("pca", "pca_k"),
        ("sample_cov", "sample"),
        ("empirical", "sample"),
        ("oracle", "average_oracle"),
        ("QIS", "qis"),
        ("clip-market", "clip_market"),
        ("denoising", "mp_denoise"),
        ("graphical_lasso", "glasso"),
    ] {
        let found = suggested(minvar::estimators::named(word).err().unwrap().to_string());
        assert_eq!(found, expected, "{word}");
        assert!(found == "model=FILE" || minvar::estimators::named(&found).is_ok());
    }
    for name in minvar::registry::suggested("estimator").filter(|name| *name != "model=FILE") {
        assert!(minvar::estimators::named(name).is_ok(), "{name}");
    }
    minvar::registry::suggested("allocator")
        .for_each(|name| assert!(minvar::allocators::named(name).is_ok(), "{name}"));
    for (word, expected) in [
        ("equal_weight", "equal"),
        ("1/n", "equal"),
        ("ew", "equal"),
        ("min_variance", "gmv"),
        ("minimum_variance", "gmv"),
        ("mvp", "gmv"),
        ("hierarchical_risk_parity", "hrp"),
        ("risk_parity", "erc"),
        ("long_only", "gmv_long_only"),
        ("market_cap", "cap_weighted"),
    ] {
        let found = suggested(minvar::allocators::named(word).err().unwrap().to_string());
        assert_eq!(found, expected, "{word}");
        assert!(minvar::allocators::named(&found).is_ok());
    }
}
