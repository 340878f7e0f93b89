//! Covariances in parts: memory × cleaner × volatility.

use minvar::estimators::{ALL, Window, memory, volatility};
use minvar::linalg::Matrix;

use crate::support::estimator;
use crate::vectors::{TOLERANCE, Vectors};

/// Tensor after the name of the cleaner, and parts as a user writes them.
const PARTS: [(&str, &str); 6] = [
    ("flat", "memory=flat"),
    ("exponential_half_life_60", "memory=exponential(half_life=60)"),
    ("exponential_half_life_60.days", "memory=exponential(60),count=days"),
    ("hyperbolic_tau_40_alpha_1", "memory=hyperbolic(tau=40,alpha=1)"),
    ("flat.volatility_har_5", "volatility=har(horizon=5)"),
    ("devolatilised_ewma_0.97.volatility_ewma_0.99", "devolatilised=ewma(0.97),volatility=ewma(0.99)"),
];

#[test]
fn compositions_are_those_of_the_reference() {
    for panel in ["n30_t200", "n20_t300"] {
        let Some(vectors) = Vectors::open_in("compositions", panel) else { return };
        let window = Window::new(vectors.matrix("in.returns")).unwrap();
        for cleaner in ["sample", "lw_identity", "clip", "rie", "qis"] {
            for (tensor, parts) in PARTS {
                let expected = vectors.matrix(&format!("{cleaner}.{tensor}"));
                let ours = estimator(&format!("{cleaner},{parts}")).unwrap().estimate(&window).unwrap();
                let error = ours.matrix().clone().map(|i, j, x| x - expected[(i, j)]).max_abs() / expected.max_abs();
                assert!(error < TOLERANCE, "{panel}: {cleaner}.{tensor}: {error:e}");
            }
        }
    }
}

/// Returns of a small market whose volatilities change.
fn market() -> Matrix {
    let market = minvar::synthetic::SyntheticMarket::complete(8, 120);
    market.returns().unwrap()
}

/// Estimators whose days may have weights.
fn cleaners() -> impl Iterator<Item = &'static str> {
    let window = Window::new(market()).unwrap();
    let names = ALL.iter().map(|entry| entry.name);
    names.filter(move |name| {
        let with_memory = estimator(&format!("{name},memory=flat"));
        with_memory.is_ok_and(|estimator| estimator.estimate(&window).is_ok())
    })
}

#[test]
fn a_flat_memory_changes_no_bit_of_any_estimator() {
    let window = Window::new(market()).unwrap();
    assert!(cleaners().count() > 25, "{}", cleaners().count());
    for name in cleaners() {
        let alone = estimator(name).unwrap().estimate(&window).unwrap();
        for memory in ["flat", "exponential(half_life=inf)", "hyperbolic(tau=3,alpha=0)"] {
            for count in ["effective", "days"] {
                let words = format!("{name},memory={memory},count={count}");
                let composed = estimator(&words).unwrap().estimate(&window).unwrap();
                assert!(composed.matrix() == alone.matrix(), "{words}");
            }
        }
    }
}

#[test]
fn every_cleaner_takes_every_memory_and_every_volatility() {
    let returns = market();
    let window = Window::new(returns.clone()).unwrap();
    for name in cleaners() {
        for memory in memory::ALL {
            for volatility in volatility::ALL {
                for devolatilised in ["", ",devolatilised=ewma(0.97)"] {
                    let words = format!("{name},memory={},volatility={}{devolatilised}", memory.name, volatility.name);
                    let sigma = estimator(&words).unwrap().estimate(&window).unwrap();
                    let alone = estimator(&format!("sample,volatility={}", volatility.name)).unwrap();
                    let expected = alone.estimate(&window).unwrap().matrix().diagonal();
                    assert_eq!(sigma.matrix().diagonal(), expected, "{words}: variances are those of the volatility");
                    let is_correlation =
                        |i: usize, j: usize| sigma.matrix()[(i, j)].powi(2) <= (1.0 + 1e-9) * expected[i] * expected[j];
                    assert!((0..8).all(|i| (0..8).all(|j| is_correlation(i, j))), "{words}");
                }
            }
        }
    }
}

/// A memory that forgets all but the newest days gives what these days give.
#[test]
fn a_memory_weighs_days_by_their_age() {
    let returns = market();
    let n_days = returns.nrows();
    let weights: Vec<f64> = (0..n_days).map(|day| if day < 60 { 0.0 } else { 1.0 }).collect();
    let newest: Vec<usize> = (60..n_days).collect();
    let seen = Window::weighted(returns.clone(), &weights, Default::default()).unwrap();
    let alone = Window::new(returns.rows(&newest)).unwrap();
    assert!((seen.count() - 60.0).abs() < 1e-9);
    for name in [
        "sample",
        "lw_identity",
        "lw_const_corr",
        "lw_market",
        "lw_diagonal",
        "lw_two_param",
        "oas",
        "qis",
        "rie",
        "efm",
        "poet",
    ] {
        let estimator = estimator(name).unwrap();
        let (a, b) = (estimator.estimate(&seen).unwrap(), estimator.estimate(&alone).unwrap());
        let error = a.matrix().clone().map(|i, j, x| x - b.matrix()[(i, j)]).max_abs() / b.matrix().max_abs();
        assert!(error < 1e-12, "{name}: {error:e}");
    }
}

#[test]
fn parts_that_do_not_fit_are_refused_before_anything_is_computed() {
    let refused = |words: &str, expected: &str| {
        let message = estimator(words).err().unwrap_or_else(|| panic!("{words} was accepted")).to_string();
        assert!(message.contains(expected), "{words}: {message}");
    };
    refused("qis,memory=exponential(half_life=0)", "exponential.half_life must be above 0 days, but is 0");
    refused("qis,memory=exponential(-3)", "exponential.half_life");
    refused("qis,memory=exponential(halflife=3)", "halflife");
    refused("qis,memory=hyperbolc(3)", "did you mean 'hyperbolic'");
    refused("qis,memory=hyperbolic(tau=0)", "hyperbolic.tau");
    refused("qis,volatility=ewma(1)", "ewma.decay must be in (0, 1)");
    refused("qis,volatility=har(0)", "har.horizon");
    refused("qis,devolatilised=garch", "devolatilised by 'ewma(decay)'");
    refused("qis,count=days", "name a memory");
    refused("qis,memory=flat,count=all", "unknown word 'all'; known: effective, days");
    refused("ewma,memory=flat", "takes no memory");
    refused("dcc_qis,memory=exponential(60)", "takes no memory");
    let returns = market();
    let short = estimator("qis,memory=exponential(half_life=2)").unwrap();
    let message = short.estimate(&Window::new(returns.clone()).unwrap()).unwrap_err().to_string();
    assert!(
        message.contains("6 effective days, too few for 8 assets") && message.contains("count = \"days\""),
        "{message}"
    );
    assert!(
        estimator("qis,memory=exponential(2),count=days")
            .unwrap()
            .estimate(&Window::new(returns.clone()).unwrap())
            .is_ok()
    );
    // An asset that moved long ago has no variance left in a short memory.
    let still = returns.map(|day, asset, r| if asset == 3 && day > 0 { 0.0 } else { r });
    let of = |words: &str| estimator(words).unwrap().estimate(&Window::new(still.clone()).unwrap());
    assert!(of("sample,volatility=ewma(0.94)").is_ok());
    let message = of("sample,volatility=ewma(0.000001)").unwrap_err().to_string();
    assert!(message.contains("its forecast of volatility is zero"), "{message}");
}
