//! Benchmarks of the core at the size of the real experiment (1,000 assets, 1,200 days, one thread), and of the
//! network in training.
//!
//! `matmul` is the machine's rate for a full product of the same shape as `correlation`, which computes the returns'
//! means, one triangle of the product and the scaling; `pca` is the shared eigendecomposition.

use std::time::{Duration, Instant};

use candle_core::{Device, Tensor};
use criterion::{Criterion, criterion_group, criterion_main};
use minvar::allocators::{self, Allocator, LongOnlyMinimumVariance, MinimumVariance, Situation};
use minvar::costs::{BenchmarkRate, Schedules};
use minvar::estimators::{
    self, Centring, Clip, CovarianceEstimator, Diagonal, EigenvalueCleaner, Ewma, LedoitWolfIdentity, Qis,
    RotationInvariant, Sample, Start, Window,
};
use minvar::linalg::eigen::decompose;
use minvar::linalg::{Covariance, Spectrum};
use minvar::nn::{Architecture, Network, realised_variance};
use minvar::panel::SizeRanks;
use minvar::policies::{Leveraged, Rebalance, Stored, Target, Targets};
use minvar::simulator::{Followed, Observed, Setting, Simulator, follow};
use minvar::synthetic::SyntheticMarket;
use rand::RngExt;

#[path = "../tests/it/clarabel_reference.rs"]
mod clarabel_reference;
#[path = "../tests/it/optimality.rs"]
mod optimality;

use clarabel_reference::clarabel;
use optimality::{Constraints, Sums, infeasibility, kkt_violation};

const N: usize = 1000;
const T: usize = 1200;

/// A pool of some threads.
fn threads(number: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(number).build().expect("threads")
}

/// The eigendecomposition of a sample correlation of 1,200 days.
fn eigen(criterion: &mut Criterion) {
    let one = threads(1);
    for n in [50, 100, 200, 350, 500, N] {
        let x = SyntheticMarket::complete(n, T).returns().expect("the parameters are valid");
        let window = Window::new(x).expect("complete returns");
        let doubles = window.correlation().entries();
        let singles: Vec<f32> = doubles.iter().map(|x| *x as f32).collect();
        criterion.bench_function(&format!("eigen/f32/n={n}"), |b| {
            one.install(|| b.iter(|| decompose(&singles, n).expect("a finite matrix")));
        });
        criterion.bench_function(&format!("eigen/f64/n={n}"), |b| {
            one.install(|| b.iter(|| decompose(doubles, n).expect("a finite matrix")));
        });
    }
}

fn core(criterion: &mut Criterion) {
    let (panel, _) = SyntheticMarket::complete(N, T + 5).simulate().expect("the parameters are valid");
    let (earlier, x) = (panel.matrix(0..T), panel.matrix(5..T + 5));
    let one = threads(1);
    let mut bench = |name: &str, run: &mut (dyn FnMut() + Send)| {
        criterion.bench_function(&format!("{name}/n={N}/t={T}"), |b| one.install(|| b.iter(&mut *run)));
    };

    let view = faer::MatRef::from_column_major_slice(x.entries(), T, N);
    let mut product = faer::Mat::<f64>::zeros(N, N);
    bench("matmul", &mut || {
        let (left, par) = (view.transpose(), faer::Par::Seq);
        faer::linalg::matmul::matmul(product.as_mut(), faer::Accum::Replace, left, view, 1.0, par);
    });
    bench("correlation", &mut || {
        // A window checks and keeps its returns; copying them is part of this work.
        Window::new(x.clone()).expect("complete returns").correlation();
    });
    let window = Window::new(x.clone()).expect("complete returns");
    let sample = window.covariance(Centring::Mean);
    bench("pca", &mut || drop(Spectrum::new(&sample)));

    let (eigenvalues, _) = window.covariance_spectrum(Centring::Mean).expect("a finite matrix");
    bench("qis_eigenvalues", &mut || drop(Qis.clean(&eigenvalues, (T - 1) as f64)));
    window.correlation_spectrum().expect("a finite matrix");
    let qis = RotationInvariant::on_covariance(Qis, Centring::Mean);
    let clip = RotationInvariant::on_correlation(Clip::default(), Diagonal::Reset);
    let ewma = Ewma::new(0.998, Start::Normalised).expect("a valid decay");
    // From here on the window's decompositions are cached.
    bench("qis", &mut || drop(qis.estimate(&window)));
    bench("clip", &mut || drop(clip.estimate(&window)));
    bench("sample", &mut || drop(Sample::default().estimate(&window)));
    bench("lw_identity", &mut || drop(LedoitWolfIdentity::default().estimate(&window)));
    bench("ewma", &mut || drop(ewma.estimate(&window)));

    for (name, estimator) in [("sample", &Sample::default() as &dyn CovarianceEstimator), ("qis", &qis)] {
        let sigma = estimator.estimate(&window).expect("n < T");
        let before = estimator.estimate(&Window::new(earlier.clone()).expect("complete returns")).expect("n < T");
        let start = LongOnlyMinimumVariance.allocate(&before, &Situation::default()).expect("positive definite");
        bench(&format!("gmv_of_{name}"), &mut || drop(MinimumVariance.allocate(&sigma, &Situation::default())));
        bench(&format!("gmv_long_only_cold_of_{name}"), &mut || {
            drop(LongOnlyMinimumVariance.allocate(&sigma, &Situation::default()))
        });
        bench(&format!("gmv_long_only_warm_of_{name}"), &mut || {
            drop(
                LongOnlyMinimumVariance
                    .allocate(&sigma, &Situation { start: Some(start.as_slice()), ..Situation::default() }),
            );
        });
        let constraints = Constraints { lower: 0.0, upper: f64::INFINITY, sums: Sums::Free };
        let ours = LongOnlyMinimumVariance.allocate(&sigma, &Situation::default()).expect("positive definite");
        second_opinion(&format!("gmv_long_only_of_{name}"), &sigma, ours.as_slice(), &constraints);
    }
}

/// Weights by clarabel beside ours. It takes seconds, so it runs only once.
fn second_opinion(name: &str, sigma: &Covariance, ours: &[f64], constraints: &Constraints<'_>) {
    let clock = Instant::now();
    let theirs = clarabel(sigma, constraints);
    let seconds = clock.elapsed().as_secs_f64();
    let difference = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    let (violation, excess) = (kkt_violation(sigma, ours, constraints), infeasibility(ours, constraints));
    println!(
        "clarabel_{name}/n={N}: {seconds:.2} s, weights differ by {difference:.0e}; ours violate optimality by {violation:.0e}, \
         constraints by {excess:.0e}"
    );
}

/// Minimum variance under bounds on gross exposure, turnover and sectors: cold, from nothing or, for turnover, from equal weights,
/// and warm, from those of five days before.
fn constrained(criterion: &mut Criterion) {
    let (panel, _) = SyntheticMarket::complete(N, T + 5).simulate().expect("the parameters are valid");
    let names: Vec<String> = (0..11).map(|s| s.to_string()).collect();
    let sectors: Vec<&str> = (0..N).map(|i| names[(i * 7919) % 11].as_str()).collect();
    let (zero, equal) = (vec![0.0; N], vec![1.0 / N as f64; N]);
    let window = |first: usize| Window::new(panel.matrix(first..first + T)).expect("complete returns");
    let weights = |words: &str, sigma: &Covariance, situation: &Situation<'_>| {
        let allocator = allocators::build(words).expect("a registered name and valid parameters");
        allocator.allocate(sigma, situation).expect("weights exist").as_slice().to_vec()
    };
    for name in ["sample", "qis"] {
        let estimator = estimators::build(name).expect("a registered name");
        let [earlier, sigma] = [0, 5].map(|first| estimator.estimate(&window(first)).expect("n < T"));
        // An allocator, its lower bound and limit, and the one that chose the weights five days before.
        for (words, lower, limit, before) in [
            ("gmv_gross", f64::NEG_INFINITY, 1.6, "gmv_gross"),
            ("gmv_gross,gross=3", f64::NEG_INFINITY, 3.0, "gmv_gross,gross=3"),
            ("gmv_turnover", 0.0, 0.3, "gmv_long_only"),
            ("gmv_turnover,turnover=0.05", 0.0, 0.05, "gmv_long_only"),
            ("gmv_turnover,turnover=0.05,lower=-inf", f64::NEG_INFINITY, 0.05, "gmv_gross"),
            ("gmv_turnover,turnover=1,lower=-inf", f64::NEG_INFINITY, 1.0, "gmv_gross"),
            ("gmv_sector", 0.0, 0.4, "gmv_sector"),
            ("gmv_sector,cap=0.2", 0.0, 0.2, "gmv_sector,cap=0.2"),
        ] {
            let cold = Situation { held: Some(&equal), sectors: Some(&sectors), ..Situation::default() };
            let held = weights(before, &earlier, &cold);
            let warm = Situation { start: Some(&held), held: Some(&held), ..cold };
            for (state, situation) in [("cold", cold), ("warm", warm)] {
                criterion.bench_function(&format!("{words}_{state}_of_{name}/n={N}/t={T}"), |b| {
                    b.iter(|| weights(words, &sigma, &situation));
                });
            }
            let sums = match words.split(',').next() {
                Some("gmv_gross") => Sums::Around(&zero, limit),
                Some("gmv_turnover") => Sums::Around(&held, limit),
                _ => Sums::Sectors(&sectors, limit),
            };
            let constraints = Constraints { lower, upper: f64::INFINITY, sums };
            let ours = weights(words, &sigma, &warm);
            second_opinion(&format!("{words}_warm_of_{name}"), &sigma, &ours, &constraints);
        }
    }
}

/// From returns to covariance, or to weights, including all work: each repetition uses a fresh window.
fn zoo(criterion: &mut Criterion) {
    for (n, number, words, allocator) in [
        (N, 1, "lw_identity", None),
        (N, 1, "qis", None),
        (N, 1, "nls_analytical", None),
        (N, 1, "rie", None),
        (N, 1, "bahc,bootstraps=10", None),
        (N, 1, "sample", Some("hrp")),
        (350, 2, "dcc_qis", None),
    ] {
        let x = SyntheticMarket::complete(n, T).returns().expect("the parameters are valid");
        let estimator = estimators::build(words).expect("a registered name and valid parameters");
        let allocator = allocator.map(|name| allocators::build(name).expect("a registered name"));
        let pool = threads(number);
        criterion.bench_function(&format!("from_returns/{words}/n={n}/t={T}/threads={number}"), |b| {
            b.iter(|| {
                pool.install(|| {
                    let window = Window::new(x.clone()).expect("complete returns");
                    let sigma = estimator.estimate(&window).expect("n < T");
                    allocator.as_ref().map(|a| a.allocate(&sigma, &Situation::default()).expect("positive variances"))
                })
            });
        });
    }
}

/// Forward and backward passes of the compact network on a batch of 32, on all cores.
fn network(criterion: &mut Criterion) {
    let network = Network::<f32>::new(Architecture::compact(), 1).expect("a valid architecture");
    for n in [100, 350] {
        let draw = |days: usize| Tensor::randn(0f32, 0.02, (32, n, days), &Device::Cpu).expect("memory for the arrays");
        let (returns, future) = (draw(T), draw(5));
        criterion.bench_function(&format!("network_step/n={n}/t={T}/batch=32"), |b| {
            b.iter(|| {
                let weights = network.weights(&returns).expect("finite returns");
                let losses = realised_variance(&weights, &future).expect("matching shapes");
                losses.mean_all().and_then(|loss| loss.backward()).expect("a differentiable loss")
            });
        });
    }
}

/// An account over 250 days: a thousand assets rebalanced to equal weights every five sessions, and a hundred of them
/// every session under the margin rule of the leverage grid.
fn accounts(criterion: &mut Criterion) {
    const DAYS: usize = 250;
    let (panel, _) = SyntheticMarket::complete(N, 2 * DAYS).simulate().expect("the parameters are valid");
    let schedules = Schedules::default();
    let benchmark = BenchmarkRate::yearly(&schedules);
    let ranks = SizeRanks::new(&panel, DAYS, 2 * DAYS);
    for (profile, n_assets, leverage) in [("realistic", N, 1.0), ("paper_sequel", 100, 2.0)] {
        let weights = (0..n_assets).map(|asset| Target { asset, weight: 1.0 / n_assets as f64 }).collect();
        let targets = Targets { days: vec![(DAYS, weights)] };
        let sessions = if profile == "realistic" { 5 } else { 1 };
        let rules = schedules.profile(profile).expect("it is built in");
        let simulator = Simulator::new(rules, &schedules, &benchmark, &ranks).expect("it is sound");
        criterion.bench_function(&format!("account/{profile}/n={n_assets}/days={DAYS}"), |b| {
            b.iter(|| {
                let policy = Stored::new(&targets, Rebalance::Every(sessions));
                let mut policy = Leveraged { policy, leverage };
                let assets = targets.assets();
                let setting = Setting { panel: &panel, assets, first: DAYS, end: 2 * DAYS };
                let observe = &mut |_: &Observed<'_>| Ok(());
                let account = Followed { simulator: &simulator, capital_usd: 1e8, policy: &mut policy, observe };
                follow(&setting, account).expect("the market is complete")
            });
        });
    }
}

/// 25 strategies over 6,000 days, with a tenth of the resamples that a report uses.
fn significance(criterion: &mut Criterion) {
    use minvar::significance::{Resampling, Scheme, Statistic, confidence_set};
    const DAYS: usize = 6000;
    let mut random = minvar::random::generator(1, 0);
    let mut loss = |k: usize| (0..DAYS).map(|_| (1.0 + 0.01 * k as f64) * random.random::<f64>().powi(4)).collect();
    let losses: Vec<Vec<f64>> = (0..25).map(&mut loss).collect();
    let views: Vec<&[f64]> = losses.iter().map(Vec::as_slice).collect();
    let resampling = Resampling { scheme: Scheme::Stationary { mean_length: 10.0 }, n_resamples: 10_000, seed: 1 };
    for statistic in [Statistic::Range, Statistic::Max] {
        criterion.bench_function(&format!("confidence_set/{statistic:?}/k=25/days={DAYS}/resamples=10000"), |b| {
            b.iter(|| confidence_set(&views, statistic, 10_000, |k| resampling.blocks(k, DAYS)).expect("it is defined"))
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2)).without_plots();
    targets = eigen, core, constrained, accounts, zoo, network, significance
}
criterion_main!(benches);
