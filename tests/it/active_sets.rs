//! Minimum variance under bounds, gross exposure, turnover and sectors: optimality, starts, corner cases, contradictions.

use minvar::allocators::{self, Situation, Weights};
use minvar::error::Result;
use minvar::linalg::{Covariance, Matrix};

use crate::clarabel_reference::clarabel;
use crate::optimality::{Constraints, Sums, infeasibility, kkt_violation};

const INFINITY: f64 = f64::INFINITY;

/// Uniform numbers between −0.5 and 0.5.
fn noise(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as f64 / 2f64.powi(31) - 0.5
    }
}

/// The covariance of returns with one factor over some days.
fn sample(n: usize, n_days: usize) -> Matrix {
    let mut noise = noise(n as u64);
    let market: Vec<f64> = (0..n_days).map(|_| noise()).collect();
    let (beta, own) = (|i: usize| 1.0 + (i * 37 % 11) as f64 / 22.0, |i: usize| 0.3 + (i * 29 % 13) as f64 / 13.0);
    let x = Matrix::from_fn(n_days, n, |t, i| 0.01 * (beta(i) * market[t] + own(i) * noise()));
    x.gram().scaled(1.0 / n_days as f64)
}

/// Covariances of every kind: of many days, of little more than n, of n/2, exact factors, a repeated asset, without correlation,
/// all alike.
fn covariances(n: usize) -> Vec<(&'static str, Matrix)> {
    let base = sample(n, 4 * n + 10);
    let loading = |i: usize| 1.0 + (i % 5) as f64 * 0.1;
    let diagonal = |i: usize, j: usize, x: f64| if i == j { x } else { 0.0 };
    vec![
        ("few", sample(n, n + n / 4 + 3)),
        ("singular", sample(n, n / 2 + 2)),
        ("factor", Matrix::from_fn(n, n, |i, j| loading(i) * loading(j) + diagonal(i, j, 0.5 + (i % 7) as f64))),
        ("twins", Matrix::from_fn(n, n, |i, j| base[(i.min(n.max(3) - 3), j.min(n.max(3) - 3))])),
        ("diagonal", Matrix::from_fn(n, n, |i, j| diagonal(i, j, 1.0 + (i % 4) as f64))),
        ("alike", Matrix::from_fn(n, n, |i, j| 0.3 + diagonal(i, j, 0.7))),
        ("tiny", base.clone().scaled(1e-12)),
        ("huge", base.clone().scaled(1e12)),
        ("many", base),
    ]
}

/// Weights held: equal; some of other lengths that do not sum to one; with a short position and one above every bound.
fn holdings(n: usize) -> Vec<Vec<f64>> {
    let mut concentrated = vec![0.0; n];
    concentrated[0] = if n > 1 { 1.3 } else { 1.0 };
    if n > 1 {
        concentrated[1] = -0.3;
    }
    vec![
        vec![1.0 / n as f64; n],
        (0..n).map(|i| if i % 3 == 0 { 2.7 / n as f64 } else { 0.0 }).collect(),
        (0..n).map(|i| if i % 2 == 0 { 2.2 / n as f64 } else { 0.0 }).collect(),
        concentrated,
    ]
}

/// An allocator in words, and what it must satisfy.
fn problems<'a>(held: &'a [f64], nothing: &'a [f64], sectors: &'a [&'a str]) -> Vec<(String, Constraints<'a>)> {
    let names: std::collections::BTreeSet<&str> = sectors.iter().copied().collect();
    let equal = 1.0 / names.len() as f64;
    let lacking = (1.0 - held.iter().sum::<f64>()).abs();
    let mut problems = Vec::new();
    let mut add = |words: String, lower: f64, upper: f64, sums| {
        problems.push((format!("{words},lower={lower},upper={upper}"), Constraints { lower, upper, sums }));
    };
    for (lower, upper) in [(0.0, 0.5), (-0.1, 0.3)] {
        add("gmv_box".into(), lower, upper, Sums::Free);
    }
    for (gross, lower, upper) in [
        (1.0, -INFINITY, INFINITY),
        (1.6, -INFINITY, INFINITY),
        (1.6, -0.05, INFINITY),
        (3.0, -0.1, 0.2),
        (1e6, -INFINITY, INFINITY),
    ] {
        add(format!("gmv_gross,gross={gross}"), lower, upper, Sums::Around(nothing, gross));
    }
    for (turnover, lower, upper) in
        [(0.0, 0.0, INFINITY), (0.05, 0.0, INFINITY), (0.3, 0.0, 0.2), (0.7, -INFINITY, INFINITY), (9.0, -0.1, 0.4)]
    {
        add(format!("gmv_turnover,turnover={turnover}"), lower, upper, Sums::Around(held, turnover + lacking));
    }
    for (cap, lower, upper) in [
        (equal, 0.0, INFINITY),
        (equal, -0.05, INFINITY),
        (1.5 * equal, -INFINITY, INFINITY),
        (2.0 * equal, 0.0, 0.2),
        (0.4, 0.0, 0.05),
    ] {
        add(format!("gmv_sector,cap={cap}"), lower, upper, Sums::Sectors(sectors, cap));
    }
    problems
}

/// Weights, or nothing where the constraints contradict each other; no other error may occur.
#[track_caller]
fn unless_contradictory(place: &str, weights: Result<Weights>) -> Option<Weights> {
    let clear = |error: &str| error.contains("sum to one") || error.contains("no weights satisfy");
    weights.map_err(|error| assert!(clear(&error.to_string()), "{place}: {error}")).ok()
}

#[test]
fn weights_are_optimal_and_the_same_from_every_start() {
    const SECTORS: [&str; 7] = ["a", "b", "c", "d", "e", "f", "g"];
    let mut n_solved = 0;
    for n in [1, 2, 3, 12, 40] {
        for (k, (kind, sigma)) in covariances(n).into_iter().enumerate() {
            let sigma = Covariance::new(sigma).unwrap();
            let sectors: Vec<&str> = (0..n).map(|i| SECTORS[(5 * i) % (k % 7 + 1)]).collect();
            let held = &holdings(n)[k % 4];
            for (words, constraints) in problems(held, &vec![0.0; n], &sectors) {
                let place = format!("{words} of {n} assets, {kind}");
                let allocator = allocators::build(&words).unwrap();
                let cold = Situation { held: Some(held), sectors: Some(&sectors), ..Situation::default() };
                let Some(weights) = unless_contradictory(&place, allocator.allocate(&sigma, &cold)) else { continue };
                n_solved += 1;
                let violation = kkt_violation(&sigma, weights.as_slice(), &constraints);
                assert!(violation < 1e-11, "{place}: {violation:e}");
                let excess = infeasibility(weights.as_slice(), &constraints);
                assert!(excess < 1e-12, "{place}: a constraint is broken by {excess:e}");
                let wild: Vec<f64> = (0..n).map(|i| i as f64 - 3.0).collect();
                let mut other = weights.as_slice().to_vec();
                other.rotate_left(1);
                for start in [held, &vec![1.0 / n as f64; n], &wild, &other, weights.as_slice()] {
                    let warm = Situation { start: Some(start), ..cold };
                    assert_eq!(allocator.allocate(&sigma, &warm).unwrap(), weights, "{place}, from {start:?}");
                }
            }
        }
    }
    assert!(n_solved > 500, "{n_solved}");
}

#[test]
fn clarabel_finds_the_same_weights() {
    let n = 40;
    let sectors: Vec<&str> = (0..n).map(|i| ["a", "b", "c"][(i / 5) % 3]).collect();
    for (kind, sigma) in covariances(n).into_iter().filter(|(kind, _)| ["few", "factor", "many"].contains(kind)) {
        let sigma = Covariance::new(sigma).unwrap();
        for held in holdings(n) {
            let situation = Situation { held: Some(&held), sectors: Some(&sectors), ..Situation::default() };
            for (words, constraints) in problems(&held, &vec![0.0; n], &sectors) {
                let ours = allocators::build(&words).unwrap().allocate(&sigma, &situation);
                let Some(ours) = unless_contradictory(&words, ours) else { continue };
                let theirs = clarabel(&sigma, &constraints);
                // Theirs are exact to about the square root of the tolerance where a price is next to that of free assets.
                for (ours, theirs) in ours.as_slice().iter().zip(&theirs) {
                    assert!((ours - theirs).abs() < 1e-6, "{words}, {kind}: {ours} against {theirs}");
                }
            }
        }
    }
}

fn weights(words: &str, sigma: &Covariance, held: &[f64]) -> Vec<f64> {
    let situation = Situation { held: Some(held), ..Situation::default() };
    allocators::build(words).unwrap().allocate(sigma, &situation).unwrap().as_slice().to_vec()
}

#[track_caller]
fn close(a: &[f64], b: &[f64]) {
    assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12), "{a:?} against {b:?}");
}

#[test]
fn constraints_that_leave_one_choice_or_bind_nothing_give_known_weights() {
    let sigma = Covariance::new(sample(16, 80)).unwrap();
    let held: Vec<f64> = (0..16).map(|i| f64::from(i % 4) / 24.0).collect();
    assert_eq!(held.iter().sum::<f64>(), 1.0);
    assert_eq!(weights("gmv_turnover,turnover=0", &sigma, &held), held, "nothing may be traded");
    let (free, long_only) = (weights("gmv", &sigma, &held), weights("gmv_long_only", &sigma, &held));
    close(&weights("gmv_gross,gross=1", &sigma, &held), &long_only);
    close(&weights("gmv_gross,gross=1e9", &sigma, &held), &free);
    close(&weights("gmv_turnover,turnover=100,lower=-inf", &sigma, &held), &free);
    close(&weights("gmv_turnover,turnover=100", &sigma, &held), &long_only);
    close(&weights("gmv_box,lower=-9,upper=9", &sigma, &held), &free);
    close(&weights("gmv_box,lower=0,upper=0.0625", &sigma, &held), &[0.0625; 16]);
    let two = Covariance::new(Matrix::from_rows(&[[1.0, 0.0], [0.0, 3.0]]).unwrap()).unwrap();
    close(&weights("gmv_turnover,turnover=0.1", &two, &[0.5, 0.5]), &[0.55, 0.45]);
    close(&weights("gmv_turnover,turnover=9", &two, &[0.5, 0.5]), &[0.75, 0.25]);
}

/// What has left the universe is bought back without counting, and a holding above its bound is sold.
#[test]
fn turnover_counts_from_holdings_that_break_constraints() {
    let sigma = Covariance::new(Matrix::from_fn(4, 4, |i, j| if i == j { 1.0 + i as f64 } else { 0.0 })).unwrap();
    // Without correlation (Σw)_i = (1 + i) w_i, which is the same for all that are bought.
    let price = 0.7 / (1.0 + 1.0 / 3.0 + 1.0 / 4.0);
    let expected = [price, 0.3, price / 3.0, price / 4.0];
    close(&weights("gmv_turnover,turnover=0", &sigma, &[0.3, 0.3, 0.1, 0.1]), &expected);
    let price = 0.5 / (1.0 / 2.0 + 1.0 / 3.0 + 1.0 / 4.0);
    let expected = [0.5, price / 2.0, price / 3.0, price / 4.0];
    close(&weights("gmv_turnover,turnover=0.2,upper=0.5", &sigma, &[0.6, 0.2, 0.1, 0.1]), &expected);
}

#[test]
fn contradictions_are_named_with_their_numbers() {
    let sigma = Covariance::new(sample(10, 60)).unwrap();
    let sectors: Vec<&str> = (0..10).map(|i| if i < 8 { "banks" } else { "energy" }).collect();
    for (words, expected) in [
        ("gmv_box,lower=0,upper=0.05", "10 weights between 0 and 0.05 cannot sum to one; set upper to at least 0.1"),
        ("gmv_gross,lower=0.2", "10 weights between 0.2 and inf cannot sum to one; set lower to at most 0.1"),
        ("gmv_turnover,upper=0.05", "set upper to at least 0.1"),
        ("gmv_sector,upper=0.05", "set upper to at least 0.1"),
        ("gmv_turnover,turnover=0.3,upper=0.3", "between 0 and 0.3 need a turnover of at least 1.400000, above 0.3"),
        ("gmv_sector,cap=0.4", "2 sectors of at most 0.4 hold 0.8 in all; raise cap or upper"),
        ("gmv_sector,cap=0.5,lower=0.07", "the weights of sector 'banks' exceed cap = 0.5 even at lower = 0.07"),
    ] {
        let held: Vec<f64> = (0..10).map(|i| f64::from(u8::from(i == 0))).collect();
        let situation = Situation { held: Some(&held), sectors: Some(&sectors), ..Situation::default() };
        let error = allocators::build(words).unwrap().allocate(&sigma, &situation).err().unwrap().to_string();
        assert!(error.contains(expected), "{words}: {error}");
    }
}
