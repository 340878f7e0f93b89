//! Covariances in parts: memory × cleaner × volatility.

use std::sync::Arc;

use minvar::estimators::modules::{Modules, Networks, key_of};
use minvar::estimators::{
    ALL, Calibration, Centring, CovarianceEstimator, CvOracle, Share, Window, composition, memory, volatility,
};
use minvar::linalg::{Matrix, Spectrum};
use minvar::nn::{Architecture, Network};
use minvar::registry::{Choice, NumberOr};
use minvar::train::Neural;

use crate::support::{estimator, quick_words, with_calibration};
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
fn cleaners() -> impl Iterator<Item = String> {
    let window = Window::new(market()).unwrap();
    let names = ALL.iter().map(|entry| quick_words(entry.name));
    names.filter(move |name| {
        let with_memory = estimator(&format!("{name},memory=flat"));
        with_memory.is_ok_and(|estimator| estimator.estimate(&window).is_ok())
    })
}

#[test]
fn a_flat_memory_changes_no_bit_of_any_estimator() {
    let window = Window::new(market()).unwrap();
    assert!(cleaners().count() > 35, "{}", cleaners().count());
    for name in cleaners() {
        let alone = estimator(&name).unwrap().estimate(&window).unwrap();
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
    let ranges = returns.clone().map(|day, _, x| x.abs() * (1.0 + (day % 3) as f64));
    let window = Window::new(returns.clone()).unwrap().with_ranges(ranges);
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
        "gerber",
    ] {
        let estimator = estimator(name).unwrap();
        let (a, b) = (estimator.estimate(&seen).unwrap(), estimator.estimate(&alone).unwrap());
        let error = a.matrix().clone().map(|i, j, x| x - b.matrix()[(i, j)]).max_abs() / b.matrix().max_abs();
        assert!(error < 1e-12, "{name}: {error:e}");
    }
}

/// The largest difference relative to the largest entry.
fn difference(a: &Matrix, b: &Matrix) -> f64 {
    a.clone().map(|i, j, x| x - b[(i, j)]).max_abs() / b.max_abs()
}

/// A day of weight two counts as two days.
#[test]
fn nercome_counts_days_by_their_weight() {
    let returns = market();
    let n_days = returns.nrows();
    let weights: Vec<f64> = (0..n_days).map(|day| if day < n_days / 2 { 2.0 } else { 1.0 }).collect();
    let twice: Vec<usize> = (0..n_days / 2).flat_map(|day| [day, day]).chain(n_days / 2..n_days).collect();
    let weighted = Window::weighted(returns.clone(), &weights, Default::default()).unwrap();
    let repeated = Window::new(returns.rows(&twice)).unwrap();
    let of = |window: &Window, split: f64| {
        let estimator = estimator(&format!("nercome,permutations=0,split={split}")).unwrap();
        estimator.estimate(window).unwrap().matrix().clone()
    };
    let error = difference(&of(&weighted, 0.5), &of(&repeated, 2.0 / 3.0));
    assert!(error < 1e-12, "{error:e}");
}

/// Train days of a cross-validation have the weights of their age before its test days, which are flat.
#[test]
fn cv_oracle_weighs_train_days_alone() {
    let returns = market();
    let (n_days, n, train, test) = (returns.nrows(), returns.ncols(), 60, 15);
    let weights: Vec<f64> = (0..n_days).rev().map(|age| 1.0 / (1.0 + age as f64 / 40.0)).collect();
    let window = Window::weighted(returns.clone(), &weights, Default::default()).unwrap();
    let oracle = CvOracle::new(NumberOr::Rule(Share::Half), NumberOr::Number(test as f64), false).unwrap();
    let sum: f64 = weights.iter().sum();
    let mean: Vec<f64> =
        returns.columns().map(|x| x.iter().zip(&weights).map(|(x, w)| w * x).sum::<f64>() / sum).collect();
    let y = returns.clone().map(|_, asset, x| x - mean[asset]);
    for (k, found) in oracle.windows(&window).unwrap().iter().enumerate() {
        let from = k * test;
        let moment = |i: usize, j: usize| {
            (0..train).map(|d| weights[n_days - train + d] * y[(from + d, i)] * y[(from + d, j)]).sum()
        };
        let spectrum = Spectrum::new(&Matrix::from_fn(n, n, moment)).unwrap();
        for (u, found) in spectrum.eigenvectors.columns().zip(found) {
            let along = |day: usize| (0..n).map(|i| u[i] * y[(day, i)]).sum::<f64>();
            let expected = (from + train..from + train + test).map(|day| along(day).powi(2)).sum::<f64>() / test as f64;
            assert!((found - expected).abs() < 1e-12 * expected, "{found} against {expected}");
        }
    }
    let sigma = oracle.estimate(&window).unwrap();
    let (_, spectrum) = window.covariance_spectrum(Centring::Mean).unwrap();
    let image = sigma.matrix().product(&spectrum.eigenvectors);
    let v = spectrum.eigenvectors.column(n - 1);
    let level: f64 = v.iter().zip(image.column(n - 1)).map(|(v, x)| v * x).sum();
    assert!(
        (0..n).all(|i| (image.column(n - 1)[i] - level * v[i]).abs() < 1e-12 * level),
        "eigenvectors of the weighted window"
    );
}

#[test]
fn an_average_oracle_sees_earlier_windows_as_it_sees_this_one() {
    let window = Window::new(market()).unwrap();
    let of = |words: &str| estimator(words).unwrap().estimate(&window).unwrap().matrix().clone();
    let flat = of("average_oracle,draws=5");
    // The calibration of the tests has a horizon of five days.
    let horizon = of("average_oracle,draws=5,test_days=horizon");
    assert!(difference(&horizon, &of("average_oracle,draws=5,test_days=5")) == 0.0);
    assert!(difference(&horizon, &flat) > 0.0);
    let short = of("average_oracle,draws=5,memory=exponential(30)");
    assert!(difference(&of("average_oracle,draws=5,memory=flat"), &flat) == 0.0);
    assert!(difference(&short, &flat) > 1e-3);
    // Its eigenvalues, too, are others than those of the flat one on the weighted window.
    let weights: Vec<f64> = (0..120).rev().map(|age| (-f64::from(age) / 30.0).exp2()).collect();
    let weighted = Window::weighted(market(), &weights, Default::default()).unwrap();
    let calibrated_flat = estimator("average_oracle,draws=5").unwrap().estimate(&weighted).unwrap();
    assert!(difference(&short, calibrated_flat.matrix()) > 1e-3);
}

#[test]
fn ranges_are_put_at_the_level_of_returns() {
    let returns = market();
    let (n_days, n) = (returns.nrows(), returns.ncols());
    let window = |range: &dyn Fn(usize, usize) -> f64| {
        Window::new(returns.clone()).unwrap().with_ranges(Matrix::from_fn(n_days, n, range))
    };
    let of = |window: &Window| estimator("sample,volatility=range(0.9)").unwrap().estimate(window);
    // The same range on every day: the mean square, whatever the range.
    let square = |asset: usize| returns.column(asset).iter().map(|x| x * x).sum::<f64>() / n_days as f64;
    let sigma = of(&window(&|_, asset| 0.01 * (1.0 + asset as f64))).unwrap();
    assert!((0..n).all(|i| (sigma.matrix()[(i, i)] / square(i) - 1.0).abs() < 1e-12));
    // By hand: ranges of two levels, and some days unknown.
    let unknown = |day: usize| day % 30 == 3;
    let range = |day: usize, _: usize| {
        if unknown(day) {
            f64::NAN
        } else if day < 60 {
            0.01
        } else {
            0.03
        }
    };
    let sigma = of(&window(&range)).unwrap();
    let known: Vec<usize> = (0..n_days).filter(|day| !unknown(*day)).collect();
    let v = |day: usize| range(day, 0).powi(2) / (4.0 * 2f64.ln());
    let weight = |day: usize| 0.9f64.powi((n_days - 1 - day) as i32);
    let sum = |f: &dyn Fn(usize) -> f64| known.iter().map(|day| f(*day)).sum::<f64>();
    for i in 0..n {
        let level = sum(&|day| returns[(day, i)].powi(2)) / sum(&v);
        let expected = sum(&|day| weight(day) * v(day)) / sum(&weight) * level;
        assert!((sigma.matrix()[(i, i)] / expected - 1.0).abs() < 1e-12);
    }
    let too_few = |day: usize, asset: usize| if asset == 2 && day.is_multiple_of(10) { f64::NAN } else { 0.01 };
    let message = of(&window(&too_few)).unwrap_err().to_string();
    assert!(message.contains("column 2") && message.contains("less than 95 %"), "{message}");
    let message = of(&Window::new(returns.clone()).unwrap()).unwrap_err().to_string();
    assert!(message.contains("no high and low prices"), "{message}");
}

#[test]
fn constants_stand_beside_learned_intensities() {
    let window = Window::new(market()).unwrap();
    let of = |words: &str| estimator(words).unwrap().estimate(&window).unwrap().matrix().clone();
    let sample = window.covariance(Centring::Mean);
    let level = sample.trace() / 8.0;
    let half = sample.map(|i, j, s| 0.5 * s + if i == j { 0.5 * level } else { 0.0 });
    assert!(difference(&of("lw_identity,intensity=0.5"), &half) < 1e-14);
    assert!(of("lw_identity,intensity=estimated") == of("lw_identity"));
    assert!(of("qis,kappa=1") == of("qis"));
    let between = of("sample").map(|i, j, s| 0.3 * s + 0.7 * of("qis")[(i, j)]);
    assert!(difference(&of("qis,kappa=0.7"), &between) < 1e-12);
    // More assets than days, and far beyond QIS: eigenvalues stay positive and in order.
    let many = crate::support::window(crate::support::returns(60, 40));
    for kappa in ["0.5", "1.5", "2", "4"] {
        let sigma = estimator(&format!("qis,kappa={kappa}")).unwrap().estimate(&many).unwrap();
        let (_, spectrum) = many.covariance_spectrum(Centring::Mean).unwrap();
        let image = sigma.matrix().product(&spectrum.eigenvectors);
        let along = spectrum
            .eigenvectors
            .columns()
            .zip(image.columns())
            .map(|(v, x)| v.iter().zip(x).map(|(v, x)| v * x).sum::<f64>());
        let values: Vec<f64> = along.collect();
        assert!(values[0] > 0.0, "kappa {kappa}: {values:?}");
        let in_order = values.windows(2).all(|pair| pair[1] >= pair[0] * (1.0 - 1e-9));
        assert!(kappa == "0.5" || in_order, "kappa {kappa}: {values:?}");
    }
    for wrong in ["lw_identity,intensity=0", "lw_identity,intensity=1.1", "qis,kappa=0", "qis,kappa=9"] {
        let message = estimator(wrong).err().unwrap().to_string();
        assert!(message.contains("must be"), "{wrong}: {message}");
    }
}

/// An estimator whose parts may be modules of the network "net".
fn with_network(words: &str, network: Arc<dyn Modules>) -> minvar::error::Result<Box<dyn CovarianceEstimator>> {
    let choice = Choice::from_words(words).unwrap();
    let parts = minvar::estimators::modules::networks_of(&choice).unwrap();
    let networks: Networks = parts.iter().map(|part| (key_of(part), network.clone())).collect();
    with_calibration(|calibration| {
        composition::build(&choice, &Calibration { networks: Some(&networks), ..*calibration })
    })
}

#[test]
fn three_parts_of_a_network_are_the_network() {
    let original = Architecture { n_days: Some(40), ..Architecture::original() };
    for (architecture, n, t) in
        [(Architecture::compact(), 8, 120), (Architecture::compact(), 50, 40), (original, 20, 40)]
    {
        let returns = crate::support::returns(n, t);
        let window = Window::new(returns).unwrap();
        let network = || Network::<f64>::new(architecture.clone(), 3).unwrap();
        let whole = Neural(network()).estimate(&window).unwrap();
        let words = "recurrent,model=net,memory=model(net),volatility=model(net)";
        let of = |words: &str| with_network(words, Arc::new(Neural(network()))).unwrap().estimate(&window).unwrap();
        let error = difference(of(words).matrix(), whole.matrix());
        assert!(error < 1e-9, "{n} x {t}: {error:e}");
        // Each part matters, and gives way to an analytic one.
        for other in [
            "qis,memory=model(net),volatility=model(net)",
            "recurrent,model=net,volatility=model(net)",
            "recurrent,model=net,memory=model(net)",
            "recurrent,model=net,memory=exponential(60),count=days,devolatilised=ewma(0.97),volatility=garch",
            "qis,memory=model(net),devolatilised=ewma(0.97)",
        ] {
            let sigma = of(other);
            assert!(difference(sigma.matrix(), whole.matrix()) > 1e-6, "{other}");
        }
        // Without a volatility the variances are those of the window, not of clipped returns.
        let diagonal = of("qis,memory=model(net)").matrix().diagonal();
        let sample = window.covariance(Centring::Mean).diagonal();
        assert!(diagonal.iter().zip(&sample).all(|(a, b)| (a / b - 1.0).abs() < 1e-12));
    }
}

#[test]
fn modules_of_networks_are_refused_where_there_is_no_network() {
    for (words, expected) in [
        ("recurrent,model=net,units=3", "takes no parameter 'units'"),
        ("model=net,memory=flat", "a whole network has a memory and a volatility of its own and takes no 'memory'"),
        ("recurrent", "a network is named by 'model' or 'train'"),
        ("qis,memory=model(net)", "was not read"),
        ("ewma,memory=model(net)", "takes no memory"),
        ("qis,memory=model(net),count=days", "name a memory of weights"),
    ] {
        let choice = Choice::from_words(words).unwrap();
        let known = minvar::estimators::modules::networks_of(&choice);
        let message = known.err().or_else(|| estimator(words).err()).unwrap_or_else(|| panic!("{words}")).to_string();
        assert!(message.contains(expected), "{words}: {message}");
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
    refused("qis,volatility=range(1)", "range.decay must be in (0, 1)");
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
