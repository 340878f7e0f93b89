//! Laws over everything registered: a new estimator or allocator is tested by its line in the registry.

use minvar::allocators::{self, Allocator};
use minvar::estimators::CovarianceEstimator;
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
    order.sort_by_key(|i| (i * i * 37 + 11 * i) % 101); // no pattern that a reversal or a shift would respect
    order
}

#[test]
fn covariances_are_symmetric_finite_and_positive_definite_where_promised() {
    for (entry, estimator) in all_estimators() {
        for (n_assets, n_days) in [(20, 300), (40, 120), (60, 50)] {
            let sigma = estimate(estimator.as_ref(), &returns(n_assets, n_days));
            assert!(sigma.entries().iter().all(|x| x.is_finite()), "{}", entry.name);
            for i in 0..n_assets {
                for j in 0..i {
                    assert_eq!(sigma[(i, j)], sigma[(j, i)], "{} at ({i}, {j})", entry.name);
                }
            }
            if n_assets < n_days || entry.invertible_above_t {
                assert!(Cholesky::new(&sigma).is_ok(), "{} at {n_assets} x {n_days}", entry.name);
            }
        }
    }
}

#[test]
fn the_order_of_the_assets_does_not_matter() {
    let x = returns(20, 150);
    let order = permuted(20);
    let reordered = Matrix::from_fn(150, 20, |t, i| x[(t, order[i])]);
    for (entry, estimator) in all_estimators() {
        let sigma = estimate(estimator.as_ref(), &x);
        let expected = Matrix::from_fn(20, 20, |i, j| sigma[(order[i], order[j])]);
        close(entry.name, &estimate(estimator.as_ref(), &reordered), &expected, 1e-12);
    }
}

#[test]
fn scaling_returns_scales_covariances_quadratically() {
    let x = returns(20, 150);
    for (entry, estimator) in all_estimators() {
        let expected = estimate(estimator.as_ref(), &x).scaled(9.0);
        close(entry.name, &estimate(estimator.as_ref(), &x.clone().scaled(3.0)), &expected, 1e-11);
    }
}

/// Estimators that weight only recent days and so do not converge.
const FORGETFUL: [&str; 1] = ["ewma"];

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
    for (entry, estimator) in all_estimators().into_iter().filter(|(entry, _)| !FORGETFUL.contains(&entry.name)) {
        let (short, long) = (error(estimator.as_ref(), 60), error(estimator.as_ref(), 20_000));
        assert!(long < 0.08 && long < short, "{}: error {short} at 60 days, {long} at 20,000", entry.name);
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

fn all_allocators() -> Vec<(&'static str, Box<dyn Allocator>)> {
    allocators::ALL.iter().map(|entry| (entry.name, (entry.build)(&Choice::named(entry.name)).unwrap())).collect()
}

fn true_covariance(n_assets: usize) -> Covariance {
    let (_, truth) = complete_market(n_assets, 30).simulate().unwrap();
    truth.covariance(20, &(0..n_assets).collect::<Vec<_>>()).unwrap()
}

#[test]
fn weights_sum_to_one_whatever_the_scale_and_the_order() {
    let sigma = true_covariance(30);
    let order = permuted(30);
    let other = Matrix::from_fn(30, 30, |i, j| 1e4 * sigma.matrix()[(order[i], order[j])]);
    for (name, allocator) in all_allocators() {
        let weights = allocator.allocate(&sigma, &Situation::default()).unwrap();
        let weights = weights.as_slice();
        assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{name}");
        let reordered = allocator.allocate(&Covariance::new(other.clone()).unwrap(), None).unwrap();
        for (i, w) in reordered.as_slice().iter().enumerate() {
            assert!((w - weights[order[i]]).abs() < 1e-10, "{name}: {w} against {}", weights[order[i]]);
        }
    }
}

#[test]
fn no_allocator_beats_minimum_variance_and_long_only_holds_no_shorts() {
    let sigma = true_covariance(30);
    let risk = |name: &str| {
        let entry = allocators::named(name).unwrap();
        let weights = (entry.build)(&Choice::named(name)).unwrap().allocate(&sigma, &Situation::default()).unwrap();
        (sigma.variance_of(weights.as_slice()), weights)
    };
    let (lowest, _) = risk("gmv");
    let (long_only, weights) = risk("gmv_long_only");
    assert!(weights.as_slice().iter().all(|w| *w >= 0.0));
    assert!(lowest <= long_only);
    for name in ["equal", "inverse_volatility"] {
        assert!(long_only <= risk(name).0, "{name}");
    }
}

#[test]
fn where_a_solver_starts_does_not_change_a_byte_of_the_weights() {
    let sigma = true_covariance(40);
    let start: Vec<f64> = (0..40).map(|i| if i % 2 == 0 { 0.05 } else { 0.0 }).collect();
    for (name, allocator) in all_allocators() {
        let cold = allocator.allocate(&sigma, &Situation::default()).unwrap();
        assert_eq!(allocator.allocate(&sigma, Some(&start)).unwrap(), cold, "{name}");
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
