//! Laws that everything registered must obey: a new estimator or allocator is tested as soon as it is registered.

use minvar::allocators::{self, Allocator, Situation};
use minvar::estimators::{CovarianceEstimator, Definite};
use minvar::linalg::{Cholesky, Covariance, Matrix};
use minvar::registry::Choice;

use crate::support::{all_estimators, complete_market, returns, window};

#[track_caller]
fn close(name: &str, a: &Matrix, b: &Matrix, tolerance: f64) {
    let error = a.clone().map(|i, j, x| x - b[(i, j)]).max_abs() / b.max_abs();
    assert!(error <= tolerance, "{name}: relative difference {error:e} above {tolerance:e}");
}

fn estimate(estimator: &dyn CovarianceEstimator, returns: &Matrix) -> Matrix {
    estimator.estimate(&window(returns.clone())).unwrap().matrix().clone()
}

fn permuted(n: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by_key(|i| (i * i * 37 + 11 * i) % 101); // an order that is neither a reversal nor a shift
    order
}

#[test]
fn covariances_are_symmetric_finite_and_positive_definite_where_promised() {
    for (entry, estimator) in all_estimators() {
        for (n_assets, n_days) in [(20, 300), (40, 120), (60, 50), (50, 50), (50, 51)] {
            let shape = format!("{} at {n_assets} x {n_days}", entry.name);
            let below = n_assets < n_days - 1;
            let estimate = estimator.estimate(&window(returns(n_assets, n_days)));
            if entry.definite == Definite::OnlyBelowT && n_assets >= n_days {
                let error = estimate.err().unwrap_or_else(|| panic!("{shape} exists")).to_string();
                assert!(error.contains("more days than assets"), "{shape}: {error}");
                continue;
            }
            let estimate = match estimate {
                Ok(estimate) => estimate,
                // The means take one degree of freedom, so at n = T − 1 some are defined and some are not.
                Err(error) => {
                    assert!(!below && entry.definite == Definite::OnlyBelowT, "{shape}: {error}");
                    continue;
                }
            };
            let sigma = estimate.matrix();
            assert!(sigma.entries().iter().all(|x| x.is_finite()), "{shape}");
            for i in 0..n_assets {
                for j in 0..i {
                    assert_eq!(sigma[(i, j)], sigma[(j, i)], "{shape}, entry ({i}, {j})");
                }
            }
            let promised = match entry.definite {
                Definite::Always => estimate.repairs().is_empty(),
                Definite::BelowT | Definite::OnlyBelowT => below,
                Definite::Never => false,
            };
            if promised {
                assert!(Cholesky::new(sigma).is_ok(), "{shape}");
            }
            if entry.definite == Definite::Never || (entry.definite == Definite::BelowT && n_assets > n_days) {
                assert!(Cholesky::new(sigma).is_err(), "{shape} is not singular");
            }
        }
    }
}

/// Estimators whose result depends on the order of the assets, through Cholesky factors, through pairs of neighbours or through the
/// point where a descent stops, with the size of the effect.
const ORDERED: [(&str, f64); 3] = [("cm_iewma", 0.1), ("dcc_qis", 0.05), ("glasso", 1e-6)];

#[test]
fn the_order_of_the_assets_does_not_matter() {
    let x = returns(20, 150);
    let order = permuted(20);
    let reordered = Matrix::from_fn(150, 20, |t, i| x[(t, order[i])]);
    for (entry, estimator) in all_estimators() {
        let sigma = estimate(estimator.as_ref(), &x);
        let expected = Matrix::from_fn(20, 20, |i, j| sigma[(order[i], order[j])]);
        let tolerance = ORDERED.iter().find(|(name, _)| *name == entry.name).map_or(1e-10, |(_, size)| *size);
        close(entry.name, &estimate(estimator.as_ref(), &reordered), &expected, tolerance);
    }
}

/// Scaled by a power of two, which is exact, so that an iterative search stops at the same step.
#[test]
fn scaling_returns_scales_covariances_quadratically() {
    let x = returns(20, 150);
    for (entry, estimator) in all_estimators() {
        let expected = estimate(estimator.as_ref(), &x).scaled(16.0);
        close(entry.name, &estimate(estimator.as_ref(), &x.clone().scaled(4.0)), &expected, 1e-12);
    }
}

/// Estimators that do not converge to the truth, and why.
const INCONSISTENT: [(&str, &str); 15] = [
    ("efm", "has the noise of few assets in its factor"),
    ("pca_k", "finds factors exactly only as assets grow, not days"),
    ("poet", "finds factors exactly only as assets grow, not days"),
    ("target_shrink", "shrinks the correlations of the noise whatever T"),
    ("ewma", "weights recent days only"),
    ("rm2006", "weights recent days only"),
    ("regime_ewma", "weights recent days only"),
    ("cm_iewma", "weights recent days only"),
    ("detone", "removes the market"),
    ("power_map", "bends every correlation"),
    ("gerber", "is another measure of dependence"),
    ("glasso", "has a penalty that does not fall with T"),
    ("average_oracle", "has learned from another market"),
    ("hc_single", "joins clusters by their nearest members"),
    ("hc_complete", "joins clusters by their farthest members"),
];

#[test]
fn estimates_tend_to_the_truth_as_days_grow() {
    let truth = Matrix::from_fn(8, 8, |i, j| if i == j { 2.0 } else { 0.5 });
    let error = |estimator: &dyn CovarianceEstimator, n_days: usize| {
        let mut state = 3u64;
        let mut normal = || {
            let sum: f64 = (0..12)
                .map(|_| {
                    state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                    (state >> 11) as f64 / 2f64.powi(53)
                })
                .sum();
            sum - 6.0
        };
        let common: Vec<f64> = (0..n_days).map(|_| normal()).collect();
        let x = Matrix::from_fn(n_days, 8, |t, _| 0.5f64.sqrt() * common[t] + 1.5f64.sqrt() * normal());
        let sigma = estimate(estimator, &x);
        sigma.map(|i, j, s| s - truth[(i, j)]).max_abs()
    };
    for (entry, estimator) in all_estimators() {
        if INCONSISTENT.iter().any(|(name, _)| *name == entry.name) {
            continue;
        }
        let (short, long) = (error(estimator.as_ref(), 60), error(estimator.as_ref(), 20_000));
        // A conditional covariance keeps the noise of its forecast.
        let limit = if entry.name == "dcc_qis" { 0.12 } else { 0.08 };
        assert!(long < limit && long < short, "{}: error {short} at 60 days, {long} at 20,000", entry.name);
    }
}

#[test]
fn a_duplicated_asset_gives_a_finite_covariance_or_a_clear_error() {
    let x = returns(20, 150);
    let doubled = Matrix::from_fn(150, 21, |t, i| x[(t, i.min(19))]);
    for (entry, estimator) in all_estimators() {
        match estimator.estimate(&window(doubled.clone())) {
            Ok(sigma) => assert!(sigma.matrix().entries().iter().all(|x| x.is_finite()), "{}", entry.name),
            Err(error) => assert!(error.to_string().contains("repeats"), "{}: {error}", entry.name),
        }
    }
}

#[test]
fn constant_and_missing_columns_are_refused_by_number() {
    let x = returns(5, 50);
    let constant = x.clone().map(|_, j, r| if j == 3 { 0.01 } else { r });
    let error = minvar::estimators::Window::new(constant).err().unwrap().to_string();
    assert_eq!(error, "asset in column 3: returns in the window are constant");
    let missing = x.map(|t, j, r| if (t, j) == (7, 2) { f64::NAN } else { r });
    let error = minvar::estimators::Window::new(missing).err().unwrap().to_string();
    assert_eq!(error, "asset in column 2: a return in the window is missing or infinite");
}

#[test]
fn parameters_outside_their_range_and_of_unknown_names_are_refused() {
    for words in [
        "clip,keep=1.5",
        "ewma,decay=1",
        "poet,constant=0",
        "poet,factors=1.5",
        "pca_k,factors=-1",
        "gerber,threshold=0",
        "glasso,penalty=1",
        "glasso,tolerance=0",
        "nercome,split=1",
        "average_oracle,draws=0",
        "average_oracle,test_days=1",
        "cv_oracle,train_days=1",
        "cv_oracle,test_days=0",
        "power_map,power=0.5",
        "target_shrink,alpha=1.1",
        "mp_denoise,edge=-1",
        "bahc,bootstraps=0",
        "k_bahc,recursions=0",
        "dcc_qis,days_ahead=0",
        "regime_ewma,half_life=0.5",
        "regime_ewma,corr_half_life=0",
        "cm_iewma,half_lives=\"10/0\"",
        "cm_iewma,half_lives=\"21\"",
        "cm_iewma,days=0",
        "cm_iewma,clip=0",
        "cm_iewma,rank=0",
    ] {
        let error = crate::support::estimator(words).err().unwrap_or_else(|| panic!("{words} is accepted")).to_string();
        assert!(error.contains("must be"), "{words}: {error}");
    }
    for entry in minvar::estimators::ALL {
        let error = crate::support::estimator(&format!("{},no_such=1", entry.name)).err().unwrap().to_string();
        assert!(error.contains("no_such") && error.contains(entry.name), "{error}");
    }
    for words in [
        "gmv_box,lower=0.1,upper=0.1",
        "gmv_gross,gross=0.5",
        "gmv_turnover,turnover=-1",
        "herc,clusters=0",
        "gmv_sector,cap=0",
    ] {
        let choice = Choice::from_words(words).unwrap();
        let error = (allocators::named(&choice.name).unwrap().build)(&choice).err().unwrap().to_string();
        assert!(error.contains("must be"), "{words}: {error}");
    }
}

#[test]
fn listed_parameters_are_those_that_are_read() {
    for entry in minvar::estimators::ALL {
        let written = (entry.parameters)().iter().map(|(key, value)| format!(",{key}={value}")).collect::<String>();
        crate::support::estimator(&format!("{}{written}", entry.name)).unwrap();
    }
    for entry in allocators::ALL {
        let written = (entry.parameters)().iter().map(|(key, value)| format!(",{key}={value}")).collect::<String>();
        let choice = Choice::from_words(&format!("{}{written}", entry.name)).unwrap();
        (entry.build)(&choice).unwrap();
    }
}

fn all_allocators() -> Vec<(&'static str, Box<dyn Allocator>)> {
    allocators::ALL.iter().map(|entry| (entry.name, (entry.build)(&Choice::named(entry.name)).unwrap())).collect()
}

fn true_covariance(n_assets: usize) -> Covariance {
    let (_, truth) = complete_market(n_assets, 30).simulate().unwrap();
    truth.covariance(20, &(0..n_assets).collect::<Vec<_>>()).unwrap()
}

const SECTORS: [&str; 4] = ["banks", "energy", "", "water"];

/// Sectors and market values of n assets, and current holdings without a tenth of the assets.
struct Known {
    sectors: Vec<&'static str>,
    values: Vec<f64>,
    held: Vec<f64>,
}

impl Known {
    fn of(order: &[usize]) -> Self {
        let sectors = order.iter().map(|i| SECTORS[i % 4]).collect();
        let values = order.iter().map(|i| 1e9 * (1.0 + *i as f64)).collect();
        let held = order.iter().map(|i| if i % 3 == 0 { 2.7 / order.len() as f64 } else { 0.0 }).collect();
        Self { sectors, values, held }
    }

    fn situation(&self) -> Situation<'_> {
        let (held, values, sectors) = (Some(&self.held[..]), Some(&self.values[..]), Some(&self.sectors[..]));
        Situation { start: None, held, market_values: values, sectors }
    }
}

#[test]
fn weights_sum_to_one_whatever_the_scale_and_the_order() {
    let sigma = true_covariance(30);
    let order = permuted(30);
    let other = Matrix::from_fn(30, 30, |i, j| 1e4 * sigma.matrix()[(order[i], order[j])]);
    let (known, reordered) = (Known::of(&(0..30).collect::<Vec<_>>()), Known::of(&order));
    for (name, allocator) in all_allocators() {
        let weights = allocator.allocate(&sigma, &known.situation()).unwrap();
        let weights = weights.as_slice();
        assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{name}");
        let sigma = Covariance::new(other.clone()).unwrap();
        let reordered = allocator.allocate(&sigma, &reordered.situation()).unwrap();
        if name == "hrp" {
            continue; // the order of the leaves, and so of the halves, follows the numbers of the assets
        }
        for (i, w) in reordered.as_slice().iter().enumerate() {
            assert!((w - weights[order[i]]).abs() < 1e-10, "{name}: {w} against {}", weights[order[i]]);
        }
    }
}

#[test]
fn constraints_hold_and_their_lack_lowers_the_risk() {
    let sigma = true_covariance(30);
    let known = Known::of(&(0..30).collect::<Vec<_>>());
    let solve = |words: &str| {
        let choice = Choice::from_words(words).unwrap();
        let allocator = (allocators::named(&choice.name).unwrap().build)(&choice).unwrap();
        let weights = allocator.allocate(&sigma, &known.situation()).unwrap().as_slice().to_vec();
        (sigma.variance_of(&weights), weights)
    };
    let (lowest, _) = solve("gmv");
    let (long_only, weights) = solve("gmv_long_only");
    assert!(weights.iter().all(|w| *w >= 0.0) && lowest <= long_only);
    for entry in allocators::ALL.iter().filter(|entry| !entry.name.starts_with("gmv")) {
        let (risk, weights) = solve(entry.name);
        assert!(weights.iter().all(|w| *w >= 0.0) && long_only <= risk, "{}: {risk} against {long_only}", entry.name);
    }
    let (risk, weights) = solve("gmv_box,lower=-0.02,upper=0.08");
    assert!(weights.iter().all(|w| (-0.02 - 1e-15..=0.08 + 1e-15).contains(w)) && risk >= lowest);
    let (risk, weights) = solve("gmv_gross,gross=1.2");
    let gross: f64 = weights.iter().map(|w| w.abs()).sum();
    assert!((gross - 1.2).abs() < 1e-12 && lowest < risk && risk < long_only, "gross {gross}");
    let (risk, weights) = solve("gmv_turnover,turnover=0.3");
    let traded: f64 = weights.iter().zip(&known.held).map(|(w, h)| (w - h).abs()).sum();
    assert!((traded - 0.4).abs() < 1e-12 && risk > long_only, "what was sold with its asset is bought back: {traded}");
    let (risk, weights) = solve("gmv_sector,cap=0.3");
    for sector in SECTORS {
        let sum: f64 = weights.iter().zip(&known.sectors).filter(|(_, s)| **s == sector).map(|(w, _)| w).sum();
        assert!(sum <= 0.3 + 1e-12, "{sector}: {sum}");
    }
    assert!(risk >= long_only);
    let image = |weights: &[f64]| sigma.matrix().times(weights);
    let (risk, weights) = solve("risk_budget");
    let contributions: Vec<f64> = image(&weights).iter().zip(&weights).map(|(s, w)| s * w / risk).collect();
    for sector in SECTORS {
        let sum: f64 = contributions.iter().zip(&known.sectors).filter(|(_, s)| **s == sector).map(|(c, _)| c).sum();
        assert!((sum - 0.25).abs() < 1e-10, "{sector} contributes {sum}");
    }
}

#[test]
fn what_an_allocator_cannot_do_without_is_named() {
    let sigma = true_covariance(10);
    for (words, expected) in [
        ("cap_weighted", "no market values"),
        ("gmv_sector", "no sectors"),
        ("risk_budget", "no sectors"),
        ("risk_budget,by=market_value", "no market values"),
        ("gmv_box,lower=0,upper=0.05", "cannot sum to one"),
    ] {
        let choice = Choice::from_words(words).unwrap();
        let allocator = (allocators::named(&choice.name).unwrap().build)(&choice).unwrap();
        let error = allocator.allocate(&sigma, &Situation::default()).err().unwrap().to_string();
        assert!(error.contains(expected), "{words}: {error}");
    }
    let known = Known::of(&(0..10).collect::<Vec<_>>());
    let choice = Choice::from_words("gmv_sector,cap=0.2").unwrap();
    let allocator = (allocators::named("gmv_sector").unwrap().build)(&choice).unwrap();
    let error = allocator.allocate(&sigma, &known.situation()).err().unwrap().to_string();
    assert!(error.contains("no weights satisfy") && error.contains("raise cap"), "{error}");
}

#[test]
fn where_a_solver_starts_does_not_change_a_byte_of_the_weights() {
    let sigma = true_covariance(40);
    let start: Vec<f64> = (0..40).map(|i| if i % 2 == 0 { 0.05 } else { 0.0 }).collect();
    let known = Known::of(&(0..40).collect::<Vec<_>>());
    for (name, allocator) in all_allocators() {
        let cold = allocator.allocate(&sigma, &known.situation()).unwrap();
        let warm = Situation { start: Some(&start), ..known.situation() };
        assert_eq!(allocator.allocate(&sigma, &warm).unwrap(), cold, "{name}");
    }
}

#[test]
fn every_entry_has_a_unique_name_and_a_reference() {
    let mut names = std::collections::HashSet::new();
    let entries = minvar::estimators::ALL.iter().map(|e| (e.name, e.reference));
    for (name, reference) in entries.chain(allocators::ALL.iter().map(|e| (e.name, e.reference))) {
        assert!(names.insert(name), "{name} is registered twice");
        assert!(!reference.is_empty(), "{name} has no reference");
    }
}

/// A window of any size gives an estimate, or one clear reason why there is none.
#[test]
fn a_few_days_or_assets_give_an_estimate_or_a_reason() {
    for (n_assets, n_days) in
        [(1, 2), (1, 12), (2, 2), (2, 3), (3, 3), (12, 2), (12, 3), (12, 11), (12, 12), (12, 13), (13, 12)]
    {
        let x = returns(n_assets, n_days);
        for (entry, estimator) in all_estimators() {
            let place = format!("{} of {n_assets} assets from {n_days} days", entry.name);
            match estimator.estimate(&window(x.clone())) {
                Ok(covariance) => {
                    let sigma = covariance.matrix();
                    assert!(sigma.entries().iter().all(|s| s.is_finite()), "{place}");
                    assert!((0..n_assets).all(|i| sigma[(i, i)] > 0.0), "{place}");
                }
                Err(error) => {
                    let message = error.to_string();
                    assert!(!message.contains("not finite") && message.lines().count() == 1, "{place}: {message}");
                }
            }
        }
    }
}
