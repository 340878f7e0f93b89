//! The tests of significance: compared with `arch` and with plain Python, and the laws that they obey.

use minvar::metrics;
use minvar::random::generator;
use minvar::significance::{
    Block, Kernel, Measure, Resampling, Scaling, Scheme, Statistic, block_length, bootstrap_difference, confidence_set,
    deflated_sharpe, difference_block_length, hac_difference, long_run_covariance, probabilistic_sharpe,
    seeded_difference, superior_ability,
};
use rand::RngExt;
use serde::Deserialize;

/// The content of the file that `tests/reference/evidence.py` wrote.
#[derive(Deserialize)]
struct Reference {
    returns: Vec<Vec<f64>>,
    resamples: usize,
    block: usize,
    measures: Vec<Measures>,
    block_length: Vec<[f64; 2]>,
    parzen: Vec<Vec<f64>>,
    quadratic_spectral: Vec<Vec<f64>>,
    confidence_set_range: Vec<f64>,
    confidence_set_max: Vec<f64>,
    confidence_set_stationary: Vec<f64>,
    superior: Vec<[f64; 3]>,
    variance: Vec<LedoitWolf>,
    sharpe: Vec<LedoitWolf>,
}

#[derive(Deserialize)]
struct Measures {
    volatility_annual: f64,
    sharpe_ratio: f64,
    max_drawdown: f64,
    growth_annual: f64,
    calmar_ratio: f64,
    value_at_risk: f64,
    conditional_value_at_risk: f64,
    drawdown_quantstats: f64,
    volatility_quantstats: f64,
    skewness: f64,
    kurtosis: f64,
    rolling_last: f64,
    autocorrelation: Vec<f64>,
}

#[derive(Deserialize)]
struct LedoitWolf {
    estimate: f64,
    standard_error: f64,
    p_hac: f64,
    p_bootstrap: f64,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("../reference/evidence.json")).unwrap()
}

impl Reference {
    fn losses(&self) -> Vec<Vec<f64>> {
        self.returns.iter().map(|r| r.iter().map(|x| x * x).collect()).collect()
    }

    /// The blocks that the function `blocks` of the script draws.
    fn blocks(&self, resample: usize) -> Vec<Block> {
        let n_days = self.returns[0].len();
        let mut blocks = Vec::new();
        let mut left = n_days;
        while left > 0 {
            let counter = resample as u64 * 1_000_003 + blocks.len() as u64 * 7919 + 1;
            let mixed = counter.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            blocks.push(((mixed >> 33) as usize % n_days, self.block.min(left)));
            left -= self.block.min(left);
        }
        blocks
    }
}

fn views(series: &[Vec<f64>]) -> Vec<&[f64]> {
    series.iter().map(Vec::as_slice).collect()
}

/// Relative comparison, for numbers that both sides compute in doubles from the same formula.
#[track_caller]
fn close(ours: f64, theirs: f64, tolerance: f64) {
    assert!((ours - theirs).abs() <= tolerance * theirs.abs().max(1e-12), "{ours} against {theirs}");
}

#[test]
fn measures_agree_with_empyrical_and_quantstats() {
    let reference = reference();
    for (r, theirs) in reference.returns.iter().zip(&reference.measures) {
        close(metrics::volatility_annual(r, 252.0), theirs.volatility_annual, 1e-12);
        close(metrics::volatility_annual(r, 252.0), theirs.volatility_quantstats, 1e-12);
        close(metrics::sharpe_ratio(r, 252.0), theirs.sharpe_ratio, 1e-12);
        close(metrics::max_drawdown(r), theirs.max_drawdown, 1e-12);
        close(metrics::max_drawdown(r), theirs.drawdown_quantstats, 1e-12);
        close(metrics::growth_annual(r, 252.0), theirs.growth_annual, 1e-12);
        close(metrics::calmar_ratio(r, 252.0), theirs.calmar_ratio, 1e-12);
        close(metrics::value_at_risk(r, 0.05), theirs.value_at_risk, 1e-12);
        close(metrics::conditional_value_at_risk(r, 0.05), theirs.conditional_value_at_risk, 1e-12);
        close(metrics::skewness(r), theirs.skewness, 1e-10);
        close(metrics::kurtosis(r), theirs.kurtosis, 1e-10);
        close(*metrics::rolling_volatility(r, 63, 252.0).last().unwrap(), theirs.rolling_last, 1e-10);
        close(metrics::volatility_drag(r, 252.0), 252.0 * metrics::mean(r) - theirs.growth_annual, 1e-10);
        // Numpy centres the two parts of a pair separately, which differs in order 1/T.
        let (q, rho) = (252.0, &theirs.autocorrelation);
        let scale = q / (q + 2.0 * ((q - 1.0) * rho[0] + (q - 2.0) * rho[1])).sqrt();
        let expected = scale * theirs.sharpe_ratio / 252f64.sqrt();
        close(metrics::autocorrelated_sharpe_ratio(r, 2, 252.0), expected, 3e-3);
    }
}

#[test]
fn block_lengths_and_kernels_agree_with_arch() {
    let reference = reference();
    for (losses, [stationary, circular]) in reference.losses().iter().zip(&reference.block_length) {
        let ours = block_length(losses).unwrap();
        close(ours.stationary, *stationary, 1e-10);
        close(ours.circular, *circular, 1e-10);
    }
    let centred: Vec<Vec<f64>> =
        reference.returns.iter().map(|r| r.iter().map(|x| x - metrics::mean(r)).collect()).collect();
    let n_days = centred[0].len() as f64;
    for (kernel, bandwidth, theirs) in
        [(Kernel::Parzen, 8.0, &reference.parzen), (Kernel::QuadraticSpectral, 4.1, &reference.quadratic_spectral)]
    {
        let ours = long_run_covariance(&centred, kernel, Some(bandwidth));
        for a in 0..4 {
            for b in 0..4 {
                // arch divides by T, but Andrews' equation 2.5 by T − k. Its sum for the quadratic spectral kernel
                // stops earlier.
                let tolerance = if kernel == Kernel::Parzen { 1e-10 } else { 2e-3 };
                close(ours[(a, b)] * (n_days - 4.0) / n_days, theirs[a][b], tolerance);
            }
        }
    }
}

#[test]
fn confidence_sets_on_the_same_resamples_are_those_of_arch() {
    let reference = reference();
    let losses = reference.losses();
    let blocks = |resample: usize| reference.blocks(resample);
    for (statistic, theirs) in
        [(Statistic::Range, &reference.confidence_set_range), (Statistic::Max, &reference.confidence_set_max)]
    {
        let ours = confidence_set(&views(&losses), statistic, reference.resamples, blocks).unwrap();
        ours.p_values.iter().zip(theirs).for_each(|(ours, theirs)| close(*ours, *theirs, 1e-12));
    }
}

#[test]
fn confidence_sets_with_stationary_blocks_agree_with_arch_up_to_the_noise_of_resampling() {
    let reference = reference();
    let losses = reference.losses();
    let scheme = Scheme::Stationary { mean_length: reference.block as f64 };
    let resampling = Resampling { scheme, n_resamples: 20_000, seed: 5 };
    let blocks = |resample: usize| resampling.blocks(resample, losses[0].len());
    let ours = confidence_set(&views(&losses), Statistic::Range, 20_000, blocks).unwrap();
    for (ours, theirs) in ours.p_values.iter().zip(&reference.confidence_set_stationary) {
        // Two binomial shares of 20,000 draws each: four standard errors are at most 0.02.
        assert!((ours - theirs).abs() < 0.02, "{ours} against {theirs}");
    }
}

#[test]
fn superior_ability_on_the_same_resamples_is_that_of_arch() {
    let reference = reference();
    let losses = reference.losses();
    let blocks = |resample: usize| reference.blocks(resample);
    for (benchmark, theirs) in reference.superior.iter().enumerate() {
        let others: Vec<&[f64]> = (0..4).filter(|k| *k != benchmark).map(|k| losses[k].as_slice()).collect();
        let (length, n) = (reference.block as f64, reference.resamples);
        // arch computes ω, but divides neither statistic by it.
        let ours = superior_ability(&losses[benchmark], &others, Scaling::Plain, length, n, blocks).unwrap();
        [ours.lower, ours.consistent, ours.upper].iter().zip(theirs).for_each(|(o, t)| close(*o, *t, 1e-12));
        let ours = superior_ability(&losses[benchmark], &others, Scaling::Studentised, length, n, blocks).unwrap();
        assert!(ours.lower <= ours.consistent && ours.consistent <= ours.upper);
        let mean = |k: usize| metrics::mean(&losses[k]);
        if (0..4).all(|k| mean(benchmark) <= mean(k)) {
            assert_eq!(ours.consistent, 1.0, "no one is ahead of the best");
        }
    }
}

#[test]
fn ledoit_wolf_tests_agree_with_their_formulas_written_day_by_day() {
    let reference = reference();
    let first = &reference.returns[0];
    for (measure, theirs) in [(Measure::LogVariance, &reference.variance), (Measure::SharpeRatio, &reference.sharpe)] {
        for (second, theirs) in reference.returns[1..].iter().zip(theirs) {
            let ours = hac_difference(measure, first, second, Kernel::Parzen).unwrap();
            close(ours.estimate, theirs.estimate, 1e-10);
            close(ours.standard_error, theirs.standard_error, 1e-6); // their gradient is a central difference
            assert!((ours.p_value - theirs.p_hac).abs() < 1e-6, "{} against {}", ours.p_value, theirs.p_hac);
            let blocks = |resample: usize| reference.blocks(resample);
            let ours = bootstrap_difference(measure, first, second, reference.block, reference.resamples, blocks);
            close(ours.unwrap().p_value, theirs.p_bootstrap, 1e-12);
        }
    }
}

/// Fat-tailed returns of two portfolios with a common, slowly changing volatility.
fn dependent_pair(seed: u64, n_days: usize, second_scale: f64) -> (Vec<f64>, Vec<f64>) {
    let mut random = generator(seed, 0);
    let mut normal = || (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0;
    let mut log_volatility = 0.0;
    let mut day = || {
        log_volatility = 0.95 * log_volatility + 0.12 * normal();
        let (common, scale) = (normal(), f64::exp(log_volatility));
        (0.01 * scale * (0.7 * common + 0.7 * normal()), 0.01 * second_scale * scale * (0.7 * common + 0.7 * normal()))
    };
    (0..n_days).map(|_| day()).unzip()
}

#[test]
fn tests_of_a_true_null_reject_about_as_often_as_they_say_and_find_a_true_difference() {
    const TRIALS: u64 = 300;
    let p_values = |scale: f64, measure: Measure| -> (usize, usize) {
        let (mut hac, mut bootstrap) = (0, 0);
        for seed in 0..TRIALS {
            let (first, second) = dependent_pair(seed, 750, scale);
            let length = difference_block_length(measure, &first, &second).unwrap();
            let scheme = Scheme::Circular { length };
            let resampling = Resampling { scheme, n_resamples: 199, seed };
            let blocks = |resample: usize| resampling.blocks(resample, 750);
            let kernel = Kernel::QuadraticSpectral;
            hac += usize::from(hac_difference(measure, &first, &second, kernel).unwrap().p_value < 0.1);
            let test = bootstrap_difference(measure, &first, &second, length, 199, blocks).unwrap();
            bootstrap += usize::from(test.p_value < 0.1);
        }
        (hac, bootstrap)
    };
    for measure in [Measure::LogVariance, Measure::SharpeRatio] {
        let (hac, bootstrap) = p_values(1.0, measure);
        // 10 % of 300 is 30, with a standard error of 5. HAC tests are known to reject too often in samples of this
        // size.
        assert!((15..=60).contains(&hac), "{measure:?}: HAC rejects {hac} of {TRIALS}");
        assert!((12..=48).contains(&bootstrap), "{measure:?}: the bootstrap rejects {bootstrap} of {TRIALS}");
    }
    let (hac, bootstrap) = p_values(1.25, Measure::LogVariance);
    assert!(hac > 280 && bootstrap > 270, "a quarter more volatility is found {hac} and {bootstrap} times of {TRIALS}");
}

#[test]
fn seeds_that_differ_widen_the_interval_of_their_mean() {
    let (first, second) = dependent_pair(3, 1000, 1.1);
    let scaled = |c: f64| first.iter().map(|r| c * r).collect::<Vec<f64>>();
    let test = |scales: [f64; 3]| {
        let seeds = scales.map(scaled);
        seeded_difference(Measure::LogVariance, &views(&seeds), &second, 2000, 1).unwrap()
    };
    let (alike, apart) = (test([1.0, 1.0001, 0.9999]), test([0.8, 1.0, 1.25]));
    assert!((alike.estimate - apart.estimate).abs() < 1e-3, "scales have the same mean logarithm");
    assert!(apart.standard_error > 1.5 * alike.standard_error, "{apart:?} against {alike:?}");
    assert!(apart.interval.0 < apart.estimate && apart.estimate < apart.interval.1);
    // Equal seeds add nothing: days alone decide, as for two portfolios.
    let same = seeded_difference(Measure::LogVariance, &[&first, &first], &second, 4999, 1).unwrap();
    let length = difference_block_length(Measure::LogVariance, &first, &second).unwrap();
    let resampling = Resampling { scheme: Scheme::Circular { length }, n_resamples: 4999, seed: 2 };
    let blocks = |resample: usize| resampling.blocks(resample, first.len());
    let pair = bootstrap_difference(Measure::LogVariance, &first, &second, length, 4999, blocks).unwrap();
    assert_eq!(same.block_length, pair.block_length);
    assert!(
        (same.estimate - pair.estimate).abs() < 1e-12 && (same.standard_error / pair.standard_error - 1.0).abs() < 0.1
    );
    assert!((same.p_value - pair.p_value).abs() < 0.03, "{same:?} against {pair:?}");
    let width = |interval: (f64, f64)| interval.1 - interval.0;
    assert!((width(same.interval) / width(pair.interval) - 1.0).abs() < 0.15, "{same:?} against {pair:?}");
    let excludes_zero = pair.interval.0 > 0.0 || pair.interval.1 < 0.0;
    assert_eq!(excludes_zero, pair.p_value <= 0.05, "interval and p agree: {pair:?}");
    let alone = seeded_difference(Measure::LogVariance, &[&first], &second, 10, 1).unwrap_err();
    assert!(alone.to_string().contains("at least two"), "{alone}");
}

#[test]
fn trying_more_strategies_makes_a_sharpe_ratio_less_credible() {
    let trials: Vec<Vec<f64>> = (0..20).map(|seed| dependent_pair(seed, 500, 1.0).0).collect();
    let sharpe = |k: &usize| metrics::sharpe_ratio(&trials[*k], 252.0);
    let best = (0..20).max_by(|a, b| sharpe(a).total_cmp(&sharpe(b))).unwrap();
    let single = probabilistic_sharpe(&trials[best], 0.0).unwrap();
    let deflated = deflated_sharpe(&views(&trials), best).unwrap();
    assert!(single > 0.9 && deflated < single - 0.1, "{deflated} after {single}");
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let losses = reference().losses();
    let resampling = Resampling { scheme: Scheme::Stationary { mean_length: 5.0 }, n_resamples: 500, seed: 1 };
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let blocks = |resample: usize| resampling.blocks(resample, losses[0].len());
        pool.install(|| confidence_set(&views(&losses), Statistic::Max, 500, blocks).unwrap())
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn series_that_carry_no_test_are_refused_with_the_reason() {
    let good: Vec<f64> = dependent_pair(1, 100, 1.0).0;
    let refused = |first: &[f64], second: &[f64], why: &str| {
        let error = hac_difference(Measure::LogVariance, first, second, Kernel::Parzen).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    };
    refused(&good[..50], &good[..50], "50 days are too few, at least 60");
    refused(&good, &good[..99], "series 2 has 99 days, the first has 100");
    refused(&good, &[0.0; 100], "no variance");
    let mut holed = good.clone();
    holed[7] = f64::NAN;
    refused(&good, &holed, "series 2 is NaN on day 8");
    refused(&good, &good, "are the two series the same");
    let blocks = |_: usize| vec![(0, 100)];
    let same = confidence_set(&[&good, &good], Statistic::Range, 10, blocks).unwrap_err().to_string();
    assert!(same.contains("series 1 and 2 are the same"), "{same}");
    let length = bootstrap_difference(Measure::LogVariance, &good, &dependent_pair(2, 100, 1.0).0, 51, 10, blocks);
    assert!(length.unwrap_err().to_string().contains("do not fit into 100 days"));
}
