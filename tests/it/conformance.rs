//! Comparison with reference numbers of independent implementations (MATLAB, R and PyPI packages) on synthetic panels.
//!
//! Estimators are found by their registered name. Large matrices are compared through eigenvalues, diagonal, three
//! products and a summary. Every tensor of the files is either compared here or listed with the reason why it is not.

use std::collections::BTreeSet;

use minvar::clustering::Linkage;
use minvar::estimators::{
    AnalyticalShrinkage, Centring, Clip, CovarianceEstimator, CvOracle, EigenvalueCleaner, FactorRule, HardThreshold,
    Hierarchy, LedoitWolfIdentity, Resampling, Rie, SpikedLoss, Window, n_factors,
};
use minvar::linalg::{Matrix, Spectrum};
use minvar::registry::NumberOr;

use crate::support::estimator;
use crate::vectors::{TOLERANCE, Vectors};

const PANELS: [&str; 4] = ["est_n10_t60", "est_n50_t250", "est_n100_t80", "est_n200_t1000"];
const EDGES: [&str; 2] = ["edge_n60_t61", "edge_n61_t61"];

fn window_of(vectors: &Vectors) -> Window {
    Window::new(vectors.matrix("in.returns")).unwrap()
}

/// The kind of matrix that a reference is.
#[derive(Clone, Copy)]
enum Unit {
    Covariance,
    /// Divided by standard deviations with T − 1 or with T.
    Correlation(Centring),
}
use Unit::{Correlation, Covariance};

const C1: Unit = Correlation(Centring::Mean);
const C0: Unit = Correlation(Centring::MeanMaximumLikelihood);

/// Tensor, estimator as a user names it, kind of matrix.
const MATRICES: &[(&str, &str, Unit)] = &[
    ("numpy.cov_ddof1", "sample", Covariance),
    ("sklearn.empirical_ddof0", "sample,centring=mean_maximum_likelihood", Covariance),
    ("skfolio.ewma_0.94", "ewma", Covariance),
    ("mfe.riskmetrics_0.94", "ewma,start=back_cast", Covariance),
    ("mfe.riskmetrics_0.94_zero_start", "ewma,start=zero", Covariance),
    ("pandas.ewm_cov_0.94", "ewma,start=centred", Covariance),
    ("mfe.riskmetrics2006", "rm2006", Covariance),
    ("lw.cov1Para", "lw_identity", Covariance),
    ("lw.cov1Para_k0", "lw_identity,centring=zero", Covariance),
    ("sklearn.ledoit_wolf", "lw_identity,centring=mean_maximum_likelihood", Covariance),
    ("pypfopt.lw_constant_variance", "lw_identity,centring=mean_maximum_likelihood", Covariance),
    ("lw.cov2Para", "lw_two_param", Covariance),
    ("lw.covCor", "lw_const_corr", Covariance),
    ("lw.covDiag", "lw_diagonal", Covariance),
    ("lw.covMarket", "lw_market", Covariance),
    ("covestim.lw_single_factor", "lw_market", Covariance),
    ("pypfopt.lw_single_factor", "lw_market,centring=mean_maximum_likelihood", Covariance),
    ("sklearn.oas", "oas", Covariance),
    ("covtools.oas", "oas_paper", Covariance),
    ("covtools.rblw", "rblw", Covariance),
    ("lw.QIS", "qis", Covariance),
    ("lw.QIS_k0", "qis,centring=zero", Covariance),
    ("lw.LIS", "lis", Covariance),
    ("lw.GIS", "gis", Covariance),
    ("covestim.stein_haff", "stein_haff", Covariance),
    ("rie_estimator.rie", "rie,diagonal=kept", C1),
    ("pyrmt.clipped", "clip", C1),
    ("pyrmt.clipped_alpha0.1", "clip,keep=0.1", C1),
    ("pyrmt.clipped_alpha0.3", "clip,keep=0.3", C1),
    ("covestim.evc_mp", "clip,diagonal=kept", Covariance),
    ("skfolio.detone", "detone", Covariance),
    ("covestim.pca_1", "pca_k,factors=1", Covariance),
    ("covestim.pca_mp", "pca_k", Covariance),
    ("covestim.efm_1", "efm", Covariance),
    ("skfolio.gerber_psd_gs1", "gerber", Covariance),
    ("skfolio.gerber_gs2", "gerber,statistic=gs2", Covariance),
    ("riskfolio.gerber_gs0", "gerber,statistic=gs0", Covariance),
    ("scipy.single_filter", "hc_single", C0),
    ("scipy.average_filter", "hc_average", C0),
    ("scipy.complete_filter", "hc_complete", C0),
    ("bahc.hc_average", "hc_average", Covariance),
];

/// Tensors that are not compared with anything here, and why.
const LEFT_OUT: &[(&str, &str)] = &[
    ("nlshrink.", "QuEST is not implemented"),
    ("riskfolio.denoise_fixed_detone", "its variances are wrong: a defect of the package"),
    ("covmat.kn_spikes_sigma2", "the noise level is found from the median instead"),
    ("yedrek.ledoit_peche_xi", "a kernel that is not among our estimators"),
    ("pypfopt.lw_constant_correlation", "mixes two conventions for N"),
    ("poet.khat_", "1 on panels with five factors: not the logarithmic criterion that we implement"),
    ("in.", "input"),
];

fn compared_with(tensor: &str) -> bool {
    let plain = [".alpha", ".diag", ".eig", ".probe", ".summary", ".k", ".cut"];
    let base = plain.iter().fold(tensor, |name, end| name.strip_suffix(end).unwrap_or(name));
    MATRICES.iter().any(|(name, _, _)| *name == base)
}

#[track_caller]
fn check(vectors: &Vectors, window: &Window, tensor: &str, words: &str, unit: Unit, tolerance: f64) {
    if vectors.has(tensor) || vectors.has(&format!("{tensor}.eig")) {
        let estimate = estimator(words).unwrap().estimate(window);
        let sigma = estimate.unwrap_or_else(|error| panic!("{}: {tensor}: {error}", vectors.name));
        vectors.matches(tensor, &in_unit(window, sigma.matrix(), unit), tolerance);
    }
}

fn in_unit(window: &Window, sigma: &Matrix, unit: Unit) -> Matrix {
    match unit {
        Covariance => sigma.clone(),
        Correlation(centring) => {
            let sd = window.volatilities_about(centring);
            sigma.clone().map(|i, j, x| x / (sd[i] * sd[j]))
        }
    }
}

#[test]
fn estimators_match_the_packages_by_their_registered_names() {
    for vectors in PANELS.into_iter().chain(EDGES).filter_map(Vectors::open) {
        let window = window_of(&vectors);
        for (tensor, words, unit) in MATRICES {
            check(&vectors, &window, tensor, words, *unit, TOLERANCE);
        }
        assert!(vectors.compared.get() >= 4, "{}", vectors.name);
        vectors.matches_if_there("numpy.corrcoef", window.correlation());
    }
}

#[test]
fn every_tensor_is_compared_or_left_out_for_a_reason() {
    let elsewhere = BTreeSet::from([
        "numpy.corrcoef",
        "nonlinshrink.analytical",
        "covestim.lwnl",
        "self.analytical_delta_50digits",
        "self.rie_iw_xi",
        "self.power_map_1.5",
        "optht.rank",
        "covestim.pca_k",
        "covestim.nercome",
        "poet.soft",
        "poet.hard",
        "qlib.poet_soft",
        "qlib.poet_hard",
        "qlib.poet_scad",
        "riskfolio.mp_fit_emax_var",
        "riskfolio.denoise_fixed",
        "riskfolio.denoise_shrink",
        "skfolio.denoise",
        "yedrek.oracle_windows",
        "yedrek.oracle_mean",
        "yedrek.oracle_isotonic",
        "yedrek.sample_eig_last",
        "bahc.bahc_k1",
        "bahc.bahc_k3",
        "r_glasso.w_rho0.1_on_corr",
        "r_glasso.wi_rho0.1_on_corr",
        "sklearn.glasso_w_alpha0.1_on_corr",
    ]);
    for vectors in PANELS.into_iter().filter_map(Vectors::open) {
        for name in vectors.names() {
            let base = [".diag", ".eig", ".probe", ".summary"]
                .iter()
                .fold(name.as_str(), |n, end| n.strip_suffix(end).unwrap_or(n));
            let known = compared_with(&name)
                || elsewhere.contains(base)
                || LEFT_OUT.iter().any(|(start, _)| name.starts_with(start));
            assert!(known, "{}: {name} is compared nowhere", vectors.name);
        }
    }
}

#[test]
fn the_intensity_of_lw_identity_matches() {
    for vectors in PANELS.into_iter().filter_map(Vectors::open) {
        let window = window_of(&vectors);
        for (tensor, centring) in
            [("lw.cov1Para.alpha", Centring::Mean), ("sklearn.ledoit_wolf.alpha", Centring::MeanMaximumLikelihood)]
        {
            vectors.close(tensor, &[LedoitWolfIdentity(centring).intensity(&window)], TOLERANCE);
        }
    }
}

/// The packages lose digits in the Hilbert transform of distant eigenvalues; the 50-digit values are exact.
#[test]
fn analytical_shrinkage_matches_fifty_digits_where_the_packages_cancel() {
    for vectors in PANELS.into_iter().chain(EDGES).filter_map(Vectors::open) {
        let window = window_of(&vectors);
        if vectors.has("self.analytical_delta_50digits") {
            let (eigenvalues, _) = window.covariance_spectrum(Centring::Mean).unwrap();
            let ours = AnalyticalShrinkage.clean(&eigenvalues, window.n_days() as f64 - 1.0).unwrap();
            vectors.close("self.analytical_delta_50digits", &ours, TOLERANCE);
        }
        let tolerance = match vectors.name.as_str() {
            "est_n10_t60" => 1e-9,
            "est_n50_t250" => 1e-8,
            "est_n200_t1000" => 1e-6,
            "est_n100_t80" => 1e-4,
            _ => continue, // not usable at n = T − 1 and n = T
        };
        for tensor in ["nonlinshrink.analytical", "covestim.lwnl"] {
            check(&vectors, &window, tensor, "nls_analytical", Covariance, tolerance);
        }
    }
}

#[test]
fn random_matrix_maps_match() {
    for vectors in PANELS.into_iter().filter_map(Vectors::open) {
        let window = window_of(&vectors);
        let (eigenvalues, _) = window.correlation_spectrum().unwrap();
        // The package reports the position, counted from 0, of the last eigenvalue that it cuts, divided by n.
        let cleaned = Clip::default().clean(&eigenvalues, window.count()).unwrap();
        let n_cut = cleaned.iter().filter(|x| **x == cleaned[0]).count();
        vectors.close("covestim.evc_mp.cut", &[(n_cut - 1) as f64 / window.n_assets() as f64], TOLERANCE);
        if vectors.has("self.rie_iw_xi") {
            let ours = Rie::InverseWishart.clean(&eigenvalues, window.count()).unwrap();
            vectors.close("self.rie_iw_xi", &ours, TOLERANCE);
        }
        if vectors.has("optht.rank") {
            let (eigenvalues, _) = window.covariance_spectrum(Centring::Mean).unwrap();
            let rank = HardThreshold::rank(&eigenvalues, window.count());
            assert_eq!(rank as f64, vectors.integers("optht.rank")[(0, 0)], "{}", vectors.name);
        }
        if vectors.has("riskfolio.mp_fit_emax_var") {
            // The fit depends on the optimiser, so the packages' cut is given.
            let cut = vectors.vector("riskfolio.mp_fit_emax_var")[0];
            for tensor in ["riskfolio.denoise_fixed", "skfolio.denoise"] {
                check(&vectors, &window, tensor, &format!("mp_denoise,edge={cut}"), Covariance, TOLERANCE);
            }
            let words = format!("target_shrink,edge={cut}");
            check(&vectors, &window, "riskfolio.denoise_shrink", &words, Covariance, TOLERANCE);
        }
    }
}

#[test]
fn factor_models_match() {
    for vectors in PANELS.into_iter().filter_map(Vectors::open) {
        let window = window_of(&vectors);
        let k = vectors.integers("in.poet_k")[(0, 0)];
        check(&vectors, &window, "covestim.pca_k", &format!("pca_k,factors={k}"), Covariance, TOLERANCE);
        let count = n_factors(NumberOr::Rule(FactorRule::MarcenkoPastur), &window).unwrap();
        vectors.close("covestim.pca_mp.k", &[count as f64], 0.0);
        for (tensor, rest) in [
            ("poet.soft", "rule=soft"),
            ("poet.hard", "rule=hard"),
            ("qlib.poet_soft", "rule=soft,threshold=correlation"),
            ("qlib.poet_hard", "rule=hard,threshold=correlation"),
            ("qlib.poet_scad", "rule=scad,threshold=correlation"),
        ] {
            let words = format!("poet,factors={k},constant=0.5,repair=false,{rest}");
            check(&vectors, &window, tensor, &words, Covariance, TOLERANCE);
        }
    }
}

#[test]
fn empirical_oracles_match() {
    for vectors in PANELS.into_iter().filter_map(Vectors::open) {
        let window = window_of(&vectors);
        let days = vectors.integers("in.oracle_train_test");
        let (train, test) = (days[(0, 0)], days[(1, 0)]);
        let oracle = |isotonic| CvOracle::new(NumberOr::Number(train), NumberOr::Number(test), isotonic).unwrap();
        if (train as usize) > window.n_assets() {
            let windows = oracle(false).windows(&window).unwrap();
            vectors.close("yedrek.oracle_windows", &windows.concat(), TOLERANCE);
            vectors.close("yedrek.oracle_mean", &oracle(false).eigenvalues(&window).unwrap(), TOLERANCE);
            vectors.close("yedrek.oracle_isotonic", &oracle(true).eigenvalues(&window).unwrap(), TOLERANCE);
        } else {
            // The order inside the null space is arbitrary, so its mean is compared, and the other values one by one.
            let n_null = window.n_assets() - train as usize;
            let mut theirs = vectors.vector("yedrek.oracle_mean");
            let mean = theirs[..n_null].iter().sum::<f64>() / n_null as f64;
            theirs[..n_null].fill(mean);
            let ours = oracle(false).eigenvalues(&window).unwrap();
            let largest = theirs.iter().fold(0.0, |max: f64, x| max.max(*x));
            for (k, (a, b)) in ours.iter().zip(&theirs).enumerate() {
                assert!((a - b).abs() <= 1e-9 * largest, "{}: value {k} is {a}, reference {b}", vectors.name);
            }
        }
        let share = vectors.integers("in.nercome_split")[(0, 0)] / window.n_days() as f64;
        let words = format!("nercome,permutations=0,split={share}");
        let split = (share * window.n_days() as f64).round() as usize;
        if split >= window.n_assets() {
            check(&vectors, &window, "covestim.nercome", &words, Covariance, TOLERANCE);
            continue;
        }
        // With fewer days than assets in the first part, their result depends on the basis of a null space, and ours
        // averages over it. The well-defined quantities are the variances along the other eigenvectors, and the trace.
        let (ours, theirs) =
            (estimator(&words).unwrap().estimate(&window).unwrap(), vectors.matrix("covestim.nercome"));
        let rows: Vec<usize> = (0..split).collect();
        let spectrum = Spectrum::new(&window.centred(Centring::Mean).rows(&rows).gram()).unwrap();
        for k in window.n_assets() - split..window.n_assets() {
            let u = spectrum.eigenvectors.column(k);
            let along = |sigma: &Matrix| sigma.times(u).iter().zip(u).map(|(s, u)| s * u).sum::<f64>();
            let (ours, theirs) = (along(ours.matrix()), along(&theirs));
            assert!((ours - theirs).abs() < 1e-6 * theirs, "eigenvector {k}: {ours} against {theirs}");
        }
        assert!((ours.matrix().trace() / theirs.trace() - 1.0).abs() < 1e-9);
    }
}

#[test]
fn bootstrapped_hierarchies_match_on_the_stored_bootstraps() {
    for vectors in PANELS.into_iter().filter_map(Vectors::open) {
        let window = window_of(&vectors);
        let rows = vectors.integers("in.bahc_bootstrap");
        let rows: Vec<Vec<usize>> =
            (0..rows.nrows()).map(|b| (0..rows.ncols()).map(|t| rows[(b, t)] as usize).collect()).collect();
        for (tensor, recursions) in [("bahc.bahc_k1", 1), ("bahc.bahc_k3", 3)] {
            let hierarchy = Hierarchy::new(Linkage::Average, recursions, Resampling::Given(rows.clone())).unwrap();
            vectors.matches(tensor, hierarchy.estimate(&window).unwrap().matrix(), TOLERANCE);
        }
    }
}

#[test]
fn the_graphical_lasso_matches_r_and_scikit_learn() {
    for vectors in PANELS.into_iter().filter_map(Vectors::open) {
        let window = window_of(&vectors);
        let words = "glasso,penalty=0.1,tolerance=1e-10";
        check(&vectors, &window, "r_glasso.w_rho0.1_on_corr", words, C1, 1e-7);
        check(&vectors, &window, "sklearn.glasso_w_alpha0.1_on_corr", words, C1, 1e-7);
    }
}

/// The reference is the map itself; ours is repaired where the map has negative eigenvalues.
#[test]
fn the_power_map_matches_where_it_needs_no_repair() {
    let mut unrepaired = 0;
    for vectors in PANELS.into_iter().filter_map(Vectors::open) {
        let window = window_of(&vectors);
        let sigma = estimator("power_map").unwrap().estimate(&window).unwrap();
        if sigma.repairs().is_empty() {
            vectors.matches("self.power_map_1.5", &in_unit(&window, sigma.matrix(), C1), TOLERANCE);
            unrepaired += 1;
        }
    }
    assert!(unrepaired >= 2 || Vectors::open(PANELS[0]).is_none(), "{unrepaired}");
}

#[test]
fn shrinkers_of_the_spiked_model_match() {
    let Some(vectors) = Vectors::open("spiked") else { return };
    let (lambdas, gammas) = (vectors.vector("in.lambda"), vectors.vector("in.gamma"));
    for (tensor, loss) in [
        ("covmat.Frobenius.1", SpikedLoss::Frobenius),
        ("covmat.Frobenius.2", SpikedLoss::FrobeniusPrecision),
        ("covmat.Frobenius.3", SpikedLoss::FrobeniusRelative),
        ("covmat.Frobenius.4", SpikedLoss::FrobeniusInverseRelative),
        ("covmat.Operator.1", SpikedLoss::Operator),
        ("covmat.Operator.2", SpikedLoss::Operator),
        ("covmat.Nuclear.1", SpikedLoss::Nuclear),
        ("covmat.Nuclear.2", SpikedLoss::NuclearPrecision),
        ("covmat.Nuclear.3", SpikedLoss::NuclearRelative),
        ("covmat.Nuclear.4", SpikedLoss::NuclearInverseRelative),
        ("covmat.Stein", SpikedLoss::Stein),
        ("covmat.Entropy", SpikedLoss::Entropy),
        ("covmat.Divergence", SpikedLoss::Divergence),
        ("covmat.Frechet", SpikedLoss::Frechet),
        ("wangyuguan.frobenius", SpikedLoss::Frobenius),
        ("wangyuguan.frobenius_precision", SpikedLoss::FrobeniusPrecision),
        ("wangyuguan.operator", SpikedLoss::Operator),
        ("wangyuguan.stein", SpikedLoss::Stein),
        ("wangyuguan.entropy", SpikedLoss::Entropy),
        ("wangyuguan.frechet", SpikedLoss::Frechet),
    ] {
        let ours: Vec<f64> = lambdas.iter().zip(&gammas).map(|(lambda, gamma)| loss.shrink(*lambda, *gamma)).collect();
        vectors.close(tensor, &ours, TOLERANCE);
    }
}
